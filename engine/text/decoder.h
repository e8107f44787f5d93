/* decoder: the forward pass of a Gemma 4 text model.
 *
 * A decoder belongs to a model and holds the activations of one run at a time; the timeline is the
 * caller's K/V cache. Formulas: the published Gemma 4 architecture, in float32 throughout; weights
 * are decoded exactly from the format they are stored in.
 */
#ifndef CARAT_TEXT_DECODER_H
#define CARAT_TEXT_DECODER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct decoder;
struct engine_soft;
struct err;
struct hparams;
struct kv_cache;
struct tensor_machine;
struct weights;

/* Most tokens of one run; and where pictures must not be cut, of a run that is one picture. */
enum { DECODER_CHUNK = 256, DECODER_PICTURE = 1120 };

/* The tokens that a model's decoder takes in one run at most. */
size_t decoder_capacity(const struct hparams *hparams);

/* hparams, weights and machine are borrowed and must outlive the decoder. ERR_UNSUPPORTED for a
 * weight format that cannot be decoded.  */
struct decoder *decoder_create(const struct hparams *hparams, const struct weights *weights,
                               struct tensor_machine *machine, struct err *err);
void decoder_destroy(struct decoder *decoder);

/* What a decoder takes. */
uint64_t decoder_plan(const struct hparams *hparams);

/* The most columns of any matrix of the model: the machine's scratch must hold such rows. */
size_t decoder_widest(const struct hparams *hparams);

struct decoder_run {
    struct kv_cache *cache;    /* holds positions 0..position-1 */
    const int32_t *ids;        /* [count], inside the vocabulary */
    size_t count;              /* 1..decoder_capacity */
    size_t position;           /* of ids[0] */
    size_t wanted;             /* logits for the last `wanted` ids, 0..count */
    float *logits;             /* [wanted][vocab_size], after the soft cap */
    float *states;             /* [wanted][hidden_size]: what the head was given; may be NULL */
    const atomic_bool *cancel; /* may be NULL */
    /* Runs of soft tokens (text/soft.h), by position in the timeline; may reach beyond the ids. */
    const struct engine_soft *soft;
    size_t soft_count;
};

/* Runs the ids: afterwards the cache holds their positions too. ERR_CANCELLED, ERR_MEMORY, or
 * ERR_IO when the file of the weights changed: it still holds 0..position-1, unless the ring no
 * longer does (kv_cache_can_resume). */
bool decoder_run(struct decoder *decoder, const struct decoder_run *run, struct err *err);

#endif
