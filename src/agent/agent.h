/* agent: one conversation that thinks and acts. The front door of this folder.
 *
 * Wires the turn machine (turn.h, pure) to a model (infer), tools (toolproc), the store and the
 * approval rules. The face (screen or headless) tells it what the user wants and is told what
 * happens through one callback. Every step is committed to the store before the next one acts;
 * a model that reads in this process may read a message meanwhile, and what it says of it waits.
 * Loop thread; no function blocks but for the disk's sync.
 */
#ifndef CARAT_AGENT_AGENT_H
#define CARAT_AGENT_AGENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/toolproc.h"
#include "agent/turn.h"
#include "approval/approval.h"
#include "chat/conversation.h"

struct agent;
struct chat_medium;
struct checkpoint;
struct err;
struct infer;
struct infer_event;
struct store;
struct str;
struct tool_limit;
struct uv_loop_s;

/* What decides on calls and answers them in the place of rules and tools, when a recorded run is
 * repeated. */
struct agent_recording {
    const json_t *tools; /* what is declared */
    enum approval_verdict (*verdict)(void *context, const char *call_id);
    /* The call has started: agent_tool_finished follows, from the loop. */
    void (*start)(void *context, const char *call_id);
    /* What a call that does not run is answered; the caller's. */
    json_t *(*refusal)(void *context, const char *call_id);
    void *context;
};

/* The user's own wishes; what is unset is as the model recommends. */
struct agent_sampling {
    bool has_temperature, has_top_k, has_top_p, has_min_p;
    float temperature, top_p, min_p;
    int top_k;
    uint64_t seed; /* 0 = a fresh one for each step */
};

/* What may change while the agent lives (agent_set). */
struct agent_settings {
    struct agent_sampling sampling;
    struct turn_limits limits;
    bool titles;         /* let the model name the conversation (agent_suggest_title) */
    int compact_percent; /* of the context: sum up when it is this full; 0 = never */
    int result_tokens;   /* of one answer of more_output */
};

struct agent_options {
    const struct agent_recording *recording; /* borrowed; NULL = the real thing */
    struct infer *infer;                     /* borrowed */
    struct store *store;                     /* borrowed */
    struct toolproc *toolproc;               /* borrowed; its callbacks are given to agent_tool_* */
    struct foreign *foreign;       /* servers of other people's tools; borrowed; NULL = none */
    struct hooks *hooks;           /* the user's; borrowed; NULL = none */
    struct checkpoint *checkpoint; /* borrowed; its wake calls agent_checkpoint; NULL = none */
    struct uv_loop_s *loop;        /* borrowed: for pictures and a turn's time; NULL = at once */
    bool screenshots;              /* a picture of the screen can be taken here */
    const char *workspace;         /* absolute */
    const char *tool_program;      /* carat-tool, which decodes pictures and sounds */
    const char *conversation_id; /* resume this one; NULL = a new one, made at the first message */
    const char *new_id;          /* of that new one, a UUID; NULL = a fresh one */
    const char *system_prompt;   /* NULL = the built-in text */
    const char *instructions;    /* the project's notes, for the system part; NULL = none */
    const char *skills;          /* what the model is told of skills, behind them; NULL = none */
    bool reads_ahead;            /* let the model read drafts (agent_read_ahead) */
    const char *kv_folder;       /* where what the model has read is kept; NULL = nowhere */
    int64_t kv_bytes;            /* at most, of all conversations; 0 = none */
    struct agent_settings settings;
    const struct approval_rules *rules; /* borrowed */
    enum approval_mode mode;
    const json_t *schema; /* borrowed; the answer is JSON of this JSON Schema; NULL = free text */
    bool unattended; /* nobody can approve: a call that would ask ends the turn (TURN_DENIED) */
    bool thinking;
    bool no_tools; /* the model is told of none, and asks for none */
    bool offline;  /* no question offers the network to a command */
};

enum agent_event_kind {
    AGENT_READY,    /* the model is loaded: model name in `name` */
    AGENT_USER,     /* a user message was accepted and is on disk: text */
    AGENT_PREFILL,  /* done / total */
    AGENT_TEXT,     /* more of the answer */
    AGENT_THOUGHT,  /* more of the thought */
    AGENT_MESSAGE,  /* a model message is complete and on disk: message, tokens of its step */
    AGENT_CALL,     /* a call was asked for and is on disk: call_id, name, arguments */
    AGENT_APPROVAL, /* the user must decide: call_id, name, arguments, text = what it would do */
    AGENT_CALL_STARTED,  /* call_id, name, arguments */
    AGENT_CALL_OUTPUT,   /* call_id, text */
    AGENT_CALL_FINISHED, /* call_id, name, result, failed, denied */
    AGENT_USAGE,         /* context used / size, tokens a second */
    AGENT_WORDS,         /* of a speech (agent_ask_words): text; "" = none, or it was stopped */
    AGENT_BTW,           /* the answer to agent_ask_btw: text; "" = none, or it was stopped */
    AGENT_PICTURE,       /* of a conversation that goes on, decoded or lost: message, done = part */
    AGENT_NOTICE,        /* something the user should know: text */
    AGENT_TURN_ENDED,    /* outcome; text = a sentence when it is not TURN_OK */
    AGENT_FAILED,        /* text: the model or the store failed; the conversation is as committed */
};

