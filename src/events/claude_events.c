#include "events/claude_events.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"

/* What an answer's open content block is; there is at most one. */
enum block { BLOCK_NONE, BLOCK_THINKING, BLOCK_TEXT };

struct claude_events {
    struct event_lines lines;
    char *session_id, *model;
    bool begun; /* init was written */
    int turns;  /* answers of the model so far */
    int64_t began_ms, call_began_ms, tools_ms;
    json_t *denials;
    struct str answer; /* the last one */
    char *failure;     /* AGENT_FAILED's sentence, NULL = none */

    /* Of the answer that arrives: */
    char message_id[EVENT_LINES_ID_SIZE]; /* "" = none */
    bool streaming;                       /* message_start was written */
    enum block block;
    int blocks; /* how many have begun */
};

/* --- lines --- */

static const char *session(const struct claude_events *events)
{
    return events->session_id != NULL ? events->session_id : "";
}

/* Every line says which session it belongs to and has an id of its own; takes the line over. */
static void emit(struct claude_events *events, json_t *line)
{
    if (!events->lines.options.result_only) {
        char id[EVENT_LINES_ID_SIZE];
        events->lines.options.make_id(id);
        json_object_set_new(line, "session_id", json_string(session(events)));
        json_object_set_new(line, "uuid", json_string(id));
        event_lines_put(&events->lines, line);
    } else {
        json_decref(line);
    }
}

static json_t *usage(const struct agent_event *event)
{
    size_t fresh =
        event->input_tokens > event->cached_tokens ? event->input_tokens - event->cached_tokens : 0;
    return json_pack("{sIsIsIsI}", "input_tokens", (json_int_t)fresh, "cache_creation_input_tokens",
                     (json_int_t)0, "cache_read_input_tokens", (json_int_t)event->cached_tokens,
                     "output_tokens", (json_int_t)event->output_tokens);
}

static const char *model(const struct claude_events *events)
{
    const char *wanted = events->lines.options.model;
    return events->model != NULL ? events->model : wanted != NULL ? wanted : "";
}

static json_t *tool_names(const json_t *tools)
{
    json_t *names = json_array(), *tool;
    size_t i;
    json_array_foreach((json_t *)tools, i, tool)
    {
        json_array_append(names, json_object_get(json_object_get(tool, "function"), "name"));
    }
    return names;
}

/* The model's name and the servers' tools are part of it: it waits for them, or until something
 * else must be said (`now`). */
static void begin(struct claude_events *events, bool now)
{
    static const char *const modes[] = {
        [APPROVAL_READ_ONLY] = "plan",
        [APPROVAL_ASK] = "default",
        [APPROVAL_AUTO_EDIT] = "acceptEdits",
        [APPROVAL_FULL] = "bypassPermissions",
    };
    if (events->begun) {
        return;
    }
    const struct event_lines_options *options = &events->lines.options;
    const json_t *tools = NULL;
    bool known = options->tools(options->context, &tools) && events->model != NULL;
    if (!known && !now) {
        return;
    }
    events->begun = true;
    emit(events, json_pack("{ss ss so so so so ss s[] ss ss}", "type", "system", "subtype", "init",
                           "cwd", event_lines_text(options->workspace), "tools", tool_names(tools),
                           "mcp_servers", options->servers(options->context), "model",
                           event_lines_text(model(events)), "permissionMode", modes[options->mode],
                           "slash_commands", "apiKeySource", "none", "output_style", "default"));
}

/* --- an answer while it arrives --- */

/* Takes the event over. */
static void stream(struct claude_events *events, json_t *event)
{
    emit(events,
         json_pack("{sssosn}", "type", "stream_event", "event", event, "parent_tool_use_id"));
}

static json_t *message_head(struct claude_events *events, json_t *content)
{
    if (events->message_id[0] == '\0') {
        events->lines.options.make_id(events->message_id);
    }
    struct str id;
    str_init(&id);
    str_append_format(&id, "msg_%s", events->message_id);
    json_t *head = json_pack("{ss ss ss so so sn sn}", "id", id.data, "type", "message", "role",
                             "assistant", "model", event_lines_text(model(events)), "content",
                             content, "stop_reason", "stop_sequence");
    str_finish(&id);
    return head;
}

static void start_streaming(struct claude_events *events)
{
    if (!events->streaming) {
        events->streaming = true;
        json_t *head = message_head(events, json_array());
        json_object_set_new(head, "usage", usage(&(struct agent_event){0}));
        stream(events, json_pack("{ssso}", "type", "message_start", "message", head));
    }
}

