/* What the store holds and what becomes of it: a store that fails, a conversation taken up again.
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
#include "world.h"

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
    world_start_agent(world, "[\"one\"]", NULL);
    break_store(world);
    struct err err = {0};
    assert_false(agent_submit(world->agent, "a", 1, &err));
    assert_non_null(strstr(err.text, "no such table"));
    assert_false(agent_busy(world->agent));
    assert_int_equal(agent_conversation(world->agent)->count, 0);
    world_expect_log(world, "");
    mend_store(world);
    world_submit(world, "a");
    world_run_until(world, &world->ended);
    world_expect_log(world, "user a\ntext one\nmessage\nended ok\n");
    world_check_conversation(world);
}

static void test_store_fails_at_answer(void **state)
{
    struct world *world = *state;
    world_start_agent(world, "[\"" LIST "<|tool_response>\", \"two\"]", NULL);
    world_submit(world, "a");
    break_store(world);
    world_run_until(world, &world->ended);
    assert_non_null(strstr(world->log.data, "no such table"));
    assert_non_null(strstr(world->log.data, "ended failed\n"));
    assert_int_equal(world->toolproc.started, 0);
    /* What was shown is still there, and well formed: the call has its result. */
    assert_int_equal(agent_conversation(world->agent)->count, 3);
    /* While the store is lost, nothing is added behind what it lacks; then it comes in order. */
    struct err err = {0};
    assert_false(agent_submit(world->agent, "b", 1, &err));
    mend_store(world);
    world_submit(world, "b");
    world_run_until(world, &world->ended);
    assert_int_equal(agent_conversation(world->agent)->count, 5);
    world_check_conversation(world);
}

/* The store fails at a result and is mended before or after carat has ended; what is there when the
 * conversation is taken up again. */
static void fail_at_result(struct world *world, bool mended_before, const char *output)
{
    world_start_agent(world, "[\"" LIST "<|tool_response>\"]", NULL);
    world_submit(world, "a");
    world_run_until(world, &world->ended);
    break_store(world);
    fake_toolproc_end(&world->toolproc, world->agent, "{\"output\":\"a\"}", false);
    assert_true(world->ended);
    assert_non_null(strstr(world->log.data, "ended failed\n"));
    char *id = mem_strdup(agent_conversation_id(world->agent));
    if (mended_before) {
        mend_store(world);
    }
    world_stop_agent(world);
    if (!mended_before) {
        mend_store(world);
    }
    world_start_agent(world, "[\"x\"]", id);
    mem_free(id);
    const struct chat_conversation *conversation = agent_conversation(world->agent);
    assert_int_equal(conversation->count, 3);
    assert_non_null(strstr(
        json_string_value(json_object_get(conversation->messages[2].result, "output")), output));
    world_check_conversation(world);
}

static void test_store_fails_at_result(void **state)
{
    fail_at_result(*state, false, "its outcome is unknown");
}

static void test_store_fails_at_result_for_a_while(void **state)
{
    fail_at_result(*state, true, "a");
}

/* --- taken up again --- */

static void test_resume(void **state)
{
    struct world *world = *state;
    world_start_agent(world, "[\"" LIST "<|tool_response>\", \"One.\"]", NULL);
    world_submit(world, "a");
    world_run_until(world, &world->ended);
    fake_toolproc_end(&world->toolproc, world->agent, "{\"output\":\"a\"}", false);
    world_run_until(world, &world->ended);
    char *id = mem_strdup(agent_conversation_id(world->agent));
    world_stop_agent(world);
    str_clear(&world->log);

    world_start_agent(world,
                      "[{\"expect\": \"One.<turn|>\\n<|turn>user\\nb<turn|>\", "
                      "\"text\": \"" LIST "<|tool_response>\"}, \"Two.\"]",
                      id);
    mem_free(id);
    assert_int_equal(agent_conversation(world->agent)->count, 4);
    world_submit(world, "b");
    world_run_until(world, &world->ended);
    assert_string_equal(world->toolproc.call_id, "c2"); /* ids go on */
    fake_toolproc_end(&world->toolproc, world->agent, "{\"output\":\"b\"}", false);
    world_run_until(world, &world->ended);
    assert_non_null(strstr(world->log.data, "text Two.\nmessage\nended ok\n"));
    world_check_conversation(world);
}

/* As after kill -9: a tool ran, another call waited, nothing of their end is on disk. */
static void test_resume_after_crash(void **state)
{
    struct world *world = *state;
    world_start_agent(world, "[\"" LIST CALL("b") "<|tool_response>\"]", NULL);
    world_submit(world, "a");
    world_run_until(world, &world->ended);
    assert_int_equal(world->toolproc.started, 1);
    char *id = mem_strdup(agent_conversation_id(world->agent));
    world_stop_agent(world);
    store_close(world->store);
    world->store = store_open(world->path, NULL);

    world_start_agent(world,
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
    world_check_conversation(world);
    world_submit(world, "and?");
    world_run_until(world, &world->ended);
    assert_non_null(strstr(world->log.data, "text I see.\nmessage\nended ok\n"));
    world_check_conversation(world);
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
    world_start_agent(world, script.data, NULL);
    str_finish(&script);
    world_submit(world, "count");
    world_run_until_logged(world, " 300 ");
    char *id = mem_strdup(agent_conversation_id(world->agent));
    world_stop_agent(world);
    world_start_agent(world, "[\"x\"]", id);
    mem_free(id);
    const struct chat_conversation *conversation = agent_conversation(world->agent);
    assert_int_equal(conversation->count, 2);
    assert_false(conversation->messages[1].complete);
    assert_true(str_starts_with(conversation->messages[1].text, "0 1 2 3 4 5 6 7 8 9 10 "));
    assert_true(conversation->messages[1].token_count * 3 >=
                strlen(conversation->messages[1].text));
    world_check_conversation(world);
}

static void test_resume_unknown(void **state)
{
    struct world *world = *state;
    world_start_agent(world, "[]", NULL);
    struct err err = {0};
    world->options.conversation_id = "ffffffff";
    assert_null(agent_create(&world->options, world_on_event, world, &err));
    assert_int_equal(err.code, ERR_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_store_fails_at_submit),
        TEST(test_store_fails_at_answer),
        TEST(test_store_fails_at_result),
        TEST(test_store_fails_at_result_for_a_while),
        TEST(test_resume),
        TEST(test_resume_after_crash),
        TEST(test_crash_while_streaming),
        TEST(test_resume_unknown),
    };
    return cmocka_run_group_tests_name("agent_kept", tests, NULL, NULL);
}
