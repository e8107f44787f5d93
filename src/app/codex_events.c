#include "codex_events.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"

struct codex_events {
    void (*write)(void *context, const char *line, size_t length);
    void *context;
    int items; /* how many items have begun; their ids are item_0, item_1, ... */
    bool thread_started;
    int call_item; /* the item of the running call, -1 = none; one call runs at a time */
    json_t *call_arguments;
};

struct codex_events *
codex_events_create(void (*write)(void *context, const char *line, size_t length), void *context)
{
    struct codex_events *events = mem_zero(1, sizeof *events);
    events->write = write;
    events->context = context;
    events->call_item = -1;
    return events;
}

void codex_events_destroy(struct codex_events *events)
{
    if (events != NULL) {
        json_decref(events->call_arguments);
        mem_free(events);
    }
}

/* Writes and releases. */
static void emit(struct codex_events *events, json_t *object)
{
    char *line = json_dumps(object, JSON_COMPACT | JSON_ENSURE_ASCII);
    json_decref(object);
    if (line != NULL) {
        events->write(events->context, line, strlen(line));
    }
    mem_free(line);
}

static json_t *item_with_id(int number)
{
    struct str id;
    str_init(&id);
    str_append_format(&id, "item_%d", number);
    json_t *item = json_pack("{ss}", "id", id.data);
    str_finish(&id);
    return item;
}

static void emit_item(struct codex_events *events, const char *type, json_t *item)
{
    emit(events, json_pack("{ssso}", "type", type, "item", item));
}

/* agent_message and reasoning are complete when they are told of. */
static void emit_text(struct codex_events *events, const char *type, const char *text)
{
    if (text[0] == '\0') {
        return;
    }
    json_t *item = item_with_id(events->items++);
    json_object_set_new(item, "type", json_string(type));
    json_object_set_new(item, "text", json_string(text));
    emit_item(events, "item.completed", item);
}

static const char *string_member(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

static bool changes_files(const char *tool)
{
    return strcmp(tool, "write_file") == 0 || strcmp(tool, "edit_file") == 0;
}

static json_t *file_change(const json_t *arguments, const json_t *result)
{
    bool created = str_starts_with(string_member(result, "output"), "created ");
    return json_pack("[{ssss}]", "path", string_member(arguments, "path"), "kind",
                     created ? "add" : "update");
}

/* The members that a call's item has besides its id; `result` is NULL while it runs. */
static void describe_call(json_t *item, const char *tool, const json_t *arguments,
                          const json_t *result, const char *status)
{
    bool failed = strcmp(status, "failed") == 0 || strcmp(status, "declined") == 0;
    if (strcmp(tool, "shell") == 0) {
        json_object_set_new(item, "type", json_string("command_execution"));
        json_object_set_new(item, "command", json_string(string_member(arguments, "command")));
        json_object_set_new(item, "aggregated_output",
                            json_string(string_member(result, "output")));
        json_t *exit_code = json_object_get(result, "exit_code");
        json_object_set(item, "exit_code", exit_code != NULL ? exit_code : json_null());
    } else if (changes_files(tool)) {
        json_object_set_new(item, "type", json_string("file_change"));
        json_object_set_new(item, "changes", file_change(arguments, result));
    } else {
        json_object_set_new(item, "type", json_string("mcp_tool_call"));
        json_object_set_new(item, "server", json_string("carat"));
        json_object_set_new(item, "tool", json_string(tool));
        json_object_set(item, "arguments", (json_t *)arguments);
        json_object_set(item, "result", result != NULL && !failed ? (json_t *)result : json_null());
        json_object_set_new(item, "error",
                            failed ? json_pack("{ss}", "message", string_member(result, "output"))
                                   : json_null());
    }
    json_object_set_new(item, "status", json_string(status));
}

static void call_started(struct codex_events *events, const struct agent_event *event)
{
    events->call_item = events->items++;
    json_decref(events->call_arguments);
    events->call_arguments = json_deep_copy(event->arguments);
    json_t *item = item_with_id(events->call_item);
    describe_call(item, event->name, event->arguments, NULL, "in_progress");
    emit_item(events, "item.started", item);
}

static void call_finished(struct codex_events *events, const struct agent_event *event)
{
    bool ran = events->call_item >= 0;
    json_t *item = item_with_id(ran ? events->call_item : events->items++);
    const json_t *arguments = ran ? events->call_arguments : event->arguments;
    const json_t *code = json_object_get(event->result, "exit_code");
    bool failed = event->failed || (code != NULL && json_integer_value(code) != 0);
    bool command = strcmp(event->name, "shell") == 0;
    const char *status =
        event->denied && command ? "declined" : (failed || event->denied ? "failed" : "completed");
    describe_call(item, event->name, arguments, event->result, status);
    emit_item(events, "item.completed", item);
    events->call_item = -1;
}

static void turn_ended(struct codex_events *events, const struct agent_event *event)
{
    if (event->outcome == TURN_OK) {
        emit(events, json_pack("{sss{sIsIsI}}", "type", "turn.completed", "usage", "input_tokens",
                               (json_int_t)event->input_tokens, "cached_input_tokens",
                               (json_int_t)event->cached_tokens, "output_tokens",
                               (json_int_t)event->output_tokens));
    } else {
        emit(events,
             json_pack("{sss{ss}}", "type", "turn.failed", "error", "message",
                       event->text != NULL ? event->text : turn_outcome_text(event->outcome)));
    }
}

void codex_events_feed(struct codex_events *events, const struct agent_event *event,
                       const char *thread_id)
{
    switch (event->kind) {
    case AGENT_USER:
        if (!events->thread_started) {
            events->thread_started = true;
            emit(events, json_pack("{ssss}", "type", "thread.started", "thread_id", thread_id));
        }
        emit(events, json_pack("{ss}", "type", "turn.started"));
        break;
    case AGENT_MESSAGE:
        emit_text(events, "reasoning", event->message->thought);
        emit_text(events, "agent_message", event->message->text);
        break;
    case AGENT_CALL_STARTED:
        call_started(events, event);
        break;
    case AGENT_CALL_FINISHED:
        call_finished(events, event);
        break;
    case AGENT_TURN_ENDED:
        turn_ended(events, event);
        break;
    case AGENT_FAILED:
        codex_events_error(events, event->text);
        break;
    default:
        break;
    }
}

void codex_events_error(struct codex_events *events, const char *message)
{
    emit(events, json_pack("{ssss}", "type", "error", "message", message));
}
