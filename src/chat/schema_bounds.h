/* schema_bounds: the part of a JSON Schema that a grammar of bytes does not hold.
 *
 * Bounds of numbers, of lengths and of counts can only be checked on a whole value. What can be
 * neither held nor checked here (patterns, conditions, negations) is refused before anything runs,
 * by name, so that "keeps to the schema" means all of it. Types, keys and enumerations are the
 * grammar's (chat/grammar.h) and are not looked at again.
 */
#ifndef CARAT_CHAT_SCHEMA_BOUNDS_H
#define CARAT_CHAT_SCHEMA_BOUNDS_H

#include <jansson.h>
#include <stdbool.h>

struct err;

/* ERR_UNSUPPORTED names the keyword, or the type that JSON does not have. */
bool schema_bounds_supported(const json_t *schema, struct err *err);

/* ERR_FORMAT says which value breaks which bound. */
bool schema_bounds_hold(const json_t *schema, const json_t *value, struct err *err);

#endif
