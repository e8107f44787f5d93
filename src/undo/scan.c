#include "undo/scan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "undo/roots.h"

enum { RACY_MS = 20 };

static const char *const UNREAD = "cannot be read";
static const char *const LARGE = "larger than undo.file_megabytes";

struct scan {
    const struct scan_options *options;
    struct objects *objects;
    const struct tree *known;
    struct tree *out;
    struct scan_names hidden; /* by the names that they have now */
    struct str path;
    int64_t believed_before_ns;
    size_t path_bytes;
    int64_t kept_bytes; /* of the files so far; reserved: and of those that are known, at once */
    bool reserved, released;
};

static int64_t nanoseconds(const struct timespec *time)
{
    return (int64_t)time->tv_sec * 1000000000 + time->tv_nsec;
}

int64_t scan_changed_ns(const struct stat *status)
{
    return nanoseconds(&status->st_ctim);
}

static struct tree_entry entry_of(const char *path, const struct stat *status)
{
    return (struct tree_entry){
        .path = mem_strdup(path),
        .text = mem_strdup(""),
        .mode = status->st_mode & 07777,
        .links = status->st_nlink,
        .device = status->st_dev,
        .inode = status->st_ino,
        .size = status->st_size,
        .modified_ns = nanoseconds(&status->st_mtim),
        .changed_ns = scan_changed_ns(status),
    };
}

static void leave_out(struct tree_entry *entry, const char *why)
{
    mem_free(entry->text);
    entry->text = mem_strdup(why);
    entry->kind = TREE_LEFT_OUT;
}

static int open_file(int folder, const char *name, const struct stat *expected)
{
    struct stat status;
    int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd >= 0 && (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) ||
                    status.st_ino != expected->st_ino || status.st_dev != expected->st_dev)) {
        close(fd);
        errno = ESTALE; /* exchanged between the look and the opening */
        fd = -1;
    }
    return fd;
}

static void read_link(int folder, const char *name, struct tree_entry *entry)
{
    char target[PATH_MAX];
    ssize_t length = readlinkat(folder, name, target, sizeof target - 1);
    if (length < 0) {
        leave_out(entry, UNREAD);
        return;
    }
    target[length] = '\0';
    mem_free(entry->text);
    entry->text = mem_strdup(target);
    entry->kind = TREE_LINK;
}

/* --- how much is kept --- */

/* What was kept before keeps its room, whatever comes beside it and is found first: else a command
 * that writes enough would push out what it ruined. */
static void reserve_known(struct scan *scan)
{
    for (size_t i = 0; i < scan->known->count; i++) {
        const struct tree_entry *known = &scan->known->items[i];
        scan->kept_bytes += known->kind == TREE_FILE ? known->size : 0;
    }
    scan->reserved = scan->kept_bytes <= scan->options->tree_limit;
    scan->kept_bytes = scan->reserved ? scan->kept_bytes : 0;
}

/* Only when the room is short: it takes a look at each of them. */
static void release_gone(struct scan *scan)
{
    for (size_t i = 0; i < scan->known->count && !scan->released; i++) {
        const struct tree_entry *known = &scan->known->items[i];
        struct stat status;
        if (known->kind == TREE_FILE && lstat(known->path, &status) != 0 &&
            (errno == ENOENT || errno == ENOTDIR)) {
            scan->kept_bytes -= known->size;
        }
    }
    scan->released = true;
}

static bool has_room(struct scan *scan, int64_t more)
{
    int64_t limit = scan->options->tree_limit;
    if (more > 0 && scan->kept_bytes + more > limit && scan->reserved) {
        release_gone(scan);
    }
    return more <= 0 || scan->kept_bytes + more <= limit;
}

/* --- a file --- */

static bool is_unchanged(const struct tree_entry *known, const struct tree_entry *entry)
{
    return known->changed_ns != 0 && known->device == entry->device &&
           known->inode == entry->inode && known->size == entry->size &&
           known->modified_ns == entry->modified_ns && known->changed_ns == entry->changed_ns;
}

