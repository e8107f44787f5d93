/* The editor alone: readline's keys, undo, characters as people see them, rows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "tui/editor.h"
#include "tui/glyph.h"
#include "tui/history.h"

static void insert(struct editor *e, const char *text)
{
    editor_insert(e, text, strlen(text));
}

/* The text with the cursor as '|'. */
static void expect(struct editor *e, const char *picture)
{
    char actual[512];
    size_t cursor = editor_cursor(e);
    memcpy(actual, editor_text(e), cursor);
    actual[cursor] = '|';
    strcpy(actual + cursor + 1, editor_text(e) + cursor);
    assert_string_equal(actual, picture);
}

static void test_moving(void **state)
{
    (void)state;
    struct editor *e = editor_create();
    insert(e, "one two-three\nfour");
    editor_word_left(e);
    expect(e, "one two-three\n|four");
    editor_word_left(e);
    expect(e, "one two-|three\nfour");
    editor_word_left(e);
    expect(e, "one |two-three\nfour");
    editor_line_end(e);
    expect(e, "one two-three|\nfour");
    editor_line_start(e);
    expect(e, "|one two-three\nfour");
    editor_left(e);
    expect(e, "|one two-three\nfour");
    editor_word_right(e);
    expect(e, "one| two-three\nfour");
    editor_word_right(e);
    editor_word_right(e);
    editor_word_right(e);
    expect(e, "one two-three\nfour|");
    editor_right(e);
    expect(e, "one two-three\nfour|");
    editor_destroy(e);
}

static void test_characters(void **state)
{
    (void)state;
    struct editor *e = editor_create();
    insert(e, "a👨‍👩‍👧e\xCC\x81🇩🇪字");
    editor_backspace(e);
    expect(e, "a👨‍👩‍👧e\xCC\x81🇩🇪|");
    editor_backspace(e);
    expect(e, "a👨‍👩‍👧e\xCC\x81|");
    editor_left(e);
    expect(e, "a👨‍👩‍👧|e\xCC\x81");
    editor_backspace(e);
    expect(e, "a|e\xCC\x81");
    editor_delete(e);
    expect(e, "a|");
    editor_destroy(e);
}

static void test_killing(void **state)
{
    (void)state;
    struct editor *e = editor_create();
    insert(e, "git commit --amend now");
    editor_kill_space_word_left(e);
    expect(e, "git commit --amend |");
    editor_kill_space_word_left(e);
    expect(e, "git commit |");
    editor_yank(e); /* kills in a row add up */
    expect(e, "git commit --amend now|");
    editor_line_start(e);
    editor_kill_word_right(e);
    expect(e, "| commit --amend now");
    editor_kill_to_end(e);
    expect(e, "|");
    editor_yank(e);
    expect(e, "git commit --amend now|");
    editor_kill_word_left(e);
    editor_kill_to_start(e);
    expect(e, "|");
    editor_yank(e);
    expect(e, "git commit --amend now|");
    editor_set(e, "one\ntwo", 7);
    editor_kill_to_start(e);
    expect(e, "one\n|");
    editor_kill_to_start(e);
    expect(e, "one|");
    editor_set(e, "one\ntwo", 7);
    editor_up(e);
    editor_kill_to_end(e);
    expect(e, "one|two");
    editor_destroy(e);
}

static void test_undo(void **state)
{
    (void)state;
    struct editor *e = editor_create();
    static const char typed[] = "hello brave world";
    for (const char *c = typed; *c != '\0'; c++) {
        editor_insert(e, c, 1);
    }
    editor_undo(e);
    expect(e, "hello brave|");
    editor_undo(e);
    expect(e, "hello|");
    insert(e, " a whole paste");
    editor_undo(e);
    expect(e, "hello|");
    editor_kill_to_start(e);
    expect(e, "|");
    editor_undo(e);
    expect(e, "hello|");
    editor_backspace(e);
    editor_backspace(e);
    editor_undo(e);
    expect(e, "hello|");
    for (int i = 0; i < 300; i++) {
        editor_undo(e);
    }
    expect(e, "|");
    for (int i = 0; i < 500; i++) { /* more than is kept */
        editor_newline(e);
    }
    for (int i = 0; i < 500; i++) {
        editor_undo(e);
    }
    assert_int_equal(editor_length(e), 300);
    editor_destroy(e);
}

static void test_cleaning(void **state)
{
    (void)state;
    struct editor *e = editor_create();
    editor_insert(e, "a\r\nb\rc\0d\xFFz", 10);
    expect(e, "a\nb\ncd\xEF\xBF\xBDz|");
    editor_destroy(e);
}

