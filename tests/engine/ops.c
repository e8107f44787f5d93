/* ops: single operations against reference results: norms, activations, rotation, sampling. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "compute/kernels.h"
#include "compute/row_kernels.h"
#include "compute/rows.h"
#include "compute/tensor.h"
#include "support/fixture.h"
#include "text/rope.h"
#include "text/sampler.h"

static struct safetensors *ops;
static struct tensor_machine machine;

static const float *values_of(const char *group, const char *what, size_t *count)
{
    return fixture_tensor(ops, group, what, count);
}

/* |a - b| <= limit * max(1, |b|) */
static void check_close(const char *what, const float *found, const float *expected, size_t count,
                        float limit)
{
    for (size_t i = 0; i < count; i++) {
        float size = fmaxf(1.0f, fabsf(expected[i]));
        if (!(fabsf(found[i] - expected[i]) <= limit * size)) {
            fail_msg("%s[%zu] is %.9g, not %.9g", what, i, (double)found[i], (double)expected[i]);
        }
    }
}

static void test_rms_norm(void **state)
{
    (void)state;
    static const size_t widths[] = {16, 100, 1536};
    for (size_t i = 0; i < 3; i++) {
        char group[32];
        size_t count, width = widths[i], n;
        snprintf(group, sizeof group, "rmsnorm.%zu", width);
        const float *x = values_of(group, "x", &count);
        const float *weight = values_of(group, "w", &n);
        float *out = test_malloc(count * sizeof *out);
        rows_rms_norm(&machine, out, x, weight, count / width, width, 1e-6f);
        check_close(group, out, values_of(group, "y", &n), count, 2e-6f);
        memcpy(out, x, count * sizeof *out); /* in place */
        rows_rms_norm(&machine, out, out, NULL, count / width, width, 1e-6f);
        check_close(group, out, values_of(group, "y_noweight", &n), count, 2e-6f);
        test_free(out);
    }
}

static void test_activations(void **state)
{
    (void)state;
    size_t count, n;
    const float *x = values_of("gelu_tanh", "x", &count);
    float *found = test_malloc(count * sizeof *found), *ones = test_malloc(count * sizeof *ones);
    memcpy(found, x, count * sizeof *found);
    for (size_t i = 0; i < count; i++) {
        ones[i] = 1;
    }
    rows_gelu_multiply(&machine, found, ones, count, 1, count);
    check_close("gelu_tanh", found, values_of("gelu_tanh", "y", &n), count, 1e-6f);
    test_free(ones);
    test_free(found);

    x = values_of("softcap", "x", &count);
    found = test_malloc(count * sizeof *found);
    memcpy(found, x, count * sizeof *found);
    rows_soft_cap(&machine, found, 30.0f, count);
    check_close("softcap", found, values_of("softcap", "y", &n), count, 1e-6f);
    test_free(found);

    x = values_of("softmax", "x", &count);
    found = test_malloc(count * sizeof *found);
    memcpy(found, x, count * sizeof *found);
    for (size_t row = 0; row < count / 257; row++) {
        rows_softmax(machine.kernels, found + row * 257, 257);
    }
    check_close("softmax", found, values_of("softmax", "y", &n), count, 1e-6f);
    test_free(found);
}

static void check_rope(const char *group, size_t pairs, float theta)
{
    struct rope rope;
    size_t count, positions, n;
    const int32_t *position = fixture_tensor(ops, group, "positions", &positions);
    const float *x = values_of(group, "x", &count);
    size_t head_dim = count / positions / 2;
    assert_true(rope_init(&rope, head_dim, pairs, theta, NULL));
    check_close("inv_freq", rope.inv_freq, values_of(group, "inv_freq", &n), pairs, 1e-7f);
    float *found = test_malloc(count * sizeof *found), cosines[256], sines[256];
    memcpy(found, x, count * sizeof *found);
    for (size_t i = 0; i < positions; i++) {
        rope_angles(&rope, (size_t)position[i], cosines, sines);
        for (size_t head = 0; head < 2; head++) {
            float *turned = found + (2 * i + head) * head_dim;
            machine.kernels->row->rotate(turned, turned + head_dim / 2, cosines, sines, rope.pairs);
        }
    }
    /* One unit in the last place of a frequency turns the angle at the last position by 8e-3. */
    const float *expected = values_of(group, "y", &n);
    size_t row = 2 * head_dim;
    for (size_t i = 0; i < positions; i++) {
        float limit = 1e-5f + (float)position[i] * 1.2e-7f;
        check_close(group, found + i * row, expected + i * row, row, limit);
    }
    test_free(found);
    rope_finish(&rope);
}

