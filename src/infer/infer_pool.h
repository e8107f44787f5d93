/* infer_pool: one model for many requests at a time.
 *
 * Like infer_local the engine on a thread of its own, but with several sessions and a queue. A
 * request that waits gets a session as soon as one is free: the one that holds most of its prompt
 * already, else the one that was not used for the longest time. Prompts are read in pieces, in
 * turn; the next tokens of all answers are made together, in passes that read the weights once. In
 * exact arithmetic what each answers is what it would answer alone.
 *
 * Every function is called from one thread, the loop's, and none blocks; results come back as
 * events through `wake` and infer_pool_poll, in order for each request:
 * PREFILL* -> TOKEN* -> exactly one DONE or FAILED.
 */
#ifndef CARAT_INFER_INFER_POOL_H
#define CARAT_INFER_INFER_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "infer/infer.h"

struct infer_pool;

enum { INFER_POOL_SESSIONS = 64, INFER_POOL_LOGPROBS = 20 };

struct infer_pool_options {
    struct infer_local_options model;
    int sessions; /* 0 = as many as there is memory for, at most 4 */
    int queue;    /* requests that may wait for a session */
};

struct infer_pool_request {
    struct infer_request request;    /* its number must not be 0, nor that of another that runs */
    bool must_call;                  /* the answer begins with a call of one of the tools */
    float min_p, repetition_penalty; /* as in engine_sampling; 0 = off */
    bool wants_logprobs;
    int best_count; /* the most likely tokens to be told with each; 0..INFER_POOL_LOGPROBS */
};

struct infer_pool_logprob {
    int32_t id;
    float logprob;
};

struct infer_pool_event {
    struct infer_event infer;
    float logprob; /* TOKEN, when they were wanted */
    struct infer_pool_logprob best[INFER_POOL_LOGPROBS];
    int best_count;
};

typedef void infer_pool_callback(void *context, const struct infer_pool_event *event);

struct infer_pool_facts {
    struct infer_model model;
    int sessions;
    uint64_t file_bytes, fingerprint;
};

/* Returns at once; READY or FAILED with number 0 follows. NULL when there can be no thread. */
struct infer_pool *infer_pool_create(const struct infer_pool_options *options);
/* Stops what runs, waits for the thread. NULL is fine. */
void infer_pool_destroy(struct infer_pool *pool);

/* The prompt moves out of the request, also on failure. ERR_FULL: the queue is; other errors:
 * tools or schema cannot be compiled. Nothing follows then. */
bool infer_pool_submit(struct infer_pool *pool, struct infer_pool_request *request,
                       struct err *err);

/* That request ends with DONE / CANCEL soon: within a layer of the model while it is computed
 * alone, within a token where others share its passes. Nothing when there is none of that number.
 */
void infer_pool_cancel(struct infer_pool *pool, uint64_t number);

void infer_pool_poll(struct infer_pool *pool, infer_pool_callback *callback, void *context);

/* NULL before READY. */
const struct infer_pool_facts *infer_pool_facts(const struct infer_pool *pool);

/* Requests that run or wait. */
size_t infer_pool_busy(const struct infer_pool *pool);

/* What a token stands for: its bytes, or a control token's spelling. A view that lives as long as
 * the pool. After READY. */
const char *infer_pool_token(const struct infer_pool *pool, int32_t id, size_t *length);

#endif
