/* The part of the agent that reads ahead: while the user types, the model is given the prompt that
 * the draft would make if it were sent now, and reads it without answering.
 *
 * What was read is used by the prompt that follows as far as both are the same, which is the back
 * end's affair; the draft becomes no message, and nothing is stored. It is rendered as a step
 * is (agent_ask), so that a draft that is sent unchanged is read to the end already. Given
 * up for anything else that is wanted of the model (agent_disturb); only one reading at a time.
 */
#include "agent/agent_state.h"
#include "infer/infer.h"

/* Not while the model is wanted for something else, nor when the message would begin with more than
 * the text or a summary would be made first. */
static bool may_read(const struct agent *agent, const struct infer_model *model)
{
    return agent->options.reads_ahead && model != NULL && model->reads_ahead &&
           !agent_busy(agent) && agent->aside_kind == ASIDE_NONE && !agent->ahead_running &&
           agent_may_ask(agent) && agent_attached(agent) == 0 && !agent_compaction_due(agent);
}

void agent_read_ahead(struct agent *agent, const char *draft, size_t length)
{
    bool starts_in_thought;
    if (!may_read(agent, infer_model(agent->options.infer))) {
        return;
    }
    struct chat_message message;
    chat_message_init(&message, CHAT_USER);
    chat_message_set_text(&message, draft, length);
    agent->ahead_request = agent_ask(
        agent, &(struct agent_wish){.next = &message, .thinking = agent->options.thinking},
        &starts_in_thought, NULL); /* where that fails, sending it will say why */
    agent->ahead_running = agent->ahead_request != 0;
    agent->ahead_stopped = false;
    chat_message_finish(&message);
}

void agent_ahead_stop(struct agent *agent)
{
    /* Once: what the model is given behind it must not be stopped by a key that comes before the
     * reading's end was heard of. */
    if (agent->ahead_running && !agent->ahead_stopped) {
        agent->ahead_stopped = true;
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
