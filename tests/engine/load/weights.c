/* Binding by name and shape: every tensor missing once, every tensor of a wrong shape once, and the
 * layouts that public files have. */
#include "load/weights.h"

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

struct model {
    struct gguf *gguf;
    struct hparams hparams;
    struct weights weights;
};

static bool bind(struct gguf_writer *w, struct model *m, struct err *err)
{
    size_t size;
    const unsigned char *bytes = gguf_writer_finish(w, &size);
    m->gguf = gguf_open_bytes("x.gguf", bytes, size, err);
    return m->gguf != NULL && hparams_read(&m->hparams, m->gguf, err) &&
           weights_bind(&m->weights, &m->hparams, m->gguf, err);
}

static void expect(struct gguf_writer *w, struct model *m)
{
    struct err err = {0};
    tiny_model_write(w);
    if (!bind(w, m, &err)) {
        fail_msg("%s", err.text);
    }
}

static void again(struct gguf_writer *w, struct model *m)
{
    gguf_close(m->gguf);
    gguf_writer_free(w);
    gguf_writer_init(w);
}

static void check_refusal(struct gguf_writer *w, enum err_code code, const char *part)
{
    static struct model m;
    struct err err = {0};
    tiny_model_write(w);
    bool ok = bind(w, &m, &err);
    if (ok || err.code != code || strncmp(err.text, "x.gguf: ", 8) != 0 ||
        strstr(err.text, part) == NULL) {
        fail_msg("code %d, \"%s\"; must say \"%s\"", err.code, err.text, part);
    }
    again(w, &m);
}

static void check_matrix(const struct model *m, const struct weights_matrix *matrix,
                         const char *name, int32_t rows, int32_t columns)
{
    const struct gguf_tensor *tensor = gguf_tensor_find(m->gguf, name);
    assert_non_null(tensor);
    assert_ptr_equal(matrix->data, tensor->data);
    assert_int_equal(matrix->rows, rows);
    assert_int_equal(matrix->columns, columns);
    assert_int_equal(matrix->format->type, tensor->type);
    assert_true(matrix->row_bytes * (uint64_t)rows == tensor->bytes);
}

static void check_vector(const struct model *m, const float *vector, const char *name)
{
    assert_ptr_equal(vector, gguf_tensor_find(m->gguf, name)->data);
}

static void binds_the_tiny_model(void **state)
{
    (void)state;
    static struct model m;
    struct gguf_writer w;
    gguf_writer_init(&w);
    expect(&w, &m);
    int32_t tokens = (int32_t)tiny_model_tokens();
    check_matrix(&m, &m.weights.embedding, "token_embd.weight", tokens, 8);
    check_matrix(&m, &m.weights.head, "token_embd.weight", tokens, 8);
    check_matrix(&m, &m.weights.ple_embedding, "per_layer_token_embd.weight", tokens, 16);
    check_matrix(&m, &m.weights.ple_model_projection, "per_layer_model_proj.weight", 16, 8);
    check_vector(&m, m.weights.ple_projection_norm, "per_layer_proj_norm.weight");
    check_vector(&m, m.weights.output_norm, "output_norm.weight");
    const struct weights_layer *sliding = &m.weights.layers[0], *shared = &m.weights.layers[3];
    check_vector(&m, sliding->input_norm, "blk.0.attn_norm.weight");
    check_matrix(&m, &sliding->q, "blk.0.attn_q.weight", 8, 8);
    check_matrix(&m, &sliding->k, "blk.0.attn_k.weight", 4, 8);
    check_matrix(&m, &sliding->v, "blk.0.attn_v.weight", 4, 8);
    check_vector(&m, sliding->q_norm, "blk.0.attn_q_norm.weight");
    check_vector(&m, sliding->k_norm, "blk.0.attn_k_norm.weight");
    check_matrix(&m, &sliding->o, "blk.0.attn_output.weight", 8, 8);
    check_vector(&m, sliding->post_attention_norm, "blk.0.post_attention_norm.weight");
    check_vector(&m, sliding->pre_ffw_norm, "blk.0.ffn_norm.weight");
    check_matrix(&m, &sliding->gate, "blk.0.ffn_gate.weight", 8, 8);
    check_matrix(&m, &sliding->up, "blk.0.ffn_up.weight", 8, 8);
    check_matrix(&m, &sliding->down, "blk.0.ffn_down.weight", 8, 8);
    check_vector(&m, sliding->post_ffw_norm, "blk.0.post_ffw_norm.weight");
    check_matrix(&m, &sliding->ple_gate, "blk.0.inp_gate.weight", 4, 8);
    check_matrix(&m, &sliding->ple_proj, "blk.0.proj.weight", 8, 4);
    check_vector(&m, sliding->post_ple_norm, "blk.0.post_norm.weight");
    float scalar;
    memcpy(&scalar, gguf_tensor_find(m.gguf, "blk.0.layer_output_scale.weight")->data, 4);
    assert_true(sliding->layer_scalar == scalar);
    check_matrix(&m, &shared->q, "blk.3.attn_q.weight", 16, 8);
    check_matrix(&m, &shared->o, "blk.3.attn_output.weight", 8, 16);
    assert_null(shared->k.data);
    assert_null(shared->v.data);
    assert_null(shared->k_norm);
    again(&w, &m);
    gguf_writer_free(&w);
}

