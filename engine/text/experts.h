/* experts: the mixture of a layer: a router picks some experts for each token, their outputs are
 * added by the router's weights.
 *
 *   z = rms(x) * router_scale / sqrt(d);  s = softmax(Router z), over all experts
 *   the K best by s;  w_e = s_e / (sum of the K s) * output_scale_e
 *   m = sum of w_e Down_e (gelu_tanh(Gate_e y) * (Up_e y)),  y = norm(x, pre_experts_norm)
 *
 * Formulas: the published Gemma 4 architecture. The router sees the raw residual, not y, and works
 * in float32: rounding would choose other experts. The scratch belongs to a decoder and serves one
 * run at a time.
 */
#ifndef CARAT_TEXT_EXPERTS_H
#define CARAT_TEXT_EXPERTS_H

#include <stddef.h>
#include <stdint.h>

struct err;
struct experts;
struct hparams;
struct pass;

/* Scratch for runs of up to `rows` tokens; NULL with ERR_MEMORY. hparams must have experts. */
struct experts *experts_create(const struct hparams *hparams, size_t rows, struct err *err);
/* What they take. */
uint64_t experts_plan(const struct hparams *hparams, size_t rows);
void experts_destroy(struct experts *experts);

/* branch = norm(branch, post_dense_norm) + norm(m, post_experts_norm), active rows, where branch is
 * the dense feed-forward's output. Overwrites normed, gate and up. */
void experts_add(struct pass *pass, int32_t layer);

#endif
