/* program: see program.h. It gets a session of its own, so that it and all that it starts can be
 * ended together and none of them can read the terminal's keys. */
#include "desktop/program.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/visible.h"

enum { COMPLAINT_BYTES = 2048, LOOK_MS = 50, VARIABLES = 12 };

/* --- which program --- */

static bool only_root_changes(const char *path, mode_t kind)
{
    struct stat status;
    return stat(path, &status) == 0 && (status.st_mode & S_IFMT) == kind && status.st_uid == 0 &&
           (status.st_mode & S_IWOTH) == 0 &&
           (status.st_gid == 0 || (status.st_mode & S_IWGRP) == 0);
}

bool program_find(const char *name, struct str *path)
{
    static const char *const folders[] = {"/usr/local/bin", "/usr/bin", "/bin"};
    char candidate[PATH_MAX], real[PATH_MAX];
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        struct str joined;
        str_init(&joined);
        str_append_format(&joined, "%s/%s", folders[i], name);
        bool fits = joined.length < sizeof candidate;
        memcpy(candidate, joined.data, fits ? joined.length + 1 : 0);
        str_finish(&joined);
        if (fits && only_root_changes(folders[i], S_IFDIR) && realpath(candidate, real) != NULL &&
            only_root_changes(real, S_IFREG) && access(real, X_OK) == 0) {
            str_append(path, candidate);
            return true;
        }
    }
    return false;
}

/* --- its environment --- */

struct environment {
    char *items[VARIABLES + 1];
    size_t count;
};

static void add(struct environment *environment, const char *name, const char *value)
{
    struct str entry;
    str_init(&entry);
    str_append_format(&entry, "%s=%s", name, value);
    environment->items[environment->count++] = str_take(&entry);
}

/* What names the display, and who may talk to it. */
static void make_environment(struct environment *environment)
{
    static const char *const passed[] = {"DISPLAY",
                                         "WAYLAND_DISPLAY",
                                         "XAUTHORITY",
                                         "XDG_RUNTIME_DIR",
                                         "XDG_SESSION_TYPE",
                                         "XDG_CURRENT_DESKTOP",
                                         "DBUS_SESSION_BUS_ADDRESS",
                                         "YDOTOOL_SOCKET"};
    const char *home = getenv("HOME");
    *environment = (struct environment){0};
    add(environment, "PATH", "/usr/local/bin:/usr/bin:/bin");
    add(environment, "LANG", "C.UTF-8");
    for (size_t i = 0; i < sizeof passed / sizeof passed[0]; i++) {
        const char *value = getenv(passed[i]);
        if (value != NULL) {
            add(environment, passed[i], value);
        }
    }
    /* Without HOME nobody would find this file any more; HOME itself would show the whole of it. */
    struct str usual;
    str_init(&usual);
    if (getenv("XAUTHORITY") == NULL && home != NULL) {
        str_append_format(&usual, "%s/.Xauthority", home);
        if (access(usual.data, R_OK) == 0) {
            add(environment, "XAUTHORITY", usual.data);
        }
    }
    str_finish(&usual);
}

static void free_environment(struct environment *environment)
{
    for (size_t i = 0; i < environment->count; i++) {
        mem_free(environment->items[i]);
    }
}

/* --- running it --- */

struct child {
    pid_t pid;
    int output, complaints;
};

static int start_it(const char *path, const char *const *words, const int given[3], pid_t *pid)
{
    struct environment environment;
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    make_environment(&environment);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    for (int i = 0; i < 3; i++) {
        posix_spawn_file_actions_adddup2(&actions, given[i], i);
    }
    posix_spawn_file_actions_addchdir_np(&actions, "/");
    int status = posix_spawn(pid, path, &actions, &attributes, (char **)words, environment.items);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    free_environment(&environment);
    return status;
}

