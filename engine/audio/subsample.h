/* subsample: log-mel frames to one vector for every four of them.
 *
 * Twice: a convolution of 3 by 3 in steps of 2 (time and frequency, one row of zeros on every side,
 * no bias), LayerNorm over the channels (mean taken off, weight only), ReLU. Then what all channels
 * of all 32 remaining bands say at one moment is projected to the hidden size; the channel is the
 * fast index.
 */
#ifndef CARAT_AUDIO_SUBSAMPLE_H
#define CARAT_AUDIO_SUBSAMPLE_H

#include <stdbool.h>
#include <stddef.h>

#include "audio/audio_weights.h"

struct err;
struct tensor_machine;

struct subsample_stage {
    size_t channels_in, channels; /* channels_in is that of the stage before, or 1 */
    size_t bands_in, bands;
    float *kernel; /* [channels][3 time][3 bands][channels_in]: as a patch lies in memory */
    const float *norm;
};

struct subsample {
    const struct audio_weights *weights;
    struct subsample_stage stages[AUDIO_WEIGHTS_STAGES];
    size_t patch_values; /* scratch that one worker needs */
};

/* Borrows `weights`. ERR_MEMORY. */
bool subsample_init(struct subsample *subsample, const struct audio_weights *weights,
                    struct err *err);
void subsample_finish(struct subsample *subsample);

/* How many vectors `frames` frames give: a quarter, rounded up. */
size_t subsample_count(size_t frames);

/* Frames after stage 0 or 1 of that many before it. */
size_t subsample_frames(size_t frames);

/* in [frames][bands_in][channels_in] -> out [subsample_frames(frames)][bands][channels].
 * patches: patch_values for each worker. */
void subsample_convolve(const struct subsample *subsample, int stage,
                        struct tensor_machine *machine, const float *in, size_t frames,
                        float *patches, float *out);

#endif
