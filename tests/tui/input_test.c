/* The input line as fingers know it: folded pastes, completion, the yank ring, vi, the stash. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/mem.h"
#include "screen.h"
#include "base/utf8.h"
#include "tui/editor.h"
#include "tui/fuzzy.h"

static char *numbered_lines(int count, const char *end)
{
    struct str text;
    str_init(&text);
    for (int i = 0; i < count; i++) {
        str_append_format(&text, "line %d%s", i, end);
    }
    return str_take(&text);
}

static void test_paste(void **state)
{
    (void)state;
    struct screen s;
    screen_open(&s, 12, 60);
    char *lines = numbered_lines(812, "\r\n"), *whole = numbered_lines(812, "\n");
    screen_type(&s, "see ");
    screen_paste(&s, lines);
    screen_type(&s, " here");
    assert_true(screen_shows(&s, "> see [pasted 812 lines] here\n"));
    struct str expected;
    str_init(&expected);
    str_append_format(&expected, "see %s here", whole);
    assert_string_equal(tui_draft(s.tui), expected.data);

    /* The cursor jumps over the word, and it goes at once; undo brings it back. */
    for (int i = 0; i < 6; i++) {
        screen_key(&s, TERMINAL_KEY_LEFT);
    }
    screen_type(&s, "X");
    assert_true(screen_shows(&s, "> see X[pasted 812 lines] here\n"));
    screen_key(&s, TERMINAL_KEY_DELETE);
    assert_string_equal(tui_draft(s.tui), "see X here");
    screen_key(&s, CONTROL('_'));
    assert_true(screen_shows(&s, "> see X[pasted 812 lines] here\n"));
    screen_key(&s, CONTROL('E'));
    for (int i = 0; i < 5; i++) {
        screen_key(&s, TERMINAL_KEY_BACKSPACE);
    }
    screen_key(&s, CONTROL('W'));
    assert_string_equal(tui_draft(s.tui), "see X");
    screen_key(&s, CONTROL('Y'));
    screen_paste(&s, lines);
    assert_true(screen_shows(&s, "> see X[pasted 812 lines][pasted 812 lines, 2]\n"));
    screen_key(&s, ALT('e'));
    assert_true(screen_shows(&s, "line 811"));
    screen_key(&s, CONTROL('_'));
    str_clear(&expected);
    str_append_format(&expected, "SUBMIT see X%s%s\n", whole, whole);
    screen_key(&s, '\r');
    assert_string_equal(screen_intents(&s), expected.data);
    assert_string_equal(tui_draft(s.tui), "");
    screen_type(&s, "[pasted 812 lines]"); /* now it is what it says */
    assert_string_equal(tui_draft(s.tui), "[pasted 812 lines]");
    screen_close(&s);
    mem_free(lines);
    mem_free(whole);
    str_finish(&expected);
}

static double milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return 1000.0 * (double)now.tv_sec + (double)now.tv_nsec / 1e6;
}

static void test_large_paste(void **state)
{
    (void)state;
    struct screen s;
    screen_open(&s, 24, 80);
    size_t size = 1024 * 1024;
    char *text = mem_alloc(size + 1, 1);
    for (size_t i = 0; i < size; i++) {
        text[i] = i % 64 == 63 ? '\n' : (char)('a' + i % 26);
    }
    text[size] = '\0';
    double start = milliseconds();
    screen_paste(&s, text);
    double spent = milliseconds() - start;
    print_message("a paste of 1 MiB: %.1f ms\n", spent);
    assert_true(spent < 1000); /* 50 ms in a release build; the bound is for sanitizers */
    assert_int_equal(strlen(tui_draft(s.tui)), size);
    assert_true(screen_shows(&s, "[pasted 16384 lines]"));
    screen_close(&s);
    mem_free(text);
}

static void test_steering(void **state)
{
    (void)state;
    struct screen s;
    screen_open(&s, 12, 60);
    screen_type(&s, "idle\t");
    assert_string_equal(screen_intents(&s), "");
    assert_true(screen_shows(&s, "nothing to complete"));
    screen_status(&s, true, "writing");
    screen_key(&s, '\t');
    assert_string_equal(screen_intents(&s), "QUEUE idle\n");
    screen_type(&s, "now\r");
    assert_string_equal(screen_intents(&s), "SUBMIT now\n");
    screen_key(&s, '\t');
    assert_string_equal(screen_intents(&s), "");
    screen_close(&s);
}

