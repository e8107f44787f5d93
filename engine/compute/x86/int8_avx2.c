/* int8_avx2: products in whole numbers for x86 with AVX2. Compiled twice: for AVX2 and FMA alone,
 * and with AVX-VNNI besides. Nothing of either may run before the set's `supported` said yes.
 *
 * A register holds the halves of two blocks, so a quad (compute/int8.h) is done in two parts; else
 * this is what int8_avx512.c does. The difference between the two builds is one function,
 * add_products. Without VNNI it has maddubs, which sums pairs in 16 bits and saturates: so codes
 * are never moved up here, and the signed bytes of Q8_0 go in as magnitudes, with their signs given
 * to the activations: 2 * 128 * 127 is the largest pair, and fits. Both builds compute the same
 * integers and the same order of float32 sums, hence the same bits.
 *
 * The order of a row's float32 sum: eight lanes, half a quad after the other, one fused
 * multiply-add each, then the lanes by halves.
 */
#include "compute/int8.h"

#include <immintrin.h>
#include <math.h>
#include <string.h>

#include "compute/cpu.h"

#define INLINE static inline __attribute__((always_inline))

/* Tokens that share one unpacking; rows that are done together, far from each other, as streams of
 * their own for the processor's prefetching (see int8_avx512.c); how far ahead they are fetched. */
enum { TILE = 4, STREAMS = 4, STREAMS_OF_MANY = 1, FEW = 2, AHEAD = 1024, LINE = 64 };

enum kind {
    ONE_STEP,     /* unsigned codes whose zero lies at 2^k: offsets are moved down by 7 - k */
    TWO_STEPS,    /* the same, and the halves of a block have steps of their own */
    WITH_MINIMUM, /* codes from 0, and a minimum */
    SIGNED,       /* Q8_0 */
};

struct unpacked {
    __m256i codes[2];
    __m256 step[2];
    __m256 minimum; /* divided by 128, as the activations' offsets are their sums times -128 */
};

struct format {
    /* blocks 2 part and 2 part + 1 of a quad */
    void (*unpack)(const unsigned char *row, size_t quad, int part, struct unpacked *unpacked);
    enum kind kind;
    int zero;           /* log2 of the code that means zero */
    size_t block_bytes; /* of 32 values; or, of a format with blocks of 256, an eighth */
    bool large;         /* blocks of 256: a row has no part of a quad */
};

/* sum + the products of unsigned and signed bytes, four to a lane. Pairs stay below 2^15. */
INLINE __m256i add_products(__m256i sum, __m256i codes, __m256i x)
{
#if defined(__AVXVNNI__)
    return _mm256_dpbusd_avx_epi32(sum, codes, x);
#else
    __m256i pairs = _mm256_maddubs_epi16(codes, x);
    return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
#endif
}

/* --- activations: once for both builds and for AVX-512 --- */

#if !defined(__AVXVNNI__)

/* -128 times the sums of fours. */
INLINE __m128i offsets(__m128i codes)
{
    __m128i pairs = _mm_maddubs_epi16(_mm_set1_epi8(1), codes);
    return _mm_madd_epi16(pairs, _mm_set1_epi16(-128));
}

