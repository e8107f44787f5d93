/* Approvals: which verdict, by what, and whether what is shown is what would run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "approval/approval.h"
#include "base/err.h"
#include "base/str.h"

static enum approval_verdict decide(const struct approval_rules *rules,
                                    const struct approval_session *session, enum approval_mode mode,
                                    const char *tool, const char *arguments, const char *why)
{
    json_t *parsed = json_loads(arguments, JSON_ALLOW_NUL, NULL);
    assert_non_null(parsed);
    struct str said;
    str_init(&said);
    enum approval_verdict verdict = approval_decide(rules, session, mode, tool, parsed, &said);
    assert_string_equal(said.data, why);
    assert_int_equal(approval_decide(rules, session, mode, tool, parsed, NULL), verdict);
    str_finish(&said);
    json_decref(parsed);
    return verdict;
}

static void test_modes(void **state)
{
    (void)state;
    const struct {
        enum approval_mode mode;
        const char *why;
        enum approval_verdict read, write, shell;
    } rows[] = {
        {APPROVAL_READ_ONLY, "mode: read-only", APPROVAL_ALLOW, APPROVAL_DENY, APPROVAL_DENY},
        {APPROVAL_ASK, "mode: ask", APPROVAL_ALLOW, APPROVAL_ASK_USER, APPROVAL_ASK_USER},
        {APPROVAL_AUTO_EDIT, "mode: auto-edit", APPROVAL_ALLOW, APPROVAL_ALLOW, APPROVAL_ASK_USER},
        {APPROVAL_FULL, "mode: full", APPROVAL_ALLOW, APPROVAL_ALLOW, APPROVAL_ALLOW},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        enum approval_mode mode = rows[i].mode, parsed;
        const char *why = rows[i].why;
        assert_int_equal(decide(NULL, NULL, mode, "read_file", "{\"path\":\"a\"}", why),
                         rows[i].read);
        assert_int_equal(decide(NULL, NULL, mode, "search_files", "{}", why), rows[i].read);
        assert_int_equal(decide(NULL, NULL, mode, "write_file", "{\"path\":\"a\"}", why),
                         rows[i].write);
        assert_int_equal(decide(NULL, NULL, mode, "edit_file", "{}", why), rows[i].write);
        assert_int_equal(decide(NULL, NULL, mode, "shell", "{\"command\":\"ls\"}", why),
                         rows[i].shell);
        assert_int_equal(decide(NULL, NULL, mode, "http_fetch", "{}", why), rows[i].shell);
        /* The screen lies outside the sandbox: no mode is enough. */
        assert_int_equal(decide(NULL, NULL, mode, "screenshot", "{}", why),
                         mode == APPROVAL_READ_ONLY ? APPROVAL_DENY : APPROVAL_ASK_USER);
        assert_int_equal(decide(NULL, NULL, mode, "format_disk", "{}", "no such tool"),
                         APPROVAL_DENY);
        assert_true(approval_mode_parse(approval_mode_name(mode), &parsed));
        assert_int_equal(parsed, mode);
    }
    enum approval_mode untouched = APPROVAL_ASK;
    assert_false(approval_mode_parse("yolo", &untouched));
    assert_int_equal(untouched, APPROVAL_ASK);
}

