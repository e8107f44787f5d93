/* shell: one command, from its start to the death of everything that it started.
 *
 * The command runs in a session of its own, with nothing on its input and both outputs in one
 * pipe. It is done when its process exits (a pidfd says so), not when the pipe closes: a child left
 * in the background may hold the pipe for ever. What is left then is killed: the process group, and
 * inside the sandbox, where the PID namespace holds nothing else, every process but ours. The
 * result says how many there were.
 *
 * A command that takes too long, writes too much or is cancelled gets TERM, two seconds to tidy up
 * (a client that waits may give it less), and KILL. Killing comes before reaping, because until
 * then the number of the process group cannot belong to anybody else.
 *
 * A job (policy.h) is a command that was written to go on in the background: it is run with a
 * `wait` behind it, and so it is done when all that it put into the background is.
 *
 * A command may become a job while it runs, when the client says that nobody waits for it: it has
 * the policy's limit of time for that then, unless the call itself asked for one.
 *
 * Left out: a terminal for the command (no program may ask questions here).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <jansson.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

#include "head_tail.h"
#include "policy.h"
#include "signal_scope.h"
#include "tool.h"

enum {
    READ_SIZE = 64 * 1024,
    TICK_MS = 50, /* between two looks while nothing happens: live output is sent on then */
    GRACE_US = 2000000,
    DRAIN_US = 200000,
    EXIT_TIMEOUT = 124, /* as timeout(1) has it */
    STAT_LIMIT = 4096,  /* of a process' line in /proc */
    BYTES_A_TOKEN = 4,
};

enum stop { STOP_NONE, STOP_TIMEOUT, STOP_CANCELLED, STOP_OUTPUT };

struct command {
    struct tool_context *context;
    pid_t pid;  /* also the number of its session and process group */
    int pidfd;  /* readable once it has exited */
    int output; /* the pipe; -1 after its end */
    char *buffer;
    struct head_tail kept;
    int seconds;
    bool asked_seconds; /* by the call, which means them whoever waits */
    int64_t deadline;   /* of the run, then of the grace after TERM */
    enum stop stop;
    unsigned long memory_kills; /* before it began */
    bool exited, killed;
    size_t left; /* processes, when it had ended by itself */
};

static int64_t later(int64_t microseconds)
{
    return clock_monotonic_us() + microseconds;
}

/* ---- start ---- */

/* The pipe becomes both outputs; every other descriptor of ours is closed. */
static int spawn_actions(posix_spawn_file_actions_t *actions, int output, const char *directory)
{
    int problem = posix_spawn_file_actions_adddup2(actions, output, STDOUT_FILENO);
    problem = problem ? problem : posix_spawn_file_actions_adddup2(actions, output, STDERR_FILENO);
    problem =
        problem ? problem
                : posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    problem = problem ? problem : posix_spawn_file_actions_addclosefrom_np(actions, 3);
    return problem ? problem : posix_spawn_file_actions_addchdir_np(actions, directory);
}

/* Our own disposition of signals (SIGPIPE is ignored by the server) is not the command's. */
static int spawn_attributes(posix_spawnattr_t *attributes)
{
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    int problem = posix_spawnattr_setsigdefault(attributes, &all);
    problem = problem ? problem : posix_spawnattr_setsigmask(attributes, &none);
    return problem ? problem
                   : posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGDEF |
                                                              POSIX_SPAWN_SETSIGMASK |
                                                              POSIX_SPAWN_SETSID);
}

/* What a shell would do next, had the user typed the command and waited. The exit status is that of
 * what was put into the background last. Quoted, for the command may have set IFS. */
static const char wait_for_job[] = "\nwait \"$!\"\nset -- \"$?\"\nwait\nexit \"$1\"";

struct spawning {
    const char *text, *directory;
    int output;
    pid_t *pid;
    bool scoped;
    int problem; /* 0 or what errno would say */
};

