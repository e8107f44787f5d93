/* command_acp: an editor in the place of the screen.
 *
 * One app, hence one conversation at a time: sessions are conversations of the store, and a prompt
 * makes its session the present one. Prompts take turns, whatever their sessions. A session of
 * another folder (or with other servers of the editor's) needs an app of its own: the present one
 * is closed and opened there, with that project's configuration. That cannot be done from inside
 * the loop that the app owns, so the request that needs it waits in `deferred`, or at the head of
 * the queue, until the loop has stopped; the link stands still meanwhile and loses nothing.
 *
 * Standard output is the protocol's alone; what a person should see goes to standard error.
 */
#include "acp/command_acp.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <uv.h>

#include "acp/acp_commands.h"
#include "acp/acp_prompt.h"
#include "acp/acp_sessions.h"
#include "acp/acp_shapes.h"
#include "app/app.h"
#include "app/notice.h"
#include "app/settings.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "rpc/rpc_link.h"
#include "store/store.h"
#include "store/uuid.h"

enum { OUTPUT_TAIL = 8 * 1024, OUTPUT_PAUSE_US = 100 * 1000, LIST_LIMIT = 200 };

struct acp {
    const struct config *asked; /* the command line */
    struct config config;       /* of the app, while it is open */
    struct app app;
    bool open;
    struct acp_session *room; /* whose workspace and servers the app has; a copy */
    uv_loop_t idle;           /* until there is an app */
    uv_signal_t interrupt, terminate;
    struct rpc_link *link;
    struct acp_sessions sessions;
    char present[37];                 /* the session whose conversation the agent has; "" = none */
    bool running;                     /* the first prompt of the queue has its turn */
    struct json_rpc_message deferred; /* a request that needs an app; whole NULL = none */
    char wanted[37];                  /* open the app for this session */
    bool ended;
    enum exit_code code;
    uint64_t question; /* the editor is asked about asking; 0 = it is not */
    char *asking;
    struct str rule;      /* that "always" would make */
    struct str said;      /* by the tool that runs, its end */
    int64_t said_us;      /* when it was sent */
    struct str complaint; /* why the turn fails */
};

/* --- to the editor --- */

static void tell(struct acp *acp, const char *session, json_t *update)
{
    rpc_link_notify(acp->link, "session/update",
                    json_pack("{ssso}", "sessionId", session, "update", update));
}

static void tell_text(struct acp *acp, const char *kind, const char *text, size_t length)
{
    tell(acp, acp->present, acp_shapes_chunk(kind, text, length));
}

/* A sentence of carat's own, among what the model says. */
static void tell_notice(struct acp *acp, const char *text)
{
    struct str line;
    str_init(&line);
    str_append_format(&line, "\n[carat: %s]\n", text);
    tell_text(acp, "agent_message_chunk", line.data, line.length);
    str_finish(&line);
}

static enum approval_mode mode_of(const struct acp *acp, const struct acp_session *session)
{
    return session->mode_chosen ? session->mode : app_mode(acp->app.config, false);
}

static json_t *modes_of(const struct acp *acp, const struct acp_session *session)
{
    return acp_shapes_modes(mode_of(acp, session), app_mode_ceiling(acp->app.config));
}

static void tell_commands(struct acp *acp, const char *session)
{
    tell(acp, session, acp_commands_update());
}

static bool run_command(struct acp *acp, struct acp_session *session, const char *text)
{
    struct str out;
    str_init(&out);
    bool ran = acp_commands_run(&acp->app, session, text, &out);
    if (ran) {
        tell_text(acp, "agent_message_chunk", out.data, out.length);
    }
    str_finish(&out);
    return ran;
}

/* --- the end of a turn --- */

