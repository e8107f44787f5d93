/* What more_output says to a call that makes no sense: which argument it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_arguments),
                                       cmocka_unit_test(test_reads_on)};
    return cmocka_run_group_tests_name("agent_more_output", tests, NULL, NULL);
}
