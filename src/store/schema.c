/* Version 1 in a picture:
 *
 *     conversations --< messages        ordinal 0, 1, 2, ... without gaps
 *                   --< calls           one row for each tool call, moved on through its states
 *                   --< results --< result_pieces     large results, at most 64 KiB a row
 *     openings                          processes that have the store open; a row whose process is
 *              --< leases               gone tells of an unclean exit, and its leases end with it
 *
 * `hash` columns: row_hash.h over everything in the row that is content, and over what the row
 * belongs to, so that a row that strayed is found too. STRICT: a column holds its own type.
 * Text is kept as the bytes it came in.
 */
#include "schema.h"

#include <stdio.h>

#include <fcntl.h>
#include <unistd.h>

#include "base/err.h"
#include "base/str.h"

#include "db.h"

static const char VERSION_1[] =
    "CREATE TABLE conversations ("
    "  key INTEGER PRIMARY KEY,"
    "  id TEXT NOT NULL UNIQUE,"
    "  title TEXT NOT NULL DEFAULT '',"
    "  workspace TEXT NOT NULL,"
    "  model TEXT NOT NULL,"
    "  created_ms INTEGER NOT NULL,"
    "  updated_ms INTEGER NOT NULL,"
    "  message_count INTEGER NOT NULL DEFAULT 0"
    ") STRICT;"
    "CREATE INDEX conversations_newest ON conversations (updated_ms, id);"
    "CREATE INDEX conversations_workspace ON conversations (workspace, updated_ms, id)"
    "  WHERE message_count > 0;"
    "CREATE TABLE messages ("
    "  row INTEGER PRIMARY KEY,"
    "  conversation INTEGER NOT NULL REFERENCES conversations (key),"
    "  ordinal INTEGER NOT NULL,"
    "  role INTEGER NOT NULL,"
    "  complete INTEGER NOT NULL,"
    "  created_ms INTEGER NOT NULL,"
    "  hash INTEGER NOT NULL,"
    "  text TEXT NOT NULL,"
    "  thought TEXT,"
    "  details TEXT," /* JSON: parts, calls, what a tool message answers; NULL = none */
    "  tokens BLOB,"  /* little-endian 32-bit */
    "  UNIQUE (conversation, ordinal)"
    ") STRICT;"
    "CREATE TABLE calls ("
    "  row INTEGER PRIMARY KEY,"
    "  conversation INTEGER NOT NULL REFERENCES conversations (key),"
    "  call_id TEXT NOT NULL,"
    "  name TEXT NOT NULL,"
    "  arguments TEXT NOT NULL," /* JSON */
    "  state INTEGER NOT NULL,"
    "  decided_by TEXT NOT NULL,"
    "  asked_ms INTEGER NOT NULL,"
    "  started_ms INTEGER NOT NULL,"
    "  finished_ms INTEGER NOT NULL,"
    "  hash INTEGER NOT NULL," /* over what was asked: it does not change */
    "  UNIQUE (conversation, call_id)"
    ") STRICT;"
    "CREATE INDEX calls_unfinished ON calls (conversation, row) WHERE state IN (0, 2);"
    "CREATE TABLE results ("
    "  key INTEGER PRIMARY KEY,"
    "  conversation INTEGER NOT NULL REFERENCES conversations (key),"
    "  number INTEGER NOT NULL,"
    "  length INTEGER NOT NULL,"
    "  UNIQUE (conversation, number)"
    ") STRICT;"
    "CREATE TABLE result_pieces ("
    "  result INTEGER NOT NULL REFERENCES results (key),"
    "  piece INTEGER NOT NULL,"
    "  hash INTEGER NOT NULL,"
    "  bytes BLOB NOT NULL,"
    "  UNIQUE (result, piece)"
    ") STRICT;"
    "CREATE TABLE openings ("
    "  key INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  pid INTEGER NOT NULL,"
    "  started INTEGER NOT NULL,"
    "  boot TEXT NOT NULL,"
    "  opened_ms INTEGER NOT NULL"
    ") STRICT;"
    "CREATE TABLE leases ("
    "  conversation INTEGER PRIMARY KEY REFERENCES conversations (key),"
    "  opening INTEGER NOT NULL REFERENCES openings (key) ON DELETE CASCADE"
    ") STRICT;"
    "CREATE INDEX leases_opening ON leases (opening);";