INLINE void quantise_block(const float *x, struct int8_quad *quad, size_t block)
{
    const uint32_t least = 0x03800000u /* 2^-120 */, infinity = 0x7F800000u;
    const __m256i magnitude = _mm256_set1_epi32(0x7FFFFFFF);
    __m256 values[4];
    __m256i greatest = _mm256_setzero_si256();
    for (size_t i = 0; i < 4; i++) {
        values[i] = _mm256_loadu_ps(x + 8 * i);
        /* As integers, so that a NaN is the greatest of all. */
        greatest =
            _mm256_max_epi32(greatest, _mm256_and_si256(_mm256_castps_si256(values[i]), magnitude));
    }
    __m128i four =
        _mm_max_epi32(_mm256_castsi256_si128(greatest), _mm256_extracti128_si256(greatest, 1));
    four = _mm_max_epi32(four, _mm_shuffle_epi32(four, 0x4E));
    four = _mm_max_epi32(four, _mm_shuffle_epi32(four, 0xB1));
    uint32_t bits = (uint32_t)_mm_cvtsi128_si32(four);
    float top, scale = 0, inverse = 0;
    memcpy(&top, &bits, sizeof top);
    if (bits >= infinity) {
        scale = NAN;
    } else if (bits >= least) {
        scale = top / 127.0f;
        inverse = 127.0f / top;
    }
    __m256i whole[4];
    for (size_t i = 0; i < 4; i++) {
        __m256 scaled = _mm256_mul_ps(values[i], _mm256_set1_ps(inverse));
        whole[i] = inverse != 0 ? _mm256_cvtps_epi32(scaled) : _mm256_setzero_si256();
    }
    __m256i low = _mm256_packs_epi32(whole[0], whole[1]);
    __m256i high = _mm256_packs_epi32(whole[2], whole[3]);
    const __m256i order = _mm256_set_epi32(7, 3, 6, 2, 5, 1, 4, 0);
    __m256i codes = _mm256_permutevar8x32_epi32(_mm256_packs_epi16(low, high), order);
    __m128i first = _mm256_castsi256_si128(codes), second = _mm256_extracti128_si256(codes, 1);
    _mm_store_si128((void *)(quad->codes[0] + 16 * block), first);
    _mm_store_si128((void *)(quad->codes[1] + 16 * block), second);
    __m128i of_first = offsets(first), of_second = offsets(second);
    _mm_store_si128((void *)(quad->half_offset[0] + 4 * block), of_first);
    _mm_store_si128((void *)(quad->half_offset[1] + 4 * block), of_second);
    _mm_store_si128((void *)(quad->offset + 4 * block), _mm_add_epi32(of_first, of_second));
    _mm_store_ps(quad->scale + 4 * block, _mm_set1_ps(scale));
}

void int8_quantise_avx2(const float *x, size_t columns, struct int8_quad *quads)
{
    if (columns % INT8_QUAD != 0) {
        memset(&quads[columns / INT8_QUAD], 0, sizeof *quads);
    }
    for (size_t c = 0; c < columns; c += INT8_BLOCK) {
        quantise_block(x + c, &quads[c / INT8_QUAD], c % INT8_QUAD / INT8_BLOCK);
    }
}

#endif

/* --- unpacking --- */

/* Two numbers, each in the four lanes of its block. */
INLINE __m256 spread(float first, float second)
{
    return _mm256_set_m128(_mm_set1_ps(second), _mm_set1_ps(first));
}

INLINE float half_at(const unsigned char *bytes)
{
    uint16_t half;
    memcpy(&half, bytes, sizeof half);
    return _cvtsh_ss(half);
}

INLINE __m256 halves(const unsigned char *blocks, size_t block_bytes)
{
    return spread(half_at(blocks), half_at(blocks + block_bytes));
}

INLINE __m256i sixteens(const unsigned char *first, const unsigned char *second)
{
    __m128i low = _mm_loadu_si128((const void *)first);
    return _mm256_inserti128_si256(_mm256_castsi128_si256(low),
                                   _mm_loadu_si128((const void *)second), 1);
}

INLINE __m256i and_bytes(__m256i bytes, char mask)
{
    return _mm256_and_si256(bytes, _mm256_set1_epi8(mask));
}

INLINE void nibbles(__m256i bytes, struct unpacked *u)
{
    u->codes[0] = and_bytes(bytes, 0x0F);
    u->codes[1] = and_bytes(_mm256_srli_epi16(bytes, 4), 0x0F);
}

/* 16 where a bit of the half's sixteen is set, byte by byte. `words`: one for each block. */
INLINE __m256i fifth_bits(const unsigned char *words, size_t block_bytes, size_t half)
{
    const __m256i place = _mm256_set_epi64x(0x0101010101010101, 0, 0x0101010101010101, 0);
    const __m256i bit = _mm256_set1_epi64x((long long)0x8040201008040201);
    uint16_t first, second;
    memcpy(&first, words + 2 * half, sizeof first);
    memcpy(&second, words + block_bytes + 2 * half, sizeof second);
    __m256i bits = _mm256_set_m128i(_mm_set1_epi16((short)second), _mm_set1_epi16((short)first));
    bits = _mm256_and_si256(_mm256_shuffle_epi8(bits, place), bit);
    return and_bytes(_mm256_cmpeq_epi8(bits, bit), 16);
}

INLINE void unpack_q4_0(const unsigned char *row, size_t quad, int part, struct unpacked *u)
{
    const unsigned char *blocks = row + (4 * quad + 2 * (size_t)part) * 18;
    nibbles(sixteens(blocks + 2, blocks + 20), u);
    u->step[0] = halves(blocks, 18);
}

