/* Pictures as graphics: what the terminal is sent is read back, as a terminal would, and compared
 * with the picture; nothing is sent twice, nothing is left behind, and nobody's text shows one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/base64.h"
#include "base/mem.h"
#include "base/str.h"
#include "tui/kitty.h"
#include "tui/picture.h"
#include "tui/sixel.h"

#include "screen.h"

enum { SIDE = 64, CELL_WIDTH = 8, CELL_HEIGHT = 20, ROWS = 40, COLUMNS = 60 };

static const uint8_t red[3] = {255, 0, 0}, blue[3] = {0, 0, 255};

/* Red above, blue below. */
static uint8_t *two_halves(size_t width, size_t height)
{
    uint8_t *rgb = mem_alloc(width * height, 3);
    for (size_t i = 0; i < width * height; i++) {
        memcpy(rgb + i * 3, i / width < height / 2 ? red : blue, 3);
    }
    return rgb;
}

static size_t count(const char *text, const char *word)
{
    size_t found = 0;
    for (const char *at = strstr(text, word); at != NULL; at = strstr(at + 1, word)) {
        found++;
    }
    return found;
}

/* What was sent since the last call; the terminal keeps all of it. */
static const char *sent(struct screen *s, size_t *before)
{
    tui_draw(s->tui);
    const char *all = terminal_memory_graphics(s->terminal);
    const char *fresh = all + *before;
    *before = strlen(all);
    return fresh;
}

static void open_with(struct screen *s, enum tui_pictures how, bool is_inline)
{
    if (is_inline) {
        screen_open_inline(s, ROWS, COLUMNS);
    } else {
        screen_open(s, ROWS, COLUMNS);
    }
    terminal_memory_set_cell(s->terminal, CELL_WIDTH, CELL_HEIGHT);
    tui_set_pictures(s->tui, how);
}

static void add(struct screen *s, size_t width, size_t height)
{
    uint8_t *rgb = two_halves(width, height);
    tui_add_picture(s->tui, rgb, width, height, "(a picture)");
    mem_free(rgb);
}

static size_t placeholders(struct screen *s)
{
    char *text = screen_text(s);
    size_t found = count(text, KITTY_PLACEHOLDER);
    mem_free(text);
    return found;
}

/* --- kitty --- */

/* The pixels of a picture that was sent in pieces. */
static void expect_pixels(const char *bytes, const uint8_t *rgb, size_t size)
{
    struct str text;
    str_init(&text);
    for (const char *at = strstr(bytes, "\x1B_G"); at != NULL; at = strstr(at + 1, "\x1B_G")) {
        const char *data = strchr(at, ';') + 1, *end = strstr(at, "\x1B\\");
        assert_in_range(end - data, 1, 4096);
        assert_int_equal(*(data - 2), end[2] == '\x1B' ? '1' : '0'); /* m=1: more comes */
        str_append_bytes(&text, data, (size_t)(end - data));
    }
    size_t length = 0;
    unsigned char *pixels = mem_alloc(text.length, 1);
    assert_true(base64_decode(text.data, text.length, pixels, &length));
    assert_int_equal(length, size);
    assert_memory_equal(pixels, rgb, size);
    mem_free(pixels);
    str_finish(&text);
}

