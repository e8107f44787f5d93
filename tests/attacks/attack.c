/* attack: tries to do what a tool must not be able to do.
 *
 *     attack CASE OUTSIDE-FOLDER PORT PID ADDRESS TERMINAL      one case
 *     attack --list                                             their names
 *     attack --victim OUTSIDE-FOLDER        the process to attack: holds a secret and a file
 *
 * Run once without the sandbox, where a case must succeed (else it proves nothing), and once inside
 * it, where it must have no effect. world.py judges by the effect, seen from outside. Exit 0: the
 * attempt thinks that it got through.
 */
#include "attack.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *attack_outside;
int attack_port;
pid_t attack_victim;
unsigned long attack_address;
const char *attack_terminal;

static const struct attack *const parts[] = {attack_files, attack_processes, attack_kernel};

const char *attack_at(const char *name)
{
    static char path[4][512];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof path[turn], "%s/%s", attack_outside, name);
    return path[turn];
}

int attack_write_to(const char *path, int flags)
{
    int fd = open(path, O_WRONLY | flags, 0600);
    int ok = fd >= 0 && write(fd, "breached\n", 9) == 9;
    if (fd >= 0) {
        close(fd);
    }
    return ok;
}

int attack_reads(const char *path)
{
    char byte;
    int fd = open(path, O_RDONLY);
    int ok = fd >= 0 && read(fd, &byte, 1) == 1;
    if (fd >= 0) {
        close(fd);
    }
    return ok;
}

int attack_opens(const char *path, int flags)
{
    return open(path, flags) >= 0;
}

static int be_victim(const char *outside)
{
    static char secret[8] = "secret";
    attack_outside = outside;
    int fd = open(attack_at("victim"), O_WRONLY | O_APPEND);
    if (fd < 0 || dup2(fd, 50) != 50) {
        return 1;
    }
    printf("%lu\n", (unsigned long)secret);
    fflush(stdout);
    while (1) {
        pause();
    }
}

int main(int argc, char **argv)
{
    size_t count = sizeof parts / sizeof parts[0];
    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        for (size_t i = 0; i < count; i++) {
            for (const struct attack *attack = parts[i]; attack->name != NULL; attack++) {
                puts(attack->name);
            }
        }
        return 0;
    }
    if (argc == 3 && strcmp(argv[1], "--victim") == 0) {
        return be_victim(argv[2]);
    }
    if (argc != 7) {
        fprintf(stderr, "usage: attack CASE OUTSIDE-FOLDER PORT PID ADDRESS TERMINAL\n");
        return 2;
    }
    attack_outside = argv[2];
    attack_port = atoi(argv[3]);
    attack_victim = (pid_t)atoi(argv[4]);
    attack_address = strtoul(argv[5], NULL, 10);
    attack_terminal = argv[6];
    for (size_t i = 0; i < count; i++) {
        for (const struct attack *attack = parts[i]; attack->name != NULL; attack++) {
            if (strcmp(attack->name, argv[1]) == 0) {
                /* A leak checker could not do its work after chroot. */
                _exit(attack->attempt() ? 0 : 1);
            }
        }
    }
    return 2;
}
