/* Rules as another program spells them: what they become here, and what becomes of none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "approval/tool_names.h"
#include "base/err.h"
#include "base/str.h"

static void test_lists(void **state)
{
    static const struct {
        const char *list;
        enum approval_verdict verdict;
        const char *rules; /* joined by '|'; an expectation that begins with "! " is of an error */
    } cases[] = {
        {"Bash(git log:*),Read", APPROVAL_ALLOW, "shell(git log:*)|read_file"},
        {"Bash(git log:*) Read  ,, Grep", APPROVAL_ALLOW,
         "shell(git log:*)|read_file|search_files"},
        {"bash", APPROVAL_DENY, "shell"},
        {"Edit", APPROVAL_ALLOW, "edit_file"},
        {"Edit(src/**)", APPROVAL_DENY, "edit_file(src/**)|write_file(src/**)"},
        {"WebFetch(domain:example.org)", APPROVAL_ALLOW, "http_fetch(example.org)"},
        {"Task,TodoWrite,WebSearch", APPROVAL_ALLOW, ""},
        {"shell(echo a, b),mcp__x", APPROVAL_ALLOW, "shell(echo a, b)|mcp__x"},
        {"shell(echo (a, b))", APPROVAL_ALLOW, "shell(echo (a, b))"},
        {"", APPROVAL_ALLOW, ""},
        {" , ", APPROVAL_DENY, ""},
        {"Bash,Frobnicate", APPROVAL_ALLOW, "! Frobnicate"},
        {"Bash(git log", APPROVAL_ALLOW, "! no ')'"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct approval_rules rules;
        struct err err = {0};
        struct str out;
        str_init(&out);
        approval_rules_init(&rules);
        bool ok = tool_names_add_rules(&rules, cases[i].list, cases[i].verdict, &err);
        for (size_t k = 0; ok && k < rules.count; k++) {
            const struct approval_rule *rule = &rules.items[k];
            bool whole = rule->pattern == NULL;
            assert_int_equal(rule->verdict, cases[i].verdict);
            str_append_format(&out, "%s%s%s%s%s", k > 0 ? "|" : "", rule->tool, whole ? "" : "(",
                              whole ? "" : rule->pattern, whole ? "" : ")");
        }
        bool right = cases[i].rules[0] == '!' ? !ok && strstr(err.text, cases[i].rules + 2) != NULL
                                              : ok && strcmp(out.data, cases[i].rules) == 0;
        if (!right) {
            fail_msg("%s: %s%s", cases[i].list, out.data, err.text);
        }
        approval_rules_finish(&rules);
        str_finish(&out);
    }
}

static void test_one(void **state)
{
    static const char *const cases[][2] = {{"Read", "read_file"},
                                           {"Bash(git:*)", "shell(git:*)"},
                                           {"Task", "Task"},
                                           {"Reader", "Reader"},
                                           {"read_file(a)", "read_file(a)"}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct str out;
        str_init(&out);
        tool_names_append(&out, cases[i][0]);
        assert_string_equal(out.data, cases[i][1]);
        str_finish(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
