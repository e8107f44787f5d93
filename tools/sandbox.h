/* sandbox: shuts this process in, before it reads a word of the model's.
 *
 * Two stages. The first (sandbox_namespaces.c) turns the policy into a bubblewrap command line and
 * executes this same program again inside: user, mount, pid, net, ipc, uts and cgroup namespaces, a
 * read-only root, hidden home, /tmp and /run, the workspace bound; bubblewrap itself starts where
 * it can write no more than the command (sandbox_outer.c). The second, inside (sandbox_limits.c,
 * sandbox_landlock.c, sandbox_seccomp.c, in this order): rlimits, closed descriptors, no_new_privs,
 * Landlock, seccomp last. The order matters: mounts must be finished before Landlock forbids them,
 * and Landlock opens paths and makes system calls that seccomp then takes away.
 *
 * A layer that cannot be had is an error; nothing is ever left out silently. docs/security.md holds
 * the promises.
 */
#ifndef CARAT_TOOLS_SANDBOX_H
#define CARAT_TOOLS_SANDBOX_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct err;
struct policy;

/* What runs inside decides what it needs. */
enum sandbox_kind {
    SANDBOX_COMMANDS, /* foreign programs: no network but a private loopback */
    SANDBOX_FILES, /* our own file tools: no network; openat2 stays, for paths that cannot escape */
    SANDBOX_OPEN_COMMANDS, /* the same with the host's network: servers that the user gave it */
    SANDBOX_NETWORK,       /* http_fetch: the host's network, still no local sockets */
};

/* Who talks with it. */
enum sandbox_use {
    SANDBOX_TOOL,    /* carat, with a tool of ours */
    SANDBOX_SERVER,  /* carat, with somebody else's server: signals are handed on to that */
    SANDBOX_PROGRAM, /* the user, with a program of his: the same, and his terminal */
};

/* First stage: runs argv (argv[0] is this program, absolute) in bwrap and ends as it ends. It may
 * take more than one attempt: `text_fd`, which argv names, is rewound before each.
 * Returns only on failure (ERR_UNAVAILABLE, naming the layer and what to do). */
bool sandbox_reexecute(const struct policy *policy, enum sandbox_kind kind, enum sandbox_use use,
                       char *const argv[], int text_fd, struct err *err);

/* The number of this process's PID namespace, which the first stage tells the second; 0 = it cannot
 * be known. */
uint64_t sandbox_process_namespace(void);

/* Second stage, inside. `outside`: the first stage's PID namespace; this one must be another, or
 * the shell's end of a call would be the end of every process of the user. True: every layer holds.
 * `prepare` (NULL = none) runs when the first stage knows that it was reached, and before the
 * layers that would forbid it. False with ERR_UNAVAILABLE: one could not be had, or what `prepare`
 * says. */
bool sandbox_enter(const struct policy *policy, enum sandbox_kind kind, uint64_t outside,
                   bool (*prepare)(struct err *err), struct err *err);

/* Inside: how many processes were killed until now because there was no memory left for them. */
unsigned long sandbox_memory_kills(void);

/* Tries one forbidden thing for each layer, inside, and reports what really happened: an object of
 * layer -> "on ..." or what got through. A new reference. */
json_t *sandbox_self_test(const struct policy *policy);

#endif
