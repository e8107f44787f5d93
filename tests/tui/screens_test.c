/* Keys and events in, exact screens out. A screen is a text file in screens/, a line a row, then
 * where the cursor is. To take over intended changes: UPDATE_SCREENS=1 ./screens_test, then read
 * the difference. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "screen.h"

static void text(struct screen *s, const char *answer)
{
    tui_add_text(s->tui, answer, strlen(answer));
}

static void user(struct screen *s, const char *message)
{
    tui_add_user(s->tui, message, strlen(message));
}

static void test_empty(void **state)
{
    (void)state;
    struct screen s;
    screen_open(&s, 12, 80);
    screen_status(&s, false, "");
    screen_expect(&s, "empty");
    screen_close(&s);
}

static void conversation(struct screen *s)
{
    user(s, "What is in this folder?");
    tui_add_thought(s->tui, "I should list the files first.", 30);
    tui_add_call(s->tui, "c1", "file_list: .");
    tui_end_call(s->tui, "c1", "README.md\nmeson.build\nsrc/\n", 26, NULL);
    tui_add_call(s->tui, "c2", "shell: make test");
    static const char long_result[] = "line 1\nline 2\nline 3\nline 4\nline 5\nline 6\n"
                                      "line 7\nline 8\nline 9\n";
    tui_end_call(s->tui, "c2", long_result, sizeof long_result - 1, "exit 2");
    text(s, "It holds **three** entries:\n\n1. `README.md`\n2. `meson.build`\n3. `src/`, a "
            "folder with the *sources*\n\n```c\nint main(void)\n{\n\treturn 0;\n}\n```\n\nSee "
            "[the manual](https://example.org/manual).\n");
    tui_end_message(s->tui);
    tui_add_notice(s->tui, "context is 80% full", false);
    tui_add_notice(s->tui, "the tool host is gone", true);
}

static void test_conversation(void **state)
{
    (void)state;
    struct screen s;
    screen_open(&s, 44, 80);
    conversation(&s);
    screen_status(&s, false, "");
    screen_expect(&s, "conversation_80");
    screen_key(&s, CONTROL('O'));
    screen_expect(&s, "conversation_80_unfolded");
    screen_key(&s, CONTROL('O'));
    screen_expect(&s, "conversation_80");
    terminal_memory_resize(s.terminal, 20, 40);
    tui_resize(s.tui);
    screen_expect(&s, "conversation_40");
    screen_close(&s);
}

static void test_markdown(void **state)
{
    (void)state;
    struct screen s;
    screen_open(&s, 62, 60);
    text(&s,
         "# Title\nA paragraph that is long enough to be wrapped at sixty columns, with "
         "**bold**, *italic*, ***both***, `code` and ~~gone~~.\nSoft break  \nhard break\n\n"
         "> a quote that\n> goes on\n>\n> with a second paragraph that wraps around the edge "
         "of the screen\n\n- one\n  - nested item which is long enough to be wrapped under "
         "its bullet\n  - second\n    1. deep\n- two\n\n  a paragraph of two\n- [x] done\n- [ ] "
         "open\n\n| Name | Size | Note |\n|:-----|-----:|:----:|\n| a | 1 | x |\n| longer name "
         "| 12345 | `y` |\n\n---\n\n<b>no html</b> &amp; &lt;entities&gt; &#x1b;[31m "
         "&unknown;\n\n<https://example.org> and https://example.com/a_b\n\n![alt "
         "text](pic.png)\n\n    indented code\n\n```\nunclosed fence\n  keeps\tits space");
    screen_expect(&s, "markdown");
    terminal_memory_resize(s.terminal, 62, 24);
    tui_resize(s.tui);
    screen_expect(&s, "markdown_narrow");
    screen_close(&s);
}

static void test_wide(void **state)
{
    (void)state;
    struct screen s;
    screen_open(&s, 22, 30);
    user(&s, "日本語のテキスト、折り返しは文字の間で行われます。「括弧」も正しく。");
    text(&s, "Emoji 👍🏽 👨‍👩‍👧‍👦 ❤️ 🇩🇪 and combining é ñ̃ x̂; "
             "Hangul "
             "한국어, "
             "Thai "
             "ภาษาไทย, Hindi हिन्दी.\n\nmixed 漢字 and words that wrap somewhere here 全角文字");
    screen_type(&s, "漢字と e\xCC\x81 👍🏽");
    screen_expect(&s, "wide");
    terminal_memory_resize(s.terminal, 22, 5);
    tui_resize(s.tui);
    screen_expect(&s, "wide_five_columns");
    screen_close(&s);
}

static void test_question(void **state)
{
    (void)state;
    struct screen s;
    screen_open(&s, 20, 70);
    conversation(&s);
    screen_status(&s, true, "waiting for you");
    tui_ask(s.tui, "c3", "shell wants to run",
            "rm -rf build && make\ncd /tmp;\xC2\xA0"
            "echo \xE2\x80\xAE"
            "cba \x1B[31mred\nthis line is much longer than the screen is wide, so that it has "
            "to be continued below with a mark");
    screen_expect(&s, "question");
    screen_key(&s, 'n');
    screen_type(&s, "not the build folder");
    screen_expect(&s, "question_reason");
    screen_key(&s, '\r');
    assert_string_equal(screen_intents(&s), "DECIDE no not the build folder\n");
    screen_expect(&s, "question_answered");
    screen_close(&s);
}

static void test_question_long(void **state)
{
    (void)state;
    struct screen s;
    struct str description;
    screen_open(&s, 14, 60);
    str_init(&description);
    for (int i = 1; i <= 30; i++) {
        str_append_format(&description, "+ line %d of the change\n", i);
    }
    tui_ask(s.tui, "c", "file_edit wants to change notes.txt", description.data);
    screen_expect(&s, "question_long");
    screen_key(&s, 'y');
    assert_string_equal(screen_intents(&s), "");
    screen_expect(&s, "question_long_refused");
    screen_key(&s, TERMINAL_KEY_END);
    screen_expect(&s, "question_long_end");
    screen_key(&s, 'y');
    assert_string_equal(screen_intents(&s), "DECIDE yes\n");
    str_finish(&description);
    screen_close(&s);
}

static const struct tui_command commands[] = {
    {"help", "what there is", NULL},          {"model", "choose a model", NULL},
    {"mode", "ask, read-only, ...", NULL},    {"clear", "start a new conversation", NULL},
    {"compact", "shorten the context", NULL}, {"context", "what fills the context", NULL},
};

static void test_commands(void **state)
{
    (void)state;
    struct screen s;
    screen_open(&s, 14, 60);
    tui_set_commands(s.tui, commands, sizeof commands / sizeof commands[0]);
    conversation(&s);
    screen_type(&s, "/");
    screen_expect(&s, "commands");
    screen_type(&s, "co");
    screen_key(&s, TERMINAL_KEY_DOWN);
    screen_expect(&s, "commands_selected");
    screen_key(&s, '\t');
    screen_expect(&s, "commands_completed");
    screen_close(&s);
}

static void test_help_and_search(void **state)
{
    (void)state;
    struct screen s;
    screen_open(&s, 36, 80);
    screen_status(&s, false, "");
    screen_key(&s, '?');
    screen_expect(&s, "help");
    screen_key(&s, TERMINAL_KEY_ESCAPE);
    tui_add_history(s.tui, "first question");
    tui_add_history(s.tui, "second question\nof two lines");
    screen_key(&s, CONTROL('R'));
    screen_type(&s, "quest");
    terminal_memory_resize(s.terminal, 8, 60);
    tui_resize(s.tui);
    screen_expect(&s, "search");
    screen_close(&s);
}

static void test_input_rows(void **state)
{
    (void)state;
    struct screen s;
    screen_open(&s, 14, 30);
    screen_type(&s, "one\ntwo is a longer line that has to wrap\nthree\nfour\nfive\nsix");
    screen_expect(&s, "input_rows");
    for (int i = 0; i < 5; i++) {
        screen_key(&s, TERMINAL_KEY_UP);
    }
    screen_expect(&s, "input_rows_up");
    screen_close(&s);
}

/* A notice comes at once and does not cut the block in two in which it came, wherever that is; what
 * follows the block stands behind the notice. */
