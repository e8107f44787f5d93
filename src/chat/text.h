/* text: the two ways in which the template cleans text before it stands in a turn.
 *
 * Both work on UTF-8 that need not be valid (bytes that are none are never white space).
 */
#ifndef CARAT_CHAT_TEXT_H
#define CARAT_CHAT_TEXT_H

#include <stddef.h>

struct str;

/* Moves *text and *length so that they leave out white space at both ends: what Python's
 * str.strip() takes for it, which is Unicode's and four control characters more. */
void chat_text_strip(const char **text, size_t *length);

/* Appends text without the spans that spell <|channel>...<channel|>: the thought of a model whose
 * output was kept as one string. An opener without its closer takes the rest, a closer without its
 * opener goes alone. Not stripped yet. */
void chat_text_append_without_thoughts(struct str *out, const char *text, size_t length);

#endif
