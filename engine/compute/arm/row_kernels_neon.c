/* row_kernels_neon: the vector operations of 64-bit ARM for row_kernels_lanes.h. */
#include <arm_neon.h>
#include <stddef.h>
#include <string.h>

#define ROW_KERNELS row_kernels_neon
#define VECTOR      float32x4_t
enum { LANES = 4, TILE_VECTORS = 4 };

#define OPERATION static inline __attribute__((always_inline))

OPERATION VECTOR lanes_set(float f)
{
    return vdupq_n_f32(f);
}

OPERATION VECTOR lanes_load(const float *p)
{
    return vld1q_f32(p);
}

OPERATION VECTOR lanes_load_some(const float *p, size_t count, float fill)
{
    float padded[LANES] = {fill, fill, fill, fill};
    memcpy(padded, p, count * sizeof *p);
    return vld1q_f32(padded);
}

OPERATION void lanes_store(float *p, VECTOR v)
{
    vst1q_f32(p, v);
}

OPERATION void lanes_store_some(float *p, VECTOR v, size_t count)
{
    float padded[LANES];
    vst1q_f32(padded, v);
    memcpy(p, padded, count * sizeof *p);
}

OPERATION VECTOR lanes_add(VECTOR a, VECTOR b)
{
    return vaddq_f32(a, b);
}

OPERATION VECTOR lanes_subtract(VECTOR a, VECTOR b)
{
    return vsubq_f32(a, b);
}

OPERATION VECTOR lanes_multiply(VECTOR a, VECTOR b)
{
    return vmulq_f32(a, b);
}

OPERATION VECTOR lanes_divide(VECTOR a, VECTOR b)
{
    return vdivq_f32(a, b);
}

OPERATION VECTOR lanes_fma(VECTOR a, VECTOR b, VECTOR c)
{
    return vfmaq_f32(c, a, b);
}

OPERATION VECTOR lanes_maximum(VECTOR a, VECTOR b)
{
    return vbslq_f32(vcgtq_f32(a, b), a, b);
}

OPERATION VECTOR lanes_minimum(VECTOR a, VECTOR b)
{
    return vbslq_f32(vcltq_f32(a, b), a, b);
}

OPERATION VECTOR lanes_round(VECTOR v)
{
    return vrndnq_f32(v);
}

OPERATION VECTOR lanes_power(VECTOR n)
{
    int32x4_t exponent = vaddq_s32(vcvtq_s32_f32(n), vdupq_n_s32(127));
    return vreinterpretq_f32_s32(vshlq_n_s32(exponent, 23));
}

OPERATION VECTOR lanes_zero_below(VECTOR v, VECTOR x, float limit)
{
    return vbslq_f32(vcltq_f32(x, lanes_set(limit)), lanes_set(0), v);
}

OPERATION float lanes_sum(VECTOR v)
{
    return vaddvq_f32(v);
}

OPERATION float lanes_greatest(VECTOR v)
{
    return vmaxvq_f32(v);
}

OPERATION void lanes_transpose(VECTOR v[LANES])
{
    float32x4x2_t a = vtrnq_f32(v[0], v[1]), b = vtrnq_f32(v[2], v[3]);
    v[0] = vcombine_f32(vget_low_f32(a.val[0]), vget_low_f32(b.val[0]));
    v[1] = vcombine_f32(vget_low_f32(a.val[1]), vget_low_f32(b.val[1]));
    v[2] = vcombine_f32(vget_high_f32(a.val[0]), vget_high_f32(b.val[0]));
    v[3] = vcombine_f32(vget_high_f32(a.val[1]), vget_high_f32(b.val[1]));
}

OPERATION void lanes_store_f16(unsigned char *halves, VECTOR v)
{
    vst1_u8(halves, vreinterpret_u8_f16(vcvt_f16_f32(v)));
}

OPERATION void lanes_store_f16_some(unsigned char *halves, VECTOR v, size_t count)
{
    unsigned char packed[2 * LANES];
    lanes_store_f16(packed, v);
    memcpy(halves, packed, 2 * count);
}

#include "compute/row_kernels_lanes.h"
