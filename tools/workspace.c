#include "workspace.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/vec.h"

#include "attributes.h"

struct seen_file {
    char *path;
    struct workspace_state state;
};

/* A directory besides the workspace. Its files are named by absolute paths. */
struct further_root {
    char *path;
    int fd;
    bool only_read;
};

struct workspace {
    char root[WORKSPACE_PATH_LIMIT];
    int fd; /* O_PATH descriptor of the root: all paths begin here */
    struct further_root *further;
    size_t further_count, further_capacity;
    struct seen_file *seen;
    size_t seen_count, seen_capacity;
    size_t seen_oldest; /* the one to forget when the table is full */
};

/* openat2 has no wrapper in glibc. EAGAIN means that a rename raced with the walk and the kernel
 * could not be sure that it stayed beneath; a few tries suffice unless somebody does it on purpose,
 * and then failing is right. */
static int open_beneath(int directory, const char *path, int flags, uint64_t resolve)
{
    struct open_how how = {
        .flags = (unsigned)(flags | O_CLOEXEC),
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | resolve,
    };
    long fd = -1;
    for (int attempt = 0; attempt < 16; attempt++) {
        fd = syscall(SYS_openat2, directory, path, &how, sizeof how);
        if (fd >= 0 || (errno != EAGAIN && errno != EINTR)) {
            break;
        }
    }
    return (int)fd;
}

