/* sandbox_namespaces: the first stage: what a tool can see, as a bubblewrap command line.
 *
 * bubblewrap is a tool kit: its arguments are the policy, so each stands here with its reason, in
 * the order in which it is carried out (later mounts lie over earlier ones). The arguments go
 * through a descriptor, so that no path can be taken for an option. bwrap is taken from root-owned
 * absolute places only, never from PATH.
 *
 * Root: inside a user namespace uid 0 is still the owner of the host's files in the kernel's eyes.
 * So root becomes "nobody" first where the workspace allows it; else uid 0 stays, and what root
 * alone could read or write besides the mounts is covered (/proc/sys and its like read-only,
 * /etc/shadow and its like hidden).
 */
#include "sandbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

#include "policy.h"
#include "sandbox_layers.h"

enum { NOBODY = 65534 };

#define REACHED_VARIABLE "CARAT_SANDBOX_REACHED"

static const char *const places[] = {"/usr/bin/bwrap", "/bin/bwrap"};

/* Directories that are replaced by private empty ones: sockets, other people's files, other runs'
 * leftovers. */
static const char *const emptied[] = {"/tmp", "/var/tmp", "/run", "/dev/shm", "/home", "/root"};

/* What root could read or change although the root is mounted read-only. */
static const char *const frozen[] = {"/proc/sys", "/proc/irq",  "/proc/bus",
                                     "/proc/fs",  "/proc/acpi", "/proc/scsi"};
static const char *const secret_files[] = {
    "/etc/shadow",    "/etc/shadow-", "/etc/gshadow",     "/etc/gshadow-", "/etc/sudoers",
    "/etc/sudoers.d", "/etc/ssh",     "/etc/ssl/private", "/proc/kcore",   "/proc/sysrq-trigger"};

/* The environment of a tool is made from nothing but this. */
static const char *const kept_variables[] = {"LANG", "LC_ALL", "LC_CTYPE", "TZ"};

struct command_line {
    struct str arguments; /* each followed by a NUL, as bwrap --args reads them */
    const char *home;
    const struct policy *policy;
};

static void add(struct command_line *line, const char *argument)
{
    str_append_bytes(&line->arguments, argument, strlen(argument) + 1);
}

static void add2(struct command_line *line, const char *option, const char *value)
{
    add(line, option);
    add(line, value);
}

static void add3(struct command_line *line, const char *option, const char *from, const char *to)
{
    add2(line, option, from);
    add(line, to);
}

/* True when `path` is `folder` or lies in it. */
static bool inside(const char *path, const char *folder)
{
    size_t length = strlen(folder);
    return strncmp(path, folder, length) == 0 &&
           (path[length] == '\0' || path[length] == '/' || strcmp(folder, "/") == 0);
}

static bool is_directory(const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

/* An empty directory or an empty file over what is there. */
static void hide(struct command_line *line, const char *path)
{
    struct stat status;
    if (lstat(path, &status) != 0 || S_ISLNK(status.st_mode)) {
        return;
    }
    if (S_ISDIR(status.st_mode)) {
        add2(line, "--tmpfs", path);
    } else {
        add3(line, "--ro-bind", "/dev/null", path);
    }
}

static void add_namespaces(struct command_line *line, enum sandbox_kind kind)
{
    add(line, "--unshare-all");  /* mount, pid, ipc, uts, cgroup and, below, network */
    add(line, "--unshare-user"); /* as an error when it cannot be had, not a try */
    if (kind == SANDBOX_NETWORK || kind == SANDBOX_OPEN_COMMANDS) {
        add(line, "--share-net");
    }
    add(line,
        "--disable-userns"); /* no further user namespace: that is where kernel bugs are reached */
    add2(line, "--cap-drop", "ALL");
    add(line, "--new-session");     /* no controlling terminal to type into */
    add(line, "--die-with-parent"); /* nothing outlives carat */
}

static void add_root(struct command_line *line)
{
    add3(line, "--ro-bind", "/", "/");
    add2(line, "--dev", "/dev");
    add2(line, "--proc", "/proc");
    for (size_t i = 0; i < sizeof frozen / sizeof frozen[0]; i++) {
        if (is_directory(frozen[i])) {
            add3(line, "--ro-bind", frozen[i], frozen[i]);
        }
    }
    for (size_t i = 0; i < sizeof secret_files / sizeof secret_files[0]; i++) {
        hide(line, secret_files[i]);
    }
    for (size_t i = 0; i < sizeof emptied / sizeof emptied[0]; i++) {
        if (is_directory(emptied[i]) || strcmp(emptied[i], "/dev/shm") == 0) {
            add2(line, "--tmpfs", emptied[i]);
        }
    }
    add2(line, "--tmpfs", line->home);
}

/* A workspace that is the home directory itself, or holds it: what begins with a dot there is other
 * programs' secrets and settings. */
static bool hide_dot_files(struct command_line *line, struct err *err)
{
    DIR *folder = opendir(line->home);
    if (folder == NULL) {
        return errno == ENOENT ||
               err_errno(err, ERR_UNAVAILABLE, "reading %s, to hide what is private", line->home);
    }
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        if (entry->d_name[0] == '.' && strcmp(entry->d_name, ".") != 0 &&
            strcmp(entry->d_name, "..") != 0) {
            struct str path;
            str_init(&path);
            str_append_format(&path, "%s/%s", line->home, entry->d_name);
            if (!inside(line->policy->workspace, path.data)) {
                hide(line, path.data);
            }
            str_finish(&path);
        }
    }
    closedir(folder);
    return true;
}

