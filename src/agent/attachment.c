/* attachment: see attachment.h. The file goes to the process as a memory file on standard input,
 * its policy as another: nothing of the user's folders is needed, so a read-only sandbox is enough,
 * whatever the tools of the conversation may do. */
#include "agent/attachment.h"

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

#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/visible.h"
#include "chat/medium.h"
#include "media/decoded.h"
#include "media/picture_file.h"

enum { PATIENCE_MS = 30 * 1000, POLICY_FD = 3, COMPLAINT_BYTES = 4096 };

static const char policy[] =
    "{\"read_only\": true, \"limits\": {\"memory_bytes\": 2147483648, \"file_bytes\": 65536}}";

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
static bool spawn(const struct attachment_tool *tool, bool picture, const int given[4], pid_t *pid,
                  struct err *err)
{
    char *arguments[] = {(char *)tool->program,
                         "--workspace",
                         (char *)tool->workspace,
                         "--policy-fd",
                         "3",
                         picture ? "decode-image" : "decode-sound",
                         NULL};
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

static bool start(const struct attachment_tool *tool, const char *bytes, size_t size, bool picture,
                  struct child *child, struct err *err)
{
    int ends[2] = {-1, -1};
    int input = memory_file(bytes, size, err);
    int limits = input >= 0 ? memory_file(policy, sizeof policy - 1, err) : -1;
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
    ok = ok && spawn(tool, picture, given, &child->pid, err);
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
static bool read_output(int fd, size_t limit, struct str *out, struct err *err)
{
    char buffer[64 * 1024];
    int64_t end = clock_monotonic_us() / 1000 + PATIENCE_MS;
    for (;;) {
        int64_t left = end - clock_monotonic_us() / 1000;
        struct pollfd watched = {.fd = fd, .events = POLLIN};
        int ready = left > 0 ? poll(&watched, 1, (int)left) : 0;
        if (ready == 0) {
            return err_set(err, ERR_UNAVAILABLE, "decoding took more than %d s",
                           PATIENCE_MS / 1000);
        }
        ssize_t got = ready > 0 ? read(fd, buffer, sizeof buffer) : -1;
        if (got < 0 && errno != EINTR) {
            return err_errno(err, ERR_IO, "reading what was decoded");
        }
        if (got == 0) {
            return true;
        }
        str_append_bytes(out, buffer, got > 0 ? (size_t)got : 0);
        if (out->length > limit) {
            return err_set(err, ERR_LIMIT, "the decoder said more than %zu bytes", limit);
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

static bool run(const struct attachment_tool *tool, const char *bytes, size_t size, bool picture,
                struct str *out, struct err *err)
{
    struct child child;
    int status = 0;
    size_t limit = DECODED_HEADER + (picture ? (size_t)PICTURE_FILE_PIXELS_MAX * 3
                                             : (size_t)DECODED_SOUND_SECONDS * 64000);
    if (!start(tool, bytes, size, picture, &child, err)) {
        return false;
    }
    bool ok = read_output(child.output, limit, out, err);
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

static struct chat_medium *take(const struct str *message, const struct decoded *decoded)
{
    struct chat_medium *medium = chat_medium_create();
    const char *content = message->data + DECODED_HEADER;
    medium->picture = decoded->kind == DECODED_PICTURE;
    medium->width = decoded->width;
    medium->height = decoded->height;
    medium->count = decoded->count;
    void *copy = mem_alloc(decoded->bytes + 1, 1);
    memcpy(copy, content, decoded->bytes);
    if (medium->picture) {
        medium->rgb = copy;
    } else {
        medium->samples = copy;
    }
    return medium;
}

struct chat_medium *attachment_decode(const struct attachment_tool *tool, const char *bytes,
                                      size_t size, bool picture, struct err *err)
{
    struct str message;
    struct decoded decoded;
    struct chat_medium *medium = NULL;
    str_init(&message);
    if (run(tool, bytes, size, picture, &message, err) &&
        decoded_read(message.data, message.length, picture ? DECODED_PICTURE : DECODED_SOUND,
                     &decoded, err)) {
        medium = take(&message, &decoded);
        medium->file = mem_strndup(bytes, size);
        medium->file_size = size;
    }
    str_finish(&message);
    return medium;
}

struct chat_medium *attachment_open(const struct attachment_tool *tool, const char *path,
                                    bool picture, struct err *err)
{
    struct str bytes;
    struct chat_medium *medium = NULL;
    str_init(&bytes);
    if (file_read(path, PICTURE_FILE_BYTES_MAX, &bytes, err)) {
        medium = attachment_decode(tool, bytes.data, bytes.length, picture, err);
        if (medium == NULL) {
            err_prefix(err, "%s", path);
        }
    }
    str_finish(&bytes);
    return medium;
}
