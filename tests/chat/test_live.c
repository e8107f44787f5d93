/* Live transcripts: model messages that carry the tokens which the model sampled. What goes into
 * the next prompt must repeat what the cache holds (the previous prompt and the sampled tokens),
 * until the first thought that is dropped; and whatever the model left unfinished must leave a
 * sound turn.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "cases.h"
#include "chat/parse.h"
#include "chat/sampled.h"

/* --- a conversation that grows --- */

struct live {
    struct chat_conversation conversation;
    struct chat_render_options options;
    struct chat_ids prompt; /* of the last render, and what was sampled after it */
    bool starts_in_thought;
};

static void live_init(struct live *live, bool thinking)
{
    *live = (struct live){.options = {.enable_thinking = thinking, .add_generation_prompt = true}};
    chat_conversation_init(&live->conversation);
}

static void live_finish(struct live *live)
{
    chat_conversation_finish(&live->conversation);
    mem_free(live->prompt.items);
}

static void add_text(struct live *live, enum chat_role role, const char *text)
{
    struct chat_message message;
    chat_message_init(&message, role);
    chat_message_set_text(&message, text, strlen(text));
    chat_conversation_add(&live->conversation, &message);
}

static void take_event(void *context, const struct chat_parse_event *event)
{
    struct chat_message *message = context;
    struct str text;
    str_init(&text);
    if (event->kind == CHAT_PARSE_TEXT) {
        str_append_format(&text, "%s%.*s", message->text, (int)event->length, event->text);
        chat_message_set_text(message, text.data, text.length);
    } else if (event->kind == CHAT_PARSE_THOUGHT) {
        str_append_format(&text, "%s%.*s", message->thought, (int)event->length, event->text);
        mem_free(message->thought);
        message->thought = str_take(&text);
    } else if (event->kind == CHAT_PARSE_CALL) {
        char id[16];
        snprintf(id, sizeof id, "c%zu", message->call_count);
        chat_message_add_call(message, id, event->name, json_incref(event->arguments));
    }
    str_finish(&text);
}

/* The model writes `text` (control tokens spelled out): tokens as sampled, fields as parsed. */
static struct chat_message *add_model(struct live *live, const char *text)
{
    struct chat_message message;
    struct chat_ids tokens = {0};
    chat_message_init(&message, CHAT_MODEL);
    struct chat_parser_options options = {
        .starts_in_thought = live->starts_in_thought, .event = take_event, .context = &message};
    struct chat_parser *parser = chat_parser_create(&options);
    cases_ids(&tokens, text, strlen(text));
    for (size_t i = 0; i < tokens.count; i++) {
        enum control control = control_of_id(cases_control_ids(), tokens.items[i]);
        char byte = (char)tokens.items[i];
        if (control != CONTROL_NONE) {
            chat_parser_control(parser, control);
        } else {
            chat_parser_bytes(parser, &byte, 1);
        }
    }
    chat_parser_end(parser, CHAT_STOP_CANCEL);
    chat_parser_destroy(parser);
    message.tokens = tokens.items;
    message.token_count = tokens.count;
    cases_ids(&live->prompt, text, strlen(text));
    return chat_conversation_add(&live->conversation, &message);
}

static void add_result(struct live *live, const char *id, const char *text)
{
    struct chat_message message;
    chat_message_init(&message, CHAT_TOOL);
    chat_message_set_text(&message, text, strlen(text));
    mem_free(message.call_id);
    message.call_id = mem_strdup(id);
    chat_conversation_add(&live->conversation, &message);
}

/* Renders. Returns how many ids the new prompt shares with what the cache holds (*held of them). */
static size_t render(struct live *live, struct str *spelled, size_t *held)
{
    struct chat_prompt prompt;
    struct chat_ids ids = {0};
    struct chat_encoder encoder = cases_encoder();
    struct err err;
    chat_prompt_init(&prompt);
    if (!chat_render(&prompt, live->conversation.messages, live->conversation.count, NULL,
                     &live->options, cases_control_ids(), &err) ||
        !chat_prompt_encode(&prompt, &encoder, &ids, &err)) {
        fail_msg("%s", err.text);
    }
    size_t shared = 0;
    while (shared < ids.count && shared < live->prompt.count &&
           ids.items[shared] == live->prompt.items[shared]) {
        shared++;
    }
    *held = live->prompt.count;
    live->starts_in_thought = prompt.starts_in_thought;
    str_clear(spelled);
    chat_prompt_spell(&prompt, spelled, cases_token_bytes, NULL);
    mem_free(live->prompt.items);
    live->prompt = ids;
    chat_prompt_finish(&prompt);
    return shared;
}

