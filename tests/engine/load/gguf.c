/* Every check that gguf_file.c's head lists, violated once; truncation at every byte; every bit of
 * a small header flipped; every allocation refused. */
#include "load/gguf.h"

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

#include "load/name_index.h"
#include "support/gguf_writer.h"
#include "support/tiny_model.h"

static struct gguf *open_writer(struct gguf_writer *w, struct err *err)
{
    size_t size;
    const unsigned char *bytes = gguf_writer_finish(w, &size);
    return gguf_open_bytes("dir/x.gguf", bytes, size, err);
}

/* Expects a refusal whose text begins with the file and holds `part`; makes the writer new. */
static void check_refusal(struct gguf_writer *w, enum err_code code, const char *part)
{
    struct err err = {0};
    struct gguf *gguf = open_writer(w, &err);
    if (gguf != NULL || err.code != code || strncmp(err.text, "x.gguf: ", 8) != 0 ||
        strstr(err.text, part) == NULL) {
        fail_msg("code %d, \"%s\"; must say \"%s\"", err.code, err.text, part);
    }
    gguf_close(gguf);
    gguf_writer_free(w);
    gguf_writer_init(w);
}

/* A small file with a key of each kind and two tensors. */
static void write_small(struct gguf_writer *w)
{
    static const int32_t numbers[] = {-5, 7, 1 << 30};
    static const bool flags[] = {true, false};
    static const char *const words[] = {"one", "", "three\n"};
    gguf_writer_integer(w, "u8", GGUF_U8, 200);
    gguf_writer_integer(w, "i8", GGUF_I8, -100);
    gguf_writer_integer(w, "u16", GGUF_U16, 60000);
    gguf_writer_integer(w, "i16", GGUF_I16, -30000);
    gguf_writer_integer(w, "u32", GGUF_U32, 4000000000);
    gguf_writer_integer(w, "i32", GGUF_I32, -2000000000);
    gguf_writer_integer(w, "u64", GGUF_U64, INT64_MAX);
    gguf_writer_integer(w, "huge", GGUF_U64, -1);
    gguf_writer_integer(w, "i64", GGUF_I64, INT64_MIN);
    gguf_writer_f32(w, "f32", 0.5f);
    double real = 1e300;
    gguf_writer_key_raw(w, "f64", 3, GGUF_F64, &real, sizeof real);
    gguf_writer_bool(w, "bool", true);
    gguf_writer_string(w, "string", "text");
    gguf_writer_i32s(w, "numbers", numbers, 3);
    gguf_writer_bools(w, "flags", flags, 2);
    gguf_writer_strings(w, "words", words, 3);
    gguf_writer_strings(w, "none", words, 0);
    gguf_writer_floats(w, "first", 4, 3);
    gguf_writer_floats(w, "second", 5, 0);
}

