/* attention: the attention branch of a layer, from the normed input to the output projection.
 *
 *   q = rope(rms_norm(Wq a, q_norm))      per head
 *   k = rope(rms_norm(Wk a, k_norm)), v = rms_norm(Wv a), or of Wk a where K = V; layers that
 *       share K/V read their donor's
 *   weights = softmax over visible keys of q . k    (scale 1, no cap)
 *   out = Wo (sum of weights * v)
 *
 * A query at position p sees keys up to p; on sliding layers only the last sliding_window of them,
 * itself included (pictures may see further: text/soft.h). Query head h reads K/V head h / (nh /
 * nkv).
 */
#ifndef CARAT_TEXT_ATTENTION_H
#define CARAT_TEXT_ATTENTION_H

#include <stddef.h>
#include <stdint.h>

struct pass;

/* Sines and cosines for all positions of the pass. */
void attention_prepare_angles(struct pass *pass);

/* K and V of the active rows into the cache, for a layer that has its own; q of rows
 * query_from..count-1, ready for attention_attend. Input: pass->normed. */
void attention_project(struct pass *pass, int32_t layer, size_t query_from);

/* The active rows: pass->q to pass->branch, by text/attend. */
void attention_attend(struct pass *pass, int32_t layer);

#endif
