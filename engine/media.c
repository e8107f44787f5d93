/* media: see media.h. The threads are its own: a picture may be encoded while a session waits, and
 * idle threads cost nothing. */
#include "media.h"

#include <stdatomic.h>

#include "base/err.h"
#include "base/mem.h"

#include "compute/tensor.h"
#include "load/gguf.h"
#include "load/mmproj.h"
#include "vision/patches.h"
#include "vision/resize.h"
#include "vision/vision_encoder.h"
#include "vision/vision_weights.h"

struct media {
    struct gguf *gguf;
    struct vision_weights vision;
    struct tensor_machine machine;
    atomic_bool cancel;
};

static bool open_parts(struct media *media, const char *path, const char *kernels, int threads,
                       struct err *err)
{
    media->gguf = mmproj_open(path, err);
    if (media->gguf == NULL || !vision_weights_bind(&media->vision, media->gguf, err) ||
        !tensor_machine_init(&media->machine, kernels, threads,
                             vision_encoder_widest(&media->vision), err)) {
        return false;
    }
    media->machine.cancel = &media->cancel;
    return true;
}

struct media *media_open(const char *path, const char *kernels, int threads, struct err *err)
{
    struct media *media = mem_try_zero(1, sizeof *media);
    if (media == NULL) {
        err_set(err, ERR_MEMORY, "no memory for the encoders of %s", path);
        return NULL;
    }
    bool ok = open_parts(media, path, kernels, threads, err);
    if (media->gguf != NULL && !gguf_check_unchanged(media->gguf, err)) {
        ok = false; /* and why something else was wrong, if it was */
    }
    if (!ok) {
        media_close(media);
        return NULL;
    }
    return media;
}

void media_close(struct media *media)
{
    if (media != NULL) {
        tensor_machine_finish(&media->machine);
        vision_weights_finish(&media->vision);
        gguf_close(media->gguf);
        mem_free(media);
    }
}

int32_t media_width(const struct media *media)
{
    return media->vision.text_hidden_size;
}

bool media_patches(const uint8_t *rgb, size_t width, size_t height, int32_t budget, float **patches,
                   size_t *columns, size_t *rows, struct err *err)
{
    size_t to_width, to_height;
    if (!resize_target(width, height, budget, &to_width, &to_height, err)) {
        return false;
    }
    uint8_t *resized = mem_try_alloc(to_width * to_height, PATCHES_CHANNELS);
    float *values = mem_try_alloc(to_width * to_height * PATCHES_CHANNELS, sizeof *values);
    bool ok = resized != NULL && values != NULL
                  ? resize_bicubic(rgb, width, height, resized, to_width, to_height, err)
                  : err_set(err, ERR_MEMORY, "no memory for a picture of %zu x %zu pixels",
                            to_width, to_height);
    if (ok) {
        patches_cut(resized, to_width, to_height, values);
        *patches = values;
        *columns = to_width / PATCHES_SIDE;
        *rows = to_height / PATCHES_SIDE;
    } else {
        mem_free(values);
    }
    mem_free(resized);
    return ok;
}

bool media_image(struct media *media, const uint8_t *rgb, size_t width, size_t height,
                 int32_t budget, float **soft, size_t *tokens, struct err *err)
{
    float *patches;
    size_t columns, rows;
    if (!media_patches(rgb, width, height, budget, &patches, &columns, &rows, err)) {
        return false;
    }
    size_t count = columns * rows / (VISION_WEIGHTS_POOL * VISION_WEIGHTS_POOL);
    float *values = mem_try_alloc(count * (size_t)media_width(media), sizeof *values);
    bool ok = values != NULL ? vision_encoder_run(&media->vision, &media->machine, patches, columns,
                                                  rows, values, NULL, NULL, err)
                             : err_set(err, ERR_MEMORY, "no memory for %zu soft tokens", count);
    ok = ok && gguf_check_unchanged(media->gguf, err);
    if (ok) {
        *soft = values;
        *tokens = count;
    } else {
        mem_free(values);
    }
    mem_free(patches);
    return ok;
}

void media_cancel(struct media *media, bool cancel)
{
    atomic_store(&media->cancel, cancel);
}
