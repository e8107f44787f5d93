#include "tui/vi.h"

#include <ctype.h>
#include <string.h>

#include "base/utf8.h"
#include "tui/editor.h"
#include "tui/terminal.h"
#include "tui/vi_places.h"

enum { COUNT_MOST = 1000 };

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
    vi->lines = false;
}

/* From the line of one place to the line of another. */
static void operate_between(struct vi *vi, struct editor *editor, size_t from, size_t to)
{
    uint32_t pending = vi->pending;
    from = vi_places_line_start(editor, from);
    to = vi_places_line_end(editor, to);
    bool newline = pending != 'c' && to < editor_length(editor);
    bool above = pending == 'd' && !newline && from > 0; /* the last line goes with the break */
    operate(vi, editor, pending, from, to + newline);
    if (above) {
        editor_remove(editor, from - 1, from);
        editor_move_to(editor, vi_places_line_start(editor, from - 1));
    }
    vi->lines = pending != 'c';
}

/* dd, cc, yy. */
static void operate_lines(struct vi *vi, struct editor *editor, unsigned count)
{
    size_t from = editor_cursor(editor), to = from;
    for (unsigned i = 1; i < count && vi_places_line_end(editor, to) < editor_length(editor); i++) {
        to = vi_places_line_end(editor, to) + 1;
    }
    operate_between(vi, editor, from, to);
}

static void replace_character(struct editor *editor, uint32_t key)
{
    size_t at = editor_cursor(editor);
    char text[4];
    if (at < vi_places_line_end(editor, at) && key >= 0x20 && key < 0x110000) {
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
        bool word = pending == 'c' && (key == 'w' || key == 'W');
        key = word ? key - 'w' + 'e' : key; /* cw leaves the blank, as ce */
        for (unsigned i = 0; i < count; i++) {
            if (!vi_places_motion(editor, key, to, &to)) {
                break;
            }
        }
        to = (key == 'e' || key == 'E') && to < editor_length(editor) ? vi_places_next(editor, to)
                                                                      : to;
        if (from != to) {
            operate(vi, editor, pending, from < to ? from : to, from < to ? to : from);
        }
    }
    vi->pending = 0;
    return true;
}

/* --- keys that wait for another: f F t T g, and i a behind an operator --- */

static bool find_times(struct vi *vi, struct editor *editor, bool again, bool other_way,
                       unsigned count, size_t *to)
{
    static const char KINDS[] = "fFtT";
    const char *kind = strchr(KINDS, (int)vi->find);
    size_t at = editor_cursor(editor);
    bool found = vi->find != 0;
    for (unsigned i = 0; found && i < count; i++) {
        uint32_t way = (uint32_t)KINDS[(size_t)(kind - KINDS) ^ (other_way ? 1 : 0)];
        found = vi_places_find(editor, way, vi->found, again || i > 0, at, &at);
    }
    *to = at;
    return found;
}

/* Forwards the character that was found is a part of it. */
static void go_or_operate(struct vi *vi, struct editor *editor, bool forward, size_t to)
{
    size_t from = editor_cursor(editor);
    if (vi->pending == 0) {
        editor_move_to(editor, to);
    } else if (!forward && to < from) {
        operate(vi, editor, vi->pending, to, from);
    } else if (forward) {
        operate(vi, editor, vi->pending, from, vi_places_next(editor, to));
    }
}

static bool after_prefix(struct vi *vi, struct editor *editor, uint32_t key, unsigned count)
{
    uint32_t prefix = vi->prefix;
    size_t at = editor_cursor(editor), from, to;
    vi->prefix = 0;
    vi->count = 0;
    if (prefix == 'g') {
        if (key == 'g' && vi->pending == 0) {
            editor_move_to(editor, 0);
        } else if (key == 'g') {
            operate_between(vi, editor, 0, at);
        }
    } else if (prefix == 'i' || prefix == 'a') {
        if (vi_places_object(editor, prefix == 'a', key, at, &from, &to)) {
            operate(vi, editor, vi->pending, from, to);
        }
    } else {
        vi->find = prefix;
        vi->found = key;
        if (find_times(vi, editor, false, false, count, &to)) {
            go_or_operate(vi, editor, prefix == 'f' || prefix == 't', to);
        }
    }
    vi->pending = 0;
    return true;
}

/* Is the key one that waits, or a find that is done again? */
static bool begins_or_repeats(struct vi *vi, struct editor *editor, uint32_t key, unsigned count)
{
    bool operates = vi->pending == 'd' || vi->pending == 'c' || vi->pending == 'y';
    size_t to;
    if (key >= 0x80 || key == 0 || vi->pending == 'r') {
        return false;
    }
    if (strchr("fFtTg", (int)key) != NULL || (operates && (key == 'i' || key == 'a'))) {
        vi->prefix = key;
        return true;
    }
    if (key != ';' && key != ',') {
        return false;
    }
    if (find_times(vi, editor, true, key == ',', count, &to)) {
        bool forward = vi->find == 'f' || vi->find == 't';
        go_or_operate(vi, editor, forward == (key == ';'), to);
    }
    vi->count = 0;
    vi->pending = 0;
    return true;
}

