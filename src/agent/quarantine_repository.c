#include "agent/quarantine_repository.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/quarantine_folder.h"
#include "base/str.h"

/* Hooks, or linked worktrees: where there are more, the folder counts as one. */
enum { MOST_ENTRIES = 100, CONFIG_LIMIT = 64 * 1024 };

/* In a repository, what is no part of a plain one. */
static const char *const repository_names[] = {"commondir", "config.worktree"};

/* Folders of which that holds for all that is in them: git still reads remotes from there. */
static const char *const parts[] = {"hooks", "remotes", "branches"};

/* What `git init` writes, and what names people and places without running anything. */
static const char *const harmless_keys[] = {
    "core.repositoryformatversion",
    "core.filemode",
    "core.bare",
    "core.ignorecase",
    "core.logallrefupdates",
    "core.symlinks",
    "core.precomposeunicode",
    "user.name",
    "user.email",
    "init.defaultbranch",
    "extensions.objectformat",
    "branch.remote",
    "branch.merge",
    "remote.fetch",
};

/* The small regular file's text; false when it is none. */
static bool read_small(int folder, const char *name, struct str *out)
{
    struct stat status;
    char buffer[4096];
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    bool ok = fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
              status.st_size <= CONFIG_LIMIT;
    ssize_t got = ok ? 1 : 0;
    while (ok && got > 0 && out->length <= CONFIG_LIMIT) {
        got = read(fd, buffer, sizeof buffer);
        str_append_bytes(out, buffer, got > 0 ? (size_t)got : 0);
    }
    if (fd >= 0) {
        close(fd);
    }
    return ok && got == 0 && memchr(out->data, '\0', out->length) == NULL;
}

/* A configuration, line by line. Names and values are in its text. */
struct config {
    char section[64];
    const char *name;                     /* of the section; "": it has none */
    struct quarantine_list remotes, used; /* that have an address; that branches name */
};

/* "[section]" or "[section "name"]". False for what is not understood. */
static bool read_section(struct config *config, char *line)
{
    size_t length =
        1 + strspn(line + 1, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-");
    char *rest = line + length;
    if (length < 2 || length >= sizeof config->section) {
        return false;
    }
    memcpy(config->section, line + 1, length - 1);
    config->section[length - 1] = '\0';
    config->name = "";
    if (rest[0] == ' ' && rest[1] == '"') {
        char *quote = strchr(rest + 2, '"');
        if (quote == NULL || memchr(rest, '\\', (size_t)(quote - rest)) != NULL) {
            return false;
        }
        quote[0] = '\0';
        config->name = rest + 2;
        rest = quote + 1;
    }
    return strcmp(rest, "]") == 0;
}

/* Other schemes run programs. */
static bool is_plain_address(const char *value)
{
    static const char *const schemes[] = {"https://", "http://", "ssh://", "git://"};
    bool plain = false;
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        plain = plain || str_starts_with(value, schemes[i]);
    }
    return plain;
}

/* "key = value", of which the key is harmless, or its value as well. */
static bool read_key(struct config *config, const char *line)
{
    char key[160];
    size_t length = strcspn(line, " \t=");
    const char *value = line + length + strspn(line + length, " \t");
    value += value[0] == '=';
    value += strspn(value, " \t");
    int made = snprintf(key, sizeof key, "%s.%.*s", config->section,
                        (int)(length < 64 ? length : 64), line);
    if (made < 0 || (size_t)made >= sizeof key) {
        return false;
    }
    if (strcasecmp(key, "remote.url") == 0 && config->name[0] != '\0' && is_plain_address(value)) {
        quarantine_list_add(&config->remotes, config->name);
        return true;
    }
    if (strcasecmp(key, "branch.remote") == 0 && strcmp(value, ".") != 0) {
        quarantine_list_add(&config->used, value);
    }
    return quarantine_list_is_among(key, harmless_keys,
                                    sizeof harmless_keys / sizeof harmless_keys[0]);
}

/* What is not plainly read (a line that goes on, an include, a section within a line) is not
 * harmless. */
static bool read_line(struct config *config, char *line)
{
    line += strspn(line, " \t");
    size_t length = strlen(line);
    while (length > 0 && isspace((unsigned char)line[length - 1])) {
        line[--length] = '\0';
    }
    if (length == 0 || line[0] == '#' || line[0] == ';') {
        return true;
    }
    if (line[length - 1] == '\\') {
        return false;
    }
    return line[0] == '[' ? read_section(config, line) : read_key(config, line);
}

/* Whether a git configuration sets nothing but harmless keys. What a branch calls its remote and is
 * none is a folder, whose hooks a push runs. */