static void every_tensor_is_needed_and_has_one_shape(void **state)
{
    (void)state;
    static struct model m;
    struct gguf_writer w, broken;
    gguf_writer_init(&w);
    gguf_writer_init(&broken);
    expect(&w, &m);
    size_t checked = 0;
    for (size_t i = 0; i < gguf_tensor_count(m.gguf); i++) {
        const struct gguf_tensor *tensor = gguf_tensor_at(m.gguf, i);
        char part[128];
        /* Without a scalar it is 1; a full layer without V uses K. */
        if (strstr(tensor->name, "layer_output_scale") == NULL &&
            strcmp(tensor->name, "blk.1.attn_v.weight") != 0) {
            snprintf(part, sizeof part, "tensor %s is missing", tensor->name);
            gguf_writer_omit(&broken, tensor->name);
            check_refusal(&broken, ERR_FORMAT, part);
        }
        bool vector = tensor->dimension_count == 1;
        snprintf(part, sizeof part, "tensor %s must be ", tensor->name);
        gguf_writer_floats(&broken, tensor->name, tensor->ne[0] + 1, vector ? 0 : tensor->ne[1]);
        check_refusal(&broken, ERR_FORMAT, part);
        gguf_writer_floats(&broken, tensor->name, tensor->ne[0], vector ? 2 : tensor->ne[1] + 1);
        check_refusal(&broken, ERR_FORMAT, part);
        checked++;
    }
    assert_true(checked == 5 + 2 * 17 + 2 * 14);
    again(&w, &m);
    gguf_writer_free(&w);
    gguf_writer_free(&broken);
}

static void says_both_shapes(void **state)
{
    (void)state;
    struct gguf_writer w;
    const uint64_t ne[] = {8, 8, 2};
    const float zeros[128] = {0};
    gguf_writer_init(&w);
    gguf_writer_floats(&w, "blk.2.attn_q.weight", 8, 9);
    check_refusal(&w, ERR_FORMAT,
                  "x.gguf: tensor blk.2.attn_q.weight must be [8][8], but is [9][8]");
    gguf_writer_tensor(&w, "blk.2.attn_q.weight", QUANT_F32, 3, ne, zeros, sizeof zeros);
    check_refusal(&w, ERR_FORMAT, "must be [8][8], but is [2][8][8]");
    gguf_writer_free(&w);
}

static void norms_must_be_f32(void **state)
{
    (void)state;
    struct gguf_writer w;
    const uint64_t ne[] = {8};
    const uint16_t ones[8] = {0};
    gguf_writer_init(&w);
    gguf_writer_tensor(&w, "output_norm.weight", QUANT_F16, 1, ne, ones, sizeof ones);
    check_refusal(&w, ERR_UNSUPPORTED, "tensor output_norm.weight must be F32, but is F16");
    gguf_writer_free(&w);
}

