/* The header's JSON is read once, front to back; the checks that need all tensors (no overlap, no
 * hole, no name twice) come after it. Numbers are integers without sign, fraction or exponent: what
 * other readers got wrong is exactly what a negative or wrapped offset does.
 *
 * Names with escapes are refused although JSON allows them: no model has any, and names are views.
 */
#include "load/safetensors_file.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/vec.h"

#include "load/file_map.h"
#include "load/gguf.h"
#include "load/json_reader.h"
#include "load/name_index.h"
#include "load/quant.h"

enum { HEADER_MAX = 100000000, TENSORS_MAX = 65536, NAME_MAX_BYTES = 512 };

struct safetensors_file {
    struct file_map map;
    const unsigned char *bytes;
    size_t size;
    char shown[GGUF_SHOWN];
    struct safetensors_file_tensor *tensors;
    size_t count, capacity;
};

static const struct {
    const char *name;
    uint8_t bytes;
    int8_t quant_type;
} dtypes[] = {
    {"BF16", 2, QUANT_BF16}, {"F16", 2, QUANT_F16}, {"F32", 4, QUANT_F32}, {"F64", 8, -1},
    {"I64", 8, -1},          {"I32", 4, -1},        {"I16", 2, -1},        {"I8", 1, -1},
    {"U64", 8, -1},          {"U32", 4, -1},        {"U16", 2, -1},        {"U8", 1, -1},
    {"BOOL", 1, -1},         {"F8_E4M3", 1, -1},    {"F8_E5M2", 1, -1},    {"F8_E8M0", 1, -1},
};

/* --- one tensor --- */

/* What an entry of the header must have, each exactly once. */
struct entry {
    size_t dtype; /* index + 1 */
    bool has_shape, has_offsets;
    uint64_t begin, end;
};

static bool read_dtype(struct json_reader *json, struct entry *entry)
{
    struct json_reader_text text;
    if (!json_reader_string(json, &text)) {
        return false;
    }
    for (size_t i = 0; i < sizeof dtypes / sizeof dtypes[0]; i++) {
        if (json_reader_text_is(&text, dtypes[i].name)) {
            entry->dtype = i + 1;
            return true;
        }
    }
    char shown[GGUF_SHOWN];
    gguf_show(text.bytes, text.length, shown);
    return json_reader_refuse(json, "the type \"%.60s\" is not known", shown);
}

static bool read_size(struct json_reader *json, uint64_t *value)
{
    int64_t number = 0;
    if (!json_reader_integer(json, &number)) {
        return false;
    }
    if (number < 0) {
        return json_reader_refuse(json, "a size or offset is %" PRId64, number);
    }
    *value = (uint64_t)number;
    return true;
}

static bool read_shape(struct json_reader *json, struct safetensors_file_tensor *tensor)
{
    if (!json_reader_enter(json, JSON_READER_ARRAY)) {
        return false;
    }
    tensor->rank = 0;
    while (json_reader_next_item(json)) {
        if (tensor->rank == SAFETENSORS_FILE_RANK_MAX) {
            return json_reader_refuse(json, "more than %d dimensions", SAFETENSORS_FILE_RANK_MAX);
        }
        if (!read_size(json, &tensor->shape[tensor->rank++])) {
            return false;
        }
    }
    return !json->failed;
}

static bool read_offsets(struct json_reader *json, struct entry *entry)
{
    uint64_t offsets[2] = {0, 0};
    size_t count = 0;
    if (!json_reader_enter(json, JSON_READER_ARRAY)) {
        return false;
    }
    while (json_reader_next_item(json)) {
        if (count == 2) {
            return json_reader_refuse(json, "data_offsets has more than two numbers");
        }
        if (!read_size(json, &offsets[count++])) {
            return false;
        }
    }
    if (json->failed || count < 2) {
        return json_reader_refuse(json, "data_offsets has not two numbers");
    }
    entry->begin = offsets[0];
    entry->end = offsets[1];
    return true;
}

static bool read_field(struct json_reader *json, const struct json_reader_text *key,
                       struct entry *entry, struct safetensors_file_tensor *tensor)
{
    bool *seen = NULL, dtype_seen = entry->dtype != 0;
    if (json_reader_text_is(key, "dtype")) {
        seen = &dtype_seen;
    } else if (json_reader_text_is(key, "shape")) {
        seen = &entry->has_shape;
    } else if (json_reader_text_is(key, "data_offsets")) {
        seen = &entry->has_offsets;
    } else {
        return json_reader_refuse(json, "a tensor has a field that is not known");
    }
    if (*seen) {
        return json_reader_refuse(json, "a tensor has a field twice");
    }
    *seen = true;
    if (seen == &dtype_seen) {
        return read_dtype(json, entry);
    }
    return seen == &entry->has_shape ? read_shape(json, tensor) : read_offsets(json, entry);
}

