/* mcp_client: one server process, its three pipes and one timer.
 *
 * Life of a client:
 *
 *     start --> running --> (exit) --> draining --> ended --> (close) --> freed
 *
 * The server's exit is the end, not the end of its pipes: something it left behind may hold them
 * open. So after the exit what is still in the pipe is read for at most DRAIN_MS. The timer has one
 * job at a time (`stage`): waiting for a cancelled call
 * (or a mute server), for TERM to work, or for the drain.
 *
 * The process handle is closed only after the exit was seen, else the child would stay a zombie;
 * mcp_client_close kills first and lets the exit finish the job. Each handle holds a reference on
 * the client (`handles`); the last one to close frees it.
 */
#include "mcp/mcp_client.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include "base/err.h"
#include "base/json_scan.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/utf8.h"
#include "mcp/mcp_calls.h"
#include "mcp/mcp_gone.h"
#include "mcp/mcp_messages.h"

enum {
    FRAME_LIMIT = 4 * 1024 * 1024,
    PASSED_OVER_LIMIT = 32 * 1024 * 1024, /* of a line that is too long */
    ERROR_TAIL = 4 * 1024,
    REFUSAL_BYTES = 300,
    READ_BYTES = 64 * 1024,
    GRACE_MS = 2000,
    DRAIN_MS = 200,
    LEAVE_MS = 500,      /* for a server whose input has ended, to end by itself */
    LEAVE_TERM_MS = 100, /* and after TERM */
    INITIALIZE_ID = 0,   /* calls count from 1 */
    UNREAD_LIMIT = 1024 * 1024
};

/* A cancelled call gets no answer. What follows it does, under the call's number and this. */
static const uint64_t PROBES = (uint64_t)1 << 40;

enum stage { STAGE_NONE, STAGE_CANCELLED, STAGE_TERMINATED, STAGE_DRAINING, STAGE_LEFT };

struct mcp_client {
    uv_process_t process;
    uv_pipe_t in, out, error; /* the server's stdin, stdout, stderr */
    uv_timer_t timer;
    int handles; /* not closed yet */
    struct mcp_client_callbacks callbacks;

    enum stage stage;
    bool exited, ended;
    bool closing; /* mcp_client_close, _leave: no callback any more */
    bool input_open, output_open, error_open;
    int64_t exit_status;
    int exit_signal;

    bool stateless, discovering;
    size_t quiet_bytes, flood_bytes; /* since the last answer; most of it */
    bool ready;                      /* requests may be sent */
    struct str held;                 /* requests that wait for the handshake */
    struct str line;                 /* of stdout, not ended yet */
    size_t scanned;                  /* how much of it holds no newline */
    size_t passed_over;              /* bytes of a line that is too long; 0 = there is none */
    struct str tail;                 /* of stderr */
    struct str refusal;              /* of initialize, in its words; "" = none */
    const char *broken;              /* why we gave up on it; NULL = we did not */
    char buffer[READ_BYTES];

    uint64_t last_call;
    struct mcp_calls open;
};

/* --- life --- */

static void on_closed(uv_handle_t *handle)
{
    struct mcp_client *client = handle->data;
    if (--client->handles == 0) {
        str_finish(&client->held);
        str_finish(&client->line);
        str_finish(&client->tail);
        str_finish(&client->refusal);
        mcp_calls_finish(&client->open);
        mem_free(client);
    }
}

static void close_handle(uv_handle_t *handle)
{
    if (!uv_is_closing(handle)) {
        uv_close(handle, on_closed);
    }
}

static void kill_group(struct mcp_client *client, int signal)
{
    if (!client->exited && client->process.pid > 1) {
        kill(-client->process.pid, signal);
    }
}

/* All but the process's own handle, which waits for the exit. */
static void close_rest(struct mcp_client *client)
{
    close_handle((uv_handle_t *)&client->in);
    close_handle((uv_handle_t *)&client->out);
    close_handle((uv_handle_t *)&client->error);
    close_handle((uv_handle_t *)&client->timer);
}

static void on_timer(uv_timer_t *timer);
static void give_up_cancelled(struct mcp_client *client);

static void set_timer(struct mcp_client *client, enum stage stage, uint64_t milliseconds)
{
    client->stage = stage;
    uv_timer_start(&client->timer, on_timer, milliseconds, 0);
}

