/* The five file tools as the model sees them: the exact words of their results, and what each
 * refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"

#include "fixture.h"
#include "workspace.h"

static void contains(const char *text, const char *part)
{
    if (strstr(text, part) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", part, text);
    }
}

/* A refusal names what came, what is expected and an example. */
static void refused(struct fixture *fixture, const char *output, const char *part)
{
    assert_true(fixture->last.failed);
    assert_int_equal(strncmp(output, "error: ", 7), 0);
    contains(output, part);
}

static void list_shows_names_as_the_model_knows_them(void **state)
{
    struct fixture *fixture = *state;
    assert_string_equal(fixture_call(fixture, "list_files", "{}"), "(empty)");
    fixture_write(fixture, "river.txt", "a\n");
    fixture_write(fixture, "budget.sql", "b\n");
    fixture_write(fixture, "notes.md", "c\n");
    assert_string_equal(fixture_call(fixture, "list_files", "{}"),
                        "budget.sql\nnotes.md\nriver.txt");
    fixture_directory(fixture, "src");
    fixture_directory(fixture, "src/deep");
    fixture_directory(fixture, ".git");
    fixture_write(fixture, ".gitignore", "*.o\n/out/\n");
    fixture_write(fixture, "src/main.c", "int main;\n");
    fixture_write(fixture, "src/main.o", "x");
    fixture_write(fixture, "src/deep/more.c", "int more;\n");
    fixture_directory(fixture, "out");
    fixture_write(fixture, "out/gen.c", "x");
    fixture_link(fixture, "src", "link");
    fixture_write(fixture, "line\nbreak", "x");
    assert_string_equal(fixture_call(fixture, "list_files", "{\"path\": \".\"}"),
                        ".gitignore\nbudget.sql\nline?break\nlink\nnotes.md\nriver.txt\nsrc/");
    assert_string_equal(fixture_call(fixture, "list_files", "{\"path\": \"src/\"}"),
                        "deep/\nmain.c");
    assert_string_equal(fixture_call(fixture, "list_files", "{\"path\": \"link\"}"),
                        "deep/\nmain.c");
}

static void list_takes_globs(void **state)
{
    static const struct row {
        const char *arguments, *expected;
    } rows[] = {
        {"{\"pattern\": \"*.md\"}", "notes.md"},
        {"{\"pattern\": \"*.c\"}", "no name matches *.c (2 entries)"},
        {"{\"pattern\": \"src/*.h\"}", "no name matches src/*.h (5 entries)"},
        {"{\"pattern\": \".//./src//*.c\"}", "src/main.c"},
        {"{\"pattern\": \"src/\"}", "src/"},
        {"{\"pattern\": \"*/\"}", "src/"},
        {"{\"pattern\": \"**/\"}", "src/\nsrc/deep/"},
        {"{\"pattern\": \"notes.md/\"}", "no name matches notes.md/ (2 entries)"},
        {"{\"pattern\": \"**/*.c\"}", "src/deep/more.c\nsrc/main.c"},
        {"{\"pattern\": \"src/*.c\"}", "src/main.c"},
        {"{\"pattern\": \"src/**\"}", "src/deep/\nsrc/deep/more.c\nsrc/main.c"},
        {"{\"path\": \"src\", \"pattern\": \"*/*.c\"}", "deep/more.c"},
        {"{\"path\": \"src\", \"pattern\": \"d*\"}", "deep/"},
    };
    struct fixture *fixture = *state;
    fixture_directory(fixture, "src");
    fixture_directory(fixture, "src/deep");
    fixture_write(fixture, "notes.md", "c\n");
    fixture_write(fixture, "src/main.c", "int main;\n");
    fixture_write(fixture, "src/deep/more.c", "int more;\n");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_string_equal(fixture_call(fixture, "list_files", rows[i].arguments),
                            rows[i].expected);
    }
    fixture_write(fixture, "src/.gitignore", "*\n");
    assert_string_equal(fixture_call(fixture, "list_files", "{\"path\": \"src\"}"),
                        "(empty)\n(3 left out by .gitignore)");
    refused(fixture, fixture_call(fixture, "list_files", "{\"pattern\": \"*.{c,h}\"}"), "'{'");
    refused(fixture, fixture_call(fixture, "list_files", "{\"pattern\": \"/src/*\"}"), "'/'");
    refused(fixture, fixture_call(fixture, "list_files", "{\"pattern\": \"\"}"), "empty");
    refused(fixture, fixture_call(fixture, "list_files", "{\"path\": \"notes.md\"}"),
            "not a directory");
    refused(fixture, fixture_call(fixture, "list_files", "{\"path\": \"nowhere\"}"), "no nowhere");
}

