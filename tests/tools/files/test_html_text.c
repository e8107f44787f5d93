/* Pages to text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"

#include "capped.h"
#include "html_text.h"
#include "policy.h"

static const struct policy policy = {.result_tokens = 800};

static char base[16];

static bool resolve(void *context, const char *link, char address[HTML_TEXT_LINK + 1])
{
    (void)context;
    snprintf(address, HTML_TEXT_LINK + 1, "at %.900s%s%s", link, base[0] != '\0' ? " from " : "",
             base);
    return strcmp(link, "no") != 0;
}

static void rebase(void *context, const char *link)
{
    (void)context;
    snprintf(base, sizeof base, "%.10s", link);
}

static const struct html_text_links links = {resolve, rebase, NULL};

static void pages_become_the_words_on_them(void **state)
{
    static const struct row {
        const char *html, *expected;
    } rows[] = {
        {"<p>one</p><p>two\n  three</p>", "one\n\ntwo three"},
        {"<html><head><title>Title</title><style>p{}</style></head><body><h1>Head</h1>text</body>",
         "Title\n\nHead\n\ntext"},
        {"a<script>var x = '<p>no</p>';</script>b", "ab"},
        {"see <a href=\"http://x/\">the page</a>.", "see the page (at http://x/)."},
        {"<a href=\"x\"> a <b>b</b> </a> c", "a b (at x) c"},
        {"<a href=\"x\"><h2>head</h2></a>c", "head (at x)\n\nc"},
        {"a<a href=\"x\"></a><a href=\"x\"><img src=y></a><a href=\"#x\">b</a><a>c</a>", "abc"},
        {"a <a href=\"no\">b</a> <a href=\"x\"><img alt=pic src=y></a>", "a b [pic] (at x)"},
        {"<a href=\"x\">at x</a> <a href=\"x\">one<a href=\"y\">two</a>",
         "at x one (at x)two (at y)"},
        {"<base href=\"z\"><a href=\"x\">a</a>", "a (at x from z)"},
        {"<ul><li>one<li>two</ul>after", "- one\n- two\nafter"},
        {"<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table>",
         "a | b\n1 | 2"},
        {"<pre>a\n  b</pre>c", "a\n  b\nc"},
        {"<table><tr>\n <td><p>a</p></td>\n <td> <div>b</div> <p>c</p></td></tr><tr><td></td><td>d"
         "</table>e",
         "a | b\n\nc\n | d\n\ne"},
        {"<ol><li>a<ul><li>b</ul><li>c</ol><ol start=5><li>d<li>e</ol><li>f",
         "1. a\n- b\n2. c\n5. d\n6. e\n- f"},
        {"<ol start=-3><li>a</ol><ol start=99999999999><li>b</ol>", "1. a\n1. b"},
        {"a<p hidden>b<b>c</b></p><i style='color:red; DISPLAY : none'>d<br>e</i>f<br hidden>g",
         "a\n\nfg" /* the text before is a paragraph to the parser */},
        {"<body style='display:none'>a<div hidden=until-found>b</div><div "
         "style='display:block'>c</div><script hidden>d</script>e",
         "a\nb\nc\ne"},
        {"<div hidden><p hidden>a</div>b", "b"},
        {"a<br>b", "a\nb"},
        {"<img src=x alt=\"a boat\">", "[a boat]"},
        {"a &amp; b &lt;c&gt; &eacute; &#233;", "a & b <c> \xC3\xA9 \xC3\xA9"},
        {"caf\xC3\xA9", "caf\xC3\xA9"},
        {"caf\xE9", "caf\xC3\xA9"},
        {"<meta charset=\"ibm037\"><p>caf\xE9", "caf\xC3\xA9"},
        {"<meta charset=\"ibm037\"><p>caf\xC3\xA9", "caf\xC3\xA9"},
        {"<!-- not this -->this", "this"},
        {"un<b>bold", "unbold"},
        {"", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct capped text;
        bool complete;
        base[0] = '\0';
        assert_true(capped_init(&text, &policy));
        assert_true(
            html_text_append(&text, rows[i].html, strlen(rows[i].html), false, &links, &complete));
        assert_string_equal(text.data, rows[i].expected);
        assert_true(complete);
        capped_finish(&text);
    }
}

/* Nesting and length as no browser sees them: bounded time, and the cut is reported. */
static void hostile_pages_are_bounded(void **state)
{
    /* The first half is made of one thing, the second of the other. */
    static const char *const halves[][2] = {
        {"<b>", "<b>"},          {"<b>", "</x>"},
        {"<div>x", "</div>"},    {"<ul><li>", "</ul>"},
        {"<a b=", "<a b="},      {"<i><p>", "</i>"},
        {"<table><tr>", "<td>"}, {"&#x41;", "&"},
        {"<svg>", "</svg>"},     {"<p><b><i></p>", "</b>"},
        {"<!--", "-- >"},        {"<a href='", "<"},
    };
    const size_t size = 2 * 1024 * 1024;
    char *html = malloc(size);
    (void)state;
    for (size_t i = 0; i < sizeof halves / sizeof halves[0]; i++) {
        for (size_t at = 0; at < size; at++) {
            const char *unit = halves[i][at >= size / 2];
            html[at] = unit[at % strlen(unit)];
        }
        struct capped text;
        bool complete;
        assert_true(capped_init(&text, &policy));
        int64_t begin = clock_monotonic_us();
        assert_true(html_text_append(&text, html, size, false, &links, &complete));
        assert_true(clock_monotonic_us() - begin < 20 * 1000000);
        assert_true(text.length <= 3200);
        capped_finish(&text);
    }
    free(html);
}

static void a_long_page_is_cut_and_reported(void **state)
{
    static char html[64 * 1024];
    struct capped text;
    bool complete;
    (void)state;
    memset(html, 'w', sizeof html);
    assert_true(capped_init(&text, &policy));
    assert_true(html_text_append(&text, html, sizeof html, false, &links, &complete));
    assert_false(complete);
    assert_int_equal(text.length, 3200 - CAPPED_NOTE_ROOM);
    capped_finish(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_become_the_words_on_them),
        cmocka_unit_test(hostile_pages_are_bounded),
        cmocka_unit_test(a_long_page_is_cut_and_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
