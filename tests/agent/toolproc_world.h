/* toolproc_world: a workspace, its tools' processes and what they told. A cmocka fixture: state is
 * the world. Calls are named "c1". */
#ifndef CARAT_TESTS_AGENT_TOOLPROC_WORLD_H
#define CARAT_TESTS_AGENT_TOOLPROC_WORLD_H

#include <jansson.h>
#include <stdbool.h>
#include <uv.h>

#include "agent/toolproc.h"
#include "base/str.h"

#ifndef TOOL_SERVER
#error "TOOL_SERVER is the path of the scripted server"
#endif

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)

struct world {
    uv_loop_t loop;
    char *folder;
    struct toolproc *toolproc;
    struct str output;
    struct str result; /* as JSON, then " failed" and " unavailable: WHY" */
    int finished;
    const char *call_id; /* by which the call is told of */
};

int world_set_up(void **state);
int world_tear_down(void **state);
void world_create(struct world *world, const char *program, const json_t *policy);
/* The same with more to choose; the loop and the workspace are filled in. */
void world_create_as(struct world *world, struct toolproc_options options);
void world_start(struct world *world, const char *tool, const char *argument, const char *value);
/* Until so many calls have ended. */
void world_wait_for(struct world *world, int finished);
/* A whole call; its result. */
const char *world_call(struct world *world, const char *tool, const char *argument,
                       const char *value);
/* Turns the loop for a while, so that a process gets going. */
void world_let_run(struct world *world, int milliseconds);
void world_wait_for_output(struct world *world, const char *words);
/* In the workspace. */
bool world_is_there(struct world *world, const char *name);

#endif
