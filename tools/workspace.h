/* workspace: files beneath one root, and never above it.
 *
 * Paths from the model are first normalised as text ("." and "//" go, ".." takes the name before it
 * away), so that the path that is shown, checked and remembered is the path that is opened. Then
 * the kernel resolves it (openat2 with RESOLVE_BENEATH and RESOLVE_NO_MAGICLINKS) from a descriptor
 * of the root, so that no symlink, however it is swapped while we look, leads outside. Reading
 * follows symlinks that stay beneath the root; writing goes through none at all. An absolute path
 * that lies inside the root is accepted and made relative. Only regular files and directories are
 * opened; FIFOs, devices and sockets are refused without blocking.
 *
 * One thread. All memory is checked; paths live in fixed buffers of WORKSPACE_PATH_LIMIT bytes.
 */
#ifndef CARAT_TOOLS_WORKSPACE_H
#define CARAT_TOOLS_WORKSPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct workspace;

/* A path with its NUL: the kernel's own limit. */
enum { WORKSPACE_PATH_LIMIT = 4096 };

/* ERR_UNAVAILABLE when the kernel, or a filter of the sandbox, has no openat2. */
struct workspace *workspace_open(const char *root, struct err *err);
void workspace_close(struct workspace *workspace);
/* A further directory in which files may be read and (not `only_read`) written, by their absolute
 * paths. It must exist; symlinks in `root` itself are followed. */
bool workspace_add(struct workspace *workspace, const char *root, bool only_read, struct err *err);

/* The path as shown to the model: relative to the root, normalised, "." for the root itself.
 * ERR_DENIED when it leads above the root, ERR_LIMIT when it is too long. */
bool workspace_relative(const struct workspace *workspace, const char *path,
                        char out[WORKSPACE_PATH_LIMIT], struct err *err);

/* Why nobody may write this normalised path ("holds git's hooks ..."); NULL when one may. Names
 * that other programs run or obey when they find them: kept from the model, whatever the case of
 * the letters. The same in each root: of its own path nothing counts. */
const char *workspace_protected(const struct workspace *workspace, const char *relative);

/* Descriptors with O_CLOEXEC; -1 on failure. ERR_NOT_FOUND when there is nothing of that name,
 * ERR_DENIED when it leads outside, ERR_ARGUMENT when it is something else. */
int workspace_open_file(struct workspace *workspace, const char *path, struct err *err);
int workspace_open_directory(struct workspace *workspace, const char *path, struct err *err);

/* What a regular file was when it was looked at: enough to tell that it changed. Files over
 * WORKSPACE_HASH_LIMIT are not hashed; for them size, time and inode must do. */
#define WORKSPACE_HASH_LIMIT ((int64_t)64 * 1024 * 1024)
struct workspace_state {
    uint64_t device, inode;
    int64_t size, modified_ns;
    uint64_t hash; /* FNV-1a of the content; 0 when it was not hashed */
};
/* Reads the file in pieces; leaves its offset alone. */
bool workspace_state_of(int fd, struct workspace_state *state, struct err *err);
/* Of content that is about to be written: size and hash only. */
void workspace_state_of_bytes(const void *data, size_t size, struct workspace_state *state);

/* Replaces or creates a regular file: a temporary file in the same directory, synced, renamed.
 * `expected` is what the file is known to be, and NULL says that there must be none yet: a file
 * that changed or appeared meanwhile is not overwritten (ERR_DENIED). Missing parent directories
 * are made for a new file. Refuses protected names, symlinks anywhere in the path, hard-linked
 * files (more than one name) and anything that is not a regular file. Owner and group, the
 * permission bits, the access list and the user's extended attributes are kept from a file that
 * exists; where one cannot be, it is left alone. */
bool workspace_write_file(struct workspace *workspace, const char *path, const void *data,
                          size_t size, const struct workspace_state *expected, struct err *err);

/* What was read in this conversation, by normalised path; at most WORKSPACE_SEEN_LIMIT files, the
 * oldest is forgotten first. With no memory left the file is not remembered, which is safe: it has
 * to be read again before it may be changed. */
enum { WORKSPACE_SEEN_LIMIT = 4096 };
void workspace_remember(struct workspace *workspace, const char *relative,
                        const struct workspace_state *state);
enum workspace_seen { WORKSPACE_UNSEEN, WORKSPACE_STALE, WORKSPACE_FRESH };
/* Compares what is on disk now (`state`) with what was read. */
enum workspace_seen workspace_seen(const struct workspace *workspace, const char *relative,
                                   const struct workspace_state *state);

#endif
