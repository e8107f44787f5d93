/* sampler: see sampler.h. The vocabulary is large and few tokens survive, so most of it is looked
 * at once, for the greatest logit of each stripe: the k-th greatest of these is at most the k-th
 * greatest of all, and what is less has no chance. What remains is narrowed by selection; only
 * survivors of top-p are sorted. */
#include "text/sampler.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

/* Tokens of a stripe, and the values whose maxima are taken side by side. */
enum { STRIPE = 256, LANES = 16 };

static size_t stripe_count(const struct sampler *sampler)
{
    return (sampler->vocabulary + STRIPE - 1) / STRIPE;
}

bool sampler_init(struct sampler *sampler, size_t vocabulary, struct err *err)
{
    struct sampler made = {.vocabulary = vocabulary};
    made.candidates = mem_try_alloc(vocabulary, sizeof *made.candidates);
    made.scratch = mem_try_alloc(vocabulary, sizeof *made.scratch);
    made.marks = mem_try_zero(vocabulary, sizeof *made.marks);
    made.greatest = mem_try_alloc(2 * stripe_count(&made), sizeof *made.greatest);
    if (made.candidates == NULL || made.scratch == NULL || made.marks == NULL ||
        made.greatest == NULL) {
        sampler_finish(&made);
        return err_set(err, ERR_MEMORY, "no memory for sampling from %zu tokens", vocabulary);
    }
    *sampler = made;
    return true;
}

uint64_t sampler_plan(size_t vocabulary)
{
    const struct sampler *sampler = NULL;
    return vocabulary *
           (sizeof *sampler->candidates + sizeof *sampler->scratch + sizeof *sampler->marks);
}

void sampler_finish(struct sampler *sampler)
{
    mem_free(sampler->candidates);
    mem_free(sampler->scratch);
    mem_free(sampler->marks);
    mem_free(sampler->greatest);
    *sampler = (struct sampler){0};
}

/* --- sets of tokens --- */

/* Begins a new set, empty. */
static void clear_marks(struct sampler *sampler)
{
    sampler->mark++;
    if (sampler->mark == 0) { /* after four thousand million sets old marks would come alive */
        memset(sampler->marks, 0, sampler->vocabulary * sizeof *sampler->marks);
        sampler->mark = 1;
    }
}

/* Puts a token into the set; false when it is in it already, or no token at all. */
static bool mark_token(struct sampler *sampler, int32_t id)
{
    if (id < 0 || (size_t)id >= sampler->vocabulary || sampler->marks[id] == sampler->mark) {
        return false;
    }
    sampler->marks[id] = sampler->mark;
    return true;
}

static bool is_marked(const struct sampler *sampler, size_t id)
{
    return sampler->marks[id] == sampler->mark;
}

/* --- rules --- */

/* The logits with biases and penalties: those given when there are none, else in the scratch. Marks
 * the tokens that have no chance. */