/* Search, and what people do with conversations. The old messages are indexed in idle moments. */
static const char VERSION_2[] =
    "ALTER TABLE conversations ADD COLUMN archived_ms INTEGER NOT NULL DEFAULT 0;" /* 0 = is not */
    "ALTER TABLE conversations ADD COLUMN trashed_ms INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE conversations ADD COLUMN titled_by INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE conversations ADD COLUMN parent TEXT NOT NULL DEFAULT '';" /* id; may be gone */
    "ALTER TABLE conversations ADD COLUMN parent_count INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE conversations ADD COLUMN origin TEXT NOT NULL DEFAULT '';" /* of an import */
    "UPDATE conversations SET titled_by = 2 WHERE title <> '';"
    "CREATE INDEX conversations_shown ON conversations (updated_ms, id)"
    "  WHERE archived_ms = 0 AND trashed_ms = 0;"
    "CREATE INDEX conversations_archived ON conversations (updated_ms, id)"
    "  WHERE archived_ms > 0 AND trashed_ms = 0;"
    "CREATE INDEX conversations_trashed ON conversations (updated_ms, id) WHERE trashed_ms > 0;"
    "CREATE UNIQUE INDEX conversations_origin ON conversations (origin) WHERE origin <> '';"
    "CREATE INDEX conversations_parent ON conversations (parent) WHERE parent <> '';"
    "CREATE TABLE tags ("
    "  conversation INTEGER NOT NULL REFERENCES conversations (key),"
    "  tag TEXT NOT NULL,"
    "  PRIMARY KEY (conversation, tag)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX tags_tag ON tags (tag);"
    "CREATE TABLE compactions ("
    "  row INTEGER PRIMARY KEY,"
    "  conversation INTEGER NOT NULL REFERENCES conversations (key),"
    "  upto INTEGER NOT NULL," /* the messages before this one are told by the text */
    "  created_ms INTEGER NOT NULL,"
    "  hash INTEGER NOT NULL,"
    "  text TEXT NOT NULL"
    ") STRICT;"
    "CREATE INDEX compactions_conversation ON compactions (conversation, row);"
    "CREATE VIRTUAL TABLE search USING fts5 (text, thought, details,"
    "  content = 'messages', content_rowid = 'row', tokenize = 'unicode61 remove_diacritics 2');"
    "INSERT INTO search (search, rank) VALUES ('rank', 'bm25(4.0, 1.0, 1.0)');"
    "CREATE VIRTUAL TABLE titles USING fts5 (title,"
    "  content = 'conversations', content_rowid = 'key',"
    "  tokenize = 'unicode61 remove_diacritics 2');"
    "INSERT INTO titles (rowid, title) SELECT key, title FROM conversations WHERE title <> '';"
    "CREATE TABLE unindexed (row INTEGER PRIMARY KEY) STRICT;"
    "INSERT INTO unindexed SELECT row FROM messages;";

/* Answers that grow: growth_rows.h. */
static const char VERSION_3[] =
    "CREATE TABLE growth ("
    "  message INTEGER NOT NULL REFERENCES messages (row) ON DELETE CASCADE,"
    "  piece INTEGER NOT NULL,"
    "  text_at INTEGER NOT NULL," /* bytes of the message's text before the piece */
    "  thought_at INTEGER NOT NULL,"
    "  tokens_at INTEGER NOT NULL,"
    "  hash INTEGER NOT NULL,"
    "  text TEXT NOT NULL,"
    "  thought TEXT NOT NULL,"
    "  tokens BLOB NOT NULL,"
    "  PRIMARY KEY (message, piece)"
    ") STRICT, WITHOUT ROWID;";

/* The index again, cut by words.h. The messages are put in in idle moments. */
static const char VERSION_4[] =
    "DROP TABLE search;"
    "DROP TABLE titles;"
    "CREATE VIRTUAL TABLE search USING fts5 (text, thought, details,"
    "  content = 'messages', content_rowid = 'row', tokenize = 'carat');"
    "INSERT INTO search (search, rank) VALUES ('rank', 'bm25(4.0, 1.0, 1.0)');"
    "CREATE VIRTUAL TABLE titles USING fts5 (title,"
    "  content = 'conversations', content_rowid = 'key', tokenize = 'carat');"
    "INSERT INTO titles (rowid, title) SELECT key, title FROM conversations WHERE title <> '';"
    "INSERT OR IGNORE INTO unindexed SELECT row FROM messages;";

const struct schema_step schema_steps[] = {
    {1, VERSION_1},
    {2, VERSION_2},
    {3, VERSION_3},
    {4, VERSION_4},
};
const size_t schema_step_count = sizeof schema_steps / sizeof schema_steps[0];

