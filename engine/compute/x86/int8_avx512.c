/* int8_avx512: products in whole numbers for x86 with AVX-512 and its VNNI instructions. Compiled
 * with those options on, so nothing of this file may run before cpu_has_avx512_vnni said yes.
 *
 * One register holds 64 codes: a half of each block of a quad (compute/int8.h), so that the sixteen
 * sums of a multiplication are four for each block and one register of scales fits them. vpdpbusd
 * multiplies unsigned by signed bytes. Codes of symmetric formats are therefore moved up until zero
 * is 128 (4-bit codes times 16, 6-bit codes times 4), and the multiplication starts from the
 * offsets of the activations, which take the 128 back without a further instruction; the power of
 * two is taken back at the end of a row.
 *
 * The order of a row's float32 sum: sixteen lanes, quad after quad, one fused multiply-add each,
 * then the lanes by halves.
 */
#include "compute/int8.h"

#include <immintrin.h>
#include <string.h>

#include "compute/cpu.h"

#define INLINE static inline __attribute__((always_inline))

/* Tokens that share one unpacking; their sums and the codes stay in registers. */
enum { TILE = 8 };

/* Rows that are done together, far from each other: each is a stream of its own for the prefetching
 * of the processor, which looks only some lines ahead in each. One stream reaches two thirds of
 * what memory gives; four reach all of it, but with many tokens there are no registers for them. */
enum { STREAMS = 4, STREAMS_OF_MANY = 2, FEW = 4 };

/* How far ahead of the multiplication rows are fetched: the processor does not look beyond a page
 * by itself. */
enum { AHEAD = 1024, LINE = 64 };

enum kind {
    ONE_STEP,     /* codes with zero at 128 */
    TWO_STEPS,    /* the same, and the halves of a block have steps of their own */
    WITH_MINIMUM, /* codes from 0, and a minimum */
};

struct unpacked {
    __m512i codes[2];
    __m512 step[2];
    __m512 minimum; /* divided by 128, as the activations' offsets are their sums times -128 */
};

struct format {
    void (*unpack)(const unsigned char *row, size_t quad, struct unpacked *unpacked);
    enum kind kind;
    size_t block_bytes; /* of 32 values; or, of a format with blocks of 256, an eighth */
    float factor;       /* at the end of a row */
    bool large;         /* blocks of 256: a row has no part of a quad */
};

/* --- unpacking --- */

/* Four numbers, each in the four lanes of its block. */
INLINE __m512 spread(__m512 four)
{
    const __m512i lanes = _mm512_set_epi32(3, 3, 3, 3, 2, 2, 2, 2, 1, 1, 1, 1, 0, 0, 0, 0);
    return _mm512_permutexvar_ps(lanes, four);
}

INLINE __m512 halves(const unsigned char *blocks, size_t block_bytes)
{
    uint64_t four = 0;
    for (size_t b = 0; b < 4; b++) {
        uint16_t half;
        memcpy(&half, blocks + b * block_bytes, sizeof half);
        four |= (uint64_t)half << 16 * b;
    }
    return spread(_mm512_castps128_ps512(_mm_cvtph_ps(_mm_cvtsi64_si128((long long)four))));
}

/* The same from one register, for blocks that are so short that the halves lie within 64 bytes.
 * `between`: from one half to the next, in halves. */
INLINE __m512 near_halves(const unsigned char *blocks, short first, short between)
{
    short a = first, b = (short)(a + between), c = (short)(b + between), d = (short)(c + between);
    __m512i places = _mm512_set_epi16(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, d, d, d, d, c,
                                      c, c, c, b, b, b, b, a, a, a, a);
    __m512i found = _mm512_permutexvar_epi16(places, _mm512_loadu_si512(blocks));
    return _mm512_cvtph_ps(_mm512_castsi512_si256(found));
}

/* Sixteen bytes of each of four blocks. */
INLINE __m512i sixteens(const unsigned char *blocks, size_t block_bytes)
{
    __m512i bytes = _mm512_castsi128_si512(_mm_loadu_si128((const void *)blocks));
    bytes = _mm512_inserti32x4(bytes, _mm_loadu_si128((const void *)(blocks + block_bytes)), 1);
    bytes = _mm512_inserti32x4(bytes, _mm_loadu_si128((const void *)(blocks + 2 * block_bytes)), 2);
    return _mm512_inserti32x4(bytes, _mm_loadu_si128((const void *)(blocks + 3 * block_bytes)), 3);
}