static bool is_harmless(char *text)
{
    struct config config = {.name = ""};
    bool harmless = true;
    for (char *line, *rest = text; harmless && (line = strsep(&rest, "\n")) != NULL;) {
        harmless = read_line(&config, line);
    }
    quarantine_list_sort(&config.remotes);
    for (size_t i = 0; i < config.used.count; i++) {
        harmless = harmless && quarantine_list_holds(&config.remotes, config.used.items[i]);
    }
    quarantine_list_finish(&config.remotes);
    quarantine_list_finish(&config.used);
    return harmless;
}

/* Where git has a folder of that name. What is there and none, or a link to one elsewhere, is
 * found; false then, too. */
static bool open_part(struct quarantine_view *view, const char *path, int above, const char *name,
                      struct quarantine_folder *folder)
{
    if (quarantine_folder_open(folder, above, name, QUARANTINE_LOOK)) {
        return true;
    }
    if (folder->shut) {
        quarantine_list_add_beneath(&view->unseen, path, name);
    } else if (errno != ENOENT) {
        quarantine_view_add(view, path, name);
    }
    return false;
}

static void close_part(struct quarantine_view *view, const char *path, const char *name,
                       struct quarantine_folder *folder)
{
    if (folder->shut) {
        quarantine_list_add_beneath(&view->unseen, path, name);
    }
    quarantine_folder_close(folder);
}

/* The names in a part, but those that begin with a dot. None where there are too many to be looked
 * at one by one: then the part itself is found. */
static void list_part(struct quarantine_view *view, const char *path, const char *name,
                      struct quarantine_folder *folder, struct quarantine_list *entries)
{
    const struct dirent *entry;
    while (entries->count <= MOST_ENTRIES && (entry = quarantine_folder_next(folder)) != NULL) {
        if (entry->d_name[0] != '.') {
            quarantine_list_add(entries, entry->d_name);
        }
    }
    if (entries->count > MOST_ENTRIES) {
        quarantine_list_finish(entries);
        quarantine_view_add(view, path, name);
    }
}

/* Each thing in a part runs, or names where a push goes. */
static void look_at_part(struct quarantine_view *view, const char *path, int repository,
                         const char *name)
{
    struct quarantine_folder folder;
    struct quarantine_list entries = {0};
    struct str own;
    if (!open_part(view, path, repository, name, &folder)) {
        return;
    }
    str_init(&own);
    str_append_format(&own, "%s/%s", path, name);
    list_part(view, path, name, &folder, &entries);
    for (size_t i = 0; i < entries.count; i++) {
        if (!str_ends_with(entries.items[i], ".sample") &&
            !str_ends_with(entries.items[i], QUARANTINE_SUFFIX)) {
            quarantine_view_add(view, own.data, entries.items[i]);
        }
    }
    quarantine_list_finish(&entries);
    str_finish(&own);
    close_part(view, path, name, &folder);
}

/* What git goes on with. */
struct state {
    const char *folder, *file;
    bool steps; /* of which some may be commands; else a strategy */
};

static bool is_command(const char *step)
{
    size_t length = strcspn(step, " \t");
    return (length == 1 && step[0] == 'x') || (length == 4 && strncmp(step, "exec", 4) == 0);
}

/* What would run a program at the next `git rebase --continue` or `git cherry-pick --continue`: a
 * step that is a command, or a strategy with a slash in its name, a program beneath
 * ./git-merge-NAME. Each is noted: more of them can be added to what waits already. */
static bool runs_program(struct quarantine_view *view, const char *path, int folder,
                         const struct state *state)
{
    struct str text;
    struct stat status;
    bool runs = false;
    if (fstatat(folder, state->file, &status, AT_SYMLINK_NOFOLLOW) != 0) {
        return false;
    }
    str_init(&text);
    if (!read_small(folder, state->file, &text)) { /* then its time tells of a change */
        runs = true;
        quarantine_view_add_step(view, path, state->folder, &status.st_ctim, sizeof status.st_ctim);
    } else if (!state->steps && strchr(text.data, '/') != NULL) {
        runs = true;
        quarantine_view_add_step(view, path, state->folder, text.data, text.length);
    }
    for (char *line, *rest = state->steps && !runs ? text.data : NULL;
         (line = strsep(&rest, "\n")) != NULL;) {
        line += strspn(line, " \t");
        if (is_command(line)) {
            runs = true;
            quarantine_view_add_step(view, path, state->folder, line, strlen(line));
        }
    }
    str_finish(&text);
    return runs;
}

/* Of a repository, or of a linked worktree in it. */
static void look_at_states(struct quarantine_view *view, const char *path, int fd)
{
    static const struct state states[] = {
        {"rebase-merge", "git-rebase-todo", true},
        {"rebase-merge", "strategy", false},
        {"sequencer", "opts", false},
    };
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        struct quarantine_folder folder;
        if (!open_part(view, path, fd, states[i].folder, &folder)) {
            continue;
        }
        if (runs_program(view, path, folder.fd, &states[i])) {
            quarantine_view_add(view, path, states[i].folder);
        }
        close_part(view, path, states[i].folder, &folder);
    }
}

