/* utf8: every form that is not UTF-8 is refused, and everything that is passes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "base/utf8.h"

static void every_code_point_survives(void **state)
{
    (void)state;
    for (uint32_t c = 0; c <= 0x10FFFF; c++) {
        char bytes[4];
        size_t size = utf8_encode(c, bytes), used;
        uint32_t expected = c >= 0xD800 && c <= 0xDFFF ? 0xFFFD : c;
        if (utf8_decode(bytes, size, &used) != expected || used != size) {
            fail_msg("U+%X", (unsigned)c);
        }
        for (size_t cut = 1; cut < size; cut++) {
            if (utf8_decode(bytes, cut, &used) != UTF8_INCOMPLETE || used != cut) {
                fail_msg("U+%X cut at %zu", (unsigned)c, cut);
            }
        }
    }
}

static void broken_forms_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t skip; /* the maximal part that could have begun a character */
    } cases[] = {
        {"\x80", 1},     /* a continuation alone */
        {"\xC0\xAF", 1}, /* overlong '/' */
        {"\xC1\xBF", 1},
        {"\xE0\x80\xAF", 1},
        {"\xF0\x80\x80\xAF", 1},
        {"\xED\xA0\x80", 1},     /* a surrogate */
        {"\xF4\x90\x80\x80", 1}, /* above U+10FFFF */
        {"\xF5\x80\x80\x80", 1},
        {"\xFE", 1},
        {"\xFF", 1},
        {"\xE2\x82x", 2},
        {"\xF0\x9F\x98x", 3},
        {"\xC3(", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t used;
        assert_int_equal(utf8_decode(cases[i].bytes, strlen(cases[i].bytes), &used), UTF8_INVALID);
        assert_int_equal(used, cases[i].skip);
        assert_false(utf8_valid(cases[i].bytes, strlen(cases[i].bytes)));
    }
}

static void the_end_may_be_unfinished(void **state)
{
    (void)state;
    assert_int_equal(utf8_complete_length("abc", 3), 3);
    assert_int_equal(utf8_complete_length("ab\xC3", 3), 2);
    assert_int_equal(utf8_complete_length("a\xF0\x9F\x98", 4), 1);
    assert_int_equal(utf8_complete_length("\xF0\x9F\x98\x80", 4), 4);
    assert_int_equal(utf8_complete_length("a\x80", 2), 2); /* broken, not unfinished */
    assert_int_equal(utf8_complete_length("\x80\x80\x80\x80", 4), 4);
    assert_int_equal(utf8_complete_length("", 0), 0);
    /* Whole is another question: what may still go on is not valid yet. */
    assert_false(utf8_valid("ab\xC3", 3));
    assert_false(utf8_valid("\xF0\x9F\x98", 3));
    assert_true(utf8_valid("ab\xC3\xA9", 4));
    assert_true(utf8_valid("ab\xC3", 2));
    assert_true(utf8_valid("", 0));
}

static void repair_counts_what_it_replaced(void **state)
{
    (void)state;
    struct str s;
    str_init(&s);
    assert_int_equal(utf8_append_repaired(&s, "a\xFFz\xE2\x82", 5), 2);
    assert_string_equal(s.data, "a\xEF\xBF\xBDz\xEF\xBF\xBD");
    str_clear(&s);
    assert_int_equal(utf8_append_repaired(&s, "caf\xC3\xA9", 5), 0);
    assert_string_equal(s.data, "caf\xC3\xA9");
    str_finish(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_point_survives),
        cmocka_unit_test(broken_forms_are_refused),
        cmocka_unit_test(the_end_may_be_unfinished),
        cmocka_unit_test(repair_counts_what_it_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
