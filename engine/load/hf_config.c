/* Two passes: the first finds out whether there is a text_config, the second reads the values of
 * the object that has them. A key that comes twice is refused, because readers disagree on which
 * counts.
 */
#include "load/hf_config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"

#include "load/gguf_keys.h"
#include "load/json_reader.h"
#include "load/token_lists.h"

enum { INTEGER_MOST = (1 << 30) - 1, NOT_GIVEN = -1 };

enum integer_key {
    VOCAB_SIZE,
    HIDDEN_SIZE,
    INTERMEDIATE_SIZE,
    NUM_HIDDEN_LAYERS,
    NUM_ATTENTION_HEADS,
    NUM_KEY_VALUE_HEADS,
    HEAD_DIM,
    GLOBAL_HEAD_DIM,
    NUM_GLOBAL_KEY_VALUE_HEADS,
    MAX_POSITION_EMBEDDINGS,
    SLIDING_WINDOW,
    HIDDEN_SIZE_PER_LAYER_INPUT,
    NUM_KV_SHARED_LAYERS,
    NUM_EXPERTS,
    TOP_K_EXPERTS,
    MOE_INTERMEDIATE_SIZE,
    BOS_TOKEN_ID,
    INTEGER_KEYS,
};

/* What the configuration class takes when the key is absent or null; sliding_window is set apart.
 */
static const struct {
    const char *name;
    int32_t otherwise;
} integers[INTEGER_KEYS] = {
    [VOCAB_SIZE] = {"vocab_size", NOT_GIVEN},
    [HIDDEN_SIZE] = {"hidden_size", NOT_GIVEN},
    [INTERMEDIATE_SIZE] = {"intermediate_size", NOT_GIVEN},
    [NUM_HIDDEN_LAYERS] = {"num_hidden_layers", NOT_GIVEN},
    [NUM_ATTENTION_HEADS] = {"num_attention_heads", NOT_GIVEN},
    [NUM_KEY_VALUE_HEADS] = {"num_key_value_heads", NOT_GIVEN},
    [HEAD_DIM] = {"head_dim", 256},
    [GLOBAL_HEAD_DIM] = {"global_head_dim", 512},
    [NUM_GLOBAL_KEY_VALUE_HEADS] = {"num_global_key_value_heads", 0},
    [MAX_POSITION_EMBEDDINGS] = {"max_position_embeddings", 131072},
    [SLIDING_WINDOW] = {"sliding_window", 0},
    [HIDDEN_SIZE_PER_LAYER_INPUT] = {"hidden_size_per_layer_input", 0},
    [NUM_KV_SHARED_LAYERS] = {"num_kv_shared_layers", 0},
    [NUM_EXPERTS] = {"num_experts", 0},
    [TOP_K_EXPERTS] = {"top_k_experts", 0},
    [MOE_INTERMEDIATE_SIZE] = {"moe_intermediate_size", 0},
    [BOS_TOKEN_ID] = {"bos_token_id", 2},
};

enum flag_key { K_EQ_V, DOUBLE_WIDE, EXPERTS, TIED, ATTENTION_BIAS, FLAG_KEYS };
static const char *const flags[FLAG_KEYS] = {
    [K_EQ_V] = "attention_k_eq_v",       [DOUBLE_WIDE] = "use_double_wide_mlp",
    [EXPERTS] = "enable_moe_block",      [TIED] = "tie_word_embeddings",
    [ATTENTION_BIAS] = "attention_bias",
};

enum real_key { RMS_NORM_EPS, SOFT_CAP, REAL_KEYS };
static const char *const reals[REAL_KEYS] = {
    [RMS_NORM_EPS] = "rms_norm_eps",
    [SOFT_CAP] = "final_logit_softcapping",
};

enum other_key { LAYER_TYPES, PER_LAYER, ROPE, MODEL_TYPE, ACTIVATION, BIDIRECTIONAL, OTHER_KEYS };
static const char *const others[OTHER_KEYS] = {
    [LAYER_TYPES] = "layer_types",      [PER_LAYER] = "per_layer_config",
    [ROPE] = "rope_parameters",         [MODEL_TYPE] = "model_type",
    [ACTIVATION] = "hidden_activation", [BIDIRECTIONAL] = "use_bidirectional_attention",
};

enum kind { SLIDING, FULL, KINDS };

