/* The tokenizer against two sets of reference ids, and against what text must never do. */
#include "load/tokenizer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/err.h"
#include "base/mem.h"

#include "load/gguf.h"
#include "support/gguf_writer.h"
#include "support/tiny_model.h"

struct loaded {
    struct gguf *gguf;
    struct tokenizer *tokenizer;
};

static struct loaded load(const char *path)
{
    struct err err = {0};
    struct loaded l = {.gguf = gguf_open(path, &err)};
    if (l.gguf != NULL) {
        l.tokenizer = tokenizer_create(l.gguf, &err);
    }
    if (l.tokenizer == NULL) {
        fail_msg("%s", err.text);
    }
    return l;
}

static void unload(struct loaded *l)
{
    tokenizer_destroy(l->tokenizer);
    gguf_close(l->gguf);
}

/* A tokenizer over the tiny vocabulary, changed by what the writer knows already. */
static struct tokenizer *create_tiny(struct gguf_writer *writer, struct gguf **gguf,
                                     struct err *err)
{
    size_t size;
    tiny_model_vocabulary(writer);
    const unsigned char *bytes = gguf_writer_finish(writer, &size);
    *gguf = gguf_open_bytes("tiny.gguf", bytes, size, err);
    return *gguf == NULL ? NULL : tokenizer_create(*gguf, err);
}

struct tiny {
    struct gguf_writer writer;
    struct gguf *gguf;
    struct tokenizer *tokenizer;
};

static int tiny_setup(void **state)
{
    struct tiny *tiny = calloc(1, sizeof *tiny);
    struct err err = {0};
    gguf_writer_init(&tiny->writer);
    tiny->tokenizer = create_tiny(&tiny->writer, &tiny->gguf, &err);
    *state = tiny;
    if (tiny->tokenizer == NULL) {
        print_error("%s\n", err.text);
    }
    return tiny->tokenizer == NULL;
}

static int tiny_teardown(void **state)
{
    struct tiny *tiny = *state;
    tokenizer_destroy(tiny->tokenizer);
    gguf_close(tiny->gguf);
    gguf_writer_free(&tiny->writer);
    free(tiny);
    return 0;
}

/* The bytes of all ids, one after the other: malloc. */
static char *decode(const struct tokenizer *t, const int32_t *ids, size_t count, size_t *length)
{
    size_t total = 0;
    for (int pass = 0;; pass++) {
        char *text = pass == 0 ? NULL : malloc(total + 1);
        total = 0;
        for (size_t i = 0; i < count; i++) {
            const char *bytes;
            size_t size;
            tokenizer_bytes(t, ids[i], &bytes, &size);
            if (pass == 1) {
                memcpy(text + total, bytes, size);
            }
            total += size;
        }
        if (pass == 1) {
            text[total] = '\0';
            *length = total;
            return text;
        }
    }
}

static void check_encoding(const struct tokenizer *t, const char *text, size_t length, bool control,
                           const int32_t *expected, size_t expected_count)
{
    int32_t *ids;
    size_t count;
    struct err err = {0};
    if (!tokenizer_encode(t, text, length, control, &ids, &count, &err)) {
        fail_msg("%s", err.text);
    }
    bool same = count == expected_count;
    for (size_t i = 0; same && i < count; i++) {
        same = ids[i] == expected[i];
    }
    if (!same) {
        print_error("text %s\n", text);
        for (size_t i = 0; i < count || i < expected_count; i++) {
            print_error("  %zu: %d, must be %d\n", i, i < count ? ids[i] : -1,
                        i < expected_count ? expected[i] : -1);
        }
        fail();
    }
    mem_free(ids);
}

/* One case of a reference file: encodes, and decodes back. */
static void check_case(const struct tokenizer *t, json_t *entry, const char *decoded_key)
{
    json_t *text = json_object_get(entry, "text"), *ids = json_object_get(entry, "ids");
    json_t *decoded = json_object_get(entry, decoded_key);
    size_t count = json_array_size(ids), length;
    int32_t *expected = calloc(count + 1, sizeof *expected);
    for (size_t i = 0; i < count; i++) {
        expected[i] = (int32_t)json_integer_value(json_array_get(ids, i));
    }
    check_encoding(t, json_string_value(text), json_string_length(text), true, expected, count);
    char *back = decode(t, expected, count, &length);
    assert_non_null(json_string_value(decoded));
    assert_int_equal(length, json_string_length(decoded));
    assert_memory_equal(back, json_string_value(decoded), length);
    free(back);
    free(expected);
}

