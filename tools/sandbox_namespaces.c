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

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
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
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

#include "policy.h"
#include "sandbox_hidden.h"
#include "sandbox_layers.h"
#include "sandbox_inside.h"
#include "sandbox_memory.h"
#include "sandbox_mounts.h"
#include "sandbox_protected.h"
#include "sandbox_relay.h"

enum { NOBODY = 65534 };

/* Most of what may be written to an empty folder, which is memory that no process holds. */
#define EMPTY_BYTES (INT64_C(4) * 1024 * 1024 * 1024)

#define REACHED_VARIABLE "CARAT_SANDBOX_REACHED"
#define MOUNTS_VARIABLE  "CARAT_SANDBOX_MOUNTS"
#define LIMITED_VARIABLE "CARAT_SANDBOX_LIMITED"

/* So often is all of it made anew when names in the workspace were moved meanwhile. */
enum { ATTEMPTS = 10 };
enum { MOUNTS_LIMIT = 16 * 1024 * 1024, EXIT_MOUNTS = 56, MOUNTS_HOLD = '+', NO_OUTER = '-' };

static const char *const places[] = {"/usr/bin/bwrap", "/bin/bwrap"};

/* What root could read or change although the root is mounted read-only. */
static const char *const frozen[] = {"/proc/sys", "/proc/irq",  "/proc/bus",
                                     "/proc/fs",  "/proc/acpi", "/proc/scsi"};
static const char *const secret_files[] = {
    "/etc/shadow",     "/etc/shadow-",
    "/etc/gshadow",    "/etc/gshadow-",
    "/etc/sudoers",    "/etc/sudoers.d",
    "/etc/ssh",        "/etc/ssl/private",
    "/etc/wireguard",  "/etc/NetworkManager/system-connections",
    "/etc/kubernetes", "/etc/krb5.keytab",
    "/proc/kcore",     "/proc/sysrq-trigger"};

/* The environment of a tool is made from nothing but this. */
static const char *const kept_variables[] = {"LANG", "LC_ALL", "LC_CTYPE", "TZ"};