/* Returns 0 or what errno would say. */
static int spawn_here(const char *text, const char *directory, int output, pid_t *pid)
{
    char *const arguments[] = {"sh", "-c", "--", (char *)text, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    int problem = spawn_actions(&actions, output, directory);
    problem = problem ? problem : spawn_attributes(&attributes);
    problem =
        problem ? problem : posix_spawn(pid, "/bin/sh", &actions, &attributes, arguments, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return problem;
}

static void *spawn_scoped(void *context)
{
    struct spawning *spawning = context;
    spawning->problem =
        spawning->scoped && !signal_scope_enter()
            ? errno
            : spawn_here(spawning->text, spawning->directory, spawning->output, spawning->pid);
    return NULL;
}

/* By a thread that is gone at once: the scope is the thread's and its children's, and we must stay
 * outside to be out of their reach. Returns 0 or what errno would say. */
static int spawn(const struct policy *policy, const char *text, int output, pid_t *pid)
{
    struct spawning spawning = {.text = text,
                                .directory = policy->workspace,
                                .output = output,
                                .pid = pid,
                                .scoped = !policy->no_sandbox};
    pthread_t thread;
    int problem = pthread_create(&thread, NULL, spawn_scoped, &spawning);
    if (problem != 0) {
        return problem;
    }
    pthread_join(thread, NULL);
    return spawning.problem;
}

static bool start(struct command *command, const char *text, struct tool_result *result)
{
    const char *directory = command->context->policy->workspace;
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        tool_fail(result, "cannot make a pipe: %s", strerror(errno));
        return false;
    }
    struct str script;
    str_init(&script);
    str_append(&script, text);
    str_append(&script, command->context->policy->job ? wait_for_job : "");
    int problem = spawn(command->context->policy, script.data, ends[1], &command->pid);
    str_finish(&script);
    close(ends[1]);
    if (problem != 0) {
        close(ends[0]);
        tool_fail(result, "cannot run /bin/sh in %s: %s", directory, strerror(problem));
        return false;
    }
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    command->output = ends[0];
    command->pidfd = (int)syscall(SYS_pidfd_open, command->pid, 0);
    if (command->pidfd < 0) {
        tool_fail(result, "cannot watch the command: pidfd_open: %s", strerror(errno));
        return false;
    }
    return true;
}

/* ---- stop ---- */

/* Everything that the command started. ESRCH (nothing is left) is the aim. */
static void kill_all(struct command *command)
{
    kill(-command->pid, SIGKILL);
    if (!command->context->policy->no_sandbox) {
        kill(-1, SIGKILL);
    }
    command->killed = true;
}

static void begin_stop(struct command *command, enum stop stop)
{
    int grace_ms = stop == STOP_CANCELLED ? command->context->grace_ms : 0;
    command->stop = stop;
    command->deadline = later(grace_ms > 0 ? (int64_t)grace_ms * 1000 : GRACE_US);
    kill(-command->pid, SIGTERM);
}

/* Nobody waits for the command any more: it has longer than a call that is waited for. */
static void extend(struct command *command)
{
    const struct tool_context *context = command->context;
    int seconds = context->policy->background_seconds;
    if (command->stop == STOP_NONE && !command->asked_seconds && command->seconds < seconds &&
        context->background(context->host)) {
        command->deadline += (int64_t)(seconds - command->seconds) * 1000000;
        command->seconds = seconds;
    }
}

/* Whether it is time to stop, or to stop asking. */
static void check_limits(struct command *command)
{
    const struct tool_context *context = command->context;
    bool cancelled = context->cancelled(context->host);
    extend(command);
    bool late = clock_monotonic_us() >= command->deadline;
    if (command->stop != STOP_NONE) {
        if (late) {
            kill_all(command);
            command->deadline = later(TICK_MS * 1000);
        }
    } else if (late) {
        begin_stop(command, STOP_TIMEOUT);
    } else if (command->kept.total > (uint64_t)context->policy->output_bytes) {
        begin_stop(command, STOP_OUTPUT);
    } else if (cancelled) {
        begin_stop(command, STOP_CANCELLED);
    }
}

/* Whether the number in /proc is that of a process which the command left and which works. */
static bool is_left(const struct command *command, const char *number)
{
    bool sandboxed = !command->context->policy->no_sandbox;
    long pid = strtol(number, NULL, 10);
    char path[64], state;
    int group;
    struct str text;
    struct err err;
    if (pid <= 1 || pid == getpid()) {
        return false;
    }
    snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    str_init(&text);
    const char *name_end =
        file_read(path, STAT_LIMIT, &text, &err) ? strrchr(text.data, ')') : NULL;
    bool left = name_end != NULL && sscanf(name_end, ") %c %*d %d", &state, &group) == 2 &&
                strchr("ZX", state) == NULL && (sandboxed || group == command->pid);
    str_finish(&text);
    return left;
}

static size_t count_left(const struct command *command)
{
    size_t count = 0;
    DIR *processes = opendir("/proc");
    for (const struct dirent *entry; processes != NULL && (entry = readdir(processes)) != NULL;) {
        count += is_left(command, entry->d_name);
    }
    if (processes != NULL) {
        closedir(processes);
    }
    return count;
}

/* What the command left in the background, and will be killed. What ends by itself because the
 * command did, when its input has ended say, has a moment for it. */
static void look_for_left(struct command *command)
{
    int64_t until = later(TICK_MS * 1000);
    while ((command->left = count_left(command)) > 0 && clock_monotonic_us() < until) {
        poll(NULL, 0, 5);
    }
}

/* Kills what is left, waits for the process itself, and gives its exit status as a shell does. */
static int reap(struct command *command)
{
    siginfo_t status;
    memset(&status, 0, sizeof status);
    if (command->exited && command->stop == STOP_NONE) {
        look_for_left(command);
    }
    kill_all(command);
    while (waitid(P_PID, (id_t)command->pid, &status, WEXITED) != 0 && errno == EINTR) {
    }
    if (!command->context->policy->no_sandbox) {
        /* Orphans are ours when we are the first process of the namespace. */
        while (waitpid(-1, NULL, WNOHANG) > 0) {
        }
    }
    return status.si_code == CLD_EXITED ? status.si_status : 128 + status.si_status;
}

/* ---- run ---- */

static void read_output(struct command *command)
{
    ssize_t got = read(command->output, command->buffer, READ_SIZE);
    if (got > 0) {
        head_tail_append(&command->kept, command->buffer, (size_t)got);
        command->context->progress(command->context->host, command->buffer, (size_t)got);
    } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
        close(command->output);
        command->output = -1;
    }
}

