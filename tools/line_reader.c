#include "line_reader.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

bool line_reader_init(struct line_reader *reader, int fd, size_t most, bool (*stop)(void *context),
                      void *context)
{
    *reader = (struct line_reader){
        .fd = fd, .stop = stop, .context = context, .room = LINE_READER_LEAST, .most = most};
    reader->buffer = mem_try_alloc(LINE_READER_PIECE, 1);
    reader->line = mem_try_alloc(reader->room + 1, 1);
    return reader->buffer != NULL && reader->line != NULL;
}

void line_reader_finish(struct line_reader *reader)
{
    mem_free(reader->buffer);
    mem_free(reader->line);
    reader->buffer = reader->line = NULL;
}

/* True when there are bytes in the piece. */
static bool refill(struct line_reader *reader)
{
    if (reader->position < reader->filled) {
        return true;
    }
    reader->stopped = reader->stop != NULL && reader->stop(reader->context);
    if (reader->stopped) {
        return false;
    }
    ssize_t got;
    do {
        got = read(reader->fd, reader->buffer, LINE_READER_PIECE);
    } while (got < 0 && errno == EINTR);
    reader->failed = got < 0;
    reader->position = 0;
    reader->filled = got > 0 ? (size_t)got : 0;
    return got > 0;
}

/* Room for `more` bytes of the line, as far as there may be: how many of them there is. */
static size_t make_room(struct line_reader *reader, size_t more)
{
    size_t wanted = reader->length + more, room = reader->room;
    while (room < wanted && room < reader->most) {
        room = room < reader->most / 2 ? room * 2 : reader->most;
    }
    char *line = room > reader->room ? mem_try_resize(reader->line, room + 1, 1) : NULL;
    if (line != NULL) {
        reader->line = line;
        reader->room = room;
    }
    size_t left = reader->room - reader->length;
    return more < left ? more : left;
}

bool line_reader_next(struct line_reader *reader)
{
    bool ended = false;
    char last = '\0';
    reader->length = 0;
    reader->size = 0;
    while (!ended && refill(reader)) {
        const char *start = reader->buffer + reader->position;
        size_t left = reader->filled - reader->position;
        const char *newline = memchr(start, '\n', left);
        size_t size = newline == NULL ? left : (size_t)(newline - start);
        size_t kept = reader->size == reader->length ? make_room(reader, size) : 0;
        memcpy(reader->line + reader->length, start, kept);
        reader->length += kept;
        reader->size += size;
        last = size > 0 ? start[size - 1] : last;
        ended = newline != NULL;
        reader->position += size + ended;
    }
    if (!ended && (reader->size == 0 || reader->failed || reader->stopped)) {
        return false;
    }
    if (ended && last == '\r') {
        reader->size--;
        reader->length = reader->length > reader->size ? (size_t)reader->size : reader->length;
    }
    reader->line[reader->length] = '\0';
    reader->number++;
    reader->form.ends += ended;
    reader->form.two_ends += ended && last == '\r';
    if (reader->number == 1) {
        reader->form.mark =
            replacement_has_mark((struct replacement_text){reader->line, reader->length});
    }
    return true;
}