struct mcp_client_result mcp_client_death(const struct mcp_client *client)
{
    bool refused = !client->ready && client->refusal.length > 0;
    return (struct mcp_client_result){.error = client->broken != NULL ? client->broken
                                               : refused              ? client->refusal.data
                                                         : "it ended without an answer",
                                      .given_up = client->broken != NULL,
                                      .exit_status =
                                          client->exit_signal == 0 ? (int)client->exit_status : -1,
                                      .exit_signal = client->exit_signal,
                                      .standard_error = client->tail.data};
}

/* The server is gone: the open calls hear of it, then the owner does. */
static void end(struct mcp_client *client)
{
    if (client->ended) {
        return;
    }
    client->ended = true;
    uv_timer_stop(&client->timer);
    while (client->open.count > 0 && !client->closing) {
        struct mcp_call call = mcp_calls_take(&client->open, 0);
        struct mcp_client_result death = mcp_client_death(client);
        client->callbacks.result(client->callbacks.context, call.number, &death);
    }
    if (!client->closing) {
        client->callbacks.ended(client->callbacks.context);
    }
}

static void end_if_drained(struct mcp_client *client)
{
    if (client->exited && !client->output_open && !client->error_open) {
        end(client);
    }
}

static void on_process_exit(uv_process_t *process, int64_t status, int signal)
{
    struct mcp_client *client = process->data;
    /* What the server left in its group dies with it. */
    kill_group(client, SIGKILL);
    client->exited = true;
    client->exit_status = status;
    client->exit_signal = signal;
    close_handle((uv_handle_t *)&client->process);
    if (client->closing) {
        close_rest(client);
        return;
    }
    set_timer(client, STAGE_DRAINING, DRAIN_MS);
    end_if_drained(client);
}

static void on_timer(uv_timer_t *timer)
{
    struct mcp_client *client = timer->data;
    switch (client->stage) {
    case STAGE_CANCELLED:
        give_up_cancelled(client);
        break;
    case STAGE_TERMINATED:
        kill_group(client, SIGKILL);
        break;
    case STAGE_DRAINING:
        end(client);
        break;
    case STAGE_LEFT:
        kill_group(client, SIGTERM);
        set_timer(client, STAGE_TERMINATED, LEAVE_TERM_MS);
        break;
    case STAGE_NONE:
        break;
    }
}

/* The server broke a rule of the protocol. */
static void give_up(struct mcp_client *client, const char *why)
{
    client->broken = why;
    uv_read_stop((uv_stream_t *)&client->out);
    client->output_open = false;
    kill_group(client, SIGKILL);
}

/* --- writing --- */

struct written {
    uv_write_t request;
    uv_buf_t buffer;
};

/* A write that fails needs no answer here: the server's exit gives the calls their results. */
static void on_written(uv_write_t *request, int status)
{
    (void)status;
    struct written *written = request->data;
    mem_free(written->buffer.base);
    mem_free(written);
}

static void write_bytes(struct mcp_client *client, struct str *bytes)
{
    if (client->input_open &&
        uv_stream_get_write_queue_size((uv_stream_t *)&client->in) > UNREAD_LIMIT) {
        give_up(client, "it does not read what it is sent");
    }
    if (!client->input_open || client->broken != NULL || bytes->length == 0) {
        str_clear(bytes);
        return;
    }
    struct written *written = mem_alloc(1, sizeof *written);
    size_t length = bytes->length;
    written->buffer = uv_buf_init(str_take(bytes), (unsigned)length);
    written->request.data = written;
    if (uv_write(&written->request, (uv_stream_t *)&client->in, &written->buffer, 1, on_written) !=
        0) {
        on_written(&written->request, -1);
    }
}

/* Sends one object as a line. `message` is released. `held_back`: it waits for the handshake. */
static void send_message(struct mcp_client *client, json_t *message, bool held_back)
{
    char *dump = json_dumps(message, JSON_COMPACT);
    json_decref(message);
    struct str line;
    str_init(&line);
    str_append(&line, dump != NULL ? dump : "{}");
    str_append_char(&line, '\n');
    free(dump);
    if (held_back && !client->ready) {
        str_append_bytes(&client->held, line.data, line.length);
    } else {
        write_bytes(client, &line);
    }
    str_finish(&line);
}

static void discover(struct mcp_client *client)
{
    client->stateless = client->discovering = true;
    send_message(client, mcp_messages_discover(INITIALIZE_ID), false);
}

static void on_ready(struct mcp_client *client)
{
    client->ready = true;
    write_bytes(client, &client->held);
    if (client->callbacks.ready != NULL) {
        client->callbacks.ready(client->callbacks.context);
    }
}

