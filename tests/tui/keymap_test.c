/* The key map: names of keys, what the configuration may ask for, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "screen.h"
#include "tui/keymap.h"

static const char *example_path;

static void test_standard(void **state)
{
    (void)state;
    struct keymap *map = keymap_create();
    struct err err = {0};
    struct str keys;
    str_init(&keys);
    assert_true(keymap_check(map, &err));
    for (int action = 1; action < ACTION_COUNT; action++) {
        assert_non_null(action_table[action].name);
        str_clear(&keys);
        keymap_append_keys(map, (enum action)action, &keys);
        assert_string_equal(keys.data, action_table[action].keys); /* names read and written */
        assert_true(keymap_bind(map, action_table[action].name, action_table[action].keys, &err));
    }
    assert_int_equal(keymap_action(map, 0, CONTROL('R')), ACTION_SEARCH);
    assert_int_equal(keymap_action(map, CONTROL('X'), CONTROL('E')), ACTION_EXTERNAL_EDITOR);
    assert_int_equal(keymap_action(map, 0, CONTROL('X')), ACTION_NONE);
    assert_true(keymap_begins(map, CONTROL('X')));
    assert_false(keymap_begins(map, CONTROL('R')));
    str_finish(&keys);
    keymap_destroy(map);
}

static void test_bind(void **state)
{
    (void)state;
    struct keymap *map = keymap_create();
    struct err err = {0};
    assert_true(keymap_bind(map, "history_search", "C-q, M-R, C-x C-R", &err));
    assert_true(keymap_check(map, &err));
    assert_int_equal(keymap_action(map, 0, CONTROL('Q')), ACTION_SEARCH);
    assert_int_equal(keymap_action(map, 0, ALT('R')), ACTION_SEARCH);
    assert_int_equal(keymap_action(map, 0, CONTROL('R')), ACTION_NONE);
    assert_true(keymap_bind(map, "yank", "", &err));
    assert_int_equal(keymap_action(map, 0, CONTROL('Y')), ACTION_NONE);
    assert_true(keymap_bind(map, "undo", "M-PgUp, Alt+Enter", &err));
    assert_false(keymap_check(map, &err)); /* Alt+Enter is newline's */
    assert_non_null(strstr(err.text, "newline"));
    assert_non_null(strstr(err.text, "undo"));
    keymap_destroy(map);
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *action, *keys, *words;
    } cases[] = {
        {"no_such", "Ctrl+R", "no action \"no_such\""},
        {"undo", "Ctrl+M", "the same as Enter"},
        {"undo", "C-i", "the same as Tab"},
        {"undo", "u", "no longer be typed"},
        {"undo", "u Ctrl+X", "no longer be typed"},
        {"undo", "Hyper+x", "is no key"},
        {"undo", "Ctrl+X Ctrl+Y Ctrl+Z", "more than two presses"},
        {"undo", "Ctrl+Q,", "comma without a key"},
        {"undo", "Shift+x", "tell apart"},
        {"undo", "Ctrl+5", "no key that terminals send"},
    };
    struct keymap *map = keymap_create();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct err err = {0};
        assert_false(keymap_bind(map, cases[i].action, cases[i].keys, &err));
        if (strstr(err.text, cases[i].words) == NULL) {
            fail_msg("%s: %s", cases[i].keys, err.text);
        }
        assert_int_equal(keymap_action(map, 0, CONTROL('_')), ACTION_UNDO);
    }
    struct err err = {0};
    assert_true(keymap_bind(map, "redraw", "Ctrl+X", &err)); /* the first half of another */
    assert_false(keymap_check(map, &err));
    assert_non_null(strstr(err.text, "external_editor"));
    assert_true(keymap_bind(map, "redraw", "", &err));
    assert_true(keymap_bind(map, "submit", "", &err));
    assert_false(keymap_check(map, &err));
    keymap_destroy(map);
}

static void test_on_screen(void **state)
{
    (void)state;
    struct screen s;
    struct err err = {0};
    screen_open(&s, 60, 90);
    struct keymap *map = keymap_create();
    assert_true(keymap_bind(map, "submit", "Ctrl+Q", &err));
    assert_true(keymap_bind(map, "newline", "Enter", &err));
    assert_true(keymap_check(map, &err));
    tui_set_keymap(s.tui, map);
    screen_key(&s, '?');
    assert_true(screen_shows(&s, "Ctrl+Q                       send;"));
    assert_true(screen_shows(&s, "history_search"));
    screen_key(&s, TERMINAL_KEY_ESCAPE);
    screen_type(&s, "one\rtwo");
    assert_string_equal(screen_intents(&s), "");
    screen_key(&s, CONTROL('Q'));
    assert_string_equal(screen_intents(&s), "SUBMIT one\ntwo\n");
    screen_type(&s, "draft");
    screen_key(&s, CONTROL('X'));
    assert_true(screen_shows(&s, "and then?"));
    assert_string_equal(screen_intents(&s), "");
    screen_key(&s, CONTROL('E'));
    assert_string_equal(screen_intents(&s), "EDIT draft\n");
    screen_key(&s, CONTROL('X'));
    screen_key(&s, 'x'); /* together they mean nothing, and nothing is typed */
    assert_string_equal(tui_draft(s.tui), "draft");
    screen_close(&s);
}

static void test_example(void **state)
{
    (void)state;
    struct str made, kept;
    struct err err;
    str_init(&made);
    str_init(&kept);
    keymap_append_example(&made);
    assert_true(file_read(example_path, 1024 * 1024, &kept, &err));
    assert_true(kept.length > made.length);
    /* Else: carat config example > config.example.toml */
    assert_string_equal(kept.data + kept.length - made.length, made.data);
    str_finish(&made);
    str_finish(&kept);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_standard), cmocka_unit_test(test_bind),
        cmocka_unit_test(test_refused),  cmocka_unit_test(test_on_screen),
        cmocka_unit_test(test_example),
    };
    example_path = argc > 1 ? argv[1] : "config.example.toml";
    return cmocka_run_group_tests(tests, NULL, NULL);
}
