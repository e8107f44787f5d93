/* A foreign WAV file: whatever the bytes are, finite samples or an error with a reason. */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "media/sound_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = {0};
    float *samples;
    size_t count;
    if (!sound_file_decode(data, size, &samples, &count, &err)) {
        if (err.code == ERR_NONE || err.text[0] == '\0') {
            abort();
        }
        return 0;
    }
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(samples[i])) {
            abort();
        }
    }
    mem_free(samples);
    return 0;
}
