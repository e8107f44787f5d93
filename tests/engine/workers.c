/* workers: every piece is done exactly once, by threads that may be late, and a cancel stops what
 * has not begun. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/err.h"
#include "compute/workers.h"

enum { PIECES_MAX = 1000, THREADS = 4 };

struct count {
    atomic_int done[PIECES_MAX];
    atomic_int busy[THREADS];
    atomic_bool clash;
    atomic_bool *cancel_at_once;
};

static void count_piece(void *context, size_t chunk, int worker)
{
    struct count *count = context;
    if (atomic_fetch_add(&count->busy[worker], 1) != 0) {
        atomic_store(&count->clash, true);
    }
    atomic_fetch_add(&count->done[chunk], 1);
    if (count->cancel_at_once != NULL) {
        atomic_store(count->cancel_at_once, true);
    }
    atomic_fetch_sub(&count->busy[worker], 1);
}

/* Many jobs in a row, short ones above all: that is when a thread comes late. */
static void test_each_piece_once(void **state)
{
    (void)state;
    struct workers *workers = workers_create(THREADS, NULL);
    assert_non_null(workers);
    assert_int_equal(workers_count(workers), THREADS);
    struct count *count = test_calloc(1, sizeof *count);
    for (size_t job = 0; job < 2000; job++) {
        size_t pieces = job % 50 == 0 ? PIECES_MAX : job % 7;
        for (size_t i = 0; i < pieces; i++) {
            atomic_store(&count->done[i], 0);
        }
        assert_true(workers_run(workers, count_piece, count, pieces, NULL));
        for (size_t i = 0; i < pieces; i++) {
            assert_int_equal(atomic_load(&count->done[i]), 1);
        }
    }
    assert_false(atomic_load(&count->clash));
    test_free(count);
    workers_destroy(workers);
}

static void check_cancel(int threads)
{
    struct workers *workers = workers_create(threads, NULL);
    struct count *count = test_calloc(1, sizeof *count);
    atomic_bool cancel = true;
    assert_non_null(workers);
    assert_false(workers_run(workers, count_piece, count, 100, &cancel));
    for (size_t i = 0; i < 100; i++) {
        assert_int_equal(atomic_load(&count->done[i]), 0);
    }
    /* The first piece cancels: each thread finishes at most the one that it had begun. */
    atomic_store(&cancel, false);
    count->cancel_at_once = &cancel;
    assert_false(workers_run(workers, count_piece, count, PIECES_MAX, &cancel));
    int done = 0;
    for (size_t i = 0; i < PIECES_MAX; i++) {
        done += atomic_load(&count->done[i]);
    }
    assert_in_range(done, 1, threads);
    atomic_store(&cancel, false);
    count->cancel_at_once = NULL;
    assert_true(workers_run(workers, count_piece, count, PIECES_MAX, &cancel));
    test_free(count);
    workers_destroy(workers);
}

static void test_cancel(void **state)
{
    (void)state;
    check_cancel(1);
    check_cancel(THREADS);
}

static void test_arguments(void **state)
{
    (void)state;
    struct err err;
    assert_null(workers_create(-1, &err));
    assert_int_equal(err.code, ERR_ARGUMENT);
    assert_null(workers_create(WORKERS_MAX + 1, &err));
    assert_int_equal(err.code, ERR_ARGUMENT);
    struct workers *workers = workers_create(0, &err);
    assert_non_null(workers);
    assert_true(workers_count(workers) >= 1);
    workers_destroy(workers);
    workers_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_piece_once),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_arguments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
