/* grammar_json: the inside of JSON strings.
 *
 * Characters in UTF-8 (sequences as Unicode allows them: no overlong ones, no surrogates), escapes
 * with a backslash. \u0000 and surrogates are left out: the first is refused by readers that keep
 * C strings, the second are written as themselves. Pure functions; private to grammar*.c.
 */
#ifndef CARAT_CHAT_GRAMMAR_JSON_H
#define CARAT_CHAT_GRAMMAR_JSON_H

#include <stdbool.h>
#include <stddef.h>

struct grammar_state;
struct str;

/* One byte in the phases STRING, ESCAPE and UNICODE; the closing quote is the caller's business. */
bool grammar_json_byte(struct grammar_state *state, unsigned char byte);

/* The inside of a string as it is written: the only way that keys and enumerated values have. */
void grammar_json_escape(struct str *out, const char *text, size_t length);

/* True for whole characters that need no escape and end no string. */
bool grammar_json_is_plain(const char *bytes, size_t length);

#endif
