#include "tiny_model.h"

#include <stdio.h>
#include <string.h>

#include "gguf_writer.h"
#include "load/gguf.h"

/* Type 4 on <|turn>, 1 on <eos> and 3 on a word of its own: as published files are wrong or odd. */
static const struct {
    const char *spelling;
    int32_t type;
} first_tokens[] = {
    {"<pad>", 3},   {"<eos>", 1},   {"<bos>", 3},        {"<unk>", 2},
    {"<|turn>", 4}, {"<turn|>", 3}, {"<|tool_call>", 4}, {"<tool_call|>", 4},
    {"<|\"|>", 4},  {"<start>", 3}, {"<start>er", 3},    {"<unused7>", 5},
};
static const char *const last_tokens[] = {
    "\xE2\x96\x81",
    "\xE2\x96\x81\xE2\x96\x81",
    "\n",
    "\n\n",
    "a",
    "b",
    "c",
    "<",
    ">",
    "|",
    "t",
    "u",
    "r",
    "n",
    "0",
    "x",
    "A",
    "ab",
    "bc",
    "abc",
    "\xE2\x96\x81"
    "a",
    "\xE2\x96\x81"
    "abc",
    "\xC3\xA9",
    "tu",
    "tur",
    "turn",
    "</s>",
    "<|",
};
/* The later ones would make control and byte tokens, or things that are no tokens. */
static const char *const merges[] = {
    "\n \n",
    "\xE2\x96\x81 \xE2\x96\x81",
    "b c",
    "a b",
    "a bc",
    "ab c",
    "\xE2\x96\x81 a",
    "\xE2\x96\x81 abc",
    "t u",
    "tu r",
    "tur n",
    "< |",
    "<| turn",
    "<|turn >",
    "c a",
    "zz a",
    "< 0xA",
    "<0xA A>",
    "<0xAA >",
};

enum {
    FIRST = sizeof first_tokens / sizeof first_tokens[0],
    LAST = sizeof last_tokens / sizeof last_tokens[0],
    TOKENS = FIRST + 256 + LAST,
};

size_t tiny_model_tokens(void)
{
    return TOKENS;
}

void tiny_model_vocabulary(struct gguf_writer *writer)
{
    static char byte_spellings[256][8];
    const char *spellings[TOKENS];
    int32_t types[TOKENS];
    for (size_t i = 0; i < TOKENS; i++) {
        if (i < FIRST) {
            spellings[i] = first_tokens[i].spelling;
            types[i] = first_tokens[i].type;
        } else if (i < FIRST + 256) {
            snprintf(byte_spellings[i - FIRST], 8, "<0x%02X>", (unsigned)(i - FIRST));
            spellings[i] = byte_spellings[i - FIRST];
            types[i] = 6;
        } else {
            spellings[i] = last_tokens[i - FIRST - 256];
            types[i] = 1;
        }
    }
    gguf_writer_string(writer, "tokenizer.ggml.model", "gemma4");
    gguf_writer_strings(writer, "tokenizer.ggml.tokens", spellings, TOKENS);
    gguf_writer_i32s(writer, "tokenizer.ggml.token_type", types, TOKENS);
    gguf_writer_strings(writer, "tokenizer.ggml.merges", merges, sizeof merges / sizeof merges[0]);
    gguf_writer_u32(writer, "tokenizer.ggml.bos_token_id", 2);
    gguf_writer_u32(writer, "tokenizer.ggml.eos_token_id", 1);
}

void tiny_model_hparams(struct gguf_writer *writer)
{
    static const bool sliding[TINY_LAYERS] = {true, false, true, false};
    gguf_writer_string(writer, "general.architecture", "gemma4");
    gguf_writer_string(writer, "general.name", "tiny");
    gguf_writer_u32(writer, "gemma4.block_count", TINY_LAYERS);
    gguf_writer_u32(writer, "gemma4.context_length", 64);
    gguf_writer_u32(writer, "gemma4.embedding_length", TINY_HIDDEN);
    gguf_writer_u32(writer, "gemma4.feed_forward_length", TINY_FEED_FORWARD);
    gguf_writer_u32(writer, "gemma4.attention.head_count", TINY_HEADS);
    gguf_writer_u32(writer, "gemma4.attention.head_count_kv", 1);
    gguf_writer_f32(writer, "gemma4.attention.layer_norm_rms_epsilon", 1e-6f);
    gguf_writer_u32(writer, "gemma4.attention.key_length", 8);
    gguf_writer_u32(writer, "gemma4.attention.value_length", 8);
    gguf_writer_u32(writer, "gemma4.attention.key_length_swa", 4);
    gguf_writer_u32(writer, "gemma4.attention.value_length_swa", 4);
    gguf_writer_u32(writer, "gemma4.attention.sliding_window", 4);
    gguf_writer_bools(writer, "gemma4.attention.sliding_window_pattern", sliding, TINY_LAYERS);
    gguf_writer_u32(writer, "gemma4.attention.shared_kv_layers", 2);
    gguf_writer_u32(writer, "gemma4.embedding_length_per_layer_input", TINY_WIDTH);
    gguf_writer_f32(writer, "gemma4.final_logit_softcapping", 30.0f);
}

