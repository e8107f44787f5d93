/* vision_weights: see vision_weights.h. Binding is by name from tables, as GGUF files of Gemma 4's
 * encoders have them. The mean and deviation of pixels that such files name are 0 and 1 for these
 * models and are not looked at.
 */
#include "vision/vision_weights.h"

#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

#include "load/gguf.h"
#include "load/mmproj.h"
#include "vision/patches.h"

enum {
    NAME_SIZE = 64,
    HIDDEN_MAX = 16384,
    FEED_FORWARD_MAX = 65536,
    HEADS_MAX = 256,
    TEXT_HIDDEN_MAX = 65536,
    POSITIONS_MAX = 1 << 20,
};

struct binding {
    struct vision_weights *weights;
    const struct gguf *gguf;
    struct err *err;
    int32_t layer;
};

/* --- sizes --- */

static bool check_sizes(const struct binding *b)
{
    static const char pool_key[] = "clip.vision.projector.scale_factor";
    const struct vision_weights *w = b->weights;
    int32_t fixed;
    if (!mmproj_integer(b->gguf, "clip.vision.patch_size", PATCHES_SIDE, PATCHES_SIDE, &fixed,
                        b->err) ||
        (gguf_has(b->gguf, pool_key) && !mmproj_integer(b->gguf, pool_key, VISION_WEIGHTS_POOL,
                                                        VISION_WEIGHTS_POOL, &fixed, b->err))) {
        return false;
    }
    /* Rotation turns pairs in each half of a head. */
    if (w->hidden_size % (4 * w->num_attention_heads) != 0) {
        return err_set(b->err, ERR_FORMAT,
                       "%s: a hidden size of %" PRId32 " does not make %" PRId32
                       " heads of a multiple of 4",
                       gguf_shown_path(b->gguf), w->hidden_size, w->num_attention_heads);
    }
    return true;
}

static bool read_sizes(const struct binding *b)
{
    struct vision_weights *w = b->weights;
    const struct {
        const char *key;
        int32_t *size, most;
    } sizes[] = {
        {"clip.vision.embedding_length", &w->hidden_size, HIDDEN_MAX},
        {"clip.vision.feed_forward_length", &w->intermediate_size, FEED_FORWARD_MAX},
        {"clip.vision.block_count", &w->num_hidden_layers, VISION_WEIGHTS_LAYERS_MAX},
        {"clip.vision.attention.head_count", &w->num_attention_heads, HEADS_MAX},
        {"clip.vision.projection_dim", &w->text_hidden_size, TEXT_HIDDEN_MAX},
    };
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        if (!mmproj_integer(b->gguf, sizes[i].key, 1, sizes[i].most, sizes[i].size, b->err)) {
            return false;
        }
    }
    return check_sizes(b) && mmproj_real(b->gguf, "clip.vision.attention.layer_norm_epsilon", 1e-12,
                                         0.1, 1e-6, &w->rms_norm_eps, b->err);
}

/* --- layers --- */

static bool bind_linear(const struct binding *b, const char *role, int32_t rows, int32_t columns,
                        struct vision_weights_linear *linear)
{
    char name[NAME_SIZE];
    snprintf(name, sizeof name, "v.blk.%" PRId32 ".%s.weight", b->layer, role);
    if (!mmproj_matrix(b->gguf, name, rows, columns, &linear->matrix, b->err)) {
        return false;
    }
    const struct {
        const char *end;
        float otherwise, *limit;
    } limits[] = {
        {"input_min", -INFINITY, &linear->input_min},
        {"input_max", INFINITY, &linear->input_max},
        {"output_min", -INFINITY, &linear->output_min},
        {"output_max", INFINITY, &linear->output_max},
    };
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        snprintf(name, sizeof name, "v.blk.%" PRId32 ".%s.%s", b->layer, role, limits[i].end);
        if (!mmproj_scalar(b->gguf, name, limits[i].otherwise, limits[i].limit, b->err)) {
            return false;
        }
    }
    if (linear->input_min > linear->input_max || linear->output_min > linear->output_max) {
        return err_set(b->err, ERR_FORMAT,
                       "%s: v.blk.%" PRId32 ".%s has limits the wrong way round",
                       gguf_shown_path(b->gguf), b->layer, role);
    }
    return true;
}

