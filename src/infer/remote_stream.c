#include "infer/remote_stream.h"

#include <stdint.h>
#include <string.h>

#include <jansson.h>

#include "base/mem.h"
#include "base/str.h"
#include "chat/prompt_writer.h"
#include "chat/value.h"
#include "infer/remote_responses.h"
#include "infer/remote_think.h"

enum { NAME_LIMIT = 64 };

struct remote_call {
    struct str name, arguments;
};

struct remote_stream {
    struct remote_stream_options options;
    struct str line;
    size_t total;
    size_t data_lines;
    bool in_thought, done;
    struct remote_think think;
    struct remote_responses responses;
    char *finish; /* finish_reason, NULL = not yet */
    struct remote_call calls[REMOTE_STREAM_CALLS];
    size_t call_count;
    struct remote_stream_usage usage;
    size_t pieces;
};

struct remote_stream *remote_stream_create(const struct remote_stream_options *options)
{
    struct remote_stream *stream = mem_zero(1, sizeof *stream);
    stream->options = *options;
    str_init(&stream->line);
    return stream;
}

void remote_stream_destroy(struct remote_stream *stream)
{
    if (stream == NULL) {
        return;
    }
    for (size_t i = 0; i < stream->call_count; i++) {
        str_finish(&stream->calls[i].name);
        str_finish(&stream->calls[i].arguments);
    }
    str_finish(&stream->line);
    mem_free(stream->finish);
    mem_free(stream);
}

/* --- spelling --- */

static void put_control(struct remote_stream *stream, enum control control)
{
    stream->options.token(stream->options.context, control, NULL, 0);
}

static void put_bytes(struct remote_stream *stream, const char *bytes, size_t length)
{
    if (length > 0) {
        stream->options.token(stream->options.context, CONTROL_NONE, bytes, length);
    }
}

static void set_thought(struct remote_stream *stream, bool in_thought)
{
    static const char name[] = "thought\n";
    if (stream->in_thought == in_thought) {
        return;
    }
    stream->in_thought = in_thought;
    put_control(stream, in_thought ? CONTROL_CHANNEL_OPEN : CONTROL_CHANNEL_CLOSE);
    if (in_thought) {
        put_bytes(stream, name, sizeof name - 1);
    }
}

/* The arguments as the format writes them; the renderer's own printer knows how. */
static void put_arguments(struct remote_stream *stream, const json_t *arguments)
{
    struct chat_prompt printed;
    struct prompt_writer writer;
    chat_prompt_init(&printed);
    prompt_writer_init(&writer, &printed);
    chat_value_print_members(&writer, arguments);
    prompt_writer_finish(&writer);
    for (size_t i = 0; i < printed.count; i++) {
        const struct chat_segment *segment = &printed.segments[i];
        if (segment->kind == CHAT_SEGMENT_CONTROL) {
            put_control(stream, segment->control);
        } else {
            put_bytes(stream, segment->text, segment->length);
        }
    }
    chat_prompt_finish(&printed);
}

/* Arguments that are no JSON object are passed on as they are: the parser says what is wrong with
 * them, and the model gets to read that. */
static void put_call(struct remote_stream *stream, const struct remote_call *call)
{
    const struct str *raw = &call->arguments;
    bool empty = strspn(raw->data, " \t\r\n") == raw->length;
    json_t *arguments =
        empty ? json_object() : json_loadb(raw->data, raw->length, JSON_ALLOW_NUL, NULL);
    put_control(stream, CONTROL_CALL_OPEN);
    put_bytes(stream, "call:", 5);
    if (chat_value_is_name(call->name.data, call->name.length)) {
        put_bytes(stream, call->name.data, call->name.length);
    } else {
        put_bytes(stream, "unknown", 7);
    }
    put_bytes(stream, "{", 1);
    if (json_is_object(arguments)) {
        put_arguments(stream, arguments);
    } else {
        put_bytes(stream, raw->data, raw->length);
    }
    put_bytes(stream, "}", 1);
    put_control(stream, CONTROL_CALL_CLOSE);
    json_decref(arguments);
}

/* --- reading --- */

/* Text of the answer once its thought is taken out. */
static void on_spoken(void *context, bool thought, const char *bytes, size_t length)
{
    struct remote_stream *stream = context;
    set_thought(stream, thought);
    put_bytes(stream, bytes, length);
}

