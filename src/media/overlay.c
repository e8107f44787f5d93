/* overlay: see overlay.h. */
#include "media/overlay.h"

#include <string.h>

#include "base/mem.h"

enum { CHANNELS = 3, COLOURS = 6, DIGIT_WIDTH = 3, DIGIT_HEIGHT = 5, CROSS = 3, DIGITS_MAX = 10 };

/* Bright ones that differ in hue and in lightness; the numbers on them are black. */
static const uint8_t colours[COLOURS][CHANNELS] = {{255, 64, 64}, {64, 255, 64},  {255, 255, 0},
                                                   {0, 224, 255}, {255, 96, 255}, {255, 160, 0}};
static const uint8_t black[CHANNELS] = {0, 0, 0};

/* Rows from above, three bits each. */
static const uint8_t digits[10][DIGIT_HEIGHT] = {
    {7, 5, 5, 5, 7}, {2, 6, 2, 2, 7}, {7, 1, 7, 4, 7}, {7, 1, 7, 1, 7}, {5, 5, 7, 1, 1},
    {7, 4, 7, 1, 7}, {7, 4, 7, 5, 7}, {7, 1, 2, 2, 2}, {7, 5, 7, 5, 7}, {7, 5, 7, 1, 7},
};

/* --- the copy --- */

/* The mean of the pixels that one of the copy stands for. */
static void average(const uint8_t *rgb, size_t width, size_t height, const struct overlay *copy,
                    size_t x, size_t y, uint8_t out[CHANNELS])
{
    size_t left = x * width / copy->width, right = (x + 1) * width / copy->width;
    size_t top = y * height / copy->height, bottom = (y + 1) * height / copy->height;
    uint64_t sum[CHANNELS] = {0};
    for (size_t row = top; row < bottom; row++) {
        for (size_t column = left; column < right; column++) {
            for (int c = 0; c < CHANNELS; c++) {
                sum[c] += rgb[(row * width + column) * CHANNELS + (size_t)c];
            }
        }
    }
    uint64_t pixels = (uint64_t)(bottom - top) * (right - left);
    for (int c = 0; c < CHANNELS; c++) {
        out[c] = (uint8_t)(sum[c] / pixels); /* NOLINT(*-core.DivideZero): no copy is larger */
    }
}

bool overlay_copy(const uint8_t *rgb, size_t width, size_t height, size_t most_side,
                  struct overlay *out)
{
    struct overlay copy = {.width = width, .height = height};
    size_t longer = width > height ? width : height;
    if (most_side > 0 && longer > most_side) {
        copy.width = width * most_side / longer;
        copy.height = height * most_side / longer;
        copy.width = copy.width > 0 ? copy.width : 1;
        copy.height = copy.height > 0 ? copy.height : 1;
    }
    copy.rgb = mem_try_alloc(copy.width * CHANNELS, copy.height);
    if (copy.rgb == NULL) {
        return false;
    }
    if (copy.width == width && copy.height == height) {
        memcpy(copy.rgb, rgb, width * height * CHANNELS);
    } else {
        for (size_t y = 0; y < copy.height; y++) {
            for (size_t x = 0; x < copy.width; x++) {
                average(rgb, width, height, &copy, x, y,
                        copy.rgb + (y * copy.width + x) * CHANNELS);
            }
        }
    }
    *out = copy;
    return true;
}

/* --- marks --- */

/* The rectangle from row and column `top`, `left` up to but without `bottom`, `right`. */
static void fill(struct overlay *overlay, size_t top, size_t left, size_t bottom, size_t right,
                 const uint8_t colour[CHANNELS])
{
    bottom = bottom < overlay->height ? bottom : overlay->height;
    right = right < overlay->width ? right : overlay->width;
    for (size_t y = top; y < bottom; y++) {
        for (size_t x = left; x < right; x++) {
            memcpy(overlay->rgb + (y * overlay->width + x) * CHANNELS, colour, CHANNELS);
        }
    }
}

/* Its digits, black on a ground of the mark's colour. */
static void draw_number(struct overlay *overlay, size_t top, size_t left, unsigned number,
                        size_t dot, const uint8_t colour[CHANNELS])
{
    uint8_t values[DIGITS_MAX];
    size_t count = 0;
    do {
        values[count++] = (uint8_t)(number % 10);
        number /= 10;
    } while (number > 0);
    fill(overlay, top, left, top + (DIGIT_HEIGHT + 2) * dot,
         left + (count * (DIGIT_WIDTH + 1) + 1) * dot, colour);
    for (size_t i = 0; i < count; i++) {
        for (size_t row = 0; row < DIGIT_HEIGHT; row++) {
            for (size_t column = 0; column < DIGIT_WIDTH; column++) {
                if ((digits[values[count - 1 - i]][row] >> (DIGIT_WIDTH - 1 - column) & 1) != 0) {
                    size_t y = top + (row + 1) * dot;
                    size_t x = left + (i * (DIGIT_WIDTH + 1) + column + 1) * dot;
                    fill(overlay, y, x, y + dot, x + dot, black);
                }
            }
        }
    }
}

static size_t back(size_t from, size_t by)
{
    return from > by ? from - by : 0;
}

/* A cross whose middle is the point. */
static void draw_point(struct overlay *overlay, const struct overlay_mark *mark, size_t line,
                       const uint8_t colour[CHANNELS])
{
    size_t arm = CROSS * line, half = line / 2;
    fill(overlay, back(mark->top, half), back(mark->left, arm), mark->top - half + line,
         mark->left + arm + 1, colour);
    fill(overlay, back(mark->top, arm), back(mark->left, half), mark->top + arm + 1,
         mark->left - half + line, colour);
    draw_number(overlay, mark->top + line + 1, mark->left + line + 1, mark->number, line, colour);
}

void overlay_draw(struct overlay *overlay, const struct overlay_mark *mark, size_t line)
{
    const uint8_t *colour = colours[mark->number % COLOURS];
    line = line > 0 ? line : 1;
    if (mark->top == mark->bottom && mark->left == mark->right) {
        draw_point(overlay, mark, line, colour);
        return;
    }
    size_t bottom = mark->bottom + 1, right = mark->right + 1;
    size_t high = bottom - mark->top < line ? bottom - mark->top : line;
    size_t wide = right - mark->left < line ? right - mark->left : line;
    fill(overlay, mark->top, mark->left, mark->top + high, right, colour);
    fill(overlay, bottom - high, mark->left, bottom, right, colour);
    fill(overlay, mark->top, mark->left, bottom, mark->left + wide, colour);
    fill(overlay, mark->top, right - wide, bottom, right, colour);
    draw_number(overlay, mark->top, mark->left, mark->number, line, colour);
}
