/* sandbox_relay: what stands between the user's terminal, the signals that we get, and a program
 * that runs in the sandbox in our place (--run).
 *
 * The program never holds the user's terminal: it gets a pseudo terminal of our own, and what the
 * user types is read, and handed on, only while we are in the foreground. A program that is
 * stopped, or goes on in the background, reads nothing of what is typed to others.
 */
#ifndef CARAT_TOOLS_SANDBOX_RELAY_H
#define CARAT_TOOLS_SANDBOX_RELAY_H

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <termios.h>

struct err;

enum { SANDBOX_RELAY_EVENTS = 3 };

struct sandbox_relay {
    int signals;            /* a signalfd; -1: this run has no relay */
    int terminal;           /* the user's: 0, 1 or 2; -1: none of the three is one */
    int master, slave;      /* of ours */
    bool reads;             /* standard input is the terminal, and not at its end */
    bool wants_raw, is_raw; /* keys go on as they are: standard output is the terminal, too */
    struct termios before;  /* the terminal's, when it was made raw */
    char keys[512];         /* read, and not yet taken */
    size_t key_count;
    sigset_t mask;    /* of before */
    int64_t deadline; /* of what was told to end; 0 = nothing was */
};

/* `on`: false makes one that does nothing. */
bool sandbox_relay_begin(struct sandbox_relay *relay, bool on, struct err *err);
/* In the child, before it becomes bubblewrap. */
void sandbox_relay_child(struct sandbox_relay *relay);
/* What to wait for, and how long at most (ms; -1 = for ever). `begun`: the inside is reached, so
 * that signals can be handed on. */
int sandbox_relay_wait(struct sandbox_relay *relay, bool begun,
                       struct pollfd events[SANDBOX_RELAY_EVENTS]);
/* Does what came; true: the time of what was told to end is over. */
bool sandbox_relay_handle(struct sandbox_relay *relay, pid_t bubblewrap,
                          const struct pollfd events[SANDBOX_RELAY_EVENTS]);
/* The rest of the output; the terminal is as it was. */
void sandbox_relay_end(struct sandbox_relay *relay);

/* Inside, before the layers: this process leads a session, whose terminal is the one it was given.
 */
bool sandbox_relay_inside(struct err *err);

#endif
