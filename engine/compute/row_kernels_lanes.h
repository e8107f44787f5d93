/* row_kernels_lanes: the row kernels over vectors of any width. Included once by the file of each
 * instruction set, which first defines its vector and what can be done with it:
 *
 *   VECTOR, LANES, TILE_VECTORS     the type, its floats, and the vectors beside each other in a
 * tile lanes_load, lanes_store         whole vectors; lanes_load_some, lanes_store_some: the first
 *                                   `count` < LANES, the other lanes 0 (or `fill`) and not read
 *   lanes_set, lanes_add, lanes_subtract, lanes_multiply, lanes_divide
 *   lanes_fma(a, b, c)              a * b + c, rounded once
 *   lanes_maximum(a, b)             b where either is no number
 *   lanes_minimum(a, b)             b where either is no number
 *   lanes_round                     to the nearest whole number
 *   lanes_power(n)                  2^n for whole n, -126 .. 127; infinity for 128
 *   lanes_zero_below(v, x, limit)   v, or 0 in the lanes where x < limit
 *   lanes_sum, lanes_greatest       over the lanes
 *   lanes_transpose(v)              LANES vectors as a square
 *   lanes_store_f16                 one vector as halves; lanes_store_f16_some
 *   ROW_KERNELS                     the name of the table
 *
 * Without these it is empty. A rest that does not fill a vector goes through the same arithmetic as
 * the whole ones.
 */
#ifndef CARAT_COMPUTE_ROW_KERNELS_LANES_H
#define CARAT_COMPUTE_ROW_KERNELS_LANES_H

#ifdef VECTOR

#include <math.h>
#include <stdint.h>

#include "compute/row_kernels.h"

#define INLINE static inline __attribute__((always_inline))

/* --- exponentials --- */

/* exp(x) = 2^n (1 + p) with n = round(x / ln 2) and p = expm1 of the rest, |rest| <= ln(2) / 2: its
 * series to the seventh power, off by 6e-9. ln 2 is taken in two parts, of which the first has so
 * few bits that n times it is exact. x must be in -87 .. 88.7; what is no number stays so. */
struct exponential {
    VECTOR power, p;
};

INLINE struct exponential split_exponential(VECTOR x)
{
    VECTOR n = lanes_round(lanes_multiply(x, lanes_set(1.44269504088896341f)));
    VECTOR rest = lanes_fma(n, lanes_set(-0.693359375f), x);
    rest = lanes_fma(n, lanes_set(2.12194440054690583e-4f), rest);
    VECTOR series = lanes_set(1.0f / 5040);
    series = lanes_fma(series, rest, lanes_set(1.0f / 720));
    series = lanes_fma(series, rest, lanes_set(1.0f / 120));
    series = lanes_fma(series, rest, lanes_set(1.0f / 24));
    series = lanes_fma(series, rest, lanes_set(1.0f / 6));
    series = lanes_fma(series, rest, lanes_set(0.5f));
    VECTOR p = lanes_fma(lanes_multiply(series, rest), rest, rest);
    return (struct exponential){.power = lanes_power(n), .p = p};
}

/* 0 below -87, infinity above 88.3. */
INLINE VECTOR exponential_of(VECTOR x)
{
    VECTOR bounded = lanes_maximum(lanes_set(-87.0f), lanes_minimum(lanes_set(88.7f), x));
    struct exponential e = split_exponential(bounded);
    VECTOR one_more = lanes_add(lanes_set(1.0f), e.p);
    return lanes_zero_below(lanes_multiply(e.power, one_more), x, -87.0f);
}

/* expm1(2x) / (expm1(2x) + 2), which keeps its digits near zero. Beyond 15 it is 1. */
INLINE VECTOR tanh_of(VECTOR x)
{
    VECTOR twice = lanes_add(x, x);
    twice = lanes_maximum(lanes_set(-30.0f), lanes_minimum(lanes_set(30.0f), twice));
    struct exponential e = split_exponential(twice);
    VECTOR less_one = lanes_fma(e.power, e.p, lanes_subtract(e.power, lanes_set(1.0f)));
    return lanes_divide(less_one, lanes_add(less_one, lanes_set(2.0f)));
}

/* --- norms --- */

