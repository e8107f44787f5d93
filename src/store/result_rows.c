/* Results too large for a message: whole, in pieces of at most 64 KiB, each with its hash. A row of
 * many megabytes would be one long chain of pages that every read walks from its start. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

#include "result_rows.h"
#include "row_hash.h"
#include "rows.h"

enum { PIECE_SIZE = 64 * 1024, HANDLE_SIZE = 16 };

static int64_t hash_piece(const char *conversation, int64_t number, int64_t piece,
                          const void *bytes, size_t length)
{
    struct row_hash hash;
    row_hash_init(&hash);
    row_hash_bytes(&hash, conversation, strlen(conversation));
    row_hash_integer(&hash, number);
    row_hash_integer(&hash, piece);
    row_hash_bytes(&hash, bytes, length);
    return row_hash_value(&hash);
}

/* ---- writing ---- */

struct put {
    const char *conversation;
    const char *bytes;
    size_t length;
    int64_t number;
};

static bool next_number(struct db *db, int64_t key, int64_t *number, struct err *err)
{
    static const char SQL[] =
        "SELECT coalesce(max(number), 0) + 1 FROM results WHERE conversation = ?1";
    return db_find_integer(db, SQL, DB_VALUES(DB_INTEGER(key)), number, NULL, err);
}

static bool insert_result(struct db *db, int64_t key, const struct put *put, struct err *err)
{
    static const char SQL[] =
        "INSERT INTO results (conversation, number, length) VALUES (?1, ?2, ?3)";
    return db_run_bound(
        db, SQL,
        DB_VALUES(DB_INTEGER(key), DB_INTEGER(put->number), DB_INTEGER((int64_t)put->length)), err);
}

static bool insert_bytes(struct db *db, int64_t result, int64_t piece, const struct put *put,
                         const void *bytes, size_t length, struct err *err)
{
    static const char SQL[] =
        "INSERT INTO result_pieces (result, piece, hash, bytes) VALUES (?1, ?2, ?3, ?4)";
    int64_t hash = hash_piece(put->conversation, put->number, piece, bytes, length);
    return db_run_bound(
        db, SQL,
        DB_VALUES(DB_INTEGER(result), DB_INTEGER(piece), DB_INTEGER(hash), DB_BLOB(bytes, length)),
        err);
}

static bool insert_piece(struct db *db, int64_t result, int64_t piece, const struct put *put,
                         struct err *err)
{
    size_t left = put->length - (size_t)piece * PIECE_SIZE;
    return insert_bytes(db, result, piece, put, put->bytes + piece * PIECE_SIZE,
                        left < PIECE_SIZE ? left : PIECE_SIZE, err);
}

/* The row and its pieces, under put->number. */
static bool insert(struct db *db, int64_t key, const struct put *put, struct err *err)
{
    if (!insert_result(db, key, put, err)) {
        return false;
    }
    int64_t result = sqlite3_last_insert_rowid(db_handle(db));
    for (int64_t piece = 0; (size_t)piece * PIECE_SIZE < put->length; piece++) {
        if (!insert_piece(db, result, piece, put, err)) {
            return false;
        }
    }
    return true;
}

static bool put(struct db *db, void *context, struct err *err)
{
    struct put *put = context;
    int64_t key;
    return conversation_rows_key(db, put->conversation, &key, err) &&
           next_number(db, key, &put->number, err) && insert(db, key, put, err);
}

bool store_result_put(struct store *store, const char *conversation, const char *bytes,
                      size_t length, char handle[16], struct err *err)
{
    if (length > STORE_RESULT_LIMIT) {
        return err_set(err, ERR_LIMIT, "keeping a result: %zu bytes, at most %d can be kept",
                       length, STORE_RESULT_LIMIT);
    }
    struct put wish = {conversation, bytes, length, 0};
    if (!db_transaction(store->db, DB_WRITE, put, &wish, err)) {
        return err_prefix(err, "keeping a result");
    }
    snprintf(handle, HANDLE_SIZE, "r%lld", (long long)wish.number);
    return true;
}

/* ---- reading ---- */

struct get {
    const char *conversation;
    int64_t number;
    int64_t result; /* key */
    char *bytes;
    size_t length;
};

/* "r" and a number as store_result_put spells it; 0 when it is not that. */
static int64_t read_handle(const char *handle)
{
    size_t length = strlen(handle);
    if (length < 2 || length >= HANDLE_SIZE || handle[0] != 'r' || handle[1] == '0' ||
        strspn(handle + 1, "0123456789") != length - 1) {
        return 0;
    }
    return strtoll(handle + 1, NULL, 10);
}

static bool find_result(struct db *db, struct get *get, struct err *err)
{
    static const char SQL[] = "SELECT results.key, length FROM results "
                              "JOIN conversations ON conversations.key = conversation "
                              "WHERE conversations.id = ?1 AND number = ?2";
    sqlite3_stmt *statement =
        db_bound(db, SQL, DB_VALUES(DB_TEXT(get->conversation), DB_INTEGER(get->number)), err);
    if (statement == NULL) {
        return false;
    }
    bool row = false;
    bool ok = db_step(db, statement, &row, err);
    int64_t length = 0;
    if (ok && row) {
        get->result = sqlite3_column_int64(statement, 0);
        length = sqlite3_column_int64(statement, 1);
    }
    db_done(statement);
    if (ok && !row) {
        return err_set(err, ERR_NOT_FOUND, "there is no such result in this conversation");
    }
    if (ok && (length < 0 || length > STORE_RESULT_LIMIT)) {
        return err_set(err, ERR_FORMAT, "it is damaged: its length says %lld", (long long)length);
    }
    get->length = (size_t)length;
    return ok;
}

