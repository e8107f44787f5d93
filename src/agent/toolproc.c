/* toolproc: which process serves which call.
 *
 *   - shell, http: a process for each call. It is killed with its group as soon as the answer is
 *     there, so nothing that it started lives on.
 *   - a job of the shell: the same, for as long as the command runs; the process of a call that
 *     becomes a job goes on as it is.
 *   - files: one process, kept, because it remembers what was read. When it dies the next call
 *     starts a new one, which has seen nothing.
 *
 * The policy goes to the process as descriptor 3, a memory file: the workspace cannot hold it, and
 * no path to it exists. The environment is made here from a short list; nothing of the user's own
 * reaches a tool.
 *
 * A call that cannot even be started has its result too, but never inside toolproc_start: such
 * calls are due at once.
 *
 * A call's time begins when its tool says that it has begun: a sandbox may need longer to stand
 * than the command has. For that it has a minute, and what has not begun by then was not run.
 *
 * A command that is stopped is ended by its tool: TERM, some time to tidy up, KILL, and an answer
 * with what it wrote. Somebody waits for the end of a call, so that it has little time; a job has
 * more. A second word, or a tool that does not answer, and all of it is killed from here. A command
 * that did not begin is killed at once.
 *
 * A command's limit of time is kept by its tool, inside the sandbox. Before Linux 6.12 a command
 * can stop whoever watches over it there (`kill -STOP -1`), so what is not answered some seconds
 * after its limit is killed from here, where no command reaches. The file tools look at the clock
 * themselves, but for the time that one look at a line may take: they have the same limit here.
 * Their process does one call after the other, so a call's limit begins when those before it are
 * over.
 */
#include "agent/toolproc.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <uv.h>

#include "agent/tool_process.h"
#include "approval/toolset.h"
#include "attachment/attachment.h"
#include "attachment/decoding.h"
#include "attachment/result_picture.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/utf8.h"
#include "base/vec.h"
#include "mcp/mcp_client.h"

enum {
    EXIT_NO_SANDBOX = 56,
    EXIT_TIMEOUT = 124, /* as timeout(1) has it, and the shell's tool */
    BEGIN_SECONDS = 60,
    /* Between TERM and KILL: of a call, which is over within 150 ms of a Ctrl+C; of a job; of
     * either when carat ends. */
    CALL_GRACE_MS = 100,
    JOB_GRACE_MS = 2000,
    LAST_GRACE_US = 500 * 1000,
    OVERDUE_MS = 5000, /* behind its limit: the tool itself takes less than 3 s of them */
    /* When carat was stopped itself (Ctrl+Z), the answer may lie in the pipe: it is read first. */
    SECOND_LOOK_MS = 1000,
    GONE_US = 2000 * 1000, /* for what is killed at the end */
    SEEN_BYTES = 2048,     /* the end of what a command wrote, should its tool not be able to say */
};

static const uint64_t never = UINT64_MAX;

/* A process of a family. */
struct server {
    struct toolproc *toolproc;
    struct mcp_client *client;
    const char *family; /* of the toolset */
    bool kept;
};

struct running {
    char *call_id;
    struct server *server; /* NULL = could not be started, or `decoding`: */
    struct err error;      /* why */
    uint64_t call;
    bool cancelled;
    bool job;
    bool begun;         /* its tool has said so */
    int seconds;        /* its limit; 0 = none that is looked after here */
    bool asked_seconds; /* by the call, which means them whoever waits */
    bool looked_at;     /* once, when it was due */
    bool overdue;       /* and so its process was ended */
    uint64_t due;       /* of the loop's clock, when it is to be over; never = it has its turn
                           later, or nothing looks after it */
    struct str seen;    /* the end of its output */
    /* It has ended, and its picture is being decoded; else NULL. */
    struct decoding *decoding;
    json_t *response;
};

struct toolproc {
    struct uv_loop_s *loop;
    char *program, *workspace;
    char *policy, *job_policy; /* of a call; of a command that may go on */
    int most_seconds;          /* by that policy */
    int begin_seconds;
    struct toolproc_callbacks callbacks;
    uv_timer_t due; /* the next moment at which a call is */
    struct {
        struct server **items;
        size_t count, capacity;
    } servers;
    struct {
        struct running *items;
        size_t count, capacity;
    } calls;
};

/* --- results --- */