/* Waits for output, exit or a word from the client, at most until the deadline. */
static void wait_and_read(struct command *command)
{
    int64_t left_ms = (command->deadline - clock_monotonic_us()) / 1000 + 1;
    struct pollfd events[] = {
        {.fd = command->output, .events = POLLIN},
        {.fd = command->exited ? -1 : command->pidfd, .events = POLLIN},
        {.fd = command->stop == STOP_NONE ? command->context->cancel_fd : -1, .events = POLLIN},
    };
    int timeout = left_ms < 0 ? 0 : (left_ms < TICK_MS ? (int)left_ms : TICK_MS);
    if (poll(events, sizeof events / sizeof *events, timeout) <= 0) {
        return;
    }
    if (events[0].revents != 0) {
        read_output(command);
    }
    if (events[1].revents != 0) {
        command->exited = true;
    }
}

/* Until the process has exited. One that is being stopped also has until the end of its grace for
 * its children to leave in good order, which shows in the pipe's end. */
static void run(struct command *command)
{
    command->deadline = later((int64_t)command->seconds * 1000000);
    for (;;) {
        bool children_may_tidy =
            command->stop != STOP_NONE && !command->killed && command->output >= 0;
        if (command->exited && !children_may_tidy) {
            return;
        }
        check_limits(command);
        wait_and_read(command);
    }
}

/* What is still in the pipe. Everything that could write to it is dead by now, unless it left the
 * process group outside the sandbox: hence the bound. */
static void drain(struct command *command)
{
    command->deadline = later(DRAIN_US);
    while (command->output >= 0 && clock_monotonic_us() < command->deadline) {
        wait_and_read(command);
    }
}

/* ---- result ---- */

static unsigned long memory_kills(const struct command *command)
{
    unsigned long (*count)(void) = command->context->memory_kills;
    return count != NULL ? count() : 0;
}

/* Of a command that ended by itself. */
static void append_end(const struct command *command, bool out_of_memory, struct str *output)
{
    if (out_of_memory) {
        str_append_format(output, "(a process was killed: out of memory, limit %lld MiB)",
                          (long long)command->context->policy->memory_bytes / (1024 * 1024));
    }
    if (command->left > 0) {
        str_append_format(
            output, "%s(%zu %s left in the background %s ended%s)", out_of_memory ? "\n" : "",
            command->left, command->left == 1 ? "process" : "processes",
            command->left == 1 ? "was" : "were",
            command->context->policy->job ? "" : "; end the command in & to keep it running");
    }
}

