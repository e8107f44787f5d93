/* decoder: the forward pass as a page of prose; each line is one operation of the architecture.
 *
 *   x = E[id] sqrt(d);  ple = per-layer inputs
 *   each layer:  x += norm(attention(norm(x)));  x += norm(feed_forward(norm(x)))
 *                x += norm(per_layer(x));        x *= layer_scalar (with the last sum)
 *   feed_forward = dense, or with experts norm(dense) + norm(experts(x))
 *   logits = cap tanh(head norm(x) / cap)
 *
 * A cancelled pass is noticed between the operations of a layer; the operations themselves skip
 * what is left of their work (compute/tensor.h), so it ends within a piece of work. When the file
 * of the weights loses pages meanwhile (load/map_guard.h) the pass ends with the layer; that its
 * values are those of the file is asked once more before they are handed out.
 */
#include "text/decoder.h"

#include <assert.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "compute/int8.h"
#include "compute/rows.h"
#include "load/gguf.h"
#include "load/weights.h"
#include "text/attend.h"
#include "text/attention.h"
#include "text/embed.h"
#include "text/experts.h"
#include "text/feed_forward.h"
#include "text/kv_cache.h"
#include "text/pass.h"

struct decoder {
    struct pass pass;
    struct decoder_rows rows;
};

_Static_assert((int)DECODER_TOGETHER <= (int)INT8_TOKENS_MAX,
               "what a row comes to must not depend on how many go with it");

/* --- the pass --- */

/* x = (x + norm(branch)) * factor for the active rows. */
static void add_branch(struct pass *pass, const float *norm, float factor)
{
    size_t d = (size_t)pass->hparams->hidden_size, at = pass->first * d;
    rows_add_norm(pass->machine, pass->x + at, pass->branch + at, norm, pass_active(pass), d,
                  pass->hparams->rms_norm_eps, factor);
}

static void norm_input(struct pass *pass, const float *norm)
{
    size_t d = (size_t)pass->hparams->hidden_size, at = pass->first * d;
    rows_rms_norm(pass->machine, pass->normed + at, pass->x + at, norm, pass_active(pass), d,
                  pass->hparams->rms_norm_eps);
}

static void run_layer(struct pass *pass, int32_t layer, size_t wanted)
{
    const struct weights_layer *w = &pass->weights->layers[layer];
    bool has_ple = pass->hparams->hidden_size_per_layer_input > 0;
    bool last_kv = layer == pass->last_kv_layer;
    size_t query_from = last_kv ? pass->count - wanted : pass->first;

    norm_input(pass, w->input_norm);
    attention_project(pass, layer, query_from);
    pass->first = query_from; /* from the last K/V layer on, only the wanted rows go on */
    if (pass_active(pass) == 0) {
        return;
    }
    attention_attend(pass, layer);
    add_branch(pass, w->post_attention_norm, 1);

    norm_input(pass, w->pre_ffw_norm);
    feed_forward_dense(pass, layer);
    if (pass->experts != NULL) {
        experts_add(pass, layer);
    }
    add_branch(pass, w->post_ffw_norm, has_ple ? 1 : w->layer_scalar);

    if (has_ple) {
        feed_forward_per_layer(pass, layer);
        add_branch(pass, w->post_ple_norm, w->layer_scalar);
    }
}

static void run_head(struct pass *pass, float *logits, float *states)
{
    const struct hparams *hp = pass->hparams;
    size_t d = (size_t)hp->hidden_size, vocabulary = (size_t)hp->vocab_size;
    norm_input(pass, pass->weights->output_norm);
    if (states != NULL) {
        memcpy(states, pass->normed + pass->first * d, pass_active(pass) * d * sizeof *states);
    }
    struct tensor_product head = {
        .matrix = &pass->weights->head,
        .x = pass->normed + pass->first * d,
        .x_stride = d,
        .out = logits,
        .out_stride = vocabulary,
        .tokens = pass_active(pass),
    };
    tensor_multiply(pass->machine, &head, 1);
    if (hp->final_logit_softcapping > 0) {
        rows_soft_cap(pass->machine, logits, hp->final_logit_softcapping,
                      pass_active(pass) * vocabulary);
    }
}

