#include "tui/editor.h"

#include <stdint.h>
#include <string.h>

#include <utf8proc.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/utf8.h"
#include "base/vec.h"
#include "tui/glyph.h"
#include "tui/surface.h"
#include "tui/wrap.h"

enum { UNDO_COUNT = 200, UNDO_BYTES = 8 * 1024 * 1024, PREFIX = 2, KILLS = 16 };

/* What the last change was: changes of one kind in a row are undone together. */
enum change { CHANGE_NONE, CHANGE_TYPING, CHANGE_ERASING, CHANGE_KILL, CHANGE_YANK, CHANGE_OTHER };

struct state {
    char *text;
    size_t length, cursor;
};

struct editor {
    struct str text;
    size_t cursor;
    struct str killed[KILLS]; /* the newest first */
    size_t yanked;            /* after a yank: which of them, and where it was put */
    size_t yanked_at;
    struct state undo[UNDO_COUNT]; /* oldest first */
    size_t undo_count, undo_bytes;
    enum change last;
    int goal; /* column that Up and Down keep to; -1: that of the cursor */
    int width;
    bool wrapped; /* `rows` fits text and width */
    struct wrap_rows rows;
    int indent;       /* of the rows as they were drawn */
    size_t first_row; /* first one in view */
    size_t revision;
};

struct editor *editor_create(void)
{
    struct editor *editor = mem_zero(1, sizeof *editor);
    str_init(&editor->text);
    for (size_t i = 0; i < KILLS; i++) {
        str_init(&editor->killed[i]);
    }
    editor->goal = -1;
    editor->width = 78;
    return editor;
}

static void forget_undo(struct editor *editor)
{
    for (size_t i = 0; i < editor->undo_count; i++) {
        mem_free(editor->undo[i].text);
    }
    editor->undo_count = editor->undo_bytes = 0;
    editor->last = CHANGE_NONE;
}

void editor_destroy(struct editor *editor)
{
    if (editor == NULL) {
        return;
    }
    forget_undo(editor);
    str_finish(&editor->text);
    for (size_t i = 0; i < KILLS; i++) {
        str_finish(&editor->killed[i]);
    }
    wrap_rows_finish(&editor->rows);
    mem_free(editor);
}

const char *editor_text(const struct editor *editor)
{
    return editor->text.data;
}

size_t editor_length(const struct editor *editor)
{
    return editor->text.length;
}

size_t editor_cursor(const struct editor *editor)
{
    return editor->cursor;
}

size_t editor_revision(const struct editor *editor)
{
    return editor->revision;
}

static void changed(struct editor *editor)
{
    editor->revision++;
    editor->goal = -1;
    editor->wrapped = false;
}

/* --- changes and undo --- */

static void drop_oldest(struct editor *editor)
{
    editor->undo_bytes -= editor->undo[0].length;
    mem_free(editor->undo[0].text);
    editor->undo_count--;
    memmove(editor->undo, editor->undo + 1, editor->undo_count * sizeof editor->undo[0]);
}

/* Called before every change: keeps the text as it is, unless the change goes on with the last. */
static void remember(struct editor *editor, enum change change)
{
    bool continues = change == editor->last && change != CHANGE_OTHER && change != CHANGE_YANK;
    editor->last = change;
    changed(editor);
    if (continues) {
        return;
    }
    while (editor->undo_count == UNDO_COUNT ||
           (editor->undo_count > 1 && editor->undo_bytes + editor->text.length > UNDO_BYTES)) {
        drop_oldest(editor);
    }
    editor->undo[editor->undo_count++] = (struct state){
        mem_strndup(editor->text.data, editor->text.length), editor->text.length, editor->cursor};
    editor->undo_bytes += editor->text.length;
}

void editor_undo(struct editor *editor)
{
    if (editor->undo_count == 0) {
        return;
    }
    struct state *state = &editor->undo[--editor->undo_count];
    str_clear(&editor->text);
    str_append_bytes(&editor->text, state->text, state->length);
    editor->cursor = state->cursor;
    editor->undo_bytes -= state->length;
    mem_free(state->text);
    editor->last = CHANGE_NONE;
    changed(editor);
}

/* Moving ends a run of changes. */
static void moved(struct editor *editor)
{
    editor->last = CHANGE_NONE;
    editor->goal = -1;
}

