/* gemm_avx2: products of 16-bit integers for x86 with AVX2. Compiled with those options on, so
 * nothing of this file may run before cpu_has_avx2 said yes.
 *
 * Weights and activations become integers of MOST at most with one scale for GROUP columns of a row
 * or token. Two of them are multiplied and added in one instruction, which does twice what a
 * float32 one does; eight-bit ones would need more instructions for the same, since without VNNI
 * their sums saturate. So this is nearly exact: a sum of GROUP products fits 31 bits.
 *
 * Groups without a value of TINY or more count as zeros.
 */
#include "compute/gemm.h"

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#include "compute/cpu.h"

#define INLINE static inline __attribute__((always_inline))

enum {
    GROUP = 128,
    GROUPS = GEMM_PART / GROUP,
    PAIRS = GEMM_PART / 2,
    MOST = 4095, /* MOST * MOST * GROUP < 2^31 */
    TOKENS = 4,
};

static const float TINY = 1e-34f;

/* A tile of a panel: pair p of row r holds columns 2 p and 2 p + 1. */
struct row_tile {
    int16_t pairs[PAIRS][GEMM_TILE][2];
    float scale[GROUPS][GEMM_TILE];
};

struct token_tile {
    int16_t values[GEMM_TILE][GEMM_PART];
    float scale[GROUPS][GEMM_TILE];
};

/* --- rounding --- */

INLINE float greatest(__m256 v)
{
    __m128 four = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}

/* GROUP values as integers; returns their scale. */
INLINE float round_whole(const float *values, int16_t *whole)
{
    const __m256 sign = _mm256_set1_ps(-0.0f);
    __m256 most = _mm256_setzero_ps();
    for (size_t i = 0; i < GROUP; i += 8) {
        most = _mm256_max_ps(most, _mm256_andnot_ps(sign, _mm256_loadu_ps(values + i)));
    }
    float size = greatest(most);
    __m256 factor = _mm256_set1_ps(size >= TINY ? (float)MOST / size : 0.0f);
    for (size_t i = 0; i < GROUP; i += 16) {
        __m256 low = _mm256_mul_ps(_mm256_loadu_ps(values + i), factor);
        __m256 high = _mm256_mul_ps(_mm256_loadu_ps(values + i + 8), factor);
        __m256i mixed = _mm256_packs_epi32(_mm256_cvtps_epi32(low), _mm256_cvtps_epi32(high));
        _mm256_storeu_si256((__m256i *)(void *)(whole + i), _mm256_permute4x64_epi64(mixed, 0xD8));
    }
    return size >= TINY ? size / (float)MOST : 0.0f;
}

/* The same for the columns from c on, zeros past `columns`. */
static float round_group(const float *values, size_t c, size_t columns, int16_t *whole)
{
    if (c + GROUP <= columns) {
        return round_whole(values + c, whole);
    }
    float padded[GROUP] = {0};
    memcpy(padded, values + c, (columns - c) * sizeof *values);
    return round_whole(padded, whole);
}

static void pack(const float *x, size_t x_stride, size_t tokens, size_t columns, void *packed)
{
    struct token_tile *tile = packed;
    for (size_t t = 0; t < GEMM_TILE; t++) {
        for (size_t g = 0; g * GROUP < columns; g++) {
            int16_t *values = &tile->values[t][g * GROUP];
            if (t < tokens) {
                tile->scale[g][t] = round_group(x + t * x_stride, g * GROUP, columns, values);
            } else {
                tile->scale[g][t] = 0.0f;
                memset(values, 0, GROUP * sizeof *values);
            }
        }
    }
}

static void round_rows(const float *values, size_t stride, size_t rows, size_t columns, void *panel)
{
    struct row_tile *tile = panel;
    for (size_t r = 0; r < GEMM_TILE; r++) {
        for (size_t g = 0; g * GROUP < columns; g++) {
            int16_t whole[GROUP] = {0};
            tile->scale[g][r] =
                r < rows ? round_group(values + r * stride, g * GROUP, columns, whole) : 0.0f;
            for (size_t pair = 0; pair < GROUP / 2; pair++) {
                memcpy(tile->pairs[g * GROUP / 2 + pair][r], whole + 2 * pair, 2 * sizeof *whole);
            }
        }
    }
}