static void start_block(struct claude_events *events, json_t *content)
{
    stream(events, json_pack("{sssiso}", "type", "content_block_start", "index", events->blocks++,
                             "content_block", content));
}

static void put_delta(struct claude_events *events, const char *type, const char *key,
                      json_t *value)
{
    stream(events, json_pack("{sssis{ssso}}", "type", "content_block_delta", "index",
                             events->blocks - 1, "delta", "type", type, key, value));
}

static void stop_block(struct claude_events *events)
{
    stream(events, json_pack("{sssi}", "type", "content_block_stop", "index", events->blocks - 1));
    events->block = BLOCK_NONE;
}

static void stream_text(struct claude_events *events, enum block block,
                        const struct agent_event *event)
{
    bool thinking = block == BLOCK_THINKING;
    const char *key = thinking ? "thinking" : "text";
    start_streaming(events);
    if (events->block != BLOCK_NONE && events->block != block) {
        stop_block(events);
    }
    if (events->block == BLOCK_NONE) {
        start_block(events, json_pack("{ssss}", "type", key, key, ""));
        events->block = block;
    }
    put_delta(events, thinking ? "thinking_delta" : "text_delta", key,
              json_stringn(event->text, event->length));
}

static json_t *tool_use(const struct chat_call *call, json_t *input)
{
    return json_pack("{ssssssso}", "type", "tool_use", "id", call->id, "name", call->name, "input",
                     input);
}

static void stream_end(struct claude_events *events, const struct agent_event *event)
{
    const struct chat_message *message = event->message;
    start_streaming(events);
    if (events->block != BLOCK_NONE) {
        stop_block(events);
    }
    for (size_t i = 0; i < message->call_count; i++) {
        char *arguments = json_dumps(message->calls[i].arguments, JSON_COMPACT);
        start_block(events, tool_use(&message->calls[i], json_object()));
        put_delta(events, "input_json_delta", "partial_json", event_lines_text(arguments));
        stop_block(events);
        mem_free(arguments);
    }
    stream(events, json_pack("{sss{sssn}so}", "type", "message_delta", "delta", "stop_reason",
                             message->call_count > 0 ? "tool_use" : "end_turn", "stop_sequence",
                             "usage", usage(event)));
    stream(events, json_pack("{ss}", "type", "message_stop"));
}

/* --- answers and results --- */

static json_t *content_of(const struct chat_message *message)
{
    json_t *content = json_array();
    if (message->thought[0] != '\0') {
        json_array_append_new(content,
                              json_pack("{sssoss}", "type", "thinking", "thinking",
                                        event_lines_text(message->thought), "signature", ""));
    }
    if (message->text[0] != '\0') {
        json_array_append_new(
            content, json_pack("{ssso}", "type", "text", "text", event_lines_text(message->text)));
    }
    for (size_t i = 0; i < message->call_count; i++) {
        json_array_append_new(
            content, tool_use(&message->calls[i], json_deep_copy(message->calls[i].arguments)));
    }
    return content;
}

static void answered(struct claude_events *events, const struct agent_event *event)
{
    const struct chat_message *message = event->message;
    events->turns++;
    str_clear(&events->answer);
    str_append(&events->answer, message->text);
    if (events->lines.options.partial_messages) {
        stream_end(events, event);
    }
    json_t *whole = message_head(events, content_of(message));
    json_object_set_new(whole, "usage", usage(event));
    emit(events,
         json_pack("{sssosn}", "type", "assistant", "message", whole, "parent_tool_use_id"));
    events->message_id[0] = '\0';
    events->streaming = false;
    events->blocks = 0;
}

static void call_finished(struct claude_events *events, const struct agent_event *event)
{
    if (events->call_began_ms != 0) {
        events->tools_ms += events->lines.options.wall_ms() - events->call_began_ms;
        events->call_began_ms = 0;
    }
    if (event->denied) {
        json_array_append_new(events->denials,
                              json_pack("{sssssO}", "tool_name", event->name, "tool_use_id",
                                        event->call_id, "tool_input", event->arguments));
    }
    json_t *result =
        json_pack("{sssssosb}", "type", "tool_result", "tool_use_id", event->call_id, "content",
                  event_lines_output(event->result), "is_error", event_lines_call_failed(event));
    emit(events, json_pack("{sss{sss[o]}sn}", "type", "user", "message", "role", "user", "content",
                           result, "parent_tool_use_id"));
}

