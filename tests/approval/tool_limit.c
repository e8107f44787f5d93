/* What a skill's list of tools lets through: less than there was, never more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "approval/tool_limit.h"
#include "base/str.h"

static bool allows(const char *list, const char *tool, const char *key, const char *value)
{
    char text[128];
    char *tools[8];
    size_t count = 0;
    strcpy(text, list);
    for (char *word = strtok(text, "|"); word != NULL; word = strtok(NULL, "|")) {
        tools[count++] = word;
    }
    struct tool_limit *limit = tool_limit_create("s", tools, count);
    json_t *arguments = json_pack("{s:s}", key, value);
    struct str why;
    str_init(&why);
    bool allowed = tool_limit_allows(limit, tool, arguments, &why);
    assert_true(allowed == (why.length == 0));
    str_finish(&why);
    json_decref(arguments);
    tool_limit_destroy(limit);
    return allowed;
}

static void test_lists(void **state)
{
    (void)state;
    static const struct {
        const char *list, *tool, *key, *value;
        bool allowed;
    } cases[] = {
        {"Read", "read_file", "path", "a", true},
        {"read_file", "read_file", "path", "a", true},
        {"read", "read_file", "path", "a", true},
        {"Read", "shell", "command", "ls", false},
        {"Read", "write_file", "path", "a", false},
        {"Bash", "shell", "command", "rm -r x", true},
        {"Bash(git log:*)", "shell", "command", "git log -3", true},
        {"Bash(git log:*)", "shell", "command", "git log -3; rm -r x", false},
        {"Bash(git log:*)", "shell", "command", "git log $(rm -r x)", false},
        {"Bash(git log:*)", "shell", "command", "git push", false},
        {"Bash(ls)|Bash(pwd)", "shell", "command", "ls && pwd", true},
        {"Grep|Glob|LS", "search_files", "pattern", "a", true},
        {"WebFetch", "http_fetch", "url", "http://x/", true},
        {"mcp__x__y", "mcp__x__y", "a", "b", true},
        {"mcp__x__y", "mcp__x__z", "a", "b", false},
        {"Task|NoSuchTool|)(", "shell", "command", "ls", false},
        {"Task", "more_output", "handle", "r1", true},
        {"", "read_file", "path", "a", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool allowed = allows(cases[i].list, cases[i].tool, cases[i].key, cases[i].value);
        if (allowed != cases[i].allowed) {
            fail_msg("case %zu: %s for %s(%s)", i, cases[i].list, cases[i].tool, cases[i].value);
        }
    }
    assert_true(tool_limit_allows(NULL, "shell", NULL, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_lists)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