static void list_says_how_much_it_left_out(void **state)
{
    struct fixture *fixture = *state;
    char name[64];
    for (int i = 0; i < 300; i++) {
        snprintf(name, sizeof name, "a-name-of-some-length-%03d.txt", i);
        fixture_write(fixture, name, "");
    }
    const char *output = fixture_call(fixture, "list_files", "{}");
    assert_true(strlen(output) <= 3200);
    size_t lines = 0;
    for (const char *at = output; (at = strchr(at, '\n')) != NULL; at++) {
        lines++;
    }
    char note[80];
    snprintf(note, sizeof note, "\n(%zu more not shown; ", 300 - lines);
    contains(output, note);
}

static void read_numbers_lines(void **state)
{
    static const struct row {
        const char *content, *arguments, *expected;
    } rows[] = {
        {"one\ntwo\n", "{\"path\": \"f\"}", "1: one\n2: two"},
        {"one\ntwo", "{\"path\": \"f\"}", "1: one\n2: two"},
        {"one\r\ntwo\r\n", "{\"path\": \"f\"}", "1: one\n2: two\n(lines end in CRLF)"},
        {"one\r\ntwo\n", "{\"path\": \"f\"}", "1: one\n2: two\n(some lines end in CRLF)"},
        {"one\r\ntwo", "{\"path\": \"f\", \"start_line\": 2}",
         "2: two\n(lines 2-2 of 2; lines end in CRLF)"},
        {"\n\n", "{\"path\": \"f\"}", "1: \n2: "},
        {"", "{\"path\": \"f\"}", "(empty file)"},
        {"\xEF\xBB\xBFmark\r\n", "{\"path\": \"f\"}",
         "1: mark\n(lines end in CRLF; begins with a BOM)"},
        {"caf\xE9 au lait, s'il vous plait\n", "{\"path\": \"f\"}",
         "1: caf\xEF\xBF\xBD au lait, s'il vous plait\n(bytes that are not UTF-8 are shown as "
         "\xEF\xBF\xBD, first in line 1; edit_file keeps them, write_file would not)"},
        {"one and some more\ntwo \xE9, and more\nthree\n", "{\"path\": \"f\", \"line_count\": 2}",
         "1: one and some more\n2: two \xEF\xBF\xBD, and more\n(lines 1-2 of 3; ask for start_line "
         "3; "
         "bytes that are not UTF-8 are shown as \xEF\xBF\xBD, first in line 2; edit_file keeps "
         "them, "
         "write_file would not)"},
        {"one \xE9, and some more\ntwo \xEF\xBF\xBD\n", "{\"path\": \"f\", \"start_line\": 2}",
         "2: two \xEF\xBF\xBD\n(lines 2-2 of 2)"},
        {"a\nb\nc\nd\n", "{\"path\": \"f\", \"start_line\": 3}", "3: c\n4: d\n(lines 3-4 of 4)"},
        {"a\nb\nc\nd\n", "{\"path\": \"f\", \"start_line\": 2, \"line_count\": 2}",
         "2: b\n3: c\n(lines 2-3 of 4; ask for start_line 4)"},
        {"a\nb\n", "{\"path\": \"f\", \"line_count\": 2}", "1: a\n2: b"},
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fixture_write(fixture, "f", rows[i].content);
        assert_string_equal(fixture_call(fixture, "read_file", rows[i].arguments),
                            rows[i].expected);
        assert_false(fixture->last.failed);
    }
    refused(fixture, fixture_call(fixture, "read_file", "{\"path\": \"f\", \"start_line\": 9}"),
            "start_line is 9, but f has 2 lines");
    refused(fixture, fixture_call(fixture, "read_file", "{\"path\": \"f\", \"start_line\": 0}"),
            "expected 1 or more");
    refused(fixture, fixture_call(fixture, "read_file", "{\"path\": \"f\", \"line_count\": \"x\"}"),
            "not a whole number");
    refused(fixture, fixture_call(fixture, "read_file", "{\"path\": \"g\"}"), "there is no g");
    refused(fixture, fixture_call(fixture, "read_file", "{}"), "path is missing");
}

static void read_goes_on_where_it_stopped(void **state)
{
    struct fixture *fixture = *state;
    FILE *file;
    char path[128];
    snprintf(path, sizeof path, "%s/long.txt", fixture->root);
    file = fopen(path, "w");
    for (int i = 1; i <= 1000; i++) {
        fprintf(file, "this is line %d\n", i);
    }
    fclose(file);
    /* Following the advice to the end sees every line once, in order. */
    int next = 1, pages = 0;
    while (next <= 1000) {
        const char *output = fixture_pack(fixture, "read_file", "{s:s, s:i}", "path", "long.txt",
                                          "start_line", next);
        assert_true(strlen(output) <= 3200);
        const char *at = output;
        for (char line[64];; next++) {
            snprintf(line, sizeof line, "%d: this is line %d\n", next, next);
            if (strncmp(at, line, strlen(line)) != 0) {
                break;
            }
            at += strlen(line);
        }
        char note[80];
        const char *advice = strstr(at, "ask for start_line ");
        if (next <= 1000) {
            snprintf(note, sizeof note, " of 1000; ask for start_line %d)", next);
            contains(at, note);
        } else {
            assert_null(advice);
        }
        pages++;
    }
    assert_in_range(pages, 5, 20);
}

