#include "visible.h"

#include "str.h"
#include "utf8.h"

/* Default-ignorable code points (Unicode's DerivedCoreProperties), bidi controls included, and the
 * fillers that terminals draw as nothing. Sorted. */
static const uint32_t deceptive_ranges[][2] = {
    {0x00AD, 0x00AD},   {0x034F, 0x034F},   {0x061C, 0x061C},   {0x115F, 0x1160}, {0x17B4, 0x17B5},
    {0x180B, 0x180F},   {0x200B, 0x200F},   {0x202A, 0x202E},   {0x2060, 0x206F}, {0x2800, 0x2800},
    {0x3164, 0x3164},   {0xFE00, 0xFE0F},   {0xFEFF, 0xFEFF},   {0xFFA0, 0xFFA0}, {0xFFF0, 0xFFFB},
    {0x1BCA0, 0x1BCA3}, {0x1D173, 0x1D17A}, {0xE0000, 0xE0FFF},
};

static bool in_ranges(const uint32_t ranges[][2], size_t count, uint32_t c)
{
    for (size_t i = 0; i < count && ranges[i][0] <= c; i++) {
        if (c <= ranges[i][1]) {
            return true;
        }
    }
    return false;
}

bool visible_deceptive(uint32_t code_point)
{
    return in_ranges(deceptive_ranges, sizeof deceptive_ranges / sizeof deceptive_ranges[0],
                     code_point);
}

static bool odd_space(uint32_t c)
{
    return c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 ||
           c == 0x202F || c == 0x205F || c == 0x3000;
}

/* Greek, Cyrillic, Armenian, Cherokee, Lisu, Roman numerals, two letters of phonetics: many are
 * drawn as Latin ones. */
static bool letter_of_a_twin(uint32_t c)
{
    return (c >= 0x0370 && c <= 0x03FF) || (c >= 0x0400 && c <= 0x052F) ||
           (c >= 0x0531 && c <= 0x058F) || (c >= 0x13A0 && c <= 0x13FF) ||
           (c >= 0x1C80 && c <= 0x1C8F) || (c >= 0xAB30 && c <= 0xABBF) ||
           (c >= 0x2160 && c <= 0x217F) || (c >= 0xA4D0 && c <= 0xA4F7) || c == 0x0251 ||
           c == 0x0261;
}

static bool latin_letter(uint32_t c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* Full-width and mathematical twins of ASCII, and the marks that are drawn as ; / and :. */
static bool twin_of_a_mark(uint32_t c)
{
    return (c >= 0xFF01 && c <= 0xFF5E) || (c >= 0x1D400 && c <= 0x1D7FF) || c == 0x037E ||
           c == 0x2044 || c == 0x2215 || c == 0x2236 || c == 0x29F8 || c == 0xA789;
}

/* Dashes, quotes, strokes and small forms, which texts are full of. Sorted. */
static const uint32_t like_marks[][2] = {
    {0x00B4, 0x00B4}, {0x01C0, 0x01C0}, {0x01C3, 0x01C3}, {0x02B9, 0x02BC}, {0x02C8, 0x02C8},
    {0x02CB, 0x02CB}, {0x02D7, 0x02D7}, {0x2010, 0x2015}, {0x2018, 0x201F}, {0x2024, 0x2024},
    {0x2032, 0x2037}, {0x2039, 0x203A}, {0x2043, 0x2043}, {0x2052, 0x2052}, {0x2212, 0x2212},
    {0x2216, 0x2217}, {0x2223, 0x2223}, {0x223C, 0x223C}, {0xFE50, 0xFE6B},
};

static bool like_a_mark(uint32_t c)
{
    return in_ranges(like_marks, sizeof like_marks / sizeof like_marks[0], c);
}

/* A run of letters, and whether it holds both Latin ones and their twins. */
struct word {
    size_t end;
    bool mixed;
};

static struct word word_at(const char *text, size_t length, size_t at)
{
    bool latin = false, twin = false;
    size_t used;
    for (; at < length; at += used) {
        uint32_t c = utf8_decode(text + at, length - at, &used);
        if (!latin_letter(c) && !letter_of_a_twin(c)) {
            break;
        }
        latin = latin || latin_letter(c);
        twin = twin || letter_of_a_twin(c);
    }
    return (struct word){at, latin && twin};
}

static void append_control(struct str *out, uint32_t c, enum visible_mode mode)
{
    if (mode == VISIBLE_TEXT && (c == '\n' || c == '\t')) {
        str_append_char(out, (char)c);
    } else if (mode >= VISIBLE_APPROVAL && c == '\n') {
        str_append(out, "\\n");
    } else if (mode >= VISIBLE_APPROVAL) {
        str_append_format(out, "\\x%02X", (unsigned)c);
    } else if (c < 0x20) {
        char mark[4]; /* U+2400.. are the pictures of the C0 controls */
        str_append_bytes(out, mark, utf8_encode(0x2400 + c, mark));
    } else if (c == 0x7F) {
        str_append(out, "\xE2\x90\xA1"); /* U+2421 */
    } else {
        str_append(out, "\xEF\xBF\xBD"); /* C1 controls have no picture */
    }
}

/* Bytes from `at` on that are drawn as they are. */
static size_t printable_run(const char *text, size_t length, size_t at)
{
    size_t end = at;
    while (end < length && text[end] >= 0x20 && text[end] < 0x7F) {
        end++;
    }
    return end - at;
}

void visible_append(struct str *out, const char *text, size_t length, enum visible_mode mode)
{
    size_t used;
    struct word word = {0, false};
    for (size_t at = 0; at < length; at += used) {
        /* Nearly all of a text is such runs. Where words are looked at, letters go one by one. */
        used = mode >= VISIBLE_APPROVAL ? 0 : printable_run(text, length, at);
        if (used > 0) {
            str_append_bytes(out, text + at, used);
            continue;
        }
        uint32_t c = utf8_decode(text + at, length - at, &used);
        if (mode >= VISIBLE_APPROVAL && at >= word.end) {
            word = word_at(text, length, at);
        }
        if (c >= UTF8_INCOMPLETE) {
            if (mode >= VISIBLE_APPROVAL) {
                for (size_t i = 0; i < used; i++) {
                    str_append_format(out, "\\x%02X", (unsigned char)text[at + i]);
                }
            } else {
                str_append(out, "\xEF\xBF\xBD");
            }
        } else if (mode == VISIBLE_TEXT && c == '\r' && at + 1 < length && text[at + 1] == '\n') {
            continue;
        } else if (c < 0x20 || (c >= 0x7F && c < 0xA0)) {
            append_control(out, c, mode);
        } else if (mode >= VISIBLE_APPROVAL &&
                   (visible_deceptive(c) || odd_space(c) || twin_of_a_mark(c) ||
                    (mode == VISIBLE_COMMAND && like_a_mark(c)) ||
                    (word.mixed && letter_of_a_twin(c)))) {
            str_append_format(out, "\\u{%X}", (unsigned)c);
        } else {
            str_append_bytes(out, text + at, used);
        }
    }
}
