/* Compactions: texts that stand for the beginning of a conversation when the model reads it.
 * Nothing of the conversation itself changes, so taking one back is deleting its row. */
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"

#include "row_hash.h"
#include "rows.h"

static int64_t hash_compaction(const char *conversation, int64_t upto, const char *text)
{
    struct row_hash hash;
    row_hash_init(&hash);
    row_hash_bytes(&hash, conversation, strlen(conversation));
    row_hash_integer(&hash, upto);
    row_hash_bytes(&hash, text, strlen(text));
    return row_hash_value(&hash);
}

struct put {
    const char *conversation, *text;
    int64_t upto;
};

static bool put(struct db *db, void *context, struct err *err)
{
    static const char SQL[] =
        "INSERT INTO compactions (conversation, upto, created_ms, hash, text) "
        "VALUES (?1, ?2, ?3, ?4, ?5)";
    const struct put *put = context;
    int64_t key;
    int64_t hash = hash_compaction(put->conversation, put->upto, put->text);
    return conversation_rows_key(db, put->conversation, &key, err) &&
           db_run_bound(db, SQL,
                        DB_VALUES(DB_INTEGER(key), DB_INTEGER(put->upto),
                                  DB_INTEGER(clock_wall_ms()), DB_INTEGER(hash),
                                  DB_TEXT(put->text)),
                        err);
}

bool store_compaction_put(struct store *store, const char *conversation, int64_t upto,
                          const char *text, struct err *err)
{
    struct put wish = {conversation, text, upto};
    return db_transaction(store->db, DB_WRITE, put, &wish, err) ||
           err_prefix(err, "keeping a compaction");
}

bool store_compaction_get(struct store *store, const char *conversation,
                          struct store_compaction *out, struct err *err)
{
    static const char SQL[] = "SELECT upto, hash, text FROM compactions WHERE conversation = "
                              "(SELECT key FROM conversations WHERE id = ?1) "
                              "ORDER BY row DESC LIMIT 1";
    sqlite3_stmt *statement = db_bound(store->db, SQL, DB_VALUES(DB_TEXT(conversation)), err);
    struct store_compaction read = {0};
    bool row = false;
    bool ok = statement != NULL && db_step(store->db, statement, &row, err);
    if (ok && row) {
        read.upto = sqlite3_column_int64(statement, 0);
        read.text = db_column_text(statement, 2);
        ok = hash_compaction(conversation, read.upto, read.text) ==
                 sqlite3_column_int64(statement, 1) ||
             err_set(err, ERR_FORMAT, "the text is damaged: its hash does not match");
    }
    if (statement != NULL) {
        db_done(statement);
    }
    if (!ok) {
        mem_free(read.text);
        return err_prefix(err, "reading the compaction of conversation %s", conversation);
    }
    *out = read;
    return true;
}

struct undo {
    const char *conversation;
    bool undone;
};

static bool undo(struct db *db, void *context, struct err *err)
{
    static const char SQL[] = "DELETE FROM compactions WHERE row = "
                              "(SELECT max(row) FROM compactions WHERE conversation = ?1)";
    struct undo *undo = context;
    int64_t key;
    if (!conversation_rows_key(db, undo->conversation, &key, err) ||
        !db_run_bound(db, SQL, DB_VALUES(DB_INTEGER(key)), err)) {
        return false;
    }
    undo->undone = sqlite3_changes(db_handle(db)) > 0;
    return true;
}

bool store_compaction_undo(struct store *store, const char *conversation, bool *undone,
                           struct err *err)
{
    struct undo wish = {conversation, false};
    if (!db_transaction(store->db, DB_WRITE, undo, &wish, err)) {
        return err_prefix(err, "taking a compaction back");
    }
    *undone = wish.undone;
    return true;
}
