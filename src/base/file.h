/* file: whole small files, read and replaced with bounds and clear errors. */
#ifndef CARAT_BASE_FILE_H
#define CARAT_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>

struct err;
struct str;

/* Reads a regular file of at most `limit` bytes and appends it to `out`. Refuses anything that is
 * not a regular file. ERR_NOT_FOUND when there is none, ERR_LIMIT when it is larger. */
bool file_read(const char *path, size_t limit, struct str *out, struct err *err);

/* The same of what the caller has opened, and closes; `path` is what errors call it. */
bool file_read_open(int fd, const char *path, size_t limit, struct str *out, struct err *err);

/* Writes a temporary file beside `path`, syncs it, renames it over `path`. Mode 0600. What is a
 * device or a pipe already, /dev/null for one, is written to instead. */
bool file_replace(const char *path, const void *data, size_t size, struct err *err);

/* All of it, whatever one write takes and whichever signal interrupts. False: errno says why. */
bool file_write_all(int fd, const void *data, size_t size);

/* mkdir -p with mode 0700 for what it makes. */
bool file_make_directories(const char *path, struct err *err);

#endif