static bool start(const char *path, const char *const *words, struct child *child, struct err *err)
{
    int ends[2] = {-1, -1};
    int input = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int complaints = memfd_create("carat-complaints", MFD_CLOEXEC);
    bool ok = input >= 0 && complaints >= 0 && pipe2(ends, O_CLOEXEC) == 0;
    int status = errno;
    if (ok) {
        const int given[3] = {input, ends[1], complaints};
        status = start_it(path, words, given, &child->pid);
        ok = status == 0;
    }
    for (int i = 0; i < 2; i++) {
        int fd = i == 0 ? input : ends[1];
        if (fd >= 0) {
            close(fd);
        }
    }
    if (!ok) {
        if (complaints >= 0) {
            close(complaints);
        }
        if (ends[0] >= 0) {
            close(ends[0]);
        }
        errno = status;
        return err_errno(err, ERR_UNAVAILABLE, "starting %s", path);
    }
    child->output = ends[0];
    child->complaints = complaints;
    return true;
}

static bool read_output(const struct child *child, const char *name,
                        const struct program_limits *limits, struct str *out, struct err *err)
{
    char buffer[64 * 1024];
    size_t before = out->length;
    int64_t end = clock_monotonic_us() / 1000 + limits->milliseconds;
    for (;;) {
        int64_t left = end - clock_monotonic_us() / 1000;
        if (limits->stop != NULL && atomic_load(limits->stop)) {
            return err_set(err, ERR_CANCELLED, "%s was stopped", name);
        }
        if (left <= 0) {
            return err_set(err, ERR_UNAVAILABLE, "%s took more than %d s", name,
                           limits->milliseconds / 1000);
        }
        struct pollfd watched = {.fd = child->output, .events = POLLIN};
        if (poll(&watched, 1, left < LOOK_MS ? (int)left : LOOK_MS) <= 0) {
            continue;
        }
        ssize_t got = read(child->output, buffer, sizeof buffer);
        if (got < 0 && errno != EINTR) {
            return err_errno(err, ERR_IO, "reading what %s says", name);
        }
        if (got == 0) {
            return true;
        }
        str_append_bytes(out, buffer, got > 0 ? (size_t)got : 0);
        if (out->length - before > limits->bytes) {
            return err_set(err, ERR_LIMIT, "%s said more than %zu bytes", name, limits->bytes);
        }
    }
}

/* Why it ended badly, in the last line of its own words, which are foreign text. */
static bool complain(const struct child *child, const char *name, int status, struct err *err)
{
    char said[COMPLAINT_BYTES];
    ssize_t got = pread(child->complaints, said, sizeof said - 1, 0);
    size_t length = got > 0 ? (size_t)got : 0;
    while (length > 0 && (said[length - 1] == '\n' || said[length - 1] == '\r')) {
        length--;
    }
    said[length] = '\0';
    const char *line = strrchr(said, '\n') != NULL ? strrchr(said, '\n') + 1 : said;
    struct str shown;
    str_init(&shown);
    visible_append(&shown, line, strlen(line), VISIBLE_LINE);
    if (shown.length > 0) {
        err_set(err, ERR_UNAVAILABLE, "%s: %s", name, shown.data);
    } else if (WIFSIGNALED(status)) {
        err_set(err, ERR_UNAVAILABLE, "%s was ended by signal %d", name, WTERMSIG(status));
    } else {
        err_set(err, ERR_UNAVAILABLE, "%s ended with status %d", name, WEXITSTATUS(status));
    }
    str_finish(&shown);
    return false;
}

bool program_run(const char *const *words, const struct program_limits *limits, struct str *out,
                 struct err *err)
{
    struct child child;
    struct str path;
    int status = 0;
    str_init(&path);
    bool ok = program_find(words[0], &path) ||
              err_set(err, ERR_NOT_FOUND, "%s is not installed", words[0]);
    ok = ok && start(path.data, words, &child, err);
    str_finish(&path);
    if (!ok) {
        return false;
    }
    ok = read_output(&child, words[0], limits, out, err);
    if (!ok) {
        kill(-child.pid, SIGKILL);
        kill(child.pid, SIGKILL); /* before it had a session of its own */
    }
    while (waitpid(child.pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (ok && (!WIFEXITED(status) || WEXITSTATUS(status) != 0)) {
        ok = complain(&child, words[0], status, err);
    }
    close(child.output);
    close(child.complaints);
    return ok;
}
