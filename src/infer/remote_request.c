#include "infer/remote_request.h"

#include <string.h>

#include <jansson.h>

#include "base/mem.h"
#include "chat/messages_json.h"

/* Replaces a member that is not a string by its JSON text. */
static void make_text(json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    if (value == NULL || json_is_string(value)) {
        return;
    }
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    json_object_set_new(object, key, json_string(text != NULL ? text : ""));
    mem_free(text);
}

/* Servers want arguments and results as strings, and refuse members that they do not know. */
static void make_plain(json_t *message)
{
    const char *role = json_string_value(json_object_get(message, "role"));
    json_object_del(message, "reasoning");
    json_t *call;
    size_t i;
    json_array_foreach(json_object_get(message, "tool_calls"), i, call)
    {
        make_text(json_object_get(call, "function"), "arguments");
    }
    if (role != NULL && strcmp(role, "tool") == 0) {
        make_text(message, "content");
        json_object_del(message, "name");
    }
}

static json_t *messages_of(const struct infer_request *request)
{
    const struct chat_conversation *conversation = request->conversation;
    json_t *messages = conversation != NULL
                           ? chat_messages_to_json(conversation->messages, conversation->count)
                           : json_array();
    json_t *message;
    size_t i;
    json_array_foreach(messages, i, message)
    {
        make_plain(message);
    }
    if (request->system != NULL) {
        json_array_insert_new(messages, 0,
                              json_pack("{ssss}", "role", "system", "content", request->system));
    }
    return messages;
}

/* The declarations without what only we want to know of a tool. */
static json_t *tools_of(const json_t *declarations)
{
    json_t *tools = json_array(), *declaration;
    size_t i;
    json_array_foreach((json_t *)declarations, i, declaration)
    {
        json_t *function = json_object_get(declaration, "function");
        json_array_append_new(tools, json_pack("{sssO}", "type", "function", "function", function));
    }
    return tools;
}

/* A server is sent text alone; a picture or a sound that it would never see is said, not dropped.
 */
static bool check_parts(const struct infer_request *request, struct err *err)
{
    const struct chat_conversation *conversation = request->conversation;
    for (size_t i = 0; conversation != NULL && i < conversation->count; i++) {
        const struct chat_message *message = &conversation->messages[i];
        for (size_t k = 0; k < message->part_count; k++) {
            if (message->parts[k].kind != CHAT_PART_TEXT) {
                return err_set(err, ERR_ARGUMENT,
                               "message %zu holds a picture or a sound: those are for the model "
                               "here, no server is sent them",
                               i + 1);
            }
        }
    }
    return true;
}

/* Writes the body out and releases it; NULL: it could not be made. */
static bool append_body(struct str *out, json_t *body, struct err *err)
{
    if (body == NULL) {
        return err_set(err, ERR_FORMAT, "the request is not UTF-8 text");
    }
    char *text = json_dumps(body, JSON_COMPACT);
    size_t length = text != NULL ? strlen(text) : 0;
    bool ok = text != NULL && length <= REMOTE_REQUEST_LIMIT;
    if (ok) {
        str_append_bytes(out, text, length);
    } else {
        err_set(err, ERR_LIMIT, "the conversation is larger than %d bytes as a request",
                REMOTE_REQUEST_LIMIT);
    }
    mem_free(text);
    json_decref(body);
    return ok;
}

static void set_sampling(json_t *body, const struct infer_sampling *sampling)
{
    if (body != NULL && sampling->temperature >= 0) {
        json_object_set_new(body, "temperature", json_real((double)sampling->temperature));
        json_object_set_new(body, "top_p", json_real((double)sampling->top_p));
    }
}

bool remote_request_append(struct str *out, const struct infer_request *request, const char *model,
                           struct err *err)
{
    if (!check_parts(request, err)) {
        return false;
    }
    json_t *body =
        json_pack("{sssosbs{sb}si}", "model", model, "messages", messages_of(request), "stream",
                  true, "stream_options", "include_usage", true, "max_tokens", request->max_tokens);
    if (body != NULL && json_array_size(request->tools) > 0) {
        json_object_set_new(body, "tools", tools_of(request->tools));
    }
    if (body != NULL && request->schema != NULL) {
        json_object_set_new(body, "response_format",
                            json_pack("{sss{sssbsO}}", "type", "json_schema", "json_schema", "name",
                                      "answer", "strict", true, "schema", request->schema));
    }
    set_sampling(body, &request->sampling);
    return append_body(out, body, err);
}

/* --- responses --- */

/* One message of chat/completions as items of responses' input. */
static void add_items(json_t *items, const json_t *message)
{
    const char *role = json_string_value(json_object_get(message, "role"));
    const json_t *content = json_object_get(message, "content");
    json_t *call;
    size_t i;
    if (strcmp(role, "tool") == 0) {
        json_array_append_new(items, json_pack("{sssOsO}", "type", "function_call_output",
                                               "call_id", json_object_get(message, "tool_call_id"),
                                               "output", content));
        return;
    }
    if (json_string_length(content) > 0) {
        bool own = strcmp(role, "assistant") == 0;
        json_array_append_new(
            items, json_pack("{sssss[{sssO}]}", "type", "message", "role", role, "content", "type",
                             own ? "output_text" : "input_text", "text", content));
    }
    json_array_foreach(json_object_get(message, "tool_calls"), i, call)
    {
        const json_t *function = json_object_get(call, "function");
        json_array_append_new(items, json_pack("{sssOsOsO}", "type", "function_call", "call_id",
                                               json_object_get(call, "id"), "name",
                                               json_object_get(function, "name"), "arguments",
                                               json_object_get(function, "arguments")));
    }
}

static json_t *input_of(const struct infer_request *request)
{
    json_t *messages = messages_of(request), *items = json_array(), *message;
    size_t i;
    json_array_foreach(messages, i, message)
    {
        if (i > 0 || request->system == NULL) {
            add_items(items, message);
        }
    }
    json_decref(messages);
    return items;
}

static json_t *flat_tools_of(const json_t *declarations)
{
    json_t *tools = json_array(), *declaration;
    size_t i;
    json_array_foreach((json_t *)declarations, i, declaration)
    {
        json_t *tool = json_pack("{ss}", "type", "function");
        json_object_update(tool, json_object_get(declaration, "function"));
        json_object_set_new(tool, "strict", json_false());
        json_array_append_new(tools, tool);
    }
    return tools;
}

bool remote_request_append_responses(struct str *out, const struct infer_request *request,
                                     const char *model, struct err *err)
{
    if (!check_parts(request, err)) {
        return false;
    }
    json_t *body = json_pack("{sssosbsbsi}", "model", model, "input", input_of(request), "stream",
                             true, "store", false, "max_output_tokens", request->max_tokens);
    if (body != NULL && request->system != NULL) {
        json_object_set_new(body, "instructions", json_string(request->system));
    }
    if (body != NULL && json_array_size(request->tools) > 0) {
        json_object_set_new(body, "tools", flat_tools_of(request->tools));
    }
    if (body != NULL && request->schema != NULL) {
        json_object_set_new(body, "text",
                            json_pack("{s{sssssbsO}}", "format", "type", "json_schema", "name",
                                      "answer", "strict", true, "schema", request->schema));
    }
    set_sampling(body, &request->sampling);
    return append_body(out, body, err);
}
