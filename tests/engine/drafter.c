/* drafter: the small model that foresees a large one, against reference results: four steps of two
 * rounds, with the centroid head and the dense one, with either reading of the sliding window; from
 * a folder and from a GGUF file; and files that do not fit their target. */
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
#include "base/mem.h"
#include "compute/kernels.h"
#include "compute/tensor.h"
#include "engine/engine_drafter.h"
#include "load/gguf.h"
#include "load/hparams.h"
#include "load/model_file.h"
#include "load/weights.h"
#include "support/fixture.h"
#include "support/gguf_writer.h"
#include "text/decoder.h"
#include "text/drafter.h"
#include "text/kv_cache.h"

enum { CONTEXT = 256, STEPS = 4 };

/* Ten times what the reference differs from itself in another order of sums. */
static const float limit = 1e-2f;

struct target {
    struct gguf *gguf;
    struct hparams hparams;
    struct weights weights;
    struct tensor_machine machine;
    struct decoder *decoder;
};

static struct target target;
static struct safetensors *golden;

static const char *path_of(const char *name)
{
    static char path[4096];
    snprintf(path, sizeof path, "%s/text/%s", TEST_DATA, name);
    return path;
}

static int open_target(void **state)
{
    (void)state;
    struct err err;
    target.gguf = model_file_open(path_of("e2b.gguf"), &err);
    assert_non_null(target.gguf);
    assert_true(hparams_read(&target.hparams, target.gguf, &err));
    assert_true(weights_bind(&target.weights, &target.hparams, target.gguf, &err));
    assert_true(
        tensor_machine_init(&target.machine, NULL, 2, decoder_widest(&target.hparams), &err));
    target.decoder = decoder_create(&target.hparams, &target.weights, &target.machine, &err);
    assert_non_null(target.decoder);
    golden = safetensors_open(path_of("drafter.golden.safetensors"));
    assert_non_null(golden);
    return 0;
}

static int close_target(void **state)
{
    (void)state;
    safetensors_close(golden);
    decoder_destroy(target.decoder);
    tensor_machine_finish(&target.machine);
    gguf_close(target.gguf);
    return 0;
}

/* --- the rounds --- */

struct round {
    const char *sequence;
    struct kv_cache *cache;
    float *state;
    struct drafter_place place;
    int32_t guesses[STEPS];
};

static const float *floats(const char *sequence, const char *what)
{
    size_t count;
    return fixture_tensor(golden, sequence, what, &count);
}

/* The target's cache over the prompt, and its own state and choice against the reference. */
static void begin_round(struct round *round, const char *sequence)
{
    struct err err;
    size_t count, one, d = (size_t)target.hparams.hidden_size;
    const int32_t *ids = fixture_tensor(golden, sequence, "ids", &count);
    const int32_t *token = fixture_tensor(golden, sequence, "token0", &one);
    const int32_t *position = fixture_tensor(golden, sequence, "position", &one);
    *round = (struct round){.sequence = sequence};
    round->cache = kv_cache_create(&target.hparams, CONTEXT, DECODER_CHUNK, QUANT_F32, &err);
    round->state = test_malloc(d * sizeof(float));
    float *logits = test_malloc((size_t)target.hparams.vocab_size * sizeof(float));
    const struct pass_part part = {.cache = round->cache, .count = count};
    assert_true(decoder_run(target.decoder,
                            &(struct decoder_run){.parts = &part,
                                                  .part_count = 1,
                                                  .ids = ids,
                                                  .count = count,
                                                  .wanted = 1,
                                                  .logits = logits,
                                                  .states = round->state},
                            &err));
    assert_int_equal(*position, count);
    assert_int_equal(fixture_argmax(logits, (size_t)target.hparams.vocab_size), *token);
    assert_true(fixture_max_difference(round->state, floats(sequence, "u0"), d) <= 2e-3f);
    test_free(logits);
    round->place = (struct drafter_place){
        .cache = round->cache, .position = count, .token = *token, .state = round->state};
}

static void end_round(struct round *round)
{
    kv_cache_destroy(round->cache);
    test_free(round->state);
}

