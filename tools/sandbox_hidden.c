/* sandbox_hidden: finds what is to be covered, and follows each path of carat's own name by name,
 * as the kernel would, to see what a command could put in its place.
 */
#include "sandbox_hidden.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/openat2.h>

#include "base/err.h"
#include "base/str.h"

/* bubblewrap takes 9,000 arguments, a cover has four; the other names that are kept from commands
 * need their share (sandbox_protected.c). */
enum { MOST_DOT_NAMES = 1000, MOST_LINKS = 40 };

/* Directories that are replaced by private empty ones: sockets, other people's files, other runs'
 * leftovers. */
static const char *const private_places[] = {"/tmp", "/var/tmp", "/run", "/home", "/root"};

/* A link in the home directory may lead here, and no command can work without it. */
static const char *const system_folders[] = {"/bin", "/boot",  "/dev",   "/etc",    "/gnu",
                                             "/lib", "/lib32", "/lib64", "/libx32", "/nix",
                                             "/opt", "/proc",  "/sbin",  "/sys",    "/usr"};

bool sandbox_hidden_inside(const char *path, const char *folder)
{
    size_t length = strlen(folder);
    return strncmp(path, folder, length) == 0 &&
           (path[length] == '\0' || path[length] == '/' || strcmp(folder, "/") == 0);
}

