/* The shell tool, run directly and outside the sandbox: exit codes, stopping, and what becomes of
 * output of every size. */
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/str.h"
#include "base/utf8.h"

#include "policy.h"
#include "tool.h"

/* The client, as the tool sees it. */
struct client {
    struct str live;
    int64_t cancel_after_us; /* 0 = never */
    int64_t started;
};

static void on_progress(void *host, const char *bytes, size_t length)
{
    struct client *client = host;
    if (client->live.length < 1000) {
        str_append_bytes(&client->live, bytes, length < 1000 ? length : 1000);
    }
}

static bool on_cancelled(void *host)
{
    struct client *client = host;
    return client->cancel_after_us != 0 &&
           clock_monotonic_us() - client->started >= client->cancel_after_us;
}

static bool never(void *host)
{
    (void)host;
    return false;
}

static bool (*background)(void *host) = never;
static unsigned long (*memory_kills)(void);

static char workspace[] = "/tmp/carat-shell-XXXXXX";
static struct policy policy;
static struct client client;
static int64_t took_ms;

/* Runs a command; the response is the caller's. */
static json_t *run(const char *command, int timeout_s, bool *failed)
{
    struct tool_context context = {.policy = &policy,
                                   .progress = on_progress,
                                   .cancelled = on_cancelled,
                                   .background = background,
                                   .cancel_fd = -1,
                                   .host = &client,
                                   .memory_kills = memory_kills};
    struct tool_result result = {.response = NULL};
    json_t *arguments = json_pack("{s:s}", "command", command);
    if (timeout_s != 0) {
        json_object_set_new(arguments, "timeout_s", json_integer(timeout_s));
    }
    str_clear(&client.live);
    client.started = clock_monotonic_us();
    shell_tools[0].call(&context, arguments, &result);
    took_ms = (clock_monotonic_us() - client.started) / 1000;
    json_decref(arguments);
    assert_non_null(result.response);
    *failed = result.failed;
    return result.response;
}

static const char *output_of(const json_t *response)
{
    return json_string_value(json_object_get(response, "output"));
}

static void expect(const char *command, int code, const char *output)
{
    bool failed;
    json_t *response = run(command, 0, &failed);
    assert_false(failed);
    assert_string_equal(output_of(response), output);
    assert_int_equal(json_integer_value(json_object_get(response, "exit_code")), code);
    json_decref(response);
}

static int setup(void **state)
{
    (void)state;
    if (mkdtemp(workspace) == NULL) {
        return -1;
    }
    str_init(&client.live);
    policy = (struct policy){.workspace = workspace,
                             .no_sandbox = true,
                             .seconds = 20,
                             .call_seconds = 60,
                             .output_bytes = 268435456,
                             .result_tokens = 800};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    str_finish(&client.live);
    return rmdir(workspace);
}

static void test_exit_codes(void **state)
{
    (void)state;
    expect("true", 0, "");
    expect("exit 3", 3, "");
    expect("kill -9 $$", 137, "");
    expect("kill -SEGV $$", 139, "");
    expect("no-such-program-here 2>/dev/null", 127, "");
    expect("-x 2>/dev/null; echo ok", 0, "ok");
    expect("", 0, "");
}

static unsigned long one_more(void)
{
    static unsigned long kills;
    return ++kills;
}

static unsigned long always_seven(void)
{
    return 7; /* by commands before */
}

/* Whoever ended it: make, for one, only says that its compiler was killed. */
static void test_out_of_memory(void **state)
{
    (void)state;
    policy.memory_bytes = INT64_C(3) * 1024 * 1024 * 1024;
    memory_kills = one_more;
    expect("echo a; kill -9 $$", 137, "a\n(a process was killed: out of memory, limit 3072 MiB)");
    memory_kills = always_seven;
    expect("echo a; kill -9 $$", 137, "a");
    memory_kills = NULL;
}

static void test_output(void **state)
{
    (void)state;
    char expected[100];
    snprintf(expected, sizeof expected, "%s", workspace);
    expect("pwd", 0, expected);
    expect("echo out; echo err >&2; echo out", 0, "out\nerr\nout");
    expect("printf 'a\\n\\n'", 0, "a\n");
    expect("printf 'no newline'", 0, "no newline");
    expect("cat; echo done", 0, "done");
    expect("printf 'a\\0b\\377c\\n'", 0,
           "a\xEF\xBF\xBD"
           "b\xEF\xBF\xBD"
           "c");
    expect("echo a; sleep 0.2; echo b", 0, "a\nb");
    assert_string_equal(client.live.data, "a\nb\n");
    /* The order of the members is the contract: long text last. */
    bool failed;
    json_t *response = run("echo hi", 0, &failed);
    char *text = json_dumps(response, JSON_COMPACT);
    assert_string_equal(text, "{\"exit_code\":0,\"output\":\"hi\"}");
    free(text);
    json_decref(response);
}