/* Offsets against shape and file. `data` is the number of bytes of values. */
static bool place(struct json_reader *json, const struct entry *entry, uint64_t data,
                  struct safetensors_file_tensor *tensor)
{
    uint64_t bytes = dtypes[entry->dtype - 1].bytes;
    for (uint32_t i = 0; i < tensor->rank; i++) {
        if (!bytes_multiply(bytes, tensor->shape[i], &bytes)) {
            return json_reader_refuse(json, "a shape of more than 2^64 bytes");
        }
    }
    if (entry->begin > entry->end || entry->end > data) {
        return json_reader_refuse(
            json, "offsets %" PRIu64 " to %" PRIu64 " of %" PRIu64 " bytes of values", entry->begin,
            entry->end, data);
    }
    if (entry->end - entry->begin != bytes) {
        return json_reader_refuse(json, "%" PRIu64 " bytes for a shape of %" PRIu64,
                                  entry->end - entry->begin, bytes);
    }
    tensor->bytes = bytes;
    tensor->begin = entry->begin;
    tensor->dtype = dtypes[entry->dtype - 1].name;
    tensor->quant_type = dtypes[entry->dtype - 1].quant_type;
    return true;
}

static bool read_tensor(struct json_reader *json, uint64_t data,
                        struct safetensors_file_tensor *tensor)
{
    struct entry entry = {0};
    struct json_reader_text key;
    if (!json_reader_enter(json, JSON_READER_OBJECT)) {
        return false;
    }
    while (json_reader_next_key(json, &key)) {
        if (!read_field(json, &key, &entry, tensor)) {
            return false;
        }
    }
    if (json->failed || entry.dtype == 0 || !entry.has_shape || !entry.has_offsets) {
        return json_reader_refuse(json, "a tensor without dtype, shape or data_offsets");
    }
    return place(json, &entry, data, tensor);
}

/* --- the header --- */

static bool check_name(struct json_reader *json, const struct json_reader_text *name)
{
    bool clean = name->as_written && name->length > 0 && name->length <= NAME_MAX_BYTES;
    for (size_t i = 0; clean && i < name->length; i++) {
        clean = name->bytes[i] > ' ' && name->bytes[i] < 0x7F;
    }
    return clean || json_reader_refuse(json, "a name of a tensor must be 1 to %d ASCII characters",
                                       NAME_MAX_BYTES);
}

static bool read_header(struct safetensors_file *file, struct json_reader *json, uint64_t data)
{
    struct json_reader_text name;
    if (!json_reader_enter(json, JSON_READER_OBJECT)) {
        return false;
    }
    while (json_reader_next_key(json, &name)) {
        if (json_reader_text_is(&name, "__metadata__")) {
            if (!json_reader_skip(json)) {
                return false;
            }
            continue;
        }
        if (!check_name(json, &name)) {
            return false;
        }
        if (file->count == TENSORS_MAX) {
            return json_reader_refuse(json, "more than %d tensors", TENSORS_MAX);
        }
        if (!vec_try_room(&file->tensors, &file->capacity, file->count + 1,
                          sizeof *file->tensors)) {
            json->failed = true;
            return err_set(json->err, ERR_MEMORY, "%s: no memory for %zu tensors", file->shown,
                           file->count + 1);
        }
        struct safetensors_file_tensor *tensor = &file->tensors[file->count++];
        *tensor = (struct safetensors_file_tensor){.name = name.bytes, .name_length = name.length};
        if (!read_tensor(json, data, tensor)) {
            return false;
        }
    }
    return json_reader_end(json);
}

/* --- all tensors --- */

static int by_place(const void *a, const void *b)
{
    const struct safetensors_file_tensor *first = a, *second = b;
    if (first->begin != second->begin) {
        return first->begin < second->begin ? -1 : 1;
    }
    return first->bytes < second->bytes ? -1 : first->bytes > second->bytes; /* empty ones first */
}

