/* infer_local: the engine on a thread of its own.
 *
 *      loop thread                                   engine thread
 *      infer_submit --- requests (mailbox) --------> prompt -> ids -> sync -> sample, append ...
 *      infer_poll <---- events (mailbox, wake) ----- READY, PREFILL, TOKEN, DONE, FAILED
 *      infer_cancel --- cancelled (atomic), engine_session_cancel -> looked at between layers
 *
 * The engine thread owns the model and the session from opening to closing; the loop thread touches
 * of them only engine_session_cancel. What infer_model() answers is written before READY is posted
 * and read after it was taken: the mailbox's lock orders the two.
 *
 * Cancel: requests are counted; a cancel names the last one submitted, so it can never hit the one
 * after. The engine's own flag stays up until the next request lowers it, and that request then
 * looks at the count: a cancel that comes at any moment is seen.
 *
 * Grammars are compiled where the request is submitted, because JSON belongs to the loop thread;
 * the engine thread gets them with the request and reads them only.
 *
 * Tokens that the constraint leaves no choice for are told at once and appended together, when the
 * next real choice needs its logits. What is appended comes with guesses of what follows; that
 * changes what a token costs and not which one it is.
 *
 * The stop token is sampled and not evaluated: the next prompt holds it, and its sync computes it
 * together with what follows.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/clock.h"
#include "base/mailbox.h"
#include "base/mem.h"
#include "chat/grammar.h"
#include "chat/grammar_mask.h"
#include "engine/engine.h"
#include "engine/engine_drafter.h"
#include "engine/engine_media.h"
#include "infer/bans.h"
#include "infer/constraint.h"
#include "infer/infer.h"
#include "infer/slots.h"
#include "infer/vocabulary.h"

enum {
    LARGEST_DEFAULT_CONTEXT = 32768,
    GUESSES_MOST = 15,
    PENDING_MOST = 16, /* tokens without a choice that are appended at once */
};

struct infer_local {
    struct infer infer;
    char *path, *cpu, *drafter_path, *mmproj;
    int threads, context, thinking_budget, image_budget;
    bool kv_f32, lookup, exact;
    struct mailbox *requests, *events;
    pthread_t thread;

    bool ready;         /* the loop's: READY was taken */
    uint64_t submitted; /* the loop's: how many requests so far */
    _Atomic uint64_t cancelled;
    struct engine_session *_Atomic session;
    struct engine_media *_Atomic media; /* opened when the first picture or sound comes */

    struct infer_model model;
    struct control_ids control;

    /* The engine thread's own from here on. */
    struct engine_model *engine;
    struct engine_drafter *drafter; /* NULL: none */
    int32_t newline;                /* the token, or -1 */
    bool decoding;                  /* progress is that of appended tokens, not of a prompt */
    struct err load_error;          /* why there is no session */
    uint64_t sequence, number;      /* of the request that runs */
    size_t prompt_length;
    struct bans bans;
    struct grammar_mask *tokens; /* the vocabulary, as grammars walk it */
};

struct request {
    struct infer_request request;
    uint64_t sequence;
    struct grammar *calls, *answer; /* NULL = free */
    struct err error;               /* why one of them could not be made, or code ERR_NONE */
    char *keep_path;                /* not NULL: no request, but a state to save or restore */
    enum infer_keeping keeping;
};

/* What one request comes to. */
struct outcome {
    bool failed;
    struct err error;
    enum chat_stop stop;
    size_t reused, sampled;
    double prefill_seconds, decode_seconds;
};

static void request_destroy(void *item)
{
    struct request *request = item;
    if (request != NULL) {
        chat_prompt_finish(&request->request.prompt);
        grammar_destroy(request->calls);
        grammar_destroy(request->answer);
        mem_free(request->keep_path);
        mem_free(request);
    }
}

static void post(struct infer_local *local, struct infer_event event)
{
    struct infer_event *posted = mem_alloc(1, sizeof *posted);
    *posted = event;
    if (event.kind == INFER_TOKEN) {
        mailbox_post_patiently(local->events, posted);
    } else {
        mailbox_post(local->events, posted);
    }
}

