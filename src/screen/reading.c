#include "screen/reading.h"

#include "base/str.h"

enum { CELLS = 10, SECOND_US = 1000000, SETTLED_US = SECOND_US / 2, MINUTE = 60 };

void reading_note(struct reading *reading, size_t done, size_t total, int64_t now_us)
{
    if (total != reading->total || done < reading->done) {
        *reading = (struct reading){.total = total, .first = done, .start_us = now_us};
    }
    reading->done = done;
    reading->now_us = now_us;
}

static void append_left(struct str *out, double seconds)
{
    long whole = (long)(seconds + 0.999); /* never 0 s while something is left */
    if (whole < MINUTE) {
        str_append_format(out, ", %ld s left", whole);
    } else {
        str_append_format(out, ", %ld min left", (whole + MINUTE - 1) / MINUTE);
    }
}

void reading_append(const struct reading *reading, struct str *out)
{
    size_t full = reading->total > 0 ? reading->done * CELLS / reading->total : 0;
    int64_t time_us = reading->now_us - reading->start_us;
    str_append(out, "reading ");
    for (size_t i = 0; i < CELLS; i++) {
        str_append(out, i < full ? "\xE2\x96\x88" : "\xE2\x96\x91"); /* a full block, a light one */
    }
    str_append_format(out, " %zu of %zu", reading->done, reading->total);
    if (time_us >= SETTLED_US && reading->done > reading->first) {
        double rate = (double)(reading->done - reading->first) * SECOND_US / (double)time_us;
        str_append_format(out, ", %.0f tokens/s", rate);
        append_left(out, (double)(reading->total - reading->done) / rate);
    }
}
