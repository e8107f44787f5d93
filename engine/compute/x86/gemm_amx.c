/* gemm_amx: products on the tile unit of x86 (AMX), in bfloat16. Compiled with those options on, so
 * nothing of this file may run before cpu_has_amx said yes.
 *
 * A tile of weights is 16 rows of 32 columns, a tile of tokens 16 pairs of columns of 16 tokens,
 * and their product 16 x 16 float32 sums. The scale of a block is part of the weight before it is
 * rounded, so one sum runs over all columns and nothing is scaled behind the tile unit. The unit
 * treats subnormal numbers as zero.
 */
#include "compute/gemm.h"

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#include "compute/cpu.h"
#include "compute/x86/tiles.h"
#include "compute/x86/transpose.h"

#define INLINE static inline __attribute__((always_inline))

enum { STEP = 32, STEPS = GEMM_PART / STEP };

/* --- multiplication --- */

enum { SUM_VALUES = GEMM_TILE * GEMM_TILE };

/* Sums of up to two tiles of rows, `below` values apart, and up to two tiles of tokens, side by
 * side. The conditions are constants wherever this is inlined. */
INLINE void load_sums(const float *sums, size_t below, bool first, bool two_rows, bool two_tokens)
{
    if (first) {
        TILE_ZERO(0);
        TILE_ZERO(1);
        TILE_ZERO(2);
        TILE_ZERO(3);
        return;
    }
    TILE_LOAD(0, sums);
    if (two_tokens) {
        TILE_LOAD(1, sums + SUM_VALUES);
    }
    if (two_rows) {
        TILE_LOAD(2, sums + below);
    }
    if (two_rows && two_tokens) {
        TILE_LOAD(3, sums + below + SUM_VALUES);
    }
}

INLINE void store_sums(float *sums, size_t below, bool two_rows, bool two_tokens)
{
    TILE_STORE(0, sums);
    if (two_tokens) {
        TILE_STORE(1, sums + SUM_VALUES);
    }
    if (two_rows) {
        TILE_STORE(2, sums + below);
    }
    if (two_rows && two_tokens) {
        TILE_STORE(3, sums + below + SUM_VALUES);
    }
}

/* Meanwhile asks for `ahead_bytes` a step of the tokens that come next. */
INLINE void multiply_tiles(const unsigned char *rows, const unsigned char *tokens, size_t steps,
                           bool first, float *sums, size_t below, bool two_rows, bool two_tokens,
                           const unsigned char *ahead, size_t ahead_bytes)
{
    const size_t next = (size_t)STEPS * TILE_BYTES; /* the next tile of rows, or of tokens */
    load_sums(sums, below, first, two_rows, two_tokens);
    for (size_t step = 0; step < steps; step++, rows += TILE_BYTES, tokens += TILE_BYTES) {
        for (size_t i = 0; i < ahead_bytes; i += 64) {
            _mm_prefetch((const char *)ahead + i, _MM_HINT_T1);
        }
        ahead += ahead_bytes;
        TILE_LOAD(4, rows);
        TILE_LOAD(6, tokens);
        TILE_PRODUCT(0, 4, 6);
        if (two_tokens) {
            TILE_LOAD(7, tokens + next);
            TILE_PRODUCT(1, 4, 7);
        }
        if (two_rows) {
            TILE_LOAD(5, rows + next);
            TILE_PRODUCT(2, 5, 6);
        }
        if (two_rows && two_tokens) {
            TILE_PRODUCT(3, 5, 7);
        }
    }
    store_sums(sums, below, two_rows, two_tokens);
}