/* --- multiplication --- */

INLINE __m256i load_pairs(const int16_t *pairs)
{
    return _mm256_load_si256((const __m256i *)(const void *)pairs);
}

INLINE int32_t read_pair(const int16_t *values)
{
    int32_t pair;
    memcpy(&pair, values, sizeof pair);
    return pair;
}

INLINE void add_scaled(float *sums, __m256i whole, __m256 scale, bool first)
{
    __m256 sum = first ? _mm256_setzero_ps() : _mm256_load_ps(sums);
    _mm256_store_ps(sums, _mm256_fmadd_ps(_mm256_cvtepi32_ps(whole), scale, sum));
}

/* Adds one group's products of a tile of rows and TOKENS tokens from token t on to their sums,
 * sixteen of a token side by side. */
INLINE void multiply_group(const struct row_tile *rows, const struct token_tile *tokens, size_t t,
                           size_t g, bool first, float *sums)
{
    __m256i left[TOKENS], right[TOKENS];
    for (int i = 0; i < TOKENS; i++) {
        left[i] = right[i] = _mm256_setzero_si256();
    }
    const int16_t *pairs = rows->pairs[g * GROUP / 2][0];
    const int16_t *values = &tokens->values[t][g * GROUP];
#pragma GCC unroll 1
    for (int pair = 0; pair < GROUP / 2; pair++, pairs += 2 * GEMM_TILE, values += 2) {
        __m256i row0 = load_pairs(pairs), row1 = load_pairs(pairs + GEMM_TILE);
        for (int i = 0; i < TOKENS; i++) {
            __m256i both = _mm256_set1_epi32(read_pair(values + i * GEMM_PART));
            left[i] = _mm256_add_epi32(left[i], _mm256_madd_epi16(row0, both));
            right[i] = _mm256_add_epi32(right[i], _mm256_madd_epi16(row1, both));
        }
    }
    __m256 scale0 = _mm256_load_ps(rows->scale[g]), scale1 = _mm256_load_ps(rows->scale[g] + 8);
    for (int i = 0; i < TOKENS; i++, sums += GEMM_TILE) {
        __m256 scale = _mm256_set1_ps(tokens->scale[g][t + (size_t)i]);
        add_scaled(sums, left[i], _mm256_mul_ps(scale0, scale), first);
        add_scaled(sums + 8, right[i], _mm256_mul_ps(scale1, scale), first);
    }
}

/* Sums: [tile of rows][token][row]. */
static void multiply(const void *panel, size_t row_tiles, const void *packed, size_t token_tiles,
                     size_t columns, bool first, float *sums)
{
    const struct row_tile *rows = panel;
    const size_t row_sums = token_tiles * GEMM_TILE * GEMM_TILE;
    for (size_t t = 0; t < token_tiles * GEMM_TILE; t += TOKENS) {
        const struct token_tile *tokens = (const struct token_tile *)packed + t / GEMM_TILE;
        for (size_t r = 0; r < row_tiles; r++) {
            float *at = sums + r * row_sums + t * GEMM_TILE;
            for (size_t g = 0; g * GROUP < columns; g++) {
                multiply_group(&rows[r], tokens, t % GEMM_TILE, g, first && g == 0, at);
            }
        }
    }
}

static void store(const float *sums, size_t rows, size_t tokens, float scale, float *out,
                  size_t out_stride)
{
    const size_t below = (tokens + GEMM_TILE - 1) / GEMM_TILE * GEMM_TILE * GEMM_TILE;
    for (size_t t = 0; t < tokens; t++, sums += GEMM_TILE, out += out_stride) {
        for (size_t r = 0; r < rows; r++) {
            out[r] = scale * sums[r / GEMM_TILE * below + r % GEMM_TILE];
        }
    }
}

const struct gemm_set gemm_avx2 = {
    .name = "avx2",
    .supported = cpu_has_avx2,
    .token_bytes = sizeof(struct token_tile) / GEMM_TILE,
    .row_bytes = sizeof(struct row_tile) / GEMM_TILE,
    .piece_products = 24u * 1000 * 1000,
    .pack = pack,
    .round = round_rows,
    .multiply = multiply,
    .store = store,
};
