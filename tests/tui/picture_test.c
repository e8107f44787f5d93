/* Pictures in the transcript: the right colours at the right cells, bounded, scrolled and cleared
 * like text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "tui/picture.h"
#include "tui/transcript.h"

#include "screen.h"

enum { SIDE = 64 };

static const uint8_t red[3] = {255, 0, 0}, blue[3] = {0, 0, 255}, grey[3] = {118, 118, 118};

/* Red above, blue below. */
static uint8_t *two_halves(size_t width, size_t height)
{
    uint8_t *rgb = mem_alloc(width * height, 3);
    for (size_t i = 0; i < width * height; i++) {
        memcpy(rgb + i * 3, i / width < height / 2 ? red : blue, 3);
    }
    return rgb;
}

static void test_colours(void **state)
{
    (void)state;
    static const uint8_t white[3] = {255, 255, 255}, black[3] = {0};
    assert_int_equal(picture_colour(red), 196);
    assert_int_equal(picture_colour(blue), 21);
    assert_int_equal(picture_colour(white), 231);
    assert_int_equal(picture_colour(black), 16);
    assert_int_equal(picture_colour(grey), 243);
}

/* Rows that hold a half block, from the top; -1 and -1: none. */
static int block_rows(struct screen *screen, int *first)
{
    char *text = screen_text(screen), *end;
    int row = 0, count = 0;
    *first = -1;
    for (char *line = text; *line != '\0'; row++) {
        end = strchr(line, '\n');
        if (end != NULL) {
            *end = '\0';
        }
        if (strstr(line, "\xE2\x96\x80") != NULL) {
            *first = *first < 0 ? row : *first;
            count++;
        }
        line = end != NULL ? end + 1 : line + strlen(line);
    }
    mem_free(text);
    return count;
}

static void test_cells(void **state)
{
    (void)state;
    struct screen s;
    int first;
    uint8_t *rgb = two_halves(SIDE, SIDE);
    screen_open(&s, 40, 60);
    tui_set_pictures(s.tui, TUI_PICTURES_COLOURS);
    tui_add_user(s.tui, "look", 4);
    tui_add_picture(s.tui, rgb, SIDE, SIDE, "(a picture, 64 x 64)");
    assert_int_equal(block_rows(&s, &first), PICTURE_ROWS);
    assert_true(screen_shows(&s, "(a picture, 64 x 64)"));
    struct terminal_look top = terminal_memory_look(s.terminal, first, 2);
    struct terminal_look bottom = terminal_memory_look(s.terminal, first + PICTURE_ROWS - 1, 2);
    assert_int_equal(top.foreground, 196);
    assert_int_equal(top.background, 196);
    assert_int_equal(bottom.foreground, 21);
    /* What follows pushes it up, cell by cell, and a new conversation takes it away. */
    for (int i = 0; i < 30; i++) {
        tui_add_notice(s.tui, "more", false);
    }
    int left = block_rows(&s, &first);
    assert_true(left < PICTURE_ROWS);
    screen_key(&s, TERMINAL_KEY_TOP);
    assert_int_equal(block_rows(&s, &first), PICTURE_ROWS);
    assert_int_equal(terminal_memory_look(s.terminal, first, 2).foreground, 196);
    tui_clear(s.tui);
    assert_int_equal(block_rows(&s, &first), 0);
    screen_close(&s);
    mem_free(rgb);
}

/* One pixel, a line, more than is kept; a screen that is hardly there. */
static void test_odd_sizes(void **state)
{
    (void)state;
    static const struct {
        size_t width, height;
    } sizes[] = {{1, 1}, {5000, 1}, {1, 5000}, {3000, 2000}, {7, 3}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        for (int columns = 1; columns < 90; columns += 22) {
            struct screen s;
            int first;
            uint8_t *rgb = two_halves(sizes[i].width, sizes[i].height);
            screen_open(&s, 30, columns);
            tui_set_pictures(s.tui, TUI_PICTURES_COLOURS);
            tui_add_picture(s.tui, rgb, sizes[i].width, sizes[i].height, "(a picture)");
            assert_in_range(block_rows(&s, &first), columns > 2 ? 1 : 0, PICTURE_ROWS);
            screen_close(&s);
            mem_free(rgb);
        }
    }
}

