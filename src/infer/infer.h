/* infer: a model that answers, wherever it runs.
 *
 * One interface, several back ends (infer_local: the engine on its own thread; infer_remote: a
 * server; infer_script: a scripted twin for tests). The caller's thread is the loop: every function
 * here is called from it and none blocks. Results come back as events: the back end calls `wake`
 * (any thread) when there are some, and infer_poll hands them over on the loop thread, in order.
 *
 * Where there is no model just now, NULL stands for it: it is never ready, keeps and says nothing,
 * and is given no request.
 *
 * One request at a time: begin -> progress* -> token* -> exactly one DONE or FAILED.
 */
#ifndef CARAT_INFER_INFER_H
#define CARAT_INFER_INFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/err.h"
#include "chat/control.h"
#include "chat/parse.h"
#include "chat/render.h"

struct infer;

struct infer_sampling {
    float temperature;
    int top_k;
    float top_p;
    float min_p; /* 0 = off; servers are not told of it */
    uint64_t seed;
};

struct infer_request {
    uint64_t number;           /* the caller's name for it, repeated in every event */
    struct chat_prompt prompt; /* the whole prompt; ownership moves */
    struct infer_sampling sampling;
    int max_tokens; /* most tokens to sample; 0 = only read (infer_model.reads_ahead): ends with
                     * DONE / LENGTH, and the next prompt uses what it begins with as well */

    /* Borrowed while infer_submit runs, may be NULL. infer_local lets the model write no call but
     * of these tools (OpenAI form) with arguments of their schemas, and no answer but a JSON value
     * of this schema. What cannot be compiled fails the request. */
    const json_t *tools, *schema;
    /* The same; what the prompt was made of, for a back end that is given the conversation itself
     * (infer_model). */
    const struct chat_conversation *conversation;
    const char *system;
};

/* What is known of the model once it is there. Strings live as long as the infer. */
struct infer_model {
    const char *name; /* for people */
    const char *path;
    int context;                    /* tokens that fit; 0 = not known */
    bool large;                     /* renders with the large models' template */
    bool sees;                      /* a prompt may hold pictures */
    bool reads_ahead;               /* a request may be to read a prompt and answer nothing; what is
                                     * read stays here, so it may be read before it is kept */
    bool conversation;              /* is given the conversation; a request's prompt stays empty */
    struct infer_sampling sampling; /* as the model recommends; a remote one keeps what is
                                     * unset (temperature < 0, top_p 0) to itself */
};

enum infer_event_kind {
    INFER_READY,   /* once: the model is loaded; infer_model() answers from now on */
    INFER_PREFILL, /* prompt_done of prompt_total new tokens, `reused` kept from before */
    INFER_TOKEN,   /* one sampled token */
    INFER_DONE,    /* the request ended: stop says why */
    INFER_FAILED,  /* error says why; without a request (number 0): the model could not be loaded */
    INFER_KEPT,    /* infer_keep has ended; code ERR_NONE: well */
};

struct infer_event {
    enum infer_event_kind kind;
    uint64_t number;
    size_t prompt_done, prompt_total,
        reused;           /* PREFILL; DONE: prompt_total = whole prompt, reused */
    int32_t token;        /* TOKEN: id (-1: from a model whose ids are not known), */
    enum control control; /* its name when it is a control token, */
    const char *bytes;    /* else its bytes; a view during the callback */
    size_t length;
    enum chat_stop stop;                    /* DONE: TURN, EOS, RESPONSE, LENGTH, CANCEL */
    size_t sampled;                         /* DONE: how many tokens were sampled, stop included */
    double prefill_seconds, decode_seconds; /* DONE */
    struct err error;                       /* FAILED; code ERR_FULL: the prompt does not fit */
};

typedef void infer_wake(void *context);
typedef void infer_callback(void *context, const struct infer_event *event);

/* What infer_keep does with the model's state after what it has read: keys, values, tokens. */
enum infer_keeping { INFER_SAVE, INFER_RESTORE };