/* Answers the prompt that has its turn; the next one begins when the loop has stopped. */
static void end_turn(struct acp *acp, const char *stop_reason, const char *failure)
{
    json_t *request = acp_sessions_withdraw(&acp->sessions, acp->sessions.turns[0].session, 0);
    if (stop_reason != NULL) {
        rpc_link_result(acp->link, request, json_pack("{ss}", "stopReason", stop_reason));
    } else {
        rpc_link_error(acp->link, request, JSON_RPC_INTERNAL_ERROR, "%s", failure);
    }
    json_decref(request);
    acp->running = false;
    str_clear(&acp->complaint);
    /* The next one may need another agent, and this may be a callback of the present one. */
    if (acp->ended || acp->sessions.turn_count > 0) {
        uv_stop(&acp->app.loop);
    }
}

static void forget_question(struct acp *acp)
{
    rpc_link_forget(acp->link, acp->question);
    mem_free(acp->asking);
    acp->asking = NULL;
    acp->question = 0;
}

static void turn_ended(struct acp *acp, const struct agent_event *event)
{
    const char *text = event->text != NULL ? event->text : turn_outcome_text(event->outcome);
    bool explained = event->outcome == TURN_OK || event->outcome == TURN_CANCELLED;
    forget_question(acp);
    if (acp_shapes_stop_reason(event->outcome) != NULL && !explained) {
        tell_notice(acp, text);
    }
    if (acp->running) {
        end_turn(acp, acp_shapes_stop_reason(event->outcome),
                 acp->complaint.length > 0 ? acp->complaint.data : text);
    }
}

/* --- approval --- */

static void on_decision(void *context, const json_t *result)
{
    struct acp *acp = context;
    enum approval_answer answer = APPROVAL_NO;
    struct err err;
    char *call_id = acp->asking;
    acp->asking = NULL;
    acp->question = 0;
    bool decided = acp_shapes_decision(result, &answer);
    if (acp_shapes_withdrawn(result)) {
        agent_cancel(acp->app.agent);
        mem_free(call_id);
        return;
    }
    if (answer == APPROVAL_YES_ALWAYS && !app_always(&acp->app, acp->rule.data, &err)) {
        err_prefix(&err, "only this once");
        tell_notice(acp, err.text);
        answer = APPROVAL_YES;
    }
    if (call_id != NULL && acp->open) {
        agent_decide(acp->app.agent, call_id, answer, decided ? NULL : "the editor gave no answer");
    }
    mem_free(call_id);
}

static void ask(struct acp *acp, const struct agent_event *event)
{
    str_clear(&acp->rule);
    bool has_rule = approval_rule_for(event->name, event->arguments, &acp->rule);
    acp->asking = mem_strdup(event->call_id);
    acp->question = rpc_link_ask(acp->link, "session/request_permission",
                                 acp_shapes_permission(acp->present, acp->app.workspace, event,
                                                       has_rule ? acp->rule.data : NULL),
                                 on_decision, acp);
}

/* --- what the agent says --- */

/* An update shows all that it replaces, so it holds the end of what was said, ten times a second.
 */
static void call_output(struct acp *acp, const struct agent_event *event)
{
    str_append_bytes(&acp->said, event->text, event->length);
    if (acp->said.length > OUTPUT_TAIL) {
        str_remove(&acp->said, 0, acp->said.length - OUTPUT_TAIL);
    }
    int64_t now = clock_monotonic_us();
    if (now - acp->said_us >= OUTPUT_PAUSE_US) {
        acp->said_us = now;
        tell(acp, acp->present,
             acp_shapes_call_output(event->call_id, acp->said.data, acp->said.length));
    }
}

