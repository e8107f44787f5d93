/* patches: a picture cut into the squares that the encoder reads.
 *
 * Patch n of a picture with `columns` patches a row lies at x = n % columns, y = n / columns. Its
 * 768 values are ordered (dy, dx, channel), channel fastest; each is level / 255 in float32.
 */
#ifndef CARAT_VISION_PATCHES_H
#define CARAT_VISION_PATCHES_H

#include <stddef.h>
#include <stdint.h>

enum { PATCHES_SIDE = 16, PATCHES_CHANNELS = 3, PATCHES_VALUES = 16 * 16 * 3 };

/* rgb[height][width][3], sides multiples of 16 -> patches[height / 16 * (width / 16)][768]. */
void patches_cut(const uint8_t *rgb, size_t width, size_t height, float *patches);

#endif
