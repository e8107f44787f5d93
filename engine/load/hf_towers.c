/* hf_towers: see hf_towers.h. Names are a fact of the published checkpoints. The two norms of the
 * light convolution have their names exchanged in GGUF files, which is kept here.
 */
#include "load/hf_towers.h"

#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"

#include "load/gguf.h"
#include "load/gguf_keys.h"
#include "load/json_reader.h"

/* --- configuration --- */

enum part { TEXT, VISION, AUDIO, PARTS };

static const char *const part_names[PARTS] = {
    [TEXT] = "text_config",
    [VISION] = "vision_config",
    [AUDIO] = "audio_config",
};

enum { MOST = (1 << 24) - 1, NOT_GIVEN = -1 };

/* Numbers that become keys, or must be what our encoders do; the latter may be absent. */
static const struct number {
    enum part part;
    const char *name;
    const char *key; /* NULL: only compared */
    double expected; /* only where there is no key */
} numbers[] = {
    {TEXT, "hidden_size", "", 0},
    {VISION, "hidden_size", "clip.vision.embedding_length", 0},
    {VISION, "intermediate_size", "clip.vision.feed_forward_length", 0},
    {VISION, "num_hidden_layers", "clip.vision.block_count", 0},
    {VISION, "num_attention_heads", "clip.vision.attention.head_count", 0},
    {VISION, "patch_size", "clip.vision.patch_size", 0},
    {VISION, "pooling_kernel_size", "clip.vision.projector.scale_factor", 0},
    {AUDIO, "hidden_size", "clip.audio.embedding_length", 0},
    {AUDIO, "num_hidden_layers", "clip.audio.block_count", 0},
    {AUDIO, "num_attention_heads", "clip.audio.attention.head_count", 0},
    {AUDIO, "attention_chunk_size", NULL, 12},
    {AUDIO, "attention_context_left", NULL, 13},
    {AUDIO, "attention_context_right", NULL, 0},
    {AUDIO, "attention_logit_cap", NULL, 50},
    {AUDIO, "conv_kernel_size", NULL, 5},
    {AUDIO, "residual_weight", NULL, 0.5},
    {AUDIO, "rms_norm_eps", NULL, 1e-6},
    {VISION, "rms_norm_eps", NULL, 1e-6},
};

enum { NUMBERS = sizeof numbers / sizeof numbers[0] };

static const struct {
    enum part part;
    const char *name, *expected;
} words[] = {
    {VISION, "model_type", "gemma4_vision"},
    {VISION, "hidden_activation", "gelu_pytorch_tanh"},
    {AUDIO, "model_type", "gemma4_audio"},
    {AUDIO, "hidden_act", "silu"},
};

struct config {
    struct json_reader json;
    bool has[PARTS];
    int32_t values[NUMBERS]; /* of those with a key */
};

static bool read_number(struct config *config, size_t i)
{
    const struct number *number = &numbers[i];
    struct json_reader *json = &config->json;
    double value = 0;
    if (!json_reader_real(json, &value)) {
        return false;
    }
    if (number->key == NULL) {
        return value == number->expected ||
               json_reader_refuse(json, "%s.%s is %g; only %g is run", part_names[number->part],
                                  number->name, value, number->expected);
    }
    if (config->values[i] != NOT_GIVEN) {
        return json_reader_refuse(json, "%s.%s comes twice", part_names[number->part],
                                  number->name);
    }
    if (!(value >= 1 && value <= MOST) || value != (double)(int32_t)value) {
        return json_reader_refuse(json, "%s.%s is %g, must be a whole number from 1 to %d",
                                  part_names[number->part], number->name, value, MOST);
    }
    config->values[i] = (int32_t)value;
    return true;
}

static bool read_rotation(struct json_reader *json)
{
    struct json_reader_text key;
    double base = 0;
    if (!json_reader_enter(json, JSON_READER_OBJECT)) {
        return false;
    }
    while (json_reader_next_key(json, &key)) {
        if (!json_reader_text_is(&key, "rope_theta")) {
            json_reader_skip(json);
        } else if (json_reader_real(json, &base) && base != 100) {
            return json_reader_refuse(json, "vision_config turns with base %g; only 100 is run",
                                      base);
        }
    }
    return !json->failed;
}

