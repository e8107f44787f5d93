/* The table: file sizes are those of the published files in Q4_0; what a token reads are all
 * weights but the tables of which it takes a row, and of the experts those that are chosen. What
 * must stay is that (all experts, for any may be chosen next) and 0.4 to 1.6 GB for keys, values
 * and activations. */
#include "models/advice.h"

#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"

#define MB UINT64_C(1000000)

const struct advice_model advice_models[] = {
    {"gemma-4-e2b", 3350 * MB, 1900 * MB, 1406 * MB},
    {"gemma-4-e4b", 5150 * MB, 3700 * MB, 2825 * MB},
    {"gemma-4-12b", 6970 * MB, 8200 * MB, 6957 * MB},
    {"gemma-4-26b-a4b", 14500 * MB, 15700 * MB, 2377 * MB},
    {"gemma-4-31b", 17650 * MB, 21600 * MB, 17630 * MB},
};
const size_t advice_count = sizeof advice_models / sizeof advice_models[0];

double advice_speed(const struct advice_model *model, const struct advice_machine *machine)
{
    return machine->read / (double)model->token;
}

bool advice_fits(const struct advice_model *model, const struct advice_machine *machine)
{
    return model->stays <= machine->memory;
}

const struct advice_model *advice_choose(const struct advice_machine *machine)
{
    const struct advice_model *best = NULL, *quickest = NULL;
    for (size_t i = 0; i < advice_count; i++) {
        const struct advice_model *model = &advice_models[i];
        if (!advice_fits(model, machine)) {
            continue;
        }
        if (advice_speed(model, machine) >= ADVICE_QUICK) {
            best = model;
        }
        if (quickest == NULL || model->token < quickest->token) {
            quickest = model;
        }
    }
    return best != NULL ? best : quickest;
}

/* --- measuring --- */

enum { BUFFER_BYTES = 256 * 1024 * 1024, ROUNDS = 6, THREADS_MOST = 256 };

struct reader {
    pthread_t thread;
    const uint64_t *from;
    size_t count;
    uint64_t sum;
};

/* Many sums, so that no addition waits for the one before. */
static void *read_all(void *context)
{
    struct reader *reader = context;
    uint64_t sums[16] = {0};
    for (size_t i = 0; i + 16 <= reader->count; i += 16) {
        for (size_t k = 0; k < 16; k++) {
            sums[k] += reader->from[i + k];
        }
    }
    for (size_t k = 0; k < 16; k++) {
        reader->sum += sums[k];
    }
    return NULL;
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static int count_cores(void)
{
    cpu_set_t cores;
    int count = sched_getaffinity(0, sizeof cores, &cores) == 0 ? CPU_COUNT(&cores) : 1;
    return count < 1 ? 1 : count < THREADS_MOST ? count : THREADS_MOST;
}

/* Bytes a second of all cores reading the buffer once, each its part; 0 without the threads. */
static double read_once(const uint64_t *buffer, int cores)
{
    struct reader readers[THREADS_MOST];
    size_t each = BUFFER_BYTES / sizeof *buffer / (size_t)cores;
    int started = 0;
    double begin = seconds();
    for (; started < cores; started++) {
        struct reader *reader = &readers[started];
        *reader = (struct reader){.from = buffer + (size_t)started * each, .count = each};
        if (pthread_create(&reader->thread, NULL, read_all, reader) != 0) {
            break;
        }
    }
    volatile uint64_t kept = 0; /* or the reading would be left out */
    for (int i = 0; i < started; i++) {
        pthread_join(readers[i].thread, NULL);
        kept = kept + readers[i].sum;
    }
    double took = seconds() - begin;
    return started == cores && took > 0 ? (double)BUFFER_BYTES / took : 0;
}

void advice_measure(struct advice_machine *machine)
{
    machine->cores = count_cores();
    machine->read = 0;
    uint64_t *buffer = mem_try_align(64, BUFFER_BYTES, 1);
    if (buffer == NULL) {
        return;
    }
    memset(buffer, 1, BUFFER_BYTES); /* pages that nobody has written are all the same one */
    for (int round = 0; round < ROUNDS; round++) {
        double read = read_once(buffer, machine->cores);
        machine->read = read > machine->read ? read : machine->read;
    }
    mem_free(buffer);
}