static void nano_gives_the_reference_ids(void **state)
{
    (void)state;
    struct loaded l = load(TEST_MODELS "/nano.gguf");
    FILE *file = fopen(TEST_DATA "/tokenize.jsonl", "rb");
    assert_non_null(file);
    int cases = 0;
    for (json_t *entry;
         (entry = json_loadf(file, JSON_DISABLE_EOF_CHECK | JSON_ALLOW_NUL, NULL)) != NULL;) {
        check_case(l.tokenizer, entry, "decoded");
        json_decref(entry);
        cases++;
    }
    fclose(file);
    print_message("%d cases\n", cases);
    assert_true(cases >= 100);
    unload(&l);
}

static void the_other_vocabulary_gives_the_reference_ids(void **state)
{
    (void)state;
    struct loaded l = load(TEST_DATA "/vocabulary.gguf");
    json_t *root = json_load_file(TEST_DATA "/tokenizer.golden.json", JSON_ALLOW_NUL, NULL);
    json_t *cases = json_object_get(root, "cases");
    assert_true(json_array_size(cases) >= 49);
    for (size_t i = 0; i < json_array_size(cases); i++) {
        check_case(l.tokenizer, json_array_get(cases, i), "decoded_all");
    }
    json_decref(root);
    unload(&l);
}

/* Without `control` the same texts give text that decodes to the same bytes. */
static void no_text_makes_control_tokens(void **state)
{
    (void)state;
    struct loaded l = load(TEST_MODELS "/nano.gguf");
    struct gguf_array types;
    assert_true(gguf_array(l.gguf, "tokenizer.ggml.token_type", &types, NULL));
    int matched = 0;
    for (int32_t id = 0; id < tokenizer_size(l.tokenizer); id++) {
        const char *bytes;
        size_t size;
        tokenizer_bytes(l.tokenizer, id, &bytes, &size);
        if (tokenizer_kind(l.tokenizer, id) != TOKENIZER_CONTROL) {
            continue;
        }
        int32_t *ids;
        size_t count, length;
        assert_true(tokenizer_encode(l.tokenizer, bytes, size, false, &ids, &count, NULL));
        for (size_t i = 0; i < count; i++) {
            assert_int_not_equal(tokenizer_kind(l.tokenizer, ids[i]), TOKENIZER_CONTROL);
        }
        char *back = decode(l.tokenizer, ids, count, &length);
        assert_int_equal(length, size);
        assert_memory_equal(back, bytes, size);
        free(back);
        mem_free(ids);
        if (gguf_array_integer(&types, (uint64_t)id) != 5) { /* unused: not even when trusted */
            check_encoding(l.tokenizer, bytes, size, true, &id, 1);
            matched++;
        }
    }
    assert_true(matched >= 20);
    unload(&l);
}

static void find(const struct tokenizer *t, const char *const *spellings, size_t count,
                 int32_t *ids)
{
    for (size_t i = 0; i < count; i++) {
        ids[i] = tokenizer_find(t, spellings[i]);
        if (ids[i] < 0) {
            fail_msg("no token %s", spellings[i]);
        }
    }
}

