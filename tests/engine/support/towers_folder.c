/* towers_folder: see towers_folder.h. */
#include "support/towers_folder.h"

#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/str.h"
#include "load/gguf.h"

/* GGUF's names to theirs. A name that ends in "*" stands for a product: its matrix and limits. */
static const char *const names[][2] = {
    {"v.patch_embd.weight", "model.vision_tower.patch_embedder.input_proj.weight"},
    {"v.position_embd.weight", "model.vision_tower.patch_embedder.position_embedding_table"},
    {"v.std_bias", "model.vision_tower.std_bias"},
    {"v.std_scale", "model.vision_tower.std_scale"},
    {"mm.input_projection.weight", "model.embed_vision.embedding_projection.weight"},
    {"a.conv1d.0.weight", "model.audio_tower.subsample_conv_projection.layer0.conv.weight"},
    {"a.conv1d.0.norm.weight", "model.audio_tower.subsample_conv_projection.layer0.norm.weight"},
    {"a.conv1d.1.weight", "model.audio_tower.subsample_conv_projection.layer1.conv.weight"},
    {"a.conv1d.1.norm.weight", "model.audio_tower.subsample_conv_projection.layer1.norm.weight"},
    {"a.input_projection.weight",
     "model.audio_tower.subsample_conv_projection.input_proj_linear.weight"},
    {"a.pre_encode.out.weight", "model.audio_tower.output_proj.weight"},
    {"a.pre_encode.out.bias", "model.audio_tower.output_proj.bias"},
    {"mm.a.input_projection.weight", "model.embed_audio.embedding_projection.weight"},
};

static const char *const in_layer[][3] = {
    {"v", "ln1.weight", "input_layernorm.weight"},
    {"v", "ln2.weight", "pre_feedforward_layernorm.weight"},
    {"v", "attn_post_norm.weight", "post_attention_layernorm.weight"},
    {"v", "ffn_post_norm.weight", "post_feedforward_layernorm.weight"},
    {"v", "attn_q_norm.weight", "self_attn.q_norm.weight"},
    {"v", "attn_k_norm.weight", "self_attn.k_norm.weight"},
    {"v", "attn_q", "self_attn.q_proj"},
    {"v", "attn_k", "self_attn.k_proj"},
    {"v", "attn_v", "self_attn.v_proj"},
    {"v", "attn_out", "self_attn.o_proj"},
    {"v", "ffn_gate", "mlp.gate_proj"},
    {"v", "ffn_up", "mlp.up_proj"},
    {"v", "ffn_down", "mlp.down_proj"},
    {"a", "ffn_norm.weight", "feed_forward1.pre_layer_norm.weight"},
    {"a", "ffn_post_norm.weight", "feed_forward1.post_layer_norm.weight"},
    {"a", "ffn_norm_1.weight", "feed_forward2.pre_layer_norm.weight"},
    {"a", "ffn_post_norm_1.weight", "feed_forward2.post_layer_norm.weight"},
    {"a", "attn_pre_norm.weight", "norm_pre_attn.weight"},
    {"a", "attn_post_norm.weight", "norm_post_attn.weight"},
    {"a", "ln2.weight", "norm_out.weight"},
    {"a", "attn_k_rel.weight", "self_attn.relative_k_proj.weight"},
    {"a", "per_dim_scale.weight", "self_attn.per_dim_scale"},
    {"a", "conv_norm.weight", "lconv1d.pre_layer_norm.weight"},
    {"a", "norm_conv.weight", "lconv1d.conv_norm.weight"},
    {"a", "conv_dw.weight", "lconv1d.depthwise_conv1d.weight"},
    {"a", "ffn_up", "feed_forward1.ffw_layer_1"},
    {"a", "ffn_down", "feed_forward1.ffw_layer_2"},
    {"a", "ffn_up_1", "feed_forward2.ffw_layer_1"},
    {"a", "ffn_down_1", "feed_forward2.ffw_layer_2"},
    {"a", "attn_q", "self_attn.q_proj"},
    {"a", "attn_k", "self_attn.k_proj"},
    {"a", "attn_v", "self_attn.v_proj"},
    {"a", "attn_out", "self_attn.post"},
    {"a", "conv_pw1", "lconv1d.linear_start"},
    {"a", "conv_pw2", "lconv1d.linear_end"},
};

