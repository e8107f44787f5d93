/* picture: a picture as text cells.
 *
 * Each cell shows two pixels, one above the other: a half block in the colour of the upper one on
 * the colour of the lower one, out of the 256 that terminals with colours agree on. Without colours
 * a cell is a sign as dark as its two pixels. What is drawn this way is text: it scrolls, wraps and
 * is cleared like any other, on every terminal.
 *
 * Only a small copy of the picture is kept, at most PICTURE_SIDE pixels wide or high.
 */
#ifndef CARAT_TUI_PICTURE_H
#define CARAT_TUI_PICTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct layout_writer;

enum { PICTURE_SIDE = 128, PICTURE_ROWS = 16, PICTURE_COLUMNS = 64 };

struct picture {
    int width, height; /* of the copy, 1 or more */
    uint8_t *rgb;      /* [height][width][3] */
    bool colours;
};

/* rgb[height][width][3], each 1 or more: averaged down to a copy. Released by picture_destroy. */
struct picture *picture_create(const uint8_t *rgb, size_t width, size_t height, bool colours);
void picture_destroy(struct picture *picture); /* NULL is fine */

/* The number, of 256, of the colour next to this one. */
unsigned picture_colour(const uint8_t rgb[3]);

/* Writes it as rows of the writer's width, at most PICTURE_ROWS of them. */
void picture_layout(const struct picture *picture, int width, struct layout_writer *writer);

#endif
