/* foreign: a few servers, their calls, and one timer.
 *
 *     starting --(tools listed)--> ready --(ends, hangs)--> down --(next call, after a pause)-->
 * ...
 *
 * A call that the user stops ends at once; its server owes an answer then, gets no other call
 * before it has given it, and is stopped when it does not.
 *
 * The timer runs while a server starts or a call is open and looks at all deadlines; it also brings
 * the results of calls that failed inside foreign_call, because callbacks come from the loop alone.
 * What was declared (`fixed`) is compared with what the server says after each restart (`now`).
 */
#include "agent/foreign.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <uv.h>

#include "agent/foreign_calls.h"
#include "agent/foreign_list.h"
#include "agent/foreign_tools.h"
#include "agent/tool_process.h"
#include "attachment/attachment.h"
#include "attachment/decoding.h"
#include "attachment/result_picture.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "base/visible.h"
#include "mcp/mcp_client.h"

enum {
    TICK_MS = 100,
    PAGES_MAX = 8,
    DOUBLINGS_MAX = 6,
    FLOOD_BYTES = 32 * 1024 * 1024,
    LIVE_BYTES = 64 * 1024 /* of a call's live output */
};

enum state { STATE_STARTING, STATE_READY, STATE_DOWN };

struct foreign_server {
    struct foreign *foreign;
    char *name, *policy;
    char **argv; /* carat-tool server ... --run -- COMMAND ... */
    struct config_list allowed;
    int seconds;
    bool network, writable;
    struct mcp_client *client; /* NULL while it is down */
    enum state state;
    char *problem;            /* why it went down last; NULL = it did not */
    uint64_t since, retry_at; /* milliseconds of the loop */
    unsigned failures;        /* in a row */
    unsigned owed;            /* calls that were stopped and of which it has not said the end */
    uint64_t listing;         /* number of the tools/list that is open */
    int pages;
    struct foreign_list list; /* while listing */
    json_t *now;              /* what it has */
    json_t *fixed;            /* what it had first; NULL = it never got so far */
    bool said_changed;
};

struct foreign {
    struct uv_loop_s *loop;
    char *program, *workspace;
    struct foreign_callbacks callbacks;
    size_t result_bytes;
    uint64_t start_ms, pause_ms;
    struct foreign_server *servers; /* by name */
    size_t count;
    json_t *declarations;
    bool known;
    uv_timer_t tick;
    struct foreign_calls calls;
};

static void start(struct foreign_server *server);
static void send_call(struct foreign_call *call);

/* --- calls --- */

/* Off the list first: the callback may start the next one. */
static void finish(struct foreign *foreign, struct foreign_call *call, json_t *response,
                   bool failed, struct chat_medium *picture)
{
    struct toolproc_callbacks callbacks = foreign->callbacks.calls;
    foreign_calls_remove(&foreign->calls, call);
    callbacks.finished(
        callbacks.context, call->call_id,
        &(struct toolproc_result){.response = response, .failed = failed, .picture = picture});
    foreign_calls_free(call);
}

static void fail(struct foreign *foreign, struct foreign_call *call, const char *why)
{
    struct str text;
    str_init(&text);
    str_append_format(&text, "error: %s", call->cancelled ? "stopped by the user" : why);
    bool failed;
    json_t *said = json_pack("{s:[{s:s, s:s%}], s:b}", "content", "type", "text", "text", text.data,
                             text.length, "isError", true);
    /* The words may be the server's, and as long as it likes. */
    json_t *response = foreign_tools_result(said, foreign->result_bytes, &failed);
    finish(foreign, call, response, true, NULL);
    json_decref(response);
    json_decref(said);
    str_finish(&text);
}

/* --- pictures --- */

static void on_decoded(void *context, struct decoding *decoding, struct chat_medium *medium,
                       const struct err *err)
{
    struct foreign *foreign = context;
    size_t place = 0;
    while (foreign->calls.items[place]->decoding != decoding) {
        place++;
    }
    struct foreign_call *call = foreign->calls.items[place];
    call->decoding = NULL; /* it is over */
    if (medium != NULL) {
        finish(foreign, call, call->response, false, medium);
    } else {
        struct str text;
        str_init(&text);
        str_append_format(&text, "the picture cannot be decoded: %s", err->text);
        fail(foreign, call, text.data);
        str_finish(&text);
    }
}

