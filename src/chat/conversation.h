/* conversation: who said what, as values.
 *
 * A conversation is a list of messages. A model message is one step: an optional thought, optional
 * text, then calls. The results of its calls follow as CHAT_TOOL messages in call order; the next
 * model message continues the same turn. `tokens` is what the model itself sampled in that step,
 * stop token included: it goes back into the prompt as it was, so that the cached prefix matches.
 *
 * Plain structs; strings are owned by the message and never NULL unless said; JSON values hold one
 * reference. Not thread-safe: hand over copies.
 */
#ifndef CARAT_CHAT_CONVERSATION_H
#define CARAT_CHAT_CONVERSATION_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum chat_role { CHAT_SYSTEM, CHAT_USER, CHAT_MODEL, CHAT_TOOL };

struct chat_call {
    char *id; /* unique in the conversation; "" when foreign and absent */
    char *name;
    json_t *arguments; /* an object */
};

struct chat_medium;

enum chat_part_kind { CHAT_PART_TEXT, CHAT_PART_IMAGE, CHAT_PART_AUDIO, CHAT_PART_VIDEO };

struct chat_part {
    enum chat_part_kind kind;
    char *text;                 /* of TEXT; of a VIDEO that is one frame its time, "mm:ss" */
    char *handle;               /* of a medium: where the store keeps its file; NULL = nowhere */
    struct chat_medium *medium; /* a reference; NULL = not here (imported, or text) */
};

struct chat_message {
    enum chat_role role;
    char *text;              /* the content; "" when there are only parts */
    char *thought;           /* CHAT_MODEL; "" = none */
    struct chat_part *parts; /* content given as parts instead of text; NULL = none */
    size_t part_count;
    struct chat_call *calls; /* CHAT_MODEL */
    size_t call_count;
    char *call_id;   /* CHAT_TOOL: which call it answers; "" when foreign and absent */
    char *call_name; /* CHAT_TOOL: the tool's name; "" when foreign and absent */
    json_t *result;  /* CHAT_TOOL: a structured result (object), NULL = `text` is the result */
    bool failed;     /* CHAT_TOOL: the tool says it failed, or it was denied */
    int32_t *tokens; /* CHAT_MODEL: as sampled; NULL = made elsewhere, rendered from the fields */
    size_t token_count;
    bool complete; /* CHAT_MODEL: false = interrupted; what is here was shown */
};

struct chat_conversation {
    struct chat_message *messages;
    size_t count, capacity;
};

void chat_message_init(struct chat_message *message, enum chat_role role);
void chat_message_finish(struct chat_message *message);
void chat_message_copy(struct chat_message *to, const struct chat_message *from); /* deep */
void chat_message_set_text(struct chat_message *message, const char *text, size_t length);
struct chat_call *chat_message_add_call(struct chat_message *message, const char *id,
                                        const char *name,
                                        json_t *arguments /* reference is taken over */);

void chat_conversation_init(struct chat_conversation *conversation);
void chat_conversation_finish(struct chat_conversation *conversation);
/* Moves *message in; returns its place, valid until the next add. */
struct chat_message *chat_conversation_add(struct chat_conversation *conversation,
                                           struct chat_message *message);

#endif
