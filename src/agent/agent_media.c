/* agent_media: the pictures and sounds of an agent's messages. */
#include "agent/agent.h"
#include "agent/agent_state.h"
#include "agent/attached.h"
#include "attachment/attachment.h"
#include "attachment/decoding.h"
#include "base/mem.h"
#include "chat/medium.h"
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
    struct chat_medium *medium = attachment_decode(&tool, bytes, size, picture, err);
    if (medium == NULL) {
        return false;
    }
    attached_add(&agent->attached, medium);
    chat_medium_release(medium);
    return true;
}

void agent_attach_medium(struct agent *agent, struct chat_medium *medium)
{
    attached_add(&agent->attached, medium);
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

void agent_tell_user(struct agent *agent, const char *text, size_t length)
{
    const struct chat_conversation *conversation = &agent->conversation;
    agent->callback(
        agent->context,
        &(struct agent_event){.kind = AGENT_USER,
                              .text = text,
                              .length = length,
                              .message = &conversation->messages[conversation->count - 1]});
}

void agent_tell_lost(struct agent *agent)
{
    if (agent->loading == NULL && agent->unreadable.code != ERR_NONE) {
        agent_say(agent, AGENT_NOTICE, agent->unreadable.text);
        agent->unreadable = (struct err){0};
    }
}

/* --- of a conversation that goes on --- */

static struct chat_part *loading_part(struct agent *agent)
{
    return &agent->conversation.messages[agent->loading_message].parts[agent->loading_part];
}

static void lose(struct agent *agent, const struct err *why)
{
    struct err lost = *why;
    struct chat_part *part = loading_part(agent);
    err_prefix(&lost, "attachment %s of the conversation", part->handle);
    attached_lose(part);
    agent->unreadable = agent->unreadable.code == ERR_NONE ? lost : agent->unreadable;
}

static bool load_next(struct agent *agent);

static void tell_loaded(struct agent *agent)
{
    const struct chat_message *message = &agent->conversation.messages[agent->loading_message];
    agent->callback(agent->context, &(struct agent_event){.kind = AGENT_PICTURE,
                                                          .message = message,
                                                          .done = agent->loading_part});
}

static void on_loaded(void *context, struct decoding *decoding, struct chat_medium *medium,
                      const struct err *err)
{
    struct agent *agent = context;
    (void)decoding;
    agent->loading = NULL;
    if (medium != NULL) {
        loading_part(agent)->medium = chat_medium_keep(medium);
    } else {
        lose(agent, err);
    }
    tell_loaded(agent);
    if (load_next(agent)) {
        return;
    }
    if (infer_model(agent->options.infer) != NULL) {
        agent_tell_lost(agent);
    }
    agent_tools_known(agent); /* a step may wait */
}

/* True while one is on its way. */
static bool load_next(struct agent *agent)
{
    const struct attachment_tool tool = {agent->tool_program, agent->workspace};
    struct err err = {0};
    while (attached_missing(&agent->conversation, &agent->loading_message, &agent->loading_part)) {
        struct chat_part *part = loading_part(agent);
        bool picture = part->kind != CHAT_PART_AUDIO;
        char *bytes = NULL;
        size_t size;
        if (!attached_read(&agent->journal, part, &bytes, &size, &err)) {
            lose(agent, &err);
        } else if (agent->options.loop != NULL) {
            const struct decoding_source source = {
                .origin = DECODING_BYTES, .picture = picture, .bytes = bytes, .size = size};
            agent->loading = decoding_start(agent->options.loop, &tool, &source, on_loaded, agent);
        } else {
            part->medium = attachment_decode(&tool, bytes, size, picture, &err);
            if (part->medium == NULL) {
                lose(agent, &err);
            }
        }
        mem_free(bytes);
        if (agent->loading != NULL) {
            return true;
        }
    }
    return false;
}

void agent_load_media(struct agent *agent)
{
    agent->loading_message = agent->loading_part = 0;
    load_next(agent);
}

void agent_forget_media(struct agent *agent)
{
    if (agent->loading != NULL) {
        decoding_forget(agent->loading);
    }
    if (agent->shot != NULL) {
        decoding_forget(agent->shot);
    }
}
