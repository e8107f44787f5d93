/* hparams: the numbers of a Gemma 4 model, read from a file's keys and checked against each other.
 *
 * After hparams_read every value is inside the range stated here, so that no later code needs to
 * check an index that is made of them. Names are those of the published configurations.
 */
#ifndef CARAT_LOAD_HPARAMS_H
#define CARAT_LOAD_HPARAMS_H

#include <stdbool.h>
#include <stdint.h>

struct err;
struct gguf;

enum { HPARAMS_LAYERS_MAX = 256, HPARAMS_NO_LAYER = -1 };

struct hparams_layer {
    bool sliding;                /* sliding-window attention; else full */
    bool shares_kv;              /* computes no K/V of its own and reads those of kv_layer */
    int32_t kv_layer;            /* whose cache it reads: itself, or its donor */
    int32_t head_dim;            /* 1..1024, even */
    int32_t num_key_value_heads; /* divides num_attention_heads */
    int32_t intermediate_size;   /* width of the dense feed-forward */
    bool k_eq_v;                 /* V is the raw K projection */
};

struct hparams {
    int32_t vocab_size;                  /* 1..2^20 */
    int32_t hidden_size;                 /* 1..65536 */
    int32_t num_hidden_layers;           /* 1..HPARAMS_LAYERS_MAX */
    int32_t num_attention_heads;         /* 1..1024 */
    int32_t hidden_size_per_layer_input; /* 0 = no per-layer embeddings */
    int32_t num_kv_shared_layers;        /* the last layers that share K/V */
    int32_t sliding_window;              /* keys a sliding query sees, itself included */
    int32_t context_length;              /* 1..2^21 */
    int32_t num_experts, top_k_experts, moe_intermediate_size; /* 0 = no mixture */
    float rms_norm_eps;
    float rope_theta_sliding, rope_theta_full;
    int32_t rope_rotating_pairs_full; /* pairs that rotate on full layers: 0.25 * head_dim / 2 */
    float final_logit_softcapping;    /* 0 = none */
    bool pictures_see_forwards;       /* sliding layers, within one picture: text/soft.h */
    struct hparams_layer layers[HPARAMS_LAYERS_MAX];
};

bool hparams_read(struct hparams *hparams, const struct gguf *gguf, struct err *err);

/* The same of a drafter ("gemma4-assistant"): all of its layers share K/V, with layers of its
 * target, so kv_layer is HPARAMS_NO_LAYER until somebody says which. */
bool hparams_read_drafter(struct hparams *hparams, const struct gguf *gguf, struct err *err);

#endif
