#include "safetensors.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

struct safetensors {
    unsigned char *bytes; /* the tensor data, moved to an aligned start */
    size_t size;
    json_t *header;
};

static size_t dtype_bytes(const char *dtype)
{
    static const struct {
        const char *name;
        size_t bytes;
    } sizes[] = {{"F64", 8},  {"I64", 8}, {"F32", 4}, {"I32", 4}, {"U32", 4}, {"F16", 2},
                 {"BF16", 2}, {"I16", 2}, {"U16", 2}, {"I8", 1},  {"U8", 1},  {"BOOL", 1}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        if (strcmp(sizes[i].name, dtype) == 0) {
            return sizes[i].bytes;
        }
    }
    return 0;
}

static unsigned char *read_exactly(FILE *stream, size_t size)
{
    unsigned char *bytes = malloc(size + 1);
    if (bytes != NULL && fread(bytes, 1, size, stream) != size) {
        free(bytes);
        return NULL;
    }
    return bytes;
}

static bool read_parts(struct safetensors *file, FILE *stream)
{
    unsigned char prefix[8];
    if (fseek(stream, 0, SEEK_END) != 0) {
        return false;
    }
    long end = ftell(stream);
    rewind(stream);
    if (end < 8 || fread(prefix, 1, 8, stream) != 8) {
        return false;
    }
    uint64_t length = 0;
    for (int i = 7; i >= 0; i--) {
        length = length << 8 | prefix[i];
    }
    if (length > (uint64_t)end - 8) {
        return false;
    }
    unsigned char *header = read_exactly(stream, (size_t)length);
    if (header == NULL) {
        return false;
    }
    file->header = json_loadb((const char *)header, (size_t)length, JSON_REJECT_DUPLICATES, NULL);
    free(header);
    file->size = (size_t)end - 8 - (size_t)length;
    file->bytes = read_exactly(stream, file->size);
    return json_is_object(file->header) && file->bytes != NULL;
}

struct safetensors *safetensors_open(const char *path)
{
    struct safetensors *file = calloc(1, sizeof *file);
    FILE *stream = fopen(path, "rb");
    bool ok = file != NULL && stream != NULL && read_parts(file, stream);
    if (stream != NULL) {
        fclose(stream);
    }
    if (!ok) {
        fprintf(stderr, "%s: not readable as safetensors\n", path);
        safetensors_close(file);
        return NULL;
    }
    return file;
}

void safetensors_close(struct safetensors *file)
{
    if (file != NULL) {
        json_decref(file->header);
        free(file->bytes);
        free(file);
    }
}

bool safetensors_get(struct safetensors *file, const char *name, struct safetensors_view *view)
{
    json_t *entry = json_object_get(file->header, name);
    json_t *shape = json_object_get(entry, "shape");
    json_t *offsets = json_object_get(entry, "data_offsets");
    const char *dtype = json_string_value(json_object_get(entry, "dtype"));
    if (dtype == NULL || json_array_size(shape) > 4 || json_array_size(offsets) != 2) {
        return false;
    }
    struct safetensors_view found = {.dtype = dtype, .rank = json_array_size(shape)};
    size_t values = 1;
    for (size_t i = 0; i < 4; i++) {
        found.shape[i] =
            i < found.rank ? (size_t)json_integer_value(json_array_get(shape, i)) : (size_t)1;
        values *= found.shape[i];
    }
    size_t begin = (size_t)json_integer_value(json_array_get(offsets, 0));
    size_t end = (size_t)json_integer_value(json_array_get(offsets, 1));
    if (begin > end || end > file->size || end - begin != values * dtype_bytes(dtype)) {
        fprintf(stderr, "tensor %s: offsets %zu..%zu do not fit its shape\n", name, begin, end);
        return false;
    }
    found.data = file->bytes + begin;
    found.bytes = end - begin;
    *view = found;
    return true;
}

const char *safetensors_metadata(struct safetensors *file, const char *key)
{
    return json_string_value(json_object_get(json_object_get(file->header, "__metadata__"), key));
}
