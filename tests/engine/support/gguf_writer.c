#include "gguf_writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load/gguf.h"

enum { HEADER_BYTES = 4 + 4 + 8 + 8 };

static void *checked(void *block)
{
    if (block == NULL) {
        fputs("gguf_writer: no memory\n", stderr);
        abort();
    }
    return block;
}

static void append(struct gguf_writer_part *part, const void *bytes, size_t size)
{
    if (part->size + size > part->capacity) {
        part->capacity = 2 * (part->size + size) + 64;
        part->bytes = checked(realloc(part->bytes, part->capacity));
    }
    if (size > 0 && bytes == NULL) {
        memset(part->bytes + part->size, 0, size);
    } else if (size > 0) {
        memcpy(part->bytes + part->size, bytes, size);
    }
    part->size += size;
}

static void append_u32(struct gguf_writer_part *part, uint32_t value)
{
    append(part, &value, sizeof value);
}

static void append_u64(struct gguf_writer_part *part, uint64_t value)
{
    append(part, &value, sizeof value);
}

static void append_string(struct gguf_writer_part *part, const char *bytes, size_t length)
{
    append_u64(part, length);
    append(part, bytes, length);
}

static void pad(struct gguf_writer_part *part, size_t alignment)
{
    append(part, NULL, (alignment - part->size % alignment) % alignment);
}

/* True the first time that a name is seen. */
static bool is_new(struct gguf_writer *writer, const char *name)
{
    for (size_t i = 0; i < writer->known_count; i++) {
        if (strcmp(writer->known[i], name) == 0) {
            return false;
        }
    }
    if (writer->known_count == writer->known_capacity) {
        writer->known_capacity = 2 * writer->known_capacity + 16;
        writer->known =
            checked(realloc(writer->known, writer->known_capacity * sizeof *writer->known));
    }
    writer->known[writer->known_count++] = checked(strdup(name));
    return true;
}

void gguf_writer_init(struct gguf_writer *writer)
{
    memset(writer, 0, sizeof *writer);
    writer->version = 3;
    writer->alignment = 32;
}

void gguf_writer_free(struct gguf_writer *writer)
{
    for (size_t i = 0; i < writer->known_count; i++) {
        free(writer->known[i]);
    }
    free(writer->known);
    free(writer->keys.bytes);
    free(writer->tensors.bytes);
    free(writer->data.bytes);
    free(writer->file.bytes);
}

void gguf_writer_omit(struct gguf_writer *writer, const char *name)
{
    is_new(writer, name);
}

void gguf_writer_key_raw(struct gguf_writer *writer, const char *key, size_t length, uint32_t type,
                         const void *value, size_t size)
{
    append_string(&writer->keys, key, length);
    append_u32(&writer->keys, type);
    append(&writer->keys, value, size);
    writer->key_count++;
}

static void add_key(struct gguf_writer *writer, const char *key, uint32_t type, const void *value,
                    size_t size)
{
    if (is_new(writer, key)) {
        gguf_writer_key_raw(writer, key, strlen(key), type, value, size);
    }
}

void gguf_writer_integer(struct gguf_writer *writer, const char *key, uint32_t type, int64_t value)
{
    static const size_t sizes[] = {1, 1, 2, 2, 4, 4, 0, 1, 0, 0, 8, 8};
    add_key(writer, key, type, &value, sizes[type]); /* little-endian */
}

void gguf_writer_u32(struct gguf_writer *writer, const char *key, uint32_t value)
{
    add_key(writer, key, GGUF_U32, &value, sizeof value);
}

void gguf_writer_f32(struct gguf_writer *writer, const char *key, float value)
{
    add_key(writer, key, GGUF_F32, &value, sizeof value);
}

void gguf_writer_bool(struct gguf_writer *writer, const char *key, bool value)
{
    unsigned char byte = value;
    add_key(writer, key, GGUF_BOOL, &byte, 1);
}

