/* cli_audio: what carat-engine does with sound: a WAV file to log-mel frames or soft tokens,
 * written as a NumPy file.
 */
#ifndef CARAT_CLI_AUDIO_H
#define CARAT_CLI_AUDIO_H

#include <stdbool.h>
#include <stddef.h>

struct cli_options;
struct engine_model_info;
struct err;

/* Writes [tokens][hidden size] float32, or with options->mel [frames][128], to options->output.
 * `model` is the text model: an encoder that is for another hidden size is ERR_FORMAT, and its
 * kernels and number of threads are used. What a user should know about the sound (cut, too short)
 * goes to standard error. */
bool cli_audio_embed(const struct cli_options *options, const struct engine_model_info *model,
                     struct err *err);

/* The samples of a WAV file, mono; the caller's (mem_free). Errors name the file. */
bool cli_audio_read(const char *path, float **samples, size_t *count, struct err *err);

/* Says on standard error what of a sound is left out, if anything is. */
void cli_audio_remark(size_t samples);

#endif
