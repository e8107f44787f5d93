/* How a commit is safe: in WAL mode with synchronous=EXTRA, which is FULL there, a COMMIT returns
 * after the log holding it was synced; a crash later replays it. With a rollback journal the commit
 * is the journal's end: FULL would not sync the folder that it is removed from, and a loss of power
 * could bring the journal back and the commit down; EXTRA does. A write that does not fit on the
 * disk leaves frames without a commit mark in the log, which nobody reads.
 *
 * Order at opening: settings that only live in this connection come first, because the file may not
 * be ours; what writes to the file (the journal mode) waits for db_start_writing.
 *
 * Left out: a connection per thread (the loop thread is the only one), and mmap, through which
 * another process that cuts the file short would end us with SIGBUS.
 */
#include "db.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"

#include "place.h"
#include "reserve.h"
#include "words.h"

enum { BUSY_TIMEOUT_MS = 5000, BUSY_LIMIT_US = 30 * 1000 * 1000 };

struct prepared {
    const char *sql; /* known by address */
    sqlite3_stmt *statement;
};

struct db {
    sqlite3 *handle;
    char *path;
    bool in_memory;
    bool reserve_used;
    bool unsynced;    /* commits are not synced, until set_synced */
    int bind_failure; /* first failure since db_statement; SQLITE_OK = none */
    struct prepared *prepared;
    size_t prepared_count, prepared_capacity;
};

/* ---- errors ---- */

#define DAMAGED "the file is damaged; carat store repair copies what can be read"

static const struct {
    int primary;
    enum err_code code;
    const char *words;
    bool with_sqlite; /* SQLite's own words add something */
} FAILURES[] = {
    {SQLITE_FULL, ERR_FULL, "the disk is full", false},
    {SQLITE_NOMEM, ERR_MEMORY, "out of memory", false},
    {SQLITE_BUSY, ERR_UNAVAILABLE, "another process has kept the store busy for 30 s", false},
    {SQLITE_LOCKED, ERR_UNAVAILABLE, "the store is in use by this process", false},
    {SQLITE_PROTOCOL, ERR_UNAVAILABLE, "other processes have kept the store busy for 30 s", false},
    {SQLITE_READONLY, ERR_IO, "the file or its folder is read-only", true},
    {SQLITE_CORRUPT, ERR_FORMAT, DAMAGED, true},
    {SQLITE_NOTADB, ERR_FORMAT, "the file is not a database", false},
    {SQLITE_FORMAT, ERR_FORMAT, DAMAGED, true},
    {SQLITE_TOOBIG, ERR_LIMIT, "the text is too large to be kept", false},
    {SQLITE_CANTOPEN, ERR_IO, "the file or its log cannot be opened", true},
    {SQLITE_PERM, ERR_IO, "not permitted", true},
    {SQLITE_AUTH, ERR_DENIED, "not permitted", true},
    {SQLITE_IOERR, ERR_IO, "reading or writing failed", true},
    {SQLITE_INTERRUPT, ERR_CANCELLED, "interrupted", false},
    {SQLITE_CONSTRAINT, ERR_ARGUMENT, "refused by a rule of the schema", true},
};

/* ENOSPC does not always come as SQLITE_FULL: growing the shared memory of the log and a quota that
 * is used up come as input/output errors. */
static int true_cause(const struct db *db, int code)
{
    int primary = code & 0xFF;
    if (primary == SQLITE_IOERR || primary == SQLITE_CANTOPEN) {
        int cause = sqlite3_system_errno(db->handle);
        if (cause == ENOSPC || cause == EDQUOT) {
            return SQLITE_FULL;
        }
    }
    return primary;
}

