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

/* Reads the schema and tries whether answers can be held to it. NULL with the path and the mistake
 * in err; else the caller's. */
json_t *answer_schema_read(const char *path, struct err *err);

/* Whether `answer` is one JSON value of the schema, white space between its parts aside. */
bool answer_schema_fits(const json_t *schema, const char *answer, struct err *err);

#endif
