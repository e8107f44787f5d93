/* launch_points: one table. A row's path matches at any depth; a row that ends in '/' is a folder
 * and all that is in it. */
#include "approval/launch_points.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

static const struct {
    const char *path;
    const char *reason;
} points[] = {
    {".git/", "git obeys its configuration and hooks"},
    {".git", "git follows it to a configuration"},
    {".gitmodules", "git fetches what it names"},
    {".gitattributes", "git runs filters that it names"},
    {".gitconfig", "git obeys it"},
    {".hg/", "hg obeys its configuration and hooks"},
    {".githooks/", "git runs hooks from it"},
    {".husky/", "git runs hooks from it"},
    {".pre-commit-config.yaml", "pre-commit runs what it names"},
    {"lefthook.yml", "lefthook runs what it names"},
    {".vscode/", "the editor runs tasks from it"},
    {".idea/", "the editor runs tasks from it"},
    {".vimrc", "the editor runs it"},
    {".exrc", "the editor runs it"},
    {".nvim.lua", "the editor runs it"},
    {".dir-locals.el", "the editor runs it"},
    {".devcontainer/", "the editor runs commands from it"},
    {".envrc", "direnv runs it"},
    {".env", "programs take their environment from it"},
    {"mise.toml", "mise takes the environment from it"},
    {".tool-versions", "mise and asdf choose programs by it"},
    {".github/workflows/", "the forge runs it"},
    {".github/actions/", "the forge runs it"},
    {".gitlab-ci.yml", "the forge runs it"},
    {".circleci/", "the forge runs it"},
    {"Jenkinsfile", "the build server runs it"},
    {"Makefile", "make runs it"},
    {"GNUmakefile", "make runs it"},
    {"Justfile", "just runs it"},
    {"Rakefile", "rake runs it"},
    {"package.json", "npm runs its scripts"},
    {".npmrc", "npm obeys it"},
    {".yarnrc", "yarn obeys it"},
    {".yarnrc.yml", "yarn obeys it"},
    {".pnpmfile.cjs", "pnpm runs it"},
    {"setup.py", "pip runs it"},
    {"conftest.py", "pytest runs it"},
    {"sitecustomize.py", "python runs it"},
    {"usercustomize.py", "python runs it"},
    {"build.rs", "cargo runs it"},
    {".cargo/", "cargo obeys it"},
    {".mvn/", "maven obeys it"},
    {"gradlew", "it is run to build"},
    {"mvnw", "it is run to build"},
    {".bashrc", "the shell runs it"},
    {".bash_profile", "the shell runs it"},
    {".bash_login", "the shell runs it"},
    {".bash_logout", "the shell runs it"},
    {".profile", "the shell runs it"},
    {".zshrc", "the shell runs it"},
    {".zshenv", "the shell runs it"},
    {".zprofile", "the shell runs it"},
    {".zlogin", "the shell runs it"},
    {".inputrc", "the shell obeys it"},
    {".ssh/", "it decides who may log in"},
    {".gdbinit", "gdb runs it"},
    {".lldbinit", "lldb runs it"},
    {".config/", "programs obey what is in it"},
    {".local/bin/", "it is on the path of programs"},
    {".mcp.json", "agents start programs that it names"},
    {".carat/", "it configures carat itself"},
    {".claude/", "it configures an agent"},
    {".codex/", "it configures an agent"},
    {".gemini/", "it configures an agent"},
    {".cursor/", "it configures an agent"},
};

/* The next component that counts; NULL at the end. */
static const char *next_component(const char **at, size_t *length)
{
    for (;;) {
        *at += strspn(*at, "/");
        *length = strcspn(*at, "/");
        const char *component = *at;
        if (*length == 0) {
            return NULL;
        }
        *at += *length;
        if (*length != 1 || component[0] != '.') {
            return component;
        }
    }
}

/* Whether the row's components stand one after the other from `at` on, to the end of the path
 * unless the row is a folder. */
static bool matches_here(const char *row, const char *at)
{
    size_t wanted_length, length;
    const char *wanted, *component;
    while ((wanted = next_component(&row, &wanted_length)) != NULL) {
        component = next_component(&at, &length);
        if (component == NULL || length != wanted_length ||
            strncasecmp(component, wanted, length) != 0) {
            return false;
        }
        if (row[0] == '/' && row[1] == '\0') {
            return true;
        }
    }
    return next_component(&at, &length) == NULL;
}

const char *launch_points_reason(const char *path)
{
    for (size_t i = 0; i < sizeof points / sizeof points[0]; i++) {
        const char *at = path;
        size_t length;
        do {
            if (matches_here(points[i].path, at)) {
                return points[i].reason;
            }
        } while (next_component(&at, &length) != NULL);
    }
    return NULL;
}
