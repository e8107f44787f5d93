/* Opening a model file, looking things up in it, and telling it apart from others. The checks of
 * the contents are in gguf_file.c.
 */
#include "load/gguf.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/utf8.h"
#include "base/visible.h"

#include "load/file_map.h"
#include "load/gguf_file.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "weights are used as they lie");

const struct gguf_value_type gguf_file_value_types[GGUF_VALUE_TYPES] = {
    [GGUF_U8] = {"u8", 1},       [GGUF_I8] = {"i8", 1},     [GGUF_U16] = {"u16", 2},
    [GGUF_I16] = {"i16", 2},     [GGUF_U32] = {"u32", 4},   [GGUF_I32] = {"i32", 4},
    [GGUF_F32] = {"f32", 4},     [GGUF_BOOL] = {"bool", 1}, [GGUF_STRING] = {"string", 0},
    [GGUF_ARRAY] = {"array", 0}, [GGUF_U64] = {"u64", 8},   [GGUF_I64] = {"i64", 8},
    [GGUF_F64] = {"f64", 8},
};
/* --- names that may be printed, and errors --- */

void gguf_show(const char *text, size_t length, char shown[GGUF_SHOWN])
{
    enum { ROOM = GGUF_SHOWN - 4, GROWTH = 3, MOST = ROOM / GROWTH };
    size_t kept = length <= MOST ? length : utf8_complete_length(text, MOST);
    /* A str over our own memory: a byte becomes at most a mark of GROWTH bytes, so that it never
     * grows and never allocates. */
    struct str out = {.data = shown, .length = 0, .capacity = GGUF_SHOWN};
    shown[0] = '\0';
    visible_append(&out, text, kept, VISIBLE_LINE);
    if (kept < length) {
        str_append(&out, "...");
    }
}

static void show_path(const char *path, char shown[GGUF_SHOWN])
{
    /* The end of a path says more than its beginning. */
    const char *slash = strrchr(path, '/');
    const char *name = slash == NULL ? path : slash + 1;
    gguf_show(name, strlen(name), shown);
}

/* --- opening --- */

struct gguf *gguf_create(const char *path, struct err *err)
{
    size_t length = strlen(path) + 1;
    struct gguf *gguf = mem_try_zero(1, sizeof *gguf);
    char *copy = mem_try_alloc(length, 1);
    if (gguf == NULL || copy == NULL) {
        mem_free(gguf);
        mem_free(copy);
        err_set(err, ERR_MEMORY, "no memory to open a model file");
        return NULL;
    }
    memcpy(copy, path, length);
    gguf->path = copy;
    show_path(path, gguf->shown_path);
    return gguf;
}

struct gguf *gguf_open(const char *path, struct err *err)
{
    struct gguf *gguf = gguf_create(path, err);
    if (gguf == NULL) {
        return NULL;
    }
    gguf->maps = mem_try_zero(1, sizeof *gguf->maps);
    bool ok = gguf->maps != NULL;
    if (!ok) {
        err_set(err, ERR_MEMORY, "%s: no memory for a map", gguf->shown_path);
    } else if (file_map_open(gguf->maps, path, gguf->shown_path, err)) {
        gguf->map_count = 1;
        gguf->bytes = gguf->maps[0].bytes;
        gguf->size = gguf->maps[0].size;
        ok = gguf_file_read(gguf, err);
        ok = gguf_check_unchanged(gguf, err) && ok;
    } else {
        ok = false;
    }
    if (!ok) {
        gguf_close(gguf);
        return NULL;
    }
    return gguf;
}

struct gguf *gguf_open_bytes(const char *name, const void *data, size_t size, struct err *err)
{
    struct gguf *gguf = gguf_create(name, err);
    if (gguf == NULL) {
        return NULL;
    }
    gguf->bytes = data;
    gguf->size = size;
    if (!gguf_file_read(gguf, err)) {
        gguf_close(gguf);
        return NULL;
    }
    return gguf;
}

