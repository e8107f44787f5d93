/* kv_cache: the keys and values of the positions that a session holds.
 *
 * One store for each layer that makes K/V of its own (layers that share read their donor's):
 *
 *   full layers      pages of KV_CACHE_PAGE positions, allocated when a position first needs one
 *   sliding layers   a ring: position p lies in slot p mod ring
 *
 *      ring:  |  9 |  10 | 11 |  4 |  5 |  6 |  7 |  8 |     next position 12 overwrites 4
 *
 * A ring holds window - 1 keys for the first token of a chunk, the chunk itself, and some slack, so
 * that a session can go back a little without computing again. How far is kv_cache_can_resume: a
 * slot that was overwritten once (even by a pass that was cancelled) does not come back.
 *
 * A position's row is [num_key_value_heads][head_dim], float32, float16, or 8-bit blocks of 32 with
 * a half as their scale (Q8_0). Owned by the session;
 * the thread that computes writes it, and its workers read it.
 */
#ifndef CARAT_TEXT_KV_CACHE_H
#define CARAT_TEXT_KV_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "load/quant.h"

struct err;
struct hparams;
struct kernels;
struct kv_cache;

enum { KV_CACHE_PAGE = 256, KV_CACHE_SLACK = 256 };

/* A run of positions that lie side by side: rows for one head, `row_bytes` apart. */
struct kv_span {
    const unsigned char *keys, *values;
    size_t row_bytes;
    size_t count;
};

/* For positions 0..context-1, written at most `chunk` at a time. `type` is QUANT_F32, QUANT_F16 or
 * QUANT_Q8_0: ERR_UNSUPPORTED when heads are not whole blocks.
 */
struct kv_cache *kv_cache_create(const struct hparams *hparams, size_t context, size_t chunk,
                                 enum quant_type type, struct err *err);
void kv_cache_destroy(struct kv_cache *cache);

enum quant_type kv_cache_type(const struct kv_cache *cache);

/* Before positions from..to-1 are stored: finds room for them and gives up what their ring slots
 * held. ERR_MEMORY leaves the cache as it was. */
bool kv_cache_prepare(struct kv_cache *cache, size_t from, size_t to, struct err *err);

/* True when everything is still there that the token at `position` looks back on. */
bool kv_cache_can_resume(const struct kv_cache *cache, size_t position);

/* Forgets which slots were overwritten: the session starts again at position 0. */
void kv_cache_restart(struct kv_cache *cache);

/* What the rings hold, for those who copy them (text/kv_marks, snapshot): nothing below `oldest`. A
 * token at `position` looks back to kv_cache_needed(position) at most. kv_cache_reach says that
 * rows from `oldest` on were put there (with kv_cache_run). */
size_t kv_cache_oldest(const struct kv_cache *cache);
size_t kv_cache_needed(const struct kv_cache *cache, size_t position);
void kv_cache_reach(struct kv_cache *cache, size_t oldest);

enum kv_layer { KV_LAYER_SHARED, KV_LAYER_FULL, KV_LAYER_RING };

/* Layers 0..count-1, what each of them stores, and the bytes of its keys (or values) of one
 * position: 0 for a layer that shares K/V. */
int kv_cache_layers(const struct kv_cache *cache);
enum kv_layer kv_cache_layer(const struct kv_cache *cache, int layer);
size_t kv_cache_row_bytes(const struct kv_cache *cache, int layer);
size_t kv_cache_window(const struct kv_cache *cache);
/* Positions that a ring has room for; 0 when no layer has one. */
size_t kv_cache_ring(const struct kv_cache *cache);

/* The longest run of whole rows that begins at `position` and ends before `end`, to read or to
 * fill, in a layer that does not share K/V; kv_cache_prepare must have found room for it. */
struct kv_run {
    unsigned char *keys, *values; /* [count][row bytes] */
    size_t count;
};

struct kv_run kv_cache_run(struct kv_cache *cache, int layer, size_t position, size_t end);

/* Stores the rows of one position in a layer that has K/V of its own. */
void kv_cache_store(struct kv_cache *cache, const struct kernels *kernels, int layer,
                    size_t position, const float *keys, const float *values);

/* The longest run that begins at `position` and ends before `end`, for one K/V head. */
struct kv_span kv_cache_span(const struct kv_cache *cache, int layer, int head, size_t position,
                             size_t end);

/* Bytes allocated so far. */
size_t kv_cache_bytes(const struct kv_cache *cache);

/* What such a cache comes to when all of its positions are held. */
struct kv_cache_plan {
    uint64_t bytes;      /* kv_cache_bytes */
    uint64_t ring_bytes; /* of them in rings, whatever the length */
    uint64_t page_table_bytes;
    size_t ring;                /* kv_cache_ring */
    size_t ring_position_bytes; /* keys and values of one position in all rings */
};

void kv_cache_plan(const struct hparams *hparams, size_t context, size_t chunk,
                   enum quant_type type, struct kv_cache_plan *plan);

#endif
