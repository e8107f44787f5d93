/* agent_state: what agent.c and agent_*.c share. No other file includes it. */
#ifndef CARAT_AGENT_AGENT_STATE_H
#define CARAT_AGENT_AGENT_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/agent.h"
#include "agent/attached.h"
#include "agent/calls.h"
#include "agent/jobs.h"
#include "agent/journal.h"
#include "agent/step.h"
#include "agent/turn.h"
#include "base/err.h"
#include "base/str.h"
#include "chat/conversation.h"

/* What the user said while a turn ran. */
struct waiting_text {
    char *text;
    size_t length;
    bool steers; /* goes in before the next step; else a turn of its own */
    struct attached attached;
    struct tool_limit *limit; /* of its turn; NULL = none */
    char *typed;              /* what stands for it in the input; NULL = the text itself */
};

enum aside_kind { ASIDE_NONE, ASIDE_TITLE, ASIDE_SUMMARY, ASIDE_WORDS, ASIDE_BTW };

struct decoding;

struct agent {
    struct agent_options options; /* strings are not used after agent_create */
    agent_callback *callback;
    void *context;
    char *workspace, *system, *tool_program;
    size_t preamble_length;   /* of system, before the project's notes */
    size_t skills_length;     /* of what stands behind them about skills */
    struct attached attached; /* of the next message */
    struct err unreadable;    /* of a conversation that goes on: a picture or sound that is lost */
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
    int begun;              /* the budget of a first step that runs before its message is kept */
    int budget_when_loaded; /* a step that waits for the model to be loaded; 0 = none */
    bool model_noted;       /* the conversation's row names it */
    bool between_models;    /* another one is on its way (agent_hold) */
    bool ended_early;       /* the step was ended here; the model is about to stop */

    struct calls calls;
    json_t *tools[2]; /* what is declared without and with more_output; NULL until asked for */
    bool has_more;    /* a result was cut and kept, or a job ran: more_output is declared */
    struct jobs jobs;
    struct job *front; /* the command that is waited for, which can become a job; NULL = none */
    char *front_call;  /* its call's id; the model's, or of a command of the user's own */
    bool shot_decided, shot_offered; /* whether screenshot is declared */
    struct decoding *shot;           /* the picture that a screenshot call takes; NULL = none */
    struct decoding *loading;        /* a picture of a conversation that goes on; NULL = none */
    size_t loading_message, loading_part;
    unsigned next_call;

    bool disk_told; /* that it is full */

    int held;            /* place of the call that waits for the snapshot before it; -1 = none */
    bool held_dropped;   /* it was cancelled meanwhile */
    bool snapshot_tried; /* in this turn */
    bool names_noted;    /* what runs and was there before the turn (quarantine) */
    struct tool_limit *limit_next, *limit; /* of the next message; of the turn; NULL = none */
    const char *typed_next;                /* as in waiting_text; only while it is submitted */
    struct str agreed;         /* the calls of the turn that the user was shown and said yes to */
    enum turn_outcome outcome; /* while the turn's end waits for its snapshot */

    enum aside_kind aside_kind; /* the model is asked something beside the conversation */
    bool aside_stopped, title_asked;
    bool summed_first; /* the summary is for a message that waits for it */
    bool stops_next;   /* the user said stop meanwhile */
    uint64_t aside_request;
    bool ahead_running; /* the model reads a draft; its end was not heard of yet */
    bool ahead_stopped; /* it was told to stop */
    uint64_t ahead_request;
    struct step aside;
    size_t compacted;    /* so many messages are told by a summary */
    char *view_system;   /* the system text with that summary; NULL = none */
    size_t context_used; /* tokens, after the last step; 0 = not known */

    char *kv_folder; /* NULL = nothing is kept */
    bool kv_stale;   /* the model has read more than is saved */

    int64_t turn_started_us, asked_us; /* asked_us: 0 = the user is not being asked */
    struct uv_timer_s *timer;          /* for the end of the turn's time; NULL = none is needed */
    bool timed_out, store_lost;        /* in this turn */
    size_t input_tokens, cached_tokens, output_tokens;
};

/* --- of agent.c --- */

