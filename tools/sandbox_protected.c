/* sandbox_protected: what other programs start code from in a workspace, to be mounted read-only.
 *
 * A protected name is safe only when it cannot be moved aside: a mount pins its own name, not the
 * folders above. So every folder between the workspace and a protected name is mounted onto itself,
 * which makes renaming it fail with EBUSY. What is in the workspace is looked at folder by folder,
 * those that lie higher first, down to three below it, and four for repositories, because each call
 * pays for the search.
 *
 * What is left out: names that do not exist yet. A repository in which one of the names is missing
 * or a link, so that a command could put its own there, is read-only as a whole.
 */
#include "sandbox_protected.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"

#include "git_layout.h"

/* bubblewrap's time grows with the square of the mounts: 1,500 of them take some seconds. */
enum { DEEPEST = 4, MOST_FOLDERS = 20000, MOST_MOUNTS = 1500, MOST_WORKTREES = 50 };
enum { MOST_REPOSITORIES = 64, ALWAYS_TAKEN = 16, CONFIG_LIMIT = 1024 * 1024 };

/* Of the workspace and the folders in it. */
static const char *const names[] = {
    ".carat",        ".vscode",   ".idea",         ".envrc",      ".mcp.json", ".bashrc",
    ".bash_profile", ".profile",  ".bash_aliases", ".bash_login", ".zshrc",    ".zshenv",
    ".zprofile",     ".zlogin",   ".gitconfig",    ".claude",     ".cursor",   ".codex",
    ".gemini",       ".windsurf", ".bash_logout",  ".zlogout"};

/* In a repository: the first two must be there, or a command could make them. */
static const char *const repository_names[] = {"config",  "hooks",           "info",
                                               "modules", "config.worktree", "commondir"};
enum { NEEDED = 2 };

/* --- lists of paths --- */

static void add(struct policy_list *list, const char *path)
{
    vec_room(&list->items, &list->capacity, list->count + 1, sizeof *list->items);
    list->items[list->count++] = mem_strdup(path);
}

static void finish_list(struct policy_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        mem_free(list->items[i]);
    }
    mem_free(list->items);
    *list = (struct policy_list){0};
}

static int compare(const void *one, const void *other)
{
    return strcmp(*(char *const *)one, *(char *const *)other);
}

/* A folder before what lies in it, and each once. */
static void sort(struct policy_list *list)
{
    size_t kept = 0;
    if (list->count > 0) {
        qsort(list->items, list->count, sizeof *list->items, compare);
    }
    for (size_t i = 0; i < list->count; i++) {
        if (kept > 0 && strcmp(list->items[kept - 1], list->items[i]) == 0) {
            mem_free(list->items[i]);
        } else {
            list->items[kept++] = list->items[i];
        }
    }
    list->count = kept;
}

/* The deepest of the roots that holds the path, or is it; NULL = it cannot be written anyway. */
static const char *root_of(const struct sandbox_protected *found, const char *path)
{
    const char *deepest = NULL;
    for (size_t i = 0; i < found->roots.count; i++) {
        const char *root = found->roots.items[i];
        size_t length = strlen(root);
        bool inside = strncmp(path, root, length) == 0 &&
                      (path[length] == '/' || path[length] == '\0' || strcmp(root, "/") == 0);
        deepest = inside && (deepest == NULL || length > strlen(deepest)) ? root : deepest;
    }
    return deepest;
}

static void pin(struct sandbox_protected *found, const char *path)
{
    const char *root = root_of(found, path);
    if (root != NULL && strcmp(root, path) != 0) { /* that is a mount already */
        add(&found->pinned, path);
    }
}

/* The folders above the path, up to its root. */
static void pin_above(struct sandbox_protected *found, const char *path)
{
    const char *root = root_of(found, path);
    char *above = mem_strdup(path), *slash;
    while (root != NULL && (slash = strrchr(above, '/')) != NULL &&
           (size_t)(slash - above) > strlen(root)) {
        *slash = '\0';
        pin(found, above);
    }
    mem_free(above);
}

