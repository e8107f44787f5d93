/* The thinking budget: what is counted and when, the traps of ending a thought, and the constraint
 * that forces the end, over a vocabulary of single bytes and the control tokens. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "chat/grammar.h"
#include "chat/grammar_mask.h"
#include "infer/constraint.h"
#include "infer/thinking.h"

static void write_text(struct thinking *thinking, const char *text)
{
    thinking_step(thinking, CONTROL_NONE, text, strlen(text));
}

static void write_control(struct thinking *thinking, enum control control)
{
    thinking_step(thinking, control, NULL, 0);
}

/* "thought" and its newline, in three tokens. */
static void write_header(struct thinking *thinking)
{
    write_control(thinking, CONTROL_CHANNEL_OPEN);
    write_text(thinking, "thou");
    write_text(thinking, "ght");
    assert_int_equal(thinking->place, THINKING_HEADER);
    write_text(thinking, "\n");
    assert_int_equal(thinking->place, THINKING_COUNTING);
}

/* Tokens until the thought must end. */
static size_t words_until_end(struct thinking *thinking)
{
    size_t words = 0;
    while (thinking->place == THINKING_COUNTING) {
        write_text(thinking, " word");
        words++;
        assert_true(words < 1000);
    }
    assert_int_equal(thinking->place, THINKING_NEWLINE);
    return words;
}

static void test_header_is_not_counted(void **state)
{
    (void)state;
    struct thinking thinking;
    thinking_init(&thinking, 1, false);
    write_text(&thinking, "text in front");
    assert_int_equal(thinking.place, THINKING_OUTSIDE);
    write_header(&thinking);
    assert_int_equal(words_until_end(&thinking), 1);
    thinking_init(&thinking, 5, false);
    write_header(&thinking);
    assert_int_equal(words_until_end(&thinking), 5);

    /* A header that never ends is none. */
    thinking_init(&thinking, 2, false);
    write_control(&thinking, CONTROL_CHANNEL_OPEN);
    for (size_t i = 0; i < THINKING_HEADER_MOST / 8; i++) {
        assert_int_equal(thinking.place, THINKING_HEADER);
        write_text(&thinking, "thoughts");
    }
    assert_int_equal(words_until_end(&thinking), 2);
}

static void test_characters_are_finished(void **state)
{
    (void)state;
    struct thinking thinking;
    static const char *const bytes[] = {"\xF0", "\x9F", "\x98", "\x80"};
    thinking_init(&thinking, 3, false);
    write_header(&thinking);
    write_text(&thinking, "a");
    write_text(&thinking, "b");
    for (size_t i = 0; i < 4; i++) { /* the third token is the first byte of an emoji */
        assert_int_equal(thinking.place, THINKING_COUNTING);
        write_text(&thinking, bytes[i]);
    }
    assert_int_equal(thinking.place, THINKING_NEWLINE);

    /* The whole character in one token, behind part of another one that never came. */
    thinking_init(&thinking, 2, false);
    write_header(&thinking);
    write_text(&thinking, "\xE2");
    write_text(&thinking, "\xF0\x9F\x98\x80");
    assert_int_equal(thinking.place, THINKING_NEWLINE);

    /* Beginnings without an end are not waited for longer than a character may take. */
    thinking_init(&thinking, 1, false);
    write_header(&thinking);
    size_t written = 0;
    while (thinking.place == THINKING_COUNTING) {
        write_text(&thinking, "\xF0");
        written++;
    }
    assert_int_equal(written, 1 + THINKING_WAIT);
}

