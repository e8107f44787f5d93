/* reading: how far the model is with what it is given: a bar, tokens a second, and the time left.
 *
 * Rate and time are said once a reading has gone on for half a second, from its own beginning; what
 * was kept from before is no part of it. Pure.
 */
#ifndef CARAT_SCREEN_READING_H
#define CARAT_SCREEN_READING_H

#include <stddef.h>
#include <stdint.h>

struct str;

/* Starts zeroed. */
struct reading {
    size_t total, first, done; /* tokens: of all, at the first word of it, now */
    int64_t start_us, now_us;
};

/* done <= total; another total, or fewer done, is another reading. `now_us` only grows. */
void reading_note(struct reading *reading, size_t done, size_t total, int64_t now_us);
/* "reading ####...... 120 of 900, 340 tokens/s, 3 s left" */
void reading_append(const struct reading *reading, struct str *out);

#endif
