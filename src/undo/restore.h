/* restore: brings paths from what a record expects to what it wants.
 *
 * Each path by itself: one that is neither as expected nor as wanted was changed by somebody else
 * since, and is left alone with words; the rest is done. Every step can be done again: after a
 * crash in the middle the same call goes on where it was. Walks from the roots one name at a time
 * and through no symlink. What is replaced is replaced by a rename, so that a file is the old one
 * or the new one.
 */
#ifndef CARAT_UNDO_RESTORE_H
#define CARAT_UNDO_RESTORE_H

#include <stddef.h>
#include <stdint.h>

#include "undo/objects.h"
#include "undo/record.h"

struct str;

/* Before it is begun: removes from `record` what is as wanted already, and what is refused (changed
 * since, or not to be brought back again), with a line for it in `report`. `began_ms`: when the
 * turn began that is taken back. How many paths were refused. */
size_t restore_plan(struct record *record, int64_t began_ms, struct objects *objects,
                    int64_t file_limit, struct str *report);

/* Takes the paths of `record` from `before` to `after`; those that could not be are removed from
 * the record, and `report` gets a line for each of them. How many there were. */
size_t restore_run(struct record *record, struct objects *objects, int64_t file_limit,
                   struct str *report);

#endif
