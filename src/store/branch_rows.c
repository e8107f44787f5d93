/* Forks, rewinds, and the end of a conversation: what copies and deletes many rows at once.
 *
 * Rows are copied rather than shared: a message's hash covers the conversation it belongs to, a
 * conversation is small next to its K/V, and nothing must be counted before it may be deleted.
 * Everything is one transaction: a fork is there wholly or not at all.
 */
#include <stdint.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"

#include "message_body.h"
#include "message_rows.h"
#include "result_rows.h"
#include "rows.h"
#include "search_rows.h"
#include "uuid.h"

struct branch {
    const char *id;   /* of the original */
    const char *made; /* of the copy */
    int64_t keep;     /* messages of the original that both, or (rewind) it, keep */
    bool rewind;
    int64_t from, to; /* keys */
};

/* ---- copying ---- */

static bool copy_conversation(struct db *db, struct branch *branch, struct err *err)
{
    static const char SQL[] =
        "INSERT INTO conversations (id, title, titled_by, workspace, model, created_ms, "
        "updated_ms, parent, parent_count) "
        "SELECT ?2, title, titled_by, workspace, model, ?3, ?3, id, min(?4, message_count) "
        "FROM conversations WHERE key = ?1";
    static const char TAGS[] = "INSERT INTO tags (conversation, tag) "
                               "SELECT ?2, tag FROM tags WHERE conversation = ?1";
    if (!conversation_rows_key(db, branch->id, &branch->from, err) ||
        !db_run_bound(db, SQL,
                      DB_VALUES(DB_INTEGER(branch->from), DB_TEXT(branch->made),
                                DB_INTEGER(clock_wall_ms()), DB_INTEGER(branch->keep)),
                      err)) {
        return false;
    }
    branch->to = sqlite3_last_insert_rowid(db_handle(db));
    return db_run_bound(db, TAGS, DB_VALUES(DB_INTEGER(branch->from), DB_INTEGER(branch->to)),
                        err) &&
           search_rows_put_title(db, branch->to, err);
}

/* A row whose hash is wrong must not get a right one. */
static bool copy_message(struct db *db, const struct branch *branch, sqlite3_stmt *statement,
                         struct err *err)
{
    struct message_columns columns;
    int64_t ordinal = sqlite3_column_int64(statement, 0), row;
    message_rows_read_columns(statement, 3, &columns);
    if (message_rows_hash(branch->id, ordinal, &columns) != sqlite3_column_int64(statement, 1)) {
        return err_set(err, ERR_FORMAT, "message %lld is damaged: its hash does not match",
                       (long long)ordinal);
    }
    return message_rows_insert(db, branch->to, branch->made, ordinal, &columns,
                               sqlite3_column_int64(statement, 2), &row, err) &&
           search_rows_note(db, row, err);
}

static bool copy_messages(struct db *db, const struct branch *branch, struct err *err)
{
    static const char SQL[] = "SELECT ordinal, hash, created_ms, role, complete, text, thought, "
                              "details, tokens FROM messages WHERE conversation = ?1 "
                              "AND ordinal < ?2 ORDER BY ordinal";
    static const char COUNT[] = "UPDATE conversations SET message_count = ?2 WHERE key = ?1";
    int64_t until = branch->rewind ? INT64_MAX : branch->keep;
    int64_t count = 0;
    sqlite3_stmt *statement =
        db_bound(db, SQL, DB_VALUES(DB_INTEGER(branch->from), DB_INTEGER(until)), err);
    if (statement == NULL) {
        return false;
    }
    bool row = false;
    bool ok;
    while ((ok = db_step(db, statement, &row, err)) && row) {
        ok = copy_message(db, branch, statement, err);
        if (!ok) {
            break;
        }
        count++;
    }
    db_done(statement);
    return ok && db_run_bound(db, COUNT, DB_VALUES(DB_INTEGER(branch->to), DB_INTEGER(count)), err);
}

/* Calls without an end stay with the original: they are its own affair to settle. */
static bool copy_rest(struct db *db, const struct branch *branch, struct err *err)
{
    return result_rows_copy(db, branch->from, branch->id, branch->to, branch->made, err);
}

static bool fork_conversation(struct db *db, void *context, struct err *err)
{
    struct branch *branch = context;
    return copy_conversation(db, branch, err) &&
           message_rows_fold(db, branch->id, branch->from, err) && copy_messages(db, branch, err) &&
           copy_rest(db, branch, err);
}

bool store_conversation_fork(struct store *store, const char *id, int64_t keep, char fork[37],
                             struct err *err)
{
    char made[UUID_SIZE];
    struct branch branch = {.id = id, .made = made, .keep = keep < 0 ? 0 : keep};
    if (!uuid_make(clock_wall_ms(), &store->last_uuid, made, err) ||
        !db_transaction(store->db, DB_WRITE, fork_conversation, &branch, err)) {
        return err_prefix(err, "forking conversation %s", id);
    }
    memcpy(fork, made, sizeof made);
    return true;
}

/* ---- taking off ---- */

