#include "query.h"

#include <math.h>
#include <string.h>

#include <sqlite3.h>

#include "base/err.h"
#include "base/str.h"
#include "base/utf8.h"

#include "words.h"

enum { BUSY_MS = 5000 };

static const struct {
    int option, value;
} CONFIGURATION[] = {{SQLITE_DBCONFIG_DEFENSIVE, 1},
                     {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
                     {SQLITE_DBCONFIG_ENABLE_TRIGGER, 0},
                     {SQLITE_DBCONFIG_ENABLE_VIEW, 0}};

static bool fail(sqlite3 *handle, enum err_code code, const char *what, struct err *err)
{
    return err_set(err, code, "%s: %s", what, sqlite3_errmsg(handle));
}

static bool open_store(const char *path, sqlite3 **handle, struct err *err)
{
    int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
    if (sqlite3_open_v2(path, handle, flags, NULL) != SQLITE_OK) {
        return fail(*handle, ERR_IO, path, err);
    }
    for (size_t i = 0; i < sizeof CONFIGURATION / sizeof CONFIGURATION[0]; i++) {
        sqlite3_db_config(*handle, CONFIGURATION[i].option, CONFIGURATION[i].value, (int *)NULL);
    }
    sqlite3_limit(*handle, SQLITE_LIMIT_ATTACHED, 0);
    sqlite3_busy_timeout(*handle, BUSY_MS);
    return words_register(*handle) == SQLITE_OK || fail(*handle, ERR_IO, path, err);
}

/* One statement, and one that only reads. */
static bool prepare(sqlite3 *handle, const char *sql, sqlite3_stmt **statement, struct err *err)
{
    const char *rest;
    if (sqlite3_prepare_v2(handle, sql, -1, statement, &rest) != SQLITE_OK) {
        return fail(handle, ERR_ARGUMENT, "SQL", err);
    }
    if (*statement == NULL) {
        return err_set(err, ERR_ARGUMENT, "SQL: there is no statement");
    }
    if (rest[strspn(rest, " \t\r\n;")] != '\0') {
        return err_set(err, ERR_ARGUMENT, "SQL: one statement at a time; behind it stands: %.80s",
                       rest);
    }
    return sqlite3_stmt_readonly(*statement) ||
           err_set(err, ERR_ARGUMENT, "SQL: the store is only read here");
}

static json_t *text_value(const char *text, size_t length)
{
    struct str repaired;
    str_init(&repaired);
    utf8_append_repaired(&repaired, text, length);
    json_t *value = json_stringn(repaired.data, repaired.length);
    str_finish(&repaired);
    return value;
}

static json_t *cell(sqlite3_stmt *statement, int column)
{
    switch (sqlite3_column_type(statement, column)) {
    case SQLITE_INTEGER:
        return json_integer(sqlite3_column_int64(statement, column));
    case SQLITE_FLOAT: {
        double value = sqlite3_column_double(statement, column);
        return isfinite(value) ? json_real(value) : json_null();
    }
    case SQLITE_TEXT: {
        const char *text = (const char *)sqlite3_column_text(statement, column);
        return text_value(text, (size_t)sqlite3_column_bytes(statement, column));
    }
    case SQLITE_BLOB:
        return json_pack("{si}", "bytes", sqlite3_column_bytes(statement, column));
    default:
        return json_null();
    }
}

static void add_cell(json_t *row, const char *column, json_t *value)
{
    struct str name;
    str_init(&name);
    str_append(&name, column);
    for (int number = 2; json_object_get(row, name.data) != NULL; number++) {
        str_clear(&name);
        str_append_format(&name, "%s:%d", column, number);
    }
    json_object_set_new(row, name.data, value);
    str_finish(&name);
}

static bool run(sqlite3 *handle, sqlite3_stmt *statement, query_take *take, void *context,
                struct err *err)
{
    int code;
    while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
        json_t *row = json_object();
        for (int i = 0; i < sqlite3_column_count(statement); i++) {
            add_cell(row, sqlite3_column_name(statement, i), cell(statement, i));
        }
        bool on = take(context, row);
        json_decref(row);
        if (!on) {
            return true;
        }
    }
    return code == SQLITE_DONE || fail(handle, ERR_FORMAT, "SQL", err);
}

bool query_run(const char *path, const char *sql, query_take *take, void *context, struct err *err)
{
    sqlite3 *handle = NULL;
    sqlite3_stmt *statement = NULL;
    bool ok = open_store(path, &handle, err) && prepare(handle, sql, &statement, err) &&
              run(handle, statement, take, context, err);
    sqlite3_finalize(statement);
    sqlite3_close(handle);
    return ok;
}