static void test_kitty(void **state)
{
    (void)state;
    struct screen s;
    size_t before = 0;
    uint8_t *rgb = two_halves(SIDE, SIDE);
    open_with(&s, TUI_PICTURES_KITTY, false);
    add(&s, SIDE, SIDE);
    const char *bytes = sent(&s, &before);
    assert_non_null(strstr(bytes, "a=T,U=1,q=2,f=24,i="));
    assert_non_null(strstr(bytes, "s=64,v=64,c=40,r=16,"));        /* 320 x 320 pixels */
    assert_int_equal(count(bytes, "q=2"), count(bytes, "\x1B_G")); /* nothing is to be answered */
    expect_pixels(bytes, rgb, SIDE * SIDE * 3);
    mem_free(rgb);
    assert_int_equal(placeholders(&s), 40 * 16);
    /* The picture is named by the colour of its cells and by their third mark. */
    struct terminal_look look = terminal_memory_look(s.terminal, 0, 2);
    assert_in_range(look.foreground, 16, 255);
    assert_int_equal(look.background, -1);
    /* Scrolled, covered and drawn anew: never sent again; another width is another size. */
    for (int i = 0; i < 30; i++) {
        tui_add_notice(s.tui, "more", false);
    }
    assert_true(placeholders(&s) < 40 * 16);
    screen_key(&s, TERMINAL_KEY_TOP);
    assert_int_equal(placeholders(&s), 40 * 16);
    assert_string_equal(sent(&s, &before), "");
    terminal_memory_resize(s.terminal, ROWS, 30);
    tui_resize(s.tui);
    bytes = sent(&s, &before);
    assert_int_equal(count(bytes, "\x1B_G"), 1);
    assert_non_null(strstr(bytes, "a=p,U=1,q=2,i="));
    assert_non_null(strstr(bytes, "c=28,r=12\x1B"));
    screen_key(&s, 'L' & 0x1F);
    assert_non_null(strstr(sent(&s, &before), "a=T,"));
    /* A new conversation: the terminal lets go of it. */
    tui_clear(s.tui);
    tui_add_notice(s.tui, "new", false);
    assert_int_equal(placeholders(&s), 0);
    bytes = sent(&s, &before);
    assert_non_null(strstr(terminal_memory_graphics(s.terminal), "a=d,d=I,q=2,i="));
    screen_close(&s);
}

/* Through tmux each sequence is wrapped, its escapes doubled. */
static void test_kitty_in_tmux(void **state)
{
    (void)state;
    struct screen s;
    size_t before = 0;
    open_with(&s, TUI_PICTURES_KITTY_TMUX, false);
    add(&s, SIDE, SIDE);
    const char *bytes = sent(&s, &before);
    assert_true(count(bytes, "\x1BPtmux;\x1B\x1B_G") > 1);
    assert_int_equal(count(bytes, "\x1BPtmux;\x1B\x1B_G"), count(bytes, "\x1B_G"));
    assert_int_equal(count(bytes, "\x1B\x1B\\\x1B\\"), count(bytes, "\x1B_G"));
    screen_close(&s);
}

/* Two pictures and many: every name is another, and no cell of one names the other. */
static void test_names(void **state)
{
    (void)state;
    char cell[KITTY_CELL_BYTES];
    for (unsigned a = 0; a < 15000; a += 7) {
        assert_in_range(kitty_name(a) & 0xFFFFFF, 16, 255);
        assert_in_range(kitty_name(a) >> 24, 1, 63);
        assert_int_not_equal(kitty_name(a), kitty_name(a + 1));
        assert_int_not_equal(kitty_name(a), kitty_name(a + 240));
    }
    size_t length = kitty_cell(cell, 0, 1, 2);
    assert_int_equal(length, 10); /* the placeholder, row 1, column 2, fourth byte 1 */
    assert_memory_equal(cell, KITTY_PLACEHOLDER "\xCC\x8D\xCC\x8E\xCC\x8D", 10);
}

static void test_foreign_placeholders(void **state)
{
    (void)state;
    static const char evil[] = "look: " KITTY_PLACEHOLDER "\xCC\x85\xCC\x85 here";
    struct screen s;
    open_with(&s, TUI_PICTURES_KITTY, false);
    tui_add_text(s.tui, evil, sizeof evil - 1);
    tui_end_message(s.tui);
    tui_add_notice(s.tui, evil, false);
    assert_int_equal(placeholders(&s), 0);
    assert_true(screen_shows(&s, "look: \xEF\xBF\xBD here"));
    screen_close(&s);
}

/* --- sixels --- */

enum { CANVAS_WIDTH = COLUMNS * CELL_WIDTH, CANVAS_HEIGHT = ROWS * CELL_HEIGHT };

/* A terminal's pixels, as sixels paint them: 0xRRGGBB in percent, -1 where none is. */
struct canvas {
    int pixels[CANVAS_HEIGHT][CANVAS_WIDTH];
    int strips;
};

static void paint(struct canvas *canvas, int top, int left, int y, int x, int sign, int colour)
{
    for (int bit = 0; bit < 6; bit++) {
        if ((sign >> bit & 1) != 0) {
            assert_true(y + bit < CELL_HEIGHT); /* it stays in its cells */
            assert_true(left + x < CANVAS_WIDTH);
            canvas->pixels[top + y + bit][left + x] = colour;
        }
    }
}

