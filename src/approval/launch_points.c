/* launch_points: one table. A row's path matches at any depth; a row that ends in '/' is a folder
 * and all that is in it, one that begins with '*' is how a name ends. A path is compared as it is
 * given, which counts where a component is a link, and with its ".." taken back. */
#include "approval/launch_points.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "approval/path_spelling.h"
#include "base/str.h"

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
    {".lefthook.yml", "lefthook runs what it names"},
    {".vscode/", "the editor runs tasks from it"},
    {".idea/", "the editor runs tasks from it"},
    {"*.code-workspace", "the editor runs tasks from it"},
    {".ycm_extra_conf.py", "the editor runs it"},
    {".vimrc", "the editor runs it"},
    {".exrc", "the editor runs it"},
    {".nvim.lua", "the editor runs it"},
    {".dir-locals.el", "the editor runs it"},
    {".devcontainer/", "the editor runs commands from it"},
    {".envrc", "direnv runs it"},
    {".env.local", "programs take their environment from it"},
    {".env", "programs take their environment from it"},
    {"mise.toml", "mise takes the environment from it"},
    {".mise.toml", "mise takes the environment from it"},
    {".mise.local.toml", "mise takes the environment from it"},
    {"mise.local.toml", "mise takes the environment from it"},
    {".mise/", "mise runs tasks from it"},
    {"mise-tasks/", "mise runs tasks from it"},
    {".tool-versions", "mise and asdf choose programs by it"},
    {"rust-toolchain", "rustup chooses programs by it"},
    {"rust-toolchain.toml", "rustup chooses programs by it"},
    {"flake.nix", "nix runs it"},
    {"shell.nix", "nix runs it"},
    {"default.nix", "nix runs it"},
    {".github/workflows/", "the forge runs it"},
    {".github/actions/", "the forge runs it"},
    {".forgejo/workflows/", "the forge runs it"},
    {".gitea/workflows/", "the forge runs it"},
    {".gitlab-ci.yml", "the forge runs it"},
    {".circleci/", "the forge runs it"},
    {".gitlab/", "the forge runs it"},
    {"azure-pipelines.yml", "the forge runs it"},
    {"bitbucket-pipelines.yml", "the forge runs it"},
    {".travis.yml", "the build server runs it"},
    {".drone.yml", "the build server runs it"},
    {".buildkite/", "the build server runs it"},
    {"Jenkinsfile", "the build server runs it"},
    {"Makefile", "make runs it"},
    {"GNUmakefile", "make runs it"},
    {"Makefile.sh", "make makes its Makefile of it"},
    {"GNUmakefile.sh", "make makes its Makefile of it"},
    {"Justfile", "just runs it"},
    {".justfile", "just runs it"},
    {"Rakefile", "rake runs it"},
    {"Taskfile.yml", "task runs it"},
    {"Taskfile.yaml", "task runs it"},
    {"CMakeLists.txt", "cmake runs it"},
    {"build.gradle", "gradle runs it"},
    {"build.gradle.kts", "gradle runs it"},
    {"settings.gradle", "gradle runs it"},
    {"settings.gradle.kts", "gradle runs it"},
    {"pom.xml", "maven runs what it names"},
    {"Gemfile", "bundler runs it"},
    {"composer.json", "composer runs its scripts"},
    {"package.json", "npm runs its scripts"},
    {"deno.json", "deno runs its tasks"},
    {"deno.jsonc", "deno runs its tasks"},
    {"bunfig.toml", "bun loads what it names"},
    {"gulpfile.js", "gulp runs it"},
    {"Gruntfile.js", "grunt runs it"},
    {".eslintrc", "the editor runs what it names"},
    {".eslintrc.json", "the editor runs what it names"},
    {".eslintrc.yml", "the editor runs what it names"},
    {".eslintrc.yaml", "the editor runs what it names"},
    {".eslintrc.js", "the editor runs it"},
    {".eslintrc.cjs", "the editor runs it"},
    {"eslint.config.js", "the editor runs it"},
    {"eslint.config.mjs", "the editor runs it"},
    {"eslint.config.cjs", "the editor runs it"},
    {"eslint.config.ts", "the editor runs it"},
    {".prettierrc", "the editor runs what it names"},
    {".prettierrc.json", "the editor runs what it names"},
    {".prettierrc.json5", "the editor runs what it names"},
    {".prettierrc.yml", "the editor runs what it names"},
    {".prettierrc.yaml", "the editor runs what it names"},
    {".prettierrc.toml", "the editor runs what it names"},
    {".prettierrc.js", "the editor runs it"},
    {".prettierrc.cjs", "the editor runs it"},
    {".prettierrc.mjs", "the editor runs it"},
    {".prettierrc.ts", "the editor runs it"},
    {"prettier.config.js", "the editor runs it"},
    {"prettier.config.cjs", "the editor runs it"},
    {"prettier.config.mjs", "the editor runs it"},
    {"prettier.config.ts", "the editor runs it"},
    {".rubocop.yml", "rubocop loads what it names"},
    {".rspec", "rspec loads what it names"},
    {".npmrc", "npm obeys it"},
    {".yarnrc", "yarn obeys it"},
    {".yarnrc.yml", "yarn obeys it"},
    {".yarn/", "yarn runs what is in it"},
    {".pnp.cjs", "node runs it"},
    {".pnpmfile.cjs", "pnpm runs it"},
    {"setup.py", "pip runs it"},
    {"setup.cfg", "pip and pytest load what it names"},
    {"pyproject.toml", "pip and others run what it names"},
    {"pip.conf", "pip obeys it"},
    {"uv.toml", "uv obeys it"},
    {"noxfile.py", "nox runs it"},
    {"tox.ini", "tox runs its commands"},
    {"pytest.ini", "pytest loads what it names"},
    {".pylintrc", "pylint runs code in it"},
    {"*.pth", "python runs lines of it at each start"},
    {"conftest.py", "pytest runs it"},
    {"sitecustomize.py", "python runs it"},
    {"usercustomize.py", "python runs it"},
    {"build.rs", "cargo runs it"},
    {"Cargo.toml", "cargo runs the script that it names"},
    {".cargo/", "cargo obeys it"},
    {".mvn/", "maven obeys it"},
    {"gradle-wrapper.properties", "gradle is fetched from where it says"},
    {"mix.exs", "mix runs it"},
    {"Package.swift", "swift runs it"},
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
    {".zlogout", "the shell runs it"},
    {".bash_aliases", "the shell runs it"},
    {".kshrc", "the shell runs it"},
    {".cshrc", "the shell runs it"},
    {".tcshrc", "the shell runs it"},
    {".pam_environment", "the login takes the environment from it"},
    {".xprofile", "the desktop runs it"},
    {".xinitrc", "the desktop runs it"},
    {".tmux.conf", "tmux runs commands from it"},
    {".inputrc", "the shell obeys it"},
    {".ssh/", "it decides who may log in"},
    {".gdbinit", "gdb runs it"},
    {".lldbinit", "lldb runs it"},
    {".pdbrc", "python's debugger runs it"},
    {".Rprofile", "R runs it"},
    {".irbrc", "ruby runs it"},
    {".pryrc", "ruby runs it"},
    {".sqliterc", "sqlite runs commands from it"},
    {".psqlrc", "psql runs commands from it"},
    {".curlrc", "curl obeys it"},
    {".wgetrc", "wget obeys it"},
    {".config/", "programs obey what is in it"},
    {".local/bin/", "it is on the path of programs"},
    {".mcp.json", "agents start programs that it names"},
    {".agents/", "it configures an agent"},
    {".carat/", "it configures carat itself"},
    {".claude/", "it configures an agent"},
    {".codex/", "it configures an agent"},
    {".gemini/", "it configures an agent"},
    {".cursor/", "it configures an agent"},
    {".windsurf/", "it configures an agent"},
    {".continue/", "it configures an agent"},
    {".opencode/", "it configures an agent"},
    {"opencode.json", "it configures an agent"},
    {".aider.conf.yml", "it configures an agent"},
    {".zed/", "the editor runs tasks from it"},
    {".fleet/", "the editor runs tasks from it"},
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

