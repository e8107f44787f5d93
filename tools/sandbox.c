/* sandbox: the second stage in its order, and the self-test that believes results, not version
 * numbers. */
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"

#include "policy.h"
#include "sandbox_layers.h"
#include "sandbox_memory.h"

/* Of the first stage. Numbers of processes say nothing: they begin anew when they run out. */
static uint64_t process_namespace_outside;
/* By the first stage, for want of a group that counts memory. */
static bool memory_watched;

uint64_t sandbox_process_namespace(void)
{
    struct stat status;
    return stat("/proc/self/ns/pid", &status) == 0 ? (uint64_t)status.st_ino : 0;
}

static bool has_own_processes(void)
{
    uint64_t mine = sandbox_process_namespace();
    return mine != 0 && process_namespace_outside != 0 && mine != process_namespace_outside;
}

/* The second stage alone is no sandbox: it must have been reached through the first. */
static bool is_inside(struct err *err)
{
    FILE *map = fopen("/proc/self/uid_map", "re");
    unsigned long inner = 0, outer = 0, count = 0;
    bool read = map != NULL && fscanf(map, "%lu %lu %lu", &inner, &outer, &count) == 3;
    if (map != NULL) {
        fclose(map);
    }
    if (!read || count != 1 || !has_own_processes()) {
        return err_set(err, ERR_UNAVAILABLE, "namespaces: this process is not in any of its own");
    }
    return true;
}

bool sandbox_enter(const struct policy *policy, enum sandbox_kind kind, uint64_t outside,
                   bool (*prepare)(struct err *err), struct err *err)
{
    process_namespace_outside = outside;
    memory_watched = getenv(SANDBOX_MEMORY_VARIABLE) != NULL;
    bool together = memory_watched || getenv(SANDBOX_CGROUP_EVENTS_VARIABLE) != NULL;
    bool foreign = kind == SANDBOX_COMMANDS || kind == SANDBOX_OPEN_COMMANDS;
    sandbox_cgroup_limits();
    sandbox_memory_kills();
    sandbox_namespaces_limited();
    sandbox_outer_missing();
    return is_inside(err) && sandbox_namespaces_reached(err) && (prepare == NULL || prepare(err)) &&
           sandbox_proxy_enter(policy, err) &&
           sandbox_limits_enter(policy, foreign && together, err) &&
           sandbox_landlock_enter(policy, kind, err) && sandbox_seccomp_enter(kind, err);
}

unsigned long sandbox_memory_kills(void)
{
    return sandbox_cgroup_kills() + sandbox_memory_ended();
}

/* --- the self-test: each probe returns NULL when the layer held, else what got through --- */

static const char *probe_mounts(void)
{
    int fd = open("/etc/carat-sandbox-probe", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0) {
        unlink("/etc/carat-sandbox-probe");
        close(fd);
        return "a file outside the workspace could be made";
    }
    return NULL;
}

static const char *probe_processes(void)
{
    return has_own_processes() ? NULL : "other processes are in sight";
}

static const char *probe_network(void)
{
    FILE *devices = fopen("/proc/net/dev", "re");
    char line[256];
    const char *found = devices == NULL ? "the list of network devices cannot be read" : NULL;
    for (int number = 0; devices != NULL && fgets(line, sizeof line, devices) != NULL; number++) {
        if (number >= 2 && strstr(line, "lo:") == NULL) {
            found = "a network device is in sight";
        }
    }
    if (devices != NULL) {
        fclose(devices);
    }
    return found;
}

/* /dev is a writable file system inside the mounts, so that only Landlock stands before this. */
static const char *probe_landlock(void)
{
    int fd = open("/dev/carat-sandbox-probe", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0) {
        unlink("/dev/carat-sandbox-probe");
        close(fd);
        return "a file could be made in /dev";
    }
    return errno == EACCES ? NULL : "a file in /dev was refused by something else";
}

static const char *probe_seccomp(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd >= 0) {
        close(fd);
        return "a local socket could be made";
    }
    char parameters[120] = {0}; /* a struct io_uring_params */
    long ring = syscall(SYS_io_uring_setup, 1, parameters);
    if (ring >= 0) {
        close((int)ring);
        return "io_uring could be used";
    }
    return errno == EPERM ? NULL : "io_uring was refused by something else";
}

static const char *probe_limits(void)
{
    struct rlimit core, files;
    bool read = getrlimit(RLIMIT_CORE, &core) == 0 && getrlimit(RLIMIT_FSIZE, &files) == 0;
    if (!read || core.rlim_max != 0 || files.rlim_max == RLIM_INFINITY) {
        return "resource limits are not set";
    }
    FILE *score = fopen("/proc/self/oom_score_adj", "re");
    int adjusted = 0;
    bool known = score != NULL && fscanf(score, "%d", &adjusted) == 1;
    if (score != NULL) {
        fclose(score);
    }
    if (!known || adjusted != 1000) {
        return "another program would be ended first when memory runs out";
    }
    return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? NULL : "new privileges are possible";
}

static const char *probe_descriptors(void)
{
    for (int fd = 3; fd < 1024; fd++) {
        if (fcntl(fd, F_GETFD) >= 0) {
            return "a descriptor of the parent is open";
        }
    }
    return NULL;
}

/* What more is to be said of a layer that holds. Takes `words`. */
static void qualify(json_t *report, const char *layer, json_t *words)
{
    const char *said = json_string_value(json_object_get(report, layer));
    if (said != NULL && strcmp(said, "on") == 0) {
        json_object_set(report, layer, words);
    }
    json_decref(words);
}

json_t *sandbox_self_test(const struct policy *policy)
{
    static const struct {
        const char *layer;
        const char *(*probe)(void);
    } probes[] = {
        {"mounts", probe_mounts},           {"processes", probe_processes},
        {"network", probe_network},         {"landlock", probe_landlock},
        {"seccomp", probe_seccomp},         {"limits", probe_limits},
        {"descriptors", probe_descriptors},
    };
    json_t *report = json_object();
    for (size_t i = 0; i < sizeof probes / sizeof probes[0]; i++) {
        const char *through = policy->no_sandbox ? "off: danger-full-access" : probes[i].probe();
        json_object_set_new(report, probes[i].layer, json_string(through == NULL ? "on" : through));
    }
    if (sandbox_namespaces_limited()) {
        qualify(report, "mounts",
                json_string("on (only the first 20000 folders were looked through for "
                            "repositories and start files)"));
    }
    if (sandbox_outer_missing()) {
        qualify(report, "mounts",
                json_string("on (but this system forbids the namespace around bubblewrap, so that "
                            "a job that moves names while another command starts could make it "
                            "leave an empty file elsewhere)"));
    }
    const char *together = sandbox_cgroup_limits();
    char memory[64] = "";
    if (memory_watched) {
        snprintf(memory, sizeof memory, "; memory together: %lld MiB, looked at",
                 (long long)policy->memory_bytes / (1024 * 1024));
    }
    qualify(report, "limits",
            together != NULL
                ? json_sprintf("on (each process; together by a cgroup: %s%s)", together, memory)
                : json_sprintf("on (each process; no cgroup is delegated%s)", memory));
    return report;
}
