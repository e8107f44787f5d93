/* sandbox_limits: what a tool may use up, which descriptors it keeps, and that it can never gain
 * privileges.
 *
 * The limits hold for each process that a tool starts. RLIMIT_NPROC counts the processes of this
 * user namespace; the kernel ignores it for the real uid 0, which is why root is sent to another
 * uid where that is possible (sandbox_namespaces.c). The umask stays the user's own: files that a
 * command makes are the user's files.
 */
#include "sandbox_layers.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/err.h"

#include "policy.h"

/* An address space limit would stop a sanitizer's shadow memory in our own process, too. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAS_SHADOW_MEMORY 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HAS_SHADOW_MEMORY 1
#endif
#endif
#ifndef HAS_SHADOW_MEMORY
#define HAS_SHADOW_MEMORY 0
#endif

enum { OPEN_FILES = 1024 };

#if HAS_SHADOW_MEMORY
/* The leak checker traces its own process at exit, which the filter forbids. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}
#endif

static bool lower(int resource, const char *name, rlim_t value, struct err *err)
{
    struct rlimit limit;
    if (getrlimit((__rlimit_resource_t)resource, &limit) == 0) {
        rlim_t most = limit.rlim_max < value ? limit.rlim_max : value;
        limit.rlim_cur = limit.rlim_max = most;
        if (setrlimit((__rlimit_resource_t)resource, &limit) == 0) {
            return true;
        }
    }
    return err_errno(err, ERR_UNAVAILABLE, "resource limit %s", name);
}

/* When the machine's memory runs out, the kernel ends a command before the program that holds the
 * model and the conversation: 1000 is the most (proc(5), oom_score_adj). Landlock
 * forbids to write to /proc, so a command cannot take it back. */
static bool end_first(struct err *err)
{
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    bool written = fd >= 0 && write(fd, "1000", 4) == 4;
    if (!written) {
        err_errno(err, ERR_UNAVAILABLE, "oom_score_adj");
    }
    if (fd >= 0) {
        close(fd);
    }
    return written;
}

bool sandbox_limits_enter(const struct policy *policy, bool memory_together, struct err *err)
{
    /* Today's programs reserve terabytes that they never touch: it is a limit for ours, and where
     * nothing else is to be had. */
    bool addresses = !HAS_SHADOW_MEMORY && !memory_together;
    const struct {
        int resource;
        const char *name;
        rlim_t value;
    } limits[] = {
        {RLIMIT_CORE, "core", 0},
        {RLIMIT_NOFILE, "open files", OPEN_FILES},
        {RLIMIT_FSIZE, "file size", (rlim_t)policy->file_bytes},
        {RLIMIT_NPROC, "processes", (rlim_t)policy->processes},
        {RLIMIT_AS, "memory", addresses ? (rlim_t)policy->memory_bytes : RLIM_INFINITY},
    };
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        if (!lower(limits[i].resource, limits[i].name, limits[i].value, err)) {
            return false;
        }
    }
    if (!end_first(err)) {
        return false;
    }
    if (close_range(3, ~0U, 0) != 0) {
        return err_errno(err, ERR_UNAVAILABLE, "closing inherited descriptors");
    }
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return err_errno(err, ERR_UNAVAILABLE, "no_new_privs");
    }
    /* A command runs as the same user: without this it could write into our memory and our pipes by
     * /proc. */
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
        return err_errno(err, ERR_UNAVAILABLE, "PR_SET_DUMPABLE");
    }
    return true;
}
