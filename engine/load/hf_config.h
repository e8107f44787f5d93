/* hf_config: the config.json of a Hugging Face folder, told in GGUF's keys.
 *
 * Both forms: the values inside text_config (models that also see or hear) or at the top (text
 * only); head sizes and key/value heads of full layers as global_head_dim and
 * num_global_key_value_heads, or layer by layer in per_layer_config. What is absent has the value
 * that Gemma 4's configuration class gives it. Ranges are hparams' business.
 */
#ifndef CARAT_LOAD_HF_CONFIG_H
#define CARAT_LOAD_HF_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "load/hparams.h"

struct err;
struct gguf_keys;

/* What the names of the tensors depend on. */
struct hf_config {
    int32_t layer_count;
    int32_t vocab_size;
    bool tied;                                 /* the head is the embedding */
    bool expects_no_value[HPARAMS_LAYERS_MAX]; /* V is the raw K projection in this layer */
    bool makes_kv[HPARAMS_LAYERS_MAX];
};

/* `shown` names the file in messages. */
bool hf_config_read(struct hf_config *config, struct gguf_keys *keys, const char *shown,
                    const void *bytes, size_t size, struct err *err);

/* generation_config.json: the advised sampling, the ids that end an answer, those never made. */
bool hf_config_read_generation(struct gguf_keys *keys, const char *shown, const void *bytes,
                               size_t size, struct err *err);

#endif
