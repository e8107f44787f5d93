/* From a JSON object to a prompt. See the header. */
#include "chat/render_json.h"

#include "base/err.h"
#include "chat/messages_json.h"

static bool read_options(const json_t *value, struct chat_render_options *options, struct err *err)
{
    struct chat_render_options read = {.add_generation_prompt = true};
    const struct {
        const char *name;
        bool *field;
    } fields[] = {
        {"enable_thinking", &read.enable_thinking},
        {"preserve_thinking", &read.preserve_thinking},
        {"large_model", &read.large_model},
        {"add_generation_prompt", &read.add_generation_prompt},
    };
    if (value != NULL && !json_is_object(value) && !json_is_null(value)) {
        return err_set(err, ERR_FORMAT, "options: not an object");
    }
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        const json_t *option = json_object_get(value, fields[i].name);
        if (option != NULL && !json_is_boolean(option)) {
            return err_set(err, ERR_FORMAT, "options.%s: neither true nor false", fields[i].name);
        }
        if (option != NULL) {
            *fields[i].field = json_is_true(option);
        }
    }
    *options = read;
    return true;
}

bool chat_render_json(struct chat_prompt *prompt, const json_t *conversation, struct err *err)
{
    const json_t *tools = json_object_get(conversation, "tools");
    struct chat_render_options options;
    struct chat_conversation messages;
    if (!read_options(json_object_get(conversation, "options"), &options, err)) {
        return false;
    }
    if (tools != NULL && !json_is_array(tools) && !json_is_null(tools)) {
        return err_set(err, ERR_FORMAT, "tools: not an array");
    }
    chat_conversation_init(&messages);
    bool ok = chat_messages_from_json(json_object_get(conversation, "messages"), &messages, err) &&
              chat_render(prompt, messages.messages, messages.count, tools, &options, NULL, err);
    chat_conversation_finish(&messages);
    return ok;
}