static bool read_entry(struct config *config, enum part part, const struct json_reader_text *key)
{
    struct json_reader *json = &config->json;
    struct json_reader_text text;
    if (json_reader_take_null(json)) {
        return true;
    }
    for (size_t i = 0; i < NUMBERS; i++) {
        if (numbers[i].part == part && json_reader_text_is(key, numbers[i].name)) {
            return read_number(config, i);
        }
    }
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (words[i].part == part && json_reader_text_is(key, words[i].name)) {
            return json_reader_string(json, &text) &&
                   (json_reader_text_is(&text, words[i].expected) ||
                    json_reader_refuse(json, "%s.%s must be %s", part_names[part], words[i].name,
                                       words[i].expected));
        }
    }
    if (part == VISION && json_reader_text_is(key, "rope_parameters")) {
        return read_rotation(json);
    }
    return json_reader_skip(json);
}

static bool read_part(struct config *config, enum part part)
{
    struct json_reader *json = &config->json;
    struct json_reader_text key;
    if (json_reader_take_null(json)) {
        return true;
    }
    if (config->has[part]) {
        return json_reader_refuse(json, "%s comes twice", part_names[part]);
    }
    config->has[part] = true;
    if (!json_reader_enter(json, JSON_READER_OBJECT)) {
        return false;
    }
    while (json_reader_next_key(json, &key)) {
        if (!read_entry(config, part, &key)) {
            return false;
        }
    }
    return !json->failed;
}

static bool read_parts(struct config *config)
{
    struct json_reader *json = &config->json;
    struct json_reader_text key;
    json_reader_enter(json, JSON_READER_OBJECT);
    while (json_reader_next_key(json, &key)) {
        enum part part = TEXT;
        while (part < PARTS && !json_reader_text_is(&key, part_names[part])) {
            part++;
        }
        if (part < PARTS) {
            read_part(config, part);
        } else {
            json_reader_skip(json);
        }
    }
    return json_reader_end(json);
}

static bool check(struct config *config, struct err *err)
{
    struct json_reader *json = &config->json;
    if (!config->has[VISION] && !config->has[AUDIO]) {
        return err_set(err, ERR_UNSUPPORTED,
                       "%s: the model has an encoder neither of pictures nor of sounds",
                       json->shown);
    }
    config->has[TEXT] = true; /* its width is needed */
    for (size_t i = 0; i < NUMBERS; i++) {
        if (config->has[numbers[i].part] && numbers[i].key != NULL &&
            config->values[i] == NOT_GIVEN) {
            return json_reader_refuse(json, "%s.%s is missing", part_names[numbers[i].part],
                                      numbers[i].name);
        }
    }
    return true;
}

bool hf_towers_named(const void *bytes, size_t size)
{
    struct json_reader json;
    struct json_reader_text key;
    enum json_reader_type type;
    struct err ignored = {0};
    bool named = false;
    json_reader_init(&json, "config.json", bytes, size, &ignored);
    json_reader_enter(&json, JSON_READER_OBJECT);
    while (json_reader_next_key(&json, &key)) {
        bool encoder = json_reader_text_is(&key, part_names[VISION]) ||
                       json_reader_text_is(&key, part_names[AUDIO]);
        named = named || (encoder && json_reader_peek(&json, &type) && type == JSON_READER_OBJECT);
        json_reader_skip(&json);
    }
    named = json_reader_end(&json) && named;
    json_reader_finish(&json);
    return named;
}

static int32_t value_of(const struct config *config, enum part part, const char *name)
{
    size_t i = 0;
    while (numbers[i].part != part || strcmp(numbers[i].name, name) != 0) {
        i++;
    }
    return config->values[i];
}

static void write_keys(const struct config *config, struct gguf_keys *keys)
{
    static const char vision[] = "gemma4v", audio[] = "gemma4a";
    const int32_t width = value_of(config, TEXT, "hidden_size");
    gguf_keys_architecture(keys, "clip");
    for (size_t i = 0; i < NUMBERS; i++) {
        if (numbers[i].part != TEXT && config->has[numbers[i].part] && numbers[i].key != NULL) {
            gguf_keys_i32(keys, numbers[i].key, config->values[i]);
        }
    }
    if (config->has[VISION]) {
        gguf_keys_bool(keys, "clip.has_vision_encoder", true);
        gguf_keys_string(keys, "clip.vision.projector_type", vision, strlen(vision));
        gguf_keys_i32(keys, "clip.vision.projection_dim", width);
        gguf_keys_f32(keys, "clip.vision.attention.layer_norm_epsilon", 1e-6f);
    }
    if (config->has[AUDIO]) {
        gguf_keys_bool(keys, "clip.has_audio_encoder", true);
        gguf_keys_string(keys, "clip.audio.projector_type", audio, strlen(audio));
        gguf_keys_i32(keys, "clip.audio.projection_dim", width);
        gguf_keys_i32(keys, "clip.audio.num_mel_bins", 128);
        /* No key says it: four times the hidden size in the model's class. */
        gguf_keys_i32(keys, "clip.audio.feed_forward_length",
                      4 * value_of(config, AUDIO, "hidden_size"));
    }
}

