/* scales: NVFP4 tensors with a factor beside them, of fused Q, K and V and of each expert, against
 * the same model in F32 with the factors multiplied in. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/engine.h"
#include "load/quant.h"
#include "support/gguf_writer.h"
#include "support/tiny_model.h"

/* As tiny_model, but as wide as a block of NVFP4. */
enum { WIDE = 64, BLOCK_BYTES = 36, TOKENS = 5, LOGITS_MAX = 4096 };

enum form { SCALED, UNSCALED, MULTIPLIED };

struct layout {
    bool split;          /* gate and up of the experts in two tensors */
    const char *refused; /* this tensor gets an endless factor */
};

/* Rows of WIDE values, `of` rows to each factor. */
static void write_matrix(struct gguf_writer *w, int layer, const char *role, const uint64_t ne[3],
                         const float *factors, uint64_t of, enum form form)
{
    uint64_t rows = ne[1] * ne[2];
    unsigned char *blocks = calloc(rows, BLOCK_BYTES);
    float *values = calloc(rows * WIDE, sizeof *values);
    char name[64];
    uint32_t dimensions = ne[2] > 1 ? 3 : 2;
    assert_true(blocks != NULL && values != NULL);
    for (uint64_t i = 0; i < rows * BLOCK_BYTES; i++) {
        bool scale = i % BLOCK_BYTES < 4;
        blocks[i] = (unsigned char)(scale ? 24 + (i * 7 + (uint64_t)layer) % 9
                                          : (i * 89 + (uint64_t)layer * 31) % 251);
    }
    for (uint64_t r = 0; r < rows; r++) {
        quant_format(QUANT_NVFP4)->decode(blocks + r * BLOCK_BYTES, 1, values + r * WIDE);
        for (uint64_t c = 0; c < WIDE; c++) {
            values[r * WIDE + c] *= factors[r / of];
        }
    }
    snprintf(name, sizeof name, "blk.%d.%s.weight", layer, role);
    if (form == MULTIPLIED) {
        gguf_writer_tensor(w, name, QUANT_F32, dimensions, ne, values, rows * WIDE * 4);
    } else {
        gguf_writer_tensor(w, name, QUANT_NVFP4, dimensions, ne, blocks, rows * BLOCK_BYTES);
    }
    snprintf(name, sizeof name, "blk.%d.%s.scale", layer, role);
    if (form == SCALED) {
        const uint64_t count[] = {rows / of};
        gguf_writer_tensor(w, name, QUANT_F32, 1, count, factors, count[0] * sizeof *factors);
    }
    free(blocks);
    free(values);
}

static void write_layer(struct gguf_writer *w, int layer, const struct layout *layout,
                        enum form form)
{
    static const float factor[] = {0.37f}, gates[] = {0.5f, 1.75f, 0.11f}, ups[] = {3, 0.2f, 0.9f};
    const uint64_t head = layer % 2 == 0 ? 4 : 8, own = layer < 2 ? 2 : 0;
    const uint64_t qkv[] = {WIDE, (TINY_HEADS + own) * head, 1};
    const uint64_t one[] = {WIDE, TINY_EXPERT_WIDTH, TINY_EXPERTS};
    const uint64_t both[] = {WIDE, 2 * TINY_EXPERT_WIDTH, TINY_EXPERTS};
    write_matrix(w, layer, "attn_qkv", qkv, factor, qkv[1], form);
    if (layout->split) {
        write_matrix(w, layer, "ffn_gate_exps", one, gates, one[1], form);
        write_matrix(w, layer, "ffn_up_exps", one, ups, one[1], form);
    } else {
        write_matrix(w, layer, "ffn_gate_up_exps", both, gates, both[1], form);
    }
    const struct {
        const char *role;
        uint64_t columns, rows, planes;
    } tensors[] = {
        {"attn_norm.weight", WIDE, 0, 0},
        {"attn_q_norm.weight", head, 0, 0},
        {"attn_k_norm.weight", head, 0, 0},
        {"attn_output.weight", TINY_HEADS * head, WIDE, 0},
        {"post_attention_norm.weight", WIDE, 0, 0},
        {"ffn_norm.weight", WIDE, 0, 0},
        {"ffn_gate.weight", WIDE, TINY_FEED_FORWARD, 0},
        {"ffn_up.weight", WIDE, TINY_FEED_FORWARD, 0},
        {"ffn_down.weight", TINY_FEED_FORWARD, WIDE, 0},
        {"post_ffw_norm.weight", WIDE, 0, 0},
        {"ffn_gate_inp.weight", WIDE, TINY_EXPERTS, 0},
        {"ffn_gate_inp.scale", WIDE, 0, 0},
        {"ffn_down_exps.scale", TINY_EXPERTS, 0, 0},
        {"post_ffw_norm_1.weight", WIDE, 0, 0},
        {"pre_ffw_norm_2.weight", WIDE, 0, 0},
        {"post_ffw_norm_2.weight", WIDE, 0, 0},
    };
    char name[64];
    for (size_t i = 0; i < sizeof tensors / sizeof tensors[0]; i++) {
        snprintf(name, sizeof name, "blk.%d.%s", layer, tensors[i].role);
        gguf_writer_floats(w, name, tensors[i].columns, tensors[i].rows);
    }
    static float down[TINY_EXPERT_WIDTH * WIDE * TINY_EXPERTS];
    const uint64_t ne[] = {TINY_EXPERT_WIDTH, WIDE, TINY_EXPERTS};
    for (size_t i = 0; i < sizeof down / sizeof down[0]; i++) {
        down[i] = (float)(i * 29 % 23) / 16.0f - 0.7f;
    }
    snprintf(name, sizeof name, "blk.%d.ffn_down_exps.weight", layer);
    gguf_writer_tensor(w, name, QUANT_F32, 3, ne, down, sizeof down);
}