/* The whole cache is reused, and the prompt is this. */
static void expect_reuse(struct live *live, const char *expected)
{
    struct str spelled;
    size_t held;
    str_init(&spelled);
    size_t shared = render(live, &spelled, &held);
    assert_string_equal(spelled.data, expected);
    assert_int_equal(shared, held);
    str_finish(&spelled);
}

/* The cache is reused up to where `shared` ends, no further. */
static void expect_break(struct live *live, const char *expected, const char *shared_text)
{
    struct str spelled;
    struct chat_ids shared_ids = {0};
    size_t held;
    str_init(&spelled);
    size_t shared = render(live, &spelled, &held);
    assert_string_equal(spelled.data, expected);
    cases_ids(&shared_ids, shared_text, strlen(shared_text));
    assert_int_equal(shared, shared_ids.count);
    mem_free(shared_ids.items);
    str_finish(&spelled);
}

#define U1     "<bos><|turn>user\nu1<turn|>\n<|turn>model\n"
#define T1     "<bos><|turn>system\n<|think|>\n<turn|>\n<|turn>user\nu1<turn|>\n<|turn>model\n"
#define LS     "<|tool_call>call:sh{command:<|\"|>ls<|\"|>}<tool_call|>"
#define PS     "<|tool_call>call:ps{}<tool_call|>"
#define RES(x) "<|tool_response>response:sh{value:<|\"|>" x "<|\"|>}<tool_response|>"
#define RPS(x) "<|tool_response>response:ps{value:<|\"|>" x "<|\"|>}<tool_response|>"
#define U2     "<|turn>user\nu2<turn|>\n<|turn>model\n"

static void test_turn_without_thinking(void **state)
{
    (void)state;
    struct live live;
    live_init(&live, false);
    add_text(&live, CHAT_USER, "u1");
    expect_reuse(&live, U1);
    /* Odd spacing and key order of its own: nothing is rendered again. */
    add_model(&live, " Look: " LS PS "<|tool_response>");
    expect_reuse(&live, U1 " Look: " LS PS "<|tool_response>");
    add_result(&live, "c0", "a");
    add_result(&live, "c1", "b");
    expect_reuse(&live, U1 " Look: " LS PS RES("a") RPS("b"));
    assert_false(live.starts_in_thought);
    add_model(&live, LS "<|tool_response>");
    add_result(&live, "c0", "c");
    expect_reuse(&live, U1 " Look: " LS PS RES("a") RPS("b") LS RES("c"));
    add_model(&live, "Done. <turn|>");
    expect_reuse(&live,
                 U1 " Look: " LS PS RES("a") RPS("b") LS RES("c") "Done. <turn|>\n<|turn>model\n");
    add_text(&live, CHAT_USER, "u2");
    live.prompt.count -= 7; /* the generation prompt just rendered */
    expect_reuse(&live, U1 " Look: " LS PS RES("a") RPS("b") LS RES("c") "Done. <turn|>\n" U2);
    live_finish(&live);
}

static void test_turn_with_thinking(void **state)
{
    (void)state;
    struct live live;
    live_init(&live, true);
    add_text(&live, CHAT_USER, "u1");
    expect_reuse(&live, T1);
    add_model(&live, "<|channel>thought\nR1\n<channel|>" LS "<|tool_response>");
    add_result(&live, "c0", "a");
    expect_reuse(&live, T1 "<|channel>thought\nR1\n<channel|>" LS RES("a") "<|channel>thought\n");
    assert_true(live.starts_in_thought);
    add_model(&live, "R2\n<channel|>" LS "<|tool_response>");
    add_result(&live, "c0", "b");
    expect_reuse(&live,
                 T1 "<|channel>thought\nR1\n<channel|>" LS RES(
                     "a") "<|channel>thought\nR2\n<channel|>" LS RES("b") "<|channel>thought\n");
    add_model(&live, "\n<channel|>Done.<turn|>");
    add_text(&live, CHAT_USER, "u2");
    /* A new user message drops the thoughts: the cache serves to the first of them. */
    expect_break(&live, T1 LS RES("a") LS RES("b") "Done.<turn|>\n" U2, T1);
    add_model(&live, "Yes.<turn|>");
    add_text(&live, CHAT_USER, "u3");
    expect_reuse(&live,
                 T1 LS RES("a") LS RES("b") "Done.<turn|>\n" U2
                                            "Yes.<turn|>\n<|turn>user\nu3<turn|>\n<|turn>model\n");
    live_finish(&live);
}

