#include "tui/surface.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/visible.h"
#include "tui/glyph.h"
#include "tui/graphics.h"
#include "tui/kitty.h"
#include "tui/pen.h"
#include "tui/picture.h"

/* Beyond these a window size is a lie; the rest of such a window stays blank. */
enum { MOST_ROWS = 1000, MOST_COLUMNS = 2000 };

struct cell {
    char text[GLYPH_BYTES];
    uint8_t length;
    uint8_t width;     /* 1, 2, or 0 for the right half of a wide glyph */
    uint8_t unused[2]; /* zero: rows are compared as bytes */
    uint32_t role;
};

/* What is known of a row of `next` as a whole. */
struct row_state {
    uint64_t key; /* names what was drawn; 0: nothing is known */
    bool drawn;   /* since surface_clear; until then its cells are those of the frame before */
    bool kept;    /* drawn by leaving it as it was: `shown` holds the same */
};

struct surface {
    int rows, columns;
    struct cell *next, *shown;
    struct row_state *states; /* of the rows of `next` */
    int cursor_row, cursor_column;
    int shown_cursor_row, shown_cursor_column;
    bool forgotten;                 /* `shown` says nothing about the terminal */
    bool moved;                     /* the region changed since the last frame */
    int scrolled_rows, scrolled_by; /* surface_scroll; 0: not in this frame */
    const struct theme *theme;
    struct str visible, run;
    struct graphics graphics;
};

static const struct cell blank = {" ", 1, 1, {0}, THEME_TEXT};

/* The key of a row that is blank. */
static const uint64_t BLANK = UINT64_MAX;

struct surface *surface_create(void)
{
    struct surface *surface = mem_zero(1, sizeof *surface);
    surface->cursor_row = -1;
    surface->forgotten = true;
    surface->theme = theme_find("colour");
    str_init(&surface->visible);
    str_init(&surface->run);
    graphics_init(&surface->graphics);
    return surface;
}

void surface_destroy(struct surface *surface)
{
    if (surface == NULL) {
        return;
    }
    str_finish(&surface->visible);
    str_finish(&surface->run);
    graphics_finish(&surface->graphics);
    mem_free(surface->next);
    mem_free(surface->shown);
    mem_free(surface->states);
    mem_free(surface);
}

static int clamp(int value, int most)
{
    return value < 0 ? 0 : (value > most ? most : value);
}

static void blank_all(struct cell *cells, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        cells[i] = blank;
    }
}

static void know_no_rows(struct surface *surface)
{
    size_t rows = (size_t)surface->rows;
    surface->scrolled_rows = surface->scrolled_by = 0;
    surface->states = mem_resize(surface->states, rows, sizeof *surface->states);
    memset(surface->states, 0, rows * sizeof *surface->states);
}

void surface_resize(struct surface *surface, int rows, int columns)
{
    surface->rows = clamp(rows, MOST_ROWS);
    surface->columns = clamp(columns, MOST_COLUMNS);
    size_t count = (size_t)surface->rows * (size_t)surface->columns;
    surface->next = mem_resize(surface->next, count, sizeof *surface->next);
    surface->shown = mem_resize(surface->shown, count, sizeof *surface->shown);
    blank_all(surface->next, count);
    blank_all(surface->shown, count);
    know_no_rows(surface);
    surface->cursor_row = -1;
    surface->forgotten = true;
    graphics_clear(&surface->graphics);
}

/* --- the region of an inline terminal --- */

static void set_rows(struct surface *surface, int rows)
{
    size_t width = (size_t)surface->columns;
    size_t before = (size_t)surface->rows * width, count = (size_t)rows * width;
    surface->next = mem_resize(surface->next, count, sizeof *surface->next);
    surface->shown = mem_resize(surface->shown, count, sizeof *surface->shown);
    if (count > before) {
        blank_all(surface->shown + before, count - before);
    }
    blank_all(surface->next, count);
    surface->rows = rows;
    know_no_rows(surface);
    surface->moved = true;
}

