/* file: whole small files, read and replaced with bounds and clear errors. */
#ifndef CARAT_BASE_FILE_H
#define CARAT_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct err;
struct str;

/* Reads a regular file of at most `limit` bytes and appends it to `out`. Refuses anything that is
 * not a regular file. ERR_NOT_FOUND when there is none, ERR_LIMIT when it is larger. */
bool file_read(const char *path, size_t limit, struct str *out, struct err *err);

/* The same of what the caller has opened, and closes; `path` is what errors call it. */
bool file_read_open(int fd, const char *path, size_t limit, struct str *out, struct err *err);

/* Whether a new file may take that name: nothing is there, or a regular file. A device or a pipe in
 * whose place a file is put is lost to everybody: root would take /dev/null away. */
bool file_may_replace(const char *path);

/* Writes a temporary file beside `path`, syncs it, renames it over `path`. Mode 0600. What is there
 * and no regular file (a device, a pipe, /dev/stdout) is written to as it is. */
bool file_replace(const char *path, const void *data, size_t size, struct err *err);

/* Where a file is written that the user names: behind its links, also where nothing is yet.
 * Appended to `out`. ERR_DENIED: a link in the folder `within`, where tools may have made it, leads
 * out of that; NULL = any may. */
bool file_follow(const char *path, const char *within, struct str *out, struct err *err);

/* file_replace for such a place: what is there keeps its mode, a new file gets `mode` less the
 * umask, and what is standard output or error already is written there. */
bool file_replace_as(const char *path, mode_t mode, const void *data, size_t size, struct err *err);

/* Both, for an output that anybody may read whom the umask lets. */
bool file_write_named(const char *path, const char *within, const void *data, size_t size,
                      struct err *err);

/* All of it, whatever one write takes and whichever signal interrupts. False: errno says why. */
bool file_write_all(int fd, const void *data, size_t size);

/* mkdir -p with mode 0700 for what it makes. */
bool file_make_directories(const char *path, struct err *err);

#endif
