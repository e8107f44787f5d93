/* rewind: going back further than the rings reach, without computing again what is kept.
 *
 * First the copies alone, against a cache whose every row says which position of which branch of
 * history it belongs to; then sessions as an agent uses them, whose logits must be those of a
 * session that computes the same ids afresh, bit for bit.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "compute/kernels.h"
#include "load/hparams.h"
#include "support/fixture.h"
#include "text/kv_cache.h"
#include "text/kv_marks.h"

/* --- copies alone --- */

enum { WINDOW = 100, CHUNK = 256, LENGTH = 20000 };

/* Two rings, a full layer and one that shares; rows of 4 values. */
static struct hparams four_layers(void)
{
    struct hparams hparams = {.num_hidden_layers = 4, .sliding_window = WINDOW};
    for (int32_t l = 0; l < 4; l++) {
        hparams.layers[l] = (struct hparams_layer){
            .sliding = l < 2, .shares_kv = l == 3, .head_dim = 4, .num_key_value_heads = 1};
    }
    return hparams;
}

struct timeline {
    struct kv_cache *cache;
    struct kv_marks *marks;
    size_t count;
    float branch[LENGTH]; /* which branch a position was stored in */
    float branches;
};

static void advance(struct timeline *line, size_t count)
{
    kv_marks_before(line->marks, line->cache, line->count, line->count + count);
    assert_true(kv_cache_prepare(line->cache, line->count, line->count + count, NULL));
    for (size_t i = 0; i < count; i++, line->count++) {
        line->branch[line->count] = line->branches;
        for (int l = 0; l < 3; l++) {
            const float keys[4] = {(float)line->count, line->branches, (float)l, 1};
            const float values[4] = {(float)line->count, line->branches, (float)l, -1};
            kv_cache_store(line->cache, &kernels_scalar, l, line->count, keys, values);
        }
    }
    kv_marks_pass(line->marks, line->cache, line->count);
}

/* Everything that the token at line->count looks back on is there, and is what was stored last. */
static void check_rows(const struct timeline *line)
{
    assert_true(kv_cache_can_resume(line->cache, line->count));
    size_t begin = line->count + 1 > WINDOW ? line->count + 1 - WINDOW : 0;
    for (int l = 0; l < 3; l++) {
        for (size_t p = l < 2 ? begin : 0; p < line->count; p++) {
            struct kv_span span = kv_cache_span(line->cache, l, 0, p, p + 1);
            const float keys[4] = {(float)p, line->branch[p], (float)l, 1};
            const float values[4] = {(float)p, line->branch[p], (float)l, -1};
            assert_memory_equal(span.keys, keys, sizeof keys);
            assert_memory_equal(span.values, values, sizeof values);
        }
    }
}

static void go_back(struct timeline *line, size_t position)
{
    size_t point = kv_marks_restore(line->marks, line->cache, line->count, position);
    assert_true(point <= position);
    kv_marks_cut(line->marks, line->cache, point);
    line->count = point;
    line->branches++;
    check_rows(line);
}

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static struct timeline *new_timeline(size_t budget)
{
    struct hparams hparams = four_layers();
    struct timeline *line = test_calloc(1, sizeof *line);
    line->cache = kv_cache_create(&hparams, LENGTH, CHUNK, QUANT_F32, NULL);
    line->marks = kv_marks_create(line->cache, budget, NULL);
    assert_non_null(line->marks);
    return line;
}

static void free_timeline(struct timeline *line)
{
    kv_marks_destroy(line->marks);
    kv_cache_destroy(line->cache);
    test_free(line);
}

/* Positions of a copy, times the bytes of both rings. */
static const size_t copy_bytes = (WINDOW - 1 + KV_CACHE_SLACK) * 2 * 2 * 4 * sizeof(float);

static void test_any_history(void **state)
{
    (void)state;
    uint32_t random = 7;
    for (size_t round = 0; round < 3; round++) {
        size_t copies = round % 3 == 0 ? 2 : round % 3 == 1 ? 6 : KV_MARKS_COPIES;
        struct timeline *line = new_timeline(copies * copy_bytes);
        for (size_t step = 0; step < 400; step++) {
            uint32_t what = next_random(&random) % 8;
            size_t count = 1 + next_random(&random) % (what < 2 ? 600 : CHUNK);
            if (what == 7 && line->count > 0) {
                go_back(line, next_random(&random) % line->count);
                kv_marks_note(line->marks, line->cache, line->count);
            } else if (what == 6) {
                kv_marks_note(line->marks, line->cache, line->count);
            } else {
                for (size_t n = 0; n < count && line->count < LENGTH; n += CHUNK) {
                    size_t chunk = count - n < CHUNK ? count - n : CHUNK;
                    advance(line, line->count + chunk <= LENGTH ? chunk : LENGTH - line->count);
                }
            }
            check_rows(line);
            assert_true(kv_marks_bytes(line->marks) <= copies * copy_bytes);
        }
        assert_true(kv_marks_bytes(line->marks) > copy_bytes);
        free_timeline(line);
    }
}

