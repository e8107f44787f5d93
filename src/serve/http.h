/* http: a small HTTP/1.1 server on the loop.
 *
 * Connections stay open between requests; one request of a connection is answered at a time, and
 * what was sent ahead waits. A request is looked at twice: when its head is there (admit: may
 * refuse it before its body is read) and when its body is (handle). From then on there is an
 * exchange, which is answered with http_respond, or with http_stream_* piece by piece, now or
 * later. When the client goes away before that is done, `gone` is called, and the exchange is no
 * more.
 *
 * Slow and silent clients are cut off: a head has `patience_ms`, a body that and the time of a slow
 * line, an open connection without a request a minute, a client that reads nothing half a minute.
 * Loop thread.
 */
#ifndef CARAT_SERVE_HTTP_H
#define CARAT_SERVE_HTTP_H

#include <stdbool.h>
#include <stddef.h>

#include <uv.h>

#include "serve/http_request.h"

struct err;
struct http;
struct http_exchange;

enum {
    HTTP_BODY = 16 * 1024 * 1024,         /* most bytes of one request's body */
    HTTP_BODIES = 256 * 1024 * 1024,      /* of all that are being read */
    HTTP_CONNECTIONS = 512,               /* more are told 503 */
    HTTP_UNREAD_ANSWER = 8 * 1024 * 1024, /* bytes that a client may be behind */
};

struct http_options {
    uv_loop_t *loop;
    const char *host; /* an address, not a name */
    int port;         /* 0 = one that is free */
    int patience_ms;
    /* The head is there. False: it was answered, and the connection closes. The views of `request`
     * live during the callbacks. */
    bool (*admit)(void *context, struct http_exchange *exchange,
                  const struct http_request *request);
    void (*handle)(void *context, struct http_exchange *exchange,
                   const struct http_request *request, const char *body, size_t length);
    /* The client of an exchange that is not answered to its end has gone: `item` is what
     * http_exchange_set gave. Not called when there is none. */
    void (*gone)(void *context, void *item);
    void *context;
};

/* Listens. NULL and *err when it cannot. */
struct http *http_create(const struct http_options *options, struct err *err);
/* Closes everything; the loop must run until the handles are closed. `gone` is not called. NULL is
 * fine. */
void http_destroy(struct http *http);

int http_port(const struct http *http);

/* What belongs to the exchange, for `gone`. */
void http_exchange_set(struct http_exchange *exchange, void *item);

/* Another header of the answer: before it is begun. Name and value are ours, never a client's. */
void http_header_add(struct http_exchange *exchange, const char *name, const char *value);

/* The whole answer. The exchange ends with it. */
void http_respond(struct http_exchange *exchange, int status, const char *type, const char *body,
                  size_t length);

/* The answer in pieces: each write is one chunk, sent soon. The exchange ends with
 * http_stream_end. */
void http_stream_begin(struct http_exchange *exchange, int status, const char *type);
void http_stream_write(struct http_exchange *exchange, const char *bytes, size_t length);
void http_stream_end(struct http_exchange *exchange);

#endif