static void read_cuts_a_long_line_and_says_so(void **state)
{
    struct fixture *fixture = *state;
    static char line[200 * 1024 + 1];
    memset(line, 'x', sizeof line - 1);
    fixture_write(fixture, "long", line);
    const char *output = fixture_call(fixture, "read_file", "{\"path\": \"long\"}");
    assert_true(strlen(output) < 1200);
    contains(output, "(line cut: it has 204800 bytes)");
}

/* Even with the smallest cap and bytes that grow threefold when they are made UTF-8. */
static void read_shows_at_least_one_line(void **state)
{
    struct fixture *fixture = *state;
    static char text[16 * 1024];
    memset(text, 'a', sizeof text);
    text[9000] = '\n';
    memset(text + 9001, '\xFF', 4000);
    text[13001] = '\n';
    fixture_write_bytes(fixture, "f", text, sizeof text);
    fixture->policy.result_tokens = 1;
    for (int line = 1; line <= 3; line++) {
        const char *output =
            fixture_pack(fixture, "read_file", "{s:s, s:i}", "path", "f", "start_line", line);
        assert_false(fixture->last.failed);
        assert_true(strlen(output) <= 640);
        contains(output, "(line cut: it has ");
    }
    const char *output = fixture_call(fixture, "search_files", "{\"pattern\": \"a\"}");
    contains(output, "f:1: aaa");
    contains(output, "(line cut)");
}

static void read_knows_what_is_no_text(void **state)
{
    static const unsigned char png[] = "\x89PNG\r\n\x1A\n\0\0\0\x0DIHDR\0\0\x02\x80\0\0\x01\xE0";
    static const unsigned char jpeg[] =
        "\xFF\xD8\xFF\xE0\0\x04zz\xFF\xC0\0\x0B\x08\0\x10\0\x20\x01\0\0\0";
    static const unsigned char odd_jpeg[] = "\xFF\xD8\xFF\xE0\0\0\0\0\0\0\0\0\0";
    struct fixture *fixture = *state;
    fixture_write_bytes(fixture, "a.png", png, sizeof png);
    fixture_write_bytes(fixture, "a.jpg", jpeg, sizeof jpeg);
    fixture_write_bytes(fixture, "b.jpg", odd_jpeg, sizeof odd_jpeg);
    fixture_write_bytes(fixture, "a.bin", "abc\0def", 7);
    fixture_write_bytes(fixture, "b.bin", "\xFE\xFA\xFB\xFC\xFD", 5);
    contains(fixture_call(fixture, "read_file", "{\"path\": \"a.png\"}"),
             "a PNG image of 640 x 480");
    assert_int_equal(fixture->last.picture_size, sizeof png);
    assert_memory_equal(fixture->last.picture, png, sizeof png);
    assert_string_equal(fixture->last.picture_kind, "image/png");
    contains(fixture_call(fixture, "read_file", "{\"path\": \"a.jpg\"}"),
             "a JPEG image of 32 x 16");
    assert_string_equal(fixture->last.picture_kind, "image/jpeg");
    contains(fixture_call(fixture, "read_file", "{\"path\": \"b.jpg\"}"), "a JPEG image");
    assert_int_equal(fixture->last.picture_size, sizeof odd_jpeg);
    refused(fixture, fixture_call(fixture, "read_file", "{\"path\": \"a.bin\"}"),
            "binary data (7 bytes); only text and pictures");
    refused(fixture, fixture_call(fixture, "read_file", "{\"path\": \"b.bin\"}"), "binary data");
    assert_null(fixture->last.picture);
    char path[256];
    snprintf(path, sizeof path, "%s/a.png", fixture->root);
    assert_int_equal(truncate(path, 3 * 1024 * 1024), 0);
    refused(fixture, fixture_call(fixture, "read_file", "{\"path\": \"a.png\"}"),
            "at most 2621440");
    assert_null(fixture->last.picture);
}

static void read_takes_a_huge_file_in_pieces(void **state)
{
    struct fixture *fixture = *state;
    char path[128];
    snprintf(path, sizeof path, "%s/huge", fixture->root);
    fixture_write(fixture, "huge", "first\nsecond\n");
    assert_int_equal(truncate(path, 70 * 1024 * 1024), 0); /* sparse: NULs after 8 KiB of text */
    refused(fixture, fixture_call(fixture, "read_file", "{\"path\": \"huge\"}"), "binary");
    FILE *file = fopen(path, "w");
    for (int i = 0; i < 20000; i++) {
        fprintf(file, "line %d\n", i);
    }
    fclose(file);
    assert_int_equal(truncate(path, 70 * 1024 * 1024), 0);
    const char *output = fixture_call(fixture, "read_file", "{\"path\": \"huge\"}");
    assert_false(fixture->last.failed);
    contains(output, "of a file of 73400320 bytes; ask for start_line ");
    refused(fixture,
            fixture_call(fixture, "edit_file",
                         "{\"path\": \"huge\", \"old_text\": \"line 1\", "
                         "\"new_text\": \"x\"}"),
            "at most 16777216");
}

