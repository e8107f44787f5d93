/* message_input: a line buffer between a descriptor and the loop.
 *
 * Pipes, sockets and terminals are polled; what cannot be polled (a regular file, /dev/null) never
 * makes a reader wait and is read at once. libuv makes a polled descriptor non-blocking for
 * everyone who shares it, the shell included: its flags are put back at the end.
 *
 * `due` is the handle through which callbacks are made, because a message may be there already when
 * it is asked for, and the asker is never called from inside its own call.
 */
#include "command/message_input.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>
#include <uv.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

enum { LINE_LIMIT = 8 * 1024 * 1024, PIECE = 64 * 1024 };

struct message_input {
    struct message_input_callbacks callbacks;
    int descriptor, flags;
    bool polled, wanted, at_end;
    struct err error; /* of reading; code 0 = none */
    struct str buffer;
    size_t scanned; /* no line's end before here */
    uv_poll_t poll;
    uv_timer_t due;
    int open_handles;
};

/* --- a line --- */

static bool append_content(const json_t *content, struct str *text, struct err *err)
{
    if (json_is_string(content)) {
        str_append_bytes(text, json_string_value(content), json_string_length(content));
        return true;
    }
    json_t *part;
    size_t i;
    if (!json_is_array(content)) {
        return err_set(err, ERR_FORMAT, "message.content is neither a string nor an array");
    }
    json_array_foreach((json_t *)content, i, part)
    {
        const char *type = json_string_value(json_object_get(part, "type"));
        const json_t *said = json_object_get(part, "text");
        if (type == NULL || strcmp(type, "text") != 0 || !json_is_string(said)) {
            return err_set(err, ERR_FORMAT, "message.content[%zu] is \"%.40s\", not text", i,
                           type != NULL ? type : "");
        }
        str_append(text, text->length > 0 ? "\n" : "");
        str_append_bytes(text, json_string_value(said), json_string_length(said));
    }
    return true;
}

bool message_input_parse(const char *line, size_t length, struct str *text, struct err *err)
{
    json_error_t where;
    json_t *object = json_loadb(line, length, JSON_REJECT_DUPLICATES, &where);
    const json_t *message = json_object_get(object, "message");
    const char *type = json_string_value(json_object_get(object, "type"));
    const char *role = json_string_value(json_object_get(message, "role"));
    struct str said;
    str_init(&said);
    bool ok;
    if (object == NULL) {
        ok = err_set(err, ERR_FORMAT, "a line of the input is not JSON: %s", where.text);
    } else if (type == NULL || strcmp(type, "user") != 0) {
        ok = err_set(err, ERR_FORMAT, "a line of the input has the type \"%.40s\", not \"user\"",
                     type != NULL ? type : "");
    } else if (role != NULL && strcmp(role, "user") != 0) {
        ok = err_set(err, ERR_FORMAT, "a line of the input speaks as \"%.40s\", not as \"user\"",
                     role);
    } else {
        ok = append_content(json_object_get(message, "content"), &said, err);
    }
    if (ok && strspn(said.data, " \t\r\n") == said.length) {
        ok = err_set(err, ERR_FORMAT, "a line of the input holds an empty message");
    }
    if (ok) {
        str_append_bytes(text, said.data, said.length);
    }
    str_finish(&said);
    json_decref(object);
    return ok;
}

/* --- reading --- */

/* Reads once. What it meets is noted: bytes, the end, a mistake. */
static void read_piece(struct message_input *input)
{
    char piece[PIECE];
    ssize_t got = read(input->descriptor, piece, sizeof piece);
    if (got > 0) {
        str_append_bytes(&input->buffer, piece, (size_t)got);
    } else if (got == 0) {
        input->at_end = true;
    } else if (errno != EINTR && errno != EAGAIN) {
        input->at_end = true;
        err_errno(&input->error, ERR_IO, "reading standard input");
    }
    if (input->buffer.length > LINE_LIMIT && !input->at_end &&
        memchr(input->buffer.data, '\n', input->buffer.length) == NULL) {
        input->at_end = true;
        str_clear(&input->buffer);
        input->scanned = 0;
        err_set(&input->error, ERR_LIMIT, "a line of the input is longer than %d bytes",
                LINE_LIMIT);
    }
}