void agent_emit(struct agent *agent, const struct agent_event *event);
void agent_say(struct agent *agent, enum agent_event_kind kind, const char *sentence);
void agent_tell_call(struct agent *agent, enum agent_event_kind kind, const struct open_call *call);
/* Ends a turn whose time is over; else sees to it that somebody looks then. */
void agent_look_at_clock(struct agent *agent);
/* The call has its result: it is kept and told, and the turn goes on. */
void agent_settle_call(struct agent *agent, int place, json_t *response, bool failed);
/* A call that was allowed is refused by a hook; its refusal is the reason. */
void agent_deny_call(struct agent *agent, int place);
/* Commits that the call starts, and starts it. */
void agent_start_call(struct agent *agent, int place);
/* Ends a call that was allowed and never started. */
void agent_drop_call(struct agent *agent, int place);
void agent_finish_turn(struct agent *agent, enum turn_outcome outcome);

void agent_start_waiting(struct agent *agent);
/* The step has failed, or could not begin: said, and the turn ends. */
void agent_model_failed(struct agent *agent, const char *sentence);

/* --- of agent_btw.c --- */

/* The model has answered; what it said when it was stopped counts, too. */
void agent_btw_ended(struct agent *agent, const struct infer_event *event, const char *text);

/* --- of agent_calls.c --- */

/* May the call run? By the rules, or as it was recorded. */
enum approval_verdict agent_verdict(struct agent *agent, const struct open_call *call,
                                    struct str *why);
/* What a call that does not run is answered; the caller's. */
json_t *agent_refusal(struct agent *agent, const struct open_call *call, enum turn_reason reason);
/* Takes an allowed call on its way. */
void agent_run_call(struct agent *agent, int place);
/* What the user's answer opens for it. */
void agent_open_network(struct agent *agent, struct open_call *call, enum approval_answer answer);
void agent_start_tool(struct agent *agent, const struct open_call *call);
/* The response as the model gets it: cut when it is too large, and kept whole elsewhere then. The
 * caller's. */
json_t *agent_bounded_response(struct agent *agent, json_t *response);
/* True when the result must wait for hooks: it is settled then. */
bool agent_hook_result(struct agent *agent, struct open_call *call, json_t *response, bool failed);
/* The declarations for the next prompt: carat's own tools, then those of foreign servers, the same
 * for the whole conversation. NULL = none. */
const json_t *agent_tools(struct agent *agent);
void agent_cancel_call(struct agent *agent, int place);

/* --- of agent_ahead.c --- */

void agent_ahead_stop(struct agent *agent);
/* True when the event belonged to the reading of a draft. */
bool agent_ahead_event(struct agent *agent, const struct infer_event *event);

/* --- of agent_aside.c --- */

/* What the model is given: borrowed from the agent. */
void agent_view(const struct agent *agent, struct chat_conversation *view, const char **system);
/* Reads from the store which summary holds. */
bool agent_load_compaction(struct agent *agent, struct err *err);
/* True when the context is so full that it should be summed up before the next turn. */
bool agent_compaction_due(const struct agent *agent);
/* True when the context is so full that it is being summed up now, before the message that is to
 * be sent. */
bool agent_compact_first(struct agent *agent);
/* The user says stop: to such a question, and to the message that it was asked for. */
void agent_aside_cancel(struct agent *agent);
/* Asks behind the whole conversation; the answer comes to the part that `kind` names. */
bool agent_aside_ask(struct agent *agent, enum aside_kind kind, const struct chat_message *question,
                     int tokens, struct err *err);
/* Such a question can be asked now: nothing runs. */
bool agent_aside_possible(struct agent *agent, struct err *err);
/* True when the event belonged to such a question. */
bool agent_aside_event(struct agent *agent, const struct infer_event *event);
void agent_aside_finish(struct agent *agent);

/* --- of agent_clock.c --- */

/* agent_look_at_clock is called after so many milliseconds, and at no other time. */
void agent_clock_set(struct agent *agent, int64_t milliseconds);
void agent_clock_drop(struct agent *agent);

/* --- of agent_jobs.c --- */

/* True when the call, which has started, was one that the agent answers itself: it is settled. */
bool agent_answers(struct agent *agent, int place);
/* By which a call is known again. */
uint64_t agent_fingerprint(const struct agent *agent, const struct open_call *call);
/* True when it was a job's. */
bool agent_job_output(struct agent *agent, const char *call_id, const char *bytes, size_t length);
bool agent_job_finished(struct agent *agent, const char *call_id,
                        const struct toolproc_result *result);
/* Stops those that run and keeps what they wrote; forgets the command that is waited for. */
void agent_jobs_finish(struct agent *agent);

