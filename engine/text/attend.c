/* attend: blocks of rows against blocks of keys, see attend.h.
 *
 * For a block of rows and a segment of keys: each sub-block of ROW_KERNELS_KEYS keys is turned so
 * that its keys lie beside each other, and both products (scores, and weights times values) run
 * along vectors without a sum across lanes. Every score and every output is one chain of additions,
 * over the head's values or over ascending keys. A key that a row does not see has the weight 0 in
 * it, which changes nothing in the chain.
 */
#include "text/attend.h"

#include <math.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "compute/kernels.h"
#include "compute/row_kernels.h"
#include "compute/workers.h"
#include "load/hparams.h"
#include "text/kv_cache.h"
#include "text/pass.h"
#include "text/soft.h"

/* Rows of a block: eight tokens of a model whose eight heads share one K/V head. */
enum { ROWS = 64 };

/* Values of the results of segments that wait to be joined. */
enum { WAITING_VALUES = 1024 * 1024 };

/* What a worker needs; rows are `width` apart, which is head_dim padded. */
struct scratch {
    float *queries; /* [ROWS][width] */
    float *decoded; /* [ROW_KERNELS_KEYS][width] */
    float *columns; /* [width][ROW_KERNELS_KEYS] keys, turned */
    float *scores;  /* [ROWS][ATTEND_SEGMENT] */
    float *sums;    /* [ROWS][width] weighted values of a segment */
};

/* Of a row: the greatest score so far and the sum of exp(score - greatest). */
struct share {
    float greatest, sum;
};

struct attend {
    size_t width; /* of the widest head */
    size_t worker_count;
    struct scratch *scratch; /* [workers] */
    float *values;           /* all of the above */
    float *waiting;          /* [WAITING_VALUES or more]: sums of segments */
    struct share *shares;    /* [segments that fit into waiting * ROWS] */
    struct share *totals;    /* [K/V heads * ROWS] */
    size_t waiting_rows;     /* rows that fit into waiting */
};

