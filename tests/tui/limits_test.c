/* What must hold whatever comes: hostile text, sizes, streams, pastes; and what work may cost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "screen.h"

static const char *const hostile[] = {
    "\x1B]52;c;ZXZpbA==\x07",     /* clipboard */
    "\x1B]0;title\x1B\\",         /* title */
    "\x1B]8;;http://evil\x1B\\x", /* link, never closed */
    "\x1B[31mred\x1B[0m",         /* colour */
    "\x1B[2J\x1B[H\x1B[6n\x1B[c", /* clear, reports */
    "\x1BP$qm\x1B\\",             /* DECRQSS */
    "\x1B_Gf=100;AAAA\x1B\\",     /* kitty graphics */
    "\x1B"
    "c", /* reset */
    "\x9B"
    "31m", /* C1, raw */
    "\xC2\x9B"
    "31m\xC2\x9D"
    "0;x",                              /* C1, encoded */
    "progress 10%\rprogress 20%\b\b\b", /* overwriting */
    "\xE2\x80\xAE"
    "txt.exe\xE2\x80\xAC",                      /* bidi */
    "\xE2\x81\xA6\xE2\x81\xA9\xF3\xA0\x81\x81", /* isolates, tags */
    "\xC0\xAF\xED\xA0\x80\xF5\xFF\xE2\x82",     /* not UTF-8 */
    "\x7F\x0E\x0F\x05\x07\x0B\x0C",
    "\x1B[200~paste\x1B[201~\r",
    "&#27;[31m &#x9b;31m &#0; &#7;",
    "[text\x1B]8;;x](http://a\x1B[31m/)",
};

static void feed_everywhere(struct screen *s, const char *text)
{
    size_t length = strlen(text);
    tui_add_user(s->tui, text, length);
    tui_add_thought(s->tui, text, length);
    for (size_t i = 0; i < length; i++) { /* cut in the middle of everything */
        tui_add_text(s->tui, text + i, 1);
        tui_draw(s->tui);
    }
    tui_end_message(s->tui);
    tui_add_call(s->tui, text, text);
    tui_call_output(s->tui, text, text, length);
    tui_draw(s->tui);
    tui_end_call(s->tui, text, text, length, "exit 2");
    tui_add_notice(s->tui, text, true);
    tui_ask(s->tui, text, text, text);
    tui_draw(s->tui);
    tui_withdraw(s->tui);
    struct tui_status status = {
        .model = text, .mode = text, .sandbox = text, .activity = text, .busy = true};
    tui_set_status(s->tui, &status);
    tui_add_history(s->tui, text);
    tui_set_draft(s->tui, text);
    tui_draw(s->tui);
    screen_key(s, CONTROL('O'));
    screen_key(s, CONTROL('R'));
    screen_type(s, text);
    screen_key(s, CONTROL('C'));
}

/* The memory terminal asserts on every byte that is put; here the result is looked at once more. */
static void test_hostile(void **state)
{
    (void)state;
    struct screen s;
    screen_open(&s, 40, 70);
    for (size_t i = 0; i < sizeof hostile / sizeof hostile[0]; i++) {
        feed_everywhere(&s, hostile[i]);
        char *text = screen_text(&s);
        size_t length = strlen(text), used;
        for (size_t at = 0; at < length; at += used) {
            uint32_t c = utf8_decode(text + at, length - at, &used);
            assert_true(c < UTF8_INCOMPLETE);
            assert_true(c == '\n' || (c >= 0x20 && !(c >= 0x7F && c < 0xA0)));
            assert_false((c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069));
        }
        mem_free(text);
    }
    screen_close(&s);
}

static void fill(struct screen *s)
{
    for (size_t i = 0; i < sizeof hostile / sizeof hostile[0]; i++) {
        tui_add_user(s->tui, hostile[i], strlen(hostile[i]));
    }
    static const char text[] =
        "# 見出し\n\n長い文章が続きます。words and words and 言葉 to wrap, "
        "again and again.\n\n| a | b |\n|---|---|\n| 漢字 | y |\n\n```\ncode "
        "line\n```\n\n- item\n  - nested item\n\n👍🏽 e\xCC\x81\n";
    tui_add_text(s->tui, text, sizeof text - 1);
    tui_end_message(s->tui);
    tui_add_call(s->tui, "c", "shell: ls");
    tui_end_call(s->tui, "c", text, sizeof text - 1, NULL);
    tui_set_draft(s->tui, "a draft 漢字 of\ntwo lines");
    tui_ask(s->tui, "c", "title", "rm -rf build\nmake");
}

