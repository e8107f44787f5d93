/* sandbox_protected: the names in the writable folders that no command may change, because other
 * programs start code from them: git's configuration and hooks, editors' tasks, shells' start
 * files.
 */
#ifndef CARAT_TOOLS_SANDBOX_PROTECTED_H
#define CARAT_TOOLS_SANDBOX_PROTECTED_H

#include <stdbool.h>

#include "base/err.h"

#include "policy.h"

/* Absolute paths without links, sorted, so that a folder stands before what is in it. */
struct sandbox_protected {
    const char *home;
    struct policy_list roots; /* the workspace and the other writable folders */
    struct policy_list
        pinned;               /* folders that hold something fixed: to be mounted onto themselves */
    struct policy_list fixed; /* to be mounted read-only, behind all that is pinned */
    struct policy_list repositories; /* git's folders in the roots */
    bool limited;                    /* more folders than are looked at */

    /* While it is being found: */
    struct policy_list looked_at; /* each git's folder with each folder of working files */
    int led;                      /* paths that configurations named */
    bool refused;
    struct err why;
};

/* What begins with a dot in `home` is left out: it is hidden. False with ERR_UNAVAILABLE, and
 * nothing to finish, when there are more than can be mounted, or something cannot be looked at. */
bool sandbox_protected_find(struct sandbox_protected *found, const struct policy *policy,
                            const char *home, struct err *err);
/* Pins the folders above the path too, so that none can be moved aside; with `itself` the path.
 * False with ERR_UNAVAILABLE when there are too many. */
bool sandbox_protected_pin(struct sandbox_protected *found, const char *path, bool itself,
                           struct err *err);
void sandbox_protected_finish(struct sandbox_protected *found);

#endif