static void test_stash(void **state)
{
    (void)state;
    struct screen s;
    screen_open(&s, 12, 60);
    screen_key(&s, CONTROL('S'));
    assert_true(screen_shows(&s, "nothing was put aside"));
    screen_type(&s, "later");
    screen_key(&s, CONTROL('S'));
    assert_string_equal(tui_draft(s.tui), "");
    screen_type(&s, "first\r");
    screen_key(&s, CONTROL('S'));
    assert_string_equal(tui_draft(s.tui), "later");
    screen_close(&s);
}

static const struct tui_command commands[] = {
    {"help", "h", NULL}, {"think", "t", "on|off"}, {"mode", "m", "read-only|ask|auto-edit|full"}};
static char *const files[] = {"README.md",        "docs/",
                              "docs/security.md", "src/tui/editor.c",
                              "src/tui/editor.h", "tests/tui/editor_test.c",
                              "a b.txt"};

static void test_arguments(void **state)
{
    (void)state;
    struct screen s;
    screen_open(&s, 12, 60);
    tui_set_commands(s.tui, commands, 3);
    screen_type(&s, "/think ");
    assert_true(screen_shows(&s, "> on\n  off\n"));
    screen_type(&s, "of\t\r");
    assert_string_equal(screen_intents(&s), "SUBMIT /think off\n");
    screen_type(&s, "/mode a");
    screen_key(&s, TERMINAL_KEY_DOWN);
    screen_key(&s, '\t');
    assert_string_equal(tui_draft(s.tui), "/mode auto-edit ");
    screen_close(&s);
}

static void test_files(void **state)
{
    (void)state;
    struct screen s;
    screen_open(&s, 14, 60);
    screen_type(&s, "mail me@example.org");
    assert_string_equal(screen_intents(&s), "");
    screen_type(&s, " about @ed");
    assert_string_equal(screen_intents(&s), "WANT_FILES\n");
    tui_set_files(s.tui, false, files, sizeof files / sizeof files[0]);
    assert_true(screen_shows(&s, "> @src/tui/editor.c"));
    screen_key(&s, TERMINAL_KEY_DOWN);
    screen_key(&s, '\r'); /* takes it; the message goes on */
    assert_string_equal(tui_draft(s.tui), "mail me@example.org about @src/tui/editor.h ");
    screen_type(&s, "@READ\t");
    assert_string_equal(tui_draft(s.tui),
                        "mail me@example.org about @src/tui/editor.h @README.md ");
    screen_type(&s, "@doc");
    screen_key(&s, '\t'); /* a folder: one goes on into it */
    screen_type(&s, "sec\t");
    assert_true(screen_shows(&s, "@docs/security.md"));
    assert_string_equal(screen_intents(&s),
                        "WANT_FILES\nWANT_FILES\n"); /* they may be others now */
    screen_type(&s, "@nothing-like-that");
    screen_key(&s, '\r');
    assert_string_equal(screen_intents(&s),
                        "WANT_FILES\nSUBMIT mail me@example.org about @src/tui/editor.h "
                        "@README.md @docs/security.md @nothing-like-that\n");
    screen_close(&s);
}

/* A command that takes a folder is offered folders, by the same matcher. */
static void test_folders(void **state)
{
    static char *const beside[] = {"../books/", "../books/drafts/", "../music/"};
    static const struct tui_command taking[] = {{"add-dir", "another folder", TUI_CHOICE_FOLDER}};
    (void)state;
    struct screen s;
    screen_open(&s, 14, 60);
    tui_set_commands(s.tui, taking, 1);
    screen_type(&s, "/add-dir dra");
    assert_string_equal(screen_intents(&s), "WANT_FOLDERS\n");
    tui_set_files(s.tui, false, files, sizeof files / sizeof files[0]);
    tui_set_files(s.tui, true, beside, 3);
    assert_true(screen_shows(&s, "> ../books/drafts/"));
    screen_key(&s, '\t');
    assert_string_equal(tui_draft(s.tui), "/add-dir ../books/drafts/");
    screen_type(&s, " @edi");
    assert_true(screen_shows(&s, "@src/tui/editor.c")); /* the others are still files */
    screen_close(&s);
}

