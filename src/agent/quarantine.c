#include "agent/quarantine.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/quarantine_agreed.h"
#include "agent/quarantine_repository.h"
#include "approval/launch_points.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"

/* At any depth: started by an editor, a shell, direnv, an agent, without being asked for. */
static const char *const names[] = {".carat",     ".vscode",       ".idea",  ".envrc",
                                    ".mcp.json",  ".bashrc",       ".zshrc", ".profile",
                                    ".gitconfig", ".bash_profile", ".zshenv"};

/* A folder that is to be looked at. */
struct place {
    char *path;
    size_t order; /* among its siblings */
    int depth;    /* below the root */
    bool home;    /* the home directory itself */
    bool modules; /* among repositories of submodules */
    bool top;     /* of those: the folder that holds them */
};

struct level {
    struct place *items;
    size_t count, capacity;
};

/* One walk: what it has found, and the folders below those that it looks at now. */
struct walk {
    struct quarantine_view *view;
    const char *root;
    int folder;       /* the root, open */
    const char *home; /* NULL: there is none */
    struct level next;
    int left;
};

void quarantine_list_add(struct quarantine_list *list, const char *path)
{
    vec_room(&list->items, &list->capacity, list->count + 1, sizeof *list->items);
    list->items[list->count++] = mem_strdup(path);
}

void quarantine_list_finish(struct quarantine_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        mem_free(list->items[i]);
    }
    mem_free(list->items);
    *list = (struct quarantine_list){0};
}

static bool holds(const struct quarantine_list *list, const char *path)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i], path) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_protected(const char *name)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcasecmp(name, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

void quarantine_view_finish(struct quarantine_view *view)
{
    quarantine_list_finish(&view->names);
    quarantine_stamps_finish(&view->stamps);
    *view = (struct quarantine_view){0};
}

/* --- the walk --- */

/* Opens a folder beneath `root`, `length` bytes of `path`, one component after the other and
 * through no link: it may have become another one since it was found. -1 when it is not there. */
static int open_beneath(const char *root, const char *path, size_t length)
{
    size_t at = strlen(root);
    int folder = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    while (folder >= 0) {
        at += strspn(path + at, "/");
        if (at >= length) {
            return folder;
        }
        size_t end = at + strcspn(path + at, "/");
        char *name = mem_strndup(path + at, end - at);
        int next = openat(folder, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        mem_free(name);
        close(folder);
        folder = next;
        at = end;
    }
    return -1;
}

static void push(struct walk *walk, const char *folder, const char *name, struct place place)
{
    struct level *next = &walk->next;
    struct str path;
    str_init(&path);
    str_append_format(&path, "%s%s%s", folder, name[0] != '\0' ? "/" : "", name);
    if (path.length >= PATH_MAX || place.order >= QUARANTINE_FOLDERS) {
        walk->view->cut = true;
        str_finish(&path);
        return;
    }
    place.path = str_take(&path);
    place.home = walk->home != NULL && strcmp(walk->home, place.path) == 0;
    vec_room(&next->items, &next->capacity, next->count + 1, sizeof *next->items);
    next->items[next->count++] = place;
}

static void add_found(struct walk *walk, const char *folder, const char *name)
{
    struct str path;
    str_init(&path);
    str_append_format(&path, "%s/%s", folder, name);
    quarantine_list_add(&walk->view->names, path.data);
    str_finish(&path);
}

/* DT_DIR and the like. Where the listing does not say, asking costs as much as a folder. */
static int kind_of(struct walk *walk, int folder, const struct dirent *entry)
{
    struct stat status;
    if (entry->d_type != DT_UNKNOWN) {
        return entry->d_type;
    }
    walk->left--;
    return fstatat(folder, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0
               ? IFTODT(status.st_mode)
               : DT_UNKNOWN;
}

/* The repositories of submodules that one has are looked at with the folders of the next level. */
static void look_at_repository(struct walk *walk, const char *path, int fd)
{
    struct quarantine_list folders = {0};
    quarantine_look_at_repository(&walk->view->names, path, fd);
    quarantine_modules(&folders, &walk->view->names, path, fd);
    for (size_t i = 0; i < folders.count; i++) {
        push(walk, folders.items[i], "", (struct place){.order = i, .modules = true, .top = true});
    }
    quarantine_list_finish(&folders);
}

/* A `.git`: a repository, or a file or a link that says where it is. */
static void look_at_git(struct walk *walk, const struct place *place, int folder, const char *name)
{
    struct stat status;
    int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd >= 0) {
        struct str path;
        str_init(&path);
        str_append_format(&path, "%s/%s", place->path, name);
        look_at_repository(walk, path.data, fd);
        str_finish(&path);
        close(fd);
    } else if (errno != ENOENT && fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0) {
        add_found(walk, place->path, name);
    }
}

/* What begins with a dot there is other programs' settings, whatever it is called. */
static bool is_obeyed_at_home(const char *name)
{
    return name[0] == '.' || launch_points_reason(name) != NULL;
}

static void look_at_entry(struct walk *walk, const struct place *place, int folder,
                          const struct dirent *entry, size_t *order)
{
    const char *name = entry->d_name;
    if (place->modules) {
        int kind = kind_of(walk, folder, entry);
        if (kind == DT_DIR) {
            push(walk, place->path, name, (struct place){.order = (*order)++, .modules = true});
        } else if (kind == DT_LNK) {
            add_found(walk, place->path, name); /* a repository elsewhere */
        }
    } else if (strcasecmp(name, ".git") == 0) {
        if (strcmp(name, ".git") != 0) { /* as a file system calls it that ignores case */
            look_at_git(walk, place, folder, name);
        }
    } else if (is_protected(name) || (place->home && is_obeyed_at_home(name))) {
        add_found(walk, place->path, name);
    } else if (place->depth < QUARANTINE_DEPTH && kind_of(walk, folder, entry) == DT_DIR) {
        push(walk, place->path, name,
             (struct place){.order = (*order)++, .depth = place->depth + 1});
    }
}

/* What is in a folder. Takes `fd`. */
static void look_at_entries(struct walk *walk, const struct place *place, int fd)
{
    DIR *entries = fdopendir(fd);
    size_t order = 0;
    if (entries == NULL) {
        close(fd);
        return;
    }
    for (struct dirent *entry; walk->left >= 0 && (entry = readdir(entries)) != NULL;) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            look_at_entry(walk, place, fd, entry, &order);
        }
    }
    closedir(entries);
}

