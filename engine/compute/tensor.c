/* tensor: the operations, and how each is cut into pieces of work.
 *
 * A product is cut by rows of the matrix. For few tokens, and when rounding is allowed, the
 * activations are rounded to whole numbers once for all products that share them, and the rows are
 * multiplied as they lie. So they are in float32 with one token and a kernel for the stored format;
 * else a piece decodes its rows into the worker's panel once and multiplies all tokens by them, so
 * that the cost of decoding is shared by the tokens. More tokens than INT8_TOKENS_MAX are
 * compute/gemm's when rounding is allowed. Where a cut lies never changes a result: each output
 * value is made whole inside one piece.
 */
#include "compute/tensor.h"

#include <assert.h>

#include "base/err.h"
#include "base/mem.h"
#include "compute/int8.h"
#include "compute/kernels.h"
#include "compute/workers.h"
#include "load/weights.h"

/* Rows of a matrix that are decoded together: enough to use a tile of activations several times,
 * few enough that they stay in the second-level cache. */
enum { PANEL_ROWS = 16 };

/* Values of a matrix in a piece of work: some tens of microseconds; and the pieces that a
 * small matrix is cut into for each worker, so that they end together. */
enum { PIECE_VALUES = 512 * 1024, PIECES_A_WORKER = 4 };

/* Activations that the caller rounds by itself: more are shared. */
enum { ROUNDED_ALONE = 32 * 1024 };

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
           gemm_plan((int)count, columns_max) +
           (uint64_t)TENSOR_PRODUCTS_MAX * INT8_TOKENS_MAX * int8_quads(columns_max) *
               sizeof(struct int8_quad);
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
    made.int8 = int8_choose(made.kernels->name);
    made.vector_quads = int8_quads(columns_max);
    size_t count = (size_t)workers_count(made.workers);
    size_t vectors = (size_t)TENSOR_PRODUCTS_MAX * INT8_TOKENS_MAX;
    made.panels = mem_try_align(64, count * made.panel_values, sizeof *made.panels);
    made.quads = mem_try_align(64, vectors * made.vector_quads, sizeof *made.quads);
    if (made.panels == NULL || made.quads == NULL) {
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
    mem_free(machine->quads);
    *machine = (struct tensor_machine){0};
}

void tensor_tell(const struct tensor_machine *machine, size_t done, size_t total)
{
    if (machine->progress.tell != NULL && !machine->stopped) {
        machine->progress.tell(machine->progress.context, done, total);
    }
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
    const struct int8_quad *rounded[TENSOR_PRODUCTS_MAX]; /* of x; NULL: float32 */
    size_t piece_rows[TENSOR_PRODUCTS_MAX];
    size_t first_piece[TENSOR_PRODUCTS_MAX + 1]; /* pieces of product i: [i] .. [i + 1] - 1 */
    size_t product_count;
};

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

static bool dots_as_stored(const struct tensor_machine *machine,
                           const struct tensor_product *product)
{
    return product->tokens == 1 &&
           machine->kernels->rows[product->matrix->format->type].dot != NULL;
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
    enum quant_type type = matrix->format->type;
    size_t first = (piece - job->first_piece[i]) * job->piece_rows[i];
    size_t rows = (size_t)product->row_count - first;
    rows = rows < job->piece_rows[i] ? rows : job->piece_rows[i];
    size_t from = (size_t)product->row_from + first;
    size_t columns = (size_t)matrix->columns;
    const unsigned char *stored = matrix->data + from * matrix->row_bytes;
    float *out = product->out + first;
    if (job->rounded[i] != NULL) {
        machine->int8->multiply[type](stored, matrix->row_bytes, rows, columns, job->rounded[i],
                                      product->tokens, out, product->out_stride);
    } else if (dots_as_stored(machine, product)) {
        machine->kernels->rows[type].dot(stored, matrix->row_bytes, rows, columns, product->x, out);
    } else {
        multiply_panel(machine, product, from, rows, worker, out);
    }
    if (matrix->scale != 1.0f) {
        scale_outputs(product, out, rows);
    }
}

/* A multiple of four rows, so that kernels which do four at once have few odd ones. */
static size_t rows_of_a_piece(const struct tensor_machine *machine,
                              const struct tensor_product *product, bool rounded)
{
    if (!rounded && !dots_as_stored(machine, product)) {
        return PANEL_ROWS;
    }
    size_t most = PIECE_VALUES / (size_t)product->matrix->columns / 4 * 4;
    size_t pieces = (size_t)workers_count(machine->workers) * PIECES_A_WORKER;
    size_t fair = ((size_t)product->row_count / pieces + 3) / 4 * 4;
    size_t rows = fair < most ? fair : most;
    return rows < 4 ? 4 : rows;
}

/* --- activations as whole numbers --- */

static bool wants_rounding(const struct tensor_machine *machine,
                           const struct tensor_product *product)
{
    return !machine->exact && product->tokens <= INT8_TOKENS_MAX &&
           machine->int8->multiply[product->matrix->format->type] != NULL;
}

struct rounding_job {
    const struct tensor_machine *machine;
    const struct tensor_product *product;
    struct int8_quad *quads;
};

static void round_token(void *context, size_t token, int worker)
{
    (void)worker;
    const struct rounding_job *job = context;
    size_t columns = (size_t)job->product->matrix->columns;
    job->machine->int8->quantise(job->product->x + token * job->product->x_stride, columns,
                                 job->quads + token * int8_quads(columns));
}

/* The activations of product i, rounded; those of an earlier product when they are the same. */
static const struct int8_quad *round_activations(struct tensor_machine *machine,
                                                 const struct product_job *job, size_t i)
{
    const struct tensor_product *product = &job->products[i];
    for (size_t j = 0; j < i; j++) {
        const struct tensor_product *other = &job->products[j];
        if (job->rounded[j] != NULL && other->x == product->x &&
            other->x_stride == product->x_stride && other->tokens >= product->tokens &&
            other->matrix->columns == product->matrix->columns) {
            return job->rounded[j];
        }
    }
    struct int8_quad *quads = machine->quads + i * INT8_TOKENS_MAX * machine->vector_quads;
    struct rounding_job rounding = {machine, product, quads};
    if (product->tokens * (size_t)product->matrix->columns > ROUNDED_ALONE) {
        tensor_share(machine, round_token, &rounding, product->tokens);
        return quads;
    }
    for (size_t t = 0; t < product->tokens; t++) {
        round_token(&rounding, t, 0);
    }
    return quads;
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
        if (!machine->exact && product.tokens > INT8_TOKENS_MAX &&
            gemm_takes(&machine->gemm, &product)) {
            many[many_count++] = product;
            continue;
        }
        size_t n = job.product_count++;
        job.products[n] = product;
        bool rounded = wants_rounding(machine, &product);
        job.rounded[n] = rounded ? round_activations(machine, &job, n) : NULL;
        job.piece_rows[n] = rows_of_a_piece(machine, &product, rounded);
        size_t rows = (size_t)product.row_count;
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
