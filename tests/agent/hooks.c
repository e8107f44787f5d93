/* Hooks that hang, die, flood and do not listen; and the end of all of it at any moment. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <uv.h>

#include "agent/hooks.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "config/tables.h"

enum { PATIENCE_US = 60 * 1000 * 1000 };

struct world {
    uv_loop_t loop;
    struct config_hook hook;
    struct config_hooks table;
    struct hooks *hooks;
    struct str denial, notices;
    int done;
};

static void on_done(void *context, const char *call_id, const char *denial)
{
    struct world *world = context;
    assert_string_equal(call_id, "c1");
    str_clear(&world->denial);
    str_append(&world->denial, denial != NULL ? denial : "(goes on)");
    world->done++;
}

static void on_notice(void *context, const char *sentence)
{
    str_append_format(&((struct world *)context)->notices, "%s\n", sentence);
}

static void prepare_world(struct world *world, const char *command, int seconds, bool after)
{
    *world = (struct world){.hook = {.after = after,
                                     .tool = (char *)"shell",
                                     .command = (char *)command,
                                     .seconds = seconds}};
    world->table = (struct config_hooks){.items = &world->hook, .count = 1};
    assert_int_equal(uv_loop_init(&world->loop), 0);
    str_init(&world->denial);
    str_init(&world->notices);
    world->hooks = hooks_create(
        &(struct hooks_options){.loop = &world->loop, .workspace = "/", .table = &world->table},
        &(struct hooks_callbacks){on_done, on_notice, world});
}

static void begin(struct world *world)
{
    json_t *event = json_pack("{s:s, s:o}", "tool", "shell", "arguments", json_object());
    char *large = mem_zero(200001, 1); /* more than a pipe holds */
    memset(large, 'x', 200000);
    json_object_set_new(json_object_get(event, "arguments"), "command", json_string(large));
    hooks_start(world->hooks, world->hook.after, "c1", "shell", event);
    mem_free(large);
    json_decref(event);
}

static void open_world(struct world *world, const char *command, int seconds, bool after)
{
    prepare_world(world, command, seconds, after);
    begin(world);
}

static void close_world(struct world *world)
{
    int before = world->done;
    hooks_destroy(world->hooks);
    while (uv_run(&world->loop, UV_RUN_DEFAULT) != 0) {
    }
    assert_int_equal(world->done, before);
    assert_int_equal(uv_loop_close(&world->loop), 0);
    str_finish(&world->denial);
    str_finish(&world->notices);
}

static void run_until_done(struct world *world)
{
    int64_t end = clock_monotonic_us() + PATIENCE_US;
    while (world->done == 0) {
        uv_run(&world->loop, UV_RUN_ONCE);
        assert_true(clock_monotonic_us() < end);
    }
}

