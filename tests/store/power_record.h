/* power_record: all that the store does to its files, in order, as a list.
 *
 * A SQLite VFS that stands before the system's own and passes everything on. Writes, cuts, syncs,
 * births and deaths of files are noted, and when SQLite syncs the folder. The list lies in shared
 * memory, so that a child may write and its parent read once the child has ended.
 */
#ifndef CARAT_TESTS_STORE_POWER_RECORD_H
#define CARAT_TESTS_STORE_POWER_RECORD_H

#include <stddef.h>
#include <stdint.h>

enum power_event_kind {
    POWER_CREATE,
    POWER_WRITE,
    POWER_TRUNCATE,
    POWER_SYNC,
    POWER_DELETE,
    POWER_SYNC_FOLDER
};

enum { POWER_FILES = 1024, POWER_NAME = 64 };

struct power_event {
    enum power_event_kind kind;
    int file;       /* a number that is never used again, as an inode is; unused for SYNC_FOLDER */
    int64_t offset; /* for TRUNCATE the new size */
    size_t length;
    const unsigned char *bytes;
};

struct power_record {
    struct power_event *events;
    size_t count;
    char names[POWER_FILES][POWER_NAME]; /* of files by number, without the folder */
    int file_count;
};

/* Makes an empty record; call it before fork. It lives until the process ends. */
struct power_record *power_record_create(void);

/* From here on this process's SQLite notes what it does in `folder`. Once a process. */
void power_record_start(struct power_record *record, const char *folder);

/* Shared memory that lives as long as the record. */
void *power_record_take(size_t size);

#endif
