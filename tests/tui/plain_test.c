/* The conversation line by line, through two pipes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/str.h"
#include "tui/tui.h"

enum { SECOND = 1000000 };

struct talk {
    struct tui *tui;
    int in[2], out[2];
    struct str intents;
    struct str heard;
};

static void on_intent(void *context, const struct tui_intent *intent)
{
    static const char *const names[] = {[TUI_SUBMIT] = "submit",
                                        [TUI_INTERRUPT] = "interrupt",
                                        [TUI_DECIDE] = "decide",
                                        [TUI_QUIT] = "quit"};
    struct talk *talk = context;
    str_append_format(&talk->intents, "%s%s %.*s\n", names[intent->kind],
                      intent->kind != TUI_DECIDE           ? ""
                      : intent->decision == TUI_YES        ? " yes"
                      : intent->decision == TUI_NO         ? " no"
                      : intent->decision == TUI_YES_ALWAYS ? " always"
                                                           : " session",
                      (int)intent->length, intent->text);
}

static int begin(void **state)
{
    static struct talk talk;
    talk = (struct talk){0};
    assert_int_equal(pipe(talk.in), 0);
    assert_int_equal(pipe(talk.out), 0);
    str_init(&talk.intents);
    str_init(&talk.heard);
    talk.tui = tui_create_plain(talk.in[0], talk.out[1], on_intent, &talk);
    *state = &talk;
    return 0;
}

static int end(void **state)
{
    struct talk *talk = *state;
    tui_destroy(talk->tui);
    close(talk->in[0]);
    close(talk->out[0]);
    close(talk->out[1]);
    if (talk->in[1] >= 0) {
        close(talk->in[1]);
    }
    str_finish(&talk->intents);
    str_finish(&talk->heard);
    return 0;
}

static bool type(struct talk *talk, const char *text)
{
    assert_int_equal(write(talk->in[1], text, strlen(text)), strlen(text));
    bool there = tui_read_keys(talk->tui, 0);
    tui_draw(talk->tui);
    return there;
}

/* What was written since the last time. */
static void hear(struct talk *talk, const char *expected)
{
    char bytes[65536];
    tui_draw(talk->tui);
    assert_int_equal(write(talk->out[1], "\x1", 1), 1); /* so that there is something to read */
    ssize_t length = read(talk->out[0], bytes, sizeof bytes);
    str_clear(&talk->heard);
    str_append_bytes(&talk->heard, bytes, (size_t)length - 1);
    assert_string_equal(talk->heard.data, expected);
}

static void wanted(struct talk *talk, const char *expected)
{
    assert_string_equal(talk->intents.data, expected);
    str_clear(&talk->intents);
}

static void status(struct talk *talk, bool busy)
{
    tui_set_status(talk->tui, &(struct tui_status){.busy = busy});
}

static void add(struct talk *talk, const char *text)
{
    tui_add_text(talk->tui, text, strlen(text));
}

static void test_talk(void **state)
{
    struct talk *talk = *state;
    tui_set_status(talk->tui, &(struct tui_status){.model = "m"});
    hear(talk, "> ");
    hear(talk, ""); /* said once */
    type(talk, "hel");
    wanted(talk, "");
    type(talk, "lo\\\nthere\n\n  \n");
    wanted(talk, "submit hello\nthere\n");
    status(talk, true);
    tui_add_user(talk->tui, "from before", 11);
    hear(talk, "> \nyou: from before\n");
    tui_add_thought(talk->tui, "hm", 2);
    tui_add_thought(talk->tui, "hm", 2);
    add(talk, "The first");
    hear(talk, "(thinking)\n"); /* half a line waits for the other half */
    add(talk, " line\nand \x1B[31mmore");
    hear(talk, "carat: The first line\n");
    tui_end_message(talk->tui);
    hear(talk, "and ␛[31mmore\n"); /* never a control character */
    status(talk, false);
    hear(talk, "> ");
    tui_add_notice(talk->tui, "late", true);
    hear(talk, "\nerror: late\n> ");
}