static void on_initialized(struct mcp_client *client)
{
    send_message(client,
                 json_pack("{s:s, s:s}", "jsonrpc", "2.0", "method", "notifications/initialized"),
                 false);
    on_ready(client);
}

/* Its own words are what the user can do something about ("API_KEY is not set"). */
static void keep_refusal(struct mcp_client *client, const json_t *message)
{
    const json_t *words = json_object_get(json_object_get(message, "error"), "message");
    size_t length = json_string_length(words);
    str_append(&client->refusal, "it refused to initialize");
    if (length > 0) {
        str_append(&client->refusal, ": ");
        utf8_append_repaired(&client->refusal, json_string_value(words),
                             length < REFUSAL_BYTES ? length : REFUSAL_BYTES);
    }
}

/* The answer to initialize, or to server/discover. */
static void on_handshake(struct mcp_client *client, const json_t *message)
{
    const json_t *result = json_object_get(message, "result");
    const char *version = json_string_value(json_object_get(result, "protocolVersion"));
    if (client->discovering) {
        if (json_is_object(result)) {
            on_ready(client);
        } else {
            give_up(client, client->refusal.data);
        }
    } else if (!json_is_object(result)) {
        keep_refusal(client, message);
        discover(client);
    } else if (mcp_messages_known_version(version)) {
        on_initialized(client);
    } else {
        give_up(client, "it speaks a version of the protocol that carat does not know");
    }
}

static void send_request(struct mcp_client *client, uint64_t id, const char *method, json_t *params)
{
    params = params != NULL ? params : json_object();
    if (client->stateless) {
        json_t *meta = json_object_get(params, "_meta");
        json_t *ours = mcp_messages_meta();
        if (meta == NULL) {
            meta = json_object();
            json_object_set_new(params, "_meta", meta);
        }
        json_object_update(meta, ours);
        json_decref(ours);
    }
    send_message(client,
                 json_pack("{s:s, s:I, s:s, s:o}", "jsonrpc", "2.0", "id", (json_int_t)id, "method",
                           method, "params", params),
                 true);
}

uint64_t mcp_client_request(struct mcp_client *client, const char *method, json_t *params)
{
    if (client->exited || client->broken != NULL) {
        json_decref(params);
        return 0;
    }
    uint64_t call = ++client->last_call;
    mcp_calls_add(&client->open, call);
    send_request(client, call, method, params);
    return call;
}

uint64_t mcp_client_call(struct mcp_client *client, const char *tool, const json_t *arguments)
{
    json_t *params =
        json_pack("{s:s, s:O, s:{s:I}}", "name", tool, "arguments", (json_t *)arguments, "_meta",
                  "progressToken", (json_int_t)client->last_call + 1);
    return mcp_client_request(client, "tools/call", params);
}

void mcp_client_cancel(struct mcp_client *client, uint64_t call)
{
    size_t place;
    if (!mcp_calls_find(&client->open, call, &place) || client->open.items[place].cancelled) {
        return;
    }
    client->open.items[place].cancelled = true;
    send_message(client, mcp_messages_cancelled((json_int_t)call), true);
    /* Our own tools answer one after another but for a ping; so with this answer the call is over.
     */
    send_request(client, PROBES + call, client->stateless ? "tools/list" : "ping", NULL);
    if (client->stage == STAGE_NONE) {
        set_timer(client, STAGE_CANCELLED, GRACE_MS);
    }
}

void mcp_client_background(struct mcp_client *client, uint64_t call)
{
    send_message(client, mcp_messages_background((json_int_t)call), true);
}

void mcp_client_stop_call(struct mcp_client *client, uint64_t call, int grace_ms)
{
    send_message(client, mcp_messages_stop((json_int_t)call, grace_ms), true);
}

/* --- reading --- */

/* A call has its end: from the server, or because one that was cancelled gets no answer. */
static void end_call(struct mcp_client *client, size_t place, const json_t *result,
                     const char *error)
{
    struct mcp_call call = mcp_calls_take(&client->open, place);
    client->quiet_bytes = 0;
    if (client->stage == STAGE_CANCELLED && !mcp_calls_first(&client->open, true, &place)) {
        client->stage = STAGE_NONE;
        uv_timer_stop(&client->timer);
    }
    client->callbacks.result(client->callbacks.context, call.number,
                             &(struct mcp_client_result){.result = result,
                                                         .error = error,
                                                         .exit_status = -1,
                                                         .standard_error = client->tail.data});
}

