/* Globs and ignore rules: tables of what git does with the same patterns, and the matcher against a
 * plain recursive one on all short texts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/gitignore.h"
#include "base/glob.h"
#include "base/mem.h"

static void globs_match_as_in_git(void **state)
{
    static const struct row {
        const char *pattern, *path;
        bool expected;
    } rows[] = {
        {"*.c", "main.c", true},
        {"*.c", "main.h", false},
        {"*.c", "src/main.c", false},
        {"*", "", true},
        {"*", "a/b", false},
        {"?", "a", true},
        {"?", "\xC3\xA9", true}, /* one character of two bytes */
        {"??", "\xC3\xA9", false},
        {"?", "/", false},
        {"a?c", "abc", true},
        {"src/*.c", "src/main.c", true},
        {"src/*.c", "src/sub/main.c", false},
        {"**/*.c", "main.c", true},
        {"**/*.c", "a/b/main.c", true},
        {"**/*.c", "a/b/main.h", false},
        {"a/**/b", "a/b", true},
        {"a/**/b", "a/x/y/b", true},
        {"a/**/b", "ax/b", false},
        {"a/**", "a/b/c", true},
        {"a/**", "a", false},
        {"**", "a/b", true},
        {"**/x/**/y", "x/x/y", true},
        {"**/x/**/y", "a/x/b/x/c/y", true},
        {"**/x/**/y", "a/y/x", false},
        {"a**b", "axxb", true},
        {"a**b", "a/b", false},
        {"[a-c]x", "bx", true},
        {"[a-c]x", "dx", false},
        {"[!a-c]x", "dx", true},
        {"[^a-c]x", "ax", false},
        {"[]]", "]", true},
        {"[[:digit:]].x", "7.x", true},
        {"[[:digit:]].x", "a.x", false},
        {"[![:digit:]]", "a", true},
        {"[![:digit:]]", "7", false},
        {"[_[:alpha:]-]x", "-x", true},
        {"[_[:alpha:]-]x", "Qx", true},
        {"[_[:alpha:]-]x", "7x", false},
        {"[[:alpha:]]", "\xE9", false},
        {"[[:nothing:]]", "n", false},
        {"[![:nothing:]]", "n", false},
        {"[[:digit]", ":", true}, /* no class: a set of these characters */
        {"[[:]", "[", true},
        {"*[a[:b", "x[a[:b", true}, /* none of these is closed */
        {"*[[:digit:]x[y", "[dx[y", true},
        {"*[[:digit:]", "[7", false}, /* the first is not closed, the second is a set */
        {"*[[:digit:]", "[d", true},
        {"[[::]]", "x", false},
        {"[a", "[a", true},
        {"[/]", "/", false},
        {"\\*", "*", true},
        {"\\*", "a", false},
        {"[\\]]", "]", true},
        {"*a*b*c*", "xxaxxbxxcxx", true},
        {"*a*b*c*", "xxaxxcxxbxx", false},
        {"", "", true},
        {"", "a", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (glob_match(rows[i].pattern, rows[i].path) != rows[i].expected) {
            fail_msg("\"%s\" on \"%s\" is not %d", rows[i].pattern, rows[i].path, rows[i].expected);
        }
    }
}

/* The meaning of a pattern, written as plainly as can be: each star tries everything. */
static bool plainly(const char *start, const char *p, const char *t)
{
    bool alone =
        p[0] == '*' && p[1] == '*' && (p == start || p[-1] == '/') && (p[2] == '\0' || p[2] == '/');
    if (alone && p[2] == '\0') {
        return *t != '\0';
    }
    if (alone) {
        for (const char *at = t; at != NULL; at = strchr(at, '/'), at = at == NULL ? at : at + 1) {
            if (plainly(start, p + 3, at)) {
                return true;
            }
        }
        return false;
    }
    if (*p == '*') {
        for (const char *at = t;; at++) {
            if (plainly(start, p + strspn(p, "*"), at)) {
                return true;
            }
            if (*at == '\0' || *at == '/') {
                return false;
            }
        }
    }
    if (*p == '\0' || *t == '\0') {
        return *p == *t;
    }
    return *p == *t && plainly(start, p + 1, t + 1);
}

/* The number in base `size`, written with `letters`. */
static void spell(unsigned number, const char *letters, unsigned size, int length, char *out)
{
    for (int i = 0; i < length; i++, number /= size) {
        out[i] = letters[number % size];
    }
    out[length] = '\0';
}

/* Every pattern of one to six and every path of one to four of these letters. */
static void globs_match_as_the_plain_matcher_does(void **state)
{
    char pattern[8], path[8];
    size_t matched = 0;
    (void)state;
    for (int cut = 1, patterns = 4; cut <= 6; cut++, patterns *= 4) {
        for (int p = 0; p < patterns; p++) {
            spell((unsigned)p, "ab/*", 4, cut, pattern);
            for (int end = 1, paths = 3; end <= 4; end++, paths *= 3) {
                for (int t = 0; t < paths; t++) {
                    spell((unsigned)t, "ab/", 3, end, path);
                    bool expected = plainly(pattern, pattern, path);
                    matched += expected;
                    if (glob_match(pattern, path) != expected) {
                        fail_msg("\"%s\" on \"%s\" is not %d", pattern, path, expected);
                    }
                }
            }
        }
    }
    assert_true(matched > 1000);
}

