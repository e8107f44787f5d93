/* Binding is by name, as the tables of Gemma 4's GGUF files give them, and with the exact shape
 * that hparams imply: after it no matrix product needs to look at a size again.
 *
 * A layer's Q, K and V may lie in one tensor, blk.N.attn_qkv, rows Q, then K, then V: the three are
 * views of its rows. A layer that shares K/V uses the Q rows only, however many the tensor has, and
 * of separate tensors only attn_q: dead K/V tensors of early checkpoints are never looked at.
 *
 * The experts of a layer lie in tensors of three dimensions, which are taken as one matrix with the
 * experts' rows behind each other. Gate and up may be one tensor (each expert's gate, then its up)
 * or two; a stride in rows makes both look the same.
 *
 * NVFP4 tensors may have a factor for all their values beside them, NAME.scale: one number, also
 * of a fused attn_qkv, and one for each expert. Of ffn_down_exps that name is the model's own
 * factor of each expert's output, in every format; converters of NVFP4 multiply the other into it.
 *
 * Left out: vision and audio tensors in the same file (not looked at).
 */
#include "load/weights.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"

#include "load/gguf.h"

/* Longest: "blk.255.post_attention_norm.weight". */
enum { NAME_SIZE = 64, SHAPE_SIZE = 96 };

struct binding {
    struct weights *weights;
    const struct hparams *hparams;
    const struct gguf *gguf;
    struct err *err;
    int32_t layer; /* -1: not in a layer */
};

/* A role that names its own last part ("ffn_gate_inp.scale") is no weight. */
static void full_name(const struct binding *b, const char *role, char name[NAME_SIZE])
{
    const char *last = strchr(role, '.') == NULL ? ".weight" : "";
    int length = b->layer < 0
                     ? snprintf(name, NAME_SIZE, "%s%s", role, last)
                     : snprintf(name, NAME_SIZE, "blk.%" PRId32 ".%s%s", b->layer, role, last);
    assert(length > 0 && length < NAME_SIZE); /* roles are the literals of this file */
}

/* NULL, and no error, when the file has none. */
static const struct gguf_tensor *find(const struct binding *b, const char *role)
{
    char name[NAME_SIZE];
    full_name(b, role, name);
    return gguf_tensor_find(b->gguf, name);
}

static bool missing(const struct binding *b, const char *role)
{
    char name[NAME_SIZE];
    full_name(b, role, name);
    return err_set(b->err, ERR_FORMAT, "%s: tensor %s is missing", gguf_shown_path(b->gguf), name);
}

/* As [rows][columns], the way weights.h writes shapes: the file has them turned round. */
static bool wrong_shape(const struct binding *b, const struct gguf_tensor *tensor,
                        const char *expected)
{
    char found[SHAPE_SIZE] = "";
    for (uint32_t i = tensor->dimension_count; i-- > 0;) {
        size_t length = strlen(found);
        snprintf(found + length, sizeof found - length, "[%" PRIu64 "]", tensor->ne[i]);
    }
    return err_set(b->err, ERR_FORMAT, "%s: tensor %s must be %s, but is %s",
                   gguf_shown_path(b->gguf), tensor->name, expected, found);
}

/* Kernels load floats and halves in place. GGUF aligns all tensors; safetensors may put one of
 * halves behind one of an odd number of halves. */
static bool check_place(const struct binding *b, const struct gguf_tensor *tensor)
{
    size_t alignment = quant_format((uint32_t)tensor->type)->block_bytes == 2 ? 2 : sizeof(float);
    if ((uintptr_t)tensor->data % alignment != 0) {
        return err_set(b->err, ERR_UNSUPPORTED,
                       "%s: tensor %s does not lie on a multiple of %zu bytes",
                       gguf_shown_path(b->gguf), tensor->name, alignment);
    }
    return true;
}

static bool check_matrix(const struct binding *b, const struct gguf_tensor *tensor, int64_t rows,
                         int32_t columns)
{
    if (tensor->ne[0] != (uint64_t)columns || tensor->ne[1] != (uint64_t)rows ||
        tensor->ne[2] != 1 || tensor->ne[3] != 1) {
        char expected[SHAPE_SIZE];
        snprintf(expected, sizeof expected, "[%" PRId64 "][%" PRId32 "]", rows, columns);
        return wrong_shape(b, tensor, expected);
    }
    return check_place(b, tensor);
}

