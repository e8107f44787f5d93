/* sandbox_layers: the layers of the second stage, each in its own file. All refuse with
 * ERR_UNAVAILABLE. */
#ifndef CARAT_TOOLS_SANDBOX_LAYERS_H
#define CARAT_TOOLS_SANDBOX_LAYERS_H

#include <limits.h>
#include <stdbool.h>

#include "sandbox.h"

struct policy;

/* Tells the first stage that the namespaces were entered, and whether the mounts are what it asked
 * for (sandbox_mounts.h). False with ERR_UNAVAILABLE when not: the first stage then tries again. */
bool sandbox_namespaces_reached(struct err *err);
/* Inside: whether the workspace holds more folders than are looked through for what is protected;
 * taken out of the environment by the first call. */
bool sandbox_namespaces_limited(void);

/* Around bubblewrap, before it starts: nothing but the policy's writable folders can be written any
 * more, by nobody in this process's new mount namespace. False with ERR_UNAVAILABLE: the process is
 * good for nothing any more, and with `*forbidden` another would fare no better, for this system
 * does not let us have it. */
bool sandbox_outer_enter(const struct policy *policy, bool *forbidden, struct err *err);
/* The first stage tells the second by this variable that it went on without. */
#define SANDBOX_OUTER_VARIABLE "CARAT_SANDBOX_NO_OUTER"
/* Inside: whether it did; taken out of the environment by the first call. */
bool sandbox_outer_missing(void);

/* A control group of one call, where the system lets us make one: its limits hold for all processes
 * of the call together. Not having one is no error: the limits of each process stand. */
struct sandbox_cgroup {
    char path[PATH_MAX]; /* empty: none */
    char limits[96];     /* in words */
    bool memory;         /* it counts memory, too */
};

/* The first stage tells the second by this variable that there is one, and its limits. */
#define SANDBOX_CGROUP_VARIABLE "CARAT_SANDBOX_CGROUP"

/* And by this one where it counts what was killed for want of memory. */
#define SANDBOX_CGROUP_EVENTS_VARIABLE "CARAT_SANDBOX_CGROUP_EVENTS"

/* It is removed when this process is gone. Also removes those of calls whose process is gone. */
void sandbox_cgroup_make(struct sandbox_cgroup *cgroup, const struct policy *policy);
/* This process and all it starts; true when there is none. */
bool sandbox_cgroup_join(const struct sandbox_cgroup *cgroup);
/* Inside: what the first stage said, or NULL; taken out of the environment by the first call. */
const char *sandbox_cgroup_limits(void);
/* Inside: how many processes of the group the kernel ended because its memory was used up; 0 where
 * nobody counts them. The variable is taken out of the environment by the first call. */
unsigned long sandbox_cgroup_kills(void);

/* The way of commands to the hosts of the policy (sandbox_proxy.c). The first stage starts the
 * proxy and leaves `*control` open, whose number it tells the second by this variable. */
#define SANDBOX_PROXY_VARIABLE "CARAT_SANDBOX_PROXY"
bool sandbox_proxy_start(const struct policy *policy, const char *program, int *control,
                         struct err *err);
/* Inside, before the other layers: gives the proxy sockets of this namespace to listen on, and the
 * commands the variables by which they find it. Nothing to do, and true, without that variable. */
bool sandbox_proxy_enter(const struct policy *policy, struct err *err);

/* rlimits for this process and all it starts; descriptors above 2 closed; no_new_privs; not
 * dumpable. `memory_together`: a group or the first stage looks after the memory of all. */
bool sandbox_limits_enter(const struct policy *policy, bool memory_together, struct err *err);

/* Landlock: read and execute everywhere that the mounts show, write in the workspace and the
 * private places only, no TCP unless `kind` is SANDBOX_NETWORK, no signals or abstract sockets to
 * the outside where the kernel knows that. */
bool sandbox_landlock_enter(const struct policy *policy, enum sandbox_kind kind, struct err *err);

/* The version of the kernel's Landlock, or 0. */
int sandbox_landlock_version(void);

/* The system call filter. Nothing that needs a denied call may come after. */
bool sandbox_seccomp_enter(enum sandbox_kind kind, struct err *err);

#endif
