#include "app/server_key.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/str.h"

enum { KEY_LIMIT = 8 * 1024, PATIENCE_MS = 60 * 1000 };

/* Starts the command in a process group of its own, so that all of it can be ended. */
static bool start(const char *command, bool apart, int output, pid_t *child, struct err *err)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    char *const words[] = {"sh", "-c", (char *)command, NULL};
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    if (apart) {
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    }
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    posix_spawnattr_setpgroup(&attributes, 0);
    int status = posix_spawn(child, "/bin/sh", &actions, &attributes, words, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    errno = status;
    return status == 0 || err_errno(err, ERR_IO, "key_command \"%.100s\"", command);
}

/* Until its end, the limit or the end of patience. */
static bool gather(int input, struct str *out)
{
    int64_t end = clock_monotonic_us() / 1000 + PATIENCE_MS;
    char piece[1024];
    bool more = true;
    while (more && out->length <= KEY_LIMIT) {
        int64_t left = end - clock_monotonic_us() / 1000;
        struct pollfd watched = {.fd = input, .events = POLLIN};
        int ready = left > 0 ? poll(&watched, 1, (int)left) : 0;
        if (ready < 0 && errno == EINTR) {
            continue;
        }
        ssize_t got = ready > 0 ? read(input, piece, sizeof piece) : -1;
        if (got < 0) {
            explicit_bzero(piece, sizeof piece);
            return false;
        }
        str_append_bytes(out, piece, (size_t)got);
        more = got > 0;
    }
    explicit_bzero(piece, sizeof piece);
    return !more;
}

static bool run(const char *command, bool apart, struct str *out, struct err *err)
{
    int ends[2], status = 0;
    pid_t child;
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return err_errno(err, ERR_IO, "key_command");
    }
    bool started = start(command, apart, ends[1], &child, err);
    close(ends[1]);
    if (!started) {
        close(ends[0]);
        return false;
    }
    bool whole = gather(ends[0], out);
    close(ends[0]);
    if (!whole) {
        kill(-child, SIGKILL);
    }
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (!whole) {
        return err_set(err, ERR_UNAVAILABLE,
                       "key_command \"%.100s\": no key within %d seconds and %d bytes", command,
                       PATIENCE_MS / 1000, KEY_LIMIT);
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        return err_set(err, ERR_UNAVAILABLE, "key_command \"%.100s\" failed", command);
    }
    str_truncate(out, strcspn(out->data, "\r\n"));
    return out->length > 0 ||
           err_set(err, ERR_UNAVAILABLE, "key_command \"%.100s\" printed no key", command);
}

bool server_key_read(const char *variable, const char *command, bool apart, struct str *out,
                     struct err *err)
{
    const char *key = variable != NULL ? getenv(variable) : NULL;
    if (key != NULL) {
        str_append(out, key);
        return true;
    }
    if (command != NULL) {
        return run(command, apart, out, err);
    }
    return variable == NULL ||
           err_set(err, ERR_ARGUMENT, "key_env: the environment has no %s", variable);
}

void server_key_wipe(struct str *key)
{
    explicit_bzero(key->data, key->length);
    str_finish(key);
}
