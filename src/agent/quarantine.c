#include "agent/quarantine.h"

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
#include "agent/quarantine_folder.h"
#include "agent/quarantine_repository.h"
#include "approval/launch_points.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"

/* At any depth: started by an editor, a shell, direnv, an agent, without being asked for. Agents'
 * own folders, which the sandbox holds read-only as well, are what people have them make. */
static const char *const names[] = {
    ".carat",  ".vscode",       ".idea",     ".envrc",      ".mcp.json",    ".gitconfig",
    ".bashrc", ".bash_profile", ".profile",  ".bash_login", ".bash_logout", ".bash_aliases",
    ".zshrc",  ".zshenv",       ".zprofile", ".zlogin",     ".zlogout"};

/* The first folders in each one are on the next level however many others are. */
enum { ALWAYS_TAKEN = 16 };

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
    struct quarantine_folder folder; /* the root */
    const char *home;                /* NULL: there is none */
    struct level next;
    int left;
};

void quarantine_view_finish(struct quarantine_view *view)
{
    quarantine_list_finish(&view->names);
    quarantine_list_finish(&view->unseen);
    quarantine_list_finish(&view->steps);
    quarantine_stamps_finish(&view->stamps);
    *view = (struct quarantine_view){0};
}

static void cut_short(struct quarantine_view *view)
{
    view->cut = view->partial = true;
}

void quarantine_view_add(struct quarantine_view *view, const char *folder, const char *name)
{
    if (view->names.count - view->first < QUARANTINE_NAMES) {
        quarantine_list_add_beneath(&view->names, folder, name);
    } else {
        cut_short(view);
    }
}

void quarantine_view_add_step(struct quarantine_view *view, const char *folder, const char *name,
                              const void *step, size_t length)
{
    struct hash hash;
    unsigned char sum[HASH_BYTES];
    char hex[HASH_HEX_SIZE];
    struct str line;
    if (view->steps.count >= QUARANTINE_NAMES) {
        view->cut = true;
        return;
    }
    hash_init(&hash);
    hash_add(&hash, step, length);
    hash_finish(&hash, sum);
    hash_hex(sum, hex);
    str_init(&line);
    str_append_format(&line, "%s\n%s", name, hex);
    quarantine_list_add_beneath(&view->steps, folder, line.data);
    str_finish(&line);
}

/* --- the walk --- */

static void push(struct walk *walk, const char *folder, const char *name, struct place place)
{
    struct level *next = &walk->next;
    struct str path;
    str_init(&path);
    str_append_format(&path, "%s%s%s", folder, name[0] != '\0' ? "/" : "", name);
    if (path.length >= PATH_MAX ||
        (place.order >= ALWAYS_TAKEN && next->count >= QUARANTINE_FOLDERS)) {
        cut_short(walk->view);
        str_finish(&path);
        return;
    }
    place.path = str_take(&path);
    place.home = walk->home != NULL && strcmp(walk->home, place.path) == 0;
    vec_room(&next->items, &next->capacity, next->count + 1, sizeof *next->items);
    next->items[next->count++] = place;
}