static bool is_cancelled(struct infer_local *local)
{
    return atomic_load(&local->cancelled) >= local->sequence;
}

/* --- loading --- */

static void on_progress(void *context, size_t done, size_t total)
{
    struct infer_local *local = context;
    if (local->decoding) {
        return;
    }
    post(local, (struct infer_event){.kind = INFER_PREFILL,
                                     .number = local->number,
                                     .prompt_done = done,
                                     .prompt_total = total,
                                     .reused = local->prompt_length - total});
}

static bool look_ahead(struct infer_local *local, struct engine_session *session,
                       struct engine_error *error)
{
    if (local->drafter_path != NULL) {
        local->drafter = engine_drafter_open(local->engine, local->drafter_path, error);
        if (local->drafter == NULL) {
            return false;
        }
    }
    return engine_session_look_ahead(session, local->drafter, local->lookup, GUESSES_MOST, error);
}

static bool open_session(struct infer_local *local, struct err *err)
{
    const struct engine_model_info *info = engine_model_info(local->engine);
    struct engine_session_options options = {
        .context = local->context,
        .kv_type = local->kv_f32 ? ENGINE_KV_F32 : ENGINE_KV_F16,
    };
    if (options.context == 0) {
        options.context = info->context_length < LARGEST_DEFAULT_CONTEXT ? info->context_length
                                                                         : LARGEST_DEFAULT_CONTEXT;
    }
    struct engine_error error;
    struct engine_session *session = engine_session_create(local->engine, &options, &error);
    if (session == NULL) {
        return infer_vocabulary_failed(err, &error);
    }
    if (!look_ahead(local, session, &error)) {
        engine_session_destroy(session);
        return infer_vocabulary_failed(err, &error);
    }
    engine_session_on_progress(session, on_progress, local);
    local->model = (struct infer_model){
        .name = info->name[0] != '\0' ? info->name : "Gemma 4",
        .path = local->path,
        .sees = local->mmproj != NULL,
        .reads_ahead = true,
        .context = (int)engine_session_context(session),
        .large = !info->has_per_layer_embeddings,
        .sampling = {.temperature = info->sampling.temperature,
                     .top_k = info->sampling.top_k,
                     .top_p = info->sampling.top_p,
                     .min_p = info->sampling.min_p,
                     .seed = info->sampling.seed},
    };
    atomic_store(&local->session, session);
    return true;
}

static bool load(struct infer_local *local, struct err *err)
{
    struct engine_error error;
    local->engine = engine_model_open(&(struct engine_model_options){.path = local->path,
                                                                     .threads = local->threads,
                                                                     .cpu = local->cpu,
                                                                     .exact = local->exact},
                                      &error);
    if (local->engine == NULL) {
        return infer_vocabulary_failed(err, &error);
    }
    if (!infer_vocabulary_resolve(local->engine, &local->control, err)) {
        return err_prefix(err, "%s", local->path);
    }
    bans_init(&local->bans, local->engine, &local->control);
    local->newline = engine_token_find(local->engine, "\n");
    local->tokens = infer_vocabulary_grammar(local->engine);
    return open_session(local, err);
}

/* --- a request --- */

/* The encoders are opened when a prompt first needs them. */
static bool open_media(struct infer_local *local, const struct chat_prompt *prompt, struct err *err)
{
    if (prompt->media_count == 0 || local->mmproj == NULL || atomic_load(&local->media) != NULL) {
        return true;
    }
    struct engine_media *media;
    if (!slots_open_media(local->mmproj, local->engine, local->path, local->exact, &media, err)) {
        return false;
    }
    atomic_store(&local->media, media);
    return true;
}

