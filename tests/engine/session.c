/* session: what a timeline keeps, what it computes again, and that it is the same in the end. */
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "support/fixture.h"

/* nano: sliding window 128, context 8192. A ring holds 640 positions: the window, a chunk of 256,
 * and 256 of slack. */
enum { LONG = 1500, CONTEXT = 4096 };

static struct engine_model *model;
static size_t vocabulary;
static int32_t ids[CONTEXT + 1];

static int open_model(void **state)
{
    (void)state;
    model = fixture_model(TEST_MODELS, "nano.gguf", NULL, 2);
    vocabulary = (size_t)engine_model_info(model)->vocabulary_size;
    for (size_t i = 0; i < CONTEXT + 1; i++) {
        ids[i] = i == 0 ? 2 : (int32_t)(300 + (i * i * 31 + i * 7) % 2000);
    }
    return 0;
}

static int close_model(void **state)
{
    (void)state;
    engine_model_close(model);
    return 0;
}

static size_t sync(struct engine_session *session, const int32_t *list, size_t count)
{
    struct engine_error error;
    size_t reused = 99999, held;
    if (!engine_session_sync(session, list, count, &reused, &error)) {
        fail_msg("%s", error.text);
    }
    const int32_t *tokens = engine_session_tokens(session, &held);
    assert_int_equal(held, count);
    assert_memory_equal(tokens, list, count * sizeof *list);
    return reused;
}

/* The session's logits are those of a session that computes the same ids afresh. */
static void check_fresh(struct engine_session *session)
{
    size_t count;
    const int32_t *tokens = engine_session_tokens(session, &count);
    struct engine_session *fresh = fixture_session(model, CONTEXT, ENGINE_KV_F32);
    assert_int_equal(sync(fresh, tokens, count), 0);
    assert_memory_equal(engine_session_logits(session), engine_session_logits(fresh),
                        vocabulary * sizeof(float));
    engine_session_destroy(fresh);
}

static void test_prefix_reuse(void **state)
{
    (void)state;
    struct engine_session *session = fixture_session(model, CONTEXT, ENGINE_KV_F32);
    int32_t other[400];
    assert_null(engine_session_logits(session));
    assert_int_equal(sync(session, ids, 300), 0);
    assert_int_equal(sync(session, ids, 300), 300); /* nothing to do */
    assert_int_equal(sync(session, ids, 350), 300);
    check_fresh(session);
    assert_int_equal(sync(session, ids, 350), 350);
    assert_int_equal(sync(session, ids, 200), 199); /* the last one again, for its logits */
    check_fresh(session);
    memcpy(other, ids, sizeof other);
    other[150] ^= 1;
    assert_int_equal(sync(session, other, 400), 150);
    check_fresh(session);
    other[0] ^= 1;
    assert_int_equal(sync(session, other, 10), 0);
    check_fresh(session);
    engine_session_destroy(session);
}

static void test_rewind_over_the_ring(void **state)
{
    (void)state;
    struct engine_session *session = fixture_session(model, CONTEXT, ENGINE_KV_F32);
    int32_t other[LONG];
    sync(session, ids, LONG);
    memcpy(other, ids, sizeof other);
    /* The ring reaches back to LONG - 640: with a window of 128, tokens from LONG - 513 on can be
     * computed again. */
    other[LONG - 513] ^= 1;
    assert_int_equal(sync(session, other, LONG - 200), LONG - 513);
    check_fresh(session);
    /* Going back does not bring back what was overwritten. */
    other[LONG - 514] ^= 1;
    assert_int_equal(sync(session, other, LONG - 300), 0);
    check_fresh(session);
    sync(session, ids, LONG);
    assert_int_equal(sync(session, other, 100), 0);
    check_fresh(session);
    engine_session_destroy(session);
}