static void test_rules(void **state)
{
    (void)state;
    struct approval_rules rules;
    approval_rules_init(&rules);
    assert_true(approval_rules_add(&rules, "shell(git status)", APPROVAL_ALLOW, NULL));
    assert_true(approval_rules_add(&rules, "shell(echo (a) b)", APPROVAL_ALLOW, NULL));
    assert_true(approval_rules_add(&rules, "shell(make)", APPROVAL_ASK_USER, NULL));
    assert_true(approval_rules_add(&rules, "shell(make)", APPROVAL_ALLOW, NULL));
    assert_true(approval_rules_add(&rules, "write_file", APPROVAL_ALLOW, NULL));
    assert_true(approval_rules_add(&rules, "*(secret)", APPROVAL_DENY, NULL));

    const char *git = "rule: shell(git status)";
    assert_int_equal(
        decide(&rules, NULL, APPROVAL_ASK, "shell", "{\"command\":\"git status\"}", git),
        APPROVAL_ALLOW);
    /* Blanks are the shell's business; a chain, a NUL, another type are not what was allowed. */
    const char *const others[] = {
        "{\"command\":\"git status; rm -rf .\"}", "{\"command\":\"git status x\"}",
        "{\"command\":[\"git status\"]}", "{\"COMMAND\":\"git status\"}", "{}"};
    assert_int_equal(
        decide(&rules, NULL, APPROVAL_ASK, "shell", "{\"command\":\" git  status \"}", git),
        APPROVAL_ALLOW);
    assert_int_equal(decide(&rules, NULL, APPROVAL_FULL, "shell",
                            "{\"command\":\"git status\\u0000; id\"}",
                            "rule: shell(make); it holds a control character"),
                     APPROVAL_ASK_USER);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_int_equal(decide(&rules, NULL, APPROVAL_ASK, "shell", others[i], "mode: ask"),
                         APPROVAL_ASK_USER);
    }
    assert_int_equal(decide(&rules, NULL, APPROVAL_ASK, "shell", "{\"command\":\"echo (a) b\"}",
                            "rule: shell(echo (a) b)"),
                     APPROVAL_ALLOW);
    assert_int_equal(
        decide(&rules, NULL, APPROVAL_FULL, "shell", "{\"command\":\"make\"}", "rule: shell(make)"),
        APPROVAL_ASK_USER);
    assert_int_equal(
        decide(&rules, NULL, APPROVAL_ASK, "write_file", "{\"path\":\"a\"}", "rule: write_file"),
        APPROVAL_ALLOW);
    /* A denial wins over an allowance, the mode and the order. */
    assert_int_equal(decide(&rules, NULL, APPROVAL_FULL, "write_file", "{\"path\":\"secret\"}",
                            "rule: *(secret)"),
                     APPROVAL_DENY);
    assert_int_equal(decide(&rules, NULL, APPROVAL_FULL, "read_file", "{\"path\":\"secret\"}",
                            "rule: *(secret)"),
                     APPROVAL_DENY);
    approval_rules_finish(&rules);
}

/* A denial knows the other spellings of a path; an allowance is for the one that was written. */
static void test_spellings_of_a_path(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        bool concerned;
    } rows[] = {
        {"a/secret", true},
        {"./a/secret", true},
        {"a//secret", true},
        {"a/secret/", true},
        {"a/./secret/.", true},
        {"b/../a/secret", true},
        {"a/b/../secret", true},
        {"/w/a/secret", true},
        {"a/b/c/../../secret", true},
        {"secret", false},
        {"b/a/secret", false},
        {"a/secret2", false},
        {"a/secret/x", true}, /* were it a folder */
        {"a/SECRET", false},
        {"a/secret/..", false},
        {"", false},
        {"/", false},
        {"..", false},
    };
    struct approval_rules rules, allowing;
    approval_rules_init(&rules);
    approval_rules_init(&allowing);
    assert_true(approval_rules_add(&rules, "read_file(a/secret)", APPROVAL_DENY, NULL));
    assert_true(approval_rules_add(&allowing, "write_file(a/secret)", APPROVAL_ALLOW, NULL));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        json_t *arguments = json_pack("{s:s}", "path", rows[i].path);
        enum approval_verdict verdict =
            approval_decide(&rules, NULL, APPROVAL_FULL, "read_file", arguments, NULL);
        if ((verdict == APPROVAL_DENY) != rows[i].concerned) {
            fail_msg("\"%s\" is not %d", rows[i].path, rows[i].concerned);
        }
        verdict = approval_decide(&allowing, NULL, APPROVAL_ASK, "write_file", arguments, NULL);
        assert_int_equal(verdict, i == 0 ? APPROVAL_ALLOW : APPROVAL_ASK_USER);
        json_decref(arguments);
    }
    approval_rules_finish(&rules);
    approval_rules_finish(&allowing);
}

