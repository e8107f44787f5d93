/* int8: matrix products for few tokens in whole numbers.
 *
 * Activations are rounded to eight bits, 32 to a block, each block with a float32 scale; the rows
 * of a matrix stay as they lie in the file, and the products of codes are summed exactly in 32-bit
 * integers. Only then scales come in, in float32. A row's codes are unpacked once for all tokens.
 *
 *   x[i] ~ scale * code,  scale = max |x| / 127 over the block, code in -127..127 (nearest, even)
 *   out  = sum over blocks of  scale * (step * sum(w * code) - minimum * sum(code))
 *
 * with w, step and minimum as load/quant.h has them. A block whose values all lie below 2^-120
 * counts as zero; one that holds an infinity or NaN makes every result a NaN.
 *
 * Within one set the result of a token is the same bits whatever the number of rows and tokens in
 * the call: a row is summed in the order of its quads (below), and tokens never meet. The integer
 * sums are the same in every set. `scalar` says what each entry means.
 *
 * Nothing here allocates, fails, or keeps state.
 */
#ifndef CARAT_COMPUTE_INT8_H
#define CARAT_COMPUTE_INT8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compute/kernels.h"

enum { INT8_BLOCK = 32, INT8_QUAD = 128, INT8_TOKENS_MAX = 16 };

/* Four blocks of one token, laid out for registers of 16, 32 or 64 bytes: the first halves of the
 * blocks, then the second halves, because four-bit formats store these two in one byte. Lane
 * 4 b + i belongs to codes 4 i .. 4 i + 3 of a half of block b. Blocks behind the end of a row are
 * zero. */
struct int8_quad {
    int8_t codes[2][64]; /* [half][16 b + i] */
    /* -128 times the sum of a lane's codes: takes back that a set stores w as w + 128. */
    int32_t offset[16];         /* of both halves */
    int32_t half_offset[2][16]; /* of each */
    float scale[16];            /* of block b, in its four lanes */
};

static inline size_t int8_quads(size_t columns)
{
    return (columns + INT8_QUAD - 1) / INT8_QUAD;
}

struct int8_kernels {
    const char *name;
    const char *family; /* the name of the float32 kernels that these go with */
    bool (*supported)(void);
    /* x[columns], a multiple of 32 -> quads[int8_quads(columns)], which are aligned to 64 bytes */
    void (*quantise)(const float *x, size_t columns, struct int8_quad *quads);
    /* out[t * out_stride + r] = row r times token t, for 1..INT8_TOKENS_MAX tokens, whose quads lie
     * one token behind the other. By enum quant_type; NULL: this set has no kernel for it. */
    void (*multiply[KERNELS_FORMATS])(const unsigned char *rows, size_t row_bytes, size_t row_count,
                                      size_t columns, const struct int8_quad *x, size_t tokens,
                                      float *out, size_t out_stride);
};

/* The best set of a family that this machine can run: never NULL, scalar at worst. */
const struct int8_kernels *int8_choose(const char *family);

/* The sets of this build, for tests. NULL past the end. */
const struct int8_kernels *int8_at(size_t index);

extern const struct int8_kernels int8_scalar;
#if defined(__x86_64__)
extern const struct int8_kernels int8_avx2, int8_avxvnni, int8_avx512;
void int8_quantise_avx2(const float *x, size_t columns, struct int8_quad *quads); /* of all three */
#endif
#if defined(__aarch64__)
extern const struct int8_kernels int8_neon, int8_neon_dot;
#endif

#endif