struct workspace *workspace_open(const char *root, struct err *err)
{
    size_t length = strlen(root);
    while (length > 1 && root[length - 1] == '/') {
        length--;
    }
    if (root[0] != '/' || length >= WORKSPACE_PATH_LIMIT) {
        err_set(err, ERR_ARGUMENT, "the workspace must be an absolute path, not \"%.200s\"", root);
        return NULL;
    }
    struct workspace *workspace = mem_try_zero(1, sizeof *workspace);
    if (workspace == NULL) {
        err_set(err, ERR_MEMORY, "no memory for the workspace");
        return NULL;
    }
    memcpy(workspace->root, root, length);
    workspace->fd = open(workspace->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (workspace->fd < 0) {
        err_errno(err, ERR_IO, "opening the workspace %.200s", workspace->root);
        goto fail;
    }
    int probe = open_beneath(workspace->fd, ".", O_PATH | O_DIRECTORY, 0);
    if (probe < 0) {
        err_errno(err, ERR_UNAVAILABLE, "openat2, which keeps file tools inside the workspace");
        goto fail;
    }
    close(probe);
    return workspace;
fail:
    workspace_close(workspace);
    return NULL;
}

void workspace_close(struct workspace *workspace)
{
    if (workspace == NULL) {
        return;
    }
    for (size_t i = 0; i < workspace->seen_count; i++) {
        mem_free(workspace->seen[i].path);
    }
    mem_free(workspace->seen);
    for (size_t i = 0; i < workspace->further_count; i++) {
        close(workspace->further[i].fd);
        mem_free(workspace->further[i].path);
    }
    mem_free(workspace->further);
    if (workspace->fd >= 0) {
        close(workspace->fd);
    }
    mem_free(workspace);
}

bool workspace_add(struct workspace *workspace, const char *root, bool only_read, struct err *err)
{
    size_t length = strlen(root);
    while (length > 1 && root[length - 1] == '/') {
        length--;
    }
    char *path = mem_try_zero(length + 1, 1);
    if (path == NULL || !vec_try_room(&workspace->further, &workspace->further_capacity,
                                      workspace->further_count + 1, sizeof *workspace->further)) {
        mem_free(path);
        return err_set(err, ERR_MEMORY, "no memory for the directory %.200s", root);
    }
    memcpy(path, root, length);
    int fd = root[0] == '/' ? open(path, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
    if (fd < 0) {
        mem_free(path);
        return err_errno(err, ERR_IO, "opening the directory %.200s", root);
    }
    workspace->further[workspace->further_count++] = (struct further_root){path, fd, only_read};
    return true;
}

/* What remains of an absolute path after a root, or NULL when it does not lie inside. The border
 * matters: /work2 is not inside /work. */
static const char *inside_root(const char *root, const char *path)
{
    size_t length = strlen(root);
    if (length == 1) {
        return path + 1;
    }
    if (strncmp(path, root, length) != 0 || (path[length] != '/' && path[length] != '\0')) {
        return NULL;
    }
    return path + length;
}

/* `rest` is what of the path is beneath the root that was found. */
static const struct further_root *further_root(const struct workspace *workspace, const char *path,
                                               const char **rest)
{
    for (size_t i = 0; path[0] == '/' && i < workspace->further_count; i++) {
        *rest = inside_root(workspace->further[i].path, path);
        if (*rest != NULL) {
            return &workspace->further[i];
        }
    }
    return NULL;
}

/* Where a normalised path begins, and what of it is beneath. */
static int base_of(const struct workspace *workspace, const char **relative)
{
    const char *rest;
    const struct further_root *root = further_root(workspace, *relative, &rest);
    if (root == NULL) {
        return workspace->fd;
    }
    rest += rest[0] == '/';
    *relative = rest[0] != '\0' ? rest : ".";
    return root->fd;
}

static bool refuse_text(const char *path, struct err *err)
{
    if (path[0] == '\0') {
        return err_set(err, ERR_ARGUMENT, "the path is empty");
    }
    if (strlen(path) >= WORKSPACE_PATH_LIMIT) {
        return err_set(err, ERR_LIMIT, "the path has %zu bytes, at most %d are possible",
                       strlen(path), WORKSPACE_PATH_LIMIT - 1);
    }
    /* Unexpanded, "~/x" would quietly become a directory named "~", a trap for the next rm. */
    if (path[0] == '~' && (path[1] == '/' || path[1] == '\0')) {
        return err_set(err, ERR_DENIED,
                       "\"%.200s\" is in the home directory; only paths in the workspace work",
                       path);
    }
    for (const char *at = path; *at != '\0'; at++) {
        if ((unsigned char)*at < 0x20 || *at == 0x7F) {
            int before = (int)(at - path > 200 ? 200 : at - path);
            return err_set(err, ERR_ARGUMENT,
                           "the path that begins \"%.*s\" holds the control character 0x%02x",
                           before, path, (unsigned char)*at);
        }
    }
    return true;
}

bool workspace_relative(const struct workspace *workspace, const char *path,
                        char out[WORKSPACE_PATH_LIMIT], struct err *err)
{
    if (!refuse_text(path, err)) {
        return false;
    }
    const char *at = path[0] == '/' ? inside_root(workspace->root, path) : path;
    const char *rest;
    size_t start = 0;
    char joined[WORKSPACE_PATH_LIMIT];
    if (at == NULL && further_root(workspace, path, &rest) != NULL) {
        at = rest;
        start = (size_t)(at - path);
        memcpy(joined, path, start);
    }
    if (at == NULL) {
        return err_set(err, ERR_DENIED, "%.200s is outside the workspace %.200s", path,
                       workspace->root);
    }
    size_t length = start;
    while (*at != '\0') {
        size_t name = strcspn(at, "/");
        if (name == 2 && at[0] == '.' && at[1] == '.') {
            if (length == start) {
                return err_set(err, ERR_DENIED, "%.200s leads above the workspace", path);
            }
            while (length > start && joined[--length] != '/') {
            }
        } else if (name > 0 && !(name == 1 && at[0] == '.')) {
            /* Never longer than the path itself, which fits. */
            if (length > 0) {
                joined[length++] = '/';
            }
            memcpy(joined + length, at, name);
            length += name;
        }
        at += name + (at[name] == '/');
    }
    joined[length] = '\0';
    memcpy(out, length == 0 ? "." : joined, length == 0 ? 2 : length + 1);
    return true;
}

/* Names that a program obeys without asking when it finds them. `anywhere`: at any depth; else only
 * directly in a root, which may be somebody's home directory. */
static const struct protected_name {
    const char *name;
    bool anywhere;
    const char *reason;
} protected_names[] = {
    {".git", true, "git runs what its configuration and hooks say"},
    {".carat", true, "it configures carat itself"},
    {".envrc", true, "direnv runs it"},
    {".vscode", true, "the editor runs tasks from it"},
    {".idea", true, "the editor runs tasks from it"},
    {".bashrc", false, "the shell runs it"},
    {".bash_profile", false, "the shell runs it"},
    {".bash_login", false, "the shell runs it"},
    {".bash_logout", false, "the shell runs it"},
    {".profile", false, "the shell runs it"},
    {".zshrc", false, "the shell runs it"},
    {".zshenv", false, "the shell runs it"},
    {".zprofile", false, "the shell runs it"},
    {".zlogin", false, "the shell runs it"},
    {".ssh", false, "it decides who may log in"},
    {".gitconfig", false, "git runs what it says"},
};

const char *workspace_protected(const struct workspace *workspace, const char *relative)
{
    bool first = true;
    base_of(workspace, &relative);
    for (const char *at = relative; *at != '\0'; first = false) {
        size_t length = strcspn(at, "/");
        for (size_t i = 0; i < sizeof protected_names / sizeof protected_names[0]; i++) {
            const struct protected_name *row = &protected_names[i];
            if ((first || row->anywhere) && strlen(row->name) == length &&
                strncasecmp(at, row->name, length) == 0) {
                return row->reason;
            }
        }
        at += length + (at[length] == '/');
    }
    return NULL;
}

static bool open_failed(const char *path, struct err *err)
{
    switch (errno) {
    case ENOENT:
        return err_set(err, ERR_NOT_FOUND, "there is no %.200s in the workspace", path);
    case EXDEV:
        return err_set(err, ERR_DENIED, "%.200s leads outside the workspace", path);
    case ELOOP:
        return err_set(err, ERR_DENIED, "%.200s is a symbolic link that leads nowhere useful",
                       path);
    case ENXIO:
        return err_set(err, ERR_ARGUMENT, "%.200s is not a regular file", path);
    default:
        return err_errno(err, ERR_IO, "opening %.200s", path);
    }
}

/* "name/" asks for a directory; where a file is meant, it is refused, so that "x/" and "x" are not
 * two names of one file. */
static bool ends_with_slash(const char *path)
{
    size_t length = strlen(path);
    return length > 1 && path[length - 1] == '/';
}

int workspace_open_file(struct workspace *workspace, const char *path, struct err *err)
{
    char relative[WORKSPACE_PATH_LIMIT];
    if (!workspace_relative(workspace, path, relative, err)) {
        return -1;
    }
    /* O_NONBLOCK: a FIFO must not hang us; O_NOCTTY: a terminal must not become ours. */
    const char *beneath = relative;
    int base = base_of(workspace, &beneath);
    int fd = open_beneath(base, beneath, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
    if (fd < 0) {
        open_failed(relative, err);
        return -1;
    }
    struct stat status;
    bool ok = fstat(fd, &status) == 0;
    if (!ok) {
        err_errno(err, ERR_IO, "looking at %.200s", relative);
    } else if (S_ISDIR(status.st_mode)) {
        ok = err_set(err, ERR_ARGUMENT, "%.200s is a directory, not a file", relative);
    } else if (!S_ISREG(status.st_mode)) {
        ok = err_set(err, ERR_ARGUMENT, "%.200s is not a regular file", relative);
    } else if (ends_with_slash(path)) {
        ok = err_set(err, ERR_ARGUMENT, "%.200s is a file, not a directory", relative);
    }
    if (!ok) {
        close(fd);
        return -1;
    }
    return fd;
}

int workspace_open_directory(struct workspace *workspace, const char *path, struct err *err)
{
    char relative[WORKSPACE_PATH_LIMIT];
    if (!workspace_relative(workspace, path, relative, err)) {
        return -1;
    }
    const char *beneath = relative;
    int base = base_of(workspace, &beneath);
    int fd = open_beneath(base, beneath, O_RDONLY | O_DIRECTORY | O_NONBLOCK, 0);
    if (fd < 0 && errno == ENOTDIR) {
        err_set(err, ERR_ARGUMENT, "%.200s is not a directory", relative);
    } else if (fd < 0) {
        open_failed(relative, err);
    }
    return fd;
}

/* FNV-1a, 64 bits: it tells apart what an editor or a command changed. It need not withstand an
 * attacker, who could as well change the file after the check. */
static uint64_t hash_more(uint64_t hash, const void *data, size_t size)
{
    const unsigned char *bytes = data;
    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ bytes[i]) * 0x100000001B3u;
    }
    return hash;
}

static const uint64_t hash_start = 0xCBF29CE484222325u;

static void state_from(const struct stat *status, struct workspace_state *state)
{
    *state = (struct workspace_state){
        .device = status->st_dev,
        .inode = status->st_ino,
        .size = status->st_size,
        .modified_ns = (int64_t)status->st_mtim.tv_sec * 1000000000 + status->st_mtim.tv_nsec,
    };
}

bool workspace_state_of(int fd, struct workspace_state *state, struct err *err)
{
    struct stat status;
    struct workspace_state found;
    if (fstat(fd, &status) != 0) {
        return err_errno(err, ERR_IO, "looking at an open file");
    }
    state_from(&status, &found);
    if (found.size <= WORKSPACE_HASH_LIMIT) {
        char piece[16 * 1024];
        off_t at = 0;
        found.hash = hash_start;
        while (at <= WORKSPACE_HASH_LIMIT) {
            ssize_t got = pread(fd, piece, sizeof piece, at);
            if (got < 0 && errno == EINTR) {
                continue;
            }
            if (got < 0) {
                return err_errno(err, ERR_IO, "reading an open file");
            }
            if (got == 0) {
                break;
            }
            found.hash = hash_more(found.hash, piece, (size_t)got);
            at += got;
        }
        found.size = at;
    }
    *state = found;
    return true;
}

void workspace_state_of_bytes(const void *data, size_t size, struct workspace_state *state)
{
    *state = (struct workspace_state){
        .size = (int64_t)size,
        .hash = hash_more(hash_start, data, size),
    };
}

/* Names the symlink that a write would have gone through. */
static bool refuse_link(int directory, const char *name, const char *path, struct err *err)
{
    char target[256];
    ssize_t length = readlinkat(directory, name, target, sizeof target - 1);
    target[length > 0 ? length : 0] = '\0';
    return err_set(err, ERR_DENIED,
                   "\"%.100s\" in %.150s is a symbolic link to \"%.100s\", and nothing is written "
                   "through links; name the file that it leads to",
                   name, path, target);
}

/* Opens the directory that holds the last name of `relative`, one name at a time and through no
 * symlink. Unless `made` is NULL it makes what is missing: where the name of the first one ends
 * goes to `made`, also when it fails then. -1 on failure. */
static int open_parent(struct workspace *workspace, const char *relative, size_t *made,
                       struct err *err)
{
    const char *at = relative;
    int base = base_of(workspace, &at);
    int directory = open_beneath(base, ".", O_RDONLY | O_DIRECTORY, 0);
    if (directory < 0) {
        err_errno(err, ERR_IO, "opening the workspace");
        return -1;
    }
    for (const char *slash; (slash = strchr(at, '/')) != NULL; at = slash + 1) {
        char name[NAME_MAX + 1];
        size_t length = (size_t)(slash - at);
        if (length > NAME_MAX) {
            err_set(err, ERR_LIMIT, "a name in %.200s has more than %d bytes", relative, NAME_MAX);
            goto fail;
        }
        memcpy(name, at, length);
        name[length] = '\0';
        int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
        int next = open_beneath(directory, name, flags, RESOLVE_NO_SYMLINKS);
        if (next < 0 && errno == ENOENT && made != NULL) {
            bool is_made = mkdirat(directory, name, 0777) == 0;
            *made = is_made && *made == 0 ? (size_t)(slash - relative) : *made;
            if (is_made || errno == EEXIST) {
                next = open_beneath(directory, name, flags, RESOLVE_NO_SYMLINKS);
            }
        }
        if (next < 0) {
            struct stat status;
            int cause = errno;
            if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
                S_ISLNK(status.st_mode)) {
                refuse_link(directory, name, relative, err);
            } else {
                errno = cause;
                err_errno(err, ERR_IO, "opening or making the directory %.*s",
                          (int)(slash - relative > 200 ? 200 : slash - relative), relative);
            }
            goto fail;
        }
        close(directory);
        directory = next;
    }
    return directory;
fail:
    close(directory);
    return -1;
}

