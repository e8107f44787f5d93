/* The index is SQLite's FTS5 with the messages themselves as its content: words are kept once more,
 * texts are not. Taking a row out of such an index needs the very texts that were put in, which is
 * why each change of a row begins with search_rows_withdraw.
 *
 * What a person types is never FTS5's own language: each word or "quoted phrase" becomes a quoted
 * string, all of them must be there, and a * at the end of a word finds its beginnings.
 */
#include "search_rows.h"

#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"

#include "rows.h"

enum { WORK_US = 15 * 1000, WORDS_LIMIT = 32 };

#define COLUMNS "row, text, coalesce(thought, ''), coalesce(details, '')"

/* ---- keeping the index ---- */

static bool add(struct db *db, int64_t row, struct err *err)
{
    static const char SQL[] = "INSERT INTO search (rowid, text, thought, details) SELECT " COLUMNS
                              " FROM messages WHERE row = ?1";
    return db_run_bound(db, SQL, DB_VALUES(DB_INTEGER(row)), err);
}

static bool take_out(struct db *db, int64_t row, struct err *err)
{
    static const char SQL[] = "INSERT INTO search (search, rowid, text, thought, details) "
                              "SELECT 'delete', " COLUMNS " FROM messages WHERE row = ?1";
    return db_run_bound(db, SQL, DB_VALUES(DB_INTEGER(row)), err);
}

bool search_rows_note(struct db *db, int64_t row, struct err *err)
{
    static const char SQL[] = "INSERT OR IGNORE INTO unindexed (row) VALUES (?1)";
    return db_run_bound(db, SQL, DB_VALUES(DB_INTEGER(row)), err);
}

static bool strike(struct db *db, int64_t row, struct err *err)
{
    static const char SQL[] = "DELETE FROM unindexed WHERE row = ?1";
    return db_run_bound(db, SQL, DB_VALUES(DB_INTEGER(row)), err);
}

bool search_rows_withdraw(struct db *db, int64_t row, struct err *err)
{
    static const char SQL[] = "SELECT 1 FROM unindexed WHERE row = ?1";
    int64_t value;
    bool noted;
    return db_find_integer(db, SQL, DB_VALUES(DB_INTEGER(row)), &value, &noted, err) &&
           (noted || (take_out(db, row, err) && search_rows_note(db, row, err)));
}

bool search_rows_forget(struct db *db, int64_t conversation, int64_t from_ordinal, struct err *err)
{
    static const char TAKE_OUT[] =
        "INSERT INTO search (search, rowid, text, thought, details) SELECT 'delete', " COLUMNS
        " FROM messages WHERE conversation = ?1 AND ordinal >= ?2 "
        "AND row NOT IN (SELECT row FROM unindexed)";
    static const char STRIKE[] = "DELETE FROM unindexed WHERE row IN (SELECT row FROM messages "
                                 "WHERE conversation = ?1 AND ordinal >= ?2)";
    return db_run_bound(db, TAKE_OUT, DB_VALUES(DB_INTEGER(conversation), DB_INTEGER(from_ordinal)),
                        err) &&
           db_run_bound(db, STRIKE, DB_VALUES(DB_INTEGER(conversation), DB_INTEGER(from_ordinal)),
                        err);
}

bool search_rows_withdraw_title(struct db *db, int64_t conversation, struct err *err)
{
    static const char SQL[] = "INSERT INTO titles (titles, rowid, title) SELECT 'delete', key, "
                              "title FROM conversations WHERE key = ?1 AND title <> ''";
    return db_run_bound(db, SQL, DB_VALUES(DB_INTEGER(conversation)), err);
}

bool search_rows_put_title(struct db *db, int64_t conversation, struct err *err)
{
    static const char SQL[] = "INSERT INTO titles (rowid, title) SELECT key, title "
                              "FROM conversations WHERE key = ?1 AND title <> ''";
    return db_run_bound(db, SQL, DB_VALUES(DB_INTEGER(conversation)), err);
}

/* ---- idle work ---- */

static bool work(struct db *db, void *context, struct err *err)
{
    static const char NEXT[] = "SELECT min(row) FROM unindexed";
    int64_t end = clock_monotonic_us() + WORK_US;
    bool *left = context;
    *left = true;
    do {
        int64_t row;
        if (!db_find_integer(db, NEXT, NULL, 0, &row, NULL, err)) {
            return false;
        }
        *left = row != 0;
        if (*left && (!add(db, row, err) || !strike(db, row, err))) {
            return false;
        }
    } while (*left && clock_monotonic_us() < end);
    return true;
}

bool store_search_work(struct store *store, bool *left, struct err *err)
{
    int64_t row;
    if (!db_find_integer(store->db, "SELECT min(row) FROM unindexed", NULL, 0, &row, NULL, err)) {
        return err_prefix(err, "indexing for search");
    }
    *left = row != 0;
    return !*left || db_transaction(store->db, DB_WRITE_UNSYNCED, work, left, err) ||
           err_prefix(err, "indexing for search");
}

