/* Blocks made from values: how far what they decode to is from the values, for rows of every kind
 * and every format; what lies on a grid comes back exactly; what is no number is found. With
 * CARAT_FIDELITY=1 the errors on normally distributed values are printed as a table. */
#include "load/quantise.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { COUNT = 256 * 64 };

/* rms: greatest error on normally distributed values, as a part of their deviation. steps: how many
 * equal steps the format has for the range of a group. */
static const struct {
    enum quant_type type;
    double rms;
    double steps;
} formats[] = {
    {QUANT_F32, 0, 1e9},       {QUANT_F16, 0.00022, 2048}, {QUANT_BF16, 0.00175, 256},
    {QUANT_Q8_0, 0.0055, 254}, {QUANT_Q5_0, 0.0405, 31},   {QUANT_Q5_1, 0.0348, 31},
    {QUANT_Q4_0, 0.082, 15},   {QUANT_Q4_1, 0.072, 15},    {QUANT_Q2_K, 0.267, 3},
    {QUANT_Q3_K, 0.146, 7},    {QUANT_Q4_K, 0.072, 15},    {QUANT_Q5_K, 0.0353, 31},
    {QUANT_Q6_K, 0.0168, 63},  {QUANT_IQ4_NL, 0.0745, 8},  {QUANT_IQ4_XS, 0.0752, 8},
};

enum { FORMATS = sizeof formats / sizeof formats[0] };

/* The same numbers on every machine. */
static uint32_t draw(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*state >> 32);
}

static float draw_normal(uint64_t *state)
{
    double u = (draw(state) + 1.0) / 4294967297.0, v = draw(state) / 4294967296.0;
    return (float)(sqrt(-2 * log(u)) * cos(6.283185307179586 * v));
}

static void pass(enum quant_type type, const float *values, size_t count, float *back)
{
    const struct quant_format *format = quant_format((uint32_t)type);
    size_t blocks = count / format->block_values;
    unsigned char *bytes = malloc(blocks * format->block_bytes + 1);
    bytes[blocks * format->block_bytes] = 0xA5;
    assert_true(quantise_can(type));
    assert_int_equal(quantise_find_bad(type, values, count), count);
    quantise_blocks(type, values, blocks, bytes);
    assert_int_equal(bytes[blocks * format->block_bytes], 0xA5);
    format->decode(bytes, blocks, back);
    free(bytes);
}

static double rms_error(const float *values, const float *back, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        double difference = (double)values[i] - (double)back[i];
        sum += difference * difference;
    }
    return sqrt(sum / (double)count);
}

static void normal_values_lose_what_they_must(void **state)
{
    (void)state;
    static float values[COUNT], back[COUNT];
    uint64_t seed = 1;
    for (size_t i = 0; i < COUNT; i++) {
        values[i] = draw_normal(&seed) * 0.02f;
    }
    for (size_t f = 0; f < FORMATS; f++) {
        pass(formats[f].type, values, COUNT, back);
        double error = rms_error(values, back, COUNT) / 0.02;
        const struct quant_format *format = quant_format((uint32_t)formats[f].type);
        if (getenv("CARAT_FIDELITY") != NULL) {
            printf("| %s, made | %.4g bits a value, root mean square | | %.2g | %.2g |\n",
                   format->name, 8.0 * format->block_bytes / format->block_values, error,
                   formats[f].rms);
        }
        if (error > formats[f].rms || (formats[f].rms > 0 && error < formats[f].rms * 0.9)) {
            fail_msg("%s: error %g of the deviation, limit %g", format->name, error,
                     formats[f].rms);
        }
    }
}

/* Rows that break formulas: each a block of 256. */
enum { ZERO, CONSTANT, NEGATIVE, DENORMAL, SMALLEST, GREAT, OUTLIER, MIXED, ALTERNATING, ROWS };

static void make_row(int row, float values[256])
{
    uint64_t seed = 77;
    for (int i = 0; i < 256; i++) {
        float normal = draw_normal(&seed);
        const float kinds[ROWS] = {
            [ZERO] = i % 3 == 0 ? -0.0f : 0.0f,
            [CONSTANT] = 0.3f,
            [NEGATIVE] = -0.7f,
            [DENORMAL] = normal * 1e-41f,
            [SMALLEST] = normal * 1e-6f,
            [GREAT] = fmaxf(-65504, fminf(65504, normal * 3e4f)),
            [OUTLIER] = i == 100 ? 50.0f : normal * 0.01f,
            [MIXED] = normal * expf((float)(i % 32) - 23),
            [ALTERNATING] = i % 2 == 0 ? 1.0f : -1.0f,
        };
        values[i] = kinds[row];
    }
}

/* No value may be further off than one step of a group's range, with what the scale's own rounding
 * adds: 2^-11 of the value (2^-6 and more where a scale is a small integer), or half the least
 * half times the greatest code. */
