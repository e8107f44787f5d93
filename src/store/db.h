/* db: one connection to a SQLite file, with the settings that "never lost" needs.
 *
 * Knows nothing of conversations: opening and closing, statements, transactions, and the words for
 * what went wrong. One thread. Only src/store includes sqlite3.h.
 *
 * Every change goes through db_transaction(DB_WRITE): BEGIN IMMEDIATE takes the write lock at the
 * start, so nothing can be refused half way for a lock. Waiting for another process's lock is done
 * here (5 s in SQLite, then more tries with a random pause, 30 s in all) and is seen by no caller.
 */
#ifndef CARAT_STORE_DB_H
#define CARAT_STORE_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sqlite3.h>

struct db;
struct err;

enum {
    DB_APPLICATION_ID = 0x43415254,    /* "CART" */
    DB_VALUE_LIMIT = 72 * 1024 * 1024, /* bytes of one value or row */
};

/* Opens `path` (":memory:" too) without changing a byte of a file that is there already, so that
 * the caller can look at whose file it is. NULL on failure. */
struct db *db_open(const char *path, struct err *err);
/* Checkpoints when this is the last connection. NULL is fine. */
void db_close(struct db *db);
/* Chooses the journal (a write-ahead log, or a rollback journal on network file systems) and makes
 * the reserve file: from here on the file may be written. */
bool db_start_writing(struct db *db, struct err *err);

const char *db_path(const struct db *db);
sqlite3 *db_handle(struct db *db); /* borrowed; for tests and for what has no wrapper here */
/* True once the reserve was given up: the disk is full and the user must hear of it. */
bool db_reserve_used(const struct db *db);

/* Prepares `sql`, or finds it prepared: the text is known by its address and must outlive the db.
 * Ready to bind. Borrowed; NULL on failure. */
sqlite3_stmt *db_statement(struct db *db, const char *sql, struct err *err);
/* Binding cannot fail here: what goes wrong (too large, no memory) is told by the next db_step.
 * Bytes are borrowed until db_done. NULL binds NULL. */
void db_bind_integer(struct db *db, sqlite3_stmt *statement, int index, int64_t value);
void db_bind_text(struct db *db, sqlite3_stmt *statement, int index, const char *text);
void db_bind_blob(struct db *db, sqlite3_stmt *statement, int index, const void *bytes,
                  size_t length);
/* What is bound to ?1, ?2, ... of a statement. */
struct db_value {
    enum { DB_VALUE_INTEGER, DB_VALUE_TEXT, DB_VALUE_BLOB } kind;
    int64_t integer;
    const void *bytes; /* borrowed; NULL binds NULL */
    size_t length;     /* SIZE_MAX: up to the NUL */
};
#define DB_INTEGER(value)                  \
    {                                      \
        DB_VALUE_INTEGER, (value), NULL, 0 \
    }
#define DB_TEXT(text)                      \
    {                                      \
        DB_VALUE_TEXT, 0, (text), SIZE_MAX \
    }
#define DB_BYTES(data, size)             \
    {                                    \
        DB_VALUE_TEXT, 0, (data), (size) \
    } /* as TEXT */
#define DB_BLOB(data, size)              \
    {                                    \
        DB_VALUE_BLOB, 0, (data), (size) \
    }
/* Two arguments, values and their number, out of a list of the above. */
#define DB_VALUES(...)                      \
    (const struct db_value[]){__VA_ARGS__}, \
        sizeof((const struct db_value[]){__VA_ARGS__}) / sizeof(struct db_value)

/* db_statement with its values bound: NULL on failure. */
sqlite3_stmt *db_bound(struct db *db, const char *sql, const struct db_value *values, size_t count,
                       struct err *err);
/* The same for a statement without rows, run to its end. */
bool db_run_bound(struct db *db, const char *sql, const struct db_value *values, size_t count,
                  struct err *err);
/* The first column of its first row; *found (may be NULL) tells whether there was one, and *value
 * is 0 when not. */
bool db_find_integer(struct db *db, const char *sql, const struct db_value *values, size_t count,
                     int64_t *value, bool *found, struct err *err);

/* *row: there is a row to read. */
bool db_step(struct db *db, sqlite3_stmt *statement, bool *row, struct err *err);
/* Resets and forgets what was bound. Each statement that was stepped must come here: one that is
 * left open holds its snapshot of the file. */
void db_done(sqlite3_stmt *statement);
/* db_step and db_done for statements without rows. */
bool db_run(struct db *db, sqlite3_stmt *statement, struct err *err);

/* A column as bytes; NULL for SQL's NULL and for no bytes. Valid until the next step. */
const void *db_column_bytes(sqlite3_stmt *statement, int column, size_t *length);
/* A copy with a NUL at its end, "" for NULL: mem_free. */
char *db_column_text(sqlite3_stmt *statement, int column);

/* Runs statements that give no rows, one after another, up to the first that fails. */
bool db_execute(struct db *db, const char *sql, struct err *err);
bool db_pragma_integer(struct db *db, const char *sql, int64_t *value, struct err *err);

enum db_access {
    DB_READ,
    DB_WRITE,
    DB_WRITE_UNSYNCED, /* survives kill -9; power loss only once a later DB_WRITE has synced the log
                        */
};

/* Runs `work` in a transaction: committed when it returns true, undone when not or when the commit
 * fails. On a full disk the reserve is given up, the log moved into the database and `work` run
 * once more, so `work` must be able to run twice. */
bool db_transaction(struct db *db, enum db_access access,
                    bool (*work)(struct db *db, void *context, struct err *err), void *context,
                    struct err *err);

/* Moves the log into the database and empties it. ERR_UNAVAILABLE when others are reading. */
bool db_checkpoint(struct db *db, struct err *err);

/* Fills err from a SQLite result code and what SQLite says about it; returns false. */
bool db_fail(struct db *db, int code, struct err *err);

#endif
