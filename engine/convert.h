/* convert: a model in any form that is read, to one GGUF file with the types of a mix.
 *
 * Tensor after tensor in pieces that workers share: memory holds some megabytes of the model at a
 * time. The file is written under another name beside its place, synced, opened and bound again as
 * any model is, and only then renamed; whatever ends the work before that leaves nothing behind but
 * a killed process.
 */
#ifndef CARAT_CONVERT_H
#define CARAT_CONVERT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "load/quant.h"

struct err;

enum { CONVERT_TYPES_MAX = 32 };

struct convert_options {
    const char *input, *output;
    const char *mix; /* a name of load/mix.h */
    int threads;     /* as workers_create */
    /* Called from the calling thread: bytes of the model that are done. May be NULL. */
    void (*progress)(void *context, uint64_t done, uint64_t total);
    void *context;
    const atomic_bool *cancel; /* may be NULL */
};

struct convert_result {
    uint64_t input_bytes, output_bytes; /* of tensors; of the file */
    size_t tensor_count;
    struct {
        enum quant_type type;
        size_t tensors;
    } types[CONVERT_TYPES_MAX]; /* in the order of their first tensor; no tensors: the end */
};

/* An existing file is replaced when it is a GGUF file and none that is read. ERR_ARGUMENT for those
 * and for an unknown mix, ERR_FULL when the disk has no room, ERR_FORMAT or ERR_LIMIT for a value
 * that the type does not take (the tensor is named), ERR_CANCELLED. */
bool convert_model(const struct convert_options *options, struct convert_result *result,
                   struct err *err);

#endif
