/* int8_neon: products in whole numbers for 64-bit ARM. Compiled twice: for the instructions that
 * every such processor has, and with dot products of bytes (sdot) besides.
 *
 * Both multiply signed by signed bytes, so codes are made signed when they are unpacked, and the
 * offsets of the activations serve formats with a minimum only. The two builds differ in one
 * function, add_products. Without sdot it sums neighbours in 16 bits, where 2 * 128 * 127 fits, and
 * the same fours in 32: the same integers in the same lanes, hence the same bits.
 *
 * The order of a row's float32 sum: four lanes, block after block, one fused multiply-add each,
 * then the lanes.
 */
#include "compute/int8.h"

#include <arm_neon.h>
#include <math.h>
#include <string.h>

#include "compute/cpu.h"

#define INLINE static inline __attribute__((always_inline))

enum { TILE = 4 };

enum kind {
    ONE_STEP,
    TWO_STEPS,    /* the halves of a block have steps of their own */
    WITH_MINIMUM, /* codes from 0, and a minimum */
};

struct unpacked {
    int8x16_t codes[2];
    float step[2];
    float minimum; /* divided by 128, as the activations' offsets are their sums times -128 */
};

struct format {
    void (*unpack)(const unsigned char *row, size_t block, struct unpacked *unpacked);
    enum kind kind;
};

INLINE int32x4_t add_products(int32x4_t sum, int8x16_t codes, int8x16_t x)
{
#if defined(__ARM_FEATURE_DOTPROD)
    return vdotq_s32(sum, codes, x);
#else
    int16x8_t low = vmull_s8(vget_low_s8(codes), vget_low_s8(x));
    int16x8_t high = vmull_high_s8(codes, x);
    return vpadalq_s16(sum, vpaddq_s16(low, high));
#endif
}

/* --- activations --- */

/* -128 times the sums of fours. */
INLINE int32x4_t offsets(int8x16_t codes)
{
    return vmulq_n_s32(add_products(vdupq_n_s32(0), codes, vdupq_n_s8(1)), -128);
}

INLINE void quantise_block(const float *x, struct int8_quad *quad, size_t block)
{
    const uint32_t least = 0x03800000u /* 2^-120 */, infinity = 0x7F800000u;
    float32x4_t values[8];
    uint32x4_t greatest = vdupq_n_u32(0);
    for (size_t i = 0; i < 8; i++) {
        values[i] = vld1q_f32(x + 4 * i);
        /* As integers, so that a NaN is the greatest of all. */
        uint32x4_t bits = vandq_u32(vreinterpretq_u32_f32(values[i]), vdupq_n_u32(0x7FFFFFFF));
        greatest = vmaxq_u32(greatest, bits);
    }
    uint32_t bits = vmaxvq_u32(greatest);
    float top, scale = 0, inverse = 0;
    memcpy(&top, &bits, sizeof top);
    if (bits >= infinity) {
        scale = NAN;
    } else if (bits >= least) {
        scale = top / 127.0f;
        inverse = 127.0f / top;
    }
    int16x4_t whole[8];
    for (size_t i = 0; i < 8; i++) {
        int32x4_t rounded = vcvtnq_s32_f32(vmulq_n_f32(values[i], inverse));
        whole[i] = inverse != 0 ? vmovn_s32(rounded) : vdup_n_s16(0);
    }
    int32x4_t both = vdupq_n_s32(0);
    for (size_t h = 0; h < 2; h++) {
        int8x8_t low = vmovn_s16(vcombine_s16(whole[4 * h], whole[4 * h + 1]));
        int8x8_t high = vmovn_s16(vcombine_s16(whole[4 * h + 2], whole[4 * h + 3]));
        int8x16_t codes = vcombine_s8(low, high);
        int32x4_t offset = offsets(codes);
        vst1q_s8(quad->codes[h] + 16 * block, codes);
        vst1q_s32(quad->half_offset[h] + 4 * block, offset);
        both = vaddq_s32(both, offset);
    }
    vst1q_s32(quad->offset + 4 * block, both);
    vst1q_f32(quad->scale + 4 * block, vdupq_n_f32(scale));
}

static void quantise(const float *x, size_t columns, struct int8_quad *quads)
{
    if (columns % INT8_QUAD != 0) {
        memset(&quads[columns / INT8_QUAD], 0, sizeof *quads);
    }
    for (size_t c = 0; c < columns; c += INT8_BLOCK) {
        quantise_block(x + c, &quads[c / INT8_QUAD], c % INT8_QUAD / INT8_BLOCK);
    }
}

/* --- unpacking --- */

INLINE float half_at(const unsigned char *half)
{
    uint16_t bits;
    memcpy(&bits, half, sizeof bits);
    return vgetq_lane_f32(vcvt_f32_f16(vreinterpret_f16_u16(vdup_n_u16(bits))), 0);
}

