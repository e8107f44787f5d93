/* json_rpc: one line, one message.
 *
 * What makes a message is checked here once, so that no method's function has to ask whether there
 * is an object of parameters or an id that can be answered.
 */
#include "rpc/json_rpc.h"

#include <string.h>

#include "base/json_scan.h"
#include "base/str.h"
#include "base/utf8.h"

static bool is_id(const json_t *id)
{
    return json_is_string(id) || json_is_integer(id);
}

static bool is_version_two(const json_t *whole)
{
    const char *version = json_string_value(json_object_get(whole, "jsonrpc"));
    return version != NULL && strcmp(version, "2.0") == 0;
}

static bool fill_call(struct json_rpc_message *message, json_t **refusal)
{
    const json_t *params = json_object_get(message->whole, "params");
    bool request = message->id != NULL;
    if (params != NULL && !json_is_object(params)) {
        *refusal = request ? json_rpc_error(message->id, JSON_RPC_INVALID_PARAMS,
                                            "params must be an object", NULL)
                           : NULL;
        return false;
    }
    message->kind = request ? JSON_RPC_REQUEST : JSON_RPC_NOTIFICATION;
    message->params = params;
    return true;
}

/* One that says both is a refusal. */
static bool fill_answer(struct json_rpc_message *message)
{
    message->kind = JSON_RPC_ANSWER;
    message->error = json_object_get(message->whole, "error");
    message->result = message->error == NULL ? json_object_get(message->whole, "result") : NULL;
    return is_id(message->id);
}

static bool has(const char *line, size_t length, const char *member)
{
    const char *found;
    size_t found_length;
    return json_scan_member(line, length, member, &found, &found_length);
}

/* A request that cannot be read is refused under its own id, else who asked waits for ever; an
 * answer that cannot be is a refusal, else we do. */
static bool take_unreadable(const char *line, size_t length, const json_error_t *where,
                            struct json_rpc_message *message, json_t **refusal)
{
    struct str text;
    const char *found;
    size_t found_length;
    json_t *id = NULL;
    bool asks = has(line, length, "method");
    bool answers = !asks && (has(line, length, "result") || has(line, length, "error"));
    if ((asks || answers) && json_scan_member(line, length, "id", &found, &found_length)) {
        id = json_loadb(found, found_length, JSON_DECODE_ANY, NULL);
    }
    str_init(&text);
    str_append_format(&text, "the line is not JSON that is taken: %s", where->text);
    json_t *error = json_rpc_error(is_id(id) ? id : NULL, JSON_RPC_PARSE_ERROR, text.data, NULL);
    str_finish(&text);
    answers = answers && is_id(id);
    json_decref(id);
    if (!answers) {
        *refusal = error;
        return false;
    }
    message->whole = error;
    message->id = json_object_get(error, "id");
    return fill_answer(message);
}

bool json_rpc_parse(const char *line, size_t length, struct json_rpc_message *message,
                    json_t **refusal)
{
    json_error_t where;
    *refusal = NULL;
    *message = (struct json_rpc_message){0};
    message->whole = json_loadb(line, length, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &where);
    if (message->whole == NULL) {
        return take_unreadable(line, length, &where, message, refusal);
    }
    message->id = json_object_get(message->whole, "id");
    const json_t *method = json_object_get(message->whole, "method");
    message->method = json_string_value(method);
    bool ok = false;
    if (is_version_two(message->whole) && message->method != NULL &&
        (message->id == NULL || is_id(message->id))) {
        ok = fill_call(message, refusal);
    } else if (is_version_two(message->whole) && method == NULL &&
               (json_object_get(message->whole, "result") != NULL ||
                json_object_get(message->whole, "error") != NULL)) {
        ok = fill_answer(message);
    } else {
        *refusal = json_rpc_error(is_id(message->id) ? message->id : NULL, JSON_RPC_INVALID_REQUEST,
                                  json_is_array(message->whole) ? "batches are not taken"
                                                                : "not a JSON-RPC 2.0 message",
                                  NULL);
    }
    if (!ok) {
        json_rpc_finish(message);
    }
    return ok;
}

void json_rpc_finish(struct json_rpc_message *message)
{
    json_decref(message->whole);
    *message = (struct json_rpc_message){0};
}

json_t *json_rpc_text(const char *text, size_t length)
{
    struct str repaired;
    str_init(&repaired);
    utf8_append_repaired(&repaired, text, length);
    json_t *value = json_stringn(repaired.data, repaired.length);
    str_finish(&repaired);
    return value;
}

static json_t *answer(const json_t *id, const char *member, json_t *value)
{
    json_t *whole = json_pack("{ss}", "jsonrpc", "2.0");
    json_object_set_new(whole, "id", id != NULL ? json_incref((json_t *)id) : json_null());
    json_object_set_new(whole, member, value != NULL ? value : json_object());
    return whole;
}

json_t *json_rpc_result(const json_t *id, json_t *result)
{
    return answer(id, "result", result);
}

json_t *json_rpc_error(const json_t *id, int code, const char *text, json_t *data)
{
    json_t *error = json_pack("{siso}", "code", code, "message", json_rpc_text(text, strlen(text)));
    if (data != NULL) {
        json_object_set_new(error, "data", data);
    }
    return answer(id, "error", error);
}

static json_t *call(const char *method, json_t *params)
{
    json_t *whole = json_pack("{ssss}", "jsonrpc", "2.0", "method", method);
    json_object_set_new(whole, "params", params != NULL ? params : json_object());
    return whole;
}

json_t *json_rpc_request(uint64_t id, const char *method, json_t *params)
{
    json_t *whole = call(method, params);
    json_object_set_new(whole, "id", json_integer((json_int_t)id));
    return whole;
}

json_t *json_rpc_notification(const char *method, json_t *params)
{
    return call(method, params);
}
