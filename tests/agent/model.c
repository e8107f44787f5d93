/* Another model goes on with a conversation: what waits for it, what is taken back, what is given
 * up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agent/agent.h"
#include "approval/tool_limit.h"
#include "base/err.h"
#include "base/str.h"
#include "infer/infer.h"
#include "store/store.h"
#include "world.h"

static struct infer *take_script(struct world *world, const char *script)
{
    struct err err = {0};
    struct infer *old = world->infer;
    world->infer = infer_script_create(script, NULL, NULL, &err);
    assert_string_equal(err.text, "");
    agent_take_model(world->agent, world->infer);
    return old;
}

static void test_what_waits(void **state)
{
    struct world *world = *state;
    world_start_agent(world, "[\"from the first\"]", NULL);
    world_submit(world, "one");
    world_run_until(world, &world->ended);
    assert_false(agent_works(world->agent));
    agent_hold(world->agent);
    assert_true(agent_busy(world->agent));
    assert_false(agent_works(world->agent));
    world_submit(world, "two");
    assert_int_equal(agent_conversation(world->agent)->count, 2);
    infer_destroy(
        take_script(world, "[{\"expect\": \"from the first\", \"text\": \"from the second\"}]"));
    assert_int_equal(agent_conversation(world->agent)->count, 2); /* held still */
    agent_release(world->agent);
    world_run_until(world, &world->ended);
    world_expect_log(world, "user one\ntext from the first\nmessage\nended ok\n"
                            "user two\ntext from the second\nmessage\nended ok\n");
    world_check_conversation(world);
}

static void test_taken_back(void **state)
{
    struct world *world = *state;
    struct str text;
    str_init(&text);
    world_start_agent(world, "[\"an answer\"]", NULL);
    agent_hold(world->agent);
    world_submit(world, "one");
    world_submit(world, "two");
    agent_take_back(world->agent, &text);
    agent_release(world->agent);
    assert_string_equal(text.data, "one\n\ntwo");
    assert_false(agent_busy(world->agent));
    assert_int_equal(agent_waiting_count(world->agent), 0);
    world_submit(world, "three");
    world_run_until(world, &world->ended);
    world_expect_log(world, "user three\ntext an answer\nmessage\nended ok\n");
    str_finish(&text);
}

/* What a skill made of its words goes back as its call, which brings the skill's limit again; the
 * limit that waited is not that of the next message. */
static void test_skill_taken_back(void **state)
{
    struct world *world = *state;
    struct str text;
    struct err err = {0};
    char *none[1] = {0};
    str_init(&text);
    world->options.mode = APPROVAL_FULL;
    world_start_agent(world, "[\"" CALL("ls") "<|tool_response>\", \"So.\"]", NULL);
    agent_hold(world->agent);
    world_submit(world, "one");
    assert_true(agent_submit_limited(world->agent, "long words of a skill", 21, "/skill:s words",
                                     tool_limit_create("s", none, 0), &err));
    agent_take_back(world->agent, &text);
    agent_release(world->agent);
    assert_string_equal(text.data, "one\n\n/skill:s words");
    world_submit(world, "three");
    world_run_until(world, &world->ended);
    assert_string_equal(world->toolproc.tool, "shell");
    fake_toolproc_end(&world->toolproc, world->agent, "{\"output\": \"\"}", false);
    world_run_until(world, &world->ended);
    str_finish(&text);
}

/* A title that the model was asked for is given up with it, and the next one is asked. */
static void test_in_the_middle_of_a_title(void **state)
{
    struct world *world = *state;
    world->options.settings.titles = true;
    world_start_agent(world, "[\"an answer\", {\"text\": \"First\", \"delay_ms\": 60000}]", NULL);
    world_submit(world, "one");
    world_run_until(world, &world->ended);
    agent_suggest_title(world->agent);
    agent_hold(world->agent);
    struct infer *old = take_script(world, "[\"Second\", \"another\"]");
    agent_release(world->agent);
    infer_destroy(old);
    while (infer_model(world->infer) == NULL) {
        world_poll(world);
    }
    agent_suggest_title(world->agent);
    struct store_conversation found = {0};
    while (found.title == NULL || strcmp(found.title, "Second") != 0) {
        world_poll(world);
        store_conversation_finish(&found);
        assert_true(store_conversation_find(world->store, agent_conversation_id(world->agent),
                                            &found, NULL));
    }
    store_conversation_finish(&found);
}

