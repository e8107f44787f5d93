/* turn: what happens next in a conversation, as a pure function.
 *
 * turn_step(state, event) changes the state and returns the actions to carry out, in order. No
 * clock, no memory of its own, no input or output: agent.c carries the actions out and feeds what
 * came of them back. The diagram of states is at the top of turn.c; the transitions are a table
 * there.
 */
#ifndef CARAT_AGENT_TURN_H
#define CARAT_AGENT_TURN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chat/parse.h"

enum { TURN_CALLS_MAX = 16, TURN_ACTIONS_MAX = 2 * TURN_CALLS_MAX + 8, TURN_REPEATS_KEPT = 32 };

struct turn_limits {
    int steps;            /* model steps in one turn (default 24) */
    int tokens;           /* sampled tokens in one turn (default 8192) */
    int tokens_per_step;  /* default 4096 */
    int calls;            /* tool calls in one turn (default 48) */
    int repeated_calls;   /* the same call with the same arguments (default 3) */
    int64_t milliseconds; /* of one turn; 0 = none */
};

enum turn_state {
    TURN_IDLE,
    TURN_GENERATING, /* a request runs */
    TURN_DECIDING,   /* calls wait for approval or run; at most one is started at a time */
    TURN_CANCELLING, /* the user said stop; waiting for what runs to end */
};

enum turn_outcome {
    TURN_OK,
    TURN_CANCELLED,
    TURN_STEP_LIMIT,  /* exit 53 */
    TURN_TOKEN_LIMIT, /* tokens or time; exit 54 */
    TURN_DENIED,      /* headless: a call needs an approval that nobody can give; exit 55 */
    TURN_REPEATED,    /* the same call over and over; exit 53 */
    TURN_NO_SANDBOX,  /* exit 56 */
    TURN_FAILED,      /* the model or the store failed; exit 1 */
};

enum turn_event_kind {
    TURN_EVENT_SUBMIT, /* the user's message is on disk */
    TURN_EVENT_CALL,   /* the model asks for a call: call = its place in the step, fingerprint */
    TURN_EVENT_CALL_ERROR, /* a call that could not be read: an error result goes back to the model
                            */
    TURN_EVENT_MODEL_DONE, /* the step's message is on disk: stop, tokens */
    TURN_EVENT_MODEL_FAILED,
    TURN_EVENT_ALLOWED,    /* call */
    TURN_EVENT_DENIED,     /* call */
    TURN_EVENT_NOBODY,     /* call needs the user and there is none (headless) */
    TURN_EVENT_TOOL_DONE,  /* call; its result is on disk */
    TURN_EVENT_NO_SANDBOX, /* call could not start: a sandbox layer is missing */
    TURN_EVENT_CANCEL,     /* the user's word */
    TURN_EVENT_TIMEOUT,    /* limits.milliseconds have passed */
    TURN_EVENT_STORE_FAILED,
};

struct turn_event {
    enum turn_event_kind kind;
    int call;
    uint64_t fingerprint; /* CALL: hash of name and arguments */
    enum chat_stop stop;  /* MODEL_DONE */
    int tokens;           /* MODEL_DONE: sampled */
};

enum turn_action_kind {
    TURN_ACTION_GENERATE, /* submit the conversation to the model; budget = most tokens */
    TURN_ACTION_DECIDE,   /* ask approval about call */
    TURN_ACTION_RUN,      /* start call's tool */
    TURN_ACTION_REFUSE,   /* commit a result for call without running it: reason */
    TURN_ACTION_CANCEL_MODEL,
    TURN_ACTION_CANCEL_TOOL, /* call */
    TURN_ACTION_END,         /* the turn is over: outcome */
};

enum turn_reason {
    TURN_REASON_DENIED,
    TURN_REASON_UNREADABLE, /* CALL_ERROR */
    TURN_REASON_REPEATED,
    TURN_REASON_LIMIT,
    TURN_REASON_CANCELLED,
    TURN_REASON_NO_SANDBOX,
    TURN_REASON_NOBODY,
    TURN_REASON_HOOK, /* never the machine's own: the call was allowed before */
};

struct turn_action {
    enum turn_action_kind kind;
    int call;
    int budget;
    enum turn_reason reason;
    enum turn_outcome outcome;
};

struct turn_call {
    uint64_t fingerprint;
    bool unreadable, settled;
};

struct turn {
    struct turn_limits limits;
    enum turn_state state;
    enum turn_outcome ending;      /* what the turn ends with once everything has stopped */
    int steps, tokens, calls_made; /* so far in this turn */
    struct turn_call calls[TURN_CALLS_MAX]; /* of the current step */
    int call_count, call_current;
    bool running;                     /* the current call's tool was started and has not ended */
    uint64_t seen[TURN_REPEATS_KEPT]; /* fingerprints of this turn's calls, newest last */
    int seen_count;
};

struct turn_actions {
    struct turn_action items[TURN_ACTIONS_MAX];
    int count;
};

void turn_init(struct turn *turn, const struct turn_limits *limits);
/* An event that makes no sense in the present state changes nothing and gives no action. */
void turn_step(struct turn *turn, const struct turn_event *event, struct turn_actions *actions);
const char *turn_outcome_text(enum turn_outcome outcome); /* a sentence for people */

#endif