/* The command gets default signals, an empty mask, its own session and no descriptor of ours. */
static void test_surroundings(void **state)
{
    (void)state;
    int leak = open("/dev/null", O_RDONLY);
    assert_true(leak > 2);
    struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
    sigaction(SIGPIPE, &ignore, &before);
    expect("ls /proc/self/fd | wc -l", 0, "4"); /* 0, 1, 2 and the folder that ls reads */
    /* Of the ignored ones, the C library's own two (32 and 33) are none of ours. */
    expect("echo $((0x$(sed -n 's/^SigIgn:[[:space:]]*//p' /proc/self/status) & 0x7fffffff))"
           " $((0x$(sed -n 's/^SigBlk:[[:space:]]*//p' /proc/self/status)))",
           0, "0 0");
    expect("test \"$(cut -d ' ' -f 6 /proc/$$/stat)\" = $$ && echo own", 0, "own");
    sigaction(SIGPIPE, &before, NULL);
    close(leak);
}

static void test_timeout(void **state)
{
    (void)state;
    bool failed;
    json_t *response = run("echo before; sleep 30", 1, &failed);
    assert_false(failed);
    assert_int_equal(json_integer_value(json_object_get(response, "exit_code")), 124);
    assert_string_equal(output_of(response), "before\n(stopped after 1 s)");
    assert_in_range(took_ms, 1000, 20000);
    json_decref(response);
}

/* TERM comes first, and who handles it has time for it; also a child of the shell. */
static void test_grace(void **state)
{
    (void)state;
    bool failed;
    json_t *response = run("(trap 'sleep 0.3; echo tidied; exit' TERM; while :; do sleep 0.1; "
                           "done) 2>/dev/null & wait",
                           1, &failed);
    assert_string_equal(output_of(response), "tidied\n(stopped after 1 s)");
    assert_in_range(took_ms, 1200, 20000);
    json_decref(response);
}

static void test_term_ignored(void **state)
{
    (void)state;
    bool failed;
    json_t *response = run("trap '' TERM; while :; do sleep 0.1; done", 1, &failed);
    assert_string_equal(output_of(response), "(stopped after 1 s)");
    assert_in_range(took_ms, 3000, 20000);
    json_decref(response);
}

static void test_background(void **state)
{
    (void)state;
    expect("sleep 60 & echo hi", 0,
           "hi\n(1 process left in the background was ended; end the command in & to keep it "
           "running)");
    assert_true(took_ms < 30000); /* it was not waited for */
    expect("sleep 60 & sleep 60 & true", 0,
           "(2 processes left in the background were ended; end the command in & to keep it "
           "running)");
    expect("true & wait; echo hi", 0, "hi");
    /* What is left in the group dies with the call. */
    bool failed;
    json_t *response = run("sleep 100 & echo $!", 0, &failed);
    pid_t child = (pid_t)atoi(output_of(response));
    json_decref(response);
    assert_true(child > 1);
    /* It is a zombie until the system's first process has buried it. */
    char command[200];
    snprintf(command, sizeof command,
             "for i in $(seq 100); do grep -q '^State:[[:space:]]*[RSD]' /proc/%d/status "
             "2>/dev/null || { echo gone; break; }; sleep 0.1; done",
             (int)child);
    response = run(command, 0, &failed);
    assert_non_null(strstr(output_of(response), "gone"));
    json_decref(response);
    /* One that left the group (possible only outside the sandbox) does not hold the call up. */
    expect("setsid sleep 20 & sleep 0.2; echo hi", 0, "hi");
    assert_true(took_ms < 15000);
}

static void test_large_output(void **state)
{
    (void)state;
    bool failed;
    struct rusage before, after;
    getrusage(RUSAGE_SELF, &before);
    json_t *response = run("head -c 200000000 /dev/zero | tr '\\0' x", 0, &failed);
    getrusage(RUSAGE_SELF, &after);
    const char *output = output_of(response);
    assert_int_equal(json_integer_value(json_object_get(response, "exit_code")), 0);
    assert_non_null(strstr(output, "\n[... 199996800 bytes, 0 lines left out ...]\n"));
    assert_int_equal(strspn(output, "x"), 1600);
    assert_true(strlen(output) < 3300);
    assert_true(after.ru_maxrss - before.ru_maxrss < 8 * 1024); /* KiB */
    json_decref(response);
}

static void test_output_limit(void **state)
{
    (void)state;
    bool failed;
    policy.output_bytes = 1000000;
    json_t *response = run("yes", 0, &failed);
    policy.output_bytes = 268435456;
    const char *note = "(stopped: more than 1000000 bytes of output)";
    const char *output = output_of(response);
    assert_true(strlen(output) > strlen(note));
    assert_string_equal(output + strlen(output) - strlen(note), note);
    assert_int_equal(json_integer_value(json_object_get(response, "exit_code")), 128 + SIGTERM);
    assert_true(took_ms < 20000);
    json_decref(response);
}

