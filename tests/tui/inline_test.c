/* The screen that leaves what is final to the terminal's own scrollback: each row of it is there
 * once, in order, whatever else was shown below it meanwhile.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "screen.h"

enum { LINES = 60 };

/* Scrollback and screen, as one text. */
static char *everything(struct screen *screen)
{
    struct str all;
    tui_draw(screen->tui);
    char *above = terminal_memory_scrollback(screen->terminal), *text = screen_text(screen);
    str_init(&all);
    str_append_format(&all, "%s%s", above, text);
    mem_free(above);
    mem_free(text);
    return str_take(&all);
}

static size_t count(const char *all, const char *text)
{
    size_t found = 0;
    for (const char *at = all; (at = strstr(at, text)) != NULL; at += strlen(text)) {
        found++;
    }
    return found;
}

/* "line 001" to "line LINES": each once, and each behind the one before it. */
static void check_lines(struct screen *screen, int last)
{
    char *all = everything(screen), name[16];
    const char *before = all;
    for (int i = 1; i <= last; i++) {
        snprintf(name, sizeof name, "line %03d", i);
        const char *at = strstr(all, name);
        if (count(all, name) != 1 || at < before) {
            fail_msg("%s is there %zu times, or not in its place, in\n%s", name, count(all, name),
                     all);
        }
        before = at;
    }
    mem_free(all);
}

static void add_line(struct screen *screen, int number)
{
    char text[64];
    int length = snprintf(text, sizeof text, "line %03d\n%s", number, number % 7 == 0 ? "" : "\n");
    for (int i = 0; i < length; i += 3) {
        tui_add_text(screen->tui, text + i, (size_t)(length - i < 3 ? length - i : 3));
        tui_draw(screen->tui);
    }
}

static void test_stream(void **state)
{
    (void)state;
    static const int sizes[][2] = {{24, 80}, {8, 30}, {5, 20}, {50, 200}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct screen s;
        screen_open_inline(&s, sizes[i][0], sizes[i][1]);
        tui_add_user(s.tui, "count", 5);
        for (int line = 1; line <= LINES; line++) {
            add_line(&s, line);
        }
        tui_end_message(s.tui);
        check_lines(&s, LINES);
        assert_true(screen_shows(&s, ">"));
        screen_close(&s);
    }
}

/* Lists, help, a question and a draft of many rows come and go; none of them stays above. */
static void test_what_comes_and_goes(void **state)
{
    (void)state;
    static const struct tui_command commands[] = {{"think", "think first", NULL},
                                                  {"theme", "choose colours", NULL}};
    struct screen s;
    screen_open_inline(&s, 16, 60);
    tui_set_commands(s.tui, commands, 2);
    for (int line = 1; line <= LINES; line++) {
        add_line(&s, line);
        switch (line % 10) {
        case 1:
            screen_type(&s, "/th");
            assert_true(screen_shows(&s, "/theme"));
            break;
        case 3:
            screen_key(&s, CONTROL('U'));
            break;
        case 4:
            screen_type(&s, "?");
            break;
        case 5:
            screen_key(&s, TERMINAL_KEY_ESCAPE);
            break;
        case 6:
            tui_ask(s.tui, "c1", "shell wants to run", "make test");
            assert_true(screen_shows(&s, "make test"));
            break;
        case 7:
            tui_withdraw(s.tui);
            screen_type(&s, "a\nb\nc\nd");
            break;
        case 9:
            screen_key(&s, CONTROL('U'));
            screen_key(&s, CONTROL('C'));
            break;
        default:
            break;
        }
    }
    tui_end_message(s.tui);
    check_lines(&s, LINES);
    char *above = terminal_memory_scrollback(s.terminal);
    assert_null(strstr(above, "/theme"));
    assert_null(strstr(above, "make test"));
    assert_null(strstr(above, "Ask something"));
    mem_free(above);
    screen_close(&s);
}