/* Rows first .. first + rows - 1 of a tensor whose shape was checked and holds them. */
static struct weights_matrix row_view(const struct gguf_tensor *tensor, int64_t first, int32_t rows)
{
    const struct quant_format *format = quant_format((uint32_t)tensor->type);
    uint64_t row_bytes = tensor->ne[0] / format->block_values * format->block_bytes;
    return (struct weights_matrix){
        .data = tensor->data + (uint64_t)first * row_bytes,
        .format = format,
        .rows = rows,
        .columns = (int32_t)tensor->ne[0],
        .row_bytes = row_bytes,
        .scale = 1.0f,
    };
}

static bool bind_vector(const struct binding *b, const char *role, int32_t size,
                        const float **vector)
{
    const struct gguf_tensor *tensor = find(b, role);
    if (tensor == NULL) {
        return missing(b, role);
    }
    if (tensor->type != QUANT_F32) {
        return err_set(b->err, ERR_UNSUPPORTED, "%s: tensor %s must be F32, but is %s",
                       gguf_shown_path(b->gguf), tensor->name,
                       quant_format((uint32_t)tensor->type)->name);
    }
    if (tensor->ne[0] != (uint64_t)size || tensor->bytes != sizeof(float) * (uint64_t)size) {
        char expected[SHAPE_SIZE];
        snprintf(expected, sizeof expected, "[%" PRId32 "]", size);
        wrong_shape(b, tensor, expected);
        return false;
    }
    if (!check_place(b, tensor)) {
        return false;
    }
    *vector = (const float *)(const void *)tensor->data;
    return true;
}

/* One number, finite. */
static bool bind_scalar(const struct binding *b, const char *role, float *scalar)
{
    const float *found = NULL;
    if (!bind_vector(b, role, 1, &found)) {
        return false;
    }
    if (!isfinite(*found)) {
        char name[NAME_SIZE];
        full_name(b, role, name);
        return err_set(b->err, ERR_FORMAT, "%s: tensor %s is %g", gguf_shown_path(b->gguf), name,
                       (double)*found);
    }
    *scalar = *found;
    return true;
}

/* The name of what all values of an NVFP4 tensor are multiplied by, if the file has it. */
static bool has_scale(const struct binding *b, const struct gguf_tensor *tensor, const char *role,
                      char scale[NAME_SIZE])
{
    snprintf(scale, NAME_SIZE, "%s.scale", role);
    return tensor->type == QUANT_NVFP4 && find(b, scale) != NULL;
}

static bool bind_matrix(const struct binding *b, const char *role, int32_t rows, int32_t columns,
                        struct weights_matrix *matrix)
{
    const struct gguf_tensor *tensor = find(b, role);
    char scale[NAME_SIZE];
    if (tensor == NULL) {
        return missing(b, role);
    }
    if (!check_matrix(b, tensor, rows, columns)) {
        return false;
    }
    *matrix = row_view(tensor, 0, rows);
    return !has_scale(b, tensor, role, scale) || bind_scalar(b, scale, &matrix->scale);
}

/* --- one layer --- */

/* Q | K | V in one tensor. */
static bool bind_fused(const struct binding *b, const struct gguf_tensor *fused,
                       struct weights_layer *layer)
{
    const struct hparams_layer *shape = &b->hparams->layers[b->layer];
    int32_t query_rows = b->hparams->num_attention_heads * shape->head_dim;
    int32_t kv_rows = shape->num_key_value_heads * shape->head_dim;
    int64_t rows = (int64_t)query_rows + 2 * (int64_t)kv_rows;
    if (shape->shares_kv && fused->ne[1] == (uint64_t)query_rows) {
        rows = query_rows;
    }
    if (!check_matrix(b, fused, rows, b->hparams->hidden_size)) {
        return false;
    }
    char scale[NAME_SIZE];
    float factor = 1;
    if (has_scale(b, fused, "attn_qkv", scale) && !bind_scalar(b, scale, &factor)) {
        return false;
    }
    layer->q = row_view(fused, 0, query_rows);
    layer->q.scale = factor;
    if (!shape->shares_kv) {
        layer->k = row_view(fused, query_rows, kv_rows);
        layer->v = row_view(fused, (int64_t)query_rows + kv_rows, kv_rows);
        layer->k.scale = layer->v.scale = factor;
    }
    return true;
}

static bool bind_split(const struct binding *b, struct weights_layer *layer)
{
    const struct hparams_layer *shape = &b->hparams->layers[b->layer];
    int32_t hidden = b->hparams->hidden_size;
    int32_t kv_rows = shape->num_key_value_heads * shape->head_dim;
    if (!bind_matrix(b, "attn_q", b->hparams->num_attention_heads * shape->head_dim, hidden,
                     &layer->q)) {
        return false;
    }
    if (shape->shares_kv) {
        return true;
    }
    return bind_matrix(b, "attn_k", kv_rows, hidden, &layer->k) &&
           (shape->k_eq_v || bind_matrix(b, "attn_v", kv_rows, hidden, &layer->v));
}

