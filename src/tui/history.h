/* history: what was sent before, and looking through it.
 *
 * Oldest first, bounded, no entry twice in a row. Walking keeps the draft that one left; the
 * search walks from the newest to the oldest entry that holds the words.
 */
#ifndef CARAT_TUI_HISTORY_H
#define CARAT_TUI_HISTORY_H

#include <stdbool.h>
#include <stddef.h>

struct history;

enum { HISTORY_ENTRIES = 1000, HISTORY_ENTRY_BYTES = 64 * 1024 };

struct history *history_create(void);
void history_destroy(struct history *history);

/* Copies. An empty or very long text is not kept. Ends walking. */
void history_add(struct history *history, const char *text, size_t length);

/* The entry before (older) or after the one at hand: a view, or NULL at the end. The first step
 * keeps `draft`, and stepping behind the newest entry gives it back. `alike`: when that step is the
 * first and some entry begins with the draft, only such entries are walked through. */
const char *history_older(struct history *history, const char *draft, bool alike);
const char *history_newer(struct history *history);
/* The text was changed or sent: the next step starts at the newest again. */
void history_leave(struct history *history);

/* The newest entry that contains `words` and is older than entry `before`; SIZE_MAX = from the
 * newest. Returns its number, or SIZE_MAX. */
size_t history_find(const struct history *history, const char *words, size_t before);
const char *history_entry(const struct history *history, size_t number);

#endif