/* In one call where the kernel has it. */
static int open_place(const struct walk *walk, const struct place *place)
{
    struct open_how how = {.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};
    const char *relative = place->path + strlen(walk->root);
    relative += strspn(relative, "/");
    long fd =
        syscall(SYS_openat2, walk->folder, relative[0] != '\0' ? relative : ".", &how, sizeof how);
    return fd >= 0 ? (int)fd : open_beneath(walk->root, place->path, strlen(place->path));
}

static void look_at_place(struct walk *walk, const struct place *place)
{
    int fd = open_place(walk, place);
    if (fd < 0) {
        return;
    }
    if (!place->modules) {
        look_at_git(walk, place, fd, ".git");
    } else if (!place->top && quarantine_is_repository(fd)) {
        look_at_repository(walk, place->path, fd);
        close(fd);
        return;
    } else if (!place->top && quarantine_is_part(fd)) {
        quarantine_look_at_repository(&walk->view->names, place->path, fd);
    }
    look_at_entries(walk, place, fd);
}

/* The first of each folder, then the second of each: one that holds many does not hide others. */
static int by_order(const void *left, const void *right)
{
    const struct place *a = left, *b = right;
    if (a->order != b->order) {
        return a->order < b->order ? -1 : 1;
    }
    return strcmp(a->path, b->path);
}

static void look_at_level(struct walk *walk)
{
    struct level level = walk->next;
    walk->next = (struct level){0};
    qsort(level.items, level.count, sizeof *level.items, by_order);
    for (size_t i = 0; i < level.count; i++) {
        if (walk->left-- > 0) {
            look_at_place(walk, &level.items[i]);
        }
        mem_free(level.items[i].path);
    }
    mem_free(level.items);
}

