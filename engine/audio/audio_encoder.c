/* audio_encoder: see audio_encoder.h. All activations of a run lie in one block, which is made for
 * the run and its length: sound comes rarely, and nothing of it is kept.
 */
#include "audio/audio_encoder.h"

#include <inttypes.h>

#include "audio/audio_weights.h"
#include "audio/conformer.h"
#include "audio/log_mel.h"
#include "audio/subsample.h"
#include "base/err.h"
#include "base/mem.h"
#include "compute/rows.h"
#include "compute/tensor.h"
#include "compute/workers.h"

static const float eps = 1e-6f;

struct audio_encoder {
    struct audio_weights weights;
    struct tensor_machine *machine;
    struct subsample subsample;
    struct conformer_layer layers[AUDIO_WEIGHTS_LAYERS_MAX];
    float *layer_values; /* what the layers' arrays point into */
    const struct conformer_watch *watch;
};

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static size_t widest(const struct audio_weights *w)
{
    size_t columns = larger((size_t)w->hidden_size, (size_t)w->feed_forward_size);
    columns = larger(columns, (size_t)w->input_projection.columns);
    return larger(columns, (size_t)w->output_size);
}

bool audio_encoder_columns(const struct gguf *gguf, size_t *columns, struct err *err)
{
    struct audio_weights *weights = mem_try_alloc(1, sizeof *weights);
    if (weights == NULL) {
        return err_set(err, ERR_MEMORY, "no memory for the audio encoder");
    }
    bool ok = audio_weights_bind(weights, gguf, err);
    if (ok) {
        *columns = widest(weights);
    }
    mem_free(weights);
    return ok;
}

static bool prepare_layers(struct audio_encoder *encoder, struct err *err)
{
    const struct audio_weights *w = &encoder->weights;
    size_t values = conformer_values(w), layers = (size_t)w->num_hidden_layers;
    size_t scratch = CONFORMER_WINDOW * (size_t)w->hidden_size;
    encoder->layer_values = mem_try_alloc(values * layers, sizeof *encoder->layer_values);
    float *encoding = mem_try_alloc(scratch, sizeof *encoding);
    bool ok = encoder->layer_values != NULL && encoding != NULL;
    for (int32_t i = 0; ok && i < w->num_hidden_layers; i++) {
        conformer_prepare(&encoder->layers[i], w, i, encoder->machine,
                          encoder->layer_values + (size_t)i * values, encoding);
    }
    mem_free(encoding);
    return ok || err_set(err, ERR_MEMORY, "no memory for the audio encoder's %" PRId32 " layers",
                         w->num_hidden_layers);
}

struct audio_encoder *audio_encoder_create(const struct gguf *gguf, struct tensor_machine *machine,
                                           struct err *err)
{
    struct audio_encoder *encoder = mem_try_zero(1, sizeof *encoder);
    if (encoder == NULL) {
        err_set(err, ERR_MEMORY, "no memory for the audio encoder");
        return NULL;
    }
    encoder->machine = machine;
    if (!audio_weights_bind(&encoder->weights, gguf, err) ||
        !subsample_init(&encoder->subsample, &encoder->weights, err) ||
        !prepare_layers(encoder, err)) {
        audio_encoder_destroy(encoder);
        return NULL;
    }
    return encoder;
}

void audio_encoder_destroy(struct audio_encoder *encoder)
{
    if (encoder == NULL) {
        return;
    }
    subsample_finish(&encoder->subsample);
    mem_free(encoder->layer_values);
    mem_free(encoder);
}

int32_t audio_encoder_width(const struct audio_encoder *encoder)
{
    return encoder->weights.text_hidden_size;
}

size_t audio_encoder_tokens(size_t frames)
{
    return subsample_count(frames);
}

void audio_encoder_set_watch(struct audio_encoder *encoder, const struct conformer_watch *watch)
{
    encoder->watch = watch;
}

/* --- a run --- */

struct run {
    struct conformer_pass pass;
    float *block;     /* all of the following */
    float *patches;   /* [workers][patch values] */
    float *stages[2]; /* what the convolutions make */
    float *tower;     /* [count][output size] */
    size_t frames;
};

enum { BUFFERS = 12 };

struct buffer {
    float **place;
    size_t values;
};

static size_t measure(struct run *run, const struct audio_encoder *encoder, size_t frames,
                      struct buffer buffers[BUFFERS])
{
    const struct audio_weights *w = &encoder->weights;
    const struct subsample *subsample = &encoder->subsample;
    size_t workers = (size_t)workers_count(encoder->machine->workers);
    size_t half = subsample_frames(frames), n = subsample_count(frames);
    size_t d = (size_t)w->hidden_size, f = (size_t)w->feed_forward_size;
    struct conformer_pass *pass = &run->pass;
    const struct buffer list[BUFFERS] = {
        {&run->patches, workers * subsample->patch_values},
        {&run->stages[0], half * subsample->stages[0].bands * subsample->stages[0].channels},
        {&run->stages[1], n * subsample->stages[1].bands * subsample->stages[1].channels},
        {&run->tower, n * (size_t)w->output_size},
        {&pass->x, n * d},
        {&pass->normed, n * d},
        {&pass->branch, n * d},
        {&pass->wide, n * larger(f, 2 * d)},
        {&pass->clamped, n * larger(f, d)},
        {&pass->q, n * d},
        {&pass->k, n * d},
        {&pass->v, n * d},
    };
    size_t total = 0;
    for (size_t i = 0; i < BUFFERS; i++) {
        buffers[i] = list[i];
        total += (list[i].values + 15) / 16 * 16;
    }
    return total;
}

