/* call_looks: what calls from outside make that other programs would run, moved aside as they end.
 *
 * A call that may change files waits until the names that are there are noted, and its result until
 * what is new was looked at (agent/quarantine). Calls that run side by side share what was noted
 * before the first of them. The looks are made on a thread; calls that only read wait for nothing.
 * Loop thread.
 */
#ifndef CARAT_COMMAND_CALL_LOOKS_H
#define CARAT_COMMAND_CALL_LOOKS_H

#include <stdbool.h>

struct app;
struct call_looks;
struct err;

/* `call` is the caller's own. */
struct call_looks_callbacks {
    void (*start)(void *call);
    /* `found`: a sentence a line; "" when nothing was. */
    void (*over)(void *call, const char *found);
};

struct call_looks *call_looks_open(struct app *app, const struct call_looks_callbacks *callbacks,
                                   struct err *err);
/* When no call runs any more; the loop must run once more before app_close. NULL is fine. */
void call_looks_close(struct call_looks *looks);

/* Starts the call now or soon. `agreed`: what the user was shown and said yes to; NULL = nothing.
 */
void call_looks_begin(struct call_looks *looks, void *call, const char *agreed);
/* The call has ended: over comes, never from in here. */
void call_looks_end(struct call_looks *looks, void *call);
/* A call that has not started never will. */
void call_looks_drop(struct call_looks *looks, void *call);

#endif
