/* picture: see picture.h. Pixels are averaged over the area that they stand for, so that thin lines
 * grow faint instead of being there or not by chance. */
#include "tui/picture.h"

#include <string.h>

#include "base/mem.h"
#include "tui/layout.h"
#include "tui/sixel.h"

enum { CHANNELS = 3, CUBE = 16, CUBE_SIDE = 6, GREYS = 232, GREY_STEPS = 24 };

/* The mean of the pixels in one of `to` equal parts of each axis. */
static void average(const uint8_t *rgb, size_t width, size_t height, size_t to_width,
                    size_t to_height, size_t x, size_t y, uint8_t out[CHANNELS])
{
    size_t left = x * width / to_width, right = (x + 1) * width / to_width;
    size_t top = y * height / to_height, bottom = (y + 1) * height / to_height;
    uint64_t sum[CHANNELS] = {0}, count = 0;
    right = right > left ? right : left + 1;
    bottom = bottom > top ? bottom : top + 1;
    for (size_t row = top; row < bottom; row++) {
        for (size_t column = left; column < right; column++, count++) {
            for (int c = 0; c < CHANNELS; c++) {
                sum[c] += rgb[(row * width + column) * CHANNELS + (size_t)c];
            }
        }
    }
    for (int c = 0; c < CHANNELS; c++) {
        out[c] = (uint8_t)((sum[c] + count / 2) / count);
    }
}

void picture_fit(size_t width, size_t height, size_t most_width, size_t most_height,
                 size_t *to_width, size_t *to_height)
{
    *to_width = most_width;
    *to_height = (height * most_width + width / 2) / width;
    if (*to_height > most_height) {
        *to_height = most_height;
        *to_width = (width * most_height + height / 2) / height;
    }
    *to_width = *to_width > 0 ? *to_width : 1;
    *to_height = *to_height > 0 ? *to_height : 1;
}

struct picture *picture_create(const uint8_t *rgb, size_t width, size_t height,
                               enum picture_form form, unsigned number, int cell_width,
                               int cell_height)
{
    bool text = form == PICTURE_SIGNS || form == PICTURE_COLOURS;
    size_t most_width = text ? PICTURE_SIDE : PICTURE_GRAPHICS_WIDTH;
    size_t most_height = text ? PICTURE_SIDE : PICTURE_GRAPHICS_HEIGHT;
    size_t to_width = width, to_height = height;
    if (width > most_width || height > most_height) {
        picture_fit(width, height, most_width, most_height, &to_width, &to_height);
    }
    struct picture *picture = mem_zero(1, sizeof *picture);
    picture->form = form;
    picture->number = number;
    picture->width = (int)to_width;
    picture->height = (int)to_height;
    picture->cell_width = cell_width > 0 && cell_height > 0 ? cell_width : 1;
    picture->cell_height = cell_width > 0 && cell_height > 0 ? cell_height : 2;
    picture->rgb = mem_alloc(to_width * to_height, CHANNELS);
    for (size_t y = 0; y < to_height; y++) {
        for (size_t x = 0; x < to_width; x++) {
            average(rgb, width, height, to_width, to_height, x, y,
                    picture->rgb + (y * to_width + x) * CHANNELS);
        }
    }
    if (form == PICTURE_SIXEL) {
        picture->sixel = sixel_create(picture->rgb, picture->width, picture->height);
        mem_free(picture->rgb);
        picture->rgb = NULL;
    }
    return picture;
}

void picture_destroy(struct picture *picture)
{
    if (picture != NULL) {
        sixel_destroy(picture->sixel);
        mem_free(picture->rgb);
        mem_free(picture);
    }
}

/* --- colours --- */

/* The six values of the cube's axes. */
static int cube_value(int step)
{
    return step == 0 ? 0 : 55 + 40 * step;
}

static int cube_step(int value)
{
    return value < 48 ? 0 : value < 115 ? 1 : (value - 35) / 40;
}

