/* opening_rows: which processes have the store open. Tells an unclean exit, and holds leases.
 *
 * Each store_open adds a row and each store_close takes it away. A row whose process is gone was
 * left by a crash: only then the whole file is looked through (quick_check), and only a small one,
 * because that takes time with its size: store->unchecked tells of a larger one. The leases of an
 * opening end with its row.
 *
 * These rows are written without a sync of their own. They speak of processes, and no process
 * survives a loss of power; what was shown to the user is synced by its own transaction, and the
 * row of the opening that wrote it with it.
 */
#ifndef CARAT_STORE_OPENING_ROWS_H
#define CARAT_STORE_OPENING_ROWS_H

#include <stdbool.h>

struct err;
struct store;

/* Looks through a file that was left uncleanly: ERR_FORMAT when it is damaged. Writes nothing. */
bool opening_rows_check(struct store *store, struct err *err);
/* Removes the rows of the dead and adds ours. */
bool opening_rows_enter(struct store *store, struct err *err);
void opening_rows_leave(struct store *store);

#endif
