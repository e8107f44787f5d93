/* cli_audio: see cli_audio.h. The encoder runs here on a machine of its own, beside the text
 * model's: only this command uses one without the other.
 */
#include "cli_audio.h"

#include <inttypes.h>
#include <stdio.h>

#include "audio/audio_encoder.h"
#include "audio/log_mel.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli_npy.h"
#include "cli_options.h"
#include "cli_wav.h"
#include "compute/tensor.h"
#include "engine/engine.h"
#include "load/gguf.h"
#include "load/mmproj.h"

enum { WAV_BYTES_MAX = 64 * 1024 * 1024 };

static bool read_sound(const char *path, float **samples, size_t *count, struct err *err)
{
    struct str bytes;
    str_init(&bytes);
    bool ok = file_read(path, WAV_BYTES_MAX, &bytes, err) &&
              (cli_wav_decode(bytes.data, bytes.length, samples, count, err) ||
               err_prefix(err, "%s", path));
    str_finish(&bytes);
    return ok;
}

static void remark(size_t samples)
{
    if (samples > LOG_MEL_SAMPLES_MAX) {
        fprintf(stderr, "carat-engine: only the first 30 of %.1f seconds of sound are used\n",
                (double)samples / LOG_MEL_RATE);
    } else if (log_mel_frames(samples) == 0) {
        fprintf(stderr, "carat-engine: %zu samples are too short a sound to give a token\n",
                samples);
    }
}

/* The log-mel frames of a file; *mel is the caller's (mem_free), also when there are none. */
static bool read_mel(const char *path, float **mel, size_t *frames, struct err *err)
{
    float *samples;
    size_t count;
    if (!read_sound(path, &samples, &count, err)) {
        return false;
    }
    size_t made = log_mel_frames(count);
    float *values = mem_try_alloc(made * LOG_MEL_BANDS + 1, sizeof *values);
    struct log_mel *log_mel = mem_try_alloc(1, sizeof *log_mel);
    bool ok = values != NULL && log_mel != NULL;
    if (ok) {
        remark(count);
        log_mel_init(log_mel);
        log_mel_compute(log_mel, samples, count, values);
        *mel = values;
        *frames = made;
    } else {
        err_set(err, ERR_MEMORY, "no memory for %zu frames of sound", made);
        mem_free(values);
    }
    mem_free(log_mel);
    mem_free(samples);
    return ok;
}

static bool write_rows(const char *path, const float *values, size_t rows, size_t columns,
                       struct err *err)
{
    struct cli_npy npy;
    if (!cli_npy_open(&npy, path, rows, columns, err)) {
        return false;
    }
    bool written = cli_npy_write(&npy, values, rows, err);
    return cli_npy_close(&npy, written ? err : NULL) && written;
}

static bool encode(struct audio_encoder *encoder, const struct cli_options *options,
                   const struct engine_model_info *model, const float *mel, size_t frames,
                   struct err *err)
{
    int32_t width = audio_encoder_width(encoder);
    if (width != model->hidden_size) {
        return err_set(err, ERR_FORMAT,
                       "%s is for a model of hidden size %" PRId32 ", but %s has %" PRId32,
                       options->mmproj, width, options->model, model->hidden_size);
    }
    size_t tokens = audio_encoder_tokens(frames);
    float *soft = mem_try_alloc(tokens * (size_t)width + 1, sizeof *soft);
    if (soft == NULL) {
        return err_set(err, ERR_MEMORY, "no memory for %zu soft tokens", tokens);
    }
    bool ok = (tokens == 0 || audio_encoder_run(encoder, mel, frames, soft, err)) &&
              write_rows(options->output, soft, tokens, (size_t)width, err);
    mem_free(soft);
    return ok;
}

static bool write_soft_tokens(const struct cli_options *options,
                              const struct engine_model_info *model, const float *mel,
                              size_t frames, struct err *err)
{
    struct tensor_machine machine;
    size_t columns;
    bool ok = false;
    struct gguf *gguf = mmproj_open(options->mmproj, err);
    if (gguf != NULL && audio_encoder_columns(gguf, &columns, err) &&
        tensor_machine_init(&machine, model->kernels, model->threads, columns, err)) {
        struct audio_encoder *encoder = audio_encoder_create(gguf, &machine, err);
        ok = encoder != NULL && encode(encoder, options, model, mel, frames, err) &&
             gguf_check_unchanged(gguf, err);
        audio_encoder_destroy(encoder);
        tensor_machine_finish(&machine);
    }
    gguf_close(gguf);
    return ok;
}

bool cli_audio_embed(const struct cli_options *options, const struct engine_model_info *model,
                     struct err *err)
{
    float *mel;
    size_t frames;
    if (!read_mel(options->audio, &mel, &frames, err)) {
        return false;
    }
    bool ok = options->mel ? write_rows(options->output, mel, frames, LOG_MEL_BANDS, err)
                           : write_soft_tokens(options, model, mel, frames, err);
    mem_free(mel);
    return ok;
}
