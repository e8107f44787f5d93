/* prompt_writer: appends to a prompt, piece by piece.
 *
 * Text is gathered until something else comes, so that text pieces side by side are one segment and
 * are tokenized together. This is the only place that makes CONTROL segments, and it is given their
 * names, never their spellings. Used by render.c and what it is made of.
 */
#ifndef CARAT_CHAT_PROMPT_WRITER_H
#define CARAT_CHAT_PROMPT_WRITER_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "chat/control.h"
#include "chat/render.h"

struct prompt_writer {
    struct chat_prompt *prompt; /* borrowed */
    struct str text;            /* gathered, not yet a segment */
};

void prompt_writer_init(struct prompt_writer *writer, struct chat_prompt *prompt);
void prompt_writer_finish(struct prompt_writer *writer); /* gathered text becomes a segment */

void prompt_writer_text(struct prompt_writer *writer, const char *text);
void prompt_writer_bytes(struct prompt_writer *writer, const char *bytes, size_t length);
void prompt_writer_control(struct prompt_writer *writer, enum control control);
void prompt_writer_tokens(struct prompt_writer *writer, const int32_t *tokens, size_t count);
/* A slot (IMAGE, AUDIO or VIDEO) for a medium, which may be NULL: not here. */
void prompt_writer_medium(struct prompt_writer *writer, enum control slot,
                          struct chat_medium *medium);
/* A string of the format: QUOTE, the bytes as they are, QUOTE. Nothing is escaped. */
void prompt_writer_string(struct prompt_writer *writer, const char *bytes, size_t length);

#endif