INLINE void unpack_q4_1(const unsigned char *row, size_t quad, int part, struct unpacked *u)
{
    const unsigned char *blocks = row + (4 * quad + 2 * (size_t)part) * 20;
    nibbles(sixteens(blocks + 4, blocks + 24), u);
    u->step[0] = halves(blocks, 20);
    u->minimum = _mm256_mul_ps(halves(blocks + 2, 20), _mm256_set1_ps(-1.0f / 128));
}

INLINE void unpack_q5_0(const unsigned char *row, size_t quad, int part, struct unpacked *u)
{
    const unsigned char *blocks = row + (4 * quad + 2 * (size_t)part) * 22;
    nibbles(sixteens(blocks + 6, blocks + 28), u);
    u->codes[0] = _mm256_or_si256(u->codes[0], fifth_bits(blocks + 2, 22, 0));
    u->codes[1] = _mm256_or_si256(u->codes[1], fifth_bits(blocks + 2, 22, 1));
    u->step[0] = halves(blocks, 22);
}

INLINE void unpack_q5_1(const unsigned char *row, size_t quad, int part, struct unpacked *u)
{
    const unsigned char *blocks = row + (4 * quad + 2 * (size_t)part) * 24;
    nibbles(sixteens(blocks + 8, blocks + 32), u);
    u->codes[0] = _mm256_or_si256(u->codes[0], fifth_bits(blocks + 4, 24, 0));
    u->codes[1] = _mm256_or_si256(u->codes[1], fifth_bits(blocks + 4, 24, 1));
    u->step[0] = halves(blocks, 24);
    u->minimum = _mm256_mul_ps(halves(blocks + 2, 24), _mm256_set1_ps(-1.0f / 128));
}

INLINE void unpack_q8_0(const unsigned char *row, size_t quad, int part, struct unpacked *u)
{
    const unsigned char *blocks = row + (4 * quad + 2 * (size_t)part) * 34;
    u->codes[0] = sixteens(blocks + 2, blocks + 36);
    u->codes[1] = sixteens(blocks + 18, blocks + 52);
    u->step[0] = halves(blocks, 34);
}

/* Q4_K and Q5_K: groups 2 p and 2 p + 1, p = 0..3, have their nibbles in the same 32 bytes; their
 * 6-bit scales and minima lie in 12 bytes, as int8.c reads them. */
INLINE void unpack_k(const unsigned char *block, const unsigned char *bytes, size_t p,
                     struct unpacked *u)
{
    const __m256i shifts = _mm256_set_epi64x(4, 4, 0, 0);
    for (size_t h = 0; h < 2; h++) {
        __m128i shared = _mm_loadu_si128((const void *)(bytes + 32 * p + 16 * h));
        u->codes[h] =
            and_bytes(_mm256_srlv_epi64(_mm256_broadcastsi128_si256(shared), shifts), 0x0F);
    }
    uint32_t word[3];
    memcpy(word, block + 4, sizeof word);
    uint32_t scales = word[0], minima = word[1];
    if (p >= 2) {
        scales = (word[2] & 0x0F0F0F0F) | (word[0] >> 2 & 0x30303030);
        minima = (word[2] >> 4 & 0x0F0F0F0F) | (word[1] >> 2 & 0x30303030);
    }
    scales = scales >> 16 * (p % 2) & 0x3F3F;
    minima = minima >> 16 * (p % 2) & 0x3F3F;
    float d = half_at(block), least = half_at(block + 2) * (1.0f / 128);
    u->step[0] = spread(d * (float)(scales & 255), d * (float)(scales >> 8));
    u->minimum = spread(least * (float)(minima & 255), least * (float)(minima >> 8));
}

INLINE void unpack_q4_k(const unsigned char *row, size_t quad, int part, struct unpacked *u)
{
    const unsigned char *block = row + quad / 2 * 144;
    unpack_k(block, block + 16, quad % 2 * 2 + (size_t)part, u);
}

INLINE void unpack_q5_k(const unsigned char *row, size_t quad, int part, struct unpacked *u)
{
    const unsigned char *block = row + quad / 2 * 176;
    size_t p = quad % 2 * 2 + (size_t)part;
    unpack_k(block, block + 48, p, u);
    const __m256i shifts = _mm256_set_epi64x(1, 1, 0, 0);
    for (size_t h = 0; h < 2; h++) {
        __m128i high = _mm_loadu_si128((const void *)(block + 16 + 16 * h));
        high = _mm_srl_epi64(high, _mm_cvtsi32_si128((int)(2 * p)));
        __m256i bits = _mm256_srlv_epi64(_mm256_broadcastsi128_si256(high), shifts);
        bits = _mm256_slli_epi16(and_bytes(bits, 1), 4);
        u->codes[h] = _mm256_or_si256(u->codes[h], bits);
    }
}

