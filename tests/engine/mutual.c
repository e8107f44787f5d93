/* mutual: attention of every row to every row, each set of this build against double precision on
 * the rounded inputs, for every shape at an edge; and that results do not depend on which queries
 * are done together. */
#include "compute/mutual.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "compute/kernels.h"

enum { COUNT_MAX = 700, STRIDE = MUTUAL_WIDTH_MAX + 5 };

static const float guard = -12345.0f;

struct input {
    size_t count, width;
    float *q, *k, *v; /* [count][width] */
};

/* A small deterministic generator: uniform in -1 .. 1, as a bfloat16. */
static float uniform(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    float value = (float)(int32_t)(*state >> 8) / (float)(1 << 23) - 1.0f;
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    bits &= 0xFFFF0000;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static float *fill(size_t count, float size, uint32_t seed)
{
    float *values = test_malloc(count * sizeof *values);
    for (size_t i = 0; i < count; i++) {
        values[i] = size * uniform(&seed);
    }
    return values;
}

/* size: a power of two. */
static struct input make(size_t count, size_t width, float size)
{
    return (struct input){count, width, fill(count * width, size, 1), fill(count * width, size, 2),
                          fill(count * width, 1, 3)};
}

static void finish(struct input *input)
{
    test_free(input->q);
    test_free(input->k);
    test_free(input->v);
}

/* Row `i` exactly. */
static void expect(const struct input *input, size_t i, double *out)
{
    static double scores[COUNT_MAX];
    double greatest = -INFINITY, sum = 0;
    for (size_t j = 0; j < input->count; j++) {
        scores[j] = 0;
        for (size_t c = 0; c < input->width; c++) {
            scores[j] +=
                (double)input->q[i * input->width + c] * (double)input->k[j * input->width + c];
        }
        greatest = fmax(greatest, scores[j]);
    }
    for (size_t c = 0; c < input->width; c++) {
        out[c] = 0;
    }
    for (size_t j = 0; j < input->count; j++) {
        double weight = exp(scores[j] - greatest);
        sum += weight;
        for (size_t c = 0; c < input->width; c++) {
            out[c] += weight * (double)input->v[j * input->width + c];
        }
    }
    for (size_t c = 0; c < input->width; c++) {
        out[c] /= sum;
    }
}

static unsigned char *pack(const struct mutual_set *set, const struct input *input)
{
    unsigned char *packed = mem_try_align(64, set->packed_bytes(input->count, input->width), 1);
    assert_non_null(packed);
    for (size_t first = 0; first < input->count; first += MUTUAL_STEP) {
        set->pack(input->k, input->v, input->count, input->width, first, packed);
    }
    return packed;
}

/* Queries first .. first + queries - 1 to out[queries][STRIDE], with guards behind each row. */
static void attend(const struct mutual_set *set, const struct input *input, const void *packed,
                   size_t first, size_t queries, float *out)
{
    unsigned char *scratch = mem_try_align(64, set->scratch_bytes, 1);
    assert_non_null(scratch);
    memset(scratch, 0xFF, set->scratch_bytes); /* it owes nothing to what was there */
    for (size_t i = 0; i < queries * STRIDE; i++) {
        out[i] = guard;
    }
    set->attend(input->q + first * input->width, queries, input->width, packed, input->count, out,
                STRIDE, scratch);
    for (size_t i = 0; i < queries; i++) {
        for (size_t c = input->width; c < STRIDE; c++) {
            assert_true(out[i * STRIDE + c] == guard);
        }
    }
    mem_free(scratch);
}

static void check(const struct kernels *kernels, size_t count, size_t width, float size)
{
    static float out[MUTUAL_QUERIES * STRIDE], alone[STRIDE];
    static double expected[MUTUAL_WIDTH_MAX];
    const struct mutual_set *set = kernels->mutual;
    struct input input = make(count, width, size);
    unsigned char *packed = pack(set, &input);
    for (size_t first = 0; first < count; first += MUTUAL_QUERIES) {
        size_t queries = count - first < MUTUAL_QUERIES ? count - first : MUTUAL_QUERIES;
        attend(set, &input, packed, first, queries, out);
        for (size_t i = 0; i < queries; i += 1 + queries / 7) {
            expect(&input, first + i, expected);
            for (size_t c = 0; c < width; c++) {
                /* weights are rounded to eight bits, and the mean of values below 1 is taken */
                if (!(fabs((double)out[i * STRIDE + c] - expected[c]) <= 0.005)) {
                    fail_msg("%s: %zu keys of %zu: query %zu, value %zu is %g, not %g",
                             kernels->name, count, width, first + i, c, (double)out[i * STRIDE + c],
                             expected[c]);
                }
            }
            attend(set, &input, packed, first + i, 1, alone);
            assert_memory_equal(alone, out + i * STRIDE, width * sizeof *alone);
        }
    }
    mem_free(packed);
    finish(&input);
}

static void on_every_set(void (*test)(const struct kernels *kernels))
{
    for (size_t i = 0; kernels_at(i) != NULL; i++) {
        const struct kernels *kernels = kernels_at(i);
        if (kernels->supported() && kernels->mutual != NULL && kernels->mutual->supported()) {
            test(kernels);
        }
    }
}

static void check_counts(const struct kernels *kernels)
{
    static const size_t counts[] = {1,   2,   15,  16,  17,  31,  32, 33,
                                    129, 255, 256, 257, 300, 513, 700};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        check(kernels, counts[i], 64, 0.5f);
    }
}

static void check_widths(const struct kernels *kernels)
{
    static const size_t widths[] = {1, 4, 15, 16, 17, 31, 32, 33, 72, 128, 255, 256};
    for (size_t i = 0; i < sizeof widths / sizeof widths[0]; i++) {
        check(kernels, 270, widths[i], 0.5f);
    }
}

/* Scores of thousands, so that one key takes all; and of none, so that all are equal. */
static void check_sizes(const struct kernels *kernels)
{
    check(kernels, 300, 64, 64);
    check(kernels, 300, 64, 0);
    check(kernels, 300, 64, 4);
}

static void test_counts(void **state)
{
    (void)state;
    on_every_set(check_counts);
}

static void test_widths(void **state)
{
    (void)state;
    on_every_set(check_widths);
}

static void test_sizes(void **state)
{
    (void)state;
    on_every_set(check_sizes);
}

/* Plain C has none, on any machine: there the float path is taken. */
static void test_scalar(void **state)
{
    (void)state;
    assert_null(kernels_scalar.mutual);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_widths),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_scalar),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
