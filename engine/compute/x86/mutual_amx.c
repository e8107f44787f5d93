/* mutual_amx: attention of every row to every row on the tile unit of x86 (AMX). Compiled with
 * those options on, so nothing of this file may run before cpu_has_amx said yes.
 *
 * Scores are computed the other way round, keys down and queries across: then the maximum, the
 * exponentials and their sum run along the lanes of a register, one query in each, and two rows of
 * exponentials side by side are already what the second product wants on its right. So nothing is
 * turned between the two products; only the result is, once, at the end.
 *
 *   scores[key][query] = K Q^T           tiles of 16 keys x 32 columns, 32 columns x 16 queries
 *   sums[column][query] += V^T weights   tiles of 16 columns x 32 keys, 32 keys x 16 queries
 *
 * A column here is one of the values of a query, key or value. Queries go in groups of two tiles;
 * KEYS keys are done with all groups before the next ones, so that they come from the first and
 * second-level cache.
 */
#include "compute/mutual.h"

#include <immintrin.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "compute/cpu.h"
#include "compute/x86/tiles.h"
#include "compute/x86/transpose.h"

#define INLINE static inline __attribute__((always_inline))

enum {
    SIDE = 16, /* of a tile of sums */
    STEP = MUTUAL_STEP,
    TILE_VALUES = SIDE * SIDE,
    KEYS = 256, /* keys of a block */
    STEPS_MAX = MUTUAL_WIDTH_MAX / STEP,
    GROUP = 2 * SIDE, /* queries */
    GROUPS = MUTUAL_QUERIES / GROUP,
};

/* What is kept of a group while the blocks of keys go by. Two tiles of queries lie side by side
 * wherever there is a [2]. */
struct group {
    unsigned char queries[STEPS_MAX][2][TILE_BYTES];
    float sums[2 * STEPS_MAX][2][TILE_VALUES]; /* [tile of columns][][column][query] */
    float greatest[2][SIDE], total[2][SIDE];
};

struct scratch {
    struct group groups[GROUPS];
    float scores[KEYS / SIDE][2][TILE_VALUES];         /* [tile of keys][][key][query] */
    unsigned char weights[KEYS / STEP][2][TILE_BYTES]; /* [step][][pair of keys][query][2] */
};

INLINE __mmask16 first_lanes(size_t count)
{
    return (__mmask16)(count < 16 ? (1u << count) - 1 : 0xFFFF);
}

static size_t steps_of(size_t n)
{
    return (n + STEP - 1) / STEP;
}

/* --- packing --- */

/* Of a step: its keys in two tiles for each step of columns, then its values, turned, in a tile for
 * each 16 columns. */
static size_t step_bytes(size_t width)
{
    return 4 * steps_of(width) * TILE_BYTES;
}

static size_t packed_bytes(size_t count, size_t width)
{
    return steps_of(count) * step_bytes(width);
}

INLINE __m512 load_sixteen(const float *row, size_t c, size_t width)
{
    return c < width ? _mm512_maskz_loadu_ps(first_lanes(width - c), row + c) : _mm512_setzero_ps();
}

/* Columns c .. c + 31 of a row, zeros behind its end. */
INLINE __m512i load_rounded(const float *row, size_t c, size_t width)
{
    return (__m512i)_mm512_cvtne2ps_pbh(load_sixteen(row, c + SIDE, width),
                                        load_sixteen(row, c, width));
}

static void pack_keys(const float *k, size_t rows, size_t width, unsigned char *to)
{
    for (size_t r = 0; r < STEP; r++) {
        unsigned char *row = to + r / SIDE * steps_of(width) * TILE_BYTES + r % SIDE * 64;
        for (size_t c = 0; c < width; c += STEP, row += TILE_BYTES) {
            _mm512_store_si512(row, r < rows ? load_rounded(k + r * width, c, width)
                                             : _mm512_setzero_si512());
        }
    }
}

