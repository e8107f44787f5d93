/* Cleaning of text as the template does it. See the header. */
#include "chat/text.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/str.h"
#include "base/utf8.h"
#include "chat/control.h"

/* Python's str.isspace() for one code point. */
static bool is_space(uint32_t c)
{
    static const struct {
        uint32_t first, last;
    } ranges[] = {
        {0x09, 0x0D},     {0x1C, 0x20},     {0x85, 0x85},     {0xA0, 0xA0},     {0x1680, 0x1680},
        {0x2000, 0x200A}, {0x2028, 0x2029}, {0x202F, 0x202F}, {0x205F, 0x205F}, {0x3000, 0x3000},
    };
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        if (c >= ranges[i].first && c <= ranges[i].last) {
            return true;
        }
    }
    return false;
}

/* The length of the last code point of text[0..length), length >= 1. */
static size_t last_size(const char *text, size_t length)
{
    for (size_t size = 1; size <= 4 && size <= length; size++) {
        if (((unsigned char)text[length - size] & 0xC0) != 0x80) {
            return size;
        }
    }
    return 1;
}

void chat_text_strip(const char **text, size_t *length)
{
    size_t used;
    while (*length > 0 && is_space(utf8_decode(*text, *length, &used))) {
        *text += used;
        *length -= used;
    }
    while (*length > 0) {
        size_t size = last_size(*text, *length);
        uint32_t c = utf8_decode(*text + *length - size, size, &used);
        if (used != size || !is_space(c)) {
            break;
        }
        *length -= size;
    }
}

/* Where `needle` begins in text[at..length), or length. */
static size_t find(const char *text, size_t at, size_t length, const char *needle)
{
    const char *found = memmem(text + at, length - at, needle, strlen(needle));
    return found == NULL ? length : (size_t)(found - text);
}

void chat_text_append_without_thoughts(struct str *out, const char *text, size_t length)
{
    const char *open = control_spelling(CONTROL_CHANNEL_OPEN);
    const char *close = control_spelling(CONTROL_CHANNEL_CLOSE);
    for (size_t start = 0; start < length;) {
        size_t end = find(text, start, length, close);
        size_t thought = find(text, start, end, open);
        str_append_bytes(out, text + start, thought - start);
        start = end == length ? length : end + strlen(close);
    }
}
