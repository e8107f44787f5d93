/* Sums run in four lanes, added at the end: that is their order on every machine, and what lets a
 * compiler use vectors without reordering anything. Rounding is to nearest even by adding and
 * taking away 1.5 * 2^23, which needs no instruction that old processors lack; codes are far below
 * 2^22, and quotients are limited before they are rounded.
 */
#include "load/quantise_fit.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "load/quant.h"

enum { LANES = 4 };

static float limit(float value, float least, float most)
{
    return value < least ? least : value > most ? most : value;
}

static float nearest(float value)
{
    const float shift = 12582912.0f;
    return (value + shift) - shift;
}

/* Sums over a group. The codes are floats here. */
struct sums {
    double code, code_code, value, value_code, value_value;
};

static struct sums add_up(const float *values, const float *codes, size_t count)
{
    float q[LANES] = {0}, qq[LANES] = {0}, x[LANES] = {0}, xq[LANES] = {0}, xx[LANES] = {0};
    assert(count % LANES == 0);
    for (size_t i = 0; i < count; i += LANES) {
        for (size_t k = 0; k < LANES; k++) {
            float code = codes[i + k], value = values[i + k];
            q[k] += code;
            qq[k] += code * code;
            x[k] += value;
            xq[k] += value * code;
            xx[k] += value * value;
        }
    }
    struct sums sums = {0};
    for (size_t k = 0; k < LANES; k++) {
        sums.code += (double)q[k];
        sums.code_code += (double)qq[k];
        sums.value += (double)x[k];
        sums.value_code += (double)xq[k];
        sums.value_value += (double)xx[k];
    }
    return sums;
}

static float peak_of(const float *values, size_t count)
{
    float peak = 0;
    for (size_t i = 0; i < count; i++) {
        peak = fabsf(values[i]) > fabsf(peak) ? values[i] : peak;
    }
    return peak;
}

/* Groups are brought to a peak of 1 for the search, so that no square leaves the range of float32;
 * false when there is nothing but zeros. */
static bool normalise(const float *values, size_t count, float *unit, float *scaled)
{
    float peak = fabsf(peak_of(values, count));
    if (peak == 0) {
        return false;
    }
    int exponent;
    frexpf(peak, &exponent);
    *unit = ldexpf(1.0f, exponent > 127 ? 127 : exponent);
    for (size_t i = 0; i < count; i++) {
        scaled[i] = values[i] / *unit;
    }
    return true;
}

/* --- symmetric --- */

/* The best scale is <x, q> / <q, q>, and what it explains of <x, x> is <x, q>^2 / <q, q>. */
static void try_symmetric(const float *values, const float *codes, size_t count, double *explained,
                          float *scale)
{
    struct sums sums = add_up(values, codes, count);
    if (sums.code_code > 0) {
        double gain = sums.value_code * sums.value_code / sums.code_code;
        if (gain > *explained) {
            *explained = gain;
            *scale = (float)(sums.value_code / sums.code_code);
        }
    }
}

float quantise_fit_symmetric(const float *values, size_t count, int least, int most)
{
    float scaled[QUANTISE_GROUP_MAX], codes[QUANTISE_GROUP_MAX], unit;
    if (!normalise(values, count, &unit, scaled)) {
        return 0;
    }
    float peak = peak_of(scaled, count), scale = 0;
    double explained = 0;
    /* The peak on one end of the codes or the other, and somewhat outside or inside of it. */
    for (int end = 0; end < 2; end++) {
        float target = (float)(end == 0 ? least : most);
        for (int step = -6; step <= 12; step++) {
            float inverse = target * (1.0f + (float)step * 0.025f) / peak;
            for (size_t i = 0; i < count; i++) {
                codes[i] = nearest(limit(scaled[i] * inverse, (float)least, (float)most));
            }
            try_symmetric(scaled, codes, count, &explained, &scale);
        }
    }
    return scale * unit;
}

float quantise_fit_codes(const float *values, size_t count, float scale, int least, int most,
                         int8_t *codes)
{
    double error = 0;
    for (size_t i = 0; i < count; i++) {
        float code = scale == 0 ? 0 : nearest(limit(values[i] / scale, (float)least, (float)most));
        double difference = (double)values[i] - (double)(scale * code);
        codes[i] = (int8_t)code;
        error += difference * difference;
    }
    return (float)error;
}

/* --- a table of levels --- */

static size_t nearest_level(float value, const int8_t *levels, size_t level_count)
{
    size_t low = 0, high = level_count - 1;
    while (high - low > 1) {
        size_t middle = (low + high) / 2;
        *(value < (float)levels[middle] ? &high : &low) = middle;
    }
    return value - (float)levels[low] <= (float)levels[high] - value ? low : high;
}