static json_t *output_object(const char *text, size_t length)
{
    struct str repaired;
    str_init(&repaired);
    utf8_append_repaired(&repaired, text, length);
    json_t *object = json_pack("{s:s%}", "output", repaired.data, repaired.length);
    str_finish(&repaired);
    return object;
}

/* MCP's result as the object for the model: structured content, else the text blocks. */
static json_t *response_of(const json_t *result)
{
    json_t *structured = json_object_get(result, "structuredContent");
    if (json_is_object(structured)) {
        return json_incref(structured);
    }
    struct str text;
    str_init(&text);
    size_t i;
    json_t *block;
    json_array_foreach(json_object_get(result, "content"), i, block)
    {
        const json_t *piece = json_object_get(block, "text");
        if (json_is_string(piece)) {
            str_append_bytes(&text, json_string_value(piece), json_string_length(piece));
        }
    }
    json_t *object = output_object(text.data, text.length);
    str_finish(&text);
    return object;
}

static size_t find_running(const struct toolproc *toolproc, const struct server *server,
                           uint64_t call)
{
    size_t place = 0;
    while (place < toolproc->calls.count && (toolproc->calls.items[place].server != server ||
                                             toolproc->calls.items[place].call != call)) {
        place++;
    }
    return place;
}

/* Takes the call off the list, then tells: the callback may start the next one. */
static void finish_call(struct toolproc *toolproc, size_t place,
                        const struct toolproc_result *result)
{
    struct running ended = toolproc->calls.items[place];
    toolproc->calls.count--;
    memmove(&toolproc->calls.items[place], &toolproc->calls.items[place + 1],
            (toolproc->calls.count - place) * sizeof toolproc->calls.items[0]);
    toolproc->callbacks.finished(toolproc->callbacks.context, ended.call_id, result);
    str_finish(&ended.seen);
    mem_free(ended.call_id);
}

/* --- turns --- */

static void on_due(uv_timer_t *timer);

static void set_timer(struct toolproc *toolproc)
{
    uint64_t next = never, now = uv_now(toolproc->loop);
    for (size_t i = 0; i < toolproc->calls.count; i++) {
        next = toolproc->calls.items[i].due < next ? toolproc->calls.items[i].due : next;
    }
    if (next == never) {
        uv_timer_stop(&toolproc->due);
    } else {
        uv_timer_start(&toolproc->due, on_due, next > now ? next - now : 0, 0);
    }
}

static bool works(const struct toolproc *toolproc, const struct server *server)
{
    for (size_t i = 0; i < toolproc->calls.count; i++) {
        if (toolproc->calls.items[i].server == server) {
            return true;
        }
    }
    return false;
}

/* Its process gets to it. */
static void await_begin(const struct toolproc *toolproc, struct running *running)
{
    running->due = uv_now(toolproc->loop) + (uint64_t)toolproc->begin_seconds * 1000;
}

static void begin_time(struct toolproc *toolproc, struct running *running)
{
    running->begun = true;
    running->looked_at = false;
    if (running->seconds > 0 && !running->overdue) {
        running->due = uv_now(toolproc->loop) + (uint64_t)running->seconds * 1000 + OVERDUE_MS;
        set_timer(toolproc);
    }
}

/* The call at `place` is over for its process, which goes on to the next one. */
static void pass_turn(struct toolproc *toolproc, size_t place)
{
    const struct server *server = toolproc->calls.items[place].server;
    toolproc->calls.items[place].server = NULL;
    for (size_t i = 0; i < toolproc->calls.count; i++) {
        struct running *next = &toolproc->calls.items[i];
        if (next->server == server) {
            if (next->seconds > 0 && next->due == never && !next->overdue) {
                await_begin(toolproc, next);
                set_timer(toolproc);
            }
            return;
        }
    }
}

/* --- pictures --- */

static void on_decoded(void *context, struct decoding *decoding, struct chat_medium *medium,
                       const struct err *err)
{
    struct toolproc *toolproc = context;
    size_t place = 0;
    while (place < toolproc->calls.count && toolproc->calls.items[place].decoding != decoding) {
        place++;
    }
    json_t *response = toolproc->calls.items[place].response;
    if (medium == NULL) {
        struct str text;
        str_init(&text);
        str_append_format(&text, "error: the picture cannot be decoded: %s", err->text);
        json_decref(response);
        response = output_object(text.data, text.length);
        str_finish(&text);
    }
    finish_call(toolproc, place,
                &(struct toolproc_result){
                    .response = response, .failed = medium == NULL, .picture = medium});
    json_decref(response);
}