static const char cancelled_text[] = "it was cancelled";

/* Nothing was heard of what was cancelled. While other calls are open the server may be at work on
 * one of them, and they have limits of their own; when there is none it hangs. */
static void give_up_cancelled(struct mcp_client *client)
{
    size_t place;
    if (!client->output_open || !mcp_calls_first(&client->open, false, &place)) {
        mcp_client_stop(client);
        return;
    }
    while (!client->closing && mcp_calls_first(&client->open, true, &place)) {
        end_call(client, place, NULL, cancelled_text);
    }
}

static void on_answer(struct mcp_client *client, const json_t *message)
{
    const json_t *id = json_object_get(message, "id");
    size_t place;
    if (json_is_integer(id) && json_integer_value(id) > (json_int_t)PROBES) {
        if (mcp_calls_find(&client->open, (uint64_t)json_integer_value(id) - PROBES, &place)) {
            end_call(client, place, NULL, cancelled_text);
        }
        return;
    }
    if (!client->ready && json_is_integer(id) && json_integer_value(id) == INITIALIZE_ID) {
        on_handshake(client, message);
        return;
    }
    if (!mcp_calls_find_id(&client->open, id, &place)) {
        log_write("mcp", "an answer to no open call was dropped");
        return;
    }
    const char *text =
        json_string_value(json_object_get(json_object_get(message, "error"), "message"));
    const json_t *result = json_object_get(message, "result");
    end_call(client, place, json_is_object(result) ? result : NULL,
             text != NULL ? text : "its answer is not an object");
}

/* The server asks something of us: it may look whether we are there, and nothing else. */
static void on_request(struct mcp_client *client, const char *method, const json_t *id)
{
    json_t *answer = json_pack("{s:s, s:O}", "jsonrpc", "2.0", "id", (json_t *)id);
    if (strcmp(method, "ping") == 0) {
        json_object_set_new(answer, "result", json_object());
    } else {
        json_object_set_new(
            answer, "error",
            json_pack("{s:i, s:s}", "code", -32601, "message", "carat serves no requests"));
    }
    send_message(client, answer, false);
}

static void on_notification(struct mcp_client *client, const char *method, const json_t *params)
{
    size_t place;
    const json_t *text = json_object_get(params, "message");
    if (strcmp(method, "notifications/progress") == 0 && json_is_string(text) &&
        mcp_calls_find_id(&client->open, json_object_get(params, "progressToken"), &place)) {
        client->callbacks.progress(client->callbacks.context, client->open.items[place].number,
                                   json_string_value(text), json_string_length(text));
    } else if (strcmp(method, "notifications/tools/list_changed") == 0 &&
               client->callbacks.changed != NULL) {
        client->callbacks.changed(client->callbacks.context);
    }
}

/* The id of the answer that a line is which was not read; NULL: it says none, or is no answer
 * (`*asks`). */
static json_t *answered_id(const char *line, size_t length, bool *asks)
{
    const char *found;
    size_t found_length;
    *asks = json_scan_member(line, length, "method", &found, &found_length);
    return !*asks && json_scan_member(line, length, "id", &found, &found_length)
               ? json_loadb(found, found_length, JSON_DECODE_ANY, NULL)
               : NULL;
}

/* What cannot be read still answers a call, if it says which: that call has its end, and the server
 * lives on. */
static void on_unreadable(struct mcp_client *client, const char *line, size_t length,
                          const char *why)
{
    bool asks;
    struct str text;
    json_t *id = answered_id(line, length, &asks);
    str_init(&text);
    str_append(&text, "its answer cannot be read: ");
    utf8_append_repaired(&text, why, strlen(why));
    json_t *message = json_pack("{s:O?, s:{s:s}}", "id", id, "error", "message", text.data);
    if (json_is_integer(id)) {
        on_answer(client, message);
    } else {
        log_write("mcp", "a line that is no JSON object was dropped: %.200s", why);
    }
    json_decref(message);
    json_decref(id);
    str_finish(&text);
}

static void on_message(struct mcp_client *client, const json_t *message)
{
    const json_t *id = json_object_get(message, "id");
    const char *method = json_string_value(json_object_get(message, "method"));
    if (!json_is_object(message)) {
        log_write("mcp", "a line that is no JSON object was dropped");
    } else if (method == NULL) {
        on_answer(client, message);
    } else if (id != NULL) {
        on_request(client, method, id);
    } else {
        on_notification(client, method, json_object_get(message, "params"));
    }
}

