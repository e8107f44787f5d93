/* walls: tries to do what a tool must not be able to do: walls CASE OUTSIDE-FOLDER PORT PID.
 *
 * Run once without the sandbox, where a case must succeed (else it proves nothing), and once inside
 * it, where it must have no effect. walls.py judges by the effect, seen from outside. Exit 0: the
 * attempt thinks that it got through.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

static const char *outside;
static int port;
static pid_t agent;

static const char *at(const char *name)
{
    static char path[4][512];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof path[turn], "%s/%s", outside, name);
    return path[turn];
}

static int write_to(const char *path, int flags)
{
    int fd = open(path, O_WRONLY | flags, 0600);
    int ok = fd >= 0 && write(fd, "breached\n", 9) == 9;
    if (fd >= 0) {
        close(fd);
    }
    return ok;
}

static int reads(const char *path)
{
    char byte;
    int fd = open(path, O_RDONLY);
    int ok = fd >= 0 && read(fd, &byte, 1) == 1;
    if (fd >= 0) {
        close(fd);
    }
    return ok;
}

/* --- files --- */

static int create_outside(void)
{
    return write_to(at("created"), O_CREAT);
}
static int append_outside(void)
{
    return write_to(at("victim"), O_APPEND);
}
static int truncate_outside(void)
{
    return truncate(at("victim"), 0) == 0;
}
static int unlink_outside(void)
{
    return unlink(at("victim")) == 0;
}
static int rename_out(void)
{
    return write_to("inside", O_CREAT) && rename("inside", at("created")) == 0;
}
static int hard_link_in(void)
{
    return link(at("victim"), "linked") == 0 && write_to("linked", O_TRUNC);
}
static int through_symlink(void)
{
    return symlink(at("victim"), "way-out") == 0 && write_to("way-out", O_TRUNC);
}
static int chmod_outside(void)
{
    return chmod(at("victim"), 0777) == 0;
}
static int touch_outside(void)
{
    struct timeval long_ago[2] = {{1, 0}, {1, 0}};
    return utimes(at("victim"), long_ago) == 0;
}
static int write_git_config(void)
{
    return write_to(".git/config", O_APPEND);
}
static int create_git_hook(void)
{
    return write_to(".git/hooks/post-commit", O_CREAT);
}
static int inherited_descriptor(void)
{
    return write(77, "breached\n", 9) == 9;
}
static int read_shadow(void)
{
    return reads("/etc/shadow");
}
static int read_home(void)
{
    return reads(at("../home/secret"));
}
static int read_environment(void)
{
    char path[64], data[65536];
    snprintf(path, sizeof path, "/proc/%d/environ", (int)agent);
    int fd = open(path, O_RDONLY);
    ssize_t length = fd >= 0 ? read(fd, data, sizeof data) : -1;
    return getenv("WALLS_SECRET") != NULL ||
           (length > 0 && memmem(data, (size_t)length, "WALLS_SECRET", 12) != NULL);
}
static int host_tmp(void)
{
    return write_to("/tmp/carat-walls-breach", O_CREAT);
}
static int set_user_id(void)
{
    return write_to("program", O_CREAT) && chmod("program", 04755) == 0;
}
static int set_user_id_open(void)
{
    int fd = open("program2", O_WRONLY | O_CREAT, 04755);
    struct stat status;
    return fd >= 0 && fstat(fd, &status) == 0 && (status.st_mode & S_ISUID) != 0;
}
static int core_pattern(void)
{
    int fd = open("/proc/sys/kernel/core_pattern", O_WRONLY);
    return fd >= 0;
}
static int mount_tmpfs(void)
{
    return unshare(CLONE_NEWNS) == 0 && mount("none", "/mnt", "tmpfs", 0, NULL) == 0;
}
static int new_user_namespace(void)
{
    return unshare(CLONE_NEWUSER) == 0;
}
static int huge_file(void)
{
    int fd = open("huge", O_WRONLY | O_CREAT, 0600);
    signal(SIGXFSZ, SIG_IGN);
    int ok = fd >= 0 && ftruncate(fd, 20LL << 30) == 0;
    unlink("huge");
    return ok;
}

/* --- processes --- */

static int kill_agent(void)
{
    return kill(agent, SIGUSR1) == 0;
}
static int trace_agent(void)
{
    return ptrace(PTRACE_SEIZE, agent, 0, 0) == 0;
}
static int read_agent_memory(void)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/mem", (int)agent);
    return open(path, O_RDONLY) >= 0;
}
static int agent_directory(void)
{
    char path[64], target[512];
    snprintf(path, sizeof path, "/proc/%d/cwd", (int)agent);
    return readlink(path, target, sizeof target) > 0;
}
static int daemon_left(void)
{
    if (fork() == 0) {
        setsid();
        if (fork() == 0) {
            for (int i = 0; i < 300; i++) { /* writes as long as it lives, for at most 30 s */
                write_to("heartbeat", O_CREAT | O_APPEND);
                usleep(100000);
            }
        }
        _exit(0);
    }
    usleep(300000);
    return 1;
}