static void fix(struct sandbox_protected *found, const char *path)
{
    const char *root = root_of(found, path);
    if (root != NULL && strcmp(root, path) != 0) {
        pin_above(found, path);
        add(&found->fixed, path);
    }
}

/* --- repositories --- */

/* True when `path` is there and is no link; `mode` is then its kind. */
static bool find(const char *path, mode_t *mode)
{
    struct stat status;
    bool is_there = lstat(path, &status) == 0 && !S_ISLNK(status.st_mode);
    *mode = is_there ? status.st_mode & S_IFMT : 0;
    return is_there;
}

static bool is_link(const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0 && S_ISLNK(status.st_mode);
}

/* What a link, or a path in a file of git's, leads to; relative ones begin in `folder`. */
static bool resolve(const char *folder, const char *path, char resolved[PATH_MAX])
{
    struct str whole;
    str_init(&whole);
    str_append_format(&whole, "%s%s%s", path[0] == '/' ? "" : folder, path[0] == '/' ? "" : "/",
                      path);
    bool ok = realpath(whole.data, resolved) != NULL;
    str_finish(&whole);
    return ok;
}

static bool read_small(const char *path, struct str *text)
{
    struct err err;
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    bool ok = fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
              file_read_open(fd, path, CONFIG_LIMIT, text, &err);
    if (fd >= 0) {
        close(fd);
    }
    return ok;
}

struct led {
    struct sandbox_protected *found;
    const char *top; /* of the working files, where a relative hooksPath begins */
    const char *git;
};

/* An include begins beside the configuration, hooks at the top: what is there counts. */
static void fix_led_to(void *context, const char *path)
{
    const struct led *led = context;
    char resolved[PATH_MAX];
    const char *const from[] = {led->top, led->git};
    for (size_t i = 0; i < sizeof from / sizeof from[0]; i++) {
        if (resolve(from[i], path, resolved)) {
            fix(led->found, resolved);
        }
    }
}

static void protect_configured(struct sandbox_protected *found, const char *git, const char *top)
{
    static const char *const files[] = {"config", "config.worktree"};
    struct led led = {found, top, git};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        struct str path, text;
        str_init(&path);
        str_init(&text);
        str_append_format(&path, "%s/%s", git, files[i]);
        if (read_small(path.data, &text)) {
            git_layout_config(text.data, fix_led_to, &led);
        }
        str_finish(&text);
        str_finish(&path);
    }
}

/* What a linked worktree's folder says of where its repository is. The folder itself is pinned. */
static void protect_worktrees(struct sandbox_protected *found, const char *git)
{
    static const char *const files[] = {"commondir", "gitdir", "config.worktree"};
    size_t count = 0;
    mode_t mode;
    struct str path;
    str_init(&path);
    str_append_format(&path, "%s/worktrees", git);
    DIR *folder = find(path.data, &mode) && mode == S_IFDIR ? opendir(path.data) : NULL;
    if (folder != NULL) {
        add(&found->pinned, path.data);
    }
    size_t above = path.length, pinned = found->pinned.count, fixed = found->fixed.count;
    for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
        str_truncate(&path, above);
        str_append_format(&path, "/%s", entry->d_name);
        if (entry->d_name[0] == '.' || !find(path.data, &mode) || mode != S_IFDIR) {
            continue;
        }
        if (++count > MOST_WORKTREES) {
            break;
        }
        size_t own = path.length;
        add(&found->pinned, path.data);
        for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
            str_append_format(&path, "/%s", files[i]);
            if (find(path.data, &mode)) {
                fix(found, path.data);
            }
            str_truncate(&path, own);
        }
    }
    if (count > MOST_WORKTREES) { /* all of them, then, and none can be worked in */
        while (found->pinned.count > pinned) {
            mem_free(found->pinned.items[--found->pinned.count]);
        }
        while (found->fixed.count > fixed) {
            mem_free(found->fixed.items[--found->fixed.count]);
        }
        str_truncate(&path, above);
        fix(found, path.data);
    }
    if (folder != NULL) {
        closedir(folder);
    }
    str_finish(&path);
}

