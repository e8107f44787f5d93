/* vision_encoder: see vision_encoder.h.
 *
 * Products go over CHUNK patches at a time, so that the wide rows between two of them are few; only
 * the residual stream x, the attended values and q, k and v are held for all patches: q and k as
 * [head][patch][hd], v turned round as [head][hd][patch], so that both products of attention are
 * rows against rows. A piece of attention is QUERIES queries of one head.
 */
#include "vision/vision_encoder.h"

#include <math.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

#include "compute/kernels.h"
#include "compute/mutual.h"
#include "compute/rows.h"
#include "compute/tensor.h"
#include "compute/workers.h"
#include "vision/patches.h"
#include "vision/vision_weights.h"

enum { CHUNK = 512, QUERIES = 16, ALIGNMENT = 64, PACK_KEYS = 8 * MUTUAL_STEP };

struct encoding {
    const struct vision_weights *weights;
    struct tensor_machine *machine;
    const struct vision_weights_layer *layer;
    const float *patches;
    size_t columns, rows, count; /* of patches; count = columns * rows */
    size_t d, f, heads, hd;
    const struct mutual_set *mutual; /* attention in fast arithmetic; NULL: in float32 */
    size_t head_bytes;               /* of a head's keys and values, packed for it */
    float *block;                    /* all of the following lie in it */
    float *x;                        /* [count][d] */
    float *attended;                 /* [count][d] */
    float *q, *k, *v;                /* see above */
    float *normed;                   /* [CHUNK][d] */
    float *clamped;                  /* [CHUNK][the widest]: the input of a limited product */
    float *wide_a, *wide_b;          /* [CHUNK][the widest] */
    float *wide_c;                   /* [CHUNK][d] */
    float *scores;                   /* [workers][QUERIES][count]; fast: scratch of the workers */
    float *packed;                   /* fast: [heads][head_bytes] */
    float *cosines, *sines;          /* [greater of columns, rows][hd / 4] */
    size_t first, chunk;             /* the patches that are done now */
};

size_t vision_encoder_widest(const struct vision_weights *weights)
{
    int32_t widest = weights->hidden_size > weights->intermediate_size ? weights->hidden_size
                                                                       : weights->intermediate_size;
    return widest > PATCHES_VALUES ? (size_t)widest : PATCHES_VALUES;
}

/* --- memory --- */

static size_t at_least(size_t a, size_t b)
{
    return a > b ? a : b;
}

enum { PARTS = 14 };

struct part {
    float **place;
    size_t size;
};

/* What a picture takes, in values. A side is below 2^20 patches and d below 2^15, so the sum of
 * sizes cannot overflow. */
static size_t measure(struct encoding *e, size_t workers, struct part parts[PARTS])
{
    size_t widest = vision_encoder_widest(e->weights), all = e->count * e->d;
    size_t angles = at_least(e->columns, e->rows) * (e->hd / 4);
    size_t scores = QUERIES * e->count, packed = 0;
    if (e->mutual != NULL) {
        scores = e->mutual->scratch_bytes / sizeof(float);
        packed = e->heads * e->head_bytes / sizeof(float);
    }
    const struct part list[PARTS] = {
        {&e->x, all},
        {&e->attended, all},
        {&e->q, all},
        {&e->k, all},
        {&e->v, all},
        {&e->normed, CHUNK * e->d},
        {&e->clamped, CHUNK * widest},
        {&e->wide_a, CHUNK * widest},
        {&e->wide_b, CHUNK * widest},
        {&e->wide_c, CHUNK * e->d},
        {&e->scores, workers * scores},
        {&e->packed, packed},
        {&e->cosines, angles},
        {&e->sines, angles},
    };
    size_t total = 0;
    for (size_t i = 0; i < PARTS; i++) {
        parts[i] = list[i];
        total += (list[i].size + 15) / 16 * 16;
    }
    return total;
}

