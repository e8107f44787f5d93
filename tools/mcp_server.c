/* mcp_server: JSON-RPC in, tool calls, JSON-RPC out; one thread, one call at a time.
 *
 * While a call runs, the tool asks context->cancelled() whenever its cancel_fd (the input) becomes
 * readable, and that is where the input is read: a cancellation of the running call is noted, one
 * of a waiting call drops it, a ping is answered, everything else waits for its turn. Two notices
 * of our own are about the running call: nobody waits for it (notifications/carat/background), or
 * it is to end, with so much time for it, and to be answered (notifications/carat/stop); a third
 * one, a progress of 0, says that it has begun. So there is no second thread, and no frame is lost
 * or answered out of turn. A cancelled call gets no answer, as the protocol asks.
 *
 * While a call runs, output is written only as far as the client takes it, and live output is
 * dropped, oldest first and with a note, when it reads too slowly: the tool's own timeout must not
 * depend on the client's reading.
 *
 * 2025-11-25 has a handshake; 2026-07-28 states its version in each request's _meta and gets
 * results with "resultType". A client that does neither is treated as the latter.
 */
#include "mcp_server.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/json_scan.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/utf8.h"
#include "base/vec.h"

#include "declaration.h"
#include "frames.h"
#include "tool.h"

enum {
    PARSE_ERROR = -32700,
    INVALID_REQUEST = -32600,
    METHOD_NOT_FOUND = -32601,
    INVALID_PARAMS = -32602,
    INTERNAL_ERROR = -32603,
    SERVER_BUSY = -32000,
    UNSUPPORTED_VERSION = -32022,
};

enum {
    CHUNK_LIMIT = 8 * 1024,    /* of one progress message */
    CHUNK_NOTE = 64,           /* of it, for the note about what was dropped */
    CHUNK_INTERVAL_US = 50000, /* at most 20 a second */
    OUTGOING_LIMIT = 1024 * 1024,
    WAITING_LIMIT = 64, /* requests that wait for the running call */
    READS_A_LOOK = 16,  /* of the input, each time the tool asks */
};

static const char stateless_version[] = "2026-07-28";
static const char handshake_version[] = "2025-11-25";
static const char version_key[] = "io.modelcontextprotocol/protocolVersion";

/* The call that runs now. */
struct call {
    const json_t *id; /* borrowed; NULL = no call runs */
    const json_t *progress_token;
    bool cancelled;
    bool stopped;          /* and answered all the same */
    bool background;       /* the client does not wait for it */
    struct str unfinished; /* the bytes of an unfinished character at the end of the output */
    struct str pending;    /* valid UTF-8 that was not sent yet */
    size_t dropped;        /* bytes before it that the client was too slow for */
    int64_t progress;      /* bytes of output so far */
    int64_t sent_at;
};

struct server {
    int out;
    struct str outgoing; /* what the client did not take yet */
    bool broken;         /* nobody reads our output any more */
    bool shook_hands;
    struct frames frames;
    const struct tool *tools;
    const char *only;
    json_t *table; /* of declarations; NULL until the first one is looked for */
    struct tool_context *context;
    json_t **waiting;
    size_t waiting_count, waiting_capacity;
    struct call call;
};

/* What a method's function fills in: a result, or an error, or nothing (no answer). */
struct reply {
    json_t *result;
    bool silent;
    int code;
    char message[256];
    json_t *data;
};

/* ---- output ---- */

/* Writes what is outgoing: all of it, or only what the client takes at once. Pieces of PIPE_BUF do
 * not block once poll() said that there is room. */
