/* scan: what lies in the workspace now, and its contents into the object store.
 *
 * Walks beneath the roots one name at a time and through no symlink, from descriptors, so that
 * nothing that a command does meanwhile leads the walk elsewhere. A file whose device, inode, size
 * and both times are those of the snapshot before is not opened again: an unchanged tree costs a
 * walk. The kernel's clock for files is coarse, so a file that changed within RACY_MS before the
 * scan is read again the next time.
 *
 * Left out, each as an entry with the reason: .git (git keeps its own history, and half of a
 * repository is worse than none), folders marked as a cache by a CACHEDIR.TAG and names that the
 * user asked to skip, files over the limits, what cannot be read, devices, FIFOs and sockets. New
 * files are what the limit of all together leaves out, as long as there are some.
 * A folder that was kept before stays kept, whatever is put into it: no command can take a folder
 * out of the snapshots. Runs on whatever thread calls it.
 */
#ifndef CARAT_UNDO_SCAN_H
#define CARAT_UNDO_SCAN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "undo/objects.h"
#include "undo/tree.h"

struct err;
struct stat;

enum {
    SCAN_DEPTH_LIMIT = 128,
    SCAN_ENTRY_LIMIT = 200 * 1000,
    SCAN_PATH_LIMIT = 64 * 1024 * 1024 /* bytes of all paths, and of where links lead */
};

struct scan_names {
    char **items;
    size_t count;
};

struct scan_options {
    struct scan_names roots;        /* absolute, without links, none inside another */
    struct scan_names skip;         /* names of folders that the user left out */
    struct scan_names hidden;       /* absolute: carat's own folders */
    int64_t file_limit, tree_limit; /* bytes of one file; of all together */
    const atomic_bool *stop;        /* ERR_CANCELLED when it becomes true */
};

/* `known`: the snapshot before. `out`: initialised and empty. ERR_LIMIT when there are more than
 * SCAN_ENTRY_LIMIT entries, or their paths are over SCAN_PATH_LIMIT. */
bool scan_run(const struct scan_options *options, struct objects *objects, const struct tree *known,
              struct tree *out, struct err *err);

/* The time of the last change of a thing itself, as entries carry it. */
int64_t scan_changed_ns(const struct stat *status);

/* What `name` in the open folder is now, "." that folder; ABSENT is no failure. The content is
 * hashed, not kept; that of a file over `file_limit`, or that cannot be read, is not: it is
 * LEFT_OUT. */
bool scan_look(int folder, const char *name, const char *path, int64_t file_limit,
               struct tree_entry *out, struct err *err);

#endif