/* True when the call goes on until its picture is decoded; its server has done its part. */
static bool decode_picture(struct foreign_call *call, const json_t *result, json_t *response)
{
    struct foreign *foreign = call->server->foreign;
    const struct attachment_tool tool = {foreign->program, foreign->workspace};
    const json_t *block = result_picture_find(result);
    struct decoding_source source = {.origin = DECODING_BYTES, .picture = true};
    if (block == NULL) {
        return false;
    }
    char *bytes = result_picture_bytes(block, &source.size);
    source.bytes = bytes;
    call->server = NULL;
    call->response = json_incref(response);
    call->decoding = decoding_start(foreign->loop, &tool, &source, on_decoded, foreign);
    mem_free(bytes);
    return true;
}

/* --- a server's end --- */

static void set_problem(struct foreign_server *server, const char *text)
{
    struct str safe;
    str_init(&safe);
    visible_append(&safe, text, strnlen(text, 500), VISIBLE_LINE);
    mem_free(server->problem);
    server->problem = str_take(&safe);
}

/* It is gone or given up: its calls fail at the next tick, and it rests before the next start. */
static void go_down(struct foreign_server *server, const char *problem)
{
    struct foreign *foreign = server->foreign;
    unsigned doublings = server->failures < DOUBLINGS_MAX ? server->failures : DOUBLINGS_MAX;
    if (server->state == STATE_DOWN) {
        return;
    }
    set_problem(server, problem);
    server->state = STATE_DOWN;
    server->failures++;
    server->retry_at = uv_now(foreign->loop) + (foreign->pause_ms << doublings);
    server->listing = 0;
    server->owed = 0;
    foreign_list_finish(&server->list);
    mcp_client_close(server->client);
    server->client = NULL;
    for (size_t i = 0; i < foreign->calls.count; i++) {
        if (foreign->calls.items[i]->server == server) {
            foreign_calls_fail(foreign->calls.items[i], server->problem);
        }
    }
}

static void describe_death(struct str *out, const struct foreign_server *server,
                           const struct mcp_client_result *result)
{
    str_append_format(out, "the MCP server %s failed: ", server->name);
    tool_process_append_death(out, result);
}

/* --- its tools --- */

static void say(struct foreign *foreign, const char *text)
{
    foreign->callbacks.notice(foreign->callbacks.context, text);
}

/* What came while it could not be used. */
static void send_waiting(struct foreign_server *server)
{
    struct foreign *foreign = server->foreign;
    for (size_t i = 0; i < foreign->calls.count; i++) {
        struct foreign_call *call = foreign->calls.items[i];
        if (call->server == server && call->number == 0 && call->error == NULL) {
            send_call(call);
        }
    }
}

static void become_ready(struct foreign_server *server)
{
    struct foreign *foreign = server->foreign;
    json_decref(server->now);
    server->now = foreign_list_end(&server->list);
    /* What is other later is told when the tool is called. */
    for (size_t i = 0; server->fixed == NULL && i < server->list.notices.count; i++) {
        say(foreign, server->list.notices.items[i]);
    }
    foreign_list_finish(&server->list);
    if (server->fixed == NULL && !foreign->known) {
        server->fixed = json_incref(server->now);
    }
    server->state = STATE_READY;
    send_waiting(server);
}

static void ask_for_tools(struct foreign_server *server, const char *cursor)
{
    json_t *params = cursor != NULL ? json_pack("{s:s}", "cursor", cursor) : NULL;
    server->pages++;
    server->listing = mcp_client_request(server->client, "tools/list", params);
}

