/* What an edit finds and what it puts there; line ends are all that is not exact. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/replacement.h"

static struct replacement_text text_of(const char *text)
{
    return (struct replacement_text){text, strlen(text)};
}

static void test_one_place(void **state)
{
    static const struct row {
        const char *content, *old_text, *new_text, *expected;
    } rows[] = {
        {"a\nb\n", "b", "c\nd", "a\nc\nd\n"},
        {"a\nb\n", "b", "c\r\nd", "a\nc\r\nd\n"}, /* as given */
        {"a\r\nb\r\n", "b", "c\nd", "a\r\nc\r\nd\r\n"},
        {"a\r\nb", "b", "c\nd\n", "a\r\nc\r\nd\r\n"}, /* no end of its own: the line before */
        {"a\r\nb\r\n", "b\n", "", "a\r\n"},
        {"a\r\nb\r\n", "\nb", "", "a\r\n"}, /* no '\r' is left alone */
        {"a\r\nb\r\n", "\nb", "c", "ac\r\n"},
        {"a\r\nb\r\nc\n", "a\r\nb\nc", "x\ny\nz", "x\r\ny\r\nz\n"},
        /* A mixed text: a multi-line old text as it is read, and each line ends as it did. */
        {"a\nb\r\nc\nd\r\n", "a\nb\nc", "a\nB\nc", "a\nB\r\nc\nd\r\n"},
        {"a\nb\r\nc\n", "b\nc", "b\nx\ny\nc", "a\nb\r\nx\r\ny\r\nc\n"},
        {"a\nb\r\nc\n", "c", "c\nd", "a\nb\r\nc\nd\n"},
        {"a\nb\r\nc\n", "b", "b\nd", "a\nb\r\nd\r\nc\n"},
        {"a\r\r\nb\n", "a\r\nb", "c", "a\r\r\nb\n"}, /* exact: is not there */
        {"a", "a", "b\nc", "b\nc"},
        {"\r\na", "\na", "\nb", "\r\nb"},
        {"\n\r\na", "\n\na", "\nb", "\nb"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct replacement_text content = text_of(rows[i].content);
        struct replacement found;
        char out[64] = "";
        size_t length;
        assert_true(replacement_find(content, text_of(rows[i].old_text), &found));
        if (found.count == 0) {
            assert_string_equal(rows[i].content, rows[i].expected);
            continue;
        }
        assert_int_equal(found.count, 1);
        char *made = replacement_make(content, &found, text_of(rows[i].new_text), &length);
        assert_non_null(made);
        strncat(out, content.bytes, found.start);
        strncat(out, made, length);
        strcat(out, content.bytes + found.start + found.length);
        mem_free(made);
        if (strcmp(out, rows[i].expected) != 0) {
            fail_msg("row %zu", i);
        }
    }
}

static void test_counts(void **state)
{
    static const struct row {
        const char *content, *old_text;
        size_t count, second_line;
    } rows[] = {
        {"aaa", "aa", 2, 1},
        {"a\nb\na\n", "a", 2, 3},
        {"x\na\nb\nx\r\na\r\nb\r\n", "a\nb", 2, 5}, /* both are read as the same */
        {"a\r\nb\r\na\r\nb", "a\r\nb", 2, 3},
        {"a\r\nb\nc", "a\nb\nc\nd and more than there is", 0, 0},
        {"", "a", 0, 0},
        {"\r\n\r\n\r\n", "\n\n", 2, 2},
    };
    struct replacement found;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_true(replacement_find(text_of(rows[i].content), text_of(rows[i].old_text), &found));
        assert_int_equal(found.count, rows[i].count);
        assert_int_equal(found.lines[1], rows[i].second_line);
    }
    char many[3 * REPLACEMENT_PLACES];
    memset(many, 'a', sizeof many);
    assert_true(
        replacement_find((struct replacement_text){many, sizeof many}, text_of("a"), &found));
    assert_int_equal(found.count, REPLACEMENT_PLACES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_place),
        cmocka_unit_test(test_counts),
    };
    return cmocka_run_group_tests_name("base_replacement", tests, NULL, NULL);
}
