/* Tool processes: a scripted server that does each thing a server can do to us, then carat-tool
 * itself, in its sandbox. */
#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <uv.h>

#include "agent/toolproc.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "mcp/mcp_client.h"

#include "support.h"
#include "toolproc_world.h"

static char *carat_tool;

/* --- the scripted server ------------------------------------------------------------------------
 */

static void test_results(void **state)
{
    struct world *world = *state;
    world_create(world, TOOL_SERVER, NULL);
    assert_string_equal(world_call(world, "shell", "command", "structured"),
                        "{\"exit_code\":0,\"output\":\"done\"}");
    assert_string_equal(world->output.data, "live\n");
    assert_string_equal(world_call(world, "shell", "command", "text"),
                        "{\"output\":\"one two\"} failed");
    assert_string_equal(world_call(world, "shell", "command", "refused"),
                        "{\"output\":\"error: the tool failed: no such thing\"} failed");
    assert_string_equal(world_call(world, "shell", "command", "die"),
                        "{\"output\":\"error: the tool failed: it ended without an answer (exit "
                        "status 3): last words\"} failed");
    assert_string_equal(world_call(world, "fly", "to", "moon"),
                        "{\"output\":\"error: there is no tool \\\"fly\\\"\"} failed");
}

/* The shell has a process a call; the file tools keep theirs, until it dies. */
static void test_lifetimes(void **state)
{
    struct world *world = *state;
    world_create(world, TOOL_SERVER, NULL);
    assert_string_equal(world_call(world, "shell", "command", "count"), "{\"output\":\"1\"}");
    assert_string_equal(world_call(world, "shell", "command", "count"), "{\"output\":\"1\"}");
    assert_string_equal(world_call(world, "list_files", "path", "count"), "{\"output\":\"1\"}");
    assert_string_equal(world_call(world, "read_file", "path", "count"), "{\"output\":\"2\"}");
    world_call(world, "read_file", "path", "die");
    assert_string_equal(world_call(world, "read_file", "path", "count"), "{\"output\":\"1\"}");
}

static void test_what_a_process_is_given(void **state)
{
    struct world *world = *state;
    setenv("CARAT_SECRET", "s3cret", 1);
    setenv("LD_PRELOAD_NOT", "x", 1);
    json_t *policy = json_pack("{s:b}", "read_only", 1);
    world_create(world, TOOL_SERVER, policy);
    json_decref(policy);
    const char *result = world_call(world, "shell", "command", "environment");
    assert_null(strstr(result, "SECRET"));
    assert_null(strstr(result, "LD_"));
    assert_non_null(strstr(result, "PATH "));
    assert_non_null(strstr(result, "|{read_only:true,limits:{seconds:120,call_seconds:60,"
                                   "background_seconds:86400}}|shell --workspace "));
    assert_non_null(strstr(result, " --policy-fd 3|"));
    char folder[512];
    snprintf(folder, sizeof folder, "|%s|", world->folder);
    assert_non_null(strstr(result, folder));
}

static void test_no_sandbox(void **state)
{
    struct world *world = *state;
    world_create(world, TOOL_SERVER, NULL);
    assert_non_null(strstr(world_call(world, "shell", "command", "no sandbox"),
                           " failed unavailable: carat-tool: sandbox unavailable: no user "
                           "namespaces"));
}

static void test_no_program(void **state)
{
    struct world *world = *state;
    world_create(world, "/nonexistent/carat-tool", NULL);
    assert_string_equal(world_call(world, "shell", "command", "x"),
                        "{\"output\":\"error: starting /nonexistent/carat-tool: no such file or "
                        "directory\"} failed");
}

