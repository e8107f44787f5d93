#include "tui/vi_places.h"

#include <ctype.h>
#include <string.h>

#include "base/utf8.h"
#include "tui/editor.h"
#include "tui/glyph.h"
#include "tui/terminal.h"

enum kind { BLANK, WORD, SIGN };

/* `big`: only blanks part words, as W B E have it. */
static enum kind kind_at(const char *text, size_t at, bool big)
{
    unsigned char c = (unsigned char)text[at];
    if (c == ' ' || c == '\t' || c == '\n' || c == '\0') {
        return BLANK;
    }
    return big || isalnum(c) || c == '_' || c >= 0x80 ? WORD : SIGN;
}

size_t vi_places_next(const struct editor *editor, size_t at)
{
    return glyph_cluster_next(editor_text(editor), editor_length(editor), at);
}

size_t vi_places_previous(const struct editor *editor, size_t at)
{
    return glyph_cluster_previous(editor_text(editor), at);
}

size_t vi_places_line_start(const struct editor *editor, size_t at)
{
    while (at > 0 && editor_text(editor)[at - 1] != '\n') {
        at--;
    }
    return at;
}

size_t vi_places_line_end(const struct editor *editor, size_t at)
{
    return at + strcspn(editor_text(editor) + at, "\n");
}

static size_t word_forward(const struct editor *editor, size_t at, bool big)
{
    const char *text = editor_text(editor);
    size_t length = editor_length(editor);
    enum kind kind = kind_at(text, at, big);
    while (at < length && kind != BLANK && kind_at(text, at, big) == kind) {
        at = vi_places_next(editor, at);
    }
    while (at < length && kind_at(text, at, big) == BLANK) {
        at = vi_places_next(editor, at);
    }
    return at;
}

static size_t word_back(const struct editor *editor, size_t at, bool big)
{
    const char *text = editor_text(editor);
    while (at > 0 && kind_at(text, vi_places_previous(editor, at), big) == BLANK) {
        at = vi_places_previous(editor, at);
    }
    enum kind kind = at > 0 ? kind_at(text, vi_places_previous(editor, at), big) : BLANK;
    while (at > 0 && kind_at(text, vi_places_previous(editor, at), big) == kind) {
        at = vi_places_previous(editor, at);
    }
    return at;
}

/* On the last character of the word. */
static size_t word_end(const struct editor *editor, size_t at, bool big)
{
    const char *text = editor_text(editor);
    size_t length = editor_length(editor);
    at = at < length ? vi_places_next(editor, at) : at;
    while (at < length && kind_at(text, at, big) == BLANK) {
        at = vi_places_next(editor, at);
    }
    while (at < length && vi_places_next(editor, at) < length &&
           kind_at(text, vi_places_next(editor, at), big) == kind_at(text, at, big)) {
        at = vi_places_next(editor, at);
    }
    return at;
}

/* Where a motion leads once; false: the key is none. */
bool vi_places_motion(const struct editor *editor, uint32_t key, size_t at, size_t *to)
{
    size_t start = vi_places_line_start(editor, at), end = vi_places_line_end(editor, at);
    switch (key) {
    case 'h':
    case TERMINAL_KEY_LEFT:
    case TERMINAL_KEY_BACKSPACE:
        *to = at > start ? vi_places_previous(editor, at) : at;
        return true;
    case 'l':
    case ' ':
    case TERMINAL_KEY_RIGHT:
        *to = at < end ? vi_places_next(editor, at) : at;
        return true;
    case 'w':
    case 'W':
        *to = word_forward(editor, at, key < 'a');
        return true;
    case 'b':
    case 'B':
        *to = word_back(editor, at, key < 'a');
        return true;
    case 'e':
    case 'E':
        *to = word_end(editor, at, key < 'a');
        return true;
    case '0':
    case TERMINAL_KEY_HOME:
        *to = start;
        return true;
    case '^':
        *to = start + strspn(editor_text(editor) + start, " \t");
        return true;
    case '$':
    case TERMINAL_KEY_END:
        *to = end;
        return true;
    case 'G':
        *to = editor_length(editor);
        return true;
    default:
        return false;
    }
}