bool db_fail(struct db *db, int code, struct err *err)
{
    int cause = true_cause(db, code);
    for (size_t i = 0; i < sizeof FAILURES / sizeof FAILURES[0]; i++) {
        if (FAILURES[i].primary != cause) {
            continue;
        }
        if (!FAILURES[i].with_sqlite) {
            return err_set(err, FAILURES[i].code, "%s: %s", db->path, FAILURES[i].words);
        }
        int system = cause == SQLITE_IOERR || cause == SQLITE_CANTOPEN
                         ? sqlite3_system_errno(db->handle)
                         : 0;
        return err_set(err, FAILURES[i].code, "%s: %s (%s%s%s, code %d)", db->path,
                       FAILURES[i].words, sqlite3_errmsg(db->handle), system != 0 ? ": " : "",
                       system != 0 ? strerror(system) : "", code);
    }
    return err_set(err, ERR_IO, "%s: %s (code %d)", db->path, sqlite3_errmsg(db->handle), code);
}

/* ---- waiting for other processes ---- */

static bool is_busy(int code)
{
    return (code & 0xFF) == SQLITE_BUSY || (code & 0xFF) == SQLITE_PROTOCOL;
}

/* A pause of 1..16 ms. The microseconds of the clock are jitter enough to part two processes that
 * collide. */
static void pause_a_little(void)
{
    long jitter_us = clock_monotonic_us() % 15000;
    struct timespec pause = {0, 1000000 + jitter_us * 1000};
    nanosleep(&pause, NULL);
}

static int step_patiently(sqlite3_stmt *statement)
{
    int64_t give_up = clock_monotonic_us() + BUSY_LIMIT_US;
    for (;;) {
        int code = sqlite3_step(statement);
        if (!is_busy(code) || clock_monotonic_us() >= give_up) {
            return code;
        }
        sqlite3_reset(statement);
        pause_a_little();
    }
}

/* ---- statements ---- */

sqlite3_stmt *db_statement(struct db *db, const char *sql, struct err *err)
{
    db->bind_failure = SQLITE_OK;
    for (size_t i = 0; i < db->prepared_count; i++) {
        if (db->prepared[i].sql == sql) {
            return db->prepared[i].statement;
        }
    }
    sqlite3_stmt *statement = NULL;
    int64_t give_up = clock_monotonic_us() + BUSY_LIMIT_US;
    int code;
    do {
        code = sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL);
        if (is_busy(code)) {
            pause_a_little();
        }
    } while (is_busy(code) && clock_monotonic_us() < give_up);
    if (code != SQLITE_OK) {
        db_fail(db, code, err);
        return NULL;
    }
    vec_room(&db->prepared, &db->prepared_capacity, db->prepared_count + 1, sizeof *db->prepared);
    db->prepared[db->prepared_count++] = (struct prepared){sql, statement};
    return statement;
}

static void note_binding(struct db *db, int code)
{
    if (db->bind_failure == SQLITE_OK) {
        db->bind_failure = code;
    }
}

void db_bind_integer(struct db *db, sqlite3_stmt *statement, int index, int64_t value)
{
    note_binding(db, sqlite3_bind_int64(statement, index, value));
}

void db_bind_text(struct db *db, sqlite3_stmt *statement, int index, const char *text)
{
    if (text == NULL) {
        note_binding(db, sqlite3_bind_null(statement, index));
        return;
    }
    note_binding(
        db, sqlite3_bind_text64(statement, index, text, strlen(text), SQLITE_STATIC, SQLITE_UTF8));
}

void db_bind_blob(struct db *db, sqlite3_stmt *statement, int index, const void *bytes,
                  size_t length)
{
    if (bytes == NULL) {
        note_binding(db, sqlite3_bind_null(statement, index));
        return;
    }
    note_binding(db, sqlite3_bind_blob64(statement, index, bytes, length, SQLITE_STATIC));
}

bool db_step(struct db *db, sqlite3_stmt *statement, bool *row, struct err *err)
{
    if (db->bind_failure != SQLITE_OK) {
        return db_fail(db, db->bind_failure, err);
    }
    /* Busy can only come before the first row: from then on the statement has its snapshot. */
    int code = step_patiently(statement);
    if (code != SQLITE_ROW && code != SQLITE_DONE) {
        return db_fail(db, code, err);
    }
    *row = code == SQLITE_ROW;
    return true;
}