static void write_creates_and_replaces_what_was_read(void **state)
{
    struct fixture *fixture = *state;
    assert_string_equal(
        fixture_call(fixture, "write_file", "{\"path\": \"a/b/c.txt\", \"content\": \"one\\n\"}"),
        "created a/b/c.txt");
    assert_string_equal(fixture_content(fixture, "a/b/c.txt"), "one\n");
    /* What was written counts as read. */
    assert_string_equal(
        fixture_call(fixture, "write_file", "{\"path\": \"./a/b/c.txt\", \"content\": \"two\"}"),
        "replaced a/b/c.txt");
    assert_string_equal(fixture_content(fixture, "a/b/c.txt"), "two");
    fixture_write(fixture, "a/b/c.txt", "by somebody else\n");
    refused(fixture,
            fixture_call(fixture, "write_file", "{\"path\": \"a/b/c.txt\", \"content\": \"x\"}"),
            "changed on disk since it was read. Read it again");
    fixture_write(fixture, "old.txt", "old\n");
    refused(fixture,
            fixture_call(fixture, "write_file", "{\"path\": \"old.txt\", \"content\": \"x\"}"),
            "was not read in this conversation. Read it first with read_file {\"path\": "
            "\"old.txt\"}");
    assert_string_equal(fixture_content(fixture, "old.txt"), "old\n");
    /* Nor is it read by a call that showed nothing of it. */
    refused(fixture,
            fixture_call(fixture, "read_file", "{\"path\": \"old.txt\", \"start_line\": 999}"),
            "start_line is 999, but old.txt has 1 lines");
    refused(fixture,
            fixture_call(fixture, "write_file", "{\"path\": \"old.txt\", \"content\": \"x\"}"),
            "was not read in this conversation");
    fixture_call(fixture, "read_file", "{\"path\": \"old.txt\", \"line_count\": 1}");
    assert_string_equal(
        fixture_call(fixture, "write_file", "{\"path\": \"old.txt\", \"content\": \"\"}"),
        "replaced old.txt");
    assert_string_equal(fixture_content(fixture, "old.txt"), "");
    fixture->policy.read_only = true;
    refused(fixture, fixture_call(fixture, "write_file", "{\"path\": \"n\", \"content\": \"x\"}"),
            "may only read");
}

static void edit_replaces_one_place(void **state)
{
    static const struct row {
        const char *before, *old_text, *new_text, *after;
    } rows[] = {
        {"one\ntwo\n", "two", "2", "one\n2\n"},           {"one\ntwo\n", "one\ntwo\n", "x", "x"},
        {"one\ntwo", "two", "two\n", "one\ntwo\n"},       {"one\ntwo\n", "\ntwo", "", "one\n"},
        {"a\r\nb\r\n", "a\nb", "c\nd", "c\r\nd\r\n"},     /* the file's endings */
        {"a\r\nb\r\n", "a\r\nb", "c\r\nd", "c\r\nd\r\n"}, /* given already */
        {"a\r\nb\r\n", "b", "c\nd", "a\r\nc\r\nd\r\n"},   /* new lines get them too */
        {"a\r\nb\r\n", "\nb", "\nc", "a\r\nc\r\n"},       /* half an ending at the seam */
        {"a\r\nb\nc\n", "c", "d\ne", "a\r\nb\nd\ne\n"},   /* a mixed file: as the line did */
        {"a\r\nb\nc\n", "a\nb", "x\ny", "x\r\ny\nc\n"},   /* each line as the one before it */
        {"caf\xC3\xA9\n", "\xC3\xA9", "e", "cafe\n"},     {"tab\there", "\t", " ", "tab here"},
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fixture_write(fixture, "f.txt", rows[i].before);
        fixture_call(fixture, "read_file", "{\"path\": \"f.txt\"}");
        const char *said = fixture_pack(fixture, "edit_file", "{s:s, s:s, s:s}", "path", "f.txt",
                                        "old_text", rows[i].old_text, "new_text", rows[i].new_text);
        assert_int_equal(strncmp(said, "changed f.txt\n@@ line ", 22), 0);
        assert_string_equal(fixture_content(fixture, "f.txt"), rows[i].after);
    }
    /* The own edit counts as read. */
    assert_string_equal(fixture_call(fixture, "edit_file",
                                     "{\"path\": \"f.txt\", \"old_text\": \"tab\", "
                                     "\"new_text\": \"x\"}"),
                        "changed f.txt\n@@ line 1 @@\n-tab here\n+x here");
}

