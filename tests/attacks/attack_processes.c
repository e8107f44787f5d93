/* attack_processes: signals, tracing, priorities and memory of the process that stands for carat;
 * terminals; outliving the call; using up processes and memory. */
#include "attack.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static int read_environment(void)
{
    char path[64], data[65536];
    snprintf(path, sizeof path, "/proc/%d/environ", (int)attack_victim);
    int fd = open(path, O_RDONLY);
    ssize_t length = fd >= 0 ? read(fd, data, sizeof data) : -1;
    return length > 0 && memmem(data, (size_t)length, "WALLS_SECRET", 12) != NULL;
}

static int own_environment(void)
{
    return getenv("WALLS_SECRET") != NULL;
}

static int kill_agent(void)
{
    return kill(attack_victim, SIGUSR1) == 0;
}

static int trace_agent(void)
{
    return ptrace(PTRACE_SEIZE, attack_victim, 0, 0) == 0;
}

static int read_agent_memory(void)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/mem", (int)attack_victim);
    return attack_opens(path, O_RDONLY);
}

static int read_agent_memory_directly(void)
{
    char secret[8] = "";
    struct iovec here = {secret, sizeof secret}, there = {(void *)attack_address, sizeof secret};
    return process_vm_readv(attack_victim, &here, 1, &there, 1, 0) == sizeof secret &&
           memcmp(secret, "secret", 6) == 0;
}

static int agent_directory(void)
{
    char path[64], target[512];
    snprintf(path, sizeof path, "/proc/%d/cwd", (int)attack_victim);
    return readlink(path, target, sizeof target) > 0;
}

/* The victim holds OUTSIDE/victim open at 50. */
static int agent_descriptor(void)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/fd/50", (int)attack_victim);
    return attack_write_to(path, O_APPEND);
}

static int take_agent_descriptor(void)
{
    int process = (int)syscall(SYS_pidfd_open, attack_victim, 0);
    int fd = process >= 0 ? (int)syscall(SYS_pidfd_getfd, process, 50, 0) : -1;
    return fd >= 0 && write(fd, "breached\n", 9) == 9;
}

static int limit_agent(void)
{
    struct rlimit limit = {100, 100};
    return syscall(SYS_prlimit64, attack_victim, RLIMIT_NOFILE, &limit, NULL) == 0;
}

static int slow_agent(void)
{
    return setpriority(PRIO_PROCESS, (id_t)attack_victim, 19) == 0;
}

static int pin_agent(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(0, &set);
    return sched_setaffinity(attack_victim, sizeof set, &set) == 0;
}

static int enter_agent_namespace(void)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/ns/net", (int)attack_victim);
    int fd = open(path, O_RDONLY);
    return fd >= 0 && setns(fd, CLONE_NEWNET) == 0;
}

static int daemon_left(void)
{
    if (fork() == 0) {
        setsid();
        if (fork() == 0) {
            for (int i = 0; i < 300; i++) { /* writes as long as it lives, for at most 30 s */
                attack_write_to("heartbeat", O_CREAT | O_APPEND);
                usleep(50000);
            }
        }
        _exit(0);
    }
    usleep(150000);
    return 1;
}

/* --- using up --- */

static int many_processes(void)
{
    enum { WANTED = 600, TOO_MANY = 400 };
    static pid_t children[WANTED];
    int count = 0;
    while (count < WANTED && (children[count] = fork()) >= 0) {
        if (children[count] == 0) {
            pause();
            _exit(0);
        }
        count++;
    }
    for (int i = 0; i < count; i++) {
        kill(children[i], SIGKILL);
    }
    while (wait(NULL) > 0) {
    }
    return count >= TOO_MANY;
}

/* Written to by several processes, each of which alone takes no more than it may. */
static int much_memory(void)
{
    enum { HOLDERS = 6, BYTES = 256 << 20 };
    pid_t holders[HOLDERS];
    int full[2], alive = 0;
    char byte;
    if (pipe(full) != 0) {
        return 0;
    }
    for (int i = 0; i < HOLDERS; i++) {
        holders[i] = fork();
        if (holders[i] == 0) {
            char *held =
                mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            close(full[0]);
            if (held != MAP_FAILED) {
                memset(held, 1, BYTES);
                alive = write(full[1], "", 1) == 1;
                close(full[1]);
                pause();
            }
            _exit(1);
        }
    }
    close(full[1]);
    while (read(full[0], &byte, 1) > 0) { /* until each is full or ended */
    }
    usleep(500000);
    for (int i = 0; i < HOLDERS; i++) {
        alive += waitpid(holders[i], NULL, WNOHANG) == 0;
        kill(holders[i], SIGKILL);
    }
    return alive == HOLDERS;
}

/* --- the terminal that carat runs on; world.py looks at what arrives there --- */

static int type_into_terminal(void)
{
    int fd = open("/dev/tty", O_RDWR);
    return fd >= 0 && ioctl(fd, TIOCSTI, "!") == 0;
}

static int write_to_terminal(void)
{
    int fd = open("/dev/tty", O_RDWR);
    return fd >= 0 && write(fd, "breached\n", 9) == 9;
}

/* By its name, for which no controlling terminal is needed. */
static int open_terminal(void)
{
    return attack_write_to(attack_terminal, O_NOCTTY);
}

/* A terminal of its own may be had; keys pushed into it are a way that is to be closed for all. */
static int type_into_own_terminal(void)
{
    pid_t child = fork(); /* who leads a session already can begin no other */
    if (child == 0) {
        int keyboard = posix_openpt(O_RDWR | O_NOCTTY);
        const char *name = keyboard >= 0 && unlockpt(keyboard) == 0 ? ptsname(keyboard) : NULL;
        setsid();
        int fd = name != NULL ? open(name, O_RDWR) : -1;
        _exit(fd >= 0 && ioctl(fd, TIOCSCTTY, 0) == 0 && ioctl(fd, TIOCSTI, "!") == 0 ? 0 : 1);
    }
    int status;
    return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

const struct attack attack_processes[] = {
    {"read_environment", read_environment},
    {"own_environment", own_environment},
    {"kill_agent", kill_agent},
    {"trace_agent", trace_agent},
    {"read_agent_memory", read_agent_memory},
    {"read_agent_memory_directly", read_agent_memory_directly},
    {"agent_directory", agent_directory},
    {"agent_descriptor", agent_descriptor},
    {"take_agent_descriptor", take_agent_descriptor},
    {"limit_agent", limit_agent},
    {"slow_agent", slow_agent},
    {"pin_agent", pin_agent},
    {"enter_agent_namespace", enter_agent_namespace},
    {"daemon_left", daemon_left},
    {"many_processes", many_processes},
    {"much_memory", much_memory},
    {"type_into_terminal", type_into_terminal},
    {"write_to_terminal", write_to_terminal},
    {"open_terminal", open_terminal},
    {"type_into_own_terminal", type_into_own_terminal},
    {NULL, NULL},
};
