/* session: see session.h. What sync does with what is held (H) and what is asked for (A):
 *
 *   A = H, logits there    nothing to compute
 *   A inside H             keep all of A but its last token, whose logits are needed
 *   common prefix c        keep c
 *   and then               keep less, back to the last point that the rings or a copy of them can
 *                          be brought back to (text/kv_marks), at worst nothing
 *
 * Where a sync went on from and where it ended are the points of which copies are made: there
 * answers begin and messages end, and there later prompts part from what is held.
 *
 * An append may evaluate guesses of what follows (speculation.h) in the same pass. They lie behind
 * the last token, in `tokens`, in the cache and as rows of logits, and count as held only when the
 * caller appends just them. Dropping them costs nothing: what comes instead takes their places, and
 * the rings have room enough that what a token looks back on is still there.
 *
 * Tokens count as held only when their whole chunk is done. A chunk that was cancelled has
 * overwritten ring slots, which kv_cache knows; going on from there is like any other rewind.
 */
#include "session.h"

#include <stdatomic.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "engine/engine_media.h"
#include "load/hparams.h"
#include "snapshot.h"
#include "speculation.h"
#include "text/decoder.h"
#include "text/drafter.h"
#include "text/kv_cache.h"
#include "text/kv_marks.h"
#include "text/sampler.h"
#include "text/soft.h"

/* For copies of the rings. */
enum { COPY_BYTES = 256 * 1024 * 1024 };

struct session {
    struct session_options options;
    struct decoder *decoder;
    size_t vocabulary;
    size_t context;
    struct kv_cache *cache;
    struct kv_marks *marks;
    int32_t *tokens;    /* [context] */
    uint64_t *contents; /* [context] of soft tokens, else 0: text/soft.h */
    size_t count;
    float *logits; /* [vocabulary] */
    bool has_logits;
    struct sampler sampler;
    struct speculation speculation;
    atomic_bool cancel;
    void (*progress)(void *context, size_t done, size_t total);
    void *progress_context;
};

/* --- making one --- */

/* What holds a timeline, empty. On failure release_timeline what is there. */
static bool make_timeline(const struct session_options *options, struct snapshot *made,
                          struct err *err)
{
    *made = (struct snapshot){.fingerprint = options->fingerprint,
                              .vocabulary = (size_t)options->hparams->vocab_size,
                              .context = options->context};
    made->tokens = mem_try_alloc(made->context, sizeof *made->tokens);
    made->contents = mem_try_alloc(made->context, sizeof *made->contents);
    made->logits = mem_try_alloc(made->vocabulary, sizeof *made->logits);
    if (made->tokens == NULL || made->contents == NULL || made->logits == NULL) {
        return err_set(err, ERR_MEMORY, "no memory for a session of %zu tokens", made->context);
    }
    made->cache = kv_cache_create(options->hparams, made->context,
                                  decoder_capacity(options->hparams), options->kv_type, err);
    if (made->cache == NULL) {
        return false;
    }
    made->marks = kv_marks_create(made->cache, COPY_BYTES, err);
    return made->marks != NULL;
}

static void release_timeline(const struct snapshot *timeline)
{
    kv_marks_destroy(timeline->marks);
    kv_cache_destroy(timeline->cache);
    mem_free(timeline->logits);
    mem_free(timeline->contents);
    mem_free(timeline->tokens);
}

static struct snapshot view_timeline(const struct session *session)
{
    return (struct snapshot){
        .fingerprint = session->options.fingerprint,
        .vocabulary = session->vocabulary,
        .context = session->context,
        .tokens = session->tokens,
        .contents = session->contents,
        .count = session->count,
        .logits = session->logits,
        .has_logits = session->has_logits,
        .cache = session->cache,
        .marks = session->marks,
    };
}

static void take_timeline(struct session *session, const struct snapshot *timeline)
{
    session->tokens = timeline->tokens;
    session->contents = timeline->contents;
    session->count = timeline->count;
    session->logits = timeline->logits;
    session->has_logits = timeline->has_logits;
    session->cache = timeline->cache;
    session->marks = timeline->marks;
}

