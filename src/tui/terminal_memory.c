/* A terminal in memory, for tests: the same rules as the real one, and strict about them. It
 * asserts that no control byte and no invalid UTF-8 is put, keeps glyphs with their marks, and
 * blanks the other half of a wide glyph that is drawn over.
 */
#include "tui/terminal.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/utf8.h"
#include "base/vec.h"
#include "tui/glyph.h"

struct memory_cell {
    char text[GLYPH_BYTES + 1];
    int width; /* 0: right half of a wide glyph */
    struct terminal_look look;
};

struct memory {
    struct terminal terminal;
    int rows, columns;
    struct memory_cell *cells;
    int cursor_row, cursor_column;
    struct terminal_key *keys;
    size_t key_count, key_capacity, key_at;
    size_t pending, sent; /* cells put since the last flush, and by all flushes */
    bool suspended, mouse;
    int top, height;       /* inline: the region */
    char *copied;          /* NULL: nothing */
    struct str scrollback; /* inline: rows that have scrolled away */
    struct str graphics, graphics_pending;
    int cell_width, cell_height;
};

static const struct memory_cell blank = {" ", 1, {-1, -1, 0}};

static struct memory *memory_of(struct terminal *terminal)
{
    return (struct memory *)terminal;
}

static const struct memory *const_memory_of(const struct terminal *terminal)
{
    return (const struct memory *)terminal;
}

static struct memory_cell *cell_at(const struct memory *memory, int row, int column)
{
    return &memory->cells[(size_t)row * (size_t)memory->columns + (size_t)column];
}

static void memory_size(struct terminal *terminal, int *rows, int *columns)
{
    *rows = memory_of(terminal)->rows;
    *columns = memory_of(terminal)->columns;
}

/* Blanks what is left of a wide glyph when the cell at `column` is drawn over. */
static void part_glyph(struct memory *memory, int row, int column)
{
    struct memory_cell *cell = cell_at(memory, row, column);
    if (cell->width == 0 && column > 0) {
        *cell_at(memory, row, column - 1) = blank;
    }
    if (cell->width == 2 && column + 1 < memory->columns) {
        *cell_at(memory, row, column + 1) = blank;
    }
    *cell = blank;
}

static void assert_clean(const char *text, size_t length)
{
    size_t used;
    for (size_t at = 0; at < length; at += used) {
        uint32_t c = utf8_decode(text + at, length - at, &used);
        assert(c < UTF8_INCOMPLETE);
        assert(c >= 0x20 && !(c >= 0x7F && c < 0xA0));
        (void)c;
    }
}

static void put_cells(struct terminal *terminal, int row, int column, const char *text,
                      size_t length, struct terminal_look look)
{
    struct memory *memory = memory_of(terminal);
    assert(!memory->suspended);
    assert_clean(text, length);
    struct glyph glyph;
    for (size_t at = 0; at < length && row >= 0 && row < memory->rows; at += glyph.used) {
        glyph_next(text + at, length - at, &glyph);
        if (column < 0 || column + glyph.width > memory->columns) {
            return;
        }
        if (glyph.width == 0) {
            continue;
        }
        struct memory_cell cell = {.width = glyph.width, .look = look};
        memcpy(cell.text, glyph.text, glyph.length);
        for (int i = 0; i < glyph.width; i++) {
            part_glyph(memory, row, column + i);
        }
        *cell_at(memory, row, column) = cell;
        if (glyph.width == 2) {
            *cell_at(memory, row, column + 1) = (struct memory_cell){.width = 0, .look = look};
        }
        column += glyph.width;
        memory->pending += (size_t)glyph.width;
    }
}

static void memory_put(struct terminal *terminal, int row, int column, const char *text,
                       size_t length, struct terminal_look look)
{
    put_cells(terminal, memory_of(terminal)->top + row, column, text, length, look);
}

