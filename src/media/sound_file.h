/* sound_file: the samples of a WAV file as the model hears them: mono, 16000 a second, float32.
 *
 * RIFF/WAVE with PCM of 8, 16, 24 or 32 bits or float of 32, also in the extensible form; several
 * channels become their mean, other rates are converted (resample.h). The bytes are not trusted:
 * every size is checked against what is there, and values are refused that are not finite, or so
 * large that what is computed from them would not be.
 */
#ifndef CARAT_MEDIA_SOUND_FILE_H
#define CARAT_MEDIA_SOUND_FILE_H

#include <stdbool.h>
#include <stddef.h>

struct err;

enum {
    SOUND_FILE_RATE = 16000,
    SOUND_FILE_RATE_MIN = 4000,
    SOUND_FILE_RATE_MAX = 384000,
    SOUND_FILE_CHANNELS_MAX = 64,
    SOUND_FILE_LOUDEST = 1 << 30, /* full scale is 1; some programs write floats up to 32768 */
    SOUND_FILE_BYTES_MAX = 64 * 1024 * 1024,
};

/* *samples: one value for each moment, in -1..1 as far as the file keeps to it; the caller's
 * (mem_free), also when *count is 0. ERR_FORMAT, ERR_UNSUPPORTED (another coding or rate, named in
 * the text) or ERR_MEMORY; outputs are untouched then. */
bool sound_file_decode(const void *data, size_t size, float **samples, size_t *count,
                       struct err *err);

#endif
