/* task: what a client wants answered, whatever protocol it speaks.
 *
 * The dialects turn their requests into OpenAI's chat form, member by member, and the readers here
 * check and take them. What cannot be done is refused with a fault that names the member; members
 * that nobody knows are passed over, because clients send many.
 */
#ifndef CARAT_SERVE_TASK_H
#define CARAT_SERVE_TASK_H

#include <jansson.h>
#include <stdbool.h>

#include "chat/conversation.h"
#include "infer/infer_pool.h"
#include "serve/fault.h"
#include "serve/stop_text.h"

struct task {
    struct chat_conversation conversation;
    size_t media_count; /* pictures and sounds in it */
    json_t *tools;      /* all that are declared; NULL = none */
    json_t *callable;   /* those of them that may be called; NULL = none */
    json_t *schema;     /* of the answer; NULL = free */
    bool must_call, one_call;
    bool thinking;
    bool stream, stream_usage;
    bool logprobs;
    int best_count;
    struct infer_sampling sampling;
    float min_p, repetition_penalty;
    int max_tokens; /* 0 = what the context leaves */
    struct stop_text stop;
    bool completion; /* Ollama's /api/generate: other names in the answer */
};

/* With the model's own sampling. */
void task_init(struct task *task, const struct infer_model *model);
void task_finish(struct task *task);

/* A number or a whole number into *out when the member is there and not null. */
bool task_real(const json_t *body, const char *member, double low, double high, float *out,
               struct fault *fault);
bool task_whole(const json_t *body, const char *member, double low, double high, int *out,
                struct fault *fault);
bool task_flag(const json_t *body, const char *member, bool *out, struct fault *fault);

/* temperature, top_p, top_k, min_p, seed: alike in all dialects. */
bool task_sampling(struct task *task, const json_t *body, struct fault *fault);
/* A string or an array of strings. */
bool task_stop(struct task *task, const json_t *stop, struct fault *fault);
/* Messages in OpenAI's chat form. Several system messages at the beginning become one; a later one
 * is read as the user's. Pictures and sounds of the user's are taken as files (media_part.h). */
bool task_messages(struct task *task, const json_t *messages, struct fault *fault);
/* Tools in OpenAI's chat form; `choice`: "auto", "none", "required", or {"function": {"name"}}. */
bool task_tools(struct task *task, const json_t *tools, const json_t *choice, struct fault *fault);
/* {"type": "text" | "json_object" | "json_schema", "json_schema": {"schema"}} */
bool task_format(struct task *task, const json_t *format, struct fault *fault);
/* The schema alone; checked here. */
bool task_schema(struct task *task, const json_t *schema, struct fault *fault);

#endif
