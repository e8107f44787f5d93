/* paths: CARAT_HOME, else XDG, else HOME; relative places are refused or ignored. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "app/paths.h"
#include "base/err.h"

static void carat_home_holds_everything(void **state)
{
    (void)state;
    struct paths paths;
    struct err err;
    setenv("CARAT_HOME", "/c", 1);
    setenv("XDG_DATA_HOME", "/elsewhere", 1);
    assert_true(paths_find(&paths, &err));
    assert_string_equal(paths.config_file, "/c/config.toml");
    assert_string_equal(paths.store_file, "/c/data/conversations.db");
    assert_string_equal(paths.user_models, "/c/data/models");
    assert_string_equal(paths.log_file, "/c/state/carat.log");
    paths_finish(&paths);
    setenv("CARAT_HOME", "relative", 1);
    assert_false(paths_find(&paths, &err));
    assert_non_null(strstr(err.text, "relative"));
}

static void xdg_and_home(void **state)
{
    (void)state;
    struct paths paths;
    struct err err;
    unsetenv("CARAT_HOME");
    setenv("HOME", "/h", 1);
    setenv("XDG_DATA_HOME", "/d", 1);
    setenv("XDG_CONFIG_HOME", "relative", 1);
    unsetenv("XDG_STATE_HOME");
    assert_true(paths_find(&paths, &err));
    assert_string_equal(paths.config_file, "/h/.config/carat/config.toml");
    assert_string_equal(paths.store_file, "/d/carat/conversations.db");
    assert_string_equal(paths.state, "/h/.local/state/carat");
    paths_finish(&paths);
    unsetenv("HOME");
    assert_false(paths_find(&paths, &err));
    assert_non_null(strstr(err.text, "HOME"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(carat_home_holds_everything),
        cmocka_unit_test(xdg_and_home),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
