/* engine: the border. Arguments are checked here and errors translated; what is behind works with
 * checked values only. A model owns everything that its sessions share: the mapped file, the
 * tokenizer, the worker threads and the activations of the one pass that may run at a time.
 */
#include "engine/engine.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "compute/kernels.h"
#include "compute/tensor.h"
#include "compute/workers.h"
#include "engine/engine_drafter.h"
#include "engine_private.h"
#include "load/gguf.h"
#include "load/hparams.h"
#include "load/model_file.h"
#include "load/token_lists.h"
#include "load/tokenizer.h"
#include "load/weights.h"
#include "plan.h"
#include "session.h"
#include "system_memory.h"
#include "speculation.h"
#include "text/decoder.h"
#include "text/drafter.h"

struct engine_model {
    struct gguf *gguf;
    struct hparams hparams;
    struct weights weights;
    struct tokenizer *tokenizer;
    struct tensor_machine machine;
    struct decoder *decoder;
    struct engine_model_info info;
    struct token_lists lists;
    char name[128];
};

struct engine_drafter {
    struct engine_model *model;
    struct gguf *gguf;
    struct drafter *drafter;
};

/* --- errors --- */

static enum engine_code translate(enum err_code code)
{
    static const enum engine_code codes[] = {
        [ERR_NONE] = ENGINE_OK,
        [ERR_ARGUMENT] = ENGINE_BAD_ARGUMENT,
        [ERR_FORMAT] = ENGINE_BAD_MODEL,
        [ERR_LIMIT] = ENGINE_BAD_MODEL, /* a size from the file is over its cap */
        [ERR_MEMORY] = ENGINE_NO_MEMORY,
        [ERR_IO] = ENGINE_IO,
        [ERR_NOT_FOUND] = ENGINE_NOT_FOUND,
        [ERR_UNSUPPORTED] = ENGINE_UNSUPPORTED,
        [ERR_DENIED] = ENGINE_IO,
        [ERR_CANCELLED] = ENGINE_CANCELLED,
        [ERR_UNAVAILABLE] = ENGINE_NO_MEMORY, /* the system gives no thread */
        [ERR_FULL] = ENGINE_CONTEXT_FULL,
    };
    return codes[code];
}

bool engine_fail(struct engine_error *error, const struct err *err)
{
    if (error != NULL) {
        error->code = translate(err->code);
        snprintf(error->text, sizeof error->text, "%s", err->text);
    }
    return false;
}

bool engine_refuse(struct engine_error *error, const char *format, ...)
{
    if (error != NULL) {
        va_list arguments;
        va_start(arguments, format);
        error->code = ENGINE_BAD_ARGUMENT;
        vsnprintf(error->text, sizeof error->text, format, arguments);
        va_end(arguments);
    }
    return false;
}

/* --- models --- */

/* The file's own advice, where it makes sense; else what the models are published with. */
static struct engine_sampling recommended_sampling(const struct gguf *gguf)
{
    struct engine_sampling sampling = {.temperature = 1, .top_k = 64, .top_p = 0.95f};
    double real;
    int64_t integer;
    if (gguf_real(gguf, "general.sampling.temp", &real, NULL) && real >= 0 && real <= 100) {
        sampling.temperature = (float)real;
    }
    if (gguf_integer(gguf, "general.sampling.top_k", &integer, NULL) && integer >= 0 &&
        integer <= INT32_MAX) {
        sampling.top_k = (int32_t)integer;
    }
    if (gguf_real(gguf, "general.sampling.top_p", &real, NULL) && real > 0 && real <= 1) {
        sampling.top_p = (float)real;
    }
    return sampling;
}

