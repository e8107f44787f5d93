/* workers: the pool. How a job is handed over:
 *
 *   `ticket` holds the job's generation in its upper half and the next chunk in its lower one. To
 * take a chunk is to add one to it by compare-and-swap, which fails when the generation is another
 * one. So a thread that still holds the description of an old job can never take a chunk of a new
 * one, and a chunk that was taken belongs to a job that is not over, because the caller waits until
 * `done` equals the number of chunks. That is why the context of a job may live on the caller's
 * stack.
 *
 *   The description itself (`job`) is written and copied under the mutex only.
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

/* About 20 microseconds on current x86: longer than the gaps inside a forward pass, shorter than
 * anybody notices. */
enum { SPINS = 400 };

struct job {
    uint32_t generation;
    uint32_t chunks;
    void (*work)(void *context, size_t chunk, int worker);
    void *context;
    const atomic_bool *cancel;
};

struct thread {
    struct workers *workers;
    pthread_t handle;
    int number;
};

struct workers {
    pthread_mutex_t mutex;
    pthread_cond_t job_ready; /* a new job, or stopping */
    pthread_cond_t job_over;
    _Atomic uint64_t ticket;
    _Atomic uint32_t done;
    atomic_bool skipped;
    struct job job; /* under the mutex, like stopping */
    bool stopping;
    int count;
    int started;
    struct thread threads[];
};

static bool take_chunk(struct workers *workers, const struct job *job, uint32_t *chunk)
{
    uint64_t ticket = atomic_load(&workers->ticket);
    while (ticket >> 32 == job->generation && (uint32_t)ticket < job->chunks) {
        if (atomic_compare_exchange_weak(&workers->ticket, &ticket, ticket + 1)) {
            *chunk = (uint32_t)ticket;
            return true;
        }
    }
    return false;
}

static bool is_cancelled(const struct job *job)
{
    return job->cancel != NULL && atomic_load_explicit(job->cancel, memory_order_relaxed);
}

/* Takes and does chunks until none is left. */
static void work_on(struct workers *workers, const struct job *job, int number)
{
    uint32_t chunk;
    while (take_chunk(workers, job, &chunk)) {
        if (is_cancelled(job)) {
            atomic_store(&workers->skipped, true);
        } else {
            job->work(job->context, chunk, number);
        }
        if (atomic_fetch_add(&workers->done, 1) + 1 == job->chunks) {
            pthread_mutex_lock(&workers->mutex);
            pthread_cond_signal(&workers->job_over);
            pthread_mutex_unlock(&workers->mutex);
        }
    }
}

static void *thread_main(void *argument)
{
    struct thread *thread = argument;
    struct workers *workers = thread->workers;
    uint32_t seen = 0;
    for (;;) {
        for (int i = 0; i < SPINS && atomic_load(&workers->ticket) >> 32 == seen; i++) {
            cpu_relax();
        }
        pthread_mutex_lock(&workers->mutex);
        while (!workers->stopping && workers->job.generation == seen) {
            pthread_cond_wait(&workers->job_ready, &workers->mutex);
        }
        struct job job = workers->job;
        bool stopping = workers->stopping;
        pthread_mutex_unlock(&workers->mutex);
        if (stopping) {
            return NULL;
        }
        seen = job.generation;
        work_on(workers, &job, thread->number);
    }
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
    struct workers *workers =
        mem_try_zero(1, sizeof *workers + (size_t)count * sizeof workers->threads[0]);
    if (workers == NULL) {
        err_set(err, ERR_MEMORY, "no memory for %d worker threads", count);
        return NULL;
    }
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
    workers->stopping = true;
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

static struct job publish(struct workers *workers, struct job job)
{
    pthread_mutex_lock(&workers->mutex);
    job.generation = workers->job.generation + 1;
    workers->job = job;
    atomic_store(&workers->done, 0);
    atomic_store(&workers->skipped, false);
    atomic_store(&workers->ticket, (uint64_t)job.generation << 32);
    pthread_cond_broadcast(&workers->job_ready);
    pthread_mutex_unlock(&workers->mutex);
    return job;
}

static void wait_until_over(struct workers *workers, uint32_t chunks)
{
    for (int i = 0; i < SPINS && atomic_load(&workers->done) < chunks; i++) {
        cpu_relax();
    }
    pthread_mutex_lock(&workers->mutex);
    while (atomic_load(&workers->done) < chunks) {
        pthread_cond_wait(&workers->job_over, &workers->mutex);
    }
    pthread_mutex_unlock(&workers->mutex);
}

bool workers_run(struct workers *workers, void (*work)(void *context, size_t chunk, int worker),
                 void *context, size_t chunks, const atomic_bool *cancel)
{
    assert(chunks <= UINT32_MAX);
    struct job job = {
        .chunks = (uint32_t)chunks, .work = work, .context = context, .cancel = cancel};
    if (workers->count == 1 || chunks <= 1) {
        for (size_t chunk = 0; chunk < chunks; chunk++) {
            if (is_cancelled(&job)) {
                return false;
            }
            work(context, chunk, 0);
        }
        return true;
    }
    job = publish(workers, job);
    work_on(workers, &job, 0);
    wait_until_over(workers, job.chunks);
    return !atomic_load(&workers->skipped);
}
