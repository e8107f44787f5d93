/* pool_engine: jobs share the engine thread.
 *
 *   requests -> waiting -> a slot: encode, prefill in pieces, decode in steps -> DONE or FAILED
 *
 * A round computes at most PREFILL_PIECE tokens of each prompt that is being read, and then for
 * SLICE_US the next tokens of all answers, those of all sessions in one pass (engine_batch.h). In
 * exact arithmetic the engine's results do not depend on where a prompt is cut, and in any they do
 * not depend on who shares a pass; so companions change when a token comes and not which.
 *
 * Cancelling: the loop sets the job's flag, then the session's. The session may by then compute for
 * another job; that one sees that it was not meant, lowers the session's flag and goes on.
 */
#include "infer/pool_engine.h"

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/vec.h"
#include "chat/grammar_mask.h"
#include "engine/engine.h"
#include "engine/engine_batch.h"
#include "engine/engine_drafter.h"
#include "engine/engine_media.h"
#include "infer/vocabulary.h"

enum {
    STANDARD_CONTEXT = 32768, /* at most, where none is asked for */
    STANDARD_SESSIONS = 4,
    PREFILL_PIECE = 128,
    GUESSES_MOST = 15,
    SLICE_US = 20 * 1000,
};

/* --- events --- */

static struct pool_posted *event_of(const struct pool_job *job, enum infer_event_kind kind)
{
    struct pool_posted *posted = mem_zero(1, sizeof *posted);
    posted->event.infer.kind = kind;
    posted->event.infer.number = job != NULL ? job->asked.request.number : 0;
    return posted;
}

static void post_prefill(struct pool_engine *engine, const struct pool_job *job)
{
    struct pool_posted *posted = event_of(job, INFER_PREFILL);
    posted->event.infer.prompt_done = job->prefilled - job->reused;
    posted->event.infer.prompt_total = job->ids.count - job->reused;
    posted->event.infer.reused = job->reused;
    mailbox_post(engine->events, posted);
}

/* The job's last event: from here on it is the loop's. */
static void end(struct pool_engine *engine, struct pool_slot *slot, struct pool_job *job,
                enum chat_stop stop, const struct err *error)
{
    struct pool_posted *posted = event_of(job, error != NULL ? INFER_FAILED : INFER_DONE);
    int64_t now = clock_monotonic_us();
    int64_t decoding = job->decoding_us != 0 ? job->decoding_us : now;
    posted->event.infer.stop = stop;
    posted->event.infer.prompt_total = job->ids.count;
    posted->event.infer.reused = job->reused;
    posted->event.infer.sampled = job->sampled;
    posted->event.infer.prefill_seconds = (double)(decoding - job->began_us) / 1e6;
    posted->event.infer.decode_seconds = (double)(now - decoding) / 1e6;
    if (error != NULL) {
        posted->event.infer.error = *error;
    }
    if (job->decoding) {
        constraint_finish(&job->constraint);
    }
    if (slot != NULL) {
        slot->job = NULL;
    }
    atomic_store(&job->session, NULL);
    posted->ended = job;
    mailbox_post(engine->events, posted);
}

static void end_engine_error(struct pool_engine *engine, struct pool_slot *slot,
                             const struct engine_error *error)
{
    struct err err;
    infer_vocabulary_failed(&err, error);
    end(engine, slot, slot->job, CHAT_STOP_NONE, &err);
}

/* --- loading --- */

