/* Models converted: the same logits where no bit is lost, near ones where some are; the keys and
 * tensors that other readers expect; types as the mixes say; and whatever goes wrong leaves what
 * was there before, and nothing else. */
#include "convert.h"

#include <dirent.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "load/gguf.h"
#include "load/mix.h"
#include "load/model_file.h"
#include "support/fixture.h"

enum { IDS = 40 };

static char folder[] = "/tmp/carat-convert-XXXXXX";

static const char *in_folder(const char *name)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL ? -1 : 0;
}

/* How many files lie there; removes them. */
static size_t empty_folder(void)
{
    size_t count = 0;
    DIR *dir = opendir(folder);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (entry->d_name[0] != '.') {
            unlink(in_folder(entry->d_name));
            count++;
        }
    }
    closedir(dir);
    return count;
}

static int remove_folder(void **state)
{
    (void)state;
    empty_folder();
    return rmdir(folder);
}

static struct convert_result convert(const char *input, const char *mix)
{
    struct convert_result result;
    struct err err = {0};
    if (!convert_model(
            &(struct convert_options){
                .input = input, .output = in_folder("out.gguf"), .mix = mix, .threads = 2},
            &result, &err)) {
        fail_msg("%s to %s: %s", input, mix, err.text);
    }
    return result;
}

static float *logits_of(const char *path, size_t *count)
{
    int32_t ids[IDS] = {2};
    for (int32_t i = 1; i < IDS; i++) {
        ids[i] = (i * 37 + 11) % 570;
    }
    struct engine_model *model = fixture_model("", path, "scalar", 1);
    *count = (size_t)engine_model_info(model)->vocabulary_size * IDS;
    float *logits = fixture_logits(model, ids, IDS, IDS, ENGINE_KV_F32);
    engine_model_close(model);
    return logits;
}

/* The root of the mean square of all logits' differences; at most `limit`. */
static float difference(const char *input, const char *mix, float limit)
{
    size_t count, other;
    float *before = logits_of(input, &count);
    convert(input, mix);
    float *after = logits_of(in_folder("out.gguf"), &other);
    assert_int_equal(count, other);
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        double d = (double)before[i] - (double)after[i];
        sum += d * d;
    }
    test_free(before);
    test_free(after);
    float rms = (float)sqrt(sum / (double)count);
    if (getenv("CARAT_FIDELITY") != NULL) { /* rows of docs/fidelity.md */
        printf("| %s | to %s, root mean square | scalar | %.2g | %.2g |\n",
               input + strlen(TEST_DATA "/text/"), mix, (double)rms, (double)limit);
    }
    if (!(rms <= limit)) {
        fail_msg("%s to %s: %g, limit %g", input, mix, (double)rms, (double)limit);
    }
    return rms;
}

static void no_bit_is_lost_where_the_type_holds_it(void **state)
{
    (void)state;
    static const char *const inputs[] = {
        TEST_DATA "/text/e2b",
        TEST_DATA "/text/e4b/model-00002-of-00002.safetensors",
        TEST_DATA "/text/dense.bf16.gguf",
        TEST_DATA "/text/moe.gguf",
    };
    for (size_t i = 0; i < sizeof inputs / sizeof inputs[0]; i++) {
        difference(inputs[i], "f32", 0);
        difference(inputs[i], "bf16", 0);
    }
    difference(TEST_DATA "/text/qe2b.q4_0_mix.gguf", "f32", 0);
    /* The values of 4-bit blocks are found again; those of the two embeddings nearly. */
    difference(TEST_DATA "/text/qe2b.q4_0_mix.gguf", "q4_0", 0.02f);
}

/* These models are random and nothing in them damps an error, so the limits say only that each type
 * is what it claims to be. */
static void coarser_types_are_near(void **state)
{
    (void)state;
    const char *input = TEST_DATA "/text/dense.bf16.gguf";
    const float q8 = difference(input, "q8_0", 0.5f), q5 = difference(input, "q5_k_m", 2.5f);
    const float q4 = difference(input, "q4_0", 6.0f);
    difference(input, "f16", 0.02f);
    assert_true(q8 > 0 && q5 > q8 && q4 > q5);
}

