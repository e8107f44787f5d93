/* hooks: a list of jobs; each works through the hooks that match its call.
 *
 * One process of a job runs at a time. It is over when it has exited: what it left in its process
 * group is killed, and its standard error is read no further than DRAIN_MS after.
 * A process has four handles; its memory goes when the last one is closed, whatever happened to the
 * job meanwhile.
 */
#include "agent/hooks.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include "agent/child_pipe.h"
#include "approval/toolset.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/utf8.h"
#include "base/vec.h"

/* From EXIT_NEVER_RAN on a shell says that it could not run the command, or that a signal ended it.
 */
enum {
    EXIT_DENIES = 2,
    EXIT_NEVER_RAN = 126,
    ERROR_LIMIT = 4096,
    DRAIN_MS = 100,
    /* When carat was stopped itself (Ctrl+Z), the exit may not have been told: it is looked for. */
    SECOND_LOOK_MS = 100,
    HANDLES = 4
};

struct job;

struct process {
    uv_process_t process;
    uv_pipe_t in, error;
    uv_timer_t timer;
    uv_write_t writing;
    struct job *job; /* NULL: nobody waits for it any more */
    const struct config_hook *hook;
    int handles; /* not closed yet */
    bool exited, looked_at, late, error_open;
    int64_t status;
    int signal;
    char *input;
    struct str complaint;
    char buffer[1024];
};

struct job {
    struct hooks *hooks;
    bool after;
    char *call_id, *tool, *input;
    size_t next; /* place in the table */
    struct process *process;
    char *denial;               /* decided before a process could be started */
    struct config_list notices; /* of those that could not be; told with the end */
};

struct hooks {
    struct uv_loop_s *loop;
    char *workspace;
    const struct config_hooks *table;
    struct hooks_callbacks callbacks;
    uv_timer_t soon; /* jobs that ended inside hooks_start are told of from the loop */
    struct {
        struct job **items;
        size_t count, capacity;
    } jobs;
};

/* --- which --- */

bool hooks_concern(const struct config_hook *hook, bool after, const char *tool)
{
    size_t length = strlen(hook->tool);
    bool open_end = length > 0 && hook->tool[length - 1] == '*';
    return hook->after == after &&
           (open_end ? strncmp(hook->tool, tool, length - 1) == 0 : strcmp(hook->tool, tool) == 0);
}

bool hooks_match(const struct hooks *hooks, bool after, const char *tool)
{
    for (size_t i = 0; hooks != NULL && i < hooks->table->count; i++) {
        if (hooks_concern(&hooks->table->items[i], after, tool)) {
            return true;
        }
    }
    return false;
}

/* "mcp__x__y" and "mcp__*", and "m*", which foreign tools' names begin with, too. */
static bool names_foreign(const char *name, size_t length, bool open_end)
{
    static const char begin[] = "mcp__";
    return open_end && length < strlen(begin)
               ? strncmp(name, begin, length) == 0
               : str_starts_with(name, begin) && (open_end || length > strlen(begin));
}

/* Whether some tool can have the name: a hook whose tool there is not would guard nothing. */
static bool names_a_tool(const char *name)
{
    size_t length = strcspn(name, "*"), i;
    bool open_end = name[length] == '*';
    json_t *declaration;
    if (open_end && name[length + 1] != '\0') {
        return false; /* a star is one at the end alone */
    }
    if (!open_end || names_foreign(name, length, open_end)) {
        return toolset_find(name) != NULL || names_foreign(name, length, open_end);
    }
    json_array_foreach(toolset_all(), i, declaration)
    {
        const json_t *function = json_object_get(declaration, "function");
        if (strncmp(json_string_value(json_object_get(function, "name")), name, length) == 0) {
            return true;
        }
    }
    return false;
}

bool hooks_check(const struct config_hooks *table, struct err *err)
{
    for (size_t i = 0; i < table->count; i++) {
        if (!names_a_tool(table->items[i].tool)) {
            return err_set(err, ERR_ARGUMENT,
                           "%s: the hook's tool \"%s\": there is no tool of that name (shell, "
                           "write_file, mcp__SERVER__TOOL, ...; \"*\" at the end alone)",
                           table->items[i].origin, table->items[i].tool);
        }
    }
    return true;
}

