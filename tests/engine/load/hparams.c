/* The five published sizes, the ways a file may write them, and each value out of its range. */
#include "load/hparams.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"

#include "load/gguf.h"
#include "support/gguf_writer.h"
#include "support/tiny_model.h"

static bool read_from(struct gguf_writer *w, struct hparams *hparams, struct err *err)
{
    size_t size;
    const unsigned char *bytes = gguf_writer_finish(w, &size);
    struct gguf *gguf = gguf_open_bytes("x.gguf", bytes, size, err);
    bool ok = gguf != NULL && hparams_read(hparams, gguf, err);
    gguf_close(gguf);
    return ok;
}

static void expect(struct gguf_writer *w, struct hparams *hparams)
{
    struct err err = {0};
    if (!read_from(w, hparams, &err)) {
        fail_msg("%s", err.text);
    }
    gguf_writer_free(w);
    gguf_writer_init(w);
}

/* --- the published sizes --- */

struct size {
    const char *name;
    uint32_t layers, hidden, heads, kv_sliding, kv_full, feed_forward, window, shared, per_layer,
        period; /* every so many-th layer is full */
    bool double_wide;
};
static const struct size sizes[] = {
    {"E2B", 35, 1536, 8, 1, 1, 6144, 512, 20, 256, 5, true},
    {"E4B", 42, 2560, 8, 2, 2, 10240, 512, 18, 256, 6, false},
    {"12B", 48, 3840, 16, 8, 1, 15360, 1024, 0, 0, 6, false},
    {"31B", 60, 5376, 32, 16, 4, 21504, 1024, 0, 0, 6, false},
    {"26B-A4B", 30, 2816, 16, 8, 2, 2112, 1024, 0, 0, 6, false},
};

static void write_size(struct gguf_writer *w, const struct size *s)
{
    bool sliding[64];
    int32_t kv[64], widths[64];
    for (uint32_t i = 0; i < s->layers; i++) {
        sliding[i] = (i + 1) % s->period != 0;
        kv[i] = (int32_t)(sliding[i] ? s->kv_sliding : s->kv_full);
        widths[i] = (int32_t)(i >= s->layers - s->shared && s->double_wide ? 2 * s->feed_forward
                                                                           : s->feed_forward);
    }
    gguf_writer_string(w, "general.architecture", "gemma4");
    gguf_writer_u32(w, "gemma4.block_count", s->layers);
    gguf_writer_u32(w, "gemma4.context_length", 131072);
    gguf_writer_u32(w, "gemma4.embedding_length", s->hidden);
    if (s->double_wide) {
        gguf_writer_i32s(w, "gemma4.feed_forward_length", widths, s->layers);
    } else {
        gguf_writer_u32(w, "gemma4.feed_forward_length", s->feed_forward);
    }
    gguf_writer_u32(w, "gemma4.attention.head_count", s->heads);
    if (s->kv_sliding != s->kv_full) {
        gguf_writer_i32s(w, "gemma4.attention.head_count_kv", kv, s->layers);
    } else {
        gguf_writer_u32(w, "gemma4.attention.head_count_kv", s->kv_full);
    }
    gguf_writer_f32(w, "gemma4.attention.layer_norm_rms_epsilon", 1e-6f);
    gguf_writer_u32(w, "gemma4.attention.key_length", 512);
    gguf_writer_u32(w, "gemma4.attention.value_length", 512);
    gguf_writer_u32(w, "gemma4.attention.key_length_swa", 256);
    gguf_writer_u32(w, "gemma4.attention.value_length_swa", 256);
    gguf_writer_u32(w, "gemma4.rope.dimension_count", 512);
    gguf_writer_u32(w, "gemma4.rope.dimension_count_swa", 256);
    gguf_writer_f32(w, "gemma4.rope.freq_base", 1e6f);
    gguf_writer_f32(w, "gemma4.rope.freq_base_swa", 1e4f);
    gguf_writer_u32(w, "gemma4.attention.sliding_window", s->window);
    gguf_writer_bools(w, "gemma4.attention.sliding_window_pattern", sliding, s->layers);
    gguf_writer_u32(w, "gemma4.attention.shared_kv_layers", s->shared);
    gguf_writer_u32(w, "gemma4.embedding_length_per_layer_input", s->per_layer);
    gguf_writer_f32(w, "gemma4.final_logit_softcapping", 30.0f);
    tiny_model_vocabulary(w);
}