static void agent_event(void *context, const struct agent_event *event)
{
    struct acp *acp = context;
    switch (event->kind) {
    case AGENT_USER: {
        struct acp_session *session = acp_sessions_find(&acp->sessions, acp->present);
        if (session != NULL) {
            session->stored = true;
        }
        break;
    }
    case AGENT_TEXT:
        tell_text(acp, "agent_message_chunk", event->text, event->length);
        break;
    case AGENT_THOUGHT:
        tell_text(acp, "agent_thought_chunk", event->text, event->length);
        break;
    case AGENT_CALL:
        str_clear(&acp->said);
        tell(acp, acp->present,
             acp_shapes_call(acp->app.workspace, event->call_id, event->name, event->arguments,
                             false));
        break;
    case AGENT_APPROVAL:
        ask(acp, event);
        break;
    case AGENT_CALL_STARTED:
        tell(acp, acp->present, acp_shapes_call_started(event->call_id));
        break;
    case AGENT_CALL_OUTPUT:
        call_output(acp, event);
        break;
    case AGENT_CALL_FINISHED:
        tell(acp, acp->present,
             acp_shapes_call_ended(event->call_id, event->name, event->result,
                                   event->failed || event->denied));
        break;
    case AGENT_USAGE:
        if (event->total > 0) {
            tell(acp, acp->present, acp_shapes_usage(event->done, event->total));
        }
        break;
    case AGENT_NOTICE:
        notice_print(event->text);
        if (acp->running) {
            tell_notice(acp, event->text);
        }
        break;
    case AGENT_FAILED:
        str_clear(&acp->complaint);
        str_append(&acp->complaint, event->text);
        break;
    case AGENT_TURN_ENDED:
        turn_ended(acp, event);
        break;
    default:
        break;
    }
}

/* --- prompts --- */

static bool make_present(struct acp *acp, const struct acp_session *session, struct err *err)
{
    if (strcmp(acp->present, session->id) != 0) {
        acp->present[0] = '\0';
        if (session->stored ? !app_switch_conversation(&acp->app, session->id, err)
                            : !app_new_conversation(&acp->app, session->id, NULL, err)) {
            return false;
        }
        memcpy(acp->present, session->id, sizeof acp->present);
    }
    enum approval_mode mode = mode_of(acp, session), ceiling = app_mode_ceiling(acp->app.config);
    agent_set_mode(acp->app.agent, mode < ceiling ? mode : ceiling);
    if (session->thinking_chosen) {
        agent_set_thinking(acp->app.agent, session->thinking);
    }
    return true;
}

static bool submit(struct acp *acp, const struct acp_prompt *prompt, struct err *err)
{
    struct agent *agent = acp->app.agent;
    bool ok = true;
    for (size_t i = 0; ok && i < prompt->count; i++) {
        const struct acp_prompt_file *file = &prompt->files[i];
        ok = agent_attach_bytes(agent, file->bytes, file->size, file->picture, err);
    }
    const char *words;
    const struct skill *skill = app_skill_called(&acp->app, prompt->text.data, &words);
    ok = ok && (skill != NULL ? app_call_skill(&acp->app, skill, words, err)
                              : agent_submit(agent, prompt->text.data, prompt->text.length, err));
    if (!ok) {
        agent_detach(agent, 0);
    }
    return ok;
}

/* Begins the turn of the first prompt, or asks for the app that it needs. */
static void start_next(struct acp *acp)
{
    if (acp->running || acp->sessions.turn_count == 0 || acp->ended) {
        return;
    }
    const struct acp_turn *turn = &acp->sessions.turns[0];
    struct acp_session *session = acp_sessions_find(&acp->sessions, turn->session);
    if (!acp_sessions_alike(session, acp->room)) {
        memcpy(acp->wanted, session->id, sizeof acp->wanted);
        uv_stop(&acp->app.loop);
        return;
    }
    struct acp_prompt prompt;
    struct err err;
    acp->running = true;
    if (!make_present(acp, session, &err) || !acp_prompt_read(turn->prompt, &prompt, &err)) {
        end_turn(acp, NULL, err.text);
        return;
    }
    if (run_command(acp, session, prompt.text.data)) {
        end_turn(acp, "end_turn", NULL);
    } else if (!submit(acp, &prompt, &err)) {
        end_turn(acp, NULL, err.text);
    }
    acp_prompt_finish(&prompt);
}

/* --- methods --- */

static const char *parameter(const struct json_rpc_message *message, const char *name)
{
    return json_string_value(json_object_get(message->params, name));
}

static struct acp_session *session_of(struct acp *acp, const struct json_rpc_message *message)
{
    const char *id = parameter(message, "sessionId");
    struct acp_session *session = acp_sessions_find(&acp->sessions, id);
    if (session == NULL) {
        rpc_link_error(acp->link, message->id, JSON_RPC_INVALID_PARAMS, "no session %.60s is open",
                       id != NULL ? id : "(none)");
    }
    return session;
}