static void test_second_thought(void **state)
{
    (void)state;
    struct thinking thinking;
    thinking_init(&thinking, 80, false);
    write_header(&thinking);
    write_text(&thinking, "short");
    write_control(&thinking, CONTROL_CHANNEL_CLOSE);
    assert_int_equal(thinking.place, THINKING_OUTSIDE);
    write_header(&thinking);
    assert_int_equal(words_until_end(&thinking), 10);
    thinking_init(&thinking, 3, false);
    for (int i = 0; i < 2; i++) {
        write_header(&thinking);
        write_control(&thinking, CONTROL_CHANNEL_CLOSE);
    }
    write_header(&thinking);
    assert_int_equal(words_until_end(&thinking), 1);
}

static void test_open_thought(void **state)
{
    (void)state;
    struct thinking thinking;
    thinking_init(&thinking, 4, true);
    assert_int_equal(words_until_end(&thinking), 4);
    write_text(&thinking, "\n");
    assert_int_equal(thinking.place, THINKING_CLOSE);
    write_control(&thinking, CONTROL_CHANNEL_CLOSE);
    assert_int_equal(thinking.place, THINKING_CLOSED);
    write_control(&thinking, CONTROL_CHANNEL_OPEN);
    assert_int_equal(thinking.place, THINKING_CLOSED);

    thinking_init(&thinking, 0, true); /* no limit */
    for (int i = 0; i < 5000; i++) {
        write_text(&thinking, "word");
    }
    assert_int_equal(thinking.place, THINKING_COUNTING);
}

static void test_later_budget(void **state)
{
    (void)state;
    assert_int_equal(thinking_later_budget(512), 192);
    assert_int_equal(thinking_later_budget(1), 1);
    assert_int_equal(thinking_later_budget(0), 0);
    assert_int_equal(thinking_later_budget(15), 5);
}

/* --- the constraint --- */

/* Ids 0..255 are the bytes, the control tokens come behind them. */
static bool token_bytes(void *context, int32_t id, const char **bytes, size_t *length)
{
    static char all[256];
    (void)context;
    if (id < 0 || id >= 256) {
        return false;
    }
    all[id] = (char)id;
    *bytes = &all[id];
    *length = 1;
    return true;
}

struct turn {
    struct control_ids ids;
    struct chat_prompt prompt;
    struct grammar_mask *tokens;
    struct grammar *answer;
    struct constraint constraint;
};

static void add_control(struct chat_prompt *prompt, struct chat_segment *segments,
                        enum control control)
{
    segments[prompt->count++] =
        (struct chat_segment){.kind = CHAT_SEGMENT_CONTROL, .control = control};
    prompt->segments = segments;
}

static void turn_begin(struct turn *turn, bool in_thought, bool later, int32_t newline,
                       size_t budget, bool with_schema)
{
    static struct chat_segment segments[8];
    *turn = (struct turn){.prompt = {.starts_in_thought = in_thought}};
    for (int i = 0; i < CONTROL_COUNT; i++) {
        turn->ids.id[i] = 256 + i;
    }
    add_control(&turn->prompt, segments, CONTROL_THINK);
    if (!later) { /* results of an older turn */
        add_control(&turn->prompt, segments, CONTROL_RESPONSE_CLOSE);
    }
    add_control(&turn->prompt, segments, CONTROL_TURN_OPEN);
    if (later) {
        add_control(&turn->prompt, segments, CONTROL_RESPONSE_CLOSE);
    }
    turn->tokens = grammar_mask_create(256 + CONTROL_COUNT, token_bytes, NULL);
    if (with_schema) {
        struct err err;
        json_t *schema = json_pack("{s:s}", "type", "boolean");
        turn->answer = grammar_create_value(schema, &err);
        assert_non_null(turn->answer);
        json_decref(schema);
    }
    constraint_init(&turn->constraint, &(struct constraint_options){.prompt = &turn->prompt,
                                                                    .ids = &turn->ids,
                                                                    .tokens = turn->tokens,
                                                                    .answer = turn->answer,
                                                                    .thinking_budget = budget,
                                                                    .newline = newline});
}

static void turn_end(struct turn *turn)
{
    constraint_finish(&turn->constraint);
    grammar_mask_destroy(turn->tokens);
    grammar_destroy(turn->answer);
}

