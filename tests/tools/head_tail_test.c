/* The beginning and the end of a stream: nothing lost below the cap, and above it a middle that is
 * counted to the byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "base/utf8.h"

#include "head_tail.h"

static void render(const char *bytes, size_t length, size_t piece, size_t budget, struct str *out)
{
    struct head_tail kept;
    assert_true(head_tail_init(&kept));
    for (size_t at = 0; at < length; at += piece) {
        head_tail_append(&kept, bytes + at, length - at < piece ? length - at : piece);
    }
    str_clear(out);
    head_tail_render(&kept, budget, out);
    head_tail_finish(&kept);
}

static void expect(const char *text, size_t budget, const char *expected)
{
    struct str out;
    str_init(&out);
    render(text, strlen(text), 3, budget, &out);
    assert_string_equal(out.data, expected);
    str_finish(&out);
}

static void test_small(void **state)
{
    (void)state;
    expect("", 16, "");
    expect("\n", 16, "");
    expect("\n\n", 16, "\n");
    expect("hello\n", 5, "hello");
    expect("hello\n\n", 6, "hello\n");
    expect("hello", 5, "hello");
    /* Cut at lines where these are near ... */
    expect("one\ntwo\nthree\nfour\nfive\nsix\n", 18,
           "one\ntwo\n[... 11 bytes, 2 lines left out ...]\n"
           "five\nsix");
    /* ... and at characters where not. */
    expect("aaaaaaaaaabbbbbbbbbb", 10, "aaaaa\n[... 10 bytes, 0 lines left out ...]\nbbbbb");
    expect("\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4", 6,
           "\xC3\xA4\n[... 4 bytes, 0 lines left out ...]\n\xC3\xA4");
}

static void test_binary(void **state)
{
    (void)state;
    struct str out;
    str_init(&out);
    render("a\0\xFF z\n", 6, 6, 100, &out);
    assert_string_equal(out.data, "a\xEF\xBF\xBD\xEF\xBF\xBD z");
    /* The budget counts what the reader gets: three bytes for each of these. */
    char garbage[1000];
    memset(garbage, 0xFF, sizeof garbage);
    render(garbage, sizeof garbage, 7, 60, &out);
    assert_true(utf8_valid(out.data, out.length));
    assert_non_null(strstr(out.data, "[... 980 bytes, 0 lines left out ...]"));
    str_finish(&out);
}

/* Numbered lines of any total length: what is shown plus what is said to be left out is all. */
static void test_accounts(void **state)
{
    (void)state;
    struct str text, out;
    str_init(&text);
    str_init(&out);
    for (int i = 0; i < 80000; i++) {
        str_append_format(&text, "line %d \xE2\x82\xAC\n", i);
    }
    const size_t lengths[] = {4000, 65535, 65536, 65537, 131071, 131072, 131073, 200001, 900000};
    const size_t pieces[] = {1, 1000, 65536, 65537, 1000000};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        for (size_t j = 0; j < sizeof pieces / sizeof *pieces; j++) {
            for (size_t budget = 3200; budget <= 320000; budget *= 10) {
                size_t length = utf8_complete_length(text.data, lengths[i]);
                assert_true(length <= text.length);
                render(text.data, length, pieces[j], budget, &out);
                size_t shown = length - (text.data[length - 1] == '\n');
                const char *mark = strstr(out.data, "[... ");
                if (mark == NULL) {
                    assert_int_equal(out.length, shown);
                    assert_memory_equal(out.data, text.data, shown);
                    continue;
                }
                unsigned long long bytes, lines;
                assert_int_equal(sscanf(mark, "[... %llu bytes, %llu lines", &bytes, &lines), 2);
                const char *tail = strchr(mark, '\n') + 1;
                size_t head_length = (size_t)(mark - out.data);
                size_t tail_length = strlen(tail);
                assert_memory_equal(out.data, text.data, head_length);
                assert_memory_equal(tail, text.data + shown - tail_length, tail_length);
                assert_true(head_length + bytes + tail_length == shown);
                assert_true(head_length + tail_length <= budget);
                assert_true(utf8_valid(out.data, out.length));
                size_t counted = 0;
                for (size_t at = head_length; at < shown - tail_length; at++) {
                    counted += text.data[at] == '\n';
                }
                assert_true(counted == lines);
            }
        }
    }
    str_finish(&text);
    str_finish(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_small),
        cmocka_unit_test(test_binary),
        cmocka_unit_test(test_accounts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
