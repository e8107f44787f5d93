/* gemm: products of many tokens in fast arithmetic, every set of this build against double
 * precision, with inputs built to hurt.
 *
 * What may be lost follows from how a set rounds: to bfloat16 each factor by 2^-8 of itself, to
 * integers each by half a step of the greatest of its group. Beside that: rows, tokens and columns
 * around the sizes of tiles and parts, rows of activations and outputs that lie apart with guards
 * between them, and the same bits whatever the number of threads, and whichever tokens and rows
 * were done together.
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
#include "compute/tensor.h"
#include "load/weights.h"

enum { COLUMNS_MAX = 1280, GROUP = 128, GAP = 3 };

static const float guard = -12345.0f;

static uint32_t random_bits(void)
{
    static uint32_t state = 88172645u;
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

/* Mostly ordinary; some large, tiny, subnormal or zero. */
static float awkward(void)
{
    uint32_t bits = random_bits();
    float value = (float)(bits >> 8) / (float)(1 << 23) - 1.0f;
    switch (bits & 63) {
    case 0:
        return value * 1e4f;
    case 1:
        return value * 1e-30f;
    case 2:
        return value * 1e-41f;
    case 3:
        return 0.0f;
    default:
        return value;
    }
}

/* One matrix and its tokens, with the values that the matrix stands for. */
struct bench {
    struct weights_matrix matrix;
    unsigned char *stored;
    float *values, *x;
    size_t tokens, x_stride;
};

/* Bytes that decode to finite values: every pair that could be a scale is no large half. Formats of
 * single values are filled with such. */
static void fill_stored(struct bench *bench, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        bench->stored[i] = (unsigned char)(random_bits() >> 11) & 0xbf;
    }
    size_t count = (size_t)bench->matrix.rows * (size_t)bench->matrix.columns;
    for (size_t i = 0; i < count && bench->matrix.format->type == QUANT_F32; i++) {
        float value = awkward();
        memcpy(bench->stored + 4 * i, &value, sizeof value);
    }
}

static struct bench make_bench(enum quant_type type, size_t rows, size_t columns, size_t tokens)
{
    const struct quant_format *format = quant_format(type);
    size_t blocks = columns / format->block_values;
    struct bench bench = {
        .matrix = {.format = format,
                   .rows = (int32_t)rows,
                   .columns = (int32_t)columns,
                   .row_bytes = blocks * format->block_bytes,
                   .scale = 0.5f},
        .tokens = tokens,
        .x_stride = columns + GAP,
    };
    size_t bytes = rows * bench.matrix.row_bytes;
    /* Exactly as long as needed, so that a sanitizer sees any read behind the end. */
    bench.stored = test_malloc(bytes);
    bench.values = test_malloc(rows * columns * sizeof *bench.values);
    bench.x = test_malloc(tokens * bench.x_stride * sizeof *bench.x);
    fill_stored(&bench, bytes);
    bench.matrix.data = bench.stored;
    format->decode(bench.stored, rows * blocks, bench.values);
    for (size_t i = 0; i < tokens * bench.x_stride; i++) {
        bench.x[i] = awkward();
    }
    return bench;
}

static void free_bench(struct bench *bench)
{
    test_free(bench->stored);
    test_free(bench->values);
    test_free(bench->x);
}

/* What rounding may cost one product. `steps`: the greatest integer of the set; 0 = bfloat16. */
static double allowed_error(const float *row, const float *x, size_t columns, double steps)
{
    double allowed = 0;
    for (size_t from = 0; from < columns; from += GROUP) {
        size_t end = from + GROUP < columns ? from + GROUP : columns;
        double most_row = 0, most_x = 0, sum_row = 0, sum_x = 0, products = 0;
        for (size_t c = from; c < end; c++) {
            double w = fabs((double)row[c]), value = fabs((double)x[c]);
            most_row = w > most_row ? w : most_row;
            most_x = value > most_x ? value : most_x;
            sum_row += w;
            sum_x += value;
            products += w * value;
        }
        double count = (double)(end - from);
        allowed += products * 1e-5 + 1e-30 * (sum_row + sum_x);
        if (steps == 0) {
            allowed += products * 0.00785;
        } else {
            double half_row = most_row / steps * 0.501, half_x = most_x / steps * 0.501;
            allowed += sum_row * half_x + sum_x * half_row + count * half_row * half_x;
        }
    }
    return allowed + 1e-30;
}

static double steps_of(const struct tensor_machine *machine)
{
    const char *name = machine->gemm.set->name;
    return strcmp(name, "amx") == 0 ? 0 : strcmp(name, "avx2") == 0 ? 4095 : 127;
}

