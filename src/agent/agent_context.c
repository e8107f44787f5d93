/* The parts of the agent that are asked and set from outside: its conversation, its mode, what
 * fills the context. */
#include <stdlib.h>
#include <string.h>

#include "agent/agent_state.h"
#include "approval/toolset.h"
#include "infer/infer.h"

static size_t json_size(const json_t *value)
{
    return value != NULL ? json_dumpb(value, NULL, 0, JSON_COMPACT | JSON_ENCODE_ANY) : 0;
}

static size_t message_size(const struct chat_message *message)
{
    size_t size = strlen(message->text) + json_size(message->result);
    for (size_t i = 0; i < message->part_count; i++) {
        size += message->parts[i].text != NULL ? strlen(message->parts[i].text) : 0;
    }
    for (size_t i = 0; i < message->call_count; i++) {
        size += strlen(message->calls[i].name) + json_size(message->calls[i].arguments);
    }
    return size;
}

void agent_context(const struct agent *agent, struct agent_context *out)
{
    const struct infer_model *model = infer_model(agent->options.infer);
    struct chat_conversation view;
    const char *system;
    agent_view(agent, &view, &system);
    size_t own = strlen(agent->system);
    *out = (struct agent_context){
        .system = agent->preamble_length,
        .instructions = own - agent->preamble_length - agent->skills_length,
        .skills = agent->skills_length,
        .tools = agent->options.no_tools ? 0 : json_size(toolset_declarations()),
        .summary = strlen(system) - own,
        .used = agent->context_used,
        .size = model != NULL ? (size_t)model->context : 0,
        .told = view.count,
        .compacted = agent->compacted,
    };
    for (size_t i = 0; i < view.count; i++) {
        size_t size = message_size(&view.messages[i]);
        *(view.messages[i].role == CHAT_TOOL ? &out->results : &out->messages) += size;
    }
}

void agent_set_mode(struct agent *agent, enum approval_mode mode)
{
    agent->options.mode = mode;
}

enum approval_mode agent_mode(const struct agent *agent)
{
    return agent->options.mode;
}

void agent_set(struct agent *agent, const struct agent_settings *settings)
{
    agent->options.settings = *settings;
    agent->turn.limits = settings->limits;
    agent_look_at_clock(agent);
}

bool agent_thinking(const struct agent *agent)
{
    return agent->options.thinking;
}

void agent_set_thinking(struct agent *agent, bool thinking)
{
    agent->options.thinking = thinking;
}

const char *agent_system(const struct agent *agent)
{
    return agent->system;
}

const struct chat_conversation *agent_conversation(const struct agent *agent)
{
    return &agent->conversation;
}

const char *agent_conversation_id(const struct agent *agent)
{
    return agent->journal.id[0] != '\0' ? agent->journal.id : NULL;
}
