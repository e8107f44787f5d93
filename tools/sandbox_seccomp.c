/* sandbox_seccomp: the system call filter, the last layer.
 *
 * Namespaces and Landlock decide about paths and networks; this takes away what they do not cover:
 * local sockets (which cross every namespace), other socket families, new namespaces and mounts,
 * set-uid bits, io_uring, bpf, keyrings, tracing other processes, pushing keys into a terminal. A
 * call of another architecture kills the process: i386 and x32 entry points would go around every
 * rule. Calls that are newer than this table answer ENOSYS, as on an older kernel, and
 * programs fall back.
 */
#include "sandbox_layers.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/err.h"

/* The first system call number, common to all architectures since 5.1, that this table was not
 * written for. */
enum { FIRST_UNKNOWN_CALL = 463, LAST_UNKNOWN_CALL = 600 };

static const int refused_calls[] = {
    /* ways to make the kernel run programs of ours, or to read others' memory */
    SCMP_SYS(bpf),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(ptrace),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(pidfd_getfd),
    SCMP_SYS(kcmp),
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(io_uring_enter),
    SCMP_SYS(io_uring_register),
    /* keys of the session that carat runs in */
    SCMP_SYS(add_key),
    SCMP_SYS(request_key),
    SCMP_SYS(keyctl),
    /* mounts, old and new manner; leaving the root */
    SCMP_SYS(mount),
    SCMP_SYS(umount2),
    SCMP_SYS(move_mount),
    SCMP_SYS(open_tree),
    SCMP_SYS(fsopen),
    SCMP_SYS(fsconfig),
    SCMP_SYS(fsmount),
    SCMP_SYS(fspick),
    SCMP_SYS(mount_setattr),
    SCMP_SYS(pivot_root),
    SCMP_SYS(chroot),
    SCMP_SYS(setns),
    SCMP_SYS(open_by_handle_at),
    /* the machine itself */
    SCMP_SYS(init_module),
    SCMP_SYS(finit_module),
    SCMP_SYS(delete_module),
    SCMP_SYS(kexec_load),
    SCMP_SYS(kexec_file_load),
    SCMP_SYS(reboot),
    SCMP_SYS(swapon),
    SCMP_SYS(swapoff),
    SCMP_SYS(settimeofday),
    SCMP_SYS(clock_settime),
    SCMP_SYS(clock_adjtime),
    SCMP_SYS(adjtimex),
    SCMP_SYS(acct),
    SCMP_SYS(quotactl),
    SCMP_SYS(quotactl_fd),
    SCMP_SYS(syslog),
    SCMP_SYS(sethostname),
    SCMP_SYS(setdomainname),
    SCMP_SYS(iopl),
    SCMP_SYS(ioperm),
    SCMP_SYS(vhangup),
    /* System V IPC: shared by everyone who shares the namespace, and nobody here needs it */
    SCMP_SYS(shmget),
    SCMP_SYS(shmat),
    SCMP_SYS(shmctl),
    SCMP_SYS(semget),
    SCMP_SYS(semop),
    SCMP_SYS(semtimedop),
    SCMP_SYS(semctl),
    SCMP_SYS(msgget),
    SCMP_SYS(msgsnd),
    SCMP_SYS(msgrcv),
    SCMP_SYS(msgctl),
};

static const int namespace_flags[] = {CLONE_NEWNS,   CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC,
                                      CLONE_NEWUSER, CLONE_NEWPID,    CLONE_NEWNET};

/* A rule's condition on one argument; `b` counts for masks only (a = mask, b = value). */
static struct scmp_arg_cmp when(unsigned argument, enum scmp_compare how, scmp_datum_t a,
                                scmp_datum_t b)
{
    return (struct scmp_arg_cmp){.arg = argument, .op = how, .datum_a = a, .datum_b = b};
}

static int refuse_calls(scmp_filter_ctx filter)
{
    int status = 0;
    for (size_t i = 0; status == 0 && i < sizeof refused_calls / sizeof refused_calls[0]; i++) {
        if (refused_calls[i] >= 0) { /* negative: this architecture does not have it */
            status = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), refused_calls[i], 0);
        }
    }
    for (int call = FIRST_UNKNOWN_CALL; status == 0 && call <= LAST_UNKNOWN_CALL; call++) {
        status = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), call, 0);
    }
    return status;
}

/* clone3 hides its flags behind a pointer, where no filter can look: libc falls back to clone. */
static int refuse_namespaces(scmp_filter_ctx filter)
{
    int status = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    for (size_t i = 0; status == 0 && i < sizeof namespace_flags / sizeof namespace_flags[0]; i++) {
        scmp_datum_t flag = (scmp_datum_t)(unsigned)namespace_flags[i];
        status = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
                                  when(0, SCMP_CMP_MASKED_EQ, flag, flag));
        if (status == 0) {
            status = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(unshare), 1,
                                      when(0, SCMP_CMP_MASKED_EQ, flag, flag));
        }
    }
    return status;
}

/* AF_INET and AF_INET6 with streams and datagrams, and routing netlink (which libc asks for
 * addresses): inside a private network namespace these reach nobody. Everything else is refused,
 * local sockets above all; of pairs of them those of datagrams, which can be sent to others. */
