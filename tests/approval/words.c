/* A command's text as simple commands: exactly the words that /bin/sh would run, or the reason why
 * it cannot be told. Written here as one line for each text: words as they are, "=" before an
 * assignment, ">" "<" "&" before what is written, read, duplicated, "?" behind what only the shell
 * will know, ";" between commands; "!" and the reason where nothing is read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "approval/shell_words.h"
#include "base/str.h"

static void add(struct str *out, const char *mark, const struct shell_word *word)
{
    const char *gap = out->length > 0 ? " " : "";
    str_append_format(out, "%s%s[%s]%s", gap, mark, word->text, word->open ? "?" : "");
}

static void spell(const char *text, size_t length, struct str *out)
{
    struct shell_script script;
    const char *why = NULL;
    if (!shell_words_read(&script, text, length, &why)) {
        str_append_format(out, "! %s", why);
        assert_int_equal(script.count, 0);
        return;
    }
    for (size_t i = 0; i < script.count; i++) {
        const struct shell_simple *simple = &script.items[i];
        str_append(out, i > 0 ? " ;" : "");
        for (size_t k = 0; k < simple->assignments.count; k++) {
            add(out, "=", &simple->assignments.items[k]);
        }
        for (size_t k = 0; k < simple->words.count; k++) {
            add(out, "", &simple->words.items[k]);
        }
        for (size_t k = 0; k < simple->redirection_count; k++) {
            const struct shell_redirection *one = &simple->redirections[k];
            add(out, one->duplicates ? "&" : one->writes ? ">" : "<", &one->target);
        }
    }
    shell_words_finish(&script);
}

static void test_words(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"a b", "[a] [b]"},
        {"\\rm x", "[rm] [x]"},
        {"a;\\rm x", "[a] ; [rm] [x]"},
        {"a;b\\\n", "! a backslash stands at the end of a line"},
        {"a \\\n b", "[a] [b]"},
        {"\\\n a", "[a]"},
        {"a ; \\\n b", "[a] ; [b]"},
        {"a\t b\t", "[a] [b]"},
        {"\n\n a\n\nb\n", "[a] ; [b]"},
        {"a;b&c&&d||e|f", "[a] ; [b] ; [c] ; [d] ; [e] ; [f]"},
        {"a&", "[a]"},
        {"a;", "[a]"},
        {"(a)", "[a]"},
        {"( a ;b) ;c", "[a] ; [b] ; [c]"},
        {"(a;)", "[a]"},
        {"((a))", "! it holds arithmetic"},
        {"( (a))", "[a]"},
        {"(a) b", "! something stands behind a subshell"},
        {"(a) >b", "! something stands behind a subshell"},
        {"(a)&&b", "[a] ; [b]"},
        {"(a)\nb", "[a] ; [b]"},
        {"a)", "! it holds an operator that is not read"},
        {"(a", "! a parenthesis does not close"},
        {"a &&", "! a command is missing"},
        {"a |", "! a command is missing"},
        {"a || ;b", "! a command is empty"},
        {"a && \n b", "[a] ; [b]"},
        {"()", "! a command is missing"},
        {"(a &&)", "! a command is missing"},
        {"", "! a command is missing"},
        {" \n#x", "! a command is missing"},
        {";a", "! a command is empty"},
        {"a;;b", "! it holds an operator that is not read"},
        {"a|&b", "! it holds an operator that is not read"},
        {"a&>b", "! it holds an operator that is not read"},
        {"a#b #c;d\ne", "[a#b] ; [e]"},
        {"#a;b\nc", "[c]"},
        {"a;#b", "[a]"},
        {"'a b'c\"d e\"f\\ g", "[a bcd ef g]"},
        {"''", "[]"},
        {"\"\"", "[]"},
        {"'a", "! a quote does not end"},
        {"\"a", "! a quote does not end"},
        {"\"a\\\"", "! a quote does not end"},
        {"'", "! a quote does not end"},
        {"\"", "! a quote does not end"},
        {"'a\\'b", "[a\\b]"},
        {"\"a\\$\\`\\\"\\\\\\x\"", "[a$`\"\\\\x]"},
        {"\"a\\\nb\"", "[ab]"},
        {"'a\nb'", "[a\nb]"},
        {"a\\", "! a backslash stands at the end of a line"},
        {"a\\\nb", "! a backslash stands at the end of a line"},
        {"\"$a\" $b $1 $", "[$a]? [$b]? [$1]? [$]?"},
        {"\"$\\\n(a)\"", "! a dollar sign stands at the end of a line that goes on"},
        {"$\\\n(a)", "! a dollar sign stands at the end of a line that goes on"},
        {"${a}", "! it holds an expansion that is not read"},
        {"a $[1]", "! it holds an expansion that is not read"},
        {"a $'b'", "! it holds an expansion that is not read"},
        {"a $\"b\"", "! it holds an expansion that is not read"},
        {"a $b", "[a] [$b]?"},
        {"a \"x$b\"", "[a] [x$b]?"},
        {"a '$b'", "[a] [$b]"},
        {"a $(b)", "! it substitutes a command"},
        {"a `b`", "! it substitutes a command"},
        {"a \"`b`\"", "! it substitutes a command"},
        {"a *b c? [d] {e,f} {} ~ ~g h~ i=~ j:~ 'k'~",
         "[a] [*b]? [c?]? [[d]]? [{e,f}]? [{}] [~]? [~g]? [h~] [i=~]? [j:~]? [k~]"},
        {"a b{c} d@{0} {e} f{g..h} i{j,k} l{m n}",
         "[a] [b{c}] [d@{0}] [{e}]? [f{g..h}]? [i{j,k}]? [l{m] [n}]"},
        {"a {} x{} d@{0} {}x x{}y \"\"{},b} x{},b} {}.. ,{}",
         "[a] [{}] [x{}] [d@{0}] [{}x] [x{}y] [{},b}]? [x{},b}]? [{}..]? [,{}]?"},
        {"a b{c\",\"d} {}x,{e} {f}>g", "[a] [b{c,d}]? [{}x,{e}]? [{f}]? >[g]"},
        {"a \"b$|c$\" \"$ d\" \"(e$)\" \"$\"f \"g$\th\"", "[a] [b$|c$] [$ d] [(e$)] [$f] [g$\th]"},
        {"a \"$.b\" \"$'c'\"", "! it holds an expansion that is not read"},
        {"a \"$/\" \"$\\\"b\"", "[a] [$/]? [$\"b]?"},
        {"a \"$", "! a quote does not end"},
        {"a }", "[a] [}]"},
        {"a '*' \\? \"[\"", "[a] [*] [?] [[]"},
        {"[ -f a ] && b [", "[[] [-f] [a] []] ; [b] [[]"},
        {"[a ]b [[]", "[[a]? []b] [[[]]?"},
        {"A=1 _b2=c d=e f g=h", "=[A=1] =[_b2=c] =[d=e] [f] [g=h]"},
        {"A=1", "=[A=1]"},
        {"aAzZ=1 b", "=[aAzZ=1] [b]"},
        {"A+=1 b", "! it assigns in a way that shells differ in"},
        {"B=1 A+=/b ls", "! it assigns in a way that shells differ in"},
        {"'A'+=1 b", "[A+=1] [b]"},
        {"A\\+=1 b", "[A+=1] [b]"},
        {"a A+=1 A[0]=2", "[a] [A+=1] [A[0]=2]?"},
        {"A+1 b", "[A+1] [b]"},
        {"A[0]=1 b", "! it assigns in a way that shells differ in"},
        {"A[0 1]=2 b", "! it assigns in a way that shells differ in"},
        {"A\\[0]=1 b", "[A[0]=1] [b]"},
        {"1A=1 b", "[1A=1] [b]"},
        {"=1 b", "[=1] [b]"},
        {"A-b=1 c", "[A-b=1] [c]"},
        {"'A'=1 b", "! a name before an equals sign is quoted"},
        {"A'='1 b", "! a name before an equals sign is quoted"},
        {"A\\=1 b", "! a name before an equals sign is quoted"},
        {"A='1' b", "=[A=1] [b]"},
        {"A=$B c", "=[A=$B]? [c]"},
        {"a <b >c >>d >|e <>f 2>g", "[a] <[b] >[c] >[d] >[e] >[f] >[g]"},
        {"a 10>b", "! a descriptor has more than one digit, which is a word to some shells"},
        {"a 10</dev/null",
         "! a descriptor has more than one digit, which is a word to some shells"},
        {"a 2>&1 >&2 <&3 2>&-", "[a] &[1] &[2] &[3] &[-]"},
        {">a", ">[a]"},
        {">a b", "[b] >[a]"},
        {"a2>b", "[a2] >[b]"},
        {"a 2 >b", "[a] [2] >[b]"},
        {"a 2b>c", "[a] [2b] >[c]"},
        {"a 9>b", "[a] >[b]"},
        {"a /9>b", "[a] [/9] >[b]"},
        {"a :9>b", "[a] [:9] >[b]"},
        {"a >'b c'", "[a] >[b c]"},
        {"a >$b", "[a] >[$b]?"},
        {"a >&b", "! it redirects in a way that shells differ in"},
        {"a >&1b", "! it redirects in a way that shells differ in"},
        {"a >", "! a redirection has no target"},
        {"a > ;b", "! a redirection has no target"},
        {"a >\nb", "! a redirection has no target"},
        {"a >>>b", "! a redirection has no target"},
        {"a <<b", "! it holds a here-document"},
        {"a <(b)", "! it substitutes a process"},
        {"a >(b)", "! it substitutes a process"},
        {"a(b)", "! it defines a function"},
        {"a ()", "! it defines a function"},
        {"if a", "! it holds a compound command"},
        {"a if", "[a] [if]"},
        {"'if' a", "[if] [a]"},
        {"i\\f a", "[if] [a]"},
        {"A=1 while", "! it holds a compound command"},
        {"{ a", "! it holds a compound command"},
        {"! a", "! it holds a compound command"},
        {"time a", "! it holds a compound command"},
        {"timer a", "[timer] [a]"},
        {"\303\251", "! it holds a character beyond ASCII outside quotes"},
        {"'\303\251'", "[\303\251]"},
        {"a\177", "! it holds a control character"},
        {"a\037", "! it holds a control character"},
        {"a\rb", "! it holds a control character"},
        {"a~b", "[a~b]"},
    };
    int wrong = 0;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct str out;
        str_init(&out);
        spell(rows[i][0], strlen(rows[i][0]), &out);
        if (strcmp(out.data, rows[i][1]) != 0) {
            print_error("\"%s\" is read as %s, not %s\n", rows[i][0], out.data, rows[i][1]);
            wrong++;
        }
        str_finish(&out);
    }
    assert_int_equal(wrong, 0);
}

/* Where the text ends is told by its length: what lies behind belongs to somebody else. */
static void test_length_is_the_end(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t length;
        const char *expected;
    } rows[] = {{"ab;c", 2, "[ab]"},
                {"a'b'", 3, "! a quote does not end"},
                {"a\"b\"", 3, "! a quote does not end"},
                {"a\\b", 2, "! a backslash stands at the end of a line"},
                {"a>b", 2, "! a redirection has no target"},
                {"a&&b", 2, "[a]"},
                {"a\0b", 3, "! it holds a control character"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct str out;
        str_init(&out);
        spell(rows[i].text, rows[i].length, &out);
        assert_string_equal(out.data, rows[i].expected);
        str_finish(&out);
    }
}

