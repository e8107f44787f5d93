/* The cursor never moves past `size`, every loop moves it, and nesting is counted, not recursed
 * into: a file can make reading fail, but not long or deep.
 *
 * Numbers are read by hand because strtod follows the process's locale. Up to 15 digits and powers
 * of ten up to 22 the result is the nearest double; beyond that it may be a few units off, which
 * no value of a configuration notices.
 */
#include "load/json_reader.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "base/vec.h"

enum { DIGITS_MAX = 400 };

void json_reader_init(struct json_reader *json, const char *shown, const void *bytes, size_t size,
                      struct err *err)
{
    *json = (struct json_reader){.bytes = bytes, .size = size, .shown = shown, .err = err};
}

void json_reader_finish(struct json_reader *json)
{
    mem_free(json->scratch);
    json->scratch = NULL;
}

bool json_reader_refuse(struct json_reader *json, const char *format, ...)
{
    if (!json->failed && json->err != NULL) {
        char what[256];
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(what, sizeof what, format, arguments);
        va_end(arguments);
        err_set(json->err, ERR_FORMAT, "%s: at byte %zu: %s", json->shown, json->at, what);
    }
    json->failed = true;
    return false;
}

static bool refuse_memory(struct json_reader *json)
{
    if (!json->failed && json->err != NULL) {
        err_set(json->err, ERR_MEMORY, "%s: no memory for a string", json->shown);
    }
    json->failed = true;
    return false;
}

/* --- single bytes --- */

static int look(const struct json_reader *json)
{
    return json->at < json->size ? (unsigned char)json->bytes[json->at] : -1;
}

static int look_past_space(struct json_reader *json)
{
    int c = look(json);
    while (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
        json->at++;
        c = look(json);
    }
    return c;
}

static bool take(struct json_reader *json, char expected)
{
    if (json->failed) {
        return false;
    }
    if (look_past_space(json) != expected) {
        return json_reader_refuse(json, "'%c' is expected", expected);
    }
    json->at++;
    return true;
}

static bool take_word(struct json_reader *json, const char *word)
{
    size_t length = strlen(word);
    if (json->size - json->at < length || memcmp(json->bytes + json->at, word, length) != 0) {
        return json_reader_refuse(json, "%s is expected", word);
    }
    json->at += length;
    return true;
}

bool json_reader_peek(struct json_reader *json, enum json_reader_type *type)
{
    if (json->failed) {
        return false;
    }
    int c = look_past_space(json);
    switch (c) {
    case '{':
        *type = JSON_READER_OBJECT;
        return true;
    case '[':
        *type = JSON_READER_ARRAY;
        return true;
    case '"':
        *type = JSON_READER_STRING;
        return true;
    case 't':
    case 'f':
        *type = JSON_READER_BOOL;
        return true;
    case 'n':
        *type = JSON_READER_NULL;
        return true;
    default:
        break;
    }
    if (c == '-' || (c >= '0' && c <= '9')) {
        *type = JSON_READER_NUMBER;
        return true;
    }
    json_reader_refuse(json, c < 0 ? "the file ends" : "no value begins like this");
    return false;
}

/* --- strings --- */

static bool append(struct json_reader *json, size_t *length, const char *bytes, size_t count)
{
    if (count == 0) {
        return true; /* there may be no scratch yet */
    }
    if (*length + count > JSON_READER_STRING_MAX) {
        return json_reader_refuse(json, "a string of more than %d bytes", JSON_READER_STRING_MAX);
    }
    if (!vec_try_room(&json->scratch, &json->scratch_capacity, *length + count, 1)) {
        return refuse_memory(json);
    }
    memcpy(json->scratch + *length, bytes, count);
    *length += count;
    return true;
}

static bool read_hex(struct json_reader *json, uint32_t *value)
{
    *value = 0;
    for (int i = 0; i < 4; i++) {
        int c = look(json);
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0) {
            return json_reader_refuse(json, "four hexadecimal digits are expected");
        }
        *value = *value << 4 | (uint32_t)digit;
        json->at++;
    }
    return true;
}

/* Behind "\u": one UTF-16 unit, or two that belong together. */
static bool read_code_point(struct json_reader *json, uint32_t *code_point)
{
    uint32_t low;
    if (!read_hex(json, code_point)) {
        return false;
    }
    if (*code_point < 0xD800 || *code_point > 0xDFFF) {
        return true;
    }
    if (*code_point > 0xDBFF || !take_word(json, "\\u") || !read_hex(json, &low) || low < 0xDC00 ||
        low > 0xDFFF) {
        return json_reader_refuse(json, "half a surrogate pair");
    }
    *code_point = 0x10000 + ((*code_point - 0xD800) << 10) + (low - 0xDC00);
    return true;
}

