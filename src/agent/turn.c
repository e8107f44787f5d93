/* turn: the states of a turn and the way between them.
 *
 *            SUBMIT                    MODEL_DONE with calls
 *     IDLE ----------> GENERATING ---------------------------> DECIDING
 *      ^                |   |  ^                                |  |  |
 *      |   MODEL_DONE,  |   |  |   every call settled, budget   |  |  | ALLOWED: the tool runs,
 *      |   no calls     |   |  +--------------------------------+  |  | TOOL_DONE: the next call
 *      +----------------+   |                                      |  |
 *      |                    | CANCEL, TIMEOUT, STORE_FAILED        |  | the same three while a
 *      |                    v                                      v  | tool runs
 *      +--------------- CANCELLING <-------------------------------+  |
 *      |  MODEL_DONE or TOOL_DONE: what ran has stopped               |
 *      +--------------------------------------------------------------+
 *         a limit, nobody to ask, no sandbox; CANCEL while the user decides
 *
 * Invariants, whatever is fed in:
 *   - a call is settled exactly once: its tool ran to TOOL_DONE, or a REFUSE was given for it;
 *   - every way to END settles all calls of the step first, so the conversation stays well formed:
 *     no call in it ever lacks a result;
 *   - at most one request to the model or one tool runs, and one END closes each SUBMIT;
 *   - after STORE_FAILED the thing that ran still reports its end (MODEL_DONE, TOOL_DONE) as ever.
 *
 * Calls are looked at one after the other (turn_advance): a call that needs no decision is refused
 * on the spot, the first that needs one waits in `call_current`.
 */
#include "agent/turn.h"

#include <assert.h>
#include <string.h>

static void act(struct turn_actions *actions, struct turn_action action)
{
    assert(actions->count < TURN_ACTIONS_MAX);
    actions->items[actions->count++] = action;
}

static void refuse(struct turn *turn, int call, enum turn_reason reason,
                   struct turn_actions *actions)
{
    turn->calls[call].settled = true;
    act(actions, (struct turn_action){.kind = TURN_ACTION_REFUSE, .call = call, .reason = reason});
}

/* Settles what is open and closes the turn. */
static void end(struct turn *turn, enum turn_outcome outcome, enum turn_reason reason,
                struct turn_actions *actions)
{
    for (int i = 0; i < turn->call_count; i++) {
        if (!turn->calls[i].settled) {
            refuse(turn, i, turn->calls[i].unreadable ? TURN_REASON_UNREADABLE : reason, actions);
        }
    }
    turn->state = TURN_IDLE;
    turn->running = false;
    turn->call_count = turn->call_current = 0;
    act(actions, (struct turn_action){.kind = TURN_ACTION_END, .outcome = outcome});
}

/* The reason given to calls that an ending leaves behind. */
static enum turn_reason reason_of(enum turn_outcome outcome)
{
    return outcome == TURN_TOKEN_LIMIT || outcome == TURN_STEP_LIMIT ? TURN_REASON_LIMIT
           : outcome == TURN_REPEATED                                ? TURN_REASON_REPEATED
                                                                     : TURN_REASON_CANCELLED;
}

static void end_as(struct turn *turn, enum turn_outcome outcome, struct turn_actions *actions)
{
    end(turn, outcome, reason_of(outcome), actions);
}

/* The next step, or the end when a budget is used up. */
static void generate(struct turn *turn, struct turn_actions *actions)
{
    turn->call_count = turn->call_current = 0;
    int left = turn->limits.tokens - turn->tokens;
    if (turn->steps >= turn->limits.steps) {
        end_as(turn, TURN_STEP_LIMIT, actions);
    } else if (left <= 0) {
        end_as(turn, TURN_TOKEN_LIMIT, actions);
    } else {
        int step = turn->limits.tokens_per_step;
        turn->state = TURN_GENERATING;
        act(actions, (struct turn_action){.kind = TURN_ACTION_GENERATE,
                                          .budget = step < left ? step : left});
    }
}

/* How often this call was asked for before in this turn; notes it. */
static int note_call(struct turn *turn, uint64_t fingerprint)
{
    int times = 0;
    for (int i = 0; i < turn->seen_count; i++) {
        times += turn->seen[i] == fingerprint;
    }
    if (turn->seen_count == TURN_REPEATS_KEPT) {
        memmove(turn->seen, turn->seen + 1, (TURN_REPEATS_KEPT - 1) * sizeof turn->seen[0]);
        turn->seen_count--;
    }
    turn->seen[turn->seen_count++] = fingerprint;
    return times;
}

