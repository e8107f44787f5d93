/* sandbox: shuts this process in, before it reads a word of the model's.
 *
 * Two stages. The first builds a bubblewrap command line from the policy and executes this same
 * program again inside (sandbox_namespaces.c): user, mount, pid, net, ipc, uts and cgroup
 * namespaces, a read-only root, hidden home, /tmp and /run, the workspace bound. The second, inside
 * (sandbox_limits, sandbox_landlock, sandbox_seccomp): rlimits, closed descriptors, no_new_privs,
 * Landlock, seccomp last. A layer that cannot be had is an error; nothing is ever left out
 * silently. The reasons for each flag stand beside it in the code; docs/security.md holds the
 * promises.
 */
#ifndef CARAT_TOOLS_SANDBOX_H
#define CARAT_TOOLS_SANDBOX_H

#include <jansson.h>
#include <stdbool.h>

struct err;
struct policy;

/* First stage: replaces this process by bwrap running argv again with --inside. Returns only on
 * failure (ERR_UNAVAILABLE naming the layer). `network` keeps the host's network namespace
 * (http_fetch with allowed hosts). */
bool sandbox_reexecute(const struct policy *policy, bool network, char *const argv[],
                       struct err *err);

/* Second stage, inside. After it, every layer holds or false (ERR_UNAVAILABLE). */
bool sandbox_enter(const struct policy *policy, bool network, struct err *err);

/* Tries one forbidden thing for each layer, inside, and reports what happened: {"namespaces": "on",
 * "landlock": "on (ABI 7)", "seccomp": "on", "rlimits": "on", "descriptors": "on"}; a layer that
 * let something through says what. */
json_t *sandbox_self_test(const struct policy *policy);

#endif
