#include "tui/action.h"

#include <string.h>

#include "base/str.h"
#include "tui/glyph.h"
#include "tui/layout.h"
#include "tui/terminal.h"

#define CONTROL(letter) ((letter)&0x1F)
#define ALT(key)        ((key) | TERMINAL_KEY_ALT)

struct binding {
    uint32_t key;
    enum action action;
    const char *names; /* NULL: a further key */
    const char *help;
};

static const struct binding bindings[] = {
    {CONTROL('M'), ACTION_SUBMIT, "Enter", "send; while something runs: send when it is done"},
    {CONTROL('J'), ACTION_NEWLINE, "Ctrl+J, Alt+Enter, \\ Enter", "new line"},
    {ALT(CONTROL('M')), ACTION_NEWLINE, NULL, NULL},
    {ALT(CONTROL('J')), ACTION_NEWLINE, NULL, NULL},
    {CONTROL('I'), ACTION_COMPLETE, "Tab", "complete a /command"},
    {TERMINAL_KEY_ESCAPE, ACTION_ESCAPE, "Esc", "interrupt; twice: clear the input"},
    {CONTROL('C'), ACTION_INTERRUPT, "Ctrl+C", "interrupt, clear the input, twice: quit"},
    {CONTROL('D'), ACTION_END_OF_FILE, "Ctrl+D", "quit when the input is empty"},
    {CONTROL('Z'), ACTION_SUSPEND, "Ctrl+Z", "suspend; fg comes back"},
    {CONTROL('L'), ACTION_REDRAW, "Ctrl+L", "draw the screen anew"},
    {TERMINAL_KEY_BACKTAB, ACTION_CYCLE_MODE, "Shift+Tab", "next permission mode"},
    {ALT('t'), ACTION_TOGGLE_THINKING, "Alt+T", "thinking on or off"},
    {ALT('T'), ACTION_TOGGLE_THINKING, NULL, NULL},
    {CONTROL('O'), ACTION_TOGGLE_FOLDING, "Ctrl+O",
     "show thoughts and outputs whole, or fold them"},
    {TERMINAL_KEY_PAGE_UP, ACTION_PAGE_UP, "PgUp, PgDn", "scroll"},
    {TERMINAL_KEY_PAGE_DOWN, ACTION_PAGE_DOWN, NULL, NULL},
    {TERMINAL_KEY_TOP, ACTION_TO_START, "Ctrl+Home, Ctrl+End", "scroll to the start, to the end"},
    {TERMINAL_KEY_BOTTOM, ACTION_TO_END, NULL, NULL},
    {TERMINAL_KEY_UP, ACTION_UP, "Up, Down", "line up, down; at the edge: history"},
    {TERMINAL_KEY_DOWN, ACTION_DOWN, NULL, NULL},
    {CONTROL('P'), ACTION_OLDER, "Ctrl+P, Ctrl+N", "history"},
    {CONTROL('N'), ACTION_NEWER, NULL, NULL},
    {CONTROL('R'), ACTION_SEARCH, "Ctrl+R", "search the history"},
    {TERMINAL_KEY_LEFT, ACTION_LEFT, NULL, NULL},
    {CONTROL('B'), ACTION_LEFT, NULL, NULL},
    {TERMINAL_KEY_RIGHT, ACTION_RIGHT, NULL, NULL},
    {CONTROL('F'), ACTION_RIGHT, NULL, NULL},
    {ALT('b'), ACTION_WORD_LEFT, "Alt+B, Alt+F", "word left, right; also Ctrl+Left, Ctrl+Right"},
    {TERMINAL_KEY_WORD_LEFT, ACTION_WORD_LEFT, NULL, NULL},
    {ALT(TERMINAL_KEY_LEFT), ACTION_WORD_LEFT, NULL, NULL},
    {ALT('f'), ACTION_WORD_RIGHT, NULL, NULL},
    {TERMINAL_KEY_WORD_RIGHT, ACTION_WORD_RIGHT, NULL, NULL},
    {ALT(TERMINAL_KEY_RIGHT), ACTION_WORD_RIGHT, NULL, NULL},
    {CONTROL('A'), ACTION_LINE_START, "Ctrl+A, Ctrl+E", "start, end of the line; also Home, End"},
    {TERMINAL_KEY_HOME, ACTION_LINE_START, NULL, NULL},
    {CONTROL('E'), ACTION_LINE_END, NULL, NULL},
    {TERMINAL_KEY_END, ACTION_LINE_END, NULL, NULL},
    {TERMINAL_KEY_BACKSPACE, ACTION_BACKSPACE, NULL, NULL},
    {TERMINAL_KEY_DELETE, ACTION_DELETE, NULL, NULL},
    {CONTROL('K'), ACTION_KILL_TO_END, "Ctrl+K, Ctrl+U",
     "cut to the end, to the start of the line"},
    {CONTROL('U'), ACTION_KILL_TO_START, NULL, NULL},
    {CONTROL('W'), ACTION_KILL_SPACE_WORD_LEFT, "Ctrl+W, Alt+D", "cut the word left, right"},
    {ALT(TERMINAL_KEY_BACKSPACE), ACTION_KILL_WORD_LEFT, NULL, NULL},
    {ALT('d'), ACTION_KILL_WORD_RIGHT, NULL, NULL},
    {CONTROL('Y'), ACTION_YANK, "Ctrl+Y", "put back what was cut"},
    {CONTROL('_'), ACTION_UNDO, "Ctrl+_", "undo"},
};

enum { BINDINGS = sizeof bindings / sizeof bindings[0], NAME_COLUMNS = 29 };

enum action action_of_key(uint32_t key)
{
    for (size_t i = 0; i < BINDINGS; i++) {
        if (bindings[i].key == key) {
            return bindings[i].action;
        }
    }
    return ACTION_NONE;
}

static void write_row(struct layout_writer *writer, const char *names, const char *help)
{
    static const char blanks[] = "                                ";
    int used = glyph_columns(names, strlen(names));
    int pad = writer->width < 2 * NAME_COLUMNS ? 2 : NAME_COLUMNS - used;
    struct str rest;
    str_init(&rest);
    str_append_bytes(&rest, blanks, (size_t)(writer->width < 2 * NAME_COLUMNS ? 4 : NAME_COLUMNS));
    layout_add(writer, names, strlen(names), THEME_KEY);
    layout_add(writer, blanks, (size_t)(pad < 1 ? 1 : pad), THEME_TEXT);
    layout_add(writer, help, strlen(help), THEME_TEXT);
    layout_end_line(writer, "", rest.data, THEME_TEXT, WRAP_WORDS);
    str_finish(&rest);
}

void action_write_help(struct layout_writer *writer)
{
    for (size_t i = 0; i < BINDINGS; i++) {
        if (bindings[i].names != NULL) {
            write_row(writer, bindings[i].names, bindings[i].help);
        }
    }
    write_row(writer, "y, a, n", "answer a question: once, this session, no");
    write_row(writer, "/", "commands");
    write_row(writer, "?", "this page, when the input is empty");
}
