/* agent_voice: what was spoken to the agent, as the words that the model itself hears in
 * it. (As sound it is attached like any other: agent_attach_medium.)
 *
 * For the words the model is asked beside the conversation (agent_aside.c): there is no second
 * model, and the question leaves no trace.
 */
#include <string.h>

#include "agent/agent.h"
#include "agent/agent_state.h"
#include "base/err.h"
#include "base/mem.h"
#include "chat/medium.h"
#include "infer/infer.h"
#include "prompts.h"

/* Somebody who speaks fast says four words a second: eight tokens. */
enum { WORDS_TOKENS_LEAST = 64, WORDS_TOKENS_A_SECOND = 8, SAMPLES_A_SECOND = 16000 };

bool agent_ask_words(struct agent *agent, struct chat_medium *const *sounds, size_t count,
                     struct err *err)
{
    if (!agent_aside_possible(agent, err)) {
        return false;
    }
    if (infer_model(agent->options.infer)->conversation) {
        return err_set(err, ERR_UNSUPPORTED, "a server's model is not sent what was spoken");
    }
    struct chat_message question;
    size_t samples = 0;
    chat_message_init(&question, CHAT_USER);
    chat_message_set_text(&question, prompts_words, strlen(prompts_words));
    question.parts = mem_zero(count + 1, sizeof *question.parts);
    question.parts[question.part_count++] =
        (struct chat_part){.kind = CHAT_PART_TEXT, .text = mem_strdup(prompts_words)};
    for (size_t i = 0; i < count; i++) {
        question.parts[question.part_count++] =
            (struct chat_part){.kind = CHAT_PART_AUDIO, .medium = chat_medium_keep(sounds[i])};
        samples += sounds[i]->count;
    }
    int tokens = WORDS_TOKENS_LEAST + (int)(samples / SAMPLES_A_SECOND) * WORDS_TOKENS_A_SECOND;
    bool ok = agent_aside_ask(agent, ASIDE_WORDS, &question, tokens, err);
    chat_message_finish(&question);
    return ok;
}

void agent_words_ended(struct agent *agent, const struct infer_event *event, const char *text)
{
    if (event->kind == INFER_FAILED) {
        agent_say(agent, AGENT_NOTICE, event->error.text);
    }
    text += strspn(text, " \t\r\n");
    agent->callback(agent->context, &(struct agent_event){
                                        .kind = AGENT_WORDS, .text = text, .length = strlen(text)});
}