INLINE void unpack_q6_k(const unsigned char *row, size_t quad, int part, struct unpacked *u)
{
    const unsigned char *block = row + quad / 2 * 210;
    const unsigned char *low = block + 64 * (quad % 2), *high = block + 128 + 32 * (quad % 2);
    const __m256i left = _mm256_set_epi64x(2, 2, 4, 4), right = _mm256_set_epi64x(2, 2, 0, 0);
    for (size_t h = 0; h < 2; h++) {
        __m256i four = sixteens(low + 16 * h, low + 32 + 16 * h);
        four = and_bytes(part == 0 ? four : _mm256_srli_epi16(four, 4), 0x0F);
        __m256i two_bits =
            _mm256_broadcastsi128_si256(_mm_loadu_si128((const void *)(high + 16 * h)));
        two_bits =
            part == 0 ? _mm256_sllv_epi64(two_bits, left) : _mm256_srlv_epi64(two_bits, right);
        u->codes[h] = _mm256_or_si256(four, and_bytes(two_bits, 0x30));
    }
    uint32_t four_scales;
    memcpy(&four_scales, block + 192 + 8 * (quad % 2) + 4 * part, sizeof four_scales);
    __m128 scales = _mm_cvtepi32_ps(_mm_cvtepi8_epi32(_mm_cvtsi32_si128((int)four_scales)));
    scales = _mm_mul_ps(scales, _mm_set1_ps(half_at(block + 208)));
    __m256 both = _mm256_set_m128(_mm_movehl_ps(scales, scales), scales);
    u->step[0] = _mm256_permute_ps(both, 0x00);
    u->step[1] = _mm256_permute_ps(both, 0x55);
}

/* --- multiplying --- */

INLINE __m256i integers(const void *eight)
{
    return _mm256_load_si256(eight);
}

INLINE __m256 products_of(const struct unpacked *u, const struct int8_quad *x, int part,
                          const struct format format)
{
    __m256i first = integers(x->codes[0] + 32 * part), second = integers(x->codes[1] + 32 * part);
    __m256i start = _mm256_setzero_si256();
    if (format.kind == SIGNED) {
        start =
            add_products(start, _mm256_abs_epi8(u->codes[0]), _mm256_sign_epi8(first, u->codes[0]));
        return _mm256_cvtepi32_ps(add_products(start, _mm256_abs_epi8(u->codes[1]),
                                               _mm256_sign_epi8(second, u->codes[1])));
    }
    if (format.kind == ONE_STEP) {
        start = _mm256_srai_epi32(integers(x->offset + 8 * part), 7 - format.zero);
    }
    start = add_products(start, u->codes[0], first);
    return _mm256_cvtepi32_ps(add_products(start, u->codes[1], second));
}

/* The products of one half of the blocks, for steps of their own. */
INLINE __m256 half_products(const struct unpacked *u, const struct int8_quad *x, int part, int half,
                            const struct format format)
{
    __m256i start = _mm256_srai_epi32(integers(x->half_offset[half] + 8 * part), 7 - format.zero);
    __m256i codes = integers(x->codes[half] + 32 * part);
    return _mm256_cvtepi32_ps(add_products(start, u->codes[half], codes));
}

INLINE __m256 add_part(__m256 sum, const struct unpacked *u, const struct int8_quad *x, int part,
                       const struct format format)
{
    const __m256 scale = _mm256_load_ps(x->scale + 8 * part);
    if (format.kind == TWO_STEPS) {
        __m256 both = _mm256_mul_ps(half_products(u, x, part, 0, format), u->step[0]);
        both = _mm256_fmadd_ps(half_products(u, x, part, 1, format), u->step[1], both);
        return _mm256_fmadd_ps(both, scale, sum);
    }
    __m256 products = products_of(u, x, part, format);
    if (format.kind != WITH_MINIMUM) {
        return _mm256_fmadd_ps(products, _mm256_mul_ps(u->step[0], scale), sum);
    }
    __m256 offset = _mm256_cvtepi32_ps(integers(x->offset + 8 * part));
    __m256 both = _mm256_fmadd_ps(offset, u->minimum, _mm256_mul_ps(products, u->step[0]));
    return _mm256_fmadd_ps(both, scale, sum);
}