static void translate(const char *gguf, char *theirs, size_t size)
{
    static const char weight[] = ".weight";
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(names[i][0], gguf) == 0) {
            snprintf(theirs, size, "%s", names[i][1]);
            return;
        }
    }
    char side[2] = "", role[64] = "";
    int layer = 0;
    assert_int_equal(sscanf(gguf, "%1[av].blk.%d.%63s", side, &layer, role), 3);
    const char *tower = side[0] == 'v' ? "vision_tower.encoder" : "audio_tower";
    for (size_t i = 0; i < sizeof in_layer / sizeof in_layer[0]; i++) {
        size_t length = strlen(in_layer[i][1]);
        if (strcmp(in_layer[i][0], side) != 0 || strncmp(in_layer[i][1], role, length) != 0 ||
            (role[length] != '\0' && role[length] != '.')) {
            continue;
        }
        const char *end = role + length;
        snprintf(theirs, size, "model.%s.layers.%d.%s%s%s", tower, layer, in_layer[i][2],
                 strcmp(end, weight) == 0 ? ".linear" : "", end);
        return;
    }
    fail_msg("%s has no name there", gguf);
}

/* --- values --- */

/* Where value i of theirs lies in GGUF's tensor. */
static size_t place(const struct gguf_tensor *tensor, size_t i)
{
    if (strcmp(tensor->name, "v.patch_embd.weight") != 0) {
        return i;
    }
    size_t row = i / 768, channel = i % 3, pixel = i % 768 / 3;
    return row * 768 + channel * 256 + pixel;
}

static void append_values(struct str *data, const struct gguf_tensor *tensor)
{
    const bool scale = strstr(tensor->name, "per_dim_scale") != NULL;
    size_t count = (size_t)(tensor->bytes / (tensor->type == QUANT_F32 ? 4 : 2));
    for (size_t i = 0; i < count; i++) {
        uint32_t bits = 0;
        uint16_t half;
        if (tensor->type != QUANT_F32) { /* as it is */
            str_append_bytes(data, tensor->data + 2 * place(tensor, i), 2);
            continue;
        }
        memcpy(&bits, tensor->data + 4 * place(tensor, i), 4);
        if (scale) { /* before softplus, which is no bfloat16 any more */
            float value;
            memcpy(&value, &bits, sizeof value);
            value = logf(expm1f(value));
            str_append_bytes(data, (const char *)&value, sizeof value);
            continue;
        }
        assert_int_equal(bits & 0xFFFF, 0);
        half = (uint16_t)(bits >> 16);
        str_append_bytes(data, (const char *)&half, sizeof half);
    }
}

static void append_tensor(struct str *header, struct str *data, const struct gguf_tensor *tensor)
{
    char name[160], shape[96] = "";
    size_t begin = data->length, used = 0;
    translate(tensor->name, name, sizeof name);
    append_values(data, tensor);
    if (strstr(tensor->name, ".conv_dw.") != NULL) {
        snprintf(shape, sizeof shape, "%" PRIu64 ",1,5", tensor->ne[1]);
    } else if (strcmp(tensor->name, "v.patch_embd.weight") == 0) {
        snprintf(shape, sizeof shape, "%" PRIu64 ",768", tensor->ne[3]);
    } else if (strstr(tensor->name, "put_m") == NULL) { /* limits have no dimensions */
        for (uint32_t i = tensor->dimension_count; i-- > 0;) {
            used += (size_t)snprintf(shape + used, sizeof shape - used, "%s%" PRIu64,
                                     used > 0 ? "," : "", tensor->ne[i]);
        }
    }
    str_append_format(header,
                      "%s\"%s\":{\"dtype\":\"%s\",\"shape\":[%s],\"data_offsets\":[%zu,%zu]}",
                      header->length > 1 ? "," : "", name,
                      strstr(tensor->name, "per_dim_scale") != NULL ? "F32"
                      : tensor->type == QUANT_F16                   ? "F16"
                                                                    : "BF16",
                      shape, begin, data->length);
}

/* --- files --- */

