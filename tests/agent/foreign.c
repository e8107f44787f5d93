/* Foreign MCP servers that hang, die, flood and lie, and what must not happen then: the fault ends
 * as one result with a sentence, the good server beside it answers, and nothing is left when all of
 * it is taken down at any moment. The servers are those of the end-to-end tests, without the
 * sandbox. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <uv.h>

#include "agent/foreign.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "config/tables.h"

enum { PATIENCE_US = 150 * 1000 * 1000 };

struct world {
    uv_loop_t loop;
    struct config_servers servers;
    json_t *policies[2];
    struct foreign *foreign;
    char folder[64];
    struct str notices;
    bool known;
    int finished;
    struct str results; /* one line each */
    uv_timer_t beat;    /* so that a loop with nothing to do still turns */
};

static void on_beat(uv_timer_t *timer)
{
    (void)timer;
}

static void on_known(void *context)
{
    ((struct world *)context)->known = true;
}

static void on_notice(void *context, const char *sentence)
{
    struct world *world = context;
    str_append_format(&world->notices, "%s\n", sentence);
}

static void on_output(void *context, const char *call_id, const char *bytes, size_t length)
{
    (void)context, (void)call_id, (void)bytes;
    assert_true(length <= 64 * 1024);
}

static void on_finished(void *context, const char *call_id, const struct toolproc_result *result)
{
    struct world *world = context;
    char *dump = json_dumps(result->response, JSON_COMPACT);
    assert_non_null(dump);
    str_append_format(&world->results, "%s %s%s\n", call_id, dump, result->failed ? " failed" : "");
    free(dump);
    world->finished++;
}

static void add_server(struct world *world, const char *name, const char *fault, int seconds)
{
    struct config_server *server = config_servers_get(&world->servers, name, "test");
    server->command = mem_strdup("python3");
    config_list_add(&server->arguments, HOSTILE_SERVER);
    config_list_add(&server->arguments, fault);
    server->seconds = seconds;
    world->policies[world->servers.count - 1] = json_object();
}

static void open_world(struct world *world, const char *fault, int seconds)
{
    *world = (struct world){0};
    assert_int_equal(uv_loop_init(&world->loop), 0);
    str_init(&world->notices);
    str_init(&world->results);
    snprintf(world->folder, sizeof world->folder, "/tmp/carat-foreign-XXXXXX");
    assert_non_null(mkdtemp(world->folder));
    uv_timer_init(&world->loop, &world->beat);
    uv_timer_start(&world->beat, on_beat, 5, 5);
    add_server(world, "bad", fault, seconds);
    add_server(world, "good", "none", 20);
    world->foreign =
        foreign_create(&(struct foreign_options){.loop = &world->loop,
                                                 .program = PLAIN_PROGRAM,
                                                 .workspace = world->folder,
                                                 .servers = &world->servers,
                                                 .policies = world->policies,
                                                 .result_bytes = 3000,
                                                 .start_ms = 20000,
                                                 .pause_ms = 10},
                       &(struct foreign_callbacks){.calls = {on_output, on_finished, world},
                                                   .known = on_known,
                                                   .notice = on_notice,
                                                   .context = world});
}

static void close_world(struct world *world)
{
    char *command = NULL;
    int before = world->finished;
    foreign_destroy(world->foreign);
    uv_close((uv_handle_t *)&world->beat, NULL);
    while (uv_run(&world->loop, UV_RUN_DEFAULT) != 0) {
    }
    assert_int_equal(world->finished, before); /* no callback after it */
    assert_int_equal(uv_loop_close(&world->loop), 0);
    json_decref(world->policies[0]);
    json_decref(world->policies[1]);
    config_servers_finish(&world->servers);
    str_finish(&world->notices);
    str_finish(&world->results);
    command = mem_strdup(world->folder);
    rmdir(command);
    mem_free(command);
}

static void run_until(struct world *world, const bool *flag, int finished)
{
    int64_t end = clock_monotonic_us() + PATIENCE_US;
    while (flag != NULL ? !*flag : world->finished < finished) {
        uv_run(&world->loop, UV_RUN_ONCE);
        if (clock_monotonic_us() > end) {
            fail_msg("nothing came; results: %s notices: %s", world->results.data,
                     world->notices.data);
        }
    }
}

static bool described(struct world *world, const char *words)
{
    struct str text;
    str_init(&text);
    foreign_describe(world->foreign, &text);
    bool found = strstr(text.data, words) != NULL;
    str_finish(&text);
    return found;
}

static void run_until_described(struct world *world, const char *words)
{
    int64_t end = clock_monotonic_us() + PATIENCE_US;
    while (!described(world, words)) {
        uv_run(&world->loop, UV_RUN_ONCE);
        assert_true(clock_monotonic_us() < end);
    }
}

static void call(struct world *world, const char *call_id, const char *tool)
{
    json_t *arguments = json_pack("{s:s}", "words", "hello");
    foreign_call(world->foreign, call_id, tool, arguments);
    json_decref(arguments);
}