/* Everything that is read, before it is put together. */
struct values {
    int32_t integers[INTEGER_KEYS];
    bool flags[FLAG_KEYS];
    double reals[REAL_KEYS];
    bool seen[INTEGER_KEYS + FLAG_KEYS + REAL_KEYS + OTHER_KEYS];
    bool unified, vision; /* vision: pictures are attended to in both directions */
    bool drafter;         /* and then, of the outer object: */
    int32_t backbone_size, centroid_top_k;
    int32_t type_count; /* 0: no layer_types */
    bool sliding[HPARAMS_LAYERS_MAX];
    int32_t head_dim[HPARAMS_LAYERS_MAX], key_value_heads[HPARAMS_LAYERS_MAX]; /* 0: not given */
    double rope_theta[KINDS];
};

/* --- reading --- */

static bool read_integer(struct json_reader *json, int32_t *value)
{
    int64_t wide = 0;
    if (json_reader_take_null(json)) {
        return true;
    }
    if (!json_reader_integer(json, &wide)) {
        return false;
    }
    if (wide < 0 || wide > INTEGER_MOST) {
        return json_reader_refuse(json, "%" PRId64 " is outside of 0 to %d", wide, INTEGER_MOST);
    }
    *value = (int32_t)wide;
    return true;
}

static bool read_layer_types(struct json_reader *json, struct values *values)
{
    if (json_reader_take_null(json)) {
        return true;
    }
    if (!json_reader_enter(json, JSON_READER_ARRAY)) {
        return false;
    }
    while (json_reader_next_item(json)) {
        struct json_reader_text text;
        if (!json_reader_string(json, &text)) {
            return false;
        }
        bool sliding = json_reader_text_is(&text, "sliding_attention");
        if (!sliding && !json_reader_text_is(&text, "full_attention")) {
            return json_reader_refuse(json,
                                      "a layer is neither sliding_attention nor full_attention");
        }
        if (values->type_count == HPARAMS_LAYERS_MAX) {
            return json_reader_refuse(json, "more than %d layers", HPARAMS_LAYERS_MAX);
        }
        values->sliding[values->type_count++] = sliding;
    }
    return !json->failed;
}

/* A layer's number as a key: decimal digits, without zeros in front. */
static int32_t layer_number(const struct json_reader_text *key)
{
    int32_t number = 0;
    for (size_t i = 0; i < key->length; i++) {
        if (key->length > 3 || key->bytes[i] < '0' || key->bytes[i] > '9' ||
            (i == 0 && key->bytes[i] == '0' && key->length > 1)) {
            return -1;
        }
        number = number * 10 + (key->bytes[i] - '0');
    }
    return key->length == 0 || number >= HPARAMS_LAYERS_MAX ? -1 : number;
}

static bool read_per_layer(struct json_reader *json, struct values *values)
{
    struct json_reader_text key;
    if (json_reader_take_null(json)) {
        return true;
    }
    if (!json_reader_enter(json, JSON_READER_OBJECT)) {
        return false;
    }
    while (json_reader_next_key(json, &key)) {
        int32_t layer = layer_number(&key);
        if (layer < 0) {
            return json_reader_refuse(json, "per_layer_config has a key that is no layer");
        }
        if (!json_reader_enter(json, JSON_READER_OBJECT)) {
            return false;
        }
        while (json_reader_next_key(json, &key)) {
            int32_t *value = json_reader_text_is(&key, "head_dim") ? &values->head_dim[layer]
                             : json_reader_text_is(&key, "num_key_value_heads")
                                 ? &values->key_value_heads[layer]
                                 : NULL;
            if (value == NULL) {
                return json_reader_refuse(json,
                                          "per_layer_config changes a value that is not known");
            }
            if (!read_integer(json, value)) {
                return false;
            }
        }
    }
    return !json->failed;
}

/* One kind of layer: its base, and that nothing is asked of it that we do not do. */
static bool read_rope_kind(struct json_reader *json, enum kind kind, struct values *values)
{
    static const char *const types[KINDS] = {"default", "proportional"};
    struct json_reader_text key, text;
    if (!json_reader_enter(json, JSON_READER_OBJECT)) {
        return false;
    }
    while (json_reader_next_key(json, &key)) {
        double real = 0;
        if (json_reader_text_is(&key, "rope_theta")) {
            json_reader_real(json, &values->rope_theta[kind]);
        } else if (json_reader_text_is(&key, "rope_type")) {
            if (json_reader_string(json, &text) && !json_reader_text_is(&text, types[kind])) {
                return json_reader_refuse(json, "rope_type must be %s", types[kind]);
            }
        } else if (json_reader_text_is(&key, "partial_rotary_factor")) {
            double expected = kind == FULL ? 0.25 : 1.0;
            if (json_reader_real(json, &real) && real != expected) {
                return json_reader_refuse(json, "partial_rotary_factor must be %g", expected);
            }
        } else if (json_reader_text_is(&key, "factor")) {
            if (json_reader_real(json, &real) && real != 1) {
                return json_reader_refuse(json, "scaled RoPE is not run");
            }
        } else {
            json_reader_skip(json);
        }
        if (json->failed) {
            return false;
        }
    }
    return !json->failed;
}

