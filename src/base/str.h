/* str: a growing run of bytes, always followed by a NUL that is not counted.
 *
 * Invariants: data is never NULL after str_init (an empty str points at a shared empty string);
 * data[length] == 0; the bytes may hold NULs themselves. Owned by whoever holds the struct; not
 * thread-safe. Growing uses mem_* and so cannot fail.
 */
#ifndef CARAT_BASE_STR_H
#define CARAT_BASE_STR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct str {
    char *data;
    size_t length;
    size_t capacity; /* 0: data is the shared empty string */
};

void str_init(struct str *s);
void str_finish(struct str *s);
void str_clear(struct str *s);                /* length 0, memory kept */
void str_reserve(struct str *s, size_t more); /* room for `more` further bytes */
void str_truncate(struct str *s, size_t length);
void str_append(struct str *s, const char *text);
void str_append_bytes(struct str *s, const void *bytes, size_t length);
void str_append_char(struct str *s, char c);
void str_append_format(struct str *s, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void str_append_arguments(struct str *s, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));
/* Removes `count` bytes at `start`; both must lie inside. */
void str_remove(struct str *s, size_t start, size_t count);
void str_insert(struct str *s, size_t start, const void *bytes, size_t length);
/* Hands the memory to the caller (mem_free) and leaves an empty str. */
char *str_take(struct str *s);

bool str_starts_with(const char *text, const char *prefix);
bool str_ends_with(const char *text, const char *suffix);

#endif
