/* pen: the bytes that bring a terminal's cursor and looks from where they are to where they shall
 * be, few of them.
 *
 * For terminals of the ANSI kind. Rows are counted from any one row, as only differences of them
 * are sent; columns are absolute, so that a glyph that the terminal takes for wider or narrower
 * than we do spoils no more than the run that it is in.
 *
 * Invariant: `look` is what the terminal has switched on. It may stay on between frames, as long as
 * a blank that is written or cleared with it cannot be told from one that is not.
 */
#ifndef CARAT_TUI_PEN_H
#define CARAT_TUI_PEN_H

#include <stdbool.h>

#include "base/str.h"
#include "tui/terminal.h"

struct pen {
    struct str out;            /* what is to be sent */
    int colours;               /* that the terminal has; 0: none are used */
    int row, column;           /* of the cursor; column -1: in doubt */
    struct terminal_look look; /* that is switched on */
};

/* Nothing is switched on, and the column is in doubt. */
void pen_init(struct pen *pen, int colours);
void pen_finish(struct pen *pen);

/* The rows between must be there: some of the bytes would scroll at the end of the screen. */
void pen_move(struct pen *pen, int row, int column);

void pen_use(struct pen *pen, struct terminal_look look);

/* Whether a blank in that look is the same as in none. */
bool pen_blank_is_plain(struct terminal_look look);

/* Before something is cleared, and rows come in: what is blank then is plain. */
void pen_use_blank(struct pen *pen);

#endif