static void clear_cells(struct terminal *terminal, int row, int from_column)
{
    struct memory *memory = memory_of(terminal);
    assert(!memory->suspended);
    if (row < 0 || row >= memory->rows) {
        return;
    }
    for (int column = from_column < 0 ? 0 : from_column; column < memory->columns; column++) {
        const struct memory_cell *cell = cell_at(memory, row, column);
        memory->pending += strcmp(cell->text, " ") != 0;
        part_glyph(memory, row, column);
    }
}

static void memory_clear_line(struct terminal *terminal, int row, int from_column)
{
    clear_cells(terminal, memory_of(terminal)->top + row, from_column);
}

static void memory_cursor(struct terminal *terminal, int row, int column)
{
    memory_of(terminal)->cursor_row = row < 0 ? row : memory_of(terminal)->top + row;
    memory_of(terminal)->cursor_column = column;
}

static void memory_flush(struct terminal *terminal)
{
    struct memory *memory = memory_of(terminal);
    assert(!memory->suspended);
    str_append_bytes(&memory->graphics, memory->graphics_pending.data,
                     memory->graphics_pending.length);
    str_clear(&memory->graphics_pending);
    memory->sent += memory->pending;
    memory->pending = 0;
}

static void memory_repaint(struct terminal *terminal)
{
    (void)terminal; /* nothing else writes here: there is nothing to repair */
}

static void memory_graphics(struct terminal *terminal, int row, int column, const char *bytes,
                            size_t length)
{
    struct memory *memory = memory_of(terminal);
    assert(!memory->suspended && row < memory->rows && column < memory->columns);
    str_append_format(&memory->graphics_pending, "[%d,%d]", row, column);
    str_append_bytes(&memory->graphics_pending, bytes, length);
}

static bool memory_cell(struct terminal *terminal, int *width, int *height)
{
    *width = memory_of(terminal)->cell_width;
    *height = memory_of(terminal)->cell_height;
    return *width > 0;
}

static bool memory_read(struct terminal *terminal, struct terminal_key *key)
{
    struct memory *memory = memory_of(terminal);
    if (memory->key_at > 0) {
        mem_free((char *)memory->keys[memory->key_at - 1].paste);
        memory->keys[memory->key_at - 1].paste = NULL;
    }
    if (memory->key_at == memory->key_count) {
        memory->key_at = memory->key_count = 0;
        return false;
    }
    *key = memory->keys[memory->key_at++];
    return true;
}

static bool memory_copy(struct terminal *terminal, const char *text, size_t length)
{
    struct memory *memory = memory_of(terminal);
    mem_free(memory->copied);
    memory->copied = mem_strndup(text, length);
    return true;
}

static void memory_mouse(struct terminal *terminal, bool on)
{
    memory_of(terminal)->mouse = on;
}

static bool memory_lost(const struct terminal *terminal)
{
    (void)terminal;
    return false;
}

static void memory_suspend(struct terminal *terminal)
{
    memory_of(terminal)->suspended = true;
}

static void memory_resume(struct terminal *terminal)
{
    memory_of(terminal)->suspended = false;
}

static void memory_destroy(struct terminal *terminal)
{
    struct memory *memory = memory_of(terminal);
    for (size_t i = 0; i < memory->key_count; i++) {
        mem_free((char *)memory->keys[i].paste);
    }
    str_finish(&memory->scrollback);
    str_finish(&memory->graphics);
    str_finish(&memory->graphics_pending);
    mem_free(memory->copied);
    mem_free(memory->keys);
    mem_free(memory->cells);
    mem_free(memory);
}

static void memory_scroll(struct terminal *terminal, int rows, int by)
{
    struct memory *memory = memory_of(terminal);
    assert(!memory->suspended && by > 0 && by < rows && rows <= memory->rows);
    size_t stays = (size_t)(rows - by) * (size_t)memory->columns;
    memmove(memory->cells, cell_at(memory, by, 0), stays * sizeof *memory->cells);
    for (int i = 0; i < by * memory->columns; i++) {
        memory->cells[stays + (size_t)i] = blank;
    }
}

