/* check: a store looked through from end to end, and what can be read of a damaged one copied.
 *
 * Both open the file read-only and change nothing of it. Each problem is told in words as it is
 * found. The copy is a store of its own, made by the ordinary functions: a message that is damaged
 * or missing in the middle ends its conversation's copy there with a message that says so, and the
 * rest of it follows.
 */
#ifndef CARAT_STORE_CHECK_H
#define CARAT_STORE_CHECK_H

#include <stdbool.h>
#include <stdint.h>

struct err;

struct check_counts {
    int64_t conversations, messages, pieces; /* that are whole (check), or were copied (repair) */
    int64_t problems;
};

typedef void check_finding(void *context, const char *text);

/* SQLite's own integrity check, the hash of every row that has one, and gaps between messages.
 * False only when the file cannot be looked at, or is no store of a version that is known. */
bool check_store(const char *path, check_finding *finding, void *context,
                 struct check_counts *counts, struct err *err);
/* ERR_ARGUMENT when `target` is there already. */
bool check_repair(const char *path, const char *target, check_finding *finding, void *context,
                  struct check_counts *counts, struct err *err);

#endif
