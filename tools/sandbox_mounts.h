/* sandbox_mounts: whether bubblewrap mounted what it was asked to.
 *
 * bubblewrap takes names, and between the moment when a name was looked at and the moment when it
 * is mounted, a job that runs in the same workspace may have put a link in its place: the mount
 * would then show what lies elsewhere, or lie elsewhere itself. So the first stage writes down each
 * mount that it asks for together with the mounts of the host, and the second compares before it
 * goes on. Pure, but for the memory.
 */
#ifndef CARAT_TOOLS_SANDBOX_MOUNTS_H
#define CARAT_TOOLS_SANDBOX_MOUNTS_H

#include <stdbool.h>
#include <stddef.h>

struct err;
struct str;

/* What is to be found where; the letters stand in the list. */
enum sandbox_mount {
    SANDBOX_MOUNT_SAME = 'w',     /* the host's own file or folder of that name */
    SANDBOX_MOUNT_FIXED = 'r',    /* the same, read-only */
    SANDBOX_MOUNT_OPTIONAL = 'o', /* the same, or nothing where the host has nothing */
    SANDBOX_MOUNT_EMPTY = 't',    /* a private folder in memory */
    SANDBOX_MOUNT_NOTHING = 'n',  /* /dev/null */
    SANDBOX_MOUNT_OWN = 'd',      /* bubblewrap's own /dev and /proc: whatever is in them */
};

/* Appends to a list that begins empty. `path` is absolute, without a link in it. */
void sandbox_mounts_expect(struct str *list, enum sandbox_mount mount, const char *path);

/* `host` and `inside`: the texts of /proc/self/mountinfo, before and after; `list`: `length` bytes.
 * False with ERR_UNAVAILABLE, which names the path, where what is there is not what was asked for,
 * or where something is mounted that nobody asked for. */
bool sandbox_mounts_check(const char *host, const char *inside, const char *list, size_t length,
                          struct err *err);

#endif