static void takes_each_type_that_the_file_gives(void **state)
{
    (void)state;
    static struct model m;
    struct gguf_writer w;
    const uint64_t ne[] = {8, 16};
    const uint16_t zeros[128] = {0};
    gguf_writer_init(&w);
    gguf_writer_tensor(&w, "per_layer_model_proj.weight", QUANT_BF16, 2, ne, zeros, sizeof zeros);
    expect(&w, &m);
    assert_int_equal(m.weights.ple_model_projection.format->type, QUANT_BF16);
    assert_int_equal(m.weights.ple_model_projection.row_bytes, 16);
    again(&w, &m);
    gguf_writer_free(&w);
}

static void takes_fused_attention(void **state)
{
    (void)state;
    static struct model m;
    struct gguf_writer w;
    gguf_writer_init(&w);
    gguf_writer_omit(&w, "blk.1.attn_q.weight");
    gguf_writer_omit(&w, "blk.1.attn_k.weight");
    gguf_writer_omit(&w, "blk.1.attn_v.weight");
    gguf_writer_floats(&w, "blk.1.attn_qkv.weight", 8, 32);
    gguf_writer_omit(&w, "blk.2.attn_q.weight"); /* shares: Q rows, and dead K and V */
    gguf_writer_floats(&w, "blk.2.attn_qkv.weight", 8, 16);
    gguf_writer_omit(&w, "blk.3.attn_q.weight"); /* shares: Q rows only */
    gguf_writer_floats(&w, "blk.3.attn_qkv.weight", 8, 16);
    expect(&w, &m);
    const struct weights_layer *l = m.weights.layers;
    const unsigned char *fused = gguf_tensor_find(m.gguf, "blk.1.attn_qkv.weight")->data;
    assert_true(l[1].q.data == fused && l[1].q.rows == 16 && l[1].q.row_bytes == 32);
    assert_true(l[1].k.data == fused + 16 * 32 && l[1].k.rows == 8 && l[1].k.columns == 8);
    assert_true(l[1].v.data == fused + 24 * 32 && l[1].v.rows == 8);
    assert_ptr_equal(l[2].q.data, gguf_tensor_find(m.gguf, "blk.2.attn_qkv.weight")->data);
    assert_true(l[2].q.rows == 8 && l[3].q.rows == 16);
    assert_true(l[2].k.data == NULL && l[2].v.data == NULL && l[3].k.data == NULL);
    again(&w, &m);

    static const uint64_t wrong[] = {31, 33, 16, 24};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        gguf_writer_omit(&w, "blk.1.attn_q.weight");
        gguf_writer_floats(&w, "blk.1.attn_qkv.weight", 8, wrong[i]);
        check_refusal(&w, ERR_FORMAT, "tensor blk.1.attn_qkv.weight must be [32][8]");
    }
    gguf_writer_free(&w);
}

static void optional_tensors(void **state)
{
    (void)state;
    static struct model m;
    struct gguf_writer w;
    gguf_writer_init(&w);
    gguf_writer_omit(&w, "blk.0.layer_output_scale.weight");
    gguf_writer_omit(&w, "blk.1.attn_v.weight");
    gguf_writer_floats(&w, "output.weight", 8, tiny_model_tokens());
    gguf_writer_floats(&w, "blk.2.attn_k.weight", 3, 3); /* dead: its shape is nobody's business */
    gguf_writer_floats(&w, "blk.2.attn_k_norm.weight", 3, 3);
    gguf_writer_floats(&w, "v.blk.0.of.some.tower", 3, 3);
    expect(&w, &m);
    assert_true(m.weights.layers[0].layer_scalar == 1.0f);
    assert_null(m.weights.layers[1].v.data);
    assert_non_null(m.weights.layers[1].k.data);
    assert_null(m.weights.layers[2].k.data);
    check_matrix(&m, &m.weights.head, "output.weight", (int32_t)tiny_model_tokens(), 8);
    again(&w, &m);
    gguf_writer_u32(&w, "gemma4.embedding_length_per_layer_input", 0);
    expect(&w, &m);
    assert_true(m.weights.ple_embedding.data == NULL && m.weights.ple_projection_norm == NULL);
    assert_true(m.weights.layers[0].ple_gate.data == NULL);
    again(&w, &m);
    gguf_writer_floats(&w, "output.weight", 8, 5);
    check_refusal(&w, ERR_FORMAT, "tensor output.weight must be");
    gguf_writer_free(&w);
}