/* The one line that result_only lets through. */
static void put_result(struct claude_events *events, const char *subtype, const char *text,
                       const struct agent_event *event)
{
    int64_t now = events->lines.options.wall_ms();
    int64_t total = events->began_ms != 0 ? now - events->began_ms : 0;
    int64_t model_ms = total > events->tools_ms ? total - events->tools_ms : 0;
    char id[EVENT_LINES_ID_SIZE];
    events->lines.options.make_id(id);
    json_t *line =
        json_pack("{ss ss sb sI sI si so ss si so sO ss}", "type", "result", "subtype", subtype,
                  "is_error", strcmp(subtype, "success") != 0, "duration_ms", (json_int_t)total,
                  "duration_api_ms", (json_int_t)model_ms, "num_turns", events->turns, "result",
                  event_lines_text(text), "session_id", session(events), "total_cost_usd", 0,
                  "usage", usage(event), "permission_denials", events->denials, "uuid", id);
    if (strcmp(subtype, "success") == 0 && events->lines.structured != NULL) {
        json_object_set(line, "structured_output", (json_t *)events->lines.structured);
    }
    event_lines_put(&events->lines, line);
}

static void turn_ended(struct claude_events *events, const struct agent_event *event)
{
    const char *subtype = event_lines_turn_succeeded(&events->lines, event) ? "success"
                          : event->outcome == TURN_OK ? "error_max_structured_output_retries"
                          : event->outcome == TURN_STEP_LIMIT ? "error_max_turns"
                                                              : "error_during_execution";
    bool fine = strcmp(subtype, "success") == 0;
    put_result(events, subtype,
               fine ? events->answer.data : event_lines_why(&events->lines, event, events->failure),
               event);
}

static void replace(char **kept, const char *text)
{
    char *copy = text != NULL ? mem_strdup(text) : NULL;
    mem_free(*kept);
    *kept = copy;
}

static void user_spoke(struct claude_events *events, const char *id)
{
    replace(&events->session_id, id);
    events->began_ms = events->lines.options.wall_ms();
    events->tools_ms = 0;
    events->turns = 0;
    replace(&events->failure, NULL);
    json_array_clear(events->denials);
}

/* --- the interface --- */

static void claude_feed(struct event_lines *lines, const struct agent_event *event, const char *id)
{
    struct claude_events *events = (struct claude_events *)lines;
    switch (event->kind) {
    case AGENT_USER:
        user_spoke(events, id);
        break;
    case AGENT_READY:
        replace(&events->model, event->name);
        break;
    case AGENT_TEXT:
    case AGENT_THOUGHT:
        if (lines->options.partial_messages) {
            begin(events, true);
            stream_text(events, event->kind == AGENT_TEXT ? BLOCK_TEXT : BLOCK_THINKING, event);
        }
        break;
    case AGENT_MESSAGE:
        begin(events, true);
        answered(events, event);
        break;
    case AGENT_CALL_STARTED:
        events->call_began_ms = lines->options.wall_ms();
        break;
    case AGENT_CALL_FINISHED:
        call_finished(events, event);
        break;
    case AGENT_FAILED:
        replace(&events->failure, event->text);
        break;
    case AGENT_TURN_ENDED:
        begin(events, true);
        turn_ended(events, event);
        break;
    default:
        break;
    }
    if (events->session_id != NULL) {
        begin(events, false);
    }
}

static void claude_error(struct event_lines *lines, const char *message)
{
    put_result((struct claude_events *)lines, "error_during_execution", message,
               &(struct agent_event){0});
}

static void claude_destroy(struct event_lines *lines)
{
    struct claude_events *events = (struct claude_events *)lines;
    json_decref(events->denials);
    str_finish(&events->answer);
    mem_free(events->session_id);
    mem_free(events->model);
    mem_free(events->failure);
    mem_free(events);
}

static const struct event_lines_ops claude_ops = {claude_feed, claude_error, claude_destroy};

struct event_lines *claude_events_create(const struct event_lines_options *options)
{
    struct claude_events *events = mem_zero(1, sizeof *events);
    events->lines = (struct event_lines){.ops = &claude_ops, .options = *options};
    events->denials = json_array();
    str_init(&events->answer);
    return &events->lines;
}
