/* replay_source: a file of any of three forms as a conversation.
 *
 * The forms are told apart by what the first object is: an export has "messages"; Claude's lines
 * and Codex's lines have a "type". Claude's are read by chat/import, which knows them from that
 * program's own files; Codex's events are read here, item by item, and the result of a command
 * keeps its exit code, so that the same events come of it again.
 */
#include "command/replay_source.h"

#include <stdio.h>
#include <string.h>

#include "approval/approval.h"
#include "approval/toolset.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "chat/import.h"
#include "chat/messages_json.h"
#include "events/event_lines.h"

enum { FILE_BYTES_MAX = 256 * 1024 * 1024 };

struct reading {
    struct chat_import import;
    struct store_conversation *about;
    json_t *results; /* of commands: call id -> result */
    bool between;    /* a turn of Claude's lines begins with the next answer */
};

static const char *member(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text != NULL ? text : "";
}

static void replace(char **text, const char *with)
{
    if (with[0] != '\0') {
        mem_free(*text);
        *text = mem_strdup(with);
    }
}

static void set_id(struct store_conversation *about, const char *id)
{
    snprintf(about->id, sizeof about->id, "%s", id);
}

/* --- an export --- */

static bool read_export(const json_t *whole, struct chat_conversation *out,
                        struct store_conversation *about, struct err *err)
{
    if (!chat_messages_from_json(json_object_get(whole, "messages"), out, err)) {
        return false;
    }
    set_id(about, member(whole, "id"));
    replace(&about->workspace, member(whole, "workspace"));
    replace(&about->model, member(whole, "model"));
    return true;
}

/* --- Codex's events --- */

static bool add_call(struct reading *reading, const json_t *item, const char *name,
                     json_t *arguments, json_t *result, bool failed, struct err *err)
{
    const char *id = member(item, "id");
    bool ok = chat_import_call(&reading->import, id, name, arguments, err) &&
              chat_import_result(&reading->import, id, member(result, "output"), failed, err);
    json_object_set(reading->results, id, result);
    json_decref(arguments);
    json_decref(result);
    return ok;
}

static bool take_command(struct reading *reading, const json_t *item, struct err *err)
{
    bool declined = strcmp(member(item, "status"), "declined") == 0;
    json_t *code = json_object_get(item, "exit_code");
    json_t *result = json_pack("{ss}", "output", member(item, "aggregated_output"));
    if (json_is_integer(code)) {
        json_object_set(result, "exit_code", code);
    }
    return add_call(reading, item, "shell", json_pack("{ss}", "command", member(item, "command")),
                    result, declined || !json_is_integer(code), err);
}

/* The event does not hold what was written; the name of the file and what became of it are there.
 */
static bool take_change(struct reading *reading, const json_t *item, struct err *err)
{
    const json_t *change = json_array_get(json_object_get(item, "changes"), 0);
    const char *path = member(change, "path");
    bool added = strcmp(member(change, "kind"), "add") == 0;
    struct str output;
    str_init(&output);
    str_append_format(&output, "%s %s", added ? "created" : "changed", path);
    bool ok =
        add_call(reading, item, "write_file", json_pack("{ssss}", "path", path, "content", ""),
                 json_pack("{ss}", "output", output.data),
                 strcmp(member(item, "status"), "failed") == 0, err);
    str_finish(&output);
    return ok;
}

static bool take_tool(struct reading *reading, const json_t *item, struct err *err)
{
    const json_t *error = json_object_get(item, "error");
    json_t *result = json_object_get(item, "result");
    json_t *arguments = json_object_get(item, "arguments");
    return add_call(reading, item, member(item, "tool"),
                    json_is_object(arguments) ? json_incref(arguments) : json_object(),
                    json_is_object(result) ? json_incref(result)
                                           : json_pack("{ss}", "output", member(error, "message")),
                    json_is_object(error), err);
}

static bool take_text(struct reading *reading, const json_t *item, struct err *err)
{
    return chat_import_text(&reading->import, member(item, "text"), err);
}

static bool take_thought(struct reading *reading, const json_t *item, struct err *err)
{
    return chat_import_thought(&reading->import, member(item, "text"), err);
}

static const struct {
    const char *type;
    bool (*take)(struct reading *reading, const json_t *item, struct err *err);
} items[] = {
    {"agent_message", take_text}, {"reasoning", take_thought},  {"command_execution", take_command},
    {"file_change", take_change}, {"mcp_tool_call", take_tool},
};

static bool take_event(struct reading *reading, const json_t *event, struct err *err)
{
    const char *type = member(event, "type");
    const json_t *item = json_object_get(event, "item");
    if (strcmp(type, "thread.started") == 0) {
        set_id(reading->about, member(event, "thread_id"));
    } else if (strcmp(type, "turn.started") == 0) {
        return chat_import_user(&reading->import, "", err);
    }
    for (size_t i = 0; strcmp(type, "item.completed") == 0 && i < sizeof items / sizeof items[0];
         i++) {
        if (strcmp(items[i].type, member(item, "type")) == 0) {
            return items[i].take(reading, item, err);
        }
    }
    return true;
}

/* --- lines --- */

static bool is_codex(const char *type)
{
    return str_starts_with(type, "thread.") || str_starts_with(type, "turn.") ||
           str_starts_with(type, "item.") || strcmp(type, "error") == 0;
}

