/* tiny_audio: see tiny_audio.h. */
#include "tiny_audio.h"

#include <stdint.h>

#include "load/quant.h"
#include "support/gguf_writer.h"

static const struct {
    const char *name;
    uint64_t ne[4]; /* 0 ends them */
} tensors[] = {
    {"a.conv1d.0.weight", {3, 3, 1, 2}},
    {"a.conv1d.0.norm.weight", {2}},
    {"a.conv1d.1.weight", {3, 3, 2, 2}},
    {"a.conv1d.1.norm.weight", {2}},
    {"a.input_projection.weight", {64, 4}},
    {"a.pre_encode.out.weight", {4, 6}},
    {"a.pre_encode.out.bias", {6}},
    {"mm.a.input_projection.weight", {6, 8}},
#define LAYER(N)                                                                               \
    {"a.blk." N ".ffn_norm.weight", {4}}, {"a.blk." N ".ffn_post_norm.weight", {4}},           \
        {"a.blk." N ".ffn_up.weight", {4, 4}}, {"a.blk." N ".ffn_down.weight", {4, 4}},        \
        {"a.blk." N ".ffn_norm_1.weight", {4}}, {"a.blk." N ".ffn_post_norm_1.weight", {4}},   \
        {"a.blk." N ".ffn_up_1.weight", {4, 4}}, {"a.blk." N ".ffn_down_1.weight", {4, 4}},    \
        {"a.blk." N ".attn_pre_norm.weight", {4}}, {"a.blk." N ".attn_post_norm.weight", {4}}, \
        {"a.blk." N ".ln2.weight", {4}}, {"a.blk." N ".attn_q.weight", {4, 4}},                \
        {"a.blk." N ".attn_k.weight", {4, 4}}, {"a.blk." N ".attn_v.weight", {4, 4}},          \
        {"a.blk." N ".attn_out.weight", {4, 4}}, {"a.blk." N ".attn_k_rel.weight", {4, 4}},    \
        {"a.blk." N ".per_dim_scale.weight", {2}}, {"a.blk." N ".conv_norm.weight", {4}},      \
        {"a.blk." N ".norm_conv.weight", {4}}, {"a.blk." N ".conv_pw1.weight", {4, 8}},        \
        {"a.blk." N ".conv_dw.weight", {5, 4}},                                                \
    {                                                                                          \
        "a.blk." N ".conv_pw2.weight",                                                         \
        {                                                                                      \
            4, 4                                                                               \
        }                                                                                      \
    }
    LAYER("0"),
    LAYER("1"),
};

enum { TENSOR_COUNT = sizeof tensors / sizeof tensors[0], VALUES_MAX = 512 };

const char *tiny_audio_tensor(size_t index)
{
    return index < TENSOR_COUNT ? tensors[index].name : NULL;
}

void tiny_audio_write(struct gguf_writer *writer)
{
    float values[VALUES_MAX];
    for (size_t i = 0; i < VALUES_MAX; i++) {
        values[i] = (float)(i * 37 % 41) / 41.0f - 0.45f;
    }
    gguf_writer_string(writer, "general.architecture", "clip");
    gguf_writer_bool(writer, "clip.has_audio_encoder", true);
    gguf_writer_string(writer, "clip.audio.projector_type", "gemma4a");
    gguf_writer_u32(writer, "clip.audio.num_mel_bins", 128);
    gguf_writer_u32(writer, "clip.audio.embedding_length", 4);
    gguf_writer_u32(writer, "clip.audio.feed_forward_length", 4);
    gguf_writer_u32(writer, "clip.audio.block_count", 2);
    gguf_writer_u32(writer, "clip.audio.attention.head_count", 2);
    gguf_writer_u32(writer, "clip.audio.projection_dim", 8);
    for (size_t i = 0; i < TENSOR_COUNT; i++) {
        const uint64_t *ne = tensors[i].ne;
        uint32_t dimensions = 0;
        size_t count = 1;
        while (dimensions < 4 && ne[dimensions] != 0) {
            count *= ne[dimensions++];
        }
        gguf_writer_tensor(writer, tensors[i].name, QUANT_F32, dimensions, ne, values,
                           count * sizeof *values);
    }
    static const float least = -2, most = 1.75f;
    static const uint64_t one[] = {1};
    gguf_writer_tensor(writer, "a.blk.0.attn_q.input_min", QUANT_F32, 1, one, &least, sizeof least);
    gguf_writer_tensor(writer, "a.blk.0.attn_q.input_max", QUANT_F32, 1, one, &most, sizeof most);
}