/* True when the call goes on until its picture is decoded. */
static bool decode_picture(struct toolproc *toolproc, size_t place, const json_t *result,
                           json_t *response)
{
    size_t size;
    const json_t *block = result_picture_find(result);
    if (block == NULL) {
        return false;
    }
    char *bytes = result_picture_bytes(block, &size);
    const struct attachment_tool tool = {toolproc->program, toolproc->workspace};
    struct running *running = &toolproc->calls.items[place];
    running->response = json_incref(response);
    running->due = never;
    const struct decoding_source source = {
        .origin = DECODING_BYTES, .picture = true, .bytes = bytes, .size = size};
    running->decoding = decoding_start(toolproc->loop, &tool, &source, on_decoded, toolproc);
    mem_free(bytes);
    return true;
}

/* --- servers --- */

static void drop_server(struct server *server)
{
    struct toolproc *toolproc = server->toolproc;
    for (size_t i = 0; i < toolproc->servers.count; i++) {
        if (toolproc->servers.items[i] == server) {
            toolproc->servers.items[i] = toolproc->servers.items[--toolproc->servers.count];
        }
    }
    mcp_client_close(server->client);
    mem_free(server);
}

static void keep_seen(struct running *running, const char *bytes, size_t length)
{
    str_append_bytes(&running->seen, bytes, length);
    if (running->seen.length > SEEN_BYTES) {
        str_remove(&running->seen, 0, running->seen.length - SEEN_BYTES);
    }
}

static void on_progress(void *context, uint64_t call, const char *bytes, size_t length)
{
    struct server *server = context;
    struct toolproc *toolproc = server->toolproc;
    size_t place = find_running(toolproc, server, call);
    if (place < toolproc->calls.count) {
        struct running *running = &toolproc->calls.items[place];
        if (!running->begun) {
            begin_time(toolproc, running);
        }
        if (running->due != never) {
            keep_seen(running, bytes, length);
        }
        if (length > 0) {
            toolproc->callbacks.output(toolproc->callbacks.context, running->call_id, bytes,
                                       length);
        }
    }
}

static void append_seen(struct str *text, const struct running *running)
{
    utf8_append_repaired(text, running->seen.data, running->seen.length);
    str_append(text, text->length > 0 && text->data[text->length - 1] != '\n' ? "\n" : "");
}

static void append_overdue(struct str *text, const struct toolproc *toolproc,
                           const struct running *running)
{
    if (running->begun) {
        str_append_format(text, "error: stopped, for there was no answer after %d s",
                          running->seconds);
    } else {
        str_append_format(text, "error: not run: the sandbox did not stand after %d s",
                          toolproc->begin_seconds);
    }
}

/* The process of a single call has done its work: it and all it started go before anyone is
 * told. The result's views live until this returns, so the response is made first. */
static void on_result(void *context, uint64_t call, const struct mcp_client_result *result)
{
    struct server *server = context;
    struct toolproc *toolproc = server->toolproc;
    size_t place = find_running(toolproc, server, call);
    if (place == toolproc->calls.count) {
        return;
    }
    bool no_sandbox = result->result == NULL && result->exit_status == EXIT_NO_SANDBOX;
    const struct running *running = &toolproc->calls.items[place];
    bool failed = result->result == NULL || (running->cancelled && !server->kept) ||
                  json_is_true(json_object_get(result->result, "isError"));
    struct str text;
    str_init(&text);
    if (no_sandbox) {
        tool_process_append_last_line(&text, result->standard_error);
        str_append(&text, text.length == 0 ? "the sandbox could not be entered" : "");
    } else if (result->result == NULL && running->cancelled) {
        append_seen(&text, running);
        str_append(&text, "error: stopped before it ended");
    } else if (result->result == NULL && running->overdue) {
        append_overdue(&text, toolproc, running);
    } else if (result->result == NULL) {
        str_append(&text, "error: the tool failed: ");
        tool_process_append_death(&text, result);
    }
    json_t *response = result->result != NULL ? response_of(result->result)
                                              : output_object(text.data, text.length);
    pass_turn(toolproc, place);
    if (!server->kept && !works(toolproc, server)) {
        drop_server(server);
    }
    if (failed || !decode_picture(toolproc, place, result->result, response)) {
        finish_call(toolproc, place,
                    &(struct toolproc_result){.response = response,
                                              .failed = failed,
                                              .unavailable = no_sandbox ? text.data : NULL});
    }
    json_decref(response);
    str_finish(&text);
}

