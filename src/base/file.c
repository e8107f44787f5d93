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

/* A device or a pipe is written to: a file in its place would be no /dev/null any more. */
static bool is_stream(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && (S_ISCHR(status.st_mode) || S_ISFIFO(status.st_mode));
}

static bool write_stream(const char *path, const void *data, size_t size, struct err *err)
{
    int fd = open(path, O_WRONLY | O_NOCTTY | O_CLOEXEC);
    bool ok = fd >= 0 && file_write_all(fd, data, size);
    if (!ok) {
        err_errno(err, ERR_IO, "writing %s", path);
    }
    if (fd >= 0) {
        close(fd);
    }
    return ok;
}

bool file_replace(const char *path, const void *data, size_t size, struct err *err)
{
    char temporary[PATH_MAX];
    if (is_stream(path)) {
        return write_stream(path, data, size, err);
    }
    if (snprintf(temporary, sizeof temporary, "%s.XXXXXX", path) >= (int)sizeof temporary) {
        return err_set(err, ERR_ARGUMENT, "path too long: %s", path);
    }
    int fd = mkstemp(temporary);
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
