/* feed_forward: the two gated branches of a layer that look at one token alone. */
#ifndef CARAT_TEXT_FEED_FORWARD_H
#define CARAT_TEXT_FEED_FORWARD_H

#include <stdint.h>

struct pass;

/* branch = Down (gelu_tanh(Gate normed) * (Up normed)), active rows. */
void feed_forward_dense(struct pass *pass, int32_t layer);

/* branch = Proj (gelu_tanh(Gate x) * ple[layer]), active rows: the per-layer embedding's way in. */
void feed_forward_per_layer(struct pass *pass, int32_t layer);

#endif
