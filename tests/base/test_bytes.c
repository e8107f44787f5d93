/* bytes: reads stop at the end, once failed stays failed; checked arithmetic. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"

static void reads_little_endian(void **state)
{
    (void)state;
    const unsigned char data[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    struct bytes b;
    bytes_init(&b, data, sizeof data);
    assert_int_equal(bytes_u8(&b), 1);
    assert_int_equal(bytes_u16(&b), 0x0302);
    assert_int_equal(bytes_u32(&b), 0x07060504);
    assert_true(bytes_u64(&b) == 0x0F0E0D0C0B0A0908u);
    assert_false(b.failed);
    assert_int_equal(bytes_left(&b), 0);
}

static void fails_at_the_end_and_stays_failed(void **state)
{
    (void)state;
    struct bytes b;
    bytes_init(&b, "abc", 3);
    assert_int_equal(bytes_u32(&b), 0);
    assert_true(b.failed);
    assert_int_equal(b.position, 0);
    assert_int_equal(bytes_u8(&b), 0); /* though a byte is there */
    assert_null(bytes_view(&b, 1));
    bytes_init(&b, "abc", 3);
    assert_null(bytes_view(&b, UINT64_MAX));
    assert_true(b.failed);
}

static void arithmetic_is_checked(void **state)
{
    (void)state;
    uint64_t out = 7;
    assert_true(bytes_multiply(1u << 31, 4, &out));
    assert_true(out == (uint64_t)1 << 33);
    assert_false(bytes_multiply(UINT64_MAX, 2, &out));
    assert_false(bytes_add(UINT64_MAX, 1, &out));
    assert_true(bytes_add(UINT64_MAX, 0, &out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_little_endian),
        cmocka_unit_test(fails_at_the_end_and_stays_failed),
        cmocka_unit_test(arithmetic_is_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
