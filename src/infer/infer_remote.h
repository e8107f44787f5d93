/* infer_remote: a model behind an OpenAI-compatible server.
 *
 * The server renders the conversation itself, so it is handed that instead of a prompt
 * (remote_request), and its answer comes back as the tokens of a model turn (remote_stream). Those
 * have no ids: INFER_TOKEN carries -1.
 *
 * Transfers run on the loop, nothing blocks, no thread of ours. A failure before the answer's first
 * byte is tried again with growing pauses when trying again can help (no connection, 429, 5xx).
 * Redirects, proxies, cookies and .netrc are not used; certificates are verified; a key is never
 * sent in the clear but to this machine, and never written anywhere.
 */
#ifndef CARAT_INFER_INFER_REMOTE_H
#define CARAT_INFER_INFER_REMOTE_H

#include "infer/infer.h"

struct uv_loop_s;

struct infer_remote_options {
    struct uv_loop_s *loop;
    const char *url;            /* "https://example.org/v1"; strings are copied */
    const char *model;          /* as the server names it */
    const char *key;            /* NULL = none */
    const char *const *headers; /* more lines of each request, "Name: value"; copied */
    size_t header_count;
    bool responses; /* it speaks OpenAI's responses instead of chat/completions */
    int context;    /* tokens that the model reads; 0 = not known */
    int idle_ms;    /* most time without a byte */
    int total_ms;   /* most time of one request */
    int retry_ms;   /* the first pause; each is twice the one before */
    infer_wake *wake;
    void *wake_context;
};

/* NULL and *err when the URL cannot be used, or not with a key. Nothing is sent yet. After
 * infer_destroy the loop must run until its handles are closed. */
struct infer *infer_remote_create(const struct infer_remote_options *options, struct err *err);

#endif
