/* The process's own terminal, all of it, through ncurses.
 *
 * ncurses takes the terminal and gives it back, and draws where nobody else can: where a terminal
 * is of the ANSI kind, as nearly all are, a canvas does, in fewer bytes. The keys are read by
 * terminal_device, byte by byte, since a paste of a megabyte must be quick and an ESC must not be
 * guessed at twice (key.c). Frames of ncurses are wrapped in synchronised output (mode 2026), too.
 *
 * Leaves to the caller: signals. ncurses would catch INT, TERM, TSTP and WINCH by itself; it gets
 * them masked out while it starts.
 */
#define NCURSES_WIDECHAR 1
#include "tui/terminal.h"

#include <assert.h>
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <curses.h>
#include <term.h>
#undef columns /* term.h makes words of the language its own */

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/utf8.h"
#include "tui/canvas.h"
#include "tui/glyph.h"
#include "tui/terminal_device.h"

enum { RUN_CELLS = 256 };

struct curses {
    struct terminal terminal;
    SCREEN *screen;
    struct terminal_device device;
    bool suspended;
    bool colours;
    int rows, columns;
    int cursor_row, cursor_column;
    struct canvas canvas;
    struct str graphics; /* what goes behind the next frame, which ncurses knows nothing of */
};

static struct curses *curses_of(struct terminal *terminal)
{
    return (struct curses *)terminal;
}

static void set_modes(void)
{
    raw();
    noecho();
    nonl();
    intrflush(stdscr, FALSE);
    keypad(stdscr, TRUE);
    leaveok(stdscr, FALSE);
    idlok(stdscr, TRUE); /* scrolling moves rows instead of sending them again */
    scrollok(stdscr, FALSE);
}

/* --- size --- */

static void curses_size(struct terminal *terminal, int *rows, int *columns)
{
    struct curses *curses = curses_of(terminal);
    terminal_device_size(&curses->rows, &curses->columns); /* unknown: what ncurses found stays */
    if (!curses->suspended && is_term_resized(curses->rows, curses->columns)) {
        resize_term(curses->rows, curses->columns);
        clearok(curscr, TRUE);
    }
    *rows = curses->canvas.rows = curses->rows;
    *columns = curses->canvas.columns = curses->columns;
}

/* --- drawing --- */

static int colour(int number)
{
    /* Eight colours: the bright ones are bold. What a picture asks for beyond that is not there. */
    return number < COLORS ? number : number < 16 ? number - 8 : -1;
}

static attr_t attributes(const struct curses *curses, struct terminal_look look, int *pair)
{
    static const struct {
        unsigned style;
        attr_t attribute;
    } table[] = {
        {TERMINAL_BOLD, A_BOLD},       {TERMINAL_DIM, A_DIM},
        {TERMINAL_ITALIC, A_ITALIC},   {TERMINAL_UNDERLINE, A_UNDERLINE},
        {TERMINAL_REVERSE, A_REVERSE},
    };
    attr_t result = 0;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        result |= look.style & table[i].style ? table[i].attribute : 0;
    }
    *pair = 0;
    if (curses->colours && (look.foreground >= 0 || look.background >= 0)) {
        result |= look.foreground >= COLORS ? A_BOLD : 0;
        *pair = alloc_pair(colour(look.foreground), colour(look.background));
        *pair = *pair < 0 ? 0 : *pair;
    } else if (look.background >= 0) {
        result |= A_REVERSE; /* no colours: what has a background still stands out */
    }
    return result;
}

/* One glyph as ncurses wants it. ncurses counts cells by wcwidth(); where that differs from ours (a
 * newer character), the glyph is replaced, so that the cursor is never in doubt. Returns how many
 * cells of `out` are used. */
static int make_cells(const struct glyph *glyph, attr_t attribute, int pair, cchar_t *out)
{
    wchar_t wide[CCHARW_MAX + 1];
    size_t count = 0, used;
    for (size_t at = 0; at < glyph->length && count < CCHARW_MAX; at += used) {
        uint32_t c = utf8_decode(glyph->text + at, glyph->length - at, &used);
        assert(c < UTF8_INCOMPLETE && c >= 0x20 && !(c >= 0x7F && c < 0xA0));
        wide[count++] = (wchar_t)c;
    }
    wide[count] = L'\0';
    if (wcwidth(wide[0]) == glyph->width) {
        for (size_t i = 1; i < count; i++) {
            if (wcwidth(wide[i]) != 0) {
                wide[i] = L'\0';
                break;
            }
        }
        setcchar(out, wide, attribute, 0, &pair);
        return 1;
    }
    for (int i = 0; i < glyph->width; i++) {
        setcchar(&out[i], i == 0 ? L"\uFFFD" : L" ", attribute, 0, &pair);
    }
    return glyph->width;
}

