/* cli_wav: reads a WAV file's samples as mono float32.
 *
 * RIFF/WAVE with PCM of 16 bits or float of 32, also in the extensible form; several channels
 * become their mean. The rate must be 16000 Hz, because nothing here resamples. The bytes are not
 * trusted: every size is checked against what is there, and values that are not finite are refused.
 */
#ifndef CARAT_CLI_WAV_H
#define CARAT_CLI_WAV_H

#include <stdbool.h>
#include <stddef.h>

struct err;

enum { CLI_WAV_RATE = 16000, CLI_WAV_CHANNELS_MAX = 64 };

/* *samples: one value for each moment, in -1..1 as far as the file keeps to it; the caller's
 * (mem_free), also when *count is 0. ERR_FORMAT, ERR_UNSUPPORTED (another rate or coding, named in
 * the text) or ERR_MEMORY; outputs are untouched then. */
bool cli_wav_decode(const void *data, size_t size, float **samples, size_t *count, struct err *err);

#endif