static void fill_info(struct engine_model *model)
{
    const struct hparams *hp = &model->hparams;
    struct gguf_text name = {0};
    if (gguf_string(model->gguf, "general.name", &name, NULL)) {
        size_t length = name.length < sizeof model->name ? name.length : sizeof model->name - 1;
        memcpy(model->name, name.bytes, length);
    }
    token_lists_read(&model->lists, model->gguf, model->tokenizer, hp->vocab_size);
    model->info = (struct engine_model_info){
        .path = gguf_path(model->gguf),
        .name = model->name,
        .kernels = model->machine.kernels->name,
        .file_bytes = gguf_file_bytes(model->gguf),
        .fingerprint = gguf_fingerprint(model->gguf),
        .layer_count = hp->num_hidden_layers,
        .hidden_size = hp->hidden_size,
        .vocabulary_size = hp->vocab_size,
        .context_length = hp->context_length,
        .sliding_window = hp->sliding_window,
        .has_per_layer_embeddings = hp->hidden_size_per_layer_input > 0,
        .threads = workers_count(model->machine.workers),
        .sampling = recommended_sampling(model->gguf),
        .stop_ids = model->lists.stops,
        .stop_count = model->lists.stop_count,
        .suppressed_ids = model->lists.suppressed,
        .suppressed_count = model->lists.suppressed_count,
    };
}

static bool open_parts(struct engine_model *model, const struct engine_model_options *options,
                       struct err *err)
{
    model->gguf = model_file_open(options->path, err);
    if (model->gguf == NULL || !hparams_read(&model->hparams, model->gguf, err)) {
        return false;
    }
    if (!weights_bind(&model->weights, &model->hparams, model->gguf, err)) {
        return false;
    }
    model->tokenizer = tokenizer_create(model->gguf, err);
    if (model->tokenizer == NULL) {
        return false;
    }
    if (tokenizer_size(model->tokenizer) != model->hparams.vocab_size) {
        return err_set(err, ERR_FORMAT, "%s: the tokenizer has %d tokens, the embedding %d rows",
                       options->path, tokenizer_size(model->tokenizer), model->hparams.vocab_size);
    }
    if (!tensor_machine_init(&model->machine, options->cpu, options->threads,
                             decoder_widest(&model->hparams), err)) {
        return false;
    }
    model->machine.exact = options->exact;
    const struct gguf_tensor *rows = gguf_tensor_find(model->gguf, "per_layer_token_embd.weight");
    if (rows != NULL) {
        gguf_read_sparsely(model->gguf, rows);
    }
    model->decoder = decoder_create(&model->hparams, &model->weights, &model->machine, err);
    return model->decoder != NULL;
}

struct engine_model *engine_model_open(const struct engine_model_options *options,
                                       struct engine_error *error)
{
    if (options == NULL || options->path == NULL) {
        engine_refuse(error, "a model needs a path");
        return NULL;
    }
    struct engine_model *model = mem_try_zero(1, sizeof *model);
    struct err err = {ERR_MEMORY, "no memory for a model"};
    bool ok = model != NULL && open_parts(model, options, &err);
    if (model != NULL && model->gguf != NULL && !gguf_check_unchanged(model->gguf, &err)) {
        ok = false; /* and why something else was wrong, if it was */
    }
    if (!ok) {
        engine_model_close(model);
        engine_fail(error, &err);
        return NULL;
    }
    fill_info(model);
    return model;
}

void engine_model_close(struct engine_model *model)
{
    if (model == NULL) {
        return;
    }
    decoder_destroy(model->decoder);
    tensor_machine_finish(&model->machine);
    tokenizer_destroy(model->tokenizer);
    gguf_close(model->gguf);
    mem_free(model);
}

const struct engine_model_info *engine_model_info(const struct engine_model *model)
{
    return &model->info;
}

/* --- drafters --- */

