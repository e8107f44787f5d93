/* The process's own terminal, in its normal screen: what is final scrolls away into the terminal's
 * own scrollback, and only the region below it is drawn again.
 *
 * The region's place on the screen is not known and not asked for: a question could block the
 * start, and its answer could come between keys. All movement is relative to the place of the
 * cursor, which is known because nobody else writes. Rows are added by line feeds at the end of the
 * region, so that the terminal scrolls by itself when it must; no screen and no scrollback is ever
 * cleared.
 *
 * When a window becomes narrower, many terminals break rows that do not fit any more into several
 * (they reflow), and some do not. That decides how far above the cursor the region begins, so what
 * was written into each row is counted, and which terminals do not reflow is a table.
 *
 * A pen makes the bytes, and writes a frame in one write().
 */
#include "tui/terminal.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <termios.h>
#include <unistd.h>

#include <curses.h>
#include <term.h>
#undef columns /* term.h makes words of the language its own */
#undef lines

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "tui/pen.h"
#include "tui/terminal_device.h"

struct inline_terminal {
    struct terminal terminal;
    struct terminal_device device;
    bool suspended, reflows;
    int rows, columns;
    int height;   /* of the region */
    int *written; /* cells of each row of the region that hold something */
    size_t written_capacity;
    struct pen pen;                /* its rows are those of the region */
    int cursor_row, cursor_column; /* where the frame wants it */
    bool cursor_shown;
};

static const struct terminal_look plain_look = {-1, -1, 0};

static struct inline_terminal *inline_of(struct terminal *terminal)
{
    return (struct inline_terminal *)terminal;
}

/* --- drawing --- */

static void inline_size(struct terminal *terminal, int *rows, int *columns)
{
    struct inline_terminal *self = inline_of(terminal);
    terminal_device_size(&self->rows, &self->columns); /* unknown: the last one stays */
    *rows = self->rows;
    *columns = self->columns;
}

static void inline_put(struct terminal *terminal, int row, int column, const char *text,
                       size_t length, struct terminal_look look)
{
    struct inline_terminal *self = inline_of(terminal);
    if (!self->suspended && row >= 0 && row < self->height && column >= 0) {
        int end = pen_put(&self->pen, row, column, text, length, look, self->columns);
        self->written[row] = end > self->written[row] ? end : self->written[row];
    }
}

static void inline_clear_line(struct terminal *terminal, int row, int from_column)
{
    struct inline_terminal *self = inline_of(terminal);
    if (self->suspended || row < 0 || row >= self->height || from_column < 0 ||
        self->written[row] <= from_column) {
        return;
    }
    pen_move(&self->pen, row, from_column);
    pen_use_blank(&self->pen);
    str_append(&self->pen.out, "\x1B[K");
    self->written[row] = from_column;
}

static void inline_graphics(struct terminal *terminal, int row, int column, const char *bytes,
                            size_t length)
{
    struct inline_terminal *self = inline_of(terminal);
    if (!self->suspended) {
        pen_graphics(&self->pen, row, column, bytes, length);
    }
}

static bool inline_cell(struct terminal *terminal, int *width, int *height)
{
    (void)terminal;
    return terminal_device_cell(width, height);
}

static void inline_cursor(struct terminal *terminal, int row, int column)
{
    inline_of(terminal)->cursor_row = row;
    inline_of(terminal)->cursor_column = column;
}

static void send(struct inline_terminal *self)
{
    if (self->pen.out.length > 0) {
        terminal_device_write(self->pen.out.data, self->pen.out.length);
        str_clear(&self->pen.out);
    }
}

static void inline_flush(struct terminal *terminal)
{
    struct inline_terminal *self = inline_of(terminal);
    if (self->suspended) {
        return;
    }
    bool visible = self->cursor_row >= 0 && self->cursor_row < self->height &&
                   self->cursor_column >= 0 && self->cursor_column < self->columns;
    if (visible) {
        pen_move(&self->pen, self->cursor_row, self->cursor_column);
    }
    pen_use_blank(&self->pen); /* and whatever writes here besides us */
    if (visible != self->cursor_shown) {
        str_append(&self->pen.out, visible ? "\x1B[?25h" : "\x1B[?25l");
        self->cursor_shown = visible;
    }
    pen_send_frame(&self->pen);
}