/* True for what lies in a place that add_root has replaced by a private one. */
static bool is_emptied(const struct command_line *line, const char *path)
{
    bool found = inside(path, line->home);
    for (size_t i = 0; i < sizeof emptied / sizeof emptied[0]; i++) {
        found = found || inside(path, emptied[i]);
    }
    return found;
}

static bool any_inside(const struct policy_list *list, const char *folder)
{
    bool found = false;
    for (size_t i = 0; i < list->count; i++) {
        found = found || inside(list->items[i], folder);
    }
    return found;
}

/* What is hidden goes below what the user opened beneath it, and above everything else. */
static void add_hidden(struct command_line *line, bool below)
{
    const struct policy *policy = line->policy;
    for (size_t i = 0; i < policy->hidden.count; i++) {
        const char *path = policy->hidden.items[i];
        bool is_opened = inside(policy->workspace, path) || any_inside(&policy->writable, path) ||
                         any_inside(&policy->readable, path);
        bool in_sight = inside(path, policy->workspace) || !is_emptied(line, path);
        if (is_opened == below && (is_opened || in_sight)) {
            hide(line, path);
        }
    }
}

/* In a workspace that is the home directory all the names begin with a dot and are hidden. */
static void add_protected_names(struct command_line *line)
{
    const struct policy *policy = line->policy;
    if (!policy->read_only && strcmp(policy->workspace, line->home) != 0) {
        sandbox_protected_arguments(&line->arguments, policy->workspace);
        for (size_t i = 0; i < policy->writable.count; i++) {
            sandbox_protected_arguments(&line->arguments, policy->writable.items[i]);
        }
    }
}

static bool add_workspace(struct command_line *line, struct err *err)
{
    const struct policy *policy = line->policy;
    const char *bind = policy->read_only ? "--ro-bind" : "--bind";
    add_hidden(line, true);
    for (size_t i = 0; i < policy->readable.count; i++) {
        add3(line, "--ro-bind", policy->readable.items[i], policy->readable.items[i]);
    }
    for (size_t i = 0; i < policy->skills.count; i++) {
        add3(line, "--ro-bind-try", policy->skills.items[i], policy->skills.items[i]);
    }
    add3(line, bind, policy->workspace, policy->workspace);
    for (size_t i = 0; i < policy->writable.count; i++) {
        add3(line, bind, policy->writable.items[i], policy->writable.items[i]);
    }
    add_protected_names(line); /* mounts folders anew, so what hides inside them comes after */
    add_hidden(line, false);
    return !inside(line->home, policy->workspace) || hide_dot_files(line, err);
}

/* This program, when a private directory lies over it; and the resolver's file, which is a link
 * into /run. */
static void add_needed_files(struct command_line *line, const char *program, enum sandbox_kind kind)
{
    add3(line, "--ro-bind", program, program);
    if ((kind == SANDBOX_NETWORK || kind == SANDBOX_OPEN_COMMANDS) &&
        is_directory("/run/systemd/resolve")) {
        add3(line, "--ro-bind", "/run/systemd/resolve", "/run/systemd/resolve");
    }
}

