/* look_ahead: guesses change what a token costs and nothing else: the same ids and the same bits of
 * every logit, at temperature 0 and above, past the sliding window, through rewinds, saved sessions
 * and cancels; and they adapt to how often they come true. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "speculation.h"
#include "engine/engine_drafter.h"
#include "support/fixture.h"

enum { CONTEXT = 2048, LONG = 1200 };

struct made {
    uint64_t guesses, right;
};

static struct engine_model *model;
static struct engine_drafter *drafter;
static size_t vocabulary;

static int open_model(void **state)
{
    (void)state;
    char text[4096], path[4200];
    struct engine_error error;
    snprintf(text, sizeof text, "%s/text", TEST_DATA);
    snprintf(path, sizeof path, "%s/drafter", text);
    model = fixture_model(text, "e2b.gguf", NULL, 2);
    drafter = engine_drafter_open(model, path, &error);
    assert_non_null(drafter);
    vocabulary = (size_t)engine_model_info(model)->vocabulary_size;
    return 0;
}

static int close_model(void **state)
{
    (void)state;
    engine_drafter_close(drafter);
    engine_model_close(model);
    return 0;
}

static struct engine_session *open_session(struct engine_drafter *with, bool lookup, int32_t most)
{
    struct engine_error error;
    struct engine_session *session = fixture_session(model, CONTEXT, ENGINE_KV_F32);
    assert_true(engine_session_look_ahead(session, with, lookup, most, &error));
    return session;
}

static struct made made_by(const struct engine_session *session)
{
    struct made made;
    engine_session_guesses(session, &made.guesses, &made.right);
    assert_true(made.right <= made.guesses);
    return made;
}

static void hold(struct engine_session *session, const int32_t *ids, size_t count)
{
    struct engine_error error;
    assert_true(engine_session_sync(session, ids, count, NULL, &error));
}

static void append(struct engine_session *session, int32_t id)
{
    struct engine_error error;
    if (!engine_session_append(session, id, &error)) {
        fail_msg("%s", error.text);
    }
}

static int32_t sample(struct engine_session *session, const struct engine_sampling *sampling)
{
    int32_t id;
    struct engine_error error;
    assert_true(engine_session_sample(session, sampling, NULL, 0, &id, &error));
    return id;
}

/* A text that repeats itself every `period` tokens, with a change every `change` ones. */
static void fill(int32_t *ids, size_t count, size_t period, size_t change)
{
    for (size_t i = 0; i < count; i++) {
        size_t at = i % period;
        ids[i] = i == 0 ? 2 : (int32_t)(300 + (at * at * 31 + at * 7) % 200);
        if (change > 0 && i % change == change - 1) {
            ids[i] = (int32_t)(510 + i % 60);
        }
    }
}

static void check_same(struct engine_session *a, struct engine_session *b)
{
    size_t a_count, b_count;
    const int32_t *a_tokens = engine_session_tokens(a, &a_count);
    const int32_t *b_tokens = engine_session_tokens(b, &b_count);
    assert_int_equal(a_count, b_count);
    assert_memory_equal(a_tokens, b_tokens, a_count * sizeof *a_tokens);
    assert_memory_equal(engine_session_logits(a), engine_session_logits(b),
                        vocabulary * sizeof(float));
}

/* --- the same results --- */

static void generate(const struct engine_sampling *sampling, struct engine_drafter *with,
                     bool lookup)
{
    int32_t prompt[100];
    fill(prompt, 100, 40, 0);
    struct engine_session *plain = open_session(NULL, false, 0);
    struct engine_session *ahead = open_session(with, lookup, SPECULATION_MOST);
    hold(plain, prompt, 100);
    hold(ahead, prompt, 100);
    for (size_t i = 0; i < 150; i++) {
        int32_t id = sample(plain, sampling);
        assert_int_equal(sample(ahead, sampling), id);
        append(plain, id);
        append(ahead, id);
        check_same(plain, ahead);
    }
    struct made made = made_by(ahead);
    print_message("%s%s, temperature %g: %llu of %llu guesses came true\n",
                  with != NULL ? "drafter" : "", lookup ? " look-up" : "",
                  (double)sampling->temperature, (unsigned long long)made.right,
                  (unsigned long long)made.guesses);
    assert_true(made.guesses > 0);
    assert_int_equal(made_by(plain).guesses, 0);
    engine_session_destroy(plain);
    engine_session_destroy(ahead);
}

static void test_same_answers(void **state)
{
    (void)state;
    const struct engine_sampling samplings[] = {
        {.temperature = 0},
        {.temperature = 0, .repetition_penalty = 1.3f, .repetition_last = 32},
        {.temperature = 0.8f, .top_k = 20, .top_p = 0.9f, .seed = 7},
    };
    for (size_t i = 0; i < sizeof samplings / sizeof samplings[0]; i++) {
        generate(&samplings[i], drafter, false);
        generate(&samplings[i], drafter, true);
    }
    generate(&samplings[0], NULL, true);
}

