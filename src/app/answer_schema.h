/* answer_schema: the JSON Schema that an answer of `carat exec --schema` keeps to.
 *
 * The engine cannot write another form (infer/constraint.h). A server may, and bounds of numbers
 * and lengths are beyond a grammar: so each answer is held against the whole schema, and a script
 * that reads it never meets anything else.
 */
#ifndef CARAT_APP_ANSWER_SCHEMA_H
#define CARAT_APP_ANSWER_SCHEMA_H

#include <jansson.h>
#include <stdbool.h>

struct err;

/* Reads the schema (from this file, or it is `given` itself when that begins with {) and tries
 * whether answers can be held to it. NULL with the path and the mistake in err; else the caller's.
 */
json_t *answer_schema_read(const char *given, struct err *err);
/* The same for a schema that is there already; `name` is for messages. Borrows it. */
bool answer_schema_check(const json_t *schema, const char *name, struct err *err);

/* The one JSON value that `answer` is, when it is of the schema (white space between its parts
 * aside): the caller's. Else NULL and *err. */
json_t *answer_schema_value(const json_t *schema, const char *answer, struct err *err);

#endif