static bool fill_slots(struct infer_local *local, const struct chat_prompt *prompt,
                       struct chat_ids *ids, struct slots *slots, struct err *err)
{
    struct engine_media *media = atomic_load(&local->media);
    if (media != NULL) {
        engine_media_cancel(media, false);
    }
    if (is_cancelled(local)) { /* the line above may have taken its sign back */
        return err_set(err, ERR_CANCELLED, "cancelled before the prompt was read");
    }
    return slots_fill(slots, prompt, ids,
                      &(struct slots_options){.control = &local->control,
                                              .media = media,
                                              .why = "there is no mmproj file beside it (--mmproj "
                                                     "names one)",
                                              .image_budget = local->image_budget},
                      err);
}

/* The prompt's ids, checked: the format begins with one BOS, and room for an answer is left. */
static bool encode_prompt(struct infer_local *local, const struct chat_prompt *prompt,
                          struct chat_ids *ids, struct slots *slots, struct err *err)
{
    struct chat_encoder encoder = infer_vocabulary_encoder(local->engine, &local->control);
    if (!chat_prompt_encode(prompt, &encoder, ids, err)) {
        return false;
    }
    if (ids->count == 0 || ids->items[0] != local->control.id[CONTROL_BOS]) {
        return err_set(err, ERR_ARGUMENT, "the prompt does not begin with <bos>");
    }
    if (!open_media(local, prompt, err) || !fill_slots(local, prompt, ids, slots, err)) {
        return false;
    }
    local->prompt_length = ids->count;
    if (ids->count >= (size_t)local->model.context) {
        return err_set(err, ERR_FULL, "the prompt has %zu tokens, the context holds %d", ids->count,
                       local->model.context);
    }
    return true;
}

/* One answer on its way. */
struct answer {
    struct engine_session *session;
    struct constraint *constraint;
    struct engine_sampling sampling;
    int32_t pending[PENDING_MOST]; /* chosen and told, not appended yet */
    size_t pending_count;
};

/* Appends what is pending, so that the next token can be sampled; false ends the answer. */
static bool append_pending(struct answer *answer, struct outcome *outcome)
{
    struct engine_error error;
    size_t count = answer->pending_count;
    answer->pending_count = 0;
    if (count == 0 ||
        engine_session_evaluate(answer->session, answer->pending, count, NULL, &error)) {
        return true;
    }
    if (error.code == ENGINE_CANCELLED) {
        outcome->stop = CHAT_STOP_CANCEL;
    } else {
        outcome->failed = true;
        infer_vocabulary_failed(&outcome->error, &error);
    }
    return false;
}

/* Puts a token behind those that are pending; false, with the answer ended, when the context has no
 * room for it. */
static bool append(struct answer *answer, int32_t id, struct outcome *outcome)
{
    size_t held;
    engine_session_tokens(answer->session, &held);
    if (held + answer->pending_count == (size_t)engine_session_context(answer->session)) {
        outcome->stop = CHAT_STOP_LENGTH;
        return false;
    }
    answer->pending[answer->pending_count++] = id;
    return answer->pending_count < PENDING_MOST || append_pending(answer, outcome);
}

/* The next token: out of the list where the constraint has one, else whatever is not banned. A
 * choice of one needs no logits. False ends the answer. */
static bool choose(struct infer_local *local, struct answer *answer, int32_t *id,
                   struct outcome *outcome)
{
    size_t count;
    struct engine_error error;
    const int32_t *list = constraint_list(answer->constraint, &count);
    if (list != NULL && count == 1) {
        *id = list[0];
        return true;
    }
    if (!append_pending(answer, outcome)) {
        return false;
    }
    bool chosen;
    if (list != NULL) {
        chosen = engine_session_sample_among(answer->session, &answer->sampling, list, count, id,
                                             &error);
    } else {
        bans_update(&local->bans, &local->control, &answer->constraint->mask);
        chosen = engine_session_sample(answer->session, &answer->sampling, local->bans.items,
                                       local->bans.count, id, &error);
    }
    if (!chosen) {
        outcome->failed = true;
        infer_vocabulary_failed(&outcome->error, &error);
    }
    return chosen;
}

