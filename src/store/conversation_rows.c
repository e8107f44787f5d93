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
#include "search_rows.h"
#include "uuid.h"

#define COLUMNS CONVERSATION_COLUMNS

enum { PREFIX_MINIMUM = 4, CANDIDATES_NAMED = 8 };

void store_conversation_finish(struct store_conversation *conversation)
{
    mem_free(conversation->title);
    mem_free(conversation->workspace);
    mem_free(conversation->model);
    mem_free(conversation->tags);
    mem_free(conversation->beginning);
    memset(conversation, 0, sizeof *conversation);
}

static void read_id(sqlite3_stmt *statement, int column, char out[37])
{
    char *id = db_column_text(statement, column);
    memset(out, 0, 37);
    strncpy(out, id, 36);
    mem_free(id);
}

void conversation_rows_read(sqlite3_stmt *statement, int first, struct store_conversation *out)
{
    memset(out, 0, sizeof *out);
    read_id(statement, first, out->id);
    out->title = db_column_text(statement, first + 1);
    out->workspace = db_column_text(statement, first + 2);
    out->model = db_column_text(statement, first + 3);
    out->created_ms = sqlite3_column_int64(statement, first + 4);
    out->updated_ms = sqlite3_column_int64(statement, first + 5);
    out->message_count = sqlite3_column_int64(statement, first + 6);
    out->archived_ms = sqlite3_column_int64(statement, first + 7);
    out->trashed_ms = sqlite3_column_int64(statement, first + 8);
    out->titled_by = (enum store_titled_by)sqlite3_column_int(statement, first + 9);
    read_id(statement, first + 10, out->parent);
    out->parent_count = sqlite3_column_int64(statement, first + 11);
    out->tags = db_column_text(statement, first + 12);
    out->beginning = db_column_text(statement, first + 13);
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
        conversation_rows_read(statement, 0, &list->items[list->count++]);
    }
    db_done(statement);
    return ok;
}

bool conversation_rows_key(struct db *db, const char *id, int64_t *key, struct err *err)
{
    static const char SQL[] = "SELECT key FROM conversations WHERE id = ?1";
    int64_t value;
    bool found;
    if (!db_find_integer(db, SQL, DB_VALUES(DB_TEXT(id)), &value, &found, err)) {
        return false;
    }
    if (!found) {
        return err_set(err, ERR_NOT_FOUND, "there is no conversation %s", id);
    }
    *key = value;
    return true;
}

/* ---- making and changing ---- */

bool conversation_rows_insert(struct db *db, const char *id, const char *workspace,
                              const char *model, struct err *err)
{
    static const char SQL[] = "INSERT INTO conversations "
                              "(id, workspace, model, created_ms, updated_ms) "
                              "VALUES (?1, ?2, ?3, ?4, ?4)";
    return db_run_bound(
        db, SQL,
        DB_VALUES(DB_TEXT(id), DB_TEXT(workspace), DB_TEXT(model), DB_INTEGER(clock_wall_ms())),
        err);
}

struct create {
    const char *id, *workspace, *model;
};

