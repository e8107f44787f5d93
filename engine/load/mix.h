/* mix: which type each tensor of a converted model gets.
 *
 * Vectors, norms, routers and scales are F32 always. Of a quantised mix the rest follows what the
 * published files have: the embeddings, which are the head too, at 6 bits or more; the projection
 * of all per-layer embeddings not quantised at all; and in the mixes Q4_K_M and Q5_K_M the value
 * and feed-forward down matrices of half of the layers, and the small per-layer matrices, at more
 * bits than the others. A row whose length is no multiple of a type's block gets the next finer
 * type with smaller blocks, at last F16.
 */
#ifndef CARAT_LOAD_MIX_H
#define CARAT_LOAD_MIX_H

#include <stddef.h>
#include <stdint.h>

#include "load/quant.h"

struct gguf_tensor;
struct mix;

/* By its name on the command line ("q4_k_m"); NULL when there is none. */
const struct mix *mix_find(const char *name);
/* All names, in their order: NULL behind the last. */
const char *mix_name(size_t index);

/* The number that GGUF files give the mix (general.file_type). */
uint32_t mix_file_type(const struct mix *mix);

/* `tensor` as it is in the model that is converted, of `layer_count` layers. */
enum quant_type mix_type(const struct mix *mix, const struct gguf_tensor *tensor,
                         int32_t layer_count);

#endif
