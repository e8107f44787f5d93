/* Whole turns: the real agent and store, a scripted model, tools that end when the test says so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <uv.h>

#include "agent/agent.h"
#include "agent/journal.h"
#include "agent/more_output.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "chat/medium.h"
#include "infer/infer.h"
#include "store/store.h"

#include "fake_toolproc.h"
#include "support.h"
#include "world.h"

/* --- turns --- */

static void test_answer(void **state)
{
    struct world *world = *state;
    world_start_agent(world,
                      "[{\"expect\": \"<|turn>user\\nhello<turn|>\\n<|turn>model\\n\", "
                      "\"text\": \"Good day.\"}]",
                      NULL);
    assert_null(agent_conversation_id(world->agent));
    world_submit(world, "hello");
    assert_true(agent_busy(world->agent));
    world_run_until(world, &world->ended);
    world_expect_log(world, "user hello\ntext Good day.\nmessage\nended ok\n");
    assert_false(agent_busy(world->agent));
    world_check_conversation(world);
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
    world_start_agent(
        world,
        "[\"I look. " CALL("ls") "<|tool_response>\", "
                                 "{\"expect\": \"I look. " CALL(
                                     "ls") "<|tool_response>response:shell{exit_code:0,"
                                           "output:<|\\\"|>a.c<|\\\"|>}<tool_response|>\", "
                                           "\"text\": \"One file.\"}]",
        NULL);
    world_submit(world, "what is here?");
    world_run_until(world, &world->asked);
    world_expect_log(world, "user what is here?\ntext I look. \nmessage\ncall c1 shell "
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
    world_run_until(world, &world->ended);
    world_expect_log(world,
                     "started c1\noutput c1 live\nfinished c1 {\"exit_code\":0,\"output\":\"a.c\"}"
                     "\ntext One file.\nmessage\nended ok\n");
    world_check_conversation(world);
}

static void test_denial_with_reason(void **state)
{
    struct world *world = *state;
    world_start_agent(
        world,
        "[\"" CALL("rm x") "<|tool_response>\", {\"expect\": \"response:shell{output:"
                           "<|\\\"|>denied by the user: keep x<|\\\"|>}\", \"text\": \"Fine.\"}]",
        NULL);
    world_submit(world, "clean");
    world_run_until(world, &world->asked);
    agent_decide(world->agent, "c1", APPROVAL_NO, "keep x");
    world_run_until(world, &world->ended);
    world_expect_log(
        world, "user clean\nmessage\ncall c1 shell {\"command\":\"rm x\"}\napproval c1 $ rm x\n"
               "finished c1 failed denied {\"output\":\"denied by the user: keep x\"}\n"
               "text Fine.\nmessage\nended ok\n");
    assert_int_equal(world->toolproc.started, 0);
    world_check_conversation(world);
}

static void test_denied_by_rule(void **state)
{
    struct world *world = *state;
    approval_rules_add(&world->rules, "shell", APPROVAL_DENY, NULL);
    world_start_agent(world, "[\"" CALL("x") "<|tool_response>\", \"Well.\"]", NULL);
    world_submit(world, "go");
    world_run_until(world, &world->ended);
    world_expect_log(world,
                     "user go\nmessage\ncall c1 shell {\"command\":\"x\"}\n"
                     "finished c1 failed denied {\"output\":\"denied by the user: rule: shell\"}\n"
                     "text Well.\nmessage\nended ok\n");
    world_check_conversation(world);
}

static void test_session_approval(void **state)
{
    struct world *world = *state;
    world_start_agent(
        world,
        "[\"" CALL("make") "<|tool_response>\", \"" CALL("make") "<|tool_response>\", \"x\"]",
        NULL);
    world_submit(world, "go");
    world_run_until(world, &world->asked);
    agent_decide(world->agent, "c1", APPROVAL_YES_SESSION, NULL);
    fake_toolproc_end(&world->toolproc, world->agent, "{\"output\":\"1\"}", false);
    world->asked = false;
    world_run_until(world, &world->asked); /* returns because the tool was started, unasked */
    assert_false(world->asked);
    assert_string_equal(world->toolproc.call_id, "c2");
    fake_toolproc_end(&world->toolproc, world->agent, "{\"output\":\"2\"}", false);
    world_run_until(world, &world->ended);
    world_check_conversation(world);
}

static void test_decision_inside_callback(void **state)
{
    struct world *world = *state;
    world_start_agent(world, "[\"" CALL("ls") "<|tool_response>\", \"x\"]", NULL);
    world->reply_id = "c1";
    world_submit(world, "go");
    world_run_until(world, &world->ended);
    assert_int_equal(world->toolproc.started, 1);
    fake_toolproc_end(&world->toolproc, world->agent, "{\"output\":\"1\"}", false);
    world_run_until(world, &world->ended);
    world_expect_log(world,
                     "user go\nmessage\ncall c1 shell {\"command\":\"ls\"}\napproval c1 $ ls\n"
                     "started c1\noutput c1 live\nfinished c1 {\"output\":\"1\"}\ntext x\nmessage\n"
                     "ended ok\n");
}

/* Parallel calls run one after the other; what cannot be read or found has its result as well. */
static void test_parallel_and_unreadable(void **state)
{
    struct world *world = *state;
    world_start_agent(
        world,
        "[\"" LIST "<|tool_call>call:fly{}<tool_call|><|tool_call>call:shell{command:7"
        "<|tool_response>\", {\"expect\": \"response:list_files{output:<|\\\"|>a<|\\\"|>}"
        "<tool_response|><|tool_response>response:fly{output:<|\\\"|>error: \", "
        "\"text\": \"Sorry.\"}]",
        NULL);
    world_submit(world, "go");
    world_run_until(world, &world->ended);
    assert_string_equal(world->toolproc.tool, "list_files");
    fake_toolproc_end(&world->toolproc, world->agent, "{\"output\":\"a\"}", false);
    world_run_until(world, &world->ended);
    assert_int_equal(world->toolproc.started, 1);
    const struct chat_conversation *conversation = agent_conversation(world->agent);
    assert_int_equal(conversation->count, 6);
    for (size_t i = 3; i < 5; i++) {
        const json_t *output = json_object_get(conversation->messages[i].result, "output");
        assert_true(str_starts_with(json_string_value(output), "error: "));
        assert_true(conversation->messages[i].failed);
    }
    assert_non_null(strstr(world->log.data, "ended ok\n"));
    world_check_conversation(world);
}

static void test_repeated_call(void **state)
{
    struct world *world = *state;
    world->options.settings.limits.repeated_calls = 1;
    world_start_agent(world,
                      "[\"" LIST "<|tool_response>\", \"" LIST
                      "<|tool_response>\", {\"expect\": \"not run "
                      "again\", \"text\": \"" LIST "<|tool_response>\"}]",
                      NULL);
    world_submit(world, "go");
    world_run_until(world, &world->ended);
    fake_toolproc_end(&world->toolproc, world->agent, "{\"output\":\"a\"}", false);
    world_run_until(world, &world->ended);
    assert_int_equal(world->toolproc.started, 1);
    assert_non_null(strstr(world->log.data, "ended repeated\n"));
    world_check_conversation(world);
}

static void test_cancel_generating(void **state)
{
    struct world *world = *state;
    world_start_agent(world,
                      "[{\"text\": \"one two three four five six seven\", \"delay_ms\": 10}, "
                      "{\"expect\": \"<|turn>model\\none\", \"text\": \"again\"}]",
                      NULL);
    world_submit(world, "count");
    world_run_until_logged(world, "text one");
    agent_cancel(world->agent);
    world_run_until(world, &world->ended);
    assert_non_null(strstr(world->log.data, "message cut\nended cancelled\n"));
    const struct chat_message *answer = &agent_conversation(world->agent)->messages[1];
    assert_false(answer->complete);
    assert_true(str_starts_with(answer->text, "one"));
    assert_null(strstr(answer->text, "seven"));
    assert_true(answer->token_count > 0);
    world_check_conversation(world);
    world_submit(world, "again");
    world_run_until(world, &world->ended);
    assert_non_null(strstr(world->log.data, "text again\nmessage\nended ok\n"));
    world_check_conversation(world);
}

/* What steers goes in behind the results of the step that runs; what is queued waits for the end.
 */
static void test_steer(void **state)
{
    struct world *world = *state;
    world_start_agent(world,
                      "[\"" LIST "<|tool_response>\", "
                      "{\"expect\": \"<|turn>user\\nrather that\", \"text\": \"that then\"}, "
                      "{\"expect\": \"later\", \"text\": \"later it is\"}, \"with the note\"]",
                      NULL);
    struct err err = {0};
    bool steers;
    world_submit(world, "this");
    assert_true(agent_submit(world->agent, "later", 5, &err));
    assert_true(agent_steer(world->agent, "rather that", 11, &err));
    assert_int_equal(agent_waiting_count(world->agent), 2);
    assert_string_equal(agent_waiting_text(world->agent, 1, &steers), "rather that");
    assert_true(steers);
    assert_false(agent_note(world->agent, "a note", 6, &err)); /* not while a turn runs */
    world_run_until(world, &world->ended);                     /* or a tool that started */
    fake_toolproc_end(&world->toolproc, world->agent, "{\"output\":\"a\"}", false);
    world_run_until_logged(world, "later it is\nmessage\nended ok");
    assert_int_equal(agent_waiting_count(world->agent), 0);
    const char *log = world->log.data;
    assert_true(strstr(log, "finished c1") < strstr(log, "user rather that"));
    assert_true(strstr(log, "that then\nmessage\nended ok\nuser later\n") != NULL);
    assert_true(agent_note(world->agent, "a note", 6, &err));
    world->ended = false;
    assert_true(agent_steer(world->agent, "go on", 5, &err)); /* nothing runs: a turn begins */
    world_run_until(world, &world->ended);
    const struct chat_conversation *all = agent_conversation(world->agent);
    assert_string_equal(all->messages[all->count - 3].text, "a note");
    world_check_conversation(world);
}

/* Cancelled before the first token: nothing is left of the answer. */
static void test_cancel_before_answer(void **state)
{
    struct world *world = *state;
    world_start_agent(world, "[{\"text\": \"one\", \"delay_ms\": 60000}]", NULL);
    world_submit(world, "count");
    int64_t start = clock_monotonic_us();
    agent_cancel(world->agent);
    world_run_until(world, &world->ended);
    assert_true(clock_monotonic_us() - start < 30 * 1000000);
    world_expect_log(world, "user count\nended cancelled\n");
    assert_int_equal(agent_conversation(world->agent)->count, 1);
    world_check_conversation(world);
}

static void test_cancel_deciding(void **state)
{
    struct world *world = *state;
    world_start_agent(world, "[\"" CALL("a") CALL("b") "<|tool_response>\"]", NULL);
    world_submit(world, "go");
    world_run_until(world, &world->asked);
    str_clear(&world->log);
    agent_cancel(world->agent);
    world_expect_log(world,
                     "finished c1 failed {\"output\":\"error: not run: the turn was stopped\"}\n"
                     "finished c2 failed {\"output\":\"error: not run: the turn was stopped\"}\n"
                     "ended cancelled\n");
    world_check_conversation(world);
    agent_decide(world->agent, "c1", APPROVAL_YES, NULL); /* too late */
    assert_int_equal(world->toolproc.started, 0);
}

static void test_cancel_running(void **state)
{
    struct world *world = *state;
    world_start_agent(world, "[\"" LIST CALL("b") "<|tool_response>\"]", NULL);
    world_submit(world, "go");
    world_run_until(world, &world->ended);
    agent_cancel(world->agent);
    assert_int_equal(world->toolproc.cancelled, 1);
    assert_true(agent_busy(world->agent));
    str_clear(&world->log);
    fake_toolproc_end(&world->toolproc, world->agent, "{\"output\":\"error: stopped\"}", true);
    world_expect_log(world,
                     "output c1 live\nfinished c1 failed {\"output\":\"error: stopped\"}\n"
                     "finished c2 failed {\"output\":\"error: not run: the turn was stopped\"}\n"
                     "ended cancelled\n");
    world_check_conversation(world);
}

static void test_waiting_messages(void **state)
{
    struct world *world = *state;
    world_start_agent(world, "[{\"text\": \"one\", \"delay_ms\": 5}, \"two\", \"three\"]", NULL);
    world_submit(world, "a");
    world_submit(world, "b");
    world_submit(world, "c");
    world_run_until_logged(world, "text three\nmessage\nended ok\n");
    world_expect_log(world,
                     "user a\ntext one\nmessage\nended ok\nuser b\ntext two\nmessage\nended ok\n"
                     "user c\ntext three\nmessage\nended ok\n");
    world_check_conversation(world);
}

static void test_unattended(void **state)
{
    struct world *world = *state;
    world->options.unattended = true;
    world_start_agent(world, "[\"" LIST CALL("b") "<|tool_response>\"]", NULL);
    world_submit(world, "go");
    world_run_until(world, &world->ended);
    fake_toolproc_end(&world->toolproc, world->agent, "{\"output\":\"a\"}", false);
    world_run_until(world, &world->ended);
    assert_non_null(strstr(world->log.data, "finished c2 failed denied"));
    assert_non_null(strstr(world->log.data, "ended denied\n"));
    assert_false(world->asked);
    world_check_conversation(world);
}

/* The network is offered with the question and opened by the answer, and offline by neither. */
static void test_network_of_a_command(void **state)
{
    struct world *world = *state;
    for (int offline = 0; offline < 2; offline++) {
        world->options.offline = offline;
        world_start_agent(world, "[\"" CALL("get http://a.b/") "<|tool_response>\", \"Done.\"]",
                          NULL);
        world_submit(world, "go");
        world_run_until(world, &world->asked);
        assert_true((strstr(world->log.data, ", may reach a.b:80\n") == NULL) == offline);
        agent_decide(world->agent, "c1", APPROVAL_YES_NETWORK, NULL);
        assert_int_equal(world->toolproc.started, 1 + offline);
        assert_int_equal(world->toolproc.opened, 1);
        fake_toolproc_end(&world->toolproc, world->agent, "{\"output\":\"a\"}", false);
        world_run_until(world, &world->ended);
        world_check_conversation(world);
        str_clear(&world->log);
        if (!offline) {
            world_stop_agent(world);
        }
    }
}

static void test_no_sandbox(void **state)
{
    struct world *world = *state;
    world_start_agent(world, "[\"" LIST "<|tool_response>\"]", NULL);
    world_submit(world, "go");
    world_run_until(world, &world->ended);
    fake_toolproc_unavailable(&world->toolproc, world->agent, "no Landlock here");
    assert_non_null(strstr(world->log.data, "notice no Landlock here\nfinished c1 failed"));
    assert_non_null(strstr(world->log.data, "ended no sandbox\n"));
    world_check_conversation(world);
}

static void test_limits(void **state)
{
    struct world *world = *state;
    world->options.settings.limits.tokens = 4;
    world_start_agent(world, "[\"one two three four five\"]", NULL);
    world_submit(world, "count");
    world_run_until(world, &world->ended);
    world_expect_log(world, "user count\ntext one two thre\nmessage cut\nended tokens\n");
    world_check_conversation(world);
}

static void test_time_limit(void **state)
{
    struct world *world = *state;
    world->options.settings.limits.milliseconds = 60;
    world_start_agent(world, "[{\"text\": \"one two three four five six\", \"delay_ms\": 25}]",
                      NULL);
    world_submit(world, "count");
    world_run_until(world, &world->ended);
    assert_non_null(strstr(world->log.data, "message cut\nended tokens\n"));
    world_check_conversation(world);
}

static void set_time_limit(struct world *world, int milliseconds)
{
    world->options.settings.limits.milliseconds = milliseconds;
    agent_set(world->agent, &world->options.settings);
}

/* A tool that says nothing has no more time than one that talks; the user's time does not count. */
static void test_time_limit_in_silence(void **state)
{
    struct world *world = *state;
    uv_loop_t loop;
    uv_loop_init(&loop);
    world->options.loop = &loop;
    world_start_agent(world, "[\"" CALL("a") "<|tool_response>\", \"" CALL("b") "\"]", NULL);
    set_time_limit(world, 150);
    agent_set_mode(world->agent, APPROVAL_FULL);
    world_submit(world, "go");
    assert_int_equal(uv_loop_alive(&loop), 1);
    while (!world->ended) {
        world_poll(world);
        uv_run(&loop, UV_RUN_NOWAIT);
        if (world->toolproc.cancelled > 0) {
            fake_toolproc_end(&world->toolproc, world->agent, "{\"output\":\"stopped\"}", true);
        }
    }
    assert_non_null(strstr(world->log.data, "ended tokens\n"));
    assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);

    set_time_limit(world, 0);
    agent_set_mode(world->agent, APPROVAL_ASK);
    world->ended = world->asked = false;
    world_submit(world, "again");
    world_run_until(world, &world->asked);
    set_time_limit(world, 1);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_false(world->ended);
    set_time_limit(world, 100000);
    agent_decide(world->agent, "c1", APPROVAL_YES, NULL); /* should the first turn have had none */
    agent_decide(world->agent, "c2", APPROVAL_YES, NULL);
    assert_int_equal(uv_loop_alive(&loop), 1);
    world_stop_agent(world); /* in the middle */
    assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(&loop), 0);
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
    world_start_agent(world, script.data, NULL);
    world_submit(world, "go");
    world_run_until(world, &world->ended);
    str_finish(&script);
    assert_non_null(strstr(world->log.data, "ended repeated\n"));
    assert_int_equal(agent_conversation(world->agent)->messages[1].token_count, 130);
    world_check_conversation(world);
}