struct engine_drafter *engine_drafter_open(struct engine_model *model, const char *path,
                                           struct engine_error *error)
{
    if (path == NULL) {
        engine_refuse(error, "a drafter needs a path");
        return NULL;
    }
    struct err err = {ERR_MEMORY, "no memory for a drafter"};
    struct engine_drafter *drafter = mem_try_zero(1, sizeof *drafter);
    if (drafter != NULL) {
        drafter->model = model;
        drafter->gguf = model_file_open(path, &err);
    }
    if (drafter != NULL && drafter->gguf != NULL) {
        drafter->drafter =
            drafter_create(drafter->gguf, &model->hparams, &model->weights, &model->machine, &err);
    }
    if (drafter == NULL || drafter->drafter == NULL) {
        engine_drafter_close(drafter);
        engine_fail(error, &err);
        return NULL;
    }
    return drafter;
}

void engine_drafter_close(struct engine_drafter *drafter)
{
    if (drafter != NULL) {
        drafter_destroy(drafter->drafter);
        gguf_close(drafter->gguf);
        mem_free(drafter);
    }
}

/* --- tokens --- */

bool engine_tokenize(const struct engine_model *model, const char *text, size_t length,
                     bool control, int32_t **ids, size_t *count, struct engine_error *error)
{
    if (text == NULL && length > 0) {
        return engine_refuse(error, "text is NULL, with a length of %zu", length);
    }
    struct err err;
    int32_t *made;
    size_t made_count;
    bool ok = tokenizer_encode(model->tokenizer, text == NULL ? "" : text, length, control, &made,
                               &made_count, &err);
    if (ok && gguf_is_broken(model->gguf)) { /* the spellings are the file's */
        mem_free(made);
        ok = gguf_check_unchanged(model->gguf, &err);
    }
    if (!ok) {
        engine_fail(error, &err);
        if (error != NULL && err.code == ERR_LIMIT) {
            error->code = ENGINE_BAD_ARGUMENT; /* the text is too long, not the file */
        }
        return false;
    }
    *ids = made;
    *count = made_count;
    return true;
}

static bool is_token(const struct engine_model *model, int32_t id)
{
    return id >= 0 && id < model->hparams.vocab_size;
}

bool engine_token_bytes(const struct engine_model *model, int32_t id, const char **bytes,
                        size_t *length)
{
    if (!is_token(model, id)) {
        return false;
    }
    tokenizer_bytes(model->tokenizer, id, bytes, length);
    return true;
}

enum engine_token_kind engine_token_kind(const struct engine_model *model, int32_t id)
{
    static const enum engine_token_kind kinds[] = {
        [TOKENIZER_TEXT] = ENGINE_TOKEN_TEXT,
        [TOKENIZER_BYTE] = ENGINE_TOKEN_BYTE,
        [TOKENIZER_CONTROL] = ENGINE_TOKEN_CONTROL,
    };
    return is_token(model, id) ? kinds[tokenizer_kind(model->tokenizer, id)] : ENGINE_TOKEN_CONTROL;
}

int32_t engine_token_find(const struct engine_model *model, const char *spelling)
{
    return spelling == NULL ? -1 : tokenizer_find(model->tokenizer, spelling);
}

void engine_free(void *memory)
{
    mem_free(memory);
}

/* --- sessions --- */

/* Checked, and with the defaults filled in; without what belongs to a loaded model. */
static bool session_options(const struct hparams *hparams,
                            const struct engine_session_options *options,
                            struct session_options *made, struct engine_error *error)
{
    static const struct engine_session_options defaults = {.context = 0};
    options = options == NULL ? &defaults : options;
    int32_t longest = hparams->context_length;
    if (options->context < 0 || options->context > longest) {
        return engine_refuse(error, "a context of %d tokens: the model allows 1 to %d",
                             options->context, longest);
    }
    static const enum quant_type kv_types[] = {
        [ENGINE_KV_F32] = QUANT_F32, [ENGINE_KV_F16] = QUANT_F16, [ENGINE_KV_Q8] = QUANT_Q8_0};
    if ((size_t)options->kv_type >= sizeof kv_types / sizeof kv_types[0]) {
        return engine_refuse(error, "there is no K/V type %d", (int)options->kv_type);
    }
    *made = (struct session_options){
        .hparams = hparams,
        .context = (size_t)(options->context == 0 ? longest : options->context),
        .kv_type = kv_types[options->kv_type],
    };
    return true;
}