/* What the model takes besides text is known by its encoders; without a model nothing is. */
static void answer_initialize(struct acp *acp, const struct json_rpc_message *message)
{
    struct app look = {.config = acp->asked};
    bool media = false;
    if (paths_find(&look.paths, NULL) && app_find_model(&look, NULL)) {
        media = app_takes_media(&look);
    }
    paths_finish(&look.paths);
    mem_free(look.model_path);
    mem_free(look.mmproj_path);
    rpc_link_result(acp->link, message->id, acp_shapes_agent(media, media, CARAT_VERSION));
}

static void answer_authenticate(struct acp *acp, const struct json_rpc_message *message)
{
    rpc_link_result(acp->link, message->id, json_object());
}

static void answer_new(struct acp *acp, const struct json_rpc_message *message)
{
    static uint64_t last_stamp;
    char id[UUID_SIZE];
    struct err err;
    struct acp_session *session = NULL;
    if (uuid_make(clock_wall_ms(), &last_stamp, id, &err)) {
        session = acp_sessions_add(&acp->sessions, id, message->params, &err);
    }
    if (session == NULL) {
        rpc_link_error(acp->link, message->id, JSON_RPC_INVALID_PARAMS, "%s", err.text);
        return;
    }
    rpc_link_result(acp->link, message->id,
                    json_pack("{ssso}", "sessionId", id, "modes", modes_of(acp, session)));
    tell_commands(acp, id);
}

static void tell_message(struct acp *acp, const struct acp_session *session,
                         const struct chat_message *message)
{
    const char *id = session->id;
    if (message->role == CHAT_USER) {
        tell(acp, id, acp_shapes_chunk("user_message_chunk", message->text, strlen(message->text)));
    } else if (message->role == CHAT_MODEL) {
        if (message->thought[0] != '\0') {
            tell(acp, id,
                 acp_shapes_chunk("agent_thought_chunk", message->thought,
                                  strlen(message->thought)));
        }
        if (message->text[0] != '\0') {
            tell(acp, id,
                 acp_shapes_chunk("agent_message_chunk", message->text, strlen(message->text)));
        }
        for (size_t i = 0; i < message->call_count; i++) {
            const struct chat_call *call = &message->calls[i];
            tell(acp, id,
                 acp_shapes_call(session->workspace, call->id, call->name, call->arguments, true));
        }
    } else if (message->role == CHAT_TOOL) {
        json_t *result =
            message->result != NULL
                ? json_incref(message->result)
                : json_pack("{so}", "output", json_rpc_text(message->text, strlen(message->text)));
        tell(acp, id,
             acp_shapes_call_ended(message->call_id, message->call_name, result, message->failed));
        json_decref(result);
    }
}

/* session/load tells all that was said; session/resume does not. */
static void take_up(struct acp *acp, const struct json_rpc_message *message, bool history)
{
    struct err err;
    struct store_conversation found;
    const char *id = parameter(message, "sessionId");
    if (id == NULL || !uuid_valid(id) ||
        !store_conversation_find(acp->app.store, id, &found, NULL)) {
        rpc_link_error(acp->link, message->id, JSON_RPC_INVALID_PARAMS, "no conversation %.60s",
                       id != NULL ? id : "(none)");
        return;
    }
    store_conversation_finish(&found);
    if (acp->running && strcmp(acp->present, id) == 0) {
        rpc_link_error(acp->link, message->id, JSON_RPC_INVALID_REQUEST,
                       "a turn of this session runs");
        return;
    }
    struct chat_conversation told;
    struct acp_session *session = NULL;
    chat_conversation_init(&told);
    if (!history || store_messages_load(acp->app.store, id, &told, NULL, &err)) {
        session = acp_sessions_add(&acp->sessions, id, message->params, &err);
    }
    if (session == NULL) {
        rpc_link_error(acp->link, message->id, JSON_RPC_INVALID_PARAMS, "%s", err.text);
    } else {
        session->stored = true;
        for (size_t i = 0; i < told.count; i++) {
            tell_message(acp, session, &told.messages[i]);
        }
        rpc_link_result(acp->link, message->id, json_pack("{so}", "modes", modes_of(acp, session)));
        tell_commands(acp, id);
    }
    chat_conversation_finish(&told);
}