static void looks_up_what_was_written(void **state)
{
    (void)state;
    struct gguf_writer w;
    struct err err = {0};
    gguf_writer_init(&w);
    write_small(&w);
    for (w.version = 2; w.version <= 3; w.version++) {
        struct gguf *g = open_writer(&w, &err);
        assert_non_null(g);
        static const struct {
            const char *key;
            int64_t value;
        } integers[] = {{"u8", 200},        {"i8", -100},        {"u16", 60000},
                        {"i16", -30000},    {"u32", 4000000000}, {"i32", -2000000000},
                        {"u64", INT64_MAX}, {"i64", INT64_MIN}};
        for (size_t i = 0; i < sizeof integers / sizeof integers[0]; i++) {
            int64_t value = 1;
            assert_true(gguf_integer(g, integers[i].key, &value, &err));
            assert_true(value == integers[i].value);
        }
        double real = 0;
        bool flag = false;
        struct gguf_text text;
        struct gguf_array array;
        assert_true(gguf_real(g, "f32", &real, &err) && real == 0.5);
        assert_true(gguf_real(g, "f64", &real, &err) && real == 1e300);
        assert_true(gguf_bool(g, "bool", &flag, &err) && flag);
        assert_true(gguf_string(g, "string", &text, &err));
        assert_true(text.length == 4 && memcmp(text.bytes, "text", 4) == 0);
        assert_true(gguf_array(g, "numbers", &array, &err));
        assert_true(array.type == GGUF_I32 && array.count == 3 && array.bytes == 12);
        assert_true(gguf_array_integer(&array, 0) == -5 && gguf_array_real(&array, 2) == 1 << 30);
        assert_true(gguf_array(g, "flags", &array, &err) && array.count == 2);
        assert_true(gguf_array_integer(&array, 0) == 1 && gguf_array_integer(&array, 1) == 0);
        assert_true(gguf_array(g, "words", &array, &err));
        size_t cursor = 0;
        assert_true(gguf_array_text(&array, &cursor, &text) && text.length == 3);
        assert_true(gguf_array_text(&array, &cursor, &text) && text.length == 0);
        assert_true(gguf_array_text(&array, &cursor, &text) && text.length == 6);
        assert_memory_equal(text.bytes, "three\n", 6);
        assert_false(gguf_array_text(&array, &cursor, &text));
        assert_true(gguf_array(g, "none", &array, &err) && array.count == 0);
        cursor = 0;
        assert_false(gguf_array_text(&array, &cursor, &text));
        assert_true(gguf_has(g, "words") && !gguf_has(g, "word") && !gguf_has(g, ""));
        gguf_close(g);
    }
    gguf_writer_free(&w);
}

static void looks_up_tensors(void **state)
{
    (void)state;
    struct gguf_writer w;
    struct err err = {0};
    gguf_writer_init(&w);
    write_small(&w);
    struct gguf *g = open_writer(&w, &err);
    assert_int_equal(gguf_tensor_count(g), 2);
    const struct gguf_tensor *first = gguf_tensor_find(g, "first");
    const struct gguf_tensor *second = gguf_tensor_find(g, "second");
    assert_ptr_equal(first, gguf_tensor_at(g, 0));
    assert_ptr_equal(second, gguf_tensor_at(g, 1));
    assert_null(gguf_tensor_find(g, "third"));
    assert_string_equal(second->name, "second");
    assert_int_equal(first->dimension_count, 2);
    assert_true(first->ne[0] == 4 && first->ne[1] == 3 && first->ne[2] == 1 && first->ne[3] == 1);
    assert_true(first->type == QUANT_F32 && first->bytes == 48 && second->bytes == 20);
    assert_int_equal(second->data - first->data, 64); /* 48, padded to 32 */
    assert_true(second->data + second->bytes == w.file.bytes + w.file.size);
    assert_memory_equal(first->data, w.data.bytes, 48);
    assert_string_equal(gguf_path(g), "dir/x.gguf");
    assert_string_equal(gguf_shown_path(g), "x.gguf");
    assert_true(gguf_file_bytes(g) == w.file.size);
    gguf_close(g);
    gguf_writer_free(&w);
}

static void wrong_look_ups_say_why(void **state)
{
    (void)state;
    struct gguf_writer w;
    struct err err = {0};
    gguf_writer_init(&w);
    write_small(&w);
    struct gguf *g = open_writer(&w, &err);
    int64_t integer = 42;
    double real = 42;
    bool flag = true;
    struct gguf_text text = {.length = 42};
    struct gguf_array array = {.count = 42};
    assert_false(gguf_integer(g, "absent", &integer, &err));
    assert_int_equal(err.code, ERR_NOT_FOUND);
    assert_string_equal(err.text, "x.gguf: the key absent is missing");
    assert_false(gguf_integer(g, "f32", &integer, &err));
    assert_int_equal(err.code, ERR_FORMAT);
    assert_string_equal(err.text, "x.gguf: the key f32 is a f32, must be an integer");
    assert_false(gguf_integer(g, "huge", &integer, &err));
    assert_int_equal(err.code, ERR_FORMAT);
    assert_false(gguf_integer(g, "numbers", &integer, &err));
    assert_string_equal(err.text, "x.gguf: the key numbers is an array of i32, must be an integer");
    assert_false(gguf_integer(g, "bool", &integer, &err));
    assert_false(gguf_real(g, "u32", &real, &err));
    assert_false(gguf_bool(g, "u8", &flag, &err));
    assert_false(gguf_string(g, "words", &text, &err));
    assert_false(gguf_array(g, "string", &array, &err));
    assert_false(gguf_array(g, "absent", &array, NULL));
    assert_true(integer == 42 && real == 42 && flag && text.length == 42 && array.count == 42);
    gguf_close(g);
    gguf_writer_free(&w);
}

