/* kv_cache: pages and rings, see kv_cache.h.
 *
 * Both are an array of page pointers; a ring is one page as long as the ring. A page holds all keys
 * of its positions and behind them all values.
 */
#include "text/kv_cache.h"

#include <math.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "compute/kernels.h"
#include "compute/row_kernels.h"
#include "load/hparams.h"

struct store {
    size_t row_values;     /* num_key_value_heads * head_dim; 0: the layer shares K/V */
    size_t row_bytes;      /* of keys, or of values */
    size_t head_bytes;     /* of one head in a row */
    size_t page_positions; /* the length of a page, or of the ring */
    size_t page_count;
    unsigned char **pages; /* NULL where not allocated yet */
    bool ring;
};

struct kv_cache {
    enum quant_type type;
    const struct quant_format *format;
    size_t window;
    size_t ring;   /* positions in a ring */
    size_t oldest; /* rings hold nothing below this position */
    bool has_rings;
    size_t bytes;
    int layer_count;
    struct store stores[];
};

static size_t page_bytes(const struct store *store)
{
    return 2 * store->page_positions * store->row_bytes;
}

static bool allocate_page(struct kv_cache *cache, struct store *store, size_t page)
{
    if (store->pages[page] != NULL) {
        return true;
    }
    store->pages[page] = mem_try_align(64, 1, page_bytes(store));
    if (store->pages[page] == NULL) {
        return false;
    }
    cache->bytes += page_bytes(store);
    return true;
}

static size_t ring_positions(const struct hparams *hparams, size_t context, size_t chunk)
{
    size_t ring = (size_t)hparams->sliding_window + chunk + KV_CACHE_SLACK;
    return ring < context ? ring : context;
}

/* A store of a layer with K/V of its own, without its pages. */
static struct store describe_store(const struct hparams_layer *layer,
                                   const struct quant_format *format, size_t ring, size_t context)
{
    size_t heads = (size_t)layer->num_key_value_heads, head_dim = (size_t)layer->head_dim;
    size_t head_bytes = head_dim / format->block_values * format->block_bytes;
    return (struct store){
        .ring = layer->sliding,
        .head_bytes = head_bytes,
        .row_bytes = head_bytes * heads,
        .row_values = head_dim * heads,
        .page_positions = layer->sliding ? ring : KV_CACHE_PAGE,
        .page_count = layer->sliding ? 1 : (context + KV_CACHE_PAGE - 1) / KV_CACHE_PAGE,
    };
}

void kv_cache_plan(const struct hparams *hparams, size_t context, size_t chunk,
                   enum quant_type type, struct kv_cache_plan *plan)
{
    size_t ring = ring_positions(hparams, context, chunk);
    *plan = (struct kv_cache_plan){0};
    for (int32_t l = 0; l < hparams->num_hidden_layers; l++) {
        const struct hparams_layer *layer = &hparams->layers[l];
        if (layer->shares_kv) {
            continue;
        }
        struct store store = describe_store(layer, quant_format(type), ring, context);
        uint64_t bytes = (uint64_t)page_bytes(&store) * store.page_count;
        plan->bytes += bytes;
        plan->page_table_bytes += store.page_count * sizeof *store.pages;
        if (store.ring) {
            plan->ring = ring;
            plan->ring_bytes += bytes;
            plan->ring_position_bytes += 2 * store.row_bytes;
        }
    }
}

static bool init_store(struct kv_cache *cache, struct store *store,
                       const struct hparams_layer *layer, size_t context)
{
    *store = describe_store(layer, cache->format, cache->ring, context);
    store->pages = mem_try_zero(store->page_count, sizeof *store->pages);
    if (store->pages == NULL) {
        return false;
    }
    cache->has_rings = cache->has_rings || layer->sliding;
    return !layer->sliding || allocate_page(cache, store, 0);
}

struct kv_cache *kv_cache_create(const struct hparams *hparams, size_t context, size_t chunk,
                                 enum quant_type type, struct err *err)
{
    size_t layers = (size_t)hparams->num_hidden_layers;
    struct kv_cache *cache = mem_try_zero(1, sizeof *cache + layers * sizeof cache->stores[0]);
    if (cache == NULL) {
        err_set(err, ERR_MEMORY, "no memory for a K/V cache of %zu layers", layers);
        return NULL;
    }
    cache->type = type;
    cache->format = quant_format(type);
    cache->window = (size_t)hparams->sliding_window;
    cache->ring = ring_positions(hparams, context, chunk);
    cache->layer_count = (int)layers;
    for (size_t l = 0; l < layers; l++) {
        const struct hparams_layer *layer = &hparams->layers[l];
        if ((size_t)layer->head_dim % cache->format->block_values != 0) {
            err_set(err, ERR_UNSUPPORTED, "heads of %d values cannot be stored as %s in layer %zu",
                    layer->head_dim, cache->format->name, l);
            kv_cache_destroy(cache);
            return NULL;
        }
        if (!layer->shares_kv && !init_store(cache, &cache->stores[l], layer, context)) {
            err_set(err, ERR_MEMORY, "no memory for the K/V cache of layer %zu", l);
            kv_cache_destroy(cache);
            return NULL;
        }
    }
    return cache;
}

void kv_cache_destroy(struct kv_cache *cache)
{
    if (cache == NULL) {
        return;
    }
    for (int l = 0; l < cache->layer_count; l++) {
        struct store *store = &cache->stores[l];
        for (size_t page = 0; store->pages != NULL && page < store->page_count; page++) {
            mem_free(store->pages[page]);
        }
        mem_free(store->pages);
    }
    mem_free(cache);
}

