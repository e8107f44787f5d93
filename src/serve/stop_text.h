/* stop_text: ends an answer at the first of some strings, which is not part of it.
 *
 * What might be the beginning of one is held back until it is known. Pure.
 */
#ifndef CARAT_SERVE_STOP_TEXT_H
#define CARAT_SERVE_STOP_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

enum { STOP_TEXT_COUNT = 16, STOP_TEXT_BYTES = 1024 };

struct stop_text {
    char *stops[STOP_TEXT_COUNT]; /* owned, not empty */
    size_t count;
    struct str held; /* not passed on yet */
    bool stopped;
};

void stop_text_init(struct stop_text *stop);
void stop_text_finish(struct stop_text *stop);
/* False when there are too many already, or it is empty or too long. */
bool stop_text_add(struct stop_text *stop, const char *text);

/* Takes text in and appends to `out` what is certainly part of the answer. False from the moment on
 * that a stop was found. */
bool stop_text_feed(struct stop_text *stop, const char *text, size_t length, struct str *out);
/* The answer ended otherwise: what was held back is part of it. */
void stop_text_end(struct stop_text *stop, struct str *out);

#endif