/* Takes away again the directories that were made for a file that could not be: those that are
 * empty, up to the first one, whose name ends at `made`. */
static void remove_made(struct workspace *workspace, const char *relative, size_t made)
{
    char folder[WORKSPACE_PATH_LIMIT];
    snprintf(folder, sizeof folder, "%s", relative);
    for (char *slash; (slash = strrchr(folder, '/')) != NULL && slash >= folder + made;) {
        *slash = '\0';
        int parent = open_parent(workspace, folder, NULL, NULL);
        const char *name = strrchr(folder, '/');
        if (parent >= 0) {
            unlinkat(parent, name == NULL ? folder : name + 1, AT_REMOVEDIR);
            close(parent);
        }
    }
}

/* Whether `name` is what the caller believes: absent, or a plain file that did not change. Fills
 * `mode` with the permission bits of the file that is there. */
static bool check_target(int parent, const char *name, const char *relative,
                         const struct workspace_state *expected, mode_t *mode, struct err *err)
{
    struct stat status;
    if (fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno != ENOENT) {
            return err_errno(err, ERR_IO, "looking at %.200s", relative);
        }
        return expected == NULL ||
               err_set(err, ERR_DENIED, "%.200s is gone; write_file makes it anew", relative);
    }
    if (S_ISLNK(status.st_mode)) {
        return refuse_link(parent, name, relative, err);
    }
    if (!S_ISREG(status.st_mode)) {
        return err_set(err, ERR_ARGUMENT, "%.200s is %s", relative,
                       S_ISDIR(status.st_mode) ? "a directory" : "not a regular file");
    }
    if (status.st_nlink > 1) {
        /* The other name may lie outside the workspace, and people expect both to stay one. */
        return err_set(
            err, ERR_DENIED,
            "%.200s is one of %lu hard links to the same file and is left alone; a command "
            "that writes into it changes it under each name",
            relative, (unsigned long)status.st_nlink);
    }
    if (expected == NULL) {
        return err_set(err, ERR_DENIED, "%.200s exists already; read it first with read_file",
                       relative);
    }
    struct workspace_state now;
    state_from(&status, &now);
    if (now.inode != expected->inode || now.device != expected->device ||
        now.size != expected->size || now.modified_ns != expected->modified_ns) {
        return err_set(err, ERR_DENIED, "%.200s changed a moment ago; read it again with read_file",
                       relative);
    }
    *mode = status.st_mode & 0777; /* never the set-user-id bits */
    return true;
}

