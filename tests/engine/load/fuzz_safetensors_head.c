/* The head of a foreign safetensors file, as in fuzz_safetensors.c, whose inputs these are: the
 * first byte is left out. The tensors lie in the bytes, or an error names the file. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

#include "load/safetensors_file.h"

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
    if (size == 0) {
        return 0;
    }
    const uint8_t *bytes = data + 1, *end = data + size;
    struct safetensors_file *file = safetensors_file_open_bytes("fuzz", bytes, size - 1, &err);
    if (file == NULL) {
        require(err.code != ERR_NONE && strncmp(err.text, "fuzz: ", 6) == 0);
        return 0;
    }
    for (size_t i = 0; i < safetensors_file_count(file); i++) {
        const struct safetensors_file_tensor *tensor = safetensors_file_at(file, i);
        require(tensor->data >= bytes && tensor->bytes <= (size_t)(end - tensor->data));
    }
    safetensors_file_close(file);
    return 0;
}
