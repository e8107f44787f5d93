/* row_kernels_avx2: the vector operations of AVX2 and FMA for row_kernels_lanes.h. Compiled with
 * their options on, so nothing of this file may run before cpu_has_avx2 said yes. */
#include <immintrin.h>
#include <stddef.h>
#include <string.h>

#include "compute/x86/told.h"

#define ROW_KERNELS row_kernels_avx2
#define VECTOR      __m256
enum { LANES = 8, TILE_VECTORS = 2 };

#define OPERATION static inline __attribute__((always_inline))

/* All bits set in the first `count` < 8 lanes. */
OPERATION __m256i first_lanes(size_t count)
{
    __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)count), lane);
}

OPERATION VECTOR lanes_set(float f)
{
    return _mm256_set1_ps(f);
}

OPERATION VECTOR lanes_load(const float *p)
{
    return _mm256_loadu_ps(p);
}

OPERATION VECTOR lanes_load_some(const float *p, size_t count, float fill)
{
    __m256i mask = first_lanes(count);
    return _mm256_blendv_ps(lanes_set(fill), _mm256_maskload_ps(p, mask),
                            _mm256_castsi256_ps(mask));
}

OPERATION void lanes_store(float *p, VECTOR v)
{
    _mm256_storeu_ps(p, v);
}

OPERATION void lanes_store_some(float *p, VECTOR v, size_t count)
{
    _mm256_maskstore_ps(p, first_lanes(count), v);
    TOLD_STORED(p, count * sizeof *p);
}

OPERATION VECTOR lanes_add(VECTOR a, VECTOR b)
{
    return _mm256_add_ps(a, b);
}

OPERATION VECTOR lanes_subtract(VECTOR a, VECTOR b)
{
    return _mm256_sub_ps(a, b);
}

OPERATION VECTOR lanes_multiply(VECTOR a, VECTOR b)
{
    return _mm256_mul_ps(a, b);
}

OPERATION VECTOR lanes_divide(VECTOR a, VECTOR b)
{
    return _mm256_div_ps(a, b);
}

OPERATION VECTOR lanes_fma(VECTOR a, VECTOR b, VECTOR c)
{
    return _mm256_fmadd_ps(a, b, c);
}

OPERATION VECTOR lanes_maximum(VECTOR a, VECTOR b)
{
    return _mm256_max_ps(a, b);
}

OPERATION VECTOR lanes_minimum(VECTOR a, VECTOR b)
{
    return _mm256_min_ps(a, b);
}

OPERATION VECTOR lanes_round(VECTOR v)
{
    return _mm256_round_ps(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

OPERATION VECTOR lanes_power(VECTOR n)
{
    __m256i exponent = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
    return _mm256_castsi256_ps(_mm256_slli_epi32(exponent, 23));
}

OPERATION VECTOR lanes_zero_below(VECTOR v, VECTOR x, float limit)
{
    return _mm256_andnot_ps(_mm256_cmp_ps(x, lanes_set(limit), _CMP_LT_OQ), v);
}

OPERATION float lanes_sum(VECTOR v)
{
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

OPERATION float lanes_greatest(VECTOR v)
{
    __m128 four = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}

OPERATION void lanes_transpose(VECTOR v[LANES])
{
    VECTOR w[LANES];
    for (int i = 0; i < LANES; i += 4) {
        __m256 a = _mm256_unpacklo_ps(v[i], v[i + 1]), b = _mm256_unpackhi_ps(v[i], v[i + 1]);
        __m256 c = _mm256_unpacklo_ps(v[i + 2], v[i + 3]);
        __m256 d = _mm256_unpackhi_ps(v[i + 2], v[i + 3]);
        w[i] = _mm256_shuffle_ps(a, c, 0x44);
        w[i + 1] = _mm256_shuffle_ps(a, c, 0xEE);
        w[i + 2] = _mm256_shuffle_ps(b, d, 0x44);
        w[i + 3] = _mm256_shuffle_ps(b, d, 0xEE);
    }
    for (int i = 0; i < 4; i++) {
        v[i] = _mm256_permute2f128_ps(w[i], w[i + 4], 0x20);
        v[i + 4] = _mm256_permute2f128_ps(w[i], w[i + 4], 0x31);
    }
}

OPERATION void lanes_store_f16(unsigned char *halves, VECTOR v)
{
    _mm_storeu_si128((__m128i *)(void *)halves, _mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
}

OPERATION void lanes_store_f16_some(unsigned char *halves, VECTOR v, size_t count)
{
    unsigned char packed[2 * LANES];
    lanes_store_f16(packed, v);
    memcpy(halves, packed, 2 * count);
}

#include "compute/row_kernels_lanes.h"
