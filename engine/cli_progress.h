/* cli_progress: a line on standard error that tells how far long work is.
 *
 * Only on a terminal, and only once the work has lasted for a moment: a file or a pipe never gets a
 * byte of it. Drawn at most ten times a second, erased at the end, so that nothing stays behind.
 * One at a time, from one thread.
 */
#ifndef CARAT_CLI_PROGRESS_H
#define CARAT_CLI_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cli_progress {
    const char *what; /* one word: "converting" */
    const char *unit; /* of the rate: "tokens"; NULL for bytes */
    uint64_t before;  /* done by earlier calls of an engine that counts each from zero */
    uint64_t total;   /* of all calls; 0: what each call says */
    int64_t start_us, drawn_us;
    bool terminal, visible;
};

void cli_progress_begin(struct cli_progress *progress, const char *what, const char *unit,
                        uint64_t total);
void cli_progress_show(struct cli_progress *progress, uint64_t done, uint64_t total);
/* As the engine calls back; context: a struct cli_progress. */
void cli_progress_on_tokens(void *context, size_t done, size_t total);
void cli_progress_end(struct cli_progress *progress);

/* The line, without what moves the cursor; out[0..size) NUL-terminated. */
void cli_progress_format(const struct cli_progress *progress, uint64_t done, uint64_t total,
                         double seconds, char *out, size_t size);

#endif