static void test_flood_and_silence(void **state)
{
    struct world *world = *state;
    world_create(world, TOOL_SERVER, NULL);
    int64_t begin = clock_monotonic_us();
    assert_non_null(strstr(world_call(world, "shell", "command", "flood"),
                           "it sent a line of more than 4 MiB"));
    assert_true(clock_monotonic_us() - begin < 4 * 1000000);
    assert_non_null(
        strstr(world_call(world, "shell", "command", "mute"), "it ended without an answer"));
    assert_true(clock_monotonic_us() - begin < 12 * 1000000);
}

/* Gone, or dead and waiting for whoever inherited it. */
static bool is_gone(pid_t child)
{
    char path[64], status[256] = "";
    snprintf(path, sizeof path, "/proc/%d/stat", (int)child);
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        return true;
    }
    const char *read = fgets(status, sizeof status, file);
    fclose(file);
    return read == NULL || strstr(status, ") Z ") != NULL;
}

/* The process that the server started, by the file that it left. */
static pid_t find_child(struct world *world)
{
    char path[512];
    snprintf(path, sizeof path, "%s/child", world->folder);
    int64_t limit = clock_monotonic_us() + 5 * 1000000;
    int child = 0;
    while (child == 0) {
        assert_true(clock_monotonic_us() < limit);
        world_let_run(world, 5);
        FILE *file = fopen(path, "r");
        if (file != NULL) {
            if (fscanf(file, "%d", &child) != 1) {
                child = 0;
            }
            fclose(file);
        }
    }
    return (pid_t)child;
}

static void expect_gone(struct world *world, pid_t child)
{
    int64_t limit = clock_monotonic_us() + 2 * 1000000;
    while (!is_gone(child)) {
        assert_true(clock_monotonic_us() < limit);
        world_let_run(world, 5);
    }
}

static void test_cancel(void **state)
{
    struct world *world = *state;
    world_create(world, TOOL_SERVER, NULL);
    /* A process of one call gets TERM; */
    world_start(world, "shell", "command", "hang");
    world_let_run(world, 50);
    int64_t begin = clock_monotonic_us();
    toolproc_cancel(world->toolproc, "c1");
    world_wait_for(world, 1);
    assert_true(clock_monotonic_us() - begin < 1500000);
    const char *stopped = "{\"output\":\"error: stopped before it ended\"} failed";
    assert_string_equal(world->result.data, stopped);
    /* a kept one is asked to stop the call, and lives on; */
    world_call(world, "read_file", "path", "count");
    world_start(world, "read_file", "path", "hang");
    world_let_run(world, 50);
    toolproc_cancel(world->toolproc, "c1");
    toolproc_cancel(world->toolproc, "c9");
    world_wait_for(world, 3);
    assert_string_equal(world->result.data, "{\"output\":\"cancelled\"} failed");
    assert_string_equal(world_call(world, "read_file", "path", "count"), "{\"output\":\"3\"}");
    /* so does one that gives a cancelled call no answer, as the protocol has it, and at once; */
    world_start(world, "read_file", "path", "silent");
    world_let_run(world, 50);
    begin = clock_monotonic_us();
    toolproc_cancel(world->toolproc, "c1");
    world_wait_for(world, 5);
    assert_true(clock_monotonic_us() - begin < 1500000);
    assert_string_equal(world->result.data, stopped);
    assert_string_equal(world_call(world, "read_file", "path", "count"), "{\"output\":\"5\"}");
    /* one that ignores TERM gets KILL after 2 s, and so does all that it started. */
    world_start(world, "shell", "command", "stubborn");
    pid_t child = find_child(world);
    begin = clock_monotonic_us();
    toolproc_cancel(world->toolproc, "c1");
    world_wait_for(world, 7);
    assert_true(clock_monotonic_us() - begin < 5 * 1000000);
    assert_string_equal(world->result.data, stopped);
    expect_gone(world, child);
}

static void make_file(struct world *world, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", world->folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fclose(file);
}

/* More of a kept process, side by side; what is told next is told of `call_id`. */
static void start_beside(struct world *world, const char *call_id, const char *value)
{
    json_t *arguments = json_pack("{s:s}", "path", value);
    toolproc_start(world->toolproc, call_id, "read_file", arguments);
    json_decref(arguments);
}

