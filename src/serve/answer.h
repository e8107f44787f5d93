/* answer: one request on its way: from the model's tokens to the pieces that its dialect sends.
 *
 * Made when a request was understood, and lives until the model has ended with it, also when its
 * client has gone before. A dialect is a table of functions: how a request is read, and how what
 * comes is said in that protocol. Loop thread.
 */
#ifndef CARAT_SERVE_ANSWER_H
#define CARAT_SERVE_ANSWER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "serve/task.h"

struct answer;
struct chat_parser;
struct http_exchange;

struct answer_call {
    char id[40];
    char *name;
    json_t *arguments;
    char *text; /* the arguments as JSON; free() */
};

enum answer_finish { ANSWER_STOP, ANSWER_LENGTH, ANSWER_CALLS };

struct dialect {
    const char *stream_type; /* the media type of a stream */
    bool events;             /* server-sent events; else a JSON object a line */
    bool (*read)(struct task *task, const json_t *body, struct fault *fault);
    /* In a stream: before the first piece, each piece, and behind the last. */
    void (*begin)(struct answer *answer);
    void (*text)(struct answer *answer, const char *text, size_t length);
    void (*thought)(struct answer *answer, const char *text, size_t length);
    void (*call)(struct answer *answer, const struct answer_call *call, size_t index);
    void (*end)(struct answer *answer);
    void (*failed)(struct answer *answer, const struct fault *fault);
    json_t *(*whole)(const struct answer *answer); /* not a stream: the body; new */
    json_t *(*fault)(const struct fault *fault);   /* a failure before the first byte; new */
};

struct answer_options {
    const struct dialect *dialect;
    struct infer_pool *pool;
    struct http_exchange *exchange;
    const char *model; /* as clients call it; outlives the answer */
    uint64_t number;   /* of the request in the pool */
};

struct answer {
    struct answer_options options; /* the exchange is NULL when the client has gone */
    struct task task;
    char id[40]; /* without a prefix */
    int64_t created_ms;
    struct chat_parser *parser;
    struct str text, thought;
    struct answer_call *calls;
    size_t call_count, call_capacity;
    json_t *logprobs, *unsure_logprobs; /* of text that was not sent yet; of tokens just read */
    json_t *all_logprobs;
    enum answer_finish finish;
    size_t prompt_tokens, cached_tokens, sampled_tokens;
    double prefill_seconds, decode_seconds;
    bool begun, enough; /* a stream's head is sent; the rest of the answer is not wanted */
    int sequence;       /* a dialect's: events so far, */
    int item_index;     /* items of the output so far, */
    bool message_open;  /* the text's item is open */
};

/* The task moves in. */
struct answer *answer_create(const struct answer_options *options, struct task *task);
void answer_destroy(struct answer *answer);

/* Hands the request to the pool; the prompt moves, also on failure. As infer_pool_submit. */
struct chat_prompt;
bool answer_submit(struct answer *answer, struct chat_prompt *prompt, struct err *err);

/* An event of its request. True when the answer has come to its end. */
bool answer_feed(struct answer *answer, const struct infer_pool_event *event);

/* --- for dialects --- */

/* Sends an object of a stream; `name` is the event's, NULL = none. The reference is taken. */
void answer_send(struct answer *answer, const char *name, json_t *object);
/* A line of an event stream that is no JSON. */
void answer_send_word(struct answer *answer, const char *word);

/* 24 hexadecimal digits and a NUL. */
void answer_make_id(char id[25]);

extern const struct dialect openai_chat_dialect;
extern const struct dialect openai_responses_dialect;
extern const struct dialect ollama_chat_dialect;
extern const struct dialect ollama_generate_dialect;

#endif
