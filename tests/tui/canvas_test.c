/* The bytes of frames, read by a small terminal: its cells are those of the frame, whatever was
 * there before.
 */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/str.h"
#include "tui/canvas.h"
#include "tui/glyph.h"
#include "tui/surface.h"
#include "tui/theme.h"

enum { ROWS = 12, COLUMNS = 30, FRAMES = 4000, ALL_STYLES = 31 };

/* --- a small terminal --- */

struct cell {
    char text[GLYPH_BYTES + 1];
    struct terminal_look look;
};

struct model {
    struct cell cells[ROWS][COLUMNS];
    int row, column, bottom; /* `bottom`: the last row that scrolls */
    struct terminal_look look;
};

static const struct terminal_look plain = {-1, -1, 0};

static void blank_cells(struct model *model, int row, int column)
{
    for (; column < COLUMNS; column++) {
        model->cells[row][column] = (struct cell){" ", {-1, model->look.background, 0}};
    }
}

static void feed_line(struct model *model)
{
    assert_true(model->row < ROWS);
    if (model->row < model->bottom) {
        model->row++;
        return;
    }
    assert_int_equal(model->row, model->bottom); /* below the margin nothing scrolls */
    memmove(model->cells[0], model->cells[1], (size_t)model->bottom * sizeof model->cells[0]);
    blank_cells(model, model->bottom, 0);
}

static void set_style(struct model *model, long code)
{
    static const unsigned styles[] = {[1] = TERMINAL_BOLD,
                                      [2] = TERMINAL_DIM,
                                      [3] = TERMINAL_ITALIC,
                                      [4] = TERMINAL_UNDERLINE,
                                      [7] = TERMINAL_REVERSE};
    if (code == 0) {
        model->look = plain;
    } else if (code >= 30 && code <= 37) {
        model->look.foreground = (int)code - 30;
    } else if (code >= 90 && code <= 97) {
        model->look.foreground = (int)code - 82;
    } else if (code >= 40 && code <= 47) {
        model->look.background = (int)code - 40;
    } else {
        assert_true(code > 0 && code <= 7 && styles[code] != 0);
        model->look.style |= styles[code];
    }
}

/* One CSI sequence behind its introducer; returns its length. */
static size_t obey(struct model *model, const char *bytes)
{
    long values[8] = {0};
    size_t count = 0;
    char *at = (char *)bytes;
    do {
        at += count > 0;
        assert_true(count < 8);
        values[count++] = strtol(at, &at, 10);
    } while (*at == ';');
    int first = values[0] > 0 ? (int)values[0] : 1;
    switch (*at) {
    case 'A':
        model->row -= first;
        break;
    case 'B':
        model->row += first;
        break;
    case 'G':
        model->column = first - 1;
        break;
    case 'H':
        model->row = first - 1;
        model->column = values[1] > 0 ? (int)values[1] - 1 : 0;
        break;
    case 'K':
        assert_in_range(model->column, 0, COLUMNS - 1);
        blank_cells(model, model->row, model->column);
        break;
    case 'm':
        for (size_t i = 0; i < count; i++) {
            set_style(model, values[i]);
        }
        break;
    case 'r':
        model->bottom = values[1] > 0 ? (int)values[1] - 1 : ROWS - 1;
        model->row = model->column = 0;
        break;
    default:
        fail_msg("ESC [ ... %c", *at);
    }
    assert_in_range(model->row, 0, ROWS - 1);
    return (size_t)(at + 1 - bytes);
}

static size_t print(struct model *model, const char *bytes, size_t length)
{
    struct glyph glyph;
    glyph_next(bytes, length, &glyph);
    assert_true(glyph.width > 0 && model->column >= 0 && model->column + glyph.width <= COLUMNS);
    struct cell *cell = &model->cells[model->row][model->column];
    *cell = (struct cell){.look = model->look};
    memcpy(cell->text, glyph.text, glyph.length);
    if (glyph.width == 2) {
        cell[1] = (struct cell){.look = model->look};
    }
    model->column += glyph.width;
    return glyph.used;
}

static void read_bytes(struct model *model, const char *bytes, size_t length)
{
    size_t used;
    for (size_t at = 0; at < length; at += used) {
        used = 1;
        if (bytes[at] == '\r') {
            model->column = 0;
        } else if (bytes[at] == '\n') {
            feed_line(model);
        } else if (bytes[at] == '\x1B') {
            assert_int_equal(bytes[at + 1], '[');
            used = 2 + obey(model, bytes + at + 2);
        } else {
            used = print(model, bytes + at, length - at);
        }
    }
}

/* --- a terminal whose frames the model reads --- */

struct drawn {
    struct terminal terminal;
    struct canvas canvas;
    struct model model;
    size_t bytes;
    int cursor_row, cursor_column;
};

static struct drawn *drawn_of(struct terminal *terminal)
{
    return (struct drawn *)terminal;
}

