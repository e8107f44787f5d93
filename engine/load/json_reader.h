/* json_reader: a strict reader of JSON that cannot be trusted, for the files beside safetensors
 * weights.
 *
 * Not called json: programs that link the engine may link jansson too, whose names begin so.
 *
 * A cursor, no tree: the caller asks for what it expects next and skips the rest, so that nothing
 * is allocated but one scratch for strings with escapes. Strict: RFC 8259 and no more, valid UTF-8,
 * no lone surrogates, nesting and string lengths under caps. Whether a key comes twice is for the
 * caller to notice. The first failure is kept in `failed` and in *err, and everything after it
 * fails too; a message names the file and the byte.
 */
#ifndef CARAT_LOAD_JSON_READER_H
#define CARAT_LOAD_JSON_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

enum { JSON_READER_DEPTH_MAX = 16, JSON_READER_STRING_MAX = 1 << 20 };

enum json_reader_type {
    JSON_READER_NULL,
    JSON_READER_BOOL,
    JSON_READER_NUMBER,
    JSON_READER_STRING,
    JSON_READER_ARRAY,
    JSON_READER_OBJECT
};

struct json_reader_text {
    const char *bytes; /* not NUL-terminated */
    size_t length;
    bool as_written; /* a view of the file; else of the scratch, until the next string is read */
};

struct json_reader {
    const char *bytes;
    size_t size, at;
    const char *shown; /* the file's name in messages */
    struct err *err;
    int depth;
    bool has_items[JSON_READER_DEPTH_MAX]; /* something was read at this depth: a comma must follow
                                            */
    char closing[JSON_READER_DEPTH_MAX];
    char *scratch;
    size_t scratch_capacity;
    bool failed;
};

/* `shown` and the bytes are borrowed. Finish it in any case. */
void json_reader_init(struct json_reader *json, const char *shown, const void *bytes, size_t size,
                      struct err *err);
void json_reader_finish(struct json_reader *json);

/* What comes next; consumes white space only. */
bool json_reader_peek(struct json_reader *json, enum json_reader_type *type);

/* Enters an object or array, whose entries are then taken one by one; false at its end, which is
 * left by that, and on failure. The value of an entry must be read or skipped before the next. */
bool json_reader_enter(struct json_reader *json, enum json_reader_type type);
bool json_reader_next_key(struct json_reader *json, struct json_reader_text *key);
bool json_reader_next_item(struct json_reader *json);

bool json_reader_string(struct json_reader *json, struct json_reader_text *text);
bool json_reader_bool(struct json_reader *json, bool *value);
/* No fraction, no exponent. */
bool json_reader_integer(struct json_reader *json, int64_t *value);
bool json_reader_real(struct json_reader *json, double *value);
bool json_reader_skip(struct json_reader *json);
/* If null comes next: takes it and gives true. */
bool json_reader_take_null(struct json_reader *json);

/* Nothing but white space is left. */
bool json_reader_end(struct json_reader *json);

bool json_reader_text_is(const struct json_reader_text *text, const char *expected);

/* Fails the reading: for what the caller finds wrong. Always false. */
bool json_reader_refuse(struct json_reader *json, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
