/* search_rows: the full-text index over messages and titles, kept up to date.
 *
 * What is not indexed yet has a row in `unindexed`, made in the transaction that keeps the message:
 * store_search_work indexes those in idle moments, many in one transaction, and a crash in between
 * loses nothing. Indexing each message at once would write three times as much for each.
 * Private to src/store.
 */
#ifndef CARAT_STORE_SEARCH_ROWS_H
#define CARAT_STORE_SEARCH_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct db;
struct err;

/* A new row: to be indexed later. */
bool search_rows_note(struct db *db, int64_t row, struct err *err);
/* Before a row changes or goes: out of the index, and noted for later. */
bool search_rows_withdraw(struct db *db, int64_t row, struct err *err);
/* The same for a whole conversation whose rows will go: nothing is noted. */
bool search_rows_forget(struct db *db, int64_t conversation, int64_t from_ordinal, struct err *err);

/* Before and after a title changes. */
bool search_rows_withdraw_title(struct db *db, int64_t conversation, struct err *err);
bool search_rows_put_title(struct db *db, int64_t conversation, struct err *err);

#endif
