/* attack_files: writing, reading and re-permissioning what lies outside of the workspace, or is
 * protected inside. */
#include "attack.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/xattr.h>
#include <unistd.h>

/* --- changing what is outside --- */

static int create_outside(void)
{
    return attack_write_to(attack_at("created"), O_CREAT);
}

static int append_outside(void)
{
    return attack_write_to(attack_at("victim"), O_APPEND);
}

static int append_home(void)
{
    return attack_write_to(attack_at("../home/.bashrc"), O_APPEND);
}

static int truncate_outside(void)
{
    return truncate(attack_at("victim"), 0) == 0;
}

static int unlink_outside(void)
{
    return unlink(attack_at("victim")) == 0;
}

static int rename_out(void)
{
    return attack_write_to("inside", O_CREAT) && rename("inside", attack_at("created")) == 0;
}

static int hard_link_in(void)
{
    return link(attack_at("victim"), "linked") == 0 && attack_write_to("linked", O_TRUNC);
}

static int through_symlink(void)
{
    return symlink(attack_at("victim"), "way-out") == 0 && attack_write_to("way-out", O_TRUNC);
}

static int through_own_root(void)
{
    char path[600];
    snprintf(path, sizeof path, "/proc/self/root%s", attack_at("created"));
    return attack_write_to(path, O_CREAT);
}

static int through_root_of_one(void)
{
    char path[600];
    snprintf(path, sizeof path, "/proc/1/root%s", attack_at("created"));
    return attack_write_to(path, O_CREAT);
}

static int chmod_outside(void)
{
    return chmod(attack_at("victim"), 0777) == 0;
}

static int chown_outside(void)
{
    /* to itself: an owner may do that, and the change time tells */
    return chown(attack_at("victim"), getuid(), getgid()) == 0;
}

static int touch_outside(void)
{
    struct timeval long_ago[2] = {{1, 0}, {1, 0}};
    return utimes(attack_at("victim"), long_ago) == 0;
}

static int attribute_outside(void)
{
    return setxattr(attack_at("victim"), "user.walls", "x", 1, 0) == 0;
}

static int inherited_descriptor(void)
{
    return write(77, "breached\n", 9) == 9;
}

static int inherited_directory(void)
{
    int fd = openat(78, "created", O_WRONLY | O_CREAT, 0600);
    return fd >= 0 && write(fd, "breached\n", 9) == 9;
}

static int by_handle(void)
{
    union {
        struct file_handle handle;
        char room[sizeof(struct file_handle) + 128];
    } found = {.handle = {.handle_bytes = 128}};
    int mount_id, at = open(attack_outside, O_RDONLY | O_DIRECTORY);
    if (name_to_handle_at(AT_FDCWD, attack_at("victim"), &found.handle, &mount_id, 0) != 0) {
        return 0;
    }
    int fd = open_by_handle_at(at, &found.handle, O_WRONLY | O_APPEND);
    return fd >= 0 && write(fd, "breached\n", 9) == 9;
}

/* --- what is protected inside --- */

static int write_git_config(void)
{
    return attack_write_to(".git/config", O_APPEND);
}

static int create_git_hook(void)
{
    return attack_write_to(".git/hooks/post-commit", O_CREAT);
}

/* Aside with the protected folder and another one in its place. */
static int replace(const char *folder, const char *aside)
{
    char hooks[128], hook[160];
    snprintf(hooks, sizeof hooks, "%s/.git/hooks", folder);
    snprintf(hook, sizeof hook, "%s/post-commit", hooks);
    char git[96];
    snprintf(git, sizeof git, "%s/.git", folder);
    if (strcmp(folder, ".") == 0) {
        if (rename(git, aside) != 0) {
            return 0;
        }
    } else if (rename(folder, aside) != 0 || mkdir(folder, 0700) != 0) {
        return 0;
    }
    return mkdir(git, 0700) == 0 && mkdir(hooks, 0700) == 0 && attack_write_to(hook, O_CREAT);
}