/* One sequence, from behind its introducer on; returns where it ends. */
static const char *read_sixels(struct canvas *canvas, int row, int column, const char *at)
{
    int colours[256], colour = 0, x = 0, y = 0, wide = 0, high = 0, used = 0;
    assert_int_equal(sscanf(at, "0;1q\"1;1;%d;%d%n", &wide, &high, &used), 2);
    assert_true(high <= CELL_HEIGHT);
    for (at += used; *at != '\x1B'; at++) {
        int repeat = 1, a, b, c, number;
        if (*at == '#') {
            number = (int)strtol(at + 1, (char **)&at, 10);
            if (sscanf(at, ";2;%d;%d;%d%n", &a, &b, &c, &used) == 3) {
                colours[number] = a << 16 | b << 8 | c;
                at += used;
            } else {
                colour = colours[number];
            }
            at--;
            continue;
        }
        if (*at == '!') {
            repeat = (int)strtol(at + 1, (char **)&at, 10);
        }
        if (*at == '$' || *at == '-') {
            y += *at == '-' ? 6 : 0;
            x = 0;
            continue;
        }
        assert_in_range(*at, '?', '~');
        for (; repeat > 0; repeat--) {
            paint(canvas, row * CELL_HEIGHT, column * CELL_WIDTH, y, x++, *at - '?', colour);
        }
        assert_true(x <= wide);
    }
    assert_memory_equal(at, "\x1B\\", 2);
    return at + 2;
}

static void read_all(struct canvas *canvas, const char *bytes)
{
    memset(canvas->pixels, -1, sizeof canvas->pixels);
    canvas->strips = 0;
    while (*bytes != '\0') {
        int row, column, used;
        assert_int_equal(sscanf(bytes, "[%d,%d]%n", &row, &column, &used), 2);
        assert_memory_equal(bytes + used, "\x1BP", 2);
        bytes = read_sixels(canvas, row, column, bytes + used + 2);
        canvas->strips++;
    }
}

enum { RED = 100 << 16, BLUE = 100 };

static void test_sixel(void **state)
{
    (void)state;
    static struct canvas canvas;
    struct screen s;
    size_t before = 0;
    open_with(&s, TUI_PICTURES_SIXEL, false);
    add(&s, SIDE, SIDE);
    read_all(&canvas, sent(&s, &before));
    assert_int_equal(canvas.strips, 16);
    for (int y = 0; y < 320; y++) {
        for (int x = 0; x < 320; x++) {
            assert_int_equal(canvas.pixels[y][16 + x], y < 160 ? RED : BLUE);
        }
    }
    assert_int_equal(canvas.pixels[0][15], -1);
    assert_int_equal(canvas.pixels[0][16 + 320], -1);
    /* Only what changed: nothing for a key, rows that moved when it scrolls. */
    screen_type(&s, "word");
    assert_string_equal(sent(&s, &before), "");
    screen_key(&s, 'L' & 0x1F); /* drawn anew: all of it */
    read_all(&canvas, sent(&s, &before));
    assert_int_equal(canvas.strips, 16);
    screen_key(&s, 'C' & 0x1F);
    for (int i = 0; i < 12; i++) {
        tui_add_notice(s.tui, "more", false);
    }
    read_all(&canvas, sent(&s, &before));
    assert_in_range(canvas.strips, 1, 15); /* its first rows have left */
    assert_string_equal(sent(&s, &before), "");
    screen_close(&s);
}