/* Longer than many windows (16 tokens here) and than a ring, with guesses that come true wholly, in
 * part and not at all. */
static void test_long(void **state)
{
    (void)state;
    int32_t ids[LONG];
    fill(ids, LONG, 50, 23);
    struct engine_session *ahead = open_session(drafter, true, SPECULATION_MOST);
    hold(ahead, ids, 60);
    for (size_t i = 60; i < LONG; i++) {
        append(ahead, ids[i]);
    }
    struct made made = made_by(ahead);
    print_message("%llu of %llu guesses\n", (unsigned long long)made.right,
                  (unsigned long long)made.guesses);
    assert_true(made.right > LONG / 4 && made.right < made.guesses);
    struct engine_session *fresh = open_session(NULL, false, 0);
    hold(fresh, ids, LONG);
    check_same(ahead, fresh);
    size_t reused;
    struct engine_error error;
    assert_true(engine_session_sync(ahead, ids, 700, &reused, &error)); /* back */
    hold(fresh, ids, 700);
    check_same(ahead, fresh);
    append(ahead, ids[700]);
    append(fresh, ids[700]);
    check_same(ahead, fresh);
    engine_session_destroy(fresh);
    engine_session_destroy(ahead);
}

/* Several tokens at once, some of them guessed; and rows for all of them. */
static void test_runs(void **state)
{
    (void)state;
    int32_t ids[400];
    struct engine_error error;
    fill(ids, 400, 30, 0);
    struct engine_session *ahead = open_session(NULL, true, SPECULATION_MOST);
    struct engine_session *plain = open_session(NULL, false, 0);
    hold(ahead, ids, 100);
    hold(plain, ids, 100);
    for (size_t at = 100, step = 1; at + step <= 400; at += step, step = step % 11 + 1) {
        assert_true(engine_session_evaluate(ahead, ids + at, step, NULL, &error));
        assert_true(engine_session_evaluate(plain, ids + at, step, NULL, &error));
        check_same(ahead, plain);
    }
    assert_true(made_by(ahead).right > 100);
    float *rows = test_malloc(3 * vocabulary * sizeof *rows);
    assert_true(engine_session_evaluate(ahead, ids, 3, rows, &error));
    assert_true(engine_session_evaluate(plain, ids, 3, NULL, &error));
    check_same(ahead, plain);
    assert_memory_equal(rows + 2 * vocabulary, engine_session_logits(ahead),
                        vocabulary * sizeof *rows);
    test_free(rows);
    engine_session_destroy(plain);
    engine_session_destroy(ahead);
}

/* Guesses end where the context does. */
static void test_full(void **state)
{
    (void)state;
    int32_t ids[40];
    struct engine_error error;
    fill(ids, 40, 8, 0);
    struct engine_session *session = fixture_session(model, 40, ENGINE_KV_F32);
    assert_true(engine_session_look_ahead(session, NULL, true, SPECULATION_MOST, &error));
    hold(session, ids, 30);
    for (size_t i = 30; i < 40; i++) {
        append(session, ids[i]);
    }
    assert_true(made_by(session).right >= 8);
    assert_false(engine_session_append(session, ids[0], &error));
    assert_int_equal(error.code, ENGINE_CONTEXT_FULL);
    assert_false(engine_session_look_ahead(session, NULL, true, 16, &error));
    assert_false(engine_session_look_ahead(session, NULL, true, -1, &error));
    engine_session_destroy(session);
}

/* What was guessed and not said is not saved; a cancel leaves what is held. */
static void test_save_and_cancel(void **state)
{
    (void)state;
    char path[] = "/tmp/carat-look-ahead-XXXXXX";
    int32_t ids[200];
    struct engine_error error;
    int file = mkstemp(path);
    assert_true(file >= 0);
    close(file);
    fill(ids, 200, 30, 0);
    struct engine_session *ahead = open_session(drafter, true, SPECULATION_MOST);
    struct engine_session *other = open_session(drafter, true, SPECULATION_MOST);
    hold(ahead, ids, 100);
    append(ahead, ids[100]);
    assert_true(made_by(ahead).guesses > 0);
    assert_true(engine_session_save(ahead, path, &error));
    assert_true(engine_session_restore(other, path, &error));
    check_same(ahead, other);
    append(other, 520); /* not what was guessed */
    engine_session_cancel(ahead);
    assert_false(engine_session_append(ahead, 520, &error));
    assert_int_equal(error.code, ENGINE_CANCELLED);
    engine_session_resume(ahead);
    append(ahead, 520);
    check_same(ahead, other);
    unlink(path);
    engine_session_destroy(other);
    engine_session_destroy(ahead);
}