static void curses_put(struct terminal *terminal, int row, int column, const char *text,
                       size_t length, struct terminal_look look)
{
    struct curses *curses = curses_of(terminal);
    cchar_t cells[RUN_CELLS + 2];
    int pair, count = 0, start = column;
    attr_t attribute = attributes(curses, look, &pair);
    struct glyph glyph;
    if (row < 0 || row >= LINES || column < 0 || curses->suspended) {
        return;
    }
    for (size_t at = 0; at < length; at += glyph.used) {
        glyph_next(text + at, length - at, &glyph);
        if (column + glyph.width > COLS) {
            break;
        }
        if (glyph.width == 0) {
            continue;
        }
        count += make_cells(&glyph, attribute, pair, cells + count);
        column += glyph.width;
        if (count >= RUN_CELLS) {
            mvadd_wchnstr(row, start, cells, count);
            start = column;
            count = 0;
        }
    }
    if (count > 0) {
        mvadd_wchnstr(row, start, cells, count);
    }
}

static void curses_clear_line(struct terminal *terminal, int row, int from_column)
{
    if (row >= 0 && row < LINES && from_column >= 0 && from_column < COLS &&
        !curses_of(terminal)->suspended) {
        move(row, from_column);
        clrtoeol();
    }
}

static void curses_scroll(struct terminal *terminal, int rows, int by)
{
    if (rows <= LINES && !curses_of(terminal)->suspended) {
        setscrreg(0, rows - 1);
        scrollok(stdscr, TRUE);
        scrl(by);
        scrollok(stdscr, FALSE);
        setscrreg(0, LINES - 1);
    }
}

static void curses_cursor(struct terminal *terminal, int row, int column)
{
    curses_of(terminal)->cursor_row = row;
    curses_of(terminal)->cursor_column = column;
}

/* Graphics are painted on what ncurses has drawn, and the cursor goes back to where it knows it. */
static void send_graphics(struct curses *curses)
{
    if (curses->graphics.length > 0) {
        str_append_format(&curses->graphics, "\x1B[%d;%dH", getcury(curscr) + 1,
                          getcurx(curscr) + 1);
        terminal_device_write(curses->graphics.data, curses->graphics.length);
        str_clear(&curses->graphics);
    }
}

static void curses_graphics(struct terminal *terminal, int row, int column, const char *bytes,
                            size_t length)
{
    struct curses *curses = curses_of(terminal);
    if (curses->suspended || !curses->device.ansi) {
        return;
    }
    if (row >= 0) {
        /* Rows that ncurses moves would take their graphics along, behind the surface's back. */
        idlok(stdscr, FALSE);
        str_append_format(&curses->graphics, "\x1B[%d;%dH", row + 1, column + 1);
    }
    str_append_bytes(&curses->graphics, bytes, length);
}

static bool curses_cell(struct terminal *terminal, int *width, int *height)
{
    (void)terminal;
    return terminal_device_cell(width, height);
}

static void curses_flush(struct terminal *terminal)
{
    struct curses *curses = curses_of(terminal);
    if (curses->suspended) {
        return;
    }
    bool visible = curses->cursor_row >= 0 && curses->cursor_row < LINES &&
                   curses->cursor_column >= 0 && curses->cursor_column < COLS;
    if (curses->device.ansi) {
        terminal_device_write("\x1B[?2026h", 8);
    }
    curs_set(visible ? 1 : 0);
    if (visible) {
        move(curses->cursor_row, curses->cursor_column);
    }
    wnoutrefresh(stdscr);
    doupdate();
    send_graphics(curses);
    if (curses->device.ansi) {
        terminal_device_write("\x1B[?2026l", 8);
    }
}

static void curses_repaint(struct terminal *terminal)
{
    (void)terminal;
    clearok(curscr, TRUE);
}

/* --- on the canvas --- */

static void drawn_put(struct terminal *terminal, int row, int column, const char *text,
                      size_t length, struct terminal_look look)
{
    if (!curses_of(terminal)->suspended) {
        canvas_put(&curses_of(terminal)->canvas, row, column, text, length, look);
    }
}

static void drawn_clear_line(struct terminal *terminal, int row, int from_column)
{
    if (!curses_of(terminal)->suspended) {
        canvas_clear_line(&curses_of(terminal)->canvas, row, from_column);
    }
}

static void drawn_scroll(struct terminal *terminal, int rows, int by)
{
    if (!curses_of(terminal)->suspended) {
        canvas_scroll(&curses_of(terminal)->canvas, rows, by);
    }
}

static void drawn_graphics(struct terminal *terminal, int row, int column, const char *bytes,
                           size_t length)
{
    if (!curses_of(terminal)->suspended) {
        canvas_graphics(&curses_of(terminal)->canvas, row, column, bytes, length);
    }
}

static void drawn_flush(struct terminal *terminal)
{
    struct curses *curses = curses_of(terminal);
    if (!curses->suspended) {
        canvas_flush(&curses->canvas, curses->cursor_row, curses->cursor_column);
    }
}

static void drawn_repaint(struct terminal *terminal)
{
    canvas_doubt(&curses_of(terminal)->canvas);
}

