/* agent_btw: a question of the user's beside the conversation, answered from it and kept nowhere.
 *
 * It is asked as a title is (agent_aside.c): behind all that was said, so that what the model has
 * read is used again, and leaves no message, no row and no token of the conversation. The model is
 * told of its tools, because the prompt must begin as the others do; a call that it writes is not
 * looked at.
 */
#include <string.h>

#include "agent/agent_state.h"
#include "base/str.h"
#include "infer/infer.h"
#include "prompts.h"

enum { ANSWER_TOKENS = 1024 };

bool agent_ask_btw(struct agent *agent, const char *question, struct err *err)
{
    if (question[strspn(question, " \t\n")] == '\0') {
        return err_set(err, ERR_ARGUMENT, "there is no question");
    }
    if (!agent_aside_possible(agent, err)) {
        return false;
    }
    struct chat_message message;
    struct str text;
    str_init(&text);
    str_append_format(&text, "%s\n%s", prompts_btw, question);
    chat_message_init(&message, CHAT_USER);
    chat_message_set_text(&message, text.data, text.length);
    bool ok = agent_aside_ask(agent, ASIDE_BTW, &message, ANSWER_TOKENS, err);
    chat_message_finish(&message);
    str_finish(&text);
    return ok;
}

void agent_btw_ended(struct agent *agent, const struct infer_event *event, const char *text)
{
    text += strspn(text, " \t\r\n");
    if (event->kind == INFER_FAILED) {
        agent_say(agent, AGENT_NOTICE, event->error.text);
    } else {
        agent_say(agent, AGENT_BTW, text);
    }
}
