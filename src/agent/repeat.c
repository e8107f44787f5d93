/* repeat: one counter for each period.
 *
 * matches[p] = k means that the last k tokens each equal the token p before them, so the text ends
 * in (k + p) / p copies of a block of p tokens. The window only has to hold the longest period.
 */
#include "agent/repeat.h"

#include <string.h>

enum { COPIES = 3, TOKENS_AT_LEAST = 24, CALL_COPIES = 16, CALL_COPIES_SHORT = 64 };

void repeat_init(struct repeat *repeat)
{
    memset(repeat, 0, sizeof *repeat);
}

/* How many tokens at the end must be part of the repetition before it counts. */
static size_t needed_length(size_t period, bool in_call)
{
    size_t needed = COPIES * period;
    if (in_call && period <= 2) {
        needed = CALL_COPIES_SHORT * period;
    } else if (in_call) {
        size_t copies = CALL_COPIES * period;
        size_t most = copies < REPEAT_WINDOW ? copies : REPEAT_WINDOW;
        needed = most > needed ? most : needed;
    }
    return needed > TOKENS_AT_LEAST ? needed : TOKENS_AT_LEAST;
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
