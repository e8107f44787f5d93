/* kernels: the inner loops, one table of pointers for each instruction set.
 *
 * `scalar` is the plain C that says what each entry means; the others compute the same sums in
 * another order. Within one table the order of the additions of a result depends on nothing but the
 * number of columns: not on how many rows or tokens are done together, nor on which entry does it
 * (dot over stored rows, or panel over decoded ones). So a prompt gives the same bits token by
 * token, in one batch, and on any number of threads.
 *
 * Rows are `row_bytes` apart, in their stored format; vectors x and results are float32. Everything
 * is float32: a stored value is first decoded exactly as load/quant.h says. Nothing here allocates,
 * fails, or keeps state.
 */
#ifndef CARAT_COMPUTE_KERNELS_H
#define CARAT_COMPUTE_KERNELS_H

#include <stdbool.h>
#include <stddef.h>

#include "load/quant.h"

struct err;
struct row_kernels;
struct gemm_set;
struct mutual_set;

enum { KERNELS_FORMATS = QUANT_NVFP4 + 1, KERNELS_GEMMS = 3 };

/* What can be done with rows of one stored format; NULL where this set has nothing better than
 * decoding by load/quant.h. F32 and F16 always have dot and accumulate: the K/V cache needs them.
 * It may hold Q8_0, too: that, plain C always has. */
struct kernels_rows {
    /* out[r] = sum over c of row_r[c] * x[c] */
    void (*dot)(const unsigned char *rows, size_t row_bytes, size_t row_count, size_t columns,
                const float *x, float *out);
    /* sum[c] += sum over r of scale[r] * row_r[c], in the order of r */
    void (*accumulate)(const unsigned char *rows, size_t row_bytes, size_t row_count,
                       size_t columns, const float *scale, float *sum);
    /* the same values as quant_format.decode, bit for bit */
    void (*decode)(const unsigned char *blocks, size_t count, float *values);
};

struct kernels {
    const char *name;
    bool (*supported)(void);
    /* out[t * out_stride + r] = sum over c of rows[r * row_stride + c] * x[t * x_stride + c]:
     * float32 rows against many tokens. Strides in values. */
    void (*panel)(const float *rows, size_t row_stride, size_t row_count, size_t columns,
                  const float *x, size_t x_stride, size_t tokens, float *out, size_t out_stride);
    struct kernels_rows rows[KERNELS_FORMATS]; /* by enum quant_type */
    const struct row_kernels *row;             /* what is no product with weights */
    /* For many tokens in fast arithmetic (compute/gemm.h): the first one that the machine supports;
     * NULL past the last. */
    const struct gemm_set *gemm[KERNELS_GEMMS];
    /* Attention of every row to every row in fast arithmetic (compute/mutual.h); NULL: none. */
    const struct mutual_set *mutual;
};

/* The set with this name, or the best one that this machine can run for NULL. NULL with
 * ERR_ARGUMENT when this build has no such set, ERR_UNSUPPORTED when the machine cannot run it. */
const struct kernels *kernels_choose(const char *name, struct err *err);

/* The sets of this build, best first: for tests. NULL past the end. */
const struct kernels *kernels_at(size_t index);

extern const struct kernels kernels_scalar;
#if defined(__x86_64__)
extern const struct kernels kernels_avx2;
extern const struct kernels kernels_avx512;
extern const struct kernels kernels_amx; /* avx512, and the tile unit for many tokens */
#endif
#if defined(__aarch64__)
extern const struct kernels kernels_neon;
#endif

#endif
