/* What is said of an answer, and what is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "voice/spoken_text.h"

static void strips_marks(void **state)
{
    (void)state;
    static const struct {
        const char *markdown, *spoken;
    } cases[] = {
        {"Hello there.", "Hello there.\n"},
        {"# A title\n\nText.", "A title\nText.\n"},
        {"**Bold** and *slanted*, __both__ and ~~gone~~.", "Bold and slanted, both and gone.\n"},
        {"2 * 3 = 6, a_b_c stays", "2 * 3 = 6, a_b_c stays\n"},
        {"- one\n* two\n+ three\n1. four", "one\ntwo\nthree\n1. four\n"},
        {"- [x] done\n- [ ] open", "done\nopen\n"},
        {"> said before", "said before\n"},
        {"Run `make test` now.", "Run make test now.\n"},
        {"See [the page](https://example.org/a_b) and ![a cat](cat.png).",
         "See the page and a cat.\n"},
        {"[no link] here", "[no link] here\n"},
        {"before\n```c\nint x;\n```\nafter", "before\n(code)\nafter\n"},
        {"```\nnever closed\n# x", "(code)\n"},
        {"~~~\n```\nstill\n~~~\nout", "(code)\nout\n"},
        {"| a | b |\n|---|---|\n| 1 | 2 |", "  a   b  \n  1   2  \n"},
        {"---", ""},
        {"\\*not slanted\\*", "*not slanted*\n"},
        {"a \x1b[31mred\x07 \x7f word", "a  [31mred    word\n"},
        {"gr\xc3\xbc\xc3\x9f dich **\xc3\xb6"
         "fter**",
         "gr\xc3\xbc\xc3\x9f dich \xc3\xb6"
         "fter\n"},
        {"", ""},
        {"   \n\n", ""},
        {"[", "[\n"},
        {"](", "](\n"},
        {"**", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct str out;
        str_init(&out);
        spoken_text_append(&out, cases[i].markdown, strlen(cases[i].markdown));
        assert_string_equal(out.data, cases[i].spoken);
        str_finish(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(strips_marks)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
