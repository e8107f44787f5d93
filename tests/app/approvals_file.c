/* approvals_file: a rule more, and all else in the file as it was; "always" counts once it is kept.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/app.h"
#include "app/approvals_file.h"
#include "base/err.h"
#include "base/file.h"
#include "base/str.h"

static char folder[] = "/tmp/carat-test-approvals-XXXXXX";
static char path[128], other[128];

static int make_folder(void **state)
{
    (void)state;
    bool made = mkdtemp(folder) != NULL;
    snprintf(path, sizeof path, "%s/config.d/approvals.toml", folder);
    snprintf(other, sizeof other, "%s/mine.toml", folder);
    return !made;
}

static int remove_folder(void **state)
{
    char inside[64];
    (void)state;
    snprintf(inside, sizeof inside, "%s/config.d", folder);
    unlink(other);
    unlink(path);
    rmdir(inside);
    return rmdir(folder);
}

static void put(const char *text)
{
    struct err err;
    assert_true(file_replace(path, text, strlen(text), &err));
}

static void holds(const char *file, const char *expected)
{
    struct str text;
    struct err err;
    str_init(&text);
    assert_true(file_read(file, 4096, &text, &err));
    assert_string_equal(text.data, expected);
    str_finish(&text);
}

static void makes_the_file(void **state)
{
    static const char made[] =
        "# Rules that carat adds when \"always\" is answered. Other settings belong in "
        "config.toml.\n"
        "# Take out what is to ask again.\n"
        "\n[approval]\nallow = [\n    \"shell(touch \\\"a b\\\")\",\n    \"shell(ls)\",\n]\n";
    struct err err;
    struct stat status;
    (void)state;
    assert_true(approvals_file_add(path, "shell(ls)", &err));
    assert_true(approvals_file_add(path, "shell(touch \"a b\")", &err));
    assert_true(approvals_file_add(path, "shell(ls)", &err)); /* it is there */
    holds(path, made);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
}

static void keeps_what_else_is_there(void **state)
{
    static const char *const texts[][2] = {
        {"# mine\n[approval] # rules\ndeny = [\"shell(git push *)\"]\nallow = [\"shell(ls)\"]\n"
         "[agent]\nmax_turns = 5\n",
         "# mine\n[approval] # rules\ndeny = [\"shell(git push *)\"]\nallow = [\n    "
         "\"shell(a)\",\n"
         "    \"shell(ls)\"]\n[agent]\nmax_turns = 5\n"},
        {"[approval]\ndeny = [\"shell(b)\"]", "[approval]\nallow = [\n    \"shell(a)\",\n]\n"
                                              "deny = [\"shell(b)\"]"},
        {"approval.allow = []", "approval.allow = [\n    \"shell(a)\",\n    ]"},
        {"[agent]\nmax_turns = 5",
         "[agent]\nmax_turns = 5\n[approval]\nallow = [\n    \"shell(a)\",\n]\n"},
        {"[ui]\r\ntheme = \"x\"\r\n[approval]\r\nallow = [\r\n]\r\n",
         "[ui]\r\ntheme = \"x\"\r\n[approval]\r\nallow = [\n    \"shell(a)\",\r\n]\r\n"},
    };
    struct err err;
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        put(texts[i][0]);
        assert_true(approvals_file_add(path, "shell(a)", &err));
        holds(path, texts[i][1]);
    }
}

/* What cannot be added to by text is refused, and stays to the byte. */
static void refuses_other_styles(void **state)
{
    static const char *const texts[] = {
        "approval = {deny = [\"shell(b)\"], allow = [\"shell(ls)\"]}\n",
        "approval.deny = [\"shell(b)\"]\n",
        "approval = {deny = [\"shell(b)\"]}\n",
        "[ui]\ntheme = '''\n[approval]\n'''\n",
        "[approval]\nallow = \"shell(ls)\"\n",
        "no toml",
    };
    struct err err;
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        put(texts[i]);
        assert_false(approvals_file_add(path, "shell(a)", &err));
        assert_non_null(strstr(err.text, "approvals.toml"));
        holds(path, texts[i]);
    }
}

static void follows_a_link(void **state)
{
    struct err err;
    struct stat status;
    (void)state;
    unlink(path);
    assert_int_equal(symlink("../mine.toml", path), 0);
    assert_true(approvals_file_add(path, "shell(ls)", &err)); /* where nothing is yet */
    assert_int_equal(chmod(other, 0644), 0);
    assert_true(approvals_file_add(path, "shell(a)", &err));
    assert_int_equal(lstat(path, &status), 0);
    assert_true(S_ISLNK(status.st_mode));
    assert_int_equal(lstat(other, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0644);
    struct str text;
    str_init(&text);
    assert_true(file_read(other, 4096, &text, &err));
    assert_non_null(strstr(text.data, "allow = [\n    \"shell(a)\",\n    \"shell(ls)\",\n]\n"));
    str_finish(&text);
    unlink(path);
}

enum { AT_ONCE = 3, RULES_OF_EACH = 5 };

static void *add_some(void *context)
{
    int number = *(int *)context;
    for (int i = 0; i < RULES_OF_EACH; i++) {
        char rule[32];
        struct err err;
        snprintf(rule, sizeof rule, "shell(rule %d %d)", number, i);
        if (!approvals_file_add(path, rule, &err)) {
            return context;
        }
    }
    return NULL;
}

static void several_at_once(void **state)
{
    pthread_t threads[AT_ONCE];
    int numbers[AT_ONCE];
    struct str text;
    struct err err;
    (void)state;
    put("");
    for (int i = 0; i < AT_ONCE; i++) {
        numbers[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, add_some, &numbers[i]), 0);
    }
    for (int i = 0; i < AT_ONCE; i++) {
        void *failed;
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    str_init(&text);
    assert_true(file_read(path, 65536, &text, &err));
    for (int i = 0; i < AT_ONCE * RULES_OF_EACH; i++) {
        char rule[32];
        snprintf(rule, sizeof rule, "shell(rule %d %d)", i / RULES_OF_EACH, i % RULES_OF_EACH);
        assert_non_null(strstr(text.data, rule));
    }
    str_finish(&text);
}

/* A rule that the file did not take is none in this session: the next call asks again. */
static void counts_once_it_is_kept(void **state)
{
    struct app app = {.paths = {.approvals_file = path}};
    struct err err;
    (void)state;
    unlink(path);
    assert_false(app_always(&app, "", &err)); /* no rule */
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_false(app_always(&app, "shell(ls)", &err));
    assert_non_null(strstr(err.text, "not a regular file"));
    assert_int_equal(app.rules.count, 0);
    rmdir(path);
    assert_true(app_always(&app, "shell(ls)", &err));
    assert_int_equal(app.rules.count, 1);
    approval_rules_finish(&app.rules);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(makes_the_file),       cmocka_unit_test(keeps_what_else_is_there),
        cmocka_unit_test(refuses_other_styles), cmocka_unit_test(follows_a_link),
        cmocka_unit_test(several_at_once),      cmocka_unit_test(counts_once_it_is_kept),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