/* What is shown from `row` on moves down by `count` rows, or up over as many. */
static void shift_shown(struct surface *surface, int row, int count)
{
    size_t width = (size_t)surface->columns;
    size_t by = (size_t)(count < 0 ? -count : count) * width, at = (size_t)row * width;
    size_t rest = (size_t)surface->rows * width - at - by;
    struct cell *from = surface->shown + at + (count < 0 ? by : 0);
    struct cell *to = surface->shown + at + (count > 0 ? by : 0);
    memmove(to, from, rest * sizeof *to);
    blank_all(surface->shown + at + (count > 0 ? 0 : rest), by);
}

void surface_restart(struct surface *surface, struct terminal *terminal, int columns)
{
    terminal->ops->restart(terminal);
    surface->rows = 0;
    surface->columns = clamp(columns, MOST_COLUMNS);
    surface->cursor_row = -1;
    surface->shown_cursor_row = -1;
    surface->forgotten = false;
    surface->moved = true;
}

void surface_region(struct surface *surface, struct terminal *terminal, int rows, int below)
{
    int before = surface->rows, most = before < rows ? before : rows;
    below = below < most ? below : most;
    if (rows > before) {
        terminal->ops->region(terminal, rows);
        set_rows(surface, rows);
        if (below > 0) {
            terminal->ops->shift(terminal, before - below, rows - before);
            shift_shown(surface, before - below, rows - before);
        }
    } else if (rows < before) {
        if (below > 0) {
            terminal->ops->shift(terminal, rows - below, rows - before);
            shift_shown(surface, rows - below, rows - before);
        }
        terminal->ops->region(terminal, rows);
        set_rows(surface, rows);
    }
}

void surface_release(struct surface *surface, struct terminal *terminal, int rows)
{
    if (rows > 0) {
        terminal->ops->release(terminal, rows);
        shift_shown(surface, 0, -rows);
        surface->shown_cursor_row -= rows;
        set_rows(surface, surface->rows - rows);
    }
}

int surface_columns(const struct surface *surface)
{
    return surface->columns;
}

void surface_clear(struct surface *surface)
{
    for (int row = 0; row < surface->rows; row++) {
        surface->states[row].drawn = surface->states[row].kept = false;
    }
    surface->cursor_row = -1;
    graphics_clear(&surface->graphics);
}

static struct cell *row_of(struct cell *cells, const struct surface *surface, int row)
{
    return cells + (size_t)row * (size_t)surface->columns;
}

/* Before a row is drawn into: what the frame before left in it goes, and so does its name. */
static void open_row(struct surface *surface, int row)
{
    struct row_state *state = &surface->states[row];
    if (!state->drawn) {
        blank_all(row_of(surface->next, surface, row), (size_t)surface->columns);
    }
    *state = (struct row_state){.drawn = true};
}

/* At the end of a frame: a row that nothing was drawn into is blank. */
static void close_row(struct surface *surface, int row)
{
    struct row_state *state = &surface->states[row];
    if (state->drawn) {
        return;
    }
    if (state->key == BLANK) {
        state->kept = state->drawn = true;
    } else {
        open_row(surface, row);
        state->key = BLANK;
    }
}

bool surface_keep(struct surface *surface, int row, uint64_t key)
{
    if (row < 0 || row >= surface->rows) {
        return true;
    }
    struct row_state *state = &surface->states[row];
    if (state->drawn || state->key != key || surface->forgotten) {
        return false; /* forgotten: what is more than cells is to be sent too */
    }
    state->kept = state->drawn = true;
    return true;
}

int surface_find(const struct surface *surface, uint64_t key)
{
    for (int row = 0; row < surface->rows; row++) {
        if (surface->states[row].key == key) {
            return row;
        }
    }
    return -1;
}

/* What is no text but a picture may be more than its cells, and does not move with them. */
static bool is_text(const struct cell *cells, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (cells[i].role >= THEME_ROLES) {
            return false;
        }
    }
    return true;
}

