/* roots: the folders that are scanned: the workspace, and others that tools may write in. */
#ifndef CARAT_UNDO_ROOTS_H
#define CARAT_UNDO_ROOTS_H

#include <stddef.h>

#include "undo/record.h"
#include "undo/scan.h"

void roots_copy(struct scan_names *names, const char *const *items, size_t count);
void roots_finish(struct scan_names *names);

/* The workspace and the further folders; one inside another counts once, one that is not there does
 * not. */
void roots_choose(struct scan_names *roots, const char *workspace, const char *const *further,
                  size_t further_count);

/* Opens a folder, by a name that was resolved before, through no link that lies on the way now. -1
 * with errno. */
int roots_open(const char *root, int flags);

/* The folders that a turn was begun with, as far as they are there. Those of this process may be
 * others (--add-dir): all that is in one of them would look as if the turn had made it. */
struct scan_names roots_of(const struct record *record);
/* And all that is in a folder which is not there would look deleted. */
void roots_drop_elsewhere(struct tree *tree, const struct scan_names *roots);

#endif
