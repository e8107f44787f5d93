/* toolproc_self_test: carat-tool tries its own layers and says which hold.
 *
 * On a loop of its own, because whoever asks waits for it. The process gets what every tool gets, a
 * short environment and the policy as descriptor 3.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <uv.h>

#include "agent/tool_process.h"
#include "agent/toolproc.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

enum {
    EXIT_NO_SANDBOX = 56,
    SELF_TEST_MS = 20000, /* it takes 20; a busy machine may let it wait */
    SELF_TEST_BYTES = 64 * 1024
};

struct self_test {
    uv_loop_t loop;
    uv_process_t process;
    uv_pipe_t out, error;
    uv_timer_t timer;
    struct str report, complaint;
    bool exited, late;
    int64_t status;
    char buffer[4096];
};

static void on_test_exit(uv_process_t *process, int64_t status, int signal)
{
    struct self_test *test = process->data;
    test->exited = true;
    test->status = signal != 0 ? -signal : status;
    uv_timer_stop(&test->timer);
    uv_close((uv_handle_t *)process, NULL);
}

static void on_test_late(uv_timer_t *timer)
{
    struct self_test *test = timer->data;
    test->late = true;
    kill(-test->process.pid, SIGKILL);
    uv_read_stop((uv_stream_t *)&test->out);
    uv_read_stop((uv_stream_t *)&test->error);
}

static void on_test_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    (void)suggested;
    struct self_test *test = handle->data;
    *buffer = uv_buf_init(test->buffer, sizeof test->buffer);
}

static void on_test_output(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer)
{
    struct self_test *test = stream->data;
    struct str *out = stream == (uv_stream_t *)&test->out ? &test->report : &test->complaint;
    if (count < 0) {
        uv_read_stop(stream);
    } else if (out->length + (size_t)count <= SELF_TEST_BYTES) {
        str_append_bytes(out, buffer->base, (size_t)count);
    }
}

static int spawn_self_test(struct self_test *test, const struct toolproc_options *options,
                           int policy)
{
    struct tool_process_environment environment;
    tool_process_environment_init(&environment);
    char *argv[] = {(char *)options->program,
                    "shell",
                    "--workspace",
                    (char *)options->workspace,
                    "--policy-fd",
                    "3",
                    "--self-test",
                    NULL};
    uv_stdio_container_t stdio[4] = {
        {.flags = UV_IGNORE},
        {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&test->out},
        {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&test->error},
        {.flags = UV_INHERIT_FD, .data.fd = policy},
    };
    uv_process_options_t process = {.exit_cb = on_test_exit,
                                    .file = options->program,
                                    .args = argv,
                                    .env = environment.items,
                                    .cwd = options->workspace,
                                    .flags = UV_PROCESS_DETACHED,
                                    .stdio = stdio,
                                    .stdio_count = 4};
    int status = uv_spawn(&test->loop, &test->process, &process);
    tool_process_environment_finish(&environment);
    return status;
}

static void close_all(uv_handle_t *handle, void *context)
{
    (void)context;
    if (!uv_is_closing(handle)) {
        uv_close(handle, NULL);
    }
}

/* Runs the process to its end or to the time limit. Returns uv's status of the start. */
static int run_self_test(struct self_test *test, const struct toolproc_options *options, int policy)
{
    uv_loop_init(&test->loop);
    uv_pipe_init(&test->loop, &test->out, 0);
    uv_pipe_init(&test->loop, &test->error, 0);
    uv_timer_init(&test->loop, &test->timer);
    test->process.data = test->out.data = test->error.data = test->timer.data = test;
    int status = spawn_self_test(test, options, policy);
    if (status == 0) {
        uv_read_start((uv_stream_t *)&test->out, on_test_room, on_test_output);
        uv_read_start((uv_stream_t *)&test->error, on_test_room, on_test_output);
        uv_timer_start(&test->timer, on_test_late, SELF_TEST_MS, 0);
        uv_run(&test->loop, UV_RUN_DEFAULT);
    }
    uv_walk(&test->loop, close_all, NULL);
    uv_run(&test->loop, UV_RUN_DEFAULT);
    uv_loop_close(&test->loop);
    return status;
}

/* Without a sandbox there is no layer to hold: the report says that, and that is no failure. */
static bool wants_no_sandbox(const json_t *policy)
{
    const char *sandbox = json_string_value(json_object_get(policy, "sandbox"));
    return sandbox != NULL && strcmp(sandbox, "danger-full-access") == 0;
}

static bool judge_self_test(const struct self_test *test, const json_t *policy, json_t **report,
                            struct err *err)
{
    json_error_t error;
    struct str said;
    str_init(&said);
    tool_process_append_last_line(&said, test->complaint.length > 0 ? test->complaint.data
                                                                    : test->report.data);
    bool passed = false;
    if (test->late) {
        err_set(err, ERR_UNAVAILABLE, "the sandbox's self-test did not end within %d ms",
                SELF_TEST_MS);
    } else if (test->status != 0 &&
               !(test->status == EXIT_NO_SANDBOX && wants_no_sandbox(policy))) {
        err_set(err, ERR_UNAVAILABLE, "the sandbox's self-test failed (exit status %d): %s",
                (int)test->status, said.data);
    } else {
        json_t *parsed = json_loadb(test->report.data, test->report.length, 0, &error);
        passed =
            json_is_object(parsed) ||
            err_set(err, ERR_UNAVAILABLE, "the sandbox's self-test gave no report: %s", said.data);
        if (passed) {
            *report = parsed;
        } else {
            json_decref(parsed);
        }
    }
    str_finish(&said);
    return passed;
}

bool toolproc_self_test(const struct toolproc_options *options, json_t **report, struct err *err)
{
    char *text = options->policy != NULL ? json_dumps(options->policy, JSON_COMPACT) : NULL;
    int policy = tool_process_policy(text != NULL              ? text
                                     : options->policy != NULL ? ""
                                                               : "{}",
                                     err);
    free(text);
    if (policy < 0) {
        return false;
    }
    struct self_test *test = mem_zero(1, sizeof *test);
    str_init(&test->report);
    str_init(&test->complaint);
    int status = run_self_test(test, options, policy);
    close(policy);
    bool passed = status == 0 ? judge_self_test(test, options->policy, report, err)
                              : err_set(err, ERR_UNAVAILABLE, "starting %s: %s", options->program,
                                        uv_strerror(status));
    str_finish(&test->report);
    str_finish(&test->complaint);
    mem_free(test);
    return passed;
}
