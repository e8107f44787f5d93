/* spoken_text: see spoken_text.h. Line by line: what a line is, then what in it is a mark. */
#include "voice/spoken_text.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "base/str.h"

struct line {
    const char *text;
    size_t length;
};

static void trim(struct line *line)
{
    while (line->length > 0 && isspace((unsigned char)line->text[0])) {
        line->text++;
        line->length--;
    }
    while (line->length > 0 && isspace((unsigned char)line->text[line->length - 1])) {
        line->length--;
    }
}

/* A line of a fence: three or more of the same mark. */
static char fence(const struct line *line)
{
    char mark = line->length >= 3 ? line->text[0] : '\0';
    bool is = (mark == '`' || mark == '~') && line->text[1] == mark && line->text[2] == mark;
    return is ? mark : '\0';
}

/* A rule, or the second line of a table: only marks. */
static bool only_marks(const struct line *line)
{
    bool mark = line->length > 0;
    for (size_t i = 0; mark && i < line->length; i++) {
        mark = strchr("-=*_|:+ \t", line->text[i]) != NULL && line->text[i] != '\0';
    }
    return mark;
}

static size_t span(const struct line *line, size_t at, const char *characters)
{
    size_t start = at;
    while (at < line->length && line->text[at] != '\0' &&
           strchr(characters, line->text[at]) != NULL) {
        at++;
    }
    return at - start;
}

/* Headings, quotes and the marks of lists at the beginning. Numbers of a list stay: they are said.
 */
static void skip_marks(struct line *line)
{
    size_t quote = span(line, 0, "> ");
    size_t heading = quote + span(line, quote, "#");
    bool bullet = heading == quote && quote + 1 < line->length &&
                  strchr("-*+", line->text[quote]) != NULL && line->text[quote + 1] == ' ';
    size_t skipped = bullet ? quote + 2 : heading + span(line, heading, " ");
    line->text += skipped;
    line->length -= skipped;
    if (bullet && line->length > 3 && line->text[0] == '[' && line->text[2] == ']') {
        line->text += 3; /* a box to tick */
        line->length -= 3;
        trim(line);
    }
}

/* [text](address), ![text](address): where the text ends and where the whole; false: none. */
static bool link_at(const struct line *line, size_t at, size_t *text_end, size_t *end)
{
    const char *middle = memmem(line->text + at, line->length - at, "](", 2);
    const char *close =
        middle == NULL ? NULL : memchr(middle, ')', line->length - (size_t)(middle - line->text));
    if (close == NULL || memchr(line->text + at + 1, '[', (size_t)(middle - line->text) - at - 1)) {
        return false;
    }
    *text_end = (size_t)(middle - line->text);
    *end = (size_t)(close - line->text) + 1;
    return true;
}

static bool is_word(const struct line *line, size_t at)
{
    return at < line->length &&
           (isalnum((unsigned char)line->text[at]) || (unsigned char)line->text[at] >= 0x80);
}

/* A mark of emphasis stands at the edge of a word; inside one, or between spaces, it is a sign. */
static bool is_emphasis(const struct line *line, size_t at, size_t count)
{
    bool before = at > 0 && is_word(line, at - 1), after = is_word(line, at + count);
    bool inside = before && after && line->text[at] == '_';
    bool alone = (at == 0 || line->text[at - 1] == ' ') &&
                 (at + count == line->length || line->text[at + count] == ' ');
    return !inside && !alone;
}

static void append_inline(struct str *out, struct line line)
{
    for (size_t at = 0; at < line.length;) {
        char c = line.text[at];
        size_t text_end, end, marks = span(&line, at, c == '*' ? "*" : c == '_' ? "_" : "~");
        if (c == '!' && at + 1 < line.length && line.text[at + 1] == '[') {
            at++;
        } else if (c == '[' && link_at(&line, at, &text_end, &end)) {
            append_inline(out, (struct line){line.text + at + 1, text_end - at - 1});
            at = end;
        } else if (c == '\\' && at + 1 < line.length && ispunct((unsigned char)line.text[at + 1])) {
            str_append_char(out, line.text[at + 1]);
            at += 2;
        } else if (c == '`') {
            at++;
        } else if ((c == '*' || c == '_' || (c == '~' && marks == 2)) &&
                   is_emphasis(&line, at, marks)) {
            at += marks;
        } else {
            str_append_char(out, c == '|' || (unsigned char)c < 0x20 || c == 0x7F ? ' ' : c);
            at++;
        }
    }
}

void spoken_text_append(struct str *out, const char *markdown, size_t length)
{
    char open = '\0';
    for (size_t at = 0; at < length;) {
        const char *newline = memchr(markdown + at, '\n', length - at);
        size_t end = newline != NULL ? (size_t)(newline - markdown) : length;
        struct line line = {markdown + at, end - at};
        at = end + 1;
        trim(&line);
        char mark = fence(&line);
        if (open != '\0') {
            open = mark == open ? '\0' : open;
        } else if (mark != '\0') {
            open = mark;
            str_append(out, "(code)\n");
        } else if (!only_marks(&line)) {
            skip_marks(&line);
            size_t before = out->length;
            append_inline(out, line);
            if (out->length > before) {
                str_append_char(out, '\n');
            }
        }
    }
}