static bool add_text(struct remote_stream *stream, const json_t *text, bool thought)
{
    if (json_string_length(text) == 0) {
        return false;
    }
    if (thought) {
        on_spoken(stream, true, json_string_value(text), json_string_length(text));
    } else {
        remote_think_feed(&stream->think, json_string_value(text), json_string_length(text),
                          on_spoken, stream);
    }
    return true;
}

/* The call that a piece belongs to: by its index; without one a name begins a new call. NULL when
 * there are too many. */
static struct remote_call *call_of(struct remote_stream *stream, const json_t *piece, bool named)
{
    const json_t *index = json_object_get(piece, "index");
    size_t place = stream->call_count;
    if (json_is_integer(index)) {
        json_int_t number = json_integer_value(index);
        if (number < 0 || number >= REMOTE_STREAM_CALLS) {
            return NULL;
        }
        place = (size_t)number;
    } else if (!named && place > 0) {
        place--;
    }
    if (place >= REMOTE_STREAM_CALLS) {
        return NULL;
    }
    while (stream->call_count <= place) {
        str_init(&stream->calls[stream->call_count].name);
        str_init(&stream->calls[stream->call_count].arguments);
        stream->call_count++;
    }
    return &stream->calls[place];
}

static bool add_call_piece(struct remote_stream *stream, const json_t *piece, struct err *err)
{
    const json_t *function = json_object_get(piece, "function");
    const json_t *name = json_object_get(function, "name");
    const json_t *arguments = json_object_get(function, "arguments");
    struct remote_call *call = call_of(stream, piece, json_string_length(name) > 0);
    if (call == NULL) {
        return err_set(err, ERR_LIMIT, "the server asks for more than %d calls at once",
                       REMOTE_STREAM_CALLS);
    }
    if (call->name.length == 0 && json_string_length(name) <= NAME_LIMIT) {
        str_append_bytes(&call->name, json_string_value(name), json_string_length(name));
    }
    if (json_is_object(arguments)) {
        char *text = json_dumps(arguments, JSON_COMPACT);
        str_append(&call->arguments, text != NULL ? text : "");
        mem_free(text);
    } else {
        str_append_bytes(&call->arguments, json_string_value(arguments),
                         json_string_length(arguments));
    }
    if (call->arguments.length > REMOTE_STREAM_ARGUMENTS) {
        return err_set(err, ERR_LIMIT, "the arguments of a call are larger than %d bytes",
                       REMOTE_STREAM_ARGUMENTS);
    }
    return true;
}

static bool read_delta(struct remote_stream *stream, const json_t *delta, struct err *err)
{
    const json_t *thought = json_object_get(delta, "reasoning_content");
    for (size_t i = 0; !json_is_string(thought) && i < 2; i++) {
        static const char *const others[] = {"reasoning", "thinking"};
        thought = json_object_get(delta, others[i]);
    }
    bool said = add_text(stream, thought, true);
    said |= add_text(stream, json_object_get(delta, "content"), false);
    json_t *piece;
    size_t i;
    json_array_foreach(json_object_get(delta, "tool_calls"), i, piece)
    {
        said = true;
        if (!add_call_piece(stream, piece, err)) {
            return false;
        }
    }
    stream->pieces += said;
    return true;
}

static size_t count_of(const json_t *object, const char *key)
{
    json_int_t number = json_integer_value(json_object_get(object, key));
    return number > 0 && number < INT32_MAX ? (size_t)number : 0;
}

static void read_usage(struct remote_stream *stream, const json_t *usage)
{
    if (json_is_object(usage)) {
        const json_t *details = json_object_get(usage, "prompt_tokens_details");
        stream->usage.prompt = count_of(usage, "prompt_tokens");
        stream->usage.cached = count_of(details, "cached_tokens");
        stream->usage.sampled = count_of(usage, "completion_tokens");
    }
}

static bool read_chunk(struct remote_stream *stream, const json_t *chunk, struct err *err)
{
    const json_t *error = json_object_get(chunk, "error");
    const json_t *choice = json_array_get(json_object_get(chunk, "choices"), 0);
    if (error != NULL && !json_is_null(error)) {
        const char *message = json_string_value(json_object_get(error, "message"));
        return err_set(err, ERR_UNAVAILABLE, "the server says: %.300s",
                       message != NULL         ? message
                       : json_is_string(error) ? json_string_value(error)
                                               : "it failed");
    }
    read_usage(stream, json_object_get(chunk, "usage"));
    if (!read_delta(stream, json_object_get(choice, "delta"), err)) {
        return false;
    }
    const char *finish = json_string_value(json_object_get(choice, "finish_reason"));
    if (finish != NULL) {
        mem_free(stream->finish);
        stream->finish = mem_strdup(finish);
    }
    return true;
}

