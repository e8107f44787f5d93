/* overlay: frames and points drawn over a picture, each with its number.
 *
 * What a person looks at to see where something is. Numbers and not words: these fit into any
 * frame, and what they stand for is said as text beside it. Knows nothing of models.
 */
#ifndef CARAT_MEDIA_OVERLAY_H
#define CARAT_MEDIA_OVERLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct overlay {
    uint8_t *rgb; /* [height][width][3] */
    size_t width, height;
};

/* A copy of rgb[height][width][3], averaged down until neither side is over `most_side` (0: as
 * large as it is). Its rgb is the caller's (mem_free). False without memory. */
bool overlay_copy(const uint8_t *rgb, size_t width, size_t height, size_t most_side,
                  struct overlay *out);

/* The first and the last row and column that belong to it; a point has one of each. */
struct overlay_mark {
    size_t top, left, bottom, right;
    unsigned number; /* colours take turns */
};

/* Lines are `line` pixels wide, inward; so are the dots of the numbers. What lies outside the
 * picture is left out. */
void overlay_draw(struct overlay *overlay, const struct overlay_mark *mark, size_t line);

#endif