/* How many sessions: as asked, or as there is memory for. */
static bool plan_sessions(struct pool_engine *engine, const struct engine_model_options *model,
                          const struct engine_session_options *session, int *count, struct err *err)
{
    struct engine_plan plan;
    struct engine_error error;
    if (!engine_plan(model, session, 0, &plan, &error)) {
        return infer_vocabulary_failed(err, &error);
    }
    uint64_t each = plan.kv + plan.copies + plan.work;
    uint64_t shared = plan.total - (each < plan.total ? each : plan.total);
    uint64_t fit = plan.memory > shared && each > 0 ? (plan.memory - shared) / each : 0;
    int wanted = engine->options.sessions;
    if (fit == 0 || (wanted > 0 && (uint64_t)wanted > fit)) {
        return err_set(err, ERR_MEMORY,
                       "%d sessions of %d tokens do not fit: there is memory for %llu "
                       "(serve.sessions, model.context)",
                       wanted > 0 ? wanted : 1, (int)plan.context, (unsigned long long)fit);
    }
    *count = wanted > 0 ? wanted : fit < STANDARD_SESSIONS ? (int)fit : STANDARD_SESSIONS;
    return true;
}

static bool open_sessions(struct pool_engine *engine, const struct engine_session_options *session,
                          struct err *err)
{
    struct engine_error error;
    for (int i = 0; i < engine->facts.sessions; i++) {
        struct engine_session **made = &engine->slots[i].session;
        *made = engine_session_create(engine->model, session, &error);
        if (*made == NULL ||
            !engine_session_look_ahead(*made, engine->drafter, engine->options.model.lookup,
                                       GUESSES_MOST, &error)) {
            infer_vocabulary_failed(err, &error);
            return err_prefix(err, "session %d of %d", i + 1, engine->facts.sessions);
        }
    }
    return true;
}

static void note_facts(struct pool_engine *engine, int sessions)
{
    const struct engine_model_info *info = engine_model_info(engine->model);
    engine->facts =
        (struct infer_pool_facts){.sessions = sessions,
                                  .file_bytes = info->file_bytes,
                                  .fingerprint = info->fingerprint,
                                  .model = {.name = info->name[0] != '\0' ? info->name : "Gemma 4",
                                            .path = engine->path,
                                            .sees = engine->mmproj != NULL,
                                            .large = !info->has_per_layer_embeddings,
                                            .sampling = {.temperature = info->sampling.temperature,
                                                         .top_k = info->sampling.top_k,
                                                         .top_p = info->sampling.top_p,
                                                         .seed = info->sampling.seed}}};
}

static bool load(struct pool_engine *engine, struct err *err)
{
    const struct infer_local_options *asked = &engine->options.model;
    struct engine_model_options model = {
        .path = engine->path, .threads = asked->threads, .cpu = engine->cpu, .exact = asked->exact};
    struct engine_session_options session = {
        .context = asked->context, .kv_type = asked->kv_f32 ? ENGINE_KV_F32 : ENGINE_KV_F16};
    struct engine_error error;
    engine->model = engine_model_open(&model, &error);
    if (engine->model == NULL) {
        return infer_vocabulary_failed(err, &error);
    }
    if (!infer_vocabulary_resolve(engine->model, &engine->control, err)) {
        return err_prefix(err, "%s", engine->path);
    }
    if (engine->drafter_path != NULL) {
        engine->drafter = engine_drafter_open(engine->model, engine->drafter_path, &error);
        if (engine->drafter == NULL) {
            return infer_vocabulary_failed(err, &error);
        }
    }
    engine->newline = engine_token_find(engine->model, "\n");
    bans_init(&engine->bans, engine->model, &engine->control);
    engine->tokens = infer_vocabulary_grammar(engine->model);
    int32_t longest = engine_model_info(engine->model)->context_length;
    if (session.context == 0) {
        session.context = longest < STANDARD_CONTEXT ? longest : STANDARD_CONTEXT;
    }
    int count = 0;
    if (!plan_sessions(engine, &model, &session, &count, err)) {
        return false;
    }
    note_facts(engine, count);
    if (!open_sessions(engine, &session, err)) {
        return false;
    }
    engine->facts.model.context = (int)engine_session_context(engine->slots[0].session);
    return true;
}

static void unload(struct pool_engine *engine)
{
    for (size_t i = 0; i < INFER_POOL_SESSIONS; i++) {
        engine_session_destroy(engine->slots[i].session);
    }
    engine_drafter_close(engine->drafter);
    engine_media_close(engine->media);
    grammar_mask_destroy(engine->tokens);
    bans_finish(&engine->bans);
    mem_free(engine->waiting);
}