static void on_ended(void *context)
{
    drop_server(context);
}

static struct server *start_server(struct toolproc *toolproc, const struct toolset_tool *tool,
                                   const char *text, struct err *err)
{
    int policy = tool_process_policy(text, err);
    if (policy < 0) {
        return NULL;
    }
    struct server *server = mem_zero(1, sizeof *server);
    server->toolproc = toolproc;
    server->family = tool->family;
    server->kept = !tool->one_process_a_call;
    struct tool_process_environment environment;
    tool_process_environment_init(&environment);
    char *const argv[] = {toolproc->program,
                          (char *)tool->family,
                          "--workspace",
                          toolproc->workspace,
                          "--policy-fd",
                          "3",
                          NULL};
    struct mcp_client_options options = {.loop = toolproc->loop,
                                         .argv = argv,
                                         .environment = environment.items,
                                         .directory = toolproc->workspace,
                                         .descriptor = policy};
    struct mcp_client_callbacks callbacks = {
        .progress = on_progress, .result = on_result, .ended = on_ended, .context = server};
    server->client = mcp_client_start(&options, &callbacks, err);
    tool_process_environment_finish(&environment);
    close(policy);
    if (server->client == NULL) {
        mem_free(server);
        return NULL;
    }
    vec_room(&toolproc->servers.items, &toolproc->servers.capacity, toolproc->servers.count + 1,
             sizeof toolproc->servers.items[0]);
    toolproc->servers.items[toolproc->servers.count++] = server;
    return server;
}

/* Sends the call to a kept process of its family, or to a new one. */
static struct server *serve(struct toolproc *toolproc, const struct toolset_tool *tool,
                            const char *policy, const json_t *arguments, uint64_t *call,
                            struct err *err)
{
    for (size_t i = 0; i < toolproc->servers.count; i++) {
        struct server *server = toolproc->servers.items[i];
        if (server->kept && strcmp(server->family, tool->family) == 0) {
            *call = mcp_client_call(server->client, tool->name, arguments);
            if (*call != 0) {
                return server;
            }
        }
    }
    struct server *server = start_server(toolproc, tool, policy, err);
    if (server != NULL) {
        *call = mcp_client_call(server->client, tool->name, arguments);
    }
    return server;
}

/* --- time --- */

/* How long a command may take, by the same rule as its tool has. */
static void set_limit(const struct toolproc *toolproc, struct running *running,
                      const json_t *arguments)
{
    const json_t *asked = json_object_get(arguments, "timeout_s");
    int most = running->job ? TOOL_JOB_SECONDS : toolproc->most_seconds;
    running->asked_seconds = asked != NULL;
    running->seconds = running->job || most < TOOL_CALL_SECONDS ? most : TOOL_CALL_SECONDS;
    if (json_is_integer(asked)) {
        json_int_t seconds = json_integer_value(asked); /* the tool refuses any other */
        running->seconds = seconds >= 1 && seconds < most ? (int)seconds : most;
    }
}

/* What could not be started. */
static void finish_stillborn(struct toolproc *toolproc, size_t place)
{
    struct str text;
    str_init(&text);
    str_append_format(&text, "error: %s", toolproc->calls.items[place].error.text);
    json_t *response = output_object(text.data, text.length);
    finish_call(toolproc, place, &(struct toolproc_result){.response = response, .failed = true});
    json_decref(response);
    str_finish(&text);
}

static bool is_command(const struct running *running)
{
    return running->server != NULL && strcmp(running->server->family, "shell") == 0;
}

/* Its tool should have answered long ago: it is killed with all that it started, and what the tool
 * would have said is said here. */
static void finish_overdue(struct toolproc *toolproc, size_t place)
{
    struct running *running = &toolproc->calls.items[place];
    struct str text;
    str_init(&text);
    append_seen(&text, running);
    str_append_format(&text,
                      "(stopped after %d s, from outside, for what watches over it did not answer; "
                      "output that was not passed on by then is lost)",
                      running->seconds);
    json_t *response =
        json_pack("{s:i, s:s%}", "exit_code", EXIT_TIMEOUT, "output", text.data, text.length);
    drop_server(running->server);
    finish_call(toolproc, place, &(struct toolproc_result){.response = response});
    json_decref(response);
    str_finish(&text);
}