static void on_listed(struct foreign_server *server, const struct mcp_client_result *result)
{
    const json_t *tools = json_object_get(result->result, "tools");
    const char *cursor = json_string_value(json_object_get(result->result, "nextCursor"));
    struct str text;
    server->listing = 0;
    if (!json_is_array(tools)) {
        str_init(&text);
        if (result->result != NULL) {
            str_append_format(&text, "the MCP server %s has no list of tools", server->name);
        } else {
            describe_death(&text, server, result);
        }
        go_down(server, text.data);
        str_finish(&text);
        return;
    }
    foreign_list_add(&server->list, tools);
    bool more = cursor != NULL && cursor[0] != '\0';
    if (more && server->pages < PAGES_MAX) {
        ask_for_tools(server, cursor);
        return;
    }
    if (more && server->fixed == NULL) {
        str_init(&text);
        str_append_format(
            &text, "MCP server %s: its list of tools has more than %d pages, which are left out",
            server->name, PAGES_MAX);
        say(server->foreign, text.data);
        str_finish(&text);
    }
    become_ready(server);
}

/* --- what its client tells --- */

static void on_ready(void *context)
{
    struct foreign_server *server = context;
    foreign_list_finish(&server->list);
    foreign_list_init(&server->list, server->name, &server->allowed);
    server->pages = 0;
    ask_for_tools(server, NULL);
}

static void on_changed(void *context)
{
    struct foreign_server *server = context;
    struct str text;
    if (!server->said_changed) {
        server->said_changed = true;
        str_init(&text);
        str_append_format(&text,
                          "MCP server %s says that it has other tools now; they count from the "
                          "next start of carat on",
                          server->name);
        say(server->foreign, text.data);
        str_finish(&text);
    }
}

static void on_progress(void *context, uint64_t number, const char *bytes, size_t length)
{
    struct foreign_server *server = context;
    struct foreign *foreign = server->foreign;
    struct foreign_call *call = foreign_calls_find(&foreign->calls, server, number);
    if (call != NULL && call->live + length <= LIVE_BYTES) {
        call->live += length;
        foreign->callbacks.calls.output(foreign->callbacks.calls.context, call->call_id, bytes,
                                        length);
    }
}

static void on_result(void *context, uint64_t number, const struct mcp_client_result *result)
{
    struct foreign_server *server = context;
    struct foreign *foreign = server->foreign;
    if (number == server->listing) {
        on_listed(server, result);
        return;
    }
    struct foreign_call *call = foreign_calls_find(&foreign->calls, server, number);
    if (call == NULL) { /* one that was stopped: it has let go of it, or is gone */
        server->owed--;
        if (server->owed == 0 && result->exit_status < 0 && result->exit_signal == 0) {
            send_waiting(server);
        }
        return;
    }
    if (result->result != NULL) {
        bool failed;
        json_t *response = foreign_tools_result(result->result, foreign->result_bytes, &failed);
        server->failures = 0;
        if (failed || !decode_picture(call, result->result, response)) {
            finish(foreign, call, response, failed, NULL);
        }
        json_decref(response);
        return;
    }
    struct str text;
    str_init(&text);
    describe_death(&text, server, result);
    fail(foreign, call, text.data);
    str_finish(&text);
}

static void on_ended(void *context)
{
    struct foreign_server *server = context;
    struct str text;
    struct mcp_client_result death = mcp_client_death(server->client);
    str_init(&text);
    describe_death(&text, server, &death);
    go_down(server, text.data);
    str_finish(&text);
}

static void start(struct foreign_server *server)
{
    struct foreign *foreign = server->foreign;
    struct err err = {0};
    struct tool_process_environment environment;
    struct mcp_client_callbacks callbacks = {.progress = on_progress,
                                             .result = on_result,
                                             .ended = on_ended,
                                             .ready = on_ready,
                                             .changed = on_changed,
                                             .context = server};
    int policy = tool_process_policy(server->policy, &err);
    mem_free(server->problem);
    server->problem = NULL;
    server->state = STATE_STARTING;
    server->since = uv_now(foreign->loop);
    tool_process_environment_init(&environment);
    if (policy >= 0) {
        struct mcp_client_options options = {.loop = foreign->loop,
                                             .argv = server->argv,
                                             .environment = environment.items,
                                             .directory = foreign->workspace,
                                             .descriptor = policy,
                                             .handshake = true,
                                             .flood_bytes = FLOOD_BYTES};
        server->client = mcp_client_start(&options, &callbacks, &err);
        close(policy);
    }
    tool_process_environment_finish(&environment);
    if (server->client == NULL) {
        go_down(server, err.text);
    }
}

/* --- time --- */