static bool is_directory(const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static bool any_inside(const struct policy_list *list, const char *folder)
{
    bool found = false;
    for (size_t i = 0; i < list->count; i++) {
        found = found || sandbox_hidden_inside(list->items[i], folder);
    }
    return found;
}

static bool any_holds(const struct policy_list *list, const char *path)
{
    bool found = false;
    for (size_t i = 0; i < list->count; i++) {
        found = found || sandbox_hidden_inside(path, list->items[i]);
    }
    return found;
}

/* --- what is covered --- */

/* By what they lead to: /home may be a link to /var/home. */
static void find_emptied(struct sandbox_hidden *hidden, const char *home)
{
    char path[PATH_MAX];
    for (size_t i = 0; i < sizeof private_places / sizeof private_places[0]; i++) {
        if (realpath(private_places[i], path) != NULL && is_directory(path) &&
            !any_holds(&hidden->emptied, path)) {
            policy_list_add(&hidden->emptied, path);
        }
    }
    policy_list_add(&hidden->emptied, home);
}

/* What is hidden goes below what the user opened beneath it, and above everything else. */
static void find_own(struct sandbox_hidden *hidden, const struct policy *policy)
{
    for (size_t i = 0; i < policy->hidden.count; i++) {
        char path[PATH_MAX]; /* a link leads to what is to be hidden */
        if (realpath(policy->hidden.items[i], path) == NULL) {
            continue;
        }
        bool is_opened = sandbox_hidden_inside(policy->workspace, path) ||
                         any_inside(&policy->writable, path) ||
                         any_inside(&policy->readable, path) || any_inside(&policy->skills, path);
        bool in_sight = sandbox_hidden_inside(path, policy->workspace) ||
                        any_holds(&policy->writable, path) || any_holds(&policy->readable, path) ||
                        !any_holds(&hidden->emptied, path);
        if (is_opened || (in_sight && !any_holds(&hidden->above, path))) {
            policy_list_add(is_opened ? &hidden->below : &hidden->above, path);
        }
    }
}

/* What a name that begins with a dot leads to is private where it lies at home or is the user's. A
 * command may make such links: one to the system's folders must not take those away. */
static bool is_private(const char *path, const char *home)
{
    struct stat status;
    bool is_system = strcmp(path, "/") == 0;
    for (size_t i = 0; i < sizeof system_folders / sizeof system_folders[0]; i++) {
        is_system = is_system || sandbox_hidden_inside(path, system_folders[i]);
    }
    return sandbox_hidden_inside(path, home) ||
           (!is_system && stat(path, &status) == 0 && status.st_uid == getuid());
}

/* A workspace that is the home directory itself, or holds it: what begins with a dot there is other
 * programs' secrets and settings. */
static bool find_dot_names(struct sandbox_hidden *hidden, const struct policy *policy,
                           const char *home, struct err *err)
{
    size_t count = 0;
    DIR *folder = opendir(home);
    if (folder == NULL) {
        return errno == ENOENT ||
               err_errno(err, ERR_UNAVAILABLE, "reading %s, to hide what is private", home);
    }
    for (struct dirent *entry; count <= MOST_DOT_NAMES && (entry = readdir(folder)) != NULL;) {
        if (entry->d_name[0] == '.' && strcmp(entry->d_name, ".") != 0 &&
            strcmp(entry->d_name, "..") != 0) {
            struct str path;
            char resolved[PATH_MAX];
            str_init(&path);
            str_append_format(&path, "%s/%s", home, entry->d_name);
            if (realpath(path.data, resolved) != NULL && is_private(resolved, home) &&
                !sandbox_hidden_inside(policy->workspace, resolved)) {
                policy_list_add(&hidden->above, resolved);
                count++;
            }
            str_finish(&path);
        }
    }
    closedir(folder);
    return count <= MOST_DOT_NAMES ||
           err_set(err, ERR_UNAVAILABLE,
                   "mounts: %s holds more than %d names that begin with a dot, which are hidden "
                   "from commands: work in a folder of it",
                   home, (int)MOST_DOT_NAMES);
}

/* --- what could be put in its place --- */

/* Whether a command could change the names in it: what is covered it does not see. */
static bool is_writable(const struct sandbox_hidden *hidden, const struct policy *policy,
                        const char *path)
{
    return (sandbox_hidden_inside(path, policy->workspace) || any_holds(&policy->writable, path)) &&
           !any_holds(&hidden->above, path);
}

/* Read-only it would take from the user what was opened. */
static bool holds_opened(const struct policy *policy, const char *path)
{
    return sandbox_hidden_inside(policy->workspace, path) || any_inside(&policy->writable, path);
}

/* A way to what is carat's own, or (`only_read`) to what a command may read. */
struct walk {
    struct sandbox_hidden *hidden;
    const struct policy *policy;
    const char *path; /* the whole of it */
    bool only_read;
    struct str at, rest, name; /* a folder without links, "" the root; what is left; the next */
    int links;
};

static bool refuse(const struct walk *walk, const char *folder, struct err *err)
{
    return err_set(err, ERR_UNAVAILABLE,
                   "mounts: a command that may write in %s could put its own %s there, which is "
                   "on the way to carat's own %s: work in another folder, or with --sandbox "
                   "read-only",
                   folder, walk->name.data, walk->path);
}

static void keep_folder(struct sandbox_hidden *hidden, const char *path)
{
    if (!any_holds(&hidden->fixed, path)) {
        policy_list_add(&hidden->fixed, path);
    }
}

/* `folder` holds a link, or something else that can be replaced. */
static bool keep_name(const struct walk *walk, const char *folder, struct err *err)
{
    if (is_writable(walk->hidden, walk->policy, folder)) {
        if (holds_opened(walk->policy, folder)) {
            return walk->only_read || refuse(walk, folder, err);
        }
        keep_folder(walk->hidden, folder);
    }
    return true;
}

/* In the very folder of that name: a job may put a link in its place. */
static bool make_folder(const char *folder, const char *name)
{
    struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
                           .resolve = RESOLVE_NO_SYMLINKS};
    int fd = (int)syscall(SYS_openat2, AT_FDCWD, folder, &how, sizeof how);
    bool ok = fd >= 0 && (mkdirat(fd, name, 0700) == 0 || errno == EEXIST);
    int problem = errno;
    if (fd >= 0) {
        close(fd);
    }
    errno = problem;
    return ok;
}

/* `folder` does not hold that name, which would be at `made`. */
static bool keep_missing(const struct walk *walk, const char *folder, const char *made,
                         struct err *err)
{
    bool is_last = walk->rest.length == 0;
    if (is_last || !is_writable(walk->hidden, walk->policy, folder)) {
        return keep_name(walk, folder, err);
    }
    if (walk->only_read) {
        return true; /* no reason to make folders */
    }
    bool ok = make_folder(folder, walk->name.data) ||
              err_errno(err, ERR_UNAVAILABLE, "mounts: making %s, where carat's own %s belongs",
                        made, walk->path);
    if (ok) {
        keep_folder(walk->hidden, made);
    }
    return ok;
}

