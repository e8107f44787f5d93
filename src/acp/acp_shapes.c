#include "acp/acp_shapes.h"

#include <string.h>

#include "agent/preview.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/visible.h"
#include "events/event_lines.h"
#include "rpc/json_rpc.h"

static json_t *text_block(const char *text, size_t length)
{
    return json_pack("{ssso}", "type", "text", "text", json_rpc_text(text, length));
}

/* The content of a tool call: a text. */
static json_t *said(const char *text, size_t length)
{
    return json_pack("{ssso}", "type", "content", "content", text_block(text, length));
}

json_t *acp_shapes_agent(bool pictures, bool sounds, const char *version)
{
    return json_pack("{si s{sb s{sb sb sb} s{sb sb} s{s{} s{} s{}}} s{ss ss ss} s[]}",
                     "protocolVersion", (int)ACP_SHAPES_VERSION, "agentCapabilities", "loadSession",
                     1, "promptCapabilities", "image", (int)pictures, "audio", (int)sounds,
                     "embeddedContext", 1, "mcpCapabilities", "http", 0, "sse", 0,
                     "sessionCapabilities", "list", "resume", "close", "agentInfo", "name", "carat",
                     "title", "carat", "version", version, "authMethods");
}

/* --- modes --- */

static const struct {
    const char *name, *help;
} modes[] = {
    [APPROVAL_READ_ONLY] = {"Read only", "Reads; changes nothing and runs no command."},
    [APPROVAL_ASK] = {"Ask", "Asks before it changes a file or runs a command."},
    [APPROVAL_AUTO_EDIT] = {"Auto edit", "Changes files without asking; asks before commands."},
    [APPROVAL_FULL] = {"Full", "Asks nothing; the sandbox is the boundary."},
};

json_t *acp_shapes_modes(enum approval_mode now, enum approval_mode ceiling)
{
    json_t *list = json_array();
    for (size_t i = 0; i < sizeof modes / sizeof modes[0] && i <= (size_t)ceiling; i++) {
        json_array_append_new(list,
                              json_pack("{ssssss}", "id", approval_mode_name((enum approval_mode)i),
                                        "name", modes[i].name, "description", modes[i].help));
    }
    return json_pack("{ssso}", "currentModeId", approval_mode_name(now), "availableModes", list);
}

json_t *acp_shapes_mode(enum approval_mode mode)
{
    return json_pack("{ssss}", "sessionUpdate", "current_mode_update", "currentModeId",
                     approval_mode_name(mode));
}

/* --- text --- */

json_t *acp_shapes_chunk(const char *kind, const char *text, size_t length)
{
    return json_pack("{ssso}", "sessionUpdate", kind, "content", text_block(text, length));
}

json_t *acp_shapes_usage(size_t used, size_t size)
{
    return json_pack("{sssIsI}", "sessionUpdate", "usage_update", "used", (json_int_t)used, "size",
                     (json_int_t)size);
}

/* --- calls --- */

static const char *kind_of(const char *tool)
{
    static const struct {
        const char *tool, *kind;
    } kinds[] = {
        {"shell", "execute"},    {"read_file", "read"},    {"write_file", "edit"},
        {"edit_file", "edit"},   {"list_files", "search"}, {"search_files", "search"},
        {"http_fetch", "fetch"}, {"more_output", "read"},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(kinds[i].tool, tool) == 0) {
            return kinds[i].kind;
        }
    }
    return "other";
}

/* "shell: ls -la": the tool and what it is about, in one line. */
static json_t *title(const char *name, const json_t *arguments)
{
    enum { TITLE_BYTES = 300 };
    static const char *const subjects[] = {"command", "path", "url", "pattern"};
    struct str line, safe;
    str_init(&line);
    str_init(&safe);
    str_append(&line, name);
    for (size_t i = 0; i < sizeof subjects / sizeof subjects[0]; i++) {
        const char *text = json_string_value(json_object_get(arguments, subjects[i]));
        if (text != NULL) {
            str_append_format(&line, " %s", text);
        }
    }
    if (line.length > TITLE_BYTES) {
        str_truncate(&line, TITLE_BYTES);
        str_append(&line, "...");
    }
    visible_append(&safe, line.data, line.length, VISIBLE_APPROVAL);
    json_t *value = json_rpc_text(safe.data, safe.length);
    str_finish(&line);
    str_finish(&safe);
    return value;
}