/* Behind the backslash. */
static bool append_escape(struct json_reader *json, size_t *length)
{
    static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    int c = look(json);
    json->at += c >= 0;
    if (c == 'u') {
        uint32_t code_point;
        char encoded[4];
        return read_code_point(json, &code_point) &&
               append(json, length, encoded, utf8_encode(code_point, encoded));
    }
    const char *name = c > 0 ? strchr(names, c) : NULL;
    if (name == NULL) {
        return json_reader_refuse(json, "an escape that JSON does not have");
    }
    return append(json, length, &values[name - names], 1);
}

bool json_reader_string(struct json_reader *json, struct json_reader_text *text)
{
    if (!take(json, '"')) {
        return false;
    }
    size_t length = 0;
    struct json_reader_text found = {.bytes = json->bytes + json->at, .as_written = true};
    for (;;) {
        size_t start = json->at;
        int c = look(json);
        while (c >= 0x20 && c != '"' && c != '\\') {
            json->at++;
            c = look(json);
        }
        size_t run = json->at - start;
        if (c != '"' && c != '\\') {
            return json_reader_refuse(json, "a string does not end, or holds a control character");
        }
        if (run > JSON_READER_STRING_MAX || !utf8_valid(json->bytes + start, run)) {
            return json_reader_refuse(json, "a string is too long, or not UTF-8");
        }
        json->at++;
        if (c == '"' && found.as_written) {
            found.length = run;
            break;
        }
        found.as_written = false;
        if (!append(json, &length, json->bytes + start, run)) {
            return false;
        }
        if (c == '"') {
            found.bytes = json->scratch == NULL ? "" : json->scratch;
            found.length = length;
            break;
        }
        if (!append_escape(json, &length)) {
            return false;
        }
    }
    *text = found;
    return true;
}

bool json_reader_text_is(const struct json_reader_text *text, const char *expected)
{
    return text->length == strlen(expected) && memcmp(text->bytes, expected, text->length) == 0;
}

/* --- objects and arrays --- */

bool json_reader_enter(struct json_reader *json, enum json_reader_type type)
{
    if (!take(json, type == JSON_READER_OBJECT ? '{' : '[')) {
        return false;
    }
    if (json->depth == JSON_READER_DEPTH_MAX) {
        return json_reader_refuse(json, "nested more than %d deep", JSON_READER_DEPTH_MAX);
    }
    json->has_items[json->depth] = false;
    json->closing[json->depth] = type == JSON_READER_OBJECT ? '}' : ']';
    json->depth++;
    return true;
}

bool json_reader_next_item(struct json_reader *json)
{
    if (json->failed) {
        return false;
    }
    bool *has_items = &json->has_items[json->depth - 1];
    if (look_past_space(json) == json->closing[json->depth - 1]) {
        json->at++;
        json->depth--;
        return false;
    }
    if (*has_items && !take(json, ',')) {
        return false;
    }
    *has_items = true;
    return true;
}

bool json_reader_next_key(struct json_reader *json, struct json_reader_text *key)
{
    return json_reader_next_item(json) && json_reader_string(json, key) && take(json, ':');
}

/* --- numbers and words --- */

struct number {
    bool negative, integral;
    uint64_t digits; /* the first 19 */
    int digit_count; /* significant ones */
    int exponent;    /* of ten */
};

static int take_digit(struct json_reader *json)
{
    int c = look(json);
    if (c < '0' || c > '9') {
        return -1;
    }
    json->at++;
    return c - '0';
}

static bool read_exponent(struct json_reader *json, struct number *number)
{
    int sign = look(json), value = 0, digit = 0;
    json->at += sign == '+' || sign == '-';
    int count = 0;
    for (; (digit = take_digit(json)) >= 0; count++) {
        value = value > 9999 ? value : value * 10 + digit;
    }
    if (count == 0) {
        return json_reader_refuse(json, "an exponent without digits");
    }
    number->exponent += sign == '-' ? -value : value;
    return true;
}

static void add_digit(struct number *number, int digit, bool fraction)
{
    if (number->digit_count < 19) {
        number->digits = number->digits * 10 + (uint64_t)digit;
        number->digit_count += number->digits != 0;
        number->exponent -= fraction;
    } else {
        number->exponent += !fraction;
    }
}

