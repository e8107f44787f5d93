/* sandbox_layers: the layers of the second stage, each in its own file. All refuse with
 * ERR_UNAVAILABLE. */
#ifndef CARAT_TOOLS_SANDBOX_LAYERS_H
#define CARAT_TOOLS_SANDBOX_LAYERS_H

#include <stdbool.h>

#include "sandbox.h"

/* Tells the first stage that the namespaces were entered. */
void sandbox_namespaces_reached(void);

/* rlimits for this process and all it starts; descriptors above 2 closed; no_new_privs; not
 * dumpable. */
bool sandbox_limits_enter(const struct policy *policy, struct err *err);

/* Landlock: read and execute everywhere that the mounts show, write in the workspace and the
 * private places only, no TCP unless `kind` is SANDBOX_NETWORK, no signals or abstract sockets to
 * the outside where the kernel knows that. */
bool sandbox_landlock_enter(const struct policy *policy, enum sandbox_kind kind, struct err *err);

/* The version of the kernel's Landlock, or 0. */
int sandbox_landlock_version(void);

/* The system call filter. Nothing that needs a denied call may come after. */
bool sandbox_seccomp_enter(enum sandbox_kind kind, struct err *err);

#endif
