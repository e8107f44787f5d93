/* attention: see attention.h. A piece of work is one query head of one token, computed whole and in
 * the order of positions, so that neither the batch nor the place of the ring's seam shows in the
 * result. */
#include "text/attention.h"

#include <string.h>

#include "compute/kernels.h"
#include "load/weights.h"
#include "text/kv_cache.h"
#include "text/pass.h"
#include "text/soft.h"

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
    rope_turn(rope, angles->cosines + at, angles->sines + at, head);
}

static void prepare_angles(void *context, size_t row, int worker)
{
    (void)worker;
    struct pass *pass = context;
    size_t position = pass->position + row;
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
        tensor_rms_norm_row(kernels, q, q, job->weights->q_norm, hd, eps);
        turn(pass, job->layer, row, q);
    }
    if (job->layer->shares_kv) {
        return;
    }
    float *keys = pass->k + row * kv_heads * hd, *values = pass->v + row * kv_heads * hd;
    for (size_t h = 0; h < kv_heads; h++) {
        float *k = keys + h * hd, *v = values + h * hd;
        const float *raw_v = job->weights->v.data != NULL ? v : k; /* K = V: before k's own norm */
        tensor_rms_norm_row(kernels, v, raw_v, NULL, hd, eps);
        tensor_rms_norm_row(kernels, k, k, job->weights->k_norm, hd, eps);
        turn(pass, job->layer, row, k);
    }
    kv_cache_store(pass->cache, job->number, pass->position + row, keys, values);
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

/* How rows of the cache are read. Not every set of kernels has all of it for 8-bit rows; what it
 * lacks, plain C has. */
static struct kernels_rows cache_rows(const struct pass *pass)
{
    enum quant_type type = kv_cache_type(pass->cache);
    struct kernels_rows rows = pass->machine->kernels->rows[type];
    rows.dot = rows.dot != NULL ? rows.dot : kernels_scalar.rows[type].dot;
    rows.accumulate =
        rows.accumulate != NULL ? rows.accumulate : kernels_scalar.rows[type].accumulate;
    return rows;
}

/* One query head of one token. */
static void attend_head(void *context, size_t index, int worker)
{
    const struct layer_job *job = context;
    const struct pass *pass = job->pass;
    const struct hparams *hp = pass->hparams;
    const struct kernels_rows rows = cache_rows(pass);
    size_t heads = (size_t)hp->num_attention_heads, hd = (size_t)job->layer->head_dim;
    size_t row = pass->first + index / heads, head = index % heads;
    int kv_head = (int)(head / (heads / (size_t)job->layer->num_key_value_heads));
    const struct soft_range seen = soft_visible(pass, job->layer->sliding, row);
    size_t begin = seen.begin, end = seen.end;
    const float *q = pass->q + (row * heads + head) * hd;
    float *out = pass->attended + (row * heads + head) * hd;
    float *scores = pass->scores + (size_t)worker * pass->score_stride;

    struct kv_span span;
    for (size_t p = begin; p < end; p += span.count) {
        span = kv_cache_span(pass->cache, job->layer->kv_layer, kv_head, p, end);
        rows.dot(span.keys, span.row_bytes, span.count, hd, q, scores + (p - begin));
    }
    tensor_softmax(scores, end - begin);
    memset(out, 0, hd * sizeof *out);
    for (size_t p = begin; p < end; p += span.count) {
        span = kv_cache_span(pass->cache, job->layer->kv_layer, kv_head, p, end);
        rows.accumulate(span.values, span.row_bytes, span.count, hd, scores + (p - begin), out);
    }
}

void attention_attend(struct pass *pass, int32_t layer)
{
    struct layer_job job = {
        .pass = pass,
        .layer = &pass->hparams->layers[layer],
        .weights = &pass->weights->layers[layer],
        .number = layer,
    };
    size_t d = (size_t)pass->hparams->hidden_size,
           heads = (size_t)pass->hparams->num_attention_heads;
    size_t q_width = heads * (size_t)job.layer->head_dim;
    tensor_share(pass->machine, attend_head, &job, pass_active(pass) * heads);
    struct tensor_product output = {
        .matrix = &job.weights->o,
        .x = pass->attended + pass->first * q_width,
        .x_stride = q_width,
        .out = pass->branch + pass->first * d,
        .out_stride = d,
        .tokens = pass_active(pass),
    };
    tensor_multiply(pass->machine, &output, 1);
}
