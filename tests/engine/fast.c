/* fast: the whole model in fast arithmetic, with every set of kernels that this machine runs.
 *
 * Rounded activations must not change what the small model says, nor how well any model foresees a
 * text; and a token's logits are the same bits whether it is evaluated alone or among up to
 * sixteen, which is what lets drafts be verified in a batch.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "compute/int8.h"
#include "support/fixture.h"

enum { MOST_IDS = 4096 };

static struct engine_model *open_model(const char *folder, const char *name, const char *kernels,
                                       int threads, bool exact)
{
    char path[4096];
    struct engine_error error;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    struct engine_model *model = engine_model_open(
        &(struct engine_model_options){
            .path = path, .threads = threads, .cpu = kernels, .exact = exact},
        &error);
    if (model == NULL) {
        fail_msg("%s: %s", path, error.text);
    }
    return model;
}

static size_t read_ids(const json_t *list, int32_t *ids)
{
    size_t count = json_array_size(list);
    assert_true(count <= MOST_IDS);
    for (size_t i = 0; i < count; i++) {
        ids[i] = (int32_t)json_integer_value(json_array_get(list, i));
    }
    return count;
}

/* --- what the small model says --- */

/* The end of the prompt token by token, so that it is in whole numbers, too. */
static void check_continuation(struct engine_session *session, const json_t *conversation,
                               size_t number)
{
    int32_t prompt[MOST_IDS], expected[MOST_IDS];
    struct engine_error error;
    size_t prompt_count = read_ids(json_object_get(conversation, "prompt_ids"), prompt);
    size_t count = read_ids(json_object_get(conversation, "ids"), expected);
    const struct engine_sampling greedy = {.temperature = 0};
    size_t begin = prompt_count > 12 ? prompt_count - 12 : 1;
    assert_true(engine_session_sync(session, prompt, begin, NULL, &error));
    for (size_t i = begin; i < prompt_count; i++) {
        assert_true(engine_session_append(session, prompt[i], &error));
    }
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
}

static void test_continuations(void **state)
{
    const struct kernels *kernels = *state;
    json_t *golden = json_load_file(TEST_DATA "/nano.golden.json", 0, NULL);
    assert_int_equal(json_array_size(golden), 40);
    struct engine_model *model = open_model(TEST_MODELS, "nano.gguf", kernels->name, 2, false);
    struct engine_session *session = fixture_session(model, 2048, ENGINE_KV_F32);
    /* Every set says the same; some conversations suffice for those that are not the best. */
    size_t count = kernels == kernels_choose(NULL, NULL) ? 40 : 2;
    for (size_t i = 0; i < count; i++) {
        check_continuation(session, json_array_get(golden, i), i);
    }
    engine_session_destroy(session);
    engine_model_close(model);
    json_decref(golden);
}

/* --- how well a text is foreseen --- */

/* The mean of -log p of each id given those before it. */
static double nats(const float *logits, size_t vocabulary, const int32_t *ids, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i + 1 < count; i++) {
        const float *row = logits + i * vocabulary;
        double greatest = (double)row[fixture_argmax(row, vocabulary)], total = 0;
        for (size_t v = 0; v < vocabulary; v++) {
            total += exp((double)row[v] - greatest);
        }
        sum += greatest + log(total) - (double)row[ids[i + 1]];
    }
    return sum / (double)(count - 1);
}

struct text {
    const char *folder, *model;
    int32_t ids[MOST_IDS];
    size_t count;
};

/* `chunk`: tokens a call. Up to 16 are for the kernels of few tokens, more for those of many. */
static double perplexity(const struct text *text, const char *kernels, bool exact, size_t chunk)
{
    struct engine_model *model = open_model(text->folder, text->model, kernels, 1, exact);
    size_t vocabulary = (size_t)engine_model_info(model)->vocabulary_size;
    float *logits = fixture_logits(model, text->ids, text->count, chunk, ENGINE_KV_F32);
    double result = exp(nats(logits, vocabulary, text->ids, text->count));
    test_free(logits);
    engine_model_close(model);
    return result;
}

/* Ids that the model has not seen suffice for models with random weights. */
static void choose_ids(struct text *text, size_t vocabulary)
{
    text->count = 96;
    for (size_t i = 0; i < text->count; i++) {
        text->ids[i] = (int32_t)((i * i * 31 + i * 7 + 2) % vocabulary);
    }
}

