/* safetensors: reads the reference results of the engine's tests.
 *
 * A test's tool, not the product's reader: it checks what keeps a broken fixture from being
 * misread (header length, offsets, size against shape) and says the rest on stderr. The whole file
 * is held in memory; views live until safetensors_close.
 */
#ifndef CARAT_TESTS_SAFETENSORS_H
#define CARAT_TESTS_SAFETENSORS_H

#include <stdbool.h>
#include <stddef.h>

struct safetensors;

struct safetensors_view {
    const char *dtype; /* "F32", "I32", "U8", ... as in the file */
    size_t rank;       /* 0..4 */
    size_t shape[4];   /* unused ones are 1 */
    const void *data;  /* little-endian, aligned to 4 bytes when the offsets are */
    size_t bytes;
};

/* NULL, with the reason on stderr, when the file cannot be read. */
struct safetensors *safetensors_open(const char *path);
void safetensors_close(struct safetensors *file);

/* False, silently, when there is no such tensor; *view is untouched then. */
bool safetensors_get(struct safetensors *file, const char *name, struct safetensors_view *view);

/* An entry of the file's __metadata__, or NULL. */
const char *safetensors_metadata(struct safetensors *file, const char *key);

#endif