void gguf_close(struct gguf *gguf)
{
    if (gguf == NULL) {
        return;
    }
    for (size_t i = 0; i < gguf->map_count; i++) {
        file_map_close(&gguf->maps[i]);
    }
    mem_free(gguf->maps);
    mem_free(gguf->made_keys);
    mem_free(gguf->made_values);
    name_index_finish(&gguf->key_index);
    name_index_finish(&gguf->tensor_index);
    mem_free(gguf->keys);
    mem_free(gguf->tensors);
    mem_free(gguf->path);
    mem_free(gguf);
}

bool gguf_add_tensors(struct gguf *gguf, const struct gguf_tensor *added, size_t count,
                      struct err *err)
{
    size_t before = gguf->tensor_index.count, all = before + count;
    struct name_index index = {0};
    struct gguf_tensor *tensors = NULL;
    bool ok = true;
    if (all > GGUF_TENSORS_MAX) {
        return err_set(err, ERR_LIMIT, "%s: %zu tensors, must be at most %d", gguf->shown_path, all,
                       GGUF_TENSORS_MAX);
    }
    tensors = mem_try_alloc(all + 1, sizeof *tensors);
    if (tensors == NULL || !name_index_init(&index, all + 1)) {
        ok = err_set(err, ERR_MEMORY, "%s: no memory for %zu tensors", gguf->shown_path, all);
    }
    for (size_t i = 0; ok && i < all; i++) {
        uint32_t item;
        tensors[i] = i < before ? gguf->tensors[i] : added[i - before];
        const char *name = tensors[i].name;
        enum name_index_result result = name_index_add(&index, name, strlen(name), &item);
        if (result != NAME_INDEX_ADDED) {
            char shown[GGUF_SHOWN];
            gguf_show(name, strlen(name), shown);
            ok = err_set(err, ERR_FORMAT, "%s: tensor %s is there twice, or collides with too many",
                         gguf->shown_path, shown);
        }
    }
    if (!ok) {
        name_index_finish(&index);
        mem_free(tensors);
        return false;
    }
    name_index_finish(&gguf->tensor_index);
    mem_free(gguf->tensors);
    gguf->tensor_index = index;
    gguf->tensors = tensors;
    return true;
}

bool gguf_add_maps(struct gguf *gguf, size_t count, struct err *err)
{
    struct file_map *maps = mem_try_resize(gguf->maps, gguf->map_count + count, sizeof *gguf->maps);
    if (maps == NULL) {
        return err_set(err, ERR_MEMORY, "%s: no memory for %zu maps", gguf->shown_path, count);
    }
    gguf->maps = maps;
    return true;
}

/* --- look-ups --- */

const char *gguf_path(const struct gguf *gguf)
{
    return gguf->path;
}

const char *gguf_shown_path(const struct gguf *gguf)
{
    return gguf->shown_path;
}

uint64_t gguf_file_bytes(const struct gguf *gguf)
{
    uint64_t bytes = gguf->map_count == 0 ? gguf->size : 0;
    for (size_t i = 0; i < gguf->map_count; i++) {
        bytes += gguf->maps[i].size;
    }
    return bytes;
}

static int64_t find(const struct name_index *index, const char *name)
{
    return name_index_find(index, name, strlen(name));
}

bool gguf_has(const struct gguf *gguf, const char *key)
{
    return find(&gguf->key_index, key) >= 0;
}

static const struct gguf_key *find_key(const struct gguf *gguf, const char *name, struct err *err)
{
    int64_t item = find(&gguf->key_index, name);
    if (item < 0) {
        err_set(err, ERR_NOT_FOUND, "%s: the key %s is missing", gguf->shown_path, name);
        return NULL;
    }
    return &gguf->keys[item];
}

static bool wrong_type(const struct gguf *gguf, const char *name, const struct gguf_key *key,
                       const char *expected, struct err *err)
{
    return err_set(err, ERR_FORMAT, "%s: the key %s is %s%s, must be %s", gguf->shown_path, name,
                   key->is_array ? "an array of " : "a ",
                   gguf_file_value_types[key->value.type].name, expected);
}

static bool integer_type(enum gguf_type type)
{
    return type <= GGUF_I32 || type == GGUF_U64 || type == GGUF_I64;
}

