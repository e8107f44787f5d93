/* pen: the bytes that bring a terminal's cursor and looks from where they are to where they shall
 * be, few of them.
 *
 * For terminals of the ANSI kind. Rows are counted from any one row, as only differences of them
 * are sent, unless they are said to be those of the screen. Columns are absolute, so that a glyph
 * that the terminal takes for wider or narrower than we do spoils no more than the run it is in.
 *
 * Invariant: `look` is what the terminal has switched on. It may stay on between frames, as long as
 * a blank that is written or cleared with it cannot be told from one that is not.
 */
#ifndef CARAT_TUI_PEN_H
#define CARAT_TUI_PEN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"
#include "tui/terminal.h"

struct pen {
    struct str out;            /* what is to be sent */
    int colours;               /* that the terminal has; 0: none are used */
    unsigned styles;           /* of enum terminal_style: those that it has */
    bool absolute;             /* rows are those of the screen */
    int row, column;           /* of the cursor; column -1: in doubt; absolute, row -1: so too */
    struct terminal_look look; /* that is switched on */
};

/* Nothing is switched on, and the column is in doubt. */
void pen_init(struct pen *pen, int colours, unsigned styles);
void pen_finish(struct pen *pen);

/* What is switched on and, where rows are absolute, the place are not known any more. */
void pen_doubt(struct pen *pen);

/* The rows between must be there: some of the bytes would scroll at the end of the screen. */
void pen_move(struct pen *pen, int row, int column);

/* Text (UTF-8, no controls) at a cell, up to the last column of so many. Returns the column behind
 * it. */
int pen_put(struct pen *pen, int row, int column, const char *text, size_t length,
            struct terminal_look look, int columns);

/* Bytes of graphics, painted at that cell; with row -1 at no place of their own. */
void pen_graphics(struct pen *pen, int row, int column, const char *bytes, size_t length);

/* Writes what is to be sent as one frame, in one write(), wrapped in synchronised output (mode
 * 2026); terminals that do not know it pass it over. Nothing when there is nothing. */
void pen_send_frame(struct pen *pen);

void pen_use(struct pen *pen, struct terminal_look look);

/* Whether a blank in that look is the same as in none. */
bool pen_blank_is_plain(struct terminal_look look);

/* Before something is cleared, and rows come in: what is blank then is plain. */
void pen_use_blank(struct pen *pen);

#endif