/* Tells the caller of the token, and the constraint. */
static void pass_token(struct infer_local *local, struct constraint *constraint, int32_t id,
                       enum control control)
{
    struct infer_event event = {
        .kind = INFER_TOKEN, .number = local->number, .token = id, .control = control};
    if (control == CONTROL_NONE) {
        engine_token_bytes(local->engine, id, &event.bytes, &event.length);
    }
    constraint_step(constraint, control, event.bytes, event.length);
    post(local, event);
}

static void decode(struct infer_local *local, struct engine_session *session,
                   const struct infer_request *request, struct constraint *constraint,
                   struct outcome *outcome)
{
    struct answer answer = {.session = session,
                            .constraint = constraint,
                            .sampling = {.temperature = request->sampling.temperature,
                                         .top_k = request->sampling.top_k,
                                         .top_p = request->sampling.top_p,
                                         .min_p = request->sampling.min_p,
                                         .seed = request->sampling.seed}};
    for (;;) {
        if (is_cancelled(local)) {
            outcome->stop = CHAT_STOP_CANCEL;
            return;
        }
        int32_t id;
        if (!choose(local, &answer, &id, outcome)) {
            return;
        }
        enum control control = control_of_id(&local->control, id);
        outcome->sampled++;
        pass_token(local, constraint, id, control);
        if (control_is_stop(control)) {
            outcome->stop = infer_vocabulary_stop(control);
            return;
        }
        if (outcome->sampled >= (size_t)request->max_tokens) {
            outcome->stop = CHAT_STOP_LENGTH;
            return;
        }
        if (!append(&answer, id, outcome)) {
            return;
        }
    }
}

/* Makes the session hold the prompt. False with the outcome filled in. */
static bool prefill(struct infer_local *local, struct engine_session *session,
                    const struct infer_request *request, struct outcome *outcome)
{
    struct chat_ids ids = {0};
    struct slots slots = {0};
    struct engine_error error;
    bool done = false;
    if (!encode_prompt(local, &request->prompt, &ids, &slots, &outcome->error)) {
        outcome->failed = outcome->error.code != ERR_CANCELLED;
        outcome->stop = CHAT_STOP_CANCEL;
    } else if (is_cancelled(local)) {
        outcome->stop = CHAT_STOP_CANCEL;
    } else if (engine_session_sync_soft(session, ids.items, ids.count, slots.items, slots.count,
                                        &outcome->reused, &error)) {
        done = true;
    } else if (error.code == ENGINE_CANCELLED) {
        outcome->stop = CHAT_STOP_CANCEL;
    } else {
        outcome->failed = true;
        infer_vocabulary_failed(&outcome->error, &error);
    }
    slots_finish(&slots);
    mem_free(ids.items);
    return done;
}

static void decode_constrained(struct infer_local *local, struct engine_session *session,
                               const struct request *request, struct outcome *outcome)
{
    struct constraint constraint;
    constraint_init(&constraint,
                    &(struct constraint_options){.prompt = &request->request.prompt,
                                                 .large = local->model.large,
                                                 .ids = &local->control,
                                                 .tokens = local->tokens,
                                                 .calls = request->calls,
                                                 .answer = request->answer,
                                                 .thinking_budget = thinking_budget(
                                                     local->thinking_budget, local->model.large),
                                                 .newline = local->newline});
    local->decoding = true;
    decode(local, session, &request->request, &constraint, outcome);
    local->decoding = false;
    constraint_finish(&constraint);
}

static void serve_answer(struct infer_local *local, const struct request *request,
                         struct outcome *outcome)
{
    struct engine_session *session = atomic_load(&local->session);
    if (session == NULL || request->error.code != ERR_NONE) {
        outcome->failed = true;
        outcome->error = session == NULL ? local->load_error : request->error;
        return;
    }
    engine_session_resume(session);
    int64_t start = clock_monotonic_us();
    bool prefilled = prefill(local, session, &request->request, outcome);
    int64_t middle = clock_monotonic_us();
    if (prefilled && request->request.max_tokens == 0) {
        outcome->stop = CHAT_STOP_LENGTH;
    } else if (prefilled) {
        decode_constrained(local, session, request, outcome);
    }
    outcome->prefill_seconds = (double)(middle - start) / 1e6;
    outcome->decode_seconds = (double)(clock_monotonic_us() - middle) / 1e6;
}