static void expect_next(struct world *world, const char *call_id, const char *result)
{
    world->call_id = call_id;
    world_wait_for(world, world->finished + 1);
    assert_string_equal(world->result.data, result);
}

/* What was cancelled beside a call that takes its time, before it or behind it, ends alone. */
static void test_cancel_beside(void **state)
{
    struct world *world = *state;
    const char *stopped = "{\"output\":\"error: stopped before it ended\"} failed";
    world_create(world, TOOL_SERVER, NULL);
    start_beside(world, "long", "until one");
    start_beside(world, "behind", "silent"); /* the process gets to it, and the rest, later */
    toolproc_cancel(world->toolproc, "behind");
    expect_next(world, "behind", stopped);
    make_file(world, "one");
    expect_next(world, "long", "{\"output\":\"one 1\"}");
    start_beside(world, "last", "count");
    expect_next(world, "last", "{\"output\":\"3\"}"); /* the same process */
    /* One that was told at once, while another goes on: nobody is stopped when its time is over. */
    start_beside(world, "before", "silent");
    toolproc_cancel(world->toolproc, "before");
    start_beside(world, "long", "until two");
    expect_next(world, "before", stopped);
    world_let_run(world, 2500);
    make_file(world, "two");
    expect_next(world, "long", "{\"output\":\"two 5\"}");
}

/* A call's time begins with its turn: two that take less than the limit, and together more. And
 * when its process has come so far as to begin: one that begins behind the limit. */
static void test_time_of_turns(void **state)
{
    struct world *world = *state;
    json_t *policy = json_pack("{s:{s:i}}", "limits", "seconds", 1);
    world_create(world, TOOL_SERVER, policy);
    json_decref(policy);
    json_t *late = json_pack("{s:s}", "command", "late until three");
    toolproc_start(world->toolproc, "late", "shell", late);
    json_decref(late);
    start_beside(world, "first", "until one");
    start_beside(world, "second", "until two");
    world_let_run(world, 4000);
    make_file(world, "one");
    expect_next(world, "first", "{\"output\":\"one 1\"}");
    world_let_run(world, 4000); /* with a second look the first one's limit is 7 s */
    make_file(world, "two");
    expect_next(world, "second", "{\"output\":\"two 2\"}");
    make_file(world, "three");
    expect_next(world, "late", "{\"output\":\"three 1\"}");
}

static void test_nothing_is_left(void **state)
{
    struct world *world = *state;
    world_create(world, TOOL_SERVER, NULL);
    assert_string_equal(world_call(world, "shell", "command", "leave child"),
                        "{\"output\":\"left\"}");
    expect_gone(world, find_child(world));
}

/* Destroyed in the middle: no callback, no process. */
static void test_destroy(void **state)
{
    struct world *world = *state;
    world_create(world, TOOL_SERVER, NULL);
    world_start(world, "shell", "command", "stubborn");
    pid_t child = find_child(world);
    world_start(world, "read_file", "path", "hang");
    world_start(world, "fly", "to", "moon");
    toolproc_destroy(world->toolproc);
    world->toolproc = NULL;
    uv_run(&world->loop, UV_RUN_DEFAULT);
    assert_int_equal(world->finished, 0);
    expect_gone(world, child);
}

/* --- the handshake ------------------------------------------------------------------------------
 */

static void on_handshake_result(void *context, uint64_t call,
                                const struct mcp_client_result *result)
{
    struct world *world = context;
    assert_int_equal(call, 1);
    json_t *structured = json_object_get(result->result, "structuredContent");
    str_append(&world->result, json_string_value(json_object_get(structured, "output")));
    world->finished++;
}

static void on_handshake_ended(void *context)
{
    (void)context;
}

