#include "events/codex_events.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"

struct codex_events {
    struct event_lines lines;
    int items; /* how many items have begun; their ids are item_0, item_1, ... */
    bool thread_started;
    int call_item; /* the item of the running call, -1 = none; one call runs at a time */
    json_t *call_arguments;
};

static void emit(struct codex_events *events, json_t *object)
{
    event_lines_put(&events->lines, object);
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
    json_object_set_new(item, "text", event_lines_text(text));
    emit_item(events, "item.completed", item);
}

/* What the user should know and the turn survives. */
static void emit_notice(struct codex_events *events, const char *text)
{
    json_t *item = item_with_id(events->items++);
    json_object_set_new(item, "type", json_string("error"));
    json_object_set_new(item, "message", event_lines_text(text));
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

/* "mcp__SERVER__TOOL", where no server's name has a "__"; what is no server's is carat's own. */
static void name_tool(json_t *item, const char *tool)
{
    const char *server = tool + strlen("mcp__");
    const char *gap = str_starts_with(tool, "mcp__") ? strstr(server, "__") : NULL;
    json_object_set_new(item, "server",
                        gap != NULL ? json_stringn(server, (size_t)(gap - server))
                                    : json_string("carat"));
    json_object_set_new(item, "tool", json_string(gap != NULL ? gap + strlen("__") : tool));
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
        name_tool(item, tool);
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
    bool command = strcmp(event->name, "shell") == 0;
    const char *status = event->denied && command         ? "declined"
                         : event_lines_call_failed(event) ? "failed"
                                                          : "completed";
    describe_call(item, event->name, arguments, event->result, status);
    emit_item(events, "item.completed", item);
    events->call_item = -1;
}

static void turn_ended(struct codex_events *events, const struct agent_event *event)
{
    if (event_lines_turn_succeeded(&events->lines, event)) {
        emit(events, json_pack("{sss{sIsIsI}}", "type", "turn.completed", "usage", "input_tokens",
                               (json_int_t)event->input_tokens, "cached_input_tokens",
                               (json_int_t)event->cached_tokens, "output_tokens",
                               (json_int_t)event->output_tokens));
    } else {
        const char *why = event_lines_why(&events->lines, event, NULL);
        emit(events, json_pack("{sss{so}}", "type", "turn.failed", "error", "message",
                               event_lines_text(why)));
    }
}

static void codex_error(struct event_lines *lines, const char *message)
{
    event_lines_put(lines,
                    json_pack("{ssso}", "type", "error", "message", event_lines_text(message)));
}

static void codex_feed(struct event_lines *lines, const struct agent_event *event, const char *id)
{
    struct codex_events *events = (struct codex_events *)lines;
    switch (event->kind) {
    case AGENT_USER:
        if (!events->thread_started) {
            events->thread_started = true;
            emit(events, json_pack("{ssss}", "type", "thread.started", "thread_id", id));
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
    case AGENT_NOTICE:
        emit_notice(events, event->text);
        break;
    case AGENT_TURN_ENDED:
        turn_ended(events, event);
        break;
    case AGENT_FAILED:
        codex_error(lines, event->text);
        break;
    default:
        break;
    }
}

static void codex_destroy(struct event_lines *lines)
{
    struct codex_events *events = (struct codex_events *)lines;
    json_decref(events->call_arguments);
    mem_free(events);
}

static const struct event_lines_ops codex_ops = {codex_feed, codex_error, codex_destroy};

struct event_lines *codex_events_create(const struct event_lines_options *options)
{
    struct codex_events *events = mem_zero(1, sizeof *events);
    events->lines = (struct event_lines){.ops = &codex_ops, .options = *options};
    events->call_item = -1;
    return &events->lines;
}
