/* mmproj: the file with a model's encoders of pictures and sound.
 *
 * A GGUF file of architecture "clip". What is here is shared by the encoders: keys within a range,
 * and tensors by their whole name with exactly the shape that is asked for. Everything bound is a
 * view into the mapped file and lives as long as it. Errors name the file and the key or tensor.
 */
#ifndef CARAT_LOAD_MMPROJ_H
#define CARAT_LOAD_MMPROJ_H

#include <stdbool.h>
#include <stdint.h>

struct err;
struct gguf;
struct weights_matrix;

/* Opens the file and checks what it is; gguf_close closes it. A folder of safetensors weights, or a
 * file in one, has the encoders beside its text model. NULL on failure. */
struct gguf *mmproj_open(const char *path, struct err *err);

/* ERR_UNSUPPORTED when an open file is of another architecture. */
bool mmproj_check(const struct gguf *gguf, struct err *err);

/* A key that must be there: ERR_LIMIT outside least..most. */
bool mmproj_integer(const struct gguf *gguf, const char *key, int32_t least, int32_t most,
                    int32_t *value, struct err *err);
/* The same with a value for files that have no such key. */
bool mmproj_real(const struct gguf *gguf, const char *key, double least, double most,
                 double otherwise, float *value, struct err *err);

/* Checks that `modality` ("vision", "audio") is there, and is of the kind ("gemma4v") that we run:
 * by its own key, or by the one for all that older files have. */
bool mmproj_check_encoder(const struct gguf *gguf, const char *modality, const char *kind,
                          struct err *err);

bool mmproj_has(const struct gguf *gguf, const char *name);
/* [rows][columns] of any stored type. */
bool mmproj_matrix(const struct gguf *gguf, const char *name, int32_t rows, int32_t columns,
                   struct weights_matrix *matrix, struct err *err);
/* `size` values of type F32, whatever the dimensions are. */
bool mmproj_vector(const struct gguf *gguf, const char *name, uint64_t size, const float **vector,
                   struct err *err);
/* One number of type F32, no NaN; `otherwise` when the file has none. */
bool mmproj_scalar(const struct gguf *gguf, const char *name, float otherwise, float *value,
                   struct err *err);

#endif
