/* provenance: times of birth and inode numbers.
 *
 * A file system that knows no birth tells the time of the last change of the content instead: that
 * one can be set, and moving a thing leaves it alone, so there the numbers of what was left out
 * count too. (Where birth is known they do not: a number is given to another file at once.)
 */
#include "undo/provenance.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/str.h"
#include "undo/show.h"

enum { CLOCK_MS = 20 }; /* the kernel's clock for files is behind by up to this */

static int compare(const void *a, const void *b)
{
    const uint64_t *left = a, *right = b;
    return (*left > *right) - (*left < *right);
}

static void sort(struct provenance_inodes *inodes)
{
    if (inodes->count > 1) {
        qsort(inodes->items, inodes->count, sizeof *inodes->items, compare);
    }
}

static size_t count_of(const struct provenance_inodes *inodes, uint64_t inode)
{
    size_t low = 0, high = inodes->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (inodes->items[middle] < inode) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    size_t count = 0;
    while (low + count < inodes->count && inodes->items[low + count] == inode) {
        count++;
    }
    return count;
}

static void add(struct provenance_inodes *inodes, const struct tree_entry *entry)
{
    inodes->items[inodes->count++] = entry->inode;
}

void provenance_init(struct provenance *provenance, const struct record *record, int64_t began_ms)
{
    size_t count = record->count + 1;
    *provenance = (struct provenance){.record = record,
                                      .began_ns = (began_ms - CLOCK_MS) * 1000000,
                                      .foreign = mem_zero(count, sizeof(bool)),
                                      .inside = mem_zero(count, sizeof(size_t))};
    struct provenance_inodes *lists[] = {&provenance->there, &provenance->given_back,
                                         &provenance->left_out};
    for (size_t i = 0; i < 3; i++) {
        lists[i]->items = mem_zero(count, sizeof(uint64_t));
    }
    for (size_t i = 0; i < record->count; i++) {
        const struct record_change *change = &record->items[i];
        if (change->before.kind != TREE_ABSENT) {
            add(&provenance->there, &change->before);
        }
        if (change->after.kind != TREE_ABSENT) {
            add(change->after.kind == TREE_LEFT_OUT ? &provenance->left_out
                                                    : &provenance->given_back,
                &change->after);
        }
    }
    for (size_t i = 0; i < 3; i++) {
        sort(lists[i]);
    }
}

void provenance_finish(struct provenance *provenance)
{
    mem_free(provenance->there.items);
    mem_free(provenance->given_back.items);
    mem_free(provenance->left_out.items);
    mem_free(provenance->foreign);
    mem_free(provenance->inside);
}

/* The content that is wanted is another one, or none. */
static bool is_ended(const struct tree_entry *now, const struct tree_entry *want)
{
    return now->kind != TREE_ABSENT && now->kind != TREE_LEFT_OUT &&
           !(now->kind == TREE_DIRECTORY && want->kind == TREE_DIRECTORY) &&
           !(now->kind == TREE_FILE && want->kind == TREE_FILE &&
             memcmp(now->hash, want->hash, HASH_BYTES) == 0);
}

static bool is_older(const struct provenance *provenance, int folder, const char *name,
                     const struct tree_entry *now)
{
    struct statx status = {0};
    bool known = statx(folder, name, AT_SYMLINK_NOFOLLOW, STATX_BTIME, &status) == 0 &&
                 (status.stx_mask & STATX_BTIME) != 0;
    if (known) {
        return status.stx_btime.tv_sec * 1000000000 + status.stx_btime.tv_nsec <
               provenance->began_ns;
    }
    return now->modified_ns < provenance->began_ns ||
           count_of(&provenance->left_out, now->inode) > 0;
}

static int compare_path(const void *key, const void *item)
{
    const struct record_change *change = item;
    return strcmp(key, change->after.path);
}

/* The uppermost folder above it that was left out, or is foreign; SIZE_MAX when there is none. */
static size_t find_above(const struct provenance *provenance, const char *path, bool or_foreign)
{
    const struct record *record = provenance->record;
    size_t found = SIZE_MAX;
    char *above = mem_strdup(path);
    for (char *slash = strchr(above + 1, '/'); slash != NULL && found == SIZE_MAX;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        const struct record_change *change =
            bsearch(above, record->items, record->count, sizeof *record->items, compare_path);
        size_t place = change != NULL ? (size_t)(change - record->items) : 0;
        if (change != NULL &&
            ((or_foreign && provenance->foreign[place]) || change->after.kind == TREE_LEFT_OUT)) {
            found = place;
        }
        *slash = '/';
    }
    mem_free(above);
    return found;
}

bool provenance_is_foreign(struct provenance *provenance, size_t place, int folder,
                           const char *name, const struct tree_entry *now)
{
    const struct tree_entry *want = &provenance->record->items[place].after;
    const char *path = want->path;
    if (!is_ended(now, want) || count_of(&provenance->given_back, now->inode) > 0 ||
        record_knows(provenance->record, now->inode) ||
        (now->kind != TREE_DIRECTORY && now->links > count_of(&provenance->there, now->inode)) ||
        (!is_older(provenance, folder, name, now) &&
         find_above(provenance, path, false) == SIZE_MAX)) {
        return false;
    }
    provenance->foreign[place] = true;
    return true;
}

void provenance_report(const struct provenance *provenance, struct str *out)
{
    const struct record *record = provenance->record;
    size_t untold = 0;
    for (size_t i = 0; i < record->count; i++) {
        size_t above = provenance->foreign[i]
                           ? find_above(provenance, record->items[i].after.path, true)
                           : SIZE_MAX;
        if (above != SIZE_MAX) {
            provenance->inside[above]++;
        }
    }
    for (size_t i = 0; i < record->count; i++) {
        const char *path = record->items[i].after.path;
        if (out->length >= SHOW_TOTAL) {
            untold += provenance->foreign[i];
        } else if (provenance->inside[i] > 0) {
            show_name(out, path);
            str_append_format(out,
                              ": older than the turn, and no snapshot holds where it came from; "
                              "left as it is, with %zu %s in it\n",
                              provenance->inside[i], provenance->inside[i] == 1 ? "path" : "paths");
        } else if (provenance->foreign[i] && find_above(provenance, path, true) == SIZE_MAX) {
            show_name(out, path);
            str_append(out, ": older than the turn, and no snapshot holds where it came from; "
                            "left as it is\n");
        }
    }
    show_more(out, untold, " older than the turn, left as they are");
}
