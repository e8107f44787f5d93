/* A Hugging Face folder gives the same model as the GGUF of the same weights; configurations of
 * both forms and their defaults; tokenizer files; and what is refused. */
#include "load/hf_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"

#include "load/gguf.h"
#include "load/gguf_keys.h"
#include "load/hf_config.h"
#include "load/hf_names.h"
#include "load/hf_tokenizer.h"
#include "load/hparams.h"
#include "load/model_file.h"
#include "load/token_lists.h"
#include "load/tokenizer.h"
#include "load/weights.h"

#define FOLDER TEST_DATA "/text/e2b"

static struct gguf *open_model(const char *path)
{
    struct err err = {0};
    struct gguf *gguf = model_file_open(path, &err);
    if (gguf == NULL) {
        fail_msg("%s: %s", path, err.text);
    }
    return gguf;
}

static void check_same_ids(const struct tokenizer *a, const struct tokenizer *b, const char *text)
{
    struct err err = {0};
    for (int control = 0; control < 2; control++) {
        int32_t *first, *second;
        size_t first_count, second_count;
        assert_true(tokenizer_encode(a, text, strlen(text), control, &first, &first_count, &err));
        assert_true(tokenizer_encode(b, text, strlen(text), control, &second, &second_count, &err));
        assert_int_equal(first_count, second_count);
        assert_memory_equal(first, second, first_count * sizeof *first);
        mem_free(first);
        mem_free(second);
    }
}

static void is_the_model_of_the_gguf(void **state)
{
    (void)state;
    static struct hparams expected, found;
    static struct weights weights;
    struct err err = {0};
    struct gguf *gguf = open_model(TEST_DATA "/text/e2b.gguf");
    struct gguf *folder = open_model(FOLDER "/");
    assert_true(hparams_read(&expected, gguf, &err) && hparams_read(&found, folder, &err));
    assert_memory_equal(&expected, &found, sizeof found);
    assert_true(weights_bind(&weights, &found, folder, &err));
    for (size_t i = 0; i < gguf_tensor_count(gguf); i++) {
        const struct gguf_tensor *a = gguf_tensor_at(gguf, i);
        const struct gguf_tensor *b = gguf_tensor_find(folder, a->name);
        if (strcmp(a->name, "rope_freqs.weight") == 0) {
            continue; /* made by the converter */
        }
        if (b == NULL) {
            fail_msg("%s is missing", a->name);
        }
        assert_memory_equal(a->ne, b->ne, sizeof a->ne);
        size_t values = a->bytes / 4;
        float *decoded = malloc(values * sizeof *decoded);
        const struct quant_format *format = quant_format((uint32_t)b->type);
        format->decode(b->data, values / format->block_values, decoded);
        assert_memory_equal(decoded, a->data, a->bytes);
        free(decoded);
    }
    struct tokenizer *one = tokenizer_create(gguf, &err), *two = tokenizer_create(folder, &err);
    assert_true(one != NULL && two != NULL && tokenizer_bos(one) == tokenizer_bos(two));
    assert_int_equal(tokenizer_size(one), tokenizer_size(two));
    for (int32_t id = 0; id < tokenizer_size(one); id++) {
        const char *a, *b;
        size_t a_length, b_length;
        tokenizer_bytes(one, id, &a, &a_length);
        tokenizer_bytes(two, id, &b, &b_length);
        assert_true(a_length == b_length && memcmp(a, b, a_length) == 0);
        assert_int_equal(tokenizer_kind(one, id), tokenizer_kind(two, id));
    }
    check_same_ids(one, two, "<bos><|turn>user\nHello  world\n\n\n the end\xC3\xA9</s><turn|>");
    tokenizer_destroy(one);
    tokenizer_destroy(two);
    gguf_close(gguf);
    gguf_close(folder);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    unsigned long n = 1;
    for (; n < 500; n++) {
        struct err err = {0};
        mem_fail_at(n, 0);
        struct gguf *gguf = model_file_open(TEST_DATA "/text/e4b", &err);
        mem_fail_at(0, 0);
        if (gguf != NULL) {
            gguf_close(gguf);
            break;
        }
        assert_int_equal(err.code, ERR_MEMORY);
        assert_true(err.text[0] != '\0');
    }
    assert_in_range(n, 20, 499);
}

