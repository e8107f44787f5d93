/* drafter: see drafter.h. It runs through the same pass as the target does, one row high, on the
 * target's cache. Two things of the pass are set so that attention sees what a drafter sees: the
 * row's position is that of the newest key, because the query has no key of its own, and the window
 * is as many keys as the sliding layers may see. Angles are made before, for the query's position.
 */
#include "text/drafter.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "compute/rows.h"
#include "compute/workers.h"
#include "load/gguf.h"
#include "load/hparams.h"
#include "load/weights.h"
#include "text/attend.h"
#include "text/attention.h"
#include "text/decoder.h"
#include "text/feed_forward.h"
#include "text/pass.h"

enum { USUAL_TOP_K = 32 };

/* The head in two steps; all 0 when the file has none. */
struct centroids {
    struct weights_matrix matrix; /* [count][hidden] */
    int32_t *ordering;            /* [vocabulary]: the tokens of one centroid behind another's */
    size_t count, size, top_k;    /* centroids, tokens of each, how many are looked at */
    float *scores;                /* [count] */
    size_t *chosen;               /* [top_k] */
    float *logits;                /* [top_k][size] */
    float *rows;                  /* [workers][hidden]: decoded rows of the head */
};

struct drafter {
    struct hparams hparams; /* its window is what attention may see */
    struct weights weights;
    struct pass pass;
    struct pass_part part;           /* of it: a guess goes through alone */
    struct weights_matrix pre, post; /* [hidden][2 d], [d][hidden] */
    struct centroids centroids;
    const struct weights *target;
    size_t target_hidden;
    int32_t window; /* the model's own */
    bool dense;
    float *input;  /* [2 d] */
    float *state;  /* [d] */
    float *logits; /* [vocabulary] */
};

/* --- one step --- */

static void norm_input(struct pass *pass, const float *norm)
{
    rows_rms_norm(pass->machine, pass->normed, pass->x, norm, 1, (size_t)pass->hparams->hidden_size,
                  pass->hparams->rms_norm_eps);
}

static void add_branch(struct pass *pass, const float *norm)
{
    size_t d = (size_t)pass->hparams->hidden_size;
    rows_rms_norm(pass->machine, pass->branch, pass->branch, norm, 1, d,
                  pass->hparams->rms_norm_eps);
    rows_add(pass->machine, pass->x, pass->branch, d);
}

static void run_layer(struct pass *pass, int32_t layer)
{
    const struct weights_layer *w = &pass->weights->layers[layer];
    norm_input(pass, w->input_norm);
    attention_project(pass, layer, 0);
    attention_attend(pass, layer);
    add_branch(pass, w->post_attention_norm);
    norm_input(pass, w->pre_ffw_norm);
    feed_forward_dense(pass, layer);
    add_branch(pass, w->post_ffw_norm);
    rows_scale(pass->machine, pass->x, w->layer_scalar, (size_t)pass->hparams->hidden_size);
}

/* out = matrix x, one row. */
static void multiply(struct drafter *drafter, const struct weights_matrix *matrix, const float *x,
                     float *out)
{
    struct tensor_product product = {
        .matrix = matrix,
        .x = x,
        .x_stride = (size_t)matrix->columns,
        .out = out,
        .out_stride = (size_t)matrix->rows,
        .tokens = 1,
    };
    tensor_multiply(drafter->pass.machine, &product, 1);
}

/* From a token and a state to y in pass.normed; false when it was cancelled. `pre` may be NULL. */
static bool run_layers(struct drafter *drafter, int32_t token, const float *state, float *pre)
{
    struct pass *pass = &drafter->pass;
    size_t d = drafter->target_hidden;
    float scale = sqrtf((float)d);
    tensor_decode_row(pass->machine, &drafter->target->embedding, token, drafter->input);
    for (size_t i = 0; i < d; i++) {
        drafter->input[i] *= scale;
    }
    memcpy(drafter->input + d, state, d * sizeof *state);
    multiply(drafter, &drafter->pre, drafter->input, pass->x);
    if (pre != NULL) {
        memcpy(pre, pass->x, (size_t)drafter->hparams.hidden_size * sizeof *pre);
    }
    for (int32_t l = 0; l < drafter->hparams.num_hidden_layers && !pass->machine->stopped; l++) {
        run_layer(pass, l);
    }
    norm_input(pass, drafter->weights.output_norm);
    return !pass->machine->stopped;
}

