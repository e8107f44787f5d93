/* tree: what lies in the workspace at one moment, as a sorted list of entries.
 *
 * A snapshot is such a list; the contents of its files lie in the object store under their hashes.
 * An entry that cannot be kept (too large, git's own folder, a device) is there as "left out", with
 * the reason and enough of its metadata to see that it changed. Paths are absolute, entries sorted
 * by strcmp, so that a directory comes before what is in it. Owned by the caller; no thread of its
 * own.
 */
#ifndef CARAT_UNDO_TREE_H
#define CARAT_UNDO_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"

struct err;
struct str;

enum tree_kind {
    TREE_ABSENT,
    TREE_FILE,
    TREE_DIRECTORY,
    TREE_LINK,
    TREE_LEFT_OUT,
};

struct tree_entry {
    char *path;
    char *text; /* LINK: where it leads; LEFT_OUT: why; else "" */
    enum tree_kind kind;
    unsigned mode; /* permission bits */
    uint64_t links, device, inode;
    int64_t size, modified_ns, changed_ns; /* changed_ns 0: not to be believed next time */
    unsigned char hash[HASH_BYTES];        /* FILE */
};

struct tree {
    struct tree_entry *items;
    size_t count, capacity;
};

void tree_init(struct tree *tree);
void tree_finish(struct tree *tree);
void tree_entry_finish(struct tree_entry *entry);
void tree_entry_copy(struct tree_entry *out, const struct tree_entry *entry);

/* Only the first `count` entries stay. */
void tree_truncate(struct tree *tree, size_t count);

/* Takes over the strings of the entry. tree_sort must come before the next tree_find. */
void tree_add(struct tree *tree, const struct tree_entry *entry);
void tree_sort(struct tree *tree);
/* NULL when there is no entry of that path. */
const struct tree_entry *tree_find(const struct tree *tree, const char *path);

/* The same to a person: kind, content, permissions, where a link leads. For what was left out: no
 * sign of a change. */
bool tree_entry_same(const struct tree_entry *a, const struct tree_entry *b);

/* The form on disk: fields that end with NUL. tree_read_entry moves *at on; ERR_FORMAT. */
void tree_write_entry(struct str *out, const struct tree_entry *entry);
bool tree_read_entry(const char **at, const char *end, struct tree_entry *entry, struct err *err);

/* A field of its own: a view into what is read; NULL when there is none. */
const char *tree_read_field(const char **at, const char *end);

/* A file that begins with its hash: what is damaged is noticed (ERR_FORMAT). Written beside and
 * renamed. ERR_LIMIT when it could not be loaded again. */
bool tree_save(const char *path, const struct str *body, struct err *err);
bool tree_load(const char *path, struct str *body, struct err *err);

#endif
