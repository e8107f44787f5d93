/* sandbox_pins: what is to be mounted so that commands change nothing of it: lists of paths, each
 * once, and whether they can be had at all. Part of sandbox_protected, which owns the lists.
 */
#ifndef CARAT_TOOLS_SANDBOX_PINS_H
#define CARAT_TOOLS_SANDBOX_PINS_H

#include <dirent.h>
#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "sandbox_protected.h"

/* Appends a copy, unless it is there. False when it was. */
bool sandbox_pins_add(struct policy_list *list, const char *path);
/* A folder before what lies in it. */
void sandbox_pins_sort(struct policy_list *list);

/* These take paths without links and do nothing for what no root holds, or is one. */
void sandbox_pins_pin(struct sandbox_protected *found, const char *path);
void sandbox_pins_pin_above(struct sandbox_protected *found, const char *path);
void sandbox_pins_fix(struct sandbox_protected *found, const char *path);

/* Whether the path is a root or lies in one. */
bool sandbox_pins_in_root(const struct sandbox_protected *found, const char *path);

/* Why there is no sandbox to be had, in words for the user; the first one counts. */
void sandbox_pins_refuse(struct sandbox_protected *found, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* What cannot be looked at (errno says why) may hold anything, unless it is not there. The last
 * folder on the way to `path`, which holds no links, that can be reached is read-only as a whole:
 * then no command makes it readable again, either. Where that would be a root, it is refused. */
void sandbox_pins_close(struct sandbox_protected *found, const char *path);

/* S_IFREG, S_IFLNK and the like; 0 = there is nothing. What cannot be told is closed. */
mode_t sandbox_pins_kind(struct sandbox_protected *found, const char *path);
/* Where the path, which may hold links, leads. False when there is nothing; what cannot be told is
 * closed. */
bool sandbox_pins_resolve(struct sandbox_protected *found, const char *path,
                          char resolved[PATH_MAX]);

/* opendir and readdir; what cannot be listed, or not to its end, is closed. `folder` may be NULL.
 */
DIR *sandbox_pins_open(struct sandbox_protected *found, const char *path);
struct dirent *sandbox_pins_read(struct sandbox_protected *found, DIR *folder, const char *path);

#endif
