/* keep: collects the names of all contents in use, sorts them, and lets the store sweep. */
#include "undo/keep.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "undo/record.h"
#include "undo/turns.h"

struct name {
    char text[2 * HASH_BYTES + 1];
};

struct used {
    struct name *items;
    size_t count, capacity;
};

static int compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void add(struct used *used, const struct tree_entry *entry)
{
    if (entry->kind == TREE_FILE) {
        vec_room(&used->items, &used->capacity, used->count + 1, sizeof *used->items);
        hash_hex(entry->hash, used->items[used->count++].text);
    }
}

static bool add_record(struct used *used, const char *path)
{
    struct record record;
    struct err err = {0};
    if (!record_load(&record, path, &err)) {
        return err.code == ERR_FORMAT;
    }
    for (size_t i = 0; i < record.count; i++) {
        add(used, &record.items[i].before);
        add(used, &record.items[i].after);
    }
    record_finish(&record);
    return true;
}

static bool is_used(void *context, const char *hash)
{
    const struct used *used = context;
    return used->count > 0 &&
           bsearch(hash, used->items, used->count, sizeof *used->items, compare) != NULL;
}

/* False: nothing is deleted, and dropping turns would free nothing. */
static bool sweep(struct objects *objects, const struct tree *index, const char *turns)
{
    struct used used = {0};
    DIR *folder = opendir(turns);
    bool ok = folder != NULL;
    for (size_t i = 0; i < index->count; i++) {
        add(&used, &index->items[i]);
    }
    errno = 0;
    for (struct dirent *entry; ok && (entry = readdir(folder)) != NULL; errno = 0) {
        if (entry->d_name[0] >= '0' && entry->d_name[0] <= '9') {
            struct str path;
            str_init(&path);
            str_append_format(&path, "%s/%s", turns, entry->d_name);
            ok = add_record(&used, path.data);
            str_finish(&path);
        }
    }
    ok = ok && errno == 0; /* each of them was read */
    if (folder != NULL) {
        closedir(folder);
    }
    if (ok) {
        if (used.count > 1) {
            qsort(used.items, used.count, sizeof *used.items, compare);
        }
        objects_sweep(objects, is_used, &used);
    }
    mem_free(used.items);
    return ok;
}

static int64_t bytes_of(const char *turns, const unsigned *numbers, size_t count)
{
    int64_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        struct stat status;
        char *path = turns_path(turns, numbers[i]);
        bytes += stat(path, &status) == 0 ? status.st_size : 0;
        mem_free(path);
    }
    return bytes;
}

static void remove_turns(const char *turns, const unsigned *numbers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char *path = turns_path(turns, numbers[i]);
        unlink(path);
        mem_free(path);
    }
}

size_t keep_evict(struct objects *objects, const struct tree *index, int64_t index_bytes,
                  const char *turns, int64_t limit)
{
    size_t count;
    unsigned *numbers = turns_numbers(turns, &count);
    size_t old = count > KEEP_TURNS ? count - KEEP_TURNS : 0, gone = old;
    remove_turns(turns, numbers, old);
    int64_t records = index_bytes + bytes_of(turns, numbers, count);
    bool full = records + objects_total(objects) > limit;
    if (full || gone > 0) {
        full = sweep(objects, index, turns) && full && records + objects_total(objects) > limit;
    }
    while (full && gone + 1 < count) {
        gone += (count - gone) / 2;
        remove_turns(turns, numbers, gone);
        records = index_bytes + bytes_of(turns, numbers, count);
        full = sweep(objects, index, turns) && records + objects_total(objects) > limit;
    }
    mem_free(numbers);
    return gone - old;
}