static void test_rope(void **state)
{
    (void)state;
    check_rope("rope.sliding", 128, 1e4f);
    check_rope("rope.full", 64, 1e6f);
}

static int compare_floats(const void *left, const void *right)
{
    float a = *(const float *)left, b = *(const float *)right;
    return (a > b) - (a < b);
}

static void test_sampler_probabilities(void **state)
{
    (void)state;
    static const char *const cases[] = {"flat",   "masked", "no_k",    "no_p", "one",
                                        "peaked", "spread", "temp0.7", "ties", "temp1.5_k20_p0.8"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char group[64];
        size_t count, n;
        struct err err;
        struct sampler sampler;
        snprintf(group, sizeof group, "sampler.%s", cases[i]);
        const float *logits = values_of(group, "logits", &count);
        const float *params = values_of(group, "params", &n);
        const float *expected = values_of(group, "probs", &n);
        const struct engine_sampling sampling = {
            .temperature = params[0], .top_k = (int32_t)params[1], .top_p = params[2]};
        assert_true(sampler_init(&sampler, count, NULL));
        if (!sampler_probabilities(&sampler, &(struct sampler_state){.logits = logits}, &sampling,
                                   &err)) {
            fail_msg("%s: %s", group, err.text);
        }
        float *found = test_calloc(count, sizeof *found);
        for (size_t c = 0; c < sampler.count; c++) {
            found[sampler.candidates[c].id] = sampler.candidates[c].probability;
        }
        float *sorted = test_malloc(count * sizeof *sorted);
        memcpy(sorted, expected, count * sizeof *sorted);
        if (strcmp(cases[i], "ties") == 0) { /* which of the equal ones survive is open */
            qsort(found, count, sizeof *found, compare_floats);
            qsort(sorted, count, sizeof *sorted, compare_floats);
        }
        for (size_t id = 0; id < count; id++) {
            if ((found[id] > 0) != (sorted[id] > 0) || fabsf(found[id] - sorted[id]) > 1e-6f) {
                fail_msg("%s: token %zu has %g, not %g", group, id, (double)found[id],
                         (double)sorted[id]);
            }
        }
        test_free(sorted);
        test_free(found);
        sampler_finish(&sampler);
    }
}

/* Draws at many positions follow the probabilities, repeat for the same seed, differ for another.
 */
static void test_sampler_draws(void **state)
{
    (void)state;
    enum { DRAWS = 20000 };
    const float logits[4] = {logf(0.5f), logf(0.3f), logf(0.15f), logf(0.05f)};
    const float share[4] = {0.5f, 0.3f, 0.15f, 0.05f};
    struct engine_sampling sampling = {.temperature = 1, .top_p = 1, .seed = 7};
    struct sampler sampler;
    int hits[4] = {0}, same = 0;
    assert_true(sampler_init(&sampler, 4, NULL));
    for (uint64_t position = 0; position < DRAWS; position++) {
        const struct sampler_state from = {.logits = logits, .position = position};
        int32_t id, again, other;
        sampling.seed = 7;
        assert_true(sampler_choose(&sampler, &from, &sampling, &id, NULL));
        assert_true(sampler_choose(&sampler, &from, &sampling, &again, NULL));
        assert_int_equal(id, again);
        sampling.seed = 8;
        assert_true(sampler_choose(&sampler, &from, &sampling, &other, NULL));
        hits[id]++;
        same += id == other;
    }
    for (size_t i = 0; i < 4; i++) {
        assert_true(fabsf((float)hits[i] / DRAWS - share[i]) < 0.015f);
    }
    assert_true(same > DRAWS / 4 && same < DRAWS / 2); /* 0.365 by chance */
    sampler_finish(&sampler);
}

