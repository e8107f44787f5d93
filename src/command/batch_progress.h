/* batch_progress: how far a batch is, in one line that is drawn over itself on a terminal. Pure:
 * the clock is handed in. */
#ifndef CARAT_COMMAND_BATCH_PROGRESS_H
#define CARAT_COMMAND_BATCH_PROGRESS_H

#include <stddef.h>
#include <stdint.h>

struct str;

struct batch_progress {
    size_t total, before; /* lines; those that were complete at the start */
    size_t done, failed;  /* `before` among them */
    int64_t began_ms;
};

/* "  12/100  [=====     ]  3.4/min  2 failed  1:23 left", without a newline. */
void batch_progress_append(const struct batch_progress *progress, int64_t now_ms, struct str *out);

#endif
