#include "reserve.h"

#include <fcntl.h>
#include <stdint.h>

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/str.h"

static void reserve_path(struct str *path, const char *store_path)
{
    str_init(path);
    str_append(path, store_path);
    str_append(path, ".reserve");
}

static bool is_whole(const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0 && S_ISREG(status.st_mode) && status.st_size >= RESERVE_SIZE;
}

static bool has_room(const char *store_path)
{
    struct statvfs status;
    return statvfs(store_path, &status) == 0 &&
           (uint64_t)status.f_bavail * status.f_frsize >= 2 * (uint64_t)RESERVE_SIZE;
}

static bool make(const char *path)
{
    /* What is there is a piece from a start that was killed. */
    unlink(path);
    int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
    if (fd < 0) {
        return false;
    }
    bool made = posix_fallocate(fd, 0, RESERVE_SIZE) == 0;
    close(fd);
    if (!made) {
        unlink(path);
    }
    return made;
}

bool reserve_keep(const char *store_path)
{
    struct str path;
    reserve_path(&path, store_path);
    bool kept = is_whole(path.data) || (has_room(store_path) && make(path.data));
    str_finish(&path);
    return kept;
}

bool reserve_give_up(const char *store_path)
{
    struct str path;
    reserve_path(&path, store_path);
    bool freed = is_whole(path.data) && unlink(path.data) == 0;
    str_finish(&path);
    return freed;
}