static void push_output(struct server *server, bool wait)
{
    struct str *outgoing = &server->outgoing;
    size_t done = 0;
    while (done < outgoing->length && !server->broken) {
        struct pollfd output = {.fd = server->out, .events = POLLOUT};
        if (poll(&output, 1, wait ? -1 : 0) == 0) {
            break;
        }
        size_t left = outgoing->length - done;
        ssize_t written =
            write(server->out, outgoing->data + done, left < PIPE_BUF ? left : (size_t)PIPE_BUF);
        if (written > 0) {
            done += (size_t)written;
        } else if (written < 0 && errno == EAGAIN && !wait) {
            break;
        } else if (written < 0 && errno != EINTR && errno != EAGAIN) {
            server->broken = true;
        }
    }
    str_remove(outgoing, 0, done);
}

/* Sends one message and releases it. While a call runs nothing waits for the client, within a
 * bound. NULL (no memory to make the message) ends the server. */
static void send_message(struct server *server, json_t *message)
{
    char *text = message == NULL ? NULL : json_dumps(message, JSON_COMPACT);
    json_decref(message);
    if (text == NULL) {
        server->broken = true;
        return;
    }
    str_append(&server->outgoing, text);
    str_append_char(&server->outgoing, '\n');
    free(text);
    push_output(server, server->call.id == NULL || server->outgoing.length > OUTGOING_LIMIT);
}

static json_t *id_or_null(const json_t *id)
{
    return id == NULL ? json_null() : json_incref((json_t *)id);
}

static void send_result(struct server *server, const json_t *id, json_t *result)
{
    send_message(server, json_pack("{s:s, s:o, s:o}", "jsonrpc", "2.0", "id", id_or_null(id),
                                   "result", result));
}

static void send_error(struct server *server, const json_t *id, int code, const char *message)
{
    send_message(server, json_pack("{s:s, s:o, s:{s:i, s:s}}", "jsonrpc", "2.0", "id",
                                   id_or_null(id), "error", "code", code, "message", message));
}

