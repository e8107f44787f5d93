/* cli_json: a reader by recursive descent over bytes in memory. The engine has no use for a JSON
 * library otherwise, and this much of the grammar fits on two pages. */
#include "cli_json.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/utf8.h"
#include "base/vec.h"

enum { DEPTH_MAX = 32 };

struct reader {
    const char *text;
    size_t length, at;
    struct err *err;
};

struct ids {
    int32_t *items;
    size_t count, capacity;
};

static bool fail_at(struct reader *r, const char *what)
{
    return err_set(r->err, ERR_FORMAT, "JSON, byte %zu: %s", r->at, what);
}

/* The next byte that is not white space, or 0 at the end. */
static char peek(struct reader *r)
{
    while (r->at < r->length && strchr(" \t\r\n", r->text[r->at]) != NULL && r->text[r->at] != 0) {
        r->at++;
    }
    return r->at < r->length ? r->text[r->at] : '\0';
}

static bool accept(struct reader *r, char c)
{
    if (peek(r) != c || r->at == r->length) {
        return false;
    }
    r->at++;
    return true;
}

static bool is_digit(const struct reader *r)
{
    return r->at < r->length && r->text[r->at] >= '0' && r->text[r->at] <= '9';
}

static bool read_id(struct reader *r, int32_t *id)
{
    int64_t value = 0;
    peek(r);
    size_t start = r->at;
    bool negative = accept(r, '-');
    size_t digits = r->at;
    for (; is_digit(r); r->at++) {
        value = value * 10 + (r->text[r->at] - '0');
        if (value > INT32_MAX) {
            return fail_at(r, "the number is too large for a token id");
        }
    }
    if (r->at == digits || (r->at - digits > 1 && r->text[digits] == '0')) {
        r->at = start;
        return fail_at(r, "expected an integer");
    }
    if (r->at < r->length && strchr(".eE", r->text[r->at]) != NULL && r->text[r->at] != 0) {
        return fail_at(r, "expected an integer, not a fraction");
    }
    *id = (int32_t)(negative ? -value : value);
    return true;
}

static bool read_ids(struct reader *r, struct ids *ids)
{
    if (!accept(r, '[')) {
        return fail_at(r, "expected an array of token ids");
    }
    if (accept(r, ']')) {
        return true;
    }
    do {
        if (!vec_try_room(&ids->items, &ids->capacity, ids->count + 1, sizeof *ids->items)) {
            return err_set(r->err, ERR_MEMORY, "no memory for %zu token ids", ids->count + 1);
        }
        if (!read_id(r, &ids->items[ids->count])) {
            return false;
        }
        ids->count++;
    } while (accept(r, ','));
    return accept(r, ']') || fail_at(r, "expected \",\" or \"]\"");
}

/* Views a string's raw bytes between the quotes; escapes stay as they are. */
static bool read_string(struct reader *r, const char **start, size_t *length)
{
    if (!accept(r, '"')) {
        return fail_at(r, "expected a string");
    }
    size_t from = r->at;
    while (r->at < r->length && r->text[r->at] != '"') {
        if ((unsigned char)r->text[r->at] < ' ') {
            return fail_at(r, "a control character in a string");
        }
        r->at += r->text[r->at] == '\\' ? 2 : 1;
    }
    if (r->at >= r->length) {
        r->at = r->length;
        return fail_at(r, "the string does not end");
    }
    *start = r->text + from;
    *length = r->at++ - from;
    return true;
}

static bool skip_value(struct reader *r, int depth);

static bool skip_members(struct reader *r, char close, int depth)
{
    if (accept(r, close)) {
        return true;
    }
    do {
        const char *key;
        size_t length;
        if (close == '}' &&
            (!read_string(r, &key, &length) || !(accept(r, ':') || fail_at(r, "expected \":\"")))) {
            return false;
        }
        if (!skip_value(r, depth + 1)) {
            return false;
        }
    } while (accept(r, ','));
    return accept(r, close) || fail_at(r, "expected \",\" or the end of the list");
}

static bool skip_word(struct reader *r)
{
    size_t start = r->at;
    while (r->at < r->length &&
           strchr("+-.0123456789abcdefghijklmnopqrstuvwxyzE", r->text[r->at]) &&
           r->text[r->at] != 0) {
        r->at++;
    }
    return r->at > start || fail_at(r, "expected a value");
}

static bool skip_value(struct reader *r, int depth)
{
    const char *start;
    size_t length;
    if (depth > DEPTH_MAX) {
        return fail_at(r, "nested too deeply");
    }
    switch (peek(r)) {
    case '[':
        r->at++;
        return skip_members(r, ']', depth);
    case '{':
        r->at++;
        return skip_members(r, '}', depth);
    case '"':
        return read_string(r, &start, &length);
    default:
        return skip_word(r);
    }
}

static bool read_object(struct reader *r, struct ids *ids)
{
    bool found = false;
    r->at++;
    do {
        const char *key;
        size_t length;
        if (!read_string(r, &key, &length) || !(accept(r, ':') || fail_at(r, "expected \":\""))) {
            return false;
        }
        bool is_ids = length == 3 && memcmp(key, "ids", 3) == 0;
        if (is_ids && found) {
            return fail_at(r, "\"ids\" appears twice");
        }
        found = found || is_ids;
        if (!(is_ids ? read_ids(r, ids) : skip_value(r, 1))) {
            return false;
        }
    } while (accept(r, ','));
    if (!accept(r, '}')) {
        return fail_at(r, "expected \",\" or \"}\"");
    }
    return found || fail_at(r, "the object has no \"ids\"");
}

bool cli_json_ids(const char *text, size_t length, int32_t **ids, size_t *count, struct err *err)
{
    struct reader r = {.text = text, .length = length, .err = err};
    struct ids found = {0};
    bool ok = peek(&r) == '{' ? read_object(&r, &found) : read_ids(&r, &found);
    if (ok) {
        peek(&r);
        ok = r.at == length || fail_at(&r, "something follows the value");
    }
    if (ok && found.items == NULL) {
        found.items = mem_try_alloc(1, sizeof *found.items);
        ok = found.items != NULL || err_set(err, ERR_MEMORY, "no memory for token ids");
    }
    if (!ok) {
        mem_free(found.items);
        return false;
    }
    *ids = found.items;
    *count = found.count;
    return true;
}

void cli_json_print_ids(const int32_t *ids, size_t count)
{
    putchar('[');
    for (size_t i = 0; i < count; i++) {
        printf("%s%d", i > 0 ? ", " : "", ids[i]);
    }
    putchar(']');
}

void cli_json_append_text(struct str *out, const char *text)
{
    size_t length = strlen(text), used;
    str_append_char(out, '"');
    for (size_t at = 0; at < length; at += used) {
        uint32_t c = utf8_decode(text + at, length - at, &used);
        if (c >= UTF8_INCOMPLETE) {
            str_append(out, "\\ufffd");
        } else if (c == '"' || c == '\\') {
            str_append_format(out, "\\%c", (char)c);
        } else if (c < 0x20 || (c >= 0x7F && c < 0xA0)) {
            str_append_format(out, "\\u%04x", (unsigned)c);
        } else {
            str_append_bytes(out, text + at, used);
        }
    }
    str_append_char(out, '"');
}