/* Once: no server starts any more. Declared is what fits, in the order of the names. */
static void become_known(struct foreign *foreign)
{
    size_t bytes = 0, left_out = 0;
    for (size_t i = 0; i < foreign->count; i++) {
        struct foreign_server *server = &foreign->servers[i];
        size_t k;
        json_t *declaration;
        if (server->fixed == NULL && server->problem != NULL) {
            say(foreign, server->problem);
        }
        json_array_foreach(server->fixed, k, declaration)
        {
            size_t size = json_dumpb(declaration, NULL, 0, JSON_COMPACT);
            if (bytes + size <= FOREIGN_BUDGET) {
                bytes += size;
                json_array_append_new(foreign->declarations, foreign_tools_for_prompt(declaration));
            } else {
                left_out++;
            }
        }
    }
    foreign->known = true;
    if (left_out > 0) {
        struct str text;
        str_init(&text);
        str_append_format(&text,
                          "%zu tools of MCP servers are left out: all together would take too much "
                          "of the prompt (choose with mcp.NAME.tools)",
                          left_out);
        say(foreign, text.data);
        str_finish(&text);
    }
    foreign->callbacks.known(foreign->callbacks.context);
}

/* A call that is late takes its server down: who does not answer one call may answer none. */
static void look_at_deadlines(struct foreign *foreign, uint64_t now)
{
    struct str text;
    str_init(&text);
    for (size_t i = 0; i < foreign->count; i++) {
        struct foreign_server *server = &foreign->servers[i];
        if (server->state == STATE_STARTING && now - server->since > foreign->start_ms) {
            str_clear(&text);
            str_append_format(&text, "the MCP server %s did not start within %d s", server->name,
                              (int)(foreign->start_ms / 1000));
            go_down(server, text.data);
        }
    }
    for (size_t i = 0; i < foreign->calls.count; i++) {
        struct foreign_call *call = foreign->calls.items[i];
        if (call->error != NULL || call->decoding != NULL || now <= call->deadline) {
            continue;
        }
        /* Carat may have been stopped itself (Ctrl+Z), and the answer lie in the pipe. */
        if (!call->looked_at) {
            call->looked_at = true;
        } else {
            str_clear(&text);
            str_append_format(&text, "the MCP server %s did not answer within %d s",
                              call->server->name, call->server->seconds);
            foreign_calls_fail(call, text.data);
            go_down(call->server, text.data);
        }
    }
    str_finish(&text);
}

static void on_tick(uv_timer_t *timer)
{
    struct foreign *foreign = timer->data;
    bool starting = false;
    look_at_deadlines(foreign, uv_now(foreign->loop));
    for (size_t i = 0; i < foreign->calls.count;) {
        struct foreign_call *call = foreign->calls.items[i];
        if (call->error == NULL) {
            i++;
            continue;
        }
        char *error = call->error;
        call->error = NULL;
        fail(foreign, call, error);
        mem_free(error);
        i = 0; /* the callback may have changed the list */
    }
    for (size_t i = 0; i < foreign->count; i++) {
        starting = starting || foreign->servers[i].state == STATE_STARTING;
    }
    if (!foreign->known && !starting) {
        become_known(foreign);
    }
    if (!starting && foreign->calls.count == 0) {
        uv_timer_stop(timer); /* an idle carat wakes up for nothing */
    }
}

/* --- the interface --- */

bool foreign_pending(const struct foreign *foreign)
{
    return foreign != NULL && !foreign->known;
}

const json_t *foreign_declarations(const struct foreign *foreign)
{
    return foreign != NULL ? foreign->declarations : NULL;
}

static struct foreign_server *server_of(struct foreign *foreign, const char *tool)
{
    for (size_t i = 0; i < foreign->count; i++) {
        if (foreign_tools_find(foreign->servers[i].fixed, tool) != NULL) {
            return &foreign->servers[i];
        }
    }
    return NULL;
}

/* To a server that is ready. The tool must still be what was declared. */
static void send_call(struct foreign_call *call)
{
    struct foreign_server *server = call->server;
    const json_t *before = foreign_tools_find(server->fixed, call->tool);
    const json_t *now = foreign_tools_find(server->now, call->tool);
    if (now == NULL || !json_equal(before, now)) {
        foreign_calls_fail(
            call, "the server has changed this tool since it was declared; it is not called "
                  "before the next start of carat");
        return;
    }
    call->number = mcp_client_call(server->client, foreign_tools_original(now), call->arguments);
    if (call->number == 0) {
        foreign_calls_fail(call, "the server has just ended");
    }
}

