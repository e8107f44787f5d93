#include "tui/glyph.h"

#include <stdint.h>
#include <string.h>

#include <utf8proc.h>

#include "base/utf8.h"
#include "base/visible.h"

/* ncurses keeps a base and four marks in a cell; what a longer stack holds is not drawn. */
enum { MARKS = 4 };
/* How far a cluster is looked for backwards: a longer one is taken apart, not searched for. */
enum { CLUSTER_REACH = 256 };

static bool plain(unsigned char byte)
{
    return byte >= 0x20 && byte < 0x7F;
}

/* Bidirectional embeddings, overrides and isolates. */
static bool reorders(uint32_t c)
{
    return (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
}

/* Deceptive characters that fonts draw as empty cells rather than as nothing. */
static bool filler(uint32_t c)
{
    return c == 0x2800 || c == 0x3164 || c == 0x115F || c == 0xFFA0;
}

static bool skin_tone(uint32_t c)
{
    return c >= 0x1F3FB && c <= 0x1F3FF;
}

static bool dropped(uint32_t c)
{
    return visible_deceptive(c) && !reorders(c) && !filler(c);
}

/* Cells of a code point that is neither control nor deceptive. utf8proc gives 0 to spacing marks
 * and to number signs of Arabic, for which terminals move on by one cell. */
static int code_width(uint32_t c)
{
    if (c >= 0x1160 && c <= 0x11FF) {
        return 0; /* vowels and finals of Hangul join the initial before them */
    }
    int width = utf8proc_charwidth((utf8proc_int32_t)c);
    if (width > 0) {
        return width > 2 ? 2 : width;
    }
    utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)c);
    return category == UTF8PROC_CATEGORY_MN || category == UTF8PROC_CATEGORY_ME ? 0 : 1;
}

static void stand_in(struct glyph *glyph, const char *text, int width, size_t used)
{
    glyph->text = text;
    glyph->length = strlen(text);
    glyph->width = width;
    glyph->used = used;
}

/* The base of a glyph. True when marks may follow it. */
static bool take_base(const char *text, size_t length, struct glyph *glyph)
{
    size_t used;
    uint32_t c = utf8_decode(text, length, &used);
    if (c >= UTF8_INCOMPLETE || reorders(c)) {
        stand_in(glyph, "\xEF\xBF\xBD", 1, used);
        return false;
    }
    if (c < 0x20 || (c >= 0x7F && c < 0xA0)) {
        glyph->text = text; /* a mark by the time that it is drawn */
        glyph->length = used;
        glyph->width = 1;
        glyph->used = used;
        return false;
    }
    if (dropped(c)) {
        stand_in(glyph, "", 0, used);
        return false;
    }
    if (filler(c)) {
        int width = c == 0x2800 || c == 0xFFA0 ? 1 : 2;
        stand_in(glyph, width == 2 ? "  " : " ", width, used);
        return false;
    }
    if (c == 0x2028 || c == 0x2029) {
        stand_in(glyph, " ", 1, used);
        return false;
    }
    int width = code_width(c);
    if (width == 0) {
        stand_in(glyph, "\xE2\x97\x8C", 1, used); /* a mark with no base: a dotted circle */
        return true;
    }
    glyph->text = text;
    glyph->length = used;
    glyph->width = width;
    glyph->used = used;
    return true;
}

void glyph_next(const char *text, size_t length, struct glyph *glyph)
{
    const unsigned char *bytes = (const unsigned char *)text;
    if (plain(bytes[0]) && (length == 1 || bytes[1] < 0x80)) {
        glyph->text = text;
        glyph->length = 1;
        glyph->width = 1;
        glyph->used = 1;
        return;
    }
    if (!take_base(text, length, glyph)) {
        return;
    }
    /* Marks are kept while they follow the base without a gap; all of them are used up. */
    bool whole = glyph->text == text;
    int marks = 0;
    while (glyph->used < length && bytes[glyph->used] >= 0x80) {
        size_t used;
        uint32_t c = utf8_decode(text + glyph->used, length - glyph->used, &used);
        if (c >= UTF8_INCOMPLETE || c < 0xA0 || reorders(c) || filler(c)) {
            break;
        }
        if (dropped(c) || (skin_tone(c) && glyph->width == 2)) {
            whole = false;
        } else if (code_width(c) != 0) {
            break;
        } else if (whole && marks < MARKS) {
            glyph->length += used;
            marks++;
        } else {
            whole = false;
        }
        glyph->used += used;
    }
}

int glyph_columns(const char *text, size_t length)
{
    int columns = 0;
    struct glyph glyph;
    for (size_t at = 0; at < length; at += glyph.used) {
        glyph_next(text + at, length - at, &glyph);
        columns += glyph.width;
    }
    return columns;
}

size_t glyph_fit(const char *text, size_t length, int columns)
{
    size_t at = 0;
    while (at < length) {
        struct glyph glyph;
        glyph_next(text + at, length - at, &glyph);
        if (glyph.width > columns) {
            break;
        }
        columns -= glyph.width;
        at += glyph.used;
    }
    return at;
}

size_t glyph_cluster_next(const char *text, size_t length, size_t at)
{
    size_t used;
    if (at >= length) {
        return length;
    }
    uint32_t before = utf8_decode(text + at, length - at, &used);
    at += used;
    utf8proc_int32_t state = 0;
    while (at < length && before < UTF8_INCOMPLETE) {
        uint32_t c = utf8_decode(text + at, length - at, &used);
        if (c >= UTF8_INCOMPLETE || utf8proc_grapheme_break_stateful((utf8proc_int32_t)before,
                                                                     (utf8proc_int32_t)c, &state)) {
            break;
        }
        before = c;
        at += used;
    }
    return at;
}

size_t glyph_cluster_previous(const char *text, size_t at)
{
    const unsigned char *bytes = (const unsigned char *)text;
    if (at <= 1 || (bytes[at - 1] < 0x80 && bytes[at - 2] < 0x80)) {
        return at == 0 ? 0 : at - 1;
    }
    size_t start = at > CLUSTER_REACH ? at - CLUSTER_REACH : 0;
    while (start > 0 && (bytes[start] & 0xC0) == 0x80) {
        start--;
    }
    for (;;) {
        size_t next = glyph_cluster_next(text, at, start);
        if (next >= at) {
            return start;
        }
        start = next;
    }
}
