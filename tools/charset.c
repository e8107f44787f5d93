#include "charset.h"

#include <errno.h>
#include <iconv.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"

static const char unknown_character[] = "\xEF\xBF\xBD";

/* Names as they stand in Content-Type; NULL: by the C library under the name itself. Stateful ones
 * (iso-2022-*, utf-7) are left out. */
static const struct {
    const char *name, *meant;
} charsets[] = {
    {"iso-8859-1", "CP1252"},   {"latin1", "CP1252"},
    {"iso8859-1", "CP1252"},    {"windows-1252", "CP1252"},
    {"cp1252", "CP1252"},       {"iso-8859-2", NULL},
    {"iso-8859-3", NULL},       {"iso-8859-4", NULL},
    {"iso-8859-5", NULL},       {"iso-8859-6", NULL},
    {"iso-8859-7", NULL},       {"iso-8859-8", NULL},
    {"iso-8859-9", NULL},       {"iso-8859-10", NULL},
    {"iso-8859-13", NULL},      {"iso-8859-14", NULL},
    {"iso-8859-15", NULL},      {"iso-8859-16", NULL},
    {"windows-1250", "CP1250"}, {"windows-1251", "CP1251"},
    {"windows-1253", "CP1253"}, {"windows-1254", "CP1254"},
    {"windows-1255", "CP1255"}, {"windows-1256", "CP1256"},
    {"windows-1257", "CP1257"}, {"windows-1258", "CP1258"},
    {"windows-874", "CP874"},   {"macintosh", NULL},
    {"koi8-r", NULL},           {"koi8-u", NULL},
    {"ibm866", NULL},           {"utf-16", NULL},
    {"utf-16le", NULL},         {"utf-16be", NULL},
    {"gb18030", NULL},          {"gbk", "GB18030"},
    {"gb2312", "GB18030"},      {"big5", NULL},
    {"shift_jis", "CP932"},     {"sjis", "CP932"},
    {"euc-jp", NULL},           {"euc-kr", "CP949"},
};

bool charset_is_utf8(const char *name)
{
    return strcasecmp(name, "utf-8") == 0 || strcasecmp(name, "utf8") == 0 ||
           strcasecmp(name, "us-ascii") == 0;
}

/* Windows-1252 needs no library: 0x80 to 0x9F are its own, the rest is Unicode's beginning. */
static unsigned code_of(unsigned char byte)
{
    static const unsigned short own[] = {
        0x20AC, 0x81,   0x201A, 0x192,  0x201E, 0x2026, 0x2020, 0x2021, 0x2C6,  0x2030, 0x160,
        0x2039, 0x152,  0x8D,   0x17D,  0x8F,   0x90,   0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
        0x2013, 0x2014, 0x2DC,  0x2122, 0x161,  0x203A, 0x153,  0x9D,   0x17E,  0x178};
    return byte >= 0x80 && byte <= 0x9F ? own[byte - 0x80] : byte;
}

static char *from_windows_1252(const char *text, size_t size, size_t *converted)
{
    char *out = mem_try_alloc(size + 1, 3);
    size_t length = 0;
    for (size_t i = 0; out != NULL && i < size; i++) {
        unsigned code = code_of((unsigned char)text[i]);
        if (code < 0x80) {
            out[length++] = (char)code;
        } else if (code < 0x800) {
            out[length++] = (char)(0xC0 | (code >> 6));
            out[length++] = (char)(0x80 | (code & 0x3F));
        } else {
            out[length++] = (char)(0xE0 | (code >> 12));
            out[length++] = (char)(0x80 | ((code >> 6) & 0x3F));
            out[length++] = (char)(0x80 | (code & 0x3F));
        }
    }
    *converted = length;
    return out;
}

/* Room for a piece more; false without memory. */
static bool grow(char **out, size_t *capacity, size_t length)
{
    return vec_try_room(out, capacity, length + 4096, 1);
}

static char *by_library(const char *name, const char *text, size_t size, size_t *converted)
{
    iconv_t state = iconv_open("UTF-8", name);
    char *out = NULL, *in = (char *)text;
    size_t capacity = 0, length = 0;
    if (state == (iconv_t)-1) {
        return NULL;
    }
    size_t unit = str_starts_with(name, "utf-16") ? 2 : 1;
    bool room = grow(&out, &capacity, length), over = false;
    while (room && !over) {
        char *at = out + length;
        size_t left = capacity - length;
        bool last = size == 0; /* what was held back for a mark that may follow comes out */
        bool done = iconv(state, last ? NULL : &in, &size, &at, &left) != (size_t)-1;
        bool full = !done && errno == E2BIG;
        over = last && !full;
        length = capacity - left;
        room = grow(&out, &capacity, length);
        if (!done && !full && room && size > 0) { /* a byte that is none, or half a character */
            memcpy(out + length, unknown_character, strlen(unknown_character));
            length += strlen(unknown_character);
            size_t skipped = size < unit ? size : unit;
            in += skipped;
            size -= skipped;
        }
    }
    iconv_close(state);
    if (!room) {
        mem_free(out);
        return NULL;
    }
    *converted = length;
    return out;
}

char *charset_to_utf8(const char *name, const char *text, size_t size, size_t *converted)
{
    for (size_t i = 0; i < sizeof charsets / sizeof charsets[0]; i++) {
        const char *meant = charsets[i].meant != NULL ? charsets[i].meant : charsets[i].name;
        if (strcasecmp(name, charsets[i].name) == 0) {
            return strcmp(meant, "CP1252") == 0 ? from_windows_1252(text, size, converted)
                                                : by_library(meant, text, size, converted);
        }
    }
    return NULL;
}
