/* reserve: 4 MiB kept beside the store for the day the disk is full.
 *
 * On a full disk SQLite cannot even delete: its log needs room first. Giving the reserve back makes
 * room for one last checkpoint and the message at hand, and then the user is told. The file holds
 * nothing.
 */
#ifndef CARAT_STORE_RESERVE_H
#define CARAT_STORE_RESERVE_H

#include <stdbool.h>

enum { RESERVE_SIZE = 4 * 1024 * 1024 };

/* Makes the reserve of the store at `store_path` unless it is there, or would take more than half
 * of what is free. True when there is one afterwards. */
bool reserve_keep(const char *store_path);

/* True when there was one and its room is free now. */
bool reserve_give_up(const char *store_path);

#endif
