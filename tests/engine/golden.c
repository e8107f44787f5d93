/* golden: whole models against reference results.
 *
 * Tiny random models with everything that Gemma 4's text architecture has, run by the transformers
 * library in float32. Limits are some ten times what float rounding costs; the least misreading of
 * the architecture costs a hundred times more. With CARAT_FIXTURES set to a folder, every model
 * that lies there is tested too. Files in GGUF and folders of safetensors give the same numbers.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "compute/kernels.h"
#include "support/fixture.h"

struct golden_case {
    const char *model, *golden; /* a file or folder, and NAME of NAME.golden.safetensors */
    float limit;                /* of a logit's difference */
};

/* Together these catch every mistake that the larger set catches. */
static const struct golden_case shipped[] = {
    {"e2b.gguf", "e2b", 5e-3f},
    {"dense.bf16.gguf", "dense.bf16", 5e-3f},
    {"unified.gguf", "unified", 5e-3f},
    {"qe2b.q4_0_mix.gguf", "qe2b.q4_0_mix", 1e-3f},
    {"qe2b.mixed_all.gguf", "qe2b.mixed_all", 1e-3f},
    {"moe.gguf", "moe", 5e-3f},
    {"qmoe.q4_k_m.gguf", "qmoe.q4_k_m", 1e-3f},
    {"e2b", "e2b", 5e-3f}, /* a folder of safetensors */
    {"e4b/model-00002-of-00002.safetensors", "e4b", 5e-3f},
};

static const struct golden_case more[] = {
    {"e2b", "e2b", 5e-3f},
    {"e4b", "e4b", 5e-3f},
    {"dense", "dense", 5e-3f},
    {"moe", "moe", 5e-3f},
    {"unified/model.safetensors", "unified", 5e-3f},
    {"e2b.gguf", "e2b", 5e-3f},
    {"e4b.gguf", "e4b", 5e-3f},
    {"e4b.fused_qkv.gguf", "e4b", 5e-3f},
    {"dense.gguf", "dense", 5e-3f},
    {"dense.f16.gguf", "dense.f16", 5e-3f},
    {"dense.bf16.gguf", "dense.bf16", 5e-3f},
    {"unified.gguf", "unified", 5e-3f},
    {"moe.gguf", "moe", 5e-3f},
    {"moe.split_experts.gguf", "moe", 5e-3f},
    {"qmoe.q4_k_m.gguf", "qmoe.q4_k_m", 1e-3f},
    {"qe2b.q4_0_mix.gguf", "qe2b.q4_0_mix", 1e-3f},
    {"qe2b.q4_k_m.gguf", "qe2b.q4_k_m", 1e-3f},
    {"qe2b.mixed_all.gguf", "qe2b.mixed_all", 1e-3f},
    {"qdense.q4_0.gguf", "qdense.q4_0", 1e-3f},
    {"qdense.q4_1.gguf", "qdense.q4_1", 1e-3f},
    {"qdense.q5_0.gguf", "qdense.q5_0", 1e-3f},
    {"qdense.q5_1.gguf", "qdense.q5_1", 1e-3f},
    {"qdense.q8_0.gguf", "qdense.q8_0", 1e-3f},
    {"qdense.q2_k.gguf", "qdense.q2_k", 1e-3f},
    {"qdense.q3_k.gguf", "qdense.q3_k", 1e-3f},
    {"qdense.q4_k.gguf", "qdense.q4_k", 1e-3f},
    {"qdense.q5_k.gguf", "qdense.q5_k", 1e-3f},
    {"qdense.q6_k.gguf", "qdense.q6_k", 1e-3f},
    {"qdense.iq4_nl.gguf", "qdense.iq4_nl", 1e-3f},
    {"qdense.iq4_xs.gguf", "qdense.iq4_xs", 1e-3f},
};

struct run {
    const struct golden_case *test;
    struct safetensors *golden;
    const char *sequence;
    struct engine_model *model;
    const int32_t *ids;
    size_t count, vocabulary;
};

static void check_close(const struct run *run, const char *what, const float *found,
                        const float *expected, size_t rows)
{
    float difference = fixture_max_difference(found, expected, rows * run->vocabulary);
    if (!(difference <= run->test->limit)) {
        fail_msg("%s %s %s, kernels %s: logits differ by %g", run->test->model, run->sequence, what,
                 engine_model_info(run->model)->kernels, (double)difference);
    }
    for (size_t row = 0; row < rows; row++) {
        assert_int_equal(fixture_argmax(found + row * run->vocabulary, run->vocabulary),
                         fixture_argmax(expected + row * run->vocabulary, run->vocabulary));
    }
}

/* Every position, however the ids are cut into calls: within the limit, and always the same bits.
 */
static float *check_logits(const struct run *run)
{
    size_t expected_count;
    const float *expected = fixture_tensor(run->golden, run->sequence, "logits", &expected_count);
    assert_int_equal(expected_count, run->count * run->vocabulary);
    float *whole = fixture_logits(run->model, run->ids, run->count, run->count, ENGINE_KV_F32);
    check_close(run, "in one batch", whole, expected, run->count);
    static const size_t chunks[] = {1, 7, 64};
    for (size_t i = 0; i < sizeof chunks / sizeof chunks[0]; i++) {
        float *cut = fixture_logits(run->model, run->ids, run->count, chunks[i], ENGINE_KV_F32);
        assert_memory_equal(whole, cut, expected_count * sizeof *cut);
        test_free(cut);
    }
    return whole;
}

