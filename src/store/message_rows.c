/* Messages: each in a row of its own with a hash over all of it, the conversation it belongs to and
 * its place there: SQLite itself notices little of what can happen to a file. A whole conversation
 * is read in message_load.c.
 */
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"

#include "message_body.h"
#include "message_rows.h"
#include "row_hash.h"
#include "rows.h"
#include "search_rows.h"
#include "uuid.h"

void message_rows_hash_start(const char *conversation, struct row_hash *hash)
{
    row_hash_init(hash);
    row_hash_bytes(hash, conversation, strlen(conversation));
}

void message_rows_hash_add(struct row_hash *hash, int64_t ordinal,
                           const struct message_columns *columns)
{
    row_hash_integer(hash, ordinal);
    row_hash_integer(hash, columns->role);
    row_hash_integer(hash, columns->complete);
    row_hash_bytes(hash, columns->text, columns->text_length);
    row_hash_bytes(hash, columns->thought, columns->thought_length);
    row_hash_bytes(hash, columns->details, columns->details_length);
    row_hash_bytes(hash, columns->tokens, columns->tokens_length);
}

int64_t message_rows_hash(const char *conversation, int64_t ordinal,
                          const struct message_columns *columns)
{
    struct row_hash hash;
    message_rows_hash_start(conversation, &hash);
    message_rows_hash_add(&hash, ordinal, columns);
    return row_hash_value(&hash);
}

/* ---- writing ---- */

/* Bytes with a known length, kept as text. */
#define COLUMN(columns, name) DB_BYTES((columns)->name, (columns)->name##_length)

struct write {
    const char *conversation; /* append */
    const struct chat_message *message;
    int64_t row; /* in for update, out for append */
    struct message_columns columns;
    char *details;
    unsigned char *tokens;
};

static bool write_init(struct write *write, const struct chat_message *message, struct err *err)
{
    memset(write, 0, sizeof *write);
    write->message = message;
    struct message_columns *columns = &write->columns;
    columns->role = (int)message->role;
    columns->complete = message->complete;
    columns->text = message->text;
    columns->text_length = strlen(message->text);
    if (message->thought[0] != '\0') {
        columns->thought = message->thought;
        columns->thought_length = strlen(message->thought);
    }
    if (!message_body_write_details(message, &write->details, err)) {
        return false;
    }
    if (write->details != NULL) {
        columns->details = write->details;
        columns->details_length = strlen(write->details);
    }
    write->tokens = message_body_write_tokens(message, &columns->tokens_length);
    columns->tokens = write->tokens;
    size_t size = columns->text_length + columns->thought_length + columns->details_length +
                  columns->tokens_length;
    return size <= STORE_MESSAGE_LIMIT ||
           err_set(err, ERR_LIMIT, "the message has %zu bytes and at most %d can be kept", size,
                   STORE_MESSAGE_LIMIT);
}

static void write_finish(struct write *write)
{
    mem_free(write->details);
    mem_free(write->tokens);
}

bool message_rows_insert(struct db *db, int64_t key, const char *conversation, int64_t ordinal,
                         const struct message_columns *columns, int64_t created_ms, int64_t *row,
                         struct err *err)
{
    static const char SQL[] =
        "INSERT INTO messages (conversation, ordinal, role, created_ms, complete, hash, text, "
        "thought, details, tokens) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    int64_t hash = message_rows_hash(conversation, ordinal, columns);
    if (!db_run_bound(db, SQL,
                      DB_VALUES(DB_INTEGER(key), DB_INTEGER(ordinal), DB_INTEGER(columns->role),
                                DB_INTEGER(created_ms), DB_INTEGER(columns->complete),
                                DB_INTEGER(hash), COLUMN(columns, text), COLUMN(columns, thought),
                                COLUMN(columns, details),
                                DB_BLOB(columns->tokens, columns->tokens_length)),
                      err)) {
        return false;
    }
    *row = sqlite3_last_insert_rowid(db_handle(db));
    return true;
}

