/* resample: a sound at another rate.
 *
 * Each new sample is a sum of the old ones near it, weighted by a sinc under a Kaiser window: 32
 * zero crossings to each side and beta 9, which leaves some -90 dB of what cannot be represented.
 * When the new rate is lower the sinc is stretched, so that what lies above its half is taken away
 * first. Outside of the sound there is silence. The weights of a place are made to sum to 1 exactly
 * where all of them are inside.
 */
#ifndef CARAT_MEDIA_RESAMPLE_H
#define CARAT_MEDIA_RESAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

/* Rates are 1 or more. (*out)[*out_count], out_count = count * to / from, rounded up; the caller's
 * (mem_free), also when there are none. ERR_MEMORY, ERR_LIMIT when the result is too long. */
bool resample(const float *samples, size_t count, uint32_t from, uint32_t to, float **out,
              size_t *out_count, struct err *err);

#endif
