/* Reading and writing of OpenAI-form messages. Unknown fields are passed over, because exports
 * carry many; a field that is known and has another type than it should is an error, because
 * guessing would change what was said.
 */
#include "chat/messages_json.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/utf8.h"

/* --- reading --- */

/* A string field into *out (which it replaces). Absent and null are fine unless `required`. */
static bool read_string(const json_t *object, const char *field, bool required, char **out,
                        struct err *err)
{
    const json_t *value = json_object_get(object, field);
    if (value == NULL || json_is_null(value)) {
        return !required || err_set(err, ERR_FORMAT, "%s: missing", field);
    }
    if (!json_is_string(value)) {
        return err_set(err, ERR_FORMAT, "%s: not a string", field);
    }
    if (strlen(json_string_value(value)) != json_string_length(value)) {
        return err_set(err, ERR_FORMAT, "%s: holds a NUL character", field);
    }
    mem_free(*out);
    *out = mem_strdup(json_string_value(value));
    return true;
}

static bool read_part(const json_t *value, struct chat_part *part, struct err *err)
{
    static const struct {
        const char *type;
        enum chat_part_kind kind;
    } types[] = {
        {"text", CHAT_PART_TEXT},         {"image", CHAT_PART_IMAGE},
        {"image_url", CHAT_PART_IMAGE},   {"audio", CHAT_PART_AUDIO},
        {"input_audio", CHAT_PART_AUDIO}, {"video", CHAT_PART_VIDEO},
    };
    const char *type = json_string_value(json_object_get(value, "type"));
    if (type == NULL) {
        return err_set(err, ERR_FORMAT, "type: missing");
    }
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (strcmp(type, types[i].type) == 0) {
            part->kind = types[i].kind;
            return part->kind != CHAT_PART_TEXT ||
                   read_string(value, "text", true, &part->text, err);
        }
    }
    return err_set(err, ERR_FORMAT, "type: \"%.40s\" is none of text, image, audio, video", type);
}

static bool read_parts(const json_t *content, struct chat_message *message, struct err *err)
{
    size_t count = json_array_size(content);
    message->parts = mem_zero(count + 1, sizeof *message->parts);
    for (size_t i = 0; i < count; i++) {
        message->part_count = i + 1;
        if (!read_part(json_array_get(content, i), &message->parts[i], err)) {
            return err_prefix(err, "content[%zu]", i);
        }
    }
    return true;
}

static bool read_content(const json_t *value, struct chat_message *message, struct err *err)
{
    const json_t *content = json_object_get(value, "content");
    if (json_is_array(content)) {
        return read_parts(content, message, err);
    }
    if (content != NULL && !json_is_string(content) && message->role == CHAT_TOOL) {
        message->result = json_deep_copy(content);
        return true;
    }
    if (content != NULL && !json_is_string(content) && !json_is_null(content)) {
        return err_set(err, ERR_FORMAT, "content: neither a string nor an array of parts");
    }
    return read_string(value, "content", message->role != CHAT_MODEL, &message->text, err);
}

static json_t *read_arguments(const json_t *arguments, struct err *err)
{
    if (arguments == NULL || json_is_null(arguments)) {
        return json_object();
    }
    json_t *object = NULL;
    if (json_is_string(arguments)) {
        object = json_loadb(json_string_value(arguments), json_string_length(arguments), 0, NULL);
    } else if (json_is_object(arguments)) {
        object = json_deep_copy(arguments);
    }
    if (!json_is_object(object)) {
        json_decref(object);
        err_set(err, ERR_FORMAT,
                "function: arguments: neither an object nor a string that holds one");
        return NULL;
    }
    return object;
}

static bool read_call(const json_t *value, struct chat_message *message, struct err *err)
{
    const json_t *function = json_object_get(value, "function");
    char *id = mem_strdup(""), *name = mem_strdup("");
    bool ok = read_string(value, "id", false, &id, err);
    if (ok && !read_string(function, "name", true, &name, err)) {
        ok = err_prefix(err, "function");
    }
    json_t *arguments = ok ? read_arguments(json_object_get(function, "arguments"), err) : NULL;
    if (arguments != NULL) {
        chat_message_add_call(message, id, name, arguments);
    }
    mem_free(id);
    mem_free(name);
    return arguments != NULL;
}

static bool read_calls(const json_t *value, struct chat_message *message, struct err *err)
{
    const json_t *calls = json_object_get(value, "tool_calls");
    if (calls != NULL && !json_is_array(calls) && !json_is_null(calls)) {
        return err_set(err, ERR_FORMAT, "tool_calls: not an array");
    }
    for (size_t i = 0; i < json_array_size(calls); i++) {
        if (!read_call(json_array_get(calls, i), message, err)) {
            return err_prefix(err, "tool_calls[%zu]", i);
        }
    }
    return true;
}