/* DT_DIR and the like. Where the listing does not say, asking costs as much as a folder. */
static int kind_of(struct walk *walk, const struct place *place, int folder,
                   const struct dirent *entry)
{
    struct stat status;
    if (entry->d_type != DT_UNKNOWN) {
        return entry->d_type;
    }
    walk->left--;
    if (fstatat(folder, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0) {
        return IFTODT(status.st_mode);
    }
    if (errno != ENOENT) {
        quarantine_list_add_beneath(&walk->view->unseen, place->path, entry->d_name);
    }
    return DT_UNKNOWN;
}

/* The repositories of submodules that one has are looked at with the folders of the next level. */
static void look_at_repository(struct walk *walk, const char *path, int fd)
{
    struct quarantine_list modules = {0};
    quarantine_look_at_repository(walk->view, &modules, path, fd);
    for (size_t i = 0; i < modules.count; i++) {
        push(walk, modules.items[i], "", (struct place){.order = i, .modules = true, .top = true});
    }
    quarantine_list_finish(&modules);
}

/* A `.git`: a repository, or a file or a link that says where it is. */
static void look_at_git(struct walk *walk, const struct place *place, int above, const char *name)
{
    struct stat status;
    struct quarantine_folder folder;
    if (quarantine_folder_open(&folder, above, name, QUARANTINE_LOOK)) {
        struct str path;
        str_init(&path);
        str_append_format(&path, "%s/%s", place->path, name);
        look_at_repository(walk, path.data, folder.fd);
        str_finish(&path);
        quarantine_folder_close(&folder);
    } else if (folder.shut) {
        quarantine_list_add_beneath(&walk->view->unseen, place->path, name);
    } else if (errno != ENOENT && fstatat(above, name, &status, AT_SYMLINK_NOFOLLOW) == 0) {
        quarantine_view_add(walk->view, place->path, name);
    }
}

/* A folder of files that git takes for a repository, for example because the `.git` beside them was
 * damaged. Its HEAD alone stands for it: without that it is none, and hooks and configuration may
 * be other programs' files. */
static void look_at_bare(struct walk *walk, const struct place *place, int fd)
{
    struct quarantine_view found = {0};
    if (quarantine_is_bare(fd)) {
        quarantine_look_at_repository(&found, NULL, place->path, fd);
        if (found.names.count > 0 || found.unseen.count > 0) {
            quarantine_view_add(walk->view, place->path, "HEAD");
        }
    }
    quarantine_view_finish(&found);
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
        int kind = kind_of(walk, place, folder, entry);
        if (kind == DT_DIR) {
            push(walk, place->path, name, (struct place){.order = (*order)++, .modules = true});
        } else if (kind == DT_LNK) {
            quarantine_view_add(walk->view, place->path, name); /* a repository elsewhere */
        }
    } else if (strcasecmp(name, ".git") == 0) {
        if (strcmp(name, ".git") != 0) { /* as a file system calls it that ignores case */
            look_at_git(walk, place, folder, name);
        }
    } else if (quarantine_list_is_among(name, names, sizeof names / sizeof names[0]) ||
               (place->home && is_obeyed_at_home(name))) {
        quarantine_view_add(walk->view, place->path, name);
    } else if (place->depth < QUARANTINE_DEPTH && kind_of(walk, place, folder, entry) == DT_DIR) {
        push(walk, place->path, name,
             (struct place){.order = (*order)++, .depth = place->depth + 1});
    }
}

/* In one call where the kernel has it and nothing on the way forbids it. */
static bool open_place(const struct walk *walk, const struct place *place,
                       struct quarantine_folder *folder)
{
    struct open_how how = {.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};
    const char *relative = place->path + strlen(walk->root);
    relative += strspn(relative, "/");
    long fd = syscall(SYS_openat2, walk->folder.fd, relative[0] != '\0' ? relative : ".", &how,
                      sizeof how);
    if (fd >= 0) {
        return quarantine_folder_take(folder, (int)fd, QUARANTINE_LOOK);
    }
    return quarantine_folder_reach(folder, walk->root, place->path, strlen(place->path),
                                   QUARANTINE_LOOK, NULL);
}

/* What is in a folder; not of a repository, which holds nothing but its own. */
static void look_at_entries(struct walk *walk, const struct place *place,
                            struct quarantine_folder *folder)
{
    const struct dirent *entry;
    size_t order = 0;
    if (!place->modules) {
        look_at_git(walk, place, folder->fd, ".git");
        look_at_bare(walk, place, folder->fd);
    } else if (!place->top && quarantine_is_repository(folder->fd)) {
        look_at_repository(walk, place->path, folder->fd);
        return;
    } else if (!place->top && quarantine_is_part(folder->fd)) {
        quarantine_look_at_repository(walk->view, NULL, place->path, folder->fd);
    }
    while (walk->left >= 0 && (entry = quarantine_folder_next(folder)) != NULL) {
        look_at_entry(walk, place, folder->fd, entry, &order);
    }
}