void gguf_writer_string(struct gguf_writer *writer, const char *key, const char *value)
{
    struct gguf_writer_part part = {0};
    append_string(&part, value, strlen(value));
    add_key(writer, key, GGUF_STRING, part.bytes, part.size);
    free(part.bytes);
}

static void add_array(struct gguf_writer *writer, const char *key, uint32_t type, size_t count,
                      const struct gguf_writer_part *elements)
{
    struct gguf_writer_part part = {0};
    append_u32(&part, type);
    append_u64(&part, count);
    append(&part, elements->bytes, elements->size);
    add_key(writer, key, GGUF_ARRAY, part.bytes, part.size);
    free(part.bytes);
}

void gguf_writer_i32s(struct gguf_writer *writer, const char *key, const int32_t *values,
                      size_t count)
{
    struct gguf_writer_part elements = {0};
    append(&elements, values, count * sizeof *values);
    add_array(writer, key, GGUF_I32, count, &elements);
    free(elements.bytes);
}

void gguf_writer_bools(struct gguf_writer *writer, const char *key, const bool *values,
                       size_t count)
{
    struct gguf_writer_part elements = {0};
    append(&elements, values, count);
    add_array(writer, key, GGUF_BOOL, count, &elements);
    free(elements.bytes);
}

void gguf_writer_strings(struct gguf_writer *writer, const char *key, const char *const *values,
                         size_t count)
{
    struct gguf_writer_part elements = {0};
    for (size_t i = 0; i < count; i++) {
        append_string(&elements, values[i], strlen(values[i]));
    }
    add_array(writer, key, GGUF_STRING, count, &elements);
    free(elements.bytes);
}

void gguf_writer_tensor_raw(struct gguf_writer *writer, const char *name, size_t length,
                            uint32_t dimension_count, const uint64_t *ne, uint32_t type,
                            uint64_t offset)
{
    append_string(&writer->tensors, name, length);
    append_u32(&writer->tensors, dimension_count);
    append(&writer->tensors, ne, dimension_count * sizeof *ne);
    append_u32(&writer->tensors, type);
    append_u64(&writer->tensors, offset);
    writer->tensor_count++;
}

void gguf_writer_tensor(struct gguf_writer *writer, const char *name, uint32_t type,
                        uint32_t dimension_count, const uint64_t *ne, const void *values,
                        size_t bytes)
{
    if (is_new(writer, name)) {
        pad(&writer->data, writer->alignment);
        gguf_writer_tensor_raw(writer, name, strlen(name), dimension_count, ne, type,
                               writer->data.size);
        append(&writer->data, values, bytes);
    }
}

void gguf_writer_floats(struct gguf_writer *writer, const char *name, uint64_t columns,
                        uint64_t rows)
{
    uint64_t ne[] = {columns, rows};
    size_t count = (size_t)(columns * (rows == 0 ? 1 : rows));
    float *values = checked(calloc(count, sizeof *values));
    for (size_t i = 0; i < count; i++) {
        values[i] = (float)((i * 37 + strlen(name)) % 19) / 16.0f - 0.5f;
    }
    gguf_writer_tensor(writer, name, QUANT_F32, rows == 0 ? 1 : 2, ne, values,
                       count * sizeof *values);
    free(values);
}

const unsigned char *gguf_writer_finish(struct gguf_writer *writer, size_t *size)
{
    struct gguf_writer_part *file = &writer->file;
    file->size = 0;
    append(file, "GGUF", 4);
    append_u32(file, writer->version);
    append_u64(file, writer->tensor_count);
    append_u64(file, writer->key_count);
    append(file, writer->keys.bytes, writer->keys.size);
    append(file, writer->tensors.bytes, writer->tensors.size);
    if (writer->data.size > 0) {
        pad(file, writer->alignment);
    }
    append(file, writer->data.bytes, writer->data.size);
    *size = file->size;
    return file->bytes;
}

size_t gguf_writer_metadata_bytes(const struct gguf_writer *writer)
{
    return HEADER_BYTES + writer->keys.size + writer->tensors.size;
}