/* --- heads --- */

static int32_t best_of(const float *logits, size_t count)
{
    size_t best = 0;
    for (size_t i = 1; i < count; i++) {
        best = logits[i] > logits[best] ? i : best;
    }
    return (int32_t)best;
}

/* The top_k greatest scores; of equals the first. */
static void choose_centroids(struct centroids *centroids)
{
    for (size_t k = 0; k < centroids->top_k; k++) {
        size_t best = SIZE_MAX;
        for (size_t i = 0; i < centroids->count; i++) {
            if (!isnan(centroids->scores[i]) &&
                (best == SIZE_MAX || centroids->scores[i] > centroids->scores[best])) {
                best = i;
            }
        }
        best = best == SIZE_MAX ? 0 : best; /* all of them are no numbers */
        centroids->chosen[k] = best;
        centroids->scores[best] = NAN; /* taken */
    }
}

/* The logits of one chosen centroid's tokens. */
static void look_at_centroid(void *context, size_t index, int worker)
{
    struct drafter *drafter = context;
    struct centroids *centroids = &drafter->centroids;
    size_t hidden = (size_t)drafter->hparams.hidden_size, size = centroids->size;
    const int32_t *ids = centroids->ordering + centroids->chosen[index] * size;
    float *row = centroids->rows + (size_t)worker * hidden;
    for (size_t i = 0; i < size; i++) {
        float sum = 0;
        tensor_decode_row(drafter->pass.machine, &drafter->weights.head, ids[i], row);
        for (size_t j = 0; j < hidden; j++) {
            sum += row[j] * drafter->pass.normed[j];
        }
        centroids->logits[index * size + i] = sum;
    }
}

/* `scores` (may be NULL) gets what the centroids came to. */
static int32_t run_centroids(struct drafter *drafter, float *scores)
{
    struct centroids *centroids = &drafter->centroids;
    multiply(drafter, &centroids->matrix, drafter->pass.normed, centroids->scores);
    if (scores != NULL) {
        memcpy(scores, centroids->scores, centroids->count * sizeof *scores);
    }
    choose_centroids(centroids);
    tensor_share(drafter->pass.machine, look_at_centroid, drafter, centroids->top_k);
    size_t best = (size_t)best_of(centroids->logits, centroids->top_k * centroids->size);
    size_t cluster = centroids->chosen[best / centroids->size];
    return centroids->ordering[cluster * centroids->size + best % centroids->size];
}

static bool uses_centroids(const struct drafter *drafter)
{
    return drafter->centroids.count > 0 && !drafter->dense;
}

static int32_t run_head(struct drafter *drafter, float *scores)
{
    if (uses_centroids(drafter)) {
        return run_centroids(drafter, scores);
    }
    multiply(drafter, &drafter->weights.head, drafter->pass.normed, drafter->logits);
    return best_of(drafter->logits, (size_t)drafter->hparams.vocab_size);
}

/* --- rounds --- */

static void begin(struct drafter *drafter, const struct drafter_place *place)
{
    struct pass *pass = &drafter->pass;
    struct pass_part *part = &drafter->part;
    assert(place->position >= 1);
    *part = (struct pass_part){.cache = place->cache, .position = place->position, .count = 1};
    pass->parts = part;
    pass->part_count = 1;
    pass->machine->cancel = place->cancel;
    pass->machine->stopped = false;
    attention_prepare_angles(pass);
    part->position = place->position - 1;
}