INLINE __m512i and_bytes(__m512i bytes, unsigned char mask)
{
    return _mm512_and_si512(bytes, _mm512_set1_epi8((char)mask));
}

/* The fifth bits of half `half` of each block's values, from a word in each block. */
INLINE __mmask64 fifth_bits(const unsigned char *words, size_t block_bytes, size_t half)
{
    uint64_t bits = 0;
    for (size_t b = 0; b < 4; b++) {
        uint16_t part;
        memcpy(&part, words + b * block_bytes + 2 * half, sizeof part);
        bits |= (uint64_t)part << 16 * b;
    }
    return bits;
}

INLINE void unpack_q4_0(const unsigned char *row, size_t quad, struct unpacked *u)
{
    const unsigned char *blocks = row + quad * 4 * 18;
    __m512i bytes = sixteens(blocks + 2, 18);
    u->codes[0] = and_bytes(_mm512_slli_epi16(bytes, 4), 0xF0);
    u->codes[1] = and_bytes(bytes, 0xF0);
    u->step[0] = near_halves(blocks, 0, 9);
}

INLINE void unpack_q4_1(const unsigned char *row, size_t quad, struct unpacked *u)
{
    const unsigned char *blocks = row + quad * 4 * 20;
    __m512i bytes = sixteens(blocks + 4, 20);
    u->codes[0] = and_bytes(bytes, 0x0F);
    u->codes[1] = and_bytes(_mm512_srli_epi16(bytes, 4), 0x0F);
    u->step[0] = near_halves(blocks, 0, 10);
    u->minimum = _mm512_mul_ps(near_halves(blocks, 1, 10), _mm512_set1_ps(-1.0f / 128));
}

INLINE void unpack_q5_0(const unsigned char *row, size_t quad, struct unpacked *u)
{
    const unsigned char *blocks = row + quad * 4 * 22;
    const __m512i zero = _mm512_setzero_si512(), high = _mm512_set1_epi8((char)0x80);
    __m512i bytes = sixteens(blocks + 6, 22);
    __m512i first = and_bytes(_mm512_slli_epi16(bytes, 3), 0x78);
    __m512i second = and_bytes(_mm512_srli_epi16(bytes, 1), 0x78);
    u->codes[0] =
        _mm512_or_si512(first, _mm512_mask_mov_epi8(zero, fifth_bits(blocks + 2, 22, 0), high));
    u->codes[1] =
        _mm512_or_si512(second, _mm512_mask_mov_epi8(zero, fifth_bits(blocks + 2, 22, 1), high));
    u->step[0] = halves(blocks, 22);
}

INLINE void unpack_q5_1(const unsigned char *row, size_t quad, struct unpacked *u)
{
    const unsigned char *blocks = row + quad * 4 * 24;
    const __m512i zero = _mm512_setzero_si512(), high = _mm512_set1_epi8(0x10);
    __m512i bytes = sixteens(blocks + 8, 24);
    __m512i first = and_bytes(bytes, 0x0F);
    __m512i second = and_bytes(_mm512_srli_epi16(bytes, 4), 0x0F);
    u->codes[0] =
        _mm512_or_si512(first, _mm512_mask_mov_epi8(zero, fifth_bits(blocks + 4, 24, 0), high));
    u->codes[1] =
        _mm512_or_si512(second, _mm512_mask_mov_epi8(zero, fifth_bits(blocks + 4, 24, 1), high));
    u->step[0] = halves(blocks, 24);
    u->minimum = _mm512_mul_ps(halves(blocks + 2, 24), _mm512_set1_ps(-1.0f / 128));
}

INLINE __m512i two_blocks(const unsigned char *first, const unsigned char *second)
{
    __m256i low = _mm256_loadu_si256((const void *)first);
    return _mm512_inserti64x4(_mm512_castsi256_si512(low), _mm256_loadu_si256((const void *)second),
                              1);
}

INLINE void unpack_q8_0(const unsigned char *row, size_t quad, struct unpacked *u)
{
    const unsigned char *blocks = row + quad * 4 * 34;
    const __m512i sign = _mm512_set1_epi8((char)0x80);
    __m512i low = two_blocks(blocks + 2, blocks + 36);
    __m512i high = two_blocks(blocks + 70, blocks + 104);
    u->codes[0] = _mm512_xor_si512(_mm512_shuffle_i64x2(low, high, 0x88), sign);
    u->codes[1] = _mm512_xor_si512(_mm512_shuffle_i64x2(low, high, 0xDD), sign);
    u->step[0] = halves(blocks, 34);
}

