/* sound: what the tests of the audio encoder share. Whatever goes wrong here fails the running
 * cmocka test with the reason.
 */
#ifndef CARAT_TESTS_SOUND_H
#define CARAT_TESTS_SOUND_H

#include <stdbool.h>
#include <stddef.h>

#include "support/safetensors.h"

/* folder/name */
void sound_path(char path[512], const char *folder, const char *name);
bool sound_exists(const char *path);

/* The samples of a WAV file; mem_free. */
float *sound_read(const char *path, size_t *count);

/* The log-mel frames of samples; mem_free. */
float *sound_log_mel(const float *samples, size_t count, size_t *frames);

/* A tensor of float32 that must be there. */
const float *sound_tensor(struct safetensors *file, const char *name, size_t *rows,
                          size_t *columns);

/* Fails when some value is further away than `limit`. */
void sound_close(const char *what, const float *found, const float *expected, size_t count,
                 float limit);

#endif