static void on_due(uv_timer_t *timer)
{
    struct toolproc *toolproc = timer->data;
    uint64_t now = uv_now(toolproc->loop);
    for (size_t i = 0; i < toolproc->calls.count;) {
        struct running *running = &toolproc->calls.items[i];
        if (running->due > now) {
            i++;
        } else if (running->server == NULL) {
            finish_stillborn(toolproc, i);
            i = 0; /* the callback may have changed the list */
        } else if (!running->looked_at) {
            running->looked_at = true;
            running->due = now + SECOND_LOOK_MS;
        } else if (!is_command(running) || !running->begun || running->cancelled) {
            /* Other calls of its process end with it, each with an answer. */
            running->due = never;
            running->overdue = true;
            mcp_client_stop(running->server->client);
            i++;
        } else {
            finish_overdue(toolproc, i);
            i = 0;
        }
    }
    set_timer(toolproc);
}

/* --- the interface --- */

struct toolproc *toolproc_create(const struct toolproc_options *options,
                                 const struct toolproc_callbacks *callbacks, struct err *err)
{
    if (options->workspace[0] != '/') {
        err_set(err, ERR_ARGUMENT, "the workspace \"%s\" is not an absolute path",
                options->workspace);
        return NULL;
    }
    struct toolproc *toolproc = mem_zero(1, sizeof *toolproc);
    toolproc->loop = options->loop;
    toolproc->program = mem_strdup(options->program);
    toolproc->workspace = mem_strdup(options->workspace);
    toolproc->policy = tool_process_call_policy(options->policy);
    toolproc->job_policy = tool_process_job_policy(options->policy);
    toolproc->most_seconds = tool_process_most_seconds(options->policy);
    toolproc->begin_seconds = options->begin_seconds > 0 ? options->begin_seconds : BEGIN_SECONDS;
    toolproc->callbacks = *callbacks;
    uv_timer_init(toolproc->loop, &toolproc->due);
    toolproc->due.data = toolproc;
    return toolproc;
}

bool toolproc_set_policy(struct toolproc *toolproc, const json_t *policy)
{
    if (toolproc->calls.count > 0) {
        return false;
    }
    while (toolproc->servers.count > 0) {
        drop_server(toolproc->servers.items[0]);
    }
    mem_free(toolproc->policy);
    mem_free(toolproc->job_policy);
    toolproc->policy = tool_process_call_policy(policy);
    toolproc->job_policy = tool_process_job_policy(policy);
    toolproc->most_seconds = tool_process_most_seconds(policy);
    return true;
}

void toolproc_forget(struct toolproc *toolproc)
{
    for (size_t i = 0; i < toolproc->servers.count;) {
        struct server *server = toolproc->servers.items[i];
        if (server->kept && !works(toolproc, server)) {
            drop_server(server); /* the last one comes into its place */
        } else {
            server->kept = false;
            i++;
        }
    }
}

static void start(struct toolproc *toolproc, const char *call_id, const char *tool,
                  const char *policy, const json_t *arguments)
{
    const struct toolset_tool *known = toolset_find(tool);
    struct running running = {.call_id = mem_strdup(call_id), .due = never};
    str_init(&running.seen);
    uv_update_time(toolproc->loop);
    if (known == NULL) {
        err_set(&running.error, ERR_NOT_FOUND, "there is no tool \"%s\"", tool);
    } else {
        running.server = serve(toolproc, known, policy, arguments, &running.call, &running.error);
        if (running.server != NULL) {
            running.job = policy == toolproc->job_policy;
            set_limit(toolproc, &running, arguments);
            if (!works(toolproc, running.server)) {
                await_begin(toolproc, &running);
            }
        }
    }
    if (running.server == NULL) {
        running.due = uv_now(toolproc->loop);
    }
    vec_room(&toolproc->calls.items, &toolproc->calls.capacity, toolproc->calls.count + 1,
             sizeof toolproc->calls.items[0]);
    toolproc->calls.items[toolproc->calls.count++] = running;
    set_timer(toolproc);
}

void toolproc_start(struct toolproc *toolproc, const char *call_id, const char *tool,
                    const json_t *arguments)
{
    start(toolproc, call_id, tool, toolproc->policy, arguments);
}

void toolproc_start_job(struct toolproc *toolproc, const char *call_id, const json_t *arguments)
{
    start(toolproc, call_id, "shell", toolproc->job_policy, arguments);
}

void toolproc_start_open(struct toolproc *toolproc, const char *call_id, const json_t *arguments,
                         const char *hosts)
{
    char *policy = tool_process_open_policy(toolproc->policy, hosts);
    start(toolproc, call_id, "shell", policy, arguments);
    mem_free(policy);
}

