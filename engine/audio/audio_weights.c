/* Binding is by name and with the exact shape that the file's keys imply, from a table: after it no
 * product needs to look at a size again. Sizes of the subsampling have no keys and come from its
 * tensors.
 */
#include "audio/audio_weights.h"

#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>

#include "audio/log_mel.h"
#include "base/err.h"
#include "load/gguf.h"
#include "load/mmproj.h"

enum { NAME_SIZE = 64, BANDS_LEFT = LOG_MEL_BANDS / 4 };

enum {
    HIDDEN_MAX = 16384,
    FEED_FORWARD_MAX = 65536,
    CHANNELS_MAX = 1024,
};

struct binding {
    struct audio_weights *weights;
    const struct gguf *gguf;
    struct err *err;
};

/* --- keys --- */

static bool read_size(const struct binding *b, const char *key, int32_t most, int32_t *size)
{
    return mmproj_integer(b->gguf, key, 1, most, size, b->err);
}

static bool read_sizes(const struct binding *b)
{
    struct audio_weights *w = b->weights;
    int32_t bands = 0;
    if (!read_size(b, "clip.audio.num_mel_bins", LOG_MEL_BANDS, &bands) ||
        !read_size(b, "clip.audio.embedding_length", HIDDEN_MAX, &w->hidden_size) ||
        !read_size(b, "clip.audio.feed_forward_length", FEED_FORWARD_MAX, &w->feed_forward_size) ||
        !read_size(b, "clip.audio.block_count", AUDIO_WEIGHTS_LAYERS_MAX, &w->num_hidden_layers) ||
        !read_size(b, "clip.audio.attention.head_count", HIDDEN_MAX, &w->num_attention_heads) ||
        !read_size(b, "clip.audio.projection_dim", HIDDEN_MAX, &w->text_hidden_size)) {
        return false;
    }
    if (bands != LOG_MEL_BANDS) {
        return err_set(b->err, ERR_UNSUPPORTED, "%s: %" PRId32 " mel bands instead of %d",
                       gguf_shown_path(b->gguf), bands, LOG_MEL_BANDS);
    }
    if (w->hidden_size < 4 || w->hidden_size % 2 != 0 ||
        w->hidden_size % w->num_attention_heads != 0) {
        return err_set(b->err, ERR_FORMAT,
                       "%s: audio hidden size %" PRId32 " with %" PRId32 " heads",
                       gguf_shown_path(b->gguf), w->hidden_size, w->num_attention_heads);
    }
    return true;
}

/* A missing bound is infinite; a bound that is not a number, or bounds that exclude everything, are
 * an error. */
static bool bind_bounds(const struct binding *b, const char *role, struct audio_linear *linear)
{
    struct {
        const char *name;
        float infinite, *value;
    } bounds[] = {
        {"input_min", -INFINITY, &linear->input_min},
        {"input_max", INFINITY, &linear->input_max},
        {"output_min", -INFINITY, &linear->output_min},
        {"output_max", INFINITY, &linear->output_max},
    };
    for (size_t i = 0; i < sizeof bounds / sizeof bounds[0]; i++) {
        char name[2 * NAME_SIZE];
        snprintf(name, sizeof name, "%s.%s", role, bounds[i].name);
        if (!mmproj_scalar(b->gguf, name, bounds[i].infinite, bounds[i].value, b->err)) {
            return false;
        }
    }
    if (!(linear->input_min <= linear->input_max) || !(linear->output_min <= linear->output_max)) {
        return err_set(b->err, ERR_FORMAT, "%s: the bounds of %s are %g..%g and %g..%g",
                       gguf_shown_path(b->gguf), role, (double)linear->input_min,
                       (double)linear->input_max, (double)linear->output_min,
                       (double)linear->output_max);
    }
    return true;
}

/* --- layers --- */

enum kind { VECTOR, MATRIX, LINEAR };

enum size { ONE, HEAD, D, D_TWICE, F, TAPS, SIZE_COUNT };

#define AT(FIELD) offsetof(struct audio_layer, FIELD)

static const struct role {
    const char *name; /* behind "a.blk.N." */
    enum kind kind;
    enum size rows, columns; /* of a vector the columns */
    size_t offset;
} roles[] = {
    {"ffn_norm", VECTOR, ONE, D, AT(first.pre_norm)},
    {"ffn_up", LINEAR, F, D, AT(first.up)},
    {"ffn_down", LINEAR, D, F, AT(first.down)},
    {"ffn_post_norm", VECTOR, ONE, D, AT(first.post_norm)},
    {"ffn_norm_1", VECTOR, ONE, D, AT(second.pre_norm)},
    {"ffn_up_1", LINEAR, F, D, AT(second.up)},
    {"ffn_down_1", LINEAR, D, F, AT(second.down)},
    {"ffn_post_norm_1", VECTOR, ONE, D, AT(second.post_norm)},
    {"attn_pre_norm", VECTOR, ONE, D, AT(attention_pre_norm)},
    {"attn_q", LINEAR, D, D, AT(q)},
    {"attn_k", LINEAR, D, D, AT(k)},
    {"attn_v", LINEAR, D, D, AT(v)},
    {"attn_out", LINEAR, D, D, AT(attention_out)},
    {"attn_k_rel", MATRIX, D, D, AT(relative_k)},
    {"per_dim_scale", VECTOR, ONE, HEAD, AT(per_dim_scale)},
    {"attn_post_norm", VECTOR, ONE, D, AT(attention_post_norm)},
    {"conv_norm", VECTOR, ONE, D, AT(conv_pre_norm)}, /* the file's names are exchanged */
    {"conv_pw1", LINEAR, D_TWICE, D, AT(conv_in)},
    {"conv_dw", VECTOR, D, TAPS, AT(conv_depthwise)},
    {"norm_conv", VECTOR, ONE, D, AT(conv_norm)},
    {"conv_pw2", LINEAR, D, D, AT(conv_out)},
    {"ln2", VECTOR, ONE, D, AT(out_norm)},
};