static void serve(struct infer_local *local, struct request *request)
{
    struct outcome outcome = {0};
    local->sequence = request->sequence;
    local->number = request->request.number;
    local->prompt_length = 0;
    serve_answer(local, request, &outcome);
    post(local, (struct infer_event){
                    .kind = outcome.failed ? INFER_FAILED : INFER_DONE,
                    .number = local->number,
                    .prompt_total = local->prompt_length,
                    .reused = outcome.reused,
                    .stop = outcome.stop,
                    .sampled = outcome.sampled,
                    .prefill_seconds = outcome.prefill_seconds,
                    .decode_seconds = outcome.decode_seconds,
                    .error = outcome.error,
                });
}

static void keep(struct infer_local *local, const struct request *request)
{
    struct engine_session *session = atomic_load(&local->session);
    struct infer_event event = {.kind = INFER_KEPT, .number = request->request.number};
    struct engine_error error;
    if (session == NULL) {
        event.error = local->load_error;
    } else {
        engine_session_resume(session);
        bool ok = request->keeping == INFER_SAVE
                      ? engine_session_save(session, request->keep_path, &error)
                      : engine_session_restore(session, request->keep_path, &error);
        if (!ok) {
            infer_vocabulary_failed(&event.error, &error);
        }
    }
    post(local, event);
}

static void *work(void *context)
{
    struct infer_local *local = context;
    if (load(local, &local->load_error)) {
        post(local, (struct infer_event){.kind = INFER_READY});
    } else {
        post(local, (struct infer_event){.kind = INFER_FAILED, .error = local->load_error});
    }
    struct request *request;
    while ((request = mailbox_wait(local->requests)) != NULL) {
        if (request->keep_path != NULL) {
            keep(local, request);
        } else {
            serve(local, request);
        }
        request_destroy(request);
    }
    grammar_mask_destroy(local->tokens);
    engine_media_close(atomic_load(&local->media));
    engine_session_destroy(atomic_load(&local->session));
    engine_drafter_close(local->drafter);
    engine_model_close(local->engine);
    return NULL;
}

/* --- the loop's side --- */

/* Makes the grammars of what the caller lends. */
static void compile(struct request *request)
{
    const json_t *tools = request->request.tools, *schema = request->request.schema;
    request->request.tools = request->request.schema = NULL;
    if (json_array_size(tools) > 0) {
        request->calls = grammar_create_calls(tools, &request->error);
    }
    if (schema != NULL && request->error.code == ERR_NONE) {
        request->answer = grammar_create_value(schema, &request->error);
    }
}

static void local_submit(struct infer *infer, struct infer_request *request)
{
    struct infer_local *local = (struct infer_local *)infer;
    struct request *moved = mem_alloc(1, sizeof *moved);
    *moved = (struct request){.request = *request, .sequence = ++local->submitted};
    chat_prompt_init(&request->prompt);
    compile(moved);
    mailbox_post(local->requests, moved);
}

static bool local_keep(struct infer *infer, enum infer_keeping keeping, uint64_t number,
                       const char *path)
{
    struct infer_local *local = (struct infer_local *)infer;
    struct request *moved = mem_zero(1, sizeof *moved);
    moved->request.number = number;
    moved->keep_path = mem_strdup(path);
    moved->keeping = keeping;
    chat_prompt_init(&moved->request.prompt);
    mailbox_post(local->requests, moved);
    return true;
}

static void local_cancel(struct infer *infer)
{
    struct infer_local *local = (struct infer_local *)infer;
    atomic_store(&local->cancelled, local->submitted);
    struct engine_session *session = atomic_load(&local->session);
    struct engine_media *media = atomic_load(&local->media);
    if (session != NULL) {
        engine_session_cancel(session);
    }
    if (media != NULL) {
        engine_media_cancel(media, true);
    }
}