static void test_without_colours(void **state)
{
    (void)state;
    struct screen s;
    int first;
    uint8_t *rgb = mem_zero(SIDE * SIDE, 3);
    memset(rgb, 255, SIDE * SIDE * 3 / 2);
    screen_open(&s, 40, 60);
    tui_set_pictures(s.tui, TUI_PICTURES_SIGNS);
    tui_add_picture(s.tui, rgb, SIDE, SIDE, "(a picture)");
    assert_true(screen_shows(&s, "  @@@@@@@@"));
    assert_int_equal(block_rows(&s, &first), 0);
    tui_clear(s.tui);
    tui_set_pictures(s.tui, TUI_PICTURES_OFF);
    tui_add_picture(s.tui, rgb, SIDE, SIDE, "(a picture)");
    assert_true(screen_shows(&s, "(a picture)"));
    assert_false(screen_shows(&s, "@@"));
    screen_close(&s);
    mem_free(rgb);
}

/* One that comes later stands where its place was kept, whatever was said meanwhile. */
static void test_awaited(void **state)
{
    (void)state;
    static const int keys[3] = {0};
    struct screen s;
    int first;
    uint8_t *rgb = two_halves(SIDE, SIDE);
    screen_open(&s, 40, 60);
    tui_set_pictures(s.tui, TUI_PICTURES_COLOURS);
    tui_await_picture(s.tui, &keys[0], "(a picture)");
    tui_await_picture(s.tui, &keys[1], "(another)");
    tui_add_text(s.tui, "An answer.", 10);
    tui_end_message(s.tui);
    assert_true(screen_shows(&s, "(a picture)"));
    tui_fill_picture(s.tui, &keys[1], NULL, 0, 0, "(lost)");
    assert_true(screen_shows(&s, "(lost)"));
    assert_false(screen_shows(&s, "(another)"));
    assert_int_equal(block_rows(&s, &first), 0);
    tui_fill_picture(s.tui, &keys[0], rgb, SIDE, SIDE, "(a picture, 64 x 64)");
    assert_int_equal(block_rows(&s, &first), PICTURE_ROWS);
    assert_true(first < 3);
    tui_fill_picture(s.tui, &keys[0], rgb, SIDE, SIDE,
                     "(twice)"); /* filled already; no such place */
    tui_fill_picture(s.tui, &keys[2], rgb, SIDE, SIDE, "(never)");
    assert_int_equal(block_rows(&s, &first), PICTURE_ROWS);
    assert_false(screen_shows(&s, "(twice)"));
    assert_false(screen_shows(&s, "(never)"));
    screen_close(&s);
    mem_free(rgb);
}

/* Inline, nothing behind it leaves for the scrollback before it is there. */
static void test_awaited_inline(void **state)
{
    (void)state;
    static const int key = 0;
    struct transcript *transcript = transcript_create();
    transcript_add_notice(transcript, "before", false);
    size_t before = transcript_settled(transcript, 60, 100);
    assert_true(before > 0);
    transcript_await_picture(transcript, &key, "(a picture)");
    transcript_add_notice(transcript, "behind", false);
    assert_int_equal(transcript_settled(transcript, 60, 100), before);
    transcript_fill_picture(transcript, &key, NULL, "(lost)");
    assert_true(transcript_settled(transcript, 60, 100) > before + 1);
    transcript_destroy(transcript);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_colours),   cmocka_unit_test(test_cells),
        cmocka_unit_test(test_odd_sizes), cmocka_unit_test(test_without_colours),
        cmocka_unit_test(test_awaited),   cmocka_unit_test(test_awaited_inline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
