#include "agent/quarantine_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"

enum { MODE_BITS = 07777, FLAGS = O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW };

/* Gone, or no folder: then nothing in it can be run. All else is no answer. */
static bool is_missing(int cause)
{
    return cause == ENOENT || cause == ENOTDIR || cause == ELOOP;
}

static void set_mode(int fd, mode_t mode)
{
    char link[48];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd); /* fchmod refuses what is only a path */
    (void)!chmod(link, mode & MODE_BITS);
}

static bool allows(int fd, int want)
{
    return faccessat(fd, ".", want, AT_EACCESS) == 0;
}

/* -1, or what it gets back. */
static int open_up(int fd, int want)
{
    struct stat status;
    if (allows(fd, want) || fstat(fd, &status) != 0) {
        return -1;
    }
    set_mode(fd, status.st_mode | S_IRWXU);
    return (int)status.st_mode;
}

static void shut_again(int fd, int mode)
{
    if (mode >= 0) {
        set_mode(fd, (mode_t)mode);
    }
}

bool quarantine_folder_take(struct quarantine_folder *folder, int fd, int want)
{
    if ((fcntl(fd, F_GETFL) & O_PATH) == 0 && allows(fd, want)) {
        *folder = (struct quarantine_folder){.fd = fd, .mode = -1};
        return true;
    }
    int mode = open_up(fd, want);
    int next = openat(fd, ".", O_RDONLY | FLAGS);
    *folder = (struct quarantine_folder){.fd = next, .mode = mode};
    if (next < 0 || !allows(next, want)) {
        int cause = errno;
        shut_again(fd, mode);
        if (next >= 0) {
            close(next);
        }
        errno = cause;
        *folder = (struct quarantine_folder){.fd = -1, .mode = -1, .shut = true};
    }
    int cause = errno;
    close(fd);
    errno = cause;
    return !folder->shut;
}

bool quarantine_folder_open(struct quarantine_folder *folder, int above, const char *name, int want)
{
    int fd = openat(above, name, O_RDONLY | FLAGS);
    if (fd < 0 && !is_missing(errno)) {
        fd = openat(above, name, O_PATH | FLAGS);
    }
    if (fd >= 0) {
        return quarantine_folder_take(folder, fd, want);
    }
    *folder = (struct quarantine_folder){.fd = -1, .mode = -1, .shut = !is_missing(errno)};
    return false;
}

/* Into a folder, also through one that forbids it. */
static int step(int folder, const char *name)
{
    int next = openat(folder, name, O_PATH | FLAGS);
    if (next < 0 && errno == EACCES) {
        int mode = open_up(folder, X_OK);
        next = openat(folder, name, O_PATH | FLAGS);
        int cause = errno;
        shut_again(folder, mode);
        errno = cause;
    }
    return next;
}

bool quarantine_folder_is_since(const struct timespec *changed, const struct timespec *since)
{
    return changed->tv_sec > since->tv_sec ||
           (changed->tv_sec == since->tv_sec && changed->tv_nsec >= since->tv_nsec);
}

static void keep_newest(struct timespec *changed, int fd)
{
    struct stat status;
    if (changed != NULL && fd >= 0 && fstat(fd, &status) == 0 &&
        quarantine_folder_is_since(&status.st_ctim, changed)) {
        *changed = status.st_ctim;
    }
}

bool quarantine_folder_reach(struct quarantine_folder *folder, const char *root, const char *path,
                             size_t length, int want, struct timespec *changed)
{
    size_t at = strlen(root);
    *folder = (struct quarantine_folder){.fd = -1, .mode = -1};
    int fd = open(root, O_PATH | FLAGS);
    while (fd >= 0) {
        at += strspn(path + at, "/");
        if (at >= length) {
            return quarantine_folder_take(folder, fd, want);
        }
        size_t end = at + strcspn(path + at, "/");
        char *name = mem_strndup(path + at, end - at);
        int next = step(fd, name), cause = errno;
        keep_newest(changed, next);
        mem_free(name);
        close(fd);
        errno = cause;
        fd = next;
        at = end;
    }
    folder->shut = !is_missing(errno);
    return false;
}

const struct dirent *quarantine_folder_next(struct quarantine_folder *folder)
{
    const struct dirent *entry = NULL;
    if (folder->entries == NULL && !folder->shut) {
        folder->entries = fdopendir(folder->fd);
        folder->shut = folder->entries == NULL;
    }
    do {
        errno = 0;
        entry = folder->entries != NULL ? readdir(folder->entries) : NULL;
    } while (entry != NULL &&
             (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0));
    folder->shut = folder->shut || (entry == NULL && errno != 0);
    return entry;
}

void quarantine_folder_close(struct quarantine_folder *folder)
{
    if (folder->fd < 0) {
        return;
    }
    shut_again(folder->fd, folder->mode);
    if (folder->entries != NULL) {
        closedir(folder->entries); /* and what it reads from */
    } else {
        close(folder->fd);
    }
    folder->fd = -1;
    folder->entries = NULL;
}
