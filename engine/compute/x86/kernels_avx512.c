/* kernels_avx512: the kernels for x86 with AVX-512 (F, BW, DQ and VL). Compiled with those options
 * on, so nothing of this file may run before cpu_has_avx512 said yes.
 *
 * One register of sixteen lanes sums each pair of row and token: lane c modulo 16, c ascending, one
 * fused multiply-add a step; columns past the last multiple of sixteen come in as a masked step.
 * Every entry keeps to that order (see kernels.h). Speed comes from working on four rows, or four
 * rows and six tokens, at a time, whose chains of additions are independent.
 *
 * A block format is described by two functions. scales makes the float32 factors of a block, for
 * all rows that are done together, in memory: from there a factor costs no more than an operand of
 * a multiplication. unpack makes 32 decoded values as two registers. The dot and the decoder of the
 * format are made from them, so they cannot disagree. Codes of four bits are not converted: they
 * choose from a register with the sixteen values that a code can mean under that scale. This file
 * is compiled without contraction, because d * s * q - m fused would round differently from the
 * reference in load/quant.h.
 */
#include "compute/kernels.h"

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#include "compute/cpu.h"
#include "compute/gemm.h"
#include "compute/mutual.h"
#include "compute/row_kernels.h"

#define INLINE static inline __attribute__((always_inline))

enum { LANES = 16, ROWS = 4, TOKENS = 6 };

/* How far ahead of a product stored values are fetched, and the bytes that come at once. */
enum { AHEAD = 1024, LINE = 64 };

/* A mask of the first `count` lanes, 0..15. */
INLINE __mmask16 first_lanes(size_t count)
{
    return (__mmask16)((1u << count) - 1);
}

INLINE float add_lanes(__m512 v)
{
    __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

/* --- many tokens against float32 rows --- */

/* Long rows are done in parts of so many columns, whose sums wait in memory: the tokens' part then
 * stays in the nearest cache while all rows go by. PANEL_TILES: tiles of rows that share it. */
enum { PART_COLUMNS = 1024, PANEL_TILES = 4 };

struct tile_sums {
    __m512 at[ROWS][TOKENS];
};

/* Adds columns 0 .. columns - 1, a multiple of the lanes, of a tile to its sums. */
INLINE void tile(const float *rows, size_t row_stride, size_t columns, const float *x,
                 size_t x_stride, struct tile_sums *sums, const int row_count, const int tokens)
{
    __m512 sum[ROWS][TOKENS];
    for (int r = 0; r < row_count; r++) {
        for (int t = 0; t < tokens; t++) {
            sum[r][t] = sums->at[r][t];
        }
    }
    for (size_t c = 0; c < columns; c += LANES) {
        __m512 xs[TOKENS];
        for (int t = 0; t < tokens; t++) {
            xs[t] = _mm512_loadu_ps(x + (size_t)t * x_stride + c);
        }
        for (int r = 0; r < row_count; r++) {
            __m512 row = _mm512_loadu_ps(rows + (size_t)r * row_stride + c);
            for (int t = 0; t < tokens; t++) {
                sum[r][t] = _mm512_fmadd_ps(row, xs[t], sum[r][t]);
            }
        }
    }
    for (int r = 0; r < row_count; r++) {
        for (int t = 0; t < tokens; t++) {
            sums->at[r][t] = sum[r][t];
        }
    }
}

#define DEFINE_TILE(R, T)                                                               \
    static void tile_##R##_##T(const float *rows, size_t row_stride, size_t columns,    \
                               const float *x, size_t x_stride, struct tile_sums *sums) \
    {                                                                                   \
        tile(rows, row_stride, columns, x, x_stride, sums, R, T);                       \
    }
#define DEFINE_TILES(R) \
    DEFINE_TILE(R, 1)   \
    DEFINE_TILE(R, 2) DEFINE_TILE(R, 3) DEFINE_TILE(R, 4) DEFINE_TILE(R, 5) DEFINE_TILE(R, 6)
DEFINE_TILES(1)
DEFINE_TILES(2)
DEFINE_TILES(3)
DEFINE_TILES(4)

static void (*const tiles[ROWS][TOKENS])(const float *, size_t, size_t, const float *, size_t,
                                         struct tile_sums *) = {
    {tile_1_1, tile_1_2, tile_1_3, tile_1_4, tile_1_5, tile_1_6},
    {tile_2_1, tile_2_2, tile_2_3, tile_2_4, tile_2_5, tile_2_6},
    {tile_3_1, tile_3_2, tile_3_3, tile_3_4, tile_3_5, tile_3_6},
    {tile_4_1, tile_4_2, tile_4_3, tile_4_4, tile_4_5, tile_4_6},
};