/* The home directory with its links resolved, as roots have them; false where there is none. */
static bool find_home(char home[PATH_MAX])
{
    const char *named = getenv("HOME");
    return named != NULL && named[0] == '/' && realpath(named, home) != NULL &&
           strcmp(home, "/") != 0;
}

static bool is_home(const char *path)
{
    char home[PATH_MAX];
    return find_home(home) && strcmp(home, path) == 0;
}

static void look_at_names(struct quarantine_view *view, const char *root)
{
    char home[PATH_MAX];
    struct walk walk = {.view = view,
                        .root = root,
                        .folder = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW),
                        .home = find_home(home) ? home : NULL,
                        .left = QUARANTINE_FOLDERS};
    if (view->begun.tv_sec == 0) {
        clock_gettime(CLOCK_REALTIME_COARSE, &view->begun);
    }
    if (walk.folder >= 0) {
        push(&walk, root, "", (struct place){0});
    }
    while (walk.next.count > 0) {
        look_at_level(&walk);
    }
    if (walk.folder >= 0) {
        close(walk.folder);
    }
    view->cut = view->cut || walk.left < 0;
}

void quarantine_look(struct quarantine_view *view, const char *root)
{
    look_at_names(view, root);
    quarantine_stamps_look(&view->stamps, root, is_home(root));
}

/* --- moving aside --- */

enum moved { MOVED, MOVED_NOT, MOVED_GONE };

/* `aside` gets the new path. Another carat may be faster: then it is gone. */
static enum moved move_aside(const char *root, const char *path, struct str *aside)
{
    enum { TRIES = 100 };
    const char *name = strrchr(path, '/') + 1;
    size_t above = (size_t)(name - path);
    int folder = open_beneath(root, path, above);
    bool moved = false, gone = folder < 0 && errno == ENOENT;
    for (int i = 1; folder >= 0 && !moved && i <= TRIES; i++) {
        str_clear(aside);
        str_append_format(aside, "%s" QUARANTINE_SUFFIX, path);
        if (i > 1) {
            str_append_format(aside, ".%d", i);
        }
        moved = renameat2(folder, name, folder, aside->data + above, RENAME_NOREPLACE) == 0;
        if (!moved && errno != EEXIST) {
            gone = errno == ENOENT;
            break;
        }
    }
    if (folder >= 0) {
        close(folder);
    }
    return moved ? MOVED : gone ? MOVED_GONE : MOVED_NOT;
}

/* Where not all was looked at before, an old name may not have been seen: then only what was made,
 * moved or changed since counts as new. No program can set that time. */
static bool is_new(const struct quarantine_view *before, const char *root, const char *path)
{
    const char *name = strrchr(path, '/') + 1;
    struct stat status = {0};
    if (holds(&before->names, path)) {
        return false;
    }
    if (!before->cut) {
        return true;
    }
    int folder = open_beneath(root, path, (size_t)(name - path));
    bool there = folder >= 0 && fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0;
    if (folder >= 0) {
        close(folder);
    }
    const struct timespec *changed = &status.st_ctim, *begun = &before->begun;
    return there && (changed->tv_sec > begun->tv_sec ||
                     (changed->tv_sec == begun->tv_sec && changed->tv_nsec >= begun->tv_nsec));
}

void quarantine_apply(struct quarantine_view *before, const char *root, const char *allowed,
                      struct quarantine_report *report)
{
    struct quarantine_view now = {0};
    struct str aside;
    str_init(&aside);
    look_at_names(&now, root);
    for (size_t i = 0; i < now.names.count; i++) {
        const char *path = now.names.items[i];
        bool seen = allowed != NULL && quarantine_agreed(allowed, path + strlen(root));
        if (seen || !is_new(before, root, path)) {
            continue;
        }
        enum moved moved = move_aside(root, path, &aside);
        if (moved == MOVED) {
            quarantine_list_add(&before->names, aside.data);
        }
        if (moved != MOVED_GONE) {
            quarantine_list_add(moved == MOVED ? &report->moved : &report->failed, path);
        }
    }
    report->cut = report->cut || now.cut;
    quarantine_stamps_compare(&before->stamps, root, is_home(root), allowed, &report->changed);
    str_finish(&aside);
    quarantine_view_finish(&now);
}
