/* kernels_avx2: the kernels for x86 with AVX2, FMA and F16C. Compiled with those options on, so
 * nothing of this file may run before cpu_has_avx2 said yes.
 *
 * One register of eight lanes sums each pair of row and token: lane c modulo 8, c ascending, one
 * fused multiply-add a step; columns past the last multiple of eight come in as a masked step.
 * Every entry keeps to that order (see kernels.h). Speed comes from working on four rows or twelve
 * pairs at a time, whose chains of additions are independent.
 *
 * A block format is described by one function, unpack: 32 decoded values as four registers. The dot
 * and the decoder of the format are made from it, so they cannot disagree. The products follow the
 * order of the formulas in load/quant.h, and this file is compiled without contraction, because
 * d * s * q - m fused would round differently from the reference.
 */
#include "compute/kernels.h"

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#include "compute/cpu.h"
#include "compute/gemm.h"
#include "compute/row_kernels.h"
#include "compute/x86/told.h"

#define INLINE static inline __attribute__((always_inline))

enum { ROWS = 4, TOKENS = 3 };

/* A mask of the first `count` lanes, 1..7. */
INLINE __m256i first_lanes(size_t count)
{
    static const int32_t lanes[16] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};
    return _mm256_loadu_si256((const __m256i *)(const void *)(lanes + 8 - count));
}

INLINE float add_lanes(__m256 v)
{
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

/* --- many tokens against float32 rows --- */

INLINE void tile(const float *rows, size_t row_stride, size_t columns, const float *x,
                 size_t x_stride, float *out, size_t out_stride, const int row_count,
                 const int tokens)
{
    __m256 sum[ROWS][TOKENS];
    for (int r = 0; r < row_count; r++) {
        for (int t = 0; t < tokens; t++) {
            sum[r][t] = _mm256_setzero_ps();
        }
    }
    size_t whole = columns / 8 * 8;
    for (size_t c = 0; c < whole; c += 8) {
        __m256 xs[TOKENS];
        for (int t = 0; t < tokens; t++) {
            xs[t] = _mm256_loadu_ps(x + (size_t)t * x_stride + c);
        }
        for (int r = 0; r < row_count; r++) {
            __m256 row = _mm256_loadu_ps(rows + (size_t)r * row_stride + c);
            for (int t = 0; t < tokens; t++) {
                sum[r][t] = _mm256_fmadd_ps(row, xs[t], sum[r][t]);
            }
        }
    }
    if (whole < columns) {
        __m256i mask = first_lanes(columns - whole);
        for (int r = 0; r < row_count; r++) {
            __m256 row = _mm256_maskload_ps(rows + (size_t)r * row_stride + whole, mask);
            for (int t = 0; t < tokens; t++) {
                __m256 xt = _mm256_maskload_ps(x + (size_t)t * x_stride + whole, mask);
                sum[r][t] = _mm256_fmadd_ps(row, xt, sum[r][t]);
            }
        }
    }
    for (int r = 0; r < row_count; r++) {
        for (int t = 0; t < tokens; t++) {
            out[(size_t)t * out_stride + (size_t)r] = add_lanes(sum[r][t]);
        }
    }
}

#define DEFINE_TILE(R, T)                                                                      \
    static void tile_##R##_##T(const float *rows, size_t row_stride, size_t columns,           \
                               const float *x, size_t x_stride, float *out, size_t out_stride) \
    {                                                                                          \
        tile(rows, row_stride, columns, x, x_stride, out, out_stride, R, T);                   \
    }
#define DEFINE_TILES(R) DEFINE_TILE(R, 1) DEFINE_TILE(R, 2) DEFINE_TILE(R, 3)
DEFINE_TILES(1)
DEFINE_TILES(2)
DEFINE_TILES(3)
DEFINE_TILES(4)

static void panel(const float *rows, size_t row_stride, size_t row_count, size_t columns,
                  const float *x, size_t x_stride, size_t tokens, float *out, size_t out_stride)
{
    static void (*const tiles[ROWS][TOKENS])(const float *, size_t, size_t, const float *, size_t,
                                             float *, size_t) = {
        {tile_1_1, tile_1_2, tile_1_3},
        {tile_2_1, tile_2_2, tile_2_3},
        {tile_3_1, tile_3_2, tile_3_3},
        {tile_4_1, tile_4_2, tile_4_3},
    };
    /* Tokens outside: the few vectors of a tile stay in the nearest cache for all rows. */
    for (size_t t = 0; t < tokens; t += TOKENS) {
        size_t some_tokens = tokens - t < TOKENS ? tokens - t : TOKENS;
        for (size_t r = 0; r < row_count; r += ROWS) {
            size_t some_rows = row_count - r < ROWS ? row_count - r : ROWS;
            tiles[some_rows - 1][some_tokens - 1](rows + r * row_stride, row_stride, columns,
                                                  x + t * x_stride, x_stride,
                                                  out + t * out_stride + r, out_stride);
        }
    }
}

