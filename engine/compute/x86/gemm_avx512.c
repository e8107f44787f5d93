/* gemm_avx512: products with the integer dot instructions of AVX-512 (VNNI). Compiled with those
 * options on, so nothing of this file may run before cpu_has_avx512_vnni said yes.
 *
 * Weights and activations become 8-bit numbers with one scale for GROUP columns of a row or token,
 * whatever format the weights had: a sum runs over the whole group in integers, so that scaling is
 * a small part of the work. The instruction multiplies unsigned by signed bytes: weights are stored
 * with 128 added, and each sum begins at -128 times the sum of the activations.
 *
 * A scale is 127th of the greatest magnitude of its group. Groups without a value of TINY or more
 * count as zeros.
 */
#include "compute/gemm.h"

#include <immintrin.h>
#include <stdint.h>

#include "compute/cpu.h"
#include "compute/x86/transpose.h"

#define INLINE static inline __attribute__((always_inline))

enum { GROUP = 32, GROUPS = GEMM_PART / GROUP, WORD = 4, STEPS = GROUP / WORD, TOKENS = 8 };

static const float TINY = 1e-34f;

/* A tile of a panel. bytes: word w of row r holds columns 4 w .. 4 w + 3. */
struct row_tile {
    uint8_t bytes[GEMM_PART / WORD][GEMM_TILE][WORD];
    float scale[GROUPS][GEMM_TILE];
};

struct token_tile {
    int8_t bytes[GEMM_TILE][GEMM_PART];
    float scale[GROUPS][GEMM_TILE];
    int32_t begin[GROUPS][GEMM_TILE]; /* -128 times the sum of the group's bytes */
};

/* --- rounding --- */

INLINE __mmask16 first_lanes(size_t count)
{
    return (__mmask16)(count < 16 ? (1u << count) - 1 : 0xFFFF);
}

/* Columns c .. c + 15 of `columns`, zeros past the end. */
INLINE __m512 load_values(const float *values, size_t c, size_t columns)
{
    return c < columns ? _mm512_maskz_loadu_ps(first_lanes(columns - c), values + c)
                       : _mm512_setzero_ps();
}

/* 16 values as bytes under a factor. */
INLINE __m128i round_values(__m512 values, __m512 factor)
{
    return _mm512_cvtsepi32_epi8(_mm512_cvtps_epi32(_mm512_mul_ps(values, factor)));
}

/* GROUP columns from column c on as bytes; their scale goes to *scale. */
INLINE __m256i round_group(const float *values, size_t c, size_t columns, float *scale)
{
    __m512 low = load_values(values, c, columns), high = load_values(values, c + 16, columns);
    float most = _mm512_reduce_max_ps(_mm512_max_ps(_mm512_abs_ps(low), _mm512_abs_ps(high)));
    __m512 factor = _mm512_set1_ps(most >= TINY ? 127.0f / most : 0.0f);
    *scale = most >= TINY ? most / 127.0f : 0.0f;
    return _mm256_set_m128i(round_values(high, factor), round_values(low, factor));
}

static void pack(const float *x, size_t x_stride, size_t tokens, size_t columns, void *packed)
{
    struct token_tile *tile = packed;
    const __m256i ones = _mm256_set1_epi8(1);
    for (size_t g = 0; g * GROUP < columns; g++) {
        for (size_t t = 0; t < GEMM_TILE; t++) {
            __m256i bytes = _mm256_setzero_si256();
            tile->scale[g][t] = 0;
            if (t < tokens) {
                bytes = round_group(x + t * x_stride, g * GROUP, columns, &tile->scale[g][t]);
            }
            _mm256_store_si256((void *)&tile->bytes[t][g * GROUP], bytes);
            __m256i sum = _mm256_dpbusd_epi32(_mm256_setzero_si256(), ones, bytes);
            tile->begin[g][t] = -128 * _mm512_reduce_add_epi32(_mm512_zextsi256_si512(sum));
        }
    }
}

/* Two groups at a time fill the registers of a transposition. */
static void round_rows(const float *values, size_t stride, size_t rows, size_t columns, void *panel)
{
    struct row_tile *tile = panel;
    const __m512i offset = _mm512_set1_epi8((char)-128);
    for (size_t g = 0; g * GROUP < columns; g += 2) {
        __m512i square[GEMM_TILE];
        for (size_t r = 0; r < GEMM_TILE; r++) {
            __m256i bytes[2] = {_mm256_setzero_si256(), _mm256_setzero_si256()};
            for (size_t i = 0; i < 2; i++) {
                tile->scale[g + i][r] = 0;
                if (r < rows) {
                    bytes[i] = round_group(values + r * stride, (g + i) * GROUP, columns,
                                           &tile->scale[g + i][r]);
                }
            }
            __m512i both = _mm512_inserti64x4(_mm512_castsi256_si512(bytes[0]), bytes[1], 1);
            square[r] = _mm512_xor_si512(both, offset);
        }
        transpose_16(square);
        for (size_t i = 0; i < GEMM_TILE; i++) {
            _mm512_store_si512(tile->bytes[g * STEPS + i], square[i]);
        }
    }
}