static void test_handshake(void **state)
{
    struct world *world = *state;
    char *const argv[] = {(char *)TOOL_SERVER, "x", NULL};
    char *const environment[] = {"PATH=/usr/bin:/bin", NULL};
    struct mcp_client_options options = {.loop = &world->loop,
                                         .argv = argv,
                                         .environment = environment,
                                         .directory = world->folder,
                                         .descriptor = STDIN_FILENO,
                                         .handshake = true};
    struct mcp_client_callbacks callbacks = {
        .result = on_handshake_result, .ended = on_handshake_ended, .context = world};
    struct mcp_client *client = mcp_client_start(&options, &callbacks, NULL);
    assert_non_null(client);
    json_t *arguments = json_pack("{s:s}", "do", "count");
    assert_int_equal(mcp_client_call(client, "any", arguments), 1);
    json_decref(arguments);
    world_wait_for(world, 1);
    assert_string_equal(world->result.data, "1"); /* the handshake came first and was no call */
    mcp_client_close(client);
}

/* --- carat-tool ---------------------------------------------------------------------------------
 */

static void test_carat_tool(void **state)
{
    struct world *world = *state;
    world_create(world, carat_tool, NULL);
    assert_string_equal(world_call(world, "shell", "command", "echo one; echo two >&2; exit 4"),
                        "{\"exit_code\":4,\"output\":\"one\\ntwo\"}");
    assert_string_equal(world->output.data, "one\ntwo\n");
    json_t *arguments = json_pack("{s:s, s:s}", "path", "a.txt", "content", "hello\n");
    toolproc_start(world->toolproc, "c1", "write_file", arguments);
    json_decref(arguments);
    world_wait_for(world, 2);
    assert_string_equal(world->result.data, "{\"output\":\"created a.txt\"}");
    assert_string_equal(world_call(world, "read_file", "path", "a.txt"),
                        "{\"output\":\"1: hello\"}");
    assert_string_equal(world_call(world, "list_files", "path", "."), "{\"output\":\"a.txt\"}");
    assert_non_null(strstr(world_call(world, "read_file", "path", "../x"), " failed"));
    world_start(world, "shell", "command", "sleep 20");
    world_let_run(world, 300);
    int64_t begin = clock_monotonic_us();
    toolproc_cancel(world->toolproc, "c1");
    world_wait_for(world, 6);
    print_message("a running command was stopped in %.0f ms\n",
                  (double)(clock_monotonic_us() - begin) / 1000);
    assert_non_null(strstr(world->result.data, "stopped: cancelled)"));
}

/* A job goes on while calls come and go, outlives their limit of time, and is stopped by name. */
static void test_job(void **state)
{
    struct world *world = *state;
    json_t *policy = json_pack("{s:{s:i}}", "limits", "seconds", 1);
    world_create(world, carat_tool, policy);
    json_decref(policy);
    json_t *arguments = json_pack("{s:s}", "command", "(sleep 1.5; echo late; sleep 100) &");
    toolproc_start_job(world->toolproc, "c1", arguments);
    json_decref(arguments);
    int64_t limit = clock_monotonic_us() + 20 * 1000000;
    while (strstr(world->output.data, "late") == NULL) {
        assert_true(clock_monotonic_us() < limit);
        world_let_run(world, 50);
    }
    assert_int_equal(world->finished, 0);
    toolproc_cancel(world->toolproc, "c1");
    world_wait_for(world, 1);
    assert_non_null(strstr(world->result.data, "stopped: cancelled)"));
    arguments = json_pack("{s:s}", "command", "(sleep 0.2; exit 3) &");
    toolproc_start_job(world->toolproc, "c1", arguments);
    json_decref(arguments);
    world_wait_for(world, 2);
    assert_string_equal(world->result.data, "{\"exit_code\":3,\"output\":\"\"}");
}

/* A call that becomes a job while it runs: told of under the job's name, with a job's time; the
 * next call has a process of its own. */
