#include "power_record.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <sys/mman.h>

#include <sqlite3.h>

#include "support.h"

enum { EVENTS_MAXIMUM = 200 * 1000 };
static const size_t ARENA_SIZE = (size_t)512 << 20; /* of addresses; pages come when touched */

static unsigned char *arena;
static size_t *arena_used; /* in the arena itself: a child's takings count for its parent */

static struct power_record *recording;
static const char *recorded_folder;
static bool live[POWER_FILES];
static sqlite3_vfs *real_vfs;
static sqlite3_vfs shim;
static int (*real_open_directory)(const char *path, int *fd);
static bool folder_was_opened;

struct file {
    sqlite3_file base;
    int number; /* -1: not noted */
    sqlite3_file *real;
};

/* --- the list --- */

void *power_record_take(size_t size)
{
    void *taken = arena + *arena_used;
    *arena_used += (size + 15) / 16 * 16;
    support_require(*arena_used <= ARENA_SIZE, "the record of the disk", "is full");
    return taken;
}

struct power_record *power_record_create(void)
{
    if (arena == NULL) {
        void *map = mmap(NULL, ARENA_SIZE, PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        support_require(map != MAP_FAILED, "mmap", strerror(errno));
        arena = map;
        arena_used = map;
        *arena_used = 16;
    }
    struct power_record *record = power_record_take(sizeof *record);
    record->events = power_record_take(EVENTS_MAXIMUM * sizeof *record->events);
    return record;
}

static void note(enum power_event_kind kind, int number, int64_t offset, const void *bytes,
                 size_t length)
{
    if (number < 0) {
        return;
    }
    support_require(recording->count < EVENTS_MAXIMUM, "events of the disk", "too many");
    unsigned char *copy = NULL;
    if (length > 0) {
        copy = power_record_take(length);
        memcpy(copy, bytes, length);
    }
    recording->events[recording->count++] =
        (struct power_event){kind, number, offset, length, copy};
}

/* The number of the file that bears this name now; -1 when it is none of ours. `born` makes one. */
static int number_of(const char *path, bool born)
{
    size_t length = strlen(recorded_folder);
    if (path == NULL || strncmp(path, recorded_folder, length) != 0 || path[length] != '/') {
        return -1;
    }
    const char *name = path + length + 1;
    for (int i = 0; i < recording->file_count; i++) {
        if (live[i] && strcmp(recording->names[i], name) == 0) {
            return i;
        }
    }
    if (!born) {
        return -1;
    }
    int number = recording->file_count++;
    support_require(number < POWER_FILES && strlen(name) < POWER_NAME, "files of the disk", name);
    memcpy(recording->names[number], name, strlen(name) + 1);
    live[number] = true;
    note(POWER_CREATE, number, 0, NULL, 0);
    return number;
}

static int open_directory(const char *path, int *fd)
{
    folder_was_opened = true;
    return real_open_directory(path, fd);
}

/* --- one file --- */

static sqlite3_file *real_of(sqlite3_file *file)
{
    return ((struct file *)file)->real;
}

static int close_file(sqlite3_file *file)
{
    return real_of(file)->pMethods->xClose(real_of(file));
}

static int read_file(sqlite3_file *file, void *bytes, int length, sqlite3_int64 offset)
{
    return real_of(file)->pMethods->xRead(real_of(file), bytes, length, offset);
}

static int write_file(sqlite3_file *file, const void *bytes, int length, sqlite3_int64 offset)
{
    int code = real_of(file)->pMethods->xWrite(real_of(file), bytes, length, offset);
    if (code == SQLITE_OK) {
        note(POWER_WRITE, ((struct file *)file)->number, offset, bytes, (size_t)length);
    }
    return code;
}

static int truncate_file(sqlite3_file *file, sqlite3_int64 size)
{
    int code = real_of(file)->pMethods->xTruncate(real_of(file), size);
    if (code == SQLITE_OK) {
        note(POWER_TRUNCATE, ((struct file *)file)->number, size, NULL, 0);
    }
    return code;
}

static int sync_file(sqlite3_file *file, int flags)
{
    folder_was_opened = false;
    int code = real_of(file)->pMethods->xSync(real_of(file), flags);
    if (code == SQLITE_OK) {
        note(POWER_SYNC, ((struct file *)file)->number, 0, NULL, 0);
        if (folder_was_opened) {
            note(POWER_SYNC_FOLDER, 0, 0, NULL, 0);
        }
    }
    return code;
}

static int file_size(sqlite3_file *file, sqlite3_int64 *size)
{
    return real_of(file)->pMethods->xFileSize(real_of(file), size);
}

static int lock_file(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xLock(real_of(file), level);
}

static int unlock_file(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xUnlock(real_of(file), level);
}

static int check_reserved_lock(sqlite3_file *file, int *held)
{
    return real_of(file)->pMethods->xCheckReservedLock(real_of(file), held);
}

static int file_control(sqlite3_file *file, int operation, void *argument)
{
    return real_of(file)->pMethods->xFileControl(real_of(file), operation, argument);
}

static int sector_size(sqlite3_file *file)
{
    return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int device_characteristics(sqlite3_file *file)
{
    return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

static int shm_map(sqlite3_file *file, int region, int size, int extend, void volatile **map)
{
    return real_of(file)->pMethods->xShmMap(real_of(file), region, size, extend, map);
}

static int shm_lock(sqlite3_file *file, int offset, int count, int flags)
{
    return real_of(file)->pMethods->xShmLock(real_of(file), offset, count, flags);
}

static void shm_barrier(sqlite3_file *file)
{
    real_of(file)->pMethods->xShmBarrier(real_of(file));
}

static int shm_unmap(sqlite3_file *file, int delete_it)
{
    return real_of(file)->pMethods->xShmUnmap(real_of(file), delete_it);
}

static const sqlite3_io_methods METHODS = {
    .iVersion = 2,
    .xClose = close_file,
    .xRead = read_file,
    .xWrite = write_file,
    .xTruncate = truncate_file,
    .xSync = sync_file,
    .xFileSize = file_size,
    .xLock = lock_file,
    .xUnlock = unlock_file,
    .xCheckReservedLock = check_reserved_lock,
    .xFileControl = file_control,
    .xSectorSize = sector_size,
    .xDeviceCharacteristics = device_characteristics,
    .xShmMap = shm_map,
    .xShmLock = shm_lock,
    .xShmBarrier = shm_barrier,
    .xShmUnmap = shm_unmap,
};

/* --- files by name --- */

static int open_file(sqlite3_vfs *vfs, const char *path, sqlite3_file *out, int flags,
                     int *out_flags)
{
    (void)vfs;
    struct file *file = (struct file *)out;
    file->base.pMethods = NULL;
    file->real = (sqlite3_file *)(file + 1);
    int code = real_vfs->xOpen(real_vfs, path, file->real, flags, out_flags);
    if (file->real->pMethods != NULL) {
        file->base.pMethods = &METHODS;
        file->number = number_of(path, code == SQLITE_OK);
    }
    return code;
}

static int delete_file(sqlite3_vfs *vfs, const char *path, int sync_folder)
{
    (void)vfs;
    folder_was_opened = false;
    int code = real_vfs->xDelete(real_vfs, path, sync_folder);
    int number = number_of(path, false);
    if (code == SQLITE_OK && number >= 0) {
        note(POWER_DELETE, number, 0, NULL, 0);
        live[number] = false;
        if (folder_was_opened) {
            note(POWER_SYNC_FOLDER, 0, 0, NULL, 0);
        }
    }
    return code;
}

void power_record_start(struct power_record *record, const char *folder)
{
    recording = record;
    recorded_folder = folder;
    real_vfs = sqlite3_vfs_find(NULL);
    real_open_directory =
        (int (*)(const char *, int *))real_vfs->xGetSystemCall(real_vfs, "openDirectory");
    real_vfs->xSetSystemCall(real_vfs, "openDirectory", (sqlite3_syscall_ptr)open_directory);
    shim = *real_vfs;
    shim.zName = "power-record";
    shim.szOsFile = (int)sizeof(struct file) + real_vfs->szOsFile;
    shim.pNext = NULL;
    shim.xOpen = open_file;
    shim.xDelete = delete_file;
    support_require(sqlite3_vfs_register(&shim, 1) == SQLITE_OK, "the VFS", "is refused");
}