/* Cuts the first line that is not empty off the buffer; the last one needs no newline. */
static bool take_line(struct message_input *input, struct str *line)
{
    struct str *buffer = &input->buffer;
    for (;;) {
        const char *end =
            memchr(buffer->data + input->scanned, '\n', buffer->length - input->scanned);
        if (end == NULL && (!input->at_end || buffer->length == 0)) {
            input->scanned = buffer->length;
            return false;
        }
        size_t length = end != NULL ? (size_t)(end - buffer->data) : buffer->length;
        size_t used = end != NULL ? length + 1 : length;
        str_clear(line);
        str_append_bytes(line, buffer->data, length);
        memmove(buffer->data, buffer->data + used, buffer->length - used);
        str_truncate(buffer, buffer->length - used);
        input->scanned = 0;
        if (strspn(line->data, " \t\r") < line->length) {
            return true;
        }
    }
}

static void hand_over(struct message_input *input, const struct str *line)
{
    struct err err;
    struct str text;
    str_init(&text);
    input->wanted = false;
    if (message_input_parse(line->data, line->length, &text, &err)) {
        input->callbacks.message(input->callbacks.context, text.data, text.length);
    } else {
        input->callbacks.ended(input->callbacks.context, &err);
    }
    str_finish(&text);
}

static void on_readable(uv_poll_t *poll, int status, int events);

static void serve(struct message_input *input)
{
    struct str line;
    str_init(&line);
    bool found = input->wanted && take_line(input, &line);
    while (input->wanted && !found && !input->polled && !input->at_end) {
        read_piece(input);
        found = take_line(input, &line);
    }
    if (input->polled && (!input->wanted || found || input->at_end)) {
        uv_poll_stop(&input->poll);
    }
    if (found) {
        hand_over(input, &line);
    } else if (input->wanted && input->at_end) {
        input->wanted = false;
        input->callbacks.ended(input->callbacks.context,
                               input->error.code != 0 ? &input->error : NULL);
    } else if (input->wanted) {
        uv_poll_start(&input->poll, UV_READABLE | UV_DISCONNECT, on_readable);
    }
    str_finish(&line);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct message_input *input = poll->data;
    (void)status, (void)events; /* read() says it better */
    read_piece(input);
    serve(input);
}

static void on_due(uv_timer_t *timer)
{
    serve(timer->data);
}

void message_input_next(struct message_input *input)
{
    input->wanted = true;
    uv_timer_start(&input->due, on_due, 0, 0);
}

/* --- birth and return --- */

struct message_input *message_input_create(struct uv_loop_s *loop, int descriptor,
                                           const struct message_input_callbacks *callbacks,
                                           struct err *err)
{
    int flags = fcntl(descriptor, F_GETFL);
    if (flags < 0) {
        err_errno(err, ERR_IO, "standard input");
        return NULL;
    }
    struct message_input *input = mem_zero(1, sizeof *input);
    input->callbacks = *callbacks;
    input->descriptor = descriptor;
    input->flags = flags;
    str_init(&input->buffer);
    input->polled = uv_poll_init(loop, &input->poll, descriptor) == 0;
    input->poll.data = input;
    uv_timer_init(loop, &input->due);
    input->due.data = input;
    input->open_handles = input->polled ? 2 : 1;
    return input;
}

static void closed(uv_handle_t *handle)
{
    struct message_input *input = handle->data;
    if (--input->open_handles == 0) {
        fcntl(input->descriptor, F_SETFL, input->flags);
        str_finish(&input->buffer);
        mem_free(input);
    }
}

void message_input_destroy(struct message_input *input)
{
    if (input == NULL) {
        return;
    }
    uv_close((uv_handle_t *)&input->due, closed);
    if (input->polled) {
        uv_close((uv_handle_t *)&input->poll, closed);
    }
}
