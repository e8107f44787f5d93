/* agent_model: which model goes on with the conversation, as part of the agent.
 *
 * The conversation is messages, so any model can go on with it. What belongs to the model that was
 * left is given up: what it had read, and a title that it was asked for. Messages keep the tokens
 * that they were sampled as, which mean something in one vocabulary alone: those that this model
 * would read as another text are left out here, and the message is rendered from its fields. The
 * store keeps them.
 */
#include "agent/agent_state.h"
#include "base/log.h"
#include "base/mem.h"
#include "chat/sampled.h"
#include "infer/infer.h"

void agent_hold(struct agent *agent)
{
    agent_disturb(agent);
    agent->between_models = true;
}

void agent_release(struct agent *agent)
{
    agent->between_models = false;
    agent_start_waiting(agent);
}

bool agent_works(const struct agent *agent)
{
    return agent->active || agent->aside_kind > ASIDE_TITLE;
}

/* --- what the model that was left had to do --- */

static void forget_requests(struct agent *agent)
{
    if (agent->aside_kind != ASIDE_NONE) {
        step_finish(&agent->aside);
        agent->aside_kind = ASIDE_NONE;
        agent->aside_stopped = agent->title_asked = false;
    }
    agent->ahead_running = false;
    agent->kv_stale = false;
}

/* Whether screenshot is declared depends on the model's eyes; it has read no declaration yet. */
static void forget_tools(struct agent *agent)
{
    for (size_t i = 0; i < 2; i++) {
        json_decref(agent->tools[i]);
        agent->tools[i] = NULL;
    }
    agent->shot_decided = false;
}

void agent_take_model(struct agent *agent, struct infer *infer)
{
    forget_requests(agent);
    forget_tools(agent);
    agent->options.infer = infer;
    agent->model_noted = false;
    if (infer_model(infer) != NULL) {
        agent_model_ready(agent);
    }
}

/* --- the model that is there --- */

static bool token_bytes(void *context, int32_t id, const char **bytes, size_t *length)
{
    return infer_spell(context, id, bytes, length);
}

static void leave_out_foreign_tokens(struct agent *agent)
{
    struct infer *infer = agent->options.infer;
    size_t left_out = 0;
    for (size_t i = 0; infer_spells(infer) && i < agent->conversation.count; i++) {
        struct chat_message *message = &agent->conversation.messages[i];
        if (message->tokens != NULL &&
            !chat_sampled_says(message, infer_control(infer), token_bytes, infer)) {
            mem_free(message->tokens);
            message->tokens = NULL;
            message->token_count = 0;
            left_out++;
        }
    }
    if (left_out > 0) {
        log_write("model", "%zu answers are of another vocabulary", left_out);
    }
}

size_t agent_unseen_media(const struct agent *agent)
{
    size_t count = 0;
    const struct infer_model *model = infer_model(agent->options.infer);
    bool blind = model != NULL && !model->sees && !model->conversation;
    for (size_t i = 0; blind && i < agent->conversation.count; i++) {
        const struct chat_message *message = &agent->conversation.messages[i];
        for (size_t k = 0; k < message->part_count; k++) {
            count += message->parts[k].kind != CHAT_PART_TEXT;
        }
    }
    return count;
}

void agent_note_model(struct agent *agent)
{
    const struct infer_model *model = infer_model(agent->options.infer);
    struct err err;
    if (model == NULL || agent->model_noted || agent->journal.id[0] == '\0') {
        return;
    }
    agent->model_noted = true;
    if (!store_conversation_set_model(agent->options.store, agent->journal.id, model->name, &err)) {
        agent_say(agent, AGENT_NOTICE, err.text); /* a name in a list: nothing hangs on it */
    }
}

void agent_model_ready(struct agent *agent)
{
    const struct infer_model *model = infer_model(agent->options.infer);
    leave_out_foreign_tokens(agent);
    if (agent->active) {
        agent_note_model(agent);
    }
    agent->callback(agent->context, &(struct agent_event){.kind = AGENT_READY,
                                                          .name = model->name,
                                                          .total = (size_t)model->context});
    agent_tell_lost(agent);
    agent_tools_known(agent);
}