void db_done(sqlite3_stmt *statement)
{
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
}

bool db_run(struct db *db, sqlite3_stmt *statement, struct err *err)
{
    /* By itself a write would be synced as the transaction before it was. */
    assert(sqlite3_stmt_readonly(statement) || sqlite3_get_autocommit(db->handle) == 0);
    bool row;
    bool ok = db_step(db, statement, &row, err);
    db_done(statement);
    return ok;
}

sqlite3_stmt *db_bound(struct db *db, const char *sql, const struct db_value *values, size_t count,
                       struct err *err)
{
    sqlite3_stmt *statement = db_statement(db, sql, err);
    for (size_t i = 0; statement != NULL && i < count; i++) {
        const struct db_value *value = &values[i];
        int index = (int)i + 1;
        if (value->kind == DB_VALUE_INTEGER) {
            db_bind_integer(db, statement, index, value->integer);
        } else if (value->kind == DB_VALUE_BLOB) {
            db_bind_blob(db, statement, index, value->bytes, value->length);
        } else if (value->length == SIZE_MAX || value->bytes == NULL) {
            db_bind_text(db, statement, index, value->bytes);
        } else {
            note_binding(db, sqlite3_bind_text64(statement, index, value->bytes, value->length,
                                                 SQLITE_STATIC, SQLITE_UTF8));
        }
    }
    return statement;
}

bool db_run_bound(struct db *db, const char *sql, const struct db_value *values, size_t count,
                  struct err *err)
{
    sqlite3_stmt *statement = db_bound(db, sql, values, count, err);
    return statement != NULL && db_run(db, statement, err);
}

bool db_find_integer(struct db *db, const char *sql, const struct db_value *values, size_t count,
                     int64_t *value, bool *found, struct err *err)
{
    sqlite3_stmt *statement = db_bound(db, sql, values, count, err);
    if (statement == NULL) {
        return false;
    }
    bool row = false;
    bool ok = db_step(db, statement, &row, err);
    if (ok) {
        *value = row ? sqlite3_column_int64(statement, 0) : 0;
        if (found != NULL) {
            *found = row;
        }
    }
    db_done(statement);
    return ok;
}

const void *db_column_bytes(sqlite3_stmt *statement, int column, size_t *length)
{
    const void *bytes = sqlite3_column_blob(statement, column);
    *length = (size_t)sqlite3_column_bytes(statement, column);
    return bytes;
}

char *db_column_text(sqlite3_stmt *statement, int column)
{
    size_t length;
    const char *bytes = db_column_bytes(statement, column, &length);
    return mem_strndup(bytes == NULL ? "" : bytes, bytes == NULL ? 0 : length);
}

bool db_execute(struct db *db, const char *sql, struct err *err)
{
    while (*sql != '\0') {
        sqlite3_stmt *statement = NULL;
        const char *rest = NULL;
        int code = sqlite3_prepare_v2(db->handle, sql, -1, &statement, &rest);
        if (code == SQLITE_OK) {
            do {
                code = step_patiently(statement);
            } while (code == SQLITE_ROW);
            code = code == SQLITE_DONE ? SQLITE_OK : code;
        }
        bool ok = code == SQLITE_OK || db_fail(db, code, err);
        sqlite3_finalize(statement);
        if (!ok) {
            return false;
        }
        sql = rest;
    }
    return true;
}

bool db_pragma_integer(struct db *db, const char *sql, int64_t *value, struct err *err)
{
    return db_find_integer(db, sql, NULL, 0, value, NULL, err);
}

/* ---- opening and closing ---- */

/* These live in the connection and write nothing. */
static const struct {
    int option, value;
} CONFIGURATION[] = {
    {SQLITE_DBCONFIG_DEFENSIVE, 1},      /* no writing to the schema table, no journal OFF */
    {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0}, /* a swapped file's views call no functions */
    {SQLITE_DBCONFIG_ENABLE_TRIGGER, 0}, {SQLITE_DBCONFIG_ENABLE_VIEW, 0},
    {SQLITE_DBCONFIG_ENABLE_FKEY, 1},    {SQLITE_DBCONFIG_DQS_DDL, 0},
    {SQLITE_DBCONFIG_DQS_DML, 0},
};