static void begin(struct foreign *foreign, struct foreign_call *call)
{
    struct foreign_server *server = call->server;
    if (server == NULL) {
        foreign_calls_fail(call, "there is no such tool of an MCP server");
    } else if (server->state == STATE_READY) {
        if (server->owed == 0) {
            send_call(call);
        }
    } else if (server->state == STATE_DOWN && uv_now(foreign->loop) < server->retry_at) {
        struct str text;
        str_init(&text);
        str_append_format(&text, "%s; it may be tried again in %d s", server->problem,
                          (int)((server->retry_at - uv_now(foreign->loop)) / 1000 + 1));
        foreign_calls_fail(call, text.data);
        str_finish(&text);
    } else if (server->state == STATE_DOWN) {
        start(server);
    }
}

void foreign_call(struct foreign *foreign, const char *call_id, const char *tool,
                  const json_t *arguments)
{
    struct foreign_call *call = foreign_calls_add(&foreign->calls, call_id, tool, arguments);
    uv_update_time(foreign->loop);
    call->server = server_of(foreign, tool);
    call->deadline =
        uv_now(foreign->loop) + (call->server != NULL ? (uint64_t)call->server->seconds * 1000 : 0);
    begin(foreign, call);
    uv_timer_start(&foreign->tick, on_tick, call->error != NULL ? 0 : TICK_MS, TICK_MS);
}

/* The call ends now, whatever its server does. That is told, and has the client's time to answer,
 * in which it gets no other call; then it is stopped. */
static void let_go(struct foreign_call *call)
{
    struct foreign_server *server = call->server;
    if (call->number != 0 && server->client != NULL && call->error == NULL) {
        mcp_client_cancel(server->client, call->number);
        server->owed++;
        call->server = NULL;
    }
    foreign_calls_fail(call, "stopped by the user");
}

void foreign_cancel(struct foreign *foreign, const char *call_id)
{
    for (size_t i = 0; i < foreign->calls.count; i++) {
        struct foreign_call *call = foreign->calls.items[i];
        if (strcmp(call->call_id, call_id) == 0) {
            call->cancelled = true;
            if (call->decoding != NULL) {
                decoding_stop(call->decoding);
            } else {
                let_go(call);
                uv_timer_start(&foreign->tick, on_tick, 0, TICK_MS);
            }
        }
    }
}

json_t *foreign_statuses(const struct foreign *foreign)
{
    static const char *const words[] = {"pending", "connected", "failed"};
    json_t *servers = json_array();
    for (size_t i = 0; foreign != NULL && i < foreign->count; i++) {
        const struct foreign_server *server = &foreign->servers[i];
        json_array_append_new(
            servers, json_pack("{s:s, s:s}", "name", server->name, "status", words[server->state]));
    }
    return servers;
}

void foreign_describe(const struct foreign *foreign, struct str *out)
{
    static const char *const words[] = {"starting", "ready", "down"};
    for (size_t i = 0; i < foreign->count; i++) {
        const struct foreign_server *server = &foreign->servers[i];
        size_t k;
        json_t *declaration;
        str_append_format(out, "%s%s: %s%s%s, %zu tools%s%s", i > 0 ? "\n" : "", server->name,
                          server->owed > 0 ? "stopping a call" : words[server->state],
                          server->network ? ", network" : "", server->writable ? ", writable" : "",
                          json_array_size(server->fixed), server->problem != NULL ? "; " : "",
                          server->problem != NULL ? server->problem : "");
        json_array_foreach(server->fixed, k, declaration)
        {
            const char *name = foreign_tools_name(declaration);
            bool declared = foreign_tools_find(foreign->declarations, name) != NULL;
            str_append_format(out, "\n  %s%s  %.100s", name, declared ? "" : " (left out)",
                              json_string_value(json_object_get(
                                  json_object_get(declaration, "function"), "description")));
        }
    }
}

/* --- birth and death --- */