/* Rows `from`.. of the first `tokens` tokens; outputs lie GAP further apart than needed. */
static float *multiply(struct tensor_machine *machine, const struct bench *bench, size_t from,
                       size_t rows, size_t tokens)
{
    size_t stride = rows + GAP;
    float *out = test_malloc(tokens * stride * sizeof *out);
    for (size_t i = 0; i < tokens * stride; i++) {
        out[i] = guard;
    }
    struct tensor_product product = {
        .matrix = &bench->matrix,
        .x = bench->x,
        .x_stride = bench->x_stride,
        .out = out,
        .out_stride = stride,
        .tokens = tokens,
        .row_from = (int32_t)from,
        .row_count = (int32_t)rows,
    };
    tensor_multiply(machine, &product, 1);
    return out;
}

/* Values and guards; a few outputs of a large product, all of a small one. */
static void check_values(const struct tensor_machine *machine, const struct bench *bench,
                         const float *out)
{
    size_t rows = (size_t)bench->matrix.rows, columns = (size_t)bench->matrix.columns;
    size_t stride = rows + GAP, total = rows * bench->tokens, step = total / 2000 + 1;
    for (size_t i = 0; i < total; i += step) {
        size_t t = i / rows, r = i % rows;
        const float *row = bench->values + r * columns, *x = bench->x + t * bench->x_stride;
        double exact = 0, found = (double)out[t * stride + r];
        for (size_t c = 0; c < columns; c++) {
            exact += (double)row[c] * (double)x[c];
        }
        double allowed = 0.5 * allowed_error(row, x, columns, steps_of(machine));
        if (!(fabs(found - 0.5 * exact) <= allowed)) {
            fail_msg("%s, %zu x %zu, token %zu of %zu, row %zu: %.9g instead of %.9g (%.3g)",
                     bench->matrix.format->name, rows, columns, t, bench->tokens, r, found,
                     0.5 * exact, allowed);
        }
    }
    for (size_t t = 0; t < bench->tokens; t++) {
        for (size_t i = rows; i < stride; i++) {
            assert_true(out[t * stride + i] == guard);
        }
    }
}

struct machines {
    struct tensor_machine one, three, exact;
};

static void check_product(struct machines *machines, enum quant_type type, size_t rows,
                          size_t columns, size_t tokens)
{
    struct bench bench = make_bench(type, rows, columns, tokens);
    float *out = multiply(&machines->one, &bench, 0, rows, tokens);
    check_values(&machines->one, &bench, out);
    float *other = multiply(&machines->three, &bench, 0, rows, tokens);
    assert_memory_equal(out, other, tokens * (rows + GAP) * sizeof *out);
    test_free(other);
    if (tokens > 40 && rows > 20) { /* some tokens, some rows: the same bits */
        size_t some = 17 + tokens % 20, from = 5, few = rows - 7;
        other = multiply(&machines->three, &bench, from, few, some);
        for (size_t t = 0; t < some; t++) {
            assert_memory_equal(other + t * (few + GAP), out + t * (rows + GAP) + from,
                                few * sizeof *out);
        }
        test_free(other);
    }
    test_free(out);
    free_bench(&bench);
}

static const enum quant_type types[] = {QUANT_F32,  QUANT_F16,  QUANT_BF16,   QUANT_Q4_0,
                                        QUANT_Q8_0, QUANT_Q4_K, QUANT_Q5_K,   QUANT_Q6_K,
                                        QUANT_Q4_1, QUANT_Q5_0, QUANT_IQ4_NL, QUANT_MXFP4};

static void test_formats(void **state)
{
    struct machines *machines = *state;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        check_product(machines, types[i], 33, 256, 17);
        check_product(machines, types[i], 50, 1280, 45);
    }
}

static void test_sizes(void **state)
{
    struct machines *machines = *state;
    static const size_t rows[] = {1, 15, 16, 17, 32, 47, 130, 300};
    static const size_t tokens[] = {17, 31, 32, 33, 48, 63, 257, 300};
    for (size_t i = 0; i < 8; i++) {
        check_product(machines, QUANT_Q4_0, rows[i], 32 * (1 + 3 * i), tokens[7 - i]);
        check_product(machines, QUANT_Q4_0, rows[7 - i], 512, tokens[(i + 3) % 8]);
        check_product(machines, QUANT_F32, rows[i], 500 + 5 * i, tokens[(i + 5) % 8]);
        check_product(machines, QUANT_F32, rows[i], 1 + 17 * i, tokens[i]);
    }
}

