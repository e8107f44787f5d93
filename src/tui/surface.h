/* surface: the frame that is being composed, and what the terminal was last sent.
 *
 * A grid of cells twice: `next` is drawn into, `shown` is what the terminal holds. surface_show
 * sends only cells that differ. Everything that is put passes base/visible here, in this one place,
 * so that no caller can forget it. Cells outside the grid are cut away: any position is allowed.
 *
 * Invariant: a wide glyph is one cell of width 2 followed by one of width 0; drawing over half of
 * it blanks the other half.
 */
#ifndef CARAT_TUI_SURFACE_H
#define CARAT_TUI_SURFACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tui/theme.h"

struct picture;
struct surface;

struct surface *surface_create(void);
void surface_destroy(struct surface *surface);

/* Takes a new size (negative counts as 0). The terminal's content is unknown from here on. */
void surface_resize(struct surface *surface, int rows, int columns);
int surface_columns(const struct surface *surface);

/* Blanks the frame and hides the cursor. */
void surface_clear(struct surface *surface);

/* Draws text (anything) at a cell, up to but without column `limit`; returns the column behind it.
 */
int surface_put(struct surface *surface, int row, int column, int limit, const char *text,
                size_t length, enum theme_role role);
int surface_text(struct surface *surface, int row, int column, int limit, const char *text,
                 enum theme_role role);
/* A row may have a name, not 0 and not the largest: one that stands for all that is drawn into it.
 * surface_keep is true when it was drawn like that in the frame before and not since, or lies
 * outside; then there is nothing to do. Else it is drawn, and named when that is done. What is
 * drawn over a row takes its name away. */
bool surface_keep(struct surface *surface, int row, uint64_t key);
void surface_name(struct surface *surface, int row, uint64_t key);
/* Where a row of that name is in the frame before; -1: nowhere. */
int surface_find(const struct surface *surface, uint64_t key);
/* Before anything is drawn, once a frame: the first `rows` rows move up by `by`, with their names,
 * and at the end of them rows come in that are to be drawn. Not while a picture is in them. */
void surface_scroll(struct surface *surface, int rows, int by);
/* Fills columns [column, limit) with one glyph of width 1, a constant of ours. */
void surface_fill(struct surface *surface, int row, int column, int limit, const char *glyph,
                  enum theme_role role);
/* A row of a picture that is shown in columns x rows cells: its room, and what makes the terminal
 * fill it (graphics.h). Nothing when it does not fit below `limit`. `picture` is borrowed until the
 * frame is shown. */
void surface_picture(struct surface *surface, int row, int column, int limit,
                     const struct picture *picture, int columns, int rows, int part);
/* The pictures that the terminal holds are sent again with the next frame that shows them. */
void surface_forget_pictures(struct surface *surface);
/* The terminal drops all pictures that it holds: none is shown any more. */
void surface_drop_pictures(struct surface *surface, struct terminal *terminal);
/* Inline (terminal.h): the grid is the terminal's region. Both are changed together, and what the
 * terminal holds stays known. */
void surface_restart(struct surface *surface, struct terminal *terminal, int columns);
/* Makes it `rows` high; rows come in or go out above the last `below` ones of before. */
void surface_region(struct surface *surface, struct terminal *terminal, int rows, int below);
/* The first rows, which were shown, are final and leave the grid. */
void surface_release(struct surface *surface, struct terminal *terminal, int rows);

void surface_cursor(struct surface *surface, int row, int column); /* row -1 hides it */

/* The terminal's content is unknown: the next surface_show sends everything. */
void surface_forget(struct surface *surface);
/* Sends what differs as one frame. Sends nothing, not even an empty frame, when nothing does. */
void surface_show(struct surface *surface, struct terminal *terminal);

/* For all that is shown from now on; borrowed for good. */
void surface_set_theme(struct surface *surface, const struct theme *theme);

#endif
