#include "walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/gitignore.h"
#include "base/mem.h"
#include "base/vec.h"

#include "policy.h"
#include "tool.h"
#include "workspace.h"

struct name {
    char *text; /* a directory's ends with '/', so that sorting names sorts paths */
    enum walk_kind kind;
};

struct names {
    struct name *items;
    size_t count, capacity;
    bool in_part; /* too many, or not all of them could be read */
};

struct walk {
    struct tool_context *tool;
    bool recursive;
    bool (*visit)(void *context, const struct walk_entry *entry);
    void *context;
    struct walk_report report;
    struct gitignore ignore, denied;
    char path[WORKSPACE_PATH_LIMIT]; /* of the directory that is being walked; "" = the root */
    size_t begin;                    /* where names begin in `path`: after the first directory */
    int64_t deadline_us;
};

static void names_finish(struct names *names)
{
    for (size_t i = 0; i < names->count; i++) {
        mem_free(names->items[i].text);
    }
    mem_free(names->items);
}

static int compare_names(const void *a, const void *b)
{
    const struct name *left = a, *right = b;
    return strcmp(left->text, right->text);
}

static enum walk_kind kind_of(DIR *directory, const struct dirent *entry)
{
    struct stat status;
    if (entry->d_type != DT_UNKNOWN) {
        return entry->d_type == DT_REG ? WALK_FILE
                                       : (entry->d_type == DT_DIR ? WALK_DIRECTORY : WALK_OTHER);
    }
    /* Some file systems do not say in the directory itself. */
    if (fstatat(dirfd(directory), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
        return WALK_OTHER;
    }
    return S_ISREG(status.st_mode) ? WALK_FILE
                                   : (S_ISDIR(status.st_mode) ? WALK_DIRECTORY : WALK_OTHER);
}

static bool names_add(struct names *names, const char *text, enum walk_kind kind)
{
    size_t length = strlen(text);
    char *copy = mem_try_alloc(length + 2, 1);
    if (copy == NULL ||
        !vec_try_room(&names->items, &names->capacity, names->count + 1, sizeof *names->items)) {
        mem_free(copy);
        return false;
    }
    memcpy(copy, text, length);
    memcpy(copy + length, kind == WALK_DIRECTORY ? "/" : "", kind == WALK_DIRECTORY ? 2 : 1);
    names->items[names->count++] = (struct name){copy, kind};
    return true;
}

/* Reads all names at once, so that the descriptor can be closed before the walk goes deeper. */
static bool names_read(struct names *names, int fd, struct err *err)
{
    DIR *directory = fdopendir(fd);
    if (directory == NULL) {
        close(fd);
        return err_errno(err, ERR_IO, "reading a directory");
    }
    bool ok = true;
    while (ok) {
        errno = 0;
        const struct dirent *entry = readdir(directory);
        if (entry == NULL) {
            names->in_part = errno != 0;
            break;
        }
        const char *name = entry->d_name;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strcmp(name, ".git") == 0) {
            continue;
        }
        if (names->count == WALK_NAMES_LIMIT) {
            names->in_part = true;
            break;
        }
        ok = names_add(names, name, kind_of(directory, entry)) ||
             err_set(err, ERR_MEMORY, "no memory for the names of a directory");
    }
    closedir(directory);
    if (ok && names->count > 1) {
        qsort(names->items, names->count, sizeof *names->items, compare_names);
    }
    return ok;
}

/* The bytes of a .gitignore, at most one more than it may have. False when a read failed. */
static bool read_rules(int fd, char *text, size_t *size)
{
    *size = 0;
    while (*size <= GITIGNORE_SIZE_LIMIT) {
        ssize_t got = read(fd, text + *size, GITIGNORE_SIZE_LIMIT + 1 - *size);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return got == 0;
        }
        *size += (size_t)got;
    }
    return true;
}

/* Adds the rules of `directory`/`name`, where there is one that is a plain file. One that is no use
 * does not end the walk: somebody else's package may hold it. */
static bool load_rules(struct walk *walk, const char *directory, const char *name, struct err *err)
{
    char path[WORKSPACE_PATH_LIMIT + 16];
    struct err why = {0};
    snprintf(path, sizeof path, "%s%s%s", directory, directory[0] == '\0' ? "" : "/", name);
    int fd = workspace_open_file(walk->tool->workspace, path, NULL);
    if (fd < 0) {
        return true;
    }
    size_t size;
    char *text = mem_try_alloc(GITIGNORE_SIZE_LIMIT + 1, 1);
    bool ok = text != NULL && read_rules(fd, text, &size) &&
              gitignore_add(&walk->ignore, directory, text, size, &why);
    bool no_memory = text == NULL || why.code == ERR_MEMORY;
    mem_free(text);
    close(fd);
    walk->report.rules_left_out += !ok && !no_memory;
    return !no_memory || err_set(err, ERR_MEMORY, "no memory for the rules of %.200s", path);
}

static bool load_ignore(struct walk *walk, const char *directory, struct err *err)
{
    return load_rules(walk, directory, GITIGNORE_FILE, err) &&
           load_rules(walk, directory, GITIGNORE_AGENT_FILE, err);
}

/* The rules of the directories above the one where the walk begins; its own come with the walk. */
static bool load_outer_ignores(struct walk *walk, const char *path, struct err *err)
{
    char outer[WORKSPACE_PATH_LIMIT];
    if (path[0] == '\0') {
        return true;
    }
    /* Beneath another directory than the workspace its rules do not count. */
    bool further = path[0] == '/';
    if (!further && !load_ignore(walk, "", err)) {
        return false;
    }
    for (const char *at = path + further; (at = strchr(at, '/')) != NULL; at++) {
        memcpy(outer, path, (size_t)(at - path));
        outer[at - path] = '\0';
        if (!load_ignore(walk, outer, err)) {
            return false;
        }
    }
    return true;
}

