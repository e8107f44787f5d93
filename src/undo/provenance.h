/* provenance: whether what a turn seems to have made was there before it.
 *
 * A thing that comes out of what no snapshot holds (a folder that is left out, one that could not
 * be read, another program's work) looks new where it lies now, and its beginning is nowhere: to
 * delete it would be for good. Such a thing is older than the turn, or lies in a folder that was
 * left out before it, and none of the things that the record gives back is it. Only looks; no
 * thread of its own.
 */
#ifndef CARAT_UNDO_PROVENANCE_H
#define CARAT_UNDO_PROVENANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "undo/record.h"

struct str;

struct provenance_inodes {
    uint64_t *items; /* sorted */
    size_t count;
};

struct provenance {
    const struct record *record; /* from what is there to what is wanted */
    int64_t began_ns;
    struct provenance_inodes there, given_back, left_out;
    bool *foreign;  /* of each change */
    size_t *inside; /* foreign changes below this one, which goes unnamed for them */
};

/* `record` is borrowed, and not changed meanwhile. */
void provenance_init(struct provenance *provenance, const struct record *record, int64_t began_ms);
void provenance_finish(struct provenance *provenance);

/* `now` lies in the open folder, and the change at `place` would end it. Folders are to be asked
 * for before what is in them. */
bool provenance_is_foreign(struct provenance *provenance, size_t place, int folder,
                           const char *name, const struct tree_entry *now);
/* A line for each that was, or for the folder that it lies in. */
void provenance_report(const struct provenance *provenance, struct str *out);

#endif