/* NVFP4 has 64 values a block, so that the narrow model cannot have it where rows are 8 wide. */
static void takes_the_scale_of_nvfp4(void **state)
{
    (void)state;
    static struct model m;
    struct gguf_writer w;
    static const unsigned char blocks[8 * 36];
    const uint64_t ne[] = {64, 8}, one[] = {1};
    const float half[] = {0.5f}, endless[] = {INFINITY};
    gguf_writer_init(&w);
    gguf_writer_u32(&w, "gemma4.feed_forward_length", 64);
    for (int i = 0; i < TINY_LAYERS; i++) {
        char name[64];
        snprintf(name, sizeof name, "blk.%d.ffn_down.weight", i);
        gguf_writer_tensor(&w, name, QUANT_NVFP4, 2, ne, blocks, sizeof blocks);
        snprintf(name, sizeof name, "blk.%d.ffn_gate.weight", i);
        gguf_writer_floats(&w, name, 8, 64);
        snprintf(name, sizeof name, "blk.%d.ffn_up.weight", i);
        gguf_writer_floats(&w, name, 8, 64);
    }
    gguf_writer_tensor(&w, "blk.1.ffn_down.scale", QUANT_F32, 1, one, half, 4);
    gguf_writer_tensor(&w, "blk.1.ffn_gate.scale", QUANT_F32, 1, one, half, 4);
    expect(&w, &m);
    assert_true(m.weights.layers[0].down.scale == 1.0f);
    assert_true(m.weights.layers[1].down.scale == 0.5f);
    assert_true(m.weights.layers[1].gate.scale == 1.0f); /* no NVFP4: the name means nothing */
    again(&w, &m);
    gguf_writer_u32(&w, "gemma4.feed_forward_length", 64);
    gguf_writer_tensor(&w, "blk.0.ffn_down.weight", QUANT_NVFP4, 2, ne, blocks, sizeof blocks);
    gguf_writer_tensor(&w, "blk.0.ffn_down.scale", QUANT_F32, 1, one, endless, 4);
    gguf_writer_floats(&w, "blk.0.ffn_gate.weight", 8, 64);
    gguf_writer_floats(&w, "blk.0.ffn_up.weight", 8, 64);
    check_refusal(&w, ERR_FORMAT, "tensor blk.0.ffn_down.scale is inf");
    gguf_writer_free(&w);
}

static void refuse_experts(const char *name, bool split)
{
    struct gguf_writer w;
    char part[128];
    gguf_writer_init(&w);
    gguf_writer_omit(&w, name);
    tiny_model_experts(&w, split);
    snprintf(part, sizeof part, "tensor %s is missing", name);
    check_refusal(&w, ERR_FORMAT, part);
    gguf_writer_floats(&w, name, TINY_HIDDEN, TINY_HIDDEN);
    tiny_model_experts(&w, split);
    snprintf(part, sizeof part, "tensor %s must be [", name);
    check_refusal(&w, ERR_FORMAT, part);
    gguf_writer_free(&w);
}

static void takes_experts_in_both_layouts(void **state)
{
    (void)state;
    static struct model m;
    static const char *const roles[] = {
        "ffn_gate_inp.weight",    "ffn_gate_inp.scale",    "ffn_down_exps.scale",
        "post_ffw_norm_1.weight", "pre_ffw_norm_2.weight", "post_ffw_norm_2.weight",
        "ffn_down_exps.weight",
    };
    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++) {
        char name[64];
        snprintf(name, sizeof name, "blk.2.%s", roles[i]);
        refuse_experts(name, i % 2 == 0);
    }
    refuse_experts("blk.1.ffn_gate_up_exps.weight", false);
    refuse_experts("blk.1.ffn_up_exps.weight", true);
    for (int split = 0; split < 2; split++) {
        struct gguf_writer w;
        gguf_writer_init(&w);
        tiny_model_experts(&w, split != 0);
        expect(&w, &m);
        const struct weights_experts *e = &m.weights.layers[1].experts;
        assert_int_equal(e->stride, split != 0 ? TINY_EXPERT_WIDTH : 2 * TINY_EXPERT_WIDTH);
        int32_t last = (TINY_EXPERTS - 1) * e->stride + TINY_EXPERT_WIDTH;
        assert_true(e->gate.rows >= last && e->up.rows == last);
        const char *name =
            split != 0 ? "blk.1.ffn_up_exps.weight" : "blk.1.ffn_gate_up_exps.weight";
        const struct gguf_tensor *tensor = gguf_tensor_find(m.gguf, name);
        const unsigned char *end = e->up.data + (size_t)last * e->up.row_bytes;
        assert_ptr_equal(end, tensor->data + tensor->bytes);
        assert_int_equal(e->down.rows, TINY_EXPERTS * TINY_HIDDEN);
        again(&w, &m);
        gguf_writer_free(&w);
    }
}

