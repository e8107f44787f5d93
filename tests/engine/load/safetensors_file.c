/* The safetensors reader: each check of its head, broken alone. */
#include "load/safetensors_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"

#include "load/quant.h"

enum { VALUES = 32 };

/* A file with this header and VALUES bytes behind it. */
static unsigned char *make(const char *header, size_t *size)
{
    uint64_t length = strlen(header);
    unsigned char *bytes = malloc(8 + length + VALUES);
    memcpy(bytes, &length, 8);
    memcpy(bytes + 8, header, length);
    for (size_t i = 0; i < VALUES; i++) {
        bytes[8 + length + i] = (unsigned char)i;
    }
    *size = 8 + length + VALUES;
    return bytes;
}

static void check_refusal(const char *header, const char *part)
{
    struct err err = {0};
    size_t size;
    unsigned char *bytes = make(header, &size);
    struct safetensors_file *file = safetensors_file_open_bytes("x.safetensors", bytes, size, &err);
    if (file != NULL || err.code != ERR_FORMAT || strncmp(err.text, "x.safetensors: ", 15) != 0 ||
        strstr(err.text, part) == NULL) {
        fail_msg("%s: \"%s\"; must say \"%s\"", header, err.text, part);
    }
    free(bytes);
}

#define REST ",\"z\":{\"dtype\":\"U8\",\"shape\":[24],\"data_offsets\":[8,32]}}"

static void reads_a_file(void **state)
{
    (void)state;
    static const char header[] =
        "{\"__metadata__\":{\"format\":\"pt\"},"
        "\"b.weight\":{\"shape\":[2,3],\"dtype\":\"BF16\",\"data_offsets\":[4,16]},"
        "\"scalar\":{\"dtype\":\"F32\",\"data_offsets\":[0,4],\"shape\":[]},"
        "\"none\":{\"dtype\":\"I64\",\"shape\":[0,7],\"data_offsets\":[16,16]},"
        "\"c\":{\"dtype\":\"I64\",\"shape\":[1,2],\"data_offsets\":[16,32]}}   ";
    struct err err = {0};
    size_t size;
    unsigned char *bytes = make(header, &size);
    struct safetensors_file *file =
        safetensors_file_open_bytes("a/x.safetensors", bytes, size, &err);
    if (file == NULL) {
        fail_msg("%s", err.text);
    }
    assert_string_equal(safetensors_file_shown(file), "x.safetensors");
    assert_int_equal(safetensors_file_count(file), 4);
    const struct safetensors_file_tensor *tensor = safetensors_file_at(file, 1);
    assert_true(tensor->name_length == 8 && memcmp(tensor->name, "b.weight", 8) == 0);
    assert_true(tensor->rank == 2 && tensor->shape[0] == 2 && tensor->shape[1] == 3);
    assert_true(tensor->quant_type == QUANT_BF16 && tensor->bytes == 12 && tensor->data[0] == 4);
    tensor = safetensors_file_at(file, 0);
    assert_true(tensor->rank == 0 && tensor->bytes == 4 && tensor->quant_type == QUANT_F32);
    assert_true(safetensors_file_at(file, 3)->quant_type < 0);
    safetensors_file_close(file);
    for (size_t cut = 0; cut < size; cut++) { /* any end is noticed */
        assert_null(safetensors_file_open_bytes("x", bytes, cut, &err));
    }
    free(bytes);
}

static void refuses_broken_headers(void **state)
{
    (void)state;
    static const struct {
        const char *header, *part;
    } cases[] = {
        {"", "does not begin with {"},
        {" {}", "does not begin with {"},
        {"{} x", "something follows"},
        {"{}", "32 bytes of values, of which tensors take 0"},
        {"{\"a\":{\"dtype\":\"Q9\",\"shape\":[8],\"data_offsets\":[0,8]}" REST, "\"Q9\" is not"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[-8],\"data_offsets\":[0,8]}" REST, "is -8"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[8.0],\"data_offsets\":[0,8]}" REST, "an integer"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[0,8,8]}" REST, "more than two"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[8]}" REST, "not two numbers"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[8]}" REST, "without dtype, shape or data_offsets"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[0,8],\"x\":1}" REST,
         "a field that is not known"},
        {"{\"a\":{\"dtype\":\"U8\",\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[0,8]}" REST,
         "a field twice"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1,1,1,1,1,1,1,1,8],\"data_offsets\":[0,8]}" REST,
         "more than 8 dimensions"},
        {"{\"a\":{\"dtype\":\"F64\",\"shape\":[2305843009213693953],\"data_offsets\":[0,8]}" REST,
         "more than 2^64 bytes"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[7],\"data_offsets\":[0,8]}" REST,
         "8 bytes for a shape of 7"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[8,0]}" REST, "offsets 8 to 0"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[33],\"data_offsets\":[0,33]}" REST,
         "offsets 0 to 33"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[9],\"data_offsets\":[0,9]}" REST, "begins at 8"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[7],\"data_offsets\":[0,7]}" REST, "begins at 8"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[0,8]},"
         "\"b\":{\"dtype\":\"U8\",\"shape\":[23],\"data_offsets\":[8,31]}}",
         "of which tensors take 31"},
        {"{\"z\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[0,8]}" REST, "is there twice"},
        {"{\"\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[0,8]}" REST,
         "a name of a tensor"},
        {"{\"\\u0061\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[0,8]}" REST,
         "a name of a tensor"},
        {"{\"a\x7F\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[0,8]}" REST,
         "a name of a tensor"},
        {"{\"a\":[]" REST, "'{' is expected"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        check_refusal(cases[i].header, cases[i].part);
    }
    static const uint64_t lengths[] = {0, 25, 100000001, UINT64_MAX, UINT64_MAX - 7};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        unsigned char bytes[32] = {0};
        struct err err = {0};
        memcpy(bytes, &lengths[i], 8);
        bytes[8] = '{';
        assert_null(safetensors_file_open_bytes("x", bytes, sizeof bytes, &err));
        assert_int_equal(err.code, ERR_FORMAT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_file),
        cmocka_unit_test(refuses_broken_headers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