/* ---- asking ---- */

/* There is no quote in it: quotes are what parts words and phrases. */
static void append_quoted(struct str *out, const char *text, size_t length)
{
    str_append(out, out->length > 0 ? " \"" : "\"");
    str_append_bytes(out, text, length);
    str_append_char(out, '"');
}

/* True when there is anything to look for. A phrase ends at its quote or at the end. */
static bool make_expression(const char *words, struct str *out)
{
    int count = 0;
    const char *at = words + strspn(words, " \t\n");
    while (*at != '\0' && count < WORDS_LIMIT) {
        bool phrase = *at == '"';
        at += phrase;
        size_t length = strcspn(at, phrase ? "\"" : " \t\n\"");
        /* A word has a byte at least: it begins with none of those that end it. */
        bool beginning = !phrase && at[length - 1] == '*';
        if (length > 0) {
            append_quoted(out, at, beginning ? length - 1 : length);
            str_append(out, beginning ? "*" : "");
            count++;
        }
        at += length + (phrase && at[length] == '"');
        at += strspn(at, " \t\n");
    }
    return count > 0;
}

void store_hit_finish(struct store_hit *hit)
{
    store_conversation_finish(&hit->conversation);
    mem_free(hit->snippet);
    memset(hit, 0, sizeof *hit);
}

static void finish_hits(struct store_hit *hits, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        store_hit_finish(&hits[i]);
    }
    mem_free(hits);
}

struct hits {
    struct store_hit *items;
    size_t count, capacity, limit;
    const char *expression;
};

/* Columns: ordinal, role, created_ms, snippet, then those of a conversation. */
static bool read_hits(struct db *db, const char *sql, struct hits *hits, struct err *err)
{
    size_t left = hits->limit - hits->count;
    sqlite3_stmt *statement =
        db_bound(db, sql, DB_VALUES(DB_TEXT(hits->expression), DB_INTEGER((int64_t)left)), err);
    if (statement == NULL) {
        return false;
    }
    bool row = false;
    bool ok;
    while ((ok = db_step(db, statement, &row, err)) && row) {
        vec_room(&hits->items, &hits->capacity, hits->count + 1, sizeof *hits->items);
        struct store_hit *hit = &hits->items[hits->count++];
        *hit = (struct store_hit){.ordinal = sqlite3_column_int64(statement, 0),
                                  .role = (enum chat_role)sqlite3_column_int(statement, 1),
                                  .created_ms = sqlite3_column_int64(statement, 2),
                                  .snippet = db_column_text(statement, 3)};
        conversation_rows_read(statement, 4, &hit->conversation);
    }
    db_done(statement);
    return ok;
}

static bool search(struct db *db, void *context, struct err *err)
{
    static const char TITLES[] =
        "SELECT -1, 0, conversations.updated_ms, highlight(titles, 0, char(1), "
        "char(2)), " CONVERSATION_COLUMNS " FROM titles JOIN conversations ON key = titles.rowid "
        "WHERE titles MATCH ?1 AND trashed_ms = 0 ORDER BY rank LIMIT ?2";
    /* What a fork shares with the conversation that it came from is found there. A rank costs some
     * microseconds a row, so of a word that is everywhere only the newest rows get one. */
    static const char MESSAGES[] =
        "SELECT ordinal, role, messages.created_ms, "
        "snippet(search, -1, char(1), char(2), '...', 24), " CONVERSATION_COLUMNS
        " FROM search CROSS JOIN messages ON messages.row = search.rowid "
        "CROSS JOIN conversations ON conversations.key = messages.conversation "
        "WHERE search MATCH ?1 AND search.rowid >= (SELECT min(newest) FROM (SELECT rowid AS "
        "newest "
        "FROM search WHERE search MATCH ?1 ORDER BY rowid DESC LIMIT 5000)) "
        "AND trashed_ms = 0 AND (ordinal >= parent_count OR NOT EXISTS "
        "(SELECT 1 FROM conversations AS parents WHERE parents.id = conversations.parent "
        "AND parents.trashed_ms = 0)) ORDER BY rank LIMIT ?2";
    struct hits *hits = context;
    return read_hits(db, TITLES, hits, err) &&
           (hits->count >= hits->limit || read_hits(db, MESSAGES, hits, err));
}

bool store_search(struct store *store, const char *words, size_t limit, struct store_hit **out,
                  size_t *count, struct err *err)
{
    struct str expression;
    str_init(&expression);
    if (!make_expression(words, &expression)) {
        str_finish(&expression);
        return err_set(err, ERR_ARGUMENT, "there is no word to search for");
    }
    struct hits hits = {.limit = limit > INT32_MAX ? INT32_MAX : limit,
                        .expression = expression.data};
    bool ok = db_transaction(store->db, DB_READ, search, &hits, err);
    str_finish(&expression);
    if (!ok) {
        finish_hits(hits.items, hits.count);
        return err_prefix(err, "searching");
    }
    *out = hits.items;
    *count = hits.count;
    return true;
}