static bool take_line(struct reading *reading, const char *line, size_t length, struct err *err)
{
    json_error_t where;
    json_t *object = json_loadb(line, length, JSON_REJECT_DUPLICATES, &where);
    const char *type = member(object, "type");
    bool ok = true;
    if (object == NULL) {
        ok = err_set(err, ERR_FORMAT, "not JSON: %s", where.text);
    } else if (is_codex(type)) {
        ok = take_event(reading, object, err);
    } else if (strcmp(type, "system") == 0) {
        set_id(reading->about, member(object, "session_id"));
        replace(&reading->about->workspace, member(object, "cwd"));
        replace(&reading->about->model, member(object, "model"));
        reading->between = true;
    } else if (strcmp(type, "assistant") == 0 || strcmp(type, "user") == 0) {
        ok = (!reading->between || chat_import_user(&reading->import, "", err)) &&
             chat_import_line(&reading->import, line, length, err);
        reading->between = false;
    } else if (strcmp(type, "result") == 0) {
        reading->between = true;
    } else if (strcmp(type, "stream_event") != 0) {
        ok = err_set(err, ERR_FORMAT, "the type \"%.40s\" is no event of a recorded run", type);
    }
    json_decref(object);
    return ok;
}

static bool read_lines(struct reading *reading, const struct str *text, struct err *err)
{
    size_t number = 1;
    for (const char *at = text->data; *at != '\0'; number++) {
        size_t length = strcspn(at, "\n");
        if (strspn(at, " \t\r") < length && !take_line(reading, at, length, err)) {
            return err_prefix(err, "line %zu", number);
        }
        at += length + (at[length] == '\n');
    }
    return chat_import_end(&reading->import, err);
}

/* A result is an object, as an agent keeps it; a command's is more than its text. */
static void put_results(const json_t *results, struct chat_conversation *out)
{
    for (size_t i = 0; i < out->count; i++) {
        struct chat_message *message = &out->messages[i];
        if (message->role == CHAT_TOOL && message->result == NULL) {
            json_t *known = json_object_get(results, message->call_id);
            message->result = known != NULL
                                  ? json_incref(known)
                                  : json_pack("{so}", "output", event_lines_text(message->text));
            chat_message_set_text(message, "", 0);
        }
    }
}

static void rename_results(struct chat_conversation *out, size_t from, const char *old,
                           const char *name)
{
    for (size_t i = from; i < out->count && out->messages[i].role == CHAT_TOOL; i++) {
        if (strcmp(out->messages[i].call_id, old) == 0) {
            replace(&out->messages[i].call_id, name);
            return;
        }
    }
}

/* An agent counts its calls, so the recorded ones are named as it will name them. */
static void count_calls(struct chat_conversation *out)
{
    size_t number = 0;
    for (size_t i = 0; i < out->count; i++) {
        for (size_t k = 0; k < out->messages[i].call_count; k++) {
            struct chat_call *call = &out->messages[i].calls[k];
            char name[24];
            snprintf(name, sizeof name, "c%zu", ++number);
            rename_results(out, i + 1, call->id, name);
            replace(&call->id, name);
        }
    }
}

bool replay_source_read(const char *path, struct chat_conversation *out,
                        struct store_conversation *about, struct err *err)
{
    struct reading reading = {.about = about, .results = json_object()};
    struct str text;
    str_init(&text);
    chat_import_init(&reading.import);
    bool ok = file_read(path, FILE_BYTES_MAX, &text, err);
    json_t *whole = ok ? json_loadb(text.data, text.length, 0, NULL) : NULL;
    if (ok && json_is_array(json_object_get(whole, "messages"))) {
        ok = read_export(whole, out, about, err) || err_prefix(err, "%s", path);
    } else if (ok) {
        ok = read_lines(&reading, &text, err) || err_prefix(err, "%s", path);
        if (ok) {
            chat_conversation_finish(out);
            *out = reading.import.conversation;
            chat_conversation_init(&reading.import.conversation);
        }
    }
    if (ok) {
        put_results(reading.results, out);
        count_calls(out);
    }
    json_decref(whole);
    json_decref(reading.results);
    chat_import_finish(&reading.import);
    str_finish(&text);
    return ok;
}

/* --- tools --- */

static const char *type_of(const json_t *value)
{
    return json_is_string(value)    ? "string"
           : json_is_integer(value) ? "integer"
           : json_is_real(value)    ? "number"
           : json_is_boolean(value) ? "boolean"
           : json_is_array(value)   ? "array"
           : json_is_object(value)  ? "object"
                                    : "null";
}

/* The declaration of that name, made when there is none; its properties. */
static json_t *properties_of(json_t *tools, const char *name)
{
    size_t i;
    json_t *tool;
    json_array_foreach(tools, i, tool)
    {
        json_t *function = json_object_get(tool, "function");
        if (strcmp(member(function, "name"), name) == 0) {
            return json_object_get(json_object_get(function, "parameters"), "properties");
        }
    }
    tool = json_pack("{ss s{ss ss s{ss s{}}}}", "type", "function", "function", "name", name,
                     "description", "", "parameters", "type", "object", "properties");
    json_array_append_new(tools, tool);
    return json_object_get(json_object_get(json_object_get(tool, "function"), "parameters"),
                           "properties");
}

json_t *replay_source_tools(const struct chat_conversation *recorded)
{
    json_t *tools = json_copy((json_t *)toolset_all());
    for (size_t i = 0; i < recorded->count; i++) {
        for (size_t k = 0; k < recorded->messages[i].call_count; k++) {
            const struct chat_call *call = &recorded->messages[i].calls[k];
            const char *name;
            json_t *value;
            if (!approval_is_foreign(call->name)) {
                continue;
            }
            json_t *properties = properties_of(tools, call->name);
            json_object_foreach(call->arguments, name, value)
            {
                json_object_set_new(properties, name, json_pack("{ss}", "type", type_of(value)));
            }
        }
    }
    return tools;
}
