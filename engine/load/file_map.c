/* file_map: see file_map.h. */
#include "load/file_map.h"

#include <errno.h>
#include <stdint.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"

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
    size_t size = (size_t)status.st_size;
    void *bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (bytes == MAP_FAILED) {
        return err_errno(err, ERR_IO, "%s: mapping %zu bytes", shown, size);
    }
    *map = (struct file_map){.bytes = bytes,
                             .size = size,
                             .device = (uint64_t)status.st_dev,
                             .inode = (uint64_t)status.st_ino};
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
    bool ok = map_file(map, fd, shown, err);
    close(fd);
    return ok;
}

void file_map_close(struct file_map *map)
{
    if (map->bytes != NULL) {
        munmap((void *)(uintptr_t)map->bytes, map->size);
    }
    *map = (struct file_map){0};
}