/* Takes the next name off `rest`. */
static void take_name(struct str *rest, struct str *name)
{
    size_t start = strspn(rest->data, "/"), length = strcspn(rest->data + start, "/");
    str_clear(name);
    str_append_bytes(name, rest->data + start, length);
    str_remove(rest, 0, start + length);
    str_remove(rest, 0, strspn(rest->data, "/"));
}

static void go_up(struct str *at)
{
    const char *slash = strrchr(at->data, '/');
    str_truncate(at, slash != NULL ? (size_t)(slash - at->data) : 0);
}

/* Goes on where the link at `at` leads to. */
static bool follow(struct walk *walk)
{
    char target[PATH_MAX];
    ssize_t length = readlink(walk->at.data, target, sizeof target - 1);
    go_up(&walk->at);
    if (length <= 0 || ++walk->links > MOST_LINKS) {
        return false;
    }
    target[length] = '\0';
    str_insert(&walk->rest, 0, "/", 1);
    str_insert(&walk->rest, 0, target, (size_t)length);
    if (target[0] == '/') {
        str_clear(&walk->at);
    }
    return true;
}

/* A name that is to be looked up in `folder`: `at` is with it. `*goes_on`: the way leads on. */
static bool keep_step(struct walk *walk, const char *folder, bool *goes_on, struct err *err)
{
    struct stat status;
    bool ok = true;
    *goes_on = false;
    if (lstat(walk->at.data, &status) != 0) {
        ok = errno != ENOENT || keep_missing(walk, folder, walk->at.data, err);
    } else if (S_ISLNK(status.st_mode) || (!S_ISDIR(status.st_mode) && walk->rest.length > 0)) {
        ok = keep_name(walk, folder, err);
        *goes_on = ok && S_ISLNK(status.st_mode) && follow(walk);
    } else if (walk->rest.length > 0) {
        *goes_on = true;
    } else if (walk->only_read && is_writable(walk->hidden, walk->policy, walk->at.data) &&
               !holds_opened(walk->policy, walk->at.data)) {
        keep_folder(walk->hidden, walk->at.data);
    }
    return ok;
}

static bool keep_way(struct walk *walk, struct err *err)
{
    bool ok = true, goes_on = true;
    str_append(&walk->rest, walk->path);
    while (ok && goes_on && walk->rest.length > 0) {
        take_name(&walk->rest, &walk->name);
        const char *name = walk->name.data;
        if (strcmp(name, "..") == 0) {
            go_up(&walk->at);
        } else if (name[0] != '\0' && strcmp(name, ".") != 0) {
            struct str folder;
            str_init(&folder);
            str_append(&folder, walk->at.length == 0 ? "/" : walk->at.data);
            str_append_format(&walk->at, "/%s", name);
            ok = keep_step(walk, folder.data, &goes_on, err);
            str_finish(&folder);
        }
    }
    return ok;
}

static bool keep_ways(struct sandbox_hidden *hidden, const struct policy *policy,
                      const struct policy_list *list, bool only_read, struct err *err)
{
    bool ok = true;
    for (size_t i = 0; ok && i < list->count; i++) {
        struct walk walk = {
            .hidden = hidden, .policy = policy, .path = list->items[i], .only_read = only_read};
        str_init(&walk.at);
        str_init(&walk.rest);
        str_init(&walk.name);
        ok = keep_way(&walk, err);
        str_finish(&walk.at);
        str_finish(&walk.rest);
        str_finish(&walk.name);
    }
    return ok;
}

bool sandbox_hidden_find(struct sandbox_hidden *hidden, const struct policy *policy,
                         const char *home, struct err *err)
{
    *hidden = (struct sandbox_hidden){0};
    find_emptied(hidden, home);
    find_own(hidden, policy);
    bool ok = (!sandbox_hidden_inside(home, policy->workspace) ||
               find_dot_names(hidden, policy, home, err)) &&
              (policy->read_only || (keep_ways(hidden, policy, &policy->hidden, false, err) &&
                                     keep_ways(hidden, policy, &policy->kept, true, err)));
    if (!ok) {
        sandbox_hidden_finish(hidden);
    }
    return ok;
}

void sandbox_hidden_finish(struct sandbox_hidden *hidden)
{
    policy_list_finish(&hidden->emptied);
    policy_list_finish(&hidden->below);
    policy_list_finish(&hidden->above);
    policy_list_finish(&hidden->fixed);
}
