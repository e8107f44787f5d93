/* sandbox_landlock: the second line behind the mounts, by the kernel's Landlock.
 *
 * Should a mount ever be made wrongly, a write outside the writable places is still refused here.
 * The rights are those of the kernel's own version (1 to 6 differ; later ones add nothing that we
 * use), so an older kernel gives what it has; a kernel without Landlock is an error. The system
 * calls are made by number: Debian 12's headers and libc know only the first version's names.
 */
#include "sandbox_layers.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/err.h"

#include "policy.h"

/* Numbers of the kernel's interface (Linux, include/uapi/linux/landlock.h). */
enum {
    CREATE_RULESET_VERSION = 1,
    RULE_PATH_BENEATH = 1,
    FS_EXECUTE = 1 << 0,
    FS_WRITE_FILE = 1 << 1,
    FS_READ_FILE = 1 << 2,
    FS_READ_DIR = 1 << 3,
    FS_MAKE_CHAR = 1 << 6,
    FS_MAKE_BLOCK = 1 << 11,
    FS_ALL_1 = (1 << 13) - 1,
    FS_REFER = 1 << 13,     /* version 2 */
    FS_TRUNCATE = 1 << 14,  /* version 3 */
    FS_IOCTL_DEV = 1 << 15, /* version 5 */
    NET_BIND_TCP = 1 << 0,  /* version 4 */
    NET_CONNECT_TCP = 1 << 1,
    SCOPE_ABSTRACT_UNIX_SOCKET = 1 << 0, /* version 6 */
    SCOPE_SIGNAL = 1 << 1,
};

struct ruleset_attributes {
    uint64_t handled_access_fs;
    uint64_t handled_access_net;
    uint64_t scoped;
};

struct path_beneath {
    uint64_t allowed_access;
    int32_t parent_fd;
} __attribute__((packed));

int sandbox_landlock_version(void)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_RULESET_VERSION);
    return version < 0 ? 0 : (int)version;
}

static uint64_t file_rights(int version)
{
    uint64_t rights = FS_ALL_1;
    rights |= version >= 2 ? FS_REFER : 0;
    rights |= version >= 3 ? FS_TRUNCATE : 0;
    rights |= version >= 5 ? FS_IOCTL_DEV : 0;
    return rights;
}

/* Allows `rights` at and beneath `path`; a path that is not there needs no rule. A file takes only
 * the rights that make sense for one. */
static bool allow(int ruleset, const char *path, uint64_t rights, int version, struct err *err)
{
    int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) {
        return true;
    }
    struct stat status;
    bool ok = fd >= 0 && fstat(fd, &status) == 0;
    if (ok) {
        uint64_t for_files = FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE | FS_IOCTL_DEV;
        rights &= file_rights(version) & (S_ISDIR(status.st_mode) ? ~(uint64_t)0 : for_files);
        struct path_beneath rule = {.allowed_access = rights, .parent_fd = fd};
        ok = syscall(SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &rule, 0) == 0;
    }
    if (!ok) {
        err_errno(err, ERR_UNAVAILABLE, "Landlock rule for %s", path);
    }
    if (fd >= 0) {
        close(fd);
    }
    return ok;
}

static bool allow_paths(int ruleset, const struct policy *policy, int version, struct err *err)
{
    /* The pseudo terminals are those of this file system alone, which bubblewrap makes anew. */
    static const char *const devices[] = {"/dev/null",    "/dev/zero", "/dev/full", "/dev/random",
                                          "/dev/urandom", "/dev/tty",  "/dev/pts"};
    static const char *const private_places[] = {"/tmp", "/var/tmp", "/dev/shm", "/run"};
    const uint64_t look = FS_EXECUTE | FS_READ_FILE | FS_READ_DIR;
    const uint64_t change = ~(uint64_t)(FS_MAKE_CHAR | FS_MAKE_BLOCK);
    bool ok = allow(ruleset, "/", look, version, err);
    for (size_t i = 0; ok && i < sizeof devices / sizeof devices[0]; i++) {
        ok = allow(ruleset, devices[i], FS_READ_FILE | FS_WRITE_FILE | FS_IOCTL_DEV, version, err);
    }
    for (size_t i = 0; ok && i < sizeof private_places / sizeof private_places[0]; i++) {
        ok = allow(ruleset, private_places[i], change, version, err);
    }
    const char *home = getenv("HOME"); /* set by the first stage: a private, empty one */
    ok = ok && (home == NULL || allow(ruleset, home, change, version, err));
    ok = ok && (policy->read_only || allow(ruleset, policy->workspace, change, version, err));
    for (size_t i = 0; ok && i < policy->writable.count && !policy->read_only; i++) {
        ok = allow(ruleset, policy->writable.items[i], change, version, err);
    }
    return ok;
}

bool sandbox_landlock_enter(const struct policy *policy, enum sandbox_kind kind, struct err *err)
{
    int version = sandbox_landlock_version();
    if (version == 0) {
        return err_set(err, ERR_UNAVAILABLE,
                       "this kernel has no Landlock (Linux 5.13 or newer, enabled)");
    }
    struct ruleset_attributes attributes = {.handled_access_fs = file_rights(version)};
    /* A private loopback stays usable for commands that test servers: the network namespace is the
     * wall there. Our own file tools need no TCP at all. */
    if (version >= 4 && kind == SANDBOX_FILES) {
        attributes.handled_access_net = NET_BIND_TCP | NET_CONNECT_TCP;
    }
    if (version >= 6) {
        attributes.scoped = SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL;
    }
    size_t size = version >= 6 ? sizeof attributes : (version >= 4 ? 16 : 8);
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attributes, size, 0);
    if (ruleset < 0) {
        return err_errno(err, ERR_UNAVAILABLE, "Landlock (version %d)", version);
    }
    bool ok = allow_paths(ruleset, policy, version, err);
    if (ok && syscall(SYS_landlock_restrict_self, ruleset, 0) != 0) {
        ok = err_errno(err, ERR_UNAVAILABLE, "Landlock (version %d)", version);
    }
    close(ruleset);
    return ok;
}
