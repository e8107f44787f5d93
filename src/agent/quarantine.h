/* quarantine: files that appear in a turn and from which other programs would start code.
 *
 * The sandbox mounts such names read-only where they exist; one that does not exist yet cannot be
 * mounted. So the names that are there are noted before the first changing call of a turn, and one
 * that is new after it is moved aside, to the same name with ".quarantined" behind it, where no
 * program looks for it. Nothing is deleted. A new repository (`git init`) stays when nothing in it
 * runs: only known harmless keys in its config, no hook but git's samples.
 *
 * Files that were there and are not read-only can be changed by a command: that is reported.
 *
 * In the workspace and the further writable folders, down to QUARANTINE_DEPTH folders and to the
 * repositories of submodules, level by level, in at most QUARANTINE_FOLDERS folders, through no
 * symbolic link, and into folders that forbid it. What could not be looked into is told. Not in a
 * tool's process: carat itself does it, on the checkpoint's thread.
 */
#ifndef CARAT_AGENT_QUARANTINE_H
#define CARAT_AGENT_QUARANTINE_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "agent/quarantine_list.h"
#include "agent/quarantine_stamps.h"

/* Of each root: what a command makes is not to hold up the end of its turn for long. */
enum { QUARANTINE_DEPTH = 4, QUARANTINE_FOLDERS = 20000, QUARANTINE_NAMES = 5000 };

#define QUARANTINE_SUFFIX ".quarantined"

/* What was there when it was looked. */
struct quarantine_view {
    struct quarantine_list names;  /* protected ones, sorted */
    struct quarantine_list unseen; /* folders that could not be looked into, sorted */
    struct quarantine_list steps;  /* "NAME\n" and a sum: commands that wait in it, sorted */
    struct quarantine_stamps stamps;
    struct timespec begun; /* the first look, by the clock of files */
    bool cut;              /* there was more than is looked at */
    bool partial;          /* that is why there may be more names */
    size_t first;          /* of the names of the root that is looked at */
};
void quarantine_view_finish(struct quarantine_view *view);
/* Adds a name that was found in `folder`, or a step that waits there. For the parts of
 * quarantine.c. */
void quarantine_view_add(struct quarantine_view *view, const char *folder, const char *name);
void quarantine_view_add_step(struct quarantine_view *view, const char *folder, const char *name,
                              const void *step, size_t length);

/* What was made or changed since. */
struct quarantine_report {
    struct quarantine_list moved, failed; /* aside; what could not be, or may be old */
    struct quarantine_list unseen;        /* could not be looked into, and that is new */
    struct quarantine_list changed;       /* other programs run it, and it stayed */
    bool cut;                             /* not all was looked at */
};
void quarantine_report_finish(struct quarantine_report *report);
/* A sentence for each kind of what was found, none where nothing was; safe to be shown. */
void quarantine_report_say(const struct quarantine_report *report,
                           void (*say)(void *context, const char *sentence), void *context);

/* Adds the paths beneath `root` that are protected names, each as it is now. Of the home
 * directory's first level that is every name that begins with a dot, and every launch point. */
void quarantine_look(struct quarantine_view *view, const char *root);

/* Moves aside what is beneath `root` now and not in `before`, unless `allowed` names it
 * (quarantine_agreed; NULL: it names nothing): what the user was shown and said yes to. `before`
 * gets the names that it has then. */
void quarantine_apply(struct quarantine_view *before, const char *root, const char *allowed,
                      struct quarantine_report *report);

#endif