void surface_scroll(struct surface *surface, int rows, int by)
{
    rows = clamp(rows, surface->rows);
    if (by <= 0 || by >= rows || surface->scrolled_by > 0 ||
        !is_text(surface->next, (size_t)rows * (size_t)surface->columns)) {
        return;
    }
    size_t width = (size_t)surface->columns, stays = (size_t)(rows - by);
    memmove(surface->next, row_of(surface->next, surface, by),
            stays * width * sizeof *surface->next);
    memmove(surface->states, surface->states + by, stays * sizeof *surface->states);
    for (int row = rows - by; row < rows; row++) {
        surface->states[row] = (struct row_state){0};
    }
    surface->scrolled_rows = rows;
    surface->scrolled_by = by;
}

/* What is shown moves with the frame, where the terminal can do that; else all of it is compared.
 */
static void scroll_shown(struct surface *surface, struct terminal *terminal)
{
    int rows = surface->scrolled_rows, by = surface->scrolled_by;
    surface->scrolled_rows = surface->scrolled_by = 0;
    if (terminal->ops->scroll != NULL && !surface->forgotten) {
        size_t width = (size_t)surface->columns;
        terminal->ops->scroll(terminal, rows, by);
        memmove(surface->shown, row_of(surface->shown, surface, by),
                (size_t)(rows - by) * width * sizeof *surface->shown);
        blank_all(row_of(surface->shown, surface, rows - by), (size_t)by * width);
        return;
    }
    for (int row = 0; row < rows; row++) {
        surface->states[row].kept = false;
    }
}

/* Cells of a row of the frame that would have to be sent on what is in a row of `shown`; NULL: on a
 * blank one. */
static int cells_to_send(const struct surface *surface, int row, const struct cell *shown)
{
    const struct cell *next = row_of(surface->next, surface, row);
    int count = 0;
    for (int column = 0; column < surface->columns; column++) {
        const struct cell *before = shown == NULL ? &blank : &shown[column];
        count += memcmp(&next[column], before, sizeof *before) != 0;
    }
    return count;
}

/* The same for rows [from, to) when those of `shown` before `end` have moved up by `by`. */
static int cells_of_move(const struct surface *surface, int from, int to, int end, int by)
{
    int count = 0;
    for (int row = from; row < to; row++) {
        const struct cell *shown = row_of(surface->shown, surface, row < end - by ? row + by : row);
        count += cells_to_send(surface, row, row < end && row >= end - by ? NULL : shown);
    }
    return count;
}

/* Where rows that moved end: a row behind those that stayed the same may have changed as it moved,
 * as the last row of a table does. */
static int end_of_move(const struct surface *surface, int stay, int by)
{
    enum { FURTHER = 2 };
    int most = stay + by + FURTHER < surface->rows ? stay + by + FURTHER : surface->rows;
    int best = stay + by, cells = cells_of_move(surface, stay, most, best, by);
    for (int end = best + 1; end <= most; end++) {
        int these = cells_of_move(surface, stay, most, end, by);
        if (these < cells) {
            best = end;
            cells = these;
        }
    }
    return best;
}

/* Rows that have only moved and whose names do not tell: of a paragraph or a table that is higher
 * than the screen each new row moves all others up, and its layout is new with each word. */
static void find_scroll(struct surface *surface)
{
    enum { BY_MOST = 8, WORTH = 3 }; /* rows; of the fewest a move is as dear as sending them */
    size_t bytes = (size_t)surface->columns * sizeof *surface->next;
    if (surface->rows == 0 || memcmp(surface->next, surface->shown, bytes) == 0) {
        return;
    }
    for (int by = 1; by <= BY_MOST && by < surface->rows; by++) {
        int stay = 0;
        while (stay + by < surface->rows &&
               memcmp(row_of(surface->next, surface, stay),
                      row_of(surface->shown, surface, stay + by), bytes) == 0) {
            stay++;
        }
        if (stay >= WORTH) {
            surface->scrolled_rows = end_of_move(surface, stay, by);
            surface->scrolled_by = by;
            for (int row = 0; row < surface->scrolled_rows; row++) {
                surface->states[row].kept = false;
            }
            return;
        }
    }
}