/* A server of 2025-03-26 may send several messages as one, a batch. */
static void on_line(struct mcp_client *client, const char *text, size_t length)
{
    json_error_t error;
    json_t *line = json_loadb(text, length, JSON_ALLOW_NUL, &error), *message;
    size_t i;
    if (line == NULL) {
        on_unreadable(client, text, length, error.text);
    } else if (!json_is_array(line)) {
        on_message(client, line);
    }
    json_array_foreach(line, i, message)
    {
        if (!client->closing && client->broken == NULL) {
            on_message(client, message);
        }
    }
    json_decref(line);
}

static const char too_long[] = "it sent a line of more than 4 MiB, which was not read";

/* The call that the line answers has its end, and where that is not said every call that waits: one
 * of them was answered, and no other answer will come to it. */
static void end_calls_of(struct mcp_client *client, const json_t *id)
{
    uint64_t last = client->last_call;
    size_t place;
    if (mcp_calls_find_id(&client->open, id, &place)) {
        end_call(client, place, NULL, too_long);
        last = 0;
    }
    while (!client->closing && client->open.count > 0 && client->open.items[0].number <= last) {
        end_call(client, 0, NULL, too_long);
    }
}

/* It is read up to its end and thrown away; the server lives on. */
static void pass_over_line(struct mcp_client *client)
{
    bool asks;
    json_t *id = answered_id(client->line.data, client->line.length, &asks);
    client->passed_over = client->line.length;
    client->scanned = 0;
    str_finish(&client->line);
    str_init(&client->line);
    if (!client->ready) {
        give_up(client, too_long);
    } else if (asks) {
        log_write("mcp", "a notice of more than 4 MiB was dropped");
    } else {
        end_calls_of(client, id);
    }
    json_decref(id);
}

/* What is left of `bytes` behind a line that is passed over; the rest is gone. */
static size_t behind_long_line(struct mcp_client *client, const char *bytes, size_t count)
{
    const char *newline = memchr(bytes, '\n', count);
    if (newline != NULL) {
        client->passed_over = 0;
        return count - (size_t)(newline - bytes) - 1;
    }
    client->passed_over += count;
    if (client->passed_over > PASSED_OVER_LIMIT) {
        give_up(client, "it sent a line without an end");
    }
    return 0;
}

/* Hands over the complete lines. A callback may close the client; its memory lives on until the
 * loop has closed the handles, so it is enough to look. */
static void take_lines(struct mcp_client *client)
{
    size_t start = 0;
    while (!client->closing && client->broken == NULL) {
        const char *newline = memchr(client->line.data + client->scanned, '\n',
                                     client->line.length - client->scanned);
        if (newline == NULL) {
            client->scanned = client->line.length;
            break;
        }
        size_t stop = (size_t)(newline - client->line.data);
        client->scanned = stop + 1;
        if (stop > start) {
            on_line(client, client->line.data + start, stop - start);
        }
        start = stop + 1;
    }
    str_remove(&client->line, 0, start);
    client->scanned -= start;
    if (client->line.length > FRAME_LIMIT && client->broken == NULL && !client->closing) {
        pass_over_line(client);
    }
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    (void)suggested;
    struct mcp_client *client = handle->data;
    *buffer = uv_buf_init(client->buffer, sizeof client->buffer);
}

static void on_output(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer)
{
    struct mcp_client *client = stream->data;
    if (client->closing) {
        return;
    }
    if (count > 0) {
        client->quiet_bytes += (size_t)count;
        size_t left = client->passed_over == 0
                          ? (size_t)count
                          : behind_long_line(client, buffer->base, (size_t)count);
        str_append_bytes(&client->line, buffer->base + (size_t)count - left, left);
        take_lines(client);
        if (client->flood_bytes > 0 && client->quiet_bytes > client->flood_bytes &&
            client->broken == NULL && !client->closing) {
            give_up(client, "it floods us with what nobody asked for");
        }
    } else if (count < 0) {
        uv_read_stop(stream);
        client->output_open = false;
        if (!client->exited && client->stage == STAGE_NONE) {
            /* Mute: no answer can come any more. Mostly it is about to exit by itself. */
            set_timer(client, STAGE_CANCELLED, GRACE_MS);
        }
    }
    if (!client->closing) {
        end_if_drained(client);
    }
}

