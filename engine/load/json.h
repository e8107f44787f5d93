/* json: a strict reader of JSON that cannot be trusted, for the files beside safetensors weights.
 *
 * A cursor, no tree: the caller asks for what it expects next and skips the rest, so that nothing
 * is allocated but one scratch for strings with escapes. Strict: RFC 8259 and no more, valid UTF-8,
 * no lone surrogates, nesting and string lengths under caps. Whether a key comes twice is for the
 * caller to notice. The first failure is kept in `failed` and in *err, and everything after it
 * fails too; a message names the file and the byte.
 */
#ifndef CARAT_LOAD_JSON_H
#define CARAT_LOAD_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

enum { JSON_DEPTH_MAX = 16, JSON_STRING_MAX = 1 << 20 };

enum json_type { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json_text {
    const char *bytes; /* not NUL-terminated */
    size_t length;
    bool as_written; /* a view of the file; else of the scratch, until the next string is read */
};

struct json {
    const char *bytes;
    size_t size, at;
    const char *shown; /* the file's name in messages */
    struct err *err;
    int depth;
    bool has_items[JSON_DEPTH_MAX]; /* something was read at this depth: a comma must follow */
    char closing[JSON_DEPTH_MAX];
    char *scratch;
    size_t scratch_capacity;
    bool failed;
};

/* `shown` and the bytes are borrowed. Finish it in any case. */
void json_init(struct json *json, const char *shown, const void *bytes, size_t size,
               struct err *err);
void json_finish(struct json *json);

/* What comes next; consumes white space only. */
bool json_peek(struct json *json, enum json_type *type);

/* Enters an object or array, whose entries are then taken one by one; false at its end, which is
 * left by that, and on failure. The value of an entry must be read or skipped before the next. */
bool json_enter(struct json *json, enum json_type type);
bool json_next_key(struct json *json, struct json_text *key);
bool json_next_item(struct json *json);

bool json_string(struct json *json, struct json_text *text);
bool json_bool(struct json *json, bool *value);
/* No fraction, no exponent. */
bool json_integer(struct json *json, int64_t *value);
bool json_real(struct json *json, double *value);
bool json_skip(struct json *json);
/* If null comes next: takes it and gives true. */
bool json_take_null(struct json *json);

/* Nothing but white space is left. */
bool json_end(struct json *json);

bool json_text_is(const struct json_text *text, const char *expected);

/* Fails the reading: for what the caller finds wrong. Always false. */
bool json_refuse(struct json *json, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
