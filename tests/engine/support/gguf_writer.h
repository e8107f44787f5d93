/* gguf_writer: makes GGUF files in memory, sound ones and broken ones.
 *
 * Of two keys or tensors with one name the first is kept, so that a test writes what it wants
 * different and then the rest of a sound model over it; gguf_writer_omit keeps a name out. The
 * *_raw calls check nothing and keep everything. No memory ends the test program.
 */
#ifndef CARAT_TESTS_GGUF_WRITER_H
#define CARAT_TESTS_GGUF_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gguf_writer_part {
    unsigned char *bytes;
    size_t size, capacity;
};

struct gguf_writer {
    uint32_t version; /* 3 */
    uint32_t alignment;
    uint64_t key_count, tensor_count;
    struct gguf_writer_part keys, tensors, data;
    char **known; /* names */
    size_t known_count, known_capacity;
    struct gguf_writer_part file; /* made by gguf_writer_finish */
};

void gguf_writer_init(struct gguf_writer *writer);
void gguf_writer_free(struct gguf_writer *writer);

void gguf_writer_omit(struct gguf_writer *writer, const char *name);
void gguf_writer_integer(struct gguf_writer *writer, const char *key, uint32_t type, int64_t value);
void gguf_writer_u32(struct gguf_writer *writer, const char *key, uint32_t value);
void gguf_writer_f32(struct gguf_writer *writer, const char *key, float value);
void gguf_writer_bool(struct gguf_writer *writer, const char *key, bool value);
void gguf_writer_string(struct gguf_writer *writer, const char *key, const char *value);
void gguf_writer_i32s(struct gguf_writer *writer, const char *key, const int32_t *values,
                      size_t count);
void gguf_writer_bools(struct gguf_writer *writer, const char *key, const bool *values,
                       size_t count);
void gguf_writer_strings(struct gguf_writer *writer, const char *key, const char *const *values,
                         size_t count);
/* Any name, type and value bytes. */
void gguf_writer_key_raw(struct gguf_writer *writer, const char *key, size_t length, uint32_t type,
                         const void *value, size_t size);

/* values: `bytes` of them, or NULL for zeros. */
void gguf_writer_tensor(struct gguf_writer *writer, const char *name, uint32_t type,
                        uint32_t dimension_count, const uint64_t *ne, const void *values,
                        size_t bytes);
/* F32 of these dimensions (0 ends them), filled with small numbers. */
void gguf_writer_floats(struct gguf_writer *writer, const char *name, uint64_t columns,
                        uint64_t rows);
/* A description alone; no data is added. */
void gguf_writer_tensor_raw(struct gguf_writer *writer, const char *name, size_t length,
                            uint32_t dimension_count, const uint64_t *ne, uint32_t type,
                            uint64_t offset);

/* The whole file, without padding at its end; a view until the next call or free. */
const unsigned char *gguf_writer_finish(struct gguf_writer *writer, size_t *size);
/* How many bytes of it come before the padding of the data. */
size_t gguf_writer_metadata_bytes(const struct gguf_writer *writer);

#endif