/* d times the scales and dmin times the minima of half of a block of 256, which Q4_K and Q5_K store
 * alike: halves d and dmin, then 6-bit numbers in 12 bytes. Of groups 4..7 the low four bits lie in
 * the last four bytes, the upper two above those of groups 0..3. */
INLINE void steps_k(const unsigned char *block, size_t half, struct unpacked *u)
{
    uint32_t word[3], d;
    memcpy(&d, block, sizeof d);
    memcpy(word, block + 4, sizeof word);
    uint32_t scales = word[0] & 0x3F3F3F3F, minima = word[1] & 0x3F3F3F3F;
    if (half == 1) {
        scales = (word[2] & 0x0F0F0F0F) | (word[0] >> 2 & 0x30303030);
        minima = (word[2] >> 4 & 0x0F0F0F0F) | (word[1] >> 2 & 0x30303030);
    }
    __m128 both = _mm_cvtph_ps(_mm_cvtsi32_si128((int)d));
    __m128i bytes = _mm_cvtsi64_si128((long long)((uint64_t)minima << 32 | scales));
    __m256 numbers = _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(bytes));
    __m128 steps = _mm_mul_ps(_mm256_castps256_ps128(numbers), _mm_broadcastss_ps(both));
    __m128 least = _mm_mul_ps(_mm256_extractf128_ps(numbers, 1),
                              _mm_mul_ps(_mm_permute_ps(both, 0x55), _mm_set1_ps(1.0f / 128)));
    u->step[0] = spread(_mm512_castps128_ps512(steps));
    u->minimum = spread(_mm512_castps128_ps512(least));
}

/* 64 bytes of nibbles of four groups: 32 bytes hold two groups, the even one in the low nibbles. */
INLINE void nibbles_k(const unsigned char *nibbles, struct unpacked *u)
{
    const __m512i shifts = _mm512_set_epi32(4, 4, 4, 4, 0, 0, 0, 0, 4, 4, 4, 4, 0, 0, 0, 0);
    __m512i bytes = _mm512_loadu_si512(nibbles);
    __m512i first = _mm512_shuffle_i64x2(bytes, bytes, 0xA0);
    __m512i second = _mm512_shuffle_i64x2(bytes, bytes, 0xF5);
    u->codes[0] = and_bytes(_mm512_srlv_epi32(first, shifts), 0x0F);
    u->codes[1] = and_bytes(_mm512_srlv_epi32(second, shifts), 0x0F);
}

INLINE __m512i four_times(const unsigned char *sixteen)
{
    return _mm512_broadcast_i32x4(_mm_loadu_si128((const void *)sixteen));
}

INLINE void unpack_q4_k(const unsigned char *row, size_t quad, struct unpacked *u)
{
    const unsigned char *block = row + quad / 2 * 144;
    nibbles_k(block + 16 + 64 * (quad % 2), u);
    steps_k(block, quad % 2, u);
}

INLINE void unpack_q5_k(const unsigned char *row, size_t quad, struct unpacked *u)
{
    const unsigned char *block = row + quad / 2 * 176;
    nibbles_k(block + 48 + 64 * (quad % 2), u);
    steps_k(block, quad % 2, u);
    /* Bit g of a byte to bit 4: to the left by 4 - g, around in the whole register's part. */
    const __m512i lower = _mm512_set_epi32(1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4);
    __m512i turns = _mm512_sub_epi32(lower, _mm512_set1_epi32(4 * (int)(quad % 2)));
    for (size_t h = 0; h < 2; h++) {
        __m512i high = _mm512_rolv_epi32(four_times(block + 16 + 16 * h), turns);
        u->codes[h] = _mm512_or_si512(u->codes[h], and_bytes(high, 0x10));
    }
}