static bool read_rope(struct json_reader *json, struct values *values)
{
    struct json_reader_text key;
    if (json_reader_take_null(json)) {
        return true;
    }
    if (!json_reader_enter(json, JSON_READER_OBJECT)) {
        return false;
    }
    while (json_reader_next_key(json, &key)) {
        bool full = json_reader_text_is(&key, "full_attention");
        if (!full && !json_reader_text_is(&key, "sliding_attention")) {
            return json_reader_refuse(json,
                                      "rope_parameters has a kind of layer that is not known");
        }
        if (!read_rope_kind(json, full ? FULL : SLIDING, values)) {
            return false;
        }
    }
    return !json->failed;
}

static bool read_other(struct json_reader *json, size_t which, struct values *values)
{
    struct json_reader_text text;
    switch ((enum other_key)which) {
    case LAYER_TYPES:
        return read_layer_types(json, values);
    case PER_LAYER:
        return read_per_layer(json, values);
    case ROPE:
        return read_rope(json, values);
    case MODEL_TYPE:
        if (!json_reader_string(json, &text)) {
            return false;
        }
        values->unified = json_reader_text_is(&text, "gemma4_unified_text");
        return values->unified || json_reader_text_is(&text, "gemma4_text") ||
               json_reader_refuse(json, "model_type must be gemma4_text or gemma4_unified_text");
    case ACTIVATION:
        return json_reader_string(json, &text) &&
               (json_reader_text_is(&text, "gelu_pytorch_tanh") ||
                json_reader_refuse(json, "hidden_activation must be gelu_pytorch_tanh"));
    case BIDIRECTIONAL:
        values->vision = !json_reader_take_null(json);
        return !values->vision ||
               (json_reader_string(json, &text) &&
                (json_reader_text_is(&text, "vision") ||
                 json_reader_refuse(json, "use_bidirectional_attention must be vision or null")));
    case OTHER_KEYS:
        break;
    }
    return false;
}

/* The number of the key among all that are read, or -1. */
static int find_key(const struct json_reader_text *key)
{
    for (int i = 0; i < INTEGER_KEYS; i++) {
        if (json_reader_text_is(key, integers[i].name)) {
            return i;
        }
    }
    for (int i = 0; i < FLAG_KEYS + REAL_KEYS + OTHER_KEYS; i++) {
        const char *name = i < FLAG_KEYS               ? flags[i]
                           : i < FLAG_KEYS + REAL_KEYS ? reals[i - FLAG_KEYS]
                                                       : others[i - FLAG_KEYS - REAL_KEYS];
        if (json_reader_text_is(key, name)) {
            return INTEGER_KEYS + i;
        }
    }
    return -1;
}

/* The entries of the object that was entered. */
static bool read_values(struct json_reader *json, struct values *values)
{
    struct json_reader_text key;
    while (json_reader_next_key(json, &key)) {
        int found = find_key(&key);
        if (found < 0) {
            json_reader_skip(json);
            continue;
        }
        if (values->seen[found]) {
            return json_reader_refuse(json, "a key comes twice");
        }
        values->seen[found] = true;
        int which = found - INTEGER_KEYS;
        if (which < 0) {
            read_integer(json, &values->integers[found]);
        } else if (which < FLAG_KEYS) {
            (void)(json_reader_take_null(json) || json_reader_bool(json, &values->flags[which]));
        } else if (which < FLAG_KEYS + REAL_KEYS) {
            (void)(json_reader_take_null(json) ||
                   json_reader_real(json, &values->reals[which - FLAG_KEYS]));
        } else {
            read_other(json, (size_t)(which - FLAG_KEYS - REAL_KEYS), values);
        }
    }
    return !json->failed;
}

