/* The scripted twin and the mask: what the rest of carat takes for a model, and what keeps a model
 * in the format. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/str.h"
#include "infer/infer.h"
#include "infer/mask.h"

struct seen {
    struct str text; /* tokens spelled out */
    size_t tokens, prefills;
    struct infer_event last; /* DONE or FAILED */
    bool ended, ready;
};

static void on_event(void *context, const struct infer_event *event)
{
    struct seen *seen = context;
    switch (event->kind) {
    case INFER_READY:
        seen->ready = true;
        break;
    case INFER_PREFILL:
        assert_true(event->prompt_done <= event->prompt_total);
        seen->prefills++;
        break;
    case INFER_TOKEN:
        seen->tokens++;
        if (event->control != CONTROL_NONE) {
            str_append(&seen->text, control_spelling(event->control));
        } else {
            assert_in_range(event->length, 1, 3);
            str_append_bytes(&seen->text, event->bytes, event->length);
        }
        break;
    case INFER_KEPT:
        fail(); /* nothing is kept here */
        break;
    case INFER_DONE:
    case INFER_FAILED:
        assert_false(seen->ended);
        seen->last = *event;
        seen->ended = true;
        break;
    }
}

static void submit(struct infer *infer, uint64_t number, int max_tokens)
{
    struct infer_request request = {.number = number, .max_tokens = max_tokens};
    struct chat_message message;
    chat_message_init(&message, CHAT_USER);
    chat_message_set_text(&message, "hello", 5);
    struct chat_render_options options = {.add_generation_prompt = true};
    chat_prompt_init(&request.prompt);
    assert_true(chat_render(&request.prompt, &message, 1, NULL, &options, NULL, NULL));
    chat_message_finish(&message);
    infer_submit(infer, &request);
}

static void run(struct infer *infer, struct seen *seen)
{
    int64_t limit = clock_monotonic_us() + 10 * 1000000;
    while (!seen->ended) {
        assert_true(clock_monotonic_us() < limit);
        infer_poll(infer, on_event, seen);
        nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
    }
}

static void answers(struct infer *infer, uint64_t number, int max_tokens, const char *text,
                    enum chat_stop stop)
{
    struct seen seen = {0};
    str_init(&seen.text);
    submit(infer, number, max_tokens);
    run(infer, &seen);
    assert_string_equal(seen.text.data, text);
    assert_int_equal(seen.last.kind, INFER_DONE);
    assert_int_equal(seen.last.stop, stop);
    assert_int_equal(seen.last.number, number);
    assert_int_equal(seen.last.sampled, seen.tokens);
    assert_true(seen.last.prompt_total > 0 && seen.prefills == 1);
    str_finish(&seen.text);
}

static void fails(struct infer *infer, uint64_t number, const char *words)
{
    struct seen seen = {0};
    str_init(&seen.text);
    submit(infer, number, 100);
    run(infer, &seen);
    assert_int_equal(seen.last.kind, INFER_FAILED);
    assert_int_equal(seen.last.number, number);
    assert_non_null(strstr(seen.last.error.text, words));
    str_finish(&seen.text);
}

static void test_answers(void **state)
{
    (void)state;
    struct infer *infer = infer_script_create(
        "[\"Hello \xC3\xA4\xF0\x9F\x8C\x8D!\", "
        "\"<|tool_call>call:a{}<tool_call|><|tool_response>never\","
        " \"too long to fit\", {\"text\": \"x<eos>\", \"expect\": \"<|turn>user\\nhello<turn|>\"},"
        " {\"expect\": \"goodbye\"}, {\"text\": \"ab\", \"fail\": \"no more ink\"}]",
        NULL, NULL, NULL);
    assert_non_null(infer);
    answers(infer, 7, 100, "Hello \xC3\xA4\xF0\x9F\x8C\x8D!<turn|>", CHAT_STOP_TURN);
    answers(infer, 8, 100, "<|tool_call>call:a{}<tool_call|><|tool_response>", CHAT_STOP_RESPONSE);
    answers(infer, 9, 2, "too lo", CHAT_STOP_LENGTH);
    answers(infer, 10, 100, "x<eos>", CHAT_STOP_EOS);
    fails(infer, 11, "goodbye");
    fails(infer, 12, "no more ink");
    fails(infer, 13, "no further answer");
    infer_destroy(infer);
}

static void test_cancel(void **state)
{
    (void)state;
    struct infer *infer = infer_script_create(
        "[{\"text\": \"abcdefghi\", \"delay_ms\": 60000}, \"ok\"]", NULL, NULL, NULL);
    struct seen seen = {0};
    str_init(&seen.text);
    submit(infer, 1, 100);
    nanosleep(&(struct timespec){.tv_nsec = 20 * 1000000}, NULL);
    infer_cancel(infer);
    run(infer, &seen);
    assert_int_equal(seen.last.kind, INFER_DONE);
    assert_int_equal(seen.last.stop, CHAT_STOP_CANCEL);
    assert_int_equal(seen.tokens, 0);
    str_finish(&seen.text);
    infer_cancel(infer); /* nothing runs: the next request is not touched */
    answers(infer, 2, 100, "ok<turn|>", CHAT_STOP_TURN);
    infer_destroy(infer);
}

