/* quarantine_stamps: files that other programs run or obey, as they are, to see which changed.
 *
 * Those of a folder's first level that launch_points names and that begin with a dot (.npmrc), and
 * what is in such folders (.cargo/config.toml). A Makefile or a package.json is what people want
 * changed; what the sandbox holds read-only is left out. A part of quarantine.c.
 */
#ifndef CARAT_AGENT_QUARANTINE_STAMPS_H
#define CARAT_AGENT_QUARANTINE_STAMPS_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "base/hash.h"

struct quarantine_list;
struct quarantine_view;

struct quarantine_stamp {
    char *path; /* absolute */
    size_t root_length;
    struct timespec changed;
    unsigned char sum[HASH_BYTES]; /* of the content; of a large file, of its times and size */
};

struct quarantine_stamps {
    struct quarantine_stamp *items;
    size_t count, capacity;
    bool cut; /* there were more beneath a root than are looked at */
};

/* `home`: names that begin with a dot are other programs' there, and hidden from tools. */
void quarantine_stamps_look(struct quarantine_view *view, const char *root, bool home);
void quarantine_stamps_finish(struct quarantine_stamps *stamps);

/* Adds to `changed` what is beneath `root` and differs: another content, gone, or new; but not what
 * `allowed` (may be NULL) names. `before` then has the stamps of `now`, which are its own. */
void quarantine_stamps_compare(struct quarantine_view *before, struct quarantine_view *now,
                               const char *root, const char *allowed,
                               struct quarantine_list *changed);

#endif
