/* sampler: see sampler.h. The k-th greatest logit is found by selection, not by sorting, since the
 * vocabulary is large and k small; sorting happens only among the survivors of top-k. */
#include "text/sampler.h"

#include <math.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"

bool sampler_init(struct sampler *sampler, size_t vocabulary, struct err *err)
{
    struct sampler made = {.vocabulary = vocabulary};
    made.candidates = mem_try_alloc(vocabulary, sizeof *made.candidates);
    made.scratch = mem_try_alloc(vocabulary, sizeof *made.scratch);
    if (made.candidates == NULL || made.scratch == NULL) {
        sampler_finish(&made);
        return err_set(err, ERR_MEMORY, "no memory for sampling from %zu tokens", vocabulary);
    }
    *sampler = made;
    return true;
}

void sampler_finish(struct sampler *sampler)
{
    mem_free(sampler->candidates);
    mem_free(sampler->scratch);
    *sampler = (struct sampler){0};
}

static bool is_banned(const int32_t *banned, size_t count, int32_t id)
{
    for (size_t i = 0; i < count; i++) {
        if (banned[i] == id) {
            return true;
        }
    }
    return false;
}

/* All tokens that have a chance, by id. */
static void gather(struct sampler *sampler, const float *logits, float temperature,
                   const int32_t *banned, size_t banned_count)
{
    sampler->count = 0;
    for (size_t i = 0; i < sampler->vocabulary; i++) {
        float logit = logits[i] / temperature;
        if (isnan(logit) || is_banned(banned, banned_count, (int32_t)i)) {
            continue;
        }
        sampler->candidates[sampler->count++] =
            (struct sampler_candidate){.id = (int32_t)i, .logit = logit};
    }
}

/* The k-th greatest (1 <= k <= count) of values; reorders them. Each round parts a range into
 * greater than, equal to and less than a pivot, and goes on with the part that holds rank k. */
static float select_greatest(float *values, size_t count, size_t k)
{
    size_t low = 0, high = count, rank = k - 1;
    for (;;) {
        float a = values[low], b = values[low + (high - low) / 2], c = values[high - 1];
        float pivot = fmaxf(fminf(a, b), fminf(fmaxf(a, b), c)); /* the median of three */
        size_t greater_end = low, less_begin = high;
        for (size_t i = low; i < less_begin;) {
            float value = values[i];
            if (value > pivot) {
                values[i++] = values[greater_end];
                values[greater_end++] = value;
            } else if (value < pivot) {
                values[i] = values[--less_begin];
                values[less_begin] = value;
            } else {
                i++;
            }
        }
        if (rank < greater_end) {
            high = greater_end;
        } else if (rank >= less_begin) {
            low = less_begin;
        } else {
            return pivot;
        }
    }
}

static void keep_top_k(struct sampler *sampler, size_t k)
{
    if (k == 0 || k >= sampler->count) {
        return;
    }
    for (size_t i = 0; i < sampler->count; i++) {
        sampler->scratch[i] = sampler->candidates[i].logit;
    }
    float least = select_greatest(sampler->scratch, sampler->count, k);
    size_t kept = 0;
    for (size_t i = 0; i < sampler->count; i++) {
        if (sampler->candidates[i].logit >= least) {
            sampler->candidates[kept++] = sampler->candidates[i];
        }
    }
    sampler->count = kept;
}

/* Softmax over the candidates; false when all of them are minus infinity, or none is left. */
static bool set_probabilities(struct sampler *sampler)
{
    float greatest = -INFINITY;
    for (size_t i = 0; i < sampler->count; i++) {
        greatest = fmaxf(greatest, sampler->candidates[i].logit);
    }
    if (isinf(greatest)) {
        return false;
    }
    double sum = 0;
    for (size_t i = 0; i < sampler->count; i++) {
        struct sampler_candidate *candidate = &sampler->candidates[i];
        candidate->probability = expf(candidate->logit - greatest);
        sum += (double)candidate->probability;
    }
    for (size_t i = 0; i < sampler->count; i++) {
        sampler->candidates[i].probability /= (float)sum;
    }
    return true;
}

/* The least likely first; of equals the highest id first, so that low ids survive. */
static int compare_candidates(const void *left, const void *right)
{
    const struct sampler_candidate *a = left, *b = right;
    if (a->logit != b->logit) {
        return a->logit < b->logit ? -1 : 1;
    }
    return a->id > b->id ? -1 : 1;
}

/* Drops the least likely while the sum of what was dropped, the one at hand included, is at most
 * 1 - p. The probabilities must be set. */
static void keep_top_p(struct sampler *sampler, float p)
{
    struct sampler_candidate *candidates = sampler->candidates;
    qsort(candidates, sampler->count, sizeof *candidates, compare_candidates);
    float sum = 0;
    size_t dropped = 0;
    while (dropped + 1 < sampler->count) {
        sum += candidates[dropped].probability;
        if (sum > 1.0f - p) {
            break;
        }
        dropped++;
    }
    sampler->count -= dropped;
    for (size_t i = 0; i < sampler->count; i++) {
        candidates[i] = candidates[i + dropped];
    }
}

