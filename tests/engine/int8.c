/* int8: every set of products in whole numbers against the one in plain C, and that one against
 * float32, with inputs built to hurt.
 *
 * With scales that are powers of two every result is a whole number that float32 holds, so all sets
 * must give the same bits: a wrong or saturated integer sum cannot hide. With ordinary values they
 * may differ by the order of float32 sums only.
 */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "compute/int8.h"
#include "compute/tensor.h"
#include "load/weights.h"

enum { ROWS_MAX = 7, COLUMNS_MAX = 1024, OUT_STRIDE = ROWS_MAX + 2 };
enum { QUADS_MAX = INT8_TOKENS_MAX * COLUMNS_MAX / INT8_QUAD };

static const float guard = -12345.0f;

static _Alignas(64) struct int8_quad quads[QUADS_MAX], reference[QUADS_MAX];
static float x[INT8_TOKENS_MAX * COLUMNS_MAX];

static uint32_t random_bits(void)
{
    static uint32_t state = 88172645u;
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

static float ordinary(void)
{
    return (float)(random_bits() >> 8) / (float)(1 << 23) - 1.0f;
}

/* --- stored rows --- */

/* Where a format keeps its halves, at most two; -1: none. */
struct places {
    enum quant_type type;
    int halves[2];
};

static const struct places formats[] = {
    {QUANT_Q4_0, {0, -1}}, {QUANT_Q4_1, {0, 2}}, {QUANT_Q5_0, {0, -1}}, {QUANT_Q5_1, {0, 2}},
    {QUANT_Q8_0, {0, -1}}, {QUANT_Q4_K, {0, 2}}, {QUANT_Q5_K, {0, 2}},  {QUANT_Q6_K, {208, -1}},
};

enum { FORMATS = sizeof formats / sizeof formats[0] };

enum bytes { ANY, ALL_ZERO, ALL_ONES, SIGN_ONLY };

/* Blocks of random bytes, or with the extreme codes, and with these halves. */
static void fill_rows(unsigned char *rows, size_t blocks, const struct places *places,
                      enum bytes bytes, const uint16_t *halves, size_t half_count)
{
    size_t size = quant_format(places->type)->block_bytes;
    static const int same[] = {-1, 0x00, 0xFF, 0x80};
    for (size_t b = 0; b < blocks; b++) {
        for (size_t i = 0; i < size; i++) {
            rows[b * size + i] =
                (unsigned char)(bytes == ANY ? (int)(random_bits() >> 9) : same[bytes]);
        }
        for (size_t i = 0; i < 2 && places->halves[i] >= 0; i++) {
            memcpy(rows + b * size + places->halves[i], &halves[random_bits() % half_count], 2);
        }
    }
}

/* --- activations --- */

/* Whole numbers of which every block has one of 127, so that scales are powers of two. */
static void fill_whole(float *values, size_t count, int extreme)
{
    for (size_t i = 0; i < count; i++) {
        int code = extreme != 0 ? extreme * 127 : (int)(random_bits() >> 8) % 255 - 127;
        values[i] = (float)(i % INT8_BLOCK == 5 ? (extreme < 0 ? -127 : 127) : code);
    }
}

static void quantise(const struct int8_kernels *set, size_t columns, struct int8_quad *out)
{
    for (size_t t = 0; t < INT8_TOKENS_MAX; t++) {
        set->quantise(x + t * columns, columns, out + t * int8_quads(columns));
    }
}

/* --- the tests --- */

/* Every set rounds activations to the same bits, whatever they are. */
static void check_rounding(const struct int8_kernels *set, const float *values, size_t columns)
{
    size_t bytes = int8_quads(columns) * sizeof *quads;
    memset(quads, 0xA5, bytes);
    memset(reference, 0x5A, bytes);
    set->quantise(values, columns, quads);
    int8_scalar.quantise(values, columns, reference);
    assert_memory_equal(quads, reference, bytes);
}

static void test_rounding(void **state)
{
    const struct int8_kernels *set = *state;
    static const float hurting[] = {0.0f,      -0.0f,   1e-45f,   -1e-40f, 1e-38f,  0x1p-121f,
                                    0x1p-120f, FLT_MAX, -FLT_MAX, 1e30f,   0.5f,    1.5f,
                                    2.5f,      -0.5f,   127.0f,   126.5f,  -126.5f, 63.5f};
    const size_t count = sizeof hurting / sizeof hurting[0];
    static const size_t some_columns[] = {32, 64, 96, 128, 160, 256, 480, 1024};
    for (size_t i = 0; i < 8; i++) {
        for (size_t round = 0; round < 20; round++) {
            for (size_t c = 0; c < some_columns[i]; c++) {
                x[c] = round % 2 == 0 ? ordinary() * hurting[round % count]
                                      : hurting[random_bits() % count];
            }
            check_rounding(set, x, some_columns[i]);
        }
    }
    /* Halves round to even: exact where the scale is 1. */
    for (size_t c = 0; c < 32; c++) {
        x[c] = c == 0 ? 127.0f : (float)c - 0.5f;
    }
    check_rounding(set, x, 32);
    assert_int_equal(quads[0].codes[0][1], 0);   /* 0.5 */
    assert_int_equal(quads[0].codes[0][2], 2);   /* 1.5 */
    assert_int_equal(quads[0].codes[0][3], 2);   /* 2.5 */
    assert_int_equal(quads[0].codes[1][15], 30); /* 30.5 */
    assert_true(quads[0].scale[0] == 1.0f && quads[0].scale[4] == 0.0f);
}

/* What is not a number makes the scale one that is none, in every set. */
static void test_no_numbers(void **state)
{
    const struct int8_kernels *set = *state;
    static const float bad[] = {NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < 3; i++) {
        for (size_t c = 0; c < 64; c++) {
            x[c] = 1.0f;
        }
        x[40] = bad[i];
        set->quantise(x, 64, quads);
        assert_true(quads[0].scale[0] > 0 && isnan(quads[0].scale[4]) && isnan(quads[0].scale[7]));
        unsigned char row[2 * 18] = {0};
        float out;
        set->multiply[QUANT_Q4_0](row, sizeof row, 1, 64, quads, 1, &out, 1);
        assert_true(isnan(out));
    }
}

static void check_guards(const float *out, size_t rows, size_t tokens)
{
    for (size_t i = 0; i < INT8_TOKENS_MAX * OUT_STRIDE; i++) {
        if (i / OUT_STRIDE >= tokens || i % OUT_STRIDE >= rows) {
            assert_true(out[i] == guard);
        }
    }
}

static void multiply(const struct int8_kernels *set, enum quant_type type,
                     const unsigned char *rows, size_t row_count, size_t columns,
                     const struct int8_quad *vectors, size_t tokens, float *out)
{
    const struct quant_format *format = quant_format(type);
    size_t row_bytes = columns / format->block_values * format->block_bytes;
    for (size_t i = 0; i < INT8_TOKENS_MAX * OUT_STRIDE; i++) {
        out[i] = guard;
    }
    set->multiply[type](rows, row_bytes, row_count, columns, vectors, tokens, out, OUT_STRIDE);
    check_guards(out, row_count, tokens);
}

/* Halves with values that keep every product a whole number of float32: 0, 1, -1, 2. */
static const uint16_t whole_halves[] = {0x0000, 0x3C00, 0xBC00, 0x4000};

/* All but one block of a vector: products with scales of their own are so large that float32 holds
 * no more of them. */
static void clear_but_one(float *values, size_t columns)
{
    size_t kept = random_bits() % (columns / INT8_BLOCK);
    for (size_t c = 0; c < columns; c++) {
        values[c] = c / INT8_BLOCK == kept ? values[c] : 0.0f;
    }
}

static void check_whole(const struct int8_kernels *set, const struct places *places, size_t rows,
                        size_t columns, size_t tokens)
{
    const struct quant_format *format = quant_format(places->type);
    size_t blocks = rows * columns / format->block_values;
    float out[INT8_TOKENS_MAX * OUT_STRIDE], wanted[INT8_TOKENS_MAX * OUT_STRIDE];
    /* Exactly as long as needed, so that a sanitizer sees any read behind the end. */
    unsigned char *stored = test_malloc(blocks * format->block_bytes);
    bool large = format->block_values == 256;
    for (enum bytes bytes = ANY; bytes <= SIGN_ONLY; bytes++) {
        fill_rows(stored, blocks, places, bytes, whole_halves, large ? 3 : 4);
        fill_whole(x, INT8_TOKENS_MAX * columns, (int)(random_bits() >> 9) % 3 - 1);
        for (size_t t = 0; large && t < tokens; t++) {
            clear_but_one(x + t * columns, columns);
        }
        quantise(&int8_scalar, columns, reference);
        multiply(&int8_scalar, places->type, stored, rows, columns, reference, tokens, wanted);
        multiply(set, places->type, stored, rows, columns, reference, tokens, out);
        for (size_t t = 0; t < tokens; t++) {
            for (size_t r = 0; r < rows; r++) {
                float found = out[t * OUT_STRIDE + r], expected = wanted[t * OUT_STRIDE + r];
                if (found != expected || fabsf(expected) > 0x1p24f) {
                    fail_msg("%s: %zu columns, row %zu of %zu, token %zu of %zu: %.9g instead of "
                             "%.9g",
                             format->name, columns, r, rows, t, tokens, (double)found,
                             (double)expected);
                }
            }
        }
    }
    test_free(stored);
}

static void test_whole(void **state)
{
    const struct int8_kernels *set = *state;
    static const size_t small[] = {32, 64, 96, 128, 160, 288}, large[] = {256, 512};
    for (size_t f = 0; f < FORMATS; f++) {
        bool is_large = quant_format(formats[f].type)->block_values == 256;
        const size_t *columns = is_large ? large : small;
        size_t sizes = is_large ? 2 : 6;
        for (size_t i = 0; i < sizes; i++) {
            for (size_t tokens = 1; tokens <= INT8_TOKENS_MAX; tokens++) {
                check_whole(set, &formats[f], 1 + (tokens + i) % ROWS_MAX, columns[i], tokens);
            }
        }
    }
}

/* Ordinary values and awkward halves: near the reference, and the same bits however many rows and
 * tokens a call has. The float32 product is near, too: each activation is off by half a step. */
static void check_ordinary(const struct int8_kernels *set, const struct places *places,
                           size_t columns)
{
    static const uint16_t halves[] = {0x0001, 0x83FF, 0x0400, 0x2E66, 0xA800, 0x1400, 0x3555};
    static float values[ROWS_MAX * COLUMNS_MAX];
    const struct quant_format *format = quant_format(places->type);
    size_t blocks = columns / format->block_values, row_bytes = blocks * format->block_bytes;
    float out[INT8_TOKENS_MAX * OUT_STRIDE], alone[INT8_TOKENS_MAX * OUT_STRIDE],
        wanted[INT8_TOKENS_MAX * OUT_STRIDE];
    unsigned char *stored = test_malloc(ROWS_MAX * row_bytes);
    fill_rows(stored, ROWS_MAX * blocks, places, ANY, halves, 7);
    format->decode(stored, ROWS_MAX * blocks, values);
    for (size_t i = 0; i < INT8_TOKENS_MAX * columns; i++) {
        x[i] = ordinary() * (i % 77 == 0 ? 50.0f : 1.0f) * (i / INT8_BLOCK % 5 == 1 ? 1e-6f : 1.0f);
    }
    quantise(set, columns, quads);
    multiply(set, places->type, stored, ROWS_MAX, columns, quads, INT8_TOKENS_MAX, out);
    multiply(&int8_scalar, places->type, stored, ROWS_MAX, columns, quads, INT8_TOKENS_MAX, wanted);
    for (size_t t = 0; t < INT8_TOKENS_MAX; t++) {
        const float *vector = x + t * columns;
        const struct int8_quad *rounded = quads + t * int8_quads(columns);
        for (size_t r = 0; r < ROWS_MAX; r++) {
            float found = out[t * OUT_STRIDE + r];
            multiply(set, places->type, stored + r * row_bytes, 1, columns, rounded, 1, alone);
            assert_memory_equal(&found, &alone[0], sizeof found);
            double exact = 0, size = 0, step = 0;
            for (size_t c = 0; c < columns; c++) {
                double w = (double)values[r * columns + c];
                exact += w * (double)vector[c];
                size += fabs(w * (double)vector[c]);
                step += fabs(w) * (double)rounded[c / 128].scale[c % 128 / 32 * 4];
            }
            /* Codes and minima cancel: what is summed is larger than the values. */
            double summed = 64 * (size + step * 64) * (double)FLT_EPSILON + 1e-30;
            if (!(fabs((double)found - (double)wanted[t * OUT_STRIDE + r]) <= summed) ||
                !(fabs((double)found - exact) <= 0.5 * step + summed)) {
                fail_msg("%s: %zu columns: %.9g, in plain C %.9g, exact %.9g", format->name,
                         columns, (double)found, (double)wanted[t * OUT_STRIDE + r], exact);
            }
        }
    }
    for (size_t tokens = 1; tokens < INT8_TOKENS_MAX; tokens++) {
        multiply(set, places->type, stored, ROWS_MAX, columns, quads, tokens, alone);
        for (size_t t = 0; t < tokens; t++) {
            assert_memory_equal(alone + t * OUT_STRIDE, out + t * OUT_STRIDE,
                                ROWS_MAX * sizeof *out);
        }
    }
    test_free(stored);
}

static void test_ordinary(void **state)
{
    const struct int8_kernels *set = *state;
    for (size_t f = 0; f < FORMATS; f++) {
        assert_non_null(set->multiply[formats[f].type]);
        bool is_large = quant_format(formats[f].type)->block_values == 256;
        check_ordinary(set, &formats[f], is_large ? 256 : 32);
        check_ordinary(set, &formats[f], is_large ? 768 : 416);
        check_ordinary(set, &formats[f], 1024);
    }
}

/* --- sets beside each other --- */

/* Two sets of one family differ in instructions only: the same bits for any values. */
static void check_twins(const struct int8_kernels *one, const struct int8_kernels *other)
{
    static const uint16_t halves[] = {0x2E66, 0xA800, 0x1400, 0x3555};
    for (size_t f = 0; f < FORMATS; f++) {
        const struct quant_format *format = quant_format(formats[f].type);
        size_t blocks = ROWS_MAX * 512 / format->block_values;
        float first[INT8_TOKENS_MAX * OUT_STRIDE], second[INT8_TOKENS_MAX * OUT_STRIDE];
        unsigned char *stored = test_malloc(blocks * format->block_bytes);
        fill_rows(stored, blocks, &formats[f], ANY, halves, 4);
        for (size_t i = 0; i < INT8_TOKENS_MAX * 512; i++) {
            x[i] = ordinary();
        }
        quantise(one, 512, quads);
        multiply(one, formats[f].type, stored, ROWS_MAX, 512, quads, INT8_TOKENS_MAX, first);
        multiply(other, formats[f].type, stored, ROWS_MAX, 512, quads, INT8_TOKENS_MAX, second);
        assert_memory_equal(first, second, sizeof first);
        test_free(stored);
    }
}

static void test_twins(void **state)
{
    (void)state;
    const struct int8_kernels *one, *other;
    for (size_t i = 0; (one = int8_at(i)) != NULL; i++) {
        for (size_t j = i + 1; (other = int8_at(j)) != NULL; j++) {
            if (strcmp(one->family, other->family) == 0 && one->supported() && other->supported()) {
                check_twins(one, other);
            }
        }
    }
}

static void test_choice(void **state)
{
    (void)state;
    const struct kernels *kernels;
    for (size_t i = 0; (kernels = kernels_at(i)) != NULL; i++) {
        const struct int8_kernels *set = int8_choose(kernels->name);
        assert_non_null(set);
        assert_true(set->supported());
    }
    assert_ptr_equal(int8_choose("scalar"), &int8_scalar);
    assert_ptr_equal(int8_choose("abacus"), &int8_scalar);
}

/* --- through the machine --- */

enum { MATRIX_ROWS = 300, MATRIX_COLUMNS = 96 };

/* The same bits for each number of tokens up to the limit and of threads; more tokens, and a
 * machine that must be exact, go through float32. */
static void test_machine(void **state)
{
    (void)state;
    static unsigned char stored[MATRIX_ROWS * 3 * 18];
    static float first[INT8_TOKENS_MAX * MATRIX_ROWS], out[(INT8_TOKENS_MAX + 1) * MATRIX_ROWS];
    static const uint16_t halves[] = {0x2E66, 0xA800};
    fill_rows(stored, MATRIX_ROWS * 3, &formats[0], ANY, halves, 2);
    for (size_t i = 0; i < INT8_TOKENS_MAX * MATRIX_COLUMNS; i++) {
        x[i] = ordinary();
    }
    struct weights_matrix matrix = {.data = stored,
                                    .format = quant_format(QUANT_Q4_0),
                                    .rows = MATRIX_ROWS,
                                    .columns = MATRIX_COLUMNS,
                                    .row_bytes = 3 * 18,
                                    .scale = 0.5f};
    struct tensor_product product = {.matrix = &matrix,
                                     .x = x,
                                     .x_stride = MATRIX_COLUMNS,
                                     .out_stride = MATRIX_ROWS,
                                     .out = first,
                                     .tokens = INT8_TOKENS_MAX};
    for (int threads = 1; threads <= 3; threads++) {
        struct tensor_machine machine;
        assert_true(tensor_machine_init(&machine, NULL, threads, MATRIX_COLUMNS, NULL));
        machine.exact = false;
        if (threads == 1) {
            tensor_multiply(&machine, &product, 1);
            product.out = out;
        }
        for (size_t tokens = 1; tokens <= INT8_TOKENS_MAX; tokens++) {
            product.tokens = tokens;
            memset(out, 0, sizeof out);
            tensor_multiply(&machine, &product, 1);
            assert_memory_equal(out, first, tokens * MATRIX_ROWS * sizeof *out);
        }
        machine.exact = true;
        tensor_multiply(&machine, &product, 1);
        assert_memory_not_equal(out, first, MATRIX_ROWS * sizeof *out);
        tensor_machine_finish(&machine);
    }
}

int main(void)
{
    int failures = 0;
    const struct int8_kernels *set;
    for (size_t i = 0; (set = int8_at(i)) != NULL; i++) {
        if (!set->supported()) {
            continue;
        }
        void *chosen = (void *)(uintptr_t)set;
        const struct CMUnitTest tests[] = {
            cmocka_unit_test_prestate(test_rounding, chosen),
            cmocka_unit_test_prestate(test_no_numbers, chosen),
            cmocka_unit_test_prestate(test_whole, chosen),
            cmocka_unit_test_prestate(test_ordinary, chosen),
        };
        failures += cmocka_run_group_tests_name(set->name, tests, NULL, NULL);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_twins),
        cmocka_unit_test(test_choice),
        cmocka_unit_test(test_machine),
    };
    return failures + cmocka_run_group_tests(tests, NULL, NULL);
}
