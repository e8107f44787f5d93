/* vision_weights: the sizes and tensors of Gemma 4's picture encoder.
 *
 * Matrices, norms and limits are views into the mapped file; only the patch matrix is a copy, with
 * the columns in the order of our patches (dy, dx, channel) where the file has (channel, dy, dx).
 * After vision_weights_bind every shape is right and every size within its range. d = hidden size,
 * hd = d / heads, f = width of the feed-forward part.
 */
#ifndef CARAT_VISION_VISION_WEIGHTS_H
#define CARAT_VISION_VISION_WEIGHTS_H

#include <stdbool.h>
#include <stdint.h>

#include "load/weights.h"

struct err;
struct gguf;

enum { VISION_WEIGHTS_LAYERS_MAX = 64, VISION_WEIGHTS_POOL = 3 };

/* y = clamp(M clamp(x)): the small models were trained with these limits. Infinite where the file
 * has none. */
struct vision_weights_linear {
    struct weights_matrix matrix;
    float input_min, input_max, output_min, output_max;
};

struct vision_weights_layer {
    const float *input_norm;               /* [d] v.blk.N.ln1 */
    struct vision_weights_linear q, k, v;  /* [d][d] */
    const float *q_norm, *k_norm;          /* [hd] */
    struct vision_weights_linear o;        /* [d][d] v.blk.N.attn_out */
    const float *post_attention_norm;      /* [d] v.blk.N.attn_post_norm */
    const float *pre_ffw_norm;             /* [d] v.blk.N.ln2 */
    struct vision_weights_linear gate, up; /* [f][d] */
    struct vision_weights_linear down;     /* [d][f] */
    const float *post_ffw_norm;            /* [d] v.blk.N.ffn_post_norm */
    float scale;                           /* of the layer's output; 1 when the file has none */
};

struct vision_weights {
    int32_t hidden_size, intermediate_size, num_hidden_layers, num_attention_heads;
    int32_t text_hidden_size;        /* width of a soft token */
    int32_t position_count;          /* most patches in a row or column */
    float rms_norm_eps;              /* 1e-6 */
    struct weights_matrix patch;     /* [d][768] F32, copied */
    const float *positions;          /* [2][position_count][d]: of x, then of y */
    const float *std_bias;           /* [d]; NULL: the pooled values are not standardised */
    const float *std_scale;          /* [d] */
    struct weights_matrix projector; /* [text_hidden_size][d] */
    struct vision_weights_layer layers[VISION_WEIGHTS_LAYERS_MAX];
    float *patch_values; /* what `patch` shows */
};

/* The gguf must outlive the weights. Untouched on failure. */
bool vision_weights_bind(struct vision_weights *weights, const struct gguf *gguf, struct err *err);
void vision_weights_finish(struct vision_weights *weights);

#endif