/* Sums: [tile of rows][tile of tokens][row][token]. */
static void multiply(const void *panel, size_t row_tiles, const void *packed, size_t token_tiles,
                     size_t columns, bool first, float *sums)
{
    const size_t tile = (size_t)STEPS * TILE_BYTES, below = token_tiles * SUM_VALUES;
    const size_t steps = (columns + STEP - 1) / STEP;
    tiles_configure();
    for (size_t t = 0; t < token_tiles; t += 2) {
        bool two_tokens = t + 1 < token_tiles;
        const unsigned char *tokens = (const unsigned char *)packed + t * tile;
        const unsigned char *ahead = tokens + 2 * tile;
        const size_t pairs = (row_tiles + 1) / 2,
                     ahead_bytes = (2 * tile / pairs / STEPS + 63) / 64 * 64;
        for (size_t r = 0; r < row_tiles; r += 2) {
            bool two_rows = r + 1 < row_tiles;
            const unsigned char *rows = (const unsigned char *)panel + r * tile;
            float *at = sums + r * below + t * SUM_VALUES;
            if (two_rows && two_tokens) {
                multiply_tiles(rows, tokens, steps, first, at, below, true, true,
                               ahead + (r / 2) * STEPS * ahead_bytes, ahead_bytes);
            } else if (two_rows) {
                multiply_tiles(rows, tokens, steps, first, at, below, true, false,
                               ahead + (r / 2) * STEPS * ahead_bytes, ahead_bytes);
            } else if (two_tokens) {
                multiply_tiles(rows, tokens, steps, first, at, below, false, true,
                               ahead + (r / 2) * STEPS * ahead_bytes, ahead_bytes);
            } else {
                multiply_tiles(rows, tokens, steps, first, at, below, false, false,
                               ahead + (r / 2) * STEPS * ahead_bytes, ahead_bytes);
            }
        }
    }
    tiles_release();
}

static __mmask16 first_lanes(size_t count)
{
    return (__mmask16)(count < 16 ? (1u << count) - 1 : 0xFFFF);
}

/* A tile of tokens at a time, so that the lines and pages of its outputs are still at hand for the
 * next tile of rows. */
static void store(const float *sums, size_t rows, size_t tokens, float scale, float *out,
                  size_t out_stride)
{
    const size_t below = (tokens + GEMM_TILE - 1) / GEMM_TILE * SUM_VALUES;
    const __m512 factor = _mm512_set1_ps(scale);
    for (size_t t = 0; t < tokens; t += GEMM_TILE, sums += SUM_VALUES) {
        size_t some = tokens - t < GEMM_TILE ? tokens - t : GEMM_TILE;
        for (size_t r = 0; r < rows; r += GEMM_TILE) {
            const float *from = sums + r / GEMM_TILE * below;
            __m512i square[GEMM_TILE];
            for (int i = 0; i < GEMM_TILE; i++) {
                square[i] = _mm512_load_si512(from + i * GEMM_TILE);
            }
            transpose_16(square);
            const __mmask16 mask = first_lanes(rows - r);
            float *to = out + t * out_stride + r;
            for (size_t i = 0; i < some; i++, to += out_stride) {
                __m512 values = _mm512_castsi512_ps(square[i]);
                _mm512_mask_storeu_ps(to, mask, _mm512_mul_ps(values, factor));
            }
        }
    }
}

/* --- rounding --- */

/* The order of the 32 columns of a step, the same for weights and tokens, hence without effect on a
 * product. Chosen for Q4_0, whose sixteen bytes hold column i in the low half of byte i and column
 * i + 16 in the high one: seen as eight words, shifted by 0, 4, 8 and 12 bits. */
static const uint16_t column_order[STEP] = {
    0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30,
    1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31,
};

/* Columns c .. c + 31 of a row of `columns`, as bfloat16; zeros past its end. */
INLINE __m512i load_rounded(const float *values, size_t c, size_t columns)
{
    __m512 low, high;
    if (c + STEP <= columns) {
        low = _mm512_loadu_ps(values + c);
        high = _mm512_loadu_ps(values + c + 16);
    } else {
        size_t left = columns - c;
        low = _mm512_maskz_loadu_ps(first_lanes(left), values + c);
        high = left > 16 ? _mm512_maskz_loadu_ps(first_lanes(left - 16), values + c + 16)
                         : _mm512_setzero_ps();
    }
    return _mm512_permutexvar_epi16(_mm512_loadu_si512(column_order),
                                    (__m512i)_mm512_cvtne2ps_pbh(high, low));
}

