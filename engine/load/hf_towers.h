/* hf_towers: the encoders of pictures and sounds in a Hugging Face folder, told in the keys and
 * names of a GGUF file of architecture "clip" (mmproj.h).
 *
 * What such a file has no key for (the base of the rotation, the window of the attention, kernels)
 * is fixed in our encoders; a configuration that wants another value is refused.
 */
#ifndef CARAT_LOAD_HF_TOWERS_H
#define CARAT_LOAD_HF_TOWERS_H

#include <stdbool.h>
#include <stddef.h>

#include "load/hf_names.h"

struct err;
struct gguf_keys;
struct gguf_tensor;

/* vision_config, audio_config and the width of text_config from config.json; `shown` names it in
 * messages. ERR_UNSUPPORTED when the model neither sees nor hears. */
bool hf_towers_read(struct gguf_keys *keys, const char *shown, const void *bytes, size_t size,
                    struct err *err);

/* Whether a config.json tells of an encoder, whatever it says of it. */
bool hf_towers_named(const void *bytes, size_t size);

/* As hf_names_translate: False when no encoder has such a tensor. */
bool hf_towers_translate(const char *name, size_t length, char gguf[HF_NAMES_SIZE]);

/* Whether the encoders want this tensor (with GGUF's name) in F32. */
bool hf_towers_is_float(const struct gguf_tensor *tensor);

/* What a GGUF file has instead of these values of such a tensor: of per_dim_scale the softplus. */
void hf_towers_convert(const struct gguf_tensor *tensor, float *values, size_t count);

#endif
