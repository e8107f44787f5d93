/* agent_state: what agent.c and agent_snapshot.c share. No other file includes it. */
#ifndef CARAT_AGENT_AGENT_STATE_H
#define CARAT_AGENT_AGENT_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/agent.h"
#include "agent/attached.h"
#include "agent/calls.h"
#include "agent/journal.h"
#include "agent/step.h"
#include "agent/turn.h"
#include "chat/conversation.h"

/* What the user said while a turn ran. */
struct waiting_text {
    char *text;
    size_t length;
    struct attached attached;
};

struct agent {
    struct agent_options options; /* strings are not used after agent_create */
    agent_callback *callback;
    void *context;
    char *workspace, *system, *tool_program;
    struct attached attached; /* of the next message */
    char *title;              /* first line of the turn's user message */
    struct journal journal;
    struct chat_conversation conversation;
    struct approval_session *session;

    struct turn turn;
    bool active;   /* from the user's message to the end of its turn */
    bool draining; /* agent_feed's loop is at work */
    struct {
        struct turn_event *items;
        size_t count, capacity;
    } events;
    struct {
        struct waiting_text *items;
        size_t count, capacity;
    } waiting;

    struct step step;
    bool step_running;
    uint64_t request;       /* number of the request that runs or ran last */
    int budget_when_loaded; /* a step that waits for the model to be loaded; 0 = none */
    bool model_lost;        /* it could not be loaded */
    bool ended_early;       /* the step was ended here; the model is about to stop */

    struct calls calls;
    bool has_more; /* a result was cut and kept: more_output is declared */
    unsigned next_call;

    int held;            /* place of the call that waits for the snapshot before it; -1 = none */
    bool held_dropped;   /* it was cancelled meanwhile */
    bool snapshot_tried; /* in this turn */
    bool snapshot_made;
    enum turn_outcome outcome; /* while the turn's end waits for its snapshot */

    int64_t turn_started_us, asked_us; /* asked_us: 0 = the user is not being asked */
    bool timed_out, store_lost;        /* in this turn */
    size_t input_tokens, cached_tokens, output_tokens;
};

/* --- of agent.c --- */

void agent_say(struct agent *agent, enum agent_event_kind kind, const char *sentence);
/* Commits that the call starts, and starts it. */
void agent_start_call(struct agent *agent, int place);
/* Ends a call that was allowed and never started. */
void agent_drop_call(struct agent *agent, int place);
void agent_finish_turn(struct agent *agent, enum turn_outcome outcome);

/* --- of agent_snapshot.c --- */

/* True when the call must wait for the snapshot before it: it is started, or dropped, then. */
bool agent_hold_call(struct agent *agent, int place);
/* True when the end of the turn must wait until what it changed is kept. */
bool agent_hold_end(struct agent *agent, enum turn_outcome outcome);
/* True when the call was one that waits: it will be dropped. */
bool agent_cancel_held(struct agent *agent, int place);

#endif
