/* json_rpc: JSON-RPC 2.0 as lines: what a peer sends, told apart, and what is sent to it, made.
 *
 * Pure: bytes in, values out. One object a line; batches (arrays) are in neither protocol that is
 * spoken over this and are refused. A message with twice the same key, or with a NUL in a text, is
 * no message: two readers could take it for different things.
 */
#ifndef CARAT_RPC_JSON_RPC_H
#define CARAT_RPC_JSON_RPC_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum json_rpc_code {
    JSON_RPC_PARSE_ERROR = -32700,
    JSON_RPC_INVALID_REQUEST = -32600,
    JSON_RPC_METHOD_NOT_FOUND = -32601,
    JSON_RPC_INVALID_PARAMS = -32602,
    JSON_RPC_INTERNAL_ERROR = -32603,
    JSON_RPC_BUSY = -32000,
};

enum json_rpc_kind {
    JSON_RPC_REQUEST,      /* id, method, params */
    JSON_RPC_NOTIFICATION, /* method, params */
    JSON_RPC_ANSWER,       /* id, and either result or error; one that cannot be read has error */
};

/* All members are views into `whole`, which json_rpc_finish releases. */
struct json_rpc_message {
    enum json_rpc_kind kind;
    const json_t *id; /* a string or a whole number */
    const char *method;
    const json_t *params; /* an object; NULL = none */
    const json_t *result, *error;
    json_t *whole;
};

/* False when the line is no message. *refusal is then what the peer must be told (the caller's), or
 * NULL when nothing may be said: answers are never answered. */
bool json_rpc_parse(const char *line, size_t length, struct json_rpc_message *message,
                    json_t **refusal);
void json_rpc_finish(struct json_rpc_message *message);

/* Messages to send; new references. `result` and `params` (may be NULL) are taken over, `id` (NULL:
 * null) is not. Text that is no UTF-8 is repaired. */
json_t *json_rpc_result(const json_t *id, json_t *result);
json_t *json_rpc_error(const json_t *id, int code, const char *text, json_t *data);
json_t *json_rpc_request(uint64_t id, const char *method, json_t *params);
json_t *json_rpc_notification(const char *method, json_t *params);

/* A text as a JSON value, with what is not UTF-8 replaced. */
json_t *json_rpc_text(const char *text, size_t length);

#endif