/* --- a character in the line --- */

bool vi_places_find(const struct editor *editor, uint32_t kind, uint32_t wanted, bool again,
                    size_t at, size_t *to)
{
    const char *text = editor_text(editor);
    size_t start = vi_places_line_start(editor, at), end = vi_places_line_end(editor, at);
    bool back = kind == 'F' || kind == 'T', till = kind == 't' || kind == 'T';
    char bytes[4];
    size_t length = wanted < 0x110000 ? utf8_encode(wanted, bytes) : 0, place = at;
    while (length > 0 && (back ? place > start : place < end)) {
        place = back ? vi_places_previous(editor, place) : vi_places_next(editor, place);
        size_t beside = back ? vi_places_next(editor, place) : vi_places_previous(editor, place);
        bool here =
            place < end && end - place >= length && memcmp(text + place, bytes, length) == 0;
        if (here && !(till && again && beside == at)) {
            *to = till ? beside : place;
            return true;
        }
    }
    return false;
}

/* --- text objects --- */

static void around_word(const struct editor *editor, bool all, bool big, size_t at, size_t *from,
                        size_t *to)
{
    const char *text = editor_text(editor);
    size_t start = vi_places_line_start(editor, at), end = vi_places_line_end(editor, at);
    enum kind kind = kind_at(text, at, big);
    for (*from = at; *from > start; *from = vi_places_previous(editor, *from)) {
        if (kind_at(text, vi_places_previous(editor, *from), big) != kind) {
            break;
        }
    }
    for (*to = at; *to < end && kind_at(text, *to, big) == kind;) {
        *to = vi_places_next(editor, *to);
    }
    while (all && *to < end && kind_at(text, *to, big) == BLANK) {
        *to = vi_places_next(editor, *to);
    }
}

/* Between the quotes of the line that stand around the place, or are the next behind it. */
static bool around_quotes(const struct editor *editor, char quote, size_t at, size_t *from,
                          size_t *to)
{
    const char *text = editor_text(editor);
    size_t end = vi_places_line_end(editor, at), open = 0;
    bool inside = false;
    for (size_t i = vi_places_line_start(editor, at); i < end; i++) {
        if (text[i] != quote || (i > 0 && text[i - 1] == '\\')) {
            continue;
        }
        if (inside && i >= at) {
            *from = open;
            *to = i + 1;
            return true;
        }
        open = i;
        inside = !inside;
    }
    return false;
}

static bool around_pair(const struct editor *editor, char open, char close, size_t at, size_t *from,
                        size_t *to)
{
    const char *text = editor_text(editor);
    size_t depth = 0, length = editor_length(editor), start = at + (text[at] != close);
    bool found = false;
    while (!found && start > 0) {
        start--;
        found = text[start] == open && depth == 0;
        depth += text[start] == close;
        depth -= text[start] == open && depth > 0;
    }
    depth = 0;
    for (size_t i = start + 1; found && i < length; i++) {
        if (text[i] == close && depth == 0) {
            *from = start;
            *to = i + 1;
            return true;
        }
        depth += text[i] == open;
        depth -= text[i] == close;
    }
    return false;
}

bool vi_places_object(const struct editor *editor, bool all, uint32_t key, size_t at, size_t *from,
                      size_t *to)
{
    static const char pairs[][5] = {"()b", "[]", "{}B", "<>"};
    bool found = false;
    if (key == 'w' || key == 'W') {
        around_word(editor, all, key == 'W', at, from, to);
        return *to > *from;
    }
    if (key == '"' || key == '\'' || key == '`') {
        found = around_quotes(editor, (char)key, at, from, to);
    }
    for (size_t i = 0; !found && key < 0x80 && i < sizeof pairs / sizeof pairs[0]; i++) {
        if (strchr(pairs[i], (int)key) != NULL && key != 0) {
            found = around_pair(editor, pairs[i][0], pairs[i][1], at, from, to);
        }
    }
    if (found && !all) {
        ++*from;
        --*to;
    }
    return found;
}