/* Whole lines, with the number of the first; long ones and many of them are cut with words. */
static void an_edit_shows_what_it_did(void **state)
{
    static const struct row {
        const char *before, *old_text, *new_text, *difference;
    } rows[] = {
        {"a\nb\nc\n", "b", "x", "@@ line 2 @@\n-b\n+x"},
        {"a\nb\nc\n", "b\n", "", "@@ line 2 @@\n-b"},
        {"a\nb\nc\n", "b\n", "b\nd\n", "@@ line 2 @@\n-b\n+b\n+d"},
        {"a\nbc\nd\n", "c\n", "", "@@ line 2 @@\n-bc\n-d\n+bd"},
        {"a\r\nb\r\n", "b", "x", "@@ line 2 @@\n-b\n+x"},
        {"a", "a", "b\n1\n2\n3\n4\n5\n6\n7\n8\n9",
         "@@ line 1 @@\n-a\n+b\n+1\n+2\n+3\n+4\n+5\n+6\n+7\n+ ... (2 more lines)"},
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fixture_write(fixture, "f.txt", rows[i].before);
        fixture_call(fixture, "read_file", "{\"path\": \"f.txt\"}");
        const char *said = fixture_pack(fixture, "edit_file", "{s:s, s:s, s:s}", "path", "f.txt",
                                        "old_text", rows[i].old_text, "new_text", rows[i].new_text);
        assert_string_equal(said + strlen("changed f.txt\n"), rows[i].difference);
    }
    char *line = malloc(40000);
    memset(line, 'y', 39999);
    line[39999] = '\0';
    line[20000] = 'z';
    fixture_write(fixture, "f.txt", line);
    free(line);
    fixture_call(fixture, "read_file", "{\"path\": \"f.txt\"}");
    const char *said = fixture_call(fixture, "edit_file",
                                    "{\"path\": \"f.txt\", \"old_text\": \"z\", "
                                    "\"new_text\": \"x\"}");
    assert_true(strlen(said) < 600);
    assert_non_null(strstr(said, "y ... (line cut)\n+yyy"));
}

static const char *edit(struct fixture *fixture, const char *old_text, const char *new_text)
{
    return fixture_pack(fixture, "edit_file", "{s:s, s:s, s:s}", "path", "f.txt", "old_text",
                        old_text, "new_text", new_text);
}

static void edit_refuses_with_reasons(void **state)
{
    struct fixture *fixture = *state;
    const char *before = "int alpha = 1;\nint beta = 2;\n  return alpha;\nint beta2 = 2;\n";
    refused(fixture, edit(fixture, "a", "b"), "there is no f.txt");
    fixture_write(fixture, "f.txt", before);
    refused(fixture, edit(fixture, "alpha", "b"), "was not read");
    fixture_call(fixture, "read_file", "{\"path\": \"f.txt\"}");
    const char *output = edit(fixture, "return  alpha ;", "b");
    refused(fixture, output, "does not occur in f.txt. Received \"return  alpha ;\"");
    contains(output, "the nearest is line 3: \"  return alpha;\"");
    refused(fixture, edit(fixture, "2: int beta = 2;", "b"), "Leave out the line number");
    refused(fixture, edit(fixture, "zzzzqqqq", "b"), "no line is like it");
    refused(fixture, edit(fixture, "int beta", "b"), "occurs 2 times in f.txt, in lines 2 and 4");
    refused(fixture, edit(fixture, "", "b"), "old_text is empty");
    refused(fixture, edit(fixture, "alpha", "alpha"), "the same");
    fixture_write(fixture, "f.txt", "aaa");
    refused(fixture, edit(fixture, "aa", "b"), "changed on disk");
    fixture_call(fixture, "read_file", "{\"path\": \"f.txt\"}");
    refused(fixture, edit(fixture, "aa", "b"), "occurs 2 times"); /* overlapping ones count */
    assert_string_equal(fixture_content(fixture, "f.txt"), "aaa");
    /* What is not UTF-8 cannot be said, so it is no way out. */
    fixture_write(fixture, "f.txt", "caf\xE9 at the corner of the road\nand more words here\n");
    fixture_call(fixture, "read_file", "{\"path\": \"f.txt\"}");
    output = edit(fixture, "caf\xEF\xBF\xBD at the corner of the road", "b");
    refused(fixture, output, "the nearest is line 1, which holds bytes that are not UTF-8");
    contains(output, "Leave out U+FFFD");
    assert_null(strstr(output, "for example"));
    refused(fixture, edit(fixture, "and more words here\n\xEF\xBF\xBD", "b"), "Leave out U+FFFD");
    edit(fixture, " at the corner of", " beside");
    assert_string_equal(fixture_content(fixture, "f.txt"),
                        "caf\xE9 beside the road\nand more words here\n");
    /* The file's bytes go back to the model: never more than a little of them. */
    static char large[64 * 1024];
    memset(large, 'a', sizeof large - 1);
    fixture_write(fixture, "f.txt", large);
    fixture_call(fixture, "read_file", "{\"path\": \"f.txt\"}");
    refused(fixture, edit(fixture, "aaaa", "b"), "1000 or more times");
    large[1] = 'b';
    output = edit(fixture, large, "b");
    assert_true(strlen(output) < 2000);
}