/* --- who gets which session --- */

/* Pictures and sounds are encoded here, while everybody else waits. The encoders are opened when a
 * prompt first needs them. */
static bool fill_slots(struct pool_engine *engine, struct pool_job *job, struct err *err)
{
    const struct chat_prompt *prompt = &job->asked.request.prompt;
    if (prompt->media_count > 0 && engine->mmproj != NULL && engine->media == NULL &&
        !slots_open_media(engine->mmproj, engine->model, engine->path, engine->options.model.exact,
                          &engine->media, err)) {
        return false;
    }
    return slots_fill(&job->slots, prompt, &job->ids,
                      &(struct slots_options){.control = &engine->control,
                                              .media = engine->media,
                                              .why = "there is no mmproj file beside it (--mmproj "
                                                     "names one)",
                                              .image_budget = engine->options.model.image_budget},
                      err);
}

/* The prompt's ids, checked: the format begins with one BOS, and room for an answer is left. */
static bool encode(struct pool_engine *engine, struct pool_job *job, struct err *err)
{
    struct chat_encoder encoder = infer_vocabulary_encoder(engine->model, &engine->control);
    if (!chat_prompt_encode(&job->asked.request.prompt, &encoder, &job->ids, err)) {
        return false;
    }
    if (job->ids.count == 0 || job->ids.items[0] != engine->control.id[CONTROL_BOS]) {
        return err_set(err, ERR_ARGUMENT, "the prompt does not begin with <bos>");
    }
    if (!fill_slots(engine, job, err)) {
        return false;
    }
    if (job->ids.count >= (size_t)engine->facts.model.context) {
        return err_set(err, ERR_FULL, "the prompt has %zu tokens, the context holds %d",
                       job->ids.count, engine->facts.model.context);
    }
    job->encoded = true;
    return true;
}

static size_t common_prefix(const struct pool_slot *slot, const struct pool_job *job, size_t *held)
{
    const int32_t *tokens = engine_session_tokens(slot->session, held);
    size_t most = *held < job->ids.count ? *held : job->ids.count, common = 0;
    while (common < most && tokens[common] == job->ids.items[common]) {
        common++;
    }
    return common;
}

/* The free slot that holds most of the prompt, if most of what it holds is the prompt's; else the
 * one that was used longest ago. NULL when none is free. */
static struct pool_slot *choose_slot(struct pool_engine *engine, const struct pool_job *job)
{
    struct pool_slot *best = NULL, *oldest = NULL;
    size_t best_common = 0;
    for (int i = 0; i < engine->facts.sessions; i++) {
        struct pool_slot *slot = &engine->slots[i];
        if (slot->job != NULL) {
            continue;
        }
        size_t held, common = common_prefix(slot, job, &held);
        if (common > best_common && common * 2 >= held) {
            best = slot;
            best_common = common;
        }
        if (oldest == NULL || slot->used < oldest->used) {
            oldest = slot;
        }
    }
    return best != NULL ? best : oldest;
}

static bool any_free(const struct pool_engine *engine)
{
    for (int i = 0; i < engine->facts.sessions; i++) {
        if (engine->slots[i].job == NULL) {
            return true;
        }
    }
    return false;
}

/* Gives the job a session; false when it ended instead. */
static bool admit(struct pool_engine *engine, struct pool_job *job)
{
    struct err err;
    job->began_us = clock_monotonic_us();
    if (!encode(engine, job, &err)) {
        end(engine, NULL, job, CHAT_STOP_NONE, &err);
        return false;
    }
    struct pool_slot *slot = choose_slot(engine, job);
    size_t held;
    job->reused = common_prefix(slot, job, &held);
    if (job->reused == job->ids.count) {
        job->reused--; /* the logits behind the last one are needed */
    }
    job->prefilled = job->reused;
    slot->job = job;
    slot->used = ++engine->given;
    atomic_store(&job->session, slot->session);
    return true;
}

