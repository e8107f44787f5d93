/* graphics: the pictures of a frame that are more than cells of text, and which the terminal holds.
 *
 * A frame names each row of a picture that it shows (a strip). With kitty's protocol the terminal
 * is sent a picture once, the first time that it is shown, and holds it; in sixels each strip that
 * changed is painted over its cells. Nothing is asked of the terminal.
 */
#ifndef CARAT_TUI_GRAPHICS_H
#define CARAT_TUI_GRAPHICS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

struct picture;
struct terminal;

/* A row of a picture that is shown in columns x rows cells, and where the frame has it. */
struct graphics_strip {
    const struct picture *picture; /* borrowed until the frame is sent */
    int row, column;               /* of the frame */
    int columns, rows, part;       /* of the picture, in cells; part < rows */
};

/* A picture that the terminal holds, and for how many cells. */
struct graphics_held {
    unsigned number;
    int columns, rows;
    bool tmux;
};

struct graphics {
    struct graphics_strip *strips;
    size_t count, capacity;
    struct graphics_held *held;
    size_t held_count, held_capacity;
    struct str bytes;
};

void graphics_init(struct graphics *graphics);
void graphics_finish(struct graphics *graphics);

/* A new frame, which shows nothing yet. */
void graphics_clear(struct graphics *graphics);
void graphics_add(struct graphics *graphics, const struct graphics_strip *strip);
/* What a cell of the strip holds as text: for kitty what names the picture, else a blank that is
 * none to a program which leaves blanks out. Returns its bytes, GLYPH_BYTES at most. */
size_t graphics_cell(const struct graphics_strip *strip, int column, char *out);

/* Sends the pictures of the frame that the terminal does not hold in this size. True: something was
 * sent. */
bool graphics_send(struct graphics *graphics, struct terminal *terminal);
/* Paints a strip whose cells have changed; nothing where the cells are enough. */
void graphics_paint(struct graphics *graphics, struct terminal *terminal,
                    const struct graphics_strip *strip);
/* What the terminal holds is in doubt: it is sent again. */
void graphics_forget(struct graphics *graphics);
/* Has the terminal drop all that it holds. */
void graphics_drop(struct graphics *graphics, struct terminal *terminal);

#endif
