/* transpose: a square of 16 x 16 words of four bytes in sixteen registers of AVX-512.
 *
 * Only for files that are compiled for AVX-512. rows[r] holds row r; afterwards rows[c] holds what
 * was column c. Words change places in four rounds: within pairs, within quarters, then quarters
 * among registers; 64 shuffles.
 */
#ifndef CARAT_COMPUTE_X86_TRANSPOSE_H
#define CARAT_COMPUTE_X86_TRANSPOSE_H

#include <immintrin.h>

static inline __attribute__((always_inline)) void transpose_16(__m512i rows[16])
{
    __m512i a[16];
    for (int i = 0; i < 16; i += 4) {
        __m512i low01 = _mm512_unpacklo_epi32(rows[i], rows[i + 1]);
        __m512i high01 = _mm512_unpackhi_epi32(rows[i], rows[i + 1]);
        __m512i low23 = _mm512_unpacklo_epi32(rows[i + 2], rows[i + 3]);
        __m512i high23 = _mm512_unpackhi_epi32(rows[i + 2], rows[i + 3]);
        a[i] = _mm512_unpacklo_epi64(low01, low23);
        a[i + 1] = _mm512_unpackhi_epi64(low01, low23);
        a[i + 2] = _mm512_unpacklo_epi64(high01, high23);
        a[i + 3] = _mm512_unpackhi_epi64(high01, high23);
    }
    /* Now quarter q of a[4 g + j] is column 4 q + j of rows 4 g .. 4 g + 3. */
    for (int j = 0; j < 4; j++) {
        __m512i even01 = _mm512_shuffle_i32x4(a[j], a[4 + j], 0x88);
        __m512i even23 = _mm512_shuffle_i32x4(a[8 + j], a[12 + j], 0x88);
        __m512i odd01 = _mm512_shuffle_i32x4(a[j], a[4 + j], 0xDD);
        __m512i odd23 = _mm512_shuffle_i32x4(a[8 + j], a[12 + j], 0xDD);
        rows[j] = _mm512_shuffle_i32x4(even01, even23, 0x88);
        rows[4 + j] = _mm512_shuffle_i32x4(odd01, odd23, 0x88);
        rows[8 + j] = _mm512_shuffle_i32x4(even01, even23, 0xDD);
        rows[12 + j] = _mm512_shuffle_i32x4(odd01, odd23, 0xDD);
    }
}

#endif
