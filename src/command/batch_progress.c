#include "command/batch_progress.h"

#include "base/str.h"

enum { BAR = 24 };

static void append_bar(size_t done, size_t total, struct str *out)
{
    size_t full = total > 0 ? done * BAR / total : BAR;
    str_append(out, "  [");
    for (size_t i = 0; i < BAR; i++) {
        str_append_char(out, i < full ? '=' : ' ');
    }
    str_append(out, "]");
}

static void append_duration(double seconds, struct str *out)
{
    long whole = (long)(seconds + 0.5);
    if (whole >= 3600) {
        str_append_format(out, "%ld:%02ld:%02ld", whole / 3600, whole / 60 % 60, whole % 60);
    } else {
        str_append_format(out, "%ld:%02ld", whole / 60, whole % 60);
    }
}

void batch_progress_append(const struct batch_progress *progress, int64_t now_ms, struct str *out)
{
    double seconds = (double)(now_ms - progress->began_ms) / 1000;
    size_t own = progress->done - progress->before;
    str_append_format(out, "%zu/%zu", progress->done, progress->total);
    append_bar(progress->done, progress->total, out);
    if (own > 0 && seconds > 0) {
        double rate = (double)own / seconds;
        double left = (double)(progress->total - progress->done) / rate;
        str_append_format(out, rate >= 1 ? "  %.1f/s" : "  %.1f/min", rate >= 1 ? rate : rate * 60);
        if (left < 1e7 && progress->done < progress->total) {
            str_append(out, "  ");
            append_duration(left, out);
            str_append(out, " left");
        }
    }
    if (progress->failed > 0) {
        str_append_format(out, "  %zu failed", progress->failed);
    }
}
