/* step: tokens whose ids are not known, as a server's answer has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agent/step.h"

static void ignore(void *context, const char *text, size_t length)
{
    (void)context;
    (void)text;
    (void)length;
}

static void begin(struct step *step)
{
    step_begin(step, &(struct step_options){.next_call = 1, .text = ignore, .thought = ignore});
}

static bool say(struct step *step, int32_t id, const char *bytes)
{
    return step_token(step, id, CONTROL_NONE, bytes, strlen(bytes));
}

static void unknown_ids_are_not_kept(void **state)
{
    (void)state;
    struct step step;
    begin(&step);
    assert_true(say(&step, -1, "Hello "));
    assert_true(say(&step, -1, "river"));
    assert_true(step_token(&step, -1, CONTROL_TURN_CLOSE, NULL, 0));
    step_end(&step, CHAT_STOP_TURN);
    const struct chat_message *message = step_message(&step);
    assert_string_equal(message->text, "Hello river");
    assert_true(message->complete);
    assert_int_equal(message->token_count, 0);
    assert_null(message->tokens);
    step_finish(&step);

    begin(&step);
    assert_true(say(&step, 7, "Hello"));
    assert_int_equal(step_message(&step)->token_count, 1);
    step_finish(&step);
}

/* Without ids a loop is noticed by what the tokens say. */
static void a_loop_of_unknown_ids_ends(void **state)
{
    (void)state;
    static const char *const words[] = {"round ", "and "};
    struct step step;
    begin(&step);
    int said = 0;
    while (said < 200 && say(&step, -1, words[said % 2])) {
        said++;
    }
    assert_in_range(said, 120, 130); /* 64 times two words */
    assert_int_equal(step.stop, CHAT_STOP_LOOP);
    step_finish(&step);

    begin(&step);
    for (int i = 0; i < 200; i++) {
        char word[3] = {(char)('a' + i % 26), (char)('a' + i / 26), '\0'};
        assert_true(say(&step, -1, word));
    }
    step_finish(&step);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unknown_ids_are_not_kept),
        cmocka_unit_test(a_loop_of_unknown_ids_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