void surface_name(struct surface *surface, int row, uint64_t key)
{
    if (row >= 0 && row < surface->rows) {
        open_row(surface, row); /* also one that stayed blank */
        surface->states[row].key = key;
    }
}

/* Writes one cell; a wide glyph that loses a half becomes blank. */
static void set_cell(const struct surface *surface, struct cell *cells, int column,
                     const struct cell *cell)
{
    if (cells[column].width == 0 && column > 0) {
        cells[column - 1] = blank;
    }
    if (cells[column].width == 2 && column + 1 < surface->columns) {
        cells[column + 1] = blank;
    }
    cells[column] = *cell;
}

static void set_glyph(const struct surface *surface, int row, int column, const struct glyph *glyph,
                      enum theme_role role)
{
    assert(glyph->length <= GLYPH_BYTES);
    struct cell *cells = row_of(surface->next, surface, row);
    struct cell cell = {
        .length = (uint8_t)glyph->length, .width = (uint8_t)glyph->width, .role = (uint32_t)role};
    memcpy(cell.text, glyph->text, glyph->length);
    if (glyph->width == 2) {
        struct cell half = {.width = 0, .role = (uint32_t)role};
        set_cell(surface, cells, column + 1, &blank);
        set_cell(surface, cells, column, &cell);
        cells[column + 1] = half;
    } else {
        set_cell(surface, cells, column, &cell);
    }
}

int surface_put(struct surface *surface, int row, int column, int limit, const char *text,
                size_t length, enum theme_role role)
{
    if (limit > surface->columns) {
        limit = surface->columns;
    }
    if (row < 0 || row >= surface->rows || column < 0) {
        return column;
    }
    open_row(surface, row);
    str_clear(&surface->visible);
    visible_append(&surface->visible, text, length, VISIBLE_LINE);
    text = surface->visible.data;
    length = surface->visible.length;
    struct glyph glyph;
    for (size_t at = 0; at < length; at += glyph.used) {
        glyph_next(text + at, length - at, &glyph);
        if (glyph.width == 0) {
            continue;
        }
        if (column + glyph.width > limit) {
            break;
        }
        if (glyph.length >= sizeof KITTY_PLACEHOLDER - 1 &&
            memcmp(glyph.text, KITTY_PLACEHOLDER, sizeof KITTY_PLACEHOLDER - 1) == 0) {
            glyph.text = "\xEF\xBF\xBD"; /* nobody's text shows a picture */
            glyph.length = 3;
        }
        set_glyph(surface, row, column, &glyph, role);
        column += glyph.width;
    }
    return column;
}

int surface_text(struct surface *surface, int row, int column, int limit, const char *text,
                 enum theme_role role)
{
    return surface_put(surface, row, column, limit, text, strlen(text), role);
}

void surface_fill(struct surface *surface, int row, int column, int limit, const char *glyph,
                  enum theme_role role)
{
    struct glyph one;
    if (row < 0 || row >= surface->rows || column < 0) {
        return;
    }
    open_row(surface, row);
    glyph_next(glyph, strlen(glyph), &one);
    assert(one.width == 1);
    for (; column < limit && column < surface->columns; column++) {
        set_glyph(surface, row, column, &one, role);
    }
}

/* --- pictures --- */

/* Tells a cell of a picture in sixels from all others: 14 bits say which one, 5 the row, 7 the
 * column. */
static enum theme_role sixel_cell(const struct graphics_strip *strip, int column)
{
    return theme_sixel((strip->picture->number & 0x3FFF) << 12 | (unsigned)strip->part << 7 |
                       (unsigned)column);
}

static enum theme_role strip_role(const struct graphics_strip *strip, int column)
{
    return strip->picture->sixel != NULL
               ? sixel_cell(strip, column)
               : theme_kitty((unsigned)kitty_colour(strip->picture->number));
}