static void test_append_and_evaluate(void **state)
{
    (void)state;
    struct engine_error error;
    struct engine_session *session = fixture_session(model, CONTEXT, ENGINE_KV_F32);
    float *logits = test_malloc(300 * vocabulary * sizeof *logits);
    assert_true(engine_session_evaluate(session, ids, 300, logits, &error));
    assert_memory_equal(engine_session_logits(session), logits + 299 * vocabulary,
                        vocabulary * sizeof *logits);
    check_fresh(session);
    assert_true(engine_session_append(session, ids[300], &error));
    check_fresh(session);
    assert_int_equal(sync(session, ids, 310), 301);
    check_fresh(session);
    test_free(logits);
    engine_session_destroy(session);
}

static void test_context_full(void **state)
{
    (void)state;
    struct engine_error error;
    struct engine_session *session = fixture_session(model, 20, ENGINE_KV_F16);
    size_t held, reused = 7;
    assert_int_equal(engine_session_context(session), 20);
    sync(session, ids, 10);
    float before = engine_session_logits(session)[5];
    assert_false(engine_session_sync(session, ids, 21, &reused, &error));
    assert_int_equal(error.code, ENGINE_CONTEXT_FULL);
    assert_int_equal(reused, 7);
    engine_session_tokens(session, &held);
    assert_int_equal(held, 10);
    assert_true(engine_session_logits(session)[5] == before);
    sync(session, ids, 20);
    assert_false(engine_session_append(session, ids[20], &error));
    assert_int_equal(error.code, ENGINE_CONTEXT_FULL);
    engine_session_destroy(session);
}

static void test_bad_arguments(void **state)
{
    (void)state;
    struct engine_error error;
    struct engine_session *session = fixture_session(model, 20, ENGINE_KV_F32);
    const int32_t negative[] = {2, -1}, large[] = {2, (int32_t)vocabulary};
    int32_t id = 42;
    struct engine_sampling sampling = {.temperature = 1, .top_p = 1};
    assert_false(engine_session_sync(session, negative, 2, NULL, &error));
    assert_int_equal(error.code, ENGINE_BAD_ARGUMENT);
    assert_non_null(strstr(error.text, "-1"));
    assert_false(engine_session_sync(session, large, 2, NULL, &error));
    assert_int_equal(error.code, ENGINE_BAD_ARGUMENT);
    assert_false(engine_session_sync(session, ids, 0, NULL, NULL));
    assert_false(engine_session_sample(session, &sampling, NULL, 0, &id, &error));
    assert_int_equal(error.code, ENGINE_BAD_ARGUMENT); /* no logits yet */
    sync(session, ids, 3);
    static const struct engine_bias foreign = {.id = 1 << 20}, endless = {.value = INFINITY};
    static const struct engine_sampling bad[] = {{.temperature = -1, .top_p = 1},
                                                 {.temperature = 1, .top_p = 0},
                                                 {.temperature = 1, .top_p = 1.5f},
                                                 {.temperature = 1, .top_p = 1, .top_k = -1},
                                                 {.temperature = 0, .min_p = -1},
                                                 {.temperature = 0, .min_p = 1.5f},
                                                 {.temperature = 0, .repetition_penalty = -1},
                                                 {.temperature = 0, .repetition_last = -1},
                                                 {.temperature = 0, .bias_count = 1},
                                                 {.biases = &foreign, .bias_count = 1},
                                                 {.biases = &endless, .bias_count = 1}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(engine_session_sample(session, &bad[i], NULL, 0, &id, &error));
        assert_int_equal(error.code, ENGINE_BAD_ARGUMENT);
    }
    assert_int_equal(id, 42);
    engine_session_destroy(session);
    assert_null(
        engine_session_create(model, &(struct engine_session_options){.context = 1 << 24}, &error));
    assert_int_equal(error.code, ENGINE_BAD_ARGUMENT);
    assert_null(engine_model_open(&(struct engine_model_options){.path = "/nowhere.gguf"}, &error));
    assert_int_equal(error.code, ENGINE_NOT_FOUND);
    assert_null(engine_model_open(
        &(struct engine_model_options){.path = TEST_MODELS "/nano.gguf", .cpu = "abacus"}, &error));
    assert_int_equal(error.code, ENGINE_BAD_ARGUMENT);
    assert_null(engine_model_open(
        &(struct engine_model_options){.path = TEST_MODELS "/nano.gguf", .threads = -3}, &error));
    assert_int_equal(error.code, ENGINE_BAD_ARGUMENT);
}

