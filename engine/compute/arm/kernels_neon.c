/* kernels_neon: the kernels for 64-bit ARM, whose Advanced SIMD is always there.
 *
 * One register of four lanes sums each pair of row and token, columns ascending, one fused
 * multiply-add a step; a rest of one to three columns comes in padded with zeros. Every entry keeps
 * to that order (see kernels.h). Formats that are not listed at the end are decoded by
 * load/quant.h first.
 */
#include "compute/kernels.h"

#include <arm_neon.h>
#include <stdint.h>
#include <string.h>

#include "compute/cpu.h"
#include "compute/row_kernels.h"

#define INLINE static inline __attribute__((always_inline))

enum { ROWS = 4, TOKENS = 4 };

/* The last `count` < 4 values at p, the other lanes zero. */
INLINE float32x4_t load_padded(const float *p, size_t count)
{
    float padded[4] = {0};
    memcpy(padded, p, count * sizeof *p);
    return vld1q_f32(padded);
}

INLINE void tile(const float *rows, size_t row_stride, size_t columns, const float *x,
                 size_t x_stride, float *out, size_t out_stride, const int row_count,
                 const int tokens)
{
    float32x4_t sum[ROWS][TOKENS];
    for (int r = 0; r < row_count; r++) {
        for (int t = 0; t < tokens; t++) {
            sum[r][t] = vdupq_n_f32(0);
        }
    }
    for (size_t c = 0; c < columns; c += 4) {
        size_t rest = columns - c;
        float32x4_t xs[TOKENS];
        for (int t = 0; t < tokens; t++) {
            const float *p = x + (size_t)t * x_stride + c;
            xs[t] = rest >= 4 ? vld1q_f32(p) : load_padded(p, rest);
        }
        for (int r = 0; r < row_count; r++) {
            const float *p = rows + (size_t)r * row_stride + c;
            float32x4_t row = rest >= 4 ? vld1q_f32(p) : load_padded(p, rest);
            for (int t = 0; t < tokens; t++) {
                sum[r][t] = vfmaq_f32(sum[r][t], row, xs[t]);
            }
        }
    }
    for (int r = 0; r < row_count; r++) {
        for (int t = 0; t < tokens; t++) {
            out[(size_t)t * out_stride + (size_t)r] = vaddvq_f32(sum[r][t]);
        }
    }
}

static void panel(const float *rows, size_t row_stride, size_t row_count, size_t columns,
                  const float *x, size_t x_stride, size_t tokens, float *out, size_t out_stride)
{
    for (size_t t = 0; t < tokens; t += TOKENS) {
        const float *xt = x + t * x_stride;
        size_t some_tokens = tokens - t < TOKENS ? tokens - t : TOKENS;
        for (size_t r = 0; r < row_count; r += ROWS) {
            const float *rr = rows + r * row_stride;
            float *o = out + t * out_stride + r;
            size_t some_rows = row_count - r < ROWS ? row_count - r : ROWS;
            if (some_rows == ROWS && some_tokens == TOKENS) {
                tile(rr, row_stride, columns, xt, x_stride, o, out_stride, ROWS, TOKENS);
            } else if (some_rows == ROWS && some_tokens == 1) {
                tile(rr, row_stride, columns, xt, x_stride, o, out_stride, ROWS, 1);
            } else {
                for (size_t i = 0; i < some_rows * some_tokens; i++) {
                    size_t row = i % some_rows, token = i / some_rows;
                    tile(rr + row * row_stride, row_stride, columns, xt + token * x_stride,
                         x_stride, o + token * out_stride + row, out_stride, 1, 1);
                }
            }
        }
    }
}

INLINE float32x4_t load_f32(const unsigned char *row, size_t c)
{
    return vld1q_f32((const float *)(const void *)row + c);
}

INLINE float32x4_t load_f16(const unsigned char *row, size_t c)
{
    uint16_t halves[4];
    memcpy(halves, row + 2 * c, sizeof halves);
    return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(halves)));
}

INLINE float32x4_t load_bf16(const unsigned char *row, size_t c)
{
    uint16_t halves[4];
    memcpy(halves, row + 2 * c, sizeof halves);
    return vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(halves), 16));
}

INLINE float32x4_t load_some(float32x4_t (*load)(const unsigned char *, size_t),
                             const unsigned char *row, size_t c, size_t rest, size_t value_bytes)
{
    if (rest >= 4) {
        return load(row, c);
    }
    unsigned char padded[16] = {0};
    memcpy(padded, row + c * value_bytes, rest * value_bytes);
    return load(padded, 0);
}

INLINE void dot_values(const unsigned char *rows, size_t row_bytes, size_t columns, const float *x,
                       float *out, const int row_count, const size_t value_bytes,
                       float32x4_t (*load)(const unsigned char *, size_t))
{
    float32x4_t sum[ROWS];
    for (int r = 0; r < row_count; r++) {
        sum[r] = vdupq_n_f32(0);
    }
    for (size_t c = 0; c < columns; c += 4) {
        size_t rest = columns - c;
        float32x4_t xs = rest >= 4 ? vld1q_f32(x + c) : load_padded(x + c, rest);
        for (int r = 0; r < row_count; r++) {
            const unsigned char *row = rows + (size_t)r * row_bytes;
            sum[r] = vfmaq_f32(sum[r], load_some(load, row, c, rest, value_bytes), xs);
        }
    }
    for (int r = 0; r < row_count; r++) {
        out[r] = vaddvq_f32(sum[r]);
    }
}

