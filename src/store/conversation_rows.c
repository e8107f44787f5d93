/* Conversations: making, finding, listing. Lists walk an index from its newest end and stop at the
 * limit, so their cost does not grow with the number of conversations. */
#include <ctype.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"

#include "rows.h"
#include "uuid.h"

#define COLUMNS "id, title, workspace, model, created_ms, updated_ms, message_count"

enum { PREFIX_MINIMUM = 4, CANDIDATES_NAMED = 8 };

void store_conversation_finish(struct store_conversation *conversation)
{
    mem_free(conversation->title);
    mem_free(conversation->workspace);
    mem_free(conversation->model);
    memset(conversation, 0, sizeof *conversation);
}

static void read_row(sqlite3_stmt *statement, struct store_conversation *out)
{
    char *id = db_column_text(statement, 0);
    memset(out, 0, sizeof *out);
    strncpy(out->id, id, sizeof out->id - 1);
    mem_free(id);
    out->title = db_column_text(statement, 1);
    out->workspace = db_column_text(statement, 2);
    out->model = db_column_text(statement, 3);
    out->created_ms = sqlite3_column_int64(statement, 4);
    out->updated_ms = sqlite3_column_int64(statement, 5);
    out->message_count = sqlite3_column_int64(statement, 6);
}

struct conversation_list {
    struct store_conversation *items;
    size_t count, capacity;
};

static void finish_list(struct conversation_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        store_conversation_finish(&list->items[i]);
    }
    mem_free(list->items);
}

/* Reads all rows of a bound statement, and is done with it. */
static bool read_list(struct db *db, sqlite3_stmt *statement, struct conversation_list *list,
                      struct err *err)
{
    bool row = false;
    bool ok;
    while ((ok = db_step(db, statement, &row, err)) && row) {
        vec_room(&list->items, &list->capacity, list->count + 1, sizeof *list->items);
        read_row(statement, &list->items[list->count++]);
    }
    db_done(statement);
    return ok;
}

bool conversation_rows_key(struct db *db, const char *id, int64_t *key, struct err *err)
{
    static const char SQL[] = "SELECT key FROM conversations WHERE id = ?1";
    sqlite3_stmt *statement = db_statement(db, SQL, err);
    if (statement == NULL) {
        return false;
    }
    db_bind_text(db, statement, 1, id);
    bool row = false;
    bool ok = db_step(db, statement, &row, err);
    if (ok && row) {
        *key = sqlite3_column_int64(statement, 0);
    }
    db_done(statement);
    return ok && (row || err_set(err, ERR_NOT_FOUND, "there is no conversation %s", id));
}

/* ---- making and changing ---- */

struct create {
    const char *id, *workspace, *model;
};

static bool create(struct db *db, void *context, struct err *err)
{
    static const char SQL[] = "INSERT INTO conversations "
                              "(id, workspace, model, created_ms, updated_ms) "
                              "VALUES (?1, ?2, ?3, ?4, ?4)";
    const struct create *wish = context;
    sqlite3_stmt *statement = db_statement(db, SQL, err);
    if (statement == NULL) {
        return false;
    }
    db_bind_text(db, statement, 1, wish->id);
    db_bind_text(db, statement, 2, wish->workspace);
    db_bind_text(db, statement, 3, wish->model);
    db_bind_integer(db, statement, 4, clock_wall_ms());
    return db_run(db, statement, err);
}

bool store_conversation_create(struct store *store, const char *workspace, const char *model,
                               char id[37], struct err *err)
{
    char made[UUID_SIZE];
    struct create wish = {made, workspace, model};
    if (!uuid_make(clock_wall_ms(), &store->last_uuid, made, err) ||
        !db_transaction(store->db, DB_WRITE, create, &wish, err)) {
        return err_prefix(err, "making a conversation");
    }
    memcpy(id, made, sizeof made);
    return true;
}

struct change {
    const char *sql; /* ?1 = id, ?2 = value */
    const char *id, *value;
};

static bool change(struct db *db, void *context, struct err *err)
{
    const struct change *wish = context;
    sqlite3_stmt *statement = db_statement(db, wish->sql, err);
    if (statement == NULL) {
        return false;
    }
    db_bind_text(db, statement, 1, wish->id);
    db_bind_text(db, statement, 2, wish->value);
    return db_run(db, statement, err) &&
           (sqlite3_changes(db_handle(db)) == 1 ||
            err_set(err, ERR_NOT_FOUND, "there is no conversation %s", wish->id));
}

bool store_conversation_set_title(struct store *store, const char *id, const char *title,
                                  struct err *err)
{
    static const char SQL[] = "UPDATE conversations SET title = ?2 WHERE id = ?1";
    struct change wish = {SQL, id, title};
    return db_transaction(store->db, DB_WRITE, change, &wish, err) ||
           err_prefix(err, "keeping a conversation's title");
}