static void drawn_put(struct terminal *terminal, int row, int column, const char *text,
                      size_t length, struct terminal_look look)
{
    canvas_put(&drawn_of(terminal)->canvas, row, column, text, length, look);
}

static void drawn_clear_line(struct terminal *terminal, int row, int from_column)
{
    canvas_clear_line(&drawn_of(terminal)->canvas, row, from_column);
}

static void drawn_scroll(struct terminal *terminal, int rows, int by)
{
    canvas_scroll(&drawn_of(terminal)->canvas, rows, by);
}

static void drawn_cursor(struct terminal *terminal, int row, int column)
{
    pen_move(&drawn_of(terminal)->canvas.pen, row, column);
    drawn_of(terminal)->cursor_row = row;
    drawn_of(terminal)->cursor_column = column;
}

static void drawn_flush(struct terminal *terminal)
{
    struct drawn *drawn = drawn_of(terminal);
    struct str *out = &drawn->canvas.pen.out;
    read_bytes(&drawn->model, out->data, out->length);
    drawn->bytes += out->length;
    str_clear(out);
    assert_int_equal(drawn->model.row, drawn->cursor_row);
    assert_int_equal(drawn->model.column, drawn->cursor_column);
    assert_int_equal(drawn->model.bottom, ROWS - 1);
}

static const struct terminal_ops drawn_ops = {
    .put = drawn_put,
    .clear_line = drawn_clear_line,
    .scroll = drawn_scroll,
    .cursor = drawn_cursor,
    .flush = drawn_flush,
};

static void drawn_init(struct drawn *drawn, int colours, unsigned styles)
{
    memset(drawn, 0, sizeof *drawn);
    drawn->terminal.ops = &drawn_ops;
    canvas_init(&drawn->canvas, colours, styles);
    drawn->canvas.rows = ROWS;
    drawn->canvas.columns = COLUMNS;
    drawn->model.bottom = ROWS - 1;
    drawn->model.look = (struct terminal_look){3, 5, ALL_STYLES}; /* what was left on */
    for (int row = 0; row < ROWS; row++) {
        for (int column = 0; column < COLUMNS; column++) {
            drawn->model.cells[row][column] = (struct cell){"?", drawn->model.look};
        }
    }
}

/* --- frames --- */

static uint64_t next_number(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state >> 33;
}

struct run {
    int column, text;
    enum theme_role role;
};

enum { RUNS = 4 };
static struct run frame[ROWS][RUNS];

static const char *const texts[] = {"",
                                    "word",
                                    " ",
                                    "some words",
                                    "\xE6\xBC\xA2\xE5\xAD\x97",
                                    "e\xCC\x81t\xC3\xA9",
                                    "a row that is as wide as all of it, or more",
                                    "     ",
                                    "12",
                                    "\xE2\x94\x82"};

static struct run random_run(uint64_t *random)
{
    return (struct run){(int)(next_number(random) % COLUMNS),
                        (int)(next_number(random) % (sizeof texts / sizeof texts[0])),
                        (enum theme_role)(next_number(random) % THEME_ROLES)};
}

static void change_frame(uint64_t *random)
{
    if (next_number(random) % 3 == 0) { /* rows move up */
        int by = 1 + (int)(next_number(random) % 3), end = ROWS - (int)(next_number(random) % 4);
        memmove(frame[0], frame[by], (size_t)(end - by) * sizeof frame[0]);
        memset(frame[end - by], 0, (size_t)by * sizeof frame[0]);
    }
    for (size_t changes = next_number(random) % 3; changes > 0; changes--) {
        frame[next_number(random) % ROWS][next_number(random) % RUNS] = random_run(random);
    }
}

static void draw_frame(struct surface *surface, struct terminal *terminal, uint64_t place)
{
    surface_clear(surface);
    for (int row = 0; row < ROWS; row++) {
        for (int i = 0; i < RUNS; i++) {
            const struct run *run = &frame[row][i];
            surface_text(surface, row, run->column, COLUMNS, texts[run->text], run->role);
        }
    }
    surface_cursor(surface, (int)(place % ROWS), (int)(place / ROWS % COLUMNS));
    surface_show(surface, terminal);
}

/* Blanks are the same in looks that show none of themselves in one. */
static bool same_cell(const struct cell *cell, const char *text, struct terminal_look look)
{
    if (strcmp(cell->text, text) != 0) {
        return false;
    }
    bool blank = strcmp(text, " ") == 0 && pen_blank_is_plain(look);
    return blank ? pen_blank_is_plain(cell->look) : memcmp(&cell->look, &look, sizeof look) == 0;
}

