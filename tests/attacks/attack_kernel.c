/* attack_kernel: sockets of every kind that a namespace may not hold, and calls that hand the
 * kernel too much. */
#include "attack.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mount.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#ifndef SYS_open_tree
#define SYS_open_tree 428
#endif

/* --- the internet's families --- */

static struct sockaddr_in listener(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)attack_port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

static int connect_to(int type, int protocol)
{
    struct sockaddr_in address = listener();
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

/* The same to the kernel, which takes an int; a filter sees 64 bits. */
static int wide_multipath_tcp(void)
{
    struct sockaddr_in address = listener();
    int fd = (int)syscall(SYS_socket, AF_INET, SOCK_STREAM, 262L | 1L << 32);
    return fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
}

static int udp(void)
{
    return connect_to(SOCK_DGRAM, 0);
}

static int tcp_fast_open(void)
{
    struct sockaddr_in address = listener();
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    return fd >= 0 && sendto(fd, "breached", 8, MSG_FASTOPEN, (struct sockaddr *)&address,
                             sizeof address) == 8;
}

static int take_port(void)
{
    struct sockaddr_in address = listener();
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_port = htons((uint16_t)(attack_port + 1));
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(fd, 1) != 0) {
        return 0;
    }
    poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 3000); /* until world.py has reached it */
    return 1;
}

static int raw_icmp(void)
{
    return socket(AF_INET, SOCK_RAW, IPPROTO_ICMP) >= 0;
}

static int packets(void)
{
    return socket(AF_PACKET, SOCK_RAW, 0) >= 0;
}

static int sctp(void)
{
    return socket(AF_INET, SOCK_STREAM, 132) >= 0;
}

/* --- local ones --- */

static int local_socket(int type, int abstract)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length;
    if (abstract) {
        snprintf(address.sun_path + 1, sizeof address.sun_path - 1, "carat-walls-%d", attack_port);
        length = offsetof(struct sockaddr_un, sun_path) + 1 + strlen(address.sun_path + 1);
    } else {
        snprintf(address.sun_path, sizeof address.sun_path, "%s",
                 attack_at(type == SOCK_STREAM ? "socket" : "letters"));
        length = sizeof address;
    }
    int fd = socket(AF_UNIX, type, 0);
    return fd >= 0 && connect(fd, (struct sockaddr *)&address, (socklen_t)length) == 0 &&
           (type == SOCK_STREAM || send(fd, "breached", 8, 0) == 8);
}

static int pathname_socket(void)
{
    return local_socket(SOCK_STREAM, 0);
}

static int pathname_datagram(void)
{
    return local_socket(SOCK_DGRAM, 0);
}

/* A pair is local sockets, too; those of datagrams can be sent to an address. */
static int datagram_pair(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int pair[2];
    snprintf(address.sun_path, sizeof address.sun_path, "%s", attack_at("letters"));
    return socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) == 0 &&
           sendto(pair[0], "breached", 8, 0, (struct sockaddr *)&address, sizeof address) == 8;
}

static int abstract_socket(void)
{
    return local_socket(SOCK_STREAM, 1);
}

/* --- other families --- */

static int vsock(void)
{
    return socket(40, SOCK_STREAM, 0) >= 0;
}

static int crypto_socket(void)
{
    return socket(38, SOCK_SEQPACKET, 0) >= 0;
}

static int kobject_netlink(void)
{
    return socket(AF_NETLINK, SOCK_DGRAM, 15) >= 0;
}

/* --- other entries into the kernel --- */

static int x32_socket(void)
{
#ifdef __x86_64__
    return syscall(0x40000000 | 41, AF_UNIX, SOCK_STREAM, 0) >= 0;
#else
    return 0;
#endif
}

static int i386_socket(void)
{
#ifdef __x86_64__
    long answer;
    __asm__ volatile("int $0x80"
                     : "=a"(answer)
                     : "a"(359L), "b"((long)AF_UNIX), "c"((long)SOCK_STREAM), "d"(0L)
                     : "memory", "r8", "r9", "r10", "r11");
    return (int)answer >= 0;
#else
    return 0;
#endif
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

static int performance_events(void)
{
    /* PERF_TYPE_SOFTWARE, the task clock, of our own process and user mode only */
    unsigned attributes[32] = {1, 128, 1};
    attributes[10] = 1u << 5 | 1u << 6; /* exclude_kernel, exclude_hv */
    return syscall(SYS_perf_event_open, attributes, 0, -1, -1, 0) >= 0;
}

static int user_fault(void)
{
    return syscall(SYS_userfaultfd, 1 /* user mode only */) >= 0;
}

static int keyring(void)
{
    return syscall(SYS_add_key, "user", "carat-walls", "x", 1, -3) >= 0;
}

static int session_keyring(void)
{
    return syscall(SYS_keyctl, 0 /* get id */, -3, 0) >= 0;
}

static int shared_memory(void)
{
    int segment = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
    return segment >= 0 && shmctl(segment, IPC_RMID, NULL) == 0;
}

static int host_shared_memory(void)
{
    return shmget((key_t)(0x57000000 + attack_port), 4096, IPC_CREAT | IPC_EXCL | 0600) >= 0;
}

static int copy_of_mounts(void)
{
    return syscall(SYS_open_tree, -100, "/", 1 /* clone */) >= 0;
}

static int kernel_log(void)
{
    char text[64];
    return syscall(SYS_syslog, 3, text, sizeof text) >= 0;
}

static int host_name(void)
{
    char name[256];
    return gethostname(name, sizeof name) == 0 && sethostname(name, strlen(name)) == 0;
}

const struct attack attack_kernel[] = {
    {"tcp", tcp},
    {"multipath_tcp", multipath_tcp},
    {"wide_multipath_tcp", wide_multipath_tcp},
    {"udp", udp},
    {"tcp_fast_open", tcp_fast_open},
    {"take_port", take_port},
    {"raw_icmp", raw_icmp},
    {"packets", packets},
    {"sctp", sctp},
    {"pathname_socket", pathname_socket},
    {"pathname_datagram", pathname_datagram},
    {"datagram_pair", datagram_pair},
    {"abstract_socket", abstract_socket},
    {"vsock", vsock},
    {"crypto_socket", crypto_socket},
    {"kobject_netlink", kobject_netlink},
    {"x32_socket", x32_socket},
    {"i386_socket", i386_socket},
    {"io_uring", io_uring},
    {"bpf", bpf},
    {"performance_events", performance_events},
    {"user_fault", user_fault},
    {"keyring", keyring},
    {"session_keyring", session_keyring},
    {"shared_memory", shared_memory},
    {"host_shared_memory", host_shared_memory},
    {"copy_of_mounts", copy_of_mounts},
    {"kernel_log", kernel_log},
    {"host_name", host_name},
    {NULL, NULL},
};
