/* cli_media: see cli_media.h. */
#include "cli_media.h"

#include <inttypes.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "cli_audio.h"
#include "cli_image.h"
#include "cli_options.h"
#include "cli_progress.h"
#include "engine/engine.h"
#include "engine/engine_media.h"

const char *cli_media_path(const struct cli_options *options)
{
    if (options->mmproj != NULL) {
        return options->mmproj;
    }
    return engine_media_inside(options->model) ? options->model : NULL;
}

struct engine_media *cli_media_open(const struct cli_options *options,
                                    const struct engine_model_info *model, struct err *err)
{
    struct engine_error error;
    struct engine_media_options media_options = {
        .path = cli_media_path(options),
        .threads = model->threads,
        .cpu = model->kernels,
        .exact = cli_options_exact(options),
    };
    if (media_options.path == NULL) {
        err_set(err, ERR_ARGUMENT,
                "--image and --audio need --mmproj FILE, unless the model is a folder of "
                "safetensors with encoders in it");
        return NULL;
    }
    struct engine_media *media = engine_media_open(&media_options, &error);
    if (media == NULL) {
        err_set(err, ERR_ARGUMENT, "%s", error.text);
        return NULL;
    }
    int32_t width = engine_media_width(media);
    if (width != model->hidden_size) {
        err_set(err, ERR_FORMAT,
                "%s is for a model of hidden size %" PRId32 ", but %s has %" PRId32,
                media_options.path, width, options->model, model->hidden_size);
        engine_media_close(media);
        return NULL;
    }
    return media;
}

/* Ends the line of progress, and says which file it was. */
static bool end(struct engine_media *media, struct cli_progress *progress, bool ok,
                const char *path, const struct engine_error *error, struct err *err)
{
    engine_media_on_progress(media, NULL, NULL);
    cli_progress_end(progress);
    return ok || err_set(err, error->code == ENGINE_NO_MEMORY ? ERR_MEMORY : ERR_ARGUMENT, "%s: %s",
                         path, error->text);
}

bool cli_media_image(struct engine_media *media, const char *path, int budget,
                     struct engine_soft *soft, struct err *err)
{
    uint8_t *rgb;
    size_t width, height;
    struct engine_error error;
    struct cli_progress progress;
    if (!cli_image_read(path, &rgb, &width, &height, err)) {
        return false;
    }
    cli_progress_begin(&progress, "seeing", "steps", 0);
    engine_media_on_progress(media, cli_progress_on_tokens, &progress);
    bool ok = engine_media_image(media, rgb, width, height, budget, soft, &error);
    mem_free(rgb);
    return end(media, &progress, ok, path, &error, err);
}

bool cli_media_sound(struct engine_media *media, const char *path, struct engine_soft *soft,
                     struct err *err)
{
    float *samples;
    size_t count;
    struct engine_error error;
    struct cli_progress progress;
    if (!cli_audio_read(path, &samples, &count, err)) {
        return false;
    }
    cli_audio_remark(count);
    cli_progress_begin(&progress, "hearing", "steps", 0);
    engine_media_on_progress(media, cli_progress_on_tokens, &progress);
    bool ok = engine_media_sound(media, samples, count, soft, &error);
    mem_free(samples);
    return end(media, &progress, ok, path, &error, err);
}