static void test_faults_end_as_results(void **state)
{
    (void)state;
    static const struct {
        const char *fault, *expected;
        bool failed;
    } rows[] = {
        {"none", "hello to you", false},
        {"stateless", "hello to you", false},
        {"dies", "exit status 3", true},
        {"hangs", "did not answer within 1 s", true},
        {"floods", "floods us", true},
        {"long_line", "a line of more than 4 MiB, which was not read", true},
        {"long_answer", "a line of more than 4 MiB, which was not read", true},
        {"long_last", "a line of more than 4 MiB, which was not read", true},
        {"long_notice", "alive, call 1", false},
        {"endless_line", "which was not read", true},
        {"wrong_id", "right", false},
        {"no_json", "survived", false},
        {"batch", "batched", false},
        {"surrogate", "its answer cannot be read: ", true},
        {"bad_utf8", "its answer cannot be read: ", true},
        {"large_number", "its answer cannot be read: ", true},
        {"asks", "asked", false},
        {"deaf", "error", true},
        {"not_object", "not an object", true},
        {"input_required", "asks for more", true},
        {"stderr", "after 20 MB", false},
        {"big", "BEGIN", false},
        {"escape", "turn", false},
        {"resource", "passwd (file:///etc/passwd)\\n[resource: not shown]", false},
        {"elicits", "hello to you", false},
        {"bad_list", "no such tool", true},
        {"old", "no such tool", true},
        {"refuses", "no such tool", true},
        {"dies_at_once", "no such tool", true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct world world;
        open_world(&world, rows[i].fault, strcmp(rows[i].fault, "hangs") == 0 ? 1 : 120);
        run_until(&world, &world.known, 0);
        call(&world, "c1", "mcp__bad__echo");
        call(&world, "c2", "mcp__good__echo");
        run_until(&world, NULL, 2);
        char *mine = strstr(world.results.data, "c1 "), *other = strstr(world.results.data, "c2 ");
        assert_non_null(mine);
        assert_non_null(other);
        if (strncmp(other, "c2 {\"output\":\"hello to you\"}\n", 29) != 0) {
            fail_msg("%s, and beside it: %.300s; %s", rows[i].fault, other, world.notices.data);
        }
        mine[strcspn(mine, "\n")] = '\0';
        bool failed = strlen(mine) > 7 && strcmp(mine + strlen(mine) - 7, " failed") == 0;
        if (strstr(mine, rows[i].expected) == NULL || failed != rows[i].failed) {
            fail_msg("%s: %.300s", rows[i].fault, mine);
        }
        close_world(&world);
    }
}

static void turn(struct world *world, int times)
{
    for (int i = 0; i < times; i++) {
        uv_run(&world->loop, UV_RUN_ONCE);
    }
}

static void cancel(struct world *world, const char *call_id)
{
    int before = world->finished;
    foreign_cancel(world->foreign, call_id);
    assert_int_equal(world->finished, before); /* never from inside */
    turn(world, 2);
    assert_int_equal(world->finished, before + 1);
    assert_non_null(strstr(world->results.data, "stopped by the user"));
}

/* A call that hangs ends with the user's word within two turns of the loop, long before its server
 * does anything. The next call waits for that; a server that never answers is ended, and the call
 * says so; the server beside it serves on. */
static void test_cancel(void **state)
{
    (void)state;
    struct world world;
    open_world(&world, "hangs", 60);
    run_until(&world, &world.known, 0);
    call(&world, "c1", "mcp__bad__echo");
    turn(&world, 20);
    cancel(&world, "c1");
    assert_true(described(&world, "bad: stopping a call"));
    call(&world, "c2", "mcp__bad__echo");
    call(&world, "c3", "mcp__good__echo");
    run_until(&world, NULL, 3);
    const char *good = strstr(world.results.data, "c3 {");
    const char *bad = strstr(world.results.data, "c2 {");
    assert_true(good != NULL && bad != NULL && good < bad);
    assert_non_null(strstr(bad, "it ended without an answer"));
    assert_true(described(&world, "bad: down"));
    /* One that is stopped while it waits, for nobody. */
    struct timespec pause = {.tv_nsec = 50000000};
    nanosleep(&pause, NULL);
    call(&world, "c4", "mcp__bad__echo");
    run_until_described(&world, "bad: ready");
    turn(&world, 20);
    cancel(&world, "c4");
    call(&world, "c5", "mcp__bad__echo");
    cancel(&world, "c5");
    close_world(&world);
}

/* A server that lets go of a stopped call gets the next one, and what it says of the first counts
 * for nothing. */
static void test_cancel_and_go_on(void **state)
{
    (void)state;
    struct world world;
    open_world(&world, "slow", 60);
    run_until(&world, &world.known, 0);
    call(&world, "c1", "mcp__bad__echo");
    turn(&world, 20);
    cancel(&world, "c1");
    call(&world, "c2", "mcp__bad__echo");
    run_until(&world, NULL, 2);
    assert_non_null(strstr(world.results.data, "c2 {\"output\":\"slowly, call 2\"}\n"));
    assert_null(strstr(world.results.data, "call 1"));
    assert_true(described(&world, "bad: ready"));
    close_world(&world);
}

/* The line is thrown away and not its server: the same process answers the next call, and of two
 * that wait the other one, where the line says which it answers. */
static void test_long_line_and_go_on(void **state)
{
    (void)state;
    static const char *const faults[] = {"long_line", "long_last", "long_answer"};
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        struct world world;
        bool said = strcmp(faults[i], "long_answer") == 0;
        open_world(&world, faults[i], 120);
        run_until(&world, &world.known, 0);
        call(&world, "c1", "mcp__bad__echo");
        if (said) {
            call(&world, "c2", "mcp__bad__echo");
        } else {
            run_until(&world, NULL, 1);
            call(&world, "c2", "mcp__bad__echo");
        }
        run_until(&world, NULL, 2);
        assert_non_null(strstr(world.results.data, "c1 {\"output\":\"error: the MCP server bad "
                                                   "failed: it sent a line of more than 4 MiB"));
        assert_true(described(&world, "bad: ready"));
        if (said || strcmp(faults[i], "long_last") == 0) {
            assert_non_null(strstr(world.results.data, "c2 {\"output\":\"alive, call 2\"}\n"));
        }
        close_world(&world);
    }
}