float quantise_fit_levels(const float *values, size_t count, const int8_t *levels,
                          size_t level_count)
{
    float scaled[QUANTISE_GROUP_MAX], codes[QUANTISE_GROUP_MAX], unit;
    if (!normalise(values, count, &unit, scaled)) {
        return 0;
    }
    float peak = peak_of(scaled, count), scale = 0;
    double explained = 0;
    for (int end = 0; end < 2; end++) {
        float target = (float)levels[end == 0 ? 0 : level_count - 1];
        for (int step = -6; step <= 8; step++) {
            float inverse = target * (1.0f + (float)step * 0.03f) / peak;
            for (size_t i = 0; i < count; i++) {
                codes[i] = (float)levels[nearest_level(scaled[i] * inverse, levels, level_count)];
            }
            try_symmetric(scaled, codes, count, &explained, &scale);
        }
    }
    return scale * unit;
}

float quantise_fit_level_codes(const float *values, size_t count, float scale, const int8_t *levels,
                               size_t level_count, int8_t *codes)
{
    double error = 0;
    for (size_t i = 0; i < count; i++) {
        float quotient = scale == 0 ? 0 : values[i] / scale;
        codes[i] = (int8_t)nearest_level(quotient, levels, level_count);
        double difference = (double)values[i] - (double)(scale * (float)levels[codes[i]]);
        error += difference * difference;
    }
    return (float)error;
}

/* --- affine --- */

/* For given codes: the normal equations of x = scale * q - minimum, with minimum >= 0. */
static double solve_affine(const struct sums *sums, size_t count, float *scale, float *minimum)
{
    double n = (double)count;
    double determinant = n * sums->code_code - sums->code * sums->code;
    double s = 0, m = -sums->value / n;
    if (determinant > 0) {
        s = (n * sums->value_code - sums->code * sums->value) / determinant;
        m = (sums->code * sums->value_code - sums->code_code * sums->value) / determinant;
    }
    if (m < 0 && sums->code_code > 0) {
        m = 0;
        s = sums->value_code / sums->code_code;
    }
    s = s < 0 ? 0 : s;
    m = m < 0 ? 0 : m;
    *scale = (float)s;
    *minimum = (float)m;
    return sums->value_value - 2 * s * sums->value_code + 2 * m * sums->value +
           s * s * sums->code_code - 2 * s * m * sums->code + n * m * m;
}

void quantise_fit_affine(const float *values, size_t count, int most, float *scale, float *minimum)
{
    float scaled[QUANTISE_GROUP_MAX], codes[QUANTISE_GROUP_MAX], unit;
    *scale = 0;
    *minimum = 0;
    if (!normalise(values, count, &unit, scaled)) {
        return;
    }
    float low = 0, high = scaled[0];
    for (size_t i = 0; i < count; i++) {
        low = scaled[i] < low ? scaled[i] : low;
        high = scaled[i] > high ? scaled[i] : high;
    }
    if (high <= low) { /* one negative value all over */
        *minimum = -low * unit;
        return;
    }
    double best = INFINITY;
    for (int step = -6; step <= 14; step++) {
        float inverse = ((float)most + (float)step * 0.1f) / (high - low);
        for (size_t i = 0; i < count; i++) {
            codes[i] = nearest(limit((scaled[i] - low) * inverse, 0, (float)most));
        }
        struct sums sums = add_up(scaled, codes, count);
        float s, m;
        double error = solve_affine(&sums, count, &s, &m);
        if (error < best) {
            best = error;
            *scale = s * unit;
            *minimum = m * unit;
        }
    }
}

float quantise_fit_affine_codes(const float *values, size_t count, float scale, float minimum,
                                int most, int8_t *codes)
{
    double error = 0;
    for (size_t i = 0; i < count; i++) {
        float quotient = scale == 0 ? 0 : (values[i] + minimum) / scale;
        float code = nearest(limit(quotient, 0, (float)most));
        double difference = (double)values[i] - (double)(scale * code - minimum);
        codes[i] = (int8_t)code;
        error += difference * difference;
    }
    return (float)error;
}

/* --- blocks of 256 --- */

struct large {
    const struct quantise_fit_shape *shape;
    const float *values;
    size_t groups;
};

static float fit_group(const struct large *large, size_t g, float scale, float minimum,
                       int8_t *codes)
{
    const struct quantise_fit_shape *shape = large->shape;
    const float *values = large->values + g * shape->group;
    return shape->levels != NULL
               ? quantise_fit_level_codes(values, shape->group, scale, shape->levels,
                                          (size_t)shape->most + 1, codes)
           : shape->least < 0
               ? quantise_fit_codes(values, shape->group, scale, shape->least, shape->most, codes)
               : quantise_fit_affine_codes(values, shape->group, scale, minimum, shape->most,
                                           codes);
}

