/* What a search and a listing do not look at: the rest of long lines, files that are no UTF-8, and
 * .gitignore files that are no use. All of it is found, or said; so is what is too much to show. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fixture.h"

enum { MIB = 1024 * 1024 };

static const char *search(struct fixture *fixture, const char *pattern)
{
    const char *said = fixture_pack(fixture, "search_files", "{s:s}", "pattern", pattern);
    assert_false(fixture->last.failed);
    return said;
}

/* One line of `size` times 'x', with `text` at `at`. */
static void write_line(struct fixture *fixture, size_t size, size_t at, const char *text)
{
    char *line = malloc(size + 1);
    assert_non_null(line);
    memset(line, 'x', size);
    line[size] = '\n';
    memcpy(line + at, text, strlen(text));
    fixture_write_bytes(fixture, "f.js", line, size + 1);
    free(line);
}

static void a_long_line_is_searched_as_far_as_memory_allows(void **state)
{
    static const char none[] = "no matches";
    static const char partly[] = "no matches\n(1 long lines only searched in part)";
    static const struct row {
        size_t size, at;
        const char *text, *pattern;
        const char *nothing; /* what is said when nothing is found; NULL = it is found */
    } rows[] = {
        {4200, 4097, " NEEDLE ", "NEEDLE", NULL},
        {5000, 0, "y", "x$", NULL}, /* the end of the line, not of a piece */
        {20000, 0, "y", "^y", NULL},
        {20000, 19999, "y", "xy$", NULL},
        {20000, 19999, "y", "x$", none},
        {20000, 9000, "y", "^y", none},
        {20000, 9000, "y", "a|^y|b$", none},
        {20000, 8189, "NEEDLE", "NEEDLE", NULL}, /* where one piece ends */
        {20000, 8189, "NEEDLE", "E+D", NULL},
        {20000, 4093, "NEEDLE", "NEEDLE", NULL}, /* where the next one begins */
        {20000, 4093, " NEEDLE", "\\bEDLE", none},
        {20000, 8180, " NEEDLE ", "\\<NE\\>", none},
        {20000, 8190, " NEEDLE ", "NEEDL\\>", none},
        {20000, 0, "a", "z[0-9]", none},
        {20000, 0, "a", "ax*b", partly}, /* a match could be longer than a piece */
        {20000, 0, "a", "ax{3}", NULL},
        {MIB, MIB - 6, "NEEDLE", "NEEDLE$", NULL},
        {MIB + 1, MIB - 6, "NEEDLE", "NEEDLE$", partly}, /* what is kept is not the line's end */
        {MIB + 1, MIB - 6, "NEEDLE", "NEEDLE", NULL},
        {2 * MIB, MIB + 100, "NEEDLE", "NEEDLE", partly},
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        write_line(fixture, rows[i].size, rows[i].at, rows[i].text);
        const char *said = search(fixture, rows[i].pattern);
        if (rows[i].nothing != NULL) {
            if (strcmp(said, rows[i].nothing) != 0) {
                fail_msg("row %zu: %s", i, said);
            }
        } else if (strncmp(said, "f.js:1: ", 8) != 0 || strstr(said, "... (line cut)") == NULL ||
                   strlen(said) > 400) {
            fail_msg("row %zu: %s", i, said);
        }
    }
    fixture_write(fixture, "f.js", "short\n");
    assert_string_equal(search(fixture, "^s.*t$"), "f.js:1: short");
}

static void what_is_no_utf_8_is_counted(void **state)
{
    struct fixture *fixture = *state;
    fixture_write_bytes(fixture, "windows.txt", "\xFF\xFEh\0i\0t\0", 8);
    fixture_write_bytes(fixture, "binary", "hit\0\n", 5);
    assert_string_equal(search(fixture, "hit"),
                        "no matches\n(2 binary or UTF-16 files not searched)");
    assert_string_equal(
        fixture_call(fixture, "search_files", "{\"pattern\": \"hit\", \"path\": \"windows.txt\"}"),
        "no matches\n(1 binary or UTF-16 files not searched)");
    fixture_write(fixture, "a", "hit\n");
    assert_string_equal(search(fixture, "hit"),
                        "a:1: hit\n(2 binary or UTF-16 files not searched)");
}