static void test_what_a_hook_may_do(void **state)
{
    (void)state;
    static const struct {
        const char *command, *before, *after; /* what is said in each event; "" = it goes on */
    } rows[] = {
        {"true", "", ""},
        {"cat > /dev/null", "", ""},
        {"exec 0<&-; sleep 0.05", "", ""}, /* does not listen */
        {"echo no >&2; exit 2", "no", "no"},
        {"exit 2", "ended with 2", "ended with 2"},
        {"grep -q before_tool < /dev/stdin && exit 2; exit 0", "ended with 2", ""},
        {"test $(cat /dev/stdin | wc -c) -gt 200000 && exit 2", "ended with 2", "ended with 2"},
        {"echo reason > /dev/stderr; exit 2", "reason", "reason"},
        {"printf '\\377\\033]0;x\\007' >&2; exit 2", "\xEF\xBF\xBD", "\xEF\xBF\xBD"},
        {"exit 7", "", ""},
        {"kill -SEGV $$", "killed by signal 11", ""}, /* has not said yes */
        {"sleep 60", "stopped after 1 s", ""},
        {"trap '' TERM; while :; do :; done", "stopped after 1 s", ""},
        {"yes >&2", "stopped after 1 s", ""},
        {"head -c 3000000 /dev/zero | tr '\\0' x >&2; exit 2", "xxxx", "xxxx"},
        {"(sleep 30 >&2 &) ; echo behind >&2; exit 2", "behind", "behind"},
        {"no-such-program-at-all", "ended with 127", ""},
        {"/dev/null", "ended with 126", ""},
        {"test \"$PYTHONSAFEPATH\" = 1 -a \"$PATH\" != '' || exit 2", "", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (int after = 0; after < 2; after++) {
            struct world world;
            const char *expected = after ? rows[i].after : rows[i].before;
            open_world(&world, rows[i].command, 1, after);
            run_until_done(&world);
            bool fits = expected[0] == '\0' ? strcmp(world.denial.data, "(goes on)") == 0
                                            : strstr(world.denial.data, expected) != NULL;
            if (!fits || world.done != 1 || world.denial.length > 20000) {
                fail_msg("%s (%d): %.200s", rows[i].command, after, world.denial.data);
            }
            close_world(&world);
        }
    }
}

/* No descriptor is left for its pipes. */
static void test_cannot_be_started(void **state)
{
    (void)state;
    for (int after = 0; after < 2; after++) {
        struct world world;
        struct rlimit before, none;
        prepare_world(&world, "true", 1, after);
        assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
        none = before;
        none.rlim_cur = 0;
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
        begin(&world);
        assert_string_equal(world.notices.data, ""); /* never from inside */
        run_until_done(&world);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
        assert_true(
            str_starts_with(world.notices.data, "the hook \"true\" could not be started: "));
        assert_true(after ? strcmp(world.denial.data, "(goes on)") == 0
                          : str_starts_with(world.denial.data, "the hook \"true\" could not"));
        close_world(&world);
    }
}

static void test_tools_that_there_are(void **state)
{
    (void)state;
    static const struct {
        const char *tool;
        bool good;
    } rows[] = {{"shell", true},   {"*", true},    {"write_*", true},     {"mcp__x__y", true},
                {"mcp__*", true},  {"m*", true},   {"more_output", true}, {"Shell", false},
                {"shell ", false}, {"", false},    {"Bash*", false},      {"mcp__*__x", false},
                {"mcp__", false},  {"mcp", false}, {"**", false}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct config_hook hook = {.tool = (char *)rows[i].tool, .origin = (char *)"a.toml:1"};
        struct err err = {0};
        if (hooks_check(&(struct config_hooks){.items = &hook, .count = 1}, &err) != rows[i].good) {
            fail_msg("\"%s\": %s", rows[i].tool, err.text);
        }
        assert_true(rows[i].good || strstr(err.text, "a.toml:1") != NULL);
    }
}

/* A carat that was stopped for longer than a hook may take does not hold that against the hook. */
static void test_stopped_meanwhile(void **state)
{
    (void)state;
    struct world world;
    struct timespec stopped = {.tv_sec = 3};
    open_world(&world, "cat > /dev/null", 2, false);
    for (int turn = 0; turn < 20; turn++) { /* it has what it reads */
        uv_run(&world.loop, UV_RUN_NOWAIT);
        usleep(5000);
    }
    nanosleep(&stopped, NULL);
    run_until_done(&world);
    assert_string_equal(world.denial.data, "(goes on)");
    close_world(&world);
}

/* Turns the loop until that orphan, which is ours to bury, has ended, at most so long. */
static bool ends_within(struct world *world, pid_t orphan, int64_t microseconds)
{
    int64_t end = clock_monotonic_us() + microseconds;
    bool ended;
    while (!(ended = waitpid(orphan, NULL, WNOHANG) == orphan) && clock_monotonic_us() < end) {
        uv_run(&world->loop, UV_RUN_NOWAIT);
        usleep(1000);
    }
    return ended;
}

/* The process whose number the hook said. */
static pid_t process_of(struct world *world, const char *command)
{
    open_world(world, command, 20, false);
    run_until_done(world);
    pid_t process = (pid_t)strtol(world->denial.data, NULL, 10);
    assert_true(process > 1);
    return process;
}

static void test_nothing_is_left(void **state)
{
    (void)state;
    struct world world;
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    pid_t left = process_of(&world, "sleep 300 & echo $! >&2; exit 2");
    assert_true(ends_within(&world, left, PATIENCE_US));
    close_world(&world);
    /* A daemon of the user's stays. */
    left = process_of(&world, "daemon=$(setsid sh -c 'echo $$; exec sleep 300 >&- 2>&-' &)\n"
                              "echo $daemon >&2; exit 2");
    assert_false(ends_within(&world, left, 200000));
    assert_int_equal(kill(left, SIGKILL), 0);
    assert_true(ends_within(&world, left, PATIENCE_US));
    close_world(&world);
    prctl(PR_SET_CHILD_SUBREAPER, 0);
}

static void test_end_at_any_moment(void **state)
{
    (void)state;
    static const char *const commands[] = {"sleep 60", "yes >&2", "cat >/dev/null; exit 2",
                                           "kill -9 $$"};
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        for (int turns = 0; turns < 12; turns++) {
            struct world world;
            open_world(&world, commands[i], 60, false);
            for (int turn = 0; turn < turns; turn++) {
                uv_run(&world.loop, UV_RUN_NOWAIT);
            }
            if (turns % 3 == 0 && world.done == 0) {
                hooks_cancel(world.hooks, "c1");
                assert_int_equal(world.done, 0);
            }
            close_world(&world);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tools_that_there_are), cmocka_unit_test(test_what_a_hook_may_do),
        cmocka_unit_test(test_cannot_be_started),    cmocka_unit_test(test_nothing_is_left),
        cmocka_unit_test(test_stopped_meanwhile),    cmocka_unit_test(test_end_at_any_moment),
    };
    signal(SIGPIPE, SIG_IGN); /* as carat does */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