static bool bind_attention(const struct binding *b, struct weights_layer *layer)
{
    const struct hparams_layer *shape = &b->hparams->layers[b->layer];
    int32_t hidden = b->hparams->hidden_size;
    const struct gguf_tensor *fused = find(b, "attn_qkv");
    bool use_fused = fused != NULL && find(b, "attn_q") == NULL;
    if (!(use_fused ? bind_fused(b, fused, layer) : bind_split(b, layer))) {
        return false;
    }
    return bind_vector(b, "attn_norm", hidden, &layer->input_norm) &&
           bind_vector(b, "attn_q_norm", shape->head_dim, &layer->q_norm) &&
           (shape->shares_kv || bind_vector(b, "attn_k_norm", shape->head_dim, &layer->k_norm)) &&
           bind_matrix(b, "attn_output", hidden, b->hparams->num_attention_heads * shape->head_dim,
                       &layer->o) &&
           bind_vector(b, "post_attention_norm", hidden, &layer->post_attention_norm);
}

static bool bind_feed_forward(const struct binding *b, struct weights_layer *layer)
{
    int32_t hidden = b->hparams->hidden_size;
    int32_t width = b->hparams->layers[b->layer].intermediate_size;
    return bind_vector(b, "ffn_norm", hidden, &layer->pre_ffw_norm) &&
           bind_matrix(b, "ffn_gate", width, hidden, &layer->gate) &&
           bind_matrix(b, "ffn_up", width, hidden, &layer->up) &&
           bind_matrix(b, "ffn_down", hidden, width, &layer->down) &&
           bind_vector(b, "post_ffw_norm", hidden, &layer->post_ffw_norm);
}

/* --- experts --- */

/* One factor for each expert, all finite. */
static bool bind_scales(const struct binding *b, const char *role, const float **scales)
{
    int32_t experts = b->hparams->num_experts;
    const float *found = NULL;
    if (!bind_vector(b, role, experts, &found)) {
        return false;
    }
    for (int32_t i = 0; i < experts; i++) {
        if (!isfinite(found[i])) {
            char name[NAME_SIZE];
            full_name(b, role, name);
            return err_set(b->err, ERR_FORMAT, "%s: tensor %s is %g for expert %" PRId32,
                           gguf_shown_path(b->gguf), name, (double)found[i], i);
        }
    }
    *scales = found;
    return true;
}

/* A tensor [experts][rows][columns] as one matrix of experts * rows rows. *scales (may be NULL):
 * one for each expert of an NVFP4 tensor, NULL when the file has none. */
static bool bind_stack(const struct binding *b, const char *role, int64_t rows, int32_t columns,
                       struct weights_matrix *matrix, const float **scales)
{
    const struct gguf_tensor *tensor = find(b, role);
    int32_t experts = b->hparams->num_experts;
    if (tensor == NULL) {
        return missing(b, role);
    }
    if (tensor->ne[0] != (uint64_t)columns || tensor->ne[1] != (uint64_t)rows ||
        tensor->ne[2] != (uint64_t)experts || tensor->ne[3] != 1) {
        char expected[SHAPE_SIZE];
        snprintf(expected, sizeof expected, "[%" PRId32 "][%" PRId64 "][%" PRId32 "]", experts,
                 rows, columns);
        return wrong_shape(b, tensor, expected);
    }
    if (experts * rows > INT32_MAX) {
        return err_set(b->err, ERR_LIMIT, "%s: tensor %s has %" PRId64 " rows, must be at most %d",
                       gguf_shown_path(b->gguf), tensor->name, experts * rows, INT32_MAX);
    }
    if (!check_place(b, tensor)) {
        return false;
    }
    char scale[NAME_SIZE];
    *matrix = row_view(tensor, 0, (int32_t)(experts * rows));
    return scales == NULL || !has_scale(b, tensor, role, scale) || bind_scales(b, scale, scales);
}

