/* cli_soft: see cli_soft.h. */
#include "cli_soft.h"

#include "base/err.h"
#include "base/mem.h"
#include "cli_image.h"
#include "cli_media.h"
#include "cli_options.h"
#include "engine/engine.h"
#include "engine/engine_media.h"

enum kind { NEITHER, PICTURE, SOUND };

struct filling {
    struct cli_soft *soft;
    const struct cli_options *options;
    struct engine_media *media;
    int32_t image, video, audio; /* placeholder ids; -1: the model has none */
    size_t images, audios;       /* how many files were used */
};

static enum kind kind_of(const struct filling *filling, int32_t id)
{
    if (id < 0) {
        return NEITHER;
    }
    return id == filling->image || id == filling->video ? PICTURE
           : id == filling->audio                       ? SOUND
                                                        : NEITHER;
}

/* The budget that makes `slots` soft tokens of a picture, or the one that was asked for. */
static int32_t choose_budget(const struct cli_options *options, size_t width, size_t height,
                             size_t slots)
{
    static const int32_t budgets[] = {0, 70, 140, 280, 560, 1120};
    for (size_t i = 0; options->budget == 0 && i < sizeof budgets / sizeof budgets[0]; i++) {
        size_t count;
        if (engine_media_image_tokens(width, height, budgets[i], &count, NULL) && count == slots) {
            return budgets[i];
        }
    }
    return options->budget == 0 ? CLI_BUDGET : (int32_t)options->budget;
}

/* The file is read twice: its size decides the budget. */
static bool encode_image(const struct filling *filling, const char *path, size_t slots,
                         struct engine_soft *soft, struct err *err)
{
    uint8_t *rgb;
    size_t width, height;
    if (!cli_image_read(path, &rgb, &width, &height, err)) {
        return false;
    }
    mem_free(rgb);
    return cli_media_image(filling->media, path,
                           choose_budget(filling->options, width, height, slots), soft, err);
}

/* One run of placeholders. */
static bool fill(struct filling *filling, enum kind kind, size_t position, size_t slots,
                 struct err *err)
{
    const struct cli_files *files =
        kind == PICTURE ? &filling->options->images : &filling->options->audios;
    size_t *used = kind == PICTURE ? &filling->images : &filling->audios;
    if (*used == files->count) {
        return err_set(err, ERR_ARGUMENT,
                       "the placeholders at position %zu have no --%s of their own: %zu given",
                       position, kind == PICTURE ? "image" : "audio", files->count);
    }
    const char *path = files->paths[(*used)++];
    struct engine_soft soft = {0};
    if (!(kind == PICTURE ? encode_image(filling, path, slots, &soft, err)
                          : cli_media_sound(filling->media, path, &soft, err))) {
        return false;
    }
    soft.position = position;
    filling->soft->items[filling->soft->count++] = soft; /* from here on cli_soft_finish frees it */
    return soft.count == slots ||
           err_set(err, ERR_ARGUMENT, "%s gives %zu soft tokens, but %zu placeholders stand at %zu",
                   path, soft.count, slots, position);
}

static bool fill_all(struct filling *filling, const int32_t *ids, size_t count, struct err *err)
{
    for (size_t at = 0, end; at < count; at = end) {
        enum kind kind = kind_of(filling, ids[at]);
        for (end = at + 1; end < count && ids[end] == ids[at];) {
            end++;
        }
        if (kind != NEITHER && !fill(filling, kind, at, end - at, err)) {
            return false;
        }
    }
    const struct cli_options *options = filling->options;
    if (filling->images < options->images.count || filling->audios < options->audios.count) {
        return err_set(err, ERR_ARGUMENT,
                       "the ids have placeholders for %zu of %zu pictures and %zu of %zu sounds",
                       filling->images, options->images.count, filling->audios,
                       options->audios.count);
    }
    return true;
}

bool cli_soft_make(struct cli_soft *soft, struct engine_model *model,
                   const struct cli_options *options, const int32_t *ids, size_t count,
                   struct err *err)
{
    *soft = (struct cli_soft){0};
    size_t files = options->images.count + options->audios.count;
    if (files == 0) {
        return true;
    }
    struct filling filling = {.soft = soft,
                              .options = options,
                              .image = engine_token_find(model, "<|image|>"),
                              .video = engine_token_find(model, "<|video|>"),
                              .audio = engine_token_find(model, "<|audio|>")};
    soft->items = mem_try_alloc(files, sizeof *soft->items);
    if (soft->items == NULL) {
        return err_set(err, ERR_MEMORY, "no memory for %zu files", files);
    }
    filling.media = cli_media_open(options, engine_model_info(model), err);
    if (filling.media == NULL) {
        return false;
    }
    bool ok = fill_all(&filling, ids, count, err);
    engine_media_close(filling.media);
    return ok;
}

void cli_soft_finish(struct cli_soft *soft)
{
    for (size_t i = 0; i < soft->count; i++) {
        engine_free(soft->items[i].values);
    }
    mem_free(soft->items);
    *soft = (struct cli_soft){0};
}