static void test_bad_rules(void **state)
{
    (void)state;
    const char *const bad[] = {"", "shell(git", "shel", "(x)", "shell(a) b"};
    struct approval_rules rules;
    approval_rules_init(&rules);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct err err = {0};
        assert_false(approval_rules_add(&rules, bad[i], APPROVAL_ALLOW, &err));
        assert_int_equal(err.code, ERR_ARGUMENT);
        assert_non_null(strstr(err.text, bad[i]));
    }
    assert_int_equal(rules.count, 0);
    approval_rules_finish(&rules);
}

static void test_session(void **state)
{
    (void)state;
    struct approval_session *session = approval_session_create();
    json_t *arguments = json_pack("{s:s, s:i}", "command", "make", "timeout_s", 5);
    approval_session_allow(session, "shell", arguments);
    approval_session_allow(session, "shell", arguments);
    /* The list holds its own copy. */
    json_object_set_new(arguments, "command", json_string("rm -rf ."));
    const char *before = "session: allowed by the user before";
    assert_int_equal(decide(NULL, session, APPROVAL_ASK, "shell",
                            "{\"timeout_s\":5,\"command\":\"make\"}", before),
                     APPROVAL_ALLOW);
    assert_int_equal(decide(NULL, session, APPROVAL_ASK, "shell",
                            "{\"command\":\"rm -rf .\",\"timeout_s\":5}", "mode: ask"),
                     APPROVAL_ASK_USER);
    assert_int_equal(
        decide(NULL, session, APPROVAL_ASK, "shell", "{\"command\":\"make\"}", "mode: ask"),
        APPROVAL_ASK_USER);
    assert_int_equal(decide(NULL, session, APPROVAL_ASK, "http_fetch",
                            "{\"timeout_s\":5,\"command\":\"make\"}", "mode: ask"),
                     APPROVAL_ASK_USER);
    struct approval_rules rules;
    approval_rules_init(&rules);
    approval_rules_add(&rules, "shell(make)", APPROVAL_DENY, NULL);
    assert_int_equal(decide(&rules, session, APPROVAL_FULL, "shell",
                            "{\"timeout_s\":5,\"command\":\"make\"}", "rule: shell(make)"),
                     APPROVAL_DENY);
    approval_rules_finish(&rules);
    approval_session_destroy(session);
    json_decref(arguments);
}

static void shows(const char *tool, const char *arguments, const char *expected)
{
    json_t *parsed = json_loads(arguments, JSON_ALLOW_NUL, NULL);
    assert_non_null(parsed);
    struct str out;
    str_init(&out);
    str_append(&out, "|"); /* it appends */
    approval_describe(tool, parsed, &out);
    assert_string_equal(out.data + 1, expected);
    str_finish(&out);
    json_decref(parsed);
}

static void test_describe(void **state)
{
    (void)state;
    shows("shell", "{\"command\":\"ls -l\"}", "$ ls -l");
    shows("shell", "{\"timeout_s\":3,\"command\":\"a\\nb\\n\"}", "$ a\n> b\n> \ntimeout_s: 3");
    shows("shell", "{\"command\":\"ls\",\"x\":[\"$ rm\\n\"]}", "$ ls\nx: [\"$ rm\\n\"]");
    shows("write_file", "{\"content\":\"one\\ntwo\",\"path\":\"a.txt\"}",
          "write a.txt\n+ one\n+ two\n\\ No newline at end of file");
    shows("write_file", "{\"content\":\"one\\n\\n\",\"path\":\"a\"}", "write a\n+ one\n+ ");
    shows("write_file", "{\"content\":\"\",\"path\":\"a\"}", "write a\n\\ Empty file");
    shows("edit_file", "{\"path\":\"a\",\"old_text\":\"x\\ny\",\"new_text\":\"z\"}",
          "edit a\n- x\n- y\n+ z");
    shows("edit_file", "{\"path\":\"a\\n+ b\"}", "edit a\n     + b");
    shows("http_fetch", "{\"url\":\"http://a/\"}", "http_fetch {\"url\":\"http://a/\"}");
    shows("shell", "{\"command\":7}", "shell {\"command\":7}");
    shows("shell", "{}", "shell {}");
}

