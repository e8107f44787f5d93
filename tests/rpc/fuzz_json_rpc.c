/* Whatever stands in a line: it is a message with all that its kind needs, or it is refused with an
 * answer that is itself a message. What is made of a message's parts is one again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "rpc/json_rpc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_refusal(json_t *refusal)
{
    struct json_rpc_message message;
    json_t *none;
    char *text = json_dumps(refusal, JSON_COMPACT);
    const json_t *error = json_object_get(refusal, "error");
    if (text == NULL || json_integer_value(json_object_get(error, "code")) >= 0) {
        abort();
    }
    /* Only one that names no request may be without an id, and so no answer to anything. */
    bool named = !json_is_null(json_object_get(refusal, "id"));
    if (json_rpc_parse(text, strlen(text), &message, &none) != named) {
        abort();
    }
    json_rpc_finish(&message);
    json_decref(none);
    mem_free(text);
    json_decref(refusal);
}

/* `sent` is taken. */
static void check_sent(json_t *sent, enum json_rpc_kind kind)
{
    struct json_rpc_message message;
    json_t *refusal;
    char *text = json_dumps(sent, JSON_COMPACT);
    if (text == NULL || !json_rpc_parse(text, strlen(text), &message, &refusal) ||
        message.kind != kind) {
        abort();
    }
    json_rpc_finish(&message);
    mem_free(text);
    json_decref(sent);
}

static void send_back(const struct json_rpc_message *message)
{
    json_t *params = json_incref((json_t *)message->params);
    if (message->method != NULL) {
        check_sent(json_rpc_request(7, message->method, params), JSON_RPC_REQUEST);
        check_sent(json_rpc_notification(message->method, NULL), JSON_RPC_NOTIFICATION);
    }
    if (message->id != NULL) {
        check_sent(json_rpc_result(message->id, json_incref(message->whole)), JSON_RPC_ANSWER);
        check_sent(json_rpc_error(message->id, JSON_RPC_BUSY, "\xFF", json_incref(message->whole)),
                   JSON_RPC_ANSWER);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json_rpc_message message;
    json_t *refusal;
    if (!json_rpc_parse((const char *)data, size, &message, &refusal)) {
        if (message.whole != NULL) {
            abort();
        }
        if (refusal != NULL) {
            check_refusal(refusal);
        }
        return 0;
    }
    bool call = message.kind != JSON_RPC_ANSWER;
    bool has_id = json_is_string(message.id) || json_is_integer(message.id);
    if (refusal != NULL || call != (message.method != NULL) ||
        has_id != (message.kind != JSON_RPC_NOTIFICATION) ||
        (message.params != NULL && !json_is_object(message.params))) {
        abort();
    }
    send_back(&message);
    json_rpc_finish(&message);
    return 0;
}
