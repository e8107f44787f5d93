/* Whatever SQLite refuses and wherever, a function of the store fails with words and changes
 * nothing. Each function runs with an end at its first step of SQLite's machine, then at a later
 * one, until it gets through; and with each statement that it prepares refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "store/rows.h"
#include "store/store.h"

#include "deeds.h"

/* --- the ends --- */

struct countdown {
    long left;
    void *control; /* a BEGIN or COMMIT that runs */
};

/* SQLite asks once more when a statement is through: a COMMIT would be told to have failed after it
 * had not. So those that bound a transaction are let through. */
static int watch_control(unsigned kind, void *context, void *statement, void *text)
{
    struct countdown *countdown = context;
    if (kind == SQLITE_TRACE_PROFILE) {
        countdown->control = countdown->control == statement ? NULL : countdown->control;
    } else if (strncmp(text, "BEGIN", 5) == 0 || strncmp(text, "COMMIT", 6) == 0) {
        countdown->control = statement;
    }
    return 0;
}

static int stop_at_zero(void *context)
{
    struct countdown *countdown = context;
    if (countdown->control == NULL) {
        countdown->left--;
    }
    return countdown->control == NULL && countdown->left == 0;
}

static int refuse_at_zero(void *context, int action, const char *a, const char *b, const char *c,
                          const char *d)
{
    struct countdown *countdown = context;
    (void)action, (void)a, (void)b, (void)c, (void)d;
    return --countdown->left == 0 ? SQLITE_DENY : SQLITE_OK;
}

static void test_an_end_at_any_step(void **state)
{
    (void)state;
    size_t ends = 0;
    struct scene scene;
    scene_set(&scene);
    sqlite3 *handle = db_handle(scene.store->db);
    for (size_t i = 0; i < deed_count; i++) {
        uint64_t before = scene_contents(&scene);
        bool done = false;
        for (long at = 1; !done; at += 1 + at / 100) {
            struct countdown countdown = {at, NULL};
            struct err err = {0};
            sqlite3_trace_v2(handle, SQLITE_TRACE_STMT | SQLITE_TRACE_PROFILE, watch_control,
                             &countdown);
            sqlite3_progress_handler(handle, 1, stop_at_zero, &countdown);
            done = deeds[i].run(&scene, &err);
            sqlite3_progress_handler(handle, 0, NULL, NULL);
            sqlite3_trace_v2(handle, 0, NULL, NULL);
            if (!done) {
                ends++;
                deed_expect_unchanged(&deeds[i], &scene, at, before, &err);
            }
        }
    }
    store_close(scene.store);
    assert_true(ends > 10 * deed_count);
    printf("%zu ends in %zu functions\n", ends, deed_count);
}

/* Each time in a new scene, where the function's own statements are not prepared yet. */
static void test_a_refusal_of_any_statement(void **state)
{
    (void)state;
    size_t refusals = 0;
    for (size_t i = 0; i < deed_count; i++) {
        bool done = false;
        for (long at = 1; !done; at += 1 + at / 6) {
            struct countdown countdown = {at, NULL};
            struct err err = {0};
            struct scene scene;
            scene_set(&scene);
            uint64_t before = scene_contents(&scene);
            sqlite3_set_authorizer(db_handle(scene.store->db), refuse_at_zero, &countdown);
            done = deeds[i].run(&scene, &err);
            sqlite3_set_authorizer(db_handle(scene.store->db), NULL, NULL);
            if (!done) {
                refusals++;
                deed_expect_unchanged(&deeds[i], &scene, at, before, &err);
            }
            store_close(scene.store);
        }
    }
    assert_true(refusals > 2 * deed_count);
    printf("%zu refusals in %zu functions\n", refusals, deed_count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_end_at_any_step),
        cmocka_unit_test(test_a_refusal_of_any_statement),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
