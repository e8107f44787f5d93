/* Whole turns: the real agent and store, a scripted model, tools that end when the test says so.
 *
 * What happens is written down as lines ("text hello", "call c1 shell", "ended ok") and compared.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "agent/agent.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "infer/infer.h"
#include "store/store.h"

#include "fake_toolproc.h"
#include "support.h"

struct world {
    char *folder, *path;
    struct store *store;
    struct infer *infer;
    struct toolproc toolproc;
    struct approval_rules rules;
    struct agent_options options;
    struct agent *agent;
    struct str log;
    struct str streamed;  /* text that came, not yet a line */
    bool ended;           /* AGENT_TURN_ENDED came */
    bool asked;           /* AGENT_APPROVAL came */
    const char *reply_id; /* answer inside the callback */
    uint64_t tokens;
};

/* --- what is written down --- */

static const char *const outcomes[] = {[TURN_OK] = "ok",
                                       [TURN_CANCELLED] = "cancelled",
                                       [TURN_STEP_LIMIT] = "steps",
                                       [TURN_TOKEN_LIMIT] = "tokens",
                                       [TURN_DENIED] = "denied",
                                       [TURN_REPEATED] = "repeated",
                                       [TURN_NO_SANDBOX] = "no sandbox",
                                       [TURN_FAILED] = "failed"};

static void flush_text(struct world *world)
{
    if (world->streamed.length > 0) {
        str_append_format(&world->log, "%s\n", world->streamed.data);
        str_clear(&world->streamed);
    }
}

static void stream(struct world *world, const char *kind, const struct agent_event *event)
{
    if (!str_starts_with(world->streamed.data, kind)) {
        flush_text(world);
        str_append_format(&world->streamed, "%s ", kind);
    }
    str_append_bytes(&world->streamed, event->text, event->length);
}

static void log_json(struct world *world, const json_t *value)
{
    char *dump = json_dumps(value, JSON_COMPACT);
    str_append_format(&world->log, " %s", dump);
    free(dump);
}

static void on_event(void *context, const struct agent_event *event)
{
    struct world *world = context;
    if (event->kind != AGENT_TEXT && event->kind != AGENT_THOUGHT) {
        flush_text(world);
    }
    switch (event->kind) {
    case AGENT_READY:
    case AGENT_PREFILL:
    case AGENT_USAGE:
        break;
    case AGENT_TEXT:
        stream(world, "text", event);
        break;
    case AGENT_THOUGHT:
        stream(world, "thought", event);
        break;
    case AGENT_USER:
        str_append_format(&world->log, "user %s\n", event->text);
        break;
    case AGENT_MESSAGE:
        str_append_format(&world->log, "message%s\n", event->message->complete ? "" : " cut");
        break;
    case AGENT_CALL:
        str_append_format(&world->log, "call %s %s", event->call_id, event->name);
        log_json(world, event->arguments);
        str_append(&world->log, "\n");
        break;
    case AGENT_APPROVAL:
        world->asked = true;
        str_append_format(&world->log, "approval %s %s\n", event->call_id, event->text);
        if (world->reply_id != NULL) {
            agent_decide(world->agent, world->reply_id, APPROVAL_YES, NULL);
        }
        break;
    case AGENT_CALL_STARTED:
        str_append_format(&world->log, "started %s\n", event->call_id);
        break;
    case AGENT_CALL_OUTPUT:
        str_append_format(&world->log, "output %s %.*s\n", event->call_id, (int)event->length,
                          event->text);
        break;
    case AGENT_CALL_FINISHED:
        str_append_format(&world->log, "finished %s%s%s", event->call_id,
                          event->failed ? " failed" : "", event->denied ? " denied" : "");
        log_json(world, event->result);
        str_append(&world->log, "\n");
        break;
    case AGENT_NOTICE:
        str_append_format(&world->log, "notice %s\n", event->text);
        break;
    case AGENT_FAILED:
        str_append_format(&world->log, "error %s\n", event->text);
        break;
    case AGENT_TURN_ENDED:
        world->ended = true;
        world->tokens = event->output_tokens;
        str_append_format(&world->log, "ended %s\n", outcomes[event->outcome]);
        break;
    }
}

/* --- the world --- */