/* One part is stopped in the middle of a layer. Of several none stops the others: the pass ends
 * when nobody wants it any more. */
static bool is_stopped(const struct pass *pass)
{
    bool all = pass->part_count > 1;
    for (size_t i = 0; all && i < pass->part_count; i++) {
        const atomic_bool *cancel = pass->parts[i].cancel;
        all = cancel != NULL && atomic_load_explicit(cancel, memory_order_relaxed);
    }
    pass->machine->stopped = pass->machine->stopped || all;
    return pass->machine->stopped;
}

static bool begin_run(struct pass *pass, const struct decoder_run *run, struct err *err)
{
    bool alone = run->part_count == 1;
    assert(run->count >= 1 && run->count <= decoder_capacity(pass->hparams));
    assert(run->wanted <= run->count);
    assert(alone || (run->count <= DECODER_TOGETHER && run->wanted == run->count));
    for (size_t i = 0; i < run->part_count; i++) {
        const struct pass_part *part = &run->parts[i];
        if (!kv_cache_prepare(part->cache, part->position, part->position + part->count, err)) {
            return false;
        }
    }
    pass->parts = run->parts;
    pass->part_count = run->part_count;
    pass->ids = run->ids;
    pass->count = run->count;
    pass->first = 0;
    pass->machine->cancel = alone ? run->parts[0].cancel : NULL;
    pass->machine->stopped = false;
    return true;
}

struct decoder_rows decoder_rows(const struct decoder *decoder)
{
    return decoder->rows;
}

bool decoder_run(struct decoder *decoder, const struct decoder_run *run, struct err *err)
{
    struct pass *pass = &decoder->pass;
    const struct hparams *hp = pass->hparams;
    if (!begin_run(pass, run, err)) {
        return false;
    }
    const struct gguf *source = pass->weights->source;

    attention_prepare_angles(pass);
    embed_tokens(pass);
    if (hp->hidden_size_per_layer_input > 0) {
        embed_per_layer_inputs(pass, run->wanted);
    }
    int32_t end = run->wanted > 0 ? hp->num_hidden_layers : pass->last_kv_layer + 1;
    int32_t done = 0; /* layers: behind all of them only wanted rows are active */
    while (done < end && !is_stopped(pass) && !gguf_is_broken(source)) {
        run_layer(pass, done++, run->wanted);
    }
    if (run->wanted > 0 && done == end && !pass->machine->stopped) {
        run_head(pass, run->logits, run->states);
    }
    pass->machine->cancel = NULL;
    if (pass->machine->stopped) {
        return err_set(err, ERR_CANCELLED, "cancelled at position %zu", run->parts[0].position);
    }
    return gguf_check_unchanged(source, err);
}

/* --- building --- */

/* The widest of the rows that differ between layers. */
struct widths {
    size_t query, key_value, feed_forward;
    int32_t head_sliding, head_full; /* 0: there is no such layer */
};

static size_t greater(size_t a, size_t b)
{
    return a > b ? a : b;
}

static struct widths measure(const struct hparams *hp)
{
    struct widths widths = {.feed_forward = (size_t)hp->hidden_size_per_layer_input};
    size_t chosen = (size_t)hp->top_k_experts * (size_t)hp->moe_intermediate_size;
    widths.feed_forward = greater(widths.feed_forward, chosen);
    for (int32_t l = 0; l < hp->num_hidden_layers; l++) {
        const struct hparams_layer *layer = &hp->layers[l];
        size_t hd = (size_t)layer->head_dim;
        widths.query = greater(widths.query, hd * (size_t)hp->num_attention_heads);
        widths.key_value = greater(widths.key_value, hd * (size_t)layer->num_key_value_heads);
        widths.feed_forward = greater(widths.feed_forward, (size_t)layer->intermediate_size);
        *(layer->sliding ? &widths.head_sliding : &widths.head_full) = layer->head_dim;
    }
    return widths;
}

size_t decoder_capacity(const struct hparams *hp)
{
    return hp->pictures_see_forwards ? DECODER_PICTURE : DECODER_CHUNK;
}