/* A prompt whose last logits alone are wanted takes the shortcut past the layers that share K/V:
 * same bits, and within the limit of the reference that had everything else overwritten by NaN. */
static void check_shortcut(const struct run *run, struct engine_session *session, const float *last)
{
    struct engine_error error;
    struct safetensors_view view;
    char name[64];
    assert_true(engine_session_sync(session, run->ids, run->count, NULL, &error));
    const float *logits = engine_session_logits(session);
    assert_memory_equal(logits, last, run->vocabulary * sizeof *last);
    snprintf(name, sizeof name, "%s.shortcut_last_logits", run->sequence);
    if (safetensors_get(run->golden, name, &view)) {
        check_close(run, "shortcut", logits, view.data, 1);
    }
}

static void check_greedy(const struct run *run, struct engine_session *session)
{
    struct engine_error error;
    const struct engine_sampling greedy = {.temperature = 0};
    size_t steps;
    const int32_t *expected = fixture_tensor(run->golden, run->sequence, "greedy", &steps);
    for (size_t i = 0; i < steps; i++) {
        int32_t id;
        assert_true(engine_session_sample(session, &greedy, NULL, 0, &id, &error));
        if (id != expected[i]) {
            fail_msg("%s %s: greedy step %zu gives %d, not %d", run->test->model, run->sequence, i,
                     id, expected[i]);
        }
        assert_true(engine_session_append(session, id, &error));
    }
}

static void check_sequence(struct run *run)
{
    run->ids = fixture_tensor(run->golden, run->sequence, "ids", &run->count);
    float *logits = check_logits(run);
    struct engine_session *session =
        fixture_session(run->model, (int32_t)run->count + 40, ENGINE_KV_F32);
    check_shortcut(run, session, logits + (run->count - 1) * run->vocabulary);
    check_greedy(run, session);
    engine_session_destroy(session);
    test_free(logits);
}

static void check_case(const char *folder, const struct golden_case *test)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s.golden.safetensors", folder, test->golden);
    struct safetensors *golden = safetensors_open(path);
    assert_non_null(golden);
    const struct kernels *kernels;
    for (size_t i = 0; (kernels = kernels_at(i)) != NULL; i++) {
        if (!kernels->supported()) {
            continue;
        }
        struct run run = {.test = test, .golden = golden};
        run.model = fixture_model(folder, test->model, kernels->name, 1 + (int)(i % 2));
        run.vocabulary = (size_t)engine_model_info(run.model)->vocabulary_size;
        static const char *const sequences[] = {"seq0", "seq1"};
        for (size_t s = 0; s < 2; s++) {
            char name[32];
            struct safetensors_view view;
            snprintf(name, sizeof name, "%s.ids", sequences[s]);
            if (s == 0 || safetensors_get(golden, name, &view)) {
                run.sequence = sequences[s];
                check_sequence(&run);
            }
        }
        engine_model_close(run.model);
    }
    safetensors_close(golden);
}

static void test_shipped(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof shipped / sizeof shipped[0]; i++) {
        check_case(TEST_DATA "/text", &shipped[i]);
    }
}

static void test_fixtures_folder(void **state)
{
    (void)state;
    const char *folder = getenv("CARAT_FIXTURES");
    for (size_t i = 0; folder != NULL && i < sizeof more / sizeof more[0]; i++) {
        check_case(folder, &more[i]);
    }
}

/* Half-precision keys and values cost about a tenth of a logit on these models. */
static void test_half_precision_cache(void **state)
{
    (void)state;
    struct safetensors *golden = safetensors_open(TEST_DATA "/text/e2b.golden.safetensors");
    assert_non_null(golden);
    struct engine_model *model = fixture_model(TEST_DATA "/text", "e2b.gguf", NULL, 2);
    size_t count, expected_count;
    const int32_t *ids = fixture_tensor(golden, "seq1", "ids", &count);
    const float *expected = fixture_tensor(golden, "seq1", "logits", &expected_count);
    float *logits = fixture_logits(model, ids, count, count, ENGINE_KV_F16);
    float difference = fixture_max_difference(logits, expected, expected_count);
    assert_true(difference > 5e-3f); /* else it was not stored in halves */
    assert_true(difference < 0.5f);
    test_free(logits);
    engine_model_close(model);
    safetensors_close(golden);
}

/* Any number of threads gives the same bits. */
static void check_threads(const char *file, const char *golden_path)
{
    struct safetensors *golden = safetensors_open(golden_path);
    assert_non_null(golden);
    size_t count;
    const int32_t *ids = fixture_tensor(golden, "seq0", "ids", &count);
    float *first = NULL;
    static const int threads[] = {1, 2, 5};
    for (size_t i = 0; i < 3; i++) {
        struct engine_model *model = fixture_model(TEST_DATA "/text", file, NULL, threads[i]);
        size_t vocabulary = (size_t)engine_model_info(model)->vocabulary_size;
        float *logits = fixture_logits(model, ids, count, 9, ENGINE_KV_F32);
        if (first == NULL) {
            first = logits;
        } else {
            assert_memory_equal(first, logits, count * vocabulary * sizeof *logits);
            test_free(logits);
        }
        engine_model_close(model);
    }
    test_free(first);
    safetensors_close(golden);
}

static void test_threads(void **state)
{
    (void)state;
    check_threads("e2b.gguf", TEST_DATA "/text/e2b.golden.safetensors");
    check_threads("moe.gguf", TEST_DATA "/text/moe.golden.safetensors");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shipped),
        cmocka_unit_test(test_fixtures_folder),
        cmocka_unit_test(test_half_precision_cache),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
