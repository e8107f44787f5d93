/* The engine on its own thread, with the small model of the project: a real prompt, a real answer,
 * token by token; cancelling; the prefix that is used again; failures in words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "agent/context.h"
#include "agent/preamble.h"
#include "approval/toolset.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "infer/infer.h"

#ifndef NANO_MODEL
#error "NANO_MODEL is the path of the small model"
#endif

struct seen {
    struct chat_parser *parser;
    struct str text;
    char call[64];
    json_t *arguments;
    size_t tokens;
    int32_t ids[512];
    struct infer_event last;
    bool ended, ready, failed_to_load;
    bool bad_call; /* complete, and could not be read */
};

static void on_parse(void *context, const struct chat_parse_event *event)
{
    struct seen *seen = context;
    if (event->kind == CHAT_PARSE_TEXT) {
        str_append_bytes(&seen->text, event->text, event->length);
    } else if (event->kind == CHAT_PARSE_CALL) {
        snprintf(seen->call, sizeof seen->call, "%s", event->name);
        json_decref(seen->arguments);
        seen->arguments = json_incref(event->arguments);
    } else if (event->kind == CHAT_PARSE_CALL_ERROR) {
        seen->bad_call = true;
    }
}

static void seen_init(struct seen *seen)
{
    memset(seen, 0, sizeof *seen);
    str_init(&seen->text);
    seen->parser = chat_parser_create(&(struct chat_parser_options){
        .tools = toolset_declarations(), .event = on_parse, .context = seen});
}

static void seen_finish(struct seen *seen)
{
    chat_parser_destroy(seen->parser);
    json_decref(seen->arguments);
    str_finish(&seen->text);
}