static void test_make_job(void **state)
{
    struct world *world = *state;
    json_t *policy = json_pack("{s:{s:i}}", "limits", "seconds", 1);
    world_create(world, carat_tool, policy);
    json_decref(policy);
    const char *cut =
        world_call(world, "shell", "command", "sleep 1.5; echo late"); /* if it stays one */
    assert_string_equal(cut, "{\"exit_code\":124,\"output\":\"(stopped after 1 s)\"}");
    str_clear(&world->output);
    world_start(world, "shell", "command",
                "echo here; sleep 1.5; while ! test -e go; do sleep 0.05; done; echo late; exit 3");
    int64_t limit = clock_monotonic_us() + 20 * 1000000;
    while (strstr(world->output.data, "here") == NULL) {
        assert_true(clock_monotonic_us() < limit);
        world_let_run(world, 20);
    }
    toolproc_make_job(world->toolproc, "c7", "job-7"); /* no such call */
    toolproc_make_job(world->toolproc, "c1", "job-1");
    /* Nothing else is told of it meanwhile, and the call beside it is its own. */
    assert_string_equal(world_call(world, "shell", "command", "echo beside"),
                        "{\"exit_code\":0,\"output\":\"beside\"}");
    world->call_id = "job-1";
    char *go = support_path(world->folder, "go");
    FILE *file = fopen(go, "w");
    assert_non_null(file);
    fclose(file);
    mem_free(go);
    world_wait_for(world, 3);
    assert_string_equal(world->result.data, "{\"exit_code\":3,\"output\":\"here\\nlate\"}");
    world->call_id = "c1";
    world_start(world, "shell", "command", "sleep 100");
    world_let_run(world, 200);
    toolproc_make_job(world->toolproc, "c1", "job-2");
    world->call_id = "job-2";
    toolproc_cancel(world->toolproc, "c1"); /* is nobody's name any more */
    world_let_run(world, 200);
    assert_int_equal(world->finished, 3);
    toolproc_cancel(world->toolproc, "job-2");
    world_wait_for(world, 4);
    assert_non_null(strstr(world->result.data, "stopped: cancelled)"));
}

/* --- who watches over a command is stopped ---
 *
 * From outside, as `kill -STOP -1` does it inside where the kernel knows no scopes of signals. */

static bool read_process(pid_t pid, char name[64], pid_t *parent)
{
    char path[64];
    int number = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "r");
    bool found = file != NULL && fscanf(file, "%*d (%63[^)]) %*c %d", name, &number) == 2;
    if (file != NULL) {
        fclose(file);
    }
    *parent = (pid_t)number;
    return found;
}

static bool is_ours(pid_t pid)
{
    char name[64];
    pid_t parent = pid;
    while (parent > 1 && parent != getpid()) {
        if (!read_process(parent, name, &parent)) {
            return false;
        }
    }
    return parent == getpid();
}

/* The tools that were started by bubblewrap, for us; how many. */
static size_t find_watchers(pid_t found[], size_t most)
{
    size_t count = 0;
    DIR *processes = opendir("/proc");
    assert_non_null(processes);
    for (struct dirent *entry; (entry = readdir(processes)) != NULL && count < most;) {
        char name[64], above[64];
        pid_t parent, grandparent, pid = (pid_t)strtol(entry->d_name, NULL, 10);
        if (pid > 0 && read_process(pid, name, &parent) && strcmp(name, "carat-tool") == 0 &&
            read_process(parent, above, &grandparent) && strcmp(above, "bwrap") == 0 &&
            is_ours(pid)) {
            found[count++] = pid;
        }
    }
    closedir(processes);
    return count;
}

static size_t times(const char *text, const char *words)
{
    size_t count = 0;
    while ((text = strstr(text, words)) != NULL) {
        count++;
        text++;
    }
    return count;
}

/* A call and a job whose watchers do nothing any more: both are over some seconds after their
 * limit, with what they wrote, and nothing of them is left. */