/* One call more than a step may have: the step ends behind the last one that fits. */
static void test_too_many_calls(void **state)
{
    struct world *world = *state;
    world->options.mode = APPROVAL_READ_ONLY;
    world->options.settings.limits.repeated_calls = 100;
    struct str script;
    str_init(&script);
    str_append(&script, "[\"");
    for (int i = 0; i < TURN_CALLS_MAX + 3; i++) {
        str_append_format(&script, CALL("x %d"), i);
    }
    str_append(&script, "<|tool_response>\", \"done\"]");
    world_start_agent(world, script.data, NULL);
    str_finish(&script);
    world_submit(world, "go");
    world_run_until(world, &world->ended);
    assert_int_equal(agent_conversation(world->agent)->messages[1].call_count, TURN_CALLS_MAX);
    assert_non_null(strstr(world->log.data, "text done\nmessage\nended ok\n"));
    world_check_conversation(world);
}

static void test_thinking(void **state)
{
    struct world *world = *state;
    world->options.thinking = true;
    world->options.mode = APPROVAL_FULL;
    world_start_agent(
        world,
        "[{\"expect\": \"<|think|>\\n\", \"text\": \"<|channel>thought\\nlook first\\n"
        "<channel|>" LIST "<|tool_response>\"}, "
        "{\"expect\": \"<|channel>thought\\nlook first\\n<channel|>" LIST
        "<|tool_response>response:list_files{output:<|\\\"|>a<|\\\"|>}<tool_response|>"
        "<|channel>thought\\n\", \"text\": \"one it is\\n<channel|>One.\"}, "
        "{\"expect\": \"<|turn>model\\n" LIST "\", \"text\": \"Yes.\"}]",
        NULL);
    world_submit(world, "go");
    world_run_until(world, &world->ended);
    fake_toolproc_end(&world->toolproc, world->agent, "{\"output\":\"a\"}", false);
    world_run_until(world, &world->ended);
    world_expect_log(
        world, "user go\nthought look first\nmessage\ncall c1 list_files {}\nstarted c1\n"
               "output c1 live\nfinished c1 {\"output\":\"a\"}\nthought one it is\ntext One.\n"
               "message\nended ok\n");
    assert_string_equal(agent_conversation(world->agent)->messages[3].thought, "one it is");
    world_submit(world, "sure?"); /* the thoughts of the turn before are gone from the prompt */
    world_run_until(world, &world->ended);
    assert_non_null(strstr(world->log.data, "ended ok\n"));
    world_check_conversation(world);
}

