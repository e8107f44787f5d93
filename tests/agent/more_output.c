/* What more_output says to a call that makes no sense: which argument it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agent/more_output.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_arguments)};
    return cmocka_run_group_tests_name("agent_more_output", tests, NULL, NULL);
}
