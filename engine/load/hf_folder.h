/* hf_folder: a model as Hugging Face publishes it, told as a GGUF.
 *
 *   config.json, tokenizer.json          become keys
 *   generation_config.json               too, when it is there
 *   model.safetensors, or the files of   tensors by GGUF's names: views of the mapped files; only
 *   model.safetensors.index.json         vectors and routers are converted, because those are F32
 *                                        in every GGUF
 *
 * Tensors that the text model does not use are left out. The encoders of pictures and sounds in the
 * same files are another GGUF, of architecture "clip" (hf_towers.h): config.json becomes its keys,
 * and vectors, convolutions and the table of positions are converted.
 */
#ifndef CARAT_LOAD_HF_FOLDER_H
#define CARAT_LOAD_HF_FOLDER_H

#include <stdbool.h>

struct err;
struct gguf;

/* `path`: the folder, or (is_folder false) a .safetensors file in it. gguf_close when done. */
struct gguf *hf_folder_open(const char *path, bool is_folder, struct err *err);

/* The encoders instead. ERR_UNSUPPORTED when the model has none. */
struct gguf *hf_folder_open_towers(const char *path, bool is_folder, struct err *err);
/* Whether config.json tells of some: that it can be read is not said. */
bool hf_folder_has_towers(const char *path, bool is_folder);

#endif