static void type(struct turn *turn, char byte)
{
    constraint_step(&turn->constraint, CONTROL_NONE, &byte, 1);
}

/* The one token that may come now, or -1. */
static int32_t forced(struct turn *turn)
{
    size_t count;
    const int32_t *list = constraint_list(&turn->constraint, &count);
    return list != NULL && count == 1 ? list[0] : -1;
}

static void end_thought(struct turn *turn)
{
    assert_int_equal(forced(turn), '\n');
    type(turn, '\n');
    assert_int_equal(forced(turn), turn->ids.id[CONTROL_CHANNEL_CLOSE]);
    constraint_step(&turn->constraint, CONTROL_CHANNEL_CLOSE, NULL, 0);
}

static void test_forced_end(void **state)
{
    (void)state;
    struct turn turn;
    turn_begin(&turn, true, false, '\n', 16, false);
    assert_false(mask_allows(&turn.constraint.mask, CONTROL_TURN_CLOSE));
    for (int i = 0; i < 16; i++) {
        assert_int_equal(forced(&turn), -1);
        type(&turn, 'x');
    }
    end_thought(&turn);
    assert_int_equal(forced(&turn), -1);
    assert_false(mask_allows(&turn.constraint.mask, CONTROL_CHANNEL_OPEN));
    type(&turn, 'a');
    assert_true(mask_allows(&turn.constraint.mask, CONTROL_TURN_CLOSE));
    turn_end(&turn);

    turn_begin(&turn, true, false, -1, 1, false); /* a vocabulary without a newline */
    type(&turn, 'x');
    assert_int_equal(forced(&turn), turn.ids.id[CONTROL_CHANNEL_CLOSE]);
    constraint_step(&turn.constraint, CONTROL_CHANNEL_CLOSE, NULL, 0);
    assert_false(mask_allows(&turn.constraint.mask, CONTROL_CHANNEL_OPEN));
    turn_end(&turn);
}

/* A thought that ends by itself may be followed by another. */
static void test_own_end(void **state)
{
    (void)state;
    struct turn turn;
    turn_begin(&turn, true, false, '\n', 16, false);
    type(&turn, 'x');
    constraint_step(&turn.constraint, CONTROL_CHANNEL_CLOSE, NULL, 0);
    assert_true(mask_allows(&turn.constraint.mask, CONTROL_CHANNEL_OPEN));
    turn_end(&turn);
}

static void test_later_step(void **state)
{
    (void)state;
    struct turn turn;
    turn_begin(&turn, true, true, '\n', 16, false);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(forced(&turn), -1);
        type(&turn, 'x');
    }
    end_thought(&turn);
    turn_end(&turn);
}

/* The schema of the answer stands behind the thought, and lets no second one begin either. */
static void test_with_schema(void **state)
{
    (void)state;
    struct turn turn;
    size_t count;
    turn_begin(&turn, true, false, '\n', 1, true);
    type(&turn, 'x');
    end_thought(&turn);
    const int32_t *list = constraint_list(&turn.constraint, &count);
    assert_non_null(list);
    for (size_t i = 0; i < count; i++) {
        assert_int_not_equal(list[i], turn.ids.id[CONTROL_CHANNEL_OPEN]);
    }
    assert_true(count >= 2); /* true, false */
    turn_end(&turn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_header_is_not_counted),
        cmocka_unit_test(test_characters_are_finished),
        cmocka_unit_test(test_second_thought),
        cmocka_unit_test(test_open_thought),
        cmocka_unit_test(test_later_budget),
        cmocka_unit_test(test_forced_end),
        cmocka_unit_test(test_own_end),
        cmocka_unit_test(test_later_step),
        cmocka_unit_test(test_with_schema),
    };
    return cmocka_run_group_tests_name("infer_thinking", tests, NULL, NULL);
}
