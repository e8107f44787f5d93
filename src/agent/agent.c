/* agent: carries out what the turn machine asks for.
 *
 * The shape: everything that happens (a token, a tool's end, the user's word) becomes an event for
 * turn_step; what it answers is carried out here, in order. Carrying out may cause the next event
 * at once (a rule allows a call), so events go through a queue and one loop empties it
 * (agent_feed): no action is ever begun inside another.
 *
 * Order of truth: a thing is put on disk (journal), then into the conversation in memory, then the
 * face is told, then the machine goes on. One thing is begun before: the model may read a message
 * while the disk syncs it (agent_request.c). When the disk refuses, the memory keeps what was
 * shown, the machine hears STORE_FAILED and winds down; what ran still reports its end.
 *
 * A call's arguments are copied once, when the model has asked (calls.h): that copy is decided on,
 * shown to the user, stored, and sent to the tool.
 *
 * Time: a turn's limit is looked at whenever the model or a tool says something, and when it is
 * over, on a loop; the time in which the user thinks about an approval does not count.
 */
#include "agent/agent.h"

#include <stdio.h>
#include <string.h>

#include "agent/agent_state.h"
#include "agent/attached.h"
#include "agent/calls.h"
#include "agent/context.h"
#include "agent/journal.h"
#include "agent/more_output.h"
#include "agent/preamble.h"
#include "agent/preview.h"
#include "agent/recovery.h"
#include "agent/response.h"
#include "agent/step.h"
#include "approval/tool_limit.h"
#include "approval/toolset.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "chat/medium.h"
#include "infer/infer.h"

static void feed(struct agent *agent, struct turn_event event);
static bool start_turn(struct agent *agent, const char *text, size_t length,
                       struct attached *attached, struct err *err);

/* --- telling the face --- */

void agent_emit(struct agent *agent, const struct agent_event *event)
{
    agent->callback(agent->context, event);
}

/* Fewer tokens, or more in a second, come from a server that sent all as one piece: no rate. */
enum { TOKENS_FOR_A_RATE = 8, RATE_MOST = 20000 };

static void emit_text(struct agent *agent, enum agent_event_kind kind, const char *text,
                      size_t length)
{
    agent_emit(agent, &(struct agent_event){.kind = kind, .text = text, .length = length});
}

void agent_say(struct agent *agent, enum agent_event_kind kind, const char *text)
{
    emit_text(agent, kind, text, strlen(text));
}

static struct agent_event call_event(enum agent_event_kind kind, const struct open_call *call)
{
    return (struct agent_event){.kind = kind,
                                .call_id = call->record.call_id,
                                .name = call->record.name,
                                .arguments = call->record.arguments};
}

void agent_tell_call(struct agent *agent, enum agent_event_kind kind, const struct open_call *call)
{
    struct agent_event event = call_event(kind, call);
    agent_emit(agent, &event);
}

/* Said once a turn: the attempts to keep what follows may fail as well. */
static void store_failed(struct agent *agent, const struct err *err)
{
    if (!agent->store_lost) {
        agent->store_lost = true;
        agent_say(agent, AGENT_FAILED, err->text);
    }
    feed(agent, (struct turn_event){.kind = TURN_EVENT_STORE_FAILED});
}

/* --- time --- */

void agent_look_at_clock(struct agent *agent)
{
    int64_t limit = agent->options.settings.limits.milliseconds;
    int64_t spent = (clock_monotonic_us() - agent->turn_started_us) / 1000;
    if (limit <= 0 || !agent->active || agent->timed_out || agent->asked_us != 0) {
        return;
    }
    if (spent < limit) {
        agent_clock_set(agent, limit - spent);
    } else {
        agent->timed_out = true;
        feed(agent, (struct turn_event){.kind = TURN_EVENT_TIMEOUT});
    }
}

/* --- calls --- */

static void put_call(struct agent *agent, const struct open_call *call)
{
    struct err err = {0};
    if (!journal_call(&agent->journal, &call->record, &err)) {
        store_failed(agent, &err);
    }
}

