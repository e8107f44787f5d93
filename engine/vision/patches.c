/* patches: see patches.h. */
#include "vision/patches.h"

enum { LEVELS = 256, ROW_VALUES = PATCHES_SIDE * PATCHES_CHANNELS };

void patches_cut(const uint8_t *rgb, size_t width, size_t height, float *patches)
{
    float values[LEVELS];
    for (int level = 0; level < LEVELS; level++) {
        values[level] = (float)level / 255.0f;
    }
    for (size_t top = 0; top < height; top += PATCHES_SIDE) {
        for (size_t left = 0; left < width; left += PATCHES_SIDE) {
            for (size_t dy = 0; dy < PATCHES_SIDE; dy++) {
                const uint8_t *row = rgb + ((top + dy) * width + left) * PATCHES_CHANNELS;
                for (size_t i = 0; i < ROW_VALUES; i++) {
                    *patches++ = values[row[i]];
                }
            }
        }
    }
}
