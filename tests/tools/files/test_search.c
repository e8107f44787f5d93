/* What a search and a listing do not look at: the rest of long lines, files that are no UTF-8, and
 * .gitignore files that are no use. All of it is found, or said; so is what is too much to show.
 * And what the search does: text beyond ASCII, the place of a match, and how much it keeps. */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "broken_folder.h"
#include "fixture.h"
#include "search_pattern.h"

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
        } else if (strncmp(said, "f.js:1: ", 8) != 0 || strstr(said, "(line cut)") == NULL ||
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

static void ordinary_repetitions_are_taken(void **state)
{
    static const struct row {
        const char *pattern, *line;
    } rows[] = {
        {"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
         "123e4567-e89b-12d3-a456-426614174000"},
        {"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[.][0-9]{3}Z",
         "2024-05-06T07:08:09.123Z"},
        {"[0-9]{1,3}[.][0-9]{1,3}[.][0-9]{1,3}[.][0-9]{1,3}:[0-9]{2,5}", "10.0.0.255:8080"},
        {"^x{,3}y{2,}$", "xxyyy"},
        {"[+]{3} \\+{3} \\{[{(]$", "+++ +++ {{"},
        {"<.*?>", "<b>"},
        {"((a|b)+c){2}[[:digit:]()+*{]+\\)", "abcbc(7)"},
    };
    struct fixture *fixture = *state;
    char expected[128];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fixture_write(fixture, "f", rows[i].line);
        snprintf(expected, sizeof expected, "f:1: %s", rows[i].line);
        assert_string_equal(search(fixture, rows[i].pattern), expected);
    }
}

static void text_beyond_ascii_is_found_by_characters(void **state)
{
    static const struct row {
        const char *pattern, *found;
    } rows[] = {
        {"Stra[s\u00DF]e", "f:1: Stra\u00DFe"},
        {"gr.n", "f:2: gr\u00FCn"},
        {"^.{4}$", "f:2: gr\u00FCn\nf:3: \u00FCber"},
        {"^\\w+$", "f:1: Stra\u00DFe\nf:2: gr\u00FCn\nf:3: \u00FCber"},
        {"\\b\u00FC", "f:3: \u00FCber"},
        {"^[^a]+$", "f:2: gr\u00FCn\nf:3: \u00FCber"},
        {"r\u00FC+n", "f:2: gr\u00FCn"},
        {"^gr..n$", "no matches"},
    };
    struct fixture *fixture = *state;
    fixture_write(fixture, "f", "Stra\u00DFe\ngr\u00FCn\n\u00FCber\n");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_string_equal(search(fixture, rows[i].pattern), rows[i].found);
    }
    /* A line that is no UTF-8 is matched by bytes, as one of ASCII is. */
    fixture_write(fixture, "f", "Most of it is plain text, or it were no text.\nx\xFFy\nxzy\n");
    assert_string_equal(search(fixture, "^x.y$"), "f:2: x\uFFFDy\nf:3: xzy");
    const char *said = fixture_pack(fixture, "search_files", "{s:s}", "pattern", "[a-\u00FC]");
    assert_true(fixture->last.failed);
    assert_non_null(strstr(said, "range of characters beyond ASCII"));
    /* Pieces begin and end where characters do. */
    char *line = malloc(30001);
    assert_non_null(line);
    for (size_t i = 0; i < 30000; i += 3) {
        memcpy(line + i, "\u20AC", 3);
    }
    line[30000] = '\0';
    memcpy(line + 20001, "gr\u00FCn----", 9);
    fixture_write(fixture, "f", line);
    free(line);
    assert_string_equal(search(fixture, "gr.{100}z"),
                        "no matches\n(1 long lines only searched in part)");
    assert_string_equal(search(fixture, "[^-\u20ACgr\u00FCn]"), "no matches");
    assert_non_null(strstr(search(fixture, "gr.n-"), "\u20ACgr\u00FCn-"));
}

static void what_is_around_a_match_is_shown(void **state)
{
    struct fixture *fixture = *state;
    char line[1001], expected[400];
    for (size_t i = 0; i < 1000; i += 2) {
        memcpy(line + i, "\u00E4", 3);
    }
    memcpy(line + 500, "-NEEDLE-", 8);
    memcpy(line + 998, "ZZ", 2);
    fixture_write(fixture, "f", line);
    snprintf(expected, sizeof expected, "f:1: ... %.300s ... (line cut)", line + 400);
    assert_string_equal(search(fixture, "NEEDLE"), expected);
    snprintf(expected, sizeof expected, "f:1: ... %s (line cut)", line + 700);
    assert_string_equal(search(fixture, "Z$"), expected);
    snprintf(expected, sizeof expected, "f:1: %.300s ... (line cut)", line);
    assert_string_equal(search(fixture, "^\u00E4"), expected);
}

static size_t heap_bytes(void)
{
    struct mallinfo2 heap = mallinfo2();
    return heap.uordblks + heap.hblkhd;
}

/* Each position of such a text is a new state to the matcher. */
static void the_matcher_keeps_a_bounded_amount(void **state)
{
    static const char text[] = "[ab]*a[ab]{20}c";
    struct search_pattern pattern;
    uint32_t random = 1;
    char line[513] = "";
    (void)state;
    assert_true(search_pattern_init(&pattern, text, strlen(text), NULL));
    size_t before = heap_bytes();
    for (int n = 0; n < 16; n++) {
        for (size_t i = 0; i + 1 < sizeof line; i++) {
            random = random * 1664525 + 1013904223;
            line[i] = random >> 31 ? 'a' : 'b';
        }
        regmatch_t piece = {0, sizeof line - 1};
        assert_int_equal(search_pattern_match(&pattern, false, line, &piece, 0), REG_NOMATCH);
        assert_true(heap_bytes() < before + 2 * (size_t)SEARCH_PATTERN_KEEPS);
    }
    search_pattern_finish(&pattern);
}

static void a_folder_that_is_read_in_part_is_said(void **state)
{
    struct fixture *fixture = *state;
    fixture_write(fixture, "broken", "a\n");
    is_broken = true;
    const char *said = fixture_call(fixture, "list_files", "{}");
    is_broken = false;
    assert_string_equal(said, "(empty)\n(1 directories could not be read through)");
}

#define WITH_WORKSPACE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WORKSPACE(a_long_line_is_searched_as_far_as_memory_allows),
        WITH_WORKSPACE(what_is_no_utf_8_is_counted),
        WITH_WORKSPACE(a_gitignore_that_is_no_use_is_said),
        WITH_WORKSPACE(what_is_cut_goes_along),
        WITH_WORKSPACE(ordinary_repetitions_are_taken),
        WITH_WORKSPACE(text_beyond_ascii_is_found_by_characters),
        WITH_WORKSPACE(what_is_around_a_match_is_shown),
        cmocka_unit_test(the_matcher_keeps_a_bounded_amount),
        WITH_WORKSPACE(a_folder_that_is_read_in_part_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
