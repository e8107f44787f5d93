/* How commands that are stopped take their end, and what is said of one that never began. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/toolproc.h"

#include "toolproc_world.h"

static char *carat_tool;

/* What a command had written is in its result, however it takes its end; a job has time to put its
 * things in order, also when all ends; a second word is KILL. */
static void test_stop(void **state)
{
    struct world *world = *state;
    world_create(world, carat_tool, NULL);
    world_start(world, "shell", "command", "echo here; sleep 100");
    world_wait_for_output(world, "here");
    toolproc_cancel(world->toolproc, "c1");
    world_wait_for(world, 1);
    assert_non_null(strstr(world->result.data, "\"here\\n(stopped: cancelled)\"} failed"));
    world_start(world, "shell", "command", "trap '' TERM; echo stubborn; sleep 100; sleep 100");
    world_wait_for_output(world, "stubborn");
    toolproc_cancel(world->toolproc, "c1");
    world_wait_for(world, 2);
    assert_non_null(strstr(world->result.data, "\"stubborn\\n(stopped: cancelled)\"} failed"));

    json_t *job =
        json_pack("{s:s}", "command", "trap 'echo bye > bye; exit 3' TERM; echo job; sleep 100 &");
    toolproc_start_job(world->toolproc, "c1", job);
    world_wait_for_output(world, "job");
    toolproc_cancel(world->toolproc, "c1");
    world_wait_for(world, 3);
    /* The shell may say "Terminated" of the other one. */
    assert_non_null(strstr(world->result.data, "{\"exit_code\":3,\"output\":\"job\\n"));
    assert_non_null(strstr(world->result.data, "(stopped: cancelled)\"} failed"));
    assert_true(world_is_there(world, "bye"));
    json_decref(job);

    job = json_pack("{s:s}", "command", "trap '' TERM; echo twice; sleep 100 &");
    toolproc_start_job(world->toolproc, "c1", job);
    json_decref(job);
    world_wait_for_output(world, "twice");
    toolproc_cancel(world->toolproc, "c1");
    toolproc_cancel(world->toolproc, "c1");
    world_wait_for(world, 4);
    assert_string_equal(world->result.data,
                        "{\"output\":\"twice\\nerror: stopped before it ended\"} failed");

    job = json_pack("{s:s}", "command", "trap 'echo bye > last' TERM; echo last; sleep 100 &");
    toolproc_start_job(world->toolproc, "c1", job);
    json_decref(job);
    world_wait_for_output(world, "last");
    toolproc_destroy(world->toolproc);
    world->toolproc = NULL;
    assert_true(world_is_there(world, "last"));
}

/* A sandbox that never stands: said so, and not that the command was stopped. */
static void test_never_begins(void **state)
{
    struct world *world = *state;
    world_create_as(world, (struct toolproc_options){.program = TOOL_SERVER, .begin_seconds = 1});
    assert_string_equal(world_call(world, "shell", "command", "hang"),
                        "{\"output\":\"error: not run: the sandbox did not stand after 1 s\"} "
                        "failed");
}

int main(int argc, char **argv)
{
    assert_int_equal(argc, 2);
    carat_tool = realpath(argv[1], NULL); /* calls start in another directory */
    assert_non_null(carat_tool);
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {TEST(test_stop), TEST(test_never_begins)};
    int failures = cmocka_run_group_tests_name("agent_toolproc_stop", tests, NULL, NULL);
    free(carat_tool);
    return failures;
}