static void start_agent(struct world *world, const char *script, const char *conversation)
{
    struct err err = {0};
    world->infer = infer_script_create(script, NULL, NULL, &err);
    assert_string_equal(err.text, "");
    world->options.infer = world->infer;
    world->options.store = world->store;
    world->options.toolproc = &world->toolproc;
    world->options.conversation_id = conversation;
    world->agent = agent_create(&world->options, on_event, world, &err);
    assert_string_equal(err.text, "");
    world->ended = world->asked = false;
}

static void stop_agent(struct world *world)
{
    agent_destroy(world->agent);
    infer_destroy(world->infer);
    fake_toolproc_finish(&world->toolproc);
    world->agent = NULL;
    world->infer = NULL;
}

static int set_up(void **state)
{
    struct world *world = mem_zero(1, sizeof *world);
    world->folder = support_make_folder();
    world->path = support_path(world->folder, "carat.db");
    world->store = store_open(world->path, NULL);
    assert_non_null(world->store);
    approval_rules_init(&world->rules);
    str_init(&world->log);
    str_init(&world->streamed);
    world->options = (struct agent_options){
        .workspace = "/w",
        .limits = {.steps = 24,
                   .tokens = 8192,
                   .tokens_per_step = 4096,
                   .calls = 48,
                   .repeated_calls = 3},
        .rules = &world->rules,
        .mode = APPROVAL_ASK,
    };
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    stop_agent(world);
    store_close(world->store);
    support_remove_folder(world->folder);
    mem_free(world->path);
    approval_rules_finish(&world->rules);
    str_finish(&world->log);
    str_finish(&world->streamed);
    mem_free(world);
    return 0;
}

static void hand_over(void *context, const struct infer_event *event)
{
    agent_infer_event(context, event);
}

/* Lets the model run until `flag` is up or a tool has been started. */
static void run_until(struct world *world, const bool *flag)
{
    int64_t limit = clock_monotonic_us() + 10 * 1000000;
    while (!*flag && world->toolproc.arguments == NULL) {
        assert_true(clock_monotonic_us() < limit);
        infer_poll(world->infer, hand_over, world->agent);
        nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
    }
}

/* Until the log holds `words`. */
static void run_until_logged(struct world *world, const char *words)
{
    int64_t limit = clock_monotonic_us() + 10 * 1000000;
    while (strstr(world->log.data, words) == NULL && strstr(world->streamed.data, words) == NULL) {
        assert_true(clock_monotonic_us() < limit);
        infer_poll(world->infer, hand_over, world->agent);
        nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
    }
}

static void submit(struct world *world, const char *text)
{
    struct err err = {0};
    world->ended = world->asked = false;
    assert_true(agent_submit(world->agent, text, strlen(text), &err));
}

static void expect_log(struct world *world, const char *expected)
{
    flush_text(world);
    assert_string_equal(world->log.data, expected);
    str_clear(&world->log);
}

/* What a new reader of the database finds. */
static void load(struct world *world, struct chat_conversation *out)
{
    struct err err = {0};
    chat_conversation_init(out);
    assert_true(
        store_messages_load(world->store, agent_conversation_id(world->agent), out, NULL, &err));
}

/* Memory and disk say the same, and each call has exactly one result, in order. */
static void check_conversation(struct world *world)
{
    struct chat_conversation disk;
    load(world, &disk);
    const struct chat_conversation *memory = agent_conversation(world->agent);
    assert_int_equal(disk.count, memory->count);
    for (size_t i = 0; i < disk.count; i++) {
        const struct chat_message *a = &disk.messages[i], *b = &memory->messages[i];
        assert_true(support_same_message(a, b));
        for (size_t j = 0; j < a->call_count; j++) {
            assert_true(i + 1 + j < disk.count);
            assert_string_equal(disk.messages[i + 1 + j].call_id, a->calls[j].id);
        }
    }
    chat_conversation_finish(&disk);
    struct store_call *calls;
    size_t count;
    assert_true(store_calls_unfinished(world->store, agent_conversation_id(world->agent), &calls,
                                       &count, NULL));
    assert_int_equal(count, 0);
    mem_free(calls);
}

#define CALL(arguments) "<|tool_call>call:shell{command:<|\\\"|>" arguments "<|\\\"|>}<tool_call|>"
#define LIST            "<|tool_call>call:list_files{}<tool_call|>"

/* --- turns --- */