static bool reserve(struct encoding *e, struct err *err)
{
    struct part parts[PARTS];
    size_t total = measure(e, (size_t)workers_count(e->machine->workers), parts);
    e->block = mem_try_align(ALIGNMENT, total, sizeof(float));
    if (e->block == NULL) {
        return err_set(err, ERR_MEMORY, "no memory for a picture of %zu patches", e->count);
    }
    float *next = e->block;
    for (size_t i = 0; i < PARTS; i++) {
        *parts[i].place = next;
        next += (parts[i].size + 15) / 16 * 16;
    }
    return true;
}

/* --- products with limits --- */

static bool is_limited(float least, float most)
{
    return !isinf(least) || !isinf(most);
}

/* out[chunk][rows] = clamp(M clamp(x[chunk][columns])) */
static void multiply(struct encoding *e, const struct vision_weights_linear *linear, const float *x,
                     float *out)
{
    size_t columns = (size_t)linear->matrix.columns, rows = (size_t)linear->matrix.rows;
    if (is_limited(linear->input_min, linear->input_max)) {
        rows_clamp(e->machine, e->clamped, x, linear->input_min, linear->input_max,
                   e->chunk * columns);
        x = e->clamped;
    }
    struct tensor_product product = {.matrix = &linear->matrix,
                                     .x = x,
                                     .x_stride = columns,
                                     .out = out,
                                     .out_stride = rows,
                                     .tokens = e->chunk};
    tensor_multiply(e->machine, &product, 1);
    if (is_limited(linear->output_min, linear->output_max)) {
        rows_clamp(e->machine, out, out, linear->output_min, linear->output_max, e->chunk * rows);
    }
}

/* Calls `step` for all patches, a chunk at a time. */
static void by_chunk(struct encoding *e, void (*step)(struct encoding *e))
{
    for (e->first = 0; e->first < e->count && !e->machine->stopped; e->first += CHUNK) {
        size_t left = e->count - e->first;
        e->chunk = left < CHUNK ? left : CHUNK;
        step(e);
    }
}

static void norm(struct encoding *e, float *out, const float *x, const float *weight)
{
    rows_rms_norm(e->machine, out, x, weight, e->chunk, e->d, e->weights->rms_norm_eps);
}

/* --- patches --- */

static void add_position(void *context, size_t index, int worker)
{
    (void)worker;
    struct encoding *e = context;
    size_t patch = e->first + index, d = e->d;
    size_t column = patch % e->columns, row = patch / e->columns;
    const float *of_column = e->weights->positions + column * d;
    const float *of_row = e->weights->positions + ((size_t)e->weights->position_count + row) * d;
    float *x = e->x + patch * d;
    for (size_t i = 0; i < d; i++) {
        x[i] += of_column[i] + of_row[i];
    }
}

/* x = M (2 p - 1) + positions of the column and the row */
static void embed_patches(struct encoding *e)
{
    const float *patches = e->patches + e->first * PATCHES_VALUES;
    for (size_t i = 0; i < e->chunk * PATCHES_VALUES; i++) {
        e->wide_a[i] = 2.0f * patches[i] - 1.0f;
    }
    struct tensor_product product = {.matrix = &e->weights->patch,
                                     .x = e->wide_a,
                                     .x_stride = PATCHES_VALUES,
                                     .out = e->x + e->first * e->d,
                                     .out_stride = e->d,
                                     .tokens = e->chunk};
    tensor_multiply(e->machine, &product, 1);
    tensor_share(e->machine, add_position, e, e->chunk);
}

/* --- attention --- */

/* Half of a head, h values, turns with the column and half with the row: pair (i, i + h/2) by
 * position * 100^(-2 i / h). */
static void prepare_angles(struct encoding *e)
{
    size_t pairs = e->hd / 4, positions = at_least(e->columns, e->rows);
    for (size_t i = 0; i < pairs; i++) {
        float frequency = (float)(1.0 / pow(100.0, (double)i / (double)pairs));
        for (size_t p = 0; p < positions; p++) {
            float angle = (float)p * frequency;
            e->cosines[p * pairs + i] = cosf(angle);
            e->sines[p * pairs + i] = sinf(angle);
        }
    }
}