/* The columns past the last whole register, 1..15, and the sum of the lanes. */
INLINE float finish_sum(__m512 sum, const float *row, const float *x, size_t columns)
{
    if (columns > 0) {
        __mmask16 mask = first_lanes(columns);
        sum =
            _mm512_fmadd_ps(_mm512_maskz_loadu_ps(mask, row), _mm512_maskz_loadu_ps(mask, x), sum);
    }
    return add_lanes(sum);
}

/* At most PANEL_TILES * ROWS rows against at most TOKENS tokens. */
static void few_rows(const float *rows, size_t row_stride, size_t row_count, size_t columns,
                     const float *x, size_t x_stride, size_t tokens, float *out, size_t out_stride)
{
    struct tile_sums sums[PANEL_TILES];
    memset(sums, 0, (row_count + ROWS - 1) / ROWS * sizeof sums[0]);
    size_t whole = columns / LANES * LANES;
    for (size_t from = 0; from < whole; from += PART_COLUMNS) {
        size_t part = whole - from < PART_COLUMNS ? whole - from : PART_COLUMNS;
        for (size_t r = 0; r < row_count; r += ROWS) {
            size_t some_rows = row_count - r < ROWS ? row_count - r : ROWS;
            tiles[some_rows - 1][tokens - 1](rows + r * row_stride + from, row_stride, part,
                                             x + from, x_stride, &sums[r / ROWS]);
        }
    }
    for (size_t r = 0; r < row_count; r++) {
        for (size_t t = 0; t < tokens; t++) {
            out[t * out_stride + r] =
                finish_sum(sums[r / ROWS].at[r % ROWS][t], rows + r * row_stride + whole,
                           x + t * x_stride + whole, columns - whole);
        }
    }
}

static void panel(const float *rows, size_t row_stride, size_t row_count, size_t columns,
                  const float *x, size_t x_stride, size_t tokens, float *out, size_t out_stride)
{
    const size_t most_rows = (size_t)PANEL_TILES * ROWS;
    for (size_t t = 0; t < tokens; t += TOKENS) {
        size_t some_tokens = tokens - t < TOKENS ? tokens - t : TOKENS;
        for (size_t r = 0; r < row_count; r += most_rows) {
            size_t some_rows = row_count - r < most_rows ? row_count - r : most_rows;
            few_rows(rows + r * row_stride, row_stride, some_rows, columns, x + t * x_stride,
                     x_stride, some_tokens, out + t * out_stride + r, out_stride);
        }
    }
}

/* --- formats of single values: sixteen at a time, and a masked rest --- */

/* Sixteen values, of which the lanes outside `mask` are zero and are not read. */
INLINE __m512 load_f32(const unsigned char *row, size_t c, __mmask16 mask)
{
    return _mm512_maskz_loadu_ps(mask, row + 4 * c);
}

INLINE __m512 load_f16(const unsigned char *row, size_t c, __mmask16 mask)
{
    return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(mask, row + 2 * c));
}

INLINE __m512 load_bf16(const unsigned char *row, size_t c, __mmask16 mask)
{
    __m256i halves = _mm256_maskz_loadu_epi16(mask, row + 2 * c);
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16));
}

static const __mmask16 all_lanes = 0xFFFF;

/* Rows that lie `apart` bytes from each other. */
INLINE void dot_values(const unsigned char *rows, size_t apart, size_t columns, const float *x,
                       float *out, size_t out_apart, const int row_count, const size_t value_bytes,
                       __m512 (*load)(const unsigned char *, size_t, __mmask16))
{
    __m512 sum[ROWS];
    for (int r = 0; r < row_count; r++) {
        sum[r] = _mm512_setzero_ps();
    }
    size_t whole = columns / LANES * LANES;
    for (size_t c = 0; c < whole; c += LANES) {
        __m512 xs = _mm512_loadu_ps(x + c);
        for (int r = 0; r < row_count; r++) {
            const unsigned char *row = rows + (size_t)r * apart;
            if (c * value_bytes % LINE == 0) {
                _mm_prefetch((const char *)row + c * value_bytes + AHEAD, _MM_HINT_T0);
            }
            sum[r] = _mm512_fmadd_ps(load(row, c, all_lanes), xs, sum[r]);
        }
    }
    if (whole < columns) {
        __mmask16 mask = first_lanes(columns - whole);
        __m512 xs = _mm512_maskz_loadu_ps(mask, x + whole);
        for (int r = 0; r < row_count; r++) {
            __m512 row = load(rows + (size_t)r * apart, whole, mask);
            sum[r] = _mm512_fmadd_ps(row, xs, sum[r]);
        }
    }
    for (int r = 0; r < row_count; r++) {
        out[(size_t)r * out_apart] = add_lanes(sum[r]);
    }
}

