/* checkpoint: a thread for each job, joined when the loop has heard of its end.
 *
 * The job owns undo while it runs; only undo_stop is called meanwhile. `done` is the one thing that
 * both threads look at.
 */
#include "agent/checkpoint.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/mem.h"

struct checkpoint {
    struct undo *undo;
    void (*wake)(void *context);
    void *context;
    enum checkpoint_job job; /* that runs, or whose end was not asked for yet */
    bool begun;              /* a turn is open */
    bool last;               /* of END: the turn is over then */
    bool threaded;
    pthread_t thread;
    atomic_bool done;
    char *conversation, *title, *allowed; /* of the job */
    struct quarantine_list guarded;       /* folders */
    struct quarantine_view before;        /* what was there when the turn began */
    bool cut_told; /* that it was too much to look at, before the turn as well */
    struct checkpoint_result result;
};

struct checkpoint *checkpoint_create(struct undo *undo, void (*wake)(void *context), void *context)
{
    struct checkpoint *checkpoint = mem_zero(1, sizeof *checkpoint);
    checkpoint->undo = undo;
    checkpoint->wake = wake;
    checkpoint->context = context;
    return checkpoint;
}

void checkpoint_guard(struct checkpoint *checkpoint, const char *folder)
{
    quarantine_list_add(&checkpoint->guarded, folder);
}

static void note_names(struct checkpoint *checkpoint)
{
    quarantine_view_finish(&checkpoint->before);
    for (size_t i = 0; i < checkpoint->guarded.count; i++) {
        quarantine_look(&checkpoint->before, checkpoint->guarded.items[i]);
    }
}

static void move_new_names(struct checkpoint *checkpoint, struct quarantine_report *report)
{
    for (size_t i = 0; i < checkpoint->guarded.count; i++) {
        quarantine_apply(&checkpoint->before, checkpoint->guarded.items[i], checkpoint->allowed,
                         report);
    }
    if (report->cut && checkpoint->before.cut) {
        report->cut = !checkpoint->cut_told;
        checkpoint->cut_told = true;
    }
}

static void *work(void *argument)
{
    struct checkpoint *checkpoint = argument;
    struct checkpoint_result *result = &checkpoint->result;
    struct undo *undo = checkpoint->undo;
    *result = (struct checkpoint_result){.job = checkpoint->job};
    if (checkpoint->job == CHECKPOINT_BEGIN) {
        note_names(checkpoint);
        result->ok = undo == NULL ||
                     undo_begin(undo, checkpoint->conversation, checkpoint->title, &result->err);
    } else {
        move_new_names(checkpoint, &result->report);
        result->ok = undo == NULL || undo_end(undo, &result->summary, &result->err);
    }
    atomic_store(&checkpoint->done, true);
    checkpoint->wake(checkpoint->context);
    return NULL;
}

static void join(struct checkpoint *checkpoint)
{
    if (checkpoint->threaded) {
        pthread_join(checkpoint->thread, NULL);
    }
    checkpoint->begun = checkpoint->job == CHECKPOINT_BEGIN || !checkpoint->last;
    checkpoint->job = CHECKPOINT_NONE;
    mem_free(checkpoint->conversation);
    mem_free(checkpoint->title);
    checkpoint->conversation = checkpoint->title = NULL;
}

/* Where there is no thread to be had the loop stands still for it: what a turn makes is looked at
 * in any case. */
static void start(struct checkpoint *checkpoint, enum checkpoint_job job)
{
    checkpoint->job = job;
    atomic_store(&checkpoint->done, false);
    checkpoint->threaded = pthread_create(&checkpoint->thread, NULL, work, checkpoint) == 0;
    if (!checkpoint->threaded) {
        work(checkpoint);
    }
}

void checkpoint_allow(struct checkpoint *checkpoint, const char *allowed)
{
    mem_free(checkpoint->allowed);
    checkpoint->allowed = allowed != NULL ? mem_strdup(allowed) : NULL;
}

void checkpoint_begin(struct checkpoint *checkpoint, const char *conversation, const char *title)
{
    checkpoint->conversation = mem_strdup(conversation);
    checkpoint->title = mem_strdup(title);
    checkpoint_allow(checkpoint, NULL);
    start(checkpoint, CHECKPOINT_BEGIN);
}

void checkpoint_end(struct checkpoint *checkpoint, const char *allowed, bool last)
{
    checkpoint_allow(checkpoint, allowed);
    checkpoint->last = last;
    start(checkpoint, CHECKPOINT_END);
}

void checkpoint_stop(struct checkpoint *checkpoint)
{
    if (checkpoint->job == CHECKPOINT_BEGIN && checkpoint->undo != NULL) {
        undo_stop(checkpoint->undo);
    }
}

bool checkpoint_poll(struct checkpoint *checkpoint, struct checkpoint_result *result)
{
    if (checkpoint->job == CHECKPOINT_NONE || !atomic_load(&checkpoint->done)) {
        return false;
    }
    join(checkpoint);
    *result = checkpoint->result;
    return true;
}

void checkpoint_destroy(struct checkpoint *checkpoint,
                        void (*say)(void *context, const char *sentence), void *context)
{
    if (checkpoint == NULL) {
        return;
    }
    if (checkpoint->job != CHECKPOINT_NONE) {
        checkpoint_stop(checkpoint);
        join(checkpoint);
        quarantine_report_say(&checkpoint->result.report, say, context);
        quarantine_report_finish(&checkpoint->result.report);
    }
    if (checkpoint->begun) {
        struct undo_summary summary;
        struct quarantine_report report = {0};
        move_new_names(checkpoint, &report);
        quarantine_report_say(&report, say, context);
        quarantine_report_finish(&report);
        if (checkpoint->undo != NULL) {
            /* Best effort: what fails here is done by the next start. */
            undo_end(checkpoint->undo, &summary, NULL);
        }
    }
    quarantine_list_finish(&checkpoint->guarded);
    quarantine_view_finish(&checkpoint->before);
    mem_free(checkpoint->allowed);
    mem_free(checkpoint);
}