static void reads_the_published_sizes(void **state)
{
    (void)state;
    struct gguf_writer w;
    static struct hparams h;
    gguf_writer_init(&w);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        const struct size *s = &sizes[i];
        write_size(&w, s);
        expect(&w, &h);
        int32_t first = (int32_t)(s->layers - s->shared), full = -1, sliding = -1;
        assert_int_equal(h.num_hidden_layers, s->layers);
        assert_int_equal(h.hidden_size, s->hidden);
        assert_int_equal(h.vocab_size, tiny_model_tokens());
        assert_int_equal(h.num_attention_heads, s->heads);
        assert_int_equal(h.hidden_size_per_layer_input, s->per_layer);
        assert_int_equal(h.num_kv_shared_layers, s->shared);
        assert_int_equal(h.sliding_window, s->window);
        assert_int_equal(h.context_length, 131072);
        assert_int_equal(h.rope_rotating_pairs_full, 64);
        assert_true(h.rope_theta_full == 1e6f && h.rope_theta_sliding == 1e4f);
        assert_true(h.rms_norm_eps == 1e-6f && h.final_logit_softcapping == 30.0f);
        for (int32_t l = 0; l < h.num_hidden_layers; l++) {
            const struct hparams_layer *layer = &h.layers[l];
            assert_int_equal(layer->sliding, (l + 1) % (int32_t)s->period != 0);
            assert_int_equal(layer->head_dim, layer->sliding ? 256 : 512);
            assert_int_equal(layer->num_key_value_heads,
                             layer->sliding ? s->kv_sliding : s->kv_full);
            assert_int_equal(layer->intermediate_size,
                             s->double_wide && l >= first ? 12288 : s->feed_forward);
            assert_int_equal(layer->shares_kv, l >= first);
            if (l < first) {
                *(layer->sliding ? &sliding : &full) = l;
            }
            assert_int_equal(layer->kv_layer, l < first ? l : layer->sliding ? sliding : full);
            /* There are no tensors in this file: every full layer looks as if it had no V. */
            assert_int_equal(layer->k_eq_v, !layer->sliding && l < first);
        }
        if (i == 0) {
            assert_true(h.layers[33].kv_layer == 13 && h.layers[34].kv_layer == 14);
        } else if (i == 1) {
            assert_true(h.layers[24].kv_layer == 22 && h.layers[41].kv_layer == 23);
        }
    }
    gguf_writer_free(&w);
}

static void takes_scalars_for_arrays_and_arrays_for_scalars(void **state)
{
    (void)state;
    static struct hparams scalars, arrays;
    const int32_t heads[] = {2, 2, 2, 2}, ones[] = {1, 1, 1, 1}, eights[] = {8, 8, 8, 8};
    const int32_t pattern[] = {1, 0, 1, 0};
    struct gguf_writer w;
    gguf_writer_init(&w);
    tiny_model_write(&w);
    expect(&w, &scalars);
    gguf_writer_i32s(&w, "gemma4.attention.head_count", heads, 4);
    gguf_writer_i32s(&w, "gemma4.attention.head_count_kv", ones, 4);
    gguf_writer_i32s(&w, "gemma4.feed_forward_length", eights, 4);
    gguf_writer_i32s(&w, "gemma4.attention.key_length", eights, 4);
    gguf_writer_i32s(&w, "gemma4.attention.sliding_window_pattern", pattern, 4);
    tiny_model_write(&w);
    expect(&w, &arrays);
    assert_memory_equal(&scalars, &arrays, sizeof scalars);

    gguf_writer_bool(&w, "gemma4.attention.sliding_window_pattern", true);
    gguf_writer_u32(&w, "gemma4.attention.shared_kv_layers", 1);
    tiny_model_write(&w);
    expect(&w, &arrays);
    for (int i = 0; i < 4; i++) {
        assert_true(arrays.layers[i].sliding && arrays.layers[i].head_dim == 4);
    }
    gguf_writer_free(&w);
}