static void test_lines_left_out(void **state)
{
    (void)state;
    bool failed;
    json_t *response = run("seq 1 100000", 0, &failed);
    const char *output = output_of(response);
    assert_int_equal(strncmp(output, "1\n2\n3\n", 6), 0);
    assert_string_equal(output + strlen(output) - 7, "\n100000");
    unsigned long long bytes, lines;
    const char *mark = strstr(output, "\n[... ");
    assert_non_null(mark);
    assert_int_equal(sscanf(mark + 1, "[... %llu bytes, %llu lines left out ...]", &bytes, &lines),
                     2);
    int last = 0, next = 0;
    const char *before = mark;
    while (before[-1] != '\n') {
        before--;
    }
    sscanf(before, "%d", &last);
    sscanf(strchr(mark + 1, '\n') + 1, "%d", &next);
    assert_int_equal(next - last - 1, (int)lines);
    json_decref(response);
}

static void test_cancel(void **state)
{
    (void)state;
    bool failed;
    client.cancel_after_us = 200000;
    json_t *response = run("echo started; sleep 30", 0, &failed);
    client.cancel_after_us = 0;
    assert_string_equal(output_of(response), "started\n(stopped: cancelled)");
    assert_in_range(took_ms, 200, 15000);
    json_decref(response);
}

static void test_refusals(void **state)
{
    (void)state;
    bool failed;
    const int wrong[] = {-1, 21, 1 << 30};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        json_t *response = run("echo ran", wrong[i], &failed);
        assert_true(failed);
        assert_non_null(strstr(output_of(response), "expected 1 to 20; for example {"));
        json_decref(response);
    }
    /* A policy that asks for the sandbox, in a process that is not in it. */
    policy.no_sandbox = false;
    json_t *response = run("echo ran", 0, &failed);
    policy.no_sandbox = true;
    assert_true(failed);
    assert_string_equal(output_of(response),
                        "error: shell: the sandbox was not entered; nothing was run");
    json_decref(response);
    /* A workspace that is gone. */
    policy.workspace = "/does/not/exist";
    response = run("echo ran", 0, &failed);
    policy.workspace = workspace;
    assert_true(failed);
    assert_non_null(strstr(output_of(response), "cannot run /bin/sh in /does/not/exist"));
    json_decref(response);
}

/* A hundred calls leave no descriptor behind. */
static void test_no_leaks(void **state)
{
    (void)state;
    int before = dup(0);
    for (int i = 0; i < 100; i++) {
        expect("true", 0, "");
    }
    int after = dup(0);
    assert_int_equal(before + 1, after);
    close(before);
    close(after);
}

/* With "job" the call lasts as long as what the command put into the background; without, what is
 * left of it is killed when the shell has ended. */
static void test_job(void **state)
{
    (void)state;
    expect("sleep 30 &", 0,
           "(1 process left in the background was ended; end the command in & to keep it running)");
    policy.job = true;
    expect("(sleep 0.3; echo late) &", 0, "late");
    assert_true(took_ms >= 300);
    expect("(sleep 30 & echo late) &", 0,
           "late\n(1 process left in the background was ended)"); /* nobody's child */
    expect("(sleep 0.2; echo first) & (exit 7) &", 7, "first");
    expect("echo one; exit 4 &", 4, "one");
    expect("IFS=7; (exit 7) &", 7, "");
    expect("no-such-program-here 2>/dev/null &", 127, "");
    bool failed;
    json_t *response = run("sleep 30 &", 1, &failed);
    assert_int_equal(json_integer_value(json_object_get(response, "exit_code")), 124);
    json_decref(response);
    assert_true(took_ms < 10000);
    policy.job = false;
}

static bool in_background(void *host)
{
    return clock_monotonic_us() - ((struct client *)host)->started >= 300000;
}

/* A command for which nobody waits has longer, but for one that asked for its time itself. */
static void test_goes_on(void **state)
{
    (void)state;
    background = in_background;
    policy.seconds = 1;
    expect("sleep 1.5; echo late", 124, "(stopped after 1 s)"); /* the policy knows of nothing */
    policy.background_seconds = 20;
    expect("sleep 1.5; echo late", 0, "late");
    bool failed;
    json_t *response = run("sleep 1.5; echo late", 1, &failed);
    assert_string_equal(output_of(response), "(stopped after 1 s)");
    json_decref(response);
    policy.background_seconds = 0;
    policy.seconds = 20;
    background = never;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_job),
        cmocka_unit_test(test_goes_on),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_exit_codes),
        cmocka_unit_test(test_output),
        cmocka_unit_test(test_surroundings),
        cmocka_unit_test(test_timeout),
        cmocka_unit_test(test_grace),
        cmocka_unit_test(test_term_ignored),
        cmocka_unit_test(test_background),
        cmocka_unit_test(test_large_output),
        cmocka_unit_test(test_output_limit),
        cmocka_unit_test(test_lines_left_out),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_no_leaks),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