static void answer_load(struct acp *acp, const struct json_rpc_message *message)
{
    take_up(acp, message, true);
}

static void answer_resume(struct acp *acp, const struct json_rpc_message *message)
{
    take_up(acp, message, false);
}

static void answer_list(struct acp *acp, const struct json_rpc_message *message)
{
    struct store_conversation *list;
    size_t count;
    struct err err;
    const char *cwd = parameter(message, "cwd");
    if (!store_conversation_list(acp->app.store, STORE_SHOWN, LIST_LIMIT, &list, &count, &err)) {
        rpc_link_error(acp->link, message->id, JSON_RPC_INTERNAL_ERROR, "%s", err.text);
        return;
    }
    json_t *sessions = json_array();
    for (size_t i = 0; i < count; i++) {
        const struct store_conversation *one = &list[i];
        char when[CLOCK_UTC_SIZE];
        clock_utc(one->updated_ms, when);
        if (one->message_count > 0 && (cwd == NULL || strcmp(cwd, one->workspace) == 0)) {
            const char *title = one->title[0] != '\0' ? one->title : one->beginning;
            json_array_append_new(
                sessions, json_pack("{ss so so ss}", "sessionId", one->id, "cwd",
                                    json_rpc_text(one->workspace, strlen(one->workspace)), "title",
                                    json_rpc_text(title, strlen(title)), "updatedAt", when));
        }
        store_conversation_finish(&list[i]);
    }
    mem_free(list);
    rpc_link_result(acp->link, message->id, json_pack("{so}", "sessions", sessions));
}

static void answer_prompt(struct acp *acp, const struct json_rpc_message *message)
{
    struct acp_session *session = session_of(acp, message);
    if (session == NULL) {
        return;
    }
    for (size_t i = 0; i < acp->sessions.turn_count; i++) {
        if (strcmp(acp->sessions.turns[i].session, session->id) == 0) {
            rpc_link_error(acp->link, message->id, JSON_RPC_INVALID_REQUEST,
                           "a prompt of this session has no answer yet");
            return;
        }
    }
    acp_sessions_queue(&acp->sessions, message->id, session->id,
                       json_object_get(message->params, "prompt"));
    start_next(acp);
}

static void answer_set_mode(struct acp *acp, const struct json_rpc_message *message)
{
    struct acp_session *session = session_of(acp, message);
    const char *name = parameter(message, "modeId");
    enum approval_mode mode;
    if (session == NULL) {
        return;
    }
    if (name == NULL || !approval_mode_parse(name, &mode) ||
        mode > app_mode_ceiling(acp->app.config)) {
        rpc_link_error(acp->link, message->id, JSON_RPC_INVALID_PARAMS,
                       "modeId %.40s is none of the modes of this session",
                       name != NULL ? name : "(none)");
        return;
    }
    session->mode = mode;
    session->mode_chosen = true;
    if (strcmp(acp->present, session->id) == 0) {
        agent_set_mode(acp->app.agent, mode);
    }
    tell(acp, session->id, acp_shapes_mode(mode));
    rpc_link_result(acp->link, message->id, json_object());
}

/* Stops what the session runs; its prompt is answered when that has ended. */
static void cancel(struct acp *acp, const char *id)
{
    bool runs = acp->running && strcmp(acp->sessions.turns[0].session, id) == 0;
    json_t *waiting = acp_sessions_withdraw(&acp->sessions, id, acp->running ? 1 : 0);
    if (waiting != NULL) {
        rpc_link_result(acp->link, waiting, json_pack("{ss}", "stopReason", "cancelled"));
        json_decref(waiting);
    }
    if (runs) {
        agent_cancel(acp->app.agent);
    }
}