/* The step's message is kept: its calls are now open. */
static void open_calls(struct agent *agent, const struct chat_message *message)
{
    calls_clear(&agent->calls);
    for (size_t i = 0; i < message->call_count; i++) {
        struct open_call *call =
            calls_add(&agent->calls, &message->calls[i], agent->step.problems[i]);
        agent->step.problems[i] = NULL;
        agent->next_call++;
        put_call(agent, call);
        agent_tell_call(agent, AGENT_CALL, call);
        feed(agent, (struct turn_event){.kind = call->problem != NULL ? TURN_EVENT_CALL_ERROR
                                                                      : TURN_EVENT_CALL,
                                        .call = (int)i,
                                        .fingerprint = agent_fingerprint(agent, call)});
    }
}

/* A call has its result: disk, memory, face. */
static void settle(struct agent *agent, struct open_call *call, json_t *response, bool failed,
                   bool denied)
{
    struct err err = {0};
    struct chat_message message;
    calls_result_message(&message, &call->record, response, failed);
    bool kept = (call->picture == NULL ||
                 attached_to_result(call->picture, &agent->journal, &message, &err)) &&
                journal_message(&agent->journal, &message, &err);
    const struct chat_message *result = chat_conversation_add(&agent->conversation, &message);
    if (!kept) {
        journal_owe(&agent->journal, false);
        store_failed(agent, &err);
    }
    call->running = call->waits = false;
    call->record.state = denied ? STORE_CALL_DENIED : STORE_CALL_FINISHED;
    call->record.finished_ms = clock_wall_ms();
    if (kept) {
        put_call(agent, call);
    }
    struct agent_event event = call_event(AGENT_CALL_FINISHED, call);
    event.result = response;
    event.failed = failed;
    event.denied = denied;
    event.message = result;
    agent_emit(agent, &event);
}

/* --- the model's step --- */

void agent_model_failed(struct agent *agent, const char *text)
{
    agent_say(agent, AGENT_FAILED, text);
    feed(agent, (struct turn_event){.kind = TURN_EVENT_MODEL_FAILED});
}

static void cancel_model(struct agent *agent)
{
    if (agent->step_running) {
        infer_cancel(agent->options.infer);
    } else if (agent->budget_when_loaded > 0) {
        agent->budget_when_loaded = 0;
        feed(agent, (struct turn_event){.kind = TURN_EVENT_MODEL_DONE, .stop = CHAT_STOP_CANCEL});
    }
}

/* Puts the answer on disk and into the conversation. An answer that is empty because it was
 * stopped before it began leaves nothing. */
static void keep_answer(struct agent *agent, const struct infer_event *end)
{
    const struct chat_message *message = step_message(&agent->step);
    if (message->token_count == 0 && message->text[0] == '\0' && message->thought[0] == '\0' &&
        message->call_count == 0) {
        return;
    }
    struct err err = {0};
    bool on_disk = journal_answer(&agent->journal, message, &err);
    struct chat_message copy;
    chat_message_copy(&copy, message);
    const struct chat_message *kept = chat_conversation_add(&agent->conversation, &copy);
    if (!on_disk) {
        journal_owe(&agent->journal, true);
        store_failed(agent, &err);
    }
    agent_emit(agent, &(struct agent_event){.kind = AGENT_MESSAGE,
                                            .message = kept,
                                            .input_tokens = end->prompt_total,
                                            .cached_tokens = end->reused,
                                            .output_tokens = end->sampled});
    open_calls(agent, message);
}

static void say_why_stopped(struct agent *agent, enum chat_stop stop, size_t context_used)
{
    const struct infer_model *model = infer_model(agent->options.infer);
    struct err err = {0};
    if (stop == CHAT_STOP_LENGTH && model->context > 0 && context_used >= (size_t)model->context) {
        context_full(context_used, (size_t)model->context, &err);
        agent_say(agent, AGENT_NOTICE, err.text);
    }
}

static void model_done(struct agent *agent, const struct infer_event *event)
{
    /* A server may keep to itself how long the prompt was. */
    size_t used = event->prompt_total > 0 ? event->prompt_total + event->sampled : 0;
    step_end(&agent->step, event->stop);
    enum chat_stop stop = agent->step.stop;
    agent->context_used = used;
    agent->step_running = false;
    agent->input_tokens += event->prompt_total;
    agent->cached_tokens += event->reused;
    agent->output_tokens += event->sampled;
    keep_answer(agent, event);
    step_finish(&agent->step);
    bool rated = event->sampled >= TOKENS_FOR_A_RATE &&
                 (double)event->sampled <= event->decode_seconds * RATE_MOST;
    agent_emit(agent, &(struct agent_event){
                          .kind = AGENT_USAGE,
                          .done = used,
                          .total = (size_t)infer_model(agent->options.infer)->context,
                          .reused = event->reused,
                          .tokens_per_second =
                              rated ? (double)event->sampled / event->decode_seconds : 0});
    say_why_stopped(agent, stop, used);
    feed(agent, (struct turn_event){
                    .kind = TURN_EVENT_MODEL_DONE, .stop = stop, .tokens = (int)event->sampled});
}

