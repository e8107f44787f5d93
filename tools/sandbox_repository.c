/* sandbox_repository: git's files are fixed where they may be written, and followed wherever they
 * lie: a repository outside may take its hooks from the workspace.
 *
 * What is left out: names that do not exist yet. A repository in which one of the names is missing
 * or a link, so that a command could put its own there, is read-only as a whole. Of a link
 * elsewhere only what it leads to is fixed, for a link cannot be mounted over.
 */
#include "sandbox_repository.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

#include "git_layout.h"
#include "sandbox_pins.h"
#include "sandbox_protected.h"

enum { MOST_REPOSITORIES = 64, MOST_WORKTREES = 50, MOST_LED = 256, DEEPEST_INCLUDE = 10 };
enum { CONFIG_LIMIT = 1024 * 1024 };

/* In a repository: the first two must be there, or a command could make them. */
static const char *const repository_names[] = {
    "config", "hooks", "info", "modules", "config.worktree", "commondir", "worktrees"};
enum { NEEDED = 2, WORKTREES = 6, REPOSITORY_NAMES = 7 };

/* In the folder that a repository has for a linked worktree. */
static const char *const worktree_names[] = {"commondir", "gitdir", "config.worktree", "modules"};

static char *join(const char *folder, const char *name)
{
    struct str path;
    str_init(&path);
    str_append_format(&path, "%s/%s", strcmp(folder, "/") == 0 ? "" : folder, name);
    return str_take(&path);
}

/* Where `path`, as a file of git's has it, leads; relative ones begin in `folder`. */
static bool resolve(struct sandbox_protected *found, const char *folder, const char *path,
                    char resolved[PATH_MAX])
{
    char *whole = path[0] == '/' ? mem_strdup(path) : join(folder, path);
    bool ok = sandbox_pins_resolve(found, whole, resolved);
    mem_free(whole);
    return ok;
}

/* False, with an empty text, when it is no file that can be read. */
static bool read_small(struct sandbox_protected *found, const char *path, struct str *text)
{
    struct err err = {0};
    struct stat status; /* to open a device may do something; the kernel's own files have no size */
    bool is_file = lstat(path, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0;
    int fd = is_file ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK) : -1;
    bool ok = fd >= 0 && file_read_open(fd, path, CONFIG_LIMIT, text, &err);
    if (fd >= 0) {
        close(fd);
    }
    if (err.code == ERR_LIMIT) {
        sandbox_pins_refuse(found, "mounts: %s is too large to see where it leads git (1 MiB)",
                            path);
    }
    return ok;
}

/* --- configurations --- */

struct led {
    struct sandbox_protected *found;
    const char *top;    /* of the working files, where a relative hooksPath begins */
    const char *folder; /* of the configuration, where a relative include begins */
    int depth;          /* of includes */
};

static void follow_configuration(const struct led *led, const char *path);

/* A configuration may be included; a hook, which is taken for one, does no harm. */
static void fix_led_to(const struct led *led, const char *folder, const char *path)
{
    char resolved[PATH_MAX];
    char *whole = path[0] == '/' ? mem_strdup(path) : join(folder, path);
    if (sandbox_pins_resolve(led->found, whole, resolved)) {
        sandbox_pins_fix(led->found, resolved);
        if (led->depth < DEEPEST_INCLUDE) {
            follow_configuration(led, whole);
        }
    }
    mem_free(whole);
}

/* "~" and "~name" at the beginning of a path; NULL when there is no such user. */
static char *home_of(const struct sandbox_protected *found, const char *path)
{
    char *name = mem_strndup(path + 1, strcspn(path, "/") - 1);
    const struct passwd *user = name[0] != '\0' ? getpwnam(name) : NULL;
    const char *home = name[0] == '\0' ? found->home : user != NULL ? user->pw_dir : NULL;
    mem_free(name);
    return home != NULL ? mem_strdup(home) : NULL;
}

/* An include begins beside the configuration, hooks at the top: what is there counts. */
static void follow_path(void *context, const char *path)
{
    static const char optional[] = ":(optional)", gits_own[] = "%(prefix)/";
    const struct led *led = context;
    struct sandbox_protected *found = led->found;
    if (found->refused) {
        return;
    }
    if (++found->led > MOST_LED) {
        sandbox_pins_refuse(found,
                            "mounts: the git configurations of %s name more than %d files and "
                            "folders (include.path, core.hooksPath): work in a part of it",
                            led->top, (int)MOST_LED);
        return;
    }
    path += str_starts_with(path, optional) ? sizeof optional - 1 : 0;
    if (path[0] == '~') {
        char *home = home_of(found, path);
        path += strcspn(path, "/");
        if (home != NULL && path[0] == '/') {
            fix_led_to(led, home, path + 1);
        }
        mem_free(home);
    } else if (!str_starts_with(path, gits_own)) {
        fix_led_to(led, led->top, path);
        if (path[0] != '/' && strcmp(led->top, led->folder) != 0) {
            fix_led_to(led, led->folder, path);
        }
    }
}

/* Where the file is a link, what it includes begins beside the link. */
static void follow_configuration(const struct led *led, const char *path)
{
    char resolved[PATH_MAX];
    struct str text;
    str_init(&text);
    if (sandbox_pins_resolve(led->found, path, resolved) &&
        read_small(led->found, resolved, &text)) {
        char *folder = mem_strndup(path, (size_t)(strrchr(path, '/') - path));
        struct led deeper = {led->found, led->top, folder, led->depth + 1};
        git_layout_config(text.data, follow_path, &deeper);
        mem_free(folder);
    }
    str_finish(&text);
}

/* --- repositories --- */

