/* infer_pool: the loop's side: jobs in, events out. The engine's side is pool_engine.
 *
 * A job is made here, worked on by the engine thread, and freed here when its last event is handed
 * over; so a cancel always finds a job that lives. Of a job the loop touches meanwhile only
 * `cancelled` and the session's own flag.
 */
#include "infer/infer_pool.h"

#include <string.h>

#include "base/mem.h"
#include "base/vec.h"
#include "engine/engine.h"
#include "infer/pool_engine.h"
#include "infer/vocabulary.h"

struct infer_pool {
    struct pool_engine engine;
    int queue;
    struct pool_job **jobs; /* all that have not ended */
    size_t count, capacity;
    bool ready;
};

/* --- jobs --- */

static void job_destroy(struct pool_job *job)
{
    chat_prompt_finish(&job->asked.request.prompt);
    grammar_destroy(job->calls);
    grammar_destroy(job->answer);
    mem_free(job->ids.items);
    slots_finish(&job->slots);
    mem_free(job);
}

static struct pool_job *find(const struct infer_pool *pool, uint64_t number)
{
    for (size_t i = 0; i < pool->count; i++) {
        if (pool->jobs[i]->asked.request.number == number) {
            return pool->jobs[i];
        }
    }
    return NULL;
}

static void forget(struct infer_pool *pool, struct pool_job *job)
{
    for (size_t i = 0; i < pool->count; i++) {
        if (pool->jobs[i] == job) {
            pool->jobs[i] = pool->jobs[--pool->count];
            break;
        }
    }
    job_destroy(job);
}

/* Makes the grammars of what the caller lends. */
static bool compile(struct pool_job *job, struct err *err)
{
    struct infer_request *request = &job->asked.request;
    const json_t *tools = request->tools, *schema = request->schema;
    request->tools = request->schema = NULL;
    if (json_array_size(tools) > 0) {
        job->calls = grammar_create_calls(tools, err);
        if (job->calls == NULL) {
            return err_prefix(err, "tools");
        }
    }
    if (schema != NULL) {
        job->answer = grammar_create_value(schema, err);
        if (job->answer == NULL) {
            return err_prefix(err, "schema");
        }
    }
    return true;
}

bool infer_pool_submit(struct infer_pool *pool, struct infer_pool_request *request, struct err *err)
{
    struct pool_job *job = mem_zero(1, sizeof *job);
    job->asked = *request;
    chat_prompt_init(&request->request.prompt);
    size_t most = (size_t)pool->engine.facts.sessions + (size_t)pool->queue;
    bool ok = pool->ready || err_set(err, ERR_UNAVAILABLE, "the model is not loaded");
    ok = ok && (pool->count < most ||
                err_set(err, ERR_FULL, "%zu requests run or wait already", pool->count));
    if (!ok || !compile(job, err)) {
        job_destroy(job);
        return false;
    }
    vec_room(&pool->jobs, &pool->capacity, pool->count + 1, sizeof(struct pool_job *));
    pool->jobs[pool->count++] = job;
    mailbox_post(pool->engine.requests, job);
    return true;
}

void infer_pool_cancel(struct infer_pool *pool, uint64_t number)
{
    struct pool_job *job = find(pool, number);
    if (job == NULL) {
        return;
    }
    atomic_store(&job->cancelled, true);
    struct engine_session *session = atomic_load(&job->session);
    if (session != NULL) {
        engine_session_cancel(session);
    }
}

void infer_pool_poll(struct infer_pool *pool, infer_pool_callback *callback, void *context)
{
    void **items;
    size_t count = mailbox_take(pool->engine.events, &items);
    for (size_t i = 0; i < count; i++) {
        struct pool_posted *posted = items[i];
        pool->ready |= posted->event.infer.kind == INFER_READY;
        if (posted->ended != NULL) {
            forget(pool, posted->ended); /* its number may be used again from now on */
        }
        callback(context, &posted->event);
        mem_free(posted);
    }
    mem_free(items);
}

const struct infer_pool_facts *infer_pool_facts(const struct infer_pool *pool)
{
    return pool->ready ? &pool->engine.facts : NULL;
}

size_t infer_pool_busy(const struct infer_pool *pool)
{
    return pool->count;
}

const char *infer_pool_token(const struct infer_pool *pool, int32_t id, size_t *length)
{
    const char *bytes = "";
    *length = 0;
    engine_token_bytes(pool->engine.model, id, &bytes, length);
    return bytes;
}

struct infer_pool *infer_pool_create(const struct infer_pool_options *options)
{
    struct infer_pool *pool = mem_zero(1, sizeof *pool);
    pool->queue = options->queue;
    if (!pool_engine_start(&pool->engine, options)) {
        mem_free(pool);
        return NULL;
    }
    return pool;
}

void infer_pool_destroy(struct infer_pool *pool)
{
    if (pool == NULL) {
        return;
    }
    for (size_t i = 0; i < pool->count; i++) {
        infer_pool_cancel(pool, pool->jobs[i]->asked.request.number);
    }
    pool_engine_stop(&pool->engine);
    while (pool->count > 0) {
        job_destroy(pool->jobs[--pool->count]);
    }
    mem_free(pool->jobs);
    mem_free(pool);
}
