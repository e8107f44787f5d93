/* messages_json: conversations in OpenAI's JSON form.
 *
 * An array of {role: system | developer | user | assistant | tool, content: string or parts
 * [{type: text | image | audio | video, text}], reasoning, tool_calls: [{id, function: {name,
 * arguments: object or JSON string}}], tool_call_id, name}. `content` of a tool may also be an
 * object or another value: a structured result. Sampled tokens have no place in this form.
 */
#ifndef CARAT_CHAT_MESSAGES_JSON_H
#define CARAT_CHAT_MESSAGES_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "chat/conversation.h"

struct err;

/* Fills an initialised, empty conversation. The message of a failure names index and field
 * ("messages[3]: tool_calls[0]: function: arguments: ..."); `out` stays empty then. */
bool chat_messages_from_json(const json_t *messages, struct chat_conversation *out,
                             struct err *err);

/* A new array. `failed`, `complete` and `tokens` are not in it. */
json_t *chat_messages_to_json(const struct chat_message *messages, size_t count);

#endif
