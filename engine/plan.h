/* plan: how much memory a model and a session of it need, before they take any.
 *
 * Made of what the parts say of themselves (kv_cache_plan, decoder_plan, ...), each beside the
 * lines that allocate, and of the places of the weights in the files. Nothing of the weights is
 * read. Two kinds of memory:
 *
 *   mapped   the files. Only what each token reads of them has to stay: all weights but the table
 *            of per-layer embeddings, of which a row is read, and the experts that were not chosen;
 *            the system drops and reads again the rest as it likes.
 *   own      K/V, copies of rings, activations, tables: as much as it says, at most.
 *
 * A plan is an upper bound for whole contexts: pages of K/V are allocated when they are needed.
 */
#ifndef CARAT_PLAN_H
#define CARAT_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "load/quant.h"

struct err;
struct gguf;
struct hparams;
struct weights;

struct plan_request {
    const struct gguf *gguf;
    const struct hparams *hparams;
    const struct weights *weights;
    int threads; /* 0: one for each core */
    size_t context;
    enum quant_type kv_type;
};

/* Bytes. */
struct plan {
    uint64_t mapped;  /* all files */
    uint64_t touched; /* of them, what a token reads and what is read at load */
    uint64_t kv, copies, work;
    uint64_t total; /* touched, kv, copies and work */
};

void plan_make(const struct plan_request *request, struct plan *plan);

/* The longest context up to `longest` (the request's does not count) whose total is at most
 * `memory`; 0: none. */
size_t plan_largest_context(const struct plan_request *request, size_t longest, uint64_t memory);

/* True when it fits; else ERR_MEMORY with the figures and the largest context that would. */
bool plan_check(const struct plan_request *request, uint64_t memory, struct err *err);

#endif