size_t decoder_widest(const struct hparams *hp)
{
    struct widths widths = measure(hp);
    size_t ple = (size_t)hp->hidden_size_per_layer_input * (size_t)hp->num_hidden_layers;
    size_t expert = (size_t)hp->moe_intermediate_size; /* columns of an expert's down */
    return greater(greater(greater((size_t)hp->hidden_size, ple), expert),
                   greater(widths.query, widths.feed_forward));
}

static bool check_matrix(const struct weights_matrix *matrix, const char *name, int32_t layer,
                         struct err *err)
{
    if (matrix->data == NULL || matrix->format->decode != NULL) {
        return true;
    }
    return err_set(err, ERR_UNSUPPORTED, "%s of layer %d is stored as %s, which cannot be decoded",
                   name, layer, matrix->format->name);
}

static bool check_formats(const struct hparams *hp, const struct weights *weights, struct err *err)
{
    bool ok = check_matrix(&weights->embedding, "the embedding", 0, err) &&
              check_matrix(&weights->head, "the head", 0, err) &&
              check_matrix(&weights->ple_embedding, "the per-layer embedding", 0, err) &&
              check_matrix(&weights->ple_model_projection, "the per-layer projection", 0, err);
    for (int32_t l = 0; l < hp->num_hidden_layers && ok; l++) {
        const struct weights_layer *w = &weights->layers[l];
        ok = check_matrix(&w->q, "attn_q", l, err) && check_matrix(&w->k, "attn_k", l, err) &&
             check_matrix(&w->v, "attn_v", l, err) && check_matrix(&w->o, "attn_output", l, err) &&
             check_matrix(&w->gate, "ffn_gate", l, err) && check_matrix(&w->up, "ffn_up", l, err) &&
             check_matrix(&w->down, "ffn_down", l, err) &&
             check_matrix(&w->ple_gate, "inp_gate", l, err) &&
             check_matrix(&w->ple_proj, "proj", l, err) &&
             check_matrix(&w->experts.router, "ffn_gate_inp", l, err) &&
             check_matrix(&w->experts.gate, "ffn_gate_exps", l, err) &&
             check_matrix(&w->experts.up, "ffn_up_exps", l, err) &&
             check_matrix(&w->experts.down, "ffn_down_exps", l, err);
    }
    return ok;
}

static bool check_model(const struct hparams *hp, const struct weights *weights, struct err *err)
{
    struct widths widths = measure(hp);
    for (int32_t l = 0; l < hp->num_hidden_layers; l++) {
        const struct hparams_layer *layer = &hp->layers[l];
        int32_t expected = layer->sliding ? widths.head_sliding : widths.head_full;
        if (layer->head_dim != expected) {
            return err_set(err, ERR_UNSUPPORTED,
                           "layer %d has heads of %d values, others of its kind have %d", l,
                           layer->head_dim, expected);
        }
    }
    return check_formats(hp, weights, err);
}

static bool init_ropes(struct pass *pass, struct err *err)
{
    const struct hparams *hp = pass->hparams;
    struct widths widths = measure(hp);
    size_t sliding = (size_t)widths.head_sliding, full = (size_t)widths.head_full;
    size_t turning = (size_t)hp->rope_rotating_pairs_full;
    turning = turning < full / 2 ? turning : full / 2;
    return rope_init(&pass->rope_sliding, sliding, sliding / 2, hp->rope_theta_sliding, err) &&
           rope_init(&pass->rope_full, full, turning, hp->rope_theta_full, err);
}

struct buffer {
    float **values;
    size_t width, rows;
};

enum { BUFFERS = 16 };

/* Which activations a pass needs, and where its results can be put: into which pointers, and how
 * large. Untouched pages of them cost nothing: a session that only decodes uses one row. */
