/* Rules that speak of more than one path, host, command or foreign tool; and those that could never
 * fit anything, which are refused: a denial that silently denies nothing is worse than none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "approval/approval.h"
#include "base/err.h"
#include "base/str.h"

/* What one rule says of a call, where the mode alone says the opposite. */
static bool holds(const char *rule, enum approval_verdict verdict, const char *tool,
                  json_t *arguments)
{
    struct approval_rules rules;
    struct err err = {0};
    approval_rules_init(&rules);
    if (!approval_rules_add(&rules, rule, verdict, &err)) {
        assert_true(verdict == APPROVAL_ALLOW &&
                    strstr(err.text, "it would allow nothing") != NULL);
        json_decref(arguments);
        return false;
    }
    enum approval_mode mode = verdict == APPROVAL_ALLOW ? APPROVAL_ASK : APPROVAL_FULL;
    bool same = approval_decide(&rules, NULL, mode, tool, arguments, NULL) == verdict;
    approval_rules_finish(&rules);
    json_decref(arguments);
    return same;
}

struct row {
    const char *rule, *text;
    bool allows, denies; /* whether the rule, as the one or the other, speaks of the text */
};

static void check(const struct row *rows, size_t count, const char *tool, const char *argument)
{
    for (size_t i = 0; i < count; i++) {
        struct str rule;
        str_init(&rule);
        str_append_format(&rule, "%s(%s)", tool, rows[i].rule);
        bool allows =
            holds(rule.data, APPROVAL_ALLOW, tool, json_pack("{s:s}", argument, rows[i].text));
        bool denies =
            holds(rule.data, APPROVAL_DENY, tool, json_pack("{s:s}", argument, rows[i].text));
        if (allows != rows[i].allows || denies != rows[i].denies) {
            fail_msg("%s of \"%s\": allows %d, denies %d", rule.data, rows[i].text, allows, denies);
        }
        str_finish(&rule);
    }
}

static void test_paths(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"src/**", "src/a.c", true, true},
        {"src/**", "src/deep/a.c", true, true},
        {"./src/**", "src/a.c", true, true},
        {"src/", "src/deep/a.c", true, true},
        {"src/*.c", "src/a.c", true, true},
        {"src/*.c", "src/deep/a.c", false, false},
        {"src/*", "src/deep/a.c", false, true}, /* what is in a denied folder is denied */
        {"src/**", "src", false, true},
        {"src/**", "other/src/a.c", false, false},
        {"src/**", "src2/a.c", false, false},
        {"*.md", "a.md", true, true},
        {"*.md", "deep/a.md", false, true},
        {"**/*.md", "deep/er/a.md", true, true},
        {"[ab].c", "a.c", true, true},
        {"?.c", "ab.c", false, false},
        {"**", "a/b", true, true},
        {"*", "a", true, true},
        {"*", "a/b", false, true},
        /* other spellings: a denial knows them, an allowance does not */
        {"src/**", "./src/a.c", false, true},
        {"src/**", "src//a.c", false, true},
        {"src/**", "src/./a.c", false, true},
        {"src/**", "src/../other/a.c", false, false},
        {"src/**", "src/../../a.c", false, false},
        {"src/**", "other/../src/a.c", false, true},
        {"src/**", "/w/src/a.c", false, true},
        {"src/**", "src/a.c/", false, true},
        {"/w/**", "/w/a", true, true},
        {"/w/**", "w/a", false, false},
        {"src/**", "src/a\nb", false, true},
        {"src/**", "", false, false},
        {"src/**", "src/Src/../..", false, false},
        /* all there is */
        {"/", "/etc/passwd", true, true},
        {"/", "a", false, false},
        {"./", "a/b", true, true},
        {"./", "./a/../b", false, true},
        /* a path without a star is a folder's, too */
        {"secrets", "secrets", true, true},
        {"secrets", "secrets/deep/key", false, true},
        {"secrets", "a/../secrets/key", false, true},
        {"secrets", "secrets/../key", false, false},
        {"secrets", "secrets2/key", false, false},
        {"secrets", "a/secrets/key", false, false},
        {"a/secrets", "a/secrets/key", false, true},
        {"/w/secrets", "/w/secrets/key", false, true},
        {"secrets", "/w/secrets/key", false, true},
    };
    check(rows, sizeof rows / sizeof rows[0], "write_file", "path");
    /* Files that start code are asked for all the same, unless the rule spells them. */
    assert_false(holds("write_file(**)", APPROVAL_ALLOW, "write_file",
                       json_pack("{s:s}", "path", "src/Makefile")));
    assert_true(holds("write_file(src/Makefile)", APPROVAL_ALLOW, "write_file",
                      json_pack("{s:s}", "path", "src/Makefile")));
    assert_true(
        holds("*(secrets/)", APPROVAL_DENY, "list_files", json_pack("{s:s}", "path", "secrets")));
    assert_true(holds("read_file(secrets/**)", APPROVAL_ASK_USER, "read_file",
                      json_pack("{s:s}", "path", "secrets/a")));
}