static void fills_in_what_is_not_said(void **state)
{
    (void)state;
    static const char *const optional[] = {
        "gemma4.context_length",
        "gemma4.attention.layer_norm_rms_epsilon",
        "gemma4.attention.key_length",
        "gemma4.attention.value_length",
        "gemma4.attention.key_length_swa",
        "gemma4.attention.value_length_swa",
        "gemma4.attention.sliding_window",
        "gemma4.attention.sliding_window_pattern",
        "gemma4.attention.shared_kv_layers",
        "gemma4.embedding_length_per_layer_input",
        "gemma4.final_logit_softcapping",
    };
    static struct hparams h;
    struct gguf_writer w;
    gguf_writer_init(&w);
    for (size_t i = 0; i < sizeof optional / sizeof optional[0]; i++) {
        gguf_writer_omit(&w, optional[i]);
    }
    gguf_writer_u32(&w, "gemma4.block_count", 8);
    tiny_model_hparams(&w);
    tiny_model_vocabulary(&w);
    expect(&w, &h);
    assert_int_equal(h.context_length, 131072);
    assert_true(h.rms_norm_eps == 1e-6f && h.final_logit_softcapping == 0.0f);
    assert_true(h.rope_theta_full == 1e6f && h.rope_theta_sliding == 1e4f);
    assert_int_equal(h.sliding_window, 512);
    assert_true(h.num_kv_shared_layers == 0 && h.hidden_size_per_layer_input == 0);
    for (int i = 0; i < 8; i++) {
        assert_int_equal(h.layers[i].sliding, i != 5 && i != 7); /* each sixth, and the last */
        assert_int_equal(h.layers[i].head_dim, h.layers[i].sliding ? 256 : 512);
    }
    gguf_writer_free(&w);
}

/* --- from the tensors --- */

static void finds_out_where_v_is_k(void **state)
{
    (void)state;
    static struct hparams h;
    struct gguf_writer w;
    gguf_writer_init(&w);
    tiny_model_write(&w);
    expect(&w, &h);
    assert_false(h.layers[1].k_eq_v);
    gguf_writer_omit(&w, "blk.1.attn_v.weight");
    tiny_model_write(&w);
    expect(&w, &h);
    assert_true(h.layers[1].k_eq_v);
    assert_false(h.layers[3].k_eq_v);            /* has none of its own at all */
    gguf_writer_omit(&w, "blk.0.attn_v.weight"); /* sliding layers always have one */
    gguf_writer_omit(&w, "blk.1.attn_v.weight");
    gguf_writer_floats(&w, "blk.1.attn_qkv.weight", 8, 32);
    tiny_model_write(&w);
    expect(&w, &h);
    assert_false(h.layers[0].k_eq_v);
    assert_false(h.layers[1].k_eq_v);
    gguf_writer_free(&w);
}

static void check_refusal(struct gguf_writer *w, enum err_code code, const char *part)
{
    static struct hparams h, before;
    struct err err = {0};
    memset(&h, 0x5A, sizeof h);
    before = h;
    bool ok = read_from(w, &h, &err);
    if (ok || err.code != code || strncmp(err.text, "x.gguf: ", 8) != 0 ||
        strstr(err.text, part) == NULL) {
        fail_msg("code %d, \"%s\"; must say \"%s\"", err.code, err.text, part);
    }
    assert_memory_equal(&h, &before, sizeof h);
    gguf_writer_free(w);
    gguf_writer_init(w);
}

static void counts_rotating_pairs(void **state)
{
    (void)state;
    static struct hparams h;
    const uint64_t four[] = {4}, three[] = {3};
    const float two_rotate[] = {1.0f, 1.0f, 1e30f, 1e30f}, scaled[] = {1.0f, 2.0f, 1e30f, 1e30f};
    const float late[] = {1.0f, 1e30f, 1.0f, 1e30f}, nan[] = {1.0f, NAN, 1e30f, 1e30f};
    struct gguf_writer w;
    gguf_writer_init(&w);
    tiny_model_write(&w);
    expect(&w, &h);
    assert_int_equal(h.rope_rotating_pairs_full, 1); /* a quarter of 8, two a pair */
    gguf_writer_tensor(&w, "rope_freqs.weight", QUANT_F32, 1, four, two_rotate, 16);
    tiny_model_write(&w);
    expect(&w, &h);
    assert_int_equal(h.rope_rotating_pairs_full, 2);
    gguf_writer_tensor(&w, "rope_freqs.weight", QUANT_F32, 1, four, scaled, 16);
    tiny_model_write(&w);
    check_refusal(&w, ERR_UNSUPPORTED, "scales pair 1 by 1/2");
    gguf_writer_tensor(&w, "rope_freqs.weight", QUANT_F32, 1, four, late, 16);
    tiny_model_write(&w);
    check_refusal(&w, ERR_UNSUPPORTED, "scales pair 2");
    gguf_writer_tensor(&w, "rope_freqs.weight", QUANT_F32, 1, four, nan, 16);
    tiny_model_write(&w);
    check_refusal(&w, ERR_UNSUPPORTED, "scales pair 1");
    gguf_writer_tensor(&w, "rope_freqs.weight", QUANT_F32, 1, three, two_rotate, 12);
    tiny_model_write(&w);
    check_refusal(&w, ERR_FORMAT, "rope_freqs.weight must be 4 values");
    gguf_writer_free(&w);
}

