/* base64: see base64.h. */
#include "base64.h"

#include <stdint.h>
#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

size_t base64_length(size_t size)
{
    return (size + 2) / 3 * 4;
}

void base64_encode(const void *bytes, size_t size, char *text)
{
    const unsigned char *from = bytes;
    for (size_t at = 0; at < size; at += 3) {
        size_t count = size - at < 3 ? size - at : 3;
        uint32_t group = 0;
        for (size_t i = 0; i < 3; i++) {
            group = group << 8 | (i < count ? from[at + i] : 0);
        }
        for (size_t i = 0; i < 4; i++) {
            *text++ = i <= count ? digits[group >> (18 - 6 * i) & 63] : '=';
        }
    }
}

static int value_of(char digit)
{
    const char *found = digit != '\0' ? strchr(digits, digit) : NULL;
    return found != NULL ? (int)(found - digits) : -1;
}

bool base64_decode(const char *text, size_t length, unsigned char *bytes, size_t *size)
{
    size_t made = 0;
    if (length % 4 != 0) {
        return false;
    }
    for (size_t at = 0; at < length; at += 4) {
        size_t signs = 4;
        uint32_t group = 0;
        while (at + 4 == length && signs > 2 && text[at + signs - 1] == '=') {
            signs--;
        }
        for (size_t i = 0; i < 4; i++) {
            int value = i < signs ? value_of(text[at + i]) : 0;
            if (value < 0) {
                return false;
            }
            group = group << 6 | (uint32_t)value;
        }
        if ((group & ((UINT32_C(1) << 8 * (4 - signs)) - 1)) != 0) {
            return false; /* bits behind the last byte */
        }
        for (size_t i = 0; i + 1 < signs; i++) {
            bytes[made++] = (unsigned char)(group >> (16 - 8 * i));
        }
    }
    *size = made;
    return true;
}
