/* compaction: the text that stands for the beginning of a conversation when the model reads it.
 *
 * What the model wrote about it, and what must not depend on how well it wrote: the user's first
 * words, the files and the commands of the calls, as they were. The messages themselves stay in the
 * store and on the screen; the text is only what the model is given instead of them. Pure.
 */
#ifndef CARAT_AGENT_COMPACTION_H
#define CARAT_AGENT_COMPACTION_H

#include <stddef.h>

#include "chat/conversation.h"

struct str;

/* For the first `upto` messages. */
void compaction_append(struct str *out, const struct chat_conversation *conversation, size_t upto,
                       const char *summary);

#endif
