/* Rows are asked for one at a time, by key and by place, never by walking: where a page is damaged
 * a walk ends, and a question about the next row goes on.
 */
#include "check.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

#include "message_rows.h"
#include "rows.h"
#include "schema.h"
#include "search_rows.h"

struct check {
    struct store from; /* its db alone is used */
    struct store *to;  /* NULL: only looks */
    check_finding *finding;
    void *context;
    struct check_counts *counts;
};

static void tell(struct check *check, const char *where, const char *what)
{
    struct str text;
    str_init(&text);
    str_append_format(&text, "%s: %s", where, what);
    check->counts->problems++;
    check->finding(check->context, text.data);
    str_finish(&text);
}

/* --- one message --- */

/* False: it is damaged or missing; *err says how. */
static bool read_message(struct db *db, const char *id, int64_t key, int64_t ordinal,
                         struct chat_message *message, struct err *err)
{
    static const char SQL[] = "SELECT hash, role, complete, text, thought, details, tokens, row "
                              "FROM messages WHERE conversation = ?1 AND ordinal = ?2";
    sqlite3_stmt *statement =
        db_bound(db, SQL, DB_VALUES(DB_INTEGER(key), DB_INTEGER(ordinal)), err);
    if (statement == NULL) {
        return false;
    }
    bool row = false;
    bool ok = db_step(db, statement, &row, err) && (row || err_set(err, ERR_FORMAT, "missing"));
    if (ok) {
        struct message_columns columns;
        message_rows_read_columns(statement, 1, &columns);
        ok = (message_rows_hash(id, ordinal, &columns) == sqlite3_column_int64(statement, 0) &&
              columns.role >= CHAT_SYSTEM && columns.role <= CHAT_TOOL) ||
             err_set(err, ERR_FORMAT, "damaged: its hash does not match");
        if (ok) {
            chat_message_init(message, (enum chat_role)columns.role);
            ok = message_rows_fill(&columns, message, err) &&
                 growth_rows_read(db, sqlite3_column_int64(statement, 7), message, err);
            if (!ok) {
                chat_message_finish(message);
            }
        }
    }
    db_done(statement);
    return ok;
}

static void make_lost(struct chat_message *message)
{
    static const char TEXT[] = "(A message was here; it could not be read any more.)";
    chat_message_init(message, CHAT_USER);
    chat_message_set_text(message, TEXT, sizeof TEXT - 1);
}

/* --- one conversation --- */

struct copying {
    struct check *check;
    struct store_conversation about;
    int64_t key; /* in the original */
    struct check_counts before;
};

static bool copy_row(struct db *db, const struct store_conversation *about, struct err *err)
{
    static const char SQL[] =
        "UPDATE conversations SET title = ?2, created_ms = ?3, updated_ms = ?4, archived_ms = ?5, "
        "trashed_ms = ?6, titled_by = ?7, parent = ?8, parent_count = ?9 WHERE key = ?1";
    int64_t key;
    return conversation_rows_key(db, about->id, &key, err) &&
           db_run_bound(db, SQL,
                        DB_VALUES(DB_INTEGER(key), DB_TEXT(about->title),
                                  DB_INTEGER(about->created_ms), DB_INTEGER(about->updated_ms),
                                  DB_INTEGER(about->archived_ms), DB_INTEGER(about->trashed_ms),
                                  DB_INTEGER(about->titled_by), DB_TEXT(about->parent),
                                  DB_INTEGER(about->parent_count)),
                        err) &&
           search_rows_put_title(db, key, err);
}

static bool pass_messages(struct copying *copying, struct db *to, struct err *err)
{
    struct check *check = copying->check;
    const char *id = copying->about.id;
    for (int64_t i = 0; i < copying->about.message_count; i++) {
        struct chat_message message;
        struct err damage;
        bool whole = read_message(check->from.db, id, copying->key, i, &message, &damage);
        if (whole) {
            check->counts->messages++;
        } else {
            struct str where;
            str_init(&where);
            str_append_format(&where, "conversation %s, message %lld", id, (long long)i);
            tell(check, where.data, damage.text);
            str_finish(&where);
            make_lost(&message);
        }
        bool ok = to == NULL || message_rows_append(to, id, &message, err);
        chat_message_finish(&message);
        if (!ok) {
            return false;
        }
    }
    return true;
}

static bool copy(struct db *db, void *context, struct err *err)
{
    struct copying *copying = context;
    const struct store_conversation *about = &copying->about;
    *copying->check->counts = copying->before; /* on a full disk this runs a second time */
    return conversation_rows_insert(db, about->id, about->workspace, about->model, err) &&
           pass_messages(copying, db, err) && copy_row(db, about, err);
}

