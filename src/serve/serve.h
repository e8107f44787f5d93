/* serve: the engine behind HTTP: OpenAI's chat completions and responses, and Ollama's protocol.
 *
 * Owns the pool (infer_pool) and the server (http); listens when the model is there. Requests need
 * the token, a Host that fits and no foreign Origin (access). Loop thread.
 */
#ifndef CARAT_SERVE_SERVE_H
#define CARAT_SERVE_SERVE_H

#include <stdbool.h>
#include <stddef.h>

#include <uv.h>

#include "infer/infer_pool.h"
#include "serve/intake.h"

struct err;
struct serve;

struct serve_options {
    uv_loop_t *loop;
    struct infer_pool_options pool; /* its wake is made here */
    const char *host;               /* an address */
    int port;                       /* 0 = a free one */
    int patience_ms;                /* for the head of a request */
    const char *token;              /* NULL = none is asked for: on a loopback address alone */
    char *const *origins;           /* pages that may send requests: "https://example.org" */
    size_t origin_count;
    intake_decode *decode; /* of foreign pictures and sounds */
    void *decode_context;
    const char *version; /* strings are borrowed until serve_destroy */
    /* Called once: listening at `port`, or `err` says why not. */
    void (*started)(void *context, int port, const struct err *err);
    void *context;
};

/* Begins to load the model. NULL and *err when the options do not go together. */
struct serve *serve_create(const struct serve_options *options, struct err *err);

/* Closes connections, ends what runs. The loop must run until its handles are closed; then
 * serve_free. */
void serve_destroy(struct serve *serve);
void serve_free(struct serve *serve);

/* What was loaded; NULL before `started`. */
const struct infer_pool_facts *serve_facts(const struct serve *serve);
/* The name under which clients ask for the model. */
const char *serve_model(const struct serve *serve);

#endif
