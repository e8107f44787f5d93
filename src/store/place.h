/* place: the folder and the file a store lives in, looked at before SQLite is let near them.
 *
 * SQLite would make the file readable for others (umask) and say "unable to open database file" for
 * everything; here the mode is 0600 from birth and the error names what is wrong with which path.
 * The database itself is never opened here when it exists: closing any descriptor of a file drops
 * all POSIX locks that this process holds on it, SQLite's too.
 */
#ifndef CARAT_STORE_PLACE_H
#define CARAT_STORE_PLACE_H

#include <stdbool.h>

struct err;

/* Checks that the folder of `path` exists and may be written; makes an empty file with mode 0600
 * when there is none; else checks that it is a regular file that may be written, and takes the
 * rights of others away. */
bool place_prepare(const char *path, struct err *err);

/* True on file systems whose shared memory or locks cannot carry a write-ahead log: by the magic
 * number of statfs(2). */
bool place_is_network(const char *path);
bool place_magic_is_network(unsigned long magic);

#endif
