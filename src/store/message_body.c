#include "message_body.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "chat/conversation.h"

/* ---- JSON ---- */

static bool is_deeper_than(const json_t *value, int limit)
{
    if (limit == 0) {
        return json_is_array(value) || json_is_object(value);
    }
    if (json_is_array(value)) {
        size_t count = json_array_size(value);
        for (size_t i = 0; i < count; i++) {
            if (is_deeper_than(json_array_get(value, i), limit - 1)) {
                return true;
            }
        }
    } else if (json_is_object(value)) {
        /* The iterator wants a mutable object and does not change it. */
        json_t *object = (json_t *)value;
        for (void *at = json_object_iter(object); at != NULL;
             at = json_object_iter_next(object, at)) {
            if (is_deeper_than(json_object_iter_value(at), limit - 1)) {
                return true;
            }
        }
    }
    return false;
}

bool message_body_write_json(const json_t *value, char **text, struct err *err)
{
    if (is_deeper_than(value, MESSAGE_BODY_DEPTH_LIMIT)) {
        return err_set(err, ERR_LIMIT, "JSON nested deeper than %d", MESSAGE_BODY_DEPTH_LIMIT);
    }
    char *dumped = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    if (dumped == NULL) {
        return err_set(err, ERR_FORMAT, "a value that cannot be written as JSON");
    }
    *text = mem_strdup(dumped);
    free(dumped); /* jansson's own allocator */
    return true;
}

bool message_body_read_json(const char *text, size_t length, json_t **value, struct err *err)
{
    json_error_t problem;
    json_t *loaded =
        json_loadb(text == NULL ? "" : text, length,
                   JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, &problem);
    if (loaded == NULL) {
        return err_set(err, ERR_FORMAT, "JSON at byte %d: %s", problem.position, problem.text);
    }
    *value = loaded;
    return true;
}

/* ---- strings that may not be UTF-8 ---- */

static json_t *write_string(const char *text)
{
    size_t length = strlen(text);
    if (utf8_valid(text, length)) {
        return json_stringn(text, length);
    }
    static const char DIGITS[] = "0123456789abcdef";
    char *hex = mem_alloc(length, 2);
    for (size_t i = 0; i < length; i++) {
        hex[2 * i] = DIGITS[(unsigned char)text[i] >> 4];
        hex[2 * i + 1] = DIGITS[(unsigned char)text[i] & 0xF];
    }
    json_t *wrapped = json_pack("{s:s%}", "hex", hex, 2 * length);
    mem_free(hex);
    return wrapped;
}

