/* media_cache: the soft tokens of the pictures and sounds that came last.
 *
 * A conversation has the same ones in every prompt. A picture is known by a hash of its pixels, its
 * size and its budget, a sound by one of its samples; of those that do not fit, the one goes whose
 * last use lies furthest back. Nothing fails: one for which there is no memory is encoded again.
 */
#ifndef CARAT_MEDIA_CACHE_H
#define CARAT_MEDIA_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct engine_soft;

enum { MEDIA_CACHE_ENTRIES = 32 };

struct media_cache {
    struct {
        uint64_t hash, used; /* used: when, by `clock`; 0 = free */
        size_t count;
        float *values;
    } entries[MEDIA_CACHE_ENTRIES];
    uint64_t clock;
};

void media_cache_finish(struct media_cache *cache); /* of a zeroed one: nothing */

/* A copy of what is there for `hash`, soft tokens of `width` values: fills count and values
 * (mem_free). False when there is nothing, or no memory for the copy. */
bool media_cache_find(struct media_cache *cache, uint64_t hash, size_t width,
                      struct engine_soft *soft);

/* Keeps a copy. */
void media_cache_keep(struct media_cache *cache, const struct engine_soft *soft, size_t width);

#endif
