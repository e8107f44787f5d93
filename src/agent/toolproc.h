/* toolproc: tool calls, each in its sandboxed process, on the loop.
 *
 * Starts `carat-tool FAMILY --workspace DIR --policy FD-or-FILE` and speaks MCP to it
 * (mcp/mcp_client). The shell's process lives for one call and everything it started dies with it;
 * the file tools' process lives as long as the conversation, because it remembers which files were
 * read. Nothing here decides whether a call may run: approval has done that, and the frozen
 * arguments that were approved are what is sent.
 *
 * Loop thread. Callbacks come from the loop, never from inside a call of these functions.
 */
#ifndef CARAT_AGENT_TOOLPROC_H
#define CARAT_AGENT_TOOLPROC_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct chat_medium;
struct err;
struct toolproc;
struct uv_loop_s;

struct toolproc_options {
    struct uv_loop_s *loop;
    const char *program;   /* path of carat-tool */
    const char *workspace; /* absolute */
    const json_t *policy;  /* what tools may touch (docs/security.md); borrowed */
    int begin_seconds;     /* that a sandbox may take until it stands; 0 = 60 */
};

struct toolproc_result {
    json_t *response; /* object for the model, e.g. {"exit_code": 0, "output": "..."}; borrowed */
    bool failed;      /* the tool's own verdict, or it died */
    struct chat_medium *picture; /* that goes with it, decoded; borrowed; NULL = none */
    const char *unavailable;     /* not NULL: the sandbox refused to start, and why */
};

struct toolproc_callbacks {
    /* Live output; a view. */
    void (*output)(void *context, const char *call_id, const char *bytes, size_t length);
    /* Exactly once for each started call, also after a cancel. */
    void (*finished)(void *context, const char *call_id, const struct toolproc_result *result);
    void *context;
};

struct toolproc *toolproc_create(const struct toolproc_options *options,
                                 const struct toolproc_callbacks *callbacks, struct err *err);
/* What tools may touch from now on. The kept process of the file tools goes, and with it what it
 * knows to be read. False, and nothing changed, while a call or a job runs. */
bool toolproc_set_policy(struct toolproc *toolproc, const json_t *policy);
/* Another conversation begins: the kept process of the file tools goes, and with it what it knows
 * to be read; one that still works at a call goes when it has answered. */
void toolproc_forget(struct toolproc *toolproc);
/* Starts one call. */
void toolproc_start(struct toolproc *toolproc, const char *call_id, const char *tool,
                    const json_t *arguments);
/* The same for a shell command that may reach, beside what the policy names, these hosts:
 * "host:port" with a blank between them. */
void toolproc_start_open(struct toolproc *toolproc, const char *call_id, const json_t *arguments,
                         const char *hosts);
/* The same for a shell command that goes on until it ends or is cancelled; calls beside it do not
 * wait for it. */
void toolproc_start_job(struct toolproc *toolproc, const char *call_id, const json_t *arguments);
/* A shell command that runs goes on as a job that is called `job`, as if it had been started as
 * one: nobody waits for it, and it has a job's time. Its end is told under that name. Nothing
 * happens when no such call runs. */
void toolproc_make_job(struct toolproc *toolproc, const char *call_id, const char *job);
/* Stops a running call; it finishes with failed = true. A command gets TERM, 100 ms (a job 2 s),
 * and KILL, and its result says what it wrote; a second time KILL at once. */
void toolproc_cancel(struct toolproc *toolproc, const char *call_id);
/* Commands get TERM and at most 500 ms, then all is killed, and waited for a moment until it is
 * gone; no callback after it. The loop must run once more to close the handles. */
void toolproc_destroy(struct toolproc *toolproc);

/* Runs the sandbox's self-test once, blocking at most 2 s: fills `report` (an object: layer name ->
 * "on", or why not). False with ERR_UNAVAILABLE when a layer that the policy asks for cannot be
 * had. */
bool toolproc_self_test(const struct toolproc_options *options, json_t **report, struct err *err);

#endif