/* A name that nobody can foresee: O_EXCL refuses a file or link that waits under it. */
static int open_temporary(int parent, mode_t mode, char name[32])
{
    for (int attempt = 0; attempt < 8; attempt++) {
        uint64_t random;
        if (getrandom(&random, sizeof random, 0) != sizeof random) {
            return -1;
        }
        snprintf(name, 32, ".carat-%016llx", (unsigned long long)random);
        int fd = openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
        if (fd >= 0 || errno != EEXIST) {
            return fd;
        }
    }
    return -1;
}

/* rename() never follows a link at either name. For a new file NOREPLACE closes the last gap; file
 * systems that do not know it (EINVAL) keep the check made just before. */
static bool put_in_place(int parent, const char *temporary, const char *name, bool is_new)
{
    if (is_new) {
        if (renameat2(parent, temporary, parent, name, RENAME_NOREPLACE) == 0) {
            return true;
        }
        if (errno != EINVAL) {
            return false;
        }
    }
    return renameat(parent, temporary, parent, name) == 0;
}

/* What a file that is there gives to the one that takes its place. */
static bool inherit(int parent, const char *name, int fd, mode_t mode, struct err *err)
{
    int old = open_beneath(parent, name, O_RDONLY | O_NONBLOCK | O_NOCTTY, RESOLVE_NO_SYMLINKS);
    if (old < 0) {
        return err_errno(err, ERR_IO, "opening it");
    }
    bool ok = attributes_copy(old, fd, err) &&
              (fchmod(fd, mode) == 0 || err_errno(err, ERR_IO, "setting its mode"));
    close(old);
    return ok;
}

