/* Tool calls: a row for each, moved on through its states. After a crash, what had started and has
 * no end is known from here. */
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/vec.h"

#include "message_body.h"
#include "row_hash.h"
#include "rows.h"

void store_call_finish(struct store_call *call)
{
    mem_free(call->call_id);
    mem_free(call->name);
    mem_free(call->decided_by);
    json_decref(call->arguments);
    memset(call, 0, sizeof *call);
}

static int64_t hash_call(const char *conversation, const char *call_id, const char *name,
                         const char *arguments)
{
    struct row_hash hash;
    row_hash_init(&hash);
    row_hash_bytes(&hash, conversation, strlen(conversation));
    row_hash_bytes(&hash, call_id, strlen(call_id));
    row_hash_bytes(&hash, name, strlen(name));
    row_hash_bytes(&hash, arguments, strlen(arguments));
    return row_hash_value(&hash);
}

struct put {
    const char *conversation;
    const struct store_call *call;
};

static bool insert(struct db *db, int64_t key, const struct put *put, struct err *err)
{
    static const char SQL[] =
        "INSERT INTO calls (conversation, call_id, name, arguments, state, decided_by, asked_ms, "
        "started_ms, finished_ms, hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    const struct store_call *call = put->call;
    if (call->name == NULL || call->arguments == NULL) {
        return err_set(err, ERR_ARGUMENT, "a new call needs a name and arguments");
    }
    char *arguments = NULL;
    if (!message_body_write_json(call->arguments, &arguments, err)) {
        return false;
    }
    int64_t hash = hash_call(put->conversation, call->call_id, call->name, arguments);
    const char *decided_by = call->decided_by == NULL ? "" : call->decided_by;
    bool ok = db_run_bound(
        db, SQL,
        DB_VALUES(DB_INTEGER(key), DB_TEXT(call->call_id), DB_TEXT(call->name), DB_TEXT(arguments),
                  DB_INTEGER(call->state), DB_TEXT(decided_by), DB_INTEGER(call->asked_ms),
                  DB_INTEGER(call->started_ms), DB_INTEGER(call->finished_ms), DB_INTEGER(hash)),
        err);
    mem_free(arguments);
    return ok;
}

/* *row: 0 when there is none. */
static bool find(struct db *db, int64_t key, const char *call_id, int64_t *row_id, int *state,
                 struct err *err)
{
    static const char SQL[] =
        "SELECT row, state FROM calls WHERE conversation = ?1 AND call_id = ?2";
    sqlite3_stmt *statement = db_bound(db, SQL, DB_VALUES(DB_INTEGER(key), DB_TEXT(call_id)), err);
    if (statement == NULL) {
        return false;
    }
    bool row = false;
    bool ok = db_step(db, statement, &row, err);
    *row_id = ok && row ? sqlite3_column_int64(statement, 0) : 0;
    *state = ok && row ? sqlite3_column_int(statement, 1) : 0;
    db_done(statement);
    return ok;
}

static bool move_on(struct db *db, int64_t row_id, const struct store_call *call, struct err *err)
{
    static const char SQL[] = "UPDATE calls SET state = ?2, "
                              "decided_by = coalesce(nullif(?3, ''), decided_by), "
                              "asked_ms = coalesce(nullif(?4, 0), asked_ms), "
                              "started_ms = coalesce(nullif(?5, 0), started_ms), "
                              "finished_ms = coalesce(nullif(?6, 0), finished_ms) WHERE row = ?1";
    return db_run_bound(db, SQL,
                        DB_VALUES(DB_INTEGER(row_id), DB_INTEGER(call->state),
                                  DB_TEXT(call->decided_by), DB_INTEGER(call->asked_ms),
                                  DB_INTEGER(call->started_ms), DB_INTEGER(call->finished_ms)),
                        err);
}

static bool put(struct db *db, void *context, struct err *err)
{
    const struct put *put = context;
    const struct store_call *call = put->call;
    int64_t key, row_id;
    int state;
    if (!conversation_rows_key(db, put->conversation, &key, err) ||
        !find(db, key, call->call_id, &row_id, &state, err)) {
        return false;
    }
    if (row_id == 0) {
        return insert(db, key, put, err);
    }
    /* A call that was denied never starts; its result may still become a message. */
    if ((int)call->state < state ||
        (state == STORE_CALL_DENIED && call->state == STORE_CALL_STARTED)) {
        return err_set(err, ERR_ARGUMENT, "call %s cannot go from state %d to %d", call->call_id,
                       state, (int)call->state);
    }
    return move_on(db, row_id, call, err);
}