static void test_sampler_best_and_banned(void **state)
{
    (void)state;
    const float logits[5] = {1, 3, NAN, 3, 2};
    const int32_t one[] = {1, -1, 5}, all[] = {0, 1, 3, 4};
    const struct sampler_state any = {.logits = logits},
                               some = {.logits = logits, .banned = one, .banned_count = 3},
                               none = {.logits = logits, .banned = all, .banned_count = 4};
    struct engine_sampling sampling = {.temperature = 0};
    struct sampler sampler;
    struct err err;
    int32_t id = -1;
    assert_true(sampler_init(&sampler, 5, NULL));
    assert_true(sampler_choose(&sampler, &any, &sampling, &id, NULL));
    assert_int_equal(id, 1); /* the lowest of equals */
    assert_true(sampler_choose(&sampler, &some, &sampling, &id, NULL));
    assert_int_equal(id, 3);
    assert_false(sampler_choose(&sampler, &none, &sampling, &id, &err));
    assert_int_equal(err.code, ERR_ARGUMENT);
    sampling = (struct engine_sampling){.temperature = 1, .top_k = 1, .top_p = 0.5f};
    assert_true(sampler_choose(&sampler, &some, &sampling, &id, NULL));
    assert_int_equal(id, 3);
    assert_false(sampler_choose(&sampler, &none, &sampling, &id, &err));
    assert_int_equal(id, 3);
    sampler_finish(&sampler);
}

/* The probabilities of all tokens, 0 for those that have no chance. */
static void probabilities(const struct sampler_state *state, const struct engine_sampling *sampling,
                          size_t count, float *found)
{
    struct sampler sampler;
    struct err err;
    assert_true(sampler_init(&sampler, count, NULL));
    if (!sampler_probabilities(&sampler, state, sampling, &err)) {
        fail_msg("%s", err.text);
    }
    memset(found, 0, count * sizeof *found);
    for (size_t i = 0; i < sampler.count; i++) {
        found[sampler.candidates[i].id] = sampler.candidates[i].probability;
    }
    sampler_finish(&sampler);
}

static void test_min_p(void **state)
{
    (void)state;
    const float logits[4] = {logf(0.5f), logf(0.3f), logf(0.15f), logf(0.05f)};
    const struct sampler_state from = {.logits = logits};
    float found[4];
    probabilities(&from, &(struct engine_sampling){.temperature = 1, .top_p = 1, .min_p = 0.25f}, 4,
                  found);
    check_close("min_p", found, (float[]){0.5f / 0.95f, 0.3f / 0.95f, 0.15f / 0.95f, 0}, 4, 1e-6f);
    probabilities(&from, &(struct engine_sampling){.temperature = 1, .top_p = 1, .min_p = 1}, 4,
                  found);
    check_close("min_p 1", found, (float[]){1, 0, 0, 0}, 4, 0);
    /* The temperature comes first: with 0.5 the shares are squared. */
    probabilities(&from, &(struct engine_sampling){.temperature = 0.5f, .top_p = 1, .min_p = 0.25f},
                  4, found);
    check_close("min_p cold", found, (float[]){0.25f / 0.34f, 0.09f / 0.34f, 0, 0}, 4, 1e-6f);
    /* Behind top-p, which alone would leave two. */
    probabilities(&from, &(struct engine_sampling){.temperature = 1, .top_p = 0.7f, .min_p = 0.7f},
                  4, found);
    check_close("min_p behind top_p", found, (float[]){1, 0, 0, 0}, 4, 0);
}