static void test_watcher_stopped(void **state)
{
    struct world *world = *state;
    pid_t watchers[2];
    world_create(world, carat_tool, NULL);
    json_t *arguments =
        json_pack("{s:s, s:i}", "command", "echo begun; exec sleep 100", "timeout_s", 3);
    json_t *job =
        json_pack("{s:s, s:i}", "command", "(echo begun; exec sleep 100) &", "timeout_s", 3);
    toolproc_start(world->toolproc, "c1", "shell", arguments);
    toolproc_start_job(world->toolproc, "c1", job);
    json_decref(arguments);
    json_decref(job);
    int64_t limit = clock_monotonic_us() + 20 * 1000000;
    while (times(world->output.data, "begun") < 2) {
        assert_true(clock_monotonic_us() < limit);
        world_let_run(world, 5);
    }
    assert_int_equal(find_watchers(watchers, 2), 2);
    assert_int_equal(kill(watchers[0], SIGSTOP), 0);
    assert_int_equal(kill(watchers[1], SIGSTOP), 0);
    world_wait_for(world, 2);
    assert_non_null(strstr(world->result.data, "{\"exit_code\":124,\"output\":\"begun\\n(stopped "
                                               "after 3 s, from outside"));
    expect_gone(world, watchers[0]);
    expect_gone(world, watchers[1]);
    assert_string_equal(world_call(world, "shell", "command", "echo next"),
                        "{\"exit_code\":0,\"output\":\"next\"}");
}

/* The command of ours with this word in its command line; 0: there is none. */
static pid_t find_command(const char *word)
{
    DIR *folder = opendir("/proc");
    pid_t found = 0;
    for (struct dirent *entry; (entry = readdir(folder)) != NULL && found == 0;) {
        char path[300], text[512] = "";
        snprintf(path, sizeof path, "/proc/%s/cmdline", entry->d_name);
        FILE *file = fopen(path, "r");
        size_t length = file != NULL ? fread(text, 1, sizeof text - 1, file) : 0;
        for (size_t i = 0; i < length && found == 0; i += strlen(text + i) + 1) {
            bool ours = strcmp(text + i, word) == 0 && is_ours((pid_t)atoi(entry->d_name));
            found = ours ? (pid_t)atoi(entry->d_name) : 0;
        }
        if (file != NULL) {
            fclose(file);
        }
    }
    closedir(folder);
    return found;
}

