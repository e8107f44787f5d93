/* cli_audio: see cli_audio.h. */
#include "cli_audio.h"

#include <stdio.h>

#include "audio/log_mel.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli_media.h"
#include "cli_npy.h"
#include "cli_options.h"
#include "engine/engine.h"
#include "engine/engine_media.h"
#include "media.h"
#include "media/sound_file.h"

bool cli_audio_read(const char *path, float **samples, size_t *count, struct err *err)
{
    struct str bytes;
    str_init(&bytes);
    bool ok = file_read(path, SOUND_FILE_BYTES_MAX, &bytes, err) &&
              (sound_file_decode(bytes.data, bytes.length, samples, count, err) ||
               err_prefix(err, "%s", path));
    str_finish(&bytes);
    return ok;
}

void cli_audio_remark(size_t samples)
{
    if (samples > LOG_MEL_SAMPLES_MAX) {
        fprintf(stderr, "carat-engine: only the first 30 of %.1f seconds of sound are used\n",
                (double)samples / LOG_MEL_RATE);
    } else if (log_mel_frames(samples) == 0) {
        fprintf(stderr, "carat-engine: %zu samples are too short a sound to give a token\n",
                samples);
    }
}

static bool write_mel(const struct cli_options *options, const float *samples, size_t count,
                      struct err *err)
{
    float *mel;
    size_t frames;
    if (!media_mel(samples, count, &mel, &frames, err)) {
        return false;
    }
    bool ok = cli_npy_save(options->output, mel, frames, LOG_MEL_BANDS, err);
    mem_free(mel);
    return ok;
}

static bool write_soft_tokens(const struct cli_options *options,
                              const struct engine_model_info *model, struct err *err)
{
    struct engine_soft soft = {0};
    struct engine_media *media = cli_media_open(options, model, err);
    if (media == NULL) {
        return false;
    }
    bool ok = cli_media_sound(media, options->audios.paths[0], &soft, err) &&
              cli_npy_save(options->output, soft.values, soft.count,
                           (size_t)engine_media_width(media), err);
    engine_free(soft.values);
    engine_media_close(media);
    return ok;
}

bool cli_audio_embed(const struct cli_options *options, const struct engine_model_info *model,
                     struct err *err)
{
    float *samples;
    size_t count;
    if (!options->mel) {
        return write_soft_tokens(options, model, err);
    }
    if (!cli_audio_read(options->audios.paths[0], &samples, &count, err)) {
        return false;
    }
    cli_audio_remark(count);
    bool ok = write_mel(options, samples, count, err);
    mem_free(samples);
    return ok;
}
