/* command_mcp: calls come in, go through the same approval and the same sandbox as the model's, and
 * their results go out.
 *
 * Two kinds of calls. A tool's goes to its process at once, beside others. A turn ("carat",
 * "carat-reply") needs the model, so turns take turns; the model is loaded with the first of them.
 * A call that must be approved is put before the client's user where the client can do that
 * (elicitation; in the stateless manner by a result that asks for the answer), and refused where
 * not. The mode is that of exec: full, inside the sandbox, unless something tighter was asked for.
 *
 * A cancelled call gets no answer. When the input ends, what was asked for is still done and
 * answered, as long as somebody reads.
 */
#include "command/command_mcp.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <uv.h>

#include "agent/calls.h"
#include "agent/hooks.h"
#include "agent/preview.h"
#include "app/app.h"
#include "app/lane.h"
#include "app/notice.h"
#include "approval/toolset.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/utf8.h"
#include "base/vec.h"
#include "command/call_looks.h"
#include "command/mcp_hooks.h"
#include "command/mcp_news.h"
#include "command/mcp_shapes.h"
#include "rpc/rpc_link.h"
#include "store/store.h"
#include "store/uuid.h"

enum { CALLS_LIMIT = 64, LOOK_MS = 500 };

struct door;

/* One tools/call without an answer. */
struct call {
    struct door *door;
    json_t *id, *arguments;
    char *tool;
    char key[24]; /* its name for the tools' processes */
    bool turn;    /* carat, carat-reply */
    bool begun;   /* the tool was started, or the turn */
    bool at_hook; /* one of the user's commands looks at it */
    json_t *made; /* its result, while a hook behind it runs and what it made is looked at */
    bool stateless, elicits, cancelled;
    uint64_t question; /* the client is being asked; 0 = it is not */
    char *asked;       /* of a turn: which of its calls */
    bool shown;        /* the user was, and said yes */
    struct mcp_news news;
};

struct door {
    struct app app;
    struct rpc_link *link;
    struct toolproc *toolproc;
    struct call_looks *looks;
    struct approval_session *session;
    struct hooks *hooks;    /* for direct calls; NULL = none */
    char secret[UUID_SIZE]; /* what makes a requestState ours */
    bool shook_hands, elicits;
    struct {
        struct call **items;
        size_t count, capacity;
    } calls;
    uint64_t last_call;
    struct lane *lane; /* with the first turn */
    struct call *turn; /* that runs */
    struct str answer, complaint;
    uv_timer_t soon; /* the next turn begins, or is there still somebody? */
    uv_signal_t interrupt, terminate;
    bool ended;
};

/* --- calls --- */

static void free_call(struct call *call)
{
    rpc_link_forget(call->door->link, call->question);
    json_decref(call->id);
    json_decref(call->arguments);
    json_decref(call->made);
    mem_free(call->tool);
    mem_free(call->asked);
    mcp_news_finish(&call->news);
    mem_free(call);
}

static void leave_when_done(struct door *door)
{
    if (door->ended && door->calls.count == 0) {
        app_stop(&door->app, door->app.exit_code);
    }
}

static void remove_call(struct call *call)
{
    struct door *door = call->door;
    for (size_t i = 0; i < door->calls.count; i++) {
        if (door->calls.items[i] == call) {
            door->calls.count--;
            memmove(door->calls.items + i, door->calls.items + i + 1,
                    (door->calls.count - i) * sizeof(struct call *));
        }
    }
    free_call(call);
    leave_when_done(door);
}

/* The result is taken over. A call that was cancelled gets no answer. */
static void settle(struct call *call, json_t *result)
{
    if (call->stateless) {
        mcp_shapes_stamp(result, CARAT_VERSION);
    }
    if (call->cancelled) {
        json_decref(result);
    } else {
        rpc_link_result(call->door->link, call->id, result);
    }
    remove_call(call);
}

static void fail(struct call *call, const char *text)
{
    settle(call, mcp_shapes_said(text, strlen(text), true));
}

/* --- a tool's call --- */

static struct call *find_call(struct door *door, const char *key)
{
    for (size_t i = 0; i < door->calls.count; i++) {
        if (strcmp(door->calls.items[i]->key, key) == 0) {
            return door->calls.items[i];
        }
    }
    return NULL;
}