static int digit_value(char digit)
{
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

/* NULL when it is neither form. */
static char *read_string(const json_t *value)
{
    if (json_is_string(value)) {
        return mem_strndup(json_string_value(value), json_string_length(value));
    }
    const json_t *hex = json_object_get(value, "hex");
    size_t digits = json_string_length(hex);
    if (!json_is_string(hex) || digits % 2 != 0) {
        return NULL;
    }
    const char *text = json_string_value(hex);
    char *bytes = mem_zero(digits / 2 + 1, 1);
    for (size_t i = 0; i < digits / 2; i++) {
        int high = digit_value(text[2 * i]), low = digit_value(text[2 * i + 1]);
        if (high < 0 || low < 0) {
            mem_free(bytes);
            return NULL;
        }
        bytes[i] = (char)(high << 4 | low);
    }
    return bytes;
}

/* Puts the string at `key` in place of *field; an absent key leaves it. */
static bool read_field(const json_t *object, const char *key, char **field)
{
    const json_t *value = json_object_get(object, key);
    char *text = value == NULL ? NULL : read_string(value);
    if (text != NULL) {
        mem_free(*field);
        *field = text;
    }
    return value == NULL || text != NULL;
}

/* ---- parts and calls ---- */

static const char *const PART_NAMES[] = {
    [CHAT_PART_TEXT] = "text",
    [CHAT_PART_IMAGE] = "image",
    [CHAT_PART_AUDIO] = "audio",
    [CHAT_PART_VIDEO] = "video",
};
enum { PART_KINDS = sizeof PART_NAMES / sizeof PART_NAMES[0] };

static json_t *write_parts(const struct chat_message *message)
{
    json_t *list = json_array();
    for (size_t i = 0; i < message->part_count; i++) {
        const struct chat_part *part = &message->parts[i];
        json_t *entry = json_object();
        json_object_set_new(entry, "kind", json_string(PART_NAMES[part->kind]));
        if (part->text != NULL) {
            json_object_set_new(entry, "text", write_string(part->text));
        }
        if (part->handle != NULL) {
            json_object_set_new(entry, "handle", json_string(part->handle));
        }
        json_array_append_new(list, entry);
    }
    return list;
}

static bool read_parts(const json_t *list, struct chat_message *message)
{
    if (!json_is_array(list)) {
        return list == NULL;
    }
    size_t count = json_array_size(list);
    message->parts = mem_zero(count + 1, sizeof *message->parts);
    message->part_count = count;
    for (size_t i = 0; i < count; i++) {
        const json_t *entry = json_array_get(list, i);
        const char *name = json_string_value(json_object_get(entry, "kind"));
        int kind = 0;
        while (kind < PART_KINDS && (name == NULL || strcmp(name, PART_NAMES[kind]) != 0)) {
            kind++;
        }
        if (kind == PART_KINDS || !read_field(entry, "text", &message->parts[i].text) ||
            !read_field(entry, "handle", &message->parts[i].handle)) {
            return false;
        }
        message->parts[i].kind = (enum chat_part_kind)kind;
    }
    return true;
}

static json_t *write_calls(const struct chat_message *message)
{
    json_t *list = json_array();
    for (size_t i = 0; i < message->call_count; i++) {
        const struct chat_call *call = &message->calls[i];
        json_t *entry = json_object();
        json_object_set_new(entry, "id", write_string(call->id));
        json_object_set_new(entry, "name", write_string(call->name));
        if (call->arguments == NULL) {
            json_object_set_new(entry, "arguments", json_object());
        } else {
            json_object_set(entry, "arguments", call->arguments);
        }
        json_array_append_new(list, entry);
    }
    return list;
}

static bool read_calls(const json_t *list, struct chat_message *message)
{
    if (!json_is_array(list)) {
        return list == NULL;
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *entry = json_array_get(list, i);
        char *id = NULL, *name = NULL;
        json_t *arguments = json_object_get(entry, "arguments");
        bool ok = read_field(entry, "id", &id) && read_field(entry, "name", &name) && id != NULL &&
                  name != NULL && json_is_object(arguments);
        if (ok) {
            chat_message_add_call(message, id, name, json_incref(arguments));
        }
        mem_free(id);
        mem_free(name);
        if (!ok) {
            return false;
        }
    }
    return true;
}

/* ---- the whole ---- */

bool message_body_write_details(const struct chat_message *message, char **details, struct err *err)
{
    json_t *object = json_object();
    if (message->parts != NULL) {
        json_object_set_new(object, "parts", write_parts(message));
    }
    if (message->call_count > 0) {
        json_object_set_new(object, "calls", write_calls(message));
    }
    if (message->call_id[0] != '\0') {
        json_object_set_new(object, "call_id", write_string(message->call_id));
    }
    if (message->call_name[0] != '\0') {
        json_object_set_new(object, "call_name", write_string(message->call_name));
    }
    if (message->result != NULL) {
        json_object_set(object, "result", message->result);
    }
    if (message->failed) {
        json_object_set_new(object, "failed", json_true());
    }
    char *text = NULL;
    bool ok = json_object_size(object) == 0 || message_body_write_json(object, &text, err);
    json_decref(object);
    if (ok) {
        *details = text;
    }
    return ok;
}

/* ---- the usual details ---- */

/* Nearly all rows that have details hold one call, or what a tool message answers, and nearly all
 * of a conversation's loading would go into the general reader. What follows understands these two
 * as message_body_write_details spells them, in plain ASCII, and leaves all else to that one. */

static bool take(const char **at, const char *end, const char *spelling)
{
    size_t length = strlen(spelling);
    if ((size_t)(end - *at) < length || memcmp(*at, spelling, length) != 0) {
        return false;
    }
    *at += length;
    return true;
}

/* Up to the next quote, which is passed; NULL when there is anything that JSON spells otherwise. */
static char *take_string(const char **at, const char *end)
{
    const char *start = *at, *stop = start;
    while (stop < end && *stop >= 0x20 && *stop < 0x7F && *stop != '"' && *stop != '\\') {
        stop++;
    }
    if (stop == end || *stop != '"') {
        return NULL;
    }
    *at = stop + 1;
    return mem_strndup(start, (size_t)(stop - start));
}

/* {"call_id":"...","call_name":"..."} */
static bool read_answered(const char *at, const char *end, struct chat_message *message)
{
    char *id = take(&at, end, "{\"call_id\":\"") ? take_string(&at, end) : NULL;
    char *name = id != NULL && take(&at, end, ",\"call_name\":\"") ? take_string(&at, end) : NULL;
    bool ok = name != NULL && take(&at, end, "}") && at == end;
    if (ok) {
        mem_free(message->call_id);
        mem_free(message->call_name);
        message->call_id = id;
        message->call_name = name;
    } else {
        mem_free(id);
        mem_free(name);
    }
    return ok;
}

/* {"calls":[{"id":"...","name":"...","arguments":{...}}]} */
static bool read_one_call(const char *at, const char *end, struct chat_message *message)
{
    static const char CLOSE[] = "}]}";
    char *id = take(&at, end, "{\"calls\":[{\"id\":\"") ? take_string(&at, end) : NULL;
    char *name = id != NULL && take(&at, end, ",\"name\":\"") ? take_string(&at, end) : NULL;
    json_t *arguments = NULL;
    if (name != NULL && take(&at, end, ",\"arguments\":{") &&
        (size_t)(end - at) >= sizeof CLOSE - 1 &&
        memcmp(end - (sizeof CLOSE - 1), CLOSE, sizeof CLOSE - 1) == 0) {
        at--; /* the brace */
        if (!message_body_read_json(at, (size_t)(end - at) - (sizeof CLOSE - 1), &arguments,
                                    NULL)) {
            arguments = NULL;
        }
    }
    bool ok = arguments != NULL;
    if (ok) {
        chat_message_add_call(message, id, name, arguments);
    }
    mem_free(id);
    mem_free(name);
    return ok;
}

bool message_body_read_details(const char *details, size_t length, struct chat_message *message,
                               struct err *err)
{
    json_t *object;
    if (length > 0 && (read_answered(details, details + length, message) ||
                       read_one_call(details, details + length, message))) {
        return true;
    }
    if (!message_body_read_json(details, length, &object, err)) {
        return false;
    }
    bool ok = json_is_object(object) && read_parts(json_object_get(object, "parts"), message) &&
              read_calls(json_object_get(object, "calls"), message) &&
              read_field(object, "call_id", &message->call_id) &&
              read_field(object, "call_name", &message->call_name);
    if (ok) {
        message->result = json_incref(json_object_get(object, "result"));
        message->failed = json_is_true(json_object_get(object, "failed"));
    }
    json_decref(object);
    return ok || err_set(err, ERR_FORMAT, "the details of a message are not as they are written");
}

unsigned char *message_body_write_tokens(const struct chat_message *message, size_t *length)
{
    *length = 4 * message->token_count;
    if (message->tokens == NULL) {
        return NULL;
    }
    unsigned char *bytes = mem_alloc(message->token_count + 1, 4);
    for (size_t i = 0; i < message->token_count; i++) {
        uint32_t token = (uint32_t)message->tokens[i];
        for (int b = 0; b < 4; b++) {
            bytes[4 * i + (size_t)b] = (unsigned char)(token >> (8 * b));
        }
    }
    return bytes;
}

bool message_body_read_tokens(const unsigned char *bytes, size_t length,
                              struct chat_message *message, struct err *err)
{
    if (length % 4 != 0) {
        return err_set(err, ERR_FORMAT, "%zu bytes of tokens, which take 4 each", length);
    }
    message->token_count = length / 4;
    message->tokens = mem_alloc(message->token_count + 1, sizeof *message->tokens);
    for (size_t i = 0; i < message->token_count; i++) {
        uint32_t token = 0;
        for (int b = 3; b >= 0; b--) {
            token = token << 8 | bytes[4 * i + (size_t)b];
        }
        memcpy(&message->tokens[i], &token, sizeof token);
    }
    return true;
}