/* Opens the model and removes its file. */
static struct engine_model *open_model(const struct layout *layout, enum form form,
                                       struct engine_error *error)
{
    struct gguf_writer w;
    char path[] = "/tmp/carat-test-XXXXXX";
    size_t size;
    gguf_writer_init(&w);
    if (layout->refused != NULL) {
        const float endless[] = {1, INFINITY, 1};
        const uint64_t count[] = {strstr(layout->refused, "exps") != NULL ? TINY_EXPERTS : 1};
        gguf_writer_tensor(&w, layout->refused, QUANT_F32, 1, count,
                           count[0] == 1 ? endless + 1 : endless, count[0] * 4);
    }
    gguf_writer_u32(&w, "gemma4.embedding_length", WIDE);
    gguf_writer_u32(&w, "gemma4.embedding_length_per_layer_input", 0);
    gguf_writer_u32(&w, "gemma4.expert_count", TINY_EXPERTS);
    gguf_writer_u32(&w, "gemma4.expert_used_count", 2);
    gguf_writer_u32(&w, "gemma4.expert_feed_forward_length", TINY_EXPERT_WIDTH);
    tiny_model_hparams(&w);
    tiny_model_vocabulary(&w);
    gguf_writer_floats(&w, "token_embd.weight", WIDE, tiny_model_tokens());
    gguf_writer_floats(&w, "output_norm.weight", WIDE, 0);
    for (int layer = 0; layer < TINY_LAYERS; layer++) {
        write_layer(&w, layer, layout, form);
    }
    const unsigned char *bytes = gguf_writer_finish(&w, &size);
    int fd = mkstemp(path);
    assert_true(fd >= 0 && write(fd, bytes, size) == (ssize_t)size);
    close(fd);
    gguf_writer_free(&w);
    struct engine_model *model = engine_model_open(
        &(struct engine_model_options){.path = path, .threads = 2, .exact = true}, error);
    unlink(path);
    return model;
}

/* All tokens at once, or one after the other. */
static void compute(const struct layout *layout, enum form form, size_t chunk,
                    float logits[TOKENS * LOGITS_MAX])
{
    static const int32_t ids[TOKENS] = {2, 270, 271, 280, 275};
    struct engine_error error;
    struct engine_model *model = open_model(layout, form, &error);
    if (model == NULL) {
        fail_msg("%s", error.text);
    }
    struct engine_session *session = engine_session_create(model, NULL, &error);
    assert_non_null(session);
    for (size_t at = 0; at < TOKENS; at += chunk) {
        assert_true(engine_session_evaluate(session, ids + at, chunk,
                                            logits + at * tiny_model_tokens(), &error));
    }
    engine_session_destroy(session);
    engine_model_close(model);
}

static float difference(const float *a, const float *b)
{
    float greatest = 0;
    for (size_t i = 0; i < TOKENS * tiny_model_tokens(); i++) {
        assert_true(isfinite(a[i]) && isfinite(b[i]));
        greatest = fmaxf(greatest, fabsf(a[i] - b[i]));
    }
    return greatest;
}

static void test_factors(void **state)
{
    (void)state;
    static float scaled[TOKENS * LOGITS_MAX], other[TOKENS * LOGITS_MAX];
    for (int split = 0; split < 2; split++) {
        const struct layout layout = {.split = split != 0};
        for (size_t chunk = 1; chunk <= TOKENS; chunk += TOKENS - 1) {
            compute(&layout, SCALED, chunk, scaled);
            compute(&layout, MULTIPLIED, chunk, other);
            assert_true(difference(scaled, other) < 1e-4f);
            compute(&layout, UNSCALED, chunk, other);
            assert_true(difference(scaled, other) > 1e-2f); /* they matter */
        }
    }
}

static void test_endless_factors(void **state)
{
    (void)state;
    static const struct layout layouts[] = {
        {.refused = "blk.1.attn_qkv.scale"},
        {.refused = "blk.2.ffn_gate_up_exps.scale"},
        {.split = true, .refused = "blk.0.ffn_up_exps.scale"},
    };
    for (size_t i = 0; i < sizeof layouts / sizeof layouts[0]; i++) {
        struct engine_error error;
        assert_null(open_model(&layouts[i], SCALED, &error));
        assert_int_equal(error.code, ENGINE_BAD_MODEL);
        assert_non_null(strstr(error.text, layouts[i].refused));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_factors),
        cmocka_unit_test(test_endless_factors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
