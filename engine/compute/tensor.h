/* tensor: products of weights with rows of float32 values, and the machine that computes them and
 * what compute/rows.h has.
 *
 * A "row" is the vector of one token (or of one head of it); `count` rows of `width` values lie
 * `width` apart unless a stride is named. Work is shared among the workers of the model; results
 * do not depend on their number. Nothing here fails: when the pass is cancelled, what is left is
 * skipped, `stopped` is set, and the results are worth nothing; the caller looks at `stopped`
 * between layers.
 */
#ifndef CARAT_COMPUTE_TENSOR_H
#define CARAT_COMPUTE_TENSOR_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compute/gemm.h"

struct err;
struct int8_kernels;
struct int8_quad;
struct kernels;
struct weights_matrix;
struct workers;

/* Who wants to know how far long work is; NULL: nobody. */
struct tensor_progress {
    void (*tell)(void *context, size_t done, size_t total);
    void *context;
};

/* What computes: shared by all sessions of a model, used by one at a time. */
struct tensor_machine {
    const struct kernels *kernels;
    struct workers *workers;
    float *panels;                   /* one for each worker: decoded rows of a matrix */
    size_t panel_values;             /* size of one */
    const struct int8_kernels *int8; /* for few tokens, unless `exact` */
    struct gemm gemm;                /* for many tokens, unless `exact` */
    struct int8_quad *quads;         /* rounded activations of one tensor_multiply */
    size_t vector_quads;             /* those of the widest vector */
    struct tensor_progress progress; /* of the encoders of pictures and sounds */
    const atomic_bool *cancel;       /* of the pass that runs now; may be NULL */
    bool stopped;                    /* the pass was cancelled and its values are not whole */
    bool exact;                      /* float32 only; tensor_machine_init says true */
};

/* Starts `threads` workers (0 = all cores) and chooses kernels by name (NULL = best).
 * `columns_max`: the widest matrix that will be multiplied. */
bool tensor_machine_init(struct tensor_machine *machine, const char *kernels, int threads,
                         size_t columns_max, struct err *err);
/* What a machine of `threads` takes, their stacks included as far as they are used. */
uint64_t tensor_machine_plan(int threads, size_t columns_max);
void tensor_machine_finish(struct tensor_machine *machine);

/* Tells whoever wants to know; nothing of a pass that was cancelled. */
void tensor_tell(const struct tensor_machine *machine, size_t done, size_t total);

/* Shares `work` over 0..count-1 and notes a cancel. */
void tensor_share(struct tensor_machine *machine,
                  void (*work)(void *context, size_t index, int worker), void *context,
                  size_t count);

/* One product y = M x: out[t][row] for each of `tokens` vectors x[t]. Strides in values. */
struct tensor_product {
    const struct weights_matrix *matrix;
    const float *x;
    size_t x_stride;
    float *out;
    size_t out_stride;
    size_t tokens;
    int32_t row_from, row_count; /* the rows of the matrix that are wanted; row_count 0 = all */
};

/* Several products as one piece of work: q, k and v; gate and up, also of several experts. A
 * product whose matrix has no data is left out. Unless the machine is `exact`, products for up to
 * INT8_TOKENS_MAX tokens are made in whole numbers where the matrix has a format for it
 * (compute/int8.h); a token's result is then the same bits for any number of tokens up to that. */
enum { TENSOR_PRODUCTS_MAX = 16 };
void tensor_multiply(struct tensor_machine *machine, const struct tensor_product *products,
                     size_t product_count);

/* Values 0..columns-1 of row `row` of a matrix, decoded. */
void tensor_decode_row(const struct tensor_machine *machine, const struct weights_matrix *matrix,
                       int32_t row, float *values);

#endif
