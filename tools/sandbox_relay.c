/* sandbox_relay: signals come through a descriptor, so that all is done by one loop.
 *
 * INT, QUIT, TERM and HUP are handed to the program's process group; after TERM and HUP it has two
 * seconds. With the terminal raw Ctrl+C is a key like others, which the inner terminal turns into a
 * signal for whoever is in the foreground there. Ctrl+Z is ours where the inner terminal would make
 * a signal of it for the program itself: that one leads its session and has nobody who could wake
 * it. A program inside that controls jobs of its own keeps it for them.
 *
 * Where standard output goes elsewhere the terminal keeps its lines and its echo: another program
 * of the pipeline may be using it.
 */
#include "sandbox_relay.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"

#include "sandbox_inside.h"

enum {
    GRACE_US = 2000 * 1000,
    LOOK_MS = 200,   /* whether a job in the background came to the front: no signal says so */
    DRAIN_MS = 1000, /* for the end of the output, when all inside are being ended */
};

static const int caught[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGTSTP, SIGCONT, SIGWINCH};

static bool failed(const char *what, struct err *err)
{
    return err_errno(err, ERR_UNAVAILABLE, "a terminal for the program: %s", what);
}

static void copy_size(const struct sandbox_relay *relay)
{
    struct winsize size;
    if (relay->terminal >= 0 && ioctl(relay->terminal, TIOCGWINSZ, &size) == 0) {
        ioctl(relay->master, TIOCSWINSZ, &size);
    }
}

/* As it is now, but for what the user's own does already. */
static void copy_modes(const struct sandbox_relay *relay)
{
    struct termios modes;
    if (tcgetattr(relay->terminal, &modes) == 0) {
        modes.c_lflag &= relay->wants_raw ? ~(tcflag_t)0 : ~(tcflag_t)ECHO;
        modes.c_oflag &= relay->wants_raw ? ~(tcflag_t)0 : ~(tcflag_t)OPOST;
        tcsetattr(relay->slave, TCSANOW, &modes);
    }
}

static bool open_terminal(struct sandbox_relay *relay, struct err *err)
{
    relay->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    char name[64];
    if (relay->master < 0 || grantpt(relay->master) != 0 || unlockpt(relay->master) != 0 ||
        ptsname_r(relay->master, name, sizeof name) != 0) {
        return failed("/dev/ptmx", err);
    }
    relay->slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (relay->slave < 0) {
        return failed(name, err);
    }
    fcntl(relay->master, F_SETFL, O_NONBLOCK);
    copy_modes(relay);
    copy_size(relay);
    return true;
}

bool sandbox_relay_begin(struct sandbox_relay *relay, bool on, struct err *err)
{
    *relay = (struct sandbox_relay){.signals = -1, .terminal = -1, .master = -1, .slave = -1};
    if (!on) {
        return true;
    }
    for (int fd = 2; fd >= 0; fd--) {
        relay->terminal = isatty(fd) ? fd : relay->terminal;
    }
    relay->reads = relay->terminal == STDIN_FILENO;
    relay->wants_raw = relay->reads && isatty(STDOUT_FILENO);
    sigset_t wanted;
    sigemptyset(&wanted);
    for (size_t i = 0; i < sizeof caught / sizeof caught[0]; i++) {
        struct sigaction now;
        if (sigaction(caught[i], NULL, &now) == 0 && now.sa_handler != SIG_IGN) {
            sigaddset(&wanted, caught[i]); /* what nohup, for one, ignores stays so */
        }
    }
    relay->signals = signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
    sigaddset(&wanted, SIGTTOU); /* what is written in the background is no reason to stop */
    sigaddset(&wanted, SIGTTIN);
    sigprocmask(SIG_BLOCK, &wanted, &relay->mask);
    if (relay->signals < 0) {
        return failed("a descriptor for signals", err);
    }
    return relay->terminal < 0 || open_terminal(relay, err);
}

void sandbox_relay_child(struct sandbox_relay *relay)
{
    if (relay->signals < 0) {
        return;
    }
    for (int fd = 0; relay->slave >= 0 && fd <= 2; fd++) {
        if (isatty(fd)) {
            dup2(relay->slave, fd);
        }
    }
    setsid(); /* what the terminal tells its foreground is for us alone */
    sigprocmask(SIG_SETMASK, &relay->mask, NULL);
}