void surface_picture(struct surface *surface, int row, int column, int limit,
                     const struct picture *picture, int columns, int rows, int part)
{
    const struct graphics_strip strip = {picture, row, column, columns, rows, part};
    if (row < 0 || row >= surface->rows || column < 0 || column + columns > limit ||
        column + columns > surface->columns) {
        return;
    }
    open_row(surface, row);
    struct cell *cells = row_of(surface->next, surface, row);
    for (int i = 0; i < columns; i++) {
        struct cell cell = {.width = 1, .role = (uint32_t)strip_role(&strip, i)};
        cell.length = (uint8_t)graphics_cell(&strip, i, cell.text);
        set_cell(surface, cells, column + i, &cell);
    }
    graphics_add(&surface->graphics, &strip);
}

void surface_forget_pictures(struct surface *surface)
{
    graphics_forget(&surface->graphics);
}

void surface_drop_pictures(struct surface *surface, struct terminal *terminal)
{
    graphics_drop(&surface->graphics, terminal);
}

void surface_cursor(struct surface *surface, int row, int column)
{
    surface->cursor_row = row < surface->rows ? row : surface->rows - 1;
    surface->cursor_column = column < surface->columns ? column : surface->columns - 1;
}

void surface_set_theme(struct surface *surface, const struct theme *theme)
{
    surface->theme = theme;
    surface->forgotten = true;
}

void surface_forget(struct surface *surface)
{
    surface->forgotten = true;
}

static bool same(const struct cell *a, const struct cell *b)
{
    return a->length == b->length && a->width == b->width && a->role == b->role &&
           memcmp(a->text, b->text, a->length) == 0;
}

/* A blank that clear_line gives: the terminal's own background. */
static bool clear_cell(const struct cell *cell)
{
    return same(cell, &blank);
}

/* True when the glyph that begins at `column` is not on the terminal as it should be. */
static bool changed(const struct cell *next, const struct cell *shown, int column)
{
    if (!same(&next[column], &shown[column])) {
        return true;
    }
    return next[column].width == 2 && !same(&next[column + 1], &shown[column + 1]);
}

/* Up to so many cells that have not changed are sent again rather than jumped over: a jump is a
 * sequence of five bytes. */
enum { BRIDGE = 4 };

/* Whether a cell may be sent in the look of another role: it is of that, or a blank, which is the
 * same in both. */
static bool fits(const struct surface *surface, const struct cell *cell, uint32_t role)
{
    if (cell->role == role) {
        return true;
    }
    return cell->length == 1 && cell->text[0] == ' ' && role < THEME_ROLES &&
           cell->role < THEME_ROLES &&
           pen_blank_is_plain(theme_look(surface->theme, (enum theme_role)role)) &&
           pen_blank_is_plain(theme_look(surface->theme, (enum theme_role)cell->role));
}

/* Whether a run of one look goes on at `column`: there, or behind a few cells that fit, where one
 * begins that has changed, in whatever look. */
static bool goes_on(const struct surface *surface, const struct cell *next,
                    const struct cell *shown, int column, int end, uint32_t role)
{
    for (int ahead = column; ahead < end && ahead <= column + BRIDGE; ahead++) {
        if (next[ahead].width > 0 && changed(next, shown, ahead)) {
            return ahead > column || fits(surface, &next[ahead], role);
        }
        if (!fits(surface, &next[ahead], role)) {
            return false;
        }
    }
    return false;
}

/* Sends the changed glyphs of one row in [0, end), neighbours with one look together. */
static bool show_cells(struct surface *surface, struct terminal *terminal, int row, int end)
{
    const struct cell *next = row_of(surface->next, surface, row);
    const struct cell *shown = row_of(surface->shown, surface, row);
    bool sent = false;
    for (int column = 0; column < end;) {
        if (!changed(next, shown, column)) {
            column += next[column].width == 2 ? 2 : 1;
            continue;
        }
        int start = column;
        uint32_t role = next[start].role;
        str_clear(&surface->run);
        do { /* the first one goes whatever it is: a row always comes to its end */
            str_append_bytes(&surface->run, next[column].text, next[column].length);
            column += next[column].width == 2 ? 2 : 1;
        } while (column < end && goes_on(surface, next, shown, column, end, role));
        terminal->ops->put(terminal, row, start, surface->run.data, surface->run.length,
                           theme_look(surface->theme, (enum theme_role)role));
        sent = true;
    }
    return sent;
}