static void test_answer(void **state)
{
    struct world *world = *state;
    start_agent(world,
                "[{\"expect\": \"<|turn>user\\nhello<turn|>\\n<|turn>model\\n\", "
                "\"text\": \"Good day.\"}]",
                NULL);
    assert_null(agent_conversation_id(world->agent));
    submit(world, "hello");
    assert_true(agent_busy(world->agent));
    run_until(world, &world->ended);
    expect_log(world, "user hello\ntext Good day.\nmessage\nended ok\n");
    assert_false(agent_busy(world->agent));
    check_conversation(world);
    /* The tokens are those that the script's model sampled: 3 pieces of 3 bytes, <turn|>. */
    const struct chat_message *answer = &agent_conversation(world->agent)->messages[1];
    const int32_t tokens[] = {3 << 24 | 'G' << 16 | 'o' << 8 | 'o',
                              3 << 24 | 'd' << 16 | ' ' << 8 | 'd',
                              3 << 24 | 'a' << 16 | 'y' << 8 | '.', CONTROL_TURN_CLOSE};
    assert_int_equal(answer->token_count, 4);
    assert_memory_equal(answer->tokens, tokens, sizeof tokens);
    assert_int_equal(world->tokens, 4);
}

static void test_call_with_approval(void **state)
{
    struct world *world = *state;
    start_agent(world,
                "[\"I look. " CALL("ls") "<|tool_response>\", "
                                         "{\"expect\": \"I look. " CALL(
                                             "ls") "<|tool_response>response:shell{exit_code:0,"
                                                   "output:<|\\\"|>a.c<|\\\"|>}<tool_response|>\", "
                                                   "\"text\": \"One file.\"}]",
                NULL);
    submit(world, "what is here?");
    run_until(world, &world->asked);
    expect_log(world, "user what is here?\ntext I look. \nmessage\ncall c1 shell "
                      "{\"command\":\"ls\"}\napproval c1 $ ls\n");
    assert_int_equal(world->toolproc.started, 0);
    agent_decide(world->agent, "c7", APPROVAL_YES, NULL);
    assert_int_equal(world->toolproc.started, 0);
    agent_decide(world->agent, "c1", APPROVAL_YES, NULL);
    agent_decide(world->agent, "c1", APPROVAL_NO, NULL); /* too late */
    assert_int_equal(world->toolproc.started, 1);
    assert_string_equal(json_string_value(json_object_get(world->toolproc.arguments, "command")),
                        "ls");
    /* That it runs is on disk before it does. */
    struct store_call *calls;
    size_t count;
    store_calls_unfinished(world->store, agent_conversation_id(world->agent), &calls, &count, NULL);
    assert_int_equal(count, 1);
    assert_int_equal(calls[0].state, STORE_CALL_STARTED);
    assert_string_equal(calls[0].decided_by, "user");
    store_call_finish(&calls[0]);
    mem_free(calls);

    fake_toolproc_end(&world->toolproc, world->agent, "{\"exit_code\":0,\"output\":\"a.c\"}",
                      false);
    run_until(world, &world->ended);
    expect_log(world, "started c1\noutput c1 live\nfinished c1 {\"exit_code\":0,\"output\":\"a.c\"}"
                      "\ntext One file.\nmessage\nended ok\n");
    check_conversation(world);
}

static void test_denial_with_reason(void **state)
{
    struct world *world = *state;
    start_agent(
        world,
        "[\"" CALL("rm x") "<|tool_response>\", {\"expect\": \"response:shell{output:"
                           "<|\\\"|>denied by the user: keep x<|\\\"|>}\", \"text\": \"Fine.\"}]",
        NULL);
    submit(world, "clean");
    run_until(world, &world->asked);
    agent_decide(world->agent, "c1", APPROVAL_NO, "keep x");
    run_until(world, &world->ended);
    expect_log(world,
               "user clean\nmessage\ncall c1 shell {\"command\":\"rm x\"}\napproval c1 $ rm x\n"
               "finished c1 failed denied {\"output\":\"denied by the user: keep x\"}\n"
               "text Fine.\nmessage\nended ok\n");
    assert_int_equal(world->toolproc.started, 0);
    check_conversation(world);
}

static void test_denied_by_rule(void **state)
{
    struct world *world = *state;
    approval_rules_add(&world->rules, "shell", APPROVAL_DENY, NULL);
    start_agent(world, "[\"" CALL("x") "<|tool_response>\", \"Well.\"]", NULL);
    submit(world, "go");
    run_until(world, &world->ended);
    expect_log(world, "user go\nmessage\ncall c1 shell {\"command\":\"x\"}\n"
                      "finished c1 failed denied {\"output\":\"denied by the user: rule: shell\"}\n"
                      "text Well.\nmessage\nended ok\n");
    check_conversation(world);
}