static bool next_ordinal(struct db *db, int64_t conversation, int64_t *ordinal, struct err *err)
{
    static const char SQL[] = "SELECT max(ordinal) + 1 FROM messages WHERE conversation = ?1";
    /* NULL, for no messages, reads as 0. */
    return db_find_integer(db, SQL, DB_VALUES(DB_INTEGER(conversation)), ordinal, NULL, err);
}

static bool touch_conversation(struct db *db, int64_t key, int64_t added, struct err *err)
{
    static const char SQL[] = "UPDATE conversations SET updated_ms = ?2, "
                              "message_count = message_count + ?3 WHERE key = ?1";
    return db_run_bound(
        db, SQL, DB_VALUES(DB_INTEGER(key), DB_INTEGER(clock_wall_ms()), DB_INTEGER(added)), err);
}

static bool append(struct db *db, void *context, struct err *err)
{
    struct write *write = context;
    int64_t key, ordinal;
    return conversation_rows_key(db, write->conversation, &key, err) &&
           next_ordinal(db, key, &ordinal, err) &&
           message_rows_insert(db, key, write->conversation, ordinal, &write->columns,
                               clock_wall_ms(), &write->row, err) &&
           search_rows_note(db, write->row, err) && touch_conversation(db, key, 1, err);
}

bool store_message_append(struct store *store, const char *conversation,
                          const struct chat_message *message, int64_t *row, struct err *err)
{
    struct write write;
    bool ok = write_init(&write, message, err);
    write.conversation = conversation;
    ok = ok && db_transaction(store->db, DB_WRITE, append, &write, err);
    if (ok) {
        *row = write.row;
        growth_note(&store->growth, write.row, message);
    } else {
        err_prefix(err, "keeping a message");
    }
    write_finish(&write);
    return ok;
}

struct import {
    const char *id;
    const struct store_birth *birth;
    const struct chat_conversation *messages;
};

bool message_rows_append(struct db *db, const char *id, const struct chat_message *message,
                         struct err *err)
{
    struct write write;
    bool ok = write_init(&write, message, err);
    write.conversation = id;
    ok = ok && append(db, &write, err);
    write_finish(&write);
    return ok;
}

/* A message's own time is not told; its conversation's last is near enough for a list of hits. */
static bool set_times(struct db *db, int64_t key, const struct store_birth *birth, struct err *err)
{
    static const char CONVERSATION[] =
        "UPDATE conversations SET created_ms = ?2, updated_ms = ?3 WHERE key = ?1";
    static const char MESSAGES[] = "UPDATE messages SET created_ms = ?2 WHERE conversation = ?1";
    int64_t first = birth->created_ms, last = birth->updated_ms;
    return first <= 0 || last < first ||
           (db_run_bound(db, CONVERSATION,
                         DB_VALUES(DB_INTEGER(key), DB_INTEGER(first), DB_INTEGER(last)), err) &&
            db_run_bound(db, MESSAGES, DB_VALUES(DB_INTEGER(key), DB_INTEGER(last)), err));
}

static bool import(struct db *db, void *context, struct err *err)
{
    static const char SQL[] = "UPDATE conversations SET origin = ?2, title = ?3, "
                              "titled_by = CASE ?3 WHEN '' THEN 0 ELSE 2 END WHERE key = ?1";
    static const char THERE[] = "SELECT 1 FROM conversations WHERE origin = ?1 AND origin <> ''";
    const struct import *wish = context;
    const struct store_birth *birth = wish->birth;
    int64_t key, value;
    bool there;
    if (!db_find_integer(db, THERE, DB_VALUES(DB_TEXT(birth->origin)), &value, &there, err)) {
        return false;
    }
    if (there) {
        return err_set(err, ERR_ARGUMENT, "%s is here already", birth->origin);
    }
    bool ok = conversation_rows_insert(db, wish->id, birth->workspace, birth->model, err) &&
              conversation_rows_key(db, wish->id, &key, err) &&
              db_run_bound(
                  db, SQL,
                  DB_VALUES(DB_INTEGER(key), DB_TEXT(birth->origin), DB_TEXT(birth->title)), err) &&
              search_rows_put_title(db, key, err);
    for (size_t i = 0; ok && i < wish->messages->count; i++) {
        ok = message_rows_append(db, wish->id, &wish->messages->messages[i], err);
    }
    return ok && set_times(db, key, birth, err);
}

