/* sandbox_memory: first what each process has in memory is added up, which counts what they share
 * several times; only where that is too much the kernel is asked for each one's part, which takes
 * it longer. The more room there is, the later the next look: nobody fills it faster than memory
 * can be written. */
#include "sandbox_memory.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"

#include "sandbox_inside.h"

enum {
    FASTEST = 8 * 1024, /* bytes a microsecond: some processors together */
    SOONEST_US = 100 * 1000,
    LATEST_US = 1000 * 1000
};

static void look_again(struct sandbox_memory *memory, int64_t room)
{
    int64_t wait = room / FASTEST;
    wait = wait < SOONEST_US ? SOONEST_US : wait > LATEST_US ? LATEST_US : wait;
    memory->next = clock_monotonic_us() + wait;
}

void sandbox_memory_begin(struct sandbox_memory *memory, int64_t limit, size_t spared)
{
    *memory = (struct sandbox_memory){.limit = limit, .spared = spared, .counter = -1};
    if (limit == 0) {
        return;
    }
    look_again(memory, limit);
    memory->counter = memfd_create("carat-memory", 0); /* without CLOEXEC */
    if (memory->counter >= 0 && ftruncate(memory->counter, sizeof *memory->kills) == 0) {
        void *page = mmap(NULL, sizeof *memory->kills, PROT_READ | PROT_WRITE, MAP_SHARED,
                          memory->counter, 0);
        memory->kills = page != MAP_FAILED ? page : NULL;
    }
}

/* The kilobytes that lines of a file give to two names; -1: it cannot be read. */
static int64_t add_lines(pid_t process, const char *name, const char *first, const char *second)
{
    char path[48], line[256], key[32];
    long long kilobytes;
    int64_t sum = 0;
    snprintf(path, sizeof path, "/proc/%d/%s", (int)process, name);
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return -1;
    }
    while (fgets(line, sizeof line, file) != NULL) {
        bool pair = sscanf(line, "%31[^:]: %lld kB", key, &kilobytes) == 2;
        bool counts = pair && (strcmp(key, first) == 0 || strcmp(key, second) == 0);
        sum += counts ? (int64_t)kilobytes * 1024 : 0;
    }
    fclose(file);
    return sum;
}

/* All that it has, shared or not; or its part, where the kernel tells. */
static int64_t bytes_of(pid_t process, bool exact, int64_t all)
{
    int64_t sum = exact ? add_lines(process, "smaps_rollup", "Pss", "SwapPss")
                        : add_lines(process, "status", "VmRSS", "VmSwap");
    return sum >= 0 ? sum : all;
}

static int64_t add_up(struct sandbox_inside *inside, bool exact)
{
    int64_t sum = 0;
    for (size_t i = SANDBOX_INSIDE_STAGE; i < inside->count; i++) {
        struct sandbox_process *process = &inside->items[i];
        process->bytes = bytes_of(process->pid, exact, process->bytes);
        sum += process->bytes;
    }
    return sum;
}

/* The largest, one after the other, until the rest is within the limit. */
static void end_largest(struct sandbox_memory *memory, struct sandbox_inside *inside, int64_t sum)
{
    while (sum > memory->limit) {
        size_t largest = memory->spared;
        for (size_t i = memory->spared; i < inside->count; i++) {
            largest = inside->items[i].bytes > inside->items[largest].bytes ? i : largest;
        }
        if (largest >= inside->count || inside->items[largest].bytes == 0) {
            return;
        }
        if (memory->kills != NULL) {
            atomic_fetch_add(memory->kills, 1); /* before its end is seen */
        }
        sandbox_inside_signal(inside, largest, SIGKILL);
        sum -= inside->items[largest].bytes;
        inside->items[largest].bytes = 0;
    }
}

int sandbox_memory_wait(const struct sandbox_memory *memory)
{
    int64_t left = memory->next - clock_monotonic_us();
    return memory->limit == 0 ? -1 : left > 0 ? (int)(left / 1000) + 1 : 0;
}

void sandbox_memory_look(struct sandbox_memory *memory, pid_t bubblewrap)
{
    if (memory->limit == 0 || clock_monotonic_us() < memory->next) {
        return;
    }
    struct sandbox_inside inside = {0};
    sandbox_inside_look(&inside, bubblewrap);
    int64_t sum = add_up(&inside, false);
    if (sum > memory->limit) {
        sum = add_up(&inside, true);
        end_largest(memory, &inside, sum);
    }
    sandbox_inside_finish(&inside);
    look_again(memory, memory->limit - sum);
}

unsigned long sandbox_memory_ended(void)
{
    static const atomic_ulong *kills;
    const char *number = getenv(SANDBOX_MEMORY_VARIABLE);
    if (number != NULL) {
        void *page =
            mmap(NULL, sizeof *kills, PROT_READ, MAP_SHARED, (int)strtol(number, NULL, 10), 0);
        kills = page != MAP_FAILED ? page : NULL;
        unsetenv(SANDBOX_MEMORY_VARIABLE);
    }
    return kills != NULL ? atomic_load(kills) : 0;
}
