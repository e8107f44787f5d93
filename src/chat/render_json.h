/* render_json: a prompt from one JSON object.
 *
 * {"messages": [...] (messages_json.h), "tools": [...] or null, "options": {"enable_thinking",
 * "preserve_thinking", "large_model", "add_generation_prompt": booleans}}. Options that are absent
 * are false, but for add_generation_prompt, which is true.
 */
#ifndef CARAT_CHAT_RENDER_JSON_H
#define CARAT_CHAT_RENDER_JSON_H

#include <jansson.h>
#include <stdbool.h>

#include "chat/render.h"

struct err;

/* Renders into an initialised, empty prompt; chat_prompt_spell makes text of it. */
bool chat_render_json(struct chat_prompt *prompt, const json_t *conversation, struct err *err);

#endif