static void check(const struct round *round, const char *what, const float *found, size_t row,
                  size_t width)
{
    static float greatest;
    const float *expected = floats(round->sequence, what);
    float difference = fixture_max_difference(found, expected + row * width, width);
    greatest = row == 0 || difference > greatest ? difference : greatest;
    if (row + 1 == STEPS && getenv("CARAT_FIDELITY") != NULL) { /* rows of docs/fidelity.md */
        printf("| drafter | %s, %s | %s | %.1e | %.0e |\n", round->sequence, what,
               target.machine.kernels->name, (double)greatest, (double)limit);
    }
    if (!(difference <= limit)) {
        fail_msg("%s.%s step %zu differs by %g", round->sequence, what, row, (double)difference);
    }
}

/* What the steps gave, kind by kind. */
static void check_parts(const struct round *round, const char *mode, bool dense,
                        const struct drafter *drafter, const struct drafter_step *all)
{
    size_t hidden = drafter_hidden_size(drafter);
    const struct {
        const char *what;
        size_t width;
        size_t offset;
    } parts[] = {
        {"pre", hidden, offsetof(struct drafter_step, pre)},
        {"final_norm", hidden, offsetof(struct drafter_step, final_norm)},
        {dense ? "dense_logits" : "logits", (size_t)target.hparams.vocab_size,
         offsetof(struct drafter_step, logits)},
        {"u_next", (size_t)target.hparams.hidden_size, offsetof(struct drafter_step, state)},
    };
    for (size_t p = 0; p < sizeof parts / sizeof parts[0]; p++) {
        for (size_t i = 0; i < STEPS; i++) {
            char name[32];
            float *const *found =
                (float *const *)(const void *)((const char *)&all[i] + parts[p].offset);
            snprintf(name, sizeof name, "%s.%s", mode, parts[p].what);
            check(round, name, *found, i, parts[p].width);
        }
    }
}

/* All steps of a round, each fed with what the one before gave. */
static void check_steps(struct drafter *drafter, struct round *round, const char *mode, bool dense)
{
    size_t hidden = drafter_hidden_size(drafter), d = (size_t)target.hparams.hidden_size;
    size_t vocabulary = (size_t)target.hparams.vocab_size, count;
    struct drafter_step steps[STEPS];
    char name[32];
    struct drafter_place place = round->place;
    snprintf(name, sizeof name, "%s.tokens", mode);
    const int32_t *tokens = fixture_tensor(golden, round->sequence, name, &count);
    assert_int_equal(count, STEPS);
    drafter_set_dense(drafter, dense);
    for (size_t i = 0; i < STEPS; i++) {
        int32_t guess;
        steps[i] = (struct drafter_step){
            .pre = test_malloc(hidden * sizeof(float)),
            .final_norm = test_malloc(hidden * sizeof(float)),
            .centroids = test_malloc(64 * sizeof(float)),
            .logits = test_malloc(vocabulary * sizeof(float)),
            .state = test_malloc(d * sizeof(float)),
        };
        assert_true(drafter_run(drafter, &place, &steps[i], &guess));
        if (!dense) {
            assert_int_equal(guess, tokens[i]);
        }
        place.token = tokens[i];
        place.state = steps[i].state;
    }
    check_parts(round, mode, dense, drafter, steps);
    if (!dense && strcmp(round->sequence, "seq0") == 0 && strcmp(mode, "pos") == 0) {
        assert_int_equal(drafter_centroid_count(drafter), 36);
        check(round, "pos.centroid_scores", steps[0].centroids, 0, 36);
    }
    for (size_t i = 0; i < STEPS; i++) {
        test_free(steps[i].pre);
        test_free(steps[i].final_norm);
        test_free(steps[i].centroids);
        test_free(steps[i].logits);
        test_free(steps[i].state);
    }
}

static struct drafter *open_drafter(const struct gguf *gguf)
{
    struct err err;
    struct drafter *drafter =
        drafter_create(gguf, &target.hparams, &target.weights, &target.machine, &err);
    if (drafter == NULL) {
        fail_msg("%s", err.text);
    }
    return drafter;
}

