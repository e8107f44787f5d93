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

bool remote_request_append(struct str *out, const struct infer_request *request, const char *model,
                           struct err *err)
{
    json_t *body =
        json_pack("{sssosbs{sb}si}", "model", model, "messages", messages_of(request), "stream",
                  true, "stream_options", "include_usage", true, "max_tokens", request->max_tokens);
    if (body == NULL) {
        return err_set(err, ERR_FORMAT, "the request is not UTF-8 text");
    }
    if (json_array_size(request->tools) > 0) {
        json_object_set_new(body, "tools", tools_of(request->tools));
    }
    if (request->schema != NULL) {
        json_object_set_new(body, "response_format",
                            json_pack("{sss{sssbsO}}", "type", "json_schema", "json_schema", "name",
                                      "answer", "strict", true, "schema", request->schema));
    }
    if (request->sampling.temperature >= 0) {
        json_object_set_new(body, "temperature", json_real((double)request->sampling.temperature));
        json_object_set_new(body, "top_p", json_real((double)request->sampling.top_p));
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
