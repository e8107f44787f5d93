/* media: see media.h. The threads are its own: a picture may be encoded while a session waits, and
 * idle threads cost nothing. */
#include "media.h"

#include <inttypes.h>
#include <stdatomic.h>

#include "audio/audio_encoder.h"
#include "audio/log_mel.h"
#include "base/err.h"
#include "base/mem.h"
#include "checksum.h"
#include "compute/tensor.h"
#include "compute/workers.h"
#include "engine/engine_media.h"
#include "load/gguf.h"
#include "load/mmproj.h"
#include "media_cache.h"
#include "vision/patches.h"
#include "vision/resize.h"
#include "vision/vision_encoder.h"
#include "vision/vision_weights.h"

struct media {
    struct gguf *gguf;
    struct vision_weights vision;
    bool sees;
    struct audio_encoder *audio; /* NULL: the file has none */
    struct tensor_machine machine;
    struct media_cache cache;
    int32_t width;
    size_t columns; /* of the widest matrix */
    atomic_bool cancel;
};

/* --- opening --- */

static bool has(const struct gguf *gguf, const char *key)
{
    bool present = false;
    return gguf_has(gguf, key) && gguf_bool(gguf, key, &present, NULL) && present;
}

/* Both encoders make tokens for the same text model. */
static bool check_width(struct media *media, struct err *err)
{
    int32_t hears = media->audio != NULL ? audio_encoder_width(media->audio) : 0;
    int32_t sees = media->sees ? media->vision.text_hidden_size : hears;
    if (media->audio != NULL && hears != sees) {
        return err_set(err, ERR_FORMAT,
                       "%s: soft tokens of pictures have %" PRId32 " values, of sounds %" PRId32,
                       gguf_shown_path(media->gguf), sees, hears);
    }
    media->width = sees;
    return true;
}

static bool open_parts(struct media *media, const struct engine_media_options *options,
                       struct err *err)
{
    media->gguf = mmproj_open(options->path, err);
    if (media->gguf == NULL) {
        return false;
    }
    bool hears = has(media->gguf, "clip.has_audio_encoder");
    media->sees = has(media->gguf, "clip.has_vision_encoder");
    if (!media->sees && !hears) {
        return err_set(err, ERR_UNSUPPORTED, "%s has an encoder neither of pictures nor of sounds",
                       gguf_shown_path(media->gguf));
    }
    size_t columns = 0, widest = 0;
    if ((media->sees && !vision_weights_bind(&media->vision, media->gguf, err)) ||
        (hears && !audio_encoder_columns(media->gguf, &columns, err))) {
        return false;
    }
    widest = media->sees ? vision_encoder_widest(&media->vision) : 0;
    widest = widest > columns ? widest : columns;
    if (!tensor_machine_init(&media->machine, options->cpu, options->threads, widest, err)) {
        return false;
    }
    media->machine.exact = options->exact;
    media->columns = widest;
    if (hears) {
        media->audio = audio_encoder_create(media->gguf, &media->machine, err);
    }
    media->machine.cancel = &media->cancel;
    return (!hears || media->audio != NULL) && check_width(media, err);
}

struct media *media_open(const struct engine_media_options *options, struct err *err)
{
    struct media *media = mem_try_zero(1, sizeof *media);
    if (media == NULL) {
        err_set(err, ERR_MEMORY, "no memory for the encoders of %s", options->path);
        return NULL;
    }
    bool ok = open_parts(media, options, err);
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
        audio_encoder_destroy(media->audio);
        tensor_machine_finish(&media->machine);
        vision_weights_finish(&media->vision);
        media_cache_finish(&media->cache);
        gguf_close(media->gguf);
        mem_free(media);
    }
}

int32_t media_width(const struct media *media)
{
    return media->width;
}

bool media_sees(const struct media *media)
{
    return media->sees;
}

bool media_hears(const struct media *media)
{
    return media->audio != NULL;
}

/* The largest picture is one of the largest budget; how its patches lie makes no difference worth
 * counting. Before it is encoded there are the scaled picture and its patches. */
static uint64_t plan_picture(struct media *media)
{
    enum { TOKENS = 1120, PIXELS = TOKENS * RESIZE_TOKEN_SIDE * RESIZE_TOKEN_SIDE };
    const size_t side = VISION_WEIGHTS_POOL;
    uint64_t patches = (uint64_t)PIXELS * PATCHES_CHANNELS;
    return (uint64_t)media->vision.hidden_size * PATCHES_VALUES * sizeof(float) +
           patches * (sizeof(uint8_t) + sizeof(float)) +
           vision_encoder_plan(&media->vision, &media->machine, side * TOKENS, side) +
           (uint64_t)TOKENS * (uint64_t)media->width * sizeof(float);
}

static uint64_t plan_sound(struct media *media)
{
    size_t frames = log_mel_frames(LOG_MEL_SAMPLES_MAX);
    return audio_encoder_plan(media->audio, frames) + frames * LOG_MEL_BANDS * sizeof(float) +
           sizeof(struct log_mel) +
           audio_encoder_tokens(frames) * (size_t)media->width * sizeof(float);
}

void media_plan(struct media *media, struct engine_media_plan *plan)
{
    const uint64_t token = (uint64_t)media->width * sizeof(float);
    uint64_t picture = media->sees ? plan_picture(media) : 0;
    uint64_t sound = media->audio != NULL ? plan_sound(media) : 0;
    *plan = (struct engine_media_plan){
        .mapped = gguf_file_bytes(media->gguf),
        .work = sizeof *media + gguf_own_bytes(media->gguf) +
                tensor_machine_plan(workers_count(media->machine.workers), media->columns) +
                (picture > sound ? picture : sound),
        .kept = MEDIA_CACHE_ENTRIES * (media->sees ? 1120u : 750u) * token,
    };
}

