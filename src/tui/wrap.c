#include "tui/wrap.h"

#include <stdbool.h>
#include <string.h>

#include "base/mem.h"
#include "base/vec.h"
#include "tui/glyph.h"

/* The state of one row that is being filled. A break is possible at `break_next` when `break_end`
 * lies inside the row: the row would end at break_end and the next one begin at break_next. */
struct filling {
    size_t start;
    int column, width;
    size_t break_end, break_next;
};

void wrap_rows_finish(struct wrap_rows *rows)
{
    mem_free(rows->items);
    memset(rows, 0, sizeof *rows);
}

static void add_row(struct wrap_rows *rows, size_t start, size_t end)
{
    vec_room(&rows->items, &rows->capacity, rows->count + 1, sizeof *rows->items);
    rows->items[rows->count++] = (struct wrap_row){start, end - start};
}

static bool one_of(const struct glyph *glyph, const char *const *set)
{
    for (; *set != NULL; set++) {
        if (glyph->length == strlen(*set) && memcmp(glyph->text, *set, glyph->length) == 0) {
            return true;
        }
    }
    return false;
}

static const char *const never_first[] = {"、", "。", "，", "．", "！", "？", "：", "；", "）",
                                          "」", "』", "】", "》", "〉", "］", "｝", "ー", "…",
                                          "・", ".",  ",",  "!",  "?",  ":",  ";",  ")",  NULL};
static const char *const never_last[] = {"（", "「", "『", "【", "《", "〈", "［", "｛", "(", NULL};

/* May a row end between these two? Only next to wide characters; spaces are handled apart. */
static bool between(const struct glyph *before, const struct glyph *after)
{
    return (before->width == 2 || after->width == 2) && !one_of(after, never_first) &&
           !one_of(before, never_last);
}

static bool space(const struct glyph *glyph)
{
    return glyph->length == 1 && glyph->text[0] == ' ';
}

/* The row is full at `at`: ends it at the last possible break, or right here. Returns where the
 * next row begins. */
static size_t end_row(struct wrap_rows *rows, const struct filling *row, const char *text,
                      size_t length, size_t at, enum wrap_mode mode)
{
    if (mode == WRAP_WORDS && text[at] == ' ') {
        size_t end = at;
        while (end > row->start && text[end - 1] == ' ') {
            end--;
        }
        add_row(rows, row->start, end);
        while (at < length && text[at] == ' ') {
            at++;
        }
        return at;
    }
    if (mode != WRAP_CELLS && row->break_end > row->start) {
        add_row(rows, row->start, row->break_end);
        return row->break_next;
    }
    add_row(rows, row->start, at);
    return at;
}

/* Notes the break that lies right before the glyph at `at`, if one does. */
static void note_break(struct filling *row, const struct glyph *glyph, const struct glyph *before,
                       size_t at)
{
    if (before->used != 0 && !space(before) && !space(glyph) && between(before, glyph)) {
        row->break_end = row->break_next = at;
    }
}

/* Takes the glyph into the row; behind a space a break is possible. */
static void take(struct filling *row, const struct glyph *glyph, const struct glyph *before,
                 size_t at, enum wrap_mode mode)
{
    if (space(glyph)) {
        bool inside = mode == WRAP_WORDS && before->used != 0 && space(before);
        row->break_end = mode == WRAP_KEEP ? at + glyph->used : (inside ? row->break_end : at);
        row->break_next = at + glyph->used;
    }
    row->column += glyph->width;
}

size_t wrap_line(struct wrap_rows *rows, const char *text, size_t length, int first, int rest,
                 enum wrap_mode mode, size_t most)
{
    struct filling row = {.width = first < 1 ? 1 : first};
    struct glyph glyph, before = {.used = 0};
    size_t count = 0;
    for (size_t at = 0; at < length;) {
        glyph_next(text + at, length - at, &glyph);
        note_break(&row, &glyph, &before, at);
        bool hangs = mode == WRAP_KEEP && space(&glyph) && row.column == row.width;
        if (row.column == 0 || row.column + glyph.width <= row.width || hangs) {
            take(&row, &glyph, &before, at, mode);
            before = glyph;
            at += glyph.used;
            continue;
        }
        size_t next = end_row(rows, &row, text, length, at, mode);
        if (++count == most || (next == length && mode == WRAP_WORDS)) {
            return next;
        }
        row = (struct filling){.start = next, .width = rest < 1 ? 1 : rest};
        before.used = 0;
        at = next; /* what was behind the break is measured again: at most one row of it */
    }
    add_row(rows, row.start, length);
    return length;
}