static const struct {
    int limit, value;
} LIMITS[] = {
    {SQLITE_LIMIT_LENGTH, DB_VALUE_LIMIT},
    {SQLITE_LIMIT_SQL_LENGTH, 64 * 1024},
    {SQLITE_LIMIT_ATTACHED, 1}, /* VACUUM INTO attaches its target */
    {SQLITE_LIMIT_WORKER_THREADS, 0},
};

static const char SETTINGS[] = "PRAGMA cell_size_check = ON;"
                               "PRAGMA mmap_size = 0;"
                               "PRAGMA temp_store = MEMORY;"
                               "PRAGMA synchronous = EXTRA;"
                               "PRAGMA wal_autocheckpoint = 1000;"
                               "PRAGMA journal_size_limit = 67108864;";

/* On a full disk even opening can fail: the log's shared memory needs room. */
static bool execute_making_room(struct db *db, const char *sql, struct err *err)
{
    struct err failure = {0};
    bool ok = db_execute(db, sql, &failure);
    if (!ok && failure.code == ERR_FULL && !db->in_memory && reserve_give_up(db->path)) {
        db->reserve_used = true;
        ok = db_execute(db, sql, &failure);
    }
    if (!ok && err != NULL) {
        *err = failure;
    }
    return ok;
}

static bool configure(struct db *db, struct err *err)
{
    sqlite3_extended_result_codes(db->handle, 1);
    sqlite3_busy_timeout(db->handle, BUSY_TIMEOUT_MS);
    for (size_t i = 0; i < sizeof CONFIGURATION / sizeof CONFIGURATION[0]; i++) {
        int code = sqlite3_db_config(db->handle, CONFIGURATION[i].option, CONFIGURATION[i].value,
                                     (int *)NULL);
        if (code != SQLITE_OK) {
            return db_fail(db, code, err);
        }
    }
    for (size_t i = 0; i < sizeof LIMITS / sizeof LIMITS[0]; i++) {
        sqlite3_limit(db->handle, LIMITS[i].limit, LIMITS[i].value);
    }
    int code = words_register(db->handle);
    if (code != SQLITE_OK) {
        return db_fail(db, code, err);
    }
    return execute_making_room(db, SETTINGS, err);
}

struct db *db_open(const char *path, struct err *err)
{
    bool in_memory = strcmp(path, ":memory:") == 0;
    if (!in_memory && !place_prepare(path, err)) {
        return NULL;
    }
    struct db *db = mem_zero(1, sizeof *db);
    db->path = mem_strdup(path);
    db->in_memory = in_memory;
    /* "./" keeps a relative name that begins with "file:" or ":" from meaning something else. */
    struct str name;
    str_init(&name);
    str_append(&name, in_memory || path[0] == '/' ? "" : "./");
    str_append(&name, path);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
    int code = sqlite3_open_v2(name.data, &db->handle, flags, NULL);
    str_finish(&name);
    bool ok = code == SQLITE_OK;
    if (!ok && db->handle == NULL) {
        err_set(err, ERR_MEMORY, "%s: out of memory", path);
    } else if (!ok) {
        db_fail(db, code, err);
    }
    if (!ok || !configure(db, err)) {
        db_close(db);
        return NULL;
    }
    return db;
}

void db_close(struct db *db)
{
    if (db == NULL) {
        return;
    }
    for (size_t i = 0; i < db->prepared_count; i++) {
        sqlite3_finalize(db->prepared[i].statement);
    }
    mem_free(db->prepared);
    sqlite3_close(db->handle);
    mem_free(db->path);
    mem_free(db);
}