static void request_failed(struct agent *agent, const struct infer_event *event)
{
    struct err err = event->error;
    if (err.code == ERR_FULL) {
        context_full(event->prompt_total, (size_t)infer_model(agent->options.infer)->context, &err);
    }
    step_end(&agent->step, CHAT_STOP_CANCEL);
    agent->step_running = false;
    keep_answer(agent, event);
    step_finish(&agent->step);
    agent_model_failed(agent, err.text);
}

static void keep_partial(struct agent *agent)
{
    struct err err = {0};
    if (!journal_partial(&agent->journal, step_message(&agent->step), agent->step.bytes, &err)) {
        store_failed(agent, &err);
    }
}

static void on_token(struct agent *agent, const struct infer_event *event)
{
    if (agent->ended_early) {
        return;
    }
    if (!step_token(&agent->step, event->token, event->control, event->bytes, event->length)) {
        agent->ended_early = true;
        infer_cancel(agent->options.infer);
    }
    if (journal_due(&agent->journal, agent->step.bytes)) {
        keep_partial(agent);
    }
}

/* --- actions --- */

static void decide(struct agent *agent, int place)
{
    struct open_call *call = &agent->calls.items[place];
    struct str why;
    str_init(&why);
    enum approval_verdict verdict = agent_verdict(agent, call, &why);
    calls_set_decided_by(call, why.data);
    if (verdict == APPROVAL_ALLOW) {
        if (approval_session_opens(agent->session, call->record.arguments)) {
            calls_open_network(call);
        }
        feed(agent, (struct turn_event){.kind = TURN_EVENT_ALLOWED, .call = place});
    } else if (verdict == APPROVAL_DENY) {
        calls_set_refusal(call, why.data);
        feed(agent, (struct turn_event){.kind = TURN_EVENT_DENIED, .call = place});
    } else if (agent->options.unattended) {
        feed(agent, (struct turn_event){.kind = TURN_EVENT_NOBODY, .call = place});
    } else {
        call->waits = true;
        agent->asked_us = clock_monotonic_us();
        str_clear(&why);
        preview_describe(agent->workspace, call->record.name, call->record.arguments, &why);
        struct agent_event event = call_event(AGENT_APPROVAL, call);
        struct str network;
        str_init(&network);
        if (!agent->options.offline) {
            calls_append_network(call, &network);
        }
        event.text = why.data;
        event.length = why.length;
        event.network = network.length > 0 ? network.data : NULL;
        agent_emit(agent, &event);
        str_finish(&network);
    }
    str_finish(&why);
}

void agent_settle_call(struct agent *agent, int place, json_t *response, bool failed)
{
    settle(agent, &agent->calls.items[place], response, failed, false);
    feed(agent, (struct turn_event){.kind = TURN_EVENT_TOOL_DONE, .call = place});
}

void agent_drop_call(struct agent *agent, int place)
{
    json_t *response = response_refusal(TURN_REASON_CANCELLED, NULL);
    settle(agent, &agent->calls.items[place], response, true, false);
    json_decref(response);
    feed(agent, (struct turn_event){.kind = TURN_EVENT_TOOL_DONE, .call = place});
}

/* That the call starts is on disk before it does: after a crash it is never run twice. */
void agent_start_call(struct agent *agent, int place)
{
    struct open_call *call = &agent->calls.items[place];
    struct err err = {0};
    call->record.state = STORE_CALL_STARTED;
    call->record.started_ms = clock_wall_ms();
    if (!journal_call(&agent->journal, &call->record, &err)) {
        store_failed(agent, &err);
        agent_drop_call(agent, place);
        return;
    }
    call->running = true;
    if (agent_run_own(agent, place)) {
        return;
    }
    agent_start_tool(agent, call);
    agent_tell_call(agent, AGENT_CALL_STARTED, call);
}

