/* Pauses grow, are not the same for all, and are never shorter than what the server asks for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "infer/backoff.h"

static void test_own(void **state)
{
    (void)state;
    for (int attempt = 0; attempt < 5; attempt++) {
        int64_t longest = 500 << attempt, least = longest, most = 0;
        for (uint32_t i = 0; i < 1000; i++) {
            int64_t pause = backoff_pause(500, attempt, 0, i * 2654435761u);
            assert_in_range(pause, longest / 2, longest);
            least = pause < least ? pause : least;
            most = pause > most ? pause : most;
        }
        assert_true(most - least > longest / 4); /* they do spread */
    }
    assert_in_range(backoff_pause(500, 1000, 0, 7), 1, INT64_MAX);
    assert_in_range(backoff_pause(0, 3, 0, 7), 0, 0);
}

static void test_asked(void **state)
{
    (void)state;
    int64_t first = backoff_pause(500, 0, 20000, 1);
    for (uint32_t i = 0; i < 1000; i++) {
        assert_in_range(backoff_pause(500, 0, 20000, i), 20000, 20500);
        assert_in_range(backoff_pause(500, 6, 1000, i), 16000, 32000); /* ours is longer */
    }
    assert_true(first != backoff_pause(500, 0, 20000, 300));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_own),
        cmocka_unit_test(test_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