/* --- formats of single values: eight at a time, and a masked rest --- */

INLINE __m256 load_f32(const unsigned char *row, size_t c)
{
    return _mm256_loadu_ps((const float *)(const void *)row + c);
}

INLINE __m256 load_f16(const unsigned char *row, size_t c)
{
    return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)(row + 2 * c)));
}

INLINE __m256 load_bf16(const unsigned char *row, size_t c)
{
    __m128i halves = _mm_loadu_si128((const __m128i *)(const void *)(row + 2 * c));
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(halves), 16));
}

/* The rest of a row, `count` < 8 values, the other lanes zero: through memory, so that nothing
 * behind the row is read. */
INLINE __m256 load_rest(__m256 (*load)(const unsigned char *, size_t), const unsigned char *row,
                        size_t c, size_t count, size_t value_bytes)
{
    unsigned char padded[32] = {0};
    memcpy(padded, row + c * value_bytes, count * value_bytes);
    return load(padded, 0);
}

INLINE void dot_values(const unsigned char *rows, size_t row_bytes, size_t columns, const float *x,
                       float *out, const int row_count, const size_t value_bytes,
                       __m256 (*load)(const unsigned char *, size_t))
{
    __m256 sum[ROWS];
    for (int r = 0; r < row_count; r++) {
        sum[r] = _mm256_setzero_ps();
    }
    size_t whole = columns / 8 * 8;
    for (size_t c = 0; c < whole; c += 8) {
        __m256 xs = _mm256_loadu_ps(x + c);
        for (int r = 0; r < row_count; r++) {
            sum[r] = _mm256_fmadd_ps(load(rows + (size_t)r * row_bytes, c), xs, sum[r]);
        }
    }
    if (whole < columns) {
        size_t rest = columns - whole;
        __m256 xs = _mm256_maskload_ps(x + whole, first_lanes(rest));
        for (int r = 0; r < row_count; r++) {
            __m256 row = load_rest(load, rows + (size_t)r * row_bytes, whole, rest, value_bytes);
            sum[r] = _mm256_fmadd_ps(row, xs, sum[r]);
        }
    }
    for (int r = 0; r < row_count; r++) {
        out[r] = add_lanes(sum[r]);
    }
}

/* sum[c .. c + 8 * vectors) += scale[r] * rows, with the sums in registers. */
INLINE void accumulate_columns(const unsigned char *rows, size_t row_bytes, size_t row_count,
                               const float *scale, float *sum, size_t c, const int vectors,
                               __m256 (*load)(const unsigned char *, size_t))
{
    __m256 sums[8];
    for (int i = 0; i < vectors; i++) {
        sums[i] = _mm256_loadu_ps(sum + c + 8 * (size_t)i);
    }
    for (size_t r = 0; r < row_count; r++) {
        __m256 factor = _mm256_set1_ps(scale[r]);
        for (int i = 0; i < vectors; i++) {
            __m256 values = load(rows + r * row_bytes, c + 8 * (size_t)i);
            sums[i] = _mm256_fmadd_ps(factor, values, sums[i]);
        }
    }
    for (int i = 0; i < vectors; i++) {
        _mm256_storeu_ps(sum + c + 8 * (size_t)i, sums[i]);
    }
}