/* Sixteen bytes of nibbles, less `zero`. */
INLINE void nibbles(const unsigned char *bytes, int8_t zero, struct unpacked *u)
{
    uint8x16_t codes = vld1q_u8(bytes);
    int8x16_t less = vdupq_n_s8(zero);
    u->codes[0] = vsubq_s8(vreinterpretq_s8_u8(vandq_u8(codes, vdupq_n_u8(15))), less);
    u->codes[1] = vsubq_s8(vreinterpretq_s8_u8(vshrq_n_u8(codes, 4)), less);
}

/* Adds 16 where a bit of the word is set. */
INLINE void add_fifth_bits(const unsigned char *word, struct unpacked *u)
{
    static const uint8_t places[16] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    uint8x16_t place = vld1q_u8(places);
    for (size_t h = 0; h < 2; h++) {
        uint8x16_t bits = vcombine_u8(vdup_n_u8(word[2 * h]), vdup_n_u8(word[2 * h + 1]));
        uint8x16_t set = vandq_u8(vtstq_u8(bits, place), vdupq_n_u8(16));
        u->codes[h] = vaddq_s8(u->codes[h], vreinterpretq_s8_u8(set));
    }
}

INLINE void unpack_q4_0(const unsigned char *row, size_t block, struct unpacked *u)
{
    row += 18 * block;
    nibbles(row + 2, 8, u);
    u->step[0] = half_at(row);
}

INLINE void unpack_q4_1(const unsigned char *row, size_t block, struct unpacked *u)
{
    row += 20 * block;
    nibbles(row + 4, 0, u);
    u->step[0] = half_at(row);
    u->minimum = half_at(row + 2) * (-1.0f / 128);
}

INLINE void unpack_q5_0(const unsigned char *row, size_t block, struct unpacked *u)
{
    row += 22 * block;
    nibbles(row + 6, 16, u);
    add_fifth_bits(row + 2, u);
    u->step[0] = half_at(row);
}

INLINE void unpack_q5_1(const unsigned char *row, size_t block, struct unpacked *u)
{
    row += 24 * block;
    nibbles(row + 8, 0, u);
    add_fifth_bits(row + 4, u);
    u->step[0] = half_at(row);
    u->minimum = half_at(row + 2) * (-1.0f / 128);
}

INLINE void unpack_q8_0(const unsigned char *row, size_t block, struct unpacked *u)
{
    row += 34 * block;
    u->codes[0] = vreinterpretq_s8_u8(vld1q_u8(row + 2));
    u->codes[1] = vreinterpretq_s8_u8(vld1q_u8(row + 18));
    u->step[0] = half_at(row);
}

/* Group g of a block of 256 as Q4_K and Q5_K have it: int8.c says what lies where. */
INLINE void unpack_k(const unsigned char *block, const unsigned char *high,
                     const unsigned char *codes, size_t g, struct unpacked *u)
{
    int8x16_t right = vdupq_n_s8(g % 2 == 0 ? 0 : -4), bit = vdupq_n_s8(-(int8_t)g);
    for (size_t h = 0; h < 2; h++) {
        uint8x16_t bytes = vshlq_u8(vld1q_u8(codes + g / 2 * 32 + 16 * h), right);
        bytes = vandq_u8(bytes, vdupq_n_u8(15));
        if (high != NULL) {
            uint8x16_t fifth = vshlq_u8(vld1q_u8(high + 16 * h), bit);
            bytes = vorrq_u8(bytes, vshlq_n_u8(vandq_u8(fifth, vdupq_n_u8(1)), 4));
        }
        u->codes[h] = vreinterpretq_s8_u8(bytes);
    }
    const unsigned char *packed = block + 4;
    int scale = packed[g] & 63, minimum = packed[g + 4] & 63;
    if (g >= 4) {
        scale = (packed[g + 4] & 15) | packed[g - 4] >> 6 << 4;
        minimum = packed[g + 4] >> 4 | packed[g] >> 6 << 4;
    }
    u->step[0] = half_at(block) * (float)scale;
    u->minimum = half_at(block + 2) * (float)minimum * (1.0f / 128);
}

INLINE void unpack_q4_k(const unsigned char *row, size_t block, struct unpacked *u)
{
    row += block / 8 * 144;
    unpack_k(row, NULL, row + 16, block % 8, u);
}

INLINE void unpack_q5_k(const unsigned char *row, size_t block, struct unpacked *u)
{
    row += block / 8 * 176;
    unpack_k(row, row + 16, row + 48, block % 8, u);
}

