/* call_schema: a call's arguments against the JSON Schema that the tool declared.
 *
 * Knows what small tools use: type (also a list), properties, required, items, enum, nullable,
 * additionalProperties. Everything else in a schema is passed over: the tool checks it itself.
 * Schemas may be NULL, which allows everything. Pure functions.
 */
#ifndef CARAT_CHAT_CALL_SCHEMA_H
#define CARAT_CHAT_CALL_SCHEMA_H

#include <jansson.h>
#include <stdbool.h>

struct err;
struct str;

/* The declaration (the "function" object) of the tool of that name in an array in OpenAI form, or
 * NULL. Borrowed. */
const json_t *call_schema_find(const json_t *tools, const char *name);

/* The schema of an object's member, and of an array's items; NULL when none is declared. */
const json_t *call_schema_member(const json_t *schema, const char *key);
const json_t *call_schema_items(const json_t *schema);

/* True when the schema allows a value of this type by name ("string"). False for a NULL schema. */
bool call_schema_names_type(const json_t *schema, const char *type);

/* Takes a value over and returns it as the schema wants it. Always: 5.0 for an integer becomes 5.
 * With `lenient` also: "5" for a number, "true" for a boolean, a scalar for an array of one, an
 * array of one for a scalar; members that are not declared, or are null and not required, are
 * dropped and *dropped is set. Nothing is ever filled in. */
json_t *call_schema_fit(const json_t *schema, json_t *value, bool lenient, bool *dropped);

/* False when the value does not fit; the message names the argument, what it must be and is. */
bool call_schema_check(const json_t *schema, const json_t *value, struct err *err);

/* Appends how the tool is called, name{argument:type,...}, and a call of it that is valid. Strings
 * stand in double quotes, because this is text for a model to read. */
void call_schema_describe(struct str *out, const json_t *function);
void call_schema_example(struct str *out, const json_t *function);

#endif
