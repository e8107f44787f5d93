/* rows: what the files with the tables' rows share. Private to src/store. */
#ifndef CARAT_STORE_ROWS_H
#define CARAT_STORE_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "db.h"
#include "growth_rows.h"
#include "store.h"

struct store {
    struct db *db;
    int64_t opening;    /* our row in openings; 0 = none (the disk was full) */
    uint64_t last_uuid; /* uuid.h's memory */
    struct growth growth;
    bool unchecked; /* the last user died, and the file is too large to be looked through */
};

/* The columns of a store_conversation in a query, and how they are read, from `first` on; ids are
 * those of the table `conversations`. conversation_rows.c */
#define CONVERSATION_COLUMNS                                                                   \
    "conversations.id, conversations.title, workspace, model, conversations.created_ms, "      \
    "updated_ms, message_count, archived_ms, trashed_ms, titled_by, parent, parent_count, "    \
    "(SELECT group_concat(tag, ', ') FROM tags WHERE tags.conversation = conversations.key), " \
    "(SELECT substr(text, 1, 160) FROM messages "                                              \
    "WHERE messages.conversation = conversations.key AND ordinal = 0)"
void conversation_rows_read(sqlite3_stmt *statement, int first, struct store_conversation *out);

/* The row of a conversation by its full id; ERR_NOT_FOUND. conversation_rows.c */
bool conversation_rows_key(struct db *db, const char *id, int64_t *key, struct err *err);
bool conversation_rows_insert(struct db *db, const char *id, const char *workspace,
                              const char *model, struct err *err);

#endif