static void test_session_approval(void **state)
{
    struct world *world = *state;
    start_agent(
        world,
        "[\"" CALL("make") "<|tool_response>\", \"" CALL("make") "<|tool_response>\", \"x\"]",
        NULL);
    submit(world, "go");
    run_until(world, &world->asked);
    agent_decide(world->agent, "c1", APPROVAL_YES_SESSION, NULL);
    fake_toolproc_end(&world->toolproc, world->agent, "{\"output\":\"1\"}", false);
    world->asked = false;
    run_until(world, &world->asked); /* returns because the tool was started, unasked */
    assert_false(world->asked);
    assert_string_equal(world->toolproc.call_id, "c2");
    fake_toolproc_end(&world->toolproc, world->agent, "{\"output\":\"2\"}", false);
    run_until(world, &world->ended);
    check_conversation(world);
}

static void test_decision_inside_callback(void **state)
{
    struct world *world = *state;
    start_agent(world, "[\"" CALL("ls") "<|tool_response>\", \"x\"]", NULL);
    world->reply_id = "c1";
    submit(world, "go");
    run_until(world, &world->ended);
    assert_int_equal(world->toolproc.started, 1);
    fake_toolproc_end(&world->toolproc, world->agent, "{\"output\":\"1\"}", false);
    run_until(world, &world->ended);
    expect_log(world,
               "user go\nmessage\ncall c1 shell {\"command\":\"ls\"}\napproval c1 $ ls\n"
               "started c1\noutput c1 live\nfinished c1 {\"output\":\"1\"}\ntext x\nmessage\n"
               "ended ok\n");
}

/* Parallel calls run one after the other; what cannot be read or found has its result as well. */
static void test_parallel_and_unreadable(void **state)
{
    struct world *world = *state;
    start_agent(world,
                "[\"" LIST "<|tool_call>call:fly{}<tool_call|><|tool_call>call:shell{command:7"
                "<|tool_response>\", {\"expect\": \"response:list_files{output:<|\\\"|>a<|\\\"|>}"
                "<tool_response|><|tool_response>response:fly{output:<|\\\"|>error: \", "
                "\"text\": \"Sorry.\"}]",
                NULL);
    submit(world, "go");
    run_until(world, &world->ended);
    assert_string_equal(world->toolproc.tool, "list_files");
    fake_toolproc_end(&world->toolproc, world->agent, "{\"output\":\"a\"}", false);
    run_until(world, &world->ended);
    assert_int_equal(world->toolproc.started, 1);
    const struct chat_conversation *conversation = agent_conversation(world->agent);
    assert_int_equal(conversation->count, 6);
    for (size_t i = 3; i < 5; i++) {
        const json_t *output = json_object_get(conversation->messages[i].result, "output");
        assert_true(str_starts_with(json_string_value(output), "error: "));
        assert_true(conversation->messages[i].failed);
    }
    assert_non_null(strstr(world->log.data, "ended ok\n"));
    check_conversation(world);
}

static void test_repeated_call(void **state)
{
    struct world *world = *state;
    world->options.limits.repeated_calls = 1;
    start_agent(world,
                "[\"" LIST "<|tool_response>\", \"" LIST
                "<|tool_response>\", {\"expect\": \"not run "
                "again\", \"text\": \"" LIST "<|tool_response>\"}]",
                NULL);
    submit(world, "go");
    run_until(world, &world->ended);
    fake_toolproc_end(&world->toolproc, world->agent, "{\"output\":\"a\"}", false);
    run_until(world, &world->ended);
    assert_int_equal(world->toolproc.started, 1);
    assert_non_null(strstr(world->log.data, "ended repeated\n"));
    check_conversation(world);
}

