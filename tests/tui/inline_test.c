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
#include "tui/surface.h"
#include "tui/theme.h"

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

/* What has left is the terminal's to scroll: keys and wheel do not look for it. */
static void test_scrolling(void **state)
{
    (void)state;
    static const uint32_t keys[] = {TERMINAL_KEY_PAGE_UP, TERMINAL_KEY_PAGE_DOWN, TERMINAL_KEY_TOP,
                                    TERMINAL_KEY_BOTTOM, CONTROL('O')};
    struct screen s;
    screen_open_inline(&s, 12, 60);
    for (int call = 0; call < 12; call++) {
        tui_add_call(s.tui, "c1", "shell make");
        tui_end_call(s.tui, "c1", "one\ntwo", 7, NULL);
    }
    tui_draw(s.tui);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        screen_key(&s, keys[i]);
        screen_key(&s, terminal_mouse(TERMINAL_MOUSE_WHEEL_UP, 3, 3));
        screen_key(&s, terminal_mouse(TERMINAL_MOUSE_PRESS, 1, 3));
    }
    for (int line = 1; line <= LINES; line++) {
        add_line(&s, line);
    }
    tui_end_message(s.tui);
    check_lines(&s, LINES);
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
    tui_end_call(s.tui, "c1", "done\n", 5, NULL);
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

/* A list, a code block and a table that are higher than the region. The rows of the first two leave
 * when they are whole; those of a table move up there, and leave when it is over. */
static void test_high_parts(void **state)
{
    static const struct form {
        const char *first, *before, *after;
    } forms[] = {
        {"", "- ", "\n"},
        {"```\n", "", "\n"},
        {"| Name |\n| --- |\n", "| ", " |\n"},
    };
    (void)state;
    for (int form = 0; form < 3; form++) {
        struct screen s;
        screen_open_inline(&s, 16, 60);
        screen_status(&s, true, "writing");
        size_t before = terminal_memory_cells_sent(s.terminal);
        for (int line = 1; line <= LINES; line++) {
            char text[64], name[16];
            const struct form *in = &forms[form];
            int length = snprintf(text, sizeof text, "%s%sline %03d%s", line == 1 ? in->first : "",
                                  in->before, line, in->after);
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

/* --- rows that move --- */

enum { FRAMES = 3000, REGION = 14, WIDTH = 12 };

static uint64_t next_number(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state >> 33;
}

static char rows[REGION][2 * WIDTH];
static int row_count = REGION;

/* Rows move up by some, or one changes, or the region has another height. */
static void change_rows(uint64_t *random)
{
    unsigned kind = (unsigned)(next_number(random) % 10);
    if (kind < 5) {
        int by = 1 + (int)(next_number(random) % 9) % row_count;
        memmove(rows, rows + by, (size_t)(row_count - by) * sizeof rows[0]);
        for (int i = row_count - by; i < row_count; i++) {
            snprintf(rows[i], sizeof rows[i], "%s", "");
            if (next_number(random) % 4 != 0) {
                snprintf(rows[i], sizeof rows[i], "r%d", (int)(next_number(random) % 50));
            }
        }
    } else if (kind < 8) {
        int row = (int)(next_number(random) % (unsigned)row_count);
        snprintf(rows[row], sizeof rows[row], "r%d \xE6\xBC\xA2", (int)(next_number(random) % 6));
    } else {
        int count = 1 + (int)(next_number(random) % REGION);
        for (int i = row_count; i < count; i++) {
            snprintf(rows[i], sizeof rows[i], "n%d", (int)(next_number(random) % 9));
        }
        row_count = count;
    }
}

static void show_rows(struct surface *surface, struct terminal *terminal, int below, bool forget)
{
    surface_region(surface, terminal, row_count, below);
    surface_clear(surface);
    for (int row = 0; row < row_count; row++) {
        surface_put(surface, row, 0, WIDTH, rows[row], strlen(rows[row]),
                    row % 5 == 4 ? THEME_KEY : THEME_TEXT);
    }
    surface_cursor(surface, row_count - 1, 0);
    if (forget) {
        surface_forget(surface);
    }
    surface_show(surface, terminal);
}

/* Frames that move rows leave what frames show that send everything anew. */
static void test_moved_rows(void **state)
{
    (void)state;
    struct terminal *terminals[2];
    struct surface *surfaces[2];
    uint64_t random = 88172645463325252u;
    for (int i = 0; i < 2; i++) {
        terminals[i] = terminal_memory_create_inline(REGION, WIDTH);
        surfaces[i] = surface_create();
        surface_restart(surfaces[i], terminals[i], WIDTH);
    }
    for (int frame = 0; frame < FRAMES; frame++) {
        change_rows(&random);
        int below = (int)(next_number(&random) % 3);
        char *screens[2];
        for (int i = 0; i < 2; i++) {
            show_rows(surfaces[i], terminals[i], below, i == 1);
            screens[i] = terminal_memory_screen(terminals[i]);
        }
        assert_string_equal(screens[0], screens[1]);
        mem_free(screens[0]);
        mem_free(screens[1]);
    }
    assert_true(terminal_memory_cells_sent(terminals[0]) <
                terminal_memory_cells_sent(terminals[1]) / 2);
    for (int i = 0; i < 2; i++) {
        surface_destroy(surfaces[i]);
        terminals[i]->ops->destroy(terminals[i]);
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
        cmocka_unit_test(test_scrolling),  cmocka_unit_test(test_alive),
        cmocka_unit_test(test_cost),       cmocka_unit_test(test_high_parts),
        cmocka_unit_test(test_moved_rows), cmocka_unit_test(test_sizes),
    };
    return cmocka_run_group_tests_name("tui_inline", tests, NULL, NULL);
}
