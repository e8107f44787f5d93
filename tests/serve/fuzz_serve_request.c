/* Whatever JSON a client sends, in each protocol: a task that can be rendered or not, or a fault
 * with a status and words. The first byte chooses the protocol. */
#include <stdint.h>
#include <stdlib.h>

#include "base/err.h"
#include "chat/render.h"
#include "serve/answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct dialect *const dialects[] = {
        &openai_chat_dialect, &openai_responses_dialect, &ollama_chat_dialect,
        &ollama_generate_dialect};
    static const struct infer_model model = {.context = 4096, .sampling = {.top_p = 1}};
    json_t *body = size == 0
                       ? NULL
                       : json_loadb((const char *)data + 1, size - 1, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_object(body)) {
        struct task task;
        struct fault fault = {.status = 0};
        task_init(&task, &model);
        if (dialects[data[0] % 4]->read(&task, body, &fault)) {
            struct chat_prompt prompt;
            struct chat_render_options options = {.add_generation_prompt = true};
            chat_prompt_init(&prompt);
            chat_render(&prompt, task.conversation.messages, task.conversation.count, task.tools,
                        &options, NULL, NULL);
            chat_prompt_finish(&prompt);
        } else if (fault.status < 400 || fault.text[0] == '\0') {
            abort();
        } else {
            json_decref(dialects[data[0] % 4]->fault(&fault));
        }
        task_finish(&task);
    }
    json_decref(body);
    return 0;
}