/* sum[c .. c + 16 * vectors) += scale[r] * rows, with the sums in registers. */
INLINE void accumulate_columns(const unsigned char *rows, size_t row_bytes, size_t row_count,
                               const float *scale, float *sum, size_t c, const int vectors,
                               __mmask16 mask,
                               __m512 (*load)(const unsigned char *, size_t, __mmask16))
{
    __m512 sums[8];
    for (int i = 0; i < vectors; i++) {
        sums[i] = _mm512_maskz_loadu_ps(mask, sum + c + LANES * (size_t)i);
    }
    for (size_t r = 0; r < row_count; r++) {
        __m512 factor = _mm512_set1_ps(scale[r]);
        for (int i = 0; i < vectors; i++) {
            __m512 values = load(rows + r * row_bytes, c + LANES * (size_t)i, mask);
            sums[i] = _mm512_fmadd_ps(factor, values, sums[i]);
        }
    }
    for (int i = 0; i < vectors; i++) {
        _mm512_mask_storeu_ps(sum + c + LANES * (size_t)i, mask, sums[i]);
    }
}

INLINE void accumulate_values(const unsigned char *rows, size_t row_bytes, size_t row_count,
                              size_t columns, const float *scale, float *sum,
                              __m512 (*load)(const unsigned char *, size_t, __mmask16))
{
    size_t c = 0;
    for (; c + 128 <= columns; c += 128) {
        accumulate_columns(rows, row_bytes, row_count, scale, sum, c, 8, all_lanes, load);
    }
    for (; c + LANES <= columns; c += LANES) {
        accumulate_columns(rows, row_bytes, row_count, scale, sum, c, 1, all_lanes, load);
    }
    if (c < columns) {
        accumulate_columns(rows, row_bytes, row_count, scale, sum, c, 1, first_lanes(columns - c),
                           load);
    }
}

/* ROWS rows at once lie far from each other, as in int8_avx512.c: each is a stream for the
 * machine's own prefetching. */
