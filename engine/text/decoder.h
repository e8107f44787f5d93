/* decoder: the forward pass of a Gemma 4 text model.
 *
 * A decoder belongs to a model and holds the activations of one run at a time; the timeline is the
 * caller's K/V cache. Formulas: the published Gemma 4 architecture, in float32 throughout; weights
 * are decoded exactly from the format they are stored in.
 */
#ifndef CARAT_TEXT_DECODER_H
#define CARAT_TEXT_DECODER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "text/pass_part.h"

struct decoder;
struct err;
struct hparams;
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

/* A pass of several parts has at most so many rows: then each has the bits that it has in a pass of
 * its own, in exact arithmetic and in fast arithmetic alike (compute/tensor.h). */
enum { DECODER_TOGETHER = PASS_PARTS };

/* Where the results of such a pass can be put: the decoder's own, until the next one. */
struct decoder_rows {
    float *logits; /* [DECODER_TOGETHER][vocab_size] */
    float *states; /* [DECODER_TOGETHER][hidden_size] */
};

struct decoder_rows decoder_rows(const struct decoder *decoder);

/* The most columns of any matrix of the model: the machine's scratch must hold such rows. */
size_t decoder_widest(const struct hparams *hparams);

struct decoder_run {
    const struct pass_part *parts; /* without gaps; of different caches */
    size_t part_count;             /* 1..PASS_PARTS */
    const int32_t *ids;            /* [count], inside the vocabulary */
    size_t count;                  /* 1..decoder_capacity; of several parts: DECODER_TOGETHER */
    size_t wanted;                 /* logits for the last `wanted` ids, 0..count; or for all */
    float *logits;                 /* [wanted][vocab_size], after the soft cap */
    float *states;                 /* [wanted][hidden_size]: the head's input; may be NULL */
};

/* Runs the ids: afterwards the caches hold their positions too. ERR_CANCELLED (of several parts:
 * when all are), ERR_MEMORY, or ERR_IO when the file of the weights changed: they still hold what
 * they held, unless a ring no longer does (kv_cache_can_resume). */
bool decoder_run(struct decoder *decoder, const struct decoder_run *run, struct err *err);

#endif
