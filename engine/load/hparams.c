/* Every number goes through a closed range before anything is made of it. The values that belong to
 * the whole model are two tables; those that differ by layer may be a scalar or an array in the
 * file, and both are read for all of them.
 *
 * Where the file says nothing the value is the one that Gemma 4's own configuration class takes.
 * Two things the keys do not tell are read from the tensors: whether a full layer has a V of its
 * own, and how many pairs of a full head rotate (rope_freqs.weight has 1 for those, 1e30 for the
 * others).
 *
 * A drafter's file has the same keys under the name of its own architecture. All its layers share
 * K/V, and with another model's, so it has no donors here.
 *
 * Left out: other architectures, scaled RoPE.
 */
#include "load/hparams.h"

#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"

#include "load/gguf.h"

enum {
    VOCABULARY_MAX = 1 << 20,
    HIDDEN_MAX = 65536,
    HEADS_MAX = 1024,
    HEAD_DIM_MAX = 1024,
    FEED_FORWARD_MAX = 1 << 20,
    PER_LAYER_MAX = 8192,
    POSITIONS_MAX = 1 << 21,
    EXPERTS_MAX = 1024,
    REQUIRED = -1, /* instead of a default */
    KEY_SIZE = 96,
};

/* Names are those of the keys behind "gemma4." (or a drafter's architecture). */
static const struct {
    const char *name;
    size_t member;
    int32_t least, most, otherwise;
} integers[] = {
    {"block_count", offsetof(struct hparams, num_hidden_layers), 1, HPARAMS_LAYERS_MAX, REQUIRED},
    {"embedding_length", offsetof(struct hparams, hidden_size), 1, HIDDEN_MAX, REQUIRED},
    {"embedding_length_per_layer_input", offsetof(struct hparams, hidden_size_per_layer_input), 0,
     PER_LAYER_MAX, 0},
    {"attention.shared_kv_layers", offsetof(struct hparams, num_kv_shared_layers), 0,
     HPARAMS_LAYERS_MAX - 1, 0},
    {"attention.sliding_window", offsetof(struct hparams, sliding_window), 1, POSITIONS_MAX, 512},
    {"context_length", offsetof(struct hparams, context_length), 1, POSITIONS_MAX, 131072},
    {"expert_count", offsetof(struct hparams, num_experts), 0, EXPERTS_MAX, 0},
    {"expert_used_count", offsetof(struct hparams, top_k_experts), 0, EXPERTS_MAX, 0},
    {"expert_feed_forward_length", offsetof(struct hparams, moe_intermediate_size), 0,
     FEED_FORWARD_MAX, 0},
};

static const struct {
    const char *name;
    size_t member;
    double least, most, otherwise;
} reals[] = {
    {"attention.layer_norm_rms_epsilon", offsetof(struct hparams, rms_norm_eps), 1e-12, 0.1, 1e-6},
    {"rope.freq_base", offsetof(struct hparams, rope_theta_full), 1.0, 1e12, 1e6},
    {"rope.freq_base_swa", offsetof(struct hparams, rope_theta_sliding), 1.0, 1e12, 1e4},
    {"final_logit_softcapping", offsetof(struct hparams, final_logit_softcapping), 0.0, 1e6, 0.0},
};

/* The values of one key for all layers while they are collected. */
struct per_layer {
    int32_t of[HPARAMS_LAYERS_MAX];
};

struct reading {
    struct hparams *hparams;
    const struct gguf *gguf;
    const char *architecture;
    struct err *err;
};

static void full_key(const struct reading *r, const char *name, char key[KEY_SIZE])
{
    snprintf(key, KEY_SIZE, "%s.%s", r->architecture, name);
}

static bool check_range(const struct reading *r, const char *key, int64_t value, int32_t least,
                        int32_t most)
{
    if (value < least || value > most) {
        return err_set(r->err, ERR_LIMIT,
                       "%s: the key %s is %" PRId64 ", must be %" PRId32 " to %" PRId32,
                       gguf_shown_path(r->gguf), key, value, least, most);
    }
    return true;
}

