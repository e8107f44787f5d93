/* sandbox_pins: lists of paths, short enough to be searched from the front. */
#include "sandbox_pins.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/mem.h"

/* bubblewrap's time grows with the square of the mounts: 1,500 of them take some seconds. */
enum { MOST_MOUNTS = 1500 };

bool sandbox_pins_add(struct policy_list *list, const char *path)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i], path) == 0) {
            return false;
        }
    }
    policy_list_add(list, path);
    return true;
}

static int compare(const void *one, const void *other)
{
    return strcmp(*(char *const *)one, *(char *const *)other);
}

void sandbox_pins_sort(struct policy_list *list)
{
    if (list->count > 0) {
        qsort(list->items, list->count, sizeof *list->items, compare);
    }
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

/* Once there are too many nothing is added any more, so that whoever made them gains no time. */
static void add_mount(struct sandbox_protected *found, struct policy_list *list, const char *path)
{
    const char *root = root_of(found, path);
    if (root == NULL || strcmp(root, path) == 0 || found->refused) {
        return; /* a root is a mount already */
    }
    if (sandbox_pins_add(list, path) && found->pinned.count + found->fixed.count > MOST_MOUNTS) {
        sandbox_pins_refuse(found,
                            "mounts: %s holds more than %d names that must be kept from commands "
                            "(repositories, worktrees, editors' folders): work in a part of it",
                            root, (int)MOST_MOUNTS);
    }
}

void sandbox_pins_pin(struct sandbox_protected *found, const char *path)
{
    add_mount(found, &found->pinned, path);
}

/* The folders above the path, up to its root. */
void sandbox_pins_pin_above(struct sandbox_protected *found, const char *path)
{
    const char *root = root_of(found, path);
    char *above = mem_strdup(path), *slash;
    while (root != NULL && (slash = strrchr(above, '/')) != NULL &&
           (size_t)(slash - above) > strlen(root)) {
        *slash = '\0';
        sandbox_pins_pin(found, above);
    }
    mem_free(above);
}

void sandbox_pins_fix(struct sandbox_protected *found, const char *path)
{
    const char *root = root_of(found, path);
    if (root != NULL && strcmp(root, path) != 0) {
        sandbox_pins_pin_above(found, path);
        add_mount(found, &found->fixed, path);
    }
}

bool sandbox_pins_in_root(const struct sandbox_protected *found, const char *path)
{
    return root_of(found, path) != NULL;
}

void sandbox_pins_refuse(struct sandbox_protected *found, const char *format, ...)
{
    char text[sizeof found->why.text];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (!found->refused) {
        err_set(&found->why, ERR_UNAVAILABLE, "%s", text);
        found->refused = true;
    }
}

void sandbox_pins_close(struct sandbox_protected *found, const char *path)
{
    if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP) {
        return;
    }
    const char *reason = strerror(errno);
    struct stat status;
    char *folder = mem_strdup(path), *slash;
    while (lstat(folder, &status) != 0 && (slash = strrchr(folder, '/')) != NULL &&
           slash != folder) {
        *slash = '\0';
    }
    const char *root = root_of(found, folder);
    if (root != NULL && strcmp(root, folder) == 0) {
        sandbox_pins_refuse(found,
                            "mounts: %s cannot be looked at (%s), so what must be kept from "
                            "commands there is not known: chmod u+rwx '%s'",
                            path, reason, folder);
    }
    sandbox_pins_fix(found, folder);
    mem_free(folder);
}

mode_t sandbox_pins_kind(struct sandbox_protected *found, const char *path)
{
    struct stat status;
    if (lstat(path, &status) == 0) {
        return status.st_mode & S_IFMT;
    }
    sandbox_pins_close(found, path);
    return 0;
}

bool sandbox_pins_resolve(struct sandbox_protected *found, const char *path,
                          char resolved[PATH_MAX])
{
    resolved[0] = '\0';
    if (realpath(path, resolved) != NULL) {
        return true;
    }
    if (errno == EACCES && resolved[0] == '/') { /* so far the C library came (GNU's) */
        sandbox_pins_close(found, resolved);
    } else if (errno != ENOENT && errno != ENOTDIR && errno != ELOOP) {
        sandbox_pins_refuse(found, "mounts: where %s leads cannot be told: %s", path,
                            strerror(errno));
    }
    return false;
}

DIR *sandbox_pins_open(struct sandbox_protected *found, const char *path)
{
    DIR *folder = opendir(path);
    if (folder == NULL) {
        sandbox_pins_close(found, path);
    }
    return folder;
}

struct dirent *sandbox_pins_read(struct sandbox_protected *found, DIR *folder, const char *path)
{
    errno = 0;
    struct dirent *entry = folder != NULL ? readdir(folder) : NULL;
    if (entry == NULL && errno != 0) {
        sandbox_pins_close(found, path);
    }
    return entry;
}