static void tool_output(void *context, const char *call_id, const char *bytes, size_t length)
{
    struct call *call = find_call(context, call_id);
    if (call != NULL) {
        mcp_news_add(&call->news, call->door->link, bytes, length);
    }
}

static bool may_change_files(const struct call *call)
{
    const struct toolset_tool *tool = toolset_find(call->tool);
    return tool == NULL || (!tool->read_only && strcmp(tool->family, "http") != 0);
}

static void settle_made(struct call *call)
{
    json_t *made = call->made;
    call->made = NULL;
    settle(call, made);
}

/* Behind the tool and its hook. */
static void look_or_settle(struct call *call)
{
    if (may_change_files(call)) {
        call_looks_end(call->door->looks, call);
    } else {
        settle_made(call);
    }
}

static void looked_at(void *context, const char *found)
{
    struct call *call = context;
    if (found[0] != '\0') {
        mcp_shapes_add_text(call->made, found);
    }
    settle_made(call);
}

/* False when no hook is there for it. */
static bool goes_to_hook(struct call *call, const struct toolproc_result *result)
{
    struct door *door = call->door;
    call->at_hook = mcp_hooks_start(door->hooks, door->app.workspace, call->key, call->tool,
                                    call->arguments, result);
    return call->at_hook;
}

static void tool_finished(void *context, const char *call_id, const struct toolproc_result *result)
{
    struct call *call = find_call(context, call_id);
    if (call != NULL) {
        mcp_news_flush(&call->news, call->door->link);
        call->made = mcp_shapes_tool_result(result);
        if (call->cancelled || result->unavailable != NULL || !goes_to_hook(call, result)) {
            look_or_settle(call);
        }
    }
}

static void run_tool(void *context)
{
    struct call *call = context;
    call->begun = true;
    toolproc_start(call->door->toolproc, call->key, call->tool, call->arguments);
}

/* Behind the hook before it. */
static void look_or_run(struct call *call)
{
    if (!may_change_files(call)) {
        run_tool(call);
        return;
    }
    struct str agreed;
    str_init(&agreed);
    if (call->shown) {
        calls_append_texts(call->arguments, &agreed);
    }
    call_looks_begin(call->door->looks, call, agreed.data);
    str_finish(&agreed);
}

static void start_tool(struct call *call)
{
    if (!goes_to_hook(call, NULL)) {
        look_or_run(call);
    }
}

static void hook_done(void *context, const char *call_id, const char *denial)
{
    struct call *call = find_call(context, call_id);
    if (call == NULL || !call->at_hook) {
        return;
    }
    call->at_hook = false;
    if (call->made != NULL) {
        if (denial != NULL) {
            mcp_hooks_add_denial(call->made, denial);
        }
        look_or_settle(call);
    } else if (denial != NULL) {
        struct str text;
        str_init(&text);
        str_append_format(&text, "denied (hook): %s", denial);
        fail(call, text.data);
        str_finish(&text);
    } else {
        look_or_run(call);
    }
}

static void take_decision(struct call *call, enum mcp_shapes_answer answer)
{
    if (answer == MCP_SHAPES_SESSION) {
        approval_session_allow(call->door->session, call->tool, call->arguments);
    }
    if (answer == MCP_SHAPES_DENY) {
        fail(call, "denied by the user");
    } else {
        call->shown = true;
        start_tool(call);
    }
}

static void tool_decided(void *context, const json_t *result)
{
    struct call *call = context;
    call->question = 0;
    take_decision(call, mcp_shapes_answer(result));
}

static void ask_about_tool(struct call *call, const json_t *params)
{
    char state[HASH_HEX_SIZE];
    struct str what;
    mcp_shapes_state(call->door->secret, call->tool, call->arguments, state);
    const json_t *input = mcp_shapes_input(params, state);
    str_init(&what);
    str_append(&what, "May this run?\n");
    struct str described;
    str_init(&described);
    preview_describe(call->door->app.workspace, call->tool, call->arguments, &described);
    str_append_bytes(&what, described.data, described.length);
    if (call->stateless && input != NULL) {
        take_decision(call, mcp_shapes_answer(input));
    } else if (call->stateless) {
        settle(call, mcp_shapes_input_required(what.data, state));
    } else {
        call->question = rpc_link_ask(call->door->link, "elicitation/create",
                                      mcp_shapes_question(what.data), tool_decided, call);
    }
    str_finish(&described);
    str_finish(&what);
}

