/* gguf_file: what an opened GGUF file is made of, and the reading of it; the inside of gguf.h.
 *
 * For gguf.c and gguf_file.c, and for the two that make a model of several files: gguf_split.c and
 * hf_folder.c. All pointers are views into the bytes but those to the maps, to the arrays of
 * descriptions, and to what was made in memory, all of which gguf_close frees, filled or not.
 */
#ifndef CARAT_LOAD_GGUF_FILE_H
#define CARAT_LOAD_GGUF_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "load/gguf.h"
#include "load/name_index.h"

struct err;
struct file_map;

enum { GGUF_VALUE_TYPES = GGUF_F64 + 1 };

struct gguf_value_type {
    const char *name;
    uint8_t bytes; /* 0: not of a fixed size */
};

/* By GGUF's own number, which is also the enum gguf_type. */
extern const struct gguf_value_type gguf_file_value_types[GGUF_VALUE_TYPES];

/* A key's value. Scalars and strings are an array of one; `type` of an array is its elements'. */
struct gguf_key {
    struct gguf_array value;
    size_t text_length; /* of a scalar string, whose bytes are value.data */
    bool is_array;
};

struct gguf {
    const unsigned char *bytes;
    size_t size;
    size_t metadata_bytes; /* header, keys and tensor descriptions */
    struct file_map *maps; /* the files; none over a caller's bytes */
    size_t map_count;
    unsigned char *made_keys; /* of a model whose keys are in another form: `bytes`, else NULL */
    float *made_values;       /* of tensors that had to be converted */
    size_t made_bytes;        /* of them */
    char *path;
    char shown_path[GGUF_SHOWN];
    struct gguf_key *keys;
    struct name_index key_index;
    struct gguf_tensor *tensors;
    struct name_index tensor_index;
};

/* An empty gguf, for gguf_close. */
struct gguf *gguf_create(const char *path, struct err *err);

/* Adds tensors behind those that are there; a name that is there already is refused. The
 * descriptions are copied, the names included. */
enum { GGUF_TENSORS_MAX = 65536 };
bool gguf_add_tensors(struct gguf *gguf, const struct gguf_tensor *added, size_t count,
                      struct err *err);
/* Room for `count` more maps; the caller fills maps[map_count++]. */
bool gguf_add_maps(struct gguf *gguf, size_t count, struct err *err);

/* Checks all of gguf->bytes and fills the descriptions. On failure some are filled: close it. */
bool gguf_file_read(struct gguf *gguf, struct err *err);

#endif
