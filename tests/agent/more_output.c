/* The pages of more_output, and what it says to a call that makes no sense: which argument it is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/more_output.h"
#include "base/str.h"

static void answers(const char *arguments, bool fails, const char *beginning)
{
    json_t *object = json_loads(arguments, 0, NULL);
    bool failed;
    assert_non_null(object);
    json_t *response = more_output_page("one\ntwo\n", 8, object, 200, &failed);
    const char *said = json_string_value(json_object_get(response, "output"));
    assert_non_null(said);
    assert_int_equal(failed, fails);
    if (strncmp(said, beginning, strlen(beginning)) != 0) {
        fail_msg("%s: %s", arguments, said);
    }
    json_decref(response);
    json_decref(object);
}

static void test_arguments(void **state)
{
    (void)state;
    answers("{\"handle\": \"r1\"}", false, "1| one\n2| two\n[2 of 2 lines; the end]");
    answers("{\"handle\": \"r1\", \"start_line\": 2}", false, "2| two\n");
    answers("{}", true, "error: the argument handle is missing. Expected for example {");
    answers("{\"handle\": 1}", true, "error: the argument handle is not text.");
    answers("{\"handle\": \"r1\", \"pattern\": 1}", true,
            "error: the argument pattern is not text");
    answers("{\"handle\": \"r1\", \"start_line\": 0}", true,
            "error: start_line is 0, expected 1 or more.");
    answers("{\"handle\": \"r1\", \"line_count\": -1}", true,
            "error: line_count is -1, expected 1 or more.");
    answers("{\"handle\": \"r1\", \"start_line\": \"2\"}", true,
            "error: start_line is not a whole number.");
}

/* The call that a cut page names shows what is behind it, and no more. */
static void test_reads_on(void **state)
{
    (void)state;
    answers("{\"handle\": \"r1\", \"line_count\": 1}", false,
            "1| one\n[1 of 2 lines; more_output {\"handle\": \"r1\", \"start_line\": 2} reads on]");
    answers("{\"handle\": \"r1\", \"line_count\": 1, \"pattern\": \"o\"}", false,
            "1| one\n[1 of 2 lines; more_output {\"handle\": \"r1\", \"start_line\": 2, "
            "\"pattern\": \"o\"} reads on]");
    struct str text, call;
    bool failed;
    str_init(&text);
    str_init(&call);
    for (int i = 0; i < 40; i++) {
        str_append(&text, "say \"a\\b\"\nnothing\n");
    }
    json_t *arguments = json_pack("{s:s, s:s}", "handle", "r1", "pattern", "\"a\\b\"");
    json_t *page = more_output_page(text.data, text.length, arguments, 160, &failed);
    const char *note = strstr(json_string_value(json_object_get(page, "output")), "more_output {");
    assert_non_null(note);
    note = strchr(note, '{');
    str_append_bytes(&call, note, (size_t)(strstr(note, " reads on]") - note));
    json_t *next = json_loads(call.data, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(next, "pattern")), "\"a\\b\"");
    json_decref(next);
    json_decref(page);
    /* One that would not fit is named in words. */
    str_clear(&text);
    for (int i = 0; i < 1000; i++) {
        str_append(&text, i % 500 == 499 ? "aaaaaaaaaa\n" : "aaaaaaaaaa");
    }
    json_object_set_new(arguments, "pattern", json_stringn(text.data, 200));
    page = more_output_page(text.data, text.length, arguments, 160, &failed);
    assert_non_null(strstr(json_string_value(json_object_get(page, "output")),
                           "\"start_line\": 2} with the same pattern reads on]"));
    json_decref(page);
    json_decref(arguments);
    str_finish(&text);
    str_finish(&call);
}

/* Adds the rows of a page to `out`, without their numbers; the start_line of its note, 0 after
 * the last. */
