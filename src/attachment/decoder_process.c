/* decoder_process: see decoder_process.h. */
#include "attachment/decoder_process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attachment/attachment.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/str.h"
#include "base/visible.h"

enum { COMPLAINT_BYTES = 4096 };

struct child {
    pid_t pid;
    int output, complaints; /* what it writes */
};

/* A memory file with these bytes, at its beginning; -1 on failure. */
static int memory_file(const char *bytes, size_t size, struct err *err)
{
    int fd = memfd_create("carat-attachment", MFD_CLOEXEC);
    size_t written = 0;
    while (fd >= 0 && written < size) {
        ssize_t count = write(fd, bytes + written, size - written);
        if (count < 0 && errno != EINTR) {
            break;
        }
        written += count > 0 ? (size_t)count : 0;
    }
    if (fd < 0 || written < size || lseek(fd, 0, SEEK_SET) != 0) {
        err_errno(err, ERR_IO, "handing a file to its decoder");
        if (fd >= 0) {
            close(fd);
        }
        return -1;
    }
    return fd;
}

static void close_open(int fd)
{
    if (fd >= 0) {
        close(fd);
    }
}

/* The four descriptors that it is given are ours to close. */
static bool spawn(const struct attachment_tool *tool, const char *name, const int given[4],
                  pid_t *pid, struct err *err)
{
    char *arguments[] = {
        (char *)tool->program, "--workspace", (char *)tool->workspace, "--policy-fd", "3",
        (char *)name,          NULL};
    char *environment[] = {"PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8", NULL, NULL};
    struct str home;
    str_init(&home);
    if (getenv("HOME") != NULL) { /* what the sandbox hides */
        str_append_format(&home, "HOME=%s", getenv("HOME"));
        environment[2] = home.data;
    }
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    for (int i = 0; i < 4; i++) {
        posix_spawn_file_actions_adddup2(&actions, given[i], i);
    }
    int status = posix_spawn(pid, tool->program, &actions, NULL, arguments, environment);
    posix_spawn_file_actions_destroy(&actions);
    str_finish(&home);
    errno = status;
    return status == 0 || err_errno(err, ERR_UNAVAILABLE, "starting %s", tool->program);
}

static bool start(const struct decoder_process *process, const struct attachment_tool *tool,
                  const char *bytes, size_t size, struct child *child, struct err *err)
{
    int ends[2] = {-1, -1};
    int input = memory_file(bytes, size, err);
    int limits = input >= 0 ? memory_file(process->policy, strlen(process->policy), err) : -1;
    int complaints = limits >= 0 ? memory_file("", 0, err) : -1;
    bool ok = complaints >= 0;
    if (ok && pipe2(ends, O_CLOEXEC) != 0) {
        ok = err_errno(err, ERR_IO, "a pipe to the decoder");
    }
    /* Moved above the numbers that the process gets them as, so that none is written over. */
    int given[4] = {input, ends[1], complaints, limits};
    for (int i = 0; ok && i < 4; i++) {
        given[i] = fcntl(given[i], F_DUPFD_CLOEXEC, 10);
        ok = given[i] >= 0 || err_errno(err, ERR_IO, "descriptors for the decoder");
    }
    bool moved = ok;
    ok = ok && spawn(tool, process->name, given, &child->pid, err);
    for (int i = 0; moved && i < 4; i++) {
        close(given[i]);
    }
    close_open(input);
    close_open(limits);
    close_open(ends[1]);
    if (!ok) {
        close_open(ends[0]);
        close_open(complaints);
        return false;
    }
    child->output = ends[0];
    child->complaints = complaints;
    return true;
}

/* All that it writes, up to `limit` bytes and until it is late. */
static bool read_output(int fd, const struct decoder_process *process, struct str *out,
                        struct err *err)
{
    char buffer[64 * 1024];
    size_t before = out->length;
    int64_t end = clock_monotonic_us() / 1000 + process->seconds * 1000;
    for (;;) {
        int64_t left = end - clock_monotonic_us() / 1000;
        struct pollfd watched = {.fd = fd, .events = POLLIN};
        int ready = left > 0 ? poll(&watched, 1, (int)left) : 0;
        if (ready == 0) {
            return err_set(err, ERR_UNAVAILABLE, "decoding took more than %d s", process->seconds);
        }
        ssize_t got = ready > 0 ? read(fd, buffer, sizeof buffer) : -1;
        if (got < 0 && errno != EINTR) {
            return err_errno(err, ERR_IO, "reading what was decoded");
        }
        if (got == 0) {
            return true;
        }
        str_append_bytes(out, buffer, got > 0 ? (size_t)got : 0);
        if (out->length - before > process->limit) {
            return err_set(err, ERR_LIMIT, "the decoder said more than %zu bytes", process->limit);
        }
    }
}

/* Why it ended badly, in its own words, which are foreign text. */
static bool complain(const struct child *child, int status, struct err *err)
{
    static const char prefix[] = "carat-tool: ";
    char said[COMPLAINT_BYTES];
    struct str shown;
    ssize_t got = pread(child->complaints, said, sizeof said - 1, 0);
    size_t length = got > 0 ? (size_t)got : 0;
    while (length > 0 && said[length - 1] == '\n') {
        length--;
    }
    said[length] = '\0';
    const char *text = strncmp(said, prefix, strlen(prefix)) == 0 ? said + strlen(prefix) : said;
    str_init(&shown);
    visible_append(&shown, text, strlen(text), VISIBLE_LINE);
    if (shown.length > 0) {
        err_set(err, ERR_FORMAT, "%s", shown.data);
    } else if (WIFSIGNALED(status)) {
        err_set(err, ERR_FORMAT, "its decoder was killed by signal %d", WTERMSIG(status));
    } else {
        err_set(err, ERR_FORMAT, "its decoder ended with status %d", WEXITSTATUS(status));
    }
    str_finish(&shown);
    return false;
}

bool decoder_process_run(const struct decoder_process *process, const struct attachment_tool *tool,
                         const char *bytes, size_t size, struct str *out, struct err *err)
{
    struct child child;
    int status = 0;
    if (!start(process, tool, bytes, size, &child, err)) {
        return false;
    }
    bool ok = read_output(child.output, process, out, err);
    if (!ok) {
        kill(child.pid, SIGKILL);
    }
    while (waitpid(child.pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (ok && (!WIFEXITED(status) || WEXITSTATUS(status) != 0)) {
        ok = complain(&child, status, err);
    }
    close(child.output);
    close(child.complaints);
    return ok;
}
