/* The part of the agent that asks the model something beside the conversation: a title when nothing
 * else is to be done, a summary when the context fills up.
 *
 * The question stands behind the whole conversation, so that what the model has read is used again;
 * neither the question nor the answer becomes a message. A title is given up at once for anything
 * the user does. A summary counts as busy: what is said meanwhile waits.
 */
#include <string.h>

#include "agent/agent_state.h"
#include "agent/compaction.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/utf8.h"
#include "base/visible.h"
#include "infer/infer.h"
#include "prompts.h"

enum { TITLE_TOKENS = 24, TITLE_BYTES = 80, SUMMARY_TOKENS = 1024 };

/* --- what the model is given of the conversation --- */

void agent_view(const struct agent *agent, struct chat_conversation *view, const char **system)
{
    const struct chat_conversation *all = &agent->conversation;
    size_t from = agent->compacted < all->count ? agent->compacted : all->count;
    *view = (struct chat_conversation){.count = all->count - from};
    if (view->count > 0) {
        view->messages = all->messages + from;
    }
    *system = agent->view_system != NULL ? agent->view_system : agent->system;
}

bool agent_load_compaction(struct agent *agent, struct err *err)
{
    struct store_compaction found = {0};
    if (agent->journal.id[0] != '\0' &&
        !store_compaction_get(agent->options.store, agent->journal.id, &found, err)) {
        return false;
    }
    mem_free(agent->view_system);
    agent->view_system = NULL;
    agent->compacted = 0;
    if (found.text != NULL && found.upto > 0) {
        struct str system;
        str_init(&system);
        str_append(&system, agent->system);
        str_append(&system, "\n\nWhat was said and done before, summed up:\n");
        str_append(&system, found.text);
        agent->view_system = str_take(&system);
        agent->compacted = (size_t)found.upto;
    }
    mem_free(found.text);
    return true;
}

/* --- asking --- */

static void ignore_text(void *context, const char *text, size_t length)
{
    (void)context;
    (void)text;
    (void)length;
}

bool agent_aside_ask(struct agent *agent, enum aside_kind kind, const struct chat_message *question,
                     int tokens, struct err *err)
{
    bool starts_in_thought = false;
    if (agent->loading != NULL) {
        return err_set(err, ERR_UNAVAILABLE, "the conversation's pictures are still being read");
    }
    uint64_t number = agent_ask(agent, &(struct agent_wish){.next = question, .max_tokens = tokens},
                                &starts_in_thought, err);
    if (number == 0) {
        return false;
    }
    step_begin(&agent->aside, &(struct step_options){.starts_in_thought = starts_in_thought,
                                                     .tools = agent_tools(agent),
                                                     .next_call = 1,
                                                     .text = ignore_text,
                                                     .thought = ignore_text});
    agent->aside_kind = kind;
    agent->aside_request = number;
    return true;
}

static bool ask(struct agent *agent, enum aside_kind kind, const char *question, int tokens,
                struct err *err)
{
    struct chat_message message;
    chat_message_init(&message, CHAT_USER);
    chat_message_set_text(&message, question, strlen(question));
    bool ok = agent_aside_ask(agent, kind, &message, tokens, err);
    chat_message_finish(&message);
    return ok;
}

bool agent_aside_possible(struct agent *agent, struct err *err)
{
    if (agent_busy(agent)) {
        return err_set(err, ERR_ARGUMENT, "something still runs; Esc stops it");
    }
    if (infer_model(agent->options.infer) == NULL) {
        const char *lost = agent_lost(agent);
        return err_set(err, ERR_UNAVAILABLE, "%s",
                       lost != NULL ? lost : "the model is still being loaded");
    }
    agent_disturb(agent);
    return agent->aside_kind == ASIDE_NONE ||
           err_set(err, ERR_UNAVAILABLE, "the model is naming the conversation; once more");
}

void agent_disturb(struct agent *agent)
{
    agent_ahead_stop(agent);
    if (agent->aside_kind == ASIDE_TITLE && !agent->aside_stopped) {
        agent->aside_stopped = true;
        infer_cancel(agent->options.infer);
    }
}

void agent_aside_finish(struct agent *agent)
{
    if (agent->aside_kind != ASIDE_NONE) {
        infer_cancel(agent->options.infer);
        step_finish(&agent->aside);
        agent->aside_kind = ASIDE_NONE;
    }
    mem_free(agent->view_system);
}

/* --- a title --- */

void agent_suggest_title(struct agent *agent)
{
    const struct infer_model *model = infer_model(agent->options.infer);
    struct store_conversation found;
    if (!agent->options.settings.titles || agent_busy(agent) || agent->aside_kind != ASIDE_NONE ||
        model == NULL || model->conversation || agent->title_asked ||
        agent->journal.id[0] == '\0' || agent->conversation.count < 2 ||
        !store_conversation_find(agent->options.store, agent->journal.id, &found, NULL)) {
        return;
    }
    agent->title_asked = true;
    if (found.titled_by == STORE_TITLE_NONE) {
        ask(agent, ASIDE_TITLE, prompts_title, TITLE_TOKENS, NULL);
    }
    store_conversation_finish(&found);
}

