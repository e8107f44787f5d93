/* engine_media.h: pictures and sounds in, soft tokens out; and prompts that hold some.
 *
 * The encoders that go with a model come from an mmproj file. A soft token is a vector of the width
 * of the model's hidden state that stands where a placeholder token stands in a prompt. The
 * encoders need no model and know nothing of prompts. Sessions take soft tokens with the whole
 * prompt, as everything else: what is reused is decided by ids and, at placeholders, by content.
 *
 * Errors and memory as in engine.h: false (or NULL) and a filled `error`, outputs untouched;
 * results are released with engine_free.
 */
#ifndef CARAT_ENGINE_MEDIA_H
#define CARAT_ENGINE_MEDIA_H

#include "engine/engine.h"

#ifdef __cplusplus
extern "C" {
#endif

struct engine_media;

/* The soft tokens of one picture, video frame or sound. */
struct engine_soft {
    size_t position; /* of the first one: the caller's to say, an index into the ids of a call */
    size_t count;
    float *values; /* [count][hidden_size]; whoever made them owns them */
    uint64_t hash; /* of the content: equal hashes and counts are taken for equal values */
    bool picture;  /* a picture or frame; else a sound */
};

/* threads, cpu and exact as in engine_model_options. */
struct engine_media_options {
    const char *path;
    int threads;
    const char *cpu;
    bool exact;
};

/* Maps and checks the file: a GGUF file of encoders (mmproj), or a folder of safetensors weights
 * that has them beside its text model. NULL on failure. Needs no model; one thread at a time, but
 * for engine_media_cancel. */
struct engine_media *engine_media_open(const struct engine_media_options *options,
                                       struct engine_error *error);
void engine_media_close(struct engine_media *media);

/* Whether the model of that path brings encoders of its own, so that the path can be opened here as
 * well: a folder of safetensors (or a file in one) whose config.json tells of some. Opening says
 * whether they can be run. */
bool engine_media_inside(const char *model);

/* Values of a soft token; fits a model whose hidden_size is the same. */
int32_t engine_media_width(const struct engine_media *media);
/* A file may have encoders of one kind only. */
bool engine_media_sees(const struct engine_media *media);
bool engine_media_hears(const struct engine_media *media);

/* How many soft tokens engine_media_image makes: a picture of width x height pixels and a budget of
 * 70, 140, 280, 560 or 1120; 0 takes the picture as it is, both sides multiples of 48. */
bool engine_media_image_tokens(size_t width, size_t height, int32_t budget, size_t *count,
                               struct engine_error *error);

/* 8-bit RGB, row-major [height][width][3], scaled to fill `budget` soft tokens -> *soft, all but
 * its position; engine_free(soft->values). The last pictures and sounds are remembered: what comes
 * again with the same budget costs nothing. ENGINE_UNSUPPORTED when the file has no encoder of
 * pictures.
 */
bool engine_media_image(struct engine_media *media, const uint8_t *rgb, size_t width, size_t height,
                        int32_t budget, struct engine_soft *soft, struct engine_error *error);

/* Mono samples of 16000 a second, -1..1; what lies behind 30 s is left out. -> *soft, all but its
 * position; engine_free(soft->values), also when its count is 0: less than 161 samples give none.
 * ENGINE_UNSUPPORTED when the file has no encoder of sounds. */
bool engine_media_sound(struct engine_media *media, const float *samples, size_t count,
                        struct engine_soft *soft, struct engine_error *error);

/* What open encoders take, in bytes: their file, which is read whole for a picture and a sound; own
 * memory while one is encoded, at most; and the soft tokens that are remembered, at most. */
struct engine_media_plan {
    uint64_t mapped, work, kept;
};
void engine_media_plan(const struct engine_media *media, struct engine_media_plan *plan);

/* Is called between the layers of an encoder, by the thread that encodes; NULL ends it. */
void engine_media_on_progress(struct engine_media *media,
                              void (*progress)(void *context, size_t done, size_t total),
                              void *context);

/* true: a running engine_media_image or _sound stops soon, and later ones at once, with
 * ENGINE_CANCELLED; false takes it back. Any thread. */
void engine_media_cancel(struct engine_media *media, bool cancel);

/* engine_session_sync and engine_session_evaluate of ids that hold placeholders: the tokens
 * soft[i].position .. + soft[i].count - 1 of ids are soft[i].values instead of their embeddings.
 * Ascending and apart from each other; borrowed for the call. In models made so the tokens of a
 * picture see each other forwards too; such a picture has at most 1120 tokens and is computed in
 * one call. A later call that has to compute soft tokens again must be given them again. */
bool engine_session_sync_soft(struct engine_session *session, const int32_t *ids, size_t count,
                              const struct engine_soft *soft, size_t soft_count, size_t *reused,
                              struct engine_error *error);
bool engine_session_evaluate_soft(struct engine_session *session, const int32_t *ids, size_t count,
                                  const struct engine_soft *soft, size_t soft_count, float *logits,
                                  struct engine_error *error);

#ifdef __cplusplus
}
#endif

#endif
