/* rows: how the operations are cut into pieces of work. A piece is whole rows, or some values of a
 * long run of them; each value is made inside one piece from its own row alone. */
#include "compute/rows.h"

#include "compute/kernels.h"
#include "compute/row_kernels.h"
#include "compute/tensor.h"

/* Values in a piece of work: some microseconds. As many or fewer are not shared at all. */
enum { PIECE_VALUES = 16384 };

/* Rows of `width` values; the last one may be cut short by `total`, which is how a long run of
 * values is shared. */
struct rows_job {
    void (*row)(const struct rows_job *job, float *out, const float *in, size_t width);
    const struct row_kernels *kernels;
    float *out;
    const float *in;
    const float *weight;
    size_t in_stride, width, total, count, piece_rows;
    float eps;
    float number; /* factor, cap, or lower limit */
    float most;
};

static void rows_piece(void *context, size_t piece, int worker)
{
    (void)worker;
    const struct rows_job *job = context;
    size_t end = (piece + 1) * job->piece_rows;
    end = end < job->count ? end : job->count;
    for (size_t i = piece * job->piece_rows; i < end; i++) {
        size_t left = job->total - i * job->width;
        job->row(job, job->out + i * job->width, job->in + i * job->in_stride,
                 left < job->width ? left : job->width);
    }
}

static void run_rows(struct tensor_machine *machine, struct rows_job job)
{
    if (job.total == 0) {
        return;
    }
    job.kernels = machine->kernels->row;
    job.count = (job.total + job.width - 1) / job.width;
    job.piece_rows = job.width < PIECE_VALUES ? PIECE_VALUES / job.width : 1;
    size_t pieces = (job.count + job.piece_rows - 1) / job.piece_rows;
    if (pieces == 1) {
        rows_piece(&job, 0, 0);
        return;
    }
    tensor_share(machine, rows_piece, &job, pieces);
}

/* The same operation on each of `total` values that lie side by side. */
static void run_values(struct tensor_machine *machine, struct rows_job job)
{
    job.width = PIECE_VALUES;
    job.in_stride = PIECE_VALUES;
    run_rows(machine, job);
}

static void rms_norm_row(const struct rows_job *job, float *out, const float *in, size_t width)
{
    job->kernels->rms_norm(out, in, job->weight, width, job->eps);
}

void rows_rms_norm(struct tensor_machine *machine, float *out, const float *x, const float *weight,
                   size_t count, size_t width, float eps)
{
    run_rows(machine, (struct rows_job){.row = rms_norm_row,
                                        .out = out,
                                        .in = x,
                                        .in_stride = width,
                                        .weight = weight,
                                        .width = width,
                                        .total = count * width,
                                        .eps = eps});
}

static void add_norm_row(const struct rows_job *job, float *out, const float *in, size_t width)
{
    job->kernels->add_norm(out, in, job->weight, width, job->eps, job->number);
}

void rows_add_norm(struct tensor_machine *machine, float *x, const float *branch,
                   const float *weight, size_t count, size_t width, float eps, float factor)
{
    run_rows(machine, (struct rows_job){.row = add_norm_row,
                                        .out = x,
                                        .in = branch,
                                        .in_stride = width,
                                        .weight = weight,
                                        .width = width,
                                        .total = count * width,
                                        .eps = eps,
                                        .number = factor});
}

static void add_row(const struct rows_job *job, float *out, const float *in, size_t width)
{
    job->kernels->add(out, in, width);
}

void rows_add(struct tensor_machine *machine, float *x, const float *y, size_t n)
{
    run_values(machine, (struct rows_job){.row = add_row, .out = x, .in = y, .total = n});
}

static void scale_row(const struct rows_job *job, float *out, const float *in, size_t width)
{
    (void)in;
    job->kernels->scale(out, job->number, width);
}

void rows_scale(struct tensor_machine *machine, float *x, float factor, size_t n)
{
    run_values(machine, (struct rows_job){
                            .row = scale_row, .out = x, .in = x, .total = n, .number = factor});
}

static void gelu_multiply_row(const struct rows_job *job, float *out, const float *in, size_t width)
{
    job->kernels->gelu_multiply(out, in, width);
}

void rows_gelu_multiply(struct tensor_machine *machine, float *x, const float *y, size_t y_stride,
                        size_t count, size_t width)
{
    struct rows_job job = {.row = gelu_multiply_row,
                           .out = x,
                           .in = y,
                           .in_stride = y_stride,
                           .width = width,
                           .total = count * width};
    if (count == 1 || y_stride == width) {
        run_values(machine, job);
    } else {
        run_rows(machine, job);
    }
}

static void silu_row(const struct rows_job *job, float *out, const float *in, size_t width)
{
    job->kernels->gate(out, in, in, width);
}

void rows_silu(struct tensor_machine *machine, float *x, size_t n)
{
    run_values(machine, (struct rows_job){.row = silu_row, .out = x, .in = x, .total = n});
}

static void gate_row(const struct rows_job *job, float *out, const float *in, size_t width)
{
    job->kernels->gate(out, in, in + job->width, width);
}

void rows_gate(struct tensor_machine *machine, float *out, const float *in, size_t count,
               size_t width)
{
    run_rows(machine, (struct rows_job){.row = gate_row,
                                        .out = out,
                                        .in = in,
                                        .in_stride = 2 * width,
                                        .width = width,
                                        .total = count * width});
}

static void clamp_row(const struct rows_job *job, float *out, const float *in, size_t width)
{
    job->kernels->clamp(out, in, job->number, job->most, width);
}

void rows_clamp(struct tensor_machine *machine, float *out, const float *x, float least, float most,
                size_t n)
{
    run_values(
        machine,
        (struct rows_job){
            .row = clamp_row, .out = out, .in = x, .total = n, .number = least, .most = most});
}

static void add_scaled_row(const struct rows_job *job, float *out, const float *in, size_t width)
{
    job->kernels->blend(out, 1, in, job->number, width);
}

void rows_add_scaled(struct tensor_machine *machine, float *x, const float *y, float factor,
                     size_t n)
{
    run_values(
        machine,
        (struct rows_job){.row = add_scaled_row, .out = x, .in = y, .total = n, .number = factor});
}

static void soft_cap_row(const struct rows_job *job, float *out, const float *in, size_t width)
{
    (void)in;
    job->kernels->soft_cap(out, job->number, width);
}

void rows_soft_cap(struct tensor_machine *machine, float *x, float cap, size_t n)
{
    run_values(machine, (struct rows_job){
                            .row = soft_cap_row, .out = x, .in = x, .total = n, .number = cap});
}

void rows_softmax(const struct kernels *kernels, float *x, size_t width)
{
    const struct row_kernels *row = kernels->row;
    float sum = row->exponentials(x, row->greatest(x, width), width);
    row->scale(x, 1.0f / sum, width);
}

void rows_rms_norm_row(const struct kernels *kernels, float *out, const float *x,
                       const float *weight, size_t width, float eps)
{
    kernels->row->rms_norm(out, x, weight, width, eps);
}