INLINE void unpack_q6_k(const unsigned char *row, size_t quad, struct unpacked *u)
{
    const unsigned char *block = row + quad / 2 * 210;
    size_t part = quad % 2;
    /* Four low bits to bits 2..5, two high bits to 6 and 7. */
    const __m512i low_turns =
        _mm512_set_epi32(30, 30, 30, 30, 30, 30, 30, 30, 2, 2, 2, 2, 2, 2, 2, 2);
    const __m512i high_turns = _mm512_set_epi32(0, 0, 0, 0, 2, 2, 2, 2, 4, 4, 4, 4, 6, 6, 6, 6);
    __m512i nibbles = _mm512_loadu_si512(block + 64 * part);
    __m512i low[2] = {_mm512_shuffle_i64x2(nibbles, nibbles, 0x88),
                      _mm512_shuffle_i64x2(nibbles, nibbles, 0xDD)};
    for (size_t h = 0; h < 2; h++) {
        __m512i bits = and_bytes(_mm512_rolv_epi32(low[h], low_turns), 0x3C);
        __m512i high = four_times(block + 128 + 32 * part + 16 * h);
        high = and_bytes(_mm512_rolv_epi32(high, high_turns), 0xC0);
        u->codes[h] = _mm512_or_si512(bits, high);
    }
    uint16_t d;
    uint64_t scales;
    memcpy(&d, block + 208, sizeof d);
    memcpy(&scales, block + 192 + 8 * part, sizeof scales);
    __m256 eight = _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_cvtsi64_si128((long long)scales)));
    eight = _mm256_mul_ps(eight, _mm256_broadcastss_ps(_mm_cvtph_ps(_mm_cvtsi32_si128(d))));
    const __m512i even = _mm512_set_epi32(6, 6, 6, 6, 4, 4, 4, 4, 2, 2, 2, 2, 0, 0, 0, 0);
    const __m512i odd = _mm512_or_si512(even, _mm512_set1_epi32(1));
    u->step[0] = _mm512_permutexvar_ps(even, _mm512_castps256_ps512(eight));
    u->step[1] = _mm512_permutexvar_ps(odd, _mm512_castps256_ps512(eight));
}

/* --- multiplying --- */

INLINE __m512 add_quad(__m512 sum, const struct unpacked *u, const struct int8_quad *x,
                       const enum kind kind)
{
    const __m512i first = _mm512_load_si512(x->codes[0]), second = _mm512_load_si512(x->codes[1]);
    const __m512 scale = _mm512_load_ps(x->scale);
    if (kind == TWO_STEPS) {
        __m512i a = _mm512_dpbusd_epi32(_mm512_load_si512(x->half_offset[0]), u->codes[0], first);
        __m512i b = _mm512_dpbusd_epi32(_mm512_load_si512(x->half_offset[1]), u->codes[1], second);
        __m512 both = _mm512_mul_ps(_mm512_cvtepi32_ps(a), u->step[0]);
        both = _mm512_fmadd_ps(_mm512_cvtepi32_ps(b), u->step[1], both);
        return _mm512_fmadd_ps(both, scale, sum);
    }
    __m512i offset = _mm512_load_si512(x->offset);
    __m512i start = kind == WITH_MINIMUM ? _mm512_setzero_si512() : offset;
    __m512i codes = _mm512_dpbusd_epi32(start, u->codes[0], first);
    __m512 products = _mm512_cvtepi32_ps(_mm512_dpbusd_epi32(codes, u->codes[1], second));
    if (kind == ONE_STEP) {
        return _mm512_fmadd_ps(products, _mm512_mul_ps(u->step[0], scale), sum);
    }
    __m512 both = _mm512_mul_ps(products, u->step[0]);
    both = _mm512_fmadd_ps(_mm512_cvtepi32_ps(offset), u->minimum, both);
    return _mm512_fmadd_ps(both, scale, sum);
}

