/* soft: soft tokens in a timeline, and what follows from them.
 *
 * A soft token is a vector that stands where a placeholder token stands: it is the input of the
 * first layer as it is, not scaled as an embedding is, and its per-layer inputs are those of token
 * 0. It has a position like any token. In the larger models the sliding layers let the tokens of
 * one picture see each other forwards too; full layers never do.
 *
 * Runs of soft tokens are struct engine_soft with positions in the timeline, ascending.
 */
#ifndef CARAT_TEXT_SOFT_H
#define CARAT_TEXT_SOFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct engine_soft;
struct pass;

/* The run that the token at `position` is part of, or NULL. */
const struct engine_soft *soft_at(const struct engine_soft *soft, size_t count, size_t position);

/* What stands at a position, as one number: 0 for a token that is its id and nothing else, and
 * never 0 for a soft token. The lowest bit says that it is of a picture. `run` may be NULL. */
uint64_t soft_content(const struct engine_soft *run, size_t position);
static inline bool soft_is_picture(uint64_t content)
{
    return (content & 1) != 0;
}

/* The vector of a row of the pass, or NULL where its embedding is meant. */
const float *soft_vector(const struct pass *pass, size_t row);

/* The positions that a row's query sees in a layer: begin .. end - 1. */
struct soft_range {
    size_t begin, end;
};

struct soft_range soft_visible(const struct pass *pass, bool sliding, size_t row);

#endif
