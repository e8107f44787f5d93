/* sampler: the next token from logits.
 *
 * Order and rules are those of the transformers library: add the biases; divide what was there
 * before by the repetition penalty (multiply where it is negative); divide by the temperature; keep
 * the top_k greatest and whatever equals the last of them; of these keep the smallest set of the
 * most likely whose probability exceeds top_p, at least one; of these those that are at least min_p
 * times as likely as the best; softmax over the rest; draw. The draw is a function of seed and
 * position alone (a counter-based generator), so that a conversation can be replayed from any
 * point. Owned by a session: one thread at a time. Logits that are no number count as minus
 * infinity, and what has minus infinity is never chosen.
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
    float *scratch;  /* [vocabulary], owned */
    float *greatest; /* [2][stripes], owned: the greatest logit of each stripe of tokens */
    uint32_t *marks; /* [vocabulary], owned: tokens whose mark is `mark` belong to a set */
    uint32_t mark;
};

/* What a token is chosen from. */
struct sampler_state {
    const float *logits;   /* [vocabulary] */
    const int32_t *tokens; /* what was there before, for the repetition penalty */
    size_t token_count;
    const int32_t *banned; /* these have no chance */
    size_t banned_count;
    const int32_t *suppressed; /* nor have these, whoever asks */
    size_t suppressed_count;
    uint64_t position; /* of the token to be chosen */
};

bool sampler_init(struct sampler *sampler, size_t vocabulary, struct err *err);
/* What a sampler of such a vocabulary takes. */
uint64_t sampler_plan(size_t vocabulary);
void sampler_finish(struct sampler *sampler);

/* Fills sampler->candidates with what survives all rules (temperature > 0), and their
 * probabilities. ERR_ARGUMENT when no token is left. */
bool sampler_probabilities(struct sampler *sampler, const struct sampler_state *state,
                           const struct engine_sampling *sampling, struct err *err);

/* Chooses a token. */
bool sampler_choose(struct sampler *sampler, const struct sampler_state *state,
                    const struct engine_sampling *sampling, int32_t *id, struct err *err);

/* The `count` (at most the vocabulary) most likely tokens by the logits alone, best first, and the
 * log-probability of `id` in *logprob unless that is NULL. ERR_ARGUMENT when every logit is minus
 * infinity. */
bool sampler_logprobs(struct sampler *sampler, const float *logits, struct engine_logprob *best,
                      size_t count, int32_t id, float *logprob, struct err *err);

/* The same among allowed[0..count) alone: ids of the vocabulary, each once. What state bans does
 * not count. */
bool sampler_choose_among(struct sampler *sampler, const struct sampler_state *state,
                          const struct engine_sampling *sampling, const int32_t *allowed,
                          size_t count, int32_t *id, struct err *err);

/* Uniform in [0, 1): the same for the same two numbers, and unrelated for different ones. */
double sampler_uniform(uint64_t seed, uint64_t position);

#endif