static void test_model_fails(void **state)
{
    struct world *world = *state;
    world_start_agent(world, "[{\"text\": \"Half an\", \"fail\": \"out of paper\"}, \"fine\"]",
                      NULL);
    world_submit(world, "go");
    world_run_until(world, &world->ended);
    world_expect_log(world,
                     "user go\ntext Half an\nmessage cut\nerror out of paper\nended failed\n");
    world_submit(world, "again");
    world_run_until(world, &world->ended);
    world_expect_log(world, "user again\ntext fine\nmessage\nended ok\n");
    world_check_conversation(world);
}

static void test_large_result(void **state)
{
    struct world *world = *state;
    world_start_agent(world, "[\"" LIST "<|tool_response>\", \"Long.\"]", NULL);
    world_submit(world, "go");
    world_run_until(world, &world->ended);
    struct str output;
    str_init(&output);
    for (int i = 0; i < 20000; i++) {
        str_append_format(&output, "line %d\n", i);
    }
    json_t *response = json_pack("{s:s}", "output", output.data);
    char *dump = json_dumps(response, 0);
    fake_toolproc_end(&world->toolproc, world->agent, dump, false);
    world_run_until(world, &world->ended);
    const json_t *kept =
        json_object_get(agent_conversation(world->agent)->messages[2].result, "output");
    assert_non_null(
        strstr(json_string_value(kept),
               "more_output {\"handle\": \"r1\", \"start_line\": 6665} shows the rest]"));
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
    world_check_conversation(world);
}