/* --- a process --- */

static void step(struct job *job);

static void on_closed(uv_handle_t *handle)
{
    struct process *process = handle->data;
    if (--process->handles == 0) {
        str_finish(&process->complaint);
        mem_free(process->input);
        mem_free(process);
    }
}

static void close_handle(uv_handle_t *handle)
{
    if (!uv_is_closing(handle)) {
        uv_close(handle, on_closed);
    }
}

/* All but the process's own handle, which waits for the exit, so that no zombie stays. */
static void close_rest(struct process *process)
{
    close_handle((uv_handle_t *)&process->in);
    close_handle((uv_handle_t *)&process->error);
    close_handle((uv_handle_t *)&process->timer);
}

static void kill_group(const struct process *process)
{
    if (!process->exited && process->process.pid > 1) {
        kill(-process->process.pid, SIGKILL);
    }
}

static void abandon(struct process *process)
{
    if (process != NULL) {
        process->job = NULL;
        kill_group(process);
        close_rest(process);
    }
}

static void remove_job(struct job *job)
{
    struct hooks *hooks = job->hooks;
    for (size_t i = 0; i < hooks->jobs.count; i++) {
        if (hooks->jobs.items[i] == job) {
            memmove(&hooks->jobs.items[i], &hooks->jobs.items[i + 1],
                    (hooks->jobs.count - i - 1) * sizeof hooks->jobs.items[0]);
            hooks->jobs.count--;
            break;
        }
    }
    mem_free(job->call_id);
    mem_free(job->tool);
    mem_free(job->input);
    mem_free(job->denial);
    config_list_finish(&job->notices);
    mem_free(job);
}

/* Off the list first: the callback may start the next one. */
static void finish(struct job *job, const char *denial)
{
    struct hooks_callbacks callbacks = job->hooks->callbacks;
    char *call_id = mem_strdup(job->call_id);
    char *reason = denial != NULL ? mem_strdup(denial) : NULL;
    struct config_list notices = job->notices;
    job->notices = (struct config_list){0};
    remove_job(job);
    for (size_t i = 0; i < notices.count; i++) {
        callbacks.notice(callbacks.context, notices.items[i]);
    }
    config_list_finish(&notices);
    callbacks.done(callbacks.context, call_id, reason);
    mem_free(reason);
    mem_free(call_id);
}

static void describe(struct str *out, const struct process *process)
{
    str_append_format(out, "the hook \"%s\" ", process->hook->command);
    if (process->late) {
        str_append_format(out, "was stopped after %d s", process->hook->seconds);
    } else if (process->signal != 0) {
        str_append_format(out, "was killed by signal %d", process->signal);
    } else {
        str_append_format(out, "ended with %d", (int)process->status);
    }
}

/* What the hook said, as text for the model: never empty. */
static void append_reason(struct str *out, const struct process *process)
{
    size_t end = process->complaint.length;
    while (end > 0 && strchr("\n\r\t ", process->complaint.data[end - 1]) != NULL) {
        end--;
    }
    if (end == 0) {
        describe(out, process);
    } else {
        utf8_append_repaired(out, process->complaint.data, end);
    }
}

/* It has exited and its words are read. */
static void judge(struct process *process)
{
    struct job *job = process->job;
    if (job == NULL) {
        return;
    }
    bool good = !process->late && process->signal == 0 && process->status == 0;
    bool denies = !process->late && process->signal == 0 && process->status == EXIT_DENIES;
    /* A guard that never came to judge has not said yes. */
    bool broken = process->late || process->signal != 0 || process->status >= EXIT_NEVER_RAN;
    struct str text;
    str_init(&text);
    job->process = NULL;
    process->job = NULL;
    close_rest(process);
    if (denies) {
        append_reason(&text, process);
    } else if (!good) {
        describe(&text, process);
        if (process->complaint.length > 0) {
            str_append(&text, ": ");
            append_reason(&text, process);
        }
        job->hooks->callbacks.notice(job->hooks->callbacks.context, text.data);
    }
    if (denies || (broken && !job->after)) {
        finish(job, text.data);
    } else {
        step(job);
    }
    str_finish(&text);
}