static void test_preserved_thoughts(void **state)
{
    (void)state;
    struct live live;
    live_init(&live, true);
    live.options.preserve_thinking = true;
    add_text(&live, CHAT_USER, "u1");
    expect_reuse(&live, T1);
    add_model(&live, "<|channel>thought\nR1\n<channel|>" LS "<|tool_response>");
    add_result(&live, "c0", "a");
    expect_reuse(&live, T1 "<|channel>thought\nR1\n<channel|>" LS RES("a") "<|channel>thought\n");
    add_model(&live, "R2\n<channel|>" LS "<|tool_response>");
    add_result(&live, "c0", "b");
    expect_reuse(&live,
                 T1 "<|channel>thought\nR1\n<channel|>" LS RES(
                     "a") "<|channel>thought\nR2\n<channel|>" LS RES("b") "<|channel>thought\n");
    add_model(&live, "R3\n<channel|>Done.<turn|>");
    add_text(&live, CHAT_USER, "u2");
    /* Only thoughts before calls come back. */
    expect_break(&live,
                 T1 "<|channel>thought\nR1\n<channel|>" LS RES(
                     "a") "<|channel>thought\nR2\n<channel|>" LS RES("b") "Done.<turn|>\n" U2,
                 T1 "<|channel>thought\nR1\n<channel|>" LS RES(
                     "a") "<|channel>thought\nR2\n<channel|>" LS RES("b"));
    live_finish(&live);
}

/* The large models' empty thought stays while its turn runs. */
static void test_large_model(void **state)
{
    (void)state;
    struct live live;
    live_init(&live, false);
    live.options.large_model = true;
    add_text(&live, CHAT_USER, "u1");
    expect_reuse(&live, U1 "<|channel>thought\n<channel|>");
    add_model(&live, LS "<|tool_response>");
    add_result(&live, "c0", "a");
    expect_reuse(&live, U1 "<|channel>thought\n<channel|>" LS RES("a"));
    add_model(&live, "Done.<turn|>");
    add_text(&live, CHAT_USER, "u2");
    expect_break(&live, U1 LS RES("a") "Done.<turn|>\n" U2 "<|channel>thought\n<channel|>", U1);
    live_finish(&live);
}

/* --- what the model left behind --- */

enum { INTERRUPTED = 1, ANSWERED = 2, NEXT_USER = 4, THINKING = 8, AFTER_RESULT = 16 };