static void tiny_encodes(void **state)
{
    const struct tiny *tiny = *state;
    static const struct {
        const char *text;
        bool control;
        const char *expected[12];
    } cases[] = {
        {"", false, {NULL}},
        {"abc", false, {"abc"}}, /* b+c is earlier than a+b, then a+bc */
        {"ababc", false, {"ab", "abc"}},
        {" abc",
         false,
         {"\xE2\x96\x81"
          "abc"}},
        {"\xE2\x96\x81"
         "abc",
         false,
         {"\xE2\x96\x81"
          "abc"}},                                                    /* as good as a space */
        {"   ", false, {"\xE2\x96\x81\xE2\x96\x81", "\xE2\x96\x81"}}, /* leftmost first */
        {"\n\n\n", false, {"\n\n", "\n"}},
        {"ca", false, {"c", "a"}}, /* "ca" is listed as a merge but is no token */
        {"\xC3\xA9z", false, {"\xC3\xA9", "<0x7A>"}},
        {"\xE2\x82\xAC", false, {"<0xE2>", "<0x82>", "<0xAC>"}},
        {"<0xAA>", false, {"<", "0", "x", "A", "A", ">"}}, /* not the byte AA */
        {"<|turn>", false, {"<|", "turn", ">"}},           /* the merge to it is listed, too */
        {"<|turn>", true, {"<|turn>"}},
        {"a<|turn>b<turn|>", true, {"a", "<|turn>", "b", "<turn|>"}},
        {"<<|turn>>", true, {"<", "<|turn>", ">"}},
        {"<start>er", true, {"<start>er"}}, /* the longest */
        {"<start>e", true, {"<start>", "<0x65>"}},
        {"<unused7>", true, {"<", "u", "n", "u", "<0x73>", "<0x65>", "<0x64>", "<0x37>", ">"}},
        {"a<eos>b", true, {"a", "<eos>", "b"}},   /* the file calls it normal */
        {"<|tool_call>", true, {"<|tool_call>"}}, /* user-defined, it says */
    };
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        int32_t expected[12];
        size_t count = 0;
        while (count < 12 && cases[c].expected[count] != NULL) {
            count++;
        }
        find(tiny->tokenizer, cases[c].expected, count, expected);
        check_encoding(tiny->tokenizer, cases[c].text, strlen(cases[c].text), cases[c].control,
                       expected, count);
    }
}

static void tiny_knows_its_tokens(void **state)
{
    const struct tiny *tiny = *state;
    const struct tokenizer *t = tiny->tokenizer;
    static const struct {
        const char *spelling;
        enum tokenizer_kind kind;
        const char *bytes;
        size_t length;
    } cases[] = {
        {"<eos>", TOKENIZER_CONTROL, "<eos>", 5},
        {"<|turn>", TOKENIZER_CONTROL, "<|turn>", 7},
        {"<unk>", TOKENIZER_CONTROL, "<unk>", 5},
        {"<unused7>", TOKENIZER_CONTROL, "<unused7>", 9},
        {"<start>", TOKENIZER_CONTROL, "<start>", 7},
        {"</s>", TOKENIZER_TEXT, "</s>", 4},
        {"<0x00>", TOKENIZER_BYTE, "\0", 1},
        {"<0x20>", TOKENIZER_BYTE, " ", 1},
        {"<0xFF>", TOKENIZER_BYTE, "\xFF", 1},
        {"\xE2\x96\x81", TOKENIZER_TEXT, " ", 1},
        {"\xE2\x96\x81"
         "abc",
         TOKENIZER_TEXT, " abc", 4},
        {"\xC3\xA9", TOKENIZER_TEXT, "\xC3\xA9", 2},
    };
    assert_int_equal(tokenizer_size(t), tiny_model_tokens());
    assert_int_equal(tokenizer_bos(t), 2);
    assert_int_equal(tokenizer_find(t, "no such"), -1);
    assert_int_equal(tokenizer_find(t, ""), -1);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int32_t id = tokenizer_find(t, cases[i].spelling);
        const char *bytes;
        size_t length;
        assert_true(id >= 0);
        assert_int_equal(tokenizer_kind(t, id), cases[i].kind);
        tokenizer_bytes(t, id, &bytes, &length);
        assert_int_equal(length, cases[i].length);
        assert_memory_equal(bytes, cases[i].bytes, length);
    }
}

