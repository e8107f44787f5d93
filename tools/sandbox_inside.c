/* sandbox_inside: a tree that is read from /proc while it changes. What holds is that a process
 * whose parent is stopped is found by the next look; and before a signal is sent, a descriptor of
 * the process is opened and its namespace compared, so that a number that was given to another
 * meanwhile does no harm. */
#include "sandbox_inside.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/vec.h"

bool sandbox_inside_known(void)
{
    return access("/proc/thread-self/children", R_OK) == 0;
}

/* The children of one thread. False without memory. */
static bool add_children(struct sandbox_inside *inside, pid_t process, const char *thread)
{
    char path[64];
    int child;
    bool ok = true;
    snprintf(path, sizeof path, "/proc/%d/task/%.16s/children", (int)process, thread);
    FILE *children = fopen(path, "re");
    while (ok && children != NULL && fscanf(children, "%d", &child) == 1) {
        ok = vec_try_room(&inside->items, &inside->capacity, inside->count + 1,
                          sizeof *inside->items);
        if (ok) {
            inside->items[inside->count++] = (struct sandbox_process){.pid = child};
        }
    }
    if (children != NULL) {
        fclose(children);
    }
    return ok;
}

void sandbox_inside_look(struct sandbox_inside *inside, pid_t bubblewrap)
{
    char path[32];
    bool ok = vec_try_room(&inside->items, &inside->capacity, 1, sizeof *inside->items);
    inside->count = 0;
    if (ok) {
        inside->items[inside->count++] = (struct sandbox_process){.pid = bubblewrap};
    }
    for (size_t i = 0; ok && i < inside->count; i++) {
        pid_t process = inside->items[i].pid;
        snprintf(path, sizeof path, "/proc/%d/task", (int)process);
        DIR *threads = opendir(path);
        for (struct dirent *entry; ok && threads != NULL && (entry = readdir(threads)) != NULL;) {
            ok = entry->d_name[0] == '.' || add_children(inside, process, entry->d_name);
        }
        if (threads != NULL) {
            closedir(threads);
        }
    }
}

void sandbox_inside_finish(struct sandbox_inside *inside)
{
    mem_free(inside->items);
    *inside = (struct sandbox_inside){0};
}

/* The number of a process's PID namespace; 0: it is gone. */
static ino_t namespace_of(pid_t process)
{
    char path[40];
    struct stat status;
    snprintf(path, sizeof path, "/proc/%d/ns/pid", (int)process);
    return stat(path, &status) == 0 ? status.st_ino : 0;
}

static bool is_inside(const struct sandbox_inside *inside, pid_t process)
{
    ino_t theirs = namespace_of(inside->items[SANDBOX_INSIDE_STAGE - 1].pid);
    return theirs != 0 && namespace_of(process) == theirs;
}

void sandbox_inside_signal(const struct sandbox_inside *inside, size_t index, int signal)
{
    pid_t process = index < inside->count ? inside->items[index].pid : -1;
    int fd = index >= SANDBOX_INSIDE_STAGE ? (int)syscall(SYS_pidfd_open, process, 0) : -1;
    if (fd >= 0) {
        if (is_inside(inside, process)) {
            syscall(SYS_pidfd_send_signal, fd, signal, NULL, 0);
        }
        close(fd);
    }
}

void sandbox_inside_signal_group(const struct sandbox_inside *inside, int signal)
{
    if (inside->count <= SANDBOX_INSIDE_STAGE) {
        return;
    }
    pid_t stage = inside->items[SANDBOX_INSIDE_STAGE].pid;
    if (getpgid(stage) == stage && is_inside(inside, stage)) {
        kill(-stage, signal);
    } else {
        sandbox_inside_signal(inside, SANDBOX_INSIDE_STAGE, signal);
    }
}

void sandbox_inside_halt(pid_t bubblewrap, bool stop)
{
    enum { LOOKS = 3 };
    struct sandbox_inside inside = {0};
    for (int look = 0; look < (stop ? LOOKS : 1); look++) {
        sandbox_inside_look(&inside, bubblewrap);
        for (size_t i = SANDBOX_INSIDE_STAGE; i < inside.count; i++) {
            sandbox_inside_signal(&inside, i, stop ? SIGSTOP : SIGCONT);
        }
    }
    sandbox_inside_finish(&inside);
}
