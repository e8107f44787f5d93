/* Files from which programs start code, by whatever spelling of their paths. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "approval/approval.h"
#include "approval/launch_points.h"
#include "approval/path_spelling.h"
#include "base/str.h"

/* Files from which programs start code ask where other changes run. */
static void test_launch_points(void **state)
{
    (void)state;
    static const char *const asks[] = {".git/hooks/pre-commit",
                                       ".git/config",
                                       "sub/.git/config",
                                       ".GIT/Config",
                                       "./.git//x",
                                       "a/../.git/x",
                                       ".git",
                                       ".vscode/tasks.json",
                                       ".envrc",
                                       ".env",
                                       "Makefile",
                                       "src/makefile",
                                       "package.json",
                                       "web/package.json",
                                       ".github/workflows/a.yml",
                                       ".github//workflows/./a.yml",
                                       ".mcp.json",
                                       ".carat/config.toml",
                                       "setup.py",
                                       "conftest.py",
                                       ".bashrc",
                                       "build.rs",
                                       ".husky/pre-commit",
                                       "/work/x/.git/config",
                                       ".idea/x",
                                       ".npmrc",
                                       ".cargo/config.toml",
                                       "Justfile",
                                       ".mise.toml",
                                       "sub/mise-tasks/x",
                                       "lib/x.pth",
                                       "X.PTH",
                                       "pyproject.toml",
                                       "flake.nix",
                                       "CMakeLists.txt",
                                       ".gitlab/ci.yml",
                                       ".github/ISSUE_TEMPLATE/../workflows/ci.yml",
                                       ".github/x/../../.github/./workflows/ci.yml",
                                       "../.github/x/y/../../workflows/ci.yml",
                                       "/../.github/x/../workflows/ci.yml",
                                       ".env.local",
                                       ".agents/skills/x/SKILL.md",
                                       "x.code-workspace",
                                       ".yarn/releases/yarn.cjs",
                                       ".pnp.cjs",
                                       ".justfile",
                                       ".lefthook.yml",
                                       ".forgejo/workflows/a.yml",
                                       ".gitea/workflows/a.yml",
                                       "gradle/wrapper/gradle-wrapper.properties",
                                       "mix.exs",
                                       "Package.swift",
                                       ".ycm_extra_conf.py",
                                       "makefile.sh",
                                       "sub/GNUmakefile.sh",
                                       "Cargo.toml",
                                       ".eslintrc",
                                       ".eslintrc.yaml",
                                       "prettier.config.mjs",
                                       ".prettierrc",
                                       ".rubocop.yml",
                                       ".rspec",
                                       "setup.cfg"};
    static const char *const runs[] = {"a.c",
                                       "src/main.c",
                                       ".github/README.md",
                                       "gitx/hooks",
                                       "Makefile.txt",
                                       "package.json.md",
                                       "build.sh",
                                       "Cargo.lock",
                                       ".gitignore",
                                       "",
                                       "docs/env",
                                       "my.git/x",
                                       "workflows/a.yml",
                                       "x.pth.txt",
                                       "pth",
                                       "x.pth/y",
                                       ".github/x/../README.md",
                                       ".github",
                                       "AGENTS.md",
                                       "..",
                                       "../.."};
    struct approval_rules rules;
    approval_rules_init(&rules);
    for (size_t i = 0; i < sizeof asks / sizeof asks[0]; i++) {
        json_t *arguments = json_pack("{s:s}", "path", asks[i]);
        assert_non_null(launch_points_reason(asks[i]));
        assert_int_equal(
            approval_decide(NULL, NULL, APPROVAL_AUTO_EDIT, "write_file", arguments, NULL),
            APPROVAL_ASK_USER);
        assert_int_equal(
            approval_decide(NULL, NULL, APPROVAL_AUTO_EDIT, "read_file", arguments, NULL),
            APPROVAL_ALLOW);
        json_decref(arguments);
    }
    for (size_t i = 0; i < sizeof runs / sizeof runs[0]; i++) {
        json_t *arguments = json_pack("{s:s}", "path", runs[i]);
        assert_null(launch_points_reason(runs[i]));
        assert_int_equal(
            approval_decide(NULL, NULL, APPROVAL_AUTO_EDIT, "edit_file", arguments, NULL),
            APPROVAL_ALLOW);
        json_decref(arguments);
    }
    /* A rule for the tool does not speak of them; one that names the file does. */
    json_t *arguments = json_pack("{s:s}", "path", "Makefile");
    approval_rules_add(&rules, "write_file", APPROVAL_ALLOW, NULL);
    assert_int_equal(approval_decide(&rules, NULL, APPROVAL_ASK, "write_file", arguments, NULL),
                     APPROVAL_ASK_USER);
    approval_rules_finish(&rules);
    approval_rules_init(&rules);
    approval_rules_add(&rules, "write_file(Makefile)", APPROVAL_ALLOW, NULL);
    assert_int_equal(approval_decide(&rules, NULL, APPROVAL_ASK, "write_file", arguments, NULL),
                     APPROVAL_ALLOW);
    json_decref(arguments);
    approval_rules_finish(&rules);
}

/* A dot between two folders is none, a folder between them is one, and each name ends. */
static void test_components_of_launch_points(void **state)
{
    (void)state;
    static const char *const asks[] = {".github/./workflows/a.yml",
                                       "./.envrc",
                                       "a/.envrc",
                                       "././a/./.git/./hooks/x",
                                       "/.git/",
                                       "a//Makefile",
                                       "Makefile/",
                                       "Makefile/.",
                                       ".GITHUB/Workflows/x"};
    static const char *const runs[] = {".github/x/workflows/a.yml",
                                       ".envrc/x",
                                       "Makefil",
                                       "akefile",
                                       ".github",
                                       "workflows",
                                       ".",
                                       "/",
                                       "a",
                                       "./.",
                                       ".gi/t"};
    for (size_t i = 0; i < sizeof asks / sizeof asks[0]; i++) {
        if (launch_points_reason(asks[i]) == NULL) {
            fail_msg("%s is no launch point", asks[i]);
        }
    }
    for (size_t i = 0; i < sizeof runs / sizeof runs[0]; i++) {
        if (launch_points_reason(runs[i]) != NULL) {
            fail_msg("%s is a launch point", runs[i]);
        }
    }
}

static void test_spelling_of_a_path(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"", ""},
        {".", ""},
        {"./", ""},
        {"/", "/"},
        {"//", "/"},
        {"a", "a"},
        {"a/", "a"},
        {"./a//b/./c", "a/b/c"},
        {"/a/../b", "/b"},
        {"/../a", "/a"},
        {"a/..", ""},
        {"/a/..", "/"},
        {"a/../..", ".."},
        {"../a", "../a"},
        {"../../a", "../../a"},
        {"../a/../b", "../b"},
        {"a/b/../../c", "c"},
        {"a/b/../..", ""},
        {"...", "..."},
        {"a/..b", "a/..b"},
        {"/a/b/../c", "/a/c"},
        {"..", ".."},
        {"a/../../b", "../b"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct str out;
        str_init(&out);
        str_append(&out, "x/y");
        path_spelling_append(&out, rows[i][0], strlen(rows[i][0]));
        assert_string_equal(out.data + 3, rows[i][1]);
        str_finish(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_launch_points),
                                       cmocka_unit_test(test_components_of_launch_points),
                                       cmocka_unit_test(test_spelling_of_a_path)};
    return cmocka_run_group_tests_name("approval_launch_points", tests, NULL, NULL);
}