INLINE void accumulate_values(const unsigned char *rows, size_t row_bytes, size_t row_count,
                              size_t columns, const float *scale, float *sum,
                              const size_t value_bytes,
                              __m256 (*load)(const unsigned char *, size_t))
{
    size_t c = 0;
    for (; c + 64 <= columns; c += 64) {
        accumulate_columns(rows, row_bytes, row_count, scale, sum, c, 8, load);
    }
    for (; c + 8 <= columns; c += 8) {
        accumulate_columns(rows, row_bytes, row_count, scale, sum, c, 1, load);
    }
    if (c < columns) {
        __m256i mask = first_lanes(columns - c);
        __m256 rest = _mm256_maskload_ps(sum + c, mask);
        for (size_t r = 0; r < row_count; r++) {
            __m256 row = load_rest(load, rows + r * row_bytes, c, columns - c, value_bytes);
            rest = _mm256_fmadd_ps(_mm256_set1_ps(scale[r]), row, rest);
        }
        _mm256_maskstore_ps(sum + c, mask, rest);
        TOLD_STORED(sum + c, (columns - c) * sizeof *sum);
    }
}

#define DEFINE_VALUES(NAME, BYTES)                                                               \
    static void dot_##NAME(const unsigned char *rows, size_t row_bytes, size_t row_count,        \
                           size_t columns, const float *x, float *out)                           \
    {                                                                                            \
        size_t r = 0;                                                                            \
        for (; r + ROWS <= row_count; r += ROWS) {                                               \
            dot_values(rows + r * row_bytes, row_bytes, columns, x, out + r, ROWS, BYTES,        \
                       load_##NAME);                                                             \
        }                                                                                        \
        for (; r < row_count; r++) {                                                             \
            dot_values(rows + r * row_bytes, row_bytes, columns, x, out + r, 1, BYTES,           \
                       load_##NAME);                                                             \
        }                                                                                        \
    }                                                                                            \
    static void accumulate_##NAME(const unsigned char *rows, size_t row_bytes, size_t row_count, \
                                  size_t columns, const float *scale, float *sum)                \
    {                                                                                            \
        accumulate_values(rows, row_bytes, row_count, columns, scale, sum, BYTES, load_##NAME);  \
    }                                                                                            \
    static void decode_##NAME(const unsigned char *blocks, size_t count, float *values)          \
    {                                                                                            \
        size_t c = 0;                                                                            \
        for (; c + 8 <= count; c += 8) {                                                         \
            _mm256_storeu_ps(values + c, load_##NAME(blocks, c));                                \
        }                                                                                        \
        if (c < count) {                                                                         \
            __m256 rest = load_rest(load_##NAME, blocks, c, count - c, BYTES);                   \
            _mm256_maskstore_ps(values + c, first_lanes(count - c), rest);                       \
            TOLD_STORED(values + c, (count - c) * sizeof *values);                               \
        }                                                                                        \
    }
DEFINE_VALUES(f32, 4)
DEFINE_VALUES(f16, 2)
DEFINE_VALUES(bf16, 2)

/* --- block formats: unpack makes values 32 * part .. 32 * part + 31 of a block --- */

INLINE __m256 scale_at(const unsigned char *half)
{
    uint16_t bits;
    memcpy(&bits, half, sizeof bits);
    return _mm256_set1_ps(_cvtsh_ss(bits));
}

INLINE __m128i load_16(const unsigned char *bytes)
{
    return _mm_loadu_si128((const __m128i *)(const void *)bytes);
}

INLINE __m256i load_32(const unsigned char *bytes)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)bytes);
}

/* Sixteen signed bytes times a scale, as two registers. */
INLINE void scale_codes(__m128i codes, __m256 scale, __m256 values[2])
{
    __m256 low = _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(codes));
    __m256 high = _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_srli_si128(codes, 8)));
    values[0] = _mm256_mul_ps(scale, low);
    values[1] = _mm256_mul_ps(scale, high);
}

INLINE void unpack_q4_0(const unsigned char *block, size_t part, __m256 values[4])
{
    (void)part;
    const __m128i nibble = _mm_set1_epi8(15), eight = _mm_set1_epi8(8);
    __m256 scale = scale_at(block);
    __m128i codes = load_16(block + 2);
    __m128i low = _mm_and_si128(codes, nibble);
    __m128i high = _mm_and_si128(_mm_srli_epi16(codes, 4), nibble);
    scale_codes(_mm_sub_epi8(low, eight), scale, values);
    scale_codes(_mm_sub_epi8(high, eight), scale, values + 2);
}

INLINE void unpack_q8_0(const unsigned char *block, size_t part, __m256 values[4])
{
    (void)part;
    __m256 scale = scale_at(block);
    scale_codes(load_16(block + 2), scale, values);
    scale_codes(load_16(block + 18), scale, values + 2);
}

