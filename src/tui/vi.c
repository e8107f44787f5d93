#include "tui/vi.h"

#include <ctype.h>
#include <string.h>

#include "base/utf8.h"
#include "tui/editor.h"
#include "tui/glyph.h"
#include "tui/terminal.h"

enum { COUNT_MOST = 1000 };

/* --- places --- */

enum kind { BLANK, WORD, SIGN };

static enum kind kind_at(const char *text, size_t at)
{
    unsigned char c = (unsigned char)text[at];
    if (c == ' ' || c == '\t' || c == '\n' || c == '\0') {
        return BLANK;
    }
    return isalnum(c) || c == '_' || c >= 0x80 ? WORD : SIGN;
}

static size_t next(const struct editor *editor, size_t at)
{
    return glyph_cluster_next(editor_text(editor), editor_length(editor), at);
}

static size_t previous(const struct editor *editor, size_t at)
{
    return glyph_cluster_previous(editor_text(editor), at);
}

static size_t line_start(const struct editor *editor, size_t at)
{
    while (at > 0 && editor_text(editor)[at - 1] != '\n') {
        at--;
    }
    return at;
}

static size_t line_end(const struct editor *editor, size_t at)
{
    return at + strcspn(editor_text(editor) + at, "\n");
}

static size_t word_forward(const struct editor *editor, size_t at)
{
    const char *text = editor_text(editor);
    size_t length = editor_length(editor);
    enum kind kind = kind_at(text, at);
    while (at < length && kind != BLANK && kind_at(text, at) == kind) {
        at = next(editor, at);
    }
    while (at < length && kind_at(text, at) == BLANK) {
        at = next(editor, at);
    }
    return at;
}

static size_t word_back(const struct editor *editor, size_t at)
{
    const char *text = editor_text(editor);
    while (at > 0 && kind_at(text, previous(editor, at)) == BLANK) {
        at = previous(editor, at);
    }
    enum kind kind = at > 0 ? kind_at(text, previous(editor, at)) : BLANK;
    while (at > 0 && kind_at(text, previous(editor, at)) == kind) {
        at = previous(editor, at);
    }
    return at;
}

/* On the last character of the word. */
static size_t word_end(const struct editor *editor, size_t at)
{
    const char *text = editor_text(editor);
    size_t length = editor_length(editor);
    at = at < length ? next(editor, at) : at;
    while (at < length && kind_at(text, at) == BLANK) {
        at = next(editor, at);
    }
    while (at < length && next(editor, at) < length &&
           kind_at(text, next(editor, at)) == kind_at(text, at)) {
        at = next(editor, at);
    }
    return at;
}

