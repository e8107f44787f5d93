/* sampled: what a model message's own tokens become when they go back into a prompt.
 *
 * They go back as they are, because a prompt that repeats them exactly is found in the cache. What
 * must change is decided by token id, never by re-reading text: thoughts of earlier turns go, a
 * call that was cut off goes, the stop token becomes the renderer's business.
 */
#ifndef CARAT_CHAT_SAMPLED_H
#define CARAT_CHAT_SAMPLED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chat/control.h"
#include "chat/conversation.h"
#include "chat/render.h"

/* What follows the message's tokens in the prompt. */
enum chat_sampled_end {
    CHAT_SAMPLED_TURN_ENDS, /* <turn|>: an unfinished call is cut off */
    CHAT_SAMPLED_ANSWERED,  /* <|tool_response>: an unfinished call is closed, it gets an answer */
};

/* True when the message has tokens, all of which this model can have written. Others (of a model
 * with more tokens, or of a damaged store) are not used: the message is rendered from its fields.
 */
bool chat_sampled_usable(const struct chat_message *message, const struct control_ids *ids);

/* What a token stands for; false: there is no such token. */
typedef bool chat_token_bytes(void *context, int32_t id, const char **bytes, size_t *length);

/* True when the message's text, thought and calls' names can be read out of its tokens, as this
 * model spells them. An id is a number: one of another vocabulary may well exist in this one, and
 * mean something else. False also for a message that says nothing. */
bool chat_sampled_says(const struct chat_message *message, const struct control_ids *ids,
                       chat_token_bytes *bytes, void *context);

/* True when the prompt that the tokens were sampled after ended inside an open thought: the first
 * channel token is a closer, or there is a thought and no opener. `after_results` says that the
 * message follows tool results in its turn; only there does a prompt end so. */
bool chat_sampled_began_in_thought(const struct chat_message *message,
                                   const struct control_ids *ids, bool after_results);

/* Appends the tokens up to the stop token, less the thoughts unless they are kept. A kept thought
 * that is still open is closed. */
void chat_sampled_append(struct chat_ids *out, const struct chat_message *message,
                         const struct control_ids *ids, bool began_in_thought, bool keep_thoughts,
                         enum chat_sampled_end end);

#endif