/* A write, as far as it is decided. */
struct content {
    const char *relative, *name; /* `name`: in `parent` */
    int parent;
    const void *data;
    size_t size;
    const struct workspace_state *expected;
};

/* Writing and syncing take their time, in which the user may have saved the same file: so the
 * target is looked at before, and once more at the last moment. */
static bool write_and_rename(const struct content *content, int fd, const char *temporary,
                             mode_t mode, struct err *err)
{
    const char *relative = content->relative, *name = content->name;
    bool is_new = content->expected == NULL;
    if (!file_write_all(fd, content->data, content->size)) {
        return err_errno(err, ERR_IO, "writing %.200s", relative);
    }
    if (!is_new && !inherit(content->parent, name, fd, mode, err)) {
        return err_prefix(err, "writing %.200s", relative);
    }
    if (fsync(fd) != 0) {
        return err_errno(err, ERR_IO, "writing %.200s", relative);
    }
    return check_target(content->parent, name, relative, content->expected, &mode, err) &&
           (put_in_place(content->parent, temporary, name, is_new) ||
            err_errno(err, ERR_IO, "writing %.200s", relative));
}

/* Writes beside the target, then renames. */
static bool put_content(const struct content *content, struct err *err)
{
    char temporary[32];
    mode_t mode = 0;
    if (!check_target(content->parent, content->name, content->relative, content->expected, &mode,
                      err)) {
        return false;
    }
    /* What takes a file's place is nobody else's to read until it has that one's mode. */
    int fd = open_temporary(content->parent, content->expected == NULL ? 0666 : 0600, temporary);
    if (fd < 0) {
        return err_errno(err, ERR_IO, "writing %.200s", content->relative);
    }
    bool ok = write_and_rename(content, fd, temporary, mode, err);
    close(fd);
    if (!ok) {
        unlinkat(content->parent, temporary, 0);
    }
    fsync(content->parent); /* the new name; where directories cannot be synced, so be it */
    return ok;
}