static void begin_tool(struct call *call, const json_t *params)
{
    struct door *door = call->door;
    struct str why;
    str_init(&why);
    enum approval_verdict verdict =
        approval_decide(&door->app.rules, door->session, app_mode(door->app.config, true),
                        call->tool, call->arguments, &why);
    if (verdict == APPROVAL_ALLOW) {
        start_tool(call);
    } else if (verdict == APPROVAL_ASK_USER && call->elicits) {
        ask_about_tool(call, params);
    } else {
        str_insert(&why, 0, "denied (", strlen("denied ("));
        str_append(&why, verdict == APPROVAL_ASK_USER
                             ? "): it needs an approval, and the client cannot ask for one"
                             : ")");
        fail(call, why.data);
    }
    str_finish(&why);
}

/* --- a turn --- */

static void soon(uv_timer_t *timer);

/* Not from inside an agent's callback: the next turn makes another agent. */
static void turn_over(struct door *door)
{
    door->turn = NULL;
    str_clear(&door->answer);
    str_clear(&door->complaint);
    uv_timer_start(&door->soon, soon, 0, LOOK_MS);
}

static void turn_ended(struct door *door, const struct agent_event *event)
{
    struct call *call = door->turn;
    bool ok = event->outcome == TURN_OK;
    const char *thread = agent_conversation_id(lane_agent(door->lane));
    if (!ok) {
        const char *text = event->text != NULL ? event->text : turn_outcome_text(event->outcome);
        str_append_format(&door->answer, "%s[carat: %s]", door->answer.length > 0 ? "\n" : "",
                          door->complaint.length > 0 ? door->complaint.data : text);
    }
    mcp_news_flush(&call->news, call->door->link);
    json_t *result = mcp_shapes_turn_result(thread != NULL ? thread : "", door->answer.data, !ok);
    turn_over(door);
    settle(call, result);
}

static void turn_decided(void *context, const json_t *result)
{
    static const enum approval_answer answers[] = {[MCP_SHAPES_DENY] = APPROVAL_NO,
                                                   [MCP_SHAPES_ONCE] = APPROVAL_YES,
                                                   [MCP_SHAPES_SESSION] = APPROVAL_YES_SESSION};
    struct call *call = context;
    char *asked = call->asked;
    call->asked = NULL;
    call->question = 0;
    agent_decide(lane_agent(call->door->lane), asked, answers[mcp_shapes_answer(result)], NULL);
    mem_free(asked);
}

static void ask_about_turn(struct door *door, const struct agent_event *event)
{
    struct call *call = door->turn;
    if (!call->elicits || call->stateless) {
        agent_decide(lane_agent(door->lane), event->call_id, APPROVAL_NO,
                     "it needs an approval, and nobody can be asked");
        return;
    }
    struct str what;
    str_init(&what);
    str_append_format(&what, "May this run?\n%s", event->text);
    call->asked = mem_strdup(event->call_id);
    call->question = rpc_link_ask(door->link, "elicitation/create", mcp_shapes_question(what.data),
                                  turn_decided, call);
    str_finish(&what);
}

static void tell_call(struct call *call, const struct agent_event *event)
{
    char *arguments = json_dumps(event->arguments, JSON_COMPACT);
    struct str line;
    str_init(&line);
    str_append_format(&line, "\n> %s %s\n", event->name, arguments);
    mcp_news_add(&call->news, call->door->link, line.data, line.length);
    str_finish(&line);
    mem_free(arguments);
}

static void agent_event(void *context, const struct agent_event *event)
{
    struct door *door = context;
    struct call *call = door->turn;
    if (call == NULL) { /* a server's notice */
        if (event->kind == AGENT_NOTICE || event->kind == AGENT_FAILED) {
            notice_print(event->text);
        }
        return;
    }
    switch (event->kind) {
    case AGENT_TEXT:
        mcp_news_add(&call->news, call->door->link, event->text, event->length);
        break;
    case AGENT_MESSAGE:
        str_clear(&door->answer);
        str_append(&door->answer, event->message->text);
        break;
    case AGENT_CALL_STARTED:
        tell_call(call, event);
        break;
    case AGENT_APPROVAL:
        ask_about_turn(door, event);
        break;
    case AGENT_NOTICE:
        notice_print(event->text);
        break;
    case AGENT_FAILED:
        str_clear(&door->complaint);
        str_append(&door->complaint, event->text);
        break;
    case AGENT_TURN_ENDED:
        turn_ended(door, event);
        break;
    default:
        break;
    }
}