/* What is alive stays below until it is final: a call changes its title when it ends. */
static void test_alive(void **state)
{
    (void)state;
    struct screen s;
    screen_open_inline(&s, 12, 60);
    tui_add_thought(s.tui, "I look first.", 13);
    tui_add_call(s.tui, "c1", "shell: make");
    tui_call_output(s.tui, "c1", "compiling\n", 10);
    assert_true(screen_shows(&s, "* shell: make"));
    tui_add_notice(s.tui, "a notice meanwhile", false);
    for (int line = 1; line <= 30; line++) {
        add_line(&s, line);
    }
    tui_end_message(s.tui);
    tui_end_call(s.tui, "c1", "done\n", 5, false);
    char *all = everything(&s);
    assert_int_equal(count(all, "shell: make"), 1);
    assert_int_equal(count(all, "• shell: make"), 1);
    assert_int_equal(count(all, "a notice meanwhile"), 1);
    assert_int_equal(count(all, "thought, 3 words"), 1);
    mem_free(all);
    check_lines(&s, 30);
    screen_close(&s);
}

/* A row that was drawn while it grew is not sent again when it is final. */
static void test_cost(void **state)
{
    (void)state;
    struct screen s;
    screen_open_inline(&s, 24, 80);
    screen_status(&s, true, "writing");
    add_line(&s, 1);
    size_t before = terminal_memory_cells_sent(s.terminal);
    for (int line = 2; line <= LINES; line++) {
        add_line(&s, line);
    }
    size_t sent = terminal_memory_cells_sent(s.terminal) - before;
    assert_in_range(sent, (LINES - 1) * 7, (LINES - 1) * 10);
    screen_close(&s);
}

/* A list and a code block, each a part of its own that is higher than the region: their rows move
 * up there, and leave when the part is over. */
static void test_high_parts(void **state)
{
    static const char *const forms[] = {"- line %03d\n", "```\nline %03d\n", "line %03d\n"};
    (void)state;
    for (int code = 0; code < 2; code++) {
        struct screen s;
        screen_open_inline(&s, 16, 60);
        screen_status(&s, true, "writing");
        size_t before = terminal_memory_cells_sent(s.terminal);
        for (int line = 1; line <= LINES; line++) {
            char text[64], name[16];
            int length = snprintf(text, sizeof text,
                                  forms[code == 0   ? 0
                                        : line == 1 ? 1
                                                    : 2],
                                  line);
            for (int i = 0; i < length; i += 3) {
                tui_add_text(s.tui, text + i, (size_t)(length - i < 3 ? length - i : 3));
                tui_draw(s.tui);
            }
            snprintf(name, sizeof name, "line %03d", line);
            assert_true(screen_shows(&s, name));
        }
        size_t sent = terminal_memory_cells_sent(s.terminal) - before;
        assert_in_range(sent, LINES * 8, LINES * 16);
        tui_end_message(s.tui);
        check_lines(&s, LINES);
        screen_close(&s);
    }
}

/* New sizes while it streams; the region is drawn anew, what is above it is not touched. */
static void test_sizes(void **state)
{
    (void)state;
    struct screen s;
    screen_open_inline(&s, 24, 80);
    for (int line = 1; line <= LINES; line++) {
        add_line(&s, line);
        terminal_memory_resize(s.terminal, 10 + line * 7 % 20, 40 + line * 11 % 50);
        tui_resize(s.tui);
        tui_draw(s.tui);
    }
    tui_end_message(s.tui);
    check_lines(&s, LINES);
    screen_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stream),     cmocka_unit_test(test_what_comes_and_goes),
        cmocka_unit_test(test_alive),      cmocka_unit_test(test_cost),
        cmocka_unit_test(test_high_parts), cmocka_unit_test(test_sizes),
    };
    return cmocka_run_group_tests_name("tui_inline", tests, NULL, NULL);
}