struct agent_event {
    enum agent_event_kind kind;
    const char *text; /* views during the callback */
    size_t length;
    const char *call_id, *name;
    const char *network; /* APPROVAL: hosts that a yes can open for it; NULL = there are none */
    const json_t *arguments, *result;
    bool failed, denied;
    size_t done, total, reused; /* PREFILL; USAGE: context used / size */
    double tokens_per_second;
    /* MESSAGE: of this step; TURN_ENDED: of the whole turn. The cached are among the input. */
    size_t input_tokens, cached_tokens, output_tokens;
    enum turn_outcome outcome;
    const struct chat_message *message; /* USER, MESSAGE, PICTURE, CALL_FINISHED (the result's) */
};

typedef void agent_callback(void *context, const struct agent_event *event);

/* On resume loads the conversation; a call that had started without an end gets the result "outcome
 * unknown" and is never run again by itself. */
struct agent *agent_create(const struct agent_options *options, agent_callback *callback,
                           void *context, struct err *err);
void agent_destroy(struct agent *agent);

/* A user message. While a turn runs it is queued for the moment the turn ends. False when it could
 * not be kept (store): nothing was started. */
bool agent_submit(struct agent *agent, const char *text, size_t length, struct err *err);
/* The same; its turn runs only what the limit (taken over; NULL = none) allows, whatever rules and
 * mode say. `typed` (copied) is what it was made of, to which agent_take_back goes back: with the
 * text alone the limit would be gone. */
bool agent_submit_limited(struct agent *agent, const char *text, size_t length, const char *typed,
                          struct tool_limit *limit, struct err *err);
/* A PNG, JPEG or WAV file to go with the next message: pictures before its text, sounds behind.
 * Waits for its decoder (attachment.h). False, with the file's name in *err, when it cannot be
 * read. */
bool agent_attach(struct agent *agent, const char *path, bool picture, struct err *err);
/* The same of a file's bytes. */
bool agent_attach_bytes(struct agent *agent, const char *bytes, size_t size, bool picture,
                        struct err *err);
/* The same of what is decoded already; takes a reference. */
void agent_attach_medium(struct agent *agent, struct chat_medium *medium);
/* Asks the model which words it hears, beside the conversation: AGENT_WORDS follows. Counts as
 * busy. ERR_UNAVAILABLE: not just now; ERR_UNSUPPORTED: this model hears nothing. */
bool agent_ask_words(struct agent *agent, struct chat_medium *const *sounds, size_t count,
                     struct err *err);
/* Asks the model something beside the conversation, which neither the question nor the answer
 * enters: AGENT_BTW follows. Counts as busy; ERR_ARGUMENT, ERR_UNAVAILABLE: not just now. */
bool agent_ask_btw(struct agent *agent, const char *question, struct err *err);
/* How many files wait for the next message; and takes all behind the first `count` back. */
size_t agent_attached(const struct agent *agent);
void agent_detach(struct agent *agent, size_t count);
/* The same, but while a turn runs the message goes in before its next step. */
bool agent_steer(struct agent *agent, const char *text, size_t length, struct err *err);
/* What waits, in order: a view, and whether it steers. */
size_t agent_waiting_count(const struct agent *agent);
const char *agent_waiting_text(const struct agent *agent, size_t index, bool *steers);
/* Takes all that waits back, to be written on: its texts, as they were typed and in order, are
 * appended; what was attached goes with the next message. */
void agent_take_back(struct agent *agent, struct str *text);
/* Tells the model something without asking for an answer: a message of the user's that is on disk
 * and seen by the next step. Not while a turn runs. No event. */
bool agent_note(struct agent *agent, const char *text, size_t length, struct err *err);
/* Stops whatever runs: the model within 50 ms, a tool by its process group. What was shown is kept.
 */
void agent_cancel(struct agent *agent);
/* The user's word on AGENT_APPROVAL. `reason` (may be NULL) goes to the model with a no. */
void agent_decide(struct agent *agent, const char *call_id, enum approval_answer answer,
                  const char *reason);
/* To be called before a frame is drawn: puts on disk what the frame shows of an answer that is
 * still growing, so that nothing that was seen is lost. */