INLINE float rms_factor(const float *x, size_t n, float eps)
{
    VECTOR sums[4];
    for (size_t i = 0; i < 4; i++) {
        sums[i] = lanes_set(0);
    }
    size_t i = 0;
    for (; i + 4 * (size_t)LANES <= n; i += 4 * (size_t)LANES) {
        for (size_t j = 0; j < 4; j++) {
            VECTOR v = lanes_load(x + i + j * LANES);
            sums[j] = lanes_fma(v, v, sums[j]);
        }
    }
    for (; i + LANES <= n; i += LANES) {
        VECTOR v = lanes_load(x + i);
        sums[0] = lanes_fma(v, v, sums[0]);
    }
    if (i < n) {
        VECTOR v = lanes_load_some(x + i, n - i, 0);
        sums[0] = lanes_fma(v, v, sums[0]);
    }
    VECTOR all = lanes_add(lanes_add(sums[0], sums[1]), lanes_add(sums[2], sums[3]));
    return 1.0f / sqrtf(lanes_sum(all) / (float)n + eps);
}

/* Defines a kernel that goes over values 0..n-1 in steps of a vector: STEP(LOAD, STORE, i) is the
 * step at value i, in which LOAD(p) and STORE(p, v) mean as many values as there are. */
#define LOAD_ALL(p)      lanes_load(p)
#define STORE_ALL(p, v)  lanes_store((p), (v))
#define LOAD_REST(p)     lanes_load_some((p), n - i, 0)
#define STORE_REST(p, v) lanes_store_some((p), (v), n - i)
#define FOR_ALL_VALUES(STEP)             \
    size_t i = 0;                        \
    for (; i + LANES <= n; i += LANES) { \
        STEP(LOAD_ALL, STORE_ALL)        \
    }                                    \
    if (i < n) {                         \
        STEP(LOAD_REST, STORE_REST)      \
    }

static void rms_norm(float *out, const float *x, const float *weight, size_t n, float eps)
{
    VECTOR factor = lanes_set(rms_factor(x, n, eps));
    if (weight == NULL) {
#define STEP(LOAD, STORE) STORE(out + i, lanes_multiply(LOAD(x + i), factor));
        FOR_ALL_VALUES(STEP)
#undef STEP
        return;
    }
#define STEP(LOAD, STORE) \
    STORE(out + i, lanes_multiply(lanes_multiply(LOAD(x + i), factor), LOAD(weight + i)));
    FOR_ALL_VALUES(STEP)
#undef STEP
}

static void add_norm(float *x, const float *branch, const float *weight, size_t n, float eps,
                     float factor)
{
    VECTOR rms = lanes_set(rms_factor(branch, n, eps)), last = lanes_set(factor);
#define STEP(LOAD, STORE)                                                                    \
    VECTOR normed = lanes_multiply(lanes_multiply(LOAD(branch + i), rms), LOAD(weight + i)); \
    STORE(x + i, lanes_multiply(lanes_add(LOAD(x + i), normed), last));
    FOR_ALL_VALUES(STEP)
#undef STEP
}

/* --- element by element --- */

static void add(float *x, const float *y, size_t n)
{
#define STEP(LOAD, STORE) STORE(x + i, lanes_add(LOAD(x + i), LOAD(y + i)));
    FOR_ALL_VALUES(STEP)
#undef STEP
}

static void scale(float *x, float factor, size_t n)
{
    VECTOR factors = lanes_set(factor);
#define STEP(LOAD, STORE) STORE(x + i, lanes_multiply(LOAD(x + i), factors));
    FOR_ALL_VALUES(STEP)
#undef STEP
}

INLINE VECTOR gelu_of(VECTOR x)
{
    VECTOR cubic = lanes_fma(lanes_multiply(x, x), lanes_set(-2 * 0.7978845608028654f * 0.044715f),
                             lanes_set(-2 * 0.7978845608028654f));
    VECTOR e = exponential_of(lanes_multiply(x, cubic));
    return lanes_divide(x, lanes_add(lanes_set(1.0f), e));
}

static void gelu_multiply(float *x, const float *y, size_t n)
{
#define STEP(LOAD, STORE) STORE(x + i, lanes_multiply(gelu_of(LOAD(x + i)), LOAD(y + i)));
    FOR_ALL_VALUES(STEP)
#undef STEP
}

