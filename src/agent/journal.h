/* journal: what the agent commits, when.
 *
 * A conversation gets its row with its first message. An answer that streams in is kept as a
 * partial message that grows: before each frame that shows more of it, and at least every 250 ms or
 * 2 KiB; its last form replaces it. Every function that returns true has put what it was given on
 * disk. Loop thread.
 */
#ifndef CARAT_AGENT_JOURNAL_H
#define CARAT_AGENT_JOURNAL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chat/conversation.h"
#include "store/store.h"

struct err;

struct journal {
    struct store *store; /* borrowed */
    char id[37];         /* "" = no conversation yet */
    char wanted[37];     /* the id that a new one gets; "" = a fresh one */
    int64_t row;         /* of the answer that streams in; 0 = none */
    size_t kept_bytes;   /* of it, at kept_us */
    int64_t kept_us;
    const struct chat_conversation *conversation; /* borrowed */
    size_t owed;      /* so many of its last messages could not be kept */
    int64_t owed_row; /* of the first of these, where a part of it was; 0 = none */
};

void journal_init(struct journal *journal, struct store *store,
                  const struct chat_conversation *conversation);

/* Makes the conversation's row unless it is there, and takes it: no other process goes on with it
 * meanwhile. */
bool journal_open(struct journal *journal, const char *workspace, const char *model,
                  struct err *err);
/* Finds a conversation, takes it and loads its messages and unfinished calls (store.h). */
bool journal_resume(struct journal *journal, const char *id, struct chat_conversation *out,
                    struct store_call **calls, size_t *call_count, struct err *err);

/* The message that was just added to the conversation could not be kept. It is before any other is,
 * for a conversation with a gap (a result whose call is not there) could not be gone on with. */
void journal_owe(struct journal *journal, bool is_answer);

/* Gives the conversation back to other processes; what is still owed has its last chance. */
void journal_close(struct journal *journal);

bool journal_message(struct journal *journal, const struct chat_message *message, struct err *err);

/* A new answer begins. */
void journal_step(struct journal *journal);
/* True when a partial answer that is now `bytes` long should be kept again. */
bool journal_due(const struct journal *journal, size_t bytes);
/* True when there is more of it than is kept. */
bool journal_behind(const struct journal *journal, size_t bytes);
bool journal_partial(struct journal *journal, const struct chat_message *message, size_t bytes,
                     struct err *err);
/* The answer has ended; this is its last form. */
bool journal_answer(struct journal *journal, const struct chat_message *message, struct err *err);

bool journal_call(struct journal *journal, const struct store_call *call, struct err *err);
/* Keeps a large result whole; its handle. */
bool journal_result(struct journal *journal, const char *bytes, size_t length, char handle[16],
                    struct err *err);
/* Puts something else in its place. */
bool journal_replace_result(struct journal *journal, const char *handle, const char *bytes,
                            size_t length, struct err *err);

#endif