static bool read_pieces(struct db *db, struct get *get, struct err *err)
{
    static const char SQL[] =
        "SELECT piece, hash, bytes FROM result_pieces WHERE result = ?1 ORDER BY piece";
    sqlite3_stmt *statement = db_bound(db, SQL, DB_VALUES(DB_INTEGER(get->result)), err);
    if (statement == NULL) {
        return false;
    }
    size_t filled = 0;
    bool row = false;
    bool ok;
    for (int64_t piece = 0; (ok = db_step(db, statement, &row, err)) && row; piece++) {
        size_t length;
        const void *bytes = db_column_bytes(statement, 2, &length);
        if (bytes == NULL || sqlite3_column_int64(statement, 0) != piece ||
            length > get->length - filled ||
            hash_piece(get->conversation, get->number, piece, bytes, length) !=
                sqlite3_column_int64(statement, 1)) {
            ok = err_set(err, ERR_FORMAT, "piece %lld is damaged", (long long)piece);
            break;
        }
        memcpy(get->bytes + filled, bytes, length);
        filled += length;
    }
    db_done(statement);
    return ok && (filled == get->length ||
                  err_set(err, ERR_FORMAT, "%zu of %zu bytes are there", filled, get->length));
}

static bool get(struct db *db, void *context, struct err *err)
{
    struct get *get = context;
    if (!find_result(db, get, err)) {
        return false;
    }
    mem_free(get->bytes); /* of an attempt before */
    get->bytes = mem_alloc(get->length + 1, 1);
    get->bytes[get->length] = '\0';
    return read_pieces(db, get, err);
}

bool store_result_get(struct store *store, const char *conversation, const char *handle,
                      char **bytes, size_t *length, struct err *err)
{
    struct get wish = {.conversation = conversation, .number = read_handle(handle)};
    if (wish.number == 0) {
        return err_set(err, ERR_NOT_FOUND, "\"%.20s\" is not the handle of a result", handle);
    }
    if (!db_transaction(store->db, DB_READ, get, &wish, err)) {
        mem_free(wish.bytes);
        return err_prefix(err, "reading result %s", handle);
    }
    *bytes = wish.bytes;
    *length = wish.length;
    return true;
}

/* ---- replacing ---- */

static bool replace(struct db *db, void *context, struct err *err)
{
    static const char PIECES[] = "DELETE FROM result_pieces WHERE result = ?1";
    static const char RESULT[] = "DELETE FROM results WHERE key = ?1";
    struct put *put = context;
    struct get old = {.conversation = put->conversation, .number = put->number};
    int64_t key;
    return conversation_rows_key(db, put->conversation, &key, err) && find_result(db, &old, err) &&
           db_run_bound(db, PIECES, DB_VALUES(DB_INTEGER(old.result)), err) &&
           db_run_bound(db, RESULT, DB_VALUES(DB_INTEGER(old.result)), err) &&
           insert(db, key, put, err);
}

bool store_result_replace(struct store *store, const char *conversation, const char *handle,
                          const char *bytes, size_t length, struct err *err)
{
    struct put wish = {conversation, bytes, length, read_handle(handle)};
    if (wish.number == 0) {
        return err_set(err, ERR_NOT_FOUND, "\"%.20s\" is not the handle of a result", handle);
    }
    if (length > STORE_RESULT_LIMIT) {
        return err_set(err, ERR_LIMIT, "keeping result %s: %zu bytes, at most %d can be kept",
                       handle, length, STORE_RESULT_LIMIT);
    }
    return db_transaction(store->db, DB_WRITE, replace, &wish, err) ||
           err_prefix(err, "keeping result %s", handle);
}

/* ---- copying ---- */

/* Columns: number, length, piece, hash, bytes; a result without bytes has no piece. */
static bool copy_piece(struct db *db, sqlite3_stmt *statement, const char *from_id, int64_t to,
                       const char *to_id, int64_t *result, struct err *err)
{
    int64_t number = sqlite3_column_int64(statement, 0);
    int64_t piece = sqlite3_column_int64(statement, 2);
    bool first = piece == 0;
    size_t length;
    const void *bytes = db_column_bytes(statement, 4, &length);
    struct put put = {to_id, bytes, (size_t)sqlite3_column_int64(statement, 1), number};
    if (first && !insert_result(db, to, &put, err)) {
        return false;
    }
    *result = first ? sqlite3_last_insert_rowid(db_handle(db)) : *result;
    if (bytes == NULL) {
        return true;
    }
    if (hash_piece(from_id, number, piece, bytes, length) != sqlite3_column_int64(statement, 3)) {
        return err_set(err, ERR_FORMAT, "piece %lld of result r%lld is damaged", (long long)piece,
                       (long long)number);
    }
    return insert_bytes(db, *result, piece, &put, bytes, length, err);
}

bool result_rows_copy(struct db *db, int64_t from, const char *from_id, int64_t to,
                      const char *to_id, struct err *err)
{
    static const char SQL[] =
        "SELECT number, length, coalesce(piece, 0), hash, bytes FROM results "
        "LEFT JOIN result_pieces ON result = key WHERE conversation = ?1 ORDER BY number, piece";
    sqlite3_stmt *statement = db_bound(db, SQL, DB_VALUES(DB_INTEGER(from)), err);
    if (statement == NULL) {
        return false;
    }
    int64_t result = 0;
    bool row = false;
    bool ok;
    while ((ok = db_step(db, statement, &row, err)) && row) {
        ok = copy_piece(db, statement, from_id, to, to_id, &result, err);
        if (!ok) {
            break;
        }
    }
    db_done(statement);
    return ok;
}
