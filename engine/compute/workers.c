/* workers: the pool. How a job is handed over without a lock:
 *
 *   `ticket` holds the job's generation in its upper half and the number of chunks that nobody has
 * taken in its lower one. To take a chunk is to subtract one by compare-and-swap. The description
 * of the job is written before its ticket and stays as it is until all chunks are done; so whoever
 * read the description after it saw the ticket's generation, and then succeeds in taking a chunk of
 * that generation, has read it whole. Whoever comes late reads something of no meaning, and takes
 * nothing. Counting down instead of up makes that true of the number of chunks as well.
 *
 *   A chunk that was taken belongs to a job that is not over, because the caller waits until `left`
 * is 0. That is why the context of a job may live on the caller's stack.
 *
 *   The mutex is for sleeping only. Who goes to sleep counts itself first and then looks at the
 * ticket once more; who changes the ticket looks at the count afterwards. One of the two sees the
 * other (both orders are sequentially consistent).
 */
#include "compute/workers.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "compute/cpu.h"

/* About 50 and 250 microseconds on current x86. The gaps inside a forward pass, and from one token
 * to the next, are shorter than the second; to be woken from sleep can take longer than a piece of
 * work. But a thread whose core others want gives it up after the first; and who waits for the last
 * piece for longer than that waits for one who was put aside. */
enum { SPINS = 1000, SPINS_UNDISTURBED = 5000 };

/* What two threads write at once lies in lines of its own. */
enum { LINE = 64 };

typedef void work_function(void *context, size_t chunk, int worker);

struct thread {
    struct workers *workers;
    pthread_t handle;
    int number;
};

struct workers {
    _Alignas(LINE) _Atomic uint64_t ticket;
    _Alignas(LINE) _Atomic uint32_t left; /* chunks that are not done */
    /* of the job, see above */
    _Alignas(LINE) _Atomic uint32_t chunks;
    _Atomic(work_function *) work;
    void *_Atomic context;
    const atomic_bool *_Atomic cancel;
    atomic_bool skipped;
    /* of sleep */
    _Alignas(LINE) atomic_int sleeping; /* threads */
    atomic_bool caller_sleeps;
    atomic_bool stopping;
    pthread_mutex_t mutex;
    pthread_cond_t job_ready; /* a new job, or stopping */
    pthread_cond_t job_over;
    int count;
    int started;
    struct thread threads[];
};

static uint32_t generation_of(uint64_t ticket)
{
    return (uint32_t)(ticket >> 32);
}

static void wake_caller(struct workers *workers)
{
    if (atomic_load(&workers->caller_sleeps)) {
        pthread_mutex_lock(&workers->mutex);
        pthread_cond_signal(&workers->job_over);
        pthread_mutex_unlock(&workers->mutex);
    }
}

/* Takes and does chunks of the job that `ticket` is of until none is left. */
static void work_on(struct workers *workers, uint64_t ticket, int number)
{
    const uint32_t generation = generation_of(ticket);
    const uint32_t chunks = atomic_load_explicit(&workers->chunks, memory_order_relaxed);
    work_function *work = atomic_load_explicit(&workers->work, memory_order_relaxed);
    void *context = atomic_load_explicit(&workers->context, memory_order_relaxed);
    const atomic_bool *cancel = atomic_load_explicit(&workers->cancel, memory_order_relaxed);
    while (generation_of(ticket) == generation && (uint32_t)ticket != 0) {
        if (!atomic_compare_exchange_weak(&workers->ticket, &ticket, ticket - 1)) {
            continue;
        }
        if (cancel != NULL && atomic_load_explicit(cancel, memory_order_relaxed)) {
            atomic_store(&workers->skipped, true);
        } else {
            work(context, chunks - (uint32_t)ticket, number);
        }
        if (atomic_fetch_sub(&workers->left, 1) == 1) {
            wake_caller(workers);
        }
        ticket = atomic_load(&workers->ticket);
    }
}

/* Whether the system took the core away from the calling thread since it was asked last; `*before`
 * is what it was told then. */
static bool was_put_aside(long *before)
{
    long now = cpu_times_put_aside();
    bool aside = now != *before;
    *before = now;
    return aside;
}

/* Until the generation is another one than `seen`, or the pool stops. */
static void sleep_for_a_job(struct workers *workers, uint32_t seen)
{
    pthread_mutex_lock(&workers->mutex);
    atomic_fetch_add(&workers->sleeping, 1);
    while (generation_of(atomic_load(&workers->ticket)) == seen &&
           !atomic_load(&workers->stopping)) {
        pthread_cond_wait(&workers->job_ready, &workers->mutex);
    }
    atomic_fetch_sub(&workers->sleeping, 1);
    pthread_mutex_unlock(&workers->mutex);
}

static void *thread_main(void *argument)
{
    struct thread *thread = argument;
    struct workers *workers = thread->workers;
    uint32_t seen = 0;
    long put_aside = 0;
    while (!atomic_load(&workers->stopping)) {
        uint64_t ticket = atomic_load(&workers->ticket);
        for (int i = 0; i < SPINS_UNDISTURBED && generation_of(ticket) == seen; i++) {
            if (i == SPINS && was_put_aside(&put_aside)) {
                break;
            }
            cpu_relax();
            ticket = atomic_load(&workers->ticket);
        }
        if (generation_of(ticket) == seen) {
            sleep_for_a_job(workers, seen);
            continue;
        }
        seen = generation_of(ticket);
        work_on(workers, ticket, thread->number);
    }
    return NULL;
}