void editor_append_clean(struct str *out, const char *text, size_t length)
{
    struct str plain;
    str_init(&plain);
    for (size_t i = 0; i < length;) {
        size_t run = i;
        while (run < length && text[run] != '\r' && text[run] != '\0') {
            run++;
        }
        str_append_bytes(&plain, text + i, run - i);
        if (run < length && text[run] == '\r' && !(run + 1 < length && text[run + 1] == '\n')) {
            str_append_char(&plain, '\n');
        }
        i = run + 1;
    }
    utf8_append_repaired(out, plain.data, plain.length);
    str_finish(&plain);
}

void editor_insert(struct editor *editor, const char *text, size_t length)
{
    struct str clean;
    str_init(&clean);
    editor_append_clean(&clean, text, length);
    if (clean.length > 0) {
        /* Typing is undone a word at a time, a paste at once. */
        bool typing = clean.length <= 4 && clean.data[0] != '\n';
        if (typing && clean.data[0] == ' ' && editor->last == CHANGE_TYPING) {
            editor->last = CHANGE_NONE;
        }
        remember(editor, typing ? CHANGE_TYPING : CHANGE_OTHER);
        str_insert(&editor->text, editor->cursor, clean.data, clean.length);
        editor->cursor += clean.length;
    }
    str_finish(&clean);
}

void editor_newline(struct editor *editor)
{
    editor_insert(editor, "\n", 1);
}

void editor_set(struct editor *editor, const char *text, size_t length)
{
    remember(editor, CHANGE_OTHER);
    str_clear(&editor->text);
    editor_append_clean(&editor->text, text, length);
    editor->cursor = editor->text.length;
}

void editor_reset(struct editor *editor)
{
    forget_undo(editor);
    str_finish(&editor->text); /* a large paste need not stay in memory */
    editor->cursor = 0;
    editor->first_row = 0;
    changed(editor);
}

/* --- places in the text --- */

static size_t line_start(const struct editor *editor)
{
    size_t at = editor->cursor;
    while (at > 0 && editor->text.data[at - 1] != '\n') {
        at--;
    }
    return at;
}

static size_t line_end(const struct editor *editor)
{
    const char *newline =
        memchr(editor->text.data + editor->cursor, '\n', editor->text.length - editor->cursor);
    return newline == NULL ? editor->text.length : (size_t)(newline - editor->text.data);
}

static bool word_character(const char *text, size_t length)
{
    size_t used;
    uint32_t c = utf8_decode(text, length, &used);
    if (c >= UTF8_INCOMPLETE) {
        return false;
    }
    utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)c);
    return (category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_NO);
}

static bool space_character(const char *text, size_t length)
{
    (void)length;
    return *text == ' ' || *text == '\n' || *text == '\t';
}

static bool not_space(const char *text, size_t length)
{
    return !space_character(text, length);
}

/* The start of the word at or before the cursor, where `member` says what words are made of. */
static size_t word_start(const struct editor *editor, bool (*member)(const char *, size_t))
{
    const struct str *text = &editor->text;
    size_t at = editor->cursor;
    bool inside = false;
    while (at > 0) {
        size_t before = glyph_cluster_previous(text->data, at);
        bool word = member(text->data + before, text->length - before);
        if (inside && !word) {
            break;
        }
        inside |= word;
        at = before;
    }
    return at;
}

static size_t word_end(const struct editor *editor)
{
    const struct str *text = &editor->text;
    size_t at = editor->cursor;
    bool inside = false;
    while (at < text->length) {
        bool word = word_character(text->data + at, text->length - at);
        if (inside && !word) {
            break;
        }
        inside |= word;
        at = glyph_cluster_next(text->data, text->length, at);
    }
    return at;
}

void editor_move_to(struct editor *editor, size_t at)
{
    moved(editor);
    editor->cursor = at;
}

void editor_left(struct editor *editor)
{
    moved(editor);
    editor->cursor = glyph_cluster_previous(editor->text.data, editor->cursor);
}

void editor_right(struct editor *editor)
{
    moved(editor);
    editor->cursor = glyph_cluster_next(editor->text.data, editor->text.length, editor->cursor);
}

void editor_word_left(struct editor *editor)
{
    moved(editor);
    editor->cursor = word_start(editor, word_character);
}

void editor_word_right(struct editor *editor)
{
    moved(editor);
    editor->cursor = word_end(editor);
}

void editor_line_start(struct editor *editor)
{
    moved(editor);
    editor->cursor = line_start(editor);
}

void editor_line_end(struct editor *editor)
{
    moved(editor);
    editor->cursor = line_end(editor);
}

/* --- erasing --- */

