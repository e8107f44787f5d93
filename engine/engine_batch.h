/* engine_batch.h: one token for each of several sessions, in one pass.
 *
 * A decode step reads all weights for one token. The next tokens of several sessions of a model can
 * share that: products with weights are made for all of them together, attention for each over its
 * own cache. Each session ends up with the bits that engine_session_append would have given it,
 * whoever else takes part, in exact and in fast arithmetic. Errors as in engine.h.
 */
#ifndef CARAT_ENGINE_BATCH_H
#define CARAT_ENGINE_BATCH_H

#include "engine/engine.h"

#ifdef __cplusplus
extern "C" {
#endif

struct engine_batch_step {
    struct engine_session *session;
    int32_t id;
    struct engine_error error; /* out; code ENGINE_OK: the session took the token */
};

/* Appends each step's id to its session: different sessions of one model, count >= 1. They fail one
 * by one, as engine_session_append does; what fails changes nothing for the others. A pass takes 16
 * of them. A session that is cancelled while others go on takes its token; its next call sees the
 * request. false when any step has failed. */
bool engine_batch_append(struct engine_batch_step *steps, size_t count);

#ifdef __cplusplus
}
#endif

#endif
