/* kv_marks: points of a timeline that the rings can be brought back to.
 *
 * A ring forgets what lies further back than its window and some slack. A caller who cuts the
 * timeline there (a thought that is dropped from the history, an edited message) would have to
 * compute everything again, though the full layers still hold all of it. So the owner of a cache
 * notes where a cut is likely, and just before the ring loses what such a point looks back on, its
 * rows are copied aside:
 *
 *      ring before the loss:  ...  | window - 1 | mark ... mark + slack |  ...
 *      copy:                       [ from ------------------------- to )
 *
 * From the copy every point from the mark on, as far as `to`, can be resumed at; further on where
 * the ring still holds what comes behind the copy. A short answer is never copied: the ring itself
 * reaches back to its beginning.
 *
 * Memory is bounded: at most KV_MARKS_COPIES copies, fewer where they are large. The newest ones
 * stay; of the older ones those go first whose loss costs least: which lie close behind another
 * one, and far back. A copy for which there is no memory is not made; nothing here fails later.
 * Owned by the session, as its cache is; the thread that computes.
 */
#ifndef CARAT_TEXT_KV_MARKS_H
#define CARAT_TEXT_KV_MARKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct kv_cache;
struct kv_marks;

enum {
    KV_MARKS_COPIES = 16,   /* most copies */
    KV_MARKS_NEWEST = 4,    /* of them these are never given up for another */
    KV_MARKS_STRIDE = 1024, /* tokens after which a point is noted anyway */
};

/* Copies for caches made like this one, of together `budget` bytes, but at least for two. */
struct kv_marks *kv_marks_create(const struct kv_cache *cache, size_t budget, struct err *err);
void kv_marks_destroy(struct kv_marks *marks);

/* The timeline may be cut at `position`, which is held. */
void kv_marks_note(struct kv_marks *marks, const struct kv_cache *cache, size_t position);

/* The timeline has come to `position`: notes it when the last point lies a stride behind. */
void kv_marks_pass(struct kv_marks *marks, const struct kv_cache *cache, size_t position);

/* Before kv_cache_prepare for positions held..to-1: copies what the rings are about to lose. */
void kv_marks_before(struct kv_marks *marks, struct kv_cache *cache, size_t held, size_t to);

/* Brings the rings of a cache that holds positions 0..held-1 back to the last point up to
 * `position` (at most held) that can be resumed at, and returns it; 0 when there is none. */
size_t kv_marks_restore(struct kv_marks *marks, struct kv_cache *cache, size_t held,
                        size_t position);

/* Forgets what lies behind `position`: the timeline was cut there. */
void kv_marks_cut(struct kv_marks *marks, const struct kv_cache *cache, size_t position);

/* The copies, ascending; for those who save them. Rows of positions from..to-1 of all rings: layer
 * by layer, `stride` rows of keys and then as many of values, of which the first to - from count. A
 * view until the next call. */
struct kv_marks_copy {
    size_t from, to, stride;
    unsigned char *rows; /* owned by the marks */
};

const struct kv_marks_copy *kv_marks_copies(const struct kv_marks *marks, size_t *count);

/* Adds a copy for the caller to fill, in *copy; they come in ascending order. ERR_FORMAT when no
 * such copy would ever be made, ERR_MEMORY. */
bool kv_marks_add(struct kv_marks *marks, const struct kv_cache *cache, size_t from, size_t to,
                  struct kv_marks_copy *copy, struct err *err);

/* Bytes that the copies have allocated. */
size_t kv_marks_bytes(const struct kv_marks *marks);

/* The most that they can ever be, for caches of that plan with so many positions. */
struct kv_cache_plan;
uint64_t kv_marks_plan(const struct kv_cache_plan *cache, size_t window, size_t context,
                       size_t budget);

#endif
