/* layout: styled rows, ready to be drawn.
 *
 * Written once for a piece of text and a width, drawn often. A writer takes lines piece by piece,
 * each piece with its role, and breaks each line into rows with a prefix (a bullet, an indent).
 */
#ifndef CARAT_TUI_LAYOUT_H
#define CARAT_TUI_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"
#include "tui/theme.h"
#include "tui/wrap.h"

struct picture;
struct surface;

struct layout_run {
    size_t end; /* byte of the text where it stops; it starts where the one before it does */
    enum theme_role role;
};

struct layout_runs {
    struct layout_run *items;
    size_t count, capacity;
};

struct layout_row {
    size_t start, end; /* bytes of the text */
    size_t run;        /* the first run that reaches into the row */
    int part;          /* of the picture's rows, from 1; 0: text */
};

struct layout {
    struct str text;
    struct layout_runs runs;
    struct layout_row *rows;
    size_t count, capacity;
    const struct picture *picture; /* of the rows that are parts of one; borrowed */
    int picture_columns, picture_rows;
};

void layout_init(struct layout *layout);
void layout_finish(struct layout *layout);
void layout_draw_row(const struct layout *layout, size_t index, struct surface *surface, int row,
                     int column, int limit);

/* Takes rows [from, to) out again. */
void layout_drop_rows(struct layout *layout, size_t from, size_t to);

struct layout_writer {
    struct layout *layout;
    int width;
    size_t most;     /* rows to write at most, 0 = all */
    bool full;       /* lines after that many rows were left out */
    size_t measured; /* bytes of the line whose cells are counted in `column` */
    int column;
    struct str line; /* the line so far, its runs, and scratch for its rows */
    struct layout_runs runs;
    struct wrap_rows rows;
};

void layout_writer_init(struct layout_writer *writer, struct layout *layout, int width,
                        size_t most);
void layout_writer_finish(struct layout_writer *writer);

/* Adds a piece to the line; it holds no newline. Tabs become spaces. */
void layout_add(struct layout_writer *writer, const char *text, size_t length,
                enum theme_role role);
bool layout_line_empty(const struct layout_writer *writer);
/* Ends the line. `first` goes before its first row, `rest` before the others; they are left out
 * where the screen is too narrow for them. */
void layout_end_line(struct layout_writer *writer, const char *first, const char *rest,
                     enum theme_role prefix_role, enum wrap_mode mode);
/* Rows that are room for a picture's graphics, indented as its text would be; one in a layout. */
void layout_add_picture(struct layout_writer *writer, const struct picture *picture, int columns,
                        int rows);
/* Each line of `text` in one role. */
void layout_lines(struct layout_writer *writer, const char *text, size_t length,
                  enum theme_role role, const char *first, const char *rest, enum wrap_mode mode);

#endif