/* The threads block every signal, so that handlers run where the program expects them, but what a
 * thread does to itself: a blocked SIGBUS could not be handled (load/map_guard.h). */
static bool start_threads(struct workers *workers, struct err *err)
{
    sigset_t all, before;
    sigfillset(&all);
    sigdelset(&all, SIGBUS);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failure = 0;
    for (int i = 1; i < workers->count && failure == 0; i++) {
        struct thread *thread = &workers->threads[i - 1];
        thread->workers = workers;
        thread->number = i;
        failure = pthread_create(&thread->handle, NULL, thread_main, thread);
        workers->started += failure == 0;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failure != 0) {
        return err_set(err, ERR_UNAVAILABLE, "starting worker thread %d of %d: %s",
                       workers->started + 1, workers->count - 1, strerror(failure));
    }
    return true;
}

int workers_planned(int threads)
{
    int count = threads != 0 ? threads : cpu_count();
    return count > WORKERS_MAX ? WORKERS_MAX : count;
}

struct workers *workers_create(int threads, struct err *err)
{
    if (threads < 0 || threads > WORKERS_MAX) {
        err_set(err, ERR_ARGUMENT, "threads must be 0 to %d, not %d", WORKERS_MAX, threads);
        return NULL;
    }
    int count = workers_planned(threads);
    size_t bytes = sizeof(struct workers) + (size_t)count * sizeof(struct thread);
    struct workers *workers = mem_try_align(LINE, bytes, 1);
    if (workers == NULL) {
        err_set(err, ERR_MEMORY, "no memory for %d worker threads", count);
        return NULL;
    }
    memset(workers, 0, bytes);
    workers->count = count;
    pthread_mutex_init(&workers->mutex, NULL);
    pthread_cond_init(&workers->job_ready, NULL);
    pthread_cond_init(&workers->job_over, NULL);
    if (!start_threads(workers, err)) {
        workers_destroy(workers);
        return NULL;
    }
    return workers;
}

void workers_destroy(struct workers *workers)
{
    if (workers == NULL) {
        return;
    }
    pthread_mutex_lock(&workers->mutex);
    atomic_store(&workers->stopping, true);
    pthread_cond_broadcast(&workers->job_ready);
    pthread_mutex_unlock(&workers->mutex);
    for (int i = 0; i < workers->started; i++) {
        pthread_join(workers->threads[i].handle, NULL);
    }
    pthread_cond_destroy(&workers->job_over);
    pthread_cond_destroy(&workers->job_ready);
    pthread_mutex_destroy(&workers->mutex);
    mem_free(workers);
}

int workers_count(const struct workers *workers)
{
    return workers->count;
}

static uint64_t publish(struct workers *workers, work_function *work, void *context,
                        uint32_t chunks, const atomic_bool *cancel)
{
    atomic_store_explicit(&workers->work, work, memory_order_relaxed);
    atomic_store_explicit(&workers->context, context, memory_order_relaxed);
    atomic_store_explicit(&workers->cancel, cancel, memory_order_relaxed);
    atomic_store_explicit(&workers->chunks, chunks, memory_order_relaxed);
    atomic_store_explicit(&workers->skipped, false, memory_order_relaxed);
    atomic_store_explicit(&workers->left, chunks, memory_order_relaxed);
    uint32_t generation = generation_of(atomic_load(&workers->ticket)) + 1;
    uint64_t ticket = (uint64_t)generation << 32 | chunks;
    atomic_store(&workers->ticket, ticket);
    if (atomic_load(&workers->sleeping) > 0) {
        pthread_mutex_lock(&workers->mutex);
        pthread_cond_broadcast(&workers->job_ready);
        pthread_mutex_unlock(&workers->mutex);
    }
    return ticket;
}

static void wait_until_over(struct workers *workers)
{
    for (int i = 0; i < SPINS && atomic_load(&workers->left) > 0; i++) {
        cpu_relax();
    }
    if (atomic_load(&workers->left) == 0) {
        return;
    }
    pthread_mutex_lock(&workers->mutex);
    atomic_store(&workers->caller_sleeps, true);
    while (atomic_load(&workers->left) > 0) {
        pthread_cond_wait(&workers->job_over, &workers->mutex);
    }
    atomic_store(&workers->caller_sleeps, false);
    pthread_mutex_unlock(&workers->mutex);
}

bool workers_run(struct workers *workers, void (*work)(void *context, size_t chunk, int worker),
                 void *context, size_t chunks, const atomic_bool *cancel)
{
    assert(chunks <= UINT32_MAX);
    if (workers->count == 1 || chunks <= 1) {
        for (size_t chunk = 0; chunk < chunks; chunk++) {
            if (cancel != NULL && atomic_load_explicit(cancel, memory_order_relaxed)) {
                return false;
            }
            work(context, chunk, 0);
        }
        return true;
    }
    uint64_t ticket = publish(workers, work, context, (uint32_t)chunks, cancel);
    work_on(workers, ticket, 0);
    wait_until_over(workers);
    return !atomic_load(&workers->skipped);
}
