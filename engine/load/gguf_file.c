/* The file is foreign: every number in it is a claim. Nothing is believed before it was compared
 * with the bytes that are there, and nothing is allocated for a count that those bytes cannot hold.
 *
 * Checked at open, in this order (each has a test in tests/engine/load/gguf.c):
 *   header   magic; version 2..3, byte-swapped files by name; counts under their caps, and not more
 *            entries than the rest of the file has room for
 *   keys     1..KEY_LENGTH_MAX bytes, UTF-8 without control characters, unique; value type known;
 *            strings within STRING_MAX and the file; arrays not nested, element type known, count
 *            times size inside the file; bools 0 or 1
 *   general.alignment  u32, power of two, at most ALIGNMENT_MAX
 *   tensors  name 1..63 bytes, as clean as a key, unique; 1..4 dimensions, each >= 1, product at
 *            most VALUES_MAX; a block format that we know; rows of whole blocks; offset on the
 *            alignment, after the end of the tensor before, and with all its bytes inside the file
 *
 * After that look-ups need no checks.
 *
 * Left out: what keys mean (hparams, tokenizer), shapes (weights), big-endian files, how the parts
 * of a split model belong together (gguf_split).
 */
#include "load/gguf_file.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/utf8.h"

enum {
    KEYS_MAX = 65536,
    TENSORS_MAX = GGUF_TENSORS_MAX,
    KEY_LENGTH_MAX = 65535,
    STRING_MAX = 16 << 20, /* bytes */
    ARRAY_MAX = 1 << 24,   /* elements */
    ALIGNMENT_MAX = 65536,
    ALIGNMENT_DEFAULT = 32,
    /* The smallest an entry can be: what a count must be backed by. */
    KEY_BYTES_MIN = 8 + 1 + 4 + 1,
    TENSOR_BYTES_MIN = 8 + 1 + 4 + 8 + 4 + 8,
};
#define VALUES_MAX (UINT64_C(1) << 48)

/* The state of opening, and what is being read: for the messages. */
struct reader {
    struct bytes in;
    struct gguf *gguf;
    struct err *err;
    const char *subject; /* "header", "key", "tensor" */
    uint64_t number;
    struct gguf_text name; /* no bytes: not read yet */
};

/* "model.gguf: key 7 (general.name), before byte 312: ..." */
static bool refuse(struct reader *r, enum err_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static bool refuse(struct reader *r, enum err_code code, const char *format, ...)
{
    if (r->err == NULL) {
        return false;
    }
    char what[160];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    char subject[GGUF_SHOWN + 48];
    if (r->name.bytes != NULL) {
        char name[GGUF_SHOWN];
        gguf_show(r->name.bytes, r->name.length, name);
        snprintf(subject, sizeof subject, "%s %" PRIu64 " (%.150s)", r->subject, r->number, name);
    } else if (r->number > 0) {
        snprintf(subject, sizeof subject, "%s %" PRIu64, r->subject, r->number);
    } else {
        snprintf(subject, sizeof subject, "%s", r->subject);
    }
    return err_set(r->err, code, "%.120s: %s, before byte %zu: %s", r->gguf->shown_path, subject,
                   r->in.position, what);
}

static bool refuse_end(struct reader *r)
{
    return refuse(r, ERR_FORMAT, "the file ends here, at %zu bytes: it is damaged or was cut short",
                  r->in.size);
}

static bool refuse_memory(struct reader *r)
{
    return refuse(r, ERR_MEMORY, "no memory for its description");
}

/* --- values --- */

static bool read_text(struct reader *r, uint64_t most, struct gguf_text *text)
{
    uint64_t length = bytes_u64(&r->in);
    if (r->in.failed) {
        return refuse_end(r);
    }
    if (length > most) {
        return refuse(r, ERR_LIMIT, "a string of %" PRIu64 " bytes; at most %" PRIu64 " are read",
                      length, most);
    }
    const unsigned char *view = bytes_view(&r->in, length);
    if (view == NULL) {
        return refuse_end(r);
    }
    *text = (struct gguf_text){.bytes = (const char *)view, .length = (size_t)length};
    return true;
}

/* Names go into look-ups and messages: what a person cannot see has no place in them. */
static bool check_name(struct reader *r)
{
    if (r->name.length == 0) {
        return refuse(r, ERR_FORMAT, "an empty name");
    }
    size_t used;
    for (size_t at = 0; at < r->name.length; at += used) {
        uint32_t c = utf8_decode(r->name.bytes + at, r->name.length - at, &used);
        if (c >= UTF8_INCOMPLETE) {
            return refuse(r, ERR_FORMAT, "the name is not UTF-8");
        }
        if (c < 0x20 || (c >= 0x7F && c < 0xA0)) {
            return refuse(r, ERR_FORMAT, "a control character in the name");
        }
    }
    return true;
}

static bool check_bools(struct reader *r, const unsigned char *values, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        if (values[i] > 1) {
            return refuse(r, ERR_FORMAT, "element %" PRIu64 " is the bool %u", i, values[i]);
        }
    }
    return true;
}