/* Columns c .. c + 15 of 16 rows, turned. */
INLINE void load_turned(const float *v, size_t rows, size_t width, size_t c, __m512i square[SIDE])
{
    for (size_t r = 0; r < SIDE; r++) {
        square[r] =
            r < rows ? (__m512i)load_sixteen(v + r * width, c, width) : _mm512_setzero_si512();
    }
    transpose_16(square);
}

static void pack_values(const float *v, size_t rows, size_t width, unsigned char *to)
{
    for (size_t c = 0; c < steps_of(width) * STEP; c += SIDE, to += TILE_BYTES) {
        __m512i low[SIDE], high[SIDE];
        load_turned(v, rows, width, c, low);
        load_turned(v + SIDE * width, rows > SIDE ? rows - SIDE : 0, width, c, high);
        for (size_t i = 0; i < SIDE; i++) {
            _mm512_store_si512(to + i * 64,
                               (__m512i)_mm512_cvtne2ps_pbh((__m512)high[i], (__m512)low[i]));
        }
    }
}

static void pack(const float *k, const float *v, size_t count, size_t width, size_t first,
                 void *packed)
{
    size_t rows = count - first < STEP ? count - first : STEP;
    unsigned char *to = (unsigned char *)packed + first / STEP * step_bytes(width);
    pack_keys(k + first * width, rows, width, to);
    pack_values(v + first * width, rows, width, to + step_bytes(width) / 2);
}

/* Each tile: [pair of columns][query][2]. */
static void begin_group(struct group *group, const float *q, size_t queries, size_t width)
{
    for (size_t c = 0; c < width; c += STEP) {
        for (size_t side = 0; side < 2; side++) {
            __m512i square[SIDE];
            for (size_t i = 0; i < SIDE; i++) {
                size_t query = side * SIDE + i;
                square[i] = query < queries ? load_rounded(q + query * width, c, width)
                                            : _mm512_setzero_si512();
            }
            transpose_16(square);
            for (size_t i = 0; i < SIDE; i++) {
                _mm512_store_si512(group->queries[c / STEP][side] + i * 64, square[i]);
            }
        }
    }
    memset(group->sums, 0, 2 * steps_of(width) * sizeof group->sums[0]);
    for (size_t side = 0; side < 2; side++) {
        _mm512_store_ps(group->greatest[side], _mm512_set1_ps(-INFINITY));
        _mm512_store_ps(group->total[side], _mm512_setzero_ps());
    }
}

/* --- a block of keys --- */

static void score(const struct group *group, const unsigned char *packed, size_t key_steps,
                  size_t width, float (*scores)[2][TILE_VALUES])
{
    const size_t steps = steps_of(width), below = steps * TILE_BYTES;
    for (size_t s = 0; s < key_steps; s++, packed += step_bytes(width), scores += 2) {
        const unsigned char *keys = packed;
        TILE_ZERO(0);
        TILE_ZERO(1);
        TILE_ZERO(2);
        TILE_ZERO(3);
        for (size_t c = 0; c < steps; c++, keys += TILE_BYTES) {
            TILE_LOAD(4, keys);
            TILE_LOAD(6, group->queries[c][0]);
            TILE_PRODUCT(0, 4, 6);
            TILE_LOAD(7, group->queries[c][1]);
            TILE_PRODUCT(1, 4, 7);
            TILE_LOAD(5, keys + below);
            TILE_PRODUCT(2, 5, 6);
            TILE_PRODUCT(3, 5, 7);
        }
        TILE_STORE(0, scores[0][0]);
        TILE_STORE(1, scores[0][1]);
        TILE_STORE(2, scores[1][0]);
        TILE_STORE(3, scores[1][1]);
    }
}

/* The rows of keys that there are not. */
static void hide(float (*scores)[2][TILE_VALUES], size_t keys, size_t key_steps)
{
    for (size_t k = keys; k < key_steps * STEP; k++) {
        for (size_t side = 0; side < 2; side++) {
            _mm512_store_ps(scores[k / SIDE][side] + k % SIDE * SIDE, _mm512_set1_ps(-INFINITY));
        }
    }
}

