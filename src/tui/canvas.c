#include "tui/canvas.h"

#include "base/str.h"

void canvas_init(struct canvas *canvas, int colours, unsigned styles)
{
    *canvas = (struct canvas){.cursor_shown = true};
    pen_init(&canvas->pen, colours, styles);
    canvas->pen.absolute = true;
    pen_doubt(&canvas->pen);
}

void canvas_finish(struct canvas *canvas)
{
    pen_finish(&canvas->pen);
}

void canvas_doubt(struct canvas *canvas)
{
    pen_doubt(&canvas->pen);
}

static bool inside(const struct canvas *canvas, int row, int column)
{
    return row >= 0 && row < canvas->rows && column >= 0 && column < canvas->columns;
}

void canvas_put(struct canvas *canvas, int row, int column, const char *text, size_t length,
                struct terminal_look look)
{
    if (inside(canvas, row, column)) {
        pen_put(&canvas->pen, row, column, text, length, look, canvas->columns);
    }
}

void canvas_clear_line(struct canvas *canvas, int row, int from_column)
{
    if (inside(canvas, row, from_column)) {
        pen_move(&canvas->pen, row, from_column);
        pen_use_blank(&canvas->pen);
        str_append(&canvas->pen.out, "\x1B[K");
    }
}

/* Within margins, so that the rows below them do not move even for a moment. Setting margins brings
 * the cursor home. */
void canvas_scroll(struct canvas *canvas, int rows, int by)
{
    struct pen *pen = &canvas->pen;
    if (rows > canvas->rows || by <= 0 || by >= rows) {
        return;
    }
    pen_use_blank(pen);
    str_append_format(&pen->out, "\x1B[;%dr\x1B[%dH", rows, rows);
    for (int i = 0; i < by; i++) {
        str_append_char(&pen->out, '\n');
    }
    str_append(&pen->out, "\x1B[r");
    pen->row = pen->column = 0;
}

void canvas_graphics(struct canvas *canvas, int row, int column, const char *bytes, size_t length)
{
    pen_graphics(&canvas->pen, row, column, bytes, length);
}

static void show_cursor(struct canvas *canvas, bool shown)
{
    if (shown != canvas->cursor_shown) {
        str_append(&canvas->pen.out, shown ? "\x1B[?25h" : "\x1B[?25l");
        canvas->cursor_shown = shown;
    }
}

void canvas_flush(struct canvas *canvas, int cursor_row, int cursor_column)
{
    bool visible = inside(canvas, cursor_row, cursor_column);
    if (visible) {
        pen_move(&canvas->pen, cursor_row, cursor_column);
    }
    pen_use_blank(&canvas->pen); /* for whatever writes here besides us */
    show_cursor(canvas, visible);
    pen_send_frame(&canvas->pen);
}

void canvas_leave(struct canvas *canvas)
{
    pen_use(&canvas->pen, (struct terminal_look){-1, -1, 0});
    show_cursor(canvas, true);
    pen_send_frame(&canvas->pen);
}