bool db_start_writing(struct db *db, struct err *err)
{
    if (db->in_memory) {
        return true;
    }
    if (sqlite3_db_readonly(db->handle, "main") != 0) {
        return err_set(err, ERR_IO, "conversations cannot be kept: the store %s is read-only",
                       db->path);
    }
    const char *journal =
        place_is_network(db->path) ? "PRAGMA journal_mode = DELETE" : "PRAGMA journal_mode = WAL";
    bool ok = execute_making_room(db, journal, err);
    if (ok && !db->reserve_used) {
        reserve_keep(db->path);
    }
    return ok;
}

const char *db_path(const struct db *db)
{
    return db->path;
}

sqlite3 *db_handle(struct db *db)
{
    return db->handle;
}

bool db_reserve_used(const struct db *db)
{
    return db->reserve_used;
}

/* ---- transactions ---- */

static bool control(struct db *db, const char *sql, struct err *err)
{
    sqlite3_stmt *statement = db_statement(db, sql, err);
    bool row, ok = statement != NULL && db_step(db, statement, &row, err);
    if (statement != NULL) {
        db_done(statement);
    }
    return ok;
}

/* Takes memory, like any statement: where there is none the transaction stays open. */
static bool roll_back(struct db *db, struct err *err)
{
    static const char ROLLBACK[] = "ROLLBACK";
    /* Some failures have undone the transaction already. */
    return sqlite3_get_autocommit(db->handle) != 0 || control(db, ROLLBACK, err);
}

static bool attempt(struct db *db, enum db_access access,
                    bool (*work)(struct db *db, void *context, struct err *err), void *context,
                    struct err *err)
{
    static const char READ[] = "BEGIN", WRITE[] = "BEGIN IMMEDIATE", COMMIT[] = "COMMIT";
    if (!control(db, access == DB_READ ? READ : WRITE, err)) {
        return false;
    }
    if (work(db, context, err) && control(db, COMMIT, err)) {
        return true;
    }
    roll_back(db, NULL);
    return false;
}

/* In WAL mode NORMAL leaves out the sync at a commit, and nothing else. It stays until a
 * transaction wants the other: the commits of an answer that grows come one after the other.
 * Whatever writes does so in a transaction (db_run). */
static bool set_synced(struct db *db, bool synced, struct err *err)
{
    if (db->unsynced == !synced) {
        return true;
    }
    if (!db_execute(db, synced ? "PRAGMA synchronous = EXTRA" : "PRAGMA synchronous = NORMAL",
                    err)) {
        return false;
    }
    db->unsynced = !synced;
    return true;
}

bool db_transaction(struct db *db, enum db_access access,
                    bool (*work)(struct db *db, void *context, struct err *err), void *context,
                    struct err *err)
{
    struct err failure = {0};
    /* One that could not be undone then is undone now. */
    if (!roll_back(db, err) || (access != DB_READ && !set_synced(db, access == DB_WRITE, err))) {
        return false;
    }
    bool ok = attempt(db, access, work, context, &failure);
    if (!ok && failure.code == ERR_FULL && !db->in_memory && reserve_give_up(db->path)) {
        log_write("store", "%s: the disk is full; the reserve was given up", db->path);
        db->reserve_used = true;
        db_checkpoint(db, NULL);
        err_clear(&failure);
        ok = attempt(db, access, work, context, &failure);
    }
    if (!ok && err != NULL) {
        *err = failure;
    }
    return ok;
}

bool db_checkpoint(struct db *db, struct err *err)
{
    /* Not worth waiting for: the next idle moment will do. */
    sqlite3_busy_timeout(db->handle, 0);
    int code =
        sqlite3_wal_checkpoint_v2(db->handle, "main", SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    sqlite3_busy_timeout(db->handle, BUSY_TIMEOUT_MS);
    if (is_busy(code)) {
        return err_set(err, ERR_UNAVAILABLE, "%s: the log is in use", db->path);
    }
    if (code != SQLITE_OK) {
        return db_fail(db, code, err);
    }
    /* Room may have come back since. */
    if (!db->in_memory && db->reserve_used && reserve_keep(db->path)) {
        db->reserve_used = false;
    }
    return true;
}
