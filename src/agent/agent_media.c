/* agent_media: the pictures and sounds of an agent's messages. */
#include "agent/agent.h"
#include "agent/agent_state.h"
#include "agent/attached.h"
#include "agent/attachment.h"
#include "infer/infer.h"

bool agent_attach(struct agent *agent, const char *path, bool picture, struct err *err)
{
    const struct attachment_tool tool = {agent->tool_program, agent->workspace};
    return attached_open(&agent->attached, &tool, path, picture, err);
}

bool agent_attach_bytes(struct agent *agent, const char *bytes, size_t size, bool picture,
                        struct err *err)
{
    const struct attachment_tool tool = {agent->tool_program, agent->workspace};
    return attached_decode(&agent->attached, &tool, bytes, size, picture, err);
}

size_t agent_attached(const struct agent *agent)
{
    return agent->attached.count;
}

void agent_detach(struct agent *agent, size_t count)
{
    attached_cut(&agent->attached, count);
}

bool agent_sees(const struct agent *agent)
{
    const struct infer_model *model = infer_model(agent->options.infer);
    return model != NULL && model->sees;
}

void agent_tell_lost(struct agent *agent)
{
    if (agent->unreadable.code != ERR_NONE) { /* nobody was there to hear it before */
        agent_say(agent, AGENT_NOTICE, agent->unreadable.text);
    }
}
