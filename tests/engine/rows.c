/* rows: the row kernels of every set of this build against plain arithmetic in double precision,
 * with inputs built to hurt: lengths around the width of the registers, unaligned rows, guards
 * behind every output, huge, tiny, infinite and missing numbers. */
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
#include "compute/row_kernels.h"
#include "compute/rows.h"
#include "compute/tensor.h"

enum { LONGEST = 530, GUARDED = LONGEST + 16 };

static const float guard = -12345.0f;
static const size_t lengths[] = {0,  1,  3,  4,  7,  8,  9,   15,  16,
                                 17, 31, 33, 63, 64, 65, 127, 256, 529};

enum { LENGTHS = sizeof lengths / sizeof lengths[0] };

/* A small deterministic generator: uniform in -1 .. 1. */
static float uniform(void)
{
    static uint32_t state = 2463534242u;
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return (float)(state >> 8) / (float)(1 << 23) - 1.0f;
}

static void fill(float *values, size_t count, float size)
{
    for (size_t i = 0; i < count; i++) {
        values[i] = uniform() * size;
    }
}

/* Copies n values to one float past an aligned address, with guards behind. */
static float *place(float *to, const float *from, size_t n)
{
    for (size_t i = 0; i < GUARDED; i++) {
        to[i] = guard;
    }
    memcpy(to + 1, from, n * sizeof *to);
    return to + 1;
}

static void check_guards(const float *placed, size_t n)
{
    assert_true(placed[-1] == guard);
    for (size_t i = n; i < GUARDED - 1; i++) {
        assert_true(placed[i] == guard);
    }
}

static void check(const char *what, const struct kernels *set, float found, double exact,
                  double limit)
{
    if (!(fabs((double)found - exact) <= limit) && !(isnan(found) && isnan(exact)) &&
        !((double)found == exact)) {
        fail_msg("%s, %s: %.9g, not %.9g", set->name, what, (double)found, exact);
    }
}

typedef void on_set(const struct kernels *set, const struct row_kernels *row);

static void on_every_set(on_set *test)
{
    for (size_t i = 0; kernels_at(i) != NULL; i++) {
        if (kernels_at(i)->supported()) {
            test(kernels_at(i), kernels_at(i)->row);
        }
    }
}

/* --- norms --- */

static void check_norms(const struct kernels *set, const struct row_kernels *row)
{
    static const float sizes[] = {1, 1e-3f, 1e15f, 1e-25f, 0};
    float x[LONGEST], weight[LONGEST], old[LONGEST], room[GUARDED], sum_room[GUARDED];
    for (size_t l = 1; l < LENGTHS; l++) {
        size_t n = lengths[l];
        for (size_t s = 0; s < 5; s++) {
            fill(x, n, sizes[s]);
            fill(weight, n, 3);
            fill(old, n, 10);
            double squares = 0;
            for (size_t i = 0; i < n; i++) {
                squares += (double)x[i] * (double)x[i];
            }
            double factor = 1 / sqrt(squares / (double)n + (double)1e-6f);
            float *found = place(room, x, n), *sums = place(sum_room, old, n);
            row->rms_norm(found, found, weight, n, 1e-6f);
            row->add_norm(sums, x, weight, n, 1e-6f, 0.5f);
            check_guards(found, n);
            check_guards(sums, n);
            for (size_t i = 0; i < n; i++) {
                double exact = (double)x[i] * factor * (double)weight[i];
                double total = 0.5 * ((double)old[i] + exact);
                check("rms_norm", set, found[i], exact, 1e-6 * fabs(exact) + 1e-37);
                check("add_norm", set, sums[i], total, 1e-6 * (10 + fabs(exact)));
            }
            row->rms_norm(found, x, NULL, n, 1e-6f);
            check("no weight", set, found[n - 1], (double)x[n - 1] * factor,
                  1e-6 * fabs((double)x[n - 1] * factor) + 1e-37);
        }
    }
}

/* --- activations --- */

static const float hurting[] = {
    0,     -0.0f,  1e-30f,  -1e-30f,  1e-6f,   -1e-6f, 0.3f,   -0.3f, 1,        -1,
    5,     -5,     9,       -9,       13,      -13,    50,     -50,   1e4f,     -1e4f,
    1e20f, -1e20f, FLT_MAX, -FLT_MAX, FLT_MIN, 88.5f,  -88.5f, NAN,   INFINITY, 1e-40f};

enum { HURTING = sizeof hurting / sizeof hurting[0] };