/* --- multiplication --- */

INLINE int32_t read_word(const int8_t *bytes)
{
    int32_t word;
    __builtin_memcpy(&word, bytes, sizeof word);
    return word;
}

/* sums += the four unsigned bytes of each word of `rows` times the signed ones of `tokens`. As
 * assembler: around the compiler's own function gcc 12 moves every sum to another register and
 * back, and runs out of them. */
INLINE void add_products(__m512i *sums, __m512i rows, __m512i tokens)
{
    __asm__("vpdpbusd %2, %1, %0" : "+v"(*sums) : "v"(rows), "v"(tokens));
}

/* Adds one group's products of two tiles of rows and TOKENS tokens from token t on to their sums:
 * 16 of a token side by side, the second tile's `below` values on. */
INLINE void multiply_group(const struct row_tile *upper, const struct row_tile *lower,
                           const struct token_tile *tokens, size_t t, size_t g, bool first,
                           float *sums, size_t below)
{
    __m512i above[TOKENS], under[TOKENS];
    for (int i = 0; i < TOKENS; i++) {
        above[i] = under[i] = _mm512_set1_epi32(tokens->begin[g][t + (size_t)i]);
    }
    const uint8_t *words0 = upper->bytes[g * STEPS][0], *words1 = lower->bytes[g * STEPS][0];
    const int8_t *bytes = &tokens->bytes[t][g * GROUP];
#pragma GCC unroll 1
    for (int step = 0; step < STEPS; step++, words0 += 64, words1 += 64, bytes += WORD) {
        __m512i row0 = _mm512_load_si512(words0), row1 = _mm512_load_si512(words1);
        for (int i = 0; i < TOKENS; i++) {
            __m512i word = _mm512_set1_epi32(read_word(bytes + i * GEMM_PART));
            add_products(&above[i], row0, word);
            add_products(&under[i], row1, word);
        }
    }
    __m512 scale0 = _mm512_load_ps(upper->scale[g]), scale1 = _mm512_load_ps(lower->scale[g]);
    for (int i = 0; i < TOKENS; i++, sums += GEMM_TILE) {
        __m512 scale = _mm512_set1_ps(tokens->scale[g][t + (size_t)i]);
        __m512 sum0 = first ? _mm512_setzero_ps() : _mm512_load_ps(sums);
        __m512 sum1 = first ? _mm512_setzero_ps() : _mm512_load_ps(sums + below);
        sum0 = _mm512_fmadd_ps(_mm512_cvtepi32_ps(above[i]), _mm512_mul_ps(scale0, scale), sum0);
        sum1 = _mm512_fmadd_ps(_mm512_cvtepi32_ps(under[i]), _mm512_mul_ps(scale1, scale), sum1);
        _mm512_store_ps(sums, sum0);
        _mm512_store_ps(sums + below, sum1);
    }
}

/* Sums: [tile of rows][token][row]. A last single tile of rows is done twice, into one place. */
static void multiply(const void *panel, size_t row_tiles, const void *packed, size_t token_tiles,
                     size_t columns, bool first, float *sums)
{
    const struct row_tile *rows = panel;
    const size_t row_sums = token_tiles * GEMM_TILE * GEMM_TILE;
    for (size_t t = 0; t < token_tiles * GEMM_TILE; t += TOKENS) {
        const struct token_tile *tokens = (const struct token_tile *)packed + t / GEMM_TILE;
        for (size_t r = 0; r < row_tiles; r += 2) {
            bool two = r + 1 < row_tiles;
            float *at = sums + r * row_sums + t * GEMM_TILE;
            for (size_t g = 0; g * GROUP < columns; g++) {
                multiply_group(&rows[r], &rows[two ? r + 1 : r], tokens, t % GEMM_TILE, g,
                               first && g == 0, at, two ? row_sums : 0);
            }
        }
    }
}

static void store(const float *sums, size_t rows, size_t tokens, float scale, float *out,
                  size_t out_stride)
{
    const size_t below = (tokens + GEMM_TILE - 1) / GEMM_TILE * GEMM_TILE * GEMM_TILE;
    const __m512 factor = _mm512_set1_ps(scale);
    for (size_t t = 0; t < tokens; t++, sums += GEMM_TILE, out += out_stride) {
        for (size_t r = 0; r < rows; r += GEMM_TILE) {
            __m512 values = _mm512_load_ps(sums + r / GEMM_TILE * below);
            _mm512_mask_storeu_ps(out + r, first_lanes(rows - r), _mm512_mul_ps(values, factor));
        }
    }
}

const struct gemm_set gemm_avx512 = {
    .name = "avx512",
    .supported = cpu_has_avx512_vnni,
    .token_bytes = sizeof(struct token_tile) / GEMM_TILE,
    .row_bytes = sizeof(struct row_tile) / GEMM_TILE,
    .piece_products = 100u * 1000 * 1000,
    .blocks_only = true,
    .pack = pack,
    .round = round_rows,
    .multiply = multiply,
    .store = store,
};
