/* A first step that begins before its message is on disk, with the engine in this process: when the
 * message cannot be kept, nothing of what the engine did with it is told or stays, and the engine
 * answers the next message as if there had been none before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "agent/agent.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/str.h"
#include "infer/infer.h"
#include "store/store.h"

#include "support.h"
#include "world.h"

#ifndef NANO_MODEL
#error "NANO_MODEL is the path of the small model"
#endif

enum { ROUNDS = 5 };

static void start(struct world *world)
{
    struct err err = {0};
    world->infer = infer_local_create(
        &(struct infer_local_options){.path = NANO_MODEL, .threads = 1, .exact = true});
    world->options.infer = world->infer;
    world->options.store = world->store;
    world->options.toolproc = &world->toolproc;
    world->options.no_tools = true;
    world->options.settings.limits.tokens = 16;
    world->options.settings.limits.tokens_per_step = 16;
    struct agent_sampling *sampling = &world->options.settings.sampling;
    /* The most likely token, always. */
    sampling->has_temperature = sampling->has_top_k = sampling->has_top_p = true;
    sampling->temperature = 0;
    sampling->top_k = 1;
    sampling->top_p = 1;
    sampling->seed = 1;
    world->agent = agent_create(&world->options, world_on_event, world, &err);
    assert_string_equal(err.text, "");
    int64_t limit = clock_monotonic_us() + 60 * 1000000;
    while (infer_model(world->infer) == NULL) {
        assert_true(clock_monotonic_us() < limit);
        world_poll(world);
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
}

/* What a fresh agent answers. */
static void answer(struct world *world, struct str *out)
{
    world_submit(world, "Say something.");
    world_run_until(world, &world->ended);
    str_append(out, world->log.data);
    str_clear(&world->log);
}

static void test_engine_is_free_again(void **state)
{
    struct world *world = *state;
    struct str expected, found;
    str_init(&expected);
    str_init(&found);
    start(world);
    answer(world, &expected);
    assert_non_null(strstr(expected.data, "message"));
    world_stop_agent(world);

    start(world);
    support_execute(world->path, "ALTER TABLE messages RENAME TO lost");
    for (int i = 0; i < ROUNDS; i++) {
        struct err err = {0};
        assert_false(agent_submit(world->agent, "Never kept.", 11, &err));
        assert_non_null(strstr(err.text, "no such table"));
        assert_false(agent_busy(world->agent));
        /* Here the engine has begun, there it has ended: what it says is not looked at. */
        nanosleep(&(struct timespec){.tv_nsec = i * 5000000}, NULL);
        world_poll(world);
        assert_string_equal(world->log.data, "");
        assert_string_equal(world->streamed.data, "");
        assert_int_equal(agent_conversation(world->agent)->count, 0);
    }
    support_execute(world->path, "ALTER TABLE lost RENAME TO messages");
    assert_int_equal(support_query(world->path, "SELECT count(*) FROM messages"), 2);
    answer(world, &found);
    assert_string_equal(found.data, expected.data);
    world_check_conversation(world);
    str_finish(&expected);
    str_finish(&found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_engine_is_free_again),
    };
    return cmocka_run_group_tests_name("agent_begun", tests, NULL, NULL);
}
