#include "str.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "mem.h"

static char shared_empty[1];

void str_init(struct str *s)
{
    s->data = shared_empty;
    s->length = 0;
    s->capacity = 0;
}

void str_finish(struct str *s)
{
    if (s->capacity != 0) {
        mem_free(s->data);
    }
    str_init(s);
}

void str_clear(struct str *s)
{
    str_truncate(s, 0);
}

void str_reserve(struct str *s, size_t more)
{
    size_t needed = s->length + more + 1;
    if (needed <= s->capacity) {
        return;
    }
    size_t capacity = s->capacity * 2 > 32 ? s->capacity * 2 : 32;
    if (capacity < needed) {
        capacity = needed;
    }
    s->data = mem_resize(s->capacity == 0 ? NULL : s->data, capacity, 1);
    s->data[s->length] = '\0';
    s->capacity = capacity;
}

void str_truncate(struct str *s, size_t length)
{
    assert(length <= s->length);
    s->length = length;
    if (s->capacity != 0) {
        s->data[length] = '\0';
    }
}

void str_append_bytes(struct str *s, const void *bytes, size_t length)
{
    if (length == 0) {
        return;
    }
    str_reserve(s, length);
    memcpy(s->data + s->length, bytes, length);
    s->length += length;
    s->data[s->length] = '\0';
}

void str_append(struct str *s, const char *text)
{
    str_append_bytes(s, text, strlen(text));
}

void str_append_char(struct str *s, char c)
{
    str_append_bytes(s, &c, 1);
}

void str_append_arguments(struct str *s, const char *format, va_list arguments)
{
    va_list again;
    va_copy(again, arguments);
    char probe[64]; /* only its length is wanted; gcc's sanitizer build warns of a NULL here */
    int length = vsnprintf(probe, sizeof probe, format, arguments);
    assert(length >= 0);
    str_reserve(s, (size_t)length);
    vsnprintf(s->data + s->length, (size_t)length + 1, format, again);
    va_end(again);
    s->length += (size_t)length;
}

void str_append_format(struct str *s, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    str_append_arguments(s, format, arguments);
    va_end(arguments);
}

void str_remove(struct str *s, size_t start, size_t count)
{
    assert(start <= s->length && count <= s->length - start);
    if (count == 0) {
        return;
    }
    memmove(s->data + start, s->data + start + count, s->length - start - count + 1);
    s->length -= count;
}

void str_insert(struct str *s, size_t start, const void *bytes, size_t length)
{
    assert(start <= s->length);
    if (length == 0) {
        return;
    }
    str_reserve(s, length);
    memmove(s->data + start + length, s->data + start, s->length - start + 1);
    memcpy(s->data + start, bytes, length);
    s->length += length;
}

char *str_take(struct str *s)
{
    char *data = s->capacity == 0 ? mem_strdup("") : s->data;
    str_init(s);
    return data;
}

bool str_starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool str_ends_with(const char *text, const char *suffix)
{
    size_t length = strlen(text), tail = strlen(suffix);
    return length >= tail && memcmp(text + length - tail, suffix, tail) == 0;
}