static void look_at_place(struct walk *walk, const struct place *place)
{
    struct quarantine_folder folder;
    if (open_place(walk, place, &folder)) {
        look_at_entries(walk, place, &folder);
    }
    if (folder.shut) {
        quarantine_list_add(&walk->view->unseen, place->path);
    }
    quarantine_folder_close(&folder);
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
                        .home = find_home(home) ? home : NULL,
                        .left = QUARANTINE_FOLDERS};
    view->first = view->names.count;
    if (view->begun.tv_sec == 0) {
        clock_gettime(CLOCK_REALTIME_COARSE, &view->begun);
    }
    if (quarantine_folder_open(&walk.folder, AT_FDCWD, root, QUARANTINE_LOOK)) {
        push(&walk, root, "", (struct place){0});
    } else if (walk.folder.shut) {
        quarantine_list_add(&view->unseen, root);
    }
    while (walk.next.count > 0) {
        look_at_level(&walk);
    }
    quarantine_folder_close(&walk.folder);
    quarantine_list_sort(&view->names);
    quarantine_list_sort(&view->steps);
    if (walk.left < 0) {
        cut_short(view);
    }
}

void quarantine_look(struct quarantine_view *view, const char *root)
{
    look_at_names(view, root);
    quarantine_stamps_look(view, root, is_home(root));
    quarantine_list_sort(&view->unseen);
}

/* --- moving aside --- */

enum moved { MOVED, MOVED_NOT, MOVED_GONE };

/* `aside` gets the new path. Another carat may be faster: then it is gone. */
static enum moved move_aside(const char *root, const char *path, struct str *aside)
{
    enum { TRIES = 100 };
    const char *name = strrchr(path, '/') + 1;
    size_t above = (size_t)(name - path);
    struct quarantine_folder folder;
    bool open = quarantine_folder_reach(&folder, root, path, above, QUARANTINE_CHANGE, NULL);
    bool moved = false, gone = !open && errno == ENOENT;
    for (int i = 1; open && !moved && i <= TRIES; i++) {
        str_clear(aside);
        str_append_format(aside, "%s" QUARANTINE_SUFFIX, path);
        if (i > 1) {
            str_append_format(aside, ".%d", i);
        }
        moved = renameat2(folder.fd, name, folder.fd, aside->data + above, RENAME_NOREPLACE) == 0;
        if (!moved && errno != EEXIST) {
            gone = errno == ENOENT;
            break;
        }
    }
    quarantine_folder_close(&folder);
    return moved ? MOVED : gone ? MOVED_GONE : MOVED_NOT;
}

/* Whether it lies in a folder that could not be looked into. */
static bool is_beneath(const struct quarantine_list *unseen, const char *path)
{
    for (size_t i = 0; i < unseen->count; i++) {
        size_t length = strlen(unseen->items[i]);
        if (strncmp(path, unseen->items[i], length) == 0 && path[length] == '/') {
            return true;
        }
    }
    return false;
}

enum age { OLD, NEW, UNKNOWN };

/* Where not all was looked at before, an old name may not have been seen: then what was made, moved
 * or changed since counts as new, and what lies in a folder of which that holds may have come with
 * it. No program can set that time. */