static int replace_git(void)
{
    return replace(".", "aside");
}

static int nested_git_config(void)
{
    return attack_write_to("sub/inner/.git/config", O_APPEND);
}

static int nested_git_hook(void)
{
    return attack_write_to("sub/inner/.git/hooks/post-commit", O_CREAT);
}

static int replace_nested_git(void)
{
    return rename("sub/inner/.git", "aside") == 0 && mkdir("sub/inner/.git", 0700) == 0 &&
           mkdir("sub/inner/.git/hooks", 0700) == 0 &&
           attack_write_to("sub/inner/.git/hooks/post-commit", O_CREAT);
}

static int replace_parent_of_nested_git(void)
{
    return replace("sub/inner", "aside");
}

static int replace_grandparent_of_nested_git(void)
{
    return rename("sub", "aside") == 0 && mkdir("sub", 0700) == 0 &&
           mkdir("sub/inner", 0700) == 0 && mkdir("sub/inner/.git", 0700) == 0 &&
           mkdir("sub/inner/.git/hooks", 0700) == 0 &&
           attack_write_to("sub/inner/.git/hooks/post-commit", O_CREAT);
}

/* A linked worktree's .git is a file that says where the repository is. */
static int redirect_worktree(void)
{
    return attack_write_to("tree/.git", O_TRUNC);
}

/* --- reading --- */

static int read_shadow(void)
{
    return attack_reads("/etc/shadow");
}

static int read_home(void)
{
    return attack_reads(attack_at("../home/secret"));
}

static int read_state(void)
{
    return attack_reads(attack_at("../state/conversations.db"));
}

/* A read lock on the store's shared file would stop its writer. */
static int lock_state(void)
{
    int fd = open(attack_at("../state/conversations.db-shm"), O_RDONLY);
    struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_len = 8};
    return fd >= 0 && fcntl(fd, F_SETLK, &lock) == 0;
}

static int breach_in(const char *folder)
{
    char path[64];
    snprintf(path, sizeof path, "%s/carat-walls-%d", folder, attack_port);
    return attack_write_to(path, O_CREAT);
}

static int host_tmp(void)
{
    return breach_in("/tmp");
}

static int host_shared_memory_file(void)
{
    return breach_in("/dev/shm");
}

/* --- set-uid bits, devices, mounts --- */

static int set_user_id(void)
{
    return attack_write_to("program", O_CREAT) && chmod("program", 04755) == 0;
}

static int set_user_id_open(void)
{
    int fd = open("program2", O_WRONLY | O_CREAT, 04755);
    struct stat status;
    return fd >= 0 && fstat(fd, &status) == 0 && (status.st_mode & S_ISUID) != 0;
}

/* The first block device that the kernel lists, by a node of our own. */
static int raw_device(void)
{
    unsigned major_number = 0, minor_number = 0;
    char line[256];
    FILE *list = fopen("/proc/partitions", "r");
    while (list != NULL && fgets(line, sizeof line, list) != NULL) {
        if (sscanf(line, "%u %u", &major_number, &minor_number) == 2) {
            break;
        }
    }
    if (list != NULL) {
        fclose(list);
    }
    return major_number != 0 &&
           mknod("node", S_IFBLK | 0600, makedev(major_number, minor_number)) == 0 &&
           attack_reads("node");
}

static int character_device(void)
{
    return mknod("node", S_IFCHR | 0600, makedev(1, 1)) == 0; /* /dev/mem */
}

static int mount_tmpfs(void)
{
    return unshare(CLONE_NEWNS) == 0 && mount("none", "/mnt", "tmpfs", 0, NULL) == 0;
}

/* In a mount namespace of its own, so that the control leaves the machine as it was. */
static int remount(int flags)
{
    unshare(flags);
    return mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND, NULL) == 0 &&
           attack_write_to(attack_at("created"), O_CREAT);
}

