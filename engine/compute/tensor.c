/* tensor: the operations, and how each is cut into pieces of work.
 *
 * A product is cut by rows of the matrix. With one token and a kernel for the stored format the
 * rows are multiplied as they lie; else a piece decodes its rows into the worker's panel once and
 * multiplies all tokens by them, so that the cost of decoding is shared by the tokens. Where a cut
 * lies never changes a result: each output value is made whole inside one piece.
 */
#include "compute/tensor.h"

#include <assert.h>

#include "base/err.h"
#include "base/mem.h"
#include "compute/kernels.h"
#include "compute/workers.h"
#include "load/weights.h"

/* Rows of a matrix that are decoded together: enough to use a tile of activations several times,
 * few enough that they stay in the second-level cache. */
enum { PANEL_ROWS = 16 };

/* Up to so many tokens unpacking a matrix costs more than it saves: compute/gemm.h is for more. */
enum { FEW_TOKENS = 16 };

/* Values of a matrix in a piece of work for one token: some tens of microseconds. */
enum { PIECE_VALUES = 128 * 1024 };

/* Of the stack of a worker: its deepest calls keep some rows there. */
enum { STACK_BYTES = 64 * 1024 };

static size_t values_of_a_panel(size_t columns_max)
{
    return (columns_max + 15) / 16 * 16 * PANEL_ROWS;
}

uint64_t tensor_machine_plan(int threads, size_t columns_max)
{
    uint64_t count = (uint64_t)workers_planned(threads);
    return count * (values_of_a_panel(columns_max) * sizeof(float) + STACK_BYTES) +
           gemm_plan((int)count, columns_max);
}

bool tensor_machine_init(struct tensor_machine *machine, const char *kernels, int threads,
                         size_t columns_max, struct err *err)
{
    struct tensor_machine made = {.panel_values = values_of_a_panel(columns_max), .exact = true};
    made.kernels = kernels_choose(kernels, err);
    if (made.kernels == NULL) {
        return false;
    }
    made.workers = workers_create(threads, err);
    if (made.workers == NULL) {
        return false;
    }
    size_t count = (size_t)workers_count(made.workers);
    made.panels = mem_try_align(64, count * made.panel_values, sizeof *made.panels);
    if (made.panels == NULL) {
        err_set(err, ERR_MEMORY, "no memory for the scratch of %zu workers", count);
        tensor_machine_finish(&made);
        return false;
    }
    if (!gemm_init(&made.gemm, made.kernels, (int)count, columns_max, err)) {
        tensor_machine_finish(&made);
        return false;
    }
    *machine = made;
    return true;
}

void tensor_machine_finish(struct tensor_machine *machine)
{
    workers_destroy(machine->workers);
    mem_free(machine->panels);
    gemm_finish(&machine->gemm);
    *machine = (struct tensor_machine){0};
}

void tensor_share(struct tensor_machine *machine,
                  void (*work)(void *context, size_t index, int worker), void *context,
                  size_t count)
{
    if (!workers_run(machine->workers, work, context, count, machine->cancel)) {
        machine->stopped = true;
    }
}

/* --- products --- */

struct product_job {
    const struct tensor_machine *machine;
    struct tensor_product products[TENSOR_PRODUCTS_MAX];
    size_t piece_rows[TENSOR_PRODUCTS_MAX];
    size_t first_piece[TENSOR_PRODUCTS_MAX + 1]; /* pieces of product i: [i] .. [i + 1] - 1 */
    size_t product_count;
};

static bool multiplies_as_stored(const struct tensor_machine *machine,
                                 const struct quant_format *format, size_t tokens)
{
    return tokens == 1 && machine->kernels->rows[format->type].dot != NULL;
}

static void decode(const struct kernels *kernels, const struct weights_matrix *matrix, size_t from,
                   size_t rows, float *values)
{
    const struct quant_format *format = matrix->format;
    size_t blocks = (size_t)matrix->columns / format->block_values;
    void (*fast)(const unsigned char *, size_t, float *) = kernels->rows[format->type].decode;
    for (size_t r = 0; r < rows; r++) {
        const unsigned char *row = matrix->data + (from + r) * matrix->row_bytes;
        (fast != NULL ? fast : format->decode)(row, blocks, values + r * (size_t)matrix->columns);
    }
}

