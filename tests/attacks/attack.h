/* attack: what the parts of the attack program share. A part is a table of cases; each case tries
 * one thing that a tool must not be able to do and answers 1 when it believes that it got through.
 * Whether that is so is judged by world.py from outside. */
#ifndef CARAT_ATTACKS_ATTACK_H
#define CARAT_ATTACKS_ATTACK_H

#include <sys/types.h>

struct attack {
    const char *name;
    int (*attempt)(void);
};

/* What main was told: a folder outside of the workspace, the port of its listeners, the process to
 * attack, the address of a secret in its memory, and the name of the terminal that carat runs on. */
extern const char *attack_outside;
extern int attack_port;
extern pid_t attack_victim;
extern unsigned long attack_address;
extern const char *attack_terminal;

/* OUTSIDE/name; good until the fourth call after. */
const char *attack_at(const char *name);
/* 1 when "breached" could be written; `flags` as for open. */
int attack_write_to(const char *path, int flags);
int attack_reads(const char *path);
int attack_opens(const char *path, int flags);

/* Each ends with a NULL name. */
extern const struct attack attack_files[], attack_processes[], attack_kernel[];

#endif