static bool open_lane(struct door *door, struct err *err)
{
    struct app_face face = {.event = agent_event, .context = door};
    if (door->lane == NULL && app_read_surroundings(&door->app, err)) {
        door->lane = lane_open(&door->app, face, err);
    }
    notice_print_all(&door->app.notices);
    return door->lane != NULL;
}

static bool read_mode(const struct call *call, enum approval_mode *mode, struct err *err)
{
    const json_t *wanted = json_object_get(call->arguments, "mode");
    *mode = app_mode(call->door->app.config, true);
    enum approval_mode asked = *mode;
    if (wanted != NULL &&
        (!json_is_string(wanted) || !approval_mode_parse(json_string_value(wanted), &asked))) {
        return err_set(err, ERR_ARGUMENT, "mode must be read-only, ask, auto-edit or full");
    }
    *mode = asked < *mode ? asked : *mode;
    return true;
}

/* What carat-reply goes on with; *id NULL: nothing. */
static bool find_thread(const struct call *call, const char **id, struct err *err)
{
    const char *thread = json_string_value(json_object_get(call->arguments, "threadId"));
    struct store_conversation found;
    *id = NULL;
    if (strcmp(call->tool, "carat") == 0) {
        return true;
    }
    if (thread == NULL || !uuid_valid(thread) ||
        !store_conversation_find(call->door->app.store, thread, &found, NULL)) {
        return err_set(err, ERR_NOT_FOUND, "threadId %.60s is no conversation",
                       thread != NULL ? thread : "(none)");
    }
    store_conversation_finish(&found);
    *id = thread;
    return true;
}

static bool begin_turn(struct call *call, struct err *err)
{
    struct door *door = call->door;
    const json_t *prompt = json_object_get(call->arguments, "prompt");
    struct lane_work work = {.attended = true};
    enum approval_mode mode;
    if (!json_is_string(prompt) || json_string_length(prompt) == 0) {
        return err_set(err, ERR_ARGUMENT, "prompt must be a text that is not empty");
    }
    if (!read_mode(call, &mode, err) || !find_thread(call, &work.conversation, err) ||
        !open_lane(door, err) || !lane_begin(door->lane, &work, err)) {
        return false;
    }
    door->turn = call;
    call->begun = true;
    agent_set_mode(lane_agent(door->lane), mode);
    if (!agent_submit(lane_agent(door->lane), json_string_value(prompt), json_string_length(prompt),
                      err)) {
        door->turn = NULL;
        return false;
    }
    return true;
}

static void next_turn(struct door *door)
{
    for (size_t i = 0; i < door->calls.count && door->turn == NULL;) {
        struct call *call = door->calls.items[i];
        struct err err;
        if (!call->turn || call->begun) {
            i++;
        } else if (!begin_turn(call, &err)) {
            fail(call, err.text);
        }
    }
}

static void soon(uv_timer_t *timer)
{
    struct door *door = timer->data;
    next_turn(door);
    if (!door->ended) {
        uv_timer_stop(timer);
    } else if (rpc_link_gone(door->link)) {
        app_stop(&door->app, door->app.exit_code);
    }
}

/* --- methods --- */

static bool is_own_tool(const struct door *door, const char *name)
{
    const struct toolset_tool *tool = toolset_find(name);
    return tool != NULL && strcmp(tool->family, "agent") != 0 &&
           config_boolean(door->app.config, OPTION_TOOLS);
}

static struct call *add_call(struct door *door, const struct json_rpc_message *message,
                             const char *tool, bool stateless)
{
    const json_t *token =
        json_object_get(json_object_get(message->params, "_meta"), "progressToken");
    const json_t *arguments = json_object_get(message->params, "arguments");
    struct call *call = mem_zero(1, sizeof *call);
    call->door = door;
    call->id = json_incref((json_t *)message->id);
    bool wants_news = json_is_string(token) || json_is_integer(token);
    mcp_news_init(&call->news, wants_news ? json_incref((json_t *)token) : NULL);
    call->arguments = arguments != NULL ? json_deep_copy(arguments) : json_object();
    call->tool = mem_strdup(tool);
    call->stateless = stateless;
    call->elicits =
        stateless ? mcp_shapes_elicits(mcp_shapes_capabilities(message->params)) : door->elicits;
    snprintf(call->key, sizeof call->key, "m%llu", (unsigned long long)++door->last_call);
    vec_room(&door->calls.items, &door->calls.capacity, door->calls.count + 1,
             sizeof *door->calls.items);
    door->calls.items[door->calls.count++] = call;
    return call;
}