static void check_drafter(const struct gguf *gguf, bool has_centroids)
{
    static const char *const sequences[] = {"seq0", "seq1"};
    static const struct {
        const char *name;
        enum drafter_window window;
    } modes[] = {{"pos", DRAFTER_WINDOW_POSITION}, {"hf", DRAFTER_WINDOW_WIDE}};
    struct drafter *drafter = open_drafter(gguf);
    for (size_t s = 0; s < 2; s++) {
        struct round round;
        begin_round(&round, sequences[s]);
        for (size_t m = 0; m < 2; m++) {
            drafter_set_window(drafter, modes[m].window);
            check_steps(drafter, &round, modes[m].name, true);
            if (has_centroids) {
                size_t count;
                char name[32];
                snprintf(name, sizeof name, "%s.tokens", modes[m].name);
                check_steps(drafter, &round, modes[m].name, false);
                assert_int_equal(drafter_guess(drafter, &round.place, STEPS, round.guesses), STEPS);
                assert_memory_equal(round.guesses,
                                    fixture_tensor(golden, round.sequence, name, &count),
                                    sizeof round.guesses);
            }
        }
        end_round(&round);
    }
    drafter_destroy(drafter);
}

static void test_folder(void **state)
{
    (void)state;
    struct err err;
    struct gguf *gguf = model_file_open(path_of("drafter"), &err);
    if (gguf == NULL) {
        fail_msg("%s", err.text);
    }
    check_drafter(gguf, true);
    gguf_close(gguf);
}

/* --- as a GGUF file, which has no centroids --- */

/* The folder's tensors under the names and keys that converters write. What was written before
 * stays. */
static void write_drafter(struct gguf_writer *writer, const struct gguf *folder)
{
    static const struct {
        const char *key;
        uint32_t value;
    } keys[] = {
        {"gemma4-assistant.block_count", 4},
        {"gemma4-assistant.context_length", 131072},
        {"gemma4-assistant.embedding_length", 32},
        {"gemma4-assistant.feed_forward_length", 64},
        {"gemma4-assistant.attention.head_count", 4},
        {"gemma4-assistant.attention.head_count_kv", 1},
        {"gemma4-assistant.attention.key_length", 32},
        {"gemma4-assistant.attention.value_length", 32},
        {"gemma4-assistant.attention.key_length_swa", 16},
        {"gemma4-assistant.attention.sliding_window", 16},
        {"gemma4-assistant.attention.shared_kv_layers", 4},
        {"gemma4-assistant.embedding_length_per_layer_input", 0},
        {"gemma4-assistant.embedding_length_out", 64},
        {"gemma4-assistant.nextn_predict_layers", 4},
    };
    static const bool sliding[] = {true, true, true, false};
    const char *names[576];
    gguf_writer_string(writer, "general.architecture", "gemma4-assistant");
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        gguf_writer_u32(writer, keys[i].key, keys[i].value);
    }
    gguf_writer_bools(writer, "gemma4-assistant.attention.sliding_window_pattern", sliding, 4);
    for (size_t i = 0; i < 576; i++) {
        names[i] = "x"; /* their number is what counts */
    }
    gguf_writer_strings(writer, "tokenizer.ggml.tokens", names, 576);
    gguf_writer_omit(writer, "masked_embd_centroids.weight");
    gguf_writer_omit(writer, "masked_embd_ordering");
    for (size_t i = 0; i < gguf_tensor_count(folder); i++) {
        const struct gguf_tensor *tensor = gguf_tensor_at(folder, i);
        gguf_writer_tensor(writer, tensor->name, (uint32_t)tensor->type, tensor->dimension_count,
                           tensor->ne, tensor->data, (size_t)tensor->bytes);
    }
}

/* Of `writer` and what it lacks of the drafter; gguf_close, then gguf_writer_free. */
static struct gguf *finish_drafter(struct gguf_writer *writer)
{
    struct err err;
    size_t size;
    struct gguf *folder = model_file_open(path_of("drafter"), &err);
    assert_non_null(folder);
    write_drafter(writer, folder);
    gguf_close(folder);
    const unsigned char *bytes = gguf_writer_finish(writer, &size);
    struct gguf *gguf = gguf_open_bytes("drafter.gguf", bytes, size, &err);
    if (gguf == NULL) {
        fail_msg("%s", err.text);
    }
    return gguf;
}