static json_t *absolute(const char *workspace, const char *path)
{
    struct str whole;
    str_init(&whole);
    str_append_format(&whole, "%s%s%s", path[0] == '/' ? "" : workspace, path[0] == '/' ? "" : "/",
                      path);
    json_t *value = json_rpc_text(whole.data, whole.length);
    str_finish(&whole);
    return value;
}

static void add_locations(json_t *call, const char *workspace, const json_t *arguments)
{
    const char *path = json_string_value(json_object_get(arguments, "path"));
    json_t *line = json_object_get(arguments, "start_line");
    if (path == NULL) {
        return;
    }
    json_t *location = json_pack("{so}", "path", absolute(workspace, path));
    if (json_is_integer(line) && json_integer_value(line) > 0) {
        json_object_set(location, "line", line);
    }
    json_object_set_new(call, "locations", json_pack("[o]", location));
}

/* What a file change would do, when that can be told. */
static void add_difference(json_t *call, const char *workspace, const char *name,
                           const json_t *arguments)
{
    struct str before, after;
    bool is_new = false;
    str_init(&before);
    str_init(&after);
    if (preview_change(workspace, name, arguments, &before, &after, &is_new)) {
        const char *path = json_string_value(json_object_get(arguments, "path"));
        json_object_set_new(
            call, "content",
            json_pack("[{ss so so so}]", "type", "diff", "path", absolute(workspace, path),
                      "oldText", is_new ? json_null() : json_rpc_text(before.data, before.length),
                      "newText", json_rpc_text(after.data, after.length)));
    }
    str_finish(&before);
    str_finish(&after);
}

static json_t *describe(const char *workspace, const char *call_id, const char *name,
                        const json_t *arguments, bool past)
{
    json_t *call =
        json_pack("{ss so ss ss sO}", "toolCallId", call_id, "title", title(name, arguments),
                  "kind", kind_of(name), "status", "pending", "rawInput", arguments);
    add_locations(call, workspace, arguments);
    if (!past) {
        add_difference(call, workspace, name, arguments);
    }
    return call;
}

json_t *acp_shapes_call(const char *workspace, const char *call_id, const char *name,
                        const json_t *arguments, bool past)
{
    json_t *call = describe(workspace, call_id, name, arguments, past);
    json_object_set_new(call, "sessionUpdate", json_string("tool_call"));
    return call;
}

static json_t *update(const char *call_id, const char *status)
{
    return json_pack("{ssssss}", "sessionUpdate", "tool_call_update", "toolCallId", call_id,
                     "status", status);
}

json_t *acp_shapes_call_started(const char *call_id)
{
    return update(call_id, "in_progress");
}

json_t *acp_shapes_call_output(const char *call_id, const char *text, size_t length)
{
    json_t *call = update(call_id, "in_progress");
    json_object_set_new(call, "content", json_pack("[o]", said(text, length)));
    return call;
}

json_t *acp_shapes_call_ended(const char *call_id, const char *name, const json_t *result,
                              bool failed)
{
    const json_t *code = json_object_get(result, "exit_code");
    bool bad = failed || (code != NULL && json_integer_value(code) != 0);
    json_t *call = update(call_id, bad ? "failed" : "completed");
    json_object_set(call, "rawOutput", (json_t *)result);
    /* The difference that was shown stays in its place. */
    if (bad || strcmp(kind_of(name), "edit") != 0) {
        json_t *text = event_lines_output(result);
        json_object_set_new(
            call, "content",
            json_pack("[o]", said(json_string_value(text), json_string_length(text))));
        json_decref(text);
    }
    return call;
}

