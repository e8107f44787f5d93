#include "events/gemini_events.h"

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"

struct gemini_events {
    struct event_lines lines;
    char *session_id, *model;
    struct str prompt; /* said after init, which waits for the model */
    bool begun;
    int64_t began_ms;
    int calls;
    char *failure; /* AGENT_FAILED's sentence, NULL = none */
};

/* "2026-01-31T12:34:56.789Z" */
static json_t *timestamp(const struct gemini_events *events)
{
    char text[CLOCK_UTC_SIZE];
    clock_utc(events->lines.options.wall_ms(), text);
    return json_string(text);
}

/* The members follow type and timestamp; they are taken over. */
static void emit(struct gemini_events *events, const char *type, json_t *members)
{
    json_t *line = json_pack("{ssso}", "type", type, "timestamp", timestamp(events));
    json_object_update(line, members);
    json_decref(members);
    event_lines_put(&events->lines, line);
}

static const char *model(const struct gemini_events *events)
{
    const char *wanted = events->lines.options.model;
    return events->model != NULL ? events->model : wanted != NULL ? wanted : "";
}

static void put_prompt(struct gemini_events *events)
{
    emit(events, "message",
         json_pack("{ssso}", "role", "user", "content", event_lines_text(events->prompt.data)));
}

static void begin(struct gemini_events *events)
{
    if (events->begun || events->session_id == NULL) {
        return;
    }
    events->begun = true;
    emit(events, "init",
         json_pack("{ssso}", "session_id", events->session_id, "model",
                   event_lines_text(model(events))));
    put_prompt(events);
}

static void put_error(struct gemini_events *events, const char *severity, const char *message)
{
    emit(events, "error",
         json_pack("{ssso}", "severity", severity, "message", event_lines_text(message)));
}

static void call_asked(struct gemini_events *events, const struct agent_event *event)
{
    events->calls++;
    emit(events, "tool_use",
         json_pack("{sssssO}", "tool_name", event->name, "tool_id", event->call_id, "parameters",
                   event->arguments));
}

static void call_finished(struct gemini_events *events, const struct agent_event *event)
{
    bool failed = event_lines_call_failed(event);
    json_t *members =
        json_pack("{ssss}", "tool_id", event->call_id, "status", failed ? "error" : "success");
    json_t *output = event_lines_output(event->result);
    if (failed) {
        json_object_set_new(members, "error",
                            json_pack("{sssO}", "type", event->denied ? "denied" : "tool_error",
                                      "message", output));
    }
    json_object_set_new(members, "output", output);
    emit(events, "tool_result", members);
}

static json_t *tokens(const struct agent_event *event)
{
    size_t input = event->input_tokens, cached = event->cached_tokens;
    return json_pack(
        "{sIsIsIsIsI}", "total_tokens", (json_int_t)input + (json_int_t)event->output_tokens,
        "input_tokens", (json_int_t)input, "output_tokens", (json_int_t)event->output_tokens,
        "cached", (json_int_t)cached, "input", (json_int_t)(input > cached ? input - cached : 0));
}

static void turn_ended(struct gemini_events *events, const struct agent_event *event)
{
    json_t *stats = tokens(event), *models = json_object();
    int64_t spent = events->lines.options.wall_ms() - events->began_ms;
    json_object_set_new(models, model(events), tokens(event));
    json_object_set_new(stats, "duration_ms", json_integer((json_int_t)spent));
    json_object_set_new(stats, "tool_calls", json_integer(events->calls));
    json_object_set_new(stats, "models", models);
    bool succeeded = event_lines_turn_succeeded(&events->lines, event);
    json_t *members = json_pack("{ss}", "status", succeeded ? "success" : "error");
    if (!succeeded) {
        const char *why = event_lines_why(&events->lines, event, events->failure);
        const char *type = event->outcome == TURN_CANCELLED    ? "cancelled"
                           : event->outcome == TURN_STEP_LIMIT ? "max_turns"
                           : event->outcome == TURN_OK         ? "schema"
                                                               : "failed";
        json_object_set_new(members, "error",
                            json_pack("{ssso}", "type", type, "message", event_lines_text(why)));
    }
    json_object_set_new(members, "stats", stats);
    emit(events, "result", members);
}

static void replace(char **kept, const char *text)
{
    char *copy = text != NULL ? mem_strdup(text) : NULL;
    mem_free(*kept);
    *kept = copy;
}

static void user_spoke(struct gemini_events *events, const struct agent_event *event,
                       const char *id)
{
    replace(&events->session_id, id);
    replace(&events->failure, NULL);
    str_clear(&events->prompt);
    str_append_bytes(&events->prompt, event->text, event->length);
    events->began_ms = events->lines.options.wall_ms();
    events->calls = 0;
    if (events->begun) {
        put_prompt(events); /* of a later turn of the same session */
    }
}

static void gemini_feed(struct event_lines *lines, const struct agent_event *event, const char *id)
{
    struct gemini_events *events = (struct gemini_events *)lines;
    if (event->kind == AGENT_USER) {
        user_spoke(events, event, id);
    } else {
        if (event->kind == AGENT_READY) {
            replace(&events->model, event->name);
        }
        begin(events);
    }
    switch (event->kind) {
    case AGENT_TEXT:
        emit(events, "message",
             json_pack("{sssosb}", "role", "assistant", "content",
                       json_stringn(event->text, event->length), "delta", true));
        break;
    case AGENT_CALL:
        call_asked(events, event);
        break;
    case AGENT_CALL_FINISHED:
        call_finished(events, event);
        break;
    case AGENT_NOTICE:
        put_error(events, "warning", event->text);
        break;
    case AGENT_FAILED:
        replace(&events->failure, event->text);
        put_error(events, "error", event->text);
        break;
    case AGENT_TURN_ENDED:
        turn_ended(events, event);
        break;
    default:
        break;
    }
}

static void gemini_error(struct event_lines *lines, const char *message)
{
    put_error((struct gemini_events *)lines, "error", message);
}

static void gemini_destroy(struct event_lines *lines)
{
    struct gemini_events *events = (struct gemini_events *)lines;
    str_finish(&events->prompt);
    mem_free(events->session_id);
    mem_free(events->model);
    mem_free(events->failure);
    mem_free(events);
}

static const struct event_lines_ops gemini_ops = {gemini_feed, gemini_error, gemini_destroy};

struct event_lines *gemini_events_create(const struct event_lines_options *options)
{
    struct gemini_events *events = mem_zero(1, sizeof *events);
    events->lines = (struct event_lines){.ops = &gemini_ops, .options = *options};
    str_init(&events->prompt);
    return &events->lines;
}