static int remount_root(void)
{
    return remount(CLONE_NEWNS);
}

static int remount_root_as_new_user(void)
{
    return remount(CLONE_NEWUSER | CLONE_NEWNS);
}

static int new_user_namespace(void)
{
    return unshare(CLONE_NEWUSER) == 0;
}

static int change_root(void)
{
    return chroot(".") == 0;
}

/* --- the kernel's own files; opened for writing and no more --- */

static int core_pattern(void)
{
    return attack_opens("/proc/sys/kernel/core_pattern", O_WRONLY);
}

static int sysrq_trigger(void)
{
    return attack_opens("/proc/sysrq-trigger", O_WRONLY);
}

static int release_agent(void)
{
    return attack_opens("/sys/fs/cgroup/pids/release_agent", O_WRONLY) ||
           attack_opens("/sys/fs/cgroup/memory/release_agent", O_WRONLY);
}

static int cgroup_escape(void)
{
    return attack_opens("/sys/fs/cgroup/pids/cgroup.procs", O_WRONLY) ||
           attack_opens("/sys/fs/cgroup/cgroup.procs", O_WRONLY);
}

static int uevent_helper(void)
{
    return attack_opens("/sys/kernel/uevent_helper", O_WRONLY);
}

/* --- using up --- */

static int huge_file(void)
{
    int fd = open("huge", O_WRONLY | O_CREAT, 0600);
    signal(SIGXFSZ, SIG_IGN);
    int ok = fd >= 0 && ftruncate(fd, 20LL << 30) == 0;
    unlink("huge");
    return ok;
}

static int many_descriptors(void)
{
    int count = 0;
    while (count < 1100 && open("/dev/null", O_RDONLY) >= 0) {
        count++;
    }
    return count >= 1100;
}

const struct attack attack_files[] = {
    {"create_outside", create_outside},
    {"append_outside", append_outside},
    {"append_home", append_home},
    {"truncate_outside", truncate_outside},
    {"unlink_outside", unlink_outside},
    {"rename_out", rename_out},
    {"hard_link_in", hard_link_in},
    {"through_symlink", through_symlink},
    {"through_own_root", through_own_root},
    {"through_root_of_one", through_root_of_one},
    {"chmod_outside", chmod_outside},
    {"chown_outside", chown_outside},
    {"touch_outside", touch_outside},
    {"attribute_outside", attribute_outside},
    {"inherited_descriptor", inherited_descriptor},
    {"inherited_directory", inherited_directory},
    {"by_handle", by_handle},
    {"write_git_config", write_git_config},
    {"create_git_hook", create_git_hook},
    {"replace_git", replace_git},
    {"nested_git_config", nested_git_config},
    {"nested_git_hook", nested_git_hook},
    {"replace_nested_git", replace_nested_git},
    {"replace_parent_of_nested_git", replace_parent_of_nested_git},
    {"replace_grandparent_of_nested_git", replace_grandparent_of_nested_git},
    {"redirect_worktree", redirect_worktree},
    {"read_shadow", read_shadow},
    {"read_home", read_home},
    {"read_state", read_state},
    {"lock_state", lock_state},
    {"host_tmp", host_tmp},
    {"host_shared_memory_file", host_shared_memory_file},
    {"set_user_id", set_user_id},
    {"set_user_id_open", set_user_id_open},
    {"raw_device", raw_device},
    {"character_device", character_device},
    {"mount_tmpfs", mount_tmpfs},
    {"remount_root", remount_root},
    {"remount_root_as_new_user", remount_root_as_new_user},
    {"new_user_namespace", new_user_namespace},
    {"change_root", change_root},
    {"core_pattern", core_pattern},
    {"sysrq_trigger", sysrq_trigger},
    {"release_agent", release_agent},
    {"cgroup_escape", cgroup_escape},
    {"uevent_helper", uevent_helper},
    {"huge_file", huge_file},
    {"many_descriptors", many_descriptors},
    {NULL, NULL},
};
