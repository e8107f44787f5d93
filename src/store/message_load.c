/* A whole conversation out of its rows. Loading checks the hash of each, that the places have no
 * gaps, and that none is missing at the end.
 *
 * The hashes are most of the work. They are compared a few rows late, many rows at once
 * (row_hash.h), and all of them before anybody sees a message.
 */
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/vec.h"

#include "message_rows.h"
#include "row_hash.h"
#include "rows.h"

/* What fits into a processor's second cache. A row that is larger is hashed at once. */
enum { WAITING_ROWS = 256, WAITING_BYTES = 256 * 1024 };

/* Rows that were read and whose hashes are not compared yet. */
struct waiting {
    struct row_hash start; /* over what all rows of the conversation share */
    struct row_hash hashes[WAITING_ROWS];
    int64_t kept[WAITING_ROWS];
    unsigned char bytes[WAITING_BYTES];
    size_t count, used;
    size_t compared; /* rows before these */
};

struct load {
    const char *conversation;
    struct chat_conversation messages;
    int64_t *rows;
    size_t capacity;
    struct waiting *waiting;
};

static bool compare(struct waiting *waiting, struct err *err)
{
    row_hash_settle(waiting->hashes, waiting->count);
    for (size_t i = 0; i < waiting->count; i++) {
        if (row_hash_value(&waiting->hashes[i]) != waiting->kept[i]) {
            return err_set(err, ERR_FORMAT, "message %zu is damaged: its hash does not match",
                           waiting->compared + i);
        }
    }
    waiting->compared += waiting->count;
    waiting->count = waiting->used = 0;
    return true;
}

static bool add_waiting(struct waiting *waiting, int64_t ordinal,
                        const struct message_columns *columns, int64_t kept, struct err *err)
{
    if ((waiting->count == WAITING_ROWS || waiting->used > WAITING_BYTES / 2) &&
        !compare(waiting, err)) {
        return false;
    }
    struct row_hash *hash = &waiting->hashes[waiting->count];
    *hash = waiting->start;
    row_hash_put_aside(hash, waiting->bytes + waiting->used, WAITING_BYTES - waiting->used);
    message_rows_hash_add(hash, ordinal, columns);
    waiting->used += hash->waiting;
    waiting->kept[waiting->count++] = kept;
    return true;
}

static bool read_message(struct db *db, struct load *load, sqlite3_stmt *statement, struct err *err)
{
    struct message_columns columns;
    message_rows_read_columns(statement, 3, &columns);
    size_t place = load->messages.count;
    int64_t row = sqlite3_column_int64(statement, 0), ordinal = sqlite3_column_int64(statement, 1);
    if (ordinal != (int64_t)place) {
        return err_set(err, ERR_FORMAT, "message %zu is missing (the next one is %lld)", place,
                       (long long)ordinal);
    }
    if (!add_waiting(load->waiting, ordinal, &columns, sqlite3_column_int64(statement, 2), err)) {
        return false;
    }
    if (columns.role < CHAT_SYSTEM || columns.role > CHAT_TOOL) {
        return err_set(err, ERR_FORMAT, "message %zu has the unknown role %d", place, columns.role);
    }
    struct chat_message message;
    chat_message_init(&message, (enum chat_role)columns.role);
    if (!message_rows_fill(&columns, &message, err) ||
        (!message.complete && !growth_rows_read(db, row, &message, err))) {
        chat_message_finish(&message);
        return err_prefix(err, "message %zu", place);
    }
    vec_room(&load->rows, &load->capacity, place + 1, sizeof *load->rows);
    load->rows[place] = row;
    chat_conversation_add(&load->messages, &message);
    return true;
}

static bool read_messages(struct db *db, int64_t key, struct load *load, struct err *err)
{
    static const char SQL[] = "SELECT row, ordinal, hash, role, complete, text, thought, details, "
                              "tokens FROM messages WHERE conversation = ?1 ORDER BY ordinal";
    sqlite3_stmt *statement = db_bound(db, SQL, DB_VALUES(DB_INTEGER(key)), err);
    if (statement == NULL) {
        return false;
    }
    struct err failure;
    bool row = false;
    bool ok;
    while ((ok = db_step(db, statement, &row, &failure)) && row) {
        if (!read_message(db, load, statement, &failure)) {
            ok = false;
            break;
        }
    }
    db_done(statement);
    /* Damage is named as what it is, whatever else it led to. */
    if (!compare(load->waiting, err)) {
        return false;
    }
    if (!ok && err != NULL) {
        *err = failure;
    }
    return ok;
}

static bool read_count(struct db *db, int64_t key, int64_t *count, struct err *err)
{
    static const char SQL[] = "SELECT message_count FROM conversations WHERE key = ?1";
    bool found;
    if (!db_find_integer(db, SQL, DB_VALUES(DB_INTEGER(key)), count, &found, err)) {
        return false;
    }
    /* A damaged index can name a key that no row has: that is no conversation without messages. */
    return found || err_set(err, ERR_FORMAT, "the index of conversations is damaged");
}

static bool load(struct db *db, void *context, struct err *err)
{
    struct load *load = context;
    int64_t key, count;
    if (!conversation_rows_key(db, load->conversation, &key, err) ||
        !read_count(db, key, &count, err) || !read_messages(db, key, load, err)) {
        return false;
    }
    return count == (int64_t)load->messages.count ||
           err_set(err, ERR_FORMAT, "%lld messages were kept and %zu are there", (long long)count,
                   load->messages.count);
}

bool store_messages_load(struct store *store, const char *conversation,
                         struct chat_conversation *out, int64_t **rows, struct err *err)
{
    struct load wish = {.conversation = conversation, .waiting = mem_zero(1, sizeof *wish.waiting)};
    chat_conversation_init(&wish.messages);
    message_rows_hash_start(conversation, &wish.waiting->start);
    bool ok = db_transaction(store->db, DB_READ, load, &wish, err);
    mem_free(wish.waiting);
    if (!ok) {
        chat_conversation_finish(&wish.messages);
        mem_free(wish.rows);
        return err_prefix(err, "reading conversation %s", conversation);
    }
    chat_conversation_finish(out);
    *out = wish.messages;
    if (rows != NULL) {
        *rows = wish.rows;
    } else {
        mem_free(wish.rows);
    }
    return true;
}

bool store_message_time(struct store *store, const char *conversation, int64_t ordinal,
                        int64_t *created_ms, struct err *err)
{
    static const char SQL[] =
        "SELECT created_ms FROM messages WHERE conversation = ?1 AND ordinal = ?2";
    int64_t key, found;
    bool there;
    if (!conversation_rows_key(store->db, conversation, &key, err) ||
        !db_find_integer(store->db, SQL, DB_VALUES(DB_INTEGER(key), DB_INTEGER(ordinal)), &found,
                         &there, err)) {
        return err_prefix(err, "reading conversation %s", conversation);
    }
    if (!there) {
        return err_set(err, ERR_NOT_FOUND, "conversation %s has no message %lld", conversation,
                       (long long)ordinal);
    }
    *created_ms = found;
    return true;
}