static void turn(const struct encoding *e, size_t patch, float *head)
{
    size_t pairs = e->hd / 4;
    const size_t positions[] = {patch % e->columns, patch / e->columns};
    for (size_t half = 0; half < 2; half++) {
        const float *cosines = e->cosines + positions[half] * pairs;
        const float *sines = e->sines + positions[half] * pairs;
        float *low = head + half * 2 * pairs, *high = low + pairs;
        for (size_t i = 0; i < pairs; i++) {
            float a = low[i], b = high[i];
            low[i] = a * cosines[i] - b * sines[i];
            high[i] = b * cosines[i] + a * sines[i];
        }
    }
}

/* The heads of one patch: normed (v without weights), turned, and put where attention reads. */
static void place_heads(void *context, size_t index, int worker)
{
    (void)worker;
    struct encoding *e = context;
    const struct kernels *kernels = e->machine->kernels;
    const float eps = e->weights->rms_norm_eps;
    size_t patch = e->first + index, hd = e->hd;
    for (size_t head = 0; head < e->heads; head++) {
        size_t from = index * e->d + head * hd, to = (head * e->count + patch) * hd;
        float *q = e->q + to, *k = e->k + to, *v = e->wide_c + from;
        rows_rms_norm_row(kernels, q, e->wide_a + from, e->layer->q_norm, hd, eps);
        rows_rms_norm_row(kernels, k, e->wide_b + from, e->layer->k_norm, hd, eps);
        rows_rms_norm_row(kernels, v, v, NULL, hd, eps);
        turn(e, patch, q);
        turn(e, patch, k);
        if (e->mutual != NULL) {
            memcpy(e->v + to, v, hd * sizeof *v);
            continue;
        }
        for (size_t i = 0; i < hd; i++) {
            e->v[(head * hd + i) * e->count + patch] = v[i];
        }
    }
}

static void project_heads(struct encoding *e)
{
    norm(e, e->normed, e->x + e->first * e->d, e->layer->input_norm);
    multiply(e, &e->layer->q, e->normed, e->wide_a);
    multiply(e, &e->layer->k, e->normed, e->wide_b);
    multiply(e, &e->layer->v, e->normed, e->wide_c);
    tensor_share(e->machine, place_heads, e, e->chunk);
}

/* softmax(q k^T) v for some queries of one head; the scale is 1 and nothing is masked. */
static void attend(void *context, size_t index, int worker)
{
    struct encoding *e = context;
    const struct kernels *kernels = e->machine->kernels;
    size_t blocks = (e->count + QUERIES - 1) / QUERIES;
    size_t head = index / blocks, first = index % blocks * QUERIES, hd = e->hd;
    size_t queries = e->count - first < QUERIES ? e->count - first : QUERIES;
    float *scores = e->scores + (size_t)worker * QUERIES * e->count;
    kernels->panel(e->k + head * e->count * hd, hd, e->count, hd,
                   e->q + (head * e->count + first) * hd, hd, queries, scores, e->count);
    for (size_t i = 0; i < queries; i++) {
        rows_softmax(kernels, scores + i * e->count, e->count);
    }
    kernels->panel(e->v + head * hd * e->count, e->count, hd, e->count, scores, e->count, queries,
                   e->attended + first * e->d + head * hd, e->d);
}

/* Some keys and values of one head. */
static void pack_keys(void *context, size_t index, int worker)
{
    (void)worker;
    struct encoding *e = context;
    size_t pieces = (e->count + PACK_KEYS - 1) / PACK_KEYS;
    size_t head = index / pieces, first = index % pieces * PACK_KEYS;
    size_t end = first + PACK_KEYS < e->count ? first + PACK_KEYS : e->count;
    const size_t at = head * e->count * e->hd;
    for (; first < end; first += MUTUAL_STEP) {
        e->mutual->pack(e->k + at, e->v + at, e->count, e->hd, first,
                        (unsigned char *)e->packed + head * e->head_bytes);
    }
}

