/* picture: a picture in the transcript, in one of four forms.
 *
 * As text, each cell shows two pixels, one above the other: a half block in the colour of the upper
 * one on the colour of the lower one, out of the 256 that terminals with colours agree on. Without
 * colours a cell is a sign as dark as its two pixels. Where the terminal has graphics, the cells
 * are room for them, and `graphics` fills it: by kitty's protocol or in sixels. All four are rows
 * of the transcript, which scroll and are cleared like any other.
 *
 * Only a small copy of the picture is kept: at most PICTURE_SIDE pixels wide or high for text,
 * PICTURE_GRAPHICS_WIDTH x PICTURE_GRAPHICS_HEIGHT for graphics.
 */
#ifndef CARAT_TUI_PICTURE_H
#define CARAT_TUI_PICTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct layout_writer;
struct sixel;

enum {
    PICTURE_SIDE = 128,
    PICTURE_ROWS = 16,
    PICTURE_COLUMNS = 64,
    PICTURE_GRAPHICS_WIDTH = 384,
    PICTURE_GRAPHICS_HEIGHT = 256,
};

enum picture_form {
    PICTURE_SIGNS,
    PICTURE_COLOURS,
    PICTURE_KITTY,
    PICTURE_KITTY_TMUX, /* the same, its bytes passed through tmux */
    PICTURE_SIXEL,
};

struct picture {
    enum picture_form form;
    unsigned number;             /* of this run's; kitty names it by that */
    int width, height;           /* of the copy, 1 or more */
    uint8_t *rgb;                /* [height][width][3]; NULL: in sixels */
    struct sixel *sixel;         /* of PICTURE_SIXEL */
    int cell_width, cell_height; /* pixels of a cell of the terminal, for the aspect */
};

/* rgb[height][width][3], each 1 or more: averaged down to a copy. A cell of unknown size (0) is
 * taken to be twice as high as wide. Released by picture_destroy. */
struct picture *picture_create(const uint8_t *rgb, size_t width, size_t height,
                               enum picture_form form, unsigned number, int cell_width,
                               int cell_height);
void picture_destroy(struct picture *picture); /* NULL is fine */

/* The number, of 256, of the colour next to this one. */
unsigned picture_colour(const uint8_t rgb[3]);

/* The largest size with the same aspect that fits; 1 at least. */
void picture_fit(size_t width, size_t height, size_t most_width, size_t most_height,
                 size_t *to_width, size_t *to_height);

/* Writes it as rows of the writer's width, at most PICTURE_ROWS of them. */
void picture_layout(const struct picture *picture, int width, struct layout_writer *writer);

#endif