bool store_conversation_import(struct store *store, const struct store_birth *birth,
                               const struct chat_conversation *messages, char id[37],
                               struct err *err)
{
    char made[UUID_SIZE];
    struct import wish = {made, birth, messages};
    if (!uuid_make(clock_wall_ms(), &store->last_uuid, made, err) ||
        !db_transaction(store->db, DB_WRITE, import, &wish, err)) {
        return err_prefix(err, "importing");
    }
    memcpy(id, made, sizeof made);
    return true;
}

struct place {
    int64_t conversation, ordinal;
    int role;
    char id[37];
};

static bool find_place(struct db *db, int64_t row_id, struct place *place, struct err *err)
{
    static const char SQL[] = "SELECT conversations.key, ordinal, role, id FROM messages "
                              "JOIN conversations ON key = conversation WHERE row = ?1";
    sqlite3_stmt *statement = db_bound(db, SQL, DB_VALUES(DB_INTEGER(row_id)), err);
    if (statement == NULL) {
        return false;
    }
    bool row = false;
    bool ok = db_step(db, statement, &row, err);
    if (ok && row) {
        place->conversation = sqlite3_column_int64(statement, 0);
        place->ordinal = sqlite3_column_int64(statement, 1);
        place->role = sqlite3_column_int(statement, 2);
        char *id = db_column_text(statement, 3);
        memset(place->id, 0, sizeof place->id);
        strncpy(place->id, id, sizeof place->id - 1);
        mem_free(id);
    }
    db_done(statement);
    return ok &&
           (row || err_set(err, ERR_NOT_FOUND, "there is no message %lld", (long long)row_id));
}

static bool update(struct db *db, void *context, struct err *err)
{
    static const char SQL[] = "UPDATE messages SET complete = ?2, hash = ?3, text = ?4, "
                              "thought = ?5, details = ?6, tokens = ?7 WHERE row = ?1";
    const struct write *write = context;
    const struct message_columns *columns = &write->columns;
    struct place place;
    if (!find_place(db, write->row, &place, err)) {
        return false;
    }
    if (place.role != columns->role) {
        return err_set(err, ERR_ARGUMENT, "message %lld has role %d, not %d", (long long)write->row,
                       place.role, columns->role);
    }
    int64_t hash = message_rows_hash(place.id, place.ordinal, columns);
    /* A growing answer writes its own row only; the lists are told at its end. */
    return search_rows_withdraw(db, write->row, err) && growth_rows_forget(db, write->row, err) &&
           db_run_bound(db, SQL,
                        DB_VALUES(DB_INTEGER(write->row), DB_INTEGER(columns->complete),
                                  DB_INTEGER(hash), COLUMN(columns, text), COLUMN(columns, thought),
                                  COLUMN(columns, details),
                                  DB_BLOB(columns->tokens, columns->tokens_length)),
                        err) &&
           (!write->message->complete || touch_conversation(db, place.conversation, 0, err));
}

static bool replace(struct store *store, enum db_access access, int64_t row,
                    const struct chat_message *message, struct err *err)
{
    struct write write;
    bool ok = write_init(&write, message, err);
    write.row = row;
    ok = ok && db_transaction(store->db, access, update, &write, err);
    if (ok) {
        growth_note(&store->growth, row, message);
    } else {
        err_prefix(err, "keeping a message");
    }
    write_finish(&write);
    return ok;
}

struct grow {
    const struct growth *growth;
    const struct chat_message *message;
};

static bool grow(struct db *db, void *context, struct err *err)
{
    const struct grow *grow = context;
    return growth_rows_put(db, grow->growth, grow->message, err);
}

