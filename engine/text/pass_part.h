/* pass_part: those rows of a pass that belong to one timeline.
 *
 * A pass reads all weights once, whatever its rows are about. So the next tokens of several
 * sessions can go through it together: products and norms know nothing of timelines, and attention
 * takes the rows of each part with the cache of that part. Most passes have one part.
 *
 * Borrowed by the pass while it runs.
 */
#ifndef CARAT_TEXT_PASS_PART_H
#define CARAT_TEXT_PASS_PART_H

#include <stdatomic.h>
#include <stddef.h>

struct engine_soft;
struct kv_cache;

/* Most parts of a pass. */
enum { PASS_PARTS = 16 };

struct pass_part {
    struct kv_cache *cache;    /* holds positions 0..position-1 */
    size_t position;           /* of its first row */
    size_t row, count;         /* its rows in the pass: row .. row + count - 1 */
    const atomic_bool *cancel; /* may be NULL */
    /* Runs of soft tokens (text/soft.h), by position in the timeline; may reach beyond the rows. */
    const struct engine_soft *soft;
    size_t soft_count;
};

#endif