static void on_timer(uv_timer_t *timer)
{
    struct process *process = timer->data;
    if (process->exited) {
        judge(process);
    } else if (!process->looked_at) {
        process->looked_at = true;
        uv_timer_start(timer, on_timer, SECOND_LOOK_MS, 0);
    } else {
        process->late = true;
        kill_group(process);
    }
}

static void on_exit_of(uv_process_t *handle, int64_t status, int signal)
{
    struct process *process = handle->data;
    kill_group(process); /* what is left in it */
    process->exited = true;
    process->status = status;
    process->signal = signal;
    close_handle((uv_handle_t *)handle);
    if (process->job != NULL) {
        uv_timer_start(&process->timer, on_timer, process->error_open ? DRAIN_MS : 0, 0);
    }
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    (void)suggested;
    struct process *process = handle->data;
    *buffer = uv_buf_init(process->buffer, sizeof process->buffer);
}

/* What is beyond the limit is read and dropped, so that the hook does not hang on it. */
static void on_complaint(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer)
{
    struct process *process = stream->data;
    if (count > 0 && process->complaint.length + (size_t)count <= ERROR_LIMIT) {
        str_append_bytes(&process->complaint, buffer->base, (size_t)count);
    } else if (count < 0) {
        uv_read_stop(stream);
        process->error_open = false;
        if (process->exited && process->job != NULL) {
            uv_timer_start(&process->timer, on_timer, 0, 0);
        }
    }
}

/* A hook need not read what it is told. */
static void on_written(uv_write_t *request, int status)
{
    (void)status;
    struct process *process = request->data;
    close_handle((uv_handle_t *)&process->in);
}

/* The user's environment. A hook starts in the workspace, and Python would take modules of its
 * standard library from there first (`python3 -c "import json"`): the model's code with the user's
 * rights. Who sets the variable himself has decided. */
static char **make_environment(void)
{
    static char safe_path[] = "PYTHONSAFEPATH=1";
    size_t count = 0;
    while (environ[count] != NULL) {
        count++;
    }
    char **all = mem_zero(count + 2, sizeof *all);
    memcpy(all, environ, count * sizeof *all);
    all[count] = getenv("PYTHONSAFEPATH") == NULL ? safe_path : NULL;
    return all;
}

static int spawn(struct process *process, const struct hooks *hooks)
{
    char **environment = make_environment();
    char *const argv[] = {"/bin/sh", "-c", process->hook->command, NULL};
    uv_stdio_container_t stdio[3] = {[1] = {.flags = UV_IGNORE}};
    int input = child_pipe_open(&process->in, true, &stdio[0]);
    int error = child_pipe_open(&process->error, false, &stdio[2]);
    uv_process_options_t options = {.exit_cb = on_exit_of,
                                    .file = argv[0],
                                    .args = (char **)argv,
                                    .env = environment,
                                    .cwd = hooks->workspace,
                                    .flags = UV_PROCESS_DETACHED,
                                    .stdio = stdio,
                                    .stdio_count = 3};
    int status = uv_spawn(hooks->loop, &process->process, &options);
    child_pipe_close(&stdio[0]);
    child_pipe_close(&stdio[2]);
    mem_free(environment);
    return input != 0 ? input : error != 0 ? error : status;
}

static void note_unstarted(struct job *job, const struct config_hook *hook, int status)
{
    struct str text;
    str_init(&text);
    str_append_format(&text, "the hook \"%s\" could not be started: %s", hook->command,
                      uv_strerror(status));
    config_list_add(&job->notices, text.data);
    str_finish(&text);
}