static void add_environment(struct command_line *line)
{
    add(line, "--clearenv");
    add3(line, "--setenv", "PATH", "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin");
    add3(line, "--setenv", "HOME", line->home);
    add3(line, "--setenv", "TERM", "dumb");
    add3(line, "--setenv", "PAGER", "cat");
    add3(line, "--setenv", "GIT_PAGER", "cat");
    for (size_t i = 0; i < sizeof kept_variables / sizeof kept_variables[0]; i++) {
        const char *value = getenv(kept_variables[i]);
        if (value != NULL) {
            add3(line, "--setenv", kept_variables[i], value);
        }
    }
    add2(line, "--chdir", line->policy->workspace);
}

/* --- who runs it --- */

static const char *trusted_bwrap(struct err *err)
{
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        struct stat status;
        if (stat(places[i], &status) == 0 && S_ISREG(status.st_mode) && status.st_uid == 0 &&
            (status.st_mode & (S_IWGRP | S_IWOTH)) == 0) {
            return places[i];
        }
    }
    err_set(err, ERR_UNAVAILABLE,
            "namespaces: bubblewrap is not installed (/usr/bin/bwrap, owned by root): "
            "apt-get install bubblewrap");
    return NULL;
}

static void become_nobody(void)
{
    if (setgroups(0, NULL) != 0 || setresgid(NOBODY, NOBODY, NOBODY) != 0 ||
        setresuid(NOBODY, NOBODY, NOBODY) != 0) {
        _exit(1);
    }
}

/* Tried by a child that has become nobody: may it write the workspace and run this program? */
static bool nobody_can_work(const struct policy *policy, const char *program)
{
    pid_t child = fork();
    if (child == 0) {
        become_nobody();
        bool works =
            access(policy->workspace, policy->read_only ? R_OK | X_OK : R_OK | W_OK | X_OK) == 0;
        for (size_t i = 0; i < policy->writable.count; i++) {
            works = works && access(policy->writable.items[i], R_OK | W_OK | X_OK) == 0;
        }
        _exit(works && access(program, X_OK) == 0 ? 0 : 1);
    }
    int status;
    return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) &&
           WEXITSTATUS(status) == 0;
}

static int arguments_descriptor(const struct command_line *line)
{
    int fd = memfd_create("carat-bwrap", 0); /* without CLOEXEC: bwrap reads it */
    const char *at = line->arguments.data;
    size_t left = line->arguments.length;
    while (fd >= 0 && left > 0) {
        ssize_t written = write(fd, at, left);
        if (written <= 0) {
            close(fd);
            return -1;
        }
        at += written;
        left -= (size_t)written;
    }
    return fd >= 0 && lseek(fd, 0, SEEK_SET) == 0 ? fd : -1;
}

/* bwrap --args FD -- argv...; only returns when it could not be started. */
static void execute(const char *bwrap, int arguments, char *const argv[])
{
    char descriptor[16];
    size_t count = 0;
    while (argv[count] != NULL) {
        count++;
    }
    const char **words = mem_try_zero(count + 5, sizeof *words);
    if (words == NULL) {
        return;
    }
    snprintf(descriptor, sizeof descriptor, "%d", arguments);
    words[0] = "bwrap";
    words[1] = "--args";
    words[2] = descriptor;
    words[3] = "--";
    memcpy(words + 4, argv, count * sizeof *words);
    execv(bwrap, (char *const *)words);
    mem_free(words);
}

/* Until the child has ended. It is killed, and all inside with it, when whoever reads our standard
 * output is gone: carat may be killed at any moment, and what it started must not go on. (The end
 * of the input says less: a script may write its requests, close, and read on.) Not before the
 * inside is reached: bubblewrap killed while it makes the namespaces leaves a process that waits
 * for ever. */
static void watch(pid_t child, int reached)
{
    struct pollfd events[] = {{.fd = (int)syscall(SYS_pidfd_open, child, 0), .events = POLLIN},
                              {.fd = STDOUT_FILENO},
                              {.fd = -1, .events = POLLIN}};
    while (events[0].fd >= 0 && events[0].revents == 0) {
        if (poll(events, 3, -1) <= 0) {
            continue;
        }
        if (events[1].fd >= 0 && events[1].revents != 0) {
            bool gone = (events[1].revents & (POLLERR | POLLHUP)) != 0;
            events[1].fd = -1; /* told once */
            events[2].fd = gone ? reached : -1;
        } else if (events[2].fd >= 0 && events[2].revents != 0) {
            kill(child, SIGKILL);
            events[2].fd = -1;
        }
    }
    if (events[0].fd >= 0) {
        close(events[0].fd);
    }
}

