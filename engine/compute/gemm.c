/* gemm: what the sets have in common: scratch, sharing, and the loop over parts.
 *
 * Sizes. A panel of GEMM_ROWS rows and a part's tokens stay in the second-level cache; one tile
 * pair of tokens stays in the first while all tiles of the panel go by. The sums of a piece are in
 * memory between parts, which costs little beside the 512 products that go into each every time.
 */
#include "compute/gemm.h"

#include <assert.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "compute/kernels.h"
#include "compute/tensor.h"
#include "compute/workers.h"
#include "load/weights.h"

enum {
    /* Pieces for each worker, so that one that is not scheduled for a while delays little. */
    PIECES_A_WORKER = 4,
    LEAST_ROWS = 2 * GEMM_TILE,
};

/* --- scratch --- */

static size_t parts_of(size_t columns)
{
    return (columns + GEMM_PART - 1) / GEMM_PART;
}

static size_t tiles_of(size_t count)
{
    return (count + GEMM_TILE - 1) / GEMM_TILE;
}

/* A worker's scratch: the panel, the sums, and decoded rows of one tile. */
static size_t panel_bytes(const struct gemm_set *set)
{
    return GEMM_ROWS * set->row_bytes;
}

enum {
    SUMS_BYTES = GEMM_ROWS * GEMM_TOKENS * (int)sizeof(float),
    VALUES_BYTES = GEMM_TILE * GEMM_PART * (int)sizeof(float),
};

static uint64_t bytes_of(const struct gemm_set *set, int workers, size_t columns_max)
{
    return (uint64_t)parts_of(columns_max) * GEMM_TOKENS * set->token_bytes +
           (uint64_t)workers * (panel_bytes(set) + SUMS_BYTES + VALUES_BYTES);
}

uint64_t gemm_plan(int workers, size_t columns_max)
{
    uint64_t most = 0;
    const struct kernels *kernels;
    for (size_t i = 0; (kernels = kernels_at(i)) != NULL; i++) {
        for (size_t g = 0; g < KERNELS_GEMMS && kernels->gemm[g] != NULL; g++) {
            uint64_t bytes = bytes_of(kernels->gemm[g], workers, columns_max);
            most = bytes > most ? bytes : most;
        }
    }
    return most;
}

bool gemm_init(struct gemm *gemm, const struct kernels *kernels, int workers, size_t columns_max,
               struct err *err)
{
    struct gemm made = {0};
    for (size_t i = 0; i < KERNELS_GEMMS && made.set == NULL; i++) {
        const struct gemm_set *set = kernels->gemm[i];
        made.set = set != NULL && set->supported() ? set : NULL;
    }
    if (made.set != NULL) {
        size_t parts = parts_of(columns_max);
        made.scratch_bytes = panel_bytes(made.set) + SUMS_BYTES + VALUES_BYTES;
        made.packed = mem_try_align(64, parts * GEMM_TOKENS, made.set->token_bytes);
        made.scratch = mem_try_align(64, (size_t)workers, made.scratch_bytes);
        if (made.packed == NULL || made.scratch == NULL) {
            gemm_finish(&made);
            return err_set(err, ERR_MEMORY, "no memory for the products of %d workers", workers);
        }
    }
    *gemm = made;
    return true;
}

void gemm_finish(struct gemm *gemm)
{
    mem_free(gemm->packed);
    mem_free(gemm->scratch);
    *gemm = (struct gemm){0};
}

bool gemm_takes(const struct gemm *gemm, const struct tensor_product *product)
{
    const struct quant_format *format = product->matrix->format;
    return gemm->set != NULL && GEMM_PART % format->block_values == 0 &&
           !(gemm->set->blocks_only && format->block_values == 1);
}

/* --- one group of products: the same tokens --- */

struct group {
    const struct tensor_machine *machine;
    const struct gemm_set *set;
    const struct tensor_product *products;
    size_t product_count;
    size_t token_from, tokens; /* of this round, at most GEMM_TOKENS */
    size_t columns;
    size_t piece_rows;
    size_t first_piece[TENSOR_PRODUCTS_MAX + 1];
};

static size_t part_columns(const struct group *group, size_t part)
{
    size_t left = group->columns - part * GEMM_PART;
    return left < GEMM_PART ? left : GEMM_PART;
}

/* Packed activations: [part][tile of tokens]. */
static unsigned char *packed_at(const struct group *group, size_t part, size_t tile)
{
    size_t tile_bytes = GEMM_TILE * group->set->token_bytes;
    return group->machine->gemm.packed + (part * tiles_of(group->tokens) + tile) * tile_bytes;
}

/* Piece: one tile of tokens, all parts. */
static void pack_piece(void *context, size_t tile, int worker)
{
    (void)worker;
    const struct group *group = context;
    const struct tensor_product *product = &group->products[0];
    size_t first = tile * GEMM_TILE, left = group->tokens - first;
    const float *x = product->x + (group->token_from + first) * product->x_stride;
    for (size_t part = 0; part < parts_of(group->columns); part++) {
        group->set->pack(x + part * GEMM_PART, product->x_stride,
                         left < GEMM_TILE ? left : GEMM_TILE, part_columns(group, part),
                         packed_at(group, part, tile));
    }
}

/* A tile of rows of one part into the panel. `stored` is the first row's part. */
static void unpack_tile(const struct group *group, const struct weights_matrix *matrix,
                        const unsigned char *stored, size_t rows, size_t columns, float *values,
                        unsigned char *panel)
{
    const struct gemm_set *set = group->set;
    enum quant_type type = matrix->format->type;
    if (set->unpack[type] != NULL) {
        set->unpack[type](stored, matrix->row_bytes, rows, columns, panel);
        return;
    }
    void (*decode)(const unsigned char *, size_t, float *) =
        group->machine->kernels->rows[type].decode;
    decode = decode != NULL ? decode : matrix->format->decode;
    for (size_t r = 0; r < rows; r++) {
        decode(stored + r * matrix->row_bytes, columns / matrix->format->block_values,
               values + r * GEMM_PART);
    }
    set->round(values, GEMM_PART, rows, columns, panel);
}