static bool keep_content(struct scan *scan, int folder, const char *name, const struct stat *status,
                         struct tree_entry *entry, struct err *err)
{
    struct err problem = {0};
    int64_t added = 0;
    int fd = open_file(folder, name, status);
    if (fd < 0) {
        leave_out(entry, UNREAD);
        return true;
    }
    bool ok = objects_put(scan->objects, fd, scan->options->file_limit, entry->hash, &entry->size,
                          &added, &problem);
    close(fd);
    if (!ok && (problem.code == ERR_UNAVAILABLE || problem.code == ERR_LIMIT)) {
        leave_out(entry, problem.code == ERR_LIMIT ? LARGE : problem.text);
        return true;
    }
    if (!ok && err != NULL) {
        *err = problem;
    }
    return ok;
}

static bool scan_file(struct scan *scan, int folder, const char *name, const struct stat *status,
                      struct tree_entry *entry, struct err *err)
{
    const struct tree_entry *known = tree_find(scan->known, entry->path);
    known = known != NULL && known->kind == TREE_FILE ? known : NULL;
    int64_t reserved = scan->reserved && known != NULL ? known->size : 0;
    bool ok = true;
    entry->kind = TREE_FILE;
    if (entry->size > scan->options->file_limit) {
        leave_out(entry, LARGE);
    } else if (!has_room(scan, entry->size - reserved)) {
        leave_out(entry, "the snapshot is full (undo.megabytes)");
    } else if (known != NULL && is_unchanged(known, entry)) {
        memcpy(entry->hash, known->hash, HASH_BYTES);
    } else {
        ok = keep_content(scan, folder, name, status, entry, err);
    }
    if (entry->kind == TREE_FILE) {
        scan->kept_bytes += entry->size - reserved;
        if (entry->changed_ns >= scan->believed_before_ns) {
            entry->changed_ns = 0;
        }
    }
    return ok;
}

/* --- folders --- */

