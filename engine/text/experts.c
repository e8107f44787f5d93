/* Tokens are sorted by expert, so that an expert's weights are read once for all tokens that chose
 * it. A "slot" is one token's use of one expert; slots of one expert lie side by side, in the order
 * of the tokens:
 *
 *   token      0     1     2            slot     0  1  2  3  4  5
 *   chose     7 2   2 5   2 7    ->     expert   2  2  2  5  7  7
 *                                       token    0  1  2  1  0  2
 *
 * Each slot is computed alone and a token adds up its slots in the order of its own choice, best
 * first: which other tokens are in the batch changes no bit of its result.
 */
#include "text/experts.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "compute/rows.h"
#include "load/weights.h"
#include "text/pass.h"

/* Experts whose products are one piece of work: gate and up of each. */
enum { GROUP = TENSOR_PRODUCTS_MAX / 2 };

struct experts {
    size_t count, chosen; /* E and K */
    float *scores;        /* [rows][E] */
    int32_t *ids;         /* [rows][K] chosen experts, best first */
    float *weights;       /* [rows][K] */
    uint32_t *slots;      /* [rows][K] slot of a token's k-th choice */
    uint32_t *first;      /* [E + 1] slots of expert e: first[e] .. first[e + 1] - 1 */
    float *gathered;      /* [rows * K][d] inputs of the slots, then their outputs */
};

struct experts *experts_create(const struct hparams *hparams, size_t rows, struct err *err)
{
    struct experts *experts = mem_try_zero(1, sizeof *experts);
    if (experts != NULL) {
        experts->count = (size_t)hparams->num_experts;
        experts->chosen = (size_t)hparams->top_k_experts;
        size_t slots = rows * experts->chosen;
        experts->scores = mem_try_align(64, rows * experts->count, sizeof *experts->scores);
        experts->ids = mem_try_zero(slots, sizeof *experts->ids);
        experts->weights = mem_try_zero(slots, sizeof *experts->weights);
        experts->slots = mem_try_zero(slots, sizeof *experts->slots);
        experts->first = mem_try_zero(experts->count + 1, sizeof *experts->first);
        experts->gathered =
            mem_try_align(64, slots * (size_t)hparams->hidden_size, sizeof *experts->gathered);
    }
    if (experts == NULL || experts->scores == NULL || experts->ids == NULL ||
        experts->weights == NULL || experts->slots == NULL || experts->first == NULL ||
        experts->gathered == NULL) {
        err_set(err, ERR_MEMORY, "no memory for %d of %d experts of %zu tokens",
                hparams->top_k_experts, hparams->num_experts, rows);
        experts_destroy(experts);
        return NULL;
    }
    return experts;
}

uint64_t experts_plan(const struct hparams *hparams, size_t rows)
{
    const struct experts *e = NULL;
    size_t count = (size_t)hparams->num_experts, d = (size_t)hparams->hidden_size;
    size_t slots = rows * (size_t)hparams->top_k_experts;
    return sizeof *e + rows * count * sizeof *e->scores + (count + 1) * sizeof *e->first +
           slots * (sizeof *e->ids + sizeof *e->weights + sizeof *e->slots) +
           slots * d * sizeof *e->gathered;
}

void experts_destroy(struct experts *experts)
{
    if (experts == NULL) {
        return;
    }
    mem_free(experts->scores);
    mem_free(experts->ids);
    mem_free(experts->weights);
    mem_free(experts->slots);
    mem_free(experts->first);
    mem_free(experts->gathered);
    mem_free(experts);
}

/* --- the router --- */

struct choice_job {
    struct experts *experts;
    const struct kernels *kernels;
    const float *output_scale;
};

/* One token: softmax, the K best (the lowest id of equals first), their weights. Whatever the
 * scores hold, NaN included, K different experts are chosen. */
