/* gguf_keys: makes the head of a GGUF file: the keys of a model whose metadata has another form, as
 * the bytes of a file without tensors, or all that comes before the data of a file to be written.
 * What reads them makes no difference, and checks them as it checks a file's.
 *
 * Calls after one that found no memory do nothing; gguf_keys_take tells. Keys are ours.
 */
#ifndef CARAT_LOAD_GGUF_KEYS_H
#define CARAT_LOAD_GGUF_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "load/gguf.h"

struct gguf_key;

struct gguf_keys {
    unsigned char *bytes;
    size_t size, capacity;
    uint64_t count, tensor_count;
    size_t array_at; /* where the count of the array that is being written lies */
    uint64_t array_count;
    bool failed;
    const char *architecture; /* put before keys that begin with a dot */
};

void gguf_keys_init(struct gguf_keys *keys);
void gguf_keys_finish(struct gguf_keys *keys);

/* The key general.architecture. From then on a key ".x" is written as "ARCHITECTURE.x". A literal.
 */
void gguf_keys_architecture(struct gguf_keys *keys, const char *architecture);
void gguf_keys_u32(struct gguf_keys *keys, const char *key, uint32_t value);
void gguf_keys_i32(struct gguf_keys *keys, const char *key, int32_t value);
void gguf_keys_f32(struct gguf_keys *keys, const char *key, float value);
void gguf_keys_string(struct gguf_keys *keys, const char *key, const char *bytes, size_t length);
void gguf_keys_bool(struct gguf_keys *keys, const char *key, bool value);
/* A key of another file as it lies there. */
void gguf_keys_copy(struct gguf_keys *keys, const char *name, size_t name_length,
                    const struct gguf_key *key);

/* An array: begin, its elements in order, end. Nothing else may be written between. */
void gguf_keys_array_begin(struct gguf_keys *keys, const char *key, enum gguf_type type);
void gguf_keys_element_i32(struct gguf_keys *keys, int32_t value);
void gguf_keys_element_f32(struct gguf_keys *keys, float value);
void gguf_keys_element_bool(struct gguf_keys *keys, bool value);
/* A string in two parts, either of which may be empty. */
void gguf_keys_element_string(struct gguf_keys *keys, const char *first, size_t first_length,
                              const char *second, size_t second_length);
void gguf_keys_array_end(struct gguf_keys *keys);

/* What a file's tensors are, behind all keys: name, shape and type of `tensor`, and where its data
 * lies behind the head. Then gguf_keys_pad, which fills up to a multiple of `alignment`. */
void gguf_keys_tensor(struct gguf_keys *keys, const struct gguf_tensor *tensor, uint64_t offset);
void gguf_keys_pad(struct gguf_keys *keys, size_t alignment);

/* The finished bytes, to be released with mem_free; NULL when there was no memory. */
unsigned char *gguf_keys_take(struct gguf_keys *keys, size_t *size);

#endif