static void test_notice_within_an_answer(void **state)
{
    static const char CODE[] =
        "Before.\n\n```c\nint *a*;\nint _b_;\n```\n\n| x | y |\n|---|---|\n| 1 "
        "| 2 |\n\nAfter it.\n";
    static const struct {
        const char *upto; /* it comes behind this */
        const char *shown;
    } cases[] = {
        {"Before.\n\n```c\nint *", "  int *a*;\n  int _b_;\n\n- noted\n\nx \xE2\x94\x82 y"},
        {"Before.\n\n```c\nint *a*;\nint _b_;\n``", "  int _b_;\n\n- noted\n\nx \xE2\x94\x82 y"},
        {"Bef", "Before.\n\n- noted\n\n  int *a*;\n  int _b_;\n\nx \xE2\x94\x82 y"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (int step = 1; step < 4; step++) {
            struct screen s;
            screen_open(&s, 24, 40);
            size_t at = strlen(cases[i].upto);
            tui_add_text(s.tui, CODE, at);
            tui_add_notice(s.tui, "noted", false);
            assert_true(screen_shows(&s, "- noted"));
            for (; at < sizeof CODE - 1; at += (size_t)step) {
                size_t left = sizeof CODE - 1 - at;
                tui_add_text(s.tui, CODE + at, left < (size_t)step ? left : (size_t)step);
            }
            tui_end_message(s.tui);
            if (!screen_shows(&s, cases[i].shown) || !screen_shows(&s, "2\n\nAfter it.\n")) {
                fail_msg("%s, %d: %s", cases[i].upto, step, screen_text(&s));
            }
            screen_close(&s);
        }
    }
}

static void test_small(void **state)
{
    (void)state;
    static const int sizes[][2] = {{1, 1}, {1, 20}, {2, 10}, {3, 12}, {4, 20}, {5, 20}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct screen s;
        char name[64];
        screen_open(&s, sizes[i][0], sizes[i][1]);
        conversation(&s);
        screen_type(&s, "hello");
        screen_status(&s, true, "writing");
        snprintf(name, sizeof name, "small_%dx%d", sizes[i][0], sizes[i][1]);
        screen_expect(&s, name);
        screen_close(&s);
    }
}

static void test_status(void **state)
{
    (void)state;
    static const int widths[] = {120, 80, 50, 30, 12};
    for (size_t i = 0; i < sizeof widths / sizeof widths[0]; i++) {
        struct screen s;
        char name[64];
        screen_open(&s, 3, widths[i]);
        struct tui_status status = {.model = "gemma-4-e4b-it",
                                    .mode = "auto-edit",
                                    .sandbox = "NO SANDBOX",
                                    .sandbox_warning = true,
                                    .thinking = true,
                                    .busy = true,
                                    .activity = "reading 120 of 900",
                                    .context_used = 7000,
                                    .context_size = 8192,
                                    .tokens_per_second = 12.34};
        tui_set_status(s.tui, &status);
        snprintf(name, sizeof name, "status_%d", widths[i]);
        screen_expect(&s, name);
        screen_close(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty),      cmocka_unit_test(test_conversation),
        cmocka_unit_test(test_markdown),   cmocka_unit_test(test_wide),
        cmocka_unit_test(test_question),   cmocka_unit_test(test_question_long),
        cmocka_unit_test(test_commands),   cmocka_unit_test(test_help_and_search),
        cmocka_unit_test(test_input_rows), cmocka_unit_test(test_small),
        cmocka_unit_test(test_status),     cmocka_unit_test(test_notice_within_an_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