static enum age age_of(const struct quarantine_view *before, const char *root, const char *path)
{
    const char *name = strrchr(path, '/') + 1;
    struct stat status;
    struct timespec above = {0};
    struct quarantine_folder folder;
    if (quarantine_list_holds(&before->names, path)) {
        return OLD;
    }
    if (!before->partial && !is_beneath(&before->unseen, path)) {
        return NEW;
    }
    bool there = quarantine_folder_reach(&folder, root, path, (size_t)(name - path),
                                         QUARANTINE_LOOK, &above) &&
                 fstatat(folder.fd, name, &status, AT_SYMLINK_NOFOLLOW) == 0;
    int cause = errno;
    quarantine_folder_close(&folder);
    if (!there) {
        return cause == ENOENT ? OLD : UNKNOWN;
    }
    return quarantine_folder_is_since(&status.st_ctim, &before->begun) ? NEW
           : quarantine_folder_is_since(&above, &before->begun)        ? UNKNOWN
                                                                       : OLD;
}

static void move_new_names(struct quarantine_view *before, const struct quarantine_view *now,
                           const char *root, const char *allowed, struct quarantine_report *report)
{
    struct quarantine_list told = {0};
    struct str aside;
    str_init(&aside);
    for (size_t i = 0; i < now->names.count; i++) {
        const char *path = now->names.items[i];
        enum age age = age_of(before, root, path);
        if (age == OLD || (allowed != NULL && quarantine_agreed(allowed, path + strlen(root)))) {
            continue;
        }
        enum moved moved = age == NEW ? move_aside(root, path, &aside) : MOVED_NOT;
        if (moved == MOVED || age == UNKNOWN) {
            quarantine_list_add(&told, moved == MOVED ? aside.data : path);
        }
        if (moved != MOVED_GONE) {
            quarantine_list_add(moved == MOVED ? &report->moved : &report->failed, path);
        }
    }
    quarantine_list_merge(&before->names, &told);
    str_finish(&aside);
}

/* More commands for a rebase that waited already: it stays, because it is the user's. Before the
 * new names are moved, those that stay are what was there. */
static void tell_steps(struct quarantine_view *before, const struct quarantine_view *now,
                       const char *root, const char *allowed, struct quarantine_list *changed)
{
    struct quarantine_list more = {0}, folders = {0};
    for (size_t i = 0; i < now->steps.count; i++) {
        const char *step = now->steps.items[i];
        char *path = mem_strndup(step, (size_t)(strrchr(step, '\n') - step));
        if (!quarantine_list_holds(&before->steps, step) &&
            quarantine_list_holds(&before->names, path)) {
            quarantine_list_add(&more, step);
            quarantine_list_add(&folders, path);
        }
        mem_free(path);
    }
    quarantine_list_sort(&folders);
    for (size_t i = 0; i < folders.count; i++) {
        if (allowed == NULL || !quarantine_agreed(allowed, folders.items[i] + strlen(root))) {
            quarantine_list_add(changed, folders.items[i]);
        }
    }
    quarantine_list_merge(&before->steps, &more);
    quarantine_list_finish(&folders);
}

/* What could not be looked into before either was told then, or is not the user's. */
static void tell_unseen(struct quarantine_view *before, struct quarantine_view *now,
                        struct quarantine_list *unseen)
{
    struct quarantine_list more = {0};
    quarantine_list_sort(&now->unseen);
    for (size_t i = 0; i < now->unseen.count; i++) {
        if (!quarantine_list_holds(&before->unseen, now->unseen.items[i])) {
            quarantine_list_add(unseen, now->unseen.items[i]);
            quarantine_list_add(&more, now->unseen.items[i]);
        }
    }
    quarantine_list_merge(&before->unseen, &more);
}

void quarantine_apply(struct quarantine_view *before, const char *root, const char *allowed,
                      struct quarantine_report *report)
{
    struct quarantine_view now = {0};
    look_at_names(&now, root);
    tell_steps(before, &now, root, allowed, &report->changed);
    move_new_names(before, &now, root, allowed, report);
    quarantine_stamps_look(&now, root, is_home(root));
    quarantine_stamps_compare(before, &now, root, allowed, &report->changed);
    tell_unseen(before, &now, &report->unseen);
    report->cut = report->cut || now.cut;
    quarantine_view_finish(&now);
}