/* A tile of tokens: [step][pair of columns][token][2]. */
static void pack(const float *x, size_t x_stride, size_t tokens, size_t columns, void *packed)
{
    for (size_t c = 0; c < columns; c += STEP) {
        __m512i square[GEMM_TILE];
        for (size_t t = 0; t < GEMM_TILE; t++) {
            square[t] =
                t < tokens ? load_rounded(x + t * x_stride, c, columns) : _mm512_setzero_si512();
        }
        transpose_16(square);
        unsigned char *to = (unsigned char *)packed + c / STEP * TILE_BYTES;
        for (size_t i = 0; i < GEMM_TILE; i++) {
            _mm512_store_si512(to + i * 64, square[i]);
        }
    }
}

/* What is missing of a tile of rows. */
static void clear_rows(size_t rows, size_t columns, unsigned char *panel)
{
    for (size_t c = 0; c < columns && rows < GEMM_TILE; c += STEP) {
        memset(panel + c / STEP * TILE_BYTES + rows * 64, 0, (GEMM_TILE - rows) * 64);
    }
}

/* A tile of rows: [step][row][32 columns]. */
static void round_rows(const float *values, size_t stride, size_t rows, size_t columns, void *panel)
{
    for (size_t r = 0; r < rows; r++) {
        unsigned char *to = (unsigned char *)panel + r * 64;
        for (size_t c = 0; c < columns; c += STEP, to += TILE_BYTES) {
            _mm512_store_si512(to, load_rounded(values + r * stride, c, columns));
        }
    }
    clear_rows(rows, columns, panel);
}

/* --- from the stored formats --- */

/* The half at `bytes` in all lanes. */
INLINE __m512 broadcast_half(const unsigned char *bytes)
{
    uint16_t half;
    memcpy(&half, bytes, sizeof half);
    return _mm512_cvtph_ps(_mm256_set1_epi16((short)half));
}

/* A code chooses from a table of words with what the sixteen codes mean under the block's scale,
 * once in its lower half and once in its upper, so that only four bits of an index count. */
static void unpack_q4_0(const unsigned char *stored, size_t row_bytes, size_t rows, size_t columns,
                        void *panel)
{
    const __m512 codes = _mm512_setr_ps(-8, -7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7);
    __m512i shifts = _mm512_setzero_si512();
    shifts = _mm512_inserti32x4(shifts, _mm_set1_epi16(4), 1);
    shifts = _mm512_inserti32x4(shifts, _mm_set1_epi16(8), 2);
    shifts = _mm512_inserti32x4(shifts, _mm_set1_epi16(12), 3);
    for (size_t r = 0; r < rows; r++) {
        const unsigned char *block = stored + r * row_bytes;
        unsigned char *to = (unsigned char *)panel + r * 64;
        for (size_t c = 0; c < columns; c += STEP, block += 18, to += TILE_BYTES) {
            __m512 meanings = _mm512_mul_ps(broadcast_half(block), codes);
            __m512i table = (__m512i)_mm512_cvtne2ps_pbh(meanings, meanings);
            __m512i bytes =
                _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)(const void *)(block + 2)));
            __m512i index = _mm512_srlv_epi16(bytes, shifts);
            _mm512_store_si512(to, _mm512_permutexvar_epi16(index, table));
        }
    }
    clear_rows(rows, columns, panel);
}

/* 32 whole numbers of eight bits, the first sixteen times one step, the others times another. */
INLINE __m512i round_codes(__m256i codes, __m512 step, __m512 second_step)
{
    __m512i low = _mm512_cvtepi8_epi32(_mm256_castsi256_si128(codes));
    __m512i high = _mm512_cvtepi8_epi32(_mm256_extracti128_si256(codes, 1));
    __m512 first = _mm512_mul_ps(_mm512_cvtepi32_ps(low), step);
    __m512 second = _mm512_mul_ps(_mm512_cvtepi32_ps(high), second_step);
    return _mm512_permutexvar_epi16(_mm512_loadu_si512(column_order),
                                    (__m512i)_mm512_cvtne2ps_pbh(second, first));
}