/* Any bytes come back, whatever they are, with and without control tokens among them. */
static void all_bytes_come_back(void **state)
{
    (void)state;
    struct loaded l = load(TEST_MODELS "/nano.gguf");
    static const char *const seeds[] = {"<|turn>", "\xE2\x96", "\xF0\x9F\x98\x80", " the ",
                                        "\xFF",    "\xC3\x28", "\xED\xA0\x80",     "\n\n",
                                        "<0x41>",  "\xF4\x90"};
    uint32_t random = 12345;
    for (int round = 0; round < 400; round++) {
        char text[256];
        size_t size = 0;
        while (size < 200) {
            random = random * 1664525 + 1013904223;
            if (random >> 30 == 0) {
                const char *seed = seeds[(random >> 8) % (sizeof seeds / sizeof seeds[0])];
                memcpy(text + size, seed, strlen(seed));
                size += strlen(seed);
            } else {
                text[size++] = (char)(random >> 16);
            }
            if (size >= 3 && memcmp(text + size - 3, "\xE2\x96\x81", 3) == 0) {
                size--; /* U+2581 would come back as a space */
            }
        }
        for (int control = 0; control < 2; control++) {
            int32_t *ids;
            size_t count, length;
            assert_true(
                tokenizer_encode(l.tokenizer, text, size, control != 0, &ids, &count, NULL));
            char *back = decode(l.tokenizer, ids, count, &length);
            assert_int_equal(length, size);
            assert_memory_equal(back, text, size);
            free(back);
            mem_free(ids);
        }
    }
    unload(&l);
}

/* A megabyte without a line break: words, and one run that never can be cut. */
static void long_lines_are_no_trouble(void **state)
{
    (void)state;
    struct loaded l = load(TEST_MODELS "/nano.gguf");
    enum { SIZE = 1 << 20 };
    static const char *const units[] = {"the public knight is on the router ", "a", "aab", "  "};
    for (size_t u = 0; u < sizeof units / sizeof units[0]; u++) {
        char *text = malloc(SIZE);
        size_t unit = strlen(units[u]), count, length;
        for (size_t i = 0; i < SIZE; i++) {
            text[i] = units[u][i % unit];
        }
        int32_t *ids;
        assert_true(tokenizer_encode(l.tokenizer, text, SIZE, true, &ids, &count, NULL));
        char *back = decode(l.tokenizer, ids, count, &length);
        assert_int_equal(length, SIZE);
        assert_memory_equal(back, text, SIZE);
        free(back);
        mem_free(ids);
        free(text);
    }
    unload(&l);
}

/* The cut into pieces must not change anything: compared with merging by hand over the whole run,
 * the slow way, with the merges read from the file again. */
static void pieces_change_nothing(void **state)
{
    (void)state;
    struct loaded l = load(TEST_DATA "/vocabulary.gguf");
    struct gguf_array merges;
    assert_true(gguf_array(l.gguf, "tokenizer.ggml.merges", &merges, NULL));
    static const char alphabet[] = "helo wrdaint  \n.<|>/s";
    uint32_t random = 99;
    for (int round = 0; round < 60; round++) {
        char parts[40][64];
        size_t count = 0;
        char text[41] = "";
        for (; count < 40; count++) {
            random = random * 1664525 + 1013904223;
            char c = alphabet[(random >> 10) % (sizeof alphabet - 1)];
            if (c != ' ' && tokenizer_find(l.tokenizer, (char[]){c, '\0'}) < 0) {
                c = 'e'; /* byte tokens are for other tests */
            }
            text[count] = c;
            snprintf(parts[count], sizeof parts[count], "%s",
                     c == ' ' ? "\xE2\x96\x81" : (char[]){c, '\0'});
        }
        for (bool merged = true; merged;) {
            struct gguf_text line;
            size_t cursor = 0;
            merged = false;
            while (!merged && gguf_array_text(&merges, &cursor, &line)) {
                for (size_t i = 0; !merged && i + 1 < count; i++) {
                    char pair[140];
                    int length = snprintf(pair, sizeof pair, "%s %s", parts[i], parts[i + 1]);
                    if ((size_t)length == line.length &&
                        memcmp(pair, line.bytes, line.length) == 0) {
                        strcat(parts[i], parts[i + 1]);
                        memmove(parts[i + 1], parts[i + 2], (count - i - 2) * sizeof parts[0]);
                        count--;
                        merged = true;
                    }
                }
            }
        }
        int32_t expected[40];
        for (size_t i = 0; i < count; i++) {
            expected[i] = tokenizer_find(l.tokenizer, parts[i]);
            assert_true(expected[i] >= 0);
        }
        check_encoding(l.tokenizer, text, 40, false, expected, count);
    }
    unload(&l);
}

