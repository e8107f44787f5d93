/* cli_image: see cli_image.h. A foreign picture is decoded in this process, for the person who
 * calls this command; carat itself does that in a process of its own. */
#include "cli_image.h"

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
#include "media/picture_file.h"
#include "vision/patches.h"

struct picture {
    uint8_t *rgb;
    size_t width, height;
};

static int32_t budget_of(const struct cli_options *options)
{
    return options->budget == 0 ? CLI_BUDGET : (int32_t)options->budget;
}

static bool write_patches(const struct cli_options *options, const struct picture *picture,
                          struct err *err)
{
    float *patches;
    size_t columns, rows;
    if (!media_patches(picture->rgb, picture->width, picture->height, budget_of(options), &patches,
                       &columns, &rows, err)) {
        return false;
    }
    bool ok = cli_npy_save(options->output, patches, columns * rows, PATCHES_VALUES, err);
    mem_free(patches);
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
    bool ok = cli_media_image(media, options->images.paths[0], budget_of(options), &soft, err) &&
              cli_npy_save(options->output, soft.values, soft.count,
                           (size_t)engine_media_width(media), err);
    engine_free(soft.values);
    engine_media_close(media);
    return ok;
}

bool cli_image_read(const char *path, uint8_t **rgb, size_t *width, size_t *height, struct err *err)
{
    struct str bytes;
    str_init(&bytes);
    bool ok = file_read(path, PICTURE_FILE_BYTES_MAX, &bytes, err) &&
              (picture_file_decode(bytes.data, bytes.length, rgb, width, height, err) ||
               err_prefix(err, "%s", path));
    str_finish(&bytes);
    return ok;
}

bool cli_image_embed(const struct cli_options *options, const struct engine_model_info *model,
                     struct err *err)
{
    struct picture picture;
    if (!options->patches) {
        return write_soft_tokens(options, model, err);
    }
    if (!cli_image_read(options->images.paths[0], &picture.rgb, &picture.width, &picture.height,
                        err)) {
        return false;
    }
    bool ok = write_patches(options, &picture, err);
    mem_free(picture.rgb);
    return ok;
}
