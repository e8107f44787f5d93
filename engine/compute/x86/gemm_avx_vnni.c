/* gemm_avx_vnni: products with the integer dot instructions that x86 without AVX-512 may have
 * (AVX-VNNI). Compiled with those options on, so nothing of this file may run before
 * cpu_has_avx_vnni said yes.
 *
 * The arithmetic of gemm_avx512 in narrower registers: 8-bit numbers with one scale for GROUP
 * columns of a row or token, weights with 128 added, sums that begin at -128 times the sum of the
 * activations; groups without a value of TINY or more count as zeros.
 */
#include "compute/gemm.h"

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#include "compute/cpu.h"

#define INLINE static inline __attribute__((always_inline))

enum { GROUP = 32, GROUPS = GEMM_PART / GROUP, WORD = 4, STEPS = GROUP / WORD, TOKENS = 6 };

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

INLINE float greatest(__m256 v)
{
    __m128 four = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}

INLINE __m256i whole(const float *values, __m256 factor)
{
    return _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_loadu_ps(values), factor));
}

/* GROUP values as bytes; returns their scale. */
INLINE float round_whole(const float *values, int8_t *bytes)
{
    /* Packing works on halves of a register: this puts the words in order again. */
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    const __m256 sign = _mm256_set1_ps(-0.0f);
    __m256 most = _mm256_setzero_ps();
    for (size_t i = 0; i < GROUP; i += 8) {
        most = _mm256_max_ps(most, _mm256_andnot_ps(sign, _mm256_loadu_ps(values + i)));
    }
    float size = greatest(most);
    __m256 factor = _mm256_set1_ps(size >= TINY ? 127.0f / size : 0.0f);
    for (size_t i = 0; i < GROUP; i += 32) {
        __m256i low = _mm256_packs_epi32(whole(values + i, factor), whole(values + i + 8, factor));
        __m256i high =
            _mm256_packs_epi32(whole(values + i + 16, factor), whole(values + i + 24, factor));
        __m256i mixed = _mm256_packs_epi16(low, high);
        _mm256_storeu_si256((__m256i *)(void *)(bytes + i),
                            _mm256_permutevar8x32_epi32(mixed, order));
    }
    return size >= TINY ? size / 127.0f : 0.0f;
}

/* The same for the columns from c on, zeros past `columns`. */
static float round_group(const float *values, size_t c, size_t columns, int8_t *bytes)
{
    if (c + GROUP <= columns) {
        return round_whole(values + c, bytes);
    }
    float padded[GROUP] = {0};
    memcpy(padded, values + c, (columns - c) * sizeof *values);
    return round_whole(padded, bytes);
}

static void pack(const float *x, size_t x_stride, size_t tokens, size_t columns, void *packed)
{
    struct token_tile *tile = packed;
    for (size_t t = 0; t < GEMM_TILE; t++) {
        for (size_t g = 0; g * GROUP < columns; g++) {
            int8_t *bytes = &tile->bytes[t][g * GROUP];
            if (t < tokens) {
                tile->scale[g][t] = round_group(x + t * x_stride, g * GROUP, columns, bytes);
            } else {
                tile->scale[g][t] = 0.0f;
                memset(bytes, 0, GROUP);
            }
            int32_t sum = 0;
            for (size_t i = 0; i < GROUP; i++) {
                sum += bytes[i];
            }
            tile->begin[g][t] = -128 * sum;
        }
    }
}

static void round_rows(const float *values, size_t stride, size_t rows, size_t columns, void *panel)
{
    struct row_tile *tile = panel;
    for (size_t r = 0; r < GEMM_TILE; r++) {
        for (size_t g = 0; g * GROUP < columns; g++) {
            int8_t bytes[GROUP] = {0};
            tile->scale[g][r] =
                r < rows ? round_group(values + r * stride, g * GROUP, columns, bytes) : 0.0f;
            for (size_t step = 0; step < STEPS; step++) {
                uint32_t word;
                memcpy(&word, bytes + WORD * step, sizeof word);
                word ^= 0x80808080u;
                memcpy(tile->bytes[g * STEPS + step][r], &word, sizeof word);
            }
        }
    }
}

/* --- multiplication --- */

INLINE __m256i load_words(const uint8_t *words)
{
    return _mm256_load_si256((const __m256i *)(const void *)words);
}