static bool check_places(struct safetensors_file *file, const unsigned char *values, uint64_t data,
                         struct err *err)
{
    uint64_t end = 0;
    if (file->count > 1) {
        qsort(file->tensors, file->count, sizeof *file->tensors, by_place);
    }
    for (size_t i = 0; i < file->count; i++) {
        struct safetensors_file_tensor *tensor = &file->tensors[i];
        if (tensor->begin != end) {
            return err_set(err, ERR_FORMAT,
                           "%s: tensor %.*s begins at %" PRIu64
                           ", the one before it ends at %" PRIu64,
                           file->shown, (int)tensor->name_length, tensor->name, tensor->begin, end);
        }
        tensor->data = values + tensor->begin;
        end += tensor->bytes;
    }
    if (end != data) {
        return err_set(err, ERR_FORMAT,
                       "%s: %" PRIu64 " bytes of values, of which tensors take %" PRIu64,
                       file->shown, data, end);
    }
    return true;
}

static bool check_names(const struct safetensors_file *file, struct err *err)
{
    struct name_index index = {0};
    bool ok = name_index_init(&index, file->count + 1);
    if (!ok) {
        err_set(err, ERR_MEMORY, "%s: no memory for %zu names", file->shown, file->count);
    }
    for (size_t i = 0; ok && i < file->count; i++) {
        const struct safetensors_file_tensor *tensor = &file->tensors[i];
        uint32_t item;
        ok = name_index_add(&index, tensor->name, tensor->name_length, &item) == NAME_INDEX_ADDED;
        if (!ok) {
            err_set(err, ERR_FORMAT, "%s: tensor %.*s is there twice, or collides with too many",
                    file->shown, (int)tensor->name_length, tensor->name);
        }
    }
    name_index_finish(&index);
    return ok;
}

static bool read_file(struct safetensors_file *file, struct err *err)
{
    uint64_t length = 0;
    if (file->size < 8) {
        return err_set(err, ERR_FORMAT, "%s: %zu bytes are no safetensors file", file->shown,
                       file->size);
    }
    memcpy(&length, file->bytes, 8);
    if (length > HEADER_MAX || length > file->size - 8) {
        return err_set(err, ERR_FORMAT,
                       "%s: a header of %" PRIu64 " bytes: the file has %zu, and %d are allowed",
                       file->shown, length, file->size, HEADER_MAX);
    }
    if (length == 0 || file->bytes[8] != '{') {
        return err_set(err, ERR_FORMAT, "%s: the header does not begin with {", file->shown);
    }
    uint64_t data = file->size - 8 - length;
    struct json_reader json;
    json_reader_init(&json, file->shown, file->bytes + 8, (size_t)length, err);
    bool ok = read_header(file, &json, data);
    json_reader_finish(&json);
    return ok && check_places(file, file->bytes + 8 + length, data, err) && check_names(file, err);
}

/* --- opening --- */

static struct safetensors_file *create(const char *path, struct err *err)
{
    struct safetensors_file *file = mem_try_zero(1, sizeof *file);
    if (file == NULL) {
        err_set(err, ERR_MEMORY, "no memory to open a safetensors file");
        return NULL;
    }
    const char *slash = strrchr(path, '/');
    const char *name = slash == NULL ? path : slash + 1;
    gguf_show(name, strlen(name), file->shown);
    return file;
}

struct safetensors_file *safetensors_file_open(const char *path, struct err *err)
{
    struct safetensors_file *file = create(path, err);
    if (file == NULL) {
        return NULL;
    }
    bool ok = file_map_open(&file->map, path, file->shown, err);
    file->bytes = file->map.bytes;
    file->size = file->map.size;
    ok = ok && read_file(file, err);
    if (file->bytes != NULL && !file_map_check(&file->map, file->shown, err)) {
        ok = false; /* and why there was nonsense in it, if there was */
    }
    if (!ok) {
        safetensors_file_close(file);
        return NULL;
    }
    return file;
}

struct safetensors_file *safetensors_file_open_bytes(const char *name, const void *data,
                                                     size_t size, struct err *err)
{
    struct safetensors_file *file = create(name, err);
    if (file == NULL) {
        return NULL;
    }
    file->bytes = data;
    file->size = size;
    if (!read_file(file, err)) {
        safetensors_file_close(file);
        return NULL;
    }
    return file;
}

void safetensors_file_close(struct safetensors_file *file)
{
    if (file != NULL) {
        file_map_close(&file->map);
        mem_free(file->tensors);
        mem_free(file);
    }
}

const char *safetensors_file_shown(const struct safetensors_file *file)
{
    return file->shown;
}

size_t safetensors_file_count(const struct safetensors_file *file)
{
    return file->count;
}

const struct safetensors_file_tensor *safetensors_file_at(const struct safetensors_file *file,
                                                          size_t index)
{
    return &file->tensors[index];
}

void safetensors_file_take_map(struct safetensors_file *file, struct file_map *map)
{
    *map = file->map;
    file->map = (struct file_map){0};
}
