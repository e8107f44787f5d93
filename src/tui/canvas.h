/* canvas: a full screen of a terminal of the ANSI kind, in bytes of our own.
 *
 * The surface knows which cells differ, and a pen the short way to them; ncurses would keep the
 * cells a second time to find the same, and its descriptions of terminals ask for longer bytes.
 * What is drawn is kept until canvas_flush writes it as one frame, in one write(), wrapped in
 * synchronised output (mode 2026).
 *
 * Leaves to the caller: taking the terminal and giving it back, and its size.
 */
#ifndef CARAT_TUI_CANVAS_H
#define CARAT_TUI_CANVAS_H

#include <stdbool.h>
#include <stddef.h>

#include "tui/pen.h"
#include "tui/terminal.h"

struct canvas {
    struct pen pen;
    int rows, columns;
    bool cursor_shown;
};

/* `rows` and `columns` are the caller's to set, from then on. */
void canvas_init(struct canvas *canvas, int colours, unsigned styles);
void canvas_finish(struct canvas *canvas);

/* Something else has written: place and look of the cursor are in doubt. */
void canvas_doubt(struct canvas *canvas);

void canvas_put(struct canvas *canvas, int row, int column, const char *text, size_t length,
                struct terminal_look look);
void canvas_clear_line(struct canvas *canvas, int row, int from_column);
void canvas_scroll(struct canvas *canvas, int rows, int by);
void canvas_graphics(struct canvas *canvas, int row, int column, const char *bytes, size_t length);
/* With the cursor at a cell; hidden where there is no such cell. */
void canvas_flush(struct canvas *canvas, int cursor_row, int cursor_column);
/* The cursor is shown and no look is switched on, for who comes next. */
void canvas_leave(struct canvas *canvas);

#endif