static void layer_weights(struct gguf_writer *writer, int number)
{
    uint64_t head_dim = number % 2 == 0 ? 4 : 8;
    bool shares = number >= 2;
    const struct {
        const char *role;
        uint64_t columns, rows;
        bool only_own;
    } tensors[] = {
        {"attn_norm", TINY_HIDDEN, 0, false},
        {"attn_q", TINY_HIDDEN, TINY_HEADS * head_dim, false},
        {"attn_k", TINY_HIDDEN, head_dim, true},
        {"attn_v", TINY_HIDDEN, head_dim, true},
        {"attn_q_norm", head_dim, 0, false},
        {"attn_k_norm", head_dim, 0, true},
        {"attn_output", TINY_HEADS * head_dim, TINY_HIDDEN, false},
        {"post_attention_norm", TINY_HIDDEN, 0, false},
        {"ffn_norm", TINY_HIDDEN, 0, false},
        {"ffn_gate", TINY_HIDDEN, TINY_FEED_FORWARD, false},
        {"ffn_up", TINY_HIDDEN, TINY_FEED_FORWARD, false},
        {"ffn_down", TINY_FEED_FORWARD, TINY_HIDDEN, false},
        {"post_ffw_norm", TINY_HIDDEN, 0, false},
        {"inp_gate", TINY_HIDDEN, TINY_WIDTH, false},
        {"proj", TINY_WIDTH, TINY_HIDDEN, false},
        {"post_norm", TINY_HIDDEN, 0, false},
        {"layer_output_scale", 1, 0, false},
    };
    for (size_t i = 0; i < sizeof tensors / sizeof tensors[0]; i++) {
        char name[64];
        snprintf(name, sizeof name, "blk.%d.%s.weight", number, tensors[i].role);
        if (!shares || !tensors[i].only_own) {
            gguf_writer_floats(writer, name, tensors[i].columns, tensors[i].rows);
        }
    }
}

void tiny_model_weights(struct gguf_writer *writer)
{
    gguf_writer_floats(writer, "token_embd.weight", TINY_HIDDEN, TOKENS);
    gguf_writer_floats(writer, "output_norm.weight", TINY_HIDDEN, 0);
    gguf_writer_floats(writer, "per_layer_token_embd.weight", TINY_LAYERS * TINY_WIDTH, TOKENS);
    gguf_writer_floats(writer, "per_layer_model_proj.weight", TINY_HIDDEN,
                       TINY_LAYERS * TINY_WIDTH);
    gguf_writer_floats(writer, "per_layer_proj_norm.weight", TINY_WIDTH, 0);
    for (int i = 0; i < TINY_LAYERS; i++) {
        layer_weights(writer, i);
    }
}

/* ne[2] experts of ne[1] rows: row r of expert e is row from + r of as many as `of` that each has.
 */
static void expert_weights(struct gguf_writer *writer, int layer, const char *role,
                           const uint64_t ne[3], uint64_t from, uint64_t of)
{
    float values[TINY_EXPERTS * 2 * TINY_EXPERT_WIDTH * TINY_HIDDEN];
    char name[64];
    size_t count = 0;
    for (uint64_t e = 0; e < ne[2]; e++) {
        for (uint64_t r = 0; r < ne[1]; r++) {
            for (uint64_t c = 0; c < ne[0]; c++) {
                uint64_t number = ((e * of + from + r) * ne[0] + c) * 29 % 23;
                values[count++] = (float)number / 16.0f - 0.7f;
            }
        }
    }
    snprintf(name, sizeof name, "blk.%d.%s.weight", layer, role);
    gguf_writer_tensor(writer, name, QUANT_F32, 3, ne, values, count * sizeof *values);
}

void tiny_model_experts(struct gguf_writer *writer, bool split)
{
    static const struct {
        const char *name;
        uint64_t columns, rows;
    } tensors[] = {
        {"ffn_gate_inp.weight", TINY_HIDDEN, TINY_EXPERTS},
        {"ffn_gate_inp.scale", TINY_HIDDEN, 0},
        {"ffn_down_exps.scale", TINY_EXPERTS, 0},
        {"post_ffw_norm_1.weight", TINY_HIDDEN, 0},
        {"pre_ffw_norm_2.weight", TINY_HIDDEN, 0},
        {"post_ffw_norm_2.weight", TINY_HIDDEN, 0},
    };
    const uint64_t one[] = {TINY_HIDDEN, TINY_EXPERT_WIDTH, TINY_EXPERTS};
    const uint64_t both[] = {TINY_HIDDEN, 2 * TINY_EXPERT_WIDTH, TINY_EXPERTS};
    const uint64_t down[] = {TINY_EXPERT_WIDTH, TINY_HIDDEN, TINY_EXPERTS};
    gguf_writer_u32(writer, "gemma4.expert_count", TINY_EXPERTS);
    gguf_writer_u32(writer, "gemma4.expert_used_count", 2);
    gguf_writer_u32(writer, "gemma4.expert_feed_forward_length", TINY_EXPERT_WIDTH);
    for (int layer = 0; layer < TINY_LAYERS; layer++) {
        for (size_t i = 0; i < sizeof tensors / sizeof tensors[0]; i++) {
            char name[64];
            snprintf(name, sizeof name, "blk.%d.%s", layer, tensors[i].name);
            gguf_writer_floats(writer, name, tensors[i].columns, tensors[i].rows);
        }
        if (split) {
            expert_weights(writer, layer, "ffn_gate_exps", one, 0, 2 * TINY_EXPERT_WIDTH);
            expert_weights(writer, layer, "ffn_up_exps", one, TINY_EXPERT_WIDTH,
                           2 * TINY_EXPERT_WIDTH);
        } else {
            expert_weights(writer, layer, "ffn_gate_up_exps", both, 0, 2 * TINY_EXPERT_WIDTH);
        }
        expert_weights(writer, layer, "ffn_down_exps", down, 0, TINY_HIDDEN);
    }
}

void tiny_model_write(struct gguf_writer *writer)
{
    tiny_model_hparams(writer);
    tiny_model_vocabulary(writer);
    tiny_model_weights(writer);
}