static void attend_fast(void *context, size_t index, int worker)
{
    struct encoding *e = context;
    size_t blocks = (e->count + MUTUAL_QUERIES - 1) / MUTUAL_QUERIES;
    size_t head = index / blocks, first = index % blocks * MUTUAL_QUERIES;
    size_t queries = e->count - first < MUTUAL_QUERIES ? e->count - first : MUTUAL_QUERIES;
    e->mutual->attend(e->q + (head * e->count + first) * e->hd, queries, e->hd,
                      (unsigned char *)e->packed + head * e->head_bytes, e->count,
                      e->attended + first * e->d + head * e->hd, e->d,
                      (unsigned char *)e->scores + (size_t)worker * e->mutual->scratch_bytes);
}

static void attend_all(struct encoding *e)
{
    if (e->mutual == NULL) {
        tensor_share(e->machine, attend, e, e->heads * ((e->count + QUERIES - 1) / QUERIES));
        return;
    }
    tensor_share(e->machine, pack_keys, e, e->heads * ((e->count + PACK_KEYS - 1) / PACK_KEYS));
    tensor_share(e->machine, attend_fast, e,
                 e->heads * ((e->count + MUTUAL_QUERIES - 1) / MUTUAL_QUERIES));
}

/* x += norm(o(attended)) */
static void add_attended(struct encoding *e)
{
    multiply(e, &e->layer->o, e->attended + e->first * e->d, e->wide_a);
    rows_add_norm(e->machine, e->x + e->first * e->d, e->wide_a, e->layer->post_attention_norm,
                  e->chunk, e->d, e->weights->rms_norm_eps, 1);
}

/* --- feed-forward --- */

/* x = (x + norm(down(gelu(gate(h)) * up(h)))) * scale, h = norm(x) */
static void feed_forward(struct encoding *e)
{
    float *x = e->x + e->first * e->d;
    norm(e, e->normed, x, e->layer->pre_ffw_norm);
    multiply(e, &e->layer->gate, e->normed, e->wide_a);
    multiply(e, &e->layer->up, e->normed, e->wide_b);
    rows_gelu_multiply(e->machine, e->wide_a, e->wide_b, e->f, e->chunk, e->f);
    multiply(e, &e->layer->down, e->wide_a, e->wide_c);
    rows_add_norm(e->machine, x, e->wide_c, e->layer->post_ffw_norm, e->chunk, e->d,
                  e->weights->rms_norm_eps, e->layer->scale);
}

/* --- soft tokens --- */

/* The mean of 3 x 3 patches times sqrt(d), standardised where the model says so. One token. */
static void pool(void *context, size_t token, int worker)
{
    (void)worker;
    struct encoding *e = context;
    const size_t side = VISION_WEIGHTS_POOL, across = e->columns / side;
    size_t corner = token / across * side * e->columns + token % across * side;
    float *out = e->attended + token * e->d;
    const float *bias = e->weights->std_bias, *scale = e->weights->std_scale;
    const float root = sqrtf((float)e->d);
    for (size_t i = 0; i < e->d; i++) {
        float sum = 0;
        for (size_t n = 0; n < side * side; n++) {
            sum += e->x[(corner + n / side * e->columns + n % side) * e->d + i];
        }
        out[i] = sum / (float)(side * side) * root;
        if (bias != NULL) {
            out[i] = (out[i] - bias[i]) * scale[i];
        }
    }
}

static size_t token_count(const struct encoding *e)
{
    return e->count / (VISION_WEIGHTS_POOL * VISION_WEIGHTS_POOL);
}