static void unpack_q8_0(const unsigned char *stored, size_t row_bytes, size_t rows, size_t columns,
                        void *panel)
{
    for (size_t r = 0; r < rows; r++) {
        const unsigned char *block = stored + r * row_bytes;
        unsigned char *to = (unsigned char *)panel + r * 64;
        for (size_t c = 0; c < columns; c += STEP, block += 34, to += TILE_BYTES) {
            __m512 step = broadcast_half(block);
            __m256i codes = _mm256_loadu_si256((const void *)(block + 2));
            _mm512_store_si512(to, round_codes(codes, step, step));
        }
    }
    clear_rows(rows, columns, panel);
}

/* Blocks of 256: two halves, twelve bytes of packed scales and minima, and four times 32 bytes with
 * a group of 32 columns in their low halves and one in their high ones. As with Q4_0 a code chooses
 * among what the sixteen codes mean in its group. */
static void unpack_q4_k(const unsigned char *stored, size_t row_bytes, size_t rows, size_t columns,
                        void *panel)
{
    const __m512 codes = _mm512_setr_ps(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const __m512i low = _mm512_inserti64x4(_mm512_setzero_si512(), _mm256_set1_epi16(8), 1);
    const __m512i high = _mm512_add_epi16(low, _mm512_set1_epi16(4));
    for (size_t r = 0; r < rows; r++) {
        const unsigned char *block = stored + r * row_bytes;
        unsigned char *to = (unsigned char *)panel + r * 64;
        for (size_t c = 0; c < columns; c += 256, block += 144) {
            const unsigned char *packed = block + 4;
            __m512 d = broadcast_half(block), least = broadcast_half(block + 2);
            for (size_t g = 0; g < 8; g++, to += TILE_BYTES) {
                int scale = packed[g] & 63, minimum = packed[g + 4] & 63;
                if (g >= 4) {
                    scale = (packed[g + 4] & 15) | packed[g - 4] >> 6 << 4;
                    minimum = packed[g + 4] >> 4 | packed[g] >> 6 << 4;
                }
                __m512 step = _mm512_mul_ps(d, _mm512_set1_ps((float)scale));
                __m512 under = _mm512_mul_ps(least, _mm512_set1_ps((float)minimum));
                __m512 meanings = _mm512_sub_ps(_mm512_mul_ps(step, codes), under);
                __m512i table = (__m512i)_mm512_cvtne2ps_pbh(meanings, meanings);
                __m512i bytes = _mm512_broadcast_i64x4(
                    _mm256_loadu_si256((const void *)(block + 16 + g / 2 * 32)));
                __m512i index = _mm512_srlv_epi16(bytes, g % 2 == 0 ? low : high);
                _mm512_store_si512(to, _mm512_permutexvar_epi16(index, table));
            }
        }
    }
    clear_rows(rows, columns, panel);
}

/* Blocks of 256: 128 bytes of low halves, 64 bytes of two high bits each, sixteen scales of eight
 * bits, a half. Of the eight groups of 32 columns, 0 and 2 share the low halves' first 32 bytes, 1
 * and 3 the next; all four share 32 bytes of high bits. */
static void unpack_q6_k(const unsigned char *stored, size_t row_bytes, size_t rows, size_t columns,
                        void *panel)
{
    const __m256i nibble = _mm256_set1_epi8(15), two_bits = _mm256_set1_epi8(48);
    const __m256i zero = _mm256_set1_epi8(32);
    for (size_t r = 0; r < rows; r++) {
        const unsigned char *block = stored + r * row_bytes;
        unsigned char *to = (unsigned char *)panel + r * 64;
        for (size_t c = 0; c < columns; c += 256, block += 210) {
            __m512 d = broadcast_half(block + 208);
            for (size_t g = 0; g < 8; g++, to += TILE_BYTES) {
                size_t part = g / 4, k = g % 4;
                __m256i low = _mm256_loadu_si256((const void *)(block + 64 * part + 32 * (k % 2)));
                __m256i high = _mm256_loadu_si256((const void *)(block + 128 + 32 * part));
                low = _mm256_and_si256(_mm256_srli_epi16(low, k < 2 ? 0 : 4), nibble);
                high = k < 2 ? _mm256_slli_epi16(high, k == 0 ? 4 : 2)
                             : _mm256_srli_epi16(high, k == 2 ? 0 : 2);
                __m256i codes = _mm256_or_si256(low, _mm256_and_si256(high, two_bits));
                const unsigned char *scales = block + 192 + 8 * part + 2 * k;
                __m512 first = _mm512_mul_ps(d, _mm512_set1_ps((float)(int8_t)scales[0]));
                __m512 second = _mm512_mul_ps(d, _mm512_set1_ps((float)(int8_t)scales[1]));
                _mm512_store_si512(to, round_codes(_mm256_sub_epi8(codes, zero), first, second));
            }
        }
    }
    clear_rows(rows, columns, panel);
}

/* Nothing is rounded; the columns come into order. */
static void unpack_bf16(const unsigned char *stored, size_t row_bytes, size_t rows, size_t columns,
                        void *panel)
{
    const __m512i order = _mm512_loadu_si512(column_order);
    for (size_t r = 0; r < rows; r++) {
        const unsigned char *from = stored + r * row_bytes;
        unsigned char *to = (unsigned char *)panel + r * 64;
        for (size_t c = 0; c < columns; c += STEP, from += 64, to += TILE_BYTES) {
            size_t left = columns - c;
            __mmask32 mask = left < STEP ? ((__mmask32)1 << left) - 1 : 0xFFFFFFFF;
            __m512i values = _mm512_maskz_loadu_epi16(mask, from);
            _mm512_store_si512(to, _mm512_permutexvar_epi16(order, values));
        }
    }
    clear_rows(rows, columns, panel);
}

/* Columns in order, rounded. */
static void unpack_f16(const unsigned char *stored, size_t row_bytes, size_t rows, size_t columns,
                       void *panel)
{
    const __m512i order = _mm512_loadu_si512(column_order);
    for (size_t r = 0; r < rows; r++) {
        const unsigned char *from = stored + r * row_bytes;
        unsigned char *to = (unsigned char *)panel + r * 64;
        for (size_t c = 0; c < columns; c += STEP, from += 64, to += TILE_BYTES) {
            size_t left = columns - c;
            __mmask32 mask = left < STEP ? ((__mmask32)1 << left) - 1 : 0xFFFFFFFF;
            __m512i halves = _mm512_maskz_loadu_epi16(mask, from);
            __m512 low = _mm512_cvtph_ps(_mm512_castsi512_si256(halves));
            __m512 high = _mm512_cvtph_ps(_mm512_extracti64x4_epi64(halves, 1));
            _mm512_store_si512(
                to, _mm512_permutexvar_epi16(order, (__m512i)_mm512_cvtne2ps_pbh(high, low)));
        }
    }
    clear_rows(rows, columns, panel);
}

static void unpack_f32(const unsigned char *stored, size_t row_bytes, size_t rows, size_t columns,
                       void *panel)
{
    round_rows((const float *)(const void *)stored, row_bytes / sizeof(float), rows, columns,
               panel);
}

const struct gemm_set gemm_amx = {
    .name = "amx",
    .supported = cpu_has_amx,
    .token_bytes = sizeof(uint16_t) * GEMM_PART,
    .row_bytes = sizeof(uint16_t) * GEMM_PART,
    .piece_products = 405u * 1000 * 1000,
    .pack = pack,
    .round = round_rows,
    .unpack =
        {
            [QUANT_Q4_0] = unpack_q4_0,
            [QUANT_Q8_0] = unpack_q8_0,
            [QUANT_Q4_K] = unpack_q4_k,
            [QUANT_Q6_K] = unpack_q6_k,
            [QUANT_BF16] = unpack_bf16,
            [QUANT_F16] = unpack_f16,
            [QUANT_F32] = unpack_f32,
        },
    .multiply = multiply,
    .store = store,
};