static void test_none(void **state)
{
    struct world *world = *state;
    world_start_agent(world, "[\"an answer\"]", NULL);
    agent_take_model(world->agent, NULL);
    world_submit(world, "one");
    world_expect_log(world, "user one\nerror the model could not be loaded\nended failed\n");
    struct agent_context context;
    agent_context(world->agent, &context);
    assert_int_equal(context.size, 0);
    agent_read_ahead(world->agent, "draft", 5);
    agent_suggest_title(world->agent);
    agent_cancel(world->agent);
    agent_keep_session(world->agent);
}

/* A model that cannot be loaded says so once. */
static bool told;

static void broken_poll(struct infer *infer, infer_callback *callback, void *context)
{
    struct infer_event event = {.kind = INFER_FAILED};
    (void)infer;
    err_set(&event.error, ERR_FORMAT, "x.gguf: it ends in the middle");
    if (!told) {
        told = true;
        callback(context, &event);
    }
}

static const struct infer_model *no_model(const struct infer *infer)
{
    (void)infer;
    return NULL;
}

static void ignore(struct infer *infer)
{
    (void)infer;
}

/* Each agent that comes to such a model fails in its words, not only the one that heard them; with
 * another model all is well. */
static void test_told_once(void **state)
{
    struct world *world = *state;
    static const struct infer_ops ops = {
        .poll = broken_poll, .cancel = ignore, .model = no_model, .destroy = ignore};
    struct infer broken = {.ops = &ops};
    struct err err = {0};
    world_start_agent(world, "[\"an answer\"]", NULL);
    struct infer *good = world->infer;
    agent_destroy(world->agent);
    world->infer = world->options.infer = &broken;
    world->agent = agent_create(&world->options, world_on_event, world, &err);
    world_submit(world, "one");
    world_poll(world);
    world_expect_log(world, "user one\nerror x.gguf: it ends in the middle\nended failed\n");
    world_submit(world, "two");
    world_expect_log(world, "user two\nerror x.gguf: it ends in the middle\nended failed\n");
    agent_destroy(world->agent);
    world->agent = agent_create(&world->options, world_on_event, world, &err);
    world_submit(world, "three");
    world_poll(world);
    world_expect_log(world, "user three\nerror x.gguf: it ends in the middle\nended failed\n");
    assert_false(agent_ask_btw(world->agent, "why?", &err));
    assert_string_equal(err.text, "x.gguf: it ends in the middle");
    world->infer = good;
    agent_take_model(world->agent, good);
    world_submit(world, "four");
    world_run_until(world, &world->ended);
    world_expect_log(world, "user four\ntext an answer\nmessage\nended ok\n");
}

/* New limits hold from the next turn on. */
static void test_settings(void **state)
{
    struct world *world = *state;
    world->options.settings.limits.tokens = 8192;
    world_start_agent(world, "[\"a rather long answer\", \"a rather long answer\"]", NULL);
    world_submit(world, "one");
    world_run_until(world, &world->ended);
    struct agent_settings settings = world->options.settings;
    settings.limits.tokens = settings.limits.tokens_per_step = 2;
    agent_set(world->agent, &settings);
    world_submit(world, "two");
    world_run_until(world, &world->ended);
    world_expect_log(world, "user one\ntext a rather long answer\nmessage\nended ok\n"
                            "user two\ntext a rath\nmessage cut\nended tokens\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_what_waits),
        TEST(test_taken_back),
        TEST(test_skill_taken_back),
        TEST(test_in_the_middle_of_a_title),
        TEST(test_none),
        TEST(test_told_once),
        TEST(test_settings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