/* No file has a path of that length, so that it need not be compared. */
static void test_long_paths(void **state)
{
    (void)state;
    static const char *const rules[] = {"write_file(**)", "write_file(**/*a*/b)", "write_file(b)"};
    struct str path;
    str_init(&path);
    for (size_t i = 0; i < 1 << 20; i++) {
        str_append(&path, "a/");
    }
    str_append(&path, "c");
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        assert_true(
            holds(rules[i], APPROVAL_DENY, "write_file", json_pack("{s:s}", "path", path.data)));
        assert_false(
            holds(rules[i], APPROVAL_ALLOW, "write_file", json_pack("{s:s}", "path", path.data)));
        path.data[4095] = '\0';
        assert_int_equal(
            holds(rules[i], APPROVAL_DENY, "write_file", json_pack("{s:s}", "path", path.data)),
            i == 0);
        path.data[4095] = '/';
    }
    str_finish(&path);
}

static void test_addresses(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"example.org", "https://example.org/a", true, true},
        {"example.org", "http://example.org", true, true},
        {"example.org", "https://EXAMPLE.org./a?b#c", true, true},
        {"domain:example.org", "https://example.org/", true, true},
        {"example.org", "https://example.org:8443/", false, true},
        {"example.org:8443", "https://example.org:8443/", true, true},
        {"example.org:8443", "https://example.org/", false, false},
        {"example.org", "https://a.example.org/", false, true},
        {"*.example.org", "https://a.example.org/", true, true},
        {"*.example.org", "https://example.org/", false, false},
        {"*.example.org", "https://.example.org/", false, false},
        {"example.org", "https://example.org.evil.net/", false, false},
        {"example.org", "https://evilexample.org/", false, false},
        {"example.org", "https://evil.net/example.org", false, false},
        {"example.org", "https://evil.net?example.org", false, false},
        {"[2001:db8::1]", "http://[2001:db8::1]/", true, true},
        /* what cannot be told is denied and never allowed */
        {"example.org", "https://example.org@evil.net/", false, true},
        {"example.org", "https://example.org:80@evil.net/", false, true},
        {"example.org", "https://example.org\\@evil.net/", false, true},
        {"example.org", "https://ex\xC3\xA4mple.org/", false, true},
        {"example.org", "https://example.org /", false, true},
        {"example.org", "file:///etc/passwd", false, true},
        {"example.org", "example.org", true, true}, /* the very text; nothing is fetched by it */
        {"example.org", "https://example.org:/", false, true},
        {"example.org", "https:///example.org/", false, true},
        /* an address in an odd spelling */
        {"http://127.0.0.1:80/*", "http://2130706433/x", false, true},
        {"http://127.0.0.1:80/*", "http://127.1/x", false, true},
        {"http://127.0.0.1:80/*", "http://127.0.1/x", false, true},
        {"http://127.0.0.1:80/*", "http://0x7f.1/x", false, true},
        {"http://127.0.0.1:80/*", "http://0X7F000001/x", false, true},
        {"http://127.0.0.1:80/*", "http://0177.0.0.1/x", false, true},
        {"http://127.0.0.1:80/*", "http://127.0.0.01/x", false, true},
        {"http://127.0.0.1:80/*", "http://1.0x7f/x", false, true},
        {"http://127.0.0.1:80/*", "http://127.0.0.256/x", false, true},
        {"http://127.0.0.1:80/*", "http://[::ffff:127.0.0.1]/x", false, true},
        {"http://127.0.0.1:80/*", "http://[::ffff:7f00:1]/x", false, true},
        {"http://127.0.0.1:80/*", "http://[0::1]/x", false, true},
        {"http://127.0.0.1:80/*", "http://[::127.0.0.1]/x", false, true},
        {"http://127.0.0.1:80/*", "http://[]/x", false, true},
        {"127.0.0.1", "http://127.0.0.1/x", true, true},
        {"127.0.0.1", "http://127.0.0.1./x", true, true},
        {"127.0.0.1", "http://127.0.0.2/x", false, false},
        {"127.0.0.1", "http://[::1]/x", false, false},
        {"127.0.0.1", "http://1.example.org/x", false, false},
        {"127.0.0.1", "http://0x7f.org/x", false, false},
        /* the beginning of an address */
        {"https://example.org/docs/*", "https://example.org/docs/a/b?c", true, true},
        {"https://example.org/docs/*", "https://EXAMPLE.ORG/docs/", true, true},
        {"https://example.org/docs/*", "https://example.org/other", false, false},
        {"https://example.org/docs/*", "https://example.org/docs/../other", false, true},
        {"https://example.org/docs/*", "https://example.org/docs/%2e%2e/other", false, true},
        {"https://example.org/docs/*", "https://example.org/%64ocs/", false, true},
        {"https://example.org/docs/*", "http://example.org/docs/", false, true},
        {"https://example.org/*", "https://example.org", true, true},
        {"https://*.example.org/*", "https://a.example.org/x", true, true},
        {"https://example.org/*", "https://example.org.evil.net/", false, false},
        {"https://example.org/a", "https://example.org/a", true, true},
        {"https://example.org/a", "https://example.org/a/b", false, false},
        /* one address, and its other spellings */
        {"https://example.org/x", "HTTPS://Example.ORG./x", false, true},
        {"https://example.org/x", "https://example.org:443/x", false, true},
        {"https://example.org:443/x", "https://example.org/x", false, true},
        {"https://example.org/x", "https://example.org/x#a", false, true},
        {"https://example.org/x", "https://example.org/x?a=1", false, true},
        {"https://example.org/x", "https://example.org/x/", false, true},
        {"https://example.org/x", "https://example.org//a/../%78", false, true},
        {"https://example.org/x", "http://example.org/x", false, false},
        {"https://example.org/x", "https://example.org:444/x", false, false},
        {"https://example.org/x", "https://example.org/xy", false, false},
        {"https://example.org/x", "https://example.org/", false, false},
        {"https://example.org/x", "https://a.example.org/x", false, false},
        {"https://example.org/x", "https://a@example.org/x", false, true},
        {"https://example.org/x/", "https://example.org/x", false, true},
        {"https://example.org/x#a", "https://example.org/x", false, true},
        {"https://example.org/x?a=1", "https://example.org:443/x?a=1#b", false, true},
        {"https://example.org/x?a=1", "https://example.org/x?a=12", false, false},
        {"https://example.org/x?a=1", "https://example.org/x?%61=%31", false, true},
        {"https://example.org/x?%61=1", "https://example.org/x?a=1", false, true},
        {"https://example.org/x?a=b+c", "https://example.org/x?a=b%20c", false, true},
        {"https://example.org/x?a=b+c", "https://example.org/x?a=b%2Bc", false, false},
        {"https://example.org/x?a=%", "https://example.org/x?a=%25", false, true},
        {"https://example.org/x?a=1", "https://example.org/x", false, false},
        {"https://example.org", "https://example.org/", false, true},
        {"https://example.org", "https://example.org?a", false, true},
        {"https://example.org?a", "https://example.org/?a", false, true},
        {"https://example.org", "https://example.org/%", false, false},
        {"https://example.org/%4", "https://example.org/%4/", false, true},
        {"https://a@example.org/x", "https://a@example.org/x", true, true},
        {"https://a@example.org/x", "https://example.org/x", false, false},
        {"*", "https://example.org/a", true, true},
    };
    check(rows, sizeof rows / sizeof rows[0], "http_fetch", "url");
    /* Such an allowance is one to read. */
    const char *url = "https://example.org/a", *rule = "http_fetch(example.org)";
    assert_true(holds(rule, APPROVAL_ALLOW, "http_fetch",
                      json_pack("{s:s, s:s}", "url", url, "method", "GET")));
    assert_false(holds(rule, APPROVAL_ALLOW, "http_fetch",
                       json_pack("{s:s, s:s}", "url", url, "method", "POST")));
    assert_false(holds(rule, APPROVAL_ALLOW, "http_fetch",
                       json_pack("{s:s, s:s}", "url", url, "body", "x")));
    assert_true(holds(rule, APPROVAL_DENY, "http_fetch",
                      json_pack("{s:s, s:s}", "url", url, "method", "POST")));
    /* One for that very address, and for all of them, too; only the tool's own name says more. */
    static const char *const reading[] = {"http_fetch(https://example.org/a)", "http_fetch(*)"};
    for (size_t i = 0; i < 2; i++) {
        assert_true(
            holds(reading[i], APPROVAL_ALLOW, "http_fetch", json_pack("{s:s}", "url", url)));
        assert_false(holds(reading[i], APPROVAL_ALLOW, "http_fetch",
                           json_pack("{s:s, s:s}", "url", url, "method", "POST")));
        assert_true(holds(reading[i], APPROVAL_DENY, "http_fetch",
                          json_pack("{s:s, s:s}", "url", url, "body", "x")));
    }
    assert_true(holds("http_fetch", APPROVAL_ALLOW, "http_fetch",
                      json_pack("{s:s, s:s}", "url", url, "method", "POST")));
}

