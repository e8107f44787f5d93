/* The readers of JSON lines for import.h.
 *
 * Codex, a line each:   {"type": "session_meta", "payload": {"id", "cwd"}}
 *                       {"type": "response_item", "payload": ITEM}; older files: ITEM alone
 *   ITEM: message {role, content: [{type: input_text | output_text, text}]},
 *         reasoning {summary: [{text}]}, function_call {call_id, name, arguments: JSON text},
 *         custom_tool_call {call_id, name, input}, local_shell_call {call_id, action},
 *         *_output {call_id, output: text or {content, success} or [{text}]}
 *                       {"type": "turn_context", "payload": {"model"}}
 * Claude Code:          {"type": "user" | "assistant", "cwd", "sessionId", "isMeta", "isSidechain",
 *                        "isApiErrorMessage", "uuid", "parentUuid",
 *                        "message": {model, content: text or [BLOCK]}};
 *                       {"type": "summary", "summary"}
 *   BLOCK: text {text}, thinking {thinking}, tool_use {id, name, input},
 *          tool_result {tool_use_id, content: text or [{text}], is_error}
 */
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "chat/import.h"

static const char *text_of(const json_t *object, const char *field)
{
    const char *text = json_string_value(json_object_get(object, field));
    return text != NULL ? text : "";
}

/* A text, or the texts of an array of {text}, joined. Anything else: false. */
static bool append_content(struct str *out, const json_t *content)
{
    if (json_is_string(content)) {
        str_append(out, json_string_value(content));
        return true;
    }
    size_t i;
    json_t *part;
    json_array_foreach((json_t *)content, i, part)
    {
        const char *text = json_string_value(json_object_get(part, "text"));
        if (text != NULL) {
            str_append(out, out->length > 0 ? "\n" : "");
            str_append(out, text);
        } else if (json_object_get(part, "type") != NULL) {
            str_append_format(out, "%s(%.40s)", out->length > 0 ? "\n" : "", text_of(part, "type"));
        }
    }
    return json_is_array(content);
}

/* What the program around the model told it is not what a person said. */
static bool is_surroundings(const char *text)
{
    static const char *const beginnings[] = {"<environment_context>", "<user_instructions>",
                                             "# AGENTS.md instructions", "<turn_aborted>"};
    for (size_t i = 0; i < sizeof beginnings / sizeof beginnings[0]; i++) {
        if (str_starts_with(text, beginnings[i])) {
            return true;
        }
    }
    return false;
}

/* Programs name what they wrote themselves in angle brackets. */
static void note_model(struct chat_import *import, const json_t *object)
{
    const char *model = text_of(object, "model");
    if (model[0] != '\0' && model[0] != '<') {
        str_clear(&import->model);
        str_append_format(&import->model, "%.128s", model);
    }
}

static void note_time(struct chat_import *import, const json_t *line)
{
    int64_t ms;
    if (!clock_parse(text_of(line, "timestamp"), &ms) || ms == 0) {
        return;
    }
    import->first_ms = import->first_ms == 0 || ms < import->first_ms ? ms : import->first_ms;
    import->last_ms = ms > import->last_ms ? ms : import->last_ms;
}

/* --- Codex --- */

static bool codex_message(struct chat_import *import, const json_t *item, struct err *err)
{
    const char *role = text_of(item, "role");
    struct str text;
    str_init(&text);
    bool ok = append_content(&text, json_object_get(item, "content")) ||
              err_set(err, ERR_FORMAT, "a message whose content is neither text nor a list");
    if (ok && strcmp(role, "assistant") == 0) {
        ok = chat_import_text(import, text.data, err);
    } else if (ok && strcmp(role, "user") == 0 && !is_surroundings(text.data)) {
        ok = chat_import_user(import, text.data, err);
    }
    str_finish(&text);
    return ok;
}

static bool codex_reasoning(struct chat_import *import, const json_t *item, struct err *err)
{
    struct str text;
    str_init(&text);
    append_content(&text, json_object_get(item, "summary"));
    bool ok = chat_import_thought(import, text.data, err);
    str_finish(&text);
    return ok;
}

