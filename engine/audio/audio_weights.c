/* Binding is by name and with the exact shape that the file's keys imply, from a table: after it no
 * product needs to look at a size again. Sizes of the subsampling have no keys and come from its
 * tensors.
 */
#include "audio/audio_weights.h"

#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "audio/log_mel.h"
#include "base/err.h"
#include "load/gguf.h"

enum { NAME_SIZE = 64, SHAPE_SIZE = 96, BANDS_LEFT = LOG_MEL_BANDS / 4 };

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

static bool read_size(const struct binding *b, const char *key, int64_t most, int32_t *size)
{
    int64_t value;
    if (!gguf_integer(b->gguf, key, &value, b->err)) {
        return err_prefix(b->err, "the audio encoder");
    }
    if (value < 1 || value > most) {
        return err_set(b->err, ERR_LIMIT, "%s: %s is %" PRId64 "; it must be 1 to %" PRId64,
                       gguf_shown_path(b->gguf), key, value, most);
    }
    *size = (int32_t)value;
    return true;
}

/* The kind of encoder: by its own key, or by the one that older files have for all. */
static bool check_kind(const struct binding *b)
{
    static const char *const keys[] = {"clip.audio.projector_type", "clip.projector_type"};
    static const char known[] = "gemma4a";
    struct gguf_text kind;
    char shown[GGUF_SHOWN];
    bool has_encoder = false;
    if (!gguf_has(b->gguf, "clip.has_audio_encoder") ||
        !gguf_bool(b->gguf, "clip.has_audio_encoder", &has_encoder, b->err) || !has_encoder) {
        return err_set(b->err, ERR_NOT_FOUND, "%s has no audio encoder", gguf_shown_path(b->gguf));
    }
    const char *key = gguf_has(b->gguf, keys[0]) ? keys[0] : keys[1];
    if (!gguf_string(b->gguf, key, &kind, b->err)) {
        return false;
    }
    if (kind.length != strlen(known) || memcmp(kind.bytes, known, kind.length) != 0) {
        gguf_show(kind.bytes, kind.length, shown);
        return err_set(b->err, ERR_UNSUPPORTED, "%s: audio encoder of kind \"%s\"; only %s is run",
                       gguf_shown_path(b->gguf), shown, known);
    }
    return true;
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

/* --- tensors --- */

static const struct gguf_tensor *find(const struct binding *b, const char *name)
{
    const struct gguf_tensor *tensor = gguf_tensor_find(b->gguf, name);
    if (tensor == NULL) {
        err_set(b->err, ERR_FORMAT, "%s: tensor %s is missing", gguf_shown_path(b->gguf), name);
    }
    return tensor;
}

/* ne is turned round as the file has it: the contiguous one first. */
static bool check_shape(const struct binding *b, const struct gguf_tensor *tensor,
                        const uint64_t ne[4])
{
    if (memcmp(tensor->ne, ne, sizeof tensor->ne) != 0) {
        return err_set(b->err, ERR_FORMAT,
                       "%s: tensor %s must be %" PRIu64 " x %" PRIu64 " x %" PRIu64 " x %" PRIu64
                       ", but is %" PRIu64 " x %" PRIu64 " x %" PRIu64 " x %" PRIu64,
                       gguf_shown_path(b->gguf), tensor->name, ne[0], ne[1], ne[2], ne[3],
                       tensor->ne[0], tensor->ne[1], tensor->ne[2], tensor->ne[3]);
    }
    if ((uintptr_t)tensor->data % sizeof(float) != 0) { /* floats are read in place */
        return err_set(b->err, ERR_UNSUPPORTED,
                       "%s: tensor %s does not lie on a multiple of 4 bytes",
                       gguf_shown_path(b->gguf), tensor->name);
    }
    return true;
}

static bool bind_floats(const struct binding *b, const char *name, const uint64_t ne[4],
                        const float **floats)
{
    const struct gguf_tensor *tensor = find(b, name);
    if (tensor == NULL || !check_shape(b, tensor, ne)) {
        return false;
    }
    if (tensor->type != QUANT_F32) {
        return err_set(b->err, ERR_UNSUPPORTED, "%s: tensor %s must be F32, but is %s",
                       gguf_shown_path(b->gguf), name, quant_format((uint32_t)tensor->type)->name);
    }
    *floats = (const float *)(const void *)tensor->data;
    return true;
}

static bool bind_vector(const struct binding *b, const char *name, int32_t size,
                        const float **vector)
{
    return bind_floats(b, name, (uint64_t[4]){(uint64_t)size, 1, 1, 1}, vector);
}

static bool bind_matrix(const struct binding *b, const char *name, int32_t rows, int32_t columns,
                        struct weights_matrix *matrix)
{
    const struct gguf_tensor *tensor = find(b, name);
    if (tensor == NULL ||
        !check_shape(b, tensor, (uint64_t[4]){(uint64_t)columns, (uint64_t)rows, 1, 1})) {
        return false;
    }
    const struct quant_format *format = quant_format((uint32_t)tensor->type);
    *matrix = (struct weights_matrix){
        .data = tensor->data,
        .format = format,
        .rows = rows,
        .columns = columns,
        .row_bytes = (uint64_t)columns / format->block_values * format->block_bytes,
    };
    return true;
}

/* A missing bound is infinite; a bound that is not a number, or bounds that exclude everything, are
 * an error. */
static bool bind_bounds(const struct binding *b, const char *role, struct audio_linear *linear)
{
    struct {
        const char *name;
        float *value;
    } bounds[] = {
        {"input_min", &linear->input_min},
        {"input_max", &linear->input_max},
        {"output_min", &linear->output_min},
        {"output_max", &linear->output_max},
    };
    for (size_t i = 0; i < sizeof bounds / sizeof bounds[0]; i++) {
        char name[2 * NAME_SIZE];
        const float *stored;
        *bounds[i].value = i % 2 == 0 ? -INFINITY : INFINITY;
        snprintf(name, sizeof name, "%s.%s", role, bounds[i].name);
        if (gguf_tensor_find(b->gguf, name) == NULL) {
            continue;
        }
        if (!bind_vector(b, name, 1, &stored)) {
            return false;
        }
        *bounds[i].value = *stored;
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
        const uint64_t ne[4] = {(uint64_t)columns, (uint64_t)rows, 1, 1};
        return bind_floats(b, name, ne, field);
    }
    if (role->kind == MATRIX) {
        return bind_matrix(b, name, rows, columns, field);
    }
    struct audio_linear *linear = field;
    return bind_matrix(b, name, rows, columns, &linear->matrix) && bind_bounds(b, stem, linear);
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

static bool bind_subsampling(const struct binding *b)
{
    struct audio_weights *w = b->weights;
    int32_t before = 1;
    for (int i = 0; i < AUDIO_WEIGHTS_STAGES; i++) {
        char name[NAME_SIZE];
        snprintf(name, sizeof name, "a.conv1d.%d.weight", i);
        const struct gguf_tensor *tensor = find(b, name);
        if (tensor == NULL) {
            return false;
        }
        uint64_t channels = tensor->ne[3];
        if (channels < 1 || channels > CHANNELS_MAX) {
            return err_set(b->err, ERR_LIMIT, "%s: tensor %s has %" PRIu64 " channels",
                           gguf_shown_path(b->gguf), name, channels);
        }
        w->channels[i] = (int32_t)channels;
        const uint64_t ne[4] = {AUDIO_WEIGHTS_KERNEL, AUDIO_WEIGHTS_KERNEL, (uint64_t)before,
                                channels};
        if (!bind_floats(b, name, ne, &w->conv[i])) {
            return false;
        }
        snprintf(name, sizeof name, "a.conv1d.%d.norm.weight", i);
        if (!bind_vector(b, name, w->channels[i], &w->conv_norm[i])) {
            return false;
        }
        before = w->channels[i];
    }
    return bind_matrix(b, "a.input_projection.weight", w->hidden_size, BANDS_LEFT * before,
                       &w->input_projection);
}

static bool bind_output(const struct binding *b)
{
    struct audio_weights *w = b->weights;
    const struct gguf_tensor *bias = find(b, "a.pre_encode.out.bias");
    if (bias == NULL) {
        return false;
    }
    if (bias->ne[0] > HIDDEN_MAX) {
        return err_set(b->err, ERR_LIMIT, "%s: tensor %s has %" PRIu64 " values",
                       gguf_shown_path(b->gguf), bias->name, bias->ne[0]);
    }
    w->output_size = (int32_t)bias->ne[0];
    return bind_vector(b, "a.pre_encode.out.bias", w->output_size, &w->output_bias) &&
           bind_matrix(b, "a.pre_encode.out.weight", w->output_size, w->hidden_size, &w->output) &&
           bind_matrix(b, "mm.a.input_projection.weight", w->text_hidden_size, w->output_size,
                       &w->projection);
}

bool audio_weights_bind(struct audio_weights *weights, const struct gguf *gguf, struct err *err)
{
    static const char unknown[] = "mm.a.soft_emb_norm.weight";
    struct audio_weights bound = {0};
    struct binding b = {.weights = &bound, .gguf = gguf, .err = err};
    if (!check_kind(&b)) {
        return false;
    }
    if (gguf_tensor_find(gguf, unknown) != NULL) {
        return err_set(err, ERR_UNSUPPORTED, "%s: tensor %s is not known to this engine",
                       gguf_shown_path(gguf), unknown);
    }
    if (!read_sizes(&b) || !bind_subsampling(&b) || !bind_layers(&b) || !bind_output(&b)) {
        return false;
    }
    *weights = bound;
    return true;
}