/* --- refusals --- */

static void refuses_numbers_out_of_range(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        int64_t value;
    } cases[] = {
        {"gemma4.block_count", 0},
        {"gemma4.block_count", 257},
        {"gemma4.block_count", -1},
        {"gemma4.embedding_length", 0},
        {"gemma4.embedding_length", 65537},
        {"gemma4.embedding_length_per_layer_input", 8193},
        {"gemma4.attention.shared_kv_layers", -1},
        {"gemma4.attention.shared_kv_layers", 256},
        {"gemma4.attention.sliding_window", 0},
        {"gemma4.context_length", 0},
        {"gemma4.context_length", (1 << 21) + 1},
        {"gemma4.expert_count", 1025},
        {"gemma4.attention.head_count", 0},
        {"gemma4.attention.head_count", 1025},
        {"gemma4.attention.head_count_kv", 0},
        {"gemma4.feed_forward_length", 0},
        {"gemma4.feed_forward_length", INT64_MAX},
        {"gemma4.attention.key_length", 1},
        {"gemma4.attention.key_length", 1026},
        {"gemma4.attention.sliding_window_pattern", 6},
    };
    struct gguf_writer w;
    gguf_writer_init(&w);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char part[128];
        snprintf(part, sizeof part, "the key %s is %lld, must be", cases[i].key,
                 (long long)cases[i].value);
        gguf_writer_integer(&w, cases[i].key, GGUF_I64, cases[i].value);
        tiny_model_write(&w);
        check_refusal(&w, ERR_LIMIT, part);
    }
    static const struct {
        const char *key;
        float value;
    } reals[] = {
        {"gemma4.attention.layer_norm_rms_epsilon", 0.0f},
        {"gemma4.attention.layer_norm_rms_epsilon", NAN},
        {"gemma4.rope.freq_base", 0.5f},
        {"gemma4.rope.freq_base_swa", INFINITY},
        {"gemma4.final_logit_softcapping", -30.0f},
        {"gemma4.final_logit_softcapping", NAN},
    };
    for (size_t i = 0; i < sizeof reals / sizeof reals[0]; i++) {
        gguf_writer_f32(&w, reals[i].key, reals[i].value);
        tiny_model_write(&w);
        check_refusal(&w, ERR_LIMIT, reals[i].key);
    }
    gguf_writer_free(&w);
}

static void refuses_missing_keys(void **state)
{
    (void)state;
    static const char *const required[] = {
        "general.architecture",        "gemma4.block_count",
        "gemma4.embedding_length",     "gemma4.feed_forward_length",
        "gemma4.attention.head_count", "gemma4.attention.head_count_kv",
        "tokenizer.ggml.tokens",
    };
    struct gguf_writer w;
    gguf_writer_init(&w);
    for (size_t i = 0; i < sizeof required / sizeof required[0]; i++) {
        gguf_writer_omit(&w, required[i]);
        tiny_model_write(&w);
        check_refusal(&w, ERR_NOT_FOUND, required[i]);
    }
    gguf_writer_free(&w);
}

