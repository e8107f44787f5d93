/* schema: the tables of the store, and the steps from each version to the next.
 *
 * The version is SQLite's user_version. Each step runs in one transaction together with its new
 * version number, so a step is there wholly or not at all, whenever the process dies. Before the
 * first step on a file with content, a copy is made beside it (PATH.schema-N.bak). Released steps
 * are never edited: a change is a new step at the end of the table.
 */
#ifndef CARAT_STORE_SCHEMA_H
#define CARAT_STORE_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct db;
struct err;

struct schema_step {
    int version; /* that the file has afterwards; steps are in order, without gaps, from 1 */
    const char *sql;
};

extern const struct schema_step schema_steps[];
extern const size_t schema_step_count;

/* Writes nothing. *version: 0 = an empty file. ERR_FORMAT when the file is someone else's database,
 * ERR_UNSUPPORTED when it was written by a newer carat than one with these steps. */
bool schema_identify(struct db *db, const struct schema_step *steps, size_t count, int *version,
                     struct err *err);

/* Brings the file to the last step's version. Several processes may do so at once. */
bool schema_migrate(struct db *db, const struct schema_step *steps, size_t count, struct err *err);

#endif
