/* embed: rows of the two tables. Only the rows of the tokens at hand are decoded: the per-layer
 * table is half of a small model and stays on disk but for them. */
#include "text/embed.h"

#include <math.h>
#include <string.h>

#include "compute/rows.h"
#include "load/weights.h"
#include "text/pass.h"
#include "text/soft.h"

static void embed_token(void *context, size_t t, int worker)
{
    (void)worker;
    struct pass *pass = context;
    size_t d = (size_t)pass->hparams->hidden_size;
    float *x = pass->x + t * d;
    float scale = sqrtf((float)d);
    const float *soft = soft_vector(pass, t);
    if (soft != NULL) {
        memcpy(x, soft, d * sizeof *x);
        return;
    }
    tensor_decode_row(pass->machine, &pass->weights->embedding, pass->ids[t], x);
    for (size_t i = 0; i < d; i++) {
        x[i] *= scale;
    }
}

void embed_tokens(struct pass *pass)
{
    tensor_share(pass->machine, embed_token, pass, pass->count);
}

struct finish_job {
    struct pass *pass;
    size_t layer_from, layer_to, row_from;
};

/* From the raw projection to the finished inputs, in place, for one token. */
static void finish_token(void *context, size_t index, int worker)
{
    const struct finish_job *job = context;
    struct pass *pass = job->pass;
    const struct hparams *hp = pass->hparams;
    size_t t = job->row_from + index;
    size_t width = (size_t)hp->hidden_size_per_layer_input;
    float *ple = pass->ple + t * width * (size_t)hp->num_hidden_layers;
    float *identity = pass->machine->panels + (size_t)worker * pass->machine->panel_values;
    const float identity_scale = sqrtf((float)width);
    const float context_scale = 1.0f / sqrtf((float)hp->hidden_size);
    const float both_scale = 0.70710678118654752f;
    int32_t id = soft_vector(pass, t) != NULL ? 0 : pass->ids[t];
    tensor_decode_row(pass->machine, &pass->weights->ple_embedding, id, identity);
    for (size_t l = job->layer_from; l < job->layer_to; l++) {
        float *row = ple + l * width;
        for (size_t i = 0; i < width; i++) {
            row[i] *= context_scale;
        }
        rows_rms_norm_row(pass->machine->kernels, row, row, pass->weights->ple_projection_norm,
                          width, hp->rms_norm_eps);
        for (size_t i = 0; i < width; i++) {
            row[i] = (row[i] + identity[l * width + i] * identity_scale) * both_scale;
        }
    }
}

static void make_inputs(struct pass *pass, size_t layer_from, size_t layer_to, size_t row_from)
{
    size_t width = (size_t)pass->hparams->hidden_size_per_layer_input;
    size_t d = (size_t)pass->hparams->hidden_size;
    size_t stride = width * (size_t)pass->hparams->num_hidden_layers;
    size_t rows = pass->count - row_from;
    if (layer_from == layer_to || rows == 0) {
        return;
    }
    struct tensor_product projection = {
        .matrix = &pass->weights->ple_model_projection,
        .x = pass->x + row_from * d,
        .x_stride = d,
        .out = pass->ple + row_from * stride + layer_from * width,
        .out_stride = stride,
        .tokens = rows,
        .row_from = (int32_t)(layer_from * width),
        .row_count = (int32_t)((layer_to - layer_from) * width),
    };
    tensor_multiply(pass->machine, &projection, 1);
    struct finish_job job = {pass, layer_from, layer_to, row_from};
    tensor_share(pass->machine, finish_token, &job, rows);
}

void embed_per_layer_inputs(struct pass *pass, size_t wanted)
{
    size_t shared = (size_t)pass->last_kv_layer;
    size_t layers = (size_t)pass->hparams->num_hidden_layers;
    if (wanted == pass->count) {
        make_inputs(pass, 0, layers, 0);
        return;
    }
    make_inputs(pass, 0, shared, 0);
    make_inputs(pass, shared, layers, pass->count - wanted);
}
