/* mem: sizes that do not exist are refused; faults come where they were ordered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"

static void overflow_is_refused(void **state)
{
    (void)state;
    assert_null(mem_try_alloc(SIZE_MAX / 2, 3));
    assert_null(mem_try_zero(SIZE_MAX, SIZE_MAX));
    assert_null(mem_try_align(64, SIZE_MAX / 8, 16));
    void *block = mem_try_alloc(0, 8); /* nothing is something */
    assert_non_null(block);
    mem_free(block);
}

static void alignment_holds(void **state)
{
    (void)state;
    void *block = mem_try_align(64, 3, 5);
    assert_int_equal((uintptr_t)block % 64, 0);
    mem_free(block);
}

static void faults_come_when_ordered(void **state)
{
    (void)state;
    mem_fail_at(2, 0);
    void *first = mem_try_alloc(1, 1), *second = mem_try_alloc(1, 1), *third = mem_try_alloc(1, 1);
    assert_non_null(first);
    assert_null(second);
    assert_non_null(third);
    assert_int_equal(mem_allocation_count(), 3);
    mem_fail_at(1, 1);
    assert_null(mem_try_alloc(1, 1));
    assert_null(mem_try_zero(1, 1));
    mem_fail_at(0, 0);
    mem_free(first);
    mem_free(third);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(overflow_is_refused),
        cmocka_unit_test(alignment_holds),
        cmocka_unit_test(faults_come_when_ordered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
