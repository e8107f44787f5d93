#include "serve/stop_text.h"

#include <string.h>

#include "base/mem.h"

void stop_text_init(struct stop_text *stop)
{
    *stop = (struct stop_text){.count = 0};
    str_init(&stop->held);
}

void stop_text_finish(struct stop_text *stop)
{
    for (size_t i = 0; i < stop->count; i++) {
        mem_free(stop->stops[i]);
    }
    str_finish(&stop->held);
    stop->count = 0;
}

bool stop_text_add(struct stop_text *stop, const char *text)
{
    size_t length = strlen(text);
    if (stop->count == STOP_TEXT_COUNT || length == 0 || length > STOP_TEXT_BYTES) {
        return false;
    }
    stop->stops[stop->count++] = mem_strdup(text);
    return true;
}

/* How many bytes at the end might be the beginning of a stop. */
static size_t unsure(const struct stop_text *stop)
{
    size_t most = 0;
    for (size_t i = 0; i < stop->count; i++) {
        size_t length = strlen(stop->stops[i]) - 1;
        length = length < stop->held.length ? length : stop->held.length;
        for (; length > most; length--) {
            if (memcmp(stop->held.data + stop->held.length - length, stop->stops[i], length) == 0) {
                most = length;
                break;
            }
        }
    }
    return most;
}

bool stop_text_feed(struct stop_text *stop, const char *text, size_t length, struct str *out)
{
    if (stop->stopped) {
        return false;
    }
    str_append_bytes(&stop->held, text, length);
    size_t certain = stop->held.length - unsure(stop);
    for (size_t i = 0; i < stop->count; i++) {
        const char *found =
            memmem(stop->held.data, stop->held.length, stop->stops[i], strlen(stop->stops[i]));
        if (found != NULL && (!stop->stopped || (size_t)(found - stop->held.data) < certain)) {
            certain = (size_t)(found - stop->held.data);
            stop->stopped = true;
        }
    }
    str_append_bytes(out, stop->held.data, certain);
    str_remove(&stop->held, 0, certain);
    return !stop->stopped;
}

void stop_text_end(struct stop_text *stop, struct str *out)
{
    if (!stop->stopped) {
        str_append_bytes(out, stop->held.data, stop->held.length);
    }
    str_clear(&stop->held);
}