/* A thousand sizes; then the screen is what a fresh one of that size shows. */
static void test_resize_storm(void **state)
{
    (void)state;
    struct screen s, fresh;
    screen_open(&s, 24, 80);
    fill(&s);
    srandom(7);
    for (int i = 0; i < 1000; i++) {
        int rows = (int)(random() % 200), columns = (int)(random() % 500);
        if (i % 50 == 0) {
            rows = i % 100 == 0 ? 0 : rows;
            columns = i % 100 == 50 ? 0 : columns;
        } else if (i % 3 == 0) {
            rows = (int)(random() % 8);
            columns = (int)(random() % 12);
        }
        terminal_memory_resize(s.terminal, rows, columns);
        tui_resize(s.tui);
        if (i % 7 == 0) {
            screen_key(&s, TERMINAL_KEY_PAGE_UP);
        }
        if (i % 11 == 0) {
            tui_add_text(s.tui, "x", 0);
        }
        tui_draw(s.tui);
    }
    terminal_memory_resize(s.terminal, 24, 80);
    tui_resize(s.tui);
    screen_key(&s, TERMINAL_KEY_BOTTOM);
    screen_open(&fresh, 24, 80);
    fill(&fresh);
    screen_key(&fresh, TERMINAL_KEY_BOTTOM);
    /* The question's own scroll position follows its keys: both were given the same last one. */
    char *stormed = screen_text(&s), *expected = screen_text(&fresh);
    assert_string_equal(stormed, expected);
    mem_free(stormed);
    mem_free(expected);
    screen_close(&fresh);
    screen_close(&s);
}

/* A drawn frame shows what a screen drawn at once would, after any stream of changes. */
static void test_damage(void **state)
{
    (void)state;
    struct screen s;
    static const char *const pieces[] = {"word ",
                                         "漢",
                                         "字\n",
                                         "\n\n",
                                         "**b**",
                                         "👍🏽",
                                         "`c` ",
                                         "\n- item ",
                                         "\n```\n",
                                         "e\xCC\x81",
                                         "a much longer piece "};
    screen_open(&s, 20, 37);
    srandom(3);
    for (int i = 0; i < 2000; i++) {
        const char *piece = pieces[(unsigned)random() % (sizeof pieces / sizeof pieces[0])];
        tui_add_text(s.tui, piece, strlen(piece));
        if (i % 5 == 0) {
            screen_key(&s, i % 2 ? TERMINAL_KEY_PAGE_UP : TERMINAL_KEY_PAGE_DOWN);
        }
        char *step = screen_text(&s);
        if (i % 20 == 0) {
            tui_resize(s.tui); /* the same size: all is sent anew */
            char *whole = screen_text(&s);
            assert_string_equal(step, whole);
            mem_free(whole);
        }
        mem_free(step);
    }
    screen_close(&s);
}

/* Streaming gives the screen that the whole text would. */
static void test_streaming_equals_whole(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "para one\n\npara two\nstill two\n\n- a\n- b\n\n  inside b\n\n- c\n\nafter",
        "```c\nint x;\n\n\nint y;\n```\ntext right behind\n~~~\ntilde ``` inside\n~~~\n",
        "1. one\n\n   ```\n   code in item\n\n   more\n   ```\n\n2. two\n\nend",
        "# H\ntext\n## H2\n\n> q\n> r\n\n| a | b |\n|--|--|\n| 1 | 2 |\n\nlast",
        "\n\n\nleading blanks 漢字 \xF0\x9F\x91\x8D\r\nand CR LF\r\n",
        "````\n```\nnot closed by three\n````\nout",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct screen stream, whole;
        screen_open(&stream, 40, 50);
        screen_open(&whole, 40, 50);
        for (const char *c = texts[i]; *c != '\0'; c++) {
            tui_add_text(stream.tui, c, 1);
            tui_draw(stream.tui);
        }
        tui_end_message(stream.tui);
        tui_add_text(whole.tui, texts[i], strlen(texts[i]));
        tui_end_message(whole.tui);
        char *a = screen_text(&stream), *b = screen_text(&whole);
        assert_string_equal(a, b);
        mem_free(a);
        mem_free(b);
        screen_close(&stream);
        screen_close(&whole);
    }
}

/* A token that extends the last row sends that token's cells, the spinner, and little else; and a
 * frame without a change sends nothing. */
static void test_cells_per_token(void **state)
{
    (void)state;
    struct screen s;
    screen_open(&s, 24, 80);
    screen_status(&s, true, "writing");
    tui_draw(s.tui);
    size_t total = 0, worst_in_row = 0;
    for (int i = 0; i < 400; i++) {
        size_t before = terminal_memory_cells_sent(s.terminal);
        tui_add_text(s.tui, "token ", 6);
        tui_draw(s.tui);
        size_t sent = terminal_memory_cells_sent(s.terminal) - before;
        total += sent;
        bool wraps = i % 13 == 0; /* 13 * 6 = 78 cells, and 80 a row */
        if (!wraps && sent > worst_in_row) {
            worst_in_row = sent;
        }
    }
    assert_true(worst_in_row <= 16);
    assert_true(total / 400 <= 150); /* every 13th token scrolls the whole screen */
    size_t before = terminal_memory_cells_sent(s.terminal);
    for (int i = 0; i < 10; i++) {
        tui_draw(s.tui);
        screen_status(&s, true, "writing"); /* nothing new */
        assert_false(tui_dirty(s.tui));
    }
    assert_int_equal(terminal_memory_cells_sent(s.terminal), before);
    tui_tick(s.tui, 1000000); /* the spinner: one cell */
    tui_tick(s.tui, 1050000); /* not yet again */
    tui_draw(s.tui);
    assert_int_equal(terminal_memory_cells_sent(s.terminal), before + 1);
    screen_close(&s);
}