static bool codex_call(struct chat_import *import, const json_t *item, struct err *err)
{
    const char *written = json_string_value(json_object_get(item, "arguments"));
    const json_t *given = json_object_get(item, "input");
    const json_t *action = json_object_get(item, "action");
    json_t *parsed = written != NULL
                         ? json_loads(written, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL)
                         : NULL;
    json_t *arguments = parsed != NULL    ? parsed
                        : written != NULL ? json_string(written)
                        : given != NULL   ? json_incref((json_t *)given)
                                          : json_incref((json_t *)action);
    const char *name = text_of(item, "name");
    bool ok = chat_import_call(import, text_of(item, "call_id"), name[0] != '\0' ? name : "shell",
                               arguments, err);
    json_decref(arguments);
    return ok;
}

static bool codex_result(struct chat_import *import, const json_t *item, struct err *err)
{
    const json_t *output = json_object_get(item, "output");
    const json_t *content = json_is_object(output) ? json_object_get(output, "content") : output;
    bool failed = json_is_false(json_object_get(output, "success"));
    struct str text;
    str_init(&text);
    bool ok = append_content(&text, content) ||
              err_set(err, ERR_FORMAT, "a result whose output is neither text nor a list");
    ok = ok && chat_import_result(import, text_of(item, "call_id"), text.data, failed, err);
    str_finish(&text);
    return ok;
}

static bool codex_meta(struct chat_import *import, const json_t *item, struct err *err)
{
    const char *id = text_of(item, "id");
    if (strlen(id) > 128) {
        return err_set(err, ERR_FORMAT, "an id of more than 128 bytes");
    }
    if (id[0] != '\0' && import->origin.length == 0) {
        str_append_format(&import->origin, "codex:%s", id);
        str_append(&import->workspace, text_of(item, "cwd"));
    }
    return true;
}

static const struct {
    const char *type;
    bool (*read)(struct chat_import *import, const json_t *item, struct err *err);
} codex_items[] = {
    {"message", codex_message},
    {"reasoning", codex_reasoning},
    {"function_call", codex_call},
    {"custom_tool_call", codex_call},
    {"local_shell_call", codex_call},
    {"function_call_output", codex_result},
    {"custom_tool_call_output", codex_result},
    {"local_shell_call_output", codex_result},
};

static bool codex_item(struct chat_import *import, const json_t *item, struct err *err)
{
    const char *type = text_of(item, "type");
    for (size_t i = 0; i < sizeof codex_items / sizeof codex_items[0]; i++) {
        if (strcmp(codex_items[i].type, type) == 0) {
            import->codex = true;
            return codex_items[i].read(import, item, err);
        }
    }
    return true;
}

static bool codex_line(struct chat_import *import, const json_t *line, struct err *err)
{
    const json_t *payload = json_object_get(line, "payload");
    const char *type = text_of(line, "type");
    if (strcmp(type, "session_meta") == 0) {
        import->codex = true;
        return codex_meta(import, payload, err);
    }
    if (strcmp(type, "response_item") == 0) {
        return codex_item(import, payload, err);
    }
    if (payload != NULL) {
        note_model(import, payload); /* else events and settings */
        return true;
    }
    return type[0] == '\0' ? codex_meta(import, line, err) : codex_item(import, line, err);
}

/* --- Claude Code --- */

static bool claude_result(struct chat_import *import, const json_t *block, struct err *err)
{
    const json_t *content = json_object_get(block, "content");
    struct str text;
    str_init(&text);
    bool ok = content == NULL || append_content(&text, content) ||
              err_set(err, ERR_FORMAT, "a result whose content is neither text nor a list");
    ok = ok && chat_import_result(import, text_of(block, "tool_use_id"), text.data,
                                  json_is_true(json_object_get(block, "is_error")), err);
    str_finish(&text);
    return ok;
}

static bool claude_block(struct chat_import *import, bool user, const json_t *block,
                         struct err *err)
{
    const char *type = text_of(block, "type");
    if (strcmp(type, "text") == 0) {
        return user ? chat_import_user(import, text_of(block, "text"), err)
                    : chat_import_text(import, text_of(block, "text"), err);
    }
    if (strcmp(type, "thinking") == 0) {
        return chat_import_thought(import, text_of(block, "thinking"), err);
    }
    if (strcmp(type, "tool_use") == 0) {
        return chat_import_call(import, text_of(block, "id"), text_of(block, "name"),
                                json_object_get(block, "input"), err);
    }
    if (strcmp(type, "tool_result") == 0) {
        return claude_result(import, block, err);
    }
    return !user || strcmp(type, "image") != 0 || chat_import_user(import, "(a picture)", err);
}