/* Sends one row: its tail by clearing when it becomes blank, the rest cell by cell. */
static bool show_row(struct surface *surface, struct terminal *terminal, int row)
{
    struct cell *next = row_of(surface->next, surface, row);
    struct cell *shown = row_of(surface->shown, surface, row);
    size_t bytes = (size_t)surface->columns * sizeof *next;
    if (!surface->forgotten && memcmp(next, shown, bytes) == 0) {
        return false;
    }
    if (surface->forgotten) {
        terminal->ops->clear_line(terminal, row, 0);
        blank_all(shown, (size_t)surface->columns);
    }
    int end = surface->columns, shown_end = surface->columns;
    while (end > 0 && clear_cell(&next[end - 1])) {
        end--;
    }
    while (shown_end > 0 && clear_cell(&shown[shown_end - 1])) {
        shown_end--;
    }
    bool sent = surface->forgotten;
    if (end < shown_end) {
        terminal->ops->clear_line(terminal, row, end);
        sent = true;
    }
    sent |= show_cells(surface, terminal, row, end);
    memcpy(shown, next, bytes);
    return sent;
}

/* Whether the frame still has all cells of a strip (nothing was drawn over them), and the terminal
 * does not. */
static bool needs_paint(struct surface *surface, const struct graphics_strip *strip)
{
    const struct cell *next = row_of(surface->next, surface, strip->row) + strip->column;
    const struct cell *shown = row_of(surface->shown, surface, strip->row) + strip->column;
    bool differs = surface->forgotten;
    for (int i = 0; i < strip->columns; i++) {
        if (next[i].role != (uint32_t)strip_role(strip, i)) {
            return false;
        }
        differs |= !same(&next[i], &shown[i]);
    }
    return differs;
}

/* One row and the pictures in it, whose strips stand in the order of rows. */
static bool show_row_with_pictures(struct surface *surface, struct terminal *terminal, int row,
                                   size_t *strip)
{
    const struct graphics *graphics = &surface->graphics;
    const struct graphics_strip *paint = NULL;
    for (; *strip < graphics->count && graphics->strips[*strip].row <= row; ++*strip) {
        if (needs_paint(surface, &graphics->strips[*strip])) {
            paint = &graphics->strips[*strip];
        }
    }
    bool sent = show_row(surface, terminal, row);
    if (paint != NULL) {
        graphics_paint(&surface->graphics, terminal, paint);
    }
    return sent;
}

void surface_show(struct surface *surface, struct terminal *terminal)
{
    size_t strip = 0;
    for (int row = 0; row < surface->rows; row++) {
        close_row(surface, row);
    }
    if (terminal->ops->scroll != NULL && surface->scrolled_by == 0 && !surface->forgotten &&
        surface->graphics.count == 0) {
        find_scroll(surface);
    }
    bool sent = surface->forgotten || surface->moved || surface->scrolled_by > 0;
    if (surface->scrolled_by > 0) {
        scroll_shown(surface, terminal);
    }
    if (surface->graphics.count > 0) {
        sent |= graphics_send(&surface->graphics, terminal);
    }
    for (int row = 0; row < surface->rows; row++) {
        if (!surface->states[row].kept || surface->forgotten) {
            sent |= show_row_with_pictures(surface, terminal, row, &strip);
        }
    }
    if (surface->forgotten || surface->cursor_row != surface->shown_cursor_row ||
        surface->cursor_column != surface->shown_cursor_column) {
        sent = true;
    }
    if (!sent) {
        return;
    }
    terminal->ops->cursor(terminal, surface->cursor_row, surface->cursor_column);
    terminal->ops->flush(terminal);
    surface->shown_cursor_row = surface->cursor_row;
    surface->shown_cursor_column = surface->cursor_column;
    surface->forgotten = false;
    surface->moved = false;
}
