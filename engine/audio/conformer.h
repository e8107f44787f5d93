/* conformer: one block of the audio encoder.
 *
 *   x += 1/2 norm(feed_forward(norm(x)))
 *   x += norm(out(attention(norm(x))))        each moment sees itself and the 11 before it
 *   x += light_convolution(norm(x))           causal, 5 moments
 *   x += 1/2 norm(feed_forward(norm(x)))
 *   x  = norm(x)
 *
 * Every linear but the relative keys' is clamped (audio_weights.h). The attention's logit is
 *   50 tanh((q . k + q . r[distance]) / 50),
 * q scaled by softplus(per_dim_scale) / (sqrt(head size) ln 2) and k by ln(1 + e) / ln 2; r is the
 * relative_k projection of sines and cosines of the distance, 0 to 11. The file has room for a
 * distance of 12, but the reference implementation never uses it: 12 keys, not 13.
 * Formulas: the published implementation of Gemma 4's audio encoder, written as one direct sum for
 * each moment where that one works in chunks.
 */
#ifndef CARAT_AUDIO_CONFORMER_H
#define CARAT_AUDIO_CONFORMER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "audio/audio_weights.h"

struct tensor_machine;

enum { CONFORMER_WINDOW = 12 };

/* For tests: sees what a step made, rows [rows][width]. layer -1: not in a layer. */
struct conformer_watch {
    void (*see)(void *context, const char *step, int32_t layer, const float *values, size_t rows,
                size_t width);
    void *context;
};

/* A layer and what is computed from its weights once. */
struct conformer_layer {
    const struct audio_layer *weights;
    int32_t index;
    float *q_scale;   /* [head size] */
    float *relative;  /* [12][d] keys of the distances 11, 10, .. 0, as the window lies in memory */
    float *depthwise; /* [5][d] */
};

/* The activations of one run over `count` moments. d hidden size, f feed-forward size. */
struct conformer_pass {
    struct tensor_machine *machine;
    size_t count, hidden_size, heads;
    float *x;         /* [count][d] the residual stream */
    float *normed;    /* [count][d] what goes into a branch; also what attention and gates make */
    float *branch;    /* [count][d] what comes out of it */
    float *wide;      /* [count][max(f, 2 d)] */
    float *clamped;   /* [count][max(f, d)] */
    float *q, *k, *v; /* [count][d]; q also: what the light convolution makes */
    const struct conformer_watch *watch; /* NULL: nobody looks */
};

/* How many values the arrays of one layer take together. */
size_t conformer_values(const struct audio_weights *weights);

/* Points the layer's arrays into `values` and fills them. `encoding`: scratch of 12 times d. */
void conformer_prepare(struct conformer_layer *layer, const struct audio_weights *weights,
                       int32_t index, struct tensor_machine *machine, float *values,
                       float *encoding);

void conformer_run(struct conformer_pass *pass, const struct conformer_layer *layer);

/* Shows values to a watch, if there is one. */
void conformer_see(const struct conformer_watch *watch, const char *step, int32_t layer,
                   const float *values, size_t rows, size_t width);

#endif