static int integer(const struct gguf *gguf, const char *key)
{
    int64_t value = 0;
    struct err err;
    assert_true(gguf_integer(gguf, key, &value, &err));
    return (int)value;
}

static void append_config(struct str *config, const struct gguf *gguf)
{
    if (gguf_has(gguf, "clip.has_vision_encoder")) {
        str_append_format(config,
                          "\"vision_config\":{\"hidden_size\":%d,\"intermediate_size\":%d,"
                          "\"num_hidden_layers\":%d,\"num_attention_heads\":%d,\"patch_size\":16,"
                          "\"pooling_kernel_size\":3,\"rms_norm_eps\":1e-06,\"rope_parameters\":"
                          "{\"rope_theta\":100.0,\"rope_type\":\"axial\"}},",
                          integer(gguf, "clip.vision.embedding_length"),
                          integer(gguf, "clip.vision.feed_forward_length"),
                          integer(gguf, "clip.vision.block_count"),
                          integer(gguf, "clip.vision.attention.head_count"));
    }
    if (gguf_has(gguf, "clip.has_audio_encoder")) {
        str_append_format(config,
                          "\"audio_config\":{\"hidden_size\":%d,\"num_hidden_layers\":%d,"
                          "\"num_attention_heads\":%d,\"attention_context_left\":13,"
                          "\"residual_weight\":0.5,\"hidden_act\":\"silu\"},",
                          integer(gguf, "clip.audio.embedding_length"),
                          integer(gguf, "clip.audio.block_count"),
                          integer(gguf, "clip.audio.attention.head_count"));
    }
}

static void write_file(const char *folder, const char *name, const struct str *head,
                       const struct str *rest)
{
    char path[TOWERS_FOLDER_PATH + 32];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(head->data, 1, head->length, file), head->length);
    if (rest != NULL) {
        assert_int_equal(fwrite(rest->data, 1, rest->length, file), rest->length);
    }
    assert_int_equal(fclose(file), 0);
}

void towers_folder_configure(const char *path, const char *config)
{
    struct str text;
    str_init(&text);
    str_append(&text, config);
    write_file(path, "config.json", &text, NULL);
    str_finish(&text);
}

void towers_folder_make(char path[TOWERS_FOLDER_PATH], const char *const *ggufs, size_t count)
{
    struct str header, data, config, whole;
    int width = 0;
    str_init(&header);
    str_init(&data);
    str_init(&config);
    str_init(&whole);
    str_append(&header, "{");
    str_append(&config, "{");
    for (size_t i = 0; i < count; i++) {
        struct err err;
        struct gguf *gguf = gguf_open(ggufs[i], &err);
        assert_non_null(gguf);
        width = integer(gguf, gguf_has(gguf, "clip.vision.projection_dim")
                                  ? "clip.vision.projection_dim"
                                  : "clip.audio.projection_dim");
        append_config(&config, gguf);
        for (size_t t = 0; t < gguf_tensor_count(gguf); t++) {
            append_tensor(&header, &data, gguf_tensor_at(gguf, t));
        }
        gguf_close(gguf);
    }
    str_append_format(&config, "\"text_config\":{\"hidden_size\":%d}}", width);
    str_append(&header, "}");
    while (header.length % 8 != 0) {
        str_append_char(&header, ' ');
    }
    uint64_t size = header.length;
    str_append_bytes(&whole, (const char *)&size, sizeof size);
    str_append_bytes(&whole, header.data, header.length);
    snprintf(path, TOWERS_FOLDER_PATH, "/tmp/carat-towers-XXXXXX");
    assert_non_null(mkdtemp(path));
    write_file(path, "config.json", &config, NULL);
    write_file(path, "model.safetensors", &whole, &data);
    str_finish(&header);
    str_finish(&data);
    str_finish(&config);
    str_finish(&whole);
}

void towers_folder_remove(const char *path)
{
    static const char *const files[] = {"config.json", "model.safetensors"};
    for (size_t i = 0; i < 2; i++) {
        char file[TOWERS_FOLDER_PATH + 32];
        snprintf(file, sizeof file, "%s/%s", path, files[i]);
        unlink(file);
    }
    rmdir(path);
}
