/* What is covered, by which name, and what is kept from being replaced, with a test's own answer
 * where a place of the system is a link. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

/* A folder with what one of the rows below lays in it; the shell is shorter than the calls. */
struct laid {
    char folder[64], work[80];
    struct sandbox_hidden hidden;
};

static bool lay_and_find(struct laid *laid, const char *lay, const char *hidden, const char *kept)
{
    struct err err;
    char command[600], folder[160], one[160], other[160];
    snprintf(laid->folder, sizeof laid->folder, "/tmp/carat-test-hidden-XXXXXX");
    assert_non_null(mkdtemp(laid->folder));
    snprintf(laid->work, sizeof laid->work, "%s/work", laid->folder);
    snprintf(command, sizeof command, "mkdir %s && cd %s && %s", laid->work, laid->work, lay);
    assert_int_equal(system(command), 0);
    snprintf(one, sizeof one, "%s/%s", laid->work, hidden);
    snprintf(other, sizeof other, "%s/%s", laid->work, kept);
    snprintf(folder, sizeof folder, "%s/set/config.d", laid->work);
    char *covered[] = {folder, one}, *read[] = {other};
    struct policy policy = {
        .workspace = laid->work, .hidden = {covered, 2, 2}, .kept = {read, 1, 1}};
    return sandbox_hidden_find(&laid->hidden, &policy, "/nowhere", &err);
}

static bool laid_holds(const struct laid *laid, const struct policy_list *list, const char *name)
{
    char path[160];
    snprintf(path, sizeof path, "%s/%s", laid->work, name);
    return holds(list, path);
}

static void clear_away(struct laid *laid)
{
    char command[96];
    sandbox_hidden_finish(&laid->hidden);
    snprintf(command, sizeof command, "rm -r %s", laid->folder);
    assert_int_equal(system(command), 0);
}

/* The folder is covered, but the way goes on from a link in it through what is not. */
static void a_link_in_a_covered_folder_is_followed(void **state)
{
    (void)state;
    struct laid laid;
    assert_true(lay_and_find(&laid,
                             "mkdir -p set/config.d in && ln -s ../../in/way set/config.d/a.toml "
                             "&& ln -s ../extra in/way && touch extra",
                             "set/config.d/a.toml", "none/at/all"));
    assert_true(laid_holds(&laid, &laid.hidden.above, "set/config.d"));
    assert_true(laid_holds(&laid, &laid.hidden.above, "extra"));
    assert_true(laid_holds(&laid, &laid.hidden.fixed, "in"));
    assert_int_equal(laid.hidden.fixed.count, 1);
    clear_away(&laid);
    /* In the workspace itself the link could be replaced. */
    assert_false(lay_and_find(&laid,
                              "mkdir -p set/config.d && ln -s ../../way set/config.d/a.toml && "
                              "ln -s extra way && touch extra",
                              "set/config.d/a.toml", "none/at/all"));
    clear_away(&laid);
}

/* It is not covered; what would have to be the workspace itself is left, and no folder made. */
static void what_is_kept_is_read_alone(void **state)
{
    static const struct {
        const char *lay, *kept, *fixed; /* "": nothing */
    } rows[] = {
        {"mkdir -p set/config.d set/skills", "set/skills", "set/skills"},
        {"mkdir -p set/config.d", "set/skills", "set"},
        {"mkdir -p set/config.d mine at && ln -s ../mine at/skills", "at/skills", "at"},
        {"mkdir -p set/config.d mine at && ln -s ../mine at/skills", "at/skills", "mine"},
        {"mkdir -p set/config.d", "skills", ""},
        {"mkdir -p set/config.d", ".", ""},
        {"mkdir -p set/config.d", "gone/skills", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct laid laid;
        char gone[96];
        if (!lay_and_find(&laid, rows[i].lay, "set/config.d", rows[i].kept)) {
            fail_msg("row %zu was refused", i);
        }
        if (rows[i].fixed[0] == '\0' ? laid.hidden.fixed.count > 0
                                     : !laid_holds(&laid, &laid.hidden.fixed, rows[i].fixed)) {
            fail_msg("row %zu: %zu", i, laid.hidden.fixed.count);
        }
        assert_int_equal(laid.hidden.above.count, 1);
        snprintf(gone, sizeof gone, "%s/gone", laid.work);
        assert_int_equal(access(gone, F_OK), -1);
        clear_away(&laid);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(homes_are_emptied_behind_a_link),
        cmocka_unit_test(what_the_user_opened_stays_open),
        cmocka_unit_test(a_link_in_a_covered_folder_is_followed),
        cmocka_unit_test(what_is_kept_is_read_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
