/* mutual: attention in which every row sees every row, as between the patches of a picture, in fast
 * arithmetic.
 *
 *   out[i] = sum over j of v_j exp(q_i . k_j) / sum over j of exp(q_i . k_j)
 *
 * Queries, keys, values and the exponentials are rounded to bfloat16 before they are multiplied;
 * sums are float32. Keys and values of a head are packed once, then some queries at a time go over
 * all of them in blocks, with a running maximum. The order of the additions of one result depends
 * on the number of keys only: not on threads, nor on which queries are done together.
 *
 * A set of kernels may have none (struct kernels, mutual NULL): then there is the float path.
 */
#ifndef CARAT_COMPUTE_MUTUAL_H
#define CARAT_COMPUTE_MUTUAL_H

#include <stdbool.h>
#include <stddef.h>

enum {
    MUTUAL_QUERIES = 128,   /* most queries of one call */
    MUTUAL_STEP = 32,       /* keys that are packed together */
    MUTUAL_WIDTH_MAX = 256, /* of a query, key or value */
};

/* `width` is 1..MUTUAL_WIDTH_MAX, rows lie `width` values apart. Packed keys and values, and
 * scratch, are aligned to 64. */
struct mutual_set {
    bool (*supported)(void);
    size_t scratch_bytes; /* of one worker */
    /* Of the packed keys and values of one head. */
    size_t (*packed_bytes)(size_t count, size_t width);
    /* Keys and values first .. first + MUTUAL_STEP - 1, or as many as there are of `count`, into
     * the packed ones of their head. first: a multiple of MUTUAL_STEP. */
    void (*pack)(const float *k, const float *v, size_t count, size_t width, size_t first,
                 void *packed);
    /* 1..MUTUAL_QUERIES queries, side by side, over all keys. Results `out_stride` apart. */
    void (*attend)(const float *q, size_t queries, size_t width, const void *packed, size_t count,
                   float *out, size_t out_stride, void *scratch);
};

#if defined(__x86_64__)
extern const struct mutual_set mutual_amx;
#endif

#endif