static void test_fuzzy(void **state)
{
    (void)state;
    /* From better to worse, all of them fitting. */
    static const char *const order[][4] = {
        {"edi", "editor.c", "src/tui/editor.c", "tests/tui/my_editor.c"},
        {"tui", "src/tui.c", "src/x_tui.c", "src/tui/editor.c"},
        {"ste", "ste.c", "src/tui/editor.c", NULL},
    };
    for (size_t i = 0; i < 3; i++) {
        for (size_t j = 2; j < 4 && order[i][j] != NULL; j++) {
            assert_true(fuzzy_score(order[i][0], order[i][j - 1]) >
                        fuzzy_score(order[i][0], order[i][j]));
            assert_true(fuzzy_score(order[i][0], order[i][j]) >= 0);
        }
    }
    assert_true(fuzzy_score("xyz", "src/tui/editor.c") < 0);
    assert_true(fuzzy_score("Edi", "editor.c") < 0); /* a capital is meant */
    assert_true(fuzzy_score("read", "README.md") > 0);
    assert_true(fuzzy_score("", "anything") >= 0);
}

/* A key among 20,000 files. */
static void test_many_files(void **state)
{
    (void)state;
    enum { MANY = 20000, KEYS = 10 };
    char **many = mem_alloc(MANY, sizeof *many);
    for (int i = 0; i < MANY; i++) {
        struct str path;
        str_init(&path);
        str_append_format(&path, "library/module%d/source/part_%d.c", i % 300, i);
        many[i] = str_take(&path);
    }
    struct screen s;
    screen_open(&s, 14, 60);
    tui_set_files(s.tui, false, many, MANY);
    double worst = 0;
    for (const char *c = "@part_1999"; *c != '\0'; c++) {
        double start = milliseconds();
        screen_key(&s, (uint32_t)*c);
        double spent = milliseconds() - start;
        worst = spent > worst ? spent : worst;
    }
    print_message("the slowest key among %d files: %.2f ms\n", MANY, worst);
    assert_true(worst < 250); /* 5 ms in a release build; the bound is for sanitizers */
    assert_true(screen_shows(&s, "part_1999.c"));
    screen_close(&s);
    for (int i = 0; i < MANY; i++) {
        mem_free(many[i]);
    }
    mem_free(many);
}

static void test_yank_ring(void **state)
{
    (void)state;
    struct editor *e = editor_create();
    static const char *const texts[] = {"one", "two", "three"};
    for (size_t i = 0; i < 3; i++) {
        editor_insert(e, texts[i], strlen(texts[i]));
        editor_kill_to_start(e);
        editor_insert(e, " ", 1); /* ends the run of kills */
        editor_backspace(e);
    }
    editor_yank_older(e); /* not after a yank: nothing */
    assert_string_equal(editor_text(e), "");
    editor_yank(e);
    assert_string_equal(editor_text(e), "three");
    editor_yank_older(e);
    assert_string_equal(editor_text(e), "two");
    editor_yank_older(e);
    assert_string_equal(editor_text(e), "one");
    editor_yank_older(e);
    assert_string_equal(editor_text(e), "three");
    editor_undo(e);
    assert_string_equal(editor_text(e), "");
    editor_insert(e, "ab字", 5);
    editor_transpose(e);
    assert_string_equal(editor_text(e), "a字b");
    editor_line_start(e);
    editor_transpose(e);
    assert_string_equal(editor_text(e), "a字b");
    editor_right(e);
    editor_transpose(e);
    assert_string_equal(editor_text(e), "字ab");
    editor_destroy(e);
}

static void test_alike(void **state)
{
    (void)state;
    struct screen s;
    screen_open(&s, 12, 60);
    screen_type(&s, "git push\r");
    screen_type(&s, "make test\r");
    screen_type(&s, "git pull\r");
    screen_type(&s, "make\r");
    screen_type(&s, "git");
    screen_key(&s, TERMINAL_KEY_UP);
    assert_string_equal(tui_draft(s.tui), "git pull");
    screen_key(&s, TERMINAL_KEY_UP);
    assert_string_equal(tui_draft(s.tui), "git push");
    screen_key(&s, TERMINAL_KEY_UP);
    assert_string_equal(tui_draft(s.tui), "git push");
    screen_key(&s, TERMINAL_KEY_DOWN);
    screen_key(&s, TERMINAL_KEY_DOWN);
    assert_string_equal(tui_draft(s.tui), "git");
    screen_key(&s, CONTROL('P')); /* this one takes them all */
    assert_string_equal(tui_draft(s.tui), "make");
    screen_key(&s, CONTROL('U'));
    screen_key(&s, CONTROL('R'));
    screen_type(&s, "git");
    assert_true(screen_shows(&s, "history: git  git pull\n"));
    assert_true(screen_shows(&s, "  git push\n")); /* the further matches */
    screen_close(&s);
}

static void vi_expect(struct screen *s, const char *keys, const char *text)
{
    screen_type(s, keys);
    if (strcmp(tui_draft(s->tui), text) != 0) {
        fail_msg("after %s: %s, not %s", keys, tui_draft(s->tui), text);
    }
}