/* Goes through the calls from the current one on, to the first that needs a decision. */
static void turn_advance(struct turn *turn, struct turn_actions *actions)
{
    for (; turn->call_current < turn->call_count; turn->call_current++) {
        int current = turn->call_current;
        if (turn->calls_made >= turn->limits.calls) {
            end_as(turn, TURN_STEP_LIMIT, actions);
            return;
        }
        turn->calls_made++;
        int times = note_call(turn, turn->calls[current].fingerprint);
        if (times > turn->limits.repeated_calls) {
            end_as(turn, TURN_REPEATED, actions);
            return;
        }
        if (turn->calls[current].unreadable) {
            refuse(turn, current, TURN_REASON_UNREADABLE, actions);
        } else if (times == turn->limits.repeated_calls) {
            refuse(turn, current, TURN_REASON_REPEATED, actions);
        } else {
            act(actions, (struct turn_action){.kind = TURN_ACTION_DECIDE, .call = current});
            return;
        }
    }
    generate(turn, actions);
}

/* True when the event speaks of the call that is looked at now, in that condition. */
static bool is_current(const struct turn *turn, const struct turn_event *event, bool running)
{
    return event->call == turn->call_current && turn->running == running;
}

/* --- what each event does --- */

static void on_submit(struct turn *turn, const struct turn_event *event,
                      struct turn_actions *actions)
{
    (void)event;
    struct turn_limits limits = turn->limits;
    turn_init(turn, &limits);
    generate(turn, actions);
}

static void on_call(struct turn *turn, const struct turn_event *event, struct turn_actions *actions)
{
    (void)actions;
    if (turn->running || turn->call_count == TURN_CALLS_MAX || event->call != turn->call_count) {
        return;
    }
    turn->calls[turn->call_count++] = (struct turn_call){
        .fingerprint = event->fingerprint,
        .unreadable = event->kind == TURN_EVENT_CALL_ERROR,
    };
}

static void on_model_done(struct turn *turn, const struct turn_event *event,
                          struct turn_actions *actions)
{
    turn->steps++;
    turn->tokens += event->tokens;
    switch (event->stop) {
    case CHAT_STOP_LENGTH: /* of the step or of the turn: either way the answer was cut */
        end_as(turn, TURN_TOKEN_LIMIT, actions);
        return;
    case CHAT_STOP_LOOP:
        end_as(turn, TURN_REPEATED, actions);
        return;
    case CHAT_STOP_CANCEL:
        end_as(turn, TURN_CANCELLED, actions);
        return;
    default:
        break;
    }
    if (turn->call_count == 0) {
        end_as(turn, TURN_OK, actions);
        return;
    }
    turn->state = TURN_DECIDING;
    turn->call_current = 0;
    turn_advance(turn, actions);
}

static void on_model_failed(struct turn *turn, const struct turn_event *event,
                            struct turn_actions *actions)
{
    (void)event;
    end_as(turn, TURN_FAILED, actions);
}

static void on_allowed(struct turn *turn, const struct turn_event *event,
                       struct turn_actions *actions)
{
    if (is_current(turn, event, false)) {
        turn->running = true;
        act(actions, (struct turn_action){.kind = TURN_ACTION_RUN, .call = event->call});
    }
}

static void on_denied(struct turn *turn, const struct turn_event *event,
                      struct turn_actions *actions)
{
    if (is_current(turn, event, false)) {
        refuse(turn, turn->call_current++, TURN_REASON_DENIED, actions);
        turn_advance(turn, actions);
    }
}

static void on_nobody(struct turn *turn, const struct turn_event *event,
                      struct turn_actions *actions)
{
    if (is_current(turn, event, false)) {
        end(turn, TURN_DENIED, TURN_REASON_NOBODY, actions);
    }
}

static void on_tool_done(struct turn *turn, const struct turn_event *event,
                         struct turn_actions *actions)
{
    if (is_current(turn, event, true)) {
        turn->running = false;
        turn->calls[turn->call_current++].settled = true;
        turn_advance(turn, actions);
    }
}

static void on_no_sandbox(struct turn *turn, const struct turn_event *event,
                          struct turn_actions *actions)
{
    if (is_current(turn, event, true)) {
        end(turn, TURN_NO_SANDBOX, TURN_REASON_NO_SANDBOX, actions);
    }
}

static enum turn_outcome outcome_of(enum turn_event_kind kind)
{
    return kind == TURN_EVENT_CANCEL    ? TURN_CANCELLED
           : kind == TURN_EVENT_TIMEOUT ? TURN_TOKEN_LIMIT
                                        : TURN_FAILED;
}

/* CANCEL, TIMEOUT or STORE_FAILED: stop what runs and wait for it; nothing runs while the user
 * decides. */
