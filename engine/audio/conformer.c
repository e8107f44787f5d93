/* conformer: see conformer.h. A forward pass as prose; every step is shared among the workers by
 * moments or by rows of a matrix, and each value is made whole in one piece of work.
 */
#include "audio/conformer.h"

#include <math.h>
#include <string.h>

#include "compute/kernels.h"
#include "compute/row_kernels.h"
#include "compute/rows.h"
#include "compute/tensor.h"

static const float eps = 1e-6f;
static const float logit_cap = 50.0f;

void conformer_see(const struct conformer_watch *watch, const char *step, int32_t layer,
                   const float *values, size_t rows, size_t width)
{
    if (watch != NULL) {
        watch->see(watch->context, step, layer, values, rows, width);
    }
}

/* --- what is computed once --- */

size_t conformer_values(const struct audio_weights *weights)
{
    size_t d = (size_t)weights->hidden_size;
    return d / (size_t)weights->num_attention_heads +
           (CONFORMER_WINDOW + AUDIO_WEIGHTS_DEPTHWISE) * d;
}

/* Converters store softplus(scale), which is above 0; a file that stores what was trained has
 * values below 0 among them. */
static void scale_queries(float *q_scale, const float *stored, size_t head_size)
{
    bool raw = false;
    for (size_t i = 0; i < head_size; i++) {
        raw = raw || stored[i] < 0;
    }
    double factor = 1 / (sqrt((double)head_size) * log(2));
    for (size_t i = 0; i < head_size; i++) {
        double scale = (double)stored[i];
        q_scale[i] = (float)((raw ? log1p(exp(scale)) : scale) * factor);
    }
}

/* Row r is the encoding of distance 11 - r: sines, then cosines, of d / 2 wavelengths that grow
 * from 2 pi to 10000 times that. */
static void encode_distances(float *encoding, size_t d)
{
    size_t half = d / 2;
    for (size_t r = 0; r < CONFORMER_WINDOW; r++) {
        double distance = (double)(CONFORMER_WINDOW - 1 - r);
        for (size_t i = 0; i < half; i++) {
            double angle = distance * exp(-(double)i * log(10000) / (double)(half - 1));
            encoding[r * d + i] = (float)sin(angle);
            encoding[r * d + half + i] = (float)cos(angle);
        }
    }
}

void conformer_prepare(struct conformer_layer *layer, const struct audio_weights *weights,
                       int32_t index, struct tensor_machine *machine, float *values,
                       float *encoding)
{
    size_t d = (size_t)weights->hidden_size;
    size_t head_size = d / (size_t)weights->num_attention_heads;
    const struct audio_layer *w = &weights->layers[index];
    *layer = (struct conformer_layer){.weights = w, .index = index};
    layer->relative = values;
    layer->depthwise = layer->relative + CONFORMER_WINDOW * d;
    layer->q_scale = layer->depthwise + AUDIO_WEIGHTS_DEPTHWISE * d;
    scale_queries(layer->q_scale, w->per_dim_scale, head_size);
    for (size_t tap = 0; tap < AUDIO_WEIGHTS_DEPTHWISE; tap++) {
        for (size_t c = 0; c < d; c++) {
            layer->depthwise[tap * d + c] = w->conv_depthwise[c * AUDIO_WEIGHTS_DEPTHWISE + tap];
        }
    }
    encode_distances(encoding, d);
    struct tensor_product product = {
        .matrix = &w->relative_k,
        .x = encoding,
        .x_stride = d,
        .out = layer->relative,
        .out_stride = d,
        .tokens = CONFORMER_WINDOW,
    };
    tensor_multiply(machine, &product, 1);
}

/* --- rows --- */

/* One row of an operation that reads `in` and writes `out`; they may be the same. */
struct row_job {
    void (*row)(const struct row_job *job, size_t t);
    const float *in;
    float *out;
    size_t out_width;
    const struct conformer_pass *pass;
    const struct conformer_layer *layer;
};