static void list_buffers(struct decoder *decoder, const struct hparams *hp,
                         struct buffer list[BUFFERS])
{
    struct pass *pass = &decoder->pass;
    size_t rows = decoder_capacity(hp);
    struct widths widths = measure(hp);
    size_t d = (size_t)hp->hidden_size;
    size_t ple = (size_t)hp->hidden_size_per_layer_input * (size_t)hp->num_hidden_layers;
    size_t sliding = (size_t)widths.head_sliding / 2, full = (size_t)widths.head_full / 2;
    const struct buffer buffers[BUFFERS] = {
        {&pass->x, d, rows},
        {&pass->normed, d, rows},
        {&pass->branch, d, rows},
        {&pass->q, widths.query, rows},
        {&pass->attended, widths.query, rows},
        {&pass->k, widths.key_value, rows},
        {&pass->v, widths.key_value, rows},
        {&pass->gate, widths.feed_forward, rows},
        {&pass->up, widths.feed_forward, rows},
        {&pass->ple, ple, rows},
        {&pass->angles_sliding.cosines, sliding, rows},
        {&pass->angles_sliding.sines, sliding, rows},
        {&pass->angles_full.cosines, full, rows},
        {&pass->angles_full.sines, full, rows},
        {&decoder->rows.logits, (size_t)hp->vocab_size, DECODER_TOGETHER},
        {&decoder->rows.states, d, DECODER_TOGETHER},
    };
    memcpy(list, buffers, sizeof buffers);
}

uint64_t decoder_plan(const struct hparams *hparams)
{
    struct decoder nowhere;
    struct buffer buffers[BUFFERS];
    uint64_t bytes = sizeof nowhere;
    list_buffers(&nowhere, hparams, buffers);
    for (size_t i = 0; i < BUFFERS; i++) {
        bytes += (uint64_t)buffers[i].width * buffers[i].rows * sizeof(float);
    }
    return bytes +
           (hparams->num_experts > 0 ? experts_plan(hparams, decoder_capacity(hparams)) : 0);
}

static bool allocate_buffers(struct decoder *decoder, struct err *err)
{
    struct buffer buffers[BUFFERS];
    list_buffers(decoder, decoder->pass.hparams, buffers);
    for (size_t i = 0; i < BUFFERS; i++) {
        *buffers[i].values = mem_try_align(64, buffers[i].width * buffers[i].rows, sizeof(float));
        if (*buffers[i].values == NULL) {
            return err_set(err, ERR_MEMORY, "no memory for activations of %zu x %zu values",
                           buffers[i].width, buffers[i].rows);
        }
    }
    return true;
}

struct decoder *decoder_create(const struct hparams *hparams, const struct weights *weights,
                               struct tensor_machine *machine, struct err *err)
{
    if (!check_model(hparams, weights, err)) {
        return NULL;
    }
    struct decoder *decoder = mem_try_zero(1, sizeof *decoder);
    if (decoder == NULL) {
        err_set(err, ERR_MEMORY, "no memory for the decoder");
        return NULL;
    }
    struct pass *pass = &decoder->pass;
    pass->hparams = hparams;
    pass->weights = weights;
    pass->machine = machine;
    for (int32_t l = 0; l < hparams->num_hidden_layers; l++) {
        pass->last_kv_layer = hparams->layers[l].shares_kv ? pass->last_kv_layer : l;
    }
    bool ok = init_ropes(pass, err) && allocate_buffers(decoder, err);
    if (ok) {
        pass->attend = attend_create(hparams, machine, err);
        ok = pass->attend != NULL;
    }
    if (ok && hparams->num_experts > 0) {
        pass->experts = experts_create(hparams, decoder_capacity(hparams), err);
        ok = pass->experts != NULL;
    }
    if (!ok) {
        decoder_destroy(decoder);
        return NULL;
    }
    return decoder;
}

void decoder_destroy(struct decoder *decoder)
{
    if (decoder == NULL) {
        return;
    }
    struct pass *pass = &decoder->pass;
    struct buffer buffers[BUFFERS];
    list_buffers(decoder, pass->hparams, buffers);
    for (size_t i = 0; i < BUFFERS; i++) {
        mem_free(*buffers[i].values);
    }
    attend_destroy(pass->attend);
    experts_destroy(pass->experts);
    rope_finish(&pass->rope_sliding);
    rope_finish(&pass->rope_full);
    mem_free(decoder);
}