static void test_bias_and_penalty(void **state)
{
    (void)state;
    const float logits[5] = {2, -1, 1, 0.5f, NAN};
    const int32_t tokens[] = {3, 1, 0, 0, 1, -7, 99};
    struct sampler_state from = {.logits = logits, .tokens = tokens, .token_count = 5};
    const struct engine_bias biases[] = {{2, 3}, {3, -INFINITY}, {2, -1}, {1, 0.5f}};
    struct engine_sampling sampling = {
        .temperature = 1, .top_p = 1, .repetition_penalty = 2, .repetition_last = 4};
    float found[5], expected[5] = {1, -2, 1, 0.5f, -INFINITY};
    probabilities(&from, &sampling, 5, found); /* the token three is too far back */
    rows_softmax(machine.kernels, expected, 5);
    check_close("penalty", found, expected, 5, 1e-6f);

    sampling.repetition_last = 0; /* all of them, and some that are no tokens */
    from.token_count = 7;
    memcpy(expected, (float[]){1, -2, 1, 0.25f, -INFINITY}, sizeof expected);
    probabilities(&from, &sampling, 5, found);
    rows_softmax(machine.kernels, expected, 5);
    check_close("penalty of all", found, expected, 5, 1e-6f);

    sampling.biases = biases;
    sampling.bias_count = 4;
    memcpy(expected, (float[]){1, -1, 3, -INFINITY, -INFINITY}, sizeof expected);
    probabilities(&from, &sampling, 5, found);
    rows_softmax(machine.kernels, expected, 5);
    check_close("bias and penalty", found, expected, 5, 1e-6f);

    struct sampler sampler;
    int32_t id;
    assert_true(sampler_init(&sampler, 5, NULL));
    sampling.temperature = 0; /* both count for the best one, too */
    assert_true(sampler_choose(&sampler, &from, &sampling, &id, NULL));
    assert_int_equal(id, 2);
    sampling = (struct engine_sampling){.temperature = 0, .repetition_penalty = 3};
    from.token_count = 4;
    assert_true(sampler_choose(&sampler, &from, &sampling, &id, NULL));
    assert_int_equal(id, 2);
    const int32_t all[] = {0, 1, 2};
    from.banned = all;
    from.banned_count = 3;
    sampling.biases = biases + 1; /* what is left is forbidden by its bias */
    sampling.bias_count = 1;
    assert_false(sampler_choose(&sampler, &from, &sampling, &id, NULL));
    sampler_finish(&sampler);
}

static void test_logprobs(void **state)
{
    (void)state;
    const float logits[6] = {logf(0.1f) + 50, logf(0.4f) + 50, NAN,
                             logf(0.1f) + 50, logf(0.4f) + 50, -INFINITY};
    struct engine_logprob best[6];
    struct sampler sampler;
    float of_id = 9;
    assert_true(sampler_init(&sampler, 6, NULL));
    assert_true(sampler_logprobs(&sampler, logits, best, 3, 3, &of_id, NULL));
    static const int32_t order[] = {1, 4, 0, 3, 2, 5};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(best[i].id, order[i]); /* of equals the lowest first */
    }
    check_close("logprob", &best[0].logprob, &(float){logf(0.4f)}, 1, 1e-5f);
    check_close("logprob", &best[2].logprob, &(float){logf(0.1f)}, 1, 1e-5f);
    assert_true(of_id == best[2].logprob);
    assert_true(sampler_logprobs(&sampler, logits, best, 6, 2, &of_id, NULL));
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(best[i].id, order[i]);
    }
    assert_true(isinf(of_id) && isinf(best[5].logprob) && isinf(best[4].logprob));
    assert_true(sampler_logprobs(&sampler, logits, NULL, 0, 0, NULL, NULL));
    const float nothing[6] = {NAN, -INFINITY, NAN, NAN, NAN, NAN};
    assert_false(sampler_logprobs(&sampler, nothing, best, 1, 0, NULL, NULL));
    sampler_finish(&sampler);
}

/* The choice among a few falls as often as with all others banned. */
static void test_sampler_among(void **state)
{
    (void)state;
    const float logits[6] = {1, 3, NAN, 3, 2, 2.5f};
    const int32_t allowed[] = {5, 3, 4}, banned[] = {0, 1, 2}, nothing[] = {2};
    struct engine_sampling sampling = {.temperature = 1, .top_p = 0.95f, .seed = 7};
    struct sampler sampler;
    struct err err;
    int32_t id = -1, other = -1;
    size_t counts[6] = {0};
    struct sampler_state from = {.logits = logits, .banned = banned, .banned_count = 3};
    assert_true(sampler_init(&sampler, 6, NULL));
    for (from.position = 0; from.position < 300; from.position++) {
        assert_true(sampler_choose_among(&sampler, &from, &sampling, allowed, 3, &id, NULL));
        assert_true(sampler_choose(&sampler, &from, &sampling, &other, NULL));
        counts[id]++;
        counts[other] += 1000;
    }
    assert_int_equal(counts[0] + counts[1] + counts[2], 0);
    for (size_t i = 3; i < 6; i++) {
        size_t among = counts[i] % 1000, rest = counts[i] / 1000;
        assert_true(among > 20 && among < rest + 40 && rest < among + 40);
    }
    sampling.temperature = 0;
    assert_true(sampler_choose_among(&sampler, &from, &sampling, allowed, 3, &id, NULL));
    assert_int_equal(id, 3);
    assert_false(sampler_choose_among(&sampler, &from, &sampling, nothing, 1, &id, &err));
    assert_int_equal(err.code, ERR_ARGUMENT);
    assert_int_equal(id, 3);
    sampler_finish(&sampler);
}