/* Results keep their numbers: one that is lost is told so in its place. */
static bool pass_results(struct copying *copying, struct err *err)
{
    static const char SQL[] = "SELECT max(number) FROM results WHERE conversation = ?1";
    struct check *check = copying->check;
    const char *id = copying->about.id;
    int64_t count = 0;
    struct err damage;
    if (!db_find_integer(check->from.db, SQL, DB_VALUES(DB_INTEGER(copying->key)), &count, NULL,
                         &damage)) {
        tell(check, id, damage.text);
    }
    for (int64_t i = 1; i <= count; i++) {
        static const char LOST[] = "(This result could not be read any more.)";
        char handle[24], made[16];
        char *bytes = NULL;
        size_t length;
        snprintf(handle, sizeof handle, "r%lld", (long long)i);
        bool whole = store_result_get(&check->from, id, handle, &bytes, &length, &damage);
        if (whole) {
            check->counts->pieces++;
        } else {
            tell(check, id, damage.text);
        }
        bool ok =
            check->to == NULL || store_result_put(check->to, id, whole ? bytes : LOST,
                                                  whole ? length : sizeof LOST - 1, made, err);
        mem_free(bytes);
        if (!ok) {
            return false;
        }
    }
    return true;
}

/* *found: there is one with this key. */
static bool read_about(struct check *check, int64_t key, struct store_conversation *about,
                       bool *found, struct err *err)
{
    static const char SQL[] =
        "SELECT " CONVERSATION_COLUMNS " FROM conversations WHERE conversations.key = ?1";
    struct db *db = check->from.db;
    sqlite3_stmt *statement = db_bound(db, SQL, DB_VALUES(DB_INTEGER(key)), err);
    *found = false;
    if (statement == NULL) {
        return false;
    }
    bool ok = db_step(db, statement, found, err);
    if (ok && *found) {
        conversation_rows_read(statement, 0, about);
    }
    db_done(statement);
    return ok;
}

static bool pass_conversation(struct check *check, int64_t key, struct err *err)
{
    struct copying copying = {.check = check, .key = key};
    struct err damage;
    bool found;
    if (!read_about(check, key, &copying.about, &found, &damage)) {
        tell(check, "a conversation", damage.text);
        return true;
    }
    if (!found) {
        return true;
    }
    check->counts->conversations++;
    copying.before = *check->counts;
    bool ok = check->to != NULL ? db_transaction(check->to->db, DB_WRITE, copy, &copying, err)
                                : pass_messages(&copying, NULL, err);
    ok = ok && pass_results(&copying, err);
    for (char *at = copying.about.tags; ok && check->to != NULL && *at != '\0';) {
        size_t length = strcspn(at, ",");
        char *tag = mem_strndup(at, length);
        ok = store_conversation_tag(check->to, copying.about.id, tag, true, err);
        mem_free(tag);
        at += length + strspn(at + length, ", ");
    }
    store_conversation_finish(&copying.about);
    return ok;
}

/* --- the whole --- */

static void look_at_structure(struct check *check)
{
    struct db *db = check->from.db;
    struct err err;
    sqlite3_stmt *statement = db_statement(db, "PRAGMA integrity_check(20)", &err);
    bool row = false;
    bool ok = statement != NULL;
    while (ok && (ok = db_step(db, statement, &row, &err)) && row) {
        char *text = db_column_text(statement, 0);
        if (strcmp(text, "ok") != 0) {
            tell(check, "structure", text);
        }
        mem_free(text);
    }
    if (statement != NULL) {
        db_done(statement);
    }
    if (!ok) {
        tell(check, "structure", err.text);
    }
}

static bool pass_all(struct check *check, struct err *err)
{
    int64_t last;
    if (!db_find_integer(check->from.db, "SELECT max(key) FROM conversations", NULL, 0, &last, NULL,
                         err)) {
        return false;
    }
    look_at_structure(check);
    for (int64_t key = 1; key <= last; key++) {
        if (!pass_conversation(check, key, err)) {
            return false;
        }
    }
    return true;
}

static bool open_original(struct check *check, const char *path, struct err *err)
{
    struct stat status;
    int version;
    if (stat(path, &status) != 0) {
        return err_errno(err, ERR_NOT_FOUND, "the store %s", path);
    }
    check->from.db = db_open(path, err);
    if (check->from.db != NULL) { /* not even the log is moved into the file at the end */
        sqlite3_db_config(db_handle(check->from.db), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1,
                          (int *)NULL);
    }
    if (check->from.db == NULL ||
        !schema_identify(check->from.db, schema_steps, schema_step_count, &version, err)) {
        return false;
    }
    return version == schema_steps[schema_step_count - 1].version ||
           err_set(err, ERR_UNSUPPORTED,
                   "%s has the older schema version %d; opening it once with carat sessions "
                   "brings it up to date",
                   path, version);
}

bool check_store(const char *path, check_finding *finding, void *context,
                 struct check_counts *counts, struct err *err)
{
    struct check check = {.finding = finding, .context = context, .counts = counts};
    *counts = (struct check_counts){0};
    bool ok = open_original(&check, path, err) && pass_all(&check, err);
    db_close(check.from.db);
    return ok;
}

bool check_repair(const char *path, const char *target, check_finding *finding, void *context,
                  struct check_counts *counts, struct err *err)
{
    struct check check = {.finding = finding, .context = context, .counts = counts};
    *counts = (struct check_counts){0};
    if (access(target, F_OK) == 0 || errno != ENOENT) {
        return err_set(err, ERR_ARGUMENT, "%s is there already", target);
    }
    bool ok = open_original(&check, path, err);
    check.to = ok ? store_open(target, err) : NULL;
    ok = check.to != NULL && pass_all(&check, err);
    store_close(check.to);
    db_close(check.from.db);
    return ok;
}