static double gelu(double x)
{
    return x / (1 + exp(-2 * 0.7978845608028654 * (x + 0.044715 * x * x * x)));
}

static void check_activations(const struct kernels *set, const struct row_kernels *row)
{
    float x[LONGEST], y[LONGEST], room[GUARDED];
    for (size_t l = 0; l < LENGTHS; l++) {
        size_t n = lengths[l];
        fill(x, n, 8);
        fill(y, n, 1);
        for (size_t i = 0; i < n && i < HURTING; i++) {
            x[i] = hurting[i];
        }
        float *found = place(room, x, n);
        row->gelu_multiply(found, y, n);
        check_guards(found, n);
        for (size_t i = 0; i < n; i++) {
            double exact = gelu((double)x[i]) * (double)y[i];
            /* the exponent of a far tail has lost what float32 lost of it */
            check("gelu", set, found[i], exact,
                  fabs(exact) * (4e-7 + 2e-7 * fabs((double)x[i] * (double)x[i])) + 1e-35);
        }
        found = place(room, x, n);
        row->soft_cap(found, 30, n);
        check_guards(found, n);
        for (size_t i = 0; i < n; i++) {
            double exact = 30 * tanh((double)x[i] / 30);
            check("soft_cap", set, found[i], exact, fabs(exact) * 5e-7 + 1e-38);
        }
    }
}

static void check_gates(const struct kernels *set, const struct row_kernels *row)
{
    float x[LONGEST], gates[LONGEST], room[GUARDED];
    for (size_t l = 0; l < LENGTHS; l++) {
        size_t n = lengths[l];
        fill(x, n, 8);
        fill(gates, n, 20);
        for (size_t i = 0; i < n && i < HURTING; i++) {
            gates[i] = hurting[i];
        }
        float *found = place(room, x, n);
        row->gate(found, found, gates, n);
        check_guards(found, n);
        for (size_t i = 0; i < n; i++) {
            double exact = (double)x[i] / (1 + exp(-(double)gates[i]));
            check("gate", set, found[i], exact, fabs(exact) * 5e-7 + 1e-37);
        }
        found = place(room, gates, n);
        row->gate(found, found, found, n);
        check_guards(found, n);
        for (size_t i = 0; i < n; i++) {
            double exact = (double)gates[i] / (1 + exp(-(double)gates[i]));
            check("silu", set, found[i], exact, fabs(exact) * 5e-7 + 1e-35);
        }
    }
}

static void check_clamp(const struct kernels *set, const struct row_kernels *row)
{
    float x[LONGEST], room[GUARDED];
    (void)set;
    for (size_t l = 0; l < LENGTHS; l++) {
        size_t n = lengths[l];
        fill(x, n, 3);
        for (size_t i = 0; i < n && i < HURTING; i++) {
            x[i] = hurting[i];
        }
        float *found = place(room, x, n);
        row->clamp(found, found, -1.5f, 0.75f, n);
        check_guards(found, n);
        for (size_t i = 0; i < n; i++) {
            float expected = x[i] < -1.5f ? -1.5f : x[i] > 0.75f ? 0.75f : x[i];
            assert_true(found[i] == expected || (isnan(found[i]) && isnan(x[i])));
        }
        row->clamp(found, x, -INFINITY, INFINITY, n);
        for (size_t i = 0; i < n; i++) {
            assert_true(found[i] == x[i] || (isnan(found[i]) && isnan(x[i])));
        }
    }
}

/* --- softmax --- */

static void check_exponentials(const struct kernels *set, const struct row_kernels *row)
{
    float x[LONGEST], room[GUARDED];
    for (size_t l = 0; l < LENGTHS; l++) {
        size_t n = lengths[l];
        for (float size = 1; size < 2e4f; size *= 30) {
            fill(x, n, size);
            float most = row->greatest(x, n), expected = -INFINITY;
            for (size_t i = 0; i < n; i++) {
                expected = fmaxf(expected, x[i]);
            }
            assert_true(most == expected);
            float *found = place(room, x, n);
            double sum = 0;
            float total = row->exponentials(found, n == 0 ? 0 : most, n);
            check_guards(found, n);
            for (size_t i = 0; i < n; i++) {
                double exact = exp((double)(x[i] - most));
                double unit = exact * 0x1p-23; /* of the last place, at least */
                check("exp", set, found[i], exact, 2 * unit + 2e-38);
                sum += exact;
            }
            check("sum", set, total, sum, sum * 1e-6);
        }
    }
    float some[19];
    fill(some, 19, 1);
    some[3] = some[17] = NAN;
    some[18] = 7;
    assert_true(row->greatest(some, 19) == 7);
    some[0] = INFINITY;
    assert_true(row->greatest(some, 19) == INFINITY);
    for (size_t i = 0; i < 19; i++) {
        some[i] = i == 6 ? 2 : -INFINITY;
    }
    assert_true(row->exponentials(some, row->greatest(some, 19), 19) == 1);
    assert_true(some[5] == 0 && some[6] == 1 && some[18] == 0);
}