static size_t pad(size_t n)
{
    return (n + ROW_KERNELS_PAD - 1) / ROW_KERNELS_PAD * ROW_KERNELS_PAD;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t greater(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* --- scratch --- */

/* How much of everything there is. */
struct sizes {
    size_t kv_heads, width;
    size_t one; /* values of a worker's scratch */
    size_t waiting_rows;
};

static struct sizes measure(const struct hparams *hparams)
{
    struct sizes sizes = {.kv_heads = 1, .width = ROW_KERNELS_PAD};
    for (int32_t l = 0; l < hparams->num_hidden_layers; l++) {
        const struct hparams_layer *layer = &hparams->layers[l];
        sizes.kv_heads = greater(sizes.kv_heads, (size_t)layer->num_key_value_heads);
        sizes.width = greater(sizes.width, pad((size_t)layer->head_dim));
    }
    sizes.one = 2 * (ROWS + ROW_KERNELS_KEYS) * sizes.width + (size_t)ROWS * ATTEND_SEGMENT;
    sizes.waiting_rows = greater(WAITING_VALUES / sizes.width, sizes.kv_heads * ROWS);
    return sizes;
}

uint64_t attend_plan(const struct hparams *hparams, int threads)
{
    const struct attend *attend = NULL;
    struct sizes sizes = measure(hparams);
    uint64_t workers = (uint64_t)workers_planned(threads);
    return sizeof *attend +
           workers * (sizeof *attend->scratch + sizes.one * sizeof *attend->values) +
           sizes.waiting_rows * (sizes.width * sizeof *attend->waiting + sizeof *attend->shares) +
           sizes.kv_heads * ROWS * sizeof *attend->totals;
}

static bool allocate(struct attend *attend, const struct sizes *sizes)
{
    size_t rows = ROWS * sizes->width, keys = ROW_KERNELS_KEYS * sizes->width;
    attend->width = sizes->width;
    attend->waiting_rows = sizes->waiting_rows;
    attend->scratch = mem_try_zero(attend->worker_count, sizeof *attend->scratch);
    attend->values = mem_try_align(64, attend->worker_count * sizes->one, sizeof *attend->values);
    attend->waiting =
        mem_try_align(64, attend->waiting_rows * sizes->width, sizeof *attend->waiting);
    attend->shares = mem_try_alloc(attend->waiting_rows, sizeof *attend->shares);
    attend->totals = mem_try_alloc(sizes->kv_heads * ROWS, sizeof *attend->totals);
    if (attend->scratch == NULL || attend->values == NULL || attend->waiting == NULL ||
        attend->shares == NULL || attend->totals == NULL) {
        return false;
    }
    for (size_t i = 0; i < attend->worker_count; i++) {
        struct scratch *scratch = &attend->scratch[i];
        scratch->queries = attend->values + i * sizes->one;
        scratch->sums = scratch->queries + rows;
        scratch->decoded = scratch->sums + rows;
        scratch->columns = scratch->decoded + keys;
        scratch->scores = scratch->columns + keys;
    }
    return true;
}

struct attend *attend_create(const struct hparams *hparams, const struct tensor_machine *machine,
                             struct err *err)
{
    struct attend *attend = mem_try_zero(1, sizeof *attend);
    if (attend == NULL) {
        err_set(err, ERR_MEMORY, "no memory for attention");
        return NULL;
    }
    struct sizes sizes = measure(hparams);
    attend->worker_count = (size_t)workers_count(machine->workers);
    if (!allocate(attend, &sizes)) {
        attend_destroy(attend);
        err_set(err, ERR_MEMORY, "no memory for the attention of %zu workers",
                (size_t)workers_count(machine->workers));
        return NULL;
    }
    return attend;
}

void attend_destroy(struct attend *attend)
{
    if (attend == NULL) {
        return;
    }
    mem_free(attend->scratch);
    mem_free(attend->values);
    mem_free(attend->waiting);
    mem_free(attend->shares);
    mem_free(attend->totals);
    mem_free(attend);
}

/* --- what a row sees --- */

struct job {
    struct pass *pass;
    const struct pass_part *part;
    size_t first_token; /* of the active ones of the part: a row of the pass */
    const struct hparams_layer *layer;
    const struct kernels *kernels;
    size_t head_dim, width; /* width: head_dim padded */
    size_t group;           /* query heads that share a K/V head */
    size_t rows;            /* of one K/V head: active tokens of the part * group */
    /* Only where segments are the pieces of work: */
    size_t block;        /* first row */
    size_t segment_from; /* of those at hand */
    size_t segments;
};

static struct soft_range visible_keys(const struct job *job, size_t token)
{
    return soft_visible(job->pass, job->layer->sliding, token);
}

/* Some consecutive rows of one K/V head: row r is head r % group of its group, in active token r /
 * group of the part. */
struct rows {
    int kv_head;
    size_t first, count;
    struct soft_range visible; /* of any of them */
};

static size_t token_of(const struct job *job, const struct rows *rows, size_t r)
{
    return job->first_token + (rows->first + r) / job->group;
}

/* Where row r begins in pass->q and in pass->attended. */
static size_t place_of(const struct job *job, const struct rows *rows, size_t r)
{
    size_t heads = (size_t)job->pass->hparams->num_attention_heads;
    size_t head = (size_t)rows->kv_head * job->group + (rows->first + r) % job->group;
    return (token_of(job, rows, r) * heads + head) * job->head_dim;
}

static struct rows rows_from(const struct job *job, int kv_head, size_t first)
{
    struct rows rows = {
        .kv_head = kv_head, .first = first, .count = smaller(job->rows - first, ROWS)};
    rows.visible = visible_keys(job, token_of(job, &rows, 0));
    for (size_t r = 1; r < rows.count; r++) {
        struct soft_range more = visible_keys(job, token_of(job, &rows, r));
        rows.visible.begin = smaller(rows.visible.begin, more.begin);
        rows.visible.end = greater(rows.visible.end, more.end);
    }
    return rows;
}

static void load_queries(const struct job *job, const struct rows *rows, float *queries)
{
    for (size_t r = 0; r < rows->count; r++) {
        memcpy(queries + r * job->width, job->pass->q + place_of(job, rows, r),
               job->head_dim * sizeof *queries);
    }
}

/* --- keys and values as float32 --- */

enum side { KEYS, VALUES };

struct floats {
    const float *values;
    size_t stride;
};

static void decode_row(const struct kernels *kernels, enum quant_type type,
                       const unsigned char *stored, size_t n, float *values)
{
    const struct quant_format *format = quant_format(type);
    void (*fast)(const unsigned char *, size_t, float *) = kernels->rows[type].decode;
    (fast != NULL ? fast : format->decode)(stored, n / format->block_values, values);
}

/* Positions from .. to - 1, all between `base` and base + ROW_KERNELS_KEYS, as rows from - base ..
 * to - base - 1 of the result; the rows before are 0. Padded to `width` values where `padded`; read
 * where they lie when nothing has to be done to them. */
static struct floats load_positions(const struct job *job, enum side side, int kv_head, size_t base,
                                    struct soft_range range, bool padded, float *decoded)
{
    enum quant_type type = kv_cache_type(job->part->cache);
    size_t hd = job->head_dim, width = job->width;
    struct kv_span span;
    for (size_t p = range.begin; p < range.end; p += span.count) {
        span = kv_cache_span(job->part->cache, job->layer->kv_layer, kv_head, p, range.end);
        const unsigned char *stored = side == KEYS ? span.keys : span.values;
        if (type == QUANT_F32 && p == base && span.count == range.end - base &&
            !(padded && width != hd)) {
            return (struct floats){(const float *)(const void *)stored,
                                   span.row_bytes / sizeof(float)};
        }
        for (size_t i = 0; i < span.count; i++) {
            float *row = decoded + (p - base + i) * width;
            decode_row(job->kernels, type, stored + i * span.row_bytes, hd, row);
            memset(row + hd, 0, (width - hd) * sizeof *row);
        }
    }
    memset(decoded, 0, (range.begin - base) * width * sizeof *decoded);
    return (struct floats){decoded, width};
}

/* --- one segment --- */

static void score(const struct job *job, const struct rows *rows, size_t segment,
                  struct soft_range range, const struct scratch *scratch)
{
    const struct row_kernels *row = job->kernels->row;
    memset(scratch->scores, 0, rows->count * ATTEND_SEGMENT * sizeof *scratch->scores);
    for (size_t base = range.begin / ROW_KERNELS_KEYS * ROW_KERNELS_KEYS; base < range.end;
         base += ROW_KERNELS_KEYS) {
        struct soft_range part = {greater(range.begin, base),
                                  smaller(range.end, base + ROW_KERNELS_KEYS)};
        struct floats keys =
            load_positions(job, KEYS, rows->kv_head, base, part, false, scratch->decoded);
        size_t count = part.end - base;
        row->transpose(keys.values, keys.stride, count, job->head_dim, scratch->columns);
        row->multiply_add(scratch->queries, job->width, rows->count, job->head_dim,
                          scratch->columns, ROW_KERNELS_KEYS, pad(count),
                          scratch->scores + (base - segment), ATTEND_SEGMENT);
    }
}

/* Scores become weights; those of keys that a row does not see become 0. */
static void weigh(const struct job *job, const struct rows *rows, size_t segment,
                  struct soft_range range, const struct scratch *scratch, struct share *shares)
{
    const struct row_kernels *row = job->kernels->row;
    for (size_t r = 0; r < rows->count; r++) {
        struct soft_range seen = visible_keys(job, token_of(job, rows, r));
        seen.begin = greater(seen.begin, range.begin);
        seen.end = smaller(seen.end, range.end);
        float *scores = scratch->scores + r * ATTEND_SEGMENT;
        if (seen.begin >= seen.end) {
            memset(scores, 0, ATTEND_SEGMENT * sizeof *scores);
            shares[r] = (struct share){.greatest = -INFINITY};
            continue;
        }
        size_t from = seen.begin - segment, to = seen.end - segment;
        memset(scores, 0, from * sizeof *scores);
        memset(scores + to, 0, (ATTEND_SEGMENT - to) * sizeof *scores);
        float greatest = row->greatest(scores + from, to - from);
        shares[r].greatest = greatest;
        shares[r].sum = row->exponentials(scores + from, greatest, to - from);
    }
}

/* Of the segment that begins at `segment`: the shares of all rows, and sums [rows][job->width]. */
static void attend_segment(const struct job *job, const struct rows *rows, size_t segment,
                           const struct scratch *scratch, struct share *shares, float *sums)
{
    const struct row_kernels *row = job->kernels->row;
    struct soft_range range = {greater(rows->visible.begin, segment),
                               smaller(rows->visible.end, segment + ATTEND_SEGMENT)};
    score(job, rows, segment, range, scratch);
    weigh(job, rows, segment, range, scratch, shares);
    memset(sums, 0, rows->count * job->width * sizeof *sums);
    for (size_t base = range.begin / ROW_KERNELS_KEYS * ROW_KERNELS_KEYS; base < range.end;
         base += ROW_KERNELS_KEYS) {
        struct soft_range part = {greater(range.begin, base),
                                  smaller(range.end, base + ROW_KERNELS_KEYS)};
        struct floats values =
            load_positions(job, VALUES, rows->kv_head, base, part, true, scratch->decoded);
        size_t skipped = part.begin - base;
        row->multiply_add(scratch->scores + (part.begin - segment), ATTEND_SEGMENT, rows->count,
                          part.end - part.begin, values.values + skipped * values.stride,
                          values.stride, job->width, sums, job->width);
    }
}

/* Joins a segment's share of a row to the row's total. */
static void join(const struct job *job, float *out, struct share *total, const float *sums,
                 struct share share)
{
    if (share.greatest == -INFINITY && share.sum == 0) {
        return; /* the row sees nothing there */
    }
    float greatest = share.greatest > total->greatest ? share.greatest : total->greatest;
    float old = total->sum == 0 ? 0 : expf(total->greatest - greatest);
    float new = expf(share.greatest - greatest);
    job->kernels->row->blend(out, old, sums, new, job->head_dim);
    total->sum = total->sum * old + share.sum * new;
    total->greatest = greatest;
}

static void begin_row(const struct job *job, float *out, struct share *total)
{
    memset(out, 0, job->head_dim * sizeof *out);
    *total = (struct share){.greatest = -INFINITY};
}

static void end_row(const struct job *job, float *out, struct share total)
{
    job->kernels->row->scale(out, 1.0f / total.sum, job->head_dim);
}

/* --- many rows: a piece of work is a block of them --- */

/* The parts of a pass, and how many pieces those before each of them make. */
struct all_parts {
    struct job jobs[PASS_PARTS];
    size_t first_piece[PASS_PARTS + 1];
    size_t count;
};

static size_t blocks_of(const struct job *job)
{
    return (job->rows + ROWS - 1) / ROWS;
}

static void attend_block(void *context, size_t index, int worker)
{
    const struct all_parts *parts = context;
    size_t at = 0;
    while (index >= parts->first_piece[at + 1]) {
        at++;
    }
    index -= parts->first_piece[at];
    const struct job *job = &parts->jobs[at];
    const struct scratch *scratch = &job->pass->attend->scratch[worker];
    size_t blocks = blocks_of(job);
    struct rows rows = rows_from(job, (int)(index / blocks), index % blocks * ROWS);
    struct share totals[ROWS], shares[ROWS];
    load_queries(job, &rows, scratch->queries);
    for (size_t r = 0; r < rows.count; r++) {
        begin_row(job, job->pass->attended + place_of(job, &rows, r), &totals[r]);
    }
    for (size_t segment = rows.visible.begin / ATTEND_SEGMENT * ATTEND_SEGMENT;
         segment < rows.visible.end; segment += ATTEND_SEGMENT) {
        attend_segment(job, &rows, segment, scratch, shares, scratch->sums);
        for (size_t r = 0; r < rows.count; r++) {
            join(job, job->pass->attended + place_of(job, &rows, r), &totals[r],
                 scratch->sums + r * job->width, shares[r]);
        }
    }
    for (size_t r = 0; r < rows.count; r++) {
        end_row(job, job->pass->attended + place_of(job, &rows, r), totals[r]);
    }
}

/* --- few rows: a piece of work is a segment of keys --- */

/* The rows' place in attend->waiting and attend->shares. */
static size_t waiting_row(const struct job *job, const struct rows *rows, size_t index)
{
    return ((size_t)rows->kv_head * job->segments + index) * rows->count;
}

static void attend_part(void *context, size_t index, int worker)
{
    const struct job *job = context;
    struct attend *attend = job->pass->attend;
    const struct scratch *scratch = &attend->scratch[worker];
    struct rows rows = rows_from(job, (int)(index / job->segments), job->block);
    size_t part = index % job->segments, at = waiting_row(job, &rows, part);
    load_queries(job, &rows, scratch->queries);
    attend_segment(job, &rows, job->segment_from + part * ATTEND_SEGMENT, scratch,
                   attend->shares + at, attend->waiting + at * job->width);
}

/* One row: joins its segments at hand to its total. */
static void join_parts(void *context, size_t index, int worker)
{
    (void)worker;
    const struct job *job = context;
    struct attend *attend = job->pass->attend;
    size_t count = smaller(job->rows - job->block, ROWS), r = index % count;
    struct rows rows = rows_from(job, (int)(index / count), job->block);
    float *out = job->pass->attended + place_of(job, &rows, r);
    for (size_t part = 0; part < job->segments; part++) {
        size_t at = waiting_row(job, &rows, part) + r;
        join(job, out, &attend->totals[index], attend->waiting + at * job->width,
             attend->shares[at]);
    }
}

static void attend_by_segments(struct job *job, size_t kv_heads)
{
    struct attend *attend = job->pass->attend;
    struct rows rows = rows_from(job, 0, job->block);
    size_t all = kv_heads * rows.count;
    size_t fit = greater(attend->waiting_rows / all, 1);
    size_t end = (rows.visible.end + ATTEND_SEGMENT - 1) / ATTEND_SEGMENT;
    for (size_t i = 0; i < all; i++) {
        rows.kv_head = (int)(i / rows.count);
        begin_row(job, job->pass->attended + place_of(job, &rows, i % rows.count),
                  &attend->totals[i]);
    }
    for (size_t from = rows.visible.begin / ATTEND_SEGMENT; from < end; from += fit) {
        job->segment_from = from * ATTEND_SEGMENT;
        job->segments = smaller(end - from, fit);
        tensor_share(job->pass->machine, attend_part, job, kv_heads * job->segments);
        if (all * job->segments * job->width < 65536) {
            for (size_t i = 0; i < all; i++) { /* less than waking the others takes */
                join_parts(job, i, 0);
            }
        } else {
            tensor_share(job->pass->machine, join_parts, job, all);
        }
    }
    for (size_t i = 0; i < all; i++) {
        rows.kv_head = (int)(i / rows.count);
        end_row(job, job->pass->attended + place_of(job, &rows, i % rows.count), attend->totals[i]);
    }
}

void attend_run(struct pass *pass, int32_t layer)
{
    const struct hparams_layer *shape = &pass->hparams->layers[layer];
    size_t kv_heads = (size_t)shape->num_key_value_heads;
    struct job job = {
        .pass = pass,
        .layer = shape,
        .kernels = pass->machine->kernels,
        .head_dim = (size_t)shape->head_dim,
        .width = pad((size_t)shape->head_dim),
        .group = (size_t)pass->hparams->num_attention_heads / kv_heads,
    };
    struct all_parts all = {.count = pass->part_count};
    for (size_t i = 0; i < all.count; i++) {
        job.part = &pass->parts[i];
        job.first_token = greater(job.part->row, pass->first);
        job.rows = (job.part->row + job.part->count - job.first_token) * job.group;
        all.jobs[i] = job;
        all.first_piece[i + 1] = all.first_piece[i] + kv_heads * blocks_of(&job);
    }
    size_t pieces = all.first_piece[all.count];
    if (pass->attend->worker_count == 1 || pieces >= 2 * pass->attend->worker_count) {
        tensor_share(pass->machine, attend_block, &all, pieces);
        return;
    }
    for (size_t i = 0; i < all.count; i++) {
        for (all.jobs[i].block = 0; all.jobs[i].block < all.jobs[i].rows;
             all.jobs[i].block += ROWS) {
            attend_by_segments(&all.jobs[i], kv_heads);
        }
    }
}