struct progress {
    struct engine_session *session;
    size_t calls, done, total;
    size_t cancel_at; /* 0: never */
};

static void note_progress(void *context, size_t done, size_t total)
{
    struct progress *progress = context;
    assert_true(done > progress->done);
    progress->calls++;
    progress->done = done;
    progress->total = total;
    if (progress->cancel_at != 0 && done >= progress->cancel_at) {
        engine_session_cancel(progress->session);
    }
}

static void test_progress_and_cancel(void **state)
{
    (void)state;
    struct engine_error error;
    struct engine_session *session = fixture_session(model, CONTEXT, ENGINE_KV_F32);
    struct progress progress = {.session = session, .cancel_at = 500};
    size_t held;
    engine_session_on_progress(session, note_progress, &progress);
    assert_false(engine_session_sync(session, ids, LONG, NULL, &error));
    assert_int_equal(error.code, ENGINE_CANCELLED);
    const int32_t *tokens = engine_session_tokens(session, &held);
    assert_int_equal(held, 512); /* two chunks were done */
    assert_memory_equal(tokens, ids, held * sizeof *ids);
    assert_null(engine_session_logits(session));
    /* The request stays. */
    assert_false(engine_session_append(session, 5, &error));
    assert_int_equal(error.code, ENGINE_CANCELLED);
    engine_session_resume(session);
    progress = (struct progress){.session = session};
    assert_int_equal(sync(session, ids, LONG), 512);
    assert_int_equal(progress.calls, (LONG - 512 + 255) / 256);
    assert_int_equal(progress.done, LONG - 512);
    assert_int_equal(progress.total, LONG - 512);
    check_fresh(session);
    engine_session_destroy(session);
}

static void *cancel_soon(void *session)
{
    nanosleep(&(struct timespec){.tv_nsec = 3 * 1000 * 1000}, NULL);
    engine_session_cancel(session);
    return NULL;
}

/* Cancels in the middle of anything, again and again; the end is as if nothing had happened. */
static void test_cancel_from_a_thread(void **state)
{
    (void)state;
    struct engine_session *session = fixture_session(model, CONTEXT, ENGINE_KV_F32);
    struct engine_error error = {0};
    size_t cancelled = 0;
    sync(session, ids, 700);
    for (size_t round = 0; round < 8; round++) {
        pthread_t thread;
        int32_t list[CONTEXT];
        memcpy(list, ids, sizeof list);
        list[600 + round] ^= 1; /* each round goes back a little and then far ahead */
        assert_int_equal(pthread_create(&thread, NULL, cancel_soon, session), 0);
        if (!engine_session_sync(session, list, CONTEXT, NULL, &error)) {
            assert_int_equal(error.code, ENGINE_CANCELLED);
            cancelled++;
        }
        pthread_join(thread, NULL);
        engine_session_resume(session);
        size_t held;
        const int32_t *tokens = engine_session_tokens(session, &held);
        assert_memory_equal(tokens, list, held * sizeof *list);
    }
    assert_true(cancelled > 0);
    sync(session, ids, 720);
    check_fresh(session);
    engine_session_destroy(session);
}

