#include "tui/history.h"

#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

struct history {
    char *entries[HISTORY_ENTRIES];
    size_t count;
    size_t at; /* == count: at the draft */
    char *draft;
    bool alike; /* only entries that begin with the draft are walked through */
};

struct history *history_create(void)
{
    return mem_zero(1, sizeof(struct history));
}

void history_destroy(struct history *history)
{
    if (history == NULL) {
        return;
    }
    for (size_t i = 0; i < history->count; i++) {
        mem_free(history->entries[i]);
    }
    mem_free(history->draft);
    mem_free(history);
}

void history_leave(struct history *history)
{
    history->at = history->count;
    mem_free(history->draft);
    history->draft = NULL;
    history->alike = false;
}

static bool walked(const struct history *history, size_t number)
{
    return !history->alike || str_starts_with(history->entries[number], history->draft);
}

static size_t before(const struct history *history, size_t number)
{
    while (number > 0 && !walked(history, number - 1)) {
        number--;
    }
    return number == 0 ? SIZE_MAX : number - 1;
}

void history_add(struct history *history, const char *text, size_t length)
{
    if (length == 0 || length > HISTORY_ENTRY_BYTES) {
        history_leave(history);
        return;
    }
    char *entry = mem_strndup(text, length);
    if (history->count > 0 && strcmp(history->entries[history->count - 1], entry) == 0) {
        mem_free(entry);
        history_leave(history);
        return;
    }
    if (history->count == HISTORY_ENTRIES) {
        mem_free(history->entries[0]);
        history->count--;
        memmove(history->entries, history->entries + 1,
                history->count * sizeof history->entries[0]);
    }
    history->entries[history->count++] = entry;
    history_leave(history);
}

const char *history_older(struct history *history, const char *draft, bool alike)
{
    if (history->at == history->count && history->count > 0) {
        mem_free(history->draft);
        history->draft = mem_strdup(draft);
        history->alike = alike && draft[0] != '\0';
        history->alike = history->alike && before(history, history->count) != SIZE_MAX;
    }
    size_t number = before(history, history->at);
    if (number == SIZE_MAX) {
        return NULL;
    }
    history->at = number;
    return history->entries[number];
}

const char *history_newer(struct history *history)
{
    if (history->at == history->count) {
        return NULL;
    }
    do {
        history->at++;
    } while (history->at < history->count && !walked(history, history->at));
    if (history->at < history->count) {
        return history->entries[history->at];
    }
    return history->draft == NULL ? "" : history->draft;
}

size_t history_find(const struct history *history, const char *words, size_t before)
{
    size_t number = before < history->count ? before : history->count;
    while (number > 0) {
        number--;
        if (strstr(history->entries[number], words) != NULL) {
            return number;
        }
    }
    return SIZE_MAX;
}

const char *history_entry(const struct history *history, size_t number)
{
    return number < history->count ? history->entries[number] : NULL;
}