/* One line, at most TITLE_BYTES, without quotes around it. */
static void keep_title(struct agent *agent, const char *text)
{
    struct str title;
    text += strspn(text, " \t\r\n\"'*#");
    size_t length = strcspn(text, "\r\n");
    length = length > TITLE_BYTES ? utf8_complete_length(text, TITLE_BYTES) : length;
    while (length > 0 && strchr(" \t\"'*.", text[length - 1]) != NULL) {
        length--;
    }
    str_init(&title);
    visible_append(&title, text, length, VISIBLE_LINE);
    if (title.length > 0) {
        store_conversation_suggest_title(agent->options.store, agent->journal.id, title.data, NULL);
    }
    str_finish(&title);
}

/* --- a summary --- */

bool agent_compact(struct agent *agent, const char *focus, struct err *err)
{
    if (!agent_busy(agent) && agent->conversation.count <= agent->compacted) {
        return err_set(err, ERR_ARGUMENT, "there is nothing to sum up");
    }
    if (!agent_aside_possible(agent, err)) {
        return false;
    }
    struct str question;
    str_init(&question);
    str_append(&question, prompts_compact);
    if (focus != NULL && focus[0] != '\0') {
        str_append_format(&question, "Above all keep: %s\n", focus);
    }
    bool ok = ask(agent, ASIDE_SUMMARY, question.data, SUMMARY_TOKENS, err);
    str_finish(&question);
    if (ok) {
        agent_say(agent, AGENT_NOTICE,
                  "Summing up the conversation; nothing of it is lost, /expand takes it back.");
    }
    return ok;
}

bool agent_compaction_due(const struct agent *agent)
{
    const struct infer_model *model = infer_model(agent->options.infer);
    return agent->options.settings.compact_percent > 0 && model != NULL && model->context > 0 &&
           agent->context_used * 100 >=
               (size_t)model->context * (size_t)agent->options.settings.compact_percent &&
           agent->conversation.count > agent->compacted;
}

bool agent_compact_first(struct agent *agent)
{
    agent->summed_first = agent_compaction_due(agent) && agent_compact(agent, NULL, NULL);
    return agent->summed_first;
}

void agent_aside_cancel(struct agent *agent)
{
    if (agent->aside_kind != ASIDE_NONE) {
        agent->aside_stopped = true;
        agent->stops_next = agent->summed_first;
        infer_cancel(agent->options.infer);
    }
}

static void keep_summary(struct agent *agent, const char *summary)
{
    struct err err = {0};
    struct str text;
    size_t upto = agent->conversation.count;
    str_init(&text);
    compaction_append(&text, &agent->conversation, upto, summary);
    bool ok = store_compaction_put(agent->options.store, agent->journal.id, (int64_t)upto,
                                   text.data, &err) &&
              agent_load_compaction(agent, &err);
    str_finish(&text);
    agent->context_used = 0; /* not known until the next step */
    agent_say(agent, AGENT_NOTICE,
              ok ? "The model goes on with a summary of what was said; /expand takes that back."
                 : err.text);
}

bool agent_expand(struct agent *agent, bool *undone, struct err *err)
{
    *undone = false;
    if (agent_busy(agent)) {
        return err_set(err, ERR_ARGUMENT, "something still runs; Esc stops it");
    }
    return agent->journal.id[0] == '\0' ||
           (store_compaction_undo(agent->options.store, agent->journal.id, undone, err) &&
            agent_load_compaction(agent, err));
}

/* --- what comes back --- */

static void aside_ended(struct agent *agent, const struct infer_event *event)
{
    enum aside_kind kind = agent->aside_kind;
    bool whole = event->kind == INFER_DONE && event->stop != CHAT_STOP_CANCEL;
    step_end(&agent->aside, whole ? event->stop : CHAT_STOP_CANCEL);
    char *text = mem_strdup(step_message(&agent->aside)->text);
    bool said = text[strspn(text, " \t\r\n")] != '\0';
    step_finish(&agent->aside);
    agent->aside_kind = ASIDE_NONE;
    agent->aside_stopped = false;
    agent->kv_stale = true;
    if (kind == ASIDE_TITLE && whole) {
        keep_title(agent, text);
    } else if (kind == ASIDE_SUMMARY && whole && said) {
        keep_summary(agent, text);
    } else if (kind == ASIDE_SUMMARY) {
        agent->context_used = 0; /* not tried again at once */
        agent_say(agent, AGENT_NOTICE,
                  event->kind == INFER_FAILED ? event->error.text
                                              : "The conversation was not summed up.");
    }
    if (kind == ASIDE_WORDS) {
        agent_words_ended(agent, event, whole ? text : "");
    } else if (kind == ASIDE_BTW) {
        agent_btw_ended(agent, event, text);
    }
    mem_free(text);
    bool stops = agent->stops_next;
    agent->stops_next = agent->summed_first = false;
    agent_start_waiting(agent);
    if (stops) { /* its turn, too: the message is kept, and not answered */
        agent_cancel(agent);
    }
}

bool agent_aside_event(struct agent *agent, const struct infer_event *event)
{
    if (agent->aside_kind == ASIDE_NONE || event->number != agent->aside_request) {
        return false;
    }
    if (event->kind == INFER_TOKEN && !agent->aside_stopped) {
        if (!step_token(&agent->aside, event->token, event->control, event->bytes, event->length)) {
            agent->aside_stopped = true;
            infer_cancel(agent->options.infer);
        }
    } else if (event->kind == INFER_DONE || event->kind == INFER_FAILED) {
        aside_ended(agent, event);
    }
    return true;
}