static long read_page(const struct str *text, long start, int tokens, struct str *out)
{
    bool failed;
    json_t *arguments = json_pack("{s:s, s:I}", "handle", "r1", "start_line", (json_int_t)start);
    json_t *page = more_output_page(text->data, text->length, arguments, tokens, &failed);
    const char *at = json_string_value(json_object_get(page, "output"));
    assert_false(failed);
    assert_true(strlen(at) <= (tokens > 400 ? (size_t)tokens * 4 : 1600));
    long number = start;
    for (; *at != '['; at = strchr(at, '\n') + 1) {
        char *row;
        assert_int_equal(strtol(at, &row, 10), number++);
        assert_memory_equal(row, "| ", 2);
        str_append_bytes(out, row + 2, strcspn(row + 2, "\n"));
    }
    assert_true(number > start);
    assert_non_null(strstr(at, " lines, long ones broken at 1000 bytes; "));
    const char *call = strstr(at, "\"start_line\": ");
    long next = call != NULL ? strtol(call + strlen("\"start_line\": "), NULL, 10) : 0;
    assert_true(next == (call != NULL ? number : 0));
    json_decref(page);
    json_decref(arguments);
    return next;
}

/* All of a line of any length can be read, page by page, by pages of any size. */
static void test_long_line(void **state)
{
    static const int tokens[] = {1, 160, 800, 100000};
    struct str text, seen;
    (void)state;
    str_init(&text);
    str_init(&seen);
    str_append(&text, "{");
    while (text.length < 100 * 1000) {
        str_append(&text, "\xE2\x82\xAC"); /* 3 bytes: a border falls inside one */
    }
    for (size_t i = 0; i < sizeof tokens / sizeof tokens[0]; i++) {
        str_clear(&seen);
        for (long start = 1; start != 0;) {
            start = read_page(&text, start, tokens[i], &seen);
        }
        assert_string_equal(seen.data, text.data);
    }
    str_finish(&text);
    str_finish(&seen);
}

static void finds(const struct str *text, const char *pattern, const char *expected)
{
    bool failed;
    json_t *arguments = json_pack("{s:s, s:s}", "handle", "r1", "pattern", pattern);
    json_t *page = more_output_page(text->data, text->length, arguments, 2000, &failed);
    const char *at = json_string_value(json_object_get(page, "output"));
    struct str rows;
    str_init(&rows);
    for (; *at != '['; at = strchr(at, '\n') + 1) {
        str_append_format(&rows, "%ld ", strtol(at, NULL, 10));
    }
    str_append(&rows, at);
    assert_string_equal(rows.data, expected);
    str_finish(&rows);
    json_decref(page);
    json_decref(arguments);
}

/* A pattern shows the pieces in which it begins, also where it ends in the next one. */
static void test_pattern_in_long_line(void **state)
{
    struct str text;
    (void)state;
    str_init(&text);
    str_append(&text, "first\n");
    for (int i = 0; i < 3500; i++) {
        str_append_char(&text, i == 998 ? 'a' : i == 999 ? 'b' : i == 1000 ? 'c' : '.');
    }
    str_append(&text, "\nabc\n\nb");
    finds(&text, "abc", "2 6 [2 of 8 lines, long ones broken at 1000 bytes; the end]");
    finds(&text, "c", "3 6 [2 of 8 lines, long ones broken at 1000 bytes; the end]");
    finds(&text, "b", "2 6 8 [3 of 8 lines, long ones broken at 1000 bytes; the end]");
    finds(&text, "first.",
          "[no line from 1 on holds the pattern; r1 has 8 lines, long ones "
          "broken at 1000 bytes]");
    /* One of 1000 bytes is whole, and one of 1001 is not. */
    str_clear(&text);
    for (int i = 0; i < 1000; i++) {
        str_append_char(&text, 'a');
    }
    finds(&text, "a", "1 [1 of 1 lines; the end]");
    str_append_char(&text, '\n');
    finds(&text, "a", "1 [1 of 1 lines; the end]");
    str_truncate(&text, 1000);
    str_append_char(&text, 'b');
    finds(&text, "b", "2 [1 of 2 lines, long ones broken at 1000 bytes; the end]");
    finds(&text, "ab", "1 [1 of 2 lines, long ones broken at 1000 bytes; the end]");
    str_finish(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arguments), cmocka_unit_test(test_reads_on),
        cmocka_unit_test(test_long_line), cmocka_unit_test(test_pattern_in_long_line)};
    return cmocka_run_group_tests_name("agent_more_output", tests, NULL, NULL);
}