/* --- changes and modes --- */

static void insert_line(struct editor *editor, bool above)
{
    size_t at = editor_cursor(editor);
    editor_move_to(editor,
                   above ? vi_places_line_start(editor, at) : vi_places_line_end(editor, at));
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

/* Whole lines go above or below the cursor's. */
static void put_lines(struct editor *editor, bool before)
{
    size_t at = editor_cursor(editor);
    at = before ? vi_places_line_start(editor, at) : vi_places_line_end(editor, at);
    bool last = !before && at == editor_length(editor);
    editor_move_to(editor, at + (!before && !last));
    if (last) {
        editor_newline(editor);
    }
    size_t place = editor_cursor(editor);
    editor_yank(editor);
    size_t end = editor_cursor(editor);
    bool ended = end > place && editor_text(editor)[end - 1] == '\n';
    if (last && ended) {
        editor_remove(editor, end - 1, end);
    } else if (!last && !ended) {
        editor_newline(editor);
    }
    editor_move_to(editor, place);
}

static void join_lines(struct editor *editor)
{
    size_t end = vi_places_line_end(editor, editor_cursor(editor));
    if (end < editor_length(editor)) {
        size_t blanks = strspn(editor_text(editor) + end + 1, " \t");
        editor_remove(editor, end, end + 1 + blanks);
        editor_move_to(editor, end);
        editor_insert(editor, " ", 1);
        editor_move_to(editor, end);
    }
}

static void put(const struct vi *vi, struct editor *editor, bool before)
{
    size_t at = editor_cursor(editor);
    if (vi->lines) {
        put_lines(editor, before);
        return;
    }
    if (!before && at < vi_places_line_end(editor, at)) {
        editor_right(editor);
    }
    editor_yank(editor);
}

/* Changes that need no motion, once. False: the key is none of them. */
static bool change(struct vi *vi, struct editor *editor, uint32_t key)
{
    size_t at = editor_cursor(editor), end = vi_places_line_end(editor, at);
    switch (key) {
    case 'x':
    case 's':
        if (at < end) {
            operate(vi, editor, key == 's' ? 'c' : 'd', at, vi_places_next(editor, at));
        }
        vi->normal = key != 's';
        return true;
    case 'X':
        if (at > vi_places_line_start(editor, at)) {
            operate(vi, editor, 'd', vi_places_previous(editor, at), at);
        }
        return true;
    case 'D':
    case 'C':
        operate(vi, editor, key == 'C' ? 'c' : 'd', at, end);
        return true;
    case 'p':
    case 'P':
        put(vi, editor, key == 'P');
        return true;
    case 'J':
        join_lines(editor);
        return true;
    case 'Y':
    case 'S':
        vi->pending = key == 'Y' ? 'y' : 'c';
        operate_lines(vi, editor, 1);
        vi->pending = 0;
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
        editor_move_to(editor,
                       at < vi_places_line_end(editor, at) ? vi_places_next(editor, at) : at);
        break;
    case 'I':
        (void)vi_places_motion(editor, '^', at, &at);
        editor_move_to(editor, at);
        break;
    case 'A':
        editor_move_to(editor, vi_places_line_end(editor, at));
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
    bool taken = vi->pending == 'r' || vi->prefix != 0; /* whatever key it is */
    if (!taken && code >= '0' && code <= '9' && (code != '0' || vi->count > 0)) {
        vi->count = vi->count * 10 + (code - '0');
        vi->count = vi->count < COUNT_MOST ? vi->count : COUNT_MOST;
        return true;
    }
    unsigned count = vi->count > 0 ? vi->count : 1;
    if (vi->prefix != 0) {
        return after_prefix(vi, editor, code, count);
    }
    if (begins_or_repeats(vi, editor, code, count)) {
        return true;
    }
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
    if (vi_places_motion(editor, code, to, &to)) {
        for (unsigned i = 1; i < count; i++) {
            (void)vi_places_motion(editor, code, to, &to);
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
    size_t at = editor_cursor(editor), start = vi_places_line_start(editor, at);
    if (at > start && at == vi_places_line_end(editor, at)) {
        editor_move_to(editor, vi_places_previous(editor, at));
    }
}

bool vi_key(struct vi *vi, struct editor *editor, struct terminal_key *key)
{
    if (!vi->enabled || key->code == TERMINAL_KEY_PASTE) {
        return false;
    }
    if (vi->normal) {
        if (key->code == TERMINAL_KEY_ESCAPE &&
            (vi->pending != 0 || vi->prefix != 0 || vi->count > 0)) {
            vi->pending = 0;
            vi->prefix = 0;
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
        vi->prefix = 0;
        vi->count = 0;
        editor_move_to(editor,
                       at > vi_places_line_start(editor, at) ? vi_places_previous(editor, at) : at);
        return true;
    }
    return false;
}
