/* name_index: finds the number of a name among names that a foreign file chose.
 *
 * Open addressing, a quarter full at most. Probes are counted: honest names need some tens, so a
 * file whose names were made to collide is refused instead of taking quadratic time. Holds views of
 * the names; add all from one thread, find from any.
 */
#ifndef CARAT_LOAD_NAME_INDEX_H
#define CARAT_LOAD_NAME_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct name_slot {
    uint32_t hash;
    uint32_t item; /* + 1; 0 = free */
};

struct name_text {
    const char *bytes;
    size_t length;
};

struct name_index {
    struct name_text *names; /* by number, in the order of adding */
    struct name_slot *slots;
    uint32_t mask;
    uint32_t count;
};

enum name_index_result { NAME_INDEX_ADDED, NAME_INDEX_KNOWN, NAME_INDEX_CROWDED };

/* Room for `count` <= 2^20 names; false without memory. Finish it in either case. */
bool name_index_init(struct name_index *index, size_t count);
void name_index_finish(struct name_index *index);
/* What room for `count` names takes. */
size_t name_index_bytes(size_t count);

/* Gives the name the next number; KNOWN: it has *item already; CROWDED: too many collide. */
enum name_index_result name_index_add(struct name_index *index, const char *bytes, size_t length,
                                      uint32_t *item);
/* The number of the name, or -1. */
int64_t name_index_find(const struct name_index *index, const char *bytes, size_t length);

#endif
