/* quarantine_folder: folders beneath a root, also those that forbid to be looked into.
 *
 * A command owns what it makes and can take its own permissions away (`chmod 311`): then the names
 * in it cannot be listed, but programs that know them find them. Such a folder is opened up for the
 * time that it is open here, and gets its permissions back. No link is followed. A part of
 * quarantine.c.
 */
#ifndef CARAT_AGENT_QUARANTINE_FOLDER_H
#define CARAT_AGENT_QUARANTINE_FOLDER_H

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>
#include <unistd.h>

enum { QUARANTINE_LOOK = R_OK | X_OK, QUARANTINE_CHANGE = R_OK | W_OK | X_OK };

struct quarantine_folder {
    int fd;       /* -1: not open */
    int mode;     /* that it gets back; -1: it was not changed */
    bool shut;    /* it is there, but not to be looked into, or not to the end */
    DIR *entries; /* once the first was asked for */
};

/* `want`: one of the above. False when it is not open; errno says why, `shut` whether it is there.
 * `above`: what holds it, itself to be looked into, or AT_FDCWD. */
bool quarantine_folder_open(struct quarantine_folder *folder, int above, const char *name,
                            int want);
/* The same of what is open already, maybe for nothing but its place; takes `fd`. */
bool quarantine_folder_take(struct quarantine_folder *folder, int fd, int want);
/* Beneath `root`, the first `length` bytes of `path`, which begins with it: one component after the
 * other, because it may have become another one since it was found. `changed` (may be NULL) gets
 * the newest time of change of the folders below the root on the way. */
bool quarantine_folder_reach(struct quarantine_folder *folder, const char *root, const char *path,
                             size_t length, int want, struct timespec *changed);
/* What is in it, without "." and ".."; NULL at the end, and after an error (`shut`). */
const struct dirent *quarantine_folder_next(struct quarantine_folder *folder);
void quarantine_folder_close(struct quarantine_folder *folder);

/* Whether a time of change is `since` or later. */
bool quarantine_folder_is_since(const struct timespec *changed, const struct timespec *since);

#endif