bool workspace_write_file(struct workspace *workspace, const char *path, const void *data,
                          size_t size, const struct workspace_state *expected, struct err *err)
{
    char relative[WORKSPACE_PATH_LIMIT];
    if (!workspace_relative(workspace, path, relative, err)) {
        return false;
    }
    const char *beneath = relative, *rest;
    base_of(workspace, &beneath);
    if (strcmp(beneath, ".") == 0 || ends_with_slash(path)) {
        return err_set(err, ERR_ARGUMENT, "%.200s names a directory, not a file", path);
    }
    const char *reason = workspace_protected(workspace, relative);
    if (reason != NULL) {
        return err_set(err, ERR_DENIED, "%.200s is protected: %s; the user can change it", relative,
                       reason);
    }
    const struct further_root *root = further_root(workspace, relative, &rest);
    if (root != NULL && root->only_read) {
        return err_set(err, ERR_DENIED, "%.200s may only be read", relative);
    }
    size_t made = 0;
    int parent = open_parent(workspace, relative, expected == NULL ? &made : NULL, err);
    const char *slash = strrchr(relative, '/');
    const struct content content = {
        relative, slash == NULL ? relative : slash + 1, parent, data, size, expected};
    bool ok = parent >= 0 && put_content(&content, err);
    if (parent >= 0) {
        close(parent);
    }
    if (!ok && made > 0) {
        remove_made(workspace, relative, made);
    }
    return ok;
}

static struct seen_file *find_seen(const struct workspace *workspace, const char *relative)
{
    for (size_t i = 0; i < workspace->seen_count; i++) {
        if (strcmp(workspace->seen[i].path, relative) == 0) {
            return &workspace->seen[i];
        }
    }
    return NULL;
}

void workspace_remember(struct workspace *workspace, const char *relative,
                        const struct workspace_state *state)
{
    struct seen_file *known = find_seen(workspace, relative);
    if (known != NULL) {
        known->state = *state;
        return;
    }
    size_t length = strlen(relative);
    char *path = mem_try_alloc(length + 1, 1);
    if (path == NULL) {
        return;
    }
    memcpy(path, relative, length + 1);
    if (workspace->seen_count == WORKSPACE_SEEN_LIMIT) {
        known = &workspace->seen[workspace->seen_oldest];
        workspace->seen_oldest = (workspace->seen_oldest + 1) % WORKSPACE_SEEN_LIMIT;
        mem_free(known->path);
    } else if (vec_try_room(&workspace->seen, &workspace->seen_capacity, workspace->seen_count + 1,
                            sizeof *workspace->seen)) {
        known = &workspace->seen[workspace->seen_count++];
    } else {
        mem_free(path);
        return;
    }
    *known = (struct seen_file){.path = path, .state = *state};
}

enum workspace_seen workspace_seen(const struct workspace *workspace, const char *relative,
                                   const struct workspace_state *state)
{
    const struct seen_file *known = find_seen(workspace, relative);
    if (known == NULL) {
        return WORKSPACE_UNSEEN;
    }
    bool same = known->state.size == state->size && known->state.hash == state->hash;
    if (state->size > WORKSPACE_HASH_LIMIT) {
        same = same && known->state.inode == state->inode && known->state.device == state->device &&
               known->state.modified_ns == state->modified_ns;
    }
    return same ? WORKSPACE_FRESH : WORKSPACE_STALE;
}
