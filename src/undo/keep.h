/* keep: which contents are still referred to, and what goes when there is too much. Whoever calls
 * it holds the lock. */
#ifndef CARAT_UNDO_KEEP_H
#define CARAT_UNDO_KEEP_H

#include <stdbool.h>

#include "undo/objects.h"
#include "undo/tree.h"

enum { KEEP_TURNS = 200 }; /* so many turns are kept at most */

/* Over `limit` bytes (contents, records in the folder `turns`, and `index_bytes` of the index) goes
 * first what neither the index nor a record names, then the oldest turns, and with them what only
 * they name; the last turn never. A damaged record names nothing; one that cannot be read stops it:
 * then no content goes. How many turns went for the limit's sake. */
size_t keep_evict(struct objects *objects, const struct tree *index, int64_t index_bytes,
                  const char *turns, int64_t limit);

#endif
