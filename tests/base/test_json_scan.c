/* A member is found in what a parser refuses, and only in the outermost object. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json_scan.h"

static void test_members(void **state)
{
    (void)state;
    static const struct {
        const char *line, *value; /* NULL: none is found */
    } rows[] = {
        {"{\"id\":5}", "5"},
        {" { \"a\" : 1 , \"id\" : \"x\\\"y\" , \"b\":2}", "\"x\\\"y\" "},
        {"{\"result\":{\"id\":1,\"text\":\"\\ud83d\xFF}]\\\"\"},\"id\":7}", "7"},
        {"{\"result\":123456789012345678901234567890,\"id\":7}", "7"},
        {"{\"params\":{\"command\":\"a\\u0000b\"},\"id\":7,\"a\":{", "7"},
        {"{\"id\":[1,{\"a\":2}],\"b\":3}", "[1,{\"a\":2}]"},
        {"{\"a\":\"id\",\"idx\":1,\"i\":2}", NULL},
        {"{\"id\":5,\"id\":6}", NULL},
        {"{\"a\":{\"id\":5}}", NULL},
        {"[{\"id\":5}]", NULL},
        {"{\"a\":\"\\", NULL},
        {"{\"id\":5", NULL},
        {"{\"id\" 5}", NULL},
        {"{\"id", NULL},
        {"{\"id\":", NULL},
        {"{", NULL},
        {"}", NULL},
        {"", NULL},
        {"{\"a\":1}}]],\"id\":5}", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t length = strlen(rows[i].line), found = 0;
        char *line = malloc(length + 1); /* just as long as it is, for the sanitizers */
        const char *value = NULL;
        memcpy(line, rows[i].line, length);
        bool is = json_scan_member(line, length, "id", &value, &found);
        if (is != (rows[i].value != NULL) ||
            (is && (found != strlen(rows[i].value) || memcmp(value, rows[i].value, found) != 0))) {
            fail_msg("%s: %.*s", rows[i].line, (int)found, value != NULL ? value : "");
        }
        free(line);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_members)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
