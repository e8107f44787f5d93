/* agent_calls: the way of an allowed call to its end, as part of the agent.
 *
 *     allowed -> hooks before -> snapshot -> started (on disk) -> tool -> hooks after -> settled
 *
 * Each station that waits holds the call and goes on from its own callback. A call that is
 * cancelled at one is dropped there; one whose tool has run keeps its result whatever the hooks
 * behind it do. With a recording there are no hooks, no servers and no tools: it decides and
 * answers in their place.
 */
#include <string.h>

#include "agent/agent_state.h"
#include "agent/foreign.h"
#include "agent/hooks.h"
#include "agent/more_output.h"
#include "agent/response.h"
#include "approval/tool_limit.h"
#include "approval/toolset.h"
#include "base/str.h"

const json_t *agent_tools(struct agent *agent)
{
    if (agent->options.no_tools) {
        return NULL;
    }
    if (agent->options.recording != NULL) {
        return agent->options.recording->tools;
    }
    json_t **tools = &agent->tools[agent->has_more ? 1 : 0];
    if (*tools == NULL) {
        const char *others[3] = {NULL};
        size_t count = 0;
        if (agent_offers_screenshot(agent)) {
            others[count++] = "screenshot";
        }
        if (agent->has_more) {
            others[count++] = "more_output";
        }
        *tools = toolset_with(foreign_declarations(agent->options.foreign), others);
    }
    return *tools;
}

bool agent_declares(struct agent *agent, const json_t **tools)
{
    bool known = !foreign_pending(agent->options.foreign);
    *tools = known ? agent_tools(agent) : NULL;
    return known;
}

static json_t *hook_event(const struct agent *agent, const struct open_call *call)
{
    const char *id = agent_conversation_id(agent);
    return json_pack("{s:s, s:O, s:s, s:s}", "tool", call->record.name, "arguments",
                     call->record.arguments, "workspace", agent->workspace, "conversation",
                     id != NULL ? id : "");
}

static bool has_hook(const struct agent *agent, bool after, const struct open_call *call)
{
    return agent->options.recording == NULL &&
           hooks_match(agent->options.hooks, after, call->record.name);
}

/* --- may it run? --- */

enum approval_verdict agent_verdict(struct agent *agent, const struct open_call *call,
                                    struct str *why)
{
    const struct agent_recording *recording = agent->options.recording;
    if (recording != NULL) {
        return recording->verdict(recording->context, call->record.call_id);
    }
    if (!tool_limit_allows(agent->limit, call->record.name, call->record.arguments, why)) {
        return APPROVAL_DENY;
    }
    return approval_decide(agent->options.rules, agent->session, agent->options.mode,
                           call->record.name, call->record.arguments, why);
}

json_t *agent_refusal(struct agent *agent, const struct open_call *call, enum turn_reason reason)
{
    const char *detail = reason == TURN_REASON_UNREADABLE ? call->problem : call->refusal;
    const struct agent_recording *recording = agent->options.recording;
    return recording != NULL ? recording->refusal(recording->context, call->record.call_id)
                             : response_refusal(reason, detail);
}

/* --- before --- */

static void go_on(struct agent *agent, int place)
{
    if (!agent_hold_call(agent, place)) {
        agent_start_call(agent, place);
    }
}

void agent_run_call(struct agent *agent, int place)
{
    struct open_call *call = &agent->calls.items[place];
    if (!has_hook(agent, false, call)) {
        go_on(agent, place);
        return;
    }
    json_t *event = hook_event(agent, call);
    call->at_hook = true;
    hooks_start(agent->options.hooks, false, call->record.call_id, call->record.name, event);
    json_decref(event);
}

void agent_open_network(struct agent *agent, struct open_call *call, enum approval_answer answer)
{
    if (agent->options.offline) {
        return;
    }
    if (answer == APPROVAL_YES_NETWORK || answer == APPROVAL_YES_NETWORK_SESSION) {
        calls_open_network(call);
        calls_set_decided_by(call, "user, with network");
    }
    if (answer == APPROVAL_YES_NETWORK_SESSION) {
        approval_session_open(agent->session, call->record.arguments);
    }
}

