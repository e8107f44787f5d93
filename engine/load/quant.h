/* quant: the block formats that weights are stored in, and what each value of a block is.
 *
 * The numbers of enum quant_type are GGUF's type ids. Formulas: the public descriptions of the GGUF
 * block formats; every one is tested bit for bit against reference values (tests/engine/quant).
 */
#ifndef CARAT_LOAD_QUANT_H
#define CARAT_LOAD_QUANT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum quant_type {
    QUANT_F32 = 0,
    QUANT_F16 = 1,
    QUANT_Q4_0 = 2,
    QUANT_Q4_1 = 3,
    QUANT_Q5_0 = 6,
    QUANT_Q5_1 = 7,
    QUANT_Q8_0 = 8,
    QUANT_Q2_K = 10,
    QUANT_Q3_K = 11,
    QUANT_Q4_K = 12,
    QUANT_Q5_K = 13,
    QUANT_Q6_K = 14,
    QUANT_IQ4_NL = 20,
    QUANT_IQ4_XS = 23,
    QUANT_BF16 = 30,
    QUANT_MXFP4 = 39,
    QUANT_NVFP4 = 40,
};

struct quant_format {
    enum quant_type type;
    const char *name;
    uint32_t block_values; /* values in a block */
    uint32_t block_bytes;
    /* blocks[count] -> values[count * block_values], float32, exact; NULL where we cannot decode
     * yet */
    void (*decode)(const unsigned char *blocks, size_t count, float *values);
};

/* The format with this id, or NULL when it is not one of ours. */
const struct quant_format *quant_format(uint32_t type);

float quant_f16_to_f32(uint16_t half);  /* exact, subnormals included */
uint16_t quant_f32_to_f16(float value); /* round to nearest even */
float quant_bf16_to_f32(uint16_t half);

#endif