/* --- the same distribution --- */

enum { KEPT = 4, DRAWS = 2000 };

struct outcomes {
    int32_t first[KEPT], second[KEPT][KEPT];
    double probability[KEPT][KEPT];
    size_t seen[KEPT][KEPT];
};

/* The KEPT best tokens and their probabilities among themselves. */
static void best_tokens(struct engine_session *session, double temperature, int32_t *ids,
                        double *probabilities)
{
    struct engine_error error;
    struct engine_logprob best[KEPT];
    double sum = 0;
    assert_true(engine_session_logprobs(session, best, KEPT, 0, NULL, &error));
    for (size_t i = 0; i < KEPT; i++) {
        ids[i] = best[i].id;
        probabilities[i] = exp((double)(best[i].logprob - best[0].logprob) / temperature);
        sum += probabilities[i];
    }
    for (size_t i = 0; i < KEPT; i++) {
        probabilities[i] /= sum;
    }
}

static size_t index_of(const int32_t *ids, int32_t id)
{
    for (size_t i = 0; i < KEPT; i++) {
        if (ids[i] == id) {
            return i;
        }
    }
    fail_msg("%d is not among the best", id);
    return 0;
}

/* Sum of (seen - expected)^2 / expected; the rare outcomes count as one. */
static double chi_square(const struct outcomes *outcomes, size_t shift, size_t draws)
{
    double sum = 0, rare_expected = 0, rare_seen = 0;
    for (size_t i = 0; i < KEPT * KEPT; i++) {
        size_t from = (i + shift) % (KEPT * KEPT);
        double expected = outcomes->probability[from / KEPT][from % KEPT] * (double)draws;
        double seen = (double)outcomes->seen[i / KEPT][i % KEPT];
        if (expected < 5) {
            rare_expected += expected;
            rare_seen += seen;
        } else {
            sum += (seen - expected) * (seen - expected) / expected;
        }
    }
    return rare_expected > 0
               ? sum + (rare_seen - rare_expected) * (rare_seen - rare_expected) / rare_expected
               : sum;
}

/* A text that ends as it began, and where it went on with one of the best tokens there are now: so
 * a look-up guesses it, and often rightly. */
static void fill_foreseen(struct engine_session *session, int32_t *ids, double temperature,
                          struct outcomes *outcomes, double *first)
{
    for (int32_t id = 300; id < (int32_t)vocabulary; id++) {
        fill(ids, 64, 20, 0);
        ids[44] = id;
        hold(session, ids, 64);
        best_tokens(session, temperature, outcomes->first, first);
        for (size_t i = 0; i < KEPT; i++) {
            if (outcomes->first[i] == id) {
                return;
            }
        }
    }
    fail_msg("no token is foreseen");
}

/* Two tokens drawn behind a guess, with many seeds, against what the model says of them. */
static void test_distribution(void **state)
{
    (void)state;
    const double temperature = 6;
    int32_t ids[64];
    struct outcomes outcomes = {0};
    double first[KEPT];
    struct engine_session *plain = open_session(NULL, false, 0);
    fill_foreseen(plain, ids, temperature, &outcomes, first);
    for (size_t i = 0; i < KEPT; i++) {
        double second[KEPT];
        hold(plain, ids, 64);
        append(plain, outcomes.first[i]);
        best_tokens(plain, temperature, outcomes.second[i], second);
        for (size_t j = 0; j < KEPT; j++) {
            outcomes.probability[i][j] = first[i] * second[j];
        }
    }
    struct engine_session *ahead = open_session(drafter, true, 4);
    for (size_t seed = 1; seed <= DRAWS; seed++) {
        struct engine_sampling sampling = {
            .temperature = (float)temperature, .top_k = KEPT, .top_p = 1, .seed = seed};
        struct engine_error error;
        assert_true(engine_session_look_ahead(ahead, drafter, true, 4, &error)); /* unlearned */
        hold(ahead, ids, 63);
        append(ahead, ids[63]);
        int32_t one = sample(ahead, &sampling);
        append(ahead, one);
        size_t i = index_of(outcomes.first, one);
        outcomes.seen[i][index_of(outcomes.second[i], sample(ahead, &sampling))]++;
    }
    struct made made = made_by(ahead);
    double found = chi_square(&outcomes, 0, DRAWS), control = chi_square(&outcomes, 1, DRAWS);
    print_message("chi-square %.1f, of another distribution %.1f; %llu of %llu guesses\n", found,
                  control, (unsigned long long)made.right, (unsigned long long)made.guesses);
    assert_true(made.guesses > DRAWS && made.right > DRAWS / 20);
    assert_true(found < 45); /* 15 degrees of freedom: one in ten thousand is above 44 */
    assert_true(control > 60);
    engine_session_destroy(ahead);
    engine_session_destroy(plain);
}

