/* cli_progress: see cli_progress.h. */
#include "cli_progress.h"

#include <stdio.h>
#include <string.h>

#include <unistd.h>

#include "base/clock.h"

enum { INTERVAL_US = 100000, PATIENCE_US = 300000, WIDTH = 24 };

void cli_progress_begin(struct cli_progress *progress, const char *what, const char *unit,
                        uint64_t total)
{
    *progress = (struct cli_progress){
        .what = what,
        .unit = unit,
        .total = total,
        .start_us = clock_monotonic_us(),
        .terminal = isatty(STDERR_FILENO) == 1,
    };
}

void cli_progress_format(const struct cli_progress *progress, uint64_t done, uint64_t total,
                         double seconds, char *out, size_t size)
{
    double part = total == 0 ? 0 : (double)done / (double)total;
    part = part > 1 ? 1 : part;
    char bar[WIDTH + 1], rate[48] = "", left[48] = "";
    for (int i = 0; i < WIDTH; i++) {
        bar[i] = (double)i < part * WIDTH ? '#' : '.';
    }
    bar[WIDTH] = '\0';
    if (seconds > 0 && done > 0) {
        double speed = (double)done / seconds;
        double wait = (double)(total > done ? total - done : 0) / speed;
        long whole = wait < 359999 ? (long)(wait + 0.5) : 359999;
        if (progress->unit == NULL) {
            snprintf(rate, sizeof rate, "  %.1f MB/s", speed * 1e-6);
        } else {
            snprintf(rate, sizeof rate, "  %.1f %s/s", speed, progress->unit);
        }
        if (whole >= 3600) {
            snprintf(left, sizeof left, "  %ld:%02ld:%02ld left", whole / 3600, whole / 60 % 60,
                     whole % 60);
        } else {
            snprintf(left, sizeof left, "  %ld:%02ld left", whole / 60, whole % 60);
        }
    }
    snprintf(out, size, "%s [%s] %3d%%%s%s", progress->what, bar, (int)(part * 100), rate, left);
}

void cli_progress_show(struct cli_progress *progress, uint64_t done, uint64_t total)
{
    int64_t now = clock_monotonic_us();
    if (!progress->terminal || now - progress->start_us < PATIENCE_US ||
        now - progress->drawn_us < INTERVAL_US) {
        return;
    }
    char line[160];
    cli_progress_format(progress, done, total, (double)(now - progress->start_us) * 1e-6, line,
                        sizeof line);
    fprintf(stderr, "\r%.79s\033[K", line);
    fflush(stderr);
    progress->drawn_us = now;
    progress->visible = true;
}

void cli_progress_on_tokens(void *context, size_t done, size_t total)
{
    struct cli_progress *progress = context;
    uint64_t all = progress->total > 0 ? progress->total : progress->before + total;
    cli_progress_show(progress, progress->before + done, all);
}

void cli_progress_end(struct cli_progress *progress)
{
    if (progress->visible) {
        fputs("\r\033[K", stderr);
        fflush(stderr);
        progress->visible = false;
    }
}
