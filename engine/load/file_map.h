/* file_map: a file mapped privately and read-only.
 *
 * Somebody who shortens a file that is in use takes pages away from under us; that is the model
 * owner's to notice (a lease or a SIGBUS handler), not ours: here the size is asked for once, from
 * the descriptor that is mapped.
 */
#ifndef CARAT_LOAD_FILE_MAP_H
#define CARAT_LOAD_FILE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

struct file_map {
    const unsigned char *bytes;
    size_t size;            /* 1 or more */
    uint64_t device, inode; /* which file it is */
};

/* Regular files that are not empty only. `shown` is the name for messages. ERR_NOT_FOUND when there
 * is no such file. Untouched on failure. */
bool file_map_open(struct file_map *map, const char *path, const char *shown, struct err *err);
/* Does nothing for a map of zeros. */
void file_map_close(struct file_map *map);

#endif
