/* batch: several sessions that share their passes hold what each holds alone: the same ids and the
 * same bits of every logit, for every kind of model, in exact and in fast arithmetic, for any
 * number of threads, at different depths, past windows and rings, with guesses, and while one of
 * them is cancelled or full. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/engine_batch.h"
#include "engine/engine_drafter.h"
#include "support/fixture.h"

enum { MANY = 19, CONTEXT = 1024, STEPS = 24 };

static const char *const models[] = {
    "e2b.gguf",           "unified.gguf",   "moe.gguf", "qmoe.q4_k_m.gguf", "qe2b.mixed_all.gguf",
    "qe2b.q4_0_mix.gguf", "dense.bf16.gguf"};

static struct engine_model *open_model(const char *name, int threads, bool exact)
{
    char path[4096];
    struct engine_error error;
    snprintf(path, sizeof path, "%s/text/%s", TEST_DATA, name);
    struct engine_model *model = engine_model_open(
        &(struct engine_model_options){.path = path, .threads = threads, .exact = exact}, &error);
    if (model == NULL) {
        fail_msg("%s: %s", path, error.text);
    }
    return model;
}

/* Tokens of text `text`, which repeat themselves after a while. */
static int32_t token_at(size_t text, size_t position)
{
    size_t at = position % (30 + text);
    return position == 0 ? 2 : (int32_t)(300 + (at * at * 31 + at * (7 + text)) % 200);
}

static void hold(struct engine_session *session, size_t text, size_t count)
{
    int32_t ids[CONTEXT];
    struct engine_error error;
    for (size_t i = 0; i < count; i++) {
        ids[i] = token_at(text, i);
    }
    if (!engine_session_sync(session, ids, count, NULL, &error)) {
        fail_msg("%s", error.text);
    }
}

static void check_same(struct engine_model *model, struct engine_session *together,
                       struct engine_session *alone, const char *what)
{
    size_t count, wanted;
    const int32_t *a = engine_session_tokens(together, &count);
    const int32_t *b = engine_session_tokens(alone, &wanted);
    size_t vocabulary = (size_t)engine_model_info(model)->vocabulary_size;
    assert_int_equal(count, wanted);
    assert_memory_equal(a, b, count * sizeof *a);
    assert_non_null(engine_session_logits(together));
    if (memcmp(engine_session_logits(together), engine_session_logits(alone),
               vocabulary * sizeof(float)) != 0) {
        fail_msg("%s: at %zu tokens the logits are not those of the session alone", what, count);
    }
}

static void append_alone(struct engine_session *session, int32_t id)
{
    struct engine_error error;
    if (!engine_session_append(session, id, &error)) {
        fail_msg("%s", error.text);
    }
}

struct scene {
    struct engine_model *model;
    struct engine_session *together[MANY], *alone[MANY];
    size_t depth[MANY], count;
};

/* Depths from 1 to beyond a ring (window 16 here, and 512 of slack and chunk). */
static void open_scene(struct scene *scene, struct engine_model *model, size_t count)
{
    static const size_t depths[] = {1, 3, 15, 16, 17, 60, 255, 256, 300, 700};
    *scene = (struct scene){.model = model, .count = count};
    for (size_t i = 0; i < count; i++) {
        scene->depth[i] = depths[i % (sizeof depths / sizeof depths[0])];
        scene->together[i] = fixture_session(model, CONTEXT, ENGINE_KV_F16);
        scene->alone[i] = fixture_session(model, CONTEXT, ENGINE_KV_F16);
        hold(scene->together[i], i, scene->depth[i]);
        hold(scene->alone[i], i, scene->depth[i]);
    }
}

static void close_scene(struct scene *scene)
{
    for (size_t i = 0; i < scene->count; i++) {
        engine_session_destroy(scene->together[i]);
        engine_session_destroy(scene->alone[i]);
    }
}