/* The call in the note of a cut begins with the first line that was not shown whole. */
static void test_cut_result_reads_on(void **state)
{
    char wide[2500];
    memset(wide, 'x', sizeof wide - 1);
    wide[sizeof wide - 1] = '\0';
    const struct row {
        const char *shown, *whole;
        int shown_length, start_line; /* of the text, before what is said of the cut */
    } rows[] = {
        {"one\ntwo\nthree\nfour", "one\ntwo\nthree\nfour", 8, 3},
        {"one\ntwo\nthree\nfour", "one\ntwo\nthree\nfour", 7, 3},
        {"one\ntwo\nthree\nfour", "one\ntwo\nthree\nfour", 10, 3},
        {"one\n\nthree\n", "one\n\nthree\n", 3, 2},
        {wide, wide, 2000, 3},
        {wide, wide, 1999, 2},
        {"", "one\ntwo\n", 0, 1},
    };
    struct world *world = *state;
    struct journal journal;
    world_start_agent(world, "[\"Yes.\"]", NULL);
    world_submit(world, "go");
    world_run_until(world, &world->ended);
    journal_init(&journal, world->store, agent_conversation(world->agent));
    snprintf(journal.id, sizeof journal.id, "%s", agent_conversation_id(world->agent));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct str shown;
        struct err err;
        bool kept;
        char call[80];
        str_init(&shown);
        str_append_format(&shown, "%.*s", rows[i].shown_length, rows[i].shown);
        str_append(&shown, "\n[... 9 bytes, 2 lines left out ...]\nthe end");
        json_t *response = json_pack("{s:s, s:s}", "output", shown.data, "whole", rows[i].whole);
        json_t *bounded = more_output_keep(&journal, response, &kept, &err);
        snprintf(call, sizeof call,
                 "[cut; more_output {\"handle\": \"r%zu\", \"start_line\": %d} shows the rest]",
                 i + 1, rows[i].start_line);
        assert_true(kept);
        const char *said = json_string_value(json_object_get(bounded, "output"));
        assert_string_equal(strstr(said, "[cut; "), call);
        json_decref(response);
        json_decref(bounded);
        str_finish(&shown);
    }
}