static void make_argv(struct foreign_server *server, const struct foreign_options *options,
                      const struct config_server *from)
{
    const char *const fixed[] = {
        options->program, "--workspace", options->workspace, "--policy-fd", "3", "--run", "--",
        "server"};
    enum { FIXED = sizeof fixed / sizeof fixed[0] };
    server->argv = mem_zero(FIXED + 1 + from->arguments.count + 1, sizeof *server->argv);
    size_t count = 0;
    for (size_t i = 0; i < FIXED; i++) {
        server->argv[count++] = mem_strdup(fixed[i]);
    }
    server->argv[count++] = mem_strdup(from->command);
    for (size_t i = 0; i < from->arguments.count; i++) {
        server->argv[count++] = mem_strdup(from->arguments.items[i]);
    }
}

static void make_server(struct foreign *foreign, const struct foreign_options *options, size_t from)
{
    const struct config_server *config = &options->servers->items[from];
    struct foreign_server *server = &foreign->servers[foreign->count++];
    char *dump = json_dumps(options->policies[from], JSON_COMPACT);
    *server = (struct foreign_server){.foreign = foreign,
                                      .name = mem_strdup(config->name),
                                      .policy = mem_strdup(dump != NULL ? dump : ""), /* none */
                                      .seconds = config->seconds,
                                      .network = config->network,
                                      .writable = config->writable};
    free(dump);
    for (size_t i = 0; i < config->tools.count; i++) {
        config_list_add(&server->allowed, config->tools.items[i]);
    }
    make_argv(server, options, config);
}

static int by_server_name(const void *a, const void *b)
{
    return strcmp(((const struct foreign_server *)a)->name,
                  ((const struct foreign_server *)b)->name);
}

struct foreign *foreign_create(const struct foreign_options *options,
                               const struct foreign_callbacks *callbacks)
{
    struct foreign *foreign = mem_zero(1, sizeof *foreign);
    foreign->loop = options->loop;
    foreign->program = mem_strdup(options->program);
    foreign->workspace = mem_strdup(options->workspace);
    foreign->callbacks = *callbacks;
    foreign->result_bytes = options->result_bytes;
    foreign->start_ms = (uint64_t)options->start_ms;
    foreign->pause_ms = (uint64_t)options->pause_ms;
    foreign->declarations = json_array();
    foreign->servers = mem_zero(options->servers->count + 1, sizeof *foreign->servers);
    uv_timer_init(foreign->loop, &foreign->tick);
    foreign->tick.data = foreign;
    for (size_t i = 0; i < options->servers->count; i++) {
        if (!options->servers->items[i].off && options->servers->items[i].command != NULL) {
            make_server(foreign, options, i);
        }
    }
    qsort(foreign->servers, foreign->count, sizeof *foreign->servers, by_server_name);
    uv_update_time(foreign->loop);
    for (size_t i = 0; i < foreign->count; i++) {
        start(&foreign->servers[i]);
    }
    uv_timer_start(&foreign->tick, on_tick, 0, TICK_MS);
    return foreign;
}

static void on_tick_closed(uv_handle_t *handle)
{
    mem_free(handle->data);
}

static void free_server(struct foreign_server *server)
{
    mcp_client_leave(server->client);
    for (size_t i = 0; server->argv[i] != NULL; i++) {
        mem_free(server->argv[i]);
    }
    mem_free(server->argv);
    mem_free(server->name);
    mem_free(server->policy);
    mem_free(server->problem);
    config_list_finish(&server->allowed);
    foreign_list_finish(&server->list);
    json_decref(server->now);
    json_decref(server->fixed);
}

void foreign_destroy(struct foreign *foreign)
{
    if (foreign == NULL) {
        return;
    }
    for (size_t i = 0; i < foreign->count; i++) {
        free_server(&foreign->servers[i]);
    }
    for (size_t i = 0; i < foreign->calls.count; i++) {
        foreign_calls_free(foreign->calls.items[i]);
    }
    mem_free(foreign->calls.items);
    mem_free(foreign->servers);
    mem_free(foreign->program);
    mem_free(foreign->workspace);
    json_decref(foreign->declarations);
    uv_close((uv_handle_t *)&foreign->tick, on_tick_closed);
}