/* One token for sessions from..to-1. */
static void step(struct scene *scene, size_t from, size_t to, const char *what)
{
    struct engine_batch_step steps[MANY];
    for (size_t i = from; i < to; i++) {
        steps[i - from] = (struct engine_batch_step){.session = scene->together[i],
                                                     .id = token_at(i, scene->depth[i])};
    }
    if (!engine_batch_append(steps, to - from)) {
        fail_msg("%s: %s", what, steps[0].error.text);
    }
    for (size_t i = from; i < to; i++) {
        assert_int_equal(steps[i - from].error.code, ENGINE_OK);
        append_alone(scene->alone[i], token_at(i, scene->depth[i]++));
        check_same(scene->model, scene->together[i], scene->alone[i], what);
    }
}

static void test_as_alone(void **state)
{
    (void)state;
    for (size_t m = 0; m < sizeof models / sizeof models[0]; m++) {
        for (int exact = 0; exact < 2; exact++) {
            struct scene scene;
            int threads = 1 + (int)(m + (size_t)exact) % 4;
            struct engine_model *model = open_model(models[m], threads, exact != 0);
            open_scene(&scene, model, 7);
            for (size_t i = 0; i < STEPS; i++) {
                step(&scene, i % 3, i % 2 ? 7 : 5, models[m]); /* companions come and go */
            }
            close_scene(&scene);
            engine_model_close(model);
        }
    }
}

/* More than a pass takes, and every number of threads. */
static void test_many(void **state)
{
    (void)state;
    for (int threads = 1; threads <= 4; threads++) {
        struct scene scene;
        struct engine_model *model = open_model("qe2b.q4_0_mix.gguf", threads, false);
        open_scene(&scene, model, MANY);
        for (size_t count = 1; count <= MANY; count += 3) {
            step(&scene, 0, count, "many");
        }
        close_scene(&scene);
        engine_model_close(model);
    }
}

/* --- guesses --- */

static void test_guesses(void **state)
{
    (void)state;
    char path[4096];
    struct engine_error error;
    struct scene scene;
    struct engine_model *model = open_model("e2b.gguf", 2, true);
    snprintf(path, sizeof path, "%s/text/drafter", TEST_DATA);
    struct engine_drafter *drafter = engine_drafter_open(model, path, &error);
    assert_non_null(drafter);
    open_scene(&scene, model, 5);
    /* By look-up, by the drafter, by both, and two that guess nothing. */
    for (size_t i = 0; i < 3; i++) {
        assert_true(engine_session_look_ahead(scene.together[i], i > 0 ? drafter : NULL, i != 1, 15,
                                              &error));
    }
    for (size_t i = 0; i < 120; i++) {
        step(&scene, 0, 5, "guesses");
    }
    for (size_t i = 0; i < 3; i++) {
        uint64_t made, right;
        engine_session_guesses(scene.together[i], &made, &right);
        print_message("session %zu: %llu of %llu guesses came true\n", i, (unsigned long long)right,
                      (unsigned long long)made);
        assert_true(made > 0);
        assert_true(i == 1 || right > 20); /* the text repeats itself */
    }
    close_scene(&scene);
    engine_drafter_close(drafter);
    engine_model_close(model);
}

/* --- one fails, the others go on --- */

static void test_one_cancelled(void **state)
{
    (void)state;
    struct scene scene;
    struct engine_model *model = open_model("e2b.gguf", 2, true);
    open_scene(&scene, model, 4);
    struct engine_batch_step steps[4];
    for (size_t i = 0; i < 4; i++) {
        steps[i] = (struct engine_batch_step){.session = scene.together[i],
                                              .id = token_at(i, scene.depth[i])};
    }
    engine_session_cancel(scene.together[1]);
    assert_false(engine_batch_append(steps, 4));
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(steps[i].error.code, i == 1 ? ENGINE_CANCELLED : ENGINE_OK);
        if (i != 1) {
            append_alone(scene.alone[i], token_at(i, scene.depth[i]++));
        }
        check_same(model, scene.together[i], scene.alone[i], "one cancelled");
    }
    engine_session_resume(scene.together[1]);
    for (size_t i = 0; i < 20; i++) {
        step(&scene, 0, 4, "after a cancel");
    }
    for (size_t i = 0; i < 4; i++) {
        engine_session_cancel(scene.together[i]);
    }
    assert_false(engine_batch_append(steps, 4));
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(steps[i].error.code, ENGINE_CANCELLED);
        engine_session_resume(scene.together[i]);
    }
    step(&scene, 0, 4, "after all were cancelled");
    close_scene(&scene);
    engine_model_close(model);
}