/* --- sums and rotation --- */

static void check_sums(const struct kernels *set, const struct row_kernels *row)
{
    float x[LONGEST], y[LONGEST], room[GUARDED], other[GUARDED];
    for (size_t l = 0; l < LENGTHS; l++) {
        size_t n = lengths[l];
        fill(x, n, 5);
        fill(y, n, 5);
        float *found = place(room, x, n);
        row->add(found, y, n);
        check_guards(found, n);
        row->scale(found, -0.25f, n);
        check_guards(found, n);
        for (size_t i = 0; i < n; i++) {
            assert_true(found[i] == (x[i] + y[i]) * -0.25f);
        }
        found = place(room, x, n);
        row->blend(found, 0.3f, y, 0.7f, n);
        check_guards(found, n);
        for (size_t i = 0; i < n; i++) {
            assert_true(found[i] == x[i] * 0.3f + y[i] * 0.7f);
        }
        float cosines[LONGEST], sines[LONGEST];
        fill(cosines, n, 1);
        fill(sines, n, 1);
        found = place(room, x, n);
        float *partner = place(other, y, n);
        row->rotate(found, partner, cosines, sines, n);
        check_guards(found, n);
        check_guards(partner, n);
        for (size_t i = 0; i < n; i++) {
            check("rotate", set, found[i],
                  (double)x[i] * (double)cosines[i] - (double)y[i] * (double)sines[i], 2e-6);
            check("rotate", set, partner[i],
                  (double)y[i] * (double)cosines[i] + (double)x[i] * (double)sines[i], 2e-6);
        }
    }
}

static void check_halves(const struct kernels *set, const struct row_kernels *row)
{
    float x[LONGEST];
    unsigned char found[2 * LONGEST + 2], expected[2 * LONGEST + 2];
    for (size_t l = 0; l < LENGTHS; l++) {
        size_t n = lengths[l];
        fill(x, n, 3);
        const float edges[] = {65504,  65520,    1e-8f,        6e-8f,
                               -3e-6f, INFINITY, 1 + 0x1p-11f, 1 + 3 * 0x1p-11f};
        for (size_t i = 0; i < n && i < sizeof edges / sizeof edges[0]; i++) {
            x[i] = edges[i];
        }
        memset(found, 0xA5, sizeof found);
        memset(expected, 0xA5, sizeof expected);
        row->store_f16(found, x, n);
        row_kernels_scalar.store_f16(expected, x, n);
        if (memcmp(found, expected, sizeof found) != 0) {
            fail_msg("%s: other halves for %zu values", set->name, n);
        }
    }
}

/* --- the products of attention --- */

static void check_transpose(const struct kernels *set, const struct row_kernels *row)
{
    static const size_t widths[] = {1, 5, 16, 32, 100};
    static float rows[ROW_KERNELS_KEYS * 103], columns[100 * ROW_KERNELS_KEYS + 16];
    fill(rows, sizeof rows / sizeof rows[0], 1);
    for (size_t count = 1; count <= ROW_KERNELS_KEYS; count += count < 20 ? 1 : 11) {
        for (size_t w = 0; w < 5; w++) {
            for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++) {
                columns[i] = guard;
            }
            row->transpose(rows, 103, count, widths[w], columns);
            for (size_t c = 0; c < 100; c++) {
                for (size_t r = 0; r < ROW_KERNELS_KEYS; r++) {
                    size_t padded =
                        (count + ROW_KERNELS_PAD - 1) / ROW_KERNELS_PAD * ROW_KERNELS_PAD;
                    float expected = c >= widths[w] || r >= padded ? guard
                                     : r < count                   ? rows[r * 103 + c]
                                                                   : 0;
                    if (columns[c * ROW_KERNELS_KEYS + r] != expected) {
                        fail_msg("%s: transposed %zu rows of %zu: wrong at %zu, %zu", set->name,
                                 count, widths[w], c, r);
                    }
                }
            }
        }
    }
}