size_t drafter_guess(struct drafter *drafter, const struct drafter_place *place, size_t count,
                     int32_t *guesses)
{
    const float *state = place->state;
    int32_t token = place->token;
    size_t made = 0;
    if (count == 0) {
        return 0;
    }
    begin(drafter, place);
    while (made < count && run_layers(drafter, token, state, NULL)) {
        token = run_head(drafter, NULL);
        guesses[made++] = token;
        if (made < count) {
            multiply(drafter, &drafter->post, drafter->pass.normed, drafter->state);
            state = drafter->state;
        }
    }
    bool stopped = drafter->pass.machine->stopped;
    drafter->pass.machine->cancel = NULL;
    return stopped ? 0 : made;
}

/* The logits of all tokens, as they count for the choice. */
static void spread_logits(const struct drafter *drafter, float *logits)
{
    const struct centroids *centroids = &drafter->centroids;
    size_t vocabulary = (size_t)drafter->hparams.vocab_size;
    if (!uses_centroids(drafter)) {
        memcpy(logits, drafter->logits, vocabulary * sizeof *logits);
        return;
    }
    float least = INFINITY;
    for (size_t i = 0; i < centroids->top_k * centroids->size; i++) {
        least = fminf(least, centroids->logits[i]);
    }
    for (size_t i = 0; i < vocabulary; i++) {
        logits[i] = least - 1;
    }
    for (size_t k = 0; k < centroids->top_k; k++) {
        for (size_t i = 0; i < centroids->size; i++) {
            int32_t id = centroids->ordering[centroids->chosen[k] * centroids->size + i];
            logits[id] = centroids->logits[k * centroids->size + i];
        }
    }
}

bool drafter_run(struct drafter *drafter, const struct drafter_place *place,
                 const struct drafter_step *step, int32_t *guess)
{
    begin(drafter, place);
    bool ok = run_layers(drafter, place->token, place->state, step->pre);
    if (ok) {
        *guess = run_head(drafter, step->centroids);
        memcpy(step->final_norm, drafter->pass.normed,
               (size_t)drafter->hparams.hidden_size * sizeof *step->final_norm);
        spread_logits(drafter, step->logits);
        multiply(drafter, &drafter->post, drafter->pass.normed, step->state);
    }
    drafter->pass.machine->cancel = NULL;
    return ok && !drafter->pass.machine->stopped;
}

/* --- fitting it to its target --- */

static bool check_target(const struct drafter *drafter, const struct gguf *gguf,
                         const struct hparams *target, struct err *err)
{
    static const char key[] = "gemma4-assistant.embedding_length_out";
    const struct hparams *hp = &drafter->hparams;
    int64_t width;
    if (!gguf_integer(gguf, key, &width, err)) {
        return false;
    }
    const struct {
        const char *what;
        int64_t own, target;
    } pairs[] = {
        {"a target's hidden size", width, target->hidden_size},
        {"a vocabulary", hp->vocab_size, target->vocab_size},
        {"a sliding window", hp->sliding_window, target->sliding_window},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        if (pairs[i].own != pairs[i].target) {
            return err_set(err, ERR_UNSUPPORTED,
                           "%s: the drafter is made for %s of %" PRId64
                           ", but the model has %" PRId64,
                           gguf_shown_path(gguf), pairs[i].what, pairs[i].own, pairs[i].target);
        }
    }
    if (hp->sliding_window < 2 || hp->hidden_size_per_layer_input != 0 || hp->num_experts != 0) {
        return err_set(err, ERR_UNSUPPORTED,
                       "%s: a drafter with a window of %d, per-layer inputs of %d and %d experts "
                       "is not run",
                       gguf_shown_path(gguf), hp->sliding_window, hp->hidden_size_per_layer_input,
                       hp->num_experts);
    }
    return true;
}