static void test_two_sessions(void **state)
{
    (void)state;
    struct engine_error error;
    struct engine_session *a = fixture_session(model, CONTEXT, ENGINE_KV_F32);
    struct engine_session *b = fixture_session(model, 500, ENGINE_KV_F32);
    sync(a, ids, 200);
    sync(b, ids + 100, 60);
    for (size_t i = 0; i < 10; i++) {
        assert_true(engine_session_append(a, ids[200 + i], &error));
        assert_true(engine_session_append(b, ids[160 + i], &error));
    }
    check_fresh(a);
    check_fresh(b);
    engine_session_destroy(a);
    engine_session_destroy(b);
}

static void test_sampling_by_position(void **state)
{
    (void)state;
    struct engine_error error;
    struct engine_session *session = fixture_session(model, 200, ENGINE_KV_F32);
    const struct engine_sampling sampling = {.temperature = 5, .top_p = 1, .seed = 11};
    int32_t first, second;
    sync(session, ids, 9);
    assert_true(engine_session_sample(session, &sampling, NULL, 0, &first, &error));
    assert_true(engine_session_append(session, first, &error));
    sync(session, ids, 9);
    assert_true(engine_session_sample(session, &sampling, &first, 1, &second, &error));
    assert_int_not_equal(first, second);
    assert_true(engine_session_sample(session, &sampling, NULL, 0, &second, &error));
    assert_int_equal(first, second);
    engine_session_destroy(session);
}

/* Log-probabilities are those of the logits; sampling leaves the session as it is. */
static void test_logprobs(void **state)
{
    (void)state;
    struct engine_error error;
    struct engine_session *session = fixture_session(model, 200, ENGINE_KV_F32);
    struct engine_logprob best[5];
    const struct engine_sampling greedy = {.temperature = 0};
    float logprob = 1;
    int32_t id;
    assert_false(engine_session_logprobs(session, best, 5, 3, &logprob, &error));
    assert_int_equal(error.code, ENGINE_BAD_ARGUMENT);
    sync(session, ids, 50);
    assert_true(engine_session_sample(session, &greedy, NULL, 0, &id, &error));
    assert_true(engine_session_logprobs(session, best, 5, id, &logprob, &error));
    assert_int_equal(best[0].id, id);
    assert_true(best[0].logprob == logprob && logprob < 0);
    const float *logits = engine_session_logits(session);
    double sum = 0;
    for (size_t i = 0; i < vocabulary; i++) {
        sum += exp((double)logits[i]);
    }
    for (size_t i = 0; i < 5; i++) {
        assert_true(i == 0 || best[i].logprob <= best[i - 1].logprob);
        assert_true(fabs((double)logits[best[i].id] - log(sum) - (double)best[i].logprob) < 1e-4);
    }
    assert_false(engine_session_logprobs(session, best, vocabulary + 1, id, NULL, &error));
    assert_false(engine_session_logprobs(session, NULL, 1, id, NULL, &error));
    assert_false(engine_session_logprobs(session, best, 1, -1, &logprob, &error));
    assert_int_equal(error.code, ENGINE_BAD_ARGUMENT);
    engine_session_destroy(session);
}

/* Everything that sampling knows, on one, two and three threads: the same choices. */
static void test_sampling_on_any_threads(void **state)
{
    (void)state;
    enum { STEPS = 40 };
    const struct engine_bias biases[] = {{700, 4}, {701, -INFINITY}};
    const struct engine_sampling sampling = {.temperature = 1.5f,
                                             .top_k = 500,
                                             .top_p = 0.98f,
                                             .min_p = 0.001f,
                                             .repetition_penalty = 1.3f,
                                             .repetition_last = 32,
                                             .biases = biases,
                                             .bias_count = 2,
                                             .seed = 77};
    int32_t chosen[3][STEPS];
    for (int threads = 1; threads <= 3; threads++) {
        struct engine_error error;
        struct engine_model *own = fixture_model(TEST_MODELS, "nano.gguf", NULL, threads);
        struct engine_session *session = fixture_session(own, 100, ENGINE_KV_F16);
        sync(session, ids, 20);
        for (size_t i = 0; i < STEPS; i++) {
            int32_t *id = &chosen[threads - 1][i];
            assert_true(engine_session_sample(session, &sampling, NULL, 0, id, &error));
            assert_int_not_equal(*id, 701);
            assert_true(engine_session_append(session, *id, &error));
        }
        assert_memory_equal(chosen[threads - 1], chosen[0], sizeof chosen[0]);
        engine_session_destroy(session);
        engine_model_close(own);
    }
}

