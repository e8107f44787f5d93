/* drafter: Gemma 4's own small model that foresees the next tokens of a large one.
 *
 * It has no keys and values of its own: its few layers look at the target's cache, the sliding ones
 * at the target's last sliding layer that makes K/V, the full ones at its last full one. One step,
 * with d the target's hidden size and E its embedding:
 *
 *   x = Pre [E[t] sqrt(d), u]             t the last token, u the target's state that led to t:
 *   each layer: x += norm(attention(norm(x))); x += norm(feed_forward(norm(x))); x *= scalar
 *   y = norm(x);  logits = Head y         no soft cap
 *   next t = the best;  next u = Post y
 *
 * u is the input of the target's head, at first as the target made it. The query stands at the same
 * position in all steps of a round: behind the last token that the cache holds. Source: the
 * published "gemma4_assistant" models.
 *
 * Small targets have a head in two steps: the best of some hundred centroids say which tokens are
 * worth a look. GGUF files leave the centroids out; then all tokens are looked at, which is slower
 * and at least as good. Belongs to a target model, whose machine computes; used by one session at a
 * time, as the target is.
 */
#ifndef CARAT_TEXT_DRAFTER_H
#define CARAT_TEXT_DRAFTER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct drafter;
struct err;
struct gguf;
struct hparams;
struct kv_cache;
struct tensor_machine;
struct weights;

/* Which keys sliding layers see. References disagree, and what the models were trained with is not
 * published; it changes how often guesses come true, nothing else. */
enum drafter_window {
    DRAFTER_WINDOW_POSITION, /* the newest W - 1: as a query at that position would */
    DRAFTER_WINDOW_WIDE,     /* the newest W + 1 */
};

/* The target's parts and the file are borrowed and must outlive the drafter. ERR_FORMAT or
 * ERR_UNSUPPORTED when the file is no drafter, or not one for this target. */
struct drafter *drafter_create(const struct gguf *gguf, const struct hparams *target,
                               const struct weights *target_weights, struct tensor_machine *machine,
                               struct err *err);
void drafter_destroy(struct drafter *drafter);

/* Where a round of guesses begins. */
struct drafter_place {
    struct kv_cache *cache;    /* the target's, which holds positions 0..position-1; read only */
    size_t position;           /* at least 1 */
    int32_t token;             /* that comes at `position` */
    const float *state;        /* [d] the target's, of position - 1 */
    const atomic_bool *cancel; /* may be NULL */
};

/* Guesses `count` tokens behind place->token; returns count, or 0 when it was cancelled. */
size_t drafter_guess(struct drafter *drafter, const struct drafter_place *place, size_t count,
                     int32_t *guesses);

/* --- for tests: a step with everything that it computes --- */

struct drafter_step {
    float *pre;        /* [hidden] x before the layers */
    float *final_norm; /* [hidden] y */
    float *centroids;  /* [centroid count]; untouched without centroids */
    float *logits;     /* [vocabulary]; not chosen ones: the least of the chosen minus 1 */
    float *state;      /* [d] the next u */
};

void drafter_set_window(struct drafter *drafter, enum drafter_window window);
/* True leaves the centroids unused. */
void drafter_set_dense(struct drafter *drafter, bool dense);
/* Of the file's; 0 = it has none. */
size_t drafter_centroid_count(const struct drafter *drafter);
size_t drafter_hidden_size(const struct drafter *drafter);
/* Members of *step are the caller's, all of them given; false when it was cancelled. */
bool drafter_run(struct drafter *drafter, const struct drafter_place *place,
                 const struct drafter_step *step, int32_t *guess);

#endif
