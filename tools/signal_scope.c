/* signal_scope: the numbers are those of the kernel's interface (Linux,
 * include/uapi/linux/landlock.h), as in sandbox_landlock. */
#include "signal_scope.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { CREATE_RULESET_VERSION = 1, VERSION_WITH_SCOPES = 6, SCOPE_SIGNAL = 1 << 1 };

bool signal_scope_enter(void)
{
    const struct {
        uint64_t handled_access_fs, handled_access_net, scoped;
    } attributes = {.scoped = SCOPE_SIGNAL};
    if (syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_RULESET_VERSION) <
        VERSION_WITH_SCOPES) {
        return true;
    }
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0);
    if (ruleset < 0) {
        return false;
    }
    bool entered = syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
    int why = errno;
    close(ruleset);
    errno = why;
    return entered;
}
