/* embed: from token ids to the input of the first layer. */
#ifndef CARAT_TEXT_EMBED_H
#define CARAT_TEXT_EMBED_H

#include <stddef.h>

struct pass;

/* x[t] = E[id[t]] * sqrt(d), or the soft token that stands at t */
void embed_tokens(struct pass *pass);

/* The per-layer inputs of the small models, for all rows in the layers before last_kv_layer and for
 * the last `wanted` rows in the others:
 *   id  = T[id[t]] * sqrt(P)                               [L][P]
 *   ctx = rms_norm((M x[t]) * d^(-1/2), weight) by layer   [L][P]
 *   ple = (ctx + id) * 2^(-1/2)
 * A soft token has id 0 here.
 * x must be what embed_tokens made. */
void embed_per_layer_inputs(struct pass *pass, size_t wanted);

#endif
