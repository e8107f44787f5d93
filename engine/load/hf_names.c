/* The names are a fact of the published checkpoints; each table below is one of theirs beside one
 * of GGUF's. Models that also see or hear put the text model under language_model.
 */
#include "load/hf_names.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct pair {
    const char *theirs, *gguf;
};

/* The longest that matches comes first. */
static const char *const prefixes[] = {"model.language_model.", "model."};

static const struct pair of_model[] = {
    {"embed_tokens.weight", "token_embd.weight"},
    {"embed_tokens_per_layer.weight", "per_layer_token_embd.weight"},
    {"per_layer_model_projection.weight", "per_layer_model_proj.weight"},
    {"per_layer_projection_norm.weight", "per_layer_proj_norm.weight"},
    {"norm.weight", "output_norm.weight"},
};

/* Of drafters; these stand under no prefix. */
static const struct pair of_drafter[] = {
    {"pre_projection.weight", "nextn.pre_projection.weight"},
    {"post_projection.weight", "nextn.post_projection.weight"},
    {"masked_embedding.centroids.weight", "masked_embd_centroids.weight"},
    {"masked_embedding.token_ordering", "masked_embd_ordering"},
};

static const struct pair of_layer[] = {
    {"input_layernorm.weight", "attn_norm.weight"},
    {"self_attn.q_proj.weight", "attn_q.weight"},
    {"self_attn.k_proj.weight", "attn_k.weight"},
    {"self_attn.v_proj.weight", "attn_v.weight"},
    {"self_attn.o_proj.weight", "attn_output.weight"},
    {"self_attn.q_norm.weight", "attn_q_norm.weight"},
    {"self_attn.k_norm.weight", "attn_k_norm.weight"},
    {"post_attention_layernorm.weight", "post_attention_norm.weight"},
    {"pre_feedforward_layernorm.weight", "ffn_norm.weight"},
    {"mlp.gate_proj.weight", "ffn_gate.weight"},
    {"mlp.up_proj.weight", "ffn_up.weight"},
    {"mlp.down_proj.weight", "ffn_down.weight"},
    {"post_feedforward_layernorm.weight", "post_ffw_norm.weight"},
    {"per_layer_input_gate.weight", "inp_gate.weight"},
    {"per_layer_projection.weight", "proj.weight"},
    {"post_per_layer_input_norm.weight", "post_norm.weight"},
    {"layer_scalar", "layer_output_scale.weight"},
    {"router.proj.weight", "ffn_gate_inp.weight"},
    {"router.scale", "ffn_gate_inp.scale"},
    {"router.per_expert_scale", "ffn_down_exps.scale"},
    {"experts.gate_up_proj", "ffn_gate_up_exps.weight"},
    {"experts.down_proj", "ffn_down_exps.weight"},
    {"pre_feedforward_layernorm_2.weight", "pre_ffw_norm_2.weight"},
    {"post_feedforward_layernorm_1.weight", "post_ffw_norm_1.weight"},
    {"post_feedforward_layernorm_2.weight", "post_ffw_norm_2.weight"},
};

/* If the text begins with `start`, moves past it. */
bool hf_names_take(const char **text, size_t *length, const char *start)
{
    size_t size = strlen(start);
    if (*length < size || memcmp(*text, start, size) != 0) {
        return false;
    }
    *text += size;
    *length -= size;
    return true;
}

static const char *look_up(const struct pair *pairs, size_t count, const char *name, size_t length)
{
    for (size_t i = 0; i < count; i++) {
        if (strlen(pairs[i].theirs) == length && memcmp(pairs[i].theirs, name, length) == 0) {
            return pairs[i].gguf;
        }
    }
    return NULL;
}

/* "12." with a number as layers have it: no zeros in front, at most three digits. */
bool hf_names_take_number(const char **text, size_t *length, int *number)
{
    size_t digits = 0;
    int value = 0;
    while (digits < *length && digits < 4 && (*text)[digits] >= '0' && (*text)[digits] <= '9') {
        value = value * 10 + ((*text)[digits] - '0');
        digits++;
    }
    if (digits == 0 || digits > 3 || (digits > 1 && **text == '0') || digits == *length ||
        (*text)[digits] != '.') {
        return false;
    }
    *text += digits + 1;
    *length -= digits + 1;
    *number = value;
    return true;
}

bool hf_names_translate(const char *name, size_t length, char gguf[HF_NAMES_SIZE])
{
    const char *found;
    int layer = 0;
    if (length == strlen("lm_head.weight") && memcmp(name, "lm_head.weight", length) == 0) {
        snprintf(gguf, HF_NAMES_SIZE, "output.weight");
        return true;
    }
    found = look_up(of_drafter, sizeof of_drafter / sizeof of_drafter[0], name, length);
    if (found != NULL) {
        snprintf(gguf, HF_NAMES_SIZE, "%s", found);
        return true;
    }
    if (!hf_names_take(&name, &length, prefixes[0]) &&
        !hf_names_take(&name, &length, prefixes[1])) {
        return false;
    }
    if (!hf_names_take(&name, &length, "layers.")) {
        found = look_up(of_model, sizeof of_model / sizeof of_model[0], name, length);
        if (found != NULL) {
            snprintf(gguf, HF_NAMES_SIZE, "%s", found);
        }
        return found != NULL;
    }
    if (!hf_names_take_number(&name, &length, &layer)) {
        return false;
    }
    found = look_up(of_layer, sizeof of_layer / sizeof of_layer[0], name, length);
    if (found != NULL) {
        snprintf(gguf, HF_NAMES_SIZE, "blk.%d.%s", layer, found);
    }
    return found != NULL;
}