static void search_finds_lines(void **state)
{
    static const struct row {
        const char *arguments, *expected;
    } rows[] = {
        {"{\"pattern\": \"potion\"}",
         ".gitignore:2: # potion\ncomet.json:2: potion\nsrc/a.c:1: int potion;"},
        {"{\"pattern\": \"potion\", \"path\": \"src\"}", "src/a.c:1: int potion;"},
        {"{\"pattern\": \"potion\", \"path\": \"comet.json\"}", "comet.json:2: potion"},
        {"{\"pattern\": \"potion\", \"path\": \"gen.o\"}", "gen.o:1: potion"}, /* asked for */
        {"{\"pattern\": \"^(int|long) [a-z]+;$\"}", "src/a.c:1: int potion;"},
        {"{\"pattern\": \"nowhere\"}", "no matches"},
        {"{\"pattern\": \"x{2,3}y\"}", "src/a.c:2: xxy"},
        {"{\"pattern\": \"Potion\"}", "no matches"},
    };
    struct fixture *fixture = *state;
    fixture_directory(fixture, "src");
    fixture_directory(fixture, ".git");
    fixture_write(fixture, ".git/config", "potion\n");
    fixture_write(fixture, ".gitignore", "*.o\n# potion\n");
    fixture_write(fixture, "gen.o", "potion\n");
    fixture_write(fixture, "comet.json", "first\npotion\r\n");
    fixture_write(fixture, "src/a.c", "int potion;\nxxy\n");
    fixture_write_bytes(fixture, "binary", "potion\0\n", 8);
    fixture_link(fixture, "comet.json", "link");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *said = fixture_call(fixture, "search_files", rows[i].arguments);
        size_t length = strlen(rows[i].expected);
        assert_memory_equal(said, rows[i].expected, length);
        /* The file that was passed over is in the root. */
        assert_string_equal(said + length, strstr(rows[i].arguments, "path") != NULL
                                               ? ""
                                               : "\n(1 binary or UTF-16 files not searched)");
    }
}

/* What the user denied is left out wherever a search or a listing begins, and that is said. */
static void denied_paths_are_left_out(void **state)
{
    static const struct row {
        const char *tool, *arguments, *expected;
    } rows[] = {
        {"search_files", "{\"pattern\": \"potion\"}",
         ".gitignore:2: # potion\n(2 left out by a rule of the user's)"},
        {"list_files", "{}", ".gitignore\n(2 left out by a rule of the user's)"},
        {"search_files", "{\"pattern\": \"potion\", \"path\": \"src\"}",
         "error: src is denied by a rule of the user's"},
        {"search_files", "{\"pattern\": \"potion\", \"path\": \"./src/../src/a.c\"}",
         "error: src/a.c is denied by a rule of the user's"},
        {"search_files", "{\"pattern\": \"potion\", \"path\": \"comet.json\"}",
         "error: comet.json is denied by a rule of the user's"},
        {"list_files", "{\"path\": \"src\"}", "error: src is denied by a rule of the user's. "},
    };
    struct fixture *fixture = *state;
    char *patterns[] = {(char *)"src/", (char *)"*.json"};
    fixture_directory(fixture, "src");
    fixture_write(fixture, ".gitignore", "*.o\n# potion\n");
    fixture_write(fixture, "comet.json", "first\npotion\n");
    fixture_write(fixture, "src/a.c", "int potion;\n");
    fixture->policy.denied = (struct policy_list){patterns, 2, 2};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *said = fixture_call(fixture, rows[i].tool, rows[i].arguments);
        assert_memory_equal(said, rows[i].expected, strlen(rows[i].expected));
    }
    fixture->policy.denied = (struct policy_list){0};
}

/* The same in another folder than the workspace, whose paths are whole ones. */
static void denied_paths_of_another_folder_are_left_out(void **state)
{
    static const struct row {
        const char *pattern, *found; /* of the two files */
    } rows[] = {
        {"/", ""},         {"/keys/", "plain"}, {"/keys/a", "plain"},
        {"/p*", "keys/a"}, {"keys/", "plain"},  {"//**/keys/a", "plain"},
    };
    struct fixture *fixture = *state;
    struct err err;
    char other[96], path[128], line[128];
    snprintf(other, sizeof other, "%s/other", fixture->outside);
    fixture_directory(fixture, other);
    snprintf(path, sizeof path, "%s/keys", other);
    fixture_directory(fixture, path);
    snprintf(path, sizeof path, "%s/keys/a", other);
    fixture_write(fixture, path, "potion\n");
    snprintf(path, sizeof path, "%s/plain", other);
    fixture_write(fixture, path, "potion\n");
    assert_true(workspace_add(fixture->context.workspace, other, false, &err));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bool whole = rows[i].pattern[0] == '/' && rows[i].pattern[1] != '/';
        snprintf(line, sizeof line, "%s%s%s", whole ? "/" : "", whole ? other : "",
                 rows[i].pattern);
        char *patterns[] = {line};
        fixture->policy.denied = (struct policy_list){patterns, 1, 1};
        const char *said =
            fixture_pack(fixture, "search_files", "{s:s, s:s}", "pattern", "potion", "path", other);
        assert_int_equal(strstr(said, "plain:1") != NULL, strcmp(rows[i].found, "plain") == 0);
        assert_int_equal(strstr(said, "keys/a:1") != NULL, strcmp(rows[i].found, "keys/a") == 0);
        assert_non_null(strstr(said, "by a rule of the user's"));
        said = fixture_pack(fixture, "list_files", "{s:s}", "path", other);
        assert_int_equal(strstr(said, "plain") != NULL, strcmp(rows[i].found, "plain") == 0);
    }
    fixture->policy.denied = (struct policy_list){0};
}