#define DEFINE_VALUES(NAME, BYTES)                                                                \
    static void dot_##NAME(const unsigned char *rows, size_t row_bytes, size_t row_count,         \
                           size_t columns, const float *x, float *out)                            \
    {                                                                                             \
        size_t share = row_count / ROWS, r;                                                       \
        for (r = 0; r < share; r++) {                                                             \
            dot_values(rows + r * row_bytes, share * row_bytes, columns, x, out + r, share, ROWS, \
                       BYTES, load_##NAME);                                                       \
        }                                                                                         \
        for (r = share * ROWS; r < row_count; r++) {                                              \
            dot_values(rows + r * row_bytes, 0, columns, x, out + r, 0, 1, BYTES, load_##NAME);   \
        }                                                                                         \
    }                                                                                             \
    static void accumulate_##NAME(const unsigned char *rows, size_t row_bytes, size_t row_count,  \
                                  size_t columns, const float *scale, float *sum)                 \
    {                                                                                             \
        accumulate_values(rows, row_bytes, row_count, columns, scale, sum, load_##NAME);          \
    }                                                                                             \
    static void decode_##NAME(const unsigned char *blocks, size_t count, float *values)           \
    {                                                                                             \
        size_t c = 0;                                                                             \
        for (; c + LANES <= count; c += LANES) {                                                  \
            _mm512_storeu_ps(values + c, load_##NAME(blocks, c, all_lanes));                      \
        }                                                                                         \
        if (c < count) {                                                                          \
            __mmask16 mask = first_lanes(count - c);                                              \
            _mm512_mask_storeu_ps(values + c, mask, load_##NAME(blocks, c, mask));                \
        }                                                                                         \
    }
DEFINE_VALUES(f32, 4)
DEFINE_VALUES(f16, 2)
DEFINE_VALUES(bf16, 2)

/* --- block formats: their scales --- */

/* The factors of one block in up to ROWS rows. What each means is the format's affair. */
struct scales {
    __attribute__((aligned(64))) float row[ROWS][LANES];
};

INLINE uint64_t read_half(const unsigned char *bytes)
{
    uint16_t half;
    memcpy(&half, bytes, sizeof half);
    return half;
}

/* row[r][0] = the half at byte 0 of each row's block. One conversion for all rows. */
INLINE void scales_half(const unsigned char *blocks, size_t row_bytes, const int row_count,
                        struct scales *scales)
{
    uint64_t halves = 0;
    for (int r = 0; r < row_count; r++) {
        halves |= read_half(blocks + (size_t)r * row_bytes) << 16 * r;
    }
    _mm_store_ps(scales->row[0], _mm_cvtph_ps(_mm_cvtsi64_si128((long long)halves)));
}

INLINE __m256 broadcast_half(const unsigned char *half)
{
    return _mm256_set1_ps(_cvtsh_ss((unsigned short)read_half(half)));
}

/* row[r][i] = d * scale of group i, row[r][i + 8] = dmin * minimum of group i, which Q4_K and Q5_K
 * store alike: halves d and dmin, then 6-bit numbers in 12 bytes. Of groups 4..7 the low four bits
 * lie in the last four bytes, the upper two above those of groups 0..3. */
INLINE void scales_k(const unsigned char *blocks, size_t row_bytes, const int row_count,
                     struct scales *scales)
{
    for (int r = 0; r < row_count; r++) {
        const unsigned char *block = blocks + (size_t)r * row_bytes;
        uint32_t word[3];
        memcpy(word, block + 4, sizeof word);
        uint64_t upper_scales = (word[2] & 0x0F0F0F0F) | (word[0] >> 2 & 0x30303030);
        uint64_t upper_minima = (word[2] >> 4 & 0x0F0F0F0F) | (word[1] >> 2 & 0x30303030);
        uint64_t all_scales = (word[0] & 0x3F3F3F3F) | upper_scales << 32;
        uint64_t all_minima = (word[1] & 0x3F3F3F3F) | upper_minima << 32;
        __m128i bytes = _mm_set_epi64x((long long)all_minima, (long long)all_scales);
        __m512 d = _mm512_insertf32x8(_mm512_castps256_ps512(broadcast_half(block)),
                                      broadcast_half(block + 2), 1);
        __m512 numbers = _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(bytes));
        _mm512_store_ps(scales->row[r], _mm512_mul_ps(d, numbers));
    }
}

INLINE __m128i load_16(const unsigned char *bytes)
{
    return _mm_loadu_si128((const __m128i *)(const void *)bytes);
}

INLINE __m256i load_32(const unsigned char *bytes)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)bytes);
}

/* row[r][i] = d * scale i, of 16 values each. */
INLINE void scales_q6_k(const unsigned char *blocks, size_t row_bytes, const int row_count,
                        struct scales *scales)
{
    for (int r = 0; r < row_count; r++) {
        const unsigned char *block = blocks + (size_t)r * row_bytes;
        __m512 d = _mm512_set1_ps(_cvtsh_ss((unsigned short)read_half(block + 208)));
        __m512 numbers = _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(load_16(block + 192)));
        _mm512_store_ps(scales->row[r], _mm512_mul_ps(d, numbers));
    }
}

/* --- block formats: unpack makes values 32 * part .. 32 * part + 31 of row r's block --- */

/* Q4_0 and Q8_0 take their scale as row[0][r], see scales_half. */
INLINE void unpack_q4_0(const unsigned char *block, size_t part, const struct scales *scales, int r,
                        __m512 values[2])
{
    (void)part;
    const __m512 codes = _mm512_setr_ps(-8, -7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7);
    __m512 meanings = _mm512_mul_ps(_mm512_set1_ps(scales->row[0][r]), codes);
    __m512i bytes = _mm512_cvtepu8_epi32(load_16(block + 2));
    values[0] = _mm512_permutexvar_ps(bytes, meanings);
    values[1] = _mm512_permutexvar_ps(_mm512_srli_epi32(bytes, 4), meanings);
}

/* Sixteen signed bytes times a scale. */
INLINE __m512 scale_codes(__m128i codes, float scale)
{
    return _mm512_mul_ps(_mm512_set1_ps(scale), _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(codes)));
}

INLINE void unpack_q8_0(const unsigned char *block, size_t part, const struct scales *scales, int r,
                        __m512 values[2])
{
    (void)part;
    values[0] = scale_codes(load_16(block + 2), scales->row[0][r]);
    values[1] = scale_codes(load_16(block + 18), scales->row[0][r]);
}