/* The reference file is the work of another converter on the same folder. */
static void other_readers_find_what_they_know(void **state)
{
    (void)state;
    static const char *const integers[] = {
        "gemma4.block_count",
        "gemma4.attention.value_length",
        "gemma4.rope.dimension_count",
        "gemma4.attention.value_length_swa",
        "general.quantization_version",
        "gemma4.rope.dimension_count_swa",
        "general.file_type",
        "tokenizer.ggml.bos_token_id",
        "tokenizer.ggml.eos_token_id",
        "tokenizer.ggml.unknown_token_id",
        "tokenizer.ggml.mask_token_id",
        "tokenizer.ggml.padding_token_id",
        "general.sampling.top_k",
    };
    struct err err = {0};
    convert(TEST_DATA "/text/e2b", "f32");
    struct gguf *made = gguf_open(in_folder("out.gguf"), &err);
    struct gguf *other = gguf_open(TEST_DATA "/text/e2b.gguf", &err);
    assert_true(made != NULL && other != NULL);
    for (size_t i = 0; i < sizeof integers / sizeof integers[0]; i++) {
        int64_t a = -1, b = -2;
        assert_true(gguf_integer(other, integers[i], &b, &err));
        if (!gguf_integer(made, integers[i], &a, &err) || a != b) {
            fail_msg("%s is %d, must be %d", integers[i], (int)a, (int)b);
        }
    }
    static const char *const arrays[] = {"tokenizer.ggml.tokens", "tokenizer.ggml.merges",
                                         "tokenizer.ggml.token_type", "tokenizer.ggml.scores",
                                         "gemma4.attention.sliding_window_pattern"};
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++) {
        struct gguf_array a, b;
        assert_true(gguf_array(made, arrays[i], &a, &err) &&
                    gguf_array(other, arrays[i], &b, &err));
        assert_int_equal(a.type, b.type);
        if (a.bytes != b.bytes || memcmp(a.data, b.data, a.bytes) != 0) {
            fail_msg("%s differs", arrays[i]);
        }
    }
    assert_int_equal(gguf_tensor_count(made), gguf_tensor_count(other));
    for (size_t i = 0; i < gguf_tensor_count(other); i++) {
        const struct gguf_tensor *b = gguf_tensor_at(other, i);
        const struct gguf_tensor *a = gguf_tensor_find(made, b->name);
        assert_non_null(a);
        assert_int_equal(a->type, b->type);
        assert_int_equal(a->dimension_count, b->dimension_count);
        assert_memory_equal(a->ne, b->ne, sizeof a->ne);
        assert_memory_equal(a->data, b->data, b->bytes);
    }
    gguf_close(made);
    gguf_close(other);
}

static enum quant_type type_of(const char *mix, const char *name, uint64_t columns, uint32_t rank,
                               int32_t layers)
{
    struct gguf_tensor tensor = {
        .type = QUANT_BF16, .dimension_count = rank, .ne = {columns, 8, 1, 1}};
    snprintf(tensor.name, sizeof tensor.name, "%s", name);
    return mix_type(mix_find(mix), &tensor, layers);
}

static void types_are_those_of_published_files(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint64_t columns;
        uint32_t rank;
        enum quant_type q4_0, q4_k_m, q8_0;
    } cases[] = {
        {"token_embd.weight", 1536, 2, QUANT_Q6_K, QUANT_Q6_K, QUANT_Q8_0},
        {"per_layer_token_embd.weight", 8960, 2, QUANT_Q6_K, QUANT_Q6_K, QUANT_Q8_0},
        {"per_layer_model_proj.weight", 1536, 2, QUANT_BF16, QUANT_BF16, QUANT_BF16},
        {"output_norm.weight", 1536, 1, QUANT_F32, QUANT_F32, QUANT_F32},
        {"blk.7.attn_q.weight", 1536, 2, QUANT_Q4_0, QUANT_Q4_K, QUANT_Q8_0},
        {"blk.7.attn_v.weight", 1536, 2, QUANT_Q4_0, QUANT_Q4_K, QUANT_Q8_0},
        {"blk.6.attn_v.weight", 1536, 2, QUANT_Q4_0, QUANT_Q6_K, QUANT_Q8_0},
        {"blk.34.ffn_down.weight", 12288, 2, QUANT_Q4_0, QUANT_Q6_K, QUANT_Q8_0},
        {"blk.8.ffn_down.weight", 12288, 2, QUANT_Q4_0, QUANT_Q4_K, QUANT_Q8_0},
        {"blk.8.inp_gate.weight", 1536, 2, QUANT_Q4_0, QUANT_Q5_K, QUANT_Q8_0},
        {"blk.8.proj.weight", 256, 2, QUANT_Q4_0, QUANT_Q5_K, QUANT_Q8_0},
        {"blk.8.ffn_gate_inp.weight", 2816, 2, QUANT_F32, QUANT_F32, QUANT_F32},
        {"blk.0.ffn_down_exps.weight", 704, 3, QUANT_Q4_0, QUANT_Q8_0, QUANT_Q8_0},
        {"blk.8.ffn_down_exps.weight", 704, 3, QUANT_Q4_0, QUANT_Q5_0, QUANT_Q8_0},
        {"blk.8.proj.weight", 16, 2, QUANT_F16, QUANT_F16, QUANT_F16},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *name = cases[i].name;
        uint64_t columns = cases[i].columns;
        uint32_t rank = cases[i].rank;
        if (type_of("q4_0", name, columns, rank, 35) != cases[i].q4_0 ||
            type_of("q4_k_m", name, columns, rank, 35) != cases[i].q4_k_m ||
            type_of("q8_0", name, columns, rank, 35) != cases[i].q8_0) {
            fail_msg("%s of %d columns has another type", name, (int)columns);
        }
        assert_int_equal(type_of("f32", name, columns, rank, 35), QUANT_F32);
    }
    assert_null(mix_find("q4_k"));
    for (size_t i = 0; mix_name(i) != NULL; i++) {
        assert_non_null(mix_find(mix_name(i)));
    }
}

