/* audio_weights: the tensors of Gemma 4's audio encoder by their role, with shapes checked.
 *
 * They lie in a GGUF file beside the text model (general.architecture "clip", projector "gemma4a").
 * Views into the mapped file: nothing is copied. After audio_weights_bind every tensor is
 * present with exactly the shape named here; matrices have the type that the file gives them,
 * all others are F32. Two names of the file mislead: conv_norm is the norm before the light
 * convolution and norm_conv the one inside it, and a.pre_encode.out is the projection at the end.
 *
 * What no key says is fixed: 128 mel bands, convolutions of 3 by 3 in steps of 2, a depthwise
 * kernel of 5, an eps of 1e-6 (the key in files of early converters is wrong).
 */
#ifndef CARAT_AUDIO_WEIGHTS_H
#define CARAT_AUDIO_WEIGHTS_H

#include <stdbool.h>
#include <stdint.h>

#include "load/weights.h"

struct err;
struct gguf;

enum {
    AUDIO_WEIGHTS_LAYERS_MAX = 64,
    AUDIO_WEIGHTS_STAGES = 2, /* of the subsampling */
    AUDIO_WEIGHTS_KERNEL = 3, /* of it, in time and in frequency */
    AUDIO_WEIGHTS_DEPTHWISE = 5,
};

/* y = clamp(M clamp(x, input_min, input_max), output_min, output_max). The bounds belong to what
 * was trained; a missing one is infinite. */
struct audio_linear {
    struct weights_matrix matrix;
    float input_min, input_max, output_min, output_max;
};

/* d = hidden size, f = feed-forward size */
struct audio_feed_forward {
    const float *pre_norm, *post_norm; /* [d] */
    struct audio_linear up;            /* [f][d] */
    struct audio_linear down;          /* [d][f] */
};

struct audio_layer {
    struct audio_feed_forward first, second;
    const float *attention_pre_norm, *attention_post_norm; /* [d] */
    struct audio_linear q, k, v, attention_out;            /* [d][d] */
    struct weights_matrix relative_k;                      /* [d][d] */
    const float *per_dim_scale;   /* [d / heads]; softplus applied, unless some are below 0 */
    const float *conv_pre_norm;   /* [d] */
    struct audio_linear conv_in;  /* [2 d][d] values, then gates */
    const float *conv_depthwise;  /* [d][5] */
    const float *conv_norm;       /* [d] */
    struct audio_linear conv_out; /* [d][d] */
    const float *out_norm;        /* [d] */
};

struct audio_weights {
    int32_t hidden_size, feed_forward_size, num_attention_heads, num_hidden_layers;
    int32_t channels[AUDIO_WEIGHTS_STAGES];
    int32_t output_size, text_hidden_size;
    const float *conv[AUDIO_WEIGHTS_STAGES];      /* [channels][channels before][3 time][3 bands] */
    const float *conv_norm[AUDIO_WEIGHTS_STAGES]; /* [channels] */
    struct weights_matrix input_projection;       /* [d][32 * channels[1]] */
    struct audio_layer layers[AUDIO_WEIGHTS_LAYERS_MAX];
    struct weights_matrix output;     /* [output size][d] */
    const float *output_bias;         /* [output size] */
    struct weights_matrix projection; /* [text hidden size][output size] */
};

/* ERR_UNSUPPORTED when the file has no audio encoder, or another kind of one. */
bool audio_weights_bind(struct audio_weights *weights, const struct gguf *gguf, struct err *err);

#endif
