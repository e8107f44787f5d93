/* Reads the SQLite file of the program `llm`: each row of `responses` is a prompt and its answer.
 *
 * The file is foreign: opened read-only, views and functions of its schema are off, values and
 * time are limited, and both names must be tables. Prompts that are NULL or blobs are read as text.
 */
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

#include "db.h"
#include "store.h"

enum { VALUE_LIMIT = 16 * 1024 * 1024, READ_US = 120 * 1000000, MESSAGES_LIMIT = 200000 };

struct llm {
    sqlite3 *handle;
    const char *path;
    int64_t give_up_us;
};

static int look_at_clock(void *context)
{
    const struct llm *llm = context;
    return clock_monotonic_us() > llm->give_up_us;
}

static bool fail_sqlite(const struct llm *llm, struct err *err)
{
    return err_set(err, ERR_FORMAT, "%s: %s", llm->path, sqlite3_errmsg(llm->handle));
}

static bool open_file(struct llm *llm, struct err *err)
{
    int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
    if (sqlite3_open_v2(llm->path, &llm->handle, flags, NULL) != SQLITE_OK) {
        return fail_sqlite(llm, err);
    }
    sqlite3_db_config(llm->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)NULL);
    sqlite3_db_config(llm->handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, (int *)NULL);
    sqlite3_db_config(llm->handle, SQLITE_DBCONFIG_ENABLE_VIEW, 0, (int *)NULL);
    sqlite3_db_config(llm->handle, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, (int *)NULL);
    sqlite3_limit(llm->handle, SQLITE_LIMIT_LENGTH, VALUE_LIMIT);
    sqlite3_limit(llm->handle, SQLITE_LIMIT_ATTACHED, 0);
    sqlite3_progress_handler(llm->handle, 100000, look_at_clock, llm);
    return true;
}

/* Columns: conversation, its name, its model, time, prompt, response. Older files
 * have responses without a conversation: each is one of its own. */
static sqlite3_stmt *select_responses(struct llm *llm, struct err *err)
{
    static const char SQL[] =
        "SELECT coalesce(r.conversation_id, r.id), c.name, coalesce(c.model, r.model), "
        "r.datetime_utc, "
        "r.prompt, r.response FROM responses AS r LEFT JOIN conversations AS c "
        "ON c.id = r.conversation_id ORDER BY 1, r.datetime_utc, r.id";
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(llm->handle, SQL, -1, &statement, NULL) != SQLITE_OK) {
        fail_sqlite(llm, err);
        err_prefix(err, "it is no store of llm");
        return NULL;
    }
    return statement;
}

struct reading {
    struct str id, title, model;
    int64_t first_ms, last_ms;
    struct chat_conversation messages;
    store_llm_take *take;
    void *context;
};

static bool hand_over(struct reading *reading, struct err *err)
{
    if (reading->messages.count == 0) {
        return true;
    }
    struct str origin;
    str_init(&origin);
    str_append_format(&origin, "llm:%.128s", reading->id.data);
    struct store_birth birth = {.workspace = "",
                                .model = reading->model.data,
                                .title = reading->title.data,
                                .origin = origin.data,
                                .created_ms = reading->first_ms,
                                .updated_ms = reading->last_ms};
    bool ok = reading->take(reading->context, &birth, &reading->messages, err);
    str_finish(&origin);
    chat_conversation_finish(&reading->messages);
    chat_conversation_init(&reading->messages);
    reading->first_ms = reading->last_ms = 0;
    return ok;
}

/* Rows come in the order of their times. */
static void note_time(struct reading *reading, sqlite3_stmt *statement, int column)
{
    char *text = db_column_text(statement, column);
    int64_t ms;
    if (clock_parse(text, &ms)) {
        reading->first_ms = reading->first_ms == 0 ? ms : reading->first_ms;
        reading->last_ms = ms > reading->last_ms ? ms : reading->last_ms;
    }
    mem_free(text);
}

/* What newer files hold beside prompts and answers; a table that is not there holds nothing. */
static int64_t count_left_out(const struct llm *llm)
{
    static const char *const counts[] = {
        "SELECT count(*) FROM prompt_attachments", "SELECT count(*) FROM prompt_fragments",
        "SELECT count(*) FROM system_fragments", "SELECT count(*) FROM tool_calls",
        "SELECT count(*) FROM tool_results"};
    int64_t all = 0;
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        sqlite3_stmt *statement = NULL;
        if (sqlite3_prepare_v2(llm->handle, counts[i], -1, &statement, NULL) == SQLITE_OK &&
            sqlite3_step(statement) == SQLITE_ROW) {
            all += sqlite3_column_int64(statement, 0);
        }
        sqlite3_finalize(statement);
    }
    return all;
}

static void copy_column(struct str *out, sqlite3_stmt *statement, int column)
{
    char *text = db_column_text(statement, column);
    str_clear(out);
    str_append(out, text);
    mem_free(text);
}

static void add_message(struct reading *reading, enum chat_role role, sqlite3_stmt *statement,
                        int column)
{
    char *text = db_column_text(statement, column);
    struct chat_message message;
    chat_message_init(&message, role);
    chat_message_set_text(&message, text, strlen(text));
    chat_conversation_add(&reading->messages, &message);
    mem_free(text);
}

static bool read_response(struct reading *reading, sqlite3_stmt *statement, struct err *err)
{
    char *id = db_column_text(statement, 0);
    bool other = strcmp(id, reading->id.data) != 0;
    mem_free(id);
    if (other) {
        if (!hand_over(reading, err)) {
            return false;
        }
        copy_column(&reading->id, statement, 0);
        copy_column(&reading->title, statement, 1);
        copy_column(&reading->model, statement, 2);
    }
    if (reading->messages.count >= MESSAGES_LIMIT) {
        return err_set(err, ERR_LIMIT, "conversation %.128s has more than %d messages",
                       reading->id.data, MESSAGES_LIMIT);
    }
    note_time(reading, statement, 3);
    add_message(reading, CHAT_USER, statement, 4);
    add_message(reading, CHAT_MODEL, statement, 5);
    return true;
}

bool store_llm_read(const char *path, store_llm_take *take, void *context, int64_t *left_out,
                    struct err *err)
{
    struct llm llm = {.path = path, .give_up_us = clock_monotonic_us() + READ_US};
    struct reading reading = {.take = take, .context = context};
    str_init(&reading.id);
    str_init(&reading.title);
    str_init(&reading.model);
    chat_conversation_init(&reading.messages);
    sqlite3_stmt *statement = open_file(&llm, err) ? select_responses(&llm, err) : NULL;
    bool ok = statement != NULL;
    while (ok) {
        int code = sqlite3_step(statement);
        if (code != SQLITE_ROW) {
            ok = code == SQLITE_DONE ? hand_over(&reading, err) : fail_sqlite(&llm, err);
            break;
        }
        ok = read_response(&reading, statement, err);
    }
    sqlite3_finalize(statement);
    *left_out = ok ? count_left_out(&llm) : 0;
    sqlite3_close(llm.handle);
    chat_conversation_finish(&reading.messages);
    str_finish(&reading.id);
    str_finish(&reading.title);
    str_finish(&reading.model);
    return ok;
}