/* Characters with which a call could pass for another one. Each must come out as plain ASCII. */
static void test_spoofing(void **state)
{
    (void)state;
    shows("shell", "{\"command\":\"ls \\u202e#fr- mr\"}", "$ ls \\u{202E}#fr- mr");
    shows("shell", "{\"command\":\"a\\u2066b\\u2069\"}", "$ a\\u{2066}b\\u{2069}");
    shows("shell", "{\"command\":\"a\\u200bb\\u2060c\\ufeff\"}",
          "$ a\\u{200B}b\\u{2060}c\\u{FEFF}");
    shows("shell", "{\"command\":\"a\\u00a0b\\u3000c\\u2800d\\u3164e\"}",
          "$ a\\u{A0}b\\u{3000}c\\u{2800}d\\u{3164}e");
    shows("shell", "{\"command\":\"ls\\t\\t; id\"}", "$ ls\\x09\\x09; id");
    shows("shell", "{\"command\":\"ls\\r$ id\"}", "$ ls\\x0D$ id");
    shows("shell", "{\"command\":\"\\u001b]52;c;eA==\\u0007\"}", "$ \\x1B]52;c;eA==\\x07");
    shows("shell", "{\"command\":\"a\\u0000b\"}", "$ a\\x00b");
    shows("shell", "{\"command\":\"\\u009b2J\"}", "$ \\x9B2J");
    shows("shell", "{\"command\":\"x\\udb40\\udc41\"}", "$ x\\u{E0041}");
    shows("shell", "{\"command\":\"v\\ufe0f\\u034f\"}", "$ v\\u{FE0F}\\u{34F}");
    shows("shell", "{\"command\":\"echo \\u00fc\"}", "$ echo \xC3\xBC");
    shows("shell", "{\"command\":\"rm \\u2010r \\u2018a\\u2019 \\u2223 b\"}",
          "$ rm \\u{2010}r \\u{2018}a\\u{2019} \\u{2223} b");
    shows("write_file", "{\"path\":\"a\\u2024c\",\"content\":\"it\\u2019s \\u2014 so\\n\"}",
          "write a\\u{2024}c\n+ it\xE2\x80\x99s \xE2\x80\x94 so");
    shows("write_file", "{\"path\":\"a\\u202etxt.sh\",\"content\":\"\\u202e\"}",
          "write a\\u{202E}txt.sh\n+ \\u{202E}\n\\ No newline at end of file");
    shows("http_fetch", "{\"url\":\"http://a\\u200b.b\"}",
          "http_fetch {\"url\":\"http://a\\u{200B}.b\"}");
    shows("shell", "{\"command\":\"# fine\\nrm -rf .\"}", "$ # fine\n> rm -rf .");
}

/* Nothing is cut: a hundred thousand characters are shown as a hundred thousand. */
static void test_full_length(void **state)
{
    (void)state;
    struct str command, out;
    str_init(&command);
    str_init(&out);
    for (int i = 0; i < 100000; i++) {
        str_append_char(&command, 'a');
    }
    json_t *arguments = json_pack("{s:s}", "command", command.data);
    approval_describe("shell", arguments, &out);
    assert_int_equal(out.length, command.length + 2);
    json_decref(arguments);
    str_finish(&command);
    str_finish(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_modes),
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_spellings_of_a_path),
        cmocka_unit_test(test_bad_rules),
        cmocka_unit_test(test_session),
        cmocka_unit_test(test_describe),
        cmocka_unit_test(test_spoofing),
        cmocka_unit_test(test_full_length),
    };
    return cmocka_run_group_tests_name("approval_approval", tests, NULL, NULL);
}