static void refuse(struct agent *agent, int place, enum turn_reason reason)
{
    struct open_call *call = &agent->calls.items[place];
    json_t *response = agent_refusal(agent, call, reason);
    settle(agent, call, response, true,
           reason == TURN_REASON_DENIED || reason == TURN_REASON_HOOK ||
               reason == TURN_REASON_NOBODY);
    json_decref(response);
}

void agent_deny_call(struct agent *agent, int place)
{
    refuse(agent, place, TURN_REASON_HOOK);
    feed(agent, (struct turn_event){.kind = TURN_EVENT_TOOL_DONE, .call = place});
}

void agent_start_waiting(struct agent *agent)
{
    while (!agent_busy(agent) && agent->waiting.count > 0) {
        struct waiting_text next = agent_take_waiting(agent, 0);
        struct err err = {0};
        agent->limit_next = next.limit;
        if (!start_turn(agent, next.text, next.length, &next.attached, &err)) {
            err_prefix(&err, "a waiting message was not sent");
            agent_say(agent, AGENT_FAILED, err.text);
        }
        agent_drop_limit(agent);
        next.limit = NULL;
        agent_free_waiting(&next);
    }
}

void agent_finish_turn(struct agent *agent, enum turn_outcome outcome)
{
    agent->active = false;
    agent_clock_drop(agent);
    agent->kv_stale = true;
    agent->asked_us = 0;
    calls_clear(&agent->calls);
    agent_look_at_disk(agent);
    const char *text = turn_outcome_text(outcome);
    agent_emit(agent, &(struct agent_event){.kind = AGENT_TURN_ENDED,
                                            .outcome = outcome,
                                            .text = outcome != TURN_OK ? text : "",
                                            .length = outcome != TURN_OK ? strlen(text) : 0,
                                            .input_tokens = agent->input_tokens,
                                            .cached_tokens = agent->cached_tokens,
                                            .output_tokens = agent->output_tokens});
    agent_start_waiting(agent);
}

static void carry_out(struct agent *agent, const struct turn_action *action)
{
    switch (action->kind) {
    case TURN_ACTION_GENERATE:
        agent_take_steering(agent);
        agent_generate(agent, action->budget);
        break;
    case TURN_ACTION_DECIDE:
        decide(agent, action->call);
        break;
    case TURN_ACTION_RUN:
        agent_run_call(agent, action->call);
        break;
    case TURN_ACTION_REFUSE:
        refuse(agent, action->call, action->reason);
        break;
    case TURN_ACTION_CANCEL_MODEL:
        cancel_model(agent);
        break;
    case TURN_ACTION_CANCEL_TOOL:
        agent_cancel_call(agent, action->call);
        break;
    case TURN_ACTION_END:
        if (!agent_hold_end(agent, action->outcome)) {
            agent_finish_turn(agent, action->outcome);
        }
        break;
    }
}

static void feed(struct agent *agent, struct turn_event event)
{
    vec_room(&agent->events.items, &agent->events.capacity, agent->events.count + 1,
             sizeof *agent->events.items);
    agent->events.items[agent->events.count++] = event;
    if (agent->draining) {
        return;
    }
    agent->draining = true;
    while (agent->events.count > 0) {
        struct turn_event next = agent->events.items[0];
        agent->events.count--;
        memmove(agent->events.items, agent->events.items + 1, agent->events.count * sizeof next);
        struct turn_actions actions;
        turn_step(&agent->turn, &next, &actions);
        for (int i = 0; i < actions.count; i++) {
            carry_out(agent, &actions.items[i]);
        }
    }
    agent->draining = false;
}

/* --- turns --- */

static bool start_turn(struct agent *agent, const char *text, size_t length,
                       struct attached *attached, struct err *err)
{
    if (!agent_add_user(agent, text, length, attached, true, err)) {
        return false;
    }
    agent->active = true;
    agent_begin_limit(agent);
    agent->timed_out = agent->store_lost = false;
    agent->snapshot_tried = agent->names_noted = false;
    str_clear(&agent->agreed);
    mem_free(agent->title);
    const char *newline = memchr(text, '\n', length);
    agent->title = mem_strndup(text, newline != NULL ? (size_t)(newline - text) : length);
    agent->turn_started_us = clock_monotonic_us();
    agent->input_tokens = agent->cached_tokens = agent->output_tokens = 0;
    agent_tell_user(agent, text, length);
    feed(agent, (struct turn_event){.kind = TURN_EVENT_SUBMIT});
    agent_look_at_clock(agent);
    return true;
}