static void check_multiply_add(const struct kernels *set, const struct row_kernels *row)
{
    enum { STRIDE = 150, ROWS = 17, DEPTH = 70 };
    static float a[ROWS * DEPTH], b[DEPTH * STRIDE], out[ROWS * STRIDE], one[STRIDE],
        before[ROWS * STRIDE];
    fill(a, ROWS * DEPTH, 1);
    fill(b, DEPTH * STRIDE, 1);
    fill(before, ROWS * STRIDE, 1);
    for (size_t rows = 1; rows <= ROWS; rows++) {
        for (size_t columns = ROW_KERNELS_PAD; columns <= 144; columns += ROW_KERNELS_PAD) {
            size_t depth = (rows * 13 + columns) % DEPTH;
            memcpy(out, before, sizeof out);
            row->multiply_add(a, DEPTH, rows, depth, b, STRIDE, columns, out, STRIDE);
            for (size_t r = 0; r < ROWS; r++) {
                memcpy(one, before + r * STRIDE, sizeof one);
                row->multiply_add(a + r * DEPTH, DEPTH, 1, depth, b, STRIDE, columns, one, STRIDE);
                for (size_t c = 0; c < STRIDE; c++) {
                    double exact = (double)before[r * STRIDE + c];
                    for (size_t k = 0; k < depth && r < rows && c < columns; k++) {
                        exact += (double)a[r * DEPTH + k] * (double)b[k * STRIDE + c];
                    }
                    check("multiply_add", set, out[r * STRIDE + c], exact,
                          r < rows && c < columns ? 1e-5 : 0);
                }
                /* the same bits whatever rows are done together */
                assert_true(r >= rows || memcmp(one, out + r * STRIDE, sizeof one) == 0);
            }
        }
    }
}

/* --- shared among workers --- */

/* Long enough to be cut; the pieces make the same bits as one row at a time on one thread. */
static void test_shared(void **state)
{
    (void)state;
    enum { WIDTH = 1000, COUNT = 50 };
    struct tensor_machine one, three;
    assert_true(tensor_machine_init(&one, NULL, 1, 16, NULL));
    assert_true(tensor_machine_init(&three, NULL, 3, 16, NULL));
    size_t n = (size_t)WIDTH * COUNT;
    float *x = test_malloc(n * sizeof *x), *a = test_malloc(n * sizeof *a),
          *b = test_malloc(n * sizeof *b);
    fill(x, n, 4);
    fill(a, n, 4);
    memcpy(b, a, n * sizeof *b);
    rows_add_norm(&one, a, x, x, COUNT, WIDTH, 1e-6f, 0.7f);
    rows_add_norm(&three, b, x, x, COUNT, WIDTH, 1e-6f, 0.7f);
    assert_memory_equal(a, b, n * sizeof *a);
    rows_gelu_multiply(&one, a, x, WIDTH, COUNT, WIDTH);
    rows_gelu_multiply(&three, b, x, WIDTH, COUNT, WIDTH);
    rows_soft_cap(&one, a, 3, n);
    rows_soft_cap(&three, b, 3, n);
    assert_memory_equal(a, b, n * sizeof *a);
    rows_gelu_multiply(&one, a, x, 2 * (size_t)WIDTH, COUNT / 2, WIDTH); /* rows that lie apart */
    for (size_t i = 0; i < COUNT / 2; i++) {
        rows_gelu_multiply(&three, b + i * WIDTH, x + 2 * i * WIDTH, WIDTH, 1, WIDTH);
    }
    assert_memory_equal(a, b, n * sizeof *a);
    test_free(x);
    test_free(a);
    test_free(b);
    tensor_machine_finish(&one);
    tensor_machine_finish(&three);
}

#define ON_EVERY_SET(NAME)                \
    static void test_##NAME(void **state) \
    {                                     \
        (void)state;                      \
        on_every_set(check_##NAME);       \
    }
ON_EVERY_SET(norms)
ON_EVERY_SET(activations)
ON_EVERY_SET(gates)
ON_EVERY_SET(clamp)
ON_EVERY_SET(exponentials)
ON_EVERY_SET(sums)
ON_EVERY_SET(halves)
ON_EVERY_SET(transpose)
ON_EVERY_SET(multiply_add)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_norms),        cmocka_unit_test(test_activations),
        cmocka_unit_test(test_gates),        cmocka_unit_test(test_clamp),
        cmocka_unit_test(test_exponentials), cmocka_unit_test(test_sums),
        cmocka_unit_test(test_halves),       cmocka_unit_test(test_transpose),
        cmocka_unit_test(test_multiply_add), cmocka_unit_test(test_shared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
