/* A foreign window dump: pixels, every one of which can be read, or an error with a reason. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "media/dump_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = {0};
    uint8_t *rgb;
    size_t width, height;
    if (!dump_file_decode(data, size, &rgb, &width, &height, &err)) {
        if (err.code == ERR_NONE || err.text[0] == '\0') {
            abort();
        }
        return 0;
    }
    volatile uint8_t sum = 0;
    for (size_t i = 0; i < width * height * 3; i++) {
        sum = (uint8_t)(sum + rgb[i]);
    }
    mem_free(rgb);
    return 0;
}