static void test_vi(void **state)
{
    (void)state;
    struct screen s;
    screen_open(&s, 12, 60);
    tui_set_vi(s.tui, true);
    vi_expect(&s, "one two, three", "one two, three");
    screen_key(&s, TERMINAL_KEY_ESCAPE);
    assert_true(screen_shows(&s, ": one two"));
    vi_expect(&s, "0x", "ne two, three");
    vi_expect(&s, "u", "one two, three");
    vi_expect(&s, "0wdw", "one , three");
    vi_expect(&s, "0dwP", "one , three");
    vi_expect(&s, "A!", "one , three!");
    screen_key(&s, TERMINAL_KEY_ESCAPE);
    vi_expect(&s, "0cwtwo", "two , three!");
    screen_key(&s, TERMINAL_KEY_ESCAPE);
    vi_expect(&s, "02dw", "three!");
    vi_expect(&s, "0rxA?", "xhree!?");
    screen_key(&s, TERMINAL_KEY_ESCAPE);
    vi_expect(&s, "obelow", "xhree!?\nbelow");
    screen_key(&s, TERMINAL_KEY_ESCAPE);
    vi_expect(&s, "Oabove", "xhree!?\nabove\nbelow");
    screen_key(&s, TERMINAL_KEY_ESCAPE);
    vi_expect(&s, "dd", "xhree!?\nbelow");
    vi_expect(&s, "k$hhD", "xhre\nbelow");
    vi_expect(&s, "zzZ", "xhre\nbelow"); /* letters without a meaning do nothing */
    screen_key(&s, '\r');
    assert_non_null(strstr(screen_intents(&s), "SUBMIT"));
    vi_expect(&s, "ab", "ab"); /* a new message begins by inserting */
    screen_key(&s, TERMINAL_KEY_ESCAPE);
    screen_status(&s, true, "");
    screen_key(&s, TERMINAL_KEY_ESCAPE);
    assert_string_equal(screen_intents(&s), "INTERRUPT\n");
    vi_expect(&s, "0~l~yyP", "AB\nAB");
    screen_close(&s);
}

/* Each on a text of its own: what is typed, the keys of the normal mode (at its end the cursor is
 * on the last character), and what is there then. */
