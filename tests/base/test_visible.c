/* visible: no control sequence passes, in any mode; what an approval shows hides nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "base/utf8.h"
#include "base/visible.h"

static void shows(const char *text, size_t length, enum visible_mode mode, const char *expected)
{
    struct str s;
    str_init(&s);
    visible_append(&s, text, length, mode);
    assert_string_equal(s.data, expected);
    str_finish(&s);
}

static void escapes_become_marks(void **state)
{
    (void)state;
    shows("\x1b]52;c;aGk=\a", 12, VISIBLE_TEXT, "\xE2\x90\x9B]52;c;aGk=\xE2\x90\x87");
    shows("a\x7f", 2, VISIBLE_TEXT, "a\xE2\x90\xA1");
    shows("\xC2\x9B"
          "31m",
          5, VISIBLE_TEXT,
          "\xEF\xBF\xBD"
          "31m");                                   /* CSI as C1 in UTF-8 */
    shows("\x9B", 1, VISIBLE_TEXT, "\xEF\xBF\xBD"); /* and as a raw byte */
    shows("a\r\nb\tc\rd", 8, VISIBLE_TEXT,
          "a\nb\tc\xE2\x90\x8D"
          "d");
    shows("a\r\n", 2, VISIBLE_TEXT, "a\xE2\x90\x8D"); /* the newline is no part of it */
    shows("a\nb\tc", 5, VISIBLE_LINE,
          "a\xE2\x90\x8A"
          "b\xE2\x90\x89"
          "c");
    shows("caf\xC3\xA9 \xF0\x9F\x98\x80", 10, VISIBLE_TEXT, "caf\xC3\xA9 \xF0\x9F\x98\x80");
}

static void approvals_hide_nothing(void **state)
{
    (void)state;
    shows("rm -rf \xE2\x80\xAE"
          "txt",
          13, VISIBLE_APPROVAL, "rm -rf \\u{202E}txt");
    shows("a\xC2\xA0"
          "b",
          4, VISIBLE_APPROVAL, "a\\u{A0}b");
    /* Twins of what is ASCII; a word of another alphabet alone is left as it is. */
    shows("ls; c\xD0\xB0t\xEF\xBC\x9Brm", 13, VISIBLE_APPROVAL, "ls; c\\u{430}t\\u{FF1B}rm");
    shows("echo \xD0\xB4\xD0\xB0", 9, VISIBLE_APPROVAL, "echo \xD0\xB4\xD0\xB0");
    shows("\xCE\xB1-b", 4, VISIBLE_APPROVAL, "\xCE\xB1-b");
    shows("a\nb\x1b\xff", 5, VISIBLE_APPROVAL, "a\\nb\\x1B\\xFF");
    shows("x\xF3\xA0\x81\x81y", 6, VISIBLE_APPROVAL, "x\\u{E0041}y"); /* a tag character */
}

/* Whatever goes in, what comes out is UTF-8 without a control character but those of the mode. */
static void every_code_point_is_safe(void **state)
{
    (void)state;
    struct str s;
    str_init(&s);
    for (uint32_t c = 0; c <= 0x10FFFF; c++) {
        for (int mode = VISIBLE_TEXT; mode <= VISIBLE_APPROVAL; mode++) {
            char bytes[4];
            size_t size = utf8_encode(c, bytes), used;
            str_clear(&s);
            visible_append(&s, bytes, size, (enum visible_mode)mode);
            for (size_t at = 0; at < s.length; at += used) {
                uint32_t out = utf8_decode(s.data + at, s.length - at, &used);
                bool kept = mode == VISIBLE_TEXT && (out == '\n' || out == '\t');
                bool bad = out >= UTF8_INCOMPLETE ||
                           ((out < 0x20 || (out >= 0x7F && out < 0xA0)) && !kept);
                if (bad || (mode == VISIBLE_APPROVAL && visible_deceptive(out))) {
                    fail_msg("U+%X in mode %d", (unsigned)c, mode);
                }
            }
        }
    }
    str_finish(&s);
}

static void deceptive_characters(void **state)
{
    (void)state;
    static const uint32_t yes[] = {0x202A, 0x202E, 0x2066, 0x2069, 0x200B,  0x200F,  0x2060,
                                   0x2064, 0xFEFF, 0x00AD, 0x034F, 0x061C,  0x180E,  0x115F,
                                   0x3164, 0xFFA0, 0xFE00, 0xFE0F, 0xE0001, 0xE007F, 0xE0100};
    static const uint32_t no[] = {'a', ' ', 0xE9, 0x4E2D, 0x1F600, 0x300, 0x2013};
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++) {
        assert_true(visible_deceptive(yes[i]));
    }
    for (size_t i = 0; i < sizeof no / sizeof no[0]; i++) {
        assert_false(visible_deceptive(no[i]));
    }
}

/* What an approval shows of `c` between two Latin letters. */
static bool spelled_in(uint32_t c, enum visible_mode mode)
{
    struct str s;
    char bytes[6] = "a", expected[16];
    size_t size = utf8_encode(c, bytes + 1);
    bytes[1 + size] = 'b';
    snprintf(expected, sizeof expected, "a\\u{%X}b", (unsigned)c);
    str_init(&s);
    visible_append(&s, bytes, size + 2, mode);
    bool so = strcmp(s.data, expected) == 0;
    str_finish(&s);
    return so;
}

