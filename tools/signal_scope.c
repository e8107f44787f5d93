/* signal_scope: the numbers are those of the kernel's interface (Linux,
 * include/uapi/linux/landlock.h), as in sandbox_landlock. */
#include "signal_scope.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    CREATE_RULESET_VERSION = 1,
    VERSION_WITH_SCOPES = 6,
    RULE_PATH_BENEATH = 1,
    FS_REFER = 1 << 13, /* moving and linking between folders */
    SCOPE_SIGNAL = 1 << 1,
};

/* A domain that says nothing of files forbids this one thing all the same: it must be handled, and
 * allowed everywhere, for the domain above decides. */
static bool allow_moving(int ruleset)
{
    struct {
        uint64_t allowed_access;
        int32_t parent_fd;
    } __attribute__((packed)) rule = {FS_REFER, open("/", O_PATH | O_CLOEXEC)};
    bool allowed = rule.parent_fd >= 0 &&
                   syscall(SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &rule, 0) == 0;
    if (rule.parent_fd >= 0) {
        close(rule.parent_fd);
    }
    return allowed;
}

bool signal_scope_enter(void)
{
    const struct {
        uint64_t handled_access_fs, handled_access_net, scoped;
    } attributes = {.handled_access_fs = FS_REFER, .scoped = SCOPE_SIGNAL};
    if (syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_RULESET_VERSION) <
        VERSION_WITH_SCOPES) {
        return true;
    }
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0);
    if (ruleset < 0) {
        return false;
    }
    bool entered = allow_moving(ruleset) && syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
    int why = errno;
    close(ruleset);
    errno = why;
    return entered;
}
