/* row_kernels_avx512: the vector operations of AVX-512 for row_kernels_lanes.h. Compiled with its
 * options on, so nothing of this file may run before cpu_has_avx512 said yes. */
#include <immintrin.h>
#include <stddef.h>

#define ROW_KERNELS row_kernels_avx512
#define VECTOR      __m512
enum { LANES = 16, TILE_VECTORS = 4 };

#define OPERATION static inline __attribute__((always_inline))

OPERATION __mmask16 first_lanes(size_t count)
{
    return (__mmask16)((1u << count) - 1);
}

OPERATION VECTOR lanes_set(float f)
{
    return _mm512_set1_ps(f);
}

OPERATION VECTOR lanes_load(const float *p)
{
    return _mm512_loadu_ps(p);
}

OPERATION VECTOR lanes_load_some(const float *p, size_t count, float fill)
{
    return _mm512_mask_loadu_ps(lanes_set(fill), first_lanes(count), p);
}

OPERATION void lanes_store(float *p, VECTOR v)
{
    _mm512_storeu_ps(p, v);
}

OPERATION void lanes_store_some(float *p, VECTOR v, size_t count)
{
    _mm512_mask_storeu_ps(p, first_lanes(count), v);
}

OPERATION VECTOR lanes_add(VECTOR a, VECTOR b)
{
    return _mm512_add_ps(a, b);
}

OPERATION VECTOR lanes_subtract(VECTOR a, VECTOR b)
{
    return _mm512_sub_ps(a, b);
}

OPERATION VECTOR lanes_multiply(VECTOR a, VECTOR b)
{
    return _mm512_mul_ps(a, b);
}

OPERATION VECTOR lanes_divide(VECTOR a, VECTOR b)
{
    return _mm512_div_ps(a, b);
}

OPERATION VECTOR lanes_fma(VECTOR a, VECTOR b, VECTOR c)
{
    return _mm512_fmadd_ps(a, b, c);
}

OPERATION VECTOR lanes_maximum(VECTOR a, VECTOR b)
{
    return _mm512_max_ps(a, b);
}

OPERATION VECTOR lanes_minimum(VECTOR a, VECTOR b)
{
    return _mm512_min_ps(a, b);
}

OPERATION VECTOR lanes_round(VECTOR v)
{
    return _mm512_roundscale_ps(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

OPERATION VECTOR lanes_power(VECTOR n)
{
    __m512i exponent = _mm512_add_epi32(_mm512_cvtps_epi32(n), _mm512_set1_epi32(127));
    return _mm512_castsi512_ps(_mm512_slli_epi32(exponent, 23));
}

OPERATION VECTOR lanes_zero_below(VECTOR v, VECTOR x, float limit)
{
    __mmask16 below = _mm512_cmp_ps_mask(x, lanes_set(limit), _CMP_LT_OQ);
    return _mm512_mask_mov_ps(v, below, _mm512_setzero_ps());
}

OPERATION float lanes_sum(VECTOR v)
{
    return _mm512_reduce_add_ps(v);
}

OPERATION float lanes_greatest(VECTOR v)
{
    return _mm512_reduce_max_ps(v);
}

/* Within quarters first by ones, then by twos; then the quarters change places. */
OPERATION void lanes_transpose(VECTOR v[LANES])
{
    VECTOR w[LANES];
    for (int i = 0; i < LANES; i += 4) {
        __m512 a = _mm512_unpacklo_ps(v[i], v[i + 1]), b = _mm512_unpackhi_ps(v[i], v[i + 1]);
        __m512 c = _mm512_unpacklo_ps(v[i + 2], v[i + 3]);
        __m512 d = _mm512_unpackhi_ps(v[i + 2], v[i + 3]);
        w[i] = _mm512_shuffle_ps(a, c, 0x44);
        w[i + 1] = _mm512_shuffle_ps(a, c, 0xEE);
        w[i + 2] = _mm512_shuffle_ps(b, d, 0x44);
        w[i + 3] = _mm512_shuffle_ps(b, d, 0xEE);
    }
    for (int i = 0; i < 4; i++) {
        __m512 a = _mm512_shuffle_f32x4(w[i], w[i + 4], 0x88);
        __m512 b = _mm512_shuffle_f32x4(w[i], w[i + 4], 0xDD);
        __m512 c = _mm512_shuffle_f32x4(w[i + 8], w[i + 12], 0x88);
        __m512 d = _mm512_shuffle_f32x4(w[i + 8], w[i + 12], 0xDD);
        v[i] = _mm512_shuffle_f32x4(a, c, 0x88);
        v[i + 8] = _mm512_shuffle_f32x4(a, c, 0xDD);
        v[i + 4] = _mm512_shuffle_f32x4(b, d, 0x88);
        v[i + 12] = _mm512_shuffle_f32x4(b, d, 0xDD);
    }
}

OPERATION void lanes_store_f16_some(unsigned char *halves, VECTOR v, size_t count)
{
    __m256i packed = _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT);
    _mm256_mask_storeu_epi16(halves, first_lanes(count), packed);
}

OPERATION void lanes_store_f16(unsigned char *halves, VECTOR v)
{
    _mm256_storeu_si256((__m256i *)(void *)halves, _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
}

#include "compute/row_kernels_lanes.h"