static void check_refusal(struct gguf_writer *writer, enum err_code code, const char *part)
{
    struct err err = {0};
    struct gguf *gguf;
    struct tokenizer *t = create_tiny(writer, &gguf, &err);
    if (t != NULL || err.code != code || strstr(err.text, part) == NULL ||
        strncmp(err.text, "tiny.gguf: ", 11) != 0) {
        fail_msg("code %d, \"%s\" does not say \"%s\"", err.code, err.text, part);
    }
    gguf_close(gguf);
    gguf_writer_free(writer);
    gguf_writer_init(writer);
}

static void refuses_broken_vocabularies(void **state)
{
    (void)state;
    static const char *const three[] = {"<bos>", "a", "b"};
    static const char *const twice[] = {"<bos>", "a", "a"};
    static const char *const empty[] = {"<bos>", "", "a"};
    static const char *const no_space[] = {"a b", "ab"};
    static const char *const one_side[] = {"a "};
    static const int32_t three_types[] = {3, 1, 1}, odd_types[] = {3, 9, 1}, bytes[] = {3, 6, 1};
    struct gguf_writer w;
    gguf_writer_init(&w);

    gguf_writer_string(&w, "tokenizer.ggml.model", "gpt2\x1b[2J");
    check_refusal(&w, ERR_UNSUPPORTED, "tokenizer.ggml.model is \"gpt2\xE2\x90\x9B[2J\"");
    gguf_writer_string(&w, "tokenizer.ggml.model", "llama");
    check_refusal(&w, ERR_UNSUPPORTED, "only gemma4");
    gguf_writer_omit(&w, "tokenizer.ggml.model");
    check_refusal(&w, ERR_NOT_FOUND, "tokenizer.ggml.model");
    gguf_writer_omit(&w, "tokenizer.ggml.tokens");
    check_refusal(&w, ERR_NOT_FOUND, "tokenizer.ggml.tokens");
    gguf_writer_omit(&w, "tokenizer.ggml.merges");
    check_refusal(&w, ERR_NOT_FOUND, "tokenizer.ggml.merges");
    gguf_writer_i32s(&w, "tokenizer.ggml.tokens", three_types, 3);
    check_refusal(&w, ERR_LIMIT, "tokenizer.ggml.tokens");
    gguf_writer_strings(&w, "tokenizer.ggml.tokens", three, 3);
    check_refusal(&w, ERR_FORMAT, "elements for 3 tokens");

    gguf_writer_i32s(&w, "tokenizer.ggml.token_type", three_types, 3);
    gguf_writer_strings(&w, "tokenizer.ggml.tokens", three, 3);
    check_refusal(&w, ERR_FORMAT, "no token <0x00>");
    gguf_writer_i32s(&w, "tokenizer.ggml.token_type", three_types, 3);
    gguf_writer_strings(&w, "tokenizer.ggml.tokens", twice, 3);
    check_refusal(&w, ERR_FORMAT, "tokens 1 and 2 are spelled the same");
    gguf_writer_i32s(&w, "tokenizer.ggml.token_type", three_types, 3);
    gguf_writer_strings(&w, "tokenizer.ggml.tokens", empty, 3);
    check_refusal(&w, ERR_FORMAT, "token 1 has no spelling");
    gguf_writer_i32s(&w, "tokenizer.ggml.token_type", odd_types, 3);
    gguf_writer_strings(&w, "tokenizer.ggml.tokens", three, 3);
    check_refusal(&w, ERR_FORMAT, "token 1 has an unknown type");
    gguf_writer_i32s(&w, "tokenizer.ggml.token_type", bytes, 3);
    gguf_writer_strings(&w, "tokenizer.ggml.tokens", three, 3);
    check_refusal(&w, ERR_FORMAT, "token 1 is a byte token");
    gguf_writer_string(&w, "tokenizer.ggml.token_type", "1");
    check_refusal(&w, ERR_FORMAT, "tokenizer.ggml.token_type");

    gguf_writer_strings(&w, "tokenizer.ggml.merges", no_space, 2);
    check_refusal(&w, ERR_FORMAT, "merge 1 is not two tokens");
    gguf_writer_strings(&w, "tokenizer.ggml.merges", one_side, 1);
    check_refusal(&w, ERR_FORMAT, "merge 0 is not two tokens");
    gguf_writer_i32s(&w, "tokenizer.ggml.merges", bytes, 3);
    check_refusal(&w, ERR_LIMIT, "tokenizer.ggml.merges");

    gguf_writer_u32(&w, "tokenizer.ggml.bos_token_id", 100000);
    check_refusal(&w, ERR_FORMAT, "bos_token_id is 100000");
    gguf_writer_integer(&w, "tokenizer.ggml.eos_token_id", GGUF_I32, -1);
    check_refusal(&w, ERR_FORMAT, "eos_token_id is -1");
    gguf_writer_u32(&w, "tokenizer.ggml.bos_token_id", (uint32_t)tiny_model_tokens() - 1);
    check_refusal(&w, ERR_FORMAT, "names no control token");
    gguf_writer_free(&w);
}