/* --- guessing itself --- */

static size_t look_up(const int32_t *tokens, size_t count, size_t most, int32_t *guesses)
{
    static const uint64_t plain[16];
    const struct speculation_history history = {tokens, plain, count};
    return speculation_look_up(&history, most, guesses);
}

static void test_look_up(void **state)
{
    (void)state;
    int32_t guesses[SPECULATION_MOST];
    const int32_t none[] = {1, 2, 3, 4, 5, 6, 7};
    const int32_t latest[] = {1, 2, 3, 4, 8, 1, 2, 3, 5, 9, 1, 2, 3};
    const int32_t longest[] = {7, 1, 2, 3, 4, 8, 6, 1, 2, 3, 5, 9, 7, 1, 2, 3};
    const int32_t period[] = {1, 2, 1, 2, 1, 2, 1};
    const int32_t expected_latest[] = {5, 9, 1}, expected_longest[] = {4, 8, 6};
    const int32_t expected_period[] = {2, 1, 2, 1, 2, 1};
    assert_int_equal(look_up(none, 7, 3, guesses), 0);
    assert_int_equal(look_up(none, 0, 3, guesses), 0);
    assert_int_equal(look_up(latest, 13, 3, guesses), 3);
    assert_memory_equal(guesses, expected_latest, sizeof expected_latest);
    assert_int_equal(look_up(longest, 16, 3, guesses), 3);
    assert_memory_equal(guesses, expected_longest, sizeof expected_longest);
    assert_int_equal(look_up(period, 7, 6, guesses), 6);
    assert_memory_equal(guesses, expected_period, sizeof expected_period);
}

/* Placeholders are alike, what stands for them is not: a picture is found again only where it is
 * the same one, and it is never guessed. */
static void test_look_up_soft(void **state)
{
    (void)state;
    int32_t guesses[SPECULATION_MOST];
    const int32_t tokens[] = {9, 9, 5, 6, 7, 9, 9, 8, 9, 9};
    const uint64_t other[] = {11, 12, 0, 0, 0, 21, 22, 0, 31, 32};
    const uint64_t again[] = {0, 12, 0, 0, 0, 0, 22, 0, 0, 12};
    const int32_t to_picture[] = {1, 2, 3, 4, 9, 9, 1, 2, 3};
    const uint64_t picture[] = {0, 0, 0, 0, 41, 42, 0, 0, 0};
    const int32_t behind[] = {1, 9, 9, 4, 5, 6, 1, 9, 9};
    const uint64_t twice[] = {0, 51, 52, 0, 0, 0, 0, 51, 52};
    struct speculation_history history = {tokens, other, 10};
    assert_int_equal(speculation_look_up(&history, 3, guesses), 0);
    history.contents = again;
    assert_int_equal(speculation_look_up(&history, 3, guesses), 0); /* two positions: too few */
    history = (struct speculation_history){to_picture, picture, 9};
    assert_int_equal(speculation_look_up(&history, 5, guesses), 1);
    assert_int_equal(guesses[0], 4);
    history = (struct speculation_history){behind, twice, 9};
    assert_int_equal(speculation_look_up(&history, 9, guesses), 4);
    const int32_t expected[] = {4, 5, 6, 1};
    assert_memory_equal(guesses, expected, sizeof expected);
}

static void test_pace(void **state)
{
    (void)state;
    struct speculation_pace pace = {0};
    size_t length = speculation_pace_next(&pace, SPECULATION_MOST);
    assert_in_range(length, 1, SPECULATION_MOST);
    for (int i = 0; i < 5; i++) { /* all came true: up to the most */
        speculation_pace_settle(&pace, length, length);
        length = speculation_pace_next(&pace, SPECULATION_MOST);
    }
    assert_int_equal(length, SPECULATION_MOST);
    assert_int_equal(speculation_pace_next(&pace, 3), 3);
    size_t asked = 0, guessed = 0;
    while (asked < 2000) { /* none did: hardly ever any */
        length = speculation_pace_next(&pace, SPECULATION_MOST);
        asked++;
        guessed += length;
        if (length > 0) {
            speculation_pace_settle(&pace, length, 0);
        }
    }
    assert_true(guessed < 60);
    while ((length = speculation_pace_next(&pace, SPECULATION_MOST)) == 0) {
    }
    speculation_pace_settle(&pace, length, length); /* and they are back at once */
    assert_true(speculation_pace_next(&pace, SPECULATION_MOST) > 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_answers),
        cmocka_unit_test(test_long),
        cmocka_unit_test(test_runs),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_save_and_cancel),
        cmocka_unit_test(test_distribution),
        cmocka_unit_test(test_look_up),
        cmocka_unit_test(test_look_up_soft),
        cmocka_unit_test(test_pace),
    };
    return cmocka_run_group_tests(tests, open_model, close_model);
}