/* Enters the name under the next number. */
static bool number_name(struct reader *r, struct name_index *index)
{
    uint32_t item = 0;
    switch (name_index_add(index, r->name.bytes, r->name.length, &item)) {
    case NAME_INDEX_ADDED:
        return true;
    case NAME_INDEX_KNOWN:
        return refuse(r, ERR_FORMAT, "the name was there before, as number %" PRIu32, item + 1);
    case NAME_INDEX_CROWDED:
        break;
    }
    return refuse(r, ERR_LIMIT, "too many names collide: the file was made to be slow");
}

/* One pass over lengths; the texts themselves are not touched. */
static bool skip_texts(struct reader *r, uint64_t count)
{
    const unsigned char *data = r->in.data;
    size_t at = r->in.position, size = r->in.size;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t length;
        if (size - at < sizeof length) {
            return refuse_end(r);
        }
        memcpy(&length, data + at, sizeof length);
        at += sizeof length;
        if (length > STRING_MAX) {
            return refuse(r, ERR_LIMIT, "element %" PRIu64 " is a string of %" PRIu64 " bytes", i,
                          length);
        }
        if (length > size - at) {
            return refuse_end(r);
        }
        at += (size_t)length;
    }
    r->in.position = at;
    return true;
}

static bool read_elements(struct reader *r, struct gguf_array *array)
{
    size_t start = r->in.position;
    array->data = r->in.data + start;
    if (array->type == GGUF_STRING) {
        if (array->count > bytes_left(&r->in) / 8) {
            return refuse_end(r);
        }
        if (!skip_texts(r, array->count)) {
            return false;
        }
    } else {
        uint64_t bytes;
        if (!bytes_multiply(array->count, gguf_file_value_types[array->type].bytes, &bytes) ||
            bytes_view(&r->in, bytes) == NULL) {
            return refuse_end(r);
        }
        if (array->type == GGUF_BOOL && !check_bools(r, array->data, array->count)) {
            return false;
        }
    }
    array->bytes = r->in.position - start;
    return true;
}

static bool read_array(struct reader *r, struct gguf_array *array)
{
    uint32_t type = bytes_u32(&r->in);
    uint64_t count = bytes_u64(&r->in);
    if (r->in.failed) {
        return refuse_end(r);
    }
    if (type == GGUF_ARRAY) {
        return refuse(r, ERR_FORMAT, "an array of arrays");
    }
    if (type >= GGUF_VALUE_TYPES) {
        return refuse(r, ERR_FORMAT, "an array of the unknown type %" PRIu32, type);
    }
    if (count > ARRAY_MAX) {
        return refuse(r, ERR_LIMIT, "an array of %" PRIu64 " elements; at most %d are read", count,
                      ARRAY_MAX);
    }
    array->type = (enum gguf_type)type;
    array->count = count;
    return read_elements(r, array);
}

static bool read_value(struct reader *r, struct gguf_key *key)
{
    uint32_t type = bytes_u32(&r->in);
    if (r->in.failed) {
        return refuse_end(r);
    }
    if (type >= GGUF_VALUE_TYPES) {
        return refuse(r, ERR_FORMAT, "a value of the unknown type %" PRIu32, type);
    }
    if (type == GGUF_ARRAY) {
        key->is_array = true;
        return read_array(r, &key->value);
    }
    key->value.type = (enum gguf_type)type;
    key->value.count = 1;
    if (type == GGUF_STRING) {
        struct gguf_text text = {0};
        if (!read_text(r, STRING_MAX, &text)) {
            return false;
        }
        key->value.data = (const unsigned char *)text.bytes;
        key->text_length = text.length;
        return true;
    }
    return read_elements(r, &key->value);
}

/* --- the parts of the file --- */