/* One line without its end. Comments, and fields other than data, mean nothing here. */
static bool read_line(struct remote_stream *stream, const char *line, size_t length,
                      struct err *err)
{
    if (length > 0 && line[length - 1] == '\r') {
        length--;
    }
    if (length < 5 || memcmp(line, "data:", 5) != 0) {
        return true;
    }
    line += 5;
    length -= 5;
    while (length > 0 && *line == ' ') {
        line++;
        length--;
    }
    stream->data_lines++;
    if (length == 6 && memcmp(line, "[DONE]", 6) == 0) {
        stream->done = true;
        return true;
    }
    json_error_t error;
    json_t *chunk = json_loadb(line, length, JSON_ALLOW_NUL, &error);
    if (!json_is_object(chunk)) {
        json_decref(chunk);
        return err_set(err, ERR_FORMAT,
                       "the server sent an event that is not a JSON object%s%.200s",
                       chunk == NULL ? ": " : "", chunk == NULL ? error.text : "");
    }
    bool ok;
    if (stream->options.responses) {
        json_t *plain = remote_responses_chunk(&stream->responses, chunk);
        ok = plain == NULL || read_chunk(stream, plain, err);
        stream->done = stream->finish != NULL;
        json_decref(plain);
    } else {
        ok = read_chunk(stream, chunk, err);
    }
    json_decref(chunk);
    return ok;
}

bool remote_stream_feed(struct remote_stream *stream, const char *bytes, size_t length,
                        struct err *err)
{
    stream->total += length;
    if (stream->total > REMOTE_STREAM_TOTAL) {
        return err_set(err, ERR_LIMIT, "the server's answer is larger than %d bytes",
                       REMOTE_STREAM_TOTAL);
    }
    while (length > 0 && !stream->done) {
        const char *end = memchr(bytes, '\n', length);
        size_t part = end != NULL ? (size_t)(end - bytes) : length;
        if (stream->line.length + part > REMOTE_STREAM_LINE) {
            return err_set(err, ERR_LIMIT, "the server sent a line longer than %d bytes",
                           REMOTE_STREAM_LINE);
        }
        str_append_bytes(&stream->line, bytes, part);
        bytes += part;
        length -= part;
        if (end == NULL) {
            break;
        }
        bytes++;
        length--;
        bool ok = read_line(stream, stream->line.data, stream->line.length, err);
        str_clear(&stream->line);
        if (!ok) {
            return false;
        }
    }
    return true;
}

bool remote_stream_done(const struct remote_stream *stream)
{
    return stream->done;
}

/* --- the end --- */

static bool end_with(struct remote_stream *stream, enum control control, enum chat_stop reason,
                     enum chat_stop *stop)
{
    if (control != CONTROL_NONE) {
        put_control(stream, control);
    }
    *stop = reason;
    return true;
}

bool remote_stream_end(struct remote_stream *stream, enum chat_stop *stop, struct err *err)
{
    if (stream->finish == NULL && !stream->done) {
        return stream->data_lines > 0
                   ? err_set(err, ERR_UNAVAILABLE,
                             "the server closed the connection in the middle of the answer")
                   : err_set(err, ERR_FORMAT, "the server's answer is not an event stream");
    }
    const char *finish = stream->finish != NULL ? stream->finish : "";
    if (strcmp(finish, "content_filter") == 0) {
        return err_set(err, ERR_DENIED, "the server withheld the answer (content_filter)");
    }
    remote_think_end(&stream->think, on_spoken, stream);
    set_thought(stream, false);
    if (strcmp(finish, "length") == 0) {
        return end_with(stream, CONTROL_NONE, CHAT_STOP_LENGTH, stop);
    }
    for (size_t i = 0; i < stream->call_count; i++) {
        put_call(stream, &stream->calls[i]);
    }
    return stream->call_count > 0
               ? end_with(stream, CONTROL_RESPONSE_OPEN, CHAT_STOP_RESPONSE, stop)
               : end_with(stream, CONTROL_TURN_CLOSE, CHAT_STOP_TURN, stop);
}

size_t remote_stream_pieces(const struct remote_stream *stream)
{
    return stream->pieces;
}

struct remote_stream_usage remote_stream_usage(const struct remote_stream *stream)
{
    struct remote_stream_usage usage = stream->usage;
    if (usage.sampled == 0) {
        usage.sampled = stream->pieces;
    }
    return usage;
}
