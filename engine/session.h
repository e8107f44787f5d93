/* session: one timeline of tokens, and the logits after the last of them.
 *
 * The caller always says which tokens the session shall hold; the session keeps the longest common
 * prefix that its K/V cache allows, or copies of what that has lost, and computes the rest in
 * chunks. Invariant, also after a
 * failure or a cancel: the cache holds exactly the positions of tokens[0..count), and the logits
 * are those after the last one, or there are none.
 *
 * One thread at a time, but session_cancel and session_resume may come from any. The model's parts
 * are borrowed and must outlive the session.
 */
#ifndef CARAT_SESSION_H
#define CARAT_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "load/quant.h"

struct decoder;
struct drafter;
struct engine_logprob;
struct engine_sampling;
struct engine_soft;
struct hparams;
struct session;

struct session_options {
    struct decoder *decoder;
    const struct hparams *hparams;
    int workers;               /* threads that the decoder runs on */
    size_t context;            /* most tokens, at least 1 */
    enum quant_type kv_type;   /* QUANT_F32, QUANT_F16 or QUANT_Q8_0 */
    uint64_t fingerprint;      /* of the model: says whose saved sessions can be restored */
    const int32_t *suppressed; /* never chosen; borrowed for the session's life */
    size_t suppressed_count;
};

struct session *session_create(const struct session_options *options, struct err *err);
void session_destroy(struct session *session);

size_t session_context(const struct session *session);
const int32_t *session_tokens(const struct session *session, size_t *count);
void session_on_progress(struct session *session,
                         void (*progress)(void *context, size_t done, size_t total), void *context);

/* Holds exactly ids[0..count), count >= 1. When the part to be kept ends before what a sliding
 * layer's ring still reaches back to, less is kept: up to the last point that the rings can be
 * brought back to (text/kv_marks). *reused (may be NULL): tokens kept. ERR_FULL, with nothing
 * changed, when count exceeds the context; ERR_CANCELLED and ERR_MEMORY leave a prefix of ids.
 * `soft`: runs of soft tokens, ascending, apart and inside the ids; a run is never kept in part
 * where pictures see forwards. ERR_LIMIT for a picture that is then too long. */
bool session_sync(struct session *session, const int32_t *ids, size_t count,
                  const struct engine_soft *soft, size_t soft_count, size_t *reused,
                  struct err *err);

/* Appends ids (positions of `soft` count from the first of them); logits [count][vocab_size] after
 * each of them, or NULL when only those after the last one are wanted. The failures of
 * session_sync; rows of tokens that were finished are valid then. */
bool session_append(struct session *session, const int32_t *ids, size_t count,
                    const struct engine_soft *soft, size_t soft_count, float *logits,
                    struct err *err);

/* Appends one token to each of several sessions of one model, in passes that they share
 * (text/pass_part.h): each fails or not by itself, as session_append, and holds the same bits as if
 * it were alone. Of a session that is cancelled while the pass runs the token is taken, unless all
 * are; its next call sees the request. */
struct session_step {
    struct session *session; /* different ones */
    int32_t id;
    bool ok;        /* out */
    struct err err; /* when not ok */
};

void session_append_together(struct session_step *steps, size_t count);

/* From now on an append evaluates at most `most` guesses with it (speculation.h); an append of what
 * was guessed then costs nothing. Neither look-up nor a drafter: no guesses. ERR_MEMORY changes
 * nothing. The drafter is borrowed, until the next such call or the session's end. */
bool session_look_ahead(struct session *session, struct drafter *drafter, bool lookup, size_t most,
                        struct err *err);

/* Guesses so far, and how many of them came true. */
void session_guesses(const struct session *session, uint64_t *proposed, uint64_t *accepted);

/* NULL when there are none. */
const float *session_logits(const struct session *session);

bool session_sample(struct session *session, const struct engine_sampling *sampling,
                    const int32_t *banned, size_t banned_count, int32_t *id, struct err *err);

/* As sampler_logprobs; ERR_ARGUMENT also when there are no logits. */
bool session_logprobs(struct session *session, struct engine_logprob *best, size_t count,
                      int32_t id, float *logprob, struct err *err);

/* What the session holds, to a file and from it (snapshot.h). A restore that fails changes nothing.
 */
bool session_save(const struct session *session, const char *path, struct err *err);
bool session_restore(struct session *session, const char *path, struct err *err);

/* The choice is limited to allowed[0..count): ids of the vocabulary, each once. */
bool session_sample_among(struct session *session, const struct engine_sampling *sampling,
                          const int32_t *allowed, size_t count, int32_t *id, struct err *err);

void session_cancel(struct session *session);
void session_resume(struct session *session);

/* What a session takes; of the options decoder is not looked at. */
struct session_plan {
    uint64_t kv;     /* the K/V cache, when the context is full */
    uint64_t copies; /* the most that the copies of its rings come to */
    uint64_t work;   /* all else */
};

void session_plan(const struct session_options *options, struct session_plan *plan);

#endif
