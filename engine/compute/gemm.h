/* gemm: matrix products for many tokens in fast arithmetic.
 *
 * The float path (tensor.c) decodes a matrix exactly and multiplies in float32. Here both sides are
 * rounded first, so that the matrix units or the integer units can multiply them: to bfloat16 with
 * the scale of each block folded into the weight, or to 8-bit integers with one scale for each
 * group of columns. Sums are float32. What this costs in accuracy: docs/speed.md.
 *
 * Columns are done in parts of GEMM_PART. A piece of work is some rows of a matrix against all
 * tokens: for each part it unpacks its rows into a panel, once for all tokens, and adds the part's
 * products to sums in memory. The order of the additions of one result depends on the number of
 * columns only: not on threads, pieces, or on which tokens and rows are done together.
 *
 * A set of entries may have no better way than the float path (gemm NULL in struct kernels, as on
 * arm64): then products stay there.
 */
#ifndef CARAT_COMPUTE_GEMM_H
#define CARAT_COMPUTE_GEMM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "load/quant.h"

struct err;
struct kernels;
struct tensor_machine;
struct tensor_product;

enum {
    GEMM_PART = 512,   /* columns done together: a multiple of every format's block */
    GEMM_TILE = 16,    /* rows, and tokens, of the smallest unit */
    GEMM_ROWS = 128,   /* most rows of a piece */
    GEMM_TOKENS = 256, /* most tokens that one unpacking serves */
    GEMM_FORMATS = QUANT_NVFP4 + 1,
};

/* One instruction set. A panel holds rows, and a packed part holds tokens, in tiles of GEMM_TILE,
 * what is missing in the last tile filled with zeros. `columns`: of the part, 1..GEMM_PART. How
 * panels, packed parts and sums are laid out is the set's own affair; they are aligned to 64. */
struct gemm_set {
    const char *name;
    bool (*supported)(void);
    size_t token_bytes;    /* of one token in a packed part */
    size_t row_bytes;      /* of one row in a panel */
    size_t piece_products; /* multiplications that take some tenths of a millisecond */
    bool blocks_only;      /* only formats of up to 8 bits a weight: it rounds weights to 8 bits */
    /* Up to GEMM_TILE tokens, x_stride values apart, into one tile. */
    void (*pack)(const float *x, size_t x_stride, size_t tokens, size_t columns, void *packed);
    /* Up to GEMM_TILE rows of float32 values, `stride` apart, into one tile of a panel. */
    void (*round)(const float *values, size_t stride, size_t rows, size_t columns, void *panel);
    /* The same from the stored format, by enum quant_type; NULL: decoded, then rounded. */
    void (*unpack[GEMM_FORMATS])(const unsigned char *stored, size_t row_bytes, size_t rows,
                                 size_t columns, void *panel);
    /* sums (= if `first`, else +=) panel times packed tokens, both in whole tiles. */
    void (*multiply)(const void *panel, size_t row_tiles, const void *packed, size_t token_tiles,
                     size_t columns, bool first, float *sums);
    /* out[t * out_stride + r] = scale * sum, for rows r and tokens t that exist. */
    void (*store)(const float *sums, size_t rows, size_t tokens, float scale, float *out,
                  size_t out_stride);
};

/* The scratch of a machine. */
struct gemm {
    const struct gemm_set *set; /* NULL: there is none, and nothing was allocated */
    unsigned char *packed;      /* activations of GEMM_TOKENS tokens, by parts */
    unsigned char *scratch;     /* one for each worker */
    size_t scratch_bytes;
};

/* Untouched pages cost nothing. ERR_MEMORY. */
bool gemm_init(struct gemm *gemm, const struct kernels *kernels, int workers, size_t columns_max,
               struct err *err);
void gemm_finish(struct gemm *gemm);
/* What the greediest set of this build takes. */
uint64_t gemm_plan(int workers, size_t columns_max);

/* Whether gemm_multiply may do this product. */
bool gemm_takes(const struct gemm *gemm, const struct tensor_product *product);

/* Products whose matrix has data, row_count named, any number of tokens from 1 on. Those that
 * follow one another with the same x share its packing. */
void gemm_multiply(struct tensor_machine *machine, const struct tensor_product *products,
                   size_t product_count);

#if defined(__x86_64__)
extern const struct gemm_set gemm_amx;
extern const struct gemm_set gemm_avx512;
extern const struct gemm_set gemm_avx_vnni;
extern const struct gemm_set gemm_avx2;
#endif

#endif