bool hf_towers_read(struct gguf_keys *keys, const char *shown, const void *bytes, size_t size,
                    struct err *err)
{
    struct config config = {.has = {false}};
    for (size_t i = 0; i < NUMBERS; i++) {
        config.values[i] = NOT_GIVEN;
    }
    json_reader_init(&config.json, shown, bytes, size, err);
    bool ok = read_parts(&config) && check(&config, err);
    json_reader_finish(&config.json);
    if (ok) {
        write_keys(&config, keys);
    }
    return ok;
}

/* --- names --- */

/* A name as a whole; of a product only its stem, behind which comes one of `ends`. */
struct pair {
    const char *theirs, *gguf;
};

static const struct pair fixed[] = {
    {"vision_tower.patch_embedder.input_proj.weight", "v.patch_embd.weight"},
    {"vision_tower.patch_embedder.position_embedding_table", "v.position_embd.weight"},
    {"vision_tower.std_bias", "v.std_bias"},
    {"vision_tower.std_scale", "v.std_scale"},
    {"embed_vision.embedding_projection.weight", "mm.input_projection.weight"},
    {"audio_tower.subsample_conv_projection.layer0.conv.weight", "a.conv1d.0.weight"},
    {"audio_tower.subsample_conv_projection.layer0.norm.weight", "a.conv1d.0.norm.weight"},
    {"audio_tower.subsample_conv_projection.layer1.conv.weight", "a.conv1d.1.weight"},
    {"audio_tower.subsample_conv_projection.layer1.norm.weight", "a.conv1d.1.norm.weight"},
    {"audio_tower.subsample_conv_projection.input_proj_linear.weight", "a.input_projection.weight"},
    {"audio_tower.output_proj.weight", "a.pre_encode.out.weight"},
    {"audio_tower.output_proj.bias", "a.pre_encode.out.bias"},
    {"embed_audio.embedding_projection.weight", "mm.a.input_projection.weight"},
};

static const struct pair vision_layer[] = {
    {"input_layernorm.weight", "ln1.weight"},
    {"post_attention_layernorm.weight", "attn_post_norm.weight"},
    {"pre_feedforward_layernorm.weight", "ln2.weight"},
    {"post_feedforward_layernorm.weight", "ffn_post_norm.weight"},
    {"self_attn.q_norm.weight", "attn_q_norm.weight"},
    {"self_attn.k_norm.weight", "attn_k_norm.weight"},
};

static const struct pair vision_products[] = {
    {"self_attn.q_proj", "attn_q"}, {"self_attn.k_proj", "attn_k"},
    {"self_attn.v_proj", "attn_v"}, {"self_attn.o_proj", "attn_out"},
    {"mlp.gate_proj", "ffn_gate"},  {"mlp.up_proj", "ffn_up"},
    {"mlp.down_proj", "ffn_down"},
};

static const struct pair audio_layer[] = {
    {"feed_forward1.pre_layer_norm.weight", "ffn_norm.weight"},
    {"feed_forward1.post_layer_norm.weight", "ffn_post_norm.weight"},
    {"feed_forward2.pre_layer_norm.weight", "ffn_norm_1.weight"},
    {"feed_forward2.post_layer_norm.weight", "ffn_post_norm_1.weight"},
    {"norm_pre_attn.weight", "attn_pre_norm.weight"},
    {"norm_post_attn.weight", "attn_post_norm.weight"},
    {"norm_out.weight", "ln2.weight"},
    {"self_attn.relative_k_proj.weight", "attn_k_rel.weight"},
    {"self_attn.per_dim_scale", "per_dim_scale.weight"},
    {"lconv1d.pre_layer_norm.weight", "conv_norm.weight"},
    {"lconv1d.conv_norm.weight", "norm_conv.weight"},
    {"lconv1d.depthwise_conv1d.weight", "conv_dw.weight"},
};