static const struct terminal_ops memory_ops = {
    .size = memory_size,
    .put = memory_put,
    .clear_line = memory_clear_line,
    .cursor = memory_cursor,
    .flush = memory_flush,
    .repaint = memory_repaint,
    .graphics = memory_graphics,
    .cell = memory_cell,
    .mouse = memory_mouse,
    .scroll = memory_scroll,
    .read = memory_read,
    .lost = memory_lost,
    .copy = memory_copy,
    .suspend = memory_suspend,
    .resume = memory_resume,
    .destroy = memory_destroy,
};

/* --- inline --- */

static void append_row(const struct memory *memory, int row, struct str *out)
{
    size_t start = out->length;
    for (int column = 0; column < memory->columns; column++) {
        str_append(out, cell_at(memory, row, column)->text);
    }
    while (out->length > start && out->data[out->length - 1] == ' ') {
        str_truncate(out, out->length - 1);
    }
    str_append_char(out, '\n');
}

/* Rows [row, end of the screen) move by `count`; the others of them are blank. */
static void move_rows(struct memory *memory, int row, int count)
{
    size_t width = (size_t)memory->columns;
    int by = count < 0 ? -count : count, rest = memory->rows - row - by;
    assert(rest >= 0);
    memmove(cell_at(memory, row + (count > 0 ? by : 0), 0),
            cell_at(memory, row + (count < 0 ? by : 0), 0),
            (size_t)rest * width * sizeof *memory->cells);
    int blank_from = count > 0 ? row : row + rest;
    for (size_t i = 0; i < (size_t)by * width; i++) {
        *(cell_at(memory, blank_from, 0) + i) = blank;
    }
}

static void scroll_away(struct memory *memory, int rows)
{
    for (int row = 0; row < rows; row++) {
        append_row(memory, row, &memory->scrollback);
    }
    if (rows > 0) {
        move_rows(memory, 0, -rows);
        memory->top -= rows;
    }
}

static void memory_region(struct terminal *terminal, int rows)
{
    struct memory *memory = memory_of(terminal);
    assert(rows <= memory->rows);
    for (int row = rows; row < memory->height; row++) {
        clear_cells(terminal, memory->top + row, 0);
    }
    memory->height = rows;
    scroll_away(memory, memory->top + rows > memory->rows ? memory->top + rows - memory->rows : 0);
}

static void memory_shift(struct terminal *terminal, int row, int count)
{
    struct memory *memory = memory_of(terminal);
    assert(row >= 0 && row + (count < 0 ? -count : count) <= memory->height);
    move_rows(memory, memory->top + row, count);
}

static void memory_scroll_region(struct terminal *terminal, int rows, int by)
{
    memory_shift(terminal, 0, -by);
    memory_shift(terminal, rows - by, by);
}

static void memory_release(struct terminal *terminal, int rows)
{
    struct memory *memory = memory_of(terminal);
    assert(rows <= memory->height);
    memory->top += rows;
    memory->height -= rows;
}

static void memory_restart(struct terminal *terminal)
{
    struct memory *memory = memory_of(terminal);
    for (int row = memory->top; row < memory->rows; row++) {
        clear_cells(terminal, row, 0);
    }
    memory->height = 0;
}

static const struct terminal_ops memory_inline_ops = {
    .size = memory_size,
    .put = memory_put,
    .clear_line = memory_clear_line,
    .cursor = memory_cursor,
    .flush = memory_flush,
    .repaint = memory_restart,
    .graphics = memory_graphics,
    .cell = memory_cell,
    .region = memory_region,
    .scroll = memory_scroll_region,
    .shift = memory_shift,
    .release = memory_release,
    .restart = memory_restart,
    .read = memory_read,
    .lost = memory_lost,
    .copy = memory_copy,
    .suspend = memory_suspend,
    .resume = memory_resume,
    .destroy = memory_destroy,
};

struct terminal *terminal_memory_create_inline(int rows, int columns)
{
    struct terminal *terminal = terminal_memory_create(rows, columns);
    terminal->ops = &memory_inline_ops;
    return terminal;
}

