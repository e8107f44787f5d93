/* The head of a foreign WAV file, as in fuzz_wav.c but for the conversion of rates, which is nearly
 * all the work there: here it is this file's, and looks at what it is given. */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "media/resample.h"
#include "media/sound_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t file_size;

bool resample(const float *samples, size_t count, uint32_t from, uint32_t to, float **out,
              size_t *out_count, struct err *err)
{
    (void)err;
    if (from < SOUND_FILE_RATE_MIN || from > SOUND_FILE_RATE_MAX || from == to ||
        to != SOUND_FILE_RATE || count > file_size) {
        abort();
    }
    *out = mem_alloc(count + 1, sizeof **out);
    memcpy(*out, samples, count * sizeof **out);
    *out_count = count;
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = {0};
    float *samples;
    size_t count;
    file_size = size;
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