uint64_t audio_encoder_plan(const struct audio_encoder *encoder, size_t frames)
{
    const struct audio_weights *w = &encoder->weights;
    struct run run = {.frames = frames};
    struct buffer buffers[BUFFERS];
    uint64_t values = (uint64_t)conformer_values(w) * (uint64_t)w->num_hidden_layers;
    return sizeof *encoder + (values + measure(&run, encoder, frames, buffers)) * sizeof(float);
}

static bool init_run(struct run *run, const struct audio_encoder *encoder, size_t frames,
                     struct err *err)
{
    struct buffer buffers[BUFFERS];
    *run = (struct run){.frames = frames};
    size_t total = measure(run, encoder, frames, buffers);
    run->block = mem_try_align(64, total, sizeof *run->block);
    if (run->block == NULL) {
        return err_set(err, ERR_MEMORY, "no memory for the activations of %zu frames", frames);
    }
    float *next = run->block;
    for (size_t i = 0; i < BUFFERS; i++) {
        *buffers[i].place = next;
        next += (buffers[i].values + 15) / 16 * 16;
    }
    struct conformer_pass *pass = &run->pass;
    pass->machine = encoder->machine;
    pass->count = subsample_count(frames);
    pass->hidden_size = (size_t)encoder->weights.hidden_size;
    pass->heads = (size_t)encoder->weights.num_attention_heads;
    pass->watch = encoder->watch;
    return true;
}

static void multiply(const struct run *run, const struct weights_matrix *matrix, const float *x,
                     float *out)
{
    struct tensor_product product = {
        .matrix = matrix,
        .x = x,
        .x_stride = (size_t)matrix->columns,
        .out = out,
        .out_stride = (size_t)matrix->rows,
        .tokens = run->pass.count,
    };
    tensor_multiply(run->pass.machine, &product, 1);
}

static void subsample(const struct audio_encoder *encoder, const struct run *run, const float *mel)
{
    static const char *const names[] = {"conv0", "conv1"};
    const float *in = mel;
    size_t frames = run->frames;
    for (int i = 0; i < AUDIO_WEIGHTS_STAGES; i++) {
        const struct subsample_stage *stage = &encoder->subsample.stages[i];
        subsample_convolve(&encoder->subsample, i, run->pass.machine, in, frames, run->patches,
                           run->stages[i]);
        in = run->stages[i];
        frames = subsample_frames(frames);
        conformer_see(encoder->watch, names[i], -1, in, frames, stage->bands * stage->channels);
    }
    multiply(run, &encoder->weights.input_projection, in, run->pass.x);
    conformer_see(encoder->watch, "subsample", -1, run->pass.x, run->pass.count,
                  run->pass.hidden_size);
}

static void project(const struct audio_encoder *encoder, const struct run *run, float *soft)
{
    const struct audio_weights *w = &encoder->weights;
    size_t width = (size_t)w->output_size, count = run->pass.count;
    multiply(run, &w->output, run->pass.x, run->tower);
    for (size_t t = 0; t < count; t++) {
        for (size_t i = 0; i < width; i++) {
            run->tower[t * width + i] += w->output_bias[i];
        }
    }
    conformer_see(encoder->watch, "tower_out", -1, run->tower, count, width);
    rows_rms_norm(run->pass.machine, run->tower, run->tower, NULL, count, width, eps);
    multiply(run, &w->projection, run->tower, soft);
    conformer_see(encoder->watch, "soft", -1, soft, count, (size_t)w->text_hidden_size);
}

bool audio_encoder_run(struct audio_encoder *encoder, const float *mel, size_t frames, float *soft,
                       struct err *err)
{
    struct tensor_machine *machine = encoder->machine;
    struct run run;
    if (frames == 0 || frames > LOG_MEL_FRAMES_MAX) {
        return err_set(err, ERR_ARGUMENT, "%zu frames of sound; there must be 1 to %d", frames,
                       LOG_MEL_FRAMES_MAX);
    }
    if (!init_run(&run, encoder, frames, err)) {
        return false;
    }
    machine->stopped = false;
    subsample(encoder, &run, mel);
    for (int32_t i = 0; i < encoder->weights.num_hidden_layers && !machine->stopped; i++) {
        conformer_run(&run.pass, &encoder->layers[i]);
        tensor_tell(machine, (size_t)i + 1, (size_t)encoder->weights.num_hidden_layers);
    }
    if (!machine->stopped) {
        project(encoder, &run, soft);
    }
    mem_free(run.block);
    return !machine->stopped || err_set(err, ERR_CANCELLED, "the sound was cancelled");
}
