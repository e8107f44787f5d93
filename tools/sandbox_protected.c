/* sandbox_protected: what other programs start code from in a workspace, mounted read-only.
 *
 * A protected folder is safe only when it cannot be moved aside: a mount pins its own name, not the
 * folders above. So every folder between the workspace and a protected path is mounted onto itself,
 * which makes renaming it fail with EBUSY. Repositories are looked for down to four folders below
 * the workspace, among at most 20,000 names, because each call pays for the search.
 *
 * What is left out: names that do not exist yet. A `.git` in which one of the names is missing or a
 * link, so that a command could put its own there, is read-only as a whole.
 */
#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#include "base/str.h"

#include "sandbox_layers.h"

enum { DEEPEST = 4, MOST_NAMES = 20000 };

/* Files and folders of the workspace itself, besides its repositories. */
static const char *const names[] = {".carat",  ".vscode", ".idea",    ".envrc",    ".mcp.json",
                                    ".bashrc", ".zshrc",  ".profile", ".gitconfig"};

/* In a repository: the first two must be there, or a command could make them. */
static const char *const repository_names[] = {"config",  "hooks",           "info",
                                               "modules", "config.worktree", "commondir"};
enum { NEEDED = 2 };

static void bind(struct str *arguments, const char *option, const char *path)
{
    str_append_bytes(arguments, option, strlen(option) + 1);
    str_append_bytes(arguments, path, strlen(path) + 1);
    str_append_bytes(arguments, path, strlen(path) + 1);
}

/* True when `path` is there and is no link; `mode` is then its kind. */
static bool find(const char *path, mode_t *mode)
{
    struct stat status;
    bool found = lstat(path, &status) == 0 && !S_ISLNK(status.st_mode);
    *mode = found ? status.st_mode & S_IFMT : 0;
    return found;
}

/* What a linked worktree's folder says of where its repository is. The folder itself is pinned. */
static void protect_worktrees(struct str *arguments, struct str *path)
{
    static const char *const files[] = {"commondir", "gitdir", "config.worktree"};
    size_t length = path->length;
    mode_t mode;
    str_append(path, "/worktrees");
    DIR *folder = find(path->data, &mode) && mode == S_IFDIR ? opendir(path->data) : NULL;
    if (folder != NULL) {
        bind(arguments, "--bind", path->data);
    }
    for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
        size_t above = path->length;
        str_append_format(path, "/%s", entry->d_name);
        if (entry->d_name[0] != '.' && find(path->data, &mode) && mode == S_IFDIR) {
            size_t own = path->length;
            bind(arguments, "--bind", path->data);
            for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
                str_append_format(path, "/%s", files[i]);
                if (find(path->data, &mode)) {
                    bind(arguments, "--ro-bind", path->data);
                }
                str_truncate(path, own);
            }
        }
        str_truncate(path, above);
    }
    if (folder != NULL) {
        closedir(folder);
    }
    str_truncate(path, length);
}

static void protect_repository(struct str *arguments, struct str *path)
{
    size_t length = path->length;
    bool whole = false;
    mode_t mode;
    for (size_t i = 0; i < NEEDED; i++) {
        str_append_format(path, "/%s", repository_names[i]);
        whole = whole || !find(path->data, &mode);
        str_truncate(path, length);
    }
    bind(arguments, whole ? "--ro-bind" : "--bind", path->data);
    for (size_t i = 0; !whole && i < sizeof repository_names / sizeof repository_names[0]; i++) {
        str_append_format(path, "/%s", repository_names[i]);
        if (find(path->data, &mode)) {
            bind(arguments, "--ro-bind", path->data);
        }
        str_truncate(path, length);
    }
    if (!whole) {
        protect_worktrees(arguments, path);
    }
}

/* `path` is a folder of the workspace; what is found below goes after the mount of the folder
 * itself, which is made only when there is something. */
static void search(struct str *arguments, struct str *path, int depth, int *left)
{
    size_t length = path->length;
    struct str found;
    mode_t mode;
    str_init(&found);
    str_append(path, "/.git");
    if (find(path->data, &mode)) {
        if (mode == S_IFDIR) {
            protect_repository(&found, path);
        } else {
            bind(&found, "--ro-bind", path->data); /* says where the repository is */
        }
    }
    str_truncate(path, length);
    DIR *folder = depth < DEEPEST ? opendir(path->data) : NULL;
    for (struct dirent *entry;
         folder != NULL && (entry = readdir(folder)) != NULL && --*left > 0;) {
        bool maybe = entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN;
        if (!maybe || strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
            strcmp(entry->d_name, ".git") == 0) {
            continue;
        }
        str_append_format(path, "/%s", entry->d_name);
        if (entry->d_type == DT_DIR || (find(path->data, &mode) && mode == S_IFDIR)) {
            search(&found, path, depth + 1, left);
        }
        str_truncate(path, length);
    }
    if (folder != NULL) {
        closedir(folder);
    }
    if (found.length > 0) {
        if (depth > 0) { /* the workspace is a mount already */
            bind(arguments, "--bind", path->data);
        }
        str_append_bytes(arguments, found.data, found.length);
    }
    str_finish(&found);
}

void sandbox_protected_arguments(struct str *arguments, const char *workspace)
{
    int left = MOST_NAMES;
    struct str path;
    mode_t mode;
    str_init(&path);
    str_append(&path, workspace);
    search(arguments, &path, 0, &left);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        str_append_format(&path, "/%s", names[i]);
        if (find(path.data, &mode)) {
            bind(arguments, "--ro-bind", path.data);
        }
        str_truncate(&path, strlen(workspace));
    }
    str_finish(&path);
}
