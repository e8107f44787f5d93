#include "agent/quarantine_repository.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"

enum { CONFIG_LIMIT = 64 * 1024 };

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

static bool is_one_of(const char *name, const char *const *table, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcasecmp(name, table[i]) == 0) {
            return true;
        }
    }
    return false;
}

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
            !str_ends_with(entry->d_name, QUARANTINE_SUFFIX)) {
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

void quarantine_look_at_repository(struct quarantine_list *found, const char *path, int fd)
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

static void add_modules(struct quarantine_list *folders, struct quarantine_list *found,
                        const char *path, int repository, const char *name)
{
    struct stat status;
    if (fstatat(repository, name, &status, AT_SYMLINK_NOFOLLOW) == 0) {
        add_beneath(S_ISDIR(status.st_mode) ? folders : found, path, name);
    }
}

void quarantine_modules(struct quarantine_list *folders, struct quarantine_list *found,
                        const char *path, int repository)
{
    int fd = openat(repository, "worktrees", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *worktrees = fd >= 0 ? fdopendir(fd) : NULL;
    add_modules(folders, found, path, repository, "modules");
    for (struct dirent *entry; worktrees != NULL && (entry = readdir(worktrees)) != NULL;) {
        if (entry->d_name[0] != '.') {
            struct str name;
            str_init(&name);
            str_append_format(&name, "worktrees/%s/modules", entry->d_name);
            add_modules(folders, found, path, repository, name.data);
            str_finish(&name);
        }
    }
    if (worktrees != NULL) {
        closedir(worktrees);
    } else if (fd >= 0) {
        close(fd);
    }
}
