/* grammar_oracle: a second opinion on what may be written: a recursive reader that walks the JSON
 * Schema itself and shares no code with src/chat/grammar*.c. For the schemas of these tests: type
 * (also a list), enum, properties, required, additionalProperties true, items, minItems, maxItems.
 */
#ifndef CARAT_TESTS_CHAT_GRAMMAR_ORACLE_H
#define CARAT_TESTS_CHAT_GRAMMAR_ORACLE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What was written: bytes, and the two control tokens that calls have. */
enum { ORACLE_QUOTE = 256, ORACLE_CLOSE = 257 };

/* Some sentence begins so. */
bool oracle_call_viable(const json_t *tools, const int16_t *symbols, size_t count);
bool oracle_value_viable(const json_t *schema, const int16_t *symbols, size_t count);

#endif