static bool create(struct db *db, void *context, struct err *err)
{
    const struct create *wish = context;
    return conversation_rows_insert(db, wish->id, wish->workspace, wish->model, err);
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

bool store_conversation_create_as(struct store *store, const char *workspace, const char *model,
                                  const char *id, struct err *err)
{
    struct create wish = {id, workspace, model};
    struct store_conversation found;
    if (!uuid_valid(id)) {
        return err_set(err, ERR_ARGUMENT, "%.60s is no UUID", id);
    }
    if (store_conversation_find(store, id, &found, NULL)) {
        store_conversation_finish(&found);
        return err_set(err, ERR_ARGUMENT, "there is a conversation %s already", id);
    }
    return db_transaction(store->db, DB_WRITE, create, &wish, err) ||
           err_prefix(err, "making conversation %s", id);
}

/* One column of one conversation. */
struct change {
    const char *sql; /* ?1 = key; ?2 = text, or number when text is NULL */
    const char *id, *text;
    int64_t number;
    bool title; /* the title changes: the search index too */
};

static bool change(struct db *db, void *context, struct err *err)
{
    const struct change *wish = context;
    int64_t key;
    if (!conversation_rows_key(db, wish->id, &key, err) ||
        (wish->title && !search_rows_withdraw_title(db, key, err))) {
        return false;
    }
    bool changed =
        wish->text != NULL
            ? db_run_bound(db, wish->sql, DB_VALUES(DB_INTEGER(key), DB_TEXT(wish->text)), err)
            : db_run_bound(db, wish->sql, DB_VALUES(DB_INTEGER(key), DB_INTEGER(wish->number)),
                           err);
    return changed && (!wish->title || search_rows_put_title(db, key, err));
}

static bool run_change(struct store *store, struct change wish, const char *what, struct err *err)
{
    return db_transaction(store->db, DB_WRITE, change, &wish, err) || err_prefix(err, "%s", what);
}

bool store_conversation_set_title(struct store *store, const char *id, const char *title,
                                  struct err *err)
{
    static const char SQL[] = "UPDATE conversations SET title = ?2, titled_by = 2 WHERE key = ?1";
    struct change wish = {.sql = SQL, .id = id, .text = title, .title = true};
    return run_change(store, wish, "keeping a conversation's title", err);
}

bool store_conversation_suggest_title(struct store *store, const char *id, const char *title,
                                      struct err *err)
{
    static const char SQL[] = "UPDATE conversations SET title = ?2, titled_by = 1 "
                              "WHERE key = ?1 AND titled_by < 2";
    struct change wish = {.sql = SQL, .id = id, .text = title, .title = true};
    return run_change(store, wish, "keeping a conversation's title", err);
}

bool store_conversation_set_model(struct store *store, const char *id, const char *model,
                                  struct err *err)
{
    static const char SQL[] = "UPDATE conversations SET model = ?2 WHERE key = ?1";
    struct change wish = {.sql = SQL, .id = id, .text = model};
    return run_change(store, wish, "keeping a conversation's model", err);
}

bool store_conversation_archive(struct store *store, const char *id, bool archived, struct err *err)
{
    static const char SQL[] = "UPDATE conversations SET archived_ms = ?2 WHERE key = ?1";
    struct change wish = {.sql = SQL, .id = id, .number = archived ? clock_wall_ms() : 0};
    return run_change(store, wish, "archiving a conversation", err);
}

bool store_conversation_trash(struct store *store, const char *id, bool trashed, struct err *err)
{
    static const char SQL[] = "UPDATE conversations SET trashed_ms = ?2 WHERE key = ?1";
    struct change wish = {.sql = SQL, .id = id, .number = trashed ? clock_wall_ms() : 0};
    return run_change(store, wish, "moving a conversation to or from the trash", err);
}

bool store_conversation_tag(struct store *store, const char *id, const char *tag, bool on,
                            struct err *err)
{
    static const char ADD[] = "INSERT OR IGNORE INTO tags (conversation, tag) VALUES (?1, ?2)";
    static const char REMOVE[] = "DELETE FROM tags WHERE conversation = ?1 AND tag = ?2";
    size_t length = strlen(tag);
    if (length == 0 || length > STORE_TAG_LIMIT || strpbrk(tag, ", \t\n") != NULL) {
        return err_set(err, ERR_ARGUMENT,
                       "\"%.70s\" is no tag: one word of at most %d bytes, without a comma", tag,
                       STORE_TAG_LIMIT);
    }
    struct change wish = {.sql = on ? ADD : REMOVE, .id = id, .text = tag};
    return run_change(store, wish, "keeping a tag", err);
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

static void tell_ambiguous(const char *prefix, const struct conversation_list *list,
                           struct err *err)
{
    struct str names;
    str_init(&names);
    for (size_t i = 0; i < list->count && i < CANDIDATES_NAMED; i++) {
        str_append_format(&names, " %s", list->items[i].id);
    }
    err_set(err, ERR_ARGUMENT, "more than one conversation begins with \"%s\":%s%s", prefix,
            names.data, list->count > CANDIDATES_NAMED ? " and more" : "");
    str_finish(&names);
}

bool store_conversation_find(struct store *store, const char *id_or_prefix,
                             struct store_conversation *out, struct err *err)
{
    /* '~' sorts after every character of an id. One more than are named, to know of more. */
    static const char SQL[] = "SELECT " COLUMNS " FROM conversations "
                              "WHERE id >= ?1 AND id < ?1 || '~' ORDER BY id DESC LIMIT 9";
    char prefix[UUID_SIZE];
    if (!read_prefix(id_or_prefix, prefix, err)) {
        return false;
    }
    sqlite3_stmt *statement = db_bound(store->db, SQL, DB_VALUES(DB_TEXT(prefix)), err);
    if (statement == NULL) {
        return false;
    }
    struct conversation_list list = {0};
    bool ok = read_list(store->db, statement, &list, err);
    if (ok && list.count == 1) {
        *out = list.items[0];
        list.count = 0;
    } else if (ok && list.count == 0) {
        ok = err_set(err, ERR_NOT_FOUND, "there is no conversation %s", prefix);
    } else if (ok) {
        tell_ambiguous(prefix, &list, err);
        ok = false;
    }
    finish_list(&list);
    return ok;
}

bool store_conversation_last(struct store *store, const char *workspace,
                             struct store_conversation *out, struct err *err)
{
    /* The + keeps the planner from the index by workspace, which it would have to sort. */
    static const char ANYWHERE[] = "SELECT " COLUMNS " FROM conversations WHERE message_count > 0 "
                                   "AND +trashed_ms = 0 ORDER BY updated_ms DESC, id DESC LIMIT 1";
    static const char HERE[] = "SELECT " COLUMNS " FROM conversations "
                               "WHERE workspace = ?1 AND message_count > 0 AND trashed_ms = 0 "
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

/* The conditions are spelled as in the partial indices, or those would not be used. */
#define LIST(condition)                                                                            \
    "SELECT " COLUMNS " FROM conversations " condition " ORDER BY updated_ms DESC, id DESC LIMIT " \
    "?1"
static const char *const LISTS[] = {
    [STORE_SHOWN] = LIST("WHERE archived_ms = 0 AND trashed_ms = 0"),
    [STORE_ARCHIVED] = LIST("WHERE archived_ms > 0 AND trashed_ms = 0"),
    [STORE_TRASHED] = LIST("WHERE trashed_ms > 0"),
    [STORE_ALL] = LIST(""),
};

bool store_conversation_list(struct store *store, enum store_which which, size_t limit,
                             struct store_conversation **list, size_t *count, struct err *err)
{
    int64_t rows = limit > INT64_MAX ? INT64_MAX : (int64_t)limit;
    sqlite3_stmt *statement = db_bound(store->db, LISTS[which], DB_VALUES(DB_INTEGER(rows)), err);
    if (statement == NULL) {
        return false;
    }
    struct conversation_list read = {0};
    if (!read_list(store->db, statement, &read, err)) {
        finish_list(&read);
        return false;
    }
    *list = read.items;
    *count = read.count;
    return true;
}
