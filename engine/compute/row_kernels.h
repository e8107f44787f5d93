/* row_kernels: the inner loops of everything in a forward pass that is not a product with weights:
 * norms, activations, softmax, rotation, and the two small products of attention.
 *
 * One table for each instruction set, reached through struct kernels. `scalar` is the plain C that
 * says what each entry means. The others are one text, row_kernels_lanes.h, compiled once for each
 * set over its own vector operations, so that they cannot drift apart.
 *
 * All values are float32 in float32 arithmetic. Within one table the bits of a result depend on the
 * values of its own row alone: not on the address, nor on which rows are done together. Inputs may
 * be infinite or no number; what comes of it is said where it is more than IEEE arithmetic.
 * Nothing here allocates, fails, or keeps state.
 */
#ifndef CARAT_COMPUTE_ROW_KERNELS_H
#define CARAT_COMPUTE_ROW_KERNELS_H

#include <stddef.h>

/* Rows of keys that are turned into columns together, and the values that rows of a matrix on the
 * right of multiply_add are padded to a multiple of. */
enum { ROW_KERNELS_KEYS = 64, ROW_KERNELS_PAD = 16 };

struct row_kernels {
    /* out = x * (mean(x^2) + eps)^(-1/2) [* weight]; weight NULL = none; out may be x. */
    void (*rms_norm)(float *out, const float *x, const float *weight, size_t n, float eps);

    /* x = (x + rms_norm(branch)) * factor: the end of a branch in one pass. */
    void (*add_norm)(float *x, const float *branch, const float *weight, size_t n, float eps,
                     float factor);

    /* x += y */
    void (*add)(float *x, const float *y, size_t n);

    /* x *= factor */
    void (*scale)(float *x, float factor, size_t n);

    /* x = gelu_tanh(x) * y, gelu_tanh(x) = x / (1 + exp(-2 u)), u = sqrt(2/pi) (x + 0.044715 x^3),
     * which is x/2 (1 + tanh u) without its cancellation. */
    void (*gelu_multiply)(float *x, const float *y, size_t n);

    /* out = x * sigmoid(gates), sigmoid(x) = 1 / (1 + exp(-x)); all three may be the same. */
    void (*gate)(float *out, const float *x, const float *gates, size_t n);

    /* out = x, but at least `least` and at most `most`; what is no number stays so; out may be x.
     */
    void (*clamp)(float *out, const float *x, float least, float most, size_t n);

    /* x = cap * tanh(x / cap) */
    void (*soft_cap)(float *x, float cap, size_t n);

    /* The greatest of n >= 0 values, leaving out what is no number; minus infinity of none. */
    float (*greatest)(const float *x, size_t n);

    /* x = exp(x - subtract); returns their sum. For x <= subtract, off by 2 units in the last
     * place at most; below exp(-87) it is 0. */
    float (*exponentials)(float *x, float subtract, size_t n);

    /* The pairs (x[i], y[i]) turned by angles: x' = x cos - y sin, y' = y cos + x sin. */
    void (*rotate)(float *x, float *y, const float *cosines, const float *sines, size_t pairs);

    /* out = out * out_factor + x * x_factor */
    void (*blend)(float *out, float out_factor, const float *x, float x_factor, size_t n);

    /* columns[c * ROW_KERNELS_KEYS + r] = rows[r * row_stride + c] for r < row_count, which is at
     * most ROW_KERNELS_KEYS. The rest up to the next multiple of ROW_KERNELS_PAD becomes 0. */
    void (*transpose)(const float *rows, size_t row_stride, size_t row_count, size_t width,
                      float *columns);

    /* out[r][c] += sum over k < depth of a[r][k] * b[k][c], k ascending, each sum in an order of
     * its own. `columns` is a multiple of ROW_KERNELS_PAD. Strides in values. */
    void (*multiply_add)(const float *a, size_t a_stride, size_t rows, size_t depth, const float *b,
                         size_t b_stride, size_t columns, float *out, size_t out_stride);

    /* n values as halves, rounded to the nearest, of equals the even one. */
    void (*store_f16)(unsigned char *halves, const float *x, size_t n);
};

extern const struct row_kernels row_kernels_scalar;
#if defined(__x86_64__)
extern const struct row_kernels row_kernels_avx2;
extern const struct row_kernels row_kernels_avx512;
#endif
#if defined(__aarch64__)
extern const struct row_kernels row_kernels_neon;
#endif

#endif