/* --- broken files --- */

static void refuses_broken_headers(void **state)
{
    (void)state;
    struct gguf_writer w;
    struct err err = {0};
    gguf_writer_init(&w);
    assert_null(gguf_open_bytes("x", "GGML\3\0\0\0", 8, &err));
    assert_int_equal(err.code, ERR_FORMAT);
    assert_non_null(strstr(err.text, "not a GGUF file"));
    w.version = 0;
    check_refusal(&w, ERR_UNSUPPORTED, "version 0");
    w.version = 1;
    check_refusal(&w, ERR_UNSUPPORTED, "version 1");
    w.version = 4;
    check_refusal(&w, ERR_UNSUPPORTED, "version 4");
    w.version = 0x03000000;
    check_refusal(&w, ERR_UNSUPPORTED, "big-endian");
    w.tensor_count = 65537;
    check_refusal(&w, ERR_LIMIT, "65537 tensors");
    w.key_count = UINT64_MAX;
    check_refusal(&w, ERR_LIMIT, "keys");
    w.key_count = 65536; /* under the cap, but where should they be? */
    check_refusal(&w, ERR_FORMAT, "do not fit into 24 bytes");
    w.tensor_count = 1;
    check_refusal(&w, ERR_FORMAT, "do not fit");
    gguf_writer_free(&w);
}

static void refuses_broken_keys(void **state)
{
    (void)state;
    struct gguf_writer w;
    static const unsigned char zeros[64];
    uint64_t numbers[4] = {0};
    static char long_name[70000];
    memset(long_name, 'k', sizeof long_name);
    gguf_writer_init(&w);

    gguf_writer_key_raw(&w, "", 0, GGUF_U32, zeros, 4);
    check_refusal(&w, ERR_FORMAT, "empty name");
    gguf_writer_key_raw(&w, "a\0b", 3, GGUF_U32, zeros, 4);
    check_refusal(&w, ERR_FORMAT, "control character");
    gguf_writer_key_raw(&w, "a\x1b[2Jb", 6, GGUF_U32, zeros, 4);
    check_refusal(&w, ERR_FORMAT, "key 1 (a\xE2\x90\x9B[2Jb)");
    gguf_writer_key_raw(&w, "a\xC2\x9B", 3, GGUF_U32, zeros, 4);
    check_refusal(&w, ERR_FORMAT, "control character");
    gguf_writer_key_raw(&w, "\xFFkey", 4, GGUF_U32, zeros, 4);
    check_refusal(&w, ERR_FORMAT, "not UTF-8");
    gguf_writer_key_raw(&w, long_name, 65536, GGUF_U32, zeros, 4);
    check_refusal(&w, ERR_LIMIT, "string of 65536 bytes");
    gguf_writer_key_raw(&w, "same", 4, GGUF_U32, zeros, 4);
    gguf_writer_key_raw(&w, "same", 4, GGUF_I32, zeros, 4);
    check_refusal(&w, ERR_FORMAT,
                  "key 2 (same), before byte 56: the name was there before, as "
                  "number 1");
    gguf_writer_key_raw(&w, "typed", 5, 13, zeros, 8);
    check_refusal(&w, ERR_FORMAT, "key 1 (typed), before byte 41: a value of the unknown type 13");
    gguf_writer_key_raw(&w, "typed", 5, UINT32_MAX, zeros, 8);
    check_refusal(&w, ERR_FORMAT, "unknown type 4294967295");
    gguf_writer_key_raw(&w, "flag", 4, GGUF_BOOL, "\2", 1);
    check_refusal(&w, ERR_FORMAT, "is the bool 2");
    gguf_writer_key_raw(&w, "cut", 3, GGUF_U64, zeros, 4);
    check_refusal(&w, ERR_FORMAT, "the file ends here");

    numbers[0] = (16 << 20) + 1;
    gguf_writer_key_raw(&w, "text", 4, GGUF_STRING, numbers, 8);
    check_refusal(&w, ERR_LIMIT, "string of 16777217 bytes");
    numbers[0] = 25;
    gguf_writer_key_raw(&w, "text", 4, GGUF_STRING, numbers, 32);
    check_refusal(&w, ERR_FORMAT, "the file ends here");
    gguf_writer_free(&w);
}