static void seconds_within(int64_t from_us, int most, const char *what)
{
    int64_t spent = clock_monotonic_us() - from_us;
    if (spent > (int64_t)most * 1000000) {
        fail_msg("%s took %lld ms", what, (long long)spent / 1000);
    }
}

/* The bounds are ten and more times what is needed without sanitizers: they catch quadratic work.
 */
static void test_large_transcript(void **state)
{
    (void)state;
    struct screen s;
    struct str text;
    screen_open(&s, 50, 120);
    str_init(&text);
    int64_t start = clock_monotonic_us();
    for (int i = 0; i < 100000; i++) {
        str_append_format(&text, "line %d of a very long answer, with `code` and so on\n", i);
        if (i % 10 == 9) {
            str_append(&text, "\n");
        }
    }
    tui_add_text(s.tui, text.data, text.length);
    tui_end_message(s.tui);
    tui_draw(s.tui);
    seconds_within(start, 5, "showing 100,000 lines");
    start = clock_monotonic_us();
    for (int i = 0; i < 300; i++) {
        screen_key(&s, i % 100 == 99 ? TERMINAL_KEY_TOP : TERMINAL_KEY_PAGE_UP);
        if (i % 10 == 0) {
            terminal_memory_resize(s.terminal, 50, 60 + i % 80);
            tui_resize(s.tui);
        }
    }
    seconds_within(start, 5, "scrolling and resizing");
    screen_key(&s, TERMINAL_KEY_BOTTOM);
    start = clock_monotonic_us();
    for (int i = 0; i < 2000; i++) {
        tui_add_text(s.tui, "token ", 6);
        tui_draw(s.tui);
    }
    seconds_within(start, 10, "2,000 tokens after 100,000 lines");
    str_finish(&text);
    screen_close(&s);
}

/* Code without an end, a line without an end: the cost of a token stays bounded. */
static void test_endless_blocks(void **state)
{
    (void)state;
    struct screen s;
    screen_open(&s, 30, 100);
    int64_t start = clock_monotonic_us();
    tui_add_text(s.tui, "```\n", 4);
    for (int i = 0; i < 3000; i++) {
        tui_add_text(s.tui, "int x = 0;\nint y = 1;\n", 22);
        tui_draw(s.tui);
    }
    tui_end_message(s.tui);
    for (int i = 0; i < 1500; i++) {
        static const char words[] = "words without an end of line, and more of them, again and ";
        tui_add_text(s.tui, words, sizeof words - 1);
        tui_draw(s.tui);
    }
    tui_add_call(s.tui, "c", "yes");
    for (int i = 0; i < 3000; i++) {
        static char block[2048];
        memset(block, 'y', sizeof block);
        block[sizeof block - 1] = '\n';
        tui_call_output(s.tui, "c", block, sizeof block);
        if (i % 10 == 0) {
            tui_draw(s.tui);
        }
    }
    assert_true(screen_shows(&s, "2994 earlier lines"));
    seconds_within(start, 30, "endless blocks");
    screen_close(&s);
}

static void test_large_paste(void **state)
{
    (void)state;
    struct screen s;
    struct str text;
    screen_open(&s, 30, 100);
    str_init(&text);
    while (text.length < 1024 * 1024) {
        str_append(&text, "a line of the paste, with 漢字 in it\n");
    }
    int64_t start = clock_monotonic_us();
    screen_paste(&s, text.data);
    assert_int_equal(strlen(tui_draft(s.tui)), text.length);
    screen_type(&s, "and typed");
    for (int i = 0; i < 10; i++) {
        screen_key(&s, TERMINAL_KEY_UP);
        screen_key(&s, TERMINAL_KEY_LEFT);
    }
    for (int i = 0; i < 3; i++) { /* " typed", "and", the paste */
        screen_key(&s, CONTROL('_'));
    }
    assert_string_equal(tui_draft(s.tui), "");
    seconds_within(start, 5, "a paste of 1 MB");
    tui_add_user(s.tui, text.data, text.length);
    assert_true(screen_shows(&s, "more lines (Ctrl+O shows)"));
    str_finish(&text);
    screen_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hostile),         cmocka_unit_test(test_resize_storm),
        cmocka_unit_test(test_damage),          cmocka_unit_test(test_streaming_equals_whole),
        cmocka_unit_test(test_cells_per_token), cmocka_unit_test(test_large_transcript),
        cmocka_unit_test(test_endless_blocks),  cmocka_unit_test(test_large_paste),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
