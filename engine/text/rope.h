/* rope: rotary position embedding, split-half pairing.
 *
 * Pair i of a head is (x[i], x[i + head_dim / 2]); it turns by the angle position * inv_freq[i],
 * inv_freq[i] = 1 / theta^(2i / head_dim). On Gemma's full layers only the first quarter of the
 * pairs turn, with the exponent still over the whole head ("proportional"); the others pass
 * through. Frequencies and angles are float32, as in the published implementation: at long
 * contexts that choice shows in the third digit of the sine.
 */
#ifndef CARAT_TEXT_ROPE_H
#define CARAT_TEXT_ROPE_H

#include <stdbool.h>
#include <stddef.h>

struct err;

struct rope {
    size_t head_dim;
    size_t pairs;    /* that turn: 0 .. head_dim / 2 */
    float *inv_freq; /* [pairs], owned */
};

bool rope_init(struct rope *rope, size_t head_dim, size_t pairs, float theta, struct err *err);
void rope_finish(struct rope *rope);

/* cos and sin [pairs] of the angles at a position; row_kernels.rotate turns a head by them. */
void rope_angles(const struct rope *rope, size_t position, float *cosines, float *sines);

#endif