static void answer_close(struct acp *acp, const struct json_rpc_message *message)
{
    struct acp_session *session = session_of(acp, message);
    if (session == NULL) {
        return;
    }
    cancel(acp, session->id);
    acp_sessions_remove(&acp->sessions, session->id);
    rpc_link_result(acp->link, message->id, json_object());
}

static const struct {
    const char *name;
    void (*answer)(struct acp *acp, const struct json_rpc_message *message);
    bool needs_app; /* the store, the configuration or the model */
} methods[] = {
    {"initialize", answer_initialize, false}, {"authenticate", answer_authenticate, false},
    {"session/new", answer_new, true},        {"session/load", answer_load, true},
    {"session/resume", answer_resume, true},  {"session/list", answer_list, true},
    {"session/prompt", answer_prompt, true},  {"session/set_mode", answer_set_mode, true},
    {"session/close", answer_close, true},
};

static void answer(struct acp *acp, const struct json_rpc_message *message)
{
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        if (strcmp(methods[i].name, message->method) != 0) {
            continue;
        }
        if (methods[i].needs_app && !acp->open) {
            acp->deferred = *message;
            json_incref(message->whole);
            rpc_link_listen(acp->link, false);
            uv_stop(&acp->idle);
        } else {
            methods[i].answer(acp, message);
        }
        return;
    }
    rpc_link_error(acp->link, message->id, JSON_RPC_METHOD_NOT_FOUND, "unknown method: %.80s",
                   message->method);
}

static void on_request(void *context, const struct json_rpc_message *message)
{
    answer(context, message);
}

static void on_notification(void *context, const struct json_rpc_message *message)
{
    struct acp *acp = context;
    const char *id = parameter(message, "sessionId");
    if (strcmp(message->method, "session/cancel") == 0 && id != NULL) {
        cancel(acp, id);
    }
}

static uv_loop_t *loop_of(struct acp *acp)
{
    return acp->open ? &acp->app.loop : &acp->idle;
}

/* What runs is stopped and kept; then there is nothing left to do. */
static void finish_work(struct acp *acp, enum exit_code code)
{
    bool again = acp->ended;
    acp->ended = true;
    acp->code = code;
    if (acp->running && !again) {
        agent_cancel(acp->app.agent);
    } else {
        uv_stop(loop_of(acp));
    }
}

static void on_ended(void *context)
{
    finish_work(context, EXIT_CODE_OK);
}

static void on_signal(uv_signal_t *handle, int signal)
{
    finish_work(handle->data, signal == SIGTERM ? EXIT_CODE_SIGTERM : EXIT_CODE_SIGINT);
}

/* --- the app --- */

static void forget_room(struct acp *acp)
{
    if (acp->room != NULL) {
        mem_free(acp->room->workspace);
        json_decref(acp->room->servers);
        mem_free(acp->room);
        acp->room = NULL;
    }
}

static void close_app(struct acp *acp)
{
    if (acp->open) {
        app_close(&acp->app);
        config_finish(&acp->config);
        acp->open = false;
    }
    forget_room(acp);
    acp->present[0] = '\0';
}

static bool open_app(struct acp *acp, const struct acp_session *session, struct err *err)
{
    struct app_face face = {.event = agent_event, .context = acp};
    close_app(acp);
    config_init(&acp->config);
    acp->open = settings_read(&acp->config, acp->asked->argument_count, acp->asked->arguments,
                              session->workspace, err) &&
                acp_sessions_add_servers(session, &acp->config, err) &&
                app_open(&acp->app, &acp->config, false, face, err);
    if (!acp->open) {
        config_finish(&acp->config);
        return false;
    }
    acp->room = mem_zero(1, sizeof *acp->room);
    acp->room->workspace = mem_strdup(session->workspace);
    acp->room->servers = json_deep_copy(session->servers);
    notice_print_all(&acp->app.notices);
    return true;
}

