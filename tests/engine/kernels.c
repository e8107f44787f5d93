/* kernels: every set of this build against double precision, with inputs built to hurt.
 *
 * Row and token counts around the sizes of the tiles, columns around the width of the registers,
 * rows that lie apart, values of very different size, and guards behind every output. Inside one
 * set the results must be the same bits whichever entry made them: that is what makes a prompt
 * independent of how it was cut.
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

#include "compute/kernels.h"

enum { ROWS_MAX = 9, TOKENS_MAX = 8, COLUMNS_MAX = 520, STRIDE = COLUMNS_MAX + 5 };

static const float guard = -12345.0f;

/* A small deterministic generator. */
static uint32_t random_bits(void)
{
    static uint32_t state = 2463534242u;
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

/* Mostly ordinary; some large, some tiny, some zero. */
static float awkward(void)
{
    uint32_t bits = random_bits();
    float value = (float)(bits >> 8) / (float)(1 << 23) - 1.0f;
    switch (bits & 31) {
    case 0:
        return value * 1e4f;
    case 1:
        return value * 1e-30f;
    case 2:
        return 0.0f;
    default:
        return value;
    }
}

static void fill(float *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        values[i] = awkward();
    }
}

/* |found - exact| is within what float32 sums of these products may lose. */
static void check_sum(float found, const float *row, const float *x, size_t columns)
{
    double exact = 0, size = 0;
    for (size_t c = 0; c < columns; c++) {
        exact += (double)row[c] * (double)x[c];
        size += fabs((double)row[c] * (double)x[c]);
    }
    double allowed = size * (double)FLT_EPSILON * 64 + 1e-37;
    if (!(fabs((double)found - exact) <= allowed)) {
        fail_msg("%zu columns: %.9g instead of %.9g", columns, (double)found, exact);
    }
}

static const size_t some_columns[] = {1, 3, 7, 8, 9, 15, 16, 31, 33, 64, 100, 257, 512, 520};

static void check_panel(const struct kernels *kernels, size_t rows, size_t tokens, size_t columns)
{
    static float matrix[ROWS_MAX * STRIDE], x[TOKENS_MAX * STRIDE], out[TOKENS_MAX * 16];
    fill(matrix, ROWS_MAX * STRIDE);
    fill(x, TOKENS_MAX * STRIDE);
    for (size_t i = 0; i < TOKENS_MAX * 16; i++) {
        out[i] = guard;
    }
    kernels->panel(matrix, STRIDE, rows, columns, x, STRIDE, tokens, out, 16);
    for (size_t t = 0; t < TOKENS_MAX; t++) {
        for (size_t r = 0; r < 16; r++) {
            float found = out[t * 16 + r];
            if (t >= tokens || r >= rows) {
                assert_true(found == guard);
                continue;
            }
            check_sum(found, matrix + r * STRIDE, x + t * STRIDE, columns);
            float alone, as_stored;
            kernels->panel(matrix + r * STRIDE, STRIDE, 1, columns, x + t * STRIDE, STRIDE, 1,
                           &alone, 1);
            kernels->rows[QUANT_F32].dot((const unsigned char *)(matrix + r * STRIDE), 0, 1,
                                         columns, x + t * STRIDE, &as_stored);
            assert_memory_equal(&found, &alone, sizeof found);
            assert_memory_equal(&found, &as_stored, sizeof found);
        }
    }
}

static void test_panel(void **state)
{
    const struct kernels *kernels = *state;
    for (size_t rows = 1; rows <= ROWS_MAX; rows++) {
        for (size_t tokens = 1; tokens <= TOKENS_MAX; tokens++) {
            size_t i = (rows * TOKENS_MAX + tokens) % 14;
            check_panel(kernels, rows, tokens, some_columns[i]);
            check_panel(kernels, rows, tokens, some_columns[(i + 5) % 14]);
        }
    }
}

/* Block bytes that decode to finite values: the scales of the formats lie at different places, so
 * every byte pair that could be one is kept from being a large half. */
static void fill_blocks(unsigned char *blocks, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        blocks[i] = (unsigned char)(random_bits() >> 11) & 0xbf;
    }
}

static void check_format(const struct kernels *kernels, const struct quant_format *format,
                         size_t rows, size_t columns)
{
    static float values[ROWS_MAX * 1024], x[1024], decoded[1024];
    const struct kernels_rows *entry = &kernels->rows[format->type];
    size_t blocks = columns / format->block_values, row_bytes = blocks * format->block_bytes;
    /* Exactly as long as needed, so that a sanitizer sees any read behind the end. */
    unsigned char *stored = test_malloc(rows * row_bytes);
    fill_blocks(stored, rows * row_bytes);
    fill(x, columns);
    float out[ROWS_MAX + 1];
    out[rows] = guard;
    entry->dot(stored, row_bytes, rows, columns, x, out);
    assert_true(out[rows] == guard);
    for (size_t r = 0; r < rows; r++) {
        format->decode(stored + r * row_bytes, blocks, values + r * columns);
        check_sum(out[r], values + r * columns, x, columns);
        float through_panel;
        kernels->panel(values + r * columns, columns, 1, columns, x, columns, 1, &through_panel, 1);
        assert_memory_equal(&out[r], &through_panel, sizeof through_panel);
        if (entry->decode != NULL) {
            entry->decode(stored + r * row_bytes, blocks, decoded);
            assert_memory_equal(decoded, values + r * columns, columns * sizeof *decoded);
        }
    }
    test_free(stored);
}

