/* media: the encoders that go with a model, ready to run: an mmproj file, its weights, the threads
 * that compute, and the soft tokens of what came last. Owned by one thread at a time, but for
 * media_cancel.
 */
#ifndef CARAT_MEDIA_H
#define CARAT_MEDIA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct engine_media_options;
struct engine_media_plan;
struct engine_soft;
struct err;
struct media;

/* Opens and checks the file. NULL on failure. */
struct media *media_open(const struct engine_media_options *options, struct err *err);
void media_close(struct media *media);

/* Values of a soft token: the hidden size of the text model that the file was made for. */
int32_t media_width(const struct media *media);
/* Which encoders the file has: at least one. */
bool media_sees(const struct media *media);
bool media_hears(const struct media *media);

/* How many soft tokens media_image makes. */
bool media_image_tokens(size_t width, size_t height, int32_t budget, size_t *count,
                        struct err *err);

/* A picture rgb[height][width][3], or mono samples of 16000 a second, to *soft, all but its
 * position. soft->values are the caller's (mem_free), also when the count is 0. ERR_UNSUPPORTED
 * when the file has no such encoder. */
bool media_image(struct media *media, const uint8_t *rgb, size_t width, size_t height,
                 int32_t budget, struct engine_soft *soft, struct err *err);
bool media_sound(struct media *media, const float *samples, size_t count, struct engine_soft *soft,
                 struct err *err);

/* The first halves of both: (*patches)[*rows * *columns][768], values 0..1, and
 * (*mel)[*frames][128]; the caller's (mem_free). */
bool media_patches(const uint8_t *rgb, size_t width, size_t height, int32_t budget, float **patches,
                   size_t *columns, size_t *rows, struct err *err);
bool media_mel(const float *samples, size_t count, float **mel, size_t *frames, struct err *err);

/* See engine_media_plan. */
void media_plan(struct media *media, struct engine_media_plan *plan);

/* Is called between the layers of an encoder; NULL ends it. */
void media_on_progress(struct media *media,
                       void (*progress)(void *context, size_t done, size_t total), void *context);

/* A running media_image or media_sound stops at the next piece of work, and later ones at once
 * until the request is taken back. Any thread. */
void media_cancel(struct media *media, bool cancel);

#endif