/* Stars anywhere in a denial of commands; an allowance is never read so. */
static void test_commands(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"*", "ls", false, true},
        {"rm*", "rm -rf x", false, true},
        {"rm*", "/bin/rm x", false, true},
        {"rm*", "r'm' x", false, true},
        {"rm*", "ls; rmdir x", false, true},
        {"rm*", "ls rm", false, false},
        {"* --force", "git push --force", false, true},
        {"*--force*", "git push --force-with-lease x", false, true},
        {"git * main", "git push origin main", false, true},
        {"git * main", "git push origin side", false, false},
        {"*secret*", "cat < secrets/key", false, true},
        {"*secret*", "echo a >secrets/key", false, true},
        {"*secret*", "A=secret make", false, true},
        {"secrets/*", "cat < secrets/key", false, true},
        {"cat *key", "cat < secrets/key", false, true},
        {"cat < sec*", "cat < secrets/key", false, true},
        {"* > /etc/*", "echo a b >>/etc/x", false, true},
        {"*secret*", "cat < public", false, false},
        {"*1*", "ls 2>&1", false, false},
        {"git --no-pager*", "git --no-pager log", false, true},
        {"git log*", "git --no-pager log", false, true},
        {"* --force", "git -C . push", false, false},
        {"terraform destroy*", "terraform plan -x destroy", false, false},
        {"* --force", "git -C . push --force", false, true},
        {"/usr/bin/curl*", "curl x", false, true},
        {"/usr/bin/curl*", "ls x", false, false},
        {"ls ?", "ls a", false, true},
        {"ls ?", "ls ab", false, false},
    };
    check(rows, sizeof rows / sizeof rows[0], "shell", "command");
    /* What only the shell knows may be it. */
    assert_true(holds("shell(rm*)", APPROVAL_DENY, "shell",
                      json_pack("{s:s}", "command", "/usr/bin/rm x")));
    struct approval_rules rules;
    approval_rules_init(&rules);
    assert_true(approval_rules_add(&rules, "shell(rm*)", APPROVAL_DENY, NULL));
    assert_true(approval_rules_add(&rules, "shell(terraform destroy*)", APPROVAL_DENY, NULL));
    static const char *const doubtful[] = {"r$X y",
                                           "xargs rm",
                                           "echo $(rm x)",
                                           "sh -c 'rm x'",
                                           "find . -exec rm {} +",
                                           "python3 -c x",
                                           "cat < $X",
                                           "A=$B ls",
                                           "poetry run rm x",
                                           "git -c x=y log",
                                           "git -C . rm*",
                                           "terraform -chdir=x destroy",
                                           "terraform -x y destroyed"};
    for (size_t i = 0; i < sizeof doubtful / sizeof doubtful[0]; i++) {
        json_t *arguments = json_pack("{s:s}", "command", doubtful[i]);
        assert_int_equal(approval_decide(&rules, NULL, APPROVAL_FULL, "shell", arguments, NULL),
                         APPROVAL_ASK_USER);
        json_decref(arguments);
    }
    approval_rules_finish(&rules);
}

