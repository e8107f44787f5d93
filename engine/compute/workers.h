/* workers: a pool of threads that share one piece of work at a time.
 *
 * A job is `chunks` independent pieces. Whoever is free takes the next piece from an atomic
 * counter, the caller included, and the job is over when every piece is. A thread that the system
 * has put aside therefore delays at most the one piece that it holds, and a thread that wakes late
 * finds nothing left and is not waited for. Which thread does which piece is left to chance, so a
 * piece must write only what belongs to it, in an order of its own: then results are the same for
 * any number of threads.
 *
 * Idle threads sleep; they spin for some microseconds first, because the next job of a forward
 * pass usually comes at once. One job at a time: workers_run is called from one thread at a time.
 */
#ifndef CARAT_COMPUTE_WORKERS_H
#define CARAT_COMPUTE_WORKERS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct err;
struct workers;

enum { WORKERS_MAX = 256 };

/* `threads` counts the caller too: 1 starts none. 0 = one for each core that this process may use.
 * NULL with ERR_ARGUMENT outside 0..WORKERS_MAX, ERR_MEMORY, or ERR_UNAVAILABLE when the system
 * gives no thread. */
struct workers *workers_create(int threads, struct err *err);
/* How many threads workers_create would make of `threads` >= 0. */
int workers_planned(int threads);
void workers_destroy(struct workers *workers);

/* Threads that may run pieces, the caller included: worker numbers are 0 .. count - 1. */
int workers_count(const struct workers *workers);

/* Calls work(context, chunk, worker) once for each chunk in 0..chunks (at most 2^32 - 1) and
 * returns when all are done. Two calls never run with the same worker number at once. When `cancel`
 * (may be NULL) becomes true, pieces not yet begun are left out and false is returned. */
bool workers_run(struct workers *workers, void (*work)(void *context, size_t chunk, int worker),
                 void *context, size_t chunks, const atomic_bool *cancel);

#endif
