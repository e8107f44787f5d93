#include "agent/quarantine.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/quarantine_agreed.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"

enum { CONFIG_LIMIT = 64 * 1024 };

#define SUFFIX ".quarantined"

/* At any depth: started by an editor, a shell, direnv, an agent, without being asked for. */
static const char *const names[] = {".carat",     ".vscode",       ".idea",  ".envrc",
                                    ".mcp.json",  ".bashrc",       ".zshrc", ".profile",
                                    ".gitconfig", ".bash_profile", ".zshenv"};

/* In a repository, what is no part of a plain one. */
static const char *const repository_names[] = {"commondir", "config.worktree"};

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

/* One walk: where it is, what it has found. */
struct walk {
    struct quarantine_list *found;
    int left;
};

void quarantine_list_add(struct quarantine_list *list, const char *path)
{
    vec_room(&list->items, &list->capacity, list->count + 1, sizeof *list->items);
    list->items[list->count++] = mem_strdup(path);
}

void quarantine_list_finish(struct quarantine_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        mem_free(list->items[i]);
    }
    mem_free(list->items);
    *list = (struct quarantine_list){0};
}

static bool holds(const struct quarantine_list *list, const char *path)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i], path) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_one_of(const char *name, const char *const *table, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcasecmp(name, table[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* --- a repository --- */

static void add_beneath(struct quarantine_list *list, const char *folder, const char *name)
{
    struct str path;
    str_init(&path);
    str_append_format(&path, "%s/%s", folder, name);
    quarantine_list_add(list, path.data);
    str_finish(&path);
}

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

/* "[section]" or "[section "name"]": the section alone. False for what is not understood. */
static bool read_section(const char *line, char *section, size_t size)
{
    size_t length =
        1 + strspn(line + 1, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-");
    const char *rest = line + length;
    if (length < 2 || length >= size) {
        return false;
    }
    if (rest[0] == ' ' && rest[1] == '"') {
        const char *quote = strchr(rest + 2, '"');
        if (quote == NULL || memchr(rest, '\\', (size_t)(quote - rest)) != NULL) {
            return false;
        }
        rest = quote + 1;
    }
    memcpy(section, line + 1, length - 1);
    section[length - 1] = '\0';
    return strcmp(rest, "]") == 0;
}

/* "url = https://..." of a remote: other schemes run programs. */
static bool is_plain_remote(const char *section, const char *line)
{
    static const char *const schemes[] = {"https://", "http://", "ssh://", "git://"};
    bool plain = false;
    if (strcasecmp(section, "remote") != 0 || strncasecmp(line, "url", 3) != 0) {
        return false;
    }
    line += 3 + strspn(line + 3, " \t");
    if (line[0] != '=') {
        return false;
    }
    line += 1 + strspn(line + 1, " \t");
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        plain = plain || str_starts_with(line, schemes[i]);
    }
    return plain;
}

/* Whether a git configuration sets nothing but harmless keys. What is not plainly read (a line that
 * goes on, an include, a section within a line) is not harmless. */
static bool is_harmless(char *text)
{
    char section[64] = "", key[160];
    for (char *line, *rest = text; (line = strsep(&rest, "\n")) != NULL;) {
        line += strspn(line, " \t");
        size_t length = strlen(line);
        while (length > 0 && isspace((unsigned char)line[length - 1])) {
            line[--length] = '\0';
        }
        if (length == 0 || line[0] == '#' || line[0] == ';') {
            continue;
        }
        if (line[length - 1] == '\\') {
            return false;
        }
        if (line[0] == '[') {
            if (!read_section(line, section, sizeof section)) {
                return false;
            }
            continue;
        }
        size_t name = strcspn(line, " \t=");
        if (is_plain_remote(section, line)) {
            continue;
        }
        int made =
            snprintf(key, sizeof key, "%s.%.*s", section, (int)(name < 64 ? name : 64), line);
        if (made < 0 || (size_t)made >= sizeof key ||
            !is_one_of(key, harmless_keys, sizeof harmless_keys / sizeof harmless_keys[0])) {
            return false;
        }
    }
    return true;
}

static void look_at_hooks(struct quarantine_list *found, const char *path, int repository)
{
    int fd = openat(repository, "hooks", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    struct stat status;
    if (fd < 0) {
        if (fstatat(repository, "hooks", &status, AT_SYMLINK_NOFOLLOW) == 0) {
            add_beneath(found, path, "hooks"); /* a link to hooks elsewhere */
        }
        return;
    }
    DIR *folder = fdopendir(fd);
    for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
        if (entry->d_name[0] != '.' && !str_ends_with(entry->d_name, ".sample") &&
            !str_ends_with(entry->d_name, SUFFIX)) {
            struct str name;
            str_init(&name);
            str_append_format(&name, "hooks/%s", entry->d_name);
            add_beneath(found, path, name.data);
            str_finish(&name);
        }
    }
    if (folder != NULL) {
        closedir(folder);
    } else {
        close(fd);
    }
}

/* A file of what git is to go on with, in `where` ("" or "worktrees/NAME/"): false where there is
 * none; `*plain` says whether it could be read. */
static bool read_state(int repository, const char *where, const char *file, struct str *text,
                       bool *plain)
{
    struct str name;
    struct stat status;
    str_init(&name);
    str_append_format(&name, "%s%s", where, file);
    bool there = fstatat(repository, name.data, &status, AT_SYMLINK_NOFOLLOW) == 0;
    *plain = there && read_small(repository, name.data, text);
    str_finish(&name);
    return there;
}

/* A strategy with a slash in its name is a program beneath ./git-merge-NAME. */
static bool names_program(int repository, const char *where, const char *file)
{
    struct str text;
    bool plain;
    str_init(&text);
    bool runs = read_state(repository, where, file, &text, &plain) &&
                (!plain || strchr(text.data, '/') != NULL);
    str_finish(&text);
    return runs;
}

/* A command among the steps of a rebase. */
static bool has_command(int repository, const char *where)
{
    struct str text;
    bool plain;
    str_init(&text);
    bool runs =
        read_state(repository, where, "rebase-merge/git-rebase-todo", &text, &plain) && !plain;
    for (char *line, *rest = text.data; !runs && (line = strsep(&rest, "\n")) != NULL;) {
        line += strspn(line, " \t");
        size_t length = strcspn(line, " \t");
        runs = (length == 1 && line[0] == 'x') || (length == 4 && strncmp(line, "exec", 4) == 0);
    }
    str_finish(&text);
    return runs;
}

/* What would run a program at the next `git rebase --continue` or `git cherry-pick --continue`. */
static void look_at_states(struct quarantine_list *found, const char *path, int repository,
                           const char *where)
{
    struct str name;
    str_init(&name);
    if (names_program(repository, where, "rebase-merge/strategy") ||
        has_command(repository, where)) {
        str_append_format(&name, "%srebase-merge", where);
        add_beneath(found, path, name.data);
    }
    if (names_program(repository, where, "sequencer/opts")) {
        str_clear(&name);
        str_append_format(&name, "%ssequencer", where);
        add_beneath(found, path, name.data);
    }
    str_finish(&name);
}

/* A linked worktree's own configuration, and what it is to go on with. */
static void look_at_worktrees(struct quarantine_list *found, const char *path, int repository)
{
    int fd = openat(repository, "worktrees", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
    for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
        struct str name;
        struct stat status;
        if (entry->d_name[0] == '.') {
            continue;
        }
        str_init(&name);
        str_append_format(&name, "worktrees/%s/", entry->d_name);
        look_at_states(found, path, repository, name.data);
        str_append(&name, "config.worktree");
        if (fstatat(repository, name.data, &status, AT_SYMLINK_NOFOLLOW) == 0) {
            add_beneath(found, path, name.data);
        }
        str_finish(&name);
    }
    if (folder != NULL) {
        closedir(folder);
    } else if (fd >= 0) {
        close(fd);
    }
}

/* What in a repository runs something or leads elsewhere. */
static void look_at_repository(struct quarantine_list *found, const char *path, int fd)
{
    struct stat status;
    struct str config;
    str_init(&config);
    for (size_t i = 0; i < sizeof repository_names / sizeof repository_names[0]; i++) {
        if (fstatat(fd, repository_names[i], &status, AT_SYMLINK_NOFOLLOW) == 0) {
            add_beneath(found, path, repository_names[i]);
        }
    }
    if (fstatat(fd, "config", &status, AT_SYMLINK_NOFOLLOW) == 0 &&
        (!read_small(fd, "config", &config) || !is_harmless(config.data))) {
        add_beneath(found, path, "config");
    }
    look_at_states(found, path, fd, "");
    look_at_hooks(found, path, fd);
    look_at_worktrees(found, path, fd);
    str_finish(&config);
}

/* --- the walk --- */

static void walk(struct walk *walk_, struct str *path, int folder, int depth);

static void look_at(struct walk *state, struct str *path, int folder, const char *name, int depth)
{
    bool git = strcasecmp(name, ".git") == 0;
    if (is_one_of(name, names, sizeof names / sizeof names[0])) {
        quarantine_list_add(state->found, path->data);
        return;
    }
    int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        if (git) {
            quarantine_list_add(
                state->found, path->data); /* a file or a link that says where the repository is */
        }
        return;
    }
    if (git) {
        look_at_repository(state->found, path->data, fd);
        close(fd);
    } else if (depth < QUARANTINE_DEPTH) {
        walk(state, path, fd, depth + 1);
    } else {
        close(fd);
    }
}

/* Takes `folder`. */
static void walk(struct walk *state, struct str *path, int folder, int depth)
{
    size_t length = path->length;
    DIR *entries = fdopendir(folder);
    if (entries == NULL) {
        close(folder);
        return;
    }
    for (struct dirent *entry; state->left > 0 && (entry = readdir(entries)) != NULL;) {
        bool folder_maybe = entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN;
        state->left--;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
            (!folder_maybe && entry->d_name[0] != '.')) {
            continue;
        }
        str_append_format(path, "/%s", entry->d_name);
        look_at(state, path, dirfd(entries), entry->d_name, depth);
        str_truncate(path, length);
    }
    closedir(entries);
}

void quarantine_look(struct quarantine_list *list, const char *root)
{
    struct walk state = {list, QUARANTINE_NAMES};
    struct str path;
    int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    str_init(&path);
    str_append(&path, root);
    if (fd >= 0) {
        walk(&state, &path, fd, 0);
    }
    str_finish(&path);
}

/* --- moving aside --- */

/* Opens the folder of `path` beneath `root`, one component after the other and through no link: it
 * may have become another one since it was found. -1 when it is not there. */
static int open_parent(const char *root, const char *path)
{
    const char *at = path + strlen(root);
    int folder = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    while (folder >= 0) {
        at += strspn(at, "/");
        size_t length = strcspn(at, "/");
        if (at[length] == '\0') {
            return folder;
        }
        char *name = mem_strndup(at, length);
        int next = openat(folder, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        mem_free(name);
        close(folder);
        folder = next;
        at += length;
    }
    return -1;
}

static bool move_aside(const char *root, const char *path)
{
    enum { TRIES = 100 };
    const char *name = strrchr(path, '/') + 1;
    int folder = open_parent(root, path);
    bool moved = false;
    struct str aside;
    str_init(&aside);
    for (int i = 1; folder >= 0 && !moved && i <= TRIES; i++) {
        str_clear(&aside);
        str_append_format(&aside, "%s" SUFFIX, name);
        if (i > 1) {
            str_append_format(&aside, ".%d", i);
        }
        moved = renameat2(folder, name, folder, aside.data, RENAME_NOREPLACE) == 0;
        if (!moved && errno != EEXIST) {
            break;
        }
    }
    if (folder >= 0) {
        close(folder);
    }
    str_finish(&aside);
    return moved;
}

void quarantine_apply(const struct quarantine_list *before, const char *root, const char *allowed,
                      struct quarantine_list *moved, struct quarantine_list *failed)
{
    struct quarantine_list now = {0};
    quarantine_look(&now, root);
    for (size_t i = 0; i < now.count; i++) {
        const char *path = now.items[i];
        bool seen = allowed != NULL && quarantine_agreed(allowed, path + strlen(root));
        if (!seen && !holds(before, path)) {
            quarantine_list_add(move_aside(root, path) ? moved : failed, path);
        }
    }
    quarantine_list_finish(&now);
}
