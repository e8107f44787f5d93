#include "opening_rows.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/vec.h"

#include "holder.h"
#include "message_rows.h"
#include "rows.h"

enum { CHECK_BYTES = 16 * 1024 * 1024 };

struct dead {
    int64_t *keys;
    size_t count, capacity;
};

static void read_holder(sqlite3_stmt *statement, int column, struct holder *holder)
{
    holder->pid = sqlite3_column_int64(statement, column);
    holder->started = sqlite3_column_int64(statement, column + 1);
    char *boot = db_column_text(statement, column + 2);
    snprintf(holder->boot, sizeof holder->boot, "%s", boot);
    mem_free(boot);
}

static bool find_dead(struct db *db, struct dead *dead, struct err *err)
{
    static const char SQL[] = "SELECT key, pid, started, boot FROM openings";
    sqlite3_stmt *statement = db_statement(db, SQL, err);
    if (statement == NULL) {
        return false;
    }
    bool row = false;
    bool ok;
    while ((ok = db_step(db, statement, &row, err)) && row) {
        struct holder holder;
        read_holder(statement, 1, &holder);
        if (!holder_alive(&holder)) {
            vec_room(&dead->keys, &dead->capacity, dead->count + 1, sizeof *dead->keys);
            dead->keys[dead->count++] = sqlite3_column_int64(statement, 0);
        }
    }
    db_done(statement);
    return ok;
}

static bool quick_check(struct db *db, struct err *err)
{
    static const char SQL[] = "PRAGMA quick_check(1)";
    sqlite3_stmt *statement = db_statement(db, SQL, err);
    bool row = false;
    bool ok = statement != NULL && db_step(db, statement, &row, err);
    if (ok && row) {
        char *finding = db_column_text(statement, 0);
        if (strcmp(finding, "ok") != 0) {
            ok = err_set(err, ERR_FORMAT,
                         "%s is damaged (%s). Nothing was changed. Move the file aside to begin "
                         "anew; sqlite3's .recover reads what is left of it",
                         db_path(db), finding);
        }
        mem_free(finding);
    }
    if (statement != NULL) {
        db_done(statement);
    }
    return ok;
}

/* Looking through a file takes a second for 250 MB, and a start must not. */
static bool is_small(const struct db *db)
{
    struct stat status;
    return stat(db_path(db), &status) != 0 || status.st_size <= CHECK_BYTES;
}

bool opening_rows_check(struct store *store, struct err *err)
{
    struct dead dead = {0};
    bool ok = find_dead(store->db, &dead, err);
    store->unchecked = ok && dead.count > 0 && !is_small(store->db);
    if (ok && dead.count > 0 && !store->unchecked) {
        log_write("store", "%s: not closed by its last user; looking through it",
                  db_path(store->db));
        ok = quick_check(store->db, err);
    }
    mem_free(dead.keys);
    return ok;
}

static bool delete_openings(struct db *db, const struct dead *dead, struct err *err)
{
    static const char SQL[] = "DELETE FROM openings WHERE key = ?1";
    for (size_t i = 0; i < dead->count; i++) {
        if (!db_run_bound(db, SQL, DB_VALUES(DB_INTEGER(dead->keys[i])), err)) {
            return false;
        }
    }
    return true;
}

static bool enter(struct db *db, void *context, struct err *err)
{
    static const char SQL[] =
        "INSERT INTO openings (pid, started, boot, opened_ms) VALUES (?1, ?2, ?3, ?4)";
    struct store *store = context;
    struct dead dead = {0};
    bool ok = find_dead(db, &dead, err) && delete_openings(db, &dead, err);
    mem_free(dead.keys);
    if (!ok) {
        return false;
    }
    struct holder self;
    holder_self(&self);
    if (!db_run_bound(db, SQL,
                      DB_VALUES(DB_INTEGER(self.pid), DB_INTEGER(self.started), DB_TEXT(self.boot),
                                DB_INTEGER(clock_wall_ms())),
                      err)) {
        return false;
    }
    store->opening = sqlite3_last_insert_rowid(db_handle(db));
    return true;
}