static void test_tools(void **state)
{
    struct talk *talk = *state;
    status(talk, true);
    tui_add_call(talk->tui, "c", "shell ls");
    tui_call_output(talk->tui, "c", "live", 4);
    struct str lines;
    str_init(&lines);
    for (int i = 0; i < 30; i++) {
        str_append(&lines, "x\n");
    }
    tui_end_call(talk->tui, "c", lines.data, lines.length, NULL);
    char bytes[512];
    ssize_t length = read(talk->out[0], bytes, sizeof bytes - 1);
    bytes[length] = '\0';
    assert_true(str_starts_with(bytes, "tool: shell ls\nresult: x\nx\n"));
    assert_non_null(strstr(bytes, "(20 more bytes)\n"));
    tui_end_call(talk->tui, "c", lines.data, lines.length, "exit 7");
    length = read(talk->out[0], bytes, sizeof bytes - 1);
    bytes[length] = '\0';
    assert_true(str_starts_with(bytes, "exit 7: x\nx\n"));
    str_finish(&lines);
}

static void test_question(void **state)
{
    struct talk *talk = *state;
    status(talk, true);
    assert_int_equal(write(talk->in[1], "y\n", 2), 2); /* before the question: no answer to it */
    tui_ask(talk->tui, "c", "shell", "$ rm x\n");
    wanted(talk, "submit y\n");
    hear(talk, "question: shell\n$ rm x\ny (once), a (this session), or n and why not:\n> ");
    type(talk, "yes please\n");
    wanted(talk, "");
    hear(talk, "error: say y, a, or n and why not\n> ");
    type(talk, "n not that one\n");
    wanted(talk, "decide no not that one\n");
    tui_ask(talk->tui, "c", "shell", "$ ls\n");
    type(talk, "a\n");
    wanted(talk, "decide session \n");
    type(talk, "go on\n");
    wanted(talk, "submit go on\n");
}

/* A rule is read out twice, and written down after a second yes alone. */
static void test_always(void **state)
{
    struct talk *talk = *state;
    status(talk, true);
    tui_ask(talk->tui, "c", "shell", "$ ls\n");
    type(talk, "p\n");
    wanted(talk, ""); /* nothing was offered */
    hear(talk, "question: shell\n$ ls\ny (once), a (this session), or n and why not:\n"
               "error: say y, a, or n and why not\n> ");
    tui_offer_always(talk->tui, "shell(ls \x1B*)");
    hear(talk, "\nor p (always), with a rule in your configuration: shell(ls \\x1B*)\n> ");
    type(talk, "p\n");
    wanted(talk, "");
    hear(talk, "question: write this rule to your configuration? y, or anything else for no: "
               "shell(ls \\x1B*)\n> ");
    type(talk, "p\n");
    wanted(talk, "");
    hear(talk, "note: no rule was written; y, a, p, or n and why not:\n> ");
    type(talk, "please\n");
    hear(talk, "error: say y, a, p, or n and why not\n> ");
    type(talk, "p\ny\n");
    wanted(talk, "decide always \n");
}

static void test_leaving(void **state)
{
    struct talk *talk = *state;
    status(talk, true);
    tui_interrupt(talk->tui, 1 * SECOND);
    wanted(talk, "interrupt \n");
    tui_interrupt(talk->tui, 60 * SECOND); /* of another turn */
    wanted(talk, "interrupt \n");
    status(talk, false);
    tui_interrupt(talk->tui, 120 * SECOND);
    tui_interrupt(talk->tui, 180 * SECOND); /* long after the hint */
    assert_null(strstr(talk->intents.data, "quit"));
    tui_interrupt(talk->tui, 180 * SECOND + SECOND / 2);
    assert_non_null(strstr(talk->intents.data, "quit"));
    close(talk->in[1]);
    talk->in[1] = -1;
    assert_false(tui_read_keys(talk->tui, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_talk, begin, end),
        cmocka_unit_test_setup_teardown(test_tools, begin, end),
        cmocka_unit_test_setup_teardown(test_question, begin, end),
        cmocka_unit_test_setup_teardown(test_always, begin, end),
        cmocka_unit_test_setup_teardown(test_leaving, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
