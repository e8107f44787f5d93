/* Bytes as a client's whole conversation: the server must come to its end, and every line that it
 * wrote must be JSON. The input is a memfd, so that all of it is waiting while a call runs. One of
 * 127 bytes, or 1024 more or twice that, comes behind a line that is too long: seldom, for that is
 * a thousand times the work. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <jansson.h>

#include "base/mem.h"
#include "base/str.h"

#include "frames.h"
#include "mcp_server.h"
#include "tool.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Reads its input in the middle of the call, and says its arguments back. */
static void echo(struct tool_context *context, const json_t *arguments, struct tool_result *result)
{
    char *text = json_dumps(arguments, JSON_COMPACT);
    context->progress(context->host, text, strlen(text));
    if (context->cancelled(context->host)) {
        tool_fail(result, "cancelled");
    } else {
        tool_succeed(result, text, strlen(text));
    }
    free(text);
}

/* Says more than the client can take at once: its arguments again and again, and in one piece. */
static void flood(struct tool_context *context, const json_t *arguments, struct tool_result *result)
{
    struct str all;
    char *text = json_dumps(arguments, JSON_COMPACT);
    str_init(&all);
    while (all.length < 20000) {
        str_append(&all, text);
        context->progress(context->host, text, strlen(text));
    }
    context->progress(context->host, all.data, all.length);
    tool_succeed(result, all.data, all.length);
    str_finish(&all);
    free(text);
}

/* Gives its arguments as a picture. */
static void paint(struct tool_context *context, const json_t *arguments, struct tool_result *result)
{
    (void)context;
    char *text = json_dumps(arguments, JSON_COMPACT);
    tool_succeed(result, "a picture", 9);
    result->picture_size = strlen(text);
    result->picture = mem_strdup(text);
    result->picture_kind = "image/png";
    free(text);
}

/* Forgets to say anything. */
static void forget(struct tool_context *context, const json_t *arguments,
                   struct tool_result *result)
{
    (void)context;
    (void)arguments;
    (void)result;
}

static const struct tool tools[] = {{"list_files", echo},    {"shell", echo},
                                    {"search_files", flood}, {"read_file", paint},
                                    {"http_fetch", forget},  {NULL, NULL}};

static void check_lines(int fd)
{
    off_t size = lseek(fd, 0, SEEK_END);
    if (size == 0) {
        return;
    }
    char *text = mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, fd, 0);
    assert(text != MAP_FAILED);
    const char *at = text, *end = text + size;
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        assert(newline != NULL);
        json_t *message = json_loadb(at, (size_t)(newline - at), JSON_ALLOW_NUL, NULL);
        assert(json_is_object(message));
        json_decref(message);
        at = newline + 1;
    }
    munmap(text, (size_t)size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int in = memfd_create("in", MFD_CLOEXEC), out = memfd_create("out", MFD_CLOEXEC);
    assert(in >= 0 && out >= 0);
    off_t before = size % 1024 == 127 ? FRAMES_LIMIT + (1 << 20) : 0;
    assert(ftruncate(in, before) == 0 && (before == 0 || pwrite(in, "\n", 1, before - 1) == 1));
    assert(pwrite(in, data, size, before) == (ssize_t)size);
    struct tool_context context = {.cancel_fd = -1};
    /* A client that offers one tool alone is the same program. */
    mcp_server_run(in, out, tools, size % 8 == 7 ? "shell" : NULL, &context);
    check_lines(out);
    close(in);
    close(out);
    return 0;
}