static void on_stop(struct turn *turn, const struct turn_event *event, struct turn_actions *actions)
{
    enum turn_outcome outcome = outcome_of(event->kind);
    if (turn->state == TURN_DECIDING && !turn->running) {
        end_as(turn, outcome, actions);
        return;
    }
    act(actions, (struct turn_action){.kind = turn->running ? TURN_ACTION_CANCEL_TOOL
                                                            : TURN_ACTION_CANCEL_MODEL,
                                      .call = turn->call_current});
    turn->state = TURN_CANCELLING;
    turn->ending = outcome;
}

/* The store failed while something else was being stopped: that is the worse news. */
static void on_worse(struct turn *turn, const struct turn_event *event,
                     struct turn_actions *actions)
{
    (void)actions;
    turn->ending = outcome_of(event->kind);
}

static void on_model_stopped(struct turn *turn, const struct turn_event *event,
                             struct turn_actions *actions)
{
    if (!turn->running) {
        turn->steps++;
        turn->tokens += event->tokens;
        end_as(turn, turn->ending, actions);
    }
}

static void on_tool_stopped(struct turn *turn, const struct turn_event *event,
                            struct turn_actions *actions)
{
    if (is_current(turn, event, true)) {
        turn->calls[turn->call_current].settled = event->kind == TURN_EVENT_TOOL_DONE;
        end_as(turn, turn->ending, actions);
    }
}

typedef void handler(struct turn *turn, const struct turn_event *event,
                     struct turn_actions *actions);

/* Empty: the event makes no sense there and changes nothing. */
static handler *const transitions[TURN_CANCELLING + 1][TURN_EVENT_STORE_FAILED + 1] = {
    [TURN_IDLE] =
        {
            [TURN_EVENT_SUBMIT] = on_submit,
        },
    [TURN_GENERATING] =
        {
            [TURN_EVENT_CALL] = on_call,
            [TURN_EVENT_CALL_ERROR] = on_call,
            [TURN_EVENT_MODEL_DONE] = on_model_done,
            [TURN_EVENT_MODEL_FAILED] = on_model_failed,
            [TURN_EVENT_CANCEL] = on_stop,
            [TURN_EVENT_TIMEOUT] = on_stop,
            [TURN_EVENT_STORE_FAILED] = on_stop,
        },
    [TURN_DECIDING] =
        {
            [TURN_EVENT_ALLOWED] = on_allowed,
            [TURN_EVENT_DENIED] = on_denied,
            [TURN_EVENT_NOBODY] = on_nobody,
            [TURN_EVENT_TOOL_DONE] = on_tool_done,
            [TURN_EVENT_NO_SANDBOX] = on_no_sandbox,
            [TURN_EVENT_CANCEL] = on_stop,
            [TURN_EVENT_TIMEOUT] = on_stop,
            [TURN_EVENT_STORE_FAILED] = on_stop,
        },
    [TURN_CANCELLING] =
        {
            [TURN_EVENT_CALL] = on_call,
            [TURN_EVENT_CALL_ERROR] = on_call,
            [TURN_EVENT_MODEL_DONE] = on_model_stopped,
            [TURN_EVENT_MODEL_FAILED] = on_model_stopped,
            [TURN_EVENT_TOOL_DONE] = on_tool_stopped,
            [TURN_EVENT_NO_SANDBOX] = on_tool_stopped,
            [TURN_EVENT_STORE_FAILED] = on_worse,
        },
};

void turn_init(struct turn *turn, const struct turn_limits *limits)
{
    struct turn_limits kept = *limits;
    memset(turn, 0, sizeof *turn);
    turn->limits = kept;
}

void turn_step(struct turn *turn, const struct turn_event *event, struct turn_actions *actions)
{
    actions->count = 0;
    assert(event->kind >= 0 && event->kind <= TURN_EVENT_STORE_FAILED);
    handler *const handle = transitions[turn->state][event->kind];
    if (handle != NULL) {
        handle(turn, event, actions);
    }
}

const char *turn_outcome_text(enum turn_outcome outcome)
{
    static const char *const texts[] = {
        [TURN_OK] = "Done.",
        [TURN_CANCELLED] = "Stopped by the user.",
        [TURN_STEP_LIMIT] = "Stopped: the turn reached its limit of model steps or tool calls.",
        [TURN_TOKEN_LIMIT] = "Stopped: the turn reached its limit of tokens or time.",
        [TURN_DENIED] = "Stopped: a tool call needs an approval and nobody is there to give it.",
        [TURN_REPEATED] = "Stopped: the model repeats itself.",
        [TURN_NO_SANDBOX] = "Stopped: the sandbox is not available, so no tool was run.",
        [TURN_FAILED] = "Stopped: the model or the store failed.",
    };
    return texts[outcome];
}