static void erase(struct editor *editor, size_t from, size_t to)
{
    if (from < to) {
        remember(editor, CHANGE_ERASING);
        str_remove(&editor->text, from, to - from);
        editor->cursor = from;
    }
}

void editor_remove(struct editor *editor, size_t from, size_t to)
{
    editor->last = CHANGE_NONE;
    erase(editor, from, to);
    editor->last = CHANGE_NONE;
}

void editor_backspace(struct editor *editor)
{
    erase(editor, glyph_cluster_previous(editor->text.data, editor->cursor), editor->cursor);
}

void editor_delete(struct editor *editor)
{
    erase(editor, editor->cursor,
          glyph_cluster_next(editor->text.data, editor->text.length, editor->cursor));
}

/* `adds`: to what was killed last, before it or behind it. */
static void keep_killed(struct editor *editor, size_t from, size_t to, bool adds, bool before)
{
    struct str *killed = &editor->killed[0];
    if (!adds && killed->length > 0) {
        str_finish(&editor->killed[KILLS - 1]);
        memmove(killed + 1, killed, (KILLS - 1) * sizeof *killed);
        str_init(killed);
    }
    str_insert(killed, before ? 0 : killed->length, editor->text.data + from, to - from);
}

static void cut_out(struct editor *editor, size_t from, size_t to)
{
    if (from == to) {
        return;
    }
    bool adds = editor->last == CHANGE_KILL;
    bool backwards = to == editor->cursor;
    editor->last = CHANGE_NONE; /* each kill is undone alone */
    remember(editor, CHANGE_KILL);
    keep_killed(editor, from, to, adds, backwards);
    str_remove(&editor->text, from, to - from);
    editor->cursor = from;
}

void editor_kill_to_end(struct editor *editor)
{
    size_t end = line_end(editor);
    if (end == editor->cursor && end < editor->text.length) {
        end++; /* at the end of a line: joins it with the next */
    }
    cut_out(editor, editor->cursor, end);
}

void editor_kill_to_start(struct editor *editor)
{
    size_t start = line_start(editor);
    if (start == editor->cursor && start > 0) {
        start--;
    }
    cut_out(editor, start, editor->cursor);
}

void editor_kill_space_word_left(struct editor *editor)
{
    cut_out(editor, word_start(editor, not_space), editor->cursor);
}

void editor_kill_word_left(struct editor *editor)
{
    cut_out(editor, word_start(editor, word_character), editor->cursor);
}

void editor_kill_word_right(struct editor *editor)
{
    cut_out(editor, editor->cursor, word_end(editor));
}

void editor_cut(struct editor *editor, size_t from, size_t to)
{
    cut_out(editor, from, to);
}

void editor_copy(struct editor *editor, size_t from, size_t to)
{
    editor->last = CHANGE_NONE;
    keep_killed(editor, from, to, false, false);
}

static void put_back(struct editor *editor, size_t number)
{
    const struct str *killed = &editor->killed[number];
    remember(editor, CHANGE_YANK);
    editor->yanked = number;
    editor->yanked_at = editor->cursor;
    str_insert(&editor->text, editor->cursor, killed->data, killed->length);
    editor->cursor += killed->length;
}

void editor_yank(struct editor *editor)
{
    if (editor->killed[0].length > 0) {
        put_back(editor, 0);
    }
}

void editor_yank_older(struct editor *editor)
{
    if (editor->last != CHANGE_YANK) {
        return;
    }
    size_t next = editor->yanked + 1;
    next = next < KILLS && editor->killed[next].length > 0 ? next : 0;
    editor_undo(editor);
    put_back(editor, next);
}

void editor_transpose(struct editor *editor)
{
    const struct str *text = &editor->text;
    size_t middle = editor->cursor;
    if (middle == line_end(editor)) {
        middle = glyph_cluster_previous(text->data, middle);
    }
    if (middle <= line_start(editor) || middle == text->length || text->data[middle] == '\n') {
        return;
    }
    size_t start = glyph_cluster_previous(text->data, middle);
    size_t end = glyph_cluster_next(text->data, text->length, middle);
    char *left = mem_strndup(text->data + start, middle - start);
    remember(editor, CHANGE_OTHER);
    str_remove(&editor->text, start, middle - start);
    str_insert(&editor->text, start + (end - middle), left, middle - start);
    mem_free(left);
    editor->cursor = end;
}

/* --- rows --- */

/* Cells that the prompt takes: none where they are dear. */
static int indentation(int columns)
{
    return columns > PREFIX + 2 ? PREFIX : 0;
}