/* What a drafter says beside its text_config. */
static bool read_outer(struct json_reader *json, const struct json_reader_text *key,
                       struct values *values)
{
    struct json_reader_text text;
    enum json_reader_type type;
    if (json_reader_text_is(key, "backbone_hidden_size")) {
        return read_integer(json, &values->backbone_size);
    }
    if (json_reader_text_is(key, "centroid_intermediate_top_k")) {
        return read_integer(json, &values->centroid_top_k);
    }
    if (json_reader_text_is(key, "model_type") && json_reader_peek(json, &type) &&
        type == JSON_READER_STRING) {
        values->drafter =
            json_reader_string(json, &text) && json_reader_text_is(&text, "gemma4_assistant");
        return !json->failed;
    }
    json_reader_skip(json);
    return !json->failed;
}

/* Leaves the cursor inside the object that has the values. */
static bool enter_text_config(struct json_reader *json, size_t *nested, struct values *values)
{
    struct json_reader_text key;
    size_t found = 0;
    if (!json_reader_enter(json, JSON_READER_OBJECT)) {
        return false;
    }
    while (json_reader_next_key(json, &key)) {
        enum json_reader_type type;
        if (json_reader_text_is(&key, "text_config") && json_reader_peek(json, &type) &&
            type == JSON_READER_OBJECT) {
            if (found != 0) {
                return json_reader_refuse(json, "text_config comes twice");
            }
            found = json->at;
            json_reader_skip(json);
        } else {
            read_outer(json, &key, values);
        }
    }
    if (!json_reader_end(json)) {
        return false;
    }
    *nested = found;
    return true;
}

/* --- putting together --- */

static bool check_values(struct json_reader *json, const struct values *values)
{
    for (int i = 0; i < INTEGER_KEYS; i++) {
        if (values->integers[i] == NOT_GIVEN) {
            return json_reader_refuse(json, "%s is missing", integers[i].name);
        }
    }
    int32_t layers = values->integers[NUM_HIDDEN_LAYERS];
    if (layers < 1 || layers > HPARAMS_LAYERS_MAX) {
        return json_reader_refuse(json, "%" PRId32 " layers, must be 1 to %d", layers,
                                  HPARAMS_LAYERS_MAX);
    }
    if (values->type_count != 0 && values->type_count != layers) {
        return json_reader_refuse(json,
                                  "layer_types has %" PRId32 " entries for %" PRId32 " layers",
                                  values->type_count, layers);
    }
    if (values->drafter && values->backbone_size == 0) {
        return json_reader_refuse(json, "a drafter without backbone_hidden_size");
    }
    if (values->integers[NUM_KV_SHARED_LAYERS] >= layers + values->drafter) {
        return json_reader_refuse(json, "%" PRId32 " of %" PRId32 " layers share keys and values",
                                  values->integers[NUM_KV_SHARED_LAYERS], layers);
    }
    return !values->flags[ATTENTION_BIAS] || json_reader_refuse(json, "attention_bias is not run");
}

static int32_t head_dim_of(const struct values *values, int32_t layer)
{
    int32_t given = values->head_dim[layer];
    bool by_layer = values->seen[INTEGER_KEYS + FLAG_KEYS + REAL_KEYS + PER_LAYER];
    if (given != 0 || values->sliding[layer]) {
        return given != 0 ? given : values->integers[HEAD_DIM];
    }
    return by_layer && !values->seen[GLOBAL_HEAD_DIM] ? values->integers[HEAD_DIM]
                                                      : values->integers[GLOBAL_HEAD_DIM];
}

/* The global number counts only together with attention_k_eq_v, the number of a layer always. */
static int32_t key_value_heads_of(const struct values *values, int32_t layer)
{
    int32_t global = values->integers[NUM_GLOBAL_KEY_VALUE_HEADS];
    if (values->key_value_heads[layer] != 0) {
        return values->key_value_heads[layer];
    }
    return !values->sliding[layer] && values->flags[K_EQ_V] && global != 0
               ? global
               : values->integers[NUM_KEY_VALUE_HEADS];
}

/* GGUF has one head size for each kind. */
static bool write_head_dims(struct gguf_keys *keys, struct json_reader *json,
                            const struct values *values)
{
    static const char *const names[KINDS] = {".attention.key_length_swa", ".attention.key_length"};
    int32_t found[KINDS] = {0, 0};
    for (int32_t i = 0; i < values->integers[NUM_HIDDEN_LAYERS]; i++) {
        int32_t *of_kind = &found[values->sliding[i] ? SLIDING : FULL];
        int32_t head_dim = head_dim_of(values, i);
        if (*of_kind != 0 && *of_kind != head_dim) {
            return json_reader_refuse(json,
                                      "layer %" PRId32 " has heads of %" PRId32
                                      ", others of its kind have "
                                      "%" PRId32,
                                      i, head_dim, *of_kind);
        }
        *of_kind = head_dim;
    }
    for (int kind = 0; kind < KINDS; kind++) {
        if (found[kind] != 0) {
            gguf_keys_u32(keys, names[kind], (uint32_t)found[kind]);
        }
    }
    return true;
}