bool store_call_put(struct store *store, const char *conversation, const struct store_call *call,
                    struct err *err)
{
    if (call->call_id == NULL || call->call_id[0] == '\0') {
        return err_set(err, ERR_ARGUMENT, "keeping a tool call: it has no id");
    }
    struct put wish = {conversation, call};
    return db_transaction(store->db, DB_WRITE, put, &wish, err) ||
           err_prefix(err, "keeping a tool call");
}

struct call_list {
    struct store_call *items;
    size_t count, capacity;
};

/* On failure *call is to be finished all the same. */
static bool read_call(const char *conversation, sqlite3_stmt *statement, struct store_call *call,
                      struct err *err)
{
    memset(call, 0, sizeof *call);
    call->call_id = db_column_text(statement, 0);
    call->name = db_column_text(statement, 1);
    call->state = (enum store_call_state)sqlite3_column_int(statement, 3);
    call->decided_by = db_column_text(statement, 4);
    call->asked_ms = sqlite3_column_int64(statement, 5);
    call->started_ms = sqlite3_column_int64(statement, 6);
    call->finished_ms = sqlite3_column_int64(statement, 7);
    char *arguments = db_column_text(statement, 2);
    bool ok = hash_call(conversation, call->call_id, call->name, arguments) ==
                  sqlite3_column_int64(statement, 8) ||
              err_set(err, ERR_FORMAT, "a tool call is damaged: its hash does not match");
    ok = ok && message_body_read_json(arguments, strlen(arguments), &call->arguments, err);
    mem_free(arguments);
    return ok;
}

static bool read_calls(struct db *db, int64_t key, const char *conversation, struct call_list *list,
                       struct err *err)
{
    /* The states are spelled as in the index calls_unfinished, or it would not be used. */
    static const char SQL[] =
        "SELECT call_id, name, arguments, state, decided_by, asked_ms, started_ms, finished_ms, "
        "hash FROM calls WHERE conversation = ?1 AND state IN (0, 2) ORDER BY row";
    sqlite3_stmt *statement = db_bound(db, SQL, DB_VALUES(DB_INTEGER(key)), err);
    if (statement == NULL) {
        return false;
    }
    bool row = false;
    bool ok;
    while ((ok = db_step(db, statement, &row, err)) && row) {
        vec_room(&list->items, &list->capacity, list->count + 1, sizeof *list->items);
        ok = read_call(conversation, statement, &list->items[list->count++], err);
        if (!ok) {
            break;
        }
    }
    db_done(statement);
    return ok;
}

bool store_calls_unfinished(struct store *store, const char *conversation, struct store_call **list,
                            size_t *count, struct err *err)
{
    int64_t key;
    struct call_list read = {0};
    if (!conversation_rows_key(store->db, conversation, &key, err) ||
        !read_calls(store->db, key, conversation, &read, err)) {
        for (size_t i = 0; i < read.count; i++) {
            store_call_finish(&read.items[i]);
        }
        mem_free(read.items);
        return err_prefix(err, "reading the tool calls of conversation %s", conversation);
    }
    *list = read.items;
    *count = read.count;
    return true;
}

bool store_call_denied(struct store *store, const char *conversation, const char *call_id)
{
    static const char SQL[] = "SELECT state FROM calls WHERE conversation = ?1 AND call_id = ?2";
    struct err err;
    int64_t key;
    bool row = false, denied = false;
    sqlite3_stmt *statement = conversation_rows_key(store->db, conversation, &key, &err)
                                  ? db_statement(store->db, SQL, &err)
                                  : NULL;
    if (statement != NULL) {
        db_bind_integer(store->db, statement, 1, key);
        db_bind_text(store->db, statement, 2, call_id);
        denied = db_step(store->db, statement, &row, &err) && row &&
                 sqlite3_column_int(statement, 0) == (int)STORE_CALL_DENIED;
        db_done(statement);
    }
    return denied;
}
