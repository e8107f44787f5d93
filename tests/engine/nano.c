/* nano: the small trained model continues forty conversations id by id, as the transformers library
 * does on the same weights; in fast arithmetic too, with every set of kernels. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

#include "compute/kernels.h"
#include "support/fixture.h"

/* Every conversation; every fifth where each access to memory is watched: numbers are compared by
 * the plain build, and a watched one takes ten times as long. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define STRIDE 5
#endif
#endif
#ifndef STRIDE
#define STRIDE 1
#endif

static int32_t *read_ids(const json_t *list, size_t *count)
{
    *count = json_array_size(list);
    int32_t *ids = test_malloc(*count * sizeof *ids);
    for (size_t i = 0; i < *count; i++) {
        ids[i] = (int32_t)json_integer_value(json_array_get(list, i));
    }
    return ids;
}

static void check_continuation(struct engine_session *session, const json_t *conversation,
                               size_t number)
{
    struct engine_error error;
    size_t prompt_count, count;
    int32_t *prompt = read_ids(json_object_get(conversation, "prompt_ids"), &prompt_count);
    int32_t *expected = read_ids(json_object_get(conversation, "ids"), &count);
    const struct engine_sampling greedy = {.temperature = 0};
    assert_true(engine_session_sync(session, prompt, prompt_count, NULL, &error));
    for (size_t i = 0; i < count; i++) {
        int32_t id;
        assert_true(engine_session_sample(session, &greedy, NULL, 0, &id, &error));
        if (id != expected[i]) {
            fail_msg("conversation %zu, step %zu: id %d, not %d (gap %g)", number, i, id,
                     expected[i],
                     json_real_value(json_array_get(json_object_get(conversation, "gap"), i)));
        }
        assert_true(engine_session_append(session, id, &error));
    }
    test_free(prompt);
    test_free(expected);
}

static void check_continuations(struct engine_model *model)
{
    json_t *golden = json_load_file(TEST_DATA "/nano.golden.json", 0, NULL);
    assert_int_equal(json_array_size(golden), 40);
    struct engine_session *session = fixture_session(model, 2048, ENGINE_KV_F32);
    for (size_t i = 0; i < json_array_size(golden); i += STRIDE) {
        check_continuation(session, json_array_get(golden, i), i);
    }
    engine_session_destroy(session);
    engine_model_close(model);
    json_decref(golden);
}

static void test_exact(void **state)
{
    (void)state;
    check_continuations(fixture_model(TEST_MODELS, "nano.gguf", NULL, 2));
}

static void test_fast(void **state)
{
    (void)state;
    const struct kernels *kernels;
    for (size_t i = 0; (kernels = kernels_at(i)) != NULL; i++) {
        if (kernels->supported()) {
            struct engine_error error;
            struct engine_model *model = engine_model_open(
                &(struct engine_model_options){
                    .path = TEST_MODELS "/nano.gguf", .threads = 2, .cpu = kernels->name},
                &error);
            if (model == NULL) {
                fail_msg("%s: %s", kernels->name, error.text);
            }
            check_continuations(model);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_exact), cmocka_unit_test(test_fast)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
