/* session: see session.h. What sync does with what is held (H) and what is asked for (A):
 *
 *   A = H, logits there    nothing to compute
 *   A inside H             keep all of A but its last token, whose logits are needed
 *   common prefix c        keep c
 *   and then               keep nothing, if the rings do not reach back to what the first token
 *                          to be computed looks at
 *
 * Tokens count as held only when their whole chunk is done. A chunk that was cancelled has
 * overwritten ring slots, which kv_cache knows; going on from there asks kv_cache_can_resume like
 * any other rewind.
 */
#include "session.h"

#include <stdatomic.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "load/hparams.h"
#include "text/decoder.h"
#include "text/kv_cache.h"
#include "text/sampler.h"

struct session {
    struct decoder *decoder;
    size_t vocabulary;
    size_t context;
    struct kv_cache *cache;
    int32_t *tokens; /* [context] */
    size_t count;
    float *logits; /* [vocabulary] */
    bool has_logits;
    float *scores; /* [workers][context] */
    struct sampler sampler;
    atomic_bool cancel;
    void (*progress)(void *context, size_t done, size_t total);
    void *progress_context;
};

struct session *session_create(const struct session_options *options, struct err *err)
{
    struct session *session = mem_try_zero(1, sizeof *session);
    if (session == NULL) {
        err_set(err, ERR_MEMORY, "no memory for a session");
        return NULL;
    }
    size_t context = options->context, workers = (size_t)options->workers;
    session->decoder = options->decoder;
    session->vocabulary = (size_t)options->hparams->vocab_size;
    session->context = context;
    session->tokens = mem_try_alloc(context, sizeof *session->tokens);
    session->logits = mem_try_alloc(session->vocabulary, sizeof *session->logits);
    session->scores = mem_try_align(64, context * workers, sizeof *session->scores);
    if (session->tokens == NULL || session->logits == NULL || session->scores == NULL) {
        err_set(err, ERR_MEMORY, "no memory for a session of %zu tokens", context);
        session_destroy(session);
        return NULL;
    }
    session->cache =
        kv_cache_create(options->hparams, context, DECODER_CHUNK, options->kv_type, err);
    if (session->cache == NULL || !sampler_init(&session->sampler, session->vocabulary, err)) {
        session_destroy(session);
        return NULL;
    }
    return session;
}

void session_destroy(struct session *session)
{
    if (session == NULL) {
        return;
    }
    sampler_finish(&session->sampler);
    kv_cache_destroy(session->cache);
    mem_free(session->scores);
    mem_free(session->logits);
    mem_free(session->tokens);
    mem_free(session);
}

size_t session_context(const struct session *session)
{
    return session->context;
}

const int32_t *session_tokens(const struct session *session, size_t *count)
{
    *count = session->count;
    return session->tokens;
}

size_t session_kv_bytes(const struct session *session)
{
    return kv_cache_bytes(session->cache);
}

void session_on_progress(struct session *session,
                         void (*progress)(void *context, size_t done, size_t total), void *context)
{
    session->progress = progress;
    session->progress_context = context;
}

const float *session_logits(const struct session *session)
{
    return session->has_logits ? session->logits : NULL;
}

void session_cancel(struct session *session)
{
    atomic_store(&session->cancel, true);
}

void session_resume(struct session *session)
{
    atomic_store(&session->cancel, false);
}

/* Cuts the timeline to its first `count` tokens. */
static void rewind_to(struct session *session, size_t count)
{
    if (count == session->count) {
        return;
    }
    session->count = count;
    session->has_logits = false;
}

static bool check_room(const struct session *session, size_t count, struct err *err)
{
    if (count > session->context) {
        return err_set(err, ERR_FULL, "%zu tokens do not fit in a context of %zu", count,
                       session->context);
    }
    return true;
}

