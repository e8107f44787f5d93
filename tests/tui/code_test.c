/* Code and differences: which bytes get which colour. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "tui/code.h"
#include "tui/layout.h"
#include "tui/syntax.h"

/* A letter for each role, to write expectations with: "k:int" is a keyword. */
static char letter(enum theme_role role)
{
    switch (role) {
    case THEME_KEYWORD:
        return 'k';
    case THEME_STRING:
        return 's';
    case THEME_NUMBER:
        return 'n';
    case THEME_COMMENT:
        return 'c';
    case THEME_ADDED:
        return 'a';
    case THEME_REMOVED:
        return 'r';
    case THEME_ADDED_WORD:
        return 'A';
    case THEME_REMOVED_WORD:
        return 'R';
    case THEME_FAINT:
        return 'f';
    default:
        return 't';
    }
}

static void end(struct layout_writer *writer)
{
    layout_end_line(writer, "", "", THEME_TEXT, WRAP_CELLS);
}

/* The whole text as "letter:bytes|" for each run, a newline behind each row. */
static void expect(const char *language, const char *text, const char *expected)
{
    struct layout layout;
    struct layout_writer writer;
    struct str got;
    layout_init(&layout);
    layout_writer_init(&writer, &layout, 400, 0);
    struct syntax_state syntax = {0};
    code_layout(&writer, language, strlen(language), &syntax, text, strlen(text), end);
    layout_writer_finish(&writer);
    str_init(&got);
    for (size_t row = 0; row < layout.count; row++) {
        size_t run = layout.rows[row].run, at = layout.rows[row].start;
        while (at < layout.rows[row].end) {
            size_t stop = layout.runs.items[run].end;
            stop = stop < layout.rows[row].end ? stop : layout.rows[row].end;
            str_append_format(&got, "%c:", letter(layout.runs.items[run].role));
            str_append_bytes(&got, layout.text.data + at, stop - at);
            str_append_char(&got, '|');
            at = stop;
            run++;
        }
        str_append_char(&got, '\n');
    }
    if (strcmp(got.data, expected) != 0) {
        fail_msg("%s:\n%s\nis\n%s\nnot\n%s", language, text, got.data, expected);
    }
    str_finish(&got);
    layout_finish(&layout);
}

static void test_languages(void **state)
{
    (void)state;
    expect("c", "int x = 42; // answer", "k:int|t: x = |n:42|t:; |c:// answer|\n");
    expect("c", "a /* b\nreturn */ c", "t:a |c:/* b|\nc:return */|t: c|\n");
    expect("C++ {.numbers}", "s = \"a \\\" // b\";", "t:s = |s:\"a \\\" // b\"|t:;|\n");
    expect("python", "x = '''a\n# b\n''' # c", "t:x = |s:'''a|\ns:# b|\ns:'''|t: |c:# c|\n");
    expect("python", "printer = for_x", "t:printer = for_x|\n"); /* words are whole */
    expect("sql", "Select a FROM t -- x", "k:Select|t: a |k:FROM|t: t |c:-- x|\n");
    expect("json", "{\"a\": true}", "t:{|s:\"a\"|t:: |k:true|t:}|\n");
    expect("yaml", "name: \"x\"", "k:name|t:: |s:\"x\"|\n");
    expect("sh", "echo \"$x\" # y", "k:echo|t: |s:\"$x\"|t: |c:# y|\n");
    expect("js", "`a\n${b}` + 1.5", "s:`a|\ns:${b}`|t: + |n:1.5|\n");
    expect("c", "s = \"open", "t:s = |s:\"open|\n"); /* ends with its line */
    expect("unknown", "int x", "t:int x|\n");
    expect("", "int x", "t:int x|\n");
    assert_null(syntax_find("", 0));
    assert_null(syntax_find("c py", 4));
    assert_non_null(syntax_find("Python", 6));
}

static void test_differences(void **state)
{
    (void)state;
    expect("diff",
           "--- a/x\n+++ b/x\n@@ -1 +1 @@\n same\n-int one = 1;\n+int two = 1;\n-all\n+else\n+more",
           "f:--- a/x|\nf:+++ b/x|\nf:@@ -1 +1 @@|\nt: same|\n"
           "r:-int |R:one|r: = 1;|\na:+int |A:two|a: = 1;|\n"
           "r:-all|\na:+else|\na:+more|\n");
    /* Characters are not cut: the two differ in their last byte alone. */
    expect("diff", "-a 字 wide\n+a 孖 wide", "r:-a |R:字|r: wide|\na:+a |A:孖|a: wide|\n");
    expect("diff", "-gone", "r:-gone|\n");
    static const char difference[] = "edit x\n@@ -1 +1 @@\n-a\n+b\n", list[] = "- one\n- two\n";
    assert_true(code_is_difference(difference, strlen(difference)));
    assert_false(code_is_difference(list, strlen(list)));
}

static void test_themes(void **state)
{
    (void)state;
    static const char *const names[] = {"colour", "light", "contrast", "mono"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const struct theme *theme = theme_find(names[i]);
        assert_non_null(theme);
        for (int role = 0; role < THEME_ROLES; role++) {
            struct terminal_look look = theme_look(theme, (enum theme_role)role);
            assert_in_range(look.foreground + 1, 0, 16);
            if (strcmp(names[i], "mono") == 0) {
                assert_int_equal(look.foreground, -1);
                assert_int_equal(look.background, -1);
            }
        }
    }
    assert_null(theme_find("no such"));
    /* What matters most stands out without a colour, too. */
    assert_true(theme_look(theme_find("mono"), THEME_WARNING).style & TERMINAL_REVERSE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_languages),
        cmocka_unit_test(test_differences),
        cmocka_unit_test(test_themes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