enum quant_type kv_cache_type(const struct kv_cache *cache)
{
    return cache->type;
}

size_t kv_cache_bytes(const struct kv_cache *cache)
{
    return cache->bytes;
}

bool kv_cache_prepare(struct kv_cache *cache, size_t from, size_t to, struct err *err)
{
    for (int l = 0; l < cache->layer_count; l++) {
        struct store *store = &cache->stores[l];
        if (store->row_values == 0 || store->ring) {
            continue;
        }
        for (size_t page = from / KV_CACHE_PAGE; page * KV_CACHE_PAGE < to; page++) {
            if (!allocate_page(cache, store, page)) {
                return err_set(err, ERR_MEMORY,
                               "no memory for the K/V cache of layer %d at position %zu", l,
                               page * KV_CACHE_PAGE);
            }
        }
    }
    if (to > cache->ring && to - cache->ring > cache->oldest) {
        cache->oldest = to - cache->ring;
    }
    return true;
}

size_t kv_cache_oldest(const struct kv_cache *cache)
{
    return cache->oldest;
}

size_t kv_cache_needed(const struct kv_cache *cache, size_t position)
{
    return position + 1 > cache->window ? position + 1 - cache->window : 0;
}

bool kv_cache_can_resume(const struct kv_cache *cache, size_t position)
{
    return !cache->has_rings || kv_cache_needed(cache, position) >= cache->oldest;
}

void kv_cache_reach(struct kv_cache *cache, size_t oldest)
{
    cache->oldest = oldest;
}

void kv_cache_restart(struct kv_cache *cache)
{
    kv_cache_reach(cache, 0);
}

int kv_cache_layers(const struct kv_cache *cache)
{
    return cache->layer_count;
}

enum kv_layer kv_cache_layer(const struct kv_cache *cache, int layer)
{
    const struct store *store = &cache->stores[layer];
    return store->row_values == 0 ? KV_LAYER_SHARED : store->ring ? KV_LAYER_RING : KV_LAYER_FULL;
}

size_t kv_cache_row_bytes(const struct kv_cache *cache, int layer)
{
    return cache->stores[layer].row_bytes;
}

size_t kv_cache_window(const struct kv_cache *cache)
{
    return cache->window;
}

size_t kv_cache_ring(const struct kv_cache *cache)
{
    return cache->has_rings ? cache->ring : 0;
}

struct kv_run kv_cache_run(struct kv_cache *cache, int layer, size_t position, size_t end)
{
    struct store *store = &cache->stores[layer];
    size_t page = store->ring ? 0 : position / KV_CACHE_PAGE;
    size_t slot = position % store->page_positions;
    size_t row_bytes = store->row_bytes;
    size_t run = store->page_positions - slot;
    unsigned char *keys = store->pages[page] + slot * row_bytes;
    return (struct kv_run){
        .keys = keys,
        .values = keys + store->page_positions * row_bytes,
        .count = run < end - position ? run : end - position,
    };
}

/* Half d = greatest / 127, then 32 codes round(x / d): what load/quant.h reads as Q8_0. */
static void write_q8_0(unsigned char *to, const float *from, size_t n)
{
    for (size_t block = 0; block < n / 32; block++, to += 34, from += 32) {
        float greatest = 0;
        for (size_t i = 0; i < 32; i++) {
            greatest = fmaxf(greatest, fabsf(from[i]));
        }
        uint16_t half = quant_f32_to_f16(greatest / 127);
        float scale = quant_f16_to_f32(half), inverse = scale > 0 ? 1 / scale : 0;
        memcpy(to, &half, sizeof half);
        for (size_t i = 0; i < 32; i++) {
            float code = fminf(fmaxf(from[i] * inverse, -127), 127); /* no number becomes -127 */
            to[2 + i] = (unsigned char)(int8_t)lrintf(code);
        }
    }
}

static void write_row(const struct kv_cache *cache, const struct kernels *kernels,
                      unsigned char *to, const float *from, size_t n)
{
    if (cache->type == QUANT_F32) {
        memcpy(to, from, n * sizeof *from);
        return;
    }
    if (cache->type == QUANT_Q8_0) {
        write_q8_0(to, from, n);
        return;
    }
    kernels->row->store_f16(to, from, n);
}

void kv_cache_store(struct kv_cache *cache, const struct kernels *kernels, int layer,
                    size_t position, const float *keys, const float *values)
{
    struct store *store = &cache->stores[layer];
    size_t page = store->ring ? 0 : position / KV_CACHE_PAGE;
    size_t slot = position % store->page_positions;
    size_t row_bytes = store->row_bytes;
    unsigned char *row = store->pages[page] + slot * row_bytes;
    write_row(cache, kernels, row, keys, store->row_values);
    write_row(cache, kernels, row + store->page_positions * row_bytes, values, store->row_values);
}

struct kv_span kv_cache_span(const struct kv_cache *cache, int layer, int head, size_t position,
                             size_t end)
{
    const struct store *store = &cache->stores[layer];
    size_t page = store->ring ? 0 : position / KV_CACHE_PAGE;
    size_t slot = position % store->page_positions;
    size_t row_bytes = store->row_bytes;
    size_t run = store->page_positions - slot;
    const unsigned char *keys =
        store->pages[page] + slot * row_bytes + (size_t)head * store->head_bytes;
    return (struct kv_span){
        .keys = keys,
        .values = keys + store->page_positions * row_bytes,
        .row_bytes = row_bytes,
        .count = run < end - position ? run : end - position,
    };
}
