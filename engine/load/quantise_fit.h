/* quantise_fit: scales and codes for a group of values, by least squares.
 *
 * Two families of formats: symmetric, value = scale * code with codes about zero, and affine, value
 * = scale * code - minimum with codes from zero and a minimum of zero or more. For some tens of
 * assignments of codes the best scale follows in closed form; the assignment with the least sum of
 * squared errors is kept. The inside of quantise.h.
 */
#ifndef CARAT_LOAD_QUANTISE_FIT_H
#define CARAT_LOAD_QUANTISE_FIT_H

#include <stddef.h>
#include <stdint.h>

enum { QUANTISE_GROUP_MAX = 32, QUANTISE_LARGE = 256, QUANTISE_GROUPS_MAX = 16 };

/* The scale for codes least..most (least < 0 < most). 0 when all values are. */
float quantise_fit_symmetric(const float *values, size_t count, int least, int most);

/* Codes least..most for values with a given scale; 0 scale: all 0. The sum of squared errors. */
float quantise_fit_codes(const float *values, size_t count, float scale, int least, int most,
                         int8_t *codes);

/* The same for a table of levels that rises: codes are indices. */
float quantise_fit_levels(const float *values, size_t count, const int8_t *levels,
                          size_t level_count);
float quantise_fit_level_codes(const float *values, size_t count, float scale, const int8_t *levels,
                               size_t level_count, int8_t *codes);

/* Scale and minimum for codes 0..most. */
void quantise_fit_affine(const float *values, size_t count, int most, float *scale, float *minimum);
float quantise_fit_affine_codes(const float *values, size_t count, float scale, float minimum,
                                int most, int8_t *codes);

/* A block of 256 whose groups have small integers as scales, in units of the block's own. */
struct quantise_fit_block {
    uint16_t unit, minimum_unit; /* halves */
    int8_t scales[QUANTISE_GROUPS_MAX], minimums[QUANTISE_GROUPS_MAX];
    int8_t codes[QUANTISE_LARGE];
};

struct quantise_fit_shape {
    size_t group;                /* values in a group */
    int least, most;             /* codes; least 0: affine */
    int scale_least, scale_most; /* of the small integers; minimums have the same range */
    const int8_t *levels;        /* NULL, or what codes stand for */
};

void quantise_fit_large(const float *values, const struct quantise_fit_shape *shape,
                        struct quantise_fit_block *block);

#endif
