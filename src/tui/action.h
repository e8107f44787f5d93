/* action: everything that a key can be made to do, as one table.
 *
 * A row has the name that the configuration file calls the action by ([keys] in config.toml), the
 * keys it has unless told otherwise, and the help that `?` shows. Which key does what in a run is
 * the business of keymap.h.
 */
#ifndef CARAT_TUI_ACTION_H
#define CARAT_TUI_ACTION_H

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
    ACTION_RAW,
    ACTION_JOBS,
    ACTION_BACKGROUND,
    ACTION_MODEL,
    ACTION_TALK,
    ACTION_HELP,
    ACTION_EXTERNAL_EDITOR,
    ACTION_STASH,
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
    ACTION_YANK_OLDER,
    ACTION_TRANSPOSE,
    ACTION_UNFOLD_PASTE,
    ACTION_UNDO,
    ACTION_PASTE_PICTURE,
    ACTION_COUNT
};

struct action_row {
    const char *name; /* "history_search" */
    const char *keys; /* "Ctrl+G, Ctrl+X Ctrl+E": separated by commas; a key may be two presses */
    const char *help;
};

/* By enum action; the row of ACTION_NONE is empty. */
extern const struct action_row action_table[ACTION_COUNT];

#endif