static void append_note(const struct command *command, struct str *output)
{
    bool out_of_memory = memory_kills(command) != command->memory_kills;
    if (command->stop == STOP_NONE && !out_of_memory && command->left == 0) {
        return;
    }
    if (output->length > 0 && output->data[output->length - 1] != '\n') {
        str_append_char(output, '\n');
    }
    if (command->stop == STOP_NONE) {
        append_end(command, out_of_memory, output);
    } else if (command->stop == STOP_TIMEOUT) {
        str_append_format(output, "(stopped after %d s)", command->seconds);
    } else if (command->stop == STOP_OUTPUT) {
        str_append_format(output, "(stopped: more than %lld bytes of output)",
                          (long long)command->context->policy->output_bytes);
    } else {
        str_append(output, "(stopped: cancelled)");
    }
}

static void make_result(const struct command *command, int status, struct tool_result *result)
{
    struct str output;
    str_init(&output);
    size_t budget = (size_t)command->context->policy->result_tokens * BYTES_A_TOKEN;
    head_tail_render(&command->kept, budget, &output);
    append_note(command, &output);
    result->response =
        json_pack("{s:i, s:s%}", "exit_code", command->stop == STOP_TIMEOUT ? EXIT_TIMEOUT : status,
                  "output", output.data, output.length);
    result->failed = false;
    str_clear(&output);
    head_tail_render(&command->kept, SIZE_MAX / 2, &output);
    if (command->context->policy->keep_whole && output.length > budget) {
        json_object_set_new(result->response, "whole", json_stringn(output.data, output.length));
    }
    str_finish(&output);
}

static void run_command(struct command *command, const char *text, struct tool_result *result)
{
    command->memory_kills = memory_kills(command);
    bool watched = start(command, text, result);
    if (watched) {
        run(command);
    }
    if (command->pid > 0) {
        int status = reap(command);
        drain(command);
        if (watched) {
            make_result(command, status, result);
        }
    }
    if (command->output >= 0) {
        close(command->output);
    }
    if (command->pidfd >= 0) {
        close(command->pidfd);
    }
}

/* The whole policy rests on the sandbox, and kill(-1) on its PID namespace: a mistake in how this
 * was started must not become a command that runs free, or the end of the user's session. Inside,
 * our parent is the namespace's first process, or we are it ourselves. */
static bool inside_sandbox(void)
{
    return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 && (getpid() == 1 || getppid() == 1);
}

/* How long it may take; false, with the result, for a number that makes no sense. */
static bool read_seconds(const struct policy *policy, const json_t *arguments,
                         struct command *command, struct tool_result *result)
{
    const json_t *asked = json_object_get(arguments, "timeout_s");
    if (asked == NULL) {
        command->seconds = policy->job || policy->seconds < policy->call_seconds
                               ? policy->seconds
                               : policy->call_seconds;
        return true;
    }
    json_int_t number = json_integer_value(asked);
    if (number < 1 || number > policy->seconds) {
        tool_fail(result,
                  "shell: timeout_s is %lld; expected 1 to %d; for example {\"command\": \"make\", "
                  "\"timeout_s\": %d}",
                  (long long)number, policy->seconds, policy->seconds);
        return false;
    }
    command->seconds = (int)number;
    command->asked_seconds = true;
    return true;
}

static void shell_call(struct tool_context *context, const json_t *arguments,
                       struct tool_result *result)
{
    struct command command = {.context = context, .pid = -1, .pidfd = -1, .output = -1};
    if (!read_seconds(context->policy, arguments, &command, result)) {
        return;
    }
    if (!context->policy->no_sandbox && !inside_sandbox()) {
        tool_fail(result, "shell: the sandbox was not entered; nothing was run");
        return;
    }
    command.buffer = mem_try_alloc(READ_SIZE, 1);
    if (command.buffer != NULL && head_tail_init(&command.kept)) {
        run_command(&command, json_string_value(json_object_get(arguments, "command")), result);
    } else {
        tool_fail(result, "shell: no memory for the output; nothing was run");
    }
    head_tail_finish(&command.kept);
    mem_free(command.buffer);
}

const struct tool shell_tools[] = {{"shell", shell_call}, {NULL, NULL}};
