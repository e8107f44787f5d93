/* gguf_head: all of a GGUF file that comes before the tensors' data, for a model that is converted.
 *
 * The keys are those of the model, as they are; but the keys of splitting and alignment, which are
 * of the old file, go, and the type of the file is told anew. What other readers need and the model
 * did not say (a folder says less than a file) is added: it follows from hparams and vocabulary.
 */
#ifndef CARAT_LOAD_GGUF_HEAD_H
#define CARAT_LOAD_GGUF_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct gguf;
struct gguf_tensor;
struct hparams;

enum { GGUF_HEAD_ALIGNMENT = 32 };

struct gguf_head {
    unsigned char *bytes; /* mem_free; a multiple of the alignment */
    size_t size;
    uint64_t file_bytes; /* with all data, the last tensor padded too */
};

struct gguf_head_options {
    const struct gguf *model;
    const struct hparams *hparams;
    uint32_t file_type;
    const char *chat_template; /* put in when the model has none; may be NULL */
    size_t chat_template_length;
    const struct gguf_tensor *tensors; /* as they will be: type and bytes count, data does not */
    size_t tensor_count;
};

/* offsets[tensor_count] gets where each tensor's data lies, from the end of the head. */
bool gguf_head_make(struct gguf_head *head, const struct gguf_head_options *options,
                    uint64_t *offsets, struct err *err);

#endif