bool store_message_grow(struct store *store, int64_t row, const struct chat_message *message,
                        struct err *err)
{
    struct grow work = {&store->growth, message};
    if (!growth_fits(&store->growth, row, message)) {
        return replace(store, DB_WRITE_UNSYNCED, row, message, err);
    }
    if (!db_transaction(store->db, DB_WRITE_UNSYNCED, grow, &work, err)) {
        return err_prefix(err, "keeping a message");
    }
    growth_note_piece(&store->growth, message);
    return true;
}

bool store_message_update(struct store *store, int64_t row, const struct chat_message *message,
                          struct err *err)
{
    return replace(store, DB_WRITE, row, message, err);
}

/* ---- pieces into their row ---- */

/* A row as it is, with its pieces. A row whose hash is wrong must not get a right one. */
static bool read_row(struct db *db, const char *id, int64_t ordinal, int64_t row,
                     struct chat_message *message, struct err *err)
{
    static const char SQL[] = "SELECT hash, role, complete, text, thought, details, tokens "
                              "FROM messages WHERE row = ?1";
    struct message_columns columns;
    bool found = false;
    sqlite3_stmt *statement = db_bound(db, SQL, DB_VALUES(DB_INTEGER(row)), err);
    bool ok = statement != NULL && db_step(db, statement, &found, err) && found;
    if (ok) {
        message_rows_read_columns(statement, 1, &columns);
        ok = message_rows_hash(id, ordinal, &columns) == sqlite3_column_int64(statement, 0) ||
             err_set(err, ERR_FORMAT, "message %lld is damaged: its hash does not match",
                     (long long)ordinal);
    }
    if (ok) {
        chat_message_init(message, (enum chat_role)columns.role);
        ok = message_rows_fill(&columns, message, err) && growth_rows_read(db, row, message, err);
        if (!ok) {
            chat_message_finish(message);
        }
    }
    if (statement != NULL) {
        db_done(statement);
    }
    return ok;
}

bool message_rows_fold(struct db *db, const char *id, int64_t key, struct err *err)
{
    int64_t row, ordinal;
    while (growth_rows_next(db, key, &row, &ordinal, err)) {
        struct chat_message message;
        struct write write;
        if (row == 0) {
            return true;
        }
        if (!read_row(db, id, ordinal, row, &message, err)) {
            return false;
        }
        bool ok = write_init(&write, &message, err);
        write.row = row;
        ok = ok && update(db, &write, err);
        write_finish(&write);
        chat_message_finish(&message);
        if (!ok) {
            return false;
        }
    }
    return false;
}

/* ---- reading ---- */

void message_rows_read_columns(sqlite3_stmt *statement, int first, struct message_columns *columns)
{
    columns->role = sqlite3_column_int(statement, first);
    columns->complete = sqlite3_column_int(statement, first + 1);
    columns->text = db_column_bytes(statement, first + 2, &columns->text_length);
    columns->thought = db_column_bytes(statement, first + 3, &columns->thought_length);
    columns->details = db_column_bytes(statement, first + 4, &columns->details_length);
    columns->tokens = db_column_bytes(statement, first + 5, &columns->tokens_length);
    /* SQLite gives NULL for bytes of length 0; the hash was over text that is never NULL, and over
     * tokens that may be none of, or an empty list. */
    if (columns->text == NULL) {
        columns->text = "";
    }
    if (columns->tokens == NULL && sqlite3_column_type(statement, first + 5) != SQLITE_NULL) {
        columns->tokens = "";
    }
}

bool message_rows_fill(const struct message_columns *columns, struct chat_message *message,
                       struct err *err)
{
    message->complete = columns->complete != 0;
    chat_message_set_text(message, columns->text, columns->text_length);
    if (columns->thought != NULL) {
        mem_free(message->thought);
        message->thought = mem_strndup(columns->thought, columns->thought_length);
    }
    return (columns->details == NULL ||
            message_body_read_details(columns->details, columns->details_length, message, err)) &&
           (columns->tokens == NULL ||
            message_body_read_tokens(columns->tokens, columns->tokens_length, message, err));
}