static void write_layers(struct gguf_keys *keys, const struct values *values)
{
    const int32_t *n = values->integers;
    int32_t layers = n[NUM_HIDDEN_LAYERS], first_shared = layers - n[NUM_KV_SHARED_LAYERS];
    gguf_keys_array_begin(keys, ".attention.sliding_window_pattern", GGUF_BOOL);
    for (int32_t i = 0; i < layers; i++) {
        gguf_keys_element_bool(keys, values->sliding[i]);
    }
    gguf_keys_array_end(keys);
    gguf_keys_array_begin(keys, ".attention.head_count_kv", GGUF_I32);
    for (int32_t i = 0; i < layers; i++) {
        gguf_keys_element_i32(keys, key_value_heads_of(values, i));
    }
    gguf_keys_array_end(keys);
    gguf_keys_array_begin(keys, ".feed_forward_length", GGUF_I32);
    for (int32_t i = 0; i < layers; i++) {
        bool doubled = values->flags[DOUBLE_WIDE] && i >= first_shared;
        gguf_keys_element_i32(keys, doubled ? 2 * n[INTERMEDIATE_SIZE] : n[INTERMEDIATE_SIZE]);
    }
    gguf_keys_array_end(keys);
}

static void write_keys(struct gguf_keys *keys, const struct values *values)
{
    static const struct {
        const char *name;
        enum integer_key key;
    } same[] = {
        {".block_count", NUM_HIDDEN_LAYERS},
        {".embedding_length", HIDDEN_SIZE},
        {".attention.head_count", NUM_ATTENTION_HEADS},
        {".context_length", MAX_POSITION_EMBEDDINGS},
        {".attention.sliding_window", SLIDING_WINDOW},
        {".attention.shared_kv_layers", NUM_KV_SHARED_LAYERS},
        {".embedding_length_per_layer_input", HIDDEN_SIZE_PER_LAYER_INPUT},
        {"tokenizer.ggml.bos_token_id", BOS_TOKEN_ID},
        {".expert_count", NUM_EXPERTS}, /* the last three only with experts */
        {".expert_used_count", TOP_K_EXPERTS},
        {".expert_feed_forward_length", MOE_INTERMEDIATE_SIZE},
    };
    size_t count = sizeof same / sizeof same[0] - (values->flags[EXPERTS] ? 0 : 3);
    gguf_keys_architecture(keys, values->drafter ? "gemma4-assistant" : "gemma4");
    for (size_t i = 0; i < count; i++) {
        gguf_keys_u32(keys, same[i].name, (uint32_t)values->integers[same[i].key]);
    }
    gguf_keys_f32(keys, ".attention.layer_norm_rms_epsilon", (float)values->reals[RMS_NORM_EPS]);
    gguf_keys_f32(keys, ".final_logit_softcapping", (float)values->reals[SOFT_CAP]);
    gguf_keys_f32(keys, ".rope.freq_base", (float)values->rope_theta[FULL]);
    gguf_keys_f32(keys, ".rope.freq_base_swa", (float)values->rope_theta[SLIDING]);
    gguf_keys_string(keys, ".attention.bidirectional", "vision", values->vision ? 6 : 0);
    if (values->drafter) {
        gguf_keys_u32(keys, ".embedding_length_out", (uint32_t)values->backbone_size);
        gguf_keys_u32(keys, ".masked_embedding_top_k", (uint32_t)values->centroid_top_k);
    }
    write_layers(keys, values);
}

/* Every sixth layer is full where nothing else is said, and the last one always. */
static void complete(struct values *values)
{
    int32_t *n = values->integers, layers = n[NUM_HIDDEN_LAYERS];
    if (n[SLIDING_WINDOW] == 0) {
        n[SLIDING_WINDOW] = values->unified ? 1024 : 512;
    }
    for (int32_t i = 0; i < layers; i++) {
        bool sliding = values->type_count != 0 ? values->sliding[i] : (i + 1) % 6 != 0;
        values->sliding[i] = sliding && i + 1 < layers;
    }
}