static bool read_header(struct reader *r, uint64_t *tensors, uint64_t *keys)
{
    const unsigned char *magic = bytes_view(&r->in, 4);
    if (magic == NULL || memcmp(magic, "GGUF", 4) != 0) {
        return refuse(r, ERR_FORMAT, "not a GGUF file");
    }
    uint32_t version = bytes_u32(&r->in);
    *tensors = bytes_u64(&r->in);
    *keys = bytes_u64(&r->in);
    if (r->in.failed) {
        return refuse_end(r);
    }
    if (version != 0 && (version & 0xFFFF) == 0) {
        return refuse(r, ERR_UNSUPPORTED, "a big-endian GGUF file");
    }
    if (version < 2 || version > 3) {
        return refuse(r, ERR_UNSUPPORTED, "GGUF version %" PRIu32 "; 2 and 3 are read", version);
    }
    if (*tensors > TENSORS_MAX || *keys > KEYS_MAX) {
        return refuse(r, ERR_LIMIT, "%" PRIu64 " tensors and %" PRIu64 " keys; at most %d and %d",
                      *tensors, *keys, TENSORS_MAX, KEYS_MAX);
    }
    if (*tensors * TENSOR_BYTES_MIN + *keys * KEY_BYTES_MIN > bytes_left(&r->in)) {
        return refuse(r, ERR_FORMAT,
                      "%" PRIu64 " tensors and %" PRIu64 " keys do not fit into %zu bytes",
                      *tensors, *keys, r->in.size);
    }
    return true;
}

static bool read_keys(struct reader *r, uint64_t count)
{
    struct gguf *gguf = r->gguf;
    gguf->keys = mem_try_zero((size_t)count, sizeof *gguf->keys);
    if (gguf->keys == NULL || !name_index_init(&gguf->key_index, count)) {
        return refuse_memory(r);
    }
    r->subject = "key";
    for (uint64_t i = 0; i < count; i++) {
        r->number = i + 1;
        r->name.bytes = NULL;
        if (!read_text(r, KEY_LENGTH_MAX, &r->name) || !check_name(r) ||
            !number_name(r, &gguf->key_index) || !read_value(r, &gguf->keys[i])) {
            return false;
        }
    }
    r->name.bytes = NULL;
    return true;
}

static bool read_alignment(struct reader *r, uint32_t *alignment)
{
    static const char name[] = "general.alignment";
    int64_t item = name_index_find(&r->gguf->key_index, name, sizeof name - 1);
    *alignment = ALIGNMENT_DEFAULT;
    if (item < 0) {
        return true;
    }
    const struct gguf_key *key = &r->gguf->keys[item];
    r->number = (uint64_t)item + 1;
    r->name = (struct gguf_text){.bytes = name, .length = sizeof name - 1};
    if (key->is_array || key->value.type != GGUF_U32) {
        return refuse(r, ERR_FORMAT, "has type %s, must be u32",
                      key->is_array ? "array" : gguf_file_value_types[key->value.type].name);
    }
    int64_t value = gguf_array_integer(&key->value, 0);
    if (value < 1 || value > ALIGNMENT_MAX || (value & (value - 1)) != 0) {
        return refuse(r, ERR_FORMAT, "is %" PRId64 ", must be a power of two, at most %d", value,
                      ALIGNMENT_MAX);
    }
    r->name.bytes = NULL;
    *alignment = (uint32_t)value;
    return true;
}

static bool read_shape(struct reader *r, struct gguf_tensor *tensor)
{
    tensor->dimension_count = bytes_u32(&r->in);
    if (r->in.failed) {
        return refuse_end(r);
    }
    if (tensor->dimension_count < 1 || tensor->dimension_count > 4) {
        return refuse(r, ERR_FORMAT, "%" PRIu32 " dimensions; 1 to 4 are possible",
                      tensor->dimension_count);
    }
    uint64_t values = 1;
    for (uint32_t i = 0; i < 4; i++) {
        tensor->ne[i] = i < tensor->dimension_count ? bytes_u64(&r->in) : 1;
        if (r->in.failed) {
            return refuse_end(r);
        }
        if (tensor->ne[i] < 1) {
            return refuse(r, ERR_FORMAT, "dimension %" PRIu32 " is 0", i);
        }
        if (!bytes_multiply(values, tensor->ne[i], &values) || values > VALUES_MAX) {
            return refuse(r, ERR_LIMIT, "more than 2^48 values");
        }
    }
    uint32_t type = bytes_u32(&r->in);
    if (r->in.failed) {
        return refuse_end(r);
    }
    const struct quant_format *format = quant_format(type);
    if (format == NULL) {
        return refuse(r, ERR_UNSUPPORTED, "block format %" PRIu32 " is not one that we read", type);
    }
    if (tensor->ne[0] % format->block_values != 0) {
        return refuse(r, ERR_FORMAT,
                      "rows of %" PRIu64 " values are not whole blocks of %" PRIu32 " (%s)",
                      tensor->ne[0], format->block_values, format->name);
    }
    tensor->type = format->type;
    if (!bytes_multiply(values / format->block_values, format->block_bytes, &tensor->bytes)) {
        return refuse(r, ERR_LIMIT, "more bytes than can be counted");
    }
    return true;
}

