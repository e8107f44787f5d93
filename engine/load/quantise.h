/* quantise: values to the blocks that weights are stored in; the inverse of quant.h.
 *
 * Blocks are chosen for the least sum of squared errors over a set of scales; what lies on a
 * format's grid already (a model that was trained for it, or was decoded from it) is found again
 * exactly in the formats of 32 values. The result depends on the values alone: it is the same on
 * every machine and for any number of threads.
 *
 * Left out: MXFP4 and NVFP4, and weighing by how much a value matters to a model's results.
 */
#ifndef CARAT_LOAD_QUANTISE_H
#define CARAT_LOAD_QUANTISE_H

#include <stdbool.h>
#include <stddef.h>

#include "load/quant.h"

/* Can blocks of this type be made? */
bool quantise_can(enum quant_type type);

/* The greatest magnitude that the type takes: F32 and BF16 all that they have, the others that of a
 * half, because their scales are halves. */
float quantise_most(enum quant_type type);

/* The first of values[0..count) that is no finite number or greater than the type takes; `count`
 * when all are fine. */
size_t quantise_find_bad(enum quant_type type, const float *values, size_t count);

/* values[count * block_values], all fine, to blocks[count]. quantise_can must be true. */
void quantise_blocks(enum quant_type type, const float *values, size_t count,
                     unsigned char *blocks);

#endif