static int distance(const uint8_t rgb[CHANNELS], int red, int green, int blue)
{
    int r = rgb[0] - red, g = rgb[1] - green, b = rgb[2] - blue;
    return r * r + g * g + b * b;
}

unsigned picture_colour(const uint8_t rgb[CHANNELS])
{
    int steps[CHANNELS];
    for (int c = 0; c < CHANNELS; c++) {
        steps[c] = cube_step(rgb[c]);
    }
    int mean = (rgb[0] + rgb[1] + rgb[2]) / CHANNELS;
    int grey = mean < 8 ? 0 : (mean - 3) / 10;
    grey = grey < GREY_STEPS ? grey : GREY_STEPS - 1;
    int value = 8 + 10 * grey;
    int of_cube = distance(rgb, cube_value(steps[0]), cube_value(steps[1]), cube_value(steps[2]));
    if (distance(rgb, value, value, value) < of_cube) {
        return (unsigned)(GREYS + grey);
    }
    return (unsigned)(CUBE + (steps[0] * CUBE_SIDE + steps[1]) * CUBE_SIDE + steps[2]);
}

/* --- rows --- */

/* From nothing to full; a bright pixel is a full one, as on a dark screen. */
static void add_sign(struct layout_writer *writer, const uint8_t upper[CHANNELS],
                     const uint8_t lower[CHANNELS])
{
    static const char signs[] = " .:-=+*#%@";
    int light = 0;
    for (int c = 0; c < CHANNELS; c++) {
        static const int weights[CHANNELS] = {3, 6, 1};
        light += weights[c] * (upper[c] + lower[c]);
    }
    layout_add(writer, &signs[(size_t)light * (sizeof signs - 2) / (2 * 10 * 255)], 1, THEME_TEXT);
}

/* Room for graphics: as many cells as the picture touches when it fits into the most there may be.
 */
static void write_room(const struct picture *picture, size_t room, struct layout_writer *writer)
{
    size_t cell_width = (size_t)picture->cell_width, cell_height = (size_t)picture->cell_height;
    size_t width, height;
    picture_fit((size_t)picture->width, (size_t)picture->height, room * cell_width,
                PICTURE_ROWS * cell_height, &width, &height);
    int columns = (int)((width + cell_width - 1) / cell_width);
    int rows = (int)((height + cell_height - 1) / cell_height);
    layout_add_picture(writer, picture, columns, rows);
}

void picture_layout(const struct picture *picture, int width, struct layout_writer *writer)
{
    static const char half_block[] = "\xE2\x96\x80"; /* U+2580, the upper half */
    static const char indent[] = "  ";
    size_t room = width > 4 ? (size_t)width - 2 : 2, columns, rows;
    room = room < PICTURE_COLUMNS ? room : PICTURE_COLUMNS;
    if (picture->form != PICTURE_COLOURS && picture->form != PICTURE_SIGNS) {
        write_room(picture, room, writer);
        return;
    }
    picture_fit((size_t)picture->width, (size_t)picture->height, room, (size_t)PICTURE_ROWS * 2,
                &columns, &rows);
    rows += rows % 2;
    for (size_t y = 0; y < rows; y += 2) {
        for (size_t x = 0; x < columns; x++) {
            uint8_t upper[CHANNELS], lower[CHANNELS];
            average(picture->rgb, (size_t)picture->width, (size_t)picture->height, columns, rows, x,
                    y, upper);
            average(picture->rgb, (size_t)picture->width, (size_t)picture->height, columns, rows, x,
                    y + 1, lower);
            if (picture->form == PICTURE_COLOURS) {
                layout_add(writer, half_block, strlen(half_block),
                           theme_pixels(picture_colour(upper), picture_colour(lower)));
            } else {
                add_sign(writer, upper, lower);
            }
        }
        layout_end_line(writer, indent, indent, THEME_TEXT, WRAP_CELLS);
    }
}