static void test_cancel_generating(void **state)
{
    struct world *world = *state;
    start_agent(world,
                "[{\"text\": \"one two three four five six seven\", \"delay_ms\": 10}, "
                "{\"expect\": \"<|turn>model\\none\", \"text\": \"again\"}]",
                NULL);
    submit(world, "count");
    run_until_logged(world, "text one");
    agent_cancel(world->agent);
    run_until(world, &world->ended);
    assert_non_null(strstr(world->log.data, "message cut\nended cancelled\n"));
    const struct chat_message *answer = &agent_conversation(world->agent)->messages[1];
    assert_false(answer->complete);
    assert_true(str_starts_with(answer->text, "one"));
    assert_null(strstr(answer->text, "seven"));
    assert_true(answer->token_count > 0);
    check_conversation(world);
    submit(world, "again");
    run_until(world, &world->ended);
    assert_non_null(strstr(world->log.data, "text again\nmessage\nended ok\n"));
    check_conversation(world);
}

/* Cancelled before the first token: nothing is left of the answer. */
static void test_cancel_before_answer(void **state)
{
    struct world *world = *state;
    start_agent(world, "[{\"text\": \"one\", \"delay_ms\": 5000}]", NULL);
    submit(world, "count");
    int64_t start = clock_monotonic_us();
    agent_cancel(world->agent);
    run_until(world, &world->ended);
    assert_true(clock_monotonic_us() - start < 2000000);
    expect_log(world, "user count\nended cancelled\n");
    assert_int_equal(agent_conversation(world->agent)->count, 1);
    check_conversation(world);
}

static void test_cancel_deciding(void **state)
{
    struct world *world = *state;
    start_agent(world, "[\"" CALL("a") CALL("b") "<|tool_response>\"]", NULL);
    submit(world, "go");
    run_until(world, &world->asked);
    str_clear(&world->log);
    agent_cancel(world->agent);
    expect_log(world, "finished c1 failed {\"output\":\"error: not run: the turn was stopped\"}\n"
                      "finished c2 failed {\"output\":\"error: not run: the turn was stopped\"}\n"
                      "ended cancelled\n");
    check_conversation(world);
    agent_decide(world->agent, "c1", APPROVAL_YES, NULL); /* too late */
    assert_int_equal(world->toolproc.started, 0);
}

static void test_cancel_running(void **state)
{
    struct world *world = *state;
    start_agent(world, "[\"" LIST CALL("b") "<|tool_response>\"]", NULL);
    submit(world, "go");
    run_until(world, &world->ended);
    agent_cancel(world->agent);
    assert_int_equal(world->toolproc.cancelled, 1);
    assert_true(agent_busy(world->agent));
    str_clear(&world->log);
    fake_toolproc_end(&world->toolproc, world->agent, "{\"output\":\"error: stopped\"}", true);
    expect_log(world, "output c1 live\nfinished c1 failed {\"output\":\"error: stopped\"}\n"
                      "finished c2 failed {\"output\":\"error: not run: the turn was stopped\"}\n"
                      "ended cancelled\n");
    check_conversation(world);
}

static void test_waiting_messages(void **state)
{
    struct world *world = *state;
    start_agent(world, "[{\"text\": \"one\", \"delay_ms\": 5}, \"two\", \"three\"]", NULL);
    submit(world, "a");
    submit(world, "b");
    submit(world, "c");
    run_until_logged(world, "text three\nmessage\nended ok\n");
    expect_log(world, "user a\ntext one\nmessage\nended ok\nuser b\ntext two\nmessage\nended ok\n"
                      "user c\ntext three\nmessage\nended ok\n");
    check_conversation(world);
}

static void test_unattended(void **state)
{
    struct world *world = *state;
    world->options.unattended = true;
    start_agent(world, "[\"" LIST CALL("b") "<|tool_response>\"]", NULL);
    submit(world, "go");
    run_until(world, &world->ended);
    fake_toolproc_end(&world->toolproc, world->agent, "{\"output\":\"a\"}", false);
    run_until(world, &world->ended);
    assert_non_null(strstr(world->log.data, "finished c2 failed denied"));
    assert_non_null(strstr(world->log.data, "ended denied\n"));
    assert_false(world->asked);
    check_conversation(world);
}

static void test_no_sandbox(void **state)
{
    struct world *world = *state;
    start_agent(world, "[\"" LIST "<|tool_response>\"]", NULL);
    submit(world, "go");
    run_until(world, &world->ended);
    fake_toolproc_unavailable(&world->toolproc, world->agent, "no Landlock here");
    assert_non_null(strstr(world->log.data, "notice no Landlock here\nfinished c1 failed"));
    assert_non_null(strstr(world->log.data, "ended no sandbox\n"));
    check_conversation(world);
}

