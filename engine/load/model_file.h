/* model_file: opens a model in whatever form it is kept.
 *
 *   a GGUF file        as it is; the first of several parts with the others beside it
 *   a folder           of safetensors weights with config.json and tokenizer.json (hf_folder.h)
 *   a .safetensors     file in such a folder: the folder's
 *
 * The result speaks GGUF in all cases: keys and tensors by GGUF's names, so that nothing behind
 * this needs to know the form.
 */
#ifndef CARAT_LOAD_MODEL_FILE_H
#define CARAT_LOAD_MODEL_FILE_H

#include <stdbool.h>

struct err;
struct gguf;

/* Whether the path is a folder, or else ends as a .safetensors file does. */
bool model_file_is_hf(const char *path, bool *is_folder);

/* gguf_close when done. */
struct gguf *model_file_open(const char *path, struct err *err);

#endif
