/* objects: hash first, and copy only what is new.
 *
 * An object is written under its last name at once: until it is whole its size is wrong, and then
 * it counts as not there. A file that changes between hashing and copying gives another hash for
 * the copy; a few tries, then the caller is told.
 */
#include "undo/objects.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "undo/tree.h"

/* Up to FEW new objects are synced one by one: syncing a file system waits for what all others have
 * written to it. */
enum { PIECE = 64 * 1024, TRIES = 3, FEW = 32, HEX = 2 * HASH_BYTES, NAME = HEX + 2 };

bool objects_open(struct objects *objects, const char *folder, struct err *err)
{
    if (!file_make_directories(folder, err)) {
        return false;
    }
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return err_errno(err, ERR_IO, "opening %s", folder);
    }
    *objects = (struct objects){.folder = mem_strdup(folder), .fd = fd};
    return true;
}

void objects_close(struct objects *objects)
{
    if (objects->folder != NULL) {
        close(objects->fd);
        mem_free(objects->folder);
    }
    *objects = (struct objects){.fd = -1};
}

/* "ab/cdef..." */
static void name_of(const unsigned char hash[HASH_BYTES], char name[NAME])
{
    char text[HEX + 1];
    hash_hex(hash, text);
    memcpy(name, text, 2);
    name[2] = '/';
    memcpy(name + 3, text + 2, HEX - 1);
}

/* Hashes a file from its start and, with to >= 0, copies it. */
static bool pass(int from, int to, int64_t limit, unsigned char hash[HASH_BYTES], int64_t *size,
                 struct err *err)
{
    struct hash state;
    unsigned char sum[HASH_BYTES];
    char piece[PIECE];
    int64_t at = 0;
    bool ok = true;
    hash_init(&state);
    for (;;) {
        ssize_t got = pread(from, piece, sizeof piece, at);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            ok = got == 0 || err_errno(err, ERR_IO, "reading a file for its snapshot");
            break;
        }
        if (at + got > limit) {
            ok = err_set(err, ERR_LIMIT, "it grew while it was read");
            break;
        }
        hash_add(&state, piece, (size_t)got);
        if (to >= 0 && !file_write_all(to, piece, (size_t)got)) {
            ok = err_errno(err, ERR_IO, "writing to the store of snapshots");
            break;
        }
        at += got;
    }
    hash_finish(&state, sum);
    if (ok) {
        memcpy(hash, sum, HASH_BYTES);
        *size = at;
    }
    return ok;
}

bool objects_hash(int fd, int64_t limit, unsigned char hash[HASH_BYTES], int64_t *size,
                  struct err *err)
{
    return pass(fd, -1, limit, hash, size, err);
}

