/* attached: the pictures and sounds of a message, from the user's files to the conversation and
 * back from the store.
 */
#ifndef CARAT_AGENT_ATTACHED_H
#define CARAT_AGENT_ATTACHED_H

#include <stdbool.h>
#include <stddef.h>

struct attachment_tool;
struct chat_conversation;
struct chat_medium;
struct chat_message;
struct chat_part;
struct err;
struct journal;

/* What goes with a message that is not sent yet. Zeroed: nothing. */
struct attached {
    struct chat_medium **items; /* references */
    size_t count, capacity;
};

/* One file more, decoded (attachment.h). */
bool attached_open(struct attached *attached, const struct attachment_tool *tool, const char *path,
                   bool picture, struct err *err);
/* One that is decoded already; takes a reference. */
void attached_add(struct attached *attached, struct chat_medium *medium);
/* Keeps the first `count`. */
void attached_cut(struct attached *attached, size_t count);
void attached_release(struct attached *attached);

/* Gives a message with text its parts: pictures, text, sounds, the order in which the models were
 * trained to be asked. The files go to the journal's store first: a message that is on disk can be
 * shown again. Without anything attached the message stays as it is. */
bool attached_to_message(const struct attached *attached, struct journal *journal,
                         struct chat_message *message, struct err *err);

/* A tool's picture, in the message of its result: it follows the response. */
bool attached_to_result(struct chat_medium *picture, struct journal *journal,
                        struct chat_message *message, struct err *err);

/* The next picture or sound from message *message, part *part on whose file is in the store and
 * which is not decoded. False when there is none left. */
bool attached_missing(const struct chat_conversation *conversation, size_t *message, size_t *part);
/* Its file's bytes, the caller's (mem_free). */
bool attached_read(struct journal *journal, const struct chat_part *part, char **bytes,
                   size_t *size, struct err *err);
/* What cannot be read any more is said in its place, in words for the model; the store keeps what
 * it has. */
void attached_lose(struct chat_part *part);

#endif
