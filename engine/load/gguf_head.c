/* gguf_head: see gguf_head.h. */
#include "load/gguf_head.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"

#include "load/gguf.h"
#include "load/gguf_file.h"
#include "load/gguf_keys.h"
#include "load/hparams.h"

enum { QUANTISATION_VERSION = 2 };

static bool is_dropped(const struct name_text *name)
{
    static const char *const exact[] = {"general.alignment", "general.file_type",
                                        "general.quantization_version"};
    for (size_t i = 0; i < sizeof exact / sizeof exact[0]; i++) {
        if (name->length == strlen(exact[i]) && memcmp(name->bytes, exact[i], name->length) == 0) {
            return true;
        }
    }
    return name->length > 6 && memcmp(name->bytes, "split.", 6) == 0;
}

static void copy_keys(struct gguf_keys *keys, const struct gguf *model)
{
    for (uint32_t i = 0; i < model->key_index.count; i++) {
        const struct name_text *name = &model->key_index.names[i];
        if (!is_dropped(name)) {
            gguf_keys_copy(keys, name->bytes, name->length, &model->keys[i]);
        }
    }
}

/* --- what other readers need --- */

static void add_u32(struct gguf_keys *keys, const struct gguf *model, const char *key,
                    int32_t value)
{
    if (!gguf_has(model, key) && value >= 0) {
        gguf_keys_u32(keys, key, (uint32_t)value);
    }
}

/* Heads of both kinds are as wide for values as for keys, and RoPE is told of all of the head. */
static void add_head_dims(struct gguf_keys *keys, const struct gguf *model,
                          const struct hparams *hparams)
{
    static const struct {
        bool sliding;
        const char *keys[3];
    } kinds[] = {
        {false,
         {"gemma4.attention.key_length", "gemma4.attention.value_length",
          "gemma4.rope.dimension_count"}},
        {true,
         {"gemma4.attention.key_length_swa", "gemma4.attention.value_length_swa",
          "gemma4.rope.dimension_count_swa"}},
    };
    for (size_t k = 0; k < 2; k++) {
        int32_t head_dim = -1;
        for (int32_t i = 0; i < hparams->num_hidden_layers; i++) {
            head_dim = hparams->layers[i].sliding == kinds[k].sliding ? hparams->layers[i].head_dim
                                                                      : head_dim;
        }
        for (size_t i = 0; i < 3; i++) {
            add_u32(keys, model, kinds[k].keys[i], head_dim);
        }
    }
}

/* The id of a spelling, or -1. */
static int32_t find_token(const struct gguf_array *tokens, const char *spelling)
{
    size_t cursor = 0;
    struct gguf_text text;
    for (int32_t id = 0; gguf_array_text(tokens, &cursor, &text); id++) {
        if (text.length == strlen(spelling) && memcmp(text.bytes, spelling, text.length) == 0) {
            return id;
        }
    }
    return -1;
}

static bool add_tokenizer(struct gguf_keys *keys, const struct gguf *model, struct err *err)
{
    static const struct {
        const char *key, *spelling;
    } ids[] = {
        {"tokenizer.ggml.bos_token_id", "<bos>"},     {"tokenizer.ggml.eos_token_id", "<eos>"},
        {"tokenizer.ggml.unknown_token_id", "<unk>"}, {"tokenizer.ggml.padding_token_id", "<pad>"},
        {"tokenizer.ggml.mask_token_id", "<mask>"},
    };
    struct gguf_array tokens;
    if (!gguf_array(model, "tokenizer.ggml.tokens", &tokens, err)) {
        return false;
    }
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        add_u32(keys, model, ids[i].key, find_token(&tokens, ids[i].spelling));
    }
    if (!gguf_has(model, "tokenizer.ggml.scores")) { /* nobody asks for them, but they are read */
        gguf_keys_array_begin(keys, "tokenizer.ggml.scores", GGUF_F32);
        for (uint64_t i = 0; i < tokens.count; i++) {
            gguf_keys_element_f32(keys, -1000.0f);
        }
        gguf_keys_array_end(keys);
    }
    if (!gguf_has(model, "tokenizer.ggml.add_bos_token")) {
        gguf_keys_bool(keys, "tokenizer.ggml.add_bos_token", true);
    }
    if (!gguf_has(model, "tokenizer.ggml.add_space_prefix")) {
        gguf_keys_bool(keys, "tokenizer.ggml.add_space_prefix", false);
    }
    return true;
}

static bool make_keys(struct gguf_keys *keys, const struct gguf_head_options *options,
                      struct err *err)
{
    const struct gguf *model = options->model;
    copy_keys(keys, model);
    if (!gguf_has(model, "general.type")) {
        gguf_keys_string(keys, "general.type", "model", 5);
    }
    gguf_keys_u32(keys, "general.file_type", options->file_type);
    gguf_keys_u32(keys, "general.quantization_version", QUANTISATION_VERSION);
    add_head_dims(keys, model, options->hparams);
    if (options->chat_template != NULL && !gguf_has(model, "tokenizer.chat_template")) {
        gguf_keys_string(keys, "tokenizer.chat_template", options->chat_template,
                         options->chat_template_length);
    }
    return add_tokenizer(keys, model, err);
}

/* --- the whole --- */

bool gguf_head_make(struct gguf_head *head, const struct gguf_head_options *options,
                    uint64_t *offsets, struct err *err)
{
    struct gguf_keys keys;
    gguf_keys_init(&keys);
    if (!make_keys(&keys, options, err)) {
        gguf_keys_finish(&keys);
        return false;
    }
    uint64_t at = 0;
    for (size_t i = 0; i < options->tensor_count; i++) {
        offsets[i] = at;
        gguf_keys_tensor(&keys, &options->tensors[i], at);
        at += options->tensors[i].bytes;
        at = (at + GGUF_HEAD_ALIGNMENT - 1) / GGUF_HEAD_ALIGNMENT * GGUF_HEAD_ALIGNMENT;
    }
    gguf_keys_pad(&keys, GGUF_HEAD_ALIGNMENT);
    struct gguf_head made = {0};
    made.bytes = gguf_keys_take(&keys, &made.size);
    if (made.bytes == NULL) {
        gguf_keys_finish(&keys);
        return err_set(err, ERR_MEMORY, "no memory for the keys of the new file");
    }
    made.file_bytes = made.size + at;
    *head = made;
    return true;
}