static bool spelled(uint32_t c)
{
    return spelled_in(c, VISIBLE_APPROVAL);
}

/* In a command all that is drawn like one of ASCII's marks; in a text those are usual. */
static void a_command_has_no_twins_of_marks(void **state)
{
    (void)state;
    static const uint32_t ranges[][2] = {
        {0x00B4, 0x00B4}, {0x01C0, 0x01C0}, {0x01C3, 0x01C3}, {0x02B9, 0x02BC}, {0x02C8, 0x02C8},
        {0x02CB, 0x02CB}, {0x02D7, 0x02D7}, {0x2010, 0x2015}, {0x2018, 0x201F}, {0x2024, 0x2024},
        {0x2032, 0x2037}, {0x2039, 0x203A}, {0x2043, 0x2043}, {0x2052, 0x2052}, {0x2212, 0x2212},
        {0x2216, 0x2217}, {0x2223, 0x2223}, {0x223C, 0x223C}, {0xFE50, 0xFE6B},
    };
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        for (uint32_t c = ranges[i][0]; c <= ranges[i][1]; c++) {
            assert_true(spelled_in(c, VISIBLE_COMMAND));
            assert_false(spelled(c));
        }
        for (size_t k = 0; k < 2; k++) {
            uint32_t beside = k == 0 ? ranges[i][0] - 1 : ranges[i][1] + 1;
            assert_int_equal(spelled_in(beside, VISIBLE_COMMAND), spelled(beside));
        }
    }
    assert_true(spelled_in(0x202E, VISIBLE_COMMAND) && spelled_in(0x2044, VISIBLE_COMMAND));
    assert_false(spelled_in(0xFC, VISIBLE_COMMAND));
}

/* Blanks that are no space, twins of Latin letters beside Latin ones, twins of marks: each range
 * from its first to its last, and neither neighbour. */
static void each_range_ends_where_it_ends(void **state)
{
    (void)state;
    static const uint32_t ranges[][2] = {
        {0xA0, 0xA0},     {0x1680, 0x1680}, {0x2000, 0x200F},   {0x2028, 0x202F}, {0x205F, 0x206F},
        {0x3000, 0x3000}, {0x0370, 0x052F}, {0x0531, 0x058F},   {0x13A0, 0x13FF}, {0x1C80, 0x1C8F},
        {0xAB30, 0xABBF}, {0xFF01, 0xFF5E}, {0x2044, 0x2044},   {0x2215, 0x2215}, {0x2236, 0x2236},
        {0x29F8, 0x29F8}, {0xA789, 0xA789}, {0x037E, 0x037E},   {0x2160, 0x217F}, {0xA4D0, 0xA4F7},
        {0x0251, 0x0251}, {0x0261, 0x0261}, {0x1D400, 0x1D7FF},
    };
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        for (uint32_t c = ranges[i][0]; c <= ranges[i][1]; c++) {
            if (!spelled(c)) {
                fail_msg("U+%X is shown as it is", (unsigned)c);
            }
        }
        bool inside = ranges[i][0] > 0x0370 && ranges[i][1] < 0x052F;
        bool before = visible_deceptive(ranges[i][0] - 1) || ranges[i][0] <= 0xA0;
        bool after = visible_deceptive(ranges[i][1] + 1);
        assert_true(inside || before || !spelled(ranges[i][0] - 1));
        assert_true(inside || after || !spelled(ranges[i][1] + 1));
    }
}

/* A twin is spelled out beside each Latin letter, and beside no other character. */
static void a_twin_is_told_by_its_neighbour(void **state)
{
    (void)state;
    for (char c = ' '; c <= '~'; c++) {
        bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        char text[4] = {c, '\xD0', '\xB0'}, expected[16];
        snprintf(expected, sizeof expected, "%c%s", c, letter ? "\\u{430}" : "\xD0\xB0");
        shows(text, 3, VISIBLE_APPROVAL, expected);
    }
}

/* The pictures of the controls, in a line where none has a meaning. */
static void each_control_has_its_mark(void **state)
{
    (void)state;
    for (char c = 0; c < 0x20; c++) {
        char expected[4] = {'\xE2', '\x90', (char)(0x80 + c)};
        shows(&c, 1, VISIBLE_LINE, expected);
    }
    shows(" \x7F~", 3, VISIBLE_LINE, " \xE2\x90\xA1~");
    shows("\xC2\x80\xC2\x9F\xC2\xA0", 6, VISIBLE_LINE, "\xEF\xBF\xBD\xEF\xBF\xBD\xC2\xA0");
    shows("\r\n", 2, VISIBLE_LINE, "\xE2\x90\x8D\xE2\x90\x8A");
    shows("\t\r\n", 3, VISIBLE_APPROVAL, "\\x09\\x0D\\n");
    shows("\r", 1, VISIBLE_TEXT, "\xE2\x90\x8D");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(escapes_become_marks),
        cmocka_unit_test(approvals_hide_nothing),
        cmocka_unit_test(every_code_point_is_safe),
        cmocka_unit_test(deceptive_characters),
        cmocka_unit_test(each_range_ends_where_it_ends),
        cmocka_unit_test(a_command_has_no_twins_of_marks),
        cmocka_unit_test(a_twin_is_told_by_its_neighbour),
        cmocka_unit_test(each_control_has_its_mark),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
