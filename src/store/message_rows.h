/* message_rows: rows of messages as bytes, for the files that copy and check them. Private to
 * src/store; store.h has what others see. */
#ifndef CARAT_STORE_MESSAGE_ROWS_H
#define CARAT_STORE_MESSAGE_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "db.h"

/* What is in the row's columns, as bytes, borrowed. */
struct message_columns {
    int role, complete;
    const void *text, *thought, *details, *tokens; /* thought, details, tokens: NULL = none */
    size_t text_length, thought_length, details_length, tokens_length;
};

/* Of a row at its place in a conversation. */
int64_t message_rows_hash(const char *conversation, int64_t ordinal,
                          const struct message_columns *columns);
/* The same in two steps, for many rows of one conversation: what they share, and a row. */
struct row_hash;
void message_rows_hash_start(const char *conversation, struct row_hash *hash);
void message_rows_hash_add(struct row_hash *hash, int64_t ordinal,
                           const struct message_columns *columns);

/* Columns from `first` on: role, complete, text, thought, details, tokens. Valid until the next
 * step. */
void message_rows_read_columns(sqlite3_stmt *statement, int first, struct message_columns *columns);

/* The fields that the columns hold, into an initialised message of their role. */
struct chat_message;
bool message_rows_fill(const struct message_columns *columns, struct chat_message *message,
                       struct err *err);
/* store_message_append inside a transaction. */
bool message_rows_append(struct db *db, const char *id, const struct chat_message *message,
                         struct err *err);

/* Writes the pieces of answers (growth_rows.h) into the rows of the conversation. Inside a
 * transaction. */
bool message_rows_fold(struct db *db, const char *id, int64_t key, struct err *err);

/* Adds a row, without telling lists or search. `key` and `conversation` name the same one. */
bool message_rows_insert(struct db *db, int64_t key, const char *conversation, int64_t ordinal,
                         const struct message_columns *columns, int64_t created_ms, int64_t *row,
                         struct err *err);

#endif
