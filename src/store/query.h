/* query: one statement of SQL over the store, for people and scripts; nothing can be written.
 *
 * The file is opened for reading alone, beside whoever writes to it. The tables are those of
 * schema.c and may change with the program: what must last is `carat export`.
 */
#ifndef CARAT_STORE_QUERY_H
#define CARAT_STORE_QUERY_H

#include <jansson.h>
#include <stdbool.h>

struct err;

/* A row: column to number, text, null, or {"bytes": LENGTH} for a blob. Two columns of one name are
 * told apart as NAME and NAME:2. False ends the query. `row` is borrowed. */
typedef bool query_take(void *context, const json_t *row);

/* ERR_ARGUMENT when the statement is none, more than one, or would change something. */
bool query_run(const char *path, const char *sql, query_take *take, void *context, struct err *err);

#endif
