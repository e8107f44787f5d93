/* Where git is led to, by the text of its files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"

#include "git_layout.h"

static void a_file_leads_to_a_folder(void **state)
{
    (void)state;
    static const struct {
        const char *text, *path; /* NULL: to none */
    } rows[] = {
        {"gitdir: ../x/.git\n", "../x/.git"},
        {"gitdir:/a b\r\n", "/a b"},
        {"../..\n", "../.."},
        {"gitdir: \n", NULL},
        {"", NULL},
        {"\n../x\n", NULL},
    };
    struct str path;
    str_init(&path);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(git_layout_leads_to(rows[i].text, &path), rows[i].path != NULL);
        assert_string_equal(path.data, rows[i].path != NULL ? rows[i].path : "");
    }
    str_finish(&path);
}

static void collect(void *context, const char *path)
{
    str_append_format(context, "<%s>", path);
}

static void a_configuration_names_paths(void **state)
{
    (void)state;
    static const struct {
        const char *text, *paths;
    } rows[] = {
        {"[core]\n\thooksPath = .githooks\n", "<.githooks>"},
        {"[core] HOOKSPATH=\"a b\" # c\n", "<a b>"},
        {"[core]\n\tpath = no\n[include]\n\tpath = ../more ; c\n", "<../more>"},
        {"[includeIf \"gitdir:x\"]\npath=y\n[user]\npath=z\n", "<y>"},
        {"[ Include ]path= q \r\n", "<q>"},
        {"[core]\nhooksPath\nhooksPath =\nhooksPathX = y\n", ""},
        {"[include\npath = a", "<a>"},
        {"\xef\xbb\xbf[include]\npath = a", "<a>"},
        {"[includeIf \"gitdir:a]\\\"]b\"] path = x]y", "<x]y>"},
        {"[core]\nhooksPath = a\\\nb\\\r\nc \\\n\nhooksPath = \\\\ \\\"q\\\"", "<abc><\\ \"q\">"},
        {"[core]\nhooksPath = \" a # b\" ; c \\\nhooksPath = d\nhooksPath = e\\",
         "< a # b><d><e\\>"},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct str paths;
        str_init(&paths);
        git_layout_config(rows[i].text, collect, &paths);
        assert_string_equal(paths.data, rows[i].paths);
        str_finish(&paths);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_leads_to_a_folder),
        cmocka_unit_test(a_configuration_names_paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
