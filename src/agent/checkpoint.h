/* checkpoint: the looks of quarantine and the snapshots of undo, on a thread of their own.
 *
 * A scan of a large workspace takes longer than the loop may stand still. One job at a time: begin
 * (before the first changing call of a turn) or end (after the turn); `wake` is called from the
 * thread when it is done, and the loop then asks checkpoint_poll. Loop thread but for the job.
 */
#ifndef CARAT_AGENT_CHECKPOINT_H
#define CARAT_AGENT_CHECKPOINT_H

#include <stdbool.h>

#include "agent/quarantine.h"
#include "base/err.h"
#include "undo/undo.h"

struct checkpoint;

enum checkpoint_job { CHECKPOINT_NONE, CHECKPOINT_BEGIN, CHECKPOINT_END };

struct checkpoint_result {
    enum checkpoint_job job;
    bool ok; /* the snapshot; names are noted and moved aside without one, too */
    struct err err;
    struct undo_summary summary;     /* END */
    struct quarantine_report report; /* END: what appeared and runs; to be finished */
};

/* `undo` is borrowed; NULL: no snapshots. */
struct checkpoint *checkpoint_create(struct undo *undo, void (*wake)(void *context), void *context);
/* Folders whose protected names are watched from begin to end. */
void checkpoint_guard(struct checkpoint *checkpoint, const char *folder);
/* Waits for a running job; a turn that was begun is ended here, so call it when no tool runs any
 * more. `say` hears what it had made. */
void checkpoint_destroy(struct checkpoint *checkpoint,
                        void (*say)(void *context, const char *sentence), void *context);

/* No job may run. */
void checkpoint_begin(struct checkpoint *checkpoint, const char *conversation, const char *title);
/* `allowed`: what the user was shown and said yes to, for quarantine_apply. Not the `last`: more of
 * the turn is to come, and is compared with the same names. */
void checkpoint_end(struct checkpoint *checkpoint, const char *allowed, bool last);
/* The same for a turn that checkpoint_destroy ends. No job may run. */
void checkpoint_allow(struct checkpoint *checkpoint, const char *allowed);
/* Cuts a running begin short: it fails with ERR_CANCELLED. */
void checkpoint_stop(struct checkpoint *checkpoint);
/* True once after each job. */
bool checkpoint_poll(struct checkpoint *checkpoint, struct checkpoint_result *result);

#endif
