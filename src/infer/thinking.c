/* thinking: see thinking.h. */
#include "infer/thinking.h"

#include <string.h>

#include "base/utf8.h"

static void begin(struct thinking *thinking, enum thinking_place place)
{
    thinking->place = place;
    thinking->thoughts++;
    thinking->header = 0;
    thinking->counted = 0;
    thinking->waited = 0;
    thinking->window_length = 0;
}

void thinking_init(struct thinking *thinking, size_t budget, bool starts_in_thought)
{
    *thinking = (struct thinking){.budget = budget};
    if (starts_in_thought) {
        begin(thinking, THINKING_COUNTING);
    }
}

size_t thinking_budget(int asked, bool large)
{
    return asked >= 0 ? (size_t)asked : large ? 0 : THINKING_SMALL_MODEL;
}

size_t thinking_later_budget(size_t budget)
{
    size_t later = budget / 8 * 3 + budget % 8 * 3 / 8;
    return budget > 0 && later == 0 ? 1 : later;
}

static size_t limit(const struct thinking *thinking)
{
    size_t small = thinking->budget / 8;
    return thinking->thoughts <= 1 ? thinking->budget : small > 0 ? small : 1;
}

/* The last bytes of what was written. A character that began before them is whole by now, or was
 * none. */
static void keep_bytes(struct thinking *thinking, const char *bytes, size_t length)
{
    size_t taken = length < THINKING_WINDOW ? length : THINKING_WINDOW;
    size_t kept = THINKING_WINDOW - taken;
    kept = thinking->window_length < kept ? thinking->window_length : kept;
    memmove(thinking->window, thinking->window + thinking->window_length - kept, kept);
    if (taken > 0) {
        memcpy(thinking->window + kept, bytes + length - taken, taken);
    }
    thinking->window_length = kept + taken;
}

static bool is_whole(const struct thinking *thinking)
{
    return utf8_complete_length(thinking->window, thinking->window_length) ==
           thinking->window_length;
}

static void count(struct thinking *thinking, const char *bytes, size_t length)
{
    keep_bytes(thinking, bytes, length);
    thinking->counted++;
    if (thinking->budget == 0 || thinking->counted < limit(thinking)) {
        return;
    }
    if (is_whole(thinking) || thinking->waited == THINKING_WAIT) {
        thinking->place = THINKING_NEWLINE;
    }
    thinking->waited++;
}

static void read_header(struct thinking *thinking, const char *bytes, size_t length)
{
    thinking->header += length;
    if (memchr(bytes, '\n', length) != NULL || thinking->header >= THINKING_HEADER_MOST) {
        thinking->place = THINKING_COUNTING;
    }
}

void thinking_step(struct thinking *thinking, enum control control, const char *bytes,
                   size_t length)
{
    bool closes = control == CONTROL_CHANNEL_CLOSE;
    switch (thinking->place) {
    case THINKING_OUTSIDE:
        if (control == CONTROL_CHANNEL_OPEN) {
            begin(thinking, THINKING_HEADER);
        }
        break;
    case THINKING_HEADER:
        if (closes) {
            thinking->place = THINKING_OUTSIDE;
        } else if (control == CONTROL_NONE) {
            read_header(thinking, bytes, length);
        }
        break;
    case THINKING_COUNTING:
        if (closes) {
            thinking->place = THINKING_OUTSIDE;
        } else if (control == CONTROL_NONE) {
            count(thinking, bytes, length);
        }
        break;
    case THINKING_NEWLINE:
        thinking->place = closes ? THINKING_CLOSED : THINKING_CLOSE;
        break;
    case THINKING_CLOSE:
        thinking->place = THINKING_CLOSED;
        break;
    case THINKING_CLOSED:
        break;
    }
}
