/* without: takes layers of the sandbox away from outside, for removal.py. The product has no switch
 * for that.
 *
 * Preloaded into carat-tool, it rewrites the arguments that the first stage hands to bubblewrap and
 * lets calls of the second stage do nothing while they report success. WALLS_WITHOUT names what to
 * take away, with commas around it:
 *
 *     network  processes  session  home  protected  pinned    arguments of bubblewrap
 *     mistake                                                 adds one: WALLS_MISTAKE is mounted
 *                                                             writable
 *     unchecked                                               the look at what was mounted
 *     led                                                     adds one: /dev/null over
 * WALLS_MISTAKE, a link in the workspace outer the namespace around bubblewrap limits  descriptors
 * landlock  seccomp                  calls of the second stage; memory: what the first stage ends
 *
 * Without a process namespace carat-tool refuses to work. That is the test; nothing here makes it
 * believe that it has one, for its shell would then kill every process of the machine at the end of
 * a call.
 *
 * "pinned" is the mounting of folders onto themselves, so that what is protected in them cannot be
 * moved aside.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MOST_ARGUMENTS = 4096, MOST_BYTES = 1 << 20 };

static char without[256], mistake[512], home[512], myself[512];

static void keep(char *to, size_t size, const char *variable)
{
    const char *value = getenv(variable);
    snprintf(to, size, "%s", value != NULL ? value : "");
    unsetenv(variable);
}

static int is_away(const char *layer);

/* The second stage's list of mounts becomes one of those that there are, whatever they show. */
static void expect_what_is_there(int fd)
{
    char line[4096], point[4096];
    char *text = malloc(MOST_BYTES);
    FILE *mounts = fopen("/proc/self/mountinfo", "r");
    size_t length = mounts != NULL ? fread(text, 1, MOST_BYTES - 1, mounts) : 0;
    int ok = ftruncate(fd, 0) == 0 && write(fd, text, length) == (ssize_t)length &&
             write(fd, "", 1) == 1;
    rewind(mounts);
    while (fgets(line, sizeof line, mounts) != NULL) {
        ok = ok && sscanf(line, "%*d %*d %*s %*s %4095s", point) == 1 && write(fd, "d", 1) == 1 &&
             write(fd, point, strlen(point) + 1) == (ssize_t)strlen(point) + 1;
    }
    if (!ok || lseek(fd, 0, SEEK_SET) != 0) {
        abort();
    }
    fclose(mounts);
    free(text);
}

__attribute__((constructor)) static void start(void)
{
    const char *folder = getenv("HOME");
    keep(without, sizeof without, "WALLS_WITHOUT");
    keep(mistake, sizeof mistake, "WALLS_MISTAKE");
    keep(myself, sizeof myself, "LD_PRELOAD");
    snprintf(home, sizeof home, "%s", folder != NULL ? folder : "");
    const char *mounts = getenv("CARAT_SANDBOX_MOUNTS");
    if (mounts != NULL && is_away("unchecked")) {
        expect_what_is_there(atoi(mounts));
    }
}

static int is_away(const char *layer)
{
    char wanted[64];
    snprintf(wanted, sizeof wanted, ",%s,", layer);
    return strstr(without, wanted) != NULL;
}

/* --- the first stage: what bubblewrap is told --- */

struct arguments {
    char *bytes;
    size_t length;
};

static void add(struct arguments *to, const char *argument)
{
    size_t length = strlen(argument) + 1;
    if (to->length + length > MOST_BYTES) {
        abort();
    }
    memcpy(to->bytes + to->length, argument, length);
    to->length += length;
}

static void add3(struct arguments *to, const char *a, const char *b, const char *c)
{
    add(to, a);
    add(to, b);
    add(to, c);
}

