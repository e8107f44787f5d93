/* turns: the records of a workspace, in their order, and which of them still stand.
 *
 * A value that is loaded under the lock and forgotten with it.
 */
#ifndef CARAT_UNDO_TURNS_H
#define CARAT_UNDO_TURNS_H

#include <stdbool.h>
#include <stddef.h>

#include "undo/record.h"

struct err;
struct str;

struct turns {
    char *folder;
    struct record *items; /* by number, without their changes: together they may be large */
    size_t *paths;        /* how many changes each of them has */
    size_t count;
};

/* The file of a turn in the folder `turns`; mem_free. */
char *turns_path(const char *folder, unsigned number);
/* The numbers that are there, sorted; mem_free. */
unsigned *turns_numbers(const char *folder, size_t *count);

/* Damaged records are left out, each with a line in `report`. */
void turns_load(struct turns *turns, const char *folder, struct str *report);
void turns_finish(struct turns *turns);
/* One of them with its changes, into uninitialised memory. */
bool turns_read(const struct turns *turns, const struct record *record, struct record *whole,
                struct err *err);

/* A record counts as taken back when a later one that still stands says so. */
bool turns_taken_back(const struct turns *turns, size_t place);
/* The turn of that number; 0 = the last one that was not taken back. NULL with an error. One that
 * carat was stopped in is never chosen by itself. */
const struct record *turns_choose(const struct turns *turns, unsigned number, struct err *err);
/* Removes from `back`, which takes a turn back, the paths for which that was done and still stands.
 */
bool turns_drop_done(const struct turns *turns, struct record *back, struct err *err);

#endif
