/* The mouse: bytes to keys, and what the wheel and a click do, where they are asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "tui/key.h"
#include "tui/terminal.h"

#include "screen.h"

/* The only key that the bytes are. */
static uint32_t key_of(const char *bytes)
{
    struct key_reader reader;
    struct terminal_key key, none;
    key_reader_init(&reader);
    key_reader_feed(&reader, bytes, strlen(bytes));
    assert_int_equal(key_reader_next(&reader, true, &key), KEY_READY);
    assert_int_equal(key_reader_next(&reader, true, &none), KEY_NONE);
    key_reader_finish(&reader);
    return key.code;
}

static void test_bytes(void **state)
{
    (void)state;
    assert_int_equal(key_of("\x1B[<0;1;1M"), terminal_mouse(TERMINAL_MOUSE_PRESS, 0, 0));
    assert_int_equal(key_of("\x1B[<64;80;24M"), terminal_mouse(TERMINAL_MOUSE_WHEEL_UP, 23, 79));
    assert_int_equal(key_of("\x1B[<69;5;7M"), terminal_mouse(TERMINAL_MOUSE_WHEEL_DOWN, 6, 4));
    static const char *const others[] = {
        "\x1B[<0;1;1m",   "\x1B[<2;1;1M",    "\x1B[<35;4;4M",         "\x1B[<0;0;1M",
        "\x1B[<0;1;0M",   "\x1B[<0;1M",      "\x1B[<0;9999999;1M",    "\x1B[<M",
        "\x1B[<0;1;1;1M", "\x1B[<0;5000;1M", "\x1B[<99999999999;1;1M"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_int_equal(key_of(others[i]), TERMINAL_KEY_OTHER);
    }
}

static void open_with_mouse(struct screen *s)
{
    screen_open(s, 20, 60);
    assert_false(terminal_memory_mouse(s->terminal)); /* only where it is asked for */
    tui_set_mouse(s->tui, true);
    assert_true(terminal_memory_mouse(s->terminal));
}

static void click(struct screen *s, int row, int column)
{
    screen_key(s, terminal_mouse(TERMINAL_MOUSE_PRESS, row, column));
}

static void test_wheel(void **state)
{
    (void)state;
    struct screen s;
    open_with_mouse(&s);
    for (int i = 0; i < 40; i++) {
        char text[] = "notice 00";
        text[7] = (char)('0' + i / 10);
        text[8] = (char)('0' + i % 10);
        tui_add_notice(s.tui, text, false);
    }
    assert_true(screen_shows(&s, "notice 39"));
    screen_key(&s, terminal_mouse(TERMINAL_MOUSE_WHEEL_UP, 2, 2));
    screen_key(&s, terminal_mouse(TERMINAL_MOUSE_WHEEL_UP, 2, 2));
    assert_true(screen_shows(&s, "more below"));
    screen_key(&s, terminal_mouse(TERMINAL_MOUSE_WHEEL_DOWN, 2, 2));
    screen_key(&s, terminal_mouse(TERMINAL_MOUSE_WHEEL_DOWN, 2, 2));
    assert_true(screen_shows(&s, "notice 39"));
    assert_false(screen_shows(&s, "more below"));
    screen_close(&s);
}

static void test_input(void **state)
{
    (void)state;
    struct screen s;
    open_with_mouse(&s);
    screen_type(&s, "one two");
    click(&s, 18, 2 + 4); /* before "two" */
    screen_type(&s, "and ");
    assert_string_equal(tui_draft(s.tui), "one and two");
    click(&s, 18, 59); /* behind the end */
    screen_type(&s, "!");
    click(&s, 18, 0); /* on the prompt */
    screen_type(&s, "so ");
    assert_string_equal(tui_draft(s.tui), "so one and two!");
    click(&s, 19, 3); /* the status line */
    screen_type(&s, "x");
    assert_string_equal(tui_draft(s.tui), "so xone and two!");
    screen_close(&s);
}

/* A click opens one call's output and folds it again; the others stay. */
static void test_folds(void **state)
{
    (void)state;
    static const char output[] = "line 1\nline 2\nline 3\nline 4\nline 5\nline 6\nline 7\nend\n";
    struct screen s;
    open_with_mouse(&s);
    tui_add_thought(s.tui, "a hidden thought", 16);
    tui_end_message(s.tui);
    tui_add_call(s.tui, "c1", "shell ls");
    tui_end_call(s.tui, "c1", output, sizeof output - 1, NULL);
    assert_false(screen_shows(&s, "end"));
    click(&s, 3, 4);
    assert_true(screen_shows(&s, "line 7\n  end"));
    assert_false(screen_shows(&s, "a hidden thought"));
    click(&s, 3, 4);
    assert_false(screen_shows(&s, "line 7"));
    click(&s, 0, 4);
    assert_true(screen_shows(&s, "a hidden thought"));
    click(&s, 16, 4); /* below all of it */
    assert_true(screen_shows(&s, "a hidden thought"));
    screen_key(&s, 'O' & 0x1F); /* all of them, the clicked one too */
    assert_true(screen_shows(&s, "a hidden thought"));
    assert_true(screen_shows(&s, "line 7"));
    screen_close(&s);
}

static void test_lists(void **state)
{
    (void)state;
    static const struct tui_choice choices[] = {{"first", "/open 1"}, {"second", "/open 2"}};
    struct screen s;
    open_with_mouse(&s);
    tui_pick(s.tui, "Which", choices, 2);
    assert_true(screen_shows(&s, "Which"));
    click(&s, 14, 5); /* its title */
    assert_string_equal(screen_intents(&s), "");
    click(&s, 16, 5);
    assert_string_equal(screen_intents(&s), "COMMAND /open 2\n");
    /* No click answers a question. */
    tui_ask(s.tui, "c1", "shell", "ls");
    assert_true(screen_shows(&s, "y once"));
    for (int row = 0; row < 20; row++) {
        click(&s, row, 3);
    }
    assert_string_equal(screen_intents(&s), "");
    screen_key(&s, 'y');
    assert_string_equal(screen_intents(&s), "DECIDE yes\n");
    screen_close(&s);
}

/* Inline the wheel is the terminal's own: it is never asked. */
static void test_inline(void **state)
{
    (void)state;
    struct screen s;
    screen_open(&s, 20, 60);
    screen_type(&s, "one two");
    click(&s, 18, 2 + 4); /* nobody asked: left on by another program */
    screen_type(&s, "!");
    assert_string_equal(tui_draft(s.tui), "one two!");
    screen_close(&s);
    screen_open_inline(&s, 20, 60);
    tui_set_mouse(s.tui, true);
    assert_false(terminal_memory_mouse(s.terminal));
    screen_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes), cmocka_unit_test(test_wheel), cmocka_unit_test(test_input),
        cmocka_unit_test(test_folds), cmocka_unit_test(test_lists), cmocka_unit_test(test_inline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
