/* The words about a reading: a bar that only grows, a rate of this reading alone, the time left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "screen/reading.h"

#define FULL  "\xE2\x96\x88"
#define LIGHT "\xE2\x96\x91"

static void expect(const struct reading *reading, const char *wanted)
{
    struct str text;
    str_init(&text);
    reading_append(reading, &text);
    assert_string_equal(text.data, wanted);
    str_finish(&text);
}

static void test_grows(void **state)
{
    (void)state;
    struct reading reading = {0};
    reading_note(&reading, 0, 1000, 5000000);
    expect(&reading,
           "reading " LIGHT LIGHT LIGHT LIGHT LIGHT LIGHT LIGHT LIGHT LIGHT LIGHT " 0 of 1000");
    reading_note(&reading, 128, 1000, 5200000); /* too early for a rate */
    expect(&reading,
           "reading " FULL LIGHT LIGHT LIGHT LIGHT LIGHT LIGHT LIGHT LIGHT LIGHT " 128 of 1000");
    reading_note(&reading, 500, 1000, 7000000);
    expect(&reading, "reading " FULL FULL FULL FULL FULL LIGHT LIGHT LIGHT LIGHT LIGHT
                     " 500 of 1000, 250 tokens/s, 2 s left");
    reading_note(&reading, 999, 1000, 8996000);
    expect(&reading, "reading " FULL FULL FULL FULL FULL FULL FULL FULL FULL LIGHT
                     " 999 of 1000, 250 tokens/s, 1 s left");
}

/* Another prompt is another reading; what was there at its beginning is not counted. */
static void test_anew(void **state)
{
    (void)state;
    struct reading reading = {0};
    reading_note(&reading, 0, 1000, 0);
    reading_note(&reading, 1000, 1000, 1000000);
    reading_note(&reading, 40000, 50000, 60000000);
    reading_note(&reading, 40100, 50000, 70000000);
    expect(&reading, "reading " FULL FULL FULL FULL FULL FULL FULL FULL LIGHT LIGHT
                     " 40100 of 50000, 10 tokens/s, 17 min left");
    reading_note(&reading, 0, 50000, 90000000);
    reading_note(&reading, 100, 50000, 91000000);
    expect(&reading, "reading " LIGHT LIGHT LIGHT LIGHT LIGHT LIGHT LIGHT LIGHT LIGHT LIGHT
                     " 100 of 50000, 100 tokens/s, 9 min left");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_grows), cmocka_unit_test(test_anew)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
