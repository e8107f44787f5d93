/* weights: the tensors of a Gemma 4 model by their role, with shapes checked.
 *
 * Views into the mapped file: nothing is copied. A matrix is [rows][columns], row-major, applied as
 * y = M x with x of `columns` values. Each has the type that the file gives it. Norm weights and
 * scalars are F32. After weights_bind every tensor that hparams call for is present with exactly
 * the shape named here; optional ones have data == NULL. Dead K/V tensors of layers that share K/V
 * are not bound.
 */
#ifndef CARAT_LOAD_WEIGHTS_H
#define CARAT_LOAD_WEIGHTS_H

#include <stdbool.h>
#include <stdint.h>

#include "load/hparams.h"
#include "load/quant.h"

struct err;
struct gguf;

struct weights_matrix {
    const unsigned char *data;
    const struct quant_format *format;
    int32_t rows, columns;
    uint64_t row_bytes;
    float scale; /* of every value, beside what the format has; 1 but in some NVFP4 files */
};

/* The experts of a layer. Gate and up of expert e are rows e * stride .. e * stride + W - 1 of the
 * matrices, whether the file has them in one tensor or in two; W = expert width, E = experts. */
struct weights_experts {
    struct weights_matrix router; /* [E][d] ffn_gate_inp */
    const float *router_scale;    /* [d] ffn_gate_inp.scale */
    const float *output_scale;    /* [E] ffn_down_exps.scale */
    struct weights_matrix gate,
        up; /* [d] columns; ffn_gate_up_exps, or ffn_gate_exps and ffn_up_exps */
    const float *gate_scale, *up_scale; /* [E] of NVFP4: factors of all their values; or NULL */
    int32_t stride;                     /* rows from one expert's to the next's: 2 W, or W */
    struct weights_matrix down;         /* [E * d][W] ffn_down_exps: expert e has rows e * d .. */
    const float *post_dense_norm;       /* [d] post_ffw_norm_1 */
    const float *pre_experts_norm;      /* [d] pre_ffw_norm_2 */
    const float *post_experts_norm;     /* [d] post_ffw_norm_2 */
};

/* hd = head_dim, nh = attention heads, nkv = key/value heads, d = hidden size, P = per-layer width
 */
struct weights_layer {
    const float *input_norm;          /* [d] blk.N.attn_norm */
    struct weights_matrix q;          /* [nh*hd][d] */
    struct weights_matrix k, v;       /* [nkv*hd][d]; no data: shares K/V, or (v) V = K */
    const float *q_norm, *k_norm;     /* [hd]; k_norm NULL when K/V are shared */
    struct weights_matrix o;          /* [d][nh*hd] */
    const float *post_attention_norm; /* [d] */
    const float *pre_ffw_norm;        /* [d] blk.N.ffn_norm */
    struct weights_matrix gate, up;   /* [intermediate][d] */
    struct weights_matrix down;       /* [d][intermediate] */
    const float *post_ffw_norm;       /* [d] */
    struct weights_experts experts;   /* all NULL when hparams have no experts */
    struct weights_matrix ple_gate;   /* [P][d] blk.N.inp_gate */
    struct weights_matrix ple_proj;   /* [d][P] blk.N.proj */
    const float *post_ple_norm;       /* [d] blk.N.post_norm */
    float layer_scalar;               /* 1 when the file has none */
};

struct weights {
    const struct gguf *source;                  /* whose bytes the views are */
    struct weights_matrix embedding;            /* [vocab][d] token_embd */
    struct weights_matrix head;                 /* [vocab][d] output, else the embedding */
    struct weights_matrix ple_embedding;        /* [vocab][L*P] per_layer_token_embd */
    struct weights_matrix ple_model_projection; /* [L*P][d] per_layer_model_proj */
    const float *ple_projection_norm;           /* [P] */
    const float *output_norm;                   /* [d] */
    struct weights_layer layers[HPARAMS_LAYERS_MAX];
};

bool weights_bind(struct weights *weights, const struct hparams *hparams, const struct gguf *gguf,
                  struct err *err);

/* One more tensor, NAME.weight (a NAME with a dot is taken as it is): those that only drafters
 * have. */
bool weights_bind_matrix(struct weights_matrix *matrix, const char *name, int32_t rows,
                         int32_t columns, const struct gguf *gguf, struct err *err);

#endif