static void on_event(void *context, const struct infer_event *event)
{
    struct seen *seen = context;
    switch (event->kind) {
    case INFER_READY:
        seen->ready = true;
        break;
    case INFER_PREFILL:
        assert_true(event->prompt_done <= event->prompt_total);
        break;
    case INFER_TOKEN:
        assert_true(seen->tokens < 512);
        seen->ids[seen->tokens++] = event->token;
        if (event->control != CONTROL_NONE) {
            chat_parser_control(seen->parser, event->control);
        } else {
            assert_true(event->length > 0);
            chat_parser_bytes(seen->parser, event->bytes, event->length);
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
        seen->failed_to_load = event->number == 0;
        break;
    }
}

static void run_until(struct infer *infer, struct seen *seen, const bool *flag)
{
    int64_t limit = clock_monotonic_us() + 60 * 1000000;
    while (!*flag) {
        assert_true(clock_monotonic_us() < limit);
        infer_poll(infer, on_event, seen);
        nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
    }
}

static struct infer *load_with(const struct infer_local_options *options)
{
    struct infer *infer = infer_local_create(options);
    struct seen seen;
    seen_init(&seen);
    run_until(infer, &seen, &seen.ready);
    seen_finish(&seen);
    return infer;
}

static struct infer *load(int context)
{
    return load_with(&(struct infer_local_options){
        .path = NANO_MODEL, .threads = 1, .context = context, .lookup = true});
}

/* A conversation that says `text` to carat. */
static void say(struct chat_conversation *conversation, const char *text)
{
    struct chat_message message;
    chat_message_init(&message, CHAT_USER);
    chat_message_set_text(&message, text, strlen(text));
    chat_conversation_add(conversation, &message);
}

static void submit_with(struct infer *infer, uint64_t number,
                        const struct chat_conversation *conversation, int max_tokens,
                        float temperature, const json_t *tools, const json_t *schema)
{
    struct str system;
    str_init(&system);
    preamble_append(&system, NULL, "/home/user/project", "2026-01-15");
    struct infer_request request = {
        .number = number,
        .max_tokens = max_tokens,
        .sampling = {.temperature = temperature, .top_p = 1, .seed = number},
        .tools = tools,
        .schema = schema};
    struct context_options options = {.system = system.data,
                                      .tools = tools,
                                      .large_model = infer_model(infer)->large,
                                      .ids = infer_control(infer)};
    struct err err = {0};
    chat_prompt_init(&request.prompt);
    assert_true(context_render(&request.prompt, conversation, &options, &err));
    str_finish(&system);
    infer_submit(infer, &request);
}

static void submit(struct infer *infer, uint64_t number,
                   const struct chat_conversation *conversation, int max_tokens)
{
    submit_with(infer, number, conversation, max_tokens, 0, toolset_declarations(), NULL);
}

/* Keeps an answer that called a tool, and the tool's result. */
static void keep_call(struct chat_conversation *conversation, const struct seen *seen)
{
    struct chat_message answer, result;
    chat_message_init(&answer, CHAT_MODEL);
    chat_message_add_call(&answer, "c1", seen->call, json_deep_copy(seen->arguments));
    answer.tokens = mem_alloc(seen->tokens, sizeof *answer.tokens);
    memcpy(answer.tokens, seen->ids, seen->tokens * sizeof *answer.tokens);
    answer.token_count = seen->tokens;
    answer.complete = true;
    chat_conversation_add(conversation, &answer);
    chat_message_init(&result, CHAT_TOOL);
    mem_free(result.call_id);
    result.call_id = mem_strdup("c1");
    result.result = json_pack("{s:s}", "output", "main.c\nREADME.md\nsrc/");
    chat_conversation_add(conversation, &result);
}

static void test_call_and_answer(void **state)
{
    (void)state;
    struct infer *infer = load(0);
    assert_true(infer_model(infer)->context > 0);
    assert_string_equal(infer_model(infer)->path, NANO_MODEL);
    struct chat_conversation conversation;
    chat_conversation_init(&conversation);
    say(&conversation, "list the files");
    struct seen seen;
    seen_init(&seen);
    submit(infer, 1, &conversation, 200);
    run_until(infer, &seen, &seen.ended);
    assert_string_equal(seen.last.error.text, "");
    assert_int_equal(seen.last.kind, INFER_DONE);
    assert_string_equal(seen.call, "list_files");
    assert_int_equal(seen.last.stop, CHAT_STOP_RESPONSE);
    assert_int_equal(seen.last.sampled, seen.tokens);
    assert_int_equal(seen.ids[seen.tokens - 1], infer_control(infer)->id[CONTROL_RESPONSE_OPEN]);
    size_t first_prompt = seen.last.prompt_total, sampled = seen.tokens;
    print_message("prompt %zu tokens in %.3f s, %zu sampled in %.3f s\n", first_prompt,
                  seen.last.prefill_seconds, sampled, seen.last.decode_seconds);

    /* The result goes back: the prompt repeats what the cache holds, token by token. */
    keep_call(&conversation, &seen);
    seen_finish(&seen);
    seen_init(&seen);
    submit(infer, 2, &conversation, 200);
    run_until(infer, &seen, &seen.ended);
    assert_int_equal(seen.last.kind, INFER_DONE);
    assert_true(seen.last.prompt_total > first_prompt + sampled);
    assert_true(seen.last.reused >= first_prompt + sampled - 1);
    assert_true(seen.text.length > 0);
    print_message("reused %zu of %zu; answer: %s\n", seen.last.reused, seen.last.prompt_total,
                  seen.text.data);
    seen_finish(&seen);
    chat_conversation_finish(&conversation);
    infer_destroy(infer);
}

static void test_cancel(void **state)
{
    (void)state;
    struct infer *infer = load(0);
    struct chat_conversation conversation;
    chat_conversation_init(&conversation);
    say(&conversation, "list the files");
    struct seen seen;
    seen_init(&seen);
    submit(infer, 1, &conversation, 200);
    nanosleep(&(struct timespec){.tv_nsec = 10 * 1000000}, NULL);
    int64_t start = clock_monotonic_us();
    infer_cancel(infer);
    run_until(infer, &seen, &seen.ended);
    print_message("cancelled in %.1f ms\n", (double)(clock_monotonic_us() - start) / 1000);
    assert_int_equal(seen.last.kind, INFER_DONE);
    seen_finish(&seen);

    infer_cancel(infer); /* nothing runs: the next one is whole */
    seen_init(&seen);
    submit(infer, 2, &conversation, 200);
    run_until(infer, &seen, &seen.ended);
    assert_int_equal(seen.last.stop, CHAT_STOP_RESPONSE);
    assert_string_equal(seen.call, "list_files");
    seen_finish(&seen);

    /* A cancel in the same moment as the request is not lost. The prompt is long and new, so that
     * reading it takes longer than this thread can be kept from its next line. */
    struct str words;
    str_init(&words);
    for (int i = 0; i < 5000; i++) {
        str_append(&words, "river ");
    }
    chat_conversation_finish(&conversation);
    chat_conversation_init(&conversation);
    say(&conversation, words.data);
    str_finish(&words);
    seen_init(&seen);
    submit(infer, 3, &conversation, 200);
    infer_cancel(infer);
    run_until(infer, &seen, &seen.ended);
    assert_int_equal(seen.last.stop, CHAT_STOP_CANCEL);
    assert_int_equal(seen.tokens, 0);
    seen_finish(&seen);
    chat_conversation_finish(&conversation);
    infer_destroy(infer);
}

/* A list with one tool alone, which is not what the question asks for. */
static json_t *only(const char *name)
{
    json_t *list = json_array();
    for (size_t i = 0; i < json_array_size(toolset_declarations()); i++) {
        json_t *tool = json_array_get(toolset_declarations(), i);
        json_t *declared = json_object_get(json_object_get(tool, "function"), "name");
        if (strcmp(json_string_value(declared), name) == 0) {
            json_array_append(list, tool);
        }
    }
    assert_int_equal(json_array_size(list), 1);
    return list;
}

/* Whatever the model is driven to, greedy or at a temperature that makes every token likely: a call
 * that it completes is one of a declared tool with what that requires. */
static void test_no_call_but_of_the_declared(void **state)
{
    (void)state;
    struct infer *infer = load(0);
    json_t *tools = only("read_file");
    struct chat_conversation conversation;
    chat_conversation_init(&conversation);
    say(&conversation, "list the files");
    size_t calls = 0;
    for (uint64_t i = 0; i < 12; i++) {
        struct seen seen;
        seen_init(&seen);
        submit_with(infer, i + 1, &conversation, 60, i == 0 ? 0 : (float)i, tools, NULL);
        run_until(infer, &seen, &seen.ended);
        assert_string_equal(seen.last.error.text, "");
        assert_false(seen.bad_call);
        if (seen.call[0] != '\0') {
            calls++;
            assert_string_equal(seen.call, "read_file");
            assert_true(json_is_string(json_object_get(seen.arguments, "path")));
        }
        seen_finish(&seen);
    }
    print_message("%zu of 12 answers called read_file\n", calls);
    assert_true(calls > 0);
    json_decref(tools);
    chat_conversation_finish(&conversation);
    infer_destroy(infer);
}

/* An answer by a schema is that value and nothing else, though the model would rather talk. */
static void test_answer_by_schema(void **state)
{
    (void)state;
    struct infer *infer = load(0);
    json_t *schema =
        json_loads("{\"type\":\"object\",\"properties\":{\"ok\":{\"type\":\"boolean\"},"
                   "\"kind\":{\"enum\":[\"river\",\"lantern\"]},"
                   "\"numbers\":{\"type\":\"array\",\"items\":{\"enum\":[1,2,3]},"
                   "\"minItems\":2,\"maxItems\":3}},\"required\":[\"ok\",\"kind\",\"numbers\"]}",
                   0, NULL);
    struct chat_conversation conversation;
    chat_conversation_init(&conversation);
    say(&conversation, "hello");
    for (uint64_t i = 0; i < 5; i++) {
        struct seen seen;
        seen_init(&seen);
        submit_with(infer, i + 1, &conversation, 200, (float)i, NULL, schema);
        run_until(infer, &seen, &seen.ended);
        assert_string_equal(seen.last.error.text, "");
        assert_int_equal(seen.last.kind, INFER_DONE);
        assert_true(seen.last.stop == CHAT_STOP_TURN || seen.last.stop == CHAT_STOP_EOS);
        json_t *value = json_loads(seen.text.data, JSON_REJECT_DUPLICATES, NULL);
        assert_non_null(value);
        assert_true(json_is_boolean(json_object_get(value, "ok")));
        assert_true(json_is_string(json_object_get(value, "kind")));
        assert_in_range(json_array_size(json_object_get(value, "numbers")), 2, 3);
        assert_int_equal(json_object_size(value), 3);
        json_decref(value);
        seen_finish(&seen);
    }
    json_decref(schema);

    /* A schema that nothing satisfies fails the request in words. */
    struct seen seen;
    seen_init(&seen);
    schema = json_false();
    submit_with(infer, 9, &conversation, 10, 0, NULL, schema);
    run_until(infer, &seen, &seen.ended);
    assert_int_equal(seen.last.kind, INFER_FAILED);
    assert_non_null(strstr(seen.last.error.text, "no value"));
    seen_finish(&seen);
    chat_conversation_finish(&conversation);
    infer_destroy(infer);
}

/* Guesses are invisible: the same tokens without and with look-up, free and constrained, greedy and
 * not. */
static void test_look_up_changes_nothing(void **state)
{
    (void)state;
    struct infer *plain =
        load_with(&(struct infer_local_options){.path = NANO_MODEL, .threads = 1, .lookup = false});
    struct infer *ahead = load(0);
    struct chat_conversation conversation;
    chat_conversation_init(&conversation);
    say(&conversation, "list the files, list the files, and then list the files again");
    json_t *schema = json_loads("{\"type\":\"array\",\"items\":{\"enum\":[\"river bank\",1]},"
                                "\"minItems\":20,\"maxItems\":40}",
                                0, NULL);
    for (uint64_t i = 0; i < 6; i++) {
        struct seen one, two;
        seen_init(&one);
        seen_init(&two);
        float temperature = i % 2 == 0 ? 0 : 0.7f;
        const json_t *form = i < 2 ? NULL : schema, *tools = i < 4 ? toolset_declarations() : NULL;
        submit_with(plain, i + 1, &conversation, 200, temperature, tools, form);
        run_until(plain, &one, &one.ended);
        submit_with(ahead, i + 1, &conversation, 200, temperature, tools, form);
        run_until(ahead, &two, &two.ended);
        assert_int_equal(one.last.kind, INFER_DONE);
        assert_int_equal(two.last.stop, one.last.stop);
        assert_int_equal(two.tokens, one.tokens);
        assert_true(one.tokens > 0);
        assert_memory_equal(two.ids, one.ids, one.tokens * sizeof one.ids[0]);
        seen_finish(&one);
        seen_finish(&two);
    }
    json_decref(schema);
    chat_conversation_finish(&conversation);
    infer_destroy(ahead);
    infer_destroy(plain);
}

/* A prompt that ends inside an open thought, from which this model does not come back by itself. */
static void submit_thought(struct infer *infer, uint64_t number)
{
    static const enum control controls[] = {CONTROL_BOS, CONTROL_TURN_OPEN, CONTROL_THINK,
                                            CONTROL_TURN_OPEN, CONTROL_CHANNEL_OPEN};
    struct infer_request request = {
        .number = number,
        .max_tokens = 60,
        .sampling = {.temperature = 20, .top_p = 1, .seed = number},
    };
    chat_prompt_init(&request.prompt);
    request.prompt.segments = mem_alloc(8, sizeof *request.prompt.segments);
    request.prompt.capacity = 8;
    for (size_t i = 0; i < sizeof controls / sizeof controls[0]; i++) {
        request.prompt.segments[request.prompt.count++] =
            (struct chat_segment){.kind = CHAT_SEGMENT_CONTROL, .control = controls[i]};
    }
    request.prompt.segments[request.prompt.count++] = (struct chat_segment){
        .kind = CHAT_SEGMENT_TEXT, .text = "thought\n", .length = strlen("thought\n")};
    request.prompt.starts_in_thought = true;
    infer_submit(infer, &request);
}

static void test_thinking_budget(void **state)
{
    (void)state;
    enum { BUDGET = 8 };
    struct infer *infer = load_with(&(struct infer_local_options){
        .path = NANO_MODEL, .threads = 1, .lookup = true, .thinking_budget = BUDGET});
    const struct control_ids *ids = infer_control(infer);
    size_t forced = 0;
    for (uint64_t i = 1; i <= 8; i++) {
        struct seen seen;
        seen_init(&seen);
        submit_thought(infer, i);
        run_until(infer, &seen, &seen.ended);
        assert_string_equal(seen.last.error.text, "");
        size_t end = 0;
        while (end < seen.tokens && seen.ids[end] != ids->id[CONTROL_CHANNEL_CLOSE]) {
            end++;
        }
        assert_in_range(end, 0, BUDGET + 3 + 1); /* a character is finished, then the newline */
        if (end > BUDGET) {
            forced++;
            for (size_t j = end + 1; j < seen.tokens; j++) {
                assert_int_not_equal(seen.ids[j], ids->id[CONTROL_CHANNEL_OPEN]);
            }
        }
        assert_true(seen.tokens > end);
        seen_finish(&seen);
    }
    assert_true(forced > 0);
    infer_destroy(infer);

    infer = load_with(&(struct infer_local_options){
        .path = NANO_MODEL, .threads = 1, .lookup = true, .thinking_budget = 0});
    struct seen seen;
    seen_init(&seen);
    submit_thought(infer, 2);
    run_until(infer, &seen, &seen.ended);
    size_t end = 0;
    while (end < seen.tokens && seen.ids[end] != infer_control(infer)->id[CONTROL_CHANNEL_CLOSE]) {
        end++;
    }
    assert_true(end > 2 * BUDGET); /* without a limit it thinks on */
    seen_finish(&seen);
    infer_destroy(infer);
}

/* A drafter that is none is a model that cannot be loaded. */
static void test_no_drafter(void **state)
{
    (void)state;
    struct infer *infer = infer_local_create(
        &(struct infer_local_options){.path = NANO_MODEL, .threads = 1, .drafter = NANO_MODEL});
    struct seen seen;
    seen_init(&seen);
    run_until(infer, &seen, &seen.ended);
    assert_true(seen.failed_to_load);
    assert_non_null(strstr(seen.last.error.text, "gemma4-assistant"));
    seen_finish(&seen);
    infer_destroy(infer);
}

static void test_limits(void **state)
{
    (void)state;
    struct infer *infer = load(0);
    struct chat_conversation conversation;
    chat_conversation_init(&conversation);
    say(&conversation, "list the files");
    struct seen seen;
    seen_init(&seen);
    submit(infer, 1, &conversation, 2);
    run_until(infer, &seen, &seen.ended);
    assert_int_equal(seen.last.stop, CHAT_STOP_LENGTH);
    assert_int_equal(seen.tokens, 2);
    size_t prompt = seen.last.prompt_total;
    seen_finish(&seen);
    infer_destroy(infer);

    infer = load((int)prompt); /* no room for an answer */
    seen_init(&seen);
    submit(infer, 1, &conversation, 10);
    run_until(infer, &seen, &seen.ended);
    assert_int_equal(seen.last.kind, INFER_FAILED);
    assert_int_equal(seen.last.error.code, ERR_FULL);
    assert_int_equal(seen.last.prompt_total, prompt);
    seen_finish(&seen);
    infer_destroy(infer);

    infer = load((int)prompt + 2); /* room for two tokens and the one that needs none */
    seen_init(&seen);
    submit(infer, 1, &conversation, 10);
    run_until(infer, &seen, &seen.ended);
    assert_int_equal(seen.last.kind, INFER_DONE);
    assert_int_equal(seen.last.stop, CHAT_STOP_LENGTH);
    assert_int_equal(seen.tokens, 3);
    seen_finish(&seen);
    chat_conversation_finish(&conversation);
    infer_destroy(infer);
}

static void test_no_model(void **state)
{
    (void)state;
    struct infer *infer =
        infer_local_create(&(struct infer_local_options){.path = "/nonexistent.gguf"});
    struct seen seen;
    seen_init(&seen);
    run_until(infer, &seen, &seen.ended);
    assert_true(seen.failed_to_load);
    assert_int_equal(seen.last.error.code, ERR_NOT_FOUND);
    assert_non_null(strstr(seen.last.error.text, "nonexistent.gguf"));
    assert_null(infer_model(infer));
    assert_null(infer_control(infer));
    seen_finish(&seen);
    infer_destroy(infer);
}

static void test_destroy_at_once(void **state)
{
    (void)state;
    infer_destroy(infer_local_create(&(struct infer_local_options){.path = NANO_MODEL}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_call_and_answer),  cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_limits),           cmocka_unit_test(test_no_model),
        cmocka_unit_test(test_destroy_at_once),  cmocka_unit_test(test_no_call_but_of_the_declared),
        cmocka_unit_test(test_answer_by_schema), cmocka_unit_test(test_look_up_changes_nothing),
        cmocka_unit_test(test_thinking_budget),  cmocka_unit_test(test_no_drafter),
    };
    return cmocka_run_group_tests_name("infer_local", tests, NULL, NULL);
}