static bool read_version(struct db *db, int *version, struct err *err)
{
    int64_t value;
    if (!db_pragma_integer(db, "PRAGMA user_version", &value, err)) {
        return false;
    }
    *version = (int)value;
    return true;
}

struct identity {
    int64_t application, tables;
    int version;
};

static bool read_identity(struct db *db, void *context, struct err *err)
{
    struct identity *identity = context;
    return db_pragma_integer(db, "PRAGMA application_id", &identity->application, err) &&
           db_pragma_integer(db, "SELECT count(*) FROM sqlite_schema", &identity->tables, err) &&
           read_version(db, &identity->version, err);
}

bool schema_identify(struct db *db, const struct schema_step *steps, size_t count, int *version,
                     struct err *err)
{
    /* In one snapshot: another process may be making the tables between two of these questions. */
    struct identity found;
    if (!db_transaction(db, DB_READ, read_identity, &found, err)) {
        return false;
    }
    bool empty = found.application == 0 && found.tables == 0 && found.version == 0;
    if (!empty && (found.application != DB_APPLICATION_ID || found.version < 1)) {
        return err_set(err, ERR_FORMAT, "%s is not a store of carat but another database",
                       db_path(db));
    }
    if (found.version > steps[count - 1].version) {
        return err_set(err, ERR_UNSUPPORTED,
                       "%s was written by a newer carat: it has schema version %d, and this carat "
                       "knows up to %d. Use the newer carat, or another store. Nothing was changed",
                       db_path(db), found.version, steps[count - 1].version);
    }
    *version = found.version;
    return true;
}

/* Runs in the step's transaction: looks again, because another process may have been faster. */
static bool take_step(struct db *db, void *context, struct err *err)
{
    const struct schema_step *step = context;
    int version;
    if (!read_version(db, &version, err)) {
        return false;
    }
    if (version >= step->version) {
        return true;
    }
    char stamp[96];
    snprintf(stamp, sizeof stamp, "PRAGMA application_id = %d; PRAGMA user_version = %d;",
             DB_APPLICATION_ID, step->version);
    return db_execute(db, step->sql, err) && db_execute(db, stamp, err);
}

static bool sync_file(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool synced = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0) {
        close(fd);
    }
    return synced;
}

static bool vacuum_into(struct db *db, const char *target, struct err *err)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(db_handle(db), "VACUUM INTO ?1", -1, &statement, NULL);
    if (code == SQLITE_OK) {
        sqlite3_bind_text(statement, 1, target, -1, SQLITE_STATIC);
        code = sqlite3_step(statement);
    }
    bool ok = code == SQLITE_DONE || db_fail(db, code, err);
    sqlite3_finalize(statement);
    return ok;
}

/* A whole copy under a name of its own for this process, synced, then renamed: what bears the final
 * name is complete. Made 0600 beforehand: SQLite accepts an empty file as the target. */
static bool copy_aside(struct db *db, int version, struct err *err)
{
    struct str final_name, partial;
    str_init(&final_name);
    str_init(&partial);
    str_append_format(&final_name, "%s.schema-%d.bak", db_path(db), version);
    str_append_format(&partial, "%s.%ld", final_name.data, (long)getpid());
    unlink(partial.data);
    int fd = open(partial.data, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
    bool ok = fd >= 0 || err_errno(err, ERR_IO, "making %s", partial.data);
    if (fd >= 0) {
        close(fd);
    }
    ok = ok && vacuum_into(db, partial.data, err);
    if (ok && (!sync_file(partial.data) || rename(partial.data, final_name.data) != 0)) {
        ok = err_errno(err, ERR_IO, "writing %s", final_name.data);
    }
    if (!ok) {
        unlink(partial.data);
        err_prefix(err, "copying the store before its schema is changed");
    }
    str_finish(&partial);
    str_finish(&final_name);
    return ok;
}

bool schema_migrate(struct db *db, const struct schema_step *steps, size_t count, struct err *err)
{
    int version;
    if (!schema_identify(db, steps, count, &version, err)) {
        return false;
    }
    bool on_disk = sqlite3_db_filename(db_handle(db), "main")[0] != '\0';
    if (version > 0 && version < steps[count - 1].version && on_disk &&
        !copy_aside(db, version, err)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (steps[i].version <= version) {
            continue;
        }
        struct schema_step step = steps[i];
        if (!db_transaction(db, DB_WRITE, take_step, &step, err)) {
            return err_prefix(err, "bringing the store to schema version %d", step.version);
        }
    }
    return true;
}
