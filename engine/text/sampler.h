/* sampler: the next token from logits.
 *
 * Order and rules are those of the transformers library: divide by the temperature; keep the
 * top_k greatest and whatever equals the last of them; of these keep the smallest set of the most
 * likely whose probability exceeds top_p, at least one; softmax over the rest; draw. The draw is a
 * function of seed and position alone (a counter-based generator), so that a conversation can be
 * replayed from any point. Owned by a session: one thread at a time. Logits that are no number
 * count as minus infinity.
 */
#ifndef CARAT_TEXT_SAMPLER_H
#define CARAT_TEXT_SAMPLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/engine.h"

struct err;

struct sampler_candidate {
    int32_t id;
    float logit;       /* after the temperature */
    float probability; /* of the candidates together 1 */
};

struct sampler {
    size_t vocabulary;
    struct sampler_candidate *candidates; /* [vocabulary], owned: the first `count` are in play */
    size_t count;
    float *scratch; /* [vocabulary], owned */
};

bool sampler_init(struct sampler *sampler, size_t vocabulary, struct err *err);
void sampler_finish(struct sampler *sampler);

/* Fills sampler->candidates with what survives temperature (> 0), top-k and top-p, and their
 * probabilities. ERR_ARGUMENT when no token is left. */
bool sampler_probabilities(struct sampler *sampler, const float *logits,
                           const struct engine_sampling *sampling, const int32_t *banned,
                           size_t banned_count, struct err *err);

/* Chooses a token for `position`. */
bool sampler_choose(struct sampler *sampler, const float *logits,
                    const struct engine_sampling *sampling, const int32_t *banned,
                    size_t banned_count, uint64_t position, int32_t *id, struct err *err);

/* The same among allowed[0..count) alone: ids of the vocabulary, each once. */
bool sampler_choose_among(struct sampler *sampler, const float *logits,
                          const struct engine_sampling *sampling, const int32_t *allowed,
                          size_t count, uint64_t position, int32_t *id, struct err *err);

/* Uniform in [0, 1): the same for the same two numbers, and unrelated for different ones. */
double sampler_uniform(uint64_t seed, uint64_t position);

#endif