/* Bytes: low nibbles 128, upper bits 64, scales 16, d 2. Part 4h + k is group k of half h. */
INLINE void unpack_q6_k(const unsigned char *block, size_t part, __m256 values[4])
{
    size_t half = part / 4, group = part % 4;
    const unsigned char *low = block + 64 * half + 32 * (group % 2);
    const unsigned char *upper = block + 128 + 32 * half;
    const int8_t *scales = (const int8_t *)(block + 192) + 8 * half + 2 * group;
    __m256i nibbles = load_32(low);
    nibbles = group < 2 ? nibbles : _mm256_srli_epi16(nibbles, 4);
    nibbles = _mm256_and_si256(nibbles, _mm256_set1_epi8(15));
    __m256i bits = _mm256_srl_epi16(load_32(upper), _mm_cvtsi32_si128((int)(2 * group)));
    bits = _mm256_slli_epi16(_mm256_and_si256(bits, _mm256_set1_epi8(3)), 4);
    __m256i codes = _mm256_sub_epi8(_mm256_or_si256(nibbles, bits), _mm256_set1_epi8(32));
    __m256 d = scale_at(block + 208);
    __m256 first = _mm256_mul_ps(d, _mm256_set1_ps((float)scales[0]));
    __m256 second = _mm256_mul_ps(d, _mm256_set1_ps((float)scales[1]));
    scale_codes(_mm256_castsi256_si128(codes), first, values);
    scale_codes(_mm256_extracti128_si256(codes, 1), second, values + 2);
}

/* The 6-bit scale and minimum of group g in the 12 bytes that Q4_K and Q5_K share. */
INLINE void scale_and_minimum(const unsigned char *packed, size_t g, float *scale, float *minimum)
{
    if (g < 4) {
        *scale = (float)(packed[g] & 63);
        *minimum = (float)(packed[g + 4] & 63);
    } else {
        *scale = (float)((packed[g + 4] & 15) | (packed[g - 4] >> 6) << 4);
        *minimum = (float)((packed[g + 4] >> 4) | (packed[g] >> 6) << 4);
    }
}

/* 32 codes of group g, times d * scale, less dmin * minimum. */
INLINE void unpack_k(const unsigned char *block, size_t group, __m256i codes, __m256 values[4])
{
    float s, m;
    scale_and_minimum(block + 4, group, &s, &m);
    __m256 scale = _mm256_mul_ps(scale_at(block), _mm256_set1_ps(s));
    __m256 minimum = _mm256_mul_ps(scale_at(block + 2), _mm256_set1_ps(m));
    scale_codes(_mm256_castsi256_si128(codes), scale, values);
    scale_codes(_mm256_extracti128_si256(codes, 1), scale, values + 2);
    for (int i = 0; i < 4; i++) {
        values[i] = _mm256_sub_ps(values[i], minimum);
    }
}

INLINE __m256i nibbles_k(const unsigned char *codes, size_t group)
{
    __m256i bytes = load_32(codes + 32 * (group / 2));
    bytes = group % 2 == 0 ? bytes : _mm256_srli_epi16(bytes, 4);
    return _mm256_and_si256(bytes, _mm256_set1_epi8(15));
}

/* Bytes: d 2, dmin 2, scales 12, nibbles 128. */
INLINE void unpack_q4_k(const unsigned char *block, size_t part, __m256 values[4])
{
    unpack_k(block, part, nibbles_k(block + 16, part), values);
}

/* Bytes: d 2, dmin 2, scales 12, fifth bits 32, nibbles 128. */
INLINE void unpack_q5_k(const unsigned char *block, size_t part, __m256 values[4])
{
    __m256i fifth = _mm256_srl_epi16(load_32(block + 16), _mm_cvtsi32_si128((int)part));
    fifth = _mm256_slli_epi16(_mm256_and_si256(fifth, _mm256_set1_epi8(1)), 4);
    unpack_k(block, part, _mm256_or_si256(nibbles_k(block + 48, part), fifth), values);
}

