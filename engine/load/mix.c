/* mix: see mix.h. */
#include "load/mix.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "load/gguf.h"
#include "load/quantise.h"

struct mix {
    const char *name;
    enum quant_type body, embedding;
    enum quant_type finer; /* for values and down in half of the layers; else as the body */
    enum quant_type small; /* for the matrices of per-layer embeddings; else as the body */
    uint32_t file_type;
};

/* The numbers of file types are GGUF's. */
static const struct mix mixes[] = {
    {"f32", QUANT_F32, QUANT_F32, QUANT_F32, QUANT_F32, 0},
    {"f16", QUANT_F16, QUANT_F16, QUANT_F16, QUANT_F16, 1},
    {"bf16", QUANT_BF16, QUANT_BF16, QUANT_BF16, QUANT_BF16, 32},
    {"q8_0", QUANT_Q8_0, QUANT_Q8_0, QUANT_Q8_0, QUANT_Q8_0, 7},
    {"q6_k", QUANT_Q6_K, QUANT_Q6_K, QUANT_Q6_K, QUANT_Q6_K, 18},
    {"q5_k_m", QUANT_Q5_K, QUANT_Q6_K, QUANT_Q6_K, QUANT_Q6_K, 17},
    {"q5_1", QUANT_Q5_1, QUANT_Q6_K, QUANT_Q5_1, QUANT_Q5_1, 9},
    {"q5_0", QUANT_Q5_0, QUANT_Q6_K, QUANT_Q5_0, QUANT_Q5_0, 8},
    {"q4_k_m", QUANT_Q4_K, QUANT_Q6_K, QUANT_Q6_K, QUANT_Q5_K, 15},
    {"q4_1", QUANT_Q4_1, QUANT_Q6_K, QUANT_Q4_1, QUANT_Q4_1, 3},
    {"q4_0", QUANT_Q4_0, QUANT_Q6_K, QUANT_Q4_0, QUANT_Q4_0, 2},
    {"iq4_nl", QUANT_IQ4_NL, QUANT_Q6_K, QUANT_IQ4_NL, QUANT_IQ4_NL, 25},
    {"iq4_xs", QUANT_IQ4_XS, QUANT_Q6_K, QUANT_Q5_K, QUANT_Q5_K, 30},
    {"q3_k_m", QUANT_Q3_K, QUANT_Q6_K, QUANT_Q4_K, QUANT_Q4_K, 12},
    {"q2_k", QUANT_Q2_K, QUANT_Q6_K, QUANT_Q3_K, QUANT_Q4_K, 10},
};

enum { MIXES = sizeof mixes / sizeof mixes[0] };

const struct mix *mix_find(const char *name)
{
    for (size_t i = 0; i < MIXES; i++) {
        if (strcmp(mixes[i].name, name) == 0) {
            return &mixes[i];
        }
    }
    return NULL;
}

const char *mix_name(size_t index)
{
    return index < MIXES ? mixes[index].name : NULL;
}

uint32_t mix_file_type(const struct mix *mix)
{
    return mix->file_type;
}

static bool is_one_of(const char *name, const char *const *names)
{
    for (; *names != NULL; names++) {
        if (strcmp(name, *names) == 0) {
            return true;
        }
    }
    return false;
}

static bool ends_with(const char *name, const char *end)
{
    size_t length = strlen(name), most = strlen(end);
    return length >= most && strcmp(name + length - most, end) == 0;
}

/* The first and last eighth of the layers, and every third between them. */
static bool is_finer_layer(int32_t layer, int32_t count)
{
    return layer < count / 8 || layer >= 7 * count / 8 || (layer - count / 8) % 3 == 2;
}

static enum quant_type wanted(const struct mix *mix, const struct gguf_tensor *tensor,
                              int32_t layer_count)
{
    static const char *const embeddings[] = {"token_embd.weight", "per_layer_token_embd.weight",
                                             "output.weight", NULL};
    static const char *const finer[] = {"attn_v.weight", "ffn_down.weight", "ffn_down_exps.weight",
                                        NULL};
    static const char *const small[] = {"inp_gate.weight", "proj.weight", NULL};
    char role[64] = "";
    int layer = -1;
    if (is_one_of(tensor->name, embeddings)) {
        return mix->embedding;
    }
    if (strcmp(tensor->name, "per_layer_model_proj.weight") == 0 &&
        quant_format((uint32_t)mix->body)->block_values > 1) {
        bool single = quant_format((uint32_t)tensor->type)->block_values == 1;
        return single ? tensor->type : QUANT_BF16;
    }
    if (sscanf(tensor->name, "blk.%d.%63s", &layer, role) == 2) {
        if (is_one_of(role, finer)) {
            return is_finer_layer(layer, layer_count) ? mix->finer : mix->body;
        }
        if (is_one_of(role, small)) {
            return mix->small;
        }
    }
    return mix->body;
}

/* The next finer type whose blocks are smaller. */
static enum quant_type with_smaller_blocks(enum quant_type type)
{
    static const struct {
        enum quant_type type, instead;
    } others[] = {
        {QUANT_Q2_K, QUANT_Q4_0}, {QUANT_Q3_K, QUANT_Q4_0}, {QUANT_Q4_K, QUANT_Q5_0},
        {QUANT_Q5_K, QUANT_Q5_1}, {QUANT_Q6_K, QUANT_Q8_0}, {QUANT_IQ4_XS, QUANT_IQ4_NL},
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (others[i].type == type) {
            return others[i].instead;
        }
    }
    return QUANT_F16;
}

enum quant_type mix_type(const struct mix *mix, const struct gguf_tensor *tensor,
                         int32_t layer_count)
{
    if (tensor->dimension_count == 1 || ends_with(tensor->name, "_norm.weight") ||
        ends_with(tensor->name, ".ffn_gate_inp.weight") || ends_with(tensor->name, ".scale")) {
        return QUANT_F32;
    }
    if (!quantise_can(tensor->type)) {
        return tensor->type; /* its scale may lie in a tensor beside it */
    }
    enum quant_type type = wanted(mix, tensor, layer_count);
    while (tensor->ne[0] % quant_format((uint32_t)type)->block_values != 0) {
        type = with_smaller_blocks(type);
    }
    return type;
}