/* A protected name in one of git's folders: fixed, and what it leads to as well. False for a link,
 * in whose place another could be put. */
static bool fix_name(struct sandbox_protected *found, const char *path, mode_t kind)
{
    char resolved[PATH_MAX];
    bool is_link = kind == S_IFLNK;
    if (is_link && sandbox_pins_resolve(found, path, resolved)) {
        sandbox_pins_fix(found, resolved);
    } else if (!is_link && kind != 0) {
        sandbox_pins_fix(found, path);
    }
    return !is_link;
}

/* What a linked worktree's folder says of where its repository is. The folder itself is pinned. */
static void protect_worktree(struct sandbox_protected *found, const char *folder)
{
    bool whole = false;
    sandbox_pins_pin(found, folder);
    for (size_t i = 0; i < sizeof worktree_names / sizeof worktree_names[0]; i++) {
        char *path = join(folder, worktree_names[i]);
        whole = !fix_name(found, path, sandbox_pins_kind(found, path)) || whole;
        mem_free(path);
    }
    if (whole) {
        sandbox_pins_fix(found, folder);
    }
}

static void protect_worktrees(struct sandbox_protected *found, const char *path)
{
    struct policy_list folders = {0};
    struct dirent *entry;
    DIR *folder = sandbox_pins_open(found, path);
    while (folders.count <= MOST_WORKTREES &&
           (entry = sandbox_pins_read(found, folder, path)) != NULL) {
        char *inner = join(path, entry->d_name);
        if (entry->d_name[0] != '.' && sandbox_pins_kind(found, inner) == S_IFDIR) {
            sandbox_pins_add(&folders, inner);
        }
        mem_free(inner);
    }
    if (folder != NULL) {
        closedir(folder);
    }
    if (folders.count > MOST_WORKTREES) { /* all of them, then, and none can be worked in */
        sandbox_pins_fix(found, path);
    } else {
        sandbox_pins_pin(found, path);
        for (size_t i = 0; i < folders.count; i++) {
            protect_worktree(found, folders.items[i]);
        }
    }
    policy_list_finish(&folders);
}

/* What in git's folder must not be changed. */
static void protect_names(struct sandbox_protected *found, const char *git)
{
    mode_t kinds[REPOSITORY_NAMES];
    bool inside = sandbox_pins_in_root(found, git);
    if (inside && !sandbox_pins_add(&found->repositories, git)) {
        return;
    }
    char *commondir = join(git, "commondir");
    bool elsewhere = sandbox_pins_kind(found, commondir) != 0; /* config and hooks are, then */
    bool whole = found->repositories.count > MOST_REPOSITORIES;
    mem_free(commondir);
    for (size_t i = 0; i < REPOSITORY_NAMES; i++) {
        char *path = join(git, repository_names[i]);
        kinds[i] = sandbox_pins_kind(found, path);
        whole = whole || kinds[i] == S_IFLNK || (i < NEEDED && !elsewhere && kinds[i] == 0);
        mem_free(path);
    }
    if (whole) {
        sandbox_pins_fix(found, git);
    } else {
        sandbox_pins_pin_above(found, git);
        sandbox_pins_pin(found, git);
    }
    for (size_t i = 0; i < REPOSITORY_NAMES; i++) {
        char *path = join(git, repository_names[i]);
        if (i == WORKTREES && kinds[i] == S_IFDIR && inside && !whole) {
            protect_worktrees(found, path);
        } else if (kinds[i] == S_IFLNK || (i != WORKTREES && !whole)) {
            fix_name(found, path, kinds[i]);
        }
        mem_free(path);
    }
}

static void protect_repository(struct sandbox_protected *found, const char *git, const char *top)
{
    static const char *const files[] = {"config", "config.worktree"};
    struct led led = {found, top, git, 0};
    protect_names(found, git);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char *path = join(git, files[i]);
        follow_configuration(&led, path);
        mem_free(path);
    }
}

/* `git`: the folder with the configuration; `top`: that of the working files. A linked worktree's
 * own folder names the repository that it belongs to. */
static void look_at(struct sandbox_protected *found, const char *git, const char *top)
{
    char resolved[PATH_MAX];
    struct str text, common;
    char *both = join(git, top), *path = join(git, "commondir");
    str_init(&text);
    str_init(&common);
    if (sandbox_pins_add(&found->looked_at, both)) {
        protect_repository(found, git, top);
        if (sandbox_pins_resolve(found, path, resolved) && read_small(found, resolved, &text) &&
            git_layout_leads_to(text.data, &common) && resolve(found, git, common.data, resolved)) {
            protect_repository(found, resolved, top);
        }
    }
    str_finish(&common);
    str_finish(&text);
    mem_free(path);
    mem_free(both);
}

/* `.git` as a folder, as a file that leads to one, as a link to either. */
void sandbox_repository_look_for(struct sandbox_protected *found, const char *folder)
{
    char resolved[PATH_MAX];
    struct str text, leads;
    char *path = join(folder, ".git");
    mode_t kind = sandbox_pins_kind(found, path);
    str_init(&text);
    str_init(&leads);
    if (kind != 0 && !found->refused && sandbox_pins_resolve(found, path, resolved)) {
        kind = sandbox_pins_kind(found, resolved);
        if (kind == S_IFDIR) {
            look_at(found, resolved, folder);
        } else if (kind != 0) {
            sandbox_pins_fix(found, resolved);
            if (read_small(found, resolved, &text) && git_layout_leads_to(text.data, &leads) &&
                resolve(found, folder, leads.data, resolved)) {
                look_at(found, resolved, folder);
            }
        }
    }
    str_finish(&leads);
    str_finish(&text);
    mem_free(path);
}
