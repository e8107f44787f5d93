/* hf_names: which tensor of GGUF a tensor of a Hugging Face file is. */
#ifndef CARAT_LOAD_HF_NAMES_H
#define CARAT_LOAD_HF_NAMES_H

#include <stdbool.h>
#include <stddef.h>

enum { HF_NAMES_SIZE = 64 };

/* False when the text model has no such tensor; `gguf` is untouched then. "layers.3.mlp.up_proj.
 * weight" behind one of the two prefixes becomes "blk.3.ffn_up.weight". */
bool hf_names_translate(const char *name, size_t length, char gguf[HF_NAMES_SIZE]);

/* Pieces of such names. If the text begins with `start`, or with a layer's number and a dot, moves
 * past it; else false, and nothing is moved. */
bool hf_names_take(const char **text, size_t *length, const char *start);
bool hf_names_take_number(const char **text, size_t *length, int *number);

#endif