/* Several products at once: of the same tokens, of others, and of too few. */
static void test_together(void **state)
{
    struct machines *machines = *state;
    struct bench a = make_bench(QUANT_Q8_0, 70, 256, 40), b = make_bench(QUANT_Q4_0, 21, 256, 40);
    struct bench few = make_bench(QUANT_Q4_0, 21, 256, 3);
    float *a_alone = multiply(&machines->one, &a, 0, 70, 40);
    float *few_alone = multiply(&machines->one, &few, 0, 21, 3);
    float *out = test_calloc(40 * 73 + 40 * 21 + 3 * 24, sizeof *out);
    struct tensor_product products[] = {
        {.matrix = &a.matrix,
         .x = a.x,
         .x_stride = 259,
         .out = out,
         .out_stride = 73,
         .tokens = 40},
        {.matrix = &b.matrix,
         .x = a.x,
         .x_stride = 259,
         .out = out + 2920,
         .out_stride = 21,
         .tokens = 40},
        {.matrix = &few.matrix,
         .x = few.x,
         .x_stride = 259,
         .out = out + 3760,
         .out_stride = 24,
         .tokens = 3},
    };
    tensor_multiply(&machines->three, products, 3);
    for (size_t t = 0; t < 40; t++) {
        assert_memory_equal(out + t * 73, a_alone + t * 73, 70 * sizeof *out);
    }
    for (size_t t = 0; t < 3; t++) {
        assert_memory_equal(out + 3760 + t * 24, few_alone + t * 24, 21 * sizeof *out);
    }
    float *on_its_own = test_malloc(40 * 21 * sizeof *out);
    products[1].out = on_its_own;
    tensor_multiply(&machines->one, &products[1], 1);
    assert_memory_equal(out + 2920, on_its_own, 40 * 21 * sizeof *out);
    test_free(on_its_own);
    test_free(out);
    test_free(a_alone);
    test_free(few_alone);
    free_bench(&a);
    free_bench(&b);
    free_bench(&few);
}

/* Exact arithmetic keeps to the float path, and fast arithmetic does not. */
static void test_exact(void **state)
{
    struct machines *machines = *state;
    struct bench bench = make_bench(QUANT_Q4_0, 20, 512, 20);
    float *exact = multiply(&machines->exact, &bench, 0, 20, 20);
    float *fast = multiply(&machines->one, &bench, 0, 20, 20);
    float *as_panel = test_malloc(sizeof *as_panel * 20 * 20);
    machines->exact.kernels->panel(bench.values, 512, 20, 512, bench.x, bench.x_stride, 20,
                                   as_panel, 20);
    size_t different = 0;
    for (size_t t = 0; t < 20; t++) {
        for (size_t r = 0; r < 20; r++) {
            assert_true(exact[t * 23 + r] == 0.5f * as_panel[t * 20 + r]);
            different += fast[t * 23 + r] != exact[t * 23 + r];
        }
    }
    assert_true(different > 100);
    test_free(as_panel);
    test_free(exact);
    test_free(fast);
    free_bench(&bench);
}

/* A set that is forced uses nothing above it: the name of what multiplies is among its own. */
static void test_choice(void **state)
{
    const struct machines *machines = *state;
    const char *chosen = machines->one.kernels->name;
    const struct gemm_set *set = machines->one.gemm.set;
    bool wider = strcmp(chosen, "avx2") != 0;
    assert_true(set->supported());
    assert_true((strcmp(set->name, "amx") == 0) <= (strcmp(chosen, "amx") == 0));
    assert_true((strcmp(set->name, "avx512") == 0) <= wider);
}

/* With this of the sets that the kernels may choose. */
static void init(struct tensor_machine *machine, const struct kernels *kernels, size_t gemm,
                 int threads, bool exact)
{
    if (!tensor_machine_init(machine, kernels->name, threads, COLUMNS_MAX, NULL)) {
        abort();
    }
    machine->exact = exact;
    struct kernels only = *kernels;
    only.gemm[0] = kernels->gemm[gemm];
    only.gemm[1] = NULL;
    gemm_finish(&machine->gemm);
    if (!gemm_init(&machine->gemm, &only, threads, COLUMNS_MAX, NULL)) {
        abort();
    }
}

static int test_set(const struct kernels *kernels, size_t gemm)
{
    struct machines machines;
    init(&machines.one, kernels, gemm, 1, false);
    init(&machines.three, kernels, gemm, 3, false);
    init(&machines.exact, kernels, gemm, 2, true);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(test_formats, &machines),
        cmocka_unit_test_prestate(test_sizes, &machines),
        cmocka_unit_test_prestate(test_together, &machines),
        cmocka_unit_test_prestate(test_exact, &machines),
        cmocka_unit_test_prestate(test_choice, &machines),
    };
    int failures = cmocka_run_group_tests_name(kernels->gemm[gemm]->name, tests, NULL, NULL);
    tensor_machine_finish(&machines.one);
    tensor_machine_finish(&machines.three);
    tensor_machine_finish(&machines.exact);
    return failures;
}

int main(void)
{
    int failures = 0;
    const struct kernels *kernels;
    for (size_t i = 0; (kernels = kernels_at(i)) != NULL; i++) {
        for (size_t g = 0; g < KERNELS_GEMMS && kernels->gemm[g] != NULL; g++) {
            if (kernels->supported() && kernels->gemm[g]->supported()) {
                failures += test_set(kernels, g);
            }
        }
    }
    return failures;
}