enum fit { FITS_NOT, FITS_ABOVE, FITS };

/* How the row's components stand one after the other from `at` on, to the end of the path unless
 * the row is a folder. `loose`: the first one may have letters before it. FITS_ABOVE: the path ends
 * in a folder that the row's file lies in. */
static enum fit fits_here(const char *row, const char *at, bool loose)
{
    size_t wanted_length, length;
    const char *wanted, *component;
    for (bool first = true; (wanted = next_component(&row, &wanted_length)) != NULL;
         first = false) {
        component = next_component(&at, &length);
        if (component == NULL) {
            return first ? FITS_NOT : FITS_ABOVE;
        }
        bool star = wanted[0] == '*';
        wanted += star;
        wanted_length -= star;
        if (star || (loose && first)) {
            size_t before = length > wanted_length ? length - wanted_length : 0;
            component += before;
            length -= before;
        }
        if (length != wanted_length || strncasecmp(component, wanted, length) != 0) {
            return FITS_NOT;
        }
        if (row[0] == '/' && row[1] == '\0') {
            return FITS;
        }
    }
    return next_component(&at, &length) == NULL ? FITS : FITS_NOT;
}

/* The reason of the first row that fits somewhere in the path, as it is spelled. */
static const char *find_row(const char *path, bool above, bool letters)
{
    for (size_t i = 0; i < sizeof points / sizeof points[0]; i++) {
        const char *at = path;
        size_t length;
        do {
            enum fit fit = fits_here(points[i].path, at, letters && at == path);
            if (fit == FITS || (fit == FITS_ABOVE && above)) {
                return fit == FITS ? points[i].reason
                                   : "programs are started from what is in that folder";
            }
        } while (next_component(&at, &length) != NULL);
    }
    return NULL;
}

static const char *find(const char *path, bool above, bool letters)
{
    struct str spelled;
    const char *reason = find_row(path, above, letters);
    str_init(&spelled);
    if (reason == NULL && strstr(path, "..") != NULL) {
        path_spelling_append(&spelled, path, strlen(path));
        reason = find_row(spelled.data, above, letters);
    }
    str_finish(&spelled);
    return reason;
}

const char *launch_points_reason(const char *path)
{
    return strlen(path) >= PATH_MAX ? "its path is too long to be looked at"
                                    : find(path, false, false);
}

const char *launch_points_in_word(const char *word)
{
    const char *equals = strchr(word, '=');
    const char *reason = find(word, true, false);
    if (reason == NULL && equals != NULL) {
        reason = find(equals + 1, true, false);
    }
    bool cluster = word[0] == '-' && word[1] != '-' && word[1] != '\0';
    return reason == NULL && cluster ? find(word + 2, true, true) : reason;
}
