/* What is covered, and by which name, with a test's own answer where a place of the system is a
 * link. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"

#include "sandbox_hidden.h"

char *__real_realpath(const char *path, char *resolved);
char *__wrap_realpath(const char *path, char *resolved);

char *__wrap_realpath(const char *path, char *resolved)
{
    return __real_realpath(strcmp(path, "/home") == 0 ? "/usr/share" : path, resolved);
}

static bool holds(const struct policy_list *list, const char *path)
{
    bool found = false;
    for (size_t i = 0; i < list->count; i++) {
        found = found || strcmp(list->items[i], path) == 0;
    }
    return found;
}

/* Fedora's image-based systems have theirs in /var/home. */
static void homes_are_emptied_behind_a_link(void **state)
{
    (void)state;
    struct err err;
    struct sandbox_hidden hidden;
    struct policy policy = {.workspace = "/usr/lib"};
    assert_true(sandbox_hidden_find(&hidden, &policy, "/usr/share/me", &err));
    assert_true(holds(&hidden.emptied, "/usr/share"));
    assert_true(holds(&hidden.emptied, "/usr/share/me"));
    assert_false(holds(&hidden.emptied, "/home"));
    sandbox_hidden_finish(&hidden);
}

static void what_the_user_opened_stays_open(void **state)
{
    (void)state;
    struct err err;
    struct sandbox_hidden hidden;
    char *items[] = {"/usr", "/usr/lib", "/etc", "/usr/nothing/at/all"};
    struct policy policy = {.workspace = "/usr/lib", .hidden = {items, 4, 4}, .read_only = true};
    assert_true(sandbox_hidden_find(&hidden, &policy, "/nowhere", &err));
    assert_int_equal(hidden.below.count, 2);
    assert_true(holds(&hidden.below, "/usr") && holds(&hidden.below, "/usr/lib"));
    assert_int_equal(hidden.above.count, 1);
    assert_true(holds(&hidden.above, "/etc"));
    assert_int_equal(hidden.fixed.count, 0);
    sandbox_hidden_finish(&hidden);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(homes_are_emptied_behind_a_link),
        cmocka_unit_test(what_the_user_opened_stays_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
