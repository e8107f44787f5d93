/* objects: the contents of files, each once, under the name of its hash.
 *
 * A folder of plain files (xx/rest-of-the-hash) that only carat reads. An object is there when its
 * size is right; its content is checked when it is taken out, so that what a power failure damaged
 * is noticed and never written back. From the first new object until objects_sync a mark lies
 * beside them: when it is found, what came after it is checked once. No lock of its own: who writes
 * holds the snapshots' lock.
 */
#ifndef CARAT_UNDO_OBJECTS_H
#define CARAT_UNDO_OBJECTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"

struct err;
struct str;

struct objects {
    char *folder;
    int fd;
    bool made[256]; /* the folder xx is there */
    unsigned fresh; /* objects since the last objects_sync, as far as that counts */
};

bool objects_open(struct objects *objects, const char *folder, struct err *err);
void objects_close(struct objects *objects);

/* The hash of an open regular file's content and how many bytes it has; offset untouched. ERR_LIMIT
 * when it has grown over `limit` bytes: who goes on writing to it must not hold us. */
bool objects_hash(int fd, int64_t limit, unsigned char hash[HASH_BYTES], int64_t *size,
                  struct err *err);

/* Keeps the content of an open regular file; a clone where the file system can. `added` grows by
 * the bytes that are new. ERR_UNAVAILABLE when it kept changing meanwhile, ERR_LIMIT as above. */
bool objects_put(struct objects *objects, int fd, int64_t limit, unsigned char hash[HASH_BYTES],
                 int64_t *size, int64_t *added, struct err *err);

/* Writes the content to an open file. ERR_NOT_FOUND when it was not kept, ERR_FORMAT when it is
 * damaged; what was written then is of no use. */
bool objects_copy_out(struct objects *objects, const unsigned char hash[HASH_BYTES], int64_t size,
                      int to, struct err *err);
bool objects_read(struct objects *objects, const unsigned char hash[HASH_BYTES], size_t limit,
                  struct str *out, struct err *err);

/* Before anything is written that refers to what was put. */
bool objects_sync(struct objects *objects, struct err *err);
/* With the lock newly ours: deletes what a power failure damaged. */
void objects_check(struct objects *objects);

/* Bytes of all objects. */
int64_t objects_total(struct objects *objects);
/* Deletes what `keep` says no to. */
void objects_sweep(struct objects *objects,
                   bool (*keep)(void *context, const char hash[2 * HASH_BYTES + 1]), void *context);

#endif
