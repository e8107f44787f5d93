/* quarantine_stamps: a sum for each file, made before and after. */
#include "agent/quarantine_stamps.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/quarantine.h"
#include "agent/quarantine_agreed.h"
#include "approval/launch_points.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"

enum { DEEPEST = 3, MOST_STAMPS = 1000, READ_LIMIT = 64 * 1024 };

/* Read-only in the sandbox; an editor that is open writes into them all the time. */
static const char *const left_out[] = {".git", ".vscode", ".idea", ".carat"};

/* In these, only some folders count. */
static const char *const hold_some[] = {".github", ".local"};

static bool is_among(const char *name, const char *const *table, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcasecmp(name, table[i]) == 0) {
            return true;
        }
    }
    return false;
}

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
static bool stamp(int folder, const char *name, unsigned char sum[HASH_BYTES])
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
    hash_finish(&hash, sum);
    return true;
}

static bool may_hold(const char *relative)
{
    struct str within;
    str_init(&within);
    str_append_format(&within, "%s/x", relative);
    bool holds = launch_points_reason(within.data) != NULL ||
                 is_among(relative, hold_some, sizeof hold_some / sizeof hold_some[0]);
    str_finish(&within);
    return holds;
}

/* `path`: of the folder; takes `fd`. */
static void look(struct quarantine_stamps *stamps, struct str *path, size_t root_length, int fd,
                 int depth, bool home)
{
    size_t length = path->length;
    DIR *entries = fdopendir(fd);
    if (entries == NULL) {
        close(fd);
        return;
    }
    for (struct dirent *entry; stamps->count < MOST_STAMPS && (entry = readdir(entries)) != NULL;) {
        const char *name = entry->d_name;
        struct quarantine_stamp made = {.root_length = root_length};
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
            (depth == 0 && (name[0] != '.' || home ||
                            is_among(name, left_out, sizeof left_out / sizeof left_out[0])))) {
            continue;
        }
        str_append_format(path, "/%s", name);
        const char *relative = path->data + root_length + 1;
        bool named = launch_points_reason(relative) != NULL;
        int next = -1;
        if (named && stamp(fd, name, made.sum)) {
            made.path = mem_strdup(path->data);
            vec_room(&stamps->items, &stamps->capacity, stamps->count + 1, sizeof made);
            stamps->items[stamps->count++] = made;
        } else if (depth < DEEPEST && (named || may_hold(relative))) {
            next = openat(fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        }
        if (next >= 0) {
            look(stamps, path, root_length, next, depth + 1, home);
        }
        str_truncate(path, length);
    }
    closedir(entries);
}

void quarantine_stamps_look(struct quarantine_stamps *stamps, const char *root, bool home)
{
    struct str path;
    int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    str_init(&path);
    str_append(&path, root);
    if (fd >= 0) {
        look(stamps, &path, path.length, fd, 0, home);
    }
    str_finish(&path);
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
    quarantine_stamps_finish(now);
}

void quarantine_stamps_compare(struct quarantine_stamps *before, const char *root, bool home,
                               const char *allowed, struct quarantine_list *changed)
{
    struct quarantine_stamps now = {0};
    quarantine_stamps_look(&now, root, home);
    for (size_t i = 0; i < now.count; i++) {
        const struct quarantine_stamp *one = &now.items[i], *old = find(before, one->path);
        if (old != NULL ? memcmp(old->sum, one->sum, sizeof one->sum) != 0
                        : one->path[one->root_length + 1] == '.') {
            add(changed, one, allowed);
        }
    }
    for (size_t i = 0; i < before->count; i++) {
        const struct quarantine_stamp *old = &before->items[i];
        if (is_of(old, root) && find(&now, old->path) == NULL) {
            add(changed, old, allowed);
        }
    }
    replace(before, &now, root);
}
