#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "err.h"
#include "str.h"

static bool read_all(int fd, const char *path, size_t limit, struct str *out, struct err *err)
{
    size_t start = out->length;
    for (;;) {
        str_reserve(out, 64 * 1024);
        ssize_t got = read(fd, out->data + out->length, 64 * 1024);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return err_errno(err, ERR_IO, "reading %s", path);
        }
        if (got == 0) {
            return true;
        }
        out->length += (size_t)got;
        out->data[out->length] = '\0';
        if (out->length - start > limit) {
            return err_set(err, ERR_LIMIT, "%s is larger than %zu bytes", path, limit);
        }
    }
}

bool file_read_open(int fd, const char *path, size_t limit, struct str *out, struct err *err)
{
    struct stat status;
    bool ok = fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
    if (!ok) {
        err_set(err, ERR_ARGUMENT, "%s is not a regular file", path);
    }
    size_t start = out->length;
    ok = ok && read_all(fd, path, limit, out, err);
    if (!ok) {
        str_truncate(out, start);
    }
    return ok;
}

bool file_read(const char *path, size_t limit, struct str *out, struct err *err)
{
    /* O_NONBLOCK: opening a FIFO must not hang before fstat can refuse it. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return err_errno(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "opening %s", path);
    }
    bool ok = file_read_open(fd, path, limit, out, err);
    close(fd);
    return ok;
}

bool file_write_all(int fd, const void *data, size_t size)
{
    const char *at = data;
    while (size > 0) {
        ssize_t written = write(fd, at, size);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written < 0) {
            return false;
        }
        at += written;
        size -= (size_t)written;
    }
    return true;
}

bool file_may_replace(const char *path)
{
    struct stat status;
    return stat(path, &status) != 0 || S_ISREG(status.st_mode);
}

static bool write_into(const char *path, const void *data, size_t size, struct err *err)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    bool ok = fd >= 0 && file_write_all(fd, data, size);
    ok = ok || err_errno(err, ERR_IO, "writing %s", path);
    if (fd >= 0) {
        close(fd);
    }
    return ok;
}

/* Mode 0600; with `mode` that of the file in whose place it is put, or else `mode` less the umask.
 */
static int make_beside(const char *path, const mode_t *mode, char *temporary)
{
    struct stat there;
    int fd = mkstemp(temporary);
    if (fd < 0 || mode == NULL) {
        return fd;
    }
    if (lstat(path, &there) == 0 && S_ISREG(there.st_mode)) {
        fchmod(fd, there.st_mode & 0777); /* where files have none it is not missed */
        return fd;
    }
    /* Only where a file is made is the umask known that no other thread has just changed. */
    close(fd);
    unlink(temporary);
    return open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, *mode);
}

static bool replace(const char *path, const mode_t *mode, const void *data, size_t size,
                    struct err *err)
{
    if (!file_may_replace(path)) {
        return write_into(path, data, size, err);
    }
    char temporary[PATH_MAX];
    if (snprintf(temporary, sizeof temporary, "%s.XXXXXX", path) >= (int)sizeof temporary) {
        return err_set(err, ERR_ARGUMENT, "path too long: %s", path);
    }
    int fd = make_beside(path, mode, temporary);
    if (fd < 0) {
        return err_errno(err, ERR_IO, "creating a file beside %s", path);
    }
    bool ok = file_write_all(fd, data, size) && fsync(fd) == 0;
    ok = close(fd) == 0 && ok;
    ok = ok && rename(temporary, path) == 0;
    if (!ok) {
        err_errno(err, ERR_IO, "writing %s", path);
        unlink(temporary);
    }
    return ok;
}

bool file_replace(const char *path, const void *data, size_t size, struct err *err)
{
    return replace(path, NULL, data, size, err);
}

/* --- what the user names --- */

/* The folder that holds `path` is `within`, or lies in it. */
static bool lies_in(const char *path, const char *within)
{
    char folder[PATH_MAX], resolved[PATH_MAX], whole[PATH_MAX];
    const char *slash = strrchr(path, '/');
    int length = slash != NULL ? (int)(slash + 1 - path) : 2;
    if (snprintf(folder, sizeof folder, "%.*s", length, slash != NULL ? path : "./") != length ||
        realpath(folder, resolved) == NULL || realpath(within, whole) == NULL) {
        return false;
    }
    size_t size = strlen(whole);
    return strcmp(whole, "/") == 0 || (strncmp(resolved, whole, size) == 0 &&
                                       (resolved[size] == '\0' || resolved[size] == '/'));
}

bool file_follow(const char *path, const char *within, struct str *out, struct err *err)
{
    enum { LINKS_MAX = 40 };
    char target[PATH_MAX];
    size_t start = out->length;
    ssize_t length = 0;
    str_append(out, path);
    if (!file_may_replace(path)) {
        return true; /* as /dev/stdout on a pipe, whose link leads to no name */
    }
    for (int links = 0; links < LINKS_MAX; links++) {
        const char *last = strrchr(out->data + start, '/');
        length = readlink(out->data + start, target, sizeof target);
        if (length < 0 || length == (ssize_t)sizeof target) {
            break;
        }
        str_truncate(out,
                     target[0] == '/' || last == NULL ? start : (size_t)(last + 1 - out->data));
        str_append_bytes(out, target, (size_t)length);
    }
    if (length >= 0) {
        return err_set(err, ERR_ARGUMENT, "%s: too many links, or too long ones", path);
    }
    const char *found = out->data + start;
    return within == NULL || !lies_in(path, within) || lies_in(found, within) ||
           err_set(err, ERR_DENIED,
                   "%s is a link that leads out of this folder, where tools may make one: if %s is "
                   "meant, name that",
                   path, found);
}

bool file_replace_as(const char *path, mode_t mode, const void *data, size_t size, struct err *err)
{
    struct stat there, open_already;
    for (int fd = STDOUT_FILENO; stat(path, &there) == 0 && fd <= STDERR_FILENO; fd++) {
        if (fstat(fd, &open_already) == 0 && open_already.st_dev == there.st_dev &&
            open_already.st_ino == there.st_ino) {
            return file_write_all(fd, data, size) || err_errno(err, ERR_IO, "writing %s", path);
        }
    }
    return replace(path, &mode, data, size, err);
}

bool file_write_named(const char *path, const char *within, const void *data, size_t size,
                      struct err *err)
{
    struct str target;
    str_init(&target);
    bool ok = file_follow(path, within, &target, err) &&
              file_replace_as(target.data, 0666, data, size, err);
    str_finish(&target);
    return ok;
}

bool file_make_directories(const char *path, struct err *err)
{
    char partial[PATH_MAX];
    size_t length = strlen(path);
    if (length == 0 || length >= sizeof partial) {
        return err_set(err, ERR_ARGUMENT, "not a usable directory name: \"%s\"", path);
    }
    memcpy(partial, path, length + 1);
    for (size_t i = 1; i <= length; i++) {
        if (partial[i] != '/' && partial[i] != '\0') {
            continue;
        }
        partial[i] = '\0';
        if (mkdir(partial, 0700) != 0 && errno != EEXIST) {
            return err_errno(err, ERR_IO, "making directory %s", partial);
        }
        partial[i] = i == length ? '\0' : '/';
    }
    struct stat status;
    if (stat(path, &status) != 0 || !S_ISDIR(status.st_mode)) {
        return err_set(err, ERR_IO, "%s is not a directory", path);
    }
    return true;
}
