/* sandbox_memory: the limit of memory for all processes of one call together, where no control
 * group of version 2 keeps it: the first stage looks now and then at what they hold, and ends the
 * largest.
 *
 * RLIMIT_AS and RLIMIT_DATA are no limits of memory for today's programs: sanitizers, WebAssembly
 * and collectors reserve terabytes that they never touch, the first of them as writable. */
#ifndef CARAT_TOOLS_SANDBOX_MEMORY_H
#define CARAT_TOOLS_SANDBOX_MEMORY_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The first stage tells the second by this variable the descriptor of the count of those that it
 * ended. */
#define SANDBOX_MEMORY_VARIABLE "CARAT_SANDBOX_MEMORY"

struct sandbox_memory {
    int64_t limit;       /* bytes; 0 = nobody looks */
    size_t spared;       /* how many of sandbox_inside's list are not ended */
    atomic_ulong *kills; /* shared with the second stage; NULL without a limit */
    int counter;         /* what is handed on; -1 = none */
    int64_t next;        /* clock_monotonic_us */
};

/* `limit` 0 makes one that does nothing. Without the shared count nobody is told, and all the rest
 * holds. */
void sandbox_memory_begin(struct sandbox_memory *memory, int64_t limit, size_t spared);
/* How long to wait until the next look (ms; -1 = for ever). */
int sandbox_memory_wait(const struct sandbox_memory *memory);
/* Looks when it is time. */
void sandbox_memory_look(struct sandbox_memory *memory, pid_t bubblewrap);

/* Inside: how many were ended until now. The variable is taken out of the environment by the first
 * call. */
unsigned long sandbox_memory_ended(void);

#endif