static void look_for(struct quarantine_view *view, const char *path, int fd, const char *name)
{
    struct stat status;
    if (fstatat(fd, name, &status, AT_SYMLINK_NOFOLLOW) == 0) {
        quarantine_view_add(view, path, name);
    }
}

static void look_for_modules(struct quarantine_view *view, struct quarantine_list *modules,
                             const char *path, int fd)
{
    struct stat status;
    if (modules != NULL && fstatat(fd, "modules", &status, AT_SYMLINK_NOFOLLOW) == 0) {
        if (S_ISDIR(status.st_mode)) {
            quarantine_list_add_beneath(modules, path, "modules");
        } else {
            quarantine_view_add(view, path, "modules");
        }
    }
}

/* A linked worktree's own configuration, and what it is to go on with. */
static void look_at_worktree(struct quarantine_view *view, struct quarantine_list *modules,
                             const char *path, int worktrees, const char *name)
{
    struct quarantine_folder folder;
    struct str own;
    if (!open_part(view, path, worktrees, name, &folder)) {
        return;
    }
    str_init(&own);
    str_append_format(&own, "%s/%s", path, name);
    look_for(view, own.data, folder.fd, "config.worktree");
    look_at_states(view, own.data, folder.fd);
    look_for_modules(view, modules, own.data, folder.fd);
    str_finish(&own);
    close_part(view, path, name, &folder);
}

static void look_at_worktrees(struct quarantine_view *view, struct quarantine_list *modules,
                              const char *path, int repository)
{
    struct quarantine_folder folder;
    struct quarantine_list worktrees = {0};
    struct str own;
    if (!open_part(view, path, repository, "worktrees", &folder)) {
        return;
    }
    str_init(&own);
    str_append_format(&own, "%s/worktrees", path);
    list_part(view, path, "worktrees", &folder, &worktrees);
    for (size_t i = 0; i < worktrees.count; i++) {
        look_at_worktree(view, modules, own.data, folder.fd, worktrees.items[i]);
    }
    quarantine_list_finish(&worktrees);
    str_finish(&own);
    close_part(view, path, "worktrees", &folder);
}

void quarantine_look_at_repository(struct quarantine_view *view, struct quarantine_list *modules,
                                   const char *path, int fd)
{
    struct stat status;
    struct str config;
    str_init(&config);
    for (size_t i = 0; i < sizeof repository_names / sizeof repository_names[0]; i++) {
        look_for(view, path, fd, repository_names[i]);
    }
    if (fstatat(fd, "config", &status, AT_SYMLINK_NOFOLLOW) == 0 &&
        (!read_small(fd, "config", &config) || !is_harmless(config.data))) {
        quarantine_view_add(view, path, "config");
    }
    look_at_states(view, path, fd);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        look_at_part(view, path, fd, parts[i]);
    }
    look_at_worktrees(view, modules, path, fd);
    look_for_modules(view, modules, path, fd);
    str_finish(&config);
}

/* --- submodules --- */

static bool is_folder(int repository, const char *name)
{
    struct stat status;
    return fstatat(repository, name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(status.st_mode);
}

/* "ref: refs/..." or the name of a commit, as git wants it. */
static bool has_head(int repository)
{
    struct str head;
    str_init(&head);
    bool ok = read_small(repository, "HEAD", &head);
    size_t hex = strspn(head.data, "0123456789abcdef");
    ok = ok && (str_starts_with(head.data, "ref: refs/") || hex == 40 || hex == 64);
    str_finish(&head);
    return ok;
}

bool quarantine_is_repository(int fd)
{
    return is_folder(fd, "objects") && is_folder(fd, "refs") && has_head(fd);
}

/* For that git follows links, of HEAD's the text alone. */
bool quarantine_is_bare(int fd)
{
    struct stat status;
    char target[8] = "";
    bool linked = readlinkat(fd, "HEAD", target, sizeof target - 1) > 0;
    return (linked ? str_starts_with(target, "refs/") : has_head(fd)) &&
           (fstatat(fd, "commondir", &status, 0) == 0 ||
            (fstatat(fd, "objects", &status, 0) == 0 && fstatat(fd, "refs", &status, 0) == 0));
}

bool quarantine_is_part(int fd)
{
    static const char *const files[] = {"HEAD", "config", "commondir"};
    bool part = false;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        struct stat status;
        part = part || (fstatat(fd, files[i], &status, AT_SYMLINK_NOFOLLOW) == 0 &&
                        !S_ISDIR(status.st_mode));
    }
    return part;
}
