/* utf8: reading UTF-8 that cannot be trusted.
 *
 * Follows Unicode's table 3-7: overlong forms, surrogates and values above U+10FFFF are invalid; an
 * invalid sequence is consumed by its maximal valid prefix, at least one byte.
 */
#ifndef CARAT_BASE_UTF8_H
#define CARAT_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct str;

#define UTF8_INVALID    0xFFFFFFFFu /* not UTF-8 here */
#define UTF8_INCOMPLETE 0xFFFFFFFEu /* the bytes end inside a sequence that may become valid */

/* Decodes one code point at text[0..length), length >= 1. `*used` is the number of bytes that it
 * takes (for UTF8_INVALID: how many to skip; for UTF8_INCOMPLETE: all that are left). */
uint32_t utf8_decode(const char *text, size_t length, size_t *used);

/* Writes 1..4 bytes and returns how many. Surrogates and values above U+10FFFF become U+FFFD. */
size_t utf8_encode(uint32_t code_point, char out[4]);

bool utf8_valid(const char *text, size_t length);

/* Bytes of text[0..length) up to which it is complete: length less the 0..3 bytes of an unfinished
 * last sequence. */
size_t utf8_complete_length(const char *text, size_t length);

/* Appends text with each invalid sequence replaced by U+FFFD; returns how many were. */
size_t utf8_append_repaired(struct str *out, const char *text, size_t length);

#endif