/* What every set of kernels is compared with, worked out once for each model. */
static double of_scalar(const struct text *text, bool exact)
{
    static struct {
        const char *model;
        double value[2]; /* fast, exact; 0 = not known yet */
    } kept[4];
    size_t i = 0;
    while (kept[i].model != NULL && strcmp(kept[i].model, text->model) != 0) {
        i++;
        assert_true(i < sizeof kept / sizeof kept[0]);
    }
    kept[i].model = text->model;
    if (kept[i].value[exact] == 0) {
        kept[i].value[exact] = perplexity(text, "scalar", exact, 16);
    }
    return kept[i].value[exact];
}

static void check_perplexity(const struct kernels *kernels, const struct text *text)
{
    double found = perplexity(text, kernels->name, false, 16);
    double plain = of_scalar(text, false), exact = of_scalar(text, true);
    printf("%s, %s: perplexity %.5f; scalar, fast %.5f; exact %.5f\n", text->model, kernels->name,
           found, plain, exact);
    /* Models with random weights foresee nothing: of their astronomical figures, the logarithm. */
    bool random = plain > 1e6;
    assert_true(fabs(random ? log(found) / log(plain) - 1 : found / plain - 1) < 1e-3);
    assert_true(fabs(random ? log(found) / log(exact) - 1 : found / exact - 1) < 5e-3);
}

/* The same for products of many tokens; bfloat16 has fewer bits. */
static void check_whole(const struct kernels *kernels, const struct text *text)
{
    double found = perplexity(text, kernels->name, false, text->count);
    double exact = of_scalar(text, true);
    printf("%s, %s: perplexity at once %.5f, exact %.5f\n", text->model, kernels->name, found,
           exact);
    assert_true(fabs(found / exact - 1) < (strcmp(kernels->name, "amx") == 0 ? 1e-2 : 1e-3));
}

static void test_perplexity(void **state)
{
    const struct kernels *kernels = *state;
    struct text text = {.folder = TEST_DATA "/text"};
    static const char *const models[] = {"qe2b.q4_0_mix.gguf", "qe2b.mixed_all.gguf",
                                         "qmoe.q4_k_m.gguf"};
    for (size_t i = 0; i < sizeof models / sizeof models[0]; i++) {
        text.model = models[i];
        choose_ids(&text, 576);
        check_perplexity(kernels, &text);
    }
    json_t *golden = json_load_file(TEST_DATA "/nano.golden.json", 0, NULL);
    json_t *conversation = json_array_get(golden, 0);
    text.folder = TEST_MODELS;
    text.model = "nano.gguf";
    text.count = read_ids(json_object_get(conversation, "prompt_ids"), text.ids);
    text.count += read_ids(json_object_get(conversation, "ids"), text.ids + text.count);
    text.count = text.count < 200 ? text.count : 200;
    check_perplexity(kernels, &text);
    check_whole(kernels, &text);
    json_decref(golden);
}

/* --- one token or several at once --- */

static void check_chunks(const struct kernels *kernels, const char *name, int threads)
{
    struct text text;
    choose_ids(&text, 576);
    text.count = 48;
    struct engine_model *model = open_model(TEST_DATA "/text", name, kernels->name, threads, false);
    size_t bytes = text.count * (size_t)engine_model_info(model)->vocabulary_size * sizeof(float);
    float *alone = fixture_logits(model, text.ids, text.count, 1, ENGINE_KV_F32);
    static const size_t chunks[] = {2, 5, 9, 16};
    for (size_t i = 0; i < sizeof chunks / sizeof chunks[0]; i++) {
        float *together = fixture_logits(model, text.ids, text.count, chunks[i], ENGINE_KV_F32);
        assert_memory_equal(alone, together, bytes);
        test_free(together);
    }
    test_free(alone);
    engine_model_close(model);
}

static void test_chunks(void **state)
{
    const struct kernels *kernels = *state;
    check_chunks(kernels, "qe2b.q4_0_mix.gguf", 1);
    check_chunks(kernels, "qe2b.q4_0_mix.gguf", 3);
    check_chunks(kernels, "qe2b.mixed_all.gguf", 2);
    check_chunks(kernels, "qmoe.q4_k_m.gguf", 2);
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
            cmocka_unit_test_prestate(test_continuations, set),
            cmocka_unit_test_prestate(test_perplexity, set),
            cmocka_unit_test_prestate(test_chunks, set),
        };
        failures += cmocka_run_group_tests_name(kernels->name, tests, NULL, NULL);
    }
    return failures;
}