static const struct pair audio_products[] = {
    {"feed_forward1.ffw_layer_1", "ffn_up"},
    {"feed_forward1.ffw_layer_2", "ffn_down"},
    {"feed_forward2.ffw_layer_1", "ffn_up_1"},
    {"feed_forward2.ffw_layer_2", "ffn_down_1"},
    {"self_attn.q_proj", "attn_q"},
    {"self_attn.k_proj", "attn_k"},
    {"self_attn.v_proj", "attn_v"},
    {"self_attn.post", "attn_out"},
    {"lconv1d.linear_start", "conv_pw1"},
    {"lconv1d.linear_end", "conv_pw2"},
};

/* Some exports leave out the level of a product's inner matrix. */
static const struct pair ends[] = {
    {".linear.weight", ".weight"}, {".weight", ".weight"},         {".input_min", ".input_min"},
    {".input_max", ".input_max"},  {".output_min", ".output_min"}, {".output_max", ".output_max"},
};

static const struct layers {
    const char *prefix, *gguf;
    const struct pair *whole, *products;
    size_t whole_count, product_count;
} layers[] = {
    {"vision_tower.encoder.layers.", "v.blk", vision_layer, vision_products,
     sizeof vision_layer / sizeof vision_layer[0],
     sizeof vision_products / sizeof vision_products[0]},
    {"audio_tower.layers.", "a.blk", audio_layer, audio_products,
     sizeof audio_layer / sizeof audio_layer[0], sizeof audio_products / sizeof audio_products[0]},
};

static const char *look_up(const struct pair *pairs, size_t count, const char *name, size_t length)
{
    for (size_t i = 0; i < count; i++) {
        if (strlen(pairs[i].theirs) == length && memcmp(pairs[i].theirs, name, length) == 0) {
            return pairs[i].gguf;
        }
    }
    return NULL;
}

static bool translate_in_layer(const struct layers *kind, int layer, const char *name,
                               size_t length, char gguf[HF_NAMES_SIZE])
{
    const char *found = look_up(kind->whole, kind->whole_count, name, length);
    if (found != NULL) {
        snprintf(gguf, HF_NAMES_SIZE, "%s.%d.%s", kind->gguf, layer, found);
        return true;
    }
    for (size_t i = 0; i < kind->product_count; i++) {
        const char *end = name;
        size_t left = length;
        if (!hf_names_take(&end, &left, kind->products[i].theirs)) {
            continue;
        }
        found = look_up(ends, sizeof ends / sizeof ends[0], end, left);
        if (found != NULL) {
            snprintf(gguf, HF_NAMES_SIZE, "%s.%d.%s%s", kind->gguf, layer, kind->products[i].gguf,
                     found);
            return true;
        }
    }
    return false;
}

bool hf_towers_translate(const char *name, size_t length, char gguf[HF_NAMES_SIZE])
{
    if (!hf_names_take(&name, &length, "model.")) {
        return false;
    }
    const char *found = look_up(fixed, sizeof fixed / sizeof fixed[0], name, length);
    if (found != NULL) {
        snprintf(gguf, HF_NAMES_SIZE, "%s", found);
        return true;
    }
    for (size_t i = 0; i < sizeof layers / sizeof layers[0]; i++) {
        int layer = 0;
        if (hf_names_take(&name, &length, layers[i].prefix)) {
            return hf_names_take_number(&name, &length, &layer) &&
                   translate_in_layer(&layers[i], layer, name, length, gguf);
        }
    }
    return false;
}

bool hf_towers_is_float(const struct gguf_tensor *tensor)
{
    static const char conv[] = "a.conv1d.";
    return tensor->dimension_count == 1 || strcmp(tensor->name, "v.position_embd.weight") == 0 ||
           strncmp(tensor->name, conv, strlen(conv)) == 0 ||
           strstr(tensor->name, ".conv_dw.weight") != NULL;
}

void hf_towers_convert(const struct gguf_tensor *tensor, float *values, size_t count)
{
    if (strstr(tensor->name, ".per_dim_scale.weight") == NULL) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        values[i] = (float)log1p(exp((double)values[i]));
    }
}
