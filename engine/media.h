/* media: the encoders that go with a model, ready to run: an mmproj file, its weights and the
 * threads that compute. Owned by one thread at a time, but for media_cancel.
 */
#ifndef CARAT_MEDIA_H
#define CARAT_MEDIA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct media;

/* Opens and checks the file. kernels NULL = best, threads 0 = one for each core. NULL on failure.
 */
struct media *media_open(const char *path, const char *kernels, int threads, struct err *err);
void media_close(struct media *media);

/* Values of a soft token: the hidden size of the text model that the file was made for. */
int32_t media_width(const struct media *media);

/* A picture rgb[height][width][3] to (*soft)[*tokens][width], the caller's (mem_free). */
bool media_image(struct media *media, const uint8_t *rgb, size_t width, size_t height,
                 int32_t budget, float **soft, size_t *tokens, struct err *err);

/* The first half of it: (*patches)[*rows * *columns][768], values 0..1, the caller's (mem_free). */
bool media_patches(const uint8_t *rgb, size_t width, size_t height, int32_t budget, float **patches,
                   size_t *columns, size_t *rows, struct err *err);

/* A running media_image stops at the next piece of work, and later ones at once until the request
 * is taken back. Any thread. */
void media_cancel(struct media *media, bool cancel);

#endif