static bool read_number(struct json_reader *json, struct number *number)
{
    enum json_reader_type type;
    *number = (struct number){.integral = true};
    if (!json_reader_peek(json, &type)) {
        return false;
    }
    if (type != JSON_READER_NUMBER) {
        return json_reader_refuse(json, "a number is expected");
    }
    size_t start = json->at;
    number->negative = look(json) == '-';
    json->at += number->negative;
    int digit = take_digit(json), count = 0;
    bool leading_zero = digit == 0;
    for (; digit >= 0 && count < DIGITS_MAX; digit = take_digit(json), count++) {
        add_digit(number, digit, false);
    }
    bool well_formed = count >= 1 && (!leading_zero || count == 1);
    if (well_formed && look(json) == '.') {
        json->at++;
        number->integral = false;
        for (count = 0; (digit = take_digit(json)) >= 0 && count < DIGITS_MAX; count++) {
            add_digit(number, digit, true);
        }
        well_formed = count >= 1;
    }
    if (!well_formed || json->at - start > DIGITS_MAX) {
        return json_reader_refuse(json, "not a number");
    }
    if (look(json) == 'e' || look(json) == 'E') {
        json->at++;
        number->integral = false;
        return read_exponent(json, number);
    }
    return true;
}

bool json_reader_integer(struct json_reader *json, int64_t *value)
{
    struct number number;
    if (!read_number(json, &number)) {
        return false;
    }
    if (!number.integral || number.exponent != 0 || number.digits > INT64_MAX) {
        return json_reader_refuse(json, "an integer of 64 bits is expected");
    }
    *value = number.negative ? -(int64_t)number.digits : (int64_t)number.digits;
    return true;
}

bool json_reader_real(struct json_reader *json, double *value)
{
    struct number number;
    if (!read_number(json, &number)) {
        return false;
    }
    double magnitude = (double)number.digits;
    int exponent = number.exponent;
    magnitude = exponent < 0 ? magnitude / pow(10, -exponent) : magnitude * pow(10, exponent);
    if (!isfinite(magnitude)) {
        return json_reader_refuse(json, "a number is too large");
    }
    *value = number.negative ? -magnitude : magnitude;
    return true;
}

bool json_reader_bool(struct json_reader *json, bool *value)
{
    enum json_reader_type type;
    if (!json_reader_peek(json, &type)) {
        return false;
    }
    if (type != JSON_READER_BOOL) {
        return json_reader_refuse(json, "true or false is expected");
    }
    bool truth = look(json) == 't';
    if (!take_word(json, truth ? "true" : "false")) {
        return false;
    }
    *value = truth;
    return true;
}

bool json_reader_take_null(struct json_reader *json)
{
    enum json_reader_type type;
    return json_reader_peek(json, &type) && type == JSON_READER_NULL && take_word(json, "null");
}

/* --- the rest --- */

/* A value that holds no others. */
static bool skip_plain(struct json_reader *json, enum json_reader_type type)
{
    struct json_reader_text text;
    struct number number;
    bool truth;
    switch (type) {
    case JSON_READER_STRING:
        return json_reader_string(json, &text);
    case JSON_READER_NUMBER:
        return read_number(json, &number);
    case JSON_READER_BOOL:
        return json_reader_bool(json, &truth);
    case JSON_READER_NULL:
        return take_word(json, "null");
    case JSON_READER_ARRAY:
    case JSON_READER_OBJECT:
        break;
    }
    return false;
}

bool json_reader_skip(struct json_reader *json)
{
    int outside = json->depth;
    enum json_reader_type type;
    do {
        if (!json_reader_peek(json, &type)) {
            return false;
        }
        if (!(type == JSON_READER_ARRAY || type == JSON_READER_OBJECT
                  ? json_reader_enter(json, type)
                  : skip_plain(json, type))) {
            return false;
        }
        /* To the next value, out of everything that ends here. */
        bool found = false;
        while (json->depth > outside && !found) {
            struct json_reader_text key;
            found = json->closing[json->depth - 1] == '}' ? json_reader_next_key(json, &key)
                                                          : json_reader_next_item(json);
            if (json->failed) {
                return false;
            }
        }
    } while (json->depth > outside);
    return true;
}

bool json_reader_end(struct json_reader *json)
{
    if (!json->failed && look_past_space(json) >= 0) {
        return json_reader_refuse(json, "something follows the end");
    }
    return !json->failed;
}
