/* frames: see the header. The search for a newline goes on where it stopped, so that a line that
 * comes byte by byte costs no more than one that comes whole. */
#include "frames.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

enum { READ_SIZE = 64 * 1024 };

void frames_init(struct frames *frames, int in)
{
    memset(frames, 0, sizeof *frames);
    frames->in = in;
    str_init(&frames->buffer);
}

void frames_finish(struct frames *frames)
{
    str_finish(&frames->buffer);
}

bool frames_fill(struct frames *frames, int timeout_ms)
{
    if (frames->ended) {
        return false;
    }
    struct pollfd input = {.fd = frames->in, .events = POLLIN};
    int ready = poll(&input, 1, timeout_ms);
    if (ready == 0 || (ready < 0 && errno == EINTR)) {
        return false;
    }
    str_reserve(&frames->buffer, READ_SIZE);
    ssize_t got = read(frames->in, frames->buffer.data + frames->buffer.length, READ_SIZE);
    if (got > 0) {
        frames->buffer.length += (size_t)got;
        frames->buffer.data[frames->buffer.length] = '\0';
        return true;
    }
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) {
        return false;
    }
    frames->ended = true;
    return true;
}

/* Cuts `length` bytes and the newline behind them (if there is one) off the buffer. */
static void cut(struct frames *frames, size_t length, struct str *line)
{
    if (line != NULL) {
        str_append_bytes(line, frames->buffer.data, length);
    }
    str_remove(&frames->buffer, 0, length < frames->buffer.length ? length + 1 : length);
    frames->searched = 0;
}

/* Nothing but spaces: JSON's whitespace, and the CR of clients that end lines with CR LF. */
static bool blank(const struct str *line)
{
    return strspn(line->data, " \t\r") == line->length;
}

/* The length of the first whole line; false when there is none yet. */
static bool find_line(struct frames *frames, size_t *length)
{
    struct str *buffer = &frames->buffer;
    const char *from = buffer->data + frames->searched;
    const char *newline = memchr(from, '\n', buffer->length - frames->searched);
    frames->searched = buffer->length;
    if (newline != NULL) {
        *length = (size_t)(newline - buffer->data);
        return true;
    }
    *length = buffer->length;
    return frames->ended && buffer->length > 0;
}

enum frames_kind frames_take(struct frames *frames, struct str *line)
{
    size_t length;
    str_clear(line);
    while (find_line(frames, &length)) {
        bool too_long = length > FRAMES_LIMIT && !frames->skipping;
        bool drop = frames->skipping || too_long;
        frames->skipping = false;
        cut(frames, length, drop ? NULL : line);
        if (too_long) {
            return FRAMES_TOO_LONG;
        }
        if (!drop && !blank(line)) {
            return FRAMES_LINE;
        }
        str_clear(line);
    }
    if (frames->skipping || frames->buffer.length > FRAMES_LIMIT) {
        bool first = !frames->skipping;
        frames->skipping = true;
        str_clear(&frames->buffer);
        frames->searched = 0;
        return first ? FRAMES_TOO_LONG : FRAMES_NONE;
    }
    return FRAMES_NONE;
}
