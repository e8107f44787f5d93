/* Times that others wrote down: what each means in milliseconds, and what is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"

static void test_times(void **state)
{
    static const struct {
        const char *text;
        int64_t ms; /* -1 = not a time */
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"1970-01-02", 86400000},
        {"2024-05-01T10:00:00.123456+00:00", 1714557600123},
        {"2024-05-01 10:00:00,5", 1714557600500},
        {"2024-05-01T10:00", 1714557600000},
        {"2024-05-01T12:30:00.1+02:30", 1714557600100},
        {"2024-05-01T08:00:00-0200", 1714557600000},
        {"2024-02-29T23:59:60z", 1709251200000},
        {"9999-12-31T23:59:59.999Z", 253402300799999},
        {"", -1},
        {"today", -1},
        {"1969-12-31T23:59:59Z", -1},
        {"1970-01-01T00:00:00+01:00", -1},
        {"2024-13-01", -1},
        {"2024-00-01", -1},
        {"2024-01-00", -1},
        {"2024-01-32", -1},
        {"2024-1-1", -1},
        {"2024-01-01T", -1},
        {"2024-01-01T24:00:00", -1},
        {"2024-01-01T10:61:00", -1},
        {"2024-01-01T10:00:00 and more", -1},
        {"2024-01-01T10:00:00+", -1},
        {"2024-01-01T10:00:00+25:00", -1},
        {"99999-01-01", -1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t ms = -7;
        bool ok = clock_parse(cases[i].text, &ms);
        if (ok != (cases[i].ms >= 0) || ms != (ok ? cases[i].ms : -7)) {
            fail_msg("\"%s\": %d, %lld", cases[i].text, (int)ok, (long long)ms);
        }
    }
}

static void test_there_and_back(void **state)
{
    (void)state;
    for (int64_t ms = 1; ms < 4000000000000; ms += 12345678901) {
        char text[CLOCK_UTC_SIZE];
        int64_t back;
        clock_utc(ms, text);
        assert_true(clock_parse(text, &back));
        assert_int_equal(back, ms);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_there_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