bool opening_rows_enter(struct store *store, struct err *err)
{
    bool ok = db_transaction(store->db, DB_WRITE_UNSYNCED, enter, store, err);
    if (!ok) {
        store->opening = 0;
    }
    return ok;
}

static bool leave(struct db *db, void *context, struct err *err)
{
    const struct store *store = context;
    int64_t key = store->opening;
    struct dead us = {&key, 1, 1};
    return delete_openings(db, &us, err);
}

void opening_rows_leave(struct store *store)
{
    struct err err;
    if (store->opening != 0 && !db_transaction(store->db, DB_WRITE_UNSYNCED, leave, store, &err)) {
        /* The next opening finds our row, takes it for a crash and looks the file through. */
        log_write("store", "closing: %s", err.text);
    }
    store->opening = 0;
}

/* ---- leases ---- */

struct lease {
    struct store *store;
    const char *conversation;
    bool taken; /* false after the work: another one has it */
    struct holder other;
};

static bool find_other(struct db *db, int64_t key, struct lease *lease, bool *found,
                       struct err *err)
{
    static const char SQL[] = "SELECT pid, started, boot FROM leases JOIN openings "
                              "ON openings.key = leases.opening "
                              "WHERE leases.conversation = ?1 AND openings.key <> ?2";
    sqlite3_stmt *statement =
        db_bound(db, SQL, DB_VALUES(DB_INTEGER(key), DB_INTEGER(lease->store->opening)), err);
    if (statement == NULL) {
        return false;
    }
    bool row = false;
    bool ok = db_step(db, statement, &row, err);
    if (ok && row) {
        read_holder(statement, 0, &lease->other);
    }
    db_done(statement);
    *found = row;
    return ok;
}

static bool take_lease(struct db *db, void *context, struct err *err)
{
    static const char SQL[] =
        "INSERT OR REPLACE INTO leases (conversation, opening) VALUES (?1, ?2)";
    struct lease *lease = context;
    int64_t key;
    bool found;
    if (!conversation_rows_key(db, lease->conversation, &key, err) ||
        !find_other(db, key, lease, &found, err)) {
        return false;
    }
    lease->taken = !found || !holder_alive(&lease->other);
    if (!lease->taken) {
        return true;
    }
    return db_run_bound(db, SQL, DB_VALUES(DB_INTEGER(key), DB_INTEGER(lease->store->opening)),
                        err) &&
           message_rows_fold(db, lease->conversation, key, err);
}

bool store_conversation_lease(struct store *store, const char *id, struct err *err)
{
    struct lease lease = {.store = store, .conversation = id};
    /* The disk was full at opening; perhaps it is not any more. */
    if ((store->opening == 0 && !opening_rows_enter(store, err)) ||
        !db_transaction(store->db, DB_WRITE_UNSYNCED, take_lease, &lease, err)) {
        return err_prefix(err, "opening conversation %s", id);
    }
    if (!lease.taken) {
        return err_set(err, ERR_DENIED,
                       "conversation %s is open in another carat (process %lld), and only one can "
                       "go on with it; --fork goes on in a copy, carat export shows it",
                       id, (long long)lease.other.pid);
    }
    return true;
}

static bool give_lease_back(struct db *db, void *context, struct err *err)
{
    static const char SQL[] = "DELETE FROM leases WHERE conversation = ?1 AND opening = ?2";
    const struct lease *lease = context;
    int64_t key;
    if (!conversation_rows_key(db, lease->conversation, &key, err)) {
        return false;
    }
    return db_run_bound(db, SQL, DB_VALUES(DB_INTEGER(key), DB_INTEGER(lease->store->opening)),
                        err);
}

bool store_conversation_release(struct store *store, const char *id, struct err *err)
{
    struct lease lease = {.store = store, .conversation = id};
    return db_transaction(store->db, DB_WRITE_UNSYNCED, give_lease_back, &lease, err) ||
           err_prefix(err, "releasing conversation %s", id);
}
