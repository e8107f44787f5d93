/* Text through the stream parser into JSON. See the header. */
#include "chat/turn_json.h"

#include <string.h>

#include "base/str.h"
#include "chat/control.h"
#include "chat/parse.h"

struct turn {
    struct str thought, text;
    json_t *calls, *errors;
};

static void take_event(void *context, const struct chat_parse_event *event)
{
    struct turn *turn = context;
    switch (event->kind) {
    case CHAT_PARSE_TEXT:
        str_append_bytes(&turn->text, event->text, event->length);
        break;
    case CHAT_PARSE_THOUGHT:
        str_append_bytes(&turn->thought, event->text, event->length);
        break;
    case CHAT_PARSE_CALL:
        json_array_append_new(turn->calls, json_pack("{s:s, s:O}", "name", event->name, "arguments",
                                                     event->arguments));
        break;
    case CHAT_PARSE_CALL_ERROR:
        json_array_append_new(turn->errors, json_stringn(event->text, event->length));
        break;
    case CHAT_PARSE_CALL_BEGIN:
    case CHAT_PARSE_CALL_BYTES:
    case CHAT_PARSE_WARNING:
    case CHAT_PARSE_STOP:
        break;
    }
}

static void feed(struct chat_parser *parser, const char *text, size_t length)
{
    const char *end = text + length;
    while (text < end && chat_parser_stop(parser) == CHAT_STOP_NONE) {
        enum control control = control_match(text, (size_t)(end - text));
        if (control != CONTROL_NONE) {
            chat_parser_control(parser, control);
            text += strlen(control_spelling(control));
            continue;
        }
        const char *next = memchr(text + 1, '<', (size_t)(end - text - 1));
        size_t plain = (size_t)((next == NULL ? end : next) - text);
        chat_parser_bytes(parser, text, plain);
        text += plain;
    }
}

static const char *stop_name(enum chat_stop stop)
{
    switch (stop) {
    case CHAT_STOP_TURN:
        return "turn";
    case CHAT_STOP_EOS:
        return "eos";
    case CHAT_STOP_RESPONSE:
        return "response";
    case CHAT_STOP_LOOP:
        return "loop";
    default:
        return "none";
    }
}

json_t *chat_turn_to_json(const char *text, size_t length, bool lenient)
{
    struct turn turn = {.calls = json_array(), .errors = json_array()};
    struct chat_parser_options options = {
        .lenient = lenient, .event = take_event, .context = &turn};
    str_init(&turn.thought);
    str_init(&turn.text);
    struct chat_parser *parser = chat_parser_create(&options);
    feed(parser, text, length);
    chat_parser_end(parser, CHAT_STOP_LENGTH);
    json_t *result =
        json_pack("{s:s%, s:s%, s:o, s:s, s:o}", "thought", turn.thought.data, turn.thought.length,
                  "text", turn.text.data, turn.text.length, "calls", turn.calls, "stop",
                  stop_name(chat_parser_stop(parser)), "errors", turn.errors);
    chat_parser_destroy(parser);
    str_finish(&turn.thought);
    str_finish(&turn.text);
    return result;
}
