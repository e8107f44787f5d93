/* attend: softmax attention of query rows over the keys and values of the cache.
 *
 *   out = sum over visible keys of softmax(q . k) * v
 *
 * A row is one query head of one token; all rows that read one K/V head go through its keys
 * together, in blocks. Keys are taken in segments of ATTEND_SEGMENT positions that begin at
 * multiples of it: within a segment the weights are relative to the greatest score there, and
 * segments are joined in ascending order. So a row's bits depend on its position and its visible
 * keys alone: not on the other rows of the call, the number of workers, or the seam of a ring.
 *
 * With many rows a piece of work is a block of rows over all their keys. With few, which is
 * decoding, it is one segment, so that all workers read the cache; the parts are joined after.
 */
#ifndef CARAT_TEXT_ATTEND_H
#define CARAT_TEXT_ATTEND_H

#include <stdint.h>

struct attend;
struct err;
struct hparams;
struct pass;
struct tensor_machine;

enum { ATTEND_SEGMENT = 256 };

/* Scratch for a machine's workers. NULL with ERR_MEMORY. */
struct attend *attend_create(const struct hparams *hparams, const struct tensor_machine *machine,
                             struct err *err);
void attend_destroy(struct attend *attend);
/* What it takes for so many threads (workers_create). */
uint64_t attend_plan(const struct hparams *hparams, int threads);

/* The active rows: pass->q to pass->attended, each with the cache of its part. K and V of the whole
 * call must be in the caches. */
void attend_run(struct pass *pass, int32_t layer);

#endif
