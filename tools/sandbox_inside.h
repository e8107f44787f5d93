/* sandbox_inside: the processes of a sandbox as the first stage sees them, from outside of their
 * namespace. bubblewrap has one child, the namespace's first process, whose eldest child is the
 * second stage, or the program that took its place. */
#ifndef CARAT_TOOLS_SANDBOX_INSIDE_H
#define CARAT_TOOLS_SANDBOX_INSIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct sandbox_process {
    pid_t pid;
    int64_t bytes; /* for whoever counts them */
};

struct sandbox_inside {
    struct sandbox_process *items; /* parents before their children */
    size_t count, capacity;
};

/* Where the second stage stands; those before are bubblewrap's. */
enum { SANDBOX_INSIDE_STAGE = 2 };

/* Whether this kernel tells a process's children (CONFIG_PROC_CHILDREN). */
bool sandbox_inside_known(void);

/* All that there are now; one that is made meanwhile may be missed. An empty list is fine, as is
 * one of before. */
void sandbox_inside_look(struct sandbox_inside *inside, pid_t bubblewrap);
void sandbox_inside_finish(struct sandbox_inside *inside);

/* To one of them, and to nobody who took its number. */
void sandbox_inside_signal(const struct sandbox_inside *inside, size_t index, int signal);
/* To the second stage's process group when it leads one, else to itself. */
void sandbox_inside_signal_group(const struct sandbox_inside *inside, int signal);
/* SIGSTOP or SIGCONT to all from the second stage on. */
void sandbox_inside_halt(pid_t bubblewrap, bool stop);

#endif
