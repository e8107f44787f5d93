/* The configuration of encoders, and names of their tensors, as foreign bytes: what is taken makes
 * keys that can be read again, what is not says why, and a name has room for itself. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

#include "load/gguf_keys.h"
#include "load/hf_towers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gguf_keys keys;
    struct err err = {0};
    char name[HF_NAMES_SIZE];
    size_t length = 0;
    gguf_keys_init(&keys);
    bool named = hf_towers_named(data, size);
    if (hf_towers_read(&keys, "config.json", data, size, &err)) {
        must(named || MEMORY_FAILS);
        unsigned char *bytes = gguf_keys_take(&keys, &length);
        must(bytes != NULL ? length > 0 : MEMORY_FAILS);
        mem_free(bytes);
    } else {
        must(err.code != ERR_NONE && err.text[0] != '\0');
    }
    gguf_keys_finish(&keys);
    if (hf_towers_translate((const char *)data, size, name)) {
        length = strnlen(name, sizeof name);
        must(length > 0 && length < sizeof name);
    }
    return 0;
}