INLINE void accumulate_values(const unsigned char *rows, size_t row_bytes, size_t row_count,
                              size_t columns, const float *scale, float *sum,
                              const size_t value_bytes,
                              float32x4_t (*load)(const unsigned char *, size_t))
{
    for (size_t c = 0; c < columns; c += 4) {
        size_t rest = columns - c < 4 ? columns - c : 4;
        float32x4_t sums = rest == 4 ? vld1q_f32(sum + c) : load_padded(sum + c, rest);
        for (size_t r = 0; r < row_count; r++) {
            const unsigned char *row = rows + r * row_bytes;
            sums = vfmaq_n_f32(sums, load_some(load, row, c, rest, value_bytes), scale[r]);
        }
        float stored[4];
        vst1q_f32(stored, sums);
        memcpy(sum + c, stored, rest * sizeof *sum);
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
    }
DEFINE_VALUES(f32, 4)
DEFINE_VALUES(f16, 2)
DEFINE_VALUES(bf16, 2)

/* --- block formats: unpack makes the 32 values of a block --- */

INLINE float32x4_t scale_at(const unsigned char *half)
{
    uint16_t bits;
    memcpy(&bits, half, sizeof bits);
    return vcvt_f32_f16(vreinterpret_f16_u16(vdup_n_u16(bits)));
}

/* Sixteen signed bytes times a scale, as four registers. */
INLINE void scale_codes(int8x16_t codes, float32x4_t scale, float32x4_t values[4])
{
    int16x8_t low = vmovl_s8(vget_low_s8(codes)), high = vmovl_s8(vget_high_s8(codes));
    values[0] = vmulq_f32(scale, vcvtq_f32_s32(vmovl_s16(vget_low_s16(low))));
    values[1] = vmulq_f32(scale, vcvtq_f32_s32(vmovl_s16(vget_high_s16(low))));
    values[2] = vmulq_f32(scale, vcvtq_f32_s32(vmovl_s16(vget_low_s16(high))));
    values[3] = vmulq_f32(scale, vcvtq_f32_s32(vmovl_s16(vget_high_s16(high))));
}

INLINE void unpack_q4_0(const unsigned char *block, float32x4_t values[8])
{
    uint8x16_t codes = vld1q_u8(block + 2);
    int8x16_t low = vreinterpretq_s8_u8(vandq_u8(codes, vdupq_n_u8(15)));
    int8x16_t high = vreinterpretq_s8_u8(vshrq_n_u8(codes, 4));
    scale_codes(vsubq_s8(low, vdupq_n_s8(8)), scale_at(block), values);
    scale_codes(vsubq_s8(high, vdupq_n_s8(8)), scale_at(block), values + 4);
}

INLINE void unpack_q8_0(const unsigned char *block, float32x4_t values[8])
{
    scale_codes(vreinterpretq_s8_u8(vld1q_u8(block + 2)), scale_at(block), values);
    scale_codes(vreinterpretq_s8_u8(vld1q_u8(block + 18)), scale_at(block), values + 4);
}

INLINE void dot_blocks(const unsigned char *row, size_t columns, const float *x, float *out,
                       const size_t block_bytes,
                       void (*unpack)(const unsigned char *, float32x4_t *))
{
    float32x4_t sum = vdupq_n_f32(0);
    for (size_t block = 0; block < columns / 32; block++, x += 32) {
        float32x4_t values[8];
        unpack(row + block * block_bytes, values);
        for (size_t i = 0; i < 8; i++) {
            sum = vfmaq_f32(sum, values[i], vld1q_f32(x + 4 * i));
        }
    }
    *out = vaddvq_f32(sum);
}

#define DEFINE_BLOCKS(NAME, BYTES)                                                        \
    static void dot_##NAME(const unsigned char *rows, size_t row_bytes, size_t row_count, \
                           size_t columns, const float *x, float *out)                    \
    {                                                                                     \
        for (size_t r = 0; r < row_count; r++) {                                          \
            dot_blocks(rows + r * row_bytes, columns, x, out + r, BYTES, unpack_##NAME);  \
        }                                                                                 \
    }                                                                                     \
    static void decode_##NAME(const unsigned char *blocks, size_t count, float *values)   \
    {                                                                                     \
        for (size_t block = 0; block < count; block++, values += 32) {                    \
            float32x4_t unpacked[8];                                                      \
            unpack_##NAME(blocks + block * (BYTES), unpacked);                            \
            for (size_t i = 0; i < 8; i++) {                                              \
                vst1q_f32(values + 4 * i, unpacked[i]);                                   \
            }                                                                             \
        }                                                                                 \
    }
DEFINE_BLOCKS(q4_0, 18)
DEFINE_BLOCKS(q8_0, 34)

const struct kernels kernels_neon = {
    .name = "neon",
    .supported = cpu_has_neon,
    .panel = panel,
    .row = &row_kernels_neon,
    .rows =
        {
            [QUANT_F32] = {dot_f32, accumulate_f32, NULL},
            [QUANT_F16] = {dot_f16, accumulate_f16, NULL},
            [QUANT_BF16] = {dot_bf16, accumulate_bf16, NULL},
            [QUANT_Q4_0] = {dot_q4_0, NULL, decode_q4_0},
            [QUANT_Q8_0] = {dot_q8_0, NULL, decode_q8_0},
        },
};