/* Whose keys and values each layer reads. */
static bool find_donors(struct drafter *drafter, const struct gguf *gguf,
                        const struct hparams *target, struct err *err)
{
    struct hparams *hp = &drafter->hparams;
    int32_t donors[2] = {HPARAMS_NO_LAYER, HPARAMS_NO_LAYER}; /* by `sliding` */
    for (int32_t l = 0; l < target->num_hidden_layers; l++) {
        if (!target->layers[l].shares_kv) {
            donors[target->layers[l].sliding] = l;
        }
    }
    for (int32_t l = 0; l < hp->num_hidden_layers; l++) {
        struct hparams_layer *layer = &hp->layers[l];
        int32_t donor = donors[layer->sliding];
        const char *kind = layer->sliding ? "sliding" : "full";
        if (donor == HPARAMS_NO_LAYER) {
            return err_set(err, ERR_UNSUPPORTED,
                           "%s: layer %d of the drafter is %s, but the model has no such layer",
                           gguf_shown_path(gguf), l, kind);
        }
        const struct hparams_layer *other = &target->layers[donor];
        if (layer->head_dim != other->head_dim ||
            hp->num_attention_heads % other->num_key_value_heads != 0) {
            return err_set(err, ERR_UNSUPPORTED,
                           "%s: layer %d of the drafter has %d heads of %d, but layer %d of the "
                           "model, whose K/V it reads, has %d of %d",
                           gguf_shown_path(gguf), l, hp->num_attention_heads, layer->head_dim,
                           donor, other->num_key_value_heads, other->head_dim);
        }
        layer->kv_layer = donor;
        layer->num_key_value_heads = other->num_key_value_heads;
    }
    return true;
}

static bool check_matrix(const struct weights_matrix *matrix, const struct gguf *gguf,
                         size_t widest, struct err *err)
{
    if (matrix->data == NULL) {
        return true;
    }
    if (matrix->format->decode == NULL || (size_t)matrix->columns > widest) {
        return err_set(err, ERR_UNSUPPORTED,
                       "%s: a matrix of the drafter is %s with %d columns; decoded formats with at "
                       "most %zu columns are run",
                       gguf_shown_path(gguf), matrix->format->name, matrix->columns, widest);
    }
    return true;
}

static bool check_matrices(const struct drafter *drafter, const struct gguf *gguf,
                           const struct hparams *target, struct err *err)
{
    size_t widest = decoder_widest(target);
    bool ok = check_matrix(&drafter->weights.head, gguf, widest, err) &&
              check_matrix(&drafter->pre, gguf, widest, err) &&
              check_matrix(&drafter->post, gguf, widest, err) &&
              check_matrix(&drafter->centroids.matrix, gguf, widest, err);
    for (int32_t l = 0; l < drafter->hparams.num_hidden_layers && ok; l++) {
        const struct weights_layer *w = &drafter->weights.layers[l];
        const struct weights_matrix *matrices[] = {&w->q, &w->o, &w->gate, &w->up, &w->down};
        for (size_t i = 0; i < sizeof matrices / sizeof matrices[0] && ok; i++) {
            ok = check_matrix(matrices[i], gguf, widest, err);
        }
    }
    return ok;
}

/* --- building --- */

static bool no_memory(struct err *err)
{
    return err_set(err, ERR_MEMORY, "no memory for a drafter");
}

static bool read_ordering(struct centroids *centroids, const struct gguf *gguf, size_t vocabulary,
                          struct err *err)
{
    const struct gguf_tensor *tensor = gguf_tensor_find(gguf, "masked_embd_ordering");
    if (tensor == NULL || tensor->type != QUANT_F32 ||
        tensor->bytes != vocabulary * sizeof(float)) {
        return err_set(err, ERR_FORMAT, "%s: the centroids need an ordering of %zu tokens",
                       gguf_shown_path(gguf), vocabulary);
    }
    centroids->ordering = mem_try_alloc(vocabulary, sizeof *centroids->ordering);
    if (centroids->ordering == NULL) {
        return no_memory(err);
    }
    for (size_t i = 0; i < vocabulary; i++) {
        float value;
        memcpy(&value, tensor->data + i * sizeof value, sizeof value);
        if (!(value >= 0 && value < (float)vocabulary)) {
            return err_set(err, ERR_FORMAT, "%s: masked_embd_ordering has no token at %zu",
                           gguf_shown_path(gguf), i);
        }
        centroids->ordering[i] = (int32_t)value;
    }
    return true;
}

