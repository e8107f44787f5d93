/* sandbox_cgroup: limits for all processes of one call together, where the system delegates a
 * control group.
 *
 * The limits of sandbox_limits.c hold for each process, and the kernel ignores the number of
 * processes for uid 0; a control group counts them all. Tried are, in this order, the group that we
 * run in and the one above (systemd gives a user both), by making a child group and setting its
 * limits: nothing is believed that was not written. With version 1 only the number of processes is
 * limited there, in the hierarchy of its own.
 *
 * A group is called carat-PID after its first stage. A small process removes it when that is gone;
 * should that be killed too, the next call does.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/str.h"

#include "policy.h"
#include "sandbox_layers.h"

#define PREFIX "carat-"

static bool write_value(const char *group, const char *file, const char *value)
{
    char path[PATH_MAX + 32];
    snprintf(path, sizeof path, "%s/%s", group, file);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool ok = fd >= 0 && write(fd, value, strlen(value)) == (ssize_t)strlen(value);
    if (fd >= 0) {
        close(fd);
    }
    return ok;
}

/* Groups of first stages that are gone; the kernel removes only empty ones. */
static void sweep(const char *parent)
{
    DIR *folder = opendir(parent);
    for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
        if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)) == 0) {
            char *end;
            long pid = strtol(entry->d_name + strlen(PREFIX), &end, 10);
            if (*end == '\0' && pid > 0 && kill((pid_t)pid, 0) != 0 && errno == ESRCH) {
                unlinkat(dirfd(folder), entry->d_name, AT_REMOVEDIR);
            }
        }
    }
    if (folder != NULL) {
        closedir(folder);
    }
}

/* A child of `parent` with the limits set; false leaves nothing behind. */
static bool make_in(const char *parent, bool version_2, const struct policy *policy,
                    struct sandbox_cgroup *cgroup)
{
    char path[PATH_MAX], number[32];
    if (snprintf(path, sizeof path, "%s/" PREFIX "%d", parent, (int)getpid()) >= (int)sizeof path) {
        return false;
    }
    sweep(parent);
    if (mkdir(path, 0755) != 0) {
        return false;
    }
    snprintf(number, sizeof number, "%d", policy->processes);
    bool ok = write_value(path, "pids.max", number);
    if (version_2) {
        snprintf(number, sizeof number, "%lld", (long long)policy->memory_bytes);
        ok = ok && write_value(path, "memory.max", number);
        write_value(path, "memory.swap.max", "0"); /* absent without swap */
        /* memory.oom.group stays 0: the kernel ends the largest process, and the tool, which is in
         * the group too, tells what became of the command. */
    }
    if (!ok) {
        rmdir(path);
        return false;
    }
    snprintf(cgroup->path, sizeof cgroup->path, "%s", path);
    cgroup->memory = version_2;
    snprintf(cgroup->limits, sizeof cgroup->limits, "%d processes", policy->processes);
    if (version_2) {
        size_t length = strlen(cgroup->limits);
        snprintf(cgroup->limits + length, sizeof cgroup->limits - length, ", %lld MiB",
                 (long long)policy->memory_bytes / (1024 * 1024));
    }
    return true;
}

/* Where the hierarchy that `controller` names is mounted; NULL as controller: version 2. */
static bool mount_point(const char *controller, char *path, size_t size)
{
    FILE *mounts = fopen("/proc/self/mounts", "re");
    char line[PATH_MAX + 512], place[PATH_MAX], type[32], flags[256];
    bool found = false;
    while (mounts != NULL && !found && fgets(line, sizeof line, mounts) != NULL) {
        if (sscanf(line, "%*s %4095s %31s %255s", place, type, flags) == 3 &&
            strcmp(type, controller == NULL ? "cgroup2" : "cgroup") == 0) {
            bool is_it = controller == NULL;
            char *rest = flags;
            for (char *flag; !is_it && (flag = strsep(&rest, ",")) != NULL;) {
                is_it = strcmp(flag, controller) == 0;
            }
            found = is_it && snprintf(path, size, "%s", place) < (int)size;
        }
    }
    if (mounts != NULL) {
        fclose(mounts);
    }
    return found;
}

/* The group of this process in that hierarchy, as a path in the file system, of which the mount is
 * the first `*root` bytes. A group outside of what is mounted begins with "..": that is none. */
