/* gguf_file: what an opened GGUF file is made of, and the reading of it; the inside of gguf.h.
 *
 * Only gguf.c and gguf_file.c include this. All pointers are views into the bytes but those to the
 * arrays of descriptions, which gguf_close frees, filled or not.
 */
#ifndef CARAT_LOAD_GGUF_FILE_H
#define CARAT_LOAD_GGUF_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "load/gguf.h"
#include "load/name_index.h"

struct err;

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
    bool mapped;
    char *path;
    char shown_path[GGUF_SHOWN];
    struct gguf_key *keys;
    struct name_index key_index;
    struct gguf_tensor *tensors;
    struct name_index tensor_index;
};

/* Checks all of gguf->bytes and fills the descriptions. On failure some are filled: close it. */
bool gguf_file_read(struct gguf *gguf, struct err *err);

#endif
