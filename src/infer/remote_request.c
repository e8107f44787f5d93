#include "infer/remote_request.h"

#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "base/base64.h"
#include "base/err.h"
#include "base/mem.h"
#include "chat/medium.h"
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

/* --- pictures and sounds --- */

static bool holds_media(const struct chat_message *message)
{
    for (size_t i = 0; i < message->part_count; i++) {
        if (message->parts[i].kind != CHAT_PART_TEXT) {
            return true;
        }
    }
    return false;
}

/* The media type of a picture, by how its file begins. */
static const char *picture_type(const struct chat_medium *medium)
{
    static const char png[] = "\x89PNG";
    bool is_png = medium->file_size > 4 && memcmp(medium->file, png, 4) == 0;
    return is_png ? "image/png" : "image/jpeg";
}

/* The file as it was given, as a part of a message's content. New; NULL: it is not here. */
static json_t *medium_part(const struct chat_medium *medium)
{
    if (medium == NULL || medium->file == NULL) {
        return NULL;
    }
    struct str text;
    str_init(&text);
    if (medium->picture) {
        str_append_format(&text, "data:%s;base64,", picture_type(medium));
    }
    size_t length = base64_length(medium->file_size);
    char *encoded = mem_alloc(length + 1, 1);
    base64_encode(medium->file, medium->file_size, encoded);
    str_append_bytes(&text, encoded, length);
    mem_free(encoded);
    json_t *part = medium->picture
                       ? json_pack("{sss{ss}}", "type", "image_url", "image_url", "url", text.data)
                       : json_pack("{sss{ssss}}", "type", "input_audio", "input_audio", "data",
                                   text.data, "format", "wav");
    str_finish(&text);
    return part;
}

/* The parts of a message's content, with their files. */
static bool add_parts(json_t *parts, const struct chat_message *message, bool texts,
                      struct err *err)
{
    for (size_t i = 0; i < message->part_count; i++) {
        const struct chat_part *part = &message->parts[i];
        if (part->kind == CHAT_PART_TEXT && texts) {
            json_array_append_new(parts, json_pack("{ssss}", "type", "text", "text", part->text));
        }
        if (part->kind == CHAT_PART_TEXT) {
            continue;
        }
        if (part->kind == CHAT_PART_VIDEO && part->text != NULL) { /* a frame and its time */
            json_array_append_new(parts, json_pack("{ssss}", "type", "text", "text", part->text));
        }
        json_t *file = medium_part(part->medium);
        if (file == NULL) {
            return err_set(err, ERR_ARGUMENT,
                           "it holds a picture, sound or video whose file is not here");
        }
        json_array_append_new(parts, file);
    }
    return true;
}

/* What servers take as the result of a call is text; its pictures follow the results as a message
 * of the user's. `shown` collects their parts. */
static bool split_result(json_t *message, json_t *shown, const struct chat_message *from,
                         struct err *err)
{
    struct str text;
    str_init(&text);
    if (from->result != NULL) {
        char *result = json_dumps(from->result, JSON_COMPACT | JSON_ENCODE_ANY);
        str_append(&text, result != NULL ? result : "");
        mem_free(result);
    } else {
        str_append(&text, from->text);
    }
    json_object_set_new(message, "content", json_string(text.data));
    str_finish(&text);
    char words[128];
    snprintf(words, sizeof words, "What %.64s gave back:", from->call_name);
    json_array_append_new(shown, json_pack("{ssss}", "type", "text", "text", words));
    return add_parts(shown, from, false, err);
}

/* Puts the files of messages into what was made of them. */
static bool set_media(json_t *messages, const struct chat_conversation *conversation,
                      struct err *err)
{
    json_t *all = json_array(), *shown = json_array();
    bool ok = true;
    for (size_t i = 0; ok && i < conversation->count; i++) {
        const struct chat_message *from = &conversation->messages[i];
        json_t *message = json_array_get(messages, i);
        if (json_array_size(shown) > 0 && from->role != CHAT_TOOL) {
            json_array_append_new(all, json_pack("{sssO}", "role", "user", "content", shown));
            json_decref(shown);
            shown = json_array();
        }
        if (holds_media(from) && from->role == CHAT_TOOL) {
            ok = split_result(message, shown, from, err);
        } else if (holds_media(from)) {
            json_t *parts = json_array();
            ok = add_parts(parts, from, true, err);
            json_object_set_new(message, "content", parts);
        }
        json_array_append(all, message);
        ok = ok || err_prefix(err, "message %zu", i + 1);
    }
    if (json_array_size(shown) > 0) {
        json_array_append_new(all, json_pack("{sssO}", "role", "user", "content", shown));
    }
    json_array_clear(messages);
    json_array_extend(messages, all);
    json_decref(all);
    json_decref(shown);
    return ok;
}

/* --- messages --- */

/* New; NULL and *err when a file that belongs to one is not here. */
static json_t *messages_of(const struct infer_request *request, struct err *err)
{
    const struct chat_conversation *conversation = request->conversation;
    json_t *messages = conversation != NULL
                           ? chat_messages_to_json(conversation->messages, conversation->count)
                           : json_array();
    if (conversation != NULL && !set_media(messages, conversation, err)) {
        json_decref(messages);
        return NULL;
    }
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
    }
    if (body != NULL && sampling->top_p > 0) {
        json_object_set_new(body, "top_p", json_real((double)sampling->top_p));
    }
}

bool remote_request_append(struct str *out, const struct infer_request *request, const char *model,
                           struct err *err)
{
    json_t *messages = messages_of(request, err);
    if (messages == NULL) {
        return false;
    }
    json_t *body =
        json_pack("{sssosbs{sb}si}", "model", model, "messages", messages, "stream", true,
                  "stream_options", "include_usage", true, "max_tokens", request->max_tokens);
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

/* Parts of chat/completions as those of responses: other names, and a picture's URL by itself. */
static json_t *input_parts(const json_t *content)
{
    json_t *parts = json_array(), *part;
    size_t i;
    json_array_foreach((json_t *)content, i, part)
    {
        const json_t *image = json_object_get(part, "image_url");
        if (image != NULL) {
            json_array_append_new(parts, json_pack("{sssO}", "type", "input_image", "image_url",
                                                   json_object_get(image, "url")));
        } else if (json_object_get(part, "text") != NULL) {
            json_array_append_new(parts, json_pack("{sssO}", "type", "input_text", "text",
                                                   json_object_get(part, "text")));
        } else {
            json_array_append(parts, part);
        }
    }
    return parts;
}

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
    if (json_is_array(content)) {
        json_array_append_new(items, json_pack("{sssOso}", "type", "message", "role",
                                               json_object_get(message, "role"), "content",
                                               input_parts(content)));
    } else if (json_string_length(content) > 0) {
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

/* New; NULL and *err as messages_of. */
static json_t *input_of(const struct infer_request *request, struct err *err)
{
    json_t *messages = messages_of(request, err), *items, *message;
    size_t i;
    if (messages == NULL) {
        return NULL;
    }
    items = json_array();
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
    json_t *input = input_of(request, err);
    if (input == NULL) {
        return false;
    }
    json_t *body = json_pack("{sssosbsbsi}", "model", model, "input", input, "stream", true,
                             "store", false, "max_output_tokens", request->max_tokens);
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
