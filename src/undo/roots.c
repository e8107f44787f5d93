/* roots: realpath for what the user named, a step at a time for what was resolved then. */
#include "undo/roots.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

void roots_copy(struct scan_names *names, const char *const *items, size_t count)
{
    names->items = mem_zero(count + 1, sizeof *names->items);
    names->count = count;
    for (size_t i = 0; i < count; i++) {
        names->items[i] = mem_strdup(items[i]);
    }
}

void roots_finish(struct scan_names *names)
{
    for (size_t i = 0; i < names->count; i++) {
        mem_free(names->items[i]);
    }
    mem_free(names->items);
}

static bool is_inside(const char *path, const char *folder)
{
    size_t length = strlen(folder);
    return strncmp(path, folder, length) == 0 &&
           (length == 1 || path[length] == '/' || path[length] == '\0');
}

void roots_choose(struct scan_names *roots, const char *workspace, const char *const *further,
                  size_t further_count)
{
    size_t count = further_count + 1;
    char **all = mem_zero(count, sizeof *all);
    all[0] = mem_strdup(workspace);
    for (size_t i = 1; i < count; i++) {
        char *resolved = realpath(further[i - 1], NULL);
        all[i] = mem_strdup(resolved != NULL ? resolved : "");
        free(resolved);
    }
    roots->items = mem_zero(count + 1, sizeof *roots->items);
    for (size_t i = 0; i < count; i++) {
        bool covered = all[i][0] == '\0';
        for (size_t j = 0; j < count && !covered; j++) {
            covered = j != i && all[j][0] != '\0' && is_inside(all[i], all[j]) &&
                      (strcmp(all[i], all[j]) != 0 || j < i);
        }
        if (!covered) {
            roots->items[roots->count++] = mem_strdup(all[i]);
        }
    }
    for (size_t i = 0; i < count; i++) {
        mem_free(all[i]);
    }
    mem_free(all);
}

int roots_open(const char *root, int flags)
{
    int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    const char *rest = root + strspn(root, "/");
    while (fd >= 0) {
        size_t length = strcspn(rest, "/");
        char *name = mem_strndup(length > 0 ? rest : ".", length > 0 ? length : 1);
        rest += length;
        rest += strspn(rest, "/");
        int wanted = rest[0] != '\0' ? O_PATH : flags;
        int next = openat(fd, name, wanted | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        int cause = errno;
        mem_free(name);
        close(fd);
        errno = cause;
        fd = next;
        if (rest[0] == '\0') {
            break;
        }
    }
    return fd;
}

struct scan_names roots_of(const struct record *record)
{
    struct scan_names roots = {.items = mem_zero(record->root_count + 1, sizeof *roots.items)};
    for (size_t i = 0; i < record->root_count; i++) {
        int fd = roots_open(record->roots[i], O_PATH);
        if (fd >= 0) {
            close(fd);
            roots.items[roots.count++] = mem_strdup(record->roots[i]);
        }
    }
    return roots;
}

void roots_drop_elsewhere(struct tree *tree, const struct scan_names *roots)
{
    size_t kept = 0;
    for (size_t i = 0; i < tree->count; i++) {
        bool inside = false;
        for (size_t j = 0; j < roots->count && !inside; j++) {
            inside = is_inside(tree->items[i].path, roots->items[j]);
        }
        if (inside) {
            tree->items[kept++] = tree->items[i];
        } else {
            tree_entry_finish(&tree->items[i]);
        }
    }
    tree->count = kept;
}
