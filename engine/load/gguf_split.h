/* gguf_split: a GGUF model in several files, NAME-00001-of-0000N.gguf and so on.
 *
 * The first part has the keys; each has some of the tensors, and says its number (split.no, from 0)
 * and how many there are (split.count). Joined, they are one gguf.
 */
#ifndef CARAT_LOAD_GGUF_SPLIT_H
#define CARAT_LOAD_GGUF_SPLIT_H

#include <stdbool.h>

struct err;
struct gguf;

/* Adds the tensors of the other parts, which lie beside the opened first one. Does nothing for a
 * model in one file. On failure only closing is left to do with it. */
bool gguf_split_join(struct gguf *first, struct err *err);

#endif