static void test_vi_places(void **state)
{
    static const struct {
        const char *text, *keys, *result;
    } cases[] = {
        {"one two", "0fod;", "one two"},
        {"a.b.c", "0f.x", "ab.c"},
        {"a.b.c", "0f.;x", "a.bc"},
        {"a.b.c", "0f.;,x", "ab.c"},
        {"a.b.c", "0df.", "b.c"},
        {"a.b.c", "0dt.", ".b.c"},
        {"a.b.c", "0d2f.", "c"},
        {"a.b.c", "dF.", "a.bc"},
        {"a.b.c", "dT.", "a.b.c"},
        {"one two", "0fzx", "ne two"},
        {"go(bar, baz)", "0fbdi(", "go()"},
        {"go(bar, baz)", "hda(", "go"},
        {"f((a) b)", "0ffx", "((a) b)"},
        {"f((a) b)", "hdi(", "f()"},
        {"say \"a b\" now", "0di\"", "say \"\" now"},
        {"say 'a b' now", "0fada'", "say  now"},
        {"one two three", "0wdiw", "one  three"},
        {"one two three", "0wdaw", "one three"},
        {"a-b c", "0dW", "c"},
        {"a-b c", "0dw", "-b c"},
        {"a-b c", "0cWx", "x c"},
        {"x = [1, 2]", "ci[3", "x = [3]"},
        {"(unclosed", "di)", "(unclosed"},
        {"plain", "di\"", "plain"},
        {"one two", "0cfeX", "X two"},
        {"one", "0dfz", "one"},
        {"one", "SX", "X"},
        {"\xE6\x97\xA5\xE6\x9C\xAC x", "0f x", "\xE6\x97\xA5\xE6\x9C\xACx"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct screen s;
        screen_open(&s, 12, 60);
        tui_set_vi(s.tui, true);
        screen_type(&s, cases[i].text);
        screen_key(&s, TERMINAL_KEY_ESCAPE);
        vi_expect(&s, cases[i].keys, cases[i].result);
        screen_close(&s);
    }
}

/* Any keys in any order leave text that is whole. */
static void test_vi_random(void **state)
{
    static const char keys[] = "hlwbeWBE0^$gGfFtT;,xXsSrDCJYpPu~dcyiaIAoO123()\"'[]{}jk .a\x1B\x1B";
    (void)state;
    struct screen s;
    uint64_t x = 11;
    screen_open(&s, 12, 40);
    tui_set_vi(s.tui, true);
    for (int i = 0; i < 3000; i++) {
        x = x * UINT64_C(6364136223846793005) + 1442695040888963407u;
        uint64_t draw = x >> 33;
        if (draw % 97 == 0) {
            screen_type(&s, "\xE6\x97\xA5 (\"\xC3\xA9\")");
        } else if (draw % 101 == 0) {
            screen_key(&s, CONTROL('J'));
        } else if (draw % 499 == 0) {
            screen_key(&s, CONTROL('U'));
        } else {
            screen_key(&s, (uint32_t)keys[draw % (sizeof keys - 1)]);
        }
        const char *draft = tui_draft(s.tui);
        assert_true(utf8_valid(draft, strlen(draft)));
    }
    screen_close(&s);
}

static void test_vi_lines(void **state)
{
    (void)state;
    struct screen s;
    screen_open(&s, 12, 60);
    tui_set_vi(s.tui, true);
    vi_expect(&s, "one", "one");
    screen_key(&s, TERMINAL_KEY_ESCAPE);
    vi_expect(&s, "otwo", "one\ntwo");
    screen_key(&s, TERMINAL_KEY_ESCAPE);
    vi_expect(&s, "othree", "one\ntwo\nthree");
    screen_key(&s, TERMINAL_KEY_ESCAPE);
    vi_expect(&s, "ggyyp", "one\none\ntwo\nthree");
    vi_expect(&s, "dd", "one\ntwo\nthree");
    vi_expect(&s, "Gdd", "one\ntwo"); /* the last line goes with the break before it */
    vi_expect(&s, "p", "one\ntwo\nthree");
    vi_expect(&s, "ggP", "three\none\ntwo\nthree");
    vi_expect(&s, "J", "three one\ntwo\nthree");
    vi_expect(&s, "2dd", "three");
    vi_expect(&s, "0xp", "htree");
    screen_close(&s);
}

/* A file that is dragged onto the terminal: its path comes as a paste. */
static void test_dragged_file(void **state)
{
    (void)state;
    static const struct {
        const char *pasted, *shown, *draft;
    } cases[] = {
        {"/home/me/a shot.PNG ", "> [pasted a shot.PNG]x", "/home/me/a shot.PNG x"},
        {"'/home/me/it.jpg' ", "> [pasted it.jpg]x", "'/home/me/it.jpg' x"},
        {"file:///home/me/a%20b.wav\n", "> [pasted a%20b.wav]x", "file:///home/me/a%20b.wav x"},
        {"~/b.jpeg", "> [pasted b.jpeg]x", "~/b.jpeg x"},
        {"see /home/me/b.png", "> see /home/me/b.pngx", "see /home/me/b.pngx"},
        {"/home/me/b.txt", "> /home/me/b.txtx", "/home/me/b.txtx"},
        {"/.png", "> /.pngx", "/.pngx"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct screen s;
        screen_open(&s, 10, 60);
        screen_paste(&s, cases[i].pasted);
        screen_type(&s, "x");
        assert_true(screen_shows(&s, cases[i].shown));
        assert_string_equal(tui_draft(s.tui), cases[i].draft);
        screen_close(&s);
    }
    struct screen s; /* the same file twice, and a name that is far too long */
    screen_open(&s, 10, 60);
    screen_paste(&s, "/a/b.png");
    screen_paste(&s, "/c/b.png");
    assert_true(screen_shows(&s, "[pasted b.png][pasted b.png, 2]"));
    assert_string_equal(tui_draft(s.tui), "/a/b.png /c/b.png ");
    screen_paste(&s, "/d/eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee.png");
    assert_true(screen_shows(&s, "eeeeeeee]"));
    screen_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paste),      cmocka_unit_test(test_large_paste),
        cmocka_unit_test(test_steering),   cmocka_unit_test(test_stash),
        cmocka_unit_test(test_arguments),  cmocka_unit_test(test_files),
        cmocka_unit_test(test_folders),    cmocka_unit_test(test_fuzzy),
        cmocka_unit_test(test_many_files), cmocka_unit_test(test_yank_ring),
        cmocka_unit_test(test_alike),      cmocka_unit_test(test_vi),
        cmocka_unit_test(test_vi_places),  cmocka_unit_test(test_vi_lines),
        cmocka_unit_test(test_vi_random),  cmocka_unit_test(test_dragged_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
