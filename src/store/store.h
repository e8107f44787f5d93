/* store: conversations on disk, in SQLite, so that what was seen is never lost.
 *
 * WAL and synchronous=EXTRA: when a function here returns true, what it was given survives kill -9
 * and power loss. Text bodies carry a hash that is checked when they are read. The schema is
 * versioned; older files are migrated in one transaction a step (after a copy), newer ones are
 * refused. One connection, the loop thread.
 *
 * Errors name what could not be kept and why (disk full, read-only folder); a failed call changes
 * nothing.
 */
#ifndef CARAT_STORE_STORE_H
#define CARAT_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chat/conversation.h"

struct err;
struct store;

/* `path` is the database file; its folder must exist. ":memory:" for tests. */
struct store *store_open(const char *path, struct err *err);
void store_close(struct store *store);

/* The last user of this store did not close it, and the file is so large that it was not looked
 * through at this opening, as a small one is. What is read is checked all the same. */
bool store_unchecked(const struct store *store);
/* NULL, or a sentence that the user must see: the disk is full and what was kept last is in the
 * room of the reserve. True until there is room again. */
const char *store_warning(const struct store *store);
/* For idle moments: moves the write-ahead log into the database. ERR_UNAVAILABLE when another
 * process is reading; nothing is lost by that. */
bool store_checkpoint(struct store *store, struct err *err);

/* --- conversations --- */

enum store_titled_by { STORE_TITLE_NONE, STORE_TITLE_MODEL, STORE_TITLE_USER };

enum { STORE_TAG_LIMIT = 64 };

struct store_conversation {
    char id[37];     /* UUID version 7: sorts by time of birth */
    char *title;     /* "" = none yet */
    char *workspace; /* absolute path */
    char *model;     /* name of the model last used */
    char *tags;      /* "a, b" or "" */
    char *beginning; /* of its first message, for lists; "" = it has none */
    int64_t created_ms, updated_ms;
    int64_t archived_ms, trashed_ms; /* 0 = is not */
    int64_t message_count;
    enum store_titled_by titled_by;
    char parent[37];      /* the one it was forked from, which may be gone; "" = none */
    int64_t parent_count; /* so many messages of both are the same */
};

void store_conversation_finish(struct store_conversation *conversation);

/* Makes one; id (37 bytes) is written. */
bool store_conversation_create(struct store *store, const char *workspace, const char *model,
                               char id[37], struct err *err);
/* The same with an id that the caller has, a UUID; ERR_ARGUMENT when it is taken. */
bool store_conversation_create_as(struct store *store, const char *workspace, const char *model,
                                  const char *id, struct err *err);
/* By full id or a unique prefix of at least 4 characters; ERR_NOT_FOUND, or ERR_ARGUMENT naming the
 * candidates when the prefix is ambiguous. */
bool store_conversation_find(struct store *store, const char *id_or_prefix,
                             struct store_conversation *out, struct err *err);
/* The newest with at least one message; of `workspace` when not NULL. */
bool store_conversation_last(struct store *store, const char *workspace,
                             struct store_conversation *out, struct err *err);
/* Newest first, at most `limit`, those without messages too. *list: finish each, then mem_free. */
enum store_which { STORE_SHOWN, STORE_ARCHIVED, STORE_TRASHED, STORE_ALL };
bool store_conversation_list(struct store *store, enum store_which which, size_t limit,
                             struct store_conversation **list, size_t *count, struct err *err);
/* By the user. */
bool store_conversation_set_title(struct store *store, const char *id, const char *title,
                                  struct err *err);
/* By the model: changes nothing when the user has given a title. */
bool store_conversation_suggest_title(struct store *store, const char *id, const char *title,
                                      struct err *err);
bool store_conversation_set_model(struct store *store, const char *id, const char *model,
                                  struct err *err);

/* Takes the conversation for this opening of the store, until it is released or the store is
 * closed; again is fine. ERR_DENIED, saying which process, when another one that lives has it: the
 * caller may read it and write to one of its own. The lease of a dead process does not count. */
bool store_conversation_lease(struct store *store, const char *id, struct err *err);
bool store_conversation_release(struct store *store, const char *id, struct err *err);

/* Out of the ordinary list, and back. Nothing is ever archived or trashed by itself. */
bool store_conversation_archive(struct store *store, const char *id, bool archived,
                                struct err *err);
bool store_conversation_trash(struct store *store, const char *id, bool trashed, struct err *err);
/* A tag is one word of at most STORE_TAG_LIMIT bytes, without a comma. */
bool store_conversation_tag(struct store *store, const char *id, const char *tag, bool on,
                            struct err *err);
/* A whole conversation from elsewhere, or nothing of it. ERR_ARGUMENT when there is one of the same
 * origin already. In lists and searches it stands at its own time. */
struct store_birth {
    const char *workspace, *model, *title; /* "" = none */
    const char *origin;                    /* "codex:ID" */
    int64_t created_ms, updated_ms;        /* 0 = not told: now */
};
bool store_conversation_import(struct store *store, const struct store_birth *birth,
                               const struct chat_conversation *messages, char id[37],
                               struct err *err);
/* Reads the store of another program, `llm` (tables conversations and responses), without changing
 * a byte of it; each conversation is handed over once, as long as `take` returns true. *left_out:
 * how many attachments, fragments, calls of tools and results it has, which are not taken. */
typedef bool store_llm_take(void *context, const struct store_birth *birth,
                            const struct chat_conversation *messages, struct err *err);
bool store_llm_read(const char *path, store_llm_take *take, void *context, int64_t *left_out,
                    struct err *err);

