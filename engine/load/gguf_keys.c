/* gguf_keys: see gguf_keys.h. Numbers are written in the machine's order, which is little-endian as
 * gguf.c asserts. */
#include "load/gguf_keys.h"

#include <string.h>

#include "base/mem.h"
#include "base/vec.h"

#include "load/gguf_file.h"

enum { TENSOR_COUNT_AT = 4 + 4, COUNT_AT = TENSOR_COUNT_AT + 8 }; /* COUNT_AT: of the keys */

static void append(struct gguf_keys *keys, const void *bytes, size_t size)
{
    if (keys->failed || !vec_try_room(&keys->bytes, &keys->capacity, keys->size + size + 1, 1)) {
        keys->failed = true;
        return;
    }
    if (size > 0) {
        memcpy(keys->bytes + keys->size, bytes, size);
        keys->size += size;
    }
}

static void append_u32(struct gguf_keys *keys, uint32_t value)
{
    append(keys, &value, sizeof value);
}

static void append_u64(struct gguf_keys *keys, uint64_t value)
{
    append(keys, &value, sizeof value);
}

static void append_key(struct gguf_keys *keys, const char *key, enum gguf_type type)
{
    const char *before = key[0] == '.' ? keys->architecture : "";
    append_u64(keys, strlen(before) + strlen(key));
    append(keys, before, strlen(before));
    append(keys, key, strlen(key));
    append_u32(keys, (uint32_t)type);
    keys->count++;
}

void gguf_keys_init(struct gguf_keys *keys)
{
    *keys = (struct gguf_keys){0};
    append(keys, "GGUF", 4);
    append_u32(keys, 3);
    append_u64(keys, 0); /* tensors */
    append_u64(keys, 0); /* keys: known at the end */
}

void gguf_keys_finish(struct gguf_keys *keys)
{
    mem_free(keys->bytes);
    keys->bytes = NULL;
}

void gguf_keys_architecture(struct gguf_keys *keys, const char *architecture)
{
    keys->architecture = architecture;
    gguf_keys_string(keys, "general.architecture", architecture, strlen(architecture));
}

void gguf_keys_u32(struct gguf_keys *keys, const char *key, uint32_t value)
{
    append_key(keys, key, GGUF_U32);
    append_u32(keys, value);
}

void gguf_keys_i32(struct gguf_keys *keys, const char *key, int32_t value)
{
    append_key(keys, key, GGUF_I32);
    append(keys, &value, sizeof value);
}

void gguf_keys_f32(struct gguf_keys *keys, const char *key, float value)
{
    append_key(keys, key, GGUF_F32);
    append(keys, &value, sizeof value);
}

void gguf_keys_string(struct gguf_keys *keys, const char *key, const char *bytes, size_t length)
{
    append_key(keys, key, GGUF_STRING);
    append_u64(keys, length);
    append(keys, bytes, length);
}

void gguf_keys_bool(struct gguf_keys *keys, const char *key, bool value)
{
    append_key(keys, key, GGUF_BOOL);
    append(keys, &(unsigned char){value}, 1);
}

void gguf_keys_copy(struct gguf_keys *keys, const char *name, size_t name_length,
                    const struct gguf_key *key)
{
    const struct gguf_array *value = &key->value;
    bool is_text = !key->is_array && value->type == GGUF_STRING;
    append_u64(keys, name_length);
    append(keys, name, name_length);
    append_u32(keys, (uint32_t)(key->is_array ? GGUF_ARRAY : value->type));
    if (key->is_array) {
        append_u32(keys, (uint32_t)value->type);
        append_u64(keys, value->count);
    } else if (is_text) {
        append_u64(keys, key->text_length);
    }
    append(keys, value->data, is_text ? key->text_length : (size_t)value->bytes);
    keys->count++;
}

void gguf_keys_array_begin(struct gguf_keys *keys, const char *key, enum gguf_type type)
{
    append_key(keys, key, GGUF_ARRAY);
    append_u32(keys, (uint32_t)type);
    keys->array_at = keys->size;
    keys->array_count = 0;
    append_u64(keys, 0);
}

void gguf_keys_element_i32(struct gguf_keys *keys, int32_t value)
{
    append(keys, &value, sizeof value);
    keys->array_count++;
}

void gguf_keys_element_f32(struct gguf_keys *keys, float value)
{
    append(keys, &value, sizeof value);
    keys->array_count++;
}

void gguf_keys_element_bool(struct gguf_keys *keys, bool value)
{
    append(keys, &(unsigned char){value}, 1);
    keys->array_count++;
}

void gguf_keys_element_string(struct gguf_keys *keys, const char *first, size_t first_length,
                              const char *second, size_t second_length)
{
    append_u64(keys, first_length + second_length);
    append(keys, first, first_length);
    append(keys, second, second_length);
    keys->array_count++;
}

void gguf_keys_array_end(struct gguf_keys *keys)
{
    if (!keys->failed) {
        memcpy(keys->bytes + keys->array_at, &keys->array_count, sizeof keys->array_count);
    }
}

void gguf_keys_tensor(struct gguf_keys *keys, const struct gguf_tensor *tensor, uint64_t offset)
{
    append_u64(keys, strlen(tensor->name));
    append(keys, tensor->name, strlen(tensor->name));
    append_u32(keys, tensor->dimension_count);
    for (uint32_t i = 0; i < tensor->dimension_count; i++) {
        append_u64(keys, tensor->ne[i]);
    }
    append_u32(keys, (uint32_t)tensor->type);
    append_u64(keys, offset);
    keys->tensor_count++;
}

void gguf_keys_pad(struct gguf_keys *keys, size_t alignment)
{
    while (!keys->failed && keys->size % alignment != 0) {
        append(keys, "", 1);
    }
}

unsigned char *gguf_keys_take(struct gguf_keys *keys, size_t *size)
{
    if (keys->failed) {
        return NULL;
    }
    memcpy(keys->bytes + TENSOR_COUNT_AT, &keys->tensor_count, sizeof keys->tensor_count);
    memcpy(keys->bytes + COUNT_AT, &keys->count, sizeof keys->count);
    unsigned char *bytes = keys->bytes;
    *size = keys->size;
    *keys = (struct gguf_keys){0};
    return bytes;
}
