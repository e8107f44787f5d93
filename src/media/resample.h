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

/* The same in two steps, for who converts many pieces: the weights are most of the work. NULL is
 * ERR_MEMORY; a bank is only read from then on. */
struct resample_bank;
struct resample_bank *resample_bank_create(uint32_t from, uint32_t to, struct err *err);
void resample_bank_destroy(struct resample_bank *bank); /* NULL is fine */
bool resample_with(const struct resample_bank *bank, const float *samples, size_t count,
                   float **out, size_t *out_count, struct err *err);

#endif
