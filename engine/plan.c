/* plan: see plan.h. */
#include "plan.h"

#include <stdio.h>

#include "base/err.h"

#include "compute/tensor.h"
#include "compute/workers.h"
#include "load/gguf.h"
#include "load/hparams.h"
#include "load/tokenizer.h"
#include "load/weights.h"
#include "session.h"
#include "text/attend.h"
#include "text/decoder.h"

/* What the C library keeps beside what it was asked for: its own lists, and the rest of the last
 * page of each large block. */
enum { LIBRARY_BYTES = 2 * 1024 * 1024 };

/* --- weights --- */

static uint64_t matrix_bytes(const struct weights_matrix *matrix)
{
    return matrix->data == NULL ? 0 : (uint64_t)matrix->rows * matrix->row_bytes;
}

static uint64_t experts_bytes(const struct hparams *hp, const struct weights_experts *e)
{
    uint64_t width = (uint64_t)hp->moe_intermediate_size, d = (uint64_t)hp->hidden_size;
    uint64_t one = width * (e->gate.row_bytes + e->up.row_bytes) + d * e->down.row_bytes;
    uint64_t vectors = 4 * d + (uint64_t)hp->num_experts;
    return matrix_bytes(&e->router) + (uint64_t)hp->top_k_experts * one + vectors * sizeof(float);
}

static uint64_t layer_bytes(const struct hparams *hp, const struct weights_layer *w,
                            const struct hparams_layer *layer)
{
    const struct weights_matrix *matrices[] = {
        &w->q, &w->k, &w->v, &w->o, &w->gate, &w->up, &w->down, &w->ple_gate, &w->ple_proj};
    uint64_t vectors = 5 * (uint64_t)hp->hidden_size + 2 * (uint64_t)layer->head_dim + 1;
    uint64_t bytes = vectors * sizeof(float);
    for (size_t i = 0; i < sizeof matrices / sizeof matrices[0]; i++) {
        bytes += matrix_bytes(matrices[i]);
    }
    return bytes + (hp->num_experts > 0 ? experts_bytes(hp, &w->experts) : 0);
}

/* What a token reads: of the tables that are looked up in, a row. */
static uint64_t touched_bytes(const struct plan_request *request)
{
    const struct weights *w = request->weights;
    const struct hparams *hp = request->hparams;
    uint64_t vectors = (uint64_t)hp->hidden_size + (uint64_t)hp->hidden_size_per_layer_input;
    uint64_t bytes = gguf_metadata_bytes(request->gguf) + w->embedding.row_bytes +
                     w->ple_embedding.row_bytes + matrix_bytes(&w->head) +
                     matrix_bytes(&w->ple_model_projection) + vectors * sizeof(float);
    for (int32_t l = 0; l < hp->num_hidden_layers; l++) {
        bytes += layer_bytes(hp, &w->layers[l], &hp->layers[l]);
    }
    return bytes;
}

/* --- the whole --- */

void plan_make(const struct plan_request *request, struct plan *plan)
{
    const struct hparams *hp = request->hparams;
    struct session_plan session;
    session_plan(&(struct session_options){.hparams = hp,
                                           .workers = workers_planned(request->threads),
                                           .context = request->context,
                                           .kv_type = request->kv_type},
                 &session);
    uint64_t mapped = gguf_file_bytes(request->gguf), touched = touched_bytes(request);
    struct plan made = {
        .mapped = mapped,
        .touched = touched < mapped ? touched : mapped,
        .kv = session.kv,
        .copies = session.copies,
        .work = session.work + gguf_own_bytes(request->gguf) + tokenizer_plan(request->gguf) +
                tensor_machine_plan(request->threads, decoder_widest(hp)) + decoder_plan(hp) +
                attend_plan(hp, request->threads) + sizeof *request->weights +
                sizeof *request->hparams + LIBRARY_BYTES,
    };
    made.total = made.touched + made.kv + made.copies + made.work;
    *plan = made;
}

size_t plan_largest_context(const struct plan_request *request, size_t longest, uint64_t memory)
{
    size_t fits = 0, too_long = longest + 1;
    while (too_long - fits > 1) {
        struct plan_request other = *request;
        struct plan plan;
        other.context = fits + (too_long - fits) / 2;
        plan_make(&other, &plan);
        if (plan.total <= memory) {
            fits = other.context;
        } else {
            too_long = other.context;
        }
    }
    return fits;
}

/* "12.34 GiB". */
static void show_bytes(uint64_t bytes, char shown[32])
{
    double mebibytes = (double)bytes / (1024 * 1024);
    if (mebibytes < 1024) {
        snprintf(shown, 32, "%.1f MiB", mebibytes);
    } else {
        snprintf(shown, 32, "%.2f GiB", mebibytes / 1024);
    }
}

bool plan_check(const struct plan_request *request, uint64_t memory, struct err *err)
{
    struct plan plan;
    plan_make(request, &plan);
    if (plan.total <= memory) {
        return true;
    }
    char total[32], weights[32], kv[32], left[32], advice[80] = "no context would fit";
    size_t largest =
        plan_largest_context(request, (size_t)request->hparams->context_length, memory);
    if (largest > 0) {
        snprintf(advice, sizeof advice, "a context of %zu would fit", largest);
    }
    show_bytes(plan.total, total);
    show_bytes(plan.touched, weights);
    show_bytes(plan.kv, kv);
    show_bytes(memory, left);
    return err_set(err, ERR_MEMORY,
                   "%s: a context of %zu tokens needs %s of memory (weights %s, keys and values "
                   "%s), but %s are available; %s",
                   gguf_shown_path(request->gguf), request->context, total, weights, kv, left,
                   advice);
}
