/* cli_perplexity: see cli_perplexity.h. */
#include "cli_perplexity.h"

#include <math.h>

#include "base/mem.h"
#include "cli_progress.h"
#include "engine/engine.h"

/* -log of the probability that the logits give to `id`. */
static double surprise(const float *logits, size_t vocabulary, int32_t id)
{
    double greatest = -INFINITY, sum = 0;
    for (size_t i = 0; i < vocabulary; i++) {
        greatest = fmax(greatest, (double)logits[i]);
    }
    for (size_t i = 0; i < vocabulary; i++) {
        sum += exp((double)logits[i] - greatest);
    }
    return greatest + log(sum) - (double)logits[id];
}

/* The sum of what the model says of each id but the first, from those before it. */
bool cli_perplexity_measure(struct engine_session *session, const int32_t *ids, size_t count,
                            size_t vocabulary, double *total, struct engine_error *error)
{
    enum { CHUNK = 128 };
    double sum = 0;
    float *logits = mem_try_alloc(CHUNK * vocabulary, sizeof *logits);
    bool ok = logits != NULL;
    if (!ok) {
        *error = (struct engine_error){ENGINE_NO_MEMORY, "no memory for the logits"};
    }
    struct cli_progress progress;
    cli_progress_begin(&progress, "perplexity", "tokens", count - 1);
    engine_session_on_progress(session, cli_progress_on_tokens, &progress);
    for (size_t at = 0; ok && at + 1 < count; at += CHUNK) {
        size_t left = count - 1 - at, n = left < CHUNK ? left : CHUNK;
        progress.before = at;
        ok = engine_session_evaluate(session, ids + at, n, logits, error);
        for (size_t i = 0; ok && i < n; i++) {
            int32_t next = ids[at + i + 1];
            sum += surprise(logits + i * vocabulary, vocabulary, next);
        }
    }
    cli_progress_end(&progress);
    engine_session_on_progress(session, NULL, NULL);
    mem_free(logits);
    *total = sum;
    return ok;
}