static bool is_there(const struct objects *objects, const char *name, int64_t size)
{
    struct stat status;
    return fstatat(objects->fd, name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISREG(status.st_mode) && status.st_size == size;
}

static const char *const MARK = "unsynced";

static bool set_mark(struct objects *objects)
{
    if (objects->fresh == 0) {
        int fd = openat(objects->fd, MARK, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0) {
            return false;
        }
        close(fd);
    }
    objects->fresh += objects->fresh <= FEW;
    return true;
}

bool objects_sync(struct objects *objects, struct err *err)
{
    if (objects->fresh == 0) {
        return true;
    }
    if (objects->fresh > FEW && syncfs(objects->fd) != 0) {
        return err_errno(err, ERR_IO, "writing the store of snapshots to the disk");
    }
    unlinkat(objects->fd, MARK, 0);
    objects->fresh = 0;
    return true;
}

static int create(struct objects *objects, const unsigned char first, const char *name)
{
    if (!set_mark(objects)) {
        return -1;
    }
    if (!objects->made[first]) {
        char folder[3] = {name[0], name[1], '\0'};
        if (mkdirat(objects->fd, folder, 0700) != 0 && errno != EEXIST) {
            return -1;
        }
        objects->made[first] = true;
    }
    return openat(objects->fd, name, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
}

bool objects_put(struct objects *objects, int fd, int64_t limit, unsigned char hash[HASH_BYTES],
                 int64_t *size, int64_t *added, struct err *err)
{
    for (int attempt = 0; attempt < TRIES; attempt++) {
        unsigned char first[HASH_BYTES], copied[HASH_BYTES];
        int64_t length, copied_length;
        char name[NAME];
        if (!pass(fd, -1, limit, first, &length, err)) {
            return false;
        }
        name_of(first, name);
        bool there = is_there(objects, name, length);
        if (!there) {
            int to = create(objects, first[0], name);
            if (to < 0) {
                return err_errno(err, ERR_IO, "writing to the store of snapshots");
            }
            bool cloned = length >= PIECE && ioctl(to, FICLONE, fd) == 0;
            bool ok = pass(cloned ? to : fd, cloned ? -1 : to, limit, copied, &copied_length, err);
            there = ok && copied_length == length && memcmp(copied, first, HASH_BYTES) == 0;
            if (there && objects->fresh <= FEW && fsync(to) != 0) {
                ok = err_errno(err, ERR_IO, "writing to the store of snapshots");
                there = false;
            }
            if (!there) {
                unlinkat(objects->fd, name, 0);
            }
            close(to);
            if (!ok) {
                return false;
            }
            *added += there ? length : 0;
        }
        if (there) {
            memcpy(hash, first, HASH_BYTES);
            *size = length;
            return true;
        }
    }
    return err_set(err, ERR_UNAVAILABLE, "it kept changing while it was read");
}

static int open_object(struct objects *objects, const unsigned char hash[HASH_BYTES],
                       struct err *err)
{
    char name[NAME];
    name_of(hash, name);
    int fd = openat(objects->fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        err_errno(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "the content that was kept");
    }
    return fd;
}

bool objects_copy_out(struct objects *objects, const unsigned char hash[HASH_BYTES], int64_t size,
                      int to, struct err *err)
{
    unsigned char found[HASH_BYTES];
    int64_t length;
    int fd = open_object(objects, hash, err);
    if (fd < 0) {
        return false;
    }
    bool ok = pass(fd, to, INT64_MAX, found, &length, err);
    if (ok && (length != size || memcmp(found, hash, HASH_BYTES) != 0)) {
        ok = err_set(err, ERR_FORMAT, "the content that was kept is damaged");
    }
    close(fd);
    return ok;
}

bool objects_read(struct objects *objects, const unsigned char hash[HASH_BYTES], size_t limit,
                  struct str *out, struct err *err)
{
    char name[NAME], *path = NULL;
    struct str full;
    name_of(hash, name);
    str_init(&full);
    str_append_format(&full, "%s/%s", objects->folder, name);
    path = str_take(&full);
    size_t start = out->length;
    bool ok = file_read(path, limit, out, err);
    if (ok) {
        struct hash state;
        unsigned char found[HASH_BYTES];
        hash_init(&state);
        hash_add(&state, out->data + start, out->length - start);
        hash_finish(&state, found);
        ok = memcmp(found, hash, HASH_BYTES) == 0 ||
             err_set(err, ERR_FORMAT, "the content that was kept is damaged");
    }
    mem_free(path);
    return ok;
}

/* Calls `visit` for every object. */
static void each(struct objects *objects,
                 void (*visit)(void *context, int folder, const char *name, const char *hash),
                 void *context)
{
    for (unsigned first = 0; first < 256; first++) {
        char hash[HEX + 1];
        snprintf(hash, sizeof hash, "%02x", first);
        int fd = openat(objects->fd, hash, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
        if (folder == NULL) {
            if (fd >= 0) {
                close(fd);
            }
            continue;
        }
        for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
            if (strlen(entry->d_name) == HEX - 2) {
                memcpy(hash + 2, entry->d_name, HEX - 1);
                visit(context, fd, entry->d_name, hash);
            }
        }
        closedir(folder);
    }
}

static void add_size(void *context, int folder, const char *name, const char *hash)
{
    struct stat status;
    (void)hash;
    if (fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0) {
        *(int64_t *)context += status.st_size;
    }
}

int64_t objects_total(struct objects *objects)
{
    int64_t bytes = 0;
    each(objects, add_size, &bytes);
    return bytes;
}

struct sweep {
    bool (*keep)(void *context, const char *hash);
    void *context;
};

static void sweep_one(void *context, int folder, const char *name, const char *hash)
{
    struct sweep *sweep = context;
    if (!sweep->keep(sweep->context, hash)) {
        unlinkat(folder, name, 0);
    }
}

void objects_sweep(struct objects *objects,
                   bool (*keep)(void *context, const char hash[2 * HASH_BYTES + 1]), void *context)
{
    struct sweep sweep = {keep, context};
    each(objects, sweep_one, &sweep);
}

static void check_one(void *context, int folder, const char *name, const char *hash)
{
    const struct timespec *since = context;
    struct stat status;
    unsigned char found[HASH_BYTES];
    char text[HEX + 1] = "";
    int64_t size;
    if (fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) != 0 ||
        status.st_mtim.tv_sec < since->tv_sec ||
        (status.st_mtim.tv_sec == since->tv_sec && status.st_mtim.tv_nsec < since->tv_nsec)) {
        return;
    }
    int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0 && pass(fd, -1, INT64_MAX, found, &size, NULL)) {
        hash_hex(found, text);
    }
    if (fd >= 0) {
        close(fd);
    }
    if (strcmp(text, hash) != 0) {
        unlinkat(folder, name, 0);
    }
}

void objects_check(struct objects *objects)
{
    struct stat status;
    if (objects->fresh > 0 || fstatat(objects->fd, MARK, &status, AT_SYMLINK_NOFOLLOW) != 0) {
        return;
    }
    each(objects, check_one, &status.st_mtim);
    objects->fresh = FEW + 1;
    objects_sync(objects, NULL);
}
