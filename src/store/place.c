#include "place.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"

/* f_type of statfs(2) for file systems that other machines, or a host outside this kernel, may
 * write to behind our back. FUSE is here because sshfs, virtiofs and rclone are; a local FUSE disk
 * only loses some speed. */
static const unsigned long NETWORK_MAGIC[] = {
    0x6969,     /* NFS */
    0x517B,     /* SMB */
    0xFF534D42, /* CIFS */
    0xFE534D42, /* SMB2 */
    0x01021997, /* 9P: WSL's Windows drives, some containers */
    0x65735546, /* FUSE */
    0x5346414F, /* AFS */
    0x6B414653, /* kAFS */
    0x73757245, /* Coda */
    0x00C36400, /* Ceph */
    0x0BD00BD0, /* Lustre */
    0x01161970, /* GFS2 */
    0x7461636F, /* OCFS2 */
    0x786F4256, /* VirtualBox shared folder */
};

static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL) {
        return mem_strdup(".");
    }
    return slash == path ? mem_strdup("/") : mem_strndup(path, (size_t)(slash - path));
}

static bool check_folder(const char *folder, struct err *err)
{
    struct stat status;
    if (stat(folder, &status) != 0) {
        return err_errno(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO,
                         "conversations cannot be kept: folder %s", folder);
    }
    if (!S_ISDIR(status.st_mode)) {
        return err_set(err, ERR_IO, "conversations cannot be kept: %s is not a folder", folder);
    }
    if (faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) != 0) {
        return err_errno(err, ERR_IO,
                         "conversations cannot be kept: the folder %s cannot be written", folder);
    }
    return true;
}

static bool check_file(const char *path, struct err *err)
{
    struct stat status;
    if (stat(path, &status) != 0) {
        return err_errno(err, ERR_IO, "looking at the store %s", path);
    }
    if (!S_ISREG(status.st_mode)) {
        return err_set(err, ERR_ARGUMENT, "the store %s is not a regular file", path);
    }
    if (faccessat(AT_FDCWD, path, R_OK | W_OK, AT_EACCESS) != 0) {
        return err_errno(err, ERR_IO,
                         "conversations cannot be kept: the store %s cannot be written", path);
    }
    if ((status.st_mode & 077) != 0 && chmod(path, 0600) != 0) {
        return err_errno(err, ERR_IO, "taking the rights of others on the store %s away", path);
    }
    return true;
}

bool place_prepare(const char *path, struct err *err)
{
    char *folder = folder_of(path);
    bool ok = check_folder(folder, err);
    int fd = -1;
    if (ok) {
        fd = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
        if (fd >= 0) {
            /* A umask only takes bits away; a strange one must not leave us without our own. */
            ok = fchmod(fd, 0600) == 0 || err_errno(err, ERR_IO, "setting the mode of %s", path);
        } else if (errno == EEXIST) {
            ok = check_file(path, err);
        } else {
            ok = err_errno(err, ERR_IO, "making the store %s", path);
        }
    }
    if (fd >= 0) {
        close(fd);
    }
    mem_free(folder);
    return ok;
}

bool place_magic_is_network(unsigned long magic)
{
    /* f_type is signed on some machines: compare the 32 bits that all magic numbers fit in. */
    for (size_t i = 0; i < sizeof NETWORK_MAGIC / sizeof NETWORK_MAGIC[0]; i++) {
        if ((magic & 0xFFFFFFFFu) == NETWORK_MAGIC[i]) {
            return true;
        }
    }
    return false;
}

bool place_is_network(const char *path)
{
    char *folder = folder_of(path);
    struct statfs status;
    bool network =
        statfs(folder, &status) == 0 && place_magic_is_network((unsigned long)status.f_type);
    mem_free(folder);
    return network;
}