static void local_poll(struct infer *infer, infer_callback *callback, void *context)
{
    struct infer_local *local = (struct infer_local *)infer;
    void **items;
    size_t count = mailbox_take(local->events, &items);
    for (size_t i = 0; i < count; i++) {
        const struct infer_event *event = items[i];
        local->ready |= event->kind == INFER_READY;
        callback(context, event);
        mem_free(items[i]);
    }
    mem_free(items);
}

static void local_pace(struct infer *infer, bool paced)
{
    mailbox_looked_after(((struct infer_local *)infer)->events, paced);
}

static const struct infer_model *local_model(const struct infer *infer)
{
    const struct infer_local *local = (const struct infer_local *)infer;
    return local->ready ? &local->model : NULL;
}

static const struct control_ids *local_control(const struct infer *infer)
{
    const struct infer_local *local = (const struct infer_local *)infer;
    return local->ready ? &local->control : NULL;
}

static bool local_spell(const struct infer *infer, int32_t id, const char **bytes, size_t *length)
{
    return engine_token_bytes(((const struct infer_local *)infer)->engine, id, bytes, length);
}

static void local_release(struct infer_local *local)
{
    mailbox_destroy(local->requests);
    mailbox_destroy(local->events);
    bans_finish(&local->bans);
    mem_free(local->path);
    mem_free(local->cpu);
    mem_free(local->mmproj);
    mem_free(local->drafter_path);
    mem_free(local);
}

static void local_destroy(struct infer *infer)
{
    struct infer_local *local = (struct infer_local *)infer;
    local_cancel(infer);
    mailbox_post(local->requests, NULL); /* the end: nothing comes behind it */
    pthread_join(local->thread, NULL);
    local_release(local);
}

static const struct infer_ops local_ops = {
    .submit = local_submit,
    .cancel = local_cancel,
    .keep = local_keep,
    .poll = local_poll,
    .pace = local_pace,
    .model = local_model,
    .control = local_control,
    .spell = local_spell,
    .destroy = local_destroy,
};

bool infer_local_plan(const struct infer_local_options *options, struct infer_local_plan *plan,
                      struct err *err)
{
    struct engine_model_options model = {.path = options->path,
                                         .threads = options->threads,
                                         .cpu = options->cpu,
                                         .exact = options->exact};
    struct engine_session_options session = {
        .context = options->context,
        .kv_type = options->kv_f32 ? ENGINE_KV_F32 : ENGINE_KV_F16,
    };
    struct engine_plan found;
    struct engine_error error;
    bool ok = engine_plan(&model, &session, 0, &found, &error);
    if (ok && options->context == 0 && found.context > LARGEST_DEFAULT_CONTEXT) {
        session.context = LARGEST_DEFAULT_CONTEXT;
        ok = engine_plan(&model, &session, 0, &found, &error);
    }
    if (!ok) {
        return infer_vocabulary_failed(err, &error);
    }
    *plan = (struct infer_local_plan){.needed = found.total,
                                      .own = found.kv + found.copies + found.work,
                                      .available = found.memory,
                                      .context = (int)found.context,
                                      .largest = (int)found.largest_context};
    return true;
}

struct infer *infer_local_create(const struct infer_local_options *options)
{
    struct infer_local *local = mem_zero(1, sizeof *local);
    local->infer.ops = &local_ops;
    local->path = mem_strdup(options->path);
    local->cpu = options->cpu != NULL ? mem_strdup(options->cpu) : NULL;
    local->mmproj = options->mmproj != NULL ? mem_strdup(options->mmproj) : NULL;
    local->image_budget = options->image_budget;
    local->drafter_path = options->drafter != NULL ? mem_strdup(options->drafter) : NULL;
    local->lookup = options->lookup;
    local->thinking_budget = options->thinking_budget;
    local->threads = options->threads;
    local->context = options->context;
    local->kv_f32 = options->kv_f32;
    local->exact = options->exact;
    local->requests = mailbox_create(NULL, NULL, request_destroy);
    local->events = mailbox_create(options->wake, options->wake_context, mem_free);
    if (pthread_create(&local->thread, NULL, work, local) != 0) {
        local_release(local);
        return NULL;
    }
    return &local->infer;
}