/* NULL: it could not be, and that is noted. */
static struct process *start(struct job *job, const struct config_hook *hook)
{
    struct hooks *hooks = job->hooks;
    struct process *process = mem_zero(1, sizeof *process);
    process->job = job;
    process->hook = hook;
    process->handles = HANDLES;
    process->error_open = true;
    process->input = mem_strdup(job->input);
    str_init(&process->complaint);
    uv_pipe_init(hooks->loop, &process->in, 0);
    uv_pipe_init(hooks->loop, &process->error, 0);
    uv_timer_init(hooks->loop, &process->timer);
    process->process.data = process->in.data = process->error.data = process;
    process->timer.data = process->writing.data = process;
    int status = spawn(process, hooks);
    if (status != 0) {
        note_unstarted(job, hook, status);
        process->exited = true;
        process->job = NULL;
        close_handle((uv_handle_t *)&process->process);
        close_rest(process);
        return NULL;
    }
    uv_buf_t buffer = uv_buf_init(process->input, (unsigned)strlen(process->input));
    uv_read_start((uv_stream_t *)&process->error, on_room, on_complaint);
    uv_timer_start(&process->timer, on_timer, (uint64_t)hook->seconds * 1000, 0);
    if (uv_write(&process->writing, (uv_stream_t *)&process->in, &buffer, 1, on_written) != 0) {
        close_handle((uv_handle_t *)&process->in);
    }
    return process;
}

/* --- a job --- */

static void on_soon(uv_timer_t *timer)
{
    struct hooks *hooks = timer->data;
    for (size_t i = 0; i < hooks->jobs.count;) {
        struct job *job = hooks->jobs.items[i];
        if (job->process != NULL) {
            i++;
            continue;
        }
        finish(job, job->denial);
        i = 0; /* the callback may have changed the list */
    }
}

/* The next hook that matches; without one the job has ended well. */
static void step(struct job *job)
{
    const struct config_hooks *table = job->hooks->table;
    while (job->next < table->count) {
        const struct config_hook *hook = &table->items[job->next++];
        if (!hooks_concern(hook, job->after, job->tool)) {
            continue;
        }
        job->process = start(job, hook);
        if (job->process == NULL && !job->after) {
            job->denial = mem_strdup(job->notices.items[job->notices.count - 1]);
            break;
        }
        if (job->process != NULL) {
            return;
        }
    }
    uv_timer_start(&job->hooks->soon, on_soon, 0, 0);
}

void hooks_start(struct hooks *hooks, bool after, const char *call_id, const char *tool,
                 const json_t *event)
{
    struct job *job = mem_zero(1, sizeof *job);
    json_t *whole = json_pack("{s:s}", "event", after ? "after_tool" : "before_tool");
    json_object_update(whole, (json_t *)event);
    char *dump = json_dumps(whole, JSON_COMPACT);
    job->hooks = hooks;
    job->after = after;
    job->call_id = mem_strdup(call_id);
    job->tool = mem_strdup(tool);
    job->input = mem_strdup(dump != NULL ? dump : "{}");
    free(dump);
    json_decref(whole);
    vec_room(&hooks->jobs.items, &hooks->jobs.capacity, hooks->jobs.count + 1,
             sizeof hooks->jobs.items[0]);
    hooks->jobs.items[hooks->jobs.count++] = job;
    step(job);
}

void hooks_cancel(struct hooks *hooks, const char *call_id)
{
    for (size_t i = 0; i < hooks->jobs.count; i++) {
        struct job *job = hooks->jobs.items[i];
        if (strcmp(job->call_id, call_id) == 0) {
            abandon(job->process);
            remove_job(job);
            return;
        }
    }
}

/* --- birth and death --- */

struct hooks *hooks_create(const struct hooks_options *options,
                           const struct hooks_callbacks *callbacks)
{
    struct hooks *hooks = mem_zero(1, sizeof *hooks);
    hooks->loop = options->loop;
    hooks->workspace = mem_strdup(options->workspace);
    hooks->table = options->table;
    hooks->callbacks = *callbacks;
    uv_timer_init(hooks->loop, &hooks->soon);
    hooks->soon.data = hooks;
    return hooks;
}

static void on_soon_closed(uv_handle_t *handle)
{
    mem_free(handle->data);
}

void hooks_destroy(struct hooks *hooks)
{
    if (hooks == NULL) {
        return;
    }
    while (hooks->jobs.count > 0) {
        struct job *job = hooks->jobs.items[0];
        abandon(job->process);
        remove_job(job);
    }
    mem_free(hooks->jobs.items);
    mem_free(hooks->workspace);
    uv_close((uv_handle_t *)&hooks->soon, on_soon_closed);
}