/* The first request that needs an app says where: its own folder, or where carat was started. */
static void open_for_deferred(struct acp *acp)
{
    struct json_rpc_message message = acp->deferred;
    struct acp_sessions scratch = {0};
    struct err err;
    char here[4096];
    acp->deferred = (struct json_rpc_message){0};
    json_t *params = message.params != NULL ? json_deep_copy(message.params) : json_object();
    if (json_object_get(params, "cwd") == NULL && getcwd(here, sizeof here) != NULL) {
        json_object_set_new(params, "cwd", json_string(here));
    }
    const struct acp_session *session = acp_sessions_add(&scratch, "", params, &err);
    if (session == NULL || !open_app(acp, session, &err)) {
        int code = session == NULL ? JSON_RPC_INVALID_PARAMS : JSON_RPC_INTERNAL_ERROR;
        rpc_link_error(acp->link, message.id, code, "%s", err.text);
    } else {
        answer(acp, &message);
    }
    acp_sessions_finish(&scratch);
    json_decref(params);
    json_rpc_finish(&message);
    rpc_link_listen(acp->link, true);
}

static void open_for_prompt(struct acp *acp)
{
    struct err err;
    const struct acp_session *session = acp_sessions_find(&acp->sessions, acp->wanted);
    acp->wanted[0] = '\0';
    if (session != NULL && !open_app(acp, session, &err)) {
        json_t *request = acp_sessions_withdraw(&acp->sessions, session->id, 0);
        rpc_link_error(acp->link, request, JSON_RPC_INTERNAL_ERROR, "%s", err.text);
        json_decref(request);
        if (acp->sessions.turn_count > 0) {
            memcpy(acp->wanted, acp->sessions.turns[0].session, sizeof acp->wanted);
        }
    }
}

/* --- running --- */

static void watch_signal(struct acp *acp, uv_signal_t *handle, int signal)
{
    uv_signal_init(loop_of(acp), handle);
    handle->data = acp;
    uv_signal_start(handle, on_signal, signal);
}

/* Until the input ends, or an app must be opened first. */
static bool run_loop(struct acp *acp, struct err *err)
{
    uv_loop_t *loop = loop_of(acp);
    if (!rpc_link_watch(acp->link, loop, err)) {
        return false;
    }
    watch_signal(acp, &acp->interrupt, SIGINT);
    watch_signal(acp, &acp->terminate, SIGTERM);
    if (acp->open) {
        start_next(acp);
    }
    if (acp->wanted[0] == '\0') {
        uv_run(loop, UV_RUN_DEFAULT);
    }
    rpc_link_unwatch(acp->link);
    uv_close((uv_handle_t *)&acp->interrupt, NULL);
    uv_close((uv_handle_t *)&acp->terminate, NULL);
    uv_run(loop, UV_RUN_NOWAIT);
    return true;
}

enum exit_code command_acp(struct config *config)
{
    struct acp acp = {.asked = config, .code = EXIT_CODE_OK};
    struct rpc_link_callbacks callbacks = {on_request, on_notification, on_ended, &acp};
    struct err err;
    signal(SIGPIPE, SIG_IGN);
    str_init(&acp.rule);
    str_init(&acp.said);
    str_init(&acp.complaint);
    uv_loop_init(&acp.idle);
    acp.link = rpc_link_create(STDIN_FILENO, STDOUT_FILENO, &callbacks, &err);
    bool ok = acp.link != NULL;
    while (ok && !acp.ended) {
        ok = run_loop(&acp, &err);
        if (acp.deferred.whole != NULL && !acp.ended) {
            open_for_deferred(&acp);
        } else if (acp.wanted[0] != '\0' && !acp.ended) {
            open_for_prompt(&acp);
        }
    }
    if (!ok) {
        notice_print(err.text);
        acp.code = EXIT_CODE_FAILURE;
    }
    json_rpc_finish(&acp.deferred);
    close_app(&acp);
    rpc_link_destroy(acp.link);
    uv_run(&acp.idle, UV_RUN_DEFAULT);
    uv_loop_close(&acp.idle);
    acp_sessions_finish(&acp.sessions);
    mem_free(acp.asking);
    str_finish(&acp.rule);
    str_finish(&acp.said);
    str_finish(&acp.complaint);
    return acp.code;
}