static void search_refuses_what_it_cannot_do(void **state)
{
    static const struct row {
        const char *pattern, *part;
    } rows[] = {
        {"", "is empty"},
        {"main(", "is not an extended regular expression: Unmatched ( or \\("},
        {"(a)\\1", "back-reference"},
        {"\\d+", "Write [0-9]"},
        {"(?:a)", "holds (?"},
        {"((a{1,100}){1,100}){1,100}", "repeats too often"},
        {"a{99999}", "more than 1000 parts"},
        {"((a{,100}){,100}){,100}", "repeats too often"},
        {"(abc){1,}{1,}", "directly behind a repetition; the character itself is written [{]"},
        {"(abcdefgh){100,}", "repeats too often"},
        {"// ++++++++++++++++", "holds + directly behind a repetition"},
        {"a+?", "written [?]"},
        {"((((((((((a+b)+b)+b)+b)+b)+b)+b)+b)+b)+)", "repeats too often"},
        {"x{ 300", "holds { without a number behind it; the character itself is written [{]"},
        {"(((((((((((((((((((((((a)))))))))))))))))))))))", "nested too deeply"},
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *output =
            fixture_pack(fixture, "search_files", "{s:s}", "pattern", rows[i].pattern);
        refused(fixture, output, rows[i].part);
        contains(output, "for example");
    }
    refused(fixture,
            fixture_call(fixture, "search_files", "{\"pattern\": \"a\", \"path\": \"no\"}"),
            "there is no no");
    char pipe[128];
    snprintf(pipe, sizeof pipe, "%s/pipe", fixture->root);
    assert_int_equal(mkfifo(pipe, 0644), 0);
    refused(fixture,
            fixture_call(fixture, "search_files", "{\"pattern\": \"a\", \"path\": \"pipe\"}"),
            "pipe is not a regular file");
}

static void search_counts_what_it_does_not_show(void **state)
{
    struct fixture *fixture = *state;
    char path[128];
    for (int f = 0; f < 3; f++) {
        snprintf(path, sizeof path, "%s/f%d.txt", fixture->root, f);
        FILE *file = fopen(path, "w");
        for (int i = 1; i <= 100; i++) {
            fprintf(file, "the lantern number %d of file %d\n", i, f);
        }
        fclose(file);
    }
    const char *output = fixture_call(fixture, "search_files", "{\"pattern\": \"lantern\"}");
    assert_true(strlen(output) <= 3200);
    size_t lines = 0;
    for (const char *at = output; (at = strchr(at, '\n')) != NULL; at++) {
        lines++;
    }
    char note[80];
    snprintf(note, sizeof note, "\n(%zu more matches in 3 files)", 300 - lines);
    contains(output, note);
}

/* Long lines of the letters that make naive matchers explode. */
static void a_hostile_expression_does_not_hang(void **state)
{
    static const char *const patterns[] = {"(a*)*b", "(a|aa)+c", "(a|b)*a(a|b){190}c",
                                           "a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?aaaaaaaaaaaaaaab"};
    struct fixture *fixture = *state;
    static char line[4001];
    for (size_t i = 0; i < sizeof line - 1; i++) {
        line[i] = i % 3 == 0 ? 'b' : 'a';
    }
    fixture_write(fixture, "a.txt", line);
    int64_t begin = clock_monotonic_us();
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
        fixture_pack(fixture, "search_files", "{s:s}", "pattern", patterns[i]);
        assert_false(fixture->last.failed);
    }
    assert_true(clock_monotonic_us() - begin < 20 * 1000000);
}

static int looks;

static bool cancelled_at_the_third_look(void *host)
{
    (void)host;
    return ++looks >= 3;
}