static int refuse_sockets(scmp_filter_ctx filter)
{
    static const unsigned protocols[] = {132 /* SCTP */,
                                         262 /* MPTCP: passes Landlock's TCP rules */};
    static const unsigned types[] = {SOCK_RAW, SOCK_RDM, SOCK_SEQPACKET, SOCK_DCCP, SOCK_PACKET};
    enum { FAMILIES = 64 };
    int call = SCMP_SYS(socket), status = 0;
    for (unsigned family = 0; status == 0 && family < FAMILIES; family++) {
        if (family != AF_INET && family != AF_INET6 && family != AF_NETLINK) {
            status = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), call, 1,
                                      when(0, SCMP_CMP_EQ, family, 0));
        }
    }
    if (status == 0) {
        status = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), call, 1,
                                  when(0, SCMP_CMP_GE, FAMILIES, 0));
    }
    for (size_t i = 0; status == 0 && i < sizeof protocols / sizeof protocols[0]; i++) {
        /* The kernel looks at the low 32 bits only; so must the rule. */
        status = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), call, 1,
                                  when(2, SCMP_CMP_MASKED_EQ, 0xFFFFFFFFu, protocols[i]));
    }
    static const unsigned internet[] = {AF_INET, AF_INET6};
    for (size_t i = 0; status == 0 && i < 2 * (sizeof types / sizeof types[0]); i++) {
        status = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), call, 2,
                                  when(0, SCMP_CMP_EQ, internet[i % 2], 0),
                                  when(1, SCMP_CMP_MASKED_EQ, 0xF, types[i / 2]));
    }
    if (status == 0) {
        status = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), call, 2,
                                  when(0, SCMP_CMP_EQ, AF_NETLINK, 0), when(2, SCMP_CMP_NE, 0, 0));
    }
    static const unsigned datagrams[] = {SOCK_DGRAM, SOCK_RAW}; /* a raw local one is the same */
    for (size_t i = 0; status == 0 && i < sizeof datagrams / sizeof datagrams[0]; i++) {
        status = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(socketpair), 1,
                                  when(1, SCMP_CMP_MASKED_EQ, 0xF, datagrams[i]));
    }
    return status;
}

/* TIOCSTI types into the terminal, TIOCLINUX pastes into a console. */
static int refuse_terminal_injection(scmp_filter_ctx filter)
{
    static const unsigned requests[] = {TIOCSTI, TIOCLINUX};
    int status = 0;
    for (size_t i = 0; status == 0 && i < sizeof requests / sizeof requests[0]; i++) {
        /* The kernel looks at the low 32 bits only; so must the rule. */
        status = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(ioctl), 1,
                                  when(1, SCMP_CMP_MASKED_EQ, 0xFFFFFFFFu, requests[i]));
    }
    return status;
}

/* Set-uid and set-gid bits on files, by every call that takes a mode. fchmodat2 is refused whole.
 */
static int refuse_set_id_bits(scmp_filter_ctx filter)
{
    static const struct {
        int call;
        unsigned mode_argument;
        int flags_argument; /* -1: the mode counts always; else only when these flags make a file */
    } calls[] = {
        {SCMP_SYS(chmod), 1, -1}, {SCMP_SYS(fchmod), 1, -1}, {SCMP_SYS(fchmodat), 2, -1},
        {SCMP_SYS(creat), 1, -1}, {SCMP_SYS(mknod), 1, -1},  {SCMP_SYS(mknodat), 2, -1},
        {SCMP_SYS(open), 2, 1},   {SCMP_SYS(openat), 3, 2},
    };
    static const unsigned bits[] = {S_ISUID, S_ISGID},
                          making[] = {O_CREAT, O_TMPFILE & ~O_DIRECTORY};
    int status = 0;
    for (size_t i = 0; status == 0 && i < sizeof calls / sizeof calls[0]; i++) {
        for (size_t bit = 0; status == 0 && calls[i].call >= 0 && bit < 2; bit++) {
            struct scmp_arg_cmp mode =
                when(calls[i].mode_argument, SCMP_CMP_MASKED_EQ, bits[bit], bits[bit]);
            if (calls[i].flags_argument < 0) {
                status = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), calls[i].call, 1, mode);
                continue;
            }
            for (size_t flag = 0; status == 0 && flag < 2; flag++) {
                status = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), calls[i].call, 2, mode,
                                          when((unsigned)calls[i].flags_argument,
                                               SCMP_CMP_MASKED_EQ, making[flag], making[flag]));
            }
        }
    }
    return status;
}

/* openat2 and fchmodat2 (452) carry modes behind pointers or past the table: ENOSYS, and
 * programs fall back. Our own file tools keep openat2: it is what holds them beneath the workspace,
 * and nothing foreign runs there. */
static int refuse_hidden_modes(scmp_filter_ctx filter, enum sandbox_kind kind)
{
    int status = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), 452, 0);
    if (status == 0 && (kind == SANDBOX_COMMANDS || kind == SANDBOX_OPEN_COMMANDS)) {
        status = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(openat2), 0);
    }
    return status;
}

bool sandbox_seccomp_enter(enum sandbox_kind kind, struct err *err)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    if (filter == NULL) {
        return err_set(err, ERR_UNAVAILABLE, "seccomp: no filter could be made");
    }
    int status = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    status = status != 0 ? status : seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    status = status != 0 ? status : refuse_calls(filter);
    status = status != 0 ? status : refuse_namespaces(filter);
    status = status != 0 ? status : refuse_sockets(filter);
    status = status != 0 ? status : refuse_terminal_injection(filter);
    status = status != 0 ? status : refuse_set_id_bits(filter);
    status = status != 0 ? status : refuse_hidden_modes(filter, kind);
    status = status != 0 ? status : seccomp_load(filter);
    seccomp_release(filter);
    if (status != 0) {
        errno = -status;
        return err_errno(err, ERR_UNAVAILABLE, "seccomp");
    }
    return true;
}
