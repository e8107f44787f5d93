/* Programs of the desktop: which is chosen, what it is given, and how it is ended. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/str.h"
#include "desktop/capture.h"
#include "desktop/clipboard.h"
#include "desktop/pointer.h"
#include "desktop/program.h"

static const char *installed; /* names with a space around each */

static bool found(const char *program)
{
    const char *at = strstr(installed, program);
    return at != NULL && at[-1] == ' ' && at[strlen(program)] == ' ';
}

static void test_choice(void **state)
{
    (void)state;
    static const struct {
        enum display_kind kind;
        enum capture_area area;
        const char *installed, *program; /* NULL: none, and `says` is in the words */
        const char *says;
    } cases[] = {
        {DISPLAY_X11, CAPTURE_SCREEN, " maim import xwd ", "maim", NULL},
        {DISPLAY_X11, CAPTURE_SCREEN, " import xwd ", "import", NULL},
        {DISPLAY_X11, CAPTURE_REGION, " xwd ", NULL,
         "install maim and slop, or maim, or imagemagick"},
        {DISPLAY_X11, CAPTURE_SCREEN, " xwd ", "xwd", NULL},
        {DISPLAY_X11, CAPTURE_SCREEN, " grim slurp ", NULL, "maim, or imagemagick, or x11-apps"},
        {DISPLAY_WAYLAND, CAPTURE_SCREEN, " grim maim ", "grim", NULL},
        {DISPLAY_WAYLAND, CAPTURE_REGION, " grim maim ", NULL, "grim and slurp"},
        {DISPLAY_WAYLAND, CAPTURE_REGION, " grim slurp ", "grim", NULL},
        {DISPLAY_WAYLAND, CAPTURE_WINDOW, " grim spectacle ", "spectacle", NULL},
        {DISPLAY_WAYLAND, CAPTURE_SCREEN, " gnome-screenshot ", "gnome-screenshot", NULL},
        {DISPLAY_NONE, CAPTURE_SCREEN, " maim grim ", NULL, "no display"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct err err = {0};
        installed = cases[i].installed;
        const struct capture_way *way = capture_choose(cases[i].kind, cases[i].area, found, &err);
        if (cases[i].program != NULL) {
            assert_non_null(way);
            assert_string_equal(capture_program(way), cases[i].program);
        } else {
            assert_null(way);
            assert_non_null(strstr(err.text, cases[i].says));
        }
    }
}

static void test_places(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",           "1,2 3x4 5", "1,2 3",       "1,2 0x4",          "1,2 3x-4",   "a",
        "1,2 3x4;ls", "1,2 3x4 -", "1,2 3x99999", "9999999999,2 3x4", "1,2 3x4\n\n"};
    struct capture_place place = {0};
    assert_true(capture_place_parse("-12,34 560x78\n", &place));
    assert_true(place.known);
    assert_int_equal(place.left, -12);
    assert_int_equal(place.top, 34);
    assert_int_equal(place.width, 560);
    assert_int_equal(place.height, 78);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_false(capture_place_parse(wrong[i], &place));
        assert_int_equal(place.width, 560);
    }
}

static void test_pointer(void **state)
{
    (void)state;
    struct err err = {0};
    installed = " xdotool ";
    assert_string_equal(pointer_choose(DISPLAY_X11, found, &err), "xdotool");
    assert_null(pointer_choose(DISPLAY_WAYLAND, found, &err));
    assert_non_null(strstr(err.text, "install ydotool"));
    assert_null(pointer_choose(DISPLAY_NONE, found, &err));
    assert_non_null(strstr(err.text, "no display"));
    installed = " ydotool ";
    assert_string_equal(pointer_choose(DISPLAY_WAYLAND, found, &err), "ydotool");
    assert_null(pointer_choose(DISPLAY_X11, found, &err));
    assert_non_null(strstr(err.text, "install xdotool"));
    assert_false(pointer_click(-1, 5, NULL, &err));
    assert_int_equal(err.code, ERR_ARGUMENT);
}

