/* calls: the calls of the current step, from the model's wish to the result.
 *
 * The arguments are copied once, when the model has asked: that frozen copy is what is decided on,
 * shown, stored and run. Places are those of the turn machine. Owned by the agent.
 */
#ifndef CARAT_AGENT_CALLS_H
#define CARAT_AGENT_CALLS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/turn.h"
#include "chat/conversation.h"
#include "store/store.h"

struct str;

struct open_call {
    struct store_call record; /* owns id, name and the frozen arguments */
    char *problem;            /* why it cannot be run; NULL = it can */
    char *network;            /* hosts that the user opened for it; NULL = none */
    char *refusal;            /* the reason for a no; NULL = none given */
    bool waits;               /* for the user */
    bool running;
    bool at_hook;                /* a hook of the user's looks at it */
    json_t *response;            /* what its tool gave, while a hook looks at that; else NULL */
    bool failed;                 /* the same */
    struct chat_medium *picture; /* that goes with the response; a reference, or NULL */
};

struct calls {
    struct open_call items[TURN_CALLS_MAX];
    size_t count;
};

/* Takes a call in, behind those that are there (at most TURN_CALLS_MAX). `problem` (may be NULL)
 * moves in. */
struct open_call *calls_add(struct calls *calls, const struct chat_call *asked, char *problem);
void calls_clear(struct calls *calls);
/* NULL when no open call has this id. */
struct open_call *calls_find(struct calls *calls, const char *call_id, int *place);

void calls_set_decided_by(struct open_call *call, const char *who);
/* Opens what the call's question offers (command_network.h). */
void calls_open_network(struct open_call *call);
/* That, appended; nothing for what is no shell command. */
void calls_append_network(const struct open_call *call, struct str *out);
void calls_set_refusal(struct open_call *call, const char *reason /* may be NULL */);

/* The same for the same name and arguments (or the same mistake), whatever the order of keys. */
uint64_t calls_fingerprint(const struct open_call *call);

/* The texts among the arguments, a line each. */
void calls_append_texts(const json_t *arguments, struct str *out);

/* The message that answers a call. */
void calls_result_message(struct chat_message *message, const struct store_call *call,
                          json_t *response, bool failed);

#endif