static void no_row_breaks_a_format(void **state)
{
    (void)state;
    for (size_t f = 0; f < FORMATS; f++) {
        const struct quant_format *format = quant_format((uint32_t)formats[f].type);
        for (int row = 0; row < ROWS; row++) {
            float values[256], back[256];
            make_row(row, values);
            pass(formats[f].type, values, 256, back);
            float peak = 0;
            for (int i = 0; i < 256; i++) {
                peak = fmaxf(peak, fabsf(values[i]));
            }
            double tiny = formats[f].type == QUANT_F32 || formats[f].type == QUANT_BF16 ? 0x1p-134
                          : formats[f].type == QUANT_F16                                ? 0x1p-25
                          : format->block_values == 256                                 ? 0x1p-11
                                                                                        : 0x1p-17;
            double range = 2.0 * (double)peak / formats[f].steps;
            double limit = range + (double)peak / 64 * (format->block_values == 256) + tiny;
            limit = row == ZERO ? 0 : limit;
            for (int i = 0; i < 256; i++) {
                double error = fabs((double)values[i] - (double)back[i]);
                if (!(error <= limit)) {
                    fail_msg("%s, row %d, value %d: %g became %g (limit %g)", format->name, row, i,
                             (double)values[i], (double)back[i], limit);
                }
            }
        }
    }
}

/* Decoded blocks with arbitrary bytes, their scales made ordinary, are values on a grid. */
static void grids_come_back_exactly(void **state)
{
    (void)state;
    static const enum quant_type types[] = {QUANT_F32,  QUANT_F16,  QUANT_BF16,
                                            QUANT_Q8_0, QUANT_Q5_0, QUANT_Q5_1,
                                            QUANT_Q4_0, QUANT_Q4_1, QUANT_IQ4_NL};
    uint64_t seed = 5;
    for (size_t t = 0; t < sizeof types / sizeof types[0]; t++) {
        const struct quant_format *format = quant_format((uint32_t)types[t]);
        for (int round = 0; round < 400; round++) {
            unsigned char block[32 * 4];
            float values[32], back[32];
            size_t blocks = 32 / format->block_values;
            for (size_t i = 0; i < sizeof block; i++) {
                block[i] = (unsigned char)draw(&seed);
                /* Often only few of the codes are used. */
                block[i] &= round % 3 == 0 ? 0x33 : 0xFF;
            }
            /* Both halves: of either sign, from 2^-8 to 2. */
            block[1] = (unsigned char)(0x20 + draw(&seed) % 0x20 + (draw(&seed) % 2) * 0x80);
            block[3] = format->block_bytes % 4 == 0 && format->block_values == 32
                           ? (unsigned char)(0x20 + draw(&seed) % 0x20)
                           : block[3];
            if (types[t] == QUANT_Q4_1 || types[t] == QUANT_Q5_1) {
                block[1] &= 0x7F; /* a negative scale is the same grid from its other end */
            }
            for (size_t b = 0; format->block_values == 1 && b < blocks; b++) {
                block[b * format->block_bytes + format->block_bytes - 1] = 0x3C;
            }
            format->decode(block, blocks, values);
            pass(types[t], values, 32, back);
            for (int i = 0; i < 32; i++) {
                if (values[i] != back[i]) {
                    fail_msg("%s, round %d: %a became %a", format->name, round, (double)values[i],
                             (double)back[i]);
                }
            }
        }
    }
}

static void half_the_codes_of_a_coarse_grid_survive(void **state)
{
    (void)state;
    const float values[32] = {0.5f, -1.0f, 1.5f, -2.0f}; /* the rest is zero */
    float back[256], large[256] = {0};
    memcpy(large, values, sizeof values);
    for (size_t f = 0; f < FORMATS; f++) {
        pass(formats[f].type, large, 256, back);
        if (formats[f].steps > 12 && fabsf(back[3] + 2.0f) > 0.1f) {
            fail_msg("format %d: -2 became %g", (int)formats[f].type, (double)back[3]);
        }
    }
}

static void what_is_no_number_is_found(void **state)
{
    (void)state;
    for (size_t f = 0; f < FORMATS; f++) {
        const float bad[] = {NAN, INFINITY, -INFINITY};
        float values[4] = {1, -2, 3, -4};
        for (size_t b = 0; b < 3; b++) {
            values[2] = bad[b];
            assert_int_equal(quantise_find_bad(formats[f].type, values, 4), 2);
        }
        values[2] = 65504;
        assert_int_equal(quantise_find_bad(formats[f].type, values, 4), 4);
        values[2] = -65536;
        bool wide = formats[f].type == QUANT_F32 || formats[f].type == QUANT_BF16;
        assert_int_equal(quantise_find_bad(formats[f].type, values, 4), wide ? 4 : 2);
        values[2] = FLT_MAX;
        assert_int_equal(quantise_find_bad(formats[f].type, values, 4),
                         formats[f].type == QUANT_F32 ? 4 : 2);
    }
    assert_false(quantise_can(QUANT_MXFP4));
    assert_false(quantise_can(QUANT_NVFP4));
}

/* The other rounding, not the cutting off of bits. */
static void bf16_rounds_to_even(void **state)
{
    (void)state;
    const struct {
        uint32_t value;
        uint16_t rounded;
    } cases[] = {{0x3F808000, 0x3F80}, {0x3F818000, 0x3F82}, {0x3F808001, 0x3F81},
                 {0xBF80FFFF, 0xBF81}, {0x3FFFFFFF, 0x4000}, {0x80000001, 0x8000}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        float value;
        unsigned char bytes[2];
        memcpy(&value, &cases[i].value, sizeof value);
        quantise_blocks(QUANT_BF16, &value, 1, bytes);
        assert_int_equal(bytes[0] | bytes[1] << 8, cases[i].rounded);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(normal_values_lose_what_they_must),
        cmocka_unit_test(no_row_breaks_a_format),
        cmocka_unit_test(grids_come_back_exactly),
        cmocka_unit_test(half_the_codes_of_a_coarse_grid_survive),
        cmocka_unit_test(what_is_no_number_is_found),
        cmocka_unit_test(bf16_rounds_to_even),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
