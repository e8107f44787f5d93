/* gguf_keys: see gguf_keys.h. Numbers are written in the machine's order, which is little-endian as
 * gguf.c asserts. */
#include "load/gguf_keys.h"

#include <string.h>

#include "base/mem.h"
#include "base/vec.h"

enum { COUNT_AT = 4 + 4 + 8 }; /* of the number of keys */

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

unsigned char *gguf_keys_take(struct gguf_keys *keys, size_t *size)
{
    if (keys->failed) {
        return NULL;
    }
    memcpy(keys->bytes + COUNT_AT, &keys->count, sizeof keys->count);
    unsigned char *bytes = keys->bytes;
    *size = keys->size;
    *keys = (struct gguf_keys){0};
    return bytes;
}