static void remove_waiting(struct pool_engine *engine, size_t place)
{
    engine->waiting_count--;
    memmove(engine->waiting + place, engine->waiting + place + 1,
            (engine->waiting_count - place) * sizeof(struct pool_job *));
}

static void serve_waiting(struct pool_engine *engine)
{
    for (size_t i = 0; i < engine->waiting_count;) {
        struct pool_job *job = engine->waiting[i];
        if (atomic_load(&job->cancelled)) {
            remove_waiting(engine, i);
            job->began_us = clock_monotonic_us();
            end(engine, NULL, job, CHAT_STOP_CANCEL, NULL);
        } else if (any_free(engine)) {
            remove_waiting(engine, i);
            admit(engine, job);
        } else {
            i++;
        }
    }
}

/* --- a turn --- */

static void start_decoding(struct pool_engine *engine, struct pool_job *job)
{
    constraint_init(&job->constraint,
                    &(struct constraint_options){
                        .prompt = &job->asked.request.prompt,
                        .large = engine->facts.model.large,
                        .ids = &engine->control,
                        .tokens = engine->tokens,
                        .calls = job->calls,
                        .answer = job->answer,
                        .must_call = job->asked.must_call,
                        .thinking_budget = thinking_budget(engine->options.model.thinking_budget,
                                                           engine->facts.model.large),
                        .newline = engine->newline});
    job->decoding = true;
    job->decoding_us = clock_monotonic_us();
}

/* A cancel that the session was told of: this job's, which ends it, or one that came too late for
 * the job before, which changes nothing. */
static void cancelled(struct pool_engine *engine, struct pool_slot *slot)
{
    if (atomic_load(&slot->job->cancelled)) {
        end(engine, slot, slot->job, CHAT_STOP_CANCEL, NULL);
    }
}

static void prefill(struct pool_engine *engine, struct pool_slot *slot)
{
    struct pool_job *job = slot->job;
    struct engine_error error;
    size_t left = job->ids.count - job->prefilled;
    size_t count = job->prefilled + (left < PREFILL_PIECE ? left : PREFILL_PIECE);
    count = slots_whole(&job->slots, count);
    size_t kept = job->prefilled;
    if (!engine_session_sync_soft(slot->session, job->ids.items, count, job->slots.items,
                                  slots_within(&job->slots, count), &kept, &error)) {
        if (error.code == ENGINE_CANCELLED) {
            cancelled(engine, slot);
        } else {
            end_engine_error(engine, slot, &error);
        }
        return;
    }
    job->reused = kept < job->reused ? kept : job->reused; /* a cache may have lost more */
    job->prefilled = count;
    post_prefill(engine, job);
    if (count == job->ids.count) {
        start_decoding(engine, job);
    }
}

/* The next token: out of the list where the constraint has one, else whatever is not banned. */
static bool choose(struct pool_engine *engine, struct pool_slot *slot, int32_t *id,
                   struct engine_error *error)
{
    const struct infer_pool_request *asked = &slot->job->asked;
    struct engine_sampling sampling = {.temperature = asked->request.sampling.temperature,
                                       .top_k = asked->request.sampling.top_k,
                                       .top_p = asked->request.sampling.top_p,
                                       .seed = asked->request.sampling.seed,
                                       .min_p = asked->min_p,
                                       .repetition_penalty = asked->repetition_penalty};
    struct constraint *constraint = &slot->job->constraint;
    size_t count;
    const int32_t *list = constraint_list(constraint, &count);
    if (list == NULL) {
        bans_update(&engine->bans, &engine->control, &constraint->mask);
        return engine_session_sample(slot->session, &sampling, engine->bans.items,
                                     engine->bans.count, id, error);
    }
    if (count == 1) {
        *id = list[0];
        return true;
    }
    return engine_session_sample_among(slot->session, &sampling, list, count, id, error);
}

