/* file_map: a file mapped privately and read-only, and whether it is still the same.
 *
 * The file may change while it is in use. Lost pages are caught by load/map_guard.h and read as
 * zeros; a file that was written anew in place is known by its size and its time of modification,
 * for which its descriptor stays open. A file that was replaced by another of its name is no
 * change: the mapping keeps the old one. Nothing here stops a reader: who hands out a result asks
 * file_map_is_broken or file_map_check first.
 */
#ifndef CARAT_LOAD_FILE_MAP_H
#define CARAT_LOAD_FILE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <time.h>

struct err;

struct file_map {
    const unsigned char *bytes;
    size_t size;            /* 1 or more */
    uint64_t device, inode; /* which file it is */
    int guard;
    int descriptor;
    struct timespec modified;
};

/* Regular files that are not empty only. `shown` is the name for messages. ERR_NOT_FOUND when there
 * is no such file. Untouched on failure. */
bool file_map_open(struct file_map *map, const char *path, const char *shown, struct err *err);
/* Does nothing for a map of zeros. */
void file_map_close(struct file_map *map);

/* Were pages missing? One atomic load, for the middle of a pass. */
bool file_map_is_broken(const struct file_map *map);
/* ERR_IO when pages were missing, or when the file has another size or time than when it was
 * opened. */
bool file_map_check(const struct file_map *map, const char *shown, struct err *err);

/* Of bytes[begin..end) only single places will be read: the system shall not read what lies around
 * them. Advice, so nothing can fail. */
void file_map_read_sparsely(const struct file_map *map, size_t begin, size_t end);

#endif