bool sandbox_relay_inside(struct err *err)
{
    if (setsid() < 0) {
        return err_errno(err, ERR_UNAVAILABLE, "a session");
    }
    for (int fd = 0; fd <= 2; fd++) {
        if (isatty(fd) && ioctl(fd, TIOCSCTTY, 0) == 0) {
            break;
        }
    }
    return true;
}

/* --- the user's terminal --- */

static void make_raw(struct sandbox_relay *relay)
{
    struct termios raw = relay->before;
    cfmakeraw(&raw);
    relay->is_raw = tcsetattr(relay->terminal, TCSADRAIN, &raw) == 0;
}

/* Whether what is typed is for us; the terminal is raw then, if it is to be. */
static bool look_for_front(struct sandbox_relay *relay)
{
    bool front = relay->terminal >= 0 && tcgetpgrp(relay->terminal) == getpgrp();
    if (!front) {
        relay->is_raw = false; /* whoever is there has set it as he likes */
    } else if (relay->wants_raw && !relay->is_raw &&
               tcgetattr(relay->terminal, &relay->before) == 0) {
        make_raw(relay);
    }
    return front;
}

static void restore(struct sandbox_relay *relay)
{
    if (relay->is_raw && tcgetpgrp(relay->terminal) == getpgrp()) {
        tcsetattr(relay->terminal, TCSADRAIN, &relay->before);
    }
    relay->is_raw = false;
}

/* We stop as if nothing had caught the signal, and all inside before us. A group that nobody could
 * wake is not stopped: that the kernel knows. `group`: those beside us in a pipeline were not told.
 */
static void stop(struct sandbox_relay *relay, pid_t bubblewrap, bool group)
{
    sigset_t only;
    sigemptyset(&only);
    sigaddset(&only, SIGTSTP);
    sandbox_inside_halt(bubblewrap, true);
    restore(relay);
    kill(group ? 0 : getpid(), SIGTSTP);
    sigprocmask(SIG_UNBLOCK, &only, NULL); /* here we stand until we are woken */
    sigprocmask(SIG_BLOCK, &only, NULL);
    sandbox_inside_halt(bubblewrap, false);
}

/* How many of the keys stand before one that is ours: the inner terminal would make it a stop of
 * the program itself. */
static size_t keys_before_stop(const struct sandbox_relay *relay, pid_t stage)
{
    struct termios inner;
    const char *stop_key = NULL;
    if (relay->is_raw && tcgetattr(relay->master, &inner) == 0 && (inner.c_lflag & ISIG) != 0 &&
        inner.c_cc[VSUSP] != _POSIX_VDISABLE && tcgetpgrp(relay->master) == stage) {
        stop_key = memchr(relay->keys, inner.c_cc[VSUSP], relay->key_count);
    }
    return stop_key != NULL ? (size_t)(stop_key - relay->keys) : relay->key_count;
}

static void drop_keys(struct sandbox_relay *relay, size_t count)
{
    relay->key_count -= count;
    memmove(relay->keys, relay->keys + count, relay->key_count);
}

/* Hands on what was typed, as much as the inner terminal takes. */
static void hand_on_keys(struct sandbox_relay *relay, pid_t bubblewrap)
{
    struct sandbox_inside inside = {0};
    sandbox_inside_look(&inside, bubblewrap);
    bool known = inside.count > SANDBOX_INSIDE_STAGE;
    size_t count =
        known ? keys_before_stop(relay, inside.items[SANDBOX_INSIDE_STAGE].pid) : relay->key_count;
    sandbox_inside_finish(&inside);
    if (count > 0) {
        ssize_t taken = write(relay->master, relay->keys, count);
        bool gone = taken < 0 && errno != EAGAIN && errno != EINTR;
        drop_keys(relay, gone ? relay->key_count : taken > 0 ? (size_t)taken : 0);
    } else if (relay->key_count > 0) {
        drop_keys(relay, 1);
        stop(relay, bubblewrap, true);
    }
}

static void read_keys(struct sandbox_relay *relay)
{
    ssize_t got = read(relay->terminal, relay->keys, sizeof relay->keys);
    struct termios inner;
    relay->reads = got >= 0 || errno == EAGAIN || errno == EINTR || errno == EIO;
    if (got > 0) {
        relay->key_count = (size_t)got;
    } else if (got == 0 && tcgetattr(relay->master, &inner) == 0) {
        relay->keys[0] = (char)inner.c_cc[VEOF]; /* Ctrl+D, for the inner one to make an end of */
        relay->key_count = 1;
    }
}