bool agent_submit(struct agent *agent, const char *text, size_t length, struct err *err)
{
    agent_disturb(agent);
    if (agent_busy(agent) || agent_compact_first(agent)) {
        agent_wait(agent, text, length, false);
        return true;
    }
    struct attached attached = agent->attached;
    agent->attached = (struct attached){0};
    bool started = start_turn(agent, text, length, &attached, err);
    attached_release(&attached);
    return started;
}

void agent_cancel(struct agent *agent)
{
    agent_aside_cancel(agent);
    feed(agent, (struct turn_event){.kind = TURN_EVENT_CANCEL});
}

void agent_decide(struct agent *agent, const char *call_id, enum approval_answer answer,
                  const char *reason)
{
    int place;
    struct open_call *call = calls_find(&agent->calls, call_id, &place);
    if (call == NULL || !call->waits) {
        return;
    }
    call->waits = false;
    agent->turn_started_us += clock_monotonic_us() - agent->asked_us;
    agent->asked_us = 0;
    calls_set_decided_by(call, "user");
    if (answer == APPROVAL_YES_SESSION || answer == APPROVAL_YES_ALWAYS ||
        answer == APPROVAL_YES_NETWORK_SESSION) {
        approval_session_allow(agent->session, call->record.name, call->record.arguments);
    }
    agent_open_network(agent, call, answer);
    calls_set_refusal(call, reason);
    if (answer != APPROVAL_NO) {
        calls_append_texts(call->record.arguments, &agent->agreed);
    }
    feed(agent,
         (struct turn_event){.kind = answer == APPROVAL_NO ? TURN_EVENT_DENIED : TURN_EVENT_ALLOWED,
                             .call = place});
    agent_look_at_clock(agent);
}

/* --- what the loop brings in --- */

void agent_tools_known(struct agent *agent)
{
    int budget = agent->budget_when_loaded;
    if (budget > 0 && infer_model(agent->options.infer) != NULL) {
        agent->budget_when_loaded = 0;
        agent_generate(agent, budget);
    }
}

static void on_load_failed(struct agent *agent, const struct infer_event *event)
{
    agent->budget_when_loaded = 0;
    agent_model_failed(agent, event->error.text);
}

void agent_infer_event(struct agent *agent, const struct infer_event *event)
{
    if (event->kind == INFER_READY) {
        agent_model_ready(agent);
        return;
    }
    if (event->kind == INFER_FAILED && event->number == 0) {
        on_load_failed(agent, event);
        return;
    }
    if (agent_kv_event(agent, event) || agent_ahead_event(agent, event) ||
        agent_aside_event(agent, event) || !agent->step_running ||
        event->number != agent->request) {
        return;
    }
    switch (event->kind) {
    case INFER_PREFILL:
        agent_emit(agent, &(struct agent_event){.kind = AGENT_PREFILL,
                                                .done = event->prompt_done,
                                                .total = event->prompt_total,
                                                .reused = event->reused});
        break;
    case INFER_TOKEN:
        on_token(agent, event);
        break;
    case INFER_DONE:
        model_done(agent, event);
        break;
    case INFER_FAILED:
        request_failed(agent, event);
        break;
    case INFER_READY:
    case INFER_KEPT:
        break;
    }
    agent_look_at_clock(agent);
}

void agent_tool_output(struct agent *agent, const char *call_id, const char *bytes, size_t length)
{
    if (agent_job_output(agent, call_id, bytes, length)) {
        return;
    }
    agent_emit(agent,
               &(struct agent_event){
                   .kind = AGENT_CALL_OUTPUT, .call_id = call_id, .text = bytes, .length = length});
    agent_look_at_clock(agent);
}

