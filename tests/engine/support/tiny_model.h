/* tiny_model: a sound Gemma 4 file of a few kilobytes, for tests that break it in one place.
 *
 * Four layers, sliding, full, sliding, full; the last two share K/V; hidden 8, two query heads, one
 * key/value head, heads of 4 and 8, per-layer embeddings of 4. The vocabulary has some control
 * tokens, the 256 bytes, and a few words over "abc", U+2581, and newline. Weights are small numbers
 * without meaning. What the writer knows already is left as it is.
 */
#ifndef CARAT_TESTS_TINY_MODEL_H
#define CARAT_TESTS_TINY_MODEL_H

#include <stdbool.h>
#include <stddef.h>

struct gguf_writer;

enum { TINY_HIDDEN = 8, TINY_LAYERS = 4, TINY_HEADS = 2, TINY_WIDTH = 4, TINY_FEED_FORWARD = 8 };

void tiny_model_write(struct gguf_writer *writer);
/* The parts of it. */
void tiny_model_hparams(struct gguf_writer *writer);
void tiny_model_vocabulary(struct gguf_writer *writer);
void tiny_model_weights(struct gguf_writer *writer);

/* Keys and tensors of a mixture of three experts, two at a time, for such a model; gate and up of
 * the same values in one tensor or in two. */
enum { TINY_EXPERTS = 3, TINY_EXPERT_WIDTH = 4 };
void tiny_model_experts(struct gguf_writer *writer, bool split);

/* The number of tokens, and of the text ones the first id: "\xE2\x96\x81". */
size_t tiny_model_tokens(void);

#endif