static void refuses_what_does_not_fit_together(void **state)
{
    (void)state;
    const int32_t five[] = {1, 1, 1, 1, 1}, mixed_heads[] = {2, 2, 4, 2};
    const int32_t mixed_kv[] = {1, 1, 2, 1}, mixed_dims[] = {8, 8, 8, 4};
    const bool full_late[] = {true, true, true, false};
    struct gguf_writer w;
    gguf_writer_init(&w);

    gguf_writer_string(&w, "general.architecture", "llama\x1b]0;x");
    tiny_model_write(&w);
    check_refusal(&w, ERR_UNSUPPORTED, "the architecture is \"llama\xE2\x90\x9B]0;x\"");
    gguf_writer_string(&w, "general.architecture", "gemma4-assistant");
    tiny_model_write(&w);
    check_refusal(&w, ERR_UNSUPPORTED, "gemma4-assistant");
    gguf_writer_i32s(&w, "gemma4.feed_forward_length", five, 5);
    tiny_model_write(&w);
    check_refusal(&w, ERR_FORMAT, "gemma4.feed_forward_length has 5 elements for 4 layers");
    gguf_writer_string(&w, "gemma4.feed_forward_length", "8");
    tiny_model_write(&w);
    check_refusal(&w, ERR_FORMAT, "gemma4.feed_forward_length is a string");
    gguf_writer_strings(&w, "gemma4.feed_forward_length", (const char *[]){"8"}, 1);
    tiny_model_write(&w);
    check_refusal(&w, ERR_FORMAT, "are not integers");
    gguf_writer_i32s(&w, "gemma4.attention.head_count", mixed_heads, 4);
    tiny_model_write(&w);
    check_refusal(&w, ERR_UNSUPPORTED, "head_count is 2 in layer 0 and 4 in layer 2");
    gguf_writer_i32s(&w, "gemma4.attention.key_length", mixed_dims, 4);
    tiny_model_write(&w);
    check_refusal(&w, ERR_UNSUPPORTED, "key_length is 8 in layer 0 and 4 in layer 3");
    gguf_writer_u32(&w, "gemma4.attention.head_count", 3);
    gguf_writer_u32(&w, "gemma4.attention.head_count_kv", 2);
    tiny_model_write(&w);
    check_refusal(&w, ERR_FORMAT, "layer 0 has 2 key/value heads for 3 query heads");
    gguf_writer_i32s(&w, "gemma4.attention.head_count_kv", mixed_kv, 4);
    tiny_model_write(&w);
    check_refusal(&w, ERR_FORMAT, "layer 2 has not as many key/value heads as layer 0");
    gguf_writer_u32(&w, "gemma4.attention.value_length", 4);
    tiny_model_write(&w);
    check_refusal(&w, ERR_UNSUPPORTED, "value_length is 4, but heads are 8 wide");
    gguf_writer_u32(&w, "gemma4.rope.dimension_count_swa", 2);
    tiny_model_write(&w);
    check_refusal(&w, ERR_UNSUPPORTED, "dimension_count_swa is 2, but heads are 4 wide");
    gguf_writer_u32(&w, "gemma4.attention.key_length_swa", 5);
    gguf_writer_omit(&w, "gemma4.attention.value_length_swa");
    tiny_model_write(&w);
    check_refusal(&w, ERR_FORMAT, "key_length_swa is 5, which is odd");
    gguf_writer_u32(&w, "gemma4.attention.shared_kv_layers", 4);
    tiny_model_write(&w);
    check_refusal(&w, ERR_FORMAT, "4 of 4 layers share");
    gguf_writer_bools(&w, "gemma4.attention.sliding_window_pattern", full_late, 4);
    tiny_model_write(&w);
    check_refusal(&w, ERR_FORMAT, "layer 3 shares keys and values, but no full layer has any");
    gguf_writer_u32(&w, "gemma4.expert_count", 4);
    tiny_model_write(&w);
    check_refusal(&w, ERR_FORMAT, "0 of 4 experts");
    gguf_writer_free(&w);
}

static void reads_a_mixture(void **state)
{
    (void)state;
    static struct hparams h;
    struct gguf_writer w;
    gguf_writer_init(&w);
    gguf_writer_u32(&w, "gemma4.expert_count", 128);
    gguf_writer_u32(&w, "gemma4.expert_used_count", 8);
    gguf_writer_u32(&w, "gemma4.expert_feed_forward_length", 704);
    tiny_model_write(&w);
    expect(&w, &h);
    assert_true(h.num_experts == 128 && h.top_k_experts == 8 && h.moe_intermediate_size == 704);
    gguf_writer_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_published_sizes),
        cmocka_unit_test(takes_scalars_for_arrays_and_arrays_for_scalars),
        cmocka_unit_test(fills_in_what_is_not_said),
        cmocka_unit_test(finds_out_where_v_is_k),
        cmocka_unit_test(counts_rotating_pairs),
        cmocka_unit_test(refuses_numbers_out_of_range),
        cmocka_unit_test(refuses_missing_keys),
        cmocka_unit_test(refuses_what_does_not_fit_together),
        cmocka_unit_test(reads_a_mixture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