/* False: nothing more comes. */
static bool hand_on_output(const struct sandbox_relay *relay)
{
    char bytes[16 * 1024];
    ssize_t got = read(relay->master, bytes, sizeof bytes);
    if (got > 0) {
        int to = isatty(STDOUT_FILENO) ? STDOUT_FILENO : relay->terminal;
        to = to == STDIN_FILENO && isatty(STDERR_FILENO) ? STDERR_FILENO : to;
        file_write_all(to, bytes, (size_t)got);
    }
    return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
}

/* --- the loop's part --- */

int sandbox_relay_wait(struct sandbox_relay *relay, bool begun,
                       struct pollfd events[SANDBOX_RELAY_EVENTS])
{
    bool front = relay->terminal >= 0 && look_for_front(relay);
    bool takes = begun && relay->reads && front && relay->key_count == 0;
    short for_keys = relay->key_count > 0 ? POLLOUT : 0;
    events[0] = (struct pollfd){.fd = begun ? relay->signals : -1, .events = POLLIN};
    events[1] = (struct pollfd){.fd = takes ? relay->terminal : -1, .events = POLLIN};
    events[2] = (struct pollfd){.fd = relay->master, .events = (short)(POLLIN | for_keys)};
    int64_t left = relay->deadline - clock_monotonic_us();
    int grace = relay->deadline == 0 ? -1 : left > 0 ? (int)(left / 1000) + 1 : 0;
    int look = relay->reads && !front ? LOOK_MS : -1;
    return grace < 0 || (look >= 0 && look < grace) ? look : grace;
}

static void take_signal(struct sandbox_relay *relay, pid_t bubblewrap)
{
    struct signalfd_siginfo came;
    struct sandbox_inside inside = {0};
    if (read(relay->signals, &came, sizeof came) != sizeof came) {
        return;
    }
    int signal = (int)came.ssi_signo;
    switch (signal) {
    case SIGTSTP:
        stop(relay, bubblewrap, false);
        break;
    case SIGCONT: /* after a SIGSTOP, which nobody catches */
        if (look_for_front(relay) && relay->is_raw) {
            make_raw(relay);
        }
        break;
    case SIGWINCH:
        copy_size(relay);
        break;
    default:
        sandbox_inside_look(&inside, bubblewrap);
        sandbox_inside_signal_group(&inside, signal);
        sandbox_inside_finish(&inside);
        if (relay->deadline == 0 && (signal == SIGTERM || signal == SIGHUP)) {
            relay->deadline = clock_monotonic_us() + GRACE_US;
        }
    }
}

bool sandbox_relay_handle(struct sandbox_relay *relay, pid_t bubblewrap,
                          const struct pollfd events[SANDBOX_RELAY_EVENTS])
{
    if (events[2].fd >= 0 && (events[2].revents & (POLLIN | POLLHUP)) != 0) {
        hand_on_output(relay);
    }
    if (events[1].fd >= 0 && events[1].revents != 0) {
        read_keys(relay);
    }
    if (relay->key_count > 0) {
        hand_on_keys(relay, bubblewrap);
    }
    if (events[0].fd >= 0 && events[0].revents != 0) {
        take_signal(relay, bubblewrap);
    }
    return relay->deadline != 0 && clock_monotonic_us() >= relay->deadline;
}

void sandbox_relay_end(struct sandbox_relay *relay)
{
    int64_t until = clock_monotonic_us() + DRAIN_MS * 1000;
    if (relay->slave >= 0) {
        close(relay->slave); /* the last that held it, once all inside are gone: then it ends */
    }
    for (int64_t left = DRAIN_MS * 1000; relay->master >= 0 && left > 0;
         left = until - clock_monotonic_us()) {
        struct pollfd event = {.fd = relay->master, .events = POLLIN};
        if (poll(&event, 1, (int)(left / 1000) + 1) > 0 && !hand_on_output(relay)) {
            break;
        }
    }
    if (relay->terminal >= 0) {
        restore(relay);
    }
    if (relay->master >= 0) {
        close(relay->master);
    }
    if (relay->signals >= 0) {
        close(relay->signals); /* they stay blocked: we end as the program did */
    }
    *relay = (struct sandbox_relay){.signals = -1, .terminal = -1, .master = -1, .slave = -1};
}