static void expect_same(const struct model *model, struct terminal *terminal, int number)
{
    char *screen = terminal_memory_screen(terminal), *at = screen;
    for (int row = 0; row < ROWS; row++) {
        const char *end = strchr(at, '\n');
        for (int column = 0; column < COLUMNS;) {
            struct glyph glyph = {.text = " ", .length = 1, .width = 1};
            if (at < end) {
                glyph_next(at, (size_t)(end - at), &glyph);
                at += glyph.used;
            }
            char text[GLYPH_BYTES + 1] = "";
            memcpy(text, glyph.text, glyph.length);
            struct terminal_look look = terminal_memory_look(terminal, row, column);
            const struct cell *cell = &model->cells[row][column];
            if (!same_cell(cell, text, look)) {
                fail_msg("frame %d, row %d, column %d: '%s' (%d, %d, %u) should be '%s' (%d, %d, "
                         "%u)",
                         number, row, column, cell->text, cell->look.foreground,
                         cell->look.background, cell->look.style, text, look.foreground,
                         look.background, look.style);
            }
            column += glyph.width;
        }
        at = (char *)end + 1;
    }
    mem_free(screen);
}

/* Differences on a canvas leave what frames of all cells leave in a terminal in memory. */
static void test_frames(void **state)
{
    (void)state;
    struct drawn drawn;
    struct terminal *memory = terminal_memory_create(ROWS, COLUMNS);
    struct surface *differences = surface_create(), *whole = surface_create();
    uint64_t random = 88172645463325252u;
    size_t first = 0;
    drawn_init(&drawn, 256, ALL_STYLES);
    surface_resize(differences, ROWS, COLUMNS);
    surface_resize(whole, ROWS, COLUMNS);
    memset(frame, 0, sizeof frame);
    for (int number = 0; number < FRAMES; number++) {
        change_frame(&random);
        uint64_t place = next_number(&random);
        draw_frame(differences, &drawn.terminal, place);
        surface_forget(whole);
        draw_frame(whole, memory, place);
        expect_same(&drawn.model, memory, number);
        first = number == 0 ? drawn.bytes : first;
        if (number % 500 == 499) { /* another program wrote */
            memset(drawn.model.cells[3], 0, sizeof drawn.model.cells[3]);
            drawn.model.look.style = TERMINAL_REVERSE;
            drawn.model.row = drawn.model.column = 1;
            canvas_doubt(&drawn.canvas);
            surface_forget(differences);
        }
    }
    surface_destroy(differences);
    surface_destroy(whole);
    memory->ops->destroy(memory);
    canvas_finish(&drawn.canvas);
}

/* What a terminal does not have is not asked for. */
static void test_poor_terminal(void **state)
{
    (void)state;
    static const struct terminal_look looks[] = {
        {9, -1, TERMINAL_ITALIC}, {3, 1, TERMINAL_DIM | TERMINAL_UNDERLINE}, {200, -1, 0}};
    static const char *const expected[] = {"\x1B[1;31mx", "\x1B[0;4;33;41mx", "\x1B[mx"};
    struct pen pen;
    pen_init(&pen, 8, TERMINAL_BOLD | TERMINAL_UNDERLINE | TERMINAL_REVERSE);
    pen.column = 0;
    for (int i = 0; i < 3; i++) {
        str_clear(&pen.out);
        pen_put(&pen, 0, i, "x", 1, looks[i], COLUMNS);
        assert_string_equal(pen.out.data, expected[i]);
    }
    pen_finish(&pen);
    pen_init(&pen, 0, ALL_STYLES);
    pen.column = 0;
    pen_put(&pen, 0, 0, "x", 1, looks[1], COLUMNS);
    assert_string_equal(pen.out.data, "\x1B[2;4;7mx"); /* what has a background stands out */
    pen_finish(&pen);
}

/* Each way is the shortest of those that are known. */
static void test_ways(void **state)
{
    static const struct {
        int from_row, from_column, row, column;
        bool absolute;
        const char *bytes;
    } ways[] = {
        {5, 4, 5, 4, true, ""},
        {5, 4, 5, 0, true, "\r"},
        {5, 4, 7, 4, true, "\n\n"},
        {5, 4, 7, 2, false, "\n\n\x1B[3G"},
        {5, 4, 4, 4, false, "\x1B[A"},
        {5, 4, 1, 9, true, "\x1B[2;10H"},
        {5, 4, 1, 9, false, "\x1B[4A\x1B[10G"},
        {5, 4, 20, 4, false, "\x1B[15B"},
        {5, -1, 5, 3, true, "\x1B[4G"},
        {-1, -1, 5, 3, true, "\x1B[6;4H"},
        {30, 4, 0, 0, true, "\x1B[1H"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        struct pen pen;
        pen_init(&pen, 0, 0);
        pen.absolute = ways[i].absolute;
        pen.row = ways[i].from_row;
        pen.column = ways[i].from_column;
        pen_move(&pen, ways[i].row, ways[i].column);
        assert_string_equal(pen.out.data, ways[i].bytes);
        pen_finish(&pen);
    }
}

int main(void)
{
    setlocale(LC_CTYPE, "C.UTF-8");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames),
        cmocka_unit_test(test_poor_terminal),
        cmocka_unit_test(test_ways),
    };
    return cmocka_run_group_tests_name("tui_canvas", tests, NULL, NULL);
}