static void cancelling_ends_each_long_call(void **state)
{
    static const struct row {
        const char *name, *arguments;
    } rows[] = {
        {"list_files", "{\"pattern\": \"**\"}"},
        {"search_files", "{\"pattern\": \"x\"}"},
        {"read_file", "{\"path\": \"long\", \"start_line\": 199999}"},
    };
    struct fixture *fixture = *state;
    char path[128];
    snprintf(path, sizeof path, "%s/long", fixture->root);
    FILE *file = fopen(path, "w");
    for (int i = 0; i < 200 * 1000; i++) {
        fputs("y\n", file);
    }
    fclose(file);
    for (int i = 0; i < 20; i++) {
        snprintf(path, sizeof path, "f%d", i);
        fixture_write(fixture, path, "y\n");
    }
    fixture->context.cancelled = cancelled_at_the_third_look;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        looks = 0;
        contains(fixture_call(fixture, rows[i].name, rows[i].arguments), "cancelled");
        assert_true(fixture->last.failed);
        assert_int_equal(looks, 3);
    }
}

static void a_nul_in_an_argument_is_refused(void **state)
{
    struct fixture *fixture = *state;
    refused(fixture, fixture_pack(fixture, "read_file", "{s:s#}", "path", "a\0b", 3), "NUL");
    refused(fixture,
            fixture_pack(fixture, "write_file", "{s:s, s:s#}", "path", "a", "content", "a\0b", 3),
            "NUL");
    assert_false(fixture_exists(fixture, "a"));
}

static const struct tool *by_name(const char *name)
{
    for (const struct tool *tool = file_tools; tool->name != NULL; tool++) {
        if (strcmp(tool->name, name) == 0) {
            return tool;
        }
    }
    return NULL;
}

/* Every allocation of each call fails once, and then all from there on. Each failure is a result
 * that says so, and the file is either as before or as it should be. */
static void no_memory_is_a_result(void **state)
{
    static const struct row {
        const char *name, *arguments;
    } rows[] = {
        {"read_file", "{\"path\": \"f.txt\"}"},
        {"edit_file", "{\"path\": \"f.txt\", \"old_text\": \"a\\nb\", \"new_text\": \"c\\nd\"}"},
        {"write_file", "{\"path\": \"f.txt\", \"content\": \"c\\r\\nd\\r\\n\"}"},
        {"list_files", "{\"pattern\": \"**\"}"},
        {"search_files", "{\"pattern\": \"[a-d]\"}"},
    };
    struct fixture *fixture = *state;
    size_t failures = 0;
    fixture_write(fixture, ".gitignore", "*.o\n");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        json_t *arguments = json_loads(rows[i].arguments, 0, NULL);
        for (int lasting = 0; lasting <= 1; lasting++) {
            for (unsigned long n = 1;; n++) {
                struct tool_result result = {.response = NULL};
                fixture_write(fixture, "f.txt", "a\r\nb\r\n");
                fixture_call(fixture, "read_file", "{\"path\": \"f.txt\"}");
                mem_fail_at(n, lasting);
                by_name(rows[i].name)->call(&fixture->context, arguments, &result);
                bool reached = mem_allocation_count() >= n;
                mem_fail_at(0, 0);
                assert_non_null(result.response);
                const char *now = fixture_content(fixture, "f.txt");
                assert_true(strcmp(now, "a\r\nb\r\n") == 0 || strcmp(now, "c\r\nd\r\n") == 0);
                if (result.failed) {
                    assert_string_equal(now, "a\r\nb\r\n");
                    contains(json_string_value(json_object_get(result.response, "output")),
                             "no memory");
                    failures++;
                }
                json_decref(result.response);
                if (!reached) {
                    break;
                }
                assert_true(n < 100);
            }
        }
        json_decref(arguments);
    }
    assert_true(failures >= 20);
}

#define WITH_WORKSPACE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WORKSPACE(list_shows_names_as_the_model_knows_them),
        WITH_WORKSPACE(list_takes_globs),
        WITH_WORKSPACE(list_says_how_much_it_left_out),
        WITH_WORKSPACE(read_numbers_lines),
        WITH_WORKSPACE(read_goes_on_where_it_stopped),
        WITH_WORKSPACE(read_cuts_a_long_line_and_says_so),
        WITH_WORKSPACE(read_shows_at_least_one_line),
        WITH_WORKSPACE(read_knows_what_is_no_text),
        WITH_WORKSPACE(read_takes_a_huge_file_in_pieces),
        WITH_WORKSPACE(write_creates_and_replaces_what_was_read),
        WITH_WORKSPACE(edit_replaces_one_place),
        WITH_WORKSPACE(an_edit_shows_what_it_did),
        WITH_WORKSPACE(edit_refuses_with_reasons),
        WITH_WORKSPACE(search_finds_lines),
        WITH_WORKSPACE(denied_paths_are_left_out),
        WITH_WORKSPACE(denied_paths_of_another_folder_are_left_out),
        WITH_WORKSPACE(search_refuses_what_it_cannot_do),
        WITH_WORKSPACE(search_counts_what_it_does_not_show),
        WITH_WORKSPACE(a_hostile_expression_does_not_hang),
        WITH_WORKSPACE(cancelling_ends_each_long_call),
        WITH_WORKSPACE(a_nul_in_an_argument_is_refused),
        WITH_WORKSPACE(no_memory_is_a_result),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