/* It does nothing any more: gone, exiting, or about to see that it was killed. */
static bool is_dying(pid_t pid)
{
    enum { EXITING = 0x4 }; /* PF_EXITING */
    char path[64], line[256];
    unsigned long long pending = 0, both = 0;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "SigPnd: %llx", &pending) == 1 ||
            sscanf(line, "ShdPnd: %llx", &pending) == 1) {
            both |= pending;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    unsigned flags = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    file = fopen(path, "r");
    bool there =
        file != NULL && fscanf(file, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %u", &flags) == 1;
    if (file != NULL) {
        fclose(file);
    }
    return !there || (flags & EXITING) != 0 || (both >> (SIGKILL - 1) & 1) != 0;
}

/* Who destroys it may look at once at what the command made: the command makes no more. */
static void test_destroy_waits(void **state)
{
    struct world *world = *state;
    world_create(world, carat_tool, NULL);
    world_start(world, "shell", "command", "echo begun; exec sleep 31415");
    int64_t limit = clock_monotonic_us() + 20 * 1000000;
    pid_t command = 0;
    while (command == 0) {
        assert_true(clock_monotonic_us() < limit);
        world_let_run(world, 5);
        command = world->output.length > 0 ? find_command("31415") : 0;
    }
    assert_false(is_dying(command));
    toolproc_destroy(world->toolproc);
    world->toolproc = NULL;
    assert_true(is_dying(command));
}

/* Folders that were added change the policy, and nothing else of it. */
static void test_set_policy(void **state)
{
    struct world *world = *state;
    world_create(world, TOOL_SERVER, NULL);
    json_t *policy = json_pack("{s:b, s:{s:i}}", "read_only", 1, "limits", "seconds", 9);
    assert_true(toolproc_set_policy(world->toolproc, policy));
    json_decref(policy);
    assert_non_null(strstr(world_call(world, "shell", "command", "environment"),
                           "|{read_only:true,limits:{seconds:9,call_seconds:60,"
                           "background_seconds:86400}}|"));
}

/* What the file tools' process remembers ends with the conversation; a command's goes on. */
static void test_forget(void **state)
{
    struct world *world = *state;
    world_create(world, TOOL_SERVER, NULL);
    toolproc_forget(world->toolproc); /* there is none */
    assert_string_equal(world_call(world, "read_file", "path", "count"), "{\"output\":\"1\"}");
    assert_string_equal(world_call(world, "read_file", "path", "count"), "{\"output\":\"2\"}");
    toolproc_forget(world->toolproc);
    assert_string_equal(world_call(world, "read_file", "path", "count"), "{\"output\":\"1\"}");
    world_start(world, "read_file", "path", "count");
    toolproc_forget(world->toolproc); /* it still works */
    world_wait_for(world, 4);
    assert_string_equal(world->result.data, "{\"output\":\"2\"}");
    assert_string_equal(world_call(world, "read_file", "path", "count"), "{\"output\":\"1\"}");
    world_start(world, "shell", "command", "structured");
    toolproc_forget(world->toolproc);
    world_wait_for(world, 6);
    assert_string_equal(world->result.data, "{\"exit_code\":0,\"output\":\"done\"}");
}

static void test_self_test(void **state)
{
    struct world *world = *state;
    struct toolproc_options options = {.program = carat_tool, .workspace = world->folder};
    struct err err = {0};
    json_t *report = NULL;
    assert_true(toolproc_self_test(&options, &report, &err));
    assert_true(json_object_size(report) >= 4);
    assert_string_equal(json_string_value(json_object_get(report, "seccomp")), "on");
    json_decref(report);

    json_t *policy = json_pack("{s:s}", "sandbox", "danger-full-access");
    options.policy = policy;
    assert_true(toolproc_self_test(&options, &report, &err));
    assert_null(json_object_get(report, "seccomp"));
    json_decref(report);
    json_decref(policy);

    policy = json_pack("{s:i}", "no such key", 1);
    options.policy = policy;
    assert_false(toolproc_self_test(&options, &report, &err));
    assert_int_equal(err.code, ERR_UNAVAILABLE);
    assert_non_null(strstr(err.text, "no such key"));
    json_decref(policy);

    options = (struct toolproc_options){.program = "/nonexistent", .workspace = world->folder};
    assert_false(toolproc_self_test(&options, &report, &err));
    assert_int_equal(err.code, ERR_UNAVAILABLE);
}

int main(int argc, char **argv)
{
    assert_int_equal(argc, 2);
    carat_tool = realpath(argv[1], NULL); /* calls start in another directory */
    assert_non_null(carat_tool);
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        TEST(test_results),       TEST(test_lifetimes),       TEST(test_what_a_process_is_given),
        TEST(test_no_sandbox),    TEST(test_no_program),      TEST(test_flood_and_silence),
        TEST(test_cancel),        TEST(test_nothing_is_left), TEST(test_destroy),
        TEST(test_handshake),     TEST(test_carat_tool),      TEST(test_self_test),
        TEST(test_job),           TEST(test_make_job),        TEST(test_watcher_stopped),
        TEST(test_set_policy),    TEST(test_forget),          TEST(test_cancel_beside),
        TEST(test_time_of_turns), TEST(test_destroy_waits),

    };
    int failures = cmocka_run_group_tests_name("agent_toolproc", tests, NULL, NULL);
    free(carat_tool);
    return failures;
}