/* Makes a conversation that begins with the first `keep` messages of another one (all when there
 * are fewer) and with its results; rows are copied, so that neither changes with the other. */
bool store_conversation_fork(struct store *store, const char *id, int64_t keep, char fork[37],
                             struct err *err);
/* Shortens a conversation to its first `keep` messages. What it was is kept whole as a
 * conversation of its own, `branch`. ERR_ARGUMENT when there is nothing to take off. */
bool store_conversation_rewind(struct store *store, const char *id, int64_t keep, char branch[37],
                               struct err *err);
/* Deletes for good a conversation that is in the trash; ERR_ARGUMENT when it is not. */
bool store_conversation_purge(struct store *store, const char *id, struct err *err);

/* --- what a conversation's beginning was shortened to, for the model --- */

struct store_compaction {
    int64_t upto; /* the text stands for the messages before this one; 0 = there is none */
    char *text;   /* mem_free; NULL when there is none */
};

/* The messages stay as they are. A later one replaces an earlier one. */
bool store_compaction_put(struct store *store, const char *conversation, int64_t upto,
                          const char *text, struct err *err);
/* The latest. A damaged one is an error. */
bool store_compaction_get(struct store *store, const char *conversation,
                          struct store_compaction *out, struct err *err);
/* Takes the latest back: the one before it holds again, or none. *undone: there was one. */
bool store_compaction_undo(struct store *store, const char *conversation, bool *undone,
                           struct err *err);

/* --- search over everything that is not in the trash --- */

struct store_hit {
    struct store_conversation conversation;
    int64_t ordinal; /* of the message; -1 = the title */
    enum chat_role role;
    int64_t created_ms;
    char *snippet; /* the words found are between bytes 1 and 2 */
};

/* The best first, titles before messages, at most `limit`; of what is in more than 5,000 messages
 * the best of the newest 5,000. Every word must be in the same message;
 * "several words" in quotes in this order; word* finds its beginnings. *hits: finish each, then
 * mem_free. */
bool store_search(struct store *store, const char *words, size_t limit, struct store_hit **hits,
                  size_t *count, struct err *err);
void store_hit_finish(struct store_hit *hit);
/* Indexes what is not yet indexed, for at most some 15 ms. *left: there is more to do. */
bool store_search_work(struct store *store, bool *left, struct err *err);

/* --- messages: committed before the next step acts --- */

/* Appends; *row names the message from now on. */
bool store_message_append(struct store *store, const char *conversation,
                          const struct chat_message *message, int64_t *row, struct err *err);
/* The same for an answer that still grows, cheaply enough for every frame of the screen, however
 * long it is: what was given survives kill -9 at once, and power loss with the next call that
 * commits anything else. */
bool store_message_grow(struct store *store, int64_t row, const struct chat_message *message,
                        struct err *err);
/* Replaces a message's content by its final form. The role stays. */
bool store_message_update(struct store *store, int64_t row, const struct chat_message *message,
                          struct err *err);
/* All of them, in order, into an initialised, empty conversation. A body whose hash does not match
 * is reported in *err and nothing is loaded. rows (may be NULL): their names, mem_free. */
bool store_messages_load(struct store *store, const char *conversation,
                         struct chat_conversation *out, int64_t **rows, struct err *err);
/* When the message at that place was kept; ERR_NOT_FOUND. */
bool store_message_time(struct store *store, const char *conversation, int64_t ordinal,
                        int64_t *created_ms, struct err *err);

/* --- tool calls: what was asked, decided, started and got --- */

enum store_call_state {
    STORE_CALL_ASKED,    /* the model wants it */
    STORE_CALL_DENIED,   /* by the user or a rule */
    STORE_CALL_STARTED,  /* approved and started; without an end after a crash: outcome unknown */
    STORE_CALL_FINISHED, /* its result is a message */
};

struct store_call {
    char *call_id, *name;
    json_t *arguments; /* an object */
    enum store_call_state state;
    char *decided_by; /* "user", "rule: ...", "mode: ..." */
    int64_t asked_ms, started_ms, finished_ms;
};

/* Inserts or moves on the state of a call of this conversation; what is NULL or 0 stays as it is
 * kept. ERR_ARGUMENT when the state would go back. */
bool store_call_put(struct store *store, const char *conversation, const struct store_call *call,
                    struct err *err);
/* Calls without an end (ASKED or STARTED), in the order they were asked: *list finish each with
 * store_call_finish, then mem_free. */
bool store_calls_unfinished(struct store *store, const char *conversation, struct store_call **list,
                            size_t *count, struct err *err);
void store_call_finish(struct store_call *call);
/* Whether a call of this conversation was refused; false also for one that is not there. */
bool store_call_denied(struct store *store, const char *conversation, const char *call_id);

enum { STORE_RESULT_LIMIT = 64 * 1024 * 1024, STORE_MESSAGE_LIMIT = 64 * 1024 * 1024 };

/* Large results are kept whole, in pieces, under a handle ("r1", "r2", ... in a conversation). */
bool store_result_put(struct store *store, const char *conversation, const char *bytes,
                      size_t length, char handle[16], struct err *err);
/* Puts other bytes under a handle that is there; ERR_NOT_FOUND when it is not. */
bool store_result_replace(struct store *store, const char *conversation, const char *handle,
                          const char *bytes, size_t length, struct err *err);
/* ERR_NOT_FOUND when there is no such handle. *bytes: mem_free. */
bool store_result_get(struct store *store, const char *conversation, const char *handle,
                      char **bytes, size_t *length, struct err *err);

/* Of the library that is used, "3.40.1". */
const char *store_sqlite_version(void);

#endif