static bool add_logprobs(const struct pool_slot *slot, int32_t id, struct infer_pool_event *event,
                         struct engine_error *error)
{
    struct engine_logprob best[INFER_POOL_LOGPROBS];
    int count = slot->job->asked.best_count;
    if (!engine_session_logprobs(slot->session, best, (size_t)count, id, &event->logprob, error)) {
        return false;
    }
    for (int i = 0; i < count; i++) {
        event->best[i] = (struct infer_pool_logprob){best[i].id, best[i].logprob};
    }
    event->best_count = count;
    return true;
}

/* Tells the caller of the token, and the constraint. */
static bool pass_token(struct pool_engine *engine, struct pool_slot *slot, int32_t id,
                       enum control control, struct engine_error *error)
{
    struct pool_posted *posted = event_of(slot->job, INFER_TOKEN);
    struct infer_event *event = &posted->event.infer;
    event->token = id;
    event->control = control;
    if (control == CONTROL_NONE) {
        engine_token_bytes(engine->model, id, &event->bytes, &event->length);
    }
    if (slot->job->asked.wants_logprobs && !add_logprobs(slot, id, &posted->event, error)) {
        mem_free(posted);
        return false;
    }
    constraint_step(&slot->job->constraint, control, event->bytes, event->length);
    mailbox_post(engine->events, posted);
    return true;
}

/* Chooses the next token, which the session does not hold yet; false when the job ended with it. */
static bool next_token(struct pool_engine *engine, struct pool_slot *slot, int32_t *id)
{
    struct pool_job *job = slot->job;
    struct engine_error error;
    if (!choose(engine, slot, id, &error)) {
        end_engine_error(engine, slot, &error);
        return false;
    }
    enum control control = control_of_id(&engine->control, *id);
    job->sampled++;
    if (!pass_token(engine, slot, *id, control, &error)) {
        end_engine_error(engine, slot, &error);
        return false;
    }
    if (control_is_stop(control)) {
        end(engine, slot, job, infer_vocabulary_stop(control), NULL);
        return false;
    }
    if (job->sampled >= (size_t)job->asked.request.max_tokens) {
        end(engine, slot, job, CHAT_STOP_LENGTH, NULL);
        return false;
    }
    return true;
}

/* What came of a step. A cancel that was not meant for this job is no reason to lose its token. */
static void finish_step(struct pool_engine *engine, struct pool_slot *slot,
                        struct engine_batch_step *step)
{
    while (step->error.code == ENGINE_CANCELLED) {
        cancelled(engine, slot);
        if (slot->job == NULL) {
            return;
        }
        engine_session_resume(slot->session);
        engine_batch_append(step, 1);
    }
    if (step->error.code == ENGINE_CONTEXT_FULL) {
        end(engine, slot, slot->job, CHAT_STOP_LENGTH, NULL);
    } else if (step->error.code != ENGINE_OK) {
        end_engine_error(engine, slot, &step->error);
    }
}

/* One token for every job that decodes, in one pass; false when there is none left. */
static bool decode_step(struct pool_engine *engine)
{
    struct engine_batch_step steps[INFER_POOL_SESSIONS];
    struct pool_slot *slots[INFER_POOL_SESSIONS];
    size_t count = 0;
    for (int i = 0; i < engine->facts.sessions; i++) {
        struct pool_slot *slot = &engine->slots[i];
        if (slot->job == NULL || !slot->job->decoding) {
            continue;
        }
        engine_session_resume(slot->session);
        if (atomic_load(&slot->job->cancelled)) {
            end(engine, slot, slot->job, CHAT_STOP_CANCEL, NULL);
        } else if (next_token(engine, slot, &steps[count].id)) {
            steps[count].session = slot->session;
            slots[count++] = slot;
        }
    }
    if (count > 0 && !engine_batch_append(steps, count)) {
        for (size_t i = 0; i < count; i++) {
            finish_step(engine, slots[i], &steps[i]);
        }
    }
    return count > 0;
}

