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
#include "engine_private.h"
#include "load/gguf.h"
#include "load/hparams.h"
#include "load/model_file.h"
#include "load/tokenizer.h"
#include "load/weights.h"
#include "session.h"
#include "text/decoder.h"

struct engine_model {
    struct gguf *gguf;
    struct hparams hparams;
    struct weights weights;
    struct tokenizer *tokenizer;
    struct tensor_machine machine;
    struct decoder *decoder;
    struct engine_model_info info;
    char name[128];
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
    if (model == NULL || !open_parts(model, options, &err)) {
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

/* --- tokens --- */

bool engine_tokenize(const struct engine_model *model, const char *text, size_t length,
                     bool control, int32_t **ids, size_t *count, struct engine_error *error)
{
    if (text == NULL && length > 0) {
        return engine_refuse(error, "text is NULL, with a length of %zu", length);
    }
    struct err err;
    if (!tokenizer_encode(model->tokenizer, text == NULL ? "" : text, length, control, ids, count,
                          &err)) {
        engine_fail(error, &err);
        if (error != NULL && err.code == ERR_LIMIT) {
            error->code = ENGINE_BAD_ARGUMENT; /* the text is too long, not the file */
        }
        return false;
    }
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

struct engine_session *engine_session_create(struct engine_model *model,
                                             const struct engine_session_options *options,
                                             struct engine_error *error)
{
    static const struct engine_session_options defaults = {.context = 0};
    options = options == NULL ? &defaults : options;
    int32_t longest = model->hparams.context_length;
    if (options->context < 0 || options->context > longest) {
        engine_refuse(error, "a context of %d tokens: the model allows 1 to %d", options->context,
                      longest);
        return NULL;
    }
    static const enum quant_type kv_types[] = {
        [ENGINE_KV_F32] = QUANT_F32, [ENGINE_KV_F16] = QUANT_F16, [ENGINE_KV_Q8] = QUANT_Q8_0};
    if ((size_t)options->kv_type >= sizeof kv_types / sizeof kv_types[0]) {
        engine_refuse(error, "there is no K/V type %d", (int)options->kv_type);
        return NULL;
    }
    struct err err = {ERR_MEMORY, "no memory for a session"};
    struct engine_session *session = mem_try_zero(1, sizeof *session);
    if (session == NULL) {
        engine_fail(error, &err);
        return NULL;
    }
    session->model = model;
    session->session = session_create(
        &(struct session_options){
            .decoder = model->decoder,
            .hparams = &model->hparams,
            .workers = workers_count(model->machine.workers),
            .context = (size_t)(options->context == 0 ? longest : options->context),
            .kv_type = kv_types[options->kv_type],
            .fingerprint = model->info.fingerprint,
        },
        &err);
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
    if (logits == NULL) {
        return engine_refuse(error, "evaluate needs a place for the logits");
    }
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