static void test_foreign(void **state)
{
    (void)state;
    static const struct {
        const char *rule, *tool;
        bool speaks;
    } rows[] = {
        {"mcp__git__log", "mcp__git__log", true}, {"mcp__git__log", "mcp__git__logs", false},
        {"mcp__git", "mcp__git__log", true},      {"mcp__git__*", "mcp__git__log", true},
        {"mcp__git", "mcp__github__log", false},  {"mcp__git__*", "mcp__github__log", false},
        {"mcp__git__l*", "mcp__git__log", true},  {"mcp__git__l*", "mcp__git__show", false},
        {"mcp__*", "mcp__git__log", true},        {"mcp__git__log", "mcp__git", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(holds(rows[i].rule, APPROVAL_DENY, rows[i].tool, json_object()),
                         rows[i].speaks);
        assert_int_equal(holds(rows[i].rule, APPROVAL_ALLOW, rows[i].tool, json_object()),
                         rows[i].speaks);
    }
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "mcp__git__log(x)",
        "mcp__*__log",
        "screenshot(x)",
        "shell()",
        "read_file()",
        "http_fetch(not a host)",
        "read_file(src//secret/*)",
        "read_file(a/../secrets/*)",
        "read_file(./a/./*.pem)",
        "read_file(././a/*)",
        "read_file(../a/*)",
        "read_file(a/..//)",
        "read_file(a/../)",
        "read_file(//a/*)",
        "read_file(~/x)", /* without a home */
        "*(~/x)",
        "http_fetch(https://a.example*)",
        "http_fetch(https://*/x)",
        "http_fetch(a.example/x)",
        "http_fetch(a*.example)",
        "http_fetch(2130706433)",
        "http_fetch([0::1])",
        "http_fetch(https://a.example/*/x)",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct approval_rules rules;
        struct err err = {0};
        approval_rules_init(&rules);
        if (approval_rules_add(&rules, bad[i], APPROVAL_DENY, &err)) {
            fail_msg("%s was taken", bad[i]);
        }
        assert_non_null(strstr(err.text, bad[i]));
        approval_rules_finish(&rules);
    }
}

