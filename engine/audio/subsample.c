/* subsample: see subsample.h. A convolution is a product: for each band of one moment the values
 * under the kernel are laid side by side (a patch), and all patches of the moment are multiplied by
 * the kernels of all channels at once. Activations keep the channel as the fast index, so a patch
 * is nine copies, and what comes out lies as the next stage and the projection want it.
 */
#include "audio/subsample.h"

#include <math.h>
#include <string.h>

#include "audio/log_mel.h"
#include "base/err.h"
#include "base/mem.h"
#include "compute/kernels.h"
#include "compute/tensor.h"

enum { KERNEL = AUDIO_WEIGHTS_KERNEL, TAPS = KERNEL * KERNEL };

static const float eps = 1e-6f;

/* From the file's [channels][channels_in][taps] to [channels][taps][channels_in]. */
static void turn_kernel(const struct subsample_stage *stage, const float *stored)
{
    size_t in = stage->channels_in;
    for (size_t o = 0; o < stage->channels; o++) {
        for (size_t c = 0; c < in; c++) {
            for (size_t tap = 0; tap < TAPS; tap++) {
                stage->kernel[(o * TAPS + tap) * in + c] = stored[(o * in + c) * TAPS + tap];
            }
        }
    }
}

bool subsample_init(struct subsample *subsample, const struct audio_weights *weights,
                    struct err *err)
{
    struct subsample made = {.weights = weights};
    size_t channels = 1, bands = LOG_MEL_BANDS;
    for (int i = 0; i < AUDIO_WEIGHTS_STAGES; i++) {
        struct subsample_stage *stage = &made.stages[i];
        *stage = (struct subsample_stage){
            .channels_in = channels,
            .channels = (size_t)weights->channels[i],
            .bands_in = bands,
            .bands = subsample_frames(bands),
            .norm = weights->conv_norm[i],
        };
        stage->kernel = mem_try_alloc(stage->channels * TAPS * channels, sizeof *stage->kernel);
        if (stage->kernel == NULL) {
            subsample_finish(&made);
            return err_set(err, ERR_MEMORY, "no memory for the audio encoder's convolutions");
        }
        turn_kernel(stage, weights->conv[i]);
        size_t patches = stage->bands * TAPS * channels;
        made.patch_values = patches > made.patch_values ? patches : made.patch_values;
        channels = stage->channels;
        bands = stage->bands;
    }
    *subsample = made;
    return true;
}

void subsample_finish(struct subsample *subsample)
{
    for (int i = 0; i < AUDIO_WEIGHTS_STAGES; i++) {
        mem_free(subsample->stages[i].kernel);
    }
    *subsample = (struct subsample){0};
}

size_t subsample_frames(size_t frames)
{
    return (frames + 1) / 2;
}

size_t subsample_count(size_t frames)
{
    return subsample_frames(subsample_frames(frames));
}

struct convolution {
    const struct subsample_stage *stage;
    const struct kernels *kernels;
    const float *in;
    size_t frames;
    float *patches, *out;
    size_t patch_values;
};

/* The values under the kernel at moment t and band f, zeros where it hangs over the edge. */
static void gather(const struct convolution *job, size_t t, size_t f, float *patch)
{
    const struct subsample_stage *stage = job->stage;
    size_t channels = stage->channels_in;
    for (size_t tap = 0; tap < TAPS; tap++) {
        size_t row = 2 * t + tap / KERNEL, column = 2 * f + tap % KERNEL; /* one too many */
        float *to = patch + tap * channels;
        if (row < 1 || row > job->frames || column < 1 || column > stage->bands_in) {
            memset(to, 0, channels * sizeof *to);
        } else {
            const float *from = job->in + ((row - 1) * stage->bands_in + column - 1) * channels;
            memcpy(to, from, channels * sizeof *to);
        }
    }
}

static void norm_and_relu(float *x, const float *weight, size_t channels)
{
    double sum = 0, squares = 0;
    for (size_t c = 0; c < channels; c++) {
        sum += (double)x[c];
    }
    float mean = (float)(sum / (double)channels);
    for (size_t c = 0; c < channels; c++) {
        x[c] -= mean;
        squares += (double)x[c] * (double)x[c];
    }
    float factor = 1.0f / sqrtf((float)(squares / (double)channels) + eps);
    for (size_t c = 0; c < channels; c++) {
        float value = x[c] * factor * weight[c];
        x[c] = value > 0 ? value : 0;
    }
}

static void convolve_moment(void *context, size_t t, int worker)
{
    const struct convolution *job = context;
    const struct subsample_stage *stage = job->stage;
    size_t columns = TAPS * stage->channels_in, channels = stage->channels;
    float *patches = job->patches + (size_t)worker * job->patch_values;
    float *out = job->out + t * stage->bands * channels;
    for (size_t f = 0; f < stage->bands; f++) {
        gather(job, t, f, patches + f * columns);
    }
    job->kernels->panel(stage->kernel, columns, channels, columns, patches, columns, stage->bands,
                        out, channels);
    for (size_t f = 0; f < stage->bands; f++) {
        norm_and_relu(out + f * channels, stage->norm, channels);
    }
}

void subsample_convolve(const struct subsample *subsample, int stage,
                        struct tensor_machine *machine, const float *in, size_t frames,
                        float *patches, float *out)
{
    struct convolution job = {
        .stage = &subsample->stages[stage],
        .kernels = machine->kernels,
        .in = in,
        .frames = frames,
        .patches = patches,
        .out = out,
        .patch_values = subsample->patch_values,
    };
    tensor_share(machine, convolve_moment, &job, subsample_frames(frames));
}
