/* What a folder of safetensors holds: the first byte says which of its files the rest is. Whatever
 * the bytes are, an answer or an error that names the file. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

#include "load/gguf.h"
#include "load/gguf_keys.h"
#include "load/hf_config.h"
#include "load/hf_names.h"
#include "load/hf_tokenizer.h"
#include "load/hparams.h"
#include "load/safetensors_file.h"
#include "load/tokenizer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition) {
        abort();
    }
}

static void check_error(const struct err *err)
{
    require(err->code == ERR_MEMORY
                ? MEMORY_FAILS
                : err->code != ERR_NONE && strncmp(err->text, "fuzz: ", 6) == 0);
}

static void read_safetensors(const uint8_t *data, size_t size)
{
    struct err err = {0};
    struct safetensors_file *file = safetensors_file_open_bytes("fuzz", data, size, &err);
    if (file == NULL) {
        check_error(&err);
        return;
    }
    for (size_t i = 0; i < safetensors_file_count(file); i++) {
        const struct safetensors_file_tensor *tensor = safetensors_file_at(file, i);
        char name[HF_NAMES_SIZE];
        hf_names_translate(tensor->name, tensor->name_length, name);
        if (tensor->bytes > 0) {
            volatile unsigned char sink = tensor->data[0];
            sink = tensor->data[tensor->bytes - 1];
            (void)sink;
        }
    }
    safetensors_file_close(file);
}

/* What the JSON became must be keys that GGUF's reader takes, and readable or refused. */
static void read_keys(struct gguf_keys *keys, bool tokenizer)
{
    static struct hparams hparams;
    struct err err = {0};
    size_t size;
    unsigned char *bytes = gguf_keys_take(keys, &size);
    require(bytes != NULL || MEMORY_FAILS);
    struct gguf *gguf = bytes == NULL ? NULL : gguf_open_bytes("fuzz", bytes, size, &err);
    if (gguf != NULL && tokenizer) {
        tokenizer_destroy(tokenizer_create(gguf, &err));
    } else if (gguf != NULL) {
        hparams_read(&hparams, gguf, &err);
    }
    gguf_close(gguf);
    mem_free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct hf_config config;
    struct err err = {0};
    struct gguf_keys keys;
    if (size == 0) {
        return 0;
    }
    int which = data[0] % 4;
    data++;
    size--;
    if (which == 0) {
        read_safetensors(data, size);
        return 0;
    }
    gguf_keys_init(&keys);
    bool ok = which == 1   ? hf_config_read(&config, &keys, "fuzz", data, size, &err)
              : which == 2 ? hf_tokenizer_read(&keys, "fuzz", data, size, &err)
                           : hf_config_read_generation(&keys, "fuzz", data, size, &err);
    if (ok) {
        read_keys(&keys, which == 2);
    } else {
        check_error(&err);
    }
    gguf_keys_finish(&keys);
    return 0;
}
