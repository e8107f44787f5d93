/* Bytes as a client's whole conversation: the server must come to its end, and every line that it
 * wrote must be JSON. The input is a memfd, so that all of it is waiting while a call runs. */
#include <assert.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <jansson.h>

#include "base/str.h"

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

static const struct tool tools[] = {{"list_files", echo}, {"shell", echo}, {NULL, NULL}};

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
    assert(write(in, data, size) == (ssize_t)size && lseek(in, 0, SEEK_SET) == 0);
    struct tool_context context = {.cancel_fd = -1};
    mcp_server_run(in, out, tools, NULL, &context);
    check_lines(out);
    close(in);
    close(out);
    return 0;
}
