/* agent_waiting: what the user says while a turn runs, and what is told without asking for an
 * answer.
 *
 * A text that steers goes in before the next step of the running turn, behind the results that the
 * model waits for; a text that is queued begins a turn of its own when this one has ended, and so
 * does a text that came too late to steer. A note is a message of the user's to which no answer is
 * wanted yet: the next step sees it.
 */
#include <string.h>

#include "agent/agent_state.h"
#include "agent/attached.h"
#include "approval/tool_limit.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/vec.h"
#include "infer/infer.h"

void agent_wait(struct agent *agent, const char *text, size_t length, bool steers)
{
    vec_room(&agent->waiting.items, &agent->waiting.capacity, agent->waiting.count + 1,
             sizeof *agent->waiting.items);
    agent->waiting.items[agent->waiting.count++] = (struct waiting_text){
        .text = mem_strndup(text, length),
        .length = length,
        .steers = steers,
        .attached = agent->attached,
        .limit = agent->limit_next,
        .typed = agent->typed_next != NULL ? mem_strdup(agent->typed_next) : NULL};
    agent->attached = (struct attached){0};
    agent->limit_next = NULL;
}

struct waiting_text agent_take_waiting(struct agent *agent, size_t index)
{
    struct waiting_text taken = agent->waiting.items[index];
    agent->waiting.count--;
    memmove(agent->waiting.items + index, agent->waiting.items + index + 1,
            (agent->waiting.count - index) * sizeof taken);
    return taken;
}

void agent_free_waiting(struct waiting_text *text)
{
    attached_release(&text->attached);
    tool_limit_destroy(text->limit);
    mem_free(text->typed);
    mem_free(text->text);
}

static bool attach(struct agent *agent, const struct attached *attached,
                   struct chat_message *message, const char *model, struct err *err)
{
    return attached == NULL || attached->count == 0 ||
           (journal_open(&agent->journal, agent->workspace, model, err) &&
            attached_to_message(attached, &agent->journal, message, err));
}

bool agent_add_user(struct agent *agent, const char *text, size_t length, struct attached *attached,
                    bool begins_turn, struct err *err)
{
    const struct infer_model *model = infer_model(agent->options.infer);
    const char *name = model != NULL ? model->name : "";
    struct chat_message message;
    /* A row that is made now is made with the model's name. */
    agent->model_noted |= model != NULL && agent->journal.id[0] == '\0';
    chat_message_init(&message, CHAT_USER);
    chat_message_set_text(&message, text, length);
    bool ok = attach(agent, attached, &message, name, err);
    if (ok && begins_turn) {
        agent_begin(agent, &message);
    }
    if (!ok || !journal_open(&agent->journal, agent->workspace, name, err) ||
        !journal_message(&agent->journal, &message, err)) {
        agent_give_up_begun(agent);
        chat_message_finish(&message);
        return false;
    }
    chat_conversation_add(&agent->conversation, &message);
    agent_note_model(agent);
    return true;
}

void agent_take_steering(struct agent *agent)
{
    for (size_t i = 0; i < agent->waiting.count;) {
        if (!agent->waiting.items[i].steers) {
            i++;
            continue;
        }
        struct waiting_text next = agent_take_waiting(agent, i);
        struct err err = {0};
        if (agent_add_user(agent, next.text, next.length, &next.attached, false, &err)) {
            agent_tell_user(agent, next.text, next.length);
        } else {
            err_prefix(&err, "a waiting message was not sent");
            agent_say(agent, AGENT_FAILED, err.text);
        }
        agent_free_waiting(&next);
    }
}

void agent_take_back(struct agent *agent, struct str *text)
{
    while (agent->waiting.count > 0) {
        struct waiting_text next = agent_take_waiting(agent, 0);
        str_append(text, text->length > 0 ? "\n\n" : "");
        if (next.typed != NULL) {
            str_append(text, next.typed);
        } else {
            str_append_bytes(text, next.text, next.length);
        }
        for (size_t i = 0; i < next.attached.count; i++) {
            attached_add(&agent->attached, next.attached.items[i]);
        }
        agent_free_waiting(&next);
    }
}

bool agent_steer(struct agent *agent, const char *text, size_t length, struct err *err)
{
    if (!agent->active) {
        return agent_submit(agent, text, length, err);
    }
    agent_wait(agent, text, length, true);
    return true;
}

void agent_begin_limit(struct agent *agent)
{
    tool_limit_destroy(agent->limit);
    agent->limit = agent->limit_next;
    agent->limit_next = NULL;
}

void agent_drop_limit(struct agent *agent)
{
    tool_limit_destroy(agent->limit_next);
    agent->limit_next = NULL;
}

bool agent_submit_limited(struct agent *agent, const char *text, size_t length, const char *typed,
                          struct tool_limit *limit, struct err *err)
{
    agent->limit_next = limit;
    agent->typed_next = typed;
    bool submitted = agent_submit(agent, text, length, err);
    agent->typed_next = NULL;
    agent_drop_limit(agent); /* where it could not be sent */
    return submitted;
}

bool agent_note(struct agent *agent, const char *text, size_t length, struct err *err)
{
    if (agent_busy(agent)) {
        return err_set(err, ERR_ARGUMENT, "something still runs; Esc stops it");
    }
    return agent_add_user(agent, text, length, NULL, false, err);
}

size_t agent_waiting_count(const struct agent *agent)
{
    return agent->waiting.count;
}

const char *agent_waiting_text(const struct agent *agent, size_t index, bool *steers)
{
    *steers = agent->waiting.items[index].steers;
    return agent->waiting.items[index].text;
}
