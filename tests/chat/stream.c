/* Running the parser. See the header. */
#include "stream.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

void stream_result_init(struct stream_result *result)
{
    *result = (struct stream_result){0};
    str_init(&result->events);
    str_init(&result->preview);
    str_init(&result->last_error);
}

void stream_result_finish(struct stream_result *result)
{
    str_finish(&result->events);
    str_finish(&result->preview);
    str_finish(&result->last_error);
}

/* Pieces of the same kind are one line: where the stream is cut must not show. */
static void add(struct stream_result *result, const char *kind, bool grows, const char *text,
                size_t length)
{
    size_t size = strlen(kind);
    bool same =
        result->growing && grows && strncmp(result->events.data + result->pending, kind, size) == 0;
    if (!same) {
        str_append(&result->events, result->events.length > 0 ? "\x1e" : "");
        result->pending = result->events.length;
        str_append(&result->events, kind);
    }
    str_append_bytes(&result->events, text, length);
    result->growing = grows;
}

static void take_event(void *context, const struct chat_parse_event *event)
{
    static const char *const stops[] = {"none",   "turn",   "eos", "response",
                                        "length", "cancel", "loop"};
    struct stream_result *result = context;
    struct str line;
    str_init(&line);
    switch (event->kind) {
    case CHAT_PARSE_TEXT:
        add(result, "text:", true, event->text, event->length);
        result->outcomes++;
        break;
    case CHAT_PARSE_THOUGHT:
        add(result, "thought:", true, event->text, event->length);
        result->outcomes++;
        break;
    case CHAT_PARSE_CALL_BEGIN:
        str_append_format(&result->preview, "[%s]", event->name);
        break;
    case CHAT_PARSE_CALL_BYTES:
        str_append_bytes(&result->preview, event->text, event->length);
        break;
    case CHAT_PARSE_CALL: {
        char *arguments = json_dumps(event->arguments, JSON_COMPACT);
        str_append_format(&line, "%s %s", event->name, arguments);
        add(result, "call:", false, line.data, line.length);
        free(arguments);
        result->outcomes++;
        break;
    }
    case CHAT_PARSE_CALL_ERROR:
        str_clear(&result->last_error);
        str_append_bytes(&result->last_error, event->text, event->length);
        str_append_format(&line, "%s %.*s", event->name, (int)strcspn(result->last_error.data, ":"),
                          result->last_error.data);
        add(result, "error:", false, line.data, line.length);
        result->outcomes++;
        break;
    case CHAT_PARSE_WARNING:
        add(result, "warning:", false, event->text, event->length);
        break;
    case CHAT_PARSE_STOP:
        add(result, "stop:", false, stops[event->stop], strlen(stops[event->stop]));
        result->stops++;
        break;
    }
    str_finish(&line);
}

static void feed_bytes(struct chat_parser *parser, const char *bytes, size_t length, size_t chunk)
{
    while (length > 0) {
        size_t size = chunk == 0 || chunk > length ? length : chunk;
        chat_parser_bytes(parser, bytes, size);
        bytes += size;
        length -= size;
    }
}

static void feed_spelled(struct chat_parser *parser, const char *text, size_t length, size_t chunk)
{
    size_t start = 0, at = 0;
    while (at < length) {
        enum control control = control_match(text + at, length - at);
        if (control == CONTROL_NONE) {
            at++;
            continue;
        }
        feed_bytes(parser, text + start, at - start, chunk);
        chat_parser_control(parser, control);
        at += strlen(control_spelling(control));
        start = at;
    }
    feed_bytes(parser, text + start, length - start, chunk);
}

static void feed_item(struct chat_parser *parser, const json_t *item, size_t chunk)
{
    const json_t *text = json_object_get(item, "text");
    const json_t *bytes = json_object_get(item, "bytes");
    if (json_is_string(item)) {
        feed_spelled(parser, json_string_value(item), json_string_length(item), chunk);
    } else if (text != NULL) {
        feed_bytes(parser, json_string_value(text), json_string_length(text), chunk);
    }
    for (size_t i = 0; i < json_array_size(bytes); i++) {
        char byte = (char)json_integer_value(json_array_get(bytes, i));
        feed_bytes(parser, &byte, 1, chunk);
    }
}

void stream_run(struct stream_result *result, const json_t *input,
                const struct chat_parser_options *options, size_t chunk)
{
    struct chat_parser_options own = *options;
    own.event = take_event;
    own.context = result;
    struct chat_parser *parser = chat_parser_create(&own);
    if (json_is_array(input)) {
        for (size_t i = 0; i < json_array_size(input); i++) {
            feed_item(parser, json_array_get(input, i), chunk);
        }
    } else {
        feed_item(parser, input, chunk);
    }
    chat_parser_end(parser, CHAT_STOP_LENGTH);
    chat_parser_destroy(parser);
}
