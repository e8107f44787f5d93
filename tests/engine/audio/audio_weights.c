/* audio_weights: a sound file binds; a file with one thing missing or wrong is refused with a
 * sentence that names it. */
#include "audio/audio_weights.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "load/gguf.h"
#include "support/gguf_writer.h"
#include "tiny_audio.h"

static struct audio_weights weights;

/* Binds what was written; frees the writer. The gguf is gone afterwards, and with it the views. */
static bool bind(struct gguf_writer *writer, struct err *err)
{
    size_t size;
    tiny_audio_write(writer);
    const unsigned char *bytes = gguf_writer_finish(writer, &size);
    struct gguf *gguf = gguf_open_bytes("tiny.gguf", bytes, size, err);
    bool ok = gguf != NULL && audio_weights_bind(&weights, gguf, err);
    gguf_close(gguf);
    gguf_writer_free(writer);
    return ok;
}

static void must_refuse(struct gguf_writer *writer, enum err_code code, const char *word)
{
    struct err err = {0};
    memset(&weights, 1, sizeof weights);
    struct audio_weights before = weights;
    assert_false(bind(writer, &err));
    assert_memory_equal(&before, &weights, sizeof weights);
    if (err.code != code || strstr(err.text, word) == NULL ||
        strstr(err.text, "tiny.gguf") == NULL) {
        fail_msg("error %d, \"%s\" instead of one with \"%s\"", (int)err.code, err.text, word);
    }
}

static void test_sound_file(void **state)
{
    (void)state;
    struct err err;
    struct gguf_writer writer;
    gguf_writer_init(&writer);
    if (!bind(&writer, &err)) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(weights.hidden_size, 4);
    assert_int_equal(weights.num_hidden_layers, 2);
    assert_int_equal(weights.channels[1], 2);
    assert_int_equal(weights.output_size, 6);
    assert_int_equal(weights.text_hidden_size, 8);
    assert_float_equal(weights.layers[0].q.input_min, -2, 0);
    assert_float_equal(weights.layers[0].q.input_max, 1.75, 0);
    assert_true(isinf(weights.layers[0].q.output_max) && weights.layers[0].q.output_max > 0);
    assert_true(isinf(weights.layers[1].q.input_min) && weights.layers[1].q.input_min < 0);
}

static void test_older_key(void **state)
{
    (void)state;
    struct err err;
    struct gguf_writer writer;
    gguf_writer_init(&writer);
    gguf_writer_omit(&writer, "clip.audio.projector_type");
    gguf_writer_string(&writer, "clip.projector_type", "gemma4a");
    assert_true(bind(&writer, &err));
}

static void test_each_tensor(void **state)
{
    (void)state;
    struct gguf_writer writer;
    size_t i = 0;
    for (const char *name; (name = tiny_audio_tensor(i)) != NULL; i++) {
        gguf_writer_init(&writer);
        gguf_writer_omit(&writer, name);
        must_refuse(&writer, ERR_FORMAT, name);
        gguf_writer_init(&writer);
        gguf_writer_floats(&writer, name, 3, 7);
        must_refuse(&writer, ERR_FORMAT, "tensor ");
    }
    assert_int_equal(i, 8 + 2 * 22);
}

static void test_keys(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        uint32_t value;
        enum err_code code;
        const char *word;
    } cases[] = {
        {"clip.audio.num_mel_bins", 80, ERR_UNSUPPORTED, "80 mel bands"},
        {"clip.audio.num_mel_bins", 129, ERR_LIMIT, "num_mel_bins is 129"},
        {"clip.audio.embedding_length", 0, ERR_LIMIT, "embedding_length is 0"},
        {"clip.audio.embedding_length", 5, ERR_FORMAT, "hidden size 5 with 2 heads"},
        {"clip.audio.embedding_length", UINT32_MAX, ERR_LIMIT, "embedding_length is 4294967295"},
        {"clip.audio.block_count", 65, ERR_LIMIT, "block_count is 65"},
        {"clip.audio.block_count", 3, ERR_FORMAT, "a.blk.2.ffn_norm.weight is missing"},
        {"clip.audio.attention.head_count", 3, ERR_FORMAT, "with 3 heads"},
        {"clip.audio.attention.head_count", 0, ERR_LIMIT, "head_count is 0"},
        {"clip.audio.projection_dim", 9, ERR_FORMAT, "mm.a.input_projection.weight"},
    };
    struct gguf_writer writer;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        gguf_writer_init(&writer);
        gguf_writer_u32(&writer, cases[i].key, cases[i].value);
        must_refuse(&writer, cases[i].code, cases[i].word);
        gguf_writer_init(&writer);
        gguf_writer_omit(&writer, cases[i].key);
        must_refuse(&writer, ERR_NOT_FOUND, cases[i].key);
    }
}

static void test_other_kinds(void **state)
{
    (void)state;
    struct gguf_writer writer;
    gguf_writer_init(&writer);
    gguf_writer_bool(&writer, "clip.has_audio_encoder", false);
    must_refuse(&writer, ERR_UNSUPPORTED, "no audio encoder");
    gguf_writer_init(&writer);
    gguf_writer_string(&writer, "clip.audio.projector_type", "gemma4ua");
    must_refuse(&writer, ERR_UNSUPPORTED, "kind \"gemma4ua\"");
    gguf_writer_init(&writer);
    gguf_writer_floats(&writer, "mm.a.soft_emb_norm.weight", 6, 0);
    must_refuse(&writer, ERR_UNSUPPORTED, "mm.a.soft_emb_norm.weight");
    gguf_writer_init(&writer);
    gguf_writer_string(&writer, "general.architecture", "gemma4");
    must_refuse(&writer, ERR_UNSUPPORTED, "the architecture is \"gemma4\"");
}

static void test_bounds(void **state)
{
    (void)state;
    static const uint64_t one[] = {1};
    static const float wrong[] = {NAN, 1.8f};
    struct gguf_writer writer;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        gguf_writer_init(&writer);
        gguf_writer_tensor(&writer, "a.blk.0.attn_q.input_min", QUANT_F32, 1, one, &wrong[i],
                           sizeof wrong[i]);
        must_refuse(&writer, ERR_FORMAT, "a.blk.0.attn_q");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sound_file),  cmocka_unit_test(test_older_key),
        cmocka_unit_test(test_each_tensor), cmocka_unit_test(test_keys),
        cmocka_unit_test(test_other_kinds), cmocka_unit_test(test_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
