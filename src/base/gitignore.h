/* gitignore: which files a project does not count as its own.
 *
 * The rules of .gitignore files, in the order in which they were read, outermost directory first:
 * the last one that matches decides, and '!' takes a file back. A directory that is ignored is not
 * entered, so nothing inside can be taken back; that is the walker's affair. Left out: the global
 * excludes file and .git/info/exclude, which are about the user, not the project.
 *
 * Owned by the caller; one thread; memory is checked.
 */
#ifndef CARAT_BASE_GITIGNORE_H
#define CARAT_BASE_GITIGNORE_H

#include <stdbool.h>
#include <stddef.h>

struct err;
struct gitignore_rule;

/* Its own file, and the one for what agents alone should pass over, which is read behind it. */
#define GITIGNORE_FILE       ".gitignore"
#define GITIGNORE_AGENT_FILE ".agentignore"

/* A rule of more than GITIGNORE_LINE_LIMIT bytes is longer than any path that it could name. */
enum {
    GITIGNORE_SIZE_LIMIT = 1024 * 1024,
    GITIGNORE_RULE_LIMIT = 100 * 1000,
    GITIGNORE_LINE_LIMIT = 4096,
};

struct gitignore {
    struct gitignore_rule *rules;
    size_t count, capacity;
};

void gitignore_init(struct gitignore *ignore);
void gitignore_finish(struct gitignore *ignore);

/* Adds the rules of one file. `directory` is where it lies, relative to the root of all paths, ""
 * for that root itself. ERR_LIMIT, ERR_MEMORY; nothing is added then. */
bool gitignore_add(struct gitignore *ignore, const char *directory, const char *text, size_t length,
                   struct err *err);
/* Forgets all rules after the first `count`: on leaving a directory. */
void gitignore_truncate(struct gitignore *ignore, size_t count);

/* Whether `path`, relative to the root of all paths, is ignored. */
bool gitignore_matches(const struct gitignore *ignore, const char *path, bool is_directory);

#endif