static bool try_to_convert(const char *input, const char *output, const char *mix,
                           const atomic_bool *cancel, struct err *err)
{
    struct convert_result result;
    *err = (struct err){0};
    return convert_model(
        &(struct convert_options){
            .input = input, .output = output, .mix = mix, .threads = 1, .cancel = cancel},
        &result, err);
}

/* The whole file, with room behind it. */
static unsigned char *read_file(const char *path, size_t *size)
{
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    FILE *file = fopen(path, "rb");
    unsigned char *bytes = malloc((size_t)status.st_size);
    *size = fread(bytes, 1, (size_t)status.st_size, file);
    fclose(file);
    return bytes;
}

static void write_file(const char *path, const void *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

static void what_is_no_number_is_refused_by_name(void **state)
{
    (void)state;
    static const struct {
        float value;
        const char *mix;
        bool fine;
    } cases[] = {{NAN, "f32", false},   {INFINITY, "q8_0", false}, {NAN, "q4_k_m", false},
                 {1e6f, "q4_0", false}, {1e6f, "bf16", true},      {6e4f, "q4_0", true}};
    struct err err;
    size_t size;
    unsigned char *bytes = read_file(TEST_DATA "/text/e2b.gguf", &size);
    struct gguf *gguf = gguf_open_bytes("x", bytes, size, &err);
    assert_non_null(gguf);
    size_t at = (size_t)(gguf_tensor_find(gguf, "blk.3.ffn_up.weight")->data - bytes) + 4 * 77;
    gguf_close(gguf);
    empty_folder();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char input[512];
        memcpy(bytes + at, &cases[i].value, 4);
        snprintf(input, sizeof input, "%s", in_folder("in.gguf"));
        write_file(input, bytes, size);
        bool ok = try_to_convert(input, in_folder("out.gguf"), cases[i].mix, NULL, &err);
        assert_int_equal(ok, cases[i].fine);
        if (!ok) {
            assert_int_equal(err.code, ERR_FORMAT);
            assert_non_null(strstr(err.text, "blk.3.ffn_up.weight: value 77 is "));
        }
        assert_int_equal(empty_folder(), ok ? 2 : 1);
    }
    free(bytes);
}

static void nothing_else_is_overwritten(void **state)
{
    (void)state;
    struct err err;
    size_t size, now;
    char input[512], other[512];
    unsigned char *bytes = read_file(TEST_DATA "/text/dense.bf16.gguf", &size);
    snprintf(input, sizeof input, "%s", in_folder("in.gguf"));
    snprintf(other, sizeof other, "%s", in_folder("link.gguf"));
    write_file(input, bytes, size);
    assert_int_equal(link(input, other), 0);
    assert_false(try_to_convert(input, input, "q8_0", NULL, &err));
    assert_non_null(strstr(err.text, "of the model itself"));
    assert_false(try_to_convert(input, other, "q8_0", NULL, &err));
    unsigned char *after = read_file(input, &now);
    assert_int_equal(size, now);
    assert_memory_equal(bytes, after, size);
    free(after);
    free(bytes);
    assert_int_equal(unlink(other), 0);
    write_file(other, "notes", 5);
    assert_false(try_to_convert(input, other, "q8_0", NULL, &err));
    assert_non_null(strstr(err.text, "no GGUF file"));
    assert_false(try_to_convert(input, folder, "q8_0", NULL, &err));
    assert_false(try_to_convert(input, in_folder("none/out.gguf"), "q8_0", NULL, &err));
    assert_false(try_to_convert(input, in_folder("out.gguf"), "q9", NULL, &err));
    assert_false(try_to_convert(in_folder("none"), in_folder("out.gguf"), "q8_0", NULL, &err));
    /* Another GGUF file is replaced. */
    assert_true(try_to_convert(input, in_folder("out.gguf"), "q8_0", NULL, &err));
    assert_true(try_to_convert(input, in_folder("out.gguf"), "q4_0", NULL, &err));
    assert_int_equal(empty_folder(), 3);
}

static void a_stop_leaves_nothing(void **state)
{
    (void)state;
    struct err err;
    atomic_bool cancel = true;
    empty_folder();
    assert_false(
        try_to_convert(TEST_DATA "/text/e2b", in_folder("out.gguf"), "q8_0", &cancel, &err));
    assert_int_equal(err.code, ERR_CANCELLED);
    assert_int_equal(empty_folder(), 0);
    atomic_store(&cancel, false);
    assert_true(
        try_to_convert(TEST_DATA "/text/e2b", in_folder("out.gguf"), "q8_0", &cancel, &err));
    assert_int_equal(empty_folder(), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_bit_is_lost_where_the_type_holds_it),
        cmocka_unit_test(coarser_types_are_near),
        cmocka_unit_test(other_readers_find_what_they_know),
        cmocka_unit_test(types_are_those_of_published_files),
        cmocka_unit_test(what_is_no_number_is_refused_by_name),
        cmocka_unit_test(nothing_else_is_overwritten),
        cmocka_unit_test(a_stop_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