INLINE void unpack_q6_k(const unsigned char *row, size_t block, struct unpacked *u)
{
    row += block / 8 * 210;
    size_t part = block % 8 / 4, k = block % 4; /* 128 values; 32 of these */
    int8x16_t right = vdupq_n_s8(k < 2 ? 0 : -4), bits = vdupq_n_s8((int8_t)(-2 * (int)k));
    const unsigned char *scales = row + 192 + 8 * part + 2 * k;
    for (size_t h = 0; h < 2; h++) {
        uint8x16_t low = vld1q_u8(row + 64 * part + 32 * (k % 2) + 16 * h);
        uint8x16_t high = vshlq_u8(vld1q_u8(row + 128 + 32 * part + 16 * h), bits);
        low = vandq_u8(vshlq_u8(low, right), vdupq_n_u8(15));
        high = vshlq_n_u8(vandq_u8(high, vdupq_n_u8(3)), 4);
        u->codes[h] = vsubq_s8(vreinterpretq_s8_u8(vorrq_u8(low, high)), vdupq_n_s8(32));
        u->step[h] = half_at(row + 208) * (float)(int8_t)scales[h];
    }
}

/* --- multiplying --- */

INLINE float32x4_t add_block(float32x4_t sum, const struct unpacked *u, const struct int8_quad *x,
                             size_t b, const enum kind kind)
{
    int8x16_t first = vld1q_s8(x->codes[0] + 16 * b), second = vld1q_s8(x->codes[1] + 16 * b);
    int32x4_t codes = add_products(vdupq_n_s32(0), u->codes[0], first);
    float scale = x->scale[4 * b];
    if (kind == TWO_STEPS) {
        int32x4_t others = add_products(vdupq_n_s32(0), u->codes[1], second);
        float32x4_t both = vmulq_n_f32(vcvtq_f32_s32(codes), u->step[0]);
        both = vfmaq_n_f32(both, vcvtq_f32_s32(others), u->step[1]);
        return vfmaq_n_f32(sum, both, scale);
    }
    float32x4_t products = vcvtq_f32_s32(add_products(codes, u->codes[1], second));
    if (kind == ONE_STEP) {
        return vfmaq_n_f32(sum, products, u->step[0] * scale);
    }
    float32x4_t both = vmulq_n_f32(products, u->step[0]);
    both = vfmaq_n_f32(both, vcvtq_f32_s32(vld1q_s32(x->offset + 4 * b)), u->minimum);
    return vfmaq_n_f32(sum, both, scale);
}

INLINE void tile(const unsigned char *row, size_t columns, const struct int8_quad *x, float *out,
                 size_t out_stride, const struct format format, const size_t tokens)
{
    const size_t quads = int8_quads(columns);
    float32x4_t sums[TILE];
    for (size_t t = 0; t < tokens; t++) {
        sums[t] = vdupq_n_f32(0);
    }
    for (size_t block = 0; block < columns / INT8_BLOCK; block++) {
        struct unpacked unpacked;
        format.unpack(row, block, &unpacked);
        for (size_t t = 0; t < tokens; t++) {
            sums[t] =
                add_block(sums[t], &unpacked, &x[t * quads + block / 4], block % 4, format.kind);
        }
    }
    for (size_t t = 0; t < tokens; t++) {
        out[t * out_stride] = vaddvq_f32(sums[t]);
    }
}

#define CASE(TOKENS)                                                                             \
    case TOKENS:                                                                                 \
        tile(rows + r * row_bytes, columns, x + t * quads, out + t * out_stride + r, out_stride, \
             format, TOKENS);                                                                    \
        break;

#define DEFINE_FORMAT(NAME, KIND)                                                              \
    static void multiply_##NAME(const unsigned char *rows, size_t row_bytes, size_t row_count, \
                                size_t columns, const struct int8_quad *x, size_t tokens,      \
                                float *out, size_t out_stride)                                 \
    {                                                                                          \
        const struct format format = {unpack_##NAME, KIND};                                    \
        size_t quads = int8_quads(columns);                                                    \
        for (size_t r = 0; r < row_count; r++) {                                               \
            for (size_t t = 0; t < tokens; t += TILE) {                                        \
                switch (tokens - t < TILE ? tokens - t : TILE) {                               \
                    CASE(1) CASE(2) CASE(3) CASE(4)                                            \
                }                                                                              \
            }                                                                                  \
        }                                                                                      \
    }
DEFINE_FORMAT(q4_0, ONE_STEP)
DEFINE_FORMAT(q4_1, WITH_MINIMUM)
DEFINE_FORMAT(q5_0, ONE_STEP)
DEFINE_FORMAT(q5_1, WITH_MINIMUM)
DEFINE_FORMAT(q8_0, ONE_STEP)
DEFINE_FORMAT(q4_k, WITH_MINIMUM)
DEFINE_FORMAT(q5_k, WITH_MINIMUM)
DEFINE_FORMAT(q6_k, TWO_STEPS)

#if defined(__ARM_FEATURE_DOTPROD)
const struct int8_kernels int8_neon_dot = {
    .name = "neon-dot",
    .supported = cpu_has_neon_dot,
#else
const struct int8_kernels int8_neon = {
    .name = "neon",
    .supported = cpu_has_neon,
#endif
    .family = "neon",
    .quantise = quantise,
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