/* Keys and values of 8 bits: close to those of 32, the same however the ids are cut into calls. */
static void test_q8_cache(void **state)
{
    (void)state;
    enum { COUNT = 300 };
    float *exact = fixture_logits(model, ids, COUNT, COUNT, ENGINE_KV_F32);
    float *whole = fixture_logits(model, ids, COUNT, COUNT, ENGINE_KV_Q8);
    float *cut = fixture_logits(model, ids, COUNT, 7, ENGINE_KV_Q8);
    float difference = fixture_max_difference(whole, exact, COUNT * vocabulary);
    assert_memory_equal(whole, cut, COUNT * vocabulary * sizeof *cut);
    assert_true(difference > 1e-3f); /* else it was not stored in 8 bits */
    assert_true(difference < 1.0f);
    size_t same = 0;
    for (size_t i = 0; i < COUNT; i++) {
        same += fixture_argmax(whole + i * vocabulary, vocabulary) ==
                fixture_argmax(exact + i * vocabulary, vocabulary);
    }
    assert_true(same > COUNT * 95 / 100);
    test_free(exact);
    test_free(whole);
    test_free(cut);
    struct engine_error error;
    const struct engine_session_options unknown = {.kv_type = (enum engine_kv_type)3};
    assert_null(engine_session_create(model, &unknown, &error));
    assert_int_equal(error.code, ENGINE_BAD_ARGUMENT);
}

static void test_tokens(void **state)
{
    (void)state;
    struct engine_error error;
    int32_t *list = NULL;
    size_t count = 0, length = 0;
    const char *bytes = NULL;
    assert_true(engine_tokenize(model, "<bos>hi", 7, true, &list, &count, &error));
    assert_int_equal(list[0], engine_token_find(model, "<bos>"));
    assert_int_equal(engine_token_kind(model, list[0]), ENGINE_TOKEN_CONTROL);
    engine_free(list);
    assert_true(engine_tokenize(model, "<bos>", 5, false, &list, &count, &error));
    for (size_t i = 0; i < count; i++) {
        assert_int_not_equal(engine_token_kind(model, list[i]), ENGINE_TOKEN_CONTROL);
    }
    engine_free(list);
    assert_true(engine_tokenize(model, NULL, 0, false, &list, &count, &error));
    assert_int_equal(count, 0);
    engine_free(list);
    assert_false(engine_tokenize(model, NULL, 3, false, &list, &count, &error));
    assert_int_equal(error.code, ENGINE_BAD_ARGUMENT);
    assert_true(engine_token_bytes(model, 2, &bytes, &length));
    assert_false(engine_token_bytes(model, -1, &bytes, &length));
    assert_false(engine_token_bytes(model, (int32_t)vocabulary, &bytes, &length));
    assert_int_equal(engine_token_find(model, "<no such token>"), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prefix_reuse),
        cmocka_unit_test(test_rewind_over_the_ring),
        cmocka_unit_test(test_append_and_evaluate),
        cmocka_unit_test(test_context_full),
        cmocka_unit_test(test_bad_arguments),
        cmocka_unit_test(test_progress_and_cancel),
        cmocka_unit_test(test_cancel_from_a_thread),
        cmocka_unit_test(test_two_sessions),
        cmocka_unit_test(test_sampling_by_position),
        cmocka_unit_test(test_logprobs),
        cmocka_unit_test(test_sampling_on_any_threads),
        cmocka_unit_test(test_q8_cache),
        cmocka_unit_test(test_tokens),
    };
    return cmocka_run_group_tests(tests, open_model, close_model);
}
