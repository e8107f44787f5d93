/* feed_forward: see feed_forward.h. */
#include "text/feed_forward.h"

#include "compute/rows.h"
#include "load/weights.h"
#include "text/pass.h"

void feed_forward_dense(struct pass *pass, int32_t layer)
{
    const struct weights_layer *w = &pass->weights->layers[layer];
    size_t d = (size_t)pass->hparams->hidden_size, rows = pass_active(pass);
    size_t width = (size_t)pass->hparams->layers[layer].intermediate_size;
    const float *normed = pass->normed + pass->first * d;
    struct tensor_product gate_and_up[] = {
        {.matrix = &w->gate,
         .x = normed,
         .x_stride = d,
         .out = pass->gate,
         .out_stride = width,
         .tokens = rows},
        {.matrix = &w->up,
         .x = normed,
         .x_stride = d,
         .out = pass->up,
         .out_stride = width,
         .tokens = rows},
    };
    tensor_multiply(pass->machine, gate_and_up, 2);
    rows_gelu_multiply(pass->machine, pass->gate, pass->up, width, rows, width);
    struct tensor_product down = {
        .matrix = &w->down,
        .x = pass->gate,
        .x_stride = width,
        .out = pass->branch + pass->first * d,
        .out_stride = d,
        .tokens = rows,
    };
    tensor_multiply(pass->machine, &down, 1);
}

void feed_forward_per_layer(struct pass *pass, int32_t layer)
{
    const struct weights_layer *w = &pass->weights->layers[layer];
    size_t d = (size_t)pass->hparams->hidden_size, rows = pass_active(pass);
    size_t width = (size_t)pass->hparams->hidden_size_per_layer_input;
    size_t stride = width * (size_t)pass->hparams->num_hidden_layers;
    struct tensor_product gate = {
        .matrix = &w->ple_gate,
        .x = pass->x + pass->first * d,
        .x_stride = d,
        .out = pass->gate,
        .out_stride = width,
        .tokens = rows,
    };
    tensor_multiply(pass->machine, &gate, 1);
    const float *input = pass->ple + pass->first * stride + (size_t)layer * width;
    rows_gelu_multiply(pass->machine, pass->gate, input, stride, rows, width);
    struct tensor_product projection = {
        .matrix = &w->ple_proj,
        .x = pass->gate,
        .x_stride = width,
        .out = pass->branch + pass->first * d,
        .out_stride = d,
        .tokens = rows,
    };
    tensor_multiply(pass->machine, &projection, 1);
}