static int compare_downwards(const void *left, const void *right)
{
    return compare_floats(right, left);
}

/* A vocabulary of several stripes, against sorting everything: ties, the best one banned, numbers
 * that are missing, an end that is no whole stripe, and all rules that narrow. */
static void test_sampler_large(void **state)
{
    (void)state;
    enum { VOCABULARY = 5003 };
    static float logits[VOCABULARY], sorted[VOCABULARY];
    static const struct engine_sampling cases[] = {
        {.temperature = 1, .top_k = 5, .top_p = 1},
        {.temperature = 0.7f, .top_k = 12, .top_p = 1},
        {.temperature = 2, .top_k = 19, .top_p = 1},
        {.temperature = 1, .top_k = 300, .top_p = 1},
        {.temperature = 1, .top_k = 0, .top_p = 0.9f},
        {.temperature = 0.4f, .top_k = 200, .top_p = 0.5f}};
    uint32_t bits = 12345;
    for (size_t i = 0; i < VOCABULARY; i++) {
        bits = bits * 1664525u + 1013904223u;
        logits[i] = (float)(bits >> 20) / 512.0f; /* 4096 values: many are equal */
    }
    logits[17] = 100;
    logits[18] = NAN;
    logits[5002] = 30; /* the best that is not banned */
    const int32_t banned[] = {17};
    const struct sampler_state from = {.logits = logits, .banned = banned, .banned_count = 1};
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        struct sampler sampler;
        size_t count = 0, kept = 0;
        assert_true(sampler_init(&sampler, VOCABULARY, NULL));
        assert_true(sampler_probabilities(&sampler, &from, &cases[c], NULL));
        for (size_t i = 0; i < VOCABULARY; i++) {
            if (i != 17 && i != 18) {
                sorted[count++] = logits[i] / cases[c].temperature;
            }
        }
        qsort(sorted, count, sizeof *sorted, compare_downwards);
        size_t k = (size_t)cases[c].top_k == 0 ? count : (size_t)cases[c].top_k;
        while (kept < count && sorted[kept] >= sorted[k - 1]) {
            kept++;
        }
        double all = 0, dropped = 0;
        for (size_t i = 0; i < kept; i++) {
            all += exp((double)(sorted[i] - sorted[0]));
        }
        while (kept > 1 && cases[c].top_p < 1) {
            dropped += exp((double)(sorted[kept - 1] - sorted[0])) / all;
            if (dropped > 1 - (double)cases[c].top_p) {
                break;
            }
            kept--;
        }
        assert_int_equal(sampler.count, kept);
        for (size_t i = 0; i < kept; i++) {
            bool whole = cases[c].top_p < 1; /* then they are sorted, the least likely first */
            assert_true(!whole || sampler.candidates[kept - 1 - i].logit == sorted[i]);
            assert_true(sampler.candidates[i].logit >= sorted[kept - 1]);
            assert_true(sampler.candidates[i].id != 17 && sampler.candidates[i].id != 18);
        }
        sampler_finish(&sampler);
    }
}

int main(void)
{
    ops = safetensors_open(TEST_DATA "/text/ops.safetensors");
    if (ops == NULL || !tensor_machine_init(&machine, NULL, 2, 16, NULL)) {
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rms_norm),      cmocka_unit_test(test_activations),
        cmocka_unit_test(test_rope),          cmocka_unit_test(test_sampler_probabilities),
        cmocka_unit_test(test_sampler_draws), cmocka_unit_test(test_sampler_best_and_banned),
        cmocka_unit_test(test_min_p),         cmocka_unit_test(test_bias_and_penalty),
        cmocka_unit_test(test_logprobs),      cmocka_unit_test(test_sampler_among),
        cmocka_unit_test(test_sampler_large),
    };
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    tensor_machine_finish(&machine);
    safetensors_close(ops);
    return failures;
}