/* --- keys --- */

static bool curses_read(struct terminal *terminal, struct terminal_key *key)
{
    struct curses *curses = curses_of(terminal);
    return !curses->suspended && terminal_device_read(&curses->device, key);
}

static bool curses_copy(struct terminal *terminal, const char *text, size_t length)
{
    return terminal_device_copy(&((struct curses *)terminal)->device, text, length);
}

static void curses_mouse(struct terminal *terminal, bool on)
{
    terminal_device_set_mouse(&curses_of(terminal)->device, on);
}

static bool curses_lost(const struct terminal *terminal)
{
    return terminal_device_lost(&((const struct curses *)terminal)->device);
}

/* --- suspend, resume, end --- */

static void curses_suspend(struct terminal *terminal)
{
    struct curses *curses = curses_of(terminal);
    if (curses->suspended) {
        return;
    }
    curses->suspended = true;
    send_graphics(curses);
    canvas_leave(&curses->canvas);
    terminal_device_switch_off(&curses->device);
    curs_set(1);
    endwin();
    terminal_device_give_back();
}

static void curses_resume(struct terminal *terminal)
{
    struct curses *curses = curses_of(terminal);
    int rows, columns;
    if (!curses->suspended) {
        return;
    }
    curses->suspended = false;
    terminal_device_take(); /* the shell's own modes, as they are now */
    reset_prog_mode();
    set_modes();
    curses_size(terminal, &rows, &columns);
    clearok(curscr, TRUE);
    refresh();
    canvas_doubt(&curses->canvas);
    terminal_device_switch_on(&curses->device);
}

static void curses_destroy(struct terminal *terminal)
{
    struct curses *curses = curses_of(terminal);
    curses_suspend(terminal);
    delscreen(curses->screen);
    str_finish(&curses->graphics);
    canvas_finish(&curses->canvas);
    terminal_device_close(&curses->device);
    mem_free(curses);
}

/* What is the same whoever draws. */
#define CURSES_OPS                                                                            \
    .size = curses_size, .cursor = curses_cursor, .cell = curses_cell, .mouse = curses_mouse, \
    .read = curses_read, .lost = curses_lost, .copy = curses_copy, .suspend = curses_suspend, \
    .resume = curses_resume, .destroy = curses_destroy

static const struct terminal_ops curses_ops = {
    CURSES_OPS,
    .put = curses_put,
    .clear_line = curses_clear_line,
    .flush = curses_flush,
    .repaint = curses_repaint,
    .graphics = curses_graphics,
    .scroll = curses_scroll,
};

static const struct terminal_ops canvas_ops = {
    CURSES_OPS,
    .put = drawn_put,
    .clear_line = drawn_clear_line,
    .flush = drawn_flush,
    .repaint = drawn_repaint,
    .graphics = drawn_graphics,
    .scroll = drawn_scroll,
};

/* --- start --- */

/* newterm, without the signal handlers that it would install. */
static SCREEN *start_screen(void)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGTSTP, SIGWINCH};
    enum { COUNT = sizeof signals / sizeof signals[0] };
    struct sigaction before[COUNT], ignore = {.sa_handler = SIG_IGN};
    for (size_t i = 0; i < COUNT; i++) {
        sigaction(signals[i], &ignore, &before[i]);
    }
    SCREEN *screen = newterm(NULL, stdout, stdin);
    for (size_t i = 0; i < COUNT; i++) {
        sigaction(signals[i], &before[i], NULL);
    }
    return screen;
}

struct terminal *terminal_curses_create(struct err *err)
{
    static const char *const leave[] = {"rmcup", NULL};
    struct terminal_device device;
    if (!terminal_device_open(&device, leave, "", err)) {
        return NULL;
    }
    struct curses *curses = mem_zero(1, sizeof *curses);
    curses->terminal.ops = terminal_device_takes_canvas() ? &canvas_ops : &curses_ops;
    canvas_init(&curses->canvas, terminal_device_colours(), terminal_device_styles());
    str_init(&curses->graphics);
    curses->device = device;
    del_curterm(cur_term); /* newterm reads the description again, into one of its own */
    fflush(stdout);
    terminal_device_take(); /* from the first byte that changes the terminal on */
    curses->screen = start_screen();
    if (curses->screen == NULL) {
        terminal_restore();
        terminal_device_close(&curses->device);
        mem_free(curses);
        err_set(err, ERR_UNAVAILABLE, "ncurses cannot use this terminal: use `carat exec`");
        return NULL;
    }
    if (terminal_device_wants_colours() && has_colors()) {
        start_color();
        curses->colours = use_default_colors() == OK;
    }
    typeahead(-1); /* a waiting key must not break a frame off */
    set_modes();
    curses->rows = curses->canvas.rows = LINES;
    curses->columns = curses->canvas.columns = COLS;
    refresh();
    terminal_device_switch_on(&curses->device);
    return &curses->terminal;
}
