/* The stream parser on any bytes. The first byte chooses the options and the size of the pieces;
 * bytes from 0x01 to 0x08 are control tokens (newline and tab stay text), all others are text. What
 * must hold: one STOP, valid UTF-8 in every event, and the same events wherever the stream is cut.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/utf8.h"
#include "chat/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const enum control controls[] = {
    CONTROL_EOS,   CONTROL_CALL_OPEN,    CONTROL_CALL_CLOSE,    CONTROL_RESPONSE_OPEN,
    CONTROL_QUOTE, CONTROL_CHANNEL_OPEN, CONTROL_CHANNEL_CLOSE, CONTROL_TURN_OPEN,
};

static const char tools_text[] =
    "[{\"function\":{\"name\":\"f\",\"parameters\":{\"type\":\"object\",\"properties\":{"
    "\"a\":{\"type\":\"string\"},\"n\":{\"type\":\"integer\"},\"b\":{\"type\":\"boolean\"},"
    "\"l\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}},"
    "\"o\":{\"type\":\"object\",\"properties\":{\"x\":{\"type\":\"number\"}}}},"
    "\"required\":[\"a\"]}}}]";

struct seen {
    struct str events;
    int stops;
    enum chat_parse_event_kind last;
};

static void take_event(void *context, const struct chat_parse_event *event)
{
    struct seen *seen = context;
    bool piece = event->kind == CHAT_PARSE_TEXT || event->kind == CHAT_PARSE_THOUGHT;
    if (event->length > 0 && !utf8_valid(event->text, event->length)) {
        abort();
    }
    if (event->kind == CHAT_PARSE_CALL_BYTES) {
        return; /* a preview, in pieces */
    }
    if (event->name != NULL && !utf8_valid(event->name, strlen(event->name))) {
        abort();
    }
    if (!piece || seen->last != event->kind) {
        str_append_format(&seen->events, "\n%d:", (int)event->kind);
    }
    seen->last = event->kind;
    str_append_bytes(&seen->events, event->text, event->length);
    if (event->kind == CHAT_PARSE_CALL) {
        char *arguments = json_dumps(event->arguments, JSON_COMPACT);
        str_append(&seen->events, arguments == NULL ? (abort(), "") : arguments);
        free(arguments);
    }
    seen->stops += event->kind == CHAT_PARSE_STOP;
}

static void run(struct seen *seen, unsigned choice, const json_t *tools, size_t chunk,
                const uint8_t *data, size_t size)
{
    struct chat_parser_options options = {
        .starts_in_thought = choice & 1,
        .lenient = choice & 2,
        .tools = choice & 4 ? tools : NULL,
        .event = take_event,
        .context = seen,
    };
    struct chat_parser *parser = chat_parser_create(&options);
    for (size_t i = 0; i < size;) {
        if (data[i] >= 1 && data[i] <= sizeof controls / sizeof *controls) {
            chat_parser_control(parser, controls[data[i++] - 1]);
            continue;
        }
        size_t length = 1;
        while (i + length < size && length < chunk &&
               !(data[i + length] >= 1 && data[i + length] <= sizeof controls / sizeof *controls)) {
            length++;
        }
        chat_parser_bytes(parser, (const char *)data + i, length);
        i += length;
    }
    chat_parser_end(parser, CHAT_STOP_LENGTH);
    chat_parser_destroy(parser);
    if (seen->stops != 1) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    static json_t *tools;
    tools = tools == NULL ? json_loads(tools_text, 0, NULL) : tools;
    struct seen whole = {.last = CHAT_PARSE_STOP}, cut = {.last = CHAT_PARSE_STOP};
    str_init(&whole.events);
    str_init(&cut.events);
    run(&whole, data[0], tools, size, data + 1, size - 1);
    run(&cut, data[0], tools, 1 + (data[0] >> 3) % 7, data + 1, size - 1);
    if (strcmp(whole.events.data, cut.events.data) != 0) {
        abort();
    }
    str_finish(&whole.events);
    str_finish(&cut.events);
    return 0;
}