static bool bind_norm(const struct binding *b, const char *role, int32_t size, const float **norm)
{
    char name[NAME_SIZE];
    snprintf(name, sizeof name, "v.blk.%" PRId32 ".%s.weight", b->layer, role);
    return mmproj_vector(b->gguf, name, (uint64_t)size, norm, b->err);
}

static bool bind_layer(const struct binding *b, struct vision_weights_layer *layer)
{
    const int32_t d = b->weights->hidden_size, f = b->weights->intermediate_size;
    const int32_t hd = d / b->weights->num_attention_heads;
    const struct {
        const char *role;
        int32_t rows, columns;
        struct vision_weights_linear *linear;
    } linears[] = {
        {"attn_q", d, d, &layer->q},      {"attn_k", d, d, &layer->k},
        {"attn_v", d, d, &layer->v},      {"attn_out", d, d, &layer->o},
        {"ffn_gate", f, d, &layer->gate}, {"ffn_up", f, d, &layer->up},
        {"ffn_down", d, f, &layer->down},
    };
    const struct {
        const char *role;
        int32_t size;
        const float **norm;
    } norms[] = {
        {"ln1", d, &layer->input_norm},      {"attn_q_norm", hd, &layer->q_norm},
        {"attn_k_norm", hd, &layer->k_norm}, {"attn_post_norm", d, &layer->post_attention_norm},
        {"ln2", d, &layer->pre_ffw_norm},    {"ffn_post_norm", d, &layer->post_ffw_norm},
    };
    for (size_t i = 0; i < sizeof linears / sizeof linears[0]; i++) {
        if (!bind_linear(b, linears[i].role, linears[i].rows, linears[i].columns,
                         linears[i].linear)) {
            return false;
        }
    }
    for (size_t i = 0; i < sizeof norms / sizeof norms[0]; i++) {
        if (!bind_norm(b, norms[i].role, norms[i].size, norms[i].norm)) {
            return false;
        }
    }
    char name[NAME_SIZE];
    snprintf(name, sizeof name, "v.blk.%" PRId32 ".out_scale.weight", b->layer);
    return mmproj_scalar(b->gguf, name, 1.0f, &layer->scale, b->err);
}

/* --- before and after the layers --- */

/* Copies the patch matrix with its columns in our order. A GGUF file has [d][3][16][16], F32 or
 * F16; a block format would make no sense in rows of 16. In a folder of safetensors it is [d][768],
 * in our order already. */