void agent_start_tool(struct agent *agent, const struct open_call *call)
{
    const struct agent_recording *recording = agent->options.recording;
    if (recording != NULL) {
        recording->start(recording->context, call->record.call_id);
    } else if (approval_is_foreign(call->record.name)) {
        foreign_call(agent->options.foreign, call->record.call_id, call->record.name,
                     call->record.arguments);
    } else if (call->network != NULL) {
        toolproc_start_open(agent->options.toolproc, call->record.call_id, call->record.arguments,
                            call->network);
    } else {
        toolproc_start(agent->options.toolproc, call->record.call_id, call->record.name,
                       call->record.arguments);
    }
    const char *command = json_string_value(json_object_get(call->record.arguments, "command"));
    if (recording == NULL && strcmp(call->record.name, "shell") == 0 && command != NULL) {
        agent_watch_command(agent, call->record.call_id, command);
    }
}

/* --- after --- */

json_t *agent_bounded_response(struct agent *agent, json_t *response)
{
    struct err err = {0};
    struct str whole;
    bool kept;
    json_t *bounded = more_output_keep(&agent->journal, response, &kept, &err);
    str_init(&whole);
    if (response_too_large(bounded, &whole)) {
        char handle[16] = "";
        kept = journal_result(&agent->journal, whole.data, whole.length, handle, &err);
        json_t *cut = response_cut(bounded, &whole, kept ? handle : "");
        json_decref(bounded);
        bounded = cut;
    }
    if (err.code != ERR_NONE) {
        agent_say(agent, AGENT_NOTICE, err.text);
    }
    agent->has_more |= kept;
    str_finish(&whole);
    return bounded;
}

bool agent_hook_result(struct agent *agent, struct open_call *call, json_t *response, bool failed)
{
    if (!has_hook(agent, true, call)) {
        return false;
    }
    json_t *event = hook_event(agent, call);
    json_object_set(event, "result", response);
    json_object_set_new(event, "failed", json_boolean(failed));
    call->at_hook = true;
    call->response = json_incref(response);
    call->failed = failed;
    hooks_start(agent->options.hooks, true, call->record.call_id, call->record.name, event);
    json_decref(event);
    return true;
}

/* The model reads what the hook says beside the result that it had. */
static void add_denial(struct open_call *call, const char *denial)
{
    json_t *response = json_copy(call->response);
    json_object_set_new(response, "hook", json_string(denial));
    json_decref(call->response);
    call->response = response;
    call->failed = true;
}

static void settle_kept(struct agent *agent, int place)
{
    struct open_call *call = &agent->calls.items[place];
    json_t *response = call->response;
    call->response = NULL;
    agent_settle_call(agent, place, response, call->failed);
    json_decref(response);
}

void agent_hook_done(struct agent *agent, const char *call_id, const char *denial)
{
    int place;
    struct open_call *call = calls_find(&agent->calls, call_id, &place);
    if (call == NULL || !call->at_hook) {
        return;
    }
    call->at_hook = false;
    if (call->response != NULL) {
        if (denial != NULL) {
            add_denial(call, denial);
        }
        settle_kept(agent, place);
    } else if (denial != NULL) {
        calls_set_decided_by(call, "hook");
        calls_set_refusal(call, denial);
        agent_deny_call(agent, place);
    } else {
        go_on(agent, place);
    }
}

/* --- cancel --- */

void agent_cancel_call(struct agent *agent, int place)
{
    struct open_call *call = &agent->calls.items[place];
    if (call->at_hook) {
        call->at_hook = false;
        hooks_cancel(agent->options.hooks, call->record.call_id);
        if (call->response != NULL) {
            settle_kept(agent, place);
        } else {
            agent_drop_call(agent, place);
        }
    } else if (!agent_cancel_held(agent, place) && agent->options.recording == NULL &&
               !agent_cancel_own(agent, call)) {
        if (approval_is_foreign(call->record.name)) {
            foreign_cancel(agent->options.foreign, call->record.call_id);
        } else {
            toolproc_cancel(agent->options.toolproc, call->record.call_id);
        }
    }
}
