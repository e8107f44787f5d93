/* sound_write: samples as a WAV file: mono, 16 bits, 16000 a second. */
#ifndef CARAT_MEDIA_SOUND_WRITE_H
#define CARAT_MEDIA_SOUND_WRITE_H

#include <stddef.h>

enum { SOUND_WRITE_HEADER = 44, SOUND_WRITE_SAMPLES_MAX = 600 * 16000 };

/* Bytes of the file with so many samples; count <= SOUND_WRITE_SAMPLES_MAX. */
size_t sound_write_size(size_t count);
/* The file, into out[sound_write_size(count)]. Each sample is rounded to 16 bits, and set to what
 * sound_file will read there: who keeps the samples has what the file says. */
void sound_write(float *samples, size_t count, unsigned char *out);

#endif
