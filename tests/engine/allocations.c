/* allocations: every way into the engine with every single allocation failing in turn, alone and
 * with all that come after it: a clean ENGINE_NO_MEMORY each time, nothing leaked (the sanitizer
 * build says so), and a session that goes on with the same bits. How a model's whole life fares is
 * in memory.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "engine/engine.h"
#include "engine/engine_media.h"
#include "support/gguf_writer.h"
#include "support/tiny_model.h"

enum { ALLOCATIONS_MAX = 5000, CONTEXT = 600, HELD = 40 };

/* Does something that can fail for want of memory only. */
typedef bool attempt(void *context, struct engine_error *error);

static void check_failure(const struct engine_error *error)
{
    if (error->code != ENGINE_NO_MEMORY || error->text[0] == '\0') {
        fail_msg("code %d: %s", (int)error->code, error->text);
    }
}

/* `least`: allocations that there are, at least. `again` (may be NULL) is called after each failure
 * with all the memory there is. */
static void fail_each(attempt *run, void *context, unsigned long least, void (*again)(void *))
{
    struct engine_error error = {0};
    mem_fail_at(0, 0);
    if (!run(context, &error)) {
        fail_msg("%s", error.text);
    }
    unsigned long allocations = mem_allocation_count(), refused = 0;
    assert_in_range(allocations, least, ALLOCATIONS_MAX);
    for (unsigned long n = 1; n <= allocations; n++) {
        for (int lasting = 0; lasting < 2; lasting++) {
            error = (struct engine_error){0};
            mem_fail_at(n, lasting);
            bool ok = run(context, &error);
            mem_fail_at(0, 0);
            if (!ok) {
                check_failure(&error);
                refused++;
                if (again != NULL) {
                    again(context);
                }
            }
        }
    }
    assert_true(refused >= allocations); /* hardly anything can do without */
}

/* --- opening --- */

static bool open_model(void *context, struct engine_error *error)
{
    struct engine_model *model = engine_model_open(
        &(struct engine_model_options){.path = context, .exact = true, .threads = 2}, error);
    engine_model_close(model);
    return model != NULL;
}

static bool plan_model(void *context, struct engine_error *error)
{
    struct engine_plan plan;
    return engine_plan(&(struct engine_model_options){.path = context, .exact = true, .threads = 2},
                       NULL, 0, &plan, error);
}

static void write_file(const char *path, struct gguf_writer *writer)
{
    size_t size;
    const unsigned char *bytes = gguf_writer_finish(writer, &size);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
    gguf_writer_free(writer);
}

static void test_opening_folders(void **state)
{
    (void)state;
    char one[] = TEST_DATA "/text/e2b", several[] = TEST_DATA "/text/e4b";
    fail_each(plan_model, one, 20, NULL);
    fail_each(open_model, several, 20, NULL);
}

/* Keys in the first part, weights in the second. */
static void test_opening_parts(void **state)
{
    (void)state;
    char folder[] = "/tmp/carat-test-XXXXXX", paths[2][96];
    struct gguf_writer writer;
    uint64_t tensors;
    assert_non_null(mkdtemp(folder));
    for (int part = 0; part < 2; part++) {
        snprintf(paths[part], sizeof paths[part], "%s/m-%05d-of-00002.gguf", folder, part + 1);
    }
    gguf_writer_init(&writer);
    gguf_writer_u32(&writer, "split.no", 1);
    gguf_writer_u32(&writer, "split.count", 2);
    tiny_model_weights(&writer);
    tensors = writer.tensor_count;
    write_file(paths[1], &writer);
    gguf_writer_init(&writer);
    gguf_writer_u32(&writer, "split.no", 0);
    gguf_writer_u32(&writer, "split.count", 2);
    gguf_writer_u32(&writer, "split.tensors.count", (uint32_t)tensors);
    tiny_model_hparams(&writer);
    tiny_model_vocabulary(&writer);
    write_file(paths[0], &writer);
    fail_each(open_model, paths[0], 20, NULL);
    fail_each(plan_model, paths[0], 8, NULL);
    unlink(paths[0]);
    unlink(paths[1]);
    rmdir(folder);
}