/* What is known of a model that is not loaded. */
struct outline {
    struct gguf *gguf;
    struct hparams hparams;
    struct weights weights;
};

static bool open_outline(struct outline *outline, const char *path, struct err *err)
{
    outline->gguf = model_file_open(path, err);
    bool ok = outline->gguf != NULL && hparams_read(&outline->hparams, outline->gguf, err) &&
              weights_bind(&outline->weights, &outline->hparams, outline->gguf, err);
    return outline->gguf != NULL && gguf_check_unchanged(outline->gguf, err) && ok;
}

static void make_plan(const struct plan_request *request, uint64_t memory, struct engine_plan *plan)
{
    struct plan made;
    plan_make(request, &made);
    memory = memory == 0 ? system_memory_available("") : memory;
    *plan = (struct engine_plan){
        .mapped = made.mapped,
        .touched = made.touched,
        .kv = made.kv,
        .copies = made.copies,
        .work = made.work,
        .total = made.total,
        .memory = memory,
        .context = (int32_t)request->context,
        .largest_context = (int32_t)plan_largest_context(
            request, (size_t)request->hparams->context_length, memory),
    };
}

bool engine_plan(const struct engine_model_options *options,
                 const struct engine_session_options *session, uint64_t memory,
                 struct engine_plan *plan, struct engine_error *error)
{
    if (options == NULL || options->path == NULL || plan == NULL || options->threads < 0 ||
        options->threads > WORKERS_MAX) {
        return engine_refuse(error, "a plan needs a path, 0 to %d threads, and a place",
                             WORKERS_MAX);
    }
    struct err err = {ERR_MEMORY, "no memory for a plan"};
    struct session_options made = {0};
    struct outline *outline = mem_try_zero(1, sizeof *outline);
    bool opened = outline != NULL && open_outline(outline, options->path, &err);
    bool ok = opened ? session_options(&outline->hparams, session, &made, error)
                     : engine_fail(error, &err);
    if (ok) {
        make_plan(&(struct plan_request){.gguf = outline->gguf,
                                         .hparams = &outline->hparams,
                                         .weights = &outline->weights,
                                         .threads = options->threads,
                                         .context = made.context,
                                         .kv_type = made.kv_type},
                  memory, plan);
    }
    if (outline != NULL) {
        gguf_close(outline->gguf);
    }
    mem_free(outline);
    return ok;
}

struct engine_session *engine_session_create(struct engine_model *model,
                                             const struct engine_session_options *options,
                                             struct engine_error *error)
{
    struct session_options made = {0};
    if (!session_options(&model->hparams, options, &made, error)) {
        return NULL;
    }
    struct err err = {ERR_MEMORY, "no memory for a session"};
    struct engine_session *session = mem_try_zero(1, sizeof *session);
    if (session == NULL) {
        engine_fail(error, &err);
        return NULL;
    }
    session->model = model;
    made.decoder = model->decoder;
    made.workers = workers_count(model->machine.workers);
    made.fingerprint = model->info.fingerprint;
    made.suppressed = model->lists.suppressed;
    made.suppressed_count = model->lists.suppressed_count;
    struct plan_request request = {.gguf = model->gguf,
                                   .hparams = &model->hparams,
                                   .weights = &model->weights,
                                   .threads = made.workers,
                                   .context = made.context,
                                   .kv_type = made.kv_type};
    if (plan_check(&request, system_memory_available(""), &err)) {
        session->session = session_create(&made, &err);
    }
    if (session->session == NULL) {
        mem_free(session);
        engine_fail(error, &err);
        return NULL;
    }
    return session;
}

