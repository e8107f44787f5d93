/* sandbox_hidden: what is covered in a command's sight: carat's own files, other people's homes,
 * and what begins with a dot where the home directory is the workspace.
 *
 * A cover lies over what there is. So a name that is not there yet, or that a link stands in for,
 * could be made by a command where its folder is writable, and the next start of carat would
 * believe it: such folders are read-only.
 */
#ifndef CARAT_TOOLS_SANDBOX_HIDDEN_H
#define CARAT_TOOLS_SANDBOX_HIDDEN_H

#include <stdbool.h>

#include "policy.h"

struct err;

/* Absolute paths without links. */
struct sandbox_hidden {
    struct policy_list emptied; /* places of the system that become private, and home */
    struct policy_list below;   /* to be hidden before what the user opened in them is mounted */
    struct policy_list above;   /* to be hidden behind everything else */
    struct policy_list fixed;   /* folders of the writable ones, to be mounted read-only */
};

/* True when `path` is `folder` or lies in it. */
bool sandbox_hidden_inside(const char *path, const char *folder);

/* A folder that is missing in a writable one is made, so that there is one to cover. False
 * with ERR_UNAVAILABLE, and nothing to finish, where a command could put something in the place of
 * what is hidden, or where there is too much of it. */
bool sandbox_hidden_find(struct sandbox_hidden *hidden, const struct policy *policy,
                         const char *home, struct err *err);
void sandbox_hidden_finish(struct sandbox_hidden *hidden);

#endif