static void on_error_output(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer)
{
    struct mcp_client *client = stream->data;
    if (count > 0) {
        str_append_bytes(&client->tail, buffer->base, (size_t)count);
        if (client->tail.length > ERROR_TAIL) {
            str_remove(&client->tail, 0, client->tail.length - ERROR_TAIL);
        }
    } else if (count < 0) {
        uv_read_stop(stream);
        client->error_open = false;
        if (!client->closing) {
            end_if_drained(client);
        }
    }
}

/* --- start and stop --- */

static void init_handles(struct mcp_client *client, struct uv_loop_s *loop)
{
    uv_pipe_init(loop, &client->in, 0);
    uv_pipe_init(loop, &client->out, 0);
    uv_pipe_init(loop, &client->error, 0);
    uv_timer_init(loop, &client->timer);
    client->in.data = client->out.data = client->error.data = client;
    client->timer.data = client->process.data = client;
    client->handles = 5;
    client->input_open = client->output_open = client->error_open = true;
}

static int spawn(struct mcp_client *client, const struct mcp_client_options *options)
{
    uv_stdio_container_t stdio[4] = {
        {.flags = UV_CREATE_PIPE | UV_READABLE_PIPE, .data.stream = (uv_stream_t *)&client->in},
        {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&client->out},
        {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&client->error},
        {.flags = UV_INHERIT_FD, .data.fd = options->descriptor},
    };
    uv_process_options_t process = {
        .exit_cb = on_process_exit,
        .file = options->argv[0],
        .args = (char **)options->argv,
        .env = (char **)options->environment,
        .cwd = options->directory,
        .flags = UV_PROCESS_DETACHED, /* a session and process group of its own */
        .stdio = stdio,
        .stdio_count = options->descriptor >= 0 ? 4 : 3,
    };
    return uv_spawn(options->loop, &client->process, &process);
}

struct mcp_client *mcp_client_start(const struct mcp_client_options *options,
                                    const struct mcp_client_callbacks *callbacks, struct err *err)
{
    struct mcp_client *client = mem_zero(1, sizeof *client);
    client->callbacks = *callbacks;
    client->flood_bytes = options->flood_bytes;
    str_init(&client->held);
    str_init(&client->line);
    str_init(&client->tail);
    str_init(&client->refusal);
    init_handles(client, options->loop);
    int status = spawn(client, options);
    if (status != 0) {
        err_set(err, status == UV_ENOENT ? ERR_NOT_FOUND : ERR_IO, "starting %s: %s",
                options->argv[0], uv_strerror(status));
        client->exited = true;
        close_handle((uv_handle_t *)&client->process);
        mcp_client_close(client);
        return NULL;
    }
    uv_read_start((uv_stream_t *)&client->out, on_room, on_output);
    uv_read_start((uv_stream_t *)&client->error, on_room, on_error_output);
    client->stateless = client->ready = !options->handshake;
    if (options->handshake) {
        send_message(client, mcp_messages_initialize(INITIALIZE_ID), false);
    }
    return client;
}

void mcp_client_stop(struct mcp_client *client)
{
    if (client->exited || client->stage == STAGE_TERMINATED) {
        return;
    }
    kill_group(client, SIGTERM);
    set_timer(client, STAGE_TERMINATED, GRACE_MS);
}

void mcp_client_end_input(struct mcp_client *client)
{
    client->input_open = false;
    close_handle((uv_handle_t *)&client->in);
}

void mcp_client_kill(struct mcp_client *client)
{
    kill_group(client, SIGKILL);
}

void mcp_client_wait(struct mcp_client *client, int64_t until_us)
{
    int output = -1;
    if (!client->exited) {
        uv_fileno((uv_handle_t *)&client->out, &output);
        mcp_gone_wait(client->process.pid, output, until_us);
    }
}

void mcp_client_close(struct mcp_client *client)
{
    if (client == NULL || client->closing) {
        return;
    }
    client->closing = true;
    client->input_open = false;
    kill_group(client, SIGKILL);
    close_rest(client);
}

void mcp_client_leave(struct mcp_client *client)
{
    if (client == NULL || client->closing) {
        return;
    }
    if (client->exited || client->broken != NULL) {
        mcp_client_close(client);
        return;
    }
    client->closing = true;
    client->input_open = false;
    close_handle((uv_handle_t *)&client->in);
    uv_update_time(client->timer.loop);
    set_timer(client, STAGE_LEFT, LEAVE_MS);
}