/* It has a job's time from now on, as its tool gives it. */
static void extend(struct toolproc *toolproc, struct running *running)
{
    running->job = true;
    if (running->due != never && !running->asked_seconds && !running->cancelled) {
        uint64_t more = (uint64_t)(TOOL_JOB_SECONDS - running->seconds) * 1000;
        running->due += running->begun ? more : 0;
        running->seconds = TOOL_JOB_SECONDS;
        set_timer(toolproc);
    }
}

void toolproc_make_job(struct toolproc *toolproc, const char *call_id, const char *job)
{
    for (size_t i = 0; i < toolproc->calls.count; i++) {
        struct running *running = &toolproc->calls.items[i];
        if (strcmp(running->call_id, call_id) != 0 || running->decoding != NULL) {
            continue;
        }
        mem_free(running->call_id);
        running->call_id = mem_strdup(job);
        if (running->server != NULL) {
            mcp_client_background(running->server->client, running->call);
            extend(toolproc, running);
        }
    }
}

static void stop_command(struct toolproc *toolproc, struct running *running)
{
    int grace_ms = running->job ? JOB_GRACE_MS : CALL_GRACE_MS;
    mcp_client_stop_call(running->server->client, running->call, grace_ms);
    running->due = uv_now(toolproc->loop) + (uint64_t)grace_ms;
    running->looked_at = false;
    set_timer(toolproc);
}

void toolproc_cancel(struct toolproc *toolproc, const char *call_id)
{
    for (size_t i = 0; i < toolproc->calls.count; i++) {
        struct running *running = &toolproc->calls.items[i];
        if (strcmp(running->call_id, call_id) != 0 || running->server == NULL ||
            running->decoding != NULL) {
            continue;
        }
        bool again = running->cancelled;
        running->cancelled = true;
        if (running->server->kept) {
            mcp_client_cancel(running->server->client, running->call);
        } else if (is_command(running) && running->begun && !again) {
            stop_command(toolproc, running);
        } else {
            mcp_client_stop(running->server->client);
        }
    }
}

static void on_timer_closed(uv_handle_t *handle)
{
    mem_free(handle->data);
}

/* Commands get TERM, and their processes end when those have. */
static void end_commands(const struct toolproc *toolproc)
{
    int64_t until_us = clock_monotonic_us() + LAST_GRACE_US;
    for (size_t i = 0; i < toolproc->calls.count; i++) {
        const struct running *running = &toolproc->calls.items[i];
        if (is_command(running) && running->begun) {
            mcp_client_cancel(running->server->client, running->call);
            mcp_client_end_input(running->server->client);
        }
    }
    for (size_t i = 0; i < toolproc->calls.count; i++) {
        const struct running *running = &toolproc->calls.items[i];
        if (is_command(running) && running->begun) {
            mcp_client_wait(running->server->client, until_us);
        }
    }
}

/* What still works is ended, and gone before anyone looks at what it made. */
static void end_work(const struct toolproc *toolproc)
{
    end_commands(toolproc);
    for (size_t i = 0; i < toolproc->servers.count; i++) {
        mcp_client_kill(toolproc->servers.items[i]->client);
    }
    int64_t until_us = clock_monotonic_us() + GONE_US;
    for (size_t i = 0; i < toolproc->servers.count; i++) {
        if (works(toolproc, toolproc->servers.items[i])) {
            mcp_client_wait(toolproc->servers.items[i]->client, until_us);
        }
    }
}

void toolproc_destroy(struct toolproc *toolproc)
{
    if (toolproc == NULL) {
        return;
    }
    end_work(toolproc);
    while (toolproc->servers.count > 0) {
        drop_server(toolproc->servers.items[0]);
    }
    for (size_t i = 0; i < toolproc->calls.count; i++) {
        struct running *running = &toolproc->calls.items[i];
        if (running->decoding != NULL) {
            decoding_forget(running->decoding);
            json_decref(running->response);
        }
        str_finish(&running->seen);
        mem_free(running->call_id);
    }
    mem_free(toolproc->calls.items);
    mem_free(toolproc->servers.items);
    mem_free(toolproc->program);
    mem_free(toolproc->workspace);
    mem_free(toolproc->policy);
    mem_free(toolproc->job_policy);
    uv_close((uv_handle_t *)&toolproc->due, on_timer_closed);
}