static bool bind_centroids(struct drafter *drafter, const struct gguf *gguf, struct err *err)
{
    struct centroids *centroids = &drafter->centroids;
    const char name[] = "masked_embd_centroids.weight";
    const struct gguf_tensor *tensor = gguf_tensor_find(gguf, name);
    size_t vocabulary = (size_t)drafter->hparams.vocab_size;
    size_t hidden = (size_t)drafter->hparams.hidden_size;
    size_t workers = (size_t)workers_count(drafter->pass.machine->workers);
    if (tensor == NULL) {
        return true;
    }
    uint64_t count = tensor->ne[1];
    int64_t top_k = USUAL_TOP_K;
    (void)gguf_integer(gguf, "gemma4-assistant.masked_embedding_top_k", &top_k, NULL);
    if (count < 1 || count > vocabulary || vocabulary % count != 0 || top_k < 1 ||
        (uint64_t)top_k > count) {
        return err_set(err, ERR_FORMAT,
                       "%s: %" PRIu64 " centroids for %zu tokens, of which %" PRId64
                       " are looked at, cannot be",
                       gguf_shown_path(gguf), count, vocabulary, top_k);
    }
    if (!weights_bind_matrix(&centroids->matrix, name, (int32_t)count, (int32_t)hidden, gguf,
                             err) ||
        !read_ordering(centroids, gguf, vocabulary, err)) {
        return false;
    }
    centroids->count = (size_t)count;
    centroids->size = vocabulary / (size_t)count;
    centroids->top_k = (size_t)top_k;
    centroids->scores = mem_try_alloc(centroids->count, sizeof *centroids->scores);
    centroids->chosen = mem_try_alloc(centroids->top_k, sizeof *centroids->chosen);
    centroids->logits =
        mem_try_alloc(centroids->top_k * centroids->size, sizeof *centroids->logits);
    centroids->rows = mem_try_align(64, workers * hidden, sizeof *centroids->rows);
    return (centroids->scores != NULL && centroids->chosen != NULL && centroids->logits != NULL &&
            centroids->rows != NULL) ||
           no_memory(err);
}

static size_t greater(size_t a, size_t b)
{
    return a > b ? a : b;
}

static bool init_pass(struct drafter *drafter, struct err *err)
{
    struct pass *pass = &drafter->pass;
    const struct hparams *hp = &drafter->hparams;
    size_t query = 0, wide = 0, heads[2] = {0, 0}; /* by `sliding` */
    for (int32_t l = 0; l < hp->num_hidden_layers; l++) {
        const struct hparams_layer *layer = &hp->layers[l];
        heads[layer->sliding] = (size_t)layer->head_dim;
        query = greater(query, (size_t)layer->head_dim * (size_t)hp->num_attention_heads);
        wide = greater(wide, (size_t)layer->intermediate_size);
    }
    size_t turning = (size_t)hp->rope_rotating_pairs_full, half = heads[0] / 2;
    if (!rope_init(&pass->rope_sliding, heads[1], heads[1] / 2, hp->rope_theta_sliding, err) ||
        !rope_init(&pass->rope_full, heads[0], turning < half ? turning : half, hp->rope_theta_full,
                   err)) {
        return false;
    }
    size_t hidden = (size_t)hp->hidden_size, d = drafter->target_hidden;
    const struct {
        float **values;
        size_t count;
    } buffers[] = {
        {&pass->x, hidden},
        {&pass->normed, hidden},
        {&pass->branch, hidden},
        {&pass->q, query},
        {&pass->attended, query},
        {&pass->k, 1}, /* never written: no layer makes K/V */
        {&pass->v, 1},
        {&pass->gate, wide},
        {&pass->up, wide},
        {&pass->angles_sliding.cosines, pass->rope_sliding.pairs},
        {&pass->angles_sliding.sines, pass->rope_sliding.pairs},
        {&pass->angles_full.cosines, pass->rope_full.pairs},
        {&pass->angles_full.sines, pass->rope_full.pairs},
        {&drafter->input, 2 * d},
        {&drafter->state, d},
        {&drafter->logits, (size_t)hp->vocab_size},
    };
    for (size_t i = 0; i < sizeof buffers / sizeof buffers[0]; i++) {
        *buffers[i].values = mem_try_align(64, buffers[i].count, sizeof(float));
        if (*buffers[i].values == NULL) {
            return no_memory(err);
        }
    }
    return true;
}