/* A copy ends where the ring begins, or a little before or behind: only without a gap between them
 * does the way back lead further than the copy. */
static void test_copy_and_ring_together(void **state)
{
    (void)state;
    enum { RING = WINDOW + CHUNK + KV_CACHE_SLACK, POINT = 300, END = POINT + KV_CACHE_SLACK };
    for (size_t oldest = END - 12; oldest < END + 12; oldest++) {
        struct timeline *line = new_timeline(2 * copy_bytes);
        advance(line, CHUNK);
        advance(line, POINT - CHUNK);
        kv_marks_note(line->marks, line->cache, line->count);
        while (line->count < oldest + RING) {
            size_t left = oldest + RING - line->count;
            advance(line, left < 50 ? left : 50);
        }
        go_back(line, oldest + 50);
        assert_int_equal(line->count, oldest <= END ? oldest + 50 : END);
        free_timeline(line);
    }
}

/* After sixty messages: where the timeline can go on when it is cut at the end of one of them. */
static size_t found_after_cut(size_t message)
{
    struct timeline *line = new_timeline(KV_MARKS_COPIES * copy_bytes);
    for (size_t i = 0; i < 60; i++) {
        advance(line, 150);
        advance(line, 150);
        kv_marks_note(line->marks, line->cache, line->count);
    }
    assert_int_equal(kv_marks_bytes(line->marks), KV_MARKS_COPIES * copy_bytes);
    go_back(line, 300 * (message + 1));
    size_t found = line->count;
    free_timeline(line);
    return found;
}

/* The newest points all stay, and older ones at growing distances. */
static void test_what_is_kept(void **state)
{
    (void)state;
    size_t computed = 0;
    for (size_t i = 0; i < 60; i++) {
        size_t point = 300 * (i + 1), found = found_after_cut(i);
        if (i >= 55) { /* what the ring holds, and the four copies behind it */
            assert_int_equal(found, point);
        }
        computed += point - found;
    }
    assert_in_range(computed / 60, 1, 1500); /* a cut costs some tokens, not all of 18000 */
}

/* --- sessions --- */

enum { CONTEXT = 8192 };

static struct engine_model *model;
static size_t vocabulary;

static int open_model(void **state)
{
    (void)state;
    model = fixture_model(TEST_MODELS, "nano.gguf", NULL, 2);
    vocabulary = (size_t)engine_model_info(model)->vocabulary_size;
    return 0;
}

static int close_model(void **state)
{
    (void)state;
    engine_model_close(model);
    return 0;
}

struct prompt {
    int32_t ids[CONTEXT];
    size_t count;
};

static void add_text(struct prompt *prompt, size_t count, uint32_t seed)
{
    for (size_t i = 0; i < count; i++) {
        prompt->ids[prompt->count++] = (int32_t)(300 + next_random(&seed) % 2000);
    }
}

static size_t sync(struct engine_session *session, const int32_t *ids, size_t count)
{
    struct engine_error error;
    size_t reused = 99999;
    if (!engine_session_sync(session, ids, count, &reused, &error)) {
        fail_msg("%s", error.text);
    }
    return reused;
}

static void check_fresh(struct engine_session *session, enum engine_kv_type kv_type)
{
    size_t count;
    const int32_t *tokens = engine_session_tokens(session, &count);
    struct engine_session *fresh = fixture_session(model, (int32_t)count, kv_type);
    assert_int_equal(sync(fresh, tokens, count), 0);
    assert_memory_equal(engine_session_logits(session), engine_session_logits(fresh),
                        vocabulary * sizeof(float));
    engine_session_destroy(fresh);
}