static void array_value(unsigned char value[12], uint32_t type, uint64_t count)
{
    memcpy(value, &type, 4);
    memcpy(value + 4, &count, 8);
}

static void refuses_broken_arrays(void **state)
{
    (void)state;
    struct gguf_writer w;
    unsigned char value[64] = {0};
    gguf_writer_init(&w);
    array_value(value, GGUF_ARRAY, 1);
    gguf_writer_key_raw(&w, "list", 4, GGUF_ARRAY, value, 32);
    check_refusal(&w, ERR_FORMAT, "key 1 (list), before byte 52: an array of arrays");
    array_value(value, 13, 1);
    gguf_writer_key_raw(&w, "list", 4, GGUF_ARRAY, value, 32);
    check_refusal(&w, ERR_FORMAT, "array of the unknown type 13");
    array_value(value, GGUF_U64, UINT64_MAX);
    gguf_writer_key_raw(&w, "list", 4, GGUF_ARRAY, value, 32);
    check_refusal(&w, ERR_LIMIT, "an array of 18446744073709551615 elements");
    array_value(value, GGUF_U64, UINT64_C(1) << 61); /* times 8 would be 0 */
    gguf_writer_key_raw(&w, "list", 4, GGUF_ARRAY, value, 32);
    check_refusal(&w, ERR_LIMIT, "elements");
    array_value(value, GGUF_U64, (1 << 24) + 1);
    gguf_writer_key_raw(&w, "list", 4, GGUF_ARRAY, value, 32);
    check_refusal(&w, ERR_LIMIT, "16777217 elements");
    array_value(value, GGUF_U32, 6);
    gguf_writer_key_raw(&w, "list", 4, GGUF_ARRAY, value, 12 + 20);
    check_refusal(&w, ERR_FORMAT, "the file ends here");
    array_value(value, GGUF_STRING, 3);
    gguf_writer_key_raw(&w, "list", 4, GGUF_ARRAY, value, 12 + 16);
    check_refusal(&w, ERR_FORMAT, "the file ends here");
    array_value(value, GGUF_STRING, 2);
    value[20] = 1;
    gguf_writer_key_raw(&w, "list", 4, GGUF_ARRAY, value, 12 + 16);
    check_refusal(&w, ERR_FORMAT, "the file ends here");
    value[20] = 0;
    value[12 + 8 + 3] = 2; /* 2^25 */
    gguf_writer_key_raw(&w, "list", 4, GGUF_ARRAY, value, 12 + 16);
    check_refusal(&w, ERR_LIMIT, "element 1 is a string of 33554432 bytes");
    array_value(value, GGUF_BOOL, 3);
    value[14] = 0xFF;
    gguf_writer_key_raw(&w, "list", 4, GGUF_ARRAY, value, 12 + 3);
    check_refusal(&w, ERR_FORMAT, "element 2 is the bool 255");
    gguf_writer_free(&w);
}

