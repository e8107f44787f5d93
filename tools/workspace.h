/* workspace: files beneath one root, and never above it.
 *
 * Paths from the model are resolved by the kernel (openat2 with RESOLVE_BENEATH and
 * RESOLVE_NO_MAGICLINKS) from a descriptor of the root, so that no "..", no absolute path and no
 * symlink, however it is swapped while we look, leads outside. An absolute path that lies inside
 * the root is accepted and made relative. Only regular files and directories are opened; FIFOs,
 * devices and sockets are refused without blocking.
 */
#ifndef CARAT_TOOLS_WORKSPACE_H
#define CARAT_TOOLS_WORKSPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct str;
struct workspace;

struct workspace *workspace_open(const char *root, struct err *err);
void workspace_close(struct workspace *workspace);
const char *workspace_root(const struct workspace *workspace);

/* The path as shown to the model: relative to the root, normalised, "." for the root itself. */
bool workspace_relative(const struct workspace *workspace, const char *path, struct str *out,
                        struct err *err);

/* Descriptors with O_CLOEXEC; -1 on failure. */
int workspace_open_file(struct workspace *workspace, const char *path, struct err *err);
int workspace_open_directory(struct workspace *workspace, const char *path, struct err *err);

/* Replaces or creates a regular file: a temporary file in the same directory, synced, renamed.
 * Missing parent directories are made. Refuses hard-linked files (more than one name) and anything
 * that is not a regular file. `mode` is kept from a file that exists. */
bool workspace_write_file(struct workspace *workspace, const char *path, const void *data,
                          size_t size, struct err *err);

/* What was read in this conversation: path -> a hash of the whole content and its identity. */
void workspace_remember(struct workspace *workspace, const char *relative, const void *data,
                        size_t size);
enum workspace_seen { WORKSPACE_UNSEEN, WORKSPACE_STALE, WORKSPACE_FRESH };
/* Compares what is on disk now with what was read. */
enum workspace_seen workspace_seen(struct workspace *workspace, const char *relative,
                                   const void *data, size_t size);

#endif
