#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/toolproc.h"
#include "base/clock.h"
#include "base/mem.h"

#include "support.h"
#include "toolproc_world.h"

static void on_output(void *context, const char *call_id, const char *bytes, size_t length)
{
    struct world *world = context;
    assert_string_equal(call_id, world->call_id);
    str_append_bytes(&world->output, bytes, length);
}

static void on_finished(void *context, const char *call_id, const struct toolproc_result *result)
{
    struct world *world = context;
    assert_string_equal(call_id, world->call_id);
    assert_true(json_is_object(result->response));
    char *dump = json_dumps(result->response, JSON_COMPACT);
    str_clear(&world->result);
    str_append(&world->result, dump);
    str_append(&world->result, result->failed ? " failed" : "");
    if (result->unavailable != NULL) {
        str_append_format(&world->result, " unavailable: %s", result->unavailable);
    }
    free(dump);
    world->finished++;
}

void world_create_as(struct world *world, struct toolproc_options options)
{
    struct toolproc_callbacks callbacks = {on_output, on_finished, world};
    options.loop = &world->loop;
    options.workspace = world->folder;
    world->toolproc = toolproc_create(&options, &callbacks, NULL);
    assert_non_null(world->toolproc);
}

void world_create(struct world *world, const char *program, const json_t *policy)
{
    world_create_as(world, (struct toolproc_options){.program = program, .policy = policy});
}

int world_set_up(void **state)
{
    struct world *world = mem_zero(1, sizeof *world);
    uv_loop_init(&world->loop);
    world->folder = support_make_folder();
    str_init(&world->output);
    str_init(&world->result);
    world->call_id = "c1";
    *state = world;
    return 0;
}

int world_tear_down(void **state)
{
    struct world *world = *state;
    toolproc_destroy(world->toolproc);
    uv_run(&world->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&world->loop), 0);
    support_remove_folder(world->folder);
    str_finish(&world->output);
    str_finish(&world->result);
    mem_free(world);
    return 0;
}

void world_start(struct world *world, const char *tool, const char *argument, const char *value)
{
    json_t *arguments = json_pack("{s:s}", argument, value);
    toolproc_start(world->toolproc, "c1", tool, arguments);
    json_decref(arguments);
}

void world_wait_for(struct world *world, int finished)
{
    int64_t limit = clock_monotonic_us() + 20 * 1000000;
    while (world->finished < finished) {
        assert_true(clock_monotonic_us() < limit);
        uv_run(&world->loop, UV_RUN_ONCE);
    }
    assert_int_equal(world->finished, finished);
}

const char *world_call(struct world *world, const char *tool, const char *argument,
                       const char *value)
{
    int before = world->finished;
    world_start(world, tool, argument, value);
    assert_int_equal(world->finished, before); /* never from inside */
    world_wait_for(world, before + 1);
    return world->result.data;
}

void world_let_run(struct world *world, int milliseconds)
{
    int64_t until = clock_monotonic_us() + (int64_t)milliseconds * 1000;
    while (clock_monotonic_us() < until) {
        uv_run(&world->loop, UV_RUN_NOWAIT);
        usleep(1000);
    }
}

void world_wait_for_output(struct world *world, const char *words)
{
    int64_t limit = clock_monotonic_us() + 20 * 1000000;
    while (strstr(world->output.data, words) == NULL) {
        assert_true(clock_monotonic_us() < limit);
        world_let_run(world, 5);
    }
}

bool world_is_there(struct world *world, const char *name)
{
    char *path = support_path(world->folder, name);
    bool there = access(path, F_OK) == 0;
    mem_free(path);
    return there;
}
