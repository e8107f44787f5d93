#include "screen/keeper.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "tui/terminal.h"

static volatile sig_atomic_t child;

static void pass_on(int number)
{
    kill((pid_t)child, number);
}

static void listen_to_signals(void)
{
    static const int passed[] = {SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2};
    struct sigaction action = {.sa_handler = pass_on};
    for (size_t i = 0; i < sizeof passed / sizeof passed[0]; i++) {
        sigaction(passed[i], &action, NULL);
    }
    signal(SIGTTOU, SIG_IGN); /* the terminal is put back even from the background */
}

/* Stopped together, continued together: the shell knows of the keeper alone. */
static void stop_too(void)
{
    raise(SIGSTOP);
    kill((pid_t)child, SIGCONT);
}

/* As it died, so that the shell can say it; a core of the keeper would tell nothing. */
static void die_of(int number)
{
    struct rlimit none = {0, 0};
    sigset_t only;
    setrlimit(RLIMIT_CORE, &none);
    signal(number, SIG_DFL);
    sigemptyset(&only);
    sigaddset(&only, number);
    sigprocmask(SIG_UNBLOCK, &only, NULL);
    raise(number);
    _exit(128 + number);
}

/* What ends a process without a signal may still leave the terminal raw: a sanitizer's report, a
 * library that calls exit. */
static bool is_raw_still(const struct termios *before)
{
    struct termios now;
    return tcgetattr(STDIN_FILENO, &now) == 0 &&
           (now.c_lflag != before->c_lflag || now.c_iflag != before->c_iflag);
}

static void keep(const struct termios *before, bool full)
{
    int status;
    listen_to_signals();
    for (;;) {
        if (waitpid((pid_t)child, &status, WUNTRACED) < 0) {
            if (errno != EINTR) {
                _exit(1);
            }
        } else if (WIFSTOPPED(status)) {
            stop_too();
        } else {
            break;
        }
    }
    if (WIFSIGNALED(status) || is_raw_still(before)) {
        terminal_recover(full);
        tcsetattr(STDIN_FILENO, TCSANOW, before);
    }
    if (WIFSIGNALED(status)) {
        die_of(WTERMSIG(status));
    }
    _exit(WEXITSTATUS(status));
}

void keeper_start(bool full)
{
    struct termios before;
    pid_t keeper = getpid();
    if (tcgetattr(STDIN_FILENO, &before) != 0) {
        return;
    }
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (getppid() != keeper) {
            raise(SIGTERM); /* it died before we could ask to be told */
        }
    } else if (pid > 0) {
        child = pid;
        keep(&before, full);
    }
}