/* From what was gathered to what may be drawn; false when nothing is left. */
static bool narrow(struct sampler *sampler, const struct engine_sampling *sampling)
{
    keep_top_k(sampler, (size_t)sampling->top_k);
    bool left = set_probabilities(sampler);
    if (left && sampling->top_p < 1) {
        keep_top_p(sampler, sampling->top_p);
        left = set_probabilities(sampler);
    }
    return left;
}

bool sampler_probabilities(struct sampler *sampler, const float *logits,
                           const struct engine_sampling *sampling, const int32_t *banned,
                           size_t banned_count, struct err *err)
{
    gather(sampler, logits, sampling->temperature, banned, banned_count);
    if (!narrow(sampler, sampling)) {
        return err_set(err, ERR_ARGUMENT, "no token can be chosen: %zu of %zu are banned",
                       banned_count, sampler->vocabulary);
    }
    return true;
}

/* One round of a 64-bit mixing function in the manner of SplitMix. */
static uint64_t mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

double sampler_uniform(uint64_t seed, uint64_t position)
{
    return (double)(mix(mix(seed) ^ mix(~position)) >> 11) * 0x1p-53;
}

static int32_t draw(const struct sampler *sampler, double uniform)
{
    double total = 0;
    for (size_t i = 0; i < sampler->count; i++) {
        total += (double)sampler->candidates[i].probability;
    }
    double left = uniform * total;
    int32_t last = sampler->candidates[0].id;
    for (size_t i = 0; i < sampler->count; i++) {
        double probability = (double)sampler->candidates[i].probability;
        if (probability > 0) {
            last = sampler->candidates[i].id;
            if (left < probability) {
                break;
            }
        }
        left -= probability;
    }
    return last;
}

static bool choose_best(const struct sampler *sampler, const float *logits, const int32_t *banned,
                        size_t banned_count, int32_t *id, struct err *err)
{
    int32_t best = -1;
    for (size_t i = 0; i < sampler->vocabulary; i++) {
        bool better = !isnan(logits[i]) && (best < 0 || logits[i] > logits[best]);
        if (better && !is_banned(banned, banned_count, (int32_t)i)) {
            best = (int32_t)i;
        }
    }
    if (best < 0) {
        return err_set(err, ERR_ARGUMENT, "no token can be chosen: %zu of %zu are banned",
                       banned_count, sampler->vocabulary);
    }
    *id = best;
    return true;
}

bool sampler_choose(struct sampler *sampler, const float *logits,
                    const struct engine_sampling *sampling, const int32_t *banned,
                    size_t banned_count, uint64_t position, int32_t *id, struct err *err)
{
    if (sampling->temperature == 0) {
        return choose_best(sampler, logits, banned, banned_count, id, err);
    }
    if (!sampler_probabilities(sampler, logits, sampling, banned, banned_count, err)) {
        return false;
    }
    *id = draw(sampler, sampler_uniform(sampling->seed, position));
    return true;
}

/* --- among a few --- */

/* Temperature 0: the best, the lowest id of equals, whatever order they are given in. */
static int32_t best_among(const float *logits, const int32_t *allowed, size_t count)
{
    int32_t best = -1;
    for (size_t i = 0; i < count; i++) {
        int32_t id = allowed[i];
        if (isnan(logits[id])) {
            continue;
        }
        if (best < 0 || logits[id] > logits[best] || (logits[id] == logits[best] && id < best)) {
            best = id;
        }
    }
    return best;
}

static int32_t draw_among(struct sampler *sampler, const float *logits,
                          const struct engine_sampling *sampling, const int32_t *allowed,
                          size_t count, uint64_t position)
{
    sampler->count = 0;
    for (size_t i = 0; i < count; i++) {
        float logit = logits[allowed[i]] / sampling->temperature;
        if (!isnan(logit)) {
            sampler->candidates[sampler->count++] =
                (struct sampler_candidate){.id = allowed[i], .logit = logit};
        }
    }
    return narrow(sampler, sampling) ? draw(sampler, sampler_uniform(sampling->seed, position))
                                     : -1;
}

bool sampler_choose_among(struct sampler *sampler, const float *logits,
                          const struct engine_sampling *sampling, const int32_t *allowed,
                          size_t count, uint64_t position, int32_t *id, struct err *err)
{
    if (count > sampler->vocabulary) {
        return err_set(err, ERR_ARGUMENT, "%zu tokens to choose from: the vocabulary has %zu",
                       count, sampler->vocabulary);
    }
    int32_t chosen = sampling->temperature == 0
                         ? best_among(logits, allowed, count)
                         : draw_among(sampler, logits, sampling, allowed, count, position);
    if (chosen < 0) {
        return err_set(err, ERR_ARGUMENT, "none of the %zu allowed tokens can be chosen", count);
    }
    *id = chosen;
    return true;
}