/* --- of agent_kv.c --- */

void agent_kv_restore(struct agent *agent);
/* True when it was an end of saving or restoring. */
bool agent_kv_event(struct agent *agent, const struct infer_event *event);

/* --- of agent_media.c --- */

/* Whether the model can be shown a picture. */
bool agent_sees(const struct agent *agent);
/* AGENT_USER, of the message that is last in the conversation. */
void agent_tell_user(struct agent *agent, const char *text, size_t length);
/* Says what of a conversation that goes on could not be read, if anything. */
void agent_tell_lost(struct agent *agent);

/* Decodes the pictures and sounds of a conversation that goes on, beside the loop where there is
 * one: no step begins before the last of them is here. */
void agent_load_media(struct agent *agent);
void agent_forget_media(struct agent *agent);

/* --- of agent_model.c --- */

/* The model is loaded: tells the face, and looks at the tokens that are there. */
void agent_model_ready(struct agent *agent);
/* The conversation's row names the model that goes on with it. */
void agent_note_model(struct agent *agent);

/* --- of agent_own.c --- */

/* True when the call is of a tool that carat runs itself; then it is on its way. */
bool agent_run_own(struct agent *agent, int place);
/* True when it was one of those, and is stopped. */
bool agent_cancel_own(struct agent *agent, const struct open_call *call);
/* Whether the model is told of screenshot. */
bool agent_offers_screenshot(struct agent *agent);

/* --- of agent_voice.c --- */

/* The model has said which words it heard; `text` is "" when it was stopped. */
void agent_words_ended(struct agent *agent, const struct infer_event *event, const char *text);

/* --- of agent_request.c --- */

/* What the model shall do behind the conversation as it is told. */
struct agent_wish {
    const struct chat_message *next; /* behind it, in the prompt only; borrowed; NULL = nothing */
    int max_tokens;                  /* 0 = only read */
    bool thinking;
    const json_t *schema; /* NULL = free text */
};

/* Why there is no model and will be none; NULL = there is, or may be. A view. */
const char *agent_lost(const struct agent *agent);
/* The model is there, and all that a prompt is made of. */
bool agent_may_ask(const struct agent *agent);
/* Renders that and hands it over; the model must be there. The request's number; 0 when it could
 * not be rendered. */
uint64_t agent_ask(struct agent *agent, const struct agent_wish *wish, bool *starts_in_thought,
                   struct err *err);
/* A step of the turn: now, or when the model is there. One that was begun goes on. */
void agent_generate(struct agent *agent, int budget);
/* Begins the first step of the turn that this message will begin, when the model may read what is
 * not kept yet; then either agent_generate follows or this. */
void agent_begin(struct agent *agent, const struct chat_message *message);
void agent_give_up_begun(struct agent *agent);

/* --- of agent_snapshot.c --- */

/* At the end of a turn: says once that the disk is full, when what was said last is in the reserve.
 */
void agent_look_at_disk(struct agent *agent);

/* True when the call must wait for the snapshot before it: it is started, or dropped, then. */
bool agent_hold_call(struct agent *agent, int place);
/* True when the end of the turn must wait until what it changed is kept. */
bool agent_hold_end(struct agent *agent, enum turn_outcome outcome);
/* The agent goes, in a turn perhaps: what that made is looked at when the checkpoint goes. */
void agent_leave_open(struct agent *agent);
/* True when the call was one that waits: it will be dropped. */
bool agent_cancel_held(struct agent *agent, int place);

/* --- of agent_waiting.c --- */

/* With what was attached for it. */
void agent_wait(struct agent *agent, const char *text, size_t length, bool steers);
/* Takes one out; what it holds is the caller's, but the limit only when it is taken over. */
struct waiting_text agent_take_waiting(struct agent *agent, size_t index);
/* Forgets all of it. */
void agent_free_waiting(struct waiting_text *text);
/* Puts a message of the user's on disk and into the conversation, with what is attached to it
 * (NULL: nothing). One that begins a turn may be read by the model meanwhile (agent_begin). */
bool agent_add_user(struct agent *agent, const char *text, size_t length, struct attached *attached,
                    bool begins_turn, struct err *err);
/* The limit of the next message becomes that of the turn; or it is given up. */
void agent_begin_limit(struct agent *agent);
void agent_drop_limit(struct agent *agent);
/* Before a step: what steers becomes part of the conversation. */
void agent_take_steering(struct agent *agent);

#endif
