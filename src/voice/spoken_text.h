/* spoken_text: an answer as it is said aloud.
 *
 * What is written for the eye is left out: marks of Markdown, addresses of links, tables' rules.
 * A block of code is said to be there and not read. Pure; text in, text out, UTF-8 stays UTF-8;
 * control characters become spaces, so that nothing in an answer can steer what speaks.
 */
#ifndef CARAT_VOICE_SPOKEN_TEXT_H
#define CARAT_VOICE_SPOKEN_TEXT_H

#include <stddef.h>

struct str;

/* Adds what is to be said; nothing when there is nothing to say. */
void spoken_text_append(struct str *out, const char *markdown, size_t length);

#endif
