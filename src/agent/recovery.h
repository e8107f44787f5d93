/* recovery: a conversation taken up again, after an orderly end or a crash.
 *
 * What was on disk is loaded. Calls of the last step that have no result get one that says what is
 * known: a call that had been started has an unknown outcome and is never run again by itself.
 */
#ifndef CARAT_AGENT_RECOVERY_H
#define CARAT_AGENT_RECOVERY_H

#include <stdbool.h>

#include "agent/journal.h"
#include "chat/conversation.h"

struct err;

/* Fills an initialised, empty conversation; the journal goes on with it. *next_call: the number of
 * the first call id that is free. On failure the conversation may hold what could be loaded. */
bool recovery_resume(struct journal *journal, const char *id,
                     struct chat_conversation *conversation, unsigned *next_call, struct err *err);

#endif