/* `end` is where the tensor before ended, relative to the data; it moves on. */
static bool read_tensor(struct reader *r, struct gguf_tensor *tensor, uint32_t alignment,
                        uint64_t *offset, uint64_t *end)
{
    if (!read_text(r, sizeof tensor->name - 1, &r->name) || !check_name(r) ||
        !number_name(r, &r->gguf->tensor_index)) {
        return false;
    }
    memcpy(tensor->name, r->name.bytes, r->name.length); /* zeroed: the NUL is there */
    if (!read_shape(r, tensor)) {
        return false;
    }
    *offset = bytes_u64(&r->in);
    if (r->in.failed) {
        return refuse_end(r);
    }
    if (*offset % alignment != 0) {
        return refuse(r, ERR_FORMAT, "offset %" PRIu64 " is not a multiple of %" PRIu32, *offset,
                      alignment);
    }
    if (*offset < *end) {
        return refuse(r, ERR_FORMAT,
                      "offset %" PRIu64 " lies before %" PRIu64 ", where the tensor before it ends",
                      *offset, *end);
    }
    if (!bytes_add(*offset, tensor->bytes, end)) {
        return refuse(r, ERR_FORMAT, "offset %" PRIu64 " lies outside of any file", *offset);
    }
    return true;
}

/* The data begins after the last description, so where a tensor lies is known only then: until
 * that its `data` is NULL and its offset waits in `offsets`. */
static bool place_tensors(struct reader *r, const uint64_t *offsets, uint32_t alignment)
{
    struct gguf *gguf = r->gguf;
    uint64_t start = ((uint64_t)r->in.position + alignment - 1) / alignment * alignment;
    for (uint32_t i = 0; i < gguf->tensor_index.count; i++) {
        struct gguf_tensor *tensor = &gguf->tensors[i];
        uint64_t first, end;
        r->number = i + 1;
        r->name = (struct gguf_text){.bytes = tensor->name, .length = strlen(tensor->name)};
        if (!bytes_add(start, offsets[i], &first) || !bytes_add(first, tensor->bytes, &end)) {
            return refuse(r, ERR_FORMAT, "offset %" PRIu64 " lies outside of any file", offsets[i]);
        }
        if (end > gguf->size) {
            return refuse(r, ERR_FORMAT,
                          "needs bytes %" PRIu64 " to %" PRIu64
                          ", but the file has only %zu: it was cut short",
                          first, end, gguf->size);
        }
        tensor->data = gguf->bytes + first;
    }
    return true;
}

static bool read_tensors(struct reader *r, uint64_t count, uint32_t alignment)
{
    struct gguf *gguf = r->gguf;
    uint64_t *offsets = mem_try_zero((size_t)count, sizeof *offsets);
    gguf->tensors = mem_try_zero((size_t)count, sizeof *gguf->tensors);
    bool ok =
        offsets != NULL && gguf->tensors != NULL && name_index_init(&gguf->tensor_index, count);
    if (!ok) {
        refuse_memory(r);
    }
    uint64_t end = 0;
    r->subject = "tensor";
    for (uint64_t i = 0; ok && i < count; i++) {
        r->number = i + 1;
        r->name.bytes = NULL;
        ok = read_tensor(r, &gguf->tensors[i], alignment, &offsets[i], &end);
    }
    ok = ok && place_tensors(r, offsets, alignment);
    mem_free(offsets);
    return ok;
}

bool gguf_file_read(struct gguf *gguf, struct err *err)
{
    struct reader r = {.gguf = gguf, .err = err, .subject = "header"};
    bytes_init(&r.in, gguf->bytes, gguf->size);
    uint64_t tensors = 0, keys = 0;
    uint32_t alignment;
    if (!read_header(&r, &tensors, &keys) || !read_keys(&r, keys) ||
        !read_alignment(&r, &alignment) || !read_tensors(&r, tensors, alignment)) {
        return false;
    }
    gguf->metadata_bytes = r.in.position;
    return true;
}
