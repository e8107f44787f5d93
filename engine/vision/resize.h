/* resize: the size in which the encoder sees a picture, and the picture in that size.
 *
 * Pictures are 8-bit RGB, row-major [height][width][3]. A picture is always scaled to fill the
 * budget of soft tokens, small ones too; a token is a square of 48 x 48 pixels (3 x 3 patches of
 * 16), so each side becomes a multiple of 48 and the ratio of the sides is kept only nearly.
 *
 * The filter is Pillow's: bicubic with a = -1/2, stretched by the scale when reducing, weights of
 * 22 fractional bits, rows first and rounded to 8 bits between the two passes. It gives Pillow's
 * bytes exactly.
 */
#ifndef CARAT_VISION_RESIZE_H
#define CARAT_VISION_RESIZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

enum {
    RESIZE_TOKEN_SIDE = 48, /* pixels of a soft token's square */
    RESIZE_SIDE_MAX = 65535,
    RESIZE_PIXELS_MAX = 1 << 27,
    RESIZE_BUDGET_MAX = 1120,
};

/* ERR_ARGUMENT for a budget that is none of 70, 140, 280, 560, 1120, ERR_LIMIT for a picture
 * without pixels or with more than we take. (*out_width / 48) * (*out_height / 48) <= budget.
 * Budget 0 keeps the size: ERR_ARGUMENT unless both sides are multiples of 48, ERR_LIMIT when that
 * is more than RESIZE_BUDGET_MAX tokens. */
bool resize_target(size_t width, size_t height, int32_t budget, size_t *out_width,
                   size_t *out_height, struct err *err);

/* rgb[height][width][3] -> out[out_height][out_width][3]. Sizes are not 0. ERR_MEMORY. */
bool resize_bicubic(const uint8_t *rgb, size_t width, size_t height, uint8_t *out, size_t out_width,
                    size_t out_height, struct err *err);

#endif