static void test_formats(void **state)
{
    const struct kernels *kernels = *state;
    size_t tested = 0;
    for (uint32_t type = 0; type < KERNELS_FORMATS; type++) {
        const struct quant_format *format = quant_format(type);
        if (format == NULL || kernels->rows[type].dot == NULL) {
            continue;
        }
        tested++;
        for (size_t rows = 1; rows <= ROWS_MAX; rows++) {
            if (format->block_values > 1) {
                check_format(kernels, format, rows, format->block_values);
                check_format(kernels, format, rows, 2 * 256);
            } else {
                check_format(kernels, format, rows, some_columns[rows]);
                check_format(kernels, format, rows, some_columns[rows + 4]);
            }
        }
    }
    assert_true(tested >= 2);
    assert_non_null(kernels->rows[QUANT_F32].dot);
    assert_non_null(kernels->rows[QUANT_F16].dot);
    assert_non_null(kernels_scalar.rows[QUANT_Q8_0].dot);
    assert_non_null(kernels_scalar.rows[QUANT_Q8_0].accumulate);
}

static void check_accumulate(const struct kernels *kernels, enum quant_type type, size_t rows,
                             size_t columns)
{
    static float values[ROWS_MAX * COLUMNS_MAX], sum[COLUMNS_MAX + 1], split[COLUMNS_MAX + 1];
    const struct quant_format *format = quant_format(type);
    const struct kernels_rows *entry = &kernels->rows[type];
    size_t blocks = columns / format->block_values, row_bytes = blocks * format->block_bytes;
    unsigned char *stored = test_malloc(rows * row_bytes);
    float scale[ROWS_MAX];
    fill_blocks(stored, rows * row_bytes);
    fill(scale, rows);
    fill(sum, columns);
    sum[columns] = guard;
    format->decode(stored, rows * blocks, values);
    memcpy(split, sum, sizeof sum);
    double *exact = test_malloc(columns * sizeof *exact),
           *size = test_malloc(columns * sizeof *size);
    for (size_t c = 0; c < columns; c++) {
        exact[c] = (double)sum[c];
        size[c] = fabs(exact[c]);
        for (size_t r = 0; r < rows; r++) {
            exact[c] += (double)scale[r] * (double)values[r * columns + c];
            size[c] += fabs((double)scale[r] * (double)values[r * columns + c]);
        }
    }
    entry->accumulate(stored, row_bytes, rows, columns, scale, sum);
    assert_true(sum[columns] == guard);
    for (size_t c = 0; c < columns; c++) {
        double allowed = size[c] * (double)FLT_EPSILON * 16 + 1e-37;
        if (!(fabs((double)sum[c] - exact[c]) <= allowed)) {
            fail_msg("column %zu of %zu: %.9g instead of %.9g", c, columns, (double)sum[c],
                     exact[c]);
        }
    }
    /* In two parts, as when a ring's seam lies between the rows: the same bits. */
    entry->accumulate(stored, row_bytes, rows / 2, columns, scale, split);
    entry->accumulate(stored + rows / 2 * row_bytes, row_bytes, rows - rows / 2, columns,
                      scale + rows / 2, split);
    assert_memory_equal(sum, split, columns * sizeof *sum);
    test_free(size);
    test_free(exact);
    test_free(stored);
}

static void test_accumulate(void **state)
{
    const struct kernels *kernels = *state;
    for (size_t rows = 1; rows <= ROWS_MAX; rows++) {
        for (size_t i = 0; i < sizeof some_columns / sizeof some_columns[0]; i++) {
            check_accumulate(kernels, QUANT_F16, rows, some_columns[i]);
            check_accumulate(kernels, QUANT_F32, rows, some_columns[i]);
        }
        if (kernels->rows[QUANT_Q8_0].accumulate != NULL) {
            check_accumulate(kernels, QUANT_Q8_0, rows, 32);
            check_accumulate(kernels, QUANT_Q8_0, rows, 512);
        }
    }
}

static void test_choice(void **state)
{
    (void)state;
    const struct kernels *best = kernels_choose(NULL, NULL);
    assert_non_null(best);
    assert_true(best->supported());
    assert_ptr_equal(kernels_choose("scalar", NULL), &kernels_scalar);
    assert_null(kernels_choose("abacus", NULL));
}

int main(void)
{
    int failures = 0;
    const struct kernels *kernels;
    for (size_t i = 0; (kernels = kernels_at(i)) != NULL; i++) {
        if (!kernels->supported()) {
            continue;
        }
        void *set = (void *)(uintptr_t)kernels;
        const struct CMUnitTest tests[] = {
            cmocka_unit_test_prestate(test_panel, set),
            cmocka_unit_test_prestate(test_formats, set),
            cmocka_unit_test_prestate(test_accumulate, set),
        };
        failures += cmocka_run_group_tests_name(kernels->name, tests, NULL, NULL);
    }
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_choice)};
    return failures + cmocka_run_group_tests(tests, NULL, NULL);
}