static void refuses_broken_alignments(void **state)
{
    (void)state;
    static const uint32_t bad[] = {0, 3, 48, 65537, 131072, UINT32_MAX};
    struct gguf_writer w;
    gguf_writer_init(&w);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        gguf_writer_u32(&w, "other", 1);
        gguf_writer_u32(&w, "general.alignment", bad[i]);
        check_refusal(&w, ERR_FORMAT, "key 2 (general.alignment)");
    }
    gguf_writer_integer(&w, "general.alignment", GGUF_U64, 32);
    check_refusal(&w, ERR_FORMAT, "has type u64, must be u32");
    for (w.alignment = 1; w.alignment <= 65536; w.alignment *= 2) {
        struct gguf_writer sound;
        struct err err = {0};
        gguf_writer_init(&sound);
        sound.alignment = w.alignment;
        gguf_writer_u32(&sound, "general.alignment", w.alignment);
        write_small(&sound);
        struct gguf *g = open_writer(&sound, &err);
        assert_non_null(g);
        assert_memory_equal(gguf_tensor_find(g, "second")->data,
                            sound.data.bytes + sound.data.size - 20, 20);
        gguf_close(g);
        gguf_writer_free(&sound);
    }
    gguf_writer_free(&w);
}

static void refuses_broken_tensors(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t length;
        uint32_t dimension_count;
        uint64_t ne[4];
        uint32_t type;
        uint64_t offset;
        enum err_code code;
        const char *part;
    } cases[] = {
        {"", 0, 1, {4}, 0, 0, ERR_FORMAT, "tensor 1"},
        {"0123456789012345678901234567890123456789012345678901234567890123",
         64,
         1,
         {4},
         0,
         0,
         ERR_LIMIT,
         "string of 64 bytes"},
        {"a\x07", 2, 1, {4}, 0, 0, ERR_FORMAT, "tensor 1 (a\xE2\x90\x87)"},
        {"w", 1, 0, {0}, 0, 0, ERR_FORMAT, "tensor 1 (w), before byte 37: 0 dimensions"},
        {"w", 1, 5, {1, 1, 1, 1}, 0, 0, ERR_FORMAT, "5 dimensions"},
        {"w", 1, 2, {4, 0}, 0, 0, ERR_FORMAT, "dimension 1 is 0"},
        {"w", 1, 2, {UINT64_C(1) << 32, UINT64_C(1) << 32}, 0, 0, ERR_LIMIT, "2^48"},
        {"w", 1, 1, {(UINT64_C(1) << 48) + 1}, 0, 0, ERR_LIMIT, "2^48"},
        {"w", 1, 1, {UINT64_C(1) << 48}, 0, 0, ERR_FORMAT, "was cut short"},
        {"w", 1, 1, {4}, 4, 0, ERR_UNSUPPORTED, "block format 4"},
        {"w", 1, 1, {4}, 31, 0, ERR_UNSUPPORTED, "block format 31"},
        {"w", 1, 1, {4}, UINT32_MAX, 0, ERR_UNSUPPORTED, "block format"},
        {"w",
         1,
         1,
         {48},
         QUANT_Q8_0,
         0,
         ERR_FORMAT,
         "rows of 48 values are not whole blocks of 32 "
         "(Q8_0)"},
        {"w", 1, 2, {128, 2}, QUANT_Q4_K, 0, ERR_FORMAT, "whole blocks of 256"},
        {"w", 1, 1, {4}, 0, 16, ERR_FORMAT, "offset 16 is not a multiple of 32"},
        {"w", 1, 1, {4}, 0, 32, ERR_FORMAT, "needs bytes"},
        {"w", 1, 1, {9}, 0, 0, ERR_FORMAT, "needs bytes 64 to 100, but the file has only 96"},
        {"w", 1, 1, {4}, 0, UINT64_MAX - 31, ERR_FORMAT, "outside of any file"},
        {"w", 1, 1, {8}, 0, UINT64_MAX - 31, ERR_FORMAT, "outside of any file"},
        {"w", 1, 1, {4}, 0, UINT64_C(1) << 63, ERR_FORMAT, "was cut short"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct gguf_writer w;
        uint64_t five[5] = {1, 1, 1, 1, 1};
        memcpy(five, cases[i].ne, sizeof cases[i].ne);
        gguf_writer_init(&w);
        gguf_writer_tensor_raw(&w, cases[i].name, cases[i].length, cases[i].dimension_count, five,
                               cases[i].type, cases[i].offset);
        w.data.bytes = calloc(1, 32);
        w.data.size = w.data.capacity = 32;
        check_refusal(&w, cases[i].code, cases[i].part);
        gguf_writer_free(&w);
    }
}