static void test_areas(void **state)
{
    (void)state;
    enum capture_area area = CAPTURE_REGION;
    assert_true(capture_area_parse("", &area));
    assert_int_equal(area, CAPTURE_SCREEN);
    assert_true(capture_area_parse("window", &area));
    assert_int_equal(area, CAPTURE_WINDOW);
    assert_false(capture_area_parse("moon", &area));
    assert_int_equal(area, CAPTURE_WINDOW);
}

/* Nothing that the user alone could have put there is ever run. */
static void test_find(void **state)
{
    (void)state;
    struct str path;
    str_init(&path);
    assert_true(program_find("env", &path));
    assert_true(path.data[0] == '/');
    assert_false(program_find("no-such-program-of-carat", &path));
    assert_false(program_find("../../tmp/x", &path));
    str_finish(&path);
}

static void run(const char *const *words, int milliseconds, size_t bytes, struct str *out,
                struct err *err, bool ok)
{
    const struct program_limits limits = {milliseconds, bytes, NULL};
    *err = (struct err){0};
    str_clear(out);
    assert_int_equal(program_run(words, &limits, out, err), ok);
}

static void test_environment(void **state)
{
    (void)state;
    struct str out;
    struct err err;
    str_init(&out);
    setenv("CARAT_TEST_SECRET", "secret", 1);
    setenv("DISPLAY", ":77", 1);
    run((const char *[]){"env", NULL}, 5000, 4096, &out, &err, true);
    assert_non_null(strstr(out.data, "DISPLAY=:77\n"));
    assert_null(strstr(out.data, "secret"));
    assert_null(strstr(out.data, "HOME="));
    unsetenv("CARAT_TEST_SECRET");
    unsetenv("DISPLAY");
    str_finish(&out);
}

static void test_limits(void **state)
{
    (void)state;
    struct str out;
    struct err err;
    str_init(&out);
    int64_t start = clock_monotonic_us();
    run((const char *[]){"sleep", "30", NULL}, 200, 4096, &out, &err, false);
    assert_non_null(strstr(err.text, "took more than"));
    assert_true(clock_monotonic_us() - start < 10 * 1000 * 1000);
    run((const char *[]){"yes", NULL}, 5000, 4096, &out, &err, false);
    assert_int_equal(err.code, ERR_LIMIT);
    run((const char *[]){"ls", "/no\x1B[31m", NULL}, 5000, 4096, &out, &err, false);
    assert_non_null(strstr(err.text, "ls: "));
    assert_null(strchr(err.text, '\x1B'));
    run((const char *[]){"no-such-program-of-carat", NULL}, 5000, 4096, &out, &err, false);
    assert_int_equal(err.code, ERR_NOT_FOUND);
    atomic_bool stop;
    atomic_init(&stop, true);
    const struct program_limits limits = {30000, 4096, &stop};
    assert_false(program_run((const char *[]){"sleep", "30", NULL}, &limits, &out, &err));
    assert_int_equal(err.code, ERR_CANCELLED);
    str_finish(&out);
}

static void test_no_display(void **state)
{
    (void)state;
    struct str out;
    struct err err = {0};
    str_init(&out);
    unsetenv("DISPLAY");
    unsetenv("WAYLAND_DISPLAY");
    assert_false(capture_available(&err));
    assert_non_null(strstr(err.text, "no display"));
    struct capture_place place = {.left = 7};
    assert_false(capture_take(CAPTURE_SCREEN, NULL, &out, &place, &err));
    assert_int_equal(place.left, 7);
    assert_false(clipboard_picture(NULL, &out, &err));
    assert_non_null(strstr(err.text, "no clipboard"));
    str_finish(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_choice), cmocka_unit_test(test_areas),
        cmocka_unit_test(test_places), cmocka_unit_test(test_pointer),
        cmocka_unit_test(test_find),   cmocka_unit_test(test_environment),
        cmocka_unit_test(test_limits), cmocka_unit_test(test_no_display),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