/* A list over it takes its rows away; when the list goes, just these come back. */
static void test_sixel_covered(void **state)
{
    (void)state;
    static const struct tui_command commands[] = {{"one", "the first", NULL},
                                                  {"other", "the second", NULL}};
    static struct canvas canvas;
    struct screen s;
    size_t before = 0;
    open_with(&s, TUI_PICTURES_SIXEL, false);
    tui_set_commands(s.tui, commands, 2);
    for (int i = 0; i < 5; i++) {
        tui_add_notice(s.tui, "before", false);
    }
    add(&s, SIDE, SIDE);
    for (int i = 0; i < 10; i++) {
        tui_add_notice(s.tui, "behind", false);
    }
    sent(&s, &before);
    for (int i = 0; i < 10; i++) {
        screen_key(&s, TERMINAL_KEY_PAGE_UP);
    }
    sent(&s, &before);
    screen_key(&s, '?'); /* the keys, in place of the transcript */
    assert_string_equal(sent(&s, &before), "");
    screen_key(&s, TERMINAL_KEY_ESCAPE);
    read_all(&canvas, sent(&s, &before));
    assert_int_equal(canvas.strips, 16);
    screen_close(&s);
}

/* Inline a picture leaves with its rows: painted once, and never touched again. */
static void test_inline(void **state)
{
    (void)state;
    static const enum tui_pictures forms[] = {TUI_PICTURES_KITTY, TUI_PICTURES_SIXEL};
    for (size_t i = 0; i < 2; i++) {
        struct screen s;
        size_t before = 0;
        open_with(&s, forms[i], true);
        add(&s, SIDE, SIDE);
        const char *bytes = sent(&s, &before);
        if (forms[i] == TUI_PICTURES_SIXEL) {
            static struct canvas canvas;
            read_all(&canvas, bytes);
            assert_int_equal(canvas.strips, 16);
        } else {
            assert_int_equal(count(bytes, "a=T,"), 1);
            assert_int_equal(placeholders(&s), 40 * 16);
        }
        for (int row = 0; row < 60; row++) {
            tui_add_notice(s.tui, "more", false);
            tui_draw(s.tui);
        }
        terminal_memory_resize(s.terminal, ROWS, 50);
        tui_resize(s.tui);
        tui_clear(s.tui);
        assert_string_equal(sent(&s, &before), "");
        screen_close(&s);
    }
}

/* Any aspect on any screen; cells of unknown size. */
static void test_odd_sizes(void **state)
{
    (void)state;
    static const struct {
        size_t width, height;
    } sizes[] = {{1, 1}, {3000, 1}, {1, 3000}, {900, 700}, {7, 3}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        for (int columns = 1; columns < 90; columns += 22) {
            for (enum tui_pictures how = TUI_PICTURES_KITTY; how <= TUI_PICTURES_SIXEL; how++) {
                struct screen s;
                size_t before = 0;
                screen_open(&s, 30, columns);
                tui_set_pictures(s.tui, how);
                add(&s, sizes[i].width, sizes[i].height);
                assert_int_equal(strlen(sent(&s, &before)) > 0, columns > 4);
                screen_close(&s);
            }
        }
    }
}

/* Sixty-four colours chosen for a picture are near those that it has. */
static void test_colours(void **state)
{
    (void)state;
    enum { WIDTH = 128, HEIGHT = 96 };
    uint8_t *rgb = mem_alloc(WIDTH * HEIGHT, 3);
    for (int i = 0; i < WIDTH * HEIGHT; i++) {
        rgb[i * 3] = (uint8_t)(i % WIDTH * 2);
        rgb[i * 3 + 1] = (uint8_t)(i / WIDTH * 2);
        rgb[i * 3 + 2] = (uint8_t)(128 + i % 5);
    }
    struct sixel *sixel = sixel_create(rgb, WIDTH, HEIGHT);
    long difference = 0;
    assert_int_equal(sixel->count, SIXEL_COLOURS);
    for (int i = 0; i < WIDTH * HEIGHT; i++) {
        for (int channel = 0; channel < 3; channel++) {
            difference +=
                labs((long)sixel->colours[sixel->pixels[i]][channel] - (long)rgb[i * 3 + channel]);
        }
    }
    assert_true(difference / (WIDTH * HEIGHT * 3) <= 8);
    sixel_destroy(sixel);
    mem_free(rgb);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kitty),   cmocka_unit_test(test_kitty_in_tmux),
        cmocka_unit_test(test_names),   cmocka_unit_test(test_foreign_placeholders),
        cmocka_unit_test(test_sixel),   cmocka_unit_test(test_sixel_covered),
        cmocka_unit_test(test_inline),  cmocka_unit_test(test_odd_sizes),
        cmocka_unit_test(test_colours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