void editor_set_width(struct editor *editor, int columns)
{
    int width = columns - indentation(columns) - 1;
    width = width < 1 ? 1 : width;
    if (width != editor->width) {
        editor->width = width;
        editor->wrapped = false;
    }
}

static void wrap(struct editor *editor)
{
    if (editor->wrapped) {
        return;
    }
    const struct str *text = &editor->text;
    editor->rows.count = 0;
    for (size_t at = 0; at <= text->length;) {
        const char *newline = memchr(text->data + at, '\n', text->length - at);
        size_t end = newline == NULL ? text->length : (size_t)(newline - text->data);
        size_t first = editor->rows.count;
        wrap_line(&editor->rows, text->data + at, end - at, editor->width, editor->width, WRAP_KEEP,
                  0);
        for (size_t i = first; i < editor->rows.count; i++) {
            editor->rows.items[i].start += at;
        }
        at = end + 1;
    }
    editor->wrapped = true;
}

size_t editor_rows(struct editor *editor)
{
    wrap(editor);
    return editor->rows.count;
}

/* The row that the cursor is on: the last one that starts at or before it. */
static size_t cursor_row(struct editor *editor)
{
    wrap(editor);
    size_t low = 0, high = editor->rows.count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (editor->rows.items[middle].start <= editor->cursor) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

static int cursor_column(struct editor *editor, size_t row)
{
    size_t start = editor->rows.items[row].start;
    return glyph_columns(editor->text.data + start, editor->cursor - start);
}

/* Puts the cursor onto a row, as near to the goal column as characters allow. */
static void to_row(struct editor *editor, size_t row, int goal)
{
    const struct wrap_row *line = &editor->rows.items[row];
    size_t end = line->start + line->length;
    size_t at = line->start + glyph_fit(editor->text.data + line->start, line->length, goal);
    if (at == end && row + 1 < editor->rows.count && editor->rows.items[row + 1].start == end &&
        line->length > 0) {
        at = glyph_cluster_previous(editor->text.data, at); /* `end` is on the next row already */
    }
    /* A glyph boundary may lie inside a cluster; back to where the cluster begins. */
    size_t cluster = line->start;
    while (cluster < at) {
        size_t next = glyph_cluster_next(editor->text.data, end, cluster);
        if (next > at) {
            break;
        }
        cluster = next;
    }
    moved(editor);
    editor->cursor = cluster;
    editor->goal = goal;
}

bool editor_up(struct editor *editor)
{
    size_t row = cursor_row(editor);
    if (row == 0) {
        return false;
    }
    to_row(editor, row - 1, editor->goal >= 0 ? editor->goal : cursor_column(editor, row));
    return true;
}

bool editor_down(struct editor *editor)
{
    size_t row = cursor_row(editor);
    if (row + 1 >= editor->rows.count) {
        return false;
    }
    to_row(editor, row + 1, editor->goal >= 0 ? editor->goal : cursor_column(editor, row));
    return true;
}

void editor_click(struct editor *editor, int row, int column)
{
    size_t index = editor->first_row + (size_t)row, rows = editor_rows(editor);
    int goal = column - editor->indent;
    to_row(editor, index < rows ? index : rows - 1, goal > 0 ? goal : 0);
}

void editor_draw(struct editor *editor, struct surface *surface, int top, int height,
                 const char *prompt)
{
    size_t row = cursor_row(editor);
    size_t visible = height > 0 ? (size_t)height : 1;
    if (row < editor->first_row) {
        editor->first_row = row;
    } else if (row >= editor->first_row + visible) {
        editor->first_row = row - visible + 1;
    }
    if (editor->first_row + visible > editor->rows.count) {
        editor->first_row = editor->rows.count > visible ? editor->rows.count - visible : 0;
    }
    int limit = surface_columns(surface);
    int indent = indentation(limit);
    editor->indent = indent;
    for (int i = 0; i < height && editor->first_row + (size_t)i < editor->rows.count; i++) {
        size_t index = editor->first_row + (size_t)i;
        const struct wrap_row *line = &editor->rows.items[index];
        if (indent > 0 && index == 0) {
            surface_text(surface, top + i, 0, indent, prompt, THEME_PROMPT);
        }
        surface_put(surface, top + i, indent, limit, editor->text.data + line->start, line->length,
                    THEME_TEXT);
    }
    surface_cursor(surface, top + (int)(row - editor->first_row),
                   indent + cursor_column(editor, row));
}
