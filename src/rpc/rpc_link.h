/* rpc_link: a JSON-RPC peer at two descriptors, on the loop.
 *
 * Reads lines, tells requests, notifications and answers apart (json_rpc) and writes what is sent,
 * as fast as the peer takes it. The descriptors themselves are never handed to libuv and their
 * flags never changed: they are shared with whoever started us. The loop may change: a link stands
 * still between rpc_link_unwatch and rpc_link_watch, and loses nothing.
 *
 * A line over 32 MiB is refused and passed over; a peer that leaves 64 MiB unread is given up.
 * Loop thread; callbacks come from the loop alone. The program must ignore SIGPIPE.
 */
#ifndef CARAT_RPC_RPC_LINK_H
#define CARAT_RPC_RPC_LINK_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "rpc/json_rpc.h"

struct err;
struct rpc_link;
struct uv_loop_s;

/* Views during the callback. A callback may stop the loop, but not destroy the link. */
struct rpc_link_callbacks {
    void (*request)(void *context, const struct json_rpc_message *message);
    void (*notification)(void *context, const struct json_rpc_message *message);
    /* Nothing more will come, or nobody reads any more. Once. */
    void (*ended)(void *context);
    void *context;
};

/* NULL when the descriptors are of no use. */
struct rpc_link *rpc_link_create(int in, int out, const struct rpc_link_callbacks *callbacks,
                                 struct err *err);
/* Writes what the peer still takes within two seconds. Only while no loop watches. NULL is fine. */
void rpc_link_destroy(struct rpc_link *link);

bool rpc_link_watch(struct rpc_link *link, struct uv_loop_s *loop, struct err *err);
/* The loop must run once more, for its handles to close. */
void rpc_link_unwatch(struct rpc_link *link);
/* False: what was read is kept and not looked at until true. For the time in which one request
 * must be done before the next. */
void rpc_link_listen(struct rpc_link *link, bool listen);

/* Nobody reads any more, as far as can be told without writing. */
bool rpc_link_gone(const struct rpc_link *link);

/* `result` and `params` are taken over. */
void rpc_link_result(struct rpc_link *link, const json_t *id, json_t *result);
void rpc_link_error(struct rpc_link *link, const json_t *id, int code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void rpc_link_send(struct rpc_link *link, json_t *message); /* any other; taken over */
void rpc_link_notify(struct rpc_link *link, const char *method, json_t *params);

/* Asks the peer. `answer` comes exactly once, unless the link is destroyed: result NULL = it
 * refused or is gone. The question's number, for rpc_link_forget. */
typedef void rpc_link_answer(void *context, const json_t *result);
uint64_t rpc_link_ask(struct rpc_link *link, const char *method, json_t *params,
                      rpc_link_answer *answer, void *context);
/* The answer will not be told. */
void rpc_link_forget(struct rpc_link *link, uint64_t question);

#endif