static void accepts_the_other_makers_name(void **state)
{
    (void)state;
    struct gguf_writer w;
    struct err err = {0};
    struct gguf *gguf;
    gguf_writer_init(&w);
    gguf_writer_string(&w, "tokenizer.ggml.model", "llama");
    gguf_writer_string(&w, "tokenizer.ggml.pre", "gemma4");
    gguf_writer_omit(&w, "tokenizer.ggml.bos_token_id"); /* then it is found by its spelling */
    struct tokenizer *t = create_tiny(&w, &gguf, &err);
    assert_non_null(t);
    assert_int_equal(tokenizer_bos(t), 2);
    tokenizer_destroy(t);
    gguf_close(gguf);
    gguf_writer_free(&w);
}

static void every_allocation_may_fail(void **state)
{
    const struct tiny *tiny = *state;
    unsigned long failed = 0;
    for (int lasting = 0; lasting < 2; lasting++) {
        for (unsigned long n = 1;; n++) {
            struct err err = {0};
            mem_fail_at(n, lasting);
            struct tokenizer *t = tokenizer_create(tiny->gguf, &err);
            bool reached = mem_allocation_count() >= n;
            mem_fail_at(0, 0);
            tokenizer_destroy(t);
            if (!reached) {
                break;
            }
            failed++;
            assert_null(t);
            assert_int_equal(err.code, ERR_MEMORY);
        }
        for (unsigned long n = 1;; n++) {
            struct err err = {0};
            int32_t *ids = NULL;
            size_t count = 0;
            mem_fail_at(n, lasting);
            bool ok = tokenizer_encode(tiny->tokenizer, "a<|turn>abcabc abcz", 19, true, &ids,
                                       &count, &err);
            bool reached = mem_allocation_count() >= n;
            mem_fail_at(0, 0);
            if (ok) { /* the last allocation only gives memory back, and may fail */
                mem_free(ids);
            } else {
                assert_null(ids);
                assert_int_equal(err.code, ERR_MEMORY);
                failed++;
            }
            if (!reached) {
                break;
            }
        }
    }
    assert_true(failed >= 10);
}

static void too_long_a_text_is_refused(void **state)
{
    const struct tiny *tiny = *state;
    struct err err = {0};
    int32_t *ids;
    size_t count;
    assert_false(
        tokenizer_encode(tiny->tokenizer, "", ((size_t)64 << 20) + 1, false, &ids, &count, &err));
    assert_int_equal(err.code, ERR_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nano_gives_the_reference_ids),
        cmocka_unit_test(the_other_vocabulary_gives_the_reference_ids),
        cmocka_unit_test(no_text_makes_control_tokens),
        cmocka_unit_test_setup_teardown(tiny_encodes, tiny_setup, tiny_teardown),
        cmocka_unit_test_setup_teardown(tiny_knows_its_tokens, tiny_setup, tiny_teardown),
        cmocka_unit_test(all_bytes_come_back),
        cmocka_unit_test(long_lines_are_no_trouble),
        cmocka_unit_test(pieces_change_nothing),
        cmocka_unit_test(refuses_broken_vocabularies),
        cmocka_unit_test(accepts_the_other_makers_name),
        cmocka_unit_test_setup_teardown(every_allocation_may_fail, tiny_setup, tiny_teardown),
        cmocka_unit_test_setup_teardown(too_long_a_text_is_refused, tiny_setup, tiny_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