INLINE void dot_blocks(const unsigned char *rows, size_t row_bytes, size_t columns, const float *x,
                       float *out, const int row_count, const size_t block_bytes,
                       const size_t parts, void (*unpack)(const unsigned char *, size_t, __m256 *))
{
    __m256 sum[ROWS];
    for (int r = 0; r < row_count; r++) {
        sum[r] = _mm256_setzero_ps();
    }
    for (size_t block = 0; block < columns / (32 * parts); block++) {
        for (size_t part = 0; part < parts; part++, x += 32) {
            for (int r = 0; r < row_count; r++) {
                __m256 values[4];
                const unsigned char *at = rows + (size_t)r * row_bytes + block * block_bytes;
                /* The same place of the rows that come next: a row is too short for the machine's
                 * own prefetching to get going. An address past the end does no harm. */
                uintptr_t next = (uintptr_t)at + (size_t)row_count * row_bytes;
                _mm_prefetch((const char *)(next + part * block_bytes / parts), _MM_HINT_T0);
                unpack(at, part, values);
                for (size_t i = 0; i < 4; i++) {
                    sum[r] = _mm256_fmadd_ps(values[i], _mm256_loadu_ps(x + 8 * i), sum[r]);
                }
            }
        }
    }
    for (int r = 0; r < row_count; r++) {
        out[r] = add_lanes(sum[r]);
    }
}

#define DEFINE_BLOCKS(NAME, BYTES, PARTS)                                                        \
    static void dot_##NAME(const unsigned char *rows, size_t row_bytes, size_t row_count,        \
                           size_t columns, const float *x, float *out)                           \
    {                                                                                            \
        size_t r = 0;                                                                            \
        for (; r + ROWS <= row_count; r += ROWS) {                                               \
            dot_blocks(rows + r * row_bytes, row_bytes, columns, x, out + r, ROWS, BYTES, PARTS, \
                       unpack_##NAME);                                                           \
        }                                                                                        \
        for (; r < row_count; r++) {                                                             \
            dot_blocks(rows + r * row_bytes, row_bytes, columns, x, out + r, 1, BYTES, PARTS,    \
                       unpack_##NAME);                                                           \
        }                                                                                        \
    }                                                                                            \
    static void decode_##NAME(const unsigned char *blocks, size_t count, float *values)          \
    {                                                                                            \
        for (size_t block = 0; block < count; block++) {                                         \
            for (size_t part = 0; part < (PARTS); part++, values += 32) {                        \
                __m256 unpacked[4];                                                              \
                unpack_##NAME(blocks + block * (BYTES), part, unpacked);                         \
                for (size_t i = 0; i < 4; i++) {                                                 \
                    _mm256_storeu_ps(values + 8 * i, unpacked[i]);                               \
                }                                                                                \
            }                                                                                    \
        }                                                                                        \
    }
DEFINE_BLOCKS(q4_0, 18, 1)
DEFINE_BLOCKS(q8_0, 34, 1)
DEFINE_BLOCKS(q4_k, 144, 8)
DEFINE_BLOCKS(q5_k, 176, 8)
DEFINE_BLOCKS(q6_k, 210, 8)

static void accumulate_q8_0(const unsigned char *rows, size_t row_bytes, size_t row_count,
                            size_t columns, const float *scale, float *sum)
{
    for (size_t r = 0; r < row_count; r++) {
        __m256 factor = _mm256_set1_ps(scale[r]);
        for (size_t block = 0; block < columns / 32; block++) {
            __m256 values[4];
            unpack_q8_0(rows + r * row_bytes + block * 34, 0, values);
            for (size_t i = 0; i < 4; i++) {
                float *at = sum + 32 * block + 8 * i;
                __m256 more = _mm256_fmadd_ps(factor, values[i], _mm256_loadu_ps(at));
                _mm256_storeu_ps(at, more);
            }
        }
    }
}

const struct kernels kernels_avx2 = {
    .name = "avx2",
    .supported = cpu_has_avx2,
    .gemm = {&gemm_avx_vnni, &gemm_avx2},
    .panel = panel,
    .row = &row_kernels_avx2,
    .rows =
        {
            [QUANT_F32] = {dot_f32, accumulate_f32, decode_f32},
            [QUANT_F16] = {dot_f16, accumulate_f16, decode_f16},
            [QUANT_BF16] = {dot_bf16, accumulate_bf16, decode_bf16},
            [QUANT_Q4_0] = {dot_q4_0, NULL, decode_q4_0},
            [QUANT_Q8_0] = {dot_q8_0, accumulate_q8_0, decode_q8_0},
            [QUANT_Q4_K] = {dot_q4_k, NULL, decode_q4_k},
            [QUANT_Q5_K] = {dot_q5_k, NULL, decode_q5_k},
            [QUANT_Q6_K] = {dot_q6_k, NULL, decode_q6_k},
        },
};
