/* pool_engine: the engine thread of a pool: sessions, the queue, steps. Private to infer_pool.
 *
 * The thread owns the model, the sessions and, from its posting to its last event, each job.
 */
#ifndef CARAT_INFER_POOL_ENGINE_H
#define CARAT_INFER_POOL_ENGINE_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/mailbox.h"
#include "chat/grammar.h"
#include "infer/bans.h"
#include "infer/constraint.h"
#include "infer/infer_pool.h"
#include "infer/slots.h"

struct engine_drafter;
struct engine_media;
struct engine_model;
struct engine_session;

/* A request on its way. */
struct pool_job {
    struct infer_pool_request asked;
    struct grammar *calls, *answer; /* NULL = free */
    _Atomic bool cancelled;
    struct engine_session *_Atomic session; /* that computes it; NULL = none yet, or no more */

    /* The engine thread's own. */
    struct chat_ids ids; /* the prompt */
    struct slots slots;  /* its pictures and sounds */
    size_t prefilled;    /* of them */
    bool encoded, decoding;
    struct constraint constraint; /* while decoding */
    size_t reused, sampled;
    int64_t began_us, decoding_us;
};

/* A session and who has it. */
struct pool_slot {
    struct engine_session *session;
    struct pool_job *job; /* NULL = free */
    uint64_t used;        /* when it was last given to a job: counted */
};

/* What goes to the loop. Tokens' bytes are views into the model. */
struct pool_posted {
    struct infer_pool_event event;
    struct pool_job *ended; /* the event is the last of this job, which is the loop's now */
};

struct pool_engine {
    struct mailbox *requests, *events;
    struct infer_pool_facts facts; /* written before READY is posted, then read-only */
    struct engine_model *model;    /* the same */

    /* The engine thread's own. */
    char *path, *cpu, *drafter_path, *mmproj;
    struct engine_media *media;     /* opened when the first picture or sound comes */
    struct engine_drafter *drafter; /* NULL: none */
    int32_t newline;                /* the token, or -1 */
    struct infer_pool_options options;
    struct control_ids control;
    struct bans bans;
    struct grammar_mask *tokens;
    struct pool_slot slots[INFER_POOL_SESSIONS];
    struct pool_job **waiting; /* oldest first */
    size_t waiting_count, waiting_capacity;
    uint64_t given;
    bool quit;
    pthread_t thread;
};

/* Into a zeroed struct. False when there can be no thread: nothing is left behind. */
bool pool_engine_start(struct pool_engine *engine, const struct infer_pool_options *options);
/* Waits for the thread. Jobs stay the caller's. */
void pool_engine_stop(struct pool_engine *engine);

#endif