/* Where a motion leads once; false: the key is none. */
static bool motion(const struct editor *editor, uint32_t key, size_t at, size_t *to)
{
    size_t start = line_start(editor, at), end = line_end(editor, at);
    switch (key) {
    case 'h':
    case TERMINAL_KEY_LEFT:
    case TERMINAL_KEY_BACKSPACE:
        *to = at > start ? previous(editor, at) : at;
        return true;
    case 'l':
    case ' ':
    case TERMINAL_KEY_RIGHT:
        *to = at < end ? next(editor, at) : at;
        return true;
    case 'w':
        *to = word_forward(editor, at);
        return true;
    case 'b':
        *to = word_back(editor, at);
        return true;
    case 'e':
        *to = word_end(editor, at);
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

/* --- operators --- */

static void operate(struct vi *vi, struct editor *editor, uint32_t pending, size_t from, size_t to)
{
    editor_move_to(editor, from);
    if (pending == 'y') {
        editor_copy(editor, from, to);
    } else {
        editor_cut(editor, from, to);
    }
    vi->normal = pending != 'c';
}

/* dd, cc, yy. */
static void operate_lines(struct vi *vi, struct editor *editor, unsigned count)
{
    size_t from = line_start(editor, editor_cursor(editor)), to = from;
    for (unsigned i = 0; i < count && to < editor_length(editor); i++) {
        to = line_end(editor, to) + (i + 1 < count);
    }
    to = to < editor_length(editor) ? to : editor_length(editor);
    bool newline = vi->pending != 'c' && to < editor_length(editor);
    operate(vi, editor, vi->pending, from, to + newline);
}

static void replace_character(struct editor *editor, uint32_t key)
{
    size_t at = editor_cursor(editor);
    char text[4];
    if (at < line_end(editor, at) && key >= 0x20 && key < 0x110000) {
        editor_delete(editor);
        editor_insert(editor, text, utf8_encode(key, text));
        editor_move_to(editor, at);
    }
}

static bool after_operator(struct vi *vi, struct editor *editor, uint32_t key, unsigned count)
{
    uint32_t pending = vi->pending;
    size_t from = editor_cursor(editor), to = from;
    if (pending == 'r') {
        replace_character(editor, key);
    } else if (key == pending) {
        operate_lines(vi, editor, count);
    } else {
        key = pending == 'c' && key == 'w' ? 'e' : key; /* cw leaves the blank, as ce */
        for (unsigned i = 0; i < count; i++) {
            if (!motion(editor, key, to, &to)) {
                break;
            }
        }
        to = key == 'e' && to < editor_length(editor) ? next(editor, to) : to;
        if (from != to) {
            operate(vi, editor, pending, from < to ? from : to, from < to ? to : from);
        }
    }
    vi->pending = 0;
    return true;
}

/* --- changes and modes --- */

static void insert_line(struct editor *editor, bool above)
{
    size_t at = editor_cursor(editor);
    editor_move_to(editor, above ? line_start(editor, at) : line_end(editor, at));
    size_t place = editor_cursor(editor);
    editor_newline(editor);
    editor_move_to(editor, place + !above);
}

static void change_case(struct editor *editor)
{
    size_t at = editor_cursor(editor);
    unsigned char c = (unsigned char)editor_text(editor)[at];
    if (isalpha(c)) {
        replace_character(editor, (uint32_t)(islower(c) ? toupper(c) : tolower(c)));
        editor_move_to(editor, at + 1);
    }
}

static void put(struct editor *editor, bool before)
{
    size_t at = editor_cursor(editor);
    if (!before && at < line_end(editor, at)) {
        editor_right(editor);
    }
    editor_yank(editor);
}

/* Changes that need no motion, once. False: the key is none of them. */
static bool change(struct vi *vi, struct editor *editor, uint32_t key)
{
    size_t at = editor_cursor(editor), end = line_end(editor, at);
    switch (key) {
    case 'x':
    case 's':
        if (at < end) {
            operate(vi, editor, key == 's' ? 'c' : 'd', at, next(editor, at));
        }
        vi->normal = key != 's';
        return true;
    case 'X':
        if (at > line_start(editor, at)) {
            operate(vi, editor, 'd', previous(editor, at), at);
        }
        return true;
    case 'D':
    case 'C':
        operate(vi, editor, key == 'C' ? 'c' : 'd', at, end);
        return true;
    case 'p':
    case 'P':
        put(editor, key == 'P');
        return true;
    case 'u':
        editor_undo(editor);
        return true;
    case '~':
        change_case(editor);
        return true;
    default:
        return false;
    }
}

/* i a I A o O. */
static bool begin_insert(struct vi *vi, struct editor *editor, uint32_t key)
{
    size_t at = editor_cursor(editor);
    switch (key) {
    case 'i':
        break;
    case 'a':
        editor_move_to(editor, at < line_end(editor, at) ? next(editor, at) : at);
        break;
    case 'I':
        (void)motion(editor, '^', at, &at);
        editor_move_to(editor, at);
        break;
    case 'A':
        editor_move_to(editor, line_end(editor, at));
        break;
    case 'o':
    case 'O':
        insert_line(editor, key == 'O');
        break;
    default:
        return false;
    }
    vi->normal = false;
    return true;
}

static bool normal_key(struct vi *vi, struct editor *editor, struct terminal_key *key)
{
    uint32_t code = key->code;
    if (vi->pending != 'r' && code >= '0' && code <= '9' && (code != '0' || vi->count > 0)) {
        vi->count = vi->count * 10 + (code - '0');
        vi->count = vi->count < COUNT_MOST ? vi->count : COUNT_MOST;
        return true;
    }
    unsigned count = vi->count > 0 ? vi->count : 1;
    if (vi->pending != 0) {
        vi->count = 0;
        return after_operator(vi, editor, code, count);
    }
    if (code == 'd' || code == 'c' || code == 'y' || code == 'r') {
        vi->pending = code;
        return true;
    }
    vi->count = 0;
    size_t to = editor_cursor(editor);
    if (motion(editor, code, to, &to)) {
        for (unsigned i = 1; i < count; i++) {
            (void)motion(editor, code, to, &to);
        }
        editor_move_to(editor, to);
        return true;
    }
    if (begin_insert(vi, editor, code)) {
        return true;
    }
    bool changed = false;
    for (unsigned i = 0; i < count && change(vi, editor, code); i++) {
        changed = true;
    }
    if (code == 'j' || code == 'k') {
        key->code = code == 'j' ? TERMINAL_KEY_DOWN : TERMINAL_KEY_UP;
        return false;
    }
    /* Other letters do nothing here; those that begin something at the start of an empty input, and
     * keys that are no letters, are the caller's. */
    bool begins = editor_length(editor) == 0 && code < 0x80 && strchr("?/!@", (int)code) != NULL;
    if (begins && code != '?') {
        vi->normal = false;
    }
    return changed || (code >= 0x20 && code < 0x110000 && !begins);
}

/* In the normal mode the cursor is on a character, not behind the last one of a line. */
static void stay_on_line(struct editor *editor)
{
    size_t at = editor_cursor(editor), start = line_start(editor, at);
    if (at > start && at == line_end(editor, at)) {
        editor_move_to(editor, previous(editor, at));
    }
}

bool vi_key(struct vi *vi, struct editor *editor, struct terminal_key *key)
{
    if (!vi->enabled || key->code == TERMINAL_KEY_PASTE) {
        return false;
    }
    if (vi->normal) {
        if (key->code == TERMINAL_KEY_ESCAPE && (vi->pending != 0 || vi->count > 0)) {
            vi->pending = 0;
            vi->count = 0;
            return true;
        }
        bool used = normal_key(vi, editor, key);
        if (used && vi->normal) {
            stay_on_line(editor);
        }
        return used;
    }
    if (key->code == TERMINAL_KEY_ESCAPE) {
        size_t at = editor_cursor(editor);
        vi->normal = true;
        vi->pending = 0;
        vi->count = 0;
        editor_move_to(editor, at > line_start(editor, at) ? previous(editor, at) : at);
        return true;
    }
    return false;
}
