#include "attributes.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"

/* The kernel's own bound, of all names together and of one value. */
enum { LIMIT = 64 * 1024 };

static const char access_list[] = "system.posix_acl_access";

struct copy {
    char names[LIMIT], value[LIMIT], other[LIMIT];
};

static bool is_kept(const char *name)
{
    return strncmp(name, "user.", 5) == 0 || strcmp(name, access_list) == 0;
}

/* A file that is made in the same directory may have it already, where setting it is refused: an
 * access list that names users whom the sandbox does not know. */
static bool copy_one(struct copy *copy, int from, int to, const char *name)
{
    ssize_t size = fgetxattr(from, name, copy->value, LIMIT);
    if (size < 0) {
        return errno == ENODATA;
    }
    return (fgetxattr(to, name, copy->other, LIMIT) == size &&
            memcmp(copy->value, copy->other, (size_t)size) == 0) ||
           fsetxattr(to, name, copy->value, (size_t)size, 0) == 0;
}

static bool say_lost(const char *name, struct err *err)
{
    if (strcmp(name, access_list) == 0 && errno == EINVAL) {
        return err_set(err, ERR_DENIED,
                       "its access list names users whom the sandbox does not know, and would be "
                       "lost; a command that writes into the file keeps it");
    }
    return err_errno(err, ERR_IO, "keeping the extended attribute %.100s", name);
}

/* A folder's default list is given to each file that is made in it, and would open this one to
 * those whom it names. */
static bool drop_list(struct copy *copy, int from, int to, struct err *err)
{
    return fgetxattr(from, access_list, copy->value, LIMIT) >= 0 ||
           fremovexattr(to, access_list) == 0 || errno == ENODATA || errno == ENOTSUP ||
           err_errno(err, ERR_IO, "taking away the access list that its folder gives");
}

/* Only an owner, or who may act as one, is allowed this. */
static bool is_ours(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NOATIME) == 0;
}

/* All ids that the sandbox does not know show as nobody's, which may be our own: then only the
 * kernel can tell whether the old file is somebody else's. Of groups it does not say that much; two
 * unknown ones are taken to be the one that the folder gives to both. */
static bool keep_owner(int from, int to, struct err *err)
{
    struct stat old, new;
    if (fstat(from, &old) != 0 || fstat(to, &new) != 0) {
        return err_errno(err, ERR_IO, "looking at its owner");
    }
    bool same_user = old.st_uid == new.st_uid, same_group = old.st_gid == new.st_gid;
    bool hides = same_user && is_ours(to) && !is_ours(from);
    if (!hides && ((same_user && same_group) || fchown(to, same_user ? (uid_t)-1 : old.st_uid,
                                                       same_group ? (gid_t)-1 : old.st_gid) == 0)) {
        return true;
    }
    return err_set(err, ERR_DENIED,
                   "its owner or group is one that no file can be given here, and would be lost; a "
                   "command that writes into the file keeps both");
}

static bool copy_attributes(int from, int to, struct err *err)
{
    struct copy *copy = mem_try_alloc(1, sizeof *copy);
    if (copy == NULL) {
        return err_set(err, ERR_MEMORY, "no memory for extended attributes");
    }
    ssize_t size = flistxattr(from, copy->names, LIMIT);
    /* Where there are none at all, there are none to lose. */
    bool ok = size >= 0 || errno == ENOTSUP ||
              err_errno(err, ERR_IO, "reading the names of extended attributes");
    for (ssize_t at = 0; ok && at < size; at += (ssize_t)strlen(copy->names + at) + 1) {
        const char *name = copy->names + at;
        ok = !is_kept(name) || copy_one(copy, from, to, name) || say_lost(name, err);
    }
    ok = ok && drop_list(copy, from, to, err);
    mem_free(copy);
    return ok;
}

bool attributes_copy(int from, int to, struct err *err)
{
    return keep_owner(from, to, err) && copy_attributes(from, to, err);
}