static void gate(float *out, const float *x, const float *gates, size_t n)
{
#define STEP(LOAD, STORE)                                                     \
    VECTOR e = exponential_of(lanes_subtract(lanes_set(0), LOAD(gates + i))); \
    STORE(out + i, lanes_divide(LOAD(x + i), lanes_add(lanes_set(1.0f), e)));
    FOR_ALL_VALUES(STEP)
#undef STEP
}

static void clamp(float *out, const float *x, float least, float most, size_t n)
{
    VECTOR low = lanes_set(least), high = lanes_set(most);
#define STEP(LOAD, STORE) STORE(out + i, lanes_minimum(high, lanes_maximum(low, LOAD(x + i))));
    FOR_ALL_VALUES(STEP)
#undef STEP
}

static void soft_cap(float *x, float cap, size_t n)
{
    VECTOR caps = lanes_set(cap);
#define STEP(LOAD, STORE) \
    STORE(x + i, lanes_multiply(caps, tanh_of(lanes_divide(LOAD(x + i), caps))));
    FOR_ALL_VALUES(STEP)
#undef STEP
}

static float greatest(const float *x, size_t n)
{
    VECTOR most[4];
    for (size_t j = 0; j < 4; j++) {
        most[j] = lanes_set(-INFINITY);
    }
    size_t i = 0;
    for (; i + 4 * (size_t)LANES <= n; i += 4 * (size_t)LANES) {
        for (size_t j = 0; j < 4; j++) {
            most[j] = lanes_maximum(lanes_load(x + i + j * LANES), most[j]);
        }
    }
    for (; i + LANES <= n; i += LANES) {
        most[0] = lanes_maximum(lanes_load(x + i), most[0]);
    }
    if (i < n) {
        most[0] = lanes_maximum(lanes_load_some(x + i, n - i, -INFINITY), most[0]);
    }
    return lanes_greatest(
        lanes_maximum(lanes_maximum(most[0], most[1]), lanes_maximum(most[2], most[3])));
}

static float exponentials(float *x, float subtract, size_t n)
{
    VECTOR less = lanes_set(subtract), sum = lanes_set(0);
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        VECTOR e = exponential_of(lanes_subtract(lanes_load(x + i), less));
        lanes_store(x + i, e);
        sum = lanes_add(sum, e);
    }
    if (i < n) {
        VECTOR e = exponential_of(lanes_subtract(lanes_load_some(x + i, n - i, -INFINITY), less));
        lanes_store_some(x + i, e, n - i);
        sum = lanes_add(sum, lanes_load_some(x + i, n - i, 0));
    }
    return lanes_sum(sum);
}

static void rotate(float *x, float *y, const float *cosines, const float *sines, size_t pairs)
{
    size_t n = pairs;
#define STEP(LOAD, STORE)                                                                        \
    VECTOR a = LOAD(x + i), b = LOAD(y + i), cosine = LOAD(cosines + i), sine = LOAD(sines + i); \
    STORE(x + i, lanes_subtract(lanes_multiply(a, cosine), lanes_multiply(b, sine)));            \
    STORE(y + i, lanes_add(lanes_multiply(b, cosine), lanes_multiply(a, sine)));
    FOR_ALL_VALUES(STEP)
#undef STEP
}

static void blend(float *out, float out_factor, const float *x, float x_factor, size_t n)
{
    VECTOR a = lanes_set(out_factor), b = lanes_set(x_factor);
#define STEP(LOAD, STORE) \
    STORE(out + i, lanes_add(lanes_multiply(LOAD(out + i), a), lanes_multiply(LOAD(x + i), b)));
    FOR_ALL_VALUES(STEP)
#undef STEP
}

static void store_f16(unsigned char *halves, const float *x, size_t n)
{
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        lanes_store_f16(halves + 2 * i, lanes_load(x + i));
    }
    if (i < n) {
        lanes_store_f16_some(halves + 2 * i, lanes_load_some(x + i, n - i, 0), n - i);
    }
}

/* --- the products of attention --- */

static void transpose(const float *rows, size_t row_stride, size_t row_count, size_t width,
                      float *columns)
{
    size_t padded = (row_count + ROW_KERNELS_PAD - 1) / ROW_KERNELS_PAD * ROW_KERNELS_PAD;
    for (size_t r = 0; r < padded; r += LANES) {
        for (size_t c = 0; c < width; c += LANES) {
            size_t some = width - c < LANES ? width - c : LANES;
            VECTOR square[LANES];
            for (size_t i = 0; i < LANES; i++) {
                const float *row = rows + (r + i) * row_stride + c;
                if (r + i >= row_count) {
                    square[i] = lanes_set(0);
                } else if (some == LANES) {
                    square[i] = lanes_load(row);
                } else {
                    square[i] = lanes_load_some(row, some, 0);
                }
            }
            lanes_transpose(square);
            for (size_t i = 0; i < some; i++) {
                lanes_store(columns + (c + i) * ROW_KERNELS_KEYS + r, square[i]);
            }
        }
    }
}