static void row_piece(void *context, size_t t, int worker)
{
    (void)worker;
    const struct row_job *job = context;
    job->row(job, t);
}

static void run_rows(const struct conformer_pass *pass, struct row_job job)
{
    job.pass = pass;
    tensor_share(pass->machine, row_piece, &job, pass->count);
}

/* out = w x, with the bounds of w on both sides. */
static void linear(const struct conformer_pass *pass, const struct audio_linear *w, const float *x,
                   float *out)
{
    size_t columns = (size_t)w->matrix.columns, rows = (size_t)w->matrix.rows;
    if (w->input_min > -INFINITY || w->input_max < INFINITY) {
        rows_clamp(pass->machine, pass->clamped, x, w->input_min, w->input_max,
                   pass->count * columns);
        x = pass->clamped;
    }
    struct tensor_product product = {
        .matrix = &w->matrix,
        .x = x,
        .x_stride = columns,
        .out = out,
        .out_stride = rows,
        .tokens = pass->count,
    };
    tensor_multiply(pass->machine, &product, 1);
    if (w->output_min > -INFINITY || w->output_max < INFINITY) {
        rows_clamp(pass->machine, out, out, w->output_min, w->output_max, pass->count * rows);
    }
}

static void norm(const struct conformer_pass *pass, float *out, const float *x, const float *weight)
{
    rows_rms_norm(pass->machine, out, x, weight, pass->count, pass->hidden_size, eps);
}

/* --- the steps of a block --- */

static void feed_forward(const struct conformer_pass *pass, const struct audio_feed_forward *w)
{
    size_t values = pass->count * pass->hidden_size;
    norm(pass, pass->normed, pass->x, w->pre_norm);
    linear(pass, &w->up, pass->normed, pass->wide);
    rows_silu(pass->machine, pass->wide, pass->count * (size_t)w->up.matrix.rows);
    linear(pass, &w->down, pass->wide, pass->branch);
    norm(pass, pass->branch, pass->branch, w->post_norm);
    rows_add_scaled(pass->machine, pass->x, pass->branch, 0.5f, values);
}

static void scale_row(const struct row_job *job, size_t t)
{
    const float key_scale = 1.8946361240f; /* ln(1 + e) / ln 2 */
    const struct conformer_pass *pass = job->pass;
    size_t d = pass->hidden_size, head_size = d / pass->heads;
    float *q = pass->q + t * d, *k = pass->k + t * d;
    for (size_t h = 0; h < pass->heads; h++) {
        for (size_t i = 0; i < head_size; i++) {
            q[h * head_size + i] *= job->layer->q_scale[i];
            k[h * head_size + i] *= key_scale;
        }
    }
}

static void attend_row(const struct row_job *job, size_t t)
{
    const struct conformer_pass *pass = job->pass;
    const struct kernels *kernels = pass->machine->kernels;
    const struct kernels_rows *rows = &kernels->rows[QUANT_F32];
    size_t d = pass->hidden_size, head_size = d / pass->heads, row_bytes = d * sizeof(float);
    size_t keys = t + 1 < CONFORMER_WINDOW ? t + 1 : CONFORMER_WINDOW, first = t + 1 - keys;
    float logits[CONFORMER_WINDOW], positions[CONFORMER_WINDOW];
    for (size_t h = 0; h < pass->heads; h++) {
        size_t at = h * head_size;
        const float *q = pass->q + t * d + at;
        const float *k = pass->k + first * d + at, *v = pass->v + first * d + at;
        const float *r = job->layer->relative + (CONFORMER_WINDOW - keys) * d + at;
        float *out = job->out + t * d + at;
        rows->dot((const unsigned char *)k, row_bytes, keys, head_size, q, logits);
        rows->dot((const unsigned char *)r, row_bytes, keys, head_size, q, positions);
        kernels->row->add(logits, positions, keys);
        kernels->row->soft_cap(logits, logit_cap, keys);
        rows_softmax(kernels, logits, keys);
        memset(out, 0, head_size * sizeof *out);
        rows->accumulate((const unsigned char *)v, row_bytes, keys, head_size, logits, out);
    }
}