static bool build(struct drafter *drafter, const struct gguf *gguf, const struct hparams *target,
                  struct err *err)
{
    struct hparams *hp = &drafter->hparams;
    if (!hparams_read_drafter(hp, gguf, err) || !check_target(drafter, gguf, target, err) ||
        !find_donors(drafter, gguf, target, err) ||
        !weights_bind(&drafter->weights, hp, gguf, err) ||
        !weights_bind_matrix(&drafter->pre, "nextn.pre_projection.weight", hp->hidden_size,
                             2 * target->hidden_size, gguf, err) ||
        !weights_bind_matrix(&drafter->post, "nextn.post_projection.weight", target->hidden_size,
                             hp->hidden_size, gguf, err) ||
        !bind_centroids(drafter, gguf, err) || !check_matrices(drafter, gguf, target, err)) {
        return false;
    }
    drafter->window = hp->sliding_window;
    drafter_set_window(drafter, DRAFTER_WINDOW_POSITION);
    drafter->pass.hparams = hp;
    drafter->pass.weights = &drafter->weights;
    drafter->pass.count = 1;
    drafter->pass.attend = attend_create(hp, drafter->pass.machine, err);
    return drafter->pass.attend != NULL && init_pass(drafter, err);
}

struct drafter *drafter_create(const struct gguf *gguf, const struct hparams *target,
                               const struct weights *target_weights, struct tensor_machine *machine,
                               struct err *err)
{
    struct drafter *drafter = mem_try_zero(1, sizeof *drafter);
    if (drafter == NULL) {
        no_memory(err);
        return NULL;
    }
    drafter->target = target_weights;
    drafter->target_hidden = (size_t)target->hidden_size;
    drafter->pass.machine = machine;
    if (!build(drafter, gguf, target, err)) {
        drafter_destroy(drafter);
        return NULL;
    }
    return drafter;
}

void drafter_destroy(struct drafter *drafter)
{
    if (drafter == NULL) {
        return;
    }
    struct pass *pass = &drafter->pass;
    struct centroids *centroids = &drafter->centroids;
    float *buffers[] = {
        pass->x,
        pass->normed,
        pass->branch,
        pass->q,
        pass->attended,
        pass->k,
        pass->v,
        pass->gate,
        pass->up,
        pass->angles_sliding.cosines,
        pass->angles_sliding.sines,
        pass->angles_full.cosines,
        pass->angles_full.sines,
        drafter->input,
        drafter->state,
        drafter->logits,
        centroids->scores,
        centroids->logits,
        centroids->rows,
    };
    for (size_t i = 0; i < sizeof buffers / sizeof buffers[0]; i++) {
        mem_free(buffers[i]);
    }
    mem_free(centroids->ordering);
    mem_free(centroids->chosen);
    attend_destroy(pass->attend);
    rope_finish(&pass->rope_sliding);
    rope_finish(&pass->rope_full);
    mem_free(drafter);
}

/* --- for tests --- */

void drafter_set_window(struct drafter *drafter, enum drafter_window window)
{
    drafter->hparams.sliding_window =
        window == DRAFTER_WINDOW_WIDE ? drafter->window + 1 : drafter->window - 1;
}

void drafter_set_dense(struct drafter *drafter, bool dense)
{
    drafter->dense = dense;
}

size_t drafter_centroid_count(const struct drafter *drafter)
{
    return drafter->centroids.count;
}

size_t drafter_hidden_size(const struct drafter *drafter)
{
    return (size_t)drafter->hparams.hidden_size;
}