static void test_gguf(void **state)
{
    (void)state;
    struct gguf_writer writer;
    gguf_writer_init(&writer);
    struct gguf *gguf = finish_drafter(&writer);
    check_drafter(gguf, false);
    gguf_close(gguf);
    gguf_writer_free(&writer);
    if (getenv("CARAT_FIXTURES") != NULL) { /* one that a converter made */
        char path[4096];
        struct err err;
        snprintf(path, sizeof path, "%s/drafter.gguf", getenv("CARAT_FIXTURES"));
        gguf = model_file_open(path, &err);
        assert_non_null(gguf);
        check_drafter(gguf, false);
        gguf_close(gguf);
    }
}

/* Centroids under the names that are kept for them: `rows` of them, and an ordering (or none) of
 * which the token at `wrong` is one too many. */
static void write_centroids(struct gguf_writer *writer, uint64_t rows, bool with_ordering,
                            size_t wrong)
{
    struct err err;
    struct gguf *folder = model_file_open(path_of("drafter"), &err);
    const struct gguf_tensor *centroids = gguf_tensor_find(folder, "masked_embd_centroids.weight");
    const struct gguf_tensor *ordering = gguf_tensor_find(folder, "masked_embd_ordering");
    uint64_t ne[] = {32, rows, 1, 1};
    float values[576];
    gguf_writer_init(writer);
    gguf_writer_tensor(writer, centroids->name, (uint32_t)centroids->type, 2, ne, centroids->data,
                       rows * 32 * sizeof(float));
    assert_int_equal(ordering->bytes, sizeof values);
    memcpy(values, ordering->data, sizeof values);
    if (wrong < 576) {
        values[wrong] = 576;
    }
    if (with_ordering) {
        gguf_writer_tensor(writer, ordering->name, (uint32_t)ordering->type, 1, ordering->ne,
                           values, sizeof values);
    }
    gguf_writer_u32(writer, "gemma4-assistant.masked_embedding_top_k", 4);
    gguf_close(folder);
}

static void test_gguf_with_centroids(void **state)
{
    (void)state;
    struct gguf_writer writer;
    write_centroids(&writer, 36, true, 576);
    struct gguf *gguf = finish_drafter(&writer);
    check_drafter(gguf, true);
    gguf_close(gguf);
    gguf_writer_free(&writer);
}

/* --- what does not fit --- */

static void check_refused(struct gguf_writer *writer, const char *reason)
{
    struct err err = {0};
    struct gguf *gguf = finish_drafter(writer);
    assert_null(drafter_create(gguf, &target.hparams, &target.weights, &target.machine, &err));
    if (strstr(err.text, reason) == NULL) {
        fail_msg("the reason is: %s", err.text);
    }
    gguf_close(gguf);
    gguf_writer_free(writer);
}

static void test_misfits(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        uint32_t value;
        const char *reason;
    } cases[] = {
        {"gemma4-assistant.embedding_length_out", 128, "hidden size of 128, but the model has 64"},
        {"gemma4-assistant.attention.sliding_window", 32, "sliding window of 32"},
        {"gemma4-assistant.attention.key_length_swa", 32, "whose K/V it reads"},
        {"gemma4-assistant.attention.head_count", 3, "attn_q"},
        {"gemma4-assistant.embedding_length", 48, "token_embd"},
        {"gemma4-assistant.embedding_length_per_layer_input", 8, "per-layer inputs of 8"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct gguf_writer writer;
        gguf_writer_init(&writer);
        gguf_writer_u32(&writer, cases[i].key, cases[i].value);
        check_refused(&writer, cases[i].reason);
    }
    static const char *const words[] = {"a", "b"};
    struct gguf_writer writer;
    gguf_writer_init(&writer);
    gguf_writer_strings(&writer, "tokenizer.ggml.tokens", words, 2);
    check_refused(&writer, "a vocabulary of 2, but the model has 576");
    gguf_writer_init(&writer);
    gguf_writer_omit(&writer, "nextn.pre_projection.weight");
    check_refused(&writer, "nextn.pre_projection.weight is missing");
    write_centroids(&writer, 36, false, 576);
    check_refused(&writer, "need an ordering of 576 tokens");
    write_centroids(&writer, 36, true, 100);
    check_refused(&writer, "has no token at 100");
    write_centroids(&writer, 35, true, 576);
    check_refused(&writer, "35 centroids for 576 tokens");
    write_centroids(&writer, 3, true, 576);
    check_refused(&writer, "of which 4 are looked at");
    gguf_writer_init(&writer);
    gguf_writer_string(&writer, "general.architecture", "gemma4");
    check_refused(&writer, "only gemma4-assistant is run");
}