INLINE float add_lanes(__m256 v)
{
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    __m128 pair = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(pair, _mm_movehdup_ps(pair)));
}

/* `rows` rows that lie `apart` bytes from each other, against `tokens` tokens. */
INLINE void tile(const unsigned char *row, size_t apart, size_t columns, const struct int8_quad *x,
                 float *out, size_t out_apart, size_t out_stride, const struct format format,
                 const size_t rows, const size_t tokens)
{
    const size_t quads = int8_quads(columns), whole = columns / INT8_QUAD;
    const size_t quad_bytes = 4 * format.block_bytes;
    __m256 sums[STREAMS][TILE];
    for (size_t r = 0; r < rows; r++) {
        for (size_t t = 0; t < tokens; t++) {
            sums[r][t] = _mm256_setzero_ps();
        }
    }
    for (size_t q = 0; q < whole; q++) {
        for (size_t r = 0; r < rows; r++) {
            const unsigned char *at = row + r * apart;
            for (size_t line = 0; line < quad_bytes; line += LINE) {
                _mm_prefetch((const char *)at + q * quad_bytes + line + AHEAD, _MM_HINT_T0);
            }
            for (int part = 0; part < 2; part++) {
                struct unpacked unpacked;
                format.unpack(at, q, part, &unpacked);
                for (size_t t = 0; t < tokens; t++) {
                    sums[r][t] = add_part(sums[r][t], &unpacked, &x[t * quads + q], part, format);
                }
            }
        }
    }
    for (size_t r = 0; r < rows && !format.large && whole < quads; r++) {
        /* Blocks behind the end are zero: their steps, and their activations. */
        unsigned char rest[4 * 34] = {0};
        size_t blocks = columns / INT8_BLOCK - 4 * whole;
        memcpy(rest, row + r * apart + whole * quad_bytes, blocks * format.block_bytes);
        for (int part = 0; part < 2; part++) {
            struct unpacked unpacked;
            format.unpack(rest, 0, part, &unpacked);
            for (size_t t = 0; t < tokens; t++) {
                sums[r][t] = add_part(sums[r][t], &unpacked, &x[t * quads + whole], part, format);
            }
        }
    }
    for (size_t r = 0; r < rows; r++) {
        for (size_t t = 0; t < tokens; t++) {
            out[t * out_stride + r * out_apart] = add_lanes(sums[r][t]);
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

#define DEFINE_FORMAT(NAME, KIND, ZERO, BLOCK_BYTES, LARGE)                                    \
    static void multiply_##NAME(const unsigned char *rows, size_t row_bytes, size_t row_count, \
                                size_t columns, const struct int8_quad *x, size_t tokens,      \
                                float *out, size_t out_stride)                                 \
    {                                                                                          \
        const struct format format = {unpack_##NAME, KIND, ZERO, BLOCK_BYTES, LARGE};          \
        size_t quads = int8_quads(columns);                                                    \
        for (size_t t = 0; t < tokens; t += TILE) {                                            \
            switch (tokens - t < TILE ? tokens - t : TILE) {                                   \
                CASE(1) CASE(2) CASE(3) CASE(4)                                                \
            }                                                                                  \
        }                                                                                      \
    }
DEFINE_FORMAT(q4_0, ONE_STEP, 3, 18, false)
DEFINE_FORMAT(q4_1, WITH_MINIMUM, 0, 20, false)
DEFINE_FORMAT(q5_0, ONE_STEP, 4, 22, false)
DEFINE_FORMAT(q5_1, WITH_MINIMUM, 0, 24, false)
DEFINE_FORMAT(q8_0, SIGNED, 0, 34, false)
DEFINE_FORMAT(q4_k, WITH_MINIMUM, 0, 18, true)
DEFINE_FORMAT(q5_k, WITH_MINIMUM, 0, 22, true)
DEFINE_FORMAT(q6_k, TWO_STEPS, 5, 26, true)

#if defined(__AVXVNNI__)
const struct int8_kernels int8_avxvnni = {
    .name = "avx-vnni",
    .supported = cpu_has_avx_vnni,
#else
const struct int8_kernels int8_avx2 = {
    .name = "avx2",
    .supported = cpu_has_avx2,
#endif
    .family = "avx2",
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