static void refuse(struct reply *reply, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void refuse(struct reply *reply, int code, const char *format, ...)
{
    char raw[sizeof reply->message];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(raw, sizeof raw, format, arguments);
    va_end(arguments);
    /* A long name may have been cut inside a character. */
    snprintf(reply->message, sizeof reply->message, "%.*s",
             (int)utf8_complete_length(raw, strlen(raw)), raw);
    reply->code = code;
}

/* ---- requests ---- */

static bool valid_id(const json_t *id)
{
    return json_is_string(id) || json_is_integer(id);
}

/* The text of a name; NULL when it is no string, or one with a NUL that would hide its end. */
static const char *name_value(const json_t *value)
{
    const char *text = json_string_value(value);
    return text != NULL && strlen(text) == json_string_length(value) ? text : NULL;
}

static const json_t *meta_of(const json_t *params)
{
    return json_object_get(params, "_meta");
}

/* A request that cannot be read is refused under its own id, else who asked waits for ever. */
static void refuse_line(struct server *server, const struct str *line, const char *why)
{
    struct str text;
    const char *found;
    size_t length;
    json_t *id = NULL;
    if (json_scan_member(line->data, line->length, "method", &found, &length) &&
        json_scan_member(line->data, line->length, "id", &found, &length)) {
        id = json_loadb(found, length, JSON_DECODE_ANY, NULL);
    }
    str_init(&text);
    str_append(&text, "the line is not JSON that is taken: ");
    utf8_append_repaired(&text, why, strlen(why));
    send_error(server, valid_id(id) ? id : NULL, PARSE_ERROR, text.data);
    str_finish(&text);
    json_decref(id);
}

/* A message that can be dispatched: an object with a method, and with a valid id or none. Anything
 * else is answered here and NULL. */
static json_t *parse_message(struct server *server, const struct str *line)
{
    json_error_t problem;
    /* NULs are let through to be refused where the argument that holds one can be named. Twice the
     * same key could mean one thing to who approved the call and another to us. */
    json_t *message =
        json_loadb(line->data, line->length,
                   JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &problem);
    if (message == NULL) {
        refuse_line(server, line, problem.text);
        return NULL;
    }
    const json_t *id = json_object_get(message, "id");
    const char *version = json_string_value(json_object_get(message, "jsonrpc"));
    const json_t *params = json_object_get(message, "params");
    bool response =
        json_is_object(message) && json_object_get(message, "method") == NULL &&
        (json_object_get(message, "result") != NULL || json_object_get(message, "error") != NULL);
    bool request = version != NULL && strcmp(version, "2.0") == 0 &&
                   name_value(json_object_get(message, "method")) != NULL &&
                   (id == NULL || valid_id(id));
    if (request && params != NULL && !json_is_object(params)) {
        if (id != NULL) {
            send_error(server, id, INVALID_PARAMS, "params must be an object");
        }
    } else if (request) {
        return message;
    } else if (!response) {
        /* Answers to requests that we never sent are passed over in silence. */
        send_error(server, valid_id(id) ? id : NULL, INVALID_REQUEST, "not a JSON-RPC 2.0 request");
    }
    json_decref(message);
    return NULL;
}

/* The next message among what was read; NULL when there is none. */
static json_t *take_message(struct server *server)
{
    struct str line;
    json_t *message = NULL;
    str_init(&line);
    while (message == NULL && !server->broken) {
        enum frames_kind kind = frames_take(&server->frames, &line);
        if (kind == FRAMES_NONE) {
            break;
        }
        if (kind == FRAMES_TOO_LONG) {
            send_error(server, NULL, INVALID_REQUEST, "the line is longer than 4 MiB");
        } else {
            message = parse_message(server, &line);
        }
    }
    str_finish(&line);
    return message;
}

static const char *method_of(const json_t *message)
{
    return json_string_value(json_object_get(message, "method"));
}

/* ---- while a call runs ---- */

static json_t *remove_waiting(struct server *server, size_t index)
{
    json_t *message = server->waiting[index];
    server->waiting_count--;
    memmove(server->waiting + index, server->waiting + index + 1,
            (server->waiting_count - index) * sizeof *server->waiting);
    return message;
}

static const json_t *parameter(const json_t *message, const char *name)
{
    return json_object_get(json_object_get(message, "params"), name);
}

static bool is_running(const struct server *server, const json_t *id)
{
    return id != NULL && server->call.id != NULL && json_equal(id, server->call.id);
}

static void cancel(struct server *server, const json_t *message)
{
    const json_t *id = parameter(message, "requestId");
    if (id == NULL) {
        return;
    }
    if (is_running(server, id)) {
        server->call.cancelled = true;
        return;
    }
    for (size_t i = 0; i < server->waiting_count; i++) {
        const json_t *waiting_id = json_object_get(server->waiting[i], "id");
        if (waiting_id != NULL && json_equal(id, waiting_id)) {
            json_decref(remove_waiting(server, i));
            return;
        }
    }
}

/* Takes the message. */
static void receive_during_call(struct server *server, json_t *message)
{
    const char *method = method_of(message);
    const json_t *id = json_object_get(message, "id");
    if (strcmp(method, "notifications/cancelled") == 0) {
        cancel(server, message);
    } else if (strcmp(method, "notifications/carat/background") == 0) {
        server->call.background |= is_running(server, parameter(message, "requestId"));
    } else if (strcmp(method, "notifications/carat/stop") == 0) {
        server->call.stopped |= is_running(server, parameter(message, "requestId"));
        server->context->grace_ms = (int)json_integer_value(parameter(message, "graceMs"));
    } else if (id != NULL && strcmp(method, "ping") == 0) {
        send_result(server, id, json_object());
    } else if (id != NULL && server->waiting_count >= WAITING_LIMIT) {
        send_error(server, id, SERVER_BUSY, "too many requests wait for the running call");
    } else if (id != NULL && vec_try_room(&server->waiting, &server->waiting_capacity,
                                          server->waiting_count + 1, sizeof *server->waiting)) {
        server->waiting[server->waiting_count++] = json_incref(message);
    }
    json_decref(message);
}

static void look_at_input(struct server *server)
{
    int reads = 0;
    do {
        json_t *message;
        while ((message = take_message(server)) != NULL) {
            receive_during_call(server, message);
        }
    } while (++reads <= READS_A_LOOK && frames_fill(&server->frames, 0));
}

static void send_progress(struct server *server, const char *text, size_t length)
{
    const struct call *call = &server->call;
    send_message(server, json_pack("{s:s, s:s, s:{s:O, s:I, s:s%}}", "jsonrpc", "2.0", "method",
                                   "notifications/progress", "params", "progressToken",
                                   call->progress_token, "progress", (json_int_t)call->progress,
                                   "message", text, length));
}

/* Sends what is pending, unless it is too early or the client is not reading. */
static void flush_progress(struct server *server, bool last)
{
    struct call *call = &server->call;
    int64_t now = clock_monotonic_us();
    push_output(server, false);
    bool due = last || (now - call->sent_at >= CHUNK_INTERVAL_US && server->outgoing.length == 0);
    if (!due || call->pending.length == 0 || server->broken) {
        return;
    }
    if (call->dropped > 0) {
        char note[CHUNK_NOTE];
        int length = snprintf(note, sizeof note, "[... %zu bytes not shown ...]\n", call->dropped);
        str_insert(&call->pending, 0, note, (size_t)length);
    }
    send_progress(server, call->pending.data, call->pending.length);
    str_clear(&call->pending);
    call->dropped = 0;
    call->sent_at = now;
}

static bool continues_character(char byte)
{
    return (byte & 0xC0) == 0x80;
}

/* tool_context.progress */
static void add_progress(void *host, const char *bytes, size_t length)
{
    struct server *server = host;
    struct call *call = &server->call;
    const size_t limit = CHUNK_LIMIT - CHUNK_NOTE;
    call->progress += (int64_t)length;
    if (call->progress_token == NULL) {
        return;
    }
    if (length > limit) {
        size_t skipped = length - limit;
        while (skipped < length && continues_character(bytes[skipped])) {
            skipped++;
        }
        call->dropped += skipped + call->unfinished.length;
        str_clear(&call->unfinished);
        bytes += skipped;
        length -= skipped;
    }
    str_append_bytes(&call->unfinished, bytes, length);
    size_t complete = utf8_complete_length(call->unfinished.data, call->unfinished.length);
    tool_append_repaired(&call->pending, call->unfinished.data, complete);
    str_remove(&call->unfinished, 0, complete);
    if (call->pending.length > limit) {
        size_t excess = call->pending.length - limit;
        while (continues_character(call->pending.data[excess])) {
            excess++;
        }
        str_remove(&call->pending, 0, excess);
        call->dropped += excess;
    }
    flush_progress(server, false);
}

/* Whether the other end of our output is closed, without writing to it. */
static bool nobody_reads(int out)
{
    struct pollfd end = {.fd = out, .events = 0};
    return poll(&end, 1, 0) > 0 && (end.revents & (POLLERR | POLLHUP)) != 0;
}

/* tool_context.cancelled. The end of input cancels nothing: a client may write its requests, close
 * its end, and read the answers. But one of which both ends are closed is dead, and a command that
 * says nothing would never notice. */
static bool call_cancelled(void *host)
{
    struct server *server = host;
    look_at_input(server);
    flush_progress(server, false);
    if (server->frames.ended) {
        server->context->cancel_fd = -1; /* always readable from now on, with nothing to read */
        server->broken = server->broken || nobody_reads(server->out);
    }
    return server->call.cancelled || server->call.stopped || server->broken;
}

/* tool_context.background */
static bool call_in_background(void *host)
{
    return ((struct server *)host)->call.background;
}

/* ---- methods ---- */

static const char *version_of(const json_t *params)
{
    return json_string_value(json_object_get(meta_of(params), version_key));
}

static json_t *server_info(void)
{
    return json_pack("{s:s, s:s}", "name", "carat-tool", "version", CARAT_VERSION);
}

static json_t *versions(void)
{
    return json_pack("[s, s]", stateless_version, handshake_version);
}

static void answer_initialize(struct server *server, const json_t *params, struct reply *reply)
{
    const char *asked = json_string_value(json_object_get(params, "protocolVersion"));
    if (asked == NULL) {
        refuse(reply, INVALID_PARAMS, "initialize needs a protocolVersion (string)");
        return;
    }
    /* 2025-06-18 differs in nothing that we use. The stateless version has no handshake, so that
     * who asks for it here gets the newest that has one. */
    bool known = strcmp(asked, handshake_version) == 0 || strcmp(asked, "2025-06-18") == 0;
    server->shook_hands = true;
    reply->result =
        json_pack("{s:s, s:{s:{}}, s:o}", "protocolVersion", known ? asked : handshake_version,
                  "capabilities", "tools", "serverInfo", server_info());
}

static void answer_ping(struct server *server, const json_t *params, struct reply *reply)
{
    (void)server;
    (void)params;
    reply->result = json_object();
}

static void answer_discover(struct server *server, const json_t *params, struct reply *reply)
{
    (void)server;
    (void)params;
    reply->result =
        json_pack("{s:o, s:{s:{}}, s:o, s:i, s:s}", "supportedVersions", versions(), "capabilities",
                  "tools", "serverInfo", server_info(), "ttlMs", 0, "cacheScope", "private");
}

static const struct tool *find_tool(const struct server *server, const char *name)
{
    if (server->only != NULL && strcmp(server->only, name) != 0) {
        return NULL;
    }
    for (const struct tool *tool = server->tools; tool->name != NULL; tool++) {
        if (strcmp(tool->name, name) == 0) {
            return tool;
        }
    }
    return NULL;
}

static const json_t *find_declaration(struct server *server, const char *name)
{
    if (server->table == NULL) {
        server->table = declaration_table(NULL);
    }
    return declaration_find(server->table, name);
}

static void answer_list(struct server *server, const json_t *params, struct reply *reply)
{
    (void)params;
    json_t *list = json_array();
    for (const struct tool *tool = server->tools; tool->name != NULL; tool++) {
        const json_t *declaration = find_declaration(server, tool->name);
        if (declaration != NULL && find_tool(server, tool->name) != NULL) {
            json_array_append_new(list, declaration_for_mcp(declaration));
        }
    }
    reply->result = json_pack("{s:o}", "tools", list);
}

static void begin_call(struct server *server, const json_t *id, const json_t *params)
{
    struct call *call = &server->call;
    const json_t *token = json_object_get(meta_of(params), "progressToken");
    memset(call, 0, sizeof *call);
    str_init(&call->unfinished);
    str_init(&call->pending);
    call->id = id;
    call->progress_token = valid_id(token) ? token : NULL;
    server->context->grace_ms = 0;
    if (call->progress_token != NULL) {
        send_progress(server, "", 0);
    }
}

static void end_call(struct server *server)
{
    struct call *call = &server->call;
    tool_append_repaired(&call->pending, call->unfinished.data, call->unfinished.length);
    if (!call->cancelled) {
        flush_progress(server, true);
    }
    str_finish(&call->unfinished);
    str_finish(&call->pending);
    call->id = NULL;
    call->progress_token = NULL;
}

static json_t *picture_block(const struct tool_result *result)
{
    size_t length = base64_length(result->picture_size);
    char *text = mem_try_alloc(length + 1, 1);
    if (text == NULL) {
        return json_pack("{s:s, s:s}", "type", "text", "text", "error: no memory for the picture");
    }
    base64_encode(result->picture, result->picture_size, text);
    json_t *block = json_pack("{s:s, s:s%, s:s}", "type", "image", "data", text, length, "mimeType",
                              result->picture_kind);
    mem_free(text);
    return block;
}

/* For clients that read the text alone: what the output itself does not tell stands in front. */
static void append_text(struct str *text, const json_t *response)
{
    const char *output = json_string_value(json_object_get(response, "output"));
    const char *type = json_string_value(json_object_get(response, "content_type"));
    json_int_t code = json_integer_value(json_object_get(response, "exit_code"));
    const json_t *status = json_object_get(response, "status");
    if (code != 0) {
        str_append_format(text, "exit code %lld\n", (long long)code);
    }
    if (status != NULL && type != NULL) {
        str_append_format(text, "HTTP %lld, %s\n\n", (long long)json_integer_value(status),
                          type[0] != '\0' ? type : "no content type");
    }
    char *dumped = output == NULL ? json_dumps(response, JSON_COMPACT) : NULL;
    str_append(text, output != NULL ? output : (dumped != NULL ? dumped : ""));
    free(dumped);
}

static json_t *call_result(struct tool_result *result)
{
    struct str text;
    str_init(&text);
    append_text(&text, result->response);
    json_t *made =
        json_pack("{s:[{s:s, s:s%}], s:O, s:b}", "content", "type", "text", "text", text.data,
                  text.length, "structuredContent", result->response, "isError", result->failed);
    str_finish(&text);
    if (result->picture != NULL && !result->failed) {
        json_array_append_new(json_object_get(made, "content"), picture_block(result));
    }
    return made;
}

static void answer_call(struct server *server, const json_t *id, const json_t *params,
                        struct reply *reply)
{
    const char *name = name_value(json_object_get(params, "name"));
    const json_t *arguments = json_object_get(params, "arguments");
    if (name == NULL) {
        refuse(reply, INVALID_PARAMS, "tools/call needs a name (string without NUL)");
        return;
    }
    const struct tool *tool = find_tool(server, name);
    const json_t *declaration = find_declaration(server, name);
    if (tool == NULL || declaration == NULL) {
        refuse(reply, INVALID_PARAMS, "unknown tool: %s", name);
        return;
    }
    struct tool_result result = {.response = NULL};
    struct str problem;
    str_init(&problem);
    bool cancelled = false;
    json_t *none = json_object();
    if (declaration_check(declaration, arguments, &problem)) {
        begin_call(server, id, params);
        tool->call(server->context, arguments != NULL ? arguments : none, &result);
        cancelled = server->call.cancelled;
        end_call(server);
    } else {
        tool_fail(&result, "%s: %s", name, problem.data);
    }
    reply->silent = cancelled;
    if (result.response != NULL) {
        reply->result = call_result(&result);
    } else {
        refuse(reply, INTERNAL_ERROR, "%s gave no result", name);
    }
    json_decref(none);
    json_decref(result.response);
    mem_free(result.picture);
    str_finish(&problem);
}

static const struct method {
    const char *name;
    void (*answer)(struct server *server, const json_t *params, struct reply *reply);
    bool stamped; /* the stateless protocol's members are added to the result */
} methods[] = {
    {"initialize", answer_initialize, false},
    {"ping", answer_ping, false},
    {"server/discover", answer_discover, true},
    {"tools/list", answer_list, true},
    {"tools/call", NULL, true}, /* needs the request's id */
};

static const struct method *find_method(const char *name)
{
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        if (strcmp(methods[i].name, name) == 0) {
            return &methods[i];
        }
    }
    return NULL;
}

