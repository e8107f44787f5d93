/* keep: collects the names of all contents in use, sorts them, and lets the store sweep. */
#include "undo/keep.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "undo/record.h"

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

bool keep_sweep(struct objects *objects, const struct tree *index, const char *turns)
{
    struct used used = {0};
    DIR *folder = opendir(turns);
    bool ok = folder != NULL;
    for (size_t i = 0; i < index->count; i++) {
        add(&used, &index->items[i]);
    }
    for (struct dirent *entry; ok && (entry = readdir(folder)) != NULL;) {
        if (entry->d_name[0] >= '0' && entry->d_name[0] <= '9') {
            struct str path;
            str_init(&path);
            str_append_format(&path, "%s/%s", turns, entry->d_name);
            ok = add_record(&used, path.data);
            str_finish(&path);
        }
    }
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