/* --- approval --- */

static const struct {
    const char *id, *name, *kind;
    enum approval_answer answer;
} answers[] = {
    {"allow-once", "Allow", "allow_once", APPROVAL_YES},
    {"allow-session", "Allow this call until carat ends", "allow_always", APPROVAL_YES_SESSION},
    {"allow-always", "Always allow ", "allow_always", APPROVAL_YES_ALWAYS},
    {"reject", "Reject", "reject_once", APPROVAL_NO},
};

/* An editor cannot draw the text as something else than it is. */
static bool is_plain(const char *text)
{
    struct str shown;
    bool plain = true;
    str_init(&shown);
    while (plain && *text != '\0') {
        size_t length = strcspn(text, "\t\r\n");
        str_clear(&shown);
        visible_append(&shown, text, length, VISIBLE_APPROVAL);
        plain = shown.length == length && memcmp(shown.data, text, length) == 0;
        text += length + strspn(text + length, "\t\r\n");
    }
    str_finish(&shown);
    return plain;
}

/* A difference is the file's own bytes; what the question spells out goes with one that needs it.
 */
static bool is_deceptive(const json_t *arguments)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)arguments, name, value)
    {
        if (json_is_string(value) && !is_plain(json_string_value(value))) {
            return true;
        }
    }
    return false;
}

json_t *acp_shapes_permission(const char *session, const char *workspace,
                              const struct agent_event *event, const char *rule)
{
    json_t *options = json_array();
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        bool always = answers[i].answer == APPROVAL_YES_ALWAYS;
        if (always && rule == NULL) {
            continue;
        }
        struct str name;
        str_init(&name);
        str_append(&name, answers[i].name);
        if (always) {
            visible_append(&name, rule, strlen(rule), VISIBLE_APPROVAL);
        }
        json_array_append_new(options, json_pack("{sssoss}", "optionId", answers[i].id, "name",
                                                 json_rpc_text(name.data, name.length), "kind",
                                                 answers[i].kind));
        str_finish(&name);
    }
    json_t *call = describe(workspace, event->call_id, event->name, event->arguments, false);
    json_t *content = json_object_get(call, "content");
    if (content == NULL) {
        content = json_array();
        json_object_set_new(call, "content", content);
    }
    if (json_array_size(content) == 0 || is_deceptive(event->arguments)) {
        json_array_append_new(content, said(event->text, event->length));
    }
    return json_pack("{sssoso}", "sessionId", session, "toolCall", call, "options", options);
}

bool acp_shapes_decision(const json_t *result, enum approval_answer *answer)
{
    const json_t *outcome = json_object_get(result, "outcome");
    const char *kind = json_string_value(json_object_get(outcome, "outcome"));
    const char *option = json_string_value(json_object_get(outcome, "optionId"));
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        if (kind != NULL && strcmp(kind, "selected") == 0 && option != NULL &&
            strcmp(option, answers[i].id) == 0) {
            *answer = answers[i].answer;
            return true;
        }
    }
    return false;
}

bool acp_shapes_withdrawn(const json_t *result)
{
    const char *kind =
        json_string_value(json_object_get(json_object_get(result, "outcome"), "outcome"));
    return kind != NULL && strcmp(kind, "cancelled") == 0;
}

const char *acp_shapes_stop_reason(enum turn_outcome outcome)
{
    static const char *const reasons[] = {
        [TURN_OK] = "end_turn",
        [TURN_CANCELLED] = "cancelled",
        [TURN_STEP_LIMIT] = "max_turn_requests",
        [TURN_TOKEN_LIMIT] = "max_tokens",
        [TURN_DENIED] = "refusal",
        [TURN_REPEATED] = "max_turn_requests",
        [TURN_NO_SANDBOX] = NULL,
        [TURN_FAILED] = NULL,
    };
    return reasons[outcome];
}
