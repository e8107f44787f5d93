/* sixel: a picture in few colours, and the bytes that paint rows of it (DEC's sixel graphics).
 *
 * What is painted stays on the screen until text is written over it and is then gone, so a screen
 * that changes paints again. A row of cells is therefore painted by itself: only rows that are new
 * or were disturbed are sent again, and no picture reaches beyond its own cells.
 *
 * The colours are chosen once (median cut over the picture's colours in 16 steps a channel), one
 * byte a pixel is kept. No dithering: even areas stay even, which is what makes sixels short.
 */
#ifndef CARAT_TUI_SIXEL_H
#define CARAT_TUI_SIXEL_H

#include <stddef.h>
#include <stdint.h>

struct str;

enum { SIXEL_COLOURS = 64 };

struct sixel {
    int width, height;
    uint8_t *pixels; /* [height][width], colours */
    uint8_t colours[SIXEL_COLOURS][3];
    int count; /* of colours */
};

/* rgb[height][width][3], each 1 or more. Released by sixel_destroy. */
struct sixel *sixel_create(const uint8_t *rgb, int width, int height);
void sixel_destroy(struct sixel *sixel); /* NULL is fine */

/* The picture, scaled to to_width x to_height: its pixel rows [top, top + rows), painted from the
 * cursor on. Nothing when there are none. */
void sixel_append(struct str *out, const struct sixel *sixel, int to_width, int to_height, int top,
                  int rows);

#endif