bool store_conversation_set_model(struct store *store, const char *id, const char *model,
                                  struct err *err)
{
    static const char SQL[] = "UPDATE conversations SET model = ?2 WHERE id = ?1";
    struct change wish = {SQL, id, model};
    return db_transaction(store->db, DB_WRITE, change, &wish, err) ||
           err_prefix(err, "keeping a conversation's model");
}

/* ---- finding ---- */

/* Hexadecimal digits and dashes, in lower case. */
static bool read_prefix(const char *text, char prefix[UUID_SIZE], struct err *err)
{
    size_t length = strlen(text);
    size_t fit = strspn(text, "0123456789abcdefABCDEF-");
    if (fit != length || length >= UUID_SIZE) {
        return err_set(err, ERR_NOT_FOUND, "\"%.60s\" is not the id of a conversation", text);
    }
    if (length < PREFIX_MINIMUM) {
        return err_set(err, ERR_ARGUMENT,
                       "\"%s\" is too short: give at least %d characters of the id", text,
                       PREFIX_MINIMUM);
    }
    for (size_t i = 0; i <= length; i++) {
        prefix[i] = (char)tolower((unsigned char)text[i]);
    }
    return true;
}

static bool ambiguous(const char *prefix, const struct conversation_list *list, struct err *err)
{
    struct str names;
    str_init(&names);
    for (size_t i = 0; i < list->count && i < CANDIDATES_NAMED; i++) {
        str_append_format(&names, " %s", list->items[i].id);
    }
    err_set(err, ERR_ARGUMENT, "more than one conversation begins with \"%s\":%s%s", prefix,
            names.data, list->count > CANDIDATES_NAMED ? " and more" : "");
    str_finish(&names);
    return false;
}

bool store_conversation_find(struct store *store, const char *id_or_prefix,
                             struct store_conversation *out, struct err *err)
{
    /* '~' sorts after every character of an id. One more than are named, to know of more. */
    static const char SQL[] = "SELECT " COLUMNS " FROM conversations "
                              "WHERE id >= ?1 AND id < ?1 || '~' ORDER BY id DESC LIMIT 9";
    char prefix[UUID_SIZE];
    sqlite3_stmt *statement = NULL;
    if (!read_prefix(id_or_prefix, prefix, err) ||
        (statement = db_statement(store->db, SQL, err)) == NULL) {
        return false;
    }
    db_bind_text(store->db, statement, 1, prefix);
    struct conversation_list list = {0};
    bool ok = read_list(store->db, statement, &list, err);
    if (ok && list.count == 1) {
        *out = list.items[0];
        list.count = 0;
    } else if (ok && list.count == 0) {
        ok = err_set(err, ERR_NOT_FOUND, "there is no conversation %s", prefix);
    } else if (ok) {
        ok = ambiguous(prefix, &list, err);
    }
    finish_list(&list);
    return ok;
}

bool store_conversation_last(struct store *store, const char *workspace,
                             struct store_conversation *out, struct err *err)
{
    static const char ANYWHERE[] = "SELECT " COLUMNS " FROM conversations WHERE message_count > 0 "
                                   "ORDER BY updated_ms DESC, id DESC LIMIT 1";
    static const char HERE[] = "SELECT " COLUMNS " FROM conversations "
                               "WHERE workspace = ?1 AND message_count > 0 "
                               "ORDER BY updated_ms DESC, id DESC LIMIT 1";
    sqlite3_stmt *statement = db_statement(store->db, workspace == NULL ? ANYWHERE : HERE, err);
    if (statement == NULL) {
        return false;
    }
    if (workspace != NULL) {
        db_bind_text(store->db, statement, 1, workspace);
    }
    struct conversation_list list = {0};
    bool ok = read_list(store->db, statement, &list, err);
    if (ok && list.count == 0) {
        ok = err_set(err, ERR_NOT_FOUND, "there is no conversation yet%s%s",
                     workspace == NULL ? "" : " in ", workspace == NULL ? "" : workspace);
    }
    if (ok) {
        *out = list.items[0];
        list.count = 0;
    }
    finish_list(&list);
    return ok;
}

bool store_conversation_list(struct store *store, size_t limit, struct store_conversation **list,
                             size_t *count, struct err *err)
{
    static const char SQL[] = "SELECT " COLUMNS " FROM conversations "
                              "ORDER BY updated_ms DESC, id DESC LIMIT ?1";
    sqlite3_stmt *statement = db_statement(store->db, SQL, err);
    if (statement == NULL) {
        return false;
    }
    db_bind_integer(store->db, statement, 1, limit > INT64_MAX ? INT64_MAX : (int64_t)limit);
    struct conversation_list read = {0};
    if (!read_list(store->db, statement, &read, err)) {
        finish_list(&read);
        return false;
    }
    *list = read.items;
    *count = read.count;
    return true;
}
