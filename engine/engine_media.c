/* engine_media: the border of pictures and sounds. As in engine.c arguments are checked here and
 * errors translated; what is behind works with checked values only. */
#include "engine/engine_media.h"

#include "base/err.h"
#include "engine_private.h"
#include "load/hf_folder.h"
#include "load/model_file.h"
#include "media.h"
#include "session.h"

/* An engine_media is a media behind another name: there is nothing to add to it. */
static struct media *inner(const struct engine_media *media)
{
    return (struct media *)(uintptr_t)media;
}

/* What is too large here is the caller's picture, not a file. */
static bool fail_for_caller(struct engine_error *error, const struct err *err)
{
    engine_fail(error, err);
    if (error != NULL && err->code == ERR_LIMIT) {
        error->code = ENGINE_BAD_ARGUMENT;
    }
    return false;
}

/* --- encoders --- */

struct engine_media *engine_media_open(const struct engine_media_options *options,
                                       struct engine_error *error)
{
    if (options == NULL || options->path == NULL) {
        engine_refuse(error, "encoders need a path");
        return NULL;
    }
    struct err err;
    struct media *media = media_open(options, &err);
    if (media == NULL) {
        engine_fail(error, &err);
    }
    return (struct engine_media *)media;
}

bool engine_media_inside(const char *model)
{
    bool folder;
    return model_file_is_hf(model, &folder) && hf_folder_has_towers(model, folder);
}

void engine_media_close(struct engine_media *media)
{
    media_close(inner(media));
}

int32_t engine_media_width(const struct engine_media *media)
{
    return media_width(inner(media));
}

bool engine_media_sees(const struct engine_media *media)
{
    return media_sees(inner(media));
}

bool engine_media_hears(const struct engine_media *media)
{
    return media_hears(inner(media));
}

bool engine_media_image_tokens(size_t width, size_t height, int32_t budget, size_t *count,
                               struct engine_error *error)
{
    struct err err;
    return media_image_tokens(width, height, budget, count, &err) || fail_for_caller(error, &err);
}

bool engine_media_image(struct engine_media *media, const uint8_t *rgb, size_t width, size_t height,
                        int32_t budget, struct engine_soft *soft, struct engine_error *error)
{
    struct err err;
    if (rgb == NULL || soft == NULL) {
        return engine_refuse(error, "a picture needs pixels, and a place for its soft tokens");
    }
    return media_image(inner(media), rgb, width, height, budget, soft, &err) ||
           fail_for_caller(error, &err);
}

bool engine_media_sound(struct engine_media *media, const float *samples, size_t count,
                        struct engine_soft *soft, struct engine_error *error)
{
    struct err err;
    if ((samples == NULL && count > 0) || soft == NULL) {
        return engine_refuse(error, "a sound needs samples, and a place for its soft tokens");
    }
    return media_sound(inner(media), samples, count, soft, &err) || fail_for_caller(error, &err);
}

void engine_media_cancel(struct engine_media *media, bool cancel)
{
    media_cancel(inner(media), cancel);
}

void engine_media_plan(const struct engine_media *media, struct engine_media_plan *plan)
{
    media_plan(inner(media), plan);
}

void engine_media_on_progress(struct engine_media *media,
                              void (*progress)(void *context, size_t done, size_t total),
                              void *context)
{
    media_on_progress(inner(media), progress, context);
}

/* --- prompts --- */

static bool check_soft(const struct engine_soft *soft, size_t soft_count, size_t count,
                       struct engine_error *error)
{
    size_t end = 0;
    if (soft == NULL && soft_count > 0) {
        return engine_refuse(error, "soft is NULL, with a count of %zu", soft_count);
    }
    for (size_t i = 0; i < soft_count; i++) {
        if (soft[i].values == NULL || soft[i].count == 0) {
            return engine_refuse(error, "soft tokens %zu have no values", i);
        }
        if (soft[i].position < end || soft[i].position > count ||
            soft[i].count > count - soft[i].position) {
            return engine_refuse(error,
                                 "soft tokens %zu at position %zu, %zu of them, are not inside %zu "
                                 "ids and behind those before",
                                 i, soft[i].position, soft[i].count, count);
        }
        end = soft[i].position + soft[i].count;
    }
    return true;
}

bool engine_session_sync_soft(struct engine_session *session, const int32_t *ids, size_t count,
                              const struct engine_soft *soft, size_t soft_count, size_t *reused,
                              struct engine_error *error)
{
    struct err err;
    return engine_check_ids(session, ids, count, error) &&
           check_soft(soft, soft_count, count, error) &&
           (session_sync(session->session, ids, count, soft, soft_count, reused, &err) ||
            fail_for_caller(error, &err));
}

bool engine_session_evaluate_soft(struct engine_session *session, const int32_t *ids, size_t count,
                                  const struct engine_soft *soft, size_t soft_count, float *logits,
                                  struct engine_error *error)
{
    struct err err;
    return engine_check_ids(session, ids, count, error) &&
           check_soft(soft, soft_count, count, error) &&
           (session_append(session->session, ids, count, soft, soft_count, logits, &err) ||
            fail_for_caller(error, &err));
}
