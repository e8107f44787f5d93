/* rows: operations of a forward pass on rows of float32 values, besides the products with weights
 * (compute/tensor.h): norms, activations, sums, softmax.
 *
 * A "row" is the vector of one token (or of one head of it); `count` rows of `width` values lie
 * `width` apart unless a stride is named. Much work is shared among the workers, little is done by
 * the caller, who would wait for them longer than it takes; a result is the same either way.
 * Nothing here fails: when the pass is cancelled, what is left may be skipped (compute/tensor.h).
 */
#ifndef CARAT_COMPUTE_ROWS_H
#define CARAT_COMPUTE_ROWS_H

#include <stddef.h>

struct kernels;
struct tensor_machine;

/* out = x * (mean(x^2) + eps)^(-1/2) [* weight]; weight NULL = none. x and out may be the same. */
void rows_rms_norm(struct tensor_machine *machine, float *out, const float *x, const float *weight,
                   size_t count, size_t width, float eps);

/* x = (x + rms_norm(branch)) * factor: what ends a branch, in one pass over memory. */
void rows_add_norm(struct tensor_machine *machine, float *x, const float *branch,
                   const float *weight, size_t count, size_t width, float eps, float factor);

/* x += y, n values. */
void rows_add(struct tensor_machine *machine, float *x, const float *y, size_t n);

/* x *= factor, n values. */
void rows_scale(struct tensor_machine *machine, float *x, float factor, size_t n);

/* x = gelu_tanh(x) * y, rows of y `y_stride` apart. gelu_tanh(x) =
 * x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))). */
void rows_gelu_multiply(struct tensor_machine *machine, float *x, const float *y, size_t y_stride,
                        size_t count, size_t width);

/* x = silu(x) = x / (1 + exp(-x)), n values. */
void rows_silu(struct tensor_machine *machine, float *x, size_t n);

/* out[count][width] = the first half of a row of in[count][2 * width] times the sigmoid of the
 * second. */
void rows_gate(struct tensor_machine *machine, float *out, const float *in, size_t count,
               size_t width);

/* out = x, but at least `least` and at most `most`, n values; x and out may be the same. */
void rows_clamp(struct tensor_machine *machine, float *out, const float *x, float least, float most,
                size_t n);

/* x += factor * y, n values. */
void rows_add_scaled(struct tensor_machine *machine, float *x, const float *y, float factor,
                     size_t n);

/* x = cap * tanh(x / cap), n values. */
void rows_soft_cap(struct tensor_machine *machine, float *x, float cap, size_t n);

/* One row each, on the calling thread: x = exp(x - max) / sum, and the norm of above. */
void rows_softmax(const struct kernels *kernels, float *x, size_t width);
void rows_rms_norm_row(const struct kernels *kernels, float *out, const float *x,
                       const float *weight, size_t width, float eps);

#endif