static void answer_call(struct door *door, const struct json_rpc_message *message, bool stateless)
{
    const char *name = json_string_value(json_object_get(message->params, "name"));
    const json_t *arguments = json_object_get(message->params, "arguments");
    bool turn = name != NULL && (strcmp(name, "carat") == 0 || strcmp(name, "carat-reply") == 0);
    if (name == NULL || (arguments != NULL && !json_is_object(arguments))) {
        rpc_link_error(door->link, message->id, JSON_RPC_INVALID_PARAMS,
                       "tools/call needs a name, and arguments that are an object");
    } else if (!turn && !is_own_tool(door, name)) {
        rpc_link_error(door->link, message->id, JSON_RPC_INVALID_PARAMS, "unknown tool: %.80s",
                       name);
    } else if (door->calls.count >= CALLS_LIMIT) {
        rpc_link_error(door->link, message->id, JSON_RPC_BUSY, "%d calls wait already",
                       CALLS_LIMIT);
    } else {
        struct call *call = add_call(door, message, name, stateless);
        call->turn = turn;
        if (turn) {
            next_turn(door);
        } else {
            begin_tool(call, message->params);
        }
    }
}

static json_t *answer_initialize(struct door *door, const json_t *params)
{
    door->shook_hands = true;
    door->elicits = mcp_shapes_elicits(json_object_get(params, "capabilities"));
    return mcp_shapes_initialized(json_string_value(json_object_get(params, "protocolVersion")),
                                  CARAT_VERSION);
}

static json_t *answer_ping(struct door *door, const json_t *params)
{
    (void)door, (void)params;
    return json_object();
}

static json_t *answer_discover(struct door *door, const json_t *params)
{
    (void)door, (void)params;
    return mcp_shapes_discovered(CARAT_VERSION);
}

static json_t *answer_list(struct door *door, const json_t *params)
{
    (void)params;
    return mcp_shapes_tools(!config_boolean(door->app.config, OPTION_TOOLS));
}

static const struct {
    const char *name;
    json_t *(*answer)(struct door *door, const json_t *params);
    bool stamped; /* the stateless manner adds to the result */
} methods[] = {
    {"initialize", answer_initialize, false},
    {"ping", answer_ping, false},
    {"server/discover", answer_discover, true},
    {"tools/list", answer_list, true},
};

static void on_request(void *context, const struct json_rpc_message *message)
{
    struct door *door = context;
    const char *version = mcp_shapes_version(message->params);
    bool stateless = version != NULL ? mcp_shapes_is_stateless(version) : !door->shook_hands;
    if (version != NULL && !mcp_shapes_version_known(version)) {
        rpc_link_send(door->link, json_rpc_error(message->id, MCP_SHAPES_UNSUPPORTED_VERSION,
                                                 "unsupported protocol version",
                                                 mcp_shapes_versions_error(version)));
        return;
    }
    if (strcmp(message->method, "tools/call") == 0) {
        answer_call(door, message, stateless);
        return;
    }
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        if (strcmp(methods[i].name, message->method) == 0) {
            json_t *result = methods[i].answer(door, message->params);
            if (stateless && methods[i].stamped) {
                mcp_shapes_stamp(result, CARAT_VERSION);
            }
            rpc_link_result(door->link, message->id, result);
            return;
        }
    }
    rpc_link_error(door->link, message->id, JSON_RPC_METHOD_NOT_FOUND, "unknown method: %.80s",
                   message->method);
}

static void cancel_call(struct call *call)
{
    call->cancelled = true;
    mcp_news_stop(&call->news);
    if (call->begun && call->turn) {
        agent_cancel(lane_agent(call->door->lane));
    } else if (call->at_hook) {
        hooks_cancel(call->door->hooks, call->key);
        call->at_hook = false;
        if (call->made != NULL) {
            look_or_settle(call);
        } else {
            remove_call(call);
        }
    } else if (call->begun) {
        toolproc_cancel(call->door->toolproc, call->key);
    } else {
        call_looks_drop(call->door->looks, call);
        remove_call(call);
    }
}

