/* mmproj: see mmproj.h. Left out: what the tensors mean, which is the encoders' business. */
#include "load/mmproj.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"

#include "load/gguf.h"
#include "load/hf_folder.h"
#include "load/model_file.h"
#include "load/weights.h"

enum { KEY_SIZE = 64, SHAPE_SIZE = 96 };

static bool is_text(const struct gguf_text *text, const char *expected)
{
    return text->length == strlen(expected) && memcmp(text->bytes, expected, text->length) == 0;
}

/* --- keys --- */

bool mmproj_check(const struct gguf *gguf, struct err *err)
{
    struct gguf_text text;
    if (!gguf_string(gguf, "general.architecture", &text, err)) {
        return false;
    }
    if (!is_text(&text, "clip")) {
        char shown[GGUF_SHOWN];
        gguf_show(text.bytes, text.length, shown);
        return err_set(err, ERR_UNSUPPORTED,
                       "%s: the architecture is \"%s\"; encoders of pictures and sound have clip",
                       gguf_shown_path(gguf), shown);
    }
    return true;
}

struct gguf *mmproj_open(const char *path, struct err *err)
{
    bool folder;
    if (model_file_is_hf(path, &folder)) {
        return hf_folder_open_towers(path, folder, err);
    }
    struct gguf *gguf = gguf_open(path, err);
    if (gguf != NULL && !mmproj_check(gguf, err)) {
        gguf_close(gguf);
        return NULL;
    }
    return gguf;
}

bool mmproj_integer(const struct gguf *gguf, const char *key, int32_t least, int32_t most,
                    int32_t *value, struct err *err)
{
    int64_t found;
    if (!gguf_integer(gguf, key, &found, err)) {
        return false;
    }
    if (found < least || found > most) {
        return err_set(err, ERR_LIMIT,
                       "%s: the key %s is %" PRId64 ", must be %" PRId32 " to %" PRId32,
                       gguf_shown_path(gguf), key, found, least, most);
    }
    *value = (int32_t)found;
    return true;
}

bool mmproj_real(const struct gguf *gguf, const char *key, double least, double most,
                 double otherwise, float *value, struct err *err)
{
    double found = otherwise;
    if (gguf_has(gguf, key) && !gguf_real(gguf, key, &found, err)) {
        return false;
    }
    if (!(found >= least && found <= most)) { /* NaN fails too */
        return err_set(err, ERR_LIMIT, "%s: the key %s is %g, must be %g to %g",
                       gguf_shown_path(gguf), key, found, least, most);
    }
    *value = (float)found;
    return true;
}

bool mmproj_check_encoder(const struct gguf *gguf, const char *modality, const char *kind,
                          struct err *err)
{
    char key[KEY_SIZE], shown[GGUF_SHOWN];
    bool present = false;
    struct gguf_text found;
    snprintf(key, sizeof key, "clip.has_%s_encoder", modality);
    if (gguf_has(gguf, key) && !gguf_bool(gguf, key, &present, err)) {
        return false;
    }
    if (!present) {
        return err_set(err, ERR_UNSUPPORTED, "%s: the file has no %s encoder",
                       gguf_shown_path(gguf), modality);
    }
    snprintf(key, sizeof key, "clip.%s.projector_type", modality);
    if (!gguf_string(gguf, gguf_has(gguf, key) ? key : "clip.projector_type", &found, err)) {
        return false;
    }
    if (!is_text(&found, kind)) {
        gguf_show(found.bytes, found.length, shown);
        return err_set(err, ERR_UNSUPPORTED, "%s: the %s encoder is of kind \"%s\"; only %s is run",
                       gguf_shown_path(gguf), modality, shown, kind);
    }
    return true;
}

/* --- tensors --- */

bool mmproj_has(const struct gguf *gguf, const char *name)
{
    return gguf_tensor_find(gguf, name) != NULL;
}

static const struct gguf_tensor *find(const struct gguf *gguf, const char *name, struct err *err)
{
    const struct gguf_tensor *tensor = gguf_tensor_find(gguf, name);
    if (tensor == NULL) {
        err_set(err, ERR_FORMAT, "%s: tensor %s is missing", gguf_shown_path(gguf), name);
        return NULL;
    }
    /* Kernels load floats and halves in place. */
    unsigned alignment = tensor->type == QUANT_F32 ? sizeof(float) : sizeof(uint16_t);
    if ((uintptr_t)tensor->data % alignment != 0) {
        err_set(err, ERR_UNSUPPORTED, "%s: tensor %s does not lie on a multiple of %u bytes",
                gguf_shown_path(gguf), name, alignment);
        return NULL;
    }
    return tensor;
}

/* As the file's dimensions turned round, which is how we write shapes. */
static bool wrong_shape(const struct gguf *gguf, const struct gguf_tensor *tensor,
                        const char *expected, struct err *err)
{
    char found[SHAPE_SIZE] = "";
    for (uint32_t i = tensor->dimension_count; i-- > 0;) {
        size_t length = strlen(found);
        snprintf(found + length, sizeof found - length, "[%" PRIu64 "]", tensor->ne[i]);
    }
    return err_set(err, ERR_FORMAT, "%s: tensor %s must be %s, but is %s", gguf_shown_path(gguf),
                   tensor->name, expected, found);
}

bool mmproj_matrix(const struct gguf *gguf, const char *name, int32_t rows, int32_t columns,
                   struct weights_matrix *matrix, struct err *err)
{
    const struct gguf_tensor *tensor = find(gguf, name, err);
    if (tensor == NULL) {
        return false;
    }
    if (tensor->ne[0] != (uint64_t)columns || tensor->ne[1] != (uint64_t)rows ||
        tensor->ne[2] != 1 || tensor->ne[3] != 1) {
        char expected[SHAPE_SIZE];
        snprintf(expected, sizeof expected, "[%" PRId32 "][%" PRId32 "]", rows, columns);
        return wrong_shape(gguf, tensor, expected, err);
    }
    const struct quant_format *format = quant_format((uint32_t)tensor->type);
    *matrix = (struct weights_matrix){
        .scale = 1,
        .data = tensor->data,
        .format = format,
        .rows = rows,
        .columns = columns,
        .row_bytes = (uint64_t)columns / format->block_values * format->block_bytes,
    };
    return true;
}

bool mmproj_vector(const struct gguf *gguf, const char *name, uint64_t size, const float **vector,
                   struct err *err)
{
    const struct gguf_tensor *tensor = find(gguf, name, err);
    if (tensor == NULL) {
        return false;
    }
    if (tensor->type != QUANT_F32) {
        return err_set(err, ERR_UNSUPPORTED, "%s: tensor %s must be F32, but is %s",
                       gguf_shown_path(gguf), name, quant_format((uint32_t)tensor->type)->name);
    }
    if (tensor->bytes != sizeof(float) * size) {
        char expected[SHAPE_SIZE];
        snprintf(expected, sizeof expected, "of %" PRIu64 " values", size);
        return wrong_shape(gguf, tensor, expected, err);
    }
    *vector = (const float *)(const void *)tensor->data;
    return true;
}

bool mmproj_scalar(const struct gguf *gguf, const char *name, float otherwise, float *value,
                   struct err *err)
{
    const float *found = &otherwise;
    if (mmproj_has(gguf, name) && !mmproj_vector(gguf, name, 1, &found, err)) {
        return false;
    }
    if (isnan(*found)) {
        return err_set(err, ERR_FORMAT, "%s: tensor %s is no number", gguf_shown_path(gguf), name);
    }
    *value = *found;
    return true;
}