static void protect_repository(struct sandbox_protected *found, const char *git, const char *top);

/* A linked worktree's own folder names the repository that it belongs to. */
static void protect_common(struct sandbox_protected *found, const char *git, const char *top)
{
    char resolved[PATH_MAX];
    struct str path, text, common;
    str_init(&path);
    str_init(&text);
    str_init(&common);
    str_append_format(&path, "%s/commondir", git);
    if (read_small(path.data, &text) && git_layout_leads_to(text.data, &common) &&
        resolve(git, common.data, resolved) && strcmp(resolved, git) != 0) {
        protect_repository(found, resolved, top);
    }
    str_finish(&common);
    str_finish(&text);
    str_finish(&path);
}

static bool is_listed(const struct policy_list *list, const char *path)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i], path) == 0) {
            return true;
        }
    }
    return false;
}

/* `git`: the folder with the configuration; `top`: that of the working files. */
static void protect_repository(struct sandbox_protected *found, const char *git, const char *top)
{
    bool too_many = found->fixed.count > MOST_MOUNTS; /* which is told in the end */
    if (too_many || root_of(found, git) == NULL || is_listed(&found->repositories, git)) {
        return;
    }
    add(&found->repositories, git);
    bool whole = found->repositories.count > MOST_REPOSITORIES;
    char resolved[PATH_MAX];
    mode_t mode;
    struct str path;
    str_init(&path);
    str_append_format(&path, "%s/commondir", git);
    bool elsewhere = find(path.data, &mode); /* config and hooks are, then */
    for (size_t i = 0; i < sizeof repository_names / sizeof repository_names[0]; i++) {
        str_clear(&path);
        str_append_format(&path, "%s/%s", git, repository_names[i]);
        if (is_link(path.data)) {
            whole = true;
            if (realpath(path.data, resolved) != NULL) {
                fix(found, resolved);
            }
        } else if (i < NEEDED && !elsewhere) {
            whole = whole || !find(path.data, &mode);
        }
    }
    if (whole) {
        fix(found, git);
    } else {
        pin_above(found, git);
        pin(found, git);
        for (size_t i = 0; i < sizeof repository_names / sizeof repository_names[0]; i++) {
            str_clear(&path);
            str_append_format(&path, "%s/%s", git, repository_names[i]);
            if (find(path.data, &mode)) {
                fix(found, path.data);
            }
        }
        protect_worktrees(found, git);
    }
    protect_configured(found, git, top);
    protect_common(found, git, top);
    str_finish(&path);
}

/* `.git` as a folder, as a file that leads to one, as a link. */
static void look_for_repository(struct sandbox_protected *found, const char *folder)
{
    char resolved[PATH_MAX];
    mode_t mode;
    struct str path, text, leads;
    str_init(&path);
    str_init(&text);
    str_init(&leads);
    str_append_format(&path, "%s/.git", folder);
    if (find(path.data, &mode) && mode == S_IFDIR) {
        protect_repository(found, path.data, folder);
    } else if (is_link(path.data)) {
        if (realpath(path.data, resolved) != NULL) {
            protect_repository(found, resolved, folder);
        }
    } else if (mode != 0) {
        fix(found, path.data);
        if (read_small(path.data, &text) && git_layout_leads_to(text.data, &leads) &&
            resolve(folder, leads.data, resolved)) {
            protect_repository(found, resolved, folder);
        }
    }
    str_finish(&leads);
    str_finish(&text);
    str_finish(&path);
}

/* --- the search --- */

static bool is_folder(const struct dirent *entry, const char *path)
{
    mode_t mode;
    return entry->d_type == DT_DIR ||
           (entry->d_type == DT_UNKNOWN && find(path, &mode) && mode == S_IFDIR);
}

static bool is_name(const char *name)
{
    bool known = false;
    for (size_t i = 0; name[0] == '.' && i < sizeof names / sizeof names[0]; i++) {
        known = known || strcmp(name, names[i]) == 0;
    }
    return known;
}

