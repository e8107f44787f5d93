/* context: the conversation with the preamble in front, rendered.
 *
 * The renderer wants one array that begins with the system message, and the conversation does not
 * hold one: the array here is made of shallow copies, borrowed from the conversation, and only the
 * array itself is released.
 */
#include "agent/context.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"

bool context_render(struct chat_prompt *prompt, const struct chat_conversation *conversation,
                    const struct context_options *options, struct err *err)
{
    struct chat_message system;
    chat_message_init(&system, CHAT_SYSTEM);
    chat_message_set_text(&system, options->system, strlen(options->system));

    struct chat_message *messages = mem_alloc(conversation->count + 1, sizeof *messages);
    messages[0] = system;
    if (conversation->count > 0) {
        memcpy(messages + 1, conversation->messages, conversation->count * sizeof *messages);
    }
    size_t last = conversation->count;
    while (last > 0 && conversation->messages[last - 1].role != CHAT_USER) {
        last--;
    }
    struct chat_render_options render = {
        .enable_thinking = options->thinking,
        .large_model = options->large_model,
        .add_generation_prompt = true,
        .blind_before = options->blind ? last : 0, /* with the system message before it */
    };
    bool done = chat_render(prompt, messages, conversation->count + 1, options->tools, &render,
                            options->ids, err);
    mem_free(messages);
    chat_message_finish(&system);
    return done;
}

bool context_full(size_t used, size_t size, struct err *err)
{
    if (used == 0) {
        return err_set(err, ERR_FULL,
                       "the conversation no longer fits: the model reads %zu tokens; /rewind takes "
                       "the last message back, /new starts a new conversation",
                       size);
    }
    return err_set(err, ERR_FULL,
                   "the conversation holds %zu tokens, the model reads %zu; /rewind takes the last "
                   "message back, /new starts a new conversation",
                   used, size);
}
