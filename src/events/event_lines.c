#include "events/event_lines.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/utf8.h"

void event_lines_feed(struct event_lines *lines, const struct agent_event *event, const char *id)
{
    lines->ops->feed(lines, event, id);
}

void event_lines_set_structured(struct event_lines *lines, const json_t *value, const char *misfit)
{
    lines->structured = value;
    lines->misfit = misfit;
}

bool event_lines_turn_succeeded(const struct event_lines *lines, const struct agent_event *event)
{
    return event->outcome == TURN_OK && lines->misfit == NULL;
}

const char *event_lines_why(const struct event_lines *lines, const struct agent_event *event,
                            const char *failure)
{
    return failure != NULL                                 ? failure
           : event->outcome == TURN_OK                     ? lines->misfit
           : event->text != NULL && event->text[0] != '\0' ? event->text
                                                           : turn_outcome_text(event->outcome);
}

void event_lines_error(struct event_lines *lines, const char *message)
{
    lines->ops->error(lines, message);
}

void event_lines_destroy(struct event_lines *lines)
{
    if (lines != NULL) {
        lines->ops->destroy(lines);
    }
}

void event_lines_put(struct event_lines *lines, json_t *object)
{
    char *line = json_dumps(object, JSON_COMPACT | JSON_ENSURE_ASCII);
    json_decref(object);
    if (line != NULL) {
        lines->options.write(lines->options.context, line, strlen(line));
    }
    mem_free(line);
}

json_t *event_lines_text(const char *text)
{
    struct str repaired;
    str_init(&repaired);
    utf8_append_repaired(&repaired, text != NULL ? text : "", text != NULL ? strlen(text) : 0);
    json_t *string = json_stringn(repaired.data, repaired.length);
    str_finish(&repaired);
    return string;
}

json_t *event_lines_output(const json_t *result)
{
    json_t *output = json_object_get(result, "output");
    if (json_is_string(output)) {
        return json_incref(output);
    }
    char *whole = json_dumps(result, JSON_COMPACT | JSON_ENCODE_ANY);
    json_t *text = event_lines_text(whole);
    mem_free(whole);
    return text;
}

bool event_lines_call_failed(const struct agent_event *event)
{
    const json_t *code = json_object_get(event->result, "exit_code");
    return event->failed || event->denied || (code != NULL && json_integer_value(code) != 0);
}