INLINE int32_t read_word(const int8_t *bytes)
{
    int32_t word;
    memcpy(&word, bytes, sizeof word);
    return word;
}

/* sums += the four unsigned bytes of each word of `rows` times the signed ones of `tokens`. As
 * assembler for the reason that gemm_avx512 gives. */
INLINE void add_products(__m256i *sums, __m256i rows, __m256i tokens)
{
    __asm__("%{vex%} vpdpbusd %2, %1, %0" : "+x"(*sums) : "x"(rows), "x"(tokens));
}

INLINE void add_scaled(float *sums, __m256i products, __m256 scale, bool first)
{
    __m256 sum = first ? _mm256_setzero_ps() : _mm256_load_ps(sums);
    _mm256_store_ps(sums, _mm256_fmadd_ps(_mm256_cvtepi32_ps(products), scale, sum));
}

/* Adds one group's products of a tile of rows and `count` tokens, up to TOKENS, from token t on to
 * their sums, sixteen of a token side by side. */
INLINE void multiply_group(const struct row_tile *rows, const struct token_tile *tokens, size_t t,
                           size_t g, const int count, bool first, float *sums)
{
    __m256i left[TOKENS], right[TOKENS];
    for (int i = 0; i < count; i++) {
        left[i] = right[i] = _mm256_set1_epi32(tokens->begin[g][t + (size_t)i]);
    }
    const uint8_t *words = rows->bytes[g * STEPS][0];
    const int8_t *bytes = &tokens->bytes[t][g * GROUP];
#pragma GCC unroll 1
    for (int step = 0; step < STEPS; step++, words += 64, bytes += WORD) {
        __m256i row0 = load_words(words), row1 = load_words(words + 32);
        for (int i = 0; i < count; i++) {
            __m256i word = _mm256_set1_epi32(read_word(bytes + i * GEMM_PART));
            add_products(&left[i], row0, word);
            add_products(&right[i], row1, word);
        }
    }
    __m256 scale0 = _mm256_load_ps(rows->scale[g]), scale1 = _mm256_load_ps(rows->scale[g] + 8);
    for (int i = 0; i < count; i++, sums += GEMM_TILE) {
        __m256 scale = _mm256_set1_ps(tokens->scale[g][t + (size_t)i]);
        add_scaled(sums, left[i], _mm256_mul_ps(scale0, scale), first);
        add_scaled(sums + 8, right[i], _mm256_mul_ps(scale1, scale), first);
    }
}

/* All groups of one tile of rows against one of tokens. Ten sums at least hide how long an
 * instruction takes, twelve are what the registers hold: so sixteen tokens are done as 6 + 5 + 5.
 */
static void multiply_tile(const struct row_tile *rows, const struct token_tile *tokens,
                          size_t columns, bool first, float *sums)
{
    for (size_t g = 0; g * GROUP < columns; g++) {
        bool begins = first && g == 0;
        multiply_group(rows, tokens, 0, g, 6, begins, sums);
        multiply_group(rows, tokens, 6, g, 5, begins, sums + 6 * GEMM_TILE);
        multiply_group(rows, tokens, 11, g, 5, begins, sums + 11 * GEMM_TILE);
    }
}

/* Sums: [tile of rows][token][row]. */
static void multiply(const void *panel, size_t row_tiles, const void *packed, size_t token_tiles,
                     size_t columns, bool first, float *sums)
{
    const struct row_tile *rows = panel;
    const struct token_tile *tokens = packed;
    const size_t tile_sums = GEMM_TILE * GEMM_TILE;
    for (size_t t = 0; t < token_tiles; t++) {
        for (size_t r = 0; r < row_tiles; r++) {
            multiply_tile(&rows[r], &tokens[t], columns, first,
                          sums + (r * token_tiles + t) * tile_sums);
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

const struct gemm_set gemm_avx_vnni = {
    .name = "avx-vnni",
    .supported = cpu_has_avx_vnni,
    .token_bytes = sizeof(struct token_tile) / GEMM_TILE,
    .row_bytes = sizeof(struct row_tile) / GEMM_TILE,
    .piece_products = 60u * 1000 * 1000,
    .blocks_only = true,
    .pack = pack,
    .round = round_rows,
    .multiply = multiply,
    .store = store,
};
