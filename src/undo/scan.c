#include "undo/scan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

enum { RACY_MS = 20 };

struct scan {
    const struct scan_options *options;
    struct objects *objects;
    const struct tree *known;
    struct tree *out;
    struct str path;
    int64_t believed_before_ns, kept_bytes;
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
        leave_out(entry, "cannot be read");
        return;
    }
    target[length] = '\0';
    mem_free(entry->text);
    entry->text = mem_strdup(target);
    entry->kind = TREE_LINK;
}

/* --- a file --- */

static bool is_unchanged(const struct tree_entry *known, const struct tree_entry *entry)
{
    return known != NULL && known->kind == TREE_FILE && known->changed_ns != 0 &&
           known->device == entry->device && known->inode == entry->inode &&
           known->size == entry->size && known->modified_ns == entry->modified_ns &&
           known->changed_ns == entry->changed_ns;
}

static bool keep_content(struct scan *scan, int folder, const char *name, const struct stat *status,
                         struct tree_entry *entry, struct err *err)
{
    struct err problem = {0};
    int64_t added = 0;
    int fd = open_file(folder, name, status);
    if (fd < 0) {
        leave_out(entry, "cannot be read");
        return true;
    }
    bool ok = objects_put(scan->objects, fd, entry->hash, &entry->size, &added, &problem);
    close(fd);
    if (!ok && problem.code == ERR_UNAVAILABLE) {
        leave_out(entry, problem.text);
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
    bool ok = true;
    entry->kind = TREE_FILE;
    if (entry->size > scan->options->file_limit) {
        leave_out(entry, "larger than undo.file_megabytes");
    } else if (scan->kept_bytes + entry->size > scan->options->total_limit) {
        leave_out(entry, "the snapshot is full (undo.megabytes)");
    } else if (is_unchanged(known, entry)) {
        memcpy(entry->hash, known->hash, HASH_BYTES);
    } else {
        ok = keep_content(scan, folder, name, status, entry, err);
    }
    if (entry->kind == TREE_FILE) {
        scan->kept_bytes += entry->size;
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

static bool scan_names(struct scan *scan, int fd, int depth, struct err *err);

/* Its own permissions; takes the descriptor over. */
static bool scan_root(struct scan *scan, int fd, struct err *err)
{
    struct stat status;
    if (fstat(fd, &status) == 0) {
        struct tree_entry entry = entry_of(scan->path.data, &status);
        entry.kind = TREE_DIRECTORY;
        tree_add(scan->out, &entry);
    }
    return scan_names(scan, fd, 0, err);
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
        leave_out(entry, "cannot be read");
        return true;
    }
    if (!is_known && has_tag(fd)) {
        leave_out(entry, "marked as a cache (CACHEDIR.TAG)");
        close(fd);
        return true;
    }
    return scan_names(scan, fd, depth + 1, err);
}

static bool scan_one(struct scan *scan, int folder, const char *name, int depth, struct err *err)
{
    struct stat status;
    if (fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
        return errno == ENOENT || err_errno(err, ERR_IO, "looking at %.300s", scan->path.data);
    }
    if (scan->out->count >= SCAN_ENTRY_LIMIT) {
        return err_set(err, ERR_LIMIT, "the workspace has more than %d files and folders",
                       SCAN_ENTRY_LIMIT);
    }
    struct tree_entry entry = entry_of(scan->path.data, &status);
    bool ok = true;
    if (S_ISREG(status.st_mode)) {
        ok = scan_file(scan, folder, name, &status, &entry, err);
    } else if (S_ISLNK(status.st_mode)) {
        read_link(folder, name, &entry);
    } else if (S_ISDIR(status.st_mode)) {
        ok = scan_folder(scan, folder, name, &entry, depth, err);
    } else {
        leave_out(&entry, "no regular file");
    }
    tree_add(scan->out, &entry);
    return ok;
}

/* Takes the descriptor over. */
static bool scan_names(struct scan *scan, int fd, int depth, struct err *err)
{
    DIR *folder = fdopendir(fd);
    if (folder == NULL) {
        close(fd);
        return err_errno(err, ERR_IO, "reading %.300s", scan->path.data);
    }
    bool ok = true;
    size_t length = scan->path.length;
    for (struct dirent *found; ok && (found = readdir(folder)) != NULL;) {
        if (strcmp(found->d_name, ".") == 0 || strcmp(found->d_name, "..") == 0) {
            continue;
        }
        if (atomic_load(scan->options->stop)) {
            ok = err_set(err, ERR_CANCELLED, "the snapshot was stopped");
            break;
        }
        str_append(&scan->path, length > 1 ? "/" : "");
        str_append(&scan->path, found->d_name);
        if (!is_listed(&scan->options->hidden, scan->path.data)) {
            ok = scan_one(scan, fd, found->d_name, depth, err);
        }
        str_truncate(&scan->path, length);
    }
    closedir(folder);
    return ok;
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
    bool ok = true;
    for (size_t i = 0; ok && i < options->roots.count; i++) {
        str_clear(&scan.path);
        str_append(&scan.path, options->roots.items[i]);
        int fd = open(scan.path.data, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        ok = fd >= 0 ? scan_root(&scan, fd, err)
                     : err_errno(err, ERR_IO, "opening %.300s", scan.path.data);
    }
    str_finish(&scan.path);
    tree_sort(out);
    return ok;
}

static bool look_at_content(int folder, const char *name, const struct stat *status,
                            struct tree_entry *entry, struct err *err)
{
    int fd = open_file(folder, name, status);
    if (fd < 0 && errno == EACCES) {
        leave_out(entry, "cannot be read");
        return true;
    }
    entry->kind = TREE_FILE;
    bool ok = fd >= 0 ? objects_hash(fd, entry->hash, &entry->size, err)
                      : err_errno(err, ERR_IO, "opening %.300s", entry->path);
    if (fd >= 0) {
        close(fd);
    }
    return ok;
}

bool scan_look(int folder, const char *name, const char *path, int64_t file_limit,
               struct tree_entry *out, struct err *err)
{
    struct stat status;
    if (fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno != ENOENT && errno != ENOTDIR) {
            return err_errno(err, ERR_IO, "looking at %.300s", path);
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
        leave_out(&entry, "larger than undo.file_megabytes");
    } else {
        ok = look_at_content(folder, name, &status, &entry, err);
    }
    if (!ok) {
        tree_entry_finish(&entry);
        return false;
    }
    *out = entry;
    return true;
}