/* False, with the error in `reply`, for a version that we do not speak. */
static bool check_version(const char *version, struct reply *reply)
{
    if (version == NULL || strcmp(version, stateless_version) == 0 ||
        strcmp(version, handshake_version) == 0) {
        return true;
    }
    refuse(reply, UNSUPPORTED_VERSION, "unsupported protocol version: %s", version);
    reply->data = json_pack("{s:o, s:s}", "supported", versions(), "requested", version);
    return false;
}

/* "resultType", who answered, and for how long a list may be kept (the protocol's own clients
 * refuse one that does not say), for a client of the stateless protocol. */
static void stamp(json_t *result)
{
    if (json_object_get(result, "tools") != NULL) {
        json_object_set_new(result, "ttlMs", json_integer(0));
        json_object_set_new(result, "cacheScope", json_string("private"));
    }
    json_object_set_new(result, "resultType", json_string("complete"));
    json_object_set_new(result, "_meta",
                        json_pack("{s:o}", "io.modelcontextprotocol/serverInfo", server_info()));
}

static void send_reply(struct server *server, const json_t *id, struct reply *reply)
{
    if (reply->silent) {
        json_decref(reply->result);
    } else if (reply->result != NULL) {
        send_result(server, id, reply->result);
    } else if (reply->data != NULL) {
        send_message(server, json_pack("{s:s, s:o, s:{s:i, s:s, s:o}}", "jsonrpc", "2.0", "id",
                                       id_or_null(id), "error", "code", reply->code, "message",
                                       reply->message, "data", reply->data));
    } else if (reply->code != 0) {
        send_error(server, id, reply->code, reply->message);
    } else {
        send_error(server, id, INTERNAL_ERROR, "no memory for the answer");
    }
}