/* What will be unpacked while this part is multiplied and the next begins: rows are too short for
 * the machine's own prefetching. An address past the end does no harm. */
static void fetch_ahead(const unsigned char *stored, size_t row_bytes, size_t rows, size_t bytes)
{
    for (size_t r = 0; r < rows; r++) {
        uintptr_t at = (uintptr_t)stored + r * row_bytes;
        for (size_t offset = 0; offset < bytes; offset += 64) {
            __builtin_prefetch((const void *)(at + offset), 0, 2);
        }
    }
}

static void multiply_piece(void *context, size_t piece, int worker)
{
    const struct group *group = context;
    const struct gemm_set *set = group->set;
    size_t i = 0;
    while (piece >= group->first_piece[i + 1]) {
        i++;
    }
    const struct tensor_product *product = &group->products[i];
    const struct weights_matrix *matrix = product->matrix;
    size_t first = (piece - group->first_piece[i]) * group->piece_rows;
    size_t rows = (size_t)product->row_count - first;
    rows = rows < group->piece_rows ? rows : group->piece_rows;
    size_t block_bytes = matrix->format->block_bytes;
    size_t part_bytes = GEMM_PART / matrix->format->block_values * block_bytes;
    const unsigned char *stored =
        matrix->data + ((size_t)product->row_from + first) * matrix->row_bytes;

    unsigned char *panel =
        group->machine->gemm.scratch + (size_t)worker * group->machine->gemm.scratch_bytes;
    float *sums = (float *)(void *)(panel + panel_bytes(set));
    float *values = (float *)(void *)(panel + panel_bytes(set) + SUMS_BYTES);
    /* From the last part to the first one of the piece that will likely be ours. */
    size_t next_piece =
        group->piece_rows * (size_t)workers_count(group->machine->workers) * matrix->row_bytes -
        (parts_of(group->columns) - 1) * part_bytes;
    for (size_t part = 0; part < parts_of(group->columns); part++, stored += part_bytes) {
        size_t columns = part_columns(group, part);
        size_t ahead = part + 1 < parts_of(group->columns) ? part_bytes : next_piece;
        for (size_t r = 0; r < rows; r += GEMM_TILE) {
            size_t some = rows - r < GEMM_TILE ? rows - r : GEMM_TILE;
            fetch_ahead(stored + r * matrix->row_bytes + ahead, matrix->row_bytes, some,
                        part_bytes);
            unpack_tile(group, matrix, stored + r * matrix->row_bytes, some, columns, values,
                        panel + r * set->row_bytes);
        }
        set->multiply(panel, tiles_of(rows), packed_at(group, part, 0), tiles_of(group->tokens),
                      columns, part == 0, sums);
    }
    set->store(sums, rows, group->tokens, matrix->scale,
               product->out + group->token_from * product->out_stride + first, product->out_stride);
}

/* Enough pieces to share evenly, each short enough to be cancelled and to be waited for. */
static size_t rows_of_a_piece(const struct group *group)
{
    size_t total = 0;
    for (size_t i = 0; i < group->product_count; i++) {
        total += (size_t)group->products[i].row_count;
    }
    size_t workers = (size_t)workers_count(group->machine->workers);
    size_t even = total / (workers * PIECES_A_WORKER);
    size_t brief = group->set->piece_products / (group->columns * group->tokens);
    size_t rows = even < brief ? even : brief;
    rows = rows / LEAST_ROWS * LEAST_ROWS;
    rows = rows < LEAST_ROWS ? LEAST_ROWS : rows;
    return rows < GEMM_ROWS ? rows : GEMM_ROWS;
}

static void multiply_group(struct tensor_machine *machine, struct group *group)
{
    size_t total = group->products[0].tokens;
    for (size_t from = 0; from < total && !machine->stopped; from += GEMM_TOKENS) {
        group->token_from = from;
        group->tokens = total - from < GEMM_TOKENS ? total - from : GEMM_TOKENS;
        group->piece_rows = rows_of_a_piece(group);
        for (size_t i = 0; i < group->product_count; i++) {
            size_t rows = (size_t)group->products[i].row_count;
            group->first_piece[i + 1] =
                group->first_piece[i] + (rows + group->piece_rows - 1) / group->piece_rows;
        }
        tensor_share(machine, pack_piece, group, tiles_of(group->tokens));
        tensor_share(machine, multiply_piece, group, group->first_piece[group->product_count]);
    }
}

static bool same_tokens(const struct tensor_product *a, const struct tensor_product *b)
{
    return a->x == b->x && a->x_stride == b->x_stride && a->tokens == b->tokens &&
           a->matrix->columns == b->matrix->columns;
}

void gemm_multiply(struct tensor_machine *machine, const struct tensor_product *products,
                   size_t product_count)
{
    assert(product_count <= TENSOR_PRODUCTS_MAX);
    for (size_t i = 0, end; i < product_count && !machine->stopped; i = end) {
        end = i + 1;
        while (end < product_count && same_tokens(&products[i], &products[end])) {
            end++;
        }
        struct group group = {
            .machine = machine,
            .set = machine->gemm.set,
            .products = products + i,
            .product_count = end - i,
            .columns = (size_t)products[i].matrix->columns,
        };
        multiply_group(machine, &group);
    }
}
