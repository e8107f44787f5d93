/* The space bar by the times of its blanks: keyboards, fingers, texts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tui/hold.h"

/* Milliseconds between blanks on an empty input, the first of which comes alone; how many of them
 * became text before the bar counted as held; -1 = all, it never did. */
static int typed(const int *gaps, size_t count)
{
    struct hold hold = {0};
    long long now = 1000000000;
    int text = hold_blank(&hold, true, now) == HOLD_TYPED;
    for (size_t i = 0; i < count; i++) {
        now += gaps[i] * 1000LL;
        enum hold_blank blank = hold_blank(&hold, false, now);
        if (blank == HOLD_BEGINS) {
            return text;
        }
        assert_int_equal(blank, HOLD_TYPED);
        text++;
    }
    return -1;
}

#define TYPED(...) typed((const int[]){__VA_ARGS__}, sizeof(const int[]){__VA_ARGS__} / sizeof(int))

static void test_keyboards(void **state)
{
    (void)state;
    static const int pauses[] = {150, 200, 250, 400, 500, 660, 1000};
    static const int paces[] = {15, 20, 25, 30, 33, 40, 50};
    for (size_t i = 0; i < sizeof pauses / sizeof pauses[0]; i++) {
        for (size_t k = 0; k < sizeof paces / sizeof paces[0]; k++) {
            assert_int_equal(TYPED(pauses[i], paces[k], paces[k]), 3);
        }
    }
    /* On a busy machine: several at once, one late. */
    assert_int_equal(TYPED(500, 30, 0, 0, 55), 5);
    assert_int_equal(TYPED(500, 150, 30, 30), 4);
    assert_int_equal(TYPED(500, 30, 90, 30, 30), 5);
}

static void test_fingers_and_texts(void **state)
{
    (void)state;
    assert_int_equal(TYPED(30, 30, 30, 30, 30, 30), -1);        /* no pause before them */
    assert_int_equal(TYPED(110, 110, 110, 110, 110, 110), -1);  /* as fast as one can */
    assert_int_equal(TYPED(300, 90, 70, 110, 65, 80, 100), -1); /* faster */
    assert_int_equal(TYPED(500, 500, 500, 500), -1);
    assert_int_equal(TYPED(500, 0, 0, 0, 0, 0, 0, 0, 0), -1);    /* a paste that is no paste */
    assert_int_equal(TYPED(500, 2, 3, 2, 3, 2, 3, 2, 3, 2), -1); /* over a slow line */
    assert_int_equal(TYPED(3000, 30, 30, 30, 30, 30), -1);       /* came back later */
}

/* Any times at all: a blank becomes none only behind a pause and two at a keyboard's pace. */
static void test_any_times(void **state)
{
    (void)state;
    srand(7);
    for (int run = 0; run < 20000; run++) {
        int gaps[12];
        for (size_t i = 0; i < 12; i++) {
            gaps[i] = rand() % (i == 0 ? 1500 : 90);
        }
        int text = typed(gaps, 12);
        if (text >= 0) {
            assert_in_range(gaps[0], 120, 1200);
            assert_in_range(gaps[text - 1], 8, 60);
            assert_true(text >= 3);
        }
    }
}

static void test_end(void **state)
{
    (void)state;
    struct hold hold = {0};
    assert_false(hold_tick(&hold, 1000000));
    assert_false(hold_end(&hold));
    assert_int_equal(hold_blank(&hold, true, 1000000), HOLD_TYPED);
    assert_int_equal(hold_blank(&hold, false, 1400000), HOLD_TYPED);
    assert_false(hold_tick(&hold, 1990000)); /* it is not held yet */
    assert_int_equal(hold_blank(&hold, false, 1430000), HOLD_TYPED);
    assert_int_equal(hold_blank(&hold, false, 1460000), HOLD_BEGINS);
    assert_int_equal(hold_blank(&hold, true, 1490000), HOLD_GOES_ON);
    assert_int_equal(hold_blank(&hold, true, 1700000), HOLD_GOES_ON);
    assert_false(hold_tick(&hold, 1999000));
    assert_true(hold_tick(&hold, 2000000));
    assert_false(hold_tick(&hold, 3000000)); /* once */
    assert_int_equal(hold_blank(&hold, false, 3000000), HOLD_TYPED);
    /* Another key takes the beginning away. */
    assert_int_equal(hold_blank(&hold, true, 4000000), HOLD_TYPED);
    assert_int_equal(hold_blank(&hold, false, 4400000), HOLD_TYPED);
    assert_false(hold_end(&hold));
    for (int i = 1; i < 9; i++) {
        assert_int_equal(hold_blank(&hold, false, 4400000 + i * 30000), HOLD_TYPED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keyboards),
        cmocka_unit_test(test_fingers_and_texts),
        cmocka_unit_test(test_any_times),
        cmocka_unit_test(test_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