bool gguf_integer(const struct gguf *gguf, const char *key, int64_t *value, struct err *err)
{
    const struct gguf_key *found = find_key(gguf, key, err);
    if (found == NULL) {
        return false;
    }
    if (found->is_array || !integer_type(found->value.type)) {
        return wrong_type(gguf, key, found, "an integer", err);
    }
    if (found->value.type == GGUF_U64 && found->value.data[7] > 0x7F) {
        return err_set(err, ERR_FORMAT, "%s: the key %s is larger than 2^63", gguf->shown_path,
                       key);
    }
    *value = gguf_array_integer(&found->value, 0);
    return true;
}

bool gguf_real(const struct gguf *gguf, const char *key, double *value, struct err *err)
{
    const struct gguf_key *found = find_key(gguf, key, err);
    if (found == NULL) {
        return false;
    }
    if (found->is_array || (found->value.type != GGUF_F32 && found->value.type != GGUF_F64)) {
        return wrong_type(gguf, key, found, "f32 or f64", err);
    }
    *value = gguf_array_real(&found->value, 0);
    return true;
}

bool gguf_bool(const struct gguf *gguf, const char *key, bool *value, struct err *err)
{
    const struct gguf_key *found = find_key(gguf, key, err);
    if (found == NULL) {
        return false;
    }
    if (found->is_array || found->value.type != GGUF_BOOL) {
        return wrong_type(gguf, key, found, "a bool", err);
    }
    *value = found->value.data[0] != 0;
    return true;
}

bool gguf_string(const struct gguf *gguf, const char *key, struct gguf_text *text, struct err *err)
{
    const struct gguf_key *found = find_key(gguf, key, err);
    if (found == NULL) {
        return false;
    }
    if (found->is_array || found->value.type != GGUF_STRING) {
        return wrong_type(gguf, key, found, "a string", err);
    }
    *text =
        (struct gguf_text){.bytes = (const char *)found->value.data, .length = found->text_length};
    return true;
}

bool gguf_array(const struct gguf *gguf, const char *key, struct gguf_array *array, struct err *err)
{
    const struct gguf_key *found = find_key(gguf, key, err);
    if (found == NULL) {
        return false;
    }
    if (!found->is_array) {
        return wrong_type(gguf, key, found, "an array", err);
    }
    *array = found->value;
    return true;
}

static uint64_t element_bits(const struct gguf_array *array, uint64_t index)
{
    uint64_t bits = 0;
    size_t bytes = gguf_file_value_types[array->type].bytes;
    memcpy(&bits, array->data + index * bytes, bytes);
    return bits;
}

int64_t gguf_array_integer(const struct gguf_array *array, uint64_t index)
{
    uint64_t bits = element_bits(array, index);
    switch (array->type) {
    case GGUF_I8:
        return (int8_t)bits;
    case GGUF_I16:
        return (int16_t)bits;
    case GGUF_I32:
        return (int32_t)bits;
    case GGUF_U8:
    case GGUF_U16:
    case GGUF_U32:
    case GGUF_BOOL:
    case GGUF_I64:
        return (int64_t)bits;
    case GGUF_U64:
        return bits > INT64_MAX ? INT64_MAX : (int64_t)bits;
    case GGUF_F32:
    case GGUF_F64:
    case GGUF_STRING:
    case GGUF_ARRAY:
        break;
    }
    return 0;
}

double gguf_array_real(const struct gguf_array *array, uint64_t index)
{
    uint64_t bits = element_bits(array, index);
    if (array->type == GGUF_F32) {
        uint32_t low = (uint32_t)bits;
        float value;
        memcpy(&value, &low, sizeof value);
        return value;
    }
    if (array->type == GGUF_F64) {
        double value;
        memcpy(&value, &bits, sizeof value);
        return value;
    }
    return (double)gguf_array_integer(array, index);
}

bool gguf_array_text(const struct gguf_array *array, size_t *cursor, struct gguf_text *text)
{
    if (array->type != GGUF_STRING || *cursor >= array->bytes) {
        return false;
    }
    uint64_t length;
    memcpy(&length, array->data + *cursor, sizeof length);
    text->bytes = (const char *)array->data + *cursor + sizeof length;
    text->length = (size_t)length;
    *cursor += sizeof length + (size_t)length;
    return true;
}

