/* file_map: see file_map.h. */
#include "load/file_map.h"

#include <errno.h>
#include <stdint.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"

#include "load/map_guard.h"

static bool map_file(struct file_map *map, int fd, const char *shown, struct err *err)
{
    struct stat status;
    if (fstat(fd, &status) != 0) {
        return err_errno(err, ERR_IO, "%s: asking for its size", shown);
    }
    if (!S_ISREG(status.st_mode)) {
        return err_set(err, ERR_FORMAT, "%s: not a regular file", shown);
    }
    if (status.st_size == 0) {
        return err_set(err, ERR_FORMAT, "%s: the file is empty", shown);
    }
    if ((uintmax_t)status.st_size > SIZE_MAX) {
        return err_set(err, ERR_LIMIT, "%s: too large to be mapped", shown);
    }
    struct file_map made = {.size = (size_t)status.st_size,
                            .device = (uint64_t)status.st_dev,
                            .inode = (uint64_t)status.st_ino,
                            .descriptor = fd,
                            .modified = status.st_mtim};
    void *bytes = mmap(NULL, made.size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (bytes == MAP_FAILED) {
        return err_errno(err, ERR_IO, "%s: mapping %zu bytes", shown, made.size);
    }
    /* A file that is not in memory yet is then read, and mapped, two megabytes at a time where the
     * system can: weights come an eighth faster from such pages. Elsewhere nothing changes. */
    madvise(bytes, made.size, MADV_HUGEPAGE);
    made.bytes = bytes;
    if (!map_guard_add(bytes, made.size, &made.guard, err)) {
        munmap(bytes, made.size);
        return err_prefix(err, "%s", shown);
    }
    *map = made;
    return true;
}

bool file_map_open(struct file_map *map, const char *path, const char *shown, struct err *err)
{
    /* O_NONBLOCK: opening a FIFO would wait for a writer before fstat could refuse it. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        return err_errno(err, errno == ENOENT || errno == ENOTDIR ? ERR_NOT_FOUND : ERR_IO,
                         "%s: opening the model file", shown);
    }
    if (!map_file(map, fd, shown, err)) {
        close(fd);
        return false;
    }
    return true;
}

void file_map_close(struct file_map *map)
{
    if (map->bytes != NULL) {
        map_guard_remove(map->guard);
        munmap((void *)(uintptr_t)map->bytes, map->size);
        close(map->descriptor);
    }
    *map = (struct file_map){0};
}

bool file_map_is_broken(const struct file_map *map)
{
    return map_guard_is_broken(map->guard);
}

bool file_map_check(const struct file_map *map, const char *shown, struct err *err)
{
    struct stat status;
    bool same = !file_map_is_broken(map) && fstat(map->descriptor, &status) == 0 &&
                (uintmax_t)status.st_size == map->size &&
                status.st_mtim.tv_sec == map->modified.tv_sec &&
                status.st_mtim.tv_nsec == map->modified.tv_nsec;
    return same || err_set(err, ERR_IO, "%s: the file changed while it was in use", shown);
}

void file_map_read_sparsely(const struct file_map *map, size_t begin, size_t end)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    begin = (begin + page - 1) / page * page;
    end = end < map->size ? end / page * page : end; /* the last page is nobody else's */
    if (begin < end) {
        void *part = (void *)(uintptr_t)(map->bytes + begin);
        madvise(part, end - begin, MADV_NOHUGEPAGE);
        madvise(part, end - begin, MADV_RANDOM);
    }
}