/* Runs one chunk and takes it into the timeline. */
static bool run_chunk(struct session *session, const int32_t *ids, size_t count, size_t wanted,
                      float *logits, struct err *err)
{
    if (atomic_load(&session->cancel)) {
        return err_set(err, ERR_CANCELLED, "cancelled at position %zu", session->count);
    }
    struct decoder_run run = {
        .cache = session->cache,
        .ids = ids,
        .count = count,
        .position = session->count,
        .wanted = wanted,
        .logits = logits,
        .scores = session->scores,
        .score_stride = session->context,
        .cancel = &session->cancel,
    };
    session->has_logits = session->has_logits && logits != session->logits;
    if (!decoder_run(session->decoder, &run, err)) {
        return false;
    }
    memmove(session->tokens + session->count, ids, count * sizeof *ids);
    session->count += count;
    if (wanted > 0 && logits != session->logits) {
        memcpy(session->logits, logits + (wanted - 1) * session->vocabulary,
               session->vocabulary * sizeof *logits);
    }
    session->has_logits = wanted > 0;
    return true;
}

/* The chunks of a run of new tokens; every one gets logits when `logits` is given, else only the
 * last token does. */
static bool run_chunks(struct session *session, const int32_t *ids, size_t count, float *logits,
                       struct err *err)
{
    for (size_t done = 0; done < count;) {
        size_t chunk = count - done < DECODER_CHUNK ? count - done : DECODER_CHUNK;
        float *out = logits != NULL ? logits + done * session->vocabulary : session->logits;
        size_t wanted = logits != NULL ? chunk : done + chunk == count ? 1 : 0;
        if (!run_chunk(session, ids + done, chunk, wanted, out, err)) {
            return false;
        }
        done += chunk;
        if (session->progress != NULL) {
            session->progress(session->progress_context, done, count);
        }
    }
    return true;
}

static size_t common_prefix(const struct session *session, const int32_t *ids, size_t count)
{
    size_t n = 0;
    while (n < count && n < session->count && session->tokens[n] == ids[n]) {
        n++;
    }
    return n;
}

bool session_sync(struct session *session, const int32_t *ids, size_t count, size_t *reused,
                  struct err *err)
{
    if (!check_room(session, count, err)) {
        return false;
    }
    size_t kept = common_prefix(session, ids, count);
    bool nothing_to_do = kept == count && count == session->count && session->has_logits;
    if (!nothing_to_do) {
        kept = kept == count ? count - 1 : kept;
        if (!kv_cache_can_resume(session->cache, kept)) {
            kept = 0;
            kv_cache_restart(session->cache);
        }
        rewind_to(session, kept);
        if (!run_chunks(session, ids + kept, count - kept, NULL, err)) {
            return false;
        }
    }
    if (reused != NULL) {
        *reused = kept;
    }
    return true;
}

/* After a cancel in the middle of a chunk the rings may have lost what the next token looks at:
 * then everything is computed again, in the old order. */
static bool restore(struct session *session, struct err *err)
{
    size_t count = session->count;
    if (kv_cache_can_resume(session->cache, count)) {
        return true;
    }
    kv_cache_restart(session->cache);
    rewind_to(session, 0);
    return run_chunks(session, session->tokens, count, NULL, err);
}

bool session_append(struct session *session, const int32_t *ids, size_t count, float *logits,
                    struct err *err)
{
    return check_room(session, session->count + count, err) && restore(session, err) &&
           run_chunks(session, ids, count, logits, err);
}

bool session_sample(struct session *session, const struct engine_sampling *sampling,
                    const int32_t *banned, size_t banned_count, int32_t *id, struct err *err)
{
    if (!session->has_logits) {
        return err_set(err, ERR_ARGUMENT, "the session has no logits to choose from");
    }
    return sampler_choose(&session->sampler, session->logits, sampling, banned, banned_count,
                          session->count, id, err);
}

bool session_sample_among(struct session *session, const struct engine_sampling *sampling,
                          const int32_t *allowed, size_t count, int32_t *id, struct err *err)
{
    if (!session->has_logits) {
        return err_set(err, ERR_ARGUMENT, "the session has no logits to choose from");
    }
    return sampler_choose_among(&session->sampler, session->logits, sampling, allowed, count,
                                session->count, id, err);
}
