/* The head of a foreign model file and nothing behind it, which is fuzz_gguf.c's: keys and tensors
 * lie in the bytes and are found by their names, or an error names the file. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

#include "load/gguf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = {0};
    struct gguf *gguf = gguf_open_bytes("fuzz.gguf", data, size, &err);
    if (gguf == NULL) {
        require(err.code != ERR_NONE && strncmp(err.text, "fuzz.gguf: ", 11) == 0);
        return 0;
    }
    for (size_t i = 0; i < gguf_tensor_count(gguf); i++) {
        const struct gguf_tensor *tensor = gguf_tensor_at(gguf, i);
        require(gguf_tensor_find(gguf, tensor->name) == tensor);
        require(tensor->data >= data && tensor->bytes <= (size_t)(data + size - tensor->data));
    }
    gguf_close(gguf);
    return 0;
}