static void refuses_what_it_cannot_run(void **state)
{
    (void)state;
    const uint64_t one[] = {1};
    const float nan[] = {NAN};
    struct gguf_writer w;
    gguf_writer_init(&w);
    gguf_writer_tensor(&w, "blk.3.layer_output_scale.weight", QUANT_F32, 1, one, nan, 4);
    check_refusal(&w, ERR_FORMAT, "blk.3.layer_output_scale.weight is nan");
    w.alignment = 2;
    gguf_writer_u32(&w, "general.alignment", 2);
    gguf_writer_tensor(&w, "padding", QUANT_F16, 1, one, nan, 2);
    tiny_model_hparams(&w);
    tiny_model_vocabulary(&w);
    /* Two copies, two bytes apart: in one of them the weights must lie askew. */
    tiny_model_weights(&w);
    size_t size;
    const unsigned char *bytes = gguf_writer_finish(&w, &size);
    int refused = 0;
    for (size_t shift = 0; shift < 4; shift += 2) {
        static struct model m;
        struct err err = {0};
        unsigned char *copy = malloc(size + 4);
        memcpy(copy + shift, bytes, size);
        m.gguf = gguf_open_bytes("x.gguf", copy + shift, size, &err);
        assert_non_null(m.gguf);
        assert_true(hparams_read(&m.hparams, m.gguf, &err));
        if (!weights_bind(&m.weights, &m.hparams, m.gguf, &err)) {
            assert_int_equal(err.code, ERR_UNSUPPORTED);
            assert_non_null(strstr(err.text, "does not lie on a multiple of 4 bytes"));
            refused++;
        }
        gguf_close(m.gguf);
        free(copy);
    }
    assert_true(refused >= 1);
    gguf_writer_free(&w);
}

static void binds_the_model_of_the_house(void **state)
{
    (void)state;
    static struct model m;
    struct err err = {0};
    m.gguf = gguf_open(TEST_MODELS "/nano.gguf", &err);
    if (m.gguf == NULL || !hparams_read(&m.hparams, m.gguf, &err) ||
        !weights_bind(&m.weights, &m.hparams, m.gguf, &err)) {
        fail_msg("%s", err.text);
    }
    assert_true(m.hparams.num_hidden_layers == 8 && m.hparams.hidden_size == 128);
    assert_true(m.hparams.layers[6].kv_layer == 2 && m.hparams.layers[7].kv_layer == 3);
    assert_true(m.hparams.layers[0].intermediate_size == 384);
    assert_true(m.hparams.layers[7].intermediate_size == 768);
    assert_int_equal(m.weights.embedding.format->type, QUANT_Q8_0);
    gguf_close(m.gguf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(binds_the_tiny_model),
        cmocka_unit_test(every_tensor_is_needed_and_has_one_shape),
        cmocka_unit_test(says_both_shapes),
        cmocka_unit_test(norms_must_be_f32),
        cmocka_unit_test(takes_each_type_that_the_file_gives),
        cmocka_unit_test(takes_fused_attention),
        cmocka_unit_test(optional_tensors),
        cmocka_unit_test(takes_the_scale_of_nvfp4),
        cmocka_unit_test(takes_experts_in_both_layouts),
        cmocka_unit_test(refuses_what_it_cannot_run),
        cmocka_unit_test(binds_the_model_of_the_house),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
