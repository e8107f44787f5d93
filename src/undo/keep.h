/* keep: which contents are still referred to. Whoever calls it holds the lock. */
#ifndef CARAT_UNDO_KEEP_H
#define CARAT_UNDO_KEEP_H

#include <stdbool.h>

#include "undo/objects.h"
#include "undo/tree.h"

enum { KEEP_TURNS = 200 }; /* so many turns are kept at most */

/* Deletes every object that neither the index nor a record in the folder `turns` names. A damaged
 * record names nothing; one that cannot be read stops it: then nothing is deleted. */
bool keep_sweep(struct objects *objects, const struct tree *index, const char *turns);

#endif