/* A file of somebody else's package hides nothing and ends nothing. */
static void a_gitignore_that_is_no_use_is_said(void **state)
{
    static const char said[] = "\n(1 .gitignore not followed: too large or unreadable)";
    struct fixture *fixture = *state;
    char expected[256];
    char *rules = malloc(2 * MIB);
    assert_non_null(rules);
    for (size_t i = 0; i < 2 * MIB; i += 2) {
        memcpy(rules + i, "*\n", 2);
    }
    fixture_directory(fixture, "node_modules");
    fixture_write_bytes(fixture, "node_modules/.gitignore", rules, MIB + 1);
    fixture_write(fixture, "node_modules/b.c", "needle\n");
    fixture_write(fixture, "src.c", "needle\n");
    snprintf(expected, sizeof expected, "node_modules/b.c:1: needle\nsrc.c:1: needle%s", said);
    assert_string_equal(search(fixture, "needle"), expected);
    snprintf(expected, sizeof expected, "node_modules/b.c\nsrc.c%s", said);
    assert_string_equal(fixture_call(fixture, "list_files", "{\"pattern\": \"**/*.c\"}"), expected);
    assert_string_equal(fixture_call(fixture, "list_files", "{}"), "node_modules/\nsrc.c");
    /* Too many rules are no use either; and what is within the bounds is followed. */
    fixture_write_bytes(fixture, "node_modules/.gitignore", rules, 2 * 100001);
    snprintf(expected, sizeof expected, "node_modules/b.c\nsrc.c%s", said);
    assert_string_equal(fixture_call(fixture, "list_files", "{\"pattern\": \"**/*.c\"}"), expected);
    fixture_write(fixture, "node_modules/.gitignore", "*\n");
    assert_string_equal(search(fixture, "needle"), "src.c:1: needle");
    free(rules);
}

/* The note at the end counts the lines before it and holds the remarks too. */
static void says_what_is_missing(const char *said, const char *end)
{
    const char *note = strstr(said, "\n(the first ");
    unsigned long lines = 0;
    assert_non_null(note);
    for (const char *at = said; at <= note; at++) {
        lines += *at == '\n';
    }
    assert_int_equal(strtoul(note + strlen("\n(the first "), NULL, 10), lines);
    assert_string_equal(note + strlen(note) - strlen(end), end);
}

/* A client that keeps results gets the whole beside what is shown; others do not pay for it. */
static void what_is_cut_goes_along(void **state)
{
    static const char *const calls[][3] = {
        {"list_files", "{}", " of 901 lines; 1 left out by a rule of the user's)"},
        {"search_files", "{\"pattern\": \"word\"}",
         " of 900 lines; 1 left out by a rule of the user's; 1 binary or UTF-16 files not "
         "searched)"}};
    struct fixture *fixture = *state;
    char name[32], *patterns[] = {(char *)"denied/"};
    fixture->policy.denied = (struct policy_list){patterns, 1, 1};
    fixture_directory(fixture, "denied");
    fixture_write_bytes(fixture, "binary", "word\0\n", 6);
    for (int i = 0; i < 900; i++) {
        snprintf(name, sizeof name, "file-%04d.txt", i);
        fixture_write(fixture, name, "word\n");
    }
    for (size_t i = 0; i < 2; i++) {
        fixture->policy.keep_whole = false;
        const char *said = fixture_call(fixture, calls[i][0], calls[i][1]);
        assert_true(strlen(said) <= 3200);
        assert_null(json_object_get(fixture->last.response, "whole"));
        fixture->policy.keep_whole = true;
        said = fixture_call(fixture, calls[i][0], calls[i][1]);
        assert_true(strlen(said) <= 3200);
        assert_null(strstr(said, "file-0899.txt"));
        says_what_is_missing(said, calls[i][2]);
        const char *whole = json_string_value(json_object_get(fixture->last.response, "whole"));
        assert_non_null(whole);
        assert_non_null(strstr(whole, "file-0000.txt"));
        assert_non_null(strstr(whole, "file-0899.txt"));
        assert_int_equal(strncmp(whole, said, 1000), 0);
        fixture->policy.result_tokens = 16; /* the least, taken as 160 */
        said = fixture_call(fixture, calls[i][0], calls[i][1]);
        assert_true(strlen(said) <= 640);
        says_what_is_missing(said, calls[i][2]);
        fixture->policy.result_tokens = 800;
    }
    fixture->policy.denied = (struct policy_list){0};
    /* What fits is whole already. */
    fixture_call(fixture, "list_files", "{\"pattern\": \"file-000*\"}");
    assert_null(json_object_get(fixture->last.response, "whole"));
}

#define WITH_WORKSPACE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WORKSPACE(a_long_line_is_searched_as_far_as_memory_allows),
        WITH_WORKSPACE(what_is_no_utf_8_is_counted),
        WITH_WORKSPACE(a_gitignore_that_is_no_use_is_said),
        WITH_WORKSPACE(what_is_cut_goes_along),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