void agent_tool_finished(struct agent *agent, const char *call_id,
                         const struct toolproc_result *result)
{
    int place;
    struct open_call *call = calls_find(&agent->calls, call_id, &place);
    if (agent_job_finished(agent, call_id, result) || call == NULL || !call->running) {
        return;
    }
    if (result->unavailable != NULL) {
        call->running = false;
        calls_set_refusal(call, result->unavailable);
        agent_say(agent, AGENT_NOTICE, result->unavailable);
        feed(agent, (struct turn_event){.kind = TURN_EVENT_NO_SANDBOX, .call = place});
        return;
    }
    bool unseen = result->picture != NULL && !agent_sees(agent);
    json_t *said = unseen ? response_unseen(result->response) : json_incref(result->response);
    json_t *response = agent_bounded_response(agent, said);
    json_decref(said);
    call->picture = unseen ? NULL : chat_medium_keep(result->picture);
    if (!agent_hook_result(agent, call, response, result->failed)) {
        agent_settle_call(agent, place, response, result->failed);
    }
    json_decref(response);
    agent_look_at_clock(agent);
}

/* --- birth and return --- */

struct agent *agent_create(const struct agent_options *options, agent_callback *callback,
                           void *context, struct err *err)
{
    struct agent *agent = mem_zero(1, sizeof *agent);
    agent->options = *options;
    agent->callback = callback;
    agent->context = context;
    agent->workspace = mem_strdup(options->workspace);
    agent->tool_program = mem_strdup(options->tool_program != NULL ? options->tool_program : "");
    agent->session = approval_session_create();
    agent->next_call = 1;
    agent->held = -1;
    journal_init(&agent->journal, options->store, &agent->conversation);
    snprintf(agent->journal.wanted, sizeof agent->journal.wanted, "%s",
             options->new_id != NULL ? options->new_id : "");
    chat_conversation_init(&agent->conversation);
    str_init(&agent->agreed);
    turn_init(&agent->turn, &options->settings.limits);

    char date[11];
    clock_date(clock_wall_ms(), date);
    struct str system;
    str_init(&system);
    preamble_append(&system, options->system_prompt, options->workspace, date);
    agent->preamble_length = system.length;
    str_append(&system, options->instructions != NULL ? options->instructions : "");
    agent->skills_length = options->skills != NULL ? strlen(options->skills) : 0;
    str_append(&system, options->skills != NULL ? options->skills : "");
    agent->system = str_take(&system);

    if (options->conversation_id != NULL &&
        (!recovery_resume(&agent->journal, options->conversation_id, &agent->conversation,
                          &agent->next_call, err) ||
         !agent_load_compaction(agent, err))) {
        agent_destroy(agent);
        return NULL;
    }
    agent_load_media(agent);
    agent->has_more = more_output_offered(&agent->conversation);
    agent->kv_folder = options->kv_folder != NULL ? mem_strdup(options->kv_folder) : NULL;
    if (options->conversation_id != NULL) {
        agent_kv_restore(agent);
    }
    return agent;
}

void agent_destroy(struct agent *agent)
{
    if (agent == NULL) {
        return;
    }
    agent_clock_drop(agent);
    if (agent->step_running) {
        infer_cancel(agent->options.infer);
        step_finish(&agent->step);
    } else {
        agent_keep_session(agent);
    }
    agent_ahead_stop(agent);
    agent_aside_finish(agent);
    agent_leave_open(agent);
    str_finish(&agent->agreed);
    agent_jobs_finish(agent);
    agent_forget_media(agent);
    journal_close(&agent->journal);
    calls_clear(&agent->calls);
    for (size_t i = 0; i < agent->waiting.count; i++) {
        agent_free_waiting(&agent->waiting.items[i]);
    }
    tool_limit_destroy(agent->limit);
    attached_release(&agent->attached);
    mem_free(agent->waiting.items);
    mem_free(agent->events.items);
    approval_session_destroy(agent->session);
    chat_conversation_finish(&agent->conversation);
    json_decref(agent->tools[0]);
    json_decref(agent->tools[1]);
    mem_free(agent->title);
    mem_free(agent->kv_folder);
    mem_free(agent->tool_program);
    mem_free(agent->system);
    mem_free(agent->workspace);
    mem_free(agent);
}

void agent_keep_shown(struct agent *agent)
{
    if (agent->step_running && journal_behind(&agent->journal, agent->step.bytes)) {
        keep_partial(agent);
    }
}

bool agent_busy(const struct agent *agent)
{
    return agent->between_models || agent_works(agent);
}