void session_plan(const struct session_options *options, struct session_plan *plan)
{
    const struct session *session = NULL;
    struct kv_cache_plan cache;
    uint64_t context = options->context, vocabulary = (uint64_t)options->hparams->vocab_size;
    kv_cache_plan(options->hparams, options->context, decoder_capacity(options->hparams),
                  options->kv_type, &cache);
    *plan = (struct session_plan){
        .kv = cache.bytes,
        .copies = kv_marks_plan(&cache, (size_t)options->hparams->sliding_window, options->context,
                                COPY_BYTES),
        .work = sizeof *session + cache.page_table_bytes +
                context * (sizeof *session->tokens + sizeof *session->contents) +
                vocabulary * sizeof *session->logits + sampler_plan((size_t)vocabulary) +
                speculation_plan((size_t)vocabulary, (size_t)options->hparams->hidden_size),
    };
}

struct session *session_create(const struct session_options *options, struct err *err)
{
    struct session *session = mem_try_zero(1, sizeof *session);
    if (session == NULL) {
        err_set(err, ERR_MEMORY, "no memory for a session");
        return NULL;
    }
    struct snapshot timeline;
    session->options = *options;
    session->decoder = options->decoder;
    session->vocabulary = (size_t)options->hparams->vocab_size;
    session->context = options->context;
    bool ok = make_timeline(options, &timeline, err);
    take_timeline(session, &timeline);
    ok = ok && sampler_init(&session->sampler, session->vocabulary, err);
    if (!ok) {
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
    struct snapshot timeline = view_timeline(session);
    release_timeline(&timeline);
    sampler_finish(&session->sampler);
    speculation_finish(&session->speculation);
    mem_free(session);
}

/* --- what it holds --- */

size_t session_context(const struct session *session)
{
    return session->context;
}

const int32_t *session_tokens(const struct session *session, size_t *count)
{
    *count = session->count;
    return session->tokens;
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

/* --- computing --- */

/* Cuts the timeline to its first `count` tokens, or to fewer, so that it can go on from there.
 * Returns how many are left. */
static size_t rewind_to(struct session *session, size_t count)
{
    size_t left = kv_marks_restore(session->marks, session->cache, session->count, count);
    if (left != session->count) {
        kv_marks_cut(session->marks, session->cache, left);
        session->count = left;
        session->has_logits = false;
        session->speculation.has_state = false;
        speculation_settle(&session->speculation); /* rows of guesses count from a lost token */
    }
    return left;
}

static bool check_room(const struct session *session, size_t count, struct err *err)
{
    if (count > session->context) {
        return err_set(err, ERR_FULL, "%zu tokens do not fit in a context of %zu", count,
                       session->context);
    }
    return true;
}

/* Soft tokens by position in the timeline. */
struct softs {
    const struct engine_soft *items;
    size_t count;
};

/* One pass over ids of which the last `guesses` are not taken into the timeline yet. */
struct chunk {
    const int32_t *ids;
    size_t count, guesses;
    struct softs softs; /* none is a guess */
    size_t wanted;      /* logits for the last of them; more than the guesses, or 0 */
    float *logits;      /* [wanted][vocabulary] */
};

/* The states of a chunk's wanted tokens are kept where a drafter needs them. */
static bool keeps_states(const struct session *session, const struct chunk *chunk)
{
    return session->speculation.states != NULL && chunk->wanted <= session->speculation.most + 1;
}

/* Before the pass: *part is what the pass is to know of the chunk. */
static bool begin_chunk(struct session *session, const struct chunk *chunk, struct pass_part *part,
                        struct err *err)
{
    if (atomic_load(&session->cancel)) {
        return err_set(err, ERR_CANCELLED, "cancelled at position %zu", session->count);
    }
    *part = (struct pass_part){
        .cache = session->cache,
        .position = session->count,
        .count = chunk->count,
        .cancel = &session->cancel,
        .soft = chunk->softs.items,
        .soft_count = chunk->softs.count,
    };
    session->has_logits = session->has_logits && chunk->logits != session->logits;
    session->speculation.has_state = false;
    kv_marks_before(session->marks, session->cache, session->count, session->count + chunk->count);
    return true;
}

/* After the pass: takes the chunk into the timeline. */
static void end_chunk(struct session *session, const struct chunk *chunk)
{
    memmove(session->tokens + session->count, chunk->ids, chunk->count * sizeof *chunk->ids);
    for (size_t p = session->count; p < session->count + chunk->count; p++) {
        session->contents[p] = soft_content(soft_at(chunk->softs.items, chunk->softs.count, p), p);
    }
    session->count += chunk->count - chunk->guesses;
    kv_marks_pass(session->marks, session->cache, session->count);
    if (chunk->wanted > 0 && chunk->logits != session->logits) {
        size_t row = chunk->wanted - 1 - chunk->guesses;
        memcpy(session->logits, chunk->logits + row * session->vocabulary,
               session->vocabulary * sizeof *session->logits);
    }
    session->has_logits = chunk->wanted > 0;
    /* Row `taken` is the one of the last token that is held; without guesses there is but one. */
    session->speculation.has_state =
        keeps_states(session, chunk) && chunk->wanted == chunk->guesses + 1;
}

static bool run_chunk(struct session *session, const struct chunk *chunk, struct err *err)
{
    struct pass_part part;
    if (!begin_chunk(session, chunk, &part, err)) {
        return false;
    }
    const struct decoder_run run = {
        .parts = &part,
        .part_count = 1,
        .ids = chunk->ids,
        .count = chunk->count,
        .wanted = chunk->wanted,
        .logits = chunk->logits,
        .states = keeps_states(session, chunk) ? session->speculation.states : NULL,
    };
    if (!decoder_run(session->decoder, &run, err)) {
        return false;
    }
    end_chunk(session, chunk);
    return true;
}

/* How many of the `left` tokens that come next are run at once. A picture that its tokens see as a
 * whole is not cut: the chunk ends before it, or is it. */
static size_t next_chunk(const struct session *session, const struct softs *softs, size_t left)
{
    size_t chunk = left < DECODER_CHUNK ? left : DECODER_CHUNK;
    size_t last = session->count + chunk - 1;
    const struct engine_soft *run = soft_at(softs->items, softs->count, last);
    if (!session->options.hparams->pictures_see_forwards || run == NULL || !run->picture ||
        run->position + run->count == last + 1) {
        return chunk;
    }
    return run->position > session->count ? run->position - session->count : run->count;
}

/* The chunks of a run of new tokens; every one gets logits when `logits` is given, else only the
 * last token does. */
static bool run_chunks(struct session *session, const int32_t *ids, size_t count,
                       const struct softs *softs, float *logits, struct err *err)
{
    for (size_t done = 0; done < count;) {
        size_t chunk = next_chunk(session, softs, count - done);
        float *out = logits != NULL ? logits + done * session->vocabulary : session->logits;
        size_t wanted = logits != NULL ? chunk : done + chunk == count ? 1 : 0;
        if (!run_chunk(session,
                       &(struct chunk){.ids = ids + done,
                                       .count = chunk,
                                       .softs = *softs,
                                       .wanted = wanted,
                                       .logits = out},
                       err)) {
            return false;
        }
        done += chunk;
        if (session->progress != NULL) {
            session->progress(session->progress_context, done, count);
        }
    }
    return true;
}

static bool check_softs(const struct session *session, const struct softs *softs, struct err *err)
{
    for (size_t i = 0; session->options.hparams->pictures_see_forwards && i < softs->count; i++) {
        if (softs->items[i].picture && softs->items[i].count > DECODER_PICTURE) {
            return err_set(err, ERR_LIMIT, "a picture of %zu soft tokens: at most %d are run",
                           softs->items[i].count, DECODER_PICTURE);
        }
    }
    return true;
}

static size_t common_prefix(const struct session *session, const int32_t *ids, size_t count,
                            const struct softs *softs)
{
    size_t n = 0;
    while (n < count && n < session->count && session->tokens[n] == ids[n] &&
           session->contents[n] == soft_content(soft_at(softs->items, softs->count, n), n)) {
        n++;
    }
    return n;
}

/* A picture that its tokens see as a whole is kept or computed again as a whole: `position`, or
 * where the picture begins that a cut there would go through. */
static size_t before_picture(const struct session *session, size_t position, size_t held)
{
    if (!session->options.hparams->pictures_see_forwards || position >= held) {
        return position;
    }
    while (position > 0 && soft_is_picture(session->contents[position - 1]) &&
           soft_is_picture(session->contents[position])) {
        position--;
    }
    return position;
}

static size_t rewind_to_whole(struct session *session, size_t count)
{
    size_t held = session->count;
    size_t left = rewind_to(session, before_picture(session, count, held));
    for (size_t wanted; (wanted = before_picture(session, left, held)) != left;) {
        left = rewind_to(session, wanted);
    }
    return left;
}

bool session_sync(struct session *session, const int32_t *ids, size_t count,
                  const struct engine_soft *soft, size_t soft_count, size_t *reused,
                  struct err *err)
{
    const struct softs softs = {soft, soft_count};
    if (!check_room(session, count, err) || !check_softs(session, &softs, err)) {
        return false;
    }
    speculation_settle(&session->speculation);
    size_t kept = common_prefix(session, ids, count, &softs);
    bool nothing_to_do = kept == count && count == session->count && session->has_logits;
    if (!nothing_to_do) {
        kept = kept == count ? count - 1 : kept;
        kept = rewind_to_whole(session, kept);
        kv_marks_note(session->marks, session->cache, kept);
        if (!run_chunks(session, ids + kept, count - kept, &softs, NULL, err)) {
            return false;
        }
    }
    kv_marks_note(session->marks, session->cache, count);
    if (reused != NULL) {
        *reused = kept;
    }
    return true;
}

/* After a cancel in the middle of a chunk the rings may have lost what the next token looks at:
 * then some of the tokens are computed again, in the old order. */
static bool restore(struct session *session, struct err *err)
{
    const struct softs none = {NULL, 0};
    size_t count = session->count, left = rewind_to_whole(session, count);
    for (size_t p = left; p < count; p++) {
        if (session->contents[p] != 0) {
            return err_set(err, ERR_ARGUMENT,
                           "the soft tokens behind position %zu must be given again", left);
        }
    }
    return run_chunks(session, session->tokens + left, count - left, &none, NULL, err);
}

/* --- looking ahead --- */

bool session_look_ahead(struct session *session, struct drafter *drafter, bool lookup, size_t most,
                        struct err *err)
{
    struct speculation_options options = {
        .drafter = drafter,
        .lookup = lookup,
        .most = drafter != NULL || lookup ? most : 0,
        .vocabulary = session->vocabulary,
        .hidden_size = (size_t)session->options.hparams->hidden_size,
    };
    return speculation_init(&session->speculation, &options, err);
}

void session_guesses(const struct session *session, uint64_t *proposed, uint64_t *accepted)
{
    *proposed = session->speculation.proposed;
    *accepted = session->speculation.accepted;
}

/* Takes those of ids that were guessed; returns how many. */
static size_t take_guessed(struct session *session, const int32_t *ids, size_t count)
{
    struct speculation *speculation = &session->speculation;
    size_t n = 0;
    while (n < count && speculation->taken < speculation->guessed &&
           session->tokens[session->count] == ids[n]) {
        session->count++;
        speculation->taken++;
        n++;
    }
    if (n > 0) {
        memcpy(session->logits, speculation->rows + speculation->taken * session->vocabulary,
               session->vocabulary * sizeof *session->logits);
        session->has_logits = true;
        speculation->accepted += n;
        kv_marks_pass(session->marks, session->cache, session->count);
    }
    return n;
}

/* A chunk of ids and of guesses of what follows them, `most` in all; ids are fewer. */
static struct chunk look_ahead(struct session *session, const int32_t *ids, size_t count,
                               size_t most)
{
    struct speculation *speculation = &session->speculation;
    int32_t *tokens = session->tokens + session->count;
    size_t total = session->count + count;
    struct drafter_place place = {
        .cache = session->cache,
        .position = session->count,
        .token = ids[0],
        .state = speculation->states,
        .cancel = &session->cancel,
    };
    bool may_draft = count == 1 && session->count > 0 && speculation->has_state;
    if (may_draft) {
        place.state += speculation->taken * (size_t)session->options.hparams->hidden_size;
    }
    memmove(tokens, ids, count * sizeof *ids);
    memset(session->contents + session->count, 0, count * sizeof *session->contents);
    int32_t guesses[SPECULATION_MOST];
    speculation_settle(speculation);
    size_t room = most - count, left = session->context - total;
    const struct speculation_history history = {session->tokens, session->contents, total};
    size_t made = speculation_guess(speculation, &history, room < left ? room : left,
                                    may_draft ? &place : NULL, guesses);
    memcpy(tokens + count, guesses, made * sizeof *guesses);
    return (struct chunk){.ids = tokens,
                          .count = count + made,
                          .guesses = made,
                          .wanted = made + 1,
                          .logits = speculation->rows};
}

/* Appends ids, and evaluates guesses of what follows with them in one pass. */
static bool run_ahead(struct session *session, const int32_t *ids, size_t count, struct err *err)
{
    struct chunk chunk = look_ahead(session, ids, count, SPECULATION_PASS);
    if (!run_chunk(session, &chunk, err)) {
        session->speculation.guessed = 0; /* no fault of theirs */
        return false;
    }
    return true;
}

/* --- appending --- */

/* Moves the runs behind what the session holds, runs the ids, and moves nothing of the caller's. */
static bool append_softs(struct session *session, const int32_t *ids, size_t count,
                         const struct softs *softs, float *logits, struct err *err)
{
    struct engine_soft *moved = mem_try_alloc(softs->count, sizeof *moved);
    if (moved == NULL) {
        return err_set(err, ERR_MEMORY, "no memory for %zu runs of soft tokens", softs->count);
    }
    for (size_t i = 0; i < softs->count; i++) {
        moved[i] = softs->items[i];
        moved[i].position += session->count;
    }
    const struct softs behind = {moved, softs->count};
    bool ok = run_chunks(session, ids, count, &behind, logits, err);
    mem_free(moved);
    return ok;
}

bool session_append(struct session *session, const int32_t *ids, size_t count,
                    const struct engine_soft *soft, size_t soft_count, float *logits,
                    struct err *err)
{
    struct speculation *speculation = &session->speculation;
    const struct softs softs = {soft, soft_count};
    if (!check_room(session, session->count + count, err) || !check_softs(session, &softs, err)) {
        return false;
    }
    if (logits == NULL && soft_count == 0 && speculation->most > 0) {
        size_t taken = take_guessed(session, ids, count);
        ids += taken;
        count -= taken;
        if (count == 0) {
            return true;
        }
        if (count < SPECULATION_PASS) {
            return restore(session, err) && run_ahead(session, ids, count, err);
        }
    }
    speculation_settle(speculation);
    if (!restore(session, err)) {
        return false;
    }
    return soft_count > 0 ? append_softs(session, ids, count, &softs, logits, err)
                          : run_chunks(session, ids, count, &softs, logits, err);
}

/* --- appending to several --- */

/* What goes through one pass: `steps` of which some got a part of it. */
struct together {
    struct pass_part parts[PASS_PARTS];
    struct chunk chunks[PASS_PARTS];
    struct session_step *steps[PASS_PARTS];
    int32_t ids[DECODER_TOGETHER];
    size_t part_count, rows;
};

/* The step is done when its token was guessed, has failed, or gets a part of the pass: of at most
 * `share` rows, guesses included. */
static void join_pass(struct together *together, struct session_step *step, size_t share)
{
    struct session *session = step->session;
    struct speculation *speculation = &session->speculation;
    step->ok = check_room(session, session->count + 1, &step->err);
    if (!step->ok || (speculation->most > 0 && take_guessed(session, &step->id, 1) == 1)) {
        return;
    }
    size_t at = together->part_count;
    struct chunk *chunk = &together->chunks[at];
    step->ok = restore(session, &step->err);
    if (!step->ok) {
        return;
    }
    if (speculation->most > 0) {
        *chunk = look_ahead(session, &step->id, 1, share);
    } else {
        speculation_settle(speculation);
        *chunk = (struct chunk){.ids = &step->id, .count = 1, .wanted = 1};
    }
    size_t end = session->count + chunk->count;
    chunk->logits = decoder_rows(session->decoder).logits + together->rows * session->vocabulary;
    step->ok = begin_chunk(session, chunk, &together->parts[at], &step->err) &&
               kv_cache_prepare(session->cache, session->count, end, &step->err);
    if (!step->ok) {
        speculation->guessed = 0;
        return;
    }
    memcpy(together->ids + together->rows, chunk->ids, chunk->count * sizeof *chunk->ids);
    together->parts[at].row = together->rows;
    together->rows += chunk->count;
    together->steps[together->part_count++] = step;
}

/* The results of a part, which lie in the decoder's rows, to the session. */
static void leave_pass(const struct together *together, size_t at, const struct decoder_rows *rows)
{
    struct session *session = together->steps[at]->session;
    const struct chunk *chunk = &together->chunks[at];
    struct speculation *speculation = &session->speculation;
    size_t d = (size_t)session->options.hparams->hidden_size;
    if (speculation->most > 0) {
        memcpy(speculation->rows, chunk->logits,
               chunk->wanted * session->vocabulary * sizeof *speculation->rows);
    }
    if (keeps_states(session, chunk)) {
        memcpy(speculation->states, rows->states + together->parts[at].row * d,
               chunk->wanted * d * sizeof *speculation->states);
    }
    end_chunk(session, chunk);
}

static void run_together(struct session_step *steps, size_t count)
{
    struct together together = {.part_count = 0};
    struct decoder *decoder = steps[0].session->decoder;
    struct decoder_rows rows = decoder_rows(decoder);
    struct err err;
    for (size_t i = 0; i < count; i++) {
        join_pass(&together, &steps[i], DECODER_TOGETHER / count);
    }
    if (together.part_count == 0) {
        return;
    }
    const struct decoder_run run = {
        .parts = together.parts,
        .part_count = together.part_count,
        .ids = together.ids,
        .count = together.rows,
        .wanted = together.rows,
        .logits = rows.logits,
        .states = rows.states,
    };
    bool ok = decoder_run(decoder, &run, &err);
    for (size_t i = 0; i < together.part_count; i++) {
        struct session_step *step = together.steps[i];
        step->ok = ok;
        if (ok) {
            leave_pass(&together, i, &rows);
        } else {
            step->err = err;
            step->session->speculation.guessed = 0;
        }
    }
}

void session_append_together(struct session_step *steps, size_t count)
{
    for (size_t at = 0; at < count; at += PASS_PARTS) {
        size_t left = count - at;
        run_together(steps + at, left < PASS_PARTS ? left : PASS_PARTS);
    }
}

/* --- choosing --- */

static bool check_logits(const struct session *session, struct err *err)
{
    return session->has_logits ||
           err_set(err, ERR_ARGUMENT, "the session has no logits to choose from");
}

static struct sampler_state sampler_state(const struct session *session)
{
    return (struct sampler_state){
        .logits = session->logits,
        .tokens = session->tokens,
        .token_count = session->count,
        .suppressed = session->options.suppressed,
        .suppressed_count = session->options.suppressed_count,
        .position = session->count,
    };
}

bool session_sample(struct session *session, const struct engine_sampling *sampling,
                    const int32_t *banned, size_t banned_count, int32_t *id, struct err *err)
{
    struct sampler_state state = sampler_state(session);
    state.banned = banned;
    state.banned_count = banned_count;
    return check_logits(session, err) &&
           sampler_choose(&session->sampler, &state, sampling, id, err);
}

bool session_sample_among(struct session *session, const struct engine_sampling *sampling,
                          const int32_t *allowed, size_t count, int32_t *id, struct err *err)
{
    struct sampler_state state = sampler_state(session);
    return check_logits(session, err) &&
           sampler_choose_among(&session->sampler, &state, sampling, allowed, count, id, err);
}

bool session_logprobs(struct session *session, struct engine_logprob *best, size_t count,
                      int32_t id, float *logprob, struct err *err)
{
    return check_logits(session, err) &&
           sampler_logprobs(&session->sampler, session->logits, best, count, id, logprob, err);
}

/* --- files --- */

bool session_save(const struct session *session, const char *path, struct err *err)
{
    struct snapshot timeline = view_timeline(session);
    return snapshot_write(path, &timeline, err);
}

/* Into a second timeline, which replaces the first when everything was there and sound. */
bool session_restore(struct session *session, const char *path, struct err *err)
{
    struct snapshot before = view_timeline(session), read;
    if (!make_timeline(&session->options, &read, err) || !snapshot_read(path, &read, err)) {
        release_timeline(&read);
        return false;
    }
    take_timeline(session, &read);
    speculation_settle(&session->speculation);
    session->speculation.has_state = false;
    release_timeline(&before);
    return true;
}