static bool copy_patch_matrix(const struct binding *b)
{
    static const char name[] = "v.patch_embd.weight";
    enum { SQUARE = PATCHES_SIDE * PATCHES_SIDE };
    struct vision_weights *w = b->weights;
    const struct gguf_tensor *tensor = gguf_tensor_find(b->gguf, name);
    if (tensor == NULL) {
        return err_set(b->err, ERR_FORMAT, "%s: tensor %s is missing", gguf_shown_path(b->gguf),
                       name);
    }
    const struct quant_format *format = quant_format((uint32_t)tensor->type);
    const uint64_t count = (uint64_t)w->hidden_size * PATCHES_VALUES;
    const bool ours_already = tensor->dimension_count == 2 && tensor->ne[0] == PATCHES_VALUES &&
                              tensor->ne[1] == (uint64_t)w->hidden_size;
    const bool theirs = tensor->ne[0] == PATCHES_SIDE && tensor->ne[1] == PATCHES_SIDE &&
                        tensor->ne[2] == PATCHES_CHANNELS &&
                        tensor->ne[3] == (uint64_t)w->hidden_size;
    if ((!ours_already && !theirs) || format->block_values != 1) {
        return err_set(b->err, ERR_FORMAT,
                       "%s: tensor %s must be [%" PRId32 "][3][16][16], and not in blocks",
                       gguf_shown_path(b->gguf), name, w->hidden_size);
    }
    w->patch_values = mem_try_align(64, (size_t)count, sizeof(float));
    if (w->patch_values == NULL) {
        return err_set(b->err, ERR_MEMORY, "no memory for the patch matrix of %s",
                       gguf_shown_path(b->gguf));
    }
    for (size_t row = 0; row < (size_t)w->hidden_size; row++) {
        float values[PATCHES_VALUES], *ours = w->patch_values + row * PATCHES_VALUES;
        format->decode(tensor->data + row * PATCHES_VALUES * format->block_bytes, PATCHES_VALUES,
                       values);
        for (size_t i = 0; i < PATCHES_VALUES; i++) {
            ours[ours_already ? i : i % SQUARE * PATCHES_CHANNELS + i / SQUARE] = values[i];
        }
    }
    w->patch = (struct weights_matrix){
        .scale = 1,
        .data = (const unsigned char *)w->patch_values,
        .format = quant_format(QUANT_F32),
        .rows = w->hidden_size,
        .columns = PATCHES_VALUES,
        .row_bytes = PATCHES_VALUES * sizeof(float),
    };
    return true;
}

static bool bind_positions(const struct binding *b)
{
    static const char name[] = "v.position_embd.weight";
    struct vision_weights *w = b->weights;
    const struct gguf_tensor *tensor = gguf_tensor_find(b->gguf, name);
    uint64_t d = (uint64_t)w->hidden_size;
    if (tensor != NULL && (tensor->ne[0] != d || tensor->ne[1] > POSITIONS_MAX ||
                           tensor->ne[2] != 2 || tensor->ne[3] != 1)) {
        return err_set(b->err, ERR_FORMAT, "%s: tensor %s must be [2][1 to %d][%" PRId32 "]",
                       gguf_shown_path(b->gguf), name, POSITIONS_MAX, w->hidden_size);
    }
    uint64_t positions = tensor != NULL ? tensor->ne[1] : 1;
    w->position_count = (int32_t)positions;
    return mmproj_vector(b->gguf, name, 2 * positions * d, &w->positions, b->err);
}

static bool bind_head(const struct binding *b)
{
    struct vision_weights *w = b->weights;
    uint64_t d = (uint64_t)w->hidden_size;
    if ((mmproj_has(b->gguf, "v.std_bias") || mmproj_has(b->gguf, "v.std_scale")) &&
        (!mmproj_vector(b->gguf, "v.std_bias", d, &w->std_bias, b->err) ||
         !mmproj_vector(b->gguf, "v.std_scale", d, &w->std_scale, b->err))) {
        return false;
    }
    return mmproj_matrix(b->gguf, "mm.input_projection.weight", w->text_hidden_size, w->hidden_size,
                         &w->projector, b->err);
}

bool vision_weights_bind(struct vision_weights *weights, const struct gguf *gguf, struct err *err)
{
    struct vision_weights bound = {0};
    struct binding b = {.weights = &bound, .gguf = gguf, .err = err};
    if (!mmproj_check_encoder(gguf, "vision", "gemma4v", err) || !read_sizes(&b) ||
        !bind_positions(&b) || !bind_head(&b)) {
        return false;
    }
    for (b.layer = 0; b.layer < bound.num_hidden_layers; b.layer++) {
        if (!bind_layer(&b, &bound.layers[b.layer])) {
            return false;
        }
    }
    if (!copy_patch_matrix(&b)) {
        return false;
    }
    *weights = bound;
    return true;
}

void vision_weights_finish(struct vision_weights *weights)
{
    mem_free(weights->patch_values);
    weights->patch_values = NULL;
}