static void on_notification(void *context, const struct json_rpc_message *message)
{
    struct door *door = context;
    const json_t *id = json_object_get(message->params, "requestId");
    for (size_t i = 0; i < door->calls.count && id != NULL; i++) {
        if (strcmp(message->method, "notifications/cancelled") == 0 &&
            json_equal(door->calls.items[i]->id, id)) {
            cancel_call(door->calls.items[i]);
            return;
        }
    }
}

static void on_ended(void *context)
{
    struct door *door = context;
    door->ended = true;
    uv_timer_start(&door->soon, soon, 0, LOOK_MS);
    leave_when_done(door);
}

/* --- running --- */

static void on_signal(uv_signal_t *handle, int signal)
{
    struct door *door = handle->data;
    door->app.exit_code = signal == SIGTERM ? EXIT_CODE_SIGTERM : EXIT_CODE_SIGINT;
    bool again = door->ended;
    door->ended = true;
    for (size_t i = door->calls.count; i-- > 0 && !again;) {
        cancel_call(door->calls.items[i]);
    }
    if (again || door->calls.count == 0) {
        app_stop(&door->app, door->app.exit_code);
    }
}

static void watch_signal(struct door *door, uv_signal_t *handle, int signal)
{
    uv_signal_init(&door->app.loop, handle);
    handle->data = door;
    uv_signal_start(handle, on_signal, signal);
}

/* The tools' processes cut what is large themselves: there is no conversation to keep it in. */
static bool open_tools(struct door *door, struct err *err)
{
    struct toolproc_callbacks callbacks = {tool_output, tool_finished, door};
    uint64_t stamp = 0;
    json_object_set_new(door->app.policy, "keep_whole", json_false());
    door->toolproc = app_make_toolproc(&door->app, &callbacks, err);
    json_object_set_new(door->app.policy, "keep_whole", json_true());
    door->session = approval_session_create();
    door->hooks =
        app_make_hooks(&door->app, &(struct hooks_callbacks){hook_done, mcp_hooks_notice, door});
    door->looks =
        call_looks_open(&door->app, &(struct call_looks_callbacks){run_tool, looked_at}, err);
    return door->toolproc != NULL && door->looks != NULL &&
           uuid_make(clock_wall_ms(), &stamp, door->secret, err);
}

static bool run(struct door *door, struct err *err)
{
    struct rpc_link_callbacks callbacks = {on_request, on_notification, on_ended, door};
    door->link = rpc_link_create(STDIN_FILENO, STDOUT_FILENO, &callbacks, err);
    if (door->link == NULL || !open_tools(door, err) ||
        !rpc_link_watch(door->link, &door->app.loop, err)) {
        return false;
    }
    uv_timer_init(&door->app.loop, &door->soon);
    door->soon.data = door;
    watch_signal(door, &door->interrupt, SIGINT);
    watch_signal(door, &door->terminate, SIGTERM);
    app_run(&door->app);
    uv_close((uv_handle_t *)&door->soon, NULL);
    uv_close((uv_handle_t *)&door->interrupt, NULL);
    uv_close((uv_handle_t *)&door->terminate, NULL);
    rpc_link_unwatch(door->link);
    return true;
}

enum exit_code command_mcp(struct config *config)
{
    struct door door = {0};
    struct err err;
    signal(SIGPIPE, SIG_IGN);
    if (!app_open_shared(&door.app, config, true, &err)) {
        notice_print(err.text);
        return door.app.exit_code;
    }
    notice_print_all(&door.app.notices);
    str_init(&door.answer);
    str_init(&door.complaint);
    bool ok = run(&door, &err);
    enum exit_code code = ok ? door.app.exit_code : EXIT_CODE_FAILURE;
    if (!ok) {
        notice_print(err.text);
    }
    while (door.calls.count > 0) {
        free_call(door.calls.items[--door.calls.count]);
    }
    mem_free(door.calls.items);
    hooks_destroy(door.hooks);
    lane_close(door.lane);
    toolproc_destroy(door.toolproc);
    call_looks_close(door.looks);
    approval_session_destroy(door.session);
    rpc_link_destroy(door.link);
    str_finish(&door.answer);
    str_finish(&door.complaint);
    app_close(&door.app);
    return code;
}