/* The best pair of small integers near the wanted scale and minimum. */
static float choose_integers(const struct large *large, size_t g, float scale, float minimum,
                             struct quantise_fit_block *block)
{
    const struct quantise_fit_shape *shape = large->shape;
    bool affine = shape->least == 0 && shape->levels == NULL;
    float unit = quant_f16_to_f32(block->unit), below = quant_f16_to_f32(block->minimum_unit);
    float least = (float)shape->scale_least, most = (float)shape->scale_most, best = INFINITY;
    int s0 = unit == 0 ? 0 : (int)nearest(limit(scale / unit, least, most));
    int m0 = below == 0 ? 0 : (int)nearest(limit(minimum / below, least, most));
    for (int ds = -1; ds <= 1; ds++) {
        for (int dm = affine ? -1 : 0; dm <= (affine ? 1 : 0); dm++) {
            int8_t codes[QUANTISE_GROUP_MAX];
            int s = s0 + ds, m = m0 + dm;
            if (s < shape->scale_least || s > shape->scale_most ||
                (affine && (m < shape->scale_least || m > shape->scale_most))) {
                continue;
            }
            float error = fit_group(large, g, unit * (float)s, below * (float)m, codes);
            if (error < best) {
                best = error;
                block->scales[g] = (int8_t)s;
                block->minimums[g] = (int8_t)m;
                memcpy(block->codes + g * shape->group, codes, shape->group);
            }
        }
    }
    return best;
}

/* With all codes and small integers given, the two units follow from the normal equations of x =
 * unit * (s q) - minimum_unit * m over the block. */
static void solve_units(const struct large *large, const struct quantise_fit_block *block,
                        float *unit, float *below)
{
    const struct quantise_fit_shape *shape = large->shape;
    double aa = 0, ab = 0, bb = 0, ax = 0, bx = 0;
    for (size_t i = 0; i < QUANTISE_LARGE; i++) {
        size_t g = i / shape->group;
        int code = shape->levels != NULL ? shape->levels[block->codes[i]] : block->codes[i];
        double a = (double)block->scales[g] * code, b = -(double)block->minimums[g];
        double x = (double)large->values[i];
        aa += a * a;
        ab += a * b;
        bb += b * b;
        ax += a * x;
        bx += b * x;
    }
    double determinant = aa * bb - ab * ab;
    if (bb > 0 && determinant > 1e-9 * aa * bb) {
        *unit = (float)((bb * ax - ab * bx) / determinant);
        *below = (float)((aa * bx - ab * ax) / determinant);
    } else if (aa > 0) {
        *unit = (float)(ax / aa);
    }
}

static void fit_units(const struct large *large, float *scale, float *minimum, float *unit,
                      float *below)
{
    const struct quantise_fit_shape *shape = large->shape;
    float peak = 0, deepest = 0;
    for (size_t g = 0; g < large->groups; g++) {
        const float *values = large->values + g * shape->group;
        minimum[g] = 0;
        if (shape->levels != NULL) {
            scale[g] =
                quantise_fit_levels(values, shape->group, shape->levels, (size_t)shape->most + 1);
        } else if (shape->least < 0) {
            scale[g] = quantise_fit_symmetric(values, shape->group, shape->least, shape->most);
        } else {
            quantise_fit_affine(values, shape->group, shape->most, &scale[g], &minimum[g]);
        }
        peak = fabsf(scale[g]) > fabsf(peak) ? scale[g] : peak;
        deepest = minimum[g] > deepest ? minimum[g] : deepest;
    }
    /* Signed integers reach one further below zero than above. */
    *unit = peak / (float)(shape->scale_least < 0 ? shape->scale_least : shape->scale_most);
    *below = deepest / (float)shape->scale_most;
}

void quantise_fit_large(const float *values, const struct quantise_fit_shape *shape,
                        struct quantise_fit_block *block)
{
    struct large large = {shape, values, QUANTISE_LARGE / shape->group};
    float scale[QUANTISE_GROUPS_MAX], minimum[QUANTISE_GROUPS_MAX], unit, below;
    float best = INFINITY;
    struct quantise_fit_block made = {0};
    fit_units(&large, scale, minimum, &unit, &below);
    for (int round = 0; round < 3; round++) {
        made.unit = quant_f32_to_f16(unit);
        made.minimum_unit = quant_f32_to_f16(below);
        float error = 0;
        for (size_t g = 0; g < large.groups; g++) {
            error += choose_integers(&large, g, scale[g], minimum[g], &made);
        }
        if (error < best) {
            best = error;
            *block = made;
        }
        solve_units(&large, &made, &unit, &below);
        below = below < 0 ? 0 : below;
    }
}
