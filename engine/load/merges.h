/* merges: which two tokens become which third, and how early.
 *
 * A hash table from (left id, right id) to the rank of the merge and its result. Only merges whose
 * two sides and whose result are text tokens are in it: so no sequence of merges, whatever the file
 * lists, makes a control or a byte token. Immutable after init: any thread.
 */
#ifndef CARAT_LOAD_MERGES_H
#define CARAT_LOAD_MERGES_H

#include <stdbool.h>
#include <stdint.h>

struct err;
struct gguf;
struct vocabulary;

enum { MERGES_MAX = 1 << 21 };
#define MERGES_NO_RANK UINT32_MAX

struct merges_entry {
    uint32_t left, right;
    uint32_t rank;
    uint32_t merged; /* + 1; 0 = free */
};

struct merges {
    struct merges_entry *entries;
    uint32_t mask;
};

bool merges_init(struct merges *merges, const struct vocabulary *vocabulary,
                 const struct gguf *gguf, struct err *err);
/* What they take in memory. */
uint64_t merges_plan(const struct gguf *gguf);
void merges_finish(struct merges *merges);

/* The rank (lower is earlier) and result of merging two tokens; MERGES_NO_RANK: they do not. */
uint32_t merges_find(const struct merges *merges, int32_t left, int32_t right, int32_t *merged);

#endif
