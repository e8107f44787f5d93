/* pass: one run of some tokens through the layers, and the activations that it needs.
 *
 * Rows are tokens, those of one timeline side by side (text/pass_part.h). The rows first..count-1
 * are the active ones. All are, up to the last layer that makes K/V of its own; behind it only the
 * rows whose logits are wanted, because nothing else can be seen of the others (the exact shortcut
 * of the Gemma 4 specification; it saves two thirds of a prefill of the small models).
 *
 * Widths: d hidden size, nh attention heads, nkv key/value heads, hd head size, L layers, P the
 * per-layer embedding width. The buffers hold `capacity` rows, belong to the model, and are used by
 * one session at a time.
 */
#ifndef CARAT_TEXT_PASS_H
#define CARAT_TEXT_PASS_H

#include <stddef.h>
#include <stdint.h>

#include "compute/tensor.h"
#include "text/pass_part.h"
#include "text/rope.h"

struct attend;
struct experts;
struct hparams;
struct weights;

struct pass_angles {
    float *cosines, *sines; /* [rows][rope.pairs] */
};

struct pass {
    const struct hparams *hparams;
    const struct weights *weights;
    struct tensor_machine *machine;
    struct rope rope_sliding, rope_full;
    int32_t last_kv_layer; /* the last layer that makes K/V of its own */

    float *x;         /* [rows][d] the residual stream */
    float *normed;    /* [rows][d] input of a branch */
    float *branch;    /* [rows][d] output of a branch */
    float *q;         /* [rows][nh * hd] */
    float *k, *v;     /* [rows][nkv * hd] */
    float *attended;  /* [rows][nh * hd] */
    float *gate, *up; /* [rows][widest feed-forward, or P, or chosen experts] */
    float *ple;       /* [rows][L][P] */
    struct pass_angles angles_sliding, angles_full;
    struct attend *attend;   /* scratch of attention */
    struct experts *experts; /* NULL: the model has none */

    /* What this run is about: set by decoder_run. */
    const struct pass_part *parts;
    size_t part_count;
    const int32_t *ids;
    size_t count, first; /* first > 0 only where there is one part */
};

static inline size_t pass_active(const struct pass *pass)
{
    return pass->count - pass->first;
}

/* The part that a row belongs to. */
static inline const struct pass_part *pass_part_of(const struct pass *pass, size_t row)
{
    const struct pass_part *part = pass->parts;
    while (row - part->row >= part->count) {
        part++;
    }
    return part;
}

static inline size_t pass_position(const struct pass_part *part, size_t row)
{
    return part->position + (row - part->row);
}

#endif
