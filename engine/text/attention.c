/* attention: see attention.h. */
#include "text/attention.h"

#include "compute/kernels.h"
#include "compute/row_kernels.h"
#include "compute/rows.h"
#include "load/weights.h"
#include "text/attend.h"
#include "text/kv_cache.h"
#include "text/pass.h"

static const struct rope *rope_of(const struct pass *pass, const struct hparams_layer *layer)
{
    return layer->sliding ? &pass->rope_sliding : &pass->rope_full;
}

static void turn(const struct pass *pass, const struct hparams_layer *layer, size_t row,
                 float *head)
{
    const struct rope *rope = rope_of(pass, layer);
    const struct pass_angles *angles = layer->sliding ? &pass->angles_sliding : &pass->angles_full;
    size_t at = row * rope->pairs;
    pass->machine->kernels->row->rotate(head, head + rope->head_dim / 2, angles->cosines + at,
                                        angles->sines + at, rope->pairs);
}

static void prepare_angles(void *context, size_t row, int worker)
{
    (void)worker;
    struct pass *pass = context;
    size_t position = pass_position(pass_part_of(pass, row), row);
    size_t sliding = row * pass->rope_sliding.pairs, full = row * pass->rope_full.pairs;
    rope_angles(&pass->rope_sliding, position, pass->angles_sliding.cosines + sliding,
                pass->angles_sliding.sines + sliding);
    rope_angles(&pass->rope_full, position, pass->angles_full.cosines + full,
                pass->angles_full.sines + full);
}

void attention_prepare_angles(struct pass *pass)
{
    tensor_share(pass->machine, prepare_angles, pass, pass->count);
}

struct layer_job {
    struct pass *pass;
    const struct hparams_layer *layer;
    const struct weights_layer *weights;
    int32_t number;
    size_t query_from;
};

/* Norms and rotation of one row's heads; its K and V go into the cache. */
static void finish_row(void *context, size_t index, int worker)
{
    (void)worker;
    const struct layer_job *job = context;
    struct pass *pass = job->pass;
    const struct kernels *kernels = pass->machine->kernels;
    const float eps = pass->hparams->rms_norm_eps;
    size_t row = pass->first + index;
    size_t heads = (size_t)pass->hparams->num_attention_heads;
    size_t kv_heads = (size_t)job->layer->num_key_value_heads;
    size_t hd = (size_t)job->layer->head_dim;
    for (size_t h = 0; row >= job->query_from && h < heads; h++) {
        float *q = pass->q + (row * heads + h) * hd;
        rows_rms_norm_row(kernels, q, q, job->weights->q_norm, hd, eps);
        turn(pass, job->layer, row, q);
    }
    if (job->layer->shares_kv) {
        return;
    }
    float *keys = pass->k + row * kv_heads * hd, *values = pass->v + row * kv_heads * hd;
    for (size_t h = 0; h < kv_heads; h++) {
        float *k = keys + h * hd, *v = values + h * hd;
        const float *raw_v = job->weights->v.data != NULL ? v : k; /* K = V: before k's own norm */
        rows_rms_norm_row(kernels, v, raw_v, NULL, hd, eps);
        rows_rms_norm_row(kernels, k, k, job->weights->k_norm, hd, eps);
        turn(pass, job->layer, row, k);
    }
    const struct pass_part *part = pass_part_of(pass, row);
    kv_cache_store(part->cache, kernels, job->number, pass_position(part, row), keys, values);
}

void attention_project(struct pass *pass, int32_t layer, size_t query_from)
{
    struct layer_job job = {
        .pass = pass,
        .layer = &pass->hparams->layers[layer],
        .weights = &pass->weights->layers[layer],
        .number = layer,
        .query_from = query_from,
    };
    size_t d = (size_t)pass->hparams->hidden_size, first = pass->first;
    size_t q_width = (size_t)pass->hparams->num_attention_heads * (size_t)job.layer->head_dim;
    size_t kv_width = (size_t)job.layer->num_key_value_heads * (size_t)job.layer->head_dim;
    size_t kv_rows = job.layer->shares_kv ? 0 : pass_active(pass);
    struct tensor_product products[] = {
        {.matrix = &job.weights->q,
         .x = pass->normed + query_from * d,
         .x_stride = d,
         .out = pass->q + query_from * q_width,
         .out_stride = q_width,
         .tokens = pass->count - query_from},
        {.matrix = &job.weights->k,
         .x = pass->normed + first * d,
         .x_stride = d,
         .out = pass->k + first * kv_width,
         .out_stride = kv_width,
         .tokens = kv_rows},
        {.matrix = &job.weights->v,
         .x = pass->normed + first * d,
         .x_stride = d,
         .out = pass->v + first * kv_width,
         .out_stride = kv_width,
         .tokens = kv_rows},
    };
    tensor_multiply(pass->machine, products, 3);
    tensor_share(pass->machine, finish_row, &job, pass_active(pass));
}

void attention_attend(struct pass *pass, int32_t layer)
{
    size_t d = (size_t)pass->hparams->hidden_size;
    size_t heads = (size_t)pass->hparams->num_attention_heads;
    size_t q_width = heads * (size_t)pass->hparams->layers[layer].head_dim;
    attend_run(pass, layer);
    struct tensor_product output = {
        .matrix = &pass->weights->layers[layer].o,
        .x = pass->attended + pass->first * q_width,
        .x_stride = q_width,
        .out = pass->branch + pass->first * d,
        .out_stride = d,
        .tokens = pass_active(pass),
    };
    tensor_multiply(pass->machine, &output, 1);
}