/* An answer that is no readable JSON costs its call alone. */
static void test_unreadable_answer_and_go_on(void **state)
{
    (void)state;
    struct world world;
    open_world(&world, "bad_utf8", 120);
    run_until(&world, &world.known, 0);
    call(&world, "c1", "mcp__bad__echo");
    call(&world, "c2", "mcp__bad__echo");
    run_until(&world, NULL, 2);
    assert_non_null(strstr(world.results.data, "c1 {\"output\":\"error: the MCP server bad failed: "
                                               "its answer cannot be read: "));
    assert_non_null(strstr(world.results.data, "c2 {\"output\":\"alive, call 2\"}\n"));
    assert_true(described(&world, "bad: ready"));
    close_world(&world);
}

/* A server whose input ends puts its things in order; one that stays is ended all the same. */
static void test_orderly_end(void **state)
{
    (void)state;
    static const char *const faults[] = {"orderly", "stays"};
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        struct world world;
        char path[128];
        open_world(&world, faults[i], 120);
        run_until(&world, &world.known, 0);
        call(&world, "c1", "mcp__bad__echo");
        run_until(&world, NULL, 1);
        snprintf(path, sizeof path, "%s/orderly", world.folder);
        close_world(&world);
        assert_int_equal(unlink(path), i == 0 ? 0 : -1);
        rmdir(world.folder);
    }
}

/* Without an end it is ended at last, and starts again for the next call. */
static void test_endless_line(void **state)
{
    (void)state;
    struct world world;
    open_world(&world, "endless_line", 120);
    run_until(&world, &world.known, 0);
    call(&world, "c1", "mcp__bad__echo");
    run_until_described(&world, "bad: down");
    assert_true(described(&world, "without an end") || described(&world, "floods us"));
    close_world(&world);
}

/* A carat that was stopped for longer than a call may take finds the answer in the pipe. */
static void test_stopped_meanwhile(void **state)
{
    (void)state;
    struct world world;
    struct timespec stopped = {.tv_sec = 4};
    open_world(&world, "slow", 3);
    run_until(&world, &world.known, 0);
    call(&world, "c1", "mcp__bad__echo");
    turn(&world, 20);
    nanosleep(&stopped, NULL);
    run_until(&world, NULL, 1);
    assert_non_null(strstr(world.results.data, "c1 {\"output\":\"slowly, call 1\"}\n"));
    assert_true(described(&world, "bad: ready"));
    close_world(&world);
}

/* Taken down after any number of turns of the loop, whatever goes on in it just then. */
static void test_end_at_any_moment(void **state)
{
    (void)state;
    static const char *const faults[] = {"floods", "deaf", "dies", "hangs", "stderr", "bad_tools"};
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        for (int turns = 0; turns < 60; turns += 7 + (int)i) {
            struct world world;
            open_world(&world, faults[i], 60);
            if (turns % 2 == 0) {
                run_until(&world, &world.known, 0);
                call(&world, "c1", "mcp__bad__echo");
                call(&world, "c2", "mcp__bad__echo");
                foreign_cancel(world.foreign, "c2");
            }
            for (int turn = 0; turn < turns; turn++) {
                uv_run(&world.loop, UV_RUN_ONCE);
            }
            close_world(&world);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_faults_end_as_results),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_cancel_and_go_on),
        cmocka_unit_test(test_long_line_and_go_on),
        cmocka_unit_test(test_unreadable_answer_and_go_on),
        cmocka_unit_test(test_orderly_end),
        cmocka_unit_test(test_endless_line),
        cmocka_unit_test(test_stopped_meanwhile),
        cmocka_unit_test(test_end_at_any_moment),
    };
    signal(SIGPIPE, SIG_IGN); /* as carat does */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