/* --- values of the whole model --- */

static bool check_architecture(const struct reading *r)
{
    struct gguf_text text;
    if (!gguf_string(r->gguf, "general.architecture", &text, r->err)) {
        return false;
    }
    if (text.length != strlen(r->architecture) ||
        memcmp(text.bytes, r->architecture, text.length) != 0) {
        char shown[GGUF_SHOWN];
        gguf_show(text.bytes, text.length, shown);
        return err_set(r->err, ERR_UNSUPPORTED, "%s: the architecture is \"%s\"; only %s is run",
                       gguf_shown_path(r->gguf), shown, r->architecture);
    }
    return true;
}

static bool read_integers(const struct reading *r)
{
    for (size_t i = 0; i < sizeof integers / sizeof integers[0]; i++) {
        char key[KEY_SIZE];
        full_key(r, integers[i].name, key);
        int64_t value = integers[i].otherwise;
        bool needed = integers[i].otherwise == REQUIRED || gguf_has(r->gguf, key);
        if (needed && (!gguf_integer(r->gguf, key, &value, r->err) ||
                       !check_range(r, key, value, integers[i].least, integers[i].most))) {
            return false;
        }
        int32_t narrow = (int32_t)value;
        memcpy((char *)r->hparams + integers[i].member, &narrow, sizeof narrow);
    }
    return true;
}

static bool read_reals(const struct reading *r)
{
    for (size_t i = 0; i < sizeof reals / sizeof reals[0]; i++) {
        char key[KEY_SIZE];
        full_key(r, reals[i].name, key);
        double value = reals[i].otherwise;
        if (gguf_has(r->gguf, key) && !gguf_real(r->gguf, key, &value, r->err)) {
            return false;
        }
        if (!(value >= reals[i].least && value <= reals[i].most)) { /* NaN fails too */
            return err_set(r->err, ERR_LIMIT, "%s: the key %s is %g, must be %g to %g",
                           gguf_shown_path(r->gguf), key, value, reals[i].least, reals[i].most);
        }
        float narrow = (float)value;
        memcpy((char *)r->hparams + reals[i].member, &narrow, sizeof narrow);
    }
    return true;
}

static bool read_vocabulary(const struct reading *r)
{
    static const char key[] = "tokenizer.ggml.tokens";
    struct gguf_array tokens;
    if (!gguf_array(r->gguf, key, &tokens, r->err)) {
        return false;
    }
    if (tokens.count < 1 || tokens.count > VOCABULARY_MAX) {
        return err_set(r->err, ERR_LIMIT, "%s: the key %s has %" PRIu64 " tokens, must be 1 to %d",
                       gguf_shown_path(r->gguf), key, tokens.count, VOCABULARY_MAX);
    }
    r->hparams->vocab_size = (int32_t)tokens.count;
    return true;
}

static bool check_experts(const struct reading *r)
{
    const struct hparams *h = r->hparams;
    bool none = h->num_experts == 0 && h->top_k_experts == 0;
    if (!none && (h->top_k_experts < 1 || h->top_k_experts > h->num_experts ||
                  h->moe_intermediate_size < 1)) {
        return err_set(r->err, ERR_FORMAT, "%s: %d of %d experts of width %d cannot be",
                       gguf_shown_path(r->gguf), h->top_k_experts, h->num_experts,
                       h->moe_intermediate_size);
    }
    return true;
}

/* --- values by layer --- */