/* "For good" means the call that was seen: no rule is offered that would say more. */
static void test_no_wider_rule_is_offered(void **state)
{
    (void)state;
    static const struct {
        const char *tool, *argument, *text;
        bool offered;
    } rows[] = {
        {"shell", "command", "rm a", true},
        {"shell", "command", "rm *", false},
        {"shell", "command", "ls src:*", false},
        {"shell", "command", "ls *.c", true},
        {"shell", "command", "rm * ", false},
        {"shell", "command", "rm *;", false},
        {"shell", "command", "(rm *)", false},
        {"shell", "command", "rm *&", false},
        {"shell", "command", "rm * # tidy", false},
        {"shell", "command", "ls src:* ", false},
        {"shell", "command", "rm * && ls", true}, /* only this text fits such a rule */
        {"write_file", "path", "a.c", true},
        {"write_file", "path", "*", false},
        {"write_file", "path", "a[1].c", false},
        {"write_file", "path", "src/", false},
        {"write_file", "path", "~/x", false},
        {"http_fetch", "url", "https://a.example/x", true},
        {"http_fetch", "url", "https://a.example/*", false},
        {"http_fetch", "url", "a.example", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct str rule;
        str_init(&rule);
        json_t *arguments = json_pack("{s:s}", rows[i].argument, rows[i].text);
        if (approval_rule_for(rows[i].tool, arguments, &rule) != rows[i].offered) {
            fail_msg("%s", rows[i].text);
        }
        json_decref(arguments);
        str_finish(&rule);
    }
}

static void rule_is(const char *tool, const char *arguments, const char *expected)
{
    struct str rule;
    json_t *parsed = json_loads(arguments, JSON_ALLOW_NUL, NULL);
    str_init(&rule);
    assert_int_equal(approval_rule_for(tool, parsed, &rule), expected != NULL);
    assert_string_equal(rule.data, expected != NULL ? expected : "");
    str_finish(&rule);
    json_decref(parsed);
}

/* The rule that "always" writes allows just this call. */
static void test_rule_for(void **state)
{
    (void)state;
    rule_is("shell", "{\"command\":\"git status\"}", "shell(git status)");
    rule_is("write_file", "{\"path\":\"a\",\"content\":\"x\"}", "write_file(a)");
    rule_is("mcp__x__y", "{}", "mcp__x__y");
    rule_is("shell", "{\"command\":\"a\\nb\"}", NULL);
    rule_is("shell", "{\"command\":\"a\\u0000b\"}", NULL);
    rule_is("shell", "{\"command\":\"\"}", NULL);
    rule_is("shell", "{}", NULL);
    rule_is("none", "{}", NULL);
    rule_is("http_fetch", "{\"url\":\"https://a.example/x\"}", "http_fetch(https://a.example/x)");
    rule_is("http_fetch", "{\"url\":\"https://a.example/x\",\"method\":\"POST\"}", NULL);
}

/* Relative and absolute paths of the same file, and the home directory. */
static void test_workspace(void **state)
{
    (void)state;
    static const struct {
        const char *rule, *path;
        bool concerned;
    } rows[] = {
        {"/home/u/proj/secrets/", "secrets/key", true},
        {"/home/u/proj/secrets/", "./a/../secrets/key", true},
        {"/home/u/proj/secrets", "secrets", true},
        {"/home/u/proj/secrets", "secrets2", false},
        {"/home/u/proj/*.pem", "a.pem", true},
        {"/home/u/proj/*.pem", "a/b.pem", false},
        {"/home/u/**", "a/b", true},
        {"/home/u/other/", "a/b", false},
        {"/home/u/other/", "../other/b", true},
        {"secrets/", "../proj/secrets/key", true},
        {"secrets", "../proj/secrets", true},
        {"secrets", "a/secrets", false},
        {"~/proj/x", "x", true},
        {"~/proj/x", "/home/u/proj/x", true},
        {"~/proj/x", "proj/x", false},
        {"~/proj/*.pem", "x.pem", true},
        {"~/", "a", true},
        {"~x/a", "~x/a", true}, /* a name like others */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (int as = 0; as < 2; as++) {
            enum approval_verdict verdict = as == 0 ? APPROVAL_DENY : APPROVAL_ASK_USER;
            struct approval_rules rules;
            struct str rule;
            str_init(&rule);
            str_append_format(&rule, "%s(%s)", i % 2 == 0 ? "read_file" : "*", rows[i].rule);
            approval_rules_init(&rules);
            rules.workspace = "/home/u/proj";
            rules.home = "/home//u/";
            assert_true(approval_rules_add(&rules, rule.data, verdict, NULL));
            json_t *arguments = json_pack("{s:s}", "path", rows[i].path);
            if (approval_decide(&rules, NULL, APPROVAL_FULL, "read_file", arguments, NULL) !=
                (rows[i].concerned ? verdict : APPROVAL_ALLOW)) {
                fail_msg("%s of %s", rule.data, rows[i].path);
            }
            json_decref(arguments);
            str_finish(&rule);
            approval_rules_finish(&rules);
        }
    }
    /* An allowance is for the path as it stands. */
    struct approval_rules rules;
    approval_rules_init(&rules);
    rules.workspace = "/w";
    rules.home = "/";
    assert_true(approval_rules_add(&rules, "write_file(/w/a/*)", APPROVAL_ALLOW, NULL));
    assert_true(approval_rules_add(&rules, "write_file(~/b)", APPROVAL_ALLOW, NULL));
    static const char *const paths[] = {"a/b", "/w/a/b", "/b", "~/b"};
    for (size_t i = 0; i < 4; i++) {
        json_t *arguments = json_pack("{s:s}", "path", paths[i]);
        assert_int_equal(approval_decide(&rules, NULL, APPROVAL_ASK, "write_file", arguments, NULL),
                         i == 1 || i == 2 ? APPROVAL_ALLOW : APPROVAL_ASK_USER);
        json_decref(arguments);
    }
    approval_rules_finish(&rules);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths),     cmocka_unit_test(test_long_paths),
        cmocka_unit_test(test_addresses), cmocka_unit_test(test_commands),
        cmocka_unit_test(test_foreign),   cmocka_unit_test(test_workspace),
        cmocka_unit_test(test_refused),   cmocka_unit_test(test_no_wider_rule_is_offered),
        cmocka_unit_test(test_rule_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
