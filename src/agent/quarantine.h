/* quarantine: files that appear in a turn and from which other programs would start code.
 *
 * The sandbox mounts such names read-only where they exist; one that does not exist yet cannot be
 * mounted. So the names that are there are noted before the first changing call of a turn, and one
 * that is new after it is moved aside, to the same name with ".quarantined" behind it, where no
 * program looks for it. Nothing is deleted. A new repository (`git init`) stays when nothing in it
 * runs: only known harmless keys in its config, no hook but git's samples.
 *
 * In the workspace and the further writable folders, down to QUARANTINE_DEPTH folders, among at
 * most QUARANTINE_NAMES names, through no symbolic link. Not in a tool's process: carat itself does
 * it, on the checkpoint's thread.
 */
#ifndef CARAT_AGENT_QUARANTINE_H
#define CARAT_AGENT_QUARANTINE_H

#include <stdbool.h>
#include <stddef.h>

enum { QUARANTINE_DEPTH = 4, QUARANTINE_NAMES = 20000 };

struct quarantine_list {
    char **items; /* absolute paths */
    size_t count, capacity;
};

void quarantine_list_add(struct quarantine_list *list, const char *path);
void quarantine_list_finish(struct quarantine_list *list);

/* Adds the paths beneath `root` that are protected names, each as it is now. */
void quarantine_look(struct quarantine_list *list, const char *root);

/* Moves aside what is beneath `root` now and not in `before`, unless `allowed` names it
 * (quarantine_agreed; NULL: it names nothing): what the user was shown and said yes to. `moved`
 * gets the paths, `failed` those that could not be moved. */
void quarantine_apply(const struct quarantine_list *before, const char *root, const char *allowed,
                      struct quarantine_list *moved, struct quarantine_list *failed);

#endif
