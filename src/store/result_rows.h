/* result_rows: what the forking of conversations needs of results. Private to src/store. */
#ifndef CARAT_STORE_RESULT_ROWS_H
#define CARAT_STORE_RESULT_ROWS_H

#include <stdbool.h>
#include <stdint.h>

struct db;
struct err;

/* All results of one conversation (key and id) for another one that has none. Damaged pieces are an
 * error. */
bool result_rows_copy(struct db *db, int64_t from, const char *from_id, int64_t to,
                      const char *to_id, struct err *err);

#endif
