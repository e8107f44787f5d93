/* The part of the agent that reads ahead: while the user types, the model is given the prompt that
 * the draft would make if it were sent now, and reads it without answering.
 *
 * What was read is used by the prompt that follows as far as both are the same, which is the back
 * end's affair; the draft becomes no message, and nothing is stored. It is rendered as generate()
 * in agent.c renders it, so that a draft that is sent unchanged is read to the end already. Given
 * up for anything else that is wanted of the model (agent_disturb); only one reading at a time.
 */
#include <string.h>

#include "agent/agent_state.h"
#include "agent/context.h"
#include "agent/foreign.h"
#include "agent/sampling.h"
#include "base/err.h"
#include "base/mem.h"
#include "infer/infer.h"

/* Not while the model is wanted for something else, nor when the message would begin with more than
 * the text or a summary would be made first. */
static bool may_read(const struct agent *agent, const struct infer_model *model)
{
    return agent->options.reads_ahead && model != NULL && model->reads_ahead &&
           !agent_busy(agent) && agent->aside_kind == ASIDE_NONE && !agent->ahead_running &&
           agent->loading == NULL && !foreign_pending(agent->options.foreign) &&
           agent_attached(agent) == 0 && !agent_compaction_due(agent);
}

void agent_read_ahead(struct agent *agent, const char *draft, size_t length)
{
    const struct infer_model *model = infer_model(agent->options.infer);
    struct chat_conversation view;
    const char *system;
    if (!may_read(agent, model)) {
        return;
    }
    agent_view(agent, &view, &system);
    struct chat_message message;
    chat_message_init(&message, CHAT_USER);
    chat_message_set_text(&message, draft, length);
    struct chat_message *messages = mem_alloc(view.count + 1, sizeof *messages);
    if (view.count > 0) {
        memcpy(messages, view.messages, view.count * sizeof *messages);
    }
    messages[view.count] = message;
    struct chat_conversation drafted = {.messages = messages, .count = view.count + 1};
    struct infer_request request = {.number = agent_next_request(),
                                    .max_tokens = 0,
                                    .sampling =
                                        sampling_choose(&agent->options.settings.sampling, model)};
    struct context_options options = {.system = system,
                                      .tools = agent_tools(agent),
                                      .thinking = agent->options.thinking,
                                      .large_model = model->large,
                                      .blind = !model->sees,
                                      .ids = infer_control(agent->options.infer)};
    chat_prompt_init(&request.prompt);
    if (context_render(&request.prompt, &drafted, &options, NULL)) {
        agent->ahead_running = true;
        agent->ahead_request = request.number;
        infer_submit(agent->options.infer, &request);
    } else {
        chat_prompt_finish(&request.prompt); /* sending it will say why */
    }
    mem_free(messages);
    chat_message_finish(&message);
}

void agent_ahead_stop(struct agent *agent)
{
    if (agent->ahead_running) {
        infer_cancel(agent->options.infer);
    }
}

bool agent_ahead_event(struct agent *agent, const struct infer_event *event)
{
    if (!agent->ahead_running || event->number != agent->ahead_request) {
        return false;
    }
    if (event->kind == INFER_DONE || event->kind == INFER_FAILED) {
        agent->ahead_running = false;
    }
    return true;
}