static bool claude_message(struct chat_import *import, const json_t *line, bool user,
                           struct err *err)
{
    const json_t *content = json_object_get(json_object_get(line, "message"), "content");
    if (json_is_string(content)) {
        const char *text = json_string_value(content);
        return user ? chat_import_user(import, text, err) : chat_import_text(import, text, err);
    }
    if (!json_is_array(content)) {
        return err_set(err, ERR_FORMAT, "a message whose content is neither text nor a list");
    }
    size_t i;
    json_t *block;
    json_array_foreach((json_t *)content, i, block)
    {
        if (!claude_block(import, user, block, err)) {
            return false;
        }
    }
    return true;
}

/* Results of calls that ran side by side follow lines that are not the last one, too. */
static bool is_prompt(const json_t *line)
{
    const json_t *content = json_object_get(json_object_get(line, "message"), "content");
    size_t i;
    json_t *block;
    json_array_foreach((json_t *)content, i, block)
    {
        if (strcmp(text_of(block, "type"), "tool_result") == 0) {
            return false;
        }
    }
    return true;
}

/* Where the line that this one follows left the conversation, or where it stands. */
static size_t place_before(const struct chat_import *import, const json_t *line)
{
    const json_t *place = json_object_get(import->places, text_of(line, "parentUuid"));
    return place != NULL ? (size_t)json_integer_value(place) : chat_import_place(import);
}

/* For those that follow it; lines that say nothing themselves stand between others too. */
static void keep_place(struct chat_import *import, const json_t *line, size_t place)
{
    const char *id = text_of(line, "uuid");
    if (id[0] != '\0') {
        import->places = import->places != NULL ? import->places : json_object();
        json_object_set_new(import->places, id, json_integer((json_int_t)place));
    }
}

static bool claude_line(struct chat_import *import, const json_t *line, struct err *err)
{
    const char *type = text_of(line, "type");
    bool user = strcmp(type, "user") == 0;
    import->claude = true;
    if (json_is_true(json_object_get(line, "isMeta")) ||
        json_is_true(json_object_get(line, "isSidechain")) ||
        json_is_true(json_object_get(line, "isApiErrorMessage"))) {
        keep_place(import, line, place_before(import, line));
        return true;
    }
    if (user && is_prompt(line)) {
        chat_import_go_back(import, place_before(import, line));
    }
    if (!user) {
        note_model(import, json_object_get(line, "message"));
    }
    if (import->origin.length == 0 && text_of(line, "sessionId")[0] != '\0') {
        str_append_format(&import->origin, "claude:%.128s", text_of(line, "sessionId"));
        str_append(&import->workspace, text_of(line, "cwd"));
    }
    bool ok = claude_message(import, line, user, err);
    keep_place(import, line, chat_import_place(import));
    return ok;
}

/* --- lines --- */

static bool read_line(struct chat_import *import, const json_t *line, struct err *err)
{
    const char *type = text_of(line, "type");
    note_time(import, line);
    bool has_message = json_is_object(json_object_get(line, "message"));
    if (has_message && (strcmp(type, "user") == 0 || strcmp(type, "assistant") == 0)) {
        return claude_line(import, line, err);
    }
    if (strcmp(type, "summary") == 0) {
        str_clear(&import->title);
        str_append(&import->title, text_of(line, "summary"));
        return true;
    }
    keep_place(import, line, place_before(import, line));
    return codex_line(import, line, err);
}

/* A line is bytes and a length: nothing says that a NUL follows. */
static bool is_blank(const char *line, size_t length)
{
    size_t at = 0;
    while (at < length && memchr(" \t\r\n", line[at], 4) != NULL) {
        at++;
    }
    return at == length;
}

bool chat_import_line(struct chat_import *import, const char *line, size_t length, struct err *err)
{
    static const char MARK[] = "\xEF\xBB\xBF"; /* of the byte order */
    if (length >= 3 && memcmp(line, MARK, 3) == 0) {
        line += 3;
        length -= 3;
    }
    if (is_blank(line, length)) {
        return true;
    }
    json_error_t problem;
    json_t *value = json_loadb(line, length, JSON_REJECT_DUPLICATES, &problem);
    if (value == NULL) {
        return err_set(err, ERR_FORMAT, "byte %d: %.200s", problem.position, problem.text);
    }
    bool ok = json_is_object(value) ? read_line(import, value, err)
                                    : err_set(err, ERR_FORMAT, "it is not a JSON object");
    json_decref(value);
    return ok && ((!import->codex || !import->claude) ||
                  err_set(err, ERR_FORMAT, "it mixes two forms of files"));
}