void engine_session_destroy(struct engine_session *session)
{
    if (session != NULL) {
        session_destroy(session->session);
        mem_free(session);
    }
}

int32_t engine_session_context(const struct engine_session *session)
{
    return (int32_t)session_context(session->session);
}

const int32_t *engine_session_tokens(const struct engine_session *session, size_t *count)
{
    return session_tokens(session->session, count);
}

void engine_session_on_progress(struct engine_session *session,
                                void (*progress)(void *context, size_t done, size_t total),
                                void *context)
{
    session_on_progress(session->session, progress, context);
}

bool engine_check_ids(const struct engine_session *session, const int32_t *ids, size_t count,
                      struct engine_error *error)
{
    if (ids == NULL || count == 0) {
        return engine_refuse(error, "no token ids were given");
    }
    for (size_t i = 0; i < count; i++) {
        if (!is_token(session->model, ids[i])) {
            return engine_refuse(error, "id %d at index %zu: the vocabulary has 0 to %d", ids[i], i,
                                 session->model->hparams.vocab_size - 1);
        }
    }
    return true;
}

bool engine_session_sync(struct engine_session *session, const int32_t *ids, size_t count,
                         size_t *reused, struct engine_error *error)
{
    struct err err;
    return engine_check_ids(session, ids, count, error) &&
           (session_sync(session->session, ids, count, NULL, 0, reused, &err) ||
            engine_fail(error, &err));
}

bool engine_session_evaluate(struct engine_session *session, const int32_t *ids, size_t count,
                             float *logits, struct engine_error *error)
{
    struct err err;
    return engine_check_ids(session, ids, count, error) &&
           (session_append(session->session, ids, count, NULL, 0, logits, &err) ||
            engine_fail(error, &err));
}

bool engine_session_append(struct engine_session *session, int32_t id, struct engine_error *error)
{
    struct err err;
    return engine_check_ids(session, &id, 1, error) &&
           (session_append(session->session, &id, 1, NULL, 0, NULL, &err) ||
            engine_fail(error, &err));
}

bool engine_session_look_ahead(struct engine_session *session, struct engine_drafter *drafter,
                               bool lookup, int32_t most, struct engine_error *error)
{
    struct err err;
    if (most < 0 || most > SPECULATION_MOST) {
        return engine_refuse(error, "%d guesses at a time: must be 0 to %d", most,
                             SPECULATION_MOST);
    }
    if (drafter != NULL && drafter->model != session->model) {
        return engine_refuse(error, "the drafter was opened for another model");
    }
    return session_look_ahead(session->session, drafter != NULL ? drafter->drafter : NULL, lookup,
                              (size_t)most, &err) ||
           engine_fail(error, &err);
}

void engine_session_guesses(const struct engine_session *session, uint64_t *made, uint64_t *right)
{
    session_guesses(session->session, made, right);
}

const float *engine_session_logits(const struct engine_session *session)
{
    return session_logits(session->session);
}

static bool check_biases(const struct engine_model *model, const struct engine_sampling *sampling,
                         struct engine_error *error)
{
    if (sampling->biases == NULL && sampling->bias_count > 0) {
        return engine_refuse(error, "biases is NULL, with a count of %zu", sampling->bias_count);
    }
    for (size_t i = 0; i < sampling->bias_count; i++) {
        const struct engine_bias *bias = &sampling->biases[i];
        if (!is_token(model, bias->id)) {
            return engine_refuse(error, "bias of id %d: the vocabulary has 0 to %d", bias->id,
                                 model->hparams.vocab_size - 1);
        }
        if (isnan(bias->value) || (isinf(bias->value) && bias->value > 0)) {
            return engine_refuse(error, "bias %g of id %d: must be a number or minus infinity",
                                 (double)bias->value, bias->id);
        }
    }
    return true;
}

