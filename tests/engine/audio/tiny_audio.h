/* tiny_audio: a sound audio encoder file of a few kilobytes, for tests that break it in one place.
 *
 * Two layers, hidden 4, two heads, feed-forward 4, two channels in each convolution, 6 values
 * before the projection to 8. Values are small numbers without meaning. What the writer knows
 * already is left as it is.
 */
#ifndef CARAT_TESTS_TINY_AUDIO_H
#define CARAT_TESTS_TINY_AUDIO_H

#include <stddef.h>

struct gguf_writer;

void tiny_audio_write(struct gguf_writer *writer);

/* The names of the tensors that must be there; NULL past the end. */
const char *tiny_audio_tensor(size_t index);

#endif