static void refuses_overlapping_and_repeated_tensors(void **state)
{
    (void)state;
    const uint64_t nine[] = {9}, four[] = {4};
    struct gguf_writer w;
    gguf_writer_init(&w);
    gguf_writer_floats(&w, "first", 9, 0);
    gguf_writer_tensor_raw(&w, "second", 6, 1, four, QUANT_F32, 32); /* ends at 36 */
    check_refusal(&w, ERR_FORMAT, "tensor 2 (second)");
    gguf_writer_floats(&w, "first", 9, 0);
    gguf_writer_tensor_raw(&w, "second", 6, 1, nine, QUANT_F32, 0);
    check_refusal(&w, ERR_FORMAT, "offset 0 lies before 36");
    gguf_writer_floats(&w, "first", 9, 0);
    gguf_writer_tensor_raw(&w, "first", 5, 1, four, QUANT_F32, 64);
    check_refusal(&w, ERR_FORMAT, "the name was there before, as number 1");
    gguf_writer_free(&w);
}

/* --- all at once --- */

static void refuses_every_truncation(void **state)
{
    (void)state;
    struct gguf_writer w;
    size_t size;
    gguf_writer_init(&w);
    write_small(&w);
    const unsigned char *bytes = gguf_writer_finish(&w, &size);
    for (size_t kept = 0; kept < size; kept++) {
        struct err err = {0};
        unsigned char *cut = malloc(kept + 1); /* its own block: an over-read is seen */
        memcpy(cut, bytes, kept);
        cut = realloc(cut, kept == 0 ? 1 : kept);
        struct gguf *g = gguf_open_bytes("x.gguf", cut, kept, &err);
        if (g != NULL || err.code != ERR_FORMAT || strncmp(err.text, "x.gguf: ", 8) != 0) {
            fail_msg("cut at %zu: code %d, \"%s\"", kept, err.code, err.text);
        }
        free(cut);
    }
    gguf_writer_free(&w);
}

static void survives_every_flipped_bit(void **state)
{
    (void)state;
    struct gguf_writer w;
    size_t size;
    size_t refused = 0;
    gguf_writer_init(&w);
    write_small(&w);
    const unsigned char *bytes = gguf_writer_finish(&w, &size);
    unsigned char *flipped = malloc(size);
    size_t header = gguf_writer_metadata_bytes(&w);
    for (size_t bit = 0; bit < 8 * header; bit++) {
        struct err err = {0};
        memcpy(flipped, bytes, size);
        flipped[bit / 8] ^= (unsigned char)(1u << bit % 8);
        struct gguf *g = gguf_open_bytes("x.gguf", flipped, size, &err);
        if (g == NULL) {
            refused++;
            assert_true(err.code != ERR_NONE && strncmp(err.text, "x.gguf: ", 8) == 0);
            continue;
        }
        for (size_t i = 0; i < gguf_tensor_count(g); i++) {
            const struct gguf_tensor *t = gguf_tensor_at(g, i);
            assert_true(t->data >= flipped + header - 8);
            assert_true(t->data + t->bytes <= flipped + size);
        }
        struct gguf_array array;
        struct gguf_text text;
        size_t cursor = 0;
        while (gguf_array(g, "words", &array, NULL) && gguf_array_text(&array, &cursor, &text)) {
            assert_true((const unsigned char *)text.bytes + text.length <= flipped + header);
        }
        gguf_close(g);
    }
    assert_true(refused > header); /* most bits of a header matter */
    free(flipped);
    gguf_writer_free(&w);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    struct gguf_writer w;
    size_t size;
    unsigned long failed = 0;
    gguf_writer_init(&w);
    write_small(&w);
    const unsigned char *bytes = gguf_writer_finish(&w, &size);
    for (int lasting = 0; lasting < 2; lasting++) {
        for (unsigned long n = 1;; n++) {
            struct err err = {0};
            mem_fail_at(n, lasting);
            struct gguf *g = gguf_open_bytes("x.gguf", bytes, size, &err);
            bool reached = mem_allocation_count() >= n;
            mem_fail_at(0, 0);
            gguf_close(g);
            if (!reached) {
                break;
            }
            failed++;
            assert_null(g);
            assert_int_equal(err.code, ERR_MEMORY);
        }
    }
    assert_true(failed >= 2 * 8);
    gguf_writer_free(&w);
}