/* A key that is one integer or bool for all layers, or an array with one for each. */
static bool read_per_layer(const struct reading *r, const char *name, int32_t least, int32_t most,
                           struct per_layer *values)
{
    char key[KEY_SIZE];
    full_key(r, name, key);
    struct gguf_array array;
    int32_t layers = r->hparams->num_hidden_layers;
    bool is_array = gguf_array(r->gguf, key, &array, NULL);
    int64_t single = 0;
    if (!is_array) {
        bool flag = false;
        if (gguf_bool(r->gguf, key, &flag, NULL)) {
            single = flag;
        } else if (!gguf_integer(r->gguf, key, &single, r->err)) {
            return false;
        }
    } else if (array.type == GGUF_F32 || array.type == GGUF_F64 || array.type == GGUF_STRING) {
        return err_set(r->err, ERR_FORMAT, "%s: the elements of %s are not integers",
                       gguf_shown_path(r->gguf), key);
    } else if (array.count != (uint64_t)layers) {
        return err_set(r->err, ERR_FORMAT,
                       "%s: the key %s has %" PRIu64 " elements for %" PRId32 " layers",
                       gguf_shown_path(r->gguf), key, array.count, layers);
    }
    for (int32_t i = 0; i < layers; i++) {
        int64_t value = is_array ? gguf_array_integer(&array, (uint64_t)i) : single;
        if (!check_range(r, key, value, least, most)) {
            return false;
        }
        values->of[i] = (int32_t)value;
    }
    return true;
}

/* The same for a value that our forward pass has once for all layers. */
static bool read_uniform(const struct reading *r, const char *name, int32_t least, int32_t most,
                         int32_t *value)
{
    struct per_layer values = {0};
    if (!read_per_layer(r, name, least, most, &values)) {
        return false;
    }
    for (int32_t i = 1; i < r->hparams->num_hidden_layers; i++) {
        if (values.of[i] != values.of[0]) {
            return err_set(
                r->err, ERR_UNSUPPORTED,
                "%s: the key %s.%s is %" PRId32 " in layer 0 and %" PRId32 " in layer %" PRId32,
                gguf_shown_path(r->gguf), r->architecture, name, values.of[0], values.of[i], i);
        }
    }
    *value = values.of[0];
    return true;
}

/* The head size of one kind of layer. The file repeats it as the size of V and as the span of RoPE,
 * which in Gemma 4 is always the whole head. */
static bool read_head_dim(const struct reading *r, const char *suffix, int32_t otherwise,
                          int32_t *head_dim)
{
    static const char *const names[] = {"attention.key_length", "attention.value_length",
                                        "rope.dimension_count"};
    int32_t found = otherwise;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char name[64], key[KEY_SIZE];
        snprintf(name, sizeof name, "%s%s", names[i], suffix);
        full_key(r, name, key);
        if (!gguf_has(r->gguf, key)) {
            continue;
        }
        int32_t value = 0;
        if (!read_uniform(r, name, 2, HEAD_DIM_MAX, &value)) {
            return false;
        }
        if (i == 0) {
            found = value;
        } else if (value != found) {
            return err_set(r->err, ERR_UNSUPPORTED,
                           "%s: the key %s is %" PRId32 ", but heads are %" PRId32 " wide",
                           gguf_shown_path(r->gguf), key, value, found);
        }
    }
    if (found % 2 != 0) {
        return err_set(r->err, ERR_FORMAT, "%s: the key %s.%s%s is %" PRId32 ", which is odd",
                       gguf_shown_path(r->gguf), r->architecture, names[0], suffix, found);
    }
    *head_dim = found;
    return true;
}

static bool read_kinds(const struct reading *r)
{
    static const char name[] = "attention.sliding_window_pattern";
    char key[KEY_SIZE];
    full_key(r, name, key);
    struct hparams *h = r->hparams;
    struct per_layer sliding;
    for (int32_t i = 0; i < h->num_hidden_layers; i++) { /* every sixth and the last are full */
        sliding.of[i] = (i + 1) % 6 != 0 && i + 1 != h->num_hidden_layers;
    }
    if (gguf_has(r->gguf, key) && !read_per_layer(r, name, 0, 1, &sliding)) {
        return false;
    }
    int32_t head_dim_full, head_dim_sliding;
    if (!read_head_dim(r, "", 512, &head_dim_full) ||
        !read_head_dim(r, "_swa", 256, &head_dim_sliding)) {
        return false;
    }
    for (int32_t i = 0; i < h->num_hidden_layers; i++) {
        h->layers[i].sliding = sliding.of[i] != 0;
        h->layers[i].head_dim = sliding.of[i] != 0 ? head_dim_sliding : head_dim_full;
    }
    return true;
}

