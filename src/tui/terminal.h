/* terminal: cells, a cursor and keys. Two kinds: ncurses (terminal_curses.c) and memory for tests.
 *
 * The only way from carat to a terminal. Text put here must already be free of control characters;
 * the curses kind asserts it.
 */
#ifndef CARAT_TUI_TERMINAL_H
#define CARAT_TUI_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

enum terminal_style {
    TERMINAL_BOLD = 1,
    TERMINAL_DIM = 2,
    TERMINAL_ITALIC = 4,
    TERMINAL_UNDERLINE = 8,
    TERMINAL_REVERSE = 16,
};

/* The 16 colours of the user's own terminal; -1 = its default; more only for pictures. */
struct terminal_look {
    int foreground, background; /* -1, 0..15; of a picture 0..255 */
    unsigned style;             /* bits of enum terminal_style */
};

enum {
    /* Keys beyond Unicode. Ctrl+letter is the letter's control code; Alt+key has KEY_ALT set. */
    TERMINAL_KEY_UP = 0x110000,
    TERMINAL_KEY_DOWN,
    TERMINAL_KEY_LEFT,
    TERMINAL_KEY_RIGHT,
    TERMINAL_KEY_HOME,
    TERMINAL_KEY_END,
    TERMINAL_KEY_PAGE_UP,
    TERMINAL_KEY_PAGE_DOWN,
    TERMINAL_KEY_DELETE,
    TERMINAL_KEY_BACKSPACE,
    TERMINAL_KEY_BACKTAB,
    TERMINAL_KEY_ESCAPE,
    TERMINAL_KEY_WORD_LEFT,
    TERMINAL_KEY_WORD_RIGHT,
    TERMINAL_KEY_TOP,    /* Ctrl+Home */
    TERMINAL_KEY_BOTTOM, /* Ctrl+End */
    TERMINAL_KEY_PASTE,  /* text of a bracketed paste is in paste/paste_length */
    TERMINAL_KEY_RESIZE,
    TERMINAL_KEY_OTHER,
    TERMINAL_KEY_ALT = 0x1000000,
    /* Where the terminal tells more than presses: the key goes on being held, or was let go. */
    TERMINAL_KEY_HELD = 0x20000000,
    TERMINAL_KEY_RELEASED = 0x02000000,
    /* The mouse, with the cell that it is at. */
    TERMINAL_MOUSE = 0x40000000,
    TERMINAL_MOUSE_KIND = 0x1C000000,
    TERMINAL_MOUSE_PRESS = 0,
    TERMINAL_MOUSE_WHEEL_UP = 0x04000000,
    TERMINAL_MOUSE_WHEEL_DOWN = 0x08000000,
    TERMINAL_MOUSE_MOST = 0xFFF, /* row and column */
};

static inline uint32_t terminal_mouse(uint32_t kind, int row, int column)
{
    return TERMINAL_MOUSE | kind | (uint32_t)row << 12 | (uint32_t)column;
}
static inline int terminal_mouse_row(uint32_t code)
{
    return (int)(code >> 12 & TERMINAL_MOUSE_MOST);
}
static inline int terminal_mouse_column(uint32_t code)
{
    return (int)(code & TERMINAL_MOUSE_MOST);
}

struct terminal_key {
    uint32_t code;
    const char *paste; /* view until the next read */
    size_t paste_length;
};

struct terminal_ops;

struct terminal {
    const struct terminal_ops *ops;
};

/* A screen is full, or inline: then it is a region of rows at the end of all that was written,
 * which grows at its end and gives rows away at its beginning; `put` and the others count from its
 * first row. The four functions for that are NULL in a full screen. */