/* Waits for the child and ends as it ended; returns when nothing ever ran inside. */
static bool supervise(pid_t child, int reached, struct err *err)
{
    int status;
    char byte;
    watch(child, reached);
    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR) {
            return err_errno(err, ERR_UNAVAILABLE, "namespaces: waiting for bubblewrap");
        }
    }
    if (read(reached, &byte, 1) == 1) {
        _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    }
    return err_set(err, ERR_UNAVAILABLE,
                   "namespaces: bubblewrap could not make them (user namespaces may be forbidden "
                   "here, or this is a container without them)");
}

void sandbox_namespaces_reached(void)
{
    const char *number = getenv(REACHED_VARIABLE);
    if (number != NULL) {
        ssize_t written = write((int)strtol(number, NULL, 10), "1", 1);
        (void)written; /* nobody waits for it: then nobody asked */
        unsetenv(REACHED_VARIABLE);
    }
}

/* The child alone becomes nobody, for only root may use the control group. */
static bool run(const char *bwrap, struct command_line *line, bool as_nobody, char *const argv[],
                struct err *err)
{
    int reached[2];
    char number[16];
    struct sandbox_cgroup cgroup;
    if (pipe(reached) != 0) {
        return err_errno(err, ERR_UNAVAILABLE, "namespaces: a pipe");
    }
    fcntl(reached[0], F_SETFD, FD_CLOEXEC);
    fcntl(reached[0], F_SETFL, O_NONBLOCK);
    snprintf(number, sizeof number, "%d", reached[1]);
    add3(line, "--setenv", REACHED_VARIABLE, number);
    if (sandbox_cgroup_make(&cgroup, line->policy)) {
        add3(line, "--setenv", SANDBOX_CGROUP_VARIABLE, cgroup.limits);
    }
    int arguments = arguments_descriptor(line);
    pid_t parent = getpid(), child = arguments >= 0 ? fork() : -1;
    if (child == 0) {
        if (!sandbox_cgroup_join(&cgroup)) {
            _exit(126);
        }
        if (as_nobody) {
            become_nobody();
        }
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a change of user would clear it */
        if (getppid() == parent) {        /* else it died before the line above */
            execute(bwrap, arguments, argv);
        }
        _exit(127);
    }
    if (child < 0) {
        return err_errno(err, ERR_UNAVAILABLE, "namespaces: starting %s", bwrap);
    }
    close(reached[1]);
    close(arguments);
    return supervise(child, reached[0], err);
}

static const char *home_directory(void)
{
    const struct passwd *user = getpwuid(getuid());
    const char *home = getenv("HOME");
    if (home != NULL && home[0] == '/' && strcmp(home, "/") != 0) {
        return home;
    }
    return user != NULL && user->pw_dir[0] == '/' && strcmp(user->pw_dir, "/") != 0 ? user->pw_dir
                                                                                    : "/tmp";
}

bool sandbox_reexecute(const struct policy *policy, enum sandbox_kind kind, char *const argv[],
                       struct err *err)
{
    const char *bwrap = trusted_bwrap(err);
    if (bwrap == NULL) {
        return false;
    }
    char home[PATH_MAX];
    struct command_line line = {.policy = policy, .home = home};
    if (realpath(home_directory(), home) == NULL) {
        snprintf(home, sizeof home, "/tmp");
    }
    str_init(&line.arguments);
    add_namespaces(&line, kind);
    add_root(&line);
    bool ok = add_workspace(&line, err);
    add_needed_files(&line, argv[0], kind); /* after the workspace: it may hold this program */
    add_environment(&line);
    int control = -1;
    if (ok && kind == SANDBOX_COMMANDS && policy->network_hosts.count > 0) {
        ok = sandbox_proxy_start(policy, argv[0], &control, err);
        char number[16];
        snprintf(number, sizeof number, "%d", control);
        add3(&line, "--setenv", SANDBOX_PROXY_VARIABLE, number);
    }
    bool as_nobody = ok && geteuid() == 0 && nobody_can_work(policy, argv[0]);
    ok = ok && run(bwrap, &line, as_nobody, argv, err);
    str_finish(&line.arguments);
    return ok;
}