static void choose(void *context, size_t row, int worker)
{
    (void)worker;
    const struct choice_job *job = context;
    const struct experts *e = job->experts;
    float *scores = e->scores + row * e->count, *weights = e->weights + row * e->chosen;
    int32_t *ids = e->ids + row * e->chosen;
    rows_softmax(job->kernels, scores, e->count);
    float sum = 0;
    for (size_t k = 0; k < e->chosen; k++) {
        size_t best = e->count;
        for (size_t i = 0; i < e->count; i++) {
            bool taken = false;
            for (size_t before = 0; before < k; before++) {
                taken = taken || ids[before] == (int32_t)i;
            }
            if (!taken && (best == e->count || scores[i] > scores[best])) {
                best = i;
            }
        }
        ids[k] = (int32_t)best;
        weights[k] = scores[best];
        sum += scores[best];
    }
    for (size_t k = 0; k < e->chosen; k++) {
        weights[k] = weights[k] / sum * job->output_scale[ids[k]];
    }
}

static void route(struct pass *pass, const struct weights_experts *w)
{
    struct experts *e = pass->experts;
    size_t d = (size_t)pass->hparams->hidden_size, rows = pass_active(pass);
    float *z = pass->normed + pass->first * d;
    rows_rms_norm(pass->machine, z, pass->x + pass->first * d, w->router_scale, rows, d,
                  pass->hparams->rms_norm_eps);
    rows_scale(pass->machine, z, 1.0f / sqrtf((float)d), rows * d);
    struct tensor_product router = {
        .matrix = &w->router,
        .x = z,
        .x_stride = d,
        .out = e->scores,
        .out_stride = e->count,
        .tokens = rows,
    };
    tensor_multiply(pass->machine, &router, 1);
    struct choice_job job = {
        .experts = e, .kernels = pass->machine->kernels, .output_scale = w->output_scale};
    tensor_share(pass->machine, choose, &job, rows);
}

/* --- slots --- */

static void sort_by_expert(struct experts *e, size_t rows)
{
    size_t uses = rows * e->chosen;
    memset(e->first, 0, (e->count + 1) * sizeof *e->first);
    for (size_t i = 0; i < uses; i++) {
        e->first[e->ids[i]]++;
    }
    uint32_t end = 0;
    for (size_t i = 0; i <= e->count; i++) { /* now: where each expert's slots end */
        end += e->first[i];
        e->first[i] = end;
    }
    for (size_t i = uses; i-- > 0;) { /* backwards, so that the first token is placed first */
        e->slots[i] = --e->first[e->ids[i]];
    }
}

struct rows_job {
    struct experts *experts;
    float *rows; /* [rows][d] */
    size_t width;
};

static void gather(void *context, size_t row, int worker)
{
    (void)worker;
    const struct rows_job *job = context;
    const struct experts *e = job->experts;
    for (size_t k = 0; k < e->chosen; k++) {
        memcpy(e->gathered + e->slots[row * e->chosen + k] * job->width,
               job->rows + row * job->width, job->width * sizeof *job->rows);
    }
}

static void combine(void *context, size_t row, int worker)
{
    (void)worker;
    const struct rows_job *job = context;
    const struct experts *e = job->experts;
    float *out = job->rows + row * job->width;
    for (size_t k = 0; k < e->chosen; k++) {
        float weight = e->weights[row * e->chosen + k];
        const float *in = e->gathered + e->slots[row * e->chosen + k] * job->width;
        for (size_t i = 0; i < job->width; i++) {
            out[i] = k == 0 ? weight * in[i] : out[i] + weight * in[i];
        }
    }
}

/* --- the products --- */

struct group {
    int32_t ids[GROUP];
    size_t count;
};

/* rows[slots of expert][width] *= scales[expert] for the experts of a group. */
static void scale_slots(struct pass *pass, const struct group *group, const float *scales,
                        float *rows, size_t width)
{
    const struct experts *e = pass->experts;
    for (size_t i = 0; scales != NULL && i < group->count; i++) {
        int32_t id = group->ids[i];
        size_t slot = e->first[id];
        rows_scale(pass->machine, rows + slot * width, scales[id],
                   (e->first[id + 1] - slot) * width);
    }
}