/* --- encoders --- */

enum { SIDE = 48, SOUND = 16000 };

static bool open_media(void *context, struct engine_error *error)
{
    struct engine_media *media = engine_media_open(context, error);
    engine_media_close(media);
    return media != NULL;
}

static bool encode_image(void *context, struct engine_error *error)
{
    static uint8_t rgb[SIDE * SIDE * 3];
    struct engine_soft soft;
    rgb[0]++; /* another picture each time: the last ones are remembered */
    if (!engine_media_image(context, rgb, SIDE, SIDE, 70, &soft, error)) {
        return false;
    }
    engine_free(soft.values);
    return true;
}

static bool encode_sound(void *context, struct engine_error *error)
{
    static float samples[SOUND];
    struct engine_soft soft;
    samples[0] += 1.0f / 1024;
    if (!engine_media_sound(context, samples, SOUND, &soft, error)) {
        return false;
    }
    engine_free(soft.values);
    return true;
}

/* In both arithmetics: the fast one lays weights and rows out anew. */
static void test_encoders(void **state)
{
    (void)state;
    char path[] = TEST_MODELS "/mmproj-nano.gguf";
    for (int exact = 0; exact < 2; exact++) {
        struct engine_media_options options = {.path = path, .threads = 2, .exact = exact};
        fail_each(open_media, &options, 8, NULL);
        struct engine_media *media = engine_media_open(&options, NULL);
        assert_non_null(media);
        fail_each(encode_image, media, 4, NULL);
        fail_each(encode_sound, media, 4, NULL);
        engine_media_close(media);
    }
}

/* --- a session --- */

struct world {
    struct engine_model *model;
    struct engine_session *session;
    char model_path[64], path[96];
    int32_t ids[CONTEXT];
    float logits[4096]; /* after the HELD ids */
    float *rows;
};

static size_t vocabulary(const struct world *world)
{
    return (size_t)engine_model_info(world->model)->vocabulary_size;
}

static void hold(struct world *world)
{
    struct engine_error error;
    if (!engine_session_sync(world->session, world->ids, HELD, NULL, &error)) {
        fail_msg("%s", error.text);
    }
}

/* The session still says what it said at first. */
static void check_session(void *context)
{
    struct world *world = context;
    hold(world);
    assert_memory_equal(engine_session_logits(world->session), world->logits,
                        vocabulary(world) * sizeof(float));
}

static void open_world(struct world *world)
{
    struct gguf_writer writer;
    strcpy(world->model_path, "/tmp/carat-test-XXXXXX");
    close(mkstemp(world->model_path));
    gguf_writer_init(&writer);
    gguf_writer_u32(&writer, "gemma4.context_length", CONTEXT);
    tiny_model_write(&writer);
    write_file(world->model_path, &writer);
    world->model = engine_model_open(
        &(struct engine_model_options){.path = world->model_path, .exact = true, .threads = 2},
        NULL);
    assert_non_null(world->model);
    world->session = engine_session_create(world->model, NULL, NULL);
    assert_non_null(world->session);
    for (size_t i = 0; i < CONTEXT; i++) {
        world->ids[i] = (int32_t)(i * 13 % vocabulary(world));
    }
    world->rows = malloc(CONTEXT * vocabulary(world) * sizeof *world->rows);
    assert_true(world->rows != NULL && vocabulary(world) <= 4096);
    hold(world);
    memcpy(world->logits, engine_session_logits(world->session), vocabulary(world) * sizeof(float));
    snprintf(world->path, sizeof world->path, "%s.session", world->model_path);
}

static void close_world(struct world *world)
{
    engine_session_destroy(world->session);
    engine_model_close(world->model);
    free(world->rows);
    unlink(world->model_path);
    unlink(world->path);
}