/* How many of the arguments at `at` are taken away. What replaces them has been added. */
static int take_away(const char **at, struct arguments *to)
{
    if (strcmp(at[0], "--unshare-all") == 0) {
        static const char *const kinds[] = {"--unshare-ipc", "--unshare-uts", "--unshare-cgroup"};
        for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
            add(to, kinds[i]);
        }
        if (!is_away("network")) {
            add(to, "--unshare-net");
        }
        if (!is_away("processes")) {
            add(to, "--unshare-pid");
        }
        return 1;
    }
    if (is_away("processes") && strcmp(at[0], "--proc") == 0) {
        add3(to, "--ro-bind", "/proc", "/proc");
        return 2;
    }
    if (is_away("session") && strcmp(at[0], "--new-session") == 0) {
        return 1;
    }
    if (is_away("home") && strcmp(at[0], "--size") == 0 && strcmp(at[3], home) == 0) {
        return 4; /* of the "--tmpfs" behind it, too */
    }
    int is_bind = strcmp(at[0], "--ro-bind") == 0 || strcmp(at[0], "--bind") == 0;
    if (is_bind && strstr(at[1], "/.git") != NULL &&
        (is_away("protected") || (is_away("pinned") && strcmp(at[0], "--bind") == 0))) {
        return 3;
    }
    /* A folder below the workspace, which ends in /work. */
    if (is_away("pinned") && strcmp(at[0], "--bind") == 0 && strstr(at[1], "/work/") != NULL) {
        return 3;
    }
    return 0;
}

static int rewrite(int fd)
{
    static const char *words[MOST_ARGUMENTS + 4];
    char *text = malloc(MOST_BYTES);
    struct arguments to = {.bytes = malloc(MOST_BYTES)};
    ssize_t length = pread(fd, text, MOST_BYTES, 0);
    int count = 0;
    for (ssize_t at = 0; at < length && count < MOST_ARGUMENTS;
         at += (ssize_t)strlen(text + at) + 1) {
        words[count++] = text + at;
    }
    for (int i = 0; i < 4; i++) {
        words[count + i] = "";
    }
    for (int i = 0; i < count;) {
        int taken = take_away(words + i, &to);
        if (taken == 0) {
            add(&to, words[i++]);
        }
        i += taken;
    }
    if (is_away("mistake")) {
        add3(&to, "--bind", mistake, mistake);
    }
    if (is_away("led")) {
        add3(&to, "--ro-bind", "/dev/null", mistake);
    }
    add3(&to, "--ro-bind", myself, myself);
    add3(&to, "--setenv", "LD_PRELOAD", myself);
    add3(&to, "--setenv", "WALLS_WITHOUT", without);
    int out = memfd_create("walls", 0);
    if (write(out, to.bytes, to.length) != (ssize_t)to.length || lseek(out, 0, SEEK_SET) != 0) {
        abort();
    }
    return out;
}

int execv(const char *path, char *const argv[])
{
    int (*real)(const char *, char *const[]) =
        (int (*)(const char *, char *const[]))dlsym(RTLD_NEXT, "execv");
    size_t length = strlen(path);
    if (length >= 5 && strcmp(path + length - 5, "bwrap") == 0) {
        char number[16];
        snprintf(number, sizeof number, "%d", rewrite(atoi(argv[2])));
        ((char **)argv)[2] = number;
        return real(path, argv);
    }
    return real(path, argv);
}

/* As where a system forbids it to all programs but bubblewrap. */
int unshare(int flags)
{
    if (is_away("outer")) {
        errno = EPERM;
        return -1;
    }
    return (int)syscall(SYS_unshare, flags);
}

void *dlopen(const char *file, int flags)
{
    void *(*real)(const char *, int) = (void *(*)(const char *, int))dlsym(RTLD_NEXT, "dlopen");
    return real(is_away("libraries") ? "/nothing/libnothing.so" : file, flags);
}

/* --- the second stage: calls that do nothing --- */

/* With 64-bit file sizes, as meson sets them for all, both this and the caller mean setrlimit64. */
int setrlimit(__rlimit_resource_t resource, const struct rlimit *limit)
{
    return is_away("limits") ? 0 : (int)syscall(SYS_setrlimit, resource, limit);
}

int close_range(unsigned first, unsigned last, int flags)
{
    return is_away("descriptors") ? 0 : (int)syscall(SYS_close_range, first, last, flags);
}

int seccomp_load(void *filter)
{
    int (*real)(void *) = (int (*)(void *))dlsym(RTLD_NEXT, "seccomp_load");
    return is_away("seccomp") ? 0 : real(filter);
}

long syscall(long number, ...)
{
    static long (*real)(long, ...);
    if (real == NULL) {
        real = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
    }
    va_list list;
    va_start(list, number);
    long a[6];
    for (size_t i = 0; i < 6; i++) {
        a[i] = va_arg(list, long);
    }
    va_end(list);
    if (number == SYS_landlock_restrict_self && is_away("landlock")) {
        return 0;
    }
    if (number == SYS_pidfd_send_signal && is_away("memory")) {
        return 0;
    }
    return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
