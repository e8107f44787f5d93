/* engine_media.h: pictures and sounds in, soft tokens out.
 *
 * The encoders that go with a model come from an mmproj file. A soft token is a vector of the width
 * of the model's hidden state that stands where a placeholder token stands in a prompt. The
 * encoders need no model and know nothing of prompts.
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

/* Maps and checks the file. threads and cpu as in engine_model_options. NULL on failure. Needs no
 * model; one thread at a time, but for engine_media_cancel. */
struct engine_media *engine_media_open(const char *path, int threads, const char *cpu,
                                       struct engine_error *error);
void engine_media_close(struct engine_media *media);

/* Values of a soft token; fits a model whose hidden_size is the same. */
int32_t engine_media_width(const struct engine_media *media);

/* 8-bit RGB, row-major [height][width][3], scaled to fill `budget` (70, 140, 280, 560 or 1120)
 * soft tokens -> (*soft)[*tokens][engine_media_width], row by row; engine_free. */
bool engine_media_image(struct engine_media *media, const uint8_t *rgb, size_t width, size_t height,
                        int32_t budget, float **soft, size_t *tokens, struct engine_error *error);

/* true: a running engine_media_image stops soon, and later ones at once, with ENGINE_CANCELLED;
 * false takes it back. Any thread. */
void engine_media_cancel(struct engine_media *media, bool cancel);

#ifdef __cplusplus
}
#endif

#endif