static bool create_session(void *context, struct engine_error *error)
{
    struct world *world = context;
    static const enum engine_kv_type types[] = {ENGINE_KV_F32, ENGINE_KV_F16};
    for (size_t i = 0; i < 2; i++) {
        struct engine_session_options options = {.context = CONTEXT, .kv_type = types[i]};
        struct engine_session *session = engine_session_create(world->model, &options, error);
        engine_session_destroy(session);
        if (session == NULL) {
            return false;
        }
    }
    return true;
}

/* In a new session, because pages that were found once stay. */
static bool evaluate(void *context, struct engine_error *error)
{
    struct world *world = context;
    struct engine_session *session = engine_session_create(world->model, NULL, error);
    bool ok = session != NULL &&
              engine_session_evaluate(session, world->ids, CONTEXT - 1, world->rows, error);
    ok = ok && engine_session_append(session, 3, error);
    if (session != NULL && !ok) {
        size_t held;
        const int32_t *ids = engine_session_tokens(session, &held);
        assert_memory_equal(ids, world->ids, held * sizeof *ids);
        mem_fail_at(0, 0); /* and it goes on from where it is */
        assert_true(engine_session_sync(session, world->ids, HELD, NULL, NULL));
        assert_memory_equal(engine_session_logits(session), world->logits,
                            vocabulary(world) * sizeof(float));
    }
    engine_session_destroy(session);
    return ok;
}

static bool tokenize(void *context, struct engine_error *error)
{
    struct world *world = context;
    static const char text[] = "turn abc abcab ca\n\n<|turn>\xC3\xA9 bc";
    for (int control = 0; control < 2; control++) {
        int32_t *ids;
        size_t count;
        if (!engine_tokenize(world->model, text, sizeof text - 1, control != 0, &ids, &count,
                             error)) {
            return false;
        }
        engine_free(ids);
    }
    return true;
}

/* None of these needs memory: there is nothing to fail, and each works with none at all. */
static void choose_without_memory(struct world *world)
{
    struct engine_error error;
    const struct engine_bias bias = {.id = 5, .value = 1};
    struct engine_sampling sampling = {.temperature = 1,
                                       .top_k = 20,
                                       .top_p = 0.9f,
                                       .min_p = 0.01f,
                                       .repetition_penalty = 1.1f,
                                       .biases = &bias,
                                       .bias_count = 1};
    struct engine_logprob best[8];
    const int32_t some[] = {7, 8, 9};
    float logprob;
    int32_t id;
    mem_fail_at(1, 1);
    bool ok = engine_session_sample(world->session, &sampling, some, 3, &id, &error) &&
              engine_session_sample_among(world->session, &sampling, some, 3, &id, &error) &&
              engine_session_logprobs(world->session, best, 8, 7, &logprob, &error);
    unsigned long asked = mem_allocation_count();
    mem_fail_at(0, 0);
    assert_true(ok);
    assert_int_equal(asked, 0);
}

static bool restore(void *context, struct engine_error *error)
{
    struct world *world = context;
    return engine_session_restore(world->session, world->path, error);
}

static void test_a_session(void **state)
{
    (void)state;
    static struct world world;
    struct engine_error error;
    open_world(&world);
    fail_each(create_session, &world, 16, check_session);
    fail_each(evaluate, &world, 10, check_session);
    fail_each(tokenize, &world, 4, check_session);
    choose_without_memory(&world);
    check_session(&world);
    mem_fail_at(1, 1); /* nor does saving need any */
    bool saved = engine_session_save(world.session, world.path, &error);
    mem_fail_at(0, 0);
    if (!saved) {
        fail_msg("%s", error.text);
    }
    fail_each(restore, &world, 6, check_session);
    check_session(&world);
    close_world(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_opening_folders),
        cmocka_unit_test(test_opening_parts),
        cmocka_unit_test(test_encoders),
        cmocka_unit_test(test_a_session),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