static bool bind_role(const struct binding *b, int32_t layer, const struct role *role)
{
    const struct audio_weights *w = b->weights;
    const int32_t sizes[SIZE_COUNT] = {
        [ONE] = 1,
        [HEAD] = w->hidden_size / w->num_attention_heads,
        [D] = w->hidden_size,
        [D_TWICE] = 2 * w->hidden_size,
        [F] = w->feed_forward_size,
        [TAPS] = AUDIO_WEIGHTS_DEPTHWISE,
    };
    char stem[NAME_SIZE], name[NAME_SIZE];
    snprintf(stem, sizeof stem, "a.blk.%" PRId32 ".%s", layer, role->name);
    snprintf(name, sizeof name, "a.blk.%" PRId32 ".%s.weight", layer, role->name);
    int32_t rows = sizes[role->rows], columns = sizes[role->columns];
    void *field = (char *)&b->weights->layers[layer] + role->offset;
    if (role->kind == VECTOR) {
        return mmproj_vector(b->gguf, name, (uint64_t)rows * (uint64_t)columns, field, b->err);
    }
    if (role->kind == MATRIX) {
        return mmproj_matrix(b->gguf, name, rows, columns, field, b->err);
    }
    struct audio_linear *linear = field;
    return mmproj_matrix(b->gguf, name, rows, columns, &linear->matrix, b->err) &&
           bind_bounds(b, stem, linear);
}

static bool bind_layers(const struct binding *b)
{
    for (int32_t layer = 0; layer < b->weights->num_hidden_layers; layer++) {
        for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++) {
            if (!bind_role(b, layer, &roles[i])) {
                return false;
            }
        }
    }
    return true;
}

/* --- before and behind the layers --- */

/* A size that no key gives: the number of values of a vector. */
static bool count_values(const struct binding *b, const char *name, uint64_t most, int32_t *count)
{
    const struct gguf_tensor *tensor = gguf_tensor_find(b->gguf, name);
    if (tensor == NULL) {
        return err_set(b->err, ERR_FORMAT, "%s: tensor %s is missing", gguf_shown_path(b->gguf),
                       name);
    }
    if (tensor->ne[0] > most) {
        return err_set(b->err, ERR_LIMIT, "%s: tensor %s has %" PRIu64 " values",
                       gguf_shown_path(b->gguf), name, tensor->ne[0]);
    }
    *count = (int32_t)tensor->ne[0];
    return true;
}

static bool bind_subsampling(const struct binding *b)
{
    struct audio_weights *w = b->weights;
    int32_t before = 1;
    for (int i = 0; i < AUDIO_WEIGHTS_STAGES; i++) {
        char kernel[NAME_SIZE], norm[NAME_SIZE];
        snprintf(kernel, sizeof kernel, "a.conv1d.%d.weight", i);
        snprintf(norm, sizeof norm, "a.conv1d.%d.norm.weight", i);
        if (!count_values(b, norm, CHANNELS_MAX, &w->channels[i])) {
            return false;
        }
        uint64_t channels = (uint64_t)w->channels[i];
        uint64_t taps = (uint64_t)before * AUDIO_WEIGHTS_KERNEL * AUDIO_WEIGHTS_KERNEL;
        if (!mmproj_vector(b->gguf, norm, channels, &w->conv_norm[i], b->err) ||
            !mmproj_vector(b->gguf, kernel, channels * taps, &w->conv[i], b->err)) {
            return false;
        }
        before = w->channels[i];
    }
    return mmproj_matrix(b->gguf, "a.input_projection.weight", w->hidden_size, BANDS_LEFT * before,
                         &w->input_projection, b->err);
}

static bool bind_output(const struct binding *b)
{
    static const char bias[] = "a.pre_encode.out.bias";
    struct audio_weights *w = b->weights;
    return count_values(b, bias, HIDDEN_MAX, &w->output_size) &&
           mmproj_vector(b->gguf, bias, (uint64_t)w->output_size, &w->output_bias, b->err) &&
           mmproj_matrix(b->gguf, "a.pre_encode.out.weight", w->output_size, w->hidden_size,
                         &w->output, b->err) &&
           mmproj_matrix(b->gguf, "mm.a.input_projection.weight", w->text_hidden_size,
                         w->output_size, &w->projection, b->err);
}

bool audio_weights_bind(struct audio_weights *weights, const struct gguf *gguf, struct err *err)
{
    static const char unknown[] = "mm.a.soft_emb_norm.weight";
    struct audio_weights bound = {0};
    struct binding b = {.weights = &bound, .gguf = gguf, .err = err};
    if (!mmproj_check(gguf, err) || !mmproj_check_encoder(gguf, "audio", "gemma4a", err)) {
        return false;
    }
    if (mmproj_has(gguf, unknown)) {
        return err_set(err, ERR_UNSUPPORTED, "%s: tensor %s is not known to this engine",
                       gguf_shown_path(gguf), unknown);
    }
    if (!read_sizes(&b) || !bind_subsampling(&b) || !bind_layers(&b) || !bind_output(&b)) {
        return false;
    }
    *weights = bound;
    return true;
}