/* --- the region --- */

static void inline_region(struct terminal *terminal, int rows)
{
    struct inline_terminal *self = inline_of(terminal);
    vec_room(&self->written, &self->written_capacity, (size_t)rows, sizeof *self->written);
    pen_use_blank(&self->pen); /* new rows have the background that is switched on */
    if (rows > self->height) {
        int added = rows - (self->height > 0 ? self->height : 1);
        pen_move(&self->pen, self->height > 0 ? self->height - 1 : 0, 0);
        for (int i = 0; i < added; i++) {
            str_append(&self->pen.out, "\n");
        }
        self->pen.row += added;
    }
    for (int row = self->height; row < rows; row++) {
        self->written[row] = 0;
    }
    for (int row = rows; row < self->height; row++) {
        inline_clear_line(terminal, row, 0);
    }
    self->height = rows;
    if (rows > 0 && self->pen.row >= rows) {
        pen_move(&self->pen, rows - 1, 0);
    }
}

static void inline_shift(struct terminal *terminal, int row, int count)
{
    struct inline_terminal *self = inline_of(terminal);
    int rest = self->height - row - abs(count);
    assert(row >= 0 && rest >= 0);
    pen_move(&self->pen, row, 0);
    pen_use_blank(&self->pen);
    str_append(&self->pen.out, "\x1B[");
    if (abs(count) > 1) {
        str_append_format(&self->pen.out, "%d", abs(count));
    }
    str_append_char(&self->pen.out, count > 0 ? 'L' : 'M');
    int *from = self->written + row + (count < 0 ? -count : 0);
    int *to = self->written + row + (count > 0 ? count : 0);
    memmove(to, from, (size_t)rest * sizeof *to);
    int blank = count > 0 ? row : row + rest;
    for (int i = 0; i < abs(count); i++) {
        self->written[blank + i] = 0;
    }
}

static void inline_scroll(struct terminal *terminal, int rows, int by)
{
    if (!inline_of(terminal)->suspended) {
        inline_shift(terminal, 0, -by);
        inline_shift(terminal, rows - by, by);
    }
}

static void inline_release(struct terminal *terminal, int rows)
{
    struct inline_terminal *self = inline_of(terminal);
    assert(rows <= self->height);
    self->height -= rows;
    self->pen.row -= rows;
    memmove(self->written, self->written + rows, (size_t)self->height * sizeof *self->written);
}

/* To the first row of the region, wherever the terminal has put it, and all below it is cleared. */
static void inline_restart(struct terminal *terminal)
{
    struct inline_terminal *self = inline_of(terminal);
    int above = self->pen.row;
    if (self->reflows && self->columns > 0) {
        above = self->pen.column > 0 ? self->pen.column / self->columns : 0;
        for (int row = 0; row < self->pen.row && row < self->height; row++) {
            int cells = self->written[row];
            above += cells > self->columns ? (cells + self->columns - 1) / self->columns : 1;
        }
    }
    if (above > 0) {
        str_append_format(&self->pen.out, "\x1B[%dA", above);
    }
    str_append(&self->pen.out, "\r");
    pen_use(&self->pen, plain_look);
    str_append(&self->pen.out, "\x1B[J");
    self->pen.row = self->pen.column = self->height = 0;
}

static void inline_repaint(struct terminal *terminal)
{
    inline_restart(terminal);
}

/* --- keys --- */

static bool inline_read(struct terminal *terminal, struct terminal_key *key)
{
    struct inline_terminal *self = inline_of(terminal);
    return !self->suspended && terminal_device_read(&self->device, key);
}

static bool inline_copy(struct terminal *terminal, const char *text, size_t length)
{
    return terminal_device_copy(&inline_of(terminal)->device, text, length);
}

static bool inline_lost(const struct terminal *terminal)
{
    return terminal_device_lost(&((const struct inline_terminal *)terminal)->device);
}

/* --- taking and giving back --- */

