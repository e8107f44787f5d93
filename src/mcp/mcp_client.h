/* mcp_client: the client half of the Model Context Protocol over stdio, on the loop.
 *
 * Starts a server program in a process group of its own and speaks JSON-RPC 2.0 to it, one object a
 * line. Two manners: the stateless one of 2026-07-28 (each request says its version and what the
 * client can do; for our own tools) and the 2025-11-25 handshake (initialize; for foreign
 * servers).
 *
 * What comes back is foreign: a line over 4 MiB is passed over and ends the call that it answers
 * (all that wait, where its beginning does not say which), one over 32 MiB the server; so does an
 * answer that is no readable JSON; any other line that is no JSON-RPC is logged and dropped,
 * standard error is kept to its last 4 KiB. A server that
 * dies gives every open call a result that says how it died. Loop thread; nothing blocks; callbacks
 * come from the loop alone. The program must ignore SIGPIPE.
 */
#ifndef CARAT_MCP_MCP_CLIENT_H
#define CARAT_MCP_MCP_CLIENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct mcp_client;
struct uv_loop_s;

struct mcp_client_options {
    struct uv_loop_s *loop;
    char *const *argv;        /* ends with NULL; argv[0] is the program's path */
    char *const *environment; /* ends with NULL; all that the program gets */
    const char *directory;    /* where it starts */
    int descriptor;           /* becomes its descriptor 3; -1 = none. The caller closes his own */
    bool handshake;           /* initialize first, and where that is refused discover; else
                                 stateless at once */
    size_t flood_bytes;       /* so much without an answer among it ends the server; 0 = any */
};

struct mcp_client_result {
    const json_t *result; /* of tools/call; NULL: there is none, and `error` says why */
    const char *error;
    int exit_status; /* the server died with this status before it answered; -1 = it did not */
    int exit_signal; /* 0 = by no signal */
    bool given_up;   /* carat ended it itself, for what `error` says */
    const char *standard_error; /* its last words; "" = none */
};

/* Views during the callback. A callback may close the client. */
struct mcp_client_callbacks {
    void (*progress)(void *context, uint64_t call, const char *bytes, size_t length);
    /* Exactly once for each call. */
    void (*result)(void *context, uint64_t call, const struct mcp_client_result *result);
    /* The server has ended and every call has its result; it can only be closed now. */
    void (*ended)(void *context);
    /* With a handshake: it is done, requests may be sent. May be NULL. */
    void (*ready)(void *context);
    /* The server says that its list of tools is another one now. May be NULL. */
    void (*changed)(void *context);
    void *context;
};

/* NULL when the program cannot be started. */
struct mcp_client *mcp_client_start(const struct mcp_client_options *options,
                                    const struct mcp_client_callbacks *callbacks, struct err *err);

/* Asks for a tool; the call's name for the callbacks. 0 when the server has ended. */
uint64_t mcp_client_call(struct mcp_client *client, const char *tool, const json_t *arguments);

/* The same for another method, "tools/list" say; `params` (may be NULL) is taken over. */
uint64_t mcp_client_request(struct mcp_client *client, const char *method, json_t *params);

/* How it ended, as the open calls were told; to be asked in `ended`. Views. */
struct mcp_client_result mcp_client_death(const struct mcp_client *client);

/* Asks the server to stop one call and go on, and whether it is there: with its answer, to the call
 * or to that, the call has its result. When nothing came in 2 s the call has its end all the same
 * where the server may be at work on another one; where there is none the server is stopped. */
void mcp_client_cancel(struct mcp_client *client, uint64_t call);

/* Tells a tool of ours that nobody waits for the call any more, and that it goes on. */
void mcp_client_background(struct mcp_client *client, uint64_t call);

/* Tells a tool of ours to end what runs for the call, TERM first and KILL so long after it, and to
 * answer all the same. */
void mcp_client_stop_call(struct mcp_client *client, uint64_t call, int grace_ms);

/* Nothing more is asked of it: it may end when it has done what it was asked. */
void mcp_client_end_input(struct mcp_client *client);

/* TERM to the process group, after 2 s KILL. */
void mcp_client_stop(struct mcp_client *client);

/* KILL, and nothing else; then to wait, blocking, until it and who holds its output are gone, at
 * most until that moment of clock_monotonic_us. Then close it. */
void mcp_client_kill(struct mcp_client *client);
void mcp_client_wait(struct mcp_client *client, int64_t until_us);

/* KILL at once; no callback after it. The memory goes when the loop has closed the handles. NULL is
 * fine. */
void mcp_client_close(struct mcp_client *client);

/* The end as the protocol has it: the server's input ends, and it may put its things in order for
 * half a second before TERM, and KILL. No callback after it; the loop must run until the handles
 * are closed, no longer than the server takes. NULL is fine. */
void mcp_client_leave(struct mcp_client *client);

#endif