size_t gguf_tensor_count(const struct gguf *gguf)
{
    return gguf->tensor_index.count;
}

const struct gguf_tensor *gguf_tensor_at(const struct gguf *gguf, size_t index)
{
    return &gguf->tensors[index];
}

const struct gguf_tensor *gguf_tensor_find(const struct gguf *gguf, const char *name)
{
    int64_t item = find(&gguf->tensor_index, name);
    return item < 0 ? NULL : &gguf->tensors[item];
}

/* --- the files while they are in use --- */

bool gguf_is_broken(const struct gguf *gguf)
{
    for (size_t i = 0; i < gguf->map_count; i++) {
        if (file_map_is_broken(&gguf->maps[i])) {
            return true;
        }
    }
    return false;
}

bool gguf_check_unchanged(const struct gguf *gguf, struct err *err)
{
    for (size_t i = 0; i < gguf->map_count; i++) {
        if (!file_map_check(&gguf->maps[i], gguf->shown_path, err)) {
            return false;
        }
    }
    return true;
}

void gguf_read_sparsely(const struct gguf *gguf, const struct gguf_tensor *tensor)
{
    for (size_t i = 0; i < gguf->map_count; i++) {
        const struct file_map *map = &gguf->maps[i];
        uintptr_t data = (uintptr_t)tensor->data, first = (uintptr_t)map->bytes;
        if (data >= first && data < first + map->size) {
            size_t begin = (size_t)(data - first);
            file_map_read_sparsely(map, begin, begin + (size_t)tensor->bytes);
        }
    }
}

uint64_t gguf_own_bytes(const struct gguf *gguf)
{
    size_t keys = gguf->key_index.count, tensors = gguf->tensor_index.count;
    return sizeof *gguf + keys * sizeof *gguf->keys + tensors * sizeof *gguf->tensors +
           name_index_bytes(keys) + name_index_bytes(tensors) +
           (gguf->made_keys != NULL ? gguf->size : 0) + gguf->made_bytes;
}

uint64_t gguf_metadata_bytes(const struct gguf *gguf)
{
    return gguf->made_keys != NULL ? 0 : gguf->metadata_bytes;
}

/* --- identity --- */

/* Eight bytes a step: metadata is tens of megabytes. Not against forgers: it tells files apart. */
static uint64_t mix(uint64_t hash, const unsigned char *bytes, size_t size)
{
    size_t at = 0;
    for (; size - at >= 8; at += 8) {
        uint64_t word;
        memcpy(&word, bytes + at, sizeof word);
        hash = (hash ^ word) * UINT64_C(0x9fb21c651e98df25);
        hash ^= hash >> 32;
    }
    for (; at < size; at++) {
        hash = (hash ^ bytes[at]) * UINT64_C(0x100000001b3);
    }
    return hash ^ hash >> 29;
}

/* Samples at equal distances, the last one at the very end. */
static uint64_t mix_samples(uint64_t hash, const unsigned char *bytes, size_t size)
{
    enum { SAMPLES = 64, SAMPLE_BYTES = 4096 };
    size_t length = size < SAMPLE_BYTES ? size : SAMPLE_BYTES;
    for (size_t i = 0; i < SAMPLES; i++) {
        size_t at = (size - length) / (SAMPLES - 1) * i;
        hash = mix(hash, bytes + (i == SAMPLES - 1 ? size - length : at), length);
    }
    return hash;
}

uint64_t gguf_fingerprint(const struct gguf *gguf)
{
    uint64_t hash = mix(gguf->size, gguf->bytes, gguf->metadata_bytes);
    hash = mix_samples(hash, gguf->bytes + gguf->metadata_bytes, gguf->size - gguf->metadata_bytes);
    for (size_t i = 0; i < gguf->map_count; i++) {
        if (gguf->maps[i].bytes != gguf->bytes) {
            hash = mix_samples(hash, gguf->maps[i].bytes, gguf->maps[i].size);
        }
    }
    return hash;
}