/* A long text with a picture, and a model without eyes: the text is cut and kept as ever. */
static void test_long_result_with_unseen_picture(void **state)
{
    struct world *world = *state;
    world_start_agent(world,
                      "[\"" CALL("ls") "<|tool_response>\", "
                                       "\"<|tool_call>call:more_output{handle:<|\\\"|>r1<|\\\"|>}"
                                       "<tool_call|><|tool_response>\", \"So.\"]",
                      NULL);
    world->reply_id = "c1";
    world_submit(world, "look");
    world_run_until(world, &world->ended);
    ((struct infer_model *)infer_model(world->infer))->sees = false;
    char *call_id = mem_strdup(world->toolproc.call_id);
    json_t *response = json_pack("{s:s, s:s}", "output", "begin", "whole", "begin and end");
    struct chat_medium *picture = chat_medium_create();
    fake_toolproc_finish(&world->toolproc);
    agent_tool_finished(world->agent, call_id,
                        &(struct toolproc_result){.response = response, .picture = picture});
    world_run_until(world, &world->ended);
    assert_non_null(strstr(
        world->log.data,
        "finished c1 {\"output\":\"begin\\n[a picture goes with it, which you cannot see: this "
        "model "
        "has no encoder of pictures]\\n[cut; more_output {\\\"handle\\\": \\\"r1\\\", "
        "\\\"start_line\\\": 1} shows the rest]\"}"));
    assert_non_null(strstr(world->log.data, "1| begin and end"));
    world_check_conversation(world);
    json_decref(response);
    chat_medium_release(picture);
    mem_free(call_id);
}

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
        TEST(test_steer),
        TEST(test_cancel_deciding),
        TEST(test_cancel_running),
        TEST(test_waiting_messages),
        TEST(test_unattended),
        TEST(test_network_of_a_command),
        TEST(test_no_sandbox),
        TEST(test_limits),
        TEST(test_time_limit),
        TEST(test_time_limit_in_silence),
        TEST(test_loop),
        TEST(test_too_many_calls),
        TEST(test_thinking),
        TEST(test_model_fails),
        TEST(test_large_result),
        TEST(test_cut_result_reads_on),
        TEST(test_long_result_with_unseen_picture),
    };
    return cmocka_run_group_tests_name("agent_agent", tests, NULL, NULL);
}