static bool read_role(const json_t *value, enum chat_role *role, struct err *err)
{
    static const struct {
        const char *name;
        enum chat_role role;
    } roles[] = {
        {"system", CHAT_SYSTEM},   {"developer", CHAT_SYSTEM}, {"user", CHAT_USER},
        {"assistant", CHAT_MODEL}, {"model", CHAT_MODEL},      {"tool", CHAT_TOOL},
    };
    const char *name = json_string_value(json_object_get(value, "role"));
    for (size_t i = 0; name != NULL && i < sizeof roles / sizeof *roles; i++) {
        if (strcmp(name, roles[i].name) == 0) {
            *role = roles[i].role;
            return true;
        }
    }
    return err_set(err, ERR_FORMAT,
                   "role: %s%.40s is none of system, developer, user, assistant, tool",
                   name == NULL ? "missing, or " : "", name == NULL ? "what is there" : name);
}

static bool read_message(const json_t *value, struct chat_message *message, struct err *err)
{
    if (!read_content(value, message, err)) {
        return false;
    }
    if (message->role == CHAT_TOOL) {
        return read_string(value, "tool_call_id", false, &message->call_id, err) &&
               read_string(value, "name", false, &message->call_name, err);
    }
    if (message->role == CHAT_MODEL) {
        return read_string(value, "reasoning", false, &message->thought, err) &&
               (message->thought[0] != '\0' ||
                read_string(value, "reasoning_content", false, &message->thought, err)) &&
               read_calls(value, message, err);
    }
    return true;
}

bool chat_messages_from_json(const json_t *messages, struct chat_conversation *out, struct err *err)
{
    if (!json_is_array(messages)) {
        return err_set(err, ERR_FORMAT, "messages: not an array");
    }
    for (size_t i = 0; i < json_array_size(messages); i++) {
        const json_t *value = json_array_get(messages, i);
        enum chat_role role = CHAT_USER;
        struct chat_message message;
        bool ok = read_role(value, &role, err);
        chat_message_init(&message, role);
        if (!ok || !read_message(value, &message, err)) {
            chat_message_finish(&message);
            chat_conversation_finish(out);
            return err_prefix(err, "messages[%zu]", i);
        }
        chat_conversation_add(out, &message);
    }
    return true;
}

/* --- writing --- */

static void set_text(json_t *object, const char *field, const char *text)
{
    /* jansson refuses invalid UTF-8, and nothing that was said may be lost for one byte. */
    json_t *string = json_string(text);
    if (string == NULL) {
        struct str repaired;
        str_init(&repaired);
        utf8_append_repaired(&repaired, text, strlen(text));
        string = json_string(repaired.data);
        str_finish(&repaired);
    }
    json_object_set_new(object, field, string);
}

static json_t *parts_to_json(const struct chat_message *message)
{
    static const char *const types[] = {
        [CHAT_PART_TEXT] = "text",
        [CHAT_PART_IMAGE] = "image",
        [CHAT_PART_AUDIO] = "audio",
        [CHAT_PART_VIDEO] = "video",
    };
    json_t *parts = json_array();
    if (message->result != NULL) {
        /* There is one place for both: a structured result stands before its media, as text. */
        char *result = json_dumps(message->result, JSON_COMPACT | JSON_ENCODE_ANY);
        json_array_append_new(parts, json_pack("{s:s, s:s}", "type", "text", "text", result));
        free(result);
    }
    for (size_t i = 0; i < message->part_count; i++) {
        json_t *part = json_object();
        json_object_set_new(part, "type", json_string(types[message->parts[i].kind]));
        if (message->parts[i].kind == CHAT_PART_TEXT) {
            set_text(part, "text", message->parts[i].text);
        }
        json_array_append_new(parts, part);
    }
    return parts;
}

static json_t *calls_to_json(const struct chat_message *message)
{
    json_t *calls = json_array();
    for (size_t i = 0; i < message->call_count; i++) {
        json_t *call = json_object(), *function = json_object();
        json_object_set_new(call, "type", json_string("function"));
        set_text(call, "id", message->calls[i].id);
        set_text(function, "name", message->calls[i].name);
        json_object_set_new(function, "arguments", json_deep_copy(message->calls[i].arguments));
        json_object_set_new(call, "function", function);
        json_array_append_new(calls, call);
    }
    return calls;
}

static json_t *message_to_json(const struct chat_message *message)
{
    static const char *const roles[] = {
        [CHAT_SYSTEM] = "system",
        [CHAT_USER] = "user",
        [CHAT_MODEL] = "assistant",
        [CHAT_TOOL] = "tool",
    };
    json_t *object = json_object();
    json_object_set_new(object, "role", json_string(roles[message->role]));
    if (message->parts != NULL) {
        json_object_set_new(object, "content", parts_to_json(message));
    } else if (message->result != NULL) {
        json_object_set_new(object, "content", json_deep_copy(message->result));
    } else {
        set_text(object, "content", message->text);
    }
    if (message->thought[0] != '\0') {
        set_text(object, "reasoning", message->thought);
    }
    if (message->call_count > 0) {
        json_object_set_new(object, "tool_calls", calls_to_json(message));
    }
    if (message->call_id[0] != '\0') {
        set_text(object, "tool_call_id", message->call_id);
    }
    if (message->call_name[0] != '\0') {
        set_text(object, "name", message->call_name);
    }
    return object;
}

json_t *chat_messages_to_json(const struct chat_message *messages, size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++) {
        json_array_append_new(array, message_to_json(&messages[i]));
    }
    return array;
}