static void handle(struct server *server, const json_t *message)
{
    const char *name = method_of(message);
    const json_t *id = json_object_get(message, "id");
    const json_t *params = json_object_get(message, "params");
    if (id == NULL) {
        /* Notifications: that a call is cancelled which has ended, that the client is ready. */
        return;
    }
    struct reply reply = {.result = NULL};
    const struct method *method = find_method(name);
    const char *version = version_of(params);
    if (method == NULL) {
        refuse(&reply, METHOD_NOT_FOUND, "unknown method: %s", name);
    } else if (check_version(version, &reply)) {
        if (method->answer != NULL) {
            method->answer(server, params, &reply);
        } else {
            answer_call(server, id, params, &reply);
        }
        bool stateless =
            version != NULL ? strcmp(version, stateless_version) == 0 : !server->shook_hands;
        if (stateless && method->stamped && reply.result != NULL) {
            stamp(reply.result);
        }
    }
    send_reply(server, id, &reply);
}

/* The next message in turn, waiting for it; NULL at the end. */
static json_t *next_message(struct server *server)
{
    if (server->waiting_count > 0) {
        return remove_waiting(server, 0);
    }
    for (;;) {
        json_t *message = take_message(server);
        if (message != NULL || server->broken) {
            return message;
        }
        if (server->frames.ended) {
            return NULL;
        }
        frames_fill(&server->frames, -1);
    }
}

void mcp_server_run(int in, int out, const struct tool *tools, const char *only,
                    struct tool_context *context)
{
    struct server server = {.out = out, .tools = tools, .only = only, .context = context};
    frames_init(&server.frames, in);
    str_init(&server.outgoing);
    context->progress = add_progress;
    context->cancelled = call_cancelled;
    context->background = call_in_background;
    context->cancel_fd = in;
    context->host = &server;

    /* A client that goes away is an end, seen as EPIPE, and not a reason to be killed. */
    struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
    sigaction(SIGPIPE, &ignore, &before);
    json_t *message;
    while (!server.broken && (message = next_message(&server)) != NULL) {
        handle(&server, message);
        json_decref(message);
    }
    sigaction(SIGPIPE, &before, NULL);

    while (server.waiting_count > 0) {
        json_decref(remove_waiting(&server, 0));
    }
    mem_free(server.waiting);
    frames_finish(&server.frames);
    str_finish(&server.outgoing);
    json_decref(server.table);
    context->host = NULL;
    context->cancel_fd = -1;
}