static void repeat(struct str *text, const char *piece, size_t count)
{
    str_clear(text);
    for (size_t i = 0; i < count; i++) {
        str_append(text, piece);
    }
}

static bool reads(const struct str *text, const char **why)
{
    struct shell_script script;
    bool ok = shell_words_read(&script, text->data, text->length, why);
    if (ok) {
        shell_words_finish(&script);
    }
    return ok;
}

/* The most of each is read, one more is not. */
static void test_limits_are_exact(void **state)
{
    (void)state;
    struct str text;
    const char *why = NULL;
    str_init(&text);
    repeat(&text, "a;", SHELL_WORDS_COMMANDS);
    assert_true(reads(&text, &why));
    repeat(&text, "a;", SHELL_WORDS_COMMANDS + 1);
    assert_false(reads(&text, &why));
    repeat(&text, "a ", SHELL_WORDS_WORDS);
    assert_true(reads(&text, &why));
    repeat(&text, "a ", SHELL_WORDS_WORDS + 1);
    assert_false(reads(&text, &why));
    repeat(&text, "a", SHELL_WORDS_BYTES);
    assert_true(reads(&text, &why));
    repeat(&text, "a", SHELL_WORDS_BYTES + 1);
    assert_false(reads(&text, &why));
    str_finish(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_length_is_the_end),
        cmocka_unit_test(test_limits_are_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
