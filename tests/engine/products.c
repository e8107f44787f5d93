/* products: matrix products by pieces: parts of a matrix, several at once, and a matrix that has
 * one scale for all its values. Numbers are small integers, so that every sum is exact. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "compute/tensor.h"
#include "load/weights.h"

enum { ROWS = 50, COLUMNS = 24, TOKENS = 5 };

static float matrix_values[ROWS * COLUMNS], x[TOKENS * COLUMNS];

static struct weights_matrix make_matrix(float scale)
{
    for (int i = 0; i < ROWS * COLUMNS; i++) {
        matrix_values[i] = (float)(i * 7 % 11 - 5);
    }
    for (int i = 0; i < TOKENS * COLUMNS; i++) {
        x[i] = (float)(i * 5 % 13 - 6);
    }
    return (struct weights_matrix){
        .data = (const unsigned char *)matrix_values,
        .format = quant_format(QUANT_F32),
        .rows = ROWS,
        .columns = COLUMNS,
        .row_bytes = sizeof(float) * COLUMNS,
        .scale = scale,
    };
}

static float expected(int row, size_t token)
{
    float sum = 0;
    for (size_t c = 0; c < COLUMNS; c++) {
        sum += matrix_values[(size_t)row * COLUMNS + c] * x[token * COLUMNS + c];
    }
    return sum;
}

static void check(struct tensor_machine *machine, float scale, size_t tokens)
{
    struct weights_matrix matrix = make_matrix(scale);
    float out[TENSOR_PRODUCTS_MAX][TOKENS * ROWS];
    struct tensor_product products[TENSOR_PRODUCTS_MAX];
    memset(out, 0, sizeof out);
    for (int i = 0; i < TENSOR_PRODUCTS_MAX; i++) {
        products[i] = (struct tensor_product){
            .matrix = &matrix,
            .x = x,
            .x_stride = COLUMNS,
            .out = out[i],
            .out_stride = ROWS,
            .tokens = tokens,
            .row_from = 2 * i,
            .row_count = i == 0 ? 0 : ROWS - 2 * i - 1,
        };
    }
    tensor_multiply(machine, products, TENSOR_PRODUCTS_MAX);
    for (int i = 0; i < TENSOR_PRODUCTS_MAX; i++) {
        int count = i == 0 ? ROWS : ROWS - 2 * i - 1;
        for (size_t t = 0; t < TOKENS; t++) {
            for (int r = 0; r < ROWS; r++) {
                float wanted = r < count && t < tokens ? scale * expected(2 * i + r, t) : 0;
                assert_true(out[i][t * ROWS + (size_t)r] == wanted);
            }
        }
    }
    float row[COLUMNS];
    tensor_decode_row(machine, &matrix, 3, row);
    for (size_t c = 0; c < COLUMNS; c++) {
        assert_true(row[c] == scale * matrix_values[3 * COLUMNS + c]);
    }
}

static void test_products(void **state)
{
    (void)state;
    struct tensor_machine machine;
    assert_true(tensor_machine_init(&machine, NULL, 2, COLUMNS, NULL));
    check(&machine, 1.0f, 1);
    check(&machine, 1.0f, TOKENS);
    check(&machine, 0.25f, 1);
    check(&machine, 0.25f, TOKENS);
    tensor_machine_finish(&machine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_products)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
