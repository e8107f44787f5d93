#include "holder.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <sys/types.h>
#include <unistd.h>

/* Reads the state letter and start time (fields 3 and 22) of /proc/PID/stat. The name in field 2
 * may hold spaces and parentheses, so counting begins after the last ')'. */
static bool read_process(int64_t pid, char *state, int64_t *started)
{
    char path[64], line[1024];
    snprintf(path, sizeof path, "/proc/%lld/stat", (long long)pid);
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return false;
    }
    size_t length = fread(line, 1, sizeof line - 1, file);
    fclose(file);
    line[length] = '\0';
    const char *after_name = strrchr(line, ')');
    long long ticks;
    if (after_name == NULL ||
        sscanf(after_name + 1,
               " %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %lld",
               state, &ticks) != 2) {
        return false;
    }
    *started = ticks;
    return true;
}

static void read_boot(char *boot, int size)
{
    boot[0] = '\0';
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
    if (file == NULL) {
        return;
    }
    if (fgets(boot, size, file) == NULL) {
        boot[0] = '\0';
    }
    boot[strcspn(boot, "\n")] = '\0';
    fclose(file);
}

void holder_self(struct holder *self)
{
    char state;
    self->pid = getpid();
    if (!read_process(self->pid, &state, &self->started)) {
        self->started = 0;
    }
    read_boot(self->boot, sizeof self->boot);
}

bool holder_alive(const struct holder *holder)
{
    char boot[sizeof holder->boot];
    read_boot(boot, sizeof boot);
    if (boot[0] != '\0' && holder->boot[0] != '\0' && strcmp(boot, holder->boot) != 0) {
        return false;
    }
    char state;
    int64_t started;
    if (read_process(holder->pid, &state, &started)) {
        bool ended = state == 'Z' || state == 'X';
        return !ended && (holder->started == 0 || started == holder->started);
    }
    /* kill() reaches for process groups with pids below 1: such a row can only be damage. */
    return holder->pid > 0 && (kill((pid_t)holder->pid, 0) == 0 || errno == EPERM);
}
