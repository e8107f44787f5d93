/* program: one program of the user's desktop, run by carat itself.
 *
 * What takes a screenshot, reads the clipboard or clicks cannot live in the tools' sandbox: it must
 * reach the display. So it is never the model's to choose: the words of the command line are ours,
 * the program is an absolute path in a folder that only root can change, its environment names the
 * display and nothing else of the user's, and it has a limit in time and in bytes. Blocks; for a
 * thread that may.
 */
#ifndef CARAT_DESKTOP_PROGRAM_H
#define CARAT_DESKTOP_PROGRAM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct err;
struct str;

/* Appends the path of the program of that name; false when there is none that only root can
 * change. */
bool program_find(const char *name, struct str *path);

struct program_limits {
    int milliseconds;
    size_t bytes;            /* of what it writes */
    const atomic_bool *stop; /* true: it is ended at once (ERR_CANCELLED); NULL = never */
};

/* Runs words[0] (a name for program_find; the list ends with NULL) and appends what it writes.
 * ERR_NOT_FOUND, ERR_UNAVAILABLE when it fails (with its own words, made visible), ERR_LIMIT,
 * ERR_CANCELLED. */
bool program_run(const char *const *words, const struct program_limits *limits, struct str *out,
                 struct err *err);

#endif