static void test_limits(void **state)
{
    struct world *world = *state;
    world->options.limits.tokens = 4;
    start_agent(world, "[\"one two three four five\"]", NULL);
    submit(world, "count");
    run_until(world, &world->ended);
    expect_log(world, "user count\ntext one two thre\nmessage cut\nended tokens\n");
    check_conversation(world);
}

static void test_time_limit(void **state)
{
    struct world *world = *state;
    world->options.limits.milliseconds = 60;
    start_agent(world, "[{\"text\": \"one two three four five six\", \"delay_ms\": 25}]", NULL);
    submit(world, "count");
    run_until(world, &world->ended);
    assert_non_null(strstr(world->log.data, "message cut\nended tokens\n"));
    check_conversation(world);
}

static void test_loop(void **state)
{
    struct world *world = *state;
    struct str script;
    str_init(&script);
    str_append(&script, "[\"Well: ");
    for (int i = 0; i < 400; i++) {
        str_append(&script, "abcdef");
    }
    str_append(&script, "\"]");
    start_agent(world, script.data, NULL);
    submit(world, "go");
    run_until(world, &world->ended);
    str_finish(&script);
    assert_non_null(strstr(world->log.data, "notice the model repeats itself"));
    assert_non_null(strstr(world->log.data, "ended repeated\n"));
    assert_int_equal(agent_conversation(world->agent)->messages[1].token_count, 26);
    check_conversation(world);
}

/* One call more than a step may have: the step ends behind the last one that fits. */
static void test_too_many_calls(void **state)
{
    struct world *world = *state;
    world->options.mode = APPROVAL_READ_ONLY;
    world->options.limits.repeated_calls = 100;
    struct str script;
    str_init(&script);
    str_append(&script, "[\"");
    for (int i = 0; i < TURN_CALLS_MAX + 3; i++) {
        str_append_format(&script, CALL("x %d"), i);
    }
    str_append(&script, "<|tool_response>\", \"done\"]");
    start_agent(world, script.data, NULL);
    str_finish(&script);
    submit(world, "go");
    run_until(world, &world->ended);
    assert_int_equal(agent_conversation(world->agent)->messages[1].call_count, TURN_CALLS_MAX);
    assert_non_null(strstr(world->log.data, "text done\nmessage\nended ok\n"));
    check_conversation(world);
}

static void test_thinking(void **state)
{
    struct world *world = *state;
    world->options.thinking = true;
    world->options.mode = APPROVAL_FULL;
    start_agent(world,
                "[{\"expect\": \"<|think|>\\n\", \"text\": \"<|channel>thought\\nlook first\\n"
                "<channel|>" LIST "<|tool_response>\"}, "
                "{\"expect\": \"<|channel>thought\\nlook first\\n<channel|>" LIST
                "<|tool_response>response:list_files{output:<|\\\"|>a<|\\\"|>}<tool_response|>"
                "<|channel>thought\\n\", \"text\": \"one it is\\n<channel|>One.\"}, "
                "{\"expect\": \"<|turn>model\\n" LIST "\", \"text\": \"Yes.\"}]",
                NULL);
    submit(world, "go");
    run_until(world, &world->ended);
    fake_toolproc_end(&world->toolproc, world->agent, "{\"output\":\"a\"}", false);
    run_until(world, &world->ended);
    expect_log(world,
               "user go\nthought look first\nmessage\ncall c1 list_files {}\nstarted c1\n"
               "output c1 live\nfinished c1 {\"output\":\"a\"}\nthought one it is\ntext One.\n"
               "message\nended ok\n");
    assert_string_equal(agent_conversation(world->agent)->messages[3].thought, "one it is");
    submit(world, "sure?"); /* the thoughts of the turn before are gone from the prompt */
    run_until(world, &world->ended);
    assert_non_null(strstr(world->log.data, "ended ok\n"));
    check_conversation(world);
}

static void test_model_fails(void **state)
{
    struct world *world = *state;
    start_agent(world, "[{\"text\": \"Half an\", \"fail\": \"out of paper\"}, \"fine\"]", NULL);
    submit(world, "go");
    run_until(world, &world->ended);
    expect_log(world, "user go\ntext Half an\nmessage cut\nerror out of paper\nended failed\n");
    submit(world, "again");
    run_until(world, &world->ended);
    expect_log(world, "user again\ntext fine\nmessage\nended ok\n");
    check_conversation(world);
}