/* A back end is these functions; `infer` embeds the pointer first. */
struct infer_ops {
    void (*submit)(struct infer *infer, struct infer_request *request);
    void (*cancel)(struct infer *infer);
    bool (*keep)(struct infer *infer, enum infer_keeping keeping, uint64_t number,
                 const char *path); /* NULL: has no such state */
    void (*poll)(struct infer *infer, infer_callback *callback, void *context);
    void (*pace)(struct infer *infer, bool paced); /* NULL: tokens wake always */
    const struct infer_model *(*model)(const struct infer *infer);
    const struct control_ids *(*control)(const struct infer *infer);
    bool (*spell)(const struct infer *infer, int32_t id, const char **bytes,
                  size_t *length); /* NULL: its tokens are not known */
    void (*destroy)(struct infer *infer);
};

struct infer {
    const struct infer_ops *ops;
    struct err lost; /* why the model could not be loaded, once that was told */
};

/* Starts the request. The prompt moves out of *request. */
void infer_submit(struct infer *infer, struct infer_request *request);
/* The running request ends with DONE / CANCEL within 50 ms; nothing when none runs. */
void infer_cancel(struct infer *infer);
/* Saves the state to a file, or takes it from one, after the requests before it and before those
 * after it; INFER_KEPT tells the end. Restoring is a matter of speed alone: the next prompt uses
 * what fits of it. False when this back end keeps none. */
bool infer_keep(struct infer *infer, enum infer_keeping keeping, uint64_t number, const char *path);
/* Hands over what has happened since the last call. */
void infer_poll(struct infer *infer, infer_callback *callback, void *context);
/* While paced, tokens do not wake the loop: the caller polls by itself, as often as it shows them.
 * All that is no token wakes it as ever. Off again: tokens that wait wake it at once. */
void infer_pace(struct infer *infer, bool paced);
/* NULL before INFER_READY. */
const struct infer_model *infer_model(const struct infer *infer);
/* Why there is no model and will be none: INFER_FAILED without a request was handed over, once, and
 * who came later has not heard it. A view; NULL = nothing is known of that. */
const struct err *infer_lost(const struct infer *infer);
/* The model's control ids, for rendering messages that hold tokens; NULL before INFER_READY. */
const struct control_ids *infer_control(const struct infer *infer);
/* Whether it is known what its tokens stand for, and what one does: a view until the next call;
 * false: there is no such token. After INFER_READY. */
bool infer_spells(const struct infer *infer);
bool infer_spell(const struct infer *infer, int32_t id, const char **bytes, size_t *length);
/* Waits for the back end's threads; for infer_local on any thread, when no other uses it any more.
 * NULL is fine. */
void infer_destroy(struct infer *infer);

struct infer_local_options {
    const char *path;   /* model file; the string is copied */
    int threads;        /* 0 = one a core */
    int context;        /* 0 = the model's own, at most 32768 */
    bool kv_f32;        /* K/V in F32 instead of F16 */
    const char *cpu;    /* NULL = best */
    bool exact;         /* float32 arithmetic throughout */
    const char *mmproj; /* file with the encoders of pictures and sounds; NULL = there is none */
    int image_budget;   /* soft tokens of a picture: 70, 140, 280, 560 or 1120 */

    /* What comes next is guessed and evaluated in the same pass (engine_session_look_ahead): by
     * look-up, and by the model's drafter, a file or folder (NULL = none). */
    bool lookup;
    const char *drafter;
    int thinking_budget; /* most tokens of a thought; 0 = no limit, -1 = as the model's size asks */

    infer_wake *wake;
    void *wake_context;
};

/* The engine in this process. Returns at once; the model is mapped by the engine thread:
 * INFER_READY or INFER_FAILED follows. */
struct infer *infer_local_create(const struct infer_local_options *options);

/* What the model with its context takes, and what there is just now: bytes. Without loading it. */
struct infer_local_plan {
    uint64_t needed, available;
    uint64_t own;         /* of what is needed: all but the weights, which are mapped */
    int context, largest; /* planned; the longest that would fit, 0 = none */
};
bool infer_local_plan(const struct infer_local_options *options, struct infer_local_plan *plan,
                      struct err *err);

/* A scripted twin: answers with the turns of a script instead of a model, for tests and
 * demonstrations. `script` is a JSON array; each item answers one request: a string with control
 * tokens spelled out, cut into tokens of a few bytes; or {"text": ..., "delay_ms": per token,
 * "at_once": tokens before the first of them, "fail": "message"}. After the last item every request
 * fails. NULL and *err when the script is malformed. */
struct infer *infer_script_create(const char *script, infer_wake *wake, void *wake_context,
                                  struct err *err);

#endif