static void a_hostile_glob_does_not_hang(void **state)
{
    char pattern[1024], path[4096];
    (void)state;
    for (size_t i = 0; i + 1 < sizeof pattern; i++) {
        pattern[i] = "a*"[i % 2];
    }
    pattern[sizeof pattern - 1] = '\0';
    pattern[sizeof pattern - 2] = 'b';
    memset(path, 'a', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    assert_false(glob_match(pattern, path));
    /* A '[' that is never closed, at each place where the star may end. */
    static char open[512 * 1024 + 1];
    for (size_t i = 1; i + 1 < sizeof open; i++) {
        open[i] = "[:"[i % 2];
    }
    open[0] = '*';
    for (size_t i = 0; i + 1 < sizeof path; i++) {
        path[i] = ":["[i % 2];
    }
    assert_false(glob_match(open, path));
}

static void rules_decide_as_in_git(void **state)
{
    static const struct row {
        const char *rules, *path;
        bool directory, expected;
    } rows[] = {
        {"*.o\n", "a.o", false, true},
        {"*.o\n", "deep/down/a.o", false, true},
        {"build/\n", "build", true, true},
        {"build/\n", "build", false, false},
        {"build/\n", "src/build", true, true},
        {"/build\n", "src/build", true, false},
        {"/build\n", "build", false, true},
        {"doc/*.txt\n", "doc/a.txt", false, true},
        {"doc/*.txt\n", "doc/sub/a.txt", false, false},
        {"doc/*.txt\n", "x/doc/a.txt", false, false},
        {"**/logs\n", "a/b/logs", true, true},
        {"logs/**\n", "logs/a/b", false, true},
        {"*.o\n!keep.o\n", "keep.o", false, false},
        {"!keep.o\n*.o\n", "keep.o", false, true},
        {"# a comment\n", "# a comment", false, false},
        {"\\#file\n", "#file", false, true},
        {"\\!file\n", "!file", false, true},
        {"name  \n", "name", false, true},
        {"name\\ \n", "name ", false, true},
        {"name\r\n", "name", false, true},
        {"\n\n/\n", "a", false, false},
        {"last-line-without-end", "last-line-without-end", false, true},
        {"\xEF\xBB\xBF*.o\n", "a.o", false, true},
        {"a*\n!ab*\nabc\n", "abc", false, true},
        {"a*\n!ab*\nabc\n", "abd", false, false},
    };
    struct err err;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct gitignore ignore;
        gitignore_init(&ignore);
        assert_true(gitignore_add(&ignore, "", rows[i].rules, strlen(rows[i].rules), &err));
        if (gitignore_matches(&ignore, rows[i].path, rows[i].directory) != rows[i].expected) {
            fail_msg("row %zu: %s on %s", i, rows[i].rules, rows[i].path);
        }
        gitignore_finish(&ignore);
    }
}

static void rules_of_a_subdirectory_hold_only_there(void **state)
{
    struct gitignore ignore;
    struct err err;
    (void)state;
    gitignore_init(&ignore);
    assert_true(gitignore_add(&ignore, "", "*.log\n", 6, &err));
    assert_true(gitignore_add(&ignore, "src", "!a.log\n/gen\n", 12, &err));
    assert_false(gitignore_matches(&ignore, "src/a.log", false));
    assert_true(gitignore_matches(&ignore, "a.log", false));
    assert_true(gitignore_matches(&ignore, "src/gen", true));
    assert_false(gitignore_matches(&ignore, "src2/gen", true));
    assert_false(gitignore_matches(&ignore, "gen", true));
    assert_false(gitignore_matches(&ignore, "src/x/gen", true));
    gitignore_truncate(&ignore, 1);
    assert_true(gitignore_matches(&ignore, "src/a.log", false));
    gitignore_finish(&ignore);
}

static void rules_are_bounded_and_checked(void **state)
{
    struct gitignore ignore;
    struct err err;
    static char large[GITIGNORE_SIZE_LIMIT + 1];
    (void)state;
    gitignore_init(&ignore);
    memset(large, '\n', sizeof large);
    assert_false(gitignore_add(&ignore, "", large, sizeof large, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    memset(large, 'a', sizeof large);
    large[GITIGNORE_LINE_LIMIT] = '\n';
    large[2 * GITIGNORE_LINE_LIMIT + 1] = '\n';
    assert_true(gitignore_add(&ignore, "", large, 2 * GITIGNORE_LINE_LIMIT + 2, &err));
    assert_int_equal(ignore.count, 2);
    large[GITIGNORE_LINE_LIMIT] = 'a';
    assert_false(gitignore_add(&ignore, "", large, GITIGNORE_LINE_LIMIT + 1, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    assert_int_equal(ignore.count, 2);
    gitignore_finish(&ignore);
    for (unsigned long n = 1; n <= 3; n++) {
        mem_fail_at(n, 0);
        assert_false(gitignore_add(&ignore, "", "a\nb\n", 4, &err));
        mem_fail_at(0, 0);
        assert_int_equal(err.code, ERR_MEMORY);
        assert_int_equal(ignore.count, 0);
        gitignore_finish(&ignore);
    }
    gitignore_finish(&ignore);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(globs_match_as_in_git),
        cmocka_unit_test(globs_match_as_the_plain_matcher_does),
        cmocka_unit_test(a_hostile_glob_does_not_hang),
        cmocka_unit_test(rules_decide_as_in_git),
        cmocka_unit_test(rules_of_a_subdirectory_hold_only_there),
        cmocka_unit_test(rules_are_bounded_and_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