struct command_line {
    struct str arguments; /* each followed by a NUL, as bwrap --args reads them */
    struct str mounts;    /* what those ask for (sandbox_mounts.h) */
    bool outer;           /* bubblewrap starts in a namespace around it (sandbox_outer.c) */
    bool limited;         /* not every folder of the workspace was looked at */
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

/* All mounts but bubblewrap's own are made here, so that the second stage can look for them. */
static void mount(struct command_line *line, enum sandbox_mount mount, const char *path)
{
    char size[24];
    switch (mount) {
    case SANDBOX_MOUNT_EMPTY:
        snprintf(size, sizeof size, "%" PRId64,
                 line->policy->memory_bytes < EMPTY_BYTES ? line->policy->memory_bytes
                                                          : EMPTY_BYTES);
        add2(line, "--size", size);
        add2(line, "--tmpfs", path);
        break;
    case SANDBOX_MOUNT_NOTHING:
        add3(line, "--ro-bind", "/dev/null", path);
        break;
    case SANDBOX_MOUNT_OWN:
        add2(line, strcmp(path, "/dev") == 0 ? "--dev" : "--proc", path);
        break;
    case SANDBOX_MOUNT_SAME:
        add3(line, "--bind", path, path);
        break;
    case SANDBOX_MOUNT_FIXED:
        add3(line, "--ro-bind", path, path);
        break;
    case SANDBOX_MOUNT_OPTIONAL:
        add3(line, "--ro-bind-try", path, path);
        break;
    }
    sandbox_mounts_expect(&line->mounts, mount, path);
}

static bool is_directory(const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

/* An empty directory or an empty file over what is there; over what a link leads to, but for
 * devices: a history that is a link to /dev/null hides nothing. */
static void hide(struct command_line *line, const char *path)
{
    char resolved[PATH_MAX];
    if (realpath(path, resolved) != NULL && !sandbox_hidden_inside(resolved, "/dev")) {
        mount(line, is_directory(resolved) ? SANDBOX_MOUNT_EMPTY : SANDBOX_MOUNT_NOTHING, resolved);
    }
}

static void hide_all(struct command_line *line, const struct policy_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        hide(line, list->items[i]);
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

static void add_root(struct command_line *line, const struct sandbox_hidden *hidden)
{
    mount(line, SANDBOX_MOUNT_FIXED, "/");
    mount(line, SANDBOX_MOUNT_OWN, "/dev");
    mount(line, SANDBOX_MOUNT_OWN, "/proc");
    for (size_t i = 0; i < sizeof frozen / sizeof frozen[0]; i++) {
        if (is_directory(frozen[i])) {
            mount(line, SANDBOX_MOUNT_FIXED, frozen[i]);
        }
    }
    for (size_t i = 0; i < sizeof secret_files / sizeof secret_files[0]; i++) {
        hide(line, secret_files[i]);
    }
    mount(line, SANDBOX_MOUNT_EMPTY, "/dev/shm");
    for (size_t i = 0; i < hidden->emptied.count; i++) {
        mount(line, SANDBOX_MOUNT_EMPTY, hidden->emptied.items[i]);
    }
}

/* What is covered, and this program and the home directory, is moved aside with a folder above: its
 * place would be free. */
static bool pin_covered(const struct command_line *line, const struct sandbox_hidden *hidden,
                        const char *program, struct sandbox_protected *found, struct err *err)
{
    bool ok = sandbox_protected_pin(found, program, false, err) &&
              sandbox_protected_pin(found, line->home, true, err);
    for (size_t i = 0; ok && i < hidden->above.count; i++) {
        ok = sandbox_protected_pin(found, hidden->above.items[i], false, err);
    }
    for (size_t i = 0; ok && i < hidden->fixed.count; i++) {
        ok = sandbox_protected_pin(found, hidden->fixed.items[i], false, err);
    }
    return ok;
}

static bool holds_root(const struct sandbox_protected *found, const char *path)
{
    bool holds = false;
    for (size_t i = 0; i < found->roots.count; i++) {
        holds = holds || sandbox_hidden_inside(found->roots.items[i], path);
    }
    return holds;
}

/* The writable folders, what lies above before what lies in it; then what holds protected names,
 * and last those. */
static bool add_writable(struct command_line *line, const struct sandbox_hidden *hidden,
                         const char *program, struct err *err)
{
    struct sandbox_protected found;
    if (!sandbox_protected_find(&found, line->policy, line->home, err)) {
        return false;
    }
    if (!pin_covered(line, hidden, program, &found, err)) {
        sandbox_protected_finish(&found);
        return false;
    }
    for (size_t i = 0; i < found.roots.count; i++) {
        mount(line, SANDBOX_MOUNT_SAME, found.roots.items[i]);
    }
    for (size_t i = 0; i < found.pinned.count; i++) {
        mount(line, SANDBOX_MOUNT_SAME, found.pinned.items[i]);
    }
    for (size_t i = 0; i < found.fixed.count; i++) {
        mount(line, SANDBOX_MOUNT_FIXED, found.fixed.items[i]);
    }
    /* A mount on a file is gone when the host puts another file in its place, as git does with its
     * configuration; one on a folder stays. A job is there long enough to wait for that. */
    for (size_t i = 0; line->policy->job && i < found.repositories.count; i++) {
        if (!holds_root(&found, found.repositories.items[i])) {
            mount(line, SANDBOX_MOUNT_FIXED, found.repositories.items[i]);
        }
    }
    for (size_t i = 0; i < hidden->fixed.count; i++) {
        mount(line, SANDBOX_MOUNT_FIXED, hidden->fixed.items[i]);
    }
    line->limited = found.limited;
    sandbox_protected_finish(&found);
    return true;
}

/* A name of the policy that is not the folder's own would be mounted elsewhere. */
static bool is_canonical(const char *path, struct err *err)
{
    char resolved[PATH_MAX];
    if (realpath(path, resolved) == NULL) {
        return err_errno(err, ERR_UNAVAILABLE, "mounts: %s", path);
    }
    return strcmp(path, resolved) == 0 ||
           err_set(err, ERR_UNAVAILABLE, "mounts: %s leads to %s", path, resolved);
}

static bool all_canonical(const struct policy_list *list, struct err *err)
{
    bool ok = true;
    for (size_t i = 0; ok && i < list->count; i++) {
        ok = is_canonical(list->items[i], err);
    }
    return ok;
}

static bool add_workspace(struct command_line *line, const struct sandbox_hidden *hidden,
                          const char *program, struct err *err)
{
    const struct policy *policy = line->policy;
    if (!is_canonical(policy->workspace, err) || !all_canonical(&policy->writable, err) ||
        !all_canonical(&policy->readable, err)) {
        return false;
    }
    hide_all(line, &hidden->below);
    for (size_t i = 0; i < policy->readable.count; i++) {
        mount(line, SANDBOX_MOUNT_FIXED, policy->readable.items[i]);
    }
    for (size_t i = 0; i < policy->skills.count; i++) {
        char path[PATH_MAX];
        if (realpath(policy->skills.items[i], path) != NULL) {
            mount(line, SANDBOX_MOUNT_OPTIONAL, path);
        }
    }
    if (policy->read_only) {
        mount(line, SANDBOX_MOUNT_FIXED, policy->workspace);
        for (size_t i = 0; i < policy->writable.count; i++) {
            mount(line, SANDBOX_MOUNT_FIXED, policy->writable.items[i]);
        }
    } else if (!add_writable(line, hidden, program, err)) {
        return false;
    }
    hide_all(line, &hidden->above); /* what was mounted may hold it */
    return true;
}

/* This program, when a private directory lies over it; and the resolver's file, which is a link
 * into /run. */
static void add_needed_files(struct command_line *line, const char *program, enum sandbox_kind kind)
{
    mount(line, SANDBOX_MOUNT_FIXED, program);
    if ((kind == SANDBOX_NETWORK || kind == SANDBOX_OPEN_COMMANDS) &&
        is_directory("/run/systemd/resolve")) {
        mount(line, SANDBOX_MOUNT_FIXED, "/run/systemd/resolve");
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
    if (!line->outer) {
        add3(line, "--setenv", SANDBOX_OUTER_VARIABLE, "1");
    }
    if (line->limited) {
        add3(line, "--setenv", LIMITED_VARIABLE, "1");
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

/* Readable from its beginning by what is executed next; -1 when there is no memory. */
static int text_descriptor(const char *name, const struct str *text)
{
    int fd = memfd_create(name, 0); /* without CLOEXEC */
    if (fd >= 0 && (!file_write_all(fd, text->data, text->length) || lseek(fd, 0, SEEK_SET) != 0)) {
        close(fd);
        return -1;
    }
    return fd;
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

/* What one attempt is made with, and the descriptors that it hands on. */
struct attempt {
    const char *bwrap;
    struct command_line *line;
    const struct sandbox_cgroup *cgroup;
    struct sandbox_relay *relay;
    struct sandbox_memory *memory;
    enum sandbox_use use;
    bool as_nobody;
    char *const *argv;
    int arguments, mounts, reached;
};

/* Until the child has ended. It is killed, and all inside with it, when whoever reads our standard
 * output is gone: carat may be killed at any moment, and what it started must not go on. (The end
 * of the input says less: a script may write its requests, close, and read on.) A program of the
 * user's own learns of that as anywhere, when it writes. Not before the inside is reached:
 * bubblewrap killed while it makes the namespaces leaves a process that waits for ever. */
static void watch(const struct attempt *attempt, pid_t child, int reached)
{
    enum { ENDED, READER, REACHED, RELAY, COUNT = RELAY + SANDBOX_RELAY_EVENTS };
    struct pollfd events[COUNT] = {
        [ENDED] = {.fd = (int)syscall(SYS_pidfd_open, child, 0), .events = POLLIN},
        [READER] = {.fd = attempt->use == SANDBOX_PROGRAM ? -1 : STDOUT_FILENO},
        [REACHED] = {.fd = reached, .events = POLLIN}};
    bool gone = false, begun = false;
    while (events[ENDED].fd >= 0 && events[ENDED].revents == 0) {
        int wait = sandbox_relay_wait(attempt->relay, begun, events + RELAY);
        int until_look = begun ? sandbox_memory_wait(attempt->memory) : -1;
        wait = wait < 0 || (until_look >= 0 && until_look < wait) ? until_look : wait;
        if (poll(events, COUNT, wait) < 0) {
            continue;
        }
        if (events[READER].fd >= 0 && events[READER].revents != 0) {
            gone = (events[READER].revents & (POLLERR | POLLHUP)) != 0;
            events[READER].fd = -1; /* told once */
        }
        if (events[REACHED].fd >= 0 && events[REACHED].revents != 0) {
            begun = true;
            events[REACHED].fd = -1;
        }
        bool late = sandbox_relay_handle(attempt->relay, child, events + RELAY);
        if (begun && (gone || late)) {
            kill(child, SIGKILL);
        } else if (begun) {
            sandbox_memory_look(attempt->memory, child);
        }
    }
    if (events[ENDED].fd >= 0) {
        close(events[ENDED].fd);
    }
}

/* Waits for the child and ends as it ended; returns when nothing ever ran inside, with what the
 * second stage had to say against its mounts, or nothing. */
static void supervise(const struct attempt *attempt, pid_t child, int reached, struct str *said)
{
    int status;
    char text[sizeof((struct err *)0)->text];
    watch(attempt, child, reached);
    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR) {
            return;
        }
    }
    ssize_t length = read(reached, text, sizeof text);
    if (length > 0 && text[0] == MOUNTS_HOLD) {
        sandbox_relay_end(attempt->relay);
        _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    }
    str_append_bytes(said, text, length > 0 ? (size_t)length : 0);
}

/* The first stage's list, and the mounts of the host that it was made from. */
static bool check_mounts(struct err *err)
{
    const char *number = getenv(MOUNTS_VARIABLE);
    int fd = number != NULL ? (int)strtol(number, NULL, 10) : -1;
    struct str asked, inside;
    str_init(&asked);
    str_init(&inside);
    bool ok = fd >= 0 && file_read_open(fd, "the list of mounts", MOUNTS_LIMIT, &asked, err) &&
              file_read("/proc/self/mountinfo", MOUNTS_LIMIT, &inside, err);
    if (!ok) {
        err_set(err, ERR_UNAVAILABLE, "mounts: what was asked for is not known");
    } else {
        size_t host = strlen(asked.data) + 1;
        ok =
            host <= asked.length && sandbox_mounts_check(asked.data, inside.data, asked.data + host,
                                                         asked.length - host, err);
    }
    if (fd >= 0) {
        close(fd);
    }
    unsetenv(MOUNTS_VARIABLE);
    str_finish(&inside);
    str_finish(&asked);
    return ok;
}

bool sandbox_namespaces_limited(void)
{
    static bool limited;
    limited = limited || getenv(LIMITED_VARIABLE) != NULL;
    unsetenv(LIMITED_VARIABLE);
    return limited;
}

bool sandbox_namespaces_reached(struct err *err)
{
    const char *number = getenv(REACHED_VARIABLE);
    bool ok = check_mounts(err);
    if (number != NULL) {
        const char hold[] = {MOUNTS_HOLD, '\0'}, *said = ok ? hold : err->text;
        bool told = file_write_all((int)strtol(number, NULL, 10), said, strlen(said));
        if (told && !ok) {
            _exit(EXIT_MOUNTS); /* the first stage says it, if it does not come right */
        }
        unsetenv(REACHED_VARIABLE);
    }
    return ok;
}

/* What the second stage compares: the mounts that bubblewrap begins with, and what it is asked for.
 */
static bool write_mounts(int fd, const struct str *asked, struct err *err)
{
    struct str text;
    str_init(&text);
    bool ok = file_read("/proc/self/mountinfo", MOUNTS_LIMIT, &text, err);
    str_append_char(&text, '\0');
    str_append_bytes(&text, asked->data, asked->length);
    ok = ok && ((file_write_all(fd, text.data, text.length) && lseek(fd, 0, SEEK_SET) == 0) ||
                err_errno(err, ERR_UNAVAILABLE, "mounts: handing on their list"));
    str_finish(&text);
    return ok;
}

/* The child: becomes bubblewrap, or tells the pipe why not. It alone becomes nobody, for only root
 * may use the control group. */
static void become_bwrap(const struct attempt *attempt, pid_t parent)
{
    struct err err;
    bool forbidden = false;
    const struct command_line *line = attempt->line;
    sandbox_relay_child(attempt->relay);
    if (!sandbox_cgroup_join(attempt->cgroup)) {
        _exit(126);
    }
    if ((line->outer && !sandbox_outer_enter(line->policy, &forbidden, &err)) ||
        !write_mounts(attempt->mounts, &line->mounts, &err)) {
        const char no_outer[] = {NO_OUTER, '\0'}, *why = forbidden ? no_outer : err.text;
        file_write_all(attempt->reached, why, strlen(why));
        _exit(126);
    }
    if (attempt->as_nobody) {
        become_nobody();
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a change of user would clear it */
    if (getppid() == parent) {        /* else it died before the line above */
        execute(attempt->bwrap, attempt->arguments, attempt->argv);
    }
    _exit(127);
}

static bool run(struct attempt *attempt, struct str *said, struct err *err)
{
    int reached[2];
    char number[16];
    if (pipe(reached) != 0) {
        return err_errno(err, ERR_UNAVAILABLE, "namespaces: a pipe");
    }
    fcntl(reached[0], F_SETFD, FD_CLOEXEC);
    fcntl(reached[0], F_SETFL, O_NONBLOCK);
    attempt->reached = reached[1];
    snprintf(number, sizeof number, "%d", attempt->reached);
    add3(attempt->line, "--setenv", REACHED_VARIABLE, number);
    attempt->mounts = memfd_create("carat-mounts", 0); /* without CLOEXEC */
    snprintf(number, sizeof number, "%d", attempt->mounts);
    add3(attempt->line, "--setenv", MOUNTS_VARIABLE, number);
    attempt->arguments = text_descriptor("carat-bwrap", &attempt->line->arguments);
    pid_t parent = getpid();
    pid_t child = attempt->arguments >= 0 && attempt->mounts >= 0 ? fork() : -1;
    if (child == 0) {
        become_bwrap(attempt, parent);
    }
    bool ok =
        child > 0 || err_errno(err, ERR_UNAVAILABLE, "namespaces: starting %s", attempt->bwrap);
    close(reached[1]);
    close(attempt->arguments);
    close(attempt->mounts);
    if (ok) {
        supervise(attempt, child, reached[0], said);
    }
    close(reached[0]);
    return ok;
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

/* All of bubblewrap's arguments, from what the names lead to now. */
static bool make_arguments(struct command_line *line, enum sandbox_kind kind, const char *program,
                           int proxy, const struct sandbox_cgroup *cgroup, struct err *err)
{
    str_clear(&line->arguments);
    str_clear(&line->mounts);
    struct sandbox_hidden hidden;
    if (!sandbox_hidden_find(&hidden, line->policy, line->home, err)) {
        return false;
    }
    add_namespaces(line, kind);
    add_root(line, &hidden);
    bool ok = add_workspace(line, &hidden, program, err);
    sandbox_hidden_finish(&hidden);
    if (!ok) {
        return false;
    }
    add_needed_files(line, program, kind); /* after the workspace: it may hold this program */
    add_environment(line);
    if (proxy >= 0) {
        char number[16];
        snprintf(number, sizeof number, "%d", proxy);
        add3(line, "--setenv", SANDBOX_PROXY_VARIABLE, number);
    }
    if (cgroup->limits[0] != '\0') {
        add3(line, "--setenv", SANDBOX_CGROUP_VARIABLE, cgroup->limits);
    }
    if (cgroup->memory) {
        char events[PATH_MAX + 16];
        snprintf(events, sizeof events, "%s/memory.events", cgroup->path);
        add3(line, "--setenv", SANDBOX_CGROUP_EVENTS_VARIABLE, events);
    }
    return true;
}

/* Names that a job moves meanwhile may make bubblewrap fail, or mount something else: then all is
 * made anew. Where nothing was moved bubblewrap would only fail again. */
static bool try_to_run(const char *bwrap, struct command_line *line, enum sandbox_kind kind,
                       enum sandbox_use use, int proxy, char *const argv[], int text_fd,
                       struct err *err)
{
    struct sandbox_cgroup cgroup = {0};
    struct sandbox_relay relay;
    struct sandbox_memory memory;
    struct str said, before;
    struct attempt attempt = {.bwrap = bwrap,
                              .line = line,
                              .cgroup = &cgroup,
                              .relay = &relay,
                              .memory = &memory,
                              .use = use,
                              .as_nobody = geteuid() == 0 && nobody_can_work(line->policy, argv[0]),
                              .argv = argv};
    bool again = true, ok = sandbox_relay_begin(&relay, use != SANDBOX_TOOL, err);
    sandbox_cgroup_make(&cgroup, line->policy);
    bool foreign = kind == SANDBOX_COMMANDS || kind == SANDBOX_OPEN_COMMANDS;
    sandbox_memory_begin(
        &memory,
        foreign && !cgroup.memory && sandbox_inside_known() ? line->policy->memory_bytes : 0,
        SANDBOX_INSIDE_STAGE + (use == SANDBOX_TOOL ? 1 : 0));
    str_init(&said);
    str_init(&before);
    for (int i = 0; ok && again && i < ATTEMPTS; i++) {
        str_clear(&said);
        ok = make_arguments(line, kind, argv[0], proxy, &cgroup, err);
        if (memory.counter >= 0) {
            char number[16];
            snprintf(number, sizeof number, "%d", memory.counter);
            add3(line, "--setenv", SANDBOX_MEMORY_VARIABLE, number);
        }
        bool same = before.length == line->arguments.length &&
                    memcmp(before.data, line->arguments.data, before.length) == 0;
        str_clear(&before);
        str_append_bytes(&before, line->arguments.data, line->arguments.length);
        lseek(text_fd, 0, SEEK_SET);
        ok = ok && run(&attempt, &said, err);
        again = said.length > 0 || !same;
        if (line->outer && said.length == 1 && said.data[0] == NO_OUTER) {
            line->outer = false; /* the report says it */
            i--;
        }
    }
    if (ok && said.length > 0) {
        err_set(err, ERR_UNAVAILABLE, "%s", said.data);
    } else if (ok) {
        err_set(err, ERR_UNAVAILABLE,
                "namespaces: bubblewrap could not make them (user namespaces may be forbidden "
                "here, this is a container without them, or a job moves folders of the "
                "workspace)");
    }
    sandbox_relay_end(&relay);
    str_finish(&before);
    str_finish(&said);
    return false;
}

bool sandbox_reexecute(const struct policy *policy, enum sandbox_kind kind, enum sandbox_use use,
                       char *const argv[], int text_fd, struct err *err)
{
    const char *bwrap = trusted_bwrap(err);
    char home[PATH_MAX];
    int proxy = -1;
    struct command_line line = {.policy = policy, .home = home, .outer = true};
    bool wants_proxy = kind == SANDBOX_COMMANDS && policy->network_hosts.count > 0;
    if (bwrap == NULL || (wants_proxy && !sandbox_proxy_start(policy, argv[0], &proxy, err))) {
        return false;
    }
    if (realpath(home_directory(), home) == NULL) {
        snprintf(home, sizeof home, "/tmp");
    }
    str_init(&line.arguments);
    str_init(&line.mounts);
    try_to_run(bwrap, &line, kind, use, proxy, argv, text_fd, err);
    str_finish(&line.mounts);
    str_finish(&line.arguments);
    return false;
}