static bool bind_gate_and_up(const struct binding *b, struct weights_experts *experts)
{
    int32_t hidden = b->hparams->hidden_size, width = b->hparams->moe_intermediate_size;
    if (find(b, "ffn_gate_up_exps") == NULL && find(b, "ffn_gate_exps") != NULL) {
        experts->stride = width;
        return bind_stack(b, "ffn_gate_exps", width, hidden, &experts->gate,
                          &experts->gate_scale) &&
               bind_stack(b, "ffn_up_exps", width, hidden, &experts->up, &experts->up_scale);
    }
    if (!bind_stack(b, "ffn_gate_up_exps", 2 * (int64_t)width, hidden, &experts->gate,
                    &experts->gate_scale)) {
        return false;
    }
    experts->up_scale = experts->gate_scale;
    experts->stride = 2 * width;
    experts->up = experts->gate; /* the same rows, a width later: the last gate's are left out */
    experts->up.data += (uint64_t)width * experts->up.row_bytes;
    experts->up.rows -= width;
    return true;
}

static bool bind_experts(const struct binding *b, struct weights_experts *experts)
{
    int32_t hidden = b->hparams->hidden_size, count = b->hparams->num_experts;
    return bind_matrix(b, "ffn_gate_inp", count, hidden, &experts->router) &&
           bind_vector(b, "ffn_gate_inp.scale", hidden, &experts->router_scale) &&
           bind_vector(b, "ffn_down_exps.scale", count, &experts->output_scale) &&
           bind_gate_and_up(b, experts) &&
           bind_stack(b, "ffn_down_exps", hidden, b->hparams->moe_intermediate_size, &experts->down,
                      NULL) &&
           bind_vector(b, "post_ffw_norm_1", hidden, &experts->post_dense_norm) &&
           bind_vector(b, "pre_ffw_norm_2", hidden, &experts->pre_experts_norm) &&
           bind_vector(b, "post_ffw_norm_2", hidden, &experts->post_experts_norm);
}

static bool bind_layer_scalar(const struct binding *b, struct weights_layer *layer)
{
    layer->layer_scalar = 1.0f;
    return find(b, "layer_output_scale") == NULL ||
           bind_scalar(b, "layer_output_scale", &layer->layer_scalar);
}

static bool bind_layer(struct binding *b, int32_t number)
{
    struct weights_layer *layer = &b->weights->layers[number];
    int32_t hidden = b->hparams->hidden_size;
    int32_t width = b->hparams->hidden_size_per_layer_input;
    b->layer = number;
    return bind_attention(b, layer) && bind_feed_forward(b, layer) && bind_layer_scalar(b, layer) &&
           (b->hparams->num_experts == 0 || bind_experts(b, &layer->experts)) &&
           (width == 0 || (bind_matrix(b, "inp_gate", width, hidden, &layer->ple_gate) &&
                           bind_matrix(b, "proj", hidden, width, &layer->ple_proj) &&
                           bind_vector(b, "post_norm", hidden, &layer->post_ple_norm)));
}

/* --- the model --- */

static bool bind_tables(const struct binding *b)
{
    struct weights *w = b->weights;
    const struct hparams *h = b->hparams;
    int32_t width = h->hidden_size_per_layer_input;
    int32_t all_widths = h->num_hidden_layers * width;
    if (!bind_matrix(b, "token_embd", h->vocab_size, h->hidden_size, &w->embedding) ||
        !bind_vector(b, "output_norm", h->hidden_size, &w->output_norm)) {
        return false;
    }
    w->head = w->embedding;
    if (find(b, "output") != NULL &&
        !bind_matrix(b, "output", h->vocab_size, h->hidden_size, &w->head)) {
        return false;
    }
    return width == 0 ||
           (bind_matrix(b, "per_layer_token_embd", h->vocab_size, all_widths, &w->ple_embedding) &&
            bind_matrix(b, "per_layer_model_proj", all_widths, h->hidden_size,
                        &w->ple_model_projection) &&
            bind_vector(b, "per_layer_proj_norm", width, &w->ple_projection_norm));
}

bool weights_bind(struct weights *weights, const struct hparams *hparams, const struct gguf *gguf,
                  struct err *err)
{
    struct weights bound = {.source = gguf};
    struct binding b = {
        .weights = &bound, .hparams = hparams, .gguf = gguf, .err = err, .layer = -1};
    if (!bind_tables(&b)) {
        return false;
    }
    for (int32_t i = 0; i < hparams->num_hidden_layers; i++) {
        if (!bind_layer(&b, i)) {
            return false;
        }
    }
    *weights = bound;
    return true;
}

bool weights_bind_matrix(struct weights_matrix *matrix, const char *name, int32_t rows,
                         int32_t columns, const struct gguf *gguf, struct err *err)
{
    struct weights_matrix bound;
    struct binding b = {.gguf = gguf, .err = err, .layer = -1};
    if (!bind_matrix(&b, name, rows, columns, &bound)) {
        return false;
    }
    *matrix = bound;
    return true;
}