static void attention(const struct conformer_pass *pass, const struct conformer_layer *layer)
{
    const struct audio_layer *w = layer->weights;
    size_t d = pass->hidden_size;
    norm(pass, pass->normed, pass->x, w->attention_pre_norm);
    linear(pass, &w->q, pass->normed, pass->q);
    linear(pass, &w->k, pass->normed, pass->k);
    linear(pass, &w->v, pass->normed, pass->v);
    conformer_see(pass->watch, "q_proj", layer->index, pass->q, pass->count, d);
    conformer_see(pass->watch, "k_proj", layer->index, pass->k, pass->count, d);
    conformer_see(pass->watch, "v_proj", layer->index, pass->v, pass->count, d);
    run_rows(pass, (struct row_job){.row = scale_row, .layer = layer});
    run_rows(pass, (struct row_job){.row = attend_row, .layer = layer, .out = pass->normed});
    conformer_see(pass->watch, "attn_ctx", layer->index, pass->normed, pass->count, d);
    linear(pass, &w->attention_out, pass->normed, pass->branch);
    conformer_see(pass->watch, "post", layer->index, pass->branch, pass->count, d);
    norm(pass, pass->branch, pass->branch, w->attention_post_norm);
    rows_add(pass->machine, pass->x, pass->branch, pass->count * d);
}

/* out[t] = silu(norm(sum over taps of w[tap] * in[t - 4 + tap])), nothing before moment 0. */
static void convolve_row(const struct row_job *job, size_t t)
{
    size_t d = job->out_width;
    float *out = job->out + t * d;
    memset(out, 0, d * sizeof *out);
    for (size_t tap = 0; tap < AUDIO_WEIGHTS_DEPTHWISE; tap++) {
        if (t + tap + 1 < AUDIO_WEIGHTS_DEPTHWISE) {
            continue;
        }
        const float *in = job->in + (t + tap + 1 - AUDIO_WEIGHTS_DEPTHWISE) * d;
        const float *weight = job->layer->depthwise + tap * d;
        for (size_t i = 0; i < d; i++) {
            out[i] += weight[i] * in[i];
        }
    }
    rows_rms_norm_row(job->pass->machine->kernels, out, out, job->layer->weights->conv_norm, d,
                      eps);
    job->pass->machine->kernels->row->gate(out, out, out, d);
}

static void light_convolution(const struct conformer_pass *pass,
                              const struct conformer_layer *layer)
{
    const struct audio_layer *w = layer->weights;
    size_t d = pass->hidden_size;
    norm(pass, pass->normed, pass->x, w->conv_pre_norm);
    linear(pass, &w->conv_in, pass->normed, pass->wide);
    rows_gate(pass->machine, pass->normed, pass->wide, pass->count, d);
    run_rows(pass, (struct row_job){.row = convolve_row,
                                    .in = pass->normed,
                                    .out = pass->q,
                                    .out_width = d,
                                    .layer = layer});
    linear(pass, &w->conv_out, pass->q, pass->branch);
    rows_add(pass->machine, pass->x, pass->branch, pass->count * d);
}

void conformer_run(struct conformer_pass *pass, const struct conformer_layer *layer)
{
    const struct audio_layer *w = layer->weights;
    size_t d = pass->hidden_size;
    feed_forward(pass, &w->first);
    conformer_see(pass->watch, "ff1", layer->index, pass->x, pass->count, d);
    attention(pass, layer);
    light_convolution(pass, layer);
    conformer_see(pass->watch, "lconv1d", layer->index, pass->x, pass->count, d);
    feed_forward(pass, &w->second);
    conformer_see(pass->watch, "ff2", layer->index, pass->x, pass->count, d);
    norm(pass, pass->x, pass->x, w->out_norm);
    conformer_see(pass->watch, "layer", layer->index, pass->x, pass->count, d);
}
