/* quarantine_repository: what in a git repository runs a program or leads elsewhere.
 *
 * A part of quarantine.c: `fd` is the repository's folder, `path` what it is called, and what is
 * found is added to the view. No link is followed: one where git has a folder is found itself.
 */
#ifndef CARAT_AGENT_QUARANTINE_REPOSITORY_H
#define CARAT_AGENT_QUARANTINE_REPOSITORY_H

#include <stdbool.h>

#include "agent/quarantine.h"

/* `modules` (may be NULL) gets the folders that hold the repositories of submodules. */
void quarantine_look_at_repository(struct quarantine_view *view, struct quarantine_list *modules,
                                   const char *path, int fd);

/* Whether git takes the folder for a repository: then it refuses one of a submodule within. */
bool quarantine_is_repository(int fd);
/* Whether it does so where the folder is none's `.git`: from in there, and from wherever below it
 * no other repository comes first. */
bool quarantine_is_bare(int fd);
/* Whether it has a file of one: more could be added later. */
bool quarantine_is_part(int fd);

#endif