/* --- config.json --- */

#define NEEDED                                                                               \
    "\"vocab_size\":9,\"hidden_size\":8,\"intermediate_size\":32,\"num_attention_heads\":4," \
    "\"num_key_value_heads\":2,\"num_hidden_layers\":7"

/* Reads a configuration to the keys' gguf; NULL with the error. */
static struct gguf *read_config(const char *text, struct hf_config *config, unsigned char **bytes,
                                struct err *err)
{
    static const char *const tokens[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i"};
    struct gguf_keys keys;
    size_t size;
    gguf_keys_init(&keys);
    *bytes = NULL;
    if (!hf_config_read(config, &keys, "config.json", text, strlen(text), err)) {
        gguf_keys_finish(&keys);
        return NULL;
    }
    gguf_keys_array_begin(&keys, "tokenizer.ggml.tokens", GGUF_STRING);
    for (size_t i = 0; i < 9; i++) {
        gguf_keys_element_string(&keys, tokens[i], 1, NULL, 0);
    }
    gguf_keys_array_end(&keys);
    *bytes = gguf_keys_take(&keys, &size);
    return gguf_open_bytes("config", *bytes, size, err);
}

static void expect_config(const char *text, struct hf_config *config, struct hparams *hparams)
{
    struct err err = {0};
    unsigned char *bytes;
    struct gguf *gguf = read_config(text, config, &bytes, &err);
    if (gguf == NULL || !hparams_read(hparams, gguf, &err)) {
        fail_msg("%s: %s", text, err.text);
    }
    gguf_close(gguf);
    mem_free(bytes);
}

static void reads_both_forms_of_a_configuration(void **state)
{
    (void)state;
    static struct hparams h;
    static struct hf_config config;
    expect_config("{" NEEDED "}", &config, &h);
    assert_true(h.layers[0].sliding && !h.layers[5].sliding && !h.layers[6].sliding);
    assert_true(h.layers[0].head_dim == 256 && h.layers[5].head_dim == 512);
    assert_true(h.sliding_window == 512 && h.context_length == 131072);
    assert_true(h.num_experts == 0 && h.final_logit_softcapping == 0 && h.rms_norm_eps == 1e-6f);
    assert_true(h.rope_theta_full == 1e6f && h.rope_theta_sliding == 1e4f);
    assert_true(config.tied && config.makes_kv[6] && !config.expects_no_value[5]);

    expect_config("{\"num_hidden_layers\":3,\"text_config\":{" NEEDED
                  ",\"attention_k_eq_v\":true,\"num_global_key_value_heads\":1,"
                  "\"global_head_dim\":64,\"head_dim\":32,\"num_kv_shared_layers\":1,"
                  "\"use_double_wide_mlp\":true,\"model_type\":\"gemma4_unified_text\","
                  "\"enable_moe_block\":true,\"num_experts\":8,\"top_k_experts\":2,"
                  "\"moe_intermediate_size\":16,\"final_logit_softcapping\":30.0}}",
                  &config, &h);
    assert_true(h.num_hidden_layers == 7 && h.layers[5].num_key_value_heads == 1);
    assert_true(h.layers[0].num_key_value_heads == 2 && h.layers[5].head_dim == 64);
    assert_true(h.layers[5].intermediate_size == 32 && h.layers[6].intermediate_size == 64);
    assert_true(h.sliding_window == 1024 && h.num_experts == 8 && h.moe_intermediate_size == 16);
    assert_true(config.expects_no_value[5] && !config.makes_kv[6]);

    /* The global number of heads does not count without K = V; that of a layer does. */
    expect_config("{" NEEDED ",\"num_global_key_value_heads\":1}", &config, &h);
    assert_int_equal(h.layers[5].num_key_value_heads, 2);
    expect_config("{" NEEDED ",\"per_layer_config\":{\"5\":{\"head_dim\":64,"
                  "\"num_key_value_heads\":1},\"6\":{\"head_dim\":64}}}",
                  &config, &h);
    assert_true(h.layers[5].num_key_value_heads == 1 && h.layers[6].num_key_value_heads == 2);
    assert_true(h.layers[5].head_dim == 64 && h.layers[0].head_dim == 256);
}

static void refuses_configurations(void **state)
{
    (void)state;
    static const struct {
        const char *text, *part;
    } cases[] = {
        {"[]", "'{' is expected"},
        {"{}", "vocab_size is missing"},
        {"{" NEEDED ",\"hidden_size\":8}", "a key comes twice"},
        {"{" NEEDED ",\"num_kv_shared_layers\":7}", "7 of 7 layers share"},
        {"{" NEEDED ",\"layer_types\":[\"full_attention\"]}", "1 entries for 7 layers"},
        {"{" NEEDED ",\"layer_types\":[\"odd\"]}", "neither"},
        {"{" NEEDED ",\"attention_bias\":true}", "attention_bias is not run"},
        {"{" NEEDED ",\"hidden_activation\":\"relu\"}", "gelu_pytorch_tanh"},
        {"{" NEEDED ",\"model_type\":\"llama\"}", "model_type must be"},
        {"{" NEEDED ",\"head_dim\":-1}", "outside of 0"},
        {"{" NEEDED ",\"per_layer_config\":{\"05\":{}}}", "a key that is no layer"},
        {"{" NEEDED ",\"per_layer_config\":{\"5\":{\"hidden_size\":1}}}", "not known"},
        {"{" NEEDED ",\"per_layer_config\":{\"5\":{\"head_dim\":64}}}", "others of its kind"},
        {"{" NEEDED ",\"rope_parameters\":{\"full_attention\":{\"rope_type\":\"yarn\"}}}",
         "rope_type must be proportional"},
        {"{" NEEDED ",\"rope_parameters\":{\"full_attention\":{\"partial_rotary_factor\":0.5}}}",
         "partial_rotary_factor must be 0.25"},
        {"{" NEEDED ",\"rope_parameters\":{\"sliding_attention\":{\"factor\":8}}}", "scaled RoPE"},
        {"{" NEEDED "} {}", "something follows"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct err err = {0};
        static struct hf_config config;
        unsigned char *bytes;
        struct gguf *gguf = read_config(cases[i].text, &config, &bytes, &err);
        if (gguf != NULL || err.code != ERR_FORMAT || strstr(err.text, cases[i].part) == NULL ||
            strncmp(err.text, "config.json: ", 13) != 0) {
            fail_msg("%s: \"%s\"; must say \"%s\"", cases[i].text, err.text, cases[i].part);
        }
    }
}

/* --- tokenizer.json --- */

static struct gguf *read_tokenizer(const char *text, unsigned char **bytes, struct err *err)
{
    struct gguf_keys keys;
    size_t size;
    gguf_keys_init(&keys);
    *bytes = NULL;
    if (!hf_tokenizer_read(&keys, "tokenizer.json", text, strlen(text), err)) {
        gguf_keys_finish(&keys);
        return NULL;
    }
    *bytes = gguf_keys_take(&keys, &size);
    return gguf_open_bytes("keys", *bytes, size, err);
}

static void reads_both_forms_of_merges(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"ab\":2,\"a\":0,\"b\":1},"
        "\"merges\":[\"a b\",\"\\n \\n\"]},\"added_tokens\":[{\"special\":true,\"id\":1,"
        "\"content\":\"b\"}]}",
        "{\"added_tokens\":[{\"id\":1,\"content\":\"b\",\"special\":true}],\"model\":{"
        "\"merges\":[[\"a\",\"b\"],[\"\\n\",\"\\n\"]],\"vocab\":{\"a\":0,\"b\":1,\"ab\":2}}}",
    };
    for (size_t i = 0; i < 2; i++) {
        struct err err = {0};
        unsigned char *bytes;
        struct gguf *gguf = read_tokenizer(texts[i], &bytes, &err);
        if (gguf == NULL) {
            fail_msg("%s", err.text);
        }
        struct gguf_array array;
        struct gguf_text text;
        size_t cursor = 0;
        assert_true(gguf_array(gguf, "tokenizer.ggml.merges", &array, &err) && array.count == 2);
        assert_true(gguf_array_text(&array, &cursor, &text));
        assert_true(text.length == 3 && memcmp(text.bytes, "a b", 3) == 0);
        assert_true(gguf_array_text(&array, &cursor, &text));
        assert_true(text.length == 3 && memcmp(text.bytes, "\n \n", 3) == 0);
        assert_true(gguf_array(gguf, "tokenizer.ggml.token_type", &array, &err));
        assert_true(array.count == 3 && gguf_array_integer(&array, 0) == 1);
        assert_true(gguf_array_integer(&array, 1) == 3);
        gguf_close(gguf);
        mem_free(bytes);
    }
}

static void refuses_tokenizers(void **state)
{
    (void)state;
    static const struct {
        const char *text, *part;
    } cases[] = {
        {"{\"model\":{\"vocab\":{}}}", "no model.vocab or model.merges"},
        {"{\"model\":{\"type\":\"Unigram\"}}", "not BPE"},
        {"{\"model\":{\"vocab\":{\"a\":0,\"b\":2},\"merges\":[]}}", "no token has the id 1"},
        {"{\"model\":{\"vocab\":{\"a\":0,\"b\":0},\"merges\":[]}}", "id 0 has two spellings"},
        {"{\"model\":{\"vocab\":{\"a\":1048576},\"merges\":[]}}", "outside of 0 to 1048575"},
        {"{\"model\":{\"vocab\":{\"a\":-1},\"merges\":[]}}", "the id -1"},
        {"{\"model\":{\"merges\":[[\"a\"]]}}", "two strings"},
        {"{\"model\":{\"merges\":[[\"a\",\"b\",\"c\"]]}}", "two strings"},
        {"{\"model\":{\"merges\":[[\"a b\",\"c\"]]}}", "holds a space"},
        {"{\"model\":{\"merges\":[],\"merges\":[]}}", "merges comes twice"},
        {"{\"added_tokens\":[{\"content\":\"a\"}]}", "the id -1"},
        {"{\"added_tokens\":[{\"id\":0}]}", "without content"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct err err = {0};
        unsigned char *bytes;
        struct gguf *gguf = read_tokenizer(cases[i].text, &bytes, &err);
        if (gguf != NULL || err.code != ERR_FORMAT || strstr(err.text, cases[i].part) == NULL ||
            strncmp(err.text, "tokenizer.json: ", 16) != 0) {
            fail_msg("%s: \"%s\"; must say \"%s\"", cases[i].text, err.text, cases[i].part);
        }
    }
}

/* --- names, and the folder --- */

static void translates_names(void **state)
{
    (void)state;
    static const struct {
        const char *theirs, *gguf;
    } cases[] = {
        {"model.layers.0.layer_scalar", "blk.0.layer_output_scale.weight"},
        {"model.language_model.layers.255.experts.down_proj", "blk.255.ffn_down_exps.weight"},
        {"lm_head.weight", "output.weight"},
        {"model.norm.weight", "output_norm.weight"},
        {"norm.weight", NULL},
        {"model.layers.00.layer_scalar", NULL},
        {"model.layers.1000.layer_scalar", NULL},
        {"model.layers..layer_scalar", NULL},
        {"model.layers.1", NULL},
        {"model.layers.1.", NULL},
        {"model.vision_tower.layers.1.layer_scalar", NULL},
        {"model.language_model.", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char name[HF_NAMES_SIZE] = "untouched";
        bool found = hf_names_translate(cases[i].theirs, strlen(cases[i].theirs), name);
        assert_true(found == (cases[i].gguf != NULL));
        assert_string_equal(name, found ? cases[i].gguf : "untouched");
    }
}

static void write_file(const char *folder, const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *stream = fopen(path, "wb");
    assert_non_null(stream);
    fputs(text, stream);
    fclose(stream);
}

static void check_refusal(const char *path, enum err_code code, const char *part)
{
    struct err err = {0};
    struct gguf *gguf = model_file_open(path, &err);
    if (gguf != NULL || err.code != code || strstr(err.text, part) == NULL) {
        fail_msg("code %d, \"%s\"; must say \"%s\"", err.code, err.text, part);
    }
}

static void refuses_folders(void **state)
{
    (void)state;
    static const char index[] = "model.safetensors.index.json";
    char folder[] = "/tmp/carat-test-XXXXXX", path[256];
    assert_non_null(mkdtemp(folder));
    check_refusal(folder, ERR_NOT_FOUND, "config.json");
    write_file(folder, "config.json", "{" NEEDED "}");
    check_refusal(folder, ERR_NOT_FOUND, "tokenizer.json");
    write_file(folder, "tokenizer.json", "{\"model\":{\"vocab\":{\"a\":0},\"merges\":[]}}");
    check_refusal(folder, ERR_NOT_FOUND, index);
    static const char *const names[] = {
        "../x.safetensors", "/etc/passwd", "a/b", "..", ".hidden", "", "a\\nb", "a..b"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char text[128];
        snprintf(text, sizeof text, "{\"weight_map\":{\"x\":\"%s\"}}", names[i]);
        write_file(folder, index, text);
        check_refusal(folder, ERR_FORMAT, "is no name of a file here");
    }
    write_file(folder, index, "{\"weight_map\":{}}");
    check_refusal(folder, ERR_FORMAT, "weight_map names no file");
    write_file(folder, index, "{\"weight_map\":{\"x\":\"gone.safetensors\"}}");
    check_refusal(folder, ERR_NOT_FOUND, "gone.safetensors");
    write_file(folder, "alone.safetensors", "12345678{");
    snprintf(path, sizeof path, "%s/alone.safetensors", folder);
    check_refusal(path, ERR_FORMAT, "alone.safetensors: a header of");
    static const char *const written[] = {"config.json", "tokenizer.json", index,
                                          "alone.safetensors"};
    for (size_t i = 0; i < sizeof written / sizeof written[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, written[i]);
        unlink(path);
    }
    rmdir(folder);
}

/* Of generation_config.json: the keys, over those of a vocabulary that has some control tokens. */
static struct gguf *read_generation(const char *text, unsigned char **bytes, struct err *err)
{
    static const char *const tokens[] = {"<pad>", "<eos>",   "<bos>",    "\xE2\x96\x81",
                                         "b",     "<turn|>", "<image|>", "<|audio|>"};
    struct gguf_keys keys;
    size_t size;
    gguf_keys_init(&keys);
    *bytes = NULL;
    if (!hf_config_read_generation(&keys, "generation_config.json", text, strlen(text), err)) {
        gguf_keys_finish(&keys);
        return NULL;
    }
    gguf_keys_string(&keys, "tokenizer.ggml.model", "gemma4", 6);
    gguf_keys_u32(&keys, "tokenizer.ggml.eot_token_id", 5);
    gguf_keys_array_begin(&keys, "tokenizer.ggml.tokens", GGUF_STRING);
    for (size_t i = 0; i < 8; i++) {
        gguf_keys_element_string(&keys, tokens[i], strlen(tokens[i]), NULL, 0);
    }
    for (int byte = 0; byte < 256; byte++) {
        char spelling[8];
        snprintf(spelling, sizeof spelling, "<0x%02X>", byte);
        gguf_keys_element_string(&keys, spelling, 6, NULL, 0);
    }
    gguf_keys_array_end(&keys);
    gguf_keys_array_begin(&keys, "tokenizer.ggml.merges", GGUF_STRING);
    gguf_keys_array_end(&keys);
    *bytes = gguf_keys_take(&keys, &size);
    return gguf_open_bytes("generation", *bytes, size, err);
}

static void expect_lists(const char *text, const int32_t *stops, size_t stop_count,
                         const int32_t *suppressed, size_t suppressed_count)
{
    struct err err = {0};
    unsigned char *bytes;
    struct token_lists lists;
    struct gguf *gguf = read_generation(text, &bytes, &err);
    if (gguf == NULL) {
        fail_msg("%s: %s", text, err.text);
    }
    struct tokenizer *tokenizer = tokenizer_create(gguf, &err);
    if (tokenizer == NULL) {
        fail_msg("%s", err.text);
    }
    token_lists_read(&lists, gguf, tokenizer, tokenizer_size(tokenizer));
    assert_int_equal(lists.stop_count, stop_count);
    assert_memory_equal(lists.stops, stops, stop_count * sizeof *stops);
    assert_int_equal(lists.suppressed_count, suppressed_count);
    assert_memory_equal(lists.suppressed, suppressed, suppressed_count * sizeof *suppressed);
    tokenizer_destroy(tokenizer);
    gguf_close(gguf);
    mem_free(bytes);
}

static void reads_how_to_generate(void **state)
{
    (void)state;
    static const int32_t plain[] = {1, 5}, more[] = {1, 5, 4}, media[] = {7, 6},
                         named[] = {7, 6, 3};
    expect_lists("{}", plain, 2, media, 2);
    expect_lists("{\"eos_token_id\": 4, \"suppress_tokens\": null}", more, 3, media, 2);
    expect_lists("{\"eos_token_id\": [1, 4, 5, 900], \"suppress_tokens\": [6, 3, 900, 3]}", more, 3,
                 named, 3);
    struct err err = {0};
    unsigned char *bytes;
    int64_t top_k = 0;
    double temperature = 0, top_p = 0;
    struct gguf *gguf = read_generation("{\"top_k\": 17, \"temperature\": 0.5, \"top_p\": 0.25, "
                                        "\"do_sample\": true}",
                                        &bytes, &err);
    assert_true(gguf_integer(gguf, "general.sampling.top_k", &top_k, &err));
    assert_true(gguf_real(gguf, "general.sampling.temp", &temperature, &err));
    assert_true(gguf_real(gguf, "general.sampling.top_p", &top_p, &err));
    assert_true(top_k == 17 && temperature == 0.5 && top_p == 0.25);
    gguf_close(gguf);
    mem_free(bytes);
    static const char *const broken[] = {"",
                                         "[]",
                                         "{\"eos_token_id\": \"1\"}",
                                         "{\"suppress_tokens\": [1, -2]}",
                                         "{\"suppress_tokens\": [1",
                                         "{\"eos_token_id\": {}}",
                                         "{\"top_k\": 1.5}"};
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        if (read_generation(broken[i], &bytes, &err) != NULL) {
            fail_msg("%s was read", broken[i]);
        }
        mem_free(bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_the_model_of_the_gguf),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(reads_both_forms_of_a_configuration),
        cmocka_unit_test(refuses_configurations),
        cmocka_unit_test(reads_both_forms_of_merges),
        cmocka_unit_test(refuses_tokenizers),
        cmocka_unit_test(translates_names),
        cmocka_unit_test(reads_how_to_generate),
        cmocka_unit_test(refuses_folders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