static const struct {
    const char *sampled;
    unsigned situation;
    const char *expected; /* after the prompt that it was sampled from, less that prompt's opener */
} endings[] = {
    /* Stop tokens. */
    {"Hi<turn|>", NEXT_USER, "Hi<turn|>\n" U2},
    {"Hi<eos>", NEXT_USER, "Hi<turn|>\n" U2},
    {"Hi", NEXT_USER, "Hi<turn|>\n" U2},
    {"Hi<|tool_response>", NEXT_USER, "Hi<turn|>\n" U2},
    {"", NEXT_USER, "<turn|>\n" U2},
    {LS "<turn|>", ANSWERED, LS RES("a")},
    {LS "<eos>", ANSWERED, LS RES("a")},
    {LS, ANSWERED, LS RES("a")},
    {LS "<turn|>", 0, LS "<|tool_response>"},
    {LS "<|tool_response>", NEXT_USER, LS "<turn|>\n" U2},
    {LS "<|tool_response>", ANSWERED | NEXT_USER, LS RES("a") "<turn|>\n" U2},
    /* Interrupted. */
    {"Half an", INTERRUPTED, "Half an<turn|>\n<|turn>model\n"},
    {"Half an", INTERRUPTED | NEXT_USER, "Half an<turn|>\n" U2},
    {"x<|tool_call>call:sh{comm", INTERRUPTED | NEXT_USER, "x<turn|>\n" U2},
    {LS "<|tool_call>call:sh{comm", INTERRUPTED | NEXT_USER, LS "<turn|>\n" U2},
    {"<|channel>thought\nhm", INTERRUPTED | NEXT_USER, "<turn|>\n" U2},
    {"<|channel>thought\nhm", INTERRUPTED,
     "<|channel>thought\nhm<channel|><turn|>\n<|turn>model\n"},
    {"hm", INTERRUPTED | THINKING | AFTER_RESULT | NEXT_USER, "<turn|>\n" U2},
    {"hm", INTERRUPTED | THINKING | AFTER_RESULT,
     "<|channel>thought\nhm<channel|><turn|>\n<|turn>model\n"},
    /* A call that could not be read, and got its answer all the same. */
    {"<|tool_call>call:sh{command:<|\"|>ls<eos>", ANSWERED,
     "<|tool_call>call:sh{command:<|\"|>ls<|\"|><tool_call|>"
     "<|tool_response>response:unknown{value:<|\"|>a<|\"|>}<tool_response|>"},
    /* Thoughts of an earlier turn, in all forms. */
    {"<|channel>thought\nhm\n<channel|>Yes.<turn|>", NEXT_USER, "Yes.<turn|>\n" U2},
    {"hm\n<channel|>Yes.<turn|>", THINKING | AFTER_RESULT | NEXT_USER, "Yes.<turn|>\n" U2},
    {"<channel|>Yes.<turn|>", THINKING | AFTER_RESULT | NEXT_USER, "Yes.<turn|>\n" U2},
    {"<|channel>thought\nhm" LS "<|tool_response>", ANSWERED | NEXT_USER,
     LS RES("a") "<turn|>\n" U2},
    {"hm" LS "<|tool_response>", THINKING | AFTER_RESULT | ANSWERED | NEXT_USER,
     LS RES("a") "<turn|>\n" U2},
    {"a<|channel>thought\nx\n<channel|>b<|channel>thought\ny\n<channel|>c<turn|>", NEXT_USER,
     "abc<turn|>\n" U2},
    /* A closer behind the answer closes no thought. */
    {"Done.<channel|><turn|>", NEXT_USER, "Done.<channel|><turn|>\n" U2},
    {"Done.<channel|><turn|>", AFTER_RESULT | NEXT_USER, "Done.<channel|><turn|>\n" U2},
};

static void check_ending(size_t i)
{
    unsigned situation = endings[i].situation;
    struct live live;
    struct str spelled, before;
    size_t held;
    live_init(&live, situation & THINKING);
    str_init(&spelled);
    str_init(&before);
    add_text(&live, CHAT_USER, "u1");
    if (situation & AFTER_RESULT) {
        render(&live, &before, &held);
        add_model(&live, LS "<|tool_response>");
        add_result(&live, "c0", "r");
    }
    render(&live, &before, &held);
    if (live.starts_in_thought) {
        str_truncate(&before, before.length - strlen("<|channel>thought\n"));
    }
    struct chat_message *message = add_model(&live, endings[i].sampled);
    message->complete = !(situation & INTERRUPTED);
    if (situation & ANSWERED) {
        add_result(&live, message->call_count > 0 ? "c0" : "", "a");
    }
    if (situation & NEXT_USER) {
        add_text(&live, CHAT_USER, "u2");
    }
    live.options.enable_thinking = false; /* no opener at the end; the system turn goes too */
    render(&live, &spelled, &held);
    str_append(&before, endings[i].expected);
    const char *expected = strstr(before.data, "<|turn>user\nu1");
    if (strcmp(strstr(spelled.data, "<|turn>user\nu1"), expected) != 0) {
        fail_msg("ending %zu:\n got      %s\n expected %s", i, spelled.data, expected);
    }
    str_finish(&before);
    str_finish(&spelled);
    live_finish(&live);
}

static void test_endings(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        check_ending(i);
    }
}

/* Tokens that this model cannot have written (one with more tokens, a damaged store) are not used:
 * the fields are. */
