/* repeat: one counter for each period.
 *
 * matches[p] = k means that the last k tokens each equal the token p before them, so the text ends
 * in (k + p) / p copies of a block of p tokens. The window only has to hold the longest period.
 */
#include "agent/repeat.h"

#include <string.h>

/* Copies by the length of the block; the first row that is long enough counts. A line of dashes, an
 * array of zeros and a table with equal rows are ordinary. */
static const struct {
    size_t period, in_text, in_call;
} COPIES[] = {{2, 64, 64}, {15, 8, 16}, {REPEAT_PERIODS, 4, 16}};

void repeat_init(struct repeat *repeat)
{
    memset(repeat, 0, sizeof *repeat);
}

/* How many tokens at the end must be part of the repetition before it counts. */
static size_t needed_length(size_t period, bool in_call)
{
    size_t row = 0;
    while (period > COPIES[row].period) {
        row++;
    }
    size_t needed = period * (in_call ? COPIES[row].in_call : COPIES[row].in_text);
    return needed < REPEAT_WINDOW ? needed : REPEAT_WINDOW;
}

/* A run of one token is a run of every period too: only the shortest period counts. */
static bool is_shortest(const struct repeat *repeat, size_t period)
{
    for (size_t shorter = 1; shorter <= period / 2; shorter++) {
        if (period % shorter == 0 && repeat->matches[shorter] >= repeat->matches[period]) {
            return false;
        }
    }
    return true;
}

bool repeat_add(struct repeat *repeat, int32_t token, bool in_call)
{
    bool loops = false;
    for (size_t period = 1; period <= REPEAT_PERIODS; period++) {
        bool same = period <= repeat->count &&
                    repeat->window[(repeat->count - period) % REPEAT_WINDOW] == token;
        repeat->matches[period] = same ? repeat->matches[period] + 1 : 0;
        if (same && repeat->matches[period] + period >= needed_length(period, in_call) &&
            is_shortest(repeat, period)) {
            loops = true;
        }
    }
    repeat->window[repeat->count++ % REPEAT_WINDOW] = token;
    return loops;
}