static void decode_together(struct pool_engine *engine)
{
    int64_t limit = clock_monotonic_us() + SLICE_US;
    while (decode_step(engine) && clock_monotonic_us() < limit) {
    }
}

static void take_turn(struct pool_engine *engine, struct pool_slot *slot)
{
    engine_session_resume(slot->session);
    if (atomic_load(&slot->job->cancelled)) {
        end(engine, slot, slot->job, CHAT_STOP_CANCEL, NULL);
        return;
    }
    prefill(engine, slot);
}

/* --- the thread --- */

static void take_request(struct pool_engine *engine, struct pool_job *job)
{
    if (job == NULL) {
        engine->quit = true;
        return;
    }
    vec_room(&engine->waiting, &engine->waiting_capacity, engine->waiting_count + 1,
             sizeof(struct pool_job *));
    engine->waiting[engine->waiting_count++] = job;
}

static bool is_idle(const struct pool_engine *engine)
{
    for (int i = 0; i < engine->facts.sessions; i++) {
        if (engine->slots[i].job != NULL) {
            return false;
        }
    }
    return engine->waiting_count == 0;
}

static void take_requests(struct pool_engine *engine)
{
    if (is_idle(engine)) {
        take_request(engine, mailbox_wait(engine->requests));
    }
    void **items;
    size_t count = mailbox_take(engine->requests, &items);
    for (size_t i = 0; i < count; i++) {
        take_request(engine, items[i]);
    }
    mem_free(items);
}

/* What is still on its way ends without an event: the caller frees it. */
static void drop_jobs(struct pool_engine *engine)
{
    for (int i = 0; i < engine->facts.sessions; i++) {
        if (engine->slots[i].job != NULL && engine->slots[i].job->decoding) {
            constraint_finish(&engine->slots[i].job->constraint);
        }
    }
}

static void *work(void *context)
{
    struct pool_engine *engine = context;
    struct pool_posted *first = event_of(NULL, INFER_READY);
    bool loaded = load(engine, &first->event.infer.error);
    if (!loaded) {
        first->event.infer.kind = INFER_FAILED;
        engine->facts.sessions = 0;
    }
    mailbox_post(engine->events, first);
    while (!engine->quit) {
        take_requests(engine);
        if (engine->quit || !loaded) {
            continue;
        }
        serve_waiting(engine);
        for (int i = 0; i < engine->facts.sessions; i++) {
            if (engine->slots[i].job != NULL && !engine->slots[i].job->decoding) {
                take_turn(engine, &engine->slots[i]);
            }
        }
        decode_together(engine);
    }
    drop_jobs(engine);
    unload(engine);
    return NULL;
}

static void destroy_event(void *item)
{
    mem_free(item); /* a job that ended is still in the caller's list */
}

static void release(struct pool_engine *engine)
{
    mailbox_destroy(engine->requests);
    mailbox_destroy(engine->events);
    mem_free(engine->path);
    mem_free(engine->cpu);
    mem_free(engine->drafter_path);
    mem_free(engine->mmproj);
}

bool pool_engine_start(struct pool_engine *engine, const struct infer_pool_options *options)
{
    engine->options = *options;
    engine->path = mem_strdup(options->model.path);
    engine->cpu = options->model.cpu != NULL ? mem_strdup(options->model.cpu) : NULL;
    engine->drafter_path =
        options->model.drafter != NULL ? mem_strdup(options->model.drafter) : NULL;
    engine->mmproj = options->model.mmproj != NULL ? mem_strdup(options->model.mmproj) : NULL;
    engine->requests = mailbox_create(NULL, NULL, NULL);
    engine->events =
        mailbox_create(options->model.wake, options->model.wake_context, destroy_event);
    if (pthread_create(&engine->thread, NULL, work, engine) != 0) {
        release(engine);
        return false;
    }
    return true;
}

void pool_engine_stop(struct pool_engine *engine)
{
    mailbox_post(engine->requests, NULL);
    pthread_join(engine->thread, NULL);
    engine_model_close(engine->model);
    release(engine);
}
