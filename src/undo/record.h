/* record: what one turn changed: for each path what was there before and after.
 *
 * A plain value with its form on disk. Taking a turn back is a record as well (`undoes` names the
 * turn), so it can be taken back in turn. The state of a path that did not exist is ABSENT.
 */
#ifndef CARAT_UNDO_RECORD_H
#define CARAT_UNDO_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "undo/tree.h"

struct err;

struct record_change {
    struct tree_entry before, after; /* of one path */
};

struct record {
    unsigned number, undoes; /* undoes 0: a turn of the model */
    bool interrupted;        /* carat was stopped in it: seen from outside, it ended later */
    int64_t wall_ms;         /* when it began */
    uint64_t beside;         /* in the names of what taking it back writes beside its place */
    char *conversation, *title;
    char **roots;
    size_t root_count;
    struct record_change *items; /* sorted by path */
    size_t count, capacity;
    uint64_t *known; /* inodes of what came to another path and was kept before, sorted */
    size_t known_count;
};

void record_init(struct record *record, const char *conversation, const char *title);
void record_finish(struct record *record);
/* Only who, when and what for stays. */
void record_drop_changes(struct record *record);
void record_set_roots(struct record *record, char *const *roots, size_t count);

/* Copies. */
void record_add(struct record *record, const struct tree_entry *before,
                const struct tree_entry *after);
/* Adds every difference of two sorted trees, and `known`. */
void record_compare(struct record *record, const struct tree *before, const struct tree *after);

/* `known` of another record, as well. */
void record_copy_known(struct record *record, const struct record *from);
bool record_knows(const struct record *record, uint64_t inode);

bool record_save(const struct record *record, const char *path, struct err *err);
/* Into uninitialised memory; untouched on failure. */
bool record_load(struct record *record, const char *path, struct err *err);

#endif