struct terminal_ops {
    void (*size)(struct terminal *terminal, int *rows, int *columns);
    /* Puts text (UTF-8, no controls) at a cell; what does not fit is cut at a character. */
    void (*put)(struct terminal *terminal, int row, int column, const char *text, size_t length,
                struct terminal_look look);
    void (*clear_line)(struct terminal *terminal, int row, int from_column);
    void (*cursor)(struct terminal *terminal, int row, int column); /* row -1 hides it */
    void (*flush)(struct terminal *terminal);                       /* one synchronised frame */
    /* The screen was disturbed by another program: the next flush sends all of it. */
    void (*repaint)(struct terminal *terminal);
    /* The first `rows` rows move up by `by` < `rows`, and blank ones come in behind them. NULL
     * where rows cannot be moved like that. */
    void (*scroll)(struct terminal *terminal, int rows, int by);
    /* Makes the region that high; rows are added (blank) and taken away at its end. */
    void (*region)(struct terminal *terminal, int rows);
    /* Rows come in between (`count` > 0, blank) or go out; the region stays as high, so that its
     * last rows are lost, or blank ones come in. */
    void (*shift)(struct terminal *terminal, int row, int count);
    /* The first rows are final: they belong to the scrollback from now on. */
    void (*release)(struct terminal *terminal, int rows);
    /* The region's place is in doubt (a new window size): it is cleared and has no rows any more.
     */
    void (*restart)(struct terminal *terminal);
    /* Whether the mouse is reported, as keys; NULL: its wheel is the terminal's own (inline). */
    void (*mouse)(struct terminal *terminal, bool on);
    bool (*read)(struct terminal *terminal, struct terminal_key *key); /* false: none waiting */
    bool (*lost)(const struct terminal *terminal);                     /* hung up */
    /* Bytes of graphics (kitty.h, sixel.h) go with the next flush: painted at that cell, or, with
     * row -1, kept by the terminal and shown by no place of their own. */
    void (*graphics)(struct terminal *terminal, int row, int column, const char *bytes,
                     size_t length);
    /* The size of a cell in pixels; false: the terminal does not say. */
    bool (*cell)(struct terminal *terminal, int *width, int *height);
    /* Into the clipboard, as far as the terminal does that; false: it was not asked. */
    bool (*copy)(struct terminal *terminal, const char *text, size_t length);
    void (*suspend)(struct terminal *terminal);
    void (*resume)(struct terminal *terminal);
    void (*destroy)(struct terminal *terminal);
};

/* Whether what follows could draw here, as far as TERM says it. */
bool terminal_draws(void);
/* The process's own terminal; fails with a sentence when stdin or stdout is none, or TERM is
 * unknown. */
struct terminal *terminal_curses_create(struct err *err);
/* The same in the normal screen, for what is said to stay in the terminal's own scrollback. */
struct terminal *terminal_inline_create(struct err *err);
/* Puts the terminal back from anywhere, signal handlers and mem_on_exhausted included. */
void terminal_restore(void);
/* The same for a process that died without: all modes that a screen of ours may have switched on,
 * besides those that tcsetattr knows. */
void terminal_recover(bool full);

/* A terminal in memory. Keys are fed, the screen is read as text, a line a row, trailing blanks
 * cut. */
struct terminal *terminal_memory_create(int rows, int columns);
/* Inline: what was released and has scrolled away is kept. */
struct terminal *terminal_memory_create_inline(int rows, int columns);
char *terminal_memory_scrollback(const struct terminal *terminal); /* mem_free */
void terminal_memory_resize(struct terminal *terminal, int rows, int columns);
void terminal_memory_key(struct terminal *terminal, uint32_t code);
void terminal_memory_type(struct terminal *terminal, const char *text);
void terminal_memory_paste(struct terminal *terminal, const char *text);
char *terminal_memory_screen(const struct terminal *terminal); /* mem_free */
void terminal_memory_cursor(const struct terminal *terminal, int *row, int *column);
/* What was copied last; NULL: nothing. A view. */
const char *terminal_memory_copied(const struct terminal *terminal);
/* Bytes of graphics that flushes sent so far, each behind "[ROW,COLUMN]"; a view. */
const char *terminal_memory_graphics(const struct terminal *terminal);
/* 0: it does not say, as at first. */
void terminal_memory_set_cell(struct terminal *terminal, int width, int height);
/* Whether the mouse is to be reported. */
bool terminal_memory_mouse(const struct terminal *terminal);
/* Cells whose content was sent by flushes so far: what a frame costs. */
size_t terminal_memory_cells_sent(const struct terminal *terminal);
struct terminal_look terminal_memory_look(const struct terminal *terminal, int row, int column);

#endif
