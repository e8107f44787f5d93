/* walk: the entries of a directory of the workspace, sorted, with what git ignores left out.
 *
 * Paths come in byte order, as if each directory's name ended with '/'. ".git" is never shown.
 * Symlinks are shown as what they are (neither file nor directory) and never followed. No
 * descriptor stays open while the walk goes deeper: each directory is opened by its path from the
 * root again, which the kernel keeps beneath.
 *
 * What the policy calls denied is left out as well, and counted.
 *
 * A .gitignore that cannot be followed hides nothing: what it names is shown, and it is counted.
 *
 * Bounds: a directory of more than WALK_NAMES_LIMIT names, a depth of more than WALK_DEPTH_LIMIT
 * and a path that is too long are left out, a walk of more than WALK_SECONDS is stopped; all of it
 * is reported.
 */
#ifndef CARAT_TOOLS_WALK_H
#define CARAT_TOOLS_WALK_H

#include <stdbool.h>
#include <stddef.h>

struct err;
struct tool_context;

enum { WALK_NAMES_LIMIT = 200 * 1000, WALK_DEPTH_LIMIT = 100, WALK_SECONDS = 10 };

enum walk_kind { WALK_FILE, WALK_DIRECTORY, WALK_OTHER };

struct walk_entry {
    const char *path; /* from the workspace's root */
    const char *name; /* the path from the directory where the walk began: a view into `path` */
    enum walk_kind kind;
};

enum walk_end { WALK_DONE, WALK_OUT_OF_TIME, WALK_CANCELLED, WALK_STOPPED };

struct walk_report {
    enum walk_end end;
    size_t left_out;       /* directories that were too large, too deep, unreadable, also in part */
    size_t denied;         /* entries */
    size_t ignored;        /* entries that .gitignore names; what is in them is not counted */
    size_t rules_left_out; /* .gitignore files that are too large, or could not be read */
};

/* Whether the policy denies a normalised path, or a folder on the way to it. */
bool walk_is_denied(const struct tool_context *tool, const char *path);

/* Calls `visit` for each entry until it returns false (WALK_STOPPED). `path` is normalised. False
 * when `path` cannot be opened or memory is gone. */
bool walk_run(struct tool_context *tool, const char *path, bool recursive,
              bool (*visit)(void *context, const struct walk_entry *entry), void *context,
              struct walk_report *report, struct err *err);

#endif
