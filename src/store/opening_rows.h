/* opening_rows: which processes have the store open. Tells an unclean exit, and holds leases.
 *
 * Each store_open adds a row and each store_close takes it away. A row whose process is gone was
 * left by a crash: only then the whole file is looked through (quick_check), because that takes
 * time with its size. The leases of an opening end with its row.
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