static bool read_widths(const struct reading *r)
{
    struct hparams *h = r->hparams;
    struct per_layer kv_heads, widths;
    if (!read_uniform(r, "attention.head_count", 1, HEADS_MAX, &h->num_attention_heads) ||
        !read_per_layer(r, "attention.head_count_kv", 1, HEADS_MAX, &kv_heads) ||
        !read_per_layer(r, "feed_forward_length", 1, FEED_FORWARD_MAX, &widths)) {
        return false;
    }
    for (int32_t i = 0; i < h->num_hidden_layers; i++) {
        if (h->num_attention_heads % kv_heads.of[i] != 0) {
            return err_set(r->err, ERR_FORMAT,
                           "%s: layer %" PRId32 " has %" PRId32 " key/value heads for %" PRId32
                           " query heads",
                           gguf_shown_path(r->gguf), i, kv_heads.of[i], h->num_attention_heads);
        }
        h->layers[i].num_key_value_heads = kv_heads.of[i];
        h->layers[i].intermediate_size = widths.of[i];
    }
    return true;
}

/* Layers from `first` on read the K/V of the last layer of their kind below it. */
static bool find_donors(const struct reading *r)
{
    struct hparams *h = r->hparams;
    int32_t first = h->num_hidden_layers - h->num_kv_shared_layers;
    int32_t donors[2] = {-1, -1}; /* by `sliding` */
    if (first < 1) {
        return err_set(r->err, ERR_FORMAT,
                       "%s: %" PRId32 " of %" PRId32 " layers share keys and values",
                       gguf_shown_path(r->gguf), h->num_kv_shared_layers, h->num_hidden_layers);
    }
    for (int32_t i = 0; i < h->num_hidden_layers; i++) {
        struct hparams_layer *layer = &h->layers[i];
        layer->shares_kv = i >= first;
        if (!layer->shares_kv) {
            donors[layer->sliding] = i;
        }
        layer->kv_layer = layer->shares_kv ? donors[layer->sliding] : i;
        if (layer->kv_layer < 0) {
            return err_set(r->err, ERR_FORMAT,
                           "%s: layer %" PRId32 " shares keys and values, but no %s layer has any",
                           gguf_shown_path(r->gguf), i, layer->sliding ? "sliding" : "full");
        }
        if (layer->num_key_value_heads != h->layers[layer->kv_layer].num_key_value_heads) {
            return err_set(r->err, ERR_FORMAT,
                           "%s: layer %" PRId32 " has not as many key/value heads as layer %" PRId32
                           ", whose it reads",
                           gguf_shown_path(r->gguf), i, layer->kv_layer);
        }
    }
    return true;
}

/* --- pictures --- */

/* Files of llama.cpp have no such key; there the small models, which alone have per-layer
 * embeddings, are causal throughout and the others are not. */
static bool read_picture_attention(const struct reading *r)
{
    char key[KEY_SIZE];
    struct gguf_text text;
    full_key(r, "attention.bidirectional", key);
    if (!gguf_has(r->gguf, key)) {
        r->hparams->pictures_see_forwards = r->hparams->hidden_size_per_layer_input == 0;
        return true;
    }
    if (!gguf_string(r->gguf, key, &text, r->err)) {
        return false;
    }
    bool vision = text.length == 6 && memcmp(text.bytes, "vision", 6) == 0;
    if (!vision && text.length != 0) {
        char shown[GGUF_SHOWN];
        gguf_show(text.bytes, text.length, shown);
        return err_set(r->err, ERR_UNSUPPORTED,
                       "%s: the key %s is \"%s\"; only vision or nothing is run",
                       gguf_shown_path(r->gguf), key, shown);
    }
    r->hparams->pictures_see_forwards = vision;
    return true;
}