/* Decodes `rows` rows from row `from` on and multiplies all tokens by them. */
static void multiply_panel(const struct tensor_machine *machine,
                           const struct tensor_product *product, size_t from, size_t rows,
                           int worker, float *out)
{
    const struct weights_matrix *matrix = product->matrix;
    size_t columns = (size_t)matrix->columns;
    const unsigned char *stored = matrix->data + from * matrix->row_bytes;
    const float *panel = (const float *)(const void *)stored;
    if (matrix->format->type != QUANT_F32) {
        float *scratch = machine->panels + (size_t)worker * machine->panel_values;
        decode(machine->kernels, matrix, from, rows, scratch);
        panel = scratch;
    }
    machine->kernels->panel(panel, columns, rows, columns, product->x, product->x_stride,
                            product->tokens, out, product->out_stride);
}

/* out[t][r] *= scale, for a matrix that has one scale for all its values. */
static void scale_outputs(const struct tensor_product *product, float *out, size_t rows)
{
    for (size_t t = 0; t < product->tokens; t++) {
        for (size_t r = 0; r < rows; r++) {
            out[t * product->out_stride + r] *= product->matrix->scale;
        }
    }
}

static void multiply_piece(void *context, size_t piece, int worker)
{
    const struct product_job *job = context;
    const struct tensor_machine *machine = job->machine;
    size_t i = 0;
    while (piece >= job->first_piece[i + 1]) {
        i++;
    }
    const struct tensor_product *product = &job->products[i];
    const struct weights_matrix *matrix = product->matrix;
    size_t first = (piece - job->first_piece[i]) * job->piece_rows[i];
    size_t rows = (size_t)product->row_count - first;
    rows = rows < job->piece_rows[i] ? rows : job->piece_rows[i];
    size_t from = (size_t)product->row_from + first;
    size_t columns = (size_t)matrix->columns;
    const unsigned char *stored = matrix->data + from * matrix->row_bytes;
    float *out = product->out + first;
    if (multiplies_as_stored(machine, matrix->format, product->tokens)) {
        machine->kernels->rows[matrix->format->type].dot(stored, matrix->row_bytes, rows, columns,
                                                         product->x, out);
    } else {
        multiply_panel(machine, product, from, rows, worker, out);
    }
    if (matrix->scale != 1.0f) {
        scale_outputs(product, out, rows);
    }
}

static size_t rows_of_a_piece(const struct tensor_machine *machine,
                              const struct weights_matrix *matrix, size_t tokens)
{
    if (!multiplies_as_stored(machine, matrix->format, tokens)) {
        return PANEL_ROWS;
    }
    size_t rows = PIECE_VALUES / (size_t)matrix->columns / 4 * 4;
    return rows < 4 ? 4 : rows;
}

void tensor_multiply(struct tensor_machine *machine, const struct tensor_product *products,
                     size_t product_count)
{
    assert(product_count <= TENSOR_PRODUCTS_MAX);
    struct product_job job = {.machine = machine};
    struct tensor_product many[TENSOR_PRODUCTS_MAX]; /* those for compute/gemm.h */
    size_t many_count = 0;
    for (size_t i = 0; i < product_count; i++) {
        const struct weights_matrix *matrix = products[i].matrix;
        if (matrix->data == NULL || products[i].tokens == 0) {
            continue;
        }
        struct tensor_product product = products[i];
        product.row_count = product.row_count == 0 ? matrix->rows : product.row_count;
        if (!machine->exact && product.tokens > FEW_TOKENS &&
            gemm_takes(&machine->gemm, &product)) {
            many[many_count++] = product;
            continue;
        }
        size_t n = job.product_count++;
        job.products[n] = product;
        job.piece_rows[n] = rows_of_a_piece(machine, matrix, products[i].tokens);
        size_t rows = (size_t)job.products[n].row_count;
        job.first_piece[n + 1] =
            job.first_piece[n] + (rows + job.piece_rows[n] - 1) / job.piece_rows[n];
    }
    gemm_multiply(machine, many, many_count);
    if (job.product_count > 0 && !machine->stopped) {
        tensor_share(machine, multiply_piece, &job, job.first_piece[job.product_count]);
    }
}

void tensor_decode_row(const struct tensor_machine *machine, const struct weights_matrix *matrix,
                       int32_t row, float *values)
{
    decode(machine->kernels, matrix, (size_t)row, 1, values);
    if (matrix->scale != 1.0f) {
        for (int32_t i = 0; i < matrix->columns; i++) {
            values[i] *= matrix->scale;
        }
    }
}