/* Samples `count` tokens; what was sampled is appended to `answer`. */
static void answer(struct engine_session *session, size_t count, struct prompt *answer)
{
    struct engine_error error;
    const struct engine_sampling sampling = {.temperature = 1.2f, .top_p = 1, .seed = 5};
    for (size_t i = 0; i < count; i++) {
        int32_t id;
        assert_true(engine_session_sample(session, &sampling, NULL, 0, &id, &error));
        assert_true(engine_session_append(session, id, &error));
        answer->ids[answer->count++] = id;
    }
}

/* A turn of an agent: a prompt, a thought and a text; the next prompt has the text alone. Between
 * them a tool is called, with the thought still there. */
static void check_conversation(enum engine_kv_type kv_type)
{
    static struct prompt history, running;
    struct engine_session *session = fixture_session(model, CONTEXT, kv_type);
    size_t turn_start = 0;
    history.count = 0;
    add_text(&history, 700, 1);
    for (uint32_t turn = 0; turn < 4; turn++) {
        add_text(&history, 40, 2 + turn);
        assert_int_equal(sync(session, history.ids, history.count), turn_start);
        if (turn == 3) {
            check_fresh(session, kv_type);
        }
        turn_start = history.count;
        running = history;
        answer(session, turn == 2 ? 30 : 620, &running); /* a thought, and one that is short */
        size_t held = running.count;
        add_text(&running, 50, 20 + turn); /* what a tool says */
        assert_int_equal(sync(session, running.ids, running.count), held);
        size_t text = running.count;
        answer(session, 25, &running);
        memcpy(history.ids + history.count, running.ids + text, 25 * sizeof running.ids[0]);
        history.count += 25;
    }
    add_text(&history, 10, 30);
    assert_int_equal(sync(session, history.ids, history.count), turn_start);
    check_fresh(session, kv_type);
    engine_session_destroy(session);
}

static void test_thoughts_are_dropped(void **state)
{
    (void)state;
    check_conversation(ENGINE_KV_F32);
    check_conversation(ENGINE_KV_Q8);
}

/* From the beginning of an answer to some hundred tokens behind it. */
static void test_points_behind_a_mark(void **state)
{
    (void)state;
    static const size_t behind[] = {0, 256, 400};
    static struct prompt prompt;
    prompt.count = 0;
    add_text(&prompt, 500, 9);
    for (size_t i = 0; i < sizeof behind / sizeof behind[0]; i++) {
        struct engine_session *session = fixture_session(model, CONTEXT, ENGINE_KV_F32);
        static struct prompt running;
        sync(session, prompt.ids, 500);
        running = prompt;
        answer(session, 1000, &running);
        running.ids[500 + behind[i]] ^= 1;
        size_t expected = 500 + (behind[i] < KV_CACHE_SLACK ? behind[i] : KV_CACHE_SLACK);
        assert_int_equal(sync(session, running.ids, 500 + behind[i] + 5), expected);
        check_fresh(session, ENGINE_KV_F32);
        /* Once more, from what was just made. */
        running.ids[500 + behind[i]] ^= 2;
        assert_int_equal(sync(session, running.ids, 700 + behind[i]), 500 + behind[i]);
        check_fresh(session, ENGINE_KV_F32);
        engine_session_destroy(session);
    }
}

/* Far back in one long prompt: no more than a stride is computed again. */
static void test_long_prompt(void **state)
{
    (void)state;
    static struct prompt prompt;
    struct engine_session *session = fixture_session(model, CONTEXT, ENGINE_KV_F16);
    prompt.count = 0;
    add_text(&prompt, 5000, 3);
    sync(session, prompt.ids, 5000);
    static const size_t cuts[] = {4200, 3000, 1500};
    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
        prompt.ids[cuts[i]] ^= 1;
        size_t reused = sync(session, prompt.ids, cuts[i] + 20);
        assert_in_range(reused, cuts[i] - KV_MARKS_STRIDE, cuts[i]);
        check_fresh(session, ENGINE_KV_F16);
    }
    prompt.ids[0] ^= 1;
    assert_int_equal(sync(session, prompt.ids, 30), 0);
    check_fresh(session, ENGINE_KV_F16);
    engine_session_destroy(session);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_history),          cmocka_unit_test(test_copy_and_ring_together),
        cmocka_unit_test(test_what_is_kept),         cmocka_unit_test(test_thoughts_are_dropped),
        cmocka_unit_test(test_points_behind_a_mark), cmocka_unit_test(test_long_prompt),
    };
    return cmocka_run_group_tests(tests, open_model, close_model);
}