/* Errors of a hostile file are made without memory, too: the engine never exits. */
static void errors_need_no_memory(void **state)
{
    (void)state;
    struct gguf_writer w;
    struct err err = {0};
    size_t size;
    gguf_writer_init(&w);
    for (int i = 0; i < 2; i++) {
        gguf_writer_key_raw(&w, "\xC2\x9B\x1b\x1b\x1b", 5, 77, "", 0);
    }
    const unsigned char *bytes = gguf_writer_finish(&w, &size);
    unsigned long count = 0;
    mem_fail_at(0, 0);
    gguf_close(gguf_open_bytes("x\x1b.gguf", bytes, size, &err));
    count = mem_allocation_count();
    mem_fail_at(count + 1, 1);
    assert_null(gguf_open_bytes("x\x1b.gguf", bytes, size, &err));
    mem_fail_at(0, 0);
    assert_int_equal(err.code, ERR_FORMAT);
    assert_null(strchr(err.text, '\x1b'));
    gguf_writer_free(&w);
}

static void long_names_are_cut_in_messages(void **state)
{
    (void)state;
    char name[4000], shown[GGUF_SHOWN];
    for (size_t i = 0; i < sizeof name; i += 2) {
        memcpy(name + i, "\xC3\xA9", 2);
    }
    gguf_show(name, sizeof name, shown);
    assert_true(strlen(shown) < GGUF_SHOWN);
    assert_string_equal(shown + strlen(shown) - 5, "\xC3\xA9...");
    memset(name, '\x7F', sizeof name); /* each becomes three bytes */
    gguf_show(name, sizeof name, shown);
    assert_true(strlen(shown) < GGUF_SHOWN);
    gguf_show("plain", 5, shown);
    assert_string_equal(shown, "plain");
    gguf_show("", 0, shown);
    assert_string_equal(shown, "");
}

static void colliding_names_are_refused(void **state)
{
    (void)state;
    enum { MANY = 1 << 20, SLOTS = 4096, NEIGHBOURS = 4 };
    struct name_index all, crowded;
    char(*names)[8] = malloc((size_t)MANY * sizeof *names);
    uint32_t item;
    assert_true(name_index_init(&all, MANY));
    assert_true(name_index_init(&crowded, SLOTS / 4));
    for (uint32_t i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof names[i], "%05x", (unsigned)i);
        assert_int_equal(name_index_add(&all, names[i], 5, &item), NAME_INDEX_ADDED);
        assert_int_equal(item, i);
    }
    assert_int_equal(name_index_add(&all, "00007", 5, &item), NAME_INDEX_KNOWN);
    assert_int_equal(item, 7);
    assert_int_equal(name_index_find(&all, "0ffff", 5), 0xffff);
    assert_int_equal(name_index_find(&all, "absent", 6), -1);
    enum name_index_result result = NAME_INDEX_ADDED;
    uint32_t added = 0;
    for (uint32_t slot = 0; slot <= all.mask && result == NAME_INDEX_ADDED; slot++) {
        if (all.slots[slot].item != 0 && (all.slots[slot].hash & (SLOTS - 1)) < NEIGHBOURS) {
            result = name_index_add(&crowded, names[all.slots[slot].item - 1], 5, &item);
            added++;
        }
    }
    assert_int_equal(result, NAME_INDEX_CROWDED);
    assert_true(added > 512 && added < SLOTS / 4);
    name_index_finish(&all);
    name_index_finish(&crowded);
    free(names);
}