/* Folders of the same depth. Those that are named first in their folders come first, so that one
 * which holds many hides no other. */
struct level {
    struct place {
        char *path;
        size_t order;
    } * items;
    size_t count, capacity;
};

static int by_order(const void *one, const void *other)
{
    const struct place *a = one, *b = other;
    if (a->order != b->order) {
        return a->order < b->order ? -1 : 1;
    }
    return strcmp(a->path, b->path);
}

/* Takes the path. */
static void push(struct level *level, char *path, size_t order)
{
    vec_room(&level->items, &level->capacity, level->count + 1, sizeof *level->items);
    level->items[level->count++] = (struct place){path, order};
}

/* Looks at one folder; those in it are the next level's. */
static void look_at(struct sandbox_protected *found, const char *path, struct level *next)
{
    struct str inner;
    mode_t mode;
    size_t order = 0;
    bool at_home = strcmp(path, found->home) == 0;
    DIR *folder = opendir(path);
    str_init(&inner);
    for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
        const char *name = entry->d_name;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || (at_home && name[0] == '.')) {
            continue;
        }
        if (strcmp(name, ".git") == 0) {
            look_for_repository(found, path);
            continue;
        }
        str_clear(&inner);
        str_append_format(&inner, "%s/%s", strcmp(path, "/") == 0 ? "" : path, name);
        if (is_name(name) && find(inner.data, &mode)) {
            fix(found, inner.data);
        } else if (is_folder(entry, inner.data)) {
            bool room = order < ALWAYS_TAKEN || next->count < MOST_FOLDERS;
            found->limited = found->limited || !room;
            if (room) {
                push(next, mem_strdup(inner.data), order++);
            }
        }
    }
    if (folder != NULL) {
        closedir(folder);
    }
    str_finish(&inner);
}

static void search(struct sandbox_protected *found, const char *root)
{
    struct level level = {0};
    int left = MOST_FOLDERS;
    push(&level, mem_strdup(root), 0);
    for (int depth = 0; level.count > 0; depth++) {
        struct level next = {0};
        qsort(level.items, level.count, sizeof *level.items, by_order);
        for (size_t i = 0; i < level.count; i++) {
            found->limited = found->limited || left == 0;
            if (left > 0) {
                left--;
                if (depth < DEEPEST) {
                    look_at(found, level.items[i].path, &next);
                } else {
                    look_for_repository(found, level.items[i].path);
                }
            }
            mem_free(level.items[i].path);
        }
        mem_free(level.items);
        level = next;
    }
}

bool sandbox_protected_find(struct sandbox_protected *found, const struct policy *policy,
                            const char *home, struct err *err)
{
    *found = (struct sandbox_protected){.home = home};
    add(&found->roots, policy->workspace);
    for (size_t i = 0; i < policy->writable.count; i++) {
        add(&found->roots, policy->writable.items[i]);
    }
    sort(&found->roots);
    for (size_t i = 0; i < found->roots.count; i++) {
        search(found, found->roots.items[i]);
    }
    sort(&found->pinned);
    sort(&found->fixed);
    if (found->pinned.count + found->fixed.count > MOST_MOUNTS) {
        sandbox_protected_finish(found);
        return err_set(err, ERR_UNAVAILABLE,
                       "mounts: %s holds more than %d names that must be kept from commands "
                       "(repositories, worktrees, editors' folders): work in a part of it",
                       policy->workspace, (int)MOST_MOUNTS);
    }
    return true;
}

void sandbox_protected_pin(struct sandbox_protected *found, const char *path, bool itself)
{
    size_t before = found->pinned.count;
    pin_above(found, path);
    if (itself) {
        pin(found, path);
    }
    if (found->pinned.count > before) {
        sort(&found->pinned);
    }
}

void sandbox_protected_finish(struct sandbox_protected *found)
{
    finish_list(&found->roots);
    finish_list(&found->repositories);
    finish_list(&found->pinned);
    finish_list(&found->fixed);
}