static bool delete_calls_of(struct db *db, int64_t key, sqlite3_stmt *statement, struct err *err)
{
    static const char SQL[] = "DELETE FROM calls WHERE conversation = ?1 AND call_id = ?2";
    struct message_columns columns;
    struct chat_message message;
    message_rows_read_columns(statement, 0, &columns);
    if (columns.details == NULL) {
        return true;
    }
    chat_message_init(&message, CHAT_MODEL);
    bool ok = message_body_read_details(columns.details, columns.details_length, &message, err);
    for (size_t i = 0; ok && i < message.call_count; i++) {
        ok = db_run_bound(db, SQL, DB_VALUES(DB_INTEGER(key), DB_TEXT(message.calls[i].id)), err);
    }
    chat_message_finish(&message);
    return ok;
}

/* The numbers of calls are given again after a rewind, so what is known of these must go. */
static bool delete_calls(struct db *db, int64_t key, int64_t from_ordinal, struct err *err)
{
    static const char SQL[] = "SELECT role, complete, text, thought, details, tokens FROM messages "
                              "WHERE conversation = ?1 AND ordinal >= ?2 AND role = 2";
    sqlite3_stmt *statement =
        db_bound(db, SQL, DB_VALUES(DB_INTEGER(key), DB_INTEGER(from_ordinal)), err);
    if (statement == NULL) {
        return false;
    }
    bool row = false;
    bool ok;
    while ((ok = db_step(db, statement, &row, err)) && row) {
        ok = delete_calls_of(db, key, statement, err);
        if (!ok) {
            break;
        }
    }
    db_done(statement);
    return ok;
}

static bool delete_messages(struct db *db, int64_t key, int64_t from_ordinal, struct err *err)
{
    static const char SQL[] = "DELETE FROM messages WHERE conversation = ?1 AND ordinal >= ?2";
    return search_rows_forget(db, key, from_ordinal, err) &&
           db_run_bound(db, SQL, DB_VALUES(DB_INTEGER(key), DB_INTEGER(from_ordinal)), err);
}

static bool rewind_conversation(struct db *db, void *context, struct err *err)
{
    static const char COUNT[] = "UPDATE conversations SET message_count = ?2, updated_ms = ?3 "
                                "WHERE key = ?1";
    static const char COMPACTIONS[] =
        "DELETE FROM compactions WHERE conversation = ?1 AND upto > ?2";
    static const char MESSAGES[] = "SELECT message_count FROM conversations WHERE id = ?1";
    struct branch *branch = context;
    int64_t count;
    if (!db_find_integer(db, MESSAGES, DB_VALUES(DB_TEXT(branch->id)), &count, NULL, err)) {
        return false;
    }
    if (branch->keep >= count) {
        return err_set(err, ERR_ARGUMENT, "it has %lld messages; there is nothing to take off",
                       (long long)count);
    }
    return fork_conversation(db, branch, err) &&
           delete_calls(db, branch->from, branch->keep, err) &&
           delete_messages(db, branch->from, branch->keep, err) &&
           db_run_bound(db, COMPACTIONS,
                        DB_VALUES(DB_INTEGER(branch->from), DB_INTEGER(branch->keep)), err) &&
           db_run_bound(db, COUNT,
                        DB_VALUES(DB_INTEGER(branch->from), DB_INTEGER(branch->keep),
                                  DB_INTEGER(clock_wall_ms())),
                        err);
}

bool store_conversation_rewind(struct store *store, const char *id, int64_t keep, char branch[37],
                               struct err *err)
{
    char made[UUID_SIZE];
    struct branch wish = {.id = id, .made = made, .keep = keep < 0 ? 0 : keep, .rewind = true};
    if (!uuid_make(clock_wall_ms(), &store->last_uuid, made, err) ||
        !db_transaction(store->db, DB_WRITE, rewind_conversation, &wish, err)) {
        return err_prefix(err, "rewinding conversation %s", id);
    }
    memcpy(branch, made, sizeof made);
    return true;
}

static bool purge(struct db *db, void *context, struct err *err)
{
#define PIECES \
    "DELETE FROM result_pieces WHERE result IN (SELECT key FROM results WHERE conversation = ?1)"
    static const char *const STATEMENTS[] = {
        PIECES,
        "DELETE FROM results WHERE conversation = ?1",
        "DELETE FROM calls WHERE conversation = ?1",
        "DELETE FROM tags WHERE conversation = ?1",
        "DELETE FROM compactions WHERE conversation = ?1",
        "DELETE FROM leases WHERE conversation = ?1",
        "DELETE FROM conversations WHERE key = ?1",
    };
    static const char TRASHED[] = "SELECT trashed_ms FROM conversations WHERE key = ?1";
    const char *id = context;
    int64_t key, trashed;
    if (!conversation_rows_key(db, id, &key, err) ||
        !db_find_integer(db, TRASHED, DB_VALUES(DB_INTEGER(key)), &trashed, NULL, err)) {
        return false;
    }
    if (trashed == 0) {
        return err_set(err, ERR_ARGUMENT, "it is not in the trash");
    }
    bool ok = search_rows_withdraw_title(db, key, err) && delete_messages(db, key, 0, err);
    for (size_t i = 0; ok && i < sizeof STATEMENTS / sizeof STATEMENTS[0]; i++) {
        ok = db_run_bound(db, STATEMENTS[i], DB_VALUES(DB_INTEGER(key)), err);
    }
    return ok;
}

bool store_conversation_purge(struct store *store, const char *id, struct err *err)
{
    char copy[UUID_SIZE] = "";
    strncpy(copy, id, sizeof copy - 1);
    return db_transaction(store->db, DB_WRITE, purge, copy, err) ||
           err_prefix(err, "deleting conversation %s", id);
}