static void take(struct inline_terminal *self)
{
    struct termios modes;
    terminal_device_take();
    if (tcgetattr(STDIN_FILENO, &modes) == 0) {
        modes.c_lflag &= (tcflag_t) ~(ICANON | ECHO | ISIG | IEXTEN);
        modes.c_iflag &= (tcflag_t) ~(IXON | ICRNL | INLCR | IGNCR | ISTRIP | BRKINT);
        modes.c_oflag &= (tcflag_t)~OPOST; /* a line feed goes down and nothing else */
        modes.c_cc[VMIN] = 1;
        modes.c_cc[VTIME] = 0;
        tcsetattr(STDIN_FILENO, TCSADRAIN, &modes);
    }
    self->suspended = false;
    self->cursor_shown = true;
    self->pen.look = plain_look;
    self->pen.row = self->height = 0;
    self->pen.column = -1;
    terminal_device_switch_on(&self->device);
}

static void inline_suspend(struct terminal *terminal)
{
    struct inline_terminal *self = inline_of(terminal);
    if (self->suspended) {
        return;
    }
    inline_restart(terminal);
    str_append(&self->pen.out, "\x1B[?25h");
    send(self);
    self->suspended = true;
    terminal_device_switch_off(&self->device);
    terminal_device_give_back();
}

static void inline_resume(struct terminal *terminal)
{
    if (inline_of(terminal)->suspended) {
        take(inline_of(terminal));
    }
}

static void inline_destroy(struct terminal *terminal)
{
    struct inline_terminal *self = inline_of(terminal);
    inline_suspend(terminal);
    terminal_device_close(&self->device);
    pen_finish(&self->pen);
    mem_free(self->written);
    mem_free(self);
}

static const struct terminal_ops inline_ops = {
    .size = inline_size,
    .put = inline_put,
    .clear_line = inline_clear_line,
    .cursor = inline_cursor,
    .flush = inline_flush,
    .repaint = inline_repaint,
    .graphics = inline_graphics,
    .cell = inline_cell,
    .region = inline_region,
    .scroll = inline_scroll,
    .shift = inline_shift,
    .release = inline_release,
    .restart = inline_restart,
    .read = inline_read,
    .lost = inline_lost,
    .copy = inline_copy,
    .suspend = inline_suspend,
    .resume = inline_resume,
    .destroy = inline_destroy,
};

/* Those that cut rows off instead of breaking them are the fewer ones. */
static bool does_reflow(void)
{
    static const char *const cutting[] = {"linux", "rxvt", "st", "eterm"};
    const char *term = getenv("TERM");
    if (getenv("TMUX") != NULL) {
        return true;
    }
    if (getenv("XTERM_VERSION") != NULL || str_starts_with(term, "screen")) {
        return getenv("XTERM_VERSION") == NULL && getenv("STY") == NULL;
    }
    for (size_t i = 0; i < sizeof cutting / sizeof cutting[0]; i++) {
        if (str_starts_with(term, cutting[i])) {
            return false;
        }
    }
    return true;
}

static bool has(const char *name)
{
    const char *value = tigetstr((char *)name);
    return value != NULL && value != (char *)-1;
}

struct terminal *terminal_inline_create(struct err *err)
{
    static const char *const leave[] = {NULL};
    struct terminal_device device;
    if (!terminal_device_open(&device, leave, "\r\n\x1B[J", err)) {
        return NULL;
    }
    if (!device.ansi || !has("il1") || !has("dl1") || !has("el") || !has("ed")) {
        terminal_device_close(&device);
        err_set(
            err, ERR_UNSUPPORTED,
            "the terminal type TERM=%s cannot insert rows, which tui.screen = \"inline\" needs: "
            "use --screen full",
            getenv("TERM"));
        return NULL;
    }
    struct inline_terminal *self = mem_zero(1, sizeof *self);
    self->terminal.ops = &inline_ops;
    self->device = device;
    pen_init(&self->pen, terminal_device_colours(), terminal_device_styles());
    self->reflows = does_reflow();
    self->rows = 24;
    self->columns = 80;
    fflush(stdout);
    take(self);
    return &self->terminal;
}
