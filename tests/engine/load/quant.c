/* Every block format against reference values, bit for bit (-0 is not 0 here), and the half floats
 * over all of their values. */
#include "load/quant.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/safetensors.h"

static const struct {
    enum quant_type type;
    const char *file;
} formats[] = {
    {QUANT_F16, "f16"},       {QUANT_BF16, "bf16"},     {QUANT_Q4_0, "q4_0"},
    {QUANT_Q4_1, "q4_1"},     {QUANT_Q5_0, "q5_0"},     {QUANT_Q5_1, "q5_1"},
    {QUANT_Q8_0, "q8_0"},     {QUANT_Q2_K, "q2_k"},     {QUANT_Q3_K, "q3_k"},
    {QUANT_Q4_K, "q4_k"},     {QUANT_Q5_K, "q5_k"},     {QUANT_Q6_K, "q6_k"},
    {QUANT_IQ4_NL, "iq4_nl"}, {QUANT_IQ4_XS, "iq4_xs"}, {QUANT_MXFP4, "mxfp4"},
    {QUANT_NVFP4, "nvfp4"},
};

static uint32_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static float float_of(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static void decodes_bit_for_bit(void **state)
{
    (void)state;
    for (size_t f = 0; f < sizeof formats / sizeof formats[0]; f++) {
        const struct quant_format *format = quant_format((uint32_t)formats[f].type);
        char path[512];
        snprintf(path, sizeof path, "%s/dequant/%s.safetensors", TEST_DATA, formats[f].file);
        struct safetensors *file = safetensors_open(path);
        struct safetensors_view blocks, expected;
        assert_non_null(file);
        assert_non_null(format);
        assert_true(safetensors_get(file, "blocks", &blocks));
        assert_true(safetensors_get(file, "values", &expected));
        size_t count = expected.bytes / sizeof(float);
        size_t block_count = blocks.bytes / format->block_bytes;
        assert_true(block_count > 0);
        assert_int_equal(blocks.bytes % format->block_bytes, 0);
        assert_int_equal(block_count * format->block_values, count);
        float *values = malloc(count * sizeof *values);
        format->decode(blocks.data, block_count, values);
        for (size_t i = 0; i < count; i++) {
            float reference;
            memcpy(&reference, (const char *)expected.data + 4 * i, sizeof reference);
            if (bits_of(values[i]) != bits_of(reference)) {
                fail_msg("%s: value %zu is %a, must be %a", format->name, i, (double)values[i],
                         (double)reference);
            }
        }
        if (getenv("CARAT_FIDELITY") != NULL) { /* rows of docs/fidelity.md */
            printf("| %s | %zu values, bit for bit | | 0 | 0 |\n", format->name, count);
        }
        free(values);
        safetensors_close(file);
    }
}

static void decodes_from_any_address(void **state)
{
    (void)state;
    unsigned char blocks[3 * 256] = {0};
    float at_zero[512], shifted[512];
    for (size_t i = 0; i < sizeof blocks; i++) {
        blocks[i] = (unsigned char)(i * 91 + 7);
    }
    for (size_t f = 0; f < sizeof formats / sizeof formats[0]; f++) {
        const struct quant_format *format = quant_format((uint32_t)formats[f].type);
        unsigned char moved[512];
        memcpy(moved + 1, blocks, format->block_bytes);
        format->decode(blocks, 1, at_zero);
        format->decode(moved + 1, 1, shifted);
        assert_memory_equal(at_zero, shifted, format->block_values * sizeof(float));
    }
}

static void f32_is_copied(void **state)
{
    (void)state;
    const float values[] = {0.0f, -0.0f, 1.5f, -3.25f, INFINITY};
    float copied[5];
    quant_format(QUANT_F32)->decode((const unsigned char *)values, 5, copied);
    assert_memory_equal(values, copied, sizeof values);
}

static void unknown_types_have_no_format(void **state)
{
    (void)state;
    const uint32_t unknown[] = {4, 5, 9, 15, 16, 31, 33, 36, 38, 41, 1000, UINT32_MAX};
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        assert_null(quant_format(unknown[i]));
    }
}

/* Independent of the implementation: by arithmetic in double. */
static double half_value(uint32_t half)
{
    double fraction = half & 0x3FF;
    int exponent = (int)(half >> 10 & 31);
    double magnitude =
        exponent == 0 ? ldexp(fraction, -24) : ldexp(1024.0 + fraction, exponent - 25);
    return (half & 0x8000) != 0 ? -magnitude : magnitude;
}

static void halves_survive_the_way_there_and_back(void **state)
{
    (void)state;
    for (uint32_t half = 0; half < 0x10000; half++) {
        float value = quant_f16_to_f32((uint16_t)half);
        if ((half & 0x7C00) == 0x7C00 && (half & 0x3FF) != 0) {
            assert_true(isnan(value));
            assert_true(isnan(quant_f16_to_f32(quant_f32_to_f16(value))));
            continue;
        }
        if ((half & 0x7C00) != 0x7C00) {
            assert_true((double)value == half_value(half));
        }
        assert_int_equal(signbit(value) != 0, half >> 15);
        assert_int_equal(quant_f32_to_f16(value), half);
    }
    assert_true(isinf(quant_f16_to_f32(0x7C00)));
}

static void rounding_to_half_is_to_nearest_even(void **state)
{
    (void)state;
    for (uint32_t half = 0; half < 0x7BFF; half++) {
        float low = quant_f16_to_f32((uint16_t)half), high = quant_f16_to_f32((uint16_t)(half + 1));
        float middle = (float)(((double)low + (double)high) / 2); /* exact */
        uint32_t even = half + (half & 1);
        assert_int_equal(quant_f32_to_f16(middle), even);
        assert_int_equal(quant_f32_to_f16(float_of(bits_of(middle) - 1)), half);
        assert_int_equal(quant_f32_to_f16(float_of(bits_of(middle) + 1)), half + 1);
        assert_int_equal(quant_f32_to_f16(-middle), even | 0x8000);
    }
    assert_int_equal(quant_f32_to_f16(65519.99f), 0x7BFF);
    assert_int_equal(quant_f32_to_f16(65520.0f), 0x7C00);
    assert_int_equal(quant_f32_to_f16(1e30f), 0x7C00);
    assert_int_equal(quant_f32_to_f16(-INFINITY), 0xFC00);
    assert_int_equal(quant_f32_to_f16(1e-30f), 0);
    assert_int_equal(quant_f32_to_f16(-0.0f), 0x8000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decodes_bit_for_bit),
        cmocka_unit_test(decodes_from_any_address),
        cmocka_unit_test(f32_is_copied),
        cmocka_unit_test(unknown_types_have_no_format),
        cmocka_unit_test(halves_survive_the_way_there_and_back),
        cmocka_unit_test(rounding_to_half_is_to_nearest_even),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