static void test_large_result(void **state)
{
    struct world *world = *state;
    start_agent(world, "[\"" LIST "<|tool_response>\", \"Long.\"]", NULL);
    submit(world, "go");
    run_until(world, &world->ended);
    struct str output;
    str_init(&output);
    for (int i = 0; i < 20000; i++) {
        str_append_format(&output, "line %d\n", i);
    }
    json_t *response = json_pack("{s:s}", "output", output.data);
    char *dump = json_dumps(response, 0);
    fake_toolproc_end(&world->toolproc, world->agent, dump, false);
    run_until(world, &world->ended);
    const json_t *kept =
        json_object_get(agent_conversation(world->agent)->messages[2].result, "output");
    assert_non_null(strstr(json_string_value(kept), "all of it is kept as r1]"));
    char *bytes;
    size_t length;
    assert_true(store_result_get(world->store, agent_conversation_id(world->agent), "r1", &bytes,
                                 &length, NULL));
    assert_int_equal(length, output.length);
    assert_memory_equal(bytes, output.data, length);
    mem_free(bytes);
    free(dump);
    json_decref(response);
    str_finish(&output);
    check_conversation(world);
}

/* --- the store fails --- */

static void break_store(struct world *world)
{
    support_execute(world->path, "ALTER TABLE messages RENAME TO lost");
}

static void mend_store(struct world *world)
{
    support_execute(world->path, "ALTER TABLE lost RENAME TO messages");
}

static void test_store_fails_at_submit(void **state)
{
    struct world *world = *state;
    start_agent(world, "[\"one\"]", NULL);
    break_store(world);
    struct err err = {0};
    assert_false(agent_submit(world->agent, "a", 1, &err));
    assert_non_null(strstr(err.text, "no such table"));
    assert_false(agent_busy(world->agent));
    assert_int_equal(agent_conversation(world->agent)->count, 0);
    expect_log(world, "");
    mend_store(world);
    submit(world, "a");
    run_until(world, &world->ended);
    expect_log(world, "user a\ntext one\nmessage\nended ok\n");
    check_conversation(world);
}

static void test_store_fails_at_answer(void **state)
{
    struct world *world = *state;
    start_agent(world, "[\"" LIST "<|tool_response>\"]", NULL);
    submit(world, "a");
    break_store(world);
    run_until(world, &world->ended);
    assert_non_null(strstr(world->log.data, "no such table"));
    assert_non_null(strstr(world->log.data, "ended failed\n"));
    assert_int_equal(world->toolproc.started, 0);
    /* What was shown is still there, and well formed: the call has its result. */
    assert_int_equal(agent_conversation(world->agent)->count, 3);
}

static void test_store_fails_at_result(void **state)
{
    struct world *world = *state;
    start_agent(world, "[\"" LIST "<|tool_response>\"]", NULL);
    submit(world, "a");
    run_until(world, &world->ended);
    break_store(world);
    fake_toolproc_end(&world->toolproc, world->agent, "{\"output\":\"a\"}", false);
    assert_true(world->ended);
    assert_non_null(strstr(world->log.data, "ended failed\n"));
    mend_store(world);
    /* Taken up again: the disk never saw the result, and says so. */
    char *id = mem_strdup(agent_conversation_id(world->agent));
    stop_agent(world);
    start_agent(world, "[\"x\"]", id);
    mem_free(id);
    const struct chat_conversation *conversation = agent_conversation(world->agent);
    assert_int_equal(conversation->count, 3);
    assert_non_null(
        strstr(json_string_value(json_object_get(conversation->messages[2].result, "output")),
               "its outcome is unknown"));
    check_conversation(world);
}

/* --- taken up again --- */

static void test_resume(void **state)
{
    struct world *world = *state;
    start_agent(world, "[\"" LIST "<|tool_response>\", \"One.\"]", NULL);
    submit(world, "a");
    run_until(world, &world->ended);
    fake_toolproc_end(&world->toolproc, world->agent, "{\"output\":\"a\"}", false);
    run_until(world, &world->ended);
    char *id = mem_strdup(agent_conversation_id(world->agent));
    stop_agent(world);
    str_clear(&world->log);

    start_agent(world,
                "[{\"expect\": \"One.<turn|>\\n<|turn>user\\nb<turn|>\", "
                "\"text\": \"" LIST "<|tool_response>\"}, \"Two.\"]",
                id);
    mem_free(id);
    assert_int_equal(agent_conversation(world->agent)->count, 4);
    submit(world, "b");
    run_until(world, &world->ended);
    assert_string_equal(world->toolproc.call_id, "c2"); /* ids go on */
    fake_toolproc_end(&world->toolproc, world->agent, "{\"output\":\"b\"}", false);
    run_until(world, &world->ended);
    assert_non_null(strstr(world->log.data, "text Two.\nmessage\nended ok\n"));
    check_conversation(world);
}