/* --- what only the tensors tell --- */

static void find_k_eq_v(const struct reading *r)
{
    for (int32_t i = 0; i < r->hparams->num_hidden_layers; i++) {
        struct hparams_layer *layer = &r->hparams->layers[i];
        char value[64], fused[64];
        snprintf(value, sizeof value, "blk.%" PRId32 ".attn_v.weight", i);
        snprintf(fused, sizeof fused, "blk.%" PRId32 ".attn_qkv.weight", i);
        layer->k_eq_v = !layer->sliding && !layer->shares_kv &&
                        gguf_tensor_find(r->gguf, value) == NULL &&
                        gguf_tensor_find(r->gguf, fused) == NULL;
    }
}

static bool find_rotating_pairs(const struct reading *r)
{
    struct hparams *h = r->hparams;
    const struct gguf_tensor *divisors = gguf_tensor_find(r->gguf, "rope_freqs.weight");
    int32_t head_dim = 0;
    for (int32_t i = 0; i < h->num_hidden_layers; i++) {
        head_dim = h->layers[i].sliding ? head_dim : h->layers[i].head_dim;
    }
    h->rope_rotating_pairs_full = head_dim / 8; /* a quarter of the head, two values a pair */
    if (divisors == NULL || head_dim == 0) {
        return true;
    }
    int32_t pairs = head_dim / 2, rotating = 0;
    if (divisors->type != QUANT_F32 || divisors->bytes != 4 * (uint64_t)pairs) {
        return err_set(r->err, ERR_FORMAT,
                       "%s: tensor rope_freqs.weight must be %" PRId32 " values of F32",
                       gguf_shown_path(r->gguf), pairs);
    }
    for (int32_t i = 0; i < pairs; i++) {
        float divisor;
        memcpy(&divisor, divisors->data + 4 * (size_t)i, sizeof divisor);
        if (divisor == 1.0f && rotating == i) {
            rotating++;
        } else if (!(divisor >= 1e20f)) {
            return err_set(r->err, ERR_UNSUPPORTED,
                           "%s: tensor rope_freqs.weight scales pair %" PRId32 " by 1/%g",
                           gguf_shown_path(r->gguf), i, (double)divisor);
        }
    }
    h->rope_rotating_pairs_full = rotating;
    return true;
}

static bool read_keys(const struct reading *r)
{
    return check_architecture(r) && read_integers(r) && read_reals(r) && read_vocabulary(r) &&
           check_experts(r) && read_kinds(r) && read_widths(r);
}

bool hparams_read(struct hparams *hparams, const struct gguf *gguf, struct err *err)
{
    struct hparams read = {0};
    struct reading r = {.hparams = &read, .gguf = gguf, .architecture = "gemma4", .err = err};
    if (!read_keys(&r) || !find_donors(&r) || !read_picture_attention(&r)) {
        return false;
    }
    find_k_eq_v(&r);
    if (!find_rotating_pairs(&r)) {
        return false;
    }
    *hparams = read;
    return true;
}

bool hparams_read_drafter(struct hparams *hparams, const struct gguf *gguf, struct err *err)
{
    struct hparams read = {0};
    struct reading r = {
        .hparams = &read, .gguf = gguf, .architecture = "gemma4-assistant", .err = err};
    if (!read_keys(&r)) {
        return false;
    }
    for (int32_t i = 0; i < read.num_hidden_layers; i++) {
        read.layers[i].shares_kv = true;
        read.layers[i].kv_layer = HPARAMS_NO_LAYER;
    }
    if (!find_rotating_pairs(&r)) {
        return false;
    }
    *hparams = read;
    return true;
}
