/* action: what keys do, as one table that also explains itself.
 *
 * A row binds a key to an action; the first row of an action carries the name of the key and the
 * help that `?` shows. Rows without help are further keys for the same.
 */
#ifndef CARAT_TUI_ACTION_H
#define CARAT_TUI_ACTION_H

#include <stddef.h>
#include <stdint.h>

struct layout_writer;

enum action {
    ACTION_NONE, /* the key types itself, or nothing */
    ACTION_SUBMIT,
    ACTION_NEWLINE,
    ACTION_COMPLETE,
    ACTION_ESCAPE,
    ACTION_INTERRUPT,
    ACTION_END_OF_FILE,
    ACTION_SUSPEND,
    ACTION_REDRAW,
    ACTION_CYCLE_MODE,
    ACTION_TOGGLE_THINKING,
    ACTION_TOGGLE_FOLDING,
    ACTION_PAGE_UP,
    ACTION_PAGE_DOWN,
    ACTION_TO_START,
    ACTION_TO_END,
    ACTION_UP,
    ACTION_DOWN,
    ACTION_OLDER,
    ACTION_NEWER,
    ACTION_SEARCH,
    ACTION_LEFT,
    ACTION_RIGHT,
    ACTION_WORD_LEFT,
    ACTION_WORD_RIGHT,
    ACTION_LINE_START,
    ACTION_LINE_END,
    ACTION_BACKSPACE,
    ACTION_DELETE,
    ACTION_KILL_TO_END,
    ACTION_KILL_TO_START,
    ACTION_KILL_SPACE_WORD_LEFT,
    ACTION_KILL_WORD_LEFT,
    ACTION_KILL_WORD_RIGHT,
    ACTION_YANK,
    ACTION_UNDO,
    ACTION_COUNT
};

enum action action_of_key(uint32_t key);

/* The key map as rows, for the help screen. */
void action_write_help(struct layout_writer *writer);

#endif