/* Through the public door: the right folder, a target taken for a drafter, and the other way. */
static void test_open(void **state)
{
    (void)state;
    char text[4096];
    struct engine_error error;
    snprintf(text, sizeof text, "%s/text", TEST_DATA);
    struct engine_model *model = fixture_model(text, "e2b.gguf", NULL, 1);
    struct engine_model *other = fixture_model(text, "unified.gguf", NULL, 1);
    struct engine_session *session = fixture_session(other, 16, ENGINE_KV_F32);
    struct engine_drafter *drafter = engine_drafter_open(model, path_of("drafter"), &error);
    assert_non_null(drafter);
    assert_false(engine_session_look_ahead(session, drafter, false, 4, &error));
    assert_int_equal(error.code, ENGINE_BAD_ARGUMENT);
    assert_null(engine_drafter_open(other, path_of("drafter"), &error));
    assert_int_equal(error.code, ENGINE_UNSUPPORTED);
    assert_null(engine_drafter_open(model, path_of("e2b.gguf"), &error));
    assert_int_equal(error.code, ENGINE_UNSUPPORTED);
    assert_null(engine_drafter_open(model, path_of("nothing"), &error));
    assert_int_equal(error.code, ENGINE_NOT_FOUND);
    assert_null(engine_model_open(
        &(struct engine_model_options){.path = path_of("drafter"), .threads = 1}, &error));
    assert_int_equal(error.code, ENGINE_UNSUPPORTED);
    engine_drafter_close(drafter);
    engine_drafter_close(NULL);
    engine_session_destroy(session);
    engine_model_close(other);
    engine_model_close(model);
}

/* A drafter opened and used, until something fails. */
static bool live(struct engine_model *model, struct engine_session *session, int32_t *ids,
                 struct engine_error *error)
{
    const struct engine_sampling greedy = {.temperature = 0};
    const int32_t prompt[] = {2, 300, 301, 302};
    struct engine_drafter *drafter = engine_drafter_open(model, path_of("drafter"), error);
    bool ok = drafter != NULL && engine_session_look_ahead(session, drafter, true, 8, error) &&
              engine_session_sync(session, prompt, 4, NULL, error);
    for (size_t i = 0; i < 6 && ok; i++) {
        ok = engine_session_sample(session, &greedy, NULL, 0, &ids[i], error) &&
             engine_session_append(session, ids[i], error);
    }
    struct engine_error off;
    assert_true(engine_session_look_ahead(session, NULL, false, 0, &off)); /* needs no memory */
    engine_drafter_close(drafter);
    return ok;
}

/* Every allocation failing in turn: a clean error, and the session goes on. */
static void test_every_allocation(void **state)
{
    (void)state;
    char text[4096];
    int32_t expected[6], ids[6];
    struct engine_error error;
    snprintf(text, sizeof text, "%s/text", TEST_DATA);
    struct engine_model *model = fixture_model(text, "e2b.gguf", NULL, 1);
    struct engine_session *session = fixture_session(model, 64, ENGINE_KV_F32);
    mem_fail_at(0, 0);
    assert_true(live(model, session, expected, &error));
    unsigned long allocations = mem_allocation_count();
    assert_in_range(allocations, 20, 2000);
    for (unsigned long n = 1; n <= allocations; n++) {
        mem_fail_at(n, 0);
        bool ok = live(model, session, ids, &error);
        mem_fail_at(0, 0);
        if (ok) {
            assert_memory_equal(ids, expected, sizeof expected);
        } else {
            assert_int_equal(error.code, ENGINE_NO_MEMORY);
        }
    }
    assert_true(live(model, session, ids, &error));
    assert_memory_equal(ids, expected, sizeof expected);
    engine_session_destroy(session);
    engine_model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_folder),
        cmocka_unit_test(test_gguf),
        cmocka_unit_test(test_gguf_with_centroids),
        cmocka_unit_test(test_misfits),
        cmocka_unit_test(test_open),
        cmocka_unit_test(test_every_allocation),
    };
    return cmocka_run_group_tests(tests, open_target, close_target);
}