static bool is_listed(const struct scan_names *names, const char *name)
{
    for (size_t i = 0; i < names->count; i++) {
        if (strcmp(names->items[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static bool has_tag(int fd)
{
    struct stat status;
    return fstatat(fd, "CACHEDIR.TAG", &status, AT_SYMLINK_NOFOLLOW) == 0;
}

/* No link anywhere on the way; a kernel without openat2 has no answer. */
static int open_no_link(int folder, const char *path)
{
    struct open_how how = {.flags = O_PATH | O_CLOEXEC,
                           .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH};
    return (int)syscall(SYS_openat2, folder, path, &how, sizeof how);
}

/* A sign of what git did: the newest time and the sizes of the files that each of its commands
 * touches. */
static void stamp_git(int folder, struct tree_entry *entry)
{
    static const char *const names[] = {".git/HEAD",       ".git/index",      ".git/logs/HEAD",
                                        ".git/refs/heads", ".git/refs/tags",  ".git/packed-refs",
                                        ".git/config",     ".git/refs/stash", ".git/hooks"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct stat status;
        int fd = open_no_link(folder, names[i]);
        if (fd >= 0 && fstat(fd, &status) == 0) {
            int64_t modified = nanoseconds(&status.st_mtim);
            entry->size += status.st_size;
            entry->modified_ns = modified > entry->modified_ns ? modified : entry->modified_ns;
        }
        if (fd >= 0) {
            close(fd);
        }
    }
    entry->changed_ns = 0;
}

/* NULL: the folder is to be walked, unless it is marked as a cache. */
static const char *why_left_out(const struct scan *scan, const char *name, bool is_known)
{
    if (strcmp(name, ".git") == 0) {
        return "git keeps its own history (git reflog)";
    }
    return !is_known && is_listed(&scan->options->skip, name) ? "named in undo.skip" : NULL;
}

static bool scan_names(struct scan *scan, int fd, struct tree_entry *folder, int depth,
                       struct err *err);

static void add(struct scan *scan, const struct tree_entry *entry)
{
    scan->path_bytes += strlen(entry->path) + strlen(entry->text);
    tree_add(scan->out, entry);
}

static bool scan_root(struct scan *scan, const char *root, struct err *err)
{
    struct stat status = {0};
    int place = roots_open(root, O_PATH);
    int fd = -1;
    if (place >= 0) {
        (void)!fstat(place, &status);
        fd = openat(place, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        close(place);
    }
    struct tree_entry entry = entry_of(root, &status);
    entry.kind = TREE_DIRECTORY;
    bool ok = true;
    str_append(&scan->path, root);
    if (fd >= 0) {
        ok = scan_names(scan, fd, &entry, 0, err);
    } else {
        leave_out(&entry, UNREAD);
    }
    str_clear(&scan->path);
    add(scan, &entry);
    return ok;
}

static bool scan_folder(struct scan *scan, int folder, const char *name, struct tree_entry *entry,
                        int depth, struct err *err)
{
    const struct tree_entry *known = tree_find(scan->known, entry->path);
    bool is_known = known != NULL && known->kind == TREE_DIRECTORY;
    const char *why = why_left_out(scan, name, is_known);
    entry->kind = TREE_DIRECTORY;
    if (why != NULL || depth >= SCAN_DEPTH_LIMIT) {
        leave_out(entry, why != NULL ? why : "too deep");
        if (strcmp(name, ".git") == 0) {
            stamp_git(folder, entry);
        }
        return true;
    }
    int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        leave_out(entry, UNREAD);
        return true;
    }
    if (!is_known && has_tag(fd)) {
        leave_out(entry, "marked as a cache (CACHEDIR.TAG)");
        close(fd);
        return true;
    }
    return scan_names(scan, fd, entry, depth + 1, err);
}

static bool has_place(const struct scan *scan, struct err *err)
{
    if (scan->out->count >= SCAN_ENTRY_LIMIT) {
        return err_set(err, ERR_LIMIT, "the workspace has more than %d files and folders",
                       SCAN_ENTRY_LIMIT);
    }
    return scan->path_bytes + scan->path.length <= SCAN_PATH_LIMIT ||
           err_set(err, ERR_LIMIT, "the paths of all files are longer than %d MiB together",
                   SCAN_PATH_LIMIT / 1024 / 1024);
}

/* What a folder forbids to look at is there all the same. */
static bool scan_one(struct scan *scan, int folder, const char *name, int depth, struct err *err)
{
    struct stat status = {0};
    bool found = fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0;
    if (!found && errno == ENOENT) {
        return true;
    }
    if (!has_place(scan, err)) {
        return false;
    }
    struct tree_entry entry = entry_of(scan->path.data, &status);
    bool ok = true;
    if (!found) {
        leave_out(&entry, UNREAD);
    } else if (S_ISREG(status.st_mode)) {
        ok = scan_file(scan, folder, name, &status, &entry, err);
    } else if (S_ISLNK(status.st_mode)) {
        read_link(folder, name, &entry);
    } else if (S_ISDIR(status.st_mode)) {
        ok = scan_folder(scan, folder, name, &entry, depth, err);
    } else {
        leave_out(&entry, "no regular file");
    }
    add(scan, &entry);
    return ok;
}

/* NULL at the end, or with errno not 0. Not the folder itself and the one above it. */
static const char *next_name(DIR *stream)
{
    struct dirent *found;
    do {
        errno = 0;
        found = readdir(stream);
    } while (found != NULL &&
             (strcmp(found->d_name, ".") == 0 || strcmp(found->d_name, "..") == 0));
    return found != NULL ? found->d_name : NULL;
}

/* Takes the descriptor over. A folder that cannot be read to its end is left out with all that is
 * in it: what was not read would look as if it were gone, or new. */
static bool scan_names(struct scan *scan, int fd, struct tree_entry *folder, int depth,
                       struct err *err)
{
    DIR *stream = fdopendir(fd);
    if (stream == NULL) {
        close(fd);
        leave_out(folder, UNREAD);
        return true;
    }
    bool ok = true;
    size_t length = scan->path.length, count = scan->out->count;
    const char *name;
    while (ok && (name = next_name(stream)) != NULL) {
        if (atomic_load(scan->options->stop)) {
            ok = err_set(err, ERR_CANCELLED, "the snapshot was stopped");
            break;
        }
        str_append(&scan->path, length > 1 ? "/" : "");
        str_append(&scan->path, name);
        if (!is_listed(&scan->hidden, scan->path.data)) {
            ok = scan_one(scan, fd, name, depth, err);
        }
        str_truncate(&scan->path, length);
    }
    if (ok && errno != 0) {
        tree_truncate(scan->out, count);
        leave_out(folder, UNREAD);
    }
    closedir(stream);
    return ok;
}

/* Each time anew: they may not have been there before, and links may lead to them. */
static void find_hidden(struct scan *scan)
{
    const struct scan_names *hidden = &scan->options->hidden;
    roots_copy(&scan->hidden, (const char *const *)hidden->items, hidden->count);
    for (size_t i = 0; i < hidden->count; i++) {
        char *resolved = realpath(hidden->items[i], NULL);
        if (resolved != NULL) {
            mem_free(scan->hidden.items[i]);
            scan->hidden.items[i] = mem_strdup(resolved);
        }
        free(resolved);
    }
}

bool scan_run(const struct scan_options *options, struct objects *objects, const struct tree *known,
              struct tree *out, struct err *err)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    struct scan scan = {.options = options,
                        .objects = objects,
                        .known = known,
                        .out = out,
                        .believed_before_ns = nanoseconds(&now) - (int64_t)RACY_MS * 1000000};
    str_init(&scan.path);
    find_hidden(&scan);
    reserve_known(&scan);
    bool ok = true;
    for (size_t i = 0; ok && i < options->roots.count; i++) {
        ok = scan_root(&scan, options->roots.items[i], err);
    }
    roots_finish(&scan.hidden);
    str_finish(&scan.path);
    tree_sort(out);
    return ok;
}

/* --- one path --- */

/* Errors do not name it: who asks has said which one. */
static bool look_at_content(int folder, const char *name, const struct stat *status, int64_t limit,
                            struct tree_entry *entry, struct err *err)
{
    struct err problem = {0};
    int fd = open_file(folder, name, status);
    if (fd < 0 && errno == EACCES) {
        leave_out(entry, UNREAD);
        return true;
    }
    entry->kind = TREE_FILE;
    bool ok = fd >= 0 ? objects_hash(fd, limit, entry->hash, &entry->size, &problem)
                      : err_errno(&problem, ERR_IO, "opening it");
    if (fd >= 0) {
        close(fd);
    }
    if (!ok && problem.code == ERR_LIMIT) {
        leave_out(entry, LARGE);
        return true;
    }
    if (!ok && err != NULL) {
        *err = problem;
    }
    return ok;
}

bool scan_look(int folder, const char *name, const char *path, int64_t file_limit,
               struct tree_entry *out, struct err *err)
{
    struct stat status;
    bool itself = strcmp(name, ".") == 0; /* also when nothing in it may be looked at */
    if (fstatat(folder, itself ? "" : name, &status,
                AT_SYMLINK_NOFOLLOW | (itself ? AT_EMPTY_PATH : 0)) != 0) {
        if (errno != ENOENT && errno != ENOTDIR) {
            return err_errno(err, ERR_IO, "looking at it");
        }
        *out = (struct tree_entry){.path = mem_strdup(path), .text = mem_strdup("")};
        return true;
    }
    struct tree_entry entry = entry_of(path, &status);
    bool ok = true;
    if (S_ISDIR(status.st_mode)) {
        entry.kind = TREE_DIRECTORY;
    } else if (S_ISLNK(status.st_mode)) {
        read_link(folder, name, &entry);
    } else if (!S_ISREG(status.st_mode)) {
        leave_out(&entry, "no regular file");
    } else if (entry.size > file_limit) {
        leave_out(&entry, LARGE);
    } else {
        ok = look_at_content(folder, name, &status, file_limit, &entry, err);
    }
    if (!ok) {
        tree_entry_finish(&entry);
        return false;
    }
    *out = entry;
    return true;
}