void agent_keep_shown(struct agent *agent);
/* Asks the model for a title when the conversation has none and nothing runs. Given up at once by
 * agent_disturb (a key) and by everything else here. */
void agent_suggest_title(struct agent *agent);
/* Lets the model read what the user is about to send, behind the conversation, so that the answer
 * begins sooner. Nothing is kept of it but what the model has read; no event. Does nothing when the
 * model is busy or cannot. Given up as a title is, within 50 ms. */
void agent_read_ahead(struct agent *agent, const char *draft, size_t length);
void agent_disturb(struct agent *agent);
/* Lets the model sum the conversation up (`focus` may be NULL: what must be kept above all), to go
 * on with the summary alone. The messages stay; agent_expand takes the last summary back. */
bool agent_compact(struct agent *agent, const char *focus, struct err *err);
bool agent_expand(struct agent *agent, bool *undone, struct err *err);

/* What fills the context, in bytes of text; what the tokenizer makes of them is about a quarter. */
struct agent_context {
    size_t system, instructions, skills, tools, summary, messages, results;
    size_t used, size;      /* tokens, as the model counted; 0 = not known */
    size_t told, compacted; /* messages that the model reads, and that a summary stands for */
};
void agent_context(const struct agent *agent, struct agent_context *out);

/* For idle moments, and before another conversation is begun: saves what the model has read, so
 * that taking the conversation up again need not read it once more. Done at the end by itself. */
void agent_keep_session(struct agent *agent);
bool agent_busy(const struct agent *agent);

/* Another model is on its way: until agent_release what is said waits, and agent_busy is true. A
 * turn that runs goes on to its end (agent_works). */
void agent_hold(struct agent *agent);
void agent_release(struct agent *agent); /* what waits begins */
bool agent_works(const struct agent *agent);
/* While nothing works: goes on with another model; the one before is not touched any more. NULL:
 * there is none, while the agent is held; released so, its turns fail in words. AGENT_READY
 * follows, at once when it is ready already. */
void agent_take_model(struct agent *agent, struct infer *infer);
/* Pictures and sounds of the conversation that this model cannot be given. */
size_t agent_unseen_media(const struct agent *agent);

/* Jobs: shell commands that end in '&', or were put into the background while they ran, and go on
 * beside the conversation. They end with it. */
size_t agent_jobs_running(const struct agent *agent);
/* One or two lines for each, ended ones too; nothing when there are none. */
void agent_jobs_list(const struct agent *agent, struct str *out);
/* TERM, after 2 s KILL; a notice tells of its end. False when no such job runs. */
bool agent_job_stop(struct agent *agent, const char *handle);
/* Since when the shell command runs that is waited for and can become a job (monotonic, us); 0 =
 * none does. */
int64_t agent_command_since(const struct agent *agent);
/* Makes it a job. A call of the model's has its result with that and the turn goes on; `told` is
 * what it says, which the caller passes on (agent_note) when the command was the user's own.
 * `shown` is the same in words for the user. */
bool agent_background(struct agent *agent, struct str *told, struct str *shown, struct err *err);
/* The user's own command was started under this call's name: what agent_tool_* are told of it
 * becomes events as a call's does, but for its end, and agent_background can have it. */
void agent_watch_command(struct agent *agent, const char *call_id, const char *command);

void agent_set_mode(struct agent *agent, enum approval_mode mode);
enum approval_mode agent_mode(const struct agent *agent);
void agent_set_thinking(struct agent *agent, bool thinking);
bool agent_thinking(const struct agent *agent);
/* From the next step on; a turn that runs is held to the new limits. */
void agent_set(struct agent *agent, const struct agent_settings *settings);

/* What the model is told before the conversation: a view. */
const char *agent_system(const struct agent *agent);
const struct chat_conversation *agent_conversation(const struct agent *agent);
/* NULL until the first message is on disk. */
const char *agent_conversation_id(const struct agent *agent);

/* The foreign servers have said which tools they have: a step that waited for that goes on. */
void agent_tools_known(struct agent *agent);
/* What the model is told of in OpenAI form, a view; NULL = no tools. False: not before the foreign
 * servers have said which they have. */
bool agent_declares(struct agent *agent, const json_t **tools);

/* What the loop brings in. */
void agent_checkpoint(struct agent *agent); /* a job of the checkpoint may be done */
void agent_infer_event(struct agent *agent, const struct infer_event *event);
/* A hook has spoken of a call; `denial` NULL: it may go on. */
void agent_hook_done(struct agent *agent, const char *call_id, const char *denial);
void agent_tool_output(struct agent *agent, const char *call_id, const char *bytes, size_t length);
void agent_tool_finished(struct agent *agent, const char *call_id,
                         const struct toolproc_result *result);

#endif