static void describe(struct hf_config *config, const struct values *values)
{
    const int32_t *n = values->integers;
    *config = (struct hf_config){
        .layer_count = n[NUM_HIDDEN_LAYERS],
        .vocab_size = n[VOCAB_SIZE],
        .tied = values->flags[TIED],
    };
    for (int32_t i = 0; i < config->layer_count; i++) {
        config->makes_kv[i] = i < config->layer_count - n[NUM_KV_SHARED_LAYERS];
        config->expects_no_value[i] = values->flags[K_EQ_V] && !values->sliding[i];
    }
}

bool hf_config_read(struct hf_config *config, struct gguf_keys *keys, const char *shown,
                    const void *bytes, size_t size, struct err *err)
{
    struct values values = {
        .flags = {[TIED] = true},
        .reals = {[RMS_NORM_EPS] = 1e-6},
        .rope_theta = {[SLIDING] = 1e4, [FULL] = 1e6},
    };
    struct json_reader json;
    size_t nested = 0;
    for (int i = 0; i < INTEGER_KEYS; i++) {
        values.integers[i] = integers[i].otherwise;
    }
    json_reader_init(&json, shown, bytes, size, err);
    bool ok = enter_text_config(&json, &nested, &values);
    if (ok) {
        json.at = nested;
        ok = json_reader_enter(&json, JSON_READER_OBJECT) && read_values(&json, &values) &&
             check_values(&json, &values);
    }
    if (ok) {
        complete(&values);
        write_keys(keys, &values);
        ok = write_head_dims(keys, &json, &values);
    }
    json_reader_finish(&json);
    if (ok) {
        describe(config, &values);
    }
    return ok;
}

enum generation_key { TEMPERATURE, TOP_P, TOP_K, STOPS, SUPPRESS, GENERATION_KEYS };

/* A list of ids; one id alone is a list, too. */
static bool read_ids(struct json_reader *json, struct gguf_keys *keys, const char *key)
{
    enum json_reader_type type;
    int32_t id = 0;
    if (!json_reader_peek(json, &type)) {
        return false;
    }
    gguf_keys_array_begin(keys, key, GGUF_I32);
    if (type == JSON_READER_ARRAY) {
        json_reader_enter(json, JSON_READER_ARRAY);
        while (json_reader_next_item(json) && read_integer(json, &id)) {
            gguf_keys_element_i32(keys, id);
        }
    } else if (read_integer(json, &id)) {
        gguf_keys_element_i32(keys, id);
    }
    gguf_keys_array_end(keys);
    return !json->failed;
}

static bool read_advice(struct json_reader *json, struct gguf_keys *keys, enum generation_key which)
{
    int32_t top_k = 0;
    double real = 0;
    switch (which) {
    case TEMPERATURE:
    case TOP_P:
        if (json_reader_real(json, &real)) {
            gguf_keys_f32(keys, which == TOP_P ? "general.sampling.top_p" : "general.sampling.temp",
                          (float)real);
        }
        break;
    case TOP_K:
        if (read_integer(json, &top_k)) {
            gguf_keys_i32(keys, "general.sampling.top_k", top_k);
        }
        break;
    case STOPS:
        return read_ids(json, keys, TOKEN_LISTS_STOPS);
    case SUPPRESS:
        return read_ids(json, keys, TOKEN_LISTS_SUPPRESS);
    case GENERATION_KEYS:
        break;
    }
    return !json->failed;
}

bool hf_config_read_generation(struct gguf_keys *keys, const char *shown, const void *bytes,
                               size_t size, struct err *err)
{
    static const char *const names[GENERATION_KEYS] = {
        [TEMPERATURE] = "temperature",
        [TOP_P] = "top_p",
        [TOP_K] = "top_k",
        [STOPS] = "eos_token_id",
        [SUPPRESS] = "suppress_tokens",
    };
    bool seen[GENERATION_KEYS] = {false};
    struct json_reader_text key;
    struct json_reader json;
    json_reader_init(&json, shown, bytes, size, err);
    json_reader_enter(&json, JSON_READER_OBJECT);
    while (json_reader_next_key(&json, &key)) {
        size_t i = 0;
        while (i < GENERATION_KEYS && !json_reader_text_is(&key, names[i])) {
            i++;
        }
        if (i == GENERATION_KEYS || seen[i]) {
            json_reader_skip(&json);
            continue;
        }
        seen[i] = true;
        if (!json_reader_take_null(&json)) {
            read_advice(&json, keys, (enum generation_key)i);
        }
    }
    bool ok = json_reader_end(&json);
    json_reader_finish(&json);
    return ok;
}