/* --- network and the kernel --- */

static int connect_to(int type, int protocol)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, type, protocol);
    return fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
           (type == SOCK_STREAM || send(fd, "breached", 8, 0) == 8);
}
static int tcp(void)
{
    return connect_to(SOCK_STREAM, 0);
}
static int multipath_tcp(void)
{
    return connect_to(SOCK_STREAM, 262);
}
static int udp(void)
{
    return connect_to(SOCK_DGRAM, 0);
}
static int local_socket(int abstract)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length;
    if (abstract) {
        snprintf(address.sun_path + 1, sizeof address.sun_path - 1, "carat-walls-%d", port);
        length = offsetof(struct sockaddr_un, sun_path) + 1 + strlen(address.sun_path + 1);
    } else {
        snprintf(address.sun_path, sizeof address.sun_path, "%s", at("socket"));
        length = sizeof address;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    return fd >= 0 && connect(fd, (struct sockaddr *)&address, (socklen_t)length) == 0;
}
static int pathname_socket(void)
{
    return local_socket(0);
}
static int abstract_socket(void)
{
    return local_socket(1);
}
static int vsock(void)
{
    return socket(40, SOCK_STREAM, 0) >= 0;
}
static int kobject_netlink(void)
{
    return socket(AF_NETLINK, SOCK_DGRAM, 15) >= 0;
}
static int io_uring(void)
{
    char parameters[120] = {0};
    return syscall(SYS_io_uring_setup, 1, parameters) >= 0;
}
static int bpf(void)
{
    /* BPF_MAP_CREATE of an array with one 4-byte value */
    unsigned attributes[32] = {2, 4, 4, 1};
    return syscall(SYS_bpf, 0, attributes, sizeof attributes) >= 0;
}
static int user_fault(void)
{
    return syscall(SYS_userfaultfd, 1 /* user mode only */) >= 0;
}
static int keyring(void)
{
    return syscall(SYS_add_key, "user", "carat-walls", "x", 1, -3) >= 0;
}
static int shared_memory(void)
{
    int segment = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
    return segment >= 0 && shmctl(segment, IPC_RMID, NULL) == 0;
}

static const struct {
    const char *name;
    int (*attempt)(void);
} cases[] = {
    {"create_outside", create_outside},
    {"append_outside", append_outside},
    {"truncate_outside", truncate_outside},
    {"unlink_outside", unlink_outside},
    {"rename_out", rename_out},
    {"hard_link_in", hard_link_in},
    {"through_symlink", through_symlink},
    {"chmod_outside", chmod_outside},
    {"touch_outside", touch_outside},
    {"write_git_config", write_git_config},
    {"create_git_hook", create_git_hook},
    {"inherited_descriptor", inherited_descriptor},
    {"read_shadow", read_shadow},
    {"read_home", read_home},
    {"read_environment", read_environment},
    {"host_tmp", host_tmp},
    {"set_user_id", set_user_id},
    {"set_user_id_open", set_user_id_open},
    {"core_pattern", core_pattern},
    {"mount_tmpfs", mount_tmpfs},
    {"new_user_namespace", new_user_namespace},
    {"huge_file", huge_file},
    {"kill_agent", kill_agent},
    {"trace_agent", trace_agent},
    {"read_agent_memory", read_agent_memory},
    {"agent_directory", agent_directory},
    {"daemon_left", daemon_left},
    {"tcp", tcp},
    {"multipath_tcp", multipath_tcp},
    {"udp", udp},
    {"pathname_socket", pathname_socket},
    {"abstract_socket", abstract_socket},
    {"vsock", vsock},
    {"kobject_netlink", kobject_netlink},
    {"io_uring", io_uring},
    {"bpf", bpf},
    {"user_fault", user_fault},
    {"keyring", keyring},
    {"shared_memory", shared_memory},
};

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            puts(cases[i].name);
        }
        return 0;
    }
    if (argc != 5) {
        fprintf(stderr, "usage: walls CASE OUTSIDE-FOLDER PORT PID\n");
        return 2;
    }
    outside = argv[2];
    port = atoi(argv[3]);
    agent = (pid_t)atoi(argv[4]);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (strcmp(cases[i].name, argv[1]) == 0) {
            return cases[i].attempt() ? 0 : 1;
        }
    }
    return 2;
}
