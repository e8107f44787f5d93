/* The printer of values. Recursion is as deep as the value, which jansson's reader limits. */
#include "chat/value.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "chat/prompt_writer.h"

enum {
    REAL_DIGITS = 17,   /* enough for every double */
    PLAIN_EXPONENT = 16 /* from 1e16 on, and below 1e-4, repr writes an exponent */
};

bool chat_value_is_name(const char *text, size_t length)
{
    if (length == 0 || length > CHAT_NAME_MAX) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        bool inner = (c >= '0' && c <= '9') || c == '.' || c == '-';
        if (!letter && !(inner && i > 0)) {
            return false;
        }
    }
    return true;
}

/* --- numbers --- */

/* Adds one to the last digit of "d.ddde+xx"; false when that would carry out of the first. */
static bool next_decimal(char *text)
{
    for (char *c = strchr(text, 'e') - 1; c >= text; c--) {
        if (*c == '9') {
            *c = '0';
        } else if (*c >= '0' && *c < '9') {
            ++*c;
            return true;
        }
    }
    return false;
}

/* The fewest digits that read back as `number`, and its exponent (0.digits * 10^point). The nearest
 * decimal is tried first, then the next larger one: above a power of two the numbers lie twice as
 * far apart as below it, and there the farther decimal can be the only one that reads back. Works
 * under any locale: whatever stands between digits is skipped. */
static size_t shortest_digits(double number, char digits[REAL_DIGITS + 1], int *point)
{
    char text[40];
    for (int precision = 0; precision < REAL_DIGITS; precision++) {
        snprintf(text, sizeof text, "%.*e", precision, number);
        if (strtod(text, NULL) == number || (next_decimal(text) && strtod(text, NULL) == number)) {
            break;
        }
    }
    char *exponent = strchr(text, 'e');
    size_t count = 0;
    for (char *c = text; c < exponent; c++) {
        if (*c >= '0' && *c <= '9') {
            digits[count++] = *c;
        }
    }
    while (count > 1 && digits[count - 1] == '0') {
        count--;
    }
    digits[count] = '\0';
    *point = (int)strtol(exponent + 1, NULL, 10) + 1;
    return count;
}

void chat_value_format_real(double number, char out[CHAT_REAL_SIZE])
{
    char digits[REAL_DIGITS + 1];
    int point;
    const char *sign = number < 0 || (number == 0 && 1 / number < 0) ? "-" : "";
    int count = (int)shortest_digits(number < 0 ? -number : number, digits, &point);
    if (number == 0) {
        snprintf(out, CHAT_REAL_SIZE, "%s0.0", sign);
    } else if (point <= -4 || point > PLAIN_EXPONENT) {
        int exponent = point - 1;
        snprintf(out, CHAT_REAL_SIZE, "%s%c%s%se%c%02d", sign, digits[0], count > 1 ? "." : "",
                 digits + 1, exponent < 0 ? '-' : '+', abs(exponent));
    } else if (point <= 0) {
        snprintf(out, CHAT_REAL_SIZE, "%s0.%.*s%s", sign, -point, "0000", digits);
    } else if (point >= count) {
        snprintf(out, CHAT_REAL_SIZE, "%s%s%.*s.0", sign, digits, point - count,
                 "0000000000000000");
    } else {
        snprintf(out, CHAT_REAL_SIZE, "%s%.*s.%s", sign, point, digits, digits + point);
    }
}

/* --- keys --- */

struct sorted_key {
    const char *key;
    size_t place; /* in the object */
};

static int lower(unsigned char c)
{
    return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

static int compare_keys(const void *left, const void *right)
{
    const struct sorted_key *a = left, *b = right;
    const unsigned char *x = (const unsigned char *)a->key, *y = (const unsigned char *)b->key;
    while (*x != '\0' && lower(*x) == lower(*y)) {
        x++;
        y++;
    }
    int difference = lower(*x) - lower(*y);
    return difference != 0 ? difference : (a->place < b->place ? -1 : 1);
}

const char **chat_value_sorted_keys(const json_t *object, size_t *count)
{
    size_t size = json_object_size(object), n = 0;
    struct sorted_key *sorted = mem_alloc(size + 1, sizeof *sorted);
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)object, key, value)
    {
        sorted[n] = (struct sorted_key){key, n};
        n++;
    }
    qsort(sorted, n, sizeof *sorted, compare_keys);
    const char **keys = mem_alloc(size + 1, sizeof *keys);
    for (size_t i = 0; i < n; i++) {
        keys[i] = sorted[i].key;
    }
    mem_free(sorted);
    *count = n;
    return keys;
}

/* --- values --- */

static void print_key(struct prompt_writer *writer, const char *key, enum chat_value_keys keys)
{
    size_t length = strlen(key);
    if (keys == CHAT_KEYS_BARE && chat_value_is_name(key, length)) {
        prompt_writer_bytes(writer, key, length);
    } else {
        prompt_writer_string(writer, key, length);
    }
}

static void print_members(struct prompt_writer *writer, const json_t *object,
                          enum chat_value_keys keys)
{
    size_t count;
    const char **sorted = chat_value_sorted_keys(object, &count);
    for (size_t i = 0; i < count; i++) {
        if (i > 0) {
            prompt_writer_text(writer, ",");
        }
        print_key(writer, sorted[i], keys);
        prompt_writer_text(writer, ":");
        chat_value_print(writer, json_object_get(object, sorted[i]), keys);
    }
    mem_free(sorted);
}

void chat_value_print_members(struct prompt_writer *writer, const json_t *object)
{
    print_members(writer, object, CHAT_KEYS_BARE);
}

static void print_array(struct prompt_writer *writer, const json_t *array,
                        enum chat_value_keys keys)
{
    size_t count = json_array_size(array);
    prompt_writer_text(writer, "[");
    for (size_t i = 0; i < count; i++) {
        if (i > 0) {
            prompt_writer_text(writer, ",");
        }
        chat_value_print(writer, json_array_get(array, i), keys);
    }
    prompt_writer_text(writer, "]");
}

void chat_value_print(struct prompt_writer *writer, const json_t *value, enum chat_value_keys keys)
{
    char number[CHAT_REAL_SIZE];
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        prompt_writer_text(writer, "{");
        print_members(writer, value, keys);
        prompt_writer_text(writer, "}");
        break;
    case JSON_ARRAY:
        print_array(writer, value, keys);
        break;
    case JSON_STRING:
        prompt_writer_string(writer, json_string_value(value), json_string_length(value));
        break;
    case JSON_INTEGER:
        snprintf(number, sizeof number, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        prompt_writer_text(writer, number);
        break;
    case JSON_REAL:
        chat_value_format_real(json_real_value(value), number);
        prompt_writer_text(writer, number);
        break;
    case JSON_TRUE:
        prompt_writer_text(writer, "true");
        break;
    case JSON_FALSE:
        prompt_writer_text(writer, "false");
        break;
    case JSON_NULL:
        prompt_writer_text(writer, "null");
        break;
    }
}
