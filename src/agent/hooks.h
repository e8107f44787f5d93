/* hooks: the user's own commands before and after a tool.
 *
 * They come from the user's configuration alone, run as `/bin/sh -c COMMAND` in the workspace with
 * the user's rights and environment, outside the sandbox: the model cannot reach them, it only
 * chooses what they are told. A hook gets one JSON object on standard input and says by its exit
 * status what it thinks: 0 go on, 2 deny (standard error is the reason), else a notice. Those that
 * match run one after the other, in the order of the file, each in a process group of its own with
 * a time limit. With the hook ends what it left in that group; what sets itself apart by a session
 * of its own, as gpg-agent does, is the user's own daemon and stays. A hook that cannot be started
 * is said; before a tool one that cannot be run or takes too long denies: a check that does not
 * take place is no permission.
 *
 * Loop thread; nothing blocks; callbacks come from the loop alone.
 */
#ifndef CARAT_AGENT_HOOKS_H
#define CARAT_AGENT_HOOKS_H

#include <jansson.h>
#include <stdbool.h>

#include "config/tables.h"

struct err;
struct hooks;
struct uv_loop_s;

struct hooks_options {
    struct uv_loop_s *loop;
    const char *workspace;            /* absolute */
    const struct config_hooks *table; /* borrowed */
};

struct hooks_callbacks {
    /* Once for each started call, unless it was cancelled. `denial`: NULL = it may go on. */
    void (*done)(void *context, const char *call_id, const char *denial);
    /* A sentence for the user: a hook failed. */
    void (*notice)(void *context, const char *sentence);
    void *context;
};

/* Each hook must be able to concern some tool. */
bool hooks_check(const struct config_hooks *table, struct err *err);

struct hooks *hooks_create(const struct hooks_options *options,
                           const struct hooks_callbacks *callbacks);
/* Kills what runs; no callback after it. The loop must run once more. NULL is fine. */
void hooks_destroy(struct hooks *hooks);

/* Whether that hook is run before (after) a call of that tool. */
bool hooks_concern(const struct config_hook *hook, bool after, const char *tool);
/* Whether a hook is there for that tool. NULL hooks: false. */
bool hooks_match(const struct hooks *hooks, bool after, const char *tool);
/* `event` is what a hook reads, without "event" itself; borrowed. */
void hooks_start(struct hooks *hooks, bool after, const char *call_id, const char *tool,
                 const json_t *event);
/* Kills the hook that runs for that call; it gets no callback. */
void hooks_cancel(struct hooks *hooks, const char *call_id);

#endif