/* Destroyed while it answers: the thread is joined, what was not taken is released. */
static void test_destroy_while_running(void **state)
{
    (void)state;
    struct infer *infer =
        infer_script_create("[{\"text\": \"abcdefghi\", \"delay_ms\": 60000}]", NULL, NULL, NULL);
    submit(infer, 1, 100);
    int64_t start = clock_monotonic_us();
    infer_destroy(infer);
    assert_true(clock_monotonic_us() - start < 30 * 1000000);
    infer_destroy(NULL);
}

static void test_bad_scripts(void **state)
{
    (void)state;
    const char *const bad[] = {
        "", "{}", "[1]", "[{\"txt\": \"a\"}]", "[\"a\"", "[{\"delay_ms\": \"1\"}]", "[null]"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct err err = {0};
        assert_null(infer_script_create(bad[i], NULL, NULL, &err));
        assert_int_equal(err.code, ERR_FORMAT);
    }
}

/* --- mask --- */

/* What is allowed at the mask's place, as the names' numbers. */
static uint32_t allowed(const struct mask *mask)
{
    uint32_t bits = 0;
    for (int i = 0; i < CONTROL_COUNT; i++) {
        bits |= mask_allows(mask, (enum control)i) ? UINT32_C(1) << i : 0;
    }
    return bits;
}

#define BIT(name) (UINT32_C(1) << CONTROL_##name)

static void init(struct mask *mask, bool thinking, bool tools, bool large)
{
    struct chat_prompt prompt;
    struct chat_segment segments[2];
    memset(&prompt, 0, sizeof prompt);
    if (thinking) {
        segments[prompt.count++] =
            (struct chat_segment){.kind = CHAT_SEGMENT_CONTROL, .control = CONTROL_THINK};
    }
    if (tools) {
        segments[prompt.count++] =
            (struct chat_segment){.kind = CHAT_SEGMENT_CONTROL, .control = CONTROL_TOOL_OPEN};
    }
    prompt.segments = segments;
    mask_init(mask, &prompt, large);
}

static void test_mask(void **state)
{
    (void)state;
    struct mask mask;
    init(&mask, false, false, false);
    assert_int_equal(allowed(&mask), 0); /* an answer must be given */
    mask_step(&mask, CONTROL_NONE);
    assert_int_equal(allowed(&mask), BIT(TURN_CLOSE) | BIT(EOS));

    init(&mask, false, true, true);
    assert_int_equal(allowed(&mask), BIT(CALL_OPEN) | BIT(CHANNEL_OPEN));

    init(&mask, true, true, false);
    assert_int_equal(allowed(&mask), BIT(CALL_OPEN) | BIT(CHANNEL_OPEN));
    mask_step(&mask, CONTROL_CHANNEL_OPEN);
    mask_step(&mask, CONTROL_NONE);
    assert_int_equal(allowed(&mask), BIT(CHANNEL_CLOSE));
    mask_step(&mask, CONTROL_CHANNEL_CLOSE);
    assert_int_equal(allowed(&mask), BIT(CALL_OPEN) | BIT(CHANNEL_OPEN));
    mask_step(&mask, CONTROL_CALL_OPEN);
    mask_step(&mask, CONTROL_NONE);
    assert_int_equal(allowed(&mask), BIT(QUOTE) | BIT(CALL_CLOSE));
    mask_step(&mask, CONTROL_QUOTE);
    assert_int_equal(allowed(&mask), BIT(QUOTE));
    mask_step(&mask, CONTROL_QUOTE);
    assert_false(mask_bans_text(&mask));
    mask_step(&mask, CONTROL_CALL_CLOSE);
    assert_int_equal(allowed(&mask), BIT(CALL_OPEN) | BIT(RESPONSE_OPEN));
    assert_true(mask_bans_text(&mask));
}

/* Wherever the model is, it can go on, and it can never write what only the prompt may hold. */
static void test_mask_never_stuck(void **state)
{
    (void)state;
    for (int place = 0; place < MASK_PLACES; place++) {
        for (int flags = 0; flags < 4; flags++) {
            struct mask mask = {
                .place = (enum mask_place)place, .may_think = flags & 1, .may_call = flags & 2};
            assert_true(!mask_bans_text(&mask) || allowed(&mask) != 0);
            for (int i = 0; i < CONTROL_COUNT; i++) {
                assert_true(control_model_may_write((enum control)i) ||
                            !mask_allows(&mask, (enum control)i));
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_destroy_while_running),
        cmocka_unit_test(test_bad_scripts),
        cmocka_unit_test(test_mask),
        cmocka_unit_test(test_mask_never_stuck),
    };
    return cmocka_run_group_tests_name("infer_script", tests, NULL, NULL);
}
