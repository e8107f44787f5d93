/* sandbox_outer: a namespace around bubblewrap, in which only what a command may write can be
 * written.
 *
 * bubblewrap makes the names that it is to mount on: an empty file where there is none. A job that
 * runs in the same workspace may put a link in a name's place meanwhile, and bubblewrap, which no
 * other layer holds, would make or empty a file wherever that leads. Looking at the mounts comes
 * too late for that. So all mounts are read-only before it starts, but the writable folders, and
 * /proc, where it tells the kernel who is who. Private as well: what the host mounts later stays
 * outside.
 *
 * Everything in the new namespace is named by descriptors, which are opened without following
 * links.
 */
#include "sandbox_layers.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/mount.h>
#include <linux/openat2.h>

#include "base/err.h"
#include "base/mem.h"

#include "policy.h"
#include "sandbox_hidden.h"

struct kept {
    int place, tree; /* where it lies; a copy of its mounts, to be put there */
};

static bool tell(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    if (fd >= 0) {
        close(fd);
    }
    return ok;
}

/* Who may not make one alone makes a user namespace with it, as bubblewrap does, and stays himself
 * in it. */
static bool enter_namespace(void)
{
    char user[48], group[48];
    if (unshare(CLONE_NEWNS) == 0) {
        return true;
    }
    snprintf(user, sizeof user, "%u %u 1", (unsigned)geteuid(), (unsigned)geteuid());
    snprintf(group, sizeof group, "%u %u 1", (unsigned)getegid(), (unsigned)getegid());
    return errno == EPERM && unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 &&
           tell("/proc/self/setgroups", "deny") && tell("/proc/self/gid_map", group) &&
           tell("/proc/self/uid_map", user);
}

static bool set_all(uint64_t attributes, uint64_t propagation)
{
    struct mount_attr wanted = {.attr_set = attributes, .propagation = propagation};
    return syscall(SYS_mount_setattr, AT_FDCWD, "/", AT_RECURSIVE, &wanted, sizeof wanted) == 0;
}

static bool keep(struct kept *kept, const char *path)
{
    struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_NO_SYMLINKS};
    *kept = (struct kept){(int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how), -1};
    if (kept->place >= 0) {
        kept->tree =
            (int)syscall(SYS_open_tree, kept->place, "",
                         OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE);
    }
    return kept->tree >= 0;
}

static bool put_back(const struct kept *kept)
{
    return syscall(SYS_move_mount, kept->tree, "", kept->place, "",
                   MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) == 0;
}

/* The writable folders, without those that lie in another, and /proc. The number of them. */
static size_t list_places(const struct policy *policy, const char **places)
{
    size_t count = 0, roots = policy->read_only ? 0 : policy->writable.count + 1;
    for (size_t i = 0; i < roots; i++) {
        const char *path = i == 0 ? policy->workspace : policy->writable.items[i - 1];
        bool inner = false;
        for (size_t k = 0; k < count; k++) {
            inner = inner || sandbox_hidden_inside(path, places[k]);
        }
        size_t left = 0;
        for (size_t k = 0; !inner && k < count; k++) {
            if (!sandbox_hidden_inside(places[k], path)) {
                places[left++] = places[k];
            }
        }
        if (!inner) {
            count = left;
            places[count++] = path;
        }
    }
    places[count++] = "/proc";
    return count;
}

static bool enter(const char *const *places, size_t count, struct kept *kept)
{
    if (!enter_namespace() || !set_all(0, MS_PRIVATE)) {
        return false;
    }
    bool ok = true;
    size_t opened = 0;
    while (ok && opened < count) {
        ok = keep(&kept[opened], places[opened]);
        opened++;
    }
    ok = ok && set_all(MOUNT_ATTR_RDONLY, 0);
    for (size_t i = 0; ok && i < count; i++) {
        ok = put_back(&kept[i]);
    }
    int problem = errno;
    for (size_t i = 0; i < opened; i++) {
        if (kept[i].place >= 0) {
            close(kept[i].place);
        }
        if (kept[i].tree >= 0) {
            close(kept[i].tree);
        }
    }
    errno = problem;
    return ok;
}

bool sandbox_outer_enter(const struct policy *policy, bool *forbidden, struct err *err)
{
    *forbidden = false;
    const char **places = mem_try_zero(policy->writable.count + 2, sizeof *places);
    struct kept *kept = mem_try_zero(policy->writable.count + 2, sizeof *kept);
    bool ok = places != NULL && kept != NULL;
    if (ok) {
        size_t count = list_places(policy, places);
        bool everything = strcmp(places[0], "/") == 0;
        ok = everything || enter(places, count, kept);
        *forbidden = !ok && (errno == EPERM || errno == EACCES || errno == ENOSYS ||
                             errno == EINVAL || errno == ENOSPC);
    }
    if (!ok) {
        err_errno(err, ERR_UNAVAILABLE, "namespaces: the one around bubblewrap");
    }
    mem_free(kept);
    mem_free(places);
    return ok;
}

bool sandbox_outer_missing(void)
{
    static bool missing;
    missing = missing || getenv(SANDBOX_OUTER_VARIABLE) != NULL;
    unsetenv(SANDBOX_OUTER_VARIABLE);
    return missing;
}
