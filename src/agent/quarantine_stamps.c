/* quarantine_stamps: a sum for each file, made before and after. */
#include "agent/quarantine_stamps.h"

#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/quarantine.h"
#include "agent/quarantine_agreed.h"
#include "agent/quarantine_folder.h"
#include "approval/launch_points.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"

enum { DEEPEST = 3, MOST_STAMPS = 1000, READ_LIMIT = 64 * 1024 };

/* Read-only in the sandbox; an editor that is open writes into them all the time. */
static const char *const left_out[] = {".git", ".vscode", ".idea", ".carat"};

/* Packages by the thousand, which come and go with every install. */
static const char yarn_cache[] = ".yarn/cache";

static void hash_file_at(struct hash *hash, int folder, const char *name)
{
    char buffer[8192];
    ssize_t got = 1;
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    for (size_t total = 0; fd >= 0 && got > 0 && total <= READ_LIMIT; total += (size_t)got) {
        got = read(fd, buffer, sizeof buffer);
        hash_add(hash, buffer, got > 0 ? (size_t)got : 0);
        got = got > 0 ? got : 0;
    }
    if (fd >= 0) {
        close(fd);
    }
}

/* False for what is no file and no link. */
static bool stamp(int folder, const char *name, struct quarantine_stamp *made)
{
    struct stat status;
    char target[4096];
    struct hash hash;
    if (fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) != 0 ||
        (!S_ISREG(status.st_mode) && !S_ISLNK(status.st_mode))) {
        return false;
    }
    hash_init(&hash);
    hash_add(&hash, &status.st_mode, sizeof status.st_mode);
    hash_add(&hash, &status.st_size, sizeof status.st_size);
    if (S_ISLNK(status.st_mode)) {
        ssize_t length = readlinkat(folder, name, target, sizeof target);
        hash_add(&hash, target, length > 0 ? (size_t)length : 0);
    } else if (status.st_size <= READ_LIMIT) {
        hash_file_at(&hash, folder, name);
    } else {
        hash_add(&hash, &status.st_ino, sizeof status.st_ino);
        hash_add(&hash, &status.st_mtim, sizeof status.st_mtim);
        hash_add(&hash, &status.st_ctim, sizeof status.st_ctim);
    }
    hash_finish(&hash, made->sum);
    made->changed = status.st_ctim;
    return true;
}

struct look {
    struct quarantine_view *view;
    struct str path; /* of what is looked at now */
    size_t root_length;
    size_t first; /* of the stamps: those of this root are counted */
    bool home, full;
};

static void look_into(struct look *look, int above, const char *name, int depth);

static void look_at_entry(struct look *look, int folder, const char *name, int depth)
{
    struct quarantine_stamps *stamps = &look->view->stamps;
    struct quarantine_stamp made = {.root_length = look->root_length};
    size_t length = look->path.length;
    if (depth == 0 &&
        (name[0] != '.' || look->home ||
         quarantine_list_is_among(name, left_out, sizeof left_out / sizeof left_out[0]))) {
        return;
    }
    str_append_format(&look->path, "/%s", name);
    const char *relative = look->path.data + look->root_length + 1;
    bool named = launch_points_reason(relative) != NULL;
    bool left_alone = strcasecmp(relative, yarn_cache) == 0;
    if (named && !left_alone && stamp(folder, name, &made)) {
        look->full = stamps->count - look->first >= MOST_STAMPS;
        if (!look->full) {
            made.path = mem_strdup(look->path.data);
            vec_room(&stamps->items, &stamps->capacity, stamps->count + 1, sizeof made);
            stamps->items[stamps->count++] = made;
        }
    } else if (depth < DEEPEST && !left_alone && launch_points_in_word(relative) != NULL) {
        look_into(look, folder, name, depth + 1);
    }
    str_truncate(&look->path, length);
}

/* A folder whose path is the look's. */
static void look_into(struct look *look, int above, const char *name, int depth)
{
    struct quarantine_folder folder;
    const struct dirent *entry;
    if (quarantine_folder_open(&folder, above, name, QUARANTINE_LOOK)) {
        while (!look->full && (entry = quarantine_folder_next(&folder)) != NULL) {
            look_at_entry(look, folder.fd, entry->d_name, depth);
        }
    }
    if (folder.shut) {
        quarantine_list_add(&look->view->unseen, look->path.data);
    }
    quarantine_folder_close(&folder);
}

void quarantine_stamps_look(struct quarantine_view *view, const char *root, bool home)
{
    struct look look = {
        .view = view, .root_length = strlen(root), .first = view->stamps.count, .home = home};
    str_init(&look.path);
    str_append(&look.path, root);
    look_into(&look, AT_FDCWD, root, 0);
    str_finish(&look.path);
    view->stamps.cut = view->stamps.cut || look.full;
    view->cut = view->cut || look.full;
}

void quarantine_stamps_finish(struct quarantine_stamps *stamps)
{
    for (size_t i = 0; i < stamps->count; i++) {
        mem_free(stamps->items[i].path);
    }
    mem_free(stamps->items);
    *stamps = (struct quarantine_stamps){0};
}

static const struct quarantine_stamp *find(const struct quarantine_stamps *stamps, const char *path)
{
    for (size_t i = 0; i < stamps->count; i++) {
        if (strcmp(stamps->items[i].path, path) == 0) {
            return &stamps->items[i];
        }
    }
    return NULL;
}

static void add(struct quarantine_list *changed, const struct quarantine_stamp *stamp,
                const char *allowed)
{
    if (allowed == NULL ||
        !quarantine_agreed_whole(allowed, stamp->path + stamp->root_length + 1)) {
        quarantine_list_add(changed, stamp->path);
    }
}

static bool is_of(const struct quarantine_stamp *stamp, const char *root)
{
    return stamp->root_length == strlen(root) &&
           strncmp(stamp->path, root, stamp->root_length) == 0;
}

/* `now` takes the place of what `before` has of this root. */
static void replace(struct quarantine_stamps *before, struct quarantine_stamps *now,
                    const char *root)
{
    size_t kept = 0;
    for (size_t i = 0; i < before->count; i++) {
        if (is_of(&before->items[i], root)) {
            mem_free(before->items[i].path);
        } else {
            before->items[kept++] = before->items[i];
        }
    }
    before->count = kept;
    vec_room(&before->items, &before->capacity, kept + now->count, sizeof *before->items);
    for (size_t i = 0; i < now->count; i++) {
        before->items[before->count++] = now->items[i];
    }
    now->count = 0;
}

void quarantine_stamps_compare(struct quarantine_view *before, struct quarantine_view *now,
                               const char *root, const char *allowed,
                               struct quarantine_list *changed)
{
    struct quarantine_stamps *olds = &before->stamps, *news = &now->stamps;
    for (size_t i = 0; i < news->count; i++) {
        const struct quarantine_stamp *one = &news->items[i], *old = find(olds, one->path);
        bool is_new = old == NULL &&
                      (!olds->cut || quarantine_folder_is_since(&one->changed, &before->begun));
        if (is_new || (old != NULL && memcmp(old->sum, one->sum, sizeof one->sum) != 0)) {
            add(changed, one, allowed);
        }
    }
    for (size_t i = 0; i < olds->count && !news->cut; i++) {
        const struct quarantine_stamp *old = &olds->items[i];
        if (is_of(old, root) && find(news, old->path) == NULL) {
            add(changed, old, allowed);
        }
    }
    olds->cut = olds->cut || news->cut;
    replace(olds, news, root);
}
