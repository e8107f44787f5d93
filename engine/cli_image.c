/* cli_image: see cli_image.h. A foreign picture is decoded in this process, for the person who
 * calls this command; carat itself does that in a process of its own. */
#include "cli_image.h"

#include <inttypes.h>

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli_npy.h"
#include "cli_options.h"
#include "engine/engine.h"
#include "engine/engine_media.h"
#include "media.h"
#include "media/picture_file.h"
#include "vision/patches.h"

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
    bool ok = write_rows(options->output, patches, columns * rows, PATCHES_VALUES, err);
    mem_free(patches);
    return ok;
}

static bool write_soft_tokens(const struct cli_options *options,
                              const struct engine_model_info *model, const struct picture *picture,
                              struct err *err)
{
    struct engine_soft soft = {0};
    struct media *media = media_open(options->mmproj, model->kernels, model->threads, err);
    bool ok = media != NULL;
    if (ok && media_width(media) != model->hidden_size) {
        ok = err_set(err, ERR_FORMAT,
                     "%s is for a model of hidden size %" PRId32 ", but %s has %" PRId32,
                     options->mmproj, media_width(media), options->model, model->hidden_size);
    }
    ok = ok &&
         media_image(media, picture->rgb, picture->width, picture->height, budget_of(options),
                     &soft, err) &&
         write_rows(options->output, soft.values, soft.count, (size_t)media_width(media), err);
    mem_free(soft.values);
    media_close(media);
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
    if (!cli_image_read(options->images.paths[0], &picture.rgb, &picture.width, &picture.height,
                        err)) {
        return false;
    }
    bool ok = options->patches ? write_patches(options, &picture, err)
                               : write_soft_tokens(options, model, &picture, err);
    mem_free(picture.rgb);
    return ok;
}