static bool own_group(const char *controller, char *path, size_t size, size_t *root)
{
    FILE *groups = fopen("/proc/self/cgroup", "re");
    char line[PATH_MAX + 64], place[PATH_MAX];
    bool found = false;
    while (groups != NULL && !found && fgets(line, sizeof line, groups) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        char *rest = strchr(line, ':');
        char *list = rest != NULL ? rest + 1 : NULL, *at = list != NULL ? strchr(list, ':') : NULL;
        if (at == NULL) {
            continue;
        }
        *at++ = '\0';
        bool is_it = controller == NULL ? *list == '\0' : false;
        for (char *name; !is_it && controller != NULL && (name = strsep(&list, ",")) != NULL;) {
            is_it = strcmp(name, controller) == 0;
        }
        found = is_it && strncmp(at, "/..", 3) != 0 &&
                mount_point(controller, place, sizeof place) &&
                snprintf(path, size, "%s%s", place, strcmp(at, "/") == 0 ? "" : at) < (int)size;
        *root = found ? strlen(place) : 0;
    }
    if (groups != NULL) {
        fclose(groups);
    }
    return found;
}

/* The kernel removes only an empty group, and so may take until its processes are gone. */
static void remove_group(const char *path)
{
    enum { TRIES = 400 };
    write_value(path, "cgroup.kill", "1"); /* version 1 has none: the process namespace ends them */
    for (int i = 0; i < TRIES && rmdir(path) != 0 && errno == EBUSY; i++) {
        struct timespec pause = {.tv_nsec = 5000000};
        nanosleep(&pause, NULL);
    }
}

/* A process that removes the group when the first stage is gone, however it went: it reads from a
 * pipe that nobody writes to. It holds nothing else, so that nobody waits for it. */
static bool watch(const char *path)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return false;
    }
    pid_t child = fork();
    if (child == 0) {
        char byte;
        bool alone = setsid() > 0 && dup2(ends[0], 0) == 0 && close_range(1, ~0U, 0) == 0;
        while (alone && read(0, &byte, 1) < 0 && errno == EINTR) {
        }
        remove_group(path);
        _exit(0);
    }
    close(ends[0]);
    if (child < 0) {
        close(ends[1]);
    }
    return child > 0; /* our end stays open for as long as we live */
}

static bool make(struct sandbox_cgroup *cgroup, const struct policy *policy)
{
    static const char *const hierarchies[] = {NULL, "pids"};
    char group[PATH_MAX];
    cgroup->path[0] = '\0';
    for (size_t i = 0; i < sizeof hierarchies / sizeof hierarchies[0]; i++) {
        bool version_2 = hierarchies[i] == NULL;
        size_t root;
        if (!own_group(hierarchies[i], group, sizeof group, &root)) {
            continue;
        }
        if (make_in(group, version_2, policy, cgroup)) {
            return true;
        }
        char *slash = strrchr(group, '/');
        if (version_2 && slash != NULL && slash >= group + root) { /* not above what is mounted */
            *slash = '\0';
            if (make_in(group, version_2, policy, cgroup)) {
                return true;
            }
        }
    }
    return false;
}

void sandbox_cgroup_make(struct sandbox_cgroup *cgroup, const struct policy *policy)
{
    if (make(cgroup, policy) && !watch(cgroup->path)) {
        rmdir(cgroup->path);
        *cgroup = (struct sandbox_cgroup){.path = ""};
    }
}

bool sandbox_cgroup_join(const struct sandbox_cgroup *cgroup)
{
    return cgroup->path[0] == '\0' || write_value(cgroup->path, "cgroup.procs", "0");
}

unsigned long sandbox_cgroup_kills(void)
{
    static char path[PATH_MAX];
    const char *said = getenv(SANDBOX_CGROUP_EVENTS_VARIABLE);
    if (said != NULL) {
        snprintf(path, sizeof path, "%s", said);
        unsetenv(SANDBOX_CGROUP_EVENTS_VARIABLE);
    }
    FILE *events = path[0] != '\0' ? fopen(path, "re") : NULL;
    unsigned long kills = 0;
    char line[128];
    while (events != NULL && fgets(line, sizeof line, events) != NULL &&
           sscanf(line, "oom_kill %lu", &kills) != 1) {
    }
    if (events != NULL) {
        fclose(events);
    }
    return kills;
}

const char *sandbox_cgroup_limits(void)
{
    static char limits[96];
    const char *said = getenv(SANDBOX_CGROUP_VARIABLE);
    if (said != NULL) {
        snprintf(limits, sizeof limits, "%s", said);
        unsetenv(SANDBOX_CGROUP_VARIABLE);
    }
    return limits[0] != '\0' ? limits : NULL;
}