/* --- files --- */

static void open_fails(const char *path, enum err_code code, const char *part)
{
    struct err err = {0};
    struct gguf *g = gguf_open(path, &err);
    if (g != NULL || err.code != code || strstr(err.text, part) == NULL) {
        fail_msg("%s: code %d, \"%s\"; must say \"%s\"", path, err.code, err.text, part);
    }
}

static void opens_regular_files_only(void **state)
{
    (void)state;
    char folder[] = "/tmp/carat-gguf-XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    open_fails(folder, ERR_FORMAT, "not a regular file");
    open_fails("/dev/null", ERR_FORMAT, "not a regular file");
    open_fails("/no/such/x.gguf", ERR_NOT_FOUND, "x.gguf: opening");
    snprintf(path, sizeof path, "%s/pipe", folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    open_fails(path, ERR_FORMAT, "pipe: not a regular file"); /* and does not wait */
    unlink(path);
    snprintf(path, sizeof path, "%s/file", folder);
    FILE *file = fopen(path, "wb");
    fclose(file);
    open_fails(path, ERR_FORMAT, "file: the file is empty");
    unlink(path);
    rmdir(folder);
}

static void opens_the_model_of_the_house(void **state)
{
    (void)state;
    struct err err = {0};
    struct gguf *g = gguf_open(TEST_MODELS "/nano.gguf", &err);
    struct gguf_text text;
    assert_non_null(g);
    assert_true(gguf_string(g, "general.architecture", &text, &err));
    assert_int_equal(text.length, 6);
    assert_non_null(gguf_tensor_find(g, "token_embd.weight"));
    gguf_close(g);
}

static void the_fingerprint_follows_the_content(void **state)
{
    (void)state;
    struct gguf_writer w;
    struct err err = {0};
    size_t size;
    gguf_writer_init(&w);
    write_small(&w);
    const unsigned char *bytes = gguf_writer_finish(&w, &size);
    unsigned char *copy = malloc(size);
    memcpy(copy, bytes, size);
    struct gguf *one = gguf_open_bytes("one", bytes, size, &err);
    struct gguf *two = gguf_open_bytes("two", copy, size, &err);
    assert_true(gguf_fingerprint(one) == gguf_fingerprint(two));
    copy[size - 1] ^= 1; /* the last weight */
    assert_true(gguf_fingerprint(one) != gguf_fingerprint(two));
    copy[size - 1] ^= 1;
    copy[24 + 8 + 2 + 4] ^= 1; /* the value of u8 */
    assert_true(gguf_fingerprint(one) != gguf_fingerprint(two));
    gguf_close(one);
    gguf_close(two);
    free(copy);
    gguf_writer_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(looks_up_what_was_written),
        cmocka_unit_test(looks_up_tensors),
        cmocka_unit_test(wrong_look_ups_say_why),
        cmocka_unit_test(refuses_broken_headers),
        cmocka_unit_test(refuses_broken_keys),
        cmocka_unit_test(refuses_broken_arrays),
        cmocka_unit_test(refuses_broken_alignments),
        cmocka_unit_test(refuses_broken_tensors),
        cmocka_unit_test(refuses_overlapping_and_repeated_tensors),
        cmocka_unit_test(refuses_every_truncation),
        cmocka_unit_test(survives_every_flipped_bit),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(errors_need_no_memory),
        cmocka_unit_test(long_names_are_cut_in_messages),
        cmocka_unit_test(colliding_names_are_refused),
        cmocka_unit_test(opens_regular_files_only),
        cmocka_unit_test(opens_the_model_of_the_house),
        cmocka_unit_test(the_fingerprint_follows_the_content),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