/* soft = M norm(pooled) */
static void project_tokens(struct encoding *e, float *soft)
{
    size_t tokens = token_count(e);
    rows_rms_norm(e->machine, e->attended, e->attended, NULL, tokens, e->d,
                  e->weights->rms_norm_eps);
    struct tensor_product product = {.matrix = &e->weights->projector,
                                     .x = e->attended,
                                     .x_stride = e->d,
                                     .out = soft,
                                     .out_stride = (size_t)e->weights->text_hidden_size,
                                     .tokens = tokens};
    tensor_multiply(e->machine, &product, 1);
}

/* --- all of it --- */

static bool check_grid(const struct vision_weights *weights, size_t columns, size_t rows,
                       struct err *err)
{
    const size_t pool_side = VISION_WEIGHTS_POOL, most = (size_t)weights->position_count;
    if (columns == 0 || rows == 0 || columns % pool_side != 0 || rows % pool_side != 0 ||
        columns > most || rows > most) {
        return err_set(err, ERR_ARGUMENT,
                       "a picture of %zu x %zu patches: must be multiples of 3, at most %zu",
                       columns, rows, most);
    }
    return true;
}

static void run_layers(struct encoding *e, vision_encoder_watch *watch, void *context)
{
    for (int32_t i = 0; i < e->weights->num_hidden_layers && !e->machine->stopped; i++) {
        e->layer = &e->weights->layers[i];
        by_chunk(e, project_heads);
        attend_all(e);
        by_chunk(e, add_attended);
        by_chunk(e, feed_forward);
        tensor_tell(e->machine, (size_t)i + 1, (size_t)e->weights->num_hidden_layers);
        if (watch != NULL) {
            watch(context, "layer", i, e->x, e->count * e->d);
        }
    }
}

static void choose_attention(struct encoding *e)
{
    const struct mutual_set *mutual = e->machine->kernels->mutual;
    if (!e->machine->exact && mutual != NULL && mutual->supported() && e->hd <= MUTUAL_WIDTH_MAX) {
        e->mutual = mutual;
        e->head_bytes = mutual->packed_bytes(e->count, e->hd);
    }
}

static struct encoding begin(const struct vision_weights *weights, struct tensor_machine *machine,
                             size_t columns, size_t rows)
{
    struct encoding e = {
        .weights = weights,
        .machine = machine,
        .columns = columns,
        .rows = rows,
        .count = columns * rows,
        .d = (size_t)weights->hidden_size,
        .f = (size_t)weights->intermediate_size,
        .heads = (size_t)weights->num_attention_heads,
    };
    e.hd = e.d / e.heads;
    choose_attention(&e);
    return e;
}

uint64_t vision_encoder_plan(const struct vision_weights *weights, struct tensor_machine *machine,
                             size_t columns, size_t rows)
{
    struct encoding e = begin(weights, machine, columns, rows);
    struct part parts[PARTS];
    return (uint64_t)measure(&e, (size_t)workers_count(machine->workers), parts) * sizeof(float);
}

bool vision_encoder_run(const struct vision_weights *weights, struct tensor_machine *machine,
                        const float *patches, size_t columns, size_t rows, float *soft,
                        vision_encoder_watch *watch, void *context, struct err *err)
{
    struct encoding e = begin(weights, machine, columns, rows);
    e.patches = patches;
    if (!check_grid(weights, columns, rows, err) || !reserve(&e, err)) {
        return false;
    }
    machine->stopped = false;
    prepare_angles(&e);
    by_chunk(&e, embed_patches);
    if (watch != NULL) {
        watch(context, "patch_embed", 0, e.x, e.count * e.d);
    }
    run_layers(&e, watch, context);
    if (!machine->stopped) {
        tensor_share(machine, pool, &e, token_count(&e));
        if (watch != NULL) {
            watch(context, "pooled", 0, e.attended, token_count(&e) * e.d);
        }
        project_tokens(&e, soft);
    }
    mem_free(e.block);
    return !machine->stopped || err_set(err, ERR_CANCELLED, "the picture was cancelled");
}
