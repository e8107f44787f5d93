#include "utf8.h"

#include "str.h"

/* Length of the sequence that a lead byte opens, and the range of its second byte. 0 = no lead
 * byte. */
static size_t lead(unsigned char byte, unsigned char *low, unsigned char *high)
{
    *low = 0x80;
    *high = 0xBF;
    if (byte < 0x80) {
        return 1;
    }
    if (byte >= 0xC2 && byte <= 0xDF) {
        return 2;
    }
    if (byte >= 0xE0 && byte <= 0xEF) {
        *low = byte == 0xE0 ? 0xA0 : 0x80;
        *high = byte == 0xED ? 0x9F : 0xBF;
        return 3;
    }
    if (byte >= 0xF0 && byte <= 0xF4) {
        *low = byte == 0xF0 ? 0x90 : 0x80;
        *high = byte == 0xF4 ? 0x8F : 0xBF;
        return 4;
    }
    return 0;
}

uint32_t utf8_decode(const char *text, size_t length, size_t *used)
{
    static const unsigned char lead_mask[5] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    const unsigned char *bytes = (const unsigned char *)text;
    unsigned char low, high;
    size_t size = lead(bytes[0], &low, &high);
    if (size == 0) {
        *used = 1;
        return UTF8_INVALID;
    }
    uint32_t code_point = bytes[0] & lead_mask[size];
    for (size_t i = 1; i < size; i++) {
        if (i == length) {
            *used = length;
            return UTF8_INCOMPLETE;
        }
        unsigned char from = i == 1 ? low : 0x80, to = i == 1 ? high : 0xBF;
        if (bytes[i] < from || bytes[i] > to) {
            *used = i;
            return UTF8_INVALID;
        }
        code_point = code_point << 6 | (bytes[i] & 0x3F);
    }
    *used = size;
    return code_point;
}

size_t utf8_encode(uint32_t code_point, char out[4])
{
    if (code_point > 0x10FFFF || (code_point >= 0xD800 && code_point <= 0xDFFF)) {
        code_point = 0xFFFD;
    }
    if (code_point < 0x80) {
        out[0] = (char)code_point;
        return 1;
    }
    size_t size = code_point < 0x800 ? 2 : (code_point < 0x10000 ? 3 : 4);
    static const unsigned char lead_bits[5] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = size - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (code_point & 0x3F));
        code_point >>= 6;
    }
    out[0] = (char)(lead_bits[size] | code_point);
    return size;
}

bool utf8_valid(const char *text, size_t length)
{
    size_t used;
    for (size_t at = 0; at < length; at += used) {
        if (utf8_decode(text + at, length - at, &used) >= UTF8_INCOMPLETE) {
            return false;
        }
    }
    return true;
}

size_t utf8_complete_length(const char *text, size_t length)
{
    size_t back = length < 3 ? length : 3;
    for (size_t tail = 1; tail <= back; tail++) {
        unsigned char byte = (unsigned char)text[length - tail];
        if ((byte & 0xC0) != 0x80) {
            size_t used;
            bool open = utf8_decode(text + length - tail, tail, &used) == UTF8_INCOMPLETE;
            return open ? length - tail : length;
        }
    }
    return length;
}

size_t utf8_append_repaired(struct str *out, const char *text, size_t length)
{
    size_t replaced = 0, used, start = 0, at = 0;
    for (; at < length; at += used) {
        if (utf8_decode(text + at, length - at, &used) < UTF8_INCOMPLETE) {
            continue;
        }
        str_append_bytes(out, text + start, at - start);
        str_append_bytes(out, "\xEF\xBF\xBD", 3);
        start = at + used;
        replaced++;
    }
    str_append_bytes(out, text + start, at - start);
    return replaced;
}