static bool check_sampling(const struct engine_model *model, const struct engine_sampling *sampling,
                           struct engine_error *error)
{
    if (sampling == NULL) {
        return engine_refuse(error, "sampling is NULL");
    }
    if (!(sampling->temperature >= 0) || isinf(sampling->temperature)) {
        return engine_refuse(error, "temperature %g: must be 0 or greater",
                             (double)sampling->temperature);
    }
    if (sampling->top_k < 0) {
        return engine_refuse(error, "top_k %d: must be 0 (off) or greater", sampling->top_k);
    }
    if (!(sampling->top_p > 0 && sampling->top_p <= 1) && sampling->temperature > 0) {
        return engine_refuse(error, "top_p %g: must be above 0 and at most 1",
                             (double)sampling->top_p);
    }
    if (!(sampling->min_p >= 0 && sampling->min_p <= 1)) {
        return engine_refuse(error, "min_p %g: must be 0 (off) to 1", (double)sampling->min_p);
    }
    if (!(sampling->repetition_penalty >= 0) || isinf(sampling->repetition_penalty)) {
        return engine_refuse(error, "repetition_penalty %g: must be 0 (off) or greater",
                             (double)sampling->repetition_penalty);
    }
    if (sampling->repetition_last < 0) {
        return engine_refuse(error, "repetition_last %d: must be 0 (all) or greater",
                             sampling->repetition_last);
    }
    return check_biases(model, sampling, error);
}

bool engine_session_sample(struct engine_session *session, const struct engine_sampling *sampling,
                           const int32_t *banned, size_t banned_count, int32_t *id,
                           struct engine_error *error)
{
    struct err err;
    if (id == NULL || (banned == NULL && banned_count > 0)) {
        return engine_refuse(error,
                             "sample needs a place for the id, and the banned ids it was told of");
    }
    return check_sampling(session->model, sampling, error) &&
           (session_sample(session->session, sampling, banned, banned_count, id, &err) ||
            engine_fail(error, &err));
}

bool engine_session_logprobs(struct engine_session *session, struct engine_logprob *best,
                             size_t count, int32_t id, float *logprob, struct engine_error *error)
{
    struct err err;
    if (count > (size_t)session->model->hparams.vocab_size || (best == NULL && count > 0)) {
        return engine_refuse(error,
                             "log-probabilities of %zu tokens: the vocabulary has %d, and they "
                             "need a place",
                             count, session->model->hparams.vocab_size);
    }
    return (logprob == NULL || engine_check_ids(session, &id, 1, error)) &&
           (session_logprobs(session->session, best, count, id, logprob, &err) ||
            engine_fail(error, &err));
}

bool engine_session_save(const struct engine_session *session, const char *path,
                         struct engine_error *error)
{
    struct err err;
    if (path == NULL) {
        return engine_refuse(error, "saving a session needs a path");
    }
    return session_save(session->session, path, &err) || engine_fail(error, &err);
}

bool engine_session_restore(struct engine_session *session, const char *path,
                            struct engine_error *error)
{
    struct err err;
    if (path == NULL) {
        return engine_refuse(error, "restoring a session needs a path");
    }
    return session_restore(session->session, path, &err) || engine_fail(error, &err);
}

bool engine_session_sample_among(struct engine_session *session,
                                 const struct engine_sampling *sampling, const int32_t *allowed,
                                 size_t count, int32_t *id, struct engine_error *error)
{
    struct err err;
    if (id == NULL) {
        return engine_refuse(error, "sample needs a place for the id");
    }
    return check_sampling(session->model, sampling, error) &&
           engine_check_ids(session, allowed, count, error) &&
           (session_sample_among(session->session, sampling, allowed, count, id, &err) ||
            engine_fail(error, &err));
}

void engine_session_cancel(struct engine_session *session)
{
    session_cancel(session->session);
}

void engine_session_resume(struct engine_session *session)
{
    session_resume(session->session);
}