/* As after kill -9: a tool ran, another call waited, nothing of their end is on disk. */
static void test_resume_after_crash(void **state)
{
    struct world *world = *state;
    start_agent(world, "[\"" LIST CALL("b") "<|tool_response>\"]", NULL);
    submit(world, "a");
    run_until(world, &world->ended);
    assert_int_equal(world->toolproc.started, 1);
    char *id = mem_strdup(agent_conversation_id(world->agent));
    stop_agent(world);
    store_close(world->store);
    world->store = store_open(world->path, NULL);

    start_agent(world,
                "[{\"expect\": \"carat was stopped while this ran; its outcome is unknown\", "
                "\"text\": \"I see.\"}]",
                id);
    mem_free(id);
    assert_int_equal(world->toolproc.started, 1); /* not run again */
    const struct chat_conversation *conversation = agent_conversation(world->agent);
    assert_int_equal(conversation->count, 4);
    assert_string_equal(conversation->messages[3].call_id, "c2");
    assert_non_null(
        strstr(json_string_value(json_object_get(conversation->messages[3].result, "output")),
               "nothing was done"));
    check_conversation(world);
    submit(world, "and?");
    run_until(world, &world->ended);
    assert_non_null(strstr(world->log.data, "text I see.\nmessage\nended ok\n"));
    check_conversation(world);
}

/* A crash while the answer streams in: what was kept last is there, marked as cut. */
static void test_crash_while_streaming(void **state)
{
    struct world *world = *state;
    struct str script;
    str_init(&script);
    str_append(&script, "[{\"delay_ms\": 1, \"text\": \"");
    for (int i = 0; i < 2000; i++) {
        str_append_format(&script, "%d ", i);
    }
    str_append(&script, "\"}]");
    start_agent(world, script.data, NULL);
    str_finish(&script);
    submit(world, "count");
    run_until_logged(world, " 300 ");
    char *id = mem_strdup(agent_conversation_id(world->agent));
    stop_agent(world);
    start_agent(world, "[\"x\"]", id);
    mem_free(id);
    const struct chat_conversation *conversation = agent_conversation(world->agent);
    assert_int_equal(conversation->count, 2);
    assert_false(conversation->messages[1].complete);
    assert_true(str_starts_with(conversation->messages[1].text, "0 1 2 3 4 5 6 7 8 9 10 "));
    assert_true(conversation->messages[1].token_count * 3 >=
                strlen(conversation->messages[1].text));
    check_conversation(world);
}

static void test_resume_unknown(void **state)
{
    struct world *world = *state;
    start_agent(world, "[]", NULL);
    struct err err = {0};
    world->options.conversation_id = "ffffffff";
    assert_null(agent_create(&world->options, on_event, world, &err));
    assert_int_equal(err.code, ERR_NOT_FOUND);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_answer),
        TEST(test_call_with_approval),
        TEST(test_denial_with_reason),
        TEST(test_denied_by_rule),
        TEST(test_session_approval),
        TEST(test_decision_inside_callback),
        TEST(test_parallel_and_unreadable),
        TEST(test_repeated_call),
        TEST(test_cancel_generating),
        TEST(test_cancel_before_answer),
        TEST(test_cancel_deciding),
        TEST(test_cancel_running),
        TEST(test_waiting_messages),
        TEST(test_unattended),
        TEST(test_no_sandbox),
        TEST(test_limits),
        TEST(test_time_limit),
        TEST(test_loop),
        TEST(test_too_many_calls),
        TEST(test_thinking),
        TEST(test_model_fails),
        TEST(test_large_result),
        TEST(test_store_fails_at_submit),
        TEST(test_store_fails_at_answer),
        TEST(test_store_fails_at_result),
        TEST(test_resume),
        TEST(test_resume_after_crash),
        TEST(test_crash_while_streaming),
        TEST(test_resume_unknown),
    };
    return cmocka_run_group_tests_name("agent_agent", tests, NULL, NULL);
}