char *terminal_memory_scrollback(const struct terminal *terminal)
{
    return mem_strdup(const_memory_of(terminal)->scrollback.data);
}

struct terminal *terminal_memory_create(int rows, int columns)
{
    struct memory *memory = mem_zero(1, sizeof *memory);
    memory->terminal.ops = &memory_ops;
    str_init(&memory->scrollback);
    str_init(&memory->graphics);
    str_init(&memory->graphics_pending);
    terminal_memory_resize(&memory->terminal, rows, columns);
    return &memory->terminal;
}

/* As real ones do, it keeps what still fits. */
void terminal_memory_resize(struct terminal *terminal, int rows, int columns)
{
    struct memory *memory = memory_of(terminal);
    if (memory->top + memory->height > rows) { /* the end stays in sight */
        scroll_away(memory, memory->top + memory->height - rows);
        memory->top = memory->top < 0 ? 0 : memory->top;
    }
    size_t count = (size_t)rows * (size_t)columns;
    struct memory_cell *cells = mem_alloc(count, sizeof *cells);
    for (int row = 0; row < rows; row++) {
        for (int column = 0; column < columns; column++) {
            bool kept = row < memory->rows && column < memory->columns;
            struct memory_cell cell = kept ? *cell_at(memory, row, column) : blank;
            bool cut = cell.width == 2 && column + 1 == columns;
            cells[(size_t)row * (size_t)columns + (size_t)column] = cut ? blank : cell;
        }
    }
    mem_free(memory->cells);
    memory->cells = cells;
    memory->rows = rows;
    memory->columns = columns;
}

static void add_key(struct terminal *terminal, struct terminal_key key)
{
    struct memory *memory = memory_of(terminal);
    vec_room(&memory->keys, &memory->key_capacity, memory->key_count + 1, sizeof key);
    memory->keys[memory->key_count++] = key;
}

void terminal_memory_key(struct terminal *terminal, uint32_t code)
{
    add_key(terminal, (struct terminal_key){code, NULL, 0});
}

void terminal_memory_type(struct terminal *terminal, const char *text)
{
    size_t length = strlen(text), used;
    for (size_t at = 0; at < length; at += used) {
        uint32_t c = utf8_decode(text + at, length - at, &used);
        terminal_memory_key(terminal, c < UTF8_INCOMPLETE ? c : TERMINAL_KEY_OTHER);
    }
}

void terminal_memory_paste(struct terminal *terminal, const char *text)
{
    add_key(terminal, (struct terminal_key){TERMINAL_KEY_PASTE, mem_strdup(text), strlen(text)});
}

char *terminal_memory_screen(const struct terminal *terminal)
{
    const struct memory *memory = const_memory_of(terminal);
    struct str out;
    str_init(&out);
    for (int row = 0; row < memory->rows; row++) {
        append_row(memory, row, &out);
    }
    return str_take(&out);
}

void terminal_memory_cursor(const struct terminal *terminal, int *row, int *column)
{
    *row = const_memory_of(terminal)->cursor_row;
    *column = const_memory_of(terminal)->cursor_column;
}

const char *terminal_memory_copied(const struct terminal *terminal)
{
    return const_memory_of(terminal)->copied;
}

const char *terminal_memory_graphics(const struct terminal *terminal)
{
    return const_memory_of(terminal)->graphics.data;
}

void terminal_memory_set_cell(struct terminal *terminal, int width, int height)
{
    memory_of(terminal)->cell_width = width;
    memory_of(terminal)->cell_height = height;
}

bool terminal_memory_mouse(const struct terminal *terminal)
{
    return const_memory_of(terminal)->mouse;
}

size_t terminal_memory_cells_sent(const struct terminal *terminal)
{
    return const_memory_of(terminal)->sent;
}

struct terminal_look terminal_memory_look(const struct terminal *terminal, int row, int column)
{
    return cell_at(const_memory_of(terminal), row, column)->look;
}