/* Bytes: d 2, dmin 2, scales 12, nibbles 128: of 32 bytes first the low, then the high ones. */
INLINE void unpack_q4_k(const unsigned char *block, size_t part, const struct scales *scales, int r,
                        __m512 values[2])
{
    const __m512 codes = _mm512_setr_ps(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const float *factors = scales->row[r];
    __m512 meanings = _mm512_mul_ps(_mm512_set1_ps(factors[part]), codes);
    meanings = _mm512_sub_ps(meanings, _mm512_set1_ps(factors[part + 8]));
    const unsigned char *bytes = block + 16 + 32 * (part / 2);
    __m128i shift = _mm_cvtsi32_si128((int)(4 * (part % 2)));
    __m512i low = _mm512_srl_epi32(_mm512_cvtepu8_epi32(load_16(bytes)), shift);
    __m512i high = _mm512_srl_epi32(_mm512_cvtepu8_epi32(load_16(bytes + 16)), shift);
    values[0] = _mm512_permutexvar_ps(low, meanings);
    values[1] = _mm512_permutexvar_ps(high, meanings);
}

/* Bytes: d 2, dmin 2, scales 12, fifth bits 32, nibbles 128. */
INLINE void unpack_q5_k(const unsigned char *block, size_t part, const struct scales *scales, int r,
                        __m512 values[2])
{
    __m256i nibbles = _mm256_srl_epi16(load_32(block + 48 + 32 * (part / 2)),
                                       _mm_cvtsi32_si128((int)(4 * (part % 2))));
    nibbles = _mm256_and_si256(nibbles, _mm256_set1_epi8(15));
    __m256i fifth = _mm256_srl_epi16(load_32(block + 16), _mm_cvtsi32_si128((int)part));
    fifth = _mm256_slli_epi16(_mm256_and_si256(fifth, _mm256_set1_epi8(1)), 4);
    __m256i codes = _mm256_or_si256(nibbles, fifth);
    const float *factors = scales->row[r];
    __m512 minimum = _mm512_set1_ps(factors[part + 8]);
    values[0] = scale_codes(_mm256_castsi256_si128(codes), factors[part]);
    values[1] = scale_codes(_mm256_extracti128_si256(codes, 1), factors[part]);
    values[0] = _mm512_sub_ps(values[0], minimum);
    values[1] = _mm512_sub_ps(values[1], minimum);
}

/* Bytes: low nibbles 128, upper bits 64, scales 16, d 2. Part 4h + k is group k of half h. */
INLINE void unpack_q6_k(const unsigned char *block, size_t part, const struct scales *scales, int r,
                        __m512 values[2])
{
    size_t half = part / 4, group = part % 4;
    const unsigned char *low = block + 64 * half + 32 * (group % 2);
    __m256i nibbles = _mm256_srl_epi16(load_32(low), _mm_cvtsi32_si128((int)(4 * (group / 2))));
    nibbles = _mm256_and_si256(nibbles, _mm256_set1_epi8(15));
    __m256i bits = load_32(block + 128 + 32 * half);
    bits = _mm256_srl_epi16(bits, _mm_cvtsi32_si128((int)(2 * group)));
    bits = _mm256_slli_epi16(_mm256_and_si256(bits, _mm256_set1_epi8(3)), 4);
    __m256i codes = _mm256_sub_epi8(_mm256_or_si256(nibbles, bits), _mm256_set1_epi8(32));
    const float *factors = scales->row[r] + 2 * part;
    values[0] = scale_codes(_mm256_castsi256_si128(codes), factors[0]);
    values[1] = scale_codes(_mm256_extracti128_si256(codes, 1), factors[1]);
}

/* --- block formats: dot and decode --- */

INLINE void
dot_blocks(const unsigned char *rows, size_t row_bytes, size_t columns, const float *x, float *out,
           const int row_count, const size_t block_bytes, const size_t parts,
           void (*make)(const unsigned char *, size_t, int, struct scales *),
           void (*unpack)(const unsigned char *, size_t, const struct scales *, int, __m512 *))
{
    struct scales scales;
    __m512 sum[ROWS];
    for (int r = 0; r < row_count; r++) {
        sum[r] = _mm512_setzero_ps();
    }
    for (size_t block = 0; block < columns / (32 * parts); block++) {
        const unsigned char *blocks = rows + block * block_bytes;
        make(blocks, row_bytes, row_count, &scales);
        for (size_t part = 0; part < parts; part++, x += 32) {
            __m512 x0 = _mm512_loadu_ps(x), x1 = _mm512_loadu_ps(x + LANES);
            for (int r = 0; r < row_count; r++) {
                __m512 values[2];
                const unsigned char *at = blocks + (size_t)r * row_bytes;
                /* The same place of the rows that come next: a row is too short for the machine's
                 * own prefetching to get going. An address past the end does no harm. */
                uintptr_t next = (uintptr_t)at + (size_t)row_count * row_bytes;
                _mm_prefetch((const char *)(next + part * block_bytes / parts), _MM_HINT_T0);
                unpack(at, part, &scales, r, values);
                sum[r] = _mm512_fmadd_ps(values[0], x0, sum[r]);
                sum[r] = _mm512_fmadd_ps(values[1], x1, sum[r]);
            }
        }
    }
    for (int r = 0; r < row_count; r++) {
        out[r] = add_lanes(sum[r]);
    }
}

#define DEFINE_BLOCKS(NAME, BYTES, PARTS, MAKE)                                                  \
    static void dot_##NAME(const unsigned char *rows, size_t row_bytes, size_t row_count,        \
                           size_t columns, const float *x, float *out)                           \
    {                                                                                            \
        size_t r = 0;                                                                            \
        for (; r + ROWS <= row_count; r += ROWS) {                                               \
            dot_blocks(rows + r * row_bytes, row_bytes, columns, x, out + r, ROWS, BYTES, PARTS, \
                       MAKE, unpack_##NAME);                                                     \
        }                                                                                        \
        for (; r < row_count; r++) {                                                             \
            dot_blocks(rows + r * row_bytes, row_bytes, columns, x, out + r, 1, BYTES, PARTS,    \
                       MAKE, unpack_##NAME);                                                     \
        }                                                                                        \
    }                                                                                            \
    static void decode_##NAME(const unsigned char *blocks, size_t count, float *values)          \
    {                                                                                            \
        struct scales scales;                                                                    \
        for (size_t block = 0; block < count; block++, blocks += (BYTES)) {                      \
            MAKE(blocks, 0, 1, &scales);                                                         \
            for (size_t part = 0; part < (PARTS); part++, values += 32) {                        \
                __m512 unpacked[2];                                                              \
                unpack_##NAME(blocks, part, &scales, 0, unpacked);                               \
                _mm512_storeu_ps(values, unpacked[0]);                                           \
                _mm512_storeu_ps(values + LANES, unpacked[1]);                                   \
            }                                                                                    \
        }                                                                                        \
    }
DEFINE_BLOCKS(q4_0, 18, 1, scales_half)
DEFINE_BLOCKS(q8_0, 34, 1, scales_half)
DEFINE_BLOCKS(q4_k, 144, 8, scales_k)
DEFINE_BLOCKS(q5_k, 176, 8, scales_k)
DEFINE_BLOCKS(q6_k, 210, 8, scales_q6_k)

/* Both sets: they differ in what they do with many tokens in fast arithmetic. */
#define ENTRIES                                                  \
    .panel = panel, .row = &row_kernels_avx512,                  \
    .rows = {                                                    \
        [QUANT_F32] = {dot_f32, accumulate_f32, decode_f32},     \
        [QUANT_F16] = {dot_f16, accumulate_f16, decode_f16},     \
        [QUANT_BF16] = {dot_bf16, accumulate_bf16, decode_bf16}, \
        [QUANT_Q4_0] = {dot_q4_0, NULL, decode_q4_0},            \
        [QUANT_Q8_0] = {dot_q8_0, NULL, decode_q8_0},            \
        [QUANT_Q4_K] = {dot_q4_k, NULL, decode_q4_k},            \
        [QUANT_Q5_K] = {dot_q5_k, NULL, decode_q5_k},            \
        [QUANT_Q6_K] = {dot_q6_k, NULL, decode_q6_k},            \
    }

const struct kernels kernels_avx512 = {
    .name = "avx512",
    .supported = cpu_has_avx512,
    .gemm = {&gemm_avx512, &gemm_avx2},
    ENTRIES,
};

const struct kernels kernels_amx = {
    .name = "amx",
    .supported = cpu_has_amx,
    .gemm = {&gemm_amx},
    .mutual = &mutual_amx,
    ENTRIES,
};
