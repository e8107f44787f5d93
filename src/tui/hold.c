#include "tui/hold.h"

/* Keyboards wait 200 to 660 ms before they repeat a key, and then do so each 15 to 40 ms. A busy
 * machine hands several over at once: those say nothing. */
enum {
    PAUSE_LEAST_US = 120000,
    PAUSE_MOST_US = 1200000,
    CLOSE_LEAST_US = 8000,
    CLOSE_MOST_US = 60000,
    CLOSE_ENOUGH = 2, /* three blanks */
    SILENCE_US = 300000,
};

static enum hold_blank first_blank(struct hold *hold, long long now_us)
{
    *hold = (struct hold){.waiting = true, .last_us = now_us};
    return HOLD_TYPED;
}

enum hold_blank hold_blank(struct hold *hold, bool empty, long long now_us)
{
    long long gap = now_us - hold->last_us;
    hold->last_us = now_us;
    if (hold->held) {
        return HOLD_GOES_ON;
    }
    if (empty) {
        return first_blank(hold, now_us);
    }
    if (!hold->waiting) {
        return HOLD_TYPED;
    }
    if (!hold->paused) {
        hold->paused = gap >= PAUSE_LEAST_US && gap <= PAUSE_MOST_US;
        hold->waiting = hold->paused;
        return HOLD_TYPED;
    }
    if (gap >= CLOSE_LEAST_US) {
        hold->close = gap <= CLOSE_MOST_US ? hold->close + 1 : 0;
    }
    hold->held = hold->close >= CLOSE_ENOUGH;
    return hold->held ? HOLD_BEGINS : HOLD_TYPED;
}

bool hold_end(struct hold *hold)
{
    bool held = hold->held;
    hold->held = hold->waiting = false;
    return held;
}

bool hold_tick(struct hold *hold, long long now_us)
{
    return hold->held && now_us - hold->last_us >= SILENCE_US && hold_end(hold);
}