void media_cancel(struct media *media, bool cancel)
{
    atomic_store(&media->cancel, cancel);
}

void media_on_progress(struct media *media,
                       void (*progress)(void *context, size_t done, size_t total), void *context)
{
    media->machine.progress = (struct tensor_progress){progress, context};
}

/* --- pictures --- */

bool media_image_tokens(size_t width, size_t height, int32_t budget, size_t *count, struct err *err)
{
    size_t to_width, to_height;
    if (!resize_target(width, height, budget, &to_width, &to_height, err)) {
        return false;
    }
    *count = to_width / RESIZE_TOKEN_SIDE * (to_height / RESIZE_TOKEN_SIDE);
    return true;
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

static uint64_t hash_of(const void *bytes, size_t size, const uint64_t facts[3])
{
    struct checksum sum;
    checksum_init(&sum);
    checksum_feed(&sum, facts, 3 * sizeof facts[0]);
    checksum_feed(&sum, bytes, size);
    return checksum_value(&sum);
}

static bool encode_image(struct media *media, const uint8_t *rgb, size_t width, size_t height,
                         int32_t budget, struct engine_soft *soft, struct err *err)
{
    float *patches;
    size_t columns, rows;
    if (!media_patches(rgb, width, height, budget, &patches, &columns, &rows, err)) {
        return false;
    }
    size_t count = columns * rows / (VISION_WEIGHTS_POOL * VISION_WEIGHTS_POOL);
    float *values = mem_try_alloc(count * (size_t)media->width, sizeof *values);
    bool ok = values != NULL ? vision_encoder_run(&media->vision, &media->machine, patches, columns,
                                                  rows, values, NULL, NULL, err)
                             : err_set(err, ERR_MEMORY, "no memory for %zu soft tokens", count);
    ok = ok && gguf_check_unchanged(media->gguf, err);
    if (ok) {
        soft->values = values;
        soft->count = count;
    } else {
        mem_free(values);
    }
    mem_free(patches);
    return ok;
}

bool media_image(struct media *media, const uint8_t *rgb, size_t width, size_t height,
                 int32_t budget, struct engine_soft *soft, struct err *err)
{
    size_t count;
    if (!media->sees) {
        return err_set(err, ERR_UNSUPPORTED, "%s has no encoder of pictures",
                       gguf_shown_path(media->gguf));
    }
    if (!media_image_tokens(width, height, budget, &count, err)) { /* checks the sizes */
        return false;
    }
    const uint64_t facts[3] = {width, height, (uint64_t)budget};
    struct engine_soft made = {
        .hash = hash_of(rgb, width * height * PATCHES_CHANNELS, facts),
        .picture = true,
    };
    if (!media_cache_find(&media->cache, made.hash, (size_t)media->width, &made)) {
        if (!encode_image(media, rgb, width, height, budget, &made, err)) {
            return false;
        }
        media_cache_keep(&media->cache, &made, (size_t)media->width);
    }
    *soft = made;
    return true;
}

/* --- sounds --- */

bool media_mel(const float *samples, size_t count, float **mel, size_t *frames, struct err *err)
{
    size_t made = log_mel_frames(count);
    float *values = mem_try_alloc(made * LOG_MEL_BANDS + 1, sizeof *values); /* never nothing */
    struct log_mel *log_mel = mem_try_alloc(1, sizeof *log_mel);
    bool ok = values != NULL && log_mel != NULL;
    if (ok) {
        log_mel_init(log_mel);
        log_mel_compute(log_mel, samples, count, values);
        *mel = values;
        *frames = made;
    } else {
        err_set(err, ERR_MEMORY, "no memory for %zu frames of sound", made);
        mem_free(values);
    }
    mem_free(log_mel);
    return ok;
}

static bool encode_sound(struct media *media, const float *samples, size_t count,
                         struct engine_soft *soft, struct err *err)
{
    float *mel;
    size_t frames;
    if (!media_mel(samples, count, &mel, &frames, err)) {
        return false;
    }
    size_t tokens = audio_encoder_tokens(frames);
    float *values = mem_try_alloc(tokens * (size_t)media->width + 1, sizeof *values);
    bool ok = values != NULL
                  ? tokens == 0 || audio_encoder_run(media->audio, mel, frames, values, err)
                  : err_set(err, ERR_MEMORY, "no memory for %zu soft tokens", tokens);
    ok = ok && gguf_check_unchanged(media->gguf, err);
    if (ok) {
        soft->values = values;
        soft->count = tokens;
    } else {
        mem_free(values);
    }
    mem_free(mel);
    return ok;
}

bool media_sound(struct media *media, const float *samples, size_t count, struct engine_soft *soft,
                 struct err *err)
{
    if (media->audio == NULL) {
        return err_set(err, ERR_UNSUPPORTED, "%s has no encoder of sounds",
                       gguf_shown_path(media->gguf));
    }
    const uint64_t facts[3] = {count, 0, 0}; /* no picture has a height of 0 */
    struct engine_soft made = {.hash = hash_of(samples, count * sizeof *samples, facts)};
    if (!media_cache_find(&media->cache, made.hash, (size_t)media->width, &made)) {
        if (!encode_sound(media, samples, count, &made, err)) {
            return false;
        }
        media_cache_keep(&media->cache, &made, (size_t)media->width);
    }
    *soft = made;
    return true;
}