static const float *adjust(struct sampler *sampler, const struct sampler_state *state,
                           const struct engine_sampling *sampling)
{
    const float penalty = sampling->repetition_penalty;
    bool penalized = penalty > 0 && penalty != 1;
    const float *logits = state->logits;
    if (penalized || sampling->bias_count > 0) {
        memcpy(sampler->scratch, logits, sampler->vocabulary * sizeof *logits);
        logits = sampler->scratch;
    }
    for (size_t i = 0; i < sampling->bias_count; i++) {
        sampler->scratch[sampling->biases[i].id] += sampling->biases[i].value;
    }
    if (penalized) {
        size_t last = (size_t)sampling->repetition_last, count = state->token_count;
        clear_marks(sampler);
        for (size_t i = last > 0 && last < count ? count - last : 0; i < count; i++) {
            if (mark_token(sampler, state->tokens[i])) {
                float *logit = &sampler->scratch[state->tokens[i]];
                *logit = *logit < 0 ? *logit * penalty : *logit / penalty;
            }
        }
    }
    clear_marks(sampler);
    for (size_t i = 0; i < state->banned_count; i++) {
        mark_token(sampler, state->banned[i]);
    }
    for (size_t i = 0; i < state->suppressed_count; i++) {
        mark_token(sampler, state->suppressed[i]);
    }
    return logits;
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

/* The greatest of the logits from .. to - 1, leaving out what is no number. */
static float greatest_between(const float *logits, size_t from, size_t to)
{
    float lane[LANES], most = -INFINITY;
    for (size_t j = 0; j < LANES; j++) {
        lane[j] = -INFINITY;
    }
    size_t i = from;
    for (; i + LANES <= to; i += LANES) {
        for (size_t j = 0; j < LANES; j++) {
            lane[j] = logits[i + j] > lane[j] ? logits[i + j] : lane[j];
        }
    }
    for (; i < to; i++) {
        most = logits[i] > most ? logits[i] : most;
    }
    for (size_t j = 0; j < LANES; j++) {
        most = lane[j] > most ? lane[j] : most;
    }
    return most;
}

/* Fills sampler->greatest and returns a logit that at least `k` tokens that are not banned reach.
 * Each banned one can be the greatest of one stripe only. */
static float reached_by(struct sampler *sampler, const float *logits, size_t k, size_t banned)
{
    size_t stripes = stripe_count(sampler);
    float *greatest = sampler->greatest, *ranked = greatest + stripes;
    for (size_t i = 0; i < stripes; i++) {
        size_t to = (i + 1) * STRIPE;
        to = to < sampler->vocabulary ? to : sampler->vocabulary;
        greatest[i] = greatest_between(logits, i * STRIPE, to);
    }
    if (k == 0 || k >= stripes || banned >= stripes - k) {
        return -INFINITY;
    }
    memcpy(ranked, greatest, stripes * sizeof *ranked);
    return select_greatest(ranked, stripes, k + banned);
}

/* All tokens that have a chance, by id. Those that cannot be among the top_k are left out already;
 * what is less before the division by the temperature is not greater after it. */
static void gather(struct sampler *sampler, const float *logits, const struct sampler_state *state,
                   const struct engine_sampling *sampling)
{
    float temperature = sampling->temperature;
    float least = reached_by(sampler, logits, (size_t)sampling->top_k, state->banned_count);
    least /= temperature;
    sampler->count = 0;
    for (size_t stripe = 0; stripe < stripe_count(sampler); stripe++) {
        size_t from = stripe * STRIPE, to = from + STRIPE;
        to = to < sampler->vocabulary ? to : sampler->vocabulary;
        if (sampler->greatest[stripe] / temperature < least) {
            continue;
        }
        for (size_t i = from; i < to; i++) {
            float logit = logits[i] / temperature;
            if (logit >= least && !is_marked(sampler, i)) { /* neither when it is no number */
                sampler->candidates[sampler->count++] =
                    (struct sampler_candidate){.id = (int32_t)i, .logit = logit};
            }
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

static void swap_candidates(struct sampler_candidate *a, struct sampler_candidate *b)
{
    struct sampler_candidate kept = *a;
    *a = *b;
    *b = kept;
}

/* Parts candidates low .. high - 1 (three or more) around the median of three: those before it come
 * first. Returns its new place, which is neither end. */
static size_t part_candidates(struct sampler_candidate *candidates, size_t low, size_t high)
{
    size_t middle = low + (high - low) / 2, last = high - 1;
    if (compare_candidates(&candidates[middle], &candidates[low]) < 0) {
        swap_candidates(&candidates[middle], &candidates[low]);
    }
    if (compare_candidates(&candidates[last], &candidates[low]) < 0) {
        swap_candidates(&candidates[last], &candidates[low]);
    }
    if (compare_candidates(&candidates[last], &candidates[middle]) < 0) {
        swap_candidates(&candidates[last], &candidates[middle]);
    }
    swap_candidates(&candidates[middle], &candidates[last]);
    size_t place = low;
    for (size_t i = low; i < last; i++) {
        if (compare_candidates(&candidates[i], &candidates[last]) < 0) {
            swap_candidates(&candidates[i], &candidates[place++]);
        }
    }
    swap_candidates(&candidates[place], &candidates[last]);
    return place;
}

/* Parts the candidates until few are left among which the sum of the least likely passes `sum`:
 * those before *low are in the returned sum, those from *high on are not reached. */
static double find_sum(struct sampler_candidate *candidates, double sum, size_t *low, size_t *high)
{
    enum { FEW = 32 };
    double dropped = 0;
    while (*high - *low > FEW) {
        size_t place = part_candidates(candidates, *low, *high);
        double more = 0;
        for (size_t i = *low; i < place; i++) {
            more += (double)candidates[i].probability;
        }
        if (dropped + more <= sum) {
            dropped += more;
            *low = place;
        } else {
            *high = place;
        }
    }
    return dropped;
}

/* Drops the least likely while the sum of what was dropped, the one at hand included, is at most
 * 1 - p. The probabilities must be set. The survivors are sorted. */
static void keep_top_p(struct sampler *sampler, float p)
{
    struct sampler_candidate *candidates = sampler->candidates;
    size_t low = 0, high = sampler->count;
    float sum = (float)find_sum(candidates, (double)(1.0f - p), &low, &high);
    qsort(candidates + low, high - low, sizeof *candidates, compare_candidates);
    while (low + 1 < sampler->count && low < high) {
        sum += candidates[low].probability;
        if (sum > 1.0f - p) {
            break;
        }
        low++;
    }
    sampler->count -= low;
    memmove(candidates, candidates + low, sampler->count * sizeof *candidates);
    qsort(candidates, sampler->count, sizeof *candidates, compare_candidates);
}

/* Drops what is less than p times as likely as the best. */
static void keep_min_p(struct sampler *sampler, float p)
{
    float greatest = 0;
    for (size_t i = 0; i < sampler->count; i++) {
        greatest = fmaxf(greatest, sampler->candidates[i].probability);
    }
    size_t kept = 0;
    for (size_t i = 0; i < sampler->count; i++) {
        if (sampler->candidates[i].probability >= p * greatest) {
            sampler->candidates[kept++] = sampler->candidates[i];
        }
    }
    sampler->count = kept;
}

static bool refuse_all(const struct sampler *sampler, const struct sampler_state *state,
                       struct err *err)
{
    return err_set(err, ERR_ARGUMENT, "no token can be chosen: %zu of %zu are banned",
                   state->banned_count, sampler->vocabulary);
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
    if (left && sampling->min_p > 0) {
        keep_min_p(sampler, sampling->min_p);
        left = set_probabilities(sampler);
    }
    return left;
}

bool sampler_probabilities(struct sampler *sampler, const struct sampler_state *state,
                           const struct engine_sampling *sampling, struct err *err)
{
    gather(sampler, adjust(sampler, state, sampling), state, sampling);
    return narrow(sampler, sampling) || refuse_all(sampler, state, err);
}

/* --- choosing --- */

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

static bool choose_best(struct sampler *sampler, const struct sampler_state *state,
                        const struct engine_sampling *sampling, int32_t *id, struct err *err)
{
    const float *logits = adjust(sampler, state, sampling);
    float greatest = -INFINITY;
    int32_t best = -1;
    for (size_t i = 0; i < sampler->vocabulary; i++) {
        if (logits[i] > greatest && !is_marked(sampler, i)) {
            best = (int32_t)i;
            greatest = logits[i];
        }
    }
    if (best < 0) {
        return refuse_all(sampler, state, err);
    }
    *id = best;
    return true;
}

bool sampler_choose(struct sampler *sampler, const struct sampler_state *state,
                    const struct engine_sampling *sampling, int32_t *id, struct err *err)
{
    if (sampling->temperature == 0) {
        return choose_best(sampler, state, sampling, id, err);
    }
    if (!sampler_probabilities(sampler, state, sampling, err)) {
        return false;
    }
    *id = draw(sampler, sampler_uniform(sampling->seed, state->position));
    return true;
}

/* --- log-probabilities --- */

/* log sum exp of the logits, all of which are less than or equal to `greatest`. */
static double log_sum(const float *logits, size_t count, float greatest)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += isnan(logits[i]) ? 0 : exp((double)logits[i] - (double)greatest);
    }
    return (double)greatest + log(sum);
}

/* Leaves the `count` greatest as candidates, the least of them first. */
static void gather_best(struct sampler *sampler, const float *logits, size_t count)
{
    for (size_t i = 0; i < sampler->vocabulary; i++) {
        sampler->scratch[i] = isnan(logits[i]) ? -INFINITY : logits[i];
        sampler->candidates[i] =
            (struct sampler_candidate){.id = (int32_t)i, .logit = sampler->scratch[i]};
    }
    sampler->count = sampler->vocabulary;
    keep_top_k(sampler, count);
    qsort(sampler->candidates, sampler->count, sizeof *sampler->candidates, compare_candidates);
}

bool sampler_logprobs(struct sampler *sampler, const float *logits, struct engine_logprob *best,
                      size_t count, int32_t id, float *logprob, struct err *err)
{
    float greatest = -INFINITY;
    for (size_t i = 0; i < sampler->vocabulary; i++) {
        greatest = fmaxf(greatest, logits[i]);
    }
    if (isinf(greatest)) {
        return err_set(err, ERR_ARGUMENT, "no token of %zu has a finite logit",
                       sampler->vocabulary);
    }
    double sum = log_sum(logits, sampler->vocabulary, greatest);
    if (count > 0) {
        gather_best(sampler, logits, count);
    }
    for (size_t i = 0; i < count; i++) {
        const struct sampler_candidate *found = &sampler->candidates[sampler->count - 1 - i];
        best[i] = (struct engine_logprob){.id = found->id,
                                          .logprob = (float)((double)found->logit - sum)};
    }
    if (logprob != NULL) {
        *logprob = isnan(logits[id]) ? -INFINITY : (float)((double)logits[id] - sum);
    }
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

static int32_t draw_among(struct sampler *sampler, const float *logits, uint64_t position,
                          const struct engine_sampling *sampling, const int32_t *allowed,
                          size_t count)
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

bool sampler_choose_among(struct sampler *sampler, const struct sampler_state *state,
                          const struct engine_sampling *sampling, const int32_t *allowed,
                          size_t count, int32_t *id, struct err *err)
{
    if (count > sampler->vocabulary) {
        return err_set(err, ERR_ARGUMENT, "%zu tokens to choose from: the vocabulary has %zu",
                       count, sampler->vocabulary);
    }
    const float *logits = adjust(sampler, state, sampling);
    int32_t chosen = sampling->temperature == 0
                         ? best_among(logits, allowed, count)
                         : draw_among(sampler, logits, state->position, sampling, allowed, count);
    if (chosen < 0) {
        return err_set(err, ERR_ARGUMENT, "none of the %zu allowed tokens can be chosen", count);
    }
    *id = chosen;
    return true;
}