/* --- what the user denied --- */

static bool load_denied(struct gitignore *denied, const struct policy *policy, struct err *err)
{
    bool ok = true;
    gitignore_init(denied);
    for (size_t i = 0; ok && i < policy->denied.count; i++) {
        const char *pattern = policy->denied.items[i];
        ok = gitignore_add(denied, "", pattern, strlen(pattern), err);
    }
    return ok;
}

static bool denies_on_the_way(const struct gitignore *denied, const char *path)
{
    char folder[WORKSPACE_PATH_LIMIT];
    for (const char *at = path; (at = strchr(at, '/')) != NULL; at++) {
        memcpy(folder, path, (size_t)(at - path));
        folder[at - path] = '\0';
        if (at > path && gitignore_matches(denied, folder, true)) {
            return true;
        }
    }
    return gitignore_matches(denied, path, true) || gitignore_matches(denied, path, false);
}

bool walk_is_denied(const struct tool_context *tool, const char *path)
{
    struct gitignore denied;
    bool is_denied = !load_denied(&denied, tool->policy, NULL) || denies_on_the_way(&denied, path);
    gitignore_finish(&denied);
    return is_denied;
}

/* --- the walk --- */

/* True when the walk must end here, with the reason noted. */
static bool over(struct walk *walk)
{
    struct tool_context *tool = walk->tool;
    if (walk->report.end == WALK_DONE) {
        if (tool->cancelled != NULL && tool->cancelled(tool->host)) {
            walk->report.end = WALK_CANCELLED;
        } else if (clock_monotonic_us() > walk->deadline_us) {
            walk->report.end = WALK_OUT_OF_TIME;
        }
    }
    return walk->report.end != WALK_DONE;
}

static bool walk_directory(struct walk *walk, int depth, struct err *err);

/* Shows one entry and, if it is a directory, what is in it. `length` is that of walk->path. */
static bool walk_name(struct walk *walk, const struct name *name, int depth, size_t length,
                      struct err *err)
{
    size_t size = strlen(name->text) - (name->kind == WALK_DIRECTORY);
    size_t start = length + (length > 0);
    if (start + size + 1 > sizeof walk->path) {
        walk->report.left_out++;
        return true;
    }
    if (length > 0) {
        walk->path[length] = '/';
    }
    memcpy(walk->path + start, name->text, size);
    walk->path[start + size] = '\0';
    bool ok = true;
    if (gitignore_matches(&walk->denied, walk->path, name->kind == WALK_DIRECTORY)) {
        walk->report.denied++;
    } else if (gitignore_matches(&walk->ignore, walk->path, name->kind == WALK_DIRECTORY)) {
        walk->report.ignored++;
    } else {
        struct walk_entry entry = {walk->path, walk->path + walk->begin, name->kind};
        if (!walk->visit(walk->context, &entry)) {
            walk->report.end = WALK_STOPPED;
        } else if (walk->recursive && name->kind == WALK_DIRECTORY) {
            ok = walk_directory(walk, depth + 1, err);
        }
    }
    walk->path[length] = '\0';
    return ok;
}

static bool walk_directory(struct walk *walk, int depth, struct err *err)
{
    if (depth > WALK_DEPTH_LIMIT) {
        walk->report.left_out++;
        return true;
    }
    size_t length = strlen(walk->path);
    const char *path = length == 0 ? "." : walk->path;
    int fd = workspace_open_directory(walk->tool->workspace, path, depth == 0 ? err : NULL);
    if (fd < 0) {
        /* Deeper down it vanished or may not be read: the rest is still worth showing. */
        walk->report.left_out++;
        return depth > 0;
    }
    struct names names = {0};
    size_t rules = walk->ignore.count;
    bool ok = names_read(&names, fd, err) && load_ignore(walk, walk->path, err);
    for (size_t i = 0; ok && i < names.count && !over(walk); i++) {
        ok = walk_name(walk, &names.items[i], depth, length, err);
    }
    walk->report.left_out += names.in_part;
    gitignore_truncate(&walk->ignore, rules);
    names_finish(&names);
    return ok;
}

bool walk_run(struct tool_context *tool, const char *path, bool recursive,
              bool (*visit)(void *context, const struct walk_entry *entry), void *context,
              struct walk_report *report, struct err *err)
{
    struct walk *walk = mem_try_zero(1, sizeof *walk);
    if (walk == NULL) {
        return err_set(err, ERR_MEMORY, "no memory to walk through %.200s", path);
    }
    walk->tool = tool;
    walk->recursive = recursive;
    walk->visit = visit;
    walk->context = context;
    walk->deadline_us = clock_monotonic_us() + (int64_t)WALK_SECONDS * 1000000;
    gitignore_init(&walk->ignore);
    size_t length = strcmp(path, ".") == 0 ? 0 : strlen(path);
    memcpy(walk->path, path, length);
    walk->begin = length + (length > 0);
    bool ok = load_denied(&walk->denied, tool->policy, err) &&
              (!denies_on_the_way(&walk->denied, path) ||
               err_set(err, ERR_DENIED, "%.200s is denied by a rule of the user's", path)) &&
              load_outer_ignores(walk, walk->path, err) && walk_directory(walk, 0, err);
    if (ok) {
        *report = walk->report;
    }
    gitignore_finish(&walk->ignore);
    gitignore_finish(&walk->denied);
    mem_free(walk);
    return ok;
}