enum { TILE_ROWS = 6 };

/* `row_count` rows of out, `vectors` vectors wide, whose sums are in registers meanwhile. */
INLINE void tile(const float *a, size_t a_stride, size_t depth, const float *b, size_t b_stride,
                 float *out, size_t out_stride, const size_t row_count, const size_t vectors)
{
    VECTOR sums[TILE_ROWS][TILE_VECTORS];
    for (size_t r = 0; r < row_count; r++) {
        for (size_t v = 0; v < vectors; v++) {
            sums[r][v] = lanes_load(out + r * out_stride + v * LANES);
        }
    }
    for (size_t k = 0; k < depth; k++) {
        VECTOR right[TILE_VECTORS];
        for (size_t v = 0; v < vectors; v++) {
            right[v] = lanes_load(b + k * b_stride + v * LANES);
        }
        for (size_t r = 0; r < row_count; r++) {
            VECTOR left = lanes_set(a[r * a_stride + k]);
            for (size_t v = 0; v < vectors; v++) {
                sums[r][v] = lanes_fma(left, right[v], sums[r][v]);
            }
        }
    }
    for (size_t r = 0; r < row_count; r++) {
        for (size_t v = 0; v < vectors; v++) {
            lanes_store(out + r * out_stride + v * LANES, sums[r][v]);
        }
    }
}

#define DEFINE_TILE(ROWS)                                                                        \
    static void tile_##ROWS(const float *a, size_t a_stride, size_t depth, const float *b,       \
                            size_t b_stride, size_t columns, float *out, size_t out_stride)      \
    {                                                                                            \
        size_t c = 0;                                                                            \
        for (; c + (size_t)TILE_VECTORS * LANES <= columns; c += (size_t)TILE_VECTORS * LANES) { \
            tile(a, a_stride, depth, b + c, b_stride, out + c, out_stride, ROWS, TILE_VECTORS);  \
        }                                                                                        \
        for (; c < columns; c += LANES) {                                                        \
            tile(a, a_stride, depth, b + c, b_stride, out + c, out_stride, ROWS, 1);             \
        }                                                                                        \
    }
DEFINE_TILE(1)
DEFINE_TILE(2)
DEFINE_TILE(3)
DEFINE_TILE(4)
DEFINE_TILE(5)
DEFINE_TILE(6)

static void (*const tiles[TILE_ROWS])(const float *, size_t, size_t, const float *, size_t, size_t,
                                      float *,
                                      size_t) = {tile_1, tile_2, tile_3, tile_4, tile_5, tile_6};

/* Rows are parted as evenly as can be: eight are four and four. */
static void multiply_add(const float *a, size_t a_stride, size_t rows, size_t depth, const float *b,
                         size_t b_stride, size_t columns, float *out, size_t out_stride)
{
    const size_t group = (size_t)TILE_VECTORS * LANES;
    for (size_t c = 0; c < columns; c += group) {
        size_t wide = columns - c < group ? columns - c : group;
        for (size_t r = 0; r < rows;) {
            size_t parts = (rows - r + TILE_ROWS - 1) / TILE_ROWS;
            size_t some = (rows - r + parts - 1) / parts;
            tiles[some - 1](a + r * a_stride, a_stride, depth, b + c, b_stride, wide,
                            out + r * out_stride + c, out_stride);
            r += some;
        }
    }
}

const struct row_kernels ROW_KERNELS = {
    .rms_norm = rms_norm,
    .add_norm = add_norm,
    .add = add,
    .scale = scale,
    .gelu_multiply = gelu_multiply,
    .gate = gate,
    .clamp = clamp,
    .soft_cap = soft_cap,
    .greatest = greatest,
    .exponentials = exponentials,
    .rotate = rotate,
    .blend = blend,
    .transpose = transpose,
    .multiply_add = multiply_add,
    .store_f16 = store_f16,
};

#endif

#endif