/* Gate, up and down of some experts, for all their slots. The slots of neighbours lie side by side,
 * but those of experts that are no neighbours do too, because the ones between have none. */
static void run_group(struct pass *pass, const struct weights_experts *w, const struct group *group)
{
    const struct experts *e = pass->experts;
    size_t d = (size_t)pass->hparams->hidden_size;
    size_t width = (size_t)pass->hparams->moe_intermediate_size;
    struct tensor_product in[TENSOR_PRODUCTS_MAX], down[GROUP];
    for (size_t i = 0; i < group->count; i++) {
        int32_t id = group->ids[i];
        size_t slot = e->first[id];
        struct tensor_product product = {
            .matrix = &w->gate,
            .x = e->gathered + slot * d,
            .x_stride = d,
            .out = pass->gate + slot * width,
            .out_stride = width,
            .tokens = e->first[id + 1] - slot,
            .row_from = id * w->stride,
            .row_count = (int32_t)width,
        };
        in[2 * i] = product;
        in[2 * i + 1] = product;
        in[2 * i + 1].matrix = &w->up;
        in[2 * i + 1].out = pass->up + slot * width;
        down[i] = (struct tensor_product){
            .matrix = &w->down,
            .x = pass->gate + slot * width,
            .x_stride = width,
            .out = e->gathered + slot * d, /* the input was used before this begins */
            .out_stride = d,
            .tokens = product.tokens,
            .row_from = id * (int32_t)d,
            .row_count = (int32_t)d,
        };
    }
    size_t from = e->first[group->ids[0]], to = e->first[group->ids[group->count - 1] + 1];
    tensor_multiply(pass->machine, in, 2 * group->count);
    scale_slots(pass, group, w->gate_scale, pass->gate, width);
    scale_slots(pass, group, w->up_scale, pass->up, width);
    rows_gelu_multiply(pass->machine, pass->gate + from * width, pass->up + from * width, width,
                       to - from, width);
    tensor_multiply(pass->machine, down, group->count);
}

static void run_all(struct pass *pass, const struct weights_experts *w)
{
    const struct experts *e = pass->experts;
    struct group group = {.count = 0};
    for (size_t i = 0; i < e->count; i++) {
        if (e->first[i + 1] == e->first[i]) {
            continue;
        }
        group.ids[group.count++] = (int32_t)i;
        if (group.count == GROUP) {
            run_group(pass, w, &group);
            group.count = 0;
        }
    }
    if (group.count > 0) {
        run_group(pass, w, &group);
    }
}

void experts_add(struct pass *pass, int32_t layer)
{
    const struct weights_experts *w = &pass->weights->layers[layer].experts;
    struct experts *e = pass->experts;
    size_t d = (size_t)pass->hparams->hidden_size, rows = pass_active(pass);
    float eps = pass->hparams->rms_norm_eps;
    const float *x = pass->x + pass->first * d;
    float *normed = pass->normed + pass->first * d, *branch = pass->branch + pass->first * d;

    rows_rms_norm(pass->machine, branch, branch, w->post_dense_norm, rows, d, eps);
    route(pass, w);
    if (pass->machine->stopped) {
        return; /* nothing was chosen, so that there are no slots to go by */
    }
    sort_by_expert(e, rows);
    rows_rms_norm(pass->machine, normed, x, w->pre_experts_norm, rows, d, eps);
    struct rows_job job = {.experts = e, .rows = normed, .width = d};
    tensor_share(pass->machine, gather, &job, rows);
    run_all(pass, w);
    tensor_share(pass->machine, combine, &job, rows);
    rows_rms_norm(pass->machine, normed, normed, w->post_experts_norm, rows, d, eps);
    rows_add(pass->machine, branch, normed, rows * d);
}