static void test_impossible_tokens(void **state)
{
    (void)state;
    static const int32_t bad[] = {
        CASES_FIRST_CONTROL + CONTROL_TURN_OPEN, CASES_FIRST_CONTROL + CONTROL_RESPONSE_CLOSE,
        CASES_FIRST_CONTROL + CONTROL_IMAGE, -1, CASES_FIRST_CONTROL + CONTROL_COUNT};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct live live;
        struct str spelled;
        size_t held;
        live_init(&live, false);
        str_init(&spelled);
        add_text(&live, CHAT_USER, "u1");
        struct chat_message *message = add_model(&live, " Hello<turn|>");
        message->tokens[2] = bad[i];
        render(&live, &spelled, &held);
        assert_string_equal(spelled.data, U1 "Hello<turn|>\n<|turn>model\n");
        str_finish(&spelled);
        live_finish(&live);
    }
}

static void test_tokens_need_ids(void **state)
{
    (void)state;
    struct live live;
    struct chat_prompt prompt;
    struct err err;
    live_init(&live, false);
    chat_prompt_init(&prompt);
    add_model(&live, "Hi<turn|>");
    assert_false(
        chat_render(&prompt, live.conversation.messages, 1, NULL, &live.options, NULL, &err));
    assert_int_equal(err.code, ERR_ARGUMENT);
    chat_prompt_finish(&prompt);
    live_finish(&live);
}

/* --- another model goes on --- */

/* `shift` 0: this model's tokens; else another vocabulary, which has nearly the same ids. */
static bool spell(void *context, int32_t id, const char **bytes, size_t *length)
{
    static char byte;
    byte = (char)(id + *(const int *)context);
    *bytes = &byte;
    *length = 1;
    return id < 256;
}

static void test_whose_tokens(void **state)
{
    static const char *const texts[] = {
        "Hello<turn|>",
        "<|channel>thought\nI wonder<channel|>Yes<turn|>",
        "<|tool_call>call:look{}<tool_call|><|tool_response>",
        "I look.<|tool_call>call:look{a:1}<tool_call|><|tool_call>call:again{}<tool_call|>",
        "cut in the midd",
    };
    (void)state;
    int own = 0, other = 1;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct live live;
        live_init(&live, false);
        struct chat_message *message = add_model(&live, texts[i]);
        assert_true(chat_sampled_says(message, cases_control_ids(), spell, &own));
        assert_false(chat_sampled_says(message, cases_control_ids(), spell, &other));
        message->tokens[0] = 256; /* no token at all */
        assert_false(chat_sampled_says(message, cases_control_ids(), spell, &own));
        live_finish(&live);
    }
    struct live live;
    live_init(&live, false);
    struct chat_message *silent = add_model(&live, "<turn|>");
    assert_false(chat_sampled_says(silent, cases_control_ids(), spell, &own));
    live_finish(&live);
}

static void test_media_before_a_blind_model(void **state)
{
    (void)state;
    for (size_t before = 0; before < 4; before += 3) {
        struct live live;
        struct str spelled;
        size_t held;
        live_init(&live, false);
        live.options.blind_before = before;
        str_init(&spelled);
        for (int i = 0; i < 2; i++) {
            struct chat_message message;
            chat_message_init(&message, CHAT_USER);
            message.parts = mem_zero(2, sizeof *message.parts);
            message.part_count = 2;
            message.parts[0].kind = i == 0 ? CHAT_PART_IMAGE : CHAT_PART_AUDIO;
            message.parts[1] =
                (struct chat_part){.kind = CHAT_PART_TEXT, .text = mem_strdup("what is this")};
            chat_conversation_add(&live.conversation, &message);
            add_text(&live, CHAT_MODEL, "That.");
        }
        live.conversation.count--; /* the last one is being asked */
        render(&live, &spelled, &held);
        live.conversation.count++;
        bool told = before > 0;
        assert_int_equal(strstr(spelled.data, "(a picture was here, which this model cannot see)"
                                              "what is this") != NULL,
                         told);
        assert_int_equal(strstr(spelled.data, "(a sound was here") != NULL, told);
        assert_int_equal(strstr(spelled.data, "<|image|>") != NULL, !told);
        str_finish(&spelled);
        live_finish(&live);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_turn_without_thinking),
        cmocka_unit_test(test_turn_with_thinking),
        cmocka_unit_test(test_preserved_thoughts),
        cmocka_unit_test(test_large_model),
        cmocka_unit_test(test_endings),
        cmocka_unit_test(test_impossible_tokens),
        cmocka_unit_test(test_tokens_need_ids),
        cmocka_unit_test(test_whose_tokens),
        cmocka_unit_test(test_media_before_a_blind_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