INLINE float add_lanes(__m512 v)
{
    __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

/* `rows` rows that lie `apart` bytes from each other, against `tokens` tokens. */
INLINE void tile(const unsigned char *row, size_t apart, size_t columns, const struct int8_quad *x,
                 float *out, size_t out_apart, size_t out_stride, const struct format format,
                 const size_t rows, const size_t tokens)
{
    const size_t quads = int8_quads(columns), whole = columns / INT8_QUAD;
    const size_t quad_bytes = 4 * format.block_bytes;
    __m512 sums[STREAMS][TILE];
    struct unpacked unpacked;
    for (size_t r = 0; r < rows; r++) {
        for (size_t t = 0; t < tokens; t++) {
            sums[r][t] = _mm512_setzero_ps();
        }
    }
    for (size_t q = 0; q < whole; q++) {
        for (size_t r = 0; r < rows; r++) {
            const unsigned char *at = row + r * apart;
            for (size_t line = 0; line < quad_bytes; line += LINE) {
                _mm_prefetch((const char *)at + q * quad_bytes + line + AHEAD, _MM_HINT_T0);
            }
            format.unpack(at, q, &unpacked);
            for (size_t t = 0; t < tokens; t++) {
                sums[r][t] = add_quad(sums[r][t], &unpacked, &x[t * quads + q], format.kind);
            }
        }
    }
    for (size_t r = 0; r < rows && !format.large && whole < quads; r++) {
        /* Blocks behind the end are zero: their steps, and their activations. */
        unsigned char rest[4 * 34] = {0};
        size_t blocks = columns / INT8_BLOCK - 4 * whole;
        memcpy(rest, row + r * apart + whole * quad_bytes, blocks * format.block_bytes);
        format.unpack(rest, 0, &unpacked);
        for (size_t t = 0; t < tokens; t++) {
            sums[r][t] = add_quad(sums[r][t], &unpacked, &x[t * quads + whole], format.kind);
        }
    }
    for (size_t r = 0; r < rows; r++) {
        for (size_t t = 0; t < tokens; t++) {
            out[t * out_stride + r * out_apart] = add_lanes(sums[r][t]) * format.factor;
        }
    }
}

/* At most TILE tokens. The rows are shared among the streams; the rest of them are done alone. */
INLINE void few_tokens(const unsigned char *rows, size_t row_bytes, size_t row_count,
                       size_t columns, const struct int8_quad *x, float *out, size_t out_stride,
                       const struct format format, const size_t streams, const size_t tokens)
{
    size_t share = row_count / streams;
    for (size_t r = 0; r < share; r++) {
        tile(rows + r * row_bytes, share * row_bytes, columns, x, out + r, share, out_stride,
             format, streams, tokens);
    }
    for (size_t r = share * streams; r < row_count; r++) {
        tile(rows + r * row_bytes, 0, columns, x, out + r, 0, out_stride, format, 1, tokens);
    }
}

#define CASE(TOKENS)                                                                         \
    case TOKENS:                                                                             \
        few_tokens(rows, row_bytes, row_count, columns, x + t * quads, out + t * out_stride, \
                   out_stride, format, TOKENS <= FEW ? STREAMS : STREAMS_OF_MANY, TOKENS);   \
        break;

#define DEFINE_FORMAT(NAME, KIND, BLOCK_BYTES, FACTOR, LARGE)                                  \
    static void multiply_##NAME(const unsigned char *rows, size_t row_bytes, size_t row_count, \
                                size_t columns, const struct int8_quad *x, size_t tokens,      \
                                float *out, size_t out_stride)                                 \
    {                                                                                          \
        const struct format format = {unpack_##NAME, KIND, BLOCK_BYTES, FACTOR, LARGE};        \
        size_t quads = int8_quads(columns);                                                    \
        for (size_t t = 0; t < tokens; t += TILE) {                                            \
            switch (tokens - t < TILE ? tokens - t : TILE) {                                   \
                CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7) CASE(8)                \
            }                                                                                  \
        }                                                                                      \
    }
DEFINE_FORMAT(q4_0, ONE_STEP, 18, 1.0f / 16, false)
DEFINE_FORMAT(q4_1, WITH_MINIMUM, 20, 1.0f, false)
DEFINE_FORMAT(q5_0, ONE_STEP, 22, 1.0f / 8, false)
DEFINE_FORMAT(q5_1, WITH_MINIMUM, 24, 1.0f, false)
DEFINE_FORMAT(q8_0, ONE_STEP, 34, 1.0f, false)
DEFINE_FORMAT(q4_k, WITH_MINIMUM, 18, 1.0f, true)
DEFINE_FORMAT(q5_k, WITH_MINIMUM, 22, 1.0f, true)
DEFINE_FORMAT(q6_k, TWO_STEPS, 26, 1.0f / 4, true)

const struct int8_kernels int8_avx512 = {
    .name = "avx512-vnni",
    .family = "avx512",
    .supported = cpu_has_avx512_vnni,
    .quantise = int8_quantise_avx2,
    .multiply =
        {
            [QUANT_Q4_0] = multiply_q4_0,
            [QUANT_Q4_1] = multiply_q4_1,
            [QUANT_Q5_0] = multiply_q5_0,
            [QUANT_Q5_1] = multiply_q5_1,
            [QUANT_Q8_0] = multiply_q8_0,
            [QUANT_Q4_K] = multiply_q4_k,
            [QUANT_Q5_K] = multiply_q5_k,
            [QUANT_Q6_K] = multiply_q6_k,
        },
};
