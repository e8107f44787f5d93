/* quantise_k: the formats with blocks of 256 values; the inside of quantise.h. Each function turns
 * values[count * 256], all finite and within a half's range, into blocks[count]. */
#ifndef CARAT_LOAD_QUANTISE_K_H
#define CARAT_LOAD_QUANTISE_K_H

#include <stddef.h>

void quantise_k_q2(const float *values, size_t count, unsigned char *blocks);
void quantise_k_q3(const float *values, size_t count, unsigned char *blocks);
void quantise_k_q4(const float *values, size_t count, unsigned char *blocks);
void quantise_k_q5(const float *values, size_t count, unsigned char *blocks);
void quantise_k_q6(const float *values, size_t count, unsigned char *blocks);
void quantise_k_iq4_xs(const float *values, size_t count, unsigned char *blocks);

#endif