/* exp(x) for x <= 0, off by 3e-6 of it: far less than rounding to bfloat16 costs. Never below
 * exp(-87), which is nothing beside the 1 that every row has. */
INLINE __m512 exponential(__m512 x)
{
    x = _mm512_max_ps(x, _mm512_set1_ps(-87.0f));
    __m512 n = _mm512_roundscale_ps(_mm512_mul_ps(x, _mm512_set1_ps(1.44269504f)),
                                    _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    __m512 rest = _mm512_fnmadd_ps(n, _mm512_set1_ps(0.693147181f), x);
    __m512 series = _mm512_fmadd_ps(rest, _mm512_set1_ps(1.0f / 120), _mm512_set1_ps(1.0f / 24));
    series = _mm512_fmadd_ps(series, rest, _mm512_set1_ps(1.0f / 6));
    series = _mm512_fmadd_ps(series, rest, _mm512_set1_ps(0.5f));
    series = _mm512_fmadd_ps(series, rest, _mm512_set1_ps(1.0f));
    series = _mm512_fmadd_ps(series, rest, _mm512_set1_ps(1.0f));
    return _mm512_scalef_ps(series, n);
}

INLINE __m512 greatest_of(const float (*scores)[2][TILE_VALUES], size_t side, size_t tiles,
                          __m512 greatest)
{
    __m512 most[4] = {greatest, greatest, greatest, greatest};
    for (size_t t = 0; t < tiles; t++) {
        const float *row = scores[t][side];
        for (size_t i = 0; i < SIDE; i++) {
            most[i % 4] = _mm512_max_ps(most[i % 4], _mm512_load_ps(row + i * SIDE));
        }
    }
    return _mm512_max_ps(_mm512_max_ps(most[0], most[1]), _mm512_max_ps(most[2], most[3]));
}

/* Words 0, 16, 1, 17, ..: two rows as pairs. */
static const uint16_t pair_order[STEP] = {
    0, 16, 1, 17, 2,  18, 3,  19, 4,  20, 5,  21, 6,  22, 7,  23,
    8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31,
};

/* Scores become weights relative to the greatest score so far, and what was summed with an older
 * one is brought down to it. */
static void weigh(struct group *group, size_t side, struct scratch *scratch, size_t key_steps,
                  size_t width)
{
    const __m512i order = _mm512_loadu_si512(pair_order);
    const __m512 old = _mm512_load_ps(group->greatest[side]);
    const __m512 greatest = greatest_of(scratch->scores, side, 2 * key_steps, old);
    __m512 total = _mm512_load_ps(group->total[side]), more = _mm512_setzero_ps();
    if (_mm512_cmp_ps_mask(old, greatest, _CMP_NEQ_UQ) != 0) {
        const __m512 factor = exponential(_mm512_sub_ps(old, greatest));
        total = _mm512_mul_ps(total, factor);
        for (size_t t = 0; t < 2 * steps_of(width); t++) {
            float *sums = group->sums[t][side];
            for (size_t i = 0; i < TILE_VALUES; i += SIDE) {
                _mm512_store_ps(sums + i, _mm512_mul_ps(_mm512_load_ps(sums + i), factor));
            }
        }
    }
    for (size_t k = 0; k < key_steps * STEP; k += 2) {
        const float *row = scratch->scores[k / SIDE][side] + k % SIDE * SIDE;
        __m512 a = exponential(_mm512_sub_ps(_mm512_load_ps(row), greatest));
        __m512 b = exponential(_mm512_sub_ps(_mm512_load_ps(row + SIDE), greatest));
        total = _mm512_add_ps(total, a);
        more = _mm512_add_ps(more, b);
        __m512i pairs = _mm512_permutexvar_epi16(order, (__m512i)_mm512_cvtne2ps_pbh(b, a));
        _mm512_store_si512(scratch->weights[k / STEP][side] + k % STEP / 2 * 64, pairs);
    }
    _mm512_store_ps(group->total[side], _mm512_add_ps(total, more));
    _mm512_store_ps(group->greatest[side], greatest);
}

static void sum_values(struct group *group, const unsigned char *packed, size_t key_steps,
                       size_t width, const unsigned char (*weights)[2][TILE_BYTES])
{
    for (size_t t = 0; t < 2 * steps_of(width); t += 2) {
        const unsigned char *values = packed + step_bytes(width) / 2 + t * TILE_BYTES;
        float(*sums)[2][TILE_VALUES] = group->sums + t;
        TILE_LOAD(0, sums[0][0]);
        TILE_LOAD(1, sums[0][1]);
        TILE_LOAD(2, sums[1][0]);
        TILE_LOAD(3, sums[1][1]);
        for (size_t s = 0; s < key_steps; s++, values += step_bytes(width)) {
            TILE_LOAD(4, values);
            TILE_LOAD(6, weights[s][0]);
            TILE_PRODUCT(0, 4, 6);
            TILE_LOAD(7, weights[s][1]);
            TILE_PRODUCT(1, 4, 7);
            TILE_LOAD(5, values + TILE_BYTES);
            TILE_PRODUCT(2, 5, 6);
            TILE_PRODUCT(3, 5, 7);
        }
        TILE_STORE(0, sums[0][0]);
        TILE_STORE(1, sums[0][1]);
        TILE_STORE(2, sums[1][0]);
        TILE_STORE(3, sums[1][1]);
    }
}

/* --- all keys --- */

static void end_group(const struct group *group, size_t queries, size_t width, float *out,
                      size_t out_stride)
{
    for (size_t side = 0; side * SIDE < queries; side++) {
        const __m512 factor =
            _mm512_div_ps(_mm512_set1_ps(1.0f), _mm512_load_ps(group->total[side]));
        size_t rows = queries - side * SIDE < SIDE ? queries - side * SIDE : SIDE;
        for (size_t c = 0; c < width; c += SIDE) {
            const float *sums = group->sums[c / SIDE][side];
            __m512i square[SIDE];
            for (size_t i = 0; i < SIDE; i++) {
                square[i] = (__m512i)_mm512_mul_ps(_mm512_load_ps(sums + i * SIDE), factor);
            }
            transpose_16(square);
            for (size_t i = 0; i < rows; i++) {
                _mm512_mask_storeu_ps(out + (side * SIDE + i) * out_stride + c,
                                      first_lanes(width - c), (__m512)square[i]);
            }
        }
    }
}

static void attend(const float *q, size_t queries, size_t width, const void *packed, size_t count,
                   float *out, size_t out_stride, void *scratch)
{
    struct scratch *s = scratch;
    const size_t groups = (queries + GROUP - 1) / GROUP;
    tiles_configure();
    for (size_t g = 0; g < groups; g++) {
        begin_group(&s->groups[g], q + g * GROUP * width, queries - g * GROUP, width);
    }
    const unsigned char *block = packed;
    for (size_t first = 0; first < count; first += KEYS) {
        size_t keys = count - first < KEYS ? count - first : KEYS, steps = steps_of(keys);
        for (size_t g = 0; g < groups; g++) {
            score(&s->groups[g], block, steps, width, s->scores);
            hide(s->scores, keys, steps);
            weigh(&s->groups[g], 0, s, steps, width);
            weigh(&s->groups[g], 1, s, steps, width);
            sum_values(&s->groups[g], block, steps, width, s->weights);
        }
        block += steps * step_bytes(width);
    }
    tiles_release();
    for (size_t g = 0; g < groups; g++) {
        size_t left = queries - g * GROUP;
        end_group(&s->groups[g], left < GROUP ? left : GROUP, width, out + g * GROUP * out_stride,
                  out_stride);
    }
}

const struct mutual_set mutual_amx = {
    .supported = cpu_has_amx,
    .scratch_bytes = sizeof(struct scratch),
    .packed_bytes = packed_bytes,
    .pack = pack,
    .attend = attend,
};