static void *cancel_all(void *context)
{
    struct scene *scene = context;
    for (size_t i = 0; i < 2000; i++) {
        engine_session_cancel(scene->together[i % scene->count]);
    }
    return NULL;
}

/* While passes run: a token is taken or it is not, and then it is taken later. */
static void test_cancelled_midway(void **state)
{
    (void)state;
    struct scene scene;
    pthread_t thread;
    struct engine_model *model = open_model("unified.gguf", 2, true);
    open_scene(&scene, model, 3);
    assert_int_equal(pthread_create(&thread, NULL, cancel_all, &scene), 0);
    for (size_t round = 0; round < 200; round++) {
        struct engine_batch_step steps[3];
        for (size_t i = 0; i < 3; i++) {
            steps[i] = (struct engine_batch_step){.session = scene.together[i],
                                                  .id = token_at(i, scene.depth[i])};
            engine_session_resume(scene.together[i]);
        }
        engine_batch_append(steps, 3);
        for (size_t i = 0; i < 3; i++) {
            size_t count;
            engine_session_tokens(scene.together[i], &count);
            bool taken = steps[i].error.code == ENGINE_OK;
            assert_true(taken || steps[i].error.code == ENGINE_CANCELLED);
            assert_int_equal(count, scene.depth[i] + taken);
            scene.depth[i] = count;
        }
    }
    pthread_join(thread, NULL);
    for (size_t i = 0; i < 3; i++) {
        engine_session_resume(scene.together[i]);
        hold(scene.alone[i], i, scene.depth[i]);
        append_alone(scene.together[i], token_at(i, scene.depth[i]));
        append_alone(scene.alone[i], token_at(i, scene.depth[i]));
        check_same(model, scene.together[i], scene.alone[i], "cancelled midway");
    }
    close_scene(&scene);
    engine_model_close(model);
}

static void test_full_and_wrong(void **state)
{
    (void)state;
    struct engine_model *model = open_model("e2b.gguf", 1, true);
    struct engine_model *other = open_model("e2b.gguf", 1, true);
    struct engine_session *sessions[4] = {
        fixture_session(model, 8, ENGINE_KV_F16), fixture_session(model, 64, ENGINE_KV_F16),
        fixture_session(model, 64, ENGINE_KV_F16), fixture_session(other, 64, ENGINE_KV_F16)};
    struct engine_session *alone = fixture_session(model, 64, ENGINE_KV_F16);
    for (size_t i = 0; i < 4; i++) {
        hold(sessions[i], 0, 8);
    }
    hold(alone, 0, 8);
    int32_t past = engine_model_info(model)->vocabulary_size;
    struct engine_batch_step steps[] = {
        {.session = sessions[0], .id = 300}, /* full */
        {.session = sessions[1], .id = 300},
        {.session = sessions[2], .id = past},
    };
    assert_false(engine_batch_append(steps, 3));
    assert_int_equal(steps[0].error.code, ENGINE_CONTEXT_FULL);
    assert_int_equal(steps[1].error.code, ENGINE_OK);
    assert_int_equal(steps[2].error.code, ENGINE_BAD_ARGUMENT);
    append_alone(alone, 300);
    check_same(model, sessions[1], alone, "beside two that fail");
    steps[0].session = steps[2].session = sessions[1]; /* twice the same */
    steps[2].id = 300;
    assert_false(engine_batch_append(steps, 3));
    steps[2].session = sessions[3]; /* of another model */
    steps[0].session = sessions[2];
    assert_false(engine_batch_append(steps, 3));
    assert_int_equal(steps[1].error.code, ENGINE_BAD_ARGUMENT);
    check_same(model, sessions[1], alone, "after two mistakes");
    assert_false(engine_batch_append(steps, 0));
    for (size_t i = 0; i < 4; i++) {
        engine_session_destroy(sessions[i]);
    }
    engine_session_destroy(alone);
    engine_model_close(model);
    engine_model_close(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_alone),         cmocka_unit_test(test_many),
        cmocka_unit_test(test_guesses),          cmocka_unit_test(test_one_cancelled),
        cmocka_unit_test(test_cancelled_midway), cmocka_unit_test(test_full_and_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