static void test_rows(void **state)
{
    (void)state;
    struct editor *e = editor_create();
    editor_set_width(e, 13); /* ten cells of text */
    insert(e, "alpha beta gamma\n\n漢字漢字漢字");
    /* "alpha beta " / "gamma" / "" / "漢字漢字漢" / "字" */
    assert_int_equal(editor_rows(e), 5);
    assert_true(editor_up(e));
    assert_true(editor_up(e));
    expect(e, "alpha beta gamma\n|\n漢字漢字漢字");
    assert_true(editor_up(e));
    expect(e, "alpha beta ga|mma\n\n漢字漢字漢字"); /* the goal column is kept */
    assert_true(editor_up(e));
    expect(e, "al|pha beta gamma\n\n漢字漢字漢字");
    assert_false(editor_up(e));
    editor_line_end(e);
    assert_true(editor_down(e));
    assert_true(editor_down(e));
    expect(e, "alpha beta gamma\n\n漢字|漢字漢字");
    assert_true(editor_down(e));
    assert_false(editor_down(e));
    editor_destroy(e);
}

/* Any sequence of operations keeps the cursor on a character boundary inside valid text. */
static void test_random(void **state)
{
    (void)state;
    static void (*const operations[])(struct editor *) = {
        editor_newline,        editor_left,
        editor_right,          editor_word_left,
        editor_word_right,     editor_line_start,
        editor_line_end,       editor_backspace,
        editor_delete,         editor_kill_to_end,
        editor_kill_to_start,  editor_kill_space_word_left,
        editor_kill_word_left, editor_kill_word_right,
        editor_yank,           editor_undo,
    };
    static const char *const texts[] = {
        "a",  " ",  "word",     "字",       "e\xCC\x81", "👨‍👩‍👧",
        "\n", "\t", "\x1B[31m", "\xF0\x9F", "한국",      "x\r\ny"};
    struct editor *e = editor_create();
    srandom(1);
    for (int i = 0; i < 20000; i++) {
        unsigned choice = (unsigned)random() % 40;
        if (choice < 16) {
            operations[choice](e);
        } else if (choice < 18) {
            (void)(choice == 16 ? editor_up(e) : editor_down(e));
        } else if (choice == 18) {
            editor_set_width(e, (int)(random() % 30));
        } else if (choice == 19) {
            editor_set(e, "fresh text", 10);
        } else {
            insert(e, texts[(unsigned)random() % (sizeof texts / sizeof texts[0])]);
        }
        assert_true(utf8_valid(editor_text(e), editor_length(e)));
        size_t cursor = editor_cursor(e);
        assert_true(cursor <= editor_length(e));
        assert_int_not_equal((unsigned char)editor_text(e)[cursor] & 0xC0, 0x80);
        assert_true(editor_rows(e) >= 1);
    }
    editor_destroy(e);
}

static void test_history(void **state)
{
    (void)state;
    struct history *h = history_create();
    assert_null(history_older(h, "draft", false));
    history_add(h, "one", 3);
    history_add(h, "two", 3);
    history_add(h, "two", 3);
    history_add(h, "", 0);
    assert_string_equal(history_older(h, "draft", false), "two");
    assert_string_equal(history_older(h, "ignored", false), "one");
    assert_null(history_older(h, "ignored", false));
    assert_string_equal(history_newer(h), "two");
    assert_string_equal(history_newer(h), "draft");
    assert_null(history_newer(h));
    assert_int_equal(history_find(h, "o", SIZE_MAX), 1);
    assert_int_equal(history_find(h, "o", 1), 0);
    assert_true(history_find(h, "o", 0) == SIZE_MAX);
    for (int i = 0; i < HISTORY_ENTRIES + 10; i++) {
        char text[16] = "x";
        text[1] = (char)('a' + i % 26);
        history_add(h, text, 2);
    }
    assert_true(history_find(h, "one", SIZE_MAX) == SIZE_MAX);
    assert_non_null(history_entry(h, HISTORY_ENTRIES - 1));
    assert_null(history_entry(h, HISTORY_ENTRIES));
    history_destroy(h);
}

static void test_glyphs(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int columns;
    } cases[] = {
        {"abc", 3},
        {"字", 2},
        {"e\xCC\x81", 1},
        {"👍🏽", 2},
        {"❤️", 1},
        {"👨‍👩‍👧", 6},
        {"🇩🇪", 2},
        {"한국", 4},
        {"\xFF\xFE", 2},
        {"\x1B[", 2},
        {"\xE2\x80\xAE"
         "a",
         2},
        {"\xE2\x80\x8B", 0},
        {"\xCC\x81", 1},
        {"⠀x", 2},
        {"हि", 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(glyph_columns(cases[i].text, strlen(cases[i].text)), cases[i].columns);
    }
    /* A million marks on one letter are one glyph of bounded size. */
    size_t length = 1 + 2 * 1000000;
    char *tower = mem_alloc(length, 1);
    tower[0] = 'a';
    for (size_t i = 1; i < length; i += 2) {
        memcpy(tower + i, "\xCC\x81", 2);
    }
    struct glyph glyph;
    glyph_next(tower, length, &glyph);
    assert_int_equal(glyph.used, length);
    assert_int_equal(glyph.width, 1);
    assert_true(glyph.length <= GLYPH_BYTES);
    mem_free(tower);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_moving),   cmocka_unit_test(test_characters),
        cmocka_unit_test(test_killing),  cmocka_unit_test(test_undo),
        cmocka_unit_test(test_cleaning), cmocka_unit_test(test_rows),
        cmocka_unit_test(test_random),   cmocka_unit_test(test_history),
        cmocka_unit_test(test_glyphs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
